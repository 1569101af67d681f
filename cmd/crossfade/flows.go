package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/crossfade-proxy/crossfade/config"
	"github.com/crossfade-proxy/crossfade/internal/database"
	"github.com/crossfade-proxy/crossfade/proxy/flows/sqlstore"
)

func (p *process) flowsCommand() *cobra.Command {
	var file, store string
	cmd := &cobra.Command{
		Use:   "flows",
		Short: "What is remembered of flows: export, import, forget, and the tables' SQL",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVarP(&file, "config", "c", "", "configuration file (default ./proxy.yaml if it is there)")
	cmd.PersistentFlags().StringVar(&store, "store", "", "store.url, over file and environment")

	// in runs a verb with the store that is configured.
	in := func(do func(ctx context.Context, s *sqlstore.Store) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, _ []string) error {
			if err := p.withFlows(cmd.Context(), file, store, do); err != nil {
				return failed(err)
			}
			return nil
		}
	}
	export := &cobra.Command{
		Use:   "export",
		Short: "Write the rows of user_active_flows and flow_metadata as JSON lines",
		Long: `Writes the rows of the plan's two tables to standard output, one JSON object a line with the names of the
columns and the name of the table, of one moment and always in the same order.`,
		Example: "  crossfade flows export >flows.jsonl",
		Args:    cobra.NoArgs,
		RunE:    in(func(ctx context.Context, s *sqlstore.Store) error { return s.Export(ctx, p.stdout) }),
	}
	read := &cobra.Command{
		Use:   "import",
		Short: "Read what export wrote",
		Long: `Reads JSON lines from standard input: all of them in one transaction, or none. A row that is there already becomes
that of the input, so that the same lines may be read twice.`,
		Example: "  crossfade flows import --store postgres://crossfade@db/platform <flows.jsonl",
		Args:    cobra.NoArgs,
		RunE: in(func(ctx context.Context, s *sqlstore.Store) error {
			n, err := s.Import(ctx, p.stdin)
			if err == nil {
				fmt.Fprintf(p.stderr, "%d rows\n", n)
			}
			return err
		}),
	}
	var user string
	forget := &cobra.Command{
		Use:     "forget",
		Short:   "Delete everything that is remembered of a user",
		Example: "  crossfade flows forget --user 58467010-6a72-44e8-ba37-cc0238724455",
		Args:    cobra.NoArgs,
		RunE: in(func(ctx context.Context, s *sqlstore.Store) error {
			n, err := s.ForgetUser(ctx, user)
			if err == nil {
				fmt.Fprintf(p.stderr, "%d rows\n", n)
			}
			return err
		}),
	}
	forget.Flags().StringVar(&user, "user", "", "id of the user")
	_ = forget.MarkFlagRequired("user") // there is such a flag
	cmd.AddCommand(export, read, forget, p.ddlCommand())
	return cmd
}

func (p *process) ddlCommand() *cobra.Command {
	var dialect, schema string
	var platform bool
	cmd := &cobra.Command{
		Use:   "ddl",
		Short: "Print the SQL of the plan's tables",
		Long: `Prints the SQL that makes user_active_flows and flow_metadata, as crossfade does when it first needs them: for a
database whose roles may not make tables, and for the day when the backend takes them over.`,
		Example: `  crossfade flows ddl --dialect postgres
  crossfade flows ddl --dialect postgres --platform | psql platform`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if !platform {
				schema = ""
			}
			text, err := sqlstore.DDL(database.Dialect(dialect), schema)
			if err != nil {
				return misused(err)
			}
			_, err = io.WriteString(p.stdout, text)
			if err != nil {
				return failed(err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dialect, "dialect", string(database.Postgres), "postgres or sqlite")
	cmd.Flags().BoolVar(&platform, "platform", false, "beside the platform's tables users and engagements, with foreign keys")
	cmd.Flags().StringVar(&schema, "schema", "public", "with --platform: the schema of those tables")
	return cmd
}

// withFlows opens the configured store of flows for a verb.
func (p *process) withFlows(ctx context.Context, file, store string, do func(context.Context, *sqlstore.Store) error) error {
	o := config.Options{File: file}
	if store != "" {
		o.Flags = map[string]string{"store": store}
	}
	l, err := p.load(o, nil)
	if err != nil {
		return err
	}
	db, err := openDatabase(l.config)
	if err != nil {
		return err
	}
	if db == nil {
		return errors.New("nothing is kept (give store.url or --store)")
	}
	defer db.Close() //nolint:errcheck // what was to be kept has been committed
	s, err := openFlows(l.config, db)
	if err != nil {
		return err
	}
	return do(ctx, s)
}
