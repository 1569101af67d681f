package loop

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// releaser is what a handler looks for in an answer.
type releaser interface {
	Release()
	UseHeader(h http.Header)
}

// named answers with all that the request says: whose it is stands in its target, its header, and its body. The query says how.
func named(w http.ResponseWriter, r *http.Request) {
	own, _ := w.(releaser)
	_ = r.ParseForm() // which keeps it in the request
	q := r.Form
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %s %s %s;", r.Method, r.Host, r.URL, r.RequestURI)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&text, "%s=%q;", name, r.Header[name])
	}
	_, _ = io.Copy(&text, r.Body)
	if n, err := strconv.Atoi(q.Get("size")); err == nil {
		text.WriteString(strings.Repeat(r.URL.Path, n/len(r.URL.Path)))
	}
	if q.Has("done") {
		select {
		case <-r.Context().Done():
		default:
		}
	}
	if q.Has("after") {
		life, _ := r.Context().(interface{ AfterFunc(f func()) func() bool })
		defer life.AfterFunc(func() {})() // behind Release, but before ServeHTTP has returned
	}
	h := w.Header()
	if q.Has("brings") {
		h = http.Header{}
		own.UseHeader(h)
	}
	h["X-Whose"] = []string{r.URL.Path}
	h[r.Header.Get("X-Odd")] = []string{"1"}
	if q.Has("length") {
		h["Content-Length"] = []string{strconv.Itoa(text.Len())}
	}
	if q.Has("trailer") {
		h["Trailer"] = []string{"X-Sum"}
	}
	if q.Has("panic") {
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(text.Bytes())
	if q.Has("trailer") {
		h["X-Sum"] = []string{r.URL.Path}
	}
	if q.Has("release") {
		own.Release()
		if q.Has("brings") { // it is the handler's again
			clear(h)
			h["X-Whose"] = []string{"nobody"}
		}
		if q.Has("falls") {
			panic(http.ErrAbortHandler)
		}
	}
}

// TestEachAnswerIsItsOwn: many clients at once, which pipeline, leave in the middle, and send bodies, to handlers some of which release.
// Each answer has to be that of its own request, byte for byte: a turn that is used by two at once would show here.
func TestEachAnswerIsItsOwn(t *testing.T) {
	t.Parallel()
	address := serve(t, Options{ReadHeaderTimeout: time.Minute, IdleTimeout: time.Minute, Handler: http.HandlerFunc(named)})
	const clients, rounds = 16, 120
	var serial atomic.Int64
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 3))
			var c net.Conn
			var in *bufio.Reader
			for range rounds {
				if c == nil {
					var err error
					if c, err = net.Dial("tcp", address); err != nil {
						t.Error(err)
						return
					}
					_ = c.SetDeadline(time.Now().Add(20 * time.Second))
					in = bufio.NewReader(c)
				}
				stays, err := converse(c, in, random, &serial)
				if err != nil {
					t.Error(err)
					c.Close()
					return
				}
				if !stays {
					c.Close()
					c = nil
				}
			}
			if c != nil {
				c.Close()
			}
		})
	}
	all.Wait()
}

// asked is a request that was sent, and what its answer has to be.
type asked struct {
	whose, body, odd string
	trailer, ends    bool
}

// converse sends some requests behind each other and reads the answers. What a request says is nobody else's.
func converse(c net.Conn, in *bufio.Reader, random *rand.Rand, serial *atomic.Int64) (stays bool, err error) {
	var text strings.Builder
	var all []asked
	for range 1 + random.IntN(4)*random.IntN(2) {
		a := makeRequest(&text, random, serial.Add(1))
		all = append(all, a)
		if a.ends {
			break
		}
	}
	var sending sync.WaitGroup
	var sent error
	sending.Go(func() { _, sent = io.WriteString(c, text.String()) })
	if random.IntN(8) == 0 { // the client leaves in the middle
		c.Close()
		sending.Wait()
		return false, nil
	}
	for _, a := range all {
		res, err := http.ReadResponse(in, nil)
		if a.ends {
			c.Close()
			sending.Wait()
			return false, nil // where it is cut is a matter of buffers
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", a.whose, err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return false, fmt.Errorf("%s: %w", a.whose, err)
		}
		want := http.Header{"X-Whose": {a.whose}, a.odd: {"1"}}
		got := res.Header.Clone()
		for _, name := range []string{"Date", "Content-Type", "Content-Length"} {
			got.Del(name)
		}
		if string(body) != a.body || lines(got) != lines(want) || a.trailer && res.Trailer.Get("X-Sum") != a.whose || !a.trailer && len(res.Trailer) > 0 {
			return false, fmt.Errorf("the answer to %s has the header %s, trailer %s, body of %d bytes\n%.400q\nwant header %s, body of %d bytes\n%.400q",
				a.whose, lines(got), lines(res.Trailer), len(body), body, lines(want), len(a.body), a.body)
		}
	}
	sending.Wait()
	return true, sent
}

// makeRequest appends a request.
func makeRequest(text *strings.Builder, random *rand.Rand, serial int64) asked {
	a := asked{whose: fmt.Sprintf("/%d", serial), odd: fmt.Sprintf("X-Odd-%d", serial)}
	size := random.IntN(2000)
	if random.IntN(4) == 0 {
		size = random.IntN(200_000)
	}
	host, target := "h", fmt.Sprintf("%s?size=%d", a.whose, size)
	if random.IntN(4) == 0 {
		host = fmt.Sprintf("h%d.example", serial)
		target = "http://" + host + target
	}
	is := func(word string, oneOf int) bool {
		yes := random.IntN(oneOf) == 0
		if yes {
			target += "&" + word
		}
		return yes
	}
	released := !is("keeps", 4)
	if released {
		target += "&release"
	}
	is("brings", 2)
	is("length", 2)
	is("done", 6)
	is("after", 6)
	a.trailer = is("trailer", 8) && !strings.Contains(target, "&length")
	a.ends = is("panic", 20)
	if released && !a.ends {
		a.ends = is("falls", 20)
	}
	if strings.Contains(target, "&length") { // then there are no trailers to be had
		target = strings.Replace(target, "&trailer", "", 1)
	}
	method, body := "GET", ""
	fields := map[string]string{"X-Odd": a.odd, fmt.Sprintf("X-Mine-%d", serial): a.whose}
	for i := range random.IntN(12) {
		fields[fmt.Sprintf("X-Field-%d", i)] = fmt.Sprint(serial, i)
	}
	if random.IntN(40) == 0 {
		for i := range 3 * maxKept {
			fields[fmt.Sprintf("X-Much-%d", i)] = a.whose
		}
	}
	if random.IntN(5) == 0 {
		method, body = "POST", strings.Repeat("b", random.IntN(3000))
		fields["Content-Length"] = strconv.Itoa(len(body))
	}
	fmt.Fprintf(text, "%s %s HTTP/1.1\r\nHost: h\r\n", method, target)
	var all strings.Builder
	fmt.Fprintf(&all, "%s %s %s %s;", method, host, target, target)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(text, "%s: %s\r\n", name, fields[name])
		fmt.Fprintf(&all, "%s=%q;", name, []string{fields[name]})
	}
	text.WriteString("\r\n" + body)
	a.body = all.String() + body + strings.Repeat(a.whose, size/len(a.whose))
	return a
}

// TestWhatIsReused: of requests behind each other on a connection, those share their memory that may.
func TestWhatIsReused(t *testing.T) {
	seen := make(chan *turn, 2)
	c, in := dial(t, serve(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- w.(*answer).turn
		named(w, r)
	})}))
	for name, row := range map[string]struct {
		query, more string
		reused      bool
	}{
		"released":                           {"release", "", true},
		"released, with a header of its own": {"release&brings", "", true},
		"released and large":                 {"release&size=100000", "", true},
		"not released":                       {"", "", false},
		"somebody asked for Done":            {"release&done", "", false},
		"an AfterFunc that was stopped":      {"release&after", "", true},
		"a trailer":                          {"release&trailer", "", false},
		"a body":                             {"release", "Content-Length: 2\r\n\r\n{}", false},
		"an empty body":                      {"release", "Content-Length: 0\r\n\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			if row.more == "" {
				row.more = "\r\n"
			}
			again := false
			for range 20 { // a pool may lose what it was given
				var turns [2]*turn
				for i := range turns {
					send(t, c, "GET /x?"+row.query+" HTTP/1.1\r\nHost: h\r\nX-Odd: Y\r\n"+row.more)
					select {
					case turns[i] = <-seen:
					case <-time.After(20 * time.Second):
						t.Fatal("the handler is not asked")
					}
					res, err := http.ReadResponse(in, nil)
					if err != nil {
						t.Fatal(err)
					}
					_, _ = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
				if again = turns[0] == turns[1]; again {
					break
				}
			}
			if again != row.reused {
				t.Errorf("reused: %v, want %v", again, row.reused)
			}
		})
	}
}

// TestBehindRelease: nothing can be said any more, and what was said before is the answer.
func TestBehindRelease(t *testing.T) {
	t.Parallel()
	c, r := dial(t, serve(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["X-Before"] = []string{"1"}
		h := http.Header{"X-Own": {"1"}, "Connection": {"x-own"}}
		w.(releaser).UseHeader(h)
		h["X-Late"] = []string{"1"}
		io.WriteString(w, "all")
		w.(releaser).Release()
		h["X-Own"][0], h["Connection"][0] = "behind", "close"
		w.(releaser).Release()
		_, err := io.WriteString(w, "more")
		control := http.NewResponseController(w)
		_, _, hijacked := control.Hijack()
		for _, err := range []error{err, control.Flush(), hijacked} {
			if err == nil || err.Error() != "the answer was released" {
				t.Errorf("behind Release: %v", err)
			}
		}
	})}))
	for range 2 {
		send(t, c, get)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		res.Header.Del("Date")
		const want = `Connection: ["x-own"]; Content-Length: ["3"]; Content-Type: ["text/plain; charset=utf-8"]; X-Before: ["1"]; X-Late: ["1"]; X-Own: ["1"]; `
		if got := lines(res.Header); got != want || string(b) != "all" || err != nil {
			t.Errorf("%s %q (%v), want %s", got, b, err, want)
		}
	}
}
