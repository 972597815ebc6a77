package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/statement"
	"github.com/assay-psti/assay/tlog"
)

// verifyLog are the flags of assay verify that hold something against a log.
type verifyLog struct {
	Log       string `help:"Look the file up in the transparency log at this address, or in a mirror's folder, and check that the log only grew." placeholder:"URL|DIR"`
	VKey      string `name:"vkey" help:"The log's public key, or a file that holds it. Without it the key that the log offers is taken on trust." placeholder:"KEY"`
	Witnesses string `help:"A policy (C2SP tlog-policy) of whose cosignatures are wanted." placeholder:"FILE"`
	Since     string `help:"A checkpoint kept earlier: the log must only have grown since." placeholder:"FILE"`
	Keep      string `help:"Keep the checkpoint that the log shows now in this file." placeholder:"FILE"`
	Index     int64  `help:"Look at this one leaf instead of all: quick, but blind to a later withdrawal." default:"-1" placeholder:"N"`
	Leaf      bool   `help:"The file is a leaf of the log itself, byte for byte, and no statement."`
	Proof     string `help:"A .tlog-proof: check the file against it, without the network. Wants --vkey." placeholder:"FILE"`
	SaveProof string `name:"save-proof" help:"Write the proof that the file is in the log, to be checked with --proof." placeholder:"FILE"`
}

// asked says whether a log is to be looked at.
func (c *verifyLog) asked() bool { return c.Log != "" || c.Proof != "" }

// logVerdict is what was found about a log.
type logVerdict struct {
	Origin   string             `json:"origin,omitempty"`
	Key      string             `json:"key,omitempty"`
	FirstUse bool               `json:"first_use"` // the key came from the log itself
	Size     int64              `json:"size"`      // leaves of the checkpoint that was checked
	Cosigned []tlog.Cosignature `json:"cosigned,omitempty"`
	Leaves   []loggedLeaf       `json:"leaves"` // that are about the file
	Fork     *forkShown         `json:"fork,omitempty"`

	findings []statement.Finding
	digest   string // of the file, or of nothing
	leaf     []byte // the file, where it is a leaf
	newer    int64  // leaves about the same product after the last that is about the file
	unread   int64  // leaves of another form
}

type loggedLeaf struct {
	Index int64 `json:"index"`
	tlog.Leaf
}

func (l *logVerdict) add(what string, s statement.State, note string) {
	l.findings = append(l.findings, statement.Finding{What: what, State: s, Note: note})
}

// check looks a file up; none: the log alone is checked.
func (c *verifyLog) check(ctx context.Context, file string) (*logVerdict, error) {
	l := &logVerdict{Leaves: []loggedLeaf{}}
	if c.Leaf && file == "" || c.Proof != "" && (file == "" || c.Log != "") || c.SaveProof != "" && (file == "" || c.Log == "") {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, What: "these flags do not go together", Do: "--leaf, --proof and --save-proof want a file; --proof goes without --log, --save-proof with it"}
	}
	if file != "" {
		data, err := readSmallOr(file, 8<<20)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(data)
		l.digest = hex.EncodeToString(sum[:])
		if c.Leaf {
			l.leaf = data
		}
	}
	o, err := logOptions(c.VKey, c.Witnesses)
	if err != nil {
		return nil, err
	}
	if c.Proof != "" {
		return l, c.offline(l, o)
	}
	if err = c.online(ctx, l, o); err != nil {
		l.Leaves = []loggedLeaf{} // what was read before it failed counts for nothing
	}
	var fork *tlog.Fork
	switch {
	case errors.As(err, &fork):
		l.Fork = showFork(fork)
		l.add("log growth", statement.Broken, fork.Error())
	case errors.Is(err, assay.ErrRefused):
		l.add("log", statement.Broken, err.Error())
	case err != nil:
		return nil, err
	}
	return l, nil
}

// offline checks a proof.
func (c *verifyLog) offline(l *logVerdict, o tlog.ClientOptions) error {
	if o.Key == nil {
		return &assay.Problem{Kind: assay.ErrInvalid, What: "a proof says nothing without the log's key", Do: "give it with --vkey"}
	}
	text, err := readSmall(c.Proof)
	if err != nil {
		return err
	}
	p, err := tlog.ParseProof(text)
	if err != nil {
		return err
	}
	leaf := p.Extra
	if l.leaf != nil {
		leaf = l.leaf
	}
	held, err := p.Verify(leaf, *o.Key, o.Witnesses)
	if errors.Is(err, assay.ErrRefused) {
		l.add("log proof", statement.Broken, err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	l.shown(held, *o.Key, false)
	l.see(p.Index, leaf)
	l.entry("a proof knows nothing of later leaves: whether it was withdrawn since, only the log can tell")
	return nil
}

// logReader is a log at an address or a mirror's folder.
type logReader struct {
	key      tlog.Key
	firstUse bool
	now      *tlog.Checkpoint
	walk     func(f func(int64, []byte) error, kept ...*tlog.Checkpoint) error
	client   *tlog.Client // nil: a folder
}

func (c *verifyLog) open(ctx context.Context, o tlog.ClientOptions) (*logReader, error) {
	if i, err := os.Stat(c.Log); err == nil && i.IsDir() {
		key, err := tlog.PinnedKey(c.Log)
		if err != nil {
			return nil, err
		}
		if o.Key != nil && o.Key.String() != key.String() {
			return nil, &assay.Problem{Kind: assay.ErrConflict, Where: c.Log, What: "is a mirror of the log with another key, " + key.String()}
		}
		now, err := tlog.FolderCheckpoint(c.Log, key, o.Witnesses)
		return &logReader{key: key, now: now, walk: func(f func(int64, []byte) error, kept ...*tlog.Checkpoint) error {
			_, err := tlog.AuditFolder(ctx, c.Log, key, o.Witnesses, f, kept...)
			return err
		}}, err
	}
	client, err := tlog.NewClient(ctx, c.Log, o)
	if err != nil {
		return nil, err
	}
	now, err := client.Checkpoint(ctx)
	return &logReader{key: client.Key(), firstUse: client.FirstUse(), now: now, client: client, walk: func(f func(int64, []byte) error, kept ...*tlog.Checkpoint) error {
		return client.Walk(ctx, now, f, kept...)
	}}, err
}

func (c *verifyLog) online(ctx context.Context, l *logVerdict, o tlog.ClientOptions) error {
	r, err := c.open(ctx, o)
	if err != nil {
		return err
	}
	l.shown(r.now, r.key, r.firstUse)
	var kept []*tlog.Checkpoint
	if c.Since != "" {
		raw, err := readSmall(c.Since)
		if err != nil {
			return err
		}
		k, err := tlog.OpenCheckpoint(raw, r.key, nil)
		if err != nil {
			return &assay.Problem{Kind: assay.ErrInvalid, Where: c.Since, What: "is no checkpoint of this log", Err: err}
		}
		kept = append(kept, k)
	}
	var proof *tlog.Proof
	if c.Index >= 0 && r.client != nil {
		for _, k := range kept {
			if err := r.client.Grew(ctx, k, r.now); err != nil {
				return err
			}
		}
		if proof, err = r.client.Prove(ctx, r.now, c.Index); err != nil {
			return err
		}
		l.see(proof.Index, proof.Extra)
	} else {
		seen := func(i int64, leaf []byte) error {
			if c.Index < 0 || c.Index == i {
				l.see(i, leaf)
			}
			return nil
		}
		if err := r.walk(seen, kept...); err != nil {
			return err
		}
	}
	if len(kept) > 0 {
		l.add("log growth", statement.Holds, fmt.Sprintf("it only grew, from the %d leaves of the checkpoint kept to %d", kept[0].Size, r.now.Size))
	} else {
		l.add("log growth", statement.NotLookedAt, "no checkpoint kept earlier was given; --keep FILE keeps this one, for --since FILE next time")
	}
	if l.digest != "" {
		note := ""
		if c.Index >= 0 {
			note = "later leaves were not looked at"
		}
		l.entry(note)
	}
	if c.SaveProof != "" && len(l.Leaves) > 0 {
		if proof == nil {
			if r.client == nil {
				return &assay.Problem{Kind: assay.ErrUnsupported, Where: c.Log, What: "a mirror's folder makes no proofs", Do: "give the log's address"}
			}
			if proof, err = r.client.Prove(ctx, r.now, l.Leaves[len(l.Leaves)-1].Index); err != nil {
				return err
			}
		}
		if err := os.WriteFile(c.SaveProof, proof.Encode(), 0o644); err != nil {
			return err
		}
	}
	if c.Keep != "" {
		return os.WriteFile(c.Keep, r.now.Raw, 0o644)
	}
	return nil
}

// shown says what checkpoint was checked.
func (l *logVerdict) shown(c *tlog.Checkpoint, key tlog.Key, firstUse bool) {
	l.Origin, l.Size, l.Key, l.FirstUse, l.Cosigned = c.Origin, c.Size, key.String(), firstUse, c.Cosigned
	note := fmt.Sprintf("%s: checkpoint of %d leaves, signed by the key given", c.Origin, c.Size)
	if firstUse {
		note = fmt.Sprintf("%s: checkpoint of %d leaves, signed by the key that the log itself offers, taken on trust: %s", c.Origin, c.Size, key)
	}
	if n := len(c.Cosigned); n > 0 {
		note += fmt.Sprintf("; cosigned by %d witnesses of the policy", n)
	}
	l.add("log", statement.Holds, note)
}

// see looks at a leaf that may be about the file.
func (l *logVerdict) see(index int64, data []byte) {
	leaf, err := tlog.ParseLeaf(data)
	if l.leaf != nil {
		if string(l.leaf) == string(data) {
			l.Leaves = append(l.Leaves, loggedLeaf{index, leaf})
		}
		return
	}
	switch n := len(l.Leaves); {
	case err != nil:
		l.unread++
	case leaf.SHA256 == l.digest || statementOf(data) == l.digest:
		l.Leaves = append(l.Leaves, loggedLeaf{index, leaf})
		l.newer = 0
	case n > 0 && l.Leaves[n-1].Product == leaf.Product:
		l.newer++
	}
}

// statementOf is the digest of the signed statement that a leaf of a register names
// beside its own record; "" where it names none. The leaf was read as one that holds
// no field twice.
func statementOf(data []byte) string {
	var leaf struct {
		Statement string `json:"statement"`
	}
	if json.Unmarshal(data, &leaf) != nil {
		return ""
	}
	digest, ok := strings.CutPrefix(leaf.Statement, "sha256:")
	if !ok {
		return ""
	}
	return digest
}

// entry says whether the file is in the log.
func (l *logVerdict) entry(note string) {
	if l.unread > 0 {
		note = join(note, fmt.Sprintf("%d leaves are of a form that is not understood here", l.unread))
	}
	if len(l.Leaves) == 0 {
		l.add("log entry", statement.Broken, join("no leaf that was looked at is about it", note))
		return
	}
	last := l.Leaves[len(l.Leaves)-1]
	if l.leaf != nil {
		l.add("log entry", statement.Holds, join(fmt.Sprintf("it is leaf %d", last.Index), note))
		return
	}
	what := fmt.Sprintf("leaf %d says %q of product %q at %s", last.Index, last.Kind, last.Product, last.At)
	if l.newer > 0 {
		note = join(fmt.Sprintf("%d later leaves are about the same product", l.newer), note)
	}
	if last.Kind == tlog.Withdrawn {
		l.add("log entry", statement.Broken, join(what+": it was taken back", note))
		return
	}
	l.add("log entry", statement.Holds, join(what, note))
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
