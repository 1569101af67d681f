package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crossfade-proxy/crossfade/config/flags"
)

// Names of files in the data directory.
const (
	killFile             = "kill"
	snapshotFile         = "flags.json"
	providerSnapshotFile = "provider-flags.json"
	adminTokenFile       = "admin.token"
)

const (
	// killPatience is how long kill waits for the admin API before it takes the file: who kills has no time.
	killPatience = 3 * time.Second
	// unkillPatience is how long unkill waits until the crossfade that it asked has seen that the file is gone, which
	// takes it half a second.
	unkillPatience = 2 * time.Second
)

func (p *process) killCommand() *cobra.Command {
	var f adminFlags
	var reason string
	var local bool
	cmd := &cobra.Command{
		Use:   "kill",
		Short: "Everything to passthrough, now: the way back",
		Long: `Turns the kill switch on: all endpoints, on all replicas that share a store, also after restarts, until unkill. Where
the admin API does not answer, its store is away, or another system keeps the flags, it writes the file kill into the data directory
instead, which the crossfade on this machine sees within half a second.

` + exitCodes,
		Example: `  crossfade kill --reason "errors in the web app"
  crossfade kill --local`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.kill(cmd.Context(), f, reason, local) },
	}
	f.register(cmd.Flags())
	cmd.Flags().StringVarP(&reason, "reason", "r", "kill switch", "why, for the journal")
	cmd.Flags().BoolVar(&local, "local", false, "write the file alone, and ask nobody")
	return cmd
}

func (p *process) kill(ctx context.Context, f adminFlags, reason string, local bool) error {
	a, err := p.connect(f)
	if err != nil {
		return failed(err)
	}
	if !local {
		if err = p.killByAdmin(ctx, a, reason); err == nil || !isAway(err) && !isElsewhere(err) {
			return outcome(err)
		}
		fmt.Fprintf(p.stderr, "crossfade: %v\n", err)
		if f.url != "" && f.data == "" && !onLoopback(f.url) {
			return outcome(fmt.Errorf("nothing was changed: run crossfade kill on the machine of %s, where the kill file works: %w", f.url, err))
		}
	}
	if a.data == "" {
		return failed(errors.New("data_dir is empty: there is no place for the kill file; stop crossfade, or give it mode passthrough"))
	}
	// A folder made here would be one that no crossfade looks into, and nothing would be killed.
	if _, err := os.Stat(a.data); err != nil {
		return failed(fmt.Errorf("nothing was changed: no crossfade keeps its data in %s (name the folder with --data, or the configuration with --config): %w", absolute(a.data), err))
	}
	path := filepath.Join(a.data, killFile)
	if err := flags.WriteKillFile(path, flags.Kill{At: time.Now().UTC(), By: whoami(), Reason: reason}); err != nil {
		return failed(err)
	}
	fmt.Fprintf(p.stdout, "wrote %s: the crossfade that keeps its data there passes everything through within half a second, other replicas do not\n", absolute(path))
	return nil
}

// killByAdmin turns the switch on in the store.
func (p *process) killByAdmin(ctx context.Context, a *adminClient, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, killPatience)
	defer cancel()
	var done changed
	if _, err := a.do(ctx, http.MethodPut, "/kill", map[string]any{"reason": reason}, &done); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "version %d: everything passes through; replicas follow within two seconds\n", done.Version)
	return nil
}

func (p *process) unkillCommand() *cobra.Command {
	var f adminFlags
	var reason string
	var local bool
	cmd := &cobra.Command{
		Use:   "unkill",
		Short: "Turn the kill switch off: flags count again",
		Long: `Turns the kill switch off in the store, and takes the kill file of this machine away.

` + exitCodes,
		Example: `  crossfade unkill --reason "mended"`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return p.unkill(cmd.Context(), f, reason, local) },
	}
	f.register(cmd.Flags())
	cmd.Flags().StringVarP(&reason, "reason", "r", "kill switch off", "why, for the journal")
	cmd.Flags().BoolVar(&local, "local", false, "take the file away alone, and ask nobody")
	return cmd
}

func (p *process) unkill(ctx context.Context, f adminFlags, reason string, local bool) error {
	a, err := p.connect(f)
	if err != nil {
		return failed(err)
	}
	// The file first: as long as the store says kill, nothing moves, and if it cannot be asked, the file is the half
	// that can be mended here.
	if (f.url == "" || f.data != "") && a.data != "" {
		path := filepath.Join(a.data, killFile)
		k, err := flags.ReadKillFile(path)
		if err == nil && k != nil {
			err = flags.RemoveKillFile(path)
			if err == nil {
				fmt.Fprintf(p.stdout, "took %s away\n", absolute(path))
			}
		}
		if err != nil {
			return failed(err)
		}
	}
	if local {
		return nil
	}
	var raw json.RawMessage
	if _, err := a.do(ctx, http.MethodDelete, "/kill", map[string]any{"reason": reason}, &raw); err != nil {
		if isElsewhere(err) && (f.url == "" || f.data != "") {
			fmt.Fprintf(p.stdout, "the kill switch of all is as it was: %v\n", err)
			return nil // what there is to do here is done
		}
		return outcome(fmt.Errorf("the store's kill switch is as it was: %w", err))
	}
	var done changed
	if err := json.Unmarshal(raw, &done); err != nil {
		return failed(err)
	}
	if !done.Changed {
		fmt.Fprintln(p.stdout, "the store's kill switch is off already")
	}
	if err := p.awaitNoKillFile(ctx, a); err != nil {
		return outcome(err)
	}
	if done.Changed {
		fmt.Fprintf(p.stdout, "version %d: flags count again; replicas follow within two seconds\n", done.Version)
	}
	return nil
}

// awaitNoKillFile returns when the crossfade that was asked has no kill file: until then it passes everything through.
func (p *process) awaitNoKillFile(ctx context.Context, a *adminClient) error {
	end := time.After(unkillPatience)
	for {
		var now struct {
			KillFile bool `json:"kill_file"`
		}
		if _, err := a.do(ctx, http.MethodGet, "/kill", nil, &now); err != nil || !now.KillFile {
			return err
		}
		select {
		case <-end:
			return fmt.Errorf("everything still passes through: the crossfade at %s has a kill file in its data directory (run crossfade unkill on its machine, with --config or --data)", a.base)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// onLoopback tells whether an address is one of this machine.
func onLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// whoami is who ran the command, for a file that no token signs.
func whoami() string {
	if u, err := user.Current(); err == nil {
		return u.Username + " at this machine"
	}
	return "somebody at this machine"
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return strings.TrimSpace(path)
}
