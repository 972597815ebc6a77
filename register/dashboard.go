package register

import (
	"context"

	"github.com/assay-psti/assay"
)

// Dashboard is what an organisation wants to know of its own entries.
type Dashboard struct {
	Org    Organisation `json:"organisation"`
	Counts OwnCounts    `json:"counts"`
	// Ending are public entries whose support ends within a year, the soonest first.
	Ending []Entry `json:"ending"`
	// Lapsing are labels that lapse within half a year or have lapsed.
	Lapsing []Lapsing `json:"lapsing"`
	// Drafts are the newest drafts, with what they miss.
	Drafts []DraftState `json:"drafts"`
	// Keys that sign, revoked ones included.
	Keys []Key `json:"keys"`
	// Missing says of public entries what their newest statement lacks, by the law of
	// today: at most MaxPage.
	Missing []Missing `json:"missing"`
	// Pages are pages that public entries name, with which something is wrong.
	Pages []PageTrouble `json:"pages,omitempty"`
}

// DraftState is a draft and what stands in its way.
type DraftState struct {
	Draft  Draft  `json:"draft"`
	Faults Faults `json:"faults"`
}

// Missing is what an entry's newest statement lacks or leaves open.
type Missing struct {
	Entry Entry    `json:"entry"`
	What  []string `json:"what"`
}

const (
	soonDays    = 365
	lapsingDays = 183
	dashRows    = 20
)

// Dashboard is the viewer's organisation's.
func (s *Service) Dashboard(ctx context.Context, v Viewer) (d Dashboard, err error) {
	scope, err := own(v, SeeDrafts)
	if err != nil {
		return d, err
	}
	today := s.today()
	err = s.Store.Read(ctx, func(r Reader) error {
		d = Dashboard{}
		if d.Org, err = r.Org(ctx, v.Org); err != nil {
			return err
		}
		if d.Keys, err = r.Keys(ctx, v.Org); err != nil {
			return err
		}
		if d.Counts, err = r.OwnCounts(ctx, scope, today); err != nil {
			return err
		}
		if d.Ending, err = r.Own(ctx, scope, OwnFilter{Status: Published, EndsFrom: today, EndsBy: today.AddDays(soonDays), OrderBySupport: true, Limit: dashRows}); err != nil {
			return err
		}
		if d.Lapsing, err = r.Labels(ctx, scope, today.AddDays(lapsingDays), dashRows); err != nil {
			return err
		}
		if d.Pages, err = s.troubles(ctx, r, v.Org); err != nil {
			return err
		}
		drafts, err := r.Drafts(ctx, scope, "", dashRows)
		if err != nil {
			return err
		}
		for _, draft := range drafts {
			_, faults := prepare(draft.bundle(), d.Keys, today)
			d.Drafts = append(d.Drafts, DraftState{draft, faults})
		}
		entries, err := r.Own(ctx, scope, OwnFilter{Status: Published, OrderBySupport: true, Limit: MaxPage})
		if err != nil {
			return err
		}
		for _, e := range entries {
			newest, err := r.Version(ctx, scope, e.ID, 0)
			if err != nil {
				return err
			}
			if what := missing(newest, d.Keys, today); len(what) > 0 {
				d.Missing = append(d.Missing, Missing{e, what})
			}
		}
		return nil
	})
	return d, err
}

// missing is what a version's statement lacks or leaves open now.
func missing(v Version, keys []Key, today assay.Date) []string {
	var what []string
	if v.Content != nil {
		for _, item := range v.Content.Items() {
			if !item.Present {
				what = append(what, "the statement lacks "+item.Missing+" ("+string(item.Cite)+")")
			}
		}
		for _, r := range v.Content.Responsibility {
			what = append(what, "left open, answered for by "+r.By+": "+r.Title)
		}
		if !v.Content.RetainUntil.Zero() && v.Content.RetainUntil.Before(today) {
			what = append(what, "the statement need not be kept any longer since "+v.Content.RetainUntil.Words())
		}
	}
	for _, k := range keys {
		if k.ID == v.SignedBy && !k.Revoked.IsZero() {
			what = append(what, "the key that signed the statement was revoked; sign it anew")
		}
	}
	if v.Facts.Passwords.Kind == PasswordUndeclared {
		what = append(what, "nothing is said of passwords for buyers")
	}
	if v.Facts.Contact.Ack == "" || v.Facts.Contact.Updates == "" {
		what = append(what, "the entry does not say when a report is acknowledged, or when its reporter hears of progress (SI 2023/1007 Sch.1 para 2)")
	}
	if len(v.Facts.GTINs) == 0 {
		what = append(what, "there is no barcode number, so shops cannot look it up")
	}
	return what
}

// OwnEntries are the organisation's entries, of whatever status.
func (s *Service) OwnEntries(ctx context.Context, v Viewer, f OwnFilter) (entries []Entry, err error) {
	scope, err := own(v, SeeDrafts)
	if err != nil {
		return nil, err
	}
	if f.Limit <= 0 || f.Limit > MaxPage {
		f.Limit = MaxPage
	}
	if len(f.Text) > MaxQueryBytes {
		f.Text = f.Text[:MaxQueryBytes]
	}
	err = s.Store.Look(ctx, func(r Reader) error { entries, err = r.Own(ctx, scope, f); return err })
	return entries, err
}
