package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/crossfade-proxy/crossfade/transform"
)

var update = flag.Bool("update", false, "write what the lenses give into the case folders")

const casesDir = "../../testdata/endpoints"

// A case is a folder testdata/endpoints/<endpoint>/<case>/ with some of these files:
//
//	response.session.json  what the upstream answers; with it
//	response.flow.json     what a client in flow_only gets,
//	response.dual.json     what a client in dual gets (absent where the shapes have no union),
//	response.back.json     what to-session makes of response.flow.json, where that is not
//	                       response.session.json up to the declared losses
//	response.refused.txt   instead of these: why the body cannot be mapped
//	request.flow.json      what a client sends; with it
//	request.session.json   what the upstream gets, or
//	request.refused.txt    why it cannot be mapped
//	error.session.json     an error of the upstream; with it
//	error.flow.json        what a flow client gets, or
//	error.refused.txt      why it cannot be mapped
//	vars.json              the variables of the request
//
// Bodies are compared byte by byte. -update writes all but the three inputs.
func TestCases(t *testing.T) {
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	folders, err := filepath.Glob(filepath.Join(casesDir, "*", "*"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("no cases in %s (%v)", casesDir, err)
	}
	for _, folder := range folders {
		name := filepath.Base(filepath.Dir(folder))
		e, err := c.Endpoint(name)
		if err != nil {
			t.Errorf("%s: %v", folder, err)
			continue
		}
		found[name]++
		t.Run(name+"/"+filepath.Base(folder), func(t *testing.T) {
			(&caseFolder{T: t, dir: folder}).run(e)
		})
	}
	for _, e := range c.Endpoints {
		if found[e.Name] == 0 {
			t.Errorf("endpoint %q has no case in %s", e.Name, casesDir)
		}
	}
}

// caseFolder is a case while it runs.
type caseFolder struct {
	*testing.T
	dir  string
	vars transform.Vars
	left []string // files that nothing has read yet
}

func (c *caseFolder) run(e *Endpoint) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		c.Fatal(err)
	}
	for _, entry := range entries {
		c.left = append(c.left, entry.Name())
	}
	c.readVars()
	inputs := 0
	if body, ok := c.read("response.session.json"); ok {
		inputs++
		c.response(e.Response, body)
	}
	if body, ok := c.read("request.flow.json"); ok {
		inputs++
		c.request(e.Request, body)
	}
	if body, ok := c.read("error.session.json"); ok {
		inputs++
		c.failure(e.Errors, body)
	}
	if inputs == 0 {
		c.Error("the folder has no response.session.json, request.flow.json or error.session.json")
	}
	if len(c.left) > 0 {
		c.Errorf("files that belong to nothing: %s", strings.Join(c.left, ", "))
	}
}

func (c *caseFolder) readVars() {
	data, ok := c.read("vars.json")
	vars := map[string]string{}
	if ok {
		if err := json.Unmarshal(data, &vars); err != nil {
			c.Fatalf("vars.json: %v", err)
		}
	}
	c.vars = func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

func (c *caseFolder) read(name string) ([]byte, bool) {
	data, err := os.ReadFile(filepath.Join(c.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		c.Fatal(err)
	}
	c.left = slices.DeleteFunc(c.left, func(n string) bool { return n == name })
	return data, true
}

// expect compares got with a file, or writes it.
func (c *caseFolder) expect(name string, got []byte) {
	c.Helper()
	if *update {
		if err := os.WriteFile(filepath.Join(c.dir, name), got, 0o644); err != nil {
			c.Fatal(err)
		}
	}
	want, ok := c.read(name)
	if !ok {
		c.Errorf("%s is missing; the lens gives\n%s", name, got)
		return
	}
	if !bytes.Equal(want, got) {
		c.Errorf("%s (-want +got):\n%s", name, cmp.Diff(string(want), string(got)))
	}
}

// gone removes files that an update leaves without meaning.
func (c *caseFolder) gone(names ...string) {
	for _, name := range names {
		if *update {
			if err := os.Remove(filepath.Join(c.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				c.Fatal(err)
			}
			c.left = slices.DeleteFunc(c.left, func(n string) bool { return n == name })
		}
	}
}

// mapBody maps body, with no lens to itself.
func (c *caseFolder) mapBody(lens *transform.Lens, body []byte, dir transform.Direction, form transform.Form) ([]byte, error) {
	if lens == nil {
		return body, nil
	}
	res, err := lens.Map(nil, body, transform.Job{Direction: dir, Form: form, Vars: c.vars})
	if err == nil && !res.Changed && !bytes.Equal(res.Body, body) {
		c.Errorf("a mapping that says it changed nothing gives another body:\n%s", res.Body)
	}
	return res.Body, err
}

// stays checks that a body is left alone.
func (c *caseFolder) stays(what string, lens *transform.Lens, body []byte, dir transform.Direction, form transform.Form) {
	c.Helper()
	got, err := c.mapBody(lens, body, dir, form)
	if err != nil {
		c.Errorf("%s: %v", what, err)
	} else if !bytes.Equal(got, body) {
		c.Errorf("%s does not stay as it is (-want +got):\n%s", what, cmp.Diff(string(body), string(got)))
	}
}

func (c *caseFolder) response(lens *transform.Lens, session []byte) {
	flow, err := c.mapBody(lens, session, transform.ToFlow, transform.Replace)
	dual, dualErr := c.mapBody(lens, session, transform.ToFlow, transform.Union)
	if err != nil {
		c.expect("response.refused.txt", []byte(err.Error()+"\n"))
		c.gone("response.flow.json", "response.dual.json", "response.back.json")
		if dualErr == nil && lens.HasUnion() {
			c.Errorf("flow_only refuses the body and dual maps it to\n%s", dual)
		}
		return
	}
	c.gone("response.refused.txt")
	if dualErr != nil {
		c.Errorf("flow_only maps the body and dual refuses it: %v", dualErr)
		return
	}
	c.expect("response.flow.json", flow)
	c.stays("response.flow.json to flow", lens, flow, transform.ToFlow, transform.Replace)
	if lens == nil || lens.HasUnion() {
		c.expect("response.dual.json", dual)
		if !holds(dual, session) {
			c.Error("response.dual.json does not hold every byte of response.session.json")
		}
		c.stays("response.flow.json in dual", lens, flow, transform.ToFlow, transform.Union)
		c.stays("response.dual.json in dual", lens, dual, transform.ToFlow, transform.Union)
		again, err := c.mapBody(lens, dual, transform.ToFlow, transform.Replace)
		if err != nil {
			c.Errorf("response.dual.json to flow: %v", err)
		} else if lens != nil && (&trial{lens: lens, vars: c.vars}).filters() {
			// A filter keeps the list of dual as it is, and with it the session shape's count.
		} else if d := new(losses).difference(c.tree(flow), c.tree(again)); d != "" {
			c.Errorf("response.dual.json to flow is not response.flow.json: %s", d)
		}
	}
	if lens == nil {
		return
	}
	for _, p := range lens.SessionNames() {
		if c.tree(flow).has(p) {
			c.Errorf("response.flow.json still has the session shape's %s", p)
		}
	}
	back, err := c.mapBody(lens, flow, transform.ToSession, transform.Replace)
	if err != nil {
		c.Errorf("response.flow.json to session: %v", err)
		return
	}
	d := lossesOf(lens.Ops()).difference(c.tree(session), c.tree(back))
	if d == "" {
		c.gone("response.back.json")
		return
	}
	if _, ok := c.read("response.back.json"); !ok && !*update {
		c.Errorf("to-session(to-flow(x)) is not x: %s", d)
	}
	c.expect("response.back.json", back)
}

func (c *caseFolder) request(lens *transform.Lens, flow []byte) {
	session, err := c.mapBody(lens, flow, transform.ToSession, transform.Replace)
	if err != nil {
		c.expect("request.refused.txt", []byte(err.Error()+"\n"))
		c.gone("request.session.json")
		return
	}
	c.gone("request.refused.txt")
	c.expect("request.session.json", session)
	c.stays("request.session.json to session", lens, session, transform.ToSession, transform.Replace)
}

func (c *caseFolder) failure(lens *transform.Lens, session []byte) {
	flow, err := c.mapBody(lens, session, transform.ToFlow, transform.Replace)
	if err != nil {
		c.expect("error.refused.txt", []byte(err.Error()+"\n"))
		c.gone("error.flow.json")
		return
	}
	c.gone("error.refused.txt")
	c.expect("error.flow.json", flow)
	c.stays("error.flow.json to flow", lens, flow, transform.ToFlow, transform.Replace)
}

func (c *caseFolder) tree(body []byte) *tree {
	t, err := parseTree(body)
	if err != nil {
		c.Fatalf("%v in\n%s", err, body)
	}
	return t
}
