package password

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Bounds of the reader.
const (
	maxLineBytes = 1 << 20 // one row, quotes and line breaks within them included
	maxColumns   = 256
	blockBytes   = 1 << 20
)

// Batch is a list of units with their passwords: CSV with a header row or JSON lines, plain, gzip or zstd. It is read as
// a stream, more than once; nothing but its header is kept. A Batch is not safe for use by several audits at once.
type Batch struct {
	Name    string
	Columns []Column

	password int
	json     bool
	delim    byte
	open     func() (io.ReadCloser, error)
	stat     func() (int64, time.Time, error) // nil when the source cannot change
	close    func() error
	size     int64
	mod      time.Time
}

// Open opens the batch in a file and reads its header. Roles give columns a role by their name where the name does not tell.
func Open(path string, roles map[string]Role) (*Batch, error) {
	stat := func() (int64, time.Time, error) {
		fi, err := os.Stat(path)
		if err != nil {
			return 0, time.Time{}, err
		}
		if fi.IsDir() {
			return 0, time.Time{}, fmt.Errorf("%w: %s is a folder: name a file", ErrInput, path)
		}
		return fi.Size(), fi.ModTime(), nil
	}
	b := &Batch{Name: path, stat: stat, open: func() (io.ReadCloser, error) { return os.Open(path) }}
	var err error
	if b.size, b.mod, err = stat(); err != nil {
		return nil, err
	}
	return b, b.readHeader(roles)
}

// NewBatch reads the header of a batch that open gives. Open is called once for each pass and must give the same bytes.
func NewBatch(name string, open func() (io.ReadCloser, error), roles map[string]Role) (*Batch, error) {
	b := &Batch{Name: name, open: open}
	return b, b.readHeader(roles)
}

// Spool copies a stream that can be read only once into a scratch file of the folder dir (the system's if empty) and
// opens it as a batch. Close removes the file.
func Spool(name string, r io.Reader, dir string, roles map[string]Role) (*Batch, error) {
	f, err := os.CreateTemp(dir, "assay-batch-*")
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", name, err)
	}
	path := f.Name()
	_, err = io.Copy(f, r)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("spool %s: %w", name, err), os.Remove(path))
	}
	b := &Batch{Name: name, open: func() (io.ReadCloser, error) { return os.Open(path) }, close: func() error { return os.Remove(path) }}
	if err := b.readHeader(roles); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// Close removes what Spool left behind.
func (b *Batch) Close() error {
	if b.close == nil {
		return nil
	}
	f := b.close
	b.close = nil
	return f()
}

// WiFi tells whether the password column's name says that it holds the key of a wireless network.
func (b *Batch) WiFi() bool { return wifiColumn(b.Columns[b.password].Name) }

// plain opens the batch and undoes its compression.
func (b *Batch) plain() (io.Reader, func() error, error) {
	f, err := b.open()
	if err != nil {
		return nil, nil, err
	}
	br := bufio.NewReaderSize(f, 1<<18)
	magic, err := br.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, errors.Join(fmt.Errorf("read %s: %w", b.Name, err), f.Close())
	}
	wrong := func(what string) error {
		return errors.Join(fmt.Errorf("%w: %s is %s: give CSV or JSON lines, plain, gzip or zstd", ErrInput, b.Name, what), f.Close())
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("%w: %s: broken gzip header", ErrInput, b.Name), f.Close())
		}
		return z, f.Close, nil
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("%w: %s: broken zstd header", ErrInput, b.Name), f.Close())
		}
		// The decoder's memory bound applies to the window; a stream of any length is wanted here.
		return z, func() error { z.Close(); return f.Close() }, nil
	case bytes.HasPrefix(magic, []byte("PK\x03\x04")):
		return nil, nil, wrong("a zip archive or spreadsheet")
	case bytes.HasPrefix(magic, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return nil, nil, wrong("xz-compressed")
	case bytes.HasPrefix(magic, []byte{0xff, 0xfe}), bytes.HasPrefix(magic, []byte{0xfe, 0xff}):
		return nil, nil, wrong("UTF-16 text")
	}
	if bytes.HasPrefix(magic, []byte{0xef, 0xbb, 0xbf}) {
		if _, err := br.Discard(3); err != nil {
			return nil, nil, errors.Join(err, f.Close())
		}
	}
	return br, f.Close, nil
}

// readHeader finds the format and the columns.
func (b *Batch) readHeader(roles map[string]Role) error {
	r, done, err := b.plain()
	if err != nil {
		return err
	}
	head := make([]byte, maxLineBytes)
	n, err := io.ReadFull(r, head)
	head = head[:n]
	if cerr := done(); cerr != nil {
		return cerr
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %s: %w in the header", ErrInput, b.Name, err)
	}
	if len(bytes.TrimSpace(head)) == 0 {
		return fmt.Errorf("%w: %s is empty: the first line must name the columns", ErrInput, b.Name)
	}
	if at, what := badBytes(head, n == maxLineBytes); at >= 0 {
		return fmt.Errorf("%w: %s: row %d: %s", ErrInput, b.Name, bytes.Count(head[:at], []byte{'\n'}), what)
	}
	var names []string
	switch c := bytes.TrimSpace(head)[0]; c {
	case '{':
		b.json = true
		if names, err = jsonColumns(head); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrInput, b.Name, err)
		}
	case '[':
		return fmt.Errorf("%w: %s is a JSON array: write one object a line (JSON lines)", ErrInput, b.Name)
	default:
		line, _, found := bytes.Cut(head, []byte{'\n'})
		if !found && n == maxLineBytes {
			return fmt.Errorf("%w: %s: row 0 (the header) is longer than %d bytes", ErrInput, b.Name, maxLineBytes)
		}
		line = bytes.TrimSuffix(line, []byte{'\r'})
		b.delim = sniffDelimiter(line)
		p := csvParser{delim: b.delim}
		fields, err := p.split(line, nil)
		if err != nil {
			return fmt.Errorf("%w: %s: row 0 (the header): %w", ErrInput, b.Name, err)
		}
		for _, f := range fields {
			names = append(names, strings.TrimSpace(string(f)))
		}
	}
	if len(names) > maxColumns {
		return fmt.Errorf("%w: %s has %d columns, more than %d", ErrInput, b.Name, len(names), maxColumns)
	}
	if b.Columns, b.password, err = assignRoles(names, roles); err != nil {
		return fmt.Errorf("%s: %w", b.Name, err)
	}
	return nil
}

// sniffDelimiter chooses the separator that splits the header most often, the comma if none does.
func sniffDelimiter(line []byte) byte {
	best, most := byte(','), bytes.Count(line, []byte{','})
	for _, d := range []byte{';', '\t', '|'} {
		if n := bytes.Count(line, []byte{d}); n > most {
			best, most = d, n
		}
	}
	return best
}

// block is a piece of the batch that ends with a whole row.
type block struct {
	buf   []byte
	n     int
	first int64 // number of its first row
}

// scan reads the batch once. Rows are parsed by several workers at a time, in no order; row is called with the worker's
// number, and its fields are valid only during the call. It returns the number of rows.
func (b *Batch) scan(ctx context.Context, workers int, progress func(int64), row func(worker int, number int64, fields [][]byte) error) (int64, error) {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	src, done, err := b.plain()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	free := make(chan []byte, workers+2)
	for range workers + 2 {
		free <- make([]byte, blockBytes)
	}
	full := make(chan block, workers+2)
	counts := make([]int64, workers)
	var faults scanFaults
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			p := b.parser()
			for blk := range full {
				if ctx.Err() == nil {
					n, err := p.rows(blk, func(number int64, fields [][]byte) error { return row(w, number, fields) })
					counts[w] += n
					if err != nil {
						faults.add(blk.first, err)
						cancel(err)
					}
				}
				free <- blk.buf
			}
		})
	}
	readErr := b.readBlocks(ctx, src, free, full, progress)
	close(full)
	wg.Wait()
	if err := errors.Join(readErr, done()); err != nil && faults.err == nil && !errors.Is(err, context.Canceled) {
		return 0, err
	}
	if faults.err != nil {
		return 0, fmt.Errorf("%s: %w", b.Name, faults.err)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if b.stat != nil {
		size, mod, err := b.stat()
		if err != nil {
			return 0, err
		}
		if size != b.size || !mod.Equal(b.mod) {
			return 0, fmt.Errorf("%w: %s changed while it was read (%d bytes at first, now %d): wait until it is complete", ErrInput, b.Name, b.size, size)
		}
	}
	return sum(counts), nil
}

// scanFaults keeps the error of the earliest block.
type scanFaults struct {
	mu    sync.Mutex // guards the fields below
	first int64
	err   error
}

func (f *scanFaults) add(first int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil || first < f.first {
		f.first, f.err = first, err
	}
}

// readBlocks cuts the stream into blocks at row ends.
func (b *Batch) readBlocks(ctx context.Context, src io.Reader, free <-chan []byte, full chan<- block, progress func(int64)) error {
	var carry []byte
	next := int64(1)
	if !b.json {
		next = 0 // the header
	}
	for {
		var buf []byte
		select {
		case buf = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		buf = buf[:blockBytes]
		n := copy(buf, carry)
		m, err := io.ReadFull(src, buf[n:])
		n += m
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		// A gzip stream that breaks off also reports an unexpected end, but only a short read here is the true end.
		if last && err == io.ErrUnexpectedEOF {
			if _, e := src.Read(make([]byte, 1)); e != io.EOF {
				return fmt.Errorf("%w: %s: row %d or later: compressed data ends too soon", ErrInput, b.Name, next)
			}
		}
		if err != nil && !last {
			return fmt.Errorf("%w: %s: row %d or later: %w", ErrInput, b.Name, next, err)
		}
		cut, rows := n, int64(0)
		if !last {
			cut, rows = lastRowEnd(buf[:n], b.json)
			if cut == 0 {
				return fmt.Errorf("%w: %s: row %d is longer than %d bytes: a quote or a line break is missing", ErrInput, b.Name, next, maxLineBytes)
			}
		}
		carry = append(carry[:0], buf[cut:n]...)
		if cut > 0 {
			select {
			case full <- block{buf, cut, next}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		next += rows
		if progress != nil {
			progress(next)
		}
		if last {
			return nil
		}
	}
}

func sum(xs []int64) (t int64) {
	for _, x := range xs {
		t += x
	}
	return t
}
