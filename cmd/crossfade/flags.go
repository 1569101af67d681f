package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/config/flags"
)

// flagsCommand has the verbs that look at flags and move them, by the admin API of a running crossfade.
func (p *process) flagsCommand() *cobra.Command {
	f := &flagsVerbs{process: p}
	cmd := &cobra.Command{
		Use:   "flags",
		Short: "Look at flags and move them, in a running crossfade",
		Long: `Flags say which stage an endpoint is in, and for whom: passthrough, verify, dual, flow_only. These verbs ask
the admin API of a running crossfade, this machine's unless --admin names another one. A change is
told to be done when that crossfade serves it; its replicas follow within two seconds.

` + exitCodes,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.admin.register(cmd.PersistentFlags())
	cmd.PersistentFlags().StringVarP(&f.output, "output", "o", "table", "table, json or yaml")
	cmd.AddCommand(f.list(), f.get(), f.set(), f.remove(), f.ramp(), f.brownout(), f.history(), f.undo(), f.freeze(), f.unfreeze(), f.sign())
	return cmd
}

// flagsVerbs is what the verbs below flags have in common.
type flagsVerbs struct {
	process *process
	admin   adminFlags
	output  string
}

// change is what the verbs that change something have in common.
type change struct {
	reason        string
	force, dryRun bool
}

func (c *change) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&c.reason, "reason", "r", "", "why, for the journal (required)")
	cmd.Flags().BoolVar(&c.force, "force", false, "allow what is out of order: stages that are skipped, a share that falls")
	cmd.Flags().BoolVar(&c.dryRun, "dry-run", false, "check it and change nothing")
}

// body is the part of a request that all changes have.
func (c *change) body(more map[string]any) map[string]any {
	body := map[string]any{"reason": c.reason, "force": c.force}
	for name, value := range more {
		body[name] = value
	}
	return body
}

func (c *change) path(path string) string {
	if c.dryRun {
		return path + "?dry_run=true"
	}
	return path
}

// changed is what the admin API answers to a change.
type changed struct {
	Version int64           `json:"version"`
	DryRun  bool            `json:"dry_run"`
	Changed bool            `json:"changed"`
	Flag    json.RawMessage `json:"flag"`
	Entry   *flags.Entry    `json:"entry"`
}

// make asks for a change and tells what came of it.
func (f *flagsVerbs) make(cmd *cobra.Command, a *adminClient, c *change, method, path string, body map[string]any, header ...string) error {
	if strings.TrimSpace(c.reason) == "" {
		return misused(errors.New("--reason is missing: the journal keeps why"))
	}
	var raw json.RawMessage
	if _, err := a.do(cmd.Context(), method, c.path(path), c.body(body), &raw, header...); err != nil {
		return outcome(err)
	}
	if f.output != "table" {
		return f.write(raw)
	}
	var done changed
	if err := json.Unmarshal(raw, &done); err != nil {
		return failed(err)
	}
	out := f.process.stdout
	switch {
	case !done.Changed:
		fmt.Fprintln(out, "nothing to change: it is so already")
	case done.DryRun:
		fmt.Fprintf(out, "would be version %d: %s\n", done.Version, summary(done.Entry))
	default:
		fmt.Fprintf(out, "version %d: %s\n", done.Version, summary(done.Entry))
	}
	return nil
}

// summary tells an entry of the journal in one line.
func summary(e *flags.Entry) string {
	if e == nil {
		return ""
	}
	text := e.Action
	if e.Endpoint != "" {
		text += " " + e.Endpoint
	}
	if from, to := stageOf(e.From), stageOf(e.To); from != to {
		text += fmt.Sprintf(" from %s to %s", from, to)
	}
	if e.Until != nil {
		text += " until " + e.Until.Local().Format(time.RFC3339)
	}
	if e.Forced {
		text += ", forced"
	}
	return text
}

// stageOf is the stage in what a journal keeps of a flag.
func stageOf(flag json.RawMessage) string {
	var f struct {
		Stage flags.Stage `json:"stage"`
	}
	if json.Unmarshal(flag, &f) != nil || f.Stage == "" {
		return "none"
	}
	return string(f.Stage)
}

// write writes an answer of the API for scripts.
func (f *flagsVerbs) write(raw json.RawMessage) error {
	return writeAnswer(f.process.stdout, f.output, raw)
}

func writeAnswer(out io.Writer, form string, raw json.RawMessage) error {
	switch form {
	case "json":
		_, err := fmt.Fprintf(out, "%s\n", strings.TrimSpace(string(raw)))
		return err
	case "yaml":
		text, err := config.FromJSON(raw)
		if err != nil {
			return failed(err)
		}
		_, err = out.Write(text)
		return err
	}
	return misused(fmt.Errorf("unknown --output %q (want table, json or yaml)", form))
}

// present is a flag as it is now, and the version to be named when it is changed.
func (f *flagsVerbs) present(ctx context.Context, a *adminClient, endpoint string) (flag flags.Flag, header []string, err error) {
	tag, err := a.do(ctx, http.MethodGet, "/flags/"+url.PathEscape(endpoint), nil, &flag)
	var problem *refusalError
	if errors.As(err, &problem) && problem.Status == http.StatusNotFound && strings.Contains(problem.Detail, "has no flag") {
		return flags.Flag{Endpoint: endpoint}, []string{"If-None-Match", "*"}, nil
	}
	return flag, []string{"If-Match", tag}, err
}

// table writes rows with aligned columns.
func table(out io.Writer, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}
