package register

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/page"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const week = 7 * 24 * time.Hour

func TestNext(t *testing.T) {
	type step struct {
		after time.Duration
		kind  lookKind
		says  PageFound // where it is there
		text  string
	}
	h := time.Hour
	for _, row := range []struct {
		name  string
		steps []step
		want  PageFound
		retry bool // it is looked at again out of turn
	}{
		{"there", []step{{0, lookThere, PageSame, "a"}}, PageSame, false},
		{"unchanged", []step{{0, lookThere, PageSame, "a"}, {week, lookUnchanged, "", ""}}, PageSame, false},
		{"missing-once", []step{{0, lookThere, PageSame, "a"}, {week, lookMissing, "", ""}}, PageSame, true},
		{"missing-twice-in-an-hour", []step{{0, lookMissing, "", ""}, {h, lookMissing, "", ""}}, PageUnread, true},
		{"gone", []step{{0, lookMissing, "", ""}, {24 * h, lookMissing, "", ""}}, PageGone, false},
		{"gone-and-back", []step{{0, lookMissing, "", ""}, {24 * h, lookMissing, "", ""}, {week, lookThere, PageThere, "a"}}, PageThere, false},
		{"gone-then-silent", []step{{0, lookMissing, "", ""}, {24 * h, lookMissing, "", ""}, {week, lookSilent, "", ""}}, PageGone, false},
		{"silent-once", []step{{0, lookSilent, "", ""}}, PageUnread, true},
		{"silent-often-in-a-day", []step{{0, lookSilent, "", ""}, {6 * h, lookSilent, "", ""}, {6 * h, lookSilent, "", ""}, {6 * h, lookSilent, "", ""}, {5 * h, lookSilent, "", ""}}, PageUnread, true},
		{"silent-twice-in-a-week", []step{{0, lookSilent, "", ""}, {week, lookSilent, "", ""}}, PageUnread, true},
		{"unreachable", []step{{0, lookSilent, "", ""}, {6 * h, lookSilent, "", ""}, {24 * h, lookSilent, "", ""}, {48 * h, lookSilent, "", ""}}, PageSilent, false},
		{"flapping", []step{{0, lookSilent, "", ""}, {6 * h, lookSilent, "", ""}, {24 * h, lookThere, PageThere, "a"}, {week, lookSilent, "", ""}, {h, lookSilent, "", ""}, {48 * h, lookSilent, "", ""}}, PageThere, true},
		{"silent-is-not-missing", []step{{0, lookSilent, "", ""}, {24 * h, lookMissing, "", ""}}, PageUnread, true},
		{"missing-then-gone-after-silence", []step{{0, lookMissing, "", ""}, {24 * h, lookSilent, "", ""}, {24 * h, lookMissing, "", ""}}, PageGone, false},
		{"missing-twice-in-an-hour-after-a-day-of-silence", []step{{0, lookSilent, "", ""}, {24 * h, lookMissing, "", ""}, {h, lookMissing, "", ""}}, PageUnread, true},
		{"closed", []step{{0, lookThere, PageSame, "a"}, {week, lookClosed, "", ""}}, PageClosed, false},
		{"differs", []step{{0, lookThere, PageSame, "a"}, {week, lookThere, PageDiffers, "b"}}, PageDiffers, false},
		{"mended", []step{{0, lookThere, PageDiffers, "a"}, {week, lookThere, PageSame, "b"}}, PageSame, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var p PageState
			at, retry := noon, time.Duration(0)
			for _, s := range row.steps {
				at = at.Add(s.after)
				l := look{kind: s.kind, at: at}
				if s.text != "" {
					l.text = DigestOf([]byte(s.text))
				}
				p, retry = p.next(l, said{found: s.says})
			}
			if p.Found != row.want || (retry > 0) != row.retry || !p.Looked.Equal(at) {
				t.Errorf("found %q, again in %s, looked %s; want %q, retry %t, %s", p.Found, retry, p.Looked, row.want, row.retry, at)
			}
			if healthy := p.Found == PageSame || p.Found == PageThere || p.Found == PageDiffers; healthy && retry == 0 && (!p.Since.IsZero() || p.Tries != 0) {
				t.Errorf("it is there, and failures are counted: %+v", p)
			}
		})
	}
}

// TestChanged notes when the words of a page became others, and not its bytes.
func TestChanged(t *testing.T) {
	see := func(p PageState, at time.Time, digest, text string) PageState {
		p, _ = p.next(look{kind: lookThere, at: at, digest: assay.Digest(digest), text: assay.Digest(text)}, said{found: PageThere})
		return p
	}
	p := see(PageState{}, noon, "1", "a")
	if p = see(p, noon.Add(week), "2", "a"); !p.Changed.IsZero() || p.Digest != "2" {
		t.Errorf("other bytes, the same words: %+v", p)
	}
	p = see(p, noon.Add(2*week), "3", "") // its words could not be read
	if p = see(p, noon.Add(3*week), "4", "b"); !p.Changed.Equal(noon.Add(3 * week)) {
		t.Errorf("other words: %+v", p)
	}
	if got, want := p.Words(), "was last seen on 13 December 2026; its words changed by 13 December 2026"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestTurn spreads addresses over the time between looks, and has one address wait no
// longer than that.
func TestTurn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		every := time.Duration(rapid.Int64Range(1, int64(1000*time.Hour)).Draw(t, "every"))
		after := noon.Add(time.Duration(rapid.Int64Range(0, int64(20000*time.Hour)).Draw(t, "after")))
		address := rapid.String().Draw(t, "address")
		got := turn(address, after, every)
		if !got.After(after) || got.Sub(after) > every {
			t.Fatalf("%s after, every %s", got.Sub(after), every)
		}
		if next := turn(address, got, every); next.Sub(got) != every {
			t.Fatalf("the turn after is %s later, want %s", next.Sub(got), every)
		}
	})
	const days, n = 7, 7000
	var per [days]int
	for i := range n {
		at := turn("https://acme.example/"+strings.Repeat("x", i%70)+string(rune('a'+i/70)), noon, week)
		per[int(at.Sub(noon)/(24*time.Hour))%days]++
	}
	for d, k := range per {
		if math.Abs(float64(k)-n/days) > n/days/4 {
			t.Errorf("day %d has %d of %d", d, k, n)
		}
	}
}

func TestHold(t *testing.T) {
	f := &Facts{Name: "Kettle K2", Make: "Acme", Models: []string{"K2-100"}, Support: []SupportPeriod{{Component: WholeProduct, End: assay.MustDate("2031-12-31")}}, Contact: Contact{Email: "security@acme.example", URL: "https://acme.example/security"}}
	const support = `<html><title>Security updates</title><body><h1>Security updates</h1><p>This page says until when we provide security updates for our products.</p>
		<table><tr><th>Model</th><th>Security updates until</th></tr><tr><td>K2-100</td><td>%END</td></tr><tr><td>K3-100</td><td>1 January 2027</td></tr></table></body></html>`
	const contact = `<html><title>Report a vulnerability</title><body><h1>Report a security issue</h1><p>To report a security vulnerability in one of our products, write to <a href="mailto:%MAIL">%MAIL</a>. We acknowledge reports within five working days.</p></body></html>`
	const securityTxt = "Contact: mailto:%MAIL\nExpires: 2030-01-01T00:00:00Z\n"
	with := func(text, mark, value string) string { return strings.ReplaceAll(text, mark, value) }
	for _, row := range []struct {
		name, url, text string
		roles           []PageRole
		want            PageFound
		says            string
	}{
		{"support-same", "/support", with(support, "%END", "31 December 2031"), []PageRole{PageSupport}, PageSame, ""},
		{"support-shorter", "/support", with(support, "%END", "30 June 2028"), []PageRole{PageSupport}, PageDiffers, "security updates until 30 June 2028; the entry says 31 December 2031"},
		{"support-longer", "/support", with(support, "%END", "30 June 2035"), []PageRole{PageSupport}, PageThere, ""},
		{"support-month-that-holds-the-day", "/support", with(support, "%END", "December 2031"), []PageRole{PageSupport}, PageSame, ""},
		{"support-earlier-month", "/support", with(support, "%END", "November 2031"), []PageRole{PageSupport}, PageDiffers, "security updates until 2031-11; the entry says 31 December 2031"},
		{"support-of-another-model", "/support", with(with(support, "%END", "2035"), "K2-100", "K9-100"), []PageRole{PageSupport}, PageThere, ""},
		{"support-of-a-longer-model", "/support", with(with(support, "%END", "30 June 2028"), "K2-100", "K2-1000"), []PageRole{PageSupport}, PageThere, ""},
		{"support-on-the-contact-page", "/support", with(support, "%END", "30 June 2028"), []PageRole{PagePolicy}, PageThere, ""},
		{"contact-same", "/report", with(contact, "%MAIL", "Security@Acme.example"), []PageRole{PageContact}, PageSame, ""},
		{"contact-other", "/report", with(contact, "%MAIL", "psirt@acme.example"), []PageRole{PageContact}, PageDiffers, "reports to psirt@acme.example; the entry names security@acme.example"},
		{"contact-nothing", "/report", "<html><title>Acme</title><body><p>We make kettles, and have done so for many years in our own works.</p></body></html>", []PageRole{PageContact}, PageThere, ""},
		{"security-txt-same", "/.well-known/security.txt", with(securityTxt, "%MAIL", "security@acme.example"), []PageRole{PageSecurity}, PageSame, ""},
		{"security-txt-other", "/.well-known/security.txt", with(securityTxt, "%MAIL", "other@acme.example?subject=x"), []PageRole{PageSecurity}, PageDiffers, "reports to other@acme.example; the entry names security@acme.example"},
		{"security-txt-page", "/.well-known/security.txt", "Contact: mailto:other@acme.example\nContact: https://acme.example/security/\nExpires: 2030-01-01T00:00:00Z\n", []PageRole{PageSecurity}, PageSame, ""},
		{"security-txt-no-address", "/.well-known/security.txt", with(securityTxt, "%MAIL", "<script>"), []PageRole{PageSecurity}, PageThere, ""},
		{"both", "/all", with(contact, "%MAIL", "psirt@acme.example") + with(support, "%END", "31 December 2031"), []PageRole{PageContact, PageSupport}, PageDiffers, "reports to psirt@acme.example; the entry names security@acme.example"},
	} {
		t.Run(row.name, func(t *testing.T) {
			d, err := page.Read(t.Context(), "https://acme.example"+row.url, "", []byte(row.text), page.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			got := hold(d, []byte(row.text), row.roles, f)
			if got.found != row.want || got.words != row.says {
				t.Errorf("%q, %q; want %q, %q (readings %+v, support %+v)", got.found, got.words, row.want, row.says, d.Readings, d.Support)
			}
		})
	}
	if got := hold(nil, nil, []PageRole{PageSupport}, f); got.found != PageThere {
		t.Errorf("words that cannot be read: %+v", got)
	}
}

func TestLastDay(t *testing.T) {
	for stated, want := range map[string]string{
		"2029-06-30": "2029-06-30", "2029-02": "2029-02-28", "2028-02": "2028-02-29", "2029": "2029-12-31", "2029-Q2": "2029-06-30", "2029-Q4": "2029-12-31",
		"": "", "29": "", "2029-13": "", "2029-Q5": "", "soon": "", "2029-1": "", "20290": "",
	} {
		got, exact := lastDay(stated)
		if got.String() != want || exact != (len(stated) == 10) {
			t.Errorf("%q: %q, exact %t; want %q", stated, got.String(), exact, want)
		}
	}
}
