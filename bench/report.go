package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
)

// Report is a test report in the form in which laboratories exchange it. Its JSON
// is a contract: more may be added, nothing renamed.
type Report struct {
	Versions
	Title        string         `json:"title"`
	Product      ReportProduct  `json:"product"`
	Identity     []IdentityLine `json:"identification"`
	Verdict      assay.Verdict  `json:"verdict"`
	Because      []string       `json:"because"` // what the overall verdict follows from
	ICSValid     assay.Verdict  `json:"ics_valid"`
	ICS          []Row          `json:"ics"`
	Problems     []Problem      `json:"ics_problems"`
	IXIT         *ReportIXIT    `json:"ixit,omitempty"`
	Groups       []ReportGroup  `json:"groups"`
	Evidence     []ReportItem   `json:"evidence"`
	Photos       []ReportPhoto  `json:"photos,omitempty"` // after ShowPhotos
	Deviations   string         `json:"deviations"`
	Limits       []string       `json:"limits"`
	Made         time.Time      `json:"made"`
	Disclaimer   string         `json:"disclaimer"`
	Done         int            `json:"steps_answered"`
	Steps        int            `json:"steps"`
	Testers      []string       `json:"testers"`
	Observations int            `json:"observations"`
}

// ReportProduct is the device under test as product.yaml names it.
type ReportProduct struct {
	Name        string   `json:"name"`
	Make        string   `json:"make,omitempty"`
	Models      []string `json:"models,omitempty"`
	Description string   `json:"description,omitempty"`
}

// IdentityLine is one line of the identification.
type IdentityLine struct {
	Title  string       `json:"title"`
	Term   assay.TermID `json:"term"`
	Value  assay.Value  `json:"value"`
	By     string       `json:"by,omitempty"`
	Wanted bool         `json:"wanted"` // the report is not whole without it
}

// ReportIXIT is the IXIT with both columns.
type ReportIXIT struct {
	Draft    bool          `json:"draft"`
	SignedBy string        `json:"signed_by,omitempty"`
	SignedAt *time.Time    `json:"signed_at,omitempty"`
	Digest   assay.Digest  `json:"digest"` // of what is declared
	Tables   []ReportTable `json:"tables"`
}

// ReportTable is one table.
type ReportTable struct {
	TableState
	Confidence string        `json:"confidence"` // where its field names come from
	Rows       []ReportEntry `json:"rows"`
}

// ReportEntry is one entry.
type ReportEntry struct {
	ID     string        `json:"id"`
	About  assay.Subject `json:"about,omitempty"`
	Fields []ReportField `json:"fields"`
}

// ReportField is one field.
type ReportField struct {
	Field    string `json:"field"`
	Declared string `json:"declared,omitempty"`
	Found    string `json:"found,omitempty"`
}

// ReportGroup is one test group.
type ReportGroup struct {
	Versions
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Status  string         `json:"status"`
	Answer  string         `json:"ics"`
	Tested  bool           `json:"tested"`
	Verdict *assay.Verdict `json:"verdict,omitempty"` // none where it was not claimed
	Why     string         `json:"why,omitempty"`
	Cases   []ReportCase   `json:"cases,omitempty"`
	Found   []ReportFound  `json:"observed,omitempty"`
}

// ReportFound is something that tools observed.
type ReportFound struct {
	ID       assay.ObservationID `json:"id"`
	Subject  assay.Subject       `json:"subject"`
	Title    string              `json:"title"`
	Term     assay.TermID        `json:"term"`
	Value    assay.Value         `json:"value"`
	By       string              `json:"by"`
	At       time.Time           `json:"at"`
	Evidence []assay.Reference   `json:"evidence,omitempty"`
}

// ReportCase is one test case.
type ReportCase struct {
	Versions
	ID      string        `json:"id"`
	Kind    string        `json:"kind"`
	Verdict assay.Verdict `json:"verdict"`
	Why     string        `json:"why,omitempty"`
	Alone   string        `json:"given_without_units,omitempty"`
	Covered *ReportRecord `json:"covered,omitempty"`
	Tables  []TableState  `json:"tables"`
	Units   []ReportUnit  `json:"units"`
}

// ReportUnit is one test unit.
type ReportUnit struct {
	Versions
	Unit           string        `json:"unit"`
	Kind           string        `json:"kind"`
	Do             string        `json:"do"`
	Holds          string        `json:"fulfilled_when"`
	Interpretation bool          `json:"interpretation"`
	Profile        string        `json:"profile,omitempty"`
	Needs          []string      `json:"needs,omitempty"`
	MeansWanted    bool          `json:"means_wanted"` // a PASS rests on the means used
	Record         *ReportRecord `json:"record,omitempty"`
	Stale          string        `json:"does_not_count,omitempty"`
}

// ReportRecord is what was answered, by whom, when, by what means, on what evidence.
type ReportRecord struct {
	Verdict  assay.Verdict       `json:"verdict"`
	Reason   string              `json:"reason"`
	Means    string              `json:"means,omitempty"`
	By       string              `json:"by"`
	At       time.Time           `json:"at"`
	Evidence []assay.Reference   `json:"evidence,omitempty"`
	ID       assay.ObservationID `json:"observation"`
}

// ReportItem is one piece of evidence.
type ReportItem struct {
	Name   string       `json:"name"`
	Kind   string       `json:"kind"`
	Digest assay.Digest `json:"digest"`
	Size   int64        `json:"size"`
	Used   []string     `json:"used_by,omitempty"` // test units and cases
}

// Disclaimer is the line that every test report carries.
const Disclaimer = "This is a technical test report, not legal advice, and neither a certificate nor a document of any authority. What units ask is put in our own words; where it is marked as interpretation, the specification itself decides."

// Report makes the report of a plan.
func (p *Plan) Report(d *dossier.Dossier, made time.Time) *Report {
	r := &Report{Versions: p.Versions, Title: "Test report: " + d.Product.Name, Verdict: p.Overall, ICSValid: p.Valid, ICS: p.Rows, Problems: p.Problems,
		Product: ReportProduct{d.Product.Name, d.Product.Make, d.Product.Models, d.Product.Description}, Made: made.UTC().Truncate(time.Second), Disclaimer: Disclaimer,
		Deviations: "Not stated.", Evidence: []ReportItem{}, Testers: []string{}, Observations: len(p.byID)}
	if r.Problems == nil {
		r.Problems = []Problem{}
	}
	r.Done, r.Steps = p.Progress()
	for _, item := range p.Identity {
		r.Identity = append(r.Identity, IdentityLine{item.Title, item.Term, item.Value, item.By, item.Wanted})
		if item.Term == "bench.deviations" && item.Value.Type() != assay.NoType {
			r.Deviations = item.Value.Text()
		}
	}
	r.ixit(p)
	used := map[assay.Digest][]string{}
	for _, g := range p.Groups {
		r.Groups = append(r.Groups, p.reportGroup(g, r, used))
	}
	for _, i := range d.Evidence.Items() {
		r.Evidence = append(r.Evidence, ReportItem{i.Name, string(i.Kind), i.Digest, i.Size, used[i.Digest]})
	}
	slices.Sort(r.Testers)
	r.Because = p.Because()
	r.limits(p)
	return r
}

func (r *Report) ixit(p *Plan) {
	if p.IXIT == nil {
		return
	}
	x := &ReportIXIT{Draft: p.IXIT.Draft(), Digest: p.IXIT.DeclaredDigest(), Tables: []ReportTable{}}
	if s := p.IXIT.Signed; s != nil && !x.Draft {
		x.SignedBy, x.SignedAt = s.By, &s.At
	}
	for _, table := range p.IXIT.Tables {
		t := ReportTable{TableState: p.test.tableState(p.IXIT, table.Number, p.draft), Confidence: p.test.Table(table.Number).Confidence, Rows: []ReportEntry{}}
		for _, e := range table.Entries {
			row := ReportEntry{ID: e.ID, About: e.About}
			for _, f := range e.Fields {
				row.Fields = append(row.Fields, ReportField{f.Name, f.Declared, f.Found})
			}
			t.Rows = append(t.Rows, row)
		}
		x.Tables = append(x.Tables, t)
	}
	r.IXIT = x
}

func (p *Plan) reportGroup(g *Group, r *Report, used map[assay.Digest][]string) ReportGroup {
	out := ReportGroup{Versions: g.Versions, ID: g.ID, Name: g.Name, Status: g.Status, Answer: g.Answer, Tested: g.Tested, Why: g.Why}
	if !g.Tested {
		return out
	}
	out.Verdict = &g.Verdict
	take := func(rec *Record, what string) *ReportRecord {
		if rec == nil {
			return nil
		}
		if !slices.Contains(r.Testers, rec.By) {
			r.Testers = append(r.Testers, rec.By)
		}
		for _, e := range rec.Evidence {
			if !slices.Contains(used[e.Digest], what) {
				used[e.Digest] = append(used[e.Digest], what)
			}
		}
		return &ReportRecord{rec.Verdict, rec.Reason, rec.Means, rec.By, rec.At, rec.Evidence, rec.ID}
	}
	for _, c := range g.Cases {
		rc := ReportCase{Versions: c.Versions, ID: c.ID, Kind: c.Kind, Verdict: c.Verdict, Why: c.Why, Alone: c.Alone, Covered: take(c.Covered, c.ID), Tables: c.Tables}
		if rc.Covered != nil {
			rc.Covered.Verdict = c.Verdict
		}
		for _, u := range c.Units {
			rc.Units = append(rc.Units, ReportUnit{u.Versions, u.Letter, u.Kind, u.Do, u.Holds, u.Interpretation, u.Profile, u.Needs, u.Means, take(u.Record, c.ID+u.Letter), u.Stale})
		}
		out.Cases = append(out.Cases, rc)
	}
	for _, o := range g.Found {
		title := string(o.Term)
		if t := p.test.law.Vocabulary().Term(o.Term); t != nil {
			title = t.Title
		}
		out.Found = append(out.Found, ReportFound{o.ID, o.Subject, title, o.Term, o.Value, o.By, o.At, o.Evidence})
	}
	return out
}

// Because says what the overall verdict follows from.
func (p *Plan) Because() []string {
	var lines []string
	invalid, open := 0, 0
	for _, x := range p.Problems {
		if x.Invalid {
			invalid++
		} else {
			open++
		}
	}
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	switch {
	case p.Valid == assay.Fail:
		add("The ICS is invalid: %s. That by itself fails the assessment.", count(invalid, "fault"))
	case p.Valid == assay.Inconclusive:
		add("The ICS is not whole: %s open.", count(open, "point"))
	}
	var failed, waiting, sunk []string
	for _, g := range p.Groups {
		switch {
		case !g.Tested && g.Answer == "" && g.Verdict == assay.Fail && p.test.Catalogue.Provision(g.ID).Mandatory():
			sunk = append(sunk, g.ID)
		case g.Tested && g.Verdict == assay.Fail:
			failed = append(failed, g.ID)
		case g.Tested && g.Verdict == assay.Inconclusive:
			waiting = append(waiting, g.ID)
		}
	}
	if len(failed) > 0 {
		add("Claimed and failed: %s.", strings.Join(failed, ", "))
	}
	if len(sunk) > 0 {
		add("Mandatory, not answered in the ICS, and failed by what is known, so that no answer saves them: %s.", strings.Join(sunk, ", "))
	}
	if len(waiting) > 0 {
		add("Claimed and not decided: %s.", strings.Join(waiting, ", "))
	}
	if len(lines) == 0 {
		add("The ICS is valid, and all that it claims passes.")
	}
	return lines
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// limits says what a reader must know before relying on the verdict.
func (r *Report) limits(p *Plan) {
	covered, interpreted, means, alone := 0, 0, 0, 0
	for _, g := range p.Groups {
		for _, c := range g.Cases {
			if !g.Tested {
				continue
			}
			if c.Covered != nil && c.Verdict == assay.Pass {
				covered++
			}
			if c.Alone != "" {
				alone++
			}
			for _, u := range c.Units {
				if u.Interpretation {
					interpreted++
				}
				if u.Record != nil && u.Record.Means != "" {
					means++
				}
			}
		}
	}
	add := func(n int, one, many string) {
		if n == 1 {
			r.Limits = append(r.Limits, "1 "+one)
		} else if n > 1 {
			r.Limits = append(r.Limits, fmt.Sprintf("%d %s", n, many))
		}
	}
	r.Limits = append(r.Limits, "The laboratory did not control the associated services: what happens on a server was judged by what is declared, and by what could be seen from the device.")
	add(means, "unit rests on the means named beside it, and says only that nothing to the contrary was found by them.", "units rest on the means named beside them, and say only that nothing to the contrary was found by them.")
	add(interpreted, "unit of the plan is our interpretation of the provision.", "units of the plan are our interpretation of their provision, and marked so.")
	if r.TestSpecification != "V1.1.1" {
		r.Limits = append(r.Limits, "The units of "+r.TestSpecification+" were seen in one filled example only, and so were the fields of some IXIT tables.")
	}
	add(covered, "case is covered by evidence from elsewhere and was not run.", "cases are covered by evidence from elsewhere and were not run.")
	add(alone, "case has a verdict that somebody gave without its units. It does not count here.", "cases have a verdict that somebody gave without their units. They do not count here.")
	if r.IXIT == nil {
		r.Limits = append(r.Limits, "There is no IXIT of these versions, so that there is nothing to compare the device with.")
	} else if r.IXIT.Draft {
		r.Limits = append(r.Limits, "The IXIT is a draft that the supplier has not signed.")
	}
	wanted := 0
	for _, i := range p.Identity {
		if i.Wanted && i.Value.Type() == assay.NoType {
			wanted++
		}
	}
	add(wanted, "line of the identification is missing.", "lines of the identification are missing.")
	if r.Done < r.Steps {
		r.Limits = append(r.Limits, fmt.Sprintf("The test is not finished: %d of %d steps are answered.", r.Done, r.Steps))
	}
}

// WriteXLSX writes the report as a workbook: what laboratories paste from.
func (r *Report) WriteXLSX(w io.Writer) error {
	lead := []string{r.TestSpecification, r.Edition}
	row := func(s *Sheet, cells ...string) {
		for i, c := range cells {
			if err := checkText(c); err != nil {
				cells[i] = "(too long for a cell; see the JSON report)"
			}
		}
		s.Rows = append(s.Rows, append(slices.Clone(lead), cells...))
	}
	versions := []string{hTest, hEdition}
	identity := &Sheet{Name: "Identification", Header: append(slices.Clone(versions), "Line", "Value", "Stated by"), widths: []float64{12, 10, 34, 60, 30}}
	row(identity, "Device under test", r.Product.Name, "")
	row(identity, "Make", r.Product.Make, "")
	row(identity, "Models", strings.Join(r.Product.Models, ", "), "")
	for _, i := range r.Identity {
		value := ""
		if i.Value.Type() != assay.NoType {
			value = i.Value.String()
		}
		row(identity, i.Title, value, i.By)
	}
	row(identity, "Overall verdict", r.Verdict.String(), "")
	for _, b := range r.Because {
		row(identity, "Because", b, "")
	}
	ics := &Sheet{Name: "ICS", Header: append(slices.Clone(versions), hProvision, hName, hStatus, hSupport, hDetail, "Answered by"), widths: []float64{12, 10, 11, 40, 9, 9, 70, 30}}
	for _, i := range r.ICS {
		row(ics, i.Provision, i.Name, i.Status, i.Support, i.Detail, i.By)
	}
	groups := &Sheet{Name: "Groups", Header: append(slices.Clone(versions), "Group", hName, hStatus, "ICS", "Verdict", "Why"), widths: []float64{12, 10, 11, 40, 9, 9, 18, 70}}
	cases := &Sheet{Name: "Cases", Header: append(slices.Clone(versions), "Group", "Case", "Kind", "Verdict", "Why"), widths: []float64{12, 10, 11, 12, 22, 18, 80}}
	units := &Sheet{Name: "Units", Header: append(slices.Clone(versions), "Case", "Unit", "Kind", "What is done", "Fulfilled when", "Wording", "Verdict", "Reason", "Means", "By", "At", "Evidence"),
		widths: []float64{12, 10, 12, 6, 13, 50, 40, 14, 16, 50, 40, 26, 22, 60}}
	for _, g := range r.Groups {
		verdict := "not claimed"
		if g.Verdict != nil {
			verdict = g.Verdict.String()
		}
		row(groups, g.ID, g.Name, g.Status, g.Answer, verdict, g.Why)
		for _, c := range g.Cases {
			row(cases, g.ID, c.ID, c.Kind, c.Verdict.String(), c.Why)
			for _, u := range c.Units {
				word := "read"
				if u.Interpretation {
					word = "interpretation"
				}
				cells := []string{c.ID, u.Unit, u.Kind, u.Do, u.Holds, word}
				if rec := u.Record; rec != nil {
					verdict := rec.Verdict.String()
					if u.Stale != "" {
						verdict += " (does not count: " + u.Stale + ")"
					}
					var refs []string
					for _, e := range rec.Evidence {
						refs = append(refs, strings.TrimSpace(e.Name+" "+string(e.Digest)))
					}
					cells = append(cells, verdict, rec.Reason, rec.Means, rec.By, rec.At.Format(time.RFC3339), strings.Join(refs, "\n"))
				}
				row(units, cells...)
			}
		}
	}
	items := &Sheet{Name: "Evidence", Header: append(slices.Clone(versions), "Name", "Kind", "SHA-256", "Bytes", "Used by"), widths: []float64{12, 10, 40, 12, 74, 12, 30}}
	for _, i := range r.Evidence {
		row(items, i.Name, i.Kind, string(i.Digest), fmt.Sprint(i.Size), strings.Join(i.Used, ", "))
	}
	notes := append([]string{r.Title, r.Disclaimer, "Deviations: " + r.Deviations}, r.Limits...)
	return WriteXLSX(w, notes, identity, ics, groups, cases, units, items)
}
