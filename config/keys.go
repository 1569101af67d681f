package config

import (
	"strings"
	"time"
)

// Key is one key of proxy.yaml, and what else may give its value.
type Key struct {
	// Name is dotted: "server.listen". "endpoints[].mode" is the mode of an item of the list.
	Name string
	// Values says what it takes: "duration", or the words themselves.
	Values string
	// Default is written as in proxy.yaml, without quotes.
	Default string
	// Env lists the variables, the usual one first; none for what the file alone can give. <NAME>
	// stands for the name of an endpoint in upper case with _ for -. Each may have _FILE
	// behind it: then its value is the name of a file that holds the value.
	Env []string
	// Flag is the command's flag, without dashes; "" for none.
	Flag string
	// Restart: a running process keeps the value that it started with.
	Restart bool
	// Meaning is for docs/configuration.md: sentences with the reason of the default.
	Meaning string

	kind     kind
	alias    string // a shorter variable for the keys that everybody sets
	fileOnly bool   // no variable gives it
}

// endpointPrefix begins the names of the keys of an item of `endpoints`.
const endpointPrefix = "endpoints[]."

// version is the only version of the language of proxy.yaml.
const version = 1

// Keys lists every key in the order in which proxy.yaml has them.
func Keys() []Key {
	keys := []Key{
		{Name: "version", Default: "1", fileOnly: true, kind: number(version, version),
			Meaning: "Version of this file's language. A later crossfade that reads it differently counts up."},
		{Name: "mode", Default: string(Passthrough), Flag: "mode", kind: word("mode", modes()),
			Meaning: "Mode of every endpoint without one of its own. The default changes nothing for anybody: a migration begins when you say so. The flag is stronger than the key: it sets all endpoints, also those with a mode of their own."},

		{Name: "server.listen", Default: "127.0.0.1:8080", Flag: "listen", alias: "CROSSFADE_LISTEN", Restart: true, kind: address(false),
			Meaning: "Where clients are served. Loopback by default, so that a first try is not open to the network; `:8080` is every interface."},
		{Name: "server.read_header_timeout", Default: "10s", Restart: true, kind: duration(time.Millisecond),
			Meaning: "How long a client may take to send the headers of a request. It cannot be turned off: slow headers are the cheapest attack."},
		{Name: "server.idle_timeout", Default: "120s", Restart: true, kind: duration(0),
			Meaning: "How long a client's connection may wait for its next request; 0s is for ever. Longer than the 60 s of most load balancers, so that they close first and no request meets a closing connection."},
		{Name: "server.max_header_bytes", Default: "64KiB", Restart: true, kind: size(4*KiB, 16*MiB),
			Meaning: "Most bytes of a request's headers. Room for large cookies and tokens; Go's own default of 1 MiB is what an attacker would like."},
		{Name: "server.drain_delay", Default: "0s", kind: duration(0),
			Meaning: "How long to serve on after a TERM signal while already answering not ready, so that load balancers look elsewhere first. Set it to their probe interval; without one it only makes stopping slow."},
		{Name: "server.shutdown_timeout", Default: "30s", kind: duration(0),
			Meaning: "How long requests may take to finish after that; 0s cuts them at once. Kubernetes kills after 30 s by default: count drain_delay in."},

		{Name: "admin.listen", Default: "127.0.0.1:9901", Flag: "admin", alias: "CROSSFADE_ADMIN", Restart: true, kind: address(true),
			Meaning: "Where operators are served, apart from the traffic and on loopback, since it can change things. Empty: no admin listener."},

		{Name: "upstream.url", Default: "", Flag: "upstream", alias: "CROSSFADE_UPSTREAM", kind: upstreamURL(),
			Meaning: "The legacy backend, http or https; a path in it goes before every path. No default: `serve` asks for it."},
		{Name: "upstream.dial_timeout", Default: "2s", kind: duration(time.Millisecond),
			Meaning: "How long connecting may take. A backend in the same network answers in milliseconds; waiting longer only fills the queue."},
		{Name: "upstream.response_header_timeout", Default: "60s", kind: duration(time.Millisecond),
			Meaning: "How long the backend may think before its first byte. As nginx and most gateways, so that crossfade in front does not cut slow calls that worked before."},
		{Name: "upstream.idle_timeout", Default: "90s", kind: duration(time.Millisecond),
			Meaning: "How long an unused connection to the backend is kept. If the backend closes its own sooner (uvicorn: 5 s), set it below that."},
		{Name: "upstream.max_idle_connections", Default: "256", kind: number(1, 65536),
			Meaning: "Most unused connections kept to the backend. At least as many as requests usually run at once, else connections are made anew under load."},

		{Name: "contracts", kind: listKind("files"),
			Meaning: "Contract files of your own, read behind the built-in contract in this order. Relative to the directory of this file."},
		{Name: "endpoints", kind: listKind("endpoints"),
			Meaning: "What differs for single endpoints, each named once. `crossfade endpoints` lists the names."},
		{Name: "endpoints[].name", fileOnly: true, kind: text("the name of an endpoint", false),
			Meaning: "Which endpoint, as the contract names it."},
		{Name: "endpoints[].mode", kind: word("mode", modes()),
			Default: "what `mode` says",
			Meaning: "Its mode."},
		{Name: "endpoints[].enabled", kind: boolean(),
			Default: "what the contract says",
			Meaning: "`false` lets its routes pass untouched, as if nobody had declared it; `true` switches on what the contract ships off."},
		{Name: "endpoints[].session_route", kind: word("session_route", sessionRoutes()),
			Default: string(SessionGone),
			Meaning: "What its session route answers in flow_only, where it has a flow route of its own: `gone` is a 410 that links the flow route, so that a forgotten client is found; `serve` lets it work."},
		{Name: "endpoints[].on_failure", kind: word("on_failure", onFailures()),
			Default: string(FailureRefuse),
			Meaning: "What a client gets in flow_only when the backend's body cannot be mapped: `refuse` is a 502, since flow_only promises that no session name comes through; `original` is the backend's body, marked."},

		{Name: "limits.max_body", Default: "16MiB", kind: size(KiB, GiB),
			Meaning: "Most bytes of a body that is mapped; bodies that nobody maps stream and have no limit. It bounds the memory of one request to a few times this. A context of a thousand sessions has less than 1 MiB."},
		{Name: "limits.max_depth", Default: "512", kind: number(8, 10000),
			Meaning: "Deepest nesting, in objects and lists, of a body that is mapped. Real bodies have less than 20; a bomb has thousands."},

		{Name: "log.level", Default: "info", kind: word("level", []string{"debug", "info", "warn", "error"}),
			Meaning: "Least severe lines to log. At `info` each request has one line."},
		{Name: "log.format", Default: "auto", Restart: true, kind: word("format", []string{"auto", "json", "console"}),
			Meaning: "`auto` is `console` when standard error is a terminal, else `json`."},

		{Name: "data_dir", Default: "./data", Flag: "data", Restart: true, kind: text(`a directory (in quotes if it looks like a number), or "" for none`, true),
			Meaning: "Directory for what is kept between starts, relative to the working directory. Empty: nothing is kept."},
	}
	for i := range keys {
		keys[i].complete()
	}
	return keys
}

// scalar tells whether a key is one value of the whole: not a list nor a part of one.
func (k *Key) scalar() bool {
	return k.kind.parse != nil && !strings.HasPrefix(k.Name, endpointPrefix)
}

// complete derives what follows from the rest of the entry.
func (k *Key) complete() {
	k.Values = k.kind.name
	if k.fileOnly || k.kind.parse == nil {
		return
	}
	if attribute, ok := strings.CutPrefix(k.Name, endpointPrefix); ok {
		k.Env = []string{endpointEnv("<NAME>", attribute)}
		return
	}
	k.Env = []string{envPrefix + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))}
	if k.alias != "" {
		k.Env = append(k.Env, k.alias)
	}
}
