package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/transform"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

func (p *process) endpointsCommand() *cobra.Command {
	var file, output string
	cmd := &cobra.Command{
		Use:   "endpoints [CONTRACT.yaml...]",
		Short: "List the endpoints: routes, modes, and what their lenses do",
		Example: `  crossfade endpoints
  crossfade endpoints -o markdown > docs/endpoints.md`,
		RunE: func(_ *cobra.Command, args []string) error { return p.endpoints(file, output, args) },
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file (default ./proxy.yaml if it is there)")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or markdown")
	return cmd
}

func (p *process) endpoints(file, output string, contracts []string) error {
	write, ok := map[string]func(io.Writer, []endpointInfo) error{
		"table": writeTable, "json": writeJSON, "markdown": writeMarkdown,
	}[output]
	if !ok {
		return misused(fmt.Errorf("unknown --output %q (want table, json or markdown)", output))
	}
	l, err := p.load(config.Options{File: file}, contracts)
	if err != nil {
		return failed(err)
	}
	if err := write(p.stdout, describe(l)); err != nil {
		return failed(err)
	}
	return nil
}

// endpointInfo is what the verb endpoints tells of one endpoint. Its JSON form is for scripts.
type endpointInfo struct {
	Name         string              `json:"name"`
	Summary      string              `json:"summary"`
	Method       string              `json:"method"`
	Routes       []routeInfo         `json:"routes"`
	Journey      string              `json:"journey"`
	Enabled      bool                `json:"enabled"`
	Mode         string              `json:"mode"`
	ModeSource   string              `json:"mode_source"`
	SessionRoute string              `json:"session_route"`
	OnFailure    string              `json:"on_failure"`
	NoTransform  string              `json:"no_transform"`
	Source       string              `json:"source"`
	Operations   map[string][]string `json:"operations"` // by side: response, request, error, message, down, up
	Stream       string              `json:"stream,omitempty"`
	Parameters   []string            `json:"parameters,omitempty"`
	Headers      []string            `json:"headers,omitempty"`
	SessionNames []string            `json:"session_names"`
	FlowNames    []string            `json:"flow_names"`
	Losses       []lossInfo          `json:"losses"`
}

type routeInfo struct {
	Session string `json:"session"`
	Flow    string `json:"flow"`
}

type lossInfo struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

func describe(l *loaded) []endpointInfo {
	list := make([]endpointInfo, len(l.contract.Endpoints))
	for i, e := range l.contract.Endpoints {
		settings := l.config.Endpoints[i]
		info := endpointInfo{
			Name: e.Name, Summary: e.Summary, Method: e.Method, Journey: e.Journey, Source: e.Source,
			Enabled: settings.Enabled, Mode: string(settings.Mode), ModeSource: l.config.Source("endpoints." + e.Name + ".mode"),
			SessionRoute: string(settings.SessionRoute), OnFailure: string(settings.OnFailure), NoTransform: string(settings.NoTransform),
			Operations: map[string][]string{}, SessionNames: []string{}, FlowNames: []string{}, Losses: []lossInfo{},
		}
		for _, r := range e.Routes {
			info.Routes = append(info.Routes, routeInfo{r.Session, r.Flow})
		}
		for _, side := range sides(e) {
			for _, op := range side.lens.Ops() {
				info.Operations[string(side.name)] = append(info.Operations[string(side.name)], op.String())
			}
			info.SessionNames = append(info.SessionNames, notation(side.lens.SessionNames())...)
			info.FlowNames = append(info.FlowNames, notation(side.lens.FlowNames())...)
			for _, loss := range side.lens.Losses() {
				info.Losses = append(info.Losses, lossInfo{loss.Path.String(), loss.Why})
			}
		}
		if e.Stream != nil {
			info.Stream = string(e.Stream.Kind)
		}
		for _, q := range e.Query {
			info.Parameters = append(info.Parameters, paramText(q))
		}
		for _, f := range e.Filters {
			info.Parameters = append(info.Parameters, filterText(f))
		}
		for _, h := range e.Headers {
			info.Headers = append(info.Headers, fmt.Sprintf("%s taken as %s", h.From, h.To))
		}
		list[i] = info
	}
	return list
}

type sideLens struct {
	name transform.Side
	lens *transform.Lens
}

// sides gives the lenses that an endpoint has.
func sides(e *contract.Endpoint) (list []sideLens) {
	for _, side := range contract.Sides() {
		if lens := e.Lens(side); lens != nil {
			list = append(list, sideLens{side, lens})
		}
	}
	return list
}

func notation(paths []transform.Path) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = p.String()
	}
	return out
}

func paramText(q contract.QueryParam) string {
	text := q.Flow
	if q.Session != q.Flow {
		text += " for " + q.Session
	}
	if q.Words != nil {
		text += " (" + strings.Join(q.Words.FlowWords(), ", ") + ")"
	}
	return text
}

func filterText(f contract.QueryFilter) string {
	switch {
	case f.UUID:
		return f.Param + " (a UUID)"
	case len(f.Words) > 0:
		return f.Param + " (" + strings.Join(f.Words, ", ") + ")"
	}
	return f.Param
}

func writeTable(w io.Writer, list []endpointInfo) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tMODE\tMETHOD\tSESSION ROUTE\tFLOW ROUTE")
	for _, e := range list {
		mode := e.Mode
		if !e.Enabled {
			mode = "off"
		}
		for i, r := range e.Routes {
			name := e.Name
			if i > 0 {
				name, mode = "", ""
			}
			flow := r.Flow
			if flow == r.Session {
				flow = "the same"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", name, mode, e.Method, r.Session, flow)
		}
	}
	return t.Flush()
}

func writeJSON(w io.Writer, list []endpointInfo) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(list)
}

// writeMarkdown writes docs/endpoints.md: what the contract declares, without what a configuration sets.
func writeMarkdown(w io.Writer, list []endpointInfo) error {
	var b strings.Builder
	b.WriteString("# Endpoints\n\nGenerated from the contract by `crossfade endpoints -o markdown`; do not edit.\n\n")
	b.WriteString("| endpoint | method | session route | flow route |\n|---|---|---|---|\n")
	for _, e := range list {
		for _, r := range e.Routes {
			flow := "the same"
			if r.Flow != r.Session {
				flow = "`" + r.Flow + "`"
			}
			fmt.Fprintf(&b, "| [%s](#%s) | %s | `%s` | %s |\n", e.Name, e.Name, e.Method, r.Session, flow)
		}
	}
	for _, e := range list {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", e.Name, e.Summary)
		if !e.Enabled {
			b.WriteString("\nShipped off: switch it on with `endpoints: [{name: " + e.Name + ", enabled: true}]`.\n")
		}
		for _, side := range contract.Sides() {
			if ops := e.Operations[string(side)]; len(ops) > 0 {
				fmt.Fprintf(&b, "\n- %s: %s", side, strings.Join(ops, "; "))
			}
		}
		if e.Stream != "" {
			fmt.Fprintf(&b, "\n- stream: %s", e.Stream)
		}
		if len(e.Parameters) > 0 {
			fmt.Fprintf(&b, "\n- parameters: %s", strings.Join(e.Parameters, "; "))
		}
		if len(e.Headers) > 0 {
			fmt.Fprintf(&b, "\n- headers: %s", strings.Join(e.Headers, "; "))
		}
		if e.Journey != "" {
			fmt.Fprintf(&b, "\n- journey: %s", e.Journey)
		}
		b.WriteString("\n")
		if len(e.Losses) > 0 {
			b.WriteString("\nNot kept in flows:\n\n")
			for _, l := range e.Losses {
				fmt.Fprintf(&b, "- `%s`: %s\n", l.Path, l.Why)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
