package upstream

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// TestBound: a body that pauses too long, or takes too long in all, is an error of its own and ends
// its connection; others are whole.
func TestBound(t *testing.T) {
	const short, long = 50 * time.Millisecond, patience
	head := "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n"
	whole := strings.Repeat("x", 200)
	for name, tc := range map[string]struct {
		idle, total time.Duration
		steps       []raw.Step
		late        bool
	}{
		"at once":                       {short, short, []raw.Step{raw.Send(head + whole)}, false},
		"without a limit":               {0, 0, []raw.Step{raw.Send(head), raw.Pause(2 * short), raw.Send(whole)}, false},
		"it stops":                      {short, long, []raw.Step{raw.Send(head + "x"), raw.UntilGone()}, true},
		"it never begins":               {short, 0, []raw.Step{raw.Send(head), raw.UntilGone()}, true},
		"slow, and steady":              {4 * short, long, []raw.Step{raw.Send(head), raw.Dribble(whole, 20, short/2)}, false},
		"slow, and steady, for long":    {long, short, []raw.Step{raw.Send(head), raw.Dribble(whole, 1, short/10), raw.UntilGone()}, true},
		"for long, with no other bound": {0, short, []raw.Step{raw.Send(head), raw.Dribble(whole, 1, short/10), raw.UntilGone()}, true},
	} {
		t.Run(name, func(t *testing.T) {
			u := raw.Serve(t, append([]raw.Step{raw.Take()}, tc.steps...)...)
			way := to(t, Options{}, u.URL())
			res, err := way.RoundTrip(request(t, way, http.MethodGet, "/", ""))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body := Bound(res.Body, tc.idle, tc.total)
			text, err := io.ReadAll(body)
			if tc.late {
				wantKind(t, err, Late, "the upstream's body did not come in time")
				u.AwaitIdle()
			} else if err != nil || string(text) != whole {
				t.Errorf("got %d bytes, %v", len(text), err)
			}
		})
	}
}

// TestRelease: whoever goes on with the body below may take its time.
func TestRelease(t *testing.T) {
	read, write := io.Pipe()
	body := Bound(read, time.Hour, time.Hour)
	go func() {
		_, _ = io.WriteString(write, "soon")
		_, _ = io.WriteString(write, "late")
		_ = write.Close() // never fails
	}()
	if n, err := body.Read(make([]byte, 4)); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	body.Release()
	if body.timer.Stop() {
		t.Error("the time still runs")
	}
	if text, err := io.ReadAll(read); err != nil || string(text) != "late" {
		t.Errorf("got %q, %v", text, err)
	}
}

// TestBoundKeepsOtherErrors: what breaks off in time says so itself.
func TestBoundKeepsOtherErrors(t *testing.T) {
	mine := errors.New("mine")
	read, write := io.Pipe()
	write.CloseWithError(mine)
	if _, err := io.ReadAll(Bound(read, time.Minute, time.Minute)); !errors.Is(err, mine) || kindOf(err) != 0 {
		t.Errorf("got %v", err)
	}
}

// here is a body that is there.
type here struct{ io.ReadCloser }

func (here) Ready() bool { return true }

// TestBoundWaitsForNothing: a body that is there is read without a clock.
func TestBoundWaitsForNothing(t *testing.T) {
	body := Bound(here{io.NopCloser(strings.NewReader("text"))}, time.Nanosecond, time.Nanosecond)
	if text, err := io.ReadAll(body); err != nil || string(text) != "text" || body.timer != nil {
		t.Errorf("got %q, %v, a clock: %t", text, err, body.timer != nil)
	}
}

// TestReleaseIsFinal: a limit that runs out while it is lifted closes nothing behind that. The body's memory may be that of another caller's then.
func TestReleaseIsFinal(t *testing.T) {
	begun, goOn, closed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	slow := &telling{Reader: strings.NewReader("x"), close: func() {
		close(begun)
		<-goOn
		close(closed)
	}}
	body := Bound(slow, time.Nanosecond, 0)
	if _, err := body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	<-begun
	time.AfterFunc(10*time.Millisecond, func() { close(goOn) })
	body.Release()
	select {
	case <-closed:
	default:
		t.Error("released while the body is being closed")
	}
	late := Bound(&telling{strings.NewReader("x"), func() { t.Error("closed behind the release") }}, time.Hour, 0)
	if _, err := late.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	late.Release()
	late.expire() // as a timer does that fired before it could be stopped
}

// telling is a body that tells when it is closed.
type telling struct {
	io.Reader
	close func()
}

func (b *telling) Close() error {
	b.close()
	return nil
}
