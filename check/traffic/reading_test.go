package traffic

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/evidence"
)

func digestOf(c string) assay.Digest { return assay.Digest("sha256:" + strings.Repeat(c, 64)) }

// readingOf is a record as a command writes it, read back.
func readingOf(t testing.TB, capture assay.Digest, devices ...ReadDevice) keptReading {
	t.Helper()
	data, err := json.Marshal(Reading{Version: ReadingVersion, Captures: []ReadCapture{{"captures/a.pcap", capture}}, Devices: devices})
	if err != nil {
		t.Fatal(err)
	}
	r, err := parseReading(strings.NewReader(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	return keptReading{*r, evidence.Item{Name: "captures/reading-1.json", Digest: digestOf("9")}}
}

func TestUnitsOf(t *testing.T) {
	const hw, at = "02:00:00:00:00:14", "192.168.8.20"
	this := evidence.Item{Name: "captures/a.pcap", Digest: digestOf("a")}
	u := func(id, mac string, addresses ...string) check.Unit {
		return check.Unit{ID: id, MAC: mac, Addresses: addresses}
	}
	d := func(unit string, addresses ...string) ReadDevice { return ReadDevice{unit, addresses} }
	for name, c := range map[string]struct {
		listed []check.Unit
		kept   []keptReading
		want   []string // unit and addresses; a star where a reading says so
	}{
		"listed-alone":        {[]check.Unit{u("u1", hw), u("u2", "")}, nil, []string{"u1 " + hw}},
		"of-another-capture":  {[]check.Unit{u("u2", "")}, []keptReading{readingOf(t, digestOf("b"), d("u2", at))}, nil},
		"of-this-capture":     {[]check.Unit{u("u2", "")}, []keptReading{readingOf(t, digestOf("a"), d("u2", at))}, []string{"u2 " + at + " *"}},
		"adds-to-the-listed":  {[]check.Unit{u("u1", hw)}, []keptReading{readingOf(t, digestOf("a"), d("u1", at))}, []string{"u1 " + hw + " " + at + " *"}},
		"says-what-is-listed": {[]check.Unit{u("u1", hw)}, []keptReading{readingOf(t, digestOf("a"), d("", strings.ToUpper(hw)))}, []string{"u1 " + hw}},
		"without-a-name":      {nil, []keptReading{readingOf(t, digestOf("a"), d("", at, hw))}, []string{at + " " + at + " " + hw + " *"}},
		"same-unit-unnamed":   {[]check.Unit{u("u1", hw)}, []keptReading{readingOf(t, digestOf("a"), d("", hw, at))}, []string{"u1 " + hw + " " + at + " *"}},
		"two-readings":        {nil, []keptReading{readingOf(t, digestOf("a"), d("", at)), readingOf(t, digestOf("a"), d("", at))}, []string{at + " " + at + " *"}},
		"no-address":          {nil, []keptReading{readingOf(t, digestOf("a"), d("u1"))}, nil},
	} {
		var got []string
		for _, x := range unitsOf(this, c.listed, c.kept) {
			line := strings.Join(append([]string{x.ID}, addresses(x.Unit)...), " ")
			if len(x.said) > 0 {
				line += " *"
			}
			got = append(got, line)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	listed := []check.Unit{u("u1", hw, "10.0.0.1")}
	unitsOf(this, listed, []keptReading{readingOf(t, digestOf("a"), d("u1", at))})
	if len(listed[0].Addresses) != 1 {
		t.Error("what product.yaml lists was changed")
	}
}

func TestParseReading(t *testing.T) {
	for name, text := range map[string]string{
		"no-json": "words", "no-record": `{"devices":[]}`, "later": `{"assay_capture_reading":2}`,
		"no-address": `{"assay_capture_reading":1,"devices":[{"addresses":["kettle"]}]}`,
		"too-many":   `{"assay_capture_reading":1,"devices":[{"addresses":[` + strings.Repeat(`"10.0.0.1",`, maxAddresses) + `"10.0.0.1"]}]}`,
	} {
		if _, err := parseReading(strings.NewReader(text)); err == nil {
			t.Errorf("%s: taken for a record", name)
		}
	}
}

func FuzzParseReading(f *testing.F) {
	f.Add([]byte(`{"assay_capture_reading":1,"captures":[{"name":"a","digest":"sha256:00"}],"devices":[{"unit":"u","addresses":["10.0.0.1","02:00:00:00:00:14"]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseReading(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		for _, c := range r.Captures {
			unitsOf(evidence.Item{Digest: c.Digest}, []check.Unit{{ID: "u"}}, []keptReading{{*r, evidence.Item{}}})
		}
	})
}
