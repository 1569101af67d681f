package legacy

import (
	"math"
	"strconv"
	"strings"
)

// problem is one thing that is wrong with a request, in the framework's words.
type problem struct {
	field   string // dotted; "" is the body itself
	message string
	kind    string
}

// check tells what is wrong with a value at a field; nothing if it is fine.
type check func(field string, v any) []problem

// property is a member of a body with a schema.
type property struct {
	name     string
	check    check
	required bool
}

func required(name string, c check) property { return property{name, c, true} }

func optional(name string, c check) property { return property{name, c, false} }

func wrong(field, message, kind string) []problem { return []problem{{field, message, kind}} }

func missing(field string) []problem { return wrong(field, "Field required", "missing") }

func join(field, name string) string {
	if field == "" {
		return name
	}
	return field + "." + name
}

// schema checks an object against its properties, in their order. Members that it does not name are ignored.
func schema(properties ...property) check {
	return func(field string, v any) []problem {
		o, ok := v.(object)
		if !ok {
			return wrong(field, "Input should be a valid dictionary or object to extract fields from",
				"model_attributes_type")
		}
		var found []problem
		for _, p := range properties {
			at := join(field, p.name)
			switch v, there := o.lookup(p.name); {
			case there:
				found = append(found, p.check(at, v)...)
			case p.required:
				found = append(found, missing(at)...)
			}
		}
		return found
	}
}

// anyObject checks nothing but that it is an object.
func anyObject(field string, v any) []problem {
	if _, ok := v.(object); !ok {
		return wrong(field, "Input should be a valid dictionary", "dict_type")
	}
	return nil
}

func anyText(field string, v any) []problem {
	if _, ok := v.(string); !ok {
		return wrong(field, "Input should be a valid string", "string_type")
	}
	return nil
}

// integer also takes whole floats, booleans and texts that are integers.
func integer(field string, v any) []problem {
	switch v := v.(type) {
	case bool:
		return nil
	case number:
		if f, err := strconv.ParseFloat(string(v), 64); err == nil && f != math.Trunc(f) {
			return wrong(field, "Input should be a valid integer, got a number with a fractional part",
				"int_from_float")
		}
		return nil
	case string:
		if _, ok := parseInt(v); !ok {
			return wrong(field, "Input should be a valid integer, unable to parse string as an integer",
				"int_parsing")
		}
		return nil
	default:
		return wrong(field, "Input should be a valid integer", "int_type")
	}
}

// float also takes booleans and texts that are numbers. What is not finite is refused here, where the framework fails
// later, when it writes the answer.
func float(field string, v any) []problem {
	var text string
	switch v := v.(type) {
	case bool:
		return nil
	case number:
		text = string(v)
	case string:
		text = strings.TrimSpace(v)
	default:
		return wrong(field, "Input should be a valid number", "float_type")
	}
	if f, err := strconv.ParseFloat(text, 64); err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return wrong(field, "Input should be a valid number, unable to parse string as a number", "float_parsing")
	}
	return nil
}

// toFloat is the value of what float let through.
func toFloat(v any) float64 {
	text := ""
	switch v := v.(type) {
	case bool:
		if v {
			return 1
		}
	case number:
		text = string(v)
	case string:
		text = strings.TrimSpace(v)
	}
	f, _ := strconv.ParseFloat(text, 64)
	return f
}

func parseInt(text string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	return n, err == nil
}

// oneOf takes the words of an enumeration.
func oneOf(words ...string) check {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "'" + w + "'"
	}
	last := len(words) - 1
	message := "Input should be " + strings.Join(quoted[:last], ", ") + " or " + quoted[last]
	return func(field string, v any) []problem {
		for _, w := range words {
			if v == w {
				return nil
			}
		}
		return wrong(field, message, "enum")
	}
}

// orNull also takes null.
func orNull(c check) check {
	return func(field string, v any) []problem {
		if v == nil {
			return nil
		}
		return c(field, v)
	}
}

// listOf takes a list of such values.
func listOf(c check) check {
	return func(field string, v any) []problem {
		l, ok := v.([]any)
		if !ok {
			return wrong(field, "Input should be a valid list", "list_type")
		}
		var found []problem
		for i, e := range l {
			found = append(found, c(join(field, strconv.Itoa(i)), e)...)
		}
		return found
	}
}

// parameter is an integer of the query: the last one given counts.
type parameter struct {
	name          string
	value         int // when it is not given
	least, atMost int // inclusive; atMost 0 is no limit
}

// read returns the parameter's value, or what is wrong with it.
func (p parameter) read(given []string) (int, []problem) {
	if len(given) == 0 {
		return p.value, nil
	}
	field := "query." + p.name
	n, ok := parseInt(given[len(given)-1])
	switch {
	case !ok:
		return 0, integer(field, given[len(given)-1])
	case n < p.least:
		return 0, wrong(field, "Input should be greater than or equal to "+strconv.Itoa(p.least),
			"greater_than_equal")
	case p.atMost != 0 && n > p.atMost:
		return 0, wrong(field, "Input should be less than or equal to "+strconv.Itoa(p.atMost), "less_than_equal")
	}
	return n, nil
}
