package flags

import (
	"net/netip"
	"net/textproto"
	"slices"
	"strings"
)

// condition is a Cohort made ready for requests.
type condition struct {
	tenants, engagements, users map[string]struct{}
	headers, cookies, claims    []match
	agents                      []string
	origins                     map[string]struct{}
	networks                    []netip.Prefix
	hasShare                    bool
	threshold                   uint32

	everybody bool // there is no part
	token     bool // it may look into the token
	private   bool // as Decision.Private
	consulted []string
}

// match is a Match made ready.
type match struct {
	name     string
	values   []string
	prefix   string
	versions versionRange
	present  *bool
}

// text says whether a text that is there meets the match.
func (m *match) text(t text) bool {
	switch {
	case m.present != nil:
		return *m.present
	case m.versions != nil:
		// Versions of claims are rare, and the conversion of a short text stays on the stack.
		if t.b != nil {
			return m.versions.has(string(t.b))
		}
		return m.versions.has(t.s)
	case m.prefix != "":
		if t.b != nil {
			return len(t.b) >= len(m.prefix) && string(t.b[:len(m.prefix)]) == m.prefix
		}
		return strings.HasPrefix(t.s, m.prefix)
	}
	for _, v := range m.values {
		if t.b != nil && string(t.b) == v || t.b == nil && t.s == v {
			return true
		}
	}
	return false
}

func (m *match) header(header map[string][]string) bool {
	values := header[m.name]
	if m.present != nil {
		return *m.present == (len(values) > 0)
	}
	for _, v := range values {
		if m.text(text{s: v}) {
			return true
		}
	}
	return false
}

func (m *match) cookie(header map[string][]string) bool {
	value, there := cookie(header, m.name)
	if m.present != nil {
		return there == *m.present
	}
	return there && m.text(text{s: value})
}

// part names what of a cohort a request does not meet, or why it is in.
type part uint8

const (
	isIn part = iota
	isInWithoutKey
	notTenant
	notEngagement
	notUser
	notHeader
	notCookie
	notClaim
	notAgent
	notOrigin
	notNetwork
	notShare
	notShareWithoutKey
)

// try says whether the caller is in. It is the one place where that is said: decisions ask it, and so do explanations.
func (d *condition) try(c *caller) part {
	if d.everybody {
		return isIn
	}
	header := c.request.Header
	if d.tenants != nil {
		if _, ok := d.tenants[c.tenantText()]; !ok {
			return notTenant
		}
	}
	if d.engagements != nil {
		if _, ok := d.engagements[firstItem(header, c.rules.engagementFields)]; !ok {
			return notEngagement
		}
	}
	for i := range d.headers {
		if !d.headers[i].header(header) {
			return notHeader
		}
	}
	for i := range d.cookies {
		if !d.cookies[i].cookie(header) {
			return notCookie
		}
	}
	if d.agents != nil && !d.agent(header) {
		return notAgent
	}
	if d.origins != nil {
		if values := header["Origin"]; len(values) == 0 || !(text{s: values[0]}).in(d.origins) {
			return notOrigin
		}
	}
	if d.networks != nil && !within(d.networks, c.request.Client) {
		return notNetwork
	}
	for i := range d.claims {
		if !claimOf(c, &d.claims[i]) {
			return notClaim
		}
	}
	if d.users != nil && !c.key().in(d.users) {
		return notUser
	}
	if d.hasShare {
		bucket, ok := c.bucketOf()
		if !ok {
			if c.rules.withoutKey == "" {
				return notShareWithoutKey
			}
			return isInWithoutKey
		}
		c.threshold, c.compared = d.threshold, true
		if bucket >= d.threshold {
			return notShare
		}
	}
	return isIn
}

func claimOf(c *caller, m *match) bool {
	if c.payload == nil {
		return m.present != nil && !*m.present
	}
	return c.payload.claimMatches(m)
}

func (d *condition) agent(header map[string][]string) bool {
	for _, value := range header["User-Agent"] {
		for _, piece := range d.agents {
			if strings.Contains(value, piece) {
				return true
			}
		}
	}
	return false
}

// within says whether an address is in one of the networks, whether it is written as IPv4 or within IPv6.
func within(networks []netip.Prefix, client netip.Addr) bool {
	client = client.Unmap().WithZone("")
	for _, n := range networks {
		if n.Contains(client) {
			return true
		}
	}
	return false
}

// newCondition makes a cohort ready. The cohort has been checked.
func newCondition(cohort *Cohort, r *ruleContext) *condition {
	d := &condition{
		tenants: setOf(cohort.Tenants), engagements: setOf(cohort.Engagements), users: setOf(cohort.Users), origins: setOf(cohort.Origins),
		headers: matches(cohort.Headers, textproto.CanonicalMIMEHeaderKey), cookies: matches(cohort.Cookies, nil), claims: matches(cohort.Claims, nil),
		agents: cohort.UserAgents, networks: cohort.Networks,
	}
	if cohort.Share != nil {
		d.hasShare, d.threshold = true, cohort.Share.Threshold()
	}
	consult := func(names ...string) {
		for _, name := range names {
			if !slices.Contains(d.consulted, name) {
				d.consulted = append(d.consulted, name)
			}
		}
	}
	if d.tenants != nil {
		consult(r.tenantFields...)
	}
	if d.engagements != nil {
		consult(r.engagementFields...)
	}
	for _, m := range d.headers {
		consult(m.name)
	}
	if d.cookies != nil {
		consult("Cookie")
	}
	if d.agents != nil {
		consult("User-Agent")
	}
	if d.origins != nil {
		consult("Origin")
	}
	if d.claims != nil {
		consult("Authorization")
	}
	usesKey := d.users != nil || d.hasShare
	if usesKey {
		consult(r.keyConsulted...)
	}
	d.token = d.claims != nil || usesKey && r.keyToken
	d.private = d.claims != nil || usesKey || d.cookies != nil || d.networks != nil
	d.everybody = d.tenants == nil && d.engagements == nil && d.users == nil && d.headers == nil && d.cookies == nil &&
		d.claims == nil && d.agents == nil && d.origins == nil && d.networks == nil && !d.hasShare
	return d
}

// setOf is nil for no names.
func setOf(names []string) map[string]struct{} {
	if len(names) == 0 {
		return nil
	}
	s := make(map[string]struct{}, len(names))
	for _, n := range names {
		s[n] = struct{}{}
	}
	return s
}

func matches(all []Match, canonical func(string) string) []match {
	var ready []match
	for _, m := range all {
		r := match{name: m.Name, values: m.Values, prefix: m.Prefix, present: m.Present}
		if canonical != nil {
			r.name = canonical(m.Name)
		}
		if m.Version != "" {
			// It has been checked; a range that is wrong all the same has no version in it.
			r.versions, _ = parseVersionRange(m.Version)
		}
		ready = append(ready, r)
	}
	return ready
}
