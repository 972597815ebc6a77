package device

import (
	"context"
	"errors"
	"fmt"
)

// Changed is what became of log-ins after a person changed a password. The person
// changes it; only log-ins are made here.
type Changed struct {
	User    string  `json:"user"`
	Control Outcome `json:"control"`        // a random password
	Old     Outcome `json:"old"`            // the password before
	New     Outcome `json:"new"`            // the password after
	Weak    Outcome `json:"weak,omitempty"` // a weak one that the person tried to set, after that
	Why     string  `json:"why,omitempty"`
}

// Held reports that the change took effect: the new password is accepted, the old
// and a random one are refused.
func (c *Changed) Held() bool { return c.Control == Refused && c.Old == Refused && c.New == Accepted }

// ErrNoWay says that the record has no way in of that kind at that port.
var ErrNoWay = errors.New("there is no way in that takes a password")

// Verify makes log-ins after a person changed a password at a port: with a random
// one, the old, the new. It is for web log-ins, basic, digest or by form, of a
// record made in this process. With weak it makes only that log-in, with a
// password that the device should have refused to set.
func Verify(ctx context.Context, s *Session, r *Record, port int, user string, old, new, weak *string) (*Changed, error) {
	for i := range r.Services {
		v := &r.Services[i]
		if v.Port != port || v.seen == nil || v.Protocol != "http" && v.Protocol != "https" {
			continue
		}
		for _, d := range s.webDoors(v) {
			if d.try == nil || d.way.Protocol == "onvif" {
				continue
			}
			return s.verify(ctx, r, d, user, old, new, weak), nil
		}
	}
	return nil, fmt.Errorf("port %d: %w", port, ErrNoWay)
}

func (s *Session) verify(ctx context.Context, r *Record, d *door, user string, old, new, weak *string) *Changed {
	t := &trial{l: &logins{s: s}, d: d}
	at := 0
	for ; at < len(r.Ways) && (r.Ways[at].Port != d.way.Port || r.Ways[at].Method != d.way.Method); at++ {
	}
	out := &Changed{User: user}
	if at < len(r.Ways) {
		if r.Ways[at].Changed != nil {
			out = r.Ways[at].Changed
		}
		r.Ways[at].Changed = out
	}
	random := s.random()
	for _, x := range []struct {
		password *string
		into     *Outcome
		probe    string
	}{{&random, &out.Control, "log-in with a random password"}, {old, &out.Old, "log-in with the old password"}, {new, &out.New, "log-in with the new password"}, {weak, &out.Weak, "log-in with the weak password"}} {
		if x.password == nil {
			continue
		}
		o, reason, err := t.attempt(ctx, x.probe, &credential{user, *x.password})
		*x.into = o
		if err != nil {
			out.Why = reason
			break
		}
	}
	s.finish(r)
	return out
}
