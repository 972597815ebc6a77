package capture

import (
	"cmp"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Device is what a capture shows of one device.
type Device struct {
	Asked     []string     `json:"asked"` // the addresses by which it was looked for
	Hosts     []*Host      `json:"hosts"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
	Talks     []*Talk      `json:"talks"`
	Findings  []Finding    `json:"findings,omitempty"`
	Lookups   []*Lookup    `json:"lookups,omitempty"`
	Rest      *Rest        `json:"at_rest,omitempty"`
	Packets   int64        `json:"packets"` // of its talks
	Bytes     int64        `json:"bytes"`   // of payload
	Notes     []string     `json:"notes,omitempty"`
	Wanted    []string     `json:"wanted,omitempty"` // what would let more be said
}

// Found reports whether the device is in the capture at all.
func (d *Device) Found() bool { return len(d.Talks) > 0 || len(d.Hosts) > 0 }

// Talk is a conversation of which the device is an end.
type Talk struct {
	*Conversation
	Serves bool `json:"device_serves"` // the device is the server
	Remote bool `json:"remote"`        // the peer is outside the local network
}

// Peer is the other end.
func (k *Talk) Peer() End {
	if k.Serves {
		return k.Client
	}
	return k.Server
}

// Offered reports whether the talk shows a service that the device offers: it
// answered on a port of its own.
func (k *Talk) Offered() bool {
	if k.Transport == "udp" && !servicePort(k.Port) && (k.Protocol == "stun" || k.Protocol == "dtls" || k.Protocol == "quic" || k.Protocol == "rtp") {
		return false // a port for one call
	}
	return k.Serves && k.Answered && !k.Group && k.Port != 0 && (k.Begun || servicePort(k.Port)) && k.Protocol != "ftp-data" && k.Protocol != "dhcp" && k.Protocol != "dhcpv6" &&
		(k.Transport == "tcp" || k.Protocol != "unknown" && k.Protocol != "text")
}

// FindingKind says what sort of thing was found.
type FindingKind string

// The kinds.
const (
	SecretInClear FindingKind = "secret-in-clear"    // a password, token or community that anybody on the way can read
	Outdated      FindingKind = "outdated"           // cryptography that was withdrawn, in use
	OpenAccess    FindingKind = "open-access"        // the device let somebody in without any log-in
	ClearText     FindingKind = "clear-text"         // a protocol without encryption that carries more than names and addresses
	Hidden        FindingKind = "obfuscated"         // hidden under a key that anybody has
	PlainUpdate   FindingKind = "update-in-clear"    // firmware fetched without encryption
	MediaInClear  FindingKind = "media-in-clear"     // pictures or sound without encryption
	OpensPort     FindingKind = "opens-port"         // it asks the router to let the world in
	SelfSigned    FindingKind = "self-signed"        // it relies on, or shows, a certificate that nobody vouches for
	NoSecrecy     FindingKind = "no-forward-secrecy" // what is recorded now can be read once a key is known
	NotKnownWhat  FindingKind = "not-understood"     // neither clear nor encrypted can be said
)

// Finding is one thing that matters, with the packets that show it.
type Finding struct {
	Kind       FindingKind `json:"kind"`
	Text       string      `json:"text"`
	Against    bool        `json:"held_against_device"` // see Held
	Peer       string      `json:"peer"`
	Remote     bool        `json:"remote"`
	At         []Mark      `json:"at"`
	Talk       *Talk       `json:"-"`
	Credential *Credential `json:"-"`
	TLS        *TLS        `json:"-"`
	Object     *Object     `json:"-"`
}

// Held reports whether a finding is certain enough to be held against the device.
// The others are worth a look: whether they matter, the capture does not settle.
func (f *Finding) Held() bool {
	switch f.Kind {
	case SecretInClear:
		c := f.Credential
		if c.Public || c.Kind == "cookie" { // a cookie may be of no worth
			return false
		}
		// What others send to the device may be a wrong guess; what it sends is its own.
		return !f.Talk.Serves || c.Accepted == Accepted
	case OpenAccess:
		return true
	case Outdated:
		return f.TLS.Complete
	case PlainUpdate:
		return f.Object.ToServer == f.Talk.Serves
	}
	return false
}

// Rest is what the device does while nobody on its network speaks to it.
type Rest struct {
	Quiet  time.Duration `json:"quiet_ns"` // how long that was, in all
	Width  time.Duration `json:"stretch_ns"`
	Spoken []string      `json:"spoken_to"` // whom it spoke to in those times
}

// minRest is the shortest quiet time of which something is said.
const minRest = 10 * time.Minute

// Device gives what is known of the device that has these addresses: hardware
// addresses, IP addresses or both. It is an error where one is neither.
func (r *Result) Device(names ...string) (*Device, error) {
	d := &Device{Asked: names}
	macs, ips := map[mac]bool{}, map[netip.Addr]bool{}
	for _, n := range names {
		if m, ok := parseMAC(n); ok {
			macs[m] = true
			continue
		}
		ip, err := netip.ParseAddr(strings.TrimSpace(n))
		if err != nil {
			return nil, fmt.Errorf("%q is neither a hardware address nor an IP address", n)
		}
		ips[ip.Unmap().WithZone("")] = true
	}
	r.learn(d, macs, ips)
	is := func(e End) bool {
		if e.mac != (mac{}) && macs[e.mac] && (r.owner(e.mac, e.IP) || ips[e.IP]) {
			return true
		}
		return ips[e.IP] && (e.mac == mac{} || len(macs) == 0 || !r.rival(e, macs))
	}
	for _, h := range r.Hosts {
		if h.mac != (mac{}) && macs[h.mac] || h.mac == (mac{}) && len(h.Addresses) > 0 && ips[h.Addresses[0].IP] {
			d.Hosts = append(d.Hosts, h)
		}
	}
	for ip := range ips {
		d.Addresses = append(d.Addresses, ip)
	}
	slices.SortFunc(d.Addresses, netip.Addr.Compare)
	for _, c := range r.Conversations {
		client, server := is(c.Client), is(c.Server) && !c.Group
		if !client && !server {
			continue
		}
		k := &Talk{Conversation: c, Serves: server && !client}
		k.Remote = !c.Group && remote(k.Peer().IP, own(k).IP)
		d.Talks = append(d.Talks, k)
		d.Packets += c.Packets[0] + c.Packets[1]
		d.Bytes += c.Bytes[0] + c.Bytes[1]
	}
	for _, l := range r.Lookups {
		if is(l.Client) {
			d.Lookups = append(d.Lookups, l)
		}
	}
	d.find()
	d.rest(r.heard, r.span())
	d.want(r)
	return d, nil
}

func own(k *Talk) End {
	if k.Serves {
		return k.Server
	}
	return k.Client
}

// remote reports whether a peer is beyond the local network.
func remote(peer, own netip.Addr) bool {
	if local(peer) || !peer.IsValid() {
		return false
	}
	width := 24
	if !peer.Is4() {
		width = 64
	}
	if p, err := own.Prefix(width); err == nil && !local(own) && p.Contains(peer) {
		return false
	}
	return true
}

// Reveal makes the secrets of the device's talks show in their machine form. It is
// for those who asked for it.
func (d *Device) Reveal() {
	for _, k := range d.Talks {
		for _, c := range k.Secrets {
			c.Shown = c.Secret.Reveal()
		}
	}
}

// learn adds the addresses that the device had besides those it was named by.
func (r *Result) learn(d *Device, macs map[mac]bool, ips map[netip.Addr]bool) {
	var claim []*Host
	for _, h := range r.Hosts {
		if h.mac == (mac{}) {
			continue
		}
		for _, a := range h.Addresses {
			if ips[a.IP] && r.owner(h.mac, a.IP) && !macs[h.mac] {
				claim = append(claim, h)
				break
			}
		}
	}
	switch {
	case len(claim) == 1 && len(macs) == 0:
		macs[claim[0].mac] = true
	case len(claim) > 1 && len(macs) == 0:
		var list []string
		for _, h := range claim {
			list = append(list, h.MAC)
		}
		d.Notes = append(d.Notes, "the address was used by several devices ("+strings.Join(list, ", ")+"): what is said may mix them")
		d.Wanted = append(d.Wanted, "the hardware address of the device, to tell it from the others that had its IP address")
	case len(claim) > 0:
		d.Notes = append(d.Notes, "an address of the device was also used by "+claim[0].MAC+": what that one said is left out")
	}
	for _, h := range r.Hosts {
		if h.mac == (mac{}) || !macs[h.mac] {
			continue
		}
		for _, a := range h.Addresses {
			if r.owner(h.mac, a.IP) && len(ips) < 256 {
				ips[a.IP] = true
			}
		}
	}
}

// rival reports whether the frames of an end carry the hardware address of another
// device, whose own the IP address is.
func (r *Result) rival(e End, macs map[mac]bool) bool {
	return !macs[e.mac] && r.owner(e.mac, e.IP)
}

// find says what matters in the talks.
func (d *Device) find() {
	for _, k := range d.Talks {
		add := func(kind FindingKind, text string, at ...Mark) *Finding {
			d.Findings = append(d.Findings, Finding{Kind: kind, Text: text, Peer: k.Peer().String(), Remote: k.Remote, At: at, Talk: k})
			return &d.Findings[len(d.Findings)-1]
		}
		for _, c := range k.Secrets {
			add(SecretInClear, k.secretText(c), c.At).Credential = c
		}
		for _, s := range k.TLS {
			k.weigh(s, add)
		}
		for _, o := range k.Open {
			if k.Serves {
				add(OpenAccess, fmt.Sprintf("%s: %s, %s", k.at(), o.What, o.Value), o.At)
			}
		}
		for _, o := range k.Objects {
			kind, verb := MediaInClear, "sends"
			if o.What == "firmware-like" {
				kind = PlainUpdate
			}
			if o.ToServer == k.Serves {
				verb = "gets"
			}
			add(kind, fmt.Sprintf("%s %s over %s without encryption: %s (%s)", verb, o.What, o.How, o.Where, o.Why), o.At).Object = o
		}
		switch {
		case k.Protocol == "nat-pmp" || k.Protocol == "pcp":
			for _, x := range k.Details {
				if !k.Serves && x.What == "asks to open" {
					add(OpensPort, "asks the router to open "+x.Value, x.At)
				}
			}
		case k.Protection == Obfuscated:
			add(Hidden, fmt.Sprintf("%s is hidden only under a key that anybody has: whoever is on the network can read it", k.at()), k.At)
		case k.Protection == Clear && !quiet(k.Protocol):
			add(ClearText, fmt.Sprintf("%s is not encrypted", k.at()), k.At)
		case k.Protocol == "unknown" && k.Sample != nil && !k.Group:
			add(NotKnownWhat, fmt.Sprintf("%s is not understood: %s", k.at(), k.Sample), k.At)
		}
		for _, x := range k.Details {
			if x.What == "UPnP action" && strings.Contains(x.Value, "AddPortMapping") && !k.Serves {
				add(OpensPort, "asks the router by UPnP to open a port", x.At)
			}
		}
	}
	for i := range d.Findings {
		d.Findings[i].Against = d.Findings[i].Held()
	}
	slices.SortStableFunc(d.Findings, func(a, b Finding) int {
		return cmp.Compare(slices.Index(kindOrder, a.Kind), slices.Index(kindOrder, b.Kind))
	})
}

var kindOrder = []FindingKind{SecretInClear, OpenAccess, Outdated, PlainUpdate, MediaInClear, OpensPort, Hidden, ClearText, SelfSigned, NoSecrecy, NotKnownWhat}

// quiet reports protocols whose nature it is to be in clear, and that carry no
// more than names, addresses and the time.
func quiet(protocol string) bool {
	return slices.Contains([]string{"dns", "mdns", "llmnr", "netbios", "dhcp", "dhcpv6", "ntp", "ssdp", "ws-discovery", "stun", "nat-pmp", "pcp", "tivoconnect", "netbios-datagram", "dropbox-discovery", "slp"}, protocol)
}

// at names a talk: protocol, port and peer.
func (k *Talk) at() string {
	where := fmt.Sprintf("%s on %s %d", k.Protocol, strings.ToUpper(k.Transport), k.Port)
	if k.Serves {
		return where + " of the device, used by " + k.Peer().String()
	}
	return where + " with " + k.Peer().String()
}

func (k *Talk) secretText(c *Credential) string {
	who := "the device sends"
	if k.Serves {
		who = "the device is sent"
	}
	user := ""
	if c.User != "" {
		user = " of user " + c.User
	}
	text := fmt.Sprintf("%s a %s%s in clear: %s, %s", who, c.Kind, user, c.How, k.at())
	if c.Public {
		text += "; it is a log-in for everybody, so no secret"
	}
	switch {
	case c.Accepted == Accepted:
		text += "; the server accepted it"
	case c.Accepted == Refused:
		text += "; the server refused it"
	default:
		text += "; whether the server accepted it cannot be seen"
	}
	return text
}

func (k *Talk) weigh(s *TLS, add func(FindingKind, string, ...Mark) *Finding) {
	if len(s.Weak) > 0 {
		state := ""
		if !s.Complete {
			state = " (the handshake was not seen to its end)"
		}
		add(Outdated, fmt.Sprintf("%s: %s%s", k.at(), strings.Join(s.Weak, "; "), state), s.At).TLS = s
	}
	if len(s.Chain) > 0 && s.Chain[0].SelfSigned {
		add(SelfSigned, fmt.Sprintf("%s: self-signed certificate of %s", k.at(), s.Chain[0].Subject), s.At).TLS = s
	}
	if n := suiteNote(s.suite); n != "" && s.Version != "" && s.Version != "TLS 1.3" {
		add(NoSecrecy, fmt.Sprintf("%s: %s %s: %s", k.at(), s.Version, s.Suite, n), s.At).TLS = s
	}
}

// rest says whom the device speaks to while nobody on its network speaks to it.
func (d *Device) rest(heard activity, span time.Duration) {
	all, busy := heard, activity{}
	for _, k := range d.Talks {
		if !k.Group && !k.Remote && k.Serves && !quiet(k.Protocol) {
			busy.join(k.activity)
		}
	}
	for busy.width != 0 && busy.width < all.width {
		busy.widen()
	}
	if all.width == 0 || len(d.Talks) == 0 {
		return
	}
	quietly := all.heard &^ busy.heard // of the time in which anything was recorded
	rest := &Rest{Quiet: min(time.Duration(int64(bits.OnesCount64(quietly))*all.width), span), Width: time.Duration(all.width)}
	if rest.Quiet < minRest {
		return
	}
	for _, k := range d.Talks {
		a := k.activity
		for a.width != 0 && a.width < all.width {
			a.widen()
		}
		if a.heard&quietly == 0 || k.Serves {
			continue
		}
		text := fmt.Sprintf("%s: %d of %d stretches", k.at(), bits.OnesCount64(a.heard&quietly), bits.OnesCount64(quietly))
		if !slices.Contains(rest.Spoken, text) && len(rest.Spoken) < 100 {
			rest.Spoken = append(rest.Spoken, text)
		}
	}
	d.Rest = rest
}

// span is how long was recorded, in all files together.
func (r *Result) span() (d time.Duration) {
	for _, f := range r.Files {
		d += f.Last.Sub(f.First)
	}
	return d
}

// want says what would let more be said.
func (d *Device) want(r *Result) {
	want := func(s string) { d.Wanted = append(d.Wanted, s) }
	if !d.Found() {
		want("a capture in which the device speaks: none of its addresses is in this one")
		return
	}
	span, cut := r.span(), int64(0)
	for _, f := range r.Files {
		cut += f.Cut
	}
	said, served := 0, false
	for _, k := range d.Talks {
		if !k.Group && !quiet(k.Protocol) && k.Protocol != "none" {
			said++
		}
		served = served || k.Offered()
	}
	switch {
	case said == 0:
		want("a capture of set-up, log-in and daily use: in this one the device only looks for names and addresses")
	case span < minRest:
		want(fmt.Sprintf("a longer capture: this one lasts %s, too short for updates and what the device does at rest", span.Round(time.Millisecond)))
	}
	if !served {
		want("somebody who uses the device's own services while it is captured: nobody did, so what it offers was not seen")
	}
	if oneSided(d.Talks) {
		want("a capture of both directions: of its connections this one shows one side only, so that what was answered and accepted cannot be seen")
	}
	if cut > 0 {
		want(fmt.Sprintf("a capture of whole packets (snap length 0): of %d the end was not recorded", cut))
	}
	if len(r.Bounds) > 0 {
		want("a smaller capture, of the device alone: bounds kept some of this one out")
	}
}

// oneSided reports whether of all connections in which something was said, one side
// alone was recorded.
func oneSided(talks []*Talk) bool {
	said := 0
	for _, k := range talks {
		if k.Transport != "tcp" || k.Bytes == [2]int64{} {
			continue
		}
		if k.Packets[0] > 0 && k.Packets[1] > 0 {
			return false
		}
		said++
	}
	return said > 0
}

// Suspects are the hosts that could be a device under test, where none was named:
// those on the local network that do not pass on what others send. What has public
// addresses only is a server beyond a router where others have local ones.
func (r *Result) Suspects() []*Host {
	inside := func(h *Host) bool {
		return slices.ContainsFunc(h.Addresses, func(a Address) bool { return local(a.IP) })
	}
	home := slices.ContainsFunc(r.Hosts, func(h *Host) bool { return h.Packets > 0 && inside(h) })
	var out []*Host
	for _, h := range r.Hosts {
		if !h.Forwards && h.Packets > 0 && len(h.Addresses) > 0 && (inside(h) || h.mac != (mac{}) && !home) {
			out = append(out, h)
		}
	}
	return out
}
