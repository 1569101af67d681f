package database

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"modernc.org/sqlite"
)

func openSQLite(path string, o Options) (*DB, error) {
	// sqlite:///var/lib/x and sqlite:/var/lib/x are the same file.
	if rest, ok := strings.CutPrefix(path, "//"); ok {
		path = rest
	}
	switch {
	case path == "":
		return nil, errors.New("database URL: sqlite: names no file (want sqlite:PATH)")
	case path == ":memory:" || strings.Contains(path, "?"):
		return nil, fmt.Errorf("database URL: sqlite:%s is not the path of a file; there are no options in it, and no memory (want sqlite:PATH)", path)
	}
	// What a commit has said must outlive a power loss, hence synchronous=FULL; and a transaction that
	// is going to write says so when it begins, since one that finds out later cannot wait for others.
	name := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: url.Values{
		"mode":    {"rw"},
		"_txlock": {"immediate"},
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", o.Timeout.Milliseconds()),
			"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		},
	}.Encode()}).String()
	connector, err := sqlite.NewConnector(name)
	if err != nil {
		return nil, fmt.Errorf("database URL: sqlite:%s: %w", path, err)
	}
	db := &DB{
		dialect: SQLite, timeout: o.Timeout, idle: o.Connections,
		sql:       sql.OpenDB(&fileConnector{Connector: connector, path: path}),
		writer:    make(chan struct{}, 1),
		migrating: make(chan struct{}, 1), migrated: map[string]bool{},
	}
	db.sql.SetMaxOpenConns(o.Connections)
	db.sql.SetMaxIdleConns(o.Connections)
	return db, nil
}
