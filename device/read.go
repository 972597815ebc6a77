package device

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Bounds of a record that is read.
const (
	maxRecord   = 64 << 20 // bytes
	maxServices = 1000
	maxAttempts = 10_000
)

// ErrRecord says that a file is not a record, or not one that was written whole.
var ErrRecord = errors.New("not a device record")

// ReadRecord reads what a session wrote. It refuses what no session writes, so
// that a check may rely on its form.
func ReadRecord(in io.Reader) (*Record, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxRecord+1))
	if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	if len(data) > maxRecord {
		return nil, fmt.Errorf("%w: more than %d MiB", ErrRecord, maxRecord>>20)
	}
	var r Record
	if err := json.Unmarshal(data, &r); err != nil { // of which nothing may be left over
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return &r, r.check()
}

func (r *Record) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrRecord, fmt.Sprintf(format, args...))
	}
	switch {
	case r.Format != Format:
		return bad("it begins with %q, not %q", printable([]byte(r.Format), 40), Format)
	case !r.Address.IsValid():
		return bad("it names no address")
	case r.State != "" && r.State != BeforeSetup && r.State != AfterSetup:
		return bad("the state %q is not known", printable([]byte(r.State), 40))
	case len(r.Services) > maxServices || len(r.Ways) > maxServices:
		return bad("more than %d services", maxServices)
	case r.Whole != (len(r.Cut) == 0):
		return bad("it says both that it is whole and that something was cut")
	}
	for i := range r.Services {
		v := &r.Services[i]
		if v.Network != "tcp" && v.Network != "udp" || v.Port < 1 || v.Port > maxPort || !plainWord(v.Protocol) {
			return bad("service %d stands at no port", i+1)
		}
	}
	for i := range r.Ways {
		w := &r.Ways[i]
		if !slices.ContainsFunc(r.Services, func(v Service) bool { return v.Network == w.Network && v.Port == w.Port }) || !plainWord(w.Protocol) || !plainWord(w.Method) {
			return bad("way in %d leads to no service", i+1)
		}
		if len(w.Unit)+len(w.Set)+len(w.Tried) > maxAttempts {
			return bad("way in %d has more than %d log-ins", i+1, maxAttempts)
		}
	}
	return nil
}

// plainWord reports a name of a protocol or method as sessions write it.
func plainWord(s string) bool {
	return s != "" && len(s) <= 40 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789+-") == ""
}

// Neighbour is a device that stands in the neighbour table.
type Neighbour struct {
	Address   netip.Addr
	MAC       string
	Interface string
}

// ParseNeighbours reads the neighbour table as Linux shows it in /proc/net/arp.
func ParseNeighbours(table []byte) []Neighbour {
	var out []Neighbour
	for i, l := range bytes.Split(table, []byte("\n")) {
		f := strings.Fields(string(l))
		if i == 0 || len(f) < 6 || len(out) >= 10_000 {
			continue
		}
		a, err := netip.ParseAddr(f[0])
		mac, err2 := net.ParseMAC(f[3])
		if err == nil && err2 == nil && f[3] != "00:00:00:00:00:00" {
			out = append(out, Neighbour{a, mac.String(), printable([]byte(f[5]), 20)})
		}
	}
	return out
}
