package capture

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Result is what was found in captures, of all hosts in them.
type Result struct {
	Files         []File          `json:"files"`
	Hosts         []*Host         `json:"hosts"`
	Conversations []*Conversation `json:"conversations"`
	Lookups       []*Lookup       `json:"lookups,omitempty"`
	// Bounds says what was left out, and why, to keep memory bounded. Where it is empty, nothing was.
	Bounds []Tally `json:"bounds,omitempty"`

	names map[netip.Addr][]Name
	owner func(m mac, ip netip.Addr) bool
	heard activity
}

// Mark is a place in a capture.
type Mark struct {
	File   string `json:"file"`
	Packet int64  `json:"packet"` // from 1
}

func (m Mark) String() string { return fmt.Sprintf("packet %d", m.Packet) }

// Protection says how what was said was protected, as far as it can be seen.
type Protection string

// The protections. Unknown is not a kind of encryption.
const (
	Clear      Protection = "clear"      // whoever is on the way can read it: it was read
	Encrypted  Protection = "encrypted"  // a protocol that encrypts; whether well is another question
	Obfuscated Protection = "obfuscated" // under a key that is published or worked out from what is sent
	Unknown    Protection = "unknown"    // not understood: neither clear nor encrypted is claimed
	Silent     Protection = ""           // nothing was said
)

// End is one end of a conversation.
type End struct {
	MAC  string     `json:"mac,omitempty"` // of the frames: a router's where the end is behind one
	IP   netip.Addr `json:"ip"`
	Name string     `json:"name,omitempty"` // by DNS, SNI, DHCP or mDNS
	mac  mac
}

func (e End) String() string {
	if e.Name != "" {
		return e.Name + " (" + e.IP.String() + ")"
	}
	return e.IP.String()
}

// Conversation is all that a client said to one port of a server in one protocol.
type Conversation struct {
	Client     End           `json:"client"`
	Server     End           `json:"server"`
	Transport  string        `json:"transport"`
	Port       uint16        `json:"port,omitempty"` // of the server
	Protocol   string        `json:"protocol"`       // "unknown" where the content was not understood, "none" where nothing was said
	Protection Protection    `json:"protection,omitempty"`
	Begun      bool          `json:"begun"`    // who began was seen; else it is guessed from the ports
	Answered   bool          `json:"answered"` // the server took it
	Refused    bool          `json:"refused,omitempty"`
	Group      bool          `json:"group,omitempty"` // sent to all, or to a group
	Flows      int64         `json:"flows"`
	Packets    [2]int64      `json:"packets"` // of the client, of the server
	Bytes      [2]int64      `json:"bytes"`   // of payload, likewise
	First      time.Time     `json:"first,omitzero"`
	Last       time.Time     `json:"last,omitzero"`
	At         Mark          `json:"at"`
	Lost       int64         `json:"lost,omitempty"` // places where bytes lack
	Details    []Detail      `json:"details,omitempty"`
	TLS        []*TLS        `json:"tls,omitempty"`
	Secrets    []*Credential `json:"credentials,omitempty"`
	Objects    []*Object     `json:"objects,omitempty"`
	Open       []Detail      `json:"open,omitempty"` // access that the server gave without any log-in
	Sample     *Sample       `json:"sample,omitempty"`

	activity activity
}

// Detail is one thing that was said, such as the software a server names.
type Detail struct {
	What  string `json:"what"`
	Value string `json:"value"`
	From  string `json:"from,omitempty"` // "client" or "server"
	At    Mark   `json:"at"`
}

// Acceptance says whether a server took a credential.
type Acceptance string

// Whether it did.
const (
	Accepted      Acceptance = "accepted"
	Refused       Acceptance = "refused"
	NotKnown      Acceptance = "not known"
	maxSecret                = 512 // bytes of a secret or a user's name that are kept
	maxDetails               = 48  // of one kind, of one conversation
	maxDetailText            = 300
)

// Credential is something sent in clear that lets in who knows it.
type Credential struct {
	Kind     string     `json:"kind"` // "password", "token", "cookie", "community"
	How      string     `json:"how"`  // "HTTP Basic", "FTP PASS"
	User     string     `json:"user,omitempty"`
	Secret   Secret     `json:"secret"`
	Shown    string     `json:"shown,omitempty"` // the value, where it was asked for
	Accepted Acceptance `json:"accepted"`
	Why      string     `json:"why,omitempty"` // what the server said to it
	At       Mark       `json:"at"`
	Answer   Mark       `json:"answer,omitzero"`
	Count    int64      `json:"count"`
	// Public is set where the value is meant for everybody: the log-in of an anonymous user.
	Public bool `json:"public,omitempty"`
}

// Secret is a credential's value. It is not shown unless it is asked for.
type Secret string

// String is what may be shown of it.
func (s Secret) String() string {
	if s == "" {
		return "(empty)"
	}
	return fmt.Sprintf("(%d characters)", len([]rune(string(s))))
}

// Reveal is the value itself.
func (s Secret) Reveal() string { return string(s) }

// MarshalJSON writes what may be shown.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// GoString keeps the value out of what is printed while looking for mistakes.
func (s Secret) GoString() string { return s.String() }

// Object is a file that went over the wire in clear.
type Object struct {
	What     string `json:"what"`            // "firmware-like", "picture", "sound", "video"
	How      string `json:"how"`             // the protocol
	Why      string `json:"why"`             // what makes one think so
	Where    string `json:"where"`           // host and path, without what follows a question mark
	ToServer bool   `json:"to_server"`       // the client sent it
	Bytes    int64  `json:"bytes,omitempty"` // as announced
	At       Mark   `json:"at"`
}

// Lookup is a name that a host asked for.
type Lookup struct {
	Client  End          `json:"client"`
	Server  End          `json:"server"`
	How     string       `json:"how"` // "dns", "mdns", "llmnr", "netbios"
	Name    string       `json:"name"`
	Count   int64        `json:"count"`
	Answers []netip.Addr `json:"answers,omitempty"`
	At      Mark         `json:"at"`
}

// Name is a name of a host and where it comes from.
type Name struct {
	Name string `json:"name"`
	How  string `json:"how"` // "dns", "sni", "dhcp", "mdns", "http", "netbios", "ssdp"
}

type conversationKey struct {
	client, server     mac
	clientIP, serverIP netip.Addr
	proto              uint8
	port               uint16
	label              string
	guard              Protection
}

// facts are what a reader found in a flow.
type facts struct {
	Lost    int64
	Details []Detail
	TLS     []*TLS
	Secrets []*Credential
	Objects []*Object
	Open    []Detail
}

func (f *flow) need() *facts {
	if f.facts == nil {
		f.facts = &facts{}
	}
	return f.facts
}

// Bounds, in bytes, of what is noted of flows and told of conversations.
const (
	maxNoted = 8 << 20
	maxTold  = 16 << 20
)

const tooMuch = "details beyond the bound were left out, to keep memory bounded"

// note makes room for so many bytes of facts of a flow.
func (t *tracker) note(f *flow, bytes int) bool {
	if t.noted+bytes > maxNoted {
		t.bite(tooMuch)
		return false
	}
	t.noted += bytes
	f.noted += bytes
	return true
}

// room makes room for so many bytes of what is told.
func (t *tracker) room(bytes int) bool {
	if t.told+bytes > maxTold {
		t.bite(tooMuch)
		return false
	}
	t.told += bytes
	return true
}

// detail notes one thing that was said, once.
func (t *tracker) detail(f *flow, from side, what, value string) {
	x := f.need()
	value = printable(value)
	d := Detail{What: what, Value: value, At: t.mark(), From: "server"}
	if from == f.client {
		d.From = "client"
	}
	if all := addDetail(x.Details, d); len(all) > len(x.Details) && t.note(f, d.size()) {
		x.Details = all
	}
}

// size is about how many bytes a detail takes.
func (d *Detail) size() int { return len(d.Value) + 100 }

// opened notes access that the server gave without a log-in.
func (t *tracker) opened(f *flow, what string) {
	x := f.need()
	x.Open = addDetail(x.Open, Detail{What: what, Value: "given without any log-in", From: "server", At: t.mark()})
}

func addDetail(all []Detail, d Detail) []Detail {
	if d.Value == "" || len(all) >= maxDetails || slices.ContainsFunc(all, func(e Detail) bool { return e.What == d.What && e.Value == d.Value && e.From == d.From }) {
		return all
	}
	return append(all, d)
}

// credential notes a credential, and gives it so that the answer can be noted.
func (t *tracker) credential(f *flow, c Credential) *Credential {
	x := f.need()
	if len(c.User) > maxSecret {
		c.User = c.User[:maxSecret]
	}
	c.User = printable(c.User)
	if len(c.Secret) > maxSecret {
		c.Secret = c.Secret[:maxSecret]
	}
	c.Secret = Secret(strings.Clone(strings.ToValidUTF8(string(c.Secret), "?")))
	c.At, c.Count = t.mark(), 1
	c.Accepted = cmp.Or(c.Accepted, NotKnown)
	n := &c
	switch {
	case len(x.Secrets) >= 4*maxDetails:
		t.bite("credentials beyond the first 192 of a connection were left out")
	case t.note(f, n.size()):
		x.Secrets = append(x.Secrets, n)
	}
	return n
}

// size is about how many bytes a credential takes.
func (c *Credential) size() int { return len(c.User) + len(c.Secret) + 400 }

// answer notes what the server said to a credential.
func (t *tracker) answer(c *Credential, a Acceptance, why string) {
	if c == nil || c.Accepted != NotKnown {
		return
	}
	c.Accepted, c.Why, c.Answer = a, printable(why), t.mark()
}

const objectSize = 600

func (t *tracker) object(f *flow, o Object) {
	x := f.need()
	o.At, o.Where, o.Why = t.mark(), printable(o.Where), printable(o.Why)
	if len(x.Objects) < maxDetails && t.note(f, objectSize) {
		x.Objects = append(x.Objects, &o)
	}
}

// tell adds a flow that ended to the conversations.
func (t *tracker) tell(f *flow) {
	t.noted -= f.noted
	f.noted = 0
	srv := f.client.other()
	label, guard := f.label, f.guard
	if label == "unknown" && f.samples != nil && f.samples.text() {
		label, guard = "text", Clear
	}
	if label == "" {
		label = "none"
		if f.spoke[0] || f.spoke[1] {
			label, guard = "unknown", Unknown
		}
	}
	key := conversationKey{f.macs[f.client], f.macs[srv], f.end(f.client).Addr(), f.end(srv).Addr(), f.key.proto, f.end(srv).Port(), label, guard}
	c := t.conv[key]
	if c == nil {
		most := t.o.MaxConversations
		if t.favours(f) {
			most *= 2
		}
		if len(t.conv) >= most {
			t.bite("conversations beyond the bound were counted and are not told")
			return
		}
		c = &Conversation{
			Client: End{IP: key.clientIP, mac: key.client, MAC: key.client.String()}, Server: End{IP: key.serverIP, mac: key.server, MAC: key.server.String()},
			Transport: transportName(key.proto), Port: key.port, Protocol: label, Protection: guard, At: f.mark,
			First: moment(f.first), Group: groupAddress(key.serverIP),
		}
		t.conv[key] = c
	}
	c.Flows++
	c.Begun = c.Begun || f.begun
	c.Answered = c.Answered || f.synack || f.spoke[srv]
	c.Refused = c.Refused || f.reset
	for i, s := range []side{f.client, srv} {
		c.Packets[i] += f.packets[s]
		c.Bytes[i] += f.bytes[s]
	}
	if last := moment(f.last); last.After(c.Last) {
		c.Last = last
	}
	c.activity.join(f.active)
	if f.samples != nil {
		c.Sample = c.Sample.join(f.samples)
	}
	if f.facts != nil {
		t.take(c, f.facts)
	}
}

// take adds what was found in one more flow.
func (t *tracker) take(c *Conversation, x *facts) {
	c.Lost += x.Lost
	for _, d := range x.Details {
		if all := addDetail(c.Details, d); len(all) > len(c.Details) && t.room(d.size()) {
			c.Details = all
		}
	}
	for _, d := range x.Open {
		c.Open = addDetail(c.Open, d)
	}
	for _, s := range x.TLS {
		if all := addTLS(c.TLS, s); len(all) > len(c.TLS) && t.room(s.size()) {
			c.TLS = all
		}
	}
	for _, s := range x.Secrets {
		i := slices.IndexFunc(c.Secrets, func(o *Credential) bool {
			return o.Kind == s.Kind && o.How == s.How && o.User == s.User && o.Secret == s.Secret && o.Accepted == s.Accepted
		})
		if i >= 0 {
			c.Secrets[i].Count += s.Count
		} else if len(c.Secrets) < 4*maxDetails && t.room(s.size()) {
			c.Secrets = append(c.Secrets, s)
		}
	}
	for _, o := range x.Objects {
		if len(c.Objects) < maxDetails && t.room(objectSize) {
			c.Objects = append(c.Objects, o)
		}
	}
}

// finish puts the result in order.
func (t *tracker) finish() *Result {
	r := t.result
	said := map[conversationKey]*Conversation{}
	for key, c := range t.conv {
		if c.Protocol == "none" {
			continue
		}
		key.label, key.guard = "", ""
		if o := said[key]; o == nil || c.Flows > o.Flows || c.Flows == o.Flows && c.Protocol < o.Protocol {
			said[key] = c
		}
	}
	for key, c := range t.conv {
		if c.Protocol == "none" { // a connection without a word belongs to those in which something was said
			key.label, key.guard = "", ""
			if into := said[key]; into != nil {
				into.Flows += c.Flows
				into.Answered = into.Answered || c.Answered
				into.Begun = into.Begun || c.Begun
				for i := range c.Packets {
					into.Packets[i] += c.Packets[i]
				}
				continue
			}
		}
		r.Conversations = append(r.Conversations, c)
	}
	slices.SortFunc(r.Conversations, func(a, b *Conversation) int {
		return cmp.Or(a.First.Compare(b.First), strings.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Packet, b.At.Packet), strings.Compare(a.Protocol, b.Protocol), strings.Compare(string(a.Protection), string(b.Protection)),
			a.Client.IP.Compare(b.Client.IP), a.Server.IP.Compare(b.Server.IP), cmp.Compare(a.Port, b.Port), strings.Compare(a.Transport, b.Transport),
			strings.Compare(a.Client.MAC, b.Client.MAC), strings.Compare(a.Server.MAC, b.Server.MAC))
	})
	r.Lookups = t.hosts.sortedLookups()
	r.names = t.hosts.names
	r.Hosts = t.hosts.list()
	r.owner = t.hosts.owns
	r.heard = t.heard
	for _, c := range r.Conversations {
		c.Client.Name, c.Server.Name = r.nameOf(c.Client), r.nameOf(c.Server)
	}
	for _, l := range r.Lookups {
		l.Client.Name, l.Server.Name = r.nameOf(l.Client), r.nameOf(l.Server)
	}
	if n := t.hosts.refused; n > 0 {
		t.bitten["hosts and names beyond the bound were left out"] = n
	}
	r.Bounds = tallies(t.bitten)
	return r
}

// nameOf is the best name of an end: its own before one that a resolver gave it.
func (r *Result) nameOf(e End) string {
	for _, n := range r.names[e.IP] {
		return n.Name
	}
	return ""
}

func sortedKeys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

func tallies(m map[string]int64) []Tally {
	var out []Tally
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, Tally{k, m[k]})
	}
	return out
}

func transportName(proto uint8) string {
	switch proto {
	case protoTCP:
		return "tcp"
	case protoUDP:
		return "udp"
	}
	return "ip"
}

// printable makes one short line of what came over the wire. It is a copy: a few
// letters that are kept would else keep the whole message that they came in.
func printable(s string) string { return strings.Clone(clean(s)) }

// clean is printable for what is not kept, or is a copy already.
func clean(s string) string {
	if len(s) > maxDetailText {
		s = s[:maxDetailText]
	}
	plain := true
	for i := range len(s) {
		plain = plain && s[i] >= ' ' && s[i] < 0x7f
	}
	if plain {
		return strings.TrimSpace(s)
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x61c {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}
