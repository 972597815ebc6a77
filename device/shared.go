package device

import "fmt"

// Shared is something that two units have in common and must not.
type Shared struct {
	What string `json:"what"` // "SSH host key", "TLS key", "certificate", "default password", "unit password"
	At   string `json:"at"`   // where, in both: "tcp/22 of A, tcp/22 of B"
	Note string `json:"note"`
	Key  string `json:"key,omitempty"` // the fingerprint, where it is public
	A, B int    `json:"-"`             // ports
}

// What two units can share.
const (
	SharedHostKey     = "SSH host key"
	SharedTLSKey      = "TLS key"
	SharedCertificate = "certificate"
	SharedDefault     = "default password"
)

// SameUnit gives the reason to take two records for one and the same unit; "" where
// nothing speaks for it.
func SameUnit(a, b *Record) string {
	switch {
	case a.MAC != "" && a.MAC == b.MAC:
		return "both addresses have the hardware address " + a.MAC
	case a.MAC != "" && b.MAC != "" && (a.Unit == "" || a.Unit != b.Unit): // one after the other at the same address
		return ""
	case a.Address == b.Address:
		return "both were made at " + a.Address.String()
	case a.Unit != "" && a.Unit == b.Unit:
		return "both are called " + a.Unit
	}
	return ""
}

// TwoUnits reports whether two records are of two units because a person said so:
// by naming both addresses in one run, or by calling them differently. Two records
// of one unit, before and after set-up, are not told apart by their addresses.
func TwoUnits(a, b *Record) bool {
	return SameUnit(a, b) == "" && (a.Run != "" && a.Run == b.Run || a.Unit != "" && b.Unit != "")
}

// Compare finds what two units share; nothing where they are not said to be two.
func Compare(a, b *Record) []Shared {
	if !TwoUnits(a, b) {
		return nil
	}
	var out []Shared
	add := func(what, key, note string, v, w *Service) {
		out = append(out, Shared{What: what, At: v.key() + " of " + a.Address.String() + ", " + w.key() + " of " + b.Address.String(), Note: note, Key: key, A: v.Port, B: w.Port})
	}
	seen := map[string]bool{}
	for i := range a.Services {
		for j := range b.Services {
			v, w := &a.Services[i], &b.Services[j]
			if v.HostKey != "" && v.HostKey == w.HostKey && !seen[v.HostKey] {
				seen[v.HostKey] = true
				add(SharedHostKey, v.HostKey, "both prove themselves with the same private key", v, w)
			}
			if v.TLS == nil || w.TLS == nil {
				continue
			}
			if k := v.TLS.Key; k != "" && k == w.TLS.Key && !seen["key"+k] {
				seen["key"+k] = true
				add(SharedTLSKey, k, "both prove themselves with the same private key", v, w)
			}
			x, y := v.TLS.Certificate, w.TLS.Certificate
			if x != nil && y != nil && x.Digest == y.Digest && !seen["cert"+x.Digest] {
				seen["cert"+x.Digest] = true
				add(SharedCertificate, x.Digest, "both show the same certificate", v, w)
			}
		}
	}
	for i := range a.Ways {
		for j := range b.Ways {
			v, w := &a.Ways[i], &b.Ways[j]
			if v.Protocol != w.Protocol || v.Method != w.Method || v.Port != w.Port {
				continue
			}
			x, y := v.AcceptedDefault(), w.AcceptedDefault()
			if x != nil && y != nil && x.User == y.User && x.Password == y.Password {
				out = append(out, Shared{What: SharedDefault, At: fmt.Sprintf("%s/%d of both", v.Network, v.Port), Note: "both accept the same published default for user " + x.User, A: v.Port, B: w.Port})
			}
		}
	}
	return out
}
