package web

import (
	"strings"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
)

// A page says that a signature holds only where the very bytes, the record and the
// named key of the organisation are all as the version has them.
func TestCheck(t *testing.T) {
	key := func() *sign.Key {
		k, err := sign.Generate(sign.Ed25519)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	ours, theirs := key(), key()
	seal := func(k *sign.Key, says string) []byte {
		e, err := sign.SealStatement([]sign.Resource{sign.NewResource("a", register.DigestOf([]byte("a")))}, "https://example.org/x", map[string]string{"says": says}, k)
		if err != nil {
			t.Fatal(err)
		}
		data, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	public := func(k *sign.Key) register.Key {
		return register.Key{ID: k.Public().ID(), PEM: string(k.Public().PEM())}
	}
	good, forged, record := seal(ours, "yes"), seal(theirs, "yes"), []byte(`{"assay_record":1}`)
	version := func(document []byte, by *sign.Key) register.Version {
		return register.Version{Digest: register.DigestOf(document), SignedBy: by.Public().ID(), Record: register.DigestOf(record)}
	}
	spoilt := strings.Replace(string(good), `"sig": "`, `"sig": "A`, 1)
	revoked := public(ours)
	revoked.Revoked = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	mixed := public(theirs)
	mixed.ID = ours.Public().ID()
	for _, row := range []struct {
		name     string
		version  register.Version
		document []byte
		record   []byte
		keys     []register.Key
		holds    bool
	}{
		{"holds", version(good, ours), good, record, []register.Key{public(theirs), public(ours)}, true},
		{"key-revoked-later", version(good, ours), good, record, []register.Key{revoked}, true},
		{"another-document", version(good, ours), forged, record, []register.Key{public(ours), public(theirs)}, false},
		{"another-record", version(good, ours), good, []byte("{}"), []register.Key{public(ours)}, false},
		{"key-of-nobody", version(good, ours), good, record, nil, false},
		{"key-of-others", version(good, ours), good, record, []register.Key{public(theirs)}, false},
		{"signed-by-others", version(forged, ours), forged, record, []register.Key{public(ours), public(theirs)}, false},
		{"key-under-a-false-name", version(forged, ours), forged, record, []register.Key{mixed}, false},
		{"spoilt", version([]byte(spoilt), ours), []byte(spoilt), record, []register.Key{public(ours)}, false},
		{"empty", version(nil, ours), nil, record, []register.Key{public(ours)}, false},
	} {
		got := check(&register.Page{Full: register.Full{Version: row.version}, Record: row.record, Statement: row.document, Keys: row.keys})
		if got.Holds != row.holds || got.Holds == (got.Fault != "") {
			t.Errorf("%s: got %v, %q, want %v", row.name, got.Holds, got.Fault, row.holds)
		}
	}
}

func TestSpan(t *testing.T) {
	for _, row := range []struct{ from, to, want string }{
		{"2026-11-22", "2026-11-22", "no time"}, {"2026-11-22", "2026-11-23", "1 day"}, {"2026-11-22", "2027-01-20", "59 days"}, {"2026-11-22", "2027-01-21", "1 month"}, {"2026-11-22", "2027-01-22", "2 months"},
		{"2026-11-22", "2027-11-21", "11 months"}, {"2026-11-22", "2027-11-22", "1 year"}, {"2026-11-22", "2028-12-21", "2 years"}, {"2026-11-22", "2028-12-22", "2 years and 1 month"}, {"2027-11-22", "2026-11-22", "1 year"},
		{"2024-02-29", "2025-02-28", "11 months"}, {"2024-02-29", "2025-03-01", "1 year"},
	} {
		if got := span(assay.MustDate(row.from), assay.MustDate(row.to)); got != row.want {
			t.Errorf("%s to %s: got %q, want %q", row.from, row.to, got, row.want)
		}
	}
}

// The state of a support period turns on the right days.
func TestSupportOf(t *testing.T) {
	today := assay.MustDate("2026-11-22")
	for _, row := range []struct {
		end   string
		state supportState
		words string
	}{
		{"2026-11-21", supportOver, "Ended 1 day ago"}, {"2026-11-22", supportEnds, "Ends today"}, {"2026-11-23", supportEnds, "1 day left"}, {"2027-11-21", supportEnds, "11 months left"}, {"2027-11-22", supportRuns, "1 year left"},
	} {
		got := supportOf(assay.Date{}, assay.MustDate(row.end), today)
		if got.State != row.state || got.Words != row.words || !strings.Contains(string(got.Bar), row.words) {
			t.Errorf("%s: got %s, %q, want %s, %q", row.end, got.State, got.Words, row.state, row.words)
		}
	}
	if got := supportOf(assay.Date{}, assay.Date{}, today); got.State != supportUnknown || got.Bar != "" {
		t.Errorf("no end: got %+v", got)
	}
}
