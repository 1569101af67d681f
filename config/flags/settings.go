package flags

import (
	"net/netip"
	"net/textproto"
	"strings"
	"time"
)

// Settings is what the configuration says about decisions: everything that is not a State. It must not change any more
// once it was given away.
type Settings struct {
	// Endpoints are the names of all endpoints there are, in the order of the contracts.
	Endpoints []string
	// Command is the stage of --mode: for all endpoints, above File.
	Command Static
	// File is proxy.yaml, Environment what variables say. What either says of the endpoint itself comes before what they say
	// of all, and in both the file is before the environment.
	File, Environment Layer
	// Journeys names the journey of endpoints, for flags that name none; DefaultJourney is that of all others.
	Journeys map[string]string
	// Keys is the chain of what a caller is known by, the first that the request has; nil is DefaultKeys.
	Keys []Key
	// WithoutKey is the stage that a rule with a share gives to a request with no key at all; "": the rule passes it by.
	WithoutKey Stage
	Override   Override
	// Freezes are times in which flags cannot be changed.
	Freezes []Freeze
}

// DefaultJourney is shared by all endpoints that are given no other: they change stage together for a caller.
const DefaultJourney = "migration"

// Layer is what one source of the configuration says.
type Layer struct {
	// Default is for all endpoints that no layer says anything of; its rules for those without rules of their own.
	Default   Static
	Endpoints map[string]Static // by name
}

// Static is what a source says about the stage of an endpoint, or of all.
type Static struct {
	Rules  []Rule
	Stage  Stage  // of everybody else; "": the next source is asked
	Source string // where it stands, for people: "proxy.yaml:12", "environment CROSSFADE_MODE", "flag --mode"
}

// Key is one way to know a caller: KeyToken, KeyUserID, KeyTenant, KeyEngagement, "header:Name" or "cookie:Name".
type Key string

// The keys that have a word. The user behind the token is the best: it is the same on every route and across logins.
const (
	KeyToken      Key = "token"      // the user that the bearer token names
	KeyUserID     Key = "user_id"    // X-User-ID
	KeyTenant     Key = "tenant"     // the client account
	KeyEngagement Key = "engagement" // the engagement
)

// DefaultKeys is the chain where the configuration has none.
func DefaultKeys() []Key { return []Key{KeyToken, KeyUserID, KeyTenant} }

// Override says who may ask for a stage by a header of the request. Without Networks, Tenants and Secrets nobody may.
type Override struct {
	Header string // "" is Crossfade-Override
	// Networks and Tenants are those whose plain word counts. Anybody can say that he is a tenant.
	Networks []netip.Prefix
	Tenants  []string
	// Secrets check signed values: any of them, so that one can be replaced by another. Each has at least 16 bytes.
	Secrets [][]byte
	// MaxAge is how far in the future a signed value may end; 0 is 24 h.
	MaxAge time.Duration
}

// Request is what a decision may look at. Nothing of it is changed or kept.
type Request struct {
	// Header has the fields by their canonical names, as net/http has them.
	Header map[string][]string
	// Client is the address of the client, behind the proxies that are trusted; the zero Addr is in no network.
	Client netip.Addr
	// User is the user key where the caller knows it; "": it is read from the request by Settings.Keys.
	User string
}

// Reason says why a request has its stage, in one word.
type Reason string

// The reasons.
const (
	ReasonKill        Reason = "kill"        // the kill switch is on
	ReasonOverride    Reason = "override"    // the request asked for it, and may
	ReasonWindow      Reason = "window"      // a brownout runs
	ReasonRule        Reason = "rule"        // a rule of a flag
	ReasonFlag        Reason = "flag"        // the stage of a flag
	ReasonCommand     Reason = "command"     // --mode
	ReasonFile        Reason = "file"        // proxy.yaml, by a rule or for everybody
	ReasonEnvironment Reason = "environment" // a variable
	ReasonDefault     Reason = "default"     // nobody said anything
	ReasonUnknown     Reason = "unknown"     // what operators have said is not known yet: passthrough
)

// Decision is the stage of one request for one endpoint, and why. Its slices are shared: they are not to be changed.
type Decision struct {
	Stage  Stage
	Reason Reason
	// Source is where the stage was said, for people: "flag context-me", "proxy.yaml:12", "kill switch".
	Source string
	// Rule is the name of the rule, "" when none decided.
	Rule string
	// Bucket of the caller and Threshold of the rule, out of 1<<31, where a share was compared last: below is in.
	Bucket, Threshold uint32
	HasBucket         bool
	// Version is that of the State that was decided by.
	Version int64
	// Consulted are the canonical names of the header fields that the decision depends on, whether they were there or not.
	Consulted []string
	// Private: the decision depends on who asks, in a way that Vary cannot tell caches.
	Private bool
}

// Explanation tells how a decision came about.
type Explanation struct {
	Decision Decision
	Endpoint string
	Key      string // what the caller is known by; "" when no rule may ask for it, or nothing was found
	KeyFrom  string // which key of the chain gave it: "token", "header:X-Device"; "request" when the caller gave it
	Tried    []Trial
}

// Trial is one thing that was asked for a stage.
type Trial struct {
	Source string // as in Decision
	Rule   string // "" for what is no rule
	Stage  Stage  // what it says; "" when it says nothing
	Says   bool   // true for the last one: it decided
	Why    string // a half sentence: "client account is not in the list", "bucket 17 of 2147483648 is below 214748364"
}

// source is what one place of the configuration says about an endpoint.
type source struct {
	static Static
	reason Reason
}

// sources gives what the configuration says about an endpoint, or for DefaultFlag about those that it says nothing about, in the order
// in which they are asked.
func (s *Settings) sources(endpoint string) []source {
	own, all := s.File.Endpoints[endpoint], s.File.Default
	if len(own.Rules) > 0 {
		all.Rules = nil // they are for the endpoints that have none of their own
	}
	return []source{
		{s.Command, ReasonCommand},
		{own, ReasonFile},
		{s.Environment.Endpoints[endpoint], ReasonEnvironment},
		{all, ReasonFile},
		{s.Environment.Default, ReasonEnvironment},
	}
}

// stage is what the configuration gives to those whom no rule of it takes.
func (s *Settings) stage(endpoint string) Stage {
	for _, source := range s.sources(endpoint) {
		if source.static.Stage != "" {
			return source.static.Stage
		}
	}
	return Passthrough
}

func (s *Settings) journey(endpoint string) string {
	if j := s.Journeys[endpoint]; j != "" {
		return j
	}
	return DefaultJourney
}

// newKeySource makes a key ready. It has been checked.
func newKeySource(key Key) keySource {
	k := keySource{key: key}
	switch key {
	case KeyToken:
		k.token = true
	case KeyUserID:
		k.fields = userFields()
	case KeyTenant:
		k.fields = tenantFields()
	case KeyEngagement:
		k.fields = engagementFields()
	default:
		if name, ok := strings.CutPrefix(string(key), "cookie:"); ok {
			k.cookie = name
		} else {
			k.fields = []string{textproto.CanonicalMIMEHeaderKey(strings.TrimPrefix(string(key), "header:"))}
		}
	}
	return k
}
