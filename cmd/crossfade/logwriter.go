package main

import (
	"io"
	"sync"
	"time"
)

// maxLogAhead is how much of the log, in bytes, may wait to be written. Who logs more waits, so that nothing is lost.
const maxLogAhead = 1 << 20

const (
	// maxLogAtEnd is how much may wait, in bytes, while the process ends. Who logs more then does not wait: the line is lost. A
	// reader that takes nothing any more would keep the process for ever.
	maxLogAtEnd = 16 << 20
	// lastLines is how long the end waits for such a reader.
	lastLines = 5 * time.Second
)

// logWriter writes a log. What comes while it writes goes out together in the next write, which under load is many lines: a
// write for each would cost a request up to half of all else. Where there is little to log, each line goes out at once. A process that is
// killed loses what it has not written yet, which is what came within the last write.
type logWriter struct {
	w io.Writer

	mu      sync.Mutex
	changed sync.Cond
	ahead   []byte // what waits
	writing bool
	hurried bool // nobody waits for room
	closing bool
	err     error // of the last write
	ended   chan struct{}
}

// newLogWriter writes to w until close.
func newLogWriter(w io.Writer) *logWriter {
	l := &logWriter{w: w, ended: make(chan struct{})}
	l.changed.L = &l.mu
	go l.run()
	return l
}

// Write takes lines; the error is one of those before.
func (l *logWriter) Write(lines []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.ahead) > maxLogAhead && !l.hurried && !l.closing {
		l.changed.Wait()
	}
	if l.closing { // somebody logs at the very end
		for l.writing { // what was logged before goes first
			l.changed.Wait()
		}
		return l.w.Write(lines)
	}
	if l.hurried && len(l.ahead) > maxLogAtEnd {
		return len(lines), l.err
	}
	l.ahead = append(l.ahead, lines...)
	if !l.writing {
		l.writing = true
		l.changed.Broadcast()
	}
	return len(lines), l.err
}

// Sync waits until all has been written that was logged before.
func (l *logWriter) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.writing {
		l.changed.Wait()
	}
	return l.err
}

// hurry is for the beginning of the end: nobody who logs waits any more, so that requests are finished, and the process ends in its time,
// also where nobody reads the log.
func (l *logWriter) hurry() {
	l.mu.Lock()
	l.hurried = true
	l.changed.Broadcast()
	l.mu.Unlock()
}

// close writes what waits, if it is taken in time. What is logged after it is written at once.
func (l *logWriter) close() {
	l.mu.Lock()
	l.closing = true
	l.changed.Broadcast()
	l.mu.Unlock()
	select {
	case <-l.ended:
	case <-time.After(lastLines):
	}
}

func (l *logWriter) run() {
	defer close(l.ended)
	var free []byte
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for len(l.ahead) == 0 {
			if l.writing = false; l.closing {
				return
			}
			l.changed.Broadcast()
			for len(l.ahead) == 0 && !l.closing {
				l.changed.Wait()
			}
		}
		lines := l.ahead
		l.ahead = free[:0]
		l.mu.Unlock()
		_, err := l.w.Write(lines)
		l.mu.Lock()
		if l.err, free = err, nil; cap(lines) <= maxLogAhead/4 {
			free = lines
		}
		l.changed.Broadcast()
	}
}
