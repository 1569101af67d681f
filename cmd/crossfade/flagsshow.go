package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

func (f *flagsVerbs) list() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "The stage of each endpoint, and what says so",
		Example: "  crossfade flags list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := f.process.connect(f.admin)
			if err != nil {
				return failed(err)
			}
			var raw, set json.RawMessage
			if _, err := a.do(cmd.Context(), http.MethodGet, "/endpoints", nil, &raw); err != nil {
				return outcome(err)
			}
			if f.output != "table" {
				return f.write(raw)
			}
			if _, err := a.do(cmd.Context(), http.MethodGet, "/flags", nil, &set); err != nil {
				return outcome(err)
			}
			return f.listTable(raw, set)
		},
	}
}

func (f *flagsVerbs) listTable(endpoints, set json.RawMessage) error {
	var all struct {
		Endpoints []struct {
			Name, Journey, Source string
			Stage                 flags.Stage
			Reason                flags.Reason
		}
	}
	var state flags.State
	if err := errors.Join(json.Unmarshal(endpoints, &all), json.Unmarshal(set, &state)); err != nil {
		return failed(err)
	}
	if state.Kill != nil {
		fmt.Fprintf(f.process.stdout, "THE KILL SWITCH IS ON since %s, by %s: %s\n\n", state.Kill.At.Local().Format(time.RFC3339), state.Kill.By, state.Kill.Reason)
	}
	rows := [][]string{{"ENDPOINT", "STAGE", "FROM", "ALSO"}}
	for _, e := range all.Endpoints {
		rows = append(rows, []string{e.Name, string(e.Stage), e.Source, f.also(state, e.Name)})
	}
	if i := slices.IndexFunc(state.Flags, func(f flags.Flag) bool { return f.Endpoint == flags.DefaultFlag }); i >= 0 {
		rows = append(rows, []string{flags.DefaultFlag, string(state.Flags[i].Stage), "flag default", f.also(state, flags.DefaultFlag)})
	}
	return table(f.process.stdout, rows)
}

// also tells what a flag has beside its stage.
func (f *flagsVerbs) also(state flags.State, endpoint string) string {
	i := slices.IndexFunc(state.Flags, func(f flags.Flag) bool { return f.Endpoint == endpoint })
	if i < 0 {
		return ""
	}
	flag := state.Flags[i]
	var parts []string
	for _, r := range flag.Rules {
		part := r.Name + " " + string(r.Stage)
		if r.Cohort.Share != nil {
			part += " " + r.Cohort.Share.String() + "%"
		}
		parts = append(parts, part)
	}
	if r := flag.Ramp; r != nil {
		word := "ramp of "
		if r.Paused {
			word = "paused ramp of "
		}
		parts = append(parts, fmt.Sprintf("%s%s, step %d of %d", word, r.Rule, r.Step+1, len(r.Steps)))
	}
	if w := flag.Window; w != nil {
		parts = append(parts, fmt.Sprintf("brownout %s until %s", w.Stage, w.Until.Local().Format(time.RFC3339)))
	}
	if flag.Expires != nil {
		parts = append(parts, "reverts "+flag.Expires.At.Local().Format(time.RFC3339))
	}
	return strings.Join(parts, "; ")
}

func (f *flagsVerbs) get() *cobra.Command {
	return &cobra.Command{
		Use:     "get ENDPOINT",
		Short:   "A flag as it was set, to be edited and put back with set --file",
		Example: "  crossfade flags get context-me -o yaml > flag.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := f.process.connect(f.admin)
			if err != nil {
				return failed(err)
			}
			var raw json.RawMessage
			if _, err := a.do(cmd.Context(), http.MethodGet, "/flags/"+url.PathEscape(args[0]), nil, &raw); err != nil {
				return outcome(err)
			}
			form := f.output
			if form == "table" { // a flag has no columns
				form = "yaml"
			}
			return writeAnswer(f.process.stdout, form, raw)
		},
	}
}

func (f *flagsVerbs) history() *cobra.Command {
	var limit int
	var verify bool
	cmd := &cobra.Command{
		Use:   "history [ENDPOINT]",
		Short: "Who changed what, when, and why",
		Example: `  crossfade flags history
  crossfade flags history context-me --limit 5
  crossfade flags history --verify`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := f.process.connect(f.admin)
			if err != nil {
				return failed(err)
			}
			if verify {
				if len(args) > 0 {
					return misused(errors.New("--verify is about the whole journal: leave the endpoint out"))
				}
				return f.verify(cmd, a)
			}
			query := url.Values{"limit": {strconv.Itoa(limit)}}
			if len(args) > 0 {
				query.Set("endpoint", args[0])
			}
			var raw json.RawMessage
			if _, err := a.do(cmd.Context(), http.MethodGet, "/history?"+query.Encode(), nil, &raw); err != nil {
				return outcome(err)
			}
			if f.output != "table" {
				return f.write(raw)
			}
			var page journalPage
			if err := json.Unmarshal(raw, &page); err != nil {
				return failed(err)
			}
			rows := [][]string{{"VERSION", "WHEN", "WHO", "WHAT", "WHY"}}
			for _, e := range page.Entries {
				rows = append(rows, []string{strconv.FormatInt(e.Version, 10), e.At.Local().Format(time.DateTime), e.By, summary(&e), e.Reason})
			}
			return table(f.process.stdout, rows)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many, the newest, at most 1000")
	cmd.Flags().BoolVar(&verify, "verify", false, "check the chain of the whole journal: nothing changed, removed or put in")
	return cmd
}

// journalPage is a page of the journal, newest first.
type journalPage struct {
	Entries []flags.Entry `json:"entries"`
	Next    int64         `json:"next_before"`
}

// verify reads the whole journal and checks its chain, and that it goes up to the version that the flags have.
func (f *flagsVerbs) verify(cmd *cobra.Command, a *adminClient) error {
	var all []flags.Entry
	var now struct { // before the journal, which may grow meanwhile
		Version int64 `json:"version"`
	}
	if _, err := a.do(cmd.Context(), http.MethodGet, "/flags", nil, &now); err != nil {
		return outcome(err)
	}
	for before := int64(0); ; {
		query := "?limit=1000"
		if before > 0 {
			query += "&before=" + strconv.FormatInt(before, 10)
		}
		var page journalPage
		if _, err := a.do(cmd.Context(), http.MethodGet, "/history"+query, nil, &page); err != nil {
			return outcome(err)
		}
		all = append(all, page.Entries...)
		if before = page.Next; before == 0 {
			break
		}
	}
	slices.Reverse(all)
	if len(all) > 0 && all[0].Previous != "" {
		return failed(fmt.Errorf("version %d is the oldest entry and names one before it: the beginning of the journal is missing", all[0].Version))
	}
	if err := flags.VerifyChain(all); err != nil {
		return failed(err)
	}
	newest := int64(0)
	if len(all) > 0 {
		newest = all[len(all)-1].Version
	}
	if newest < now.Version {
		return failed(fmt.Errorf("the journal ends with version %d, and the flags are of version %d: the end of the journal is missing", newest, now.Version))
	}
	fmt.Fprintf(f.process.stdout, "%d entries, the chain holds", len(all))
	if n := len(all); n > 0 {
		fmt.Fprintf(f.process.stdout, "; version %d has %s", all[n-1].Version, all[n-1].Hash)
	}
	fmt.Fprintln(f.process.stdout)
	return nil
}
