package bench

import (
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
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/law"
)

// bed is a dossier on disk with a recorder.
func bed(t *testing.T, edition string) *Recorder {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "product.yaml"), []byte("name: Lamp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return reopen(t, dir, edition)
}

func reopen(t *testing.T, dir, edition string) *Recorder {
	t.Helper()
	d, err := dossier.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	test, err := For(law.Standard(), edition)
	if err != nil {
		t.Fatal(err)
	}
	return &Recorder{Test: test, Dossier: d, By: tester, Now: func() time.Time { return day }} // a clock that stands still
}

func (r *Recorder) mustPlan(t *testing.T) *Plan {
	t.Helper()
	p, err := r.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (r *Recorder) must(t *testing.T, step string, a Answer) {
	t.Helper()
	if err := r.Record(t.Context(), step, a); err != nil {
		t.Fatal(err)
	}
}

func caseOf(t *testing.T, p *Plan, id string) *Case {
	t.Helper()
	for _, g := range p.Groups {
		for _, c := range g.Cases {
			if c.ID == id {
				return c
			}
		}
	}
	t.Fatalf("no case %s", id)
	return nil
}

func TestRecordAndResume(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "product.yaml"), []byte("name: Lamp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := reopen(t, dir, "V2.1.1")
	if got, want := r.mustPlan(t).Next("", nil).ID, "identity/bench.supplier"; got != want {
		t.Errorf("the first step is %s, want %s", got, want)
	}
	r.must(t, "identity/bench.supplier", Answer{Value: "Example Lamps Ltd"})
	r.must(t, "identity/bench.serials", Answer{Value: "L-1, L-2,"})
	r.must(t, "identity/bench.began", Answer{Value: "2026-11-02"})
	r.must(t, "ics/5.3-16", Answer{Value: "Y", Reason: "on the label"})
	r.must(t, "ics/5.6-9", Answer{Value: "N", Reason: "too early"})

	pass := Answer{Value: "PASS", Reason: "it says L-100\nas declared"}
	if err := r.Record(t.Context(), "unit/5.3-16-2/a", pass); !errors.Is(err, assay.ErrInvalid) || !strings.Contains(err.Error(), "wanted: IXIT 2 (UserInfo)") {
		t.Errorf("a PASS without IXIT: %v", err)
	}
	x := r.Test.NewIXIT()
	x.Tables = []dossier.IXITTable{{Number: 2, Name: "UserInfo", Entries: []dossier.IXITEntry{{ID: "UserInfo", Fields: []dossier.IXITField{{Name: "Model Designation", Declared: "L-100"}}}}}}
	if err := r.Dossier.WriteIXIT(x); err != nil {
		t.Fatal(err)
	}
	if err := r.Record(t.Context(), "unit/5.3-16-2/a", pass); !errors.Is(err, assay.ErrInvalid) || !strings.Contains(err.Error(), "signed by the supplier") {
		t.Errorf("a PASS on a draft: %v", err)
	}
	if err := r.Test.Sign(x, "Jo Maker", day); err != nil {
		t.Fatal(err)
	}
	if err := r.Dossier.WriteIXIT(x); err != nil {
		t.Fatal(err)
	}
	pass.Files = []File{{Name: "../la bel.jpg", Data: []byte("picture")}}
	r.must(t, "unit/5.3-16-2/a", pass)
	if got := caseOf(t, r.mustPlan(t), "5.3-16-2"); got.Verdict != assay.Pass {
		t.Errorf("the case comes to %s (%s), want PASS", got.Verdict, got.Why)
	}
	r.Dossier.Close()

	// All of it is in the dossier: another run finds it.
	r = reopen(t, dir, "V2.1.1")
	p := r.mustPlan(t)
	c := caseOf(t, p, "5.3-16-2")
	rec := c.Units[0].Record
	if c.Verdict != assay.Pass || rec == nil || rec.By != tester || rec.Reason != "it says L-100 as declared" {
		t.Fatalf("case %s, record %+v", c.Verdict, rec)
	}
	item, ok := r.Dossier.Evidence.Find("device/la-bel.jpg")
	if !ok || !slices.ContainsFunc(rec.Evidence, func(e assay.Reference) bool { return e.Digest == item.Digest && e.Name == item.Name }) {
		t.Errorf("evidence %v, record %v", r.Dossier.Evidence.Items(), rec.Evidence)
	}
	if got := p.row("5.6-9"); got.Support != "N" || got.Detail != "too early" || got.By != tester {
		t.Errorf("row %+v", got)
	}
	stands := func() string {
		last := ""
		for _, o := range r.Dossier.Observed {
			if o.Term == "case.v1_1_1.p5_3_16_2" {
				last = o.Value.Text()
			}
		}
		return last
	}
	if got, want := stands(), "PASS"; got != want {
		t.Errorf("the dossier keeps %q for the case, want %q", got, want)
	}

	// What is said anew replaces what was said, even when the clock stands still.
	r.must(t, "unit/5.3-16-2/a", Answer{Value: "FAIL", Reason: "the label was another"})
	if got := caseOf(t, r.mustPlan(t), "5.3-16-2").Verdict; got != assay.Fail || stands() != "FAIL" {
		t.Errorf("after a FAIL the case comes to %s, kept %s", got, stands())
	}
	r.must(t, "unit/5.3-16-2/a", pass)
	if got := caseOf(t, r.mustPlan(t), "5.3-16-2").Verdict; got != assay.Pass || stands() != "PASS" {
		t.Errorf("after the same PASS again the case comes to %s, kept %s", got, stands())
	}
	r.must(t, "unit/5.3-16-2/a", Answer{Value: "inconclusive", Reason: "the unit is lost"})
	if got := caseOf(t, r.mustPlan(t), "5.3-16-2").Verdict; got != assay.Inconclusive || stands() != "INCONCLUSIVE" {
		t.Errorf("after INCONCLUSIVE the case comes to %s, kept %s", got, stands())
	}
}

func TestAnswersThatAreRefused(t *testing.T) {
	r := bed(t, "V2.1.1")
	r.must(t, "ics/5.5-1", Answer{Value: "Y"})
	for _, row := range []struct {
		name, step, says string
		answer           Answer
	}{
		{"no-step", "unit/9.9-9-1/a", "is no step", Answer{Value: "PASS", Reason: "x"}},
		{"not-claimed", "unit/5.5-2-1/a", "is no step", Answer{Value: "PASS", Reason: "x"}},
		{"no-reason", "unit/5.5-1-1/a", "wants its reason", Answer{Value: "FAIL", Reason: "  "}},
		{"no-verdict", "unit/5.5-1-1/a", "is no verdict", Answer{Value: "NOT APPLICABLE", Reason: "x"}},
		{"pass-without-ixit", "unit/5.5-1-1/a", "nothing to compare with", Answer{Value: "PASS", Reason: "x"}},
		{"long", "unit/5.5-1-1/a", "longer than", Answer{Value: "FAIL", Reason: strings.Repeat("x", maxText+1)}},
		{"control", "unit/5.5-1-1/a", "no screen can show", Answer{Value: "FAIL", Reason: "a\x1b[2Jb"}},
		{"n-without-reason", "ics/5.6-9", "want a reason", Answer{Value: "N"}},
		{"na-dash", "ics/5.1-1", "want a reason", Answer{Value: "n/a", Reason: "-"}},
		{"no-date", "identity/bench.began", "does not answer it", Answer{Value: "last week"}},
		{"nothing", "identity/bench.supplier", "there is no answer", Answer{Value: " "}},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := len(r.Dossier.Observations())
			err := r.Record(t.Context(), row.step, row.answer)
			if err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("error %v, want one that says %q", err, row.says)
			}
			if got := len(r.Dossier.Observations()); got != before {
				t.Errorf("%d observations were kept", got-before)
			}
		})
	}
}

func TestCoverAndUncover(t *testing.T) {
	r := bed(t, "V3.1.3")
	r.must(t, "ics/5.5-1", Answer{Value: "Y"})
	if err := r.Cover(t.Context(), "5.5-1-1", "certificate 12", nil); err == nil || !strings.Contains(err.Error(), "there is no evidence") {
		t.Errorf("cover without evidence: %v", err)
	}
	file := []File{{Name: "certificate.pdf", Data: []byte("%PDF"), Kind: evidence.Documents}}
	if err := r.Cover(t.Context(), "5.5-1-1", "certificate 12 of Example Lab, valid until 2028", file); err != nil {
		t.Fatal(err)
	}
	p := r.mustPlan(t)
	if c := caseOf(t, p, "5.5-1-1"); c.Verdict != assay.Pass || !strings.Contains(c.Why, "certificate 12") {
		t.Errorf("case %s: %s", c.Verdict, c.Why)
	}
	if p.Step("unit/5.5-1-1/a") != nil {
		t.Error("a unit of a covered case is still asked")
	}
	if err := r.Uncover("5.5-1-1", "it expired"); err != nil {
		t.Fatal(err)
	}
	p = r.mustPlan(t)
	if c := caseOf(t, p, "5.5-1-1"); c.Verdict != assay.Inconclusive || p.Step("unit/5.5-1-1/a") == nil {
		t.Errorf("case %s: %s", c.Verdict, c.Why)
	}
}

// TestEveryUnitIsWhole holds the data of both versions to what a tester needs, and
// counts them.
func TestEveryUnitIsWhole(t *testing.T) {
	want := map[string][3]int{"V2.1.1": {68, 109, 151}, "V3.1.3": {78, 132, 177}}
	for _, edition := range Editions(law.Standard()) {
		test, err := For(law.Standard(), edition)
		if err != nil {
			t.Fatal(err)
		}
		p, err := test.Plan(Input{})
		if err != nil {
			t.Fatal(err)
		}
		cases, units := 0, 0
		for _, g := range p.Groups {
			for _, c := range g.Cases {
				cases++
				for _, u := range c.Units {
					units++
					if u.Versions != test.Versions || u.Letter == "" || u.Kind != Conceptual && u.Kind != Functional {
						t.Errorf("unit %+v", u)
					}
					if u.Kind == Functional && len(u.Needs) == 0 {
						t.Errorf("%s unit %s of case %s is functional and needs nothing", edition, u.Letter, c.ID)
					}
					if !strings.HasSuffix(u.Do, ".") || !strings.HasSuffix(u.Holds, ".") {
						t.Errorf("%s unit %s of case %s does not end its sentences", edition, u.Letter, c.ID)
					}
				}
			}
		}
		if got := [3]int{len(p.Groups), cases, units}; got != want[edition] {
			t.Errorf("%s: %v groups, cases and units, want %v", edition, got, want[edition])
		}
		for _, number := range []int{1, 29} {
			if test.Table(number) == nil {
				t.Errorf("%s has no table %d", edition, number)
			}
		}
	}
	// No data are left over.
	groups, err := loadUnits()
	if err != nil {
		t.Fatal(err)
	}
	for id := range groups {
		used := slices.ContainsFunc(Editions(law.Standard()), func(e string) bool {
			test, err := For(law.Standard(), e)
			return err == nil && test.Catalogue.Provision(id) != nil
		})
		if !used {
			t.Errorf("group %s is in no edition", id)
		}
	}
}

func TestPrefill(t *testing.T) {
	saw := func(s assay.Subject, term assay.TermID, v assay.Value, source assay.Source, refs ...assay.Reference) assay.Observation {
		o := assay.Observation{Subject: s, Term: term, Value: v, Source: source, By: "device/services", At: day, Evidence: refs}
		o.Identify()
		return o
	}
	seen := []assay.Observation{
		saw("interface/telnet", "interface.protocol", assay.Text("telnet"), assay.Observed),
		saw("interface/telnet", "interface.enabled_at_boot", assay.Bool(true), assay.Observed),
		saw("interface/web", "interface.protocol", assay.Text("https"), assay.Observed),
		saw("interface/radio", "interface.protocol", assay.Text("bluetooth-le"), assay.Observed),
		saw("interface/said", "interface.protocol", assay.Text("ssh"), assay.Declared),
		saw("component/openssl", "component.version", assay.Text("1.1.1w"), assay.Observed),
		saw("component/busybox", "component.version", assay.Text("1.36"), assay.Observed),
		saw("account/root", "account.state", assay.Text("hash"), assay.Observed),
		saw("account/root", "account.login_shell", assay.Bool(true), assay.Observed),
		saw("account/root", "account.hash_scheme", assay.Text("md5crypt"), assay.Observed),
		saw("account/daemon", "account.state", assay.Text("locked"), assay.Observed),
		saw("account/daemon", "account.login_shell", assay.Bool(true), assay.Observed),
		saw("update/opkg", "update.protocol", assay.Text("http"), assay.Observed),
		saw("update/opkg", "update.signature_checked", assay.Bool(false), assay.Observed),
		saw("product", "firmware.hardcoded_secret", assay.Bool(true), assay.Observed, assay.Reference{Digest: digestOf("c"), Name: "firmware/image.bin", Place: "etc/ssl/key.pem"}),
		saw("product", "reporting.contact_published", assay.Bool(true), assay.Observed, assay.Reference{Digest: digestOf("d"), Name: "pages/fetched.warc.gz"}),
		saw("product", "support.end", assay.Day(assay.MustDate("2030-12-31")), assay.Observed),
	}
	for _, edition := range Editions(law.Standard()) {
		test, err := For(law.Standard(), edition)
		if err != nil {
			t.Fatal(err)
		}
		x, n := test.Prefill(nil, seen)
		if n == 0 || x.Draft() != true {
			t.Errorf("%s: %d fields", edition, n)
		}
		got := map[int][]string{}
		for _, table := range x.Tables {
			for _, e := range table.Entries {
				if e.Declared() {
					t.Errorf("%s: table %d entry %s is declared", edition, table.Number, e.ID)
				}
				got[table.Number] = append(got[table.Number], e.ID)
			}
		}
		want := map[int][]string{1: {"root"}, 2: {"UserInfo"}, 6: {"busybox", "openssl"}, 7: {"opkg"}, 10: {"found-1"}, 12: {"openssl"}, 13: {"telnet", "web"}}
		if edition == "V2.1.1" {
			want[15], want[28] = []string{"radio", "telnet", "web"}, []string{"web"}
		} else {
			want[15], want[28] = []string{"radio"}, []string{"telnet", "web"}
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s: entries (-got +want):\n%s", edition, diff)
		}
		for _, f := range x.Table(10).Entries[0].Fields {
			if f.Name == "Description" && (!strings.Contains(f.Found, string(digestOf("c"))) || !strings.Contains(f.Found, "etc/ssl/key.pem")) {
				t.Errorf("a secret is told as %q", f.Found)
			}
		}
		// What the supplier declares is left alone, and a row about the same part takes up what was found.
		declared := test.NewIXIT()
		declared.Tables = []dossier.IXITTable{{Number: 13, Name: "SoftServ", Entries: []dossier.IXITEntry{{ID: "SoftServ-1", About: "interface/web", Fields: []dossier.IXITField{{Name: "Description", Declared: "the page"}}}}}}
		if err := test.Sign(declared, "Jo Maker", day); err != nil {
			t.Fatal(err)
		}
		filled, _ := test.Prefill(declared, seen)
		if filled.Draft() {
			t.Errorf("%s: finding things unsigns what is declared", edition)
		}
		entries := filled.Table(13).Entries
		if len(entries) != 2 || entries[0].Fields[0].Declared != "the page" || entries[0].Fields[0].Found == "" || entries[1].ID != "telnet" {
			t.Errorf("%s: table 13 %+v", edition, entries)
		}
		if state := test.tableState(filled, 13, false); state.Entries != 1 || !cmp.Equal(state.Undeclared, []string{"telnet"}) {
			t.Errorf("%s: state %+v", edition, state)
		}
		// What is found no more goes; what is declared stays.
		bare, n := test.Prefill(filled, nil)
		if diff := cmp.Diff(bare.Table(13), declared.Table(13)); diff != "" || n != 0 {
			t.Errorf("%s: (-got +want):\n%s", edition, diff)
		}
	}
}

func TestMergeKeepsWhatWasFound(t *testing.T) {
	test, err := For(law.Standard(), "V2.1.1")
	if err != nil {
		t.Fatal(err)
	}
	field := func(declared, found string) []dossier.IXITField {
		return []dossier.IXITField{{Name: "Description", Declared: declared, Found: found}}
	}
	old := test.NewIXIT()
	old.Tables = []dossier.IXITTable{
		{Number: 5, Name: "VulnMon", Entries: []dossier.IXITEntry{{ID: "VulnMon-1", Fields: field("a list", "")}}},
		{Number: 13, Name: "SoftServ", Entries: []dossier.IXITEntry{{ID: "a", Fields: field("old", "seen a")}, {ID: "b", Fields: field("", "seen b")}, {ID: "c", Fields: field("gone", "")}}},
	}
	if err := test.Sign(old, "Jo Maker", day); err != nil {
		t.Fatal(err)
	}
	in := test.NewIXIT()
	in.Tables = []dossier.IXITTable{{Number: 13, Name: "SoftServ", Entries: []dossier.IXITEntry{{ID: "a", Fields: field("new", "written by the supplier")}, {ID: "d", Fields: field("more", "also written by the supplier")}}}}
	got := Merge(old, in)
	want := []dossier.IXITTable{old.Tables[0], {Number: 13, Name: "SoftServ", Entries: []dossier.IXITEntry{{ID: "a", Fields: field("new", "seen a")}, {ID: "d", Fields: field("more", "")}, {ID: "b", Fields: field("", "seen b")}}}}
	if diff := cmp.Diff(got.Tables, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if !got.Draft() {
		t.Error("what was changed is still signed")
	}
	if again := Merge(old, old); again.Draft() {
		t.Error("what was not changed is no longer signed")
	}
}
