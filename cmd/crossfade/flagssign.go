package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/config/flags"
)

func (f *flagsVerbs) sign() *cobra.Command {
	var endpoint string
	var lasts time.Duration
	cmd := &cobra.Command{
		Use:   "sign STAGE",
		Short: "Sign an override: a request header that gives its sender a stage",
		Long: `Prints the header for a frontend developer, signed with flags.override_secret of the configuration. It asks nobody and
changes nothing; until its end it works wherever the same secret is configured.`,
		Example: `  CROSSFADE_FLAGS_OVERRIDE_SECRET=not-this-one-please crossfade flags sign flow_only --for 8h`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			stage := flags.Stage(args[0])
			if err := stage.Check(); err != nil {
				return misused(err)
			}
			l, err := f.process.load(config.Options{File: f.admin.config}, nil)
			if err != nil {
				return failed(err)
			}
			secret := l.config.Flags.OverrideSecret
			if secret == "" {
				return failed(errors.New("flags.override_secret is empty: there is nothing to sign with"))
			}
			if lasts <= 0 || lasts > maxOverride {
				return misused(fmt.Errorf("--for %s: want more than nothing and at most %s", lasts, maxOverride))
			}
			fmt.Fprintf(f.process.stdout, "%s: %s\n", l.config.Flags.OverrideHeader,
				flags.SignOverride([]byte(secret), stage, endpoint, time.Now().Add(lasts)))
			return nil
		},
	}
	cmd.Flags().StringVar(&endpoint, "endpoint", "*", "the endpoint that it is for, * for all")
	cmd.Flags().DurationVar(&lasts, "for", time.Hour, "how long it holds")
	return cmd
}

// maxOverride is as long as a signed override may hold; longer ones count for nothing.
const maxOverride = 24 * time.Hour
