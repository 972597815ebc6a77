package bench

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

// Problem is what is wrong with a row of the ICS, or still wanted for it.
type Problem struct {
	law.ICSProblem
	Shown string `json:"shown,omitempty"` // what shows it, where that is the IXIT or an observation
}

// The kinds of problem that come of looking beyond the form itself.
const (
	IXITContradicts law.ICSProblemKind = "IXIT entry contradicts N/A"
	ScanContradicts law.ICSProblemKind = "what was seen contradicts N/A"
)

// showing is an IXIT table by which a supplier says of a condition that it holds, or, by
// declaring the table empty, that it does not.
type showing struct {
	term    assay.TermID
	version string // "" for every version of the test specification
	table   int
	field   string // the entry counts where this field...
	says    func(string) bool
	also    string // ...and this one, if named, say so
	alsoHas string
}

// showings are our reading: what the supplier itself enters under these headings
// cannot be there without the condition. Tables that need not show one are left out,
// and so are entries that may say that there is nothing: to fail a form for those
// would be wrong.
var showings = []showing{
	{term: "password.used", table: 1, field: "Authentication Factor", says: has("password", "passphrase", "pass phrase", "pin code")},
	{term: "en.update_mechanism", table: 7},
	{term: "en.critical_parameters", table: 10, field: "Type", says: has("critical")},
	{term: "en.debug_ports", version: "V1.1.1", table: 15, field: "Debug Interface", says: yes, also: "Type", alsoHas: "physical"},
	{term: "en.debug_ports", version: "V2.1.1", table: 15, field: "Debug Interface", says: yes},
	{term: "en.debug_interfaces", version: "V2.1.1", table: 15, field: "Debug Interface", says: yes},
	{term: "en.debug_interfaces", version: "V2.1.1", table: 28, field: "Debug Interface", says: yes},
	{term: "en.change_detection", table: 20},
	{term: "en.personal_data", table: 21},
	{term: "en.external_sensing", table: 22},
	{term: "en.telemetry", table: 24},
}

func has(words ...string) func(string) bool {
	return func(s string) bool {
		s = strings.ToLower(s)
		return !denied.MatchString(s) && slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
	}
}

// denied is a text that may speak of a thing in order to say that it is not there.
var denied = regexp.MustCompile(`\b(no|not|non|none|nothing|nil|without|never|neither|n/a|na)\b|^\W*$|n't\b|n’t\b`)

var yesForm = regexp.MustCompile(`(?i)^\s*(y|yes|true)\b`)

func yes(s string) bool { return yesForm.MatchString(s) }

// statements are what a signed IXIT says of conditions. Where a table is declared
// empty its condition does not hold; where an entry is there, it does.
func (t *Test) statements(x *dossier.IXIT) []assay.Observation {
	if x == nil || x.Draft() || x.TestSpecification != t.TestSpecification || x.Edition != t.Edition {
		return nil
	}
	var all []assay.Observation
	for _, s := range showings {
		table := x.Table(s.table)
		if table == nil || s.version != "" && s.version != t.TestSpecification {
			continue
		}
		name := fmt.Sprintf("IXIT %d (%s)", s.table, t.Table(s.table).Name)
		say := func(holds bool, note string) {
			o := assay.Observation{Subject: assay.Product, Term: s.term, Value: assay.Bool(holds), Source: assay.Declared, By: x.Signed.By, At: x.Signed.At,
				Evidence: []assay.Reference{{Digest: x.DeclaredDigest(s.table), Name: "ixit.yaml", Place: name}}, Note: note}
			o.Identify()
			all = append(all, o)
		}
		if table.Empty != "" && s.field == "" {
			say(false, name+" is declared empty: "+table.Empty)
			continue
		}
		for _, e := range table.Entries {
			if e.Declared() && s.shown(&e) {
				say(true, fmt.Sprintf("%s declares %s.", name, e.ID))
				break
			}
		}
	}
	return all
}

func (s *showing) shown(e *dossier.IXITEntry) bool {
	at := func(field string) string {
		for _, f := range e.Fields {
			if f.Name == field {
				return f.Declared
			}
		}
		return ""
	}
	if s.field == "" {
		text := at("Description")
		return text != "" && !denied.MatchString(strings.ToLower(text))
	}
	return s.says(at(s.field)) && (s.also == "" || strings.Contains(strings.ToLower(at(s.also)), s.alsoHas))
}

// state puts what the signed IXIT says among the facts. It never stands against what
// was observed. That something is there counts against a mere word that it is not: one
// of the two is wrong, and the form that needs the word is invalid until that is
// settled. That nothing is there counts where nobody said otherwise.
func state(facts *vocab.Facts, said []assay.Observation) map[assay.TermID]*assay.Observation {
	shown := map[assay.TermID]*assay.Observation{}
	for i := range said {
		o := &said[i]
		term := facts.Vocabulary().Term(o.Term)
		if term == nil {
			continue
		}
		was := facts.Fact(assay.Product, term)
		switch {
		case was.Basis&vocab.OnObserved != 0:
			if o.Value.Bool() && was.Value.Bool() {
				shown[o.Term] = o
			}
		case o.Value.Bool():
			fact := vocab.Fact{Value: o.Value, Basis: vocab.OnDeclared, Because: []assay.ObservationID{o.ID}}
			if was.Known() && was.Value.Bool() {
				fact.Because = append(slices.Clone(was.Because), o.ID)
			} else {
				fact.Against = slices.Concat(was.Because, was.Against)
			}
			facts.Put(assay.Product, term, fact)
			shown[o.Term] = o
		case !was.Known() && !was.Conflict:
			facts.Put(assay.Product, term, vocab.Fact{Value: o.Value, Basis: vocab.OnDeclared, Because: []assay.ObservationID{o.ID}})
		}
	}
	return shown
}

var termWord = regexp.MustCompile(`[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+`)

// problems are those of the form itself, each told by what shows it.
func (t *Test) problems(facts *vocab.Facts, shown map[assay.TermID]*assay.Observation) ([]Problem, error) {
	found, err := t.law.ICSProblems(facts, t.Edition)
	if err != nil {
		return nil, err
	}
	all := make([]Problem, len(found))
	for i, f := range found {
		all[i].ICSProblem = f
		p := t.Catalogue.Provision(f.Provision)
		if f.Kind != law.FactsContradict || p == nil || facts.Fact(assay.Product, facts.Vocabulary().Term(p.Support)).Value.Text() != "NA" {
			continue
		}
		for _, c := range p.Conditions {
			for _, id := range termWord.FindAllString(c.Holds, -1) {
				term := facts.Vocabulary().Term(assay.TermID(id))
				if term == nil {
					continue
				}
				fact := facts.Fact(assay.Product, term)
				switch {
				case shown[term.ID] != nil:
					all[i].Kind, all[i].Shown = IXITContradicts, shown[term.ID].Note
				case fact.Basis&vocab.OnObserved != 0 && fact.Value.Bool():
					all[i].Kind, all[i].Shown = ScanContradicts, "Observed: "+lower(term.Title)+"."
				}
			}
		}
	}
	return all, nil
}

// lower begins a title in the middle of a sentence, unless it begins with an
// abbreviation.
func lower(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// later is a moment after another that stands already, so that the newest of two
// answers is never in doubt.
func later(now, than time.Time) time.Time {
	now = now.UTC()
	if !now.After(than) {
		return than.UTC().Add(time.Nanosecond)
	}
	return now
}
