package law_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

// judgedOn are days on either side of every change of the law and of the labels
// and periods in the patterns.
var judgedOn = []string{"2024-04-28", "2024-04-29", "2025-02-24", "2025-02-25", "2025-04-05", "2025-04-06", "2025-12-03", "2025-12-04",
	"2026-06-01", "2027-09-30", "2027-10-01", "2029-12-31", "2030-01-01"}

// drawValue draws a value that the term may have.
func drawValue(t *rapid.T, term *vocab.Term) assay.Value {
	switch term.Type {
	case assay.BoolType:
		return assay.Bool(rapid.Bool().Draw(t, "bool"))
	case assay.IntType:
		return assay.Int(int64(rapid.IntRange(0, 40).Draw(t, "int")))
	case assay.DateType:
		return assay.Day(assay.MustDate(rapid.SampledFrom(judgedOn).Draw(t, "date")))
	}
	words := term.Values
	if len(words) == 0 {
		words = []string{"one", "two"}
	}
	if term.Type == assay.TextType {
		return assay.Text(rapid.SampledFrom(words).Draw(t, "word"))
	}
	return assay.Set(rapid.SliceOfNDistinct(rapid.SampledFrom(words), 0, len(words), rapid.ID).Draw(t, "words")...)
}

// lawful is a pattern in which every requirement is met.
func lawful() pattern {
	return presetPassword().and(userPassword()).and(goodReporting()).and(goodSupport()).and(goodStatement())
}

type fact struct {
	subject assay.Subject
	term    assay.TermID
	value   assay.Value
}

// drawFacts draws a lawful pattern of which some facts are missing and some are
// others, or facts with no plan at all; and parts of some kinds.
func drawFacts(t *rapid.T) (parts []assay.Subject, facts []fact) {
	v := vocab.Standard()
	said := map[[2]string]assay.Value{}
	if rapid.IntRange(0, 3).Draw(t, "planned") > 0 {
		base := lawful()
		if rapid.Bool().Draw(t, "labelled") {
			base = base.and(rapid.SampledFrom([]pattern{jcStar(), singapore(), jcStar().and(singapore())}).Draw(t, "labels")).with(pattern{"label.relied_on": true})
		}
		// Few faults, or many: a pass and a failure must both be usual.
		wild := rapid.SampledFrom([]int{1, 5, 25}).Draw(t, "wild")
		for _, key := range slices.Sorted(maps.Keys(base)) {
			subject, id, found := strings.Cut(key, " ")
			if !found {
				subject, id = string(assay.Product), key
			}
			switch n := rapid.IntRange(0, 99).Draw(t, key); {
			case n < wild:
			case n < 2*wild:
				said[[2]string{subject, id}] = drawValue(t, v.Term(assay.TermID(id)))
			default:
				said[[2]string{subject, id}] = factValue(t, v.Term(assay.TermID(id)), base[key])
			}
			if subject != string(assay.Product) {
				parts = append(parts, assay.Subject(subject))
			}
		}
	}
	for _, kind := range v.Kinds() {
		for _, name := range []string{"a", "b"}[:rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, kind)] {
			if kind != string(assay.Product) {
				parts = append(parts, assay.Subject(kind+"/"+name))
			}
		}
	}
	slices.Sort(parts)
	parts = slices.Compact(parts)
	density := rapid.SampledFrom([]int{1, 10, 60}).Draw(t, "density")
	for i := range v.Terms() {
		term := &v.Terms()[i]
		for _, s := range append(slices.Clone(parts), assay.Product) {
			key := [2]string{string(s), string(term.ID)}
			if _, known := said[key]; !known && term.FitsSubject(s) && rapid.IntRange(0, 99).Draw(t, "said") < density {
				said[key] = drawValue(t, term)
			}
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(said), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		facts = append(facts, fact{assay.Subject(key[0]), assay.TermID(key[1]), said[key]})
	}
	return parts, facts
}

func factValue(t *rapid.T, term *vocab.Term, x any) assay.Value {
	if words, ok := x.([]string); ok {
		return assay.Set(words...)
	}
	w, err := assay.ValueOf(x)
	if err == nil {
		w, err = term.Check(w)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func observe(f fact) assay.Observation {
	o := assay.Observation{Subject: f.subject, Term: f.term, Value: f.value, Source: assay.Observed, By: "test"}
	o.Identify()
	return o
}

func foldFacts(t *rapid.T, parts []assay.Subject, facts []fact) *vocab.Facts {
	observations := make([]assay.Observation, len(facts))
	for i, f := range facts {
		observations[i] = observe(f)
	}
	folded, err := vocab.Standard().FoldAll(parts, observations)
	if err != nil {
		t.Fatal(err)
	}
	return folded
}

func judgeFacts(t *rapid.T, f *vocab.Facts, asAt assay.Date) *law.Assessment {
	a, err := law.Standard().Judge(f, asAt, "uk-psti")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// eachResult visits results in the order of the tree, gates before limbs.
func eachResult(results []*law.Result, visit func(*law.Result)) {
	for _, r := range results {
		visit(r)
		if r.Gate != nil {
			eachResult([]*law.Result{r.Gate}, visit)
		}
		eachResult(r.Limbs, visit)
	}
}

type limbKey struct {
	id      string
	subject assay.Subject
	title   string
}

func verdicts(a *law.Assessment) map[limbKey]assay.Verdict {
	all := map[limbKey]assay.Verdict{{id: "the whole"}: a.Verdict}
	for _, r := range a.Regimes {
		eachResult(r.Requirements, func(r *law.Result) { all[limbKey{r.ID, r.Subject, r.Title}] = r.Verdict })
	}
	return all
}

// The lawful pattern meets every requirement, and no more than it must.
func TestLawfulProduct(t *testing.T) {
	for _, tt := range []struct {
		name string
		with pattern
		want map[string]assay.Verdict // of the requirements that do not pass
	}{
		{"as-it-is", nil, nil},
		{"one-password-on-all-units", pattern{"password/web password.unique_per_product": false}, map[string]assay.Verdict{"passwords": fail}},
		{"no-contact", pattern{"reporting.contact_published": false}, map[string]assay.Verdict{"reporting": fail}},
		{"one-fact-missing", pattern{"support.plain": nil}, map[string]assay.Verdict{"support": open}},
		{"unsigned", pattern{"statement.signature": false}, map[string]assay.Verdict{"statement": fail}},
		{"no-copy", pattern{"statement.copy_kept": false}, map[string]assay.Verdict{"retention": fail}},
		{"no-password-but-one-named", pattern{"password.used": false, "password/web password.unique_per_product": false}, map[string]assay.Verdict{"passwords": fail}},
		{"no-offer-but-one-named", pattern{"support.invitation_published": false, "invitation/shop invitation.period_alongside": false, "invitation/shop invitation.period_equally_prominent": false}, map[string]assay.Verdict{"support": fail}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := lawful().with(tt.with).judge(t, "uk-psti", usualDay)
			if len(v.Requirements) != 5 {
				t.Errorf("%d requirements, want 5", len(v.Requirements))
			}
			for _, r := range v.Requirements {
				want, special := tt.want[r.ID]
				if !special {
					want = pass
				}
				if r.Verdict != want {
					t.Errorf("%s: %v, want %v", r.ID, r.Verdict, want)
				}
			}
		})
	}
}

// What is decided stays decided, whatever more is said of what was not known.
func TestMoreEvidenceNeverOverturns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts, facts := drawFacts(t)
		asAt := assay.MustDate(rapid.SampledFrom(judgedOn).Draw(t, "as at"))
		known := foldFacts(t, parts, facts)
		was := verdicts(judgeFacts(t, known, asAt))
		for range 8 {
			// One more thing, of something not known. What is said of the product as a
			// whole when parts are named speaks of all of them, and so can contradict what
			// was said of one; that is no case of this.
			term := &vocab.Standard().Terms()[rapid.IntRange(0, vocab.Standard().Len()-1).Draw(t, "term")]
			subjects := []assay.Subject{assay.Product}
			if named := known.Parts(term.On); len(named) > 0 {
				subjects = nil
				for _, p := range named {
					subjects = append(subjects, p.Subject)
				}
			}
			s := rapid.SampledFrom(subjects).Draw(t, "subject")
			if known.Fact(s, term).Known() {
				continue
			}
			facts = append(facts, fact{s, term.ID, drawValue(t, term)})
			known = foldFacts(t, parts, facts)
			is := verdicts(judgeFacts(t, known, asAt))
			for key, v := range was {
				// Limbs are not judged at all once the product is known to be out of scope.
				if now, judged := is[key]; judged && v != assay.Inconclusive && now != v {
					t.Errorf("%v was %v and is %v once %v is said", key, v, now, facts[len(facts)-1])
				}
			}
			was = is
		}
	})
}

// The same facts give the same bytes, in whatever order they were observed; and
// judging many at once gives the verdicts of judging one.
func TestSameFactsSameBytes(t *testing.T) {
	bulk, err := law.Standard().NewBulk("uk-psti")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		parts, facts := drawFacts(t)
		asAt := assay.MustDate(rapid.SampledFrom(judgedOn).Draw(t, "as at"))
		folded := foldFacts(t, parts, facts)
		a := judgeFacts(t, folded, asAt)
		first, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
		second, err := json.Marshal(judgeFacts(t, foldFacts(t, parts, facts), asAt))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Error("the same facts in another order give other bytes")
		}
		if got := bulk.Judge(folded, asAt, nil); got != a.Verdict {
			t.Errorf("in bulk %v, alone %v", got, a.Verdict)
		}
	})
}

// Every fact that a decided verdict used is somebody's observation; and the
// observations that it names are enough to reach it again by themselves.
func TestVerdictsStandOnTheirObservations(t *testing.T) {
	count := map[assay.Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		parts, facts := drawFacts(t)
		asAt := assay.MustDate(rapid.SampledFrom(judgedOn).Draw(t, "as at"))
		a := judgeFacts(t, foldFacts(t, parts, facts), asAt)
		eachResult(a.Regimes[0].Requirements, func(r *law.Result) {
			if r.Verdict == assay.Inconclusive {
				if len(r.Wanted) == 0 && len(r.Unsettled) == 0 {
					t.Errorf("%s of %s is open and waits for nothing", r.ID, r.Subject)
				}
				return
			}
			for _, f := range r.Facts {
				if len(f.Because) == 0 || f.Value.Type() == assay.NoType {
					t.Errorf("%s of %s is %v by %s of %s, which nobody observed", r.ID, r.Subject, r.Verdict, f.Term, f.Subject)
				}
			}
			if r.Verdict == assay.Pass && len(r.Because) == 0 && r.ID != "RET-0" && r.ID != "RET-0-no-label" { // these pass by the date alone
				t.Errorf("%s of %s passes because of nothing", r.ID, r.Subject)
			}
		})
		for _, r := range a.Regimes[0].Requirements {
			count[r.Verdict]++
			if r.Verdict == assay.Inconclusive {
				continue
			}
			var enough []fact
			for _, f := range facts {
				if slices.Contains(r.Because, observe(f).ID) {
					enough = append(enough, f)
				}
			}
			again := judgeFacts(t, foldFacts(t, parts, enough), asAt)
			if s := findLimb(again.Regimes[0].Requirements, r.ID, ""); s == nil || s.Verdict != r.Verdict {
				t.Errorf("%s is %v, but not by the observations that it names alone", r.ID, r.Verdict)
			}
		}
	})
	for _, v := range []assay.Verdict{pass, fail, open, none} {
		if count[v] == 0 {
			t.Errorf("no requirement came out %v: the facts drawn show too little", v)
		}
	}
	t.Logf("requirements judged: %v", count)
}
