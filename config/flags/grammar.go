package flags

// The members of everything that people write. Their names are those of the types' JSON.

func (d *reader) flag(n *node, path string, f *Flag) {
	d.object(n, path, "a flag: stage, and rules or the rest of docs/flags.md",
		field{"endpoint", into(d, &f.Endpoint)},
		field{"stage", into(d, &f.Stage)},
		field{"rules", func(n *node, path string) { d.rules(n, path, &f.Rules) }},
		field{"journey", into(d, &f.Journey)},
		field{"ramp", func(n *node, path string) {
			f.Ramp = &Ramp{}
			d.ramp(n, path, f.Ramp)
		}},
		field{"window", func(n *node, path string) {
			f.Window = &Window{}
			d.window(n, path, f.Window)
		}},
		field{"expires", func(n *node, path string) {
			f.Expires = &Expiry{}
			d.object(n, path, "a time, in at",
				field{"at", d.time(&f.Expires.At)},
				field{"to", func(n *node, path string) {
					f.Expires.To = &Flag{}
					d.flag(n, path, f.Expires.To)
				}})
		}},
		field{"changed", d.number(func(v int64) { f.Changed = v })})
}

func (d *reader) rules(n *node, path string, rules *[]Rule) {
	d.list(n, path, "rules", func(n *node, path string) {
		var r Rule
		d.object(n, path, "a rule: name, cohort and stage",
			field{"name", into(d, &r.Name)},
			field{"cohort", func(n *node, path string) { d.cohort(n, path, &r.Cohort) }},
			field{"stage", into(d, &r.Stage)})
		*rules = append(*rules, r)
	})
}

func (d *reader) cohort(n *node, path string, c *Cohort) {
	d.object(n, path, "who is in it: tenants, users, share and so on",
		field{"tenants", d.texts(&c.Tenants)},
		field{"engagements", d.texts(&c.Engagements)},
		field{"users", d.texts(&c.Users)},
		field{"headers", d.matches(&c.Headers)},
		field{"cookies", d.matches(&c.Cookies)},
		field{"claims", d.matches(&c.Claims)},
		field{"user_agents", d.texts(&c.UserAgents)},
		field{"origins", d.texts(&c.Origins)},
		field{"networks", func(n *node, path string) {
			d.list(n, path, "networks", func(n *node, path string) { d.network(n, path, &c.Networks) })
		}},
		field{"share", d.share(func(s Share) { c.Share = &s })})
}

func (d *reader) matches(to *[]Match) func(n *node, path string) {
	return func(n *node, path string) {
		d.list(n, path, "names with what they are compared with", func(n *node, path string) {
			var m Match
			d.object(n, path, "name, and values, prefix, version or present",
				field{"name", into(d, &m.Name)},
				field{"values", d.texts(&m.Values)},
				field{"prefix", into(d, &m.Prefix)},
				field{"version", into(d, &m.Version)},
				field{"present", d.truth(func(v bool) { m.Present = &v })})
			*to = append(*to, m)
		})
	}
}

func (d *reader) ramp(n *node, path string, r *Ramp) {
	d.object(n, path, "a ramp: rule and steps",
		field{"rule", into(d, &r.Rule)},
		field{"steps", func(n *node, path string) {
			d.list(n, path, "steps", func(n *node, path string) {
				var s Step
				d.object(n, path, "a step: share and hold",
					field{"share", d.share(func(v Share) { s.Share = v })},
					field{"hold", d.hold(&s.Hold)})
				r.Steps = append(r.Steps, s)
			})
		}},
		field{"step", d.number(func(v int64) { r.Step = int(v) })},
		field{"since", d.time(&r.Since)},
		field{"paused", d.truth(func(v bool) { r.Paused = v })})
}

func (d *reader) window(n *node, path string, w *Window) {
	d.object(n, path, "a window: stage, cohort and until",
		field{"stage", into(d, &w.Stage)},
		field{"cohort", func(n *node, path string) { d.cohort(n, path, &w.Cohort) }},
		field{"from", d.time(&w.From)},
		field{"until", d.time(&w.Until)})
}
