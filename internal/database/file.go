package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

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
	// Before it is opened: if another takes its place meanwhile, the connection is given up for nothing, once.
	info, err := os.Stat(c.path)
	if err != nil {
		return nil, &classified{ErrUnavailable, err}
	}
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the SQLite driver's %T lacks what database/sql can use", conn), conn.Close())
	}
	return &fileConn{sqliteConn: whole, path: c.path, info: info}, nil
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

// sqliteConn is what database/sql uses of a connection where it is there.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// fileConn is a connection to the file that was at path when it was opened. SQLite itself would go on with that
// file when it has been removed or replaced: it would take writes that nobody ever finds again.
type fileConn struct {
	sqliteConn
	path string
	info os.FileInfo
}

// ResetSession is asked before each use but the first. A connection to what is no longer there is given up; a new one
// finds what is, or fails.
func (c *fileConn) ResetSession(ctx context.Context) error {
	if now, err := os.Stat(c.path); err != nil || !os.SameFile(now, c.info) {
		return driver.ErrBadConn
	}
	return c.sqliteConn.ResetSession(ctx)
}
