package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// momentCollector gives the gauges, which are asked for rather than kept.
type momentCollector struct {
	descriptions       map[string]*prometheus.Desc
	version, goVersion string
	moment             func() Moment
	reloaded           func() *reload
}

func newMomentCollector(version, goVersion string, moment func() Moment, reloaded func() *reload) *momentCollector {
	c := &momentCollector{map[string]*prometheus.Desc{}, version, goVersion, moment, reloaded}
	for _, f := range families() {
		if f.kind == gauge {
			c.descriptions[f.name] = prometheus.NewDesc(prefix+f.name, f.help, f.labels, nil)
		}
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *momentCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descriptions {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *momentCollector) Collect(to chan<- prometheus.Metric) {
	set := func(name string, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(c.descriptions[name], prometheus.GaugeValue, value, labels...)
	}
	now := c.moment()
	set(inFlight, float64(now.Requests))
	set(bodyMemory, float64(now.BodyMemory))
	set(buildInfo, 1, c.version, c.goVersion)
	set(contractInfo, 1, now.ContractRevision)
	if r := c.reloaded(); r != nil {
		set(reloadSuccessful, truth(r.good))
		if !r.last.IsZero() {
			set(reloadSuccessAt, float64(r.last.UnixMilli())/1000)
		}
	}
	f := now.Flags
	if f == nil {
		return
	}
	set(flagsVersion, float64(f.Version))
	set(killSwitch, truth(f.Killed))
	set(storeUp, truth(f.StoreUp))
	if !f.Contact.IsZero() {
		set(storeContact, float64(f.Contact.UnixMilli())/1000)
	}
	for endpoint, stage := range f.Stages {
		set(flagStage, 1, endpoint, stage)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
