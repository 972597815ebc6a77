// Package pgtest starts a real PostgreSQL for tests, in a folder of its own and
// reachable by a socket in that folder alone. It is for tests only.
package pgtest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

// ErrMissing is that there is no PostgreSQL on this machine.
var ErrMissing = errors.New("no PostgreSQL: install the package postgresql")

// Server is a running server.
type Server struct {
	dir   string
	cmd   *exec.Cmd
	stdin io.Closer
	admin *sql.DB
	next  atomic.Int64
	like  sync.Mutex // guards model
	model string     // the database that others are copied from; "" before the first
}

// Start makes a cluster and starts a server on it. Unless durable is set it does not
// sync to disk. The server ends with Stop, or when this process ends.
func Start(ctx context.Context, durable bool) (*Server, error) {
	initdb, err := find("initdb")
	if err != nil {
		return nil, err
	}
	postgres, err := find("postgres")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	credential, err := s.unprivileged()
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	data := filepath.Join(dir, "data")
	run := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "HOME="+dir)
		return cmd
	}
	if out, err := run(exec.CommandContext(ctx, initdb, "-D", data, "-U", "assay", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")).CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), s.Stop())
	}
	sync := "off"
	if durable {
		sync = "on"
	}
	// The shell waits for the end of its input, which is the end of this process too.
	script := `"$0" -D data -k "$PWD" -c listen_addresses= -c fsync=$1 -c synchronous_commit=$1 -c full_page_writes=$1 -c max_connections=200 -c shared_buffers=512MB -c effective_cache_size=4GB -c random_page_cost=1.1 -c max_wal_size=4GB -c log_min_messages=error >server.log 2>&1 & pid=$!; cat >/dev/null; kill -INT $pid; wait $pid`
	s.cmd = run(exec.Command("/bin/sh", "-c", script, postgres, sync))
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return nil, errors.Join(err, s.Stop())
	}
	if s.admin, err = sql.Open("pgx", s.URL("postgres")); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		if err = s.admin.PingContext(ctx); err == nil {
			return s, nil
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(filepath.Join(dir, "server.log"))
			return nil, errors.Join(fmt.Errorf("PostgreSQL does not answer: %w: %s", err, bytes.TrimSpace(text)), s.Stop())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// find looks for a program where Debian puts it, the newest version first.
func find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	paths, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if err != nil || len(paths) == 0 {
		return "", ErrMissing
	}
	return slices.Max(paths), nil
}

// unprivileged is another user than root, which the server refuses to run as.
func (s *Server) unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(s.dir, int(uid), int(gid))
	}
	return nil, fmt.Errorf("%w as another user than root, and there is none", ErrMissing)
}

// URL is the address of a database of the server.
func (s *Server) URL(database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {s.dir}, "user": {"assay"}, "sslmode": {"disable"}}.Encode()
}

// Database makes an empty database and gives its address.
func (s *Server) Database(ctx context.Context) (string, error) {
	name := "test" + strconv.FormatInt(s.next.Add(1), 10)
	if _, err := s.admin.ExecContext(ctx, "create database "+name); err != nil {
		return "", err
	}
	return s.URL(name), nil
}

// Like makes a copy of a database that prepare was run on, and gives its address. The
// first call runs prepare; all are to give the same.
func (s *Server) Like(ctx context.Context, prepare func(ctx context.Context, where string) error) (string, error) {
	s.like.Lock()
	defer s.like.Unlock() // one copy at a time is all that PostgreSQL makes
	if s.model == "" {
		const model = "model"
		if _, err := s.admin.ExecContext(ctx, "create database "+model); err != nil {
			return "", err
		}
		if err := prepare(ctx, s.URL(model)); err != nil {
			return "", err
		}
		s.model = model
	}
	name := "test" + strconv.FormatInt(s.next.Add(1), 10)
	if _, err := s.admin.ExecContext(ctx, "create database "+name+" template "+s.model); err != nil {
		return "", err
	}
	return s.URL(name), nil
}

// Stop ends the server and removes its folder.
func (s *Server) Stop() error {
	var err error
	if s.admin != nil {
		err = s.admin.Close()
	}
	if s.cmd != nil {
		err = errors.Join(err, s.stdin.Close())
		_ = s.cmd.Wait() // the shell's status is the signal's
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
