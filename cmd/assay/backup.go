package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/laboratory"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/store"
)

type backupCommand struct {
	database
	File    string `arg:"" help:"The file of the backup, which must not be there yet. It holds secrets."`
	NoLog   bool   `name:"no-log" help:"Leave out the transparency log: another process has it, and backs it up."`
	NoTests bool   `name:"no-tests" help:"Leave out the tests of laboratories: another process backs them up."`
	JSON    bool   `name:"json" help:"Machine form on standard output, and nothing else there."`
}

// Run writes all of a register into one file, while it goes on.
func (c *backupCommand) Run(ctx context.Context, env *environment) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	db, err := c.database.existing(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	logDir := c.logDir()
	if c.NoLog {
		logDir = ""
	} else if _, err := os.Stat(logDir); err != nil {
		return &assay.Problem{Kind: assay.ErrNotFound, Where: logDir, What: "is not there: the backup would lack the transparency log", Do: "name the data folder with --data, or say --no-log"}
	}
	tests, done, err := c.tests(ctx, db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if _, err := os.Lstat(c.File); err == nil {
		return &assay.Problem{Kind: assay.ErrConflict, Where: c.File, What: "is there already", Do: "name another file"}
	}
	part := c.File + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	m, err := db.Backup(ctx, f, logDir, tests, env.now())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(part, c.File)
	}
	if err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := syncFolder(filepath.Dir(c.File)); err != nil {
		return err
	}
	return c.say(env, c.File, &m, "holds", c.JSON)
}

// tests are the files of laboratories' tests. A register that had some and has them
// elsewhere is refused: its backup would lack them.
func (c *backupCommand) tests(ctx context.Context, db *store.DB) (files store.Files, done func() error, err error) {
	nothing := func() error { return nil }
	if c.NoTests {
		return nil, nothing, nil
	}
	known := ""
	err = db.Read(ctx, func(r register.Reader) (err error) {
		known, err = r.Setting(ctx, register.SettingTests)
		return err
	})
	if errors.Is(err, assay.ErrNotFound) {
		return nil, nothing, nil // it never had a folder for them
	}
	if err != nil {
		return nil, nothing, err
	}
	wrong := &assay.Problem{Kind: assay.ErrNotFound, Where: c.testsDir(), What: "is not the folder of this register’s tests: the backup would lack them", Do: "name it with --tests, or say --no-tests"}
	if _, err := os.Stat(c.testsDir()); err != nil {
		return nil, nothing, wrong
	}
	room, err := laboratory.Open(c.testsDir(), laboratory.Options{})
	if err != nil {
		return nil, nothing, err
	}
	if room.ID() != known {
		return nil, nothing, errors.Join(wrong, room.Close())
	}
	return room.Files, room.Close, nil
}

type restoreCommand struct {
	database
	File    string `arg:"" help:"The file of the backup."`
	NoLog   bool   `name:"no-log" help:"Leave the transparency log as it is elsewhere."`
	NoTests bool   `name:"no-tests" help:"Leave out the tests of laboratories."`
	JSON    bool   `name:"json" help:"Machine form on standard output, and nothing else there."`
}

// Run fills an empty database and an empty folder of the log from a backup.
func (c *restoreCommand) Run(ctx context.Context, env *environment) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if errors.Is(err, fs.ErrNotExist) {
		return &assay.Problem{Kind: assay.ErrNotFound, Where: c.File, What: "is not there"}
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	db, err := store.Open(ctx, c.where(), store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	logDir := c.logDir()
	if c.NoLog {
		logDir = ""
	}
	testsDir := c.testsDir()
	if c.NoTests {
		testsDir = ""
	}
	m, err := db.Restore(ctx, f, info.Size(), logDir, testsDir)
	if err != nil {
		return err
	}
	return c.say(env, c.where(), &m, "was restored:", c.JSON)
}

// existing opens a database that must be there.
func (d *database) existing(ctx context.Context) (*store.DB, error) {
	if d.DB == "" {
		if _, err := os.Stat(d.where()); errors.Is(err, fs.ErrNotExist) {
			return nil, &assay.Problem{Kind: assay.ErrNotFound, Where: d.Data, What: "holds no register", Do: "name the data folder with --data"}
		}
	}
	return store.Open(ctx, d.where(), store.Options{})
}

// say tells what is in a backup.
func (d *database) say(env *environment, name string, m *store.Manifest, verb string, asJSON bool) error {
	if asJSON {
		return env.json(m)
	}
	rows, size, files, tests := int64(0), int64(0), 0, 0
	products := int64(0)
	for _, p := range m.Parts {
		rows, size = rows+p.Rows, size+p.Bytes
		if strings.HasPrefix(p.Name, "log/") {
			files++
		}
		if strings.HasPrefix(p.Name, "tests/") && strings.HasSuffix(p.Name, "/test.json") {
			tests++
		}
		if p.Name == "tables/product.jsonl" {
			products = p.Rows
		}
	}
	if d.DB != "" && name == d.DB {
		name = "The database" // its address may hold a password
	}
	fmt.Fprintf(env.out, "%s %s %d products, %d rows, %d files of the log, %d tests, %.1f MB, as at %s\n", name, verb, products, rows, files, tests, float64(size)/1e6, m.Created.Format("2006-01-02 15:04:05 MST"))
	return nil
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
