package dossier

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/assay-psti/assay"
)

// Answer is one thing that a person declares: an entry of declared.yaml.
type Answer struct {
	Subject assay.Subject // empty means the product
	Term    assay.TermID
	Value   assay.Value
	By      string    // who says so
	At      time.Time // when; a date alone means midnight UTC
	Note    string
}

const declaredFile = "declared.yaml"

// maxAnswers bounds declared.yaml.
const maxAnswers = 5000

// answersFile is declared.yaml as written.
type answersFile struct {
	Answers []struct {
		Subject string `yaml:"subject"`
		Term    string `yaml:"term"`
		Value   any    `yaml:"value"`
		By      string `yaml:"by"`
		At      string `yaml:"at"`
		Note    string `yaml:"note"`
	} `yaml:"answers"`
}

var answerScalars = scalars{
	whole: map[string]bool{"value": true},
	truth: map[string]bool{"value": true},
	plain: map[string]bool{"value": true},
}

var termForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)+$`)

// declared is declared.yaml as read.
type declared struct {
	file    *yamlFile
	answers []Answer
	places  []string // file:line:column of each answer
}

func readDeclared(data []byte) (*declared, error) {
	var a answersFile
	f, err := readYAML(declaredFile, data, &a, answerScalars)
	if err != nil {
		return nil, err
	}
	d := &declared{file: f, places: f.entryPlaces("answers")}
	if len(a.Answers) > maxAnswers {
		return nil, f.problem(0, 0, fmt.Sprintf("holds more than %d answers", maxAnswers), "remove old ones")
	}
	for i, w := range a.Answers {
		at := fmt.Sprintf("$.answers[%d]", i)
		answer := Answer{Subject: assay.Product, Term: assay.TermID(w.Term), By: w.By, Note: w.Note}
		if w.Subject != "" {
			if answer.Subject, err = assay.ParseSubject(w.Subject); err != nil {
				return nil, f.at(at+".subject", fmt.Sprintf("subject %q does not fit", clip(w.Subject)), "write product, or kind/name such as password/admin-web")
			}
		}
		if !termForm.MatchString(w.Term) {
			return nil, f.at(at+".term", fmt.Sprintf("term %q does not fit", clip(w.Term)), "write a term of the vocabulary, such as password.used")
		}
		if answer.Value, err = assay.ValueOf(w.Value); err != nil || answer.Value.Type() == assay.NoType {
			return nil, f.at(at+".value", fmt.Sprintf("the answer on %s has no value that can be read", w.Term), "write true, false, a whole number, a date, a text or a list of words")
		}
		if strings.TrimSpace(w.By) == "" {
			return nil, f.at(at+".by", fmt.Sprintf("the answer on %s does not say who gave it", w.Term), "write by: and the person's name")
		}
		if answer.At, err = parseMoment(w.At); err != nil {
			return nil, f.at(at+".at", fmt.Sprintf("the answer on %s does not say when it was given", w.Term), "write at: and a date such as 2026-04-29")
		}
		d.answers = append(d.answers, answer)
	}
	return d, nil
}

// parseMoment reads a date or an RFC 3339 time between the years 1 and 9999.
func parseMoment(s string) (time.Time, error) {
	if d, err := assay.ParseDate(s); err == nil {
		return d.Time(), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if t = t.UTC(); err == nil && (t.Year() < 1 || t.Year() > 9999) {
		return time.Time{}, assay.ErrInvalid
	}
	return t, err
}

// entryPlaces says where each entry of a list stands.
func (f *yamlFile) entryPlaces(key string) []string {
	var places []string
	if list := f.list(key); list != nil {
		for _, n := range list.Values {
			line, column := first(n)
			places = append(places, f.place(line, column))
		}
	}
	return places
}

// list is the list at a key of the whole file; nil when there is none.
func (f *yamlFile) list(key string) *ast.SequenceNode {
	for _, doc := range f.file.Docs {
		values := []*ast.MappingValueNode{}
		switch n := doc.Body.(type) {
		case *ast.MappingNode:
			values = n.Values
		case *ast.MappingValueNode:
			values = append(values, n)
		}
		for _, v := range values {
			if list, ok := v.Value.(*ast.SequenceNode); ok && v.Key.String() == key {
				return list
			}
		}
	}
	return nil
}

// observation is the answer as a declared observation.
func (a *Answer) observation() assay.Observation {
	o := assay.Observation{Subject: a.Subject, Term: a.Term, Value: a.Value, Source: assay.Declared, By: a.By, At: a.At, Note: a.Note}
	o.Identify()
	return o
}

// observations are the answers as declared observations, and where each stands.
// A person who says again what was said before says it anew: of answers that are
// the same but for their time the newest is kept, so that it replaces what was
// said in between.
func (d *declared) observations() ([]assay.Observation, map[assay.ObservationID]string) {
	var all []assay.Observation
	places := map[assay.ObservationID]string{}
	for i := range d.answers {
		o := d.answers[i].observation()
		if j := slices.IndexFunc(all, func(e assay.Observation) bool { return e.ID == o.ID }); j >= 0 {
			if o.At.Before(all[j].At) {
				continue
			}
			all = slices.Delete(all, j, j+1)
		}
		all = append(all, o)
		if i < len(d.places) {
			places[o.ID] = d.places[i]
		}
	}
	return all, places
}

const declaredHead = `# What the manufacturer, or another person who knows, declares of the product.
# Each answer says who gave it and when. Answers are added below, never changed:
# a later answer of the same term replaces an earlier one.
`

// addAnswers gives declared.yaml with answers added after all that stands there,
// which stays as it is.
func addAnswers(old []byte, answers []Answer) ([]byte, error) {
	before, err := readDeclared(old)
	if err != nil {
		return nil, err
	}
	text := slices.Clone(old)
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte(declaredHead)
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	indent := 2
	list := before.file.list("answers")
	switch {
	case list != nil && len(before.answers) > 0:
		if list.IsFlowStyle {
			return nil, before.file.at("$.answers", "the answers are written in brackets", "write them as a list with dashes, one key a line")
		}
		indent = list.Start.Position.Column - 1
	case list != nil: // an empty list in brackets
		at := bytes.IndexByte(text[lineStart(text, list.Start.Position.Line):], '[') + lineStart(text, list.Start.Position.Line)
		end := at + bytes.IndexByte(text[at:], ']') + 1
		text = slices.Delete(text, at, end)
	case !hasKey(before.file, "answers"):
		text = append(text, "answers:\n"...)
	}
	for i := range answers {
		text = appendAnswer(text, &answers[i], indent)
	}
	if len(text) > maxYAMLBytes || len(before.answers)+len(answers) > maxAnswers {
		return nil, before.file.problem(0, 0, fmt.Sprintf("would hold more than 1 MiB or %d answers", maxAnswers), "remove answers that later ones replaced")
	}
	after, err := readDeclared(text)
	if err != nil || !sameAnswers(slices.Concat(before.answers, answers), after.answers) {
		return nil, before.file.problem(0, 0, "cannot be added to as it is written", "write its answers as a list with dashes, one key a line, and nothing after them")
	}
	return text, nil
}

func hasKey(f *yamlFile, key string) bool {
	for _, doc := range f.file.Docs {
		switch n := doc.Body.(type) {
		case *ast.MappingNode:
			return slices.ContainsFunc(n.Values, func(v *ast.MappingValueNode) bool { return v.Key.String() == key })
		case *ast.MappingValueNode:
			return n.Key.String() == key
		}
	}
	return false
}

func lineStart(text []byte, line int) int {
	at := 0
	for ; line > 1; line-- {
		at += bytes.IndexByte(text[at:], '\n') + 1
	}
	return at
}

func sameAnswers(a, b []Answer) bool {
	return slices.EqualFunc(a, b, func(x, y Answer) bool {
		return x.Subject == y.Subject && x.Term == y.Term && x.By == y.By && x.Note == y.Note && x.At.Equal(y.At) && sameValue(x.Value, y.Value)
	})
}

// sameValue leaves aside that a date is written as a text.
func sameValue(x, y assay.Value) bool {
	return x.Equal(y) || (x.Type() == assay.DateType && y.Text() == x.String())
}

func appendAnswer(text []byte, a *Answer, indent int) []byte {
	lead := strings.Repeat(" ", indent) + "- "
	line := func(key, value string) {
		text = append(text, lead+key+": "+value+"\n"...)
		lead = strings.Repeat(" ", indent) + "  "
	}
	if a.Subject != assay.Product {
		line("subject", scalar(string(a.Subject)))
	}
	line("term", scalar(string(a.Term)))
	line("value", valueText(a.Value))
	line("by", scalar(a.By))
	line("at", a.At.UTC().Format(time.RFC3339Nano))
	if a.Note != "" {
		line("note", scalar(a.Note))
	}
	return text
}

func valueText(v assay.Value) string {
	switch v.Type() {
	case assay.BoolType:
		return fmt.Sprint(v.Bool())
	case assay.IntType:
		return fmt.Sprint(v.Int())
	case assay.SetType:
		words := make([]string, len(v.Set()))
		for i, w := range v.Set() {
			words[i] = scalar(w)
		}
		return "[" + strings.Join(words, ", ") + "]"
	}
	return scalar(v.String())
}

var plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*$`)

// scalar writes a text in YAML: as it is where no reader could take it for
// something else, in quotes otherwise.
func scalar(s string) string {
	lower := strings.ToLower(s)
	if plainText.MatchString(s) && !truthWords[lower] && lower != "true" && lower != "false" && lower != "null" {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a text always has an encoding
	}
	return strings.TrimSuffix(b.String(), "\n")
}
