package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
)

// notApplicable is the answer as forms write it; the vocabulary has no stroke.
const notApplicable = "N/A"

// answersOf are the answers that a row's status allows.
func answersOf(p *law.Provision) []string {
	answers := []string{"Y"}
	if !p.Mandatory() {
		answers = append(answers, "N")
	}
	if len(p.Conditions) > 0 {
		answers = append(answers, notApplicable)
	}
	return answers
}

// rows reads the form off the facts. The detail of an answer Y stands in its note,
// that of N and N/A is the reason.
func (p *Plan) rows() {
	v := p.test.law.Vocabulary()
	for _, provision := range p.test.Catalogue.Provisions {
		if provision.Support == "" {
			continue
		}
		r := Row{Versions: p.Versions, Provision: provision.ID, Name: provision.Name, Status: provision.Status, Answers: answersOf(provision), provision: provision}
		var titles []string
		for _, c := range provision.Conditions {
			titles = append(titles, c.Title)
		}
		r.When = strings.Join(titles, "; ")
		fact := p.facts.Fact(assay.Product, v.Term(provision.Support))
		r.Support = strings.Replace(fact.Value.Text(), "NA", notApplicable, 1)
		for _, id := range fact.Because {
			if o := p.byID[id]; o != nil {
				r.By = o.By
				if r.Support == "Y" || provision.Reason == "" {
					r.Detail = o.Note
				}
			}
		}
		if r.Support != "Y" && provision.Reason != "" {
			r.Detail = p.facts.Fact(assay.Product, v.Term(provision.Reason)).Value.Text()
		}
		p.Rows = append(p.Rows, r)
	}
}

func (p *Plan) row(provision string) *Row {
	for i := range p.Rows {
		if p.Rows[i].Provision == provision {
			return &p.Rows[i]
		}
	}
	return nil
}

// Answers turn rows of a form into answers of the dossier: those that say something
// new. A row that is not answered is left as it is. A form that says N or N/A and
// leaves the detail empty says that there is no reason, which makes it invalid.
func (p *Plan) Answers(rows []Row, by string, at time.Time) ([]dossier.Answer, error) {
	var all []dossier.Answer
	seen := map[string]bool{}
	for _, r := range rows {
		bad := func(what, do string) error {
			return &assay.Problem{Kind: assay.ErrInvalid, Where: "ICS row " + r.Provision, What: what, Do: do}
		}
		was := p.row(r.Provision)
		switch {
		case r.Versions != p.Versions:
			return nil, bad(fmt.Sprintf("is of %s, not of %s", r.Versions, p.Versions), "import it with the --edition that it was filled for")
		case was == nil:
			return nil, bad("does not exist in "+p.Edition, "remove it")
		case seen[r.Provision]:
			return nil, bad("stands twice", "remove one of them")
		}
		seen[r.Provision] = true
		support := strings.ToUpper(strings.ReplaceAll(clean(r.Support), " ", ""))
		if support == "NA" {
			support = notApplicable
		}
		detail := clean(r.Detail)
		if err := checkText(detail); err != nil {
			return nil, bad(err.Error(), "shorten it, or refer to a document")
		}
		if support == "" {
			continue
		}
		if !slices.Contains([]string{"Y", "N", notApplicable}, support) {
			return nil, bad(fmt.Sprintf("%q is no answer", support), "write Y, N or N/A")
		}
		term := was.provision.Support
		word := strings.ReplaceAll(support, "/", "")
		if allowed := p.test.law.Vocabulary().Term(term).Values; !slices.Contains(allowed, word) {
			return nil, bad(fmt.Sprintf("%s is not allowed where the status is %s", support, was.Status), "write "+strings.Join(was.Answers, " or "))
		}
		if support == was.Support && detail == was.Detail {
			continue
		}
		moment := p.after(at, term, was.provision.Reason)
		answer := dossier.Answer{Subject: assay.Product, Term: term, Value: assay.Text(word), By: by, At: moment}
		if support == "Y" || was.provision.Reason == "" {
			answer.Note = detail
		} else {
			all = append(all, dossier.Answer{Subject: assay.Product, Term: was.provision.Reason, Value: assay.Text(detail), By: by, At: moment})
		}
		all = append(all, answer)
	}
	return all, nil
}

// after is a moment later than all that was said in the terms.
func (p *Plan) after(now time.Time, terms ...assay.TermID) time.Time {
	last := time.Time{}
	for _, o := range p.byID {
		if slices.Contains(terms, o.Term) && o.At.After(last) {
			last = o.At
		}
	}
	return later(now, last)
}
