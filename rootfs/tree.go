package rootfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A tree reads one file system as the device would see it: links lead from the root of the tree, never out of it.
type tree struct {
	fsys  fs.FS
	links fs.ReadLinkFS         // nil: the file system keeps no links
	dirs  map[string]resolution // folders already resolved
}

type resolution struct {
	name string
	err  error
}

func newTree(fsys fs.FS) *tree {
	t := &tree{fsys: fsys, dirs: map[string]resolution{}}
	t.links, _ = fsys.(fs.ReadLinkFS)
	return t
}

// A linkError says that a name could not be resolved because of a link.
type linkError struct{ link, target, why string }

func (e *linkError) Error() string {
	return fmt.Sprintf("%s is a link to %s, %s", e.link, e.target, e.why)
}

// clean turns a path as a device would write it into one that fs.FS takes.
func clean(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		return "."
	}
	return name
}

func (t *tree) lstat(name string) (fs.FileInfo, error) {
	dir, base := path.Split(clean(name))
	parent, err := t.resolveDir(strings.TrimSuffix(dir, "/"))
	if err != nil {
		return nil, err
	}
	return t.rawLstat(path.Join(parent, base))
}

func (t *tree) rawLstat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	if t.links != nil {
		return t.links.Lstat(name)
	}
	return fs.Stat(t.fsys, name)
}

func (t *tree) resolveDir(name string) (string, error) {
	if name == "" || name == "." {
		return ".", nil
	}
	if r, ok := t.dirs[name]; ok {
		return r.name, r.err
	}
	got, err := t.resolve(name)
	if len(t.dirs) < maxEntries {
		t.dirs[name] = resolution{got, err}
	}
	return got, err
}

// resolve returns the name without links that name leads to. It fails with a *linkError when a link on the way leads
// nowhere, and with fs.ErrNotExist when the name is simply not there.
func (t *tree) resolve(name string) (string, error) {
	rest := strings.Split(clean(name), "/")
	at := "."
	followed := 0
	var last *linkError // the link that was followed last
	after := 0          // how many parts of the name stood behind it
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at) // the root is its own parent, as on the device
			continue
		}
		next := path.Join(at, part)
		info, err := t.rawLstat(next)
		if err != nil {
			if last != nil && len(rest) >= after && errors.Is(err, fs.ErrNotExist) {
				return "", &linkError{last.link, last.target, "which is not in this tree"}
			}
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if t.links == nil {
			return "", &linkError{next, "?", "and this file system does not say where links lead"}
		}
		target, err := t.links.ReadLink(next)
		if err != nil {
			return "", fmt.Errorf("read link %s: %w", next, err)
		}
		last, after = &linkError{link: next, target: target}, len(rest)
		if followed++; followed > maxLinks {
			return "", &linkError{next, target, "and the links go round in a circle"}
		}
		if len(target) > 4096 || len(rest) > 256 {
			return "", &linkError{next, "a very long path", "which is not followed"}
		}
		if strings.HasPrefix(target, "/") {
			at = "."
		}
		rest = append(slices.Clone(strings.Split(target, "/")), rest...)
	}
	return at, nil
}

// stat resolves name and describes what it leads to.
func (t *tree) stat(name string) (string, fs.FileInfo, error) {
	real, err := t.resolve(name)
	if err != nil {
		return "", nil, err
	}
	info, err := t.rawLstat(real)
	return real, info, err
}

// exists answers whether the tree holds name: Unknown when a link leads out of the tree.
func (t *tree) exists(name string) Truth {
	_, _, err := t.stat(name)
	switch {
	case err == nil:
		return Yes
	case isLinkError(err):
		return Unknown
	case errors.Is(err, fs.ErrNotExist):
		return No
	}
	return Unknown
}

func isLinkError(err error) bool {
	var le *linkError
	return errors.As(err, &le)
}

var errTooBig = errors.New("larger than what is read of such a file")

// read returns the bytes of the regular file that name leads to, and its name without links.
func (t *tree) read(name string, limit int64) (data []byte, real string, info fs.FileInfo, err error) {
	real, info, err = t.stat(name)
	if err != nil {
		return nil, "", nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, real, info, fmt.Errorf("%s is not a regular file (%s)", real, info.Mode().Type())
	}
	data, err = t.readRegular(real, limit)
	return data, real, info, err
}

func (t *tree) readRegular(real string, limit int64) ([]byte, error) {
	f, err := t.fsys.Open(real)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return data[:limit], errTooBig
	}
	return data, nil
}

// walk calls visit for every entry below the root in lexical order, folders before what they hold, links as links. What
// cannot be listed goes to unread; a tree too large or too deep is cut off and said so there.
func (t *tree) walk(ctx context.Context, unread func(Unread), visit func(name string, d fs.DirEntry)) error {
	n := 0
	err := fs.WalkDir(t.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if ctxErr := ctx.Err(); ctxErr != nil {
			return ctxErr
		}
		if err != nil {
			unread(Unread{Path: name, Why: oneLine(err)})
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if n++; n > maxEntries {
			unread(Unread{Path: name, Why: fmt.Sprintf("more than %d entries: this one and all after it were not looked at", maxEntries)})
			return fs.SkipAll
		}
		if d.IsDir() && strings.Count(name, "/") >= maxDepth {
			unread(Unread{Path: name, Why: fmt.Sprintf("deeper than %d folders", maxDepth)})
			return fs.SkipDir
		}
		if name != "." {
			visit(name, d)
		}
		return nil
	})
	return err
}

// oneLine makes an error safe to show on one line.
func oneLine(err error) string { return printable(err.Error(), 300) }

// printable replaces what would break a line or a terminal and cuts at n bytes.
func printable(s string, n int) string {
	if len(s) > n {
		s = s[:n] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == '\u2028' || r == '\u2029' || r == '\ufffd' {
			return '?'
		}
		return r
	}, s)
}

// A line is one line of a text file, without its end.
type line struct {
	n    int   // from 1
	off  int64 // of its first byte
	text string
}

// lines splits text; it ends lines at \n and drops a \r before it.
func lines(data []byte) []line {
	var out []line
	off := 0
	for n := 1; off < len(data); n++ {
		end := len(data)
		next := end
		if i := bytes.IndexByte(data[off:min(off+1<<16, len(data))], '\n'); i >= 0 {
			end, next = off+i, off+i+1
		} else if len(data)-off > 1<<16 {
			end, next = off+1<<16, off+1<<16
		}
		text := string(data[off:end])
		out = append(out, line{n, int64(off), strings.TrimSuffix(text, "\r")})
		off = next
	}
	return out
}
