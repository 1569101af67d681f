package legacy

import "time"

// The backend writes times in three ways. All have microseconds, unless these are zero.

// naive is a time of the request: UTC, and it does not say so.
func naive(t time.Time) string { return isoTime(t, "") }

// zoned is a stored time in a body with a schema.
func zoned(t time.Time) string { return isoTime(t, "Z") }

// offset is a stored time in a body without a schema.
func offset(t time.Time) string { return isoTime(t, "+00:00") }

func isoTime(t time.Time, zone string) string {
	layout := "2006-01-02T15:04:05"
	if t = t.UTC().Truncate(time.Microsecond); t.Nanosecond() != 0 {
		layout += ".000000"
	}
	return t.Format(layout) + zone
}
