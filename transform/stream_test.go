package transform_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	. "github.com/crossfade-proxy/crossfade/transform"

	"pgregory.net/rapid"
)

// pieces gives a body in pieces of the lengths that roll says, the end with the last one or after it.
type pieces struct {
	left string
	roll func(n int) int
}

func (r *pieces) Read(p []byte) (int, error) {
	if r.left == "" {
		return 0, io.EOF
	}
	n := min(len(p), len(r.left), r.roll(r.roll(10)+1)+1)
	n = copy(p, r.left[:n])
	if r.left = r.left[n:]; r.left == "" && r.roll(2) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// readBy reads all with buffers of the lengths that roll says.
func readBy(r io.Reader, roll func(n int) int) (string, error) {
	var out []byte
	p := make([]byte, 64<<10)
	for {
		n, err := r.Read(p[:min(roll(10)+1, len(p))])
		out = append(out, p[:n]...)
		if errors.Is(err, io.EOF) {
			return string(out), nil
		}
		if err != nil {
			return string(out), err
		}
	}
}

// streamed checks that what a Stream makes of a body, however it comes, is what Map makes of it, or
// the body where Map refuses it, and that both tell the same. It gives the complaint.
func streamed(l *Lens, body string, job Job, roll func(n int) int) string {
	want, refused := l.Map(nil, []byte(body), job)
	if refused != nil {
		want = Result{Body: []byte(body)}
	}
	s := l.Stream(&pieces{body, roll}, job, nil)
	defer s.Release()
	got, err := readBy(s, roll)
	result, because := s.Result()
	body, want.Body = string(want.Body), nil
	switch {
	case err != nil:
		return fmt.Sprintf("read: %v", err)
	case got != body:
		return fmt.Sprintf("got %s\nwant %s (%v, %v)", got, body, because, refused)
	case fmt.Sprint(because) != fmt.Sprint(refused):
		return fmt.Sprintf("refused because %v\nwant %v", because, refused)
	case fmt.Sprint(result) != fmt.Sprint(want):
		return fmt.Sprintf("result %+v\nwant %+v", result, want)
	}
	return ""
}

// streamingOps are those whose unions add at the end of the root only.
func (d *lensDice) streamingOps() (ops []Op) {
	names := shuffled(d, sessionNames())
	at := func() Path {
		p := Path{names[0]}
		names = names[1:]
		return p
	}
	groups := make([][]Op, d.roll(4)+2)
	groups[0] = []Op{Add{Member: "flow_always", Sources: []Source{{Value: "1"}}}}
	for i := 1; i < len(groups); i++ {
		p, optional := at(), d.roll(4) > 0
		to := d.made(p[0])
		switch d.roll(8) {
		case 0, 1:
			groups[i] = d.projects(p, to, optional, 2)
		case 2, 3, 4:
			groups[i] = slices.DeleteFunc(d.collect(p, to, at, optional, 2), func(op Op) bool { return op.Name() == "rename" })
		case 5:
			groups[i] = []Op{Copy{p, to, d.sources(3), optional}}
		case 6:
			if sources := d.sources(3); sources != nil {
				groups[i] = []Op{Add{Member: to, Sources: sources}}
			}
		case 7:
			groups[i] = []Op{oneOf[Op](d, d.text(p), Drop{p, optional, "it has no place"}, d.text(append(p, Each)), d.text(append(p, "in")))}
		}
	}
	return slices.Concat(shuffled(d, groups)...)
}

// streamOn holds a Stream against Map with bodies of the session shape, of both, and spoiled ones.
func streamOn(tb interface{ Fatalf(string, ...any) }, d dice, l *Lens) {
	s := sketchOf(l.Ops())
	b := newBodyDice(d)
	session := b.session(s)
	bodies := []string{b.write(session)}
	if res, err := l.Map(nil, []byte(bodies[0]), Job{Vars: testVars}); err == nil {
		bodies = append(bodies, string(res.Body))
	}
	for _, body := range bodies {
		bodies = append(bodies, b.write(b.spoil(mustParse(body), s)))
	}
	for _, body := range bodies {
		bodies = append(bodies, body[:d.roll(len(body)+1)], body+oneOf(d, " ", "\n}", "{", "x", strings.Repeat(" ", 70)))
	}
	job := Job{Vars: testVars, Links: testLinks(ToFlow), MaxDepth: oneOf(d, 0, 0, 0, 1, 2, 3, 4, 5)}
	for _, body := range bodies {
		// Not drawn one by one: so many rolls are too slow, and shrinking them tells nobody anything.
		cuts := rand.New(rand.NewPCG(uint64(d.roll(1<<30)), 0))
		if complaint := streamed(l, body, job, cuts.IntN); complaint != "" {
			tb.Fatalf("%s\n%s\n%s", body, describe(l.Ops()), complaint)
		}
	}
}

func TestStreamIsMap(t *testing.T) {
	t.Run("any lens", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			ops := newLensDice(rapidDice{t}).streamingOps()
			l, err := Compile("e", Response, ops)
			if err != nil {
				t.Fatalf("%v\n%s", err, describe(ops))
			}
			if !l.Streams() {
				t.Fatalf("does not stream\n%s", describe(ops))
			}
			streamOn(t, rapidDice{t}, l)
		})
	})
	streaming := 0
	for _, fixed := range fixedOps() {
		l := compile(t, fixed.ops)
		if !l.Streams() {
			continue
		}
		streaming++
		t.Run(fixed.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { streamOn(t, rapidDice{t}, l) })
		})
	}
	if streaming != 3 {
		t.Errorf("%d of the platform's lenses stream, want context, alias and legacy", streaming)
	}
}

// Whatever lens says that it streams adds at the end of the root and nowhere else.
func TestWhatStreamsAddsAtTheEnd(t *testing.T) {
	law(t, func(t *trial) {
		if !t.lens.Streams() {
			return
		}
		cuts := rand.New(rand.NewPCG(uint64(t.dice.roll(1<<30)), 0))
		if complaint := streamed(t.lens, t.body, Job{Vars: t.vars, Links: testLinks(ToFlow)}, cuts.IntN); complaint != "" {
			t.fail("%s", complaint)
		}
	})
}

// The strings, numbers, words and nestings that end badly, or nearly do, are judged alike at every split.
func TestStreamIsMapAtEverySplit(t *testing.T) {
	l := compile(t, contextOps())
	tokens := []string{
		`"a"`, `"\u0041"`, `"\ud83d\uDE00"`, `"\n\"\\\/\b\f\r\t"`, `"\x"`, `"\u00g0"`, `"\u00`, `"\`, `"`, `a"`, "\"\x01\"", "\"\xff\"",
		`0`, `-0`, `-`, `01`, `1.`, `1.5`, `1.e1`, `1e`, `1e+`, `1E-07`, `1e5x`, `-a`, `.5`, `+1`,
		`true`, `tru`, `truf`, `false`, `null`, `nul`, `nulll`, `{}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{1:2}`, `[]`, `[,]`, `[1,]`, `[1 2]`, `[1}`,
		`{"a":1]`, `[[[[]]]]`, `[[[[[1]]]]]`, `[{"a":{"b":[]}}]`, `{"a":{"b":{"c":{}}}}`, ``, ` `, "\f1",
	}
	places := []string{
		`%s`, ` %s `, `{"a":%s}`, `{"a" : %s , "b":1}`, `{"session":%s}`, `{"session":{"id":%s},"available_sessions":null}`,
		`{"available_sessions":%s}`, `{"available_sessions":[%s]}`, `{"available_sessions":[{"id":"1"},%s]}`,
		`{"available_sessions":[{"id":"1","name":%s} , {"id":"2"}],"session":{"id":"3"} }`, `{"a":1}%s`, `{%s:1}`, `{"a":1,%s}`,
	}
	for _, place := range places {
		for _, token := range tokens {
			body := fmt.Sprintf(place, token)
			for depth := range 6 {
				job := Job{MaxDepth: depth}
				for at := range len(body) + 1 {
					want, refused := l.Map(nil, []byte(body), job)
					if refused != nil {
						want.Body = []byte(body)
					}
					s := l.Stream(io.MultiReader(strings.NewReader(body[:at]), iotest.DataErrReader(strings.NewReader(body[at:]))), job, nil)
					got, err := io.ReadAll(s)
					_, because := s.Result()
					s.Release()
					if err != nil || string(got) != string(want.Body) || fmt.Sprint(because) != fmt.Sprint(refused) {
						t.Fatalf("%s split at %d, depth %d: got %s (%v, %v)\nwant %s (%v)", body, at, depth, got, because, err, want.Body, refused)
					}
				}
			}
		}
	}
}

// FuzzStream gives any bytes to the platform's lenses that stream, cut anywhere.
func FuzzStream(f *testing.F) {
	var lenses []*Lens
	for _, fixed := range fixedOps() {
		if l := compile(f, fixed.ops); l.Streams() {
			lenses = append(lenses, l)
		}
	}
	seedBodies(f, func(body string) { f.Add(byte(0), body, []byte{3, 1, 4, 1, 5}) })
	f.Fuzz(func(t *testing.T, which byte, body string, rolls []byte) {
		d := &byteDice{left: bytes.Repeat(rolls, len(body)+1)}
		roll := func(n int) int { return min(n-1, d.roll(n)) }
		if complaint := streamed(lenses[int(which)%len(lenses)], body, Job{}, roll); complaint != "" {
			t.Errorf("%s: %s", body, complaint)
		}
	})
}

// Lists that are longer than a block, in every order of the root's members, one or two of them, filtered or not.
func TestStreamOfLongLists(t *testing.T) {
	two := append(contextOps(), Collect{At: Path{"archived"}, To: "archived_flows", Shape: flowShape(), Optional: true},
		Filter{List: Path{"archived_flows"}, By: []Condition{{"status", "query.status"}}},
		Filter{List: Path{"others"}, By: []Condition{{"status", "query.status"}}},
		Collect{At: Path{"more"}, To: "others", Shape: flowShape(), Optional: true})
	body := string(contextBody(1600))
	whole := mustParse(body)
	rows := whole.find("available_sessions")
	paused := strings.ReplaceAll(rows.raw, `"is_default"`, `"status":"waiting_for_user","is_default"`)
	archived := treeMember{"archived", "", mustParse(paused)}
	few := treeMember{"archived", "", mustParse(strings.Replace(paused, "waiting", "running", 1590))}
	none := treeMember{"archived", "", mustParse(rows.raw)}
	member := func(name string) treeMember {
		return whole.members[slices.IndexFunc(whole.members, func(m treeMember) bool { return m.name == name })]
	}
	user, session, list := member("user"), member("session"), member("available_sessions")
	unlisted := treeMember{"session", "", mustParse(`{"id":"another","name":"Demo Session"}`)}
	ownerless := treeMember{"available_sessions", "", mustParse(strings.ReplaceAll(rows.raw, `"created_by"`, `"author"`))}
	big := `{"id":"1","status":"waiting_for_user","name":` + quoted(strings.Repeat("n", 100<<10)) + "},"
	full := treeMember{"archived", "", mustParse("[" + strings.Repeat(big, 3) + `{"id":"2","status":"running"}]`)}
	for name, members := range map[string][]treeMember{
		"a block and nothing behind it, twice": {user, full, {"more", "", mustParse(strings.ReplaceAll(full.raw, "nnn", "mmm"))}, session},
		"as it comes":                          whole.members,
		"session behind the list":              {user, list, session},
		"session not among them":               {user, list, unlisted},
		"user behind the list":                 {session, ownerless, user},
		"user last, two lists":                 {ownerless, session, archived, user},
		"two lists":                            {archived, user, session, list},
		"two lists, few are left":              {user, few, session, list},
		"two lists, none are left":             {user, list, none, unlisted},
		"the rows and a scalar of 1 MB":        {user, list, {"note", "", mustParse(quoted(body))}, session},
		"a session of 1 MB":                    {user, list, {"session", "", mustParse(`{"id":"1","name":` + quoted(body) + `}`)}},
	} {
		t.Run(name, func(t *testing.T) {
			l := compile(t, two)
			text := (&tree{kind: '{', members: members}).text()
			cuts := rand.New(rand.NewPCG(1, uint64(len(text))))
			for _, most := range []int{1 << 10, 64 << 10, 4 << 20} {
				roll := func(n int) int { return int(min(cuts.Int64N(int64(n)*int64(most)/10), 1<<30)) }
				if complaint := streamed(l, text, Job{Vars: testVars}, roll); complaint != "" {
					t.Errorf("pieces of up to %d: %.2000s", most, complaint)
				}
			}
		})
	}
}

// A list that grows is never copied, so that what is held is about what is put in.
func TestStreamHoldsWhatItAdds(t *testing.T) {
	l := compile(t, contextOps())
	body := contextBody(10_000)
	union, err := l.Map(nil, body, Job{})
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	s := l.Stream(bytes.NewReader(body), Job{}, func(bytes int) error { held = bytes; return nil })
	defer s.Release()
	if _, err := io.Copy(io.Discard, s); err != nil {
		t.Fatal(err)
	}
	if adds := len(union.Body) - len(body); held < adds || held > adds+128<<10 {
		t.Errorf("%d bytes are held to add %d", held, adds)
	}
}

func TestStreamWithoutRoom(t *testing.T) {
	l := compile(t, contextOps())
	body := contextBody(1000)
	full := errors.New("no room")
	for _, room := range []int{0, 1000, 100_000} {
		s := l.Stream(bytes.NewReader(body), Job{}, func(bytes int) error {
			if bytes > room {
				return full
			}
			return nil
		})
		got, err := io.ReadAll(s)
		if res, because := s.Result(); err != nil || !bytes.Equal(got, body) || !errors.Is(because, full) || res.Changed {
			t.Errorf("room for %d: %d bytes of %d (%v), because %v", room, len(got), len(body), err, because)
		}
		s.Release()
	}
}

// A source that breaks off is told, and what came before is given out.
func TestStreamThatBreaksOff(t *testing.T) {
	l := compile(t, contextOps())
	body := string(contextBody(10))
	for _, at := range []int{0, 1, 500, len(body) - 1, len(body)} {
		s := l.Stream(io.MultiReader(strings.NewReader(body[:at]), iotest.ErrReader(io.ErrUnexpectedEOF)), Job{}, nil)
		got, err := io.ReadAll(s)
		if res, because := s.Result(); string(got) != body[:at] || !errors.Is(err, io.ErrUnexpectedEOF) || because != nil || res.Changed {
			t.Errorf("cut at %d: %s (%v), because %v", at, got, err, because)
		}
		s.Release()
	}
}
