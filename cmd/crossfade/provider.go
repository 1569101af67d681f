package main

import (
	sdk "github.com/open-feature/go-sdk/openfeature"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/config/flags/openfeature"
	"github.com/crossfade-proxy/crossfade/config/flags/openfeature/flagd"
)

// openProvider opens the flags that another system keeps, nil where none does. endpoints gives the names of all endpoints, as a reload
// may change them.
func openProvider(c *config.Config, endpoints func() []string) (*openfeature.Store, error) {
	from := c.Flags.Provider
	if from == (config.FlagProvider{}) {
		return nil, nil
	}
	about := map[string]string{}
	for _, a := range c.Flags.ProviderContext {
		about[a.Name] = a.Value
	}
	return openfeature.Open(openfeature.Options{
		New: func() (sdk.FeatureProvider, error) {
			return flagd.New(flagd.Options{File: from.File, Address: from.Address, TLS: from.TLS})
		},
		Endpoints: endpoints, Prefix: c.Flags.ProviderPrefix, Context: about, Where: from.String(),
	})
}

// setSettings gives the settings of a configuration to what decides, and to what looks for flags.
func (s *state) setSettings(next flags.Settings) error {
	if err := s.live.SetSettings(next); err != nil {
		return err
	}
	s.endpoints.Store(&next.Endpoints)
	return nil
}
