package flags

import "github.com/cespare/xxhash/v2"

// Buckets is how many buckets there are. A caller has one in each journey; a share takes the lowest.
const Buckets = 1 << 31

// Bucket is the stable slot of a caller in a journey, below Buckets: the upper 31 bits of the 64-bit xxHash, with seed
// 0, of the name of the journey, a colon and the key. docs/flags.md has examples to compare other programs with.
func Bucket(journey, key string) uint32 {
	return seed(journey).bucket(text{s: key})
}

// Threshold is where a share ends: the buckets below are in. It grows with the share, so that raising a share takes nobody out.
func (s Share) Threshold() uint32 {
	return uint32(uint64(s) * Buckets / uint64(All))
}

// seed is what a journey begins every hash with.
type seed string

func (s seed) bucket(key text) uint32 {
	var d xxhash.Digest
	d.Reset()
	// A Digest takes everything.
	_, _ = d.WriteString(string(s))
	_, _ = d.WriteString(":")
	if key.b != nil {
		_, _ = d.Write(key.b)
	} else {
		_, _ = d.WriteString(key.s)
	}
	return uint32(d.Sum64() >> 33)
}

// text is a text that is in a request, as it is, or in a buffer on the stack.
type text struct {
	s string
	b []byte // when not nil, it is the text
}

func (t text) empty() bool { return t.s == "" && len(t.b) == 0 }

func (t text) in(set map[string]struct{}) bool {
	if t.b != nil {
		_, ok := set[string(t.b)] // does not allocate
		return ok
	}
	_, ok := set[t.s]
	return ok
}

func (t text) String() string {
	if t.b != nil {
		return string(t.b)
	}
	return t.s
}
