// Package config turns proxy.yaml, the environment and the command's flags into one checked
// [Config].
//
// Start at [Load]. It reads every layer, says everything that is wrong with any of them at
// once, and gives a value that nobody changes afterwards: a reload makes a new one and the
// caller swaps it, or keeps the last good one.
//
// # Layers
//
// default < file < environment < command flag. The later layer wins, key by key, and the Config
// remembers where each value came from ([Config.Source], [Config.Settings]). [Keys] is the table
// of all keys: the file's grammar, the variables, the flags, the defaults and
// docs/configuration.md come from it, so that a new key is one entry there and one field here.
//
// # Modes
//
// `mode` is for every endpoint that has no mode of its own. A mode of an endpoint's own wins over
// `mode` whatever layer that comes from: the more exact word counts. Among two that are as exact, the file
// wins over the environment, other than with every other key (docs/adr/0019). The flag --mode alone beats them all; it
// means "set all of them to this".
//
// # Strictness
//
// Nothing is decoded weakly: `mode: 3`, `max_body: true` and `listen: 8080` are errors, and so is
// a key, a variable that begins with CROSSFADE_, or an endpoint that nobody knows. Names of
// endpoints are values in a list and never keys, since viper lower-cases keys.
//
// The package knows YAML, never HTTP. It does not read contracts: it gives their paths, and is
// told the names of the endpoints that they declare ([Options.Endpoints]).
package config

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Config is what crossfade was told to do. Everything in it has been checked. It is immutable:
// whoever holds one may share it between goroutines and must not write to it.
type Config struct {
	Version     int         `mapstructure:"version"` // of the language of proxy.yaml; always 1
	Mode        Mode        `mapstructure:"mode"`
	NoTransform NoTransform `mapstructure:"no_transform"` // of endpoints without one of their own
	Server      Server      `mapstructure:"server"`
	CORS        CORS        `mapstructure:"cors"`
	Admin       Admin       `mapstructure:"admin"`
	Flags       Flags       `mapstructure:"flags"`
	OFREP       OFREP       `mapstructure:"ofrep"`
	Upstream    Upstream    `mapstructure:"upstream"`
	Store       Store       `mapstructure:"store"`
	Flows       Flows       `mapstructure:"flows"`
	Limits      Limits      `mapstructure:"limits"`
	// Lifecycle is for every endpoint that has no dates of its own in the contract.
	Lifecycle Lifecycle `mapstructure:"lifecycle"`
	Log       Log       `mapstructure:"log"`
	// DataDir is the directory for what is kept between starts, relative to the working
	// directory; "" keeps nothing. Load neither looks at it nor creates it.
	DataDir string `mapstructure:"data_dir"`

	// Contracts are the operator's contract files in order. Relative paths in proxy.yaml have
	// been joined to the directory of proxy.yaml.
	Contracts []string
	// Endpoints has one entry for every endpoint of the contracts, in their order, with
	// everything that applies to it resolved.
	Endpoints []Endpoint
	// File is the path of the proxy.yaml that was read, "" when there was none.
	File string

	settings []Setting
	said     []Said
	rules    map[string]Ruled
}

// Server is the listener for traffic. A timeout that is 0 means none; those of headers, bodies
// and writes never are.
type Server struct {
	Listen            string         `mapstructure:"listen"` // host:port, or unix: and a path
	TLS               TLS            `mapstructure:"tls"`
	H2C               bool           `mapstructure:"h2c"` // false with TLS
	OwnLoop           bool           `mapstructure:"own_loop"`
	TrustedProxies    []netip.Prefix `mapstructure:"trusted_proxies"`
	Compress          bool           `mapstructure:"compress"` // mapped answers
	ReadHeaderTimeout time.Duration  `mapstructure:"read_header_timeout"`
	BodyIdleTimeout   time.Duration  `mapstructure:"body_idle_timeout"` // for each KiB
	WriteIdleTimeout  time.Duration  `mapstructure:"write_idle_timeout"`
	IdleTimeout       time.Duration  `mapstructure:"idle_timeout"`
	MaxHeaderBytes    Size           `mapstructure:"max_header_bytes"`
	DrainDelay        time.Duration  `mapstructure:"drain_delay"`
	ShutdownTimeout   time.Duration  `mapstructure:"shutdown_timeout"`
}

// TLS names the files of a listener's certificate. Either CertFile and KeyFile are there both, or
// all are "" and there is no TLS. Load does not read them.
type TLS struct {
	CertFile     string `mapstructure:"cert_file"`
	KeyFile      string `mapstructure:"key_file"`
	ClientCAFile string `mapstructure:"client_ca_file"` // "" asks clients for no certificate
}

// CORS says which pages may call. Without AllowedOrigins it is left to the upstream.
type CORS struct {
	AllowedOrigins   []string      `mapstructure:"allowed_origins"` // exact, or "*" alone
	AllowedMethods   []string      `mapstructure:"allowed_methods"`
	AllowedHeaders   []string      `mapstructure:"allowed_headers"`
	ExposedHeaders   []string      `mapstructure:"exposed_headers"`
	AllowCredentials bool          `mapstructure:"allow_credentials"` // false with "*"
	MaxAge           time.Duration `mapstructure:"max_age"`
}

// Admin is the listener for operators.
type Admin struct {
	Listen      string   `mapstructure:"listen"`      // host:port, or unix: and a path; "" for no admin listener
	Token       string   `mapstructure:"token"`       // of the admin role; "" for one that is made
	TokensFile  string   `mapstructure:"tokens_file"` // "" for none; Load does not read it
	Hosts       []string `mapstructure:"hosts"`       // in lower case
	OpenMetrics bool     `mapstructure:"open_metrics"`
}

// Flags says how decisions are made, whatever the flags are.
type Flags struct {
	BucketBy         []string       `mapstructure:"bucket_by"`   // token, user_id, tenant, engagement, header:NAME, cookie:NAME; at least one
	WithoutKey       Mode           `mapstructure:"without_key"` // or "skip"
	OverrideHeader   string         `mapstructure:"override_header"`
	OverrideSecret   string         `mapstructure:"override_secret"` // "" for no signed overrides
	OverrideNetworks []netip.Prefix `mapstructure:"override_networks"`
	OverrideTenants  []string       `mapstructure:"override_tenants"`
	Freezes          []Freeze       `mapstructure:"freezes"`
	Provider         FlagProvider   `mapstructure:"provider"`
	ProviderPrefix   string         `mapstructure:"provider_prefix"`
	ProviderContext  []Attribute    `mapstructure:"provider_context"`
}

// FlagProvider is where another system has the flags that are given at run time. The zero FlagProvider is nowhere: they are in the store.
type FlagProvider struct {
	File    string // in flagd's language; "" when there is an Address
	Address string // HOST:PORT of a flagd
	TLS     bool   // to it
}

// String writes it as in proxy.yaml.
func (p FlagProvider) String() string {
	switch {
	case p.File != "":
		return flagdFile + p.File
	case p.TLS:
		return flagdTLS + p.Address
	case p.Address != "":
		return flagdPlain + p.Address
	}
	return ""
}

// Attribute is what a provider is told of this crossfade.
type Attribute struct{ Name, Value string }

// Freeze is a time in which flags cannot be changed.
type Freeze struct{ From, Until time.Time }

// OFREP is the listener for frontends that ask for decisions.
type OFREP struct {
	Listen string `mapstructure:"listen"` // as Admin.Listen
}

// Limits bound what one request may cost, and all of them together. None is 0.
type Limits struct {
	MaxBody         Size `mapstructure:"max_body"`
	StreamAbove     Size `mapstructure:"stream_above"`      // answers in dual that are longer go out as they come
	MaxMessage      Size `mapstructure:"max_message"`       // of a stream
	MaxDepth        int  `mapstructure:"max_depth"`         // levels of objects and lists
	MaxRatio        int  `mapstructure:"max_ratio"`         // decoded to encoded bytes
	MaxHeaderFields int  `mapstructure:"max_header_fields"` // lines
	MaxConnections  int  `mapstructure:"max_connections"`   // of clients, at once
	MaxRequests     int  `mapstructure:"max_requests"`      // at once
	MaxMemory       Size `mapstructure:"max_memory"`        // of bodies held at once; at least four times MaxBody
}

// Log says what is logged and how.
type Log struct {
	Level  string `mapstructure:"level"`  // debug, info, warn or error
	Format string `mapstructure:"format"` // json, console or auto
}

// Endpoint is what applies to one endpoint of the contracts.
type Endpoint struct {
	Name         string
	Mode         Mode
	Journey      string // "" for that of the contract
	Enabled      bool   // false: its routes pass untouched, as if nobody had declared it
	SessionRoute SessionRoute
	OnFailure    OnFailure
	NoTransform  NoTransform
}

// Setting is one value with its origin.
type Setting struct {
	// Key is dotted: "server.listen"; "endpoints.context-me.mode" for what applies to one endpoint.
	Key string
	// Value is written as in proxy.yaml; a list's items are joined by ", ". Of a secret it is "***".
	Value string
	// Source is "default", "contract" (whether an endpoint is enabled), "proxy.yaml:12" (the file
	// as it was named, and the line), "environment CROSSFADE_MODE" or "flag --mode".
	Source string
}

// Settings lists every value in the order of [Keys], then those of each endpoint.
func (c *Config) Settings() []Setting { return slices.Clone(c.settings) }

// Source says where the value of a key came from, as Setting.Source does; "" for a key that
// there is not. For the mode of an endpoint it is where the mode that applies was set.
func (c *Config) Source(key string) string {
	for _, s := range c.settings {
		if s.Key == key {
			return s.Source
		}
	}
	return ""
}

// RestartNeeded names the keys that differ between c and a Config loaded before it and that a
// running process cannot take on (Key.Restart), so that a reload can say so instead of
// seeming to have obeyed.
func (c *Config) RestartNeeded(before *Config) []string {
	var names []string
	for _, k := range Keys() {
		if k.Restart && c.value(k.Name) != before.value(k.Name) {
			names = append(names, k.Name)
		}
	}
	return names
}

func (c *Config) value(key string) string {
	for _, s := range c.settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// list writes words as a sentence does: "a, b or c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
