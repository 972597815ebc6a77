package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/assay-psti/assay/internal/pgtest"
	"github.com/assay-psti/assay/internal/sample"
)

// The load comes from a process of its own, at a rate that does not wait for answers:
// what is late counts from when it was due.

// loadTask is what a load process is asked to do.
type loadTask struct {
	URL      string
	Products int
	Rate     int  // requests a second; 0: as many as Workers get through
	Workers  int  // for Rate 0
	Bare     bool // only the one page that a bare handler has
	Page     string
	For      time.Duration
}

// loadResult is in milliseconds, but for Done.
type loadResult struct {
	Done     int
	Failed   int
	First    string `json:",omitempty"` // failure
	Took     float64
	Late     float64 // 99th percentile of how late the load itself began a request
	Kinds    map[string]times
	Sent     float64 // a second
	Answered float64 // a second
}

type times struct{ N, P50, P99, Max float64 }

func timesOf(took []time.Duration) times {
	slices.SortFunc(took, cmp.Compare[time.Duration])
	at := func(p float64) float64 {
		return float64(took[int(math.Ceil(p*float64(len(took))))-1].Microseconds()) / 1000
	}
	return times{float64(len(took)), at(.5), at(.99), at(1)}
}

// loadMain is the load process: it reads a task and writes a result, as JSON.
func loadMain() {
	var t loadTask
	if err := json.NewDecoder(os.Stdin).Decode(&t); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	r := t.run()
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		os.Exit(2)
	}
}

// request is one request of the mix: four others to one search.
func (t *loadTask) request(i int) (kind, path, wants string) {
	if t.Bare {
		return "page", t.Page, ""
	}
	p := sample.At(int(uint64(i) * 2654435761 % uint64(t.Products)))
	if i%5 != 4 {
		if i%2 == 0 {
			return "product", "/p/" + sample.ProductSlug(p), "<h1"
		}
		return "gtin", "/api/v1/lookup/" + string(p.Facts.GTINs[0]), string(p.ID)
	}
	words := []string{
		p.Facts.Models[0], p.Facts.Make, p.Facts.Make + " " + p.Facts.Category,
		[]string{"smart camera", "pro camera", "light", "robot", "smart", "door"}[i/30%6],
		[]string{"camrea", "telvision", "speeker", "thermostst", "toothbrsh", "refrigratr"}[i/30%6], p.Facts.Name,
	}[i/5%6]
	return "search", "/search?q=" + url.QueryEscape(words), `href="/p/`
}

func (t *loadTask) run() loadResult {
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		MaxIdleConns: 2000, MaxIdleConnsPerHost: 2000, DisableCompression: true, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
	}}
	var mu sync.Mutex // guards the fields below
	took, late, failed, first := map[string][]time.Duration{}, []time.Duration{}, 0, ""
	one := func(i int, due time.Time) {
		kind, path, wants := t.request(i)
		began := time.Now()
		var body []byte
		response, err := client.Get(t.URL + path)
		if err == nil {
			body, err = io.ReadAll(response.Body)
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK || !strings.Contains(string(body), wants) {
				err = fmt.Errorf("%s: %s: %.200s", path, response.Status, body)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		took[kind] = append(took[kind], time.Since(due))
		late = append(late, began.Sub(due))
		if err != nil {
			failed++
			if first == "" {
				first = err.Error()
			}
		}
	}
	began := time.Now()
	var g sync.WaitGroup
	if t.Rate > 0 {
		count := int(t.For.Seconds() * float64(t.Rate))
		for i := range count {
			due := began.Add(time.Duration(i) * time.Second / time.Duration(t.Rate))
			time.Sleep(time.Until(due))
			g.Go(func() { one(i, due) })
		}
	} else {
		for w := range t.Workers {
			g.Go(func() {
				for i := w; time.Since(began) < t.For; i += t.Workers {
					one(i, time.Now())
				}
			})
		}
	}
	sent := time.Since(began)
	g.Wait()
	whole := time.Since(began)
	r := loadResult{Failed: failed, First: first, Took: float64(whole.Milliseconds()), Kinds: map[string]times{}}
	for kind, all := range took {
		r.Kinds[kind] = timesOf(all)
		r.Done += len(all)
	}
	r.Late, r.Sent, r.Answered = timesOf(late).P99, float64(r.Done)/sent.Seconds(), float64(r.Done)/whole.Seconds()
	return r
}

// bareMain is a bare net/http handler that answers from memory what a page answers: it
// reads the page's address, and writes its own.
func bareMain() {
	response, err := http.Get(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		os.Exit(2)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(2)
	}
	fmt.Println("http://" + l.Addr().String())
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		for name, values := range response.Header {
			if name != "Date" {
				h[name] = values
			}
		}
		_, _ = w.Write(body)
	}))
}

func load(b *testing.B, t loadTask) loadResult {
	b.Helper()
	self, err := exec.LookPath("assay-load")
	if err != nil {
		b.Fatal(err)
	}
	task, err := json.Marshal(t)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), self)
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(task)), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	var r loadResult
	if err := json.Unmarshal(out, &r); err != nil {
		b.Fatal(err)
	}
	if r.Failed > 0 {
		b.Errorf("%d of %d requests failed: %s", r.Failed, r.Done, r.First)
	}
	return r
}

// start runs one of our own programs until the benchmark ends, and gives the address
// that it writes.
func start(b *testing.B, name, prefix string, args ...string) string {
	b.Helper()
	self, err := exec.LookPath(name)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if at, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			return at
		}
	}
	b.Fatalf("%s ended", name)
	return ""
}

// BenchmarkServe measures a whole server with many products over loopback, on both
// engines: at 200 requests a second, and as many as it can against a bare net/http
// handler that answers one product page's bytes from memory. ASSAY_BENCH_PRODUCTS says
// how many; ASSAY_BENCH_ENGINE takes one engine only.
func BenchmarkServe(b *testing.B) {
	n := 20_000
	if text := os.Getenv("ASSAY_BENCH_PRODUCTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	fmt.Printf("%d products; %d processors; load before: %s", n, runtime.NumCPU(), loadAverage())
	for _, engine := range []string{"sqlite", "postgres"} {
		if only := os.Getenv("ASSAY_BENCH_ENGINE"); only != "" && only != engine {
			continue
		}
		b.Run(engine, func(b *testing.B) {
			args := []string{"serve", "--listen", "127.0.0.1:0", "--demo", strconv.Itoa(n), "--rate", "0", "--connections", "100000", "--data", filepath.Join(b.TempDir(), "data")}
			if engine == "postgres" {
				server, err := pgtest.Start(b.Context(), true)
				if err != nil {
					b.Skip(err)
				}
				b.Cleanup(func() { _ = server.Stop() })
				where, err := server.Database(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				args = append(args, "--db", where)
			}
			began := time.Now()
			at := start(b, "assay", "The register is at ", args...)
			b.Logf("loaded in %.1f s", time.Since(began).Seconds())
			page := "/p/" + sample.ProductSlug(sample.At(n/2))
			bare := start(b, "assay-bare", "", at+page)
			load(b, loadTask{URL: at, Products: n, Rate: 50, For: 3 * time.Second}) // warm
			for b.Loop() {
				r := load(b, loadTask{URL: at, Products: n, Rate: 200, For: 20 * time.Second})
				for kind, t := range r.Kinds {
					b.ReportMetric(t.P50, kind+"-p50-ms")
					b.ReportMetric(t.P99, kind+"-p99-ms")
				}
				b.ReportMetric(r.Late, "load-late-p99-ms")
				same := load(b, loadTask{URL: bare, Bare: true, Page: page, Rate: 200, For: 5 * time.Second})
				b.ReportMetric(same.Kinds["page"].P99, "bare-p99-ms")
				full := load(b, loadTask{URL: at, Bare: true, Page: page, Workers: 8, For: 5 * time.Second})
				most := load(b, loadTask{URL: bare, Bare: true, Page: page, Workers: 8, For: 5 * time.Second})
				b.ReportMetric(full.Answered, "pages/s")
				b.ReportMetric(most.Answered, "bare/s")
				b.ReportMetric(full.Answered/most.Answered, "of-bare")
			}
			b.Logf("load after: %s", loadAverage())
		})
	}
}

func loadAverage() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known\n"
	}
	return string(data)
}
