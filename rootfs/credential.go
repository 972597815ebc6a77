package rootfs

import (
	"path"
	"regexp"
	"strings"
)

// Credential is a password, a pass phrase or open access that a file other than passwd and shadow gives.
type Credential struct {
	// Source is the kind of file: htpasswd, httpd.conf, lighttpd, mosquitto, vsftpd, wifi, ppp, snmp, sshd, uci, settings,
	// xml, json, script, url, binary.
	Source string `json:"source"`
	// Key is the name under which the secret stands there, User the user it is for where the file says.
	Key  string `json:"key,omitempty"`
	User string `json:"user,omitempty"`
	// Secret is as it stands; State says what it is: Empty is access without any.
	Secret string `json:"secret,omitempty"`
	State  State  `json:"state"`
	// Beside says that nothing names it: it was taken for a credential by what stands next to it. A person must look.
	Beside bool `json:"beside,omitempty"`
	// Placeholder says that the value asks to be replaced (CHANGE_ME, %s, $PASS), is the word of the thing itself, or stands
	// in a file that is an example by its name.
	Placeholder bool   `json:"placeholder,omitempty"`
	Why         string `json:"why,omitempty"`
	Place       Place  `json:"place"`
}

// settings reads one text file for credentials: by its own grammar where the name says which, else by the words beside
// the values.
func (r *ContentReader) settings(name string, data []byte) {
	if documentation(name) {
		return
	}
	base := strings.ToLower(path.Base(name))
	ext := path.Ext(base)
	s := settingsReader{r: r, name: name, data: data}
	switch {
	case base == "nsswitch.conf" || base == "login.defs" || base == "adduser.conf" || base == "deluser.conf" || strings.Contains("/"+name, "/pam.d/"):
		// they name where passwords are kept and how, never one
	case strings.HasPrefix(base, ".htpasswd") || strings.HasPrefix(base, "htpasswd") || ext == ".htpasswd" || ext == ".htdigest" || base == "lighttpd.user" || base == "webpasswd" || base == "htdigest":
		s.userLines("htpasswd")
	case strings.HasPrefix(base, "lighttpd") && (strings.Contains(base, "passw") || strings.Contains(base, "user") || strings.Contains(base, "plain")):
		s.userLines("lighttpd")
	case (strings.HasPrefix(base, "mosquitto") || strings.HasPrefix(base, "mqtt") || strings.Contains(name, "/mosquitto/")) && (strings.Contains(base, "passw") || strings.Contains(base, "pwfile") || base == "passwd" || base == "pwd"):
		s.userLines("mosquitto")
	case base == "httpd.conf" && !strings.Contains(string(data), "ServerRoot"):
		s.httpd()
	case strings.HasPrefix(base, "mosquitto") && ext == ".conf" || strings.Contains(name, "mosquitto/") && ext == ".conf":
		s.flags("mosquitto", regexp.MustCompile(`(?mi)^[ \t]*allow_anonymous[ \t]+true\b`), "anybody may connect to the broker")
		s.words("mosquitto", regexp.MustCompile(`(?m)^[ \t]*(remote_password|bridge_psk)[ \t]+(\S+)`))
	case strings.HasPrefix(base, "vsftpd") && ext == ".conf":
		s.flags("vsftpd", regexp.MustCompile(`(?mi)^[ \t]*anonymous_enable[ \t]*=[ \t]*yes\b`), "anybody may log in as anonymous")
	case base == "sshd_config":
		s.flags("sshd", regexp.MustCompile(`(?mi)^[ \t]*permitemptypasswords[ \t]+yes\b`), "accounts with an empty password are let in over SSH")
	case strings.HasPrefix(base, "snmpd") && ext == ".conf":
		s.words("snmp", regexp.MustCompile(`(?m)^[ \t]*(r[ow]community6?)[ \t]+(\S+)`))
	case base == "chap-secrets" || base == "pap-secrets":
		s.ppp()
	case strings.Contains("/"+name, "/etc/config/"):
		s.uci()
	case ext == ".xml":
		s.xml()
	case ext == ".json":
		s.quoted("json")
	case ext == ".js" || ext == ".lua" || ext == ".php" || ext == ".asp":
		if webDefaults(name) {
			s.quoted("script")
		}
	case ext == ".sh" || scriptLike(name, data):
		s.pairs("script")
	case configLike(name, base, ext):
		s.pairs(sourceOf(base))
	}
}

func sourceOf(base string) string {
	if strings.HasPrefix(base, "wpa") || strings.Contains(base, "hostapd") || strings.HasPrefix(base, "rt28") {
		return "wifi"
	}
	return "settings"
}

func configLike(name, base, ext string) bool {
	switch ext {
	case ".conf", ".cfg", ".ini", ".default", ".defaults", ".nvram", ".dat", ".properties", ".env", ".config", ".conf_1", ".cnf", ".nv", ".prop":
		return true
	}
	if base == ".env" || strings.Contains(base, "nvram") || strings.Contains(base, "hostapd") || strings.Contains(base, "wpa_supplicant") {
		return true
	}
	return ext == "" && (strings.HasPrefix(name, "etc/default") || strings.Contains(base, "config") || strings.Contains(base, "setting"))
}

// webDefaults reports whether a script file is one of the device's own, not of a language's library.
func webDefaults(name string) bool {
	p := "/" + name
	for _, dir := range []string{"/usr/lib/", "/usr/share/", "/lib/"} {
		if strings.HasPrefix(p, dir) && !strings.Contains(p, "/www/") && !strings.Contains(p, "/luci/") {
			return false
		}
	}
	base := strings.ToLower(path.Base(name))
	return !strings.Contains(base, "jquery") && !strings.Contains(base, ".min.") && !strings.Contains(strings.ToLower(name), "lang") && !strings.Contains(strings.ToLower(name), "i18n") && !strings.Contains(strings.ToLower(name), "locale")
}

// words of a setting's name that make it a credential, and those that make it something about one.
var (
	secretWords = wordSet("password passwd passphrase passwrd pwd psk passcode passkey wpakey wepkey pskkey userpass adminpass userpw adminpw loginpass wifipass wifikey pincode")
	aboutWords  = wordSet(`length len min max minlen maxlen file path enable enabled enc encrypt encrypted encryption encode type policy hint expire expires expiry retry retries prompt
		label changed change require required show visible mode err error msg message timeout format strength allow method algorithm age url set cipher rekey interval mgmt management rand random generated csrf nonce challenge
		hash hashed auth authentication check title text id name field input confirm reset forgot salt rounds program command prefix suffix help description default_key store backend through index`)
)

// pinWords stand before a pin that is a secret, and no leg of a chip.
var pinWords = wordSet("wps ap default admin setup pairing bt bluetooth unlock user device")

// secretName reports whether a setting of this name holds a secret.
func secretName(key string) bool {
	words := nameWords(key)
	secret := false
	for i, w := range words {
		if aboutWords[w] {
			return false
		}
		two := ""
		if i+1 < len(words) {
			two = w + words[i+1]
		}
		switch {
		case secretWords[w]:
			secret = true
		case two == "passphrase" || two == "passwd" || two == "password" || two == "wpakey" || two == "pskkey" || two == "wpspin" || two == "networkkey" || two == "pinkey" || two == "wifikey" || two == "wlankey" || two == "sharedkey" || two == "presharedkey" || two == "wepkey":
			secret = true
		case (w == "pass" || w == "pw") && (i == len(words)-1 || len(words) == 1):
			secret = true
		case w == "pin" && i > 0 && pinWords[words[i-1]]:
			secret = true
		case strings.HasPrefix(w, "wep") && i+1 < len(words) && words[i+1] == "key":
			secret = true
		}
	}
	return secret
}

// mayName reports, cheaply, whether a line can hold the name of a secret or of a user.
func mayName(line string) bool {
	for i := 0; i+2 < len(line); i++ {
		switch [3]byte{line[i] | 0x20, line[i+1] | 0x20, line[i+2] | 0x20} {
		case [3]byte{'p', 'a', 's'}, [3]byte{'p', 'w', 'd'}, [3]byte{'p', 's', 'k'}, [3]byte{'p', 'i', 'n'}, [3]byte{'k', 'e', 'y'}, [3]byte{'u', 's', 'e'}, [3]byte{'u', 's', 'r'},
			[3]byte{'l', 'o', 'g'}, [3]byte{'a', 'c', 'c'}, [3]byte{'n', 'a', 'm'}, [3]byte{'_', 'p', 'w'}, [3]byte{'w', 'e', 'p'}:
			return true
		}
	}
	return strings.Contains(line, "pw") || strings.Contains(line, "Pw") || strings.Contains(line, "PW")
}

// nameWords splits wlan0_psk_passPhrase into wlan, psk, pass, phrase.
func nameWords(key string) []string {
	var words []string
	start := 0
	flush := func(end int) {
		if end > start {
			words = append(words, strings.ToLower(key[start:end]))
		}
		start = end
	}
	for i := 0; i < len(key); i++ {
		c := key[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		switch {
		case !letter:
			flush(i)
			start = i + 1
		case c >= 'A' && c <= 'Z' && i > start && key[i-1] >= 'a' && key[i-1] <= 'z':
			flush(i)
		case c >= 'A' && c <= 'Z' && i > start && i+1 < len(key) && key[i+1] >= 'a' && key[i+1] <= 'z' && key[i-1] >= 'A' && key[i-1] <= 'Z':
			flush(i)
		}
	}
	flush(len(key))
	return words
}

// adminName reports whether an empty secret of this name leaves the device itself open.
func adminName(key string) bool {
	for _, w := range nameWords(key) {
		switch w {
		case "admin", "user", "root", "guest", "web", "http", "login", "adminpass", "userpass", "loginpass", "telnet", "ssh", "operator", "supervisor":
			return true
		}
	}
	return false
}

// value judges the value of a secret setting: ok is false when it is none.
func (c *Credential) value(v string) (ok bool) {
	v = strings.TrimSpace(v) // fields of a fixed width are filled with blanks
	c.Secret, c.User = printable(v, 512), strings.TrimSpace(c.User)
	lower := strings.ToLower(v)
	switch lower {
	case "":
		c.State = Empty
		return c.User != "" || adminName(c.Key)
	case "true", "false", "yes", "no", "on", "off", "none", "null", "nil", "undefined", "disabled", "enabled", "disable", "enable", "n/a":
		return false
	}
	if strings.Trim(v, "0") == "" && strings.Contains(strings.ToLower(c.Key), "wep") || len(v) > 512 || strings.HasPrefix(v, "/") && strings.Count(v, "/") > 1 {
		return false // an unset WEP key; the name of a file
	}
	if strings.Trim(v, "*xX.•") == "" {
		return false // blotted out
	}
	if c.Source == "script" && (v == "0" || v == "1" || strings.Contains(v, " ") && secretName(strings.NewReplacer("/", "_", " ", "_").Replace(v))) {
		return false // a flag or a counter; a command that speaks of passwords
	}
	c.State, _, _ = classify(v)
	if c.State == Hashed && !strings.HasPrefix(v, "$") && !strings.HasPrefix(v, "{") || c.State == Locked {
		c.State = Plain
	}
	if strings.ContainsAny(v[:1], "$%@<{") && c.State == Plain || strings.Contains(v, "${") || strings.Contains(v, "{{") || strings.Contains(v, "%s") || strings.Contains(lower, "change_me") || strings.Contains(lower, "changeme") ||
		strings.Contains(lower, "your") || strings.HasPrefix(lower, "enter ") || strings.HasPrefix(lower, "insert") || lower == "passphrase" || strings.EqualFold(v, c.Key) || lower == "psk_test" {
		c.Placeholder = true
	}
	return true
}
