package web_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/blank"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
	"github.com/assay-psti/assay/store"
	"github.com/assay-psti/assay/web"
)

// memoryLog is a log in memory: what package register wants of one, and no more.
type memoryLog struct {
	mu     sync.Mutex // guards leaves
	leaves [][]byte
}

func (l *memoryLog) AppendAll(_ context.Context, leaves [][]byte) (indexes []int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, leaf := range leaves {
		indexes = append(indexes, int64(len(l.leaves)))
		l.leaves = append(l.leaves, leaf)
	}
	return indexes, nil
}

func (l *memoryLog) Size(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.leaves)), nil
}

func (l *memoryLog) Leaves(_ context.Context, from int64, f func(int64, []byte) error) error {
	l.mu.Lock()
	leaves := l.leaves
	l.mu.Unlock()
	for i := from; i < int64(len(leaves)); i++ {
		if err := f(i, leaves[i]); err != nil {
			return err
		}
	}
	return nil
}

// house is a register with a maker in it, and the pages that show it.
type house struct {
	db    *store.DB
	s     *register.Service
	site  *web.Server
	now   time.Time
	op    register.Viewer
	maker register.Viewer
	key   *sign.Key
	log   memoryLog
	where string // of the database
	done  int64  // the last piece of work that was done
}

const site = "https://register.example"

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), where: blank.SQLite(t)}
	var err error
	if h.db, err = store.Open(context.Background(), h.where, store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.db.Close() })
	now := func() time.Time { return h.now }
	if h.s, err = register.Open(t.Context(), register.Config{Store: h.db, Log: &h.log, Now: now, Random: rand.Reader, BaseURL: site, Wait: time.Nanosecond, Holder: "test", Pages: &register.Watch{Every: 7 * 24 * time.Hour}}); err != nil {
		t.Fatal(err)
	}
	h.site, err = web.New(web.Config{
		Register: h.s, BaseURL: site, Now: now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Operator: "Example Trust", OperatorContact: "help@register.example", LogKey: "register.example+00000000+AAAA",
		Prove: func(_ context.Context, index uint64) ([]byte, error) {
			return fmt.Appendf(nil, "c2sp.org/tlog-proof@v1\nindex %d\n", index), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := h.s.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, err := h.s.TakeUpLink(t.Context(), register.Public, secret, register.Person{Name: "Op Example", Email: "op@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	if h.op, err = h.s.SignIn(t.Context(), a.ID, "", "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	h.maker, h.key = h.organisation(t, "Acme Ltd", register.Manufacturer)
	return h
}

// organisation is a new one, with its owner and key.
func (h *house) organisation(t testing.TB, name string, kind register.OrgKind) (register.Viewer, *sign.Key) {
	t.Helper()
	o, err := h.s.CreateOrganisation(t.Context(), h.op, register.Organisation{Name: name, Kind: kind, Site: "https://" + register.Slug(name) + ".example"})
	if err != nil {
		t.Fatal(err)
	}
	owner, err := h.s.SignIn(t.Context(), h.op.Account, o.ID, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := sign.Generate(sign.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.s.AddKey(t.Context(), owner, "first", key.Public().PEM()); err != nil {
		t.Fatal(err)
	}
	return owner, key
}

func facts(name string) register.Facts {
	return register.Facts{
		Name: name, Make: "Acme", Models: []string{name + " one"}, Category: "kettle", Passwords: register.Passwords{Kind: register.PasswordUnique},
		Contact: register.Contact{URL: "https://acme.example/security", Email: "security@acme.example", Ack: "within two working days", Updates: "every two weeks"},
	}
}

func content(f register.Facts, end assay.Date) statement.Content {
	opinion := func(id, title string, cite assay.Cite) statement.Compliance {
		return statement.Compliance{Requirement: id, Title: title, Cite: cite, Basis: statement.Schedule1, Route: "para1-direct", RestsOn: "both"}
	}
	return statement.Content{
		Product: statement.Product{Name: f.Name, Make: f.Make, Types: f.Models, Batch: "B1"}, Manufacturers: []statement.Person{{Name: "Acme Ltd", Address: "1 Example Way, Exampleton"}},
		PreparedBy: "manufacturer", Representatives: []statement.Person{}, Standards: []statement.Standard{},
		Opinion: []statement.Compliance{
			opinion("passwords", "Passwords", "SI 2023/1007 Sch.1 para 1"), opinion("reporting", "Reporting security issues", "SI 2023/1007 Sch.1 para 2"), opinion("support", "Minimum security update periods", "SI 2023/1007 Sch.1 para 3"),
		},
		Support: statement.SupportPeriod{End: end, Source: "what the dossier says"}, Signatory: statement.Signatory{Name: "Ada Example", Function: "head of compliance"}, Place: "Exampleton",
		Issued: assay.MustDate("2024-04-01"), RetainUntil: assay.MustDate("2034-03-31"), LawVersion: "2025-12-04", Verdict: assay.Pass,
	}
}

func (h *house) signed(t testing.TB, f register.Facts, end string) []byte {
	t.Helper()
	return h.seal(t, content(f, assay.MustDate(end)))
}

func (h *house) seal(t testing.TB, c statement.Content) []byte {
	t.Helper()
	p := statement.Predicate{Content: c, SignedAt: time.Date(2024, 4, 1, 9, 0, 0, 0, time.UTC)}
	e, err := sign.SealStatement([]sign.Resource{sign.NewResource("statement-B1.html", register.DigestOf([]byte(c.Product.Name)))}, statement.PredicateType, p, h.key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// publish puts a product into the register and the log; its address has the slug.
func (h *house) publish(t testing.TB, f register.Facts, end string) register.Receipt {
	t.Helper()
	r, err := h.s.Publish(t.Context(), h.maker, &register.Bundle{Format: 1, Facts: f, Statement: h.signed(t, f, end)})
	if err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	return r
}

// settle moves all that waits into the log.
func (h *house) settle(t testing.TB) {
	t.Helper()
	for {
		n, err := h.s.Integrate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// range of products that between them have every state that pages show.
func (h *house) stock(t testing.TB) map[string]string {
	t.Helper()
	slugs := map[string]string{}
	add := func(name, key, end string, change func(*register.Facts)) register.Receipt {
		f := facts(name)
		if change != nil {
			change(&f)
		}
		r := h.publish(t, f, end)
		slugs[key] = r.Slug
		h.now = h.now.Add(time.Hour)
		return r
	}
	h.now = time.Date(2024, 4, 29, 12, 0, 0, 0, time.UTC)
	add("K1 kettle", "over", "2026-02-01", nil)
	soon := add("K2 kettle", "soon", "2027-03-31", func(f *register.Facts) {
		f.Contact.Policy = "https://acme.example/policy"
		f.Pages = register.Pages{Product: "https://acme.example/k2", Security: "https://acme.example/.well-known/security.txt", Support: "https://acme.example/support", Statement: "https://acme.example/statement"}
	})
	r := add("K3 kettle", "runs", "2031-03-31", func(f *register.Facts) {
		f.GTINs = []register.GTIN{"5012345678900"}
		f.Support = []register.SupportPeriod{{Component: register.WholeProduct, End: assay.MustDate("2031-03-31")}, {Component: "app", Title: "The app", End: assay.MustDate("2033-03-31")}}
		f.Labels = []register.Label{{Scheme: "Example label", Level: "2", Number: "17", Expires: assay.MustDate("2027-01-01")}}
		f.Description = "A kettle that connects to the home network."
		f.Pages = register.Pages{Product: "https://acme.example/k3", Security: "https://acme.example/security"}
	})
	h.now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	if _, err := h.s.ExtendSupport(t.Context(), h.maker, r.Product, []register.Extension{{Component: register.WholeProduct, End: assay.MustDate("2032-03-31")}}, "a year more"); err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	w := add("K4 kettle", "withdrawn", "2030-01-01", nil)
	if _, err := h.s.Withdraw(t.Context(), h.maker, w.Product, "The statement named the wrong batch."); err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	add("C1 baby monitor", "monitor", "2029-01-01", func(f *register.Facts) { f.Category = "baby monitor" })
	h.unknown(t, slugs)
	h.assessed(t, slugs)
	h.seen(t, soon.Product)
	h.now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return slugs
}

// seen has each of a product's pages in another state.
func (h *house) seen(t testing.TB, id register.ProductID) {
	t.Helper()
	on := func(day string) time.Time { return assay.MustDate(day).Time() }
	state := func(role register.PageRole, url string, p register.PageState) register.WatchedPage {
		p.Roles, p.Looked = []register.PageRole{role}, on("2026-11-20")
		return register.WatchedPage{Product: id, Org: h.maker.Org, URL: url, Host: "acme.example", Version: 1, State: p, Due: on("2026-11-27")}
	}
	pages := []register.WatchedPage{
		state(register.PageContact, "https://acme.example/security", register.PageState{Found: register.PageSame, Seen: on("2026-11-20"), Changed: on("2026-05-02"), Digest: register.DigestOf(nil)}),
		state(register.PagePolicy, "https://acme.example/policy", register.PageState{Found: register.PageThere, Seen: on("2026-11-20")}),
		state(register.PageSecurity, "https://acme.example/.well-known/security.txt", register.PageState{Found: register.PageClosed}),
		state(register.PageSupport, "https://acme.example/support", register.PageState{Found: register.PageDiffers, Seen: on("2026-11-20"), Says: "security updates until 1 January 2027; the entry says 31 March 2027", Quote: "K2 | <b>1 January 2027</b>"}),
		state(register.PageStatement, "https://acme.example/statement", register.PageState{Found: register.PageGone, Seen: on("2026-09-01"), Since: on("2026-09-08"), Absent: on("2026-09-08")}),
		state(register.PageProduct, "https://acme.example/k2", register.PageState{Found: register.PageSilent, Seen: on("2026-10-30"), Since: on("2026-11-06")}),
	}
	if err := h.db.Write(t.Context(), func(w register.Writer) error { return w.Watch(t.Context(), []register.ProductID{id}, pages) }); err != nil {
		t.Fatal(err)
	}
}

// unknown adds a product of which no end of support is stated.
func (h *house) unknown(t testing.TB, slugs map[string]string) {
	t.Helper()
	f := facts("K5 kettle")
	c := content(f, assay.Date{})
	c.Support, c.Verdict = statement.SupportPeriod{Source: "nowhere"}, assay.Inconclusive
	c.Responsibility = []statement.Responsibility{{Limb: "SOC-07", Title: "Defined support period", Reason: "not yet decided", By: "Ada Example"}}
	r, err := h.s.Publish(t.Context(), h.maker, &register.Bundle{Format: 1, Facts: f, Statement: h.seal(t, c)})
	if err != nil {
		t.Fatal(err)
	}
	h.settle(t)
	slugs["unknown"] = r.Slug
}

// assessed adds a product that a laboratory found to fail.
func (h *house) assessed(t testing.TB, slugs map[string]string) {
	t.Helper()
	r := h.publish(t, facts("K6 kettle"), "2030-06-30")
	slugs["assessed"] = r.Slug
	lab, key := h.organisation(t, "Example Laboratory", register.Laboratory)
	claim := register.AssessmentClaim{Product: string(r.Product), Version: 1, Laboratory: "Example Laboratory", AsAt: assay.MustDate("2026-05-30"), Regimes: []register.RegimeVerdict{{Regime: "uk-psti", Version: "2025-12-04", Verdict: assay.Fail}, {Regime: "<b>other", Verdict: assay.Pass}}}
	e, err := sign.SealStatement([]sign.Resource{sign.NewResource("report.html", register.DigestOf([]byte("report")))}, register.AssessmentType, claim, key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.s.AttachAssessment(t.Context(), lab, r.Product, data); err != nil {
		t.Fatal(err)
	}
	h.settle(t)
}

// ask is a request without an account; header is pairs.
func (h *house) ask(t testing.TB, method, path, body string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, site+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.site.ServeHTTP(w, r)
	return w.Result()
}

func (h *house) get(t testing.TB, path string) (*http.Response, string) {
	t.Helper()
	r := h.ask(t, "GET", path, "")
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(data)
}

// raw is the database without the register around it.
func (h *house) raw(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", h.where)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// tamper puts another signed document in the place of one, behind the register's back.
func (h *house) tamper(t testing.TB, d assay.Digest) {
	t.Helper()
	r, err := h.raw(t).Exec(`update document set data = (select data from document where digest <> $1 limit 1) where digest = $1`, string(d))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := r.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("%d rows changed, %v", n, err)
	}
}

// queue is the work that waits, by id after the given one.
func (h *house) queue(t testing.TB, after int64) (ids []int64, work []register.Work) {
	t.Helper()
	rows, err := h.raw(t).Query(`select id, json(args) from river_job where id > $1 order by id`, after)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var args []byte
		var w struct {
			Work    register.WorkKind `json:"work"`
			Payload json.RawMessage   `json:"payload"`
		}
		if err := rows.Scan(&id, &args); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(args, &w); err != nil {
			t.Fatal(err)
		}
		ids, work = append(ids, id), append(work, register.Work{Kind: w.Work, Payload: w.Payload})
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids, work
}

// work does the register's own work that waits.
func (h *house) work(t testing.TB) {
	t.Helper()
	ids, work := h.queue(t, h.done)
	for i, w := range work {
		h.done = ids[i]
		if w.Kind == register.WorkAlert {
			if err := h.s.Do(t.Context(), w); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// mails are those to an address that wait to be sent.
func (h *house) mails(t testing.TB, to string) (mails []register.Mail) {
	t.Helper()
	_, work := h.queue(t, 0)
	for _, w := range work {
		if w.Kind != register.WorkMail {
			continue
		}
		var m register.Mail
		if err := json.Unmarshal(w.Payload, &m); err != nil {
			t.Fatal(err)
		}
		if m.To == to {
			mails = append(mails, m)
		}
	}
	return mails
}
