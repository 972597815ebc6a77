package statement

import (
	_ "embed"
	"html/template"
	"io"

	"github.com/assay-psti/assay"
)

//go:embed statement.html
var pageSource string

//go:embed statement.css
var styleSource string

// HTML writes the statement as one page that needs nothing else. It names the key
// that signs and the file that holds the signature.
func HTML(out io.Writer, c *Content, key assay.Digest, envelope string) error {
	page, err := template.New("statement").Funcs(template.FuncMap{"basis": basisWords}).Parse(pageSource)
	if err != nil {
		return err
	}
	return page.Execute(out, pageView{c, template.CSS(styleSource), key, envelope})
}

// pageView is what the page is made from.
type pageView struct {
	*Content
	Style    template.CSS // our own style sheet
	Key      assay.Digest
	Envelope string
}

// ByManufacturer says that nobody prepared it on the manufacturer's behalf.
func (v pageView) ByManufacturer() bool { return v.PreparedBy == byManufacturer }

// Complied is with what, in the words of SI 2023/1007 Sch.4 para 1(1)(d).
func (v pageView) Complied() string {
	const schedule1 = "the applicable security requirements in Schedule 1 to the Regulations"
	const schedule2 = "the conditions for deemed compliance with the applicable security requirements in Schedule 2 to the Regulations"
	direct, deemed := false, false
	for _, o := range v.Opinion {
		direct = direct || o.Basis == Schedule1
		deemed = deemed || o.Basis == ByStandard || o.Basis == ByLabel
	}
	switch {
	case direct && deemed:
		return schedule1 + " or, where named here, " + schedule2
	case deemed:
		return schedule2
	}
	return schedule1
}

func basisWords(c Compliance) string {
	switch c.Basis {
	case Schedule1:
		return "Schedule 1: " + string(c.Cite)
	case ByStandard:
		s, _ := standardOf(c.Route)
		return "Schedule 2, by a standard: " + s.Number + ", " + s.Version + " (" + string(c.Cite) + ")"
	case ByLabel:
		return "Schedule 2, by a label: " + c.RouteTitle + " (" + string(c.Cite) + ")"
	case NotApplicable:
		return "Does not apply to this product (" + string(c.Cite) + ")"
	}
	return ""
}
