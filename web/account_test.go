package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/blank"
	"github.com/assay-psti/assay/laboratory"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
	"github.com/assay-psti/assay/store"
)

// leaves is a log in memory: what package register wants of one, and no more.
type leaves struct {
	mu  sync.Mutex // guards all
	all [][]byte
}

func (l *leaves) AppendAll(_ context.Context, add [][]byte) (at []int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, leaf := range add {
		at = append(at, int64(len(l.all)))
		l.all = append(l.all, leaf)
	}
	return at, nil
}

func (l *leaves) Size(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.all)), nil
}

func (l *leaves) Leaves(_ context.Context, from int64, f func(int64, []byte) error) error {
	l.mu.Lock()
	all := l.all
	l.mu.Unlock()
	for i := from; i < int64(len(all)); i++ {
		if err := f(i, all[i]); err != nil {
			return err
		}
	}
	return nil
}

// office is a register with its pages, and organisations that use them.
type office struct {
	db    *store.DB
	reg   *register.Service
	site  *Server
	log   bytes.Buffer
	logMu sync.Mutex
	tests *laboratory.Room
	later time.Duration // that the clock of the store and the pages is ahead

	operator register.AccountID
	persons  int
}

func (o *office) now() time.Time { return time.Now().Add(o.later) }

// Write takes the lines of the log.
func (o *office) Write(p []byte) (int, error) {
	o.logMu.Lock()
	defer o.logMu.Unlock()
	return o.log.Write(p)
}

func (o *office) logged() string {
	o.logMu.Lock()
	defer o.logMu.Unlock()
	return o.log.String()
}

var day = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

const officeURL = "https://register.example"

// newRegister opens a register with nobody in it.
func newRegister(t testing.TB, base string) *office {
	t.Helper()
	o := &office{}
	var err error
	if o.db, err = store.Open(context.Background(), blank.SQLite(t), store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.db.Close() })
	if o.tests, err = laboratory.Open(t.TempDir(), laboratory.Options{Now: o.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.tests.Close() })
	o.reg, err = register.Open(t.Context(), register.Config{Store: o.db, Log: &leaves{}, Now: o.now, Random: rand.Reader, BaseURL: base, Wait: time.Nanosecond, Holder: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *office) serve(t testing.TB, base string, change ...func(*Config)) {
	t.Helper()
	c := Config{Register: o.reg, Tests: o.tests, BaseURL: base, Now: o.now, Log: slog.New(slog.NewJSONHandler(o, nil)), Accounts: Accounts{Sessions: o.db.Sessions(o.now, SessionAccount), Attempts: 1 << 20, Pause: time.Millisecond}}
	for _, f := range change {
		f(&c)
	}
	var err error
	if o.site, err = New(c); err != nil {
		t.Fatal(err)
	}
}

func newOffice(t testing.TB, change ...func(*Config)) *office {
	t.Helper()
	o := newRegister(t, officeURL)
	o.serve(t, officeURL, change...)
	secret, err := o.reg.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, err := o.reg.TakeUpLink(t.Context(), register.Public, secret, register.Person{Name: "Op Example", Email: "op@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	o.operator = a.ID
	return o
}

// firm is an organisation with a key and somebody in each role.
type firm struct {
	org    register.OrgID
	key    *sign.Key
	people map[register.Role]register.Viewer
}

func (o *office) firm(t testing.TB, name string, kind register.OrgKind) *firm {
	t.Helper()
	op, err := o.reg.SignIn(t.Context(), o.operator, "", "")
	if err != nil {
		t.Fatal(err)
	}
	made, err := o.reg.CreateOrganisation(t.Context(), op, register.Organisation{Name: name, Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	if op, err = o.reg.SignIn(t.Context(), o.operator, made.ID, ""); err != nil {
		t.Fatal(err)
	}
	f := &firm{org: made.ID, people: map[register.Role]register.Viewer{}}
	for _, role := range register.Roles() {
		f.people[role] = o.member(t, op, role)
	}
	f.key = newKey(t, o, op)
	if err := o.reg.RemoveMember(t.Context(), op, o.operator); err != nil {
		t.Fatal(err)
	}
	return f
}

// newKey is a key that counts for an organisation.
func newKey(t testing.TB, o *office, owner register.Viewer) *sign.Key {
	t.Helper()
	key, err := sign.Generate(sign.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.reg.AddKey(t.Context(), owner, "first", key.Public().PEM()); err != nil {
		t.Fatal(err)
	}
	return key
}

func (o *office) member(t testing.TB, owner register.Viewer, role register.Role) register.Viewer {
	t.Helper()
	o.persons++
	email := fmt.Sprintf("person%d@example.org", o.persons)
	secret, err := o.reg.Invite(t.Context(), owner, email, role)
	if err != nil {
		t.Fatal(err)
	}
	a, err := o.reg.TakeUpLink(t.Context(), register.Public, secret, register.Person{Name: fmt.Sprintf("Person %d", o.persons), Email: email})
	if err != nil {
		t.Fatal(err)
	}
	v, err := o.reg.SignIn(t.Context(), a.ID, owner.Org, "")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// visitor is a browser without a window: it keeps its cookie.
type visitor struct {
	o      *office
	cookie string
	token  string // sent as a bearer's
}

// enter is a visitor with a session of an account, as after signing in.
func (o *office) enter(t testing.TB, id register.AccountID, org register.OrgID) *visitor {
	t.Helper()
	m := o.site.accounts.sessions
	ctx, err := m.Load(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.site.signIn(httptest.NewRequest("GET", "/", nil).WithContext(ctx), id, "", false); err != nil {
		t.Fatal(err)
	}
	m.Put(ctx, keyOrg, string(org))
	token, _, err := m.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{o: o, cookie: token}
}

func (o *office) as(t testing.TB, f *firm, role register.Role) *visitor {
	t.Helper()
	return o.enter(t, f.people[role].Account, f.org)
}

func (v *visitor) do(r *http.Request) *http.Response {
	name := v.o.site.accounts.sessions.Cookie.Name
	if v.cookie != "" {
		r.AddCookie(&http.Cookie{Name: name, Value: v.cookie})
	}
	if v.token != "" {
		r.Header.Set("Authorization", "Bearer "+v.token)
	}
	w := httptest.NewRecorder()
	v.o.site.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if c.Name == name {
			if v.cookie = c.Value; c.MaxAge < 0 {
				v.cookie = ""
			}
		}
	}
	return res
}

func (v *visitor) get(path string) (int, string) {
	res := v.do(httptest.NewRequest("GET", path, nil))
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

func (v *visitor) post(path string, values url.Values) (int, string, string) {
	r := httptest.NewRequest("POST", path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.answer(r)
}

func (v *visitor) answer(r *http.Request) (int, string, string) {
	res := v.do(r)
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body), res.Header.Get("Location")
}

// send sends a form with files: a name that begins with @ is a file's.
func (v *visitor) send(path string, values url.Values, files ...upload) (int, string, string) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for name, all := range values {
		for _, value := range all {
			_ = m.WriteField(name, value)
		}
	}
	for _, f := range files {
		field, name, _ := strings.Cut(f.Name, ":")
		p, _ := m.CreateFormFile(field, name)
		_, _ = p.Write(f.Data)
	}
	_ = m.Close()
	r := httptest.NewRequest("POST", path, &b)
	r.Header.Set("Content-Type", m.FormDataContentType())
	return v.answer(r)
}

func (o *office) settle(t testing.TB) {
	t.Helper()
	for {
		n, err := o.reg.Integrate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

func kettle(name string) register.Facts {
	return register.Facts{Name: name, Make: "Acme", Models: []string{name}, Category: "Kettle", GTINs: []register.GTIN{"04006381333931"},
		Contact: register.Contact{URL: "https://acme.example/security", Email: "security@acme.example", Ack: "within 5 days", Updates: "every month"}, Passwords: register.Passwords{Kind: register.PasswordUnique}}
}

// signedStatement is a statement of compliance as package statement signs it.
func signedStatement(t testing.TB, key *sign.Key, f register.Facts, end string) []byte {
	t.Helper()
	opinion := func(id, title string, cite assay.Cite) statement.Compliance {
		return statement.Compliance{Requirement: id, Title: title, Cite: cite, Basis: statement.Schedule1, Route: "para1-direct", RestsOn: "both"}
	}
	today := assay.DateOf(time.Now())
	p := statement.Predicate{Content: statement.Content{
		Product: statement.Product{Name: f.Name, Make: f.Make, Types: f.Models, Batch: "B1"}, Manufacturers: []statement.Person{{Name: "Acme Ltd", Address: "1 Example Way"}}, Representatives: []statement.Person{}, PreparedBy: "manufacturer",
		Opinion:   []statement.Compliance{opinion("passwords", "Passwords", "SI 2023/1007 Sch.1 para 1"), opinion("reporting", "Reporting security issues", "SI 2023/1007 Sch.1 para 2"), opinion("support", "Minimum security update periods", "SI 2023/1007 Sch.1 para 3")},
		Standards: []statement.Standard{}, Support: statement.SupportPeriod{End: assay.MustDate(end), Source: "what the dossier says"}, Signatory: statement.Signatory{Name: "Ada Example", Function: "head of compliance"}, Place: "Exampleton",
		Issued: today, RetainUntil: today.AddDays(3653), LawVersion: "2025-12-04", Verdict: assay.Pass,
	}, SignedAt: time.Now()}
	return sealed(t, key, statement.PredicateType, p)
}

func sealed(t testing.TB, key *sign.Key, kind string, predicate any) []byte {
	t.Helper()
	e, err := sign.SealStatement([]sign.Resource{sign.NewResource("statement.html", register.DigestOf([]byte("x")))}, kind, predicate, key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (o *office) publish(t testing.TB, f *firm, name, end string) register.Receipt {
	t.Helper()
	facts := kettle(name)
	got, err := o.reg.Publish(t.Context(), f.people[register.RoleEditor], &register.Bundle{Format: 1, Facts: facts, Statement: signedStatement(t, f.key, facts, end)})
	if err != nil {
		t.Fatal(err)
	}
	o.settle(t)
	return got
}

func contains(t testing.TB, body string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(body, w) {
			t.Errorf("page lacks %q:\n%s", w, shownLine(body, 6000))
		}
	}
}
