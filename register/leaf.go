package register

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/assay-psti/assay"
)

// Log is the log that only grows, into which a leaf goes for every version,
// withdrawal and assessment. A leaf that Append gave an index is there for good,
// whatever happens next. Append may be called by many at once.
type Log interface {
	Append(ctx context.Context, leaf []byte) (index uint64, err error)
	// Size is how many leaves can be read back.
	Size(ctx context.Context) (uint64, error)
	// Leaves reads up to n leaves from an index on; fewer where the log ends.
	Leaves(ctx context.Context, from uint64, n int) ([][]byte, error)
	// Checkpoint is the newest signed checkpoint, as the log publishes it.
	Checkpoint(ctx context.Context) ([]byte, error)
}

// Leaf is what the log holds of one event, as JSON: enough to hold every page of
// the register against it, and no more than is public anyway.
type Leaf struct {
	Format     int          `json:"assay_leaf"` // 1
	Kind       Kind         `json:"kind"`
	Product    ProductID    `json:"product"`
	Version    int          `json:"version,omitempty"`
	Org        OrgID        `json:"org"`
	At         time.Time    `json:"at"`
	SupportEnd assay.Date   `json:"support_end,omitzero"`
	Record     assay.Digest `json:"record"`              // of the record's bytes
	Statement  assay.Digest `json:"statement,omitempty"` // of the signed statement or assessment
}

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
	Checkpoint []byte    `json:"checkpoint,omitempty"`
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
