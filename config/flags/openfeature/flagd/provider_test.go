package flagd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"buf.build/gen/go/open-feature/flagd/grpc/go/flagd/sync/v1/syncv1grpc"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	sdk "github.com/open-feature/go-sdk/openfeature"
	"google.golang.org/grpc"
)

// patience bounds every wait: far more than anything should take.
const patience = 30 * time.Second

// flags is a file with one flag, "f", whose value is one text for staging and another elsewhere.
func flags(staging, elsewhere string) string {
	return fmt.Sprintf(`{"flags": {
		"f": {"state": "ENABLED", "variants": {"a": %q, "b": %q}, "defaultVariant": "b", "targeting": {"if": [{"==": [{"var": "environment"}, "staging"]}, "a", "b"]}},
		"object": {"state": "ENABLED", "variants": {"v": {"stage": "dual", "share": 12.5}}, "defaultVariant": "v"},
		"on": {"state": "ENABLED", "variants": {"v": true}, "defaultVariant": "v"},
		"two": {"state": "ENABLED", "variants": {"v": 2.5}, "defaultVariant": "v"},
		"off": {"state": "DISABLED", "variants": {"v": "x"}, "defaultVariant": "v"},
		"astray": {"state": "ENABLED", "variants": {"v": "x"}, "defaultVariant": "v", "targeting": {"if": [true, "w", "v"]}}
	}}`, staging, elsewhere)
}

// begin gives a provider that has begun.
func begin(t *testing.T, o Options) *Provider {
	t.Helper()
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.InitWithContext(ctx, sdk.EvaluationContext{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Shutdown)
	return p
}

func staging() sdk.FlattenedContext {
	return sdk.FlattenedContext{"environment": "staging", "targetingKey": "crossfade"}
}

// said is what a flag is: its text, or the error.
func said(p *Provider) string {
	d := p.StringEvaluation(context.Background(), "f", "", staging())
	if err := d.Error(); err != nil {
		return err.Error()
	}
	return d.Value
}

// await waits for events until the flag is as wanted.
func await(t *testing.T, p *Provider, want string) {
	t.Helper()
	deadline := time.After(patience)
	for !strings.Contains(said(p), want) {
		select {
		case <-p.EventChannel():
		case <-deadline:
			t.Fatalf("the flag is %q, and never %q", said(p), want)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestValues: every type, targeting, and what is there to be told of a flag that gives none.
func TestValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flags.json")
	write(t, path, flags("dual", "verify"))
	p := begin(t, Options{File: path})
	ctx := t.Context()
	if got := said(p); got != "dual" {
		t.Errorf("for staging: %q", got)
	}
	if d := p.StringEvaluation(ctx, "f", "", nil); d.Value != "verify" || d.Variant != "b" || d.Error() != nil {
		t.Errorf("elsewhere: %+v", d)
	}
	if d := p.ObjectEvaluation(ctx, "object", nil, nil); fmt.Sprint(d.Value) != "map[share:12.5 stage:dual]" || d.Error() != nil {
		t.Errorf("an object: %+v", d)
	}
	if d := p.BooleanEvaluation(ctx, "on", false, nil); !d.Value || d.Error() != nil {
		t.Errorf("a boolean: %+v", d)
	}
	if f, i := p.FloatEvaluation(ctx, "two", 0, nil), p.IntEvaluation(ctx, "two", 0, nil); f.Value != 2.5 || i.Value != 2 {
		t.Errorf("numbers: %+v, %+v", f, i)
	}
	for key, want := range map[string]string{
		"none": "FLAG_NOT_FOUND: there is none, or it is disabled", "off": "FLAG_NOT_FOUND: there is none, or it is disabled",
		"on": "TYPE_MISMATCH: its value is of another type", "astray": "PARSE_ERROR: its targeting fails, or gives a variant that there is not",
	} {
		if d := p.StringEvaluation(ctx, key, "fallback", nil); d.Value != "fallback" || d.Error() == nil || d.Error().Error() != want {
			t.Errorf("%s: got %q, %v; want %s", key, d.Value, d.Error(), want)
		}
	}
	if d := p.ObjectEvaluation(ctx, "f", 1, nil); d.Value != 1 || d.Error() == nil {
		t.Errorf("a text for an object: %+v", d)
	}
}

// TestFile: what a file goes through, one thing after another: none of it ever looks like a file without flags.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flags.json")
	p := begin(t, Options{File: path})
	if got := said(p); !strings.HasPrefix(got, "GENERAL: open ") || !strings.HasSuffix(got, "flags.json: no such file or directory") {
		t.Errorf("a file that is away at the start: %q", got)
	}
	for _, step := range []struct{ name, text, want string }{
		{"it comes", flags("dual", ""), "dual"},
		{"it changes", flags("verify", ""), "verify"},
		{"it is empty", "", "GENERAL: " + path + ": it is empty"},
		{"as before", flags("verify", ""), "verify"},
		{"half of it", flags("dual", "")[:200], "PARSE_ERROR: " + path + ": unexpected end of JSON input"},
		{"the other half", flags("dual", ""), "dual"},
		{"a default that is no variant", `{"flags": {"f": {"state": "ENABLED", "variants": {"a": "x"}, "defaultVariant": "b"}}}`, "PARSE_ERROR: " + path + ": default variant: 'b' isn't a valid variant of flag: 'f'"},
		{"no flags at all", `{}`, "PARSE_ERROR: " + path + `: want an object with the member "flags"`},
		{"too much", strings.Repeat(" ", maxFile) + "{}", "GENERAL: " + path + ": more than 4194304 bytes: these are no flags"},
		{"an end", `{"flags": {}}`, "FLAG_NOT_FOUND: there is none, or it is disabled"},
	} {
		write(t, path, step.text)
		await(t, p, step.want)
	}
	write(t, path+".new", flags("flow_only", ""))
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	await(t, p, "flow_only")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	await(t, p, "no such file")
	write(t, path, flags("flow_only", ""))
	await(t, p, "flow_only")
}

// TestYAML: flagd's files may be YAML.
func TestYAML(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flags.yaml")
	write(t, path, "flags:\n  f:\n    state: ENABLED\n    variants: {a: dual}\n    defaultVariant: a\n")
	p := begin(t, Options{File: path})
	if got := said(p); got != "dual" {
		t.Errorf("got %q", got)
	}
	write(t, path, "flags: {f: [\n")
	await(t, p, "GENERAL: "+path+": ")
}

// sender is a flagd's sync service.
type sender struct {
	syncv1grpc.UnimplementedFlagSyncServiceServer
	mu    sync.Mutex
	flags string
	more  chan struct{} // closed when there are others
}

func (s *sender) set(flags string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flags = flags
	if s.more != nil {
		close(s.more)
	}
	s.more = make(chan struct{})
}

func (s *sender) SyncFlags(r *syncv1.SyncFlagsRequest, stream grpc.ServerStreamingServer[syncv1.SyncFlagsResponse]) error {
	if r.GetProviderId() != "crossfade" {
		return errors.New("who is it?")
	}
	for {
		s.mu.Lock()
		flags, more := s.flags, s.more
		s.mu.Unlock()
		if flags == "end" {
			return nil
		}
		if err := stream.Send(&syncv1.SyncFlagsResponse{FlagConfiguration: flags}); err != nil {
			return err
		}
		select {
		case <-more:
		case <-stream.Context().Done():
			return nil
		}
	}
}

// serve serves a sender until stop is called.
func serve(t *testing.T, s *sender, address string) (at string, stop func()) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	syncv1grpc.RegisterFlagSyncServiceServer(server, s)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); err != nil {
			t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() {
		server.Stop()
		<-ended
	})
	t.Cleanup(stop)
	return listener.Addr().String(), stop
}

// TestServer: what a flagd sends counts; while it is away that is told, and soon after it is back it is asked again.
func TestServer(t *testing.T) {
	s := &sender{}
	s.set(flags("verify", ""))
	address, stop := serve(t, s, "127.0.0.1:0")
	p := begin(t, Options{Address: address})
	if got := said(p); got != "verify" {
		t.Errorf("got %q", got)
	}
	s.set(flags("dual", ""))
	await(t, p, "dual")
	s.set("nonsense")
	await(t, p, "PARSE_ERROR: flagd at "+address+": invalid character")
	s.set(flags("verify", ""))
	await(t, p, "verify")
	stop()
	await(t, p, "GENERAL: flagd at "+address+": connection error:")
	s.set(flags("flow_only", ""))
	serve(t, s, address)
	await(t, p, "flow_only")
	s.set("end")
	await(t, p, "GENERAL: flagd at "+address+": EOF")
}

// TestNobodyAnswers: Init does not wait longer than it is let, for a flagd that takes connections and says nothing.
func TestNobodyAnswers(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	p, err := New(Options{Address: listener.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.InitWithContext(ctx, sdk.EvaluationContext{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	p.Shutdown()
	if got := said(p); got != "PROVIDER_NOT_READY: nothing has come yet" {
		t.Errorf("got %q", got)
	}
}

// TestNew: one source, and no more.
func TestNew(t *testing.T) {
	for _, o := range []Options{{}, {File: "f", Address: "a:1"}} {
		if _, err := New(o); err == nil || err.Error() != "want a file of flags, or the address of a flagd" {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
