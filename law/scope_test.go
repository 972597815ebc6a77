package law_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

// camera is an ordinary Wi-Fi camera, new, sold to consumers in Great Britain:
// everything that scope needs to know of it.
var camera = pattern{
	"product.tangible":         true,
	"product.internet_capable": true,
	"product.kind":             []string{"none_of_these"},
	"supply.territories":       []string{"GB"},
	"supply.manner":            "sale",
	"supply.history":           "new",
	"supply.to_consumers":      true,
	"supply.continuing":        true,
}

// ni is the camera's supply in Northern Ireland, where the three parts of the
// exception there must be answered.
var ni = pattern{"supply.territories": []string{"GB", "NI"}, "exception.ni_free_movement_law": false}

// offline is a product without internet of its own.
func offline(changes pattern) pattern {
	return pattern{"product.internet_capable": false, "product.two_way_data": true, "product.ip_link": false,
		"product.two_links_at_once": false, "product.computer_set": false}.with(changes)
}

func kind(words ...string) pattern { return pattern{"product.kind": words} }

const now = "2026-06-01"

// scopeRow is a fact pattern: what differs from the camera, and the outcome in
// Great Britain and, where it is given, in Northern Ireland. "open" wants facts.
type scopeRow struct {
	name   string
	asAt   string
	change pattern
	gb, ni string
	cite   string
}

func checkScope(t *testing.T, rows []scopeRow) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			v := camera.with(row.change).judge(t, "uk-psti", row.asAt)
			got := map[string]string{}
			for _, d := range v.Scope.Decisions {
				got[d.Territory] = outcome(d)
				if o := d.Outcome; (o == "IN") != (d.Verdict == assay.Pass) {
					t.Errorf("outcome %s with verdict %v", o, d.Verdict)
				}
				if (d.Outcome == "REVIEW") != (d.Open == law.OpenLaw && len(d.Unsettled) == 1) {
					t.Errorf("outcome %s, open %q, unsettled %v", d.Outcome, d.Open, d.Unsettled)
				}
			}
			if v.Version == "" {
				got["GB"] = v.Scope.Outcome // nothing is asked before the first version
				got["NI"] = v.Scope.Outcome
			}
			if got["GB"] != row.gb {
				t.Errorf("GB: %s, want %s (%s)", got["GB"], row.gb, row.cite)
			}
			if row.ni != "" && got["NI"] != row.ni {
				t.Errorf("NI: %s, want %s (%s)", got["NI"], row.ni, row.cite)
			}
		})
	}
}

func outcome(d law.Decision) string {
	if d.Outcome == "" {
		return "open"
	}
	return d.Outcome
}

// TestScopeVectors holds the vectors of the law pack (section 1.5).
func TestScopeVectors(t *testing.T) {
	tablet := func(changes pattern) pattern {
		return kind("tablet_computer").with(pattern{"product.cellular": false, "exception.children_only": false}).with(changes)
	}
	keyboard := offline(pattern{"product.two_links_at_once": false, "product.computer_set": true,
		"product.set_linked_by_another": true, "product.set_is_link": false, "product.set_wireless": true})
	headUnit := kind("motor_vehicle_or_part").with(pattern{"exception.vehicle_approval": "covered"})
	checkScope(t, []scopeRow{
		{"T1-wifi-camera", now, nil, "IN", "", "ss.5(1), 54(2)"},
		{"T2-bluetooth-bulb-one-phone", now, offline(nil), "OUT_NOT_CONNECTABLE", "", "s.5(4), (5)(a)"},
		{"T3-zigbee-bulb", now, offline(pattern{"product.two_links_at_once": true, "product.link_to_internet_product": true}), "IN", "", "s.5(5)"},
		{"T4-wireless-keyboard", now, keyboard, "IN", "", "s.5(7)"},
		{"T5-transmit-only-remote", now, offline(pattern{"product.two_way_data": false}), "OUT_NOT_CONNECTABLE", "", "s.5(3)(a)"},
		{"T6-laptop-with-5g", now, kind("laptop_computer").with(pattern{"product.cellular": true, "exception.children_only": false}), "OUT_EXCEPTED", "OUT_EXCEPTED", "Sch.3 para 5(1)(b)"},
		{"T7-tablet-ages-3-to-8", now, tablet(pattern{"exception.children_only": true}), "IN", "", "Sch.3 para 5(2)"},
		{"T8-wifi-tablet", now, tablet(nil), "OUT_EXCEPTED", "OUT_EXCEPTED", "Sch.3 para 5(1)(c)"},
		{"T9-tablet-with-sim", now, tablet(pattern{"product.cellular": true}), "IN", "", "Sch.3 para 5(1)(c)"},
		{"T10-phone-refurbished-by-maker", now, kind("smartphone").with(pattern{"supply.history": "reconditioned_by_manufacturer"}), "IN", "", "s.54(7)-(8)"},
		{"T11-phone-refurbished-by-shop", now, kind("smartphone").with(pattern{"supply.history": "used"}), "OUT_USED", "", "s.54(7)"},
		{"T12-speaker-returned-unopened", now, pattern{"supply.history": "returned_unwanted"}, "IN", "", "s.54(5)"},
		{"T13-printer-for-offices", now, pattern{"supply.to_consumers": false, "supply.identical_to_consumers": true}, "IN", "", "s.54(3)"},
		{"T14-access-point-for-carriers", now, pattern{"supply.to_consumers": false, "supply.identical_to_consumers": false}, "OUT_NO_UK_CONSUMER_MARKET", "", "s.54"},
		{"T15-thermostat-with-tariff", now, pattern{"supply.manner": "gift_or_prize"}, "IN", "", "s.55(2)"},
		{"T16-router-lent-by-retailer", now, pattern{"supply.manner": "hire_or_loan", "supply.lender_is_manufacturer": false}, "OUT_NO_SUPPLY", "", "s.55(3)"},
		{"T16-sale-to-that-retailer", now, pattern{"supply.manner": "sale", "supply.to_consumers": false, "supply.identical_to_consumers": true}, "IN", "", "s.54(3)"},
		{"T17-router-lent-by-own-brand-firm", now, pattern{"supply.manner": "hire_or_loan", "supply.lender_is_manufacturer": true}, "IN", "", "ss.7(3)(b), 55(3)(a)"},
		{"T18-head-unit-march-2025", "2025-03-15", headUnit, "OUT_EXCEPTED", "", "Sch.3 para 6"},
		{"T19-head-unit-january-2025", "2025-01-15", headUnit, "IN", "", "SI 2025/211 reg 1"},
		{"T20-phone-with-medical-app", now, kind("smartphone", "medical_device").with(pattern{"exception.medical_device": true, "exception.medical_software_only": true}), "IN", "", "Sch.3 para 3(2)"},
	})
}

func TestScopeConnectability(t *testing.T) {
	set := func(changes pattern) pattern {
		return offline(pattern{"product.computer_set": true, "product.set_linked_by_another": true,
			"product.set_is_link": false, "product.set_wireless": true}).with(changes)
	}
	checkScope(t, []scopeRow{
		{"software-alone", now, pattern{"product.tangible": false}, "REVIEW", "", "ss.2(3), 4"},
		{"tangible-unknown", now, pattern{"product.tangible": nil}, "open", "", "s.4"},
		{"ip-link-without-internet", now, offline(pattern{"product.ip_link": true}), "IN", "", "s.5(4)"},
		{"ip-link-but-transmit-only", now, offline(pattern{"product.ip_link": true, "product.two_way_data": false}), "OUT_NOT_CONNECTABLE", "", "s.5(3)(a)"},
		{"two-links-but-none-to-internet-product", now, offline(pattern{"product.two_links_at_once": true, "product.link_to_internet_product": false}), "OUT_NOT_CONNECTABLE", "", "s.5(5)(b)"},
		{"one-link-to-internet-product", now, offline(pattern{"product.link_to_internet_product": true}), "OUT_NOT_CONNECTABLE", "", "s.5(5)(a)"},
		{"two-links-unknown", now, offline(pattern{"product.two_links_at_once": nil, "product.link_to_internet_product": true}), "open", "", "s.5(5)(a)"},
		{"two-links-unknown-but-no-internet-product", now, offline(pattern{"product.two_links_at_once": nil, "product.link_to_internet_product": false}), "OUT_NOT_CONNECTABLE", "", "s.5(5)"},
		{"set-item", now, set(nil), "IN", "", "s.5(7)"},
		{"set-item-wired", now, set(pattern{"product.set_wireless": false}), "OUT_NOT_CONNECTABLE", "", "s.5(7)(c)"},
		{"set-linking-item-itself", now, set(pattern{"product.set_is_link": true}), "OUT_NOT_CONNECTABLE", "", "s.5(7)"},
		{"set-linking-item-by-its-own-links", now, set(pattern{"product.set_is_link": true, "product.two_links_at_once": true, "product.link_to_internet_product": true}), "IN", "", "s.5(5)"},
		{"set-without-linking-item", now, set(pattern{"product.set_linked_by_another": false}), "OUT_NOT_CONNECTABLE", "", "s.5(7)(b)"},
		{"set-item-transmit-only", now, set(pattern{"product.two_way_data": false}), "OUT_NOT_CONNECTABLE", "", "s.5(3)(a)"},
		{"set-wireless-unknown", now, set(pattern{"product.set_wireless": nil}), "open", "", "s.5(7)(c)"},
		{"internet-unknown-all-routes-closed", now, offline(pattern{"product.internet_capable": nil}), "open", "", "s.5(1)"},
		{"internet-unknown-but-ip-link", now, offline(pattern{"product.internet_capable": nil, "product.ip_link": true}), "IN", "", "s.5(1), (4)"},
	})
}

func TestScopeExceptions(t *testing.T) {
	computer := func(word string, changes pattern) pattern {
		return kind(word).with(pattern{"exception.children_only": false}).with(changes)
	}
	charger := func(regulated any) pattern {
		return kind("ev_charge_point").with(pattern{"exception.charge_point_regulated": regulated})
	}
	medical := func(device, software any) pattern {
		return kind("medical_device").with(ni).with(pattern{"exception.medical_device": device, "exception.medical_software_only": software})
	}
	meter := func(licensed, assured any) pattern {
		return kind("energy_meter").with(pattern{"exception.meter_licensed": licensed, "exception.meter_assured": assured})
	}
	vehicle := func(word, approval string) pattern {
		return kind(word).with(ni).with(pattern{"exception.vehicle_approval": approval})
	}
	three := func(law, reasons, covers any) pattern {
		return ni.with(pattern{"exception.ni_free_movement_law": law, "exception.ni_other_reasons": reasons, "exception.ni_covers_same_matters": covers})
	}
	over := func(p pattern, last string) pattern {
		return p.with(pattern{"supply.continuing": false, "supply.date": last})
	}
	rows := []scopeRow{
		{"desktop", now, computer("desktop_computer", nil), "OUT_EXCEPTED", "OUT_EXCEPTED", "Sch.3 para 5(1)(a)"},
		{"desktop-for-children", now, computer("desktop_computer", pattern{"exception.children_only": true}), "IN", "", "Sch.3 para 5(2)"},
		{"laptop", now, computer("laptop_computer", nil), "OUT_EXCEPTED", "OUT_EXCEPTED", "Sch.3 para 5(1)(b)"},
		{"laptop-modem-unknown", now, computer("laptop_computer", pattern{"product.cellular": nil}), "OUT_EXCEPTED", "", "Sch.3 para 5(1)(b)"},
		{"laptop-for-children", now, computer("laptop_computer", pattern{"exception.children_only": true}), "IN", "", "Sch.3 para 5(2)"},
		{"laptop-audience-unknown", now, computer("laptop_computer", pattern{"exception.children_only": nil}), "open", "", "Sch.3 para 5(2)"},
		{"laptop-territories-unknown", now, computer("laptop_computer", pattern{"supply.territories": nil}), "OUT_EXCEPTED", "OUT_EXCEPTED", "Sch.3 para 5"},
		{"tablet-modem-unknown", now, computer("tablet_computer", nil), "open", "", "Sch.3 para 5(1)(c)"},
		{"tablet-modem-unknown-for-children", now, computer("tablet_computer", pattern{"exception.children_only": true}), "IN", "", "Sch.3 para 5(2)"},
		{"laptop-and-cellular-tablet-in-one", now, kind("laptop_computer", "tablet_computer").with(pattern{"product.cellular": true, "exception.children_only": false}), "OUT_EXCEPTED", "", "Sch.3 para 5(1)(b)"},
		{"smartphone", now, kind("smartphone"), "IN", "", "Sch.3 para 5"},
		{"kind-unknown", now, pattern{"product.kind": nil}, "open", "", "Sch.3"},
		{"kind-none-named", now, kind(), "IN", "", "Sch.3"},

		{"charge-point-private", now, charger(true), "OUT_EXCEPTED", "OUT_EXCEPTED", "Sch.3 para 2"},
		{"charge-point-public-or-rapid", now, charger(false), "IN", "", "SI 2021/1467 reg 3"},
		{"charge-point-unknown", now, charger(nil), "open", "", "Sch.3 para 2"},
		{"charge-point-as-commenced", "2024-04-29", charger(true), "OUT_EXCEPTED", "", "Sch.3 para 2"},

		{"medical-device", now, medical(true, false), "OUT_EXCEPTED", "REVIEW", "Sch.3 para 3"},
		{"medical-not-regulated", now, medical(false, nil), "IN", "IN", "Sch.3 para 3(1)"},
		{"medical-for-software-alone", now, medical(true, true), "IN", "IN", "Sch.3 para 3(2)"},
		{"medical-regulation-unknown", now, medical(nil, false), "open", "open", "Sch.3 para 3(1)"},
		{"medical-software-unknown", now, medical(true, nil), "open", "open", "Sch.3 para 3(2)"},

		{"meter-licensed-and-assured", now, meter(true, true), "OUT_EXCEPTED", "OUT_EXCEPTED", "Sch.3 para 4"},
		{"meter-display-not-assured", now, meter(true, false), "IN", "", "Sch.3 para 4"},
		{"meter-assured-but-from-a-shop", now, meter(false, true), "IN", "", "Sch.3 para 4"},
		{"meter-assurance-unknown", now, meter(true, nil), "open", "", "Sch.3 para 4"},
		{"meter-assurance-unknown-not-licensed", now, meter(false, nil), "IN", "", "Sch.3 para 4"},

		{"ni-no-such-law", now, three(false, nil, nil), "IN", "IN", "Sch.3 para 1"},
		{"ni-law-proviso-not-met", now, three(true, true, false), "IN", "IN", "Sch.3 para 1"},
		{"ni-law-proviso-perhaps-met", now, three(true, true, true), "IN", "REVIEW", "Sch.3 para 1"},
		{"ni-law-no-other-reasons", now, three(true, false, nil), "IN", "REVIEW", "Sch.3 para 1"},
		{"ni-part-one-unknown", now, three(nil, nil, nil), "IN", "open", "Sch.3 para 1"},
		{"ni-part-two-unknown", now, three(true, nil, true), "IN", "REVIEW", "Sch.3 para 1"},
		{"ni-part-three-unknown", now, three(true, true, nil), "IN", "open", "Sch.3 para 1"},
		{"ni-not-supplied-there", now, pattern{"supply.territories": []string{"GB"}}, "IN", "OUT_NO_SUPPLY", "s.56(2)"},
		{"ni-alone", now, ni.with(pattern{"supply.territories": []string{"NI"}}), "OUT_NO_SUPPLY", "IN", "s.56(2)"},
	}
	for _, v := range []struct{ word, para string }{
		{"motor_vehicle_or_part", "Sch.3 para 6"}, {"light_vehicle_or_part", "Sch.3 para 7"}, {"agricultural_vehicle_or_part", "Sch.3 para 8"},
	} {
		covered := vehicle(v.word, "covered")
		rows = append(rows,
			scopeRow{v.word + "-day-before", "2025-02-24", covered, "IN", "IN", v.para},
			scopeRow{v.word + "-first-day", "2025-02-25", covered, "OUT_EXCEPTED", "IN", v.para},
			scopeRow{v.word + "-outside", "2025-02-25", vehicle(v.word, "outside"), "IN", "IN", v.para},
			scopeRow{v.word + "-aftermarket-day-before", "2025-02-24", vehicle(v.word, "aftermarket"), "IN", "IN", v.para},
			scopeRow{v.word + "-aftermarket", "2025-02-25", vehicle(v.word, "aftermarket"), "REVIEW", "IN", v.para},
			scopeRow{v.word + "-approval-unknown", now, kind(v.word), "open", "", v.para},
			scopeRow{v.word + "-supply-over-before", now, over(covered, "2025-02-24"), "IN", "IN", v.para},
			scopeRow{v.word + "-supply-over-after", now, over(covered, "2025-02-25"), "OUT_EXCEPTED", "IN", v.para},
			scopeRow{v.word + "-aftermarket-supply-over-before", now, over(vehicle(v.word, "aftermarket"), "2025-02-24"), "IN", "IN", v.para},
		)
	}
	checkScope(t, rows)
}

func TestScopeSupply(t *testing.T) {
	manner := func(word string) pattern { return pattern{"supply.manner": word} }
	history := func(word string) pattern { return pattern{"supply.history": word} }
	trade := func(word string, identical bool) pattern {
		return pattern{"supply.history": word, "supply.to_consumers": false, "supply.identical_to_consumers": identical}
	}
	over := func(last any, later any) pattern {
		return pattern{"supply.continuing": false, "supply.date": last, "supply.later_duties_judged": later}
	}
	const market = "OUT_NO_UK_CONSUMER_MARKET"
	checkScope(t, []scopeRow{
		{"statutory-function", now, manner("statutory_function"), "IN", "", "s.55(2)"},
		{"works-contract", now, manner("works_contract"), "IN", "", "s.55(5)-(6)"},
		{"new-building", now, manner("new_building"), "IN", "", "s.55(3)-(4), (7)-(10)"},
		{"hire-purchase", now, manner("hire_purchase"), "IN", "", "s.55(3), (11)-(12)"},
		{"hire-lender-unknown", now, manner("hire_or_loan"), "open", "", "s.55(3)(a)"},
		{"hire-continued", now, manner("hire_continued"), "OUT_NO_SUPPLY", "", "s.55(3)-(4), (7)-(10)"},
		{"scrap", now, manner("scrap"), "OUT_NO_SUPPLY", "", "s.55(3)-(4), (7)-(10)"},
		{"transport-only", now, manner("transport_only"), "OUT_NO_SUPPLY", "", "s.55(3)-(4), (7)-(10)"},
		{"handed-back", now, manner("handed_back"), "OUT_NO_SUPPLY", "", "s.55(3)-(4), (7)-(10)"},
		{"with-land", now, manner("with_land"), "OUT_NO_SUPPLY", "", "s.55(3)-(4), (7)-(10)"},
		{"private-sale", now, manner("outside_business"), "OUT_NO_SUPPLY", "", "s.55(2)"},
		{"manner-unknown", now, pattern{"supply.manner": nil}, "open", "", "s.55"},
		{"nowhere-in-uk", now, pattern{"supply.territories": []string{}}, "OUT_NO_SUPPLY", "OUT_NO_SUPPLY", "s.56(2)"},
		{"territories-unknown", now, pattern{"supply.territories": nil}, "open", "open", "s.56(2)"},

		{"returned-unwanted-trade", now, trade("returned_unwanted", true), "IN", "", "s.54(3), (5)"},
		{"returned-under-recall", now, history("returned_safety"), "IN", "", "s.54(5)-(9)"},
		{"returned-faulty", now, history("returned_faulty"), "REVIEW", "", "s.54(5)-(9)"},
		{"returned-faulty-no-market", now, trade("returned_faulty", false), market, "", "s.54"},
		{"reconditioned-by-manufacturer-trade", now, trade("reconditioned_by_manufacturer", true), "IN", "", "s.54(3), (7)"},
		{"through-installer", now, history("through_installer"), "IN", "", "s.54(5)-(9)"},
		{"traded-abroad", now, history("traded_abroad"), "REVIEW", "", "s.54(2)(b)"},
		{"traded-abroad-no-market", now, trade("traded_abroad", false), market, "", "s.54"},
		{"supplied-by-other-to-consumers", now, history("supplied_by_other"), "IN", "", "s.54(2)(b)"},
		{"supplied-by-other-to-business", now, trade("supplied_by_other", true), "OUT_USED", "", "s.54(3)(b)"},
		{"used-to-business", now, trade("used", true), "OUT_USED", "", "s.54(3)(b)"},
		{"history-unknown", now, pattern{"supply.history": nil}, "open", "", "s.54(2)(b)"},
		{"consumers-unknown", now, pattern{"supply.to_consumers": nil}, "open", "", "s.54(2)"},
		{"consumers-unknown-but-identical", now, pattern{"supply.to_consumers": nil, "supply.identical_to_consumers": true}, "IN", "", "s.54(2)-(3)"},
		{"identical-unknown", now, pattern{"supply.to_consumers": false}, "open", "", "s.54(3)"},

		{"judged-day-before-commencement", "2024-04-28", nil, "OUT_BEFORE_COMMENCEMENT", "OUT_BEFORE_COMMENCEMENT", "SI 2023/469 reg 3"},
		{"judged-on-commencement", "2024-04-29", nil, "IN", "", "SI 2023/469 reg 3"},
		{"last-supply-day-before", now, over("2024-04-28", false), "OUT_BEFORE_COMMENCEMENT", "", "SI 2023/469 reg 3"},
		{"last-supply-on-commencement", now, over("2024-04-29", nil), "IN", "", "SI 2023/469 reg 3"},
		{"last-supply-before-later-duties", now, over("2024-04-28", true), "REVIEW", "", "ss.8, 10, 11"},
		{"last-supply-before-purpose-unknown", now, over("2024-04-28", nil), "open", "", "ss.8, 10, 11"},
		{"old-stock-still-on-shelves", now, pattern{"supply.date": "2024-04-01"}, "IN", "", "s.56(2)"},
		{"over-but-when-unknown", now, over(nil, false), "open", "", "SI 2023/469 reg 3"},
		{"supply-date-alone-is-enough", now, pattern{"supply.continuing": nil, "supply.date": "2024-04-29"}, "IN", "", "SI 2023/469 reg 3"},
		{"supply-date-alone-before", now, pattern{"supply.continuing": nil, "supply.date": "2024-04-28"}, "open", "", "SI 2023/469 reg 3"},
		{"day-before-second-amendment", "2025-12-03", nil, "IN", "", "SI 2025/1267"},
		{"day-of-second-amendment", "2025-12-04", nil, "IN", "", "SI 2025/1267"},
	})
}

// TestScopeWanted holds what is asked: exactly the facts that can still decide.
func TestScopeWanted(t *testing.T) {
	tests := []struct {
		name   string
		change pattern
		want   []string
	}{
		{"internet", pattern{"product.internet_capable": nil}, []string{"product.computer_set", "product.internet_capable", "product.ip_link",
			"product.link_to_internet_product", "product.set_is_link", "product.set_linked_by_another", "product.set_wireless",
			"product.two_links_at_once", "product.two_way_data"}},
		{"kind", pattern{"product.kind": nil}, []string{"exception.charge_point_regulated", "exception.children_only", "exception.medical_device",
			"exception.medical_software_only", "exception.meter_assured", "exception.meter_licensed", "exception.vehicle_approval",
			"product.cellular", "product.kind"}},
		{"tablet", kind("tablet_computer"), []string{"exception.children_only", "product.cellular"}},
		{"medical", kind("medical_device"), []string{"exception.medical_device", "exception.medical_software_only"}},
		{"vehicle", kind("light_vehicle_or_part"), []string{"exception.vehicle_approval"}},
		{"territories", pattern{"supply.territories": nil}, []string{"supply.territories"}},
		{"manner", pattern{"supply.manner": nil}, []string{"supply.lender_is_manufacturer", "supply.manner"}},
		{"lender", pattern{"supply.manner": "hire_or_loan"}, []string{"supply.lender_is_manufacturer"}},
		{"history", pattern{"supply.history": nil}, []string{"supply.history"}},
		{"consumers", pattern{"supply.to_consumers": nil}, []string{"supply.identical_to_consumers", "supply.to_consumers"}},
		{"identical", pattern{"supply.to_consumers": false}, []string{"supply.identical_to_consumers"}},
		{"date", pattern{"supply.continuing": nil}, []string{"supply.continuing", "supply.date", "supply.later_duties_judged"}},
		{"over-when", pattern{"supply.continuing": false}, []string{"supply.date", "supply.later_duties_judged"}},
		{"excepted-wants-nothing", kind("desktop_computer").with(pattern{"exception.children_only": false, "supply.manner": nil, "supply.history": nil}), []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := camera.with(tt.change).judge(t, "uk-psti", now).Scope.Decisions[0]
			if diff := cmp.Diff(names(d.Wanted), tt.want); diff != "" {
				t.Errorf("wanted in %s (-got +want):\n%s", d.Territory, diff)
			}
			if open := d.Open == law.OpenEvidence; open != (len(tt.want) > 0) {
				t.Errorf("open %q", d.Open)
			}
		})
	}
}

// TestScopeFewQuestions holds that an ordinary product is decided by few answers,
// and that none of them can be left out.
func TestScopeFewQuestions(t *testing.T) {
	if len(camera) > 8 {
		t.Errorf("%d answers, want 8 at most", len(camera))
	}
	for key := range camera {
		if d := camera.with(pattern{key: nil}).judge(t, "uk-psti", now).Scope.Decisions[0]; d.Verdict != assay.Inconclusive || !slices.Contains(names(d.Wanted), key) {
			t.Errorf("without %s: %v, wanted %v", key, d.Verdict, names(d.Wanted))
		}
	}
}

// TestScopeConsignments holds that each consignment is judged by itself, and that
// the law reaches the product if it reaches one of them.
func TestScopeConsignments(t *testing.T) {
	v := camera.with(pattern{"supply.history": nil, "consignment/used supply.history": "used", "consignment/offices supply.history": "new",
		"consignment/offices supply.to_consumers": false, "consignment/offices supply.identical_to_consumers": nil}).judge(t, "uk-psti", now)
	got := map[string]string{}
	for _, d := range v.Scope.Decisions {
		got[string(d.Subject)+" "+d.Territory] = outcome(d)
	}
	want := map[string]string{"consignment/offices GB": "open", "consignment/offices NI": "OUT_NO_SUPPLY",
		"consignment/used GB": "OUT_USED", "consignment/used NI": "OUT_NO_SUPPLY"}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if v.Scope.Verdict != assay.Inconclusive {
		t.Errorf("verdict %v while one consignment is open", v.Scope.Verdict)
	}
	if diff := cmp.Diff(names(v.Scope.Wanted), []string{"consignment/offices supply.identical_to_consumers"}); diff != "" {
		t.Errorf("wanted (-got +want):\n%s", diff)
	}
}

// TestScopeOneConsignmentTakesNothingOut holds that a consignment out of reach does
// not take out a product that by what is said of it as a whole is within.
func TestScopeOneConsignmentTakesNothingOut(t *testing.T) {
	named := pattern{"consignment/returns supply.history": "used"}
	v := camera.with(named).judge(t, "uk-psti", now)
	if v.Scope.Verdict != assay.Pass || v.Scope.Outcome != "IN" {
		t.Errorf("%v %s, want PASS IN", v.Scope.Verdict, v.Scope.Outcome)
	}
	for _, all := range []pattern{{"supply.history": nil}, {"supply.history": "used"}} {
		if got := camera.with(named).with(all).judge(t, "uk-psti", now).Scope.Verdict; got != assay.NotApplicable {
			t.Errorf("%v: %v, want NOT APPLICABLE", all, got)
		}
	}
}

// drawAnswers answers every term that scope speaks of.
func drawAnswers(t *rapid.T) pattern {
	p := pattern{}
	terms := vocab.Standard().Terms()
	for i := range terms {
		term := &terms[i]
		id := string(term.ID)
		topic, _, _ := strings.Cut(id, ".")
		if !slices.Contains([]string{"product", "exception", "supply"}, topic) {
			continue
		}
		switch term.Type {
		case assay.BoolType:
			p[id] = rapid.Bool().Draw(t, id)
		case assay.TextType:
			p[id] = rapid.SampledFrom(term.Values).Draw(t, id)
		case assay.SetType:
			p[id] = rapid.SliceOfNDistinct(rapid.SampledFrom(term.Values), 0, 2, rapid.ID).Draw(t, id)
		case assay.DateType:
			p[id] = rapid.SampledFrom([]string{"2024-04-28", "2024-04-29", "2025-02-24", "2025-02-25", "2026-01-01"}).Draw(t, id)
		}
	}
	return p
}

// TestScopeNeverTurns holds that an outcome reached on some answers stays whatever
// the others are, and that answering only what is wanted leads to an outcome.
func TestScopeNeverTurns(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		asAt := rapid.SampledFrom([]string{"2024-04-29", "2025-02-24", "2025-02-25", "2025-12-03", "2025-12-04", now}).Draw(rt, "as at")
		all := drawAnswers(rt)
		full := all.judge(t, "uk-psti", asAt).Scope.Decisions
		some := pattern{}
		for _, id := range slices.Sorted(maps.Keys(all)) {
			if rapid.IntRange(0, 3).Draw(rt, "known "+id) > 0 {
				some[id] = all[id]
			}
		}
		for i := range full {
			if full[i].Open == law.OpenEvidence {
				rt.Fatalf("everything is known, and %s wants %v", full[i].Territory, names(full[i].Wanted))
			}
			known := some.with(nil)
			for {
				d := known.judge(t, "uk-psti", asAt).Scope.Decisions[i]
				if d.Open != law.OpenEvidence {
					// Out on one ground or another stays out; which ground may be named later.
					if outcome(d) != outcome(full[i]) && !(d.Outcome == "OUT" && full[i].Verdict == assay.NotApplicable) {
						rt.Fatalf("%s: %s on some answers, %s on all", d.Territory, outcome(d), outcome(full[i]))
					}
					break
				}
				wanted := names(d.Wanted)
				if len(wanted) == 0 {
					rt.Fatalf("%s is open and wants nothing", d.Territory)
				}
				if _, told := known[wanted[0]]; told {
					rt.Fatalf("%s wants %s, which it was told", d.Territory, wanted[0])
				}
				known[wanted[0]] = all[wanted[0]]
			}
		}
	})
}
