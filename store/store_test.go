package store_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/blank"
	"github.com/assay-psti/assay/internal/pgtest"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
	"github.com/assay-psti/assay/store"
)

var postgres struct {
	once   sync.Once
	server *pgtest.Server
	err    error
}

func postgresServer() (*pgtest.Server, error) {
	postgres.once.Do(func() { postgres.server, postgres.err = pgtest.Start(context.Background(), false) })
	return postgres.server, postgres.err
}

func TestMain(m *testing.M) {
	if task := os.Getenv(publisherTask); task != "" {
		publishUntilKilled(task)
		return
	}
	code := m.Run()
	if postgres.server != nil {
		if err := postgres.server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// address is where a new database is: a file, or on a real server.
func address(t testing.TB, engine string) string {
	t.Helper()
	if engine == "sqlite" {
		return blank.SQLite(t)
	}
	server, err := postgresServer()
	if errors.Is(err, pgtest.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	where, err := blank.Postgres(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	return where
}

var engines = []string{"sqlite", "postgres"}

// onBoth runs a test on a new register on each engine.
func onBoth(t *testing.T, f func(t *testing.T, h *house)) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			f(t, newHouse(t, address(t, engine)))
		})
	}
}

// fileLog is a log in one file, as plain as can be: it is what package register
// wants of a log and no more.
type fileLog struct {
	mu     sync.Mutex
	file   *os.File
	leaves [][]byte
}

func openFileLog(name string) (*fileLog, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	l := &fileLog{file: f}
	r := bufio.NewReader(f)
	end := int64(0)
	for {
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			break
		}
		leaf := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(r, leaf); err != nil {
			break
		}
		l.leaves = append(l.leaves, leaf)
		end += 4 + int64(len(leaf))
	}
	if err := f.Truncate(end); err != nil { // half a leaf was never acknowledged
		return nil, err
	}
	_, err = f.Seek(end, io.SeekStart)
	return l, err
}

func (l *fileLog) AppendAll(_ context.Context, leaves [][]byte) ([]int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var indexes []int64
	for _, leaf := range leaves { // one by one, so that a kill may fall between
		if _, err := l.file.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(leaf))), leaf...)); err != nil {
			return nil, err
		}
		indexes = append(indexes, int64(len(l.leaves)))
		l.leaves = append(l.leaves, leaf)
	}
	return indexes, nil
}

func (l *fileLog) Size(context.Context) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.leaves)), nil
}

func (l *fileLog) Leaves(_ context.Context, from int64, f func(int64, []byte) error) error {
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

// house is a register with a maker in it.
type house struct {
	where string
	db    *store.DB
	log   *fileLog
	logAt string
	s     *register.Service
	now   time.Time
	key   *sign.Key
	maker register.Viewer // owner of an organisation that makes things
	op    register.Viewer
	pages *register.Watch // how pages are looked at; nil: they are not
}

func newHouse(t testing.TB, where string) *house {
	t.Helper()
	h := &house{where: where, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), logAt: filepath.Join(t.TempDir(), "log")}
	h.open(t)
	secret, err := h.s.SetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, err := h.s.TakeUpLink(t.Context(), register.Public, secret, register.Person{Name: "Op Example", Email: "op@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	h.op = h.signIn(t, a.ID, "")
	h.maker, h.key = h.organisation(t, "Acme Ltd", register.Manufacturer)
	return h
}

func (h *house) engine() string {
	if strings.HasPrefix(h.where, "postgres") {
		return "postgres"
	}
	return "sqlite"
}

func (h *house) open(t testing.TB) {
	t.Helper()
	var err error
	if h.db, err = store.Open(context.Background(), h.where, store.Options{}); err != nil {
		t.Fatal(err)
	}
	db := h.db
	t.Cleanup(func() { db.Close() })
	if h.log, err = openFileLog(h.logAt); err != nil {
		t.Fatal(err)
	}
	h.s, err = register.Open(t.Context(), register.Config{
		Store: h.db, Log: h.log, Now: func() time.Time { return h.now }, Random: rand.Reader, BaseURL: "https://register.example", Wait: time.Nanosecond, Holder: "test", Pages: h.pages,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) signIn(t testing.TB, id register.AccountID, org register.OrgID) register.Viewer {
	t.Helper()
	v, err := h.s.SignIn(t.Context(), id, org, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// organisation makes an organisation with an owner of its own and a key.
func (h *house) organisation(t testing.TB, name string, kind register.OrgKind) (register.Viewer, *sign.Key) {
	t.Helper()
	o, err := h.s.CreateOrganisation(t.Context(), h.op, register.Organisation{Name: name, Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	owner := h.signIn(t, h.op.Account, o.ID)
	v := h.member(t, owner, register.RoleOwner)
	key, err := sign.Generate(sign.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.s.AddKey(t.Context(), v, "first", key.Public().PEM()); err != nil {
		t.Fatal(err)
	}
	if err := h.s.RemoveMember(t.Context(), owner, h.op.Account); err != nil {
		t.Fatal(err)
	}
	return v, key
}

var persons struct {
	mu sync.Mutex
	n  int
}

// member invites somebody new.
func (h *house) member(t testing.TB, owner register.Viewer, role register.Role) register.Viewer {
	t.Helper()
	persons.mu.Lock()
	persons.n++
	email := fmt.Sprintf("person%d@example.org", persons.n)
	persons.mu.Unlock()
	secret, err := h.s.Invite(t.Context(), owner, email, role)
	if err != nil {
		t.Fatal(err)
	}
	a, err := h.s.TakeUpLink(t.Context(), register.Public, secret, register.Person{Name: "Ada Example", Email: email})
	if err != nil {
		t.Fatal(err)
	}
	return h.signIn(t, a.ID, owner.Org)
}

// signed is a statement of compliance as package statement would sign it.
func signed(t testing.TB, key *sign.Key, f register.Facts, end assay.Date) []byte {
	t.Helper()
	data, err := signedBytes(key, f, end)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func signedBytes(key *sign.Key, f register.Facts, end assay.Date) ([]byte, error) {
	opinion := func(id, title string, cite assay.Cite) statement.Compliance {
		return statement.Compliance{Requirement: id, Title: title, Cite: cite, Basis: statement.Schedule1, Route: "para1-direct", RestsOn: "both"}
	}
	types := f.Models
	if len(types) == 0 {
		types = []string{f.Name}
	}
	p := statement.Predicate{Content: statement.Content{
		Product: statement.Product{Name: f.Name, Make: f.Make, Types: types, Batch: "B1"}, Manufacturers: []statement.Person{{Name: "Acme Ltd", Address: "1 Example Way"}},
		Representatives: []statement.Person{}, PreparedBy: "manufacturer",
		Opinion: []statement.Compliance{
			opinion("passwords", "Passwords", "SI 2023/1007 Sch.1 para 1"), opinion("reporting", "Reporting security issues", "SI 2023/1007 Sch.1 para 2"), opinion("support", "Minimum security update periods", "SI 2023/1007 Sch.1 para 3"),
		},
		Standards: []statement.Standard{}, Support: statement.SupportPeriod{End: end, Source: "what the dossier says"}, Signatory: statement.Signatory{Name: "Ada Example", Function: "head of compliance"}, Place: "Exampleton",
		Issued: assay.MustDate("2026-11-01"), RetainUntil: assay.MustDate("2036-11-01"), LawVersion: "2025-12-04", Verdict: assay.Pass,
	}, SignedAt: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)}
	e, err := sign.SealStatement([]sign.Resource{sign.NewResource("statement-B1.html", register.DigestOf([]byte(f.Name)))}, statement.PredicateType, p, key)
	if err != nil {
		return nil, err
	}
	return e.Encode()
}

func facts(name string) register.Facts {
	return register.Facts{
		Name: name, Make: "Acme", Models: []string{name}, Category: "Kettle", Contact: register.Contact{URL: "https://acme.example/security", Email: "security@acme.example"}, Passwords: register.Passwords{Kind: register.PasswordUnique},
	}
}

// bundle is a product whose support ends on a day.
func (h *house) bundle(t testing.TB, f register.Facts, end string) *register.Bundle {
	t.Helper()
	return &register.Bundle{Format: 1, Facts: f, Statement: signed(t, h.key, f, assay.MustDate(end))}
}

func (h *house) publish(t testing.TB, f register.Facts, end string) register.Receipt {
	t.Helper()
	r, err := h.s.Publish(t.Context(), h.maker, h.bundle(t, f, end))
	if err != nil {
		t.Fatal(err)
	}
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

// agree holds the log against the database, and words against the entries they are of.
func (h *house) agree(t testing.TB) register.Agreement {
	t.Helper()
	a, err := h.s.CheckLog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !a.Agrees() {
		text, _ := json.Marshal(a)
		t.Fatalf("log and database differ: %s", text)
	}
	if want, got := h.db.Words(t.Context(), t); !slices.Equal(got, want) {
		t.Fatalf("words: %s", cmp.Diff(got, want))
	}
	return a
}
