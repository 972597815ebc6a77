package law_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
)

// person is what is said of one person: no mark, no import, no supply, no mandate.
func person(changes pattern) pattern {
	p := pattern{}
	for term, value := range (pattern{"own_mark": false, "brings_into_uk": false, "makes_available": false, "installs_under_contract": false,
		"identical_sold_otherwise": false, "authorised_by_foreign_manufacturer": false, "foresees_uk_consumers": true}).with(changes) {
		p["person/acme person."+term] = value
	}
	return p
}

func TestRoles(t *testing.T) {
	const aware = "foresees_uk_consumers"
	tests := []struct {
		name   string
		person pattern
		want   string
		wanted []string // where it stays open
		cite   string
	}{
		{"own-brand", pattern{"own_mark": true}, "manufacturer", nil, "s.7(3)"},
		{"own-brand-that-imports-and-sells", pattern{"own_mark": true, "brings_into_uk": true, "makes_available": true}, "manufacturer", nil, "s.7(3)-(5)"},
		{"contract-maker", nil, "NO_ROLE", nil, "s.7(3)"},
		{"importer", pattern{"brings_into_uk": true}, "importer", nil, "s.7(4)"},
		{"importer-that-sells", pattern{"brings_into_uk": true, "makes_available": true}, "importer", nil, "s.7(4)-(5)"},
		{"importer-that-installs", pattern{"brings_into_uk": true, "makes_available": true, "installs_under_contract": true, "identical_sold_otherwise": true}, "importer", nil, "s.7(4), (6)"},
		{"shop", pattern{"makes_available": true}, "distributor", nil, "s.7(5)"},
		{"installer", pattern{"makes_available": true, "installs_under_contract": true, "identical_sold_otherwise": true}, "INSTALLER", nil, "s.7(6)"},
		{"installer-of-what-consumers-cannot-buy", pattern{"makes_available": true, "installs_under_contract": true}, "distributor", nil, "s.7(6)"},
		{"shop-whose-product-is-sold-elsewhere", pattern{"makes_available": true, "identical_sold_otherwise": true}, "distributor", nil, "s.7(6)"},
		{"representative", pattern{"authorised_by_foreign_manufacturer": true}, "authorised representative", nil, "s.51"},
		{"representative-that-sells", pattern{"authorised_by_foreign_manufacturer": true, "makes_available": true}, "distributor", nil, "ss.7(5), 51"},
		{"manufacturer-without-foresight", pattern{"own_mark": true, aware: false}, "NO_DUTY", nil, "s.8(2)-(3)"},
		{"importer-without-foresight", pattern{"brings_into_uk": true, aware: false}, "NO_DUTY", nil, "s.15(1)"},
		{"shop-without-foresight", pattern{"makes_available": true, aware: false}, "NO_DUTY", nil, "s.22(1)"},
		{"representative-without-foresight", pattern{"authorised_by_foreign_manufacturer": true, aware: false}, "NO_DUTY", nil, "s.13(1)"},
		{"installer-without-foresight", pattern{"makes_available": true, "installs_under_contract": true, "identical_sold_otherwise": true, aware: nil}, "INSTALLER", nil, "s.7(6)"},
		{"foresight-unknown", pattern{"own_mark": true, aware: nil}, "open", []string{"person/acme person.foresees_uk_consumers"}, "s.8(2)-(3)"},
		{"mark-unknown", pattern{"own_mark": nil, "makes_available": true}, "open", []string{"person/acme person.own_mark"}, "s.7(3)"},
		{"mark-unknown-without-foresight", pattern{"own_mark": nil, "makes_available": true, aware: false}, "NO_DUTY", nil, "ss.8, 22"},
		{"import-unknown", pattern{"brings_into_uk": nil, "makes_available": true}, "open", []string{"person/acme person.brings_into_uk"}, "s.7(4)"},
		{"installation-unknown", pattern{"makes_available": true, "installs_under_contract": nil, "identical_sold_otherwise": true}, "open", []string{"person/acme person.installs_under_contract"}, "s.7(6)"},
		{"supply-unknown", pattern{"makes_available": nil}, "open", []string{"person/acme person.makes_available"}, "s.7(5)"},
		{"mandate-unknown", pattern{"authorised_by_foreign_manufacturer": nil}, "open", []string{"person/acme person.authorised_by_foreign_manufacturer"}, "s.51"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := camera.with(person(tt.person)).judge(t, "uk-psti", now)
			if len(v.Persons) != 1 {
				t.Fatalf("%d persons, want 1", len(v.Persons))
			}
			d := v.Persons[0]
			if got := outcome(d); got != tt.want {
				t.Errorf("%s, want %s (%s)", got, tt.want, tt.cite)
			}
			if diff := cmp.Diff(names(d.Wanted), append([]string{}, tt.wanted...)); diff != "" {
				t.Errorf("wanted (-got +want):\n%s", diff)
			}
			if (d.Verdict == assay.Pass) != (len(d.Duties) > 0) {
				t.Errorf("%v with duties %v", d.Verdict, d.Duties)
			}
			if v.Scope.Outcome != "IN" {
				t.Errorf("scope %s: what a person foresees does not take the product out", v.Scope.Outcome)
			}
		})
	}
}

// TestRolesByConsignment holds that one shop may hold two roles (decisions row 28).
func TestRolesByConsignment(t *testing.T) {
	v := camera.with(pattern{
		"person/shop-abroad person.own_mark": false, "person/shop-abroad person.brings_into_uk": true, "person/shop-abroad person.foresees_uk_consumers": true,
		"person/shop-home person.own_mark": false, "person/shop-home person.brings_into_uk": false, "person/shop-home person.makes_available": true,
		"person/shop-home person.installs_under_contract": false, "person/shop-home person.foresees_uk_consumers": true,
	}).judge(t, "uk-psti", now)
	var got []string
	for _, d := range v.Persons {
		got = append(got, string(d.Subject)+" "+d.Outcome)
	}
	if diff := cmp.Diff(got, []string{"person/shop-abroad importer", "person/shop-home distributor"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

// TestPersonDuties holds which duties a role brings.
func TestPersonDuties(t *testing.T) {
	for role, want := range map[string]struct {
		person pattern
		prefix string
		count  int
	}{
		"manufacturer":              {pattern{"own_mark": true}, "M-", 8},
		"importer":                  {pattern{"brings_into_uk": true}, "I-", 11},
		"distributor":               {pattern{"makes_available": true}, "D-", 8},
		"authorised representative": {pattern{"authorised_by_foreign_manufacturer": true}, "A-", 3},
	} {
		d := camera.with(person(want.person)).judge(t, "uk-psti", now).Persons[0]
		if d.Outcome != role || len(d.Duties) != want.count {
			t.Errorf("%s: %s with %v", role, d.Outcome, d.Duties)
		}
		for _, id := range d.Duties {
			if id[:2] != want.prefix {
				t.Errorf("%s: duty %s", role, id)
			}
		}
	}
	outcomes := psti(t).Roles.Outcomes
	for _, d := range psti(t).Duties {
		if !slices.ContainsFunc(outcomes, func(o law.Outcome) bool { return o.Name == d.Who && o.Verdict == assay.Pass }) {
			t.Errorf("duty %s is of %q, which is no role", d.ID, d.Who)
		}
	}
}

// TestPersonsOutOfScope holds that nobody is told of duties for a product that the
// law does not reach.
func TestPersonsOutOfScope(t *testing.T) {
	for _, change := range []pattern{offline(nil), {"supply.history": "used"}} {
		if v := camera.with(person(pattern{"own_mark": true})).with(change).judge(t, "uk-psti", now); len(v.Persons) != 0 {
			t.Errorf("%s: %+v", v.Scope.Outcome, v.Persons)
		}
	}
	open := camera.with(person(pattern{"own_mark": true})).with(pattern{"supply.history": nil}).judge(t, "uk-psti", now)
	if len(open.Persons) != 1 || open.Persons[0].Outcome != "manufacturer" {
		t.Errorf("while scope is open: %+v", open.Persons)
	}
}

// psti is the regime under test.
func psti(t testing.TB) *law.Regime {
	t.Helper()
	r, err := law.Standard().Regime("uk-psti")
	if err != nil {
		t.Fatal(err)
	}
	return r
}
