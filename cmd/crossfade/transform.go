package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/transform"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// transformFlags is what the verb transform was told.
type transformFlags struct {
	config, endpoint, mode, direction, kind string
	contracts, vars                         []string
}

func (p *process) transformCommand() *cobra.Command {
	var f transformFlags
	cmd := &cobra.Command{
		Use:   "transform --endpoint NAME",
		Short: "Map a body from standard input to standard output",
		Long: `Maps one body as the proxy would: an answer or an error body to flows, a request to sessions,
unless --direction says otherwise. What there is to say about it goes to standard error. A
body that cannot be mapped gives no output and exit code 1; the body and this command
line make a complete bug report.

Error bodies are shown as a client gets them that speaks flows. Variables of the request that
a lens needs are given with --var: path.NAME for a path variable, query.NAME for a parameter.`,
		Example: `  curl -s -H "Authorization: Bearer $TOKEN" http://backend/api/v1/context/me |
    crossfade transform --endpoint context-me --mode dual
  echo '{"flow_id":"7"}' | crossfade transform --endpoint flow-activate --kind request`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return p.transform(&f) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.config, "config", "c", "", "configuration file (default ./proxy.yaml if it is there)")
	flags.StringVar(&f.endpoint, "endpoint", "", "name of the endpoint (crossfade endpoints lists them)")
	flags.StringVar(&f.mode, "mode", "flow_only", "passthrough, dual or flow_only")
	flags.StringVar(&f.direction, "direction", "", "to-flow or to-session (default: to-session for a request, else to-flow)")
	flags.StringVar(&f.kind, "kind", "response", "response, request or error; of a stream: message, of a WebSocket: down or up")
	flags.StringArrayVar(&f.contracts, "contract", nil, "a further contract file; may be repeated")
	flags.StringArrayVar(&f.vars, "var", nil, "a variable, NAME=VALUE; may be repeated")
	_ = cmd.MarkFlagRequired("endpoint") // it is there: it was made three lines above
	return cmd
}

func (p *process) transform(f *transformFlags) error {
	job, side, err := f.job()
	if err != nil {
		return misused(err)
	}
	l, err := p.load(config.Options{File: f.config}, f.contracts)
	if err != nil {
		return failed(err)
	}
	e, err := l.contract.Endpoint(f.endpoint)
	if err != nil {
		return misused(err)
	}
	vars, err := f.variables(e)
	if err != nil {
		return misused(err)
	}
	job.Links = l.contract.Links(job.Direction)
	job.Vars = func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
	job.MaxDepth = l.config.Limits.MaxDepth

	// One byte more than the limit tells that there is more, without holding it.
	limit := int64(l.config.Limits.MaxBody)
	body, err := io.ReadAll(io.LimitReader(p.stdin, limit+1))
	if err != nil {
		return failed(fmt.Errorf("standard input: %w", err))
	}
	if int64(len(body)) > limit {
		return failed(fmt.Errorf("the body is larger than limits.max_body (%s)", l.config.Limits.MaxBody))
	}
	lens := e.Lens(side)
	result := transform.Result{Body: body}
	switch {
	case f.mode == "passthrough":
	case lens == nil:
		fmt.Fprintf(p.stderr, "%s has no lens for a %s: the body passes as it is\n", e.Name, f.kind)
	case job.Form == transform.Union && !lens.HasUnion():
		fmt.Fprintf(p.stderr, "the two shapes of %s have no union: in dual the session route keeps this body, and the flow route gives that of --mode flow_only\n", e.Name)
	default:
		if result, err = lens.Map(nil, body, job); err != nil {
			return failed(err)
		}
		p.tell(result)
	}
	if _, err := p.stdout.Write(result.Body); err != nil {
		return failed(err)
	}
	return nil
}

// job reads the flags that say which way and how.
func (f *transformFlags) job() (transform.Job, transform.Side, error) {
	side := transform.Side(f.kind)
	if !slices.Contains(contract.Sides(), side) {
		return transform.Job{}, "", fmt.Errorf("unknown --kind %q (want response, request, error, message, down or up)", f.kind)
	}
	job := transform.Job{Form: transform.Replace}
	switch f.mode {
	case "dual":
		if contract.HasDual(side) {
			job.Form = transform.Union
		}
	case "flow_only", "passthrough":
	default:
		return transform.Job{}, "", fmt.Errorf("unknown --mode %q (want passthrough, dual or flow_only)", f.mode)
	}
	switch f.direction {
	case "":
		if !contract.ToClient(side) {
			job.Direction = transform.ToSession
		}
	case "to-flow":
	case "to-session":
		job.Direction = transform.ToSession
	default:
		return transform.Job{}, "", fmt.Errorf("unknown --direction %q (want to-flow or to-session)", f.direction)
	}
	return job, side, nil
}

// variables gives those of --var, and the paths of the endpoint's first route where they can be told.
func (f *transformFlags) variables(e *contract.Endpoint) (map[string]string, error) {
	vars := map[string]string{}
	for _, v := range f.vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok {
			return nil, fmt.Errorf("--var %q: want NAME=VALUE", v)
		}
		vars[name] = value
	}
	for name, template := range map[string]string{"upstream.path": e.Routes[0].Session, "client.path": e.Routes[0].Flow} {
		if _, given := vars[name]; given {
			continue
		}
		if path, ok := fill(template, vars); ok {
			vars[name] = path
		}
	}
	return vars, nil
}

// fill puts the variables path.NAME in the places of a path template. It is false when one is missing.
func fill(template string, vars map[string]string) (string, bool) {
	segments := strings.Split(template, "/")
	for i, s := range segments {
		if name := strings.Trim(s, "{}"); name != s {
			value, ok := vars["path."+name]
			if !ok {
				return "", false
			}
			segments[i] = value
		}
	}
	return strings.Join(segments, "/"), true
}

// tell says on standard error what a reader of the body would like to know.
func (p *process) tell(r transform.Result) {
	var notes []string
	if r.Native {
		notes = append(notes, "the body has the wanted shape already")
	}
	if r.Unmapped > 0 {
		notes = append(notes, fmt.Sprintf("%d members have no place in the shape and are not in it", r.Unmapped))
	}
	if r.Unknown > 0 {
		notes = append(notes, fmt.Sprintf("%d words that no table knows", r.Unknown))
	}
	if len(notes) > 0 {
		fmt.Fprintln(p.stderr, strings.Join(notes, "; "))
	}
}
