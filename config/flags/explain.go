package flags

import (
	"fmt"
	"strings"
)

// explain decides as decide does, slowly, and writes down what it does.
func (s *snapshot) explain(r *Request, endpoint string) Explanation {
	x := Explanation{Endpoint: endpoint}
	c, ok := s.chains[endpoint]
	if !ok {
		x.Decision = s.unknown
		x.Tried = []Trial{{Source: builtIn, Stage: s.unknown.Stage, Says: true, Why: "there is no such endpoint"}}
		return x
	}
	asked, decided := s.explainOverride(r, endpoint, &x)
	if decided {
		x.Decision = asked
		return x
	}
	who := caller{request: r, rules: s.context, seed: seed(c.journey)}
	if c.token {
		who.token = bearer(r.Header)
		if encoded, length, ok := encodedPayload(who.token); ok && length <= maxPayload {
			who.payload = &payload{}
			who.payload.read(encoded)
		}
	}
	for i := range c.rules {
		rule := &c.rules[i]
		in := rule.condition.try(&who)
		t := Trial{Source: rule.says.Source, Rule: rule.says.Rule, Stage: rule.says.Stage, Says: in == isIn || in == isInWithoutKey, Why: s.why(rule.condition, &who, in)}
		if in == isInWithoutKey {
			t.Stage = s.context.withoutKey
		}
		if s.kill != nil {
			t.Why = fmt.Sprintf("%s by %s: %s", s.kill.At.UTC().Format("2006-01-02 15:04:05Z"), s.kill.By, s.kill.Reason)
		}
		x.Tried = append(x.Tried, t)
		if t.Says {
			x.Decision = consultedToo(who.decided(&rule.says), asked)
			x.Decision.Stage = t.Stage
			break
		}
	}
	switch {
	case who.keyKind == keyUnasked, who.keyKind == keyNone:
	case who.keySource < 0:
		x.Key, x.KeyFrom = who.key().String(), "request"
	default:
		x.Key, x.KeyFrom = who.key().String(), string(s.context.keys[who.keySource].key)
	}
	return x
}

func (s *snapshot) explainOverride(r *Request, endpoint string, x *Explanation) (d Decision, ok bool) {
	if s.override == nil || s.kill != nil {
		return Decision{}, false
	}
	t := Trial{Source: "header " + s.override.header, Why: "the request has none"}
	if values := r.Header[s.override.header]; len(values) > 0 {
		d, t.Why, t.Says = s.overridden(r, endpoint, values[0])
		if t.Says {
			t.Stage = d.Stage
		}
	}
	x.Tried = append(x.Tried, t)
	return d, t.Says
}

// why tells what part of a cohort a request does not meet, or how it is in.
func (s *snapshot) why(d *condition, c *caller, in part) string {
	header := c.request.Header
	switch in {
	case isIn:
		switch {
		case d.everybody:
			return "everybody"
		case d.hasShare:
			return fmt.Sprintf("bucket %d of journey %s is below %d", c.bucket, c.seed, d.threshold)
		}
		return "all that it asks for is there"
	case isInWithoutKey:
		return "the request has no key, so that it has no bucket; those get " + string(s.context.withoutKey)
	case notTenant:
		return notListed("client account", c.tenantText(), len(d.tenants))
	case notEngagement:
		return notListed("engagement", firstItem(header, s.context.engagementFields), len(d.engagements))
	case notUser:
		return notListed("user", c.key().String(), len(d.users))
	case notHeader:
		return failing("header", d.headers, func(m *match) bool { return m.header(header) })
	case notCookie:
		return failing("cookie", d.cookies, func(m *match) bool { return m.cookie(header) })
	case notClaim:
		return failing("claim", d.claims, func(m *match) bool { return claimOf(c, m) })
	case notAgent:
		return "the user agent has none of " + strings.Join(d.agents, ", ") + " in it"
	case notOrigin:
		return "the origin is not in the list"
	case notNetwork:
		return fmt.Sprintf("the client's address %s is in none of the networks", c.request.Client)
	case notShare:
		return fmt.Sprintf("bucket %d of journey %s is not below %d", c.bucket, c.seed, d.threshold)
	case notShareWithoutKey:
		return "the request has no key, so that it has no bucket"
	}
	return ""
}

func notListed(what, got string, length int) string {
	if got == "" {
		return "the request names no " + what
	}
	return fmt.Sprintf("%s %s is not in the list of %d", what, quote(got), length)
}

// failing names the match that does not hold. Values stay untold: they may be secrets.
func failing(what string, all []match, holds func(*match) bool) string {
	for i := range all {
		if !holds(&all[i]) {
			return what + " " + all[i].name + " does not match"
		}
	}
	return ""
}
