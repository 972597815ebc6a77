package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
)

// Item is one line of the identification of what was tested, by whom and when
// (ETSI TS 103 701 V1.1.1 Annex A.2).
type Item struct {
	Term     assay.TermID
	Title    string
	Question string
	Wanted   bool // a report without it is not whole

	Offers []dossier.Unit // of the serial numbers: the units that product.yaml lists

	Value assay.Value // no value while unknown
	By    string      // who said so
}

// serials are the units tested: from two on, they can show what is unique.
const serials assay.TermID = "bench.serials"

var identity = []Item{
	{Term: "bench.supplier", Title: "Supplier organisation", Question: "Which organisation supplies the device and fills in the forms?", Wanted: true},
	{Term: "bench.supplier_address", Title: "Address of the supplier", Question: "What is its postal address?", Wanted: true},
	{Term: "bench.laboratory", Title: "Test laboratory", Question: "Which organisation tests?", Wanted: true},
	{Term: "bench.laboratory_address", Title: "Address of the laboratory", Question: "What is the laboratory's postal address?", Wanted: true},
	{Term: "bench.hardware_version", Title: "Hardware version", Question: "Which hardware version do the units carry?", Wanted: true},
	{Term: "bench.software_version", Title: "Software version", Question: "Which software version runs on them?", Wanted: true},
	{Term: serials, Title: "Serial numbers of the units", Question: "Which units are tested? Give each serial number, with commas between them.", Wanted: true},
	{Term: "bench.associated", Title: "Apps and services", Question: "Which apps and services are used in the test, in which versions?"},
	{Term: "bench.received", Title: "Units received", Question: "On which day were the units received?"},
	{Term: "bench.began", Title: "Test began", Question: "On which day did the test begin?", Wanted: true},
	{Term: "bench.ended", Title: "Test ended", Question: "On which day did the test end? Leave it open until it has."},
	{Term: "bench.deviations", Title: "Deviations", Question: "In what does this test deviate from the test specification? Say none if in nothing."},
}

// AllUnits is the answer that stands for every unit that product.yaml lists.
const AllUnits = "all"

// SerialNumbers takes words for the serial numbers of units. The name of a unit that
// product.yaml lists stands for its serial number.
func SerialNumbers(listed []dossier.Unit, words []string) ([]string, error) {
	if len(listed) > 0 && len(words) == 1 && strings.EqualFold(words[0], AllUnits) {
		words = nil
		for _, u := range listed {
			words = append(words, u.ID)
		}
	}
	var numbers []string
	for _, w := range words {
		if i := slices.IndexFunc(listed, func(u dossier.Unit) bool { return u.ID == w }); i >= 0 && !slices.ContainsFunc(listed, func(u dossier.Unit) bool { return u.Serial == w }) {
			if w = listed[i].Serial; w == "" {
				return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "unit " + listed[i].ID, What: "has no serial number in product.yaml", Do: "write it there, or answer with the number"}
			}
		}
		if !slices.Contains(numbers, w) {
			numbers = append(numbers, w)
		}
	}
	return numbers, nil
}

// AddUnits records that these units are tested, besides those that were recorded
// before: names of units that product.yaml lists, or their serial numbers. Where it
// lists none, any serial number is taken. It reports whether there was one to add.
func (r *Recorder) AddUnits(ctx context.Context, names ...string) (bool, error) {
	listed := r.Dossier.Product.Units
	for _, n := range names {
		if len(listed) > 0 && !strings.EqualFold(n, AllUnits) && !slices.ContainsFunc(listed, func(u dossier.Unit) bool { return n == u.ID || n == u.Serial }) {
			return false, &assay.Problem{Kind: assay.ErrNotFound, Where: "unit " + n, What: "is not listed in product.yaml", Do: "name one of " + strings.Join(unitWords(listed), ", ") + ", or list it there"}
		}
	}
	numbers, err := SerialNumbers(listed, names)
	if err != nil {
		return false, err
	}
	p, err := r.Plan()
	if err != nil {
		return false, err
	}
	s := p.Step("identity/" + string(serials))
	var known []string
	if s.Item.Value.Type() == assay.SetType {
		known = s.Item.Value.Set()
	}
	all := slices.Clone(known)
	for _, n := range numbers {
		if strings.Contains(n, ",") {
			return false, refuse(s.ID, fmt.Sprintf("the serial number %q has a comma in it", n), "leave it out")
		}
		if !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	if len(all) == len(known) {
		return false, nil
	}
	return true, r.Record(ctx, s.ID, Answer{Value: strings.Join(all, ", ")})
}

// unitWords names units that product.yaml lists with their serial numbers.
func unitWords(listed []dossier.Unit) []string {
	var words []string
	for _, u := range listed {
		w := u.ID + " (no serial number)"
		if u.Serial != "" {
			w = u.ID + " (" + u.Serial + ")"
		}
		words = append(words, w)
	}
	return words
}

// Offered says in words which units product.yaml lists; "" where it lists none, or
// where the line does not ask for units.
func (i *Item) Offered() string {
	if len(i.Offers) == 0 {
		return ""
	}
	const most = 24
	words := unitWords(i.Offers)
	if len(words) > most {
		words = append(words[:most], fmt.Sprintf("%d more", len(words)-most))
	}
	return strings.Join(words, ", ")
}
