package flags

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSharesAsText(t *testing.T) {
	for text, want := range map[string]Share{"0": 0, "0.01": 1, "0.1": 10, "1": 100, "12.5": 1250, "12.50%": 1250, "99.99": 9999, "100": All, "100.00%": All, "007": 700} {
		if got, err := ParseShare(text); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "%", ".5", "5.", "1.234", "100.01", "101", "-1", "+1", "1e1", " 1", "1 %", "1%%", "1000", "1,5", "٣"} {
		if got, err := ParseShare(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := Share(rapid.IntRange(0, int(All)).Draw(t, "share"))
		again, err := ParseShare(s.String())
		var read Share
		data, err2 := json.Marshal(s)
		if err3 := json.Unmarshal(data, &read); err != nil || err2 != nil || err3 != nil || again != s || read != s {
			t.Fatalf("%d is written %s and %s, and read as %d and %d", int(s), s, data, again, read)
		}
	})
	var s Share
	if err := json.Unmarshal([]byte(`"2.5%"`), &s); err != nil || s != 250 {
		t.Errorf("a text: %d %v", s, err)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

func TestHoldsAsText(t *testing.T) {
	for hold, want := range map[time.Duration]string{0: "0s", time.Second: "1s", 90 * time.Second: "1m30s", time.Minute: "1m", 20 * time.Minute: "20m", time.Hour: "1h",
		90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 24 * time.Hour: "24h", 100 * time.Millisecond: "100ms"} {
		var again Hold
		if got := Hold(hold).String(); got != want || again.UnmarshalText([]byte(got)) != nil || again != Hold(hold) {
			t.Errorf("%s is written %s and read as %s, want %s", hold, got, again, want)
		}
	}
	var h Hold
	if err := h.UnmarshalText([]byte("20")); err == nil || err.Error() != `want a duration such as 30s, 20m or 1h30m, got "20"` {
		t.Errorf("%v", err)
	}
}
