package report

import (
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
)

//go:embed bench.html
var benchSource string

// benchStyle is what the test report needs beyond the style of all reports.
const benchStyle = `
.pre { white-space: pre-line } .refs { margin: .2rem 0; padding-left: 1rem; font-size: .88rem } .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
.id { white-space: nowrap } .w34 { width: 34% } .w46 { width: 46% }
.limb table { margin: .4rem 0 .6rem } .limb td, .limb th { min-width: 0 } td .verdict { margin-right: .4rem }
@media (max-width: 40rem) { .limb { padding-left: .5rem } .limb .limb { padding-left: .3rem } .stack caption { display: block } .stack td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); font-size: .85rem } .w34, .w46 { width: auto } }
.photo { margin: 1.2rem 0 } .photo img { max-height: 42rem; width: auto }
@media print { .photo { break-inside: avoid } .photo img { max-height: 17cm } h3, h3 + p, #photographs, #photographs + p, .head { break-after: avoid } }
`

// BenchHTML writes a test report as one page that needs nothing else.
func BenchHTML(out io.Writer, r *bench.Report) error {
	rows := map[string]*bench.Row{}
	for i := range r.ICS {
		rows[r.ICS[i].Provision] = &r.ICS[i]
	}
	page, err := template.New("bench").Funcs(template.FuncMap{
		"mark": markOf, "class": classOf, "moment": moment, "slug": slug, "short": short, "few": few, "more": more, "subject": subject,
		"known":      func(v assay.Value) bool { return v.Type() != assay.NoType },
		"plain":      plainValue,
		"digits":     func(d assay.Digest) string { return strings.TrimPrefix(string(d), "sha256:") },
		"row":        func(id string) *bench.Row { return rows[id] },
		"validWords": validWords,
		"photo": func(d assay.Digest) int {
			return 1 + slices.IndexFunc(r.Photos, func(p bench.ReportPhoto) bool { return p.Digest == d })
		},
		"number": func(i int) int { return i + 1 },
		"picture": func(data []byte) template.URL { // of our own encoder
			return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(data)) //nolint:gosec // digits and letters alone
		},
		"sentenceCase": func(s string) string {
			s = strings.TrimRight(s, ".")
			return strings.ToUpper(s[:1]) + s[1:]
		},
	}).Parse(benchSource)
	if err != nil {
		return err
	}
	return page.Execute(out, struct {
		*bench.Report
		Style template.CSS
	}{r, template.CSS(styleSource + benchStyle)})
}

// plainValue is a value as people read it.
func plainValue(v assay.Value) string {
	switch v.Type() {
	case assay.DateType:
		return v.Date().Words()
	case assay.BoolType:
		return v.String()
	case assay.TextType:
		if strings.ContainsRune(v.Text(), ' ') { // a text that a person wrote, not a word of a list
			return v.Text()
		}
	}
	return strings.ReplaceAll(v.String(), "_", " ")
}

// markOf and classOf take a verdict, or a pointer to one.
func markOf(v any) string  { return mark(verdictIn(v)) }
func classOf(v any) string { return class(verdictIn(v)) }

func verdictIn(v any) assay.Verdict {
	switch v := v.(type) {
	case assay.Verdict:
		return v
	case *assay.Verdict:
		if v != nil {
			return *v
		}
	}
	return assay.Inconclusive
}

func validWords(v assay.Verdict) string {
	return map[assay.Verdict]string{assay.Pass: "valid", assay.Fail: "invalid, which fails the assessment"}[v] + map[assay.Verdict]string{assay.Inconclusive: "not whole yet"}[v]
}
