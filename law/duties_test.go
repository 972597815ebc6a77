package law_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/assay-psti/assay/law"
)

// TestDutiesWhole holds that every duty of the Act is there, once, each with its
// place in the law.
func TestDutiesWhole(t *testing.T) {
	want := map[string]int{"M": 8, "A": 3, "I": 11, "D": 8}
	seen := map[string]bool{}
	for _, d := range psti(t).Duties {
		if seen[d.ID] {
			t.Errorf("%s is given twice", d.ID)
		}
		seen[d.ID] = true
		for what, text := range map[string]string{"title": d.Title, "trigger": d.Trigger, "what": d.What, "deadline": d.Deadline, "cite": string(d.Cite)} {
			if text == "" {
				t.Errorf("%s: no %s", d.ID, what)
			}
		}
		checkConfidence(t, d.ID, d.Confidence, d.Reading)
		if d.From.String() != "2024-04-29" {
			t.Errorf("%s: from %s", d.ID, d.From)
		}
		if strings.Contains(d.Title, "Notify") && (len(d.Notify) == 0 || d.Notify[len(d.Notify)-1] == "") {
			t.Errorf("%s: whom to notify is not said", d.ID)
		}
	}
	for prefix, count := range want {
		for n := 1; n <= count; n++ {
			if id := fmt.Sprintf("%s-%d", prefix, n); !seen[id] {
				t.Errorf("%s is not there", id)
			}
		}
	}
	if len(seen) != 30 {
		t.Errorf("%d duties, want 30", len(seen))
	}
}

// TestDutiesDormant holds which duties bite on nothing: those of importers and
// distributors towards requirements that only manufacturers have (Regs reg 3).
func TestDutiesDormant(t *testing.T) {
	dormant := map[string]bool{"I-1": true, "I-6": true, "D-1": true, "D-4": true}
	for _, d := range psti(t).Duties {
		if (d.Dormant != "") != dormant[d.ID] {
			t.Errorf("%s: dormant %q", d.ID, d.Dormant)
		}
	}
}

// TestDutyTimes holds the words on time where two like duties differ.
func TestDutyTimes(t *testing.T) {
	duties := map[string]law.Duty{}
	for _, d := range psti(t).Duties {
		duties[d.ID] = d
	}
	for id, want := range map[string]string{
		"M-4": "none stated", "M-5": "as soon as practicable", "M-6": "as soon as possible", "A-1": "as soon as possible",
		"I-5": "none stated", "I-7": "as soon as possible", "I-8": "as soon as practicable", // s.19(4) sets a time,
		"D-5": "as soon as possible", "D-6": "none stated", // s.25(5) does not
	} {
		if got := duties[id].Deadline; got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	for id, want := range map[string]int{"M-6": 4, "A-1": 1, "A-2": 1, "I-9": 3, "D-7": 4} {
		if got := len(duties[id].Notify); got != want {
			t.Errorf("%s: %d to notify, want %d", id, got, want)
		}
	}
}

func checkConfidence(t *testing.T, id string, c law.Confidence, reading string) {
	t.Helper()
	switch c {
	case law.Read:
	case law.Inferred, law.Secondary, law.Recalled:
		if reading == "" {
			t.Errorf("%s: confidence %s without its reading", id, c)
		}
	default:
		t.Errorf("%s: confidence %q", id, c)
	}
}

func TestStatementContents(t *testing.T) {
	contents := psti(t).Contents
	for i, c := range contents {
		if want := fmt.Sprintf("SOC-%02d", i+1); c.ID != want {
			t.Errorf("item %d is %s, want %s", i, c.ID, want)
		}
		if c.Title == "" || c.Check == "" || c.Cite == "" || c.Confidence != law.Read || c.From.String() != "2024-04-29" {
			t.Errorf("%s is not whole: %+v", c.ID, c)
		}
	}
	if len(contents) != 9 {
		t.Errorf("%d items, want 9", len(contents))
	}
}

func TestRulesWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range psti(t).Rules {
		if seen[r.ID] || r.ID == "" {
			t.Errorf("rule %q: a name of its own is wanted", r.ID)
		}
		seen[r.ID] = true
		if r.Topic == "" || r.Title == "" || r.Rule == "" || r.Cite == "" || !slices.Contains([]law.Confidence{law.Read, law.Inferred, law.Secondary}, r.Confidence) {
			t.Errorf("%s is not whole: %+v", r.ID, r)
		}
	}
	// Every clock is both a rule with a formula and a function.
	for _, id := range []string{"notice-intent", "notice-appeal", "compensation", "compensation-appeal", "penalty-intent", "penalty-payment",
		"penalty-appeal", "forfeiture-appeal", "record-retention", "retention", "service-electronic", "penalty-cap"} {
		if !slices.ContainsFunc(psti(t).Rules, func(r law.Rule) bool { return r.ID == id && r.Formula != "" }) {
			t.Errorf("no rule %s with a formula", id)
		}
	}
}

// TestDecisionsExist holds every mention of a decided row to the rows that there
// are, 1 to 33.
func TestDecisionsExist(t *testing.T) {
	const rows = 33
	mention := regexp.MustCompile(`(?m)^\s*-?\s*decision: *(\S+)|[{,] *decision: *([^,}\s]+)`)
	files, err := filepath.Glob(filepath.Join("regime", "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	single, err := filepath.Glob(filepath.Join("regime", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range slices.Concat(files, single) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mention.FindAllStringSubmatch(string(data), -1) {
			found++
			if n, err := strconv.Atoi(m[1] + m[2]); err != nil || n < 1 || n > rows {
				t.Errorf("%s: decision %s: there are rows 1 to %d", name, m[1]+m[2], rows)
			}
		}
	}
	if found == 0 {
		t.Error("no decision is mentioned anywhere")
	}
}

// TestDecisionsOfScope holds each doubtful point of scope to its row.
func TestDecisionsOfScope(t *testing.T) {
	want := map[string]int{"REVIEW_MEDICAL_NI": 30, "REVIEW_NI": 30, "REVIEW_FAULTY": 27, "REVIEW_ABROAD": 5, "REVIEW_BEFORE": 2,
		"REVIEW_SOFTWARE": 0, "REVIEW_VEHICLE": 0}
	for _, o := range psti(t).Scope.Outcomes {
		row, review := want[o.ID]
		if review != (o.Name == "REVIEW") || review != (o.Unsettled != nil) {
			t.Errorf("%s: name %s, unsettled %v", o.ID, o.Name, o.Unsettled)
			continue
		}
		if review && (o.Unsettled.Decision != row || o.Unsettled.Question == "" || o.Unsettled.SettledBy == "") {
			t.Errorf("%s: %+v, want decision %d", o.ID, *o.Unsettled, row)
		}
		delete(want, o.ID)
	}
	if len(want) > 0 {
		t.Errorf("not there: %v", want)
	}
}
