package page

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

type labelled struct {
	ID    string `yaml:"id"`
	File  string `yaml:"file"`
	HTML  string `yaml:"html"`
	Limbs map[string]struct {
		Verdict  Verdict `yaml:"verdict"`
		Evidence string  `yaml:"evidence"`
	} `yaml:"limbs"`
}

// confusion counts verdicts: wanted by got.
type confusion map[Limb]map[[2]Verdict]int

func (c confusion) add(l Limb, want, got Verdict) {
	if c[l] == nil {
		c[l] = map[[2]Verdict]int{}
	}
	c[l][[2]Verdict{want, got}]++
}

func (c confusion) String() string {
	var b strings.Builder
	vs := []Verdict{Present, Unclear, Absent}
	fmt.Fprintf(&b, "%-24s %-8s %8s %8s %8s\n", "limb", "label", "present", "unclear", "absent")
	right, all := 0, 0
	for _, l := range AllLimbs() {
		for _, w := range vs {
			fmt.Fprintf(&b, "%-24s %-8s", l, w)
			for _, g := range vs {
				n := c[l][[2]Verdict{w, g}]
				fmt.Fprintf(&b, " %8d", n)
				all += n
				if w == g {
					right += n
				}
			}
			b.WriteByte('\n')
		}
	}
	fmt.Fprintf(&b, "%d of %d right (%.1f%%)", right, all, 100*float64(right)/float64(max(all, 1)))
	return b.String()
}

func (c confusion) right() float64 {
	right, all := 0, 0
	for _, m := range c {
		for k, n := range m {
			all += n
			if k[0] == k[1] {
				right += n
			}
		}
	}
	return float64(right) / float64(max(all, 1))
}

// falsePresent returns how often a limb was read as present where the label says absent.
func (c confusion) falsePresent() int {
	n := 0
	for _, m := range c {
		n += m[[2]Verdict{Absent, Present}]
	}
	return n
}

// TestLabelledPages reads the labelled public pages and compares every limb.
func TestLabelledPages(t *testing.T) {
	root := filepath.Join("..", "..", "shared", "inputs", "web")
	raw, err := os.ReadFile(filepath.Join(root, "labels.yaml"))
	if err != nil {
		t.Skip("../shared/inputs/web/labels.yaml is not here: the labelled pages cannot be read")
	}
	var set struct {
		Pages []labelled `yaml:"pages"`
	}
	if err := yaml.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"text", "html"} {
		t.Run(form, func(t *testing.T) {
			matrix := confusion{}
			for _, p := range set.Pages {
				file := p.File
				if form == "html" {
					if p.HTML == "" {
						continue
					}
					file = p.HTML
				}
				data, err := os.ReadFile(filepath.Join(root, file))
				if err != nil {
					t.Fatal(err)
				}
				d, err := Read(t.Context(), file, "", data, Limits{})
				if err != nil {
					t.Fatal(err)
				}
				checkPlaces(t, d)
				for _, l := range AllLimbs() {
					want, got := p.Limbs[string(l)], d.Limbs.Of(l)
					matrix.add(l, want.Verdict, got)
					if got != want.Verdict {
						t.Logf("%s: %s: got %s, want %s (%q)%s", p.ID, l, got, want.Verdict, want.Evidence, quotesOf(d, l))
					}
				}
			}
			t.Logf("\n%s", matrix)
			if matrix.right() < 0.95 {
				t.Errorf("got %.3f of the labels right, want at least 0.95", matrix.right())
			}
			if n := matrix.falsePresent(); n > 0 {
				t.Errorf("got %d limbs present where the label says absent, want none", n)
			}
		})
	}
}

func quotesOf(d *Document, l Limb) string {
	var b strings.Builder
	for _, r := range d.Readings {
		if r.Limb == l {
			fmt.Fprintf(&b, "\n      %s %s %v %q (%s)", r.Verdict, r.Term, r.Value, r.Quote, r.Why)
		}
	}
	return b.String()
}

// checkPlaces holds every place in a document against its text.
func checkPlaces(t *testing.T, d *Document) {
	t.Helper()
	for _, r := range d.Readings {
		if r.From < 0 || r.To > len(d.Text) || r.From > r.To || d.Text[r.From:r.To] != r.Quote || r.Quote == "" {
			t.Errorf("%s: reading %s %v: quote %q is not at [%d,%d)", d.Source, r.Term, r.Value, r.Quote, r.From, r.To)
		}
	}
	for _, b := range d.Blocks {
		if b.From < 0 || b.From >= b.To || b.To > len(d.Text) {
			t.Errorf("%s: block %+v is outside the text of %d bytes", d.Source, b, len(d.Text))
		}
	}
	for _, l := range d.Links {
		if l.From < 0 || l.From > l.To || l.To > len(d.Text) {
			t.Errorf("%s: link %+v is outside the text of %d bytes", d.Source, l, len(d.Text))
		}
	}
	for _, table := range d.Tables {
		for _, row := range table.Rows {
			for _, c := range row {
				if c.From < 0 || c.From > c.To || c.To > len(d.Text) {
					t.Errorf("%s: cell %+v is outside the text of %d bytes", d.Source, c, len(d.Text))
				}
			}
		}
	}
}
