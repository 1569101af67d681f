package flags

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Seal gives the entry with its place in the chain: previous is the Hash of the entry before, "" for the first.
// A store seals an entry as it writes it, and has to keep From and To byte by byte.
func (e Entry) Seal(previous string) Entry {
	e.Previous = previous
	e.Hash = e.sum()
	return e
}

// sum is the SHA-256 of the entry as JSON without its Hash.
func (e Entry) sum() string {
	e.Hash = ""
	e.At = e.At.UTC()
	if e.Until != nil {
		until := e.Until.UTC()
		e.Until = &until
	}
	data, err := json.Marshal(e)
	if err != nil {
		// From or To are no JSON: such an entry matches no hash.
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// VerifyChain checks entries in the order in which they were written, from any one on, and says which is the
// first that was changed, removed or put in. Entries that were cut off the end cannot be missed.
func VerifyChain(entries []Entry) error {
	for i, e := range entries {
		if e.sum() != e.Hash {
			return fmt.Errorf("entry %d of the journal is not what was written: its hash differs", e.Version)
		}
		switch {
		case i == 0:
			if e.Version == 1 && e.Previous != "" {
				return fmt.Errorf("entry %d of the journal is not the first that was written", e.Version)
			}
		case e.Version != entries[i-1].Version+1:
			return fmt.Errorf("the journal has entry %d behind %d", e.Version, entries[i-1].Version)
		case e.Previous != entries[i-1].Hash:
			return fmt.Errorf("entry %d of the journal does not follow %d: one of them was exchanged", e.Version, entries[i-1].Version)
		}
	}
	return nil
}
