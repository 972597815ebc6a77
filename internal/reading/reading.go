// Package reading reads every file of a tree once and shows it, window by window, to all who want to look.
//
// Unpacking is what costs: what several readers look for is looked for in the same bytes while they are there. Memory is
// bounded by the window and the number of processors, whatever a header claims. It is not for deciding what a file is or
// means; that is the readers' trade.
package reading

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// Bounds of one reading. They are far above any device's file system.
const (
	Size       = 8 << 20  // bytes of a file held at once
	Overlap    = 32 << 10 // bytes that two windows of a file share: nothing that is looked for is longer
	MaxFile    = 1 << 30  // bytes of one file
	MaxBytes   = 8 << 30  // bytes of all files
	MaxEntries = 400_000  // files, folders and links looked at
	MaxDepth   = 64       // folders below the root
	maxWorkers = 8        // each holds a window
)

// Window is a run of bytes of one file. Its bytes are valid until the function it was given to returns.
type Window struct {
	Name string // of the file
	Data []byte
	Base int64 // of Data[0] in the file
	// Last is the index in Data where findings of this window end: what begins there or later is seen again in the next
	// window. In the last window of a file it is len(Data).
	Last int
	// Seen is how many bytes of Data were in the window before.
	Seen int
	// End says that there is no other window. Where reading failed it is the end of what could be read.
	End bool
}

// Whole reports whether the window holds all of its file.
func (w *Window) Whole() bool { return w.Base == 0 && w.End }

// A Reader looks at files. Its methods are called from several goroutines; the windows of one file come in order, one
// after another.
type Reader interface {
	// File is told of a regular file before it is read. It gives what looks at its windows; nil wants none of them.
	File(name string) func(*Window)
	// Miss is told what of the tree was not read, and why.
	Miss(name, why string)
}

// Progress is told how many bytes of how many were read, from several goroutines; total is what the tree claims to hold.
type Progress func(done, total int64)

// Stats is what was read.
type Stats struct {
	Files int
	Bytes int64
}

// Tree shows every regular file of fsys to the readers, in parallel, the earlier ones in lexical order first. fsys must
// be safe for concurrent use. The only error is that of the context: what cannot be read is told to the readers.
func Tree(ctx context.Context, fsys fs.FS, progress Progress, readers ...Reader) (Stats, error) {
	p := &pass{fsys: fsys, readers: readers, progress: progress}
	if progress != nil {
		p.total = claimed(ctx, fsys)
	}
	names := make(chan string)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), maxWorkers) {
		wg.Go(func() {
			var buf []byte
			for name := range names {
				if ctx.Err() == nil {
					buf = p.file(ctx, name, buf)
				}
			}
		})
	}
	err := p.list(ctx, names)
	close(names)
	wg.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return Stats{int(p.files.Load()), p.bytes.Load()}, err
}

// Stream shows one run of bytes that is no file of a tree to the readers.
func Stream(ctx context.Context, name string, r io.Reader, readers ...Reader) (Stats, error) {
	p := &pass{readers: readers}
	if looks := p.looks(name); len(looks) > 0 {
		p.windows(ctx, name, r, 1<<20, nil, looks)
	}
	return Stats{1, p.bytes.Load()}, ctx.Err()
}

type pass struct {
	fsys     fs.FS
	readers  []Reader
	progress Progress
	total    int64
	files    atomic.Int64
	bytes    atomic.Int64
}

// claimed is the size of all files as the tree's listing says.
func claimed(ctx context.Context, fsys fs.FS) int64 {
	total, n := int64(0), 0
	_ = fs.WalkDir(fsys, ".", func(_ string, d fs.DirEntry, err error) error {
		if n++; ctx.Err() != nil || n > MaxEntries {
			return fs.SkipAll
		}
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				total += min(max(info.Size(), 0), MaxFile)
			}
		}
		return nil
	})
	return min(total, MaxBytes)
}

func (p *pass) miss(name, why string) {
	for _, r := range p.readers {
		r.Miss(name, why)
	}
}

// list sends the names of regular files in lexical order, folder by folder.
func (p *pass) list(ctx context.Context, names chan<- string) error {
	n, claimed := 0, int64(0)
	return fs.WalkDir(p.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			p.miss(name, err.Error())
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if n++; n > MaxEntries {
			p.miss(name, fmt.Sprintf("more than %d entries: this one and all after it were not looked at", MaxEntries))
			return fs.SkipAll
		}
		if d.IsDir() && strings.Count(name, "/") >= MaxDepth {
			p.miss(name, fmt.Sprintf("deeper than %d folders", MaxDepth))
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		// By the listed sizes, so that where the reading stops does not depend on which file was done first.
		if info, err := d.Info(); err == nil {
			claimed += min(max(info.Size(), 0), MaxFile)
		}
		if claimed > MaxBytes || p.bytes.Load() > 2*MaxBytes {
			p.miss(name, fmt.Sprintf("more than %d GiB of files: this one and all after it were not looked at", MaxBytes>>30))
			return fs.SkipAll
		}
		select {
		case names <- name:
		case <-ctx.Done():
		}
		return nil
	})
}

func (p *pass) looks(name string) []func(*Window) {
	var looks []func(*Window)
	for _, r := range p.readers {
		if look := r.File(name); look != nil {
			looks = append(looks, look)
		}
	}
	return looks
}

// file reads one file into buf, which it may make larger and gives back.
func (p *pass) file(ctx context.Context, name string, buf []byte) (back []byte) {
	defer func() {
		if v := recover(); v != nil { // a mistake of ours must not end the program, nor pass for a file that was looked at
			p.miss(name, fmt.Sprintf("its contents made the program fail, so it was not looked at whole: %v", v))
		}
	}()
	looks := p.looks(name)
	if len(looks) == 0 {
		return buf
	}
	f, err := p.fsys.Open(name)
	if err != nil {
		p.miss(name, err.Error())
		return buf
	}
	defer f.Close()
	p.files.Add(1)
	hint := int64(64 << 10)
	if info, err := f.Stat(); err == nil {
		hint = info.Size() // a claim: no more than a window is made for it
	}
	return p.windows(ctx, name, f, hint, buf, looks)
}

// windows reads r to its end.
func (p *pass) windows(ctx context.Context, name string, r io.Reader, hint int64, buf []byte, looks []func(*Window)) []byte {
	want := int(min(max(hint, 0)+1, Size)) // one more byte than is there shows the end
	w := Window{Name: name}
	for ctx.Err() == nil {
		if cap(buf) < w.Seen+want {
			buf = append(make([]byte, 0, w.Seen+want), buf[:w.Seen]...)
		}
		got, err := io.ReadFull(r, buf[w.Seen:w.Seen+want])
		p.bytes.Add(int64(got))
		if p.progress != nil {
			p.progress(min(p.bytes.Load(), p.total), p.total)
		}
		w.Data = buf[: w.Seen+got : w.Seen+got]
		w.End = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !w.End {
			p.miss(name, fmt.Sprintf("read only up to byte %d: %v", w.Base+int64(len(w.Data)), err))
			w.End = true
		}
		if !w.End && w.Base+int64(len(w.Data)) > MaxFile {
			p.miss(name, fmt.Sprintf("larger than %d GiB: the rest was not looked at", MaxFile>>30))
			w.End = true
		}
		if w.Last = len(w.Data); !w.End {
			w.Last = max(len(w.Data)-Overlap, 0)
		}
		if len(w.Data) > 0 || w.End {
			for _, look := range looks {
				look(&w)
			}
		}
		if w.End {
			return buf
		}
		w.Base += int64(w.Last)
		w.Seen = copy(buf[:cap(buf)], w.Data[w.Last:])
		want = Size
	}
	return buf
}
