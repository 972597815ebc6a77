package passwords

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"path"
	"reflect"
	"strings"
	"sync"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/firmware"
	"github.com/assay-psti/assay/password"
)

//go:embed doc.go
var source string

// Check audits batches of default passwords.
var Check = &check.Check{
	Name: "passwords",
	Doc:  check.Doc(source),
	Observes: []assay.TermID{
		"password.used", "password.unique_per_product", "password.incremental_counter", "password.derived_from_public",
		"password.published_default", "password.derived_from_identifier", "password.derivation_good_practice", "password.guessable",
	},
	Needs: []evidence.Kind{evidence.Passwords},
	Uses:  []evidence.Kind{evidence.Firmware},

	Result: reflect.TypeFor[Reports](),
	Run:    run,
}

// Reports are the audits of a dossier's batches, by name of evidence.
type Reports map[string]*password.Report

// Options are what every audit knows: the published default passwords.
func Options() password.Options {
	list := published()
	return password.Options{Published: list.passwords, PublishedSource: list.source}
}

type publishedList struct {
	passwords []string
	source    string
}

var published = sync.OnceValue(func() publishedList {
	var l publishedList
	seen := map[string]bool{}
	last := ""
	for _, d := range password.Defaults() {
		if !seen[d.Password] && d.Password != "" {
			seen[d.Password] = true
			l.passwords = append(l.passwords, d.Password)
		}
		last = max(last, d.Date)
	}
	l.source = fmt.Sprintf("%d published default passwords, as of %s", len(l.passwords), last)
	return l
})

func run(ctx context.Context, pass *check.Pass) (any, error) {
	items := pass.Items(evidence.Passwords)
	mechanisms := map[string]evidence.Item{}
	var batches []evidence.Item
	for _, item := range items {
		switch name, ok := strings.CutSuffix(item.Base(), mechanismEnding); {
		case item.Folder:
			pass.Partial(item.Name + " is a folder, not a batch")
		case ok:
			mechanisms[name] = item
		default:
			batches = append(batches, item)
		}
	}
	constants, err := candidates(ctx, pass)
	if err != nil {
		return nil, err
	}
	reports := Reports{}
	for i, item := range batches {
		pass.Progress(int64(i), int64(len(batches)), item.Base())
		r, err := auditOne(ctx, pass, item, mechanisms, constants)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", item.Name, err)
		}
		reports[item.Name] = r
	}
	return reports, nil
}

// candidates are the salts and keys that the dossier's firmware could hold.
func candidates(ctx context.Context, pass *check.Pass) ([][]byte, error) {
	var all [][]byte
	for _, item := range pass.Items(evidence.Firmware) {
		image, closer, err := open(ctx, pass, item)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			pass.Remark(fmt.Sprintf("%s was not searched for salts and keys: %v", item.Name, err))
			continue
		}
		found, complete, err := image.Constants(ctx, password.MaxConstants-len(all))
		closer.Close()
		if err != nil {
			return nil, err
		}
		if !complete {
			pass.Remark(fmt.Sprintf("%s holds more constants than are tried: %d were", item.Name, len(found)))
		}
		all = append(all, found...)
	}
	return all, nil
}

func open(ctx context.Context, pass *check.Pass, item evidence.Item) (*firmware.Image, io.Closer, error) {
	if item.Folder {
		fsys, closer, err := pass.FS(item)
		if err != nil {
			return nil, nil, err
		}
		image, err := firmware.OpenFS(ctx, fsys, firmware.Limits{})
		if err != nil {
			return nil, nil, errors.Join(err, closer.Close())
		}
		return image, closer, nil
	}
	f, err := pass.Open(item)
	if err != nil {
		return nil, nil, err
	}
	image, err := firmware.Open(ctx, f, item.Size, firmware.Limits{})
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return image, f, nil
}

// partName is the password that a batch speaks of: its file's name without endings.
func partName(base string) string {
	for _, ending := range []string{".gz", ".zst", ".csv", ".jsonl", ".ndjson", ".json", ".txt"} {
		base = strings.TrimSuffix(base, ending)
	}
	return base
}

func auditOne(ctx context.Context, pass *check.Pass, item evidence.Item, mechanisms map[string]evidence.Item, constants [][]byte) (*password.Report, error) {
	name := partName(item.Base())
	part, err := assay.Part("password", name)
	if err != nil {
		return nil, fmt.Errorf("its name cannot name a password: %w; rename it to the id of the password in product.yaml", err)
	}
	o := Options()
	o.Constants = constants
	references := []assay.Reference{}
	if m, ok := mechanisms[name]; ok {
		if o.Declared, err = readMechanism(pass, m); err != nil {
			return nil, err
		}
		references = append(references, m.Reference(""))
	}
	batch, err := password.NewBatch(path.Base(item.Name), func() (io.ReadCloser, error) { return pass.Open(item) }, nil)
	if err != nil {
		return nil, err
	}
	o.Progress = func(what string, rows int64) { pass.Progress(rows, 0, item.Base()+" "+what) }
	r, err := password.Audit(ctx, batch, o)
	if err = errors.Join(err, batch.Close()); err != nil {
		return nil, err
	}
	return r, observe(pass, part, item, references, r)
}

// limbTerms says which term each limb of the audit decides, and whether the term
// states the good or the bad.
func observe(pass *check.Pass, part assay.Subject, item evidence.Item, more []assay.Reference, r *password.Report) error {
	say := func(subject assay.Subject, term assay.TermID, value bool, limb *password.Limb, note string) error {
		refs := append([]assay.Reference{item.Reference(rowsOf(limb, r.Rows))}, more...)
		return pass.Report(assay.Observation{Subject: subject, Term: term, Value: assay.Bool(value), Evidence: refs, Note: note})
	}
	l := &r.Limbs
	var errs []error
	add := func(err error) { errs = append(errs, err) }
	if r.Rows > 0 {
		add(say(assay.Product, "password.used", true, &l.Unique, fmt.Sprintf("a batch of %d default passwords is in the dossier", r.Rows)))
	}
	for _, t := range []struct {
		term assay.TermID
		limb *password.Limb
		good bool // what the term says when the limb passes
	}{
		{"password.unique_per_product", &l.Unique, true},
		{"password.incremental_counter", &l.Incremental, false},
		{"password.derived_from_public", &l.Public, false},
		{"password.published_default", &l.Public, false},
		{"password.guessable", &l.Guessable, false},
	} {
		switch {
		case t.limb.Verdict == password.Pass:
			add(say(part, t.term, t.good, t.limb, t.limb.Note))
		case t.limb.Verdict == password.Fail && t.term != "password.published_default":
			add(say(part, t.term, !t.good, t.limb, t.limb.Note))
		case t.limb.Verdict == password.Inconclusive:
			pass.Remark(fmt.Sprintf("%s: %s is not decided: %s", item.Name, t.term, t.limb.Note))
		}
	}
	relay := func(term assay.TermID, value bool, note string) error {
		refs := append([]assay.Reference{item.Reference(rowsOf(&l.Derived, r.Rows))}, more...)
		return pass.Relay(assay.Observation{Subject: part, Term: term, Value: assay.Bool(value), Evidence: refs, Note: note})
	}
	switch keyed := r.Declared != nil && r.Declared.Mechanism == password.MechanismKeyed; {
	case l.Derived.Verdict == password.Fail:
		add(say(part, "password.derived_from_identifier", true, &l.Derived, l.Derived.Note))
		add(say(part, "password.derivation_good_practice", false, &l.Derived, "the derivation was found without the secret of a keyed construction"))
	case l.Derived.Verdict == password.Pass && keyed: // on the manufacturer's word, which the tests do not contradict
		add(relay("password.derived_from_identifier", true, "as the declared mechanism says"))
		add(relay("password.derivation_good_practice", true, l.Derived.Note))
	case l.Derived.Verdict == password.Pass:
		add(relay("password.derived_from_identifier", false, l.Derived.Note))
	default:
		pass.Remark(fmt.Sprintf("%s: password.derived_from_identifier is not decided: %s", item.Name, l.Derived.Note))
	}
	return errors.Join(errs...)
}

// rowsOf points at the rows that show a finding, or at all that were compared.
func rowsOf(l *password.Limb, all int64) string {
	const most = 3
	var rows []string
	for _, e := range l.Examples {
		for _, n := range e.Rows {
			if len(rows) < most {
				rows = append(rows, fmt.Sprint(n))
			}
		}
	}
	if len(rows) > 0 {
		return "rows " + strings.Join(rows, ", ")
	}
	return fmt.Sprintf("rows 1-%d", all)
}
