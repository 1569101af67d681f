package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slowWriter takes a write when it is let.
type slowWriter struct {
	let    chan struct{}
	mu     sync.Mutex
	writes []string
	err    error
}

func (w *slowWriter) Write(b []byte) (int, error) {
	<-w.let
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes = append(w.writes, string(b))
	return len(b), w.err
}

// TestLogLinesGoTogether: what comes during a write goes out in the next one, whole and in its order.
func TestLogLinesGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowWriter{let: make(chan struct{})}
		l := newLogWriter(w)
		write(t, l, "first\n")
		synctest.Wait() // it is being written
		write(t, l, "second\n")
		write(t, l, "third\n")
		close(w.let)
		if err := l.Sync(); err != nil {
			t.Error(err)
		}
		if got := fmt.Sprintf("%q", w.writes); got != `["first\n" "second\nthird\n"]` {
			t.Error(got)
		}
		write(t, l, "alone\n")
		synctest.Wait()
		if len(w.writes) != 3 || w.writes[2] != "alone\n" {
			t.Errorf("a line that is alone waits: %q", w.writes)
		}
		write(t, l, "last\n")
		l.close()
		write(t, l, "behind the end\n")
		if got := strings.Join(w.writes[3:], "|"); got != "last\n|behind the end\n" {
			t.Errorf("%q", got)
		}
	})
}

// TestLogLinesWait: who logs more than may wait is held up until it is written, and nothing is lost.
func TestLogLinesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowWriter{let: make(chan struct{})}
		l := newLogWriter(w)
		write(t, l, "being written\n")
		synctest.Wait()
		write(t, l, strings.Repeat("x", maxLogAhead+1))
		held := true
		go func() {
			write(t, l, "more\n")
			held = false
		}()
		synctest.Wait()
		if !held {
			t.Error("there is no end to what may wait")
		}
		close(w.let)
		synctest.Wait()
		l.close()
		if held || len(strings.Join(w.writes, "")) != len("being written\n")+maxLogAhead+1+len("more\n") {
			t.Errorf("held: %t, %d bytes written", held, len(strings.Join(w.writes, "")))
		}
	})
}

// TestALogThatNobodyReads: it holds up who logs while the process serves, but not its end.
func TestALogThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowWriter{let: make(chan struct{})}
		l := newLogWriter(w)
		write(t, l, "being written\n")
		synctest.Wait()
		write(t, l, strings.Repeat("x", maxLogAhead+1))
		held := true
		go func() {
			write(t, l, "a request's\n")
			held = false
		}()
		synctest.Wait()
		if !held {
			t.Error("there is no end to what may wait")
		}
		l.hurry()
		synctest.Wait()
		if held {
			t.Error("the end does not let go who logs")
		}
		write(t, l, strings.Repeat("x", maxLogAtEnd))
		write(t, l, "is lost\n")
		began := time.Now()
		l.close()
		if took := time.Since(began); took != lastLines {
			t.Errorf("the end waits for %v, want %v", took, lastLines)
		}
		close(w.let)
		synctest.Wait()
		if got := len(strings.Join(w.writes, "")); got != len("being written\na request's\n")+maxLogAhead+1+maxLogAtEnd {
			t.Errorf("%d bytes written", got)
		}
	})
}

// TestLogWriterTellsErrors: who logs hears of a write that failed before.
func TestLogWriterTellsErrors(t *testing.T) {
	w := &slowWriter{let: make(chan struct{}), err: errors.New("disk full")}
	close(w.let)
	l := newLogWriter(w)
	defer l.close()
	write(t, l, "line\n")
	if err := l.Sync(); !errors.Is(err, w.err) {
		t.Error(err)
	}
	if _, err := l.Write([]byte("line\n")); !errors.Is(err, w.err) {
		t.Error(err)
	}
}

func write(t *testing.T, l *logWriter, line string) {
	t.Helper()
	if _, err := l.Write([]byte(line)); err != nil {
		t.Error(err)
	}
}

// TestLogLinesAtTheEnd: who logs while the last lines are being written comes behind them.
func TestLogLinesAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowWriter{let: make(chan struct{})}
		l := newLogWriter(w)
		write(t, l, "first\n")
		synctest.Wait()
		write(t, l, "second\n")
		go l.close()
		synctest.Wait()
		go write(t, l, "third\n")
		synctest.Wait()
		close(w.let)
		synctest.Wait()
		if got := strings.Join(w.writes, ""); got != "first\nsecond\nthird\n" {
			t.Errorf("%q", got)
		}
	})
}
