package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"buf.build/gen/go/open-feature/flagd/grpc/go/flagd/sync/v1/syncv1grpc"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"google.golang.org/grpc"

	"github.com/crossfade-proxy/crossfade/proxy/admin"
)

// flagdFile is a file of flagd: who is of the tenant pilot gets dual, all others stage, and everybody passthrough when it is to be killed.
func flagdFile(stage string, kill bool) string {
	return fmt.Sprintf(`{"flags": {
		"x-context-me": {"state": "ENABLED", "variants": {"off": "passthrough", "on": {"stage": %q, "rules": [{"name": "pilots", "stage": "dual", "cohort": {"tenants": ["pilot"]}}]}},
			"defaultVariant": "off", "targeting": {"if": [{"==": [{"var": "environment"}, "staging"]}, "on", "off"]}},
		"x-kill-switch": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": %q}
	}}`, stage, map[bool]string{true: "on", false: "off"}[kill])
}

// provided is a serve whose flags another system keeps.
type provided struct {
	*operator
	file string
}

// put writes the file of flags as an editor does: in place.
func (p *provided) put(text string) {
	p.t.Helper()
	if err := os.WriteFile(p.file, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// told waits until the status says something.
func (p *provided) told(pattern string) {
	p.t.Helper()
	token, err := admin.ReadTokenFile(filepath.Join(p.data, adminTokenFile))
	if err != nil {
		p.t.Fatal(err)
	}
	a := adminClient{base: p.serve.admin, token: token}
	p.eventually(func() string {
		var status json.RawMessage
		if _, err := a.do(p.t.Context(), http.MethodGet, "/status", nil, &status); err != nil {
			return err.Error()
		}
		return string(status)
	}, pattern)
}

// local runs a verb on the machine of the serve, which finds out for itself whom to ask.
func (p *provided) local(args ...string) (int, string) {
	p.t.Helper()
	var out bytes.Buffer
	verb := process{stdin: strings.NewReader(""), stdout: &out, stderr: &out, environ: append(slices.Clone(p.environ),
		"CROSSFADE_DATA_DIR="+p.data, "CROSSFADE_ADMIN="+strings.TrimPrefix(p.serve.admin, "http://"))}
	return verb.run(p.t.Context(), args), out.String()
}

func provideByFile(t *testing.T) *provided {
	t.Helper()
	p := &provided{file: filepath.Join(t.TempDir(), "flags.json")}
	p.operator = &operator{t: t, data: t.TempDir(), environ: []string{
		"CROSSFADE_FLAGS_PROVIDER=flagd:file:" + p.file, "CROSSFADE_FLAGS_PROVIDER_PREFIX=x-", "CROSSFADE_FLAGS_PROVIDER_CONTEXT=environment=staging",
	}}
	return p
}

// TestProvider: flags in a file of flagd's decide, with cohorts; a mistake in it changes nothing, nor does its going, nor a restart without it.
func TestProvider(t *testing.T) {
	p := provideByFile(t)
	p.put(flagdFile("verify", false))
	p.start()
	p.mode("passthrough") // verify, for the client; at once, without a moment in which nothing is known
	p.mode("dual", "X-Client-Account-ID", "pilot")
	p.put(flagdFile("flow_only", false))
	p.soon("flow_only")
	p.mode("dual", "X-Client-Account-ID", "pilot")
	p.want(0, `(?s)context-me: dual.*rule pilots`, "explain", "/api/v1/context/me", "-H", "X-Client-Account-ID: pilot")

	for _, broken := range []struct{ text, told string }{
		{flagdFile("dual", false)[:120], `unexpected end of JSON input`},
		{"", `it is empty`},
		{flagdFile("duall", false), `unknown stage .*duall`},
	} {
		p.put(broken.text)
		p.told(broken.told)
		p.mode("flow_only")
		p.mode("dual", "X-Client-Account-ID", "pilot")
	}
	if err := os.Remove(p.file); err != nil {
		t.Fatal(err)
	}
	p.told("no such file")
	p.mode("flow_only")
	p.serve.cancel()
	p.serve.wait()
	p.start()
	p.mode("flow_only")
	p.put(flagdFile("dual", false))
	p.soon("dual")
}

// TestProviderThatIsAway: a first start without it knows nothing, and is passthrough until it is there.
func TestProviderThatIsAway(t *testing.T) {
	p := provideByFile(t)
	p.start()
	p.mode("passthrough")
	p.told("no such file")
	p.put(flagdFile("dual", false))
	p.soon("dual")
}

// TestProviderKill: changes are refused with where they are to be made; the kill switch is there, and here the kill file.
func TestProviderKill(t *testing.T) {
	p := provideByFile(t)
	p.put(flagdFile("dual", false))
	p.start()
	p.mode("dual")
	p.want(1, `change them there \(flagd:file:`+p.file+`\)`, "flags", "set", "context-me", "flow_only", "--reason", "why")
	p.want(0, `(?s)change them there|wrote `, "kill") // the address is this machine's, so the file works
	p.soon("passthrough")
	if code, said := p.local("unkill"); code != 0 {
		t.Fatalf("unkill: exit code %d, %s", code, said)
	}
	p.soon("dual")
	code, said := p.local("kill", "--reason", "3 am")
	if code != 0 || !strings.Contains(said, "change them there") || !strings.Contains(said, "wrote "+filepath.Join(p.data, killFile)) {
		t.Errorf("kill: exit code %d, %s", code, said)
	}
	p.soon("passthrough")
	code, said = p.local("unkill")
	if code != 0 || !strings.Contains(said, "took "+filepath.Join(p.data, killFile)) || !strings.Contains(said, "the kill switch of all is as it was") {
		t.Errorf("unkill: exit code %d, %s", code, said)
	}
	p.soon("dual")
	p.put(flagdFile("dual", true))
	p.soon("passthrough")
	p.want(0, `THE KILL SWITCH IS ON.*the flag x-kill-switch is on`, "flags", "list")
}

// syncServer is a flagd that sends each set of flags that it is given, to one caller.
type syncServer struct {
	syncv1grpc.UnimplementedFlagSyncServiceServer
	flags chan string
}

func (s *syncServer) SyncFlags(_ *syncv1.SyncFlagsRequest, stream grpc.ServerStreamingServer[syncv1.SyncFlagsResponse]) error {
	for {
		select {
		case flags := <-s.flags:
			if err := stream.Send(&syncv1.SyncFlagsResponse{FlagConfiguration: flags}); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return nil
		}
	}
}

// TestProviderOverGRPC: the same from a flagd that serves its flags.
func TestProviderOverGRPC(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &syncServer{flags: make(chan string, 1)}
	server := grpc.NewServer()
	syncv1grpc.RegisterFlagSyncServiceServer(server, s)
	go server.Serve(listener) //nolint:errcheck // it ends with the test
	t.Cleanup(server.Stop)

	p := provideByFile(t)
	p.environ[0] = "CROSSFADE_FLAGS_PROVIDER=flagd:grpc:" + listener.Addr().String()
	s.flags <- flagdFile("flow_only", false)
	p.start()
	p.mode("flow_only")
	p.mode("dual", "X-Client-Account-ID", "pilot")
	s.flags <- flagdFile("dual", false)
	p.soon("dual")
	server.Stop()
	p.told("the store is not available: flag x-kill-switch: GENERAL: flagd at " + listener.Addr().String())
	p.mode("dual")
	if code, said := p.local("kill"); code != 0 {
		t.Errorf("kill: exit code %d, %s", code, said)
	}
	p.soon("passthrough")
}
