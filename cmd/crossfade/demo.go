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
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/crossfade-proxy/crossfade/internal/legacy"
	"github.com/crossfade-proxy/crossfade/proxy"
	"github.com/crossfade-proxy/crossfade/transform/contract"
)

func (p *process) demoCommand() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: an embedded legacy backend, crossfade in front of it, and a tour",
		Long: `Starts a small backend that behaves as the legacy build does, and crossfade in front of it
three times, once for each mode. Then it calls them as a frontend would, tells what came
back, and prints the curl lines to do the same by hand. Everything is on loopback.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.demo(cmd.Context(), once) },
	}
	cmd.Flags().BoolVar(&once, "once", false, "end after the tour instead of serving on")
	return cmd
}

// demo is a running demo: where its parts listen.
type demo struct {
	out      io.Writer
	upstream string                // http://127.0.0.1:8000
	modes    map[proxy.Mode]string // the same for crossfade in each mode
	servers  []*http.Server
	client   http.Client
	kept     *demoMemory
}

func (p *process) demo(ctx context.Context, once bool) error {
	d := newDemo(p.stdout)
	defer d.close()
	if err := d.start(); err != nil {
		return failed(err)
	}
	if err := d.tour(ctx); err != nil {
		return failed(err)
	}
	if once {
		return nil
	}
	fmt.Fprintln(d.out, "\nIt serves on until you press Ctrl-C.")
	<-ctx.Done()
	return nil
}

func newDemo(out io.Writer) *demo {
	return &demo{out: out, modes: map[proxy.Mode]string{}, client: http.Client{Timeout: 10 * time.Second}}
}

// start starts the backend and crossfade in each mode.
func (d *demo) start() error {
	var err error
	if d.upstream, err = d.listen(8000, legacy.New(legacy.Options{Paper: true})); err != nil {
		return err
	}
	upstream, err := url.Parse(d.upstream)
	if err != nil {
		return err
	}
	builtin, err := contract.Builtin()
	if err != nil {
		return err
	}
	if d.kept, err = newDemoMemory(); err != nil {
		return err
	}
	if builtin, err = builtin.Switch(d.kept.managed()); err != nil {
		return err
	}
	for i, mode := range []proxy.Mode{proxy.Passthrough, proxy.Dual, proxy.FlowOnly} {
		handler, err := proxy.New(proxy.Options{
			Upstream: upstream,
			Contract: builtin,
			Decider:  proxy.Fixed{Default: mode},
			Memory:   d.kept.memory,
			Logger:   zap.NewNop(), // the tour is what there is to read
		})
		if err != nil {
			return err
		}
		if d.modes[mode], err = d.listen(8081+i, handler); err != nil {
			return err
		}
	}
	return nil
}

// listen serves h on loopback, on the wanted port or, if that is taken, on a free one.
func (d *demo) listen(port int, h http.Handler) (string, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	d.servers = append(d.servers, s)
	go s.Serve(l) //nolint:errcheck // it ends with ErrServerClosed when the demo does
	return "http://" + l.Addr().String(), nil
}

func (d *demo) close() {
	for _, s := range d.servers {
		_ = s.Close() // it is over: there is nobody to tell
	}
	if d.kept != nil {
		d.kept.close()
	}
}

// call is one call of the tour.
type call struct {
	method, path, body string
	tenant             bool // with the headers that name client and engagement
}

const (
	demoClient     = "73dee5f1-6a01-43e3-b1b8-dbe6c66f2990"
	demoEngagement = legacy.AzureEngagement
)

func (c call) headers() [][2]string {
	list := [][2]string{{"Authorization", "Bearer " + legacy.Token(legacy.PlatformAdmin)}}
	if c.tenant {
		list = append(list, [2]string{"X-Client-Account-ID", demoClient}, [2]string{"X-Engagement-ID", demoEngagement}, [2]string{"X-User-ID", legacy.PlatformAdmin})
	}
	if c.body != "" {
		list = append(list, [2]string{"Content-Type", "application/json"})
	}
	return list
}

// curl is the command line that makes the call.
func (c call) curl(base string) string {
	var b strings.Builder
	b.WriteString("curl -s")
	if c.method != http.MethodGet {
		b.WriteString(" -X " + c.method)
	}
	for _, h := range c.headers() {
		fmt.Fprintf(&b, " \\\n     -H '%s: %s'", h[0], h[1])
	}
	if c.body != "" {
		fmt.Fprintf(&b, " \\\n     -d '%s'", c.body)
	}
	fmt.Fprintf(&b, " \\\n     '%s%s'", base, c.path)
	return b.String()
}

// do makes the call and gives the answer's status, mode and body.
func (d *demo) do(ctx context.Context, base string, c call) (status int, mode string, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, c.method, base+c.path, strings.NewReader(c.body))
	if err != nil {
		return 0, "", nil, err
	}
	for _, h := range c.headers() {
		r.Header.Set(h[0], h[1])
	}
	res, err := d.client.Do(r)
	if err != nil {
		return 0, "", nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, res.Header.Get("Crossfade-Mode"), body, err
}

// indented is body as a person reads it; a body that is no JSON stays as it is.
func indented(body []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, body, "  ", "  ") != nil {
		return string(body)
	}
	return b.String()
}
