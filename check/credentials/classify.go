package credentials

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/password"
	"github.com/assay-psti/assay/rootfs"
)

// Kind is what a credential in a file is for.
type Kind string

// The kinds.
const (
	Login     Kind = "login"     // a user of the product
	WiFi      Kind = "wi-fi"     // the product's own access point
	Elsewhere Kind = "elsewhere" // something that is not the product
	Unclear   Kind = "unclear"   // nothing says what
	Example   Kind = "example"   // a placeholder or a sample
)

// elsewhere are parts of words that speak of an account on something else; the
// short ones only as a whole word.
var (
	elsewhereParts = []string{"ddns", "dyndns", "pppoe", "pptp", "l2tp", "smtp", "mail", "proxy", "radius", "cloud", "chap", "ipsec", "vpn", "voip", "3g", "modem", "dial", "upload", "remote_server", "twitter", "dropbox"}
	elsewhereWords = []string{"ppp", "ftp", "eap", "wan", "isp", "sip", "apn", "sta", "client", "station", "nas", "cifs", "smb", "lte", "4g", "5g", "alarm", "turn", "stun", "ntp", "nfs", "iptv", "pap", "bridge"}
	ownWords       = []string{"admin", "administrator", "login", "web", "http", "httpd", "telnet", "ssh", "root", "super", "superuser", "onvif", "rtsp", "console", "gui"}
	ownUsers       = []string{"admin", "administrator", "root", "user", "guest", "operator", "viewer", "service", "support", "supervisor", "super", "superuser", "superadmin", "useradmin", "installer", "technician", "tech", "manager", "default"}
)

// Classify says what a credential of a file is for, and why that is not known or
// is not the product, where it is so.
func Classify(c *rootfs.Credential) (Kind, string) {
	base := strings.ToLower(path.Base(c.Place.File))
	key := strings.ToLower(c.Key)
	keyWords, fileWords := split(key), split(base)
	switch {
	case c.Placeholder:
		return Example, ""
	case c.Beside:
		return Unclear, orWords(c.Why, "nothing names it")
	case c.State == rootfs.Locked:
		return Example, ""
	case c.State == rootfs.Shadowed:
		return Unclear, "the file says only that there is one"
	case c.Source == "url" || c.Source == "ppp" || c.Source == "snmp":
		return Elsewhere, "it is not a log-in of the product's users (" + c.Source + ")"
	case slices.Contains(keyWords, "wps") || slices.Contains(keyWords, "pin"):
		return Unclear, "a pairing PIN; whether the law counts it as a password hangs on what it is used for"
	case speaksOf(keyWords, key) || speaksOf(fileWords, base):
		return Elsewhere, "its name speaks of an account on something else"
	case c.Source == "wifi" || wireless(keyWords):
		return wifi(c, base, key)
	case c.State == rootfs.Empty && (c.User == "" || c.User == "anonymous"): // access without any password, which is no blank password
		return Unclear, orWords(c.Why, "an empty field of nobody in particular")
	case c.Source == "htpasswd" || c.Source == "httpd.conf" || c.Source == "lighttpd" || c.Source == "vsftpd" || c.Source == "mosquitto" && key != "remote_password":
		return Login, ""
	case c.Source != "settings" && c.Source != "xml" && c.Source != "json" && c.Source != "uci":
		return Unclear, "it stands in a " + c.Source + ", where nothing says what for"
	case c.User != "" && (slices.Contains(ownUsers, strings.ToLower(c.User)) || published(c)):
		return Login, ""
	case slices.ContainsFunc(keyWords, func(w string) bool { return slices.Contains(ownWords, w) }):
		return Login, ""
	}
	return Unclear, "nothing says whose it is"
}

func published(c *rootfs.Credential) bool {
	_, ok := password.IsDefault(c.User, c.Secret)
	return ok && c.Secret != ""
}

func orWords(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func wireless(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		return w == "psk" || w == "wpa" || w == "wpa2" || w == "wep" || w == "passphrase" || w == "wlan" || w == "wifi"
	})
}

// wifi tells the product's own access point from a network that it joins.
func wifi(c *rootfs.Credential, base, key string) (Kind, string) {
	own := strings.Contains(base, "hostapd") && strings.HasSuffix(key, "passphrase") || strings.HasPrefix(base, "rt28") && strings.Contains(base, "ap")
	switch {
	case strings.HasPrefix(base, "wpa_supplicant"):
		return Elsewhere, "it is for a network that the product joins"
	case c.State != rootfs.Plain || len(c.Secret) < 8 || len(c.Secret) > 63:
		return Unclear, "it is no pass phrase of an access point, or a key that people do not type"
	case own:
		return WiFi, ""
	}
	return Unclear, "a wireless key; whether the product's own access point uses it is not said beside it"
}

func speaksOf(words []string, whole string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(elsewhereWords, w) }) ||
		slices.ContainsFunc(elsewhereParts, func(p string) bool { return strings.Contains(whole, p) })
}

var wordBreak = regexp.MustCompile(`[^a-z0-9]+`)

func split(s string) []string { return wordBreak.Split(s, -1) }

var accessPoint = regexp.MustCompile(`(?i)^([a-z0-9]{4,20})[-_ ](?:ap|setup|softap|config)$`)

// AccessPoint reports whether a string in a program is the pass phrase of the
// product's own access point, and why: it follows the access point's name, and
// both are made from one word. One of the two alone is a lead.
func AccessPoint(c *rootfs.Credential) (why string, ok bool) {
	if !c.Beside {
		return "a program gives it a name that speaks of a credential; a person must look what for", false
	}
	m := accessPoint.FindStringSubmatch(c.Key)
	if m == nil || c.State != rootfs.Plain || len(c.Secret) < 8 || len(c.Secret) > 63 || !strings.HasPrefix(strings.ToLower(c.Secret), strings.ToLower(m[1])) {
		return orWords(c.Why, "nothing names it") + "; a person must look", false
	}
	return "it follows the access point's name in the program and begins with the same word", true
}

// words says what a finding is, without its value.
func words(c *rootfs.Credential, kind Kind) string {
	if kind == WiFi {
		return "the pass phrase of the access point"
	}
	if c.User != "" {
		return "the password of user " + check.Printable(c.User)
	}
	return "the password " + check.Printable(c.Key)
}

// Name is what a credential stands under. Where it was taken for one since it
// stands beside a pass phrase, that pass phrase is not repeated.
func Name(c *rootfs.Credential) string {
	if c.Beside && strings.Contains(c.Why, "beside a pass phrase") {
		return "a pass phrase"
	}
	return c.Key
}

func keyWords(c *rootfs.Credential) string {
	what := "a value"
	switch {
	case c.Key != "" && c.Beside:
		what = "a value beside " + Name(c)
	case c.Key != "":
		what = c.Key
	}
	if c.User != "" {
		what += " of " + c.User
	}
	if c.State == rootfs.Empty {
		what += " (empty)"
	}
	return check.Printable(what)
}

// subjectName makes the name of a part from what names a credential in the
// evidence. A name that must be changed to fit gets the beginning of its digest.
func subjectName(c *rootfs.Credential) string {
	who := c.User
	if who == "" {
		who = c.Key
	}
	raw := "config-" + who
	if c.Place.File != "" {
		raw = fmt.Sprintf("config-%s-%s", path.Base(c.Place.File), who)
	}
	fit := strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._@+-", r)) {
			return r
		}
		return '_'
	}, raw)
	if fit == raw && len(raw) <= 60 {
		return raw
	}
	sum := sha256.Sum256([]byte(raw))
	return fit[:min(len(fit), 51)] + "-" + hex.EncodeToString(sum[:4])
}
