package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// What an error of a database means, to be asked for with errors.Is.
var (
	// ErrUnavailable: the database cannot be reached, or cannot write (a full disk, a read-only file, a replica),
	// or has not answered in time. Nothing was changed.
	ErrUnavailable = errors.New("the database is not available")
	// ErrUnknown: the connection or the disk failed while it committed. Whether the change was kept, a later read tells.
	ErrUnknown = errors.New("the database went away while it committed")
	// ErrConflict: another transaction came between. Nothing was changed; the same once more may succeed.
	ErrConflict = errors.New("another transaction came between")
	// ErrDuplicate: a row with this key is there already. Nothing was changed.
	ErrDuplicate = errors.New("there is such a row already")
)

// classified is an error with a meaning. Its text is the cause's: that the database is away is seldom what a reader lacks.
type classified struct{ meaning, cause error }

func (e *classified) Error() string   { return e.cause.Error() }
func (e *classified) Unwrap() []error { return []error{e.meaning, e.cause} }

// Classify adds to an error what it means. Errors of others, and nil, are returned as they are. An error with
// a meaning keeps it. A context that was cancelled is the caller's doing and has no meaning here; one whose
// time was up is ErrUnavailable.
func Classify(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	for _, known := range []error{ErrUnavailable, ErrUnknown, ErrConflict, ErrDuplicate} {
		if errors.Is(err, known) {
			return err
		}
	}
	if meaning := meaningOf(err); meaning != nil {
		return &classified{meaning, err}
	}
	return err
}

// classifyCommit: once a commit was asked for, only an answer that says "rolled back" says so.
func classifyCommit(err error) error {
	var answer *pgconn.PgError
	var file *sqlite.Error
	switch {
	// Not pgconn.SafeToRetry: it also says yes to a connection that was lost after the commit was sent.
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return &classified{ErrUnavailable, err}
	case errors.As(err, &answer):
		// Classes of what a server checks before it commits. A server that is shut down may have committed.
		switch class(answer) {
		case "23", "25", "40", "53":
			return Classify(err)
		}
	case errors.As(err, &file):
		// A full disk tears the last frame of the log, which is then void. Any other failure of the disk may
		// have come after it: a process that reads the log anew would find the transaction whole.
		if file.Code()&0xff != lib.SQLITE_IOERR {
			return Classify(err)
		}
	}
	return &classified{ErrUnknown, fmt.Errorf("commit: %w", err)}
}

func meaningOf(err error) error {
	var answer *pgconn.PgError
	var refused *pgconn.ConnectError
	var file *sqlite.Error
	var network net.Error
	var path *os.PathError
	switch {
	case errors.As(err, &answer):
		return meaningOfAnswer(answer)
	case errors.As(err, &file):
		return meaningOfCode(file.Code())
	case errors.As(err, &refused), errors.As(err, &network), errors.As(err, &path),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		pgconn.SafeToRetry(err):
		return ErrUnavailable
	}
	return nil
}

// class is the first two characters of an SQLSTATE.
func class(answer *pgconn.PgError) string {
	if len(answer.Code) < 2 {
		return ""
	}
	return answer.Code[:2]
}

func meaningOfAnswer(answer *pgconn.PgError) error {
	switch answer.Code {
	case "40001", "40P01": // serialization failure, deadlock
		return ErrConflict
	case "23505": // unique violation
		return ErrDuplicate
	case "25006", // the server takes no writes: a replica, or one that was told to
		"25P03", // it ended a transaction that did nothing
		"55P03", // a lock was not to be had in time
		"3D000", // there is no such database
		"42501": // this role may not
		return ErrUnavailable
	}
	switch class(answer) {
	case "08", // connection
		"28", // authorization
		"53", // out of disk, memory or connections
		"57", // shut down, starting, cancelled by the statement timeout
		"58", // input and output
		"XX": // internal, such as corruption
		return ErrUnavailable
	}
	return nil
}

func meaningOfCode(code int) error {
	switch code {
	case lib.SQLITE_BUSY_SNAPSHOT:
		return ErrConflict
	case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY:
		return ErrDuplicate
	}
	switch code & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_FULL, lib.SQLITE_READONLY, lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN,
		lib.SQLITE_PERM, lib.SQLITE_AUTH, lib.SQLITE_NOTADB, lib.SQLITE_CORRUPT, lib.SQLITE_PROTOCOL, lib.SQLITE_NOMEM, lib.SQLITE_NOLFS:
		return ErrUnavailable
	}
	return nil
}
