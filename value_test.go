package assay

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestCombine(t *testing.T) {
	tests := []struct {
		name     string
		verdicts []Verdict
		all, any Verdict
	}{
		{"none", nil, NotApplicable, NotApplicable},
		{"not-applicable-is-left-out", []Verdict{NotApplicable, Pass}, Pass, Pass},
		{"one-failure", []Verdict{Pass, Fail, Inconclusive}, Fail, Pass},
		{"one-open", []Verdict{Pass, Inconclusive}, Inconclusive, Pass},
		{"open-alternatives", []Verdict{Fail, Inconclusive}, Fail, Inconclusive},
		{"all-fail", []Verdict{Fail, NotApplicable}, Fail, Fail},
	}
	for _, tt := range tests {
		if got := All(tt.verdicts...); got != tt.all {
			t.Errorf("%s: All %v, want %v", tt.name, got, tt.all)
		}
		if got := Any(tt.verdicts...); got != tt.any {
			t.Errorf("%s: Any %v, want %v", tt.name, got, tt.any)
		}
	}
	if v := (Verdict)(0); v != Inconclusive {
		t.Errorf("a verdict that nobody reached is %v", v)
	}
}

func TestDate(t *testing.T) {
	for in, want := range map[string]string{"2028-02-29": "2038-02-28", "2025-06-01": "2035-06-01"} {
		if got := MustDate(in).AddYears(10).String(); got != want {
			t.Errorf("ten years from %s: %s, want %s", in, got, want)
		}
	}
	for _, bad := range []string{"2027-02-31", "31/02/2027", "2027-2-1", "", "0000-01-01", "2027-01-01T00:00:00Z"} {
		if d, err := ParseDate(bad); err == nil {
			t.Errorf("%q was read as %s", bad, d)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.Int64Range(-700000, 2900000).Draw(rt, "days")
		d := DateOfDays(n)
		if d.Days() != n {
			rt.Fatalf("day %d became %s, which is day %d", n, d, d.Days())
		}
		e := DateOfDays(n + 1)
		if !d.Before(e) || !e.After(d) || d.AddDays(1) != e {
			rt.Fatalf("%s and %s are not in order", d, e)
		}
		back, err := ParseDate(d.String())
		if err != nil || back != d {
			rt.Fatalf("%s read back as %s: %v", d, back, err)
		}
	})
}

func TestIdentity(t *testing.T) {
	o := Observation{Subject: Product, Term: "a.b", Value: Bool(true), Source: Observed, By: "c", At: time.Unix(1, 0)}
	o.Identify()
	later := o
	later.At = time.Unix(2, 0)
	later.Identify()
	if later.ID != o.ID {
		t.Error("the same observation made again has another ID")
	}
	other := o
	other.Value = Bool(false)
	other.Identify()
	if other.ID == o.ID {
		t.Error("another observation has the same ID")
	}
}

func FuzzValue(f *testing.F) {
	for _, s := range []string{"true", "12", `"2029-12-31"`, `["b","a","a"]`, "null", "1.5", "{}", `[1]`, "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var v Value
		if json.Unmarshal([]byte(s), &v) != nil {
			return
		}
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var w Value
		if err := json.Unmarshal(data, &w); err != nil || !v.Equal(w) {
			t.Errorf("%s became %s: %v", s, data, err)
		}
	})
}

func FuzzSubject(f *testing.F) {
	for _, s := range []string{"product", "password/admin-web", "component/busybox@1.22.1", "../x", "a/b/c", "A/b", "a/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		subject, err := ParseSubject(s)
		if err == nil && subject != Product && (subject.Kind() == "" || subject.Name() == "") {
			t.Errorf("%q has no kind or no name", s)
		}
	})
}
