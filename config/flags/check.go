package flags

import (
	"fmt"
	"maps"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/near"
)

// Bounds of a flag. They are far above what people write, and keep a State small enough to be read in a blink.
const (
	maxRules  = 1000
	maxList   = 100_000 // names in a list
	maxText   = 256     // bytes of a name in a list
	maxSteps  = 100
	maxWindow = 24 * time.Hour
)

// Check says what is wrong with a stage, nil if nothing is.
func (s Stage) Check() error {
	words := []string{string(Passthrough), string(Verify), string(Dual), string(FlowOnly)}
	if slices.Contains(words, string(s)) {
		return nil
	}
	return fmt.Errorf("unknown stage %s (want passthrough, verify, dual or flow_only)%s", quote(string(s)), near.Hint(string(s), words))
}

// Served is the stage whose mode a client gets: itself, and passthrough where the stage is none of a client's business.
func (s Stage) Served() Stage {
	if s == Dual || s == FlowOnly {
		return s
	}
	return Passthrough
}

// quote quotes a text for an error, cut so that it stays readable.
func quote(text string) string {
	const most = 60 // characters
	if runes := []rune(text); len(runes) > most {
		return fmt.Sprintf("%q…", string(runes[:most]))
	}
	return fmt.Sprintf("%q", text)
}

// checker gathers what is wrong.
type checker struct{ found []*Invalid }

func (k *checker) fail(path, format string, args ...any) {
	k.found = append(k.found, &Invalid{Path: path, Reason: fmt.Sprintf(format, args...)})
}

// failed is fail for an error, if there is one.
func (k *checker) failed(path string, err error) {
	if err != nil {
		k.fail(path, "%v", err)
	}
}

// member is the path of a member of what stands at path.
func member(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (k *checker) flag(path string, f *Flag) {
	k.failed(member(path, "stage"), f.Stage.Check())
	k.rules(member(path, "rules"), f.Rules)
	k.journey(member(path, "journey"), f.Journey)
	if f.Ramp != nil {
		k.ramp(member(path, "ramp"), f)
	}
	if f.Window != nil {
		k.window(member(path, "window"), f.Window)
	}
	if f.Expires != nil {
		at := member(path, "expires")
		if f.Expires.At.IsZero() {
			k.fail(member(at, "at"), "missing: when does the flag go back?")
		}
		if to := f.Expires.To; to != nil {
			if to.Expires != nil || to.Ramp != nil || to.Window != nil {
				k.fail(member(at, "to"), "want a flag without expires, ramp and window")
			}
			k.flag(member(at, "to"), to)
		}
	}
}

func (k *checker) journey(path, journey string) {
	if journey != "" {
		k.name(path, journey)
	}
}

// name checks a name of the operators' own: it stands in logs, metrics and URLs.
func (k *checker) name(path, name string) {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`).MatchString(name) {
		k.fail(path, "want a name of at most 63 small letters, digits, -, _ and ., such as pilot-tenants; got %s", quote(name))
	}
}

func (k *checker) rules(path string, rules []Rule) {
	if len(rules) > maxRules {
		k.fail(path, "%d rules: at most %d are possible; a list of client accounts may be long instead", len(rules), maxRules)
		return
	}
	first := map[string]int{}
	everybody := -1
	for i := range rules {
		r, at := &rules[i], fmt.Sprintf("%s[%d]", path, i)
		if r.Name == "" {
			k.fail(member(at, "name"), "missing: name the rule, so that a decision can say which one it was")
		} else if before, twice := first[r.Name]; twice {
			k.fail(member(at, "name"), "%s is the name of rules[%d] too", quote(r.Name), before)
		} else {
			first[r.Name] = i
			k.name(member(at, "name"), r.Name)
		}
		k.failed(member(at, "stage"), r.Stage.Check())
		k.cohort(member(at, "cohort"), &r.Cohort)
		if everybody >= 0 {
			k.fail(at, "is never reached: rules[%d] (%s) takes everybody", everybody, quote(rules[everybody].Name))
			return
		}
		if r.Cohort.all() {
			everybody = i
		}
	}
}

// all says whether everybody is in a cohort.
func (c *Cohort) all() bool {
	return len(c.Tenants)+len(c.Engagements)+len(c.Users)+len(c.Headers)+len(c.Cookies)+len(c.Claims)+
		len(c.UserAgents)+len(c.Origins)+len(c.Networks) == 0 && c.Share == nil
}

func (k *checker) cohort(path string, c *Cohort) {
	k.list(member(path, "tenants"), c.Tenants, nil)
	k.list(member(path, "engagements"), c.Engagements, nil)
	k.list(member(path, "users"), c.Users, nil)
	k.list(member(path, "user_agents"), c.UserAgents, nil)
	origin := regexp.MustCompile(`^([a-z][a-z0-9+.-]*://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]+)?|null)$`)
	k.list(member(path, "origins"), c.Origins, func(o string) string {
		if !origin.MatchString(o) {
			return "want an origin as browsers write it, such as https://app.example.com, got " + quote(o)
		}
		return ""
	})
	k.matches(member(path, "headers"), c.Headers, func(name string) string {
		if !isToken(name) {
			return "want the name of a header field, got " + quote(name)
		}
		if secret := textproto.CanonicalMIMEHeaderKey(name); secret == "Authorization" || secret == "Cookie" {
			return fmt.Sprintf("%s is a secret: use claims or cookies", secret)
		}
		return ""
	})
	k.matches(member(path, "cookies"), c.Cookies, func(name string) string {
		if !isToken(name) {
			return "want the name of a cookie, got " + quote(name)
		}
		return ""
	})
	k.matches(member(path, "claims"), c.Claims, nil)
	if len(c.Networks) > maxRules {
		k.fail(member(path, "networks"), "%d networks: at most %d are possible", len(c.Networks), maxRules)
	}
	for i, n := range c.Networks {
		at := fmt.Sprintf("%s[%d]", member(path, "networks"), i)
		if !n.IsValid() {
			k.fail(at, "want a network such as 10.0.0.0/8")
		} else if n != n.Masked() {
			k.fail(at, "%s has bits behind its length: write %s", n, n.Masked())
		}
	}
	if c.Share != nil {
		k.failed(member(path, "share"), c.Share.Check())
	}
}

// isToken says whether a name can be that of a header field or a cookie.
func isToken(name string) bool {
	return regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$").MatchString(name)
}

// list checks a list of texts. wrong says what else is wrong with one, "" for nothing.
func (k *checker) list(path string, texts []string, wrong func(string) string) {
	if len(texts) > maxList {
		k.fail(path, "%d names: at most %d are possible", len(texts), maxList)
		return
	}
	for i, t := range texts {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case t == "" || strings.TrimSpace(t) != t:
			k.fail(at, "want a text without white space around it, got %s", quote(t))
		case len(t) > maxText:
			k.fail(at, "longer than %d bytes: %s", maxText, quote(t))
		case wrong != nil && wrong(t) != "":
			k.fail(at, "%s", wrong(t))
		}
	}
}

func (k *checker) matches(path string, all []Match, wrong func(name string) string) {
	for i := range all {
		m, at := &all[i], fmt.Sprintf("%s[%d]", path, i)
		switch {
		case m.Name == "" || len(m.Name) > maxText:
			k.fail(member(at, "name"), "missing, or too long: what is compared?")
		case wrong != nil && wrong(m.Name) != "":
			k.fail(member(at, "name"), "%s", wrong(m.Name))
		}
		given := 0
		for _, is := range []bool{len(m.Values) > 0, m.Prefix != "", m.Version != "", m.Present != nil} {
			if is {
				given++
			}
		}
		if given != 1 {
			k.fail(at, "want exactly one of values, prefix, version and present, got %d", given)
		}
		k.list(member(at, "values"), m.Values, nil)
		if len(m.Prefix) > maxText {
			k.fail(member(at, "prefix"), "longer than %d bytes", maxText)
		}
		if m.Version != "" {
			_, err := parseVersionRange(m.Version)
			k.failed(member(at, "version"), err)
		}
	}
}

func (k *checker) ramp(path string, f *Flag) {
	r := f.Ramp
	if f.rule(r.Rule) == nil {
		var names []string
		for i := range f.Rules {
			names = append(names, f.Rules[i].Name)
		}
		k.fail(member(path, "rule"), "the flag has no rule %s%s", quote(r.Rule), near.Hint(r.Rule, names))
	}
	if len(r.Steps) == 0 || len(r.Steps) > maxSteps {
		k.fail(member(path, "steps"), "want 1 to %d steps, got %d", maxSteps, len(r.Steps))
		return
	}
	for i, step := range r.Steps {
		at := fmt.Sprintf("%s[%d]", member(path, "steps"), i)
		k.failed(member(at, "share"), step.Share.Check())
		if i > 0 && step.Share <= r.Steps[i-1].Share {
			k.fail(member(at, "share"), "want more than the %s of the step before, got %s", r.Steps[i-1].Share, step.Share)
		}
		if last := i == len(r.Steps)-1; step.Hold < 0 || step.Hold == 0 && !last {
			k.fail(member(at, "hold"), "want how long the step is held before the next one, such as 20m")
		}
	}
	if r.Step < 0 || r.Step >= len(r.Steps) {
		k.fail(member(path, "step"), "want the number of a step from 0 to %d, got %d", len(r.Steps)-1, r.Step)
	}
}

// rule finds a rule by its name, nil if there is none.
func (f *Flag) rule(name string) *Rule {
	for i := range f.Rules {
		if f.Rules[i].Name == name {
			return &f.Rules[i]
		}
	}
	return nil
}

func (k *checker) window(path string, w *Window) {
	k.failed(member(path, "stage"), w.Stage.Check())
	k.cohort(member(path, "cohort"), &w.Cohort)
	k.span(path, w.From, w.Until)
	// Without a beginning it begins when it is set.
	if length := w.Until.Sub(w.From); length > maxWindow && !w.From.IsZero() {
		k.fail(member(path, "until"), "a brownout lasts at most %s, this one %s: set the stage instead", Hold(maxWindow), Hold(length))
	}
}

func (k *checker) span(path string, from, until time.Time) {
	if !until.After(from) {
		k.fail(member(path, "until"), "want a time behind from (%s), got %s", from.Format(time.RFC3339), until.Format(time.RFC3339))
	}
}

// Check says everything that is wrong with the settings, nil if nothing is.
func (s *Settings) Check() error {
	k := &checker{}
	k.static("command", s.Command)
	for _, layer := range []struct {
		path string
		Layer
	}{{"file", s.File}, {"environment", s.Environment}} {
		k.static(layer.path, layer.Default)
		for _, endpoint := range s.Endpoints {
			k.static(layer.path+"."+endpoint, layer.Endpoints[endpoint])
		}
	}
	for _, endpoint := range slices.Sorted(maps.Keys(s.Journeys)) {
		k.journey("journeys."+endpoint, s.Journeys[endpoint])
	}
	for i, key := range s.Keys {
		k.key(fmt.Sprintf("keys[%d]", i), key)
	}
	if s.WithoutKey != "" {
		k.failed("without_key", s.WithoutKey.Check())
	}
	if h := s.Override.Header; h != "" && !isToken(h) {
		k.fail("override.header", "want the name of a header field, got %s", quote(h))
	}
	k.list("override.tenants", s.Override.Tenants, nil)
	const shortest = 16 // bytes; a shorter secret can be guessed
	for i, secret := range s.Override.Secrets {
		if len(secret) < shortest {
			k.fail(fmt.Sprintf("override.secrets[%d]", i), "want at least %d bytes, got %d", shortest, len(secret))
		}
	}
	for i, f := range s.Freezes {
		k.span(fmt.Sprintf("freezes[%d]", i), f.From, f.Until) // its name is the configuration's affair
	}
	return k.err()
}

func (k *checker) static(path string, s Static) {
	k.rules(member(path, "rules"), s.Rules)
	if s.Stage != "" {
		k.failed(member(path, "stage"), s.Stage.Check())
	}
}

func (k *checker) freeze(path string, f Freeze) {
	k.name(member(path, "name"), f.Name)
	k.span(path, f.From, f.Until)
}

func (k *checker) key(path string, key Key) {
	switch key {
	case KeyToken, KeyUserID, KeyTenant, KeyEngagement:
		return
	}
	kind, name, _ := strings.Cut(string(key), ":")
	if kind != "header" && kind != "cookie" || !isToken(name) {
		k.fail(path, "want token, user_id, tenant, engagement, header:Name or cookie:Name, got %s", quote(string(key)))
	}
}

// err joins what was found.
func (k *checker) err() error { return join(k.found) }

// check says what is wrong with a State as a store, or a file, told it: one that this program does not understand must not
// decide anything.
func (s *State) check() error {
	k := &checker{}
	for i := range s.Flags {
		f := &s.Flags[i]
		if i > 0 && f.Endpoint <= s.Flags[i-1].Endpoint {
			k.fail("flags", "%s stands behind %s", quote(f.Endpoint), quote(s.Flags[i-1].Endpoint))
		}
		k.flag("flags."+f.Endpoint, f)
	}
	for i, f := range s.Freezes {
		k.freeze(fmt.Sprintf("freezes[%d]", i), f)
	}
	return k.err()
}
