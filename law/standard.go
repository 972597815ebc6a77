package law

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
)

// Catalogue is one edition of a standard that consists of provisions, with the
// specification by which conformance to it is tested.
type Catalogue struct {
	Edition
	Provisions  []*Provision      // of this edition, in order
	IXIT        []IXITTable       // of its test specification
	StatusCodes map[string]string // what the letters of a status mean
	Channels    map[string]string
	UsedBy      map[string]Follower
	SetAside    SetAside

	byID  map[string]*Provision
	agree []agreement // of the rows of the form
}

// Edition is one edition of a standard as its catalogue describes it.
type Edition struct {
	Name              string            `yaml:"edition"` // "V2.1.1"
	From              assay.Date        `yaml:"from"`
	Title             string            `yaml:"title"`
	Cite              assay.Cite        `yaml:"cite"`
	Changed           string            `yaml:"changed"`
	Note              string            `yaml:"note"`
	Count             int               `yaml:"provisions"`
	Shall             int               `yaml:"shall"`
	Should            int               `yaml:"should"`
	TestSpecification TestSpecification `yaml:"test_specification"`
	Conditions        []Condition       `yaml:"conditions"`
}

// TestSpecification names the document by which an edition is tested. A verdict
// is not meaningful without the pair of versions.
type TestSpecification struct {
	ID      string `yaml:"id"`
	Version string `yaml:"version"`
	Date    string `yaml:"date"` // year and month
}

// Condition is what a provision may depend on: a numbered condition (C) or a
// feature with a letter (F).
type Condition struct {
	ID    string `yaml:"id"`
	Kind  string `yaml:"kind"` // condition, feature
	Title string `yaml:"title"`
	Holds string `yaml:"holds"` // the condition in terms of the vocabulary

	// ShownBy is a kind of part that shows, by being named, that the condition
	// holds, where ShownWhen is true of it.
	ShownBy   string `yaml:"shown_by"`
	ShownWhen string `yaml:"shown_when"`
}

// Provision is one provision. What follows Confidence is of the edition at hand.
type Provision struct {
	ID               string          `yaml:"id"`
	Topic            string          `yaml:"topic"`
	Name             string          `yaml:"name"`
	Modality         string          `yaml:"modality"` // shall, should
	Editions         []EditionStatus `yaml:"editions"`
	RenamedTo        string          `yaml:"renamed_to"`
	RenamedFrom      string          `yaml:"renamed_from"`
	SplitInto        []string        `yaml:"split_into"`
	SplitFrom        string          `yaml:"split_from"`
	NewIn            string          `yaml:"new_in"`
	LaboratoryStatus string          `yaml:"laboratory_status"` // see SetAside: never used to grant N/A
	Paraphrase       string          `yaml:"paraphrase"`        // what it asks, in our own words
	Tests            []TestGroup     `yaml:"tests"`             // by version of the test specification
	Channels         []string        `yaml:"channels"`          // where evidence may come from
	Automatable      string          `yaml:"automatable"`       // what tools can look at
	Auto             Auto            `yaml:"auto"`
	UsedBy           []string        `yaml:"used_by"` // laws and labels that rely on it
	Note             string          `yaml:"note"`
	Met              *Node           `yaml:"met"` // by what facts it is met, or shown not to be
	Confidence       string          `yaml:"confidence"`

	Status     string       `yaml:"-"` // "M C": mandatory, conditional
	Conditions []*Condition `yaml:"-"` // all must hold (decision 31)
	Group      *TestGroup   `yaml:"-"`
	Support    assay.TermID `yaml:"-"` // the ICS answer; "" where the form has no such row
	Reason     assay.TermID `yaml:"-"` // the ICS detail; "" where only Y is allowed

	node, row, shown *Node
}

// EditionStatus is a provision's place in one edition.
type EditionStatus struct {
	Edition    string   `yaml:"edition"`
	Status     string   `yaml:"status"`     // of Table B.1: M or R, then C and F
	Conditions []string `yaml:"conditions"` // by ID
	NoRow      bool     `yaml:"no_row"`     // the form has no row for it
}

// TestGroup is the test of one provision in one version of the test
// specification.
type TestGroup struct {
	Version    string     `yaml:"version"`
	ID         string     `yaml:"group"`
	Cases      []TestCase `yaml:"cases"`
	IXIT       []string   `yaml:"ixit"` // numbers of the tables it reads, or "ICS"
	Confidence string     `yaml:"confidence"`
}

// TestCase is one test case. Conceptual is reading what is declared; functional
// is trying whether the device does as declared.
type TestCase struct {
	ID   string       `yaml:"id"`
	Type string       `yaml:"type"` // conceptual, functional, conceptual/functional
	Term assay.TermID `yaml:"-"`    // of its verdict
}

// Auto says what a tool can do for a provision.
type Auto struct {
	CanShowFail string `yaml:"can_show_fail"` // yes, hint, no
	CanShowPass string `yaml:"can_show_pass"` // yes, part, no
}

// IXITTable is one table of the extra information for testing. The number means
// another table in another version.
type IXITTable struct {
	Version    string   `yaml:"version"`
	Number     int      `yaml:"number"`
	Name       string   `yaml:"name"`
	OneEntry   bool     `yaml:"one_entry"` // it has one entry and no ID column
	Fields     []string `yaml:"fields"`
	Prefill    string   `yaml:"prefill"` // from what drafts of rows can be made
	Confidence string   `yaml:"confidence"`
	Note       string   `yaml:"note"`
}

// Follower is a law or label that relies on provisions.
type Follower struct {
	Title      string `yaml:"title"`
	Confidence string `yaml:"confidence"`
}

// SetAside is what other sources say and nothing rests on.
type SetAside struct {
	TableB1              string            `yaml:"table_b1"`
	Conflicts            []StatusConflict  `yaml:"conflicts"`
	Laboratory           string            `yaml:"laboratory"`
	LaboratoryConditions map[string]string `yaml:"laboratory_conditions"`
}

// StatusConflict is a status on which sources differ.
type StatusConflict struct {
	ID    string `yaml:"id"`
	Used  string `yaml:"used"`
	Other string `yaml:"other"`
}

type catalogueFile struct {
	ID           assay.RegimeID               `yaml:"id"`
	Title        string                       `yaml:"title"`
	Jurisdiction string                       `yaml:"jurisdiction"`
	Summary      string                       `yaml:"summary"`
	Editions     []Edition                    `yaml:"editions"`
	StatusCodes  map[string]string            `yaml:"status_codes"`
	SetAside     SetAside                     `yaml:"set_aside"`
	Channels     map[string]string            `yaml:"channels"`
	UsedBy       map[string]Follower          `yaml:"used_by"`
	AutoValues   map[string]map[string]string `yaml:"auto_values"`
	IXIT         []IXITTable                  `yaml:"ixit"`
	Provisions   []*Provision                 `yaml:"provisions"`
}

// Catalogue is what stands behind a regime that is one edition of a standard;
// nil for others.
func (r *Regime) Catalogue() *Catalogue { return r.standard }

// Provision finds a provision of the edition; nil when it has none of that ID.
func (s *Catalogue) Provision(id string) *Provision { return s.byID[id] }

// Mandatory reports a shall provision.
func (p *Provision) Mandatory() bool { return strings.HasPrefix(p.Status, "M") }

// parseStandard reads a catalogue and makes one regime for each edition.
func parseStandard(name string, data []byte) ([]*Regime, error) {
	var c catalogueFile
	if err := decode(name, data, &c); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var regimes []*Regime
	for _, e := range c.Editions {
		r, err := c.edition(e)
		if err != nil {
			return nil, fmt.Errorf("%s: edition %s: %w", name, e.Name, err)
		}
		r.eachExpr(func(ex *Expr) { ex.file = name })
		regimes = append(regimes, r)
	}
	return regimes, nil
}

// check holds the catalogue's words to their lists.
func (c *catalogueFile) check() error {
	bad := func(p *Provision, what, word string) error {
		return fmt.Errorf("%w: provision %s: %s %q is not known", assay.ErrInvalid, p.ID, what, word)
	}
	ids := map[string]bool{}
	for i, p := range c.Provisions {
		if p == nil || !p.Met.whole() {
			return fmt.Errorf("%w: provision %d: an entry is empty", assay.ErrInvalid, i+1)
		}
		if p.ID == "" || p.Name == "" || p.Paraphrase == "" || ids[p.ID] {
			return fmt.Errorf("%w: provision %q: an id of its own, a name and a paraphrase are wanted", assay.ErrInvalid, p.ID)
		}
		ids[p.ID] = true
	}
	for _, p := range c.Provisions {
		for _, id := range append([]string{p.RenamedTo, p.RenamedFrom, p.SplitFrom}, p.SplitInto...) {
			if id != "" && !ids[id] {
				return bad(p, "provision", id)
			}
		}
		for _, w := range p.Channels {
			if c.Channels[w] == "" {
				return bad(p, "channel", w)
			}
		}
		for _, w := range p.UsedBy {
			if c.UsedBy[w].Title == "" {
				return bad(p, "follower", w)
			}
		}
		if c.AutoValues["can_show_fail"][p.Auto.CanShowFail] == "" {
			return bad(p, "can_show_fail", p.Auto.CanShowFail)
		}
		if c.AutoValues["can_show_pass"][p.Auto.CanShowPass] == "" {
			return bad(p, "can_show_pass", p.Auto.CanShowPass)
		}
	}
	return nil
}

func (c *catalogueFile) edition(e Edition) (*Regime, error) {
	s := &Catalogue{Edition: e, StatusCodes: c.StatusCodes, Channels: c.Channels, UsedBy: c.UsedBy, SetAside: c.SetAside, byID: map[string]*Provision{}}
	for _, t := range c.IXIT {
		if t.Version == e.TestSpecification.Version {
			s.IXIT = append(s.IXIT, t)
		}
	}
	shall, should := 0, 0
	for _, entry := range c.Provisions {
		p, err := s.take(entry)
		if err != nil {
			return nil, fmt.Errorf("%w: provision %s: %w", assay.ErrInvalid, entry.ID, err)
		}
		if p == nil {
			continue
		}
		if p.Mandatory() {
			shall++
		} else {
			should++
		}
		s.Provisions = append(s.Provisions, p)
		s.byID[p.ID] = p
	}
	if len(s.Provisions) != e.Count || shall != e.Shall || should != e.Should {
		return nil, fmt.Errorf("%w: %d provisions, %d shall and %d should; the catalogue says %d, %d and %d",
			assay.ErrInvalid, len(s.Provisions), shall, should, e.Count, e.Shall, e.Should)
	}
	r := &Regime{ID: c.ID, Title: c.Title + " " + e.Name, Jurisdiction: c.Jurisdiction, Summary: c.Summary, Edition: e.Name,
		Versions: []Version{{ID: e.Name, From: e.From, Title: e.Title, Cite: e.Cite, Changed: e.Changed}},
		Overall:  overallTS103701, standard: s}
	r.Requirements = append(r.Requirements, s.form())
	for _, p := range s.Provisions {
		p.node = s.requirement(p)
		r.Requirements = append(r.Requirements, p.node)
	}
	return r, nil
}

// take makes the edition's own copy of an entry; nil when the edition lacks it.
func (s *Catalogue) take(entry *Provision) (*Provision, error) {
	at := slices.IndexFunc(entry.Editions, func(x EditionStatus) bool { return x.Edition == s.Name })
	if at < 0 {
		return nil, nil
	}
	p, in := *entry, entry.Editions[at]
	p.Status = in.Status
	for _, id := range in.Conditions {
		i := slices.IndexFunc(s.Conditions, func(c Condition) bool { return c.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("condition %q is not described", id)
		}
		p.Conditions = append(p.Conditions, &s.Conditions[i])
	}
	if err := p.checkStatus(); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(entry.Tests, func(g TestGroup) bool { return g.Version == s.TestSpecification.Version })
	if i < 0 || len(entry.Tests[i].Cases) == 0 {
		return nil, fmt.Errorf("no test case in %s", s.TestSpecification.Version)
	}
	p.Group = &entry.Tests[i]
	for k := range p.Group.Cases {
		p.Group.Cases[k].Term = termOf("case", p.Group.Version, p.Group.Cases[k].ID)
	}
	for _, table := range p.Group.IXIT {
		if table != "ICS" && !slices.ContainsFunc(s.IXIT, func(t IXITTable) bool { return fmt.Sprint(t.Number) == table }) {
			return nil, fmt.Errorf("no IXIT table %s in %s", table, s.TestSpecification.Version)
		}
	}
	if !in.NoRow {
		p.Support = termOf("ics", s.Name, p.ID)
		if p.Status != "M" {
			p.Reason = p.Support + "_reason"
		}
	}
	return &p, nil
}

// checkStatus holds the letters of the status to the modality and the conditions.
func (p *Provision) checkStatus() error {
	letters := strings.Fields(p.Status)
	if len(letters) == 0 || letters[0] != map[string]string{"shall": "M", "should": "R"}[p.Modality] {
		return fmt.Errorf("status %q does not fit %q", p.Status, p.Modality)
	}
	var want []string
	for letter, kind := range map[string]string{"C": "condition", "F": "feature"} {
		if slices.ContainsFunc(p.Conditions, func(c *Condition) bool { return c.Kind == kind }) {
			want = append(want, letter)
		}
	}
	slices.Sort(want)
	if !slices.Equal(letters[1:], want) {
		return fmt.Errorf("status %q does not fit its conditions", p.Status)
	}
	return nil
}

var notWord = regexp.MustCompile(`[^0-9a-z]+`)

// termOf is the term of an answer or a verdict: "ics.v2_1_1.p5_1_1".
func termOf(what, version, id string) assay.TermID {
	word := func(s string) string { return notWord.ReplaceAllString(strings.ToLower(s), "_") }
	return assay.TermID(what + "." + word(version) + ".p" + word(id))
}

func (s *Catalogue) cite(id string) assay.Cite {
	return assay.Cite("EN 303 645 " + s.Name + " " + id)
}

// requirement is the node of a provision: by what facts it is met, then its test
// cases.
func (s *Catalogue) requirement(p *Provision) *Node {
	n := &Node{ID: p.ID, Title: p.Name, Kind: "provision", Cite: s.cite(p.ID), Level: p.Status[:1],
		Confidence: Secondary, Reading: p.Paraphrase, // its wording was seen in transcriptions only
		When: Expr{Source: p.condition()}}
	if len(p.Conditions) > 1 {
		n.Confidence, n.Decision = Inferred, 31
		n.Reading += " All conditions of the row must hold."
	}
	switch {
	case p.Met != nil:
		p.Met = p.Met.clone(p.ID, p.ID+" met", s.cite(p.ID))
		n.All = append(n.All, p.Met)
	case slices.Contains(p.Group.IXIT, "ICS"):
		n.All = append(n.All, s.reasons(p))
	}
	for _, c := range p.Group.Cases {
		n.All = append(n.All, s.caseNode(p, c))
	}
	return n
}

// condition is the condition of the provision as an expression; "" for none.
func (p *Provision) condition() string {
	var parts []string
	for _, c := range p.Conditions {
		if strings.Contains(c.Holds, " ") && len(p.Conditions) > 1 {
			parts = append(parts, "("+c.Holds+")")
		} else {
			parts = append(parts, c.Holds)
		}
	}
	return strings.Join(parts, " && ")
}

func (s *Catalogue) caseNode(p *Provision, c TestCase) *Node {
	title := map[string]string{
		"conceptual": "On paper: what is declared is good enough",
		"functional": "On the device: it is as declared, and nothing is left undeclared",
	}[c.Type]
	if title == "" {
		title = "On paper and on the device: what is declared is good enough, and true"
	}
	n := &Node{ID: c.ID, Title: title, Case: c.ID, Confidence: Read,
		Cite:      assay.Cite(s.TestSpecification.ID + " " + p.Group.Version + " " + c.ID),
		FailsWhen: Expr{Source: fmt.Sprintf("%s == %q", c.Term, "FAIL")},
		Holds:     Expr{Source: fmt.Sprintf("%s == %q", c.Term, "PASS")}}
	if p.Group.Confidence == "recalled" {
		n.Confidence, n.Reading = Recalled, "That the group has this one case was not found in a source."
	}
	return n
}

// whole reports that no limb of a tree is missing; no tree at all is whole.
func (n *Node) whole() bool {
	if n == nil {
		return true
	}
	for _, x := range slices.Concat(n.All, n.Any) {
		if x == nil || !x.whole() {
			return false
		}
	}
	return n.Gate.whole()
}

// clone copies a tree of the catalogue for one edition. The root is given its ID;
// limbs below are named after the provision.
func (n *Node) clone(provision, id string, cite assay.Cite) *Node {
	m := *n
	m.ID = id
	if m.Cite == "" {
		m.Cite = cite
	}
	m.Unsettled = slices.Clone(n.Unsettled)
	below := func(x *Node) *Node { return x.clone(provision, provision+" "+x.ID, cite) }
	if n.Gate != nil {
		m.Gate = below(n.Gate)
	}
	m.All, m.Any = nil, nil
	for _, x := range n.All {
		m.All = append(m.All, below(x))
	}
	for _, x := range n.Any {
		m.Any = append(m.Any, below(x))
	}
	return &m
}
