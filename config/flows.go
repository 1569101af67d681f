package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Store says where is kept what crossfade remembers.
type Store struct {
	URL string `mapstructure:"url"` // as written; Config.StoreURL has what it means
}

// Flows is the memory of flows.
type Flows struct {
	Memory         bool          `mapstructure:"memory"`
	Manage         bool          `mapstructure:"manage"`
	Activate       Activate      `mapstructure:"activate"`
	Sources        []string      `mapstructure:"sources"` // master_flows, discovery_flows, sessions
	SourceTimeout  time.Duration `mapstructure:"source_timeout"`
	RecallTimeout  time.Duration `mapstructure:"recall_timeout"`
	ForgetAfter    time.Duration `mapstructure:"forget_after"`
	PlatformSchema string        `mapstructure:"platform_schema"` // "" for crossfade's own
}

// Activate says how the backend is told that a flow was activated.
type Activate string

// The ways.
const (
	ActivateAuto     Activate = "auto"
	ActivateSwitch   Activate = "session_switch"
	ActivateDefaults Activate = "me_defaults"
)

func activations() []Activate { return []Activate{ActivateAuto, ActivateSwitch, ActivateDefaults} }

// noStore is the value of store.url that keeps nothing.
const noStore = "none"

// StoreURL is where things are kept: sqlite:PATH or postgres://…; "" for nowhere.
func (c *Config) StoreURL() string {
	switch c.Store.URL {
	case noStore:
		return ""
	case "":
		if c.DataDir == "" {
			return ""
		}
		return "sqlite:" + filepath.Join(c.DataDir, "crossfade.db")
	}
	return c.Store.URL
}

// storeURL takes where things are kept. What is behind the scheme is for package database to judge. Errors
// do not repeat it: there may be a password in it.
func storeURL() kind {
	const want = `sqlite:PATH, postgres://USER@HOST/DATABASE, none, or "" for the data directory`
	return kind{name: "store", want: want, shown: withoutPassword, parse: func(text string) (any, error) {
		scheme, rest, found := strings.Cut(text, ":")
		switch {
		case text == "", text == noStore:
			return text, nil
		case found && rest != "" && !hasControls(text) && (scheme == "sqlite" || scheme == "postgres" || scheme == "postgresql"):
			return text, nil
		}
		return nil, fmt.Errorf("want %s", want)
	}}
}

// withoutPassword is a URL as it may be shown.
func withoutPassword(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		scheme, _, _ := strings.Cut(text, ":")
		return scheme + ":…"
	}
	if q := u.Query(); q.Has("password") {
		q.Set("password", "xxxxx")
		u.RawQuery = q.Encode()
	}
	if u.User == nil && u.RawQuery == "" {
		return text
	}
	return u.Redacted()
}

// flowSources takes lists of flows that the backend has.
func flowSources() kind {
	words := []string{"master_flows", "discovery_flows", "sessions"}
	return listOf("sources", words[0], func(text string) (string, error) {
		return text, checkWord("source", text, words)
	})
}

// schemaName takes the name of a schema that needs no quotes, or "".
func schemaName() kind {
	const want = `the name of a schema such as public, or ""`
	name := regexp.MustCompile(`^([a-z_][a-z0-9_]{0,62})?$`)
	return kind{name: "schema", want: want, parse: func(text string) (any, error) {
		if !name.MatchString(text) {
			return nil, fmt.Errorf("want %s, got %s", want, quote(text))
		}
		return text, nil
	}}
}

// checkFlows checks what belongs together.
func (l *loader) checkFlows() {
	url, schema := l.values["store.url"], l.values["flows.platform_schema"]
	if schema.text != "" && !strings.HasPrefix(url.text, "postgres") && !l.failed("store.url") && !l.failed("flows.platform_schema") {
		l.fail(schema.source, "flows.platform_schema", "%s is in no PostgreSQL database (want store.url: postgres://…)", quote(schema.text))
	}
	manage, memory := l.values["flows.manage"], l.values["flows.memory"]
	nowhere := url.text == noStore || url.text == "" && l.values["data_dir"].text == ""
	if manage.text == "true" && (memory.text == "false" || nowhere) {
		l.fail(manage.source, "flows.manage", "needs flows.memory and a store (give store.url or data_dir)")
	}
}
