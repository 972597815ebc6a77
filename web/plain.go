package web

import (
	"fmt"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/statement"
)

// productText is the short version of a product's page as plain text.
func productText(v *productView) string {
	var b strings.Builder
	e := &v.Entry
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s %s", e.Make, e.Name)
	if len(e.Models) > 0 {
		line("Model: %s", few(12, e.Models))
	}
	line("Manufacturer: %s\n", e.OrgName)
	if v.Withdrawal != nil {
		line("WITHDRAWN on %s: %s\n", assay.DateOf(v.Withdrawal.At).Words(), oneLine(v.Withdrawal.Reason))
	}
	line("UNTIL WHEN IS IT SUPPORTED?")
	if e.SupportEnd.Zero() {
		line("%s.", v.Support.Words)
	} else {
		line("Security updates until %s. %s.", e.SupportEnd.Words(), v.Support.Words)
	}
	for _, p := range v.Parts {
		line("- %s: %s (%s)", oneLine(p.Title), p.Support.End.Words(), p.Support.Words)
	}
	line("\nHOW DO I REPORT A SECURITY PROBLEM?")
	for _, c := range []struct{ what, value string }{{"Page", v.Contact.URL}, {"E-mail", v.Contact.Email}, {"Telephone", v.Contact.Phone}, {"Answer", v.Contact.Ack}, {"Progress", v.Contact.Updates}} {
		if c.value != "" {
			line("%s: %s", c.what, oneLine(c.value))
		}
	}
	line("\nWHO SAYS THAT IT COMPLIES?")
	for _, s := range v.Signers {
		line("%s, on %s, with the %s:", oneLine(s.By), s.On.Words(), s.Law)
		for _, c := range s.Claims {
			line("- %s (%s)%s", oneLine(c.Title), c.Cite, applies(c))
		}
		for _, o := range s.Open {
			line("Evidence left open, and somebody took responsibility for: %s", oneLine(o))
		}
	}
	if len(v.Signers) == 0 {
		line("Nobody says so here.")
	}
	if v.Own {
		line("This is the manufacturer's own word. No laboratory has attached an assessment.")
	}
	for _, a := range v.Assessed {
		if a.Fault != "" {
			line("%s, a laboratory: the signature of its assessment does not hold. %s", oneLine(a.OrgName), a.Fault)
			continue
		}
		for _, r := range a.Says.Regimes {
			line("%s, a laboratory, as at %s: %s, %s", oneLine(a.OrgName), a.Says.AsAt.Words(), oneLine(lawTitle(r.Regime)), r.Verdict)
		}
	}
	line("\nWHAT ABOUT ITS PASSWORDS?\n%s As the manufacturer declares.", v.Passwords)
	if len(v.Seen) > 0 {
		line("\nTHEIR OWN PAGES, AS THIS REGISTER SAW THEM")
		for _, p := range v.Seen {
			line("%s, %s, %s.", p.Title, p.URL, oneLine(p.Words))
		}
	}
	line("\n%s", v.Address)
	return b.String()
}

func applies(c register.Claim) string {
	if c.Verdict == assay.NotApplicable {
		return ": does not apply to this product"
	}
	return ""
}

// statementText is a statement of compliance as plain text.
func statementText(v *register.Version) string {
	var b strings.Builder
	c := v.Content
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	persons := func(title string, list []statement.Person) {
		line("\n%s", title)
		for _, p := range list {
			line("%s\n%s", oneLine(p.Name), strings.TrimSpace(p.Address))
		}
		if len(list) == 0 {
			line("None.")
		}
	}
	line("STATEMENT OF COMPLIANCE\n\nFor the Product Security and Telecommunications Infrastructure Act 2022, section 9, and SI 2023/1007, Schedule 4.\n")
	line("PRODUCT\nProduct: %s", strings.TrimSpace(c.Product.Make+" "+oneLine(c.Product.Name)))
	line("Type: %s\nBatch: %s", oneLine(strings.Join(c.Product.Types, ", ")), oneLine(c.Product.Batch))
	persons("MANUFACTURER", c.Manufacturers)
	persons("AUTHORISED REPRESENTATIVE", c.Representatives)
	line("\nDECLARATION\nPrepared by: %s", oneLine(c.PreparedBy))
	line("In the opinion of the manufacturer it has complied with:")
	for _, o := range c.Opinion {
		line("- %s: %s", oneLine(o.Title), basisWords(o))
	}
	line("\nSTANDARDS RELIED ON")
	for _, s := range c.Standards {
		line("%s, %s, %s", oneLine(s.Number), oneLine(s.Version), oneLine(s.Issued))
	}
	if len(c.Standards) == 0 {
		line("None.")
	}
	line("\nDEFINED SUPPORT PERIOD")
	switch {
	case c.Support.End.Zero():
		line("No end date is stated.")
	case c.Support.From.Zero():
		line("Security updates are provided until %s.", c.Support.End.Words())
	default:
		line("Security updates are provided from %s until %s.", c.Support.From.Words(), c.Support.End.Words())
	}
	if len(c.Responsibility) > 0 {
		line("\nPOINTS TAKEN ON RESPONSIBILITY")
		for _, r := range c.Responsibility {
			line("- %s (%s): %s; responsible: %s", oneLine(r.Title), r.Limb, oneLine(r.Reason), oneLine(r.By))
		}
	}
	line("\nSIGNATURE\n%s, %s\n%s, %s", oneLine(c.Signatory.Name), oneLine(c.Signatory.Function), oneLine(c.Place), c.Issued.Words())
	line("Signed electronically with the key %s; the signature is in the file statement.json.", v.SignedBy)
	line("\nThis is the manufacturer's own statement. No authority has issued, checked or approved it.")
	return b.String()
}

// basisWords is on what an opinion rests, in words.
func basisWords(o statement.Compliance) string {
	switch o.Basis {
	case statement.Schedule1:
		return "the requirement itself, " + string(o.Cite)
	case statement.ByStandard:
		return "a standard in its place, " + oneLine(o.RouteTitle) + ", " + string(o.Cite)
	case statement.ByLabel:
		return "a conformance label in its place, " + oneLine(o.RouteTitle) + ", " + string(o.Cite)
	case statement.NotApplicable:
		return "does not apply to this product, " + string(o.Cite)
	}
	return string(o.Cite)
}

// oneLine keeps what others wrote from looking like lines of ours.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
