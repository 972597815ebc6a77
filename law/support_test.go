package law_test

import (
	"testing"

	"github.com/assay-psti/assay/law"
)

// goodSupport is a period published as the law asks, for a product with an app of
// its maker's, sold on the maker's own page.
func goodSupport() pattern {
	return pattern{
		"label.relied_on": false, "product.kind": []string{"none_of_these"}, "product.cellular": false,
		"component.hardware_updatable": false, "component.preinstalled_updatable": true,
		"component.required_updatable": false, "component.associated_updatable": true,
		"support.published": true, "support.covers": []string{"hardware", "preinstalled", "required", "associated"},
		"support.end_form": "date", "support.end": "2029-12-31", "support.extended": false,
		"support.accessible": true, "support.clear": true, "support.request_needed": false, "support.english": true,
		"support.charged": false, "support.personal_information_asked": false, "support.plain": true,
		"support.shortened": false, "support.invitation_published": true, "support.invitations_complete": true,
		"invitation/shop invitation.site": "own", "invitation/shop invitation.shows_characteristics": true,
		"invitation/shop invitation.shows_price": true, "invitation/shop invitation.lets_consumer_buy": true,
		"invitation/shop invitation.enables_decision": true, "invitation/shop invitation.period_alongside": true,
		"invitation/shop invitation.period_equally_prominent": false,
	}
}

func TestSupport(t *testing.T) {
	good := goodSupport()
	// Fixed in the factory: nothing can be updated.
	frozen := pattern{"component.preinstalled_updatable": false, "component.associated_updatable": false}
	hidden := pattern{"invitation/shop invitation.period_alongside": false}
	dealers := pattern{"invitation/shop invitation.period_alongside": false, "invitation/shop invitation.lets_consumer_buy": false}
	runLimbs(t, []limbCase{
		{name: "all-there", base: good, limb: "support", want: pass, because: "Sch.1 para 3"},
		{name: "nothing-known", with: pattern{"label.relied_on": false}, limb: "support", want: open, waits: law.OpenEvidence, because: "Sch.1 para 3"},

		{name: "all-there-by-the-standard", base: good, limb: "para3-standard", want: pass, because: "Sch.2 para 3"},
		{name: "all-there-by-the-standard-in-early-2025", base: good, asAt: "2025-04-05", limb: "para3-standard", want: pass, because: "Sch.2 para 3"},
		{name: "extension-in-time-by-the-standard", base: good, with: pattern{"support.extended": true, "support.extension_published": true, "support.extension_prompt": true}, limb: "para3-standard", want: pass, because: "Sch.2 para 3"},
		{name: "all-updatable-by-the-standard", base: good, with: pattern{"component.hardware_updatable": true, "component.required_updatable": true}, limb: "para3-standard", want: pass, because: "Sch.2 para 3"},

		{name: "only-what-is-updatable-by-the-standard", base: good, with: pattern{"support.covers": []string{"preinstalled", "associated"}}, limb: "para3-standard", want: pass, because: "Sch.2 para 3"},
		{name: "only-firmware-updatable-by-the-standard", base: good, with: pattern{"component.associated_updatable": false, "support.covers": []string{"preinstalled"}}, limb: "para3-standard", want: pass, because: "Sch.2 para 3"},

		// SP-0, the gate.
		{name: "SP-0-firmware", base: good, limb: "SP-0", want: pass, because: "para 3(1)(b)"},
		{name: "SP-0-nothing-updatable", base: good, with: frozen, limb: "support", want: none, because: "para 3(1), decision 12"},
		{name: "SP-0-one-category-unknown", base: good, with: frozen.with(pattern{"component.required_updatable": nil}), limb: "SP-0", want: open, waits: law.OpenEvidence, wanted: []string{"component.required_updatable"}, because: "para 3(1)"},
		{name: "SP-0-only-hardware", base: good, with: frozen.with(pattern{"component.hardware_updatable": true}), limb: "SP-0", want: pass, because: "para 3(1)(a)"},
		{name: "SP-0-only-required", base: good, with: frozen.with(pattern{"component.required_updatable": true}), limb: "SP-0", want: pass, because: "para 3(1)(c)"},
		{name: "SP-0-only-makers-app", base: good, with: pattern{"component.preinstalled_updatable": false}, limb: "SP-0", want: pass, because: "para 3(1)(d)"},
		{name: "SP-0-only-makers-app-of-a-smartphone", base: good, with: pattern{"component.preinstalled_updatable": false, "product.kind": []string{"smartphone"}}, limb: "support", want: none, because: "para 3(1)(d)"},
		{name: "SP-0-only-makers-app-of-a-cellular-tablet", base: good, with: pattern{"component.preinstalled_updatable": false, "product.kind": []string{"tablet_computer"}, "product.cellular": true}, limb: "support", want: none, because: "para 3(1)(d)"},
		{name: "SP-0-only-makers-app-of-another-tablet", base: good, with: pattern{"component.preinstalled_updatable": false, "product.kind": []string{"tablet_computer"}}, limb: "SP-0", want: pass, because: "para 3(1)(d)"},

		// SP-1 and the categories.
		{name: "SP-1-published", base: good, limb: "SP-1", want: pass, because: "para 3(2)"},
		{name: "SP-1-not-published", base: good, with: pattern{"support.published": false}, limb: "support", want: fail, because: "para 3(2); 5.3-13"},
		{name: "SP-1-not-published-and-little-else-known", with: pattern{"label.relied_on": false, "component.preinstalled_updatable": true, "support.published": false}, limb: "support", want: fail, because: "para 3(2); 5.3-13"},
		{name: "SP-1-unknown", base: good, with: pattern{"support.published": nil}, limb: "SP-1", want: open, waits: law.OpenEvidence, wanted: []string{"support.published"}, because: "para 3(2)"},
		{name: "SP-1-a-not-reached", base: good, limb: "SP-1-a", want: none, because: "para 3(1)(a)"},
		{name: "SP-1-a-not-covered", base: good, with: pattern{"component.hardware_updatable": true, "support.covers": []string{"preinstalled", "associated"}}, limb: "support", want: fail, because: "para 3(1)(a)"},
		{name: "SP-1-b-not-covered", base: good, with: pattern{"support.covers": []string{"associated"}}, limb: "support", want: fail, because: "para 3(1)(b)"},
		{name: "SP-1-c-not-covered", base: good, with: pattern{"component.required_updatable": true, "support.covers": []string{"preinstalled", "associated"}}, limb: "support", want: fail, because: "para 3(1)(c)"},
		{name: "SP-1-d-not-covered", base: good, with: pattern{"support.covers": []string{"preinstalled"}}, limb: "support", want: fail, because: "para 3(1)(d)"},
		{name: "SP-1-d-smartphone", base: good, with: pattern{"support.covers": []string{"preinstalled"}, "product.kind": []string{"smartphone"}}, limb: "support", want: pass, because: "para 3(1)(d)"},
		{name: "SP-1-d-no-app-of-the-maker", base: good, with: pattern{"support.covers": []string{"preinstalled"}, "component.associated_updatable": false}, limb: "support", want: pass, because: "para 3(1)(d)"},
		{name: "SP-1-coverage-unknown", base: good, with: pattern{"support.covers": nil}, limb: "support", want: open, waits: law.OpenEvidence, wanted: []string{"support.covers"}, because: "para 3(1)"},

		// SP-1a: the wordings.
		{name: "wording-until-31-december-2029", base: good, limb: "SP-1a", want: pass, because: "reg 2, decision 11"},
		{name: "wording-five-years-from-to", base: good, with: pattern{"support.end_form": "date"}, limb: "support", want: pass, because: "reg 2"},
		{name: "wording-december-2029", base: good, with: pattern{"support.end_form": "month"}, limb: "SP-1a", want: pass, because: "reg 2"},
		{name: "wording-minimum-3-years", base: good, with: pattern{"support.end_form": "length", "support.end": nil}, limb: "SP-1a", want: fail, because: "reg 2, decision 11"},
		{name: "wording-3-years-from-purchase", base: good, with: pattern{"support.end_form": "length", "support.end": nil}, limb: "support", want: fail, because: "reg 2, decision 11; Sch.2 para 3"},
		{name: "wording-lifetime", base: good, with: pattern{"support.end_form": "open", "support.end": nil}, limb: "support", want: fail, because: "reg 2, decision 11"},
		{name: "wording-until-2029", base: good, with: pattern{"support.end_form": "year", "support.end": nil}, limb: "SP-1a", want: open, waits: law.OpenEvidence, wanted: []string{"support.end_day_published"}, because: "decision 11"},
		{name: "wording-until-2029-requirement", base: good, with: pattern{"support.end_form": "year", "support.end": nil}, limb: "support", want: open, waits: law.OpenEvidence, wanted: []string{"support.end", "support.end_day_published"}, because: "decision 11"},
		{name: "wording-until-2029-day-elsewhere", base: good, with: pattern{"support.end_form": "year", "support.end_day_published": true}, limb: "support", want: pass, because: "decision 11"},
		{name: "wording-until-2029-day-nowhere", base: good, with: pattern{"support.end_form": "year", "support.end_day_published": false, "support.end": nil}, limb: "SP-1a", want: fail, because: "reg 2"},
		{name: "wording-5-years-from-1-january-2025", base: good, with: pattern{"support.end_form": "length_from_date"}, limb: "SP-1a", want: open, waits: law.OpenLaw, wanted: []string{}, because: "reg 2"},
		{name: "wording-unknown", base: good, with: pattern{"support.end_form": nil}, limb: "SP-1a", want: open, waits: law.OpenEvidence, wanted: []string{"support.end_day_published", "support.end_form"}, because: "reg 2"},

		// SP-2.
		{name: "SP-2-not-extended", base: good, limb: "SP-2", want: none, because: "para 3(3)"},
		{name: "SP-2-published-in-time", base: good, with: pattern{"support.extended": true, "support.extension_published": true, "support.extension_prompt": true}, limb: "SP-2", want: pass, because: "para 3(3)"},
		{name: "SP-2-not-published", base: good, with: pattern{"support.extended": true, "support.extension_published": false}, limb: "support", want: fail, because: "para 3(3); Sch.2 para 3 keeps it"},
		{name: "SP-2-late", base: good, with: pattern{"support.extended": true, "support.extension_published": true, "support.extension_prompt": false}, limb: "support", want: fail, because: "para 3(3)"},
		{name: "SP-2-unknown", base: good, with: pattern{"support.extended": nil}, limb: "SP-2", want: open, waits: law.OpenEvidence, wanted: []string{"support.extended", "support.extension_prompt", "support.extension_published"}, because: "para 3(3)"},
		{name: "SP-2-before-the-word-was-mended", base: good, with: pattern{"support.extended": true, "support.extension_published": false}, asAt: "2025-02-24", limb: "SP-2", want: fail, because: "SI 2025/211 reg 3: no change of substance"},
		{name: "SP-2-after-the-word-was-mended", base: good, with: pattern{"support.extended": true, "support.extension_published": false}, asAt: "2025-02-25", limb: "SP-2", want: fail, because: "SI 2025/211 reg 3"},

		// SP-3 and SP-4.
		{name: "SP-3-met", base: good, limb: "SP-3", want: pass, because: "para 3(4)"},
		{name: "SP-3-hidden-page", base: good, with: pattern{"support.accessible": false}, limb: "support", want: fail, because: "para 3(4)"},
		{name: "SP-3-two-dates", base: good, with: pattern{"support.clear": false}, limb: "support", want: fail, because: "para 3(4)"},
		{name: "SP-3-unknown", base: good, with: pattern{"support.accessible": nil}, limb: "SP-3", want: open, waits: law.OpenEvidence, wanted: []string{"support.accessible"}, because: "para 3(4)"},
		{name: "SP-4a-met", base: good, limb: "SP-4a", want: pass, because: "para 3(4)(a)"},
		{name: "SP-4a-on-request", base: good, with: pattern{"support.request_needed": true}, limb: "support", want: fail, because: "para 3(4)(a)"},
		{name: "SP-4a-unknown", base: good, with: pattern{"support.request_needed": nil}, limb: "SP-4a", want: open, waits: law.OpenEvidence, wanted: []string{"support.request_needed"}, because: "para 3(4)(a)"},
		{name: "SP-4b-met", base: good, limb: "SP-4b", want: pass, because: "para 3(4)(b)"},
		{name: "SP-4b-no-english", base: good, with: pattern{"support.english": false}, limb: "support", want: fail, because: "para 3(4)(b); Sch.2 para 3(4)"},
		{name: "SP-4b-unknown", base: good, with: pattern{"support.english": nil}, limb: "SP-4b", want: open, waits: law.OpenEvidence, wanted: []string{"support.english"}, because: "para 3(4)(b)"},
		{name: "SP-4c-met", base: good, limb: "SP-4c", want: pass, because: "para 3(4)(c)"},
		{name: "SP-4c-pay-wall", base: good, with: pattern{"support.charged": true}, limb: "support", want: fail, because: "para 3(4)(c)"},
		{name: "SP-4c-unknown", base: good, with: pattern{"support.charged": nil}, limb: "SP-4c", want: open, waits: law.OpenEvidence, wanted: []string{"support.charged"}, because: "para 3(4)(c)"},
		{name: "SP-4d-met", base: good, limb: "SP-4d", want: pass, because: "para 3(4)(d)"},
		{name: "SP-4d-login", base: good, with: pattern{"support.personal_information_asked": true}, limb: "support", want: fail, because: "para 3(4)(d)"},
		{name: "SP-4d-unknown", base: good, with: pattern{"support.personal_information_asked": nil}, limb: "SP-4d", want: open, waits: law.OpenEvidence, wanted: []string{"support.personal_information_asked"}, because: "para 3(4)(d)"},
		{name: "SP-4e-met", base: good, limb: "SP-4e", want: pass, because: "para 3(4)(e)"},
		{name: "SP-4e-jargon", base: good, with: pattern{"support.plain": false}, limb: "support", want: fail, because: "para 3(4)(e); Sch.2 para 3(4)"},
		{name: "SP-4e-unknown", base: good, with: pattern{"support.plain": nil}, limb: "SP-4e", want: open, waits: law.OpenEvidence, wanted: []string{"support.plain"}, because: "para 3(4)(e)"},

		// SP-5.
		{name: "SP-5-alongside", base: good, limb: "SP-5", want: pass, because: "para 3(5)"},
		{name: "SP-5-equally-prominent", base: good, with: pattern{"invitation/shop invitation.period_alongside": false, "invitation/shop invitation.period_equally_prominent": true}, limb: "SP-5", want: pass, because: "para 3(5)"},
		{name: "SP-5-hidden", base: good, with: hidden, limb: "support", want: fail, because: "para 3(5); Sch.2 para 3 keeps it"},
		{name: "SP-5-unknown", base: good, with: pattern{"invitation/shop invitation.period_alongside": nil}, limb: "SP-5", want: open, waits: law.OpenEvidence, wanted: []string{"invitation/shop invitation.period_alongside"}, because: "para 3(5)"},
		{name: "SP-5-no-offer-of-its-own", base: good, with: hidden.with(pattern{"support.invitation_published": false, "invitation/shop invitation.site": "other"}), limb: "SP-5", want: none, because: "para 3(5)"},
		{name: "SP-5-no-offer-but-one-is-named", base: good, with: hidden.with(pattern{"support.invitation_published": false}), limb: "support", want: fail, because: "para 3(5): named against said"},
		{name: "SP-5-shop-of-somebody-else", base: good, with: hidden.with(pattern{"invitation/shop invitation.site": "other"}), limb: "SP-5", want: none, because: "para 3(5)"},
		{name: "SP-5-controlled-site", base: good, with: hidden.with(pattern{"invitation/shop invitation.site": "controlled"}), limb: "SP-5", want: fail, because: "para 3(5)"},
		{name: "SP-5-no-price", base: good, with: hidden.with(pattern{"invitation/shop invitation.shows_price": false}), limb: "SP-5", want: none, because: "CPUT reg 2(1); DMCC s.230(10)"},
		{name: "SP-5-no-characteristics", base: good, with: hidden.with(pattern{"invitation/shop invitation.shows_characteristics": false}), limb: "SP-5", want: none, because: "para 3(5), CPUT reg 6(4)(a)"},
		{name: "SP-5-commission-marketplace", base: good, with: hidden.with(pattern{"invitation/shop invitation.site": "commission_marketplace"}), limb: "SP-5", want: open, waits: law.OpenLaw, wanted: []string{}, because: "decision 25"},
		{name: "SP-5-commission-marketplace-shown-anyway", base: good, with: pattern{"invitation/shop invitation.site": "commission_marketplace"}, limb: "SP-5", want: pass, because: "decision 25"},
		{name: "SP-5-one-page-of-two-hidden", base: good, with: pattern{"invitation/second invitation.site": "own", "invitation/second invitation.shows_characteristics": true, "invitation/second invitation.shows_price": true,
			"invitation/second invitation.lets_consumer_buy": true, "invitation/second invitation.period_alongside": false, "invitation/second invitation.period_equally_prominent": false, "support.invitations_complete": nil}, limb: "SP-5", want: fail, because: "para 3(5): each page"},
		{name: "SP-5-pages-not-all-named", base: good, with: pattern{"support.invitations_complete": nil}, limb: "SP-5", want: open, waits: law.OpenEvidence,
			wanted: []string{"invitation.enables_decision", "invitation.lets_consumer_buy", "invitation.period_alongside", "invitation.period_equally_prominent",
				"invitation.shows_characteristics", "invitation.shows_price", "invitation.site", "support.invitations_complete"}, because: "para 3(5)"},
		{name: "SP-5-dealer-page-on-5-april-2025", base: good, with: dealers, asAt: "2025-04-05", limb: "support", want: pass, because: "decision 24: CPUT reg 2(1)"},
		{name: "SP-5-dealer-page-on-6-april-2025", base: good, with: dealers, asAt: "2025-04-06", limb: "support", want: fail, because: "decision 24: DMCC s.230(10)"},
		{name: "SP-5-dealer-page-limb-on-5-april-2025", base: good, with: dealers, asAt: "2025-04-05", limb: "SP-5-cput", want: none, because: "CPUT reg 2(1)"},
		{name: "SP-5-dealer-page-limb-on-6-april-2025", base: good, with: dealers, asAt: "2025-04-06", limb: "SP-5-dmcc", want: fail, because: "DMCC s.230(10)"},
		{name: "SP-5-shop-page-on-5-april-2025", base: good, with: hidden, asAt: "2025-04-05", limb: "support", want: fail, because: "CPUT reg 2(1)"},
		{name: "SP-5-shop-page-on-6-april-2025", base: good, with: hidden.with(pattern{"invitation/shop invitation.enables_decision": nil}), asAt: "2025-04-06", limb: "support", want: fail, because: "DMCC s.230(10)"},

		// SP-6.
		{name: "SP-6-never-shortened", base: good, limb: "SP-6", want: pass, because: "para 3(6)"},
		{name: "SP-6-stands-shortened", base: good, with: pattern{"support.shortened": true, "support.shortening_undone": false}, limb: "support", want: fail, because: "para 3(6), decision 13"},
		{name: "SP-6-put-back", base: good, with: pattern{"support.shortened": true, "support.shortening_undone": true}, limb: "support", want: open, waits: law.OpenLaw, wanted: []string{}, because: "decision 13"},
		{name: "SP-6-put-back-unknown", base: good, with: pattern{"support.shortened": true}, limb: "SP-6", want: open, waits: law.OpenEvidence, wanted: []string{"support.shortening_undone"}, because: "decision 13"},
		{name: "SP-6-unknown", base: good, with: pattern{"support.shortened": nil}, limb: "SP-6", want: open, waits: law.OpenEvidence, wanted: []string{"support.shortened", "support.shortening_undone"}, because: "para 3(6)"},

		// SP-7: supply after the end.
		{name: "SP-7-last-day", base: good, asAt: "2029-12-31", limb: "support", want: pass, because: "decision 14"},
		{name: "SP-7-last-day-limb", base: good, asAt: "2029-12-31", limb: "SP-7", want: pass, because: "decision 14"},
		{name: "SP-7-day-after", base: good, asAt: "2030-01-01", limb: "SP-7", want: open, waits: law.OpenLaw, wanted: []string{}, because: "decision 14"},
		{name: "SP-7-day-after-requirement", base: good, asAt: "2030-01-01", limb: "support", want: open, waits: law.OpenLaw, wanted: []string{}, because: "decision 14"},
		{name: "SP-7-end-unknown", base: good, with: pattern{"support.end": nil}, limb: "SP-7", want: open, waits: law.OpenEvidence, wanted: []string{"support.end"}, because: "decision 14"},
		{name: "SP-7-does-not-hide-a-failure", base: good, with: pattern{"support.english": false}, asAt: "2030-01-01", limb: "support", want: fail, because: "para 3(4)(b)"},
	})
}
