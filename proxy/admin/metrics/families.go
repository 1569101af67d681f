package metrics

import "github.com/prometheus/client_golang/prometheus"

// family is one metric: its name without the prefix, its type, its labels, and what it counts.
type family struct {
	name   string
	kind   kind
	labels []string
	help   string
}

type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

// prefix stands before every name.
const prefix = "crossfade_"

// The names of the families. They are a promise to whoever draws boards and writes alerts, as are labels and values.
const (
	requests          = "requests_total"
	requestDuration   = "request_duration_seconds"
	upstreamDuration  = "upstream_duration_seconds"
	transformDuration = "transform_duration_seconds"
	decisions         = "decisions_total"
	transforms        = "transforms_total"
	fallbacks         = "fallbacks_total"
	problems          = "problems_total"
	outcomes          = "outcomes_total"
	trials            = "trials_total"
	trialDuration     = "trial_duration_seconds"
	streamMessages    = "stream_messages_total"
	unmappedMembers   = "unmapped_members_total"
	unknownWords      = "unknown_words_total"
	inFlight          = "requests_in_flight"
	bodyMemory        = "body_memory_bytes"
	flagStage         = "flag_stage"
	flagsVersion      = "flags_version"
	killSwitch        = "kill_switch_on"
	storeUp           = "store_up"
	storeContact      = "store_last_contact_timestamp_seconds"
	reloads           = "config_reloads_total"
	reloadSuccessful  = "config_last_reload_successful"
	reloadSuccessAt   = "config_last_reload_success_timestamp_seconds"
	buildInfo         = "build_info"
	contractInfo      = "contract_info"
)

// Labels.
const (
	labelEndpoint  = "endpoint"
	labelRoute     = "route"
	labelMode      = "mode"
	labelMethod    = "method"
	labelStatus    = "status"
	labelStage     = "stage"
	labelReason    = "reason"
	labelOutcome   = "outcome"
	labelType      = "type"
	labelResult    = "result"
	labelVersion   = "version"
	labelGoVersion = "goversion"
	labelRevision  = "revision"
)

// Values of labels, beside words of the data path.
const (
	resultOK            = "ok"
	resultFailed        = "failed"
	outcomeMapped       = "mapped"
	outcomeNative       = "native"
	outcomeFallback     = "fallback"
	outcomeRefused      = "refused"
	outcomePassed       = "passed"
	noEndpoint          = "-"
	statusNone          = "none"
	statusClientGone    = "499"
	methodOther         = "other"
	problemIsUnmappable = "unmappable"
)

// families is the one table of metrics; docs/metrics.md has the same.
func families() []family {
	return []family{
		{requests, counter, []string{labelEndpoint, labelRoute, labelMode, labelMethod, labelStatus},
			"Requests that are over. `status` is a class (`2xx`), `499` when the client left, `none` when it got no head; all of what is no endpoint has `-` as endpoint, route and mode."},
		{requestDuration, histogram, []string{labelEndpoint, labelMode},
			"Whole time of a request, as crossfade sees it. Streams count to their end."},
		{upstreamDuration, histogram, []string{labelEndpoint, labelMode},
			"Time until the upstream's head was there, and its body where that is mapped."},
		{transformDuration, histogram, []string{labelEndpoint, labelMode},
			"Time in lenses, of requests that had something to map."},
		{decisions, counter, []string{labelEndpoint, labelStage, labelReason},
			"Decisions, by the stage that was decided and why."},
		{transforms, counter, []string{labelEndpoint, labelOutcome},
			"Answers in dual and flow_only that a lens was for: `mapped`, `native` (had the flow shape already), `fallback` (passed unmapped), `refused` (502)."},
		{fallbacks, counter, []string{labelEndpoint, labelReason},
			"Bodies that passed unmapped although they should have been mapped; those of requests have reasons that begin with `request-`."},
		{problems, counter, []string{labelEndpoint, labelType},
			"Answers of crossfade's own, by the last word of the problem's type."},
		{outcomes, counter, []string{labelEndpoint, labelOutcome},
			"How exchanges ended: `answered`, `refused`, `cut`, `client_gone`."},
		{trials, counter, []string{labelEndpoint, labelOutcome},
			"Answers in the stage verify, by what a lens made of a copy: `fits`, `native` (has the flow shape already), `unfit` (dual would pass it unmapped, flow_only refuse it; the log has the cause), `skipped` (two ran already, or the answer was cut), `too-large`."},
		{trialDuration, histogram, []string{labelEndpoint},
			"What lenses took on those copies, in dual and flow_only together."},
		{streamMessages, counter, []string{labelEndpoint, labelOutcome},
			"Messages of mapped streams, in both directions: `mapped`, or `passed` as they came because they could not be."},
		{unmappedMembers, counter, []string{labelEndpoint},
			"Members that a shape dropped although no operation names them."},
		{unknownWords, counter, []string{labelEndpoint},
			"Words that no table knew."},
		{inFlight, gauge, nil,
			"Requests that run now."},
		{bodyMemory, gauge, nil,
			"Memory that bodies take which are held to be mapped."},
		{flagStage, gauge, []string{labelEndpoint, labelStage},
			"1 for the stage of an endpoint, for callers that no rule is about. The endpoint `default` is all that have no flag of their own."},
		{flagsVersion, gauge, nil,
			"Version of the flags that this instance serves."},
		{killSwitch, gauge, nil,
			"1 while the kill switch is on."},
		{storeUp, gauge, nil,
			"1 while the store of the flags can be reached."},
		{storeContact, gauge, nil,
			"When the store last answered."},
		{reloads, counter, []string{labelResult},
			"Reloads of the configuration: `ok`, or `failed`, after which the last good one stays."},
		{reloadSuccessful, gauge, nil,
			"1 if the last load of the configuration was good."},
		{reloadSuccessAt, gauge, nil,
			"When a configuration was last taken."},
		{buildInfo, gauge, []string{labelVersion, labelGoVersion},
			"1, for the build that runs."},
		{contractInfo, gauge, []string{labelRevision},
			"1, for the contract that is served."},
	}
}

// buckets are bounds of a histogram, in seconds.
func buckets(name string) []float64 {
	if name == transformDuration {
		// A lens takes microseconds for a small body, and tens of milliseconds for megabytes.
		return []float64{10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 100e-3}
	}
	return []float64{1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5, 10, 30}
}

// find gives a family of the table.
func find(name string) family {
	for _, f := range families() {
		if f.name == name {
			return f
		}
	}
	panic("no metric is called " + name)
}

func newCounter(r prometheus.Registerer, name string) *prometheus.CounterVec {
	f := find(name)
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + f.name, Help: f.help}, f.labels)
	r.MustRegister(v)
	return v
}

func newHistogram(r prometheus.Registerer, name string) *prometheus.HistogramVec {
	f := find(name)
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + f.name, Help: f.help, Buckets: buckets(name)}, f.labels)
	r.MustRegister(v)
	return v
}
