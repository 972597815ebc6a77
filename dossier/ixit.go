package dossier

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
)

const ixitFile = "ixit.yaml"

// Bounds of ixit.yaml.
const (
	maxIXITTables  = 64
	maxIXITEntries = 2000 // in all tables together
	maxIXITFields  = 32   // of one entry
)

// IXIT is ixit.yaml: the extra information for testing, as tables. What the
// supplier declares and what was found by others are kept apart in every field.
// Which tables and fields there are, the package does not know.
type IXIT struct {
	TestSpecification string // version, such as V1.1.1; the same number is another table in another version
	Edition           string // of the standard that is tested
	Signed            *IXITSignature
	Tables            []IXITTable // by number
}

// IXITSignature says that the supplier stands by what is declared. It holds for
// the digest only: what is changed afterwards is a draft again.
type IXITSignature struct {
	By     string       // name and function
	At     time.Time    // UTC
	Digest assay.Digest // of what was declared, as DeclaredDigest gives it
}

// IXITTable is one table.
type IXITTable struct {
	Number  int
	Name    string
	Empty   string // the supplier's statement, with its reason, that there is nothing to list; "" for none
	Entries []IXITEntry
}

// IXITEntry is one row of a table.
type IXITEntry struct {
	ID     string
	About  assay.Subject // the part of the product that it speaks of; may be empty
	Fields []IXITField
}

// IXITField is one field of a row. Both columns may be empty.
type IXITField struct {
	Name     string
	Declared string // by the supplier
	Found    string // by the laboratory and its tools
}

// Declared reports whether the supplier declares anything in the row.
func (e *IXITEntry) Declared() bool {
	return slices.ContainsFunc(e.Fields, func(f IXITField) bool { return f.Declared != "" })
}

// Table is the table of that number; nil when there is none.
func (x *IXIT) Table(number int) *IXITTable {
	if x == nil {
		return nil
	}
	for i := range x.Tables {
		if x.Tables[i].Number == number {
			return &x.Tables[i]
		}
	}
	return nil
}

// DeclaredDigest is the SHA-256 of what the supplier declares in the tables of
// these numbers, or in all. What was found, and rows that hold nothing else, do
// not count.
func (x *IXIT) DeclaredDigest(numbers ...int) assay.Digest {
	type row struct {
		ID     string
		Fields [][2]string
	}
	h := sha256.New()
	e := json.NewEncoder(h)
	put := func(v any) {
		if err := e.Encode(v); err != nil {
			panic(err) // texts and numbers always have an encoding
		}
	}
	put([]string{"assay ixit 1", x.TestSpecification, x.Edition})
	for _, t := range x.Tables {
		if len(numbers) > 0 && !slices.Contains(numbers, t.Number) {
			continue
		}
		var rows []row
		for _, entry := range t.Entries {
			if !entry.Declared() {
				continue
			}
			r := row{ID: entry.ID}
			for _, f := range entry.Fields {
				if f.Declared != "" {
					r.Fields = append(r.Fields, [2]string{f.Name, f.Declared})
				}
			}
			rows = append(rows, r)
		}
		if len(rows) > 0 || t.Empty != "" {
			put(t.Number)
			put(t.Empty)
			put(rows)
		}
	}
	return assay.Digest("sha256:" + hex.EncodeToString(h.Sum(nil)))
}

// Draft reports that the supplier has not signed what is declared as it stands.
func (x *IXIT) Draft() bool {
	return x == nil || x.Signed == nil || x.Signed.Digest != x.DeclaredDigest()
}

// ixitYAML is ixit.yaml as written.
type ixitYAML struct {
	TestSpecification string `yaml:"test_specification"`
	Edition           string `yaml:"edition"`
	Signed            *struct {
		By     string `yaml:"by"`
		At     string `yaml:"at"`
		Digest string `yaml:"digest"`
	} `yaml:"signed"`
	Tables []struct {
		Table   int    `yaml:"table"`
		Name    string `yaml:"name"`
		Empty   string `yaml:"empty"`
		Entries []struct {
			ID     string `yaml:"id"`
			About  string `yaml:"about"`
			Fields []struct {
				Field    string `yaml:"field"`
				Declared string `yaml:"declared"`
				Found    string `yaml:"found"`
			} `yaml:"fields"`
		} `yaml:"entries"`
	} `yaml:"tables"`
}

// IXIT reads ixit.yaml; nil when there is none.
func (d *Dossier) IXIT() (*IXIT, error) {
	data, err := readFile(d.root, ixitFile, maxYAMLBytes)
	if errors.Is(err, assay.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return readIXIT(data)
}

func readIXIT(data []byte) (*IXIT, error) {
	var w ixitYAML
	f, err := readYAML(ixitFile, data, &w, scalars{whole: map[string]bool{"table": true}})
	if err != nil {
		return nil, err
	}
	x := &IXIT{TestSpecification: w.TestSpecification, Edition: w.Edition}
	if x.TestSpecification == "" || x.Edition == "" {
		return nil, f.problem(0, 0, "does not say by which version of the test specification, and for which edition, it was filled", "write test_specification: and edition:")
	}
	if s := w.Signed; s != nil {
		at, err := parseMoment(s.At)
		if err != nil || strings.TrimSpace(s.By) == "" {
			return nil, f.at("$.signed", "the signature does not say who signed and when", "sign again with: assay bench ixit sign")
		}
		x.Signed = &IXITSignature{By: s.By, At: at, Digest: assay.Digest(s.Digest)}
	}
	if len(w.Tables) > maxIXITTables {
		return nil, f.at("$.tables", fmt.Sprintf("holds more than %d tables", maxIXITTables), "write each table once")
	}
	entries := 0
	for i, t := range w.Tables {
		at := fmt.Sprintf("$.tables[%d]", i)
		if t.Table < 1 || x.Table(t.Table) != nil {
			return nil, f.at(at+".table", fmt.Sprintf("table %d has no number, or stands twice", t.Table), "number each table once")
		}
		table := IXITTable{Number: t.Table, Name: t.Name, Empty: t.Empty}
		if entries += len(t.Entries); entries > maxIXITEntries {
			return nil, f.at(at, fmt.Sprintf("there are more than %d entries", maxIXITEntries), "join entries that are alike")
		}
		seen := map[string]bool{}
		for k, e := range t.Entries {
			at := fmt.Sprintf("%s.entries[%d]", at, k)
			if strings.TrimSpace(e.ID) == "" || seen[e.ID] {
				return nil, f.at(at, fmt.Sprintf("entry %q has no id of its own", clip(e.ID)), "give each entry of a table an id")
			}
			seen[e.ID] = true
			entry := IXITEntry{ID: e.ID}
			if e.About != "" {
				if entry.About, err = assay.ParseSubject(e.About); err != nil {
					return nil, f.at(at+".about", fmt.Sprintf("%q is no part of a product", clip(e.About)), "write kind/name, such as interface/https")
				}
			}
			if len(e.Fields) > maxIXITFields {
				return nil, f.at(at, fmt.Sprintf("has more than %d fields", maxIXITFields), "write each field once")
			}
			names := map[string]bool{}
			for _, field := range e.Fields {
				if field.Field == "" || names[field.Field] {
					return nil, f.at(at, fmt.Sprintf("field %q has no name, or stands twice", clip(field.Field)), "write each field once")
				}
				names[field.Field] = true
				entry.Fields = append(entry.Fields, IXITField{Name: field.Field, Declared: field.Declared, Found: field.Found})
			}
			table.Entries = append(table.Entries, entry)
		}
		if table.Empty != "" && slices.ContainsFunc(table.Entries, func(e IXITEntry) bool { return e.Declared() }) {
			return nil, f.at(at+".empty", fmt.Sprintf("table %d is declared empty and has entries", t.Table), "remove empty: or the entries")
		}
		x.Tables = append(x.Tables, table)
	}
	slices.SortFunc(x.Tables, func(a, b IXITTable) int { return a.Number - b.Number })
	return x, nil
}

const ixitHead = `# Extra information for testing (IXIT). declared: what the supplier says. found: what the laboratory and its tools
# saw, never taken for what the supplier says. It is a draft until the supplier signs it: assay bench ixit sign DIR
`

func (x *IXIT) yaml() []byte {
	var b strings.Builder
	b.WriteString(ixitHead)
	line := func(indent int, key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s%s: %s\n", strings.Repeat(" ", indent), key, scalar(value))
		}
	}
	line(0, "test_specification", x.TestSpecification)
	line(0, "edition", x.Edition)
	if s := x.Signed; s != nil {
		b.WriteString("signed:\n")
		line(2, "by", s.By)
		line(2, "at", s.At.UTC().Format(time.RFC3339))
		line(2, "digest", string(s.Digest))
	}
	if len(x.Tables) > 0 {
		b.WriteString("tables:\n")
	}
	for _, t := range x.Tables {
		fmt.Fprintf(&b, "  - table: %d\n", t.Number)
		line(4, "name", t.Name)
		line(4, "empty", t.Empty)
		if len(t.Entries) > 0 {
			b.WriteString("    entries:\n")
		}
		for _, e := range t.Entries {
			line(6, "- id", e.ID)
			line(8, "about", string(e.About))
			if len(e.Fields) > 0 {
				b.WriteString("        fields:\n")
			}
			for _, f := range e.Fields {
				line(10, "- field", f.Name)
				line(12, "declared", f.Declared)
				line(12, "found", f.Found)
			}
		}
	}
	return []byte(b.String())
}

// WriteIXIT writes ixit.yaml in place of an earlier one. It refuses what could
// not be read back as it is.
func (d *Dossier) WriteIXIT(x *IXIT) error {
	if err := d.writable(); err != nil {
		return err
	}
	text := x.yaml()
	back, err := readIXIT(text)
	if err != nil {
		return err
	}
	if string(back.yaml()) != string(text) || back.DeclaredDigest() != x.DeclaredDigest() {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: ixitFile, What: "would not read back as it is", Do: "order the tables by number and leave out control characters"}
	}
	return d.replace(ixitFile, text)
}
