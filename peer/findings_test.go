package peer

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// met is a connection that ended so, for the table.
func met(c Case, o Outcome, more ...func(*Connection)) Connection {
	x := Connection{From: netip.MustParseAddrPort("192.168.8.20:40000"), To: netip.MustParseAddrPort("192.168.8.1:443"), Name: "api.example.com", Caller: "a", Case: c, Outcome: o, Shown: true, Why: string(o)}
	switch o {
	case Accepted:
		x.Finished, x.Version, x.Heard = true, "TLS 1.3", &Heard{Kind: kindHTTP}
	case Left:
		x.Finished, x.Version = true, "TLS 1.3"
	case Refused:
		x.Alert = 48
	}
	for _, f := range more {
		f(&x)
	}
	return x
}

func alert(n int) func(*Connection)      { return func(x *Connection) { x.Alert = n } }
func by(key string) func(*Connection)    { return func(x *Connection) { x.Caller = key } }
func offer(o Offer) func(*Connection)    { return func(x *Connection) { x.Offer = o } }
func mute(x *Connection)                 { x.Heard = nil }
func unnamed(x *Connection)              { x.Name = "" }
func version(v string) func(*Connection) { return func(x *Connection) { x.Version = v } }

// refusesAll is a client that refuses what it should, and takes what it must.
func refusesAll(how Outcome, more ...func(*Connection)) []Connection {
	out := []Connection{met(Control, Accepted, more...)}
	for _, c := range slices.Concat(untrustedCases, wrongCases) {
		out = append(out, met(c, how, more...))
	}
	return out
}

func TestFindings(t *testing.T) {
	both := func(o Outcome, more ...func(*Connection)) []Connection {
		return []Connection{met(SelfSigned, o, more...), met(UnknownCA, o, more...)}
	}
	without := func(all []Connection, c Case) []Connection {
		return slices.DeleteFunc(slices.Clone(all), func(x Connection) bool { return x.Case == c })
	}
	replace := func(all []Connection, c Connection) []Connection {
		return append(without(all, c.Case), c)
	}
	for _, row := range []struct {
		name             string
		met              []Connection
		untrusted, wrong Answer
		wanted           string
	}{
		{"accepts-self-signed", []Connection{met(SelfSigned, Accepted)}, Yes, Unknown, "--ca"},
		{"accepts-unknown-authority-alone", []Connection{met(SelfSigned, Refused), met(UnknownCA, Accepted)}, Yes, Unknown, ""},
		{"accepts-once-of-many", append(both(Refused), met(SelfSigned, Accepted), met(SelfSigned, Refused)), Yes, Unknown, ""},
		{"accepts-under-an-old-version", []Connection{met(SelfSigned, Accepted, offer(OnlyTLS10))}, Yes, Unknown, ""},
		{"refuses-both-and-says-why", both(Refused), No, Unknown, "--ca"},
		{"refuses-one", []Connection{met(SelfSigned, Refused)}, Unknown, Unknown, "unknown-authority"},
		{"refuses-for-the-date", both(Refused, alert(45)), Unknown, Unknown, "--ca"},
		{"refuses-the-kind-of-certificate", both(Refused, alert(43)), Unknown, Unknown, "--ca"},
		{"breaks-off-without-control", both(Broke), Unknown, Unknown, "without saying"},
		{"breaks-off-for-another-reason", both(Broke, alert(40)), Unknown, Unknown, "without saying"},
		{"leaves-without-control", both(Left), Unknown, Unknown, ""},
		{"refuses-and-leaves-once", append(both(Refused), met(SelfSigned, Left)), Unknown, Unknown, ""},
		{"refuses-and-breaks-off-once", append(both(Refused), met(SelfSigned, Broke)), No, Unknown, ""},
		{"stalls", both(Stalled), Unknown, Unknown, ""},
		{"no-show", both(NoShow), Unknown, Unknown, ""},
		{"refuses-only-under-an-old-version", both(Refused, offer(OnlyTLS10)), Unknown, Unknown, ""},
		{"all-refused-with-control", refusesAll(Refused), No, No, ""},
		{"all-broken-off-with-control", refusesAll(Broke), No, No, ""},
		{"all-left-with-control-that-spoke", refusesAll(Left), No, No, ""},
		{"all-left-with-mute-control", refusesAll(Left, mute), Unknown, Unknown, ""},
		{"control-refused", replace(refusesAll(Refused), met(Control, Refused)), Unknown, Unknown, "also the certificate that it must accept"},
		{"control-broken-off", replace(refusesAll(Refused), met(Control, Broke)), Unknown, Unknown, "also the certificate"},
		{"control-refused-later", append(refusesAll(Refused), met(Control, Broke)), Unknown, Unknown, "also the certificate"},
		{"control-stalled", replace(refusesAll(Refused), met(Control, Stalled)), No, Unknown, "--ca"},
		{"control-refused-but-self-signed-accepted", []Connection{met(Control, Refused), met(SelfSigned, Accepted)}, Yes, Unknown, "also the certificate"},
		{"control-under-an-old-version-alone", append(without(refusesAll(Broke), Control), met(Control, Accepted, offer(OnlyTLS10))), Unknown, Unknown, ""},
		{"wrong-name-accepted", replace(refusesAll(Refused), met(WrongName, Accepted)), No, Yes, ""},
		{"expired-accepted", replace(refusesAll(Refused), met(Expired, Accepted)), No, Yes, ""},
		{"not-yet-valid-accepted", replace(refusesAll(Refused), met(NotYetValid, Accepted)), No, Yes, ""},
		{"wrong-use-accepted", replace(refusesAll(Refused), met(WrongUse, Accepted)), No, Yes, ""},
		{"no-authority-accepted", replace(refusesAll(Refused), met(NoAuthority, Accepted)), No, Yes, ""},
		{"wrong-name-not-shown", without(refusesAll(Refused), WrongName), No, Unknown, "wrong-name"},
		{"wrong-name-left-mute", replace(refusesAll(Refused, mute), met(WrongName, Left)), No, Unknown, "not clear"},
		{"laboratory-accepted", append(both(Refused), met(Laboratory, Accepted)), No, Yes, ""},
		{"laboratory-refused", append(both(Refused), met(Laboratory, Refused)), No, Unknown, "--ca"},
		{"second-client-accepts", append(refusesAll(Refused), met(SelfSigned, Accepted, by("b"))), Yes, Unknown, ""},
		{"second-client-hardly-seen", append(refusesAll(Refused), met(SelfSigned, Refused, by("b"))), Unknown, Unknown, ""},
		{"second-client-refuses-all", append(refusesAll(Refused), refusesAll(Broke, by("b"))...), No, No, ""},
		{"control-of-another-client", append(without(refusesAll(Broke), Control), met(Control, Accepted, by("b"))), Unknown, Unknown, ""},
		{"no-name", refusesAll(Refused, unnamed), Unknown, Unknown, "--unnamed"},
		{"an-address-for-a-name-beside-no-name", append(refusesAll(Refused, func(x *Connection) { x.Name = "192.168.8.1" }), refusesAll(Refused, unnamed, by("b"))...), Unknown, Unknown, "--unnamed"},
		{"no-name-accepts", []Connection{met(SelfSigned, Accepted, unnamed)}, Yes, Unknown, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := &Record{Connections: row.met}
			all := r.Findings()
			if len(all) != 1 {
				t.Fatalf("%d findings: %+v", len(all), all)
			}
			f := all[0]
			if f.Untrusted != row.untrusted || f.Wrong != row.wrong {
				t.Errorf("got untrusted %s, wrong %s; want %s, %s", f.Untrusted, f.Wrong, row.untrusted, row.wrong)
			}
			if text := strings.Join(f.Wanted, "; "); !strings.Contains(text, row.wanted) {
				t.Errorf("wanted says %q, not %q", text, row.wanted)
			}
			if (f.Untrusted == Unknown || f.Wrong == Unknown) && f.Untrusted != Yes && f.Wrong != Yes && len(f.Wanted) == 0 {
				t.Error("something is unknown, and nothing is wanted")
			}
		})
	}
}

func TestNothingFollowsFromNoConnection(t *testing.T) {
	clear := met("", Clear, func(x *Connection) { x.Shown, x.Heard = false, &Heard{Kind: kindText} })
	for name, all := range map[string][]Connection{"none": nil, "clear": {clear}, "silent": {met("", Silent)}} {
		if got := (&Record{Connections: all}).Findings(); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestNamesAreApart(t *testing.T) {
	other := func(x *Connection) { x.Name = "other.example.com" }
	r := &Record{Connections: append(refusesAll(Refused), met(SelfSigned, Accepted, other), met("", Clear))}
	all := r.Findings()
	if len(all) != 2 || all[0].Untrusted != No || all[1].Untrusted != Yes || all[1].Name != "other.example.com" {
		t.Errorf("got %+v", all)
	}
	if diff := cmp.Diff([]int{9}, all[1].At); diff != "" {
		t.Error(diff)
	}
}

func TestOutdated(t *testing.T) {
	r := &Record{Connections: []Connection{
		met(Control, Accepted, offer(OnlyTLS11), version("TLS 1.1")), met(Control, Refused, offer(OnlyTLS10), version("TLS 1.0")),
		met(Control, Left, version("TLS 1.2"), func(x *Connection) { x.Suite = "TLS_RSA_WITH_3DES_EDE_CBC_SHA" }),
		met(Control, Accepted, version("TLS 1.2"), func(x *Connection) { x.Suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" }),
	}}
	if diff := cmp.Diff([]Outdated{{"TLS 1.1", 1}, {"3DES", 3}}, r.Findings()[0].Outdated); diff != "" {
		t.Error(diff)
	}
}

func TestClearAfterRefusal(t *testing.T) {
	r := &Record{Connections: []Connection{met("", Clear), met(SelfSigned, Refused), met("", Clear)}}
	if diff := cmp.Diff([]int{3}, r.ClearAfter()); diff != "" {
		t.Error(diff)
	}
}

// TestNoIsNeverSaidLightly holds, of any connections, that a no rests on a refusal of
// each case by each client, and that an acceptance always shows.
func TestNoIsNeverSaidLightly(t *testing.T) {
	cases := slices.Concat([]Case{Control, Laboratory}, untrustedCases, wrongCases)
	outcomes := []Outcome{Accepted, Refused, Refused, Refused, Broke, Left, NoShow, Stalled}
	rapid.Check(t, func(t *rapid.T) {
		r := &Record{}
		for i := range rapid.IntRange(1, 60).Draw(t, "connections") {
			x := met(rapid.SampledFrom(cases).Draw(t, fmt.Sprint("case", i)), rapid.SampledFrom(outcomes).Draw(t, fmt.Sprint("outcome", i)),
				by(rapid.SampledFrom([]string{"a", "a", "a", "b"}).Draw(t, fmt.Sprint("caller", i))))
			if x.Case == Control && rapid.Bool().Draw(t, fmt.Sprint("good", i)) {
				x = met(Control, Accepted, by(x.Caller))
			}
			r.Connections = append(r.Connections, x)
		}
		f := r.Findings()[0]
		accepted := func(cases []Case) bool {
			return slices.ContainsFunc(r.Connections, func(x Connection) bool { return x.Outcome == Accepted && slices.Contains(cases, x.Case) })
		}
		if (f.Untrusted == Yes) != accepted(untrustedCases) || (f.Wrong == Yes) != accepted(append([]Case{Laboratory}, wrongCases...)) {
			t.Fatalf("what was accepted does not show: %+v", f)
		}
		hasOf := func(key string, c Case, outcomes ...Outcome) bool {
			return slices.ContainsFunc(r.Connections, func(x Connection) bool {
				return x.Caller == key && x.Case == c && slices.Contains(outcomes, x.Outcome)
			})
		}
		for _, x := range r.Connections {
			for _, c := range cases {
				switch {
				case slices.Contains(untrustedCases, c) && f.Untrusted == No && !hasOf(x.Caller, c, Refused, Broke, Left),
					slices.Contains(wrongCases, c) && f.Wrong == No && !hasOf(x.Caller, c, Refused, Broke, Left):
					t.Fatalf("client %s never refused %s: %+v", x.Caller, c, f)
				}
			}
			if f.Wrong == No && !hasOf(x.Caller, Control, Accepted) {
				t.Fatalf("client %s was never seen to go on: %+v", x.Caller, f)
			}
			if (f.Wrong == No || f.Untrusted == No) && hasOf(x.Caller, Control, Refused, Broke, Left) {
				t.Fatalf("client %s refused what it must accept: %+v", x.Caller, f)
			}
		}
	})
}
