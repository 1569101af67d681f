package legacy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFloatsThatAreNotFiniteAreRefused(t *testing.T) {
	t.Parallel()
	want := []problem{{"budget", "Input should be a valid number, unable to parse string as a number", "float_parsing"}}
	for _, v := range []any{"nan", "-inf", " Infinity ", "1e400", number("1e400")} {
		if diff := cmp.Diff(want, float("budget", v), cmp.AllowUnexported(problem{})); diff != "" {
			t.Errorf("%#v (-want +got):\n%s", v, diff)
		}
	}
}

func TestFloatsAreReadAsPythonReadsThem(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		v    any
		want float64
	}{
		{number("7"), 7}, {number("1e+21"), 1e21}, {" 1200.50 ", 1200.5}, {true, 1}, {false, 0},
	} {
		if found := float("budget", tt.v); found != nil {
			t.Errorf("%#v is refused: %v", tt.v, found)
		}
		if got := toFloat(tt.v); got != tt.want {
			t.Errorf("%#v is %v, want %v", tt.v, got, tt.want)
		}
	}
}

func TestPagesBeyondTheLastAreEmpty(t *testing.T) {
	t.Parallel()
	rows := []int{1, 2, 3, 4, 5}
	for _, tt := range []struct {
		name         string
		number, size int
		want         []int
	}{
		{"first", 1, 2, []int{1, 2}},
		{"last, not full", 3, 2, []int{5}},
		{"one too far", 4, 2, nil},
		{"exactly full, one too far", 2, 5, nil},
		{"as far as numbers go", int(^uint(0) >> 1), 100, nil},
	} {
		if got := page(rows, tt.number, tt.size); len(got) != len(tt.want) || len(got) > 0 && !cmp.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
