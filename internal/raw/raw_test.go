package raw

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

const get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

// TestWithOrdinaryPeers: both ends speak HTTP with net/http when they want to.
func TestWithOrdinaryPeers(t *testing.T) {
	u := Serve(t, Loop(Take(), Reply(func(r Request) string { return JSON(`"` + r.Target + `"`) })))
	for _, target := range []string{"/a", "/b"} {
		res, err := http.Post(u.URL()+target, "text/plain", strings.NewReader("body of "+target))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(body) != `"`+target+`"` {
			t.Errorf("%q, %v", body, err)
		}
	}
	if r := u.Request(2); string(r.Body) != "body of /b" || r.Conn != 1 || r.Fields.Get("content-type") != "text/plain" {
		t.Errorf("got %+v", r)
	}
}

func TestASecondScriptForTheSecondConnection(t *testing.T) {
	u := Serve(t, Take(), Send(JSON("1")), Close())
	if a := Ask(t, u.Address(), "GET", get); string(a.Body) != "1" || a.Err != nil {
		t.Errorf("got %+v", a)
	}
	u.Script(Take(), Pick(func(r Request) []Step { return []Step{Send(JSON(r.Method)), Close()} }))
	if a := Ask(t, u.Address(), "GET", get); string(a.Body) != "GET" || u.Connections() != 2 {
		t.Errorf("got %+v", a)
	}
	u.AwaitIdle()
}

func TestEnds(t *testing.T) {
	u := Serve(t, Take(), Send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), Close())
	if a := Ask(t, u.Address(), "GET", get); !errors.Is(a.Err, io.ErrUnexpectedEOF) || string(a.Body) != "short" {
		t.Errorf("closed: %+v", a)
	}
	told := make(chan struct{})
	u.Script(Take(), Send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), Await(told), Reset())
	c := Dial(t, u.Address())
	c.Send(get)
	head := c.AnswerHead()
	close(told)
	if _, err := io.ReadAll(c); head.Status != 200 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("reset: %v", err)
	}
	u.Script(TakeHead(), HalfClose(), TakeBody(), UntilGone())
	c = Dial(t, u.Address())
	c.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n")
	if rest := c.Rest(); len(rest) != 0 {
		t.Errorf("half closed: %q", rest)
	}
	c.Do(Dribble("late", 2, time.Millisecond), Close())
	if r := u.Request(3); string(r.Body) != "late" {
		t.Errorf("half closed: %+v", r)
	}
	u.AwaitIdle()
}

func TestFloodsAndBodiesThatAreNotKept(t *testing.T) {
	const n = 3 << 20
	u := Serve(t, TakeHead(), Drain(), Send(JSON("1")), TakeHead())
	c := Dial(t, u.Address())
	c.Do(Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: "+"3145728"+"\r\n\r\n"), Flood("0123456789abcdef0123456789abcdef", n/32))
	if a := c.Answer("POST"); a.Status != 200 {
		t.Errorf("got %+v", a)
	}
	if r := u.Request(1); r.Length != n || len(r.Body) != 0 || len(r.Raw) > 100 || r.Err != nil {
		t.Errorf("%d bytes, %d kept, %v", r.Length, len(r.Raw), r.Err)
	}
	var b bytes.Buffer
	pieces := []string{"ab", "", "c"}
	b.WriteString(Begun(pieces...))
	if b.String() != "2\r\nab\r\n1\r\nc\r\n" || Chunks(pieces...) != b.String()+"0\r\n\r\n" {
		t.Errorf("chunks %q", b.String())
	}
}

// failing is a test that is expected to fail.
type failing struct {
	testing.TB
	failures int
}

func (f *failing) Errorf(string, ...any) { f.failures++ }

func TestMalformedRequestsFailTheTest(t *testing.T) {
	for _, forgiven := range []bool{false, true} {
		f := &failing{TB: t}
		u := Serve(f, Take())
		if forgiven {
			u.Forgive()
		}
		c := Dial(t, u.Address())
		c.Send("GET / HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n")
		c.Rest()
		u.Request(1)
		u.judge()
		if (f.failures == 0) != forgiven {
			t.Errorf("forgiven %v: %d failures", forgiven, f.failures)
		}
		u.Forgive() // for the judgment at the test's end
	}
}
