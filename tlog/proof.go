package tlog

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	merkle "golang.org/x/mod/sumdb/tlog"

	"github.com/assay-psti/assay"
)

// Proof shows, without the network, that a leaf is in a log: C2SP tlog-proof. Files
// of it end in .tlog-proof.
type Proof struct {
	Index      int64      // of the leaf, from 0
	Path       [][32]byte // RFC 6962, section 2.1.1
	Checkpoint []byte     // as signed
	// Extra is what else the proof brings; nothing vouches for it. Proofs of this
	// package bring the leaf itself, which Verify holds against the rest.
	Extra []byte
}

const (
	proofHeader   = "c2sp.org/tlog-proof@v1"
	maxPath       = 63
	maxProofBytes = maxCheckpointBytes + 2*MaxLeafBytes + 8<<10
)

// Encode writes the proof in its one form.
func (p *Proof) Encode() []byte {
	var b bytes.Buffer
	b.WriteString(proofHeader + "\n")
	if len(p.Extra) > 0 {
		b.WriteString("extra " + base64.StdEncoding.EncodeToString(p.Extra) + "\n")
	}
	fmt.Fprintf(&b, "index %d\n", p.Index)
	for _, h := range p.Path {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	b.WriteString("\n")
	b.Write(p.Checkpoint)
	return b.Bytes()
}

// ParseProof reads what Encode writes. It checks nothing: that is for Verify.
func ParseProof(text []byte) (*Proof, error) {
	bad := func(what string) (*Proof, error) {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, What: "the proof cannot be read: " + what}
	}
	if len(text) > maxProofBytes {
		return bad(fmt.Sprintf("it is longer than %d bytes", maxProofBytes))
	}
	head, checkpoint, ok := bytes.Cut(text, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !ok || lines[0] != proofHeader {
		return bad("it does not begin with " + proofHeader)
	}
	p := &Proof{Checkpoint: bytes.Clone(checkpoint)}
	lines = lines[1:]
	if len(lines) > 0 {
		if extra, ok := strings.CutPrefix(lines[0], "extra "); ok {
			var err error
			if p.Extra, err = base64.StdEncoding.Strict().DecodeString(extra); err != nil {
				return bad("its extra data are not base64")
			}
			lines = lines[1:]
		}
	}
	if len(lines) == 0 || len(lines) > 1+maxPath {
		return bad(fmt.Sprintf("want its index and at most %d hashes", maxPath))
	}
	index, ok := strings.CutPrefix(lines[0], "index ")
	var err error
	if p.Index, err = parseDecimal(index); err != nil || !ok {
		return bad("it lacks the leaf's index")
	}
	for _, l := range lines[1:] {
		h, err := parseHash(l)
		if err != nil {
			return bad(err.Error())
		}
		p.Path = append(p.Path, h)
	}
	if !bytes.Equal(p.Encode(), text) {
		return bad("it is not in the form that the format asks for")
	}
	return p, nil
}

// Verify checks that the leaf is in the log that the key belongs to, at the proof's
// index, and gives the checkpoint that says so.
func (p *Proof) Verify(leaf []byte, key Key, witnesses *Policy) (*Checkpoint, error) {
	c, err := OpenCheckpoint(p.Checkpoint, key, witnesses)
	if err != nil {
		return nil, err
	}
	path := make(merkle.RecordProof, len(p.Path))
	for i, h := range p.Path {
		path[i] = h
	}
	if err := merkle.CheckRecord(path, c.Size, c.Root, p.Index, leafHash(leaf)); err != nil {
		return nil, &assay.Problem{Kind: assay.ErrRefused, Where: "log " + c.Origin, What: fmt.Sprintf("the leaf is not number %d of the %d that the checkpoint commits to", p.Index, c.Size)}
	}
	return c, nil
}

// CheckGrowth checks a consistency proof (RFC 6962, section 2.1.2): that the newer
// checkpoint's tree begins with the older's. Where it does not follow, the error is
// of kind assay.ErrRefused: the proof may be at fault, or the log.
func CheckGrowth(older, newer *Checkpoint, proof [][32]byte) error {
	switch {
	case older.Origin != newer.Origin:
		return &assay.Problem{Kind: assay.ErrInvalid, What: fmt.Sprintf("checkpoints of two logs, %.60q and %.60q", older.Origin, newer.Origin)}
	case older.Size > newer.Size:
		return &Fork{Kept: older, Shown: newer, Rollback: true}
	case older.Size == newer.Size && older.Root != newer.Root:
		return &Fork{Kept: older, Shown: newer}
	case older.Size == 0 || older.Size == newer.Size:
		if len(proof) != 0 {
			return &assay.Problem{Kind: assay.ErrInvalid, What: "a proof of growth where there is nothing to prove must be empty"}
		}
		return nil
	}
	path := make(merkle.TreeProof, len(proof))
	for i, h := range proof {
		path[i] = h
	}
	if err := merkle.CheckTree(path, newer.Size, newer.Root, older.Size, older.Root); err != nil {
		return &assay.Problem{Kind: assay.ErrRefused, Where: "log " + newer.Origin, What: fmt.Sprintf("the proof does not show that the tree of %d leaves begins with that of %d", newer.Size, older.Size)}
	}
	return nil
}
