package register

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/assay-psti/assay"
)

// Search finds entries. Where a text is found nowhere but is close to words that
// are, it looks for those and says so.
func (s *Service) Search(ctx context.Context, v Viewer, q Query) (Results, error) {
	q, err := q.check()
	if err != nil {
		return Results{}, err
	}
	results := Results{Entries: []Entry{}}
	look := func(q Query) error {
		return s.Store.Look(ctx, func(r Reader) error {
			results, err = r.Search(ctx, Visible(v), q)
			return err
		})
	}
	if g, err := ParseGTIN(q.Text); err == nil {
		err := s.Store.Look(ctx, func(r Reader) error {
			found, err := r.EntriesByGTIN(ctx, Visible(v), []GTIN{g})
			results.Entries = append(results.Entries, found[g]...)
			results.Count = len(results.Entries)
			return err
		})
		if err != nil || results.Count > 0 {
			return results, err
		}
	}
	if err := look(q); err != nil || results.Count > 0 || q.Cursor != "" || q.Text == "" {
		return results, err
	}
	instead, err := s.correct(ctx, q.Text)
	if err != nil || instead == "" {
		return results, err
	}
	q.Text = instead
	if err := look(q); err != nil {
		return results, err
	}
	if results.Count > 0 {
		results.Instead = instead
	}
	return results, nil
}

// Product is a product whole, by its id or its slug.
func (s *Service) Product(ctx context.Context, v Viewer, idOrSlug string) (Full, error) {
	return s.product(ctx, v, idOrSlug, 0)
}

// ProductVersion is a product with one of its versions in place of the newest.
func (s *Service) ProductVersion(ctx context.Context, v Viewer, idOrSlug string, number int) (Full, error) {
	if number < 1 {
		return Full{}, fmt.Errorf("version %d: %w", number, assay.ErrNotFound)
	}
	return s.product(ctx, v, idOrSlug, number)
}

func (s *Service) product(ctx context.Context, v Viewer, idOrSlug string, number int) (Full, error) {
	p, err := s.Page(ctx, v, PageQuery{Product: idOrSlug, Number: number})
	return p.Full, err
}

// Page is a product whole, and what its page shows beside it.
func (s *Service) Page(ctx context.Context, v Viewer, q PageQuery) (p Page, err error) {
	q.Similar = min(max(q.Similar, 0), MaxPage)
	q.Watched = s.Pages != nil
	switch {
	case len(q.Product) == 0 || len(q.Product) > MaxLine:
		return p, fmt.Errorf("product: %w", assay.ErrNotFound)
	case q.Number < 0:
		return p, fmt.Errorf("version %d: %w", q.Number, assay.ErrNotFound)
	}
	err = s.Store.Look(ctx, func(r Reader) error {
		p, err = r.Page(ctx, Visible(v), q)
		return err
	})
	p.Pages = seenPages(&p.Version, p.Watched)
	return p, err
}

// Record is the bytes of a version's record, whose SHA-256 the log holds, and the
// signed statement as it came.
func (s *Service) Record(ctx context.Context, v Viewer, id ProductID, number int) (record, signed []byte, err error) {
	p, err := s.Page(ctx, v, PageQuery{Product: string(id), Number: number, Signed: true})
	return p.Record, p.Statement, err
}

// Document is a signed statement or assessment of a product, as it came.
func (s *Service) Document(ctx context.Context, v Viewer, id ProductID, d assay.Digest) (data []byte, err error) {
	err = s.Store.Look(ctx, func(r Reader) error {
		data, err = r.Document(ctx, Visible(v), id, d)
		return err
	})
	return data, err
}

// Match is what is known of one barcode number that was asked for.
type Match struct {
	Asked   string  `json:"asked"`           // as it was written
	GTIN    GTIN    `json:"gtin,omitempty"`  // "" where it is no barcode number
	Fault   string  `json:"fault,omitempty"` // why it is none
	Entries []Entry `json:"entries"`         // usually one; several where several claim the number
}

// Lookup finds entries for up to MaxLookup barcode numbers, in the order asked.
func (s *Service) Lookup(ctx context.Context, v Viewer, asked []string) ([]Match, error) {
	if len(asked) > MaxLookup {
		return nil, fmt.Errorf("look-up of %d numbers: %w: want at most %d at once", len(asked), assay.ErrInvalid, MaxLookup)
	}
	matches := make([]Match, len(asked))
	numbers := make([]GTIN, 0, len(asked))
	seen := map[GTIN]bool{}
	for i, a := range asked {
		g, err := ParseGTIN(a)
		if len(a) > 40 {
			a = a[:40]
		}
		matches[i] = Match{Asked: strings.ToValidUTF8(a, "\uFFFD"), GTIN: g, Entries: []Entry{}}
		if err != nil {
			matches[i].Fault = err.Error()
		} else if !seen[g] {
			seen[g] = true
			numbers = append(numbers, g)
		}
	}
	err := s.Store.Look(ctx, func(r Reader) error {
		found, err := r.EntriesByGTIN(ctx, Visible(v), numbers)
		if err != nil {
			return err
		}
		for i := range matches {
			if entries := found[matches[i].GTIN]; entries != nil {
				matches[i].Entries = entries
			}
		}
		return nil
	})
	return matches, err
}

// Similar are other products of the same category, the longest supported first.
func (s *Service) Similar(ctx context.Context, v Viewer, id ProductID, n int) (entries []Entry, err error) {
	n = min(max(n, 1), MaxPage)
	scope := Visible(v)
	err = s.Store.Read(ctx, func(r Reader) error {
		e, err := r.Entry(ctx, scope, id)
		if err != nil {
			return err
		}
		entries, err = r.Similar(ctx, scope, e, n)
		return err
	})
	return entries, err
}

// MaxCompared is how many products can be compared at once.
const MaxCompared = 4

// Compare are up to MaxCompared products whole, in the order asked.
func (s *Service) Compare(ctx context.Context, v Viewer, ids []string) ([]Full, error) {
	if len(ids) > MaxCompared {
		return nil, fmt.Errorf("compare %d products: %w: want at most %d", len(ids), assay.ErrInvalid, MaxCompared)
	}
	var out []Full
	for _, id := range ids {
		f, err := s.Product(ctx, v, id)
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// Maker is a manufacturer's page.
type Maker struct {
	Org     Organisation `json:"organisation"`
	Keys    []Key        `json:"keys"`
	Results Results      `json:"results"`
	Changes []Change     `json:"changes"` // the newest
}

// Manufacturer is an organisation with its public entries, by slug. One that has
// published nothing is seen by its own members alone.
func (s *Service) Manufacturer(ctx context.Context, v Viewer, slug string, q Query) (m Maker, err error) {
	q.Org = slug
	if q, err = q.check(); err != nil {
		return Maker{}, err
	}
	scope := Visible(v)
	err = s.Store.Read(ctx, func(r Reader) error {
		if m.Org, err = r.OrgBySlug(ctx, slug); err != nil {
			return err
		}
		if m.Org.Products == 0 && scope.Org() != m.Org.ID {
			return fmt.Errorf("manufacturer %.80q: %w", slug, assay.ErrNotFound)
		}
		if m.Keys, err = r.Keys(ctx, m.Org.ID); err != nil {
			return err
		}
		if m.Results, err = r.Search(ctx, scope, q); err != nil {
			return err
		}
		m.Changes, err = r.Changes(ctx, scope, ChangeFilter{Target: Target{FollowMaker, slug}, Newest: true, Limit: defaultLimit})
		return err
	})
	return m, err
}

// Feed are changes by their index in the log, from since on, the oldest first; or
// with newest the last ones, the newest first.
func (s *Service) Feed(ctx context.Context, v Viewer, f ChangeFilter) (changes []Change, err error) {
	if f.Limit <= 0 || f.Limit > MaxPage {
		f.Limit = MaxPage
	}
	if f.Target.Kind == FollowCategory {
		f.Target.Key = Fold(f.Target.Key)
	}
	err = s.Store.Look(ctx, func(r Reader) error {
		changes, err = r.Changes(ctx, Visible(v), f)
		return err
	})
	return changes, err
}

// Export goes through all public entries with their newest version, in the order of
// their ids. What is published meanwhile may be in it or not; nothing is twice.
func (s *Service) Export(ctx context.Context) iter.Seq2[Exported, error] {
	return func(yield func(Exported, error) bool) {
		const batch = 500
		after := ProductID("")
		for {
			var rows []Exported
			err := s.Store.Look(ctx, func(r Reader) (err error) {
				rows, err = r.Export(ctx, Visible(Public), after, batch)
				return err
			})
			if err != nil {
				yield(Exported{}, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
				after = row.Entry.ID
			}
			if len(rows) < batch {
				return
			}
		}
	}
}

// Categories are the categories of public entries, the fullest first.
func (s *Service) Categories(ctx context.Context, n int) ([]Tally, error) {
	return s.tallies(ctx, "category", n)
}

// Makes are the makes of public entries, the fullest first.
func (s *Service) Makes(ctx context.Context, n int) ([]Tally, error) {
	return s.tallies(ctx, "make", n)
}

// Total is how many entries are public.
func (s *Service) Total(ctx context.Context) (int, error) {
	t, err := s.tallies(ctx, "all", 1)
	if err != nil || len(t) == 0 {
		return 0, err
	}
	return t[0].Count, nil
}

// maxTallies bounds the categories or makes that are asked for at once.
const maxTallies = 1000

func (s *Service) tallies(ctx context.Context, dimension string, n int) (t []Tally, err error) {
	n = min(max(n, 1), maxTallies)
	err = s.Store.Look(ctx, func(r Reader) error {
		t, err = r.Tallies(ctx, dimension, n)
		return err
	})
	return t, err
}
