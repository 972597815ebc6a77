package law_test

import (
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
)

// labelled is a product that relies on a label and shows nothing else of its own:
// every other way fails.
func labelled() pattern {
	return pattern{
		"label.relied_on": true, "supply.continuing": true,
		"password.used": true, "password.inventory_complete": true,
		"password/root password.excluded_kind": "none", "password/root password.component_category": "preinstalled",
		"password/root password.usable_outside_factory_default": true, "password/root password.set_by_user": false,
		"password/root password.unique_per_product": false,
		"reporting.contact_published":               false,
		"component.preinstalled_updatable":          true, "support.published": false,
		"statement.accompanies": false, "statement.copy_kept": false, "statement.supplied_without_label": false,
	}
}

func jcStar() pattern {
	return pattern{
		"label/jc label.scheme": "jc-star", "label/jc label.level": "star-1", "label/jc label.edition": "JST-CR-01-01-2024R1",
		"label/jc label.issued": "2025-10-01", "label/jc label.expires": "2027-09-30",
		"label/jc label.matches_product": true, "label/jc label.withdrawn": false,
	}
}

func singapore() pattern {
	return pattern{
		"label/sg label.scheme": "sg-cls", "label/sg label.level": "level-1", "label/sg label.edition": "CCC SP-151-2 v1.4",
		"label/sg label.issued": "2025-10-01", "label/sg label.expires": "2028-09-30",
		"label/sg label.matches_product": true, "label/sg label.withdrawn": false,
	}
}

func TestLabels(t *testing.T) {
	jc, sg := labelled().and(jcStar()), labelled().and(singapore())
	bare := labelled()
	var cases []limbCase
	// Each label carries each of the three requirements and the statement.
	for _, req := range []string{"passwords", "reporting", "support", "statement"} {
		cases = append(cases,
			limbCase{name: req + "-star-1", base: jc, limb: req, want: pass, because: "Sch.2, Sch.2A: JC-STAR STAR-1"},
			limbCase{name: req + "-singapore", base: sg, limb: req, want: pass, because: "Sch.2, Sch.2A: Singapore"},
			limbCase{name: req + "-star-1-on-3-december-2025", base: jc, asAt: "2025-12-03", limb: req, want: fail, because: "SI 2025/1267: from 4 December 2025"},
			limbCase{name: req + "-star-1-on-4-december-2025", base: jc, asAt: "2025-12-04", limb: req, want: pass, because: "SI 2025/1267"},
			limbCase{name: req + "-singapore-on-3-december-2025", base: sg, asAt: "2025-12-03", limb: req, want: fail, because: "SI 2025/1267"},
			limbCase{name: req + "-singapore-on-4-december-2025", base: sg, asAt: "2025-12-04", limb: req, want: pass, because: "SI 2025/1267"},
			limbCase{name: req + "-star-1-last-day", base: jc, asAt: "2027-09-30", limb: req, want: pass, because: "decision 17"},
			limbCase{name: req + "-star-1-day-after", base: jc, asAt: "2027-10-01", limb: req, want: fail, because: "Sch.2: not expired"},
			limbCase{name: req + "-singapore-last-day", base: sg, asAt: "2028-09-30", limb: req, want: pass, because: "decision 17"},
			limbCase{name: req + "-singapore-day-after", base: sg, asAt: "2028-10-01", limb: req, want: fail, because: "Sch.2: not expired"},
			limbCase{name: req + "-no-label-relied-on", base: jc, with: pattern{"label.relied_on": false}, limb: req, want: fail, because: "Sch.2"},
			limbCase{name: req + "-label-not-described", base: bare, limb: req, want: open, waits: law.OpenEvidence, because: "Sch.2"},
			limbCase{name: req + "-star-1-other-edition", base: jc, with: pattern{"label/jc label.edition": "other"}, limb: req, want: open, waits: law.OpenLaw, wanted: []string{}, because: "decision 16"},
			limbCase{name: req + "-singapore-other-edition", base: sg, with: pattern{"label/sg label.edition": "other"}, limb: req, want: open, waits: law.OpenLaw, wanted: []string{}, because: "decision 16"},
		)
	}
	cases = append(cases,
		limbCase{name: "star-2-is-not-named", base: jc, with: pattern{"label/jc label.level": "star-2"}, limb: "passwords", want: fail, because: "reg 2: STAR-1 only"},
		limbCase{name: "star-4-is-not-named", base: jc, with: pattern{"label/jc label.level": "star-4"}, limb: "statement", want: fail, because: "reg 2: STAR-1 only"},
		limbCase{name: "singapore-level-4", base: sg, with: pattern{"label/sg label.level": "level-4"}, limb: "support", want: pass, because: "Sch.2: any level"},
		limbCase{name: "level-unknown", base: jc, with: pattern{"label/jc label.level": nil}, limb: "passwords", want: open, waits: law.OpenEvidence, wanted: []string{"label/jc label.level"}, because: "reg 2"},
		limbCase{name: "label-of-another-country", base: bare, with: pattern{"label/fi label.scheme": "other"}, limb: "passwords", want: fail, because: "Sch.2: two schemes only"},
		limbCase{name: "supply-over-before-the-label", base: jc, with: pattern{"supply.continuing": false, "supply.date": "2025-12-31", "label/jc label.issued": "2026-01-01"}, limb: "passwords", want: fail, because: "Sch.2: currently holds"},
		limbCase{name: "supply-over-before-the-label-statement", base: jc, with: pattern{"supply.continuing": false, "supply.date": "2025-12-31", "label/jc label.issued": "2026-01-01"}, limb: "statement", want: fail, because: "Sch.2A: currently holds"},
		limbCase{name: "supply-over-on-the-day-of-the-label", base: jc, with: pattern{"supply.continuing": false, "supply.date": "2026-01-01", "label/jc label.issued": "2026-01-01"}, limb: "passwords", want: pass, because: "Sch.2: currently holds"},
		limbCase{name: "supply-over-before-labels-counted", base: jc, with: pattern{"supply.continuing": false, "supply.date": "2025-12-03"}, limb: "support", want: fail, because: "SI 2025/1267: from 4 December 2025"},
		limbCase{name: "supply-over-when-labels-counted", base: jc, with: pattern{"supply.continuing": false, "supply.date": "2025-12-04"}, limb: "support", want: pass, because: "SI 2025/1267"},
		limbCase{name: "supply-over-or-not-unknown", base: jc, with: pattern{"supply.continuing": nil}, limb: "reporting", want: open, waits: law.OpenEvidence, because: "Sch.2: currently holds"},
		limbCase{name: "day-of-issue", base: jc, with: pattern{"label/jc label.issued": "2026-06-01"}, limb: "passwords", want: pass, because: "Sch.2: currently holds"},
		limbCase{name: "day-before-issue", base: jc, with: pattern{"label/jc label.issued": "2026-06-02"}, limb: "passwords", want: fail, because: "Sch.2: currently holds"},
		limbCase{name: "expiry-unknown", base: jc, with: pattern{"label/jc label.expires": nil}, limb: "passwords", want: open, waits: law.OpenEvidence, wanted: []string{"label/jc label.expires"}, because: "Sch.2: not expired"},
		limbCase{name: "withdrawn", base: jc, with: pattern{"label/jc label.withdrawn": true}, limb: "passwords", want: fail, because: "Sch.2: currently holds"},
		limbCase{name: "withdrawal-unknown", base: jc, with: pattern{"label/jc label.withdrawn": nil}, limb: "passwords", want: open, waits: law.OpenEvidence, wanted: []string{"label/jc label.withdrawn"}, because: "Sch.2: currently holds"},
		limbCase{name: "sister-model", base: jc, with: pattern{"label/jc label.matches_product": false}, limb: "reporting", want: fail, because: "Sch.2: the product"},
		limbCase{name: "edition-unknown", base: jc, with: pattern{"label/jc label.edition": nil}, limb: "passwords", want: open, waits: law.OpenEvidence, wanted: []string{"label/jc label.edition"}, because: "decision 16"},
		limbCase{name: "expired-of-another-edition-fails", base: jc, with: pattern{"label/jc label.edition": "other", "label/jc label.expires": "2026-05-31"}, limb: "passwords", want: fail, because: "Sch.2: not expired"},
		limbCase{name: "one-expired-one-good", base: jc.and(singapore()), with: pattern{"label/jc label.expires": "2026-05-31"}, limb: "passwords", want: pass, because: "Sch.2: any condition"},
		limbCase{name: "both-expired", base: jc.and(singapore()), with: pattern{"label/jc label.expires": "2026-05-31", "label/sg label.expires": "2026-05-31"}, limb: "passwords", want: fail, because: "Sch.2"},
		limbCase{name: "expired-label-and-lawful-passwords", base: jc.and(presetPassword()), with: pattern{"label.relied_on": true, "label/jc label.expires": "2026-05-31", "password/root password.unique_per_product": nil, "password/root password.set_by_user": true, "password/root password.blank_accepted": false}, limb: "passwords", want: pass, because: "Sch.1 para 1"},
		limbCase{name: "label-shadows-no-support-rule", base: jc.and(goodSupport()), with: pattern{"label.relied_on": true, "support.shortened": true, "support.shortening_undone": false}, limb: "support", want: pass, because: "Sch.2 para 3: labels carry no qualification"},

		// Retention where a label stands in place of the statement.
		limbCase{name: "retention-falls-away", base: jc, limb: "retention", want: none, because: "reg 8: where required"},
		limbCase{name: "retention-of-earlier-statements", base: jc, with: pattern{"statement.supplied_without_label": true}, limb: "retention", want: fail, because: "reg 8"},
		limbCase{name: "retention-earlier-supplies-unknown", base: jc, with: pattern{"statement.supplied_without_label": nil}, limb: "RET-0", want: open, waits: law.OpenEvidence, wanted: []string{"statement.supplied_without_label"}, because: "reg 8"},
		limbCase{name: "retention-label-expired", base: jc, asAt: "2027-10-01", limb: "retention", want: fail, because: "reg 8"},
		limbCase{name: "retention-label-last-day", base: jc, asAt: "2027-09-30", limb: "retention", want: none, because: "decision 17"},
		limbCase{name: "retention-on-3-december-2025", base: jc, asAt: "2025-12-03", limb: "retention", want: fail, because: "SI 2025/1267"},
		limbCase{name: "retention-on-4-december-2025", base: jc, asAt: "2025-12-04", limb: "retention", want: none, because: "SI 2025/1267"},
		limbCase{name: "retention-star-2", base: jc, with: pattern{"label/jc label.level": "star-2"}, limb: "retention", want: fail, because: "reg 2: STAR-1 only"},
		limbCase{name: "retention-other-edition", base: sg, with: pattern{"label/sg label.edition": "other"}, limb: "RET-0", want: open, waits: law.OpenLaw, wanted: []string{}, because: "decision 16"},
	)
	runLimbs(t, cases)
}

// A standard does not switch off the rules on extension, prominence and
// shortening; a label does.
func TestStandardKeepsSupportRules(t *testing.T) {
	for name, change := range map[string]pattern{
		"extension":  {"support.extended": true, "support.extension_published": false},
		"prominence": {"invitation/shop invitation.period_alongside": false},
		"shortened":  {"support.shortened": true, "support.shortening_undone": false},
		"no-end":     {"support.end_form": "length"},
		"jargon":     {"support.plain": false},
	} {
		t.Run(name, func(t *testing.T) {
			v := goodSupport().with(change).judge(t, "uk-psti", usualDay)
			if r := findLimb(v.Requirements, "5.3-13 met", ""); r == nil || r.Verdict != pass {
				t.Errorf("provision 5.3-13 itself: %v, want PASS", r)
			}
			if r := findLimb(v.Requirements, "para3-standard", ""); r.Verdict != fail {
				t.Errorf("by the standard %v, want FAIL", r.Verdict)
			}
			v = goodSupport().with(change).and(jcStar()).with(pattern{"label.relied_on": true, "supply.continuing": true}).judge(t, "uk-psti", usualDay)
			if r := findLimb(v.Requirements, "support", ""); r.Verdict != pass {
				t.Errorf("by a label %v, want PASS", r.Verdict)
			}
		})
	}
}

// A requirement that one way carries says so by that way alone.
func TestDeemedPassRestsOnTheLabel(t *testing.T) {
	v := labelled().and(jcStar()).judge(t, "uk-psti", usualDay)
	r := findLimb(v.Requirements, "passwords", "")
	passing := 0
	for _, way := range r.Limbs {
		if way.Verdict == pass {
			passing++
			if way.ID != "para1-jcstar" {
				t.Errorf("%s passes too", way.ID)
			}
		}
	}
	if passing != 1 || len(r.Because) == 0 || r.Verdict != assay.Pass {
		t.Errorf("%v by %d ways, because of %v", r.Verdict, passing, r.Because)
	}
}
