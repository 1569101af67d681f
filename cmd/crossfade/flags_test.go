package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/internal/database"
)

// operator runs verbs against a serve that a test has started.
type operator struct {
	t       *testing.T
	serve   *running
	data    string
	environ []string
}

// operate starts serve with a data directory of its own, and gives who operates it.
func operate(t *testing.T, environ []string, args ...string) *operator {
	t.Helper()
	o := &operator{t: t, data: t.TempDir(), environ: environ}
	o.start(args...)
	return o
}

func (o *operator) start(args ...string) {
	o.t.Helper()
	o.serve = start(o.t, o.environ, append([]string{"--upstream", contextUpstream(o.t), "--data", o.data}, args...)...)
}

// run runs a verb, which asks the serve, to its end.
func (o *operator) run(args ...string) (code int, stdout, stderr string) {
	o.t.Helper()
	verb := 1
	if args[0] == "flags" {
		verb = 2
	}
	return o.runBare(slices.Insert(slices.Clone(args), verb, "--admin", o.serve.admin, "--token-file", filepath.Join(o.data, adminTokenFile))...)
}

// runBare runs a verb that is told nothing but its arguments and the environment.
func (o *operator) runBare(args ...string) (code int, stdout, stderr string) {
	o.t.Helper()
	var out, errors bytes.Buffer
	p := process{stdin: strings.NewReader(""), stdout: &out, stderr: &errors, environ: append(slices.Clone(o.environ), "CROSSFADE_DATA_DIR="+o.data)}
	code = p.run(o.t.Context(), args)
	return code, out.String(), errors.String()
}

// want runs a verb and wants its exit code, and what it says to match.
func (o *operator) want(code int, pattern string, args ...string) {
	o.t.Helper()
	got, stdout, stderr := o.run(args...)
	o.check(got, code, stdout+stderr, pattern, args)
}

// wantBare is want for a verb that is told nothing but its arguments and the environment.
func (o *operator) wantBare(code int, pattern string, args ...string) {
	o.t.Helper()
	got, stdout, stderr := o.runBare(args...)
	o.check(got, code, stdout+stderr, pattern, args)
}

func (o *operator) check(got, code int, said, pattern string, args []string) {
	o.t.Helper()
	if got != code || !regexp.MustCompile(pattern).MatchString(said) {
		o.t.Errorf("crossfade %s: exit code %d, want %d; said %q, want %s", strings.Join(args, " "), got, code, said, pattern)
	}
}

// mode wants the mode of the next answer, with headers of the request in pairs.
func (o *operator) mode(want string, headers ...string) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, o.serve.url+"/api/v1/context/me", http.NoBody)
	if err != nil {
		o.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	res.Body.Close()
	if got := res.Header.Get("Crossfade-Mode"); got != want {
		o.t.Errorf("mode %q, want %q", got, want)
	}
}

// TestFlags is an evening of rollout: each verb says what it did, and the very next request shows it.
func TestFlags(t *testing.T) {
	o := operate(t, nil)
	o.want(0, `context-me +passthrough +built in`, "flags", "list")
	o.want(2, `--reason is missing`, "flags", "set", "context-me", "verify")
	o.want(1, `would go from passthrough to dual at once`, "flags", "set", "context-me", "dual", "--reason", "too fast")
	o.mode("passthrough")
	o.want(0, `would be version 1: set context-me from none to verify`, "flags", "set", "context-me", "verify", "--reason", "see", "--dry-run")
	o.want(0, `context-me +passthrough`, "flags", "list")
	o.want(0, `version 1: set context-me from none to verify`, "flags", "set", "context-me", "verify", "--reason", "see")
	o.mode("passthrough")
	o.want(0, `version 2: set context-me from verify to dual`, "flags", "set", "context-me", "dual", "--reason", "well")
	o.mode("dual")
	o.want(0, `nothing to change`, "flags", "set", "context-me", "dual", "--reason", "again")
	o.want(0, `version 3: .*forced`, "flags", "set", "flow-activate", "dual", "--force", "--reason", "in a hurry")
	o.want(0, `version 4`, "flags", "set", "context-me", "flow_only", "--rule", "pilots", "--tenant", "t1", "--reason", "pilots")
	o.mode("dual")
	o.mode("flow_only", "X-Client-Account-ID", "t1")
	o.want(0, `(?s)rules:\n- name: pilots.*tenants:\n +- t1.*stage: dual`, "flags", "get", "context-me")
	o.want(0, `"pilots"`, "flags", "get", "context-me", "-o", "json")
	o.want(0, `(?s)context-me: flow_only.*rule pilots.*-> 1\..*pilots +flow_only`, "explain", "/api/v1/context/me", "-H", "X-Client-Account-ID: t1")
	o.want(0, `(?s)4 .*pilots.*3 .*in a hurry.*1 .*see`, "flags", "history")
	o.want(0, `version 5: undo context-me`, "flags", "undo", "--reason", "not yet")
	o.mode("dual", "X-Client-Account-ID", "t1")
	o.want(0, `5 entries, the chain holds; version 5 has [0-9a-f]{64}`, "flags", "history", "--verify")
	o.want(0, `version 6: brownout context-me.* until `, "flags", "brownout", "context-me", "--for", "20m", "--reason", "who reads sessions?")
	o.mode("flow_only")
	o.want(0, `version 7`, "flags", "brownout", "context-me", "--end", "--reason", "found them")
	o.mode("dual")
	o.want(0, `version 8`, "flags", "ramp", "context-me", "--stage", "flow_only", "--steps", "50,100", "--hold", "1h", "--reason", "all of them")
	o.want(0, `bucket \d+ .*(not )?below 1073741824`, "explain", "--endpoint", "context-me", "--user", "u1")
	o.want(0, `ramp of ramp, step 1 of 2`, "flags", "list")
	o.want(1, `or force it`, "flags", "remove", "context-me", "--reason", "done")
	o.want(0, `version 9: remove context-me`, "flags", "remove", "context-me", "--reason", "done", "--force")
	o.mode("passthrough")
	o.want(1, `context-you`, "flags", "set", "context-you", "dual", "--reason", "a typo")
	o.want(0, `version 10: freeze`, "flags", "freeze", "holidays", "--until", "2126-01-02T00:00:00Z", "--reason", "nobody is there")
	o.want(1, `holidays`, "flags", "set", "context-me", "verify", "--reason", "now?")
	o.want(0, `version 11`, "kill", "--reason", "the one thing that works")
	o.want(0, `version 12`, "unkill")
	o.want(0, `version 13: unfreeze`, "flags", "unfreeze", "holidays", "--force", "--reason", "back")
}

// TestKill: everything to passthrough in one command, on the next request, and still after a restart.
func TestKill(t *testing.T) {
	o := operate(t, nil, "--mode", "dual")
	o.mode("dual")
	o.want(0, `everything passes through`, "kill", "--reason", "3 am")
	o.mode("passthrough")
	o.want(0, `THE KILL SWITCH IS ON.*3 am`, "flags", "list")
	o.serve.cancel()
	o.serve.wait()
	o.start("--mode", "dual")
	o.mode("passthrough")
	o.want(0, `flags count again`, "unkill")
	o.mode("dual")
	o.want(0, `off already`, "unkill")
}

// TestKillWithoutAnybodyToAsk: with the admin API away the kill file does it, within a second.
func TestKillWithoutAnybodyToAsk(t *testing.T) {
	data := t.TempDir()
	r := start(t, nil, "--upstream", contextUpstream(t), "--mode", "dual", "--data", data)
	o := &operator{t: t, serve: r}
	o.mode("dual")
	run := func(args ...string) (int, string) {
		var out bytes.Buffer
		p := process{stdin: strings.NewReader(""), stdout: &out, stderr: &out, environ: []string{"CROSSFADE_DATA_DIR=" + data, "CROSSFADE_ADMIN=127.0.0.1:1"}}
		return p.run(t.Context(), args), out.String()
	}
	code, said := run("kill", "--reason", "3 am")
	if code != 0 || !strings.Contains(said, "wrote "+filepath.Join(data, killFile)) {
		t.Fatalf("kill: exit code %d, %s", code, said)
	}
	o.soon("passthrough")
	if code, said = run("unkill", "--local"); code != 0 || !strings.Contains(said, "took") {
		t.Fatalf("unkill: exit code %d, %s", code, said)
	}
	o.soon("dual")
	if code, _ = run("flags", "list"); code != exitAway {
		t.Errorf("flags list with nobody there: exit code %d, want %d", code, exitAway)
	}
}

// soon waits until the mode is what it should become.
func (o *operator) soon(want string) {
	o.t.Helper()
	o.eventually(func() string {
		_, mode, _ := o.serve.get(o.serve.url, "/api/v1/context/me")
		return mode
	}, "^"+want+"$")
}

// eventually waits until something is as wanted.
func (o *operator) eventually(what func() string, pattern string) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), 10*time.Second)
	defer cancel()
	for {
		got := what()
		if regexp.MustCompile(pattern).MatchString(got) {
			return
		}
		select {
		case <-ctx.Done():
			o.t.Fatalf("got %s, want %s", got, pattern)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestPrecedence: the first of kill switch, override, run-time flag, proxy.yaml, environment and default counts.
func TestPrecedence(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "proxy.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("version: 1\nflags: {override_networks: [127.0.0.0/8]}\n")
	o := operate(t, nil, "--config", file)
	o.mode("passthrough")
	o.serve.cancel()
	o.serve.wait()
	o.environ = []string{"CROSSFADE_MODE=flow_only"}
	o.start("--config", file)
	o.mode("flow_only")
	write("version: 1\nmode: dual\nflags: {override_networks: [127.0.0.0/8]}\nrules:\n  - {name: pilots, cohort: {tenants: [t1]}, stage: flow_only}\n")
	o.soon("dual")
	o.mode("flow_only", "X-Client-Account-ID", "t1")
	o.want(0, `because file \(.*proxy.yaml:2\)`, "explain", "--endpoint", "context-me")
	o.want(0, `version 1`, "flags", "set", "default", "passthrough", "--reason", "at run time", "--force")
	o.mode("passthrough")
	o.want(0, `version 2`, "flags", "set", "context-me", "verify", "--reason", "by name")
	o.want(0, `because flag \(flag context-me\)`, "explain", "--endpoint", "context-me")
	o.mode("flow_only", "Crossfade-Override", "flow_only")
	o.want(0, `version 3`, "kill")
	o.mode("passthrough", "Crossfade-Override", "flow_only")
}

// TestSignedOverride: a header that sign has printed counts from everywhere, and one that somebody made up does not.
func TestSignedOverride(t *testing.T) {
	o := operate(t, []string{"CROSSFADE_FLAGS_OVERRIDE_SECRET=an-example-of-a-secret"})
	code, header, stderr := o.run("flags", "sign", "dual", "--endpoint", "context-me", "--for", "1h")
	name, value, found := strings.Cut(strings.TrimSpace(header), ": ")
	if code != 0 || !found {
		t.Fatalf("exit code %d, %q, %s", code, header, stderr)
	}
	o.mode("dual", name, value)
	o.mode("passthrough", name, strings.Replace(value, "dual", "flow_only", 1))
	o.mode("passthrough", name, "dual")
	o.want(0, `(?s)passthrough.*signature`, "explain", "--endpoint", "context-me", "-H", name+": "+strings.Replace(value, "dual", "flow_only", 1))
}

// TestExplainReadsCurl: what a frontend developer pastes is understood, and is not run.
func TestExplainReadsCurl(t *testing.T) {
	tests := map[string]struct {
		args []string
		want question
		err  string
	}{
		"headers and an address": {[]string{"curl", "-sS", "-H", "X-App-Version: 2.4", "https://app.example.com/api/v1/context/me?x=1"},
			question{Path: "/api/v1/context/me", Headers: map[string][]string{"X-App-Version": {"2.4"}}}, ""},
		"values joined to options": {[]string{"curl", "-XPOST", "-HA: b", "--header=C: d", "host/x", "--data", "{}"},
			question{Method: "POST", Path: "/x", Headers: map[string][]string{"A": {"b"}, "C": {"d"}}}, ""},
		"a body makes it a POST": {[]string{"curl", "-d", "{}", "http://h"},
			question{Method: "POST", Path: "/", Headers: map[string][]string{}}, ""},
		"shorthands of headers": {[]string{"curl", "-A", "Mozilla/5.0", "-b", "beta=1", "--oauth2-bearer", "t", "/p%2Fq"},
			question{Path: "/p%2Fq", Headers: map[string][]string{"User-Agent": {"Mozilla/5.0"}, "Cookie": {"beta=1"}, "Authorization": {"Bearer t"}}}, ""},
		"a method and a path":           {[]string{"post", "/x"}, question{Method: "POST", Path: "/x", Headers: map[string][]string{}}, ""},
		"a header that curl leaves out": {[]string{"curl", "-H", "Accept:", "/x"}, question{Path: "/x", Headers: map[string][]string{}}, ""},
		"no address":                    {[]string{"curl", "-s"}, question{}, "the curl command has no address"},
		"an unknown option":             {[]string{"curl", "--alt-svc", "f", "/x"}, question{}, "curl's option --alt-svc is not known here: leave it out, if it does not add a header"},
		"an option without its value":   {[]string{"curl", "/x", "-H"}, question{}, "curl's option -H has no value"},
		"two addresses":                 {[]string{"curl", "/x", "/y"}, question{}, `"/y" beside "/x": want one path`},
		"no header":                     {[]string{"curl", "-H", "nothing", "/x"}, question{}, `header "nothing": want a name and a value, such as 'X-App-Version: 2.4.1'`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			q := question{Headers: map[string][]string{}}
			err := q.readArgs(tt.args)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil || q.Method != tt.want.Method || q.Path != tt.want.Path || len(q.Headers) != len(tt.want.Headers) {
				t.Fatalf("got %+v, %v, want %+v", q, err, tt.want)
			}
			for name, values := range tt.want.Headers {
				if !slices.Equal(q.Headers[name], values) {
					t.Errorf("%s: %q, want %q", name, q.Headers[name], values)
				}
			}
		})
	}
}

// TestAdminTokens: who is in the tokens file may do what its role says, and is in the journal by name.
func TestAdminTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(file, []byte("# who\nwatcher read   0123456789abcdef-read\nalice   operate 0123456789abcdef-oper\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := operate(t, []string{"CROSSFADE_ADMIN_TOKENS_FILE=" + file})
	as := func(token string, args ...string) (int, string) {
		var out bytes.Buffer
		p := process{stdin: strings.NewReader(""), stdout: &out, stderr: &out, environ: []string{"CROSSFADE_ADMIN_TOKEN=" + token}}
		return p.run(t.Context(), slices.Insert(args, 2, "--admin", o.serve.admin)), out.String()
	}
	if code, said := as("0123456789abcdef-read", "flags", "list"); code != 0 {
		t.Errorf("the watcher: %d, %s", code, said)
	}
	if code, said := as("0123456789abcdef-read", "flags", "set", "context-me", "verify", "--reason", "r"); code != 1 || !strings.Contains(said, "token watcher has the role read; this needs operate") {
		t.Errorf("the watcher: %d, %s", code, said)
	}
	if code, said := as("0123456789abcdef-oper", "flags", "set", "context-me", "verify", "--reason", "r"); code != 0 {
		t.Errorf("alice: %d, %s", code, said)
	}
	if code, said := as("0123456789abcdef-oper", "flags", "history"); code != 0 || !strings.Contains(said, "alice") {
		t.Errorf("alice: %d, %s", code, said)
	}
	if code, said := as("0123456789abcdef-none", "flags", "list"); code != 1 || !strings.Contains(said, "--token-file") {
		t.Errorf("a stranger: %d, %s", code, said)
	}
	if _, err := os.Stat(filepath.Join(o.data, adminTokenFile)); err == nil {
		t.Error("a token was made although there are some")
	}
}

// TestHistoryVerifyFindsACutEnd: entries that other hands took off the end of the journal are missed.
func TestHistoryVerifyFindsACutEnd(t *testing.T) {
	o := operate(t, nil)
	o.want(0, `version 1`, "flags", "set", "context-me", "verify", "--reason", "see")
	o.want(0, `version 2`, "flags", "set", "context-me", "dual", "--reason", "well")
	o.want(0, `2 entries, the chain holds`, "flags", "history", "--verify")
	db, err := database.Open("sqlite:"+filepath.Join(o.data, "crossfade.db"), database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.SQL().ExecContext(t.Context(), "DELETE FROM flag_journal WHERE version = 2"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	o.want(1, `the journal ends with version 1, and the flags are of version 2: the end of the journal is missing`, "flags", "history", "--verify")
}
