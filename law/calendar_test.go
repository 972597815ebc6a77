package law_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
)

// TestClocks holds the examples of the law pack, sections 5.3 and 7.5, and the days
// on both sides of the leap day.
func TestClocks(t *testing.T) {
	tests := []struct {
		name  string
		clock func(assay.Date) assay.Date
		day   string
		want  string
		cite  string
	}{
		{"notice-after-intent", law.EarliestNotice, "2026-06-01", "2026-06-11", "ss.28-30"},
		{"penalty-after-intent", law.EarliestPenalty, "2026-06-01", "2026-06-29", "s.39(2)"},
		{"appeal", law.LastDayToAppeal, "2026-07-01", "2026-07-28", "s.33(2)"},
		{"payment", law.EarliestPaymentEnd, "2026-07-01", "2026-07-28", "s.36(7)"},
		{"compensation", law.LastDayToDecideCompensation, "2026-07-01", "2026-08-14", "s.34"},
		{"record", law.KeepRecordUntil, "2025-06-01", "2035-05-31", "s.12"},
		{"record-of-leap-day", law.KeepRecordUntil, "2024-02-29", "2034-02-28", "decisions row 8"},
		{"record-of-day-before-leap-day", law.KeepRecordUntil, "2024-02-28", "2034-02-27", "s.12"},
		{"record-of-day-after-leap-day", law.KeepRecordUntil, "2024-03-01", "2034-02-28", "s.12"},
		{"record-that-ends-on-leap-day", law.KeepRecordUntil, "2022-03-01", "2032-02-29", "s.12"},
		{"record-of-new-year", law.KeepRecordUntil, "2025-01-01", "2034-12-31", "s.12"},
		{"appeal-over-leap-day", law.LastDayToAppeal, "2028-02-15", "2028-03-13", "s.33(2)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.clock(assay.MustDate(tt.day)).String(); got != tt.want {
				t.Errorf("%s, want %s (%s)", got, tt.want, tt.cite)
			}
		})
	}
}

func TestRetainUntil(t *testing.T) {
	tests := []struct{ name, issued, support, want string }{
		{"ten-years-are-longer", "2025-06-01", "2030-12-31", "2035-05-31"},
		{"support-is-longer", "2025-06-01", "2036-01-01", "2036-01-01"},
		{"support-ends-the-same-day", "2025-06-01", "2035-05-31", "2035-05-31"},
		{"support-ends-a-day-later", "2025-06-01", "2035-06-01", "2035-06-01"},
		{"issued-on-leap-day", "2024-02-29", "2026-01-01", "2034-02-28"},
		{"no-end-stated", "2025-06-01", "", ""},
		{"no-day-of-issue", "", "2030-12-31", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var issued, support assay.Date
			if tt.issued != "" {
				issued = assay.MustDate(tt.issued)
			}
			if tt.support != "" {
				support = assay.MustDate(tt.support)
			}
			if got := law.RetainUntil(issued, support).String(); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestServedElectronically(t *testing.T) {
	tests := []struct{ name, sent, want string }{
		{"monday", "2026-06-01", "2026-06-02"},
		{"friday", "2026-06-05", "2026-06-08"},
		{"before-good-friday-and-easter", "2025-04-17", "2025-04-22"},
		{"before-st-patrick-in-ni-alone", "2026-03-16", "2026-03-18"},
		{"before-12-july-in-lieu-in-ni-alone", "2026-07-10", "2026-07-14"},
		{"before-scottish-summer-holiday", "2025-08-01", "2025-08-05"},
		{"before-scottish-one-off-holiday", "2026-06-12", "2026-06-16"},
		{"before-st-andrew-in-lieu", "2024-11-29", "2024-12-03"},
		{"christmas-2026", "2026-12-24", "2026-12-29"},
		{"new-year-2027-and-2-january-in-lieu", "2026-12-31", "2027-01-05"},
		{"last-day-known", "2027-12-30", "2027-12-31"},
		{"year-not-held", "2027-12-31", ""},
		{"year-before-not-held", "2023-06-01", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, known := law.ServedElectronically(assay.MustDate(tt.sent))
			if got.String() != tt.want || known != (tt.want != "") {
				t.Errorf("%q known %v, want %q", got, known, tt.want)
			}
		})
	}
	// Decision 10: a period that begins with the notice runs from the deemed day.
	if served, _ := law.ServedElectronically(assay.MustDate("2026-06-05")); law.EarliestNotice(served).String() != "2026-06-18" {
		t.Errorf("notice after intent sent on a Friday: %s", law.EarliestNotice(served))
	}
}

// TestBankHolidays holds the data to what must be so of every year.
func TestBankHolidays(t *testing.T) {
	for year, want := range map[int]int{2024: 13, 2025: 13, 2026: 14, 2027: 13} {
		holidays, source, known := law.BankHolidays(year)
		if !known || source == "" || len(holidays) != want {
			t.Errorf("%d: known %v, %d holidays, want %d", year, known, len(holidays), want)
		}
		count := map[string]int{}
		for i, h := range holidays {
			day := h.Date.Time()
			if day.Year() != year || day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
				t.Errorf("%s %s is not a weekday of %d", h.Date, h.Name, year)
			}
			if i > 0 && !holidays[i-1].Date.Before(h.Date) {
				t.Errorf("%s is out of order", h.Date)
			}
			if working, known := law.WorkingDay(h.Date); working || !known {
				t.Errorf("%s %s counts as a working day", h.Date, h.Name)
			}
			for _, where := range h.Where {
				count[where]++
			}
			if good := h.Name == "Good Friday"; good && (day.Weekday() != time.Friday || len(h.Where) != 3) {
				t.Errorf("Good Friday is %s in %v", h.Date, h.Where)
			}
		}
		scotland := 9
		if year == 2026 {
			scotland++ // one-off
		}
		if count["england and wales"] != 8 || count["scotland"] != scotland || count["northern ireland"] != 10 {
			t.Errorf("%d: %v", year, count)
		}
	}
	if _, _, known := law.BankHolidays(2028); known {
		t.Error("2028 is known")
	}
	for day, want := range map[string][2]bool{ // working, known
		"2030-12-25": {false, true}, "2030-06-01": {false, true}, "2030-06-03": {false, false}, "2026-11-23": {true, true},
	} {
		working, known := law.WorkingDay(assay.MustDate(day))
		if got := [2]bool{working, known}; got != want {
			t.Errorf("%s: %v, want %v", day, got, want)
		}
	}
}

// TestPeriodsByProperty holds that a period beginning with a day has exactly so
// many days or years, for every day.
func TestPeriodsByProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := assay.DateOfDays(rapid.Int64Range(0, 40000).Draw(t, "day"))
		if got := law.LastDayToAppeal(d).Days() - d.Days() + 1; got != 28 {
			t.Errorf("%s: %d days, want 28", d, got)
		}
		end := law.KeepRecordUntil(d)
		next := end.AddDays(1).Time()
		day := d.Time()
		leap := day.Month() == time.February && day.Day() == 29
		if next.Year() != day.Year()+10 || !leap && (next.Month() != day.Month() || next.Day() != day.Day()) ||
			leap && (next.Month() != time.March || next.Day() != 1) {
			t.Errorf("%s: kept until %s", d, end)
		}
	})
}
