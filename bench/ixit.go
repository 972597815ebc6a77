package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
)

// maxText bounds one text of a form, in bytes.
const maxText = 8000

// Table is the description of one IXIT table in the version at hand; nil when the
// version has none of that number.
func (t *Test) Table(number int) *law.IXITTable {
	for i := range t.Catalogue.IXIT {
		if t.Catalogue.IXIT[i].Number == number {
			return &t.Catalogue.IXIT[i]
		}
	}
	return nil
}

// NewIXIT is an IXIT of this version with nothing in it.
func (t *Test) NewIXIT() *dossier.IXIT {
	return &dossier.IXIT{TestSpecification: t.TestSpecification, Edition: t.Edition}
}

// CheckIXIT holds an IXIT to the tables and fields of this version.
func (t *Test) CheckIXIT(x *dossier.IXIT) error {
	bad := func(where, what, do string) error {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: where, What: what, Do: do}
	}
	if x.TestSpecification != t.TestSpecification || x.Edition != t.Edition {
		return bad("IXIT", fmt.Sprintf("is for TS 103 701 %s and EN 303 645 %s, not for %s", x.TestSpecification, x.Edition, t.Versions),
			"table numbers mean other tables in other versions: fill the one wanted, or say --edition")
	}
	for _, table := range x.Tables {
		where := fmt.Sprintf("IXIT table %d", table.Number)
		known := t.Table(table.Number)
		if known == nil {
			return bad(where, "does not exist in "+t.TestSpecification, "see assay bench ixit export")
		}
		if table.Name != "" && table.Name != known.Name {
			return bad(where, fmt.Sprintf("is called %s in %s, not %q", known.Name, t.TestSpecification, table.Name), "check the version: the same number is another table in another version")
		}
		declared := 0
		for _, e := range table.Entries {
			if e.Declared() {
				declared++
			}
			for _, f := range e.Fields {
				if !slices.Contains(known.Fields, f.Name) {
					return bad(where, fmt.Sprintf("has no field %q", f.Name), "its fields are "+strings.Join(known.Fields, ", "))
				}
				for _, text := range []string{e.ID, f.Declared, f.Found} {
					if err := checkText(text); err != nil {
						return bad(where+" entry "+e.ID, err.Error(), "shorten it, or refer to a document")
					}
				}
			}
		}
		if known.OneEntry && declared > 1 {
			return bad(where, "takes one entry only", "join what is declared")
		}
	}
	return nil
}

// clean makes a text of a form fit to be kept: line ends as line feeds, nothing
// around it.
func clean(s string) string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	return strings.TrimSpace(s)
}

// checkText refuses what no form can carry.
func checkText(s string) error {
	switch {
	case len(s) > maxText:
		return fmt.Errorf("a text is longer than %d bytes", maxText)
	case !utf8.ValidString(s):
		return fmt.Errorf("a text is not UTF-8")
	case strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) || r == '\uFFFE' || r == '\uFFFF'
	}):
		return fmt.Errorf("a text holds characters that no screen can show")
	}
	return nil
}

// Sign makes what is declared the supplier's word, as of a moment.
func (t *Test) Sign(x *dossier.IXIT, by string, at time.Time) error {
	if err := t.CheckIXIT(x); err != nil {
		return err
	}
	if strings.TrimSpace(by) == "" {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: "IXIT", What: "nobody signs it", Do: "say --by \"Name, function at the supplier\""}
	}
	x.Signed = &dossier.IXITSignature{By: by, At: at.UTC().Truncate(time.Second), Digest: x.DeclaredDigest()}
	return nil
}

// Merge takes from a form that came back what the supplier declares, and keeps from
// the IXIT at hand what was found: a supplier does not write what a laboratory saw.
// The signature falls when what is declared has changed.
func Merge(old, in *dossier.IXIT) *dossier.IXIT {
	if old == nil {
		old = &dossier.IXIT{TestSpecification: in.TestSpecification, Edition: in.Edition}
	}
	out := &dossier.IXIT{TestSpecification: in.TestSpecification, Edition: in.Edition}
	for _, table := range in.Tables {
		m := dossier.IXITTable{Number: table.Number, Name: table.Name, Empty: table.Empty}
		was := old.Table(table.Number)
		for _, e := range table.Entries {
			m.Entries = append(m.Entries, mergeEntry(entryOf(was, e.ID), e))
		}
		if was != nil {
			for _, e := range was.Entries {
				if e = mergeEntry(&e, dossier.IXITEntry{ID: e.ID}); entryOf(&m, e.ID) == nil && len(e.Fields) > 0 {
					m.Entries = append(m.Entries, e)
				}
			}
		}
		m.Entries = slices.DeleteFunc(m.Entries, func(e dossier.IXITEntry) bool { return len(e.Fields) == 0 })
		out.Tables = append(out.Tables, m)
	}
	for _, table := range old.Tables { // a file of some tables says nothing of the others
		if out.Table(table.Number) == nil {
			out.Tables = append(out.Tables, table)
		}
	}
	slices.SortFunc(out.Tables, func(a, b dossier.IXITTable) int { return a.Number - b.Number })
	if s := old.Signed; s != nil && s.Digest == out.DeclaredDigest() {
		out.Signed = s
	}
	return out
}

// mergeEntry takes what is declared from in, and what was found from was.
func mergeEntry(was *dossier.IXITEntry, in dossier.IXITEntry) dossier.IXITEntry {
	out := dossier.IXITEntry{ID: in.ID, About: in.About}
	for _, f := range in.Fields {
		if f.Declared != "" {
			out.Fields = append(out.Fields, dossier.IXITField{Name: f.Name, Declared: f.Declared})
		}
	}
	if was == nil {
		return out
	}
	if out.About == "" {
		out.About = was.About
	}
	for _, f := range was.Fields {
		setFound(&out, f.Name, f.Found)
	}
	return out
}

func entryOf(t *dossier.IXITTable, id string) *dossier.IXITEntry {
	if t == nil {
		return nil
	}
	for i := range t.Entries {
		if t.Entries[i].ID == id {
			return &t.Entries[i]
		}
	}
	return nil
}

// setFound writes the column of what was found.
func setFound(e *dossier.IXITEntry, field, found string) {
	i := slices.IndexFunc(e.Fields, func(f dossier.IXITField) bool { return f.Name == field })
	switch {
	case i >= 0:
		e.Fields[i].Found = found
	case found != "":
		e.Fields = append(e.Fields, dossier.IXITField{Name: field, Found: found})
	}
}

// TableState says whether an IXIT table is there to compare with.
type TableState struct {
	Number     int      `json:"number"` // 0 is the ICS
	Name       string   `json:"name"`
	State      string   `json:"state"` // signed, draft, missing
	Entries    int      `json:"entries"`
	Empty      string   `json:"empty,omitempty"`      // declared to have nothing to list
	Undeclared []string `json:"undeclared,omitempty"` // entries that were found and nobody declared
}

// The states of a table.
const (
	tableSigned  = "signed"
	tableDraft   = "draft"
	tableMissing = "missing"
)

// Title names the table: "IXIT 1 (AuthMech)".
func (s TableState) Title() string {
	if s.Number == 0 {
		return s.Name
	}
	return fmt.Sprintf("IXIT %d (%s)", s.Number, s.Name)
}

// tableState looks a table up in the IXIT, which is a draft or not.
func (t *Test) tableState(x *dossier.IXIT, number int, draft bool) TableState {
	s := TableState{Number: number, State: tableMissing}
	if known := t.Table(number); known != nil {
		s.Name = known.Name
	}
	if x == nil || x.TestSpecification != t.TestSpecification || x.Edition != t.Edition {
		return s
	}
	table := x.Table(number)
	if table == nil {
		return s
	}
	s.Empty = table.Empty
	for _, e := range table.Entries {
		if e.Declared() {
			s.Entries++
		} else {
			s.Undeclared = append(s.Undeclared, e.ID)
		}
	}
	switch {
	case s.Entries == 0 && s.Empty == "":
	case draft:
		s.State = tableDraft
	default:
		s.State = tableSigned
	}
	return s
}
