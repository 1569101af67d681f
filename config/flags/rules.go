package flags

import "slices"

// ruleContext is what all rules of a snapshot share.
type ruleContext struct {
	tenantFields, engagementFields []string
	keys                           []keySource
	keyConsulted                   []string // the fields that the chain may look at
	keyToken                       bool     // the chain may look at the token
	withoutKey                     Stage
}

func newRuleContext(s *Settings) *ruleContext {
	r := &ruleContext{tenantFields: tenantFields(), engagementFields: engagementFields(), withoutKey: s.WithoutKey}
	keys := s.Keys
	if keys == nil {
		keys = DefaultKeys()
	}
	for _, key := range keys {
		source := newKeySource(key)
		r.keys = append(r.keys, source)
		switch {
		case source.token:
			r.keyToken = true
			r.keyConsulted = append(r.keyConsulted, "Authorization")
		case source.cookie != "":
			r.keyConsulted = append(r.keyConsulted, "Cookie")
		default:
			r.keyConsulted = append(r.keyConsulted, source.fields...)
		}
	}
	return r
}

// rule is something in a chain that may decide.
type rule struct {
	condition *condition // of everybody when it is no Rule
	// says is the decision without what depends on the request. Its Consulted and Private include all rules before it.
	says Decision
	// lists is there for the first of several rules in a row that are nothing but lists of client accounts: which of the rules a
	// client account is in first, so that many rules cost what one does. next is the one behind them.
	lists map[string]int
	next  int
}

// chain is everything that may decide for one endpoint, in order. The last one is for everybody.
type chain struct {
	rules   []rule
	token   bool // a rule may look into the token
	journey string
}

// compiler makes chains. What several endpoints share is made once.
type compiler struct {
	context    *ruleContext
	version    int64
	override   []string // fields that are always consulted
	conditions map[*Cohort]*condition
	lists      map[listKey]map[string]int
}

type listKey struct {
	first *condition
	count int
}

func newCompiler(context *ruleContext, version int64, override []string) *compiler {
	return &compiler{context: context, version: version, override: override, conditions: map[*Cohort]*condition{}, lists: map[listKey]map[string]int{}}
}

// add puts a cohort's decision behind those of the chain.
func (k *compiler) add(c *chain, cohort *Cohort, says Decision) {
	d := k.conditions[cohort]
	if d == nil {
		d = newCondition(cohort, k.context)
		k.conditions[cohort] = d
	}
	before, private := k.override, false
	if n := len(c.rules); n > 0 {
		before, private = c.rules[n-1].says.Consulted, c.rules[n-1].says.Private
	}
	says.Version = k.version
	says.Consulted = union(before, d.consulted)
	says.Private = private || d.private
	c.token = c.token || d.token
	c.rules = append(c.rules, rule{condition: d, says: says})
}

// union gives the names of both; before itself when there are no more.
func union(before, more []string) []string {
	all := before
	for _, name := range more {
		if !slices.Contains(all, name) {
			all = append(all[:len(all):len(all)], name)
		}
	}
	return all
}

// finish joins rules in a row that are nothing but lists of client accounts.
func (k *compiler) finish(c *chain) {
	for i := 0; i < len(c.rules); {
		end := i
		for end < len(c.rules) && c.rules[end].condition.isTenantList() {
			end++
		}
		if end > i+1 {
			key := listKey{c.rules[i].condition, end - i}
			if k.lists[key] == nil {
				k.lists[key] = listsOf(c.rules[i:end])
			}
			c.rules[i].lists, c.rules[i].next = k.lists[key], end
		}
		i = max(end, i+1)
	}
}

// listsOf says for each client account in which of some rules it is first.
func listsOf(rules []rule) map[string]int {
	first := map[string]int{}
	for i := range rules {
		for tenant := range rules[i].condition.tenants {
			if _, ok := first[tenant]; !ok {
				first[tenant] = i
			}
		}
	}
	return first
}

func (d *condition) isTenantList() bool {
	return d.tenants != nil && d.engagements == nil && d.users == nil && d.headers == nil && d.cookies == nil &&
		d.claims == nil && d.agents == nil && d.origins == nil && d.networks == nil && !d.hasShare
}

// addFlag puts everything that a flag says behind the chain: its window while it is open, its rules, its stage.
func (k *compiler) addFlag(c *chain, f *Flag, open bool) {
	source := "flag " + f.Endpoint
	if open {
		k.add(c, &f.Window.Cohort, Decision{Stage: f.Window.Stage, Reason: ReasonWindow, Source: source, Rule: "brownout"})
	}
	for i := range f.Rules {
		k.add(c, &f.Rules[i].Cohort, Decision{Stage: f.Rules[i].Stage, Reason: ReasonRule, Source: source, Rule: f.Rules[i].Name})
	}
	k.add(c, everybody(), Decision{Stage: f.Stage, Reason: ReasonFlag, Source: source})
}

// addStatic puts what a source of the configuration says behind the chain. It tells whether everybody has a stage now.
func (k *compiler) addStatic(c *chain, s Static, reason Reason) bool {
	for i := range s.Rules {
		k.add(c, &s.Rules[i].Cohort, Decision{Stage: s.Rules[i].Stage, Reason: reason, Source: s.Source, Rule: s.Rules[i].Name})
	}
	if s.Stage != "" {
		k.add(c, everybody(), Decision{Stage: s.Stage, Reason: reason, Source: s.Source})
	}
	return s.Stage != ""
}

// addSettings puts what the configuration says about an endpoint behind the chain, and the built-in default.
func (k *compiler) addSettings(c *chain, s *Settings, endpoint string) {
	for _, source := range s.sources(endpoint) {
		if k.addStatic(c, source.static, source.reason) {
			return
		}
	}
	k.add(c, everybody(), Decision{Stage: Passthrough, Reason: ReasonDefault, Source: builtIn})
}

const builtIn = "built in"

func everybody() *Cohort { return &Cohort{} }
