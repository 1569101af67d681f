package transform

import (
	"strings"
	"testing"
)

// What fits is known, and how often a layout is learnt: else it would be of no use, and nothing else would tell.
func TestLayoutLearns(t *testing.T) {
	shape := &Shape{Name: "row", Unmapped: UnmappedDrop, Loss: "a test", Members: []Member{{Name: "id", From: "id"}, {Name: "flow", From: "session"}}}
	l, err := Compile("e", Response, []Op{Collect{At: Path{"rows"}, To: "flows", Shape: shape}})
	if err != nil {
		t.Fatal(err)
	}
	const (
		one   = `{"id":1,"a":2,"session":3}`
		other = `{"id":1,"session":3}`
		long  = `{"id":1,"a_name_that_is_longer_than_a_literal":2,"session":3}`
	)
	rows := l.flow.root.object.fields[0].uses[0].shape.read.layout
	for _, row := range []struct {
		name  string
		rows  []string
		fits  bool
		count int
	}{
		{"the first teaches", []string{one}, false, 3},
		{"the second fits", []string{one, one}, true, 3},
		{"white space may be anywhere, if it is the same", []string{`{ "id" :1 , "session": 3 }`, `{ "id" :1 , "session": 3}`}, true, 2},
		{"one with a member less does not fit", []string{one, other}, false, 3},
		{"but is an exception", []string{one, other, one}, true, 3},
		{"exceptions may come again", []string{one, other, one, other, one}, true, 3},
		{"two in a row are none", []string{one, other, other}, false, 0},
		{"so that the next teaches", []string{one, other, other, other}, false, 2},
		{"and the one behind it fits", []string{one, other, other, other, other}, true, 2},
		{"a long name ends what is known", []string{long}, false, 1},
		{"and nothing fits then", []string{long, long}, false, 1},
		{"nobody learns from none", []string{`{}`, `{}`}, false, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := &run{}
			r.start(l.flow, []byte(`{"rows":[`+strings.Join(row.rows, ",")+`]}`), Job{MaxDepth: DefaultMaxDepth})
			if !r.whole() {
				t.Fatal(r.err)
			}
			if got := &r.layouts[rows]; got.fits != row.fits || len(got.known) != row.count {
				t.Errorf("fits: %v, %d literals; want %v, %d", got.fits, len(got.known), row.fits, row.count)
			}
			if row.fits && !r.layouts[rows].plan.made {
				t.Error("there is no plan")
			}
		})
	}
}
