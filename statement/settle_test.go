package statement

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
)

// tree draws a result whose verdicts follow from its leaves.
func tree(r *rapid.T, depth int, next *int) *law.Result {
	*next++
	n := &law.Result{ID: fmt.Sprintf("L%d", *next), Subject: assay.Product}
	if depth == 0 || rapid.IntRange(0, 3).Draw(r, "leaf") == 0 {
		n.Verdict = rapid.SampledFrom([]assay.Verdict{assay.Pass, assay.Fail, assay.Inconclusive, assay.Inconclusive, assay.NotApplicable}).Draw(r, "verdict")
		if n.Verdict == assay.Inconclusive {
			n.Wanted = []law.Wanted{{Subject: assay.Product, Term: assay.TermID(n.ID)}}
		}
		return n
	}
	n.Group = rapid.SampledFrom([]string{"all", "any", "for_each", "for_any"}).Draw(r, "group")
	for range rapid.IntRange(1, 4).Draw(r, "limbs") {
		n.Limbs = append(n.Limbs, tree(r, depth-1, next))
	}
	n.Verdict = comesTo(n, nil)
	if n.Verdict == assay.Inconclusive {
		for _, l := range n.Limbs {
			if l.Verdict == assay.Inconclusive {
				n.Wanted = append(n.Wanted, l.Wanted...)
			}
		}
	}
	return n
}

// comesTo judges a tree anew, with the leaves of opinions taken as met.
func comesTo(n *law.Result, waived map[string]bool) assay.Verdict {
	if len(n.Limbs) == 0 {
		if n.Verdict == assay.Inconclusive && waived[n.ID] {
			return assay.Pass
		}
		return n.Verdict
	}
	var all []assay.Verdict
	for _, l := range n.Limbs {
		all = append(all, comesTo(l, waived))
	}
	if n.Group == "any" || n.Group == "for_any" {
		return assay.Any(all...)
	}
	return assay.All(all...)
}

func TestOpinionsCountAtOpenLimbsAlone(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		next := 0
		root := tree(r, 4, &next)
		waived := map[string]bool{}
		s := &settler{}
		for i := range next {
			if rapid.Bool().Draw(r, "waive") {
				id := fmt.Sprintf("L%d", i+1)
				waived[id] = true
				s.opinions = append(s.opinions, Opinion{id, "because", "Ada"})
			}
		}
		got, points := s.settle(root)
		if want := comesTo(root, waived); got != want {
			r.Fatalf("got %v, want %v", got, want)
		}
		if (got == assay.Fail || got == assay.Inconclusive) != (len(points) > 0) {
			r.Fatalf("%v with %d points", got, len(points))
		}
		for _, p := range points {
			if p.Verdict == assay.Fail && !p.Fixed {
				r.Fatalf("a failure could be waived: %v", p)
			}
		}
		for _, taken := range s.taken {
			if !waived[taken.Limb] {
				r.Fatalf("nobody took responsibility for %s", taken.Limb)
			}
		}
	})
}

// A gate that is open with content that fails is no failure yet, and no opinion on
// the gate makes it a pass.
func TestOpenGateBeforeAFailure(t *testing.T) {
	open := func(id string, v assay.Verdict) *law.Result {
		r := &law.Result{ID: id, Subject: assay.Product, Verdict: v}
		if v == assay.Inconclusive {
			r.Wanted = []law.Wanted{{Subject: assay.Product, Term: assay.TermID(id)}}
		}
		return r
	}
	gate := open("G", assay.Inconclusive)
	r := &law.Result{ID: "R", Subject: assay.Product, Verdict: assay.Inconclusive, Group: "all", Gate: gate, Wanted: gate.Wanted,
		Limbs: []*law.Result{open("A", assay.Fail), open("B", assay.Pass)}}
	s := &settler{}
	if v, points := s.settle(r); v != assay.Inconclusive || len(points) != 2 || points[0].Limb != "G" || points[1].Limb != "A" {
		t.Errorf("got %v %v", v, points)
	}
	s = &settler{opinions: []Opinion{{"G", "x", "y"}, {"R", "x", "y"}, {"A", "x", "y"}}}
	if v, _ := s.settle(r); v != assay.Inconclusive && v != assay.Fail {
		t.Errorf("with opinions: got %v", v)
	}
	r.Limbs[0] = open("A", assay.Pass)
	s = &settler{opinions: []Opinion{{"G", "x", "y"}}}
	if v, points := s.settle(r); v != assay.Pass || len(s.taken) != 1 {
		t.Errorf("with an opinion on the gate: got %v %v", v, points)
	}
}

// A group whose own condition is open is not waived through its limbs.
func TestOpenConditionOfAGroup(t *testing.T) {
	leaf := &law.Result{ID: "A", Subject: assay.Product, Verdict: assay.Pass}
	r := &law.Result{ID: "R", Subject: assay.Product, Verdict: assay.Inconclusive, Group: "all", Limbs: []*law.Result{leaf},
		Unsettled: []law.Point{{Question: "which?"}}}
	s := &settler{opinions: []Opinion{{"A", "x", "y"}}}
	if v, points := s.settle(r); v != assay.Inconclusive || len(points) != 1 || points[0].Limb != "R" {
		t.Errorf("got %v %v", v, points)
	}
	s = &settler{opinions: []Opinion{{"R", "x", "y"}}}
	if v, _ := s.settle(r); v != assay.Pass {
		t.Errorf("with an opinion on the group: got %v", v)
	}
	leaf.Verdict = assay.Fail
	s = &settler{opinions: []Opinion{{"R", "x", "y"}}}
	if v, _ := s.settle(r); v == assay.Pass {
		t.Error("a failure passes through an opinion on its group")
	}
}

// The ways to comply are told apart by their IDs, and the support requirement by
// its own: the law must still have them so.
func TestWaysOfTheLawAreKnown(t *testing.T) {
	regime, err := law.Standard().Regime(string(Regime))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, n := range regime.Requirements {
		if n.Kind != securityRequirement {
			continue
		}
		ids[n.ID] = true
		if len(n.Any) == 0 {
			t.Errorf("%s has no ways to comply", n.ID)
		}
		for _, way := range n.Any {
			basis, known := basisOf(way.ID)
			if !known {
				t.Errorf("%s: nobody knows on what it rests", way.ID)
			}
			if deemed := strings.Contains(string(way.Cite), "Sch.2"); deemed == (basis == Schedule1) {
				t.Errorf("%s rests on %s and cites %s", way.ID, basis, way.Cite)
			}
		}
	}
	if len(ids) != 3 || !ids["support"] {
		t.Errorf("security requirements: %v", ids)
	}
}
