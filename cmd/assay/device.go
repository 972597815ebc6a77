package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/device"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/password"
	"github.com/assay-psti/assay/report"
)

type deviceCommand struct {
	Address   []string `arg:"" optional:"" help:"Addresses of units on the bench; two or more are taken for different units, which are compared."`
	Interface string   `help:"Find devices on this network interface by mDNS, SSDP, WS-Discovery and the neighbour table." placeholder:"NAME"`
	Dossier   string   `help:"Keep the records as evidence in this dossier; make, model, interfaces and names of units are taken from it." placeholder:"DIR"`
	DryRun    bool     `help:"Say what would be sent, and send nothing."`
	JSON      bool     `name:"json" help:"Machine form on standard output, transcript included."`

	State string   `help:"before-setup: as it left the factory or after a factory reset; after-setup: set up as its instructions say." enum:"before-setup,after-setup," default:"" placeholder:"STATE"`
	Unit  []string `help:"What to call the units, in the order of the addresses (default: as the dossier lists them)." placeholder:"NAME"`
	Make  string   `help:"The brand; its published defaults are tried first."`
	Model string   `help:"The type designation."`

	UnitPassword     bool     `help:"Ask for the password that is printed for the unit (or set ASSAY_UNIT_PASSWORD), and try it."`
	UnitPasswordFile string   `help:"Read it from the first line of this file." placeholder:"FILE" type:"existingfile"`
	SetPassword      bool     `help:"After set-up: ask for the password that was set (or set ASSAY_SET_PASSWORD), and try it."`
	SetPasswordFile  string   `help:"Read it from the first line of this file." placeholder:"FILE" type:"existingfile"`
	User             []string `help:"User names that go with these passwords (default: admin, root)." placeholder:"NAME"`
	Batch            string   `help:"A list of a batch's passwords, to look for the unit's own in it." placeholder:"FILE"`

	Ports    string `help:"TCP ports (default: all)." placeholder:"1-1024,8080"`
	UDP      string `name:"udp" help:"UDP ports to ask in every protocol that is known, besides the usual ones." placeholder:"PORTS"`
	NoUDP    bool   `name:"no-udp" help:"Ask nothing over UDP."`
	SweepUDP bool   `name:"sweep-udp" help:"Find open UDP ports among all, where the device says which are closed."`
	NoLogins bool   `help:"Try no log-ins."`
	SSH      string `name:"ssh-passwords" help:"Try passwords over SSH: yes, no, or auto: not on this machine itself, whose own accounts they would be." enum:"yes,no,auto" default:"auto"`

	Guessing       bool `help:"Test resistance to guessing by a series of wrong log-ins. It may lock the unit."`
	Guesses        int  `help:"With --guessing: how many." default:"12"`
	GuessPort      int  `help:"With --guessing: at this port alone." placeholder:"PORT"`
	ConfirmChanges bool `help:"Ask a person to change the password at a web log-in, and look what became of it."`

	Rate  int           `help:"Connections and datagrams a second." default:"4000"`
	Tries int           `help:"Published defaults to try at each way in." default:"8"`
	Pace  time.Duration `help:"Between two log-ins at one way in." default:"250ms"`
	Time  time.Duration `help:"For the whole session." default:"20m"`

	AuthorisedBy string `name:"authorised-by" help:"Who allowed speaking to an address that is not on this machine, link-local or private; it is recorded." placeholder:"NAME"`

	units []dossier.Unit `kong:"-"` // that the dossier lists
}

// Bounds of what a person may ask for.
const (
	maxUnits   = 16
	maxTries   = 30
	maxGuesses = 200
)

// Run looks at the units one after the other, compares them and keeps the records.
func (c *deviceCommand) Run(ctx context.Context, env *environment) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Interface != "" {
		return c.discover(ctx, env)
	}
	addresses, err := c.addresses(ctx)
	if err != nil {
		return err
	}
	work, err := c.work(ctx, env, addresses)
	if err != nil {
		return err
	}
	if c.DryRun {
		return c.plan(env, addresses, work)
	}
	bench := &report.Bench{Shared: []device.Shared{}}
	for i, a := range addresses {
		r, err := c.unit(ctx, env, a, work, i)
		if err != nil {
			return err
		}
		bench.Devices = append(bench.Devices, r)
	}
	for i, a := range bench.Devices {
		for _, b := range bench.Devices[i+1:] {
			bench.Shared = append(bench.Shared, device.Compare(a, b)...)
		}
	}
	if c.Batch != "" {
		if bench.Batch, err = matchBatch(ctx, c.Batch, work.Unit); err != nil {
			return err
		}
	}
	if err := c.keep(env, bench); err != nil {
		return err
	}
	env.status = exitInconclusive // what was not found may be there: no session shows that a requirement is met
	if bench.Finding() {
		env.status = exitFail
	}
	if c.JSON {
		return env.json(bench)
	}
	return report.Device(env.out, bench, report.TextOptions{Width: env.width, Colour: env.outTerm})
}

func (c *deviceCommand) check() error {
	bad := func(what, do string) error { return &assay.Problem{Kind: assay.ErrInvalid, What: what, Do: do} }
	switch {
	case len(c.Address) == 0 && c.Interface == "":
		return bad("no device is named", "give its address, or --interface to find it")
	case len(c.Address) > 0 && c.Interface != "":
		return bad("--interface finds devices and takes no address", "leave one of them out")
	case len(c.Address) > maxUnits:
		return bad(fmt.Sprintf("more than %d units", maxUnits), "look at fewer at a time")
	case len(c.Unit) > 0 && len(c.Unit) != len(c.Address):
		return bad("there are not as many --unit as addresses", "name each unit or none")
	case c.Tries < 0 || c.Tries > maxTries:
		return bad(fmt.Sprintf("--tries %d is out of bounds", c.Tries), fmt.Sprintf("give 0 to %d", maxTries))
	case c.Guessing && (c.Guesses < 1 || c.Guesses > maxGuesses):
		return bad(fmt.Sprintf("--guesses %d is out of bounds", c.Guesses), fmt.Sprintf("give 1 to %d", maxGuesses))
	case c.Guessing && c.NoLogins, c.ConfirmChanges && c.NoLogins:
		return bad("--no-logins leaves nothing to test log-ins with", "leave it out")
	case c.ConfirmChanges && len(c.Address) > 1:
		return bad("--confirm-changes is for one unit", "give one address")
	case c.Rate < 1 || c.Pace < 0 || c.Time <= 0:
		return bad("--rate, --pace and --time want to be more than nothing", "leave them out for the usual ones")
	}
	return nil
}

// addresses resolves names once, and refuses what may not be spoken to.
func (c *deviceCommand) addresses(ctx context.Context) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, text := range c.Address {
		a, err := netip.ParseAddr(text)
		if err != nil {
			found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", text)
			if err != nil || len(found) == 0 {
				return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: text, What: "is neither an address nor a name that is known", Do: "give the device's IP address"}
			}
			a = found[0]
		}
		if err := device.Allowed(a, c.AuthorisedBy); err != nil {
			return nil, &assay.Problem{Kind: assay.ErrRefused, Where: text, What: err.Error(), Do: "name who allows it with --authorised-by"}
		}
		out = append(out, a.Unmap())
	}
	return out, nil
}

// work is what is to be looked at, the same for every unit.
func (c *deviceCommand) work(ctx context.Context, env *environment, addresses []netip.Addr) (*device.Work, error) {
	w := &device.Work{Sweep: c.SweepUDP, NoUDP: c.NoUDP, Logins: !c.NoLogins, SSHPasswords: c.SSH == "yes", Make: c.Make, Model: c.Model, State: device.State(c.State), By: env.user}
	if c.SSH == "auto" {
		for _, a := range addresses {
			w.SSHPasswords = w.SSHPasswords || !a.IsLoopback()
		}
	}
	var err error
	if w.TCP, err = device.ParsePorts(c.Ports); err != nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--ports", What: err.Error()}
	}
	if c.UDP != "" {
		if w.UDP, err = device.ParsePorts(c.UDP); err != nil {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--udp", What: err.Error()}
		}
	}
	if c.Guessing {
		w.Guesses, w.GuessPort = c.Guesses, c.GuessPort
	}
	if c.Tries > 0 {
		for _, d := range password.Defaults() {
			w.Published = append(w.Published, device.Default{User: d.User, Password: d.Password, Source: d.Source, Date: d.Date})
		}
		w.Published = append(append(w.Published, device.Communities()...), device.SNMPUsers()...)
	}
	if err := c.fromDossier(ctx, w); err != nil {
		return nil, err
	}
	if c.DryRun {
		return w, nil
	}
	if w.Unit, err = c.secret(env, c.UnitPassword, c.UnitPasswordFile, "ASSAY_UNIT_PASSWORD", "Password that is printed for the unit: "); err != nil {
		return nil, err
	}
	if w.Set, err = c.secret(env, c.SetPassword, c.SetPasswordFile, "ASSAY_SET_PASSWORD", "Password that was set: "); err != nil {
		return nil, err
	}
	if w.Set != nil && w.State != device.AfterSetup {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, What: "a password that was set is of a unit that was set up", Do: "add --state after-setup"}
	}
	if c.Batch != "" && w.Unit == nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--batch", What: "there is no password of the unit to look for in it", Do: "add --unit-password"}
	}
	if len(addresses) > 1 {
		var b [8]byte
		if _, err := rand.Read(b[:]); err != nil {
			return nil, err
		}
		w.Run = hex.EncodeToString(b[:])
	}
	return w, nil
}

// fromDossier takes make, model and the UDP ports of interfaces from the dossier.
func (c *deviceCommand) fromDossier(ctx context.Context, w *device.Work) error {
	if c.Dossier == "" {
		return nil
	}
	d, err := dossier.Load(ctx, c.Dossier)
	if err != nil {
		return err
	}
	defer d.Close()
	c.units = d.Product.Units
	w.Make = cmp.Or(w.Make, d.Product.Make)
	if w.Model == "" && len(d.Product.Models) == 1 {
		w.Model = d.Product.Models[0]
	}
	for _, n := range d.Product.Interfaces {
		switch strings.ToLower(n.Protocol) {
		case "coap", "coaps", "dtls", "snmp", "dns", "mdns", "ssdp", "upnp", "ntp", "tftp", "ws-discovery":
			if n.Port > 0 {
				w.UDP = append(w.UDP, int(n.Port))
			}
		}
	}
	return nil
}

func (c *deviceCommand) plan(env *environment, addresses []netip.Addr, w *device.Work) error {
	for _, a := range addresses {
		s, err := device.New(a, c.options(env, nil))
		if err != nil {
			return err
		}
		for _, l := range device.Plan(s, w) {
			fmt.Fprintln(env.out, l)
		}
	}
	return nil
}

func (c *deviceCommand) options(env *environment, progress func(string)) device.Options {
	return device.Options{AuthorisedBy: c.AuthorisedBy, Clock: wallClock{env.now}, Progress: progress,
		Limits: device.Limits{Rate: c.Rate, Tries: max(1, c.Tries), Pace: max(time.Millisecond, c.Pace), Time: c.Time}}
}

// wallClock is the machine's clock.
type wallClock struct{ now func() time.Time }

func (w wallClock) Now() time.Time { return w.now() }

func (wallClock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unit looks at one unit.
func (c *deviceCommand) unit(ctx context.Context, env *environment, a netip.Addr, work *device.Work, i int) (*device.Record, error) {
	p := progress{environment: env}
	var mu sync.Mutex // guards the line that is shown
	s, err := device.New(a, c.options(env, func(text string) {
		mu.Lock()
		defer mu.Unlock()
		p.line(a.String() + ": " + text)
	}))
	if err != nil {
		return nil, err
	}
	w := *work
	if len(c.Unit) > 0 {
		w.Label = c.Unit[i]
	}
	r, err := device.Inspect(ctx, s, &w)
	p.clear()
	if err != nil {
		return nil, unitProblem(a, err)
	}
	r.MAC = device.MACOf(a)
	r.Unit = cmp.Or(r.Unit, unitOf(c.units, r))
	if c.ConfirmChanges && ctx.Err() == nil {
		if err := confirmChanges(ctx, env, s, r); err != nil { // what was seen before is kept
			fmt.Fprintf(env.errOut, "assay: the change of password was not looked at to the end: %v\n", err)
		}
	}
	return r, nil
}

// unitOf is the name of the unit that the dossier lists with the hardware address of
// a record or, where one of the two is not known, with its IP address; "" is none.
func unitOf(units []dossier.Unit, r *device.Record) string {
	for _, u := range units {
		if u.MAC != "" && strings.EqualFold(u.MAC, r.MAC) {
			return u.ID
		}
	}
	for _, u := range units {
		for _, text := range u.Addresses {
			if a, err := netip.ParseAddr(text); err == nil && a.Unmap() == r.Address && (u.MAC == "" || r.MAC == "") {
				return u.ID
			}
		}
	}
	return ""
}

func unitProblem(a netip.Addr, err error) error {
	if errors.Is(err, device.ErrSilent) {
		return &assay.Problem{Kind: assay.ErrNotFound, Where: a.String(), What: "nothing answers at this address", Do: "see that the unit is switched on and on this network"}
	}
	return err
}

// keep writes the records into the dossier.
func (c *deviceCommand) keep(env *environment, b *report.Bench) error {
	if c.Dossier == "" {
		return nil
	}
	for i, r := range b.Devices {
		data, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			return err
		}
		stem := "session-" + r.Started.UTC().Format("20060102T150405Z")
		if len(b.Devices) > 1 {
			stem += fmt.Sprintf("-unit%d", i+1)
		}
		name, err := keepEvidence(c.Dossier, "evidence/device", stem, ".json", append(data, '\n'))
		if err != nil {
			return err
		}
		b.Kept = append(b.Kept, filepath.ToSlash(filepath.Join(c.Dossier, name)))
	}
	return nil
}

func (c *deviceCommand) discover(ctx context.Context, env *environment) error {
	iface, err := net.InterfaceByName(c.Interface)
	if err != nil {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: "--interface " + c.Interface, What: "there is no such network interface", Do: "see ip link for those there are"}
	}
	if c.DryRun {
		fmt.Fprintf(env.out, "on %s: one question each by mDNS (224.0.0.251:5353), SSDP and WS-Discovery (239.255.255.250:1900 and :3702); listening on UDP 6666 and 6667; reading the neighbour table\n", iface.Name)
		return nil
	}
	p := progress{environment: env}
	p.line("asking on " + iface.Name)
	found, notes, err := device.Discover(ctx, iface)
	p.clear()
	if err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Fprintln(env.errOut, "assay: "+n)
	}
	if c.JSON {
		if found == nil {
			found = []device.Found{}
		}
		return env.json(map[string]any{"interface": iface.Name, "found": found})
	}
	for _, f := range found {
		fmt.Fprintf(env.out, "%-16s %-18s %s: %s\n", f.Address, f.MAC, strings.Join(f.By, ", "), strings.Join(f.Says, "; "))
	}
	fmt.Fprintf(env.out, "%d found on %s. A device that keeps silent is not among them. Look at one with assay device ADDRESS.\n", len(found), iface.Name)
	return nil
}

// matchBatch looks for the unit's own password in the list of a batch.
func matchBatch(ctx context.Context, file string, unit *device.Secret) (*report.BatchMatch, error) {
	b, err := password.Open(file, nil)
	if err != nil {
		return nil, batchProblem(file, err)
	}
	m := &report.BatchMatch{File: filepath.Base(file)}
	m.Rows, m.Same, err = b.Count(ctx, unit.Password)
	return m, batchProblem(file, errors.Join(err, b.Close()))
}

// secretFile is the most that is read of a file that holds a password.
const secretFile = 4096

func readSecretFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	buf := make([]byte, secretFile)
	n, err := f.Read(buf)
	if err != nil {
		return "", &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: "holds no password", Do: "write it into the first line"}
	}
	first, _, _ := strings.Cut(string(buf[:n]), "\n")
	return strings.TrimSuffix(first, "\r"), nil
}
