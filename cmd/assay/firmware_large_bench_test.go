package main

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// large makes an image of at least size bytes without holes: file systems of the
// root, erased and zeroed flash, random bytes, and bytes like a program's, over
// and over.
func large(b *testing.B, root string, size int64) string {
	b.Helper()
	dir := b.TempDir()
	var parts []func(io.Writer) error
	file := func(name string) {
		parts = append(parts, func(w io.Writer) error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		})
	}
	filled := func(size int64, fill func([]byte)) {
		parts = append(parts, func(w io.Writer) error {
			buf := make([]byte, 1<<20)
			for range size >> 20 {
				fill(buf)
				if _, err := w.Write(buf); err != nil {
					return err
				}
			}
			return nil
		})
	}
	random := rand.NewChaCha8([32]byte{1})
	made := func(name string, args ...string) {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			b.Fatalf("%s: %v: %s", args[0], err, out)
		}
		file(name)
	}
	squash, ext := filepath.Join(dir, "root.squashfs"), filepath.Join(dir, "root.ext4")
	made(squash, "mksquashfs", root, squash, "-comp", "xz", "-noappend", "-quiet", "-no-progress", "-all-root")
	filled(512<<20, func(p []byte) { random.Read(p) })
	made(ext, "mkfs.ext4", "-q", "-d", root, ext, "320M")
	filled(256<<20, func(p []byte) { clear(p) })
	filled(256<<20, func(p []byte) { copy(p, bytes.Repeat([]byte{0xff}, len(p))) })
	filled(512<<20, func(p []byte) { // opcodes of few kinds, with numbers and names between
		random.Read(p)
		for i := range p {
			switch {
			case i&3 == 3:
				p[i] = 0xe5
			case i&3 == 2:
				p[i] &= 0x1f
			case i&0xff < 32:
				p[i] = 'a' + p[i]&15
			}
		}
	})

	out, err := os.Create(filepath.Join(dir, "large.bin"))
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	const block = 64 << 10
	for at, i := int64(0), 0; at < size; i++ {
		if err := parts[i%len(parts)](out); err != nil {
			b.Fatal(err)
		}
		if at, err = out.Seek(0, io.SeekCurrent); err != nil {
			b.Fatal(err)
		}
		if _, err = out.Write(make([]byte, -at&(block-1))); err != nil {
			b.Fatal(err)
		}
	}
	for _, f := range []string{squash, ext} {
		if err := os.Remove(f); err != nil {
			b.Fatal(err)
		}
	}
	return out.Name()
}

// BenchmarkLarge takes an image of 4 GiB apart that has no holes, and
// BenchmarkSparse one of 40 GiB that has little else. Both want
// ASSAY_BENCH_ROOT, and ASSAY_BENCH_LARGE since they take minutes and room.
func BenchmarkLarge(b *testing.B) {
	root := os.Getenv("ASSAY_BENCH_ROOT")
	if root == "" || os.Getenv("ASSAY_BENCH_LARGE") == "" {
		b.Skip("ASSAY_BENCH_ROOT and ASSAY_BENCH_LARGE=1 are wanted; docs/firmware.md says what they are")
	}
	apart(b, large(b, root, 4<<30))
}

func BenchmarkSparse(b *testing.B) {
	if os.Getenv("ASSAY_BENCH_LARGE") == "" {
		b.Skip("ASSAY_BENCH_LARGE=1 is wanted; docs/firmware.md says what it is")
	}
	f, err := os.Create(filepath.Join(b.TempDir(), "sparse.img"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for i := range int64(8) {
		if _, err := f.WriteAt(bytes.Repeat([]byte("text that is here\n"), 10_000), i*5<<30); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Truncate(40 << 30); err != nil {
		b.Fatal(err)
	}
	apart(b, f.Name())
}

// apart measures the program on one image.
func apart(b *testing.B, image string) {
	b.Helper()
	info, err := os.Stat(image)
	if err != nil {
		b.Fatal(err)
	}
	binary := filepath.Join(b.TempDir(), "assay")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("build: %v: %s", err, out)
	}
	b.SetBytes(info.Size())
	var own spent
	for b.Loop() {
		// 1 or 3: nobody knows all that is in it
		state := own.add(b, ".", binary, "firmware", "--json", image)
		if code := state.ExitCode(); code != exitFail && code != exitInconclusive {
			b.Fatalf("exits with %d, want %d or %d", code, exitFail, exitInconclusive)
		}
	}
	b.ReportMetric(own.cpu.Seconds()/float64(b.N), "processor-s")
	b.ReportMetric(float64(own.peak)/(1<<20), "peak-MiB")
	b.ReportMetric(float64(info.Size())/(1<<30), "GiB")
}
