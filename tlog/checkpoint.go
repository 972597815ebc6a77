// Package tlog keeps a transparency log in one folder, and lets anybody check one
// without believing whoever keeps it.
//
// Log is the writer: leaves go in, each gets a number for ever, and a checkpoint
// (C2SP tlog-checkpoint) signed by the log's key commits to all of them. Its folder,
// and its Handler, serve C2SP tlog-tiles, which any HTTP cache can pass on. Client,
// Mirror and Proof are the reader's side: that a leaf is in, that the log only grew,
// a checked copy, and a proof that holds without the network. The reader's Merkle
// code (golang.org/x/mod/sumdb/tlog) is not the writer's (Tessera), and the writer
// holds its own tree against the reader's code before it signs.
//
// The package does not know what leaves mean, save for the small common form Leaf;
// it decides nobody's right to append, keeps no secrets in leaves, and cannot take
// one back: what must not be public for ever must not go in.
package tlog

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"

	"github.com/assay-psti/assay"
)

const (
	// MaxLeafBytes is how long a leaf may be (C2SP tlog-tiles: its length is two bytes).
	MaxLeafBytes = 1<<16 - 1
	// MaxSize is how many leaves a log may have, here.
	MaxSize = 1 << 40

	maxCheckpointBytes = 64 << 10
	maxKeyBytes        = 1 << 10
)

// Key is the public key of a log, with the log's name (its origin).
type Key struct {
	verifier note.Verifier
	text     string
}

// ParseKey reads a key as C2SP signed-note writes it: name+hash+base64.
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxKeyBytes {
		return Key{}, &assay.Problem{Kind: assay.ErrInvalid, What: fmt.Sprintf("the log's key is %d bytes long", len(text))}
	}
	v, err := note.NewVerifier(text)
	if err != nil {
		return Key{}, &assay.Problem{Kind: assay.ErrInvalid, What: "the log's key cannot be read", Err: err, Do: "it looks like example.org/log+1234abcd+AR..."}
	}
	return Key{v, text}, nil
}

// Origin is the log's name.
func (k Key) Origin() string {
	if k.verifier == nil {
		return ""
	}
	return k.verifier.Name()
}

// String writes the key as ParseKey reads it.
func (k Key) String() string { return k.text }

// Checkpoint is a signed word of a log about all of itself: so many leaves, with
// this root hash (RFC 6962, section 2.1).
type Checkpoint struct {
	Origin   string        `json:"origin"`
	Size     int64         `json:"size"` // leaves
	Root     [32]byte      `json:"-"`
	Cosigned []Cosignature `json:"cosigned,omitempty"` // by witnesses of the policy it was read with
	Raw      []byte        `json:"-"`                  // the signed note, byte for byte
}

// Cosignature says that a witness saw the log only grow up to this checkpoint.
type Cosignature struct {
	Witness string `json:"witness"`
	Time    int64  `json:"time"` // seconds since 1970, by the witness's clock
}

// OpenCheckpoint reads a checkpoint and checks that the log's key signed it and, with
// a policy, that enough witnesses did.
func OpenCheckpoint(raw []byte, key Key, witnesses *Policy) (*Checkpoint, error) {
	bad := func(kind error, what string, err error) (*Checkpoint, error) {
		return nil, &assay.Problem{Kind: kind, Where: "checkpoint of " + key.Origin(), What: what, Err: err}
	}
	if key.verifier == nil {
		return bad(assay.ErrInvalid, "no key to check it with", nil)
	}
	if len(raw) > maxCheckpointBytes {
		return bad(assay.ErrInvalid, fmt.Sprintf("is longer than %d bytes", maxCheckpointBytes), nil)
	}
	verifiers := []note.Verifier{key.verifier}
	if witnesses != nil {
		for _, w := range witnesses.witnesses {
			verifiers = append(verifiers, w.cosigner)
		}
	}
	n, err := note.Open(raw, note.VerifierList(verifiers...))
	if err != nil {
		return bad(assay.ErrRefused, "its signature does not hold", err)
	}
	signed := false
	cosigned := map[cosignerID]int64{}
	for _, s := range n.Sigs {
		if s.Name == key.verifier.Name() && s.Hash == key.verifier.KeyHash() {
			signed = true
		} else if t, ok := cosignatureTime(s.Base64); ok {
			cosigned[cosignerID{s.Name, s.Hash}] = t
		}
	}
	if !signed {
		return bad(assay.ErrRefused, "is not signed by the log's key", nil)
	}
	c, err := parseCheckpointText(n.Text)
	if err != nil {
		return bad(assay.ErrInvalid, "cannot be read", err)
	}
	if c.Origin != key.Origin() {
		return bad(assay.ErrRefused, fmt.Sprintf("is of another log: %.100q", c.Origin), nil)
	}
	c.Raw = append([]byte(nil), raw...)
	if witnesses != nil {
		if !witnesses.met(cosigned) {
			return bad(assay.ErrRefused, fmt.Sprintf("%d of the policy's %d witnesses signed it, which its quorum does not accept", len(cosigned), len(witnesses.witnesses)), nil)
		}
		for _, w := range witnesses.witnesses {
			if t, ok := cosigned[w.id()]; ok {
				c.Cosigned = append(c.Cosigned, Cosignature{w.cosigner.name, t})
			}
		}
	}
	return c, nil
}

// parseCheckpointText reads the body of a checkpoint: origin, size, root, and lines
// of extension, which are signed and otherwise ignored.
func parseCheckpointText(text string) (*Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" {
		return nil, fmt.Errorf("it has %d lines, not three or more", len(lines)-1)
	}
	for _, l := range lines[:len(lines)-1] {
		if l == "" || !utf8.ValidString(l) {
			return nil, fmt.Errorf("it has an empty line, or one that is not UTF-8")
		}
	}
	size, err := parseDecimal(lines[1])
	if err != nil {
		return nil, fmt.Errorf("size: %w", err)
	}
	root, err := parseHash(lines[2])
	if err != nil {
		return nil, fmt.Errorf("root hash: %w", err)
	}
	if size == 0 && root != sha256.Sum256(nil) {
		return nil, fmt.Errorf("the root hash of no leaves is another")
	}
	return &Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

// parseDecimal reads a number in its one right form, up to MaxSize.
func parseDecimal(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%.30q is no plain decimal number", s)
	}
	if n > MaxSize {
		return 0, fmt.Errorf("%d is more than %d", n, int64(MaxSize))
	}
	return n, nil
}

// parseHash reads 32 bytes in base64, in their one right form.
func parseHash(s string) ([32]byte, error) {
	var h [32]byte
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(h) || strings.ContainsAny(s, "\r\n") {
		return h, fmt.Errorf("%.60q is no hash of 32 bytes in base64", s)
	}
	return [32]byte(b), nil
}

func (c *Checkpoint) tree() merkle.Tree { return merkle.Tree{N: c.Size, Hash: c.Root} }

// Fork is evidence, signed by the log's own key, that it did not only grow: nobody
// can show both checkpoints and be honest. It is an error of kind assay.ErrConflict.
type Fork struct {
	Kept  *Checkpoint // seen earlier
	Shown *Checkpoint // shown now
	// Rollback: what is shown is smaller. It may be an old copy in some cache; where
	// it stays so, leaves were taken back.
	Rollback bool
}

func (f *Fork) Error() string {
	if f.Rollback {
		return fmt.Sprintf("log %s: it shows %d leaves, but %d were seen before: leaves were taken back, or an old copy is served", f.Kept.Origin, f.Shown.Size, f.Kept.Size)
	}
	return fmt.Sprintf("log %s: it was forked: its checkpoint of %d leaves does not contain the one of %d leaves seen before; both are signed by its key", f.Kept.Origin, f.Shown.Size, f.Kept.Size)
}

// Unwrap gives the kind.
func (f *Fork) Unwrap() error { return assay.ErrConflict }
