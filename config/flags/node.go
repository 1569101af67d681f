package flags

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// node is a value of a text in JSON or YAML, with its line. The language is read from it, whichever of the two it was.
type node struct {
	kind    nodeKind
	text    string // of texts, numbers and booleans, as written; of others what they are
	line    int
	members []namedNode
	items   []*node
}

type namedNode struct {
	name  string
	line  int
	value *node
}

type nodeKind uint8

const (
	nothing nodeKind = iota
	textual
	numeric
	boolean
	listed
	object
	foreign // of YAML, and not of this language
)

// describe tells what somebody wrote.
func (n *node) describe() string {
	switch n.kind {
	case nothing:
		return "nothing"
	case textual:
		return "the text " + quote(n.text)
	case numeric:
		return "the number " + n.text
	case boolean:
		return "the boolean " + n.text
	case listed:
		return "a list"
	case object:
		return "names with values"
	case foreign:
	}
	return n.text
}

// Bounds of a text. YAML takes its parser a thousand times longer than JSON.
const (
	maxJSON   = 16 << 20 // bytes
	maxYAML   = 4 << 20  // bytes
	maxTokens = 300_000  // of YAML: a hundred thousand names in lists
	maxLevels = 16
)

// parseText reads JSON, when a text begins as an object of it and is valid, else YAML.
func parseText(text []byte) (*node, *Invalid) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(text) {
		return nil, &Invalid{Reason: "not UTF-8 text"}
	}
	if len(text) > maxJSON {
		return nil, &Invalid{Reason: fmt.Sprintf("larger than %d MiB", maxJSON>>20)}
	}
	if json.Valid(text) {
		return parseJSON(text)
	}
	return parseYAML(text)
}

// parseJSON reads valid JSON.
func parseJSON(text []byte) (*node, *Invalid) {
	p := &jsonParser{text: text, decoder: json.NewDecoder(bytes.NewReader(text)), line: 1}
	p.decoder.UseNumber()
	n, err := p.value(0)
	if err != nil {
		return nil, &Invalid{Line: p.line, Reason: err.Error()}
	}
	return n, nil
}

type jsonParser struct {
	text    []byte
	decoder *json.Decoder
	line    int
	counted int64 // how much of text has been searched for line breaks
}

// next gives the next token and counts the lines up to it.
func (p *jsonParser) next() (json.Token, error) {
	t, err := p.decoder.Token()
	end := p.decoder.InputOffset()
	p.line += bytes.Count(p.text[p.counted:end], []byte("\n"))
	p.counted = end
	if errors.Is(err, io.EOF) {
		err = errors.New("nothing is in it")
	}
	return t, err
}

func (p *jsonParser) value(level int) (*node, error) {
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	if level > maxLevels {
		return nil, errors.New("nested too deep")
	}
	n := &node{line: p.line}
	switch v := t.(type) {
	case string:
		n.kind, n.text = textual, v
	case json.Number:
		n.kind, n.text = numeric, v.String()
	case bool:
		n.kind, n.text = boolean, fmt.Sprint(v)
	case json.Delim:
		n.kind = listed
		if v == '{' {
			n.kind = object
		}
		for p.decoder.More() {
			if err := p.part(n, level); err != nil {
				return nil, err
			}
		}
		if _, err := p.next(); err != nil { // the closing bracket
			return nil, err
		}
	}
	return n, nil
}

// part reads the next item or member of n.
func (p *jsonParser) part(n *node, level int) error {
	if n.kind == listed {
		item, err := p.value(level + 1)
		n.items = append(n.items, item)
		return err
	}
	t, err := p.next()
	if err != nil {
		return err
	}
	name, line := fmt.Sprint(t), p.line
	value, err := p.value(level + 1)
	n.members = append(n.members, namedNode{name, line, value})
	return err
}

func parseYAML(text []byte) (*node, *Invalid) {
	if len(text) > maxYAML {
		return nil, &Invalid{Reason: fmt.Sprintf("larger than %d MiB of YAML: write JSON", maxYAML>>20)}
	}
	tokens := lexer.Tokenize(string(text))
	if at, what := excess(tokens); what != "" {
		return nil, &Invalid{Line: at, Reason: what}
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) {
			return nil, &Invalid{Line: tokenLine(syntax.Token), Reason: "neither JSON nor YAML: " + syntax.Message}
		}
		return nil, &Invalid{Reason: "neither JSON nor YAML: " + err.Error()}
	}
	var body ast.Node
	for _, d := range file.Docs {
		switch {
		case d.Body == nil || d.Body.Type() == ast.CommentGroupType:
		case body != nil:
			return nil, &Invalid{Line: nodeLine(d.Body), Reason: "a second document: write one"}
		default:
			body = d.Body
		}
	}
	if body == nil {
		return nil, &Invalid{Reason: "nothing is in it"}
	}
	return fromYAML(body), nil
}

// excess tells in which line tokens go beyond the bounds, and how; "" if they do not. The parser recurses for each level.
func excess(tokens token.Tokens) (line int, what string) {
	if len(tokens) > maxTokens {
		return 0, fmt.Sprintf("more than %d words of YAML: write JSON", maxTokens)
	}
	brackets, dashes := 0, 0
	for _, t := range tokens {
		if here := tokenLine(t); here != line {
			line, dashes = here, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			brackets++
		case token.MappingEndType, token.SequenceEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		}
		if brackets+dashes > maxLevels {
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

// nodeLine is where a node of YAML begins.
func nodeLine(n ast.Node) int {
	if mapping, ok := n.(*ast.MappingNode); ok && len(mapping.Values) > 0 {
		n = mapping.Values[0].Key // the token of a mapping is its first colon
	}
	return tokenLine(n.GetToken())
}

// fromYAML makes a node of one of YAML. Anchors, aliases and tags are not of this language.
func fromYAML(y ast.Node) *node {
	n := &node{line: nodeLine(y)}
	switch v := y.(type) {
	case *ast.StringNode:
		n.kind, n.text = textual, v.Value
	case *ast.LiteralNode:
		n.kind, n.text = textual, v.Value.Value
	case *ast.IntegerNode, *ast.FloatNode:
		n.kind, n.text = numeric, y.GetToken().Value
	case *ast.BoolNode:
		n.kind, n.text = boolean, v.GetToken().Value
	case *ast.NullNode:
	case *ast.SequenceNode:
		n.kind = listed
		for _, item := range v.Values {
			n.items = append(n.items, fromYAML(item))
		}
	case *ast.MappingNode:
		n.kind = object
		for _, pair := range v.Values {
			n.members = append(n.members, namedNode{pair.Key.GetToken().Value, nodeLine(pair.Key), fromYAML(pair.Value)})
		}
	case *ast.MappingValueNode:
		n.kind = object
		n.members = []namedNode{{v.Key.GetToken().Value, nodeLine(v.Key), fromYAML(v.Value)}}
	case *ast.AliasNode, *ast.AnchorNode:
		n.kind, n.text = foreign, "an anchor or alias: write the value out"
	case *ast.TagNode:
		n.kind, n.text = foreign, "a tag: write the value alone"
	default:
		n.kind, n.text = foreign, "a "+strings.ToLower(y.Type().String())
	}
	return n
}
