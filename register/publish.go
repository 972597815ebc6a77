package register

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/statement"
)

// record is what is kept of a version for good, in the bytes that the log names.
type record struct {
	Format    int                `json:"assay_record"` // 1
	Product   ProductID          `json:"product"`
	Slug      string             `json:"slug"`
	Number    int                `json:"version"`
	Kind      Kind               `json:"kind"`
	Published time.Time          `json:"published"`
	Org       recordOrg          `json:"organisation"`
	Facts     Facts              `json:"facts"`
	Statement assay.Digest       `json:"statement"`
	SignedBy  assay.Digest       `json:"signed_by"`
	Content   *statement.Content `json:"content"`
	Changes   []FieldChange      `json:"changes,omitempty"`
	Note      string             `json:"note,omitempty"`
	Before    assay.Digest       `json:"before,omitempty"` // the record of the version before
}

type recordOrg struct {
	ID   OrgID   `json:"id"`
	Slug string  `json:"slug"`
	Name string  `json:"name"`
	Kind OrgKind `json:"kind"`
}

// ParseRecord reads a version's record. Leaf and By are not in it.
func ParseRecord(data []byte) (Version, error) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return Version{}, fmt.Errorf("record: %w: %w", assay.ErrInvalid, err)
	}
	if r.Format != 1 {
		return Version{}, fmt.Errorf("record of format %d: %w", r.Format, assay.ErrUnsupported)
	}
	v := Version{
		Product: r.Product, Number: r.Number, Kind: r.Kind, Facts: r.Facts, Digest: r.Statement, SignedBy: r.SignedBy, Content: r.Content,
		Changes: r.Changes, Note: r.Note, Published: r.Published, Org: r.Org.ID, Record: DigestOf(data),
	}
	if v.Content != nil {
		v.Claims = claims(v.Content)
	}
	return v, nil
}

// prepared is a bundle that was checked as far as it can be without its history.
type prepared struct {
	product   ProductID
	facts     Facts
	statement []byte
	signed    verified
	content   *statement.Content
	note      string
}

// prepare checks a bundle against the keys of its organisation.
func prepare(b *Bundle, keys []Key, today assay.Date) (prepared, Faults) {
	var f Faults
	p := prepared{product: b.Product, facts: b.Facts, statement: b.Statement, note: strings.TrimSpace(b.Note)}
	p.facts.Models, p.facts.Support = slices.Clone(b.Facts.Models), slices.Clone(b.Facts.Support)
	p.facts.Labels = slices.Clone(b.Facts.Labels)
	p.facts.check(&f)
	if len(p.note) > MaxText || !plain(p.note) {
		f.add("note", fmt.Sprintf("is longer than %d bytes, or no plain text", MaxText), "make it shorter")
	}
	var ok bool
	if p.signed, p.content, ok = readStatement(b.Statement, keys, &p.facts, today, &f); ok {
		settleSupport(&p.facts, p.content, &f)
	}
	return p, f
}

// Publish publishes a version of an entry from a bundle, or says all that stands in
// the way (Faults). What is published already, word by word, is not published
// twice: the receipt is then the one that it has.
func (s *Service) Publish(ctx context.Context, v Viewer, b *Bundle) (Receipt, error) {
	scope, err := own(v, PublishEntry)
	if err != nil {
		return Receipt{}, err
	}
	keys, err := s.Keys(ctx, v.Org)
	if err != nil {
		return Receipt{}, err
	}
	p, faults := prepare(b, keys, s.today())
	if err := faults.err(); err != nil {
		return Receipt{}, err
	}
	var receipt Receipt
	err = s.Store.Write(ctx, func(w Writer) error {
		receipt, err = s.publish(ctx, w, v, scope, p)
		return err
	})
	if err != nil {
		return Receipt{}, err
	}
	return s.await(ctx, receipt, scope)
}

// Keys are the public keys of an organisation, revoked ones included: whoever checks a
// signature wants them, and may have them.
func (s *Service) Keys(ctx context.Context, org OrgID) (keys []Key, err error) {
	err = s.Store.Look(ctx, func(r Reader) error {
		keys, err = r.Keys(ctx, org)
		return err
	})
	return keys, err
}

// publish writes a checked bundle within a transaction.
func (s *Service) publish(ctx context.Context, w Writer, v Viewer, scope Scope, p prepared) (Receipt, error) {
	out, err := s.outgoing(ctx, w, v)
	if err != nil {
		return Receipt{}, err
	}
	if err := out.mayStill(p); err != nil {
		return Receipt{}, err
	}
	var before Standing
	if before.Entry, err = s.entryFor(ctx, w, scope, p); err != nil {
		return Receipt{}, err
	}
	if before.Latest, err = w.Latest(ctx, before.Entry.ID); err != nil {
		return Receipt{}, err
	}
	if before.Promised, err = w.Promised(ctx, before.Entry.ID); err != nil {
		return Receipt{}, err
	}
	if err := out.readBarcodes(ctx, w, scope, p.facts.GTINs); err != nil {
		return Receipt{}, err
	}
	receipt, err := out.publish(before, p)
	if err != nil {
		return Receipt{}, err
	}
	return receipt, out.write(ctx, w)
}

// outgoing is versions on their way into one transaction, with the organisation whose
// they are, and its keys.
type outgoing struct {
	s        *Service
	v        Viewer
	org      Organisation
	keys     []Key
	versions []NewVersion
	events   []Event
	// What was promised for the barcodes of the versions, by those among them as well.
	barcodes map[GTIN][]BarcodePromise
}

func (s *Service) outgoing(ctx context.Context, w Writer, v Viewer) (*outgoing, error) {
	o := &outgoing{s: s, v: v, barcodes: map[GTIN][]BarcodePromise{}}
	var err error
	if o.keys, err = w.Keys(ctx, v.Org); err != nil {
		return nil, err
	}
	o.org, err = w.Org(ctx, v.Org)
	return o, err
}

// write writes what was added.
func (o *outgoing) write(ctx context.Context, w Writer) error {
	if len(o.versions) == 0 {
		return nil
	}
	if err := w.AddVersions(ctx, o.versions); err != nil {
		return err
	}
	err := w.AddEvents(ctx, o.events)
	o.versions, o.events = nil, nil
	return err
}

// mayStill reports a bundle whose key was revoked since it was checked.
func (o *outgoing) mayStill(p prepared) error {
	if !slices.ContainsFunc(o.keys, func(k Key) bool { return k.ID == p.signed.signedBy && k.Revoked.IsZero() }) {
		return Faults{{"statement", "is signed with a key that was revoked meanwhile", "sign it with another", "", assay.ErrRefused}}
	}
	return nil
}

// publish adds the version of a checked bundle, or says why not.
func (o *outgoing) publish(before Standing, p prepared) (Receipt, error) {
	entry, latest, promised := before.Entry, before.Latest, before.Promised
	if latest.Number > 0 && latest.Kind != KindWithdrawn && latest.Digest == p.signed.digest && sameFacts(latest.Facts, p.facts) {
		return Receipt{Product: entry.ID, Slug: entry.Slug, Version: latest.Number, Record: latest.Record, Leaf: latest.Leaf, Pending: latest.Leaf == nil, Notes: []string{"this is published already; nothing was changed"}}, nil
	}
	var f Faults
	p.facts.neverShorter(promised, &f)
	if before, stated := promised[StatementPeriod], p.content.Support.End; !before.Zero() && stated.Before(before) {
		f.refuse("statement", fmt.Sprintf("promises support until %s; a statement published before promised it until %s, and a published period is never shortened", shown(stated), before.Words()), "issue a statement with that day or a later one", "SI 2023/1007 Sch.1 para 3(6)")
	}
	o.sameBarcode(entry.ID, &p.facts, &f)
	if err := f.err(); err != nil {
		return Receipt{}, err
	}
	next := Version{Kind: KindPublished, Facts: p.facts, Digest: p.signed.digest, SignedBy: p.signed.signedBy, Content: p.content, Claims: claims(p.content), Note: p.note}
	if latest.Number > 0 {
		next.Kind = KindRevised
	}
	return o.add(before, next, p.statement)
}

// add adds the next version of an entry: record, leaf and row of the audit trail.
func (o *outgoing) add(before Standing, next Version, document []byte) (Receipt, error) {
	next.By, next.Published = o.v.Account, o.s.now()
	sealed, err := Seal(o.org, before.Entry, before.Latest, next)
	if err != nil {
		return Receipt{}, err
	}
	o.versions = append(o.versions, NewVersion{sealed, document, before.Promised})
	if whole, there := next.Facts.period(WholeProduct); there {
		for _, number := range next.Facts.GTINs {
			o.barcodes[number] = append(o.barcodes[number], BarcodePromise{number, before.Entry.ID, next.Facts.Make, next.Facts.Name, whole.End})
		}
	}
	e, next := before.Entry, sealed.Version
	o.events = append(o.events, o.s.event(o.v, "entry."+string(next.Kind), string(e.ID), map[string]any{"version": next.Number, "record": string(next.Record)}))
	return Receipt{Product: e.ID, Slug: e.Slug, Version: next.Number, Record: next.Record, Pending: true}, nil
}

// readBarcodes reads what the organisation's entries promised for some barcodes.
func (o *outgoing) readBarcodes(ctx context.Context, w Writer, scope Scope, numbers []GTIN) error {
	known, err := w.BarcodePromises(ctx, scope, numbers)
	if err != nil {
		return err
	}
	for _, b := range known {
		o.barcodes[b.GTIN] = append(o.barcodes[b.GTIN], b)
	}
	return nil
}

// sameBarcode holds an entry against others of the organisation that name one of its
// barcodes: it is the same product, whatever the entries are called, and what was
// promised for it stays promised.
func (o *outgoing) sameBarcode(id ProductID, facts *Facts, f *Faults) {
	whole, there := facts.period(WholeProduct)
	if !there {
		return
	}
	for _, number := range facts.GTINs {
		for _, b := range o.barcodes[number] {
			if b.Product == id || b.End.Zero() || !whole.End.Zero() && !whole.End.Before(b.End) {
				continue
			}
			f.refuse("facts.gtins", fmt.Sprintf("hold a barcode of %.100s %.100s, for which support until %s was published; this entry says %s, and a published period is never shortened", b.Make, b.Name, b.End.Words(), shown(whole.End)),
				"give that day or a later one; where the barcode is of another product, leave it out of the entry that it does not belong to", "SI 2023/1007 Sch.1 para 3(6)")
			return
		}
	}
}

func shown(d assay.Date) string {
	if d.Zero() {
		return "no stated day"
	}
	return d.Words()
}

func sameFacts(a, b Facts) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}

// entryFor is the organisation's entry that a bundle is about: the one it names, the
// one of its make and name, or a new one.
func (s *Service) entryFor(ctx context.Context, w Writer, scope Scope, p prepared) (Entry, error) {
	if p.product != "" {
		e, err := w.Entry(ctx, scope, p.product)
		if err == nil && e.Org != scope.Org() {
			return Entry{}, fmt.Errorf("product %s: %w: another organisation publishes it", p.product, assay.ErrRefused)
		}
		return e, err
	}
	e, err := w.OwnByName(ctx, scope, p.facts.Make, p.facts.Name)
	if !errors.Is(err, assay.ErrNotFound) {
		return e, err
	}
	return s.newEntry(scope.Org(), p.facts.Make, p.facts.Name)
}

func (s *Service) newEntry(org OrgID, maker, name string) (Entry, error) {
	id, err := s.newID("p")
	if err != nil {
		return Entry{}, err
	}
	slug := Slug(maker, name)
	if slug != "" {
		slug += "-"
	}
	return Entry{ID: ProductID(id), Slug: slug + id[1:6], Org: org, Status: Unpublished}, nil
}

// Sealed is a version with its record and its leaf, as they are kept for good.
type Sealed struct {
	Entry   Entry // with the version's facts
	Version Version
	Stated  assay.Date // the end of support that the statement promises
	Record  []byte
	Leaf    []byte
}

// Seal makes the next version of an entry from what it says: its number, what it
// changes, its record and its leaf. Latest is the version before, number 0 for none.
func Seal(org Organisation, e Entry, latest, next Version) (Sealed, error) {
	next.Product, next.Number, next.Org, next.Leaf, next.Changes = e.ID, latest.Number+1, org.ID, nil, nil
	if latest.Number > 0 {
		next.Changes = changes(latest, next)
	}
	data, err := json.Marshal(record{
		Format: 1, Product: e.ID, Slug: e.Slug, Number: next.Number, Kind: next.Kind, Published: next.Published,
		Org: recordOrg{org.ID, org.Slug, org.Name, org.Kind}, Facts: next.Facts, Statement: next.Digest, SignedBy: next.SignedBy,
		Content: next.Content, Changes: next.Changes, Note: next.Note, Before: latest.Record,
	})
	if err != nil {
		return Sealed{}, fmt.Errorf("record: %w", err)
	}
	next.Record = DigestOf(data)
	leaf := Leaf{Format: 1, Kind: next.Kind, Product: e.ID, SHA256: hexOf(next.Record), At: next.Published, Version: next.Number, Org: org.ID, SupportEnd: next.Facts.Headline(), Statement: next.Digest}
	if next.Kind == KindWithdrawn {
		leaf.SHA256, leaf.Record = hexOf(latest.Record), next.Record
	}
	out := Sealed{Version: next, Record: data, Leaf: leaf.Bytes()}
	if next.Content != nil {
		out.Stated = next.Content.Support.End
	}
	e.Name, e.Make, e.Models, e.Category, e.SupportEnd = next.Facts.Name, next.Facts.Make, next.Facts.Models, next.Facts.Category, next.Facts.Headline()
	out.Entry = e
	return out, nil
}

// changes are what a buyer would want to know that a version changed.
func changes(before, after Version) []FieldChange {
	var out []FieldChange
	field := func(name, a, b string) {
		if a != b {
			out = append(out, FieldChange{name, a, b})
		}
	}
	a, b := &before.Facts, &after.Facts
	field("name", a.Name, b.Name)
	field("make", a.Make, b.Make)
	field("models", strings.Join(a.Models, ", "), strings.Join(b.Models, ", "))
	field("category", a.Category, b.Category)
	for _, p := range b.Support {
		if q, _ := a.period(p.Component); q.End != p.End {
			field("support end: "+p.Component, q.End.String(), p.End.String())
		}
	}
	field("contact page", a.Contact.URL, b.Contact.URL)
	field("contact address", a.Contact.Email, b.Contact.Email)
	field("passwords", string(a.Passwords.Kind), string(b.Passwords.Kind))
	field("barcodes", gtins(a.GTINs), gtins(b.GTINs))
	field("statement", string(before.Digest), string(after.Digest))
	return out
}

func gtins(numbers []GTIN) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = n.Short()
	}
	return strings.Join(words, ", ")
}

// Extension is a longer support period of one component.
type Extension struct {
	Component string     `json:"component"` // WholeProduct or the id of a part
	End       assay.Date `json:"end"`
}

// ExtendSupport publishes longer support periods, by the statement as it stands. A
// shorter one is refused: SI 2023/1007 Sch.1 para 3(6).
func (s *Service) ExtendSupport(ctx context.Context, v Viewer, id ProductID, extensions []Extension, note string) (Receipt, error) {
	return s.amend(ctx, v, id, func(latest Version, f *Faults) (Version, error) {
		next := latest
		next.Kind, next.Note, next.Facts.Support = KindExtended, note, slices.Clone(latest.Facts.Support)
		longer := false
		for i, x := range extensions {
			at := fmt.Sprintf("extensions[%d]", i)
			j := slices.IndexFunc(next.Facts.Support, func(p SupportPeriod) bool { return p.Component == x.Component })
			switch {
			case j < 0:
				f.add(at+".component", fmt.Sprintf("%.80q is no part of the entry", x.Component), "name one that has a period")
			case x.End.Zero():
				f.add(at+".end", "is not there", "name the new last day")
			case x.End.Before(next.Facts.Support[j].End):
				f.refuse(at+".end", fmt.Sprintf("%s is before %s, which was published, and a published period is never shortened", x.End.Words(), next.Facts.Support[j].End.Words()), "name a later day", "SI 2023/1007 Sch.1 para 3(6)")
			default:
				longer = longer || x.End.After(next.Facts.Support[j].End)
				next.Facts.Support[j].End = x.End
			}
		}
		if !longer && len(*f) == 0 {
			return next, fmt.Errorf("extend support: %w: no period becomes longer by that", assay.ErrConflict)
		}
		return next, nil
	})
}

// Withdraw takes an entry back, with a reason for all to read. All that was
// published stays, and says that it was withdrawn.
func (s *Service) Withdraw(ctx context.Context, v Viewer, id ProductID, reason string) (Receipt, error) {
	return s.amend(ctx, v, id, func(latest Version, f *Faults) (Version, error) {
		next := latest
		if next.Kind, next.Note = KindWithdrawn, reason; strings.TrimSpace(reason) == "" {
			f.add("reason", "is not there", "say why; buyers will read it")
		}
		return next, nil
	})
}

// amend publishes a version that follows from the newest one.
func (s *Service) amend(ctx context.Context, v Viewer, id ProductID, change func(latest Version, f *Faults) (Version, error)) (Receipt, error) {
	scope, err := own(v, PublishEntry)
	if err != nil {
		return Receipt{}, err
	}
	var receipt Receipt
	err = s.Store.Write(ctx, func(w Writer) error {
		e, err := w.Entry(ctx, scope, id)
		if err != nil {
			return err
		}
		if e.Org != scope.Org() {
			return fmt.Errorf("product %s: %w: another organisation publishes it", id, assay.ErrRefused)
		}
		latest, err := w.Latest(ctx, id)
		if err != nil {
			return err
		}
		switch {
		case latest.Number == 0:
			return fmt.Errorf("product %s: %w: it is not published yet", id, assay.ErrConflict)
		case latest.Kind == KindWithdrawn:
			return fmt.Errorf("product %s: %w: it was withdrawn; publish a new version first", id, assay.ErrConflict)
		}
		var f Faults
		next, err := change(latest, &f)
		if err != nil {
			return err
		}
		if next.Note = strings.TrimSpace(next.Note); len(next.Note) > MaxText || !plain(next.Note) {
			f.add("note", fmt.Sprintf("is longer than %d bytes, or no plain text", MaxText), "make it shorter")
		}
		if err := f.err(); err != nil {
			return err
		}
		promised, err := w.Promised(ctx, id)
		if err != nil {
			return err
		}
		out, err := s.outgoing(ctx, w, v)
		if err != nil {
			return err
		}
		if receipt, err = out.add(Standing{e, latest, promised}, next, nil); err != nil {
			return err
		}
		return out.write(ctx, w)
	})
	if err != nil {
		return Receipt{}, err
	}
	return s.await(ctx, receipt, scope)
}
