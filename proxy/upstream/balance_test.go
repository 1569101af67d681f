package upstream

import (
	"io"
	"net/http"
	"testing"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// TestLeastBusy: among equals they take turns; who has more to do is asked less; who is down comes last.
func TestLeastBusy(t *testing.T) {
	for name, tc := range map[string]struct {
		busy  []int64
		down  []bool
		tried addressSet
		first int
		want  int
	}{
		"the first":                        {[]int64{0, 0, 0}, []bool{false, false, false}, 0, 0, 0},
		"the next":                         {[]int64{0, 0, 0}, []bool{false, false, false}, 0, 1, 1},
		"the less busy":                    {[]int64{2, 1, 3}, []bool{false, false, false}, 0, 0, 1},
		"the less busy of those not tried": {[]int64{2, 1, 3}, []bool{false, false, false}, 1 << 1, 0, 0},
		"not the one that is down":         {[]int64{2, 0, 3}, []bool{false, true, false}, 0, 1, 0},
		"all are down":                     {[]int64{2, 1, 3}, []bool{true, true, true}, 0, 0, 1},
		"the rest is down":                 {[]int64{2, 1, 3}, []bool{true, false, true}, 1 << 1, 0, 0},
		"all were tried":                   {[]int64{2, 1, 3}, []bool{false, false, false}, 7, 0, -1},
	} {
		t.Run(name, func(t *testing.T) {
			way := &Transport{}
			for i := range tc.busy {
				a := &address{}
				a.busy.Store(tc.busy[i])
				a.down.Store(tc.down[i])
				way.addresses = append(way.addresses, a)
			}
			if got := way.leastBusy(tc.tried, tc.first); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}

// TestRequestsAreCounted from when they go out to when their answer was read, tunnels too.
func TestRequestsAreCounted(t *testing.T) {
	a := raw.Serve(t, raw.Loop(raw.Take(), raw.Send(ok("a"))))
	b := raw.Serve(t, raw.Loop(raw.Take(), raw.Send(ok("b"))))
	way := to(t, Options{}, a.URL(), b.URL())
	counts := func(want ...int64) {
		t.Helper()
		for i, n := range want {
			if got := way.addresses[i].busy.Load(); got != n {
				t.Errorf("address %d has %d requests, want %d", i, got, n)
			}
		}
	}
	way.rotation.Store(1)
	open, err := way.RoundTrip(request(t, way, http.MethodGet, "/", ""))
	if err != nil {
		t.Fatal(err)
	}
	counts(1, 0)
	for range 4 { // turns or not, the other one is free
		got, err := get(t, way, "/")
		wantBody(t, got, err, "b")
	}
	counts(1, 0)
	open.Body.Close()
	open.Body.Close() // once more is no harm
	counts(0, 0)
	seen := map[string]int{}
	for range 4 {
		got, err := get(t, way, "/")
		if err != nil {
			t.Fatal(err)
		}
		seen[got.body]++
	}
	if seen["a"] != 2 || seen["b"] != 2 {
		t.Errorf("they did not take turns: %v", seen)
	}
}

// TestTunnelsThroughBalancing: both directions work, half of one can be closed, and the end is counted.
func TestTunnelsThroughBalancing(t *testing.T) {
	script := []raw.Step{
		raw.Take(), raw.Send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello"),
		raw.UntilGone(), raw.Send("bye"), raw.Close(),
	}
	way := to(t, Options{}, raw.Serve(t, script...).URL(), raw.Serve(t, script...).URL())
	res, err := way.RoundTrip(request(t, way, http.MethodGet, "/", "", "Connection", "Upgrade", "Upgrade", "websocket"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	tunnel, isTunnel := res.Body.(interface {
		io.ReadWriteCloser
		CloseWrite() error
	})
	if !isTunnel {
		t.Fatalf("a %T is no tunnel", res.Body)
	}
	if _, err := io.WriteString(tunnel, "anything"); err != nil {
		t.Error(err)
	}
	if err := tunnel.CloseWrite(); err != nil {
		t.Error(err)
	}
	if text, err := io.ReadAll(tunnel); err != nil || string(text) != "hellobye" {
		t.Errorf("got %q, %v", text, err)
	}
	tunnel.Close()
	for i, a := range way.addresses {
		if n := a.busy.Load(); n != 0 {
			t.Errorf("address %d has %d requests for ever", i, n)
		}
	}
}
