package dossier

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/assay-psti/assay"
)

// rangePrintable is what a person may type.
var rangePrintable = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: '\t', Hi: '\n', Stride: 1}, {Lo: ' ', Hi: '~', Stride: 1}, {Lo: 0xa0, Hi: 0x2ff, Stride: 1}, {Lo: 0x2028, Hi: 0x2029, Stride: 1}, {Lo: 0xfeff, Hi: 0xfeff, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x1f300, Hi: 0x1f3ff, Stride: 1}},
}

func FuzzProduct(f *testing.F) {
	f.Add(wholeProduct)
	f.Add("name: x\n---\nname: y")
	f.Add("name: &a [*a, *a]")
	f.Add("? - - - x\n: {[}")
	f.Fuzz(func(t *testing.T, text string) {
		p, file, err := readProduct([]byte(text))
		if err != nil {
			if s := err.Error(); strings.ContainsAny(s, "\n\x1b") || !strings.HasPrefix(s, productFile) {
				t.Errorf("not one line that names the file: %q", s)
			}
			return
		}
		for _, s := range p.Parts() {
			if _, err := assay.ParseSubject(string(s)); err != nil {
				t.Error(err)
			}
		}
		p.declared(file)
	})
}

func FuzzDeclared(f *testing.F) {
	f.Add(twoAnswers)
	f.Add("answers: []")
	f.Add("answers:\n- {term: a.b, value: [a], by: x, at: 2026-01-01}")
	add := Answer{Subject: assay.Product, Term: "a.b", Value: assay.Text("no"), By: "x", At: time.Unix(1e9, 0).UTC()}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := readDeclared([]byte(text))
		if err != nil {
			if s := err.Error(); strings.ContainsAny(s, "\n\x1b") || !strings.HasPrefix(s, declaredFile) {
				t.Errorf("not one line that names the file: %q", s)
			}
			return
		}
		d.observations()
		out, err := addAnswers([]byte(text), []Answer{add})
		if err != nil {
			return
		}
		back, err := readDeclared(out)
		if err != nil || len(back.answers) != len(d.answers)+1 {
			t.Errorf("after adding: %v", err)
		}
	})
}

func FuzzObserved(f *testing.F) {
	line, _ := json.Marshal(seen("a.b", assay.Bool(true)))
	gone, _ := json.Marshal(withdrawal("o-1", 5))
	f.Add(append(append(line, '\n'), gone...))
	f.Add(append(line, "\n{\"id"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := readObserved(bytes.NewReader(data))
		if err != nil {
			if s := err.Error(); strings.Contains(s, "\n") || !strings.HasPrefix(s, observedFile) {
				t.Errorf("not one line that names the file: %q", s)
			}
			return
		}
		if o.good > int64(len(data)) || (o.torn && o.good == int64(len(data))) {
			t.Errorf("%d good bytes of %d", o.good, len(data))
		}
		// What was read can be written and read again.
		kept, lines, err := fresh(nil, o.all)
		if err != nil {
			t.Fatal(err)
		}
		again, err := readObserved(bytes.NewReader(lines))
		if err != nil || len(again.all) != len(kept) || again.torn || again.open {
			t.Errorf("written again: %v", err)
		}
	})
}
