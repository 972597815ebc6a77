package firmware

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
)

// folder reads the listing of a plain folder.
func (b *builder) folder(fsys fs.FS) (*tree, error) {
	t := b.newTree()
	if err := b.folderInto(t, fsys, ".", t.root, 0); err != nil {
		return nil, err
	}
	return t, nil
}

func (b *builder) folderInto(t *tree, fsys fs.FS, name string, dir *node, depth int) error {
	list, err := fs.ReadDir(fsys, name)
	if err != nil && name == "." {
		return err
	}
	if err != nil {
		t.note(fmt.Sprintf("folder %q", clip(name)), 0, fail(Unsupported, "%v; make it readable", err))
		return nil
	}
	if depth > maxTreeDepth {
		t.note(fmt.Sprintf("folder %q", clip(name)), 0, fail(Limit, "folders are more than %d deep", maxTreeDepth))
		return nil
	}
	for _, e := range list {
		if err := t.count(); err != nil {
			if b.ctx.Err() != nil && !errors.Is(err, errTime) {
				return err
			}
			t.note(fmt.Sprintf("folder %q", clip(name)), 0, err)
			return nil
		}
		full := path.Join(name, e.Name())
		info, err := e.Info()
		if err != nil {
			t.note(fmt.Sprintf("file %q", clip(full)), 0, fail(Unsupported, "%v; make it readable", err))
			continue
		}
		n := &node{mode: info.Mode(), mtime: info.ModTime(), attr: sysAttr(info)}
		switch {
		case n.mode.IsDir():
			n.kids = map[string]*node{}
		case n.mode&fs.ModeSymlink != 0:
			if n.target, err = fs.ReadLink(fsys, full); err != nil {
				t.note(fmt.Sprintf("link %q", clip(full)), 0, fail(Unsupported, "%v; make it readable", err))
				continue
			}
			n.size = int64(len(n.target))
		case n.mode.IsRegular():
			n.size = info.Size()
			n.open = func() (io.Reader, error) { return fsys.Open(full) }
		}
		if t.add(dir, e.Name(), n, 0) && n.mode.IsDir() {
			if err := b.folderInto(t, fsys, full, n, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
