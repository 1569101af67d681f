package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

func (f *flagsVerbs) set() *cobra.Command {
	var c change
	var file, rule, share string
	var cohort flags.Cohort
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "set ENDPOINT [STAGE]",
		Short: "Give an endpoint, or default, a stage; or a cohort of its callers",
		Long: `Sets the stage of everybody whom no rule names; rules, a ramp and a window stay as they are. With --rule it sets the
stage of that rule instead, and whom it is for. With --file it puts a whole flag in place, in the
language of docs/flags.md.`,
		Example: `  crossfade flags set context-me dual --reason "the web app reads flows"
  crossfade flags set context-me flow_only --rule pilots --tenant 11111111-1111-1111-1111-111111111111 --reason "pilots"
  crossfade flags set context-me flow_only --rule some --share 5 --reason "first step"
  crossfade flags set default verify --reason "see what would fail"
  crossfade flags set context-me --file flag.yaml --reason "as reviewed"`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (file == "") == (len(args) == 1) {
				return misused(errors.New("want a STAGE, or --file with a whole flag"))
			}
			a, err := f.process.connect(f.admin)
			if err != nil {
				return failed(err)
			}
			flag, header, err := f.present(cmd.Context(), a, args[0])
			if err != nil {
				return outcome(err)
			}
			switch {
			case file != "":
				flag, err = f.read(file, args[0])
			case rule != "":
				if share != "" {
					var s flags.Share
					if s, err = flags.ParseShare(share); err == nil {
						cohort.Share = &s
					}
				}
				if err == nil {
					err = f.setRule(cmd, a, &flag, flags.Rule{Name: rule, Cohort: cohort, Stage: flags.Stage(args[1])})
				}
			case share != "" || len(cohort.Tenants)+len(cohort.Engagements)+len(cohort.Users) > 0:
				return misused(errors.New("--rule is missing: a cohort belongs to a rule, which has a name"))
			default:
				flag.Stage = flags.Stage(args[1])
			}
			if err != nil {
				return outcome(err)
			}
			if expires > 0 {
				flag.Expires = &flags.Expiry{At: time.Now().Add(expires)}
			}
			return f.put(cmd, a, &c, flag, header)
		},
	}
	c.register(cmd)
	cmd.Flags().StringVarP(&file, "file", "f", "", "file with a whole flag, - for standard input")
	cmd.Flags().StringVar(&rule, "rule", "", "the rule to set, new or there already, instead of the stage of everybody else")
	cmd.Flags().StringSliceVar(&cohort.Tenants, "tenant", nil, "client accounts that the rule is for")
	cmd.Flags().StringSliceVar(&cohort.Engagements, "engagement", nil, "engagements that the rule is for")
	cmd.Flags().StringSliceVar(&cohort.Users, "user", nil, "users that the rule is for")
	cmd.Flags().StringVar(&share, "share", "", "how many percent of callers the rule is for, in steps of 0.01")
	cmd.Flags().DurationVar(&expires, "expires", 0, "after which time the flag goes back to what it was, by itself")
	return cmd
}

// put puts a whole flag in the place of the one that was seen.
func (f *flagsVerbs) put(cmd *cobra.Command, a *adminClient, c *change, flag flags.Flag, header []string) error {
	endpoint := flag.Endpoint
	return f.make(cmd, a, c, http.MethodPut, "/flags/"+url.PathEscape(endpoint), map[string]any{"flag": flag}, header...)
}

// read reads a flag in the language of docs/flags.md.
func (f *flagsVerbs) read(file, endpoint string) (flags.Flag, error) {
	text, err := os.ReadFile(file)
	if file == "-" {
		text, err = io.ReadAll(f.process.stdin)
	}
	if err != nil {
		return flags.Flag{}, err
	}
	flag, err := flags.ParseFlag(text, endpoint)
	if err != nil {
		return flag, fmt.Errorf("%s: %w", file, err)
	}
	return flag, nil
}

// setRule puts a rule in the place of the one of its name, or behind the others. A rule that is there keeps its cohort
// where no other is given. An endpoint without a flag gets one whose other callers stay where they are.
func (f *flagsVerbs) setRule(cmd *cobra.Command, a *adminClient, flag *flags.Flag, rule flags.Rule) error {
	given := rule.Cohort.Share != nil || len(rule.Cohort.Tenants)+len(rule.Cohort.Engagements)+len(rule.Cohort.Users) > 0
	i := slices.IndexFunc(flag.Rules, func(r flags.Rule) bool { return r.Name == rule.Name })
	switch {
	case i < 0 && !given:
		return fmt.Errorf("there is no rule %q yet: say whom it is for, with --tenant, --engagement, --user or --share", rule.Name)
	case i < 0:
		flag.Rules = append(flag.Rules, rule)
	case !given:
		flag.Rules[i].Stage = rule.Stage
	default:
		flag.Rules[i] = rule
	}
	if flag.Stage != "" {
		return nil
	}
	stage, err := f.stageNow(cmd, a, flag.Endpoint)
	flag.Stage = stage
	return err
}

// stageNow is the stage that an endpoint without a flag has for a caller of whom nothing is known.
func (f *flagsVerbs) stageNow(cmd *cobra.Command, a *adminClient, endpoint string) (flags.Stage, error) {
	if endpoint == flags.DefaultFlag {
		return flags.Passthrough, nil
	}
	var all struct {
		Endpoints []struct {
			Name  string
			Stage flags.Stage
		}
	}
	if _, err := a.do(cmd.Context(), http.MethodGet, "/endpoints", nil, &all); err != nil {
		return "", err
	}
	for _, e := range all.Endpoints {
		if e.Name == endpoint {
			return e.Stage, nil
		}
	}
	return "", fmt.Errorf("no endpoint is called %q", endpoint)
}

func (f *flagsVerbs) remove() *cobra.Command {
	var c change
	cmd := &cobra.Command{
		Use:     "remove ENDPOINT",
		Short:   "Take a flag away: the endpoint gets the stage of default, proxy.yaml or the environment",
		Example: `  crossfade flags remove context-me --reason "the file says it now"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := f.process.connect(f.admin)
			if err != nil {
				return failed(err)
			}
			return f.make(cmd, a, &c, http.MethodDelete, "/flags/"+url.PathEscape(args[0]), nil, "If-Match", "*")
		},
	}
	c.register(cmd)
	return cmd
}

func (f *flagsVerbs) ramp() *cobra.Command {
	var c change
	var rule, stage string
	var shares []string
	var hold time.Duration
	var pause, resume bool
	cmd := &cobra.Command{
		Use:   "ramp ENDPOINT",
		Short: "Let the share of a rule rise step by step",
		Example: `  crossfade flags ramp context-me --stage dual --steps 1,5,25,100 --hold 30m --reason "rollout"
  crossfade flags ramp context-me --pause --reason "look at the errors first"
  crossfade flags ramp context-me --resume --reason "they were another's"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := f.process.connect(f.admin)
			if err != nil {
				return failed(err)
			}
			path := "/flags/" + url.PathEscape(args[0]) + "/ramp"
			switch {
			case pause && resume:
				return misused(errors.New("want --pause or --resume"))
			case pause:
				return f.make(cmd, a, &c, http.MethodPost, path+"/pause", nil)
			case resume:
				return f.make(cmd, a, &c, http.MethodPost, path+"/resume", nil)
			}
			steps, err := rampSteps(shares, hold)
			if err != nil {
				return misused(err)
			}
			flag, header, err := f.present(cmd.Context(), a, args[0])
			if err != nil {
				return outcome(err)
			}
			i := slices.IndexFunc(flag.Rules, func(r flags.Rule) bool { return r.Name == rule })
			if i >= 0 && (stage == "" || flags.Stage(stage) == flag.Rules[i].Stage) {
				return f.make(cmd, a, &c, http.MethodPut, path, map[string]any{"rule": rule, "steps": steps}, header...)
			}
			if stage == "" {
				return misused(fmt.Errorf("there is no rule %q yet: say what it gives, with --stage", rule))
			}
			none := flags.Share(0)
			cohort := flags.Cohort{Share: &none}
			if i >= 0 {
				cohort = flag.Rules[i].Cohort
			}
			if err := f.setRule(cmd, a, &flag, flags.Rule{Name: rule, Cohort: cohort, Stage: flags.Stage(stage)}); err != nil {
				return outcome(err)
			}
			flag.Ramp = &flags.Ramp{Rule: rule, Steps: steps}
			return f.put(cmd, a, &c, flag, header)
		},
	}
	c.register(cmd)
	cmd.Flags().StringVar(&rule, "rule", "ramp", "the rule whose share rises")
	cmd.Flags().StringVar(&stage, "stage", "", "the stage that the rule gives")
	cmd.Flags().StringSliceVar(&shares, "steps", nil, "the shares, in percent, rising")
	cmd.Flags().DurationVar(&hold, "hold", 30*time.Minute, "how long each step is held")
	cmd.Flags().BoolVar(&pause, "pause", false, "hold the step that it has reached")
	cmd.Flags().BoolVar(&resume, "resume", false, "go on, with the hold of this step anew")
	return cmd
}

func rampSteps(shares []string, hold time.Duration) ([]flags.Step, error) {
	if len(shares) == 0 {
		return nil, errors.New("--steps is missing: want shares in percent, such as 1,5,25,100")
	}
	steps := make([]flags.Step, len(shares))
	for i, text := range shares {
		share, err := flags.ParseShare(text)
		if err != nil {
			return nil, fmt.Errorf("--steps: %w", err)
		}
		steps[i] = flags.Step{Share: share, Hold: flags.Hold(hold)}
	}
	steps[len(steps)-1].Hold = 0 // the last one stays
	return steps, nil
}

func (f *flagsVerbs) brownout() *cobra.Command {
	var c change
	var stage, from string
	var lasts time.Duration
	var end bool
	cmd := &cobra.Command{
		Use:   "brownout ENDPOINT",
		Short: "Give an endpoint another stage for a while, to find who still reads sessions",
		Example: `  crossfade flags brownout context-me --for 20m --reason "who still reads sessions?"
  crossfade flags brownout context-me --end --reason "found them"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := f.process.connect(f.admin)
			if err != nil {
				return failed(err)
			}
			path := "/flags/" + url.PathEscape(args[0]) + "/brownout"
			if end {
				return f.make(cmd, a, &c, http.MethodDelete, path, nil)
			}
			if lasts <= 0 {
				return misused(errors.New("--for is missing: a brownout ends by itself"))
			}
			body := map[string]any{"stage": stage, "for": flags.Hold(lasts)}
			if from != "" {
				at, err := time.Parse(time.RFC3339, from)
				if err != nil {
					return misused(fmt.Errorf("--from %q: want a time such as 2026-12-01T22:00:00Z", from))
				}
				body["from"] = at
			}
			return f.make(cmd, a, &c, http.MethodPut, path, body)
		},
	}
	c.register(cmd)
	cmd.Flags().StringVar(&stage, "stage", string(flags.FlowOnly), "the stage meanwhile")
	cmd.Flags().DurationVar(&lasts, "for", 0, "how long")
	cmd.Flags().StringVar(&from, "from", "", "when it begins (default now)")
	cmd.Flags().BoolVar(&end, "end", false, "end it, before it began or while it runs")
	return cmd
}

func (f *flagsVerbs) undo() *cobra.Command {
	var c change
	cmd := &cobra.Command{
		Use:   "undo [VERSION]",
		Short: "Give a flag back what it was before a change, the last one of any flag unless another is named",
		Example: `  crossfade flags undo --reason "more errors than before"
  crossfade flags undo 17 --reason "that one"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := f.process.connect(f.admin)
			if err != nil {
				return failed(err)
			}
			var version int64
			if len(args) > 0 {
				if version, err = strconv.ParseInt(args[0], 10, 64); err != nil || version < 1 {
					return misused(fmt.Errorf("%q: want the number of a version, as flags history shows them", args[0]))
				}
			} else {
				if version, err = lastOfAFlag(cmd.Context(), a); err != nil {
					return outcome(err)
				}
			}
			return f.make(cmd, a, &c, http.MethodPost, "/undo", map[string]any{"version": version})
		},
	}
	c.register(cmd)
	return cmd
}

// lastOfAFlag is the last change that was one of a flag: the kill switch and freezes are no flags, and whoever has just
// switched the former on and off means the change before.
func lastOfAFlag(ctx context.Context, a *adminClient) (int64, error) {
	for before := ""; ; {
		var page journalPage
		if _, err := a.do(ctx, http.MethodGet, "/history?limit=100"+before, nil, &page); err != nil {
			return 0, err
		}
		for i := range page.Entries {
			if page.Entries[i].Endpoint != "" {
				return page.Entries[i].Version, nil
			}
		}
		if page.Next == 0 {
			return 0, errors.New("no flag was changed yet")
		}
		before = fmt.Sprintf("&before=%d", page.Next)
	}
}

func (f *flagsVerbs) freeze() *cobra.Command {
	var c change
	var from, until string
	cmd := &cobra.Command{
		Use:     "freeze NAME",
		Short:   "Announce a time in which flags cannot be changed; the kill switch can",
		Example: `  crossfade flags freeze holidays --until 2027-01-02T00:00:00Z --reason "nobody is there"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := f.process.connect(f.admin)
			if err != nil {
				return failed(err)
			}
			body := map[string]any{"name": args[0]}
			for name, text := range map[string]string{"from": from, "until": until} {
				if text == "" && name == "from" {
					continue
				}
				at, err := time.Parse(time.RFC3339, text)
				if err != nil {
					return misused(fmt.Errorf("--%s %q: want a time such as 2027-01-02T00:00:00Z", name, text))
				}
				body[name] = at
			}
			return f.make(cmd, a, &c, http.MethodPost, "/freezes", body)
		},
	}
	c.register(cmd)
	cmd.Flags().StringVar(&from, "from", "", "when it begins (default now)")
	cmd.Flags().StringVar(&until, "until", "", "when it ends")
	return cmd
}

func (f *flagsVerbs) unfreeze() *cobra.Command {
	var c change
	cmd := &cobra.Command{
		Use:     "unfreeze NAME",
		Short:   "Take a freeze back; one that has begun with --force",
		Example: `  crossfade flags unfreeze holidays --reason "moved"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := f.process.connect(f.admin)
			if err != nil {
				return failed(err)
			}
			return f.make(cmd, a, &c, http.MethodDelete, "/freezes/"+url.PathEscape(strings.TrimSpace(args[0])), nil)
		},
	}
	c.register(cmd)
	return cmd
}
