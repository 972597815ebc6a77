package page

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/google/go-cmp/cmp"
)

var someDay = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const goodTxt = `# Alder
Contact: mailto:security@alder.example
Contact: https://alder.example/report
Expires: 2027-06-30T00:00:00Z
Preferred-Languages: en, de
Canonical: https://alder.example/.well-known/security.txt
Policy: https://alder.example/policy
Colour: green
`

func TestParseSecurityTxt(t *testing.T) {
	f := ParseSecurityTxt([]byte(goodTxt))
	if !f.Wellformed() || len(f.Contacts) != 2 || f.Signed || !f.English() || len(f.Other) != 1 || f.LongLived(someDay) {
		t.Errorf("got %+v", f)
	}
	for _, c := range f.Contacts {
		if got := goodTxt[c.From:c.To]; !strings.HasPrefix(got, "Contact: ") || !strings.HasSuffix(got, c.Value) {
			t.Errorf("place of %q: got %q", c.Value, got)
		}
	}
	if expired, known := f.Expired(someDay); expired || !known {
		t.Errorf("got expired %t, known %t at %s", expired, known, someDay)
	}
	if expired, _ := f.Expired(f.Expires.Add(time.Second)); !expired {
		t.Error("not expired a second after its date")
	}
	if expired, _ := f.Expired(f.Expires); expired {
		t.Error("expired at its very date")
	}
}

func TestSecurityTxtFaults(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string // sections of hard faults, in order
	}{
		"no_contact":     {"Expires: 2027-01-01T00:00:00Z\n", []string{"2.5.3"}},
		"no_expires":     {"Contact: mailto:a@b.example\n", []string{"2.5.5"}},
		"bad_expires":    {"Contact: mailto:a@b.example\nExpires: Thu, 17 Mar 2022 12:00 +0100\n", []string{"2.5.5"}},
		"two_expires":    {"Contact: mailto:a@b.example\nExpires: 2027-01-01T00:00:00Z\nExpires: 2028-01-01T00:00:00Z\n", []string{"2.5.5"}},
		"contact_no_uri": {"Contact: a@b.example\nExpires: 2027-01-01T00:00:00Z\n", []string{"2.5.3"}},
		"contact_http":   {"Contact: http://b.example\nExpires: 2027-01-01T00:00:00Z\n", []string{"2.5.3"}},
		"two_languages":  {"Contact: tel:+44-1\nExpires: 2027-01-01t00:00:00z\nPreferred-Languages: en\nPreferred-Languages: de\n", []string{"2.5.8"}},
		"no_field":       {"Contact: tel:+44-1\nExpires: 2027-01-01T00:00:00Z\nhello there\n", []string{"4"}},
		"page_instead":   {"<!doctype html>\n<title>Not found</title>\n", []string{"4", "4", "2.5.3", "2.5.5"}},
		"crlf_is_fine":   {"Contact: tel:+44-1\r\nExpires: 2027-01-01T00:00:00Z\r\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range ParseSecurityTxt([]byte(c.text)).Faults {
				if f.Hard {
					got = append(got, f.Cite)
				}
			}
			if diff := cmp.Diff(got, c.want); diff != "" {
				t.Errorf("-got +want\n%s", diff)
			}
		})
	}
}

func signedTxt(t *testing.T, text string) (file, key []byte, e *openpgp.Entity) {
	t.Helper()
	e, err := openpgp.NewEntity("Alder", "", "security@alder.example", configAt(someDay.AddDate(-1, 0, 0)))
	if err != nil {
		t.Fatal(err)
	}
	var b, k bytes.Buffer
	w, err := clearsign.Encode(&b, e.PrivateKey, configAt(someDay.AddDate(0, -1, 0)))
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte(text))
	w.Close()
	aw, err := armor.Encode(&k, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	e.Serialize(aw)
	aw.Close()
	return append(b.Bytes(), '\n'), k.Bytes(), e
}

func TestSecurityTxtSignature(t *testing.T) {
	file, key, _ := signedTxt(t, goodTxt)
	f := ParseSecurityTxt(file)
	if !f.Signed || !f.Wellformed() || len(f.Contacts) != 2 {
		t.Fatalf("got %+v", f)
	}
	if fp, err := f.Verify(key, someDay); err != nil || len(fp) < 40 {
		t.Errorf("got fingerprint %q, error %v", fp, err)
	}
	altered := bytes.Replace(file, []byte("security@alder"), []byte("security@elder"), 1)
	if _, err := ParseSecurityTxt(altered).Verify(key, someDay); !errors.Is(err, ErrSignature) {
		t.Errorf("altered: got %v, want %v", err, ErrSignature)
	}
	added := append([]byte("Contact: mailto:thief@else.example\n"), file...)
	if _, err := ParseSecurityTxt(added).Verify(key, someDay); !errors.Is(err, ErrSignature) {
		t.Errorf("text before the signed part: got %v, want %v", err, ErrSignature)
	}
	_, other, _ := signedTxt(t, goodTxt)
	if _, err := f.Verify(other, someDay); !errors.Is(err, ErrSignature) {
		t.Errorf("another key: got %v, want %v", err, ErrSignature)
	}
	if _, err := f.Verify([]byte("no key"), someDay); !errors.Is(err, ErrKey) {
		t.Errorf("no key: got %v, want %v", err, ErrKey)
	}
	if _, err := ParseSecurityTxt([]byte(goodTxt)).Verify(key, someDay); !errors.Is(err, ErrUnsigned) {
		t.Errorf("unsigned: got %v, want %v", err, ErrUnsigned)
	}
}

func TestReadSecurityTxt(t *testing.T) {
	d, err := Read(t.Context(), "https://alder.example/.well-known/security.txt", "text/plain", []byte(goodTxt), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	checkPlaces(t, d)
	if d.Kind != SecurityTxt || d.Limbs.ContactPoint != Present {
		t.Errorf("got %s, %+v", d.Kind, d.Limbs)
	}
	d, err = Read(t.Context(), "x.txt", "", []byte("Contact: mailto:security@isle.example\nPreferred-Languages: en,nl\n"), Limits{})
	if err != nil || d.Kind != SecurityTxt || d.Limbs.ContactPoint != Unclear {
		t.Errorf("without Expires: got %v, %v, want security.txt and unclear", d, err)
	}
}

// TestRealSecurityTxt reads the files found in repositories and compares what is noted about each.
func TestRealSecurityTxt(t *testing.T) {
	root := filepath.Join("..", "..", "shared", "inputs", "web", "verbatim", "securitytxt")
	if _, err := os.Stat(root); err != nil {
		t.Skip("../shared/inputs/web/verbatim/securitytxt is not here")
	}
	for name, want := range map[string]struct {
		wellformed, known, long bool
		contacts                int
	}{
		"certcc.txt":               {true, true, true, 2},
		"freifunk_rn.txt":          {false, false, false, 2},
		"isoc_belgium.txt":         {false, false, false, 1},
		"securitytxt_template.txt": {false, false, false, 1},
	} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		f := ParseSecurityTxt(data)
		_, known := f.Expired(someDay)
		if f.Wellformed() != want.wellformed || known != want.known || f.LongLived(someDay) != want.long || len(f.Contacts) != want.contacts {
			t.Errorf("%s: got wellformed %t, date %t, long %t, %d contacts; want %+v", name, f.Wellformed(), known, f.LongLived(someDay), len(f.Contacts), want)
		}
	}
}
