package flags

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// All is the Share of everybody.
const All Share = 10_000

// Share is how many of 10,000 callers are meant. It is written in percent, with at most two decimals: 12.5, "12.5%".
type Share int

// ParseShare reads a share as people write it, with or without the sign.
func ParseShare(text string) (Share, error) {
	wrong := errors.New("want a share in percent from 0 to 100 with at most two decimals, such as 12.5")
	whole, decimals, dotted := strings.Cut(strings.TrimSuffix(text, "%"), ".")
	if len(whole) == 0 || len(whole) > 3 || dotted && len(decimals) == 0 || len(decimals) > 2 {
		return 0, wrong
	}
	for _, digit := range whole + decimals {
		if digit < '0' || digit > '9' {
			return 0, wrong
		}
	}
	n, err := strconv.Atoi(whole + (decimals + "00")[:2])
	if err != nil || n > int(All) {
		return 0, wrong
	}
	return Share(n), nil
}

// Check says what is wrong with a share, nil if nothing is.
func (s Share) Check() error {
	if s < 0 || s > All {
		return fmt.Errorf("want a share from 0 to %d of 10,000, got %d", All, int(s))
	}
	return nil
}

// String writes it as a number of percent: "12.5".
func (s Share) String() string { return strconv.FormatFloat(float64(s)/100, 'f', -1, 64) }

// MarshalJSON writes a number of percent.
func (s Share) MarshalJSON() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalJSON reads a number of percent, or a text.
func (s *Share) UnmarshalJSON(data []byte) (err error) {
	text := string(data)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	}
	*s, err = ParseShare(text)
	return err
}

// Hold is a time in which nothing happens. It is written as Go writes durations, without what is zero: "20m".
type Hold time.Duration

// String writes it short: "1h30m", not "1h30m0s".
func (h Hold) String() string {
	text := time.Duration(h).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText writes it as String does.
func (h Hold) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads a duration with its units.
func (h *Hold) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("want a duration such as 30s, 20m or 1h30m, got %q", text)
	}
	*h = Hold(d)
	return nil
}
