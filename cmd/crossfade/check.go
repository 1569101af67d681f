package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/crossfade-proxy/crossfade/config"
)

func (p *process) checkCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "check [CONTRACT.yaml...]",
		Short: "Check the configuration and the contracts, and run the contracts' examples",
		Long: `Reads proxy.yaml, the environment and all contracts, those named here behind the configured ones,
and tells everything that is wrong with them. Then it runs every endpoint's examples, and
bodies that it makes up, against the laws: what is mapped to flows comes back, dual keeps
every byte, flow-only has no session name left.

Exit code 0: all is well. 1: something was found. 2: a file could not be read, so nobody can tell.`,
		Example: `  crossfade check --config proxy.yaml
  crossfade check my-contract.yaml`,
		RunE: func(_ *cobra.Command, args []string) error { return p.check(file, args) },
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration file (default ./proxy.yaml if it is there)")
	return cmd
}

func (p *process) check(file string, contracts []string) error {
	l, err := p.load(config.Options{File: file}, contracts)
	if err == nil {
		_, err = certificates(l.config.Server.TLS, os.ReadFile)
	}
	if err == nil {
		err = checkDatabase(l.config)
	}
	if err != nil {
		fmt.Fprintln(p.stdout, err)
		var path *fs.PathError
		if errors.As(err, &path) {
			return &exitError{Code: exitUsage}
		}
		return &exitError{Code: exitFailure}
	}
	findings := l.contract.Check()
	for _, f := range findings {
		fmt.Fprintln(p.stdout, f)
	}
	examples := 0
	for _, e := range l.contract.Endpoints {
		examples += len(e.Examples)
	}
	fmt.Fprintf(p.stderr, "%d endpoints, %d examples, contract revision %s: ", len(l.contract.Endpoints), examples, l.contract.Revision)
	if len(findings) > 0 {
		fmt.Fprintf(p.stderr, "%d findings\n", len(findings))
		return &exitError{Code: exitFailure}
	}
	fmt.Fprintln(p.stderr, "all is well")
	return nil
}
