//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package tlog_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/tessera"
	tclient "github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/assay-psti/assay/tlog"
)

const benchLeafBytes = 600

// many appends so many leaves, with so many on their way in at any time.
func many(b *testing.B, leaves, inFlight int, add func(leaf []byte) error) time.Duration {
	b.Helper()
	work := make(chan int, inFlight)
	var wg sync.WaitGroup
	start := time.Now()
	for range inFlight {
		wg.Go(func() {
			for i := range work {
				leaf := fmt.Appendf(nil, "%012d%s", i, strings.Repeat("x", benchLeafBytes-12))
				if err := add(leaf); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range leaves {
		work <- i
	}
	close(work)
	wg.Wait()
	return time.Since(start)
}

// bare is Tessera with the same settings and nothing else.
func bare(b *testing.B, dir string) (add func([]byte) error, stop func()) {
	b.Helper()
	skey, _, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		b.Fatal(err)
	}
	appender, shutdown, _, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(signer).WithBatching(1024, 20*time.Millisecond).WithCheckpointInterval(100*time.Millisecond).WithCheckpointRepublishInterval(0))
	if err != nil {
		b.Fatal(err)
	}
	return func(leaf []byte) error {
			_, err := appender.Add(ctx, tessera.NewEntry(leaf))()
			return err
		}, func() {
			if err := shutdown(ctx); err != nil {
				b.Error(err)
			}
			cancel()
		}
}

// BenchmarkAppend measures sustained appends here and with bare Tessera, in turns on
// the same disk. share-% is what of its rate we reach.
func BenchmarkAppend(b *testing.B) {
	const leaves, inFlight = 60000, 2048
	var shares []float64
	var ours, theirs time.Duration
	n := 0
	for b.Loop() {
		l := open(b, b.TempDir())
		add, stop := bare(b, filepath.Join(b.TempDir(), "log"))
		var a, c time.Duration
		for range 3 { // short turns, so that a busy moment of the machine hits both
			a += many(b, leaves/3, inFlight, func(leaf []byte) error {
				_, err := l.Append(context.Background(), leaf)
				return err
			})
			c += many(b, leaves/3, inFlight, add)
		}
		stop()
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		shares = append(shares, 100*float64(c)/float64(a))
		ours, theirs, n = ours+a, theirs+c, n+leaves
	}
	slices.Sort(shares)
	b.ReportMetric(shares[len(shares)/2], "share-%")
	b.ReportMetric(float64(n)/ours.Seconds(), "leaves/s")
	b.ReportMetric(float64(n)/theirs.Seconds(), "tessera-leaves/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkLatency measures one append from the call to the durable index, with so
// many writers at once.
func BenchmarkLatency(b *testing.B) {
	for _, writers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("writers-%d", writers), func(b *testing.B) {
			l := open(b, b.TempDir())
			var mu sync.Mutex // guards took
			var took []time.Duration
			for b.Loop() {
				many(b, writers*10, writers, func(leaf []byte) error {
					start := time.Now()
					_, err := l.Append(context.Background(), leaf)
					mu.Lock()
					took = append(took, time.Since(start))
					mu.Unlock()
					return err
				})
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// BenchmarkProve measures proofs of a log of 200,000 leaves: with the leaf in it, the
// hashes alone, growth, and Tessera's own builder over the same folder.
func BenchmarkProve(b *testing.B) {
	const leaves = 200000
	dir := b.TempDir()
	l := open(b, dir)
	batch := make([][]byte, leaves)
	for i := range batch {
		batch[i] = fmt.Appendf(nil, "%012d%s", i, strings.Repeat("x", 200))
	}
	if _, err := l.AppendAll(context.Background(), batch); err != nil {
		b.Fatal(err)
	}
	c, err := l.Published(context.Background(), leaves-1)
	if err != nil {
		b.Fatal(err)
	}
	next := func(i int64) int64 { return (i*7919 + 13) % leaves }
	b.Run("with-leaf", func(b *testing.B) {
		i := int64(0)
		for b.Loop() {
			i = next(i)
			if _, err := l.Prove(context.Background(), i); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "proofs/s")
	})
	b.Run("path", func(b *testing.B) {
		i := int64(0)
		for b.Loop() {
			i = next(i)
			if _, _, err := l.Path(i); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "proofs/s")
	})
	b.Run("verify", func(b *testing.B) {
		p, err := l.Prove(context.Background(), 77777)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := p.Verify(p.Extra, l.Key(), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("growth", func(b *testing.B) {
		i := int64(0)
		for b.Loop() {
			i = next(i)
			if _, err := l.ProveGrowth(i, c.Size); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("tessera-builder", func(b *testing.B) {
		files := tclient.FileFetcher{Root: filepath.Join(dir, "log")}
		pb, err := tclient.NewProofBuilder(context.Background(), uint64(c.Size), files.ReadTile)
		if err != nil {
			b.Fatal(err)
		}
		i := int64(0)
		for b.Loop() {
			i = next(i)
			if _, err := pb.InclusionProof(context.Background(), uint64(i)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "proofs/s")
	})
	b.Run("open", func(b *testing.B) {
		copied := filepath.Join(b.TempDir(), "copy")
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			b.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(copied, "key"), 0o600); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			again, err := tlog.Open(context.Background(), copied, tlog.Options{Origin: origin})
			if err != nil {
				b.Fatal(err)
			}
			if err := again.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
