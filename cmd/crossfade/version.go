package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/crossfade-proxy/crossfade/transform/contract"
)

func (p *process) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Tell the version, and the revision of the built-in contract",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			builtin, err := contract.Builtin()
			if err != nil {
				return failed(err)
			}
			fmt.Fprintf(p.stdout, "crossfade %s, contract %s, %s %s/%s\n", versionText(), builtin.Revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}
