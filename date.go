package assay

import (
	"fmt"
	"time"
)

// Date is a day of the civil calendar, without time or zone: the unit in which
// law commences and support periods end. The zero value means no date.
type Date struct {
	year  int16
	month uint8
	day   uint8
}

// NewDate returns the date, or an error if the calendar has no such day.
func NewDate(year int, month time.Month, day int) (Date, error) {
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if year < 1 || year > 9999 || t.Year() != year || t.Month() != month || t.Day() != day {
		return Date{}, fmt.Errorf("%04d-%02d-%02d: %w: no such day", year, int(month), day, ErrInvalid)
	}
	return Date{int16(year), uint8(month), uint8(day)}, nil
}

// ParseDate reads a date in the form 2006-01-02.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("%q: %w: want a date such as 2026-04-29", s, ErrInvalid)
	}
	return NewDate(t.Year(), t.Month(), t.Day())
}

// MustDate is ParseDate for constants of the program; it panics on a mistake.
func MustDate(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// DateOf is the civil date of t in t's own zone.
func DateOf(t time.Time) Date {
	return Date{int16(t.Year()), uint8(t.Month()), uint8(t.Day())}
}

// Time is midnight UTC of the date.
func (d Date) Time() time.Time {
	return time.Date(int(d.year), time.Month(d.month), int(d.day), 0, 0, 0, 0, time.UTC)
}

// Zero reports that there is no date.
func (d Date) Zero() bool { return d == Date{} }

// Days counts days since 1 January 1970; it orders dates and measures between them.
func (d Date) Days() int64 { return d.Time().Unix() / 86400 }

// DateOfDays is the date that many days after 1 January 1970.
func DateOfDays(n int64) Date { return DateOf(time.Unix(n*86400, 0).UTC()) }

// Before reports whether d is an earlier day than e.
func (d Date) Before(e Date) bool { return d.number() < e.number() }

// After reports whether d is a later day than e.
func (d Date) After(e Date) bool { return d.number() > e.number() }

func (d Date) number() int { return int(d.year)<<9 | int(d.month)<<5 | int(d.day) }

// AddDays moves by n days.
func (d Date) AddDays(n int) Date { return DateOf(d.Time().AddDate(0, 0, n)) }

// AddYears moves by n years. From 29 February it comes to 28 February where the
// year has no 29th (law/decisions row 8).
func (d Date) AddYears(n int) Date {
	e, err := NewDate(int(d.year)+n, time.Month(d.month), int(d.day))
	if err != nil {
		e, _ = NewDate(int(d.year)+n, time.February, 28)
	}
	return e
}

// String writes 2006-01-02, or "" for no date.
func (d Date) String() string {
	if d.Zero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)
}

// Words writes the date as people in the UK read it: 4 December 2025.
func (d Date) Words() string {
	if d.Zero() {
		return ""
	}
	return fmt.Sprintf("%d %s %d", d.day, time.Month(d.month), d.year)
}

// MarshalText writes 2006-01-02.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads 2006-01-02, or nothing for no date.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	e, err := ParseDate(string(text))
	if err != nil {
		return err
	}
	*d = e
	return nil
}
