package page

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestFindDates(t *testing.T) {
	for text, want := range map[string]string{
		"until 2029-12-31":                    "2029-12-31",
		"until 2029-12-31T23:59:59Z":          "2029-12-31",
		"until 2029/12/31.":                   "2029-12-31",
		"2029.12.31":                          "2029-12-31",
		"until 31 December 2029":              "2029-12-31",
		"until the 31st of December, 2029":    "2029-12-31",
		"until the 31st day of December 2029": "2029-12-31",
		"31-Dec-2029":                         "2029-12-31",
		"2029-Dec-31":                         "2029-12-31",
		"December 31, 2029":                   "2029-12-31",
		"Dec. 31st 2029":                      "2029-12-31",
		"Thursday 1 March 2029":               "2029-03-01",
		"31/12/2029":                          "2029-12-31",
		"12/31/2029":                          "2029-12-31",
		"31.12.2029":                          "2029-12-31",
		"05/05/2029":                          "2029-05-05",
		"05/06/2029":                          "2029-06-05 (day and month may be swapped: 2029-06-05 or 2029-05-06)",
		"31/12/29":                            "0029-12-31 (the year has two digits)",
		"31 Dec '29":                          "0029-12-31 (the year has two digits)",
		"31/02/2027":                          "2027-02-31 (the calendar has no such day)",
		"31 April 2027":                       "2027-04-31 (the calendar has no such day)",
		"2027-02-29":                          "2027-02-29 (the calendar has no such day)",
		"2028-02-29":                          "2028-02-29",
		"2029-31-12":                          "2029-31-12 (the calendar has no such day)",
		"December 2029":                       "2029-12",
		"Dec-2029":                            "2029-12",
		"December of 2029":                    "2029-12",
		"12/2029":                             "2029-12",
		"2029-12":                             "2029-12",
		"the end of December 2029":            "2029-12-31",
		"by the end of February 2028":         "2028-02-29",
		"the end of 2029":                     "2029-12-31",
		"the end of the year 2029":            "2029-12-31",
		"Q4 2029":                             "2029-Q4 (only a quarter is given)",
		"2029 Q4":                             "2029-Q4 (only a quarter is given)",
		"the fourth quarter of 2029":          "2029-Q4 (only a quarter is given)",
		"the end of Q2 2029":                  "2029-06-30",
		"until 2029":                          "2029 (only a year is given)",
		"in early 2029":                       "2029 (only a rough time is given)",
		"around March 2029":                   "2029-03 (only a rough time is given)",
		"from 01/01/2025-31/12/2029":          "2025-01-01; 2029-12-31",
		"1 January 2025 to 31 December 2029":  "2025-01-01; 2029-12-31",
		"2029年12月31日":                         "2029-12-31",
		"five years":                          "",
		"for 5 years from launch":             "",
		"version 2.0.2024.1":                  "",
		"10.0.0.1 and 192.168.20.24":          "",
		"model DS-2CD2043":                    "",
		"EN 303 645 V2.1.1":                   "",
		"part 20291231":                       "",
		"CVE-2024-12345":                      "",
		"you may 2 times":                     "",
		"5 March":                             "",
		"call 01/02/03":                       "0003-02-01 (the year has two digits)",
		"room 31/13/2029":                     "2029-13-31 (the calendar has no such day)",
		"2019-2024":                           "2019 (only a year is given); 2024 (only a year is given)",
		"in 2024/25":                          "",
		"mailto:a@2029.example":               "",
		"Mayor 2029":                          "2029 (only a year is given)",
		"decembre 2029":                       "2029 (only a year is given)",
		"31 December\n2029":                   "2029-12-31",
		"Updates guaranteed till 30-06-2030 only.": "2030-06-30",
	} {
		var got []string
		for _, d := range FindDates(text) {
			s := d.String()
			if f := d.Fault(); f != "" {
				s += " (" + f + ")"
			}
			got = append(got, s)
			if d.Exact() != (d.Fault() == "") {
				t.Errorf("%q: Exact is %t but the fault is %q", text, d.Exact(), d.Fault())
			}
		}
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("%q: got %s, want %s", text, s, want)
		}
	}
}

// TestDateForms writes a random day in every unambiguous form and reads it back.
func TestDateForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.IntRange(1990, 2150).Draw(t, "year")
		m := rapid.IntRange(1, 12).Draw(t, "month")
		d := rapid.IntRange(1, daysIn(y, m)).Draw(t, "day")
		name := []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}[m-1]
		want := fmt.Sprintf("%04d-%02d-%02d", y, m, d)
		before := rapid.SampledFrom([]string{"", "until ", "to (", "ends: ", "x "}).Draw(t, "before")
		for _, form := range []string{"%[1]d-%02[2]d-%02[3]d", "%[3]d %[4]s %[1]d", "%[4]s %[3]d, %[1]d", "%[3]d-%[5]s-%[1]d", "%[1]d/%02[2]d/%02[3]d", "%[3]dth of %[4]s %[1]d"} {
			s := before + fmt.Sprintf(strings.TrimSuffix(form, ""), y, m, d, name, name[:3])
			if i := strings.Index(s, "%!(EXTRA"); i >= 0 {
				s = s[:i]
			}
			got := FindDates(s)
			if len(got) != 1 || got[0].String() != want || !got[0].Exact() {
				t.Fatalf("%q: got %v, want %s", s, got, want)
			}
		}
		if d <= 12 && d != m {
			s := fmt.Sprintf("%02d/%02d/%d", d, m, y)
			if got := FindDates(s); len(got) != 1 || !got[0].Ambiguous || got[0].Exact() {
				t.Fatalf("%q: got %+v, want an ambiguous date", s, got)
			}
		}
	})
}

func TestFindTimes(t *testing.T) {
	for text, want := range map[string][]string{
		"within 5 working days":                {"5 working days"},
		"within five (5) business days":        {"5 working days"},
		"in 72 hours":                          {"72 hours"},
		"a 48-hour target":                     {"48 hours"},
		"24h":                                  {"24 hours"},
		"within 3-5 days":                      {"5 days"},
		"within 3–5 days":                      {"5 days"},
		"three to five working days":           {"5 working days"},
		"within one week":                      {"1 week"},
		"within a week":                        {"1 week"},
		"a fortnight":                          {"2 weeks"},
		"every two weeks":                      {"every 2 weeks"},
		"every other week":                     {"every 2 weeks"},
		"at least monthly":                     {"every month"},
		"on a weekly basis":                    {"every week"},
		"once per month":                       {"every month"},
		"once every 14 days":                   {"every 14 days"},
		"at intervals of no more than 30 days": {"every 30 days"},
		"quarterly":                            {"every 3 months"},
		"every 10 business days":               {"every 10 working days"},
		"each week":                            {"every week"},
		"within 48 business hours":             {"48 working hours"},
		"the next working day":                 {"1 working day"},
		"in half a year":                       {"6 months"},
		"for five years":                       {"5 years"},
		"5-year":                               {"5 years"},
		"acknowledged within 1 day, triaged within 5": {"1 day", "5 days"},
		"regularly":              {"-"},
		"as soon as possible":    {"-"},
		"promptly":               {"-"},
		"within a few days":      {"-"},
		"bi-weekly":              {"?every 2 weeks"},
		"5 devices":              nil,
		"until 31 December 2029": nil,
		"24/7":                   nil,
	} {
		var got []string
		for _, x := range FindTimes(text) {
			switch {
			case x.Vague:
				got = append(got, "-")
			case x.Doubt:
				got = append(got, "?"+x.String())
			default:
				got = append(got, x.String())
			}
			if x.Valid() == (x.Vague || x.Doubt) {
				t.Errorf("%q: %+v is valid although it fixes no time, or the reverse", text, x)
			}
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%q: -got +want\n%s", text, diff)
		}
	}
}

func TestClassifyWording(t *testing.T) {
	for text, want := range map[string]WordingID{
		"Security updates until 31 December 2029":  WordingEndDate,
		"5 years, from 1 Jan 2025 to 31 Dec 2029":  WordingPeriod,
		"Minimum 3 years":                          WordingMinimum,
		"3 years from purchase":                    WordingPurchase,
		"Lifetime security updates":                WordingLifetime,
		"Security updates for as long as possible": WordingAsLongAs,
		"Supported until 2029":                     WordingYear,
		"Security updates until the end of 2029":   WordingEndDate,
		"Updates until further notice":             WordingUntilEvent,
		"Five years after general availability":    WordingLaunch,
		"Security updates for 5 years":             WordingLength,
		"Security updates until 31/02/2027":        WordingDoubt,
		"Security updates until 05/06/2029":        WordingDoubt,
		"Support ended on 1 May 2023":              WordingPast,
		"We take security seriously":               "",
	} {
		got, ok := ClassifyWording(text)
		if got.ID != want || ok != (want != "") {
			t.Errorf("%q: got %s, want %s", text, got.ID, want)
		}
		if ok && (got.Why == "" || got.Source == "") {
			t.Errorf("%q: no reason or no source in %+v", text, got)
		}
	}
}
