package edge

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// taking is a connection whose client takes so many bytes of each write before it is late.
type taking struct {
	net.Conn
	takes  []int
	writes [][]byte
}

func (c *taking) Write(b []byte) (int, error) {
	n := c.takes[len(c.writes)]
	c.writes = append(c.writes, b)
	if n < len(b) {
		return n, os.ErrDeadlineExceeded
	}
	return len(b), nil
}

func (c *taking) SetWriteDeadline(time.Time) error { return nil }

func TestLargeWriteHasItsTimeForEachPiece(t *testing.T) {
	for name, tt := range map[string]struct {
		length int
		takes  []int
		sent   int
		err    error
	}{
		"taken at once":                    {4 * piece, []int{4 * piece}, 4 * piece, nil},
		"a piece in each time":             {4 * piece, []int{piece, piece, piece, piece}, 4 * piece, nil},
		"a piece, and then too little":     {4 * piece, []int{piece, piece - 1}, 2*piece - 1, os.ErrDeadlineExceeded},
		"nothing":                          {4 * piece, []int{0}, 0, os.ErrDeadlineExceeded},
		"a small one that is taken":        {10, []int{10}, 10, nil},
		"a small one that is taken partly": {10, []int{9}, 9, os.ErrDeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			client := &taking{takes: tt.takes}
			c := &conn{Conn: client, all: &connections{}, writeIdle: time.Hour}
			sent, err := c.Write(make([]byte, tt.length))
			if sent != tt.sent || !errors.Is(err, tt.err) || len(client.writes) != len(tt.takes) {
				t.Errorf("sent %d (%v) in %d writes, want %d (%v) in %d", sent, err, len(client.writes), tt.sent, tt.err, len(tt.takes))
			}
		})
	}
}

func TestFullBufferWaitsForWhatIsBehindIt(t *testing.T) {
	full := bytes.Repeat([]byte("a"), collected)
	for name, tt := range map[string]struct {
		joining bool
		writes  []string
		out     []string // writes of the connection below
	}{
		"a full buffer and the rest":     {true, []string{string(full), "rest"}, []string{string(full), "rest"}},
		"a full buffer alone":            {true, []string{string(full)}, nil},
		"only the first buffer waits":    {true, []string{string(full), string(full), "rest"}, []string{string(full), string(full), "rest"}},
		"what is smaller goes":           {true, []string{string(full[1:])}, []string{string(full[1:])}},
		"what is larger goes":            {true, []string{string(full) + "b"}, []string{string(full) + "b"}},
		"a flush of a full buffer":       {false, []string{string(full)}, []string{string(full)}},
		"nothing waits where none joins": {false, []string{string(full), "rest"}, []string{string(full), "rest"}},
	} {
		t.Run(name, func(t *testing.T) {
			client := &taking{takes: []int{1 << 20, 1 << 20, 1 << 20}}
			c := &conn{Conn: client, all: &connections{}, writeIdle: time.Hour}
			c.join(tt.joining)
			for _, w := range tt.writes {
				if n, err := c.Write([]byte(w)); n != len(w) || err != nil {
					t.Fatalf("Write: %d %v, want %d", n, err, len(w))
				}
			}
			var out []string
			for _, w := range client.writes {
				out = append(out, string(w))
			}
			if !slices.Equal(out, tt.out) {
				t.Errorf("%d writes went out, want %d: %.80q", len(out), len(tt.out), out)
			}
		})
	}
}

// Whatever is written in whatever pieces, a client has all of it as soon as it is flushed.
func TestJoinedWritesAreWholeAndFlushed(t *testing.T) {
	taken := make(chan struct{})
	server := start(t, Options{WriteIdleTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sizes := sizesIn(r)
		if r.URL.Query().Has("length") {
			total := 0
			for _, n := range sizes {
				total += n
			}
			w.Header().Set("Content-Length", strconv.Itoa(total))
		}
		flush := r.URL.Query().Has("flush")
		for i, n := range sizes {
			_, _ = w.Write(bytes.Repeat([]byte{byte('a' + i)}, n))
			if flush {
				_ = http.NewResponseController(w).Flush()
				<-taken
			}
		}
	})})
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.OneOf(rapid.IntRange(3700, 4200), rapid.IntRange(1, 20000)), 1, 4).Draw(t, "sizes")
		query := url.Values{}
		for _, n := range sizes {
			query.Add("n", strconv.Itoa(n))
		}
		flush := rapid.Bool().Draw(t, "flush")
		if flush {
			query.Set("flush", "")
		}
		if rapid.Bool().Draw(t, "length") {
			query.Set("length", "")
		}
		res, err := http.Get("http://" + server.address + "/?" + query.Encode())
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		for i, n := range sizes {
			got := make([]byte, n)
			if _, err := io.ReadFull(res.Body, got); err != nil {
				t.Fatal(err)
			}
			if want := bytes.Repeat([]byte{byte('a' + i)}, n); !bytes.Equal(got, want) {
				t.Fatalf("piece %d is not what was written", i)
			}
			if flush {
				taken <- struct{}{}
			}
		}
		if rest, err := io.ReadAll(res.Body); len(rest) > 0 || err != nil {
			t.Fatalf("%d bytes more (%v)", len(rest), err)
		}
	})
}

func sizesIn(r *http.Request) []int {
	var sizes []int
	for _, text := range r.URL.Query()["n"] {
		n, _ := strconv.Atoi(text)
		sizes = append(sizes, n)
	}
	return sizes
}
