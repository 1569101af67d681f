package edge

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
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
			c := &conn{Conn: client, writeIdle: time.Hour}
			sent, err := c.Write(make([]byte, tt.length))
			if sent != tt.sent || !errors.Is(err, tt.err) || len(client.writes) != len(tt.takes) {
				t.Errorf("sent %d (%v) in %d writes, want %d (%v) in %d", sent, err, len(client.writes), tt.sent, tt.err, len(tt.takes))
			}
		})
	}
}
