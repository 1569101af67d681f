// Package metrics counts what crossfade does, for Prometheus.
//
// [Metrics] is an Observer of the data path: each request costs it well under a microsecond and no
// allocation, since the series of an endpoint, route and mode are looked up once and kept. What
// is a state rather than a count, such as the stage of each endpoint, is asked for at each scrape, as a
// [Moment]. All of it lives in a registry of its own.
//
// Labels are names of the contract and words of ours: never a path, a tenant or a user, so that their
// number is bounded by the contract and nothing of a customer's is in them.
package metrics

import (
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Options is what Metrics is made of.
type Options struct {
	// Version is that of the build.
	Version string
	// Moment tells what holds now. Required. It is called for each scrape, concurrently, and must not block.
	Moment func() Moment
}

// Moment is what holds at the moment of a scrape.
type Moment struct {
	// Requests is how many run, and BodyMemory how many bytes of bodies they hold.
	Requests, BodyMemory int64
	// ContractRevision names the contract that is served.
	ContractRevision string
	// Flags is nil where no flags can be set at run time.
	Flags *Flags
}

// Flags is the state of the flags as this instance serves them.
type Flags struct {
	// Version is that of the newest change; 0 before the first.
	Version int64
	// Killed says whether the kill switch is on.
	Killed bool
	// Stages of endpoints, and of "default", for callers that no rule is about.
	Stages map[string]string
	// StoreUp says whether the store can be reached, and Contact when it last answered; zero for never.
	StoreUp bool
	Contact time.Time
}

// Metrics is the registry and what counts into it. It is safe for concurrent use, and outlives reloads.
type Metrics struct {
	registry *prometheus.Registry
	series   children[place, *series]

	requests      *prometheus.CounterVec
	duration      *prometheus.HistogramVec
	upstream      *prometheus.HistogramVec
	transformTime *prometheus.HistogramVec
	decisions     *prometheus.CounterVec
	trials        *prometheus.CounterVec
	trialTime     *prometheus.HistogramVec
	words         map[string]*prometheus.CounterVec // those that have an endpoint and at most one label beside it
	reloads       *prometheus.CounterVec

	reloaded atomic.Pointer[reload] // nil before the first
}

// reload is how the last load of the configuration went, and when one last went well.
type reload struct {
	good bool
	last time.Time
}

// New makes the registry. It has nothing in it yet but what is known from the start.
func New(o Options) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	r := m.registry
	m.requests = newCounter(r, requests)
	m.duration = newHistogram(r, requestDuration)
	m.upstream = newHistogram(r, upstreamDuration)
	m.transformTime = newHistogram(r, transformDuration)
	m.decisions = newCounter(r, decisions)
	m.trials, m.trialTime = newCounter(r, trials), newHistogram(r, trialDuration)
	m.words = map[string]*prometheus.CounterVec{}
	for _, name := range []string{transforms, fallbacks, problems, outcomes, streamMessages, unmappedMembers, unknownWords} {
		m.words[name] = newCounter(r, name)
	}
	m.reloads = newCounter(r, reloads)
	m.reloads.WithLabelValues(resultOK) // a counter that is there from the start can be seen to rise
	m.reloads.WithLabelValues(resultFailed)
	r.MustRegister(newMomentCollector(o.Version, runtime.Version(), o.Moment, m.reloaded.Load),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Loaded tells how a load of the configuration went, the first one of the process included, which is not
// counted as a reload.
func (m *Metrics) Loaded(err error, at time.Time) {
	before := m.reloaded.Load()
	next := reload{good: err == nil, last: at}
	if err != nil {
		next.last = time.Time{}
		if before != nil {
			next.last = before.last
		}
	}
	m.reloaded.Store(&next)
	switch {
	case before == nil:
	case err == nil:
		m.reloads.WithLabelValues(resultOK).Inc()
	default:
		m.reloads.WithLabelValues(resultFailed).Inc()
	}
}

// Handler answers scrapes, in the text format or as OpenMetrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true,
		// One collector that fails must not hide all the others.
		ErrorHandling: promhttp.ContinueOnError,
	})
}
