package config

import "testing"

func TestWhereThingsAreKept(t *testing.T) {
	for _, test := range []struct{ name, yaml, want, shown string }{
		{"in the data directory", "", "sqlite:data/crossfade.db", ""},
		{"in another one", "data_dir: /var/lib/x", "sqlite:/var/lib/x/crossfade.db", ""},
		{"nowhere", "data_dir: ''", "", ""},
		{"nowhere, by word", "store: {url: none}", "", "none"},
		{"in a file", "store: {url: 'sqlite:a.db'}", "sqlite:a.db", "sqlite:a.db"},
		{"on a server", "store: {url: 'postgres://u:secret@h/d'}", "postgres://u:secret@h/d", "postgres://u:xxxxx@h/d"},
		{"with the password as a parameter", "store: {url: 'postgres://h/d?password=secret'}", "postgres://h/d?password=secret", "postgres://h/d?password=xxxxx"},
		{"with a password that is no URL's", "store: {url: 'postgres://u:se%zzret@h/d'}", "postgres://u:se%zzret@h/d", "postgres:…"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := load(t, options(test.yaml))
			if got, shown := c.StoreURL(), c.value("store.url"); got != test.want || shown != test.shown {
				t.Errorf("got %q, shown as %q", got, shown)
			}
		})
	}
}

func TestBadFlowSettings(t *testing.T) {
	for _, test := range []struct{ name, yaml, want string }{
		{"another database", "store: {url: 'mysql://u:secret@h'}", `proxy.yaml:1: store.url: want sqlite:PATH, postgres://USER@HOST/DATABASE, none, or "" for the data directory`},
		{"a platform without PostgreSQL", "flows: {platform_schema: public}", `proxy.yaml:1: flows.platform_schema: "public" is in no PostgreSQL database (want store.url: postgres://…)`},
		{"a schema that needs quotes", "store: {url: 'postgres://h/d'}\nflows: {platform_schema: My}", `proxy.yaml:2: flows.platform_schema: want the name of a schema such as public, or "", got "My"`},
		{"managed without memory", "flows: {manage: true, memory: false}", `proxy.yaml:1: flows.manage: needs flows.memory and a store (give store.url or data_dir)`},
		{"managed without a store", "data_dir: ''\nflows: {manage: true}", `proxy.yaml:2: flows.manage: needs flows.memory and a store (give store.url or data_dir)`},
		{"another way", "flows: {activate: switch}", `proxy.yaml:1: flows.activate: unknown activate "switch" (want auto, session_switch or me_defaults)`},
		{"another source", "flows: {sources: [flows]}", `proxy.yaml:1: flows.sources: unknown source "flows" (want master_flows, discovery_flows or sessions)`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(options(test.yaml))
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}
