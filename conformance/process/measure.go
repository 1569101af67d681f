package process

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// Memory is the resident memory in bytes, now.
func (p *Process) Memory() int64 { return p.status("VmRSS") }

// PeakMemory is the most resident memory in bytes that there was so far.
func (p *Process) PeakMemory() int64 { return p.status("VmHWM") }

func (p *Process) status(key string) int64 {
	p.tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if name != key {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			p.tb.Fatal(err)
		}
		return n << 10
	}
	p.tb.Fatalf("there is no %s in %s", key, text)
	return 0
}

// Descriptors is how many files and sockets are open.
func (p *Process) Descriptors() int {
	p.tb.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	if err != nil {
		p.tb.Fatal(err)
	}
	return len(entries)
}

// Goroutines ends the command at once, by SIGQUIT, and gives the stacks of its goroutines.
func (p *Process) Goroutines() []string {
	p.tb.Helper()
	var stacks []string
	p.once.Do(func() {
		p.Signal(syscall.SIGQUIT)
		p.Wait()
		head := regexp.MustCompile(`(?m)^goroutine \d+ .*:$`)
		text := strings.Join(p.log.plain, "\n")
		for _, at := range head.FindAllStringIndex(text, -1) {
			end := strings.Index(text[at[1]:], "\n\n")
			if end < 0 {
				end = len(text) - at[1]
			}
			stacks = append(stacks, text[at[0]:at[1]+end])
		}
	})
	return stacks
}
