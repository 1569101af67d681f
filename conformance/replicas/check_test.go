package replicas_test

import (
	"slices"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/conformance/replicas"
)

func ms(from, to int) replicas.Span {
	return replicas.Span{From: time.Duration(from) * time.Millisecond, To: time.Duration(to) * time.Millisecond}
}

// good is a history that breaks no law: two replicas, three entries, of which one is of a write that nobody knows about.
func good() replicas.History {
	return replicas.History{
		Bound: 2 * time.Second,
		First: "passthrough",
		Journal: []replicas.Entry{
			{Reason: "w1", Stage: "dual"}, {Reason: "w3", Stage: "flow_only"}, {Reason: "w4", Stage: "passthrough"},
		},
		Writes: []replicas.Write{
			{Span: ms(100, 120), Replica: 0, Reason: "w1", Outcome: replicas.Done, Version: 1},
			{Span: ms(200, 220), Replica: 1, Reason: "w2", Outcome: replicas.Refused},
			{Span: ms(300, 4000), Replica: 1, Reason: "w3", Outcome: replicas.Unknown},
			{Span: ms(6000, 6010), Replica: 1, Reason: "w4", Outcome: replicas.Done, Version: 3},
		},
		Harms: []replicas.Harm{
			{Span: ms(3000, 5000), Name: "stop", Replica: 1},
			{Span: ms(7000, 7500), Name: "store", Store: true},
		},
		Reads: []replicas.Read{
			{Span: ms(10, 12), Replica: 0, Shape: "passthrough", Mode: "passthrough", Version: 0},
			{Span: ms(121, 122), Replica: 0, Shape: "dual", Mode: "dual", Version: 1},
			{Span: ms(2100, 2110), Replica: 1, Shape: "passthrough", Mode: "passthrough", Version: 0}, // the bound is not over
			{Span: ms(2130, 2140), Replica: 1, Shape: "dual", Mode: "dual", Version: 1},
			{Span: ms(3100, 5100), Replica: 1, Failed: "timeout"},
			{Span: ms(5200, 5210), Replica: 0, Shape: "flow_only", Mode: "flow_only", Version: 2},
			{Span: ms(6020, 6030), Replica: 1, Shape: "passthrough", Mode: "passthrough", Version: 3},
			{Span: ms(9400, 9410), Replica: 0, Shape: "flow_only", Mode: "flow_only", Version: 2}, // the store was away meanwhile
			{Span: ms(9520, 9530), Replica: 0, Shape: "passthrough", Mode: "passthrough", Version: 3},
		},
	}
}

func TestCheckFindsWhatIsBroken(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(h *replicas.History)
		want string
	}{
		{"nothing", func(*replicas.History) {}, ""},
		{"nothing, and a version is not known", func(h *replicas.History) { h.Reads[1].Version = replicas.Lost }, ""},
		{"a body that is no mode's", func(h *replicas.History) { h.Reads[1].Shape = "" }, `one shape: replica 0 at 121ms answered with the body of "" and said "dual"`},
		{"a body of another mode", func(h *replicas.History) { h.Reads[1].Shape = "flow_only" }, `one shape: replica 0 at 121ms answered with the body of "flow_only" and said "dual"`},
		{"a replica that goes back", func(h *replicas.History) {
			h.Reads = append(h.Reads, replicas.Read{Span: ms(2150, 2160), Replica: 1, Shape: "passthrough", Mode: "passthrough"})
			h.Bound = 10 * time.Second
		}, "forward: replica 1 showed version 1 at 2.14s, and 0 at 2.15s"},
		{"a replica that is late", func(h *replicas.History) { h.Reads[2].Span = ms(2121, 2125) }, "bound: replica 1 showed version 0 at 2.121s, and 1 was acknowledged at 120ms, before its bound"},
		{"late after the store came back", func(h *replicas.History) { h.Reads[7].Span = ms(9501, 9505) }, "bound: replica 0 showed version 2 at 9.501s, and 3 was acknowledged at 6.01s, before its bound"},
		{"late for its own write", func(h *replicas.History) {
			h.Reads[1] = replicas.Read{Span: ms(121, 122), Replica: 0, Shape: "passthrough", Mode: "passthrough"}
		}, "bound: replica 0 showed version 0 at 121ms, and 1 was acknowledged at 120ms, by itself"},
		{"a write that is lost", func(h *replicas.History) { h.Journal[2].Reason = "another" }, "kept: w4 was acknowledged as version 3 at 6.01s, and the journal does not have it there"},
		{"a journal that ends early", func(h *replicas.History) { h.Journal = h.Journal[:2]; h.Reads = h.Reads[:6] }, "kept: w4 was acknowledged as version 3 at 6.01s, and the journal does not have it there"},
		{"versions out of order", func(h *replicas.History) {
			h.Writes[0].Version, h.Writes[3].Version = 3, 1
			h.Journal[0], h.Journal[2] = replicas.Entry{Reason: "w4", Stage: "dual"}, replicas.Entry{Reason: "w1", Stage: "passthrough"}
			h.Reads = nil
		}, "kept: w4 was asked for at 6s and got version 1, after w1 had got 3"},
		{"a refused write that was kept", func(h *replicas.History) { h.Writes[2].Outcome = replicas.Refused }, "whole: w3 was refused at 4s, and the journal has it"},
		{"a write that was kept twice", func(h *replicas.History) {
			h.Journal = append(h.Journal, replicas.Entry{Reason: "w3", Stage: "flow_only"})
		}, "whole: w3 is in the journal twice"},
		{"a version with another stage", func(h *replicas.History) { h.Reads[5].Shape, h.Reads[5].Mode = "dual", "dual" }, `whole: replica 0 at 5.2s showed version 2 as "dual", and the journal has "flow_only" for it`},
		{"a version that was never written", func(h *replicas.History) { h.Reads[8].Version = 4 }, `whole: replica 0 at 9.52s showed version 4 as "passthrough", and the journal has "nothing" for it`},
		{"no answer while the store is away", func(h *replicas.History) {
			h.Reads = append(h.Reads, replicas.Read{Span: ms(7100, 7200), Replica: 0, Failed: "refused"})
		}, "alive: replica 0 at 7.1s did not answer: refused"},
		{"no answer of another replica than the one that is stopped", func(h *replicas.History) { h.Reads[4].Replica = 0 }, "alive: replica 0 at 3.1s did not answer: timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := good()
			c.do(&h)
			var got []string
			for _, v := range replicas.Check(h) {
				got = append(got, v.Law+": "+v.How)
			}
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}
