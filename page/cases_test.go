package page

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
)

type invented struct {
	Name       string             `yaml:"name"`
	Text       string             `yaml:"text"`
	HTML       string             `yaml:"html"`
	Markdown   string             `yaml:"markdown"`
	Limbs      map[string]Verdict `yaml:"limbs"`
	Values     map[string]string  `yaml:"values"`
	English    Verdict            `yaml:"english"`
	Conditions []ConditionKind    `yaml:"conditions"`
	Without    []ConditionKind    `yaml:"no_conditions"`
	Support    []struct {
		Product string `yaml:"product"`
		Match   Match  `yaml:"match"`
		End     string `yaml:"end"`
	} `yaml:"support"`
	Items []string `yaml:"items"`
}

func (c invented) read(t *testing.T) *Document {
	t.Helper()
	name, body := "case.txt", c.Text
	switch {
	case c.HTML != "":
		name, body = "https://maker.example/case.html", c.HTML
	case c.Markdown != "":
		name, body = "case.md", c.Markdown
	}
	d, err := Read(t.Context(), name, "", []byte(body), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	checkPlaces(t, d)
	return d
}

// TestInventedPages reads pages of companies that do not exist and compares every limb, and the values that are given.
func TestInventedPages(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	matrix := confusion{}
	cases := 0
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var set struct {
			Cases []invented `yaml:"cases"`
		}
		if err := yaml.UnmarshalWithOptions(raw, &set, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, c := range set.Cases {
			cases++
			t.Run(c.Name, func(t *testing.T) {
				d := c.read(t)
				for _, l := range AllLimbs() {
					want, got := c.Limbs[string(l)], d.Limbs.Of(l)
					if want == "" {
						want = Absent
					}
					matrix.add(l, want, got)
					if got != want {
						t.Errorf("%s: got %s, want %s%s", l, got, want, quotesOf(d, l))
					}
				}
				for term, want := range c.Values {
					var got []string
					for _, r := range d.Readings {
						if s, ok := r.Value.(string); ok && r.Term == term && r.Verdict != Absent {
							got = append(got, s)
						}
					}
					if !slices.Contains(got, want) {
						t.Errorf("%s: got %q, want %q among them", term, got, want)
					}
				}
				if c.English != "" && d.English != c.English {
					t.Errorf("English: got %s, want %s", d.English, c.English)
				}
				for _, k := range c.Conditions {
					if _, ok := d.Has(k); !ok {
						t.Errorf("condition %s is missing from %v", k, d.Conditions)
					}
				}
				for _, k := range c.Without {
					if x, ok := d.Has(k); ok {
						t.Errorf("condition %s: got %q, want none", k, x.Why)
					}
				}
				for _, s := range c.Support {
					got := SupportFor(d, Product{Models: []string{s.Product}})
					if got.Match != s.Match || got.EndDate() != s.End {
						t.Errorf("support for %s: got %s %q, want %s %q", s.Product, got.Match, got.EndDate(), s.Match, s.End)
					}
				}
				for _, id := range c.Items {
					if !slices.ContainsFunc(d.Readings, func(r Reading) bool { return r.Term == TermStatementItem && r.Value == id }) {
						t.Errorf("statement item %s was not found", id)
					}
				}
			})
		}
	}
	t.Logf("%d cases\n%s", cases, matrix)
	if cases < 120 {
		t.Errorf("got %d cases, want at least 120", cases)
	}
	if n := matrix.falsePresent(); n > 0 {
		t.Errorf("got %d limbs present where none is stated", n)
	}
}
