package admin

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// saying is a handler that answers with a word and the path.
func saying(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s %s", text, r.URL.Path) })
}

// TestMounts: what is served beside the API, and to whom.
func TestMounts(t *testing.T) {
	mount := func(needToken bool) *rig {
		return newRig(t, calm(), func(o *Options) {
			o.Metrics, o.MetricsNeedToken, o.OFREP = saying("metrics"), needToken, saying("ofrep")
		})
	}
	open, closed := mount(false), mount(true)
	open.do("GET", "/metrics", "", "Authorization", "").want(200, "metrics /metrics")
	closed.do("GET", "/metrics", "", "Authorization", "").wantProblem(problemUnauthorized, errNoToken.Error())
	closed.do("GET", "/metrics", "", "Authorization", "", "Authorization", "Bearer "+readSecret).want(200, "metrics /metrics")
	open.do("POST", "/ofrep/v1/evaluate/flags", "", "Authorization", "").wantProblem(problemUnauthorized, errNoToken.Error())
	open.do("POST", "/ofrep/v1/evaluate/flags", "", "Authorization", "", "Authorization", "Bearer "+readSecret).want(200, "ofrep /ofrep/v1/evaluate/flags")
	if got := open.do("POST", "/metrics", ""); got.Code != http.StatusMethodNotAllowed {
		t.Errorf("%d", got.Code)
	}
	for _, path := range []string{"/metrics", "/ofrep/v1/evaluate/flags", "/api/v1/flags"} {
		r := open.with(t, nil)
		if got := r.do("GET", path, ""); got.Code != http.StatusNotFound {
			t.Errorf("nothing is there, and GET %s is answered with %d", path, got.Code)
		}
	}
}

// TestVerboseHealth: each check has a line; the store makes nobody unready.
func TestVerboseHealth(t *testing.T) {
	f := calm()
	var ready error
	r := newRig(t, f, func(o *Options) { o.Ready = func() error { return ready } })
	look := func() answer { return r.do("GET", "/readyz?verbose", "", "Authorization", "", "Host", "10.0.0.1:9901") }
	look().want(200, "readyz: ok\nflags: version 17\nstore: ok\nkill: off")
	f.health = flags.Health{Known: true, Version: 17, Contact: time.Unix(1893456000, 0), Kill: &flags.Kill{}}
	look().want(200, "readyz: ok\nflags: version 17\nstore: away, the last known flags go on; last seen 2030-01-01T00:00:00Z\nkill: on: everything is passthrough")
	f.health = flags.Health{Known: true, Version: 17, Reachable: true, Err: "flag context-me at 10.0.0.7"}
	look().want(200, "readyz: ok\nflags: version 17\nstore: has flags that cannot be taken, the last known ones go on; GET /api/v1/status says why\nkill: off")
	f.health = flags.Health{}
	ready = errors.New("stopping")
	look().want(503, "readyz: stopping\nflags: not known yet: everything is passthrough\nstore: away, the last known flags go on\nkill: off")
	r.do("GET", "/livez?verbose", "", "Authorization", "").want(200, "livez: ok")
}

// TestProblemTable compares docs/errors.md with the table.
func TestProblemTable(t *testing.T) {
	text, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## On the admin listener\n")
	if !found {
		t.Fatal("docs/errors.md has no section about the admin listener")
	}
	var got, want []string
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| `urn:") {
			got = append(got, strings.TrimSuffix(line, "\n"))
		}
	}
	for _, d := range descriptions() {
		want = append(want, fmt.Sprintf("| `%s%s` | %d | %s | %s |", problemTypePrefix, d.problem, d.status, d.title, d.way))
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("docs/errors.md has\n%s\nwant\n%s", g, w)
	}
}
