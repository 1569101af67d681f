package transform_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	. "github.com/crossfade-proxy/crossfade/transform"

	"pgregory.net/rapid"
)

// alikeDice makes bodies whose lists have rows of the same members in the same order, spelled alike, but for some.
type alikeDice struct {
	*bodyDice
	before, inside, behind, end string // white space: before a name, before the colon, before a value, before a bracket
}

func newAlikeDice(d dice) *alikeDice {
	space := func() string {
		return oneOf(d, "", "", "", " ", "\n  ", "\n                          ", "\t", "\r\n")
	}
	return &alikeDice{newBodyDice(d), space(), space(), space(), space()}
}

// rows makes every list of objects one of more of them, like the first.
func (d *alikeDice) rows(t *tree, s *sketch) {
	if s == nil {
		return
	}
	for _, m := range t.members {
		d.rows(m.tree, s.member[m.name])
	}
	if t.kind != '[' || len(t.items) == 0 || t.items[0].kind != '{' {
		return
	}
	first := t.items[0]
	t.items = nil
	for range d.roll(7) + 1 {
		row := &tree{kind: '{'}
		for _, m := range first.members {
			if oneIn(d, 4) && m.raw != "" {
				m.tree = mustParse(oneOf(d, values()...))
			}
			row.members = append(row.members, m)
		}
		if oneIn(d, 3) {
			d.odd(row, s.each)
		}
		t.items = append(t.items, row)
	}
}

// odd makes a row unlike the others.
func (d *alikeDice) odd(row *tree, s *sketch) {
	i := d.roll(len(row.members) + 1)
	more := treeMember{"description", `"description"`, mustParse(oneOf(d, values()...))}
	if len(row.members) == 0 {
		row.members = []treeMember{more}
		return
	}
	other := d.roll(len(row.members))
	switch d.roll(6) {
	case 0:
		row.members = slices.Delete(row.members, other, other+1)
	case 1:
		row.members = slices.Insert(row.members, i, more)
	case 2:
		row.members = slices.Insert(row.members, i, row.members[other])
	case 3:
		first := d.roll(len(row.members))
		row.members[first], row.members[other] = row.members[other], row.members[first]
	case 4:
		row.members = row.members[:other]
	case 5:
		d.spoil(row, s)
	}
}

// write writes a tree with the same white space everywhere.
func (d *alikeDice) write(t *tree) string {
	if t.raw != "" {
		return t.raw
	}
	var parts []string
	if t.kind == '[' {
		for _, item := range t.items {
			parts = append(parts, d.before+d.write(item))
		}
		return "[" + strings.Join(parts, ",") + d.end + "]"
	}
	for _, m := range t.members {
		parts = append(parts, d.before+m.key+d.inside+":"+d.behind+d.write(m.tree))
	}
	return "{" + strings.Join(parts, ",") + d.end + "}"
}

// slip changes a byte of a text.
func (d *alikeDice) slip(text string) string {
	i := d.roll(len(text))
	return text[:i] + oneOf(d, "", ",", `"`, " ", "}", "]", ":", `\`, "\x00", "a", text[i:i+1]+text[i:i+1]) + text[i+1:]
}

// samePlain complains where a lens, after whatever it has mapped before, makes something else of a body than one
// that reads every object as the first one.
func samePlain(l, plain *Lens, body string, job Job) string {
	want, refused := plain.Map(nil, []byte(body), job)
	got, err := l.Map(nil, []byte(body), job)
	switch {
	case fmt.Sprint(err) != fmt.Sprint(refused):
		return fmt.Sprintf("%s of %s\nrefused because %v\nwant %v", tell(job), body, err, refused)
	case !reflect.DeepEqual(got, want):
		return fmt.Sprintf("%s of %s\ngot  %s %+v\nwant %s %+v", tell(job), body, got.Body, got, want.Body, want)
	}
	return ""
}

func sameOn(t *rapid.T, ops []Op) {
	l, err := Compile("e", Response, ops)
	if err != nil {
		t.Fatalf("%v\n%s", err, describe(ops))
	}
	plain, s := Plain(l), sketchOf(ops)
	d := newAlikeDice(rapidDice{t})
	session := d.session(s)
	d.rows(session, s)
	bodies := []string{d.write(session)}
	for _, job := range jobs() {
		if res, err := plain.Map(nil, []byte(bodies[0]), job); err == nil {
			again := mustParse(string(res.Body))
			bodies = append(bodies, string(res.Body), d.write(again))
		}
	}
	d.rows(session, s)
	bodies = append(bodies, d.write(session))
	for _, body := range bodies {
		bodies = append(bodies, d.slip(body), body[:d.roll(len(body))])
	}
	depth := oneOf[int](d, 0, 0, 0, 2, 3, 4, 5)
	for _, body := range bodies {
		for _, job := range jobs() {
			job.MaxDepth = depth
			if complaint := samePlain(l, plain, body, job); complaint != "" {
				t.Fatalf("%s\n%s", complaint, describe(ops))
			}
		}
		if !l.Streams() {
			continue
		}
		if complaint := streamed(l, body, jobs()[0], func(int) int { return 0 }); complaint != "" {
			t.Fatalf("%s\n%s\n%s", body, describe(ops), complaint)
		}
	}
}

// What a layout knows makes mapping faster and nothing else, whatever came before.
func TestLayoutsAreOnlyFaster(t *testing.T) {
	t.Run("any lens", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) { sameOn(t, newLensDice(rapidDice{t}).ops()) })
	})
	for _, fixed := range fixedOps() {
		t.Run(fixed.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { sameOn(t, fixed.ops) })
		})
	}
}

// Rows that are odd in just the way that a layout could overlook.
func TestOddRows(t *testing.T) {
	shape := &Shape{Name: "row", Unmapped: UnmappedKeep, Members: []Member{
		{Name: "id", From: "id"}, {Name: "kind", Else: []Source{{Value: `"x"`}}}, {Name: "name", From: "name"}, {Name: "flow", From: "session"},
	}}
	under := &Shape{Name: "other row", Unmapped: UnmappedUnder, Under: Path{"name", "legacy"}, Members: []Member{
		{Name: "id", From: "id"}, {Name: "name", From: "name"},
	}}
	open := &Shape{Name: "edited row", Edit: []Op{
		Rename{At: Path{"session"}, To: "flow", Optional: true}, Rename{At: Path{"id"}, To: "flow_id", Optional: true},
		Drop{At: Path{"name"}, Optional: true, Loss: "a test"},
	}}
	const usual = `{"id":1,"name":"a","more":[[]],"session":"b"}`
	for _, row := range []struct{ name, odd string }{
		{"as ever", usual},
		{"white space before a value", `{"id":1,"name": "a","more":[],"session":"b"}`},
		{"a comma is missing before a first name in second place", `{"x":1"id":1,"name":"a","more":[],"session":"b"}`},
		{"a comma before the first name", `{,"id":1,"name":"a","more":[],"session":"b"}`},
		{"the first member is missing", `{"name":"a","more":[],"session":"b"}`},
		{"a second name in first place", `{,"name":"a","more":[],"session":"b"}`},
		{"a member is missing", `{"id":1,"more":[],"session":"b"}`},
		{"one that nobody names is missing", `{"id":1,"name":"a","session":"b"}`},
		{"one is new", `{"id":1,"new":2,"name":"a","more":[],"session":"b"}`},
		{"one is new at the end", `{"id":1,"name":"a","more":[],"session":"b","new":2}`},
		{"only the first ones", `{"id":1,"name":"a"}`},
		{"only the first one", `{"id":1}`},
		{"none", `{}`},
		{"white space and none", `{ }`},
		{"one twice, side by side", `{"id":1,"id":1,"name":"a","more":[],"session":"b"}`},
		{"one twice, at the end", `{"id":1,"name":"a","more":[],"session":"b","name":"a"}`},
		{"another order", `{"name":"a","id":1,"session":"b","more":[]}`},
		{"both names of a member", `{"id":1,"name":"a","flow":"c","more":[],"session":"b"}`},
		{"both names, the new one last", `{"id":1,"name":"a","more":[],"session":"b","flow":"c"}`},
		{"an escaped name", `{"id":1,"name":"a","more":[],"session":"b"}`},
		{"a name in other letters", `{"id":1,"Name":"a","more":[],"session":"b"}`},
		{"a longer name", `{"id":1,"name2":"a","more":[],"session":"b"}`},
		{"nested too deep", `{"id":1,"name":"a","more":[[[]]],"session":"b"}`},
		{"no colon", `{"id":1,"name" "a","more":[],"session":"b"}`},
		{"no value", `{"id":1,"name":,"more":[],"session":"b"}`},
		{"a comma at the end", `{"id":1,"name":"a","more":[],"session":"b",}`},
		{"a bad string", `{"id":1,"name":"a` + "\x01" + `","more":[],"session":"b"}`},
		{"no object", `[]`},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, shape := range []*Shape{shape, under, open} {
				l := compile(t, []Op{Collect{At: Path{"rows"}, To: "flows", Shape: shape}})
				plain := Plain(l)
				for _, rows := range [][]string{{usual, row.odd, usual}, {usual, usual, row.odd}, {row.odd, row.odd, usual}, {usual, row.odd, row.odd, row.odd}} {
					body := `{"rows":[` + strings.Join(rows, ",") + `]}`
					for _, end := range []int{len(body), len(body) - 1, len(body) - 3, len(body) - 10, len(body) - 20} {
						for _, job := range jobs() {
							job.MaxDepth = 5
							if complaint := samePlain(l, plain, body[:end], job); complaint != "" {
								t.Error(complaint)
							}
						}
					}
				}
			}
		})
	}
}

// A member that a nest has no place for is refused however often it comes.
func TestNestRefusesAgain(t *testing.T) {
	l := compile(t, []Op{Project{At: Path{"a"}, To: "b", Shape: &Shape{Name: "nested", Members: []Member{
		{Name: "dates", Nest: []Member{{Name: "start", From: "start_date"}}},
	}}}})
	for range 3 {
		_, err := l.Map(nil, []byte(`{"b":{"dates":{"start":1,"more":2}}}`), Job{Direction: ToSession, Form: Replace})
		const want = "context-me response to-session: project a to b: at b.dates.more: a member has no place in the shape nested (byte 25)"
		if fmt.Sprint(err) != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// So with the bodies of all case folders, one after the other, twice.
func TestLayoutsAreOnlyFasterWithCases(t *testing.T) {
	files, err := filepath.Glob("../testdata/endpoints/*/*/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases (%v)", err)
	}
	for _, fixed := range fixedOps() {
		l := compile(t, fixed.ops)
		plain := Plain(l)
		for _, file := range slices.Concat(files, files) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, job := range jobs() {
				if complaint := samePlain(l, plain, string(body), job); complaint != "" {
					t.Errorf("%s, %s: %s", fixed.name, file, complaint)
				}
			}
		}
	}
}

// FuzzLayouts has a lens map one body after another, of any bytes.
func FuzzLayouts(f *testing.F) {
	var lenses, plain []*Lens
	for _, fixed := range fixedOps() {
		l := compile(f, fixed.ops)
		lenses, plain = append(lenses, l), append(plain, Plain(l))
	}
	seedBodies(f, func(body string) {
		f.Add(byte(0), body, body)
		f.Add(byte(3), body, strings.ReplaceAll(body, " ", ""))
	})
	f.Fuzz(func(t *testing.T, which byte, one, other string) {
		n := int(which) % len(lenses)
		for _, job := range jobs() {
			for _, body := range []string{one, one, other, one} {
				if complaint := samePlain(lenses[n], plain[n], body, job); complaint != "" {
					t.Error(complaint)
				}
			}
		}
	})
}
