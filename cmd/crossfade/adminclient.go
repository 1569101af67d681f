package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/proxy/admin"
)

// Exit codes of the verbs that talk to a running crossfade, beside those of all verbs.
const (
	exitAway  = 3 // nobody answers, or the store is away: nothing was changed, or nobody can tell
	exitStale = 4 // somebody else changed it meanwhile
)

const exitCodes = `Exit codes: 0 done; 1 refused; 2 wrong usage; 3 nobody answers, or the store is away; 4 changed
meanwhile by somebody else.`

// adminFlags say which crossfade is meant, and who asks.
type adminFlags struct {
	url, tokenFile, config, data string
}

func (f *adminFlags) register(set *pflag.FlagSet) {
	set.StringVar(&f.url, "admin", "", "where the admin API is (default: admin.listen of the configuration)")
	set.StringVar(&f.tokenFile, "token-file", "", "file with the token (default: CROSSFADE_ADMIN_TOKEN, else admin.token in the data directory)")
	set.StringVar(&f.data, "data", "", "data directory of the crossfade on this machine (default: data_dir of the configuration)")
	set.StringVarP(&f.config, "config", "c", "", "configuration file of the crossfade on this machine (default ./proxy.yaml if it is there)")
}

// adminClient talks to a running crossfade.
type adminClient struct {
	base   string // without a slash at its end
	token  string
	client http.Client
	data   string // the data directory of the configuration, "" for none
}

// adminTimeout is longer than the admin API waits for its store.
const adminTimeout = 15 * time.Second

// connect finds out whom to ask. A configuration that cannot be read is no reason not to try: the hour of the kill
// switch may be the one in which somebody broke it.
func (p *process) connect(f adminFlags) (*adminClient, error) {
	c := &config.Config{DataDir: "data", Admin: config.Admin{Listen: "127.0.0.1:9901"}}
	if l, err := p.load(config.Options{File: f.config}, nil); err == nil {
		c = l.config
	} else {
		fmt.Fprintf(p.stderr, "crossfade: the configuration cannot be read, going on with defaults: %v\n", err)
	}
	if f.data != "" {
		c.DataDir = f.data
	}
	a := &adminClient{base: f.url, data: c.DataDir}
	a.client.Timeout = adminTimeout
	a.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if a.base == "" {
		if c.Admin.Listen == "" {
			return nil, errors.New("admin.listen is empty: there is no admin listener; name another crossfade with --admin")
		}
		a.base = a.reach(c.Admin.Listen)
	}
	a.base = strings.TrimSuffix(a.base, "/")
	if u, err := url.Parse(a.base); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("--admin %q: want an address like http://127.0.0.1:9901", f.url)
	}
	var err error
	a.token, err = p.adminToken(f, c)
	return a, err
}

// reach gives the address by which a listener is called, and how to get there.
func (a *adminClient) reach(listen string) string {
	if path, ok := strings.CutPrefix(listen, "unix:"); ok {
		a.client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}}
		return "http://localhost"
	}
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// adminToken finds the token: of the file that was named, of the configuration, or the one that serve made. None
// is no error here: what needs none works, and the API says the rest.
func (p *process) adminToken(f adminFlags, c *config.Config) (string, error) {
	if f.tokenFile != "" {
		return admin.ReadTokenFile(f.tokenFile)
	}
	if c.Admin.Token != "" {
		return c.Admin.Token, nil
	}
	if c.DataDir == "" {
		return "", nil
	}
	token, err := admin.ReadTokenFile(filepath.Join(c.DataDir, adminTokenFile))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return token, err
}

// refusalError is an answer that says no.
type refusalError struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Type   string `json:"type"`
}

func (e *refusalError) Error() string {
	switch {
	case e.Status == http.StatusUnauthorized:
		return e.Detail + " (give one by --token-file, CROSSFADE_ADMIN_TOKEN, or where serve keeps its data)"
	case e.Detail != "":
		return e.Detail
	}
	return e.Title
}

// errAway is that nobody answers.
var errAway = errors.New("no answer from the admin API")

// do asks for something. body and into may be nil; header is pairs. It gives the ETag.
func (a *adminClient) do(ctx context.Context, method, path string, body, into any, header ...string) (tag string, err error) {
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return "", err
		}
		text = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, a.base+"/api/v1"+path, text)
	if err != nil {
		return "", err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := a.client.Do(r)
	if err != nil {
		return "", fmt.Errorf("%w at %s: %w", errAway, a.base, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return "", fmt.Errorf("%w at %s: %w", errAway, a.base, err)
	}
	if res.StatusCode >= 300 {
		problem := &refusalError{Status: res.StatusCode, Title: res.Status}
		if err := json.Unmarshal(answer, problem); err != nil {
			problem.Detail = "is that crossfade's admin listener?"
		}
		problem.Status = res.StatusCode
		return "", problem
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			return "", fmt.Errorf("%s: the answer cannot be read: %w", a.base, err)
		}
	}
	return res.Header.Get("ETag"), nil
}

// isAway says whether an error leaves the kill file as the only way.
func isAway(err error) bool {
	var problem *refusalError
	return errors.Is(err, errAway) || errors.As(err, &problem) && problem.Status >= http.StatusInternalServerError
}

// isElsewhere says whether a change was refused since another system keeps the flags.
func isElsewhere(err error) bool {
	var problem *refusalError
	return errors.As(err, &problem) && problem.Type == "urn:crossfade:problem:kept-elsewhere"
}

// outcome gives an error of a call its exit code.
func outcome(err error) error {
	var problem *refusalError
	switch {
	case err == nil:
		return nil
	case isAway(err):
		return &exitError{Code: exitAway, Err: err}
	case errors.As(err, &problem) && problem.Status == http.StatusPreconditionFailed:
		return &exitError{Code: exitStale, Err: err}
	}
	return failed(err)
}
