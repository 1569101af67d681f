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

// corsHeaders are the request headers that the platform's frontends send, and those that
// crossfade maps for clients of the session shape.
const corsHeaders = "Authorization, Content-Type, X-Request-ID, X-User-ID, X-User-Role, X-Client-Account-ID, " +
	"X-Engagement-ID, X-Flow-ID, X-Session-ID, X-Client-ID, X-Requested-With, X-Trace-ID"

// corsExposed are the headers of answers that pages have a use for.
const corsExposed = "X-Request-ID, X-Trace-ID, Deprecation, Sunset, Link, Crossfade-Mode, Crossfade-Fallback"

// version is the only version of the language of proxy.yaml.
const version = 1

// Keys lists every key in the order in which proxy.yaml has them.
func Keys() []Key {
	keys := []Key{
		{Name: "version", Default: "1", fileOnly: true, kind: number(version, version),
			Meaning: "Version of this file's language. A later crossfade that reads it differently counts up."},
		{Name: "mode", Default: string(Passthrough), Flag: "mode", kind: word("mode", modes()),
			Meaning: "Stage of every endpoint without one of its own: a mode, or `verify`, which is passthrough for the client. The default changes nothing for anybody: a migration begins when you say so. Here the file is stronger than the variable, and flags that are set at run time are stronger than both. The flag is stronger than the key: it sets all endpoints, also those with a mode of their own."},

		{Name: "no_transform", Default: string(TransformRewrite), kind: word("no_transform", noTransforms()),
			Meaning: "What dual and flow_only do with an answer that says `Cache-Control: no-transform`: `rewrite` maps it, since the directive is for those between an origin and its callers, and crossfade speaks as the origin; `pass` lets it out as it came, marked, in the session shape."},

		{Name: "server.listen", Default: "127.0.0.1:8080", Flag: "listen", alias: "CROSSFADE_LISTEN", Restart: true, kind: address(false),
			Meaning: "Where clients are served. Loopback by default, so that a first try is not open to the network; `:8080` is every interface, `unix:/run/crossfade.sock` a socket in the file system."},
		{Name: "server.tls.cert_file", Restart: true, kind: file("of certificates (PEM), the server's own first"),
			Meaning: "With it clients speak TLS (1.2 or later), with HTTP/2 and HTTP/1.1. The three files are read again when they change; while they do not fit together, the last good ones stay. Relative to the directory of this file. Default: no TLS, for a load balancer in front that ends it."},
		{Name: "server.tls.key_file", Restart: true, kind: file("of the private key (PEM)"),
			Meaning: "The key of the certificate."},
		{Name: "server.tls.client_ca_file", Restart: true, kind: file("of certificate authorities (PEM)"),
			Meaning: "With it every client has to show a certificate that one of these authorities signed. Default: none is asked for; the backend knows its callers by their tokens."},
		{Name: "server.h2c", Default: "false", Restart: true, kind: boolean(),
			Meaning: "HTTP/2 without TLS as well, for a proxy in front that speaks it (with prior knowledge; never by Upgrade). Off: nobody else does."},
		{Name: "server.own_loop", Default: "true", Restart: true, kind: boolean(),
			Meaning: "Serve HTTP/1.1 without TLS by crossfade's own loop in place of Go's server: less processor time for each request (docs/performance.md), and stricter heads (a bare line feed, a folded line, a length beside a transfer coding are a 400). On Linux; elsewhere it changes nothing. `false` is the way back to Go's server, should a client need it."},
		{Name: "server.trusted_proxies", kind: networks(),
			Meaning: "Networks of the proxies in front whose X-Forwarded-For, -Host and -Proto are believed, like `10.0.0.0/8`. From anybody else they are dropped: a backend that sees a forged one lets the wrong caller in. Default: nobody."},
		{Name: "server.compress", Default: "false", kind: boolean(),
			Meaning: "Compress mapped answers of 1 KiB and more for clients that accept it. The backend is asked for them without, so off means that they are sent so. Off, because a proxy in front often does it, and because compression tells the length of a secret that stands beside text of an attacker's choice (BREACH)."},
		{Name: "server.read_header_timeout", Default: "10s", Restart: true, kind: duration(time.Millisecond),
			Meaning: "How long a client may take to send the headers of a request, or to shake hands over TLS. It cannot be turned off: slow headers are the cheapest attack."},
		{Name: "server.body_idle_timeout", Default: "30s", kind: duration(time.Millisecond),
			Meaning: "In how long a client has to send 1 KiB of a body, or its end. Not a limit on the whole: large uploads over slow lines go on as long as they make progress. Longer than any pause of a network that still works."},
		{Name: "server.write_idle_timeout", Default: "60s", Restart: true, kind: duration(time.Millisecond),
			Meaning: "How long a client may take nothing of an answer that is there to be sent (a piece of at most 64 KiB). Streams that have nothing to say are not cut by it."},
		{Name: "server.idle_timeout", Default: "120s", Restart: true, kind: duration(0),
			Meaning: "How long a client's connection may wait for its next request; 0s is for ever. Longer than the 60 s of most load balancers, so that they close first and no request meets a closing connection."},
		{Name: "server.max_header_bytes", Default: "64KiB", Restart: true, kind: size(4*KiB, 16*MiB),
			Meaning: "Most bytes of a request's headers. Room for large cookies and tokens; Go's own default of 1 MiB is what an attacker would like."},
		{Name: "server.drain_delay", Default: "0s", kind: duration(0),
			Meaning: "How long to serve on after a TERM signal while already answering not ready, so that load balancers look elsewhere first. Set it to their probe interval; without one it only makes stopping slow."},
		{Name: "server.shutdown_timeout", Default: "30s", kind: duration(0),
			Meaning: "How long requests may take to finish after that; 0s cuts them at once. Kubernetes kills after 30 s by default: count drain_delay in."},

		{Name: "cors.allowed_origins", kind: origins(),
			Meaning: "Pages that may call from a browser, each exactly as browsers write it: `https://app.example.com`. With one or more, crossfade answers for CORS alone, its own errors included, and what the backend says of it is left out. Default: CORS is left to the backend, untouched."},
		{Name: "cors.allowed_methods", Default: "GET, HEAD, POST, PUT, PATCH, DELETE", kind: tokens("methods", "GET"),
			Meaning: "Methods that those pages may use: what the backend has routes for."},
		{Name: "cors.allowed_headers", Default: corsHeaders, kind: tokens("header names", "Content-Type"),
			Meaning: "Request headers that those pages may send: what the platform's frontends are known to send, in both shapes. Names are compared without regard to case."},
		{Name: "cors.exposed_headers", Default: corsExposed, kind: tokens("header names", "X-Request-ID"),
			Meaning: "Headers of answers that those pages may read: the ids by which an error is found in the logs, until when a session route is there and what succeeds it, and which shape an answer has."},
		{Name: "cors.allow_credentials", Default: "true", kind: boolean(),
			Meaning: "Whether calls may carry cookies and client certificates. On, since the platform's frontends ask with `credentials: include`, and the origins are exact; must be off with the origin `*`."},
		{Name: "cors.max_age", Default: "10m", kind: duration(0),
			Meaning: "How long a browser may remember the answer to a preflight; 0s is not at all. As the backend's own; browsers cut it at 2 h or less."},

		{Name: "admin.listen", Default: "127.0.0.1:9901", Flag: "admin", alias: "CROSSFADE_ADMIN", Restart: true, kind: address(true),
			Meaning: "Where operators are served, apart from the traffic and on loopback, since it can change things. Empty: no admin listener."},
		{Name: "admin.token", Default: "", Restart: true, kind: secret("a token", 16),
			Meaning: "A token that may do everything, for the admin API and the command. Best given by `CROSSFADE_ADMIN_TOKEN_FILE`. Without it and without tokens_file, the first start makes one and keeps it in `admin.token` of the data directory, which the command finds by itself on that machine."},
		{Name: "admin.tokens_file", kind: file("of tokens: a line each with a name, a role (read, operate, admin) and the token"),
			Meaning: "Who else may use the admin API, and by which name the journal knows them. Read again when it changes. Default: nobody."},
		{Name: "admin.hosts", kind: hosts(),
			Meaning: "Names by which the admin listener may be called, beside loopback and the address it listens on: a browser that was led here by another name is refused. Default: none."},
		{Name: "admin.open_metrics", Default: "true", Restart: true, kind: boolean(),
			Meaning: "Whether /metrics is served without a token. There are no tenants, users or paths in it, and collectors often have no token."},

		{Name: "flags.bucket_by", Default: "token, user_id, tenant", kind: bucketKeys(),
			Meaning: "What of a request puts it into its bucket, the first that is there: `token` (the user that the bearer token names, which is read and not trusted), `user_id` (X-User-ID), `tenant`, `engagement`, `header:NAME` or `cookie:NAME`. Never the address or a request id: they change."},
		{Name: "flags.without_key", Default: "skip", kind: word("without_key", append([]Mode{"skip"}, modes()...)),
			Meaning: "What a rule with a share does with a request that has none of these: `skip` goes on to the next rule; a stage is what it gets. Never by chance."},
		{Name: "flags.override_header", Default: "Crossfade-Override", kind: headerName(),
			Meaning: "The request header by which a frontend developer asks for a stage, where one of the three keys below allows it; from anybody else it is not looked at. It is not passed on to the backend."},
		{Name: "flags.override_secret", Default: "", kind: secret("a secret", 16),
			Meaning: "With it, overrides that `crossfade flags sign` has signed count, from everywhere, until they expire. Best given by `CROSSFADE_FLAGS_OVERRIDE_SECRET_FILE`."},
		{Name: "flags.override_networks", kind: networks(),
			Meaning: "Networks of clients whose overrides count without a signature. Default: nobody's."},
		{Name: "flags.override_tenants", kind: names("tenants", "11111111-1111-1111-1111-111111111111"),
			Meaning: "Client accounts whose overrides count without a signature; a caller may name any tenant, so this is for trying, where nothing is at stake. Default: nobody's."},
		{Name: "flags.freezes", kind: freezes(),
			Meaning: "Times in which flags cannot be changed, each as `2026-12-20T00:00:00Z/2027-01-02T00:00:00Z`; the kill switch works in them. Default: none."},
		{Name: "flags.provider", Restart: true, kind: flagProvider(),
			Meaning: "Another system that keeps the flags, in the place of the store: `flagd:file:PATH`, a file in flagd's language; `flagd:grpc:HOST:PORT`, a flagd's sync service, or `flagd:grpcs:HOST:PORT` over TLS. Flags are then changed there alone (docs/openfeature.md). Default: none, they are in the store."},
		{Name: "flags.provider_prefix", Restart: true, kind: text(`a prefix of keys, or "" for none`, true),
			Meaning: "What stands there before the key of each flag, where the system has those of others too: `crossfade-`. Default: nothing."},
		{Name: "flags.provider_context", Restart: true, kind: attributes(),
			Meaning: "What that system's targeting may know of this crossfade, like `environment=staging`. Default: nothing."},
		{Name: "ofrep.listen", Default: "", Restart: true, kind: address(true),
			Meaning: "Where frontends may ask for decisions by OpenFeature's remote evaluation protocol, without a token: whoever reaches it can learn what stage anybody would get. Empty: on the admin listener alone."},

		{Name: "upstream.url", Default: "", Flag: "upstream", alias: "CROSSFADE_UPSTREAM", kind: upstreamURLs(),
			Meaning: "The legacy backend, http, https or `unix:///path/of/socket`; a path behind a host goes before every path. Several addresses of one backend are separated by commas: the least busy one is asked. No default: `serve` asks for it."},
		{Name: "upstream.http2", Default: "false", kind: boolean(),
			Meaning: "Speak HTTP/2 to the backend: over https if it agrees, else without asking, which it must understand. Off: HTTP/1.1 is what everybody has tested."},
		{Name: "upstream.tls.ca_file", kind: file("of certificate authorities (PEM)"),
			Meaning: "The authorities that may have signed an https backend's certificate, and no others. The files are read again when they change; while they are bad, the last good ones stay. Default: the system's."},
		{Name: "upstream.tls.cert_file", kind: file("of certificates (PEM), crossfade's own first"),
			Meaning: "The certificate that crossfade shows to a backend that asks for one. Default: none."},
		{Name: "upstream.tls.key_file", kind: file("of the private key (PEM)"),
			Meaning: "The key of that certificate."},
		{Name: "upstream.tls.server_name", kind: text(`a host name, or "" for the host of the URL`, true),
			Meaning: "The name that the backend's certificate must have, where it is not the host of the URL."},
		{Name: "upstream.tls.handshake_timeout", Default: "3s", kind: duration(time.Millisecond),
			Meaning: "How long the TLS handshake may take. With dial_timeout it bounds how long a client waits to be told that nobody is there."},
		{Name: "upstream.dial_timeout", Default: "2s", kind: duration(time.Millisecond),
			Meaning: "How long connecting may take. A backend in the same network answers in milliseconds; waiting longer only fills the queue."},
		{Name: "upstream.send_timeout", Default: "60s", kind: duration(time.Millisecond),
			Meaning: "How long the backend may take nothing of a body that is being sent to it. Not a limit on the whole."},
		{Name: "upstream.response_header_timeout", Default: "60s", kind: duration(time.Millisecond),
			Meaning: "How long the backend may think before its first byte. As nginx and most gateways, so that crossfade in front does not cut slow calls that worked before."},
		{Name: "upstream.body_idle_timeout", Default: "30s", kind: duration(time.Millisecond),
			Meaning: "How long the backend may pause in a body that is mapped: its client gets nothing before it is whole. Bodies that nobody maps, and streams, may rest as long as their two ends like."},
		{Name: "upstream.body_timeout", Default: "2m", kind: duration(time.Millisecond),
			Meaning: "How long the whole of such a body may take. A backend that trickles cannot hold memory for ever; real bodies take less than a second."},
		{Name: "upstream.idle_timeout", Default: "90s", kind: duration(time.Millisecond),
			Meaning: "How long an unused connection to the backend is kept. If the backend closes its own sooner (uvicorn: 5 s), set it below that."},
		{Name: "upstream.max_idle_connections", Default: "256", kind: number(1, 65536),
			Meaning: "Most unused connections kept to each address of the backend. At least as many as requests usually run at once, else connections are made anew under load."},
		{Name: "upstream.max_header_bytes", Default: "1MiB", kind: size(4*KiB, 16*MiB),
			Meaning: "Most bytes of the head of an answer; a larger one is a 502. Far above what backends send, so that nothing that worked before breaks."},
		{Name: "upstream.breaker.failures", Default: "5", kind: number(0, 1000000),
			Meaning: "After how many failures in a row an address is not asked for a while, so that callers are told at once (503 with Retry-After) and a backend that comes up is not met by all of them together. 0: never."},
		{Name: "upstream.breaker.open_for", Default: "1s", kind: duration(time.Millisecond),
			Meaning: "How long it is not asked then; after that one request tries. Short, since the one that tries is all that a dead backend costs, and a live one is found soon."},
		{Name: "upstream.breaker.counts", Default: "connect", kind: word("counts", []string{"connect", "no_answer", "server_error"}),
			Meaning: "What is a failure: `connect`, that no connection can be made; `no_answer`, also that no answer comes; `server_error`, also a status of 500 or above. A backend that answers is not failing as a whole, so the default leaves its answers alone."},
		{Name: "upstream.health.path", kind: upstreamPath(),
			Meaning: "What each address is asked for to see whether it is well: a status below 400. One that is not is asked after the others; when none is well, all are asked. Default: no checks, for one address has no other to turn to."},
		{Name: "upstream.health.interval", Default: "5s", kind: duration(time.Millisecond),
			Meaning: "From one check to the next. Three of them are how long a sick address is still asked."},
		{Name: "upstream.health.timeout", Default: "2s", kind: duration(time.Millisecond),
			Meaning: "How long one check may take."},
		{Name: "upstream.health.fall", Default: "3", kind: number(1, 100),
			Meaning: "How many checks in a row have to fail before an address counts as down: one may be an accident."},
		{Name: "upstream.health.rise", Default: "2", kind: number(1, 100),
			Meaning: "How many have to succeed before it counts as up again."},

		{Name: "contracts", kind: listKind("files"),
			Meaning: "Contract files of your own, read behind the built-in contract in this order. Relative to the directory of this file."},
		{Name: "rules", kind: listKind("rules"),
			Meaning: "Who gets another stage than `mode` says, of all endpoints without rules of their own: a list of rules as docs/flags.md has them, the first that fits counts."},
		{Name: "endpoints", kind: listKind("endpoints"),
			Meaning: "What differs for single endpoints, each named once. `crossfade endpoints` lists the names."},
		{Name: "endpoints[].name", fileOnly: true, kind: text("the name of an endpoint", false),
			Meaning: "Which endpoint, as the contract names it."},
		{Name: "endpoints[].mode", kind: word("mode", modes()),
			Default: "what `mode` says",
			Meaning: "Its mode."},
		{Name: "endpoints[].rules", kind: listKind("rules"), fileOnly: true,
			Meaning: "Who gets another stage than its mode says, like `rules`."},
		{Name: "endpoints[].journey", kind: text("the name of a journey", false),
			Default: "what the contract says",
			Meaning: "Its journey: endpoints of one journey flip together for a caller, since they share its bucket."},
		{Name: "endpoints[].enabled", kind: boolean(),
			Default: "what the contract says",
			Meaning: "`false` lets its routes pass untouched, as if nobody had declared it; `true` switches on what the contract ships off."},
		{Name: "endpoints[].session_route", kind: word("session_route", sessionRoutes()),
			Default: string(SessionGone),
			Meaning: "What its session route answers in flow_only, where it has a flow route of its own: `gone` is a 410 that links the flow route, so that a forgotten client is found; `serve` lets it work."},
		{Name: "endpoints[].no_transform", kind: word("no_transform", noTransforms()),
			Default: "what `no_transform` says",
			Meaning: "What becomes of its answers that say `Cache-Control: no-transform`."},
		{Name: "endpoints[].on_failure", kind: word("on_failure", onFailures()),
			Default: string(FailureRefuse),
			Meaning: "What a client gets in flow_only when the backend's body cannot be mapped: `refuse` is a 502, since flow_only promises that no session name comes through; `original` is the backend's body, marked."},

		{Name: "store.url", Flag: "store", Restart: true, kind: storeURL(),
			Meaning: "Where is kept what crossfade remembers: `sqlite:PATH`, `postgres://…` when there are several replicas, or `none`. Default: `crossfade.db` in `data_dir`, none without that. A password is best given by CROSSFADE_STORE_URL_FILE."},

		{Name: "flows.memory", Default: "true", kind: boolean(),
			Meaning: "Remember which flow a caller has activated, and what flows are beyond what the backend keeps, in dual and flow_only. Off, or without a store: `flow/activate` is mapped to a session switch and forgotten."},
		{Name: "flows.manage", Default: "false", kind: boolean(),
			Meaning: "Serve `/api/v1/flows` (create, read, change, delete, list), before the backend's `/api/v1/sessions`. Off: most backends have flows of their own there."},
		{Name: "flows.activate", Default: string(ActivateAuto), kind: word("activate", activations()),
			Meaning: "How the backend is told of an activated flow: `session_switch`, `me_defaults` (PUT `/context/me/defaults`), or `auto`: the first, and the second where the first is missing or fails. The legacy build's switch always fails; `me_defaults` saves asking it."},
		{Name: "flows.sources", kind: flowSources(),
			Meaning: "Lists of the backend's from which a caller's flows are taken beside the context: `master_flows`, `discovery_flows`, `sessions`. Each costs the backend a call for each context. Default: none; `sessions` where flows are managed."},
		{Name: "flows.source_timeout", Default: "300ms", kind: duration(time.Millisecond),
			Meaning: "How long a context may wait for those lists after the backend's own answer is there. Then it goes out without them."},
		{Name: "flows.recall_timeout", Default: "250ms", kind: duration(time.Millisecond),
			Meaning: "How long a context may wait for the store. Then it goes out without memory, marked, and for a second the store is not asked again."},
		{Name: "flows.forget_after", Default: "720h", kind: duration(time.Minute),
			Meaning: "How long the backend must have ceased to list a flow before what is remembered of it is deleted. A month, so that a mishap of the backend's deletes nothing."},
		{Name: "flows.platform_schema", Restart: true, kind: schemaName(),
			Meaning: "The schema of the platform's tables `users` and `engagements`, when the store is in the platform's own PostgreSQL database: then the plan's tables are made beside them, with foreign keys. Default: in crossfade's own schema, without."},

		{Name: "lifecycle.deprecation", Default: "", kind: date(),
			Meaning: "From when session routes are to be given up: sent as `Deprecation` on them in dual. Empty: nothing is said. Dates of the contract for single endpoints are stronger, those for all endpoints weaker."},
		{Name: "lifecycle.sunset", Default: "", kind: date(),
			Meaning: "From when session routes may be gone: sent as `Sunset`. Not before the deprecation. It announces; what then happens is the endpoint's mode."},
		{Name: "lifecycle.link", Default: "", kind: link(),
			Meaning: "Address of a page that tells people about it, sent in `Link` beside the route that succeeds. Without a date it is not told."},

		{Name: "limits.max_body", Default: "16MiB", kind: size(KiB, GiB),
			Meaning: "Most bytes of a body that is mapped; bodies that nobody maps stream and have no limit. It bounds the memory of one request to a few times this. A context of a thousand sessions has less than 1 MiB."},
		{Name: "limits.stream_above", Default: "256KiB", kind: size(KiB, 1024*GiB),
			Meaning: "Answers in dual that are longer go out as they come, and the flow members are added at their end, where the lens allows it: the client has its first byte at once, and only what is added is held, at most `limits.max_body`. Such an answer has no Content-Length, no ETag in its head, and tells a fallback in a trailer alone. A length that no answer has turns it off."},
		{Name: "limits.max_depth", Default: "512", kind: number(8, 10000),
			Meaning: "Deepest nesting, in objects and lists, of a body that is mapped. Real bodies have less than 20; a bomb has thousands."},
		{Name: "limits.max_ratio", Default: "200", kind: number(10, 100_000),
			Meaning: "How many times its encoded length a compressed body may have when it is decoded to be mapped, where that is more than 1 MiB. As Apache's; real JSON stays below 100, a gzip bomb has about 1000."},
		{Name: "limits.max_message", Default: "1MiB", kind: size(KiB, 64*MiB),
			Meaning: "Most bytes of one message of a stream (an event, a line, a WebSocket message) that is mapped, with its framing. Each open stream may hold one; messages that nobody maps have no limit."},
		{Name: "limits.max_header_fields", Default: "100", kind: number(10, 10000),
			Meaning: "Most header fields of a request, each line counted; more is a 431. As Envoy; browsers send about 20, and proxies in front add a few."},
		{Name: "limits.max_connections", Default: "16384", Restart: true, kind: number(16, 1_000_000),
			Meaning: "Most connections of clients at once. When they are all taken, a new one takes the place of one that waits for its client, the longest of some that are looked at; when none waits, it is closed. Each takes about 20 KiB. Keep it below the limit on open files."},
		{Name: "limits.max_requests", Default: "4096", kind: number(1, 1_000_000),
			Meaning: "Most requests that run at once, open WebSockets and streams included; one more is a 503 with Retry-After. Far more than the backend can work on, and still small enough to hold in memory (64 KiB each while a body streams)."},
		{Name: "limits.max_memory", Default: "256MiB", kind: size(MiB, 1024*GiB),
			Meaning: "Most bytes of bodies that are held at once to be mapped: as they came, decoded and mapped. A request whose body finds no room is a 503 with Retry-After; an answer that finds none is treated as one that cannot be mapped. At least four times `limits.max_body`. Go takes up to twice as much: half of what the process may have is a good value."},

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
