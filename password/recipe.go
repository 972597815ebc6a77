package password

import (
	"encoding/json"
	"strings"
)

// Recipe is a way to compute passwords, or part of them, from what else is known of a unit. It can be run on any row.
type Recipe struct {
	Words string // what it does, in words
	Limb  string // the limb that it fails: incremental, public or derived
	Test  string // the family of tests that found it
	// Rows of Of rows agree with the recipe. After an audit Of counts all rows of the batch.
	Rows, Of int64
	// Chance bounds how probable it is that a lawful batch yields a recipe as good, corrected for all that was tried.
	Chance float64
	// RemainingBits is what is left to guess in a password once the recipe is known.
	RemainingBits float64
	// Positions are the character positions that the recipe determines, from 0; empty when it determines the whole.
	Positions []int

	secret string // part of the words that would give passwords away, shown only on request
	apply  func(*Row) (string, bool)
	made   *construction // of a construction, which is checked faster than by apply; nil for other recipes
}

// check gives a check that one goroutine may use.
func (r *Recipe) check() rowCheck {
	if r.made != nil {
		return r.made.check()
	}
	return &applyCheck{apply: r.apply}
}

// Apply runs the recipe on a row. It returns what the recipe says the password is, with "?" for each character that it
// says nothing about, and whether the row's password agrees.
func (r *Recipe) Apply(row Row) (string, bool) { return r.apply(&row) }

// MarshalJSON writes the recipe without anything that gives a password away.
func (r *Recipe) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Words     string  `json:"words"`
		Test      string  `json:"test"`
		Rows      int64   `json:"rows"`
		Of        int64   `json:"of"`
		Chance    float64 `json:"chance"`
		Remaining float64 `json:"remaining_bits"`
		Positions []int   `json:"positions,omitempty"`
	}{r.Words, r.Test, r.Rows, r.Of, r.Chance, r.RemainingBits, onePlus(r.Positions)})
}

func onePlus(xs []int) []int {
	var out []int
	for _, x := range xs {
		out = append(out, x+1)
	}
	return out
}

// mask replaces each character by its class, so that the shape of a password shows but not the password.
func mask(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return '9'
		case r >= 'a' && r <= 'z':
			return 'a'
		case r >= 'A' && r <= 'Z':
			return 'A'
		case r == '-':
			return r
		}
		return '*'
	}, s)
}

// agree compares a computed password, in which ? stands for anything, with a real one.
func agree(computed, real string, fold bool) bool {
	if len(computed) != len(real) {
		return false
	}
	for i := range len(real) {
		a, b := computed[i], real[i]
		if a == '?' || a == b {
			continue
		}
		if fold && lower(a) == lower(b) {
			continue
		}
		return false
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
