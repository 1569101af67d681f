package proxy

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/internal/coding"
	"github.com/crossfade-proxy/crossfade/transform"
)

// Trial is what came of trying an endpoint's lens on the copy of an answer that passed through.
type Trial struct {
	RequestID string
	Endpoint  string
	Route     string // its template
	Outcome   TrialOutcome
	// Duration is what the lens took, in dual and in flow_only together; 0 where it was not asked.
	Duration time.Duration
	// Unmapped and Unknown count, in flow_only, members that a shape would drop although no operation names them,
	// and words that no table knows.
	Unmapped, Unknown int
	Err               error // why it would not fit; for the log
}

// TrialOutcome says in one word how a trial ended.
type TrialOutcome string

// The outcomes of trials.
const (
	TrialFits     TrialOutcome = "fits"      // dual and flow_only would both be mapped
	TrialNative   TrialOutcome = "native"    // it has the flow shape already
	TrialUnfit    TrialOutcome = "unfit"     // dual would pass it untouched, and flow_only refuse it
	TrialSkipped  TrialOutcome = "skipped"   // too many ran at once: one of many has to do
	TrialTooLarge TrialOutcome = "too-large" // more than Limits.MaxBody
)

// TrialObserver is an Observer that is told about trials as well. Calls are concurrent.
type TrialObserver interface {
	ObserveTrial(Trial)
}

// ObserveTrial implements TrialObserver for those of them that do.
func (all Observers) ObserveTrial(t Trial) {
	for _, o := range all {
		if o, ok := o.(TrialObserver); ok {
			o.ObserveTrial(t)
		}
	}
}

// maxTrials is how many trials run at once. They take time that answers would like to have, and what is
// wrong with an endpoint shows in a sample as well.
const maxTrials = 2

// trialBody keeps a copy of a body that passes through, and has it tried at its end.
type trialBody struct {
	io.ReadCloser
	exchange *exchange
	lens     *transform.Lens
	layers   []coding.Coding
	copy     []byte
	over     bool // too much, or tried already
}

// tryLens has a copy of the answer tried, off the client's path, where the decision wants it and there is a lens for it.
// The answer itself is not touched.
func (x *exchange) tryLens(res *http.Response) {
	if !x.decision.Try || x.ambiguous || x.route.side == flowSide || x.in.Method == http.MethodHead || res.StatusCode < 200 || res.StatusCode > 299 ||
		x.route.endpoint.Response == nil || !isJSON(res.Header) || res.ContentLength == 0 {
		return
	}
	layers, err := coding.Parse(res.Header["Content-Encoding"])
	if err != nil {
		x.proxy.tried(x.trial(TrialUnfit, err))
		return
	}
	if res.ContentLength > x.proxy.limits.MaxBody {
		x.proxy.tried(x.trial(TrialTooLarge, nil))
		return
	}
	if x.proxy.trials.Add(1) > maxTrials {
		x.proxy.trials.Add(-1)
		x.proxy.tried(x.trial(TrialSkipped, nil))
		return
	}
	x.trialed = &trialBody{ReadCloser: res.Body, exchange: x, lens: x.route.endpoint.Response, layers: layers}
	res.Body = x.trialed
}

func (b *trialBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.over {
		return n, err
	}
	if int64(len(b.copy)+n) > b.exchange.proxy.limits.MaxBody {
		b.end(TrialTooLarge)
		return n, err
	}
	b.copy = append(b.copy, p[:n]...)
	if err == io.EOF {
		b.over = true
		go b.run()
	}
	return n, err
}

// Close ends a trial whose body did not come to its end: nothing can be said of half a body.
func (b *trialBody) Close() error {
	if !b.over {
		b.end(TrialSkipped)
	}
	return b.ReadCloser.Close()
}

// end gives up the trial before the lens was asked.
func (b *trialBody) end(outcome TrialOutcome) {
	b.over, b.copy = true, nil
	b.exchange.proxy.trials.Add(-1)
	b.exchange.proxy.tried(b.exchange.trial(outcome, nil))
}

// run asks the lens for both forms. The exchange is over, or has nothing left to do but to end: what of it is read
// here does not change any more.
func (b *trialBody) run() {
	x := b.exchange
	t := x.trial(TrialUnfit, nil)
	defer func() {
		if fault := recover(); fault != nil {
			t.Outcome, t.Err = TrialUnfit, fmt.Errorf("panic: %v", fault)
		}
		x.proxy.trials.Add(-1)
		x.proxy.tried(t)
	}()
	body := b.copy
	if len(b.layers) > 0 {
		limits := x.proxy.limits
		var err error
		if body, err = coding.Decode(nil, body, b.layers, coding.Limits{Bytes: limits.MaxBody, Ratio: limits.MaxRatio}); err != nil {
			t.Err = err
			return
		}
	}
	began := time.Now()
	native := true
	for _, form := range []transform.Form{transform.Union, transform.Replace} {
		if form == transform.Union && !b.lens.HasUnion() {
			continue
		}
		result, err := b.lens.Map(nil, body, transform.Job{Direction: transform.ToFlow, Form: form, Vars: x.vars, MaxDepth: x.proxy.limits.MaxDepth})
		if t.Duration = time.Since(began); err != nil {
			t.Err = err
			return
		}
		native = native && result.Native
		if form == transform.Replace {
			t.Unmapped, t.Unknown = result.Unmapped, result.Unknown
		}
	}
	t.Outcome = TrialFits
	if native {
		t.Outcome = TrialNative
	}
}

// trial is what is known of one before the lens is asked.
func (x *exchange) trial(outcome TrialOutcome, err error) Trial {
	return Trial{RequestID: x.record.RequestID, Endpoint: x.route.endpoint.Name, Route: string(x.route.template), Outcome: outcome, Err: err}
}

// tried tells of a trial: the log of one that says that the next stage would not do, the observer of all.
func (p *Proxy) tried(t Trial) {
	if t.Outcome == TrialUnfit {
		p.logger.Warn("a trial failed: the lens does not fit this answer", zap.String(keyRequestID, t.RequestID),
			zap.String(keyEndpoint, t.Endpoint), zap.String(keyRoute, t.Route), zap.Error(t.Err))
	}
	if o, ok := p.observer.(TrialObserver); ok {
		o.ObserveTrial(t)
	}
}
