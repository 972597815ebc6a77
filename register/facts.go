package register

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/assay-psti/assay"
)

// check holds the facts against what can be meant, and puts them in their one form.
func (f *Facts) check(faults *Faults) {
	tidy := func(field string, s *string, max int, want bool) {
		*s = strings.TrimSpace(*s)
		switch {
		case *s == "" && want:
			faults.add(field, "is not there", "")
		case len(*s) > max:
			faults.add(field, fmt.Sprintf("is longer than %d bytes", max), "make it shorter")
		case !plain(*s), max == MaxLine && !line(*s):
			faults.add(field, "holds characters that cannot be shown", "write plain text")
		}
	}
	tidy("facts.name", &f.Name, MaxLine, true)
	tidy("facts.make", &f.Make, MaxLine, true)
	tidy("facts.category", &f.Category, MaxLine, true)
	tidy("facts.description", &f.Description, MaxText, false)
	f.Category = Fold(f.Category)
	if len(f.Models) > MaxModels {
		faults.add("facts.models", fmt.Sprintf("are more than %d", MaxModels), "publish several entries")
		f.Models = f.Models[:MaxModels]
	}
	for i := range f.Models {
		tidy(fmt.Sprintf("facts.models[%d]", i), &f.Models[i], MaxLine, true)
	}
	f.checkNumbers(faults)
	f.checkSupport(faults, tidy)
	tidy("facts.contact.phone", &f.Contact.Phone, MaxLine, false)
	tidy("facts.contact.ack", &f.Contact.Ack, MaxLine, false)
	tidy("facts.contact.updates", &f.Contact.Updates, MaxLine, false)
	tidy("facts.contact.languages", &f.Contact.Languages, MaxLine, false)
	tidy("facts.contact.email", &f.Contact.Email, MaxLine, false)
	tidy("facts.passwords.note", &f.Passwords.Note, MaxText, false)
	if f.Contact.URL == "" && f.Contact.Email == "" {
		faults.refuse("facts.contact", "there is neither a page nor an address to report a security issue to", "give url or email", "SI 2023/1007 Sch.1 para 2(2)")
	}
	if f.Contact.Email != "" && !Email(f.Contact.Email) {
		faults.add("facts.contact.email", "is not an address to write to", "write it as name@example.org")
	}
	for _, page := range []struct {
		field string
		url   *string
	}{
		{"facts.contact.url", &f.Contact.URL}, {"facts.contact.policy", &f.Contact.Policy},
		{"facts.pages.product", &f.Pages.Product}, {"facts.pages.security", &f.Pages.Security},
		{"facts.pages.support", &f.Pages.Support}, {"facts.pages.statement", &f.Pages.Statement},
	} {
		*page.url = strings.TrimSpace(*page.url)
		if *page.url != "" && !WebAddress(*page.url) {
			faults.add(page.field, "is not the address of a page", "write it whole, beginning with https://")
		}
	}
	if f.Passwords.Kind == "" {
		f.Passwords.Kind = PasswordUndeclared
	}
	if !slices.Contains([]PasswordKind{PasswordUnique, PasswordByUser, PasswordBoth, PasswordNone, PasswordByLabel, PasswordUndeclared}, f.Passwords.Kind) {
		faults.add("facts.passwords.kind", fmt.Sprintf("%.40q is not known", f.Passwords.Kind), "write unique, user_set, both, none, label or undeclared")
	}
	if len(f.Labels) > MaxComponents {
		faults.add("facts.labels", fmt.Sprintf("are more than %d", MaxComponents), "leave out those that have lapsed")
		f.Labels = f.Labels[:MaxComponents]
	}
	for i := range f.Labels {
		at := fmt.Sprintf("facts.labels[%d].", i)
		tidy(at+"scheme", &f.Labels[i].Scheme, MaxLine, true)
		tidy(at+"level", &f.Labels[i].Level, MaxLine, false)
		tidy(at+"number", &f.Labels[i].Number, MaxLine, false)
	}
}

func (f *Facts) checkNumbers(faults *Faults) {
	if len(f.GTINs) > MaxGTINs {
		faults.add("facts.gtins", fmt.Sprintf("are more than %d", MaxGTINs), "publish several entries")
		f.GTINs = f.GTINs[:MaxGTINs]
	}
	numbers := make([]GTIN, 0, len(f.GTINs))
	for i, g := range f.GTINs {
		n, err := ParseGTIN(string(g))
		if err != nil {
			faults.add(fmt.Sprintf("facts.gtins[%d]", i), err.Error(), "")
			continue
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	f.GTINs = slices.Compact(numbers)
}

func (f *Facts) checkSupport(faults *Faults, tidy func(string, *string, int, bool)) {
	if len(f.Support) > MaxComponents {
		faults.add("facts.support", fmt.Sprintf("names more than %d parts", MaxComponents), "put parts together that end on the same day")
		f.Support = f.Support[:MaxComponents]
	}
	seen := map[string]bool{}
	for i := range f.Support {
		p, at := &f.Support[i], fmt.Sprintf("facts.support[%d].", i)
		tidy(at+"component", &p.Component, MaxLine, true)
		tidy(at+"title", &p.Title, MaxLine, false)
		if _, err := assay.Part("component", p.Component); err != nil && p.Component != "" {
			faults.add(at+"component", "does not fit", "use letters, digits and . _ : @ + - only, beginning with a letter or digit")
		}
		if seen[p.Component] {
			faults.add(at+"component", fmt.Sprintf("%q stands there twice", p.Component), "give each part once")
		}
		seen[p.Component] = true
		if !p.From.Zero() && !p.End.Zero() && p.End.Before(p.From) {
			faults.add(at+"end", "is before the period begins", "correct one of the dates")
		}
	}
}

// plain reports text that can be shown: valid, without control characters but line
// ends, and without marks that turn the direction of writing around.
func plain(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		switch {
		case r == '\n':
		case unicode.IsControl(r), r == unicode.ReplacementChar, unicode.Is(unicode.Bidi_Control, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			return false
		}
	}
	return true
}

// Email reports an address that mail can go to: one address, no name, no comment.
func Email(s string) bool {
	if len(s) > 254 || strings.ContainsAny(s, "\r\n<>\"() ,;:") {
		return false
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && a.Name == ""
}

// WebAddress reports the whole address of a page, http or https, that names a host
// and no user.
func WebAddress(s string) bool {
	if len(s) > MaxURL || !plain(s) || strings.ContainsAny(s, "\n \"<>\\") {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && u.Hostname() != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http")
}

// period is the support period of a component; false where there is none.
func (f *Facts) period(component string) (SupportPeriod, bool) {
	for _, p := range f.Support {
		if p.Component == component {
			return p, true
		}
	}
	return SupportPeriod{}, false
}

// neverShorter holds the periods against all that was ever published: an end is
// never moved forward, and a part once promised is never left out.
func (f *Facts) neverShorter(promised map[string]assay.Date, faults *Faults) {
	const cite assay.Cite = "SI 2023/1007 Sch.1 para 3(6)"
	components := make([]string, 0, len(promised))
	for c := range promised {
		if c != StatementPeriod {
			components = append(components, c)
		}
	}
	slices.Sort(components)
	for _, c := range components {
		before := promised[c]
		now, there := f.period(c)
		switch {
		case !there:
			faults.refuse("facts.support", fmt.Sprintf("leaves out %s, of which support until %s was published", c, before.Words()), "name it with that day or a later one", cite)
		case now.End.Zero() && !before.Zero():
			faults.refuse("facts.support", fmt.Sprintf("gives no end for %s, of which support until %s was published", c, before.Words()), "name that day or a later one", cite)
		case now.End.Before(before):
			faults.refuse("facts.support", fmt.Sprintf("ends the support of %s on %s; support until %s was published, and a published period is never shortened", c, now.End.Words(), before.Words()), "name that day or a later one", cite)
		}
	}
}
