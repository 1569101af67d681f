//go:build suites

package conformance

import (
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/raw"
)

// TestSlowHTTPTest: while slowhttptest attacks, callers get their answers, in time, and afterwards
// crossfade is as it was.
func TestSlowHTTPTest(t *testing.T) {
	attacker, err := exec.LookPath("slowhttptest")
	if err != nil {
		t.Fatalf("%v: run scripts/suites.sh (or make conformance, which does)", err)
	}
	const length = 15 * time.Second
	common := []string{"-c", "400", "-r", "200", "-i", "1", "-l", "15", "-p", "2"}
	for name, args := range map[string][]string{
		"slow headers": {"-H", "-x", "24", "-t", "GET"},
		"slow bodies":  {"-B", "-x", "10", "-s", "8192", "-t", "POST"},
		"ranges":       {"-R", "-t", "HEAD", "-a", "10", "-b", "3000"},
		"slow reading": {"-X", "-w", "1", "-y", "512", "-n", "1", "-z", "5", "-k", "3"},
	} {
		for _, mode := range []string{passthrough, flowOnly} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				t.Parallel()
				large := strings.Replace(context, "admin", strings.Repeat("x", 256<<10), 1)
				h := before(t, mode, raw.Serve(t, raw.Loop(raw.TakeHead(), raw.Drain(), raw.Pick(func(r raw.Request) []raw.Step {
					if strings.HasSuffix(r.Target, "?live") {
						return []raw.Step{raw.Send(raw.JSON(context))}
					}
					return []raw.Step{raw.Send(raw.JSON(large))}
				}))), "CROSSFADE_UPSTREAM_IDLE_TIMEOUT=1s") // so that kept connections do not look like leaks
				descriptors := h.Descriptors()
				ended := make(chan struct{})
				var live sync.WaitGroup
				for range 4 {
					live.Go(func() {
						for n := 0; ; n++ {
							select {
							case <-ended:
								return
							case <-time.After(20 * time.Millisecond):
							}
							began := time.Now()
							whole(t, h.ask("GET", me+"?live"), 200, shaped(mode))
							if took := time.Since(began); took > 5*time.Second {
								t.Errorf("an answer took %v beside the attack", took)
							}
						}
					})
				}
				out, err := exec.Command(attacker, append(append(args, common...), "-u", "http://"+h.Address+me)...).CombinedOutput()
				close(ended)
				live.Wait()
				if err != nil || !strings.Contains(string(out), "Exit status") && !strings.Contains(string(out), "slow HTTP test status") {
					t.Errorf("slowhttptest: %v\n%s", err, out)
				}
				deadline := time.Now().Add(3 * length)
				for h.Descriptors() > descriptors+20 {
					if time.Now().After(deadline) {
						t.Fatalf("%d descriptors are open, %d before the attack", h.Descriptors(), descriptors)
					}
					whole(t, h.ask("GET", me+"?live"), 200, shaped(mode))
				}
				if peak := h.PeakMemory(); peak > 300<<20 {
					t.Errorf("crossfade took %d MiB", peak>>20)
				}
			})
		}
	}
}
