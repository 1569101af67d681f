package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Size is a number of bytes. It is written with a unit: 512B, 64KiB, 16MiB or 1GiB.
type Size int64

// The units, as factors of a Size.
const (
	Byte Size = 1
	KiB       = 1024 * Byte
	MiB       = 1024 * KiB
	GiB       = 1024 * MiB
)

// ParseSize reads a whole number, without sign, directly followed by one of B, KiB, MiB and
// GiB. A number without a unit is an error: nobody remembers which one was meant.
func ParseSize(text string) (Size, error) {
	digits := strings.TrimRight(text, "BKMGi")
	var unit Size
	switch text[len(digits):] {
	case "B":
		unit = Byte
	case "KiB":
		unit = KiB
	case "MiB":
		unit = MiB
	case "GiB":
		unit = GiB
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if unit == 0 || err != nil || n > uint64(math.MaxInt64/unit) {
		return 0, fmt.Errorf("bad size %s (want a whole number with a unit, such as 512B, 64KiB, 16MiB or 1GiB)", quote(text))
	}
	return Size(n) * unit, nil
}

// String writes the size with the largest unit that divides it.
func (s Size) String() string {
	switch {
	case s == 0:
		return "0B"
	case s%GiB == 0:
		return fmt.Sprintf("%dGiB", s/GiB)
	case s%MiB == 0:
		return fmt.Sprintf("%dMiB", s/MiB)
	case s%KiB == 0:
		return fmt.Sprintf("%dKiB", s/KiB)
	default:
		return fmt.Sprintf("%dB", int64(s))
	}
}
