package dossier

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
)

const wholeProduct = `name: Kettle K2
make: Boil
models: [K2, "1.10"]
category: kettle
stated: 2026-04-29
territories: [GB, NI]
laws: [uk-psti]
persons:
  - {id: maker, name: Boil Ltd, address: 1 Street}
batches:
  - {id: b1, made: 2026-01-02, units: 10}
supply:
  - {date: 2026-05-01, territory: GB, batch: b1}
pages:
  security: https://www.example.com/security
units:
  - {id: u1, serial: "000117", mac: "02:00:5e:10:00:01", addresses: [192.168.8.20, "fe80::5e10:1"]}
passwords:
  - {id: admin-web, title: administrator}
interfaces:
  - {id: web, protocol: http, port: 80}
components:
  - {id: app, category: required, version: "3.2"}
labels:
  - {id: l1, scheme: CLS, level: "2", issued: 2026-01-01, expires: 2027-01-01}
consignments:
  - {id: c1, batch: b1, units: 4}
`

const twoAnswers = `# kept
answers:
  - term: password.used
    value: true
    by: A. Person
    at: 2026-04-29
  - subject: password/admin-web
    term: password.set_by_user # kept too
    value: false
    by: A. Person
    at: 2026-04-30T10:00:00+01:00
    note: |
      because
`

func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t *testing.T, dir string) *Dossier {
	t.Helper()
	d, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestLoad(t *testing.T) {
	dir := folder(t, map[string]string{productFile: wholeProduct, declaredFile: twoAnswers, "evidence/firmware/a": "1", "README": "of no concern"})
	d, err := Load(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Product.Models[1] != "1.10" || d.Product.Batches[0].Made != assay.MustDate("2026-01-02") || d.Product.Interfaces[0].Port != 80 ||
		d.Product.Units[0].MAC != "02:00:5e:10:00:01" || len(d.Product.Units[0].Addresses) != 2 {
		t.Errorf("got %+v", d.Product)
	}
	wantParts := []assay.Subject{"person/maker", "batch/b1", "password/admin-web", "interface/web", "component/app", "label/l1", "consignment/c1"}
	if diff := cmp.Diff(wantParts, d.Parts()); diff != "" {
		t.Error(diff)
	}
	var got []string
	for _, o := range d.Observations() {
		if o.Source != assay.Declared {
			t.Errorf("%s is %s, want declared", o.ID, o.Source)
		}
		got = append(got, strings.Join([]string{string(o.Subject), string(o.Term), o.Value.String(), o.Value.Type().String(), o.By, o.At.Format(time.RFC3339), o.Note, d.Place(&o)}, "|"))
	}
	const stated = "product.yaml|2026-04-29T00:00:00Z||product.yaml:"
	want := []string{
		"product|supply.territories|GB, NI|set|" + stated + "6:14",
		"product|label.relied_on|yes|bool|" + stated + "25:3",
		"label/l1|label.scheme|CLS|text|" + stated + "25:22",
		"label/l1|label.level|2|text|" + stated + "25:34",
		"label/l1|label.issued|2026-01-01|date|" + stated + "25:47",
		"label/l1|label.expires|2027-01-01|date|" + stated + "25:68",
		"product|component.required|yes|bool|" + stated + "23:25",
		"interface/web|interface.protocol|http|text|" + stated + "21:25",
		"interface/web|interface.declared|yes|bool|" + stated + "21:10",
		"product|password.used|yes|bool|A. Person|2026-04-29T00:00:00Z||declared.yaml:3:5",
		"password/admin-web|password.set_by_user|no|bool|A. Person|2026-04-30T09:00:00Z|because\n|declared.yaml:7:5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(d.Evidence.Items()); n != 1 {
		t.Errorf("got %d items of evidence, want 1", n)
	}
	for _, s := range d.Product.sayings() {
		found := false
		for _, term := range Declares() {
			found = found || term == s.term
		}
		if !found {
			t.Errorf("%s is said but not among Declares", s.term)
		}
	}
}

func TestNoLabelsReliesOnNone(t *testing.T) {
	d := open(t, folder(t, map[string]string{productFile: "name: x\n"}))
	if len(d.Declared) != 1 || d.Declared[0].Term != "label.relied_on" || d.Declared[0].Value.Bool() || !d.Declared[0].At.IsZero() {
		t.Errorf("got %+v", d.Declared)
	}
}

// What is said again later is said anew: it must not be lost as a repeat.
func TestAnswerGivenAgain(t *testing.T) {
	answer := func(value, at string) string {
		return "  - {term: a.b, value: " + value + ", by: P, at: " + at + "}\n"
	}
	d := open(t, folder(t, map[string]string{productFile: "name: x\n",
		declaredFile: "answers:\n" + answer("true", "2026-01-01") + answer("false", "2026-01-02") + answer("true", "2026-01-03")}))
	said := d.Declared[1:]
	if len(said) != 2 || said[0].Value.Bool() || !said[1].Value.Bool() || !said[1].At.After(said[0].At) {
		t.Errorf("got %+v", said)
	}
	if got, want := d.Place(&said[1]), "declared.yaml:4:6"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestBadFiles(t *testing.T) {
	rows := []struct{ name, file, text, want string }{
		{"unknown-key", productFile, "name: x\nmodel: K2\n", `product.yaml:2:1: unknown key "model"; correct`},
		{"unknown-key-within", productFile, "name: x\npasswords:\n  - id: a\n    ttle: b\n", `product.yaml:4:5: unknown key "ttle"`},
		{"no-name", productFile, "make: x\n", "product.yaml:1:1: the product has no name"},
		{"empty", productFile, "", "product.yaml: the product has no name"},
		{"number-as-text", productFile, "name: x\nversions:\n  - version: 1.10\n", `product.yaml:3:14: version: 1.10 would be read as a number or a truth value; put it in quotes: "1.10"`},
		{"octal", productFile, "name: 007\n", "product.yaml:1:7: name: 007 would be read"},
		{"port-hex", productFile, "name: x\ninterfaces:\n  - {id: a, port: 0x10}\n", "product.yaml:3:19: port: 0x10 is not a whole number"},
		{"port-high", productFile, "name: x\ninterfaces:\n  - {id: a, port: 65536}\n", "product.yaml:3:19: port 65536 does not exist"},
		{"key-twice", productFile, "name: x\nname: y\n", `product.yaml:2:1: mapping key "name" already defined`},
		{"second-document", productFile, "name: x\n---\nname: y\n", "product.yaml:3:5: a second document begins"},
		{"alias", productFile, "name: &a x\nmake: *a\n", "product.yaml:1:7: \"&\" is an anchor"},
		{"merge", productFile, "name: x\npages:\n  <<: {product: y}\n", "product.yaml:3:3: \"<<\" is an anchor"},
		{"tag", productFile, "name: !!str x\n", "is an anchor, alias, merge, tag or explicit key"},
		{"explicit-key", productFile, "? name\n: x\n", "product.yaml:1:1: \"?\" is an anchor"},
		{"deep-flow", productFile, "name: " + strings.Repeat("[", 400_000), "product.yaml:1:23: is nested too deeply"},
		{"deep-block", productFile, "name: " + strings.Repeat("- ", 200_000), "is nested too deeply"},
		{"many-keys", productFile, "name: x\n" + manyKeys(), "product.yaml:65:4: a group holds more than 64 keys"},
		{"many-keys-within", productFile, "name: x\npages:\n" + strings.ReplaceAll("  "+strings.TrimSpace(manyKeys()), "\n", "\n  "), "a group holds more than 64 keys"},
		{"many-keys-in-brackets", productFile, "name: x\npages: {" + strings.ReplaceAll(strings.TrimSpace(manyKeys()), "\n", ", ") + "}", "a group holds more than 64 keys"},
		{"large", productFile, "name: x\n" + strings.Repeat("# a\n", 1<<18), "product.yaml: is larger than 1048576 bytes"},
		{"not-text", productFile, "name: x\nmake: \x00\n", "product.yaml:2: holds bytes that are not UTF-8 text"},
		{"escape", productFile, "name: x\nmake: \"a\\e[2Jb\"\n", "product.yaml:2:7: holds the character U+001B"},
		{"turned-round", productFile, "name: x\nmake: \"a\\u202eb\"\n", "product.yaml:2:7: holds the character U+202E"},
		{"turned-round-as-it-is", productFile, "name: x\nmake: a\u202eb\n", "product.yaml:2: holds bytes that are not UTF-8 text, or steer"},
		{"latin-1", productFile, "name: caf\xe9\n", "product.yaml:1: holds bytes that are not UTF-8 text"},
		{"wrong-kind", productFile, "name: [x]\n", "product.yaml:1:7: a list, a text or a group of keys stands where another is wanted"},
		{"date", productFile, "name: x\nstated: 2026-02-30\n", `product.yaml:2:9: stated: "2026-02-30" is not a day of the calendar; write it as 2026-04-29`},
		{"territory", productFile, "name: x\nterritories: [GB, UK]\n", `product.yaml:2:19: territory "UK" is not known`},
		{"page", productFile, "name: x\npages:\n  security: www.example.com\n", `product.yaml:3:13: "www.example.com" is not the address of a page`},
		{"id-missing", productFile, "name: x\npasswords:\n  - title: b\n", "product.yaml:3:5: one of the passwords has no id"},
		{"unit-key", productFile, "name: x\nunits:\n  - {id: a, ip: 10.0.0.1}\n", `unknown key "ip"`},
		{"unit-serial", productFile, "name: x\nunits:\n  - {id: a, serial: 117}\n", `product.yaml:3:21: serial: 117 would be read as a number`},
		{"unit-mac", productFile, "name: x\nunits:\n  - {id: a, mac: \"02:00\"}\n", `product.yaml:3:18: "02:00" is not the hardware address of one unit`},
		{"unit-mac-group", productFile, "name: x\nunits:\n  - {id: a, mac: \"01:00:5e:00:00:fb\"}\n", "is not the hardware address of one unit"},
		{"unit-mac-twice", productFile, "name: x\nunits:\n  - {id: a, mac: \"02:00:00:00:00:0A\"}\n  - {id: b, mac: 02-00-00-00-00-0a}\n", "product.yaml:4:18: two units have the hardware address 02:00:00:00:00:0a"},
		{"unit-address", productFile, "name: x\nunits:\n  - {id: a, addresses: [192.168.8.0/24]}\n", `"192.168.8.0/24" is not the address of one unit`},
		{"unit-address-group", productFile, "name: x\nunits:\n  - {id: a, addresses: [\"ff02::1\"]}\n", `"ff02::1" is not the address of one unit`},
		{"unit-id-twice", productFile, "name: x\nunits:\n  - id: a\n  - id: a\n", `id "a" stands twice among the units`},
		{"id-form", productFile, "name: x\npasswords:\n  - id: a/b\n", `product.yaml:3:9: id "a/b" does not fit`},
		{"id-twice", productFile, "name: x\npasswords:\n  - id: a\n  - id: a\n", `product.yaml:4:9: id "a" stands twice`},
		{"category", productFile, "name: x\ncomponents:\n  - {id: a, category: soft}\n", `category "soft" is not known`},
		{"label-dates", productFile, "name: x\nlabels:\n  - {id: a, issued: 2026-01-02, expires: 2026-01-01}\n", "expires before it is issued"},
		{"batch", productFile, "name: x\nsupply:\n  - {date: 2026-01-01, batch: b}\n", `there is no batch "b"`},
		{"supply-date", productFile, "name: x\nsupply:\n  - {territory: GB}\n", "a supply has no date"},

		{"answer-no-by", declaredFile, "answers:\n  - {term: a.b, value: 1, at: 2026-01-01}\n", "declared.yaml:2:6: the answer on a.b does not say who gave it"},
		{"answer-no-at", declaredFile, "answers:\n  - {term: a.b, value: 1, by: x}\n", "does not say when"},
		{"answer-no-value", declaredFile, "answers:\n  - {term: a.b, by: x, at: 2026-01-01}\n", "has no value"},
		{"answer-yes", declaredFile, "answers:\n  - {term: a.b, value: no, by: x, at: 2026-01-01}\n", "declared.yaml:2:24: value: no could be a word or a truth value; write true or false"},
		{"answer-float", declaredFile, "answers:\n  - {term: a.b, value: 1.5, by: x, at: 2026-01-01}\n", "value: 1.5 is not a whole number"},
		{"answer-octal", declaredFile, "answers:\n  - {term: a.b, value: 010, by: x, at: 2026-01-01}\n", "value: 010 is not a whole number"},
		{"answer-term", declaredFile, "answers:\n  - {term: Used, value: 1, by: x, at: 2026-01-01}\n", `declared.yaml:2:12: term "Used" does not fit`},
		{"answer-subject", declaredFile, "answers:\n  - {subject: password, term: a.b, value: 1, by: x, at: 2026-01-01}\n", `subject "password" does not fit`},
		{"answer-date", declaredFile, "answers:\n  - {term: a.b, value: 1, by: x, at: 29 April}\n", "does not say when"},
		{"answers-group", declaredFile, "answers:\n  term: a.b\n", "stands where another is wanted"},
		{"answers-cut", declaredFile, "answers:\n  - term: \"a.b\n", "declared.yaml:2:11: "},

		{"observed-not-json", observedFile, "x\n", "observed.jsonl:1: is not an observation; put the file back"},
		{"observed-unknown-key", observedFile, `{"id":"o-1","why":1}` + "\n", "observed.jsonl:1: is not an observation"},
		{"observed-long", observedFile, strings.Repeat("a", maxObservedLine+1), "observed.jsonl:1: the line is longer than 1 MiB"},

		{"evidence-kind", "evidence/firmwares/a", "", "evidence/firmwares: is not a kind of evidence"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			files := map[string]string{productFile: "name: x\n"}
			files[row.file] = row.text
			_, err := Load(t.Context(), folder(t, files))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Fatalf("got %v, want %q", err, row.want)
			}
			if !errors.Is(err, assay.ErrInvalid) {
				t.Errorf("got kind of %v, want invalid", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
		})
	}
}

func manyKeys() string {
	var b strings.Builder
	for i := range 45_000 {
		fmt.Fprintf(&b, "k%d: v\n", i)
	}
	return b.String()
}

func TestNotADossier(t *testing.T) {
	for name, dir := range map[string]string{"none": filepath.Join(t.TempDir(), "x"), "empty": t.TempDir()} {
		if _, err := Load(t.Context(), dir); !errors.Is(err, assay.ErrNotFound) || !strings.Contains(err.Error(), "assay init") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestLinksOut(t *testing.T) {
	outside := folder(t, map[string]string{productFile: "name: x\n", "firmware/a": "1"})
	for _, row := range []struct{ name, link, target string }{
		{"product", productFile, filepath.Join(outside, productFile)},
		{"declared", declaredFile, filepath.Join(outside, productFile)},
		{"observed", observedFile, filepath.Join(outside, productFile)},
		{"evidence", "evidence", outside},
		{"lock", lockFile, filepath.Join(outside, "new")},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := folder(t, map[string]string{"x": ""})
			if row.link != productFile {
				dir = folder(t, map[string]string{productFile: "name: x\n"})
			}
			if err := os.Symlink(row.target, filepath.Join(dir, row.link)); err != nil {
				t.Skip("no symbolic links here")
			}
			if _, err := Open(t.Context(), dir); !errors.Is(err, assay.ErrRefused) {
				t.Errorf("got %v, want refused", err)
			}
			if _, err := os.Lstat(filepath.Join(outside, "new")); err == nil {
				t.Error("something was written outside")
			}
		})
	}
}
