package main

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// figures are what Prometheus reads of a server. No label holds what a client made up.
type figures struct {
	registry *prometheus.Registry
	took     *prometheus.HistogramVec // by section and method, seconds
	answered *prometheus.CounterVec   // by section and status
	refused  *prometheus.CounterVec   // by why
	letters  *prometheus.CounterVec   // by what became of them
}

func newFigures(h *house) *figures {
	f := &figures{
		registry: prometheus.NewRegistry(),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "assay_request_seconds", Help: "How long requests took.",
			Buckets: []float64{.001, .0025, .005, .01, .02, .04, .06, .1, .25, .5, 1, 5, 30}}, []string{"section", "method"}),
		answered: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "assay_requests_total", Help: "Requests that were answered."}, []string{"section", "status"}),
		refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "assay_refused_total", Help: "Requests that were refused at the door."}, []string{"why"}),
		letters:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "assay_letters_total", Help: "Letters handed to the mail server: sent, failed for now, refused for good."}, []string{"outcome"}),
	}
	f.registry.MustRegister(f.took, f.answered, f.refused, f.letters, &state{h}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return f
}

func (f *figures) request(section, method string, status int, took time.Duration) {
	f.took.WithLabelValues(section, knownMethod(method)).Observe(took.Seconds())
	f.answered.WithLabelValues(section, strconv.Itoa(status)).Inc()
}

// handler serves the figures below /metrics.
func (f *figures) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(f.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 20 * time.Second}))
	return mux
}

// state tells how log and queue stand at the moment of asking.
type state struct{ h *house }

var (
	logSize    = prometheus.NewDesc("assay_log_leaves", "Leaves in the transparency log.", nil, nil)
	logShown   = prometheus.NewDesc("assay_log_integrated_leaves", "Leaves of it that pages show.", nil, nil)
	logPending = prometheus.NewDesc("assay_log_pending_leaves", "Leaves that wait for the log.", nil, nil)
	logOldest  = prometheus.NewDesc("assay_log_oldest_pending_seconds", "How long the oldest of them has waited.", nil, nil)
	workLeft   = prometheus.NewDesc("assay_work_waiting", "Pieces of background work that wait or are being done.", nil, nil)
	stateUp    = prometheus.NewDesc("assay_database_up", "1 where the database answered, else 0.", nil, nil)
)

// Describe names the figures.
func (s *state) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{logSize, logShown, logPending, logOldest, workLeft, stateUp} {
		c <- d
	}
}

// Collect reads them.
func (s *state) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64) { c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	l, err := s.h.register.LogState(ctx)
	if err != nil {
		s.h.slog.Warn("figures of the log cannot be read", "error", err)
		gauge(stateUp, 0)
		return
	}
	waiting, err := s.h.db.Waiting(ctx)
	if err != nil {
		s.h.slog.Warn("figures of the queue cannot be read", "error", err)
		gauge(stateUp, 0)
		return
	}
	gauge(stateUp, 1)
	gauge(logSize, float64(l.Size))
	gauge(logShown, float64(l.Integrated))
	gauge(logPending, float64(l.Pending))
	oldest := 0.0
	if !l.Oldest.IsZero() {
		oldest = time.Since(l.Oldest).Seconds()
	}
	gauge(logOldest, oldest)
	gauge(workLeft, float64(waiting))
}
