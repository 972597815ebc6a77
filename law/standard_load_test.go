package law_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/vocab"
)

const smallTerms = `
terms:
  - {id: en.a, type: bool, title: A, source: s}
  - {id: ics.e1.p1_1, type: text, values: [Y, N, NA], title: t, source: s}
  - {id: ics.e1.p1_1_reason, type: text, title: t, source: s}
  - {id: ics.e1.p1_2, type: text, values: [Y, N, NA], title: t, source: s}
  - {id: ics.e1.p1_2_reason, type: text, title: t, source: s}
  - {id: case.t1.p1_1_1, type: text, values: [PASS, FAIL, INCONCLUSIVE], title: t, source: s}
  - {id: case.t1.p1_2_1, type: text, values: [PASS, FAIL, INCONCLUSIVE], title: t, source: s}
`

const smallStandard = `
id: small
title: Small standard
jurisdiction: Nowhere
editions:
  - edition: E1
    from: 2020-01-01
    title: First
    cite: Small E1
    provisions: 2
    shall: 1
    should: 1
    test_specification: {id: Test, version: T1, date: "2020-02"}
    conditions:
      - {id: "1", kind: condition, title: there is an A, holds: en.a}
channels: {device: a device}
auto_values: {can_show_fail: {"no": "no"}, can_show_pass: {"no": "no"}}
ixit:
  - {version: T1, number: 1, name: Table, fields: [Description]}
provisions:
  - id: "1-1"
    name: First
    modality: shall
    editions: [{edition: E1, status: M C, conditions: ["1"]}]
    paraphrase: It is first.
    tests: [{version: T1, group: "1-1", cases: [{id: 1-1-1, type: conceptual}], ixit: ["1"]}]
    channels: [device]
    auto: {can_show_fail: "no", can_show_pass: "no"}
    met: {title: Met, confidence: R, all: [{id: a, title: A, confidence: R, holds: en.a}]}
  - id: "1-2"
    name: Second
    modality: should
    editions: [{edition: E1, status: R}]
    paraphrase: It is second.
    tests: [{version: T1, group: "1-2", cases: [{id: 1-2-1, type: functional}], ixit: ["1"]}]
    channels: [device]
    auto: {can_show_fail: "no", can_show_pass: "no"}
`

func smallVocabulary(t testing.TB) *vocab.Vocabulary {
	t.Helper()
	v, err := vocab.Load(fstest.MapFS{"t.yaml": {Data: []byte(smallTerms)}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestStandardIsChecked(t *testing.T) {
	v := smallVocabulary(t)
	for _, tt := range []struct {
		name, old, new string
		want           string // in the error; "" for none
	}{
		{"sound", "", "", ""},
		{"unknown-key", "jurisdiction: Nowhere", "jurisdiction: Nowhere\nodd: 1", "odd"},
		{"wrong-count", "provisions: 2", "provisions: 3", "2 provisions"},
		{"wrong-shall", "shall: 1\n    should: 1", "shall: 2\n    should: 0", "1 shall"},
		{"unknown-condition", `conditions: ["1"]}]`, `conditions: ["2"]}]`, `condition "2"`},
		{"condition-without-letter", "status: M C,", "status: M,", "does not fit its conditions"},
		{"letter-without-condition", "status: R}", "status: R C}", "does not fit its conditions"},
		{"status-against-modality", "status: R}", "status: M}", "does not fit"},
		{"provision-twice", `- id: "1-2"`, `- id: "1-1"`, "of its own"},
		{"unknown-channel", "channels: [device]", "channels: [air]", `channel "air"`},
		{"unknown-table", `ixit: ["1"]`, `ixit: ["7"]`, "IXIT table 7"},
		{"no-case", "cases: [{id: 1-2-1, type: functional}]", "cases: []", "no test case"},
		{"broken-link", `name: Second`, "name: Second\n    renamed_to: 1-9", `"1-9"`},
		{"unknown-term", "holds: en.a}]}", "holds: en.b}]}", "en.b"},
		{"empty-provision", `  - id: "1-2"`, "  -\n  - id: \"1-2\"", "empty"},
		{"empty-limb", "all: [{id: a, title: A, confidence: R, holds: en.a}]", "all: [null]", "empty"},
		{"tag-that-the-library-cannot-take", "jurisdiction: Nowhere", "jurisdiction: !0 0\nA: 0", "small.standard.yaml"},
		{"no-term-for-a-case", "id: 1-2-1", "id: 1-2-2", "case.t1.p1_2_2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(smallStandard, tt.old, tt.new, 1)
			_, err := law.Load(fstest.MapFS{"small.standard.yaml": {Data: []byte(text)}}, v)
			switch {
			case tt.want == "" && err != nil:
				t.Fatal(err)
			case tt.want != "" && (err == nil || !errors.Is(err, assay.ErrInvalid) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want it invalid and to name %q", err, tt.want)
			}
		})
	}
}

// FuzzStandard: no catalogue, however broken, makes loading panic.
func FuzzStandard(f *testing.F) {
	f.Add(smallStandard)
	f.Add("id: x\nprovisions: [null]\n")
	f.Add("editions: [{edition: E}]\nprovisions: [{id: a, met: {all: [null]}}]\n")
	f.Add("editions: !00000000 00\nA: 00000000")
	v := smallVocabulary(f)
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = law.Load(fstest.MapFS{"small.standard.yaml": {Data: []byte(text)}}, v)
	})
}
