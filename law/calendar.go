package law

import (
	_ "embed"
	"sync"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/assay-psti/assay"
)

// A statutory period "beginning with" a day counts that day as its first.

// LastDay is the last day of a period of so many days beginning with a day.
func LastDay(first assay.Date, days int) assay.Date { return first.AddDays(days - 1) }

// lastDayOfYears is the last day of a period of so many years beginning with a
// day. A period that begins on 29 February ends with 28 February where its last
// year has no 29th (law/decisions row 8).
func lastDayOfYears(first assay.Date, years int) assay.Date {
	end := first.AddYears(years)
	if end.Time().Day() != first.Time().Day() {
		return end // already the 28th, the day before the anniversary that is not there
	}
	return end.AddDays(-1)
}

// The lengths of the periods of the Act, in days.
const (
	noticeIntentDays     = 10 // ss.28-30
	penaltyIntentDays    = 28 // s.39(2)
	appealDays           = 28 // ss.33(2), 35, 41, 44
	penaltyPaymentDays   = 28 // s.36(7)
	compensationDays     = 45 // s.34
	recordYears          = 10 // ss.12, 20
	statementYears       = 10 // SI 2023/1007 regs 8-9
	longestRunOfHolidays = 31 // bounds the search for a working day
)

// EarliestNotice is the first day on which a compliance, stop or recall notice
// may be given, when its intent was notified on a day (PSTI Act 2022 ss.28-30). A
// stop or recall notice that is urgent need not wait.
func EarliestNotice(intent assay.Date) assay.Date { return intent.AddDays(noticeIntentDays) }

// EarliestPenalty is the first day on which a penalty notice may be given, when
// its intent was notified on a day (PSTI Act 2022 s.39(2)).
func EarliestPenalty(intent assay.Date) assay.Date { return intent.AddDays(penaltyIntentDays) }

// LastDayToAppeal is the last day to appeal against a notice or a penalty given or
// varied, a decision on compensation notified, or a forfeiture decided, on a day
// (PSTI Act 2022 ss.33(2), 35, 41, 44).
func LastDayToAppeal(given assay.Date) assay.Date { return LastDay(given, appealDays) }

// EarliestPaymentEnd is the earliest day that a penalty notice given on a day may
// set as the last to pay (PSTI Act 2022 s.36(7)).
func EarliestPaymentEnd(given assay.Date) assay.Date { return LastDay(given, penaltyPaymentDays) }

// LastDayToDecideCompensation is the last day to decide a claim received on a day
// (PSTI Act 2022 s.34).
func LastDayToDecideCompensation(received assay.Date) assay.Date {
	return LastDay(received, compensationDays)
}

// KeepRecordUntil is the last day on which a record of an investigation or of a
// failure, made on a day, must be kept (PSTI Act 2022 ss.12, 20).
func KeepRecordUntil(made assay.Date) assay.Date { return lastDayOfYears(made, recordYears) }

// RetainUntil is the last day on which a statement of compliance must be kept: the
// later of ten years beginning with its day of issue and the end of the support
// period that it states (SI 2023/1007 regs 8-9). It is no date when either is
// none: a statement that states no end has no known last day.
func RetainUntil(issued, supportEnd assay.Date) assay.Date {
	if issued.Zero() || supportEnd.Zero() {
		return assay.Date{}
	}
	end := lastDayOfYears(issued, statementYears)
	if supportEnd.After(end) {
		return supportEnd
	}
	return end
}

// BankHoliday is one bank holiday of one or more parts of the UK.
type BankHoliday struct {
	Date  assay.Date `yaml:"date"`
	Name  string     `yaml:"name"`
	Where []string   `yaml:"where"` // england and wales, scotland, northern ireland
}

//go:embed bank-holidays.yaml
var bankHolidayFile []byte

type bankHolidays struct {
	Source string `yaml:"source"`
	Years  []struct {
		Year     int           `yaml:"year"`
		Holidays []BankHoliday `yaml:"holidays"`
	} `yaml:"years"`
}

var publishedHolidays = sync.OnceValue(func() *bankHolidays {
	b := &bankHolidays{}
	if err := yaml.UnmarshalWithOptions(bankHolidayFile, b, yaml.Strict()); err != nil {
		panic(err) // our own data is wrong; the tests hold this
	}
	return b
})

// BankHolidays are the bank holidays of a year in every part of the UK, in order,
// and where they were published. known is false for a year that is not held: its
// holidays are never guessed (law/decisions row 9).
func BankHolidays(year int) (holidays []BankHoliday, source string, known bool) {
	b := publishedHolidays()
	for _, y := range b.Years {
		if y.Year == year {
			return append([]BankHoliday(nil), y.Holidays...), b.Source, true
		}
	}
	return nil, b.Source, false
}

// WorkingDay reports whether a day is a working day: not a Saturday, a Sunday,
// Christmas Day, Good Friday, nor a bank holiday in any part of the UK (PSTI Act
// 2022 s.50(9)). known is false where that turns on a year whose bank holidays
// are not held.
func WorkingDay(d assay.Date) (working, known bool) {
	t := d.Time()
	switch {
	case d.Zero():
		return false, false
	case t.Weekday() == time.Saturday, t.Weekday() == time.Sunday, t.Month() == time.December && t.Day() == 25:
		return false, true
	}
	b := publishedHolidays()
	for i := range b.Years {
		if b.Years[i].Year != t.Year() {
			continue
		}
		for _, h := range b.Years[i].Holidays { // Good Friday is among them
			if h.Date == d {
				return false, true
			}
		}
		return true, true
	}
	return false, false
}

// ServedElectronically is the day on which a notice sent electronically on a day
// counts as given, at 9 am, unless the contrary is shown: the next working day
// after sending (PSTI Act 2022 s.50(8)). Periods that begin with the notice run
// from it (law/decisions row 10). known is false where the working days are not.
func ServedElectronically(sent assay.Date) (served assay.Date, known bool) {
	if sent.Zero() {
		return assay.Date{}, false
	}
	for n := 1; n <= longestRunOfHolidays; n++ {
		d := sent.AddDays(n)
		working, known := WorkingDay(d)
		if !known {
			return assay.Date{}, false
		}
		if working {
			return d, true
		}
	}
	return assay.Date{}, false
}
