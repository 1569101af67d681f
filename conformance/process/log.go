package process

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// accessMessage is the message of crossfade's access lines.
const accessMessage = "request"

// keptAccess bounds how many access lines are kept; a soak makes millions.
const keptAccess = 4096

// Line is a line of the log.
type Line map[string]any

// Text gives a member as text; "" if there is none.
func (l Line) Text(key string) string {
	if v, ok := l[key]; ok {
		return fmt.Sprint(v)
	}
	return ""
}

// log keeps what the command writes to standard error.
type log struct {
	tell    func(Line) // nil for nobody
	mu      sync.Mutex
	part    []byte            // of a line that has not ended
	lines   map[string][]Line // by message
	dropped map[string]int    // that many were there before those
	plain   []string          // all of it, but for access lines that were dropped
	changed chan struct{}     // closed, and made anew, at each line
}

func newLog(tell func(Line)) *log {
	return &log{tell: tell, lines: map[string][]Line{}, dropped: map[string]int{}, changed: make(chan struct{})}
}

// Write takes a piece of output.
func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, b...)
	for {
		text, rest, ok := bytes.Cut(l.part, []byte("\n"))
		if !ok {
			break
		}
		l.add(string(text))
		l.part = append([]byte(nil), rest...)
	}
	close(l.changed)
	l.changed = make(chan struct{})
	return len(b), nil
}

func (l *log) add(text string) {
	var line Line
	if json.Unmarshal([]byte(text), &line) != nil {
		l.plain = append(l.plain, text)
		return
	}
	message := line.Text("message")
	line[""] = text
	if l.tell != nil {
		l.tell(line)
	}
	l.lines[message] = append(l.lines[message], line)
	if kept := l.lines[message]; message == accessMessage && len(kept) > keptAccess {
		l.dropped[message] += len(kept) / 2
		l.lines[message] = slices.Clone(kept[len(kept)/2:])
	}
}

// find gives the n-th line with a message, nil if there is none yet, and what tells of more.
func (l *log) find(message string, n int) (Line, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines, i := l.lines[message], n-1-l.dropped[message]
	if i < 0 || i >= len(lines) {
		return nil, l.changed
	}
	return lines[i], l.changed
}

func (l *log) count(message string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped[message] + len(l.lines[message])
}

// text is all that was kept: what is no JSON first, then the lines by message.
func (l *log) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := append([]string(nil), l.plain...)
	for _, lines := range l.lines {
		for _, line := range lines {
			out = append(out, line.Text(""))
		}
	}
	return strings.Join(out, "\n")
}

// stray is what is no line of the log: something wrote past it.
func (l *log) stray() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.plain, "\n")
}

// tail is the end of it, for messages of failing tests.
func (l *log) tail() string {
	text := l.text()
	return text[max(0, len(text)-4000):]
}
