package flags

import "github.com/goccy/go-yaml/ast"

// ParseFlag reads a flag as people write it, in JSON or YAML (docs/flags.md), strictly. endpoint is the flag's when the text
// names none; a text that names another one is refused. The error joins an *Invalid for everything that is wrong with the text.
func ParseFlag(text []byte, endpoint string) (Flag, error) { panic("soon") }

// ParseRules reads the rules that stand in a file that somebody else has parsed: node is the list, path what its place is
// called in errors ("endpoints[1].rules"). It returns everything that is wrong, each with its line.
func ParseRules(node ast.Node, path string) ([]Rule, []*Invalid) { panic("soon") }
