package page

import "slices"

// WordingID names a way of stating a support period.
type WordingID string

// The wordings. EndDate and Period give an end date; the others do not, or leave it in doubt.
const (
	WordingPeriod     WordingID = "start_and_end"   // from a date to a date, or a length and an end date
	WordingEndDate    WordingID = "end_date"        // until a date
	WordingPast       WordingID = "ended"           // ended on a date
	WordingYear       WordingID = "year_only"       // until 2029
	WordingDoubt      WordingID = "doubtful_date"   // a date that can be read in two ways, or that does not exist
	WordingMinimum    WordingID = "minimum_length"  // at least 3 years
	WordingPurchase   WordingID = "from_purchase"   // 3 years from purchase
	WordingLaunch     WordingID = "from_launch"     // 5 years from launch, with or without the date of launch
	WordingLength     WordingID = "length"          // 5 years
	WordingLifetime   WordingID = "lifetime"        // for the lifetime of the product
	WordingAsLongAs   WordingID = "as_long_as"      // as long as possible, while it is sold
	WordingUntilEvent WordingID = "until_event"     // until it is discontinued
	WordingElsewhere  WordingID = "elsewhere"       // listed behind a link
	WordingVersions   WordingID = "versions"        // supported versions without dates
	WordingStopped    WordingID = "stopped_no_date" // no longer supported
)

// Wording is one way of stating a support period and what the law makes of it.
type Wording struct {
	ID      WordingID
	Verdict Verdict // whether it is a period with an end date
	Why     string
	Advice  string // wording that would do, or make it better
	Source  string
}

// Wordings returns the classes of wording with their legal source: the definition of the defined support period is a
// period with an end date (the 2023 Regulations, regulation 2), so a length, a promise or an event does not do.
func Wordings() []Wording { return slices.Clone(wordings) }

var wordings = func() []Wording {
	const reg2 = "SI 2023/1007 reg 2 and Sch 1 para 3(2)"
	full := `name the last day: "Security updates until 31 December 2029"`
	return []Wording{
		{WordingPeriod, Present, "a period with an end date", "", reg2},
		{WordingEndDate, Present, "an end date", `add the start or the length so that it reads as a period: "from 1 January 2025 to 31 December 2029"`, reg2},
		{WordingPast, Present, "an end date, said to have passed", "say until when products still sold are supported", reg2},
		{WordingYear, Unclear, "a year is no end date: its first and its last day are a year apart", full, reg2 + " (interpretation)"},
		{WordingDoubt, Unclear, "the date can be read in more than one way or does not exist", "write the month as a word or the date as 2029-12-31", reg2 + " (interpretation)"},
		{WordingMinimum, Unclear, "a least length has no end date", full, reg2},
		{WordingPurchase, Unclear, "counted from each purchase, so that no end date is fixed for the reader", full + ", the same for every buyer", reg2 + " (interpretation)"},
		{WordingLaunch, Unclear, "counted from a launch or release; the end date is left to the reader", full, reg2 + " (interpretation)"},
		{WordingLength, Unclear, "a length without an end date", full, reg2},
		{WordingLifetime, Unclear, "a lifetime has no end date", full, reg2},
		{WordingAsLongAs, Unclear, "depends on what may happen; no end date", full, reg2},
		{WordingUntilEvent, Unclear, "ends with an event whose date is not given", full, reg2},
		{WordingElsewhere, Unclear, "the period is said to stand elsewhere", "state the end date on this page as well", reg2},
		{WordingVersions, Unclear, "versions are listed, but no end date", full, reg2},
		{WordingStopped, Unclear, "support is said to have ended or to end, without a date", "state the day on which it ended", reg2},
	}
}()

// WordingOf returns the wording with that name.
func WordingOf(id WordingID) Wording {
	for _, w := range wordings {
		if w.ID == id {
			return w
		}
	}
	return Wording{ID: id, Verdict: Unclear}
}

// ClassifyWording judges one sentence about a support period by itself, as if it stood under a heading on security
// updates. It returns false if the sentence states no period at all.
func ClassifyWording(text string) (Wording, bool) {
	f := supportFacts(tokens(text, Span{0, len(text)}), text, true, false)
	if f.wording == "" {
		return Wording{}, false
	}
	return WordingOf(f.wording), true
}
