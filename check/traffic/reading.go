package traffic

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/capture"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/evidence"
)

// Reading is the record of a reading of captures that is kept beside them: which
// addresses somebody said are the unit's that was tested, and what was shown of it.
// The check takes the addresses from it for the captures that it names by digest,
// and looks at the captures itself.
type Reading struct {
	Version  int             `json:"assay_capture_reading"` // 1
	Captures []ReadCapture   `json:"captures"`
	Devices  []ReadDevice    `json:"devices"`
	By       string          `json:"by,omitempty"`
	At       time.Time       `json:"at"`
	Shown    json.RawMessage `json:"shown,omitempty"` // what the command said, without secrets
}

// ReadCapture is a capture as it was read.
type ReadCapture struct {
	Name   string       `json:"name"`
	Digest assay.Digest `json:"digest"`
}

// ReadDevice is a device that was looked for.
type ReadDevice struct {
	Unit      string   `json:"unit,omitempty"` // its name in product.yaml; "" is none that it lists
	Addresses []string `json:"addresses"`
}

// ReadingVersion is the version of the form of a Reading.
const ReadingVersion = 1

// Bounds of a reading.
const (
	maxReading   = 64 << 20
	maxReadUnits = 64
	maxAddresses = 64
)

// readings takes the records of readings out of the captures. What is called like
// one and is none stays among them, where it is said that it cannot be read.
func readings(pass *check.Pass, items []evidence.Item) (captures []evidence.Item, all []keptReading, err error) {
	for _, item := range items {
		if item.Folder || !strings.EqualFold(path.Ext(item.Name), ".json") {
			captures = append(captures, item)
			continue
		}
		f, err := pass.Open(item)
		if err != nil {
			return nil, nil, err
		}
		r, err := parseReading(f)
		f.Close()
		if err != nil {
			captures = append(captures, item)
			continue
		}
		all = append(all, keptReading{*r, item})
	}
	return captures, all, nil
}

type keptReading struct {
	Reading
	item evidence.Item
}

// parseReading reads a record and holds it to its bounds.
func parseReading(r io.Reader) (*Reading, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxReading+1))
	if err != nil {
		return nil, err
	}
	var out Reading
	if err := json.Unmarshal(data, &out); err != nil || len(data) > maxReading || out.Version != ReadingVersion || len(out.Devices) > maxReadUnits {
		return nil, fmt.Errorf("%w: no record of a reading", assay.ErrInvalid)
	}
	out.Shown = nil
	for _, d := range out.Devices {
		if len(d.Addresses) > maxAddresses || len(d.Unit) > 100 {
			return nil, fmt.Errorf("%w: no record of a reading", assay.ErrInvalid)
		}
		for _, a := range d.Addresses {
			if _, err := netip.ParseAddr(a); err != nil && !capture.HardwareAddress(a) {
				return nil, fmt.Errorf("%w: %q is no address", assay.ErrInvalid, a)
			}
		}
	}
	return &out, nil
}

// namedUnit is a unit to look for in one capture.
type namedUnit struct {
	check.Unit
	said []assay.Reference // the readings that some of its addresses come from
}

// unitsOf are the units to look for in a capture: those that product.yaml lists with
// an address, and those that a reading of this very capture names.
func unitsOf(item evidence.Item, listed []check.Unit, kept []keptReading) []namedUnit {
	var units []namedUnit
	for _, u := range listed {
		u.Addresses = slices.Clone(u.Addresses)
		units = append(units, namedUnit{Unit: u})
	}
	same := func(u *namedUnit, d ReadDevice) bool {
		if d.Unit != "" {
			return u.ID == d.Unit
		}
		return slices.ContainsFunc(d.Addresses, func(a string) bool {
			return slices.ContainsFunc(addresses(u.Unit), func(b string) bool { return strings.EqualFold(a, b) })
		})
	}
	for _, r := range kept {
		if !slices.ContainsFunc(r.Captures, func(c ReadCapture) bool { return c.Digest == item.Digest }) {
			continue
		}
		for _, d := range r.Devices {
			if len(d.Addresses) == 0 {
				continue
			}
			at := slices.IndexFunc(units, func(u namedUnit) bool { return same(&u, d) })
			if at < 0 {
				name := d.Unit
				if name == "" {
					name = d.Addresses[0]
				}
				at, units = len(units), append(units, namedUnit{Unit: check.Unit{ID: name}})
			}
			u := &units[at]
			news := false
			for _, a := range d.Addresses {
				if !slices.ContainsFunc(addresses(u.Unit), func(b string) bool { return strings.EqualFold(a, b) }) {
					u.Addresses, news = append(u.Addresses, a), true
				}
			}
			if ref := r.item.Reference("devices"); news && !slices.Contains(u.said, ref) {
				u.said = append(u.said, ref)
			}
		}
	}
	return slices.DeleteFunc(units, func(u namedUnit) bool { return len(addresses(u.Unit)) == 0 })
}
