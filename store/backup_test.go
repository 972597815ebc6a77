package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/laboratory"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/store"
)

// fill puts something of everything into a register.
func (h *house) fill(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	for i := range 5 {
		f := facts(fmt.Sprintf("Lamp %d", i))
		f.GTINs = []register.GTIN{"5012345678900"}
		f.Labels = []register.Label{{Scheme: "JC-STAR", Level: "1", Expires: assay.MustDate("2027-01-01")}}
		r := h.publish(t, f, "2031-01-01")
		if i == 1 {
			if _, err := h.s.ExtendSupport(ctx, h.maker, r.Product, []register.Extension{{Component: register.WholeProduct, End: assay.MustDate("2033-01-01")}}, ""); err != nil {
				t.Fatal(err)
			}
		}
		if i == 2 {
			if _, err := h.s.Withdraw(ctx, h.maker, r.Product, "recalled: \u00e9\n\"quoted\""); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.settle(t)
	h.publish(t, facts("Not in the log"), "2031-01-01")
	if _, err := h.s.SaveDraft(ctx, h.maker, register.Draft{Facts: facts("A draft")}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.s.NewToken(ctx, h.maker, "ci", []register.TokenScope{register.ScopeRead}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := h.s.AddCredential(ctx, h.maker, register.Credential{ID: []byte{0, 1, 255}, Data: []byte(`{}`), Name: "phone"}); err != nil {
		t.Fatal(err)
	}
	if err := h.s.AddIdentity(ctx, h.maker, register.Identity{Issuer: "https://id.example", Subject: "1"}); err != nil {
		t.Fatal(err)
	}
	if err := h.s.Subscribe(ctx, "buyer@example.org", register.Target{Kind: register.FollowMaker, Key: "acme-ltd"}); err != nil {
		t.Fatal(err)
	}
	if err := h.db.Sessions(h.clock, nil).Commit("token", []byte("data"), h.now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

func (h *house) clock() time.Time { return h.now }

// everything is what a register answers, and what it keeps.
func (h *house) everything(t *testing.T) map[string]string {
	t.Helper()
	out := h.everyWay(t, h.maker, "lamp", nil)
	for _, name := range []string{"Lamp 1", "Not in the log", "A draft"} {
		own, err := h.s.OwnEntries(t.Context(), h.maker, register.OwnFilter{Text: name})
		if err != nil || len(own) != 1 {
			t.Fatalf("%s: %v, %v", name, own, err)
		}
		for way, text := range h.everyWay(t, h.maker, string(own[0].ID), nil) {
			out[name+" "+way] = text
		}
	}
	for _, q := range []string{"lamp", "acme", "Lamp 3", "501234"} {
		r, err := h.s.Search(t.Context(), register.Public, register.Query{Text: q, Withdrawn: true})
		if err != nil {
			t.Fatal(err)
		}
		out["search "+q] = fmt.Sprintf("%+v", r)
	}
	data, found, err := h.db.Sessions(h.clock, nil).Find("token")
	out["session"] = fmt.Sprint(string(data), found, err)
	c, err := h.s.Credentials(t.Context(), h.maker.Account)
	out["passkeys"] = fmt.Sprint(c, err)
	k, err := h.s.Tokens(t.Context(), h.maker)
	out["tokens"] = fmt.Sprint(k, err)
	e, err := h.s.Audit(t.Context(), h.op, register.EventFilter{})
	out["events"] = fmt.Sprint(e, err)
	return out
}

// A register backed up on either engine is the same when it is restored on either,
// and goes on.
func TestBackup(t *testing.T) {
	for _, from := range engines {
		for _, to := range engines {
			t.Run(from+"-to-"+to, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t, address(t, from))
				h.logAt = filepath.Join(t.TempDir(), "logs", "log")
				if err := os.Mkdir(filepath.Dir(h.logAt), 0o700); err != nil {
					t.Fatal(err)
				}
				h.open(t)
				h.fill(t)
				var file bytes.Buffer
				room := h.bench(t)
				m, err := h.db.Backup(t.Context(), &file, filepath.Dir(h.logAt), room.Files, h.now)
				if err != nil {
					t.Fatal(err)
				}
				kept := tested(t, room)
				want := h.everything(t)
				h.publish(t, facts("After the backup"), "2031-01-01") // and the log goes on
				h.settle(t)

				r := *h
				r.where, r.logAt = address(t, to), filepath.Join(t.TempDir(), "log", "log")
				db, err := store.Open(t.Context(), r.where, store.Options{})
				if err != nil {
					t.Fatal(err)
				}
				at := filepath.Join(t.TempDir(), "tests")
				got, err := db.Restore(t.Context(), bytes.NewReader(file.Bytes()), int64(file.Len()), filepath.Dir(r.logAt), at)
				if err != nil {
					t.Fatal(err)
				}
				db.Close()
				back, err := laboratory.Open(at, laboratory.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer back.Close()
				if d := cmp.Diff(tested(t, back), kept); d != "" || len(kept) < 6 || back.ID() != room.ID() {
					t.Errorf("tests of %s, were %s: %s", back.ID(), room.ID(), d)
				}
				if err := back.Work(t.Context(), "oacme", testOf(t, back), "Kim Lee", 0, func(v *laboratory.Visit) error {
					return v.Recorder.Record(t.Context(), "identity/bench.supplier", bench.Answer{Value: "Another"})
				}); err != nil {
					t.Errorf("a restored test does not go on: %v", err)
				}
				if d := cmp.Diff(got, m); d != "" {
					t.Errorf("manifest: %s", d)
				}
				r.open(t)
				if err := r.s.HoldTests(t.Context(), back.ID()); err != nil {
					t.Errorf("its folder of tests: %v", err)
				}
				if d := cmp.Diff(r.everything(t), want); d != "" {
					t.Errorf("restored: %s", d)
				}
				r.settle(t)
				if a := r.agree(t); a.Leaves != 8 || a.Pending != 0 {
					t.Errorf("log: %+v", a)
				}
				r.publish(t, facts("After the restore"), "2031-01-01")
				r.settle(t)
				r.agree(t)
				mails := r.mails(t)
				if d := cmp.Diff(mails, h.mails(t), cmpopts.SortSlices(func(a, b string) bool { return a < b })); d != "" {
					t.Errorf("mails that wait: %s", d)
				}
				if !slices.ContainsFunc(mails, func(m string) bool { return strings.HasPrefix(m, "buyer@example.org|") }) {
					t.Errorf("the letter that waited is not among %q", mails)
				}
			})
		}
	}
}

// bench is a folder of tests with one in it that has answers, a photograph among them.
func (h *house) bench(t *testing.T) *laboratory.Room {
	t.Helper()
	room, err := laboratory.Open(t.TempDir(), laboratory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { room.Close() })
	if err := h.s.HoldTests(t.Context(), room.ID()); err != nil {
		t.Fatal(err)
	}
	if err := h.s.HoldTests(t.Context(), "another"); !errors.Is(err, assay.ErrConflict) {
		t.Errorf("another folder: %v, want a conflict", err)
	}
	test, err := room.Begin(t.Context(), "oacme", laboratory.Start{Name: "Lamp", By: "Kim Lee"})
	if err != nil {
		t.Fatal(err)
	}
	err = room.Work(t.Context(), "oacme", test.ID, "Kim Lee", 0, func(v *laboratory.Visit) error {
		for _, x := range []struct {
			step string
			a    bench.Answer
		}{{"identity/bench.supplier", bench.Answer{Value: "Acme"}}, {"ics/5.3-16", bench.Answer{Value: "Y"}},
			{"unit/5.3-16-2/a", bench.Answer{Value: "FAIL", Reason: "no label", Files: []bench.File{{Name: "p.jpg", Data: []byte("photograph")}}}}} {
			if err := v.Recorder.Record(t.Context(), x.step, x.a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return room
}

// testOf is the one test in a folder.
func testOf(t *testing.T, room *laboratory.Room) string {
	t.Helper()
	tests, err := room.Tests("oacme")
	if err != nil || len(tests) != 1 {
		t.Fatalf("%d tests, %v", len(tests), err)
	}
	return tests[0].ID
}

// tested is all that is kept of tests, by name.
func tested(t *testing.T, room *laboratory.Room) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := room.Files(t.Context(), func(name string, content io.Reader) error {
		data, err := io.ReadAll(content)
		all[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// mails does the work that waits, and gives to whom it sends what.
func (h *house) mails(t *testing.T) []string {
	t.Helper()
	var out []string
	done := make(chan string, 100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- h.db.Work(ctx, 2, func(ctx context.Context, w register.Work) error {
			if w.Kind == register.WorkMail {
				var m register.Mail
				if err := json.Unmarshal(w.Payload, &m); err != nil {
					return err
				}
				done <- fmt.Sprintf("%s|%s|%s|%s", m.To, m.Subject, m.Text, m.StopURL)
				return nil
			}
			return h.s.Do(ctx, w)
		})
	}()
	for waiting := 1; waiting > 0; {
		var err error
		if waiting, err = h.db.Waiting(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case m := <-done:
			out = append(out, m)
		case <-time.After(10 * time.Millisecond):
		}
	}
	for len(done) > 0 {
		out = append(out, <-done)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRestoreRefuses(t *testing.T) {
	h := newHouse(t, address(t, "sqlite"))
	h.fill(t)
	var file bytes.Buffer
	if _, err := h.db.Backup(t.Context(), &file, "", nil, h.now); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	fresh := func() *store.DB {
		db, err := store.Open(t.Context(), address(t, "sqlite"), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	if _, err := h.db.Restore(t.Context(), bytes.NewReader(whole), int64(len(whole)), "", ""); !errors.Is(err, assay.ErrConflict) {
		t.Errorf("into a register in use: got %v, want a conflict", err)
	}
	cut := whole[:len(whole)/2]
	if _, err := fresh().Restore(t.Context(), bytes.NewReader(cut), int64(len(cut)), "", ""); !errors.Is(err, assay.ErrInvalid) {
		t.Errorf("cut off: got %v, want invalid", err)
	}
	for i := 1000; i < len(whole); i += len(whole) / 23 {
		broken := bytes.Clone(whole)
		broken[i] ^= 1
		db := fresh()
		if _, err := db.Restore(t.Context(), bytes.NewReader(broken), int64(len(broken)), "", ""); err == nil {
			// a bit of the zip's own bookkeeping: then all that counts must be right
			s, err := register.Open(t.Context(), register.Config{Store: db, Log: h.log, Now: h.clock, Random: bytes.NewReader(nil), Holder: "x"})
			if err != nil {
				t.Fatal(err)
			}
			if n, err := s.Total(t.Context()); err != nil || n != 5 {
				t.Errorf("byte %d changed: %d entries, %v", i, n, err)
			}
		}
	}
}
