package statement_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
)

var (
	issued = assay.MustDate("2026-11-22")
	now    = time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	later  = time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC) // than all that the example declares
)

// kettle is a copy of the example that passes, with changes to product.yaml and
// answers added.
func kettle(t testing.TB, edit func(product string) string, answers ...dossier.Answer) (string, *dossier.Dossier) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"product.yaml", "declared.yaml"} {
		data, err := os.ReadFile(filepath.Join("..", "examples", "kettle", name))
		if err != nil {
			t.Fatal(err)
		}
		if edit != nil && name == "product.yaml" {
			data = []byte(edit(string(data)))
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, open(t, dir, answers...)
}

func open(t testing.TB, dir string, answers ...dossier.Answer) *dossier.Dossier {
	t.Helper()
	d, err := dossier.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	for i := range answers {
		a := &answers[i]
		if a.By == "" {
			a.By = "Test"
		}
		if a.At.IsZero() {
			a.At = later
		}
	}
	if err := d.Answer(answers...); err != nil {
		t.Fatal(err)
	}
	return d
}

func says(subject assay.Subject, term assay.TermID, v assay.Value) dossier.Answer {
	return dossier.Answer{Subject: subject, Term: term, Value: v}
}

func request(dir string) statement.Request {
	return statement.Request{Dir: dir, Issued: issued, Place: "Exampleton", Signatory: statement.Signatory{Name: "Ada Example", Function: "head of compliance"}}
}

func build(t testing.TB, d *dossier.Dossier, r statement.Request) (*statement.Content, *law.Assessment, error) {
	t.Helper()
	facts, err := law.Standard().Vocabulary().FoldAll(d.Parts(), d.Observations())
	if err != nil {
		t.Fatal(err)
	}
	return statement.Build(d, facts, r)
}

func swap(from, to string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, from) {
			panic("the example has no " + from)
		}
		return strings.Replace(s, from, to, 1)
	}
}

func TestExampleHoldsEveryItem(t *testing.T) {
	dir, d := kettle(t, nil)
	c, _, err := build(t, d, request(dir))
	if err != nil {
		t.Fatal(err)
	}
	items := c.Items()
	if len(items) != 9 {
		t.Errorf("got %d items, want SOC-01 to SOC-09", len(items))
	}
	for _, item := range items {
		if !item.Present {
			t.Errorf("%s lacks %s", item.ID, item.Missing)
		}
	}
	if got, want := c.Support.End, assay.MustDate("2031-12-31"); got != want {
		t.Errorf("support until %s, want %s", got, want)
	}
	if got, want := c.RetainUntil, assay.MustDate("2036-11-21"); got != want {
		t.Errorf("keep until %s, want %s", got, want)
	}
	for _, o := range c.Opinion {
		if o.Basis != statement.Schedule1 {
			t.Errorf("%s rests on %s", o.Requirement, o.Basis)
		}
	}
}

func TestItemsMissing(t *testing.T) {
	dir, d := kettle(t, nil)
	whole, _, err := build(t, d, request(dir))
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		bend func(*statement.Content)
		want string
	}{
		"type":     {func(c *statement.Content) { c.Product.Types = nil }, "SOC-01"},
		"batch":    {func(c *statement.Content) { c.Product.Batch = " " }, "SOC-01"},
		"maker":    {func(c *statement.Content) { c.Manufacturers = nil }, "SOC-02"},
		"address":  {func(c *statement.Content) { c.Manufacturers = []statement.Person{{Name: "X"}} }, "SOC-02"},
		"agent":    {func(c *statement.Content) { c.Representatives = []statement.Person{{Address: "X"}} }, "SOC-03"},
		"prepared": {func(c *statement.Content) { c.PreparedBy = "" }, "SOC-04"},
		"opinion":  {func(c *statement.Content) { c.Opinion = c.Opinion[1:] }, "SOC-05"},
		"basis":    {func(c *statement.Content) { c.Opinion[0].Basis = "hope" }, "SOC-05"},
		"standard": {func(c *statement.Content) {
			c.Opinion[0].Basis, c.Opinion[0].Route = statement.ByStandard, "para1-standard"
		}, "SOC-06"},
		"incomplete": {func(c *statement.Content) { c.Standards = []statement.Standard{{Number: "EN"}} }, "SOC-06"},
		"end":        {func(c *statement.Content) { c.Support.End = assay.Date{} }, "SOC-07"},
		"name":       {func(c *statement.Content) { c.Signatory.Name = "" }, "SOC-08"},
		"function":   {func(c *statement.Content) { c.Signatory.Function = "" }, "SOC-08"},
		"place":      {func(c *statement.Content) { c.Place = "" }, "SOC-09"},
		"date":       {func(c *statement.Content) { c.Issued = assay.Date{} }, "SOC-09"},
	} {
		t.Run(name, func(t *testing.T) {
			c := *whole
			c.Opinion = slices.Clone(whole.Opinion)
			row.bend(&c)
			var got []string
			for _, item := range c.Items() {
				if !item.Present {
					got = append(got, item.ID)
				}
			}
			if diff := cmp.Diff(got, []string{row.want}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	const pw = assay.Subject("password/app-pairing")
	no, yes := assay.Bool(false), assay.Bool(true)
	clash := []dossier.Answer{says(assay.Product, "reporting.ack_time_stated", no)}
	vague := append(slices.Clone(clash), says(assay.Product, "reporting.ack_time_worded", yes))
	nothing := []dossier.Answer{says(assay.Product, "component.preinstalled_updatable", no), says(assay.Product, "component.required_updatable", no)}
	supplied := func(s string) string { // long before anybody recorded what was published
		return swap("    units: 12000\n", "    units: 12000\n  - id: b2\n")(s) + "supply:\n  - date: 2025-01-01\n    batch: b2\n"
	}
	opinion := func(s string) []statement.Opinion {
		o, err := statement.ParseOpinion(s)
		if err != nil {
			t.Fatal(err)
		}
		return []statement.Opinion{o}
	}
	for name, row := range map[string]struct {
		edit    func(string) string
		answers []dossier.Answer
		bend    func(*statement.Request)
		want    []string // "LIMB VERDICT"; none: it is issued
		taken   []string
		kind    error // where it is another error
	}{
		"passes":       {},
		"blank":        {answers: []dossier.Answer{says(pw, "password.blank_accepted", yes)}, want: []string{"PW-1 FAIL"}},
		"contradicted": {answers: []dossier.Answer{says(pw, "password.set_by_user", no)}, want: []string{"PW-1 INCONCLUSIVE", "PW-2 INCONCLUSIVE", "PW-3 INCONCLUSIVE", "PW-4 INCONCLUSIVE", "PW-5 INCONCLUSIVE"}},
		"vague-time":   {answers: vague, want: nil}, // EN 303 645 provision 5.2-1 allows words
		"vague-direct": {answers: vague, bend: func(r *statement.Request) { r.Rely = []string{"para2-direct"} }, want: []string{"VR-2 INCONCLUSIVE"}},
		"vague-direct-opinion": {answers: vague, bend: func(r *statement.Request) {
			r.Rely, r.Opinions = []string{"para2-direct"}, opinion("VR-2=promptly means two days with us by Bo Example, counsel")
		}, taken: []string{"VR-2"}},
		"vague-opinion-elsewhere": {answers: vague, bend: func(r *statement.Request) { r.Opinions = opinion("VR-2=promptly means two days by Bo") }, kind: assay.ErrInvalid},
		"no-updates":              {answers: append(slices.Clone(vague), says(assay.Product, "reporting.updates_time_stated", no)), want: []string{"VR-2 INCONCLUSIVE", "VR-3 INCONCLUSIVE"}},
		"one-opinion-of-two": {answers: append(slices.Clone(vague), says(assay.Product, "reporting.updates_time_stated", no)),
			bend: func(r *statement.Request) { r.Opinions = opinion("VR-2=promptly means two days by Bo") }, want: []string{"VR-3 INCONCLUSIVE"}},
		"no-contact": {answers: []dossier.Answer{says(assay.Product, "reporting.contact_published", no)}, want: []string{"VR-1-contact FAIL"}},
		"fail-with-opinion": {answers: []dossier.Answer{says(assay.Product, "reporting.contact_published", no)},
			bend: func(r *statement.Request) { r.Opinions = opinion("VR-1-contact=we know better by Ada") }, want: []string{"VR-1-contact FAIL"}},
		"after-end": {answers: []dossier.Answer{says(assay.Product, "support.end", assay.Day(assay.MustDate("2026-06-30")))}, want: []string{"SP-7 INCONCLUSIVE"}},
		"after-end-opinion": {answers: []dossier.Answer{says(assay.Product, "support.end", assay.Day(assay.MustDate("2026-06-30")))},
			bend: func(r *statement.Request) {
				r.Opinions = opinion("SP-7=the last units leave the shelf by Ada Example, director")
			}, taken: []string{"SP-7"}},
		"shortened":   {answers: []dossier.Answer{says(assay.Product, "support.shortened", yes), says(assay.Product, "support.shortening_undone", no)}, want: []string{"SP-6 FAIL"}},
		"lifetime":    {answers: []dossier.Answer{says(assay.Product, "support.end_form", assay.Text("open"))}, want: []string{"SP-1a FAIL"}},
		"no-address":  {edit: swap("    address: 1 Spout Lane, Exampleton EX1 1AA, United Kingdom\n", ""), want: []string{"SOC-02 INCONCLUSIVE", "SOC-02 INCONCLUSIVE"}},
		"no-batch":    {edit: swap("batches:\n  - id: \"2026-05\"\n    made: 2026-02-02\n    units: 12000\n", ""), want: []string{"SOC-01 INCONCLUSIVE"}},
		"two-batches": {edit: swap("    units: 12000\n", "    units: 12000\n  - id: next\n"), kind: assay.ErrInvalid},
		"other-batch": {bend: func(r *statement.Request) { r.Batch = "nope" }, kind: assay.ErrNotFound},
		"agent-unnamed": {answers: []dossier.Answer{{Subject: assay.Product, Term: "statement.representative_exists", Value: yes, By: "Ada Example, compliance engineer of Example Kettles Ltd", At: later}},
			want: []string{"SOC-03 INCONCLUSIVE"}},
		"out-of-scope": {edit: swap("[GB, NI]", "[GB]"), answers: []dossier.Answer{says(assay.Product, "product.kind", assay.Set("desktop_computer")), says(assay.Product, "exception.children_only", no)}, kind: assay.ErrRefused},
		"scope-open":   {answers: []dossier.Answer{says(assay.Product, "product.kind", assay.Set("motor_vehicle_or_part"))}, want: []string{"scope INCONCLUSIVE"}},
		"scope-opinion": {answers: []dossier.Answer{says(assay.Product, "product.kind", assay.Set("motor_vehicle_or_part"))},
			bend: func(r *statement.Request) { r.Opinions = opinion("scope=it has no type approval by Bo") }, taken: []string{"scope"}},
		"needless":             {bend: func(r *statement.Request) { r.Opinions = opinion("PW-1=no reason by Ada") }, kind: assay.ErrInvalid},
		"unknown-limb":         {bend: func(r *statement.Request) { r.Opinions = opinion("XX-9=no reason by Ada") }, kind: assay.ErrInvalid},
		"unknown-way":          {bend: func(r *statement.Request) { r.Rely = []string{"para9"} }, kind: assay.ErrNotFound},
		"by-standard":          {bend: func(r *statement.Request) { r.Rely = []string{"para3-standard"} }},
		"label-not-held":       {bend: func(r *statement.Request) { r.Rely = []string{"para1-cls"} }, want: []string{"para1-cls NOT APPLICABLE"}},
		"two-lines":            {bend: func(r *statement.Request) { r.Place = "A\nB" }, kind: assay.ErrInvalid},
		"nobody":               {bend: func(r *statement.Request) { r.Signatory.Name = " " }, kind: assay.ErrInvalid},
		"no-end-known":         {edit: supplied, bend: func(r *statement.Request) { r.Batch = "b2"; r.Opinions = opinion("SOC-07=unknown by Bo") }, want: []string{"SOC-07 INCONCLUSIVE"}},
		"nothing-updates-open": {edit: supplied, answers: nothing, bend: func(r *statement.Request) { r.Batch = "b2" }, want: []string{"SOC-07 INCONCLUSIVE"}},
		"nothing-updates-opinion": {edit: supplied, answers: nothing, bend: func(r *statement.Request) {
			r.Batch = "b2"
			r.Opinions = opinion("SOC-07=nothing can be updated by Bo")
		},
			taken: []string{"SOC-07"}},
		"nothing-updates": {answers: []dossier.Answer{says(assay.Product, "component.preinstalled_updatable", no), says(assay.Product, "component.required_updatable", no)}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, d := kettle(t, row.edit, row.answers...)
			r := request(dir)
			if row.bend != nil {
				row.bend(&r)
			}
			c, _, err := build(t, d, r)
			var refusal *statement.Refusal
			switch {
			case errors.As(err, &refusal):
				if !errors.Is(err, assay.ErrRefused) {
					t.Errorf("%v is not refused", err)
				}
				var got []string
				for _, p := range refusal.Points {
					got = append(got, p.Limb+" "+p.Verdict.String())
				}
				if diff := cmp.Diff(got, row.want); diff != "" {
					t.Errorf("points: %s\n%v", diff, err)
				}
			case row.kind != nil:
				if !errors.Is(err, row.kind) {
					t.Errorf("got %v, want %v", err, row.kind)
				}
			case err != nil || len(row.want) > 0:
				t.Errorf("got %v, want %v", err, row.want)
			default:
				var taken []string
				for _, x := range c.Responsibility {
					taken = append(taken, x.Limb)
				}
				if diff := cmp.Diff(taken, row.taken); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestSupportPeriodAtFirstSupply(t *testing.T) {
	supply := func(day string) func(string) string {
		return func(s string) string {
			return s + "supply:\n  - date: " + day + "\n    batch: b2\n"
		}
	}
	two := func(edit func(string) string) func(string) string {
		return func(s string) string {
			s = swap("    units: 12000\n", "    units: 12000\n  - id: b2\n")(s)
			if edit != nil {
				s = edit(s)
			}
			return s
		}
	}
	end := func(day, at string) dossier.Answer {
		a := says(assay.Product, "support.end", assay.Day(assay.MustDate(day)))
		a.At = assay.MustDate(at).Time()
		return a
	}
	declared := func(subject assay.Subject, day string) dossier.Answer {
		return says(subject, "statement.end_at_first_supply", assay.Day(assay.MustDate(day)))
	}
	for name, row := range map[string]struct {
		edit    func(string) string
		answers []dossier.Answer
		want    string // "" for refused with SOC-07
	}{
		"not-yet-supplied":        {edit: supply("2026-12-24"), want: "2031-12-31"},
		"nobody-says-when":        {edit: nil},
		"product-speaks-for-one":  {edit: nil, answers: []dossier.Answer{declared(assay.Product, "2031-12-31")}},
		"declared-of-the-batch":   {answers: []dossier.Answer{declared("statement/b2", "2032-06-30")}, want: "2032-06-30"},
		"declared-before-supply":  {edit: supply("2026-12-24"), answers: []dossier.Answer{declared("statement/b2", "2032-06-30")}},
		"record-begins-after":     {edit: supply("2026-10-01")},
		"record-says-and-goes-on": {edit: supply("2026-10-01"), answers: []dossier.Answer{{Subject: assay.Product, Term: "support.end", Value: assay.Day(assay.MustDate("2031-12-31")), By: "Another", At: assay.MustDate("2026-09-01").Time()}}, want: "2031-12-31"},
		"changed-about-then":      {edit: supply("2026-10-01"), answers: []dossier.Answer{end("2030-12-31", "2026-09-01")}},
		"change-before-then": {edit: supply("2026-10-01"), answers: []dossier.Answer{end("2030-12-31", "2026-08-01"),
			{Subject: assay.Product, Term: "support.end", Value: assay.Day(assay.MustDate("2031-12-31")), By: "Another", At: assay.MustDate("2026-09-01").Time()}}, want: "2031-12-31"},
		"record-against-declared": {edit: supply("2026-10-01"), answers: []dossier.Answer{declared("statement/b2", "2032-06-30"),
			{Subject: assay.Product, Term: "support.end", Value: assay.Day(assay.MustDate("2031-12-31")), By: "Another", At: assay.MustDate("2026-09-01").Time()}}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, d := kettle(t, two(row.edit), row.answers...)
			r := request(dir)
			r.Batch = "b2"
			c, _, err := build(t, d, r)
			if row.want == "" {
				var refusal *statement.Refusal
				if !errors.As(err, &refusal) || len(refusal.Points) != 1 || refusal.Points[0].Limb != "SOC-07" {
					t.Errorf("got %v, want SOC-07 open", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Support.End.String(); got != row.want {
				t.Errorf("got %s, want %s (%s)", got, row.want, c.Support.Source)
			}
		})
	}
}

func fakePDF(context.Context, []byte) ([]byte, error) { return []byte("%PDF-1.7 a page"), nil }

func newKey(t testing.TB) *sign.Key {
	t.Helper()
	k, err := sign.Generate(sign.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func issue(t testing.TB, dir string, d *dossier.Dossier, r statement.Request, k *sign.Key) (*statement.Issued, error) {
	t.Helper()
	c, a, err := build(t, d, r)
	if err != nil {
		return nil, err
	}
	return statement.Issue(t.Context(), dir, d, c, a, statement.Options{Key: k, Now: now, Print: fakePDF})
}

func TestPeriodOfABatchIsForEver(t *testing.T) {
	dir, d := kettle(t, swap("    units: 12000\n", "    units: 12000\n  - id: b2\n"))
	k := newKey(t)
	r := request(dir)
	r.Batch, r.FirstSupply = "2026-05", issued
	first, err := issue(t, dir, d, r, k)
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, first.Envelope))
	if err != nil {
		t.Fatal(err)
	}
	extended := says(assay.Product, "support.end", assay.Day(assay.MustDate("2034-12-31")))
	if err := d.Answer(dossier.Answer{Subject: assay.Product, Term: extended.Term, Value: extended.Value, By: "Test", At: later}); err != nil {
		t.Fatal(err)
	}
	if _, err := issue(t, dir, d, r, k); !errors.Is(err, assay.ErrConflict) {
		t.Errorf("the period of a batch was changed: %v", err)
	}
	r.FirstSupply = assay.Date{}
	again, err := issue(t, dir, d, r, k)
	if err != nil {
		t.Fatal(err)
	}
	v, err := statement.Verify(t.Context(), filepath.Join(dir, again.Envelope), statement.VerifyOptions{})
	if err != nil || !v.Holds {
		t.Fatalf("%v %v", v, err)
	}
	if got := v.Content.Support.End.String(); got != "2031-12-31" {
		t.Errorf("issued anew with %s", got)
	}
	if after, err := os.ReadFile(filepath.Join(dir, first.Envelope)); err != nil || !bytes.Equal(before, after) {
		t.Error("the statement issued before was changed")
	}
	r.Batch, r.FirstSupply = "b2", issued
	other, err := issue(t, dir, d, r, k)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = statement.Verify(t.Context(), filepath.Join(dir, other.Envelope), statement.VerifyOptions{}); err != nil || v.Content.Support.End.String() != "2034-12-31" {
		t.Errorf("another batch: %v %v", v, err)
	}
	if err := os.WriteFile(filepath.Join(dir, first.Envelope), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.Batch, r.FirstSupply = "2026-05", assay.Date{}
	if _, err := issue(t, dir, d, r, k); !errors.Is(err, assay.ErrConflict) {
		t.Errorf("with the earlier statement broken: %v", err)
	}
}

func TestAnswersAreTermsOfTheVocabulary(t *testing.T) {
	dir, d := kettle(t, swap("    units: 12000\n", "    units: 12000\n  - id: b2\n"))
	r := request(dir)
	r.Batch, r.FirstSupply = "b2", issued
	c, _, err := build(t, d, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range statement.Answers(&d.Product, c, now) {
		term := law.Standard().Vocabulary().Term(a.Term)
		if term == nil || !term.FitsSubject(a.Subject) {
			t.Errorf("%s of %s", a.Term, a.Subject)
			continue
		}
		if _, err := term.Check(a.Value); err != nil {
			t.Errorf("%s: %v", a.Term, err)
		}
	}
	if err := d.Answer(statement.Answers(&d.Product, c, now)...); err != nil {
		t.Error(err)
	}
}
