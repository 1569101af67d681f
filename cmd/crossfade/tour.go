package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/crossfade-proxy/crossfade/proxy"
)

// tour makes the calls that show what crossfade does, and prints how to make them by hand.
func (d *demo) tour(ctx context.Context) error {
	d.say(`crossfade demo

  a legacy backend, speaking sessions     %s
  crossfade in front of it, passthrough   %s
                            dual          %s
                            flow_only     %s
`, d.upstream, d.modes[proxy.Passthrough], d.modes[proxy.Dual], d.modes[proxy.FlowOnly])

	me := call{method: http.MethodGet, path: "/api/v1/context/me"}
	d.step("The same call in three modes: who am I, and what am I working on?")
	for _, part := range []struct {
		mode proxy.Mode
		text string
	}{
		{proxy.Passthrough, "passthrough: the backend's bytes, untouched. The frontend in the field goes on as before."},
		{proxy.Dual, "dual: every byte of the session shape, in order, and the flow members behind them. Old and new frontends work with one answer."},
		{proxy.FlowOnly, "flow_only: what the migrated frontends were promised, and no session name left."},
	} {
		base := d.modes[part.mode]
		_, mode, body, err := d.do(ctx, base, me)
		if err != nil {
			return err
		}
		var top map[string]json.RawMessage
		if err := json.Unmarshal(body, &top); err != nil {
			return fmt.Errorf("%s%s: %w", base, me.path, err)
		}
		d.say("\n%s\n\n%s\n\n  Crossfade-Mode: %s", part.text, indent(me.curl(base)), mode)
		for _, name := range []string{"session", "available_sessions", "active_flows", "current_flow"} {
			value, there := top[name]
			switch {
			case !there:
				d.say("  %-18s  (not there)", name)
			case name == "current_flow":
				d.say("  %-18s  %s", name, indented(value))
			default:
				d.say("  %-18s  %s", name, shortened(value))
			}
		}
	}

	flow := d.modes[proxy.FlowOnly]
	rows := call{method: http.MethodPost, path: "/api/v1/data-import/store-import", tenant: true,
		body: `{"file_data":[{"hostname":"web01","session_id":"a customer column"}],"metadata":{"filename":"a.csv","size":1,"type":"text/csv"},"upload_context":{"intended_type":"cmdb","validation_flow_id":7,"upload_timestamp":"2025-07-09T00:00:00Z"}}`}
	steps := []struct {
		title, text string
		call        call
	}{
		{"A flow-shaped request, and an error that speaks the client's names",
			"The backend knows validation_session_id only. The flow client sent validation_flow_id (a number, by mistake), and is told about just that field. Its customer's column session_id is data, and stays.", rows},
		{"A route that is called by its flow name",
			"The backend serves /api/v1/admin/engagements/{id}/sessions, a bare list; flow clients get the plan's FlowList.",
			call{method: http.MethodGet, path: "/api/v1/admin/engagements/" + demoEngagement + "/flows", tenant: true}},
		{"A filter that the backend does not have",
			"crossfade applies it to the flows; a word outside the plan's list is a 422 in the backend's own error shape.",
			call{method: http.MethodGet, path: "/api/v1/admin/flows/comparison?status=completed", tenant: true}},
		{"A session route that has gone",
			"In flow_only the session route of an endpoint that moved tells where its successor is.",
			call{method: http.MethodGet, path: "/api/v1/admin/engagements/" + demoEngagement + "/sessions", tenant: true}},
	}
	for _, s := range steps {
		status, _, body, err := d.do(ctx, flow, s.call)
		if err != nil {
			return err
		}
		d.step(s.title)
		d.say("%s\n\n%s\n\n  %d %s\n  %s", s.text, indent(s.call.curl(flow)), status, http.StatusText(status), indented(body))
	}

	if err := d.showMemory(ctx); err != nil {
		return err
	}

	d.step("Next")
	d.say(`  crossfade transform --endpoint context-me --mode dual < body.json   one body, by hand
  crossfade endpoints                                                 what is mapped
  crossfade serve --upstream http://your-backend:8000 --mode dual     the real thing`)
	return nil
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

func (d *demo) step(title string) {
	d.say("\n== %s %s\n", title, strings.Repeat("=", max(4, 84-len(title))))
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

// shortened is as much of a value as fits on the line.
func shortened(value []byte) string {
	const width = 76
	if len(value) <= width {
		return string(value)
	}
	return string(value[:width]) + " …"
}
