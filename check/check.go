// Package check is the contract of a check: a value that says what it needs, what
// it may observe and how it runs; and the pass, which is one application of it.
//
// A check says what it saw. It carries no severity, no verdict and no advice, and
// it knows no law. It reads through its pass only. Package runner runs checks;
// this package runs nothing.
package check

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/evidence"
)

// Check is a constant value.
type Check struct {
	Name     string          // "password/derivation"; also its folder below check
	Doc      string          // its documentation; the first line is its title
	Observes []assay.TermID  // every term it may state; Report refuses others
	Needs    []evidence.Kind // kinds of which the dossier must hold at least one item each
	NeedsAny []evidence.Kind // kinds of which it must hold at least one item of some
	Uses     []evidence.Kind // kinds that it reads too, where the dossier holds them
	Requires []*Check        // whose results it reads

	// Result is the type of what Run returns for others; nil where it returns nothing.
	Result reflect.Type

	// Run looks, and reports through the pass. An error says that it could not look:
	// nothing it reported then counts.
	Run func(context.Context, *Pass) (any, error)
}

// Title is the first line of the documentation.
func (c *Check) Title() string {
	title, _, _ := strings.Cut(strings.TrimSpace(c.Doc), "\n")
	return title
}

func (c *Check) String() string { return c.Name }

var (
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(/[a-z][a-z0-9]*)*$`)
	termForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)+$`)
)

// Validate reports what is wrong with how checks are made: names, documentation,
// terms, requirements that go round. It looks at the checks given and all that
// they require.
func Validate(checks []*Check) error {
	const (
		white = iota
		grey
		black
	)
	colour := map[*Check]int{}
	byName := map[string]*Check{}
	var visit func(c *Check, path []string) error
	visit = func(c *Check, path []string) error {
		if c == nil {
			return fmt.Errorf("a check is nil, after %s", strings.Join(path, ", "))
		}
		path = append(path, c.Name)
		switch colour[c] {
		case black:
			return nil
		case grey:
			return fmt.Errorf("checks require one another in a circle: %s", strings.Join(path, ", "))
		}
		colour[c] = grey
		if err := c.validate(); err != nil {
			return fmt.Errorf("check %q: %w", c.Name, err)
		}
		if other := byName[c.Name]; other != nil && other != c {
			return fmt.Errorf("check %q: two checks have this name", c.Name)
		}
		byName[c.Name] = c
		for _, r := range c.Requires {
			if err := visit(r, path); err != nil {
				return err
			}
		}
		colour[c] = black
		return nil
	}
	for _, c := range checks {
		if err := visit(c, nil); err != nil {
			return err
		}
	}
	return nil
}

func (c *Check) validate() error {
	title := c.Title()
	switch {
	case !nameForm.MatchString(c.Name):
		return fmt.Errorf("want a name such as password/derivation")
	case c.Run == nil:
		return fmt.Errorf("it does not run")
	case title == "" || len(title) > 100 || strings.HasSuffix(title, "."):
		return fmt.Errorf("want documentation that begins with a title of at most 100 characters and no full stop")
	case strings.TrimSpace(c.Doc) == title:
		return fmt.Errorf("want documentation that says more than the title")
	case len(c.Observes) == 0 && c.Result == nil:
		return fmt.Errorf("it neither observes anything nor returns anything")
	}
	for i, t := range c.Observes {
		if !termForm.MatchString(string(t)) {
			return fmt.Errorf("term %q does not fit", t)
		}
		if slices.Contains(c.Observes[:i], t) {
			return fmt.Errorf("term %s stands twice", t)
		}
	}
	for _, k := range slices.Concat(c.Needs, c.NeedsAny, c.Uses) {
		if !slices.Contains(evidence.Kinds(), k) {
			return fmt.Errorf("needs or uses %q, which is no kind of evidence", k)
		}
	}
	return nil
}

// Doc takes a check's documentation out of the text of its doc.go: the package
// comment from its first heading on. That heading is the title.
func Doc(source string) string {
	comment, _, _ := strings.Cut(source, "\npackage ")
	var b strings.Builder
	inside := false
	for _, line := range strings.Split(comment, "\n") {
		text, ok := strings.CutPrefix(line, "//")
		switch {
		case !ok:
		case !inside && strings.HasPrefix(text, " # "):
			inside = true
			b.WriteString(strings.TrimPrefix(text, " # ") + "\n")
		case inside:
			b.WriteString(strings.TrimPrefix(text, " ") + "\n")
		}
	}
	return strings.TrimSpace(b.String()) + "\n"
}
