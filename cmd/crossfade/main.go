// Command crossfade is a reverse proxy for one migration: the backend behind it speaks
// sessions, its frontends want flows.
//
// This package knows the process and nothing else: the verbs (one file each), how the rooms
// are wired together (load.go), listeners, signals and exit codes. `crossfade --help` lists
// the verbs; `crossfade demo` shows the whole thing without any set-up.
//
// Exit codes: 0 good; 1 a failure, or a check that found something; 2 wrong usage, a check
// that could not tell, or a second signal that ended the process at once.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker (make build); without it, the module's version is told.
var version string

const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(exitUsage)
	}()
	p := process{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ()}
	os.Exit(p.run(ctx, os.Args[1:]))
}

// process is what a run of the command may touch of the world around it.
type process struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	reload         <-chan os.Signal // asks serve to reload; nil: SIGHUP does
}

// exitError ends the command with a code; Err is told on standard error unless it is nil.
type exitError struct {
	Code int
	Err  error
}

func (e *exitError) Error() string { return fmt.Sprint(e.Err) }
func (e *exitError) Unwrap() error { return e.Err }

// run runs one command line until it is done or ctx is, and returns the exit code.
func (p *process) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		// Only cobra itself returns other errors: an unknown verb or flag.
		fmt.Fprintf(p.stderr, "crossfade: %v\nTry crossfade --help.\n", err)
		return exitUsage
	}
	if exit.Err != nil {
		fmt.Fprintf(p.stderr, "crossfade: %v\n", exit.Err)
	}
	return exit.Code
}

// failed makes an error of a verb end the command with exit code 1.
func failed(err error) error { return &exitError{Code: exitFailure, Err: err} }

// misused makes an error of a verb end the command with exit code 2.
func misused(err error) error { return &exitError{Code: exitUsage, Err: err} }

func (p *process) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "crossfade",
		Short: "A reverse proxy that moves frontends from sessions to flows, route by route",
		Long: `crossfade stands in front of a backend that speaks sessions and gives frontends flows:
per endpoint it passes bytes through (passthrough), answers in both shapes at once (dual)
or in flows alone (flow_only), and maps flow-shaped requests back.

  crossfade demo                                             see it work, with nothing set up
  crossfade serve --upstream http://127.0.0.1:8000           stand in front of a backend`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.AddCommand(p.serveCommand(), p.demoCommand(), p.checkCommand(), p.transformCommand(), p.endpointsCommand(),
		p.flagsCommand(), p.killCommand(), p.unkillCommand(), p.explainCommand(), p.flowsCommand(), p.versionCommand())
	return root
}

// versionText is the version and, where it is known, the commit.
func versionText() string {
	text := version
	info, ok := debug.ReadBuildInfo()
	if text == "" {
		text = "dev"
		if ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
			text = info.Main.Version
		}
	}
	return text
}
