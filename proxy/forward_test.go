package proxy

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"
	"pgregory.net/rapid"
)

// TestAnswerFields: what an upstream says about its connection stays there, and all else comes line by line.
func TestAnswerFields(t *testing.T) {
	for _, tc := range []struct {
		name   string
		header string
		want   []string // name, values joined by |; empty for none
	}{
		{"hop-by-hop fields", "Keep-Alive: 1\r\nProxy-Connection: x\r\nProxy-Authenticate: x\r\nTe: x\r\nUpgrade: h2c\r\nX-Kept: 1\r\n",
			[]string{"Keep-Alive", "", "Proxy-Connection", "", "Proxy-Authenticate", "", "Te", "", "Upgrade", "", "X-Kept", "1"}},
		{"fields that Connection names", "Connection: x-named, Keep-Alive\r\nConnection: X-Other\r\nX-Named: 1\r\nX-Other: 2\r\nX-Kept: 3\r\n",
			[]string{"X-Named", "", "X-Other", "", "X-Kept", "3"}},
		{"lines of one name", "Set-Cookie: a=1\r\nX-Between: 1\r\nSet-Cookie: b=2\r\n",
			[]string{"Set-Cookie", "a=1|b=2", "X-Between", "1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, target := range []string{"/api/other", "/api/me"} {
				for _, mode := range allModes() {
					upstream := says(t, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n"+tc.header+"\r\n{}", true)
					newRig(t, mode, upstream, served("me")).do("GET", target, "").wantHeader(t, tc.want...)
				}
			}
		})
	}
}

// served lets the session route of an endpoint work in flow_only.
func served(endpoint string) func(*Options) {
	return func(o *Options) { o.Policies = map[string]Policy{endpoint: {SessionRoute: SessionRouteServe}} }
}

// TestTrailersAsTheyCame: with and without an announcement, and behind no body.
func TestTrailersAsTheyCame(t *testing.T) {
	for name, tc := range map[string]struct{ announced, body string }{
		"announced":                   {"Trailer: X-Sum, X-More\r\n", "3\r\nabc\r\n"},
		"not announced":               {"", "3\r\nabc\r\n"},
		"one announced":               {"Trailer: X-Sum\r\n", "3\r\nabc\r\n"},
		"announced, behind no body":   {"Trailer: X-Sum, X-More\r\n", ""},
		"unannounced, behind no body": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			upstream := says(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"+tc.announced+"\r\n"+tc.body+"0\r\nX-Sum: 42\r\nX-More: 7\r\n\r\n", false)
			got := newRig(t, Passthrough, upstream).do("GET", "/api/other", "")
			if sum, more := got.Trailer.Get("X-Sum"), got.Trailer.Get("X-More"); got.err != nil || sum != "42" || more != "7" {
				t.Errorf("trailers %v, %v", got.Trailer, got.err)
			}
		})
	}
}

// TestInterimAnswersKeepTheHeader: what somebody around crossfade has put into the header goes out with the answer,
// and not with an interim one.
func TestInterimAnswersKeepTheHeader(t *testing.T) {
	backend := says(t, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: b\r\n\r\nok", false)
	address, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Options{Upstream: address, Contract: testContract(t), Decider: Fixed{Default: Dual}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Before", "1")
		w.Header().Set("Via", "a")
		p.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	c := (&rig{t: t, url: server.URL}).open()
	c.say("GET /api/other HTTP/1.1\r\nHost: h\r\n\r\n")
	hints := c.wantStatus(http.StatusEarlyHints)
	if len(hints.header) != 1 || hints.header.Get("Link") != "</a>" {
		t.Errorf("the interim answer has %v", hints.header)
	}
	res := c.wantStatus(http.StatusOK)
	if via := strings.Join(res.header["Via"], "|"); via != "a|b" || res.header.Get("X-Before") != "1" || res.header.Get("Link") != "" {
		t.Errorf("the answer has %v", res.header)
	}
}

// TestNothingIsReadBehindClose: a transport that has given a body up gets no more of it, and the server still can.
func TestNothingIsReadBehindClose(t *testing.T) {
	body := &pacedBody{ReadCloser: io.NopCloser(strings.NewReader("abc")), control: http.NewResponseController(httptest.NewRecorder()), idle: patience}
	if n, err := body.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	_ = body.Close()
	if n, err := body.Read(make([]byte, 1)); n != 0 || !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Errorf("Read: %d, %v", n, err)
	}
	if rest, err := io.ReadAll(body.ReadCloser); string(rest) != "bc" || err != nil {
		t.Errorf("the server's own body has %q, %v", rest, err)
	}
}

// TestPieces: large ones are for large bodies over HTTP/1, and there are so many of them.
func TestPieces(t *testing.T) {
	for _, tc := range []struct {
		major  int
		length int64
		want   int
	}{{1, largePieceSize, largePieceSize}, {1, largePieceSize - 1, pieceSize}, {1, -1, pieceSize}, {2, 1 << 30, pieceSize}} {
		x := &exchange{in: &http.Request{ProtoMajor: tc.major}}
		if got := x.pieceSize(tc.length); got != tc.want {
			t.Errorf("HTTP/%d, %d bytes: %d, want %d", tc.major, tc.length, got, tc.want)
		}
	}
	var p pieces
	var taken [][]byte
	for range maxLargePieces {
		taken = append(taken, p.get(largePieceSize))
	}
	if slices.ContainsFunc(taken, func(b []byte) bool { return len(b) != largePieceSize }) {
		t.Errorf("one of the first %d large pieces is small", maxLargePieces)
	}
	more := p.get(largePieceSize)
	if len(more) != pieceSize {
		t.Errorf("one more has %d bytes, want %d", len(more), pieceSize)
	}
	p.put(more, false)
	p.put(taken[0], false)
	if n := len(p.get(largePieceSize)); n != largePieceSize {
		t.Errorf("behind one that came back: %d bytes, want %d", n, largePieceSize)
	}
}

// TestLinesAreApart: no field of a header sees what is done to another.
func TestLinesAreApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l lines
		want := rapid.SliceOfN(rapid.String(), 0, 2*len(l.text)).Draw(t, "values")
		h := http.Header{}
		for i, v := range want {
			name := string(rune('A' + i))
			h[name] = l.of(v)
			h.Add(name, "more")
		}
		for i, v := range want {
			if got := h[string(rune('A'+i))]; !slices.Equal(got, []string{v, "more"}) {
				t.Fatalf("field %d: %q, want %q and more", i, got, v)
			}
		}
	})
}

// TestLookedUpRoutesAreMatched: a route without variables is found by looking it up just where gorilla/mux, which
// matches the others, finds it.
func TestLookedUpRoutesAreMatched(t *testing.T) {
	table, err := newTable(testContract(t), nil, testContract(t).Dates)
	if err != nil {
		t.Fatal(err)
	}
	router := mux.NewRouter().SkipClean(true).UseEncodedPath()
	var paths []string
	for key, r := range table.all.fixed {
		router.Handle(key.path, http.NotFoundHandler()).Methods(key.method).Name(string(r.template))
		paths = append(paths, key.path)
	}
	if len(paths) == 0 {
		t.Fatal("the contract has no route without variables")
	}
	slices.Sort(paths)
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom(paths).Draw(t, "path")
		if at := rapid.IntRange(-len(path), len(path)).Draw(t, "at"); at > 0 {
			path = path[:at] + rapid.SampledFrom([]string{"", "/", "x", "%61", "."}).Draw(t, "inserted") + path[at:]
		}
		method := rapid.SampledFrom([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}).Draw(t, "method")
		var m mux.RouteMatch
		want := ""
		if router.Match(asking(method, path), &m) && m.MatchErr == nil {
			want = m.Route.GetName()
		}
		got := ""
		if r := table.all.fixed[fixedKey{path, method}]; r != nil {
			got = string(r.template)
		}
		if got != want {
			t.Fatalf("%s %s: looked up %q, matched %q", method, path, got, want)
		}
	})
}
