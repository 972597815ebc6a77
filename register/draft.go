package register

import (
	"context"
	"fmt"
	"strings"

	"github.com/assay-psti/assay"
)

// SaveDraft keeps a draft, finished or not. Without a product it is one of a new
// entry; with one, its next version. Revision must be that of the draft that was
// read (0 for none): else somebody saved meanwhile, which is a conflict.
func (s *Service) SaveDraft(ctx context.Context, v Viewer, d Draft) (Draft, error) {
	scope, err := own(v, EditDrafts)
	if err != nil {
		return Draft{}, err
	}
	if err := d.bound(); err != nil {
		return Draft{}, err
	}
	fresh := d.Product == ""
	err = s.Store.Write(ctx, func(w Writer) error {
		e := Entry{}
		if fresh {
			e, err = s.newEntry(v.Org, d.Facts.Make, d.Facts.Name)
		} else {
			e, err = w.Entry(ctx, scope, d.Product)
		}
		if err != nil {
			return err
		}
		if e.Org != v.Org {
			return fmt.Errorf("product %s: %w: another organisation publishes it", d.Product, assay.ErrRefused)
		}
		d.Product, d.Org, d.Slug, d.Updated, d.By = e.ID, v.Org, e.Slug, s.now(), v.Account
		if err := w.SaveDraft(ctx, d); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, "draft.saved", string(e.ID), map[string]any{"revision": d.Revision + 1}))
	})
	if err != nil {
		return Draft{}, err
	}
	d.Revision++
	return d, nil
}

// bound refuses what no finished version could hold.
func (d *Draft) bound() error {
	f := &d.Facts
	long := len(f.Models) > MaxModels || len(f.GTINs) > MaxGTINs || len(f.Support) > MaxComponents || len(f.Labels) > MaxComponents ||
		len(d.Statement) > MaxStatementBytes || len(d.Note) > MaxText || len(f.Description) > MaxText
	lines := append([]string{f.Name, f.Make, f.Category}, f.Models...)
	for _, t := range lines {
		long = long || len(t) > MaxLine
	}
	if long {
		return fmt.Errorf("draft: %w: it holds more than a version can", assay.ErrInvalid)
	}
	for i, t := range append(lines, f.Description, d.Note) {
		if !plain(t) || i < len(lines) && strings.Contains(t, "\n") {
			return fmt.Errorf("draft: %w: it holds characters that cannot be shown", assay.ErrInvalid)
		}
	}
	return nil
}

// Draft is a draft of the viewer's organisation.
func (s *Service) Draft(ctx context.Context, v Viewer, id ProductID) (d Draft, err error) {
	scope, err := own(v, SeeDrafts)
	if err != nil {
		return Draft{}, err
	}
	err = s.Store.Read(ctx, func(r Reader) error {
		d, err = r.Draft(ctx, scope, id)
		return err
	})
	return d, err
}

// Drafts are the drafts of the viewer's organisation, by product after the given one.
func (s *Service) Drafts(ctx context.Context, v Viewer, after ProductID, n int) (drafts []Draft, err error) {
	scope, err := own(v, SeeDrafts)
	if err != nil {
		return nil, err
	}
	err = s.Store.Read(ctx, func(r Reader) error {
		drafts, err = r.Drafts(ctx, scope, after, min(max(n, 1), MaxPage))
		return err
	})
	return drafts, err
}

// DiscardDraft drops a draft, and the entry with it where nothing of it is public.
func (s *Service) DiscardDraft(ctx context.Context, v Viewer, id ProductID) error {
	scope, err := own(v, EditDrafts)
	if err != nil {
		return err
	}
	return s.Store.Write(ctx, func(w Writer) error {
		if _, err := w.Draft(ctx, scope, id); err != nil {
			return err
		}
		if err := w.DeleteDraft(ctx, id); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, "draft.discarded", string(id), nil))
	})
}

// Preview is a draft as its page will be, and all that stands in the way of
// publishing it.
func (s *Service) Preview(ctx context.Context, v Viewer, id ProductID) (Full, Faults, error) {
	scope, err := own(v, SeeDrafts)
	if err != nil {
		return Full{}, nil, err
	}
	var full Full
	var faults Faults
	err = s.Store.Read(ctx, func(r Reader) error {
		d, err := r.Draft(ctx, scope, id)
		if err != nil {
			return err
		}
		if full.Entry, err = r.Entry(ctx, scope, id); err != nil {
			return err
		}
		if full.Org, err = r.Org(ctx, d.Org); err != nil {
			return err
		}
		keys, err := r.Keys(ctx, d.Org)
		if err != nil {
			return err
		}
		var p prepared
		p, faults = prepare(d.bundle(), keys, s.today())
		promised, err := r.Promised(ctx, id)
		if err != nil {
			return err
		}
		if p.content != nil || len(p.facts.Support) > 0 {
			p.facts.neverShorter(promised, &faults)
		}
		full.Version = Version{Product: id, Number: full.Entry.Version + 1, Kind: KindPublished, Facts: p.facts, Digest: p.signed.digest, SignedBy: p.signed.signedBy, Content: p.content, Note: d.Note, Published: s.now(), Org: d.Org}
		if full.Entry.Version > 0 {
			full.Version.Kind = KindRevised
		}
		if p.content != nil {
			full.Version.Claims = claims(p.content)
		}
		e := &full.Entry
		e.Name, e.Make, e.Models, e.Category, e.SupportEnd = p.facts.Name, p.facts.Make, p.facts.Models, p.facts.Category, p.facts.Headline()
		return nil
	})
	return full, faults, err
}

func (d *Draft) bundle() *Bundle {
	return &Bundle{Format: BundleFormat, Product: d.Product, Facts: d.Facts, Statement: d.Statement, Note: d.Note}
}

// PublishDraft publishes a draft as it was saved last.
func (s *Service) PublishDraft(ctx context.Context, v Viewer, id ProductID) (Receipt, error) {
	if err := v.must(PublishEntry); err != nil {
		return Receipt{}, err
	}
	d, err := s.Draft(ctx, v, id)
	if err != nil {
		return Receipt{}, err
	}
	return s.Publish(ctx, v, d.bundle())
}

// AttachAssessment attaches a laboratory's signed assessment to a public entry.
func (s *Service) AttachAssessment(ctx context.Context, v Viewer, id ProductID, signed []byte) (Assessment, error) {
	if _, err := own(v, AttachVerdict); err != nil {
		return Assessment{}, err
	}
	keys, err := s.Keys(ctx, v.Org)
	if err != nil {
		return Assessment{}, err
	}
	a, faults := readAssessment(signed, keys, id)
	if err := faults.err(); err != nil {
		return Assessment{}, err
	}
	err = s.Store.Write(ctx, func(w Writer) error {
		e, err := w.Entry(ctx, Visible(Public), id)
		if err != nil {
			return err
		}
		if a.Says.Version < 1 || a.Says.Version > e.Version {
			return Faults{{Field: "version", What: fmt.Sprintf("%d is no public version of the entry", a.Says.Version), Do: "name the version that was tested"}}
		}
		org, err := w.Org(ctx, v.Org)
		if err != nil {
			return err
		}
		a.Org, a.OrgName, a.At = v.Org, org.Name, s.now()
		data, err := assessmentRecord(a)
		if err != nil {
			return err
		}
		leaf := Leaf{Format: 1, Kind: KindAssessed, Product: id, SHA256: hexOf(DigestOf(data)), At: a.At, Version: a.Says.Version, Org: v.Org, Statement: a.Digest}
		if a, err = w.AddAssessment(ctx, a, data, signed, leaf.Bytes()); err != nil {
			return err
		}
		return w.AddEvent(ctx, s.event(v, "entry.assessed", string(id), map[string]any{"digest": string(a.Digest)}))
	})
	if err != nil {
		return Assessment{}, err
	}
	s.rouse()
	return a, nil
}

// rouse has the log looked at without delay.
func (s *Service) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// readAssessment checks a signed assessment of a product.
func readAssessment(signed []byte, keys []Key, id ProductID) (Assessment, Faults) {
	var f Faults
	doc, ok := verify(signed, keys, AssessmentType, &f)
	if !ok {
		return Assessment{}, f
	}
	a := Assessment{Product: id, Digest: doc.digest, SignedBy: doc.signedBy}
	if err := decodeStrict(doc.payload.Predicate, &a.Says); err != nil {
		f.add("assessment", "cannot be read: "+err.Error(), "")
		return a, f
	}
	c := &a.Says
	if c.Product != string(id) {
		f.add("product", fmt.Sprintf("is signed for %.80q, not for this one", c.Product), "attach it to the entry that it is about")
	}
	if strings.TrimSpace(c.Laboratory) == "" || len(c.Laboratory) > MaxLine || !line(c.Laboratory) {
		f.add("laboratory", "is not there, or no plain line", "")
	}
	if c.AsAt.Zero() {
		f.add("as_at", "is not there", "give the day for which the verdicts are")
	}
	if len(c.Regimes) == 0 || len(c.Regimes) > MaxComponents {
		f.add("regimes", "are none, or too many", "give a verdict under each body of law that was looked at")
	}
	for i, r := range c.Regimes {
		if r.Regime == "" || len(r.Regime) > MaxLine || len(r.Version) > MaxLine || len(r.RestsOn) > MaxLine || !plain(string(r.Regime)+r.Version+r.RestsOn) {
			f.add(fmt.Sprintf("regimes[%d]", i), "names no body of law", "")
		}
	}
	if len(c.Note) > MaxText || len(c.Units) > MaxText || !plain(c.Note) || !plain(c.Units) {
		f.add("note", "is too long, or no plain text", "")
	}
	return a, f
}
