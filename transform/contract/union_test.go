package contract

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/crossfade-proxy/crossfade/transform"
)

// The built-in lenses that stream make of every case's bodies, byte by byte and in halves, what they make of them whole.
func TestBuiltinStreams(t *testing.T) {
	var streaming []string
	for _, e := range loadBuiltin(t).Endpoints {
		if e.Response == nil || !e.Response.Streams() {
			continue
		}
		streaming = append(streaming, e.Name)
		files, err := filepath.Glob(filepath.Join(casesDir, e.Name, "*", "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no cases of %s (%v)", e.Name, err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, refused := e.Response.Map(nil, body, transform.Job{})
			if refused != nil {
				want.Body = body
			}
			half := len(body) / 2
			for how, src := range map[string]io.Reader{
				"byte by byte": iotest.OneByteReader(bytes.NewReader(body)),
				"in halves":    io.MultiReader(bytes.NewReader(body[:half]), bytes.NewReader(body[half:])),
			} {
				s := e.Response.Stream(src, transform.Job{}, nil)
				got, err := io.ReadAll(s)
				if _, because := s.Result(); err != nil || !bytes.Equal(got, want.Body) || fmt.Sprint(because) != fmt.Sprint(refused) {
					t.Errorf("%s %s: got %s (%v, %v)\nwant %s (%v)", file, how, got, because, err, want.Body, refused)
				}
				s.Release()
			}
		}
	}
	if want := []string{"context-me", "sessions-list"}; !slices.Equal(streaming, want) {
		t.Errorf("these stream: %v, want %v (docs/http.md names them)", streaming, want)
	}
}
