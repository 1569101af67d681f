package flags

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestBucketsOfTheDocument: the table that other programs can be compared with is true.
func TestBucketsOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/flags.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z0-9._-]+)` \\| `([^`]+)` \\| ([0-9]+) \\|").FindAllStringSubmatch(string(text), -1)
	if len(rows) < 4 {
		t.Fatalf("the document has %d buckets, want at least 4", len(rows))
	}
	for _, row := range rows {
		want, err := strconv.ParseUint(row[3], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		if got := Bucket(row[1], row[2]); got != uint32(want) {
			t.Errorf("bucket of %s in journey %s is %d, the document says %d", row[2], row[1], got, want)
		}
	}
}

func TestThresholds(t *testing.T) {
	for s, want := range map[Share]uint32{0: 0, 1: 214748, 1250: 268435456, 5000: 1 << 30, 9999: 2147268899, All: Buckets} {
		if got := s.Threshold(); got != want {
			t.Errorf("share of %s %%: threshold %d, want %d", s, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := Share(rapid.IntRange(0, int(All)-1).Draw(t, "share"))
		if s.Threshold() >= (s + 1).Threshold() {
			t.Fatalf("%s %% ends at %d, %s %% at %d", s, s.Threshold(), s+1, (s + 1).Threshold())
		}
	})
}

// TestRaisingAShareTakesNobodyOut, and a share of nothing takes nobody, one of all everybody.
func TestRaisingAShareTakesNobodyOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		journey := rapid.StringMatching(`[a-z][a-z0-9-]{0,10}`).Draw(t, "journey")
		key := rapid.StringN(1, 40, 80).Draw(t, "key")
		low := rapid.IntRange(0, int(All)).Draw(t, "low")
		high := rapid.IntRange(low, int(All)).Draw(t, "high")
		b := Bucket(journey, key)
		if b < Share(low).Threshold() && b >= Share(high).Threshold() {
			t.Fatalf("bucket %d is in a share of %d and not in one of %d", b, low, high)
		}
		if b >= Buckets || b < Share(0).Threshold() || b >= All.Threshold() {
			t.Fatalf("bucket %d of %d", b, uint32(Buckets))
		}
	})
}

// keys are like those of callers: uuids that differ in a few digits, numbers, mail addresses.
func keys(n int) []string {
	all := make([]string, n)
	for i := range all {
		switch i % 4 {
		case 0:
			all[i] = fmt.Sprintf("33333333-3333-3333-3333-%012x", i)
		case 1:
			all[i] = fmt.Sprintf("%08x-40d5-491e-99b0-da01ff1f3341", i)
		case 2:
			all[i] = strconv.Itoa(i)
		case 3:
			all[i] = fmt.Sprintf("user%d@example.com", i)
		}
	}
	return all
}

// chiSquare gives how far counts are from even, in standard deviations of what chance gives.
func chiSquare(counts []int, total int) float64 {
	expected := float64(total) / float64(len(counts))
	sum := 0.0
	for _, c := range counts {
		d := float64(c) - expected
		sum += d * d / expected
	}
	freedom := float64(len(counts) - 1)
	return (sum - freedom) / math.Sqrt(2*freedom)
}

// tooFar is a distance that chance reaches once in some ten thousand tries. The keys are fixed, so that this test always says the same.
const tooFar = 4

func TestBucketsAreSpreadEvenly(t *testing.T) {
	const n, slots = 100_000, 1000
	for _, journey := range []string{DefaultJourney, "login", "x"} {
		counts := make([]int, slots)
		for _, key := range keys(n) {
			counts[uint64(Bucket(journey, key))*slots/Buckets]++
		}
		distance := chiSquare(counts, n)
		t.Logf("journey %s: chi-square is %.2f standard deviations from what chance gives", journey, distance)
		if math.Abs(distance) > tooFar {
			t.Errorf("journey %s: %.1f standard deviations from even", journey, distance)
		}
	}
}

// TestJourneysAreIndependent: who comes early in one journey comes early in another one as often as not.
func TestJourneysAreIndependent(t *testing.T) {
	const n, slots = 100_000, 20
	counts := make([]int, slots*slots)
	for _, key := range keys(n) {
		a := uint64(Bucket("migration", key)) * slots / Buckets
		b := uint64(Bucket("migration2", key)) * slots / Buckets
		counts[a*slots+b]++
	}
	distance := chiSquare(counts, n)
	t.Logf("chi-square of pairs is %.2f standard deviations from what chance gives", distance)
	if math.Abs(distance) > tooFar {
		t.Errorf("the buckets of two journeys depend on each other: %.1f standard deviations from even", distance)
	}
}

// TestSharesAreMet: of many callers, a share takes about what it says, also a small one.
func TestSharesAreMet(t *testing.T) {
	all := keys(100_000)
	for _, s := range []Share{1, 50, 100, 1250, 5000, 9990} {
		in := 0
		for _, key := range all {
			if Bucket(DefaultJourney, key) < s.Threshold() {
				in++
			}
		}
		p := float64(s) / float64(All)
		expected, deviation := p*float64(len(all)), math.Sqrt(p*(1-p)*float64(len(all)))
		t.Logf("%s %%: %d of %d callers", s, in, len(all))
		if math.Abs(float64(in)-expected) > tooFar*deviation {
			t.Errorf("a share of %s %% takes %d of %d callers, want about %.0f", s, in, len(all), expected)
		}
	}
}
