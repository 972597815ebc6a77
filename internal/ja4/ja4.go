// Package ja4 makes the fingerprint of that name of what a client offers in its first
// TLS message, for those who read that message: capture from recorded packets, peer
// from a connection.
//
// It reads no bytes of the network. The fingerprint tells implementations apart; two
// programs that share a library may have the same.
package ja4

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Hello is what a ClientHello offers, in the order in which it stood there. Values
// that mean nothing (RFC 8701) may be among them.
type Hello struct {
	Transport  byte // 't' TCP, 'q' QUIC, 'd' DTLS
	Version    int  // of the message itself
	Versions   []int
	Suites     []int
	Extensions []int
	Signatures []int
	Name       bool // it names a server
	ALPN       []string
}

// Grease reports values that mean nothing and are sent so that nobody trips over them (RFC 8701).
func Grease(v int) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

var versionMarks = map[int]string{0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2", 0xfeff: "d1", 0xfefd: "d2", 0xfefc: "d3"}

// String is the fingerprint: transport, version, SNI, counts, first ALPN, then hashes
// of what is offered, each in order of number.
func (h *Hello) String() string {
	version := h.Version
	for _, v := range h.Versions {
		if Grease(v) {
			continue
		}
		if !slices.ContainsFunc(h.Versions, func(o int) bool { return !Grease(o) && newer(o, v) }) {
			version = v
		}
	}
	mark := versionMarks[version]
	if mark == "" {
		mark = "00"
	}
	name := byte('i')
	if h.Name {
		name = 'd'
	}
	var suites, exts, sigs []string
	count := 0
	for _, s := range h.Suites {
		if !Grease(s) {
			suites = append(suites, fmt.Sprintf("%04x", s))
		}
	}
	for _, e := range h.Extensions {
		if Grease(e) {
			continue
		}
		count++
		if e != 0 && e != 16 {
			exts = append(exts, fmt.Sprintf("%04x", e))
		}
	}
	for _, s := range h.Signatures {
		if !Grease(s) {
			sigs = append(sigs, fmt.Sprintf("%04x", s))
		}
	}
	slices.Sort(suites)
	slices.Sort(exts)
	second := strings.Join(exts, ",")
	if len(sigs) > 0 {
		second += "_" + strings.Join(sigs, ",")
	}
	return fmt.Sprintf("%c%s%c%02d%02d%s_%s_%s", h.Transport, mark, name, min(len(suites), 99), min(count, 99), alpnMark(h.ALPN), short(strings.Join(suites, ",")), short(second))
}

// newer orders versions; those of DTLS count down.
func newer(a, b int) bool {
	if a>>8 == 0xfe && b>>8 == 0xfe {
		return a < b
	}
	return a > b
}

func short(s string) string {
	if s == "" {
		return "000000000000"
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}

// alpnMark is the first and last character of the first protocol offered.
func alpnMark(alpn []string) string {
	if len(alpn) == 0 || alpn[0] == "" {
		return "00"
	}
	first, last := alpn[0][0], alpn[0][len(alpn[0])-1]
	plain := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
	if plain(first) && plain(last) {
		return string([]byte{first, last})
	}
	h := hex.EncodeToString([]byte(alpn[0]))
	return string([]byte{h[0], h[len(h)-1]})
}
