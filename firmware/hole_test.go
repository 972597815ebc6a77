package firmware

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assay-psti/assay/internal/sparse"
)

// A sparse file of petabytes is mapped at once: its holes are named and not read, and what lies between them is found.
func TestHoles(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "flash.img"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const at, size = 1<<40 + 4096 - 12, 3 << 40 // the image begins inside a hole's last block
	var archive []byte
	for _, entry := range [][2]string{{"version", "7\n"}, {"TRAILER!!!", ""}} {
		archive = fmt.Appendf(archive, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", 1, 0o100644, 0, 0, 1, 0, len(entry[1]), 0, 0, 0, 0, len(entry[0])+1, 0, entry[0])
		archive = append(archive, make([]byte, -len(archive)&3)...)
		archive = append(archive, entry[1]...)
		archive = append(archive, make([]byte, -len(archive)&3)...)
	}
	if _, err := f.WriteAt(archive, at); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	if err := f.Truncate(size); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	if end, hole := sparse.Run(f, 0, size); !hole || end < 1<<39 {
		t.Skip("this file system does not say where the holes are")
	}
	im, err := Open(t.Context(), f, size, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(im.Trees) != 1 || im.Trees[0].Offset != at || im.Trees[0].Kind != "cpio" {
		t.Fatalf("got %+v, want one tree at %#x", im.Trees, at)
	}
	covered, holes := int64(0), 0
	for _, r := range im.Map {
		if r.Leaf {
			covered += r.Size
		}
		if r.Kind == KindPadding && r.Name == "hole" && strings.Contains(r.Detail, "hole") {
			holes++
		}
	}
	if covered != size || holes != 2 {
		t.Errorf("got %d of %d bytes and %d holes, want all and 2: %+v", covered, int64(size), holes, im.Map)
	}
}
