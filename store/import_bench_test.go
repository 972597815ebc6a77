package store_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assay-psti/assay/internal/sample"
	"github.com/assay-psti/assay/register"
)

// BenchmarkImport takes in a range with a signed statement for each product, and has
// the log take their leaves: ASSAY_BENCH_ROWS products, or 1,000.
func BenchmarkImport(b *testing.B) {
	n := 1000
	if text := os.Getenv("ASSAY_BENCH_ROWS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	for _, engine := range engines {
		b.Run(engine, func(b *testing.B) {
			h := newHouse(b, address(b, engine))
			docs := map[string][]byte{}
			var text strings.Builder
			w := csv.NewWriter(&text)
			_ = w.Write([]string{"name", "make", "models", "category", "gtins", "contact_email", "statement"})
			for i := range n {
				f := sample.At(i).Facts
				file := fmt.Sprintf("%d.json", i)
				docs[file] = signed(b, h.key, f, f.Support[0].End)
				_ = w.Write([]string{f.Name, f.Make, f.Models[0], f.Category, string(f.GTINs[0]), f.Contact.Email, file})
			}
			w.Flush()
			processor := processor
			if engine == "postgres" {
				own := processor
				processor = func() time.Duration { return own() + postgres.server.Processor() }
			}
			began, busy := time.Now(), processor()
			for b.Loop() {
				sum, err := h.s.ImportRange(b.Context(), h.maker, strings.NewReader(text.String()), register.Import{Publish: true, Statement: func(name string) ([]byte, error) { return docs[name], nil }})
				if err != nil || sum.Published+sum.Unchanged != n {
					b.Fatalf("%+v, %v", sum, err)
				}
				if sum.Published > 0 {
					b.ReportMetric(float64(n)/time.Since(began).Seconds(), "imported/s")
					b.ReportMetric((processor()-busy).Seconds()*1000/float64(n), "cpu-ms/imported")
					h.settle(b)
					b.ReportMetric(float64(n)/time.Since(began).Seconds(), "imported-and-logged/s")
					b.ReportMetric((processor()-busy).Seconds()*1000/float64(n), "cpu-ms/imported-and-logged")
				}
			}
			h.agree(b)
		})
	}
}

// BenchmarkPublish publishes one by one, with the log at work beside it, by several
// at once.
func BenchmarkPublish(b *testing.B) {
	for _, engine := range engines {
		b.Run(engine, func(b *testing.B) {
			h := newHouse(b, address(b, engine))
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			go func() { ended <- h.s.Run(ctx) }()
			ids := make(chan int, 1)
			go func() {
				for i := 0; ; i++ {
					select {
					case ids <- i:
					case <-ctx.Done():
						return
					}
				}
			}()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					f := sample.At(<-ids).Facts
					f.Support = nil
					doc, err := signedBytes(h.key, f, sample.At(0).Facts.Support[0].End)
					if err != nil {
						b.Error(err)
						return
					}
					if _, err := h.s.Publish(b.Context(), h.maker, &register.Bundle{Format: 1, Facts: f, Statement: doc}); err != nil {
						b.Error(err)
						return
					}
				}
			})
			cancel()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
		})
	}
}
