package replicas_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/conformance/process"
	"github.com/crossfade-proxy/crossfade/conformance/replicas"
	"github.com/crossfade-proxy/crossfade/internal/database/postgrestest"
)

func TestMain(m *testing.M) { process.Main(m) }

// calm is how long nothing is done after each harm: the bound, and time to see that it is held.
const calm = bound + time.Second

func TestReplicasOfOnePostgreSQL(t *testing.T) {
	server := postgrestest.Own(t, postgrestest.Options{Disk: 128 << 20})
	c := start(t, 3, server.URL("postgres"))
	c.call(3, 30*time.Millisecond, 2, 5*time.Millisecond)
	seeded := rand.New(rand.NewPCG(1, 2))
	away := func(name string) replicas.Harm { return replicas.Harm{Name: name, Store: true} }
	disconnect := func(like string) func() error {
		return func() error {
			n, err := server.Disconnect(like)
			if err == nil && n == 0 {
				err = errors.New("nobody was connected")
			}
			return err
		}
	}
	nothing := func() error { return nil }
	harms := []func(){
		func() {
			victim := seeded.IntN(3)
			h := replicas.Harm{Name: fmt.Sprintf("replica %d is stopped for 3 s", victim), Replica: victim}
			c.harm(h, func() error { c.replicas[victim].process.Signal(syscall.SIGSTOP); return nil }, func() error {
				pass(3 * time.Second)
				c.replicas[victim].process.Signal(syscall.SIGCONT)
				return nil
			})
		},
		func() { c.kill(seeded.IntN(3)) },
		func() { c.kill(seeded.IntN(3)) },
		func() {
			c.harm(away("PostgreSQL is shut down"), server.Stop, func() error { pass(2 * time.Second); return server.Start() })
		},
		func() { c.harm(away("PostgreSQL is killed"), server.Kill, server.Start) },
		func() {
			c.harm(away("PostgreSQL is stopped for 3 s"), server.Pause, func() error { pass(3 * time.Second); return server.Resume() })
		},
		// These two are no excuse for anything: nobody is harmed.
		func() {
			c.harm(replicas.Harm{Name: "all connections are ended", Replica: -1}, disconnect("crossfade%"), nothing)
		},
		func() {
			c.harm(replicas.Harm{Name: "connections that listen are ended", Replica: -1}, disconnect("crossfade listener"), nothing)
		},
		func() {
			var free func() error
			c.harm(away("the disk of PostgreSQL is full for 3 s"),
				func() (err error) { free, err = server.Fill(); return err },
				func() error { pass(3 * time.Second); return errors.Join(free(), server.Revive()) })
		},
	}
	pass(calm)
	seeded.Shuffle(len(harms), func(i, j int) { harms[i], harms[j] = harms[j], harms[i] })
	for _, harm := range harms {
		harm()
		pass(calm)
	}
	h := c.judge()
	for _, harm := range h.Harms {
		if harm.Store && !slices.ContainsFunc(h.Writes, func(w replicas.Write) bool {
			return w.To > harm.From && w.From < harm.To && (w.Outcome != replicas.Done || w.To-w.From > time.Second)
		}) {
			t.Errorf("%s, and no flip was refused or held up: it was not", harm.Name)
		}
	}
	enough(t, h, 200, 2000)
}

func TestOneProcessOnSQLiteThatIsKilled(t *testing.T) {
	c := start(t, 1, "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	c.call(3, 5*time.Millisecond, 2, 5*time.Millisecond)
	for range 12 {
		pass(300 * time.Millisecond)
		c.kill(0)
	}
	enough(t, c.judge(), 50, 100)
}

// About fifty flips a second under 64 connections that ask all the time: no answer is of two modes, none is missing.
func TestFlipsUnderLoad(t *testing.T) {
	c := start(t, 1, "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	c.call(5, 80*time.Millisecond, 64, 25*time.Millisecond)
	pass(5 * time.Second)
	enough(t, c.judge(), 20, 1000)
}

// enough fails a test in which too little happened to say anything.
func enough(t *testing.T, h replicas.History, flips, answers int) {
	t.Helper()
	outcomes, answered := map[replicas.Outcome]int{}, 0
	for _, w := range h.Writes {
		outcomes[w.Outcome]++
	}
	for _, r := range h.Reads {
		if r.Failed == "" {
			answered++
		}
	}
	t.Logf("flips: %d done, %d refused, %d unknown; %d of %d reads answered", outcomes[replicas.Done], outcomes[replicas.Refused], outcomes[replicas.Unknown], answered, len(h.Reads))
	if outcomes[replicas.Done] < flips || answered < answers {
		t.Errorf("too little happened to say anything: want %d flips and %d answers", flips, answers)
	}
}
