package password

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math/bits"
)

// MaxConstants bounds the candidate salts and keys of one audit.
const MaxConstants = 200_000

const (
	maxConstantBytes = 256
	saltAnchors      = 3 // rows on which every salt is tried
)

// salt is a candidate salt or key with the words for it.
type salt struct {
	bytes []byte
	words string
}

// salts gives the candidates: the constants given, what is constant in the batch, and public texts; each also as the
// bytes that it spells in hexadecimal.
func (f *finder) salts() []salt {
	var out []salt
	seen := map[string]bool{}
	add := func(b []byte, words string) {
		if len(b) == 0 || len(b) > maxConstantBytes || seen[string(b)] || len(out) >= MaxConstants {
			return
		}
		seen[string(b)] = true
		out = append(out, salt{b, words})
	}
	for _, d := range f.idents {
		if f.constant(d) && len(f.rows) > 1 {
			raw := trimmed(f.rows[0].Values[d.column])
			for _, s := range []string{raw, bytesLower(raw), d.of(f.rows[0])} {
				add([]byte(s), fmt.Sprintf("the %s %q", d.words, s))
			}
		}
	}
	for _, t := range f.o.Public {
		add([]byte(t), fmt.Sprintf("the public text %q", t))
		add([]byte(bytesLower(t)), fmt.Sprintf("the public text %q", bytesLower(t)))
	}
	for _, c := range commonSalts {
		add([]byte(c), "the common constant "+printable([]byte(c)))
	}
	for _, c := range f.o.Constants {
		words := fmt.Sprintf("the constant %s", printable(c))
		add(c, words)
		if raw, err := hex.DecodeString(string(bytes.TrimSpace(c))); err == nil && len(raw) >= 8 {
			add(raw, words+" read as hexadecimal")
		}
	}
	return out
}

// commonSalts are constants that stand for no secret anywhere.
var commonSalts = []string{
	"admin", "password", "secret", "key", "salt", "default", "wifi", "wpa", "psk", "0", "1", "1234", "12345678", "123456", "root", "\x00", "\n",
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "1234567890123456", "0123456789abcdef", "0123456789ABCDEF",
	"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
}

func bytesLower(s string) string { return string(bytes.ToLower([]byte(s))) }

// printable shows a constant in a recipe: the text, or hexadecimal, shortened.
func printable(c []byte) string {
	for _, b := range c {
		if b < ' ' || b > '~' {
			return "0x" + short(hex.EncodeToString(c))
		}
	}
	return fmt.Sprintf("%q", short(string(c)))
}

// saltedForm is one way to bring a salt and a message together.
type saltedForm struct {
	words string // with one verb for the salt and one for the message
	of    func(k *keyed, dst, msg []byte) []byte
}

// keyed is a salt made ready: keyed hashes are set up once for all messages.
type keyed struct {
	salt []byte
	mac  [3]hash.Hash
	buf  []byte
}

func newKeyed(s []byte) *keyed {
	return &keyed{salt: s, mac: [3]hash.Hash{hmac.New(md5.New, s), hmac.New(sha1.New, s), hmac.New(sha256.New, s)}}
}

func (k *keyed) hmac(i int, dst, msg []byte) []byte {
	k.mac[i].Reset()
	k.mac[i].Write(msg)
	return k.mac[i].Sum(dst)
}

// Places of the forms whose text to be digested is known beforehand.
const (
	md5SaltFirst = 0
	md5SaltLast  = 1
)

var saltedForms = func() []saltedForm {
	var out []saltedForm
	for _, d := range digests[:commonDigests] {
		out = append(out,
			saltedForm{d.name + " of %s and then the %s", func(k *keyed, dst, msg []byte) []byte {
				k.buf = append(append(k.buf[:0], k.salt...), msg...)
				return d.of(dst, k.buf)
			}},
			saltedForm{d.name + " of the %[2]s and then %[1]s", func(k *keyed, dst, msg []byte) []byte {
				k.buf = append(append(k.buf[:0], msg...), k.salt...)
				return d.of(dst, k.buf)
			}})
	}
	for i, name := range []string{"MD5", "SHA-1", "SHA-256"} {
		out = append(out, saltedForm{"HMAC-" + name + " under the key %s of the %s", func(k *keyed, dst, msg []byte) []byte { return k.hmac(i, dst, msg) }})
	}
	return append(out, saltedForm{"AES under the key %s of the %s padded with zeros", aesOf})
}()

// aesOf encrypts one block; it gives nothing when the salt has not the size of a key.
func aesOf(k *keyed, dst, msg []byte) []byte {
	if n := len(k.salt); n != 16 && n != 24 && n != 32 || len(msg) > 16 {
		return dst
	}
	c, err := aes.NewCipher(k.salt)
	if err != nil {
		return dst
	}
	var b [16]byte
	copy(b[:], msg)
	c.Encrypt(b[:], b[:])
	return append(dst, b[:]...)
}

// salted tries every salt in every form with the usual messages, on few rows, with known alphabets.
func (f *finder) salted(ctx context.Context, goals []*goal, usual []message) error {
	salts := f.salts()
	if len(salts) == 0 || len(usual) == 0 {
		return ctx.Err()
	}
	for _, g := range goals[:min(len(goals), 3)] {
		if f.explained(g.v) {
			continue
		}
		if err := f.saltedGoal(ctx, g, salts, usual); err != nil {
			return err
		}
	}
	return nil
}

type saltedHit struct {
	salt, form, message int
	e                   encoding
}

func (f *finder) saltedGoal(ctx context.Context, g *goal, salts []salt, usual []message) error {
	rows := g.v.rows
	anchors := make([]*Row, 0, saltAnchors)
	for i := range min(saltAnchors, len(rows)) {
		anchors = append(anchors, rows[i*len(rows)/min(saltAnchors, len(rows))])
	}
	probe := newMatcher(g)
	var texts [][][]byte // anchor, message
	var want [][]knownTarget
	for _, r := range anchors {
		var ms [][]byte
		for _, m := range usual {
			ms = append(ms, m.of(nil, r))
		}
		texts = append(texts, ms)
		var ks []knownTarget
		for _, a := range g.alphabets {
			if nums := numbersIn(probe.characters(r), a); nums != nil {
				ks = append(ks, knownTarget{a, nums})
			}
		}
		want = append(want, ks)
	}
	before := f.tried
	tried := search(ctx, f.o.workers(), len(salts), 32, func() func(from, to int) ([]saltedHit, int64) {
		q := newQuick(want)
		var d []byte
		return func(from, to int) (hits []saltedHit, tried int64) {
			before := q.tried
			for i := from; i < to; i++ {
				k := newKeyed(salts[i].bytes)
				for fi := range saltedForms {
					for a := range anchors {
						for mi, msg := range texts[a] {
							if len(msg) == 0 {
								continue
							}
							d = saltedForms[fi].of(k, d[:0], msg)
							if e, ok := q.match(a, d); ok {
								hits = append(hits, saltedHit{i, fi, mi, e})
							}
						}
					}
				}
			}
			return hits, q.tried - before
		}
	}, func(h saltedHit, tried int64) bool {
		f.tried = before + tried
		return f.confirmSalted(g, h, salts, usual)
	})
	f.tried = before + tried
	return ctx.Err()
}

// confirmSalted checks a candidate on other rows. A keyed state is not safe for several goroutines, so each makes one.
func (f *finder) confirmSalted(g *goal, h saltedHit, salts []salt, usual []message) bool {
	s, form, m := salts[h.salt], saltedForms[h.form], usual[h.message]
	keeping := func() func([]byte, *Row) []byte {
		k, msg := newKeyed(s.bytes), []byte(nil)
		return func(dst []byte, r *Row) []byte {
			msg = m.of(msg[:0], r)
			return form.of(k, dst, msg)
		}
	}
	p := producer{
		words:   fmt.Sprintf(form.words, s.words, m.words),
		of:      func(dst []byte, r *Row) []byte { return keeping()(dst, r) },
		keeping: keeping, streams: digestStreams, usual: true,
	}
	switch h.form {
	case md5SaltFirst:
		p.md5Of = func() func([]byte, *Row) []byte {
			return func(dst []byte, r *Row) []byte { return m.of(append(dst, s.bytes...), r) }
		}
	case md5SaltLast:
		p.md5Of = func() func([]byte, *Row) []byte {
			return func(dst []byte, r *Row) []byte { return append(m.of(dst, r), s.bytes...) }
		}
	}
	return f.confirm(g, &p, h.e)
}

// quick compares digests with known numbers through the commonest streams, looking at as little of a digest as it can.
type quick struct {
	want  [][]knownTarget
	sizes [][]quickSize // per anchor
	buf   []byte
	tried int64
}

// quickSize groups the targets of one alphabet size.
type quickSize struct {
	n       int
	modulo  [256]byte
	targets []knownTarget
	first   [256]bool // numbers with which a target begins or ends
}

func newQuick(want [][]knownTarget) *quick {
	q := &quick{want: want}
	for _, ks := range want {
		var sizes []quickSize
		for _, t := range ks {
			n := len(t.alphabet)
			at := -1
			for i := range sizes {
				if sizes[i].n == n {
					at = i
				}
			}
			if at < 0 {
				at = len(sizes)
				s := quickSize{n: n}
				for b := range s.modulo {
					s.modulo[b] = byte(b % n)
				}
				sizes = append(sizes, s)
			}
			s := &sizes[at]
			s.targets = append(s.targets, t)
			s.first[t.numbers[0]], s.first[t.numbers[len(t.numbers)-1]] = true, true
		}
		q.sizes = append(q.sizes, sizes)
	}
	return q
}

// match looks for the characters of an anchor in a digest.
func (q *quick) match(anchor int, d []byte) (encoding, bool) {
	if len(d) == 0 {
		return encoding{}, false
	}
	q.tried++
	for i := range q.sizes[anchor] {
		s := &q.sizes[anchor][i]
		if s.n == 16 || s.n == 32 || s.n == 64 {
			si := map[int]int{16: 0, 32: 2, 64: 3}[s.n]
			q.buf = digestStreams[si].of(q.buf[:0], d, s.n)
			if e, ok := s.find(q.buf, si); ok {
				return e, true
			}
		}
		q.buf = q.buf[:0]
		for _, b := range d {
			q.buf = append(q.buf, s.modulo[b])
		}
		if e, ok := s.find(q.buf, 1); ok {
			return e, true
		}
		for _, si := range [...]int{4, 5, 6} {
			b := d
			switch si {
			case 5:
				b = window(d, 0, 8)
			case 6:
				b = window(d, 0, 4)
			}
			// The lowest digit is the first or the last character of the password; the highest need the whole number.
			if len(b) > 0 && s.first[lowestDigit(b, s.n)] {
				q.buf = bigDigits(q.buf[:0], b, s.n)
				if e, ok := s.find(q.buf, si); ok {
					return e, true
				}
			}
		}
	}
	return encoding{}, false
}

func (s *quickSize) find(st []byte, si int) (encoding, bool) {
	for _, t := range s.targets {
		if offset, back := find(st, t.numbers); offset >= 0 {
			return encoding{stream: &digestStreams[si], n: s.n, offset: offset, step: 1, back: back, order: t.alphabet}, true
		}
	}
	return encoding{}, false
}

// lowestDigit is a big-endian number modulo n.
func lowestDigit(d []byte, n int) byte {
	var r uint64
	m := uint64(n)
	for ; len(d)%8 != 0; d = d[1:] {
		r = (r<<8 | uint64(d[0])) % m
	}
	for ; len(d) >= 8; d = d[8:] {
		_, r = bits.Div64(r, binary.BigEndian.Uint64(d), m)
	}
	return byte(r)
}
