package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/capture"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/report"
)

type captureCommand struct {
	Files   []string `arg:"" help:"Captures of the same network: pcap or pcapng, plain, gzip or zstd; - is standard input." placeholder:"FILE"`
	Device  []string `help:"The device's hardware or IP addresses: all are taken to be one device." placeholder:"ADDRESS"`
	Dossier string   `help:"A dossier whose units are looked for. To keep a capture as evidence, put it into its evidence/captures." placeholder:"DIR" type:"existingdir"`
	All     bool     `help:"Show everything, however long."`
	Show    bool     `help:"Show passwords and tokens in the clear."`
	JSON    bool     `name:"json" help:"Machine form."`
}

// Run reads captures and says what they show of the device.
func (c *captureCommand) Run(ctx context.Context, env *environment) error {
	out := report.Capture{}
	wanted, err := c.devices(ctx)
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
	for _, name := range c.Files {
		if err := c.read(ctx, a, name, &size); err != nil {
			p.clear()
			return err
		}
	}
	p.clear()
	r := a.Result()
	out.Files, out.Bounds = r.Files, r.Bounds
	for _, w := range wanted {
		d, err := r.Device(w.addresses...)
		if err != nil {
			return &assay.Problem{Kind: assay.ErrInvalid, Where: w.name, What: err.Error(), Do: "write an address such as 192.168.8.20 or 02:00:5e:10:00:01"}
		}
		if c.Show {
			d.Reveal()
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
	setStatus(env, out.Verdict)
	if c.JSON {
		return env.json(out)
	}
	return report.CaptureText(env.out, &out, report.FirmwareOptions{TextOptions: report.TextOptions{Width: env.width, Colour: env.outTerm}, All: c.All})
}

// wantedDevice is a device that is looked for.
type wantedDevice struct {
	name      string // of the unit in the dossier; "" for one of the command line
	addresses []string
}

func (c *captureCommand) devices(ctx context.Context) ([]wantedDevice, error) {
	var all []wantedDevice
	if len(c.Device) > 0 {
		all = append(all, wantedDevice{addresses: c.Device})
	}
	if c.Dossier == "" {
		return all, nil
	}
	d, err := dossier.Load(ctx, c.Dossier)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	found := false
	for _, u := range d.Product.Units {
		w := wantedDevice{name: u.ID, addresses: u.Addresses}
		if u.MAC != "" {
			w.addresses = append([]string{u.MAC}, u.Addresses...)
		}
		if len(w.addresses) > 0 {
			all, found = append(all, w), true
		}
	}
	if !found {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: filepath.Join(c.Dossier, "product.yaml"), What: "names no unit with an address", Do: "list the units that were tested under units: with mac: or addresses:"}
	}
	return all, nil
}

func (c *captureCommand) read(ctx context.Context, a *capture.Analysis, name string, size *int64) error {
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
	_, err := a.Read(ctx, filepath.Base(name), f)
	if err != nil && ctx.Err() == nil {
		return &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: err.Error(), Do: "record one with: tcpdump -w FILE"}
	}
	return err
}
