package passwords_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/passwords"
	"github.com/assay-psti/assay/password"
)

func TestDossiers(t *testing.T) { checktest.Run(t, passwords.Check, nil) }

func TestMechanism(t *testing.T) {
	d := &password.Declared{Mechanism: password.MechanismKeyed, Construction: "HMAC-SHA-256 of the serial", KeyCustody: "factory HSM", Recomputed: map[int64]string{7: "abc"}}
	data, err := passwords.MechanismFile(d)
	if err != nil {
		t.Fatal(err)
	}
	got, err := passwords.ParseMechanism("x.mechanism.yaml", data)
	if err != nil || got.Mechanism != d.Mechanism || got.Construction != d.Construction || got.KeyCustody != d.KeyCustody || got.Recomputed[7] != "abc" {
		t.Errorf("%+v, %v; want %+v", got, err, d)
	}
	for name, text := range map[string]string{
		"unknown-key":   "mechanism: random\nconstruction: x\nkey: y\n",
		"unknown-word":  "mechanism: magic\nconstruction: x\n",
		"no-words":      "mechanism: random\n",
		"not-yaml":      "{",
		"far-too-long":  "construction: " + strings.Repeat("x", 2<<20),
		"rows-are-text": "mechanism: keyed\nconstruction: x\nrecomputed: {a: b}\n",
	} {
		if _, err := passwords.ParseMechanism("x.mechanism.yaml", []byte(text)); err == nil {
			t.Errorf("%s: was read", name)
		}
	}
}

func TestGenerate(t *testing.T) {
	for name, tt := range map[string]struct{ in, want string }{
		"no-such-column": {"mac\n1\n", "no column"},
		"has-passwords":  {"serial,password\n1,x\n", "already"},
		"no-identifier":  {"serial,mac\n1,a\n,b\n", "row 2"},
		"empty":          {"", "header"},
	} {
		var out bytes.Buffer
		_, err := passwords.Generate(t.Context(), &password.Generator{}, strings.NewReader(tt.in), &out, "serial")
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.want)
		}
	}
	var out bytes.Buffer
	n, err := passwords.Generate(t.Context(), &password.Generator{}, strings.NewReader("\ufeffserial,mac\n1,\"a,b\"\n2,c\n"), &out, "serial")
	if err != nil || n != 2 || !strings.HasPrefix(out.String(), "serial,mac,password\n1,\"a,b\",") {
		t.Errorf("%d, %v: %s", n, err, out.String())
	}
}

func FuzzMechanism(f *testing.F) {
	f.Add([]byte("mechanism: random\nconstruction: x\n"))
	f.Add([]byte("mechanism: keyed\nconstruction: x\nrecomputed: {1: a}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := passwords.ParseMechanism("x", data)
		if err == nil && (d.Construction == "" || d.Mechanism == "") {
			t.Error("a declaration without mechanism or construction was read")
		}
	})
}
