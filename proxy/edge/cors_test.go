package edge

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const page = "https://app.example.com"

// crossOriginHeaders is what an answer says of other origins, and Vary.
func crossOriginHeaders(h http.Header) map[string][]string {
	got := map[string][]string{}
	for name, values := range h {
		if name == "Vary" || len(name) > 15 && name[:15] == "Access-Control-" {
			got[name] = values
		}
	}
	return got
}

func pages() CORSOptions {
	return CORSOptions{
		AllowedOrigins: []string{page, "http://localhost:8081"}, AllowedMethods: []string{"GET", "PUT"},
		AllowedHeaders: []string{"Authorization", "X-Flow-ID"}, ExposedHeaders: []string{"X-Request-ID"},
		AllowCredentials: true, MaxAge: 10 * time.Minute,
	}
}

// Every answer has one set of headers, whatever the handler says, and says it with.
func TestAnswersHaveOneSetOfCORSHeaders(t *testing.T) {
	for name, tt := range map[string]struct {
		origin string
		answer http.Header
		want   map[string][]string
	}{
		"an answer without any": {page, nil, map[string][]string{
			"Access-Control-Allow-Origin": {page}, "Access-Control-Allow-Credentials": {"true"},
			"Access-Control-Expose-Headers": {"X-Request-Id"}, "Vary": {"Origin"}}},
		"an answer with its own": {page, http.Header{
			"Access-Control-Allow-Origin": {"*"}, "Access-Control-Allow-Credentials": {"false"}, "Access-Control-Max-Age": {"1"},
			"Access-Control-Allow-Private-Network": {"true"}, "Vary": {"Origin"}},
			map[string][]string{
				"Access-Control-Allow-Origin": {page}, "Access-Control-Allow-Credentials": {"true"},
				"Access-Control-Expose-Headers": {"X-Request-Id"}, "Vary": {"Origin"}}},
		"other words of Vary stay": {page, http.Header{"Vary": {"Accept-Encoding, origin", "Cookie", "Origin"}},
			map[string][]string{
				"Access-Control-Allow-Origin": {page}, "Access-Control-Allow-Credentials": {"true"},
				"Access-Control-Expose-Headers": {"X-Request-Id"}, "Vary": {"Accept-Encoding", "Cookie", "Origin"}}},
		"a page that may not call": {"https://evil.example", http.Header{"Access-Control-Allow-Origin": {"https://evil.example"}},
			map[string][]string{"Vary": {"Origin"}}},
		"an origin that only begins so": {page + ".evil.example", nil, map[string][]string{"Vary": {"Origin"}}},
		"no page": {"", http.Header{"Access-Control-Allow-Origin": {"*"}, "Vary": {"Accept"}},
			map[string][]string{"Vary": {"Accept", "Origin"}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, status := range []int{200, 502, 503} {
				s := start(t, Options{Handler: CORS(pages(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					if status == 503 {
						// What there is goes out with an interim answer, and ReverseProxy then clears it away.
						w.WriteHeader(http.StatusEarlyHints)
						clear(w.Header())
					}
					maps.Copy(w.Header(), tt.answer)
					if status == 200 {
						io.WriteString(w, "x") // the head goes out by itself
					} else {
						w.WriteHeader(status)
					}
				}))})
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.address, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				if tt.origin != "" {
					req.Header.Set("Origin", tt.origin)
				}
				res, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if diff := cmp.Diff(tt.want, crossOriginHeaders(res.Header)); diff != "" || res.StatusCode != status {
					t.Errorf("%d (-want +got):\n%s", res.StatusCode, diff)
				}
			}
		})
	}
}

func TestPreflights(t *testing.T) {
	const vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
	allowed := map[string][]string{
		"Access-Control-Allow-Origin": {page}, "Access-Control-Allow-Methods": {"PUT"}, "Access-Control-Allow-Headers": {"authorization,x-flow-id"},
		"Access-Control-Allow-Credentials": {"true"}, "Access-Control-Max-Age": {"600"}, "Vary": {vary},
	}
	refused := map[string][]string{"Vary": {vary}}
	for name, tt := range map[string]struct {
		origin, method, headers string
		want                    map[string][]string
	}{
		"what may be":                    {page, "PUT", "authorization,x-flow-id", allowed},
		"what may be, otherwise written": {page, "PUT", "X-Flow-ID, Authorization,\tauthorization,", allowed},
		"another header, in capitals":    {page, "PUT", "X-Evil, Authorization", refused},
		"another page":                   {"https://evil.example", "PUT", "authorization", refused},
		"another method":                 {page, "DELETE", "authorization", refused},
		"another header":                 {page, "PUT", "authorization,x-evil", refused},
		"a page without origin":          {"null", "PUT", "", refused},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodOptions, "/", http.NoBody)
			r.Header = http.Header{"Origin": {tt.origin}, "Access-Control-Request-Method": {tt.method}}
			if tt.headers != "" {
				r.Header.Set("Access-Control-Request-Headers", tt.headers)
			}
			w := httptest.NewRecorder()
			CORS(pages(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })).ServeHTTP(w, r)
			if diff := cmp.Diff(tt.want, crossOriginHeaders(w.Result().Header)); diff != "" || w.Code != http.StatusNoContent {
				t.Errorf("%d (-want +got):\n%s", w.Code, diff)
			}
		})
	}
}

func TestEveryPage(t *testing.T) {
	h := CORS(CORSOptions{AllowedOrigins: []string{"*"}, AllowedMethods: []string{"GET"}},
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	r := httptest.NewRequest(http.MethodOptions, "/", http.NoBody)
	r.Header = http.Header{"Origin": {page}, "Access-Control-Request-Method": {"GET"}, "Access-Control-Request-Headers": {"x-requested-with"}}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := w.Header().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("a header that nobody allowed: allowed for %s", got)
	}
	r.Header.Del("Access-Control-Request-Headers")
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := w.Header(); got.Get("Access-Control-Allow-Origin") != "*" || got.Get("Access-Control-Max-Age") != "0" {
		t.Errorf("%v, want every page allowed, and not to be remembered", got)
	}
}
