package peer

import (
	"crypto/tls"
	"slices"
	"sync"
)

// step is what one connection is shown.
type step struct {
	Case  Case
	Offer Offer
}

// maxCallers bounds how many clients of the device are told apart.
const maxCallers = 500

// planner chooses what each connection is shown: of the steps for a caller, that which
// was shown it least, so that every client of the device sees each, and sees it again
// when it comes back. Two clients that offer the same are one caller: so that each sees
// all though they call by turns, the order is not the same in each round.
type planner struct {
	control, laboratory bool

	mu      sync.Mutex // guards the fields below
	callers map[string]*caller
}

// caller is one client of the device, calling one name.
type caller struct {
	shown map[step]int
	went  bool // it went on with something that it should have refused
}

// opening is what of a hello decides what can be shown.
type opening struct {
	key          string // of the caller
	covered      bool   // the laboratory's own certificate is for the name it asks for, or may be
	tls10, tls11 bool   // it offers them
	weak         bool   // it offers RC4 or 3DES, and a version that has them
}

// next is what to show a caller now.
func (p *planner) next(o *opening) step {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.callers[o.key]
	if c == nil {
		c = &caller{shown: map[step]int{}}
		if p.callers == nil {
			p.callers = map[string]*caller{}
		}
		if len(p.callers) < maxCallers {
			p.callers[o.key] = c
		}
	}
	steps := p.steps(o, c.went)
	round := c.shown[steps[0]]
	for _, s := range steps {
		round = min(round, c.shown[s])
	}
	best := steps[round%len(steps)] // each round begins one further on
	for i := range steps {
		if s := steps[(round+i)%len(steps)]; c.shown[s] < c.shown[best] {
			best = s
		}
	}
	c.shown[best]++
	return best
}

// steps are all that a caller is to be shown, what matters most first. What is
// outdated is shown with a certificate that it accepts, if there is one: else it is
// refused for the certificate, which tells nothing.
func (p *planner) steps(o *opening, went bool) []step {
	var out []step
	if p.control {
		out = append(out, step{Case: Control})
	}
	out = append(out, step{Case: SelfSigned}, step{Case: UnknownCA})
	if p.laboratory && !o.covered {
		out = append(out, step{Case: Laboratory})
	}
	taken := SelfSigned
	if p.control {
		taken = Control
		for _, c := range []Case{WrongName, Expired, NotYetValid, WrongUse, NoAuthority} {
			out = append(out, step{Case: c})
		}
	}
	if p.control || went {
		if o.tls11 {
			out = append(out, step{taken, OnlyTLS11})
		}
		if o.tls10 {
			out = append(out, step{taken, OnlyTLS10})
		}
		if o.weak {
			out = append(out, step{taken, OnlyWeak})
		}
	}
	return out
}

// wentOn notes that a caller went on with a self-signed certificate.
func (p *planner) wentOn(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.callers[key]; c != nil {
		c.went = true
	}
}

// weakSuites are those of crypto/tls that are outdated by their cipher.
var weakSuites = map[uint16]string{
	tls.TLS_RSA_WITH_RC4_128_SHA:            "RC4",
	tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA:      "RC4",
	tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA:    "RC4",
	tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA:       "3DES",
	tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA: "3DES",
}

// allSuites are those that are offered up to TLS 1.2; crypto/tls prefers the good ones.
func allSuites() []uint16 {
	var out []uint16
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		out = append(out, s.ID)
	}
	return out
}

// config is what is offered in a step.
func (s step) config(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error), alpn []string) *tls.Config {
	c := &tls.Config{ //nolint:gosec // what is outdated is offered to see whether the device takes it
		MinVersion: tls.VersionTLS10, CipherSuites: allSuites(), GetCertificate: certificate, NextProtos: alpn,
		SessionTicketsDisabled: true, // so that every handshake shows the certificate
	}
	switch s.Offer {
	case OnlyTLS11:
		c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	case OnlyTLS10:
		c.MaxVersion = tls.VersionTLS10
	case OnlyWeak:
		c.MaxVersion = tls.VersionTLS12
		c.CipherSuites = nil
		for id := range weakSuites {
			c.CipherSuites = append(c.CipherSuites, id)
		}
		slices.Sort(c.CipherSuites)
	}
	return c
}
