package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
)

// The digest of a file is the SHA-256 of its bytes. The digest of a folder is the
// SHA-256 of this text:
//
//	"assay tree 1\n", then for each entry below the folder, in byte order of its
//	slash path:  TYPE " " MODE " " PATH-LENGTH ":" PATH " " VALUE "\n"
//
// TYPE is one letter: f file, d folder, l link, o anything else (a device node, a
// socket, a pipe; these are never opened). MODE is the permission bits with
// set-user-id, set-group-id and sticky as four octal digits; 0000 for a link,
// whose bits mean nothing. VALUE is, for a file, the SHA-256 of its bytes in
// hexadecimal; for a link, LENGTH ":" TARGET as stored; else "-". Owners and
// times do not count.
const treeHeader = "assay tree 1\n"

// DigestOf is the digest of what r holds, and its size. It stops with an error
// beyond max bytes.
func DigestOf(ctx context.Context, r io.Reader, max int64) (assay.Digest, int64, error) {
	h := sha256.New()
	n, err := copyBounded(ctx, h, r, max)
	if err != nil {
		return "", n, err
	}
	return digest(h), n, nil
}

func digest(h hash.Hash) assay.Digest {
	return assay.Digest("sha256:" + hex.EncodeToString(h.Sum(nil)))
}

var errTooMuch = errors.New("more bytes than allowed")

func copyBounded(ctx context.Context, w io.Writer, r io.Reader, max int64) (int64, error) {
	buf := make([]byte, 256<<10)
	var total int64
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, err := r.Read(buf)
		total += int64(n)
		if total > max {
			return total, errTooMuch
		}
		if _, err := w.Write(buf[:n]); err != nil {
			return total, err
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// lister walks an evidence folder.
type lister struct {
	ctx     context.Context // of one listing
	root    *os.Root
	limits  Limits
	bytes   int64
	entries int
}

func (l *lister) list() ([]Item, error) {
	kinds, err := l.readDir(".")
	if err != nil {
		return nil, err
	}
	var items []Item
	for _, k := range kinds {
		if strings.HasPrefix(k.Name(), ".") {
			continue
		}
		kind := Kind(k.Name())
		if !slices.Contains(Kinds(), kind) || !k.IsDir() {
			return nil, problem(assay.ErrInvalid, printable(k.Name()), "is not a kind of evidence",
				"put it into one of the folders "+kindList())
		}
		entries, err := l.readDir(k.Name())
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				continue
			}
			name := path.Join(k.Name(), e.Name())
			if !fitName(name) {
				return nil, problem(assay.ErrInvalid, printable(name), "has a name that cannot be printed", "rename it")
			}
			if len(items) >= l.limits.Items {
				return nil, problem(assay.ErrRefused, "", fmt.Sprintf("holds more than %d items", l.limits.Items), "put them into fewer folders")
			}
			item, err := l.item(kind, name)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
	}
	return items, nil
}

func kindList() string {
	var b strings.Builder
	for i, k := range Kinds() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(k))
	}
	return b.String()
}

func printable(name string) string {
	return strings.Trim(fmt.Sprintf("%q", name), `"`)
}

func (l *lister) readDir(name string) ([]fs.DirEntry, error) {
	d, err := l.root.Open(name)
	if err != nil {
		return nil, l.refusal(name, err)
	}
	defer d.Close()
	var all []fs.DirEntry
	for {
		if err := l.ctx.Err(); err != nil {
			return nil, err
		}
		some, err := d.ReadDir(1024)
		all = append(all, some...)
		if l.entries+len(all) > l.limits.Entries {
			return nil, problem(assay.ErrRefused, name, fmt.Sprintf("more than %d files and folders", l.limits.Entries), "leave out what is no evidence")
		}
		if err == io.EOF || (err == nil && len(some) == 0) {
			break
		}
		if err != nil {
			return nil, l.refusal(name, err)
		}
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all, nil
}

// item makes an item of a file, of a folder, or of what a link within the folder
// leads to.
func (l *lister) item(kind Kind, name string) (Item, error) {
	info, err := l.root.Stat(name)
	if err != nil {
		return Item{}, l.refusal(name, err)
	}
	if info.IsDir() {
		if link, err := l.root.Lstat(name); err != nil || link.Mode()&fs.ModeSymlink != 0 {
			return Item{}, problem(assay.ErrRefused, name, "is a link to a folder", "put the folder itself here")
		}
		return l.tree(kind, name)
	}
	sum, size, info, err := l.file(name)
	if err != nil {
		return Item{}, err
	}
	return Item{Kind: kind, Name: name, Digest: digest(sum), Size: size, modified: info.ModTime()}, nil
}

func (l *lister) file(name string) (hash.Hash, int64, fs.FileInfo, error) {
	file, info, err := openRegular(l.root, name)
	if err != nil {
		return nil, 0, nil, err
	}
	defer file.Close()
	h := sha256.New()
	size, err := copyBounded(l.ctx, h, file, l.limits.Bytes-l.bytes)
	l.bytes += size
	if errors.Is(err, errTooMuch) {
		return nil, 0, nil, problem(assay.ErrRefused, name, fmt.Sprintf("takes the evidence beyond %d bytes", l.limits.Bytes), "leave out what is no evidence")
	}
	if err != nil {
		return nil, 0, nil, fmt.Errorf("read evidence/%s: %w", name, err)
	}
	after, err := file.Stat()
	if err != nil {
		return nil, 0, nil, fmt.Errorf("read evidence/%s: %w", name, err)
	}
	if after.Size() != info.Size() || size != info.Size() || !after.ModTime().Equal(info.ModTime()) {
		return nil, 0, nil, changed(name)
	}
	return h, size, info, nil
}

// tree hashes a folder as treeHeader defines.
func (l *lister) tree(kind Kind, name string) (Item, error) {
	h := sha256.New()
	h.Write([]byte(treeHeader)) // a hash never fails
	var records []treeRecord
	before := l.bytes
	if err := l.walk(name, "", 0, &records); err != nil {
		return Item{}, err
	}
	// Byte order of the whole path is not the order of the walk: "a.b" stands
	// before "a/b", yet a folder "a" is walked first.
	slices.SortFunc(records, func(a, b treeRecord) int { return strings.Compare(a.path, b.path) })
	for _, r := range records {
		fmt.Fprintf(h, "%c %04o %d:%s %s\n", r.kind, r.mode, len(r.path), r.path, r.value)
	}
	return Item{Kind: kind, Name: name, Digest: digest(h), Size: l.bytes - before, Folder: true}, nil
}

type treeRecord struct {
	kind  byte
	mode  uint32
	path  string // below the item
	value string
}

func (l *lister) walk(item, below string, depth int, records *[]treeRecord) error {
	if depth > l.limits.Depth {
		return problem(assay.ErrRefused, item, fmt.Sprintf("folders lie more than %d deep", l.limits.Depth), "leave out what is no evidence")
	}
	entries, err := l.readDir(path.Join(item, below))
	if err != nil {
		return err
	}
	l.entries += len(entries)
	for _, e := range entries {
		own := path.Join(below, e.Name())
		full := path.Join(item, own)
		info, err := l.root.Lstat(full)
		if err != nil {
			return l.refusal(full, err)
		}
		r := treeRecord{kind: 'o', mode: modeBits(info.Mode()), path: own, value: "-"}
		switch info.Mode().Type() {
		case 0:
			sum, _, _, err := l.file(full)
			if err != nil {
				return err
			}
			r.kind, r.value = 'f', hex.EncodeToString(sum.Sum(nil))
		case fs.ModeDir:
			r.kind = 'd'
			if err := l.walk(item, own, depth+1, records); err != nil {
				return err
			}
		case fs.ModeSymlink:
			target, err := l.root.Readlink(full)
			if err != nil {
				return l.refusal(full, err)
			}
			r.kind, r.mode, r.value = 'l', 0, fmt.Sprintf("%d:%s", len(target), target)
		}
		*records = append(*records, r)
	}
	return nil
}

func modeBits(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	for _, b := range []struct {
		mode fs.FileMode
		bit  uint32
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if m&b.mode != 0 {
			bits |= b.bit
		}
	}
	return bits
}

// refusal says in one line why a name cannot be opened.
func (l *lister) refusal(name string, err error) error {
	if info, e := l.root.Lstat(name); e == nil && info.Mode()&fs.ModeSymlink != 0 {
		if errors.Is(err, fs.ErrNotExist) {
			return problem(assay.ErrInvalid, name, "is a link to something that is not there", "put the file itself here")
		}
		return problem(assay.ErrRefused, name, "is a link that leads out of the folder", "put the file itself here")
	}
	return fmt.Errorf("read evidence/%s: %w", name, err)
}

// openRegular opens a plain file below the root; it never waits on a pipe.
func openRegular(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	info, err := root.Stat(name)
	if err != nil {
		l := lister{root: root}
		return nil, nil, l.refusal(name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, problem(assay.ErrInvalid, name, "is neither a file nor a folder", "remove it")
	}
	file, err := root.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("open evidence/%s: %w", name, err)
	}
	info, err = file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = changed(name)
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}
