package loop

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
)

// testConn is a connection of package net's in the form that a Server takes.
type testConn struct{ *net.TCPConn }

func (c testConn) WriteBuffers(all net.Buffers) error {
	_, err := all.WriteTo(c.TCPConn)
	return err
}

// serve serves on a free port with a handler, by a Server, and gives the address.
func serve(tb testing.TB, o Options) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := New(o)
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { s.Serve(testConn{c.(*net.TCPConn)}) })
		}
	})
	tb.Cleanup(func() { // behind those of the clients, which close their connections
		l.Close()
		served.Wait()
	})
	return l.Addr().String()
}

// reference serves with the same handler by net/http.
func reference(tb testing.TB, o Options) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	log, err := zap.NewStdLogAt(zap.NewNop(), zap.DebugLevel)
	if err != nil {
		tb.Fatal(err)
	}
	s := &http.Server{
		Handler: o.Handler, ReadHeaderTimeout: o.ReadHeaderTimeout, IdleTimeout: o.IdleTimeout, MaxHeaderBytes: o.MaxHeaderBytes,
		DisableGeneralOptionsHandler: true, ErrorLog: log,
	}
	var served sync.WaitGroup
	served.Go(func() { _ = s.Serve(l) })
	tb.Cleanup(func() {
		_ = s.Close()
		served.Wait()
	})
	return l.Addr().String()
}

// say sends bytes on a new connection in pieces, says that there is no more, and gives what comes back.
func say(tb testing.TB, address, text string, piece int) (got string, reset bool) {
	tb.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	defer nc.Close()
	c := nc.(*net.TCPConn)
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for rest := text; rest != ""; {
			n := min(piece, len(rest))
			if _, err := io.WriteString(c, rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
		}
		_ = c.CloseWrite()
	}()
	b, err := io.ReadAll(c)
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		tb.Fatalf("%.300q: the connection is still open, behind %.300q", text, b)
	}
	<-sent
	return string(b), err != nil
}

// cut is the end of an answer that broke off. How much is seen of it is a matter of buffers.
const cut = " cut"

// lost stands for answers on a connection that was reset, as it is where a server closes it while its client still sends.
const lost = "lost"

// read reads all answers of a connection to requests of these methods.
func read(text string, methods []string) []string {
	r := bufio.NewReader(strings.NewReader(text))
	var all []string
	for i := 0; ; {
		method := http.MethodGet
		if i < len(methods) {
			method = methods[i]
		}
		if _, err := r.Peek(1); err != nil {
			return all
		}
		res, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			return append(all, "unreadable: "+err.Error())
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		res.Header.Del("Date")
		if err != nil {
			return append(all, res.Proto+" "+res.Status+lines(res.Header)+cut)
		}
		all = append(all, fmt.Sprintf("%s %s length %d coding %q close %v %s trailer %s body %q", res.Proto, res.Status, res.ContentLength,
			res.TransferEncoding, res.Close, lines(res.Header), lines(res.Trailer), body))
		if res.StatusCode >= 200 {
			i++
		}
	}
}

func lines(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&b, "%s: %q; ", name, h[name])
	}
	return b.String()
}
