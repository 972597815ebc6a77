package register

import (
	"crypto/sha256"
	"encoding/binary"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
)

// PageRole is what an entry names a page of its maker for.
type PageRole string

// The roles.
const (
	PageContact   PageRole = "contact"   // how to report a security issue
	PagePolicy    PageRole = "policy"    // what becomes of reports
	PageSecurity  PageRole = "security"  // security.txt, or a page on security
	PageSupport   PageRole = "support"   // until when there are security updates
	PageStatement PageRole = "statement" // the statement of compliance
	PageProduct   PageRole = "product"   // about the product
)

// PageFound is what looking at a page came to.
type PageFound string

// What is found. Nothing of it changes an entry, or says whether a product complies:
// it is what was seen, and when.
const (
	PageUnread  PageFound = ""            // not known yet
	PageThere   PageFound = "there"       // it is there; what it says could not be held against the entry
	PageSame    PageFound = "same"        // it is there, and says the same as the entry
	PageDiffers PageFound = "differs"     // it says a shorter support period, or another contact
	PageGone    PageFound = "gone"        // its host says that there is no such page, more than once
	PageSilent  PageFound = "unreachable" // it could not be had, time and again, for days
	PageClosed  PageFound = "closed"      // its host does not let programs read it
)

// Trouble reports what the maker is to be told of.
func (f PageFound) Trouble() bool { return f == PageDiffers || f == PageGone || f == PageSilent }

// PageState is what is known of one page that an entry names.
type PageState struct {
	Roles  []PageRole `json:"roles"`
	Found  PageFound  `json:"found"`
	Looked time.Time  `json:"looked,omitzero"` // when it was last asked for
	Seen   time.Time  `json:"seen,omitzero"`   // when it was last there
	Since  time.Time  `json:"since,omitzero"`  // the first of the failures in a row; zero where the last look was none
	Absent time.Time  `json:"absent,omitzero"` // the first answer of these that there is no such page
	// Says is, where it differs, what it says in words for people, and Quote its own.
	Says  string `json:"says,omitempty"`
	Quote string `json:"quote,omitempty"`
	// Digest is of its bytes when last seen, Text of the words in them. Changed is when
	// its words were first seen to be others than before; zero where they never were.
	Digest  assay.Digest `json:"digest,omitempty"`
	Text    assay.Digest `json:"text,omitempty"`
	Changed time.Time    `json:"changed,omitzero"`

	Tries        int    `json:"tries,omitempty"`   // failures in a row
	Missing      int    `json:"missing,omitempty"` // of these, answers that there is no such page
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
}

// WatchedPage is a page that a public entry names, and what was seen of it.
type WatchedPage struct {
	Product ProductID
	Org     OrgID
	URL     string
	Host    string    // at which it is: pages are asked for host by host
	Version int       // the entry's, that names it and that it was held against
	State   PageState // as it was last seen
	Told    time.Time // when its maker was told of the trouble with it
	Due     time.Time // when it is looked at next
}

// PageTrouble is a page with which something is wrong, and an entry that names it.
type PageTrouble struct {
	Entry Entry     `json:"entry"`
	URL   string    `json:"url"`
	Page  PageState `json:"page"`
}

// SeenPage is a page that an entry names, as it was last seen.
type SeenPage struct {
	URL string `json:"url"`
	PageState
}

// When failures count for something. One alone says nothing: hosts are restarted,
// moved, and misconfigured for an afternoon.
const (
	missingTries = 2
	missingFor   = 20 * time.Hour
	silentTries  = 4
	silentFor    = 72 * time.Hour
	retrySoon    = 6 * time.Hour
	retryLater   = 24 * time.Hour
)

// lookKind is how a page answered.
type lookKind int

const (
	lookSilent    lookKind = iota // no answer, or one that is neither the page nor says that there is none
	lookMissing                   // 404 or 410
	lookClosed                    // robots.txt, or 401, 403, 451
	lookThere                     // the page
	lookUnchanged                 // the page, as it was: 304
)

// look is what came of asking for a page once.
type look struct {
	kind               lookKind
	at                 time.Time
	digest, text       assay.Digest
	etag, lastModified string
}

// said is what a page says, held against one entry.
type said struct {
	found PageFound // there, same or differs
	words string
	quote string
}

// next is what is known of a page after looking at it. Retry is how long until it is
// looked at again out of turn; 0 is in its turn.
func (p PageState) next(l look, s said) (now PageState, retry time.Duration) {
	p.Looked = l.at
	switch l.kind {
	case lookThere, lookUnchanged:
		p.Seen, p.Since, p.Absent, p.Tries, p.Missing = l.at, time.Time{}, time.Time{}, 0, 0
		if l.kind == lookUnchanged {
			return p, 0
		}
		if p.Text != "" && l.text != "" && p.Text != l.text {
			p.Changed = l.at
		}
		p.Digest, p.ETag, p.LastModified = l.digest, l.etag, l.lastModified
		if l.text != "" {
			p.Text = l.text
		}
		p.Found, p.Says, p.Quote = s.found, s.words, s.quote
		return p, 0
	case lookClosed:
		p.Found, p.Says, p.Quote, p.ETag, p.LastModified = PageClosed, "", "", "", ""
		p.Since, p.Absent, p.Tries, p.Missing = time.Time{}, time.Time{}, 0, 0
		return p, 0
	}
	if p.Tries == 0 {
		p.Since = l.at
	}
	p.Tries++
	if l.kind == lookMissing {
		if p.Missing == 0 {
			p.Absent = l.at
		}
		p.Missing++
	}
	switch {
	case l.kind == lookMissing && p.Missing >= missingTries && l.at.Sub(p.Absent) >= missingFor:
		p.Found, p.Says, p.Quote = PageGone, "", ""
	case l.kind == lookSilent && p.Found != PageGone && p.Tries >= silentTries && l.at.Sub(p.Since) >= silentFor:
		p.Found, p.Says, p.Quote = PageSilent, "", ""
	}
	switch {
	case p.Found == PageGone || p.Found == PageSilent:
		return p, 0
	case l.kind == lookSilent && p.Tries == 1:
		return p, retrySoon
	}
	return p, retryLater
}

// pages are the pages that facts name, by address, each with what it is named for.
func (f *Facts) pages() []SeenPage {
	var out []SeenPage
	for _, x := range []struct {
		role PageRole
		url  string
	}{
		{PageContact, f.Contact.URL}, {PagePolicy, f.Contact.Policy}, {PageSecurity, f.Pages.Security},
		{PageSupport, f.Pages.Support}, {PageStatement, f.Pages.Statement}, {PageProduct, f.Pages.Product},
	} {
		if !WebAddress(x.url) {
			continue
		}
		i := slices.IndexFunc(out, func(p SeenPage) bool { return p.URL == x.url })
		if i < 0 {
			i = len(out)
			out = append(out, SeenPage{URL: x.url})
		}
		out[i].Roles = append(out[i].Roles, x.role)
	}
	return out
}

// watched are the pages that a public version names, with what was known of each
// before, and when each is to be looked at.
func watched(e Entry, v *Version, before []WatchedPage, now time.Time, every time.Duration) []WatchedPage {
	var out []WatchedPage
	if e.Status != Published {
		return nil
	}
	due := func(address string) time.Time { return turn(address, now, every) }
	if now.Sub(v.Published) < 2*24*time.Hour { // what is new is looked at soon
		due = func(address string) time.Time { return now.Add(share(address, min(retrySoon, every))) }
	}
	for _, p := range v.Facts.pages() {
		w := WatchedPage{Product: e.ID, Org: e.Org, URL: p.URL, Host: hostOf(p.URL), Version: v.Number, State: p.PageState, Due: due(p.URL)}
		for _, b := range before {
			if b.Product != e.ID || b.URL != p.URL {
				continue
			}
			roles := w.State.Roles
			w.State, w.Told = b.State, b.Told
			w.State.Roles = roles
			if b.Version == v.Number {
				w.Due = b.Due
				continue
			}
			w.State.ETag, w.State.LastModified = "", "" // it is to be held against another version
			if w.State.Found == PageSame || w.State.Found == PageDiffers {
				w.State.Found, w.State.Says, w.State.Quote, w.Told = PageThere, "", "", time.Time{}
			}
		}
		out = append(out, w)
	}
	return out
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// turn is when an address is next to be looked at, after a time. Turns of addresses are
// spread evenly, and one address has one turn whichever entries name it: so a page that
// many name is asked for once for all of them.
func turn(address string, after time.Time, every time.Duration) time.Time {
	t := after.Truncate(every).Add(share(address, every))
	if !t.After(after) {
		t = t.Add(every)
	}
	return t
}

// share is the part of a time that falls to an address: always the same for the same,
// and even over many.
func share(address string, of time.Duration) time.Duration {
	sum := sha256.Sum256([]byte(address))
	return time.Duration(float64(of) * float64(binary.BigEndian.Uint32(sum[:])) / (1 << 32))
}
