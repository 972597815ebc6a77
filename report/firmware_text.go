package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/component"
	"github.com/assay-psti/assay/rootfs"
)

// NoFinding is the verdict where nothing wrong was found: it is no pass.
const NoFinding = "NO FINDING"

// FirmwareOptions say how the report on an image for the terminal looks.
type FirmwareOptions struct {
	TextOptions
	All bool // every range, account and component
}

// Bounds of what is shown unless all is wanted.
const (
	shownRanges = 60
	shownItems  = 40
)

// FirmwareText writes what was found in an image for a terminal: the verdict
// first, then the map, the ways in, the secrets, the updates and the components.
func FirmwareText(out io.Writer, f *Firmware, opt FirmwareOptions) error {
	if opt.Width <= 0 {
		opt.Width = 100
	}
	t := &text{TextOptions: opt.TextOptions}
	w := firmwareText{text: t, f: f, all: opt.All}
	w.write()
	_, err := io.WriteString(out, t.b.String())
	return err
}

type firmwareText struct {
	*text
	f   *Firmware
	all bool
}

func (w *firmwareText) write() {
	f := w.f
	w.state(f.Verdict, f.Meaning)
	for _, b := range f.Because {
		w.line(6, "%s", b)
	}
	for _, u := range f.Unseen {
		w.line(6, "not looked at: %s", u)
	}
	w.ranges()
	section(w, "Not read", f.Unread, func(u Unread) { w.line(2, "%s: %s: %s", u.Where, u.Reason, u.Why) })
	section(w, "Accounts", f.Accounts, w.account)
	section(w, "Started at boot and lets somebody in", f.Services, w.service)
	section(w, "Credentials in settings and programs", f.Credentials, w.credential)
	section(w, "Settings that open the device", f.Settings, func(s Setting) { w.line(2, "%s: %s (%s)", s.Means, s.Text, s.Place) })
	section(w, "Secrets that every unit shares", f.Secrets, func(s Secret) {
		protected := ""
		if s.Encrypted {
			protected = ", protected by a pass phrase"
		}
		w.line(2, "%s%s (%s)", s.What, protected, s.Place)
	})
	section(w, "Certificates", f.Certificates, w.certificate)
	section(w, "Updates", f.Updates, w.update)
	section(w, "Components", f.Components, func(c component.Component) {
		end := ""
		if c.EndOfLife != nil {
			end = fmt.Sprintf("; end of maintenance %s (%s)", c.EndOfLife.Date.Format("2006-01-02"), c.EndOfLife.Source)
		}
		where := ""
		if len(c.Evidence) > 0 {
			where = fmt.Sprintf(" (%s at %#x: %q)", c.Evidence[0].File, c.Evidence[0].Offset, c.Evidence[0].Text)
		}
		w.line(2, "%s %s%s%s", c.Name, c.Version, end, where)
	})
	w.vulnerabilities()
	section(w, "Remarks", f.Remarks, func(r string) { w.line(2, "- %s", r) })
	w.b.WriteByte('\n')
	w.line(0, "%s", Disclaimer)
}

// state writes the verdict of an image, which is none of the law's.
func (w *firmwareText) state(verdict, meaning string) {
	switch verdict {
	case assay.Fail.String():
		w.judged(0, assay.Fail, "%s", meaning)
	case assay.Inconclusive.String():
		w.judged(0, assay.Inconclusive, "%s", meaning)
	default:
		w.line(0, "%s      %s", verdict, meaning)
	}
}

// section writes a list under its title, if there is anything in it.
func section[T any](w *firmwareText, title string, all []T, each func(T)) {
	if len(all) == 0 {
		return
	}
	w.b.WriteByte('\n')
	w.line(0, "%s", title)
	for i, x := range all {
		if i == shownItems && !w.all {
			w.line(2, "and %d more; --all shows them", len(all)-i)
			break
		}
		each(x)
	}
}

func (w *firmwareText) ranges() {
	f := w.f
	if len(f.Map) == 0 {
		return
	}
	w.b.WriteByte('\n')
	w.line(0, "Map of %s (%d bytes)", f.File, f.Bytes)
	space := 0
	for i, r := range f.Map {
		if i == shownRanges && !w.all {
			w.line(2, "and %d more ranges; --all shows them", len(f.Map)-i)
			break
		}
		if r.Space != space {
			space = r.Space
			w.line(2, "unpacked: %s (%d bytes)", f.Spaces[r.Space].Name, f.Spaces[r.Space].Size)
		}
		words := strings.TrimSpace(strings.Join([]string{r.Kind, r.Name, r.Detail}, " "))
		entropy := "    "
		if r.Leaf {
			entropy = fmt.Sprintf("%.2f", r.Entropy)
		}
		// The columns are ours; only the words behind them may be a stranger's.
		head := fmt.Sprintf("  %#010x %10d %s %s", r.Offset, r.Size, entropy, strings.Repeat("  ", min(r.Depth, 8)))
		w.b.WriteString(head)
		w.wrap(len(head), len(head)+2, words)
	}
}

func (w *firmwareText) account(a Account) { w.line(2, "%s: %s (%s)", a.User, accountWords(a), a.Place) }

// accountWords says what the password of an account is.
func accountWords(a Account) string {
	what := map[string]string{"empty": "no password is needed", "locked": "locked", "hash": "a fixed hash", "plain": "text that is no hash", "shadowed": "its line in shadow is missing"}[a.State]
	if what == "" {
		what = a.State
	}
	if a.Scheme != "" {
		what += " (" + a.Scheme + ")"
	}
	if !a.Live {
		what += ", in a sample or backup"
	}
	if a.Shell == string(rootfs.No) {
		what += ", its shell gives no session"
	}
	if a.Published != "" {
		what += ", of a published default password"
	}
	return what
}

func (w *firmwareText) service(s Service) {
	w.line(2, "%s: %s (%s%s)", s.Program, serviceWords(s), s.Place, chain(s.Chain))
}

// serviceWords says what a service is and when it starts.
func serviceWords(s Service) string {
	what := s.Kind
	if s.Port > 0 {
		what += fmt.Sprintf(" on port %d", s.Port)
	}
	switch {
	case s.InImage != string(rootfs.Yes):
		what += ", whose program is not in the image"
	case s.Conditional:
		what += ", under a condition: " + s.Condition
	default:
		what += ", unconditionally"
	}
	if s.NoPassword {
		what += ", without any password"
	}
	return what
}

func chain(places []string) string {
	if len(places) == 0 {
		return ""
	}
	return "; by " + join(places, " > ", 5)
}

func (w *firmwareText) credential(c Credential) {
	who := c.Key
	if c.User != "" {
		who = strings.TrimSpace(c.Key + " of " + c.User)
	}
	note := ""
	if c.Published != "" {
		note = "; a published default"
	}
	if c.Note != "" {
		note += "; " + c.Note
	}
	w.line(2, "%s: %s: %s%s (%s)", forWords(c.For), who, c.Shown, note, c.Place)
}

func (w *firmwareText) certificate(c Certificate) {
	words := []string{fmt.Sprintf("%s: %s %d, signed by %s, until %s", c.Subject, c.Algorithm, c.Bits, c.Signature, c.NotAfter)}
	if c.Expired {
		words = append(words, "has run out")
	}
	if c.Weak != "" {
		words = append(words, c.Weak)
	}
	if c.KeyAt != "" {
		words = append(words, "its private key is in the image: "+c.KeyAt)
	}
	w.line(2, "%s (%s)", strings.Join(words, "; "), c.Place)
}

func (w *firmwareText) update(u Update) {
	what := u.Client
	if u.Address != "" {
		what += " from " + u.Address
	}
	if u.Over != "" {
		what += " over " + u.Over
	}
	checked := signatureWords(u.Verified)
	if u.By != "" {
		checked += " (" + u.By + ")"
	}
	w.line(2, "%s: %s (%s)", what, checked, u.Place)
}

func (w *firmwareText) vulnerabilities() {
	f := w.f
	if !f.Matched {
		return
	}
	w.b.WriteByte('\n')
	w.line(0, "Vulnerabilities (%s, %d records)", matches(len(f.Vulnerabilities)), f.Records)
	for i, m := range f.Vulnerabilities {
		if i == shownItems && !w.all {
			w.line(2, "and %d more; --all shows them", len(f.Vulnerabilities)-i)
			break
		}
		status := "nobody has judged it"
		if m.Status != "" {
			status = strings.ReplaceAll(m.Status, "_", " ")
		}
		if m.Backport {
			status += "; the distribution may have mended it"
		}
		fixed := ""
		if m.Fixed != "" {
			fixed = ", fixed in " + m.Fixed
		}
		w.line(2, "%s: %s %s%s: %s (%s)", m.ID, m.Component, m.Version, fixed, m.Reason, status)
	}
}

func matches(n int) string {
	if n == 1 {
		return "1 match"
	}
	return fmt.Sprintf("%d matches", n)
}

// forWords says what a credential is for.
func forWords(kind string) string {
	return map[string]string{"login": "log-in", "wi-fi": "access point", "elsewhere": "for something else", "unclear": "to be looked at"}[kind]
}

// signatureWords says whether something checks the signature of an update.
func signatureWords(verified string) string {
	switch verified {
	case string(rootfs.Yes):
		return "a signature is checked"
	case string(rootfs.No):
		return "nothing beside it checks a signature"
	}
	return "whether a signature is checked is not known"
}
