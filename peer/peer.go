// Package peer plays the server that a device calls, to see whether the device checks
// whom it speaks to.
//
// A laboratory leads the device's traffic to this machine, and says how; this package
// leads nothing anywhere. It listens, shows certificates that a careful client must
// refuse, one kind after the other for each name that is asked for, and writes into a
// Record whether the device broke off or went on speaking. It never calls anybody,
// answers nothing inside the encryption, and closes the connections of others than the
// device unheard, so that nobody else is shown a false certificate.
//
// "Went on" means that the device ended the handshake and then sent something or kept
// the connection open; a handshake alone is not enough, since some clients look at the
// name afterwards. What the device sent is kept as its kind and a keyed digest only.
//
// Findings says what follows from a record and what does not: a refusal counts where the
// device said that the certificate was the reason, or where it went on under the same
// conditions with a certificate that it must accept. It knows neither law nor dossier.
// It cannot see protocols that begin in clear and turn to TLS later, DTLS and QUIC,
// clients that want a certificate the laboratory cannot make, or names that were never
// asked for.
package peer

import (
	"net/netip"
	"time"
)

// Format is the first word of every record.
const Format = "assay peer record 1"

// Case is what is wrong with a certificate that is shown; each certificate is right in
// all else.
type Case string

// The cases. Those from WrongName on are signed by an authority that the device was
// made to trust, and are shown only where there is one.
const (
	Control     Case = "control"           // nothing: it must be accepted
	SelfSigned  Case = "self-signed"       // nobody signed it but itself
	UnknownCA   Case = "unknown-authority" // signed by an authority that nobody knows
	Laboratory  Case = "laboratory"        // the laboratory's own, of a known authority, for the laboratory's name
	WrongName   Case = "wrong-name"        // for another name
	Expired     Case = "expired"
	NotYetValid Case = "not-yet-valid"
	WrongUse    Case = "wrong-use"        // for clients, not for servers
	NoAuthority Case = "not-an-authority" // signed by a certificate that may sign none
)

// Words says a case in words: "a certificate that ...".
func (c Case) Words() string {
	return map[Case]string{
		Control:     "that it was made to trust",
		SelfSigned:  "that is self-signed",
		UnknownCA:   "of an unknown authority",
		Laboratory:  "for the laboratory's own name",
		WrongName:   "for another name",
		Expired:     "that has expired",
		NotYetValid: "that is not yet valid",
		WrongUse:    "that is for clients, not for servers",
		NoAuthority: "signed by a certificate that may sign none",
	}[c]
}

// Offer is what else is outdated in what is offered beside the certificate; "" is
// nothing.
type Offer string

// The offers that are outdated by themselves (RFC 8996, RFC 7465, RFC 9325).
const (
	Best      Offer = ""
	OnlyTLS11 Offer = "TLS 1.1"
	OnlyTLS10 Offer = "TLS 1.0"
	OnlyWeak  Offer = "RC4 or 3DES"
)

// Outcome is how a connection ended.
type Outcome string

// The outcomes.
const (
	Accepted Outcome = "accepted" // the handshake was ended, and then something was sent or the connection kept open
	Refused  Outcome = "refused"  // it said that the certificate is the reason
	Broke    Outcome = "broke"    // after it was shown the certificate it closed, or said another reason
	Left     Outcome = "left"     // it ended the handshake, and closed without a word
	NoShow   Outcome = "no-show"  // it ended before it was shown a certificate
	Stalled  Outcome = "stalled"  // neither went on nor closed
	Clear    Outcome = "clear"    // what it sent first is no TLS
	Silent   Outcome = "silent"   // it sent nothing at all
)

// Record is what one session came to.
type Record struct {
	Format       string           `json:"format"`
	Started      time.Time        `json:"started"`
	Ended        time.Time        `json:"ended"`
	Setup        string           `json:"setup"`           // how traffic is led here, in the words of who led it
	Device       []string         `json:"device"`          // the addresses by which the device is known
	MAC          string           `json:"mac,omitempty"`   // of the device, where it was seen
	Unit         string           `json:"unit,omitempty"`  // what the person calls it
	Make         string           `json:"make,omitempty"`  //
	Model        string           `json:"model,omitempty"` //
	By           string           `json:"by,omitempty"`    // who ran it
	AuthorisedBy string           `json:"authorised_by,omitempty"`
	Listen       []netip.AddrPort `json:"listen"`
	Control      string           `json:"control,omitempty"`    // SHA-256 of the authority that the device was made to trust
	Laboratory   string           `json:"laboratory,omitempty"` // SHA-256 of the laboratory's own certificate
	Limits       Limits           `json:"limits"`

	Connections []Connection `json:"connections"` // of the device, in order
	Others      []Other      `json:"others,omitempty"`
	Cut         []string     `json:"cut,omitempty"` // what was not heard, and why
}

// Connection is one that the device made.
type Connection struct {
	At   time.Time      `json:"at"`
	From netip.AddrPort `json:"from"`
	To   netip.AddrPort `json:"to"` // what it called, where a redirect tells; else where it was heard

	Name     string   `json:"name,omitempty"`     // that it asked for
	Declared bool     `json:"declared,omitempty"` // it asked for none, and the person said which it means
	Caller   string   `json:"caller,omitempty"`   // tells clients of the device apart: what they offer
	JA4      string   `json:"ja4,omitempty"`
	Versions []string `json:"versions,omitempty"`     // offered
	Weak     []string `json:"weak_offered,omitempty"` // outdated suites that it offers
	ALPN     []string `json:"alpn,omitempty"`

	Case     Case    `json:"case,omitempty"`
	Offer    Offer   `json:"offer,omitempty"`
	Shown    bool    `json:"shown"`             // the certificate was sent
	Finished bool    `json:"finished"`          // the device ended the handshake, and its proof of it was right
	Version  string  `json:"version,omitempty"` // negotiated, of a handshake that was ended
	Suite    string  `json:"suite,omitempty"`
	Outcome  Outcome `json:"outcome"`
	Alert    int     `json:"alert,omitempty"` // that the device sent (RFC 8446, 6); 0 is none
	Why      string  `json:"why,omitempty"`   // how it ended, in words
	Heard    *Heard  `json:"heard,omitempty"` // what it sent after the handshake, or in clear
	Received int     `json:"received"`        // bytes in all
	Took     string  `json:"took"`
}

// Heard is what the device sent, without what it said.
type Heard struct {
	Kind   string `json:"kind"`             // "HTTP request", "MQTT CONNECT", "text", "bytes"
	Line   string `json:"line,omitempty"`   // of an HTTP request, without what may be secret
	Secret string `json:"secret,omitempty"` // which log-in it holds: "Authorization: Bearer"; never the log-in itself
	Bytes  int    `json:"bytes"`            // that were read of it
	Digest string `json:"digest"`           // keyed; the key is not kept
}

// Other is a host that is not the device, and called.
type Other struct {
	From  netip.Addr `json:"from"`
	MAC   string     `json:"mac,omitempty"`
	Count int        `json:"count"`
}

// Limits bound a session. A zero field means the default.
type Limits struct {
	Connections int           `json:"connections"` // of the device, in all; default 1000
	Parallel    int           `json:"parallel"`    // at a time; default 32
	Received    int64         `json:"received"`    // bytes in all; default 64 MiB
	Time        time.Duration `json:"time"`        // of the session; default 30 minutes
	Handshake   time.Duration `json:"handshake"`   // of one; default 15 seconds
	Hold        time.Duration `json:"hold"`        // how long an open connection is waited on, and counts as gone on; default 10 seconds
}

// Most that a session may be asked for.
const (
	MaxConnections = 10_000
	MaxPorts       = 64
	MaxTime        = 24 * time.Hour
)

// Normal fills in the defaults.
func (l Limits) Normal() Limits {
	if l.Connections <= 0 {
		l.Connections = 1000
	}
	if l.Parallel <= 0 {
		l.Parallel = 32
	}
	if l.Received <= 0 {
		l.Received = 64 << 20
	}
	if l.Time <= 0 {
		l.Time = 30 * time.Minute
	}
	if l.Handshake <= 0 {
		l.Handshake = 15 * time.Second
	}
	if l.Hold <= 0 {
		l.Hold = 10 * time.Second
	}
	return l
}
