package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/device"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/peer"
	"github.com/assay-psti/assay/report"
)

type peerCommand struct {
	Listen  []string `help:"Address of this machine to which a person leads the device's traffic." placeholder:"ADDRESS" required:""`
	Ports   string   `help:"TCP ports to listen at (default: 443, 8443, 8883)." default:"443,8443,8883" placeholder:"PORTS"`
	Device  []string `help:"The device, by its hardware or IP addresses; what comes from others does not count (default: the unit of the dossier)." placeholder:"ADDRESS"`
	Setup   string   `help:"How its traffic is led here, in your words; it is recorded as declared." placeholder:"TEXT" required:""`
	Dossier string   `help:"Keep the record of the session as evidence in this dossier; make, model and units are taken from it." placeholder:"DIR"`
	Unit    string   `help:"Which unit it is (default: the only one that the dossier lists)." placeholder:"NAME"`
	Make    string   `help:"The brand."`
	Model   string   `help:"The type designation."`
	Unnamed string   `help:"The name that is meant where the device asks for none." placeholder:"NAME"`

	CA          string `name:"ca" help:"PEM file of an authority of yours that the device was made to trust." placeholder:"FILE" type:"existingfile"`
	CAKey       string `name:"ca-key" help:"Its key." placeholder:"FILE" type:"existingfile"`
	Certificate string `help:"PEM file of a certificate of yours, with its chain, by a publicly trusted authority and for a name of yours: shown as one for another name." placeholder:"FILE" type:"existingfile"`
	Key         string `help:"Its key." placeholder:"FILE" type:"existingfile"`

	Time        time.Duration `help:"For the whole session; Ctrl-C ends it earlier." default:"30m"`
	Connections int           `help:"End after so many connections of the device." default:"1000"`
	Hold        time.Duration `help:"How long a connection must stay open without a word to count as gone on." default:"10s"`

	DryRun       bool   `help:"Say what would be heard and shown, and listen to nothing."`
	JSON         bool   `name:"json" help:"Machine form on standard output."`
	AuthorisedBy string `name:"authorised-by" help:"Who allowed listening at an address that is not on this machine, link-local or private; it is recorded." placeholder:"NAME"`
}

// Run plays the servers that a device calls, and keeps what it accepted.
func (c *peerCommand) Run(ctx context.Context, env *environment) error {
	o, err := c.options(ctx, env)
	if err != nil {
		return err
	}
	if c.DryRun {
		c.plan(env, o)
		return nil
	}
	p := progress{environment: env}
	var mu sync.Mutex // guards the line that is shown
	o.Progress = func(text string) {
		mu.Lock()
		defer mu.Unlock()
		p.line(text)
	}
	s, err := peer.New(*o)
	if err != nil {
		return listenProblem(err)
	}
	o.Progress(fmt.Sprintf("listening at %d ports for %s; Ctrl-C ends and keeps what was heard", len(o.Listen), c.Time))
	r := s.Serve(ctx)
	p.clear()
	calls := &report.Calls{Record: r, Findings: r.Findings()}
	if c.Dossier != "" {
		data, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			return err
		}
		name, err := keepEvidence(c.Dossier, "evidence/device", "calls-"+r.Started.UTC().Format("20060102T150405Z"), ".json", append(data, '\n'))
		if err != nil {
			return err
		}
		calls.Kept = filepath.ToSlash(filepath.Join(c.Dossier, name))
	}
	env.status = exitInconclusive // what never called was not seen: no session shows that a requirement is met
	if calls.Finding() {
		env.status = exitFail
	}
	if c.JSON {
		return env.json(calls)
	}
	return report.Peer(env.out, calls, report.TextOptions{Width: env.width, Colour: env.outTerm})
}

// options are what was asked for, checked.
func (c *peerCommand) options(ctx context.Context, env *environment) (*peer.Options, error) {
	bad := func(what, do string) error { return &assay.Problem{Kind: assay.ErrInvalid, What: what, Do: do} }
	switch {
	case strings.TrimSpace(c.Setup) == "":
		return nil, bad("it is not said how traffic is led here", "say it with --setup: which answers of the name service, which rules of the gateway")
	case (c.CA == "") != (c.CAKey == ""):
		return nil, bad("--ca and --ca-key go together", "give both or neither")
	case (c.Certificate == "") != (c.Key == ""):
		return nil, bad("--certificate and --key go together", "give both or neither")
	case c.Time <= 0 || c.Time > peer.MaxTime || c.Hold < 100*time.Millisecond || c.Hold > time.Minute:
		return nil, bad("--time or --hold is out of bounds", fmt.Sprintf("give at most %s, and 100ms to 1m", peer.MaxTime))
	case c.Connections < 1 || c.Connections > peer.MaxConnections:
		return nil, bad(fmt.Sprintf("--connections %d is out of bounds", c.Connections), fmt.Sprintf("give 1 to %d", peer.MaxConnections))
	}
	o := &peer.Options{Setup: c.Setup, Unit: c.Unit, Make: c.Make, Model: c.Model, By: env.user, AuthorisedBy: c.AuthorisedBy, Now: env.now,
		Unnamed: strings.ToLower(strings.TrimSuffix(c.Unnamed, ".")), Limits: peer.Limits{Time: c.Time, Connections: c.Connections, Hold: c.Hold}}
	if o.Unnamed != "" && !peer.PlainName(o.Unnamed) {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--unnamed", What: "is not the name of a server", Do: "give one such as api.example.com"}
	}
	var err error
	if o.Listen, err = c.places(); err != nil {
		return nil, err
	}
	if err := c.who(ctx, o); err != nil {
		return nil, err
	}
	if c.CA != "" {
		pair, err := pemFiles(c.CA, c.CAKey)
		if err != nil {
			return nil, err
		}
		if o.Control, err = peer.ReadAuthority(pair[0], pair[1]); err != nil {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--ca " + c.CA, What: err.Error(), Do: "give one authority and its key, both as PEM without a password"}
		}
	}
	if c.Certificate != "" {
		pair, err := pemFiles(c.Certificate, c.Key)
		if err != nil {
			return nil, err
		}
		if o.Laboratory, err = peer.ReadCertificate(pair[0], pair[1]); err != nil {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--certificate " + c.Certificate, What: err.Error(), Do: "give a certificate with its chain and its key, as PEM without a password"}
		}
	}
	return o, nil
}

// places are the addresses and ports to listen at.
func (c *peerCommand) places() ([]netip.AddrPort, error) {
	if strings.TrimSpace(c.Ports) == "" {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--ports", What: "names none"}
	}
	ports, err := device.ParsePorts(c.Ports)
	if err != nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--ports", What: err.Error()}
	}
	var out []netip.AddrPort
	for _, text := range c.Listen {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--listen " + text, What: "is not an IP address", Do: "give one of this machine's; ports go with --ports"}
		}
		if err := peer.Allowed(a, c.AuthorisedBy); err != nil {
			return nil, &assay.Problem{Kind: assay.ErrRefused, Where: "--listen " + text, What: err.Error(), Do: "listen at an address of the bench's network, or name who allows it with --authorised-by"}
		}
		for _, p := range ports {
			out = append(out, netip.AddrPortFrom(a.Unmap(), uint16(p)))
		}
	}
	if len(out) > peer.MaxPorts {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--ports", What: fmt.Sprintf("there are %d places to listen at", len(out)), Do: fmt.Sprintf("give at most %d; a rule of the gateway can lead several ports to one", peer.MaxPorts)}
	}
	return out, nil
}

// who says which host is the device.
func (c *peerCommand) who(ctx context.Context, o *peer.Options) error {
	o.Addresses = c.Device
	if c.Dossier != "" {
		d, err := dossier.Load(ctx, c.Dossier)
		if err != nil {
			return err
		}
		defer d.Close()
		o.Make = cmp.Or(o.Make, d.Product.Make)
		if o.Model == "" && len(d.Product.Models) == 1 {
			o.Model = d.Product.Models[0]
		}
		if err := c.fromUnits(o, d.Product.Units); err != nil {
			return err
		}
	}
	hosts := hosts{seen: map[netip.Addr]string{}}
	for _, text := range o.Addresses {
		a, err := netip.ParseAddr(text)
		if err == nil {
			hosts.ips = append(hosts.ips, a.Unmap().WithZone(""))
			continue
		}
		mac, err := net.ParseMAC(text)
		if err != nil || len(mac) != 6 {
			return &assay.Problem{Kind: assay.ErrInvalid, Where: "--device " + text, What: "is neither a hardware nor an IP address", Do: "give one such as 02:00:5e:10:00:01 or 192.168.8.20"}
		}
		hosts.macs = append(hosts.macs, mac.String())
	}
	if len(o.Addresses) == 0 {
		return &assay.Problem{Kind: assay.ErrInvalid, What: "no device is named", Do: "give its hardware or IP address with --device, so that nobody else's calls count"}
	}
	o.Device = func(a netip.Addr) (string, bool) {
		mac := device.MACOf(a)
		return mac, hosts.is(a, mac)
	}
	return nil
}

// fromUnits takes the addresses of the unit from those that the dossier lists.
func (c *peerCommand) fromUnits(o *peer.Options, units []dossier.Unit) error {
	known := func(u dossier.Unit) []string {
		return slices.DeleteFunc(append([]string{u.MAC}, u.Addresses...), func(s string) bool { return s == "" })
	}
	if c.Unit == "" && len(c.Device) > 0 { // the unit that has one of these addresses
		for _, u := range units {
			if slices.ContainsFunc(known(u), func(k string) bool {
				return slices.ContainsFunc(c.Device, func(d string) bool { return strings.EqualFold(d, k) })
			}) {
				o.Unit = u.ID
			}
		}
		return nil
	}
	if len(c.Device) > 0 {
		return nil
	}
	switch at := slices.IndexFunc(units, func(u dossier.Unit) bool { return u.ID == c.Unit }); {
	case at >= 0:
		o.Unit, o.Addresses = c.Unit, known(units[at])
	case c.Unit == "" && len(units) == 1:
		o.Unit, o.Addresses = units[0].ID, known(units[0])
	case len(units) > 1:
		return &assay.Problem{Kind: assay.ErrInvalid, Where: c.Dossier, What: "lists several units", Do: "say which it is with --unit"}
	}
	return nil
}

// hosts are the addresses of one device.
type hosts struct {
	macs []string
	ips  []netip.Addr

	mu   sync.Mutex // guards seen
	seen map[netip.Addr]string
}

// is reports whether a host is the device. Where its hardware address is seen, and the
// device's is known, that decides: another host may have taken the IP address. Where
// the device's is not known, it is that which was seen first at the IP address.
func (h *hosts) is(a netip.Addr, mac string) bool {
	if mac != "" && len(h.macs) > 0 {
		return slices.ContainsFunc(h.macs, func(m string) bool { return strings.EqualFold(m, mac) })
	}
	a = a.Unmap().WithZone("")
	if !slices.Contains(h.ips, a) {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if mac != "" && h.seen[a] == "" {
		h.seen[a] = mac
	}
	return mac == "" || h.seen[a] == mac
}

// plan says what would be heard and shown.
func (c *peerCommand) plan(env *environment, o *peer.Options) {
	var at []string
	for _, a := range o.Listen {
		at = append(at, a.String())
	}
	fmt.Fprintf(env.out, "listens at %s for %s, or until %d connections of %s; those of others are closed unheard\n", strings.Join(at, ", "), c.Time, c.Connections, strings.Join(o.Addresses, ", "))
	var shown []string
	if o.Control != nil {
		shown = append(shown, peer.Control.Words())
	}
	for _, k := range peer.UntrustedCases() {
		shown = append(shown, k.Words())
	}
	if o.Laboratory != nil {
		shown = append(shown, peer.Laboratory.Words())
	}
	if o.Control != nil {
		for _, k := range peer.WrongCases() {
			shown = append(shown, k.Words())
		}
	}
	fmt.Fprintf(env.out, "shows each client for each name, one after the other, a certificate %s\n", strings.Join(shown, "; "))
	fmt.Fprintln(env.out, "sends nothing but its part of a TLS handshake, and calls nobody")
}

// maxPEMFile is the most that is read of a file with certificates or a key.
const maxPEMFile = 1 << 20

func pemFiles(names ...string) ([][]byte, error) {
	var out [][]byte
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(io.LimitReader(f, maxPEMFile+1))
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		if len(data) > maxPEMFile {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: "is too long for certificates or a key", Do: "give a PEM file"}
		}
		out = append(out, data)
	}
	return out, nil
}

func listenProblem(err error) error {
	switch {
	case errors.Is(err, peer.ErrAddress):
		return &assay.Problem{Kind: assay.ErrRefused, What: err.Error()}
	case errors.Is(err, fs.ErrPermission):
		return &assay.Problem{Kind: assay.ErrInvalid, What: err.Error(), Do: "listen at ports from 1024 on and lead the others there by a rule of the gateway, or run as one who may"}
	}
	return err
}
