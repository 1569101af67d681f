package transform

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
)

// names finds the field of a member's name. It is a hash table without collisions, found
// at compile time, so that a look-up is one product and one comparison; objects have few
// names that matter and rows of them are what big bodies are made of.
type names struct {
	seed  uint64
	shift uint8
	slots []nameSlot
}

type nameSlot struct {
	name  string
	field int8 // -1: free
	raw   bool // a key that spells it without escapes is the name itself
}

// maxFields is how many names one object of a lens may have: the run keeps a bit for each.
const maxFields = 64

func makeNames(list []string) names {
	for width := bits.Len(uint(len(list))) + 1; ; width++ {
		// With a table twice as wide as the list, some of a thousand seeds fits in practice;
		// else a wider table will.
		for seed := uint64(1); seed < 1000; seed++ {
			t := names{seed: seed*2654435761<<13 | seed | 1, shift: uint8(64 - width), slots: make([]nameSlot, 1<<width)}
			for i := range t.slots {
				t.slots[i].field = -1
			}
			if t.fill(list) {
				return t
			}
		}
	}
}

func (t *names) fill(list []string) bool {
	for i, name := range list {
		s := &t.slots[t.hash([]byte(name))]
		if s.field >= 0 {
			return false
		}
		*s = nameSlot{name, int8(i), strings.IndexByte(name, '\\') < 0}
	}
	return true
}

// hash mixes the seed in between the parts of a key, so that no two names collide under every seed.
func (t *names) hash(key []byte) uint64 {
	h := uint64(len(key))
	switch n := len(key); {
	case n >= 8:
		for i := 0; i+8 < n; i += 8 {
			h = (h ^ binary.LittleEndian.Uint64(key[i:])) * t.seed
		}
		h ^= bits.RotateLeft64(binary.LittleEndian.Uint64(key[n-8:]), 29)
	case n >= 4:
		h = (h ^ uint64(binary.LittleEndian.Uint32(key))) * t.seed
		h ^= uint64(binary.LittleEndian.Uint32(key[n-4:])) << 29
	case n > 0:
		h ^= uint64(key[0])<<8 | uint64(key[n/2])<<16 | uint64(key[n-1])<<24
	}
	return h * t.seed >> t.shift
}

// find returns the field of the name that key (the inside of a valid JSON string) spells, or -1.
func (t *names) find(key []byte) int {
	if s := &t.slots[t.hash(key)]; s.raw && s.name == string(key) {
		return int(s.field)
	}
	if bytes.IndexByte(key, '\\') < 0 {
		return -1
	}
	var short [64]byte
	text := short[:0]
	var buf [4]byte
	for len(key) > 0 {
		ch, n := decodeOne(key, &buf)
		text = append(text, ch...)
		key = key[n:]
	}
	if s := &t.slots[t.hash(text)]; s.name == string(text) {
		return int(s.field)
	}
	return -1
}
