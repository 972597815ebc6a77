package bench

import "github.com/assay-psti/assay"

// Item is one line of the identification of what was tested, by whom and when
// (ETSI TS 103 701 V1.1.1 Annex A.2).
type Item struct {
	Term     assay.TermID
	Title    string
	Question string
	Wanted   bool // a report without it is not whole

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
