package contract

import (
	"slices"

	"github.com/crossfade-proxy/crossfade/transform"
)

// table is a resolved word table or prefix table.
type table struct {
	words    *transform.WordTable
	prefixes *transform.PrefixTable
	broken   bool // a fault of it was reported; whoever uses it is not compiled
}

// readEnum reads a list of words that a query parameter may have.
func readEnum(d *declared[[]string]) []string {
	if d.state == stateNew {
		d.state, d.resolved = stateDone, d.strings()
		if d.kind == kindList && len(d.items) == 0 {
			d.fail("no words")
		}
	}
	return d.resolved
}

// readTable reads a table.
func readTable(d *declared[*table]) *table {
	if d.state == stateDone {
		return d.resolved
	}
	d.state = stateDone
	before := len(d.problems.list)
	t := &table{}
	d.resolved = t
	if o, ok := d.object(); ok {
		o.get("replace") // read when the files were put together
		o.one("words", "prefixes")
		o.asked = append(o.asked, "words", "prefixes")
		switch {
		case o.has("prefixes"):
			t.prefixes = readPrefixTable(o, d.name)
		case o.has("words"):
			t.words = readWordTable(o, d.name)
		default:
			o.fail("a table has words or prefixes")
		}
		o.done()
	}
	t.broken = len(d.problems.list) > before
	if t.broken {
		return t
	}
	// The engine knows what makes a table wrong; asked for the table alone, its answer
	// belongs to the table's lines and is given once, however many endpoints use it.
	var op transform.Op = transform.Words{At: transform.Path{"text"}, Table: t.words}
	if t.prefixes != nil {
		op = transform.Prefixes{At: transform.Path{"text"}, Table: t.prefixes}
	}
	t.broken = !compiles(d.value, d.name, []transform.Op{op}, nil)
	return t
}

func readWordTable(o *object, name string) *transform.WordTable {
	t := &transform.WordTable{Name: name, Else: o.str("else"), Loss: o.str("loss")}
	if v, ok := o.get("words"); ok {
		for _, e := range v.entries() {
			t.Entries = append(t.Entries, transform.WordEntry{Session: e.key, Flow: e.str()})
		}
	}
	if v, ok := o.get("same"); ok {
		t.Same = v.strings()
	}
	if v, ok := o.get("back"); ok {
		for _, e := range v.entries() {
			t.Back = append(t.Back, transform.WordEntry{Session: e.str(), Flow: e.key})
		}
	}
	return t
}

func readPrefixTable(o *object, name string) *transform.PrefixTable {
	t := &transform.PrefixTable{Name: name, Loss: o.str("loss")}
	t.Entries = readPrefixes(o, "prefixes")
	t.Back = readPrefixes(o, "back")
	for i, e := range t.Back {
		t.Back[i].Session, t.Back[i].Flow = e.Flow, e.Session
	}
	return t
}

// readPrefixes reads pairs of beginnings, told in the direction of the list they stand in.
func readPrefixes(o *object, key string) []transform.PrefixEntry {
	var out []transform.PrefixEntry
	for _, v := range o.list(key) {
		p, ok := v.object()
		if !ok {
			continue
		}
		p.one("prefix", "whole")
		e := transform.PrefixEntry{Session: p.str("prefix"), Whole: p.has("whole")}
		if whole := p.str("whole"); whole != "" {
			e.Session = whole
		}
		if to, ok := p.need("to"); ok && to.is(kindString) {
			e.Flow = to.text // "" takes the beginning away
		}
		if !p.has("prefix") && !e.Whole {
			p.fail("prefix or whole is missing")
		}
		p.done()
		if slices.ContainsFunc(out, func(o transform.PrefixEntry) bool { return o.Session == e.Session && o.Whole == e.Whole }) {
			v.fail("%q is there twice", e.Session)
			continue
		}
		out = append(out, e)
	}
	return out
}
