package law_test

import (
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
)

// presetPassword is a random factory value, different on each unit, on a product
// that relies on no label; nothing is open.
func presetPassword() pattern {
	return pattern{
		"label.relied_on": false, "password.used": true, "password.inventory_complete": true,
		"password/web password.excluded_kind":                  "none",
		"password/web password.component_category":             "preinstalled",
		"password/web password.usable_outside_factory_default": true,
		"password/web password.set_by_user":                    false,
		"password/web password.blank_accepted":                 false,
		"password/web password.unique_per_product":             true,
		"password/web password.incremental_counter":            false,
		"password/web password.derived_from_public":            false,
		"password/web password.published_default":              false,
		"password/web password.derived_from_identifier":        false,
		"password/web password.guessable":                      false,
	}
}

// userPassword is one that the user sets before anything works.
func userPassword() pattern {
	return pattern{
		"label.relied_on": false, "password.used": true, "password.inventory_complete": true,
		"password/app password.excluded_kind":      "none",
		"password/app password.component_category": "required",
		"password/app password.set_by_user":        true,
		"password/app password.blank_accepted":     false,
	}
}

// and joins two patterns.
func (p pattern) and(q pattern) pattern { return p.with(q) }

func TestPasswords(t *testing.T) {
	preset, user := presetPassword(), userPassword()
	// A fixed hash in the image that every unit runs, as the firmware check sees it.
	fixedHash := pattern{
		"label.relied_on": false, "password.used": true,
		"password/root password.excluded_kind":                  "none",
		"password/root password.component_category":             "preinstalled",
		"password/root password.usable_outside_factory_default": true,
		"password/root password.set_by_user":                    false,
		"password/root password.unique_per_product":             false,
	}
	const web = assay.Subject("password/web")
	runLimbs(t, []limbCase{
		// PW-0, the gate.
		{name: "no-password-at-all", with: pattern{"label.relied_on": false, "password.used": false}, limb: "passwords", want: none, because: "Sch.1 para 1(1)-(2), decision 18"},
		{name: "no-password-gate", with: pattern{"label.relied_on": false, "password.used": false}, limb: "PW-0", want: fail, because: "Sch.1 para 1(1)"},
		{name: "no-password-but-one-was-found", with: fixedHash.with(pattern{"password.used": false}), limb: "passwords", want: fail, because: "Sch.1 para 1(2): found against said"},
		{name: "no-password-but-one-is-listed", with: pattern{"label.relied_on": false, "password.used": false, "password/pin password.excluded_kind": "none"}, limb: "passwords", want: open, waits: law.OpenEvidence, because: "Sch.1 para 1(1)-(2)"},
		{name: "no-password-but-a-pairing-pin-is-listed", with: pattern{"label.relied_on": false, "password.used": false, "password/pin password.excluded_kind": "pairing_pin"}, limb: "passwords", want: none, because: "Sch.1 para 1(4)"},
		{name: "password-used-gate", base: preset, limb: "PW-0", want: pass, because: "Sch.1 para 1(1)"},
		{name: "use-unknown", with: pattern{"label.relied_on": false}, limb: "PW-0", want: open, waits: law.OpenEvidence, wanted: []string{"password.used"}, because: "Sch.1 para 1(1)"},
		{name: "use-unknown-requirement", with: pattern{"label.relied_on": false}, limb: "passwords", want: open, waits: law.OpenEvidence, because: "Sch.1 para 1(1)"},
		{name: "open-access-without-password", with: pattern{"label.relied_on": false, "password.used": false, "interface/telnet-23 interface.unauthenticated": true}, limb: "passwords", want: none, because: "decision 18"},

		// The whole.
		{name: "random-factory-value", base: preset, limb: "passwords", want: pass, because: "Sch.1 para 1(2)-(3)"},
		{name: "user-sets-it", base: user, limb: "passwords", want: pass, because: "Sch.1 para 1(2)"},
		{name: "both-kinds", base: preset.and(user), limb: "passwords", want: pass, because: "Sch.1 para 1(2)"},
		{name: "nothing-known-but-used", with: pattern{"label.relied_on": false, "password.used": true}, limb: "passwords", want: open, waits: law.OpenEvidence, because: "Sch.1 para 1"},

		// PW-1.
		{name: "PW-1-unique", base: preset, limb: "PW-1", of: web, want: pass, because: "para 1(2)"},
		{name: "PW-1-set-by-user", base: user, limb: "PW-1", of: "password/app", want: pass, because: "para 1(2)"},
		{name: "PW-1-neither", base: preset, with: pattern{"password/web password.unique_per_product": false}, limb: "PW-1", of: web, want: fail, because: "para 1(2)"},
		{name: "PW-1-neither-requirement", base: preset, with: pattern{"password/web password.unique_per_product": false}, limb: "passwords", want: fail, because: "para 1(2); Sch.2 para 1"},
		{name: "PW-1-unknown", base: preset, with: pattern{"password/web password.unique_per_product": nil}, limb: "PW-1", of: web, want: open, waits: law.OpenEvidence, wanted: []string{"password/web password.unique_per_product"}, because: "para 1(2)"},
		{name: "PW-1-both-unknown", base: preset, with: pattern{"password/web password.unique_per_product": nil, "password/web password.set_by_user": nil}, limb: "PW-1", of: web, want: open, waits: law.OpenEvidence,
			wanted: []string{"password/web password.set_by_user", "password/web password.unique_per_product"}, because: "para 1(2)"},
		{name: "PW-1-blank-accepted-unique", base: preset, with: pattern{"password/web password.blank_accepted": true}, limb: "PW-1", of: web, want: fail, because: "decision 18"},
		{name: "PW-1-blank-accepted-user", base: user, with: pattern{"password/app password.blank_accepted": true}, limb: "passwords", want: fail, because: "decision 18"},
		{name: "PW-1-blank-unknown", base: user, with: pattern{"password/app password.blank_accepted": nil}, limb: "PW-1", of: "password/app", want: open, waits: law.OpenEvidence, wanted: []string{"password/app password.blank_accepted"}, because: "decision 18"},

		// PW-2 to PW-5, of a preset value.
		{name: "PW-2-counter", base: preset, with: pattern{"password/web password.incremental_counter": true}, limb: "PW-2", of: web, want: fail, because: "para 1(3)(a)"},
		{name: "PW-2-counter-requirement", base: preset, with: pattern{"password/web password.incremental_counter": true}, limb: "passwords", want: fail, because: "para 1(3)(a); Sch.2 para 1"},
		{name: "PW-2-met", base: preset, limb: "PW-2", of: web, want: pass, because: "para 1(3)(a)"},
		{name: "PW-2-unknown", base: preset, with: pattern{"password/web password.incremental_counter": nil}, limb: "PW-2", of: web, want: open, waits: law.OpenEvidence, wanted: []string{"password/web password.incremental_counter"}, because: "para 1(3)(a)"},
		{name: "PW-2-not-asked-of-user-value", base: user, with: pattern{"password/app password.incremental_counter": true}, limb: "PW-2", of: "password/app", want: none, because: "para 1(3)"},
		{name: "PW-3-public", base: preset, with: pattern{"password/web password.derived_from_public": true}, limb: "PW-3", of: web, want: fail, because: "para 1(3)(b)"},
		{name: "PW-3-public-requirement", base: preset, with: pattern{"password/web password.derived_from_public": true}, limb: "passwords", want: fail, because: "para 1(3)(b)"},
		{name: "PW-3-published-default", base: preset, with: pattern{"password/web password.published_default": true}, limb: "PW-3", of: web, want: fail, because: "para 1(3)(b)"},
		{name: "PW-3-published-default-alone-decides", base: preset, with: pattern{"password/web password.published_default": true, "password/web password.unique_per_product": nil}, limb: "passwords", want: fail, because: "para 1(2), (3)(b)"},
		{name: "PW-3-met", base: preset, limb: "PW-3", of: web, want: pass, because: "para 1(3)(b), decision 20"},
		{name: "PW-3-unknown", base: preset, with: pattern{"password/web password.derived_from_public": nil}, limb: "PW-3", of: web, want: open, waits: law.OpenEvidence, wanted: []string{"password/web password.derived_from_public"}, because: "para 1(3)(b)"},
		{name: "PW-4-not-derived", base: preset, limb: "PW-4", of: web, want: pass, because: "para 1(3)(c)"},
		{name: "PW-4-derived-plainly", base: preset, with: pattern{"password/web password.derived_from_identifier": true, "password/web password.derivation_good_practice": false}, limb: "passwords", want: fail, because: "para 1(3)(c)"},
		{name: "PW-4-derived-by-keyed-hash", base: preset, with: pattern{"password/web password.derived_from_identifier": true, "password/web password.derivation_good_practice": true}, limb: "passwords", want: pass, because: "para 1(3)(c)"},
		{name: "PW-4-derived-somehow", base: preset, with: pattern{"password/web password.derived_from_identifier": true}, limb: "PW-4", of: web, want: open, waits: law.OpenEvidence, wanted: []string{"password/web password.derivation_good_practice"}, because: "para 1(3)(c)"},
		{name: "PW-4-silent-list", base: preset, with: pattern{"password/web password.derived_from_identifier": nil}, limb: "PW-4", of: web, want: open, waits: law.OpenEvidence,
			wanted: []string{"password/web password.derivation_good_practice", "password/web password.derived_from_identifier"}, because: "para 1(3)(c)"},
		{name: "PW-4-silent-list-requirement", base: preset, with: pattern{"password/web password.derived_from_identifier": nil}, limb: "passwords", want: open, waits: law.OpenEvidence,
			wanted: []string{"password/web password.derivation_good_practice", "password/web password.derived_from_identifier"}, because: "para 1(3)(c)"},
		{name: "PW-5-guessable", base: preset, with: pattern{"password/web password.guessable": true}, limb: "PW-5", of: web, want: fail, because: "para 1(3)(d)"},
		{name: "PW-5-guessable-requirement", base: preset, with: pattern{"password/web password.guessable": true}, limb: "passwords", want: fail, because: "para 1(3)(d)"},
		{name: "PW-5-met", base: preset, limb: "PW-5", of: web, want: pass, because: "para 1(3)(d)"},
		{name: "PW-5-unknown", base: preset, with: pattern{"password/web password.guessable": nil}, limb: "PW-5", of: web, want: open, waits: law.OpenEvidence, wanted: []string{"password/web password.guessable"}, because: "para 1(3)(d)"},
		{name: "PW-5-preset-or-not-unknown", base: preset, with: pattern{"password/web password.set_by_user": nil}, limb: "PW-5", of: web, want: open, waits: law.OpenEvidence, wanted: []string{"password/web password.set_by_user"}, because: "para 1(3)"},

		// A fixed hash found in the firmware.
		{name: "fixed-hash", base: fixedHash, limb: "passwords", want: fail, because: "para 1(2); Sch.2 para 1"},
		{name: "fixed-hash-direct", base: fixedHash, limb: "para1-direct", want: fail, because: "para 1(2)"},
		{name: "fixed-hash-standard", base: fixedHash, limb: "para1-standard", want: fail, because: "Sch.2 para 1, EN 303 645 5.1-1"},
		{name: "fixed-hash-label-unknown", base: fixedHash, with: pattern{"label.relied_on": nil}, limb: "passwords", want: open, waits: law.OpenEvidence, because: "Sch.2 para 1"},
		{name: "fixed-hash-only-in-factory-state", base: fixedHash, with: pattern{"password/root password.usable_outside_factory_default": false, "password.inventory_complete": true}, limb: "passwords", want: none, because: "para 1(1)"},
		{name: "fixed-hash-state-unknown", base: fixedHash, with: pattern{"password/root password.usable_outside_factory_default": nil}, limb: "passwords", want: open, waits: law.OpenEvidence, because: "para 1(1)"},
		{name: "empty-password", base: fixedHash, with: pattern{"password/root password.blank_accepted": true, "password/root password.unique_per_product": nil, "password/root password.set_by_user": nil}, limb: "passwords", want: fail, because: "decision 18"},

		// Excluded kinds, para 1(4).
		{name: "PW-X-cryptographic-key", base: fixedHash, with: pattern{"password/root password.excluded_kind": "cryptographic_key", "password.inventory_complete": true}, limb: "passwords", want: none, because: "para 1(4), decision 19"},
		{name: "PW-X-pairing-pin", base: fixedHash, with: pattern{"password/root password.excluded_kind": "pairing_pin", "password.inventory_complete": true}, limb: "para1-direct", want: none, because: "para 1(4)"},
		{name: "PW-X-api-key", base: fixedHash, with: pattern{"password/root password.excluded_kind": "api_key", "password.inventory_complete": true}, limb: "passwords", want: none, because: "para 1(4)"},
		{name: "PW-X-unknown", base: fixedHash, with: pattern{"password/root password.excluded_kind": nil, "password.inventory_complete": true}, limb: "passwords", want: open, waits: law.OpenEvidence,
			wanted: []string{"password/root password.blank_accepted", "password/root password.derivation_good_practice", "password/root password.derived_from_identifier",
				"password/root password.derived_from_public", "password/root password.excluded_kind", "password/root password.guessable",
				"password/root password.incremental_counter", "password/root password.published_default"}, because: "para 1(4)"},
		{name: "PW-X-api-key-beside-good-password", base: preset, with: pattern{"password/cloud password.excluded_kind": "api_key"}, limb: "passwords", want: pass, because: "para 1(4)"},

		// Categories, para 1(1).
		{name: "category-hardware", base: fixedHash, with: pattern{"password/root password.component_category": "hardware"}, limb: "passwords", want: fail, because: "para 1(1), category (a)"},
		{name: "category-hardware-factory-state-only", base: fixedHash, with: pattern{"password/root password.component_category": "hardware", "password/root password.usable_outside_factory_default": false, "password.inventory_complete": true}, limb: "passwords", want: none, because: "para 1(1)"},
		{name: "category-required-has-no-factory-state", base: fixedHash, with: pattern{"password/root password.component_category": "required", "password/root password.usable_outside_factory_default": nil}, limb: "passwords", want: fail, because: "para 1(1), category (c)"},
		{name: "category-associated-not-reached", base: fixedHash, with: pattern{"password/root password.component_category": "associated", "password.inventory_complete": true}, limb: "passwords", want: none, because: "para 1(1): no category (d)"},
		{name: "category-unknown", base: fixedHash, with: pattern{"password/root password.component_category": nil}, limb: "para1-direct", want: open, waits: law.OpenEvidence, because: "para 1(1)"},

		// Several passwords.
		{name: "one-bad-of-two-fails-though-list-open", base: preset.and(fixedHash), with: pattern{"password.inventory_complete": nil}, limb: "passwords", want: fail, because: "para 1(2): each password"},
		{name: "one-bad-of-three", base: preset.and(user).and(fixedHash), limb: "passwords", want: fail, because: "para 1(2): each password"},
		{name: "all-good-but-list-open", base: preset.and(user), with: pattern{"password.inventory_complete": nil}, limb: "passwords", want: open, waits: law.OpenEvidence, because: "para 1(2)"},
		{name: "all-good-but-list-open-wants-the-list", base: user, with: pattern{"password.inventory_complete": nil}, limb: "para1-direct", want: open, waits: law.OpenEvidence,
			wanted: []string{"password.blank_accepted", "password.component_category", "password.derivation_good_practice", "password.derived_from_identifier",
				"password.derived_from_public", "password.excluded_kind", "password.guessable", "password.incremental_counter", "password.inventory_complete",
				"password.published_default", "password.set_by_user", "password.unique_per_product", "password.usable_outside_factory_default"}, because: "para 1(2)"},
		{name: "all-good-but-list-known-open", base: user, with: pattern{"password.inventory_complete": false}, limb: "passwords", want: open, waits: law.OpenEvidence, because: "para 1(2)"},
		{name: "one-open-of-two", base: preset.and(user), with: pattern{"password/web password.guessable": nil}, limb: "passwords", want: open, waits: law.OpenEvidence, wanted: []string{"password/web password.guessable"}, because: "para 1(2)"},

		// What is said of the product as a whole.
		{name: "said-of-the-product-pass", with: pattern{"label.relied_on": false, "password.used": true, "password.excluded_kind": "none", "password.component_category": "required", "password.set_by_user": true, "password.blank_accepted": false}, limb: "passwords", want: pass, because: "para 1(2)"},
		{name: "said-of-the-product-fail", with: pattern{"label.relied_on": false, "password.used": true, "password.excluded_kind": "none", "password.component_category": "required", "password.set_by_user": false, "password.unique_per_product": false}, limb: "passwords", want: fail, because: "para 1(2)"},
		{name: "said-of-the-product-stands-for-a-part", base: user, with: pattern{"password/app password.blank_accepted": nil, "password.blank_accepted": false}, limb: "PW-1", of: "password/app", want: pass, because: "para 1(2)"},
		{name: "said-of-the-part-comes-first", base: user, with: pattern{"password/app password.blank_accepted": true, "password.blank_accepted": false}, limb: "PW-1", of: "password/app", want: fail, because: "para 1(2)"},
	})
}

// What meets Schedule 1 directly meets the standard, and what fails it fails the
// standard, so that no mixture of both could carry more (decision 26).
func TestPasswordRoutesAgree(t *testing.T) {
	flags := []string{"set_by_user", "blank_accepted", "unique_per_product", "incremental_counter", "derived_from_public",
		"published_default", "derived_from_identifier", "derivation_good_practice", "guessable"}
	passes := 0
	for bits := range 1 << len(flags) {
		p := presetPassword()
		for i, name := range flags {
			p["password/web password."+name] = bits>>i&1 == 1
		}
		v := p.judge(t, "uk-psti", usualDay)
		direct, standard := findLimb(v.Requirements, "para1-direct", ""), findLimb(v.Requirements, "para1-standard", "")
		if direct.Verdict != standard.Verdict {
			t.Errorf("facts %b: directly %v, by the standard %v", bits, direct.Verdict, standard.Verdict)
		}
		if direct.Verdict == pass {
			passes++
		}
	}
	// Set by the user and not blank: all 2^7 of the rest. Preset, not blank, unique, and
	// clean: 2, or 1 more where derived with good practice.
	if want := 1<<7 + 3; passes != want {
		t.Errorf("%d fact patterns pass, want %d", passes, want)
	}
}
