//go:build !linux || 386

package direct

import (
	"errors"
	"net"
)

// Without a way to look whether anything is to be read, no connection can be used twice.
const supported = false

type socket struct{}

var (
	errNoSocket = errors.New("connections cannot be looked at on this system")
	errFull     = errNoSocket
)

func (*socket) open(net.Conn) error       { return errNoSocket }
func (*socket) ask([]byte) (int, error)   { return 0, errNoSocket }
func (*socket) read([]byte) (int, error)  { return 0, errNoSocket }
func (*socket) write([]byte) (int, error) { return 0, errNoSocket }
func (*socket) peek([]byte) (int, bool)   { return 0, false }
