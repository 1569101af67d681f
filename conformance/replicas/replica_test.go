package replicas_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/crossfade-proxy/crossfade/config/flags"
	"github.com/crossfade-proxy/crossfade/config/flags/sqlstore"
	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

const (
	endpoint = "context-me"
	target   = "/api/v1/context/me"
	// headerVersion tells which version of the flags an answer was decided by.
	headerVersion = "Test-Version"
)

// replica is one process: the data path, decided by flags that are kept in a store. The test binary is run once more to be it.
type replica struct {
	Listen, Control string // addresses
	Upstream, Store string // URLs
	Dir             string // what it keeps beside the store
}

// serve is the process's main function. It ends by being killed.
func (c replica) serve() error {
	db, err := database.Open(c.Store, database.Options{Timeout: 2 * time.Second})
	if err != nil {
		return err
	}
	store, err := sqlstore.New(db)
	if err != nil {
		return err
	}
	live, err := flags.Open(context.Background(), flags.LiveOptions{
		Store: store, SnapshotFile: filepath.Join(c.Dir, "flags.json"), KillFile: filepath.Join(c.Dir, "kill"),
		Settings: flags.Settings{Endpoints: []string{endpoint}},
	})
	if err != nil {
		return err
	}
	go live.Run(context.Background())
	upstream, err := url.Parse(c.Upstream)
	if err != nil {
		return err
	}
	path, err := newProxy(upstream, decider{live})
	if err != nil {
		return err
	}
	ended := make(chan error)
	for address, handler := range map[string]http.Handler{c.Listen: versioned(path), c.Control: flip(live)} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		go func() { ended <- http.Serve(listener, handler) }() //nolint:gosec // clients are our own
	}
	return <-ended
}

func newProxy(upstream *url.URL, d proxy.Decider) (http.Handler, error) {
	builtin, err := contract.Builtin()
	if err != nil {
		return nil, err
	}
	return proxy.New(proxy.Options{Upstream: upstream, Contract: builtin, Decider: d})
}

type versionKey struct{}

// decider asks the flags, and leaves the version with the request.
type decider struct{ live *flags.Live }

func (d decider) Decide(r *http.Request, endpoint string) proxy.Decision {
	said := d.live.Decide(flags.Request{Header: r.Header}, endpoint)
	if version, ok := r.Context().Value(versionKey{}).(*int64); ok && *version < 0 {
		*version = said.Version
	}
	return proxy.Decision{Mode: proxy.Mode(said.Stage), Reason: proxy.Reason(said.Reason), Consulted: said.Consulted, Private: said.Private}
}

// versioned puts the version on the answer that was decided by it.
func versioned(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		version := int64(-1)
		h.ServeHTTP(&versionWriter{w, &version}, r.WithContext(context.WithValue(r.Context(), versionKey{}, &version)))
	})
}

type versionWriter struct {
	http.ResponseWriter
	version *int64
}

func (w *versionWriter) WriteHeader(status int) {
	w.Header().Set(headerVersion, strconv.FormatInt(*w.version, 10))
	w.ResponseWriter.WriteHeader(status)
}

func (w *versionWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// flip changes the flag: 200 and the version, 409 when nothing was changed, 500 when nobody knows. A GET tells the version that is served.
func flip(live *flags.Live) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, live.State().Version)
			return
		}
		var asked struct{ Stage, Reason string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		change := flags.SetFlag{Flag: flags.Flag{Endpoint: endpoint, Stage: flags.Stage(asked.Stage)}}
		state, _, err := live.Change(r.Context(), change, flags.Author{By: "test", Reason: asked.Reason, Force: true}, nil, false)
		switch {
		case err == nil:
			fmt.Fprint(w, state.Version)
		case errors.Is(err, flags.ErrUnavailable), errors.Is(err, flags.ErrNothing), errors.Is(err, flags.ErrBehind):
			http.Error(w, err.Error(), http.StatusConflict)
		default:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
}

// main of a test binary that was started as a replica.
func replicaMain(config string) int {
	var c replica
	err := json.Unmarshal([]byte(config), &c)
	if err == nil {
		err = c.serve()
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}
