package flags

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// TestExamplesOfTheDocument reads every example of docs/flags.md, and sets the flags among them.
func TestExamplesOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/flags.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(examples) < 6 {
		t.Fatalf("the document has %d examples, want at least 6", len(examples))
	}
	for _, e := range examples {
		example := e[1]
		if strings.HasPrefix(example, "rules:") {
			rules, wrong := ParseRules(rulesIn(t, example), "rules")
			if len(wrong) > 0 || len(rules) == 0 {
				t.Errorf("%s\n%v", example, wrong)
			}
			continue
		}
		f, err := ParseFlag([]byte(example), "context-me")
		if err != nil {
			t.Errorf("%s\n%v", example, err)
			continue
		}
		if _, _, err := Apply(State{}, SetFlag{f}, forced(), surroundings(), noon()); err != nil {
			t.Errorf("%s\n%v", example, err)
		}
	}
}

// rulesIn gives the list of `rules:` in a file, as another package would have parsed it.
func rulesIn(t *testing.T, text string) ast.Node {
	t.Helper()
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		t.Fatal(err)
	}
	return file.Docs[0].Body.(*ast.MappingNode).Values[0].Value
}

// everything is a flag with every member of the language.
const everything = `{
  "endpoint": "context-me", "stage": "dual", "journey": "web", "changed": 7,
  "rules": [{
    "name": "all-parts", "stage": "flow_only",
    "cohort": {
      "tenants": ["t1"], "engagements": ["e1"], "users": ["u1"], "user_agents": ["x"], "origins": ["https://a.example"],
      "headers": [{"name": "X-A", "values": ["1", "2"]}], "cookies": [{"name": "c", "prefix": "p"}],
      "claims": [{"name": "n", "version": ">= 1"}, {"name": "m", "present": false}],
      "networks": ["10.0.0.0/8"], "share": 12.34}}],
  "ramp": {"rule": "all-parts", "step": 1, "since": "2026-11-24T11:00:00Z", "paused": true, "steps": [{"share": 0.01, "hold": "1h30m"}, {"share": 12.34, "hold": "24h"}, {"share": 100}]},
  "window": {"stage": "flow_only", "cohort": {"share": 50}, "from": "2026-11-24T11:00:00Z", "until": "2026-11-24T13:00:00Z"},
  "expires": {"at": "2026-11-25T12:00:00.123456Z", "to": {"endpoint": "context-me", "stage": "verify", "changed": 3}}
}`

func TestEverythingInJSONAndYAML(t *testing.T) {
	f, err := ParseFlag([]byte(everything), "")
	if err != nil {
		t.Fatal(err)
	}
	no, s, half := false, Share(1234), Share(5000)
	want := Flag{Endpoint: "context-me", Stage: Dual, Journey: "web", Changed: 7,
		Rules: []Rule{{"all-parts", Cohort{Tenants: []string{"t1"}, Engagements: []string{"e1"}, Users: []string{"u1"}, UserAgents: []string{"x"}, Origins: []string{"https://a.example"},
			Headers: []Match{{Name: "X-A", Values: []string{"1", "2"}}}, Cookies: []Match{{Name: "c", Prefix: "p"}}, Claims: []Match{{Name: "n", Version: ">= 1"}, {Name: "m", Present: &no}},
			Networks: f.Rules[0].Cohort.Networks, Share: &s}, FlowOnly}},
		Ramp:    &Ramp{Rule: "all-parts", Step: 1, Since: in(-time.Hour), Paused: true, Steps: []Step{{1, Hold(90 * time.Minute)}, {1234, Hold(24 * time.Hour)}, {All, 0}}},
		Window:  &Window{Stage: FlowOnly, Cohort: Cohort{Share: &half}, From: in(-time.Hour), Until: in(time.Hour)},
		Expires: &Expiry{At: in(24*time.Hour + 123456*time.Microsecond), To: &Flag{Endpoint: "context-me", Stage: Verify, Changed: 3}}}
	if diff := cmp.Diff(want, f, cmpopts.EquateComparable(f.Rules[0].Cohort.Networks[0])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	written, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"as it is marshalled": string(written), "YAML": asYAML(t, written, ""), "YAML in JSON's clothes, with a comma too many": strings.Replace(string(written), "]}", "],}", 1)} {
		again, err := ParseFlag([]byte(text), "context-me")
		if err != nil {
			t.Errorf("%s: %v\n%s", what, err, text)
			continue
		}
		if got, _ := json.Marshal(again); string(got) != string(written) {
			t.Errorf("%s: %s\nwant %s", what, got, written)
		}
	}
}

// asYAML writes JSON as YAML in blocks.
func asYAML(t interface{ Fatal(...any) }, data []byte, indent string) string {
	n, wrong := parseText(data)
	if wrong != nil {
		t.Fatal(wrong)
	}
	var b strings.Builder
	var write func(n *node, indent string)
	write = func(n *node, indent string) {
		switch n.kind {
		case object:
			if len(n.members) == 0 {
				b.WriteString(" {}\n")
				return
			}
			b.WriteString("\n")
			for _, m := range n.members {
				b.WriteString(indent + m.name + ":")
				write(m.value, indent+"  ")
			}
		case listed:
			b.WriteString("\n")
			for _, item := range n.items {
				b.WriteString(indent + "-")
				write(item, indent+"  ")
			}
		case textual:
			quoted, _ := json.Marshal(n.text)
			fmt.Fprintf(&b, " %s\n", quoted)
		case nothing, numeric, boolean, foreign:
			fmt.Fprintf(&b, " %s\n", n.text)
		}
	}
	write(n, indent)
	return b.String()
}

// TestWhatIsWrittenIsRead: any flag that the checks let pass is the same after it was written as JSON and read, as a store
// does, as JSON by the language, and as YAML by it.
func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Flag{Endpoint: "e", Stage: drawStage(t, "stage"), Rules: drawRules(t), Changed: rapid.Int64Range(0, 1<<53).Draw(t, "changed")}
		k := &checker{}
		if k.flag("", &f); len(k.found) > 0 {
			return
		}
		written, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var stored Flag
		if err := json.Unmarshal(written, &stored); err != nil {
			t.Fatal(err)
		}
		read, err := ParseFlag(written, "e")
		if err != nil {
			t.Fatal(err)
		}
		inBlocks, err := ParseFlag([]byte(asYAML(t, written, "")), "e")
		if err != nil {
			t.Fatal(err)
		}
		for _, again := range []Flag{stored, read, inBlocks} {
			if got, _ := json.Marshal(again); string(got) != string(written) {
				t.Fatalf("%s became %s", written, got)
			}
		}
	})
}

// TestBadTexts has what the language refuses, each with its whole text.
func TestBadTexts(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"nothing", "", "nothing is in it"},
		{"a comment", "# nothing", "nothing is in it"},
		{"not UTF-8", "stage: \xff", "not UTF-8 text"},
		{"neither", "stage: [dual", "line 1: neither JSON nor YAML: sequence end token ']' not found"},
		{"two documents", "stage: dual\n---\nstage: dual", "line 3: a second document: write one"},
		{"a text", "dual", `line 1: want a flag: stage, and rules or the rest of docs/flags.md, got the text "dual"`},
		{"no stage", "{}", `line 1: stage: unknown stage "" (want passthrough, verify, dual or flow_only)`},
		{"null", "stage: dual\nrules:", "line 2: rules: want a list of rules, got nothing"},
		{"an unknown member, in JSON", "{\"stage\": \"dual\",\n \"rulez\": []}", `line 2: rulez: unknown member (did you mean "rules"?)`},
		{"an unknown member, in YAML", "stage: dual\nrulez: []", `line 2: rulez: unknown member (did you mean "rules"?)`},
		{"a member twice, in JSON", "{\"stage\": \"dual\",\n\n \"stage\": \"dual\"}", "line 3: stage: is there twice, first in line 1"},
		{"a member twice, in YAML", "stage: dual\nstage: verify", "line 2: stage: is there twice, first in line 1"},
		{"another endpoint", "endpoint: login\nstage: dual", `line 1: endpoint: is "login", and the flag of "context-me" is to be written`},
		{"a stage that is a boolean", "stage: true", "line 1: stage: want a text, got the boolean true: put it in quotes"},
		{"a mode for a stage", "mode: dual", "line 1: mode: unknown member\nline 1: stage: unknown stage \"\" (want passthrough, verify, dual or flow_only)"},
		{"an anchor", "stage: &a dual", "line 1: stage: want a text, got an anchor or alias: write the value out"},
		{"a tag", "stage: !!str dual", "line 1: stage: want a text, got a tag: write the value alone"},
		{"rules by name", "stage: dual\nrules:\n  pilot: {stage: dual}", "line 3: rules: want a list of rules, got names with values"},
		{"no rules", "stage: dual\nrules: []", "line 2: rules: want at least one of rules: leave it out where there is none"},
		{"a rule without a name", "stage: dual\nrules:\n  - stage: verify\n    cohort: {tenants: [a]}", "line 3: rules[0].name: missing: name the rule, so that a decision can say which one it was"},
		{"a name with blanks", "stage: dual\nrules:\n  - name: The Pilot\n    stage: verify\n    cohort: {tenants: [a]}", `line 3: rules[0].name: want a name of at most 63 small letters, digits, -, _ and ., such as pilot-tenants; got "The Pilot"`},
		{"a rule that is never reached", "stage: dual\nrules:\n  - {name: a, stage: verify}\n  - {name: b, stage: verify}", `line 4: rules[1]: is never reached: rules[0] ("a") takes everybody`},
		{"a client account that is a number", ruleWith("tenants: [17]"), "line 3: rules[0].cohort.tenants[0]: want a text, got the number 17: put it in quotes"},
		{"one client account", ruleWith("tenants: acme"), `line 3: rules[0].cohort.tenants: want a list of texts, got the text "acme"`},
		{"no client account", ruleWith("tenants: []"), "line 3: rules[0].cohort.tenants: want at least one of texts: leave it out where there is none"},
		{"white space", ruleWith(`tenants: [" a"]`), `line 3: rules[0].cohort.tenants[0]: want a text without white space around it, got " a"`},
		{"an origin with a path", ruleWith(`origins: ["https://a.example/"]`), `line 3: rules[0].cohort.origins[0]: want an origin as browsers write it, such as https://app.example.com, got "https://a.example/"`},
		{"a network with a host's bits", ruleWith("networks: [10.0.0.1/8]"), "line 3: rules[0].cohort.networks[0]: 10.0.0.1/8 has bits behind its length: write 10.0.0.0/8"},
		{"no network", ruleWith("networks: [intranet]"), `line 3: rules[0].cohort.networks[0]: want a network such as 10.0.0.0/8, got the text "intranet"`},
		{"a match of nothing", ruleWith("headers: [{name: X-A}]"), "line 3: rules[0].cohort.headers[0]: want exactly one of values, prefix, version and present, got 0"},
		{"a match of two", ruleWith("headers: [{name: X-A, prefix: a, present: true}]"), "line 3: rules[0].cohort.headers[0]: want exactly one of values, prefix, version and present, got 2"},
		{"a match without a name", ruleWith("cookies: [{prefix: a}]"), "line 3: rules[0].cohort.cookies[0].name: missing, or too long: what is compared?"},
		{"a secret for a header", ruleWith("headers: [{name: authorization, prefix: a}]"), "line 3: rules[0].cohort.headers[0].name: Authorization is a secret: use claims or cookies"},
		{"a header with a blank", ruleWith(`headers: [{name: "X A", prefix: a}]`), `line 3: rules[0].cohort.headers[0].name: want the name of a header field, got "X A"`},
		{"a range of versions", ruleWith(`headers: [{name: X-A, version: "2.3"}]`), `line 3: rules[0].cohort.headers[0].version: want >=, <, >, <=, = or != before a version, got "2.3"`},
		{"a presence that is a text", ruleWith(`headers: [{name: X-A, present: "yes"}]`), `line 3: rules[0].cohort.headers[0].present: want true or false, got the text "yes"`},
		{"a share above all", ruleWith("share: 101"), "line 3: rules[0].cohort.share: want a share in percent from 0 to 100 with at most two decimals, such as 12.5, got the number 101"},
		{"a share below none", ruleWith("share: -1"), "line 3: rules[0].cohort.share: want a share in percent from 0 to 100 with at most two decimals, such as 12.5, got the number -1"},
		{"a share of three decimals", ruleWith("share: 0.001"), "line 3: rules[0].cohort.share: want a share in percent from 0 to 100 with at most two decimals, such as 12.5, got the number 0.001"},
		{"a share that is a boolean", ruleWith("share: true"), "line 3: rules[0].cohort.share: want a share in percent from 0 to 100 with at most two decimals, such as 12.5, got the boolean true"},
		{"a ramp of a rule that is not there", "stage: dual\nramp: {rule: a, steps: [{share: 5}]}", `line 2: ramp.rule: the flag has no rule "a"`},
		{"a hold that is a number", "stage: dual\nramp: {rule: a, steps: [{share: 5, hold: 20}]}", "line 2: ramp.steps[0].hold: want a duration such as 30s, 20m or 1h30m, got the number 20\nline 2: ramp.rule: the flag has no rule \"a\""},
		{"a time without a zone", "stage: dual\nexpires: {at: 2026-11-24T09:00:00}", `line 2: expires.at: want a time with its zone, such as 2026-11-24T09:00:00Z, got the text "2026-11-24T09:00:00"`},
		{"no time", "stage: dual\nexpires: {}", "line 2: expires.at: missing: when does the flag go back?"},
		{"an expiry within an expiry", "stage: dual\nexpires: {at: 2026-11-24T09:00:00Z, to: {stage: dual, expires: {at: 2026-11-24T09:00:00Z}}}", "line 2: expires.to: want a flag without expires, ramp and window"},
		{"a version that is no number", "stage: dual\nchanged: new", `line 2: changed: want a whole number, got the text "new"`},
		{"nested too deep, in YAML", "stage: " + strings.Repeat("[", 20), "line 1: nested too deep"},
		{"nested too deep, in JSON", strings.Repeat("[", 20) + strings.Repeat("]", 20), "line 1: nested too deep"},
		{"several", "stage: off\nrules:\n  - name: a\n    stage: on\n    cohort: {share: 1000}", "line 1: stage: unknown stage \"off\" (want passthrough, verify, dual or flow_only)\nline 4: rules[0].stage: unknown stage \"on\" (want passthrough, verify, dual or flow_only)\nline 5: rules[0].cohort.share: want a share in percent from 0 to 100 with at most two decimals, such as 12.5, got the number 1000"},
	} {
		if _, err := ParseFlag([]byte(row.text), "context-me"); err == nil || err.Error() != row.want {
			t.Errorf("%s:\n%v\nwant\n%s", row.name, err, row.want)
		}
	}
	if _, err := ParseFlag([]byte("stage: dual"), ""); err == nil || err.Error() != "line 1: endpoint: missing: whose flag is it?" {
		t.Errorf("a flag of nobody: %v", err)
	}
}

// ruleWith is a flag with a rule that has a part in its cohort, in line 3.
func ruleWith(part string) string {
	return "stage: dual\nrules:\n  - {name: a, stage: verify, cohort: {" + part + "}}"
}

func TestRampsAndWindowsAlone(t *testing.T) {
	r, err := ParseRamp([]byte(`{"rule": "a", "steps": [{"share": "5%", "hold": "20m"}, {"share": 100}]}`))
	if want := (Ramp{Rule: "a", Steps: []Step{{500, Hold(20 * time.Minute)}, {All, 0}}}); err != nil || cmp.Diff(want, r) != "" {
		t.Errorf("%+v %v", r, err)
	}
	if _, err := ParseRamp([]byte("rule: a\nstep: []")); err == nil || err.Error() != "line 2: step: want a whole number, got a list" {
		t.Errorf("%v", err)
	}
	w, err := ParseWindow([]byte("stage: flow_only\nuntil: 2026-11-24T13:00:00+01:00"))
	if want := (Window{Stage: FlowOnly, Until: noon()}); err != nil || cmp.Diff(want, w) != "" {
		t.Errorf("%+v %v", w, err)
	}
	if _, err := ParseWindow([]byte("stage: off\ncohort: {tenants: [' ']}")); err == nil ||
		err.Error() != "line 1: stage: unknown stage \"off\" (want passthrough, verify, dual or flow_only)\nline 2: cohort.tenants[0]: want a text without white space around it, got \" \"" {
		t.Errorf("%v", err)
	}
}

// TestRulesOfAFile: what is wrong with rules in somebody else's file is told with the place and the line there.
func TestRulesOfAFile(t *testing.T) {
	_, wrong := ParseRules(rulesIn(t, "rules:\n  - name: a\n    stage: dul\n    cohorts: {}\n"), "endpoints[1].rules")
	var texts []string
	for _, w := range wrong {
		texts = append(texts, w.Error())
	}
	want := []string{`line 3: endpoints[1].rules[0].stage: unknown stage "dul" (want passthrough, verify, dual or flow_only) (did you mean "dual"?)`, `line 4: endpoints[1].rules[0].cohorts: unknown member (did you mean "cohort"?)`}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLongLists: a hundred thousand client accounts are read in a moment, in JSON and in YAML.
func TestLongLists(t *testing.T) {
	var names []string
	for i := range 10_000 {
		names = append(names, fmt.Sprintf("9f1c2d3e-0000-4000-8000-%012x", i))
	}
	f := Flag{Endpoint: "context-me", Stage: Dual, Rules: []Rule{{"many", Cohort{Tenants: names}, FlowOnly}}}
	data, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"JSON": string(data), "YAML": asYAML(t, data, "")} {
		begin := time.Now()
		got, err := ParseFlag([]byte(text), "")
		if err != nil || len(got.Rules[0].Cohort.Tenants) != len(names) {
			t.Errorf("%s: %v", what, err)
		}
		t.Logf("%s: %s", what, time.Since(begin))
	}
	f.Rules[0].Cohort.Tenants = make([]string, maxList+1)
	k := &checker{}
	if k.flag("", &f); len(k.found) != 1 || k.found[0].Error() != "rules[0].cohort.tenants: 100001 names: at most 100000 are possible" {
		t.Errorf("%v", k.err())
	}
}

// FuzzFlag: whatever is read, is a flag that passes the checks and survives being written.
func FuzzFlag(f *testing.F) {
	f.Add(everything)
	f.Add("stage: dual\nrules:\n  - {name: a, stage: verify, cohort: {share: 5}}")
	f.Add("stage: [")
	f.Fuzz(func(t *testing.T, text string) {
		flag, err := ParseFlag([]byte(text), "context-me")
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Fatal("an error without a text")
			}
			return
		}
		data, err := json.Marshal(flag)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseFlag(data, "context-me")
		if err != nil {
			t.Fatalf("%s\n%v", data, err)
		}
		if twice, _ := json.Marshal(again); string(twice) != string(data) {
			t.Fatalf("%s became %s", data, twice)
		}
	})
}
