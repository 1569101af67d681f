package contract

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/crossfade-proxy/crossfade/transform"
)

// Finding is an endpoint that does not do what its examples or the laws say.
type Finding struct {
	Source   string // file and line of the example, or of the endpoint
	Endpoint string
	Text     string
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: endpoints[%s]: %s", f.Source, f.Endpoint, f.Text)
}

// Check runs the examples of all endpoints, and bodies that it makes up from their lenses:
//
//   - the session shape maps to the flow shape that the example gives, with keys in its order;
//   - the union holds every byte of the session shape in order, and is the example's dual if it has one;
//   - what is in the wanted shape already stays as it is;
//   - to-session(to-flow(x)) = x up to the declared losses, and a second way loses nothing more;
//   - no name of the session shape is left in the flow shape.
//
// It finds nothing in a contract that keeps its promises. Switched-off endpoints are checked too.
func (c *Contract) Check() []Finding {
	// Once for all: it looks at every route.
	toFlow, toSession := c.Links(transform.ToFlow), c.Links(transform.ToSession)
	links := func(dir transform.Direction) transform.Links {
		if dir == transform.ToFlow {
			return toFlow
		}
		return toSession
	}
	var out []Finding
	for _, e := range c.Endpoints {
		for _, x := range e.Examples {
			for _, text := range e.checkExample(x, links) {
				out = append(out, Finding{x.Source, e.Name, fmt.Sprintf("example %q: %s", x.Name, text)})
			}
		}
		for _, side := range Sides() {
			if lens := e.Lens(side); lens != nil {
				for _, text := range checkMadeUp(lens) {
					out = append(out, Finding{e.Source, e.Name, fmt.Sprintf("%s: %s", side, text)})
				}
			}
		}
	}
	return out
}

// trial maps bodies with one lens and one set of variables and collects what is wrong.
type trial struct {
	lens   *transform.Lens
	vars   transform.Vars
	links  linksBy // nil: URLs are kept
	losses *losses
	faults []string
}

// linksBy gives the links of a direction.
type linksBy func(transform.Direction) transform.Links

func (t *trial) fault(format string, args ...any) {
	t.faults = append(t.faults, fmt.Sprintf(format, args...))
}

// mapped is a body and what became of it.
type mapped struct {
	transform.Result
	tree *tree
}

// run maps a body.
func (t *trial) run(body []byte, dir transform.Direction, form transform.Form) (transform.Result, error) {
	job := transform.Job{Direction: dir, Form: form, Vars: t.vars}
	if t.links != nil {
		job.Links = t.links(dir)
	}
	return t.lens.Map(nil, body, job)
}

// try maps a body, and reads what comes of it.
func (t *trial) try(body []byte, dir transform.Direction, form transform.Form) (mapped, error) {
	res, err := t.run(body, dir, form)
	if err != nil {
		return mapped{}, err
	}
	tr, err := parseTree(res.Body)
	if err != nil {
		return mapped{}, fmt.Errorf("%s gives no JSON: %w", dir, err)
	}
	return mapped{res, tr}, nil
}

// must is try where an error is a fault. ok is false after one.
func (t *trial) must(what string, body []byte, dir transform.Direction, form transform.Form) (mapped, bool) {
	m, err := t.try(body, dir, form)
	if err != nil {
		t.fault("%s: %v", what, err)
	}
	return m, err == nil
}

func (e *Endpoint) checkExample(x Example, links linksBy) []string {
	session, flow := []byte(x.Session), []byte(x.Flow)
	wantSession, err := parseTree(session)
	wantFlow, err2 := parseTree(flow)
	if err := errors.Join(err, err2); err != nil {
		return []string{err.Error()}
	}
	lens := e.Lens(x.Side)
	if lens == nil {
		if d := difference(wantSession, wantFlow); d != "" {
			return []string{fmt.Sprintf("the endpoint maps no %s bodies, so both shapes are one: %s", x.Side, d)}
		}
		return nil
	}
	t := &trial{lens: lens, links: links, losses: lossesOf(lens.Ops()), vars: func(name string) (string, bool) {
		v, ok := x.Vars[name]
		return v, ok
	}}
	if !ToClient(x.Side) {
		if back, ok := t.must("to-session", flow, transform.ToSession, transform.Replace); ok {
			t.same("to-session", wantSession, back.tree)
		}
		t.stays("the session shape, to-session", session, transform.ToSession, transform.Replace)
		return t.faults
	}
	got, ok := t.must("to-flow", session, transform.ToFlow, transform.Replace)
	if !ok {
		return t.faults
	}
	t.same("to-flow", wantFlow, got.tree)
	t.leaks(got.tree)
	t.stays("the flow shape, to-flow", got.Body, transform.ToFlow, transform.Replace)
	if HasDual(x.Side) {
		if union, ok := t.union(session); ok && x.Dual != "" {
			if dual, err := parseTree([]byte(x.Dual)); err != nil {
				t.fault("dual: %v", err)
			} else {
				t.same("dual", dual, union.tree)
			}
		}
	}
	if got.Changed && !t.filters() && !t.mixed(session) {
		t.roundTrip(wantSession, got)
	}
	return t.faults
}

// same complains when a mapping gives something else than it should.
func (t *trial) same(what string, want, got *tree) {
	if d := difference(want, got); d != "" {
		t.fault("%s: %s", what, d)
	}
}

// stays complains when a body that has the wanted shape does not stay as it is.
func (t *trial) stays(what string, body []byte, dir transform.Direction, form transform.Form) {
	res, err := t.run(body, dir, form)
	switch {
	case err != nil:
		t.fault("%s: %v", what, err)
	case !bytes.Equal(res.Body, body):
		t.fault("%s: it has that shape already, and becomes %s", what, res.Body)
	}
}

// union checks that the union of a session shape keeps every byte of it. ok is false where
// there is no union, or after a fault.
func (t *trial) union(session []byte) (union mapped, ok bool) {
	if !t.lens.HasUnion() {
		return union, false
	}
	union, ok = t.must("dual", session, transform.ToFlow, transform.Union)
	if !ok {
		return union, false
	}
	if !holds(union.Body, session) {
		t.fault("dual: not every byte of the session shape is in it: %s", union.Body)
		return union, false
	}
	t.stays("dual, once more", union.Body, transform.ToFlow, transform.Union)
	return union, true
}

// holds reports whether all bytes of part are in whole, in order.
func holds(whole, part []byte) bool {
	for _, c := range whole {
		if len(part) > 0 && part[0] == c {
			part = part[1:]
		}
	}
	return len(part) == 0
}

// filters reports whether the variables leave elements of a list out: they do not come back.
func (t *trial) filters() bool {
	for _, op := range t.lens.Ops() {
		if f, ok := op.(transform.Filter); ok {
			for _, by := range f.By {
				if _, set := t.vars(by.Var); set {
					return true
				}
			}
		}
	}
	return false
}

// leaks complains about names of the session shape in a flow shape.
func (t *trial) leaks(flow *tree) {
	for _, p := range t.lens.SessionNames() {
		if flow.has(p) {
			t.fault("to-flow: the session shape's %s is still there", p)
		}
	}
}

// mixed reports whether a body has anything of the flow shape: it was not of the session
// shape alone, and what comes back is.
func (t *trial) mixed(body []byte) bool {
	res, err := t.run(body, transform.ToSession, transform.Replace)
	return err != nil || res.Changed
}

// roundTrip checks that to-session of what to-flow gave is the session shape again, up to
// the declared losses, and that nothing is lost on a second way.
func (t *trial) roundTrip(session *tree, flow mapped) {
	back, ok := t.must("back to-session", flow.Body, transform.ToSession, transform.Replace)
	if !ok {
		return
	}
	if d := t.losses.difference(session, back.tree); d != "" {
		t.fault("to-session(to-flow(x)) is not x, and no loss is declared for it: %s", d)
		return
	}
	// What was lost was lost on the first way; a second one loses nothing more.
	flowAgain, ok := t.must("to-flow, once more", back.Body, transform.ToFlow, transform.Replace)
	if !ok {
		return
	}
	if again, ok := t.must("to-session, once more", flowAgain.Body, transform.ToSession, transform.Replace); ok {
		if d := new(losses).difference(back.tree, again.tree); d != "" {
			t.fault("each way there and back loses more: %s", d)
		}
	}
}

// checkMadeUp checks the laws on bodies made up from the operations: one with everything in
// it, and for each member variants without it, with null, and with each value that a table
// or a text names.
func checkMadeUp(lens *transform.Lens) []string {
	t := &trial{lens: lens, losses: lossesOf(lens.Ops()), vars: madeUpVars, links: madeUpLinks}
	s := sketchOf(lens.Ops())
	for _, c := range s.changes() {
		body := s.body(c)
		got, err := t.try(body, transform.ToFlow, transform.Replace)
		if err != nil {
			// A body may be refused for what is missing in it, but not when all is there.
			if c.at == nil {
				t.fault("a body with everything in it is refused: %v", err)
			}
			continue
		}
		known := len(t.faults)
		want, err := parseTree(body)
		if err != nil {
			t.fault("%v", err)
			continue
		}
		t.leaks(got.tree)
		t.stays("the flow shape, to-flow", got.Body, transform.ToFlow, transform.Replace)
		t.union(body)
		if got.Changed && !t.mixed(body) {
			t.roundTrip(want, got)
		}
		for i := known; i < len(t.faults); i++ {
			t.faults[i] = fmt.Sprintf("%s: %s", c, t.faults[i])
		}
		if len(t.faults) > 0 {
			break // the other variants would say the same
		}
	}
	return t.faults
}
