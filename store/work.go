package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// Worker does one piece of work. An error of kind assay.ErrInvalid or
// assay.ErrUnsupported ends it; any other has it tried again later.
type Worker func(ctx context.Context, w register.Work) error

// workArgs is work as the queue keeps it.
type workArgs struct {
	Work    register.WorkKind `json:"work" river:"unique"`
	Payload json.RawMessage   `json:"payload,omitempty"`
}

// Kind names all work of the register in the queue.
func (workArgs) Kind() string { return "register" }

// How the queue works. A process that was killed leaves work that was begun; it is
// taken up by another after rescueAfter, which must be longer than workTimeout.
const (
	workTimeout = time.Minute
	rescueAfter = 2 * time.Minute
	maxAttempts = 12 // over about four days
	tidyEvery   = time.Hour
	pagesEvery  = time.Minute
	pagesQueue  = "pages" // apart from mail, which is not to wait for slow hosts
)

// jobs is the queue on either engine.
type jobs struct {
	db       *DB
	log      *slog.Logger
	sqlite   *river.Client[*sql.Tx]
	postgres *river.Client[pgx.Tx]
}

func newJobs(d *DB, log *slog.Logger) (*jobs, error) {
	j := &jobs{db: d, log: log}
	var err error
	config := &river.Config{Logger: log}
	if d.engine == postgresEngine {
		j.postgres, err = river.NewClient(riverpgxv5.New(d.pool), config)
	} else {
		j.sqlite, err = river.NewClient(riversqlite.New(d.writer), config)
	}
	return j, err
}

func (j *jobs) migrate(ctx context.Context) error {
	var err error
	config := &rivermigrate.Config{Logger: j.log}
	if j.db.engine == postgresEngine {
		err = migrateQueue(ctx, func() (*rivermigrate.Migrator[pgx.Tx], error) {
			return rivermigrate.New(riverpgxv5.New(j.db.pool), config)
		})
	} else {
		err = migrateQueue(ctx, func() (*rivermigrate.Migrator[*sql.Tx], error) {
			return rivermigrate.New(riversqlite.New(j.db.writer), config)
		})
	}
	if err != nil {
		return fmt.Errorf("migrations of the queue: %w", err)
	}
	return nil
}

func migrateQueue[T any](ctx context.Context, make func() (*rivermigrate.Migrator[T], error)) error {
	m, err := make()
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// insertOptions say how work is done. Pages that could not be looked at are due again
// by themselves.
func insertOptions(k register.WorkKind) *river.InsertOpts {
	if k == register.WorkPages {
		return &river.InsertOpts{MaxAttempts: 1, Queue: pagesQueue}
	}
	return &river.InsertOpts{MaxAttempts: maxAttempts}
}

func (j *jobs) enqueueSQLite(t *sql.Tx) func(context.Context, register.Work) error {
	return func(ctx context.Context, w register.Work) error {
		_, err := j.sqlite.InsertTx(ctx, t, workArgs{w.Kind, w.Payload}, insertOptions(w.Kind))
		return err
	}
}

func (j *jobs) enqueuePostgres(t pgx.Tx) func(context.Context, register.Work) error {
	return func(ctx context.Context, w register.Work) error {
		_, err := j.postgres.InsertTx(ctx, t, workArgs{w.Kind, w.Payload}, insertOptions(w.Kind))
		return err
	}
}

// Enqueue hands work on, to be begun when the transaction is committed.
func (t *tx) Enqueue(ctx context.Context, w register.Work) error {
	if err := t.enqueue(ctx, w); err != nil {
		return fmt.Errorf("hand on work %s: %w", w.Kind, err)
	}
	return nil
}

// Waiting is how much work waits or is being done.
func (d *DB) Waiting(ctx context.Context) (n int, err error) {
	err = d.look(ctx, func(t *tx) error {
		return t.value(ctx, "work that waits", `select count(*) from river_job where kind = 'register' and state in `+unfinished, nil, &n)
	})
	return n, err
}

const unfinished = `('available', 'pending', 'retryable', 'running', 'scheduled')`

// handler runs work that the queue hands out.
type handler struct {
	river.WorkerDefaults[workArgs]
	db *DB
	do Worker
}

// Work does a piece of work.
func (h *handler) Work(ctx context.Context, job *river.Job[workArgs]) error {
	w := register.Work{Kind: job.Args.Work, Payload: job.Args.Payload}
	var err error
	if w.Kind == register.WorkTidy {
		err = h.db.Tidy(ctx, time.Now())
	} else {
		err = h.do(ctx, w)
	}
	if errors.Is(err, assay.ErrInvalid) || errors.Is(err, assay.ErrUnsupported) {
		return river.JobCancel(err)
	}
	return err
}

// Work does the background work of this database until the context ends, some
// pieces of it at a time. What was begun is finished or, after a while, given back.
func (d *DB) Work(ctx context.Context, atOnce int, do Worker) error {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &handler{db: d, do: do}); err != nil {
		return fmt.Errorf("background work: %w", err)
	}
	periodic := []*river.PeriodicJob{every(register.WorkTidy, tidyEvery, &river.InsertOpts{})}
	if d.pages {
		periodic = append(periodic, every(register.WorkPages, pagesEvery, insertOptions(register.WorkPages)))
	}
	config := &river.Config{
		Logger: d.jobs.log, Workers: workers, JobTimeout: workTimeout, RescueStuckJobsAfter: rescueAfter, MaxAttempts: maxAttempts,
		Queues:       map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: max(1, atOnce)}, pagesQueue: {MaxWorkers: max(1, atOnce)}},
		PeriodicJobs: periodic,
	}
	if d.engine == postgresEngine {
		return runQueue(ctx, func() (*river.Client[pgx.Tx], error) { return river.NewClient(riverpgxv5.New(d.pool), config) })
	}
	return runQueue(ctx, func() (*river.Client[*sql.Tx], error) { return river.NewClient(riversqlite.New(d.writer), config) })
}

// every is work that comes again by itself.
func every(k register.WorkKind, period time.Duration, o *river.InsertOpts) *river.PeriodicJob {
	o.UniqueOpts = river.UniqueOpts{ByArgs: true, ByPeriod: period}
	return river.NewPeriodicJob(river.PeriodicInterval(period), func() (river.JobArgs, *river.InsertOpts) { return workArgs{Work: k}, o }, &river.PeriodicJobOpts{RunOnStart: true})
}

// stopTime is how long work that was begun may go on after the end was asked for.
const stopTime = 10 * time.Second

func runQueue[T any](ctx context.Context, make func() (*river.Client[T], error)) error {
	c, err := make()
	if err != nil {
		return fmt.Errorf("background work: %w", err)
	}
	if err := c.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("background work: %w", err)
	}
	<-ctx.Done()
	soft, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := c.Stop(soft); err != nil {
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		return c.StopAndCancel(hard)
	}
	return nil
}
