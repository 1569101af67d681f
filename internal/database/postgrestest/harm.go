package postgrestest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// URL is how a client reaches a database of the server.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("crossfade", Password),
		Host: "127.0.0.1:" + strconv.Itoa(s.port), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Database makes an empty database for one test and gives its URL.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("t%d", time.Now().UnixNano())
	if err := s.Exec("CREATE DATABASE " + name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	return s.URL(name)
}

// Do runs something on a connection to the database "postgres".
func (s *Server) Do(f func(context.Context, *pgx.Conn) error) error {
	return s.on(s.URL("postgres"), f)
}

func (s *Server) on(url string, f func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return errors.Join(f(ctx, conn), conn.Close(ctx))
}

// Exec runs one statement in the database "postgres".
func (s *Server) Exec(statement string) error {
	return s.Do(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, statement)
		return err
	})
}

// Disconnect ends, by the server's hand, every connection whose application_name is like the SQL pattern, and
// tells how many.
func (s *Server) Disconnect(application string) (int, error) {
	var ended int
	err := s.Do(func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND application_name LIKE $1`, application).Scan(&ended)
	})
	return ended, err
}

// SlowCommits makes every commit that has written to a table, of a database by its URL, take 20 s. AwaitCommit waits until one runs.
func (s *Server) SlowCommits(database, table string) error {
	return s.on(database, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN NULL; END';
			CREATE CONSTRAINT TRIGGER slow AFTER INSERT OR UPDATE ON `+table+` DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.slow()`)
		return err
	})
}

// AwaitCommit waits until a client waits for its commit.
func (s *Server) AwaitCommit() error {
	return s.Do(func(ctx context.Context, conn *pgx.Conn) error {
		for {
			var committing bool
			if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE lower(query) = 'commit' AND state = 'active')").Scan(&committing); err != nil || committing {
				return err
			}
		}
	})
}

// Stop shuts the server down as an operator does who does not wait for clients, and waits for its end.
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

// Kill is the end of all processes of the server by the kernel's hand: from now on nothing is written.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

func (s *Server) end(signal syscall.Signal) error {
	if !s.runs() {
		return errors.New("end PostgreSQL: it does not run")
	}
	family, err := s.family()
	if err != nil {
		return err
	}
	// The first process tells the others, unless it cannot.
	told := family[:1]
	if signal == syscall.SIGKILL {
		told = family
	}
	for i, pid := range told {
		if err := syscall.Kill(pid, signal); err != nil && i == 0 {
			return fmt.Errorf("end PostgreSQL: %w", err)
		}
	}
	deadline := time.After(patience)
	select {
	case <-s.ended:
	case <-deadline:
		return fmt.Errorf("end PostgreSQL: it is still there %s after %s", patience, signal)
	}
	for slices.ContainsFunc(family, alive) {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			return fmt.Errorf("end PostgreSQL: some of it is still there %s after %s", patience, signal)
		}
	}
	return nil
}

// runs tells whether the server was started and has not ended.
func (s *Server) runs() bool {
	select {
	case <-s.ended:
		return false
	default:
		return s.ended != nil
	}
}

// Pause stops every process of the server where it stands, as a machine does that is out of breath; Resume lets them go on.
func (s *Server) Pause() error { return s.all(syscall.SIGSTOP) }

// Resume undoes Pause.
func (s *Server) Resume() error { return s.all(syscall.SIGCONT) }

func (s *Server) all(signal syscall.Signal) error {
	family, err := s.family()
	if err != nil {
		return err
	}
	for i, pid := range family {
		// Children may have ended meanwhile.
		if err := syscall.Kill(pid, signal); err != nil && i == 0 {
			return err
		}
	}
	return nil
}

// family is the server's first process and then its children.
func (s *Server) family() ([]int, error) {
	content, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(content), "\n")
	father, err := strconv.Atoi(first)
	if err != nil {
		return nil, err
	}
	family := []int{father}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if _, parent := status(pid); parent == father {
			family = append(family, pid)
		}
	}
	return family, nil
}

// alive: a process that has ended may stay as a zombie, in a container where nobody waits for orphans.
func alive(pid int) bool {
	state, _ := status(pid)
	return state != "" && state != "Z"
}

// status is the state and the parent of a process, nothing when there is no such process.
func status(pid int) (state string, parent int) {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return "", 0
	}
	// "pid (name) state parent …": the name may have blanks and brackets in it.
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
	if len(fields) < 2 {
		return "", 0
	}
	parent, err = strconv.Atoi(fields[1])
	if err != nil {
		return "", 0
	}
	return fields[0], parent
}

// Fill writes until the server's disk is full, and gives what makes room again. The server has to have a
// disk of its own (Options.Disk).
func (s *Server) Fill() (free func() error, err error) {
	if !s.mounted {
		return nil, errors.New("fill the disk of PostgreSQL: it has none of its own; start it with Options.Disk")
	}
	path := filepath.Join(s.dir, "filler")
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	free = func() error { return os.Remove(path) }
	for block := make([]byte, 4096); err == nil; {
		_, err = file.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return nil, errors.Join(err, file.Close(), free())
	}
	return free, file.Close()
}

// Revive waits until the server answers after something that may have ended it, and starts it if it has.
func (s *Server) Revive() error {
	deadline := time.Now().Add(patience)
	for {
		err := s.Do(func(context.Context, *pgx.Conn) error { return nil })
		if err == nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-s.ended:
			return s.Start()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Close stops the server and takes away all that it wrote.
func (s *Server) Close() error {
	var err error
	if s.runs() {
		// What is paused does not hear that it has to end.
		err = errors.Join(s.Resume(), s.end(syscall.SIGQUIT))
	}
	if s.mounted {
		err = errors.Join(err, unmount(s.dir))
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
