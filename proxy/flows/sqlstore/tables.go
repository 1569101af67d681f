package sqlstore

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing/fstest"

	"github.com/crossfade-proxy/crossfade/internal/database"
)

//go:embed tables
var tables embed.FS

// versions is the table of this room's migrations.
const versions = "flows_migrations"

// DDL gives the SQL of the plan's tables. platform is the schema in which the tables users and engagements
// are, for the foreign keys of the plan; "" leaves them out.
func DDL(dialect database.Dialect, platform string) (string, error) {
	if platform != "" && !regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`).MatchString(platform) {
		return "", fmt.Errorf("schema of the platform: %q is not a name that needs no quotes (want a to z, 0 to 9 and _)", platform)
	}
	text, err := tables.ReadFile("tables/plan." + string(dialect) + ".sql")
	if err != nil {
		return "", fmt.Errorf("unknown dialect %q (want %s or %s)", string(dialect), database.Postgres, database.SQLite)
	}
	schema, references := "", ""
	if platform != "" {
		references = " REFERENCES %s%s(id) ON DELETE CASCADE"
		if dialect == database.Postgres {
			schema = platform + "."
		}
	}
	keys := []string{"{schema}", schema}
	for _, table := range []string{"users", "engagements"} {
		reference := ""
		if references != "" {
			reference = fmt.Sprintf(references, schema, table)
		}
		keys = append(keys, "{"+table+"}", reference)
	}
	return strings.NewReplacer(keys...).Replace(string(text)), nil
}

// migrations are the files for goose. A table of the plan that the platform has made itself is taken as it is,
// but for the index, which is what holds the law of one current flow.
func migrations(dialect database.Dialect, platform string) (fs.FS, error) {
	plan, err := DDL(dialect, platform)
	if err != nil {
		return nil, err
	}
	notes, err := tables.ReadFile("tables/notes.sql")
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "-- +goose Up\n%s\n%s\n-- +goose Down\n", plan, notes)
	schema := ""
	if platform != "" && dialect == database.Postgres {
		schema = platform + "."
	}
	for _, table := range []string{"flow_absences", "flow_intents", "flow_versions", schema + "flow_metadata", schema + "user_active_flows"} {
		fmt.Fprintf(&b, "DROP TABLE %s;\n", table)
	}
	// A file system of two places, made of values: what it is called comes from its first use.
	return fstest.MapFS{string(dialect) + "/00001_flows.sql": {Data: []byte(b.String())}}, nil
}
