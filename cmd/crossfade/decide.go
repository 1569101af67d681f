package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/proxy"
)

// decider lets the flags decide about requests. trusted are the proxies in front whose word on the client's
// address counts.
type decider struct {
	live    *flags.Live
	trusted []netip.Prefix
}

// Decide implements proxy.Decider.
func (d decider) Decide(r *http.Request, endpoint string) proxy.Decision {
	said := d.live.Decide(flags.Request{Header: r.Header, Client: proxy.ClientAddr(r, d.trusted)}, endpoint)
	return proxy.Decision{
		Mode: proxy.Mode(said.Stage.Served()), Reason: proxy.Reason(said.Reason), Stage: string(said.Stage), Try: said.Stage == flags.Verify,
		Source: said.Source, Rule: said.Rule,
		Bucket: said.Bucket, Threshold: said.Threshold, HasBucket: said.HasBucket, Version: said.Version,
		Consulted: said.Consulted, Private: said.Private,
	}
}

// overrideField is the request field by which somebody may ask for a stage; "" where nobody may.
func overrideField(c config.Flags) string {
	if c.OverrideSecret == "" && len(c.OverrideNetworks)+len(c.OverrideTenants) == 0 {
		return ""
	}
	return c.OverrideHeader
}

// flagSettings is what the configuration and the contracts say about decisions.
func (l *loaded) flagSettings() flags.Settings {
	c := l.config
	s := flags.Settings{
		File:        flags.Layer{Endpoints: map[string]flags.Static{}},
		Environment: flags.Layer{Endpoints: map[string]flags.Static{}},
		Journeys:    l.journeys(),
		Override: flags.Override{
			Header: c.Flags.OverrideHeader, Networks: c.Flags.OverrideNetworks, Tenants: c.Flags.OverrideTenants,
		},
	}
	if c.Flags.OverrideSecret != "" {
		s.Override.Secrets = [][]byte{[]byte(c.Flags.OverrideSecret)}
	}
	for _, k := range c.Flags.BucketBy {
		s.Keys = append(s.Keys, flags.Key(k))
	}
	if c.Flags.WithoutKey != "skip" {
		s.WithoutKey = flags.Stage(c.Flags.WithoutKey)
	}
	for i, f := range c.Flags.Freezes {
		s.Freezes = append(s.Freezes, flags.Freeze{Name: fmt.Sprintf("proxy.yaml freezes[%d]", i), From: f.From, Until: f.Until})
	}
	file, environment, command := layersOf(c, "")
	s.File.Default, s.Environment.Default, s.Command = file, environment, command
	for _, e := range c.Endpoints {
		s.Endpoints = append(s.Endpoints, e.Name)
		file, environment, _ := layersOf(c, e.Name)
		s.File.Endpoints[e.Name], s.Environment.Endpoints[e.Name] = file, environment
	}
	return s
}

// journeys are the journeys of all endpoints: as configured, else as declared, else one of its own.
func (l *loaded) journeys() map[string]string {
	of := map[string]string{}
	for _, e := range l.contract.Endpoints {
		of[e.Name] = cmp.Or(e.Journey, e.Name)
	}
	for _, e := range l.config.Endpoints {
		of[e.Name] = cmp.Or(e.Journey, of[e.Name])
	}
	return of
}

// layersOf is what each layer says of an endpoint by its name, or with "" of all.
func layersOf(c *config.Config, endpoint string) (file, environment, command flags.Static) {
	if ruled := c.Rules(endpoint); len(ruled.Rules) > 0 {
		file = flags.Static{Rules: ruled.Rules, Source: ruled.Source}
	}
	for _, said := range c.Said(endpoint) {
		stage := flags.Stage(said.Mode)
		switch {
		case said.Layer == config.LayerCommand:
			command = flags.Static{Stage: stage, Source: said.Source}
		case said.Endpoint != endpoint:
		case said.Layer == config.LayerFile:
			file.Stage, file.Source = stage, said.Source
		case said.Layer == config.LayerEnvironment:
			environment = flags.Static{Stage: stage, Source: said.Source}
		}
	}
	return file, environment, command
}
