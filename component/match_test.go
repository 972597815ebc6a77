package component

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCompareVersions(t *testing.T) {
	ordered := []string{"0.9.8", "0.9.8a", "0.9.8za", "1.0", "1.0.1-rc1", "1.0.1", "1.0.1e", "1.0.1f", "1.0.2-beta", "1.0.2", "1.0.10", "1.1", "2.9", "2.10", "9.2-rc1", "9.2", "9.2p1", "9.2p2", "2012.55", "2019.78"}
	for i, a := range ordered {
		for j, b := range ordered {
			if got, want := compareVersions(a, b), cmp.Compare(i, j); got != want {
				t.Errorf("compareVersions(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
	for _, same := range [][2]string{{"1.0", "1.0.0"}, {"v1.2", "1.2"}, {"1.02", "1.2"}, {"1.2+build7", "1.2"}} {
		if got := compareVersions(same[0], same[1]); got != 0 {
			t.Errorf("compareVersions(%q, %q) = %d, want 0", same[0], same[1], got)
		}
	}
	debian := []string{"1.0~rc1", "1.0~rc1-1", "1.0", "1.0-1", "1.0-1+deb12u1", "1.0-1+deb12u10", "1.0-2", "1.0a-1", "1.1-1", "1:0.1-1"}
	for i, a := range debian {
		for j, b := range debian {
			if got, want := compareDebian(a, b), cmp.Compare(i, j); got != want {
				t.Errorf("compareDebian(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestCompareProperties(t *testing.T) {
	version := rapid.StringMatching(`[0-9]{1,2}(\.[0-9]{1,2}){0,3}(rc[0-9]|[a-z]|p[0-9]|~x|-[0-9])?`)
	for name, f := range map[string]func(a, b string) int{"upstream": compareVersions, "debian": compareDebian} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			a, b, c := version.Draw(t, "a"), version.Draw(t, "b"), version.Draw(t, "c")
			if f(a, a) != 0 || f(a, b) != -f(b, a) {
				t.Fatalf("not an order: %q %q", a, b)
			}
			if f(a, b) <= 0 && f(b, c) <= 0 && f(a, c) > 0 {
				t.Fatalf("%q <= %q <= %q, but not the first and the last", a, b, c)
			}
		}))
	}
}

func cve(id, affected string) string {
	return fmt.Sprintf(`{"dataType":"CVE_RECORD","cveMetadata":{"cveId":%q,"state":"PUBLISHED"},"containers":{"cna":{"title":"t","affected":[%s],"metrics":[{"cvssV3_1":{"vectorString":"CVSS:3.1/AV:N"}}]}}}`, id, affected)
}

func osv(id, ecosystem, name, events string) string {
	return fmt.Sprintf(`{"id":%q,"summary":"s","affected":[{"package":{"ecosystem":%q,"name":%q},"ranges":[{"type":"ECOSYSTEM","events":[%s]}]}]}`, id, ecosystem, name, events)
}

func TestMatch(t *testing.T) {
	text := func(name, version string) Component {
		for i := range signatures {
			if s := &signatures[i]; s.name == name {
				c := Component{Name: name, Source: "text", PURL: purl(s.purlType, "", name, version), Version: version}
				c.setCPE(s, version)
				return c
			}
		}
		t.Fatalf("no signature %s", name)
		return Component{}
	}
	deb := readDpkg("x", []byte(dpkgStatus))
	busybox := `{"vendor":"busybox","product":"busybox","defaultStatus":"unaffected","versions":[%s]}`
	for _, tt := range []struct {
		name, record string
		of           Component
		distribution string
		want         string // reason; "" is no match
	}{
		{"below the mended version", cve("CVE-1", fmt.Sprintf(busybox, `{"version":"0","lessThan":"1.27.0","status":"affected","versionType":"semver"}`)), text("busybox", "1.22.1"), "", "busybox busybox: 1.22.1 is from 0 and before 1.27.0"},
		{"the mended version", cve("CVE-1", fmt.Sprintf(busybox, `{"version":"0","lessThan":"1.22.1","status":"affected","versionType":"semver"}`)), text("busybox", "1.22.1"), "", ""},
		{"before the first", cve("CVE-1", fmt.Sprintf(busybox, `{"version":"1.23","lessThan":"1.27","status":"affected","versionType":"semver"}`)), text("busybox", "1.22.1"), "", ""},
		{"up to", cve("CVE-1", fmt.Sprintf(busybox, `{"version":"1.0","lessThanOrEqual":"1.22.1","status":"affected"}`)), text("busybox", "1.22.1"), "", "busybox busybox: 1.22.1 is from 1.0 up to 1.22.1"},
		{"one version", cve("CVE-1", fmt.Sprintf(busybox, `{"version":"1.22.1","status":"affected"}`)), text("busybox", "1.22.1"), "", "busybox busybox: 1.22.1 is the version 1.22.1"},
		{"one other version", cve("CVE-1", fmt.Sprintf(busybox, `{"version":"1.22","status":"affected"}`)), text("busybox", "1.22.1"), "", ""},
		{"no version named", cve("CVE-1", fmt.Sprintf(busybox, `{"version":"n/a","status":"affected"}`)), text("busybox", "1.22.1"), "", ""},
		{"a change of status", cve("CVE-1", fmt.Sprintf(busybox, `{"version":"0","lessThan":"*","status":"affected","changes":[{"at":"1.22.0","status":"unaffected"}]}`)), text("busybox", "1.22.1"), "", ""},
		{"another product of the vendor", cve("CVE-1", `{"vendor":"OpenBSD","product":"OpenBSD","versions":[{"version":"0","lessThan":"99","status":"affected"}]}`), text("openssh", "9.2p1"), "", ""},
		{"another vendor's product of that name", cve("CVE-1", `{"vendor":"redhat","product":"busybox","versions":[{"version":"0","lessThan":"99","status":"affected"}]}`), text("busybox", "1.22.1"), "", ""},
		{"affected unless said otherwise", cve("CVE-1", `{"vendor":"Linux","product":"Linux","defaultStatus":"affected","versions":[{"version":"3.0","status":"affected"},{"version":"0","lessThan":"3.0","status":"unaffected","versionType":"semver"},{"version":"4.4.200","lessThanOrEqual":"4.4.*","status":"unaffected","versionType":"semver"}]}`),
			text("linux", "4.4.194"), "", "Linux Linux: 4.4.194 is in none of the ranges that the record calls unaffected"},
		{"mended in its branch", cve("CVE-1", `{"vendor":"Linux","product":"Linux","defaultStatus":"affected","versions":[{"version":"4.4.190","lessThanOrEqual":"4.4.*","status":"unaffected","versionType":"semver"}]}`), text("linux", "4.4.194"), "", ""},
		{"by the letters of OpenSSL", cve("CVE-2014-0160", `{"vendor":"OpenSSL","product":"OpenSSL","versions":[{"version":"1.0.1","lessThan":"1.0.1g","status":"affected","versionType":"custom"}]}`), text("openssl", "1.0.1e"), "", "OpenSSL OpenSSL: 1.0.1e is from 1.0.1 and before 1.0.1g"},
		{"mended by the letters of OpenSSL", cve("CVE-2014-0160", `{"vendor":"OpenSSL","product":"OpenSSL","versions":[{"version":"1.0.1","lessThan":"1.0.1g","status":"affected","versionType":"custom"}]}`), text("openssl", "1.0.2f"), "", ""},
		{"by applicability", `{"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-2"},"containers":{"cna":{},"adp":[{"cpeApplicability":[{"nodes":[{"cpeMatch":[{"vulnerable":true,"criteria":"cpe:2.3:a:thekelleys:dnsmasq:*:*:*:*:*:*:*:*","versionEndExcluding":"2.78"}]}]}]}]}}`,
			text("dnsmasq", "2.62"), "", "cpe:2.3:a:thekelleys:dnsmasq:*:*:*:*:*:*:*:*: 2.62 is from 0 and before 2.78"},
		{"another product in the terms of CPE", `{"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-2"},"containers":{"cna":{},"adp":[{"cpeApplicability":[{"nodes":[{"cpeMatch":[{"vulnerable":true,"criteria":"cpe:2.3:a:dnsmasq:dnsmasq:*:*:*:*:*:*:*:*","versionEndExcluding":"2.78"}]}]}]}]}}`,
			text("dnsmasq", "2.62"), "", ""},
		{"rejected", strings.Replace(cve("CVE-1", fmt.Sprintf(busybox, `{"version":"1.22.1","status":"affected"}`)), "PUBLISHED", "REJECTED", 1), text("busybox", "1.22.1"), "", ""},
		{"a distribution's package by its own version", osv("DSA-1", "Debian:12", "openssl", `{"introduced":"0"},{"fixed":"3.0.13-1~deb12u1"}`), deb[0], "12", "Debian:12 openssl: 3.0.11-1~deb12u2 is from 0 and before 3.0.13-1~deb12u1"},
		{"another release of the distribution", osv("DSA-1", "Debian:11", "openssl", `{"introduced":"0"},{"fixed":"3.0.13-1~deb12u1"}`), deb[0], "12", ""},
		{"mended by the distribution", osv("DSA-1", "Debian:12", "openssl", `{"introduced":"0"},{"fixed":"3.0.11-1~deb12u1"}`), deb[0], "12", ""},
		{"two ranges", osv("X", "npm", "jquery", `{"introduced":"0"},{"fixed":"1.2.0"},{"introduced":"1.4.0"},{"last_affected":"1.8.3"}`), text("jquery", "1.8.3"), "", "npm jquery: 1.8.3 is from 1.4.0 up to 1.8.3"},
		{"between two ranges", osv("X", "npm", "jquery", `{"introduced":"0"},{"fixed":"1.2.0"},{"introduced":"1.9.0"}`), text("jquery", "1.8.3"), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db, err := LoadDatabase(context.Background(), fstest.MapFS{"r/one.json": {Data: []byte(tt.record)}})
			if err != nil || len(db.Unread) > 0 {
				t.Fatal(err, db.Unread)
			}
			got := ""
			for _, m := range db.Match(Inventory{Components: []Component{tt.of}, Distribution: "debian", DistributionVersion: tt.distribution}) {
				got += m.Reason
			}
			if got != tt.want {
				t.Errorf("reason = %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("backport", func(t *testing.T) {
		db, err := LoadDatabase(context.Background(), fstest.MapFS{"a.json": {Data: []byte(cve("CVE-1", fmt.Sprintf(busybox, `{"version":"0","lessThan":"1.36","status":"affected"}`)))}, "b.json": {Data: []byte("{")}, "c.json": {Data: []byte(`{"x":1}`)}})
		if err != nil {
			t.Fatal(err)
		}
		got := db.Match(Inventory{Components: deb})
		if len(got) != 1 || !got[0].Backport || got[0].Fixed != "1.36" || got[0].Severity != "CVSS:3.1/AV:N" || len(db.Unread) != 2 {
			t.Errorf("got %+v, unread %v", got, db.Unread)
		}
	})
}

func TestBillOfMaterials(t *testing.T) {
	inv := inventory(t, "var/lib/dpkg/status", dpkgStatus, "lib/libcrypto.so", "\x00OpenSSL 1.0.2f  28 Jan 2016\x00", "etc/os-release", "ID=debian\nVERSION_ID=12\n")
	of := Subject{Name: "camera", Version: "1.2", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Tool: "assay 1"}
	var one, two bytes.Buffer
	if err := WriteCycloneDX(&one, inv, of); err != nil {
		t.Fatal(err)
	}
	if err := WriteCycloneDX(&two, inv, of); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the same inventory gave other bytes")
	}
	if !strings.Contains(one.String(), `"specVersion": "1.7"`) {
		t.Error("it is not CycloneDX 1.7")
	}
	back, err := ReadCycloneDX(&one)
	if err != nil {
		t.Fatal(err)
	}
	db, err := LoadDatabase(context.Background(), fstest.MapFS{
		"a.json": {Data: []byte(osv("DSA-1", "Debian:12", "openssl", `{"introduced":"0"},{"fixed":"3.0.13-1"}`))},
		"b.json": {Data: []byte(cve("CVE-1", `{"vendor":"openssl","product":"openssl","versions":[{"version":"1.0.2","lessThan":"1.0.2g","status":"affected"}]}`))}})
	if err != nil {
		t.Fatal(err)
	}
	direct, again := db.Match(inv), db.Match(back)
	if len(direct) != 2 {
		t.Errorf("got %d matches, want 2: %+v", len(direct), direct)
	}
	if diff := gocmp.Diff(direct, again); diff != "" {
		t.Errorf("matching the bill is not matching the product (-direct +bill):\n%s", diff)
	}
	if back.Components[1].EndOfLife == nil && back.Components[2].EndOfLife == nil {
		t.Error("the end of life of OpenSSL 1.0.2 is lost")
	}
	var spdx bytes.Buffer
	if err := WriteSPDX(&spdx, inv, of); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Version  string `json:"spdxVersion"`
		Packages []struct {
			ID string `json:"SPDXID"`
		} `json:"packages"`
		Relationships []struct {
			To string `json:"relatedSpdxElement"`
		} `json:"relationships"`
	}
	if err := json.Unmarshal(spdx.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Version != "SPDX-2.3" || len(doc.Packages) != len(inv.Components)+1 || len(doc.Relationships) != len(doc.Packages) {
		t.Errorf("got %+v", doc)
	}
}

func TestVEX(t *testing.T) {
	matches := []Match{{ID: "GHSA-1", Aliases: []string{"CVE-1"}, Component: "busybox", PURL: "pkg:generic/busybox@1.22.1", Fixed: "1.27"}, {ID: "CVE-2", PURL: "pkg:deb/debian/x@1?arch=armhf"}, {ID: "CVE-3", PURL: "pkg:generic/y@1"}}
	doc := `{"@context":"https://openvex.dev/ns/v0.2.0","statements":[
	 {"vulnerability":{"name":"CVE-1"},"products":[{"@id":"pkg:oci/cam","subcomponents":[{"@id":"pkg:generic/busybox"}]}],"status":"not_affected","justification":"vulnerable_code_not_present"},
	 {"vulnerability":{"name":"CVE-2"},"products":[{"@id":"pkg:deb/debian/x@1"}],"status":"fixed"},
	 {"vulnerability":{"name":"CVE-3"},"products":[{"@id":"pkg:generic/y@2"}],"status":"fixed"}]}`
	v, err := ReadVEX(strings.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	v.Apply(matches)
	got := []string{matches[0].Status, matches[1].Status, matches[2].Status}
	if diff := gocmp.Diff([]string{"not_affected", "fixed", ""}, got); diff != "" {
		t.Error(diff)
	}
	var out bytes.Buffer
	if err := WriteVEX(&out, matches, "assay", time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	again, err := ReadVEX(&out)
	if err != nil {
		t.Fatal(err)
	}
	if s := again.statements; len(s) != 3 || s[0].Status != "not_affected" || s[2].Status != "under_investigation" {
		t.Errorf("got %+v", s)
	}
	for name, bad := range map[string]string{"no reason": `{"@context":"openvex","statements":[{"status":"not_affected"}]}`, "status": `{"@context":"openvex","statements":[{"status":"fine"}]}`, "format": `{"x":1}`, "cut": `{`} {
		if _, err := ReadVEX(strings.NewReader(bad)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEndOfLife(t *testing.T) {
	for _, tt := range []struct{ name, version, want string }{
		{"openssl", "1.0.2f", "2019-12-31"}, {"openssl", "1.0.1e", "2016-12-31"}, {"openssl", "3.0.22", "2026-09-07"}, {"openssl", "4.0", ""},
		{"linux", "3.10.14", "2017-11-04"}, {"linux", "4.4.194", "2022-02-03"}, {"linux", "4.40", ""}, {"linux", "3.1", ""}, {"linux", "6.12.3", "2028-12-31"}, {"linux", "6.1.9", "2027-12-31"}, {"php", "5.6.40", "2018-12-31"}, {"node", "18.20.4", "2025-04-30"}, {"node", "1.2", ""},
		{"mbedtls", "2.28.3", "2025-03-31"}, {"openwrt", "19.07.8", "2022-04-30"}, {"debian", "12", "2028-06-30"}, {"debian", "1", ""}, {"python", "3.11.2", "2027-10-31"}, {"python", "3.1.4", "2012-04-09"}, {"uclibc", "0.9.28", "2012-05-15"}, {"busybox", "1.22.1", ""},
	} {
		got := ""
		if e := endOfLife(&Component{Name: tt.name, Version: tt.version, Source: "text"}); e != nil {
			got = e.Date.Format(time.DateOnly)
			if e.Source == "" || e.AsOf.IsZero() {
				t.Errorf("%s: no source or no date of the data", tt.name)
			}
		}
		if got != tt.want {
			t.Errorf("%s %s: got %q, want %q", tt.name, tt.version, got, tt.want)
		}
	}
	for _, name := range []string{"busybox", "dropbear", "glibc", "musl", "uclibc-ng", "wolfssl", "lighttpd", "dnsmasq", "hostapd", "zlib"} {
		if hasEnds(name) {
			t.Errorf("%s: its makers publish no end of maintenance, so none may be claimed", name)
		}
	}
	if e := endOfLife(&Component{Name: "linux", Version: "3.10.14"}); e == nil || !e.Recalled || !strings.Contains(e.Source, "recalled") {
		t.Errorf("linux 3.10: got %+v, want it marked as recalled", e)
	}
	for _, p := range endOfLifeTable().Products {
		if p.Source == "" {
			t.Errorf("%s has no source", p.Name)
		}
		for _, cycle := range p.Recalled {
			if p.Cycles[cycle] == "" {
				t.Errorf("%s: %s is recalled and not listed", p.Name, cycle)
			}
		}
		for cycle := range p.Sources {
			if p.Cycles[cycle] == "" {
				t.Errorf("%s: %s has a source and is not listed", p.Name, cycle)
			}
		}
		for cycle, date := range p.Cycles {
			if _, err := time.Parse(time.DateOnly, date); err != nil {
				t.Errorf("%s %s: %v", p.Name, cycle, err)
			}
		}
	}
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte(cve("CVE-1", `{"vendor":"busybox","product":"busybox","versions":[{"version":"1","lessThan":"2","status":"affected"}]}`)))
	f.Add([]byte(osv("X", "Debian:12", "openssl", `{"introduced":"0"},{"fixed":"1"}`)))
	f.Add([]byte(`{"bomFormat":"CycloneDX","components":[{"name":"a","cpe":"cpe:2.3:a:b:c:1"}]}`))
	f.Add([]byte(`{"@context":"openvex","statements":[{"status":"fixed"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		db, err := LoadDatabase(context.Background(), fstest.MapFS{"a.json": {Data: data}})
		if err != nil {
			t.Fatal(err)
		}
		inv := Inventory{Components: readDpkg("x", []byte(dpkgStatus))}
		if bom, err := ReadCycloneDX(bytes.NewReader(data)); err == nil {
			inv.Components = append(inv.Components, bom.Components...)
		}
		matches := db.Match(inv)
		if v, err := ReadVEX(bytes.NewReader(data)); err == nil {
			v.Apply(matches)
		}
	})
}
