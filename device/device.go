// Package device speaks to a device on the bench and writes down what it saw: the
// services it offers, whether one gets in without a log-in or with a password
// that somebody published, and what its encryption is worth.
//
// Everything it sends goes through one Session, which holds the address that may
// be spoken to and a budget of rate, number and time. It asks only what any client
// asks: it connects, greets, requests a public document, logs in. It exploits
// nothing, changes nothing and stops at the first sign of a lock-out. What it sent
// and received is kept in the Record, passwords replaced by a keyed digest.
//
// A log-in counts as accepted only where the same way in refuses a random
// password. That a list of published passwords is refused says that and no more.
//
// It judges nothing, and it knows neither law nor dossier: package check reads
// what the Record says. It cannot see radio interfaces, what a packet filter
// hides, or UDP services that stay silent unless spoken to in their own words.
package device

import (
	"net/netip"
	"time"
)

// Format is the first word of every record.
const Format = "assay device record 1"

// State is what the device had been through when it was looked at.
type State string

// The states. An empty one means that nobody said.
const (
	BeforeSetup State = "before-setup" // as it left the factory, or after a factory reset
	AfterSetup  State = "after-setup"  // set up as its instructions say
)

// Record is what one session with one device came to.
type Record struct {
	Format       string     `json:"format"`
	Started      time.Time  `json:"started"`
	Ended        time.Time  `json:"ended"`
	Address      netip.Addr `json:"address"`
	MAC          string     `json:"mac,omitempty"`  // from the neighbour table
	Unit         string     `json:"unit,omitempty"` // what the person calls this unit
	Run          string     `json:"run,omitempty"`  // the same in records of units that were named together
	Make         string     `json:"make,omitempty"`
	Model        string     `json:"model,omitempty"`
	State        State      `json:"state,omitempty"`
	By           string     `json:"by,omitempty"`            // who ran it
	AuthorisedBy string     `json:"authorised_by,omitempty"` // who allowed an address that is not local
	Limits       Limits     `json:"limits"`
	Used         Used       `json:"used"`

	TCP      Ports     `json:"tcp"`
	UDP      Ports     `json:"udp"`
	Services []Service `json:"services"`
	Ways     []Way     `json:"ways"`

	Whole bool     `json:"whole"`         // all that was asked for was done
	Cut   []string `json:"cut,omitempty"` // what was not, and why

	Transcript []Exchange `json:"transcript"`
	Unkept     int        `json:"unkept,omitempty"` // exchanges beyond the bound of the transcript
}

// Used is what a session sent and received.
type Used struct {
	Connections int   `json:"connections"` // TCP connections tried
	Datagrams   int   `json:"datagrams"`   // UDP datagrams sent
	Sent        int64 `json:"sent"`        // bytes of content
	Received    int64 `json:"received"`
}

// Ports is what a scan of one kind of port came to.
type Ports struct {
	Tried   string `json:"tried"`             // which, in words: "1-65535"
	Open    []int  `json:"open"`              // that answered
	Closed  int    `json:"closed"`            // that said they are
	Silent  int    `json:"silent"`            // of which nothing came back
	Whole   bool   `json:"whole"`             // each of those tried gave an answer
	Slowed  bool   `json:"slowed,omitempty"`  // the rate was lowered because answers were lost
	Skipped int    `json:"skipped,omitempty"` // not tried
}

// Answer is yes, no or unknown, of something that was looked at.
type Answer string

// The answers.
const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = "unknown"
)

// Service is one thing that the device offers at a port.
type Service struct {
	Network  string `json:"network"` // "tcp" or "udp"
	Port     int    `json:"port"`
	Protocol string `json:"protocol"` // "http", "ssh", "mqtt"; "unknown" where no probe fits
	Product  string `json:"product,omitempty"`
	Version  string `json:"version,omitempty"`
	Banner   string `json:"banner,omitempty"` // the first line it says, printable, bounded
	TLS      *TLS   `json:"tls,omitempty"`
	HostKey  string `json:"host_key,omitempty"` // SSH: SHA-256 fingerprint

	// Asks says whether it asks for a log-in before it gives anything; Open whether something was had without one.
	Asks    Answer   `json:"asks"`
	Details []string `json:"details,omitempty"` // what else it says of itself
	seen    *seen    // for the ways in; not kept
}

// Encrypted reports whether the service speaks under TLS, DTLS or SSH.
func (s *Service) Encrypted() bool {
	return s.TLS != nil || s.Protocol == "ssh" || s.Protocol == "coaps"
}

// Way is one way in: a service, and how it takes a log-in.
type Way struct {
	Network   string `json:"network"`
	Port      int    `json:"port"`
	Protocol  string `json:"protocol"`
	Method    string `json:"method"` // "basic", "digest", "form", "password", "none", "community", "usm", "wsse", "script"
	Where     string `json:"where,omitempty"`
	Encrypted bool   `json:"encrypted"`

	Open    Answer `json:"open"`               // one gets in without any log-in
	OpenWhy string `json:"open_why,omitempty"` // what was had, or why it is not known

	Any     bool      `json:"any,omitempty"`   // any password is accepted, a random one included
	Control Outcome   `json:"control"`         // what became of a random password
	Unit    []Attempt `json:"unit,omitempty"`  // the unit's own printed password
	Set     []Attempt `json:"set,omitempty"`   // the password that the person set
	Tried   []Attempt `json:"tried,omitempty"` // published defaults
	Offered int       `json:"offered"`         // how many published defaults there were to try
	Stopped string    `json:"stopped,omitempty"`

	Guessing *Guessing `json:"guessing,omitempty"`
	Changed  *Changed  `json:"changed,omitempty"`
}

// Outcome of one attempt to log in.
type Outcome string

// The outcomes.
const (
	Untried  Outcome = ""
	Accepted Outcome = "accepted"
	Renew    Outcome = "renew" // accepted, and a new password is asked for before anything else
	Refused  Outcome = "refused"
	Locked   Outcome = "locked"  // it no longer takes attempts, or says so
	Unclear  Outcome = "unclear" // what came back tells neither
)

// in reports that the password was taken, whatever is asked for next.
func (o Outcome) in() bool { return o == Accepted || o == Renew }

// Attempt is one log-in that was tried.
type Attempt struct {
	User     string  `json:"user"`
	Password string  `json:"password,omitempty"` // of a published default alone; others only by their digest
	Blank    bool    `json:"blank,omitempty"`    // an empty password
	Secret   string  `json:"secret,omitempty"`   // keyed digest of a password that is not public
	Source   string  `json:"source,omitempty"`   // where a default is published
	Date     string  `json:"date,omitempty"`     // the day that was looked up
	Other    bool    `json:"other,omitempty"`    // the person set another password at set-up, and said which
	Outcome  Outcome `json:"outcome"`
	Why      string  `json:"why,omitempty"`
}

// AcceptedDefault is the published default that the way in takes, if any was
// found while a random password was refused.
func (w *Way) AcceptedDefault() *Attempt { return accepted(w, w.Tried) }

// AcceptedUnit is the unit's own password, where it is taken.
func (w *Way) AcceptedUnit() *Attempt { return accepted(w, w.Unit) }

// AcceptedSet is the password that the person set, where it is taken.
func (w *Way) AcceptedSet() *Attempt { return accepted(w, w.Set) }

// Stranger reports that anybody is let in to more than a page or a document that may
// be meant for everybody: what answers so over HTTP and CoAP is for a person to look at.
func (w *Way) Stranger() bool {
	switch w.Protocol {
	case "http", "https", "coap", "coap+tcp", "coaps":
		return w.Any
	}
	return w.Any || w.Open == Yes
}

func accepted(w *Way, attempts []Attempt) *Attempt {
	if w.Control != Refused || w.Any {
		return nil
	}
	for i := range attempts {
		if attempts[i].Outcome.in() {
			return &attempts[i]
		}
	}
	return nil
}

// RefusedDefaults is how many published defaults were refused.
func (w *Way) RefusedDefaults() int {
	n := 0
	for _, a := range w.Tried {
		if a.Outcome == Refused {
			n++
		}
	}
	return n
}
