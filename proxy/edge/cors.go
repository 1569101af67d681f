package edge

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"
)

// CORSOptions says which pages of browsers may call.
type CORSOptions struct {
	// AllowedOrigins are compared byte for byte; "*" alone is every page. At least one.
	AllowedOrigins []string
	// AllowedMethods are asked for; GET, HEAD and POST go without asking.
	AllowedMethods []string
	AllowedHeaders []string
	ExposedHeaders []string
	// AllowCredentials must be false with "*".
	AllowCredentials bool
	// MaxAge is how long a browser may remember a preflight, in whole seconds; 0 is not at all.
	MaxAge time.Duration
}

// CORS puts just one set of CORS headers on every answer of next, its errors included: what
// next says of it is taken out. A preflight goes to next too, which has to answer 204: its headers
// are the answer.
func CORS(o CORSOptions, next http.Handler) http.Handler {
	maxAge := int(o.MaxAge / time.Second)
	if maxAge == 0 {
		maxAge = -1 // the library's way to say 0; its 0 leaves it to the browser
	}
	allowed := o.AllowedHeaders
	if len(allowed) == 0 {
		allowed = []string{"Accept"} // which browsers may send anyway; for the library, none are some of its own
	}
	headers := cors.New(cors.Options{
		AllowedOrigins:     o.AllowedOrigins,
		AllowedMethods:     o.AllowedMethods,
		AllowedHeaders:     allowed,
		ExposedHeaders:     o.ExposedHeaders,
		AllowCredentials:   o.AllowCredentials,
		MaxAge:             maxAge,
		OptionsPassthrough: true,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &crossOrigin{ResponseWriter: w}
		headers.HandlerFunc(&c.own, asBrowsersAsk(r))
		next.ServeHTTP(c, r)
	})
}

// asBrowsersAsk gives a preflight with the names of the headers that it asks for in small letters and in order, as browsers write
// them. The library understands them only so; to HTTP they mean the same in any.
func asBrowsersAsk(r *http.Request) *http.Request {
	const field = "Access-Control-Request-Headers"
	if r.Method != http.MethodOptions || r.Header[field] == nil {
		return r
	}
	var names []string
	for name := range strings.SplitSeq(strings.Join(r.Header[field], ","), ",") {
		if name = strings.ToLower(strings.Trim(name, " \t")); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	asked := r.WithContext(r.Context())
	asked.Header = maps.Clone(r.Header)
	asked.Header[field] = []string{strings.Join(slices.Compact(names), ",")}
	return asked
}

// crossOrigin is an answer that gets its CORS headers where its head goes out. Sooner would be
// too soon: interim answers (1xx) take what is there with them.
type crossOrigin struct {
	http.ResponseWriter
	own  decided
	done bool
}

// WriteHeader sends the head; interim ones pass as they are.
func (c *crossOrigin) WriteHeader(status int) {
	if !c.done && status >= http.StatusOK {
		c.done = true
		c.own.put(c.Header())
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *crossOrigin) Write(b []byte) (int, error) {
	if !c.done {
		c.WriteHeader(http.StatusOK)
	}
	return c.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController flush and hijack.
func (c *crossOrigin) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// decided is the set of headers that the library decides on for a request.
type decided struct{ header http.Header }

func (d *decided) Header() http.Header {
	if d.header == nil {
		d.header = http.Header{}
	}
	return d.header
}

// Write and WriteHeader are for the library's type: it only decides.
func (d *decided) Write(b []byte) (int, error) { return len(b), nil }

func (d *decided) WriteHeader(int) {}

// put makes the set the only one in h.
func (d *decided) put(h http.Header) {
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
	vary := withoutOrigin(h["Vary"])
	for name, values := range d.header {
		h[name] = values
	}
	if len(vary) > 0 {
		h["Vary"] = append(vary, d.header["Vary"]...)
	}
}

// withoutOrigin takes Origin out of the values of Vary.
func withoutOrigin(values []string) []string {
	var kept []string
	for _, v := range values {
		names := strings.Split(v, ",")
		left := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			return strings.EqualFold(strings.TrimSpace(name), "Origin")
		})
		switch {
		case len(left) == len(names):
			kept = append(kept, v)
		case len(left) > 0:
			kept = append(kept, strings.TrimSpace(strings.Join(left, ",")))
		}
	}
	return kept
}
