package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

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

// fileConnector makes the file before the first connection. Later ones find it or fail: a file that
// was taken away under a running process must not come back empty.
type fileConnector struct {
	driver.Connector
	path string

	mu   sync.Mutex
	made bool
}

func (c *fileConnector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.make(); err != nil {
		return nil, &classified{ErrUnavailable, err}
	}
	return c.Connector.Connect(ctx)
}

// make makes directory and file, for nobody but their owner; SQLite gives the same mode to what it
// lays beside the file. A file that is there is not even opened: closing it would drop the
// locks that this process has on it.
func (c *fileConnector) make() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(c.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	switch {
	case err == nil:
		if err := file.Close(); err != nil {
			return err
		}
	case !errors.Is(err, os.ErrExist) && !exists(c.path):
		return err
	}
	c.made = true
	return nil
}

// exists: on a file system that is read-only, making a file that is there says so instead.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
