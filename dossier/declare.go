package dossier

import (
	"fmt"
	"time"

	"github.com/assay-psti/assay"
)

// saying is one thing that product.yaml says in the words of the vocabulary.
type saying struct {
	path    string // where it is written: "$.labels[0].scheme"
	subject assay.Subject
	term    assay.TermID
	value   assay.Value
}

// sayings is the whole table from keys of product.yaml to terms. What is not
// written is not said, save that a dossier which names no label relies on none.
func (p *Product) sayings() []saying {
	var all []saying
	say := func(path string, s assay.Subject, t assay.TermID, v assay.Value) {
		all = append(all, saying{path, s, t, v})
	}
	text := func(path string, s assay.Subject, t assay.TermID, v string) {
		if v != "" {
			say(path, s, t, assay.Text(v))
		}
	}
	day := func(path string, s assay.Subject, t assay.TermID, v assay.Date) {
		if !v.Zero() {
			say(path, s, t, assay.Day(v))
		}
	}
	if len(p.Territories) > 0 {
		say("$.territories", assay.Product, "supply.territories", assay.Set(p.Territories...))
	}
	say("$.labels", assay.Product, "label.relied_on", assay.Bool(len(p.Labels) > 0))
	for i, l := range p.Labels {
		at, s := fmt.Sprintf("$.labels[%d].", i), assay.Subject("label/"+l.ID)
		text(at+"scheme", s, "label.scheme", l.Scheme)
		text(at+"level", s, "label.level", l.Level)
		text(at+"edition", s, "label.edition", l.Edition)
		day(at+"issued", s, "label.issued", l.Issued)
		day(at+"expires", s, "label.expires", l.Expires)
	}
	// A component that is listed is there. That none is listed says nothing.
	for i, c := range p.Components {
		at := fmt.Sprintf("$.components[%d].category", i)
		switch c.Category {
		case "required":
			say(at, assay.Product, "component.required", assay.Bool(true))
		case "associated":
			say(at, assay.Product, "component.associated", assay.Bool(true))
		}
	}
	for i, n := range p.Interfaces {
		at, s := fmt.Sprintf("$.interfaces[%d].", i), assay.Subject("interface/"+n.ID)
		text(at+"protocol", s, "interface.protocol", n.Protocol)
		say(at+"id", s, "interface.declared", assay.Bool(true))
	}
	return all
}

// Declares are the terms that product.yaml can say by itself.
func Declares() []assay.TermID {
	return []assay.TermID{
		"supply.territories",
		"label.relied_on", "label.scheme", "label.level", "label.edition", "label.issued", "label.expires",
		"component.required", "component.associated", "interface.protocol", "interface.declared",
	}
}

// declared turns what product.yaml says into observations made on the day it was
// stated, and says where each stands. Without that day any dated answer is newer.
func (p *Product) declared(f *yamlFile) ([]assay.Observation, map[assay.ObservationID]string) {
	var at time.Time
	if !p.Stated.Zero() {
		at = p.Stated.Time()
	}
	var out []assay.Observation
	places := map[assay.ObservationID]string{}
	for _, s := range p.sayings() {
		o := assay.Observation{Subject: s.subject, Term: s.term, Value: s.value, Source: assay.Declared, By: productFile, At: at}
		o.Identify()
		if places[o.ID] != "" {
			continue // two components of one category say the same
		}
		places[o.ID] = f.place(f.locate(s.path))
		out = append(out, o)
	}
	return out, places
}
