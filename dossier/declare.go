package dossier

import (
	"time"

	"github.com/assay-psti/assay"
)

// saying is one thing that product.yaml says in the words of the vocabulary.
type saying struct {
	subject assay.Subject
	term    assay.TermID
	value   assay.Value
}

// sayings is the whole table from keys of product.yaml to terms. What is not
// written is not said, save that a dossier which names no label relies on none.
func (p *Product) sayings() []saying {
	var all []saying
	say := func(s assay.Subject, t assay.TermID, v assay.Value) { all = append(all, saying{s, t, v}) }
	text := func(s assay.Subject, t assay.TermID, v string) {
		if v != "" {
			say(s, t, assay.Text(v))
		}
	}
	day := func(s assay.Subject, t assay.TermID, v assay.Date) {
		if !v.Zero() {
			say(s, t, assay.Day(v))
		}
	}
	if len(p.Territories) > 0 {
		say(assay.Product, "supply.territories", assay.Set(p.Territories...))
	}
	say(assay.Product, "label.relied_on", assay.Bool(len(p.Labels) > 0))
	for _, l := range p.Labels {
		s := assay.Subject("label/" + l.ID)
		text(s, "label.scheme", l.Scheme)
		text(s, "label.level", l.Level)
		text(s, "label.edition", l.Edition)
		day(s, "label.issued", l.Issued)
		day(s, "label.expires", l.Expires)
	}
	for _, c := range p.Components {
		text(assay.Subject("component/"+c.ID), "component.category", c.Category)
	}
	for _, i := range p.Interfaces {
		s := assay.Subject("interface/" + i.ID)
		text(s, "interface.protocol", i.Protocol)
		say(s, "interface.declared", assay.Bool(true))
	}
	return all
}

// Declares are the terms that product.yaml can say by itself.
func Declares() []assay.TermID {
	return []assay.TermID{
		"supply.territories", "label.relied_on", "label.scheme", "label.level", "label.edition", "label.issued", "label.expires",
		"component.category", "interface.protocol", "interface.declared",
	}
}

// declared turns what product.yaml says into observations made on the day it was
// stated. Without that day any dated answer is newer.
func (p *Product) declared() []assay.Observation {
	var at time.Time
	if !p.Stated.Zero() {
		at = p.Stated.Time()
	}
	var out []assay.Observation
	for _, s := range p.sayings() {
		o := assay.Observation{Subject: s.subject, Term: s.term, Value: s.value, Source: assay.Declared, By: productFile, At: at}
		o.Identify()
		out = append(out, o)
	}
	return out
}
