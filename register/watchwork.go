package register

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/fetch"
	"github.com/assay-psti/assay/page"
)

// Watch says how the pages that entries name are looked at again.
type Watch struct {
	Every time.Duration // how often each is looked at
	// AuthorisedBy names who allowed pages at addresses that are not public, and at
	// ports that are not the web's: for tests. Empty: none is looked at.
	AuthorisedBy string
	Roots        *x509.CertPool // trusted for TLS; nil: the system's
}

// Looked is work: look at the pages of a host that are due; without a host, see which
// hosts have any.
type Looked struct {
	Host string `json:"host,omitempty"`
}

// The bounds of looking. Of one host one page is asked for at a time, at most
// hostPages in hostPause: some 1,700 a day.
const (
	hostPages    = 12
	hostRequests = 30 // with robots.txt and where pages lead
	hostPause    = 10 * time.Minute
	hostRows     = 2000 // entries of one host that are brought up to date at once
	roundHosts   = 30
	roundTime    = 25 * time.Second // of taking up what is new
	hostTime     = 6 * time.Second  // after which no further page is begun: work has a minute in all
	pageTime     = 44 * time.Second // of one page, with waiting as long as its robots.txt may ask for
	requestTime  = 8 * time.Second
	seedBatch    = 200
	tellEvery    = 28 * 24 * time.Hour
	toldRows     = 20 // pages that one letter names
	toldOwners   = 5
)

const (
	settingWatched  = "pages.next" // leaves of the log whose entries are watched
	settingNextHost = "pages.host" // where the search for hosts goes on
	settingTold     = "pages.told:"
)

func (s *Service) watch(ctx context.Context, w Work) error {
	var l Looked
	if len(w.Payload) > 0 {
		if err := json.Unmarshal(w.Payload, &l); err != nil {
			return fmt.Errorf("pages: %w: %w", assay.ErrInvalid, err)
		}
	}
	if s.Pages == nil || s.Pages.Every <= 0 {
		return fmt.Errorf("pages: %w: they are not looked at here", assay.ErrUnsupported)
	}
	if l.Host == "" {
		return s.watchRound(ctx)
	}
	return s.watchHost(ctx, l.Host)
}

// watchRound takes up the pages of entries that were published since, and hands out
// the hosts that have pages due.
func (s *Service) watchRound(ctx context.Context) error {
	soft, cancel := context.WithTimeout(ctx, roundTime)
	defer cancel()
	for soft.Err() == nil {
		further, err := s.seedWatch(ctx)
		if err != nil {
			return err
		}
		if !further {
			break
		}
	}
	id, err := s.newID("l")
	if err != nil {
		return err
	}
	return s.Store.Write(ctx, func(w Writer) error {
		if err := w.Lock(ctx, settingNextHost); err != nil {
			return err
		}
		from, err := settingOr(ctx, w, settingNextHost, "")
		if err != nil {
			return err
		}
		now := s.now()
		hosts, last, err := w.DueHosts(ctx, from, now, roundHosts)
		if err != nil {
			return err
		}
		if err := w.PutSetting(ctx, settingNextHost, last); err != nil {
			return err
		}
		for _, host := range hosts {
			free, err := w.TakeLease(ctx, WatchLease+host, id+host, now, now.Add(hostPause))
			if err != nil {
				return err
			}
			if !free { // looked at not long ago
				continue
			}
			payload, err := json.Marshal(Looked{Host: host})
			if err != nil {
				return err
			}
			if err := w.Enqueue(ctx, Work{WorkPages, payload}); err != nil {
				return err
			}
		}
		return nil
	})
}

// WatchLease begins the names of leases of hosts whose pages are looked at.
const WatchLease = "pages:"

func settingOr(ctx context.Context, r Reader, name, otherwise string) (string, error) {
	text, err := r.Setting(ctx, name)
	if errors.Is(err, assay.ErrNotFound) {
		return otherwise, nil
	}
	return text, err
}

// seedWatch takes up a batch of what became public: the log says what that was.
func (s *Service) seedWatch(ctx context.Context) (further bool, err error) {
	err = s.Store.Write(ctx, func(w Writer) error {
		if err := w.Lock(ctx, settingWatched); err != nil {
			return err
		}
		text, err := settingOr(ctx, w, settingWatched, "0")
		if err != nil {
			return err
		}
		from, err := strconv.ParseUint(text, 10, 62)
		if err != nil {
			return fmt.Errorf("setting %s: %w", settingWatched, err)
		}
		changes, err := w.Changes(ctx, Visible(Public), ChangeFilter{Since: from, Limit: seedBatch})
		if err != nil || len(changes) == 0 {
			return err
		}
		further = len(changes) == seedBatch
		var ids []ProductID
		entries := map[ProductID]Entry{}
		for _, c := range changes {
			if _, there := entries[c.Entry.ID]; !there && c.Kind != KindAssessed {
				ids = append(ids, c.Entry.ID)
				entries[c.Entry.ID] = c.Entry
			}
		}
		before, err := w.Watched(ctx, ids)
		if err != nil {
			return err
		}
		var pages []WatchedPage
		for _, id := range ids {
			v, err := w.Version(ctx, Visible(Public), id, entries[id].Version)
			if err != nil {
				return err
			}
			pages = append(pages, watched(entries[id], &v, before, s.now(), s.Pages.Every)...)
		}
		if err := w.Watch(ctx, ids, pages); err != nil {
			return err
		}
		return w.PutSetting(ctx, settingWatched, strconv.FormatUint(changes[len(changes)-1].Leaf+1, 10))
	})
	return further, err
}

// watchHost looks at the pages of one host that are due: one after another, each once,
// for all entries that name it.
func (s *Service) watchHost(ctx context.Context, host string) error {
	var rows []WatchedPage
	facts := map[ProductID]*Facts{}
	err := s.Store.Read(ctx, func(r Reader) (err error) {
		if rows, err = r.DuePages(ctx, host, s.now(), hostRows); err != nil {
			return err
		}
		for _, p := range rows {
			v, err := r.Version(ctx, Visible(Public), p.Product, p.Version)
			if err != nil {
				return err
			}
			facts[p.Product] = &v.Facts
		}
		return nil
	})
	if err != nil {
		return err
	}
	soft, cancel := context.WithTimeout(ctx, hostTime)
	defer cancel()
	known := map[string]fetch.Validator{}
	f := fetch.New(fetch.Options{
		AuthorisedBy: s.Pages.AuthorisedBy, WebPorts: s.Pages.AuthorisedBy == "", Roots: s.Pages.Roots, About: s.BaseURL + "/about#pages",
		Timeout: requestTime, MaxBytes: maxPageBytes, Redirects: 5, Requests: hostRequests, Now: s.Now,
	}, nil, known)
	var orgs []OrgID
	for n := 0; n < hostPages && len(rows) > 0 && soft.Err() == nil; n++ {
		same := 1
		for same < len(rows) && rows[same].URL == rows[0].URL {
			same++
		}
		batch := rows[:same]
		rows = rows[same:]
		// A page may answer that it has not changed only where all that is known of it
		// was learnt from the same bytes, and held against the entries as they are.
		first := batch[0].State
		known[batch[0].URL] = fetch.Validator{ETag: first.ETag, LastModified: first.LastModified, At: first.Seen}
		if slices.ContainsFunc(batch, func(p WatchedPage) bool {
			return p.State.Digest != first.Digest || p.State.ETag == "" && p.State.LastModified == "" || p.State.Tries > 0 || p.State.Found == PageClosed
		}) {
			delete(known, batch[0].URL)
		}
		if err := s.lookAt(ctx, f, batch, facts); err != nil {
			return err
		}
		for _, p := range batch {
			if !slices.Contains(orgs, p.Org) {
				orgs = append(orgs, p.Org)
			}
		}
	}
	for _, org := range orgs {
		if err := s.tellMaker(ctx, org); err != nil {
			return err
		}
	}
	return nil
}

// lookAt looks at one page, and keeps what was seen for each entry that names it.
func (s *Service) lookAt(ctx context.Context, f *fetch.Fetcher, batch []WatchedPage, facts map[ProductID]*Facts) error {
	one, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	got, err := f.Get(one, batch[0].URL)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	putOff := err != nil // politeness took all the time: nothing was learnt
	now := s.now()
	var l look
	var doc *page.Document
	if !putOff {
		l, doc = readPage(ctx, got, now)
	}
	return s.Store.Write(ctx, func(w Writer) error {
		for _, p := range batch {
			p.Due = turn(p.URL, now.Add(s.Pages.Every/2), s.Pages.Every)
			if !putOff {
				p = p.after(l, doc, got.Body, facts[p.Product], s.Pages.Every)
			}
			if err := w.KeepPage(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// after is a page after a look at it, held against an entry that names it.
func (p WatchedPage) after(l look, doc *page.Document, raw []byte, f *Facts, every time.Duration) WatchedPage {
	var against said
	if l.kind == lookThere {
		against = hold(doc, raw, p.State.Roles, f)
	}
	before, retry := p.State.Found, time.Duration(0)
	if p.State, retry = p.State.next(l, against); retry > 0 {
		p.Due = l.at.Add(min(retry, every))
	}
	if p.State.Found != before {
		p.Told = time.Time{}
	}
	return p
}

// tellMaker writes to an organisation's owners of pages with which something is wrong,
// each once, and at most one letter in tellEvery.
func (s *Service) tellMaker(ctx context.Context, org OrgID) error {
	return s.Store.Write(ctx, func(w Writer) error {
		if err := w.Lock(ctx, settingTold+string(org)); err != nil {
			return err
		}
		text, err := settingOr(ctx, w, settingTold+string(org), "")
		if err != nil {
			return err
		}
		now := s.now()
		if last, err := time.Parse(time.RFC3339, text); err == nil && now.Sub(last) < tellEvery {
			return nil
		}
		pages, err := w.Troubles(ctx, org, true, toldRows+1)
		if err != nil || len(pages) == 0 {
			return err
		}
		members, err := w.Members(ctx, org)
		if err != nil {
			return err
		}
		letter := s.troubleLetter(pages)
		n := 0
		for _, m := range members {
			if m.Role != RoleOwner || n == toldOwners {
				continue
			}
			n++
			letter.To = m.Email
			if err := enqueueMail(ctx, w, letter); err != nil {
				return err
			}
		}
		if err := w.ToldTroubles(ctx, org, now); err != nil {
			return err
		}
		return w.PutSetting(ctx, settingTold+string(org), now.Format(time.RFC3339))
	})
}

func (s *Service) troubleLetter(pages []PageTrouble) Mail {
	var b strings.Builder
	b.WriteString("The register looks now and then at the pages that your entries name. These want your attention:\n\n")
	for i, p := range pages {
		if i == toldRows {
			b.WriteString("and more.\n\n")
			break
		}
		fmt.Fprintf(&b, "%s %s\n  %s\n  %s\n\n", p.Entry.Make, p.Entry.Name, p.URL, p.Page.Words())
	}
	fmt.Fprintf(&b, "Nothing of your entries was changed. Buyers read the same words beside them. Mend the page, or publish a new version that names another:\n\n%s/org\n\nYou hear of each page once, and at most every four weeks.\n", s.BaseURL)
	return Mail{Subject: "Pages that your entries in the product register name", Text: b.String()}
}

// Words say in a sentence what was seen of a page, and when.
func (p *PageState) Words() string {
	on := func(t time.Time) string { return assay.DateOf(t).Words() }
	last := ""
	if !p.Seen.IsZero() && (p.Found == PageGone || p.Found == PageSilent) {
		last = "; it was last seen on " + on(p.Seen)
	}
	changed := ""
	if !p.Changed.IsZero() {
		changed = "; its words changed by " + on(p.Changed)
	}
	switch p.Found {
	case PageThere:
		return "was last seen on " + on(p.Seen) + changed
	case PageSame:
		return "was last seen on " + on(p.Seen) + " and says the same" + changed
	case PageDiffers:
		return "was last seen on " + on(p.Seen) + " and says otherwise: " + p.Says
	case PageGone:
		return "is gone: its site has said since " + on(p.Absent) + " that there is no such page" + last
	case PageSilent:
		return "could not be reached since " + on(p.Since) + last
	case PageClosed:
		return "is not for programs to read, its site says; last asked on " + on(p.Looked)
	}
	return "has not been looked at yet"
}

// Of the pages that the viewer's organisation's entries name, those with which
// something is wrong.
func (s *Service) troubles(ctx context.Context, r Reader, org OrgID) ([]PageTrouble, error) {
	if s.Pages == nil {
		return nil, nil
	}
	return r.Troubles(ctx, org, false, dashRows)
}

// seenPages are the pages that a version names, as they were last seen.
func seenPages(v *Version, known []WatchedPage) []SeenPage {
	if v.Leaf == nil {
		return nil
	}
	var out []SeenPage
	for _, named := range v.Facts.pages() {
		for _, k := range known {
			if k.URL == named.URL && k.Version == v.Number && k.State.Found != PageUnread {
				out = append(out, SeenPage{k.URL, k.State})
			}
		}
	}
	return out
}
