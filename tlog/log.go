package tlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	merkle "golang.org/x/mod/sumdb/tlog"

	"github.com/assay-psti/assay"
)

// ErrBusy says that as many leaves as may be are on their way in: try again in a
// moment (over HTTP: 503 with Retry-After). It is of kind assay.ErrRefused.
var ErrBusy = fmt.Errorf("the log is busy, try again: %w", assay.ErrRefused)

// Options of a writer. The zero value of each field but Origin is right for a
// register on one machine.
type Options struct {
	// Origin is the log's name for ever: its public address without scheme and
	// without a slash at the end, as "register.example/log".
	Origin string
	// BatchAge is how long a leaf waits for others; zero: 20 ms.
	BatchAge time.Duration
	// BatchSize is how many leaves go in at once; zero: 1024.
	BatchSize int
	// CheckpointInterval is how far apart checkpoints are at least; zero: 100 ms,
	// which is the least.
	CheckpointInterval time.Duration
	// InFlight is how many leaves may be on their way in; zero: 8192.
	InFlight int
	// Witnesses must cosign each checkpoint before it is published; nil: nobody.
	// A witness without an address is not asked, but counts where another brings its
	// cosignature.
	Witnesses *Policy
	// WitnessTimeout is how long witnesses have; zero: 5 s.
	WitnessTimeout time.Duration
	// CloseTimeout is how long Close waits for the last checkpoint; zero: 10 s.
	CloseTimeout time.Duration
}

func (o *Options) fill() error {
	bad := func(what string) error {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: "options of the log", What: what}
	}
	if o.Origin == "" || len(o.Origin) > 200 || strings.ContainsFunc(o.Origin, func(r rune) bool { return r <= ' ' || r == '+' || r > '~' }) {
		return bad(fmt.Sprintf("the origin %.60q must be printable ASCII without spaces and plus signs, such as register.example/log", o.Origin))
	}
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&o.BatchAge, 20*time.Millisecond)
	set(&o.CheckpointInterval, 100*time.Millisecond)
	set(&o.WitnessTimeout, 5*time.Second)
	set(&o.CloseTimeout, 10*time.Second)
	if o.BatchSize == 0 {
		o.BatchSize = 1024
	}
	if o.InFlight == 0 {
		o.InFlight = 8192
	}
	if o.BatchSize < 1 || o.InFlight < 1 || o.BatchAge < 0 || o.CheckpointInterval < 100*time.Millisecond {
		return bad("sizes and times must be positive, and checkpoints at least 100 ms apart")
	}
	return nil
}

// Log is the one writer of a log. Its folder holds:
//
//	key          the private key, readable by its owner alone
//	lock         held while a writer has the log open
//	log/         what is served: checkpoint, log.vkey, tile/...
//
// It keeps 64 bytes for each leaf in memory, for proofs.
type Log struct {
	o      Options
	key    Key
	root   *os.Root // of log/
	unlock func() error
	store  backend
	guard  *guard
	hashes *hashes
	slots  chan struct{} // one for each leaf on its way in

	published atomic.Pointer[Checkpoint]

	closing sync.RWMutex // guards closed; held for reading while leaves are handed over
	closed  bool
	pending chan pending  // leaves on their way in
	settled chan struct{} // closed when all of them are
}

// backend is what stores leaves.
type backend interface {
	// add hands a leaf over; the function it gives waits for its index.
	add(leaf []byte) func() (int64, error)
	// size is how many leaves are stored for good.
	size(ctx context.Context) (int64, error)
	// close waits for all leaves, and the checkpoint over them, and stops.
	close(ctx context.Context) error
}

const (
	logDir         = "log"
	checkpointName = "checkpoint"
	keyName        = "log.vkey"
)

// Open opens the log in the folder for writing, and makes it, with a new key, where
// there is none. A log that another writer has open is an error of kind
// assay.ErrConflict, and so is one whose leaves do not fit its signed checkpoint.
func Open(ctx context.Context, dir string, o Options) (*Log, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, logDir), 0o755); err != nil {
		return nil, fmt.Errorf("make the log's folder: %w", err)
	}
	unlock, err := lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Join(dir, logDir))
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	l := &Log{o: o, root: root, unlock: unlock, hashes: &hashes{}, slots: make(chan struct{}, o.InFlight),
		pending: make(chan pending, o.InFlight), settled: make(chan struct{})}
	if err := l.start(ctx, dir); err != nil {
		return nil, errors.Join(err, root.Close(), unlock())
	}
	go l.settle() // until Close
	return l, nil
}

// start checks what is there, and starts the store on it.
func (l *Log) start(ctx context.Context, dir string) error {
	signer, key, err := openSigner(dir, l.o.Origin)
	if err != nil {
		return err
	}
	l.key = key
	if err := writeFile(l.root, keyName, []byte(key.String()+"\n")); err != nil {
		return fmt.Errorf("write the log's public key: %w", err)
	}
	signed, err := l.Checkpoint()
	if errors.Is(err, assay.ErrNotFound) {
		signed, err = &Checkpoint{}, nil
	}
	if err != nil {
		return err
	}
	if err := l.load(ctx, signed); err != nil {
		return err
	}
	l.guard = &guard{Signer: signer, l: l}
	l.guard.signed.Store(signed.Size)
	if l.store, err = openBackend(ctx, filepath.Join(dir, logDir), l.guard, &l.o); err != nil {
		return err
	}
	size, err := l.store.size(ctx)
	if err == nil && size < signed.Size {
		err = &assay.Problem{Kind: assay.ErrConflict, Where: dir, What: fmt.Sprintf("holds %d leaves, but a checkpoint of %d was signed", size, signed.Size), Do: "restore the whole folder from one backup, or the leaves from a mirror"}
	}
	if err == nil {
		err = clearRightOf(l.root, size, int64(l.o.BatchSize)/tileWidth+2)
	}
	if err != nil {
		l.guard.refuse(err)
		return errors.Join(err, l.store.close(ctx))
	}
	return nil
}

// load reads the hashes of the leaves that the signed checkpoint commits to.
func (l *Log) load(ctx context.Context, signed *Checkpoint) error {
	if signed.Size == 0 {
		return nil
	}
	for l.hashes.leaves() < signed.Size {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := bundle(l.hashes.leaves()>>tileHeight, signed.Size)
		t.L = 0
		data, err := readTile(l.root, t, t.W*merkle.HashSize, t.W*merkle.HashSize)
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		leaves := make([]merkle.Hash, t.W)
		for i := range leaves {
			copy(leaves[i][:], data[i*merkle.HashSize:])
		}
		l.hashes.add(leaves...)
	}
	root, err := merkle.TreeHash(signed.Size, l.hashes)
	if err == nil && root != signed.Root {
		err = &assay.Problem{Kind: assay.ErrConflict, Where: "log " + signed.Origin, What: "its tiles do not make the tree that its checkpoint was signed for", Do: "restore the folder from a backup or a mirror"}
	}
	return err
}

// Key is the log's public key.
func (l *Log) Key() Key { return l.key }

// Append adds a leaf, and gives its index once it is stored for good. A checkpoint
// that commits to it follows: see Published. Where as many leaves as may be are on
// their way in, the error is ErrBusy. Where ctx ends first, the leaf may yet go in.
func (l *Log) Append(ctx context.Context, leaf []byte) (int64, error) {
	if err := checkLeaf(leaf); err != nil {
		return -1, err
	}
	if err := ctx.Err(); err != nil {
		return -1, err
	}
	select {
	case l.slots <- struct{}{}:
	default:
		return -1, ErrBusy
	}
	done := make(chan result, 1)
	if err := l.hand(bytes.Clone(leaf), done); err != nil {
		return -1, err
	}
	select {
	case r := <-done:
		return r.index, r.err
	case <-ctx.Done():
		return -1, fmt.Errorf("append to the log: %w (the leaf may yet go in)", ctx.Err())
	}
}

// AppendAll adds leaves in order, waits where the log is busy, and gives their
// indexes: -1 for those that are not known to be in when the error is not nil.
func (l *Log) AppendAll(ctx context.Context, leaves [][]byte) ([]int64, error) {
	indexes := make([]int64, len(leaves))
	for i := range indexes {
		indexes[i] = -1
	}
	for i, leaf := range leaves {
		if err := checkLeaf(leaf); err != nil {
			return indexes, fmt.Errorf("leaf %d of %d: %w", i+1, len(leaves), err)
		}
	}
	done := make(chan result, len(leaves))
	handed := 0
	stopped := ctx.Err()
	for stopped == nil && handed < len(leaves) {
		select {
		case l.slots <- struct{}{}:
			if stopped = l.hand(bytes.Clone(leaves[handed]), done); stopped == nil {
				handed++
			}
		case <-ctx.Done():
			stopped = ctx.Err()
		}
	}
	var failed error
	for i := range handed { // they come in the order that they were handed over in
		r := <-done
		if indexes[i] = r.index; failed == nil {
			failed = r.err
		}
	}
	return indexes, errors.Join(stopped, failed)
}

func checkLeaf(leaf []byte) error {
	if len(leaf) == 0 || len(leaf) > MaxLeafBytes {
		return &assay.Problem{Kind: assay.ErrInvalid, What: fmt.Sprintf("a leaf of %d bytes", len(leaf)), Do: fmt.Sprintf("leaves have 1 to %d bytes: log the digest of what is longer", MaxLeafBytes)}
	}
	return nil
}

// result is what became of a leaf.
type result struct {
	index int64
	err   error
}

// pending is a leaf on its way in.
type pending struct {
	wait func() (int64, error)
	done chan<- result // has room
}

// hand hands a leaf to the store, for a slot that the caller took. It gives the slot
// back where it fails; else that comes with the result.
func (l *Log) hand(leaf []byte, done chan<- result) error {
	l.closing.RLock()
	defer l.closing.RUnlock()
	err := l.guard.fault()
	if l.closed {
		err = &assay.Problem{Kind: assay.ErrRefused, Where: "log " + l.o.Origin, What: "is closed"}
	}
	if err != nil {
		<-l.slots
		return err
	}
	l.pending <- pending{l.store.add(leaf), done} // there is room for each slot
	return nil
}

// settle tells the callers what became of their leaves, one after the other: the
// store takes them in about that order.
func (l *Log) settle() {
	defer close(l.settled)
	for p := range l.pending {
		index, err := p.wait()
		if err != nil {
			index, err = -1, fmt.Errorf("append to the log: %w: %w", assay.ErrInternal, err)
		}
		<-l.slots
		p.done <- result{index, err}
	}
}

// Close waits until all leaves are stored and published, and lets go of the folder.
// Where witnesses keep the last checkpoint back, it says so after the close timeout;
// no leaf is lost by that.
func (l *Log) Close() error {
	l.closing.Lock()
	was := l.closed
	l.closed = true
	l.closing.Unlock()
	if was {
		return nil
	}
	close(l.pending)
	<-l.settled
	ctx, cancel := context.WithTimeout(context.Background(), l.o.CloseTimeout)
	defer cancel()
	if l.guard.fault() != nil {
		cancel() // there is no checkpoint to wait for
	}
	err := l.store.close(ctx)
	l.guard.refuse(&assay.Problem{Kind: assay.ErrRefused, Where: "log " + l.o.Origin, What: "is closed"})
	return errors.Join(err, l.root.Close(), l.unlock())
}
