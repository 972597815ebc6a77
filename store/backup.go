package store

import (
	"archive/zip"
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// A backup is a zip file: each table as JSON lines, the first of them its columns;
// work that waits; the files of the log and of laboratories' tests; and last a manifest with the digest of each.
// It is the same for both engines: what was backed up from one is restored to the
// other. It holds secrets, as the database does.
const (
	backupFormat  = 1
	manifestName  = "manifest.json"
	maxBackupLine = 64 << 20

	logPart   = "log/"   // begins the names of the log's files
	testsPart = "tests/" // and of those of tests
)

// backupTables in the order in which they can be filled. Leases end by themselves;
// what is searched for is made again.
var backupTables = []string{
	"setting", "org", "account", "signing_key", "member", "credential", "identity", "token", "link", "session", "event",
	"product", "version", "document", "assessment", "leaf", "gtin", "model", "label", "tally", "draft", "subscription", "watch",
}

// Manifest says what is in a backup.
type Manifest struct {
	Format  int            `json:"assay_backup"`
	Created time.Time      `json:"created"`
	Engine  string         `json:"engine"` // that it was made from
	Parts   []ManifestPart `json:"parts"`
}

// ManifestPart is a table or a file of a backup.
type ManifestPart struct {
	Name   string       `json:"name"`
	Rows   int64        `json:"rows,omitempty"`
	Bytes  int64        `json:"bytes"`
	Digest assay.Digest `json:"digest"`
}

// Files hands on files to be backed up, by name, each to be read at once. What they are
// when it is called is what the backup has.
type Files func(ctx context.Context, add func(name string, content io.Reader) error) error

// Backup writes all of the register as it is at one moment, the database and the
// folder of its log ("" for none), and then the files of laboratories' tests (nil for
// none), each test as of a moment of its own. The register goes on meanwhile, but for
// the log: what is published then waits for it until the log is in the backup.
func (d *DB) Backup(ctx context.Context, w io.Writer, logDir string, tests Files, now time.Time) (m Manifest, err error) {
	b := &backup{zip: zip.NewWriter(w), m: Manifest{Format: backupFormat, Created: now.UTC(), Engine: string(d.engine)}}
	if err := d.backupRegister(ctx, b, logDir); err != nil {
		return m, err
	}
	if tests != nil {
		if err := tests(ctx, func(name string, content io.Reader) error { return b.file(testsPart+name, content) }); err != nil {
			return m, fmt.Errorf("backup of tests: %w", err)
		}
	}
	data, err := json.MarshalIndent(b.m, "", "  ")
	if err != nil {
		return m, err
	}
	f, err := b.zip.Create(manifestName)
	if err != nil {
		return m, err
	}
	if _, err := f.Write(data); err != nil {
		return m, err
	}
	return b.m, b.zip.Close()
}

// backupRegister writes what must agree: database and log.
func (d *DB) backupRegister(ctx context.Context, b *backup, logDir string) (err error) {
	release, err := d.holdLog(ctx)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	if err := b.tables(ctx, d); err != nil || logDir == "" {
		return err
	}
	if err := b.folder(logDir); err != nil {
		return fmt.Errorf("backup of the log: %w", err)
	}
	return nil
}

// tables writes every table, and the work that waits, of one state of the database.
func (b *backup) tables(ctx context.Context, d *DB) error {
	t, err := d.still(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = t.Rollback() }()
	for _, table := range backupTables {
		if err := b.table(ctx, t, "tables/"+table+".jsonl", `select * from `+table); err != nil {
			return fmt.Errorf("backup of table %s: %w", table, err)
		}
	}
	return b.table(ctx, t, "work.jsonl", d.waitingWork())
}

// waitingWork is what the queue has still to do, in the order in which it came.
func (d *DB) waitingWork() string {
	args := `json(args)`
	if d.engine == postgresEngine {
		args = `args::text`
	}
	return `select ` + args + ` as args from river_job where kind = 'register' and state in ` + unfinished + ` order by id`
}

const holdTime = time.Minute

// holdLog keeps leaves from moving until it is released.
func (d *DB) holdLog(ctx context.Context) (release func() error, err error) {
	holder := "backup " + rand.Text()
	take := func(ctx context.Context) (mine bool, err error) {
		err = d.Write(ctx, func(w register.Writer) error {
			now := time.Now()
			mine, err = w.TakeLease(ctx, register.LogLease, holder, now, now.Add(holdTime))
			return err
		})
		return mine, err
	}
	for {
		mine, err := take(ctx)
		if err != nil {
			return nil, err
		}
		if mine {
			break
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return nil, fmt.Errorf("wait for the log: %w", err)
		}
	}
	ctx = context.WithoutCancel(ctx)
	renew, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		for {
			if pause(renew, holdTime/4) != nil {
				done <- nil
				return
			}
			if mine, err := take(ctx); err != nil || !mine {
				done <- errors.Join(err, fmt.Errorf("the log went on meanwhile: %w: try again", assay.ErrConflict))
				return
			}
		}
	}()
	return func() error {
		stop()
		lost := <-done
		return errors.Join(lost, d.Write(ctx, func(w register.Writer) error { return w.DropLease(ctx, register.LogLease, holder) }))
	}, nil
}

type backup struct {
	zip *zip.Writer
	m   Manifest
}

// part begins a part; close ends it and notes it in the manifest.
func (b *backup) part(name string) (w *bufio.Writer, end func(rows int64) error, err error) {
	f, err := b.zip.Create(name)
	if err != nil {
		return nil, nil, err
	}
	c := &counter{w: f, sum: sha256.New()}
	w = bufio.NewWriterSize(c, 1<<16)
	return w, func(rows int64) error {
		if err := w.Flush(); err != nil {
			return err
		}
		b.m.Parts = append(b.m.Parts, ManifestPart{name, rows, c.n, assay.Digest("sha256:" + hex.EncodeToString(c.sum.Sum(nil)))})
		return nil
	}, nil
}

// counter counts and digests what goes through it.
type counter struct {
	w   io.Writer
	n   int64
	sum hash.Hash
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	c.sum.Write(p[:n])
	return n, err
}

// blob marks bytes among the values of a row.
type blob struct {
	Base64 string `json:"b64"`
}

func (b *backup) table(ctx context.Context, t queryer, name, query string) error {
	w, end, err := b.part(name)
	if err != nil {
		return err
	}
	rows, err := t.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	if err := out.Encode(columns); err != nil {
		return err
	}
	values, places := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	n := int64(0)
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return err
		}
		for i, v := range values {
			if data, ok := v.([]byte); ok {
				values[i] = blob{base64.StdEncoding.EncodeToString(data)}
			}
		}
		if err := out.Encode(values); err != nil {
			return err
		}
		n++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return end(n)
}

// folder adds the files of the log. One that is gone when its turn comes was a part
// that the log has put together with others.
func (b *backup) folder(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			if notThere(err) {
				return nil
			}
			return err
		}
		f, err := root.Open(name)
		if notThere(err) {
			return nil
		}
		if err != nil {
			return err
		}
		defer f.Close()
		return b.file(logPart+name, f)
	})
}

// file adds one file.
func (b *backup) file(name string, content io.Reader) error {
	w, end, err := b.part(name)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, content); err != nil {
		return err
	}
	return end(0)
}

// Restore fills an empty database, and empty or missing folders for the log and for
// laboratories' tests ("" for none), from a backup. All of it is there afterwards, or an
// error says what is wrong with it.
func (d *DB) Restore(ctx context.Context, file io.ReaderAt, size int64, logDir, testsDir string) (Manifest, error) {
	var m Manifest
	z, err := zip.NewReader(file, size)
	if err != nil {
		return m, fmt.Errorf("restore: %w: it is no backup: %w", assay.ErrInvalid, err)
	}
	data, err := readPart(z, manifestName)
	if err != nil {
		return m, fmt.Errorf("restore: %w: the backup was cut off: %w", assay.ErrInvalid, err)
	}
	if err := json.Unmarshal(data, &m); err != nil || m.Format != backupFormat {
		return m, fmt.Errorf("restore: %w: a backup of format %d, want %d", assay.ErrUnsupported, m.Format, backupFormat)
	}
	if logDir != "" {
		if err := emptyFolder(logDir, "the log"); err != nil {
			return m, err
		}
	}
	if testsDir != "" {
		if err := emptyFolder(testsDir, "tests"); err != nil {
			return m, err
		}
	}
	err = d.Write(ctx, func(w register.Writer) error {
		t := w.(*tx)
		if n, err := t.CountAccounts(ctx); err != nil || n > 0 {
			return fmt.Errorf("restore: %w: the database must be empty: %w", assay.ErrConflict, err)
		}
		if err := t.exec(ctx, "restore", `delete from setting`); err != nil {
			return err
		}
		for _, p := range m.Parts {
			if strings.HasPrefix(p.Name, logPart) || strings.HasPrefix(p.Name, testsPart) {
				continue
			}
			if err := t.restorePart(ctx, z, p); err != nil {
				return fmt.Errorf("restore %s: %w", p.Name, err)
			}
		}
		if testsDir == "" || !slices.ContainsFunc(m.Parts, func(p ManifestPart) bool { return strings.HasPrefix(p.Name, testsPart) }) { // it begins with another folder
			if err := t.exec(ctx, "restore", `delete from setting where name = $1`, register.SettingTests); err != nil {
				return err
			}
		}
		return t.afterRestore(ctx)
	})
	if err == nil && logDir != "" {
		err = restoreFolder(z, m, logPart, logDir)
	}
	if err == nil && testsDir != "" {
		err = restoreFolder(z, m, testsPart, testsDir)
	}
	return m, err
}

func readPart(z *zip.Reader, name string) ([]byte, error) {
	f, err := z.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBackupLine))
}

func emptyFolder(dir, of string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s: %w: the folder of %s must be empty", dir, assay.ErrConflict, of)
	}
	return err
}

// restorePart fills a table, and holds it against the manifest.
func (t *tx) restorePart(ctx context.Context, z *zip.Reader, p ManifestPart) error {
	table := strings.TrimSuffix(strings.TrimPrefix(p.Name, "tables/"), ".jsonl")
	known := p.Name == "work.jsonl"
	for _, name := range backupTables {
		known = known || p.Name == "tables/"+name+".jsonl"
	}
	if !known {
		return fmt.Errorf("%w: it is nothing that this program knows", assay.ErrUnsupported)
	}
	f, err := z.Open(p.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := &counter{w: io.Discard, sum: sha256.New()}
	lines := bufio.NewScanner(io.TeeReader(f, sum))
	lines.Buffer(make([]byte, 1<<16), maxBackupLine)
	query, width, rows := "", 0, int64(-1)
	for lines.Scan() {
		if rows++; rows == 0 {
			if query, width, err = insertFor(table, lines.Bytes()); err != nil {
				return err
			}
			continue
		}
		values, err := rowOf(lines.Bytes(), width)
		if err != nil {
			return fmt.Errorf("row %d: %w", rows, err)
		}
		if p.Name == "work.jsonl" {
			err = t.restoreWork(ctx, values)
		} else {
			err = t.exec(ctx, "row "+strconv.FormatInt(rows, 10), query, values...)
		}
		if err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if got := assay.Digest("sha256:" + hex.EncodeToString(sum.sum.Sum(nil))); rows != p.Rows || got != p.Digest {
		return fmt.Errorf("%w: it has %d rows and the digest %s; the manifest says %d and %s", assay.ErrInvalid, rows, got, p.Rows, p.Digest)
	}
	return nil
}

// insertFor is the statement that fills a table. Names of columns are ours, or refused.
func insertFor(table string, heading []byte) (string, int, error) {
	var columns []string
	if err := json.Unmarshal(heading, &columns); err != nil || len(columns) == 0 {
		return "", 0, fmt.Errorf("%w: it begins with no names of columns", assay.ErrInvalid)
	}
	marks := make([]string, len(columns))
	for i, c := range columns {
		if strings.Trim(c, "abcdefghijklmnopqrstuvwxyz_") != "" || c == "" {
			return "", 0, fmt.Errorf("%w: column %.40q", assay.ErrInvalid, c)
		}
		marks[i] = "$" + strconv.Itoa(i+1)
	}
	return `insert into ` + table + ` (` + strings.Join(columns, ", ") + `) values (` + strings.Join(marks, ", ") + `)`, len(columns), nil
}

// rowOf reads the values of a row: texts, whole numbers, bytes, nothing.
func rowOf(line []byte, width int) ([]any, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil || len(raw) != width {
		return nil, fmt.Errorf("%w: want %d values", assay.ErrInvalid, width)
	}
	values := make([]any, width)
	for i, r := range raw {
		var b blob
		var text string
		var n int64
		switch {
		case string(r) == "null":
		case json.Unmarshal(r, &text) == nil:
			values[i] = text
		case json.Unmarshal(r, &n) == nil:
			values[i] = n
		case json.Unmarshal(r, &b) == nil:
			data, err := base64.StdEncoding.DecodeString(b.Base64)
			if err != nil {
				return nil, fmt.Errorf("value %d: %w", i+1, err)
			}
			values[i] = data
		default:
			return nil, fmt.Errorf("value %d: %w", i+1, assay.ErrInvalid)
		}
	}
	return values, nil
}

func (t *tx) restoreWork(ctx context.Context, values []any) error {
	text, ok := values[0].(string)
	var args workArgs
	if !ok || json.Unmarshal([]byte(text), &args) != nil {
		return fmt.Errorf("%w: no work that can be read", assay.ErrInvalid)
	}
	if args.Work == register.WorkTidy || args.Work == register.WorkPages { // comes again by itself
		return nil
	}
	return t.Enqueue(ctx, register.Work{Kind: args.Work, Payload: args.Payload})
}

// afterRestore makes what is searched for again, and has new rows numbered after the
// restored ones.
func (t *tx) afterRestore(ctx context.Context) error {
	// An older backup does not say whose product an assessment is about.
	if err := t.exec(ctx, "leaves", `update leaf set maker = (select p.org from product p where p.id = leaf.product) where kind = 'assessed' and maker = ''`); err != nil {
		return err
	}
	if t.db.engine == postgresEngine {
		for _, c := range [][2]string{{"event", "id"}, {"product", "seq"}, {"assessment", "id"}, {"leaf", "seq"}, {"subscription", "id"}} {
			if err := t.exec(ctx, "numbers of "+c[0], `select setval(pg_get_serial_sequence('`+c[0]+`', '`+c[1]+`'), coalesce((select max(`+c[1]+`) from `+c[0]+`), 0) + 1, false)`); err != nil {
				return err
			}
		}
		if err := t.exec(ctx, "index", `insert into search (seq, words, codes) select p.seq, to_tsvector('simple', p.words), coalesce((select string_agg(m.code, ' ' order by m.code) from model m where m.product = p.id), '') from product p where p.version > 0`); err != nil {
			return err
		}
		return t.exec(ctx, "words", putWords)
	}
	if err := t.exec(ctx, "index", `insert into search (rowid, words) select seq, words from product where version > 0 order by seq`); err != nil {
		return err
	}
	return t.exec(ctx, "index", `insert into code (rowid, codes) select p.seq, coalesce((select group_concat(code, ' ') from (select code from model m where m.product = p.id order by code)), '') from product p where p.version > 0 order by p.seq`)
}

// restoreFolder writes the files whose names begin so, and holds each against the
// manifest.
func restoreFolder(z *zip.Reader, m Manifest, prefix, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("restore %s: %w", prefix, err)
	}
	defer root.Close()
	for _, p := range m.Parts {
		name, ok := strings.CutPrefix(p.Name, prefix)
		if !ok {
			continue
		}
		if err := restoreFile(z, root, p, name); err != nil {
			return fmt.Errorf("restore %s: %w", p.Name, err)
		}
	}
	return nil
}

func restoreFile(z *zip.Reader, root *os.Root, p ManifestPart, name string) (err error) {
	if !fs.ValidPath(name) {
		return fmt.Errorf("%w: no name of a file", assay.ErrInvalid)
	}
	f, err := z.Open(p.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	sum := &counter{w: out, sum: sha256.New()}
	_, err = io.Copy(sum, io.LimitReader(f, p.Bytes+1))
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	if assay.Digest("sha256:"+hex.EncodeToString(sum.sum.Sum(nil))) != p.Digest {
		return fmt.Errorf("%w: it is not as the manifest says", assay.ErrInvalid)
	}
	return nil
}
