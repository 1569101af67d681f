package main

import (
	"strings"
	"testing"
	"time"
)

// An answer that is not what its mode promises is found, or a fast mistake would win.
func TestCheckAnswer(t *testing.T) {
	sent := document(2)
	dual := strings.TrimSuffix(string(sent), "}") + `,"active_flows":[{"id":"a"},{"id":"b"}],"current_flow":{"id":"00000000-0000-4000-8000-000000000000"}}`
	tests := map[string]struct{ mode, got, want string }{
		"the upstream's bytes":     {"passthrough", string(sent), ""},
		"others":                   {"passthrough", string(sent) + " ", "bytes that are not the upstream's"},
		"both shapes":              {"dual", dual, ""},
		"a changed session":        {"dual", strings.Replace(dual, "Acme", "Acne", 1), "client is not what the upstream sent"},
		"a number written anew":    {"dual", strings.Replace(dual, `"assets":7`, `"assets":7.0`, 1), "available_sessions is not what the upstream sent"},
		"a flow that is missing":   {"dual", strings.Replace(dual, `,{"id":"b"}`, "", 1), "1 active_flows"},
		"another current flow":     {"dual", strings.Replace(dual, `"current_flow":{"id":"0`, `"current_flow":{"id":"1`, 1), "current_flow 1"},
		"sessions where none are":  {"flow_only", dual, "available_sessions in flow_only"},
		"what is no JSON":          {"dual", "<html>", "no JSON object"},
		"nothing of the migration": {"dual", string(sent), "0 active_flows"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := checkAnswer(tt.mode, sent, []byte(tt.got))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestReadLoad(t *testing.T) {
	const report = `Running 1s test @ http://127.0.0.1:1/
    Latency   1.82ms    1.02ms  12.50ms   99% Latency Distribution
     50%    1.50ms
     75%    2.00ms
     99%  900.00us
  1234 requests in 1.00s, 2MB read
`
	l, err := readLoad(report)
	if err != nil || l.requests != 1234 || l.p50 != 1500*time.Microsecond || l.p99 != 900*time.Microsecond {
		t.Errorf("%+v, %v", l, err)
	}
	for _, wrong := range []string{"  Socket errors: connect 0, read 3, write 0, timeout 0\n", "  Non-2xx or 3xx responses: 12\n"} {
		if _, err := readLoad(report + wrong); err == nil {
			t.Errorf("%q is taken for a good report", wrong)
		}
	}
	if _, err := readLoad(""); err == nil {
		t.Error("nothing is taken for a report")
	}
}
