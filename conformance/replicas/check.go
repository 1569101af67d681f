package replicas

import (
	"fmt"
	"slices"
	"time"
)

// Violation is a law that was broken, and how.
type Violation struct{ Law, How string }

// Check tells every law that a history breaks, and where.
func Check(h History) []Violation {
	c := &checker{History: h}
	for _, law := range []struct {
		name  string
		check func()
	}{
		{"one shape", c.oneShape},
		{"forward", c.forward},
		{"bound", c.bound},
		{"kept", c.kept},
		{"whole", c.whole},
		{"alive", c.alive},
	} {
		c.law = law.name
		law.check()
	}
	return c.found
}

type checker struct {
	History
	law   string
	found []Violation
}

func (c *checker) broken(format string, args ...any) {
	c.found = append(c.found, Violation{c.law, fmt.Sprintf(format, args...)})
}

func (c *checker) oneShape() {
	for _, r := range c.Reads {
		if r.Failed == "" && (r.Shape == "" || r.Shape != r.Mode) {
			c.broken("replica %d at %v answered with the body of %q and said %q", r.Replica, r.From, r.Shape, r.Mode)
		}
	}
}

// forward compares each read with those of its replica that had ended when it began.
func (c *checker) forward() {
	for _, reads := range c.byReplica() {
		begun, ended := slices.Clone(reads), slices.Clone(reads)
		slices.SortFunc(begun, func(a, b Read) int { return int(a.From - b.From) })
		slices.SortFunc(ended, func(a, b Read) int { return int(a.To - b.To) })
		var highest Read
		for _, r := range begun {
			for len(ended) > 0 && ended[0].To < r.From {
				if ended[0].Version > highest.Version {
					highest = ended[0]
				}
				ended = ended[1:]
			}
			if r.Version < highest.Version {
				c.broken("replica %d showed version %d at %v, and %d at %v", r.Replica, highest.Version, highest.To, r.Version, r.From)
			}
		}
	}
}

func (c *checker) bound() {
	done := c.acknowledged()
	for replica, reads := range c.byReplica() {
		slices.SortFunc(reads, func(a, b Read) int { return int(a.From - b.From) })
		var all, own highest
		for _, r := range reads {
			all.until(done, c.seen(replica, r.From), func(Write) bool { return true })
			own.until(done, r.From, func(w Write) bool { return w.Replica == replica })
			for _, must := range []struct {
				write Write
				why   string
			}{{all.write, "before its bound"}, {own.write, "by itself"}} {
				if r.Version < must.write.Version {
					c.broken("replica %d showed version %d at %v, and %d was acknowledged at %v, %s", replica, r.Version, r.From, must.write.Version, must.write.To, must.why)
				}
			}
		}
	}
}

// highest is the write with the highest version up to a time that only goes on, or seldom back.
type highest struct {
	write Write
	next  int
}

func (h *highest) until(writes []Write, t time.Duration, counts func(Write) bool) {
	for h.next < len(writes) && writes[h.next].To < t {
		if w := writes[h.next]; counts(w) && w.Version > h.write.Version {
			h.write = w
		}
		h.next++
	}
}

// seen is the latest time whose acknowledged writes a replica has to show at t: it has had the bound, in one piece and
// undisturbed, since then. It never goes back as t goes on.
func (c *checker) seen(replica int, t time.Duration) time.Duration {
	end := t
	for {
		begin, disturbed := end-c.Bound, false
		for _, h := range c.Harms {
			if (h.Store || h.Replica == replica) && h.From < end && h.To > begin {
				end, disturbed = h.From, true
			}
		}
		if !disturbed {
			return begin
		}
	}
}

func (c *checker) kept() {
	var before Write
	for _, w := range c.acknowledged() {
		if w.Version < 1 || w.Version > int64(len(c.Journal)) || c.Journal[w.Version-1].Reason != w.Reason {
			c.broken("%s was acknowledged as version %d at %v, and the journal does not have it there", w.Reason, w.Version, w.To)
		}
	}
	// One that was asked for after another's answer has a later version.
	begun, ended := c.acknowledged(), c.acknowledged()
	slices.SortFunc(begun, func(a, b Write) int { return int(a.From - b.From) })
	for _, w := range begun {
		for len(ended) > 0 && ended[0].To < w.From {
			if ended[0].Version > before.Version {
				before = ended[0]
			}
			ended = ended[1:]
		}
		if w.Version <= before.Version {
			c.broken("%s was asked for at %v and got version %d, after %s had got %d", w.Reason, w.From, w.Version, before.Reason, before.Version)
		}
	}
}

func (c *checker) whole() {
	written := map[string]int{}
	for _, e := range c.Journal {
		if written[e.Reason]++; written[e.Reason] == 2 {
			c.broken("%s is in the journal twice", e.Reason)
		}
	}
	for _, w := range c.Writes {
		if w.Outcome == Refused && written[w.Reason] > 0 {
			c.broken("%s was refused at %v, and the journal has it", w.Reason, w.To)
		}
	}
	for _, r := range c.Reads {
		if r.Failed != "" || r.Version == Lost {
			continue
		}
		want := c.First
		if r.Version > 0 && r.Version <= int64(len(c.Journal)) {
			want = c.Journal[r.Version-1].Stage
		} else if r.Version != 0 {
			want = "nothing"
		}
		if r.Mode != want {
			c.broken("replica %d at %v showed version %d as %q, and the journal has %q for it", r.Replica, r.From, r.Version, r.Mode, want)
		}
	}
}

func (c *checker) alive() {
	for _, r := range c.Reads {
		if r.Failed == "" {
			continue
		}
		if !slices.ContainsFunc(c.Harms, func(h Harm) bool { return !h.Store && h.Replica == r.Replica && h.From < r.To && h.To > r.From }) {
			c.broken("replica %d at %v did not answer: %s", r.Replica, r.From, r.Failed)
		}
	}
}

// byReplica gives the reads that were answered and whose version is known.
func (c *checker) byReplica() map[int][]Read {
	reads := map[int][]Read{}
	for _, r := range c.Reads {
		if r.Failed == "" && r.Version != Lost {
			reads[r.Replica] = append(reads[r.Replica], r)
		}
	}
	return reads
}

// acknowledged gives the writes that are done, in the order of their answers.
func (c *checker) acknowledged() []Write {
	var done []Write
	for _, w := range c.Writes {
		if w.Outcome == Done {
			done = append(done, w)
		}
	}
	slices.SortFunc(done, func(a, b Write) int { return int(a.To - b.To) })
	return done
}
