package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"time"
)

// maxBody is the largest body that is taken: a flag with ten thousand tenants has half of it.
const maxBody = 1 << 20

// read decodes the body of a request, strictly: JSON by its type, one value, no member that into does not have, none
// twice. into is a pointer to a struct.
func (a *api) read(w http.ResponseWriter, r *http.Request, into any) error {
	if coding := r.Header.Get("Content-Encoding"); coding != "" {
		return fail(problemMediaType, "Content-Encoding is %q (want none)", coding)
	}
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || parameters["charset"] != "" && !strings.EqualFold(parameters["charset"], "utf-8") {
		return fail(problemMediaType, "Content-Type is %q (want application/json)", r.Header.Get("Content-Type"))
	}
	// A recorder in a test has no deadline, and no slow clients either.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(a.BodyTimeout))
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return fail(problemTooLarge, "the body has more than %d bytes", tooLarge.Limit)
		}
		return fail(problemBody, "the body broke off or took too long")
	}
	if err := decode(text, into); err != nil {
		return fail(problemBody, "%v", err)
	}
	return nil
}

// decode is json.Unmarshal without its forgiveness.
func decode(text []byte, into any) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return errors.New(`no body (want JSON with at least a "reason")`)
	}
	if err := once(json.NewDecoder(bytes.NewReader(text)), "", 0); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
			where := "the body"
			if wrong.Field != "" {
				where = "member " + wrong.Field
			}
			return fmt.Errorf("%s is a JSON %s (want %s)", where, wrong.Value, wanted(wrong.Type))
		}
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one JSON value (want one object)")
	}
	return nil
}

// maxDepth is how deep a body may be nested: far deeper than a flag, and no burden for a stack.
const maxDepth = 64

// once says where an object has a member twice: which one counts would be for each reader to guess.
func once(d *json.Decoder, path string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return notJSON(d, err)
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return notJSON(d, err)
			}
			member := strings.TrimPrefix(fmt.Sprintf("%s.%s", path, name), ".")
			if seen[fmt.Sprint(name)] {
				return fmt.Errorf("member %s is there twice", member)
			}
			seen[fmt.Sprint(name)] = true
			if err := once(d, member, depth+1); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for i := 0; d.More(); i++ {
			if err := once(d, fmt.Sprintf("%s[%d]", path, i), depth+1); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	if _, err := d.Token(); err != nil { // the end of the object or list
		return notJSON(d, err)
	}
	return nil
}

// wanted says in JSON's words what a member of a Go type is.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "a number"
}

func notJSON(d *json.Decoder, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("not JSON: it ends in the middle")
	}
	return fmt.Errorf("not JSON: %w (byte %d)", err, d.InputOffset())
}
