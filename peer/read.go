package peer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
)

// ErrRecord says that a file is not a record, or not one that was written whole.
var ErrRecord = errors.New("not a record of calls")

// Bounds of a record that is read.
const (
	maxRecord = 32 << 20 // bytes
	maxText   = 1000     // of one word of it
)

// ReadRecord reads what a session wrote. It refuses what no session writes, so that a
// check may rely on its form.
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
		return bad("it begins with %q, not %q", printable(r.Format, 40), Format)
	case strings.TrimSpace(r.Setup) == "":
		return bad("it does not say how traffic was led there")
	case len(r.Device) == 0:
		return bad("it does not say by which address the device is known")
	case len(r.Connections) > MaxConnections || len(r.Others) > maxOthers || len(r.Cut) > maxCut:
		return bad("more connections than one session hears")
	}
	addresses := r.addresses()
	for i := range r.Connections {
		if err := r.Connections[i].check(r.Control != "", r.Laboratory != ""); err != nil {
			return bad("connection %d: %v", i+1, err)
		}
		if from := r.Connections[i].From.Addr().Unmap().WithZone(""); len(addresses) > 0 && !slices.Contains(addresses, from) {
			return bad("connection %d: it comes from %s, which is no address of the device", i+1, from)
		}
	}
	return nil
}

// addresses are the IP addresses by which the device is known; none where a hardware
// address is too, since it may have had other IP addresses then.
func (r *Record) addresses() (out []netip.Addr) {
	for _, text := range r.Device {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return nil
		}
		out = append(out, a.Unmap().WithZone(""))
	}
	return out
}

// check holds what a connection says of itself together: an outcome that counts must
// follow from the rest.
func (x *Connection) check(control, laboratory bool) error {
	tls := x.Case != ""
	switch {
	case !x.From.IsValid() || !x.To.IsValid():
		return errors.New("it leads from nowhere or to nowhere")
	case x.Name != "" && !PlainName(x.Name):
		return fmt.Errorf("%q is the name of no server", printable(x.Name, 60))
	case tls && x.Case.Words() == "":
		return fmt.Errorf("the case %q is not known", printable(string(x.Case), 40))
	case x.Case == Laboratory && !laboratory, !control && x.Case.authority():
		return fmt.Errorf("there was nothing to make a certificate (%s) with", x.Case)
	case x.Offer != Best && x.Offer != OnlyTLS11 && x.Offer != OnlyTLS10 && x.Offer != OnlyWeak:
		return fmt.Errorf("the offer %q is not known", printable(string(x.Offer), 40))
	case len(x.Why) > maxText || len(x.Caller) > maxText || len(x.JA4) > maxText || x.Alert < 0 || x.Alert > 255:
		return errors.New("it says more than a session writes")
	case x.Finished && !x.Shown, x.Finished && x.Version == "":
		return errors.New("a handshake was ended in which no certificate was shown")
	}
	if h := x.Heard; h != nil && (len(h.Kind) > maxText || len(h.Line) > maxText || len(h.Secret) > maxText) {
		return errors.New("it says more than a session writes")
	}
	holds := map[Outcome]bool{
		Accepted: tls && x.Finished && x.Alert == 0,
		Refused:  tls && x.Shown && slices.Contains(certificateAlerts, x.Alert),
		Broke:    tls && x.Shown && !x.Finished,
		Left:     tls && x.Finished && x.Heard == nil,
		NoShow:   !x.Shown,
		Stalled:  true,
		Clear:    !tls && x.Heard != nil && !x.Shown,
		Silent:   !tls && x.Heard == nil && !x.Shown,
	}
	if !holds[x.Outcome] {
		return fmt.Errorf("the outcome %q does not follow from what is said beside", printable(string(x.Outcome), 40))
	}
	return nil
}

// authority reports a case that an authority must sign that the device trusts.
func (c Case) authority() bool {
	switch c {
	case Control, WrongName, Expired, NotYetValid, WrongUse, NoAuthority:
		return true
	}
	return false
}
