package metrics

import (
	"cmp"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/crossfade-proxy/crossfade/proxy"
)

// place is what the series of a request are found by.
type place struct {
	endpoint, route string
	mode            proxy.Mode
}

// series are the metrics of one place. Those that a place may never need are made when it first does.
type series struct {
	of        place
	duration  prometheus.Observer
	upstream  prometheus.Observer
	transform atomic.Pointer[prometheus.Observer]
	requests  [methods][statuses]atomic.Pointer[prometheus.Counter]
	decisions children[decided, prometheus.Counter]
	outcomes  children[string, prometheus.Counter]
	mappings  children[string, prometheus.Counter]
	words     children[word, prometheus.Counter] // the rarer ones
}

// decided is a decision as it is counted.
type decided struct {
	stage  string
	reason proxy.Reason
}

// word is a counter with one label beside the endpoint; value is "" where it has none.
type word struct{ family, value string }

// Methods and status classes are counted by their place in these lists.
const (
	methods  = 8
	statuses = 7
)

func method(name string) (index int, label string) {
	switch name {
	case http.MethodGet:
		return 0, name
	case http.MethodPost:
		return 1, name
	case http.MethodPut:
		return 2, name
	case http.MethodPatch:
		return 3, name
	case http.MethodDelete:
		return 4, name
	case http.MethodHead:
		return 5, name
	case http.MethodOptions:
		return 6, name
	}
	return 7, methodOther // a client can make up as many as it likes
}

func status(rec *proxy.Record) (index int, label string) {
	switch class := rec.Status / 100; {
	case rec.Outcome == proxy.ClientGone:
		return 6, statusClientGone
	case class >= 1 && class <= 5:
		return class, [...]string{"", "1xx", "2xx", "3xx", "4xx", "5xx"}[class]
	}
	return 0, statusNone
}

// Observe counts one request. It implements proxy.Observer.
func (m *Metrics) Observe(rec proxy.Record) {
	at := place{rec.Endpoint, rec.Route, rec.Mode}
	s := m.series.get(at, m.newSeries)
	m.request(s, &rec)
	s.duration.Observe(rec.Duration.Seconds())
	if rec.Upstream > 0 {
		s.upstream.Observe(rec.Upstream.Seconds())
	}
	if rec.Transform > 0 {
		m.transform(s).Observe(rec.Transform.Seconds())
	}
	s.outcomes.get(string(rec.Outcome), func(outcome string) prometheus.Counter { return m.newWord(s, word{outcomes, outcome}) }).Inc()
	if rec.Mode != "" {
		m.decision(s, decided{cmp.Or(rec.Stage, string(rec.Mode)), rec.Reason}).Inc()
	}
	if outcome := mapping(&rec); outcome != "" {
		s.mappings.get(outcome, func(outcome string) prometheus.Counter { return m.newWord(s, word{transforms, outcome}) }).Inc()
	}
	if rec.Fallback != "" {
		m.word(s, fallbacks, string(rec.Fallback)).Inc()
	}
	if rec.RequestFallback != "" {
		m.word(s, fallbacks, string(rec.RequestFallback)).Inc()
	}
	if rec.Problem != "" {
		m.word(s, problems, rec.Problem).Inc()
	}
	if rec.Messages > 0 {
		m.word(s, streamMessages, outcomeMapped).Add(float64(rec.Messages - rec.MessagesPassed))
		m.word(s, streamMessages, outcomePassed).Add(float64(rec.MessagesPassed))
	}
	if rec.Unmapped > 0 {
		m.word(s, unmappedMembers, "").Add(float64(rec.Unmapped))
	}
	if rec.Unknown > 0 {
		m.word(s, unknownWords, "").Add(float64(rec.Unknown))
	}
}

// mapping says what became of an answer that a lens was for; "" where none was.
func mapping(rec *proxy.Record) string {
	switch {
	case rec.Mapped:
		return outcomeMapped
	case rec.Native:
		return outcomeNative
	case rec.Fallback != "":
		return outcomeFallback
	case rec.Problem == problemIsUnmappable:
		return outcomeRefused
	}
	return ""
}

func (m *Metrics) newSeries(at place) *series {
	endpoint, mode := cmp.Or(at.endpoint, noEndpoint), cmp.Or(string(at.mode), noEndpoint)
	return &series{
		of:       at,
		duration: m.duration.WithLabelValues(endpoint, mode),
		upstream: m.upstream.WithLabelValues(endpoint, mode),
	}
}

func (m *Metrics) request(s *series, rec *proxy.Record) {
	i, verb := method(rec.Method)
	j, class := status(rec)
	if known := s.requests[i][j].Load(); known != nil {
		(*known).Inc()
		return
	}
	made := m.requests.WithLabelValues(cmp.Or(s.of.endpoint, noEndpoint), cmp.Or(s.of.route, noEndpoint), cmp.Or(string(s.of.mode), noEndpoint), verb, class)
	s.requests[i][j].Store(&made)
	made.Inc()
}

func (m *Metrics) transform(s *series) prometheus.Observer {
	if known := s.transform.Load(); known != nil {
		return *known
	}
	made := m.transformTime.WithLabelValues(cmp.Or(s.of.endpoint, noEndpoint), cmp.Or(string(s.of.mode), noEndpoint))
	s.transform.Store(&made)
	return made
}

func (m *Metrics) decision(s *series, d decided) prometheus.Counter {
	return s.decisions.get(d, func(d decided) prometheus.Counter {
		return m.decisions.WithLabelValues(s.of.endpoint, d.stage, string(d.reason))
	})
}

func (m *Metrics) word(s *series, family, value string) prometheus.Counter {
	return s.words.get(word{family, value}, func(w word) prometheus.Counter { return m.newWord(s, w) })
}

func (m *Metrics) newWord(s *series, w word) prometheus.Counter {
	labels := []string{cmp.Or(s.of.endpoint, noEndpoint)}
	if w.value != "" {
		labels = append(labels, w.value)
	}
	return m.words[w.family].WithLabelValues(labels...)
}

// ObserveTrial counts one trial. It implements proxy.TrialObserver.
func (m *Metrics) ObserveTrial(t proxy.Trial) {
	m.trials.WithLabelValues(t.Endpoint, string(t.Outcome)).Inc()
	if t.Duration > 0 {
		m.trialTime.WithLabelValues(t.Endpoint).Observe(t.Duration.Seconds())
	}
}
