package page

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
)

// maxSecurityTxt is how much of a security.txt is read; RFC 9116 section 5.8 lets a parser stop at 32 KB.
const maxSecurityTxt = 64 << 10

// SecurityFile is a security.txt as RFC 9116 defines it.
type SecurityFile struct {
	Contacts           []SecurityField
	Expires            time.Time // zero if missing or no date of RFC 3339
	Canonical          []string
	Policy             []string
	Encryption         []string
	Acknowledgments    []string
	Hiring             []string
	CSAF               []string
	PreferredLanguages []string
	Other              []SecurityField // fields that are not registered
	Signed             bool            // an OpenPGP cleartext signature is there; Verify says whether it holds
	Faults             []SecurityFault

	raw []byte
}

// SecurityField is one field and the line it stands on, counted from 1, with its place in the file.
type SecurityField struct {
	Name, Value string
	Line        int
	Span
}

// SecurityFault is one way in which a file departs from RFC 9116.
type SecurityFault struct {
	Line int // 0: the file as a whole
	What string
	Cite string // section of RFC 9116
	Hard bool   // a MUST; otherwise advice
}

// ParseSecurityTxt reads a security.txt. It takes any bytes: what is wrong with them stands in Faults.
func ParseSecurityTxt(data []byte) *SecurityFile {
	f := &SecurityFile{raw: data}
	fault := func(line int, cite string, hard bool, format string, args ...any) {
		if len(f.Faults) < 200 {
			f.Faults = append(f.Faults, SecurityFault{line, fmt.Sprintf(format, args...), cite, hard})
		}
	}
	if len(data) > maxSecurityTxt {
		fault(0, "5.8", false, "the file is larger than %d bytes: the rest was not read", maxSecurityTxt)
		data = data[:maxSecurityTxt]
	}
	body := bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	base := len(data) - len(body)
	state := 0 // 0 text, 1 header of a signed message, 2 signature
	seen := map[string]int{}
	for line, at := 1, 0; at <= len(body); line++ {
		end := bytes.IndexByte(body[at:], '\n')
		next := at + end + 1
		if end < 0 {
			end, next = len(body)-at, len(body)+1
		}
		raw := strings.TrimRight(string(body[at:at+end]), "\r")
		s := Span{base + at, base + at + len(raw)}
		at = next
		switch {
		case raw == "-----BEGIN PGP SIGNED MESSAGE-----":
			f.Signed, state = true, 1
			continue
		case raw == "-----BEGIN PGP SIGNATURE-----":
			state = 2
			continue
		case state == 1:
			if strings.TrimSpace(raw) == "" {
				state = 0
			}
			continue
		case state == 2:
			continue
		}
		raw = strings.TrimPrefix(raw, "- ")
		text := strings.TrimSpace(raw)
		if text == "" || text[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(raw, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			fault(line, "4", true, "the line is no field: %q", clip(text, 60))
			continue
		}
		value = strings.TrimSpace(value)
		if value == "" {
			fault(line, "4", true, "the field %s has no value", clip(name, 40))
			continue
		}
		field := SecurityField{name, value, line, s}
		key := strings.ToLower(name)
		seen[key]++
		f.take(key, field, fault)
	}
	switch {
	case len(f.Contacts) == 0:
		fault(0, "2.5.3", true, "there is no Contact field")
	}
	switch n := seen["expires"]; {
	case n == 0:
		fault(0, "2.5.5", true, "there is no Expires field")
	case n > 1:
		fault(0, "2.5.5", true, "there are %d Expires fields where one is allowed", n)
	}
	if n := seen["preferred-languages"]; n > 1 {
		fault(0, "2.5.8", true, "there are %d Preferred-Languages fields where one is allowed", n)
	}
	if f.Signed && len(f.Canonical) == 0 {
		fault(0, "2.5.2", false, "a signed file should name where it stands in a Canonical field")
	}
	if !f.Signed {
		fault(0, "2.3", false, "the file is not signed")
	}
	return f
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:cutAt(s, n)] + "..."
}

func (f *SecurityFile) take(key string, field SecurityField, fault func(int, string, bool, string, ...any)) {
	web := func(cite string) {
		u, err := url.Parse(field.Value)
		switch {
		case err != nil || u.Scheme == "":
			fault(field.Line, cite, true, "%s is no URI: %q", field.Name, clip(field.Value, 80))
		case strings.EqualFold(u.Scheme, "http"):
			fault(field.Line, cite, true, "%s must begin with https: %q", field.Name, clip(field.Value, 80))
		}
	}
	switch key {
	case "contact":
		web("2.5.3")
		f.Contacts = append(f.Contacts, field)
	case "expires":
		t, err := time.Parse(time.RFC3339, strings.ToUpper(field.Value))
		if err != nil {
			fault(field.Line, "2.5.5", true, "Expires is no date of RFC 3339 such as 2029-12-31T23:59:59Z: %q", clip(field.Value, 60))
		} else if f.Expires.IsZero() {
			f.Expires = t
		}
	case "canonical":
		web("2.5.2")
		f.Canonical = append(f.Canonical, field.Value)
	case "policy":
		web("2.5.7")
		f.Policy = append(f.Policy, field.Value)
	case "encryption":
		web("2.5.4")
		f.Encryption = append(f.Encryption, field.Value)
	case "acknowledgments", "acknowledgements":
		if key != "acknowledgments" {
			fault(field.Line, "2.5.1", false, "the field is spelt Acknowledgments")
		}
		web("2.5.1")
		f.Acknowledgments = append(f.Acknowledgments, field.Value)
	case "hiring":
		web("2.5.6")
		f.Hiring = append(f.Hiring, field.Value)
	case "csaf":
		web("IANA registry of security.txt fields")
		f.CSAF = append(f.CSAF, field.Value)
	case "preferred-languages":
		for _, l := range strings.Split(field.Value, ",") {
			if l = strings.TrimSpace(l); l != "" {
				f.PreferredLanguages = append(f.PreferredLanguages, l)
			}
		}
	default:
		if len(f.Other) < 200 {
			f.Other = append(f.Other, field)
		}
	}
}

// Wellformed reports whether the file keeps every MUST of RFC 9116 that its bytes can show.
func (f *SecurityFile) Wellformed() bool {
	for _, x := range f.Faults {
		if x.Hard {
			return false
		}
	}
	return true
}

// Expired reports whether the file is past its date at the given time. Known is false where it has no usable date.
func (f *SecurityFile) Expired(now time.Time) (expired, known bool) {
	if f.Expires.IsZero() {
		return false, false
	}
	return now.After(f.Expires), true
}

// LongLived reports whether the file is valid for more than a year from now, against the advice of RFC 9116, 2.5.5.
func (f *SecurityFile) LongLived(now time.Time) bool {
	return !f.Expires.IsZero() && f.Expires.After(now.AddDate(1, 0, 0))
}

// English reports whether reports in English are welcome: true also if no language is preferred (RFC 9116, 2.5.8).
func (f *SecurityFile) English() bool {
	if len(f.PreferredLanguages) == 0 {
		return true
	}
	for _, l := range f.PreferredLanguages {
		if l = strings.ToLower(l); l == "en" || strings.HasPrefix(l, "en-") || l == "*" {
			return true
		}
	}
	return false
}

// Errors of Verify.
var (
	ErrUnsigned  = errors.New("security.txt is not signed")
	ErrSignature = errors.New("the signature of security.txt does not hold under this key")
	ErrKey       = errors.New("the key is no OpenPGP public key")
)

// Verify checks the OpenPGP signature against a public key, armoured or binary, as of the given time, and returns the
// fingerprint of the key that made it. It also refuses text outside of the signed part, which nobody vouches for.
func (f *SecurityFile) Verify(key []byte, now time.Time) (fingerprint string, err error) {
	defer func() { // the key and the signature come from strangers
		if p := recover(); p != nil {
			fingerprint, err = "", fmt.Errorf("%w: %v", ErrSignature, p)
		}
	}()
	if !f.Signed || len(f.raw) > maxSecurityTxt {
		return "", ErrUnsigned
	}
	if len(key) > 1<<20 {
		return "", fmt.Errorf("%w: it is larger than 1 MiB", ErrKey)
	}
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(key))
	if err != nil || len(ring) == 0 {
		if ring, err = openpgp.ReadKeyRing(bytes.NewReader(key)); err != nil || len(ring) == 0 {
			return "", ErrKey
		}
	}
	block, rest := clearsign.Decode(f.raw)
	if block == nil {
		return "", fmt.Errorf("%w: its signed part cannot be read", ErrSignature)
	}
	if before := f.raw[:bytes.Index(f.raw, []byte("-----BEGIN PGP SIGNED MESSAGE-----"))]; len(bytes.TrimSpace(before)) > 0 || len(bytes.TrimSpace(rest)) > 0 {
		return "", fmt.Errorf("%w: text stands outside of the signed part", ErrSignature)
	}
	if block.ArmoredSignature == nil {
		return "", ErrUnsigned
	}
	_, signer, err := openpgp.VerifyDetachedSignature(ring, bytes.NewReader(block.Bytes), block.ArmoredSignature.Body, configAt(now))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return fmt.Sprintf("%X", signer.PrimaryKey.Fingerprint), nil
}

// looksLikeSecurityTxt reports whether every line is a registered field or a comment, with a contact among them.
func looksLikeSecurityTxt(head []byte) bool {
	contact, fields := false, 0
	lines := strings.Split(string(head), "\n")
	for n, l := range lines {
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' || n == len(lines)-1 && n > 3 {
			continue
		}
		if strings.HasPrefix(l, "-----BEGIN PGP") || strings.HasPrefix(l, "Hash:") {
			return fields > 0 && contact || strings.Contains(string(head), "\nContact:") || strings.Contains(string(head), "\nExpires:")
		}
		name, value, _ := strings.Cut(l, ":")
		switch strings.ToLower(name) {
		case "contact":
			v := strings.ToLower(strings.TrimSpace(value))
			contact = contact || strings.HasPrefix(v, "mailto:") || strings.HasPrefix(v, "https:") || strings.HasPrefix(v, "http:") || strings.HasPrefix(v, "tel:") || !strings.Contains(v, " ")
		case "expires", "canonical", "policy", "encryption", "acknowledgments", "acknowledgements", "hiring", "preferred-languages", "csaf", "signature":
		default:
			return false
		}
		fields++
	}
	return contact && fields >= 2
}

// securityTxt turns the contacts of a security.txt into readings.
func (r *reader) securityTxt() {
	d := r.d
	f := ParseSecurityTxt([]byte(d.Text))
	for _, c := range f.Contacts {
		x := Reading{Limb: ContactPoint, Term: TermContact, Form: "web", Value: c.Value, Verdict: Present}
		switch l := strings.ToLower(c.Value); {
		case strings.HasPrefix(l, "mailto:"):
			x.Form, x.Value = "mail", c.Value[7:]
		case strings.HasPrefix(l, "tel:"):
			x.Form, x.Value = "phone", c.Value[4:]
		case findMail(c.Value, 0).To > 0 && !strings.Contains(l, "://"):
			x.Form = "mail"
		}
		switch {
		case f.Expires.IsZero():
			x.Verdict, x.Why = Unclear, "the file has no usable Expires date, so that nothing says whether it still holds"
		default:
			x.Why = "holds until " + f.Expires.UTC().Format(time.RFC3339)
		}
		r.add(x, c.Span, -1)
	}
}
