package law_test

import (
	"testing"

	"github.com/assay-psti/assay/law"
)

// goodStatement is a whole statement, said of the product as the only one, for a
// product whose firmware can be updated.
func goodStatement() pattern {
	return pattern{
		"label.relied_on": false, "product.kind": []string{"none_of_these"}, "product.cellular": false,
		"component.hardware_updatable": false, "component.preinstalled_updatable": true,
		"component.required_updatable": false, "component.associated_updatable": false,
		"statement.accompanies": true, "statement.type": true, "statement.batch": true, "statement.manufacturers": true,
		"statement.representative_exists": false, "statement.by_manufacturer": true, "statement.opinion": []string{"schedule_1"},
		"statement.support_period_stated": true, "statement.support_end": "2030-12-31", "statement.end_at_first_supply": "2030-12-31", "support.end": "2030-12-31",
		"statement.signature": true, "statement.signatory_name": true, "statement.signatory_function": true,
		"statement.place": true, "statement.dated": true,
		"statement.issued": "2025-06-01", "statement.copy_kept": true, "statement.keep_until": "2035-05-31",
	}
}

// ofBatch moves what is said of statements from the product to one batch.
func (p pattern) ofBatch(name string) pattern {
	q := pattern{}
	for key, value := range p {
		switch key {
		case "statement.list_complete", "statement.representative_exists", "statement.supplied_without_label":
		default:
			if len(key) > 10 && key[:10] == "statement." {
				key = "statement/" + name + " " + key
			}
		}
		q[key] = value
	}
	return q
}

func TestStatement(t *testing.T) {
	good := goodStatement()
	batch := good.ofBatch("B1").with(pattern{"statement.list_complete": true})
	frozen := pattern{"component.preinstalled_updatable": false}
	standard := pattern{"statement.opinion": []string{"schedule_1", "deemed_by_standard"}}
	runLimbs(t, []limbCase{
		{name: "all-there", base: good, limb: "statement", want: pass, because: "s.9(2), Sch.4"},
		{name: "all-there-by-batch", base: batch, limb: "statement", want: pass, because: "s.9(2), Sch.4"},
		{name: "nothing-known", with: pattern{"label.relied_on": false}, limb: "statement", want: open, waits: law.OpenEvidence, because: "s.9(2)"},
		{name: "SOC-00-not-with-the-product", base: good, with: pattern{"statement.accompanies": false}, limb: "statement", want: fail, because: "s.9(2)"},
		{name: "SOC-00-issued-on-the-day-of-supply", base: good, asAt: "2025-06-01", limb: "SOC-00", want: pass, because: "s.9(2)"},
		{name: "SOC-00-issued-the-day-after", base: good, asAt: "2025-05-31", limb: "statement", want: fail, because: "s.9(2): it could not go with the product"},
		{name: "SOC-00-issue-unknown", base: good, with: pattern{"statement.issued": nil}, limb: "SOC-00", want: open, waits: law.OpenEvidence, wanted: []string{"statement.issued"}, because: "s.9(2)"},
		{name: "SOC-00-unknown", base: good, with: pattern{"statement.accompanies": nil}, limb: "SOC-00", want: open, waits: law.OpenEvidence, wanted: []string{"statement.accompanies"}, because: "s.9(2)"},
		{name: "SOC-01-met", base: good, limb: "SOC-01", want: pass, because: "Sch.4 para 1(1)(a)"},
		{name: "SOC-01-no-batch", base: good, with: pattern{"statement.batch": false}, limb: "statement", want: fail, because: "Sch.4 para 1(1)(a)"},
		{name: "SOC-01-no-type", base: good, with: pattern{"statement.type": false}, limb: "SOC-01", want: fail, because: "Sch.4 para 1(1)(a)"},
		{name: "SOC-01-unknown", base: good, with: pattern{"statement.batch": nil}, limb: "statement", want: open, waits: law.OpenEvidence, wanted: []string{"statement.batch"}, because: "Sch.4 para 1(1)(a)"},
		{name: "SOC-02-met", base: good, limb: "SOC-02", want: pass, because: "Sch.4 para 1(1)(b)"},
		{name: "SOC-02-no-address", base: good, with: pattern{"statement.manufacturers": false}, limb: "SOC-02", want: fail, because: "Sch.4 para 1(1)(b)"},
		{name: "SOC-03-none-appointed", base: good, limb: "SOC-03", want: none, because: "Sch.4 para 1(1)(b)"},
		{name: "SOC-03-named", base: good, with: pattern{"statement.representative_exists": true, "statement.representatives": true}, limb: "SOC-03", want: pass, because: "Sch.4 para 1(1)(b)"},
		{name: "SOC-03-not-named", base: good, with: pattern{"statement.representative_exists": true, "statement.representatives": false}, limb: "statement", want: fail, because: "Sch.4 para 1(1)(b)"},
		{name: "SOC-03-unknown", base: good, with: pattern{"statement.representative_exists": nil}, limb: "SOC-03", want: open, waits: law.OpenEvidence, wanted: []string{"statement.representative_exists", "statement.representatives"}, because: "Sch.4 para 1(1)(b)"},
		{name: "SOC-04-met", base: good, limb: "SOC-04", want: pass, because: "Sch.4 para 1(1)(c)"},
		{name: "SOC-04-not-said", base: good, with: pattern{"statement.by_manufacturer": false}, limb: "SOC-04", want: fail, because: "Sch.4 para 1(1)(c)"},
		{name: "SOC-05-schedule-1", base: good, limb: "SOC-05", want: pass, because: "Sch.4 para 1(1)(d)"},
		{name: "SOC-05-by-label", base: good, with: pattern{"statement.opinion": []string{"deemed_by_label"}}, limb: "SOC-05", want: pass, because: "Sch.4 para 1(1)(d)"},
		{name: "SOC-05-no-declaration", base: good, with: pattern{"statement.opinion": []string{"none"}}, limb: "SOC-05", want: fail, because: "Sch.4 para 1(1)(d)"},
		{name: "SOC-05-unknown", base: good, with: pattern{"statement.opinion": nil}, limb: "SOC-05", want: open, waits: law.OpenEvidence, wanted: []string{"statement.opinion"}, because: "Sch.4 para 1(1)(d)"},
		{name: "SOC-06-no-standard", base: good, limb: "SOC-06", want: none, because: "Sch.4 para 1(2)"},
		{name: "SOC-06-identified", base: good, with: standard.with(pattern{"statement.standard_identified": true}), limb: "SOC-06", want: pass, because: "Sch.4 para 1(2)"},
		{name: "SOC-06-not-identified", base: good, with: standard.with(pattern{"statement.standard_identified": false}), limb: "statement", want: fail, because: "Sch.4 para 1(2)"},
		{name: "SOC-06-unknown", base: good, with: standard, limb: "SOC-06", want: open, waits: law.OpenEvidence, wanted: []string{"statement.standard_identified"}, because: "Sch.4 para 1(2)"},
		{name: "SOC-07-right-at-first-supply", base: good, limb: "SOC-07", want: pass, because: "Sch.4 para 1(1)(e), decision 15"},
		{name: "SOC-07-rewritten-after-an-extension", base: good, with: pattern{"statement.support_end": "2032-12-31"}, limb: "statement", want: fail, because: "decision 15"},
		{name: "SOC-07-extension-leaves-it", base: good, with: pattern{"support.end": "2032-12-31", "support.extended": true}, limb: "SOC-07", want: pass, because: "decision 15"},
		{name: "SOC-07-not-stated", base: good, with: pattern{"statement.support_period_stated": false, "statement.support_end": nil}, limb: "SOC-07", want: fail, because: "Sch.4 para 1(1)(e)"},
		{name: "SOC-07-first-supply-unknown", base: good, with: pattern{"statement.end_at_first_supply": nil}, limb: "SOC-07", want: open, waits: law.OpenEvidence, wanted: []string{"statement.end_at_first_supply"}, because: "decision 15"},
		{name: "SOC-07-nothing-updatable", base: good, with: frozen, limb: "SOC-07", want: open, waits: law.OpenLaw, wanted: []string{}, because: "decision 12"},
		{name: "SOC-07-nothing-updatable-whole", base: good, with: frozen, limb: "statement", want: open, waits: law.OpenLaw, wanted: []string{}, because: "decision 12"},
		{name: "SOC-07-phone-with-only-an-app", base: good, with: frozen.with(pattern{"component.associated_updatable": true, "product.kind": []string{"smartphone"}}), limb: "SOC-07", want: open, waits: law.OpenLaw, because: "decision 12, para 3(1)(d)"},
		{name: "SOC-08-met", base: good, limb: "SOC-08", want: pass, because: "Sch.4 para 1(1)(f)"},
		{name: "SOC-08-unsigned", base: good, with: pattern{"statement.signature": false}, limb: "SOC-08", want: fail, because: "Sch.4 para 1(1)(f)"},
		{name: "SOC-08-no-function", base: good, with: pattern{"statement.signatory_function": false}, limb: "statement", want: fail, because: "Sch.4 para 1(1)(f)"},
		{name: "SOC-07-shorter-now-than-at-first-supply", base: good, with: pattern{"support.end": "2030-12-30"}, limb: "statement", want: fail, because: "Sch.1 para 3(6)"},
		{name: "SOC-07-extended-since", base: good, with: pattern{"support.end": "2032-12-31"}, limb: "statement", want: pass, because: "Sch.1 para 3(3), decision 15"},
		{name: "SOC-07-end-now-unknown", base: good, with: pattern{"support.end": nil}, limb: "SOC-07-since", want: open, waits: law.OpenEvidence, wanted: []string{"support.end"}, because: "Sch.1 para 3(6)"},
		{name: "SOC-07-shorter-than-of-one-batch", base: batch, with: pattern{"support.end": "2030-12-30"}, limb: "statement", want: fail, because: "Sch.1 para 3(6)"},
		{name: "SOC-09-met", base: good, limb: "SOC-09", want: pass, because: "Sch.4 para 1(1)(g)"},
		{name: "SOC-09-no-place", base: good, with: pattern{"statement.place": false}, limb: "SOC-09", want: fail, because: "Sch.4 para 1(1)(g)"},
		{name: "SOC-09-undated", base: good, with: pattern{"statement.dated": false}, limb: "SOC-09", want: fail, because: "Sch.4 para 1(1)(g)"},

		// By batch.
		{name: "second-batch-lacks-its-signature", base: batch.and(good.with(pattern{"statement.signature": false}).ofBatch("B2")), limb: "statement", want: fail, because: "decision 15: each batch"},
		{name: "second-batch-good", base: batch.and(good.ofBatch("B2")), limb: "statement", want: pass, because: "decision 15"},
		{name: "batches-not-all-named", base: batch, with: pattern{"statement.list_complete": nil}, limb: "statement", want: open, waits: law.OpenEvidence, because: "decision 15"},
		{name: "second-batch-first-supplied-after-an-extension", base: batch.and(good.with(pattern{"statement.support_end": "2032-12-31", "statement.end_at_first_supply": "2032-12-31"}).ofBatch("B2")), with: pattern{"support.end": "2032-12-31"}, limb: "statement", want: pass, because: "decision 15"},

		// Retention.
		{name: "RET-kept-long-enough", base: good, limb: "retention", want: pass, because: "reg 8"},
		{name: "RET-no-copy", base: good, with: pattern{"statement.copy_kept": false}, limb: "retention", want: fail, because: "reg 8"},
		{name: "RET-no-copy-unknown", base: good, with: pattern{"statement.copy_kept": nil}, limb: "RET-1", want: open, waits: law.OpenEvidence, wanted: []string{"statement.copy_kept"}, because: "reg 8"},
		{name: "RET-2-one-day-short", base: good, with: pattern{"statement.keep_until": "2035-05-30"}, limb: "RET-2", want: fail, because: "reg 8(a), s.9 'beginning with'"},
		{name: "RET-2-issue-unknown", base: good, with: pattern{"statement.issued": nil}, limb: "RET-2", want: open, waits: law.OpenEvidence, wanted: []string{"statement.issued"}, because: "reg 8(a)"},
		{name: "RET-2-from-29-february", base: good, with: pattern{"statement.issued": "2028-02-29", "statement.keep_until": "2038-02-28"}, limb: "RET-2", want: pass, because: "decision 8"},
		{name: "RET-2-from-29-february-one-day-short", base: good, with: pattern{"statement.issued": "2028-02-29", "statement.keep_until": "2038-02-27"}, limb: "RET-2", want: fail, because: "decision 8"},
		{name: "RET-2-to-29-february", base: good, with: pattern{"statement.issued": "2026-03-01", "statement.keep_until": "2036-02-29"}, limb: "RET-2", want: pass, because: "reg 8(a)"},
		{name: "RET-2-to-29-february-one-day-short", base: good, with: pattern{"statement.issued": "2026-03-01", "statement.keep_until": "2036-02-28"}, limb: "RET-2", want: fail, because: "reg 8(a)"},
		{name: "RET-3-longer-support-period", base: good, with: pattern{"statement.support_end": "2036-12-31"}, limb: "retention", want: fail, because: "reg 8(b)"},
		{name: "RET-3-longer-support-period-kept", base: good, with: pattern{"statement.support_end": "2036-12-31", "statement.keep_until": "2036-12-31"}, limb: "retention", want: pass, because: "reg 8(b)"},
		{name: "RET-3-no-period-stated", base: good, with: pattern{"statement.support_period_stated": false, "statement.support_end": nil}, limb: "RET-3", want: none, because: "reg 8(b)"},
		{name: "RET-3-period-stated-end-unknown", base: good, with: pattern{"statement.support_end": nil}, limb: "RET-3", want: open, waits: law.OpenEvidence, wanted: []string{"statement.support_end"}, because: "reg 8(b)"},
		{name: "RET-lost-on-the-last-day", base: good, with: pattern{"statement.copy_kept": false}, asAt: "2035-05-31", limb: "retention", want: fail, because: "reg 8(a)"},
		{name: "RET-lost-the-day-after", base: good, with: pattern{"statement.copy_kept": false}, asAt: "2035-06-01", limb: "retention", want: none, because: "reg 8(a)"},
		{name: "RET-lost-while-the-support-period-runs", base: good, with: pattern{"statement.copy_kept": false, "statement.support_end": "2036-12-31"}, asAt: "2036-12-31", limb: "retention", want: fail, because: "reg 8(b)"},
		{name: "RET-lost-with-issue-unknown", base: good, with: pattern{"statement.copy_kept": false, "statement.issued": nil}, limb: "retention", want: fail, because: "reg 8"},
		{name: "RET-late-with-issue-unknown", base: good, with: pattern{"statement.copy_kept": false, "statement.issued": nil}, asAt: "2033-09-14", limb: "retention", want: open, waits: law.OpenEvidence, because: "reg 8"},
		{name: "RET-by-batch", base: batch.and(good.ofBatch("B2")), limb: "retention", want: pass, because: "reg 8, each batch"},
		{name: "RET-batches-not-all-named", base: batch, with: pattern{"statement.list_complete": nil}, limb: "retention", want: open, waits: law.OpenEvidence, because: "reg 8, each batch"},
		{name: "RET-second-batch-short", base: batch.and(good.with(pattern{"statement.issued": "2026-01-01"}).ofBatch("B2")), limb: "retention", want: fail, because: "reg 8, each batch"},
	})
}
