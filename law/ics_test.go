package law_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
)

// good is a product to which as much of an edition applies as can, with a valid
// form that claims everything and every test case passed.
func good(t testing.TB, name string) pattern {
	t.Helper()
	p := pattern{}
	for _, term := range law.Standard().Vocabulary().Terms() {
		if strings.HasPrefix(string(term.ID), "en.") {
			p[string(term.ID)] = true
		}
	}
	p["password.used"] = true
	p["en.device_constrained"] = false
	p["en.resources_prevent_guessing_resistance"] = false
	p["en.resources_prevent_updates"] = false
	for _, q := range edition(t, name).Provisions {
		for _, c := range q.Group.Cases {
			p[string(c.Term)] = "PASS"
		}
		switch {
		case q.Support == "":
		case slices.ContainsFunc(q.Conditions, func(c *law.Condition) bool { return c.Holds == "en.device_constrained" }):
			p[string(q.Support)] = "NA"
			p[string(q.Reason)] = "the device runs on mains power"
		default:
			p[string(q.Support)] = "Y"
		}
	}
	return p
}

// row changes an answer of the form, and its reason if one is given.
func (p pattern) row(name, id, answer string, reason ...any) pattern {
	word := strings.NewReplacer("-", "_", ".", "_").Replace
	key := "ics." + strings.ToLower(word(name)) + ".p" + strings.ToLower(word(id))
	q := p.with(pattern{key: answer})
	if answer == "" {
		q[key] = nil
	}
	if len(reason) > 0 {
		q[key+"_reason"] = reason[0]
	}
	return q
}

// tried changes the verdict of a test case; "" leaves it out.
func (p pattern) tried(name, id, verdict string) pattern {
	word := strings.NewReplacer("-", "_", ".", "_").Replace
	test := map[string]string{v2: "v1_1_1", v3: "v2_1_1"}[name]
	key := "case." + test + ".p" + strings.ToLower(word(id))
	if verdict == "" {
		return p.with(pattern{key: nil})
	}
	return p.with(pattern{key: verdict})
}

// unclaimed takes all answers of the form away.
func (p pattern) unclaimed() pattern {
	q := maps.Clone(p)
	maps.DeleteFunc(q, func(k string, _ any) bool { return strings.HasPrefix(k, "ics.") })
	return q
}

// untested takes all verdicts of cases away.
func (p pattern) untested() pattern {
	q := maps.Clone(p)
	maps.DeleteFunc(q, func(k string, _ any) bool { return strings.HasPrefix(k, "case.") })
	return q
}

func problems(t testing.TB, p pattern, name string) []string {
	t.Helper()
	found, err := law.Standard().ICSProblems(p.facts(t), name)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{}
	for _, f := range found {
		if f.Text == "" {
			t.Errorf("%s: %s without words", f.Provision, f.Kind)
		}
		s := f.Provision + " " + string(f.Kind)
		if !f.Invalid {
			s = "open: " + s
		}
		all = append(all, s)
	}
	return all
}

// TestICS holds the rules of the form: TS 103 701 clause 4.3 as the notes read it,
// and decisions 31 to 33.
func TestICS(t *testing.T) {
	a, b := good(t, v2), good(t, v3)
	user := pattern{"password/admin password.excluded_kind": "none"}
	pin := pattern{"password/pin password.excluded_kind": "pairing_pin"}
	unclear := pattern{"password/x password.blank_accepted": false}
	const (
		valid  = "TS 103 701 ICS: valid form"
		source = "TS 103 701 ICS: support and detail"
		agree  = "TS 103 701 ICS: answers agree with each other and with the IXIT"
		d31    = "decision 31"
		d32    = "decision 32"
		d33    = "decision 33"
	)
	for _, tt := range []struct {
		name     string
		edition  string
		facts    pattern
		form     assay.Verdict
		whole    assay.Verdict
		problems []string
		cite     string
	}{
		{"all-claimed", v2, a, pass, pass, nil, valid},
		{"all-claimed-v3", v3, b, pass, pass, nil, valid},
		{"no-form", v2, a.unclaimed(), open, open, nil, valid},
		{"no-form-v3", v3, b.unclaimed(), open, open, nil, valid},
		{"row-missing", v2, a.row(v2, "5.2-1", ""), open, open, []string{"open: 5.2-1 row missing"}, valid},
		{"recommended-row-missing", v2, a.row(v2, "5.6-7", ""), open, open, []string{"open: 5.6-7 row missing"}, valid},
		{"new-row-missing-v3", v3, b.row(v3, "5.0-1", ""), open, open, []string{"open: 5.0-1 row missing"}, valid},

		{"n-on-mandatory", v2, a.row(v2, "5.2-1", "N"), fail, fail, []string{"5.2-1 N on a mandatory row"}, source},
		{"n-on-mandatory-v3", v3, b.row(v3, "5.3-13", "N"), fail, fail, []string{"5.3-13 N on a mandatory row"}, source},
		{"n-on-mandatory-that-applies", v2, a.row(v2, "5.1-4", "N", "later"), fail, fail, []string{"5.1-4 N on a mandatory row"}, source},
		{"n-on-mandatory-that-does-not-apply", v2, a.row(v2, "5.1-4", "N", "no log-in").with(pattern{"en.user_authentication": false}), fail, fail,
			[]string{"5.1-4 N on a mandatory row"}, d33},
		{"n-on-mandatory-condition-unknown", v2, a.row(v2, "5.1-4", "N", "later").with(pattern{"en.user_authentication": nil}), fail, fail,
			[]string{"5.1-4 N on a mandatory row"}, source},
		{"na-on-plain-mandatory", v2, a.row(v2, "5.4-1", "NA"), fail, fail, []string{"5.4-1 N/A on a row without condition"}, source},
		{"na-on-plain-mandatory-v3", v3, b.row(v3, "5.4-3", "NA"), fail, fail, []string{"5.4-3 N/A on a row without condition"}, source},
		{"na-on-plain-recommendation", v2, a.row(v2, "5.6-7", "NA", "no processes"), fail, fail, []string{"5.6-7 N/A on a row without condition"}, source},
		{"na-on-plain-recommendation-v3", v3, b.row(v3, "5.1-2A", "NA", "none"), fail, fail, []string{"5.1-2A N/A on a row without condition"}, source},
		{"na-by-laboratory-condition", v2, a.row(v2, "5.1-3", "NA"), fail, fail,
			[]string{"5.1-3 N/A on a row without condition"}, "catalogue set_aside: laboratory conditions grant no N/A"},
		{"na-by-laboratory-condition-r", v2, a.row(v2, "5.5-4", "NA", "no network functions"), fail, fail,
			[]string{"5.5-4 N/A on a row without condition"}, "catalogue set_aside: laboratory conditions grant no N/A"},
		{"same-row-is-featured-in-v3", v3, b.row(v3, "5.1-3", "NA", "no cryptography").with(pattern{"en.cryptographic_authentication": false}), pass, pass, nil,
			"EN 303 645 V3.1.3 Table B.1: M F (c)"},

		{"n-with-reason", v2, a.row(v2, "5.6-7", "N", "one process only"), pass, pass, nil, d32},
		{"n-without-reason", v2, a.row(v2, "5.6-7", "N"), open, open, []string{"open: 5.6-7 reason missing"}, d32},
		{"n-with-empty-reason", v2, a.row(v2, "5.6-7", "N", ""), fail, fail, []string{"5.6-7 reason missing"}, d32},
		{"n-with-a-dash", v2, a.row(v2, "5.6-7", "N", "-"), fail, fail, []string{"5.6-7 reason missing"}, d32},
		{"n-with-reason-v3", v3, b.row(v3, "5.6-8", "N", "the processor has no such unit"), pass, pass, nil, d32},
		{"n-with-empty-reason-v3", v3, b.row(v3, "5.6-8", "N", ""), fail, fail, []string{"5.6-8 reason missing"}, d32},
		{"y-needs-no-reason", v2, a.row(v2, "5.6-7", "Y", ""), pass, pass, nil, source},

		{"na-where-condition-is-false", v2, a.row(v2, "5.1-4", "NA", "nobody logs in").with(pattern{"en.user_authentication": false}), pass, pass, nil, source},
		{"na-without-reason", v2, a.row(v2, "5.1-4", "NA").with(pattern{"en.user_authentication": false}), open, open, []string{"open: 5.1-4 reason missing"}, source},
		{"na-with-empty-reason", v2, a.row(v2, "5.1-4", "NA", " ").with(pattern{"en.user_authentication": false}), fail, fail, []string{"5.1-4 reason missing"}, source},
		{"na-condition-unknown", v2, a.row(v2, "5.1-4", "NA", "nobody logs in").with(pattern{"en.user_authentication": nil}), open, open,
			[]string{"open: 5.1-4 condition not known"}, source},
		{"na-against-condition", v2, a.row(v2, "5.1-4", "NA", "nobody logs in"), fail, fail, []string{"5.1-4 answer contradicts what is known"}, agree},
		{"y-against-condition", v2, a.with(pattern{"en.user_authentication": false}), fail, fail, []string{"5.1-4 answer contradicts what is known"}, agree},
		{"y-condition-unknown", v2, a.with(pattern{"en.user_authentication": nil}), open, open, []string{"open: 5.1-4 condition not known"}, agree},
		{"na-feature-false-v3", v3, b.row(v3, "5.8-3", "NA", "no sensors").with(pattern{"en.external_sensing": false, "device.sensor_undocumented": false}), pass, pass, nil, source},
		{"na-feature-true-v3", v3, b.row(v3, "5.8-3", "NA", "no sensors"), fail, fail, []string{"5.8-3 answer contradicts what is known"}, agree},

		{"n-that-should-be-na", v2, a.row(v2, "5.10-1", "N", "none sent").row(v2, "6-4", "NA", "none sent").row(v2, "6-5", "NA", "none sent").
			with(pattern{"en.telemetry": false}), fail, fail, []string{"5.10-1 N where the row does not apply", "6-4 rows contradict each other"}, d33},
		{"corrected-to-na", v2, a.row(v2, "5.10-1", "NA", "none sent").row(v2, "6-4", "NA", "none sent").row(v2, "6-5", "NA", "none sent").
			with(pattern{"en.telemetry": false}), pass, pass, nil, d33},
		{"n-that-should-be-na-v3", v3, b.row(v3, "5.6-4B", "N", "no ports").with(pattern{"en.debug_ports": false, "device.debug_port_open": false}), fail, fail,
			[]string{"5.6-4B N where the row does not apply"}, d33},
		{"n-where-it-applies", v3, b.row(v3, "5.6-4B", "N", "the case is glued"), pass, pass, nil, d33},
		{"n-condition-unknown", v3, b.row(v3, "5.6-4B", "N", "the case is glued").with(pattern{"en.debug_ports": nil}), open, open,
			[]string{"open: 5.6-4B condition not known"}, d33},

		{"two-conditions-one-false", v2, a.row(v2, "5.3-10", "NA", "by card only").with(pattern{"en.network_updates": false}), pass, pass, nil, d31},
		{"two-conditions-both-hold", v2, a.row(v2, "5.3-10", "NA", "by card only"), fail, fail, []string{"5.3-10 answer contradicts what is known"}, d31},
		{"two-conditions-one-unknown", v2, a.row(v2, "5.3-10", "NA", "by card only").with(pattern{"en.network_updates": nil}), open, open,
			[]string{"open: 5.3-10 condition not known"}, d31},
		{"either-automatic-or-notices", v2, a.with(pattern{"en.automatic_updates": false}), pass, pass, nil, "EN 303 645 V2.1.1 condition 9"},
		{"neither-automatic-nor-notices", v2, a.row(v2, "5.3-6", "NA", "neither").with(pattern{"en.automatic_updates": false, "en.update_notices": false}), pass, pass, nil,
			"EN 303 645 V2.1.1 condition 9"},
		{"condition-and-feature-one-false-v3", v3, b.row(v3, "5.1-5", "NA", "no log-in over a network").with(pattern{"en.network_authentication": false}), pass, pass, nil, d31},
		{"constraint-takes-the-row-out-v3", v3, b.row(v3, "5.3-2", "NA", "coin cell").with(pattern{"en.resources_prevent_updates": true}), pass, pass, nil,
			"EN 303 645 V3.1.3 condition 15"},

		{"rows-disagree", v2, a.row(v2, "6-4", "NA", "none sent").with(pattern{"en.telemetry": nil}), fail, fail,
			[]string{"5.10-1 condition not known", "6-4 condition not known", "6-4 rows contradict each other", "6-5 condition not known"}, agree},
		{"rows-disagree-v3", v3, b.row(v3, "6-3A", "NA", "no consent").with(pattern{"en.consent": nil}), fail, fail,
			[]string{"6-2 condition not known", "6-3A condition not known", "6-3A rows contradict each other", "6-3B condition not known"}, agree},
		{"one-of-two-conditions-is-no-disagreement", v2, a.row(v2, "5.3-10", "NA", "by card only").with(pattern{"en.network_updates": false}), pass, pass, nil, agree},
		{"constrained-and-not", v2, a.row(v2, "5.3-14", "Y").with(pattern{"en.device_constrained": nil}), fail, fail,
			[]string{"5.1-5 condition not known", "5.3-14 condition not known", "5.3-14 rows contradict each other",
				"5.3-15 condition not known", "5.3-15 rows contradict each other", "5.3-2 condition not known"}, agree},

		{"na-while-a-password-is-named", v2, a.row(v2, "5.1-1", "NA", "no passwords").with(pattern{"password.used": false}).with(user), fail, fail,
			[]string{"5.1-1 answer contradicts what is known"}, agree},
		{"na-while-a-password-is-named-v3", v3, b.row(v3, "5.1-1", "NA", "no passwords").with(pattern{"password.used": nil}).with(user), fail, fail,
			[]string{"open: 5.1-1 condition not known", "5.1-1 answer contradicts what is known"}, agree},
		{"na-while-a-pairing-pin-is-named", v2, a.row(v2, "5.1-1", "NA", "no passwords").with(pattern{"password.used": false}).with(pin), pass, pass, nil, agree},
		{"na-while-something-unclear-is-named", v2, a.row(v2, "5.1-1", "NA", "no passwords").with(pattern{"password.used": false}).with(unclear), open, open,
			[]string{"open: 5.1-1 condition not known"}, agree},
		{"na-while-an-undeclared-interface-is-named", v3, b.row(v3, "5.6-1", "NA", "all are used").with(pattern{"en.unused_interfaces": false,
			"device.undeclared_interface": false, "interface/telnet interface.declared": false, "interface/telnet interface.enabled_at_boot": true}), fail, fail,
			[]string{"5.6-1 answer contradicts what is known"}, agree},
		{"na-while-a-scan-found-one", v3, b.row(v3, "5.6-1", "NA", "all are used").with(pattern{"en.unused_interfaces": false, "device.undeclared_interface": true}), fail, fail,
			[]string{"5.6-1 answer contradicts what is known"}, agree},
		{"na-and-the-scan-found-none", v3, b.row(v3, "5.6-1", "NA", "all are used").with(pattern{"en.unused_interfaces": false, "device.undeclared_interface": false}), pass, pass,
			nil, agree},
		{"na-without-a-scan", v3, b.row(v3, "5.6-1", "NA", "all are used").with(pattern{"en.unused_interfaces": false}), open, open,
			[]string{"open: 5.6-1 condition not known"}, agree},
		{"na-while-a-stored-hash-is-named", v3, b.row(v3, "5.1-3", "NA", "none").with(pattern{"en.cryptographic_authentication": false,
			"account/root account.state": "hash", "account/root account.login_shell": true}), fail, fail, []string{"5.1-3 answer contradicts what is known"}, agree},
		{"na-while-a-sensor-was-found", v3, b.row(v3, "5.8-3", "NA", "no sensors").with(pattern{"en.external_sensing": false, "device.sensor_undocumented": true}), fail, fail,
			[]string{"5.8-3 answer contradicts what is known"}, agree},
		{"na-and-no-password", v2, a.row(v2, "5.1-1", "NA", "no passwords").with(pattern{"password.used": false}), pass, pass, nil, agree},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := tt.facts.judge(t, en+tt.edition, "2026-01-01")
			if got := v.Requirements[0].Verdict; v.Requirements[0].ID != "ICS" || got != tt.form {
				t.Errorf("form %v, want %v (%s)", got, tt.form, tt.cite)
			}
			if v.Verdict != tt.whole {
				t.Errorf("whole %v, want %v (%s)", v.Verdict, tt.whole, tt.cite)
			}
			got, want := problems(t, tt.facts, tt.edition), tt.problems
			if strings.HasPrefix(tt.name, "no-form") {
				if len(got) != len(edition(t, tt.edition).Provisions)-map[string]int{v2: 1}[tt.edition] {
					t.Errorf("%d problems, want one for each row", len(got))
				}
				return
			}
			want = slices.Clone(want)
			for i, s := range want { // open ones need no mark where the kind says it
				if strings.HasSuffix(s, "condition not known") && !strings.HasPrefix(s, "open: ") {
					want[i] = "open: " + s
				}
			}
			slices.SortFunc(got, cmp.Compare[string])
			slices.SortFunc(want, cmp.Compare[string])
			if diff := gocmp.Diff(got, append([]string{}, want...)); diff != "" {
				t.Errorf("problems (-got +want), %s:\n%s", tt.cite, diff)
			}
		})
	}
}

// TestGroupsAndWhole holds the verdicts of cases, groups and the whole.
func TestGroupsAndWhole(t *testing.T) {
	a, b := good(t, v2), good(t, v3)
	hard := pattern{"firmware.hardcoded_secret": true}
	weak := pattern{"password.used": true, "password.inventory_complete": true, "password/admin password.excluded_kind": "none",
		"password/admin password.component_category": "hardware", "password/admin password.usable_outside_factory_default": true,
		"password/admin password.blank_accepted": false, "password/admin password.unique_per_product": false, "password/admin password.set_by_user": false}
	const (
		cases = "TS 103 701: verdict of a case"
		group = "TS 103 701: verdict of a group"
		whole = "TS 103 701: overall verdict"
		met   = "what the facts show, besides the cases"
	)
	for _, tt := range []struct {
		name      string
		edition   string
		facts     pattern
		provision string
		group     assay.Verdict
		whole     assay.Verdict
		cite      string
	}{
		{"all-cases-pass", v2, a, "5.4-3", pass, pass, group},
		{"a-case-fails", v2, a.tried(v2, "5.4-3-2", "FAIL"), "5.4-3", fail, fail, group},
		{"a-case-is-inconclusive", v2, a.tried(v2, "5.4-3-2", "INCONCLUSIVE"), "5.4-3", open, open, group},
		{"a-case-is-not-run", v2, a.tried(v2, "5.4-3-2", ""), "5.4-3", open, open, group},
		{"one-fails-one-inconclusive", v2, a.tried(v2, "5.4-3-1", "INCONCLUSIVE").tried(v2, "5.4-3-2", "FAIL"), "5.4-3", fail, fail, group},
		{"a-case-fails-v3", v3, b.tried(v3, "5.13-1B-2", "FAIL"), "5.13-1B", fail, fail, group},
		{"a-case-is-not-run-v3", v3, b.tried(v3, "5.13-1B-2", ""), "5.13-1B", open, open, group},
		{"cases-of-the-other-version-do-not-count", v3, b.tried(v3, "5.4-3-1", "").with(pattern{"case.v1_1_1.p5_4_3_1": "PASS"}), "5.4-3", open, open, "TS 103 701: pair of versions"},

		{"claimed-recommendation-fails", v2, a.tried(v2, "5.6-7-1", "FAIL"), "5.6-7", fail, fail, whole},
		{"claimed-recommendation-fails-v3", v3, b.tried(v3, "6-8-1", "FAIL"), "6-8", fail, fail, whole},
		{"unclaimed-recommendation-fails", v2, a.row(v2, "5.6-7", "N", "one process").tried(v2, "5.6-7-1", "FAIL"), "5.6-7", fail, pass, whole},
		{"unclaimed-recommendation-is-not-tested", v2, a.row(v2, "5.6-7", "N", "one process").tried(v2, "5.6-7-1", ""), "5.6-7", open, pass, whole},
		{"claimed-recommendation-is-not-tested", v2, a.tried(v2, "5.6-7-1", ""), "5.6-7", open, open, whole},
		{"claimed-recommendation-is-inconclusive", v2, a.tried(v2, "5.6-7-1", "INCONCLUSIVE"), "5.6-7", open, open, whole},
		{"mandatory-row-is-not-tested", v2, a.tried(v2, "5.2-1-1", ""), "5.2-1", open, open, whole},
		{"nothing-tested", v2, a.untested(), "5.2-1", open, open, whole},
		{"nothing-known", v2, pattern{}, "5.2-1", open, open, whole},
		{"nothing-known-v3", v3, pattern{}, "5.2-1", open, open, whole},
		{"invalid-form-though-all-pass", v2, a.row(v2, "5.2-1", "N"), "5.2-1", pass, fail, whole},
		{"no-form-though-all-pass", v2, a.unclaimed(), "5.2-1", pass, open, whole},
		{"no-form-and-a-mandatory-case-fails", v2, a.unclaimed().tried(v2, "5.2-1-1", "FAIL"), "5.2-1", fail, fail, whole},
		{"no-form-and-a-recommended-case-fails", v2, a.unclaimed().tried(v2, "5.6-7-1", "FAIL"), "5.6-7", fail, open, whole},
		{"no-form-and-condition-unknown", v2, a.unclaimed().tried(v2, "5.1-4-1", "FAIL").with(pattern{"en.user_authentication": nil}), "5.1-4", open, open, whole},
		{"cases-pass-and-condition-unknown", v2, a.with(pattern{"en.user_authentication": nil}), "5.1-4", open, open, group},
		{"does-not-apply-though-its-case-fails", v2, a.row(v2, "5.1-4", "NA", "nobody logs in").tried(v2, "5.1-4-1", "FAIL").with(pattern{"en.user_authentication": false}),
			"5.1-4", none, pass, whole},

		{"facts-fail-a-tested-provision", v2, a.with(hard), "5.4-3", fail, fail, met},
		{"facts-alone-do-not-pass", v2, a.untested().with(pattern{"firmware.hardcoded_secret": false}), "5.4-3", open, open, met},
		{"facts-and-cases-pass", v2, a.with(pattern{"firmware.hardcoded_secret": false}), "5.4-3", pass, pass, met},
		{"facts-fail-without-form", v2, hard, "5.4-3", fail, fail, met},
		{"facts-fail-v3", v3, hard, "5.4-3", fail, fail, met},
		{"facts-fail-a-recommendation-not-claimed", v2, pattern{"device.secret_sent_in_clear": true}, "5.5-6", fail, open, met},
		{"universal-password", v2, weak, "5.1-1", fail, fail, "EN 303 645 V2.1.1 5.1-1"},
		{"universal-password-v3", v3, weak, "5.1-1", fail, fail, "EN 303 645 V3.1.3 5.1-1"},
		{"unique-password-wants-its-cases", v2, weak.with(pattern{"password/admin password.unique_per_product": true}), "5.1-1", open, open, "EN 303 645 V2.1.1 5.1-1"},
		{"undeclared-interface", v2, pattern{"device.undeclared_interface": true}, "5.6-1", fail, fail, "TS 103 701 5.6-1: one is a failure"},
		{"undeclared-telnet", v2, a.with(pattern{"interface/telnet interface.declared": false, "interface/telnet interface.enabled_at_boot": true}), "5.6-1", fail, fail, "TS 103 701 5.6-1"},
		{"undeclared-but-off", v2, a.with(pattern{"interface/telnet interface.declared": false, "interface/telnet interface.enabled_at_boot": false}), "5.6-1", pass, pass, "TS 103 701 5.6-1"},
		{"settings-without-log-in", v2, pattern{"interface/http interface.unauthenticated": true, "interface/http interface.settings_unauthenticated": true}, "5.5-5", fail, fail, "EN 303 645 V2.1.1 5.5-5"},
		{"open-but-no-settings", v2, a.with(pattern{"interface/mdns interface.unauthenticated": true, "interface/mdns interface.settings_unauthenticated": false}), "5.5-5", pass, pass, "EN 303 645 V2.1.1 5.5-5"},
		{"open-and-settings-unknown", v2, pattern{"interface/http interface.unauthenticated": true}, "5.5-5", open, open, "EN 303 645 V2.1.1 5.5-5"},
		{"untrusted-server", v2, a.with(pattern{"peer/api.example.com peer.untrusted_certificate_accepted": true}), "5.5-1", fail, fail, "EN 303 645 V2.1.1 5.5-1"},
		{"untrusted-server-v3", v3, pattern{"peer/api.example.com peer.untrusted_certificate_accepted": true}, "5.5-1", fail, fail, "EN 303 645 V3.1.3 5.5-1"},
		{"server-of-another-name", v2, a.with(pattern{"peer/api.example.com peer.untrusted_certificate_accepted": false, "peer/api.example.com peer.wrong_certificate_accepted": true}), "5.5-1", fail, fail, "EN 303 645 V2.1.1 5.5-1"},
		{"one-untrusted-server-of-two", v2, a.with(pattern{"peer.inventory_complete": true, "peer/a.example.com peer.untrusted_certificate_accepted": false, "peer/a.example.com peer.wrong_certificate_accepted": false,
			"peer/b.example.com peer.untrusted_certificate_accepted": true}), "5.5-1", fail, fail, "EN 303 645 V2.1.1 5.5-1"},
		{"servers-are-checked", v2, a.with(pattern{"device.weak_cryptography": false, "peer.inventory_complete": true, "peer/a.example.com peer.untrusted_certificate_accepted": false, "peer/a.example.com peer.wrong_certificate_accepted": false}),
			"5.5-1", pass, pass, "EN 303 645 V2.1.1 5.5-1"},
		{"servers-are-checked-wants-its-cases", v2, a.untested().with(pattern{"device.weak_cryptography": false, "peer.inventory_complete": true, "peer/a.example.com peer.untrusted_certificate_accepted": false, "peer/a.example.com peer.wrong_certificate_accepted": false}),
			"5.5-1", open, open, met},
		{"weak-cryptography-towards-servers", v2, a.with(pattern{"device.weak_cryptography": true, "peer/a.example.com peer.untrusted_certificate_accepted": false, "peer/a.example.com peer.wrong_certificate_accepted": false}),
			"5.5-1", fail, fail, "EN 303 645 V2.1.1 5.5-1"},
		{"old-hash", v2, pattern{"account/root account.state": "hash", "account/root account.login_shell": true, "account/root account.hash_scheme": "md5crypt"}, "5.1-3", fail, fail, "EN 303 645 V2.1.1 5.1-3"},
		{"old-hash-of-a-locked-out-account", v2, a.with(pattern{"account/ftp account.state": "hash", "account/ftp account.login_shell": false, "account/ftp account.hash_scheme": "md5crypt"}),
			"5.1-3", pass, pass, "EN 303 645 V2.1.1 5.1-3"},
		{"old-password-still-works", v2, a.with(pattern{"password/web password.change_effective": false}), "5.1-4", fail, fail, "EN 303 645 V2.1.1 5.1-4"},
		{"nobody-looked-whether-it-can-be-changed", v2, pattern{"password/web password.published_default": true}, "5.1-4", open, open, "EN 303 645 V2.1.1 5.1-4"},
		{"guessing-unlimited", v2, a.with(pattern{"interface/ssh interface.guessing_unlimited": true}), "5.1-5", fail, fail, "EN 303 645 V2.1.1 5.1-5"},
		{"guessing-unlimited-on-a-constrained-device", v2, pattern{"interface/ssh interface.guessing_unlimited": true, "en.device_constrained": true}, "5.1-5", none, open, "EN 303 645 V2.1.1 condition 5"},
		{"flexible-times", v2, a.with(pattern{"reporting.contact_published": true, "reporting.ack_time_worded": true, "reporting.updates_time_worded": true}), "5.2-1", pass, pass, "decision 22"},
		{"one-kind-of-time-missing", v2, pattern{"reporting.updates_time_stated": false, "reporting.updates_time_worded": false}, "5.2-1", fail, fail, "decision 22"},
		{"lifetime-is-no-period", v2, pattern{"support.published": true, "support.end_form": "open"}, "5.3-13", fail, fail, "EN 303 645 V2.1.1 5.3-13"},

		{"reason-missing-is-4-1", v2, a.row(v2, "5.6-7", "N", ""), "4-1", fail, fail, "EN 303 645 V2.1.1 4-1"},
		{"reason-missing-is-5.0-1", v3, b.row(v3, "5.6-7", "N", ""), "5.0-1", fail, fail, "EN 303 645 V3.1.3 5.0-1"},
		{"reason-given-4-1", v2, a.row(v2, "5.6-7", "N", "one process"), "4-1", pass, pass, "EN 303 645 V2.1.1 4-1"},
		{"4-1-is-always-claimed", v2, a.tried(v2, "4-1-1", ""), "4-1", open, open, "EN 303 645 V2.1.1 4-1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := tt.facts.judge(t, en+tt.edition, "2026-01-01")
			if v.Verdict != tt.whole {
				t.Errorf("whole %v, want %v (%s)", v.Verdict, tt.whole, tt.cite)
			}
			i := slices.IndexFunc(v.Requirements, func(r *law.Result) bool { return r.ID == tt.provision })
			if i < 0 {
				t.Fatalf("no provision %s", tt.provision)
			}
			if got := v.Requirements[i].Verdict; got != tt.group {
				t.Errorf("%s: %v, want %v (%s)", tt.provision, got, tt.group, tt.cite)
			}
		})
	}
}

// TestCalledServerIsAskedOf: a server that was seen to be called, and of which no more
// is known, leaves the provision's facts open, whatever was said of the list; and what
// is not known of it is named.
func TestCalledServerIsAskedOf(t *testing.T) {
	known := good(t, v2).untested().with(pattern{"device.weak_cryptography": false, "peer.inventory_complete": true,
		"peer/a.example.com peer.untrusted_certificate_accepted": false, "peer/a.example.com peer.wrong_certificate_accepted": false})
	for want, facts := range map[assay.Verdict]pattern{
		pass: known,
		open: known.with(pattern{"peer/b.example.com peer.called": true}),
		fail: known.with(pattern{"peer/b.example.com peer.called": true, "peer/b.example.com peer.wrong_certificate_accepted": true}),
	} {
		met := findLimb(facts.judge(t, en+v2, "2026-01-01").Requirements, "5.5-1 met", "")
		if met == nil || met.Verdict != want {
			t.Fatalf("got %+v, want %v", met, want)
		}
		wanted := slices.ContainsFunc(met.Wanted, func(w law.Wanted) bool {
			return w.Subject == "peer/b.example.com" && w.Term == "peer.untrusted_certificate_accepted"
		})
		if wanted != (want == open) {
			t.Errorf("%v: wanted %+v", want, met.Wanted)
		}
	}
}

// TestOpenCaseIsWanted: a case that was run without a result is wanted as evidence,
// not shown as a point of law.
func TestOpenCaseIsWanted(t *testing.T) {
	v := good(t, v2).tried(v2, "5.4-3-2", "INCONCLUSIVE").judge(t, en+v2, "2026-01-01")
	for _, r := range v.Requirements {
		if r.ID != "5.4-3" {
			continue
		}
		if r.Open != law.OpenEvidence {
			t.Errorf("open %q, want %q", r.Open, law.OpenEvidence)
		}
		if got, want := names(r.Wanted), "case.v1_1_1.p5_4_3_2"; !slices.Contains(got, want) {
			t.Errorf("wanted %v, want %s among them", got, want)
		}
	}
}

// TestRightAnswerIsNamed holds decision 33: a wrong row comes with its correction.
func TestRightAnswerIsNamed(t *testing.T) {
	for _, tt := range []struct {
		name  string
		facts pattern
		want  string
	}{
		{"n-to-na", good(t, v2).row(v2, "5.10-1", "N", "none").with(pattern{"en.telemetry": false}), "N/A, with the reason"},
		{"na-to-y", good(t, v2).row(v2, "5.10-1", "NA", "none"), "Y"},
		{"y-to-na", good(t, v2).with(pattern{"en.telemetry": false}), "N/A, with the reason"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := law.Standard().ICSProblems(tt.facts.facts(t), v2)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(found, func(p law.ICSProblem) bool { return p.Provision == "5.10-1" && p.Invalid })
			if i < 0 || found[i].Correction != tt.want {
				t.Errorf("got %+v, want the correction %q", found, tt.want)
			}
		})
	}
}

// TestFormAndProblemsAgree: whatever is answered, the verdict of the form and the
// list of its problems say the same; a whole that passes rests on every mandatory
// provision; and both ways of judging agree.
func TestFormAndProblemsAgree(t *testing.T) {
	terms := []string{"password.used"}
	for _, term := range law.Standard().Vocabulary().Terms() {
		if strings.HasPrefix(string(term.ID), "en.") {
			terms = append(terms, string(term.ID))
		}
	}
	bases := map[string]pattern{v2: good(t, v2), v3: good(t, v3)}
	verdicts := map[assay.Verdict]int{}
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom([]string{v2, v3}).Draw(rt, "edition")
		p := maps.Clone(bases[name])
		rows := edition(t, name).Provisions
		for range rapid.IntRange(0, 4).Draw(rt, "changes") {
			q := rapid.SampledFrom(rows).Draw(rt, "row")
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				if q.Support != "" {
					p[string(q.Support)] = rapid.SampledFrom([]any{nil, "Y", "N", "NA"}).Draw(rt, "answer")
				}
				if q.Reason != "" {
					p[string(q.Reason)] = rapid.SampledFrom([]any{nil, "", "because"}).Draw(rt, "reason")
				}
			case 1:
				p[rapid.SampledFrom(terms).Draw(rt, "term")] = rapid.SampledFrom([]any{nil, true, false}).Draw(rt, "value")
			case 2:
				c := rapid.SampledFrom(q.Group.Cases).Draw(rt, "case")
				p[string(c.Term)] = rapid.SampledFrom([]any{nil, "PASS", "FAIL", "INCONCLUSIVE"}).Draw(rt, "verdict")
			case 3:
				p["password/p password.excluded_kind"] = rapid.SampledFrom([]any{nil, "none", "api_key"}).Draw(rt, "kind")
			}
		}
		v := p.judge(t, en+name, "2026-01-01")
		verdicts[v.Verdict]++
		found, err := law.Standard().ICSProblems(p.facts(t), name)
		if err != nil {
			rt.Fatal(err)
		}
		want := pass
		for _, f := range found {
			if f.Invalid {
				want = fail
			} else if want == pass {
				want = open
			}
		}
		if got := v.Requirements[0].Verdict; got != want {
			rt.Fatalf("form %v, but its problems %+v", got, found)
		}
		if want == fail && v.Verdict != fail {
			rt.Fatalf("the form is invalid, but the whole is %v", v.Verdict)
		}
		for _, r := range v.Requirements {
			if v.Verdict == pass && (r.Level == "M" || r.Level == "") && r.Verdict != pass && r.Verdict != none {
				rt.Fatalf("the whole passes, but %s is %v", r.ID, r.Verdict)
			}
		}
	})
	for _, v := range []assay.Verdict{pass, fail, open} {
		if verdicts[v] == 0 {
			t.Errorf("no run came to %v: the property says nothing of it", v)
		}
	}
}
