package store_test

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/assay-psti/assay/internal/pgtest"
	"github.com/assay-psti/assay/internal/sample"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/store"
)

// benchSize is how many products the measurements are made on: ASSAY_BENCH_PRODUCTS,
// or 20,000, which is enough to see that they run.
func benchSize(b *testing.B) int {
	text := os.Getenv("ASSAY_BENCH_PRODUCTS")
	if text == "" {
		return 20_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// memoryLog keeps leaves nowhere: what is measured is the database.
type memoryLog struct{ size int64 }

func (l *memoryLog) AppendAll(_ context.Context, leaves [][]byte) ([]int64, error) {
	out := make([]int64, len(leaves))
	for i := range out {
		out[i] = l.size + int64(i)
	}
	l.size += int64(len(leaves))
	return out, nil
}
func (l *memoryLog) Size(context.Context) (int64, error) { return l.size, nil }
func (l *memoryLog) Leaves(context.Context, int64, func(int64, []byte) error) error {
	return nil
}

// processor is the processor time that this process has used.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRegister measures a register of many products, on both engines: what
// loading it takes, and one after the other and at the given rate, how long each
// read takes, and how much processor time, of this
// process and of PostgreSQL. The rate is of all reads
// together, with four others to one search. With ASSAY_BENCH_DIR the file of SQLite is
// kept there, and used again where it is there already; ASSAY_BENCH_POSTGRES is the
// address of a database of PostgreSQL that is filled already, whose processor time is
// not counted then.
func BenchmarkRegister(b *testing.B) {
	n := benchSize(b)
	for _, engine := range engines {
		b.Run(engine, func(b *testing.B) {
			where := filepath.Join(cmp.Or(os.Getenv("ASSAY_BENCH_DIR"), b.TempDir()), fmt.Sprintf("register-%d.db", n))
			_, err := os.Stat(where)
			kept := err == nil
			processor := processor
			filled := os.Getenv("ASSAY_BENCH_POSTGRES")
			if engine == "postgres" && filled != "" {
				where, kept = filled, true
			} else if engine == "postgres" {
				server, err := pgtest.Start(b.Context(), true)
				if err != nil {
					b.Skip(err)
				}
				b.Cleanup(func() { server.Stop() })
				own := processor
				processor = func() time.Duration { return own() + server.Processor() }
				if where, err = server.Database(b.Context()); err != nil {
					b.Fatal(err)
				}
				kept = false
			}
			db, err := store.Open(b.Context(), where, store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			log := &memoryLog{size: int64(n)}
			if !kept {
				log.size = 0
				began, busy := time.Now(), processor()
				load(b, db, n, log)
				took := time.Since(began)
				fmt.Printf("%s: %d products loaded in %.1f s (%.0f/s), %.1f s of processor time\n", engine, n, took.Seconds(), float64(n)/took.Seconds(), (processor() - busy).Seconds())
			}
			s, err := register.Open(b.Context(), register.Config{Store: db, Log: log, Now: time.Now, Random: strings.NewReader(strings.Repeat("x", 1000)), Holder: "bench"})
			if err != nil {
				b.Fatal(err)
			}
			for _, q := range reads(s, n) {
				b.Run(q.name, func(b *testing.B) { measure(b, q, processor) })
			}
			b.Run("mix-200-a-second", func(b *testing.B) { mixed(b, reads(s, n), 200, 10*time.Second, processor) })
		})
	}
}

// read is one kind of read, by a number that says of what.
type read struct {
	name   string
	search bool
	do     func(ctx context.Context, i int) error
}

func reads(s *register.Service, n int) []read {
	at := func(i int) sample.Product { return sample.At(int(uint64(i) * 2654435761 % uint64(n))) }
	search := func(text func(p sample.Product, i int) string) func(context.Context, int) error {
		return func(ctx context.Context, i int) error {
			r, err := s.Search(ctx, register.Public, register.Query{Text: text(at(i), i)})
			if err == nil && len(r.Entries) == 0 {
				err = fmt.Errorf("nothing is found for %q", text(at(i), i))
			}
			return err
		}
	}
	return []read{
		{"product", false, func(ctx context.Context, i int) error {
			_, err := s.Product(ctx, register.Public, string(at(i).ID))
			return err
		}},
		{"gtin", false, func(ctx context.Context, i int) error {
			m, err := s.Lookup(ctx, register.Public, []string{string(at(i).Facts.GTINs[0])})
			if err == nil && len(m[0].Entries) != 1 {
				err = fmt.Errorf("barcode %s: %d entries", m[0].Asked, len(m[0].Entries))
			}
			return err
		}},
		{"search-model", true, search(func(p sample.Product, _ int) string { return p.Facts.Models[0] })},
		{"search-part-of-model", true, search(func(p sample.Product, _ int) string { return register.CodeKey(p.Facts.Models[0])[2:] })},
		{"search-make", true, search(func(p sample.Product, _ int) string { return p.Facts.Make })},
		{"search-make-and-kind", true, search(func(p sample.Product, _ int) string { return p.Facts.Make + " " + p.Facts.Category })},
		{"search-common-words", true, search(func(p sample.Product, i int) string {
			return []string{"smart camera", "pro camera", "light", "robot", "smart", "door"}[i%6]
		})},
		{"search-misspelt", true, search(func(p sample.Product, i int) string {
			return []string{"camrea", "telvision", "speeker", "thermostst", "toothbrsh", "refrigeratr"}[i%6]
		})},
		{"browse-category", true, func(ctx context.Context, i int) error {
			_, err := s.Search(ctx, register.Public, register.Query{Category: at(i).Facts.Category})
			return err
		}},
		{"browse-make-and-category", true, func(ctx context.Context, i int) error {
			_, err := s.Search(ctx, register.Public, register.Query{Make: at(i).Facts.Make, Category: at(i).Facts.Category})
			return err
		}},
		{"similar", false, func(ctx context.Context, i int) error {
			_, err := s.Similar(ctx, register.Public, at(i).ID, 6)
			return err
		}},
	}
}

// percentiles of some durations, as metrics in milliseconds.
func percentiles(b *testing.B, prefix string, took []time.Duration) {
	slices.SortFunc(took, cmp.Compare[time.Duration])
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(took[(len(took)-1)*p/100].Microseconds())/1000, prefix+"p"+strconv.Itoa(p)+"-ms")
	}
}

func measure(b *testing.B, q read, processor func() time.Duration) {
	var took []time.Duration
	busy := processor()
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		if err := q.do(b.Context(), i); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	b.ReportMetric((processor()-busy).Seconds()*1000/float64(len(took)), "cpu-ms/op")
	percentiles(b, "", took)
}

// mixed sends reads at a rate, whether those before have come back or not: four
// others to one search. What waits counts.
func mixed(b *testing.B, kinds []read, rate int, length time.Duration, processor func() time.Duration) {
	var search, other []read
	for _, k := range kinds {
		if k.search {
			search = append(search, k)
		} else {
			other = append(other, k)
		}
	}
	for b.Loop() {
		var mu sync.Mutex
		busy := processor()
		times := map[bool][]time.Duration{}
		var g sync.WaitGroup
		ticker := time.NewTicker(time.Second / time.Duration(rate))
		count := int(length.Seconds()) * rate
		for i := range count {
			<-ticker.C
			q := other[i%len(other)]
			if i%5 == 4 {
				q = search[i/5%len(search)]
			}
			due := time.Now()
			g.Go(func() {
				if err := q.do(b.Context(), i*7919); err != nil {
					b.Error(err)
				}
				mu.Lock()
				times[q.search] = append(times[q.search], time.Since(due))
				mu.Unlock()
			})
		}
		ticker.Stop()
		g.Wait()
		b.ReportMetric((processor()-busy).Seconds()*1000/float64(count), "cpu-ms/request")
		percentiles(b, "read-", times[false])
		percentiles(b, "search-", times[true])
	}
}
