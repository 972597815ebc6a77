package main

import (
	"bufio"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/assay-psti/assay/component"
	"github.com/assay-psti/assay/rootfs"
)

// withoutDatabase hides the package database of a root file system.
type withoutDatabase struct{ fs.FS }

func (w withoutDatabase) ReadDir(name string) ([]fs.DirEntry, error) {
	list, err := fs.ReadDir(w.FS, name)
	if name != "var/lib" {
		return list, err
	}
	var kept []fs.DirEntry
	for _, d := range list {
		if d.Name() != "dpkg" {
			kept = append(kept, d)
		}
	}
	return kept, err
}

// ofSource are components whose name is not that of Debian's source package.
var ofSource = map[string]string{"dnsmasq": "dnsmasq", "hostapd": "wpa", "wpa_supplicant": "wpa", "libpng": "libpng1.6", "sqlite": "sqlite3", "gnutls": "gnutls28", "libgcrypt": "libgcrypt20",
	"node": "nodejs", "libtiff": "tiff", "stunnel": "stunnel4", "xz": "xz-utils", "glibc": "glibc", "proftpd": "proftpd-dfsg", "php": "php8.2", "lua": "lua5.4", "libpcap": "libpcap"}

// TestDebianRoot holds what is said of a root file system made of Debian packages against its package database: every
// version of the database is given; what is found without the database is what the database says; no secret is reported.
// Bundled are copies of software inside other packages, which the database does not know.
func TestDebianRoot(t *testing.T) {
	dir := os.Getenv("ASSAY_DEBIAN_ROOT")
	if dir == "" {
		t.Skip("ASSAY_DEBIAN_ROOT names no folder of unpacked Debian packages with var/lib/dpkg/status (see docs/firmware.md)")
	}
	bundled := map[string]bool{"zlib 1.2.11": true} // in Node.js
	truth, packages := map[string][]string{}, map[string]string{}
	f, err := os.Open(dir + "/var/lib/dpkg/status")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	name, source, version := "", "", ""
	upstream := func(v string) string {
		if _, rest, ok := strings.Cut(v, ":"); ok {
			v = rest
		}
		if i := strings.LastIndexByte(v, '-'); i > 0 {
			v = v[:i]
		}
		return regexp.MustCompile(`[+~].*`).ReplaceAllString(v, "")
	}
	flush := func() {
		if name != "" {
			packages[name] = version
			s, v, ok := strings.Cut(strings.TrimSuffix(source, ")"), " (")
			if !ok {
				v = version
			}
			if s == "" {
				s = name
			}
			truth[s] = append(truth[s], upstream(v))
		}
		name, source, version = "", "", ""
	}
	for s := bufio.NewScanner(f); s.Scan(); {
		key, value, _ := strings.Cut(s.Text(), ": ")
		switch key {
		case "":
			flush()
		case "Package":
			flush()
			name = value
		case "Source":
			source = value
		case "Version":
			version = value
		}
	}
	flush()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	inv, err := component.Find(t.Context(), root.FS())
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	for _, c := range inv.Components {
		given[c.Name+" "+c.Version] = true
	}
	for p, v := range packages {
		if !given[p+" "+v] {
			t.Errorf("package %s %s is not given", p, v)
		}
	}
	inv, err = component.Find(t.Context(), withoutDatabase{root.FS()})
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for _, c := range inv.Components {
		if c.Source == "dpkg" {
			t.Fatal("the database was not hidden")
		}
		s := ofSource[c.Name]
		if s == "" {
			s = c.Name
		}
		ok := bundled[c.Name+" "+c.Version]
		for src, versions := range truth {
			for _, v := range versions {
				v = strings.ReplaceAll(v, "-P", "p")
				same := v == c.Version || strings.HasPrefix(v, c.Version+".") || strings.HasPrefix(c.Version, v+"p")
				ok = ok || same && (src == s || strings.HasPrefix(src, c.Name))
			}
		}
		if !ok {
			t.Errorf("%s %s is not in the database: %v", c.Name, c.Version, c.Evidence[0])
			continue
		}
		right++
	}
	contents, err := rootfs.ReadContents(t.Context(), root.FS())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range contents.Secrets {
		t.Errorf("a secret in a clean root: %+v", s)
	}
	t.Logf("%d packages; without the database %d components, %d right; %d credentials", len(packages), len(inv.Components), right, len(contents.Credentials))
	for _, c := range contents.Credentials {
		t.Logf("credential: %s %s %s", c.Source, c.Key, c.Place)
	}
}
