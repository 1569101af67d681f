package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/proxy/flows"
	"github.com/crossfade-proxy/crossfade/proxy/flows/sqlstore"
)

// demoMemory is the memory of flows that the three modes of a demo share, as replicas do.
type demoMemory struct {
	memory *flows.Memory
	db     *database.DB
	dir    string
}

func newDemoMemory() (*demoMemory, error) {
	dir, err := os.MkdirTemp("", "crossfade-demo-")
	if err != nil {
		return nil, err
	}
	m := &demoMemory{dir: dir}
	if m.db, err = database.Open("sqlite:"+filepath.Join(dir, "crossfade.db"), database.Options{}); err != nil {
		m.close()
		return nil, err
	}
	store, err := sqlstore.New(m.db, sqlstore.Options{})
	if err == nil {
		m.memory, err = flows.New(flows.Options{Store: store, Manage: true})
	}
	if err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// managed are the endpoints of flow management, switched on.
func (m *demoMemory) managed() map[string]bool {
	on := map[string]bool{}
	for _, name := range flows.Managed() {
		on[name] = true
	}
	return on
}

// close forgets everything.
func (m *demoMemory) close() {
	if m.memory != nil {
		m.memory.Close()
	}
	if m.db != nil {
		_ = m.db.Close() // it is over: there is nobody to tell
	}
	_ = os.RemoveAll(m.dir) // it is in the directory for what may be lost
}

// showMemory is the part of the tour that activates a second flow.
func (d *demo) showMemory(ctx context.Context) error {
	base := d.modes[proxy.Dual]
	create := call{method: http.MethodPost, path: "/api/v1/flows", tenant: true,
		body: `{"name":"Assessment of the mainframe","flow_type":"assessment","engagement_id":"` + demoEngagement + `"}`}
	d.step("A second flow, and the current one")
	d.say("The backend knows one session for each caller. crossfade makes a second flow of theirs (a session there, its type here) …\n\n%s\n", indent(create.curl(base)))
	status, _, body, err := d.do(ctx, base, create)
	if err != nil {
		return err
	}
	var made struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &made); err != nil || status != http.StatusCreated {
		return fmt.Errorf("%s%s: status %d, %s (%w)", base, create.path, status, body, err)
	}
	activate := call{method: http.MethodPost, path: "/api/v1/context/flow/activate", tenant: true, body: `{"flow_id":"` + made.ID + `"}`}
	me := call{method: http.MethodGet, path: "/api/v1/context/me"}
	before, err := d.currentFlow(ctx, base, me)
	if err != nil {
		return err
	}
	if status, _, body, err = d.do(ctx, base, activate); err != nil {
		return err
	}
	d.say("  %d %s\n\n… and activates it. The backend is told to switch, and crossfade remembers.\n\n%s\n\n  %d %s\n  %s",
		http.StatusCreated, made.ID, indent(activate.curl(base)), status, http.StatusText(status), indented(body))
	after, err := d.currentFlow(ctx, base, me)
	if err != nil {
		return err
	}
	d.say("\nThe next context, in every mode and from every replica, has it as current_flow. The session stays what it was.\n\n%s\n\n  before  %s\n  after   %s",
		indent(me.curl(base)), before, after)
	return nil
}

// currentFlow is the id, type and name of the current flow, as the context tells.
func (d *demo) currentFlow(ctx context.Context, base string, me call) (string, error) {
	_, _, body, err := d.do(ctx, base, me)
	if err != nil {
		return "", err
	}
	var c struct {
		Current struct {
			ID   string `json:"id"`
			Type string `json:"flow_type"`
			Name string `json:"name"`
		} `json:"current_flow"`
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return "", fmt.Errorf("%s%s: %w", base, me.path, err)
	}
	return c.Current.ID + "  " + c.Current.Type + "  " + c.Current.Name, nil
}
