package transform

const (
	// blockBytes is how much of a long list stands in one piece: a piece that only grows would be copied again and
	// again, and leave more behind than it has.
	blockBytes = 256 << 10
	// keepBlocks is how many of them a Stream may hold on to.
	keepBlocks = keepBytes / blockBytes
)

// blocks are the elements of a list as they will be written, but for the last ones, which are in run.aside.
type blocks struct {
	use  *shapeUse
	full []block
}

// block is memory of blockBytes, or more where an element is long; from is where the elements begin in it.
type block struct {
	memory []byte
	from   int
}

// seal puts elements that have been written where they need not move. There is one on its way to come
// behind them.
func (s *streamParser) seal(out *aside) {
	r := s.run
	if len(r.aside)-out.from < blockBytes-blockBytes/8 || s.rows.again >= 0 {
		return
	}
	if len(s.lists) == 0 || s.lists[len(s.lists)-1].use != s.rows.use {
		s.lists = append(s.lists, blocks{use: s.rows.use})
	}
	list := &s.lists[len(s.lists)-1]
	full := block{r.aside, out.from}
	if out.from < blockBytes/8 {
		r.aside = append(s.memory(), r.aside[:out.from]...)
	} else {
		full = block{memory: append(s.memory(), r.aside[out.from:]...)}
		r.aside = r.aside[:out.from]
	}
	list.full = append(list.full, full)
	s.sealed += len(full.memory) - full.from
}

// memory gives some for elements.
func (s *streamParser) memory() []byte {
	if n := len(s.spare); n > 0 {
		b := s.spare[n-1]
		s.spare = s.spare[:n-1]
		return b[:0]
	}
	return make([]byte, 0, blockBytes)
}

// unseal takes the last block back where nothing has come behind it: an edit is known by what it puts in.
func (s *streamParser) unseal(out *aside) {
	if n := len(s.lists); n == 0 || s.lists[n-1].use != s.rows.use || len(s.run.aside) > out.from {
		return
	}
	list := &s.lists[len(s.lists)-1]
	end := len(list.full) - 1
	last := list.full[end]
	s.run.aside = append(s.run.aside, last.memory[last.from:]...)
	s.sealed -= len(last.memory) - last.from
	list.full = list.full[:end]
}

// before gives what goes in before what an edit puts in.
func (s *streamParser) before(e *edit) []block {
	for i := range s.lists {
		if out := &s.run.asides[s.lists[i].use.aside]; e.kind == editAside && int(e.from) == out.from && int(e.to) == out.to {
			return s.lists[i].full
		}
	}
	return nil
}

// clear gives the blocks up, but for some to be used again.
func (s *streamParser) clear() {
	for _, list := range s.lists {
		for _, b := range list.full {
			if len(s.spare) < keepBlocks && cap(b.memory) == blockBytes {
				s.spare = append(s.spare, b.memory)
			}
		}
	}
	clear(s.lists)
	s.lists, s.sealed = s.lists[:0], 0
}
