package config

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of proxy.yaml. The parser recurses for each level and takes time that grows with the
// square of the keys of a section, so that a wrong file could hold up a start for minutes.
const (
	maxFile   = 256 * KiB // a thousand endpoints take half of it
	maxTokens = 20_000    // words and marks of YAML, comments aside; a thousand endpoints take 16,000
	maxLevels = 16        // within brackets or in one line; proxy.yaml has four
)

// parse gives the one document of a file, or nil after a problem.
func (l *loader) parse(data []byte) ast.Node {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // some editors begin UTF-8 with a mark
	if len(data) > int(maxFile) {
		l.fail(l.path, "", "larger than %s: this is no proxy.yaml", maxFile)
		return nil
	}
	if !utf8.Valid(data) {
		l.fail(l.path, "", "not UTF-8 text")
		return nil
	}
	tokens := lexer.Tokenize(string(data))
	if at, what := excess(tokens); what != "" {
		l.failAt(at, "", "%s: this is no proxy.yaml", what)
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) {
			l.failAt(tokenLine(syntax.Token), "", "not YAML: %s", syntax.Message)
		} else {
			l.fail(l.path, "", "not YAML: %w", err)
		}
		return nil
	}
	var body ast.Node
	for _, d := range file.Docs {
		switch {
		case d.Body == nil || d.Body.Type() == ast.CommentGroupType || d.Body.Type() == ast.DirectiveType:
		case body != nil:
			l.failAt(line(d.Body), "", "a second document: write one")
			return nil
		default:
			body = d.Body
		}
	}
	if body == nil {
		// More likely cut off by a full disk than meant, and it would undo every setting.
		l.fail(l.path, "", "nothing is in it: write at least version: %d, or remove it", version)
	}
	return body
}

// excess tells in which line tokens go beyond the bounds, and how; "" if they do not.
func excess(tokens token.Tokens) (line int, what string) {
	words, brackets, dashes := 0, 0, 0
	for _, t := range tokens {
		here := tokenLine(t)
		if here != line {
			line, dashes = here, 0
		}
		switch t.Type {
		case token.CommentType:
			continue
		case token.MappingStartType, token.SequenceStartType:
			brackets++
		case token.MappingEndType, token.SequenceEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		}
		words++
		switch {
		case words > maxTokens:
			return line, "too long"
		case brackets+dashes > maxLevels:
			return line, "nested too deep"
		}
	}
	return 0, ""
}

// tokenLine is the line of a token, 1 where the parser does not tell.
func tokenLine(t *token.Token) int {
	if t == nil || t.Position == nil {
		return 1
	}
	return max(t.Position.Line, 1)
}

// line is where a node begins.
func line(node ast.Node) int {
	if mapping, ok := node.(*ast.MappingNode); ok && len(mapping.Values) > 0 {
		node = mapping.Values[0].Key // the token of a mapping is its first colon
	}
	return tokenLine(node.GetToken())
}

// scalarText gives the text of a plain value and how it is written. Anchors, aliases and tags
// are no plain values: there is nothing here to share or to retype.
func scalarText(node ast.Node) (text string, form scalar, ok bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, textScalar, true
	case *ast.LiteralNode:
		return n.Value.Value, textScalar, true
	case *ast.IntegerNode:
		return n.Token.Value, numberScalar, true
	case *ast.BoolNode:
		return n.Token.Value, boolScalar, true
	default:
		return "", 0, false
	}
}

// describe tells what somebody wrote instead.
func describe(node ast.Node) string {
	switch n := node.(type) {
	case *ast.StringNode:
		return "the text " + quote(n.Value)
	case *ast.LiteralNode:
		return "the text " + quote(n.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + n.GetToken().Value
	case *ast.BoolNode:
		return "the boolean " + n.Token.Value
	case *ast.NullNode:
		return "nothing"
	case *ast.MappingNode:
		return "keys with values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AliasNode, *ast.AnchorNode:
		return "an anchor or alias: write the value out"
	case *ast.TagNode:
		return "a tag: write the value alone"
	default:
		return "a " + strings.ToLower(node.Type().String())
	}
}

// FromJSON writes a JSON text as YAML, members in their order: for people who read what the admin API says.
func FromJSON(text []byte) ([]byte, error) { return yaml.JSONToYAML(text) }
