package component

import (
	"bytes"
	"path"
	"strings"
)

// databaseReader returns the reader of a package database, or nil when the file is none.
func databaseReader(name string) func(string, []byte) []Component {
	switch base := path.Base(name); {
	case strings.HasSuffix(name, "var/lib/dpkg/status"):
		return readDpkg
	case strings.HasSuffix(path.Dir(name), "var/lib/dpkg/status.d") && !strings.HasSuffix(base, ".md5sums"):
		return readDpkg
	case strings.HasSuffix(name, "lib/opkg/status"), strings.HasSuffix(path.Dir(name), "lib/opkg/info") && strings.HasSuffix(base, ".control"), strings.HasSuffix(name, "lib/ipkg/status"):
		return readOpkg
	case strings.HasSuffix(name, "lib/apk/db/installed"):
		return readAPK
	}
	return nil
}

// A stanza is one package of a database in the form of Debian's control files.
type stanza struct {
	fields map[string]string
	at     int64
}

// stanzas splits such a file. Lines that begin with a blank go on with the field before.
func stanzas(data []byte) []stanza {
	var out []stanza
	cur := stanza{}
	key := ""
	flush := func() {
		if len(cur.fields) > 0 && len(out) < maxComponents {
			out = append(out, cur)
		}
		cur = stanza{}
	}
	for off := 0; off < len(data); {
		end := bytes.IndexByte(data[off:], '\n')
		next := off + end + 1
		if end < 0 {
			end, next = len(data)-off, len(data)
		}
		ln := strings.TrimRight(string(data[off:off+min(end, 1<<16)]), "\r")
		switch {
		case strings.TrimSpace(ln) == "":
			flush()
		case ln[0] == ' ' || ln[0] == '\t':
			if cur.fields != nil && key != "" && len(cur.fields[key]) < 4096 {
				cur.fields[key] += "\n" + strings.TrimSpace(ln)
			}
		default:
			k, v, ok := strings.Cut(ln, ":")
			if !ok {
				break
			}
			if cur.fields == nil {
				cur.fields, cur.at = map[string]string{}, int64(off)
			}
			key = strings.TrimSpace(k)
			if len(cur.fields) < 100 {
				cur.fields[key] = strings.TrimSpace(v)
			}
		}
		off = next
	}
	flush()
	return out
}

// installed reports whether a Status field says that the package is there.
func installed(status string) bool {
	f := strings.Fields(status)
	return len(f) == 0 || len(f) == 3 && f[2] == "installed" || len(f) == 3 && (f[2] == "unpacked" || f[2] == "half-configured")
}

func readDpkg(name string, data []byte) []Component {
	var out []Component
	for _, s := range stanzas(data) {
		f := s.fields
		if f["Package"] == "" || f["Version"] == "" || !installed(f["Status"]) {
			continue
		}
		c := Component{Name: printable(f["Package"], 200), Version: printable(f["Version"], 200), Type: Application, Source: "dpkg", Seen: 1,
			Evidence: []Evidence{{name, s.at, "Package: " + printable(f["Package"], 100)}}}
		c.SourcePackage, c.SourceVersion = c.Name, c.Version
		if src := f["Source"]; src != "" {
			c.SourcePackage, c.SourceVersion, _ = strings.Cut(printable(src, 200), " ")
			if c.SourceVersion = strings.Trim(c.SourceVersion, "()"); c.SourceVersion == "" {
				c.SourceVersion = c.Version
			}
		}
		c.PURL = purl("deb", "debian", c.Name, c.Version, "arch", f["Architecture"])
		if c.SourcePackage == "wpa" { // one source, two programs
			c.named(upstream(c.Name), debianUpstream(c.SourceVersion))
		} else {
			c.named(upstream(c.SourcePackage), debianUpstream(c.SourceVersion))
		}
		out = append(out, c)
	}
	return out
}

// debianUpstream takes the epoch and the revision away.
func debianUpstream(v string) string {
	if _, rest, ok := strings.Cut(v, ":"); ok {
		v = rest
	}
	if i := strings.LastIndexByte(v, '-'); i > 0 {
		v = v[:i]
	}
	v, _, _ = strings.Cut(v, "+dfsg")
	v, _, _ = strings.Cut(v, ".dfsg")
	v, _, _ = strings.Cut(v, "+ds")
	return v
}

func readOpkg(name string, data []byte) []Component {
	var out []Component
	for _, s := range stanzas(data) {
		f := s.fields
		if f["Package"] == "" || f["Version"] == "" || !installed(f["Status"]) {
			continue
		}
		c := Component{Name: printable(f["Package"], 200), Version: printable(f["Version"], 200), Type: Application, Source: "opkg", Licence: printable(f["License"], 100), Seen: 1,
			Evidence: []Evidence{{name, s.at, "Package: " + printable(f["Package"], 100)}}}
		c.SourcePackage = printable(path.Base(f["SourceName"]), 200)
		if f["SourceName"] == "" {
			c.SourcePackage = ""
		}
		c.PURL = purl("generic", "", c.Name, c.Version, "arch", f["Architecture"], "type", "opkg")
		version := c.Version
		if i := strings.LastIndexByte(version, '-'); i > 0 {
			version = version[:i] // the package's own release number
		}
		if part, vendor, product := cpeFields(f["CPE-ID"]); product != "" {
			c.vendor, c.product = vendor, product
			c.CPE = cpe(part, vendor, product, version, "")
		} else {
			c.named(upstream(c.Name), version)
		}
		out = append(out, c)
	}
	return out
}

func readAPK(name string, data []byte) []Component {
	var out []Component
	for _, s := range stanzas(data) {
		f := s.fields
		if f["P"] == "" || f["V"] == "" {
			continue
		}
		c := Component{Name: printable(f["P"], 200), Version: printable(f["V"], 200), Type: Application, Source: "apk", Licence: printable(f["L"], 100), Seen: 1,
			SourcePackage: printable(f["o"], 200), Evidence: []Evidence{{name, s.at, "P:" + printable(f["P"], 100)}}}
		c.PURL = purl("apk", "alpine", c.Name, c.Version, "arch", f["A"])
		version := c.Version
		if i := strings.LastIndex(version, "-r"); i > 0 {
			version = version[:i]
		}
		if c.SourcePackage != "" {
			c.named(upstream(c.SourcePackage), version)
		} else {
			c.named(upstream(c.Name), version)
		}
		out = append(out, c)
	}
	return out
}

// named gives a package the CPE of the software of that name, where a signature knows it.
func (c *Component) named(name, version string) {
	for i := range signatures {
		if s := &signatures[i]; s.name == name && s.vendor != "" {
			c.setCPE(s, version)
			return
		}
	}
	for i := range loneSignatures {
		if s := &loneSignatures[i].signature; s.name == name {
			c.setCPE(s, version)
			return
		}
	}
}

func (c *Component) setCPE(s *signature, version string) {
	c.vendor, c.product = s.vendor, s.product
	update := ""
	if s.name == "openssh" || s.name == "ntp" {
		if i := strings.LastIndexByte(version, 'p'); i > 0 {
			version, update = version[:i], version[i:]
		}
	}
	c.CPE = cpe(s.part(), s.vendor, s.product, version, update)
}

// upstream is the name of the software that distributions call otherwise.
func upstream(name string) string {
	switch name {
	case "wpasupplicant", "wpa_supplicant", "wpa-supplicant":
		return "wpa_supplicant"
	case "gnutls28":
		return "gnutls"
	case "libgcrypt20":
		return "libgcrypt"
	case "wpad", "wpad-mini", "wpad-basic":
		return "hostapd"
	case "pcre3":
		return "pcre"
	case "libpng1.6", "libpng16":
		return "libpng"
	case "sqlite3":
		return "sqlite"
	case "lua5.1", "lua5.3", "lua5.4":
		return "lua"
	case "libopenssl", "libopenssl1.1", "openssl-util", "openssl11-libs":
		return "openssl"
	case "libcurl", "libcurl4":
		return "curl"
	case "kernel":
		return "linux"
	case "libmbedtls", "libmbedtls12":
		return "mbedtls"
	case "dnsmasq-full", "dnsmasq-dhcpv6":
		return "dnsmasq"
	case "libexpat":
		return "expat"
	}
	return name
}
