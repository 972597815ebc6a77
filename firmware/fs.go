package firmware

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// FS is a file tree of an image. It implements fs.FS, fs.ReadDirFS, fs.StatFS, fs.ReadFileFS and fs.ReadLinkFS, and is
// safe for concurrent use.
//
// Links are kept as links. Open, Stat, ReadDir and ReadFile follow them as a device does whose root this tree is: an
// absolute target starts at the root, ".." at the root stays there, so no link leads out. Lstat and ReadLink do not
// follow the last one. FileInfo.Sys returns *Attr.
//
// Contents are unpacked when read. Reading can fail for data that is cut or damaged; such a file must be treated as
// unread, never as empty.
type FS struct {
	root  *node
	file  int64 // Limits.File
	whole int64 // Limits.Memory
}

var (
	_ fs.ReadDirFS  = (*FS)(nil)
	_ fs.StatFS     = (*FS)(nil)
	_ fs.ReadFileFS = (*FS)(nil)
	_ fs.ReadLinkFS = (*FS)(nil)
)

// Attr is what a tree records of a file beyond fs.FileInfo.
type Attr struct {
	UID, GID     uint32
	Major, Minor uint32 // of device nodes
	Inode        uint64 // 0 when the format has none
	Offset       int64  // where the contents start, from the start of the tree's range, or -1 when not known; packed where the tree packs them
	Target       string // of links
	RawName      string // the name in the image when it had to be changed to be printable; else ""
}

type node struct {
	mode   fs.FileMode
	size   int64
	mtime  time.Time
	attr   Attr
	target string
	kids   map[string]*node          // of folders
	open   func() (io.Reader, error) // of files; nil means empty
}

func newDir() *node { return &node{mode: fs.ModeDir | 0o755, kids: map[string]*node{}} }

const maxLinks = 40 // links followed for one path, as Linux does

var errLoop = errors.New("too many levels of links")

func (f *FS) walk(op, name string, followLast bool) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	var up []*node // from the root to the folder at hand
	cur, links := f.root, 0
	rest := strings.Split(name, "/")
	for len(rest) > 0 {
		elem := rest[0]
		rest = rest[1:]
		switch elem {
		case "", ".":
			continue
		case "..":
			if len(up) > 0 {
				cur, up = up[len(up)-1], up[:len(up)-1]
			}
			continue
		}
		next, ok := cur.kids[elem]
		if !ok {
			err := fs.ErrNotExist
			if cur.kids == nil {
				err = errors.New("not a directory")
			}
			return nil, &fs.PathError{Op: op, Path: name, Err: err}
		}
		if next.mode&fs.ModeSymlink == 0 || (len(rest) == 0 && !followLast) {
			up, cur = append(up, cur), next
			continue
		}
		if links++; links > maxLinks {
			return nil, &fs.PathError{Op: op, Path: name, Err: errLoop}
		}
		if strings.HasPrefix(next.target, "/") {
			cur, up = f.root, nil
		}
		rest = append(strings.Split(next.target, "/"), rest...)
	}
	return cur, nil
}

// Open opens a file or folder, following links.
func (f *FS) Open(name string) (fs.File, error) {
	n, err := f.walk("open", name, true)
	if err != nil {
		return nil, err
	}
	info := &info{path.Base(name), n}
	if n.mode.IsDir() {
		return &openDir{info: info, name: name, list: n.list()}, nil
	}
	if !n.mode.IsRegular() {
		return &openFile{info: info, r: strings.NewReader("")}, nil
	}
	if n.size > f.file {
		return nil, &fs.PathError{Op: "open", Path: name,
			Err: fail(Limit, "%d bytes are more than the %d that may be read from one file; raise Limits.File", n.size, f.file)}
	}
	var r io.Reader = strings.NewReader("")
	if n.open != nil {
		if r, err = n.open(); err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	} else if n.size > 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fail(Unsupported, "contents cannot be read")}
	}
	return &openFile{info: info, name: name, r: r, left: n.size}, nil
}

// Stat describes a file, following links.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	n, err := f.walk("stat", name, true)
	if err != nil {
		return nil, err
	}
	return &info{path.Base(name), n}, nil
}

// Lstat describes a file without following the last link.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	n, err := f.walk("lstat", name, false)
	if err != nil {
		return nil, err
	}
	return &info{path.Base(name), n}, nil
}

// ReadLink returns the target of a link as the image has it.
func (f *FS) ReadLink(name string) (string, error) {
	n, err := f.walk("readlink", name, false)
	if err != nil {
		return "", err
	}
	if n.mode&fs.ModeSymlink == 0 {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return n.target, nil
}

// ReadDir lists a folder by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := f.walk("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	return n.list(), nil
}

// ReadFile reads a whole file of at most Limits.Memory bytes. It fails rather than return less than the file's size.
func (f *FS) ReadFile(name string) ([]byte, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	if info.Size() > f.whole {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fail(Limit, "%d bytes are too many to hold at once; read it in parts, or raise Limits.Memory", info.Size())}
	}
	return io.ReadAll(file)
}

func (n *node) list() []fs.DirEntry {
	out := make([]fs.DirEntry, 0, len(n.kids))
	for name, kid := range n.kids {
		out = append(out, fs.FileInfoToDirEntry(&info{name, kid}))
	}
	slices.SortFunc(out, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return out
}

type info struct {
	name string
	n    *node
}

func (i *info) Name() string       { return i.name }
func (i *info) Size() int64        { return i.n.size }
func (i *info) Mode() fs.FileMode  { return i.n.mode }
func (i *info) ModTime() time.Time { return i.n.mtime }
func (i *info) IsDir() bool        { return i.n.mode.IsDir() }
func (i *info) Sys() any {
	a := i.n.attr
	a.Target = i.n.target
	return &a
}

type openFile struct {
	info *info
	name string
	r    io.Reader
	left int64
}

func (o *openFile) Stat() (fs.FileInfo, error) { return o.info, nil }

func (o *openFile) Close() error {
	if c, ok := o.r.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Read gives exactly the file's size or an error: less is never taken for the end.
func (o *openFile) Read(p []byte) (n int, err error) {
	defer func() {
		if v := recover(); v != nil { // a mistake of ours, or of a decompressor, must not end the program
			n, err = 0, &fs.PathError{Op: "read", Path: o.name, Err: fail(Unsupported, "%s: %v; report this image's form to us", readerFailed, v)}
		}
	}()
	if o.left <= 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if int64(len(p)) > o.left {
		p = p[:o.left]
	}
	n, err = o.r.Read(p)
	o.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF) && o.left > 0:
		err = &fs.PathError{Op: "read", Path: o.name, Err: fail(Truncated, "contents end %d bytes early; get a whole copy of the image", o.left)}
	case errors.Is(err, io.EOF):
		err = nil
	case err != nil:
		err = &fs.PathError{Op: "read", Path: o.name, Err: err}
	}
	return n, err
}

type openDir struct {
	info *info
	name string
	list []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("is a directory")}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 || n > len(d.list) {
		if n > 0 && len(d.list) == 0 {
			return nil, io.EOF
		}
		n = len(d.list)
	}
	out := d.list[:n:n]
	d.list = d.list[n:]
	return out, nil
}
