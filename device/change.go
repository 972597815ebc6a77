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
	Control Outcome `json:"control"` // a random password
	Old     Outcome `json:"old"`     // the password before
	New     Outcome `json:"new"`     // the password after
	Simple  Answer  `json:"simple,omitempty"`
	Why     string  `json:"why,omitempty"`

	Weak      Outcome `json:"weak,omitempty"`       // a weak one that the person tried to set, after that
	WeakValue string  `json:"weak_value,omitempty"` // which stands in public lists
	Taken     Answer  `json:"taken,omitempty"`      // what the person says: whether the device took the weak one
	Still     Outcome `json:"still,omitempty"`      // the new password, after that
}

// Held reports that the change took effect: the new password is accepted, the old
// and a random one are refused.
func (c *Changed) Held() bool { return c.Control == Refused && c.Old == Refused && c.New == Accepted }

// TookWeak reports that the weak password lets in, while a random one does not.
func (c *Changed) TookWeak() bool { return c.Control == Refused && c.Weak == Accepted }

// RefusedWeak reports that the device would not set the weak password: so the person
// says, a log-in with it is refused, and the good one set before is still accepted.
func (c *Changed) RefusedWeak() bool {
	return c.Held() && c.Taken == No && c.Weak == Refused && c.Still == Accepted
}

// ErrNoWay says that the record has no way in of that kind at that port.
var ErrNoWay = errors.New("there is no way in that takes a password")

// Verify makes log-ins after a person changed a password at a port: with a random
// one, the old, the new. It is for web log-ins, basic, digest or by form, of a
// record made in this process. With weak it makes only that log-in, with a
// password that the device should have refused to set, and one with the new.
func Verify(ctx context.Context, s *Session, r *Record, port int, user string, old, new, weak *string) (*Changed, error) {
	var pick *door
	for i := range r.Services {
		v := &r.Services[i]
		if v.Port != port || v.seen == nil || v.Protocol != "http" && v.Protocol != "https" {
			continue
		}
		for _, d := range v.seen.doors { // one that was seen to refuse before one of which nothing is known
			if d.try != nil && d.way.Protocol != "onvif" && (pick == nil || pick.way.Control != Refused && d.way.Control == Refused) {
				pick = d
			}
		}
	}
	if pick == nil {
		return nil, fmt.Errorf("port %d: %w", port, ErrNoWay)
	}
	return s.verify(ctx, r, pick, user, old, new, weak), nil
}

func (s *Session) verify(ctx context.Context, r *Record, d *door, user string, old, new, weak *string) *Changed {
	t := &trial{l: &logins{s: s}, d: d}
	at := 0
	for ; at < len(r.Ways) && (r.Ways[at].Port != d.way.Port || r.Ways[at].Method != d.way.Method || r.Ways[at].Where != d.way.Where); at++ {
	}
	out := &Changed{User: user}
	if at < len(r.Ways) {
		if r.Ways[at].Changed != nil {
			out = r.Ways[at].Changed
		}
		r.Ways[at].Changed = out
	}
	type login struct {
		password *string
		into     *Outcome
		probe    string
	}
	random := s.random()
	logins := []login{{&random, &out.Control, "log-in with a random password"}, {old, &out.Old, "log-in with the old password"}, {new, &out.New, "log-in with the new password"}}
	if weak != nil {
		out.WeakValue = *weak
		logins = []login{{weak, &out.Weak, "log-in with the weak password"}, {new, &out.Still, "log-in with the new password"}}
	}
	for _, x := range logins {
		if x.password == nil {
			continue
		}
		c := &credential{user, *x.password}
		o, reason, err := t.attempt(ctx, x.probe, c)
		if o.in() && x.into != &out.Control {
			o, reason, err = t.again(ctx, c, o, reason)
		}
		*x.into = o
		if err != nil {
			out.Why = reason
			break
		}
	}
	s.finish(r)
	return out
}
