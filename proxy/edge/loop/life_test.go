package loop

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// lifeKey is a key of the connection's context.
type lifeKey struct{}

func newLife() *life {
	l := &life{}
	l.begin(context.WithValue(context.Background(), lifeKey{}, "value"))
	return l
}

func wait(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: never", what)
	}
}

// TestEndsReachEverybody: whoever hangs on a life is told of its end, asked for Done before or behind it.
func TestEndsReachEverybody(t *testing.T) {
	t.Parallel()
	for name, hang := range map[string]func(l *life) (told <-chan struct{}){
		"Done": func(l *life) <-chan struct{} { return l.Done() },
		"AfterFunc of its own": func(l *life) <-chan struct{} {
			told := make(chan struct{})
			l.AfterFunc(func() { close(told) })
			return told
		},
		"the third AfterFunc of its own": func(l *life) <-chan struct{} {
			told := make(chan struct{})
			l.AfterFunc(func() {})
			l.AfterFunc(func() {})
			l.AfterFunc(func() { close(told) })
			return told
		},
		"context.AfterFunc": func(l *life) <-chan struct{} {
			told := make(chan struct{})
			context.AfterFunc(l, func() { close(told) })
			return told
		},
		"WithCancel": func(l *life) <-chan struct{} {
			ctx, cancel := context.WithCancel(l)
			t.Cleanup(cancel)
			return ctx.Done()
		},
		"WithTimeout around a value": func(l *life) <-chan struct{} {
			ctx, cancel := context.WithTimeout(context.WithValue(l, lifeKey{}, 2), time.Hour)
			t.Cleanup(cancel)
			return ctx.Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			told := hang(l)
			select {
			case <-told:
				t.Fatal("told before the end")
			default:
			}
			if err := l.Err(); err != nil {
				t.Fatalf("Err is %v before the end", err)
			}
			if l.end() {
				t.Error("the end was quiet, although somebody is told")
			}
			wait(t, "before the end", told)
			if err, cause := l.Err(), context.Cause(l); !errors.Is(err, context.Canceled) || !errors.Is(cause, context.Canceled) {
				t.Errorf("Err %v, cause %v, want both %v", err, cause, context.Canceled)
			}
			wait(t, "behind the end", hang(l))
			if l.end() {
				t.Error("a second end was quiet")
			}
		})
	}
}

// TestQuietEnds: what stop has stopped is not told, and does not count.
func TestQuietEnds(t *testing.T) {
	t.Parallel()
	l := newLife()
	never := func() { t.Error("told, although it was stopped") }
	for _, what := range []string{"the first", "the second", "the third"} {
		stop := l.AfterFunc(never)
		if !stop() {
			t.Errorf("%s: stop says that it did not stop", what)
		}
		if stop() {
			t.Errorf("%s: stop stops twice", what)
		}
	}
	if _, ok := l.Deadline(); ok || l.Err() != nil || l.Value(lifeKey{}) != "value" || context.Cause(l) != nil {
		t.Error("a deadline, an error or another value")
	}
	if !l.end() {
		t.Error("the end was not quiet")
	}
	if err, cause := l.Err(), context.Cause(l); !errors.Is(err, context.Canceled) || !errors.Is(cause, context.Canceled) {
		t.Errorf("Err %v, cause %v, want both %v", err, cause, context.Canceled)
	}
	if l.Value(lifeKey{}) != "value" {
		t.Error("the value is gone at the end")
	}
}

// TestStopIsForItsOwn: who stops the first one twice does not stop another, nor says that a function was stopped that has begun.
func TestStopIsForItsOwn(t *testing.T) {
	t.Parallel()
	l := newLife()
	stopFirst := l.AfterFunc(func() {})
	stopFirst()
	told := make(chan struct{})
	stopSecond := l.AfterFunc(func() { close(told) })
	stopFirst()
	l.end()
	wait(t, "the second", told)
	if stopSecond() {
		t.Error("it was stopped when it had begun")
	}

	l = newLife()
	stopFirst = l.AfterFunc(func() {})
	l.end()
	if stopFirst() {
		t.Error("the first was stopped when it had begun")
	}
	if l.AfterFunc(func() {})() {
		t.Error("it was stopped behind the end")
	}
}

// TestALifeAtOnce: all of it may be used at once (the race detector looks on), and each function runs once or is stopped.
func TestALifeAtOnce(t *testing.T) {
	t.Parallel()
	for range 200 {
		l := newLife()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				var once sync.Once
				ended := make(chan struct{})
				if l.AfterFunc(func() { once.Do(func() { close(ended) }) })() {
					once.Do(func() { close(ended) })
				}
				<-ended
			})
			all.Go(func() {
				if <-l.Done(); l.Err() == nil {
					t.Error("Done, and no error")
				}
			})
			all.Go(func() {
				ctx, cancel := context.WithCancel(l)
				defer cancel()
				_ = ctx.Value(lifeKey{})
			})
			all.Go(func() { l.end() })
		}
		all.Wait()
	}
}

// TestTheRequestsContext: it has the connection's address, has not ended while the handler runs, and has behind it.
func TestTheRequestsContext(t *testing.T) {
	t.Parallel()
	held := make(chan context.Context, 1)
	ended := make(chan struct{}, 2)
	address := serve(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		addr, _ := ctx.Value(http.LocalAddrContextKey).(net.Addr)
		if ctx.Err() != nil || addr == nil {
			t.Errorf("in the handler: %v, address %v", ctx.Err(), addr)
			return
		}
		context.AfterFunc(ctx, func() { ended <- struct{}{} })
		held <- ctx
		io.WriteString(w, addr.String())
	})})
	c, r := dial(t, address)
	for range 2 {
		send(t, c, get)
		wantAnswer(t, r, http.StatusOK, address)
		ctx := <-held
		<-ended
		if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("behind the handler: %v, want %v", err, context.Canceled)
		}
	}
}
