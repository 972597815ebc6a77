package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/capture"
	"github.com/assay-psti/assay/check/traffic"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/report"
)

type captureCommand struct {
	Files   []string `arg:"" help:"Captures of the same network: pcap or pcapng, plain, gzip or zstd; - is standard input." placeholder:"FILE"`
	Device  []string `help:"The device's hardware or IP addresses: all are taken to be one device." placeholder:"ADDRESS"`
	Dossier string   `help:"Keep the captures and what was read in them as evidence in this dossier; its units are looked for." placeholder:"DIR"`
	Unit    string   `help:"With --dossier: the unit of product.yaml that --device is." placeholder:"NAME"`
	By      string   `help:"With --dossier: who says that --device is the unit that was tested. (Or set ASSAY_BY.)"`
	All     bool     `help:"Show everything, however long."`
	Show    bool     `help:"Show passwords and tokens in the clear."`
	JSON    bool     `name:"json" help:"Machine form."`
}

// Run reads captures, says what they show of the device and keeps them where that
// was asked.
func (c *captureCommand) Run(ctx context.Context, env *environment) error {
	out := report.Capture{}
	var d *dossier.Dossier
	if c.Dossier != "" {
		var err error
		if d, err = dossier.Open(ctx, c.Dossier); err != nil {
			return err
		}
		defer d.Close()
	}
	wanted, err := c.devices(d)
	if err != nil {
		return err
	}
	o := capture.Options{}
	for _, w := range wanted {
		o.Devices = append(o.Devices, w.addresses...)
	}
	p := progress{environment: env}
	size := int64(0)
	o.Progress = func(n int64) {
		line := fmt.Sprintf("read %d MB", n>>20)
		if size > 0 {
			line += fmt.Sprintf(", %d%%", 100*n/size)
		}
		p.line(line)
	}
	a := capture.New(o)
	var kept []assay.Reference
	for _, name := range c.Files {
		ref, err := c.take(ctx, env, d, a, name, &size)
		if err != nil {
			p.clear()
			return err
		}
		if d != nil {
			kept = append(kept, ref)
		}
	}
	p.clear()
	r := a.Result()
	out.Files, out.Bounds = r.Files, r.Bounds
	for _, w := range wanted {
		d, err := r.Device(w.addresses...)
		if err != nil {
			return badAddress(w.name, err)
		}
		out.Devices = append(out.Devices, report.CapturedDevice{Unit: w.name, Device: d})
	}
	if len(wanted) == 0 {
		out.Hosts = r.Hosts
		for _, h := range r.Suspects() {
			out.Suspects = append(out.Suspects, cmp.Or(h.MAC, h.Addresses[0].IP.String()))
		}
	}
	out.Judge()
	if d != nil {
		if err := c.record(ctx, env, d, &out, wanted, kept); err != nil {
			return err
		}
	}
	if c.Show { // after the record was written, which keeps no secrets
		for _, d := range out.Devices {
			d.Reveal()
		}
	}
	setStatus(env, out.Verdict)
	if c.JSON {
		return env.json(out)
	}
	return report.CaptureText(env.out, &out, report.FirmwareOptions{TextOptions: report.TextOptions{Width: env.width, Colour: env.outTerm}, All: c.All})
}

func badAddress(where string, err error) error {
	return &assay.Problem{Kind: assay.ErrInvalid, Where: where, What: err.Error(), Do: "write an address such as 192.168.8.20 or 02:00:5e:10:00:01"}
}

// wantedDevice is a device that is looked for.
type wantedDevice struct {
	name      string // of the unit in the dossier; "" for one of the command line
	addresses []string
	said      []string // of these, those of the command line
}

// devices are those of the command line and of the dossier. What --unit names is both.
func (c *captureCommand) devices(d *dossier.Dossier) ([]wantedDevice, error) {
	var all []wantedDevice
	for _, a := range c.Device { // before anything is kept under it
		if _, err := netip.ParseAddr(strings.TrimSpace(a)); err != nil && !capture.HardwareAddress(a) {
			return nil, badAddress("", fmt.Errorf("%q is neither a hardware address nor an IP address", a))
		}
	}
	if len(c.Device) > 0 && c.Unit == "" {
		all = append(all, wantedDevice{addresses: c.Device, said: c.Device})
	}
	if d == nil || c.Unit != "" && len(c.Device) == 0 {
		if c.Unit != "" {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: "--unit", What: "says which unit of a dossier --device is", Do: "give --dossier and --device with it"}
		}
		return all, nil
	}
	listed := false
	for _, u := range d.Product.Units {
		w := wantedDevice{name: u.ID}
		if u.MAC != "" {
			w.addresses = append(w.addresses, u.MAC)
		}
		w.addresses = append(w.addresses, u.Addresses...)
		if u.ID == c.Unit {
			listed = true
			w.addresses, w.said = append(w.addresses, c.Device...), c.Device
		}
		if len(w.addresses) > 0 {
			all = append(all, w)
		}
	}
	if c.Unit != "" && !listed {
		return nil, &assay.Problem{Kind: assay.ErrNotFound, Where: "--unit " + c.Unit, What: "is not listed in product.yaml", Do: "list it under units:, or leave --unit out"}
	}
	if len(all) == 0 {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: filepath.Join(c.Dossier, "product.yaml"), What: "names no unit with an address", Do: "give --device, or list the units that were tested under units: with mac: or addresses:"}
	}
	return all, nil
}

// take reads one capture, and keeps it as it came where there is a dossier.
func (c *captureCommand) take(ctx context.Context, env *environment, d *dossier.Dossier, a *capture.Analysis, name string, size *int64) (ref assay.Reference, err error) {
	if d == nil {
		return ref, c.read(ctx, a, name, size, nil)
	}
	as := filepath.Base(name)
	if name == "-" {
		as = "capture-" + env.now().UTC().Format("20060102T150405Z") + ".pcap"
	}
	return d.KeepFrom(ctx, evidence.Captures, as, func(w io.Writer) error { return c.read(ctx, a, name, size, w) })
}

// record keeps which addresses were said to be of the device, and what was shown of
// it, so that the check of captures looks for them in these captures too.
func (c *captureCommand) record(ctx context.Context, env *environment, d *dossier.Dossier, out *report.Capture, wanted []wantedDevice, kept []assay.Reference) error {
	shown, err := json.Marshal(out)
	if err != nil {
		return err
	}
	r := traffic.Reading{Version: traffic.ReadingVersion, By: cmp.Or(c.By, env.user), At: env.now().UTC().Truncate(time.Second), Devices: []traffic.ReadDevice{}, Shown: shown}
	for _, ref := range kept {
		if i := (traffic.ReadCapture{Name: ref.Name, Digest: ref.Digest}); !slices.Contains(r.Captures, i) {
			r.Captures = append(r.Captures, i)
		}
	}
	for _, w := range wanted {
		if len(w.said) > 0 {
			r.Devices = append(r.Devices, traffic.ReadDevice{Unit: w.name, Addresses: w.said})
		}
	}
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	ref, err := d.Keep(ctx, evidence.Captures, "reading-"+r.At.Format("20060102T150405Z")+".json", append(data, '\n'))
	if err != nil {
		return err
	}
	for _, k := range append(kept, ref) {
		out.Kept = append(out.Kept, filepath.ToSlash(filepath.Join(c.Dossier, "evidence", k.Name)))
	}
	return nil
}

// maxKeptRest bounds what is kept of a capture behind a damage, in bytes.
const maxKeptRest = 16 << 30

func (c *captureCommand) read(ctx context.Context, a *capture.Analysis, name string, size *int64, keep io.Writer) error {
	f := os.Stdin
	if name != "-" {
		var err error
		if f, err = os.Open(name); err != nil {
			return &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: "cannot be read", Err: errors.Unwrap(err), Do: "give a capture"}
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil || info.IsDir() {
			return &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: "is not a file", Do: "give a capture"}
		}
		*size = info.Size()
	}
	var from io.Reader = f
	if keep != nil {
		from = io.TeeReader(f, keep)
	}
	_, err := a.Read(ctx, filepath.Base(name), from)
	if err == nil && keep != nil { // what lies behind a damage is kept too
		rest, err := io.Copy(keep, io.LimitReader(f, maxKeptRest))
		if err != nil {
			return fmt.Errorf("keep %s: %w", name, err)
		}
		if rest == maxKeptRest {
			return &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: fmt.Sprintf("goes on for more than %d GiB behind what can be read", rest>>30), Do: "keep the part of it that is a capture"}
		}
	}
	if err != nil && ctx.Err() == nil {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: err.Error(), Do: "record one with: tcpdump -w FILE"}
	}
	return err
}
