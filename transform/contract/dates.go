package contract

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Dates say when the session route of an endpoint is to be given up for its flow route. The
// zero value says nothing.
type Dates struct {
	// Deprecation is from when clients should use the flow route; zero: not said. It may be
	// still to come.
	Deprecation time.Time
	// Sunset is from when the session route may be gone; zero: not said. It is never before
	// Deprecation.
	Sunset time.Time
	// Link is the address of a page that tells people about it; "" for none.
	Link string
}

// IsZero reports whether there is nothing to say: a link is told beside a date alone.
func (d Dates) IsZero() bool { return d.Deprecation.IsZero() && d.Sunset.IsZero() }

// Check says what is wrong with the dates together, nil if nothing is.
func (d Dates) Check() error {
	if !d.Sunset.IsZero() && d.Sunset.Before(d.Deprecation) {
		return fmt.Errorf("sunset %s is before deprecation %s: what is gone can no longer be deprecated",
			d.Sunset.Format(time.RFC3339), d.Deprecation.Format(time.RFC3339))
	}
	return nil
}

// ParseDate reads a date of a contract or of proxy.yaml: a day, which begins at midnight UTC, or a
// time with its zone (RFC 3339).
func ParseDate(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 0 {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("want a date such as 2026-11-30 (midnight UTC) or 2026-11-30T12:00:00Z, got %q", text)
}

// CheckLink says what is wrong with the address of a page, nil if nothing is. It goes into a
// header as it stands.
func CheckLink(text string) error {
	u, err := url.Parse(text)
	// Of ASCII, what RFC 3986 lets stand in an address; of the rest nothing.
	odd := strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("<>\"\\^`{|}", c) })
	if err != nil || odd || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("want the address of a page such as https://docs.example.com/flows, got %q", text)
	}
	return nil
}

// dates reads a mapping of dates.
func (v value) dates() Dates {
	o, ok := v.object()
	if !ok {
		return Dates{}
	}
	d := Dates{Deprecation: o.date("deprecation"), Sunset: o.date("sunset")}
	if link, ok := o.get("link"); ok {
		if d.Link = link.str(); d.Link != "" {
			if err := CheckLink(d.Link); err != nil {
				link.fail("%v", err)
			}
		}
	}
	o.done()
	if !o.has("deprecation") && !o.has("sunset") {
		v.fail("nothing is said: want deprecation, sunset or both")
	} else if err := d.Check(); err != nil {
		v.fail("%v", err)
	}
	return d
}

// date reads a date, zero where the key is absent.
func (o *object) date(key string) time.Time {
	v, ok := o.get(key)
	if !ok {
		return time.Time{}
	}
	text := v.str()
	if text == "" {
		return time.Time{}
	}
	t, err := ParseDate(text)
	if err != nil {
		v.fail("%v", err)
	}
	return t
}
