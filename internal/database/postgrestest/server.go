// Package postgrestest starts private PostgreSQL servers for tests: real ones, that can be stopped, killed, paused
// and started again. Nothing of a server that the machine may have is touched.
//
// A test binary starts one server and gives each test a database:
//
//	var server *postgrestest.Server
//
//	func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m, &server)) }
//
//	func TestX(t *testing.T) { url := server.Database(t) … }
//
// A test that does harm has a server of its own, by [Own]. Servers write to disk as in
// production (fsync is on), listen on 127.0.0.1 and a unix socket, ask for a password, and end with the
// process that started them, however that ends.
package postgrestest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// Password is of the only role, which is "crossfade" and may do everything. It has characters that need escapes.
	Password = "p/w#1"
	// patience bounds every wait for a server, also on a machine with much else to do.
	patience = time.Minute
)

// Server is one private PostgreSQL server. Its methods are for one goroutine at a time, those
// that take a t apart.
type Server struct {
	bin, dir string
	port     int

	connections int // that it takes at once

	as      *syscall.Credential // nil: as we are
	mounted bool

	// ended is closed when the server that was started last has ended; nil before the first one.
	ended chan struct{}
}

// Options is how a server differs from the usual one.
type Options struct {
	// Disk bounds what the server can write, in bytes: it gets a file system of its own in memory, which needs
	// root. 0 is the machine's disk.
	Disk int64
	// Connections is how many clients it takes at once; 0 is 60.
	Connections int
}

// Main starts a server, runs the tests of m with it in *s and gives the exit code.
func Main(m *testing.M, s **Server) int {
	server, err := Start(Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	*s = server
	code := m.Run()
	if err := server.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// Start makes a server in a temporary folder and starts it. Close takes both away.
func Start(o Options) (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "postgres")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir, connections: cmp.Or(o.Connections, 60)}
	if err := s.make(o); err != nil {
		return nil, errors.Join(fmt.Errorf("make a PostgreSQL server: %w", err), s.Close())
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Own starts a server for one test alone, which may harm it.
func Own(tb testing.TB, o Options) *Server {
	tb.Helper()
	s, err := Start(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// programs finds initdb and postgres where scripts/postgres.sh does: POSTGRES_BIN, Debian's folders, the PATH.
func programs() (string, error) {
	found := []string{os.Getenv("POSTGRES_BIN")}
	if found[0] == "" {
		found = nil
		for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"} {
			packaged, err := filepath.Glob(pattern)
			if err != nil {
				return "", err
			}
			found = append(found, packaged...)
		}
		if path, err := exec.LookPath("postgres"); err == nil {
			found = append(found, filepath.Dir(path))
		}
	}
	for _, bin := range found {
		said, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
		var major int
		if _, scanned := fmt.Sscanf(string(said), "postgres (PostgreSQL) %d", &major); err == nil && scanned == nil && major >= 15 {
			return bin, nil
		}
	}
	return "", fmt.Errorf("no PostgreSQL 15 or later in %q: run scripts/postgres.sh, or set POSTGRES_BIN", found)
}

func (s *Server) make(o Options) error {
	if os.Getuid() == 0 {
		// The server refuses to run as root.
		if err := s.someoneElse(); err != nil {
			return err
		}
	}
	if o.Disk != 0 {
		if err := mount(s.dir, o.Disk); err != nil {
			return fmt.Errorf("mount a small disk, which needs root: %w", err)
		}
		s.mounted = true
	}
	password := filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte(Password), 0o600); err != nil {
		return err
	}
	if s.as != nil {
		for _, path := range []string{s.dir, password} {
			if err := os.Chown(path, int(s.as.Uid), int(s.as.Gid)); err != nil {
				return err
			}
		}
	}
	return s.run("initdb", "--pgdata", s.data(), "--username=crossfade", "--pwfile", password, "--auth-local=trust", "--auth-host=scram-sha-256",
		"--encoding=UTF8", "--locale=C", "--no-sync", "--wal-segsize=1")
}

func (s *Server) someoneElse() error {
	var failed []error
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return err
		}
		s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return nil
	}
	return errors.Join(failed...)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
func (s *Server) log() string  { return filepath.Join(s.dir, "server.log") }

func (s *Server) run(program string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, said)
	}
	return nil
}

// Start starts a server that was stopped or killed, at the same address, and waits until it answers.
func (s *Server) Start() error {
	if s.port == 0 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		s.port = l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(patience)
	for {
		err := s.startOnce(deadline)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		// Processes of a server that was killed may still be about to end.
		time.Sleep(50 * time.Millisecond)
	}
}

// startOnce runs the server under a shell that lets it go when its standard input ends, as it does when this
// process ends, whatever the reason. -QUIT ends a server at once, without any checkpoint.
func (s *Server) startOnce(deadline time.Time) error {
	const leash = `exec 3<&0; "$@" >>"$LOG" 2>&1 3<&- & server=$!; (read -r _ <&3; kill -QUIT $server) & reader=$!; wait $server; kill $reader`
	cmd := exec.Command("/bin/sh", "-c", leash, "sh", filepath.Join(s.bin, "postgres"), "-D", s.data(), "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+s.dir, "-c", "max_connections="+strconv.Itoa(s.connections), "-c", "shared_buffers=16MB",
		"-c", "min_wal_size=2MB", "-c", "max_wal_size=8MB")
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LOG="+s.log())
	// A group of its own: Ctrl-C is for the tests, which close what they started.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // which closes stdin, too
		close(ended)
	}()
	for {
		err := s.Do(func(context.Context, *pgx.Conn) error { return nil })
		if err == nil {
			s.ended = ended
			return nil
		}
		select {
		case <-ended:
			said, _ := os.ReadFile(s.log())
			return fmt.Errorf("start PostgreSQL: %w: %s", err, said[max(0, len(said)-2000):])
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("start PostgreSQL: %w", err), stdin.Close())
		}
	}
}
