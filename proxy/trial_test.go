package proxy

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// trying decides for passthrough, with a trial beside it.
type trying struct{}

func (trying) Decide(*http.Request, string) Decision {
	return Decision{Mode: Passthrough, Reason: ReasonDefault, Stage: "verify", Try: true}
}

// trialsOf is an observer that hands trials on.
type trialsOf chan Trial

func (trialsOf) Observe(Record)         {}
func (c trialsOf) ObserveTrial(t Trial) { c <- t }

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTrials: in verify the client gets the upstream's bytes, whatever the lens makes of their copy, and that is told.
func TestTrials(t *testing.T) {
	tests := map[string]struct {
		head http.Header
		body string
		want TrialOutcome
	}{
		"a body that fits":            {jsonHead(), sessionMe, TrialFits},
		"one with a coding":           {http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, zipped(t, sessionMe), TrialFits},
		"one that has the flow shape": {jsonHead(), flowMe, TrialNative},
		"one of the wrong types":      {jsonHead(), `{"session":7}`, TrialUnfit},
		"no JSON":                     {jsonHead(), `{"session":`, TrialUnfit},
		"a coding that lies":          {http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, sessionMe, TrialUnfit},
		"a coding that nobody knows":  {http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"x"}}, sessionMe, TrialUnfit},
		"one too many":                {jsonHead(), `{"pad":"` + strings.Repeat("x", 5000) + `"}`, TrialTooLarge},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			core, logs := observer.New(zapcore.WarnLevel)
			trials := make(trialsOf, 1)
			r := newRig(t, Passthrough, answers(t, 200, tt.head, tt.body), func(o *Options) {
				o.Decider, o.Observer, o.Logger, o.Limits.MaxBody = trying{}, Observers{trials}, zap.New(core), 4096
			})
			r.do("GET", "/api/me", "", "Accept-Encoding", "gzip").want(t, 200, tt.body)
			got := <-trials
			if got.Outcome != tt.want || got.Endpoint == "" || got.RequestID == "" || (got.Err != nil) != (tt.want == TrialUnfit) {
				t.Errorf("got %+v, want %s", got, tt.want)
			}
			if failed := logs.FilterMessageSnippet("a trial failed").Len(); failed != 0 != (tt.want == TrialUnfit) {
				t.Errorf("%d lines in the log", failed)
			}
		})
	}
}

// TestTrialsAreFew: while as many run as may, others are not waited for, and none is lost from the count of those that run.
func TestTrialsAreFew(t *testing.T) {
	trials := make(trialsOf, 16)
	hold := make(chan struct{})
	upstream := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Has("hold") {
			_, _ = w.Write([]byte(sessionMe[:10]))
			_ = http.NewResponseController(w).Flush()
			<-hold
			_, _ = w.Write([]byte(sessionMe[10:]))
			return
		}
		_, _ = w.Write([]byte(sessionMe))
	})
	r := newRig(t, Passthrough, upstream, func(o *Options) { o.Decider, o.Observer = trying{}, Observers{trials} })
	for range maxTrials {
		s := r.open()
		s.say("GET /api/me?hold HTTP/1.1\r\nHost: h\r\n\r\n")
		s.wantStatus(200)
	}
	r.do("GET", "/api/me", "").want(t, 200, sessionMe)
	if got := <-trials; got.Outcome != TrialSkipped {
		t.Errorf("got %+v while %d ran", got, maxTrials)
	}
	close(hold)
	for range maxTrials {
		if got := <-trials; got.Outcome != TrialFits {
			t.Errorf("got %+v", got)
		}
	}
	r.do("GET", "/api/me", "").want(t, 200, sessionMe)
	if got := <-trials; got.Outcome != TrialFits {
		t.Errorf("got %+v when none ran", got)
	}
}

// faultyBody is an upstream's body that panics.
type faultyBody struct{}

func (faultyBody) Read([]byte) (int, error) { panic("planted") }
func (faultyBody) Close() error             { return nil }

// TestTrialsOutliveFaults: what a fault breaks off leaves its place to the next one.
func TestTrialsOutliveFaults(t *testing.T) {
	trials := make(trialsOf, 10)
	faults := maxTrials + 1
	r := newRig(t, Passthrough, "http://127.0.0.1:1", func(o *Options) {
		o.Decider, o.Observer = trying{}, Observers{trials}
		o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			res := &http.Response{StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Header: jsonHead(), Request: r, ContentLength: -1}
			res.Body = faultyBody{}
			if r.Header.Get("X-Well") != "" {
				res.Body = io.NopCloser(strings.NewReader(sessionMe))
			}
			return res, nil
		})
	})
	for range faults {
		_, _ = r.try("GET", "/api/me", "")
		if got := <-trials; got.Outcome != TrialSkipped {
			t.Errorf("a fault: %s", got.Outcome)
		}
	}
	r.do("GET", "/api/me", "", "X-Well", "yes").want(t, 200, sessionMe)
	if got := <-trials; got.Outcome != TrialFits {
		t.Errorf("behind %d faults: %s", faults, got.Outcome)
	}
}
