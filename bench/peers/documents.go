package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
)

// sizes are the documents: by name, how many sessions a context has.
var sizes = map[string]int{"1k": 1, "10k": 30, "1m": 3200, "16m": 42000} //nolint:gochecknoglobals // a table

// document is a context of n sessions as the backend sends it, always the same.
func document(n int) []byte {
	const engagement = "22222222-2222-2222-2222-222222222222"
	session := func(b *bytes.Buffer, i int) {
		prefix := []string{"Admin Session - ", "Default Session - ", ""}[i%3]
		fmt.Fprintf(b, `{"id":"%08x-0000-4000-8000-%012x","name":"%sWave %04d","description":"Scope of \"Phase %d\"","engagement_id":"%s",`+
			`"is_default":%t,"created_by":"33333333-3333-3333-3333-333333333333","created_at":"2025-06-%02dT12:34:56.%06d+00:00",`+
			`"updated_at":"2025-07-%02dT08:11:02.%06d+00:00","metadata":{"source":"auto","assets":%d}}`,
			i, i, prefix, i, i%4, engagement, i == 0, 1+i%28, i%1_000_000, 1+i%28, i%1_000_000, i*7%5000)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"user":{"id":"33333333-3333-3333-3333-333333333333","email":"user@example.com","role":"admin"},`+
		`"client":{"id":"11111111-1111-1111-1111-111111111111","name":"Acme"},"engagement":{"id":"%s","name":"Cloud Migration"},"session":`, engagement)
	session(&b, 0)
	b.WriteString(`,"available_sessions":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		session(&b, i)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// writeDocuments puts them where the upstream serves them from.
func writeDocuments(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, n := range sizes {
		if err := os.WriteFile(filepath.Join(dir, name), document(n), 0o644); err != nil { //nolint:gosec // nginx reads them
			return err
		}
	}
	return nil
}

// checkAnswer says in what an answer is not what its mode promises.
func checkAnswer(mode string, sent, got []byte) error {
	if mode == "passthrough" {
		if !bytes.Equal(sent, got) {
			return fmt.Errorf("%d bytes that are not the upstream's %d", len(got), len(sent))
		}
		return nil
	}
	before, err := members(sent)
	if err != nil {
		return err
	}
	after, err := members(got)
	if err != nil {
		return fmt.Errorf("no JSON object: %w", err)
	}
	for name, value := range before {
		if mode == "dual" && !reflect.DeepEqual(after[name], value) {
			return fmt.Errorf("%s is not what the upstream sent", name)
		}
	}
	flows, _ := after["active_flows"].([]any)
	current, _ := after["current_flow"].(map[string]any)
	sessions := before["available_sessions"].([]any)
	session := before["session"].(map[string]any)
	if len(flows) != len(sessions) || current["id"] != session["id"] {
		return fmt.Errorf("%d active_flows and current_flow %v, want %d and %v", len(flows), current["id"], len(sessions), session["id"])
	}
	if _, leak := after["available_sessions"]; leak && mode == "flow_only" {
		return fmt.Errorf("available_sessions in flow_only")
	}
	return nil
}

// members decodes an object; numbers stay as they are written.
func members(text []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var object map[string]any
	return object, decoder.Decode(&object)
}
