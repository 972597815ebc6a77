package password

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// benchRows is how many rows the benchmarks of scale use: ASSAY_BENCH_ROWS, or a million.
func benchRows() int {
	if n, err := strconv.Atoi(os.Getenv("ASSAY_BENCH_ROWS")); err == nil && n > 0 {
		return n
	}
	return 1_000_000
}

// bigBatch writes a lawful batch of 54-byte rows in a random order of passwords, and returns its path.
func bigBatch(tb testing.TB, n int) string {
	r := rand.New(rand.NewPCG(4, 2))
	return bigBatchOf(tb, n, func(row []byte, _ string) []byte {
		for range 17 {
			row = append(row, safe32[r.IntN(len(safe32))])
		}
		return row
	})
}

// bigBatchOf writes rows whose passwords password appends.
func bigBatchOf(tb testing.TB, n int, password func(row []byte, mac string) []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "batch.csv")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := w.WriteString("serial,mac,ssid,password\n"); err != nil {
		tb.Fatal(err)
	}
	var row []byte
	for i := range n {
		mac := fmt.Sprintf("%012X", 0x74DA38000000+i)
		row = append(row[:0], fmt.Sprintf("KT2%08d,%s,KTL-%s,", i, mac, mac[4:])...)
		row = password(row, mac)
		if _, err := w.Write(append(row, '\n')); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// BenchmarkScale audits a lawful batch, and one in which a recipe is found and run on every row, beside a bare pass that
// only splits rows and the sort that only finds duplicates. The ratios are of the time on the wall of the same run; the
// seconds of processor tell what a shared machine hides.
func BenchmarkScale(b *testing.B) {
	n := benchRows()
	b.Run("lawful", func(b *testing.B) {
		benchScale(b, n, bigBatch(b, n), func(r *Report) bool { return r.Limbs.Unique.Verdict == Pass && r.Limbs.Derived.Verdict == Inconclusive })
	})
	b.Run("derived", func(b *testing.B) {
		path := bigBatchOf(b, n, func(row []byte, mac string) []byte {
			d := md5.Sum([]byte(mac))
			return hex.AppendEncode(row, d[:9])[:len(row)+17]
		})
		benchScale(b, n, path, func(r *Report) bool { return r.Limbs.Derived.Verdict == Fail && r.Limbs.Derived.Rows == int64(n) })
	})
}

// sortRows is the most rows that are also sorted: more take the sort many minutes.
const sortRows = 20_000_000

func benchScale(b *testing.B, n int, path string, right func(*Report) bool) {
	var split, audit, sorted cost
	open := func() *Batch {
		batch, err := Open(path, nil)
		if err != nil {
			b.Fatal(err)
		}
		return batch
	}
	for b.Loop() {
		split.add(func() {
			if _, err := open().scan(b.Context(), 0, nil, func(int, int64, [][]byte) error { return nil }); err != nil {
				b.Fatal(err)
			}
		})
		audit.add(func() {
			r, err := Audit(b.Context(), open(), Options{Published: []string{"admin"}})
			if err != nil {
				b.Fatal(err)
			}
			if r.Rows != int64(n) || !right(r) {
				b.Fatal(why(r))
			}
		})
		if n > sortRows {
			continue
		}
		sorted.add(func() {
			cmd := exec.CommandContext(b.Context(), "sh", "-c", "cut -d, -f4 "+path+" | LC_ALL=C sort --parallel=2 -S 4G | uniq -d")
			out, err := cmd.CombinedOutput()
			if err != nil || len(out) > 0 {
				b.Fatal(err, string(out))
			}
		})
	}
	b.ReportMetric(float64(n)*float64(b.N)/audit.wall.Seconds(), "rows/s")
	b.ReportMetric(audit.wall.Seconds()/float64(b.N), "s")
	b.ReportMetric(audit.processor.Seconds()/float64(b.N), "cpu-s")
	if n <= sortRows {
		b.ReportMetric(sorted.wall.Seconds()/audit.wall.Seconds(), "x-sort")
		b.ReportMetric(sorted.processor.Seconds()/max(audit.processor.Seconds(), 1e-9), "x-sort-cpu")
	}
	b.ReportMetric(audit.wall.Seconds()/split.wall.Seconds(), "x-split")
	b.ReportMetric(float64(audit.peak)/(1<<20), "MiB-peak")
	b.ReportMetric(0, "ns/op") // the sum of the three says nothing
}

// cost is what something took, over all times it was done.
type cost struct {
	wall, processor time.Duration
	peak            int64 // largest resident size of this process, in bytes
}

func (c *cost) add(f func()) {
	runtime.GC()
	debug.FreeOSMemory()
	forgetPeak()
	start, used := time.Now(), processorTime()
	f()
	c.wall += time.Since(start)
	c.processor += processorTime() - used
	c.peak = max(c.peak, peakRSS())
}

// forgetPeak makes peakRSS count from now on, where the system can.
func forgetPeak() {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return // the peak is then the one since the start: too high, never too low
	}
}

// peakRSS is the largest resident size of this process, in bytes.
func peakRSS() int64 {
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.Sys)
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// TestScalePair finds the one pair of equal passwords among very many rows, with partitions on disk.
func TestScalePair(t *testing.T) {
	n := 300_000
	if testing.Short() {
		n = 30_000
	}
	path := bigBatch(t, n)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	third := strings.SplitN(string(raw[:1000]), "\n", 5)[3]
	password := third[strings.LastIndexByte(third, ',')+1:]
	if _, err := fmt.Fprintf(f, "KT299999999,74DA38FFFFFF,KTL-38FFFFFF,%s\n", password); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	scratch := t.TempDir()
	b, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Audit(t.Context(), b, Options{ScratchDir: scratch, MemoryBytes: 1 << 20, SampleRows: 200})
	if err != nil {
		t.Fatal(err)
	}
	if r.Limbs.Unique.Verdict != Fail || len(r.Limbs.Unique.Examples) == 0 {
		t.Fatalf("got %s, want the pair", why(r))
	}
	if got, want := fmt.Sprint(r.Limbs.Unique.Examples[0].Rows), fmt.Sprintf("[3 %d]", n+1); got != want {
		t.Errorf("rows: got %s, want %s", got, want)
	}
	left, err := os.ReadDir(scratch)
	if err != nil || len(left) > 0 {
		t.Errorf("scratch files left: %v %v", left, err)
	}
}
