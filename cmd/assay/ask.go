package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

type askCommand struct {
	Dir  string   `arg:"" help:"The dossier's folder."`
	By   string   `help:"Who answers: name and function. (Or set ASSAY_BY.)"`
	For  string   `help:"Only what bears on this limb, such as PW-1." placeholder:"LIMB"`
	Set  []string `help:"Answer without being asked: [SUBJECT:]TERM=VALUE, as often as wanted." placeholder:"TERM=VALUE" sep:"none"`
	Note string   `help:"A note kept with the answers given by --set."`
	List bool     `help:"List the questions and end."`
	AsAt date     `help:"Judge by the law of this day (default: today)." placeholder:"DATE"`
	Law  []string `help:"The regimes to judge by (default: as in product.yaml, else uk-psti)." placeholder:"ID"`
	JSON bool     `name:"json" help:"List the questions in machine form and end."`
}

// Run asks, most decisive question first, until nothing that a person can answer
// could change a verdict.
func (c *askCommand) Run(ctx context.Context, env *environment) error {
	open := dossier.Open
	if c.List || c.JSON {
		open = dossier.Load
	}
	d, err := openDossier(ctx, env, c.Dir, open)
	if err != nil {
		return err
	}
	defer d.Close()
	q := &questioner{environment: env, by: c.By, dossier: d, asAt: c.AsAt.orToday(env), laws: laws(c.Law, d), only: c.For}
	switch {
	case c.List || c.JSON:
		return q.list(c.JSON)
	case len(c.Set) > 0:
		return q.set(c.Set, c.Note)
	}
	answered, err := q.run(func(a law.Ask) bool { return true })
	if err != nil {
		return err
	}
	return q.farewell(answered, c.Dir)
}

// questioner puts questions about one dossier and keeps the answers.
type questioner struct {
	*environment
	by      string
	dossier *dossier.Dossier
	asAt    assay.Date
	laws    []string
	only    string
	skipped []law.Wanted // not to be put again
}

func (q *questioner) asks() ([]law.Ask, error) {
	facts, err := fold(q.dossier)
	if err != nil {
		return nil, err
	}
	return law.Standard().Asks(facts, q.asAt, q.only, q.laws...)
}

// askedItem is a question in machine form.
type askedItem struct {
	Subject  assay.Subject `json:"subject"`
	Term     assay.TermID  `json:"term"`
	Type     assay.Type    `json:"type"`
	Unit     string        `json:"unit,omitempty"`
	Values   []string      `json:"values,omitempty"`
	Question string        `json:"question"`
	Help     string        `json:"help,omitempty"`
	Source   assay.Cite    `json:"source"`
	Bears    []string      `json:"bears_on"`
}

func (q *questioner) list(machine bool) error {
	asks, err := q.asks()
	if err != nil {
		return err
	}
	items := make([]askedItem, len(asks))
	for i, a := range asks {
		t := a.Term
		items[i] = askedItem{a.Subject, t.ID, t.Type, t.Unit, t.Values, t.Question, t.Help, t.Source, a.Bears}
	}
	if machine {
		return q.json(map[string]any{"as_at": q.asAt, "questions": items})
	}
	for _, it := range items {
		fmt.Fprintf(q.out, "%s%s (%s)\n    %s\n    bears on: %s\n", onSubject(it.Subject), it.Term, kindOfAnswer(law.Standard().Vocabulary().Term(it.Term)), it.Question, strings.Join(it.Bears, ", "))
	}
	if len(items) == 0 {
		fmt.Fprintln(q.out, "No answer can change a verdict.")
	}
	return nil
}

func onSubject(s assay.Subject) string {
	if s == assay.Product {
		return ""
	}
	return string(s) + ":"
}

// run puts question after question. Each answer is kept before the next question
// is put, so that nothing is lost.
func (q *questioner) run(want func(law.Ask) bool) (answered int, err error) {
	for {
		asks, err := q.asks()
		if err != nil {
			return answered, err
		}
		i := slices.IndexFunc(asks, func(a law.Ask) bool {
			return want(a) && !slices.Contains(q.skipped, law.Wanted{Subject: a.Subject, Term: a.Term.ID})
		})
		if i < 0 {
			return answered, nil
		}
		if err := q.whoever(); err != nil {
			return answered, endOfInput(err)
		}
		value, err := q.put(asks[i])
		switch {
		case errors.Is(err, errSkip):
			q.skipped = append(q.skipped, law.Wanted{Subject: asks[i].Subject, Term: asks[i].Term.ID})
			continue
		case err != nil:
			return answered, endOfInput(err)
		}
		if err := q.keep(asks[i].Subject, asks[i].Term, value, ""); err != nil {
			return answered, err
		}
		answered++
		// An answer that does not settle it is not asked for again.
		q.skipped = append(q.skipped, law.Wanted{Subject: asks[i].Subject, Term: asks[i].Term.ID})
	}
}

func endOfInput(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// whoever makes sure that it is known who answers.
func (q *questioner) whoever() error {
	if q.by == "" {
		q.by = q.user
	}
	for q.by == "" {
		fmt.Fprintln(q.errOut, "Who answers? Name and function, such as: Jo Bloggs, compliance engineer")
		line, err := q.line()
		if err != nil {
			return err
		}
		q.by = line
	}
	return nil
}

func (q *questioner) keep(s assay.Subject, t *vocab.Term, value assay.Value, note string) error {
	return q.dossier.Answer(dossier.Answer{Subject: s, Term: t.ID, Value: value, By: q.by, At: q.now().UTC(), Note: note})
}

// errSkip is the answer "I do not know".
var errSkip = errors.New("skipped")

// line reads one line that was typed or piped.
func (env *environment) line() (string, error) {
	if env.errTerm {
		fmt.Fprint(env.errOut, "> ")
	}
	text, err := env.in.ReadString('\n')
	if err != nil && text == "" {
		return "", err
	}
	return strings.TrimSpace(text), nil
}

// put puts one question until it has an answer.
func (q *questioner) put(a law.Ask) (assay.Value, error) {
	t := a.Term
	fmt.Fprintf(q.errOut, "\n%s\n", t.Question)
	if a.Subject != assay.Product {
		fmt.Fprintf(q.errOut, "  about %s %s\n", a.Subject.Kind(), a.Subject.Name())
	}
	if t.Help != "" {
		fmt.Fprintf(q.errOut, "  %s\n", t.Help)
	}
	for i, w := range t.Values {
		fmt.Fprintf(q.errOut, "  %d  %s\n", i+1, strings.ReplaceAll(w, "_", " "))
	}
	fmt.Fprintf(q.errOut, "  (%s; %s; ? if you do not know)\n", t.Source, kindOfAnswer(t))
	for {
		line, err := q.line()
		if err != nil {
			return assay.Value{}, err
		}
		if line == "" || line == "?" {
			return assay.Value{}, errSkip
		}
		value, err := parseAnswer(t, line)
		if err == nil {
			return value, nil
		}
		if !q.inTerm {
			return assay.Value{}, &assay.Problem{Kind: assay.ErrInvalid, Where: "answer to " + string(t.ID), What: fmt.Sprintf("%q does not answer it", line), Do: "answer with " + kindOfAnswer(t)}
		}
		fmt.Fprintf(q.errOut, "  Please answer with %s.\n", kindOfAnswer(t))
	}
}

// kindOfAnswer says in what form a term is answered.
func kindOfAnswer(t *vocab.Term) string {
	switch t.Type {
	case assay.BoolType:
		return "yes or no"
	case assay.IntType:
		return strings.TrimSpace("a whole number " + ofUnit(t.Unit))
	case assay.DateType:
		return "a date such as 2029-12-31"
	case assay.SetType:
		if len(t.Values) > 0 {
			return "words or numbers of the list, with commas, or none"
		}
		return "words with commas, or none"
	}
	if len(t.Values) > 0 {
		return "a word or number of the list"
	}
	return "a text"
}

func ofUnit(unit string) string {
	if unit == "" {
		return ""
	}
	return "of " + unit
}

// parseAnswer reads an answer as a person gives it.
func parseAnswer(t *vocab.Term, s string) (assay.Value, error) {
	word := func(s string) string {
		s = strings.TrimSpace(s)
		if n, err := strconv.Atoi(s); err == nil && n >= 1 && n <= len(t.Values) {
			return t.Values[n-1]
		}
		if len(t.Values) > 0 {
			for _, w := range t.Values {
				if strings.EqualFold(w, s) || strings.EqualFold(strings.ReplaceAll(w, "_", " "), s) {
					return w
				}
			}
		}
		return s
	}
	switch t.Type {
	case assay.BoolType:
		switch strings.ToLower(s) {
		case "y", "yes", "true":
			return assay.Bool(true), nil
		case "n", "no", "false":
			return assay.Bool(false), nil
		}
		return assay.Value{}, assay.ErrInvalid
	case assay.IntType:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return assay.Value{}, assay.ErrInvalid
		}
		return assay.Int(n), nil
	case assay.DateType:
		return t.Check(assay.Text(s))
	case assay.SetType:
		if strings.EqualFold(s, "none") {
			return assay.Set(), nil
		}
		var words []string
		for _, w := range strings.Split(s, ",") {
			words = append(words, word(w))
		}
		return t.Check(assay.Set(words...))
	}
	return t.Check(assay.Text(word(s)))
}

// set keeps answers given on the command line, all or none.
func (q *questioner) set(answers []string, note string) error {
	if q.by == "" {
		q.by = q.user
	}
	if q.by == "" {
		return &assay.Problem{Kind: assay.ErrInvalid, What: "an answer needs somebody who gives it", Do: "say --by \"Name, function\" or set ASSAY_BY"}
	}
	var all []dossier.Answer
	for _, text := range answers {
		left, value, ok := strings.Cut(text, "=")
		var w law.Wanted
		if err := w.UnmarshalText([]byte(left)); err != nil {
			return err
		}
		subject, id := w.Subject, w.Term
		t := vocab.Standard().Term(id)
		if !ok || t == nil {
			return &assay.Problem{Kind: assay.ErrInvalid, Where: "--set " + text, What: fmt.Sprintf("there is no term %q", id), Do: "see assay law terms"}
		}
		if !t.FitsSubject(subject) {
			return &assay.Problem{Kind: assay.ErrInvalid, Where: "--set " + text, What: fmt.Sprintf("%s is said of a %s, not of %s", t.ID, t.On, subject), Do: "name a " + t.On + " before the term, as in " + t.On + "/NAME:" + string(id)}
		}
		v, err := parseAnswer(t, value)
		if err != nil {
			return &assay.Problem{Kind: assay.ErrInvalid, Where: "--set " + text, What: fmt.Sprintf("%q does not answer it", value), Do: "answer with " + kindOfAnswer(t)}
		}
		all = append(all, dossier.Answer{Subject: subject, Term: t.ID, Value: v, By: q.by, At: q.now().UTC(), Note: note})
	}
	if err := q.dossier.Answer(all...); err != nil {
		return err
	}
	fmt.Fprintf(q.out, "Kept %d answers by %s.\n", len(all), q.by)
	return nil
}

func (q *questioner) farewell(answered int, dir string) error {
	asks, err := q.asks()
	if err != nil {
		return err
	}
	fmt.Fprintf(q.out, "Kept %d answers. ", answered)
	if len(asks) == 0 {
		fmt.Fprintf(q.out, "No further answer can change a verdict. Judge with: assay test %s\n", dir)
	} else {
		fmt.Fprintf(q.out, "%d questions are still open. Judge with: assay test %s\n", len(asks), dir)
	}
	return nil
}
