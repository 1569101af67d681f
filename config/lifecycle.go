package config

import (
	"time"

	"github.com/crossfade-proxy/crossfade/transform/contract"
)

// Lifecycle says when session routes are to be given up. Zero times and "" are not said.
type Lifecycle struct {
	Deprecation time.Time `mapstructure:"deprecation"`
	Sunset      time.Time `mapstructure:"sunset"` // not before Deprecation
	Link        string    `mapstructure:"link"`   // an absolute address, fit for a header
}

// date takes a day or a time. "" is the zero time: not told.
func date() kind {
	return kind{name: "date", want: `a date such as 2026-11-30 or 2026-11-30T12:00:00Z, or "" for none`, parse: func(text string) (any, error) {
		if text == "" {
			return time.Time{}, nil
		}
		return contract.ParseDate(text)
	}}
}

// link takes the address of a page. "" is none.
func link() kind {
	return kind{name: "link", want: `the address of a page, or "" for none`, parse: func(text string) (any, error) {
		if text == "" {
			return text, nil
		}
		return text, contract.CheckLink(text)
	}}
}

// checkLifecycle checks the dates as the contract's are checked.
func (l *loader) checkLifecycle() {
	if l.failed("lifecycle.deprecation") || l.failed("lifecycle.sunset") {
		return
	}
	var d contract.Dates
	d.Deprecation, _ = l.values["lifecycle.deprecation"].parsed.(time.Time)
	d.Sunset, _ = l.values["lifecycle.sunset"].parsed.(time.Time)
	if err := d.Check(); err != nil {
		l.fail(l.values["lifecycle.sunset"].source, "lifecycle", "%w", err)
	}
}
