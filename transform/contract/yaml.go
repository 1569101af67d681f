package contract

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a contract file. The parser below takes time that grows with the square of the
// keys of one mapping and recurses for each level, so both are bounded before it runs.
const (
	maxFile   = 512 << 10 // bytes
	maxTokens = 50_000    // words and marks of YAML
	maxNested = 64        // levels
)

// position is a place in a file, from 1.
type position struct{ line, column int }

// kind is the kind of a node.
type kind int

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindList
	kindMap
)

func (k kind) String() string {
	switch k {
	case kindNull:
		return "nothing"
	case kindBool:
		return "true or false"
	case kindNumber:
		return "a number"
	case kindString:
		return "a text"
	case kindList:
		return "a list"
	case kindMap:
		return "a mapping"
	}
	return "unknown"
}

// node is a YAML value, reduced to what a contract may hold: no anchors, no aliases, no
// tags, no merge keys, text as keys.
type node struct {
	kind  kind
	at    position
	text  string  // of a string, number or bool
	items []*node // of a list
	pairs []pair  // of a mapping, in order, duplicates included
}

type pair struct {
	key   string
	at    position
	value *node
}

// fault is an error with a place.
type fault struct {
	at   position
	text string
}

func (f *fault) Error() string { return f.text }

// parseYAML reads one document. An empty file gives a node of kindNull.
func parseYAML(data []byte) (*node, *fault) {
	start := position{1, 1}
	if len(data) > maxFile {
		return nil, &fault{start, fmt.Sprintf("the file has %d bytes, more than %d", len(data), maxFile)}
	}
	if !utf8.Valid(data) {
		return nil, &fault{start, "the file is not UTF-8"}
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		line := 1 + bytes.Count(data[:i], []byte("\n"))
		return nil, &fault{position{line, 1}, "the file holds a zero byte"}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // some editors begin every file with it
	tokens := lexer.Tokenize(string(data))
	if f := checkTokens(tokens); f != nil {
		return nil, f
	}
	// Duplicate keys are reported by the reader, together with everything else.
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		f := &fault{start, err.Error()}
		var detailed interface {
			GetToken() *token.Token
			GetMessage() string
		}
		if errors.As(err, &detailed) {
			f.text = detailed.GetMessage()
			if t := detailed.GetToken(); t != nil {
				f.at = tokenPosition(t, start)
			}
		}
		f.text = "not YAML: " + f.text
		return nil, f
	}
	root := &node{at: start}
	for i, doc := range file.Docs {
		if i > 0 {
			return nil, &fault{tokenPosition(doc.Start, start), "a contract is one YAML document"}
		}
		if doc.Body != nil {
			n, f := convert(doc.Body, start, 0)
			if f != nil {
				return nil, f
			}
			root = n
		}
	}
	return root, nil
}

// checkTokens refuses what a contract has no use for and what the parser takes too long
// for, before it is parsed.
func checkTokens(tokens token.Tokens) *fault {
	open, entries, line := 0, 0, 0
	for i, t := range tokens {
		at := tokenPosition(t, position{1, 1})
		if i >= maxTokens {
			return &fault{at, fmt.Sprintf("the file is too long: more than %d words", maxTokens)}
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return &fault{at, "anchors, aliases and merge keys are no part of the contract language (name a shape and use like)"}
		case token.TagType:
			return &fault{at, "tags are no part of the contract language"}
		case token.DirectiveType:
			return &fault{at, "directives are no part of the contract language"}
		case token.MappingKeyType:
			return &fault{at, "keys are plain text: no ? in front of them"}
		case token.MappingStartType, token.SequenceStartType:
			open++
		case token.MappingEndType, token.SequenceEndType:
			open--
		case token.SequenceEntryType:
			if at.line != line {
				entries, line = 0, at.line
			}
			entries++
		}
		if open+entries > maxNested {
			return &fault{at, fmt.Sprintf("nested more than %d levels deep", maxNested)}
		}
	}
	return nil
}

// tokenPosition gives the place of t; the library leaves it out of some tokens.
func tokenPosition(t *token.Token, otherwise position) position {
	if t == nil || t.Position == nil || t.Position.Line < 1 {
		return otherwise
	}
	return position{t.Position.Line, max(t.Position.Column, 1)}
}

// convert turns the library's tree into ours. near is where its parent stands.
func convert(n ast.Node, near position, depth int) (*node, *fault) {
	at := tokenPosition(n.GetToken(), near)
	if depth > maxNested {
		return nil, &fault{at, fmt.Sprintf("nested more than %d levels deep", maxNested)}
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return &node{kind: kindNull, at: at}, nil
	case *ast.BoolNode:
		return &node{kind: kindBool, at: at, text: fmt.Sprint(n.Value)}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return &node{kind: kindNumber, at: at, text: n.GetToken().Value}, nil
	case *ast.StringNode:
		return &node{kind: kindString, at: at, text: n.Value}, nil
	case *ast.LiteralNode:
		return &node{kind: kindString, at: at, text: n.Value.Value}, nil
	case *ast.SequenceNode:
		list := &node{kind: kindList, at: at}
		for _, v := range n.Values {
			item, f := convert(v, at, depth+1)
			if f != nil {
				return nil, f
			}
			list.items = append(list.items, item)
		}
		return list, nil
	case *ast.MappingNode:
		return convertPairs(n.Values, at, depth)
	case *ast.MappingValueNode:
		return convertPairs([]*ast.MappingValueNode{n}, at, depth)
	}
	return nil, &fault{at, fmt.Sprintf("%s is no part of the contract language", n.Type())}
}

func convertPairs(values []*ast.MappingValueNode, at position, depth int) (*node, *fault) {
	m := &node{kind: kindMap, at: at}
	for i, v := range values {
		key, f := convert(v.Key, at, depth+1)
		if f != nil {
			return nil, f
		}
		if i == 0 {
			m.at = key.at // the library points at the colon
		}
		if k := key.kind; k == kindNull || k == kindList || k == kindMap {
			return nil, &fault{key.at, "keys are plain text"}
		}
		value, f := convert(v.Value, key.at, depth+1)
		if f != nil {
			return nil, f
		}
		m.pairs = append(m.pairs, pair{key.text, key.at, value})
	}
	return m, nil
}
