package flags

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// OverrideHeader is the field that overrides stand in where the configuration names no other.
const OverrideHeader = "Crossfade-Override"

// defaultMaxAge is how far in the future a signed override may end.
const defaultMaxAge = 24 * time.Hour

// override is an Override made ready.
type override struct {
	header   string
	networks []netip.Prefix
	tenants  map[string]struct{}
	secrets  [][]byte
	maxAge   time.Duration
}

// newOverride is nil when nobody may override.
func newOverride(o *Override) *override {
	if len(o.Networks)+len(o.Tenants)+len(o.Secrets) == 0 {
		return nil
	}
	return &override{header: textproto.CanonicalMIMEHeaderKey(cmp.Or(o.Header, OverrideHeader)), networks: o.Networks,
		tenants: setOf(o.Tenants), secrets: o.Secrets, maxAge: cmp.Or(o.MaxAge, defaultMaxAge)}
}

// SignOverride gives the value of the header that asks for a stage of one endpoint, or of all by "*", until a moment (whole seconds
// count).
func SignOverride(secret []byte, stage Stage, endpoint string, until time.Time) string {
	said := fmt.Sprintf("stage=%s;endpoint=%s;until=%d", stage, endpoint, until.Unix())
	return said + signature + hex.EncodeToString(sign(secret, said))
}

const signature = ";sig="

func sign(secret []byte, said string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(said))
	return mac.Sum(nil)
}

// overridden says what an override gives, or why it counts for nothing. It may allocate: nobody but those who send the header pay
// for it.
func (s *snapshot) overridden(r *Request, endpoint, value string) (d Decision, why string, ok bool) {
	d = Decision{Reason: ReasonOverride, Source: "header " + s.override.header, Version: s.state.Version, Consulted: []string{s.override.header}}
	const longest = 512 // bytes
	if len(value) > longest {
		return d, "it is longer than 512 bytes", false
	}
	said, sig, signed := strings.Cut(value, signature)
	if signed {
		d.Stage, why, ok = s.override.signed(said, sig, endpoint, time.Now())
		return d, why, ok
	}
	d.Stage = Stage(value)
	if err := d.Stage.Check(); err != nil {
		return d, err.Error(), false
	}
	if within(s.override.networks, r.Client) {
		d.Private = true
		return d, "the client is in an allowed network", true
	}
	d.Private = s.override.networks != nil
	if s.override.tenants != nil {
		d.Consulted = union(d.Consulted, s.context.tenantFields)
		who := caller{request: r, rules: s.context}
		if _, ok := s.override.tenants[who.tenantText()]; ok {
			return d, "the client account is allowed", true
		}
	}
	return d, "neither the client's network nor its client account may ask", false
}

// signed checks a signed value. What it says is looked at only when its signature is right.
func (o *override) signed(said, sig, endpoint string, now time.Time) (stage Stage, why string, ok bool) {
	given, err := hex.DecodeString(sig)
	good := false
	for _, secret := range o.secrets {
		// All of them, so that time does not tell which one it is.
		good = hmac.Equal(given, sign(secret, said)) || good
	}
	if err != nil || !good {
		return "", "its signature is not ours", false
	}
	var until int64
	members := strings.Split(said, ";")
	const want = 3 // stage, endpoint, until
	if len(members) != want {
		return "", "it is not written as stage=…;endpoint=…;until=…", false
	}
	named, ok1 := strings.CutPrefix(members[0], "stage=")
	where, ok2 := strings.CutPrefix(members[1], "endpoint=")
	end, ok3 := strings.CutPrefix(members[2], "until=")
	until, err = strconv.ParseInt(end, 10, 64)
	if !ok1 || !ok2 || !ok3 || err != nil {
		return "", "it is not written as stage=…;endpoint=…;until=…", false
	}
	switch stage = Stage(named); {
	case stage.Check() != nil:
		return "", stage.Check().Error(), false
	case where != "*" && where != endpoint:
		return "", "it is for the endpoint " + strconv.Quote(where), false
	case now.Unix() >= until:
		return "", "it has ended", false
	case until-now.Unix() > int64(o.maxAge/time.Second):
		return "", fmt.Sprintf("it would hold for longer than %s", Hold(o.maxAge)), false
	}
	return stage, "signed, until " + time.Unix(until, 0).UTC().Format(time.RFC3339), true
}
