//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package tlog

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"

	"github.com/assay-psti/assay"
)

// tesseraStore stores leaves with Tessera, in a POSIX file system.
type tesseraStore struct {
	append   tessera.AddFn
	shutdown func(context.Context) error
	reader   tessera.LogReader
	stop     context.CancelFunc
}

// quiet sends what Tessera says to the program's own log, once.
var quiet = sync.OnceFunc(func() { klog.SetSlogLogger(slog.New(toDefault{})) })

func openBackend(ctx context.Context, dir string, signer note.Signer, o *Options) (backend, error) {
	quiet()
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	driver, err := posix.New(ctx, posix.Config{Path: dir, HTTPClient: witnessClient(o.WitnessTimeout)})
	if err != nil {
		stop()
		return nil, fmt.Errorf("open the log's store: %w: %w", assay.ErrInternal, err)
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(uint(o.BatchSize), o.BatchAge).
		WithCheckpointInterval(o.CheckpointInterval).
		WithCheckpointRepublishInterval(0).
		WithShutdownTimeout(o.CloseTimeout)
	if o.Witnesses != nil && o.Witnesses.quorum != nil {
		g, err := tesseraPolicy(o.Witnesses)
		if err != nil {
			stop()
			return nil, err
		}
		options.WithWitnesses(g, &tessera.WitnessOptions{Timeout: o.WitnessTimeout})
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		stop()
		return nil, fmt.Errorf("open the log's store: %w: %w", assay.ErrInternal, err)
	}
	return &tesseraStore{appender.Add, shutdown, reader, stop}, nil
}

func (s *tesseraStore) add(leaf []byte) func() (int64, error) {
	wait := s.append(context.Background(), tessera.NewEntry(leaf))
	return func() (int64, error) {
		i, err := wait()
		return int64(i.Index), err
	}
}

func (s *tesseraStore) size(ctx context.Context) (int64, error) {
	n, err := s.reader.IntegratedSize(ctx)
	if err == nil && n > MaxSize {
		err = fmt.Errorf("the log has %d leaves, more than %d: %w", n, int64(MaxSize), assay.ErrInvalid)
	}
	return int64(n), err
}

func (s *tesseraStore) close(ctx context.Context) error {
	defer s.stop()
	if err := s.shutdown(ctx); err != nil {
		return &assay.Problem{Kind: assay.ErrInternal, Where: "log", What: "its last leaves are stored, but the checkpoint over them was not published", Err: err, Do: "it follows when the log is opened again"}
	}
	return nil
}

// tesseraPolicy builds the same policy of Tessera's parts. A witness without an
// address is left out, and counts as one that did not sign.
func tesseraPolicy(p *Policy) (tessera.WitnessGroup, error) {
	var build func(g *group) (tessera.WitnessGroup, error)
	build = func(g *group) (tessera.WitnessGroup, error) {
		out := tessera.WitnessGroup{N: g.k}
		if g.witness != nil {
			if g.witness.url == "" {
				return out, nil // no component can meet it
			}
			u, err := url.Parse(g.witness.url)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
				return out, &assay.Problem{Kind: assay.ErrInvalid, Where: "witness " + g.witness.name, What: fmt.Sprintf("has no http or https address: %.100q", g.witness.url)}
			}
			out.Components = append(out.Components, tessera.Witness{Key: g.witness.cosigner, URL: u.JoinPath("add-checkpoint").String()})
			return out, nil
		}
		for _, m := range g.members {
			c, err := build(m)
			if err != nil {
				return out, err
			}
			out.Components = append(out.Components, c)
		}
		return out, nil
	}
	return build(p.quorum)
}

// witnessClient bounds what a witness may answer.
func witnessClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		Transport:     boundedTransport{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type boundedTransport struct{ http.RoundTripper }

// RoundTrip cuts an answer off where it is longer than any cosignature.
func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxCheckpointBytes), res.Body}
	}
	return res, err
}

// toDefault hands records to whatever logger is the program's own by then; what is
// no warning, as detail.
type toDefault struct{}

func (toDefault) Enabled(ctx context.Context, l slog.Level) bool {
	return slog.Default().Enabled(ctx, detail(l))
}
func (h toDefault) Handle(ctx context.Context, r slog.Record) error {
	if r.Level = detail(r.Level); !h.Enabled(ctx, r.Level) {
		return nil
	}
	return slog.Default().Handler().Handle(ctx, r)
}
func (h toDefault) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h toDefault) WithGroup(string) slog.Handler      { return h }

func detail(l slog.Level) slog.Level {
	if l < slog.LevelWarn {
		return slog.LevelDebug
	}
	return l
}

var _ backend = (*tesseraStore)(nil)
