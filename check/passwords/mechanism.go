package passwords

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/password"
)

// mechanismEnding ends the name of a file that declares how a batch was made.
const mechanismEnding = ".mechanism.yaml"

const maxMechanism = 1 << 20 // bytes

// mechanism is a NAME.mechanism.yaml.
type mechanism struct {
	Mechanism    password.Mechanism `yaml:"mechanism"`
	Construction string             `yaml:"construction"`
	KeyCustody   string             `yaml:"key_custody,omitempty"`
	Recomputed   map[int64]string   `yaml:"recomputed,omitempty"` // row to password
}

const mechanismHead = `# How the default passwords are made, as the manufacturer declares it. Put it beside the batch, under the same name.
# A keyed mechanism is accepted only with rows that the laboratory chose and the manufacturer computed anew:
# recomputed:
#   17: abcd-efgh-jkmn
`

// ParseMechanism reads a declaration of how passwords are made.
func ParseMechanism(name string, data []byte) (*password.Declared, error) {
	if len(data) > maxMechanism {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: "is too long", Do: "keep it below 1 MiB"}
	}
	var m mechanism
	if err := yaml.UnmarshalWithOptions(data, &m, yaml.Strict()); err != nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: "cannot be read", Err: err}
	}
	if !slices.Contains([]password.Mechanism{password.MechanismRandom, password.MechanismKeyed, password.MechanismUnkeyed}, m.Mechanism) {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: fmt.Sprintf("mechanism %q is not known", m.Mechanism), Do: "write random, keyed or unkeyed"}
	}
	if strings.TrimSpace(m.Construction) == "" {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: "the construction is not described", Do: "write construction: and the algorithm, its input, its output, the alphabet; or the random source"}
	}
	return &password.Declared{Mechanism: m.Mechanism, Construction: m.Construction, KeyCustody: m.KeyCustody, Recomputed: m.Recomputed}, nil
}

// MechanismFile writes what ParseMechanism reads.
func MechanismFile(d *password.Declared) ([]byte, error) {
	data, err := yaml.Marshal(mechanism{d.Mechanism, d.Construction, d.KeyCustody, d.Recomputed})
	return append([]byte(mechanismHead), data...), err
}

func readMechanism(pass *check.Pass, item evidence.Item) (*password.Declared, error) {
	f, err := pass.Open(item)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxMechanism+1))
	if err != nil {
		return nil, err
	}
	return ParseMechanism(item.Name, data)
}

// ParseConstant reads a constant that somebody names: a text, or "hex:" and
// hexadecimal digits.
func ParseConstant(s string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(strings.TrimSpace(s), "hex:"); ok {
		return hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	}
	return []byte(strings.TrimRight(s, "\r\n")), nil
}

// Generate reads units as CSV with a header row and writes them with a password
// column added. id is the column that tells units apart. It returns how many were
// made; on an error nothing that was written is of use.
func Generate(ctx context.Context, g *password.Generator, in io.Reader, out io.Writer, id string) (int, error) {
	r := csv.NewReader(in)
	r.ReuseRecord = false
	head, err := r.Read()
	if err != nil {
		return 0, fmt.Errorf("read the header row: %w", err)
	}
	head[0] = string(bytes.TrimPrefix([]byte(head[0]), []byte("\xef\xbb\xbf")))
	column := slices.Index(head, id)
	if column < 0 {
		return 0, fmt.Errorf("%w: no column %q; name the column that tells units apart with --id", assay.ErrInvalid, id)
	}
	if slices.Contains(head, "password") {
		return 0, fmt.Errorf("%w: the units have passwords already", assay.ErrConflict)
	}
	var rows [][]string
	var ids []string
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if row[column] == "" {
			return 0, fmt.Errorf("%w: row %d has no %s", assay.ErrInvalid, len(rows)+1, id)
		}
		rows, ids = append(rows, row), append(ids, row[column])
	}
	made, err := g.Run(ids)
	if err != nil {
		return 0, err
	}
	w := csv.NewWriter(out)
	if err := w.Write(append(head, "password")); err != nil {
		return 0, err
	}
	for i, row := range rows {
		if err := w.Write(append(row, made[i])); err != nil {
			return 0, err
		}
	}
	w.Flush()
	return len(rows), w.Error()
}
