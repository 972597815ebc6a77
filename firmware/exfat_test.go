package firmware

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unicode/utf16"
)

// exfatWriter puts files into an empty file system that mkfs.exfat made. No program at hand does so without mounting.
type exfatWriter struct {
	t      testing.TB
	img    []byte
	f      exfat
	bitmap int64
	free   uint32
}

func (w *exfatWriter) at(c uint32) []byte {
	off := w.f.data + int64(c-2)*w.f.cluster
	return w.img[off : off+w.f.cluster]
}

// store writes contents to new clusters: in one run, or in a chain that leaves out every other cluster.
func (w *exfatWriter) store(data []byte, chain bool) (first uint32) {
	var last uint32
	for ; len(data) > 0; data = data[min(len(data), int(w.f.cluster)):] {
		c := w.free
		w.free++
		if chain {
			w.free++
		}
		if w.free >= w.f.clusters {
			w.t.Fatal("the file system is full")
		}
		clear(w.at(c))
		copy(w.at(c), data)
		w.img[w.bitmap+int64(c-2)/8] |= 1 << ((c - 2) % 8)
		if chain {
			le.PutUint32(w.img[w.f.table+int64(c)*4:], 0xffffffff)
			if last != 0 {
				le.PutUint32(w.img[w.f.table+int64(last)*4:], c)
			}
		}
		if first == 0 {
			first = c
		}
		last = c
	}
	return first
}

func (w *exfatWriter) entry(name string, dir bool, first uint32, size, valid int64, chain bool) []byte {
	u := utf16.Encode([]rune(name))
	set := make([]byte, 64+32*((len(u)+14)/15))
	set[0], set[1] = 0x85, byte(len(set)/32-1)
	for i := 8; i < 20; i += 4 {
		le.PutUint32(set[i:], 0x5a210000)
	}
	if dir {
		set[4] = 0x10
	}
	x := set[32:]
	x[0], x[1], x[3] = 0xc0, 1, byte(len(u))
	if size > 0 && !chain {
		x[1] |= 2
	}
	hash := uint16(0)
	for i, c := range u {
		up := c
		if c >= 'a' && c <= 'z' || c == 0xfc {
			up -= 32
		}
		for _, b := range []byte{byte(up), byte(up >> 8)} {
			hash = (hash<<15 | hash>>1) + uint16(b)
		}
		n := set[64+32*(i/15):]
		n[0] = 0xc1
		le.PutUint16(n[2+2*(i%15):], c)
	}
	le.PutUint16(x[4:], hash)
	le.PutUint64(x[8:], uint64(valid))
	le.PutUint32(x[20:], first)
	le.PutUint64(x[24:], uint64(size))
	sum := uint16(0)
	for i, c := range set {
		if i != 2 && i != 3 {
			sum = (sum<<15 | sum>>1) + uint16(c)
		}
	}
	le.PutUint16(set[2:], sum)
	return set
}

// folder writes what dir holds and returns its records.
func (w *exfatWriter) folder(dir string) (out []byte) {
	list, err := os.ReadDir(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, d := range list {
		chain := i%2 == 0
		if d.IsDir() {
			data := w.folder(filepath.Join(dir, d.Name()))
			data = append(data, make([]byte, (w.f.cluster-int64(len(data))%w.f.cluster)%w.f.cluster)...)
			out = append(out, w.entry(d.Name(), true, w.store(data, chain), int64(len(data)), int64(len(data)), chain)...)
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, d.Name()))
		if err != nil {
			w.t.Fatal(err)
		}
		valid := len(bytes.TrimRight(data, "\x00"))
		if i%3 != 0 {
			valid = len(data)
		}
		stored := bytes.Clone(data)
		for k := valid; k < len(stored); k++ {
			stored[k] = 0xaa // what was there before
		}
		out = append(out, w.entry(d.Name(), false, w.store(stored, chain), int64(len(data)), int64(valid), chain)...)
	}
	return out
}

func makeExFAT(t testing.TB, dir string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.exfat")
	if err := os.WriteFile(file, make([]byte, 48<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, tool(t, "mkfs.exfat", "exfatprogs"), "-c", "4K", "-L", "DATA", file)
	img, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := &exfatWriter{t: t, img: img}
	w.f = exfat{table: int64(le.Uint32(img[80:])) << img[108], data: int64(le.Uint32(img[88:])) << img[108], cluster: 1 << (img[108] + img[109]), clusters: le.Uint32(img[92:]) + 2}
	root := le.Uint32(img[96:])
	own := bytes.Clone(w.at(root))
	end := 0
	for own[end] != 0 {
		if own[end] == 0x81 {
			w.bitmap = w.f.data + int64(le.Uint32(own[end+20:])-2)*w.f.cluster
		}
		end += 32
	}
	w.free = root + 1
	data := append(own[:end:end], w.folder(dir)...)
	copy(w.at(root), data)
	if rest := data[min(len(data), int(w.f.cluster)):]; len(rest) > 0 {
		le.PutUint32(img[w.f.table+int64(root)*4:], w.store(rest, true))
	}
	if err := os.WriteFile(file, img, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool(t, "fsck.exfat", "exfatprogs"), "-n", file).CombinedOutput(); err != nil {
		t.Fatalf("what the test wrote is not sound: %v\n%s", err, out)
	}
	return img
}

func TestExFATOracle(t *testing.T) {
	dir := plainTree(t, 91)
	data := makeExFAT(t, dir)
	im := open(t, data)
	if len(im.Unread) != 0 || im.Map[0].Name != "DATA" {
		t.Errorf("%q, unread %v", im.Map[0].Name, im.Unread)
	}
	sameTree(t, oneTree(t, im).FS, dir)

	if im := open(t, data[:len(data)/2]); im.Trees[0].Complete || !has(im, Truncated, "exfat") {
		t.Errorf("cut: unread %v", im.Unread)
	}
	bad := bytes.Clone(data)
	bad[300] ^= 1
	if im := open(t, bad); !has(im, Corrupt, "boot sectors") {
		t.Errorf("changed: unread %v", im.Unread)
	}
}

// A chain that bites its tail ends, as folder and as file.
func TestExFATLoop(t *testing.T) {
	dir := t.TempDir()
	for name, size := range map[string]int{"a": 9000, "b": 10} {
		if err := os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte("x"), size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data := makeExFAT(t, dir)
	root := le.Uint32(data[96:])
	table := int64(le.Uint32(data[80:])) << data[108]
	le.PutUint32(data[table+int64(root)*4:], root)
	im := open(t, data)
	if im.Trees[0].Complete {
		t.Error("a root folder without end is called complete")
	}
	if _, err := fs.Stat(im.Trees[0].FS, "a"); err != nil {
		t.Error(err)
	}
}
