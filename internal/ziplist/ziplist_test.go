package ziplist

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

func packed(t testing.TB, files int, comment string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range files {
		w, err := z.Create(fmt.Sprintf("evidence/%d/%s", i, strings.Repeat("n", 200)))
		if err == nil {
			_, err = io.WriteString(w, "content")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.SetComment(comment), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		name  string
		data  []byte
		files int
		want  error
	}{
		{"none", packed(t, 0, ""), 1, nil},
		{"as-many-as-may-be", packed(t, 100, strings.Repeat("c", 65535)), 100, nil},
		{"one-more", packed(t, 101, ""), 100, ErrTooMany},
		{"far-more", packed(t, 5000, ""), 100, ErrTooMany},
		{"no-archive", []byte("PK\x03\x04nonsense"), 100, zip.ErrFormat},
	} {
		t.Run(c.name, func(t *testing.T) {
			z, err := Open(bytes.NewReader(c.data), int64(len(c.data)), c.files)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if err != nil {
				return
			}
			for _, f := range z.File {
				in, err := f.Open()
				if err != nil {
					t.Fatal(err)
				}
				if data, err := io.ReadAll(in); err != nil || string(data) != "content" {
					t.Fatalf("%s: %q, %v", f.Name, data, err)
				}
			}
		})
	}
}

// An archive of 64 MiB that is a list and nothing else takes little memory, whatever
// number of files it claims.
func TestListOnly(t *testing.T) {
	const n = 64 << 20 / 46
	list := bytes.Repeat(append([]byte("PK\x01\x02"), make([]byte, 42)...), n)
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	claimed := uint16(n % (1 << 16))
	binary.LittleEndian.PutUint16(end[8:], claimed)
	binary.LittleEndian.PutUint16(end[10:], claimed)
	binary.LittleEndian.PutUint32(end[12:], uint32(len(list)))
	data := append(list, end...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Open(bytes.NewReader(data), int64(len(data)), 5000)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTooMany) {
		t.Errorf("got %v, want %v", err, ErrTooMany)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 {
		t.Errorf("it took %d MiB", got>>20)
	}
}
