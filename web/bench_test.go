package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/sample"
	"github.com/assay-psti/assay/sign"
)

// products is how many products the measured register has: ASSAY_BENCH_PRODUCTS, or a few.
func products(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("ASSAY_BENCH_PRODUCTS"))
	if err != nil {
		b.Log("a register of 20000 products; set ASSAY_BENCH_PRODUCTS for more")
		return 20_000
	}
	return n
}

// loaded is a register full of made-up products, with the address of each.
func loaded(b *testing.B, n int) (*house, []string) {
	b.Helper()
	h := newHouse(b)
	if err := sample.Fill(b.Context(), h.db, &h.log, n); err != nil {
		b.Fatal(err)
	}
	slugs := make([]string, n)
	for i := range slugs {
		slugs[i] = sample.ProductSlug(sample.At(i))
	}
	return h, slugs
}

// BenchmarkPages measures pages over loopback against a bare handler that returns the
// bytes of a product's page from memory.
func BenchmarkPages(b *testing.B) {
	h, slugs := loaded(b, products(b))
	_, page := h.get(b, "/p/"+slugs[0])
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, page)
	})
	models := make([]string, len(slugs))
	for i := range models {
		models[i] = sample.At(i).Facts.GTINs[0].Short()
	}
	for _, m := range []struct {
		name    string
		handler http.Handler
		path    func(i int) string
	}{
		{"bare", bare, func(i int) string { return "/p/" + slugs[i] }},
		{"product", h.site, func(i int) string { return "/p/" + slugs[i] }},
		{"version", h.site, func(i int) string { return "/p/" + slugs[i] + "/v/1" }},
		{"api-product", h.site, func(i int) string { return "/api/v1/products/" + slugs[i] }},
		{"api-lookup", h.site, func(i int) string { return "/api/v1/lookup/" + models[i] }},
		{"search-word", h.site, func(i int) string { return "/search?q=" + []string{"kettle", "camera", "aria", "doorbell"}[i%4] }},
		{"home", h.site, func(int) string { return "/" }},
	} {
		b.Run(m.name, func(b *testing.B) {
			s := httptest.NewServer(m.handler)
			defer s.Close()
			client := s.Client()
			bytes := 0
			i := 0
			for b.Loop() {
				i++
				r, err := client.Get(s.URL + m.path(i*7919%len(slugs)))
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, r.Body)
				r.Body.Close()
				if err != nil || r.StatusCode != http.StatusOK {
					b.Fatal(r.StatusCode, err)
				}
				bytes += int(n)
			}
			b.ReportMetric(float64(bytes)/float64(b.N), "bytes/page")
		})
	}
	key, err := sign.ParsePublicKey(h.key.Public().PEM())
	if err != nil {
		b.Fatal(err)
	}
	b.Run("signature-alone", func(b *testing.B) {
		doc := h.seal(b, content(facts("K"), assay.MustDate("2030-01-01")))
		for b.Loop() {
			e, err := sign.ParseEnvelope(doc)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := e.Verify(key); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDump measures the whole register as a table.
func BenchmarkDump(b *testing.B) {
	n := products(b)
	h, _ := loaded(b, n)
	for _, name := range []string{"register.csv", "register.parquet"} {
		b.Run(name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				_, text := h.get(b, "/dump/"+name)
				size = len(text)
			}
			b.ReportMetric(float64(size)/float64(n), "bytes/row")
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkLookup measures ten thousand barcode numbers at once.
func BenchmarkLookup(b *testing.B) {
	h, _ := loaded(b, products(b))
	text := []byte(`{"gtins":[`)
	for i := range 10_000 {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendQuote(text, sample.At(i).Facts.GTINs[0].Short())
	}
	text = append(text, "]}"...)
	for b.Loop() {
		if r := h.ask(b, "POST", "/api/v1/lookup", string(text), "Content-Type", "application/json"); r.StatusCode != http.StatusOK {
			b.Fatal(r.StatusCode)
		}
	}
}
