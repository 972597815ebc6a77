// Package bench is the guided conformance test of a product after ETSI TS 103 701:
// the answer form (ICS), the extra information for testing (IXIT), the plan of test
// groups, cases and units, the step-by-step run, and the test report.
//
// It is a model without a terminal or a page: a Plan is made anew from what the
// dossier holds, Steps say what is to be asked next, and a Recorder keeps answers
// in the dossier, which is the only state there is. Verdicts of cases follow from
// the units; those of groups and of the whole come from package law.
//
// It is not for gathering evidence from devices, captures or firmware, and it
// holds no wording of the standard: what a unit asks is put in our own words, and
// marked where it is our reading.
package bench

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
)

//go:embed unit/*.yaml
var unitFiles embed.FS

// Versions are the version of the test specification and the edition of the
// standard that it tests. No verdict means anything without both.
type Versions struct {
	TestSpecification string `json:"test_specification"` // of ETSI TS 103 701: "V1.1.1"
	Edition           string `json:"edition"`            // of ETSI EN 303 645: "V2.1.1"
}

func (v Versions) String() string { return v.TestSpecification + "/" + v.Edition }

// The kinds of unit and case.
const (
	Conceptual = "conceptual" // reading: is what is declared good enough?
	Functional = "functional" // doing: is the device as declared, and nothing left out?
	bothKinds  = Conceptual + "/" + Functional
)

// Test is the conformance test of one edition of the standard, as data.
type Test struct {
	Versions
	Catalogue *law.Catalogue

	law    *law.Law
	groups map[string]*groupData
	cases  map[string][]unitData // of this version, by case
}

// groupData is what the data say of one test group.
type groupData struct {
	Group  string   `yaml:"group"`
	Speaks []string `yaml:"speaks"` // terms that bear on it; one that ends in a full stop stands for all that begin so
	Cases  []struct {
		Case  string     `yaml:"case"`
		Units []unitData `yaml:"units"`
	} `yaml:"cases"`
}

// unitData is one test unit in our own words.
type unitData struct {
	Do      string   `yaml:"do"`
	Holds   string   `yaml:"holds"`
	Mark    string   `yaml:"mark"` // "read", else it is our interpretation
	Means   bool     `yaml:"means"`
	Kind    string   `yaml:"kind"`    // "" is the kind of the case
	Profile string   `yaml:"profile"` // attacker, user
	Needs   []string `yaml:"needs"`
	Only    string   `yaml:"only"` // a version of the test specification
}

// twoUnits is the need of more than one unit: one never shows what is unique.
const twoUnits = "two_units"

// needWords are the things that a unit may need.
var needWords = map[string]string{
	"unit": "a unit of the product", twoUnits: "two units or more", "spare_unit": "a spare unit, which may be spoilt",
	"account": "a test account with the services", "app": "the app, on a telephone or tablet", "scanner": "a scanner of ports and radios",
	"capture": "a recording of its traffic", "tls_tool": "a tool that tries TLS versions and suites", "image": "its firmware image",
	"altered_image": "altered and badly signed update images", "pages": "the public pages", "manual": "the documents for the user",
	"batch_list": "the list of factory passwords of a batch", "flash": "a copy of its storage, where one can be had", "camera": "a camera",
}

var profileWords = map[string]string{
	"user": "a user with limited technical knowledge", "attacker": "an attacker of basic level: no invasive hardware, one medium, nothing highly targeted",
}

// Editions are the editions of EN 303 645 that can be tested, oldest first.
func Editions(l *law.Law) []string {
	var names []string
	for _, r := range l.Regimes() {
		if c := r.Catalogue(); c != nil && r.ID == "en303645" {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return names
}

// loadUnits reads the data once.
var loadUnits = sync.OnceValues(func() (map[string]*groupData, error) {
	files, err := unitFiles.ReadDir("unit")
	if err != nil {
		return nil, err
	}
	groups := map[string]*groupData{}
	for _, f := range files {
		data, err := unitFiles.ReadFile("unit/" + f.Name())
		if err != nil {
			return nil, err
		}
		var file struct {
			Groups []*groupData `yaml:"groups"`
		}
		if err := yaml.UnmarshalWithOptions(data, &file, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", f.Name(), assay.ErrInvalid, err)
		}
		for _, g := range file.Groups {
			if groups[g.Group] != nil {
				return nil, fmt.Errorf("%s: %w: group %s stands twice", f.Name(), assay.ErrInvalid, g.Group)
			}
			groups[g.Group] = g
		}
	}
	return groups, nil
})

// For is the test of one edition, such as "V2.1.1".
func For(l *law.Law, edition string) (*Test, error) {
	r, err := l.Regime("en303645@" + edition)
	if err != nil || r.Catalogue() == nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "edition " + edition, What: "cannot be tested", Do: "choose one of " + strings.Join(Editions(l), ", ")}
	}
	groups, err := loadUnits()
	if err != nil {
		return nil, err
	}
	c := r.Catalogue()
	t := &Test{Versions: Versions{c.TestSpecification.Version, c.Name}, Catalogue: c, law: l, groups: groups, cases: map[string][]unitData{}}
	for _, p := range c.Provisions {
		if err := t.take(p); err != nil {
			return nil, fmt.Errorf("units of group %s in %s: %w", p.Group.ID, t.Versions, err)
		}
	}
	return t, nil
}

// take holds the data of one group to the catalogue and the vocabulary.
func (t *Test) take(p *law.Provision) error {
	g := t.groups[p.Group.ID]
	if g == nil {
		return fmt.Errorf("%w: there are none", assay.ErrInvalid)
	}
	for _, s := range g.Speaks {
		if len(t.spoken(s)) == 0 {
			return fmt.Errorf("%w: no term %q", assay.ErrInvalid, s)
		}
	}
	for _, c := range p.Group.Cases {
		for _, of := range g.Cases {
			for _, u := range of.Units {
				if of.Case == c.ID && (u.Only == "" || u.Only == t.TestSpecification) {
					t.cases[c.ID] = append(t.cases[c.ID], u)
				}
			}
		}
		if len(t.cases[c.ID]) == 0 {
			return fmt.Errorf("%w: case %s has none", assay.ErrInvalid, c.ID)
		}
		for _, u := range t.cases[c.ID] {
			bad := slices.IndexFunc(u.Needs, func(n string) bool { return needWords[n] == "" })
			switch {
			case u.Do == "" || u.Holds == "":
				return fmt.Errorf("%w: case %s: a unit says not what to do, or when it is fulfilled", assay.ErrInvalid, c.ID)
			case bad >= 0:
				return fmt.Errorf("%w: case %s: need %q is not known", assay.ErrInvalid, c.ID, u.Needs[bad])
			case u.Profile != "" && profileWords[u.Profile] == "", u.Mark != "" && u.Mark != "read",
				u.Kind != "" && (u.Kind != Functional || c.Type != bothKinds):
				return fmt.Errorf("%w: case %s: profile, mark or kind is not known", assay.ErrInvalid, c.ID)
			}
		}
	}
	return nil
}

// spoken are the terms that an entry of speaks stands for.
func (t *Test) spoken(s string) []assay.TermID {
	if t.law.Vocabulary().Term(assay.TermID(s)) != nil {
		return []assay.TermID{assay.TermID(s)}
	}
	var ids []assay.TermID
	for _, term := range t.law.Vocabulary().Terms() {
		if strings.HasSuffix(s, ".") && strings.HasPrefix(string(term.ID), s) {
			ids = append(ids, term.ID)
		}
	}
	return ids
}

// Observes are the terms in which answers at the bench are kept, besides the
// answers of the ICS and the verdicts of cases.
func Observes() []assay.TermID {
	ids := []assay.TermID{unitVerdict, caseCovered}
	for _, item := range identity {
		ids = append(ids, item.Term)
	}
	return ids
}

// Made reports whether an observation was made at the bench.
func Made(o assay.Observation) bool { return o.Term == unitVerdict || o.Term == caseCovered }

// The terms of units and cases.
const (
	unitVerdict assay.TermID = "bench.unit_verdict"
	caseCovered assay.TermID = "bench.case_covered"
)

// unitSubject is the subject of a unit: both versions, the case and the letter.
func (v Versions) unitSubject(caseID, letter string) assay.Subject {
	return assay.Subject("testunit/" + v.TestSpecification + ":" + v.Edition + ":" + caseID + ":" + letter)
}

func (v Versions) caseSubject(caseID string) assay.Subject {
	return assay.Subject("testcase/" + v.TestSpecification + ":" + v.Edition + ":" + caseID)
}
