package rootfs

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Update is a place that says how the device updates itself.
type Update struct {
	// Client is what does it: a program (opkg, swupdate, rauc, mender) or "script" for a script that fetches and writes.
	Client string `json:"client"`
	// Address is where it fetches from, as written; empty where the place names none.
	Address string `json:"address,omitempty"`
	// Over is how: http, https, ftp, tftp; empty where nothing says.
	Over string `json:"over,omitempty"`
	// Verified answers whether the place checks a signature; VerifiedBy says how, or what was looked for and not found.
	Verified   Truth  `json:"verified,omitempty"`
	VerifiedBy string `json:"verified_by,omitempty"`
	// Peer is No where the place turns the check of the server's certificate off (wget --no-check-certificate, curl -k).
	Peer  Truth  `json:"peer_checked,omitempty"`
	Place Place  `json:"place"`
	Text  string `json:"text,omitempty"`
}

var (
	fetches   = regexp.MustCompile(`(?:^|[\s;&|(` + "`" + `/])(wget|curl|tftp|ftpget|uclient-fetch|axel|aria2c)\s`)
	writes    = regexp.MustCompile(`(?:^|[\s;&|(` + "`" + `/])(mtd(?:_write|-write)?\s+(?:-\S+\s+)*(?:write|erase)|flashcp|flash_eraseall|flash_erase|nandwrite|dd\s[^\n]*of=/dev/(?:mtd|mmcblk|ubi)|sysupgrade|ubiupdatevol|fwupgrade|fw_upgrade|write_image|swupdate|rauc\s+install)`)
	checks    = regexp.MustCompile(`(?:openssl\s+(?:dgst|smime|cms|rsautl|pkeyutl)[^\n]*-(?:verify|verifyrecover)|openssl\s+(?:dgst|pkeyutl)\b[^\n]*-verify|openssl\s+(?:smime|cms)\s+-verify|gpgv?\s[^\n]*(?:--verify|\.sig|\.asc)|usign\s+-V|signify\s+-V|minisign\s+-V|ucert\s+-V|fwtool\s[^\n]*-s|cosign\s+verify|rauc\s+install|mender\s)`)
	named     = regexp.MustCompile(`(?i)(?:^|[._-])(?:ota|upgrade|fwupdate|firmware|sysupdate|autoupdate|update)`)
	unsure    = regexp.MustCompile(`(?i)(verif|signature|\.sig\b|authentic|decrypt|check_?(?:image|img|fw|firmware|sig))`)
	insecure  = regexp.MustCompile(`--no-check-certificate|curl(?:\s[^\n]*)?\s(?:-[a-zA-Z]*k\b|--insecure)`)
	addresses = regexp.MustCompile(`\b(https?|ftp|tftp|mqtts?|wss?)://[^\s"'<>|;)\\` + "`" + `]{3,200}`)
)

// updates reads a text file for update clients. A script counts when it both fetches and writes the flash, or when its
// name says what it is for.
func (r *ContentReader) updates(name string, data []byte) {
	if documentation(name) {
		return
	}
	base := path.Base(name)
	switch {
	case name == "etc/opkg.conf" || strings.HasPrefix(name, "etc/opkg/") && strings.HasSuffix(base, ".conf"):
		r.feeds(name, data, "opkg", "src", "option check_signature")
		return
	case name == "etc/apk/repositories":
		r.feeds(name, data, "apk", "http", "")
		return
	case name == "etc/apt/sources.list" || strings.HasPrefix(name, "etc/apt/sources.list.d/"):
		r.feeds(name, data, "apt", "deb", "")
		return
	case base == "swupdate.cfg" || base == "swupdate.conf" || strings.HasPrefix(name, "etc/swupdate/"):
		r.clientSettings(name, data, "swupdate", regexp.MustCompile(`(?:public-key-file|-k\s+\S)`))
		return
	case strings.HasPrefix(name, "etc/rauc/") && base == "system.conf":
		r.clientSettings(name, data, "rauc", regexp.MustCompile(`(?m)^\s*\[keyring\]`))
		return
	case base == "mender.conf":
		r.clientSettings(name, data, "mender", regexp.MustCompile(`"ArtifactVerifyKeys?"`))
		return
	case strings.HasPrefix(name, "etc/hawkbit") || base == "aktualizr.toml":
		r.clientSettings(name, data, strings.TrimSuffix(base, path.Ext(base)), nil)
		return
	}
	if !scriptLike(name, data) {
		return
	}
	code := commentless(data)
	fetch, write := fetches.FindIndex(code), writes.FindIndex(code)
	if n := 0; true {
		for _, yes := range []bool{fetch != nil, write != nil, named.MatchString(base)} {
			if yes {
				n++
			}
		}
		if n < 2 {
			return // fetching something, or writing the flash, is no update by itself
		}
	}
	at := fetch
	if at == nil {
		at = write
	}
	start := at[0]
	for start < len(code) && (code[start] == '\n' || code[start] == ' ' || code[start] == '\t') {
		start++
	}
	u := Update{Client: "script", Place: placeIn(name, data, start), Text: printable(strings.TrimSpace(lineAt(code, start)), 200)}
	if m := addresses.Find(code); m != nil {
		u.Address = string(m)
		u.Over, _, _ = strings.Cut(u.Address, "://")
	} else if fetch != nil && strings.Contains(string(code[fetch[0]:fetch[1]]), "tftp") {
		u.Over = "tftp"
	}
	if m := checks.Find(code); m != nil {
		u.Verified, u.VerifiedBy = Yes, printable(string(m), 100)
	} else {
		u.Verified, u.VerifiedBy = Unknown, "no check of a signature in this script; a program that it calls may check"
		if write != nil && strings.HasPrefix(strings.TrimLeft(string(code[write[0]:write[1]]), " \t\n;&|(`/"), "sysupgrade") {
			u.VerifiedBy = "no check of a signature in this script; sysupgrade may check"
		} else if unsure.Match(code) {
			u.VerifiedBy = "it names a check that was not followed"
		} else if write != nil && fetch != nil {
			u.Verified, u.VerifiedBy = No, "it fetches and writes the flash itself, and checks no signature in between"
		}
	}
	u.Peer = peer(string(code))
	r.addUpdate(u)
}

func (r *ContentReader) addUpdate(u Update) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.out.Updates) < maxFindings {
		r.out.Updates = append(r.out.Updates, u)
	}
}

func peer(code string) Truth {
	if insecure.MatchString(code) {
		return No
	}
	return Unknown
}

// feeds reads the lists of package managers.
func (r *ContentReader) feeds(name string, data []byte, client, word, signed string) {
	verified, by := Unknown, ""
	for _, ln := range lines(data) {
		if signed != "" && strings.HasPrefix(strings.TrimSpace(ln.text), signed) {
			verified, by = Yes, signed
		}
	}
	if client == "opkg" && verified == Unknown && name == "etc/opkg.conf" {
		by = "option check_signature is not set here"
	}
	for _, ln := range lines(data) {
		text := strings.TrimSpace(ln.text)
		if !strings.HasPrefix(text, word) {
			continue
		}
		m := addresses.FindString(text)
		if m == "" {
			continue
		}
		over, _, _ := strings.Cut(m, "://")
		r.addUpdate(Update{Client: client, Address: m, Over: over, Verified: verified, VerifiedBy: by, Place: Place{name, ln.n, ln.off}, Text: printable(text, 200)})
	}
}

func (r *ContentReader) clientSettings(name string, data []byte, client string, key *regexp.Regexp) {
	code := commentless(data)
	u := Update{Client: client, Place: Place{File: name}}
	if m := addresses.FindIndex(code); m != nil {
		u.Address = string(code[m[0]:m[1]])
		u.Over, _, _ = strings.Cut(u.Address, "://")
		u.Place = placeIn(name, data, m[0])
	}
	if key != nil {
		if m := key.Find(code); m != nil {
			u.Verified, u.VerifiedBy = Yes, printable(strings.TrimSpace(string(m)), 100)
		} else {
			u.Verified, u.VerifiedBy = No, "no key to verify with is set"
		}
	}
	if strings.Contains(strings.ToLower(string(code)), `"skipverify": true`) || strings.Contains(strings.ToLower(string(code)), `"skipverify":true`) {
		u.Peer = No
	}
	r.addUpdate(u)
}

func scriptLike(name string, data []byte) bool {
	if bytes.HasPrefix(data, []byte("#!")) {
		first, _, _ := bytes.Cut(data[:min(len(data), 200)], []byte("\n"))
		return !bytes.Contains(first, []byte("python")) && !bytes.Contains(first, []byte("perl")) && !bytes.Contains(first, []byte("ruby")) && !bytes.Contains(first, []byte("node"))
	}
	ext := path.Ext(name)
	return slices.Contains([]string{".sh", ".lua", ".cgi", ".init"}, ext) || strings.Contains("/"+name, "/init.d/") || strings.Contains("/"+name, "/rc.d/")
}

// commentless blanks comment lines and keeps every place.
func commentless(data []byte) []byte {
	out := slices.Clone(data)
	for _, ln := range lines(data) {
		if t := strings.TrimSpace(ln.text); strings.HasPrefix(t, "#") || strings.HasPrefix(t, "--") || strings.HasPrefix(t, "//") {
			blank(out[ln.off : int(ln.off)+len(ln.text)])
		}
	}
	return out
}

func placeIn(name string, data []byte, off int) Place {
	return Place{name, 1 + strings.Count(string(data[:off]), "\n"), int64(off)}
}

func lineAt(data []byte, off int) string {
	s := string(data[off:min(len(data), off+400)])
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		s = s[:i]
	}
	return s
}
