package tlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	merkle "golang.org/x/mod/sumdb/tlog"

	"github.com/assay-psti/assay"
)

// ClientOptions say how a log is read.
type ClientOptions struct {
	// Key is the log's; nil: the one that the log itself offers at log.vkey, which
	// shows that nothing changes from then on, and nothing about before.
	Key *Key
	// Witnesses must have cosigned; nil: nobody.
	Witnesses *Policy
	// Timeout is how long each answer may take; zero: 30 s.
	Timeout time.Duration
	// MaxSize is how many leaves a walk or a mirror takes in at most; zero: 2^28.
	MaxSize int64
	// Transport speaks HTTP; nil: http.DefaultTransport.
	Transport http.RoundTripper
}

// Client reads a log over HTTP, and believes nothing that it cannot check.
type Client struct {
	o        ClientOptions
	http     *http.Client
	base     *url.URL
	key      Key
	firstUse bool
}

const maxRedirects = 3

// NewClient names the log at an address. Without a key it asks the log for one.
func NewClient(ctx context.Context, address string, o ClientOptions) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: fmt.Sprintf("%.200q", address), What: "is no address of a log", Do: "give one that begins with https:// or http://, without a query"}
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.MaxSize == 0 {
		o.MaxSize = 1 << 28
	}
	c := &Client{o: o, base: u, http: &http.Client{Transport: o.Transport, Timeout: o.Timeout, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		if s := r.URL.Scheme; s != "https" && s != u.Scheme {
			return fmt.Errorf("a redirect to %s", s)
		}
		return nil
	}}}
	if o.Key != nil {
		c.key = *o.Key
		return c, nil
	}
	text, err := c.get(ctx, keyName, maxKeyBytes)
	if err != nil {
		if errors.Is(err, assay.ErrNotFound) {
			err = &assay.Problem{Kind: assay.ErrInvalid, Where: address, What: "the log offers no key", Do: "give its key with --vkey"}
		}
		return nil, err
	}
	c.firstUse = true
	c.key, err = ParseKey(string(text))
	return c, err
}

// Key is the key that the log is held to.
func (c *Client) Key() Key { return c.key }

// FirstUse says that the key came from the log itself.
func (c *Client) FirstUse() bool { return c.firstUse }

// get fetches what stands at a path of the log.
func (c *Client) get(ctx context.Context, name string, most int64) ([]byte, error) {
	u := c.base.JoinPath(name).String()
	problem := func(kind error, what string, err error) ([]byte, error) {
		return nil, &assay.Problem{Kind: kind, Where: u, What: what, Err: err}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return problem(assay.ErrInvalid, "cannot be asked for", err)
	}
	if name == checkpointName {
		r.Header.Set("Cache-Control", "no-cache")
	}
	res, err := c.http.Do(r)
	if err != nil {
		var full *url.Error
		if errors.As(err, &full) {
			err = full.Err
		}
		return problem(assay.ErrNotFound, "cannot be reached", err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusGone:
		return problem(assay.ErrNotFound, "is not there", nil)
	case res.StatusCode != http.StatusOK:
		return problem(assay.ErrInternal, "the log answers "+res.Status, nil)
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil {
		return problem(assay.ErrNotFound, "was cut off", err)
	}
	if int64(len(data)) > most {
		return problem(assay.ErrInvalid, fmt.Sprintf("is longer than %d bytes", most), nil)
	}
	return data, nil
}

// Checkpoint fetches the newest checkpoint and checks its signatures.
func (c *Client) Checkpoint(ctx context.Context) (*Checkpoint, error) {
	raw, err := c.get(ctx, checkpointName, maxCheckpointBytes)
	if err != nil {
		return nil, err
	}
	return OpenCheckpoint(raw, c.key, c.o.Witnesses)
}

// Grew checks that the log did nothing but grow from a checkpoint kept earlier to the
// one that it shows now. That it did something else is an error of type *Fork. That
// it serves tiles which fit neither is one of kind assay.ErrRefused.
func (c *Client) Grew(ctx context.Context, kept, shown *Checkpoint) error {
	if err, open := compare(kept, shown); err != nil || !open {
		return err
	}
	root, err := merkle.TreeHash(kept.Size, c.tree(ctx, shown))
	if err != nil {
		return c.misfit(err)
	}
	if root != kept.Root {
		return &Fork{Kept: kept, Shown: shown}
	}
	return nil
}

// compare says what two checkpoints tell by themselves; open: the tree must tell.
func compare(kept, shown *Checkpoint) (err error, open bool) {
	switch {
	case kept.Origin != shown.Origin:
		return &assay.Problem{Kind: assay.ErrInvalid, What: fmt.Sprintf("checkpoints of two logs, %.60q and %.60q", kept.Origin, shown.Origin)}, false
	case kept.Size > shown.Size:
		return &Fork{Kept: kept, Shown: shown, Rollback: true}, false
	case kept.Size == shown.Size && kept.Root != shown.Root:
		return &Fork{Kept: kept, Shown: shown}, false
	}
	return nil, kept.Size != 0 && kept.Size != shown.Size
}

// Prove fetches a leaf with the proof that it is in the checkpoint's tree. The proof
// was checked.
func (c *Client) Prove(ctx context.Context, shown *Checkpoint, index int64) (*Proof, error) {
	if index < 0 || index >= shown.Size {
		return nil, &assay.Problem{Kind: assay.ErrNotFound, Where: c.base.String(), What: fmt.Sprintf("the log has %d leaves, and no leaf %d", shown.Size, index)}
	}
	tree := c.tree(ctx, shown)
	path, err := merkle.ProveRecord(shown.Size, index, tree)
	if err != nil {
		return nil, c.misfit(err)
	}
	t := bundle(index>>tileHeight, shown.Size)
	leaves, err := c.leaves(ctx, t)
	if err != nil {
		return nil, err
	}
	p := &Proof{Index: index, Path: plain(path), Checkpoint: shown.Raw, Extra: leaves[index-t.N<<tileHeight]}
	if _, err := p.Verify(p.Extra, c.key, c.o.Witnesses); err != nil {
		return nil, err
	}
	return p, nil
}

// leaves fetches a bundle. Nothing about it is checked but its form.
func (c *Client) leaves(ctx context.Context, t merkle.Tile) ([][]byte, error) {
	data, err := c.tile(ctx, t, maxBundleBytes)
	if err != nil {
		return nil, err
	}
	leaves, err := parseBundle(data, t.W)
	if err != nil {
		return nil, &assay.Problem{Kind: assay.ErrRefused, Where: c.base.JoinPath(tilePath(t)).String(), What: "is no bundle of leaves", Err: err}
	}
	return leaves, nil
}

// tile fetches a tile, or the full one where a narrow one is gone because it filled
// up since.
func (c *Client) tile(ctx context.Context, t merkle.Tile, most int64) ([]byte, error) {
	data, err := c.get(ctx, tilePath(t), most)
	if errors.Is(err, assay.ErrNotFound) && t.W < tileWidth && ctx.Err() == nil {
		full := t
		full.W = tileWidth
		if wide, err := c.get(ctx, tilePath(full), max(most, tileWidth*merkle.HashSize)); err == nil {
			return wide, nil
		}
	}
	return data, err
}

// tree reads hashes of a checkpoint's tree; each is checked against its root.
func (c *Client) tree(ctx context.Context, shown *Checkpoint) merkle.HashReader {
	return merkle.TileHashReader(shown.tree(), &tiles{ctx: ctx, c: c})
}

// tiles fetches tiles for one use. It is made for one call and lives no longer, which
// is why it may hold the call's ctx.
type tiles struct {
	ctx  context.Context
	c    *Client
	seen map[merkle.Tile][]byte // tiles above the leaves, which come up again and again
	save func(t merkle.Tile, data []byte) error
	err  error
}

var _ merkle.TileReader = (*tiles)(nil)

const maxSeenTiles = 1 << 12 // of 8 KiB

// Height, ReadTiles and SaveTiles are a merkle.TileReader's.
func (r *tiles) Height() int { return tileHeight }

func (r *tiles) ReadTiles(want []merkle.Tile) ([][]byte, error) {
	out := make([][]byte, len(want))
	for i, t := range want {
		if data, ok := r.seen[t]; ok {
			out[i] = data
			continue
		}
		need := t.W * merkle.HashSize
		data, err := r.c.tile(r.ctx, t, tileWidth*merkle.HashSize)
		if err != nil {
			return nil, err
		}
		if len(data) < need {
			return nil, fmt.Errorf("%s has %d bytes, not %d", tilePath(t), len(data), need)
		}
		out[i] = data[:need]
	}
	return out, nil
}

func (r *tiles) SaveTiles(checked []merkle.Tile, data [][]byte) {
	for i, t := range checked {
		if _, ok := r.seen[t]; ok {
			continue
		}
		if r.seen != nil && t.L > 0 {
			if len(r.seen) >= maxSeenTiles {
				clear(r.seen)
			}
			r.seen[t] = data[i]
		}
		if r.save != nil && r.err == nil {
			r.err = r.save(t, data[i])
		}
	}
}

// misfit tells an answer that does not fit the checkpoint from one that did not come.
func (c *Client) misfit(err error) error {
	var p *assay.Problem
	if errors.As(err, &p) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &assay.Problem{Kind: assay.ErrRefused, Where: strings.TrimSuffix(c.base.String(), "/"), What: "serves tiles that do not fit its own checkpoint", Err: err}
}
