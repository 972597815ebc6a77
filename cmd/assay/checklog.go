package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/store"
	"github.com/assay-psti/assay/tlog"
)

type checkLogCommand struct {
	database
	Accept bool `help:"Then take note of leaves that the database knows nothing of, so that the register is served again. What they stand for stays in the log alone. Nothing may serve it meanwhile."`
	JSON   bool `name:"json" help:"Machine form on standard output, and nothing else there."`
}

// Run holds the whole log against the database, while the register is served.
func (c *checkLogCommand) Run(ctx context.Context, env *environment) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	db, err := c.existing(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	a, err := c.compare(ctx, db)
	if err != nil {
		return err
	}
	if c.Accept && len(a.Wrong) == 0 {
		if err := c.accept(ctx, env, db); err != nil {
			return err
		}
		if a, err = c.compare(ctx, db); err != nil {
			return err
		}
	}
	env.status = exitPass
	if !a.Agrees() {
		env.status = exitFail
	}
	if c.JSON {
		return env.json(a)
	}
	for _, line := range []struct {
		n    int
		what string
		at   []uint64
	}{{len(a.Wrong), "stand otherwise in the database than in the log", a.Wrong}, {len(a.Unknown), "are unknown to the database", a.Unknown}} {
		if line.n > 0 {
			fmt.Fprintf(env.out, "Leaves that %s%s: %s\n", line.what, map[bool]string{true: ", the first of them"}[line.n == register.MaxPage], numbers(line.at))
		}
	}
	fmt.Fprintf(env.out, "%s: %d leaves in the log, %d of them in the database, %d twice in the log, %d not taken note of yet; %d wait for the log\n",
		map[bool]string{true: "Log and database agree", false: "Log and database do not agree"}[a.Agrees()], a.Leaves, a.Known, a.Again, a.Ahead, a.Pending)
	return nil
}

// compare reads the log from its folder, under its key, and beside whoever writes it.
func (c *checkLogCommand) compare(ctx context.Context, db *store.DB) (register.Agreement, error) {
	key, err := c.logKey()
	if err != nil {
		return register.Agreement{}, err
	}
	return register.Compare(ctx, db, func(each func(int64, []byte) error) error {
		_, err := tlog.AuditFolder(ctx, filepath.Join(c.logDir(), "log"), key, nil, each)
		return err
	})
}

// logKey is the public key of the log in the data folder.
func (c *checkLogCommand) logKey() (tlog.Key, error) {
	text, err := readSmall(filepath.Join(c.logDir(), "log", "log.vkey"))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, assay.ErrNotFound) {
		return tlog.Key{}, &assay.Problem{Kind: assay.ErrNotFound, Where: c.logDir(), What: "holds no transparency log", Do: "run it where the log is, and name the data folder with --data"}
	}
	if err != nil {
		return tlog.Key{}, err
	}
	return tlog.ParseKey(strings.TrimSpace(string(text)))
}

// accept has the database take note of all that the log has.
func (c *checkLogCommand) accept(ctx context.Context, env *environment, db *store.DB) (err error) {
	key, err := c.logKey()
	if err != nil {
		return err
	}
	log, err := tlog.Open(ctx, c.logDir(), tlog.Options{Origin: key.Origin()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	s, err := register.Open(ctx, register.Config{Store: db, Log: log, Now: env.now, Random: rand.Reader, Holder: holder(log)})
	if err != nil {
		return err
	}
	_, err = s.Integrate(ctx)
	return err
}

// numbers lists a few numbers.
func numbers(list []uint64) string {
	const most = 20
	words := make([]string, 0, most+1)
	for i, n := range list {
		if i == most {
			words = append(words, "...")
			break
		}
		words = append(words, fmt.Sprint(n))
	}
	return strings.Join(words, ", ")
}
