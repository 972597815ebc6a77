package register

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/assay-psti/assay"
)

// Log is the log that only grows, into which a leaf goes for every version,
// withdrawal and assessment. A leaf that was given an index is there for good,
// whatever happens next. Package tlog has one.
type Log interface {
	// AppendAll adds leaves in order, and gives their indexes.
	AppendAll(ctx context.Context, leaves [][]byte) ([]int64, error)
	// Size is how many leaves are there for good.
	Size(ctx context.Context) (int64, error)
	// Leaves calls f for each leaf from an index on, in order. An error of f ends it.
	Leaves(ctx context.Context, from int64, f func(index int64, leaf []byte) error) error
}

// Leaf is what the log holds of one event, as JSON: enough to hold every page of
// the register against it, and no more than is public anyway. The first five fields
// are the form that all leaves have in common.
type Leaf struct {
	Format  int       `json:"v"` // 1
	Kind    Kind      `json:"kind"`
	Product ProductID `json:"product"`
	// SHA256 is of the record's bytes, in hexadecimal digits; of a withdrawal, those of
	// the record that is taken back.
	SHA256     string       `json:"sha256"`
	At         time.Time    `json:"at"`
	Version    int          `json:"version"`
	Org        OrgID        `json:"org"`
	SupportEnd assay.Date   `json:"support_end,omitzero"`
	Statement  assay.Digest `json:"statement"` // of the signed statement or assessment
	// Record names the withdrawal's own record.
	Record assay.Digest `json:"record,omitempty"`
}

func hexOf(d assay.Digest) string { return strings.TrimPrefix(string(d), "sha256:") }

// Bytes are what is put into the log.
func (l *Leaf) Bytes() []byte {
	data, err := json.Marshal(l)
	if err != nil {
		panic(err) // plain fields only
	}
	return data
}

// Outgoing is a leaf that waits for the log, in the order in which they were written.
type Outgoing struct {
	Seq     int64
	Product ProductID
	Leaf    []byte
}

// LogState is how far the log has got with what was published.
type LogState struct {
	Size       uint64    `json:"size"`            // leaves in the log
	Integrated uint64    `json:"integrated"`      // leaves of it that pages show
	Pending    int       `json:"pending"`         // written, and not yet in the log
	Oldest     time.Time `json:"oldest,omitzero"` // of the pending
}

// Receipt is the answer to whoever published something. It is given once the
// database has it for good. Where the log was quick, Leaf is its index; otherwise
// Pending is true, and the entry becomes public when the log has it.
type Receipt struct {
	Product ProductID    `json:"product"`
	Slug    string       `json:"slug"`
	Version int          `json:"version,omitempty"`
	Record  assay.Digest `json:"record"`
	Leaf    *uint64      `json:"leaf,omitempty"`
	Pending bool         `json:"pending,omitempty"`
	Notes   []string     `json:"notes,omitempty"` // what the publisher may want to mend
}

// DigestOf names bytes by their SHA-256.
func DigestOf(data []byte) assay.Digest {
	sum := sha256.Sum256(data)
	return assay.Digest("sha256:" + hex.EncodeToString(sum[:]))
}
