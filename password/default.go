package password

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Default is a user name and password that is published as set by a maker, or tried by malware because of it.
// An empty user stands for devices that ask for a password alone.
type Default struct {
	User     string
	Password string
	Source   string // where it is published
	Date     string // the day the row was taken from there, as 2006-01-02
}

//go:embed defaults.csv
var defaultsCSV string

// defaultList is the embedded list with its look-ups.
type defaultList struct {
	rows       []Default
	byPair     map[[2]string]Default
	byPassword map[string]Default
}

var defaults = sync.OnceValue(func() defaultList {
	rows, err := parseDefaults(strings.NewReader(defaultsCSV))
	if err != nil {
		panic("password: the embedded defaults.csv is faulty: " + err.Error())
	}
	l := defaultList{rows, make(map[[2]string]Default, len(rows)), make(map[string]Default, len(rows))}
	for _, d := range rows {
		l.byPair[[2]string{d.User, d.Password}] = d
		if _, ok := l.byPassword[d.Password]; !ok {
			l.byPassword[d.Password] = d
		}
	}
	return l
})

// Defaults is the list of published defaults that comes with the program, sorted by user and password. It is a
// selection of what consumer devices use, not all that is known: not being in it says nothing good of a password.
func Defaults() []Default { return slices.Clone(defaults().rows) }

// IsDefault tells whether the pair is a published default, and which. Case counts.
func IsDefault(user, password string) (Default, bool) {
	d, ok := defaults().byPair[[2]string{user, password}]
	return d, ok
}

// IsDefaultPassword tells whether the password is a published default of any user, and which comes first.
func IsDefaultPassword(password string) (Default, bool) {
	d, ok := defaults().byPassword[password]
	return d, ok
}

// parseDefaults reads a list of defaults: a heading, then user, password, source and date, sorted and without
// duplicates. Lines that begin with # are comments.
func parseDefaults(r io.Reader) ([]Default, error) {
	in := csv.NewReader(r)
	in.Comment = '#'
	in.FieldsPerRecord = 4
	heading, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("read defaults: %w", err)
	}
	if want := []string{"user", "password", "source", "date"}; !slices.Equal(heading, want) {
		return nil, fmt.Errorf("read defaults: the heading is %q, want %q", heading, want)
	}
	var rows []Default
	for {
		f, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read defaults: %w", err)
		}
		line, _ := in.FieldPos(0)
		d := Default{User: f[0], Password: f[1], Source: f[2], Date: f[3]}
		if d.Source == "" {
			return nil, fmt.Errorf("read defaults: line %d has no source", line)
		}
		if _, err := time.Parse(time.DateOnly, d.Date); err != nil {
			return nil, fmt.Errorf("read defaults: line %d has no date: %w", line, err)
		}
		if len(rows) > 0 && compareDefaults(rows[len(rows)-1], d) >= 0 {
			return nil, fmt.Errorf("read defaults: line %d is not after the one before by user and password", line)
		}
		rows = append(rows, d)
	}
}

func compareDefaults(a, b Default) int {
	return cmp.Or(strings.Compare(a.User, b.User), strings.Compare(a.Password, b.Password))
}

// Budget bounds a trial. What is zero takes its default.
type Budget struct {
	Tries int // passwords computed, at most; 5,000
	// Cost is the nominal processor time, at most: tries times Hash.Cost; 30 s. Being nominal it gives the same
	// answer everywhere; to bound the clock on the wall, give the context a deadline.
	Cost time.Duration
}

// DefaultTrial is what came of trying defaults against a hash.
type DefaultTrial struct {
	// Match is the row whose password opens the account, if Found. Its user may be another than the account's:
	// the password is published, for another name.
	Match Default
	Found bool
	Tried int // different passwords computed
	// Complete tells that the answer is final: a password was found, or every row of the list was tried.
	Complete bool
}

// TryDefaults tries the passwords of a list against a hash: first those published for the user, then the others in
// the order of the list, each different password once. An error comes with what was done before it; a budget
// that runs out is no error, and leaves the trial not Complete.
func TryDefaults(ctx context.Context, h Hash, user string, list []Default, budget Budget) (DefaultTrial, error) {
	var trial DefaultTrial
	if !h.Computable() {
		_, err := h.Matches(ctx, "")
		return trial, err
	}
	budget.Tries = cmp.Or(budget.Tries, 5_000)
	budget.Cost = cmp.Or(budget.Cost, 30*time.Second)
	tries := min(budget.Tries, int(budget.Cost/h.Cost()))

	candidates, skipped := defaultCandidates(h, user, list)
	within := candidates[:max(0, min(tries, len(candidates)))]
	for group := range slices.Chunk(within, h.atOnce()) {
		passwords := make([]string, len(group))
		for i, d := range group {
			passwords[i] = d.Password
		}
		first, err := h.matchesAny(ctx, passwords...)
		if err != nil {
			return trial, fmt.Errorf("try defaults after %d of %d: %w", trial.Tried, len(candidates), err)
		}
		if first >= 0 {
			return DefaultTrial{Match: group[first], Found: true, Tried: trial.Tried + first + 1, Complete: true}, nil
		}
		trial.Tried += len(group)
	}
	trial.Complete = trial.Tried == len(candidates) && !skipped
	return trial, nil
}

// defaultCandidates puts the rows of a list in the order of trial and leaves out those whose password the scheme
// cannot tell from an earlier one. It skips what crypt does not accept as a password.
func defaultCandidates(h Hash, user string, list []Default) (candidates []Default, skipped bool) {
	seen := make(map[string]bool, len(list))
	for _, own := range []bool{true, false} {
		for _, d := range list {
			if (d.User == user) != own {
				continue
			}
			if !passwordPossible(d.Password) {
				skipped = true
				continue
			}
			key := d.Password
			if h.scheme == HashDES && len(key) > 8 {
				key = key[:8]
			}
			if !seen[key] {
				seen[key] = true
				candidates = append(candidates, d)
			}
		}
	}
	return candidates, skipped
}
