package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

func (p *process) explainCommand() *cobra.Command {
	var f adminFlags
	var output string
	q := question{Headers: map[string][]string{}}
	var headers []string
	cmd := &cobra.Command{
		Use:   "explain [METHOD] [PATH] | -- curl ...",
		Short: "Why a request gets the mode that it gets",
		Long: `Asks a running crossfade what it would decide about a request: everything that was asked for a stage, in order, and what each
said. The request is described by a path and headers, or is a curl command behind --, which is not run. With --request-id it
tells what was decided about a request that came lately. With nothing, all endpoints for a caller of whom nothing is known.

` + exitCodes,
		Example: `  crossfade explain /api/v1/context/me -H 'Authorization: Bearer …'
  crossfade explain --endpoint context-me -H 'X-Client-Account-ID: 11111111-1111-1111-1111-111111111111'
  crossfade explain -- curl -H 'X-App-Version: 2.4.1' https://app.example.com/api/v1/context/me
  crossfade explain --request-id 4d1f…`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := q.readArgs(args); err != nil {
				return misused(err)
			}
			for _, h := range headers {
				if err := q.addHeader(h); err != nil {
					return misused(err)
				}
			}
			a, err := p.connect(f)
			if err != nil {
				return failed(err)
			}
			var raw json.RawMessage
			if _, err := a.do(cmd.Context(), http.MethodPost, "/explain", q, &raw); err != nil {
				return outcome(err)
			}
			if output != "table" {
				return writeAnswer(p.stdout, output, raw)
			}
			return p.tellExplanation(raw)
		},
	}
	f.register(cmd.Flags())
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table, json or yaml")
	cmd.Flags().StringArrayVarP(&headers, "header", "H", nil, "a header of the request, as curl takes it")
	cmd.Flags().StringVar(&q.Client, "client", "", "address that the request comes from")
	cmd.Flags().StringVar(&q.User, "user", "", "the user, where no header tells it")
	cmd.Flags().StringVar(&q.Endpoint, "endpoint", "", "the endpoint, instead of a path")
	cmd.Flags().StringVar(&q.RequestID, "request-id", "", "a request that came lately")
	return cmd
}

// question is what the admin API is asked.
type question struct {
	RequestID string              `json:"request_id,omitempty"`
	Method    string              `json:"method,omitempty"`
	Path      string              `json:"path,omitempty"`
	Endpoint  string              `json:"endpoint,omitempty"`
	Headers   map[string][]string `json:"headers,omitempty"`
	Client    string              `json:"client,omitempty"`
	User      string              `json:"user,omitempty"`
}

func (q *question) readArgs(args []string) error {
	switch {
	case len(args) > 0 && args[0] == "curl":
		return q.readCurl(args[1:])
	case len(args) == 2:
		q.Method = strings.ToUpper(args[0])
		return q.setURL(args[1])
	case len(args) == 1:
		return q.setURL(args[0])
	case len(args) > 2:
		return errors.New("want a method and a path, or -- and a curl command")
	}
	return nil
}

// setURL takes a path, or an address of which the path counts.
func (q *question) setURL(text string) error {
	if q.Path != "" {
		return fmt.Errorf("%q beside %q: want one path", text, q.Path)
	}
	if !strings.HasPrefix(text, "/") && !strings.Contains(text, "://") {
		text = "//" + text // as curl takes it: a host first
	}
	u, err := url.Parse(text)
	if err != nil {
		return err
	}
	if q.Path = u.EscapedPath(); q.Path == "" {
		q.Path = "/"
	}
	return nil
}

// addHeader takes a header as curl does. One without a value is one that curl would leave out.
func (q *question) addHeader(text string) error {
	name, value, found := strings.Cut(text, ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if empty, ok := strings.CutSuffix(name, ";"); !found && ok {
		name, found = empty, true // curl's way to send an empty one
	} else if found && value == "" {
		return nil
	}
	if name == "" || !found {
		return fmt.Errorf("header %q: want a name and a value, such as 'X-App-Version: 2.4.1'", text)
	}
	name = http.CanonicalHeaderKey(name)
	q.Headers[name] = append(q.Headers[name], value)
	return nil
}

// readCurl takes what of a curl command a decision may depend on. Options that it does not know are refused where
// they might take a value, since the value would be taken for the address.
func (q *question) readCurl(args []string) error {
	for i := 0; i < len(args); i++ {
		name, value, joined := curlOption(args[i])
		if name == "" {
			if err := q.setURL(args[i]); err != nil {
				return err
			}
			continue
		}
		takes, known := curlOptions()[name]
		if !known {
			return fmt.Errorf("curl's option %s is not known here: leave it out, if it does not add a header", name)
		}
		if takes && !joined {
			if i++; i == len(args) {
				return fmt.Errorf("curl's option %s has no value", name)
			}
			value = args[i]
		}
		if err := q.curlValue(name, value); err != nil {
			return err
		}
	}
	if q.Path == "" {
		return errors.New("the curl command has no address")
	}
	return nil
}

func (q *question) curlValue(name, value string) error {
	switch name {
	case "-H", "--header":
		return q.addHeader(value)
	case "-X", "--request":
		q.Method = value
	case "-I", "--head":
		q.Method = http.MethodHead
	case "-d", "--data", "--data-raw", "--data-binary", "--data-urlencode", "--json", "-F", "--form":
		if q.Method == "" {
			q.Method = http.MethodPost
		}
	case "-A", "--user-agent":
		return q.addHeader("User-Agent: " + value)
	case "-e", "--referer":
		return q.addHeader("Referer: " + value)
	case "-b", "--cookie":
		return q.addHeader("Cookie: " + value)
	case "-u", "--user":
		return q.addHeader("Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(value)))
	case "--oauth2-bearer":
		return q.addHeader("Authorization: Bearer " + value)
	case "--url":
		return q.setURL(value)
	}
	return nil
}

// curlOption splits an argument of curl into an option and a value that is joined to it.
func curlOption(arg string) (name, value string, joined bool) {
	switch {
	case !strings.HasPrefix(arg, "-") || arg == "-":
		return "", "", false
	case strings.HasPrefix(arg, "--"):
		return strings.Cut(arg, "=")
	case len(arg) > 2:
		if takes, known := curlOptions()[arg[:2]]; known && takes {
			return arg[:2], arg[2:], true
		}
		for _, letter := range arg[1:] { // -sSk: none may take a value
			if takes, known := curlOptions()["-"+string(letter)]; !known || takes {
				return arg, "", false
			}
		}
		return "-s", "", false
	}
	return arg, "", false
}

// curlOptions are the options that are known, and whether they take a value.
func curlOptions() map[string]bool {
	options := map[string]bool{}
	for _, name := range strings.Fields("-H --header -X --request -d --data --data-raw --data-binary --data-urlencode --json -F --form -A --user-agent -e --referer -b --cookie " +
		"-u --user --oauth2-bearer --url -o --output -m --max-time --connect-timeout -w --write-out --resolve --cacert --cert --key -x --proxy -T --upload-file -c --cookie-jar") {
		options[name] = true
	}
	for _, name := range strings.Fields("-s --silent -S --show-error -k --insecure -i --include -v --verbose -L --location -f --fail -I --head -g --globoff -G --get --compressed " +
		"--http1.1 --http2 -4 -6 -N --no-buffer -O --remote-name --path-as-is") {
		options[name] = false
	}
	return options
}

// tellExplanation writes an explanation for people.
func (p *process) tellExplanation(raw json.RawMessage) error {
	var told struct {
		Version      int64  `json:"version"`
		Note         string `json:"note"`
		Explanations []struct {
			Endpoint, Route, Side, Mode, Stage, Reason, Source, Rule, Key string
			KeyFrom                                                       string `json:"key_from"`
			Bucket, Threshold                                             *uint32
			Consulted                                                     []string
			Tried                                                         []struct {
				Source, Rule, Stage, Why string
				Says                     bool
			}
		} `json:"explanations"`
		Requests []struct {
			At, Method, Endpoint, Route, Mode, Stage, Reason, Source, Rule, Problem, Fallback string
			RequestID                                                                         string `json:"request_id"`
			Status                                                                            int
			Version                                                                           int64
			Bucket, Threshold                                                                 *uint32
		} `json:"requests"`
	}
	if err := json.Unmarshal(raw, &told); err != nil {
		return failed(err)
	}
	out := p.stdout
	for _, r := range told.Requests {
		fmt.Fprintf(out, "%s %s %s (%s), answered %d at %s\n  mode %s: %s\n", r.RequestID, r.Method, r.Route, r.Endpoint, r.Status, r.At, r.Mode,
			because(r.Reason, r.Source, r.Rule, r.Bucket, r.Threshold))
		for _, word := range [][2]string{{"stage", r.Stage}, {"problem", r.Problem}, {"fallback", r.Fallback}} {
			if word[1] != "" {
				fmt.Fprintf(out, "  %s %s\n", word[0], word[1])
			}
		}
		fmt.Fprintf(out, "  by version %d of the flags\n", r.Version)
	}
	for i, e := range told.Explanations {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s: %s\n", e.Endpoint, e.Mode)
		if e.Route != "" {
			fmt.Fprintf(out, "  route   %s (%s)\n", e.Route, e.Side)
		}
		fmt.Fprintf(out, "  because %s\n", because(e.Reason, e.Source, e.Rule, e.Bucket, e.Threshold))
		if e.Stage != e.Mode {
			fmt.Fprintf(out, "  stage   %s\n", e.Stage)
		}
		if e.Key != "" {
			fmt.Fprintf(out, "  caller  %s, by %s\n", e.Key, e.KeyFrom)
		}
		if len(e.Consulted) > 0 {
			fmt.Fprintf(out, "  looked  at %s\n", strings.Join(e.Consulted, ", "))
		}
		rows := make([][]string, 0, len(e.Tried))
		for n, t := range e.Tried {
			what := t.Source
			if t.Rule != "" {
				what += ", rule " + t.Rule
			}
			mark := "  "
			if t.Says {
				mark = "->"
			}
			rows = append(rows, []string{"  " + mark + " " + strconv.Itoa(n+1) + ".", what, t.Stage, t.Why})
		}
		if err := table(out, rows); err != nil {
			return err
		}
	}
	if told.Note != "" {
		fmt.Fprintln(p.stderr, told.Note)
	}
	return nil
}

// because tells in one line what decided.
func because(reason, source, rule string, bucket, threshold *uint32) string {
	text := reason + " (" + source + ")"
	if rule != "" {
		text += ", rule " + rule
	}
	if bucket != nil && threshold != nil {
		word := "not below"
		if *bucket < *threshold {
			word = "below"
		}
		text += fmt.Sprintf(", bucket %d %s %d of %d", *bucket, word, *threshold, 1<<31)
	}
	return text
}
