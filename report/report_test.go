package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/component"
	"github.com/assay-psti/assay/internal/browsertest"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/report"
	"github.com/assay-psti/assay/vocab"
)

var update = flag.Bool("update", false, "write the golden files anew")

const terms = `
terms:
  - {id: lamp.connects, type: bool, title: Connects, question: "Does it connect?", help: "Look for an aerial.", source: Lamp Act s.1}
  - {id: lamp.life, type: int, unit: days, title: Life, question: "How long does it last?", source: Lamp Act s.2}
  - {id: lamp.listed, type: bool, title: Every bulb is listed, question: "Is every bulb listed?", source: Lamp Act s.3}
  - {id: lamp.odd, type: bool, title: Odd, question: "Is it odd?", source: Lamp Act s.4}
  - {id: bulb.safe, "on": bulb, type: bool, fold: all, title: Safe, question: "Is the bulb safe?", source: Lamp Act s.3}
`

const regime = `
id: lamps
title: Lamp law
jurisdiction: Lampland
versions:
  - {id: "2024", from: 2024-01-01, title: As made, cite: Lamp Act}
scope:
  start: S-1
  steps:
    - {id: S-1, title: Does it connect?, when: lamp.connects, "yes": IN, "no": OUT_MUTE, cite: Lamp Act s.1, confidence: I, reading: Any aerial counts.}
  outcomes:
    - {id: IN, verdict: PASS, title: A lamp that connects}
    - {id: OUT_MUTE, verdict: NOT APPLICABLE, title: A lamp that does not connect}
requirements:
  - id: life
    title: It lasts
    cite: Lamp Act s.2
    confidence: R
    holds: lamp.life >= 365
    remedy: Make it last a year.
  - id: bulbs
    title: Every bulb is safe
    cite: Lamp Act s.3
    confidence: R
    for_each: bulb
    complete: lamp.listed
    holds: bulb.safe
  - id: odd
    title: It is not odd
    cite: Lamp Act s.4
    confidence: I
    reading: Odd is what the law does not describe.
    unsettled:
      - {when: lamp.odd, question: "What of odd lamps?", settled_by: A court., decision: 7}
    holds: "!lamp.odd"
`

// document is a report on an invented lamp with one of everything.
func document(t *testing.T) (*report.Document, *vocab.Vocabulary) {
	t.Helper()
	v, err := vocab.Load(fstest.MapFS{"terms.yaml": {Data: []byte(terms)}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := law.Load(fstest.MapFS{"lamps.yaml": {Data: []byte(regime)}}, v)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
	seen := []assay.Reference{{Digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Name: "firmware/lamp.bin", Place: "offset 16"}}
	observations := []assay.Observation{
		{Subject: "product", Term: "lamp.connects", Value: assay.Bool(true), Source: assay.Declared, By: "Kim Lee", At: at},
		{Subject: "product", Term: "lamp.life", Value: assay.Int(400), Source: assay.Declared, By: "Kim Lee", At: at, Note: "From the leaflet"},
		{Subject: "product", Term: "lamp.life", Value: assay.Int(90), Source: assay.Observed, By: "check/life", At: at, Evidence: seen, Note: "it went out after 90 days"},
		{Subject: "bulb/left", Term: "bulb.safe", Value: assay.Bool(true), Source: assay.Observed, By: "check/bulb", At: at, Evidence: seen, Note: "<script>alert(1)</script>"},
		{Subject: "product", Term: "lamp.odd", Value: assay.Bool(true), Source: assay.Declared, By: "Kim Lee", At: at},
	}
	for i := range observations {
		observations[i].Identify()
	}
	facts, err := v.FoldAll(nil, observations)
	if err != nil {
		t.Fatal(err)
	}
	a, err := l.Judge(facts, assay.MustDate("2026-11-22"), "lamps")
	if err != nil {
		t.Fatal(err)
	}
	image := &report.Firmware{
		File: "lamp.bin", Digest: seen[0].Digest, Bytes: 4096,
		Spaces: []report.Space{{Name: "input", Size: 4096}, {Name: "gzip at 0x440", Size: 9000}},
		Map: []report.Range{
			{Kind: "uimage", Name: "Lamp <b>", Size: 2048, Parent: -1},
			{Kind: "header", Size: 64, Parent: 0, Depth: 1, Leaf: true, Entropy: 3.5},
			{Kind: "gzip", Offset: 64, Size: 1984, Parent: 0, Depth: 1, Leaf: true, Entropy: 7.9},
			{Space: 1, Kind: "tar", Size: 9000, Parent: 2, Depth: 2, Leaf: true, Entropy: 5},
			{Kind: "padding", Offset: 2048, Size: 1024, Parent: -1, Leaf: true, Detail: "0xff repeated"},
			{Kind: "opaque", Offset: 3072, Size: 1024, Parent: -1, Leaf: true, Entropy: 8},
		},
		Unread:      []report.Unread{{Where: "opaque data at 0xc00 of input", Reason: "encrypted", Why: "passes for random; ask the maker for the plain image"}},
		Accounts:    []report.Account{{User: "root", State: "hash", Live: true, Shell: "yes", Scheme: "md5crypt", Place: "tar at 0x0 in gzip at 0x440: etc/shadow line 1, offset 5"}},
		Services:    []report.Service{{Program: "telnetd", Kind: "telnet", Port: 23, InImage: "yes", Place: "tar at 0x0 in gzip at 0x440: etc/init.d/rcS line 2, offset 10", Chain: []string{"etc/inittab:1"}}},
		Credentials: []report.Credential{{For: "login", Key: "password", User: "admin", State: "plain", Shown: "***** (5)", Published: "in a list", Place: "tar at 0x0 in gzip at 0x440: etc/web.ini line 2, offset 20"}},
		Secrets:     []report.Secret{{What: "private key RSA 2048", Place: "tar at 0x0 in gzip at 0x440: etc/key.pem line 1, offset 0"}},
		Updates:     []report.Update{{Client: "script", Address: "ftp://updates.example", Verified: "no", Place: "tar at 0x0 in gzip at 0x440: sbin/up line 2, offset 9"}},
		Components:  []component.Component{{Name: "busybox", Version: "1.22.1", Seen: 3, Evidence: []component.Evidence{{File: "bin/busybox", Offset: 77, Text: "BusyBox v1.22.1"}}}},
	}
	return &report.Document{
		Firmware:   []*report.Firmware{image},
		Product:    report.Product{Name: "Glow 2", Make: "Lumen", Models: []string{"G2"}, Dossier: "glow"},
		Assessment: *a, Observations: observations, Disclaimer: report.Disclaimer,
		Checks: []report.Outcome{{Check: "life", Title: "How long it lasts", Outcome: "ran", Observations: 1, Whole: false, Remarks: []string{"looked at one lamp"}}},
	}, v
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), string(want)); diff != "" {
		t.Errorf("%s differs (-got +want); if that is meant, run go test ./report -update:\n%s", name, diff)
	}
}

func TestText(t *testing.T) {
	d, v := document(t)
	for _, tt := range []struct {
		name    string
		options report.TextOptions
	}{{"report.txt", report.TextOptions{Width: 80}}, {"report-limbs.txt", report.TextOptions{Width: 80, Verbose: true}}} {
		var b bytes.Buffer
		if err := report.Text(&b, d, v, tt.options); err != nil {
			t.Fatal(err)
		}
		golden(t, tt.name, b.Bytes())
	}
}

func page(t *testing.T) []byte {
	t.Helper()
	d, v := document(t)
	var b bytes.Buffer
	if err := report.HTML(&b, d, v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHTML(t *testing.T) {
	got := page(t)
	golden(t, "report.html", got)
	if bytes.Contains(got, []byte("<script")) {
		t.Error("what a stranger wrote became a script")
	}
	for _, d := range []string{"http://", "https://"} {
		if bytes.Contains(got, []byte(d)) {
			t.Errorf("the page refers to something outside itself: %s", d)
		}
	}
}

// TestTextObeysNoStranger holds that control characters of what was read do not
// reach the terminal.
func TestTextObeysNoStranger(t *testing.T) {
	d, v := document(t)
	d.Product.Name = "Glow\x1b]0;owned\x07\x1b[2J\u202e2"
	var b bytes.Buffer
	if err := report.Text(&b, d, v, report.TextOptions{Colour: true}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"\x1b]", "\x07", "\x1b[2J", "\u202e"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("%q reached the terminal", bad)
		}
	}
}

func TestAccessible(t *testing.T) {
	for _, tt := range []struct {
		name  string
		width int
		dark  bool
	}{{"wide", 1280, false}, {"narrow", 320, false}, {"dark", 1280, true}} {
		t.Run(tt.name, func(t *testing.T) {
			for _, v := range browsertest.Axe(t, page(t), tt.width, tt.dark) {
				t.Errorf("%s (%s): %s: %v", v.ID, v.Impact, v.Help, v.Nodes)
			}
		})
	}
}

// A pass says how much of it rests on nobody's word but the maker's.
func TestHeadlineOfAPass(t *testing.T) {
	d, v := document(t)
	for _, tt := range []struct {
		name  string
		bases []vocab.Basis
		want  string
	}{
		{"all-observed", []vocab.Basis{vocab.OnObserved, vocab.OnBoth}, "Every requirement that applies is met.\n"},
		{"one-told", []vocab.Basis{vocab.OnObserved, vocab.OnDeclared}, "is met, 1 of 2 by what is declared alone.\n"},
		{"all-told", []vocab.Basis{vocab.OnDeclared, vocab.OnDeclared}, "nothing of it was observed.\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			passed := *d
			passed.Verdict = assay.Pass
			passed.Regimes = []law.RegimeVerdict{{ID: "lamps", Title: "Lamp law", Verdict: assay.Pass}}
			for _, b := range tt.bases {
				passed.Regimes[0].Requirements = append(passed.Regimes[0].Requirements, &law.Result{ID: "x", Verdict: assay.Pass, RestsOn: b})
			}
			var b bytes.Buffer
			if err := report.Text(&b, &passed, v, report.TextOptions{Width: 200}); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(b.String(), tt.want) {
				t.Errorf("got\n%s\nwant %q in it", b.String(), tt.want)
			}
		})
	}
}
