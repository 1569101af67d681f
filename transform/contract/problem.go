package contract

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems bounds what a LoadError tells: whoever has more than that to mend starts at
// the top anyway.
const maxProblems = 50

// Problem is one fault of a contract file.
type Problem struct {
	Source       string // the file, as Source.Name gave it
	Line, Column int    // from 1
	Text         string // what is wrong and what to write instead
}

func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.Source, p.Line, p.Column, p.Text)
}

// LoadError is everything that is wrong with a contract, by file (in the order they were
// given) and line.
type LoadError struct {
	Problems []Problem // at most 50
	More     int       // how many further ones were left out
}

// Error gives one line for each problem.
func (e *LoadError) Error() string {
	lines := make([]string, 0, len(e.Problems)+1)
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", e.More))
	}
	return strings.Join(lines, "\n")
}

// problems gathers the faults of one load.
type problems struct {
	sources []string
	list    []located
}

type located struct {
	file int
	Problem
}

func (ps *problems) add(file int, at position, text string) {
	ps.list = append(ps.list, located{file, Problem{ps.sources[file], at.line, at.column, text}})
}

// err gives the faults in order, each once, or nil.
func (ps *problems) err() error {
	if len(ps.list) == 0 {
		return nil
	}
	slices.SortStableFunc(ps.list, func(a, b located) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	list := slices.Compact(ps.list)
	e := &LoadError{}
	for _, p := range list {
		if len(e.Problems) == maxProblems {
			e.More = len(list) - maxProblems
			break
		}
		e.Problems = append(e.Problems, p.Problem)
	}
	return e
}
