// Package rootfs says what a device's root file system says: who can log in, what starts at boot, which secrets every
// unit that runs the image shares, and how the device updates itself.
//
// It reads an [fs.FS] and nothing else. Links are resolved inside the tree only, a bounded number of times, and a link
// that leads out of it or nowhere (into /tmp, /var or a partition that is not here) is named as unread: what the device
// would find there when it runs is not in this evidence. Everything found carries its place, so that a person can look.
//
// It is not for taking images apart (package firmware does that), not for trying passwords against the hashes it
// returns (package password does that), and it passes no verdict: it says what is there, under which conditions, and
// what it could not read. An empty answer beside an [Unread] list is no proof of absence.
package rootfs

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
)

// Place is where something stands in a tree.
type Place struct {
	// File is the slash-separated path from the root of the tree, without a leading slash and with links resolved.
	File string `json:"file"`
	// Line counts from 1; 0 means the file has no lines (a binary, or the file as a whole).
	Line int `json:"line,omitempty"`
	// Offset is the byte offset in File of the first byte of what is meant.
	Offset int64 `json:"offset"`
}

func (p Place) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s@%d", p.File, p.Offset)
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

func comparePlaces(a, b Place) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Line, b.Line))
}

// Unread is something that was wanted and could not be read. While it stands, the absence of a finding shows nothing.
type Unread struct {
	// Path is what was wanted, from the root of the tree.
	Path string `json:"path"`
	// Why is one lower-case line.
	Why string `json:"why"`
}

// Note is something worth telling beside a finding.
type Note struct {
	Place Place  `json:"place"`
	Text  string `json:"text"`
}

// Truth is the answer to a question that the evidence may leave open. The zero value is Unknown.
type Truth string

// The answers.
const (
	Unknown Truth = ""
	Yes     Truth = "yes"
	No      Truth = "no"
)

// The bounds of a reading. They are far above any root file system of a consumer product.
const (
	maxEntries   = 400_000 // directory entries looked at in one walk
	maxDepth     = 64      // folders below the root
	maxLinks     = 40      // links followed to resolve one name
	maxTextBytes = 4 << 20 // bytes of a configuration or account file
	maxFindings  = 20_000  // accounts, services or notes in one answer
)

// rootFolders are the names that a Linux root file system keeps at its top.
var rootFolders = []string{"bin", "sbin", "usr", "lib", "dev", "proc", "sys", "mnt", "tmp", "var", "root", "linuxrc", "init", "system"}

// isRoot reports whether the folder dir of the tree looks like the root of a Linux system: it has an etc, or programs,
// and beside it enough of the other folders.
func (t *tree) isRoot(dir string) bool {
	has := func(name string) bool {
		_, err := t.lstat(path.Join(dir, name))
		return err == nil
	}
	if has("etc/passwd") || has("etc/shadow") || has("etc/inittab") {
		return true
	}
	n := 0
	for _, name := range rootFolders {
		if has(name) {
			n++
		}
	}
	if has("etc") {
		return n >= 2
	}
	return n >= 4 && (has("bin") || has("sbin"))
}

// Roots returns the folders of fsys that look like the root of a Linux system, "." first if it is one, down to three
// folders deep, sorted. A partition that holds only kernel modules or only settings has none.
func Roots(ctx context.Context, fsys fs.FS) ([]string, error) {
	t := newTree(fsys)
	var roots []string
	level := []string{"."}
	seen := 0
	for depth := 0; depth <= 3 && len(level) > 0; depth++ {
		var next []string
		for _, dir := range level {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if t.isRoot(dir) {
				roots = append(roots, dir)
				continue // what lies inside a root belongs to it
			}
			entries, err := fs.ReadDir(fsys, dir)
			if err != nil {
				continue
			}
			for _, e := range entries {
				if seen++; seen > maxEntries {
					break
				}
				if e.IsDir() {
					next = append(next, path.Join(dir, e.Name()))
				}
			}
		}
		level = next
	}
	slices.Sort(roots)
	return roots, nil
}
