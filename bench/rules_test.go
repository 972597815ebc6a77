package bench

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
)

const tester = "Kim Lee, laboratory"

var day = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// made is a whole test that passes, to be spoilt by the rows of the tables below.
type made struct {
	test  *Test
	all   []assay.Observation
	parts []assay.Subject
	ixit  *dossier.IXIT
	gone  []assay.Digest // evidence that is not in the dossier
	at    time.Time
}

// conditions of the product that the tests make up: it has passwords, is updated over
// a network, and collects no telemetry.
var conditions = map[assay.TermID]bool{
	"password.used": true, "en.preinstalled_passwords": true, "en.user_authentication": true, "en.cryptographic_authentication": true, "en.network_authentication": true,
	"en.automatic_updates": true, "en.update_notices": true, "en.network_updates": true, "en.update_mechanism": true, "en.mutable_software": true, "en.updatable_software": true,
	"en.stored_parameters": true, "en.service_parameters": true, "en.network_configuration": true, "en.parameters_sent": true, "en.critical_parameters": true,
	"en.personal_data": true, "en.personal_data_to_services": true, "en.external_sensing": true, "en.change_detection": true, "en.unused_interfaces": true,
	"device.debug_port_open": false, "device.debug_service_open": false, "device.sensitive_data_in_clear": false,
	"en.software_not_updatable": false, "en.device_constrained": false, "en.telemetry": false, "en.consent": false, "en.hard_coded_identity": false, "en.debug_ports": false, "en.debug_interfaces": false,
	"en.resources_prevent_guessing_resistance": false, "en.resources_prevent_updates": false, "en.sensitive_data_to_services": false, "en.data_kept_by_services": false, "en.aggregate_only": false,
}

func newMade(t *testing.T, edition string) *made {
	t.Helper()
	test, err := For(law.Standard(), edition)
	if err != nil {
		t.Fatal(err)
	}
	m := &made{test: test, at: day}
	for term, holds := range conditions {
		m.say("", term, assay.Bool(holds), assay.Declared, "")
	}
	m.say("", serials, assay.Set("A1", "A2"), assay.Declared, "")
	// Claim everything, then correct what does not apply as the form's own check says.
	for _, p := range test.Catalogue.Provisions {
		if p.Support != "" {
			m.say("", p.Support, assay.Text("Y"), assay.Declared, "as declared")
		}
	}
	for _, x := range m.plan(t).Problems {
		if x.Kind == law.FactsContradict {
			m.answer(t, x.Provision, "NA", "the product has none of it")
		}
	}
	m.ixit = test.NewIXIT()
	for _, known := range test.Catalogue.IXIT {
		table := dossier.IXITTable{Number: known.Number, Name: known.Name}
		if known.Name == "TelData" {
			table.Empty = "no telemetry is collected"
		} else {
			e := dossier.IXITEntry{ID: known.Name + "-1"}
			for _, f := range known.Fields {
				value := map[string]string{"Authentication Factor": "password", "Debug Interface": "no", "Type": "critical"}[f]
				if value == "" {
					value = "as described"
				}
				e.Fields = append(e.Fields, dossier.IXITField{Name: f, Declared: value})
			}
			table.Entries = append(table.Entries, e)
		}
		m.ixit.Tables = append(m.ixit.Tables, table)
	}
	m.sign(t)
	for _, g := range m.plan(t).Groups {
		for _, c := range g.Cases {
			for _, u := range c.Units {
				m.unit(t, c.ID, u.Letter, "PASS", "as it should be", "looked at with a tool")
			}
		}
	}
	return m
}

// say adds an observation, later than all before.
func (m *made) say(s assay.Subject, term assay.TermID, v assay.Value, source assay.Source, note string, evidence ...assay.Reference) assay.Observation {
	m.at = m.at.Add(time.Minute)
	if s == "" {
		s = assay.Product
	}
	o := assay.Observation{Subject: s, Term: term, Value: v, Source: source, By: tester, At: m.at, Note: note, Evidence: evidence}
	o.Identify()
	m.all = append(m.all, o)
	return o
}

func (m *made) plan(t *testing.T) *Plan {
	t.Helper()
	p, err := m.test.Plan(Input{Observations: m.all, Parts: m.parts, IXIT: m.ixit, Holds: func(d assay.Digest) bool { return !slices.Contains(m.gone, d) }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (m *made) answer(t *testing.T, provision, answer, reason string) {
	t.Helper()
	p := m.test.Catalogue.Provision(provision)
	if p == nil {
		t.Fatalf("no provision %s", provision)
	}
	m.say("", p.Support, assay.Text(answer), assay.Declared, "")
	if p.Reason != "" {
		m.say("", p.Reason, assay.Text(reason), assay.Declared, "")
	}
}

func (m *made) sign(t *testing.T) {
	t.Helper()
	if err := m.test.Sign(m.ixit, "Jo Maker, head of compliance", day); err != nil {
		t.Fatal(err)
	}
}

func (m *made) unit(t *testing.T, caseID, letter, verdict, reason, means string, evidence ...assay.Reference) {
	t.Helper()
	if means != "" {
		reason += meansLine + means
	}
	for _, p := range m.test.Catalogue.Provisions {
		for _, c := range p.Group.Cases {
			if c.ID == caseID {
				numbers := tableNumbers(p)
				if d := (&Plan{IXIT: m.ixit}).tablesDigest(numbers); d != "" {
					evidence = append(evidence, assay.Reference{Digest: d, Name: "tables", Place: ixitPlace})
				}
				m.say(m.test.unitSubject(caseID, letter), unitVerdict, assay.Text(verdict), assay.Observed, reason, evidence...)
				return
			}
		}
	}
	t.Fatalf("no case %s", caseID)
}

// drop takes the answers to a unit away, as if it had never been put.
func (m *made) drop(caseID, letter string) {
	m.all = slices.DeleteFunc(m.all, func(o assay.Observation) bool { return o.Subject == m.test.unitSubject(caseID, letter) })
}

func digestOf(c string) assay.Digest { return assay.Digest("sha256:" + strings.Repeat(c, 64)) }

// TestVerdictRules holds the rules by which units make cases, cases groups, and groups
// the whole. Sources: N is a section of the notes on TS 103 701, D a decision.
func TestVerdictRules(t *testing.T) {
	proof := assay.Reference{Digest: digestOf("a"), Name: "documents/certificate.pdf"}
	rows := []struct {
		name, edition, source string
		spoil                 func(*testing.T, *made)
		want                  assay.Verdict
		group                 string // whose verdict is looked at, too
		wantGroup             assay.Verdict
		problem               law.ICSProblemKind // that the form must show
	}{
		{name: "whole-v2", edition: "V2.1.1", source: "N5 overall PASS", want: assay.Pass, group: "5.1-1", wantGroup: assay.Pass},
		{name: "whole-v3", edition: "V3.1.3", source: "N5 overall PASS", want: assay.Pass, group: "5.13-1B", wantGroup: assay.Pass},
		{name: "mandatory-fails", edition: "V2.1.1", source: "N5 group FAIL: at least one case FAIL",
			spoil: func(t *testing.T, m *made) {
				m.unit(t, "5.1-1-2", "b", "FAIL", "it works before a password is set", "")
			},
			want: assay.Fail, group: "5.1-1", wantGroup: assay.Fail},
		{name: "claimed-recommendation-fails", edition: "V2.1.1", source: "N5: a recommendation that is claimed Y and fails sinks the whole",
			spoil: func(t *testing.T, m *made) { m.unit(t, "5.6-7-1", "a", "FAIL", "all runs as root", "") },
			want:  assay.Fail, group: "5.6-7", wantGroup: assay.Fail},
		{name: "unclaimed-recommendation", edition: "V2.1.1", source: "N5: claiming less is lawful",
			spoil: func(t *testing.T, m *made) {
				m.unit(t, "5.6-7-1", "a", "FAIL", "all runs as root", "")
				m.answer(t, "5.6-7", "N", "the platform has one user only")
			}, want: assay.Pass},
		{name: "mandatory-untested", edition: "V2.1.1", source: "N5: mandatory rows that are not tested leave the overall verdict open",
			spoil: func(t *testing.T, m *made) { m.drop("5.1-1-1", "a") }, want: assay.Inconclusive, group: "5.1-1", wantGroup: assay.Inconclusive},
		{name: "row-missing", edition: "V2.1.1", source: "N4: every row answered",
			spoil: func(t *testing.T, m *made) {
				m.all = slices.DeleteFunc(m.all, func(o assay.Observation) bool { return o.Term == "ics.v2_1_1.p5_6_7" })
			}, want: assay.Inconclusive, problem: law.RowMissing},
		{name: "na-on-plain-row", edition: "V2.1.1", source: "N4: no N/A on an unconditional row",
			spoil: func(t *testing.T, m *made) { m.answer(t, "5.4-1", "NA", "there is nothing") }, want: assay.Fail, problem: law.NAOnPlain},
		{name: "na-on-plain-recommendation", edition: "V3.1.3", source: "N4: no N/A on an unconditional row",
			spoil: func(t *testing.T, m *made) { m.answer(t, "5.6-9", "NA", "there is nothing") }, want: assay.Fail, problem: law.NAOnPlain},
		{name: "n-on-mandatory", edition: "V2.1.1", source: "N4: no N on an applicable M row",
			spoil: func(t *testing.T, m *made) { m.answer(t, "5.1-1", "N", "we know better") }, want: assay.Fail, problem: law.NOnMandatory},
		{name: "n-without-reason", edition: "V2.1.1", source: "D32: N without a reason makes the form invalid",
			spoil: func(t *testing.T, m *made) { m.answer(t, "5.6-7", "N", "") }, want: assay.Fail, problem: law.ReasonMissing},
		{name: "n-where-na", edition: "V2.1.1", source: "D33: a row that should be N/A but says N is invalid until corrected",
			spoil: func(t *testing.T, m *made) { m.answer(t, "5.10-1", "N", "no telemetry") }, want: assay.Fail, problem: law.NotApplicableN},
		{name: "na-without-condition", edition: "V2.1.1", source: "N4: why the condition does not hold must be so",
			spoil: func(t *testing.T, m *made) { m.answer(t, "5.1-4", "NA", "nobody logs in") }, want: assay.Fail, problem: law.FactsContradict},
		{name: "ixit-contradicts-na", edition: "V2.1.1", source: "N4: IXIT entry contradicts N/A",
			spoil: func(t *testing.T, m *made) {
				m.ixit.Table(24).Empty = ""
				m.ixit.Table(24).Entries = []dossier.IXITEntry{{ID: "TelData-1", Fields: []dossier.IXITField{{Name: "Description", Declared: "crash reports"}}}}
				m.sign(t)
			}, want: assay.Fail, problem: IXITContradicts},
		{name: "ixit-says-none", edition: "V2.1.1", source: "an entry that says that there is nothing contradicts no N/A",
			spoil: func(t *testing.T, m *made) {
				m.ixit.Table(24).Empty = ""
				m.ixit.Table(24).Entries = []dossier.IXITEntry{{ID: "TelData-1", Fields: []dossier.IXITField{{Name: "Description", Declared: "The lamp doesn't collect any."}}}}
				m.sign(t)
			}, want: assay.Pass},
		{name: "ixit-contradicts-no-passwords", edition: "V3.1.3", source: "N4: no passwords on 5.1-1 with a password entry in IXIT 1",
			spoil: func(t *testing.T, m *made) {
				m.say("", "password.used", assay.Bool(false), assay.Declared, "")
				m.answer(t, "5.1-1", "NA", "there are no passwords")
			}, want: assay.Fail, problem: IXITContradicts},
		{name: "draft-contradicts-nothing", edition: "V2.1.1", source: "N6: rows stay drafts until the supplier signs them",
			spoil: func(t *testing.T, m *made) {
				m.ixit.Table(24).Empty = ""
				m.ixit.Table(24).Entries = []dossier.IXITEntry{{ID: "TelData-1", Fields: []dossier.IXITField{{Name: "Description", Declared: "crash reports"}}}}
			}, want: assay.Inconclusive},
		{name: "scan-contradicts-na", edition: "V2.1.1", source: "N4: scan result contradicts N/A",
			spoil: func(t *testing.T, m *made) {
				m.say("", "en.telemetry", assay.Bool(true), assay.Observed, "seen in traffic")
			},
			want: assay.Fail, problem: ScanContradicts},
		{name: "named-part-contradicts-na", edition: "V2.1.1", source: "N4: no passwords on 5.1-1 with a password that is named",
			spoil: func(t *testing.T, m *made) {
				m.say("", "password.used", assay.Bool(false), assay.Declared, "")
				m.ixit.Table(1).Entries[0].Fields[1].Declared = "certificate"
				m.sign(t)
				m.answer(t, "5.1-1", "NA", "there are no passwords")
				m.parts = append(m.parts, "password/admin")
				m.say("password/admin", "password.excluded_kind", assay.Text("none"), assay.Declared, "")
			}, want: assay.Fail, problem: law.FactsContradict},
		{name: "rows-contradict", edition: "V2.1.1", source: "N4: two rows answer the same condition differently",
			spoil: func(t *testing.T, m *made) {
				m.answer(t, "6-4", "Y", "")
				m.all = slices.DeleteFunc(m.all, func(o assay.Observation) bool { return o.Term == "en.telemetry" })
				m.ixit.Table(24).Empty = ""
				m.sign(t)
			}, want: assay.Fail, problem: law.RowsContradict},
		{name: "unit-inconclusive", edition: "V2.1.1", source: "N5 case INCONCLUSIVE: something needed is missing",
			spoil: func(t *testing.T, m *made) { m.unit(t, "5.3-2-2", "a", "INCONCLUSIVE", "there was no spare unit", "") },
			want:  assay.Inconclusive, group: "5.3-2", wantGroup: assay.Inconclusive},
		{name: "fail-beats-open", edition: "V2.1.1", source: "N5 case FAIL: a unit is not fulfilled",
			spoil: func(t *testing.T, m *made) {
				m.unit(t, "5.1-1-2", "a", "INCONCLUSIVE", "no scanner", "")
				m.unit(t, "5.1-1-2", "b", "FAIL", "blank accepted", "")
			}, want: assay.Fail, group: "5.1-1", wantGroup: assay.Fail},
		{name: "no-ixit", edition: "V2.1.1", source: "N3: a functional case cannot be passed without an IXIT",
			spoil: func(t *testing.T, m *made) { m.ixit = nil }, want: assay.Inconclusive, group: "5.1-1", wantGroup: assay.Inconclusive},
		{name: "one-table-missing", edition: "V2.1.1", source: "N3: a functional case cannot be passed without an IXIT",
			spoil: func(t *testing.T, m *made) {
				m.ixit.Tables = slices.DeleteFunc(m.ixit.Tables, func(x dossier.IXITTable) bool { return x.Number == 15 })
				m.sign(t)
				m.unit(t, "5.6-1-2", "b", "PASS", "nothing found", "a scanner")
				m.unit(t, "5.6-1-2", "a", "PASS", "nothing found", "a scanner")
				m.unit(t, "5.6-1-1", "a", "PASS", "nothing found", "")
			}, want: assay.Inconclusive, group: "5.6-1", wantGroup: assay.Inconclusive},
		{name: "found-only-is-no-ixit", edition: "V2.1.1", source: "N6: found by us and declared by supplier are kept apart",
			spoil: func(t *testing.T, m *made) {
				m.ixit.Table(13).Entries = []dossier.IXITEntry{{ID: "telnet", Fields: []dossier.IXITField{{Name: "Description", Found: "telnet"}}}}
				m.sign(t)
				m.unit(t, "5.6-5-1", "a", "PASS", "fine", "")
			}, want: assay.Inconclusive, group: "5.6-5", wantGroup: assay.Inconclusive},
		{name: "ixit-unsigned", edition: "V2.1.1", source: "N6: rows stay drafts until the supplier signs them",
			spoil: func(t *testing.T, m *made) { m.ixit.Signed = nil }, want: assay.Inconclusive, group: "5.5-1", wantGroup: assay.Inconclusive},
		{name: "ixit-changed-after", edition: "V2.1.1", source: "N3: the case compares the device with the IXIT",
			spoil: func(t *testing.T, m *made) {
				m.ixit.Table(11).Entries[0].Fields[0].Declared = "something else"
				m.sign(t)
			}, want: assay.Inconclusive, group: "5.5-1", wantGroup: assay.Inconclusive},
		{name: "ixit-of-other-version", edition: "V2.1.1", source: "N1: a verdict without the pair of versions is not meaningful",
			spoil: func(t *testing.T, m *made) {
				m.ixit.TestSpecification, m.ixit.Edition = "V2.1.1", "V3.1.3"
				m.ixit.Signed.Digest = m.ixit.DeclaredDigest()
			}, want: assay.Inconclusive, group: "5.1-1", wantGroup: assay.Inconclusive},
		{name: "verdicts-of-other-version", edition: "V2.1.1", source: "N1: a verdict without the pair of versions is not meaningful",
			spoil: func(t *testing.T, m *made) {
				for i := range m.all {
					if o := &m.all[i]; o.Term == unitVerdict {
						o.Subject = assay.Subject(strings.Replace(string(o.Subject), "V1.1.1:V2.1.1", "V2.1.1:V3.1.3", 1))
						o.Identify()
					}
				}
			}, want: assay.Inconclusive, group: "5.1-1", wantGroup: assay.Inconclusive},
		{name: "evidence-gone", edition: "V2.1.1", source: "invariant 2: evidence is stored by its digest",
			spoil: func(t *testing.T, m *made) {
				m.unit(t, "5.3-16-2", "a", "PASS", "equal", "", assay.Reference{Digest: digestOf("b"), Name: "device/label.jpg"})
				m.gone = append(m.gone, digestOf("b"))
			}, want: assay.Inconclusive, group: "5.3-16", wantGroup: assay.Inconclusive},
		{name: "no-means", edition: "V2.1.1", source: "N5: always store the means next to the verdict",
			spoil: func(t *testing.T, m *made) { m.unit(t, "5.5-1-2", "a", "PASS", "nothing found", "") }, want: assay.Inconclusive, group: "5.5-1", wantGroup: assay.Inconclusive},
		{name: "one-unit", edition: "V2.1.1", source: "N8: one unit never proves uniqueness of passwords",
			spoil: func(t *testing.T, m *made) { m.say("", serials, assay.Set("A1"), assay.Declared, "") }, want: assay.Inconclusive, group: "5.1-1", wantGroup: assay.Inconclusive},
		{name: "covered", edition: "V2.1.1", source: "TS 103 701 clause 4.7",
			spoil: func(t *testing.T, m *made) {
				m.drop("5.5-1-1", "a")
				m.say(m.test.caseSubject("5.5-1-1"), caseCovered, assay.Text("certificate 12"), assay.Observed, "", proof)
			}, want: assay.Pass, group: "5.5-1", wantGroup: assay.Pass},
		{name: "covered-by-nothing", edition: "V2.1.1", source: "TS 103 701 clause 4.7; invariant 1",
			spoil: func(t *testing.T, m *made) {
				m.drop("5.5-1-1", "a")
				m.say(m.test.caseSubject("5.5-1-1"), caseCovered, assay.Text("certificate 12"), assay.Observed, "")
			}, want: assay.Inconclusive, group: "5.5-1", wantGroup: assay.Inconclusive},
		{name: "cover-gone", edition: "V2.1.1", source: "TS 103 701 clause 4.7; invariant 2",
			spoil: func(t *testing.T, m *made) {
				m.drop("5.5-1-1", "a")
				m.say(m.test.caseSubject("5.5-1-1"), caseCovered, assay.Text("certificate 12"), assay.Observed, "", proof)
				m.gone = append(m.gone, proof.Digest)
			}, want: assay.Inconclusive, group: "5.5-1", wantGroup: assay.Inconclusive},
		{name: "covered-and-failed", edition: "V2.1.1", source: "N5 case FAIL: a unit is not fulfilled",
			spoil: func(t *testing.T, m *made) {
				m.unit(t, "5.5-1-1", "a", "FAIL", "TLS 1.0", "")
				m.say(m.test.caseSubject("5.5-1-1"), caseCovered, assay.Text("certificate 12"), assay.Observed, "", proof)
			}, want: assay.Fail, group: "5.5-1", wantGroup: assay.Fail},
		{name: "covered-and-failed-before", edition: "V2.1.1", source: "N5 case FAIL: a unit is not fulfilled",
			spoil: func(t *testing.T, m *made) {
				m.unit(t, "5.5-1-1", "a", "FAIL", "TLS 1.0", "")
				m.say(m.test.caseSubject("5.5-1-1"), caseCovered, assay.Text("certificate 12"), assay.Observed, "", proof)
				m.ixit.Table(11).Entries[0].Fields[0].Declared = "something else"
				m.sign(t)
				m.unit(t, "5.5-1-2", "a", "PASS", "looked again", "a scanner")
			}, want: assay.Inconclusive, group: "5.5-1", wantGroup: assay.Inconclusive},
		{name: "case-alone", edition: "V2.1.1", source: "N3: the case passes when all its units do",
			spoil: func(t *testing.T, m *made) {
				for _, u := range []string{"a", "b", "c", "d"} {
					m.drop("5.5-1-1", u)
				}
				m.say("", "case.v1_1_1.p5_5_1_1", assay.Text("PASS"), assay.Declared, "we say so")
			}, want: assay.Inconclusive, group: "5.5-1", wantGroup: assay.Inconclusive},
		{name: "unit-declared", edition: "V2.1.1", source: "invariant 4: declared and observed are kept apart",
			spoil: func(t *testing.T, m *made) {
				m.drop("5.5-1-1", "a")
				m.unit(t, "5.5-1-1", "a", "PASS", "we say so", "")
				o := &m.all[len(m.all)-1]
				o.Source = assay.Declared
				o.Identify()
			}, want: assay.Inconclusive, group: "5.5-1", wantGroup: assay.Inconclusive},
		{name: "tool-saw-it-fail", edition: "V2.1.1", source: "a fact that a tool observed fails the provision whatever the units say",
			spoil: func(t *testing.T, m *made) {
				m.say("", "device.altered_update_accepted", assay.Bool(true), assay.Observed, "installed")
			}, want: assay.Fail, group: "5.3-2", wantGroup: assay.Fail},
		{name: "said-anew", edition: "V2.1.1", source: "invariant 2: a correction is a new observation",
			spoil: func(t *testing.T, m *made) {
				m.unit(t, "5.1-1-2", "b", "FAIL", "it works before a password is set", "")
				m.unit(t, "5.1-1-2", "b", "PASS", "tried again after the fix", "by hand")
			}, want: assay.Pass, group: "5.1-1", wantGroup: assay.Pass},
	}
	whole := map[string]*made{"V2.1.1": newMade(t, "V2.1.1"), "V3.1.3": newMade(t, "V3.1.3")}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			m := whole[r.edition].copy(t)
			if r.spoil != nil {
				r.spoil(t, m)
			}
			p := m.plan(t)
			if got := p.Overall; got != r.want {
				t.Errorf("overall %s, want %s (%s); form %s, problems %v", got, r.want, r.source, p.Valid, p.Problems)
				for _, g := range p.Groups {
					if g.Tested && g.Verdict != assay.Pass {
						t.Logf("%s %s %s: %s", g.ID, g.Verdict, g.Why, g.Cases[0].Why)
					}
				}
			}
			for _, g := range p.Groups {
				if g.ID == r.group && g.Verdict != r.wantGroup {
					t.Errorf("group %s: %s, want %s (%s)", g.ID, g.Verdict, r.wantGroup, r.source)
				}
			}
			if shows := func(x Problem) bool { return x.Kind == r.problem }; r.problem != "" && !slices.ContainsFunc(p.Problems, shows) {
				t.Errorf("the form shows %v, want %q (%s)", p.Problems, r.problem, r.source)
			}
		})
	}
}

// copy is the same test, to be spoilt alone.
func (m *made) copy(t *testing.T) *made {
	t.Helper()
	c := *m
	c.all = slices.Clone(m.all)
	x := *m.ixit
	x.Tables = slices.Clone(m.ixit.Tables)
	for i := range x.Tables {
		x.Tables[i].Entries = slices.Clone(x.Tables[i].Entries)
		for k := range x.Tables[i].Entries {
			x.Tables[i].Entries[k].Fields = slices.Clone(x.Tables[i].Entries[k].Fields)
		}
	}
	s := *m.ixit.Signed
	x.Signed = &s
	c.ixit = &x
	return &c
}

// TestNothingPassesByItself drops each unit of a test that passes: none may be
// without weight.
func TestNothingPassesByItself(t *testing.T) {
	for _, edition := range Editions(law.Standard()) {
		m := newMade(t, edition)
		p := m.plan(t)
		for _, g := range p.Groups {
			if !g.Tested {
				continue
			}
			for _, c := range g.Cases {
				for _, u := range c.Units {
					if testing.Short() && u.Letter != "a" {
						continue
					}
					less := m.copy(t)
					less.drop(c.ID, u.Letter)
					facts := less.plan(t)
					if facts.Overall != assay.Inconclusive {
						t.Errorf("%s: without unit %s of case %s it comes to %s, want INCONCLUSIVE", edition, u.Letter, c.ID, facts.Overall)
					}
				}
			}
		}
	}
}

// What sinks the whole before the form is filled is named.
func TestBecauseNamesWhatSinks(t *testing.T) {
	r := bed(t, "V2.1.1")
	for _, name := range []string{"telnet-23", "ftp-21"} {
		o := assay.Observation{Subject: assay.Subject("interface/" + name), Term: "interface.declared", Value: assay.Bool(false), Source: assay.Observed, By: "services", At: day}
		on := assay.Observation{Subject: o.Subject, Term: "interface.enabled_at_boot", Value: assay.Bool(true), Source: assay.Observed, By: "services", At: day}
		o.Identify()
		on.Identify()
		if _, err := r.Dossier.Append([]assay.Observation{o, on}); err != nil {
			t.Fatal(err)
		}
	}
	p := r.mustPlan(t)
	if p.Overall != assay.Fail {
		t.Fatalf("got %s", p.Overall)
	}
	if got := strings.Join(p.Because(), "\n"); !strings.Contains(got, "no answer saves them: 5.6-1.") {
		t.Errorf("got %s", got)
	}
	for _, g := range p.Groups {
		if g.ID == "5.6-1" && !strings.HasSuffix(g.Why, "declared: ftp-21, telnet-23") && !strings.HasSuffix(g.Why, "declared: telnet-23, ftp-21") {
			t.Errorf("got %s", g.Why)
		}
	}
}
