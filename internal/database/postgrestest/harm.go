package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
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
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("t%d", time.Now().UnixNano())
	if err := s.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return s.URL(name)
}

// Do runs something on a connection to the database "postgres".
func (s *Server) Do(f func(context.Context, *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
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

// Stop shuts the server down as an operator does who does not wait for clients, and waits for its end.
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

// Kill is the end of a server by the kernel's hand: nothing is written any more.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

func (s *Server) end(signal syscall.Signal) error {
	if s.shell == nil {
		return errors.New("end PostgreSQL: it does not run")
	}
	pid, err := s.pid()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, signal); err != nil {
		return fmt.Errorf("end PostgreSQL: %w", err)
	}
	deadline := time.Now().Add(patience)
	// Signal 0 asks whether the process is there. The shell has waited for it, so it does not stay as a zombie.
	for syscall.Kill(pid, 0) == nil {
		if time.Now().After(deadline) {
			return fmt.Errorf("end PostgreSQL: process %d is still there %s after %s", pid, patience, signal)
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.shell = nil
	if err := s.leash.Close(); !errors.Is(err, os.ErrClosed) { // as it is when the shell has ended already
		return err
	}
	return nil
}

// Pause stops every process of the server where it stands, as a machine does that is out of breath; Resume lets them go on.
func (s *Server) Pause() error { return s.all(syscall.SIGSTOP) }

// Resume undoes Pause.
func (s *Server) Resume() error { return s.all(syscall.SIGCONT) }

// all signals the server's first process and its children.
func (s *Server) all(signal syscall.Signal) error {
	pid, err := s.pid()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, signal); err != nil {
		return err
	}
	children, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return err
	}
	for _, path := range children {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// "pid (name) state parent …": the name may have blanks and brackets in it.
		fields := strings.Fields(string(content)[strings.LastIndexByte(string(content), ')')+1:])
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			_ = syscall.Kill(child, signal) // it may have ended meanwhile
		}
	}
	return nil
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

// Close stops the server and takes away all that it wrote.
func (s *Server) Close() error {
	var err error
	if s.shell != nil {
		// What is paused does not hear that it has to end.
		err = errors.Join(s.Resume(), s.end(syscall.SIGQUIT))
	}
	if s.mounted {
		err = errors.Join(err, syscall.Unmount(s.dir, syscall.MNT_DETACH))
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
