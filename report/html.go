package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/password"
	"github.com/assay-psti/assay/vocab"
)

//go:embed report.html
var pageSource string

//go:embed firmware.html
var firmwareSource string

//go:embed report.css
var styleSource string

// HTML writes the report as one page that needs nothing else: no script, no
// network, no other file.
func HTML(out io.Writer, d *Document, v *vocab.Vocabulary) error {
	w := newView(d, v)
	page, err := template.New("report").Funcs(template.FuncMap{
		"why": w.why, "fact": w.fact, "bearing": bearing, "basis": basis, "subject": subject, "deciders": deciders,
		"moment": moment, "slug": slug, "mark": mark, "class": class, "words": sentence, "observation": w.observation,
		"title": w.title, "short": short, "child": w.child, "wanted": func(x []law.Wanted) string { return w.wanted(x, 8) },
		"scopeWords": scopeWords, "routes": routes, "gateWords": gateWords, "verdictOf": verdictOf, "percent": func(x float64) string { return fmt.Sprintf("%.0f%%", 100*x) },
		"bits": func(x float64) string { return fmt.Sprintf("%.1f", x) }, "lower": lowerFirst, "top": func(r *law.Result) limbView { return limbView{r, 0} },
		"byteMap": byteMap, "few": few, "more": more, "accountWords": accountWords, "serviceWords": serviceWords, "forWords": forWords, "signatureWords": signatureWords,
	}).Parse(pageSource)
	if err == nil {
		_, err = page.Parse(firmwareSource)
	}
	if err != nil {
		return err
	}
	return page.Execute(out, pageView{
		Document: d, Style: template.CSS(styleSource), Headline: w.headline(), Questions: w.questions(),
		Contradictions: w.contradictions(), Disclaimer: Disclaimer,
	})
}

// pageView is what the page is made from.
type pageView struct {
	*Document
	Style          template.CSS // our own style sheet
	Headline       string
	Questions      []Question
	Contradictions []contradiction
	Disclaimer     string
}

// Shortfall is what follows from evidence that could not be read; empty when all was.
func (p pageView) Shortfall() string {
	for _, c := range p.Checks {
		if c.Outcome != "skipped" && !c.Whole {
			return unreadRule
		}
	}
	return ""
}

// Audits are the audits of batches, each with its picture.
func (p pageView) Audits() []audit {
	var all []audit
	for _, r := range p.Passwords {
		all = append(all, audit{r, passwordLimbs(r), chart(r)})
	}
	return all
}

type audit struct {
	*password.Report
	Each  []passwordLimb
	Chart *Chart
}

// Sources are the observations that stand, by source.
func (p pageView) Sources() []source {
	all := []source{{Title: "Observed"}, {Title: "Declared"}}
	for _, o := range p.Observations {
		i := 0
		if o.Source == assay.Declared {
			i = 1
		}
		all[i].Observations = append(all[i].Observations, o)
	}
	return all
}

type source struct {
	Title        string
	Observations []assay.Observation
}

// limbView is a result at its depth in the page.
type limbView struct {
	*law.Result
	Level int
}

// Top reports whether the result is a requirement, whose title stands above it.
func (l limbView) Top() bool { return l.Level == 0 }

// Ways reports whether one of several ways is enough.
func (l limbView) Ways() bool { return l.Group == "any" }

// Deciding is which of the limbs came first to the verdict; the others are folded.
func (l limbView) Deciding() int {
	return slices.IndexFunc(l.Limbs, func(r *law.Result) bool { return r.Verdict == l.Verdict })
}

func (w *view) child(r *law.Result, level int) limbView { return limbView{r, level + 1} }

func (w *view) observation(id assay.ObservationID) *assay.Observation { return w.byID[id] }

// slug makes an anchor of an ID.
func slug(parts ...any) string {
	var b strings.Builder
	for _, p := range parts {
		var s string
		switch p := p.(type) {
		case string:
			s = p
		case assay.RegimeID:
			s = string(p)
		case assay.Subject:
			s = string(p)
		case assay.ObservationID:
			s = string(p)
		}
		for _, r := range strings.ToLower(s) {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				b.WriteRune(r)
			} else {
				b.WriteByte('-')
			}
		}
		b.WriteByte('-')
	}
	return strings.Trim(b.String(), "-")
}

// mark is a sign for a verdict, so that colour is never alone.
func mark(v assay.Verdict) string {
	return map[assay.Verdict]string{assay.Pass: "✓", assay.Fail: "✕", assay.Inconclusive: "?", assay.NotApplicable: "–"}[v]
}

func class(v assay.Verdict) string {
	return map[assay.Verdict]string{assay.Pass: "pass", assay.Fail: "fail", assay.Inconclusive: "open", assay.NotApplicable: "na"}[v]
}

func sentence(v assay.Verdict) string {
	return map[assay.Verdict]string{assay.Pass: "Met", assay.Fail: "Not met", assay.Inconclusive: "Not decided", assay.NotApplicable: "Does not apply"}[v]
}

func scopeWords(v assay.Verdict) string {
	return map[assay.Verdict]string{assay.Pass: "The law reaches this product", assay.NotApplicable: "The law does not reach this product",
		assay.Inconclusive: "Whether the law reaches this product is not decided"}[v]
}

func short(d assay.Digest) string {
	s := strings.TrimPrefix(string(d), "sha256:")
	if len(s) > 12 {
		s = s[:12]
	}
	return s
}

// routes says how the limbs of a group make its verdict.
func routes(group string) string {
	switch group {
	case "all", "for_each":
		return "All of these must hold."
	case "any", "for_any":
		return "One of these is enough."
	}
	return ""
}

// maxFew bounds the rows of a table of the firmware part.
const maxFew = 60

// few are the first elements of a slice of any kind, for a table.
func few(all any) any {
	v := reflect.ValueOf(all)
	return v.Slice(0, min(v.Len(), maxFew)).Interface()
}

// more is how many elements few leaves out.
func more(all any) int { return max(0, reflect.ValueOf(all).Len()-maxFew) }
