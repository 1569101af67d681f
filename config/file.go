package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// readFile reads proxy.yaml, if there is one. variable is what CROSSFADE_CONFIG says.
func (l *loader) readFile(variable string) {
	path, source := l.File, "flag --config"
	if path == "" {
		path, source = variable, "environment "+configVariable
	}
	if path == "" {
		path, source = DefaultFile, ""
	}
	data, err := l.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && source == "" {
		return
	}
	l.path = path
	if err != nil {
		l.unread = true
		l.fail(source, "", "%w", err)
		return
	}
	if mapping := l.parse(data); mapping != nil {
		l.readSection(mapping, "", "", l.readTop)
	} else {
		l.unread = true
	}
}

// readTop takes a value of the file: a scalar of any section, or one of the lists.
func (l *loader) readTop(k Key, shown string, node ast.Node) {
	switch k.Name {
	case "contracts":
		l.readContracts(k, node)
	case "endpoints":
		l.readItems(k, node)
	case "rules":
		l.readRules("", shown, node)
	default:
		if v, ok := l.scalarValue(k, shown, node); ok {
			l.take(k.Name, LayerFile, v)
		}
	}
}

// readSection walks a mapping. section is the prefix of its keys in the table ("server.",
// "endpoints[]."), shown the one for errors ("endpoints[1]."). take gets what is no section.
func (l *loader) readSection(node ast.Node, section, shown string, take func(k Key, shown string, node ast.Node)) {
	mapping, ok := node.(*ast.MappingNode)
	if !ok {
		if node.Type() == ast.NullType && section != "" {
			return // a section whose keys are all commented out
		}
		l.failAt(line(node), strings.TrimSuffix(shown, "."), "want keys with values, got %s", describe(node))
		return
	}
	lines := map[string]int{}
	for _, pair := range mapping.Values {
		name, at := pair.Key.GetToken().Value, line(pair.Key)
		if first, twice := lines[name]; twice {
			l.failAt(at, shown+name, "is there twice, first in line %d", first)
			continue
		}
		lines[name] = at
		full := section + name
		if strings.ContainsAny(name, ".[") {
			full = "" // not the dotted name of another key
		}
		if i := slices.IndexFunc(l.keys, func(k Key) bool { return k.Name == full }); i >= 0 {
			take(l.keys[i], shown+name, pair.Value)
		} else if slices.ContainsFunc(l.keys, func(k Key) bool { return full != "" && strings.HasPrefix(k.Name, full+".") }) {
			l.readSection(pair.Value, full+".", shown+name+".", take)
		} else {
			l.failAt(at, shown+name, "unknown key%s", hintKey(name, section, l.keys))
		}
	}
}

// scalarValue checks that a value is written as the kind of its key wants, then what it says.
func (l *loader) scalarValue(k Key, shown string, node ast.Node) (value, bool) {
	text, form, ok := scalarText(node)
	if k.kind.scalar == listScalar {
		if text, ok = l.listText(k, shown, node); !ok {
			return value{}, false
		}
		form = listScalar
	}
	if !ok || form != k.kind.scalar {
		l.failAt(line(node), shown, "want %s, got %s", k.kind.want, describe(node))
		return value{}, false
	}
	if path, found := strings.CutPrefix(text, k.kind.beforePath); found && k.kind.path && path != "" && !filepath.IsAbs(path) {
		text = k.kind.beforePath + filepath.Join(filepath.Dir(l.path), path)
	}
	parsed, err := k.kind.parse(text)
	if err != nil {
		l.failAt(line(node), shown, "%w", err)
		return value{}, false
	}
	return value{text, parsed, l.at(line(node))}, true
}

// listText gives a list of texts as the environment would write it. What is wrong with it has
// been told when ok is false.
func (l *loader) listText(k Key, shown string, node ast.Node) (text string, ok bool) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok && node.Type() != ast.NullType { // nothing: all items are commented out
		l.failAt(line(node), shown, "want %s, got %s", k.kind.want, describe(node))
		return "", false
	}
	var items []string
	if ok {
		for i, entry := range sequence.Values {
			item, form, plain := scalarText(entry)
			if !plain || form != textScalar || item == "" || strings.Contains(item, ",") {
				l.failAt(line(entry), fmt.Sprintf("%s[%d]", shown, i), "want %s, got %s", k.kind.want, describe(entry))
				continue
			}
			items = append(items, item)
		}
	}
	return strings.Join(items, ", "), !ok || len(items) == len(sequence.Values)
}

func (l *loader) readContracts(k Key, node ast.Node) {
	for i, entry := range l.entries(k, node) {
		shown := fmt.Sprintf("%s[%d]", k.Name, i)
		path, form, ok := scalarText(entry)
		if !ok || form != textScalar || path == "" {
			l.failAt(line(entry), shown, "want the path of a file, got %s", describe(entry))
			continue
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(l.path), path)
		}
		if slices.Contains(l.contracts, path) {
			l.failAt(line(entry), shown, "%s is there twice", quote(path))
			continue
		}
		l.contracts = append(l.contracts, path)
	}
	l.contractsSource = l.at(line(node))
}

func (l *loader) readItems(k Key, node ast.Node) {
	for i, entry := range l.entries(k, node) {
		it := item{shown: fmt.Sprintf("%s[%d]", k.Name, i), line: line(entry), values: map[string]value{}}
		if entry.Type() != ast.MappingType {
			l.failAt(it.line, it.shown, "want a name and what differs, got %s", describe(entry))
			continue
		}
		named := false
		l.readSection(entry, endpointPrefix, it.shown+".", func(k Key, shown string, node ast.Node) {
			attribute := strings.TrimPrefix(k.Name, endpointPrefix)
			if attribute == "rules" {
				it.rules, it.rulesShown = node, shown
				return
			}
			v, ok := l.scalarValue(k, shown, node)
			if attribute == "name" {
				named, it.name, it.line = true, v.text, line(node)
			} else if ok {
				it.values[attribute] = v
			}
		})
		if !named {
			l.failAt(it.line, it.shown+".name", "missing: name the endpoint")
		}
		if it.name != "" {
			l.items = append(l.items, it)
		}
	}
}

// entries gives the items of a list; none for a list whose items are all commented out.
func (l *loader) entries(k Key, node ast.Node) []ast.Node {
	switch n := node.(type) {
	case *ast.SequenceNode:
		return n.Values
	case *ast.NullNode:
		return nil
	default:
		l.failAt(line(node), k.Name, "want %s, got %s", k.kind.want, describe(node))
		return nil
	}
}

// failAt is fail for a line of the file.
func (l *loader) failAt(line int, key, format string, args ...any) {
	l.problems = append(l.problems, &problem{line: line, source: l.at(line), key: key, err: fmt.Errorf(format, args...)})
}

// at is the source of what stands in a line of the file.
func (l *loader) at(line int) string { return fmt.Sprintf("%s:%d", l.path, line) }
