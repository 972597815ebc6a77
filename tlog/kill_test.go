//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package tlog_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/tlog"
)

// TestWriterProcess is no test: it is the writer that TestKilled kills.
func TestWriterProcess(t *testing.T) {
	dir := os.Getenv("TLOG_WRITER")
	if dir == "" {
		t.Skip("run by TestKilled")
	}
	l, err := tlog.Open(t.Context(), dir, tlog.Options{Origin: origin, BatchAge: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // guards standard output
	var wg sync.WaitGroup
	for w := range 32 {
		wg.Go(func() {
			for n := 0; ; n++ {
				leaf := fmt.Sprintf("leaf %d of writer %d of process %d", n, w, os.Getpid())
				i, err := l.Append(t.Context(), []byte(leaf))
				if err != nil {
					return
				}
				mu.Lock()
				fmt.Printf("ack %d %s\n", i, leaf)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// A writer that is killed loses nothing that it acknowledged, never signs anything
// else afterwards, and leaves a folder that is whole. TLOG_KILLS says how often.
func TestKilled(t *testing.T) {
	kills := 3
	if testing.Short() {
		kills = 1
	}
	if n, err := strconv.Atoi(os.Getenv("TLOG_KILLS")); err == nil {
		kills = n
	}
	dir := t.TempDir()
	acked := map[int64]string{}
	var kept *tlog.Checkpoint
	for n := range kills {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWriterProcess$")
		child.Env = append(os.Environ(), "TLOG_WRITER="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		got, want := 0, 1+n*311%900
		for lines.Scan() {
			number, leaf, ok := strings.Cut(strings.TrimPrefix(lines.Text(), "ack "), " ")
			i, err := strconv.ParseInt(number, 10, 64)
			if !ok || err != nil {
				t.Fatalf("the writer says %q", lines.Text())
			}
			if was, twice := acked[i]; twice {
				t.Fatalf("leaf %d was given twice: %q and %q", i, was, leaf)
			}
			acked[i] = leaf
			if got++; got == want {
				if err := child.Process.Signal(syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := child.Wait(); err == nil || got < want {
			t.Fatalf("the writer ended by itself after %d leaves: %v", got, err)
		}
		l, err := tlog.Open(t.Context(), dir, tlog.Options{Origin: origin})
		if err != nil {
			t.Fatal(err)
		}
		size, err := l.Size(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		now, err := l.Published(t.Context(), size-1)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		whole := client(t, serve(t, l.Handler()).url, tlog.ClientOptions{})
		keep := []*tlog.Checkpoint{}
		if kept != nil {
			keep = append(keep, kept)
		}
		err = whole.Walk(t.Context(), now, func(i int64, leaf []byte) error {
			if was, ok := acked[i]; ok {
				if seen++; was != string(leaf) {
					return fmt.Errorf("leaf %d is %q, but %q was acknowledged", i, leaf, was)
				}
			}
			return nil
		}, keep...)
		if err != nil || seen != len(acked) {
			t.Fatalf("kill %d: %d of %d acknowledged leaves are there: %v", n, seen, len(acked), err)
		}
		kept = now
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := noStrays(filepath.Join(dir, "log", "tile"), now.Size); err != nil {
			t.Errorf("kill %d: %v", n, err)
		}
	}
	key, err := tlog.PinnedKey(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	if err := inspect(t, key, serve(t, folder(filepath.Join(dir, "log"))).url, time.Minute); err != nil {
		t.Errorf("another program: %v", err)
	}
	t.Logf("%d kills, %d leaves acknowledged, %d in the log", kills, len(acked), kept.Size)
}

// noStrays finds tiles of more leaves than there are, and files half-written.
func noStrays(dir string, size int64) error {
	return filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		parts := strings.Split(filepath.ToSlash(rel), "/")
		last := parts[len(parts)-1]
		if len(last) > 3 {
			return fmt.Errorf("%s was left half-written", rel)
		}
		if parts[0] != "0" && parts[0] != "entries" {
			return nil
		}
		number, width, narrow := strings.Cut(strings.NewReplacer("x", "", "/", "").Replace(strings.Replace(strings.Join(parts[1:], "/"), ".p/", ".", 1)), ".")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return err
		}
		end := (n + 1) * 256
		if narrow {
			w, err := strconv.ParseInt(width, 10, 64)
			if err != nil {
				return err
			}
			end = n*256 + w
		}
		if end > size {
			return fmt.Errorf("%s is of a tree of %d leaves, but there are %d", rel, end, size)
		}
		return nil
	})
}

// What a stopped writer left is cleared away, and what belongs there is not.
func TestClearsStrays(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	fill(t, l, 300)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "log", "tile", "entries", "002.p"), 0o755); err != nil {
		t.Fatal(err)
	}
	strays := []string{"tile/entries/001", "tile/entries/001.p/45", "tile/entries/001.p/44123", "tile/entries/002.p/9", "tile/0/001", "tile/0/001.p/200", "tile/0/001777", "checkpoint12345"}
	for _, name := range strays {
		overwrite(t, dir, "log/"+name, []byte("stray"))
	}
	overwrite(t, dir, "log/robots.txt", []byte("kept"))
	l = open(t, dir)
	for _, name := range strays {
		if _, err := os.Stat(filepath.Join(dir, "log", name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	for _, name := range []string{"robots.txt", "tile/entries/000", "tile/entries/001.p/44", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"} {
		if _, err := os.Stat(filepath.Join(dir, "log", name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := l.Leaf(t.Context(), 299); err != nil {
		t.Error(err)
	}
	if _, err := l.Leaf(t.Context(), 300); !errors.Is(err, assay.ErrNotFound) {
		t.Error(err)
	}
}
