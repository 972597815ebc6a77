package law_test

import (
	"testing"

	"github.com/assay-psti/assay/law"
)

// goodReporting is a policy that says all, for a product with an app.
func goodReporting() pattern {
	return pattern{
		"label.relied_on": false, "product.kind": []string{"none_of_these"}, "product.cellular": false,
		"component.required": false, "component.associated": true,
		"reporting.contact_published": true, "reporting.page_of_another": false,
		"reporting.covers":          []string{"hardware", "preinstalled", "required", "associated"},
		"reporting.ack_time_stated": true, "reporting.ack_time_worded": false,
		"reporting.updates_time_stated": true, "reporting.updates_time_worded": false,
		"reporting.accessible": true, "reporting.clear": true, "reporting.request_needed": false,
		"reporting.english": true, "reporting.charged": false, "reporting.personal_information_asked": false,
		"reporting.iso29147_receipt": false, "reporting.iso29147_acknowledgement": false, "reporting.iso29147_communication": false,
	}
}

func TestReporting(t *testing.T) {
	good := goodReporting()
	device := []string{"hardware", "preinstalled"}
	iso := pattern{"reporting.iso29147_receipt": true, "reporting.iso29147_acknowledgement": true, "reporting.iso29147_communication": true}
	runLimbs(t, []limbCase{
		{name: "all-there", base: good, limb: "reporting", want: pass, because: "Sch.1 para 2"},
		{name: "nothing-known", with: pattern{"label.relied_on": false}, limb: "reporting", want: open, waits: law.OpenEvidence, because: "Sch.1 para 2"},

		{name: "all-there-by-the-standard", base: good, with: pattern{"component.required": true}, limb: "para2-standard", want: pass, because: "Sch.2 para 2"},
		{name: "all-there-by-iso", base: good, with: iso.with(pattern{"component.required": true}), limb: "para2-iso", want: pass, because: "Sch.2 para 2"},

		{name: "no-required-software-by-the-standard", base: good, with: pattern{"reporting.covers": []string{"hardware", "preinstalled", "associated"}}, limb: "para2-standard", want: pass, because: "Sch.2 para 2"},
		{name: "no-required-software-by-iso", base: good, with: iso.with(pattern{"reporting.covers": []string{"hardware", "preinstalled", "associated"}}), limb: "para2-iso", want: pass, because: "Sch.2 para 2"},
		{name: "no-app-by-iso", base: good, with: iso.with(pattern{"component.associated": false, "reporting.covers": device}), limb: "para2-iso", want: pass, because: "Sch.2 para 2"},

		// VR-1.
		{name: "VR-1-contact", base: good, limb: "VR-1-contact", want: pass, because: "para 2(2)(a)"},
		{name: "VR-1-no-contact", base: good, with: pattern{"reporting.contact_published": false}, limb: "VR-1", want: fail, because: "para 2(2)(a)"},
		{name: "VR-1-no-contact-requirement", base: good, with: pattern{"reporting.contact_published": false}, limb: "reporting", want: fail, because: "para 2(2)(a); 5.2-1"},
		{name: "VR-1-no-contact-and-nothing-else-known", with: pattern{"label.relied_on": false, "reporting.contact_published": false}, limb: "reporting", want: fail, because: "para 2(2)(a); 5.2-1"},
		{name: "VR-1-unknown", base: good, with: pattern{"reporting.contact_published": nil}, limb: "VR-1", want: open, waits: law.OpenEvidence, wanted: []string{"reporting.contact_published"}, because: "para 2(2)(a)"},
		{name: "VR-1-own-brand-points-elsewhere", base: good, with: pattern{"reporting.page_of_another": true, "reporting.page_covers_brand": false}, limb: "VR-1-contact", want: open, waits: law.OpenLaw, wanted: []string{}, because: "decision 23"},
		{name: "VR-1-own-brand-points-elsewhere-requirement", base: good, with: pattern{"reporting.page_of_another": true, "reporting.page_covers_brand": false}, limb: "reporting", want: open, waits: law.OpenLaw, wanted: []string{}, because: "decision 23"},
		{name: "VR-1-own-brand-page-names-it", base: good, with: pattern{"reporting.page_of_another": true, "reporting.page_covers_brand": true}, limb: "reporting", want: pass, because: "decision 23"},
		{name: "VR-1-own-brand-page-not-read", base: good, with: pattern{"reporting.page_of_another": true}, limb: "VR-1-contact", want: open, waits: law.OpenEvidence, wanted: []string{"reporting.page_covers_brand"}, because: "decision 23"},
		{name: "VR-1-whose-page-unknown", base: good, with: pattern{"reporting.page_of_another": nil}, limb: "VR-1-contact", want: open, waits: law.OpenEvidence, wanted: []string{"reporting.page_covers_brand", "reporting.page_of_another"}, because: "decision 23"},

		// The categories of para 2(1).
		{name: "VR-1a-not-covered", base: good, with: pattern{"reporting.covers": []string{"preinstalled", "required", "associated"}}, limb: "VR-1a", want: fail, because: "para 2(1)(a)"},
		{name: "VR-1a-not-covered-requirement", base: good, with: pattern{"reporting.covers": []string{"preinstalled", "required", "associated"}}, limb: "reporting", want: fail, because: "para 2(1)(a); decision 26"},
		{name: "VR-1b-not-covered", base: good, with: pattern{"reporting.covers": []string{"hardware", "required", "associated"}}, limb: "reporting", want: fail, because: "para 2(1)(b); decision 26"},
		{name: "VR-1b-covered", base: good, limb: "VR-1b", want: pass, because: "para 2(1)(b)"},
		{name: "VR-1c-no-such-software", base: good, with: pattern{"reporting.covers": append(device, "associated")}, limb: "VR-1c", want: none, because: "para 2(1)(c)"},
		{name: "VR-1c-not-covered", base: good, with: pattern{"component.required": true, "reporting.covers": append(device, "associated")}, limb: "reporting", want: fail, because: "para 2(1)(c), decision 6"},
		{name: "VR-1c-covered", base: good, with: pattern{"component.required": true}, limb: "VR-1c", want: pass, because: "para 2(1)(c)"},
		{name: "VR-1d-app-not-covered", base: good, with: pattern{"reporting.covers": device}, limb: "VR-1d", want: fail, because: "para 2(1)(d)"},
		{name: "VR-1d-app-not-covered-requirement", base: good, with: pattern{"reporting.covers": device}, limb: "reporting", want: fail, because: "para 2(1)(d)"},
		{name: "VR-1d-no-app", base: good, with: pattern{"component.associated": false, "reporting.covers": device}, limb: "reporting", want: pass, because: "para 2(1)(d)"},
		{name: "VR-1d-smartphone", base: good, with: pattern{"product.kind": []string{"smartphone"}, "reporting.covers": device}, limb: "VR-1d", want: none, because: "para 2(1)(d)"},
		{name: "VR-1d-smartphone-requirement", base: good, with: pattern{"product.kind": []string{"smartphone"}, "reporting.covers": device}, limb: "reporting", want: pass, because: "para 2(1)(d)"},
		{name: "VR-1d-cellular-tablet", base: good, with: pattern{"product.kind": []string{"tablet_computer"}, "product.cellular": true, "reporting.covers": device}, limb: "VR-1d", want: none, because: "para 2(1)(d)"},
		{name: "VR-1d-childrens-tablet-without-cellular", base: good, with: pattern{"product.kind": []string{"tablet_computer"}, "reporting.covers": device}, limb: "VR-1d", want: fail, because: "para 2(1)(d)"},
		{name: "VR-1d-watch-with-sim-is-no-phone", base: good, with: pattern{"product.cellular": true, "reporting.covers": device}, limb: "VR-1d", want: fail, because: "para 2(1)(d)"},
		{name: "VR-1-coverage-unknown", base: good, with: pattern{"reporting.covers": nil}, limb: "reporting", want: open, waits: law.OpenEvidence, wanted: []string{"reporting.covers"}, because: "para 2(1)"},

		// VR-2 and VR-3.
		{name: "VR-2-stated", base: good, limb: "VR-2", want: pass, because: "para 2(2)(b)(i)"},
		{name: "VR-2-absent", base: good, with: pattern{"reporting.ack_time_stated": false}, limb: "VR-2", want: fail, because: "para 2(2)(b)(i)"},
		{name: "VR-2-absent-requirement", base: good, with: pattern{"reporting.ack_time_stated": false}, limb: "reporting", want: fail, because: "para 2(2)(b)(i); 5.2-1"},
		{name: "VR-2-promptly", base: good, with: pattern{"reporting.ack_time_stated": false, "reporting.ack_time_worded": true}, limb: "VR-2", want: open, waits: law.OpenLaw, wanted: []string{}, because: "decision 22"},
		{name: "VR-2-promptly-passes-by-the-standard", base: good, with: pattern{"reporting.ack_time_stated": false, "reporting.ack_time_worded": true}, limb: "reporting", want: pass, because: "decision 22"},
		{name: "VR-2-unknown", base: good, with: pattern{"reporting.ack_time_stated": nil, "reporting.ack_time_worded": nil}, limb: "VR-2", want: open, waits: law.OpenEvidence, wanted: []string{"reporting.ack_time_stated", "reporting.ack_time_worded"}, because: "para 2(2)(b)(i)"},
		{name: "VR-3-stated", base: good, limb: "VR-3", want: pass, because: "para 2(2)(b)(ii)"},
		{name: "VR-3-absent-requirement", base: good, with: pattern{"reporting.updates_time_stated": false}, limb: "reporting", want: fail, because: "para 2(2)(b)(ii); 5.2-1"},
		{name: "VR-3-regularly", base: good, with: pattern{"reporting.updates_time_stated": false, "reporting.updates_time_worded": true}, limb: "VR-3", want: open, waits: law.OpenLaw, because: "decision 22"},
		{name: "VR-3-both-in-words-pass-by-the-standard", base: good, with: pattern{"reporting.ack_time_stated": false, "reporting.ack_time_worded": true, "reporting.updates_time_stated": false, "reporting.updates_time_worded": true}, limb: "para2-standard", want: pass, because: "decision 22"},
		{name: "VR-3-one-kind-missing-by-the-standard", base: good, with: pattern{"reporting.ack_time_stated": false, "reporting.ack_time_worded": true, "reporting.updates_time_stated": false}, limb: "reporting", want: fail, because: "decision 22: both kinds"},
		{name: "VR-3-words-unknown", base: good, with: pattern{"reporting.updates_time_stated": false, "reporting.updates_time_worded": nil}, limb: "reporting", want: open, waits: law.OpenEvidence, wanted: []string{"reporting.updates_time_worded"}, because: "decision 22"},

		// VR-4 to VR-8.
		{name: "VR-4-met", base: good, limb: "VR-4", want: pass, because: "para 2(3)"},
		{name: "VR-4-dead-link", base: good, with: pattern{"reporting.accessible": false}, limb: "reporting", want: fail, because: "para 2(3)"},
		{name: "VR-4-unclear", base: good, with: pattern{"reporting.clear": false}, limb: "VR-4", want: fail, because: "para 2(3)"},
		{name: "VR-4-unknown", base: good, with: pattern{"reporting.clear": nil}, limb: "VR-4", want: open, waits: law.OpenEvidence, wanted: []string{"reporting.clear"}, because: "para 2(3)"},
		{name: "VR-5-met", base: good, limb: "VR-5", want: pass, because: "para 2(3)(a)"},
		{name: "VR-5-on-request", base: good, with: pattern{"reporting.request_needed": true}, limb: "reporting", want: fail, because: "para 2(3)(a)"},
		{name: "VR-5-unknown", base: good, with: pattern{"reporting.request_needed": nil}, limb: "VR-5", want: open, waits: law.OpenEvidence, wanted: []string{"reporting.request_needed"}, because: "para 2(3)(a)"},
		{name: "VR-6-met", base: good, limb: "VR-6", want: pass, because: "para 2(3)(b)"},
		{name: "VR-6-german-only", base: good, with: pattern{"reporting.english": false}, limb: "VR-6", want: fail, because: "para 2(3)(b)"},
		{name: "VR-6-german-only-directly", base: good, with: pattern{"reporting.english": false}, limb: "para2-direct", want: fail, because: "para 2(3)(b)"},
		{name: "VR-6-german-only-passes-by-the-standard", base: good, with: pattern{"reporting.english": false}, limb: "reporting", want: pass, because: "Sch.2 para 2(1)-(2B): 5.2-1 asks for no language"},
		{name: "VR-6-unknown", base: good, with: pattern{"reporting.english": nil}, limb: "VR-6", want: open, waits: law.OpenEvidence, wanted: []string{"reporting.english"}, because: "para 2(3)(b)"},
		{name: "VR-7-met", base: good, limb: "VR-7", want: pass, because: "para 2(3)(c)"},
		{name: "VR-7-pay-wall", base: good, with: pattern{"reporting.charged": true}, limb: "reporting", want: fail, because: "para 2(3)(c)"},
		{name: "VR-7-unknown", base: good, with: pattern{"reporting.charged": nil}, limb: "VR-7", want: open, waits: law.OpenEvidence, wanted: []string{"reporting.charged"}, because: "para 2(3)(c)"},
		{name: "VR-8-met", base: good, limb: "VR-8", want: pass, because: "para 2(3)(d)"},
		{name: "VR-8-login", base: good, with: pattern{"reporting.personal_information_asked": true}, limb: "reporting", want: fail, because: "para 2(3)(d)"},
		{name: "VR-8-unknown", base: good, with: pattern{"reporting.personal_information_asked": nil}, limb: "VR-8", want: open, waits: law.OpenEvidence, wanted: []string{"reporting.personal_information_asked"}, because: "para 2(3)(d)"},

		// ISO/IEC 29147.
		{name: "iso-met", base: good, with: iso, limb: "para2-iso", want: pass, because: "Sch.2 para 2"},
		{name: "iso-one-paragraph-missing", base: good, with: iso.with(pattern{"reporting.iso29147_communication": false}), limb: "para2-iso", want: fail, because: "Sch.2 para 2: all three"},
		{name: "iso-one-paragraph-unknown", base: good, with: iso.with(pattern{"reporting.iso29147_acknowledgement": nil}), limb: "para2-iso", want: open, waits: law.OpenEvidence, wanted: []string{"reporting.iso29147_acknowledgement"}, because: "Sch.2 para 2"},
		{name: "iso-not-published-in-english", base: good, with: iso.with(pattern{"reporting.english": false}), limb: "para2-iso", want: fail, because: "Sch.2 para 2(3)-(4)"},
		{name: "iso-cannot-carry-a-missing-contact", base: good, with: iso.with(pattern{"reporting.contact_published": false}), limb: "reporting", want: fail, because: "Sch.2 para 2(3)-(4)"},
		{name: "iso-unknown-does-not-hold-up-a-pass", base: good, with: pattern{"reporting.iso29147_receipt": nil, "reporting.iso29147_acknowledgement": nil, "reporting.iso29147_communication": nil}, limb: "reporting", want: pass, because: "Sch.2 para 2: any condition"},
	})
}

// What meets Schedule 1 directly, or by ISO/IEC 29147, meets the standard, so that
// no mixture of them could carry more (decision 26).
func TestReportingRoutesNest(t *testing.T) {
	flags := []string{"contact_published", "ack_time_stated", "ack_time_worded", "updates_time_stated", "updates_time_worded",
		"accessible", "clear", "request_needed", "english", "charged", "personal_information_asked"}
	for bits := range 1 << len(flags) {
		p := goodReporting()
		for i, name := range flags {
			p["reporting."+name] = bits>>i&1 == 1
		}
		for _, name := range []string{"receipt", "acknowledgement", "communication"} {
			p["reporting.iso29147_"+name] = true
		}
		v := p.judge(t, "uk-psti", usualDay)
		standard := findLimb(v.Requirements, "para2-standard", "").Verdict
		for _, route := range []string{"para2-direct", "para2-iso"} {
			if got := findLimb(v.Requirements, route, "").Verdict; got == pass && standard != pass {
				t.Fatalf("facts %b: %s passes and the standard is %v", bits, route, standard)
			}
		}
	}
}
