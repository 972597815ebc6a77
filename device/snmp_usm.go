package device

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // RFC 3414 8: what the device speaks
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // RFC 3414 6
	"crypto/sha1" //nolint:gosec // RFC 3414 7
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"hash"

	"golang.org/x/crypto/cryptobyte"
)

// The user-based security model of SNMPv3: RFC 3412 (message), RFC 3414 (users, MD5,
// SHA-1, DES), RFC 3826 (AES), RFC 7860 (SHA-2). By hand and not by a library, since
// every datagram has to go through the session, and an answer counts as an acceptance
// only where it is authentic under the password that was tried.

// usmHash is a protocol of authentication.
type usmHash struct {
	name string
	make func() hash.Hash
	mac  int // bytes of the message that carry it
}

// usmHashes are those of RFC 3414 and RFC 7860, the usual ones first.
var usmHashes = []usmHash{
	{"MD5", md5.New, 12}, {"SHA-1", sha1.New, 12}, {"SHA-256", sha256.New, 24}, {"SHA-512", sha512.New, 48}, {"SHA-224", sha256.New224, 16}, {"SHA-384", sha512.New384, 32},
}

// key makes the key of a password at one engine (RFC 3414 A.2): the password over and
// over up to 1 MiB, hashed, and hashed again with the name of the engine.
func (h usmHash) key(password string, engine []byte) []byte {
	sum := h.make()
	const length = 1 << 20
	unit := bytes.Repeat([]byte(password), 1+4096/max(1, len(password)))
	unit = unit[:len(unit)/max(1, len(password))*len(password)]
	for left := length; left > 0 && len(unit) > 0; left -= len(unit) {
		sum.Write(unit[:min(left, len(unit))])
	}
	once := sum.Sum(nil)
	sum = h.make()
	sum.Write(once)
	sum.Write(engine)
	sum.Write(once)
	return sum.Sum(nil)
}

// engine is an SNMP engine as it told of itself.
type engine struct {
	id          []byte
	boots, time int64
}

// usmUser is with whom a message is sent.
type usmUser struct {
	name string
	hash *usmHash // nil: without authentication
	key  []byte   // at the engine
	priv string   // "", "DES" or "AES"
	pass []byte   // the key of privacy at the engine
}

// usmGet writes a GET of sysDescr and sysName. salt is of privacy, new each time.
func usmGet(id uint32, e engine, u usmUser, salt uint64) ([]byte, error) {
	var scoped cryptobyte.Builder
	scoped.AddASN1(0x30, func(b *cryptobyte.Builder) {
		b.AddASN1OctetString(e.id)
		b.AddASN1OctetString(nil)
		addGet(b, id)
	})
	data, err := scoped.Bytes()
	if err != nil {
		return nil, err
	}
	flags := byte(4) // reportable
	var private []byte
	if u.hash != nil {
		flags |= 1
	}
	if u.priv != "" {
		flags |= 2
		private = binary.BigEndian.AppendUint64(nil, salt)
		if u.priv == "DES" {
			private = binary.BigEndian.AppendUint32(nil, uint32(e.boots))
			private = binary.BigEndian.AppendUint32(private, uint32(salt))
		}
		if data, err = u.seal(e, private, data); err != nil {
			return nil, err
		}
	}
	write := func(mac []byte) ([]byte, error) {
		var b cryptobyte.Builder
		b.AddASN1(0x30, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(3)
			b.AddASN1(0x30, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(int64(id & 0x7fffffff))
				b.AddASN1Int64(65507)
				b.AddASN1OctetString([]byte{flags})
				b.AddASN1Int64(3)
			})
			b.AddASN1(4, func(b *cryptobyte.Builder) {
				b.AddASN1(0x30, func(b *cryptobyte.Builder) {
					b.AddASN1OctetString(e.id)
					b.AddASN1Int64(e.boots)
					b.AddASN1Int64(e.time)
					b.AddASN1OctetString([]byte(u.name))
					b.AddASN1OctetString(mac)
					b.AddASN1OctetString(private)
				})
			})
			if u.priv != "" {
				b.AddASN1OctetString(data)
			} else {
				b.AddBytes(data)
			}
		})
		return b.Bytes()
	}
	if u.hash == nil {
		return write(nil)
	}
	blank, err := write(make([]byte, u.hash.mac))
	if err != nil {
		return nil, err
	}
	return write(u.mac(blank))
}

func (u *usmUser) mac(message []byte) []byte {
	m := hmac.New(u.hash.make, u.key)
	m.Write(message)
	return m.Sum(nil)[:u.hash.mac]
}

var errUSM = errors.New("not a message of SNMPv3 that is understood")

// seal encrypts a scoped PDU.
func (u *usmUser) seal(e engine, private, data []byte) ([]byte, error) {
	if u.priv == "AES" {
		return u.cfb(e, private, data, false)
	}
	block, iv, err := u.des(private)
	if err != nil {
		return nil, err
	}
	data = append(bytes.Clone(data), make([]byte, (8-len(data)%8)%8)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	return data, nil
}

// open decrypts one.
func (u *usmUser) open(e engine, private, data []byte) ([]byte, error) {
	if len(private) != 8 {
		return nil, errUSM
	}
	if u.priv == "AES" {
		return u.cfb(e, private, data, true)
	}
	block, iv, err := u.des(private)
	if err != nil || len(data)%8 != 0 || len(data) == 0 {
		return nil, errUSM
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data)
	return out, nil
}

func (u *usmUser) des(private []byte) (cipher.Block, []byte, error) {
	if len(u.pass) < 16 {
		return nil, nil, errUSM
	}
	block, err := des.NewCipher(u.pass[:8]) //nolint:gosec // what the device speaks
	iv := make([]byte, 8)
	for i := range iv {
		iv[i] = u.pass[8+i] ^ private[i]
	}
	return block, iv, err
}

// cfb is AES-128 in CFB128 mode (RFC 3826 3.1.3).
func (u *usmUser) cfb(e engine, private, data []byte, decrypt bool) ([]byte, error) {
	if len(u.pass) < 16 {
		return nil, errUSM
	}
	block, err := aes.NewCipher(u.pass[:16])
	if err != nil {
		return nil, err
	}
	feed := binary.BigEndian.AppendUint32(nil, uint32(e.boots))
	feed = append(binary.BigEndian.AppendUint32(feed, uint32(e.time)), private...)
	out := bytes.Clone(data)
	for at := 0; at < len(out); at += 16 {
		mask := make([]byte, 16)
		block.Encrypt(mask, feed)
		part := out[at:min(at+16, len(out))]
		for i := range part {
			part[i] ^= mask[i]
		}
		feed = out[at:min(at+16, len(out))]
		if decrypt {
			feed = data[at:min(at+16, len(out))]
		}
	}
	return out, nil
}

// What an agent says of a message that it does not take (RFC 3414 5, usmStats).
const (
	usmUnsupportedLevel = 1
	usmNotInTime        = 2
	usmUnknownUser      = 3
	usmUnknownEngine    = 4
	usmWrongDigest      = 5
	usmDecryption       = 6
)

// snmpNoAccess is the error authorizationError of RFC 3416.
const snmpNoAccess = 16

// usmAnswer is what an agent answered.
type usmAnswer struct {
	engine    engine
	authentic bool // under the key that the question was sent with
	report    int  // one of usmStats; 0 where it is an answer to the question
	status    int  // of the answer
	texts     []string
}

// parseUSM reads an answer; u is with whom it was asked.
func parseUSM(b []byte, u *usmUser) (*usmAnswer, error) {
	in := cryptobyte.String(b)
	var message, head, security, fields, id, user, mac, private, flags cryptobyte.String
	var version, number, size, model int64
	a := &usmAnswer{}
	if !in.ReadASN1(&message, 0x30) || !message.ReadASN1Integer(&version) || version != 3 || !message.ReadASN1(&head, 0x30) ||
		!head.ReadASN1Integer(&number) || !head.ReadASN1Integer(&size) || !head.ReadASN1(&flags, 4) || len(flags) != 1 || !head.ReadASN1Integer(&model) || model != 3 ||
		!message.ReadASN1(&security, 4) || !security.ReadASN1(&fields, 0x30) || !fields.ReadASN1(&id, 4) || !fields.ReadASN1Integer(&a.engine.boots) ||
		!fields.ReadASN1Integer(&a.engine.time) || !fields.ReadASN1(&user, 4) || !fields.ReadASN1(&mac, 4) || !fields.ReadASN1(&private, 4) {
		return nil, errUSM
	}
	a.engine.id = bytes.Clone(id)
	if a.engine.boots < 0 || a.engine.boots > 1<<31-1 || a.engine.time < 0 || a.engine.time > 1<<31-1 || len(id) > 32 {
		return nil, errUSM
	}
	if u.hash != nil && flags[0]&1 != 0 && len(mac) == u.hash.mac && string(user) == u.name {
		blank := bytes.Clone(b)
		if at := bytes.Index(blank, mac); at >= 0 { // random bytes: they stand once
			clear(blank[at : at+len(mac)])
		}
		a.authentic = hmac.Equal(u.mac(blank), mac)
	}
	scoped := message
	if flags[0]&2 != 0 {
		var sealed cryptobyte.String
		if u.priv == "" || !message.ReadASN1(&sealed, 4) {
			return nil, errUSM
		}
		plain, err := u.open(a.engine, private, sealed)
		if err != nil {
			return nil, err
		}
		scoped = cryptobyte.String(plain)
	}
	return a, a.pdu(scoped)
}

// pdu reads the scoped PDU.
func (a *usmAnswer) pdu(scoped cryptobyte.String) error {
	var inner, context, engineID, pdu, list cryptobyte.String
	var id, status, index int64
	if !scoped.ReadASN1(&inner, 0x30) || !inner.ReadASN1(&engineID, 4) || !inner.ReadASN1(&context, 4) {
		return errUSM
	}
	const response, report = 0xa2, 0xa8
	reports := inner.PeekASN1Tag(report)
	if !reports && !inner.PeekASN1Tag(response) {
		return errUSM
	}
	if !inner.ReadAnyASN1Element(&pdu, nil) {
		return errUSM
	}
	var body cryptobyte.String
	if !pdu.ReadAnyASN1(&body, nil) || !body.ReadASN1Integer(&id) || !body.ReadASN1Integer(&status) || !body.ReadASN1Integer(&index) || !body.ReadASN1(&list, 0x30) {
		return errUSM
	}
	a.status = int(status)
	usmStats := []byte{0x2b, 6, 1, 6, 3, 15, 1, 1}
	for range 8 {
		var pair, name, text cryptobyte.String
		if list.Empty() || !list.ReadASN1(&pair, 0x30) || !pair.ReadASN1(&name, 6) {
			break
		}
		if reports {
			if len(name) == len(usmStats)+2 && bytes.HasPrefix(name, usmStats) {
				a.report = int(name[len(usmStats)])
			}
		} else if pair.ReadASN1(&text, 4) && len(text) > 0 {
			a.texts = append(a.texts, printable(text, 200))
		}
	}
	if reports && a.report == 0 {
		return errUSM
	}
	return nil
}
