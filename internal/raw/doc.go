// Package raw is the two ends of an HTTP/1.1 connection without manners, for tests: an upstream
// that lies, dribbles, dies, bombs and poisons, and a client that asks as nobody should.
//
// What a peer does is a script, a list of [Step] values that say it in order:
//
//	upstream := raw.Serve(t,
//		raw.Take(),                                                    // a request, whole
//		raw.Send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), // a lie
//		raw.Reset(),
//	)
//	client := raw.Dial(t, address)
//	client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
//	answer := client.Answer("GET")
//
// An [Upstream] runs its script on each connection, from its first byte on; [Loop] repeats steps
// for requests that share one. Everything that arrives is kept as it came, byte for byte.
//
// Both ends read strictly (message.go): one framing field, CRLF everywhere, nothing folded, no chunk
// extension. That is the point: what such a reader makes of the bytes is what was meant, and where it
// finds a fault, other readers may disagree. An Upstream that was sent such bytes fails its test,
// unless the script says that it may happen ([Upstream.Forgive]).
//
// Nothing here uses net/http, which would hide what the tests are about.
package raw

import "time"

// patience bounds every wait: far more than anything on one machine should take.
const patience = 20 * time.Second
