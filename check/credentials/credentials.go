package credentials

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/image"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/password"
	"github.com/assay-psti/assay/rootfs"
)

//go:embed doc.go
var source string

// Check reads the passwords that settings files and programs give.
var Check = &check.Check{
	Name: "credentials",
	Doc:  check.Doc(source),
	Observes: []assay.TermID{
		"password.used", "password.component_category", "password.excluded_kind", "password.usable_outside_factory_default",
		"password.set_by_user", "password.unique_per_product", "password.blank_accepted", "password.published_default", "password.guessable",
	},
	Needs:    []evidence.Kind{evidence.Firmware},
	Requires: []*check.Check{image.Check},
	Run:      run,
}

// maxLeads bounds how many leads are told of one item.
const maxLeads = 20

func run(ctx context.Context, pass *check.Pass) (any, error) {
	scan := check.ResultOf[*image.Scan](pass, image.Check)
	scan.Unread(pass)
	r := reporter{pass: pass, names: map[string]int{}}
	for _, item := range scan.Items {
		r.item, r.leads = item, 0
		for _, t := range item.Trees {
			for i := range t.Contents.Credentials {
				if err := r.ofTree(ctx, t, &t.Contents.Credentials[i]); err != nil {
					return nil, err
				}
			}
		}
		for _, p := range item.Programs {
			for i := range p.Credentials {
				r.ofProgram(p, &p.Credentials[i])
			}
			for _, a := range p.Asks {
				r.lead(p.Place(a.Offset), &rootfs.Credential{Key: a.Name}, Unset)
			}
		}
		if r.leads > maxLeads {
			pass.Remark(fmt.Sprintf("%s: %d more values that may be credentials", item.Evidence.Name, r.leads-maxLeads))
		}
	}
	return nil, r.err
}

// reporter states what was found and keeps the first error.
type reporter struct {
	pass  *check.Pass
	item  *image.Item
	names map[string]int // of parts, each given once
	leads int
	spent time.Duration
	err   error
}

// maxSpent bounds the trying of published defaults against stored hashes, in
// nominal processor time so that the outcome is the same on every machine.
const (
	maxSpent = 20 * time.Second
	oneSpent = 5 * time.Second
)

// ofTree states what follows from one credential in a file.
func (r *reporter) ofTree(ctx context.Context, t *image.Tree, c *rootfs.Credential) error {
	kind, why := Classify(c)
	at := t.Place(c.Place)
	switch kind {
	case Example:
		return nil
	case Elsewhere, Unclear:
		r.lead(at, c, why)
		return nil
	}
	f := finding{name: subjectName(c), what: words(c, kind), at: at, credential: c}
	if c.State == rootfs.Hashed {
		if err := r.tryHash(ctx, c, &f); err != nil {
			return err
		}
	} else if c.State != rootfs.Empty {
		f.published = publishedIn(c.User, c.Secret)
		if f.published == "" && trivial(c.Secret) {
			f.published = "the value is one character repeated or a row of digits, which is guessed at once"
			f.row = true
		}
	}
	switch w, wrote := writer(t, c); {
	case !t.Complete || !t.Replacement.Whole:
		f.unsaid = "the tree was not read whole, so something else may take the place of the value"
	case wrote:
		f.unsaid = "a script writes the file, so another value may take its place: " + check.Printable(w.String())
	case t.Replacement.Forces != nil:
		f.unsaid = "a text in the image speaks of making somebody choose a password: " + check.Printable(t.Replacement.Forces.String())
	case c.State != rootfs.Empty && f.published == "" && len(t.Roots) == 0 && !image.ReadOnly(t.Kind):
		f.unsaid = "it lies in a partition of settings without programs, which may hold what was written into one unit only, and the value is in no published list"
	case c.State == rootfs.Empty:
		if d, ok := password.IsDefault(c.User, ""); ok {
			f.published = "published in " + d.Source
		} else {
			f.unsaid = "an empty field may stand for an account that is not in use, and the pair is in no published list"
		}
	}
	f.kept = "no script in the image writes this file, and no text in it speaks of making somebody choose a password"
	r.state(&f)
	return nil
}

// ofProgram states what follows from one credential in a program without files.
func (r *reporter) ofProgram(p *image.Program, c *rootfs.Credential) {
	at := p.Place(c.Place.Offset)
	if c.Placeholder {
		return
	}
	why, ok := AccessPoint(c)
	if !ok {
		r.lead(at, c, why)
		return
	}
	f := finding{name: subjectName(c), what: "the pass phrase of the access point " + check.Printable(c.Key), at: at, credential: c, kept: why, published: publishedIn("", c.Secret)}
	switch {
	case !p.Item.Whole():
		f.unsaid = "the image was not read whole, so something else may take the place of the value"
	case p.Forces != nil:
		f.unsaid = "a text in the program speaks of making somebody choose a password: " + p.Place(p.Forces.Offset).Place
	}
	r.state(&f)
}

// Unset is what is said of a setting for a password that a program names.
const Unset = "a setting for a password, whose first value the program does not show: access may be open until somebody sets one"

// lead remarks a value of which no more can be said.
func (r *reporter) lead(at assay.Reference, c *rootfs.Credential, why string) {
	if r.leads++; r.leads > maxLeads {
		return
	}
	r.pass.Remark(fmt.Sprintf("%s: %s: %s: %s", r.item.Evidence.Name, at.Place, keyWords(c), why))
}

// finding is a password of the product in the image.
type finding struct {
	name       string
	what       string
	at         assay.Reference
	credential *rootfs.Credential
	published  string // where, when it is; or why it is guessed at once
	row        bool   // it is in no list, and guessed at once
	kept       string // why the value is taken to stay
	unsaid     string // why it is not said to be fixed
}

func (r *reporter) state(f *finding) {
	r.names[f.name]++
	name := f.name
	if n := r.names[f.name]; n > 1 {
		name += fmt.Sprintf("-%d", n)
	}
	subject, err := assay.Part("password", name)
	if err != nil {
		r.err = cmp.Or(r.err, err)
		return
	}
	say := func(s assay.Subject, term assay.TermID, v assay.Value, notes ...string) {
		notes = slices.DeleteFunc(notes, func(n string) bool { return n == "" })
		err := r.pass.Report(assay.Observation{Subject: s, Term: term, Value: v, Evidence: []assay.Reference{f.at}, Note: check.Printable(strings.Join(notes, "; "))})
		r.err = cmp.Or(r.err, err)
	}
	say(subject, "password.component_category", assay.Text("preinstalled"), f.what+" is in the firmware")
	say(subject, "password.excluded_kind", assay.Text("none"), "people type it")
	empty := f.credential.State == rootfs.Empty
	if f.published != "" && !empty {
		if !f.row {
			say(subject, "password.published_default", assay.Bool(true), f.published)
		}
		say(subject, "password.guessable", assay.Bool(true), f.published)
	}
	if f.unsaid != "" {
		r.pass.Remark(fmt.Sprintf("%s: %s is in the image (%s) and is not said to be fixed: %s", r.item.Evidence.Name, f.what, f.at.Place, f.unsaid))
		return
	}
	same := "the value of " + f.what + " is in the image, which every unit of this version runs"
	if empty {
		same = f.what + " is left empty in the image, which every unit of this version runs"
	}
	say(assay.Product, "password.used", assay.Bool(true), f.what+" is in the firmware")
	say(subject, "password.usable_outside_factory_default", assay.Bool(true), same, f.kept)
	say(subject, "password.unique_per_product", assay.Bool(false), same, f.published, f.kept)
	say(subject, "password.set_by_user", assay.Bool(false), same, f.kept)
	if empty {
		say(subject, "password.blank_accepted", assay.Bool(true), same, f.published, f.kept)
	}
}

// writer is a script line that writes the file that gives a credential.
func writer(t *image.Tree, c *rootfs.Credential) (rootfs.Place, bool) {
	w, ok := t.Replacement.Writes[path.Base(c.Place.File)]
	return w, ok
}

// trivial reports whether a value is one character repeated, or digits that count
// up or down.
func trivial(s string) bool {
	if len(s) < 2 {
		return len(s) == 1
	}
	step := int(s[1]) - int(s[0])
	digits := true
	for i := range len(s) {
		digits = digits && s[i] >= '0' && s[i] <= '9'
		if i > 0 && (int(s[i])-int(s[i-1])-step)%10 != 0 {
			return false
		}
	}
	return step == 0 || digits && (step == 1 || step == -1)
}

// publishedIn says where a pair, or the password alone, is published; empty where
// it is not.
func publishedIn(user, secret string) string {
	d, ok := password.IsDefault(user, secret)
	if !ok {
		d, ok = password.IsDefaultPassword(secret)
	}
	if !ok || secret == "" {
		return ""
	}
	return "the value is a default password that is published in " + d.Source
}

// tryHash tries published defaults against a stored hash.
func (r *reporter) tryHash(ctx context.Context, c *rootfs.Credential, f *finding) error {
	hash := password.ParseHash(c.Secret)
	if !hash.Computable() || r.spent >= maxSpent {
		return nil
	}
	trial, err := password.TryDefaults(ctx, hash, c.User, password.Defaults(), password.Budget{Cost: min(oneSpent, maxSpent-r.spent)})
	if err != nil {
		return fmt.Errorf("try published defaults: %w", err)
	}
	r.spent += time.Duration(trial.Tried) * hash.Cost()
	if trial.Found {
		f.published = "the hash is of a default password that is published in " + trial.Match.Source
	}
	return nil
}
