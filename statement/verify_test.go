package statement_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
)

// ready is a dossier with evidence and a statement that holds.
func ready(t testing.TB, o statement.Options) (dir string, s *statement.Issued) {
	t.Helper()
	dir, d := kettle(t, nil)
	if err := os.MkdirAll(filepath.Join(dir, "evidence", "documents"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "evidence", "documents", "policy.txt"), []byte("report to security@kettles.example"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Close()
	d = open(t, dir)
	c, a, err := build(t, d, request(dir))
	if err != nil {
		t.Fatal(err)
	}
	if o.Key == nil {
		o.Key = newKey(t)
	}
	o.Now, o.Print = now, fakePDF
	if s, err = statement.Issue(t.Context(), dir, d, c, a, o); err != nil {
		t.Fatal(err)
	}
	return dir, s
}

func holds(t testing.TB, file string, o statement.VerifyOptions) (bool, string) {
	t.Helper()
	v, err := statement.Verify(t.Context(), file, o)
	if err != nil {
		return false, err.Error()
	}
	var broken []string
	for _, f := range v.Findings {
		if f.State == statement.Broken {
			broken = append(broken, f.What)
		}
	}
	if v.Holds != (len(broken) == 0) {
		t.Errorf("holds is %v with %v", v.Holds, broken)
	}
	return v.Holds, strings.Join(broken, " ")
}

func TestEveryByteOfEveryFileCounts(t *testing.T) {
	dir, s := ready(t, statement.Options{})
	envelope := filepath.Join(dir, s.Envelope)
	all := statement.VerifyOptions{Dossier: dir}
	for _, name := range []string{s.Envelope, s.PDF, s.HTML, s.Assessment} {
		if ok, broken := holds(t, filepath.Join(dir, name), all); !ok && name != s.Assessment {
			t.Fatalf("%s: %s", name, broken)
		}
	}
	for name, step := range map[string]int{s.Envelope: 7, s.HTML: 97, s.PDF: 1, s.Assessment: 9973, "product.yaml": 31, "declared.yaml": 997, "evidence/documents/policy.txt": 3} {
		file := filepath.Join(dir, name)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		o := statement.VerifyOptions{}
		if filepath.Ext(name) == ".yaml" || filepath.Ext(name) == ".txt" {
			o = all
		}
		for i := 0; i < len(data); i += step {
			changed := bytes.Clone(data)
			changed[i] ^= 1
			if err := os.WriteFile(file, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			if ok, _ := holds(t, envelope, o); ok {
				t.Fatalf("%s: byte %d was changed and the statement still holds", name, i)
			}
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if ok, broken := holds(t, envelope, all); !ok {
		t.Errorf("put back as it was: %s", broken)
	}
}

func TestFilesOfTheStatementByOtherNames(t *testing.T) {
	dir, s := ready(t, statement.Options{})
	pdf, err := os.ReadFile(filepath.Join(dir, s.PDF))
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "from-the-shop.pdf")
	if err := os.WriteFile(copied, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	if ok, broken := holds(t, copied, statement.VerifyOptions{}); !ok {
		t.Errorf("a copy by another name: %s", broken)
	}
	if err := os.WriteFile(filepath.Join(dir, s.PDF), append(pdf, ' '), 0o600); err != nil {
		t.Fatal(err)
	}
	if ok, broken := holds(t, filepath.Join(dir, s.PDF), statement.VerifyOptions{}); ok || broken != s.PDF {
		t.Errorf("a changed PDF: %v %q", ok, broken)
	}
	if err := os.WriteFile(copied, append(pdf, ' '), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := statement.Verify(t.Context(), copied, statement.VerifyOptions{}); !errors.Is(err, assay.ErrNotFound) {
		t.Errorf("a PDF that no statement names: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, s.HTML)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, s.PDF), pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	if ok, broken := holds(t, filepath.Join(dir, s.PDF), statement.VerifyOptions{}); !ok {
		t.Errorf("without the page beside it: %s", broken)
	}
}

func TestDossierAddedToAndChanged(t *testing.T) {
	dir, s := ready(t, statement.Options{})
	envelope := filepath.Join(dir, s.Envelope)
	o := statement.VerifyOptions{Dossier: dir}
	note := func() string {
		v, err := statement.Verify(t.Context(), envelope, o)
		if err != nil {
			t.Fatal(err)
		}
		f := v.Findings[len(v.Findings)-1]
		if f.What != "dossier" {
			t.Fatalf("the last finding is %v", f)
		}
		return string(f.State) + ": " + f.Note
	}
	appendTo := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := note(), "holds: as it stood when the statement was signed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	appendTo("declared.yaml", "# more\n")
	appendTo("evidence/documents/new.txt", "new")
	if got, want := note(), "holds: as it stood when the statement was signed; added to since, which the statement does not speak of: declared.yaml, evidence (1 more)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	appendTo("product.yaml", "# more\n")
	if got, want := note(), "does not hold: product.yaml was changed"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := os.Remove(filepath.Join(dir, "evidence", "documents", "policy.txt")); err != nil {
		t.Fatal(err)
	}
	if got, want := note(), "does not hold: product.yaml was changed; evidence/documents/policy.txt is not there"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSignedByAnother(t *testing.T) {
	k, other := newKey(t), newKey(t).Public()
	dir, s := ready(t, statement.Options{Key: k})
	mine := k.Public()
	if ok, broken := holds(t, filepath.Join(dir, s.Envelope), statement.VerifyOptions{Key: &mine}); !ok {
		t.Error(broken)
	}
	if ok, broken := holds(t, filepath.Join(dir, s.Envelope), statement.VerifyOptions{Key: &other}); ok || broken != "signature" {
		t.Errorf("got %v %q", ok, broken)
	}
}

// What is signed well may still not be a statement that holds.
func TestSignedButWrong(t *testing.T) {
	k := newKey(t)
	dir, s := ready(t, statement.Options{Key: k})
	data, err := os.ReadFile(filepath.Join(dir, s.Envelope))
	if err != nil {
		t.Fatal(err)
	}
	e, err := sign.ParseEnvelope(data)
	if err != nil {
		t.Fatal(err)
	}
	st, err := e.Statement()
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		bend func(*statement.Predicate)
		want string
	}{
		"untouched":      {func(*statement.Predicate) {}, ""},
		"no-batch":       {func(p *statement.Predicate) { p.Product.Batch = "" }, "SOC-01"},
		"no-end":         {func(p *statement.Predicate) { p.Support.End = assay.Date{} }, "SOC-07"},
		"no-name":        {func(p *statement.Predicate) { p.Signatory.Name = "" }, "SOC-08"},
		"kept-too-short": {func(p *statement.Predicate) { p.RetainUntil = assay.MustDate("2030-01-01") }, "retention"},
		"no-stamp":       {func(p *statement.Predicate) { p.TimestampBy = "https://tsa.example" }, "time-stamp"},
	} {
		t.Run(name, func(t *testing.T) {
			var p statement.Predicate
			if err := json.Unmarshal(st.Predicate, &p); err != nil {
				t.Fatal(err)
			}
			row.bend(&p)
			forged, err := sign.SealStatement(st.Subject, st.PredicateType, p, k)
			if err != nil {
				t.Fatal(err)
			}
			data, err := forged.Encode()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "statement-forged.json")
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			if ok, broken := holds(t, file, statement.VerifyOptions{}); broken != row.want || ok != (row.want == "") {
				t.Errorf("got %v %q, want %q", ok, broken, row.want)
			}
		})
	}
	other, err := sign.SealStatement(st.Subject, "https://example.org/other", 1, k)
	if err != nil {
		t.Fatal(err)
	}
	if data, err = other.Encode(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "statement-other.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := statement.Verify(t.Context(), file, statement.VerifyOptions{}); !errors.Is(err, assay.ErrInvalid) {
		t.Errorf("another kind of payload: %v", err)
	}
}

// stampServer is a time-stamp authority on loopback.
func stampServer(t *testing.T, at time.Time) (url string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Example Time-Stamping"}, NotBefore: at.AddDate(-1, 0, 0), NotAfter: at.AddDate(1, 0, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, _ := io.ReadAll(r.Body)
		req, err := timestamp.ParseRequest(query)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		stamp := &timestamp.Timestamp{HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage, Time: at, Nonce: req.Nonce,
			Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 1}, AddTSACertificate: true}
		answer, err := stamp.CreateResponseWithOpts(certificate, key, crypto.SHA256)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Write(answer)
	}))
	t.Cleanup(server.Close)
	roots = x509.NewCertPool()
	roots.AddCert(certificate)
	return server.URL, roots
}

func TestTimestamp(t *testing.T) {
	url, roots := stampServer(t, now)
	dir, s := ready(t, statement.Options{Timestamp: url})
	file := filepath.Join(dir, s.Envelope)
	v, err := statement.Verify(t.Context(), file, statement.VerifyOptions{Roots: roots})
	if err != nil || !v.Holds {
		t.Fatalf("%v %v", v, err)
	}
	if f := v.Findings[1]; f.What != "time-stamp" || f.State != statement.Holds || !strings.Contains(f.Note, "2026-11-22T15:00:00Z, by CN=Example Time-Stamping") || strings.Contains(f.Note, "trust") {
		t.Errorf("got %v", f)
	}
	_, others := stampServer(t, now)
	if ok, broken := holds(t, file, statement.VerifyOptions{Roots: others}); ok || broken != "time-stamp" {
		t.Errorf("another authority: %v %q", ok, broken)
	}
	early, _ := stampServer(t, now.AddDate(0, -1, 0))
	dir, s = ready(t, statement.Options{Timestamp: early})
	if ok, broken := holds(t, filepath.Join(dir, s.Envelope), statement.VerifyOptions{}); ok || broken != "time-stamp" {
		t.Errorf("stamped before the day of issue: %v %q", ok, broken)
	}
}

func TestNothingIsWrittenWithoutTheTimestampAskedFor(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	dir, d := kettle(t, nil)
	c, a, err := build(t, d, request(dir))
	if err != nil {
		t.Fatal(err)
	}
	_, err = statement.Issue(t.Context(), dir, d, c, a, statement.Options{Key: newKey(t), Now: now, Timestamp: server.URL, Print: fakePDF})
	if err == nil {
		t.Error("it was issued")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "statement*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What stops half-way leaves no signed statement behind, and does not stand in the
// way of the next.
func TestNothingIsIssuedHalf(t *testing.T) {
	dir, d := kettle(t, nil)
	c, a, err := build(t, d, request(dir))
	if err != nil {
		t.Fatal(err)
	}
	o := statement.Options{Key: newKey(t), Now: now, Print: func(context.Context, []byte) ([]byte, error) { return nil, errors.New("the printer burns") }}
	if _, err := statement.Issue(t.Context(), dir, d, c, a, o); err == nil {
		t.Error("it was issued")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "statement*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := os.Mkdir(filepath.Join(dir, "statement-2026-05.pdf"), 0o700); err != nil {
		t.Fatal(err)
	}
	o.Print = fakePDF
	if _, err := statement.Issue(t.Context(), dir, d, c, a, o); err == nil {
		t.Error("it was issued without its PDF")
	}
	if _, err := os.Stat(filepath.Join(dir, "statement-2026-05.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is signed without its PDF: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "statement-2026-05.pdf")); err != nil {
		t.Fatal(err)
	}
	s, err := statement.Issue(t.Context(), dir, d, c, a, o)
	if err != nil {
		t.Fatal(err)
	}
	if ok, broken := holds(t, filepath.Join(dir, s.PDF), statement.VerifyOptions{Dossier: dir}); !ok {
		t.Error(broken)
	}
}

// No Chromium is no reason not to issue.
func TestIssuedWithoutPDF(t *testing.T) {
	dir, d := kettle(t, nil)
	c, a, err := build(t, d, request(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir())
	s, err := statement.Issue(t.Context(), dir, d, c, a, statement.Options{Key: newKey(t), Now: now, Print: statement.PDF})
	if err != nil || s.PDF != "" {
		t.Fatalf("%v %v", s, err)
	}
	if ok, broken := holds(t, filepath.Join(dir, s.HTML), statement.VerifyOptions{}); !ok {
		t.Error(broken)
	}
}

func FuzzVerify(f *testing.F) {
	dir, s := ready(f, statement.Options{})
	data, err := os.ReadFile(filepath.Join(dir, s.Envelope))
	if err != nil {
		f.Fatal(err)
	}
	e, err := sign.ParseEnvelope(data)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(e.Payload)
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"../x","digest":null}],"predicateType":"` + statement.PredicateType + `","predicate":{}}`))
	k := newKey(f)
	file := filepath.Join(f.TempDir(), "statement-x.json")
	f.Fuzz(func(t *testing.T, payload []byte) {
		e, err := sign.Seal(sign.PayloadType, payload, k)
		if err != nil {
			t.Fatal(err)
		}
		data, err := e.Encode()
		if err != nil {
			return
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := statement.Verify(t.Context(), file, statement.VerifyOptions{Dossier: filepath.Dir(file)})
		if err == nil && v.Holds && v.Content.RetainUntil.Zero() {
			t.Fatal("a statement without dates holds")
		}
	})
}

func FuzzParseOpinion(f *testing.F) {
	f.Add("PW-1=each unit has its own by Ada Example")
	f.Add("= by ")
	f.Fuzz(func(t *testing.T, s string) {
		o, err := statement.ParseOpinion(s)
		if err != nil {
			return
		}
		again, err := statement.ParseOpinion(o.Limb + "=" + o.Reason + " by " + o.By)
		if err != nil || again != o {
			t.Fatalf("got %v %v, want %v", again, err, o)
		}
	})
}
