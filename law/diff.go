package law

import (
	"cmp"
	"slices"

	"github.com/assay-psti/assay"
)

// Item is one piece of law, for showing and comparing.
type Item struct {
	Kind       string     `json:"kind"` // version, overlay, scope step, role step, requirement, limb, duty, statement item, rule
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	Text       string     `json:"text,omitempty"` // the expression, or what a duty asks
	Cite       assay.Cite `json:"cite"`
	Confidence Confidence `json:"confidence,omitempty"`
	Reading    string     `json:"reading,omitempty"`
	Depth      int        `json:"depth"`
	From       assay.Date `json:"from"`
	Until      assay.Date `json:"until"`
}

// Changes is what came and went between two dates.
type Changes struct {
	Regime   string     `json:"regime"`
	From     assay.Date `json:"from"`
	To       assay.Date `json:"to"`
	Versions []Version  `json:"versions"` // that came into force after From, up to To
	Added    []Item     `json:"added"`
	Removed  []Item     `json:"removed"`
}

// Diff compares the law as it stood on two dates.
func (r *Regime) Diff(from, to assay.Date) Changes {
	c := Changes{Regime: r.Name(), From: from, To: to, Versions: []Version{}, Added: []Item{}, Removed: []Item{}}
	for _, v := range r.Versions {
		if v.From.After(from) && !v.From.After(to) {
			c.Versions = append(c.Versions, v)
		}
	}
	for _, it := range r.items() {
		was, is := r.stands(it, from), r.stands(it, to)
		switch {
		case is && !was:
			c.Added = append(c.Added, it)
		case was && !is:
			c.Removed = append(c.Removed, it)
		}
	}
	return c
}

// At is every piece of the law that stood on a date, in the order of its files.
func (r *Regime) At(at assay.Date) []Item {
	return slices.DeleteFunc(r.items(), func(it Item) bool { return !r.stands(it, at) })
}

func (r *Regime) stands(it Item, at assay.Date) bool {
	return r.VersionAt(at) != nil && inForce(it.From, it.Until, at)
}

// items lists the regime's law. What stands below a node stands no longer than
// the node.
func (r *Regime) items() []Item {
	var items []Item
	add := func(it Item) { items = append(items, it) }
	for _, o := range r.Overlays {
		add(Item{Kind: "reading by date", ID: o.ID, Title: o.Title, Text: o.Text, Cite: o.Cite, Confidence: o.Confidence, From: o.From, Until: o.Until})
	}
	tree := func(kind string, t *Tree) {
		if t == nil {
			return
		}
		for _, s := range t.Steps {
			add(Item{Kind: kind, ID: s.ID, Title: s.Title, Text: s.When.Source + "  (yes: " + s.Yes + ", no: " + s.No + ")",
				Cite: s.Cite, Confidence: s.Confidence, Reading: s.Reading, From: s.From, Until: s.Until})
		}
	}
	tree("scope", r.Scope)
	tree("role", r.Roles)
	var node func(n *Node, role string, depth int, from, until assay.Date)
	node = func(n *Node, role string, depth int, from, until assay.Date) {
		if n.From.After(from) {
			from = n.From
		}
		if !n.Until.Zero() && (until.Zero() || n.Until.Before(until)) {
			until = n.Until
		}
		kind := "limb"
		if depth == 0 {
			kind = "requirement"
		}
		add(Item{Kind: kind, ID: n.ID, Title: n.Title, Text: role + n.words(), Cite: n.Cite, Confidence: n.Confidence,
			Reading: n.Reading, Depth: depth, From: from, Until: until})
		if n.Gate != nil {
			node(n.Gate, "applies only if ", depth+1, from, until)
		}
		for _, child := range slices.Concat(n.All, n.Any) {
			node(child, "", depth+1, from, until)
		}
	}
	for _, n := range r.Requirements {
		node(n, "", 0, assay.Date{}, assay.Date{})
	}
	for _, d := range r.Duties {
		add(Item{Kind: "duty of the " + d.Who, ID: d.ID, Title: d.Title, Text: d.What, Cite: d.Cite, Confidence: d.Confidence,
			Reading: d.Reading, From: d.From, Until: d.Until})
	}
	for _, s := range r.Contents {
		add(Item{Kind: "statement item", ID: s.ID, Title: s.Title, Text: s.Check, Cite: s.Cite, Confidence: s.Confidence, From: s.From})
	}
	for _, u := range r.Rules {
		add(Item{Kind: "rule", ID: u.ID, Title: u.Title, Text: u.Rule, Cite: u.Cite, Confidence: u.Confidence, From: u.From})
	}
	return items
}

// words says how a node is put together.
func (n *Node) words() string {
	var s string
	switch {
	case !n.Holds.Empty():
		s = n.Holds.Source
	case n.All != nil:
		s = "all of:"
	case n.Any != nil:
		s = "any of:"
	case n.Provision != "":
		s = "as " + n.Provision + " demands"
	}
	for _, q := range n.Unsettled {
		open := "; the law is unsettled"
		if !q.When.Empty() {
			open += " if " + q.When.Source
		}
		s += open + ": " + q.Question
	}
	if !n.FailsWhen.Empty() {
		s = "not if " + n.FailsWhen.Source + "; " + s
	}
	if kind := cmp.Or(n.ForEach, n.ForAny); kind != "" {
		lead := "for each " + kind
		if n.ForAny != "" {
			lead = "for at least one " + kind
		}
		if !n.Where.Empty() {
			lead += " where " + n.Where.Source
		}
		s = lead + ": " + s
	}
	if !n.When.Empty() {
		s = "if " + n.When.Source + ": " + s
	}
	return s
}
