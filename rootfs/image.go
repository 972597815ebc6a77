package rootfs

import (
	"context"
	"io"
	"regexp"
	"strings"

	"github.com/assay-psti/assay/internal/reading"
)

// Bounds of the reading of images without files.
const (
	maxString = 1024 // bytes of one string
	nearby    = 64   // bytes between two strings that stand beside each other
)

// A text is one printable string of an image.
type text struct {
	s   string
	off int64
	end int64
}

// An ImageReader looks for credentials in an image that has no files: the program of a microcontroller. It takes strings
// that name what they hold (adminPass=1234), strings that follow such a name, and pass phrases that follow the name of
// an access point. What it finds by position only is marked Beside: it is a lead to follow, not a proof.
type ImageReader struct {
	imageFinder
	cur        []byte // the string being read
	off, start int64
}

var _ reading.Reader = (*ImageReader)(nil)

// NewImageReader makes a reader for one image.
func NewImageReader() *ImageReader {
	return &ImageReader{imageFinder: imageFinder{seen: map[string]bool{}}}
}

// ReadImage looks at one image by itself.
func ReadImage(ctx context.Context, image io.Reader) ([]Credential, error) {
	r := NewImageReader()
	if _, err := reading.Stream(ctx, "image", image, r); err != nil {
		return nil, err
	}
	return r.Credentials(), nil
}

// Miss does nothing: who has the image read is told.
func (r *ImageReader) Miss(_, _ string) {}

// File looks at all of the image.
func (r *ImageReader) File(string) func(*reading.Window) {
	return func(w *reading.Window) {
		data := w.Data[w.Seen:]
		for at := 0; at < len(data); {
			if len(r.cur) == 0 {
				for at < len(data) && (data[at] < ' ' || data[at] > '~') {
					at++
				}
				r.start = r.off + int64(at)
			}
			end := at
			for end < len(data) && data[end] >= ' ' && data[end] <= '~' {
				end++
			}
			r.cur = append(r.cur, data[at:min(end, at+maxString-len(r.cur))]...)
			if at = end; at < len(data) {
				r.flush(r.off + int64(at))
			}
		}
		r.off += int64(len(data))
	}
}

func (r *ImageReader) flush(end int64) {
	if len(r.cur) >= 4 {
		r.see(text{string(r.cur), r.start, end})
	}
	r.cur = r.cur[:0]
}

// Credentials is what was found, once all was read.
func (r *ImageReader) Credentials() []Credential {
	r.flush(r.off)
	r.second()
	return r.out
}

type imageFinder struct {
	out    []Credential
	last   [4]text // the strings before this one, newest first
	seen   map[string]bool
	aps    []string // stems of the access points' names
	found  []text   // pass phrases found beside them
	stemAt []text   // strings that may be related to one
}

var (
	assigned    = regexp.MustCompile(`^["']?([A-Za-z][A-Za-z0-9_.\-]{2,40})["']?\s?[=:]\s?["']?([!-~]{1,64}?)["']?[,;]?$`)
	settingName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(?:[_.\-]?[A-Za-z0-9]+){1,6}$`)
	apName      = regexp.MustCompile(`^[A-Za-z0-9]{2,20}[-_ ]?(?:AP|ap|Ap|SETUP|Setup|setup|SoftAP|softap|CONFIG|Config)$`)
	phrase      = regexp.MustCompile(`^[!-~]{8,63}$`)
	notSecret   = regexp.MustCompile(`[%/\\<>{}()\[\]"';,=]|^https?:|\.(?:c|h|cpp|html?|js|json|bin|com|org|net)$|^[A-Z_]+$|^[a-z]+(?:_[a-z]+)+$|^[A-Za-z]+$`)
	mixed       = regexp.MustCompile(`^[a-zA-Z@!#$._-]*[0-9]+[a-zA-Z0-9@!#$._-]*$`)
)

func (f *imageFinder) see(t text) {
	defer func() {
		copy(f.last[1:], f.last[:3])
		f.last[0] = t
	}()
	if m := assigned.FindStringSubmatchIndex(t.s); m != nil && secretName(t.s[m[2]:m[3]]) {
		c := Credential{Source: "binary", Key: t.s[m[2]:m[3]]}
		if c.value(t.s[m[4]:m[5]]) && !c.Placeholder && !strings.ContainsAny(c.Secret, "%<>&?*") {
			f.add(c, t.off+int64(m[4]))
			return
		}
	}
	if f.pairs(t) || len(t.s) > 63 {
		return
	}
	prev := f.last[0]
	near := prev.s != "" && t.off-prev.end <= 8
	if near && settingName.MatchString(prev.s) && secretName(prev.s) && len(nameWords(prev.s)) > 1 && likePassword(t.s) {
		f.add(Credential{Source: "binary", Key: prev.s, Secret: t.s, State: Plain, Beside: true, Why: "it follows the name"}, t.off)
	}
	if apName.MatchString(t.s) {
		if w := nameWords(t.s); len(w) > 0 && len(f.aps) < 64 {
			f.aps = append(f.aps, w[0])
		}
	}
	if phrase.MatchString(t.s) && !notSecret.MatchString(t.s) && mixed.MatchString(t.s) {
		for _, p := range f.last {
			if p.s != "" && t.off-p.end <= nearby && apName.MatchString(p.s) {
				f.add(Credential{Source: "binary", Key: p.s, Secret: t.s, State: Plain, Beside: true, Why: "it follows the name of an access point and could be its pass phrase"}, t.off)
				if len(f.found) < 64 {
					f.found = append(f.found, t)
				}
				break
			}
		}
	}
	for _, stem := range f.aps {
		if len(stem) >= 4 && len(t.s) > len(stem) && len(t.s) <= 20 && len(f.stemAt) < 10_000 && strings.HasPrefix(strings.ToLower(t.s), stem) && !strings.ContainsAny(t.s, "%/ .-_:<>={}()") {
			f.stemAt = append(f.stemAt, t)
			break
		}
	}
}

var (
	jsonPair = regexp.MustCompile(`"([A-Za-z][A-Za-z0-9_.\-]{2,40})"\s?:\s?"([!-~]{1,64}?)"`)
	formPair = regexp.MustCompile(`(?:^|[&;,?\s])([A-Za-z][A-Za-z0-9_.\-]{2,40})=([!#-%'-+\--:<-~]{1,64})`)
	// The command by which a host tells a Wi-Fi module of Espressif to open an access point, or to join one: name and pass phrase.
	atWiFi = regexp.MustCompile(`^AT\+CW(?:SAP|JAP)(?:_CUR|_DEF)?="([^"]{1,32})","([!-~]{8,63})"`)
)

// pairs takes the credentials of a string that holds several settings: JSON, a query, a command to a Wi-Fi module.
func (f *imageFinder) pairs(t text) (found bool) {
	if m := atWiFi.FindStringSubmatchIndex(t.s); m != nil && !strings.Contains(t.s[m[4]:m[5]], "%") {
		f.add(Credential{Source: "binary", Key: t.s[m[2]:m[3]], Secret: t.s[m[4]:m[5]], State: Plain, Beside: true, Why: "a command to a Wi-Fi module gives it as the pass phrase of this network"}, t.off+int64(m[4]))
		return true
	}
	if len(t.s) < 12 || !strings.ContainsAny(t.s, ":=") {
		return false
	}
	for _, shape := range []*regexp.Regexp{jsonPair, formPair} {
		for _, m := range shape.FindAllStringSubmatchIndex(t.s, 64) {
			c := Credential{Source: "binary", Key: t.s[m[2]:m[3]]}
			v := t.s[m[4]:m[5]]
			if secretName(c.Key) && c.value(v) && !c.Placeholder && likePassword(v) && !strings.HasPrefix(strings.ToLower(v), strings.ToLower(c.Key)) {
				f.add(c, t.off+int64(m[4]))
				found = true
			}
		}
	}
	return found
}

// second looks at the words made like a pass phrase that was found: another secret stands beside its second mention.
func (f *imageFinder) second() {
	for _, pass := range f.found {
		for _, a := range f.stemAt {
			if a.s != pass.s || a.off == pass.off {
				continue
			}
			for _, b := range f.stemAt {
				if d := a.off - b.off; b.s != pass.s && d != 0 && d > -nearby && d < nearby && b.s == strings.ToLower(b.s) {
					f.add(Credential{Source: "binary", Key: pass.s, Secret: b.s, State: Plain, Beside: true, Why: "it stands beside a pass phrase and is made like it"}, b.off)
				}
			}
		}
	}
}

func likePassword(s string) bool {
	if len(s) < 4 || len(s) > 32 || strings.ContainsAny(s, " %/\\<>{}()[]\"'=,;:?&|") || secretName(s) || strings.HasSuffix(s, ".") {
		return false
	}
	return strings.ContainsAny(s, "0123456789") || published[s]
}

func (f *imageFinder) add(c Credential, off int64) {
	c.Place = Place{Offset: off}
	key := c.Secret + "\x00" + c.Key
	if f.seen[key] || len(f.out) >= maxFindings {
		return
	}
	f.seen[key] = true
	f.out = append(f.out, c)
}

// published are default passwords of cameras and recorders that were made public with the malware that tries them, and
// that are no word of anything else.
var published = wordSet(`xc3511 vizxv juantech 7ujMko0admin 7ujMko0vizxv hi3518 klv123 klv1234 jvbzd xmhdipc Zte521 zlxx. hslwificam GM8182 ikwb hunt5759 fliruser
	meinsm 54321 888888 666666 88888888 00000000 12345678 123456 admin1234 admin123 smcadmin ROOT500 anko dreambox tsgoingon 20080826 hichiphx cxlinux xmhdipc 2601hx hkipc2016 founder88 taZz@23495859 tlJwpbo6 S2fGqNFs OxhlwSG8`)

// elfDefaults finds a published default password right after the name of its user in a program.
func (r *ContentReader) elfDefaults(c chunk) {
	var prev text
	start := -1
	for i := 0; i <= len(c.data); i++ {
		if i < len(c.data) && c.data[i] >= ' ' && c.data[i] <= '~' {
			if start < 0 {
				start = i
			}
			continue
		}
		if start < 0 {
			continue
		}
		if n := i - start; n >= 4 && n <= 64 && start < c.last {
			t := text{string(c.data[start:i]), c.base + int64(start), c.base + int64(i)}
			user := prev.s == "admin" || prev.s == "root" || prev.s == "user" || prev.s == "guest" || prev.s == "administrator" || prev.s == "supervisor"
			switch {
			case user && t.off-prev.end <= 8 && published[t.s]:
				r.addCredential(Credential{Source: "binary", User: prev.s, Secret: t.s, State: Plain, Beside: true, Why: "a published default password follows the name of a user", Place: Place{File: c.name, Offset: t.off}})
			case n > 6 && strings.ContainsAny(t.s, "=:"):
				if m := assigned.FindStringSubmatchIndex(t.s); m != nil && secretName(t.s[m[2]:m[3]]) {
					cr := Credential{Source: "binary", Key: t.s[m[2]:m[3]]}
					if cr.value(t.s[m[4]:m[5]]) && !cr.Placeholder && likePassword(cr.Secret) {
						cr.Place = Place{File: c.name, Offset: t.off + int64(m[4])}
						r.addCredential(cr)
					}
				}
			}
			prev = t
		} else {
			prev = text{}
		}
		start = -1
	}
}
