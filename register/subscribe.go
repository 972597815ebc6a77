package register

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/assay-psti/assay"
)

// Alert is work: tell those who follow what became public in a range of the log.
type Alert struct {
	From  uint64 `json:"from"`
	Count int    `json:"count"`
	After int64  `json:"after,omitempty"` // subscriptions up to this one were told
}

func enqueueMail(ctx context.Context, w Writer, m Mail) error {
	payload, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return w.Enqueue(ctx, Work{WorkMail, payload})
}

// Anybody can give anybody's address: so it is asked about few things in a day, and
// about the same no more than once an hour.
const (
	maxUnconfirmed = 5
	askAgainAfter  = time.Hour
)

// Subscribe asks an address whether it wants to follow something. It follows once
// the link in that mail was used. Asking again for the same sends the link again, but
// not at once; and nothing is said of there being a subscription, or of what was sent.
func (s *Service) Subscribe(ctx context.Context, email string, t Target) error {
	email = strings.ToLower(strings.TrimSpace(email))
	if !Email(email) {
		return Faults{{Field: "email", What: "is not an address to write to", Do: "write it as name@example.org"}}
	}
	if t.Kind == FollowCategory {
		t.Key = Fold(t.Key)
	}
	if len(t.Key) > MaxLine || !plain(t.Key) {
		return fmt.Errorf("subscription: %w", assay.ErrInvalid)
	}
	return s.Store.Write(ctx, func(w Writer) error {
		name, err := s.targetName(ctx, w, t)
		if err != nil {
			return err
		}
		now := s.now()
		if err := w.Lock(ctx, "subscriber:"+email); err != nil {
			return err
		}
		sub, err := w.SubscriptionTo(ctx, email, t)
		switch {
		case errors.Is(err, assay.ErrNotFound):
			asked, err := w.Unconfirmed(ctx, email, now.Add(-24*time.Hour))
			if err != nil || asked >= maxUnconfirmed {
				return err
			}
			if sub, err = w.AddSubscription(ctx, Subscription{Email: email, Target: t, Created: now}); err != nil {
				return err
			}
		case err != nil || !sub.Confirmed.IsZero() || now.Sub(sub.Created) < askAgainAfter:
			return err
		default:
			if err := w.TouchSubscription(ctx, sub.ID, now); err != nil {
				return err
			}
		}
		text := fmt.Sprintf("Somebody, we hope you, asked the product register to write to this address when something changes for: %s\n\nTo begin:\n\n%s\n\nIf it was not you, do nothing: you will not hear of it again.\n", name, s.BaseURL+"/follow/confirm/"+s.subscriptionSecret(sub.ID, "confirm"))
		return enqueueMail(ctx, w, Mail{To: email, Subject: "Follow " + name + "?", Text: text})
	})
}

// targetName is how people call what is followed; it must be public.
func (s *Service) targetName(ctx context.Context, r Reader, t Target) (string, error) {
	switch t.Kind {
	case FollowProduct:
		e, err := r.Entry(ctx, Visible(Public), ProductID(t.Key))
		return e.Make + " " + e.Name, err
	case FollowMaker:
		o, err := r.OrgBySlug(ctx, t.Key)
		if err == nil && o.Products == 0 {
			err = fmt.Errorf("manufacturer: %w", assay.ErrNotFound)
		}
		return o.Name, err
	case FollowCategory:
		found, err := r.Search(ctx, Visible(Public), Query{Category: t.Key, Limit: 1})
		if err == nil && found.Count == 0 {
			err = fmt.Errorf("category: %w", assay.ErrNotFound)
		}
		return t.Key, err
	}
	return "", fmt.Errorf("subscription to %.40q: %w: want a product, a manufacturer or a category", t.Kind, assay.ErrInvalid)
}

// subscriptionSecret is what the links in mails about a subscription hold.
func (s *Service) subscriptionSecret(id int64, use string) string {
	n := strconv.FormatInt(id, 10)
	return n + "." + s.seal("subscription", use, n)
}

func (s *Service) subscriptionOf(secret, use string) (int64, error) {
	n, _, _ := strings.Cut(secret, ".")
	id, err := strconv.ParseInt(n, 10, 64)
	if err != nil || subtle.ConstantTimeCompare([]byte(secret), []byte(s.subscriptionSecret(id, use))) != 1 {
		return 0, fmt.Errorf("link: %w: it is not known", assay.ErrNotFound)
	}
	return id, nil
}

// ConfirmSubscription begins a subscription by the link that was sent.
func (s *Service) ConfirmSubscription(ctx context.Context, secret string) (sub Subscription, err error) {
	id, err := s.subscriptionOf(secret, "confirm")
	if err != nil {
		return sub, err
	}
	err = s.Store.Write(ctx, func(w Writer) error {
		if err := w.ConfirmSubscription(ctx, id, s.now()); err != nil {
			return err
		}
		sub, err = w.Subscription(ctx, id)
		return err
	})
	return sub, err
}

// Unsubscribe ends a subscription by the link that every mail has. Ending it twice is no error.
func (s *Service) Unsubscribe(ctx context.Context, secret string) error {
	id, err := s.subscriptionOf(secret, "stop")
	if err != nil {
		return err
	}
	return s.Store.Write(ctx, func(w Writer) error {
		if err := w.RemoveSubscription(ctx, id); !errors.Is(err, assay.ErrNotFound) {
			return err
		}
		return nil
	})
}

const alertBatch = 200 // subscriptions that are told in one transaction

// Do does a piece of background work that is the register's own: alerts, and looking
// at pages. Mail is for whoever sends mail.
func (s *Service) Do(ctx context.Context, work Work) error {
	if work.Kind == WorkPages {
		return s.watch(ctx, work)
	}
	if work.Kind != WorkAlert {
		return fmt.Errorf("work %q: %w", work.Kind, assay.ErrUnsupported)
	}
	var a Alert
	if err := json.Unmarshal(work.Payload, &a); err != nil {
		return fmt.Errorf("alert: %w: %w", assay.ErrInvalid, err)
	}
	return s.alert(ctx, a)
}

// alert writes to those who follow what changed, a batch of them; the rest is left
// to further work of the same kind, so that each is told once.
func (s *Service) alert(ctx context.Context, a Alert) error {
	return s.Store.Write(ctx, func(w Writer) error {
		var all []Change
		targets := map[Target][]Change{}
		for from, end := a.From, a.From+uint64(a.Count); from < end; {
			changes, err := w.Changes(ctx, Visible(Public), ChangeFilter{Since: from, Limit: MaxPage})
			if err != nil {
				return err
			}
			for _, c := range changes {
				if c.Leaf < end {
					all = append(all, c)
				}
			}
			if len(changes) < MaxPage {
				break
			}
			from = changes[len(changes)-1].Leaf + 1
		}
		var list []Target
		for _, c := range all {
			for _, t := range []Target{{FollowProduct, string(c.Entry.ID)}, {FollowMaker, c.Entry.OrgSlug}, {FollowCategory, c.Entry.Category}} {
				if targets[t] == nil {
					list = append(list, t)
				}
				targets[t] = append(targets[t], c)
			}
		}
		subs, err := w.Subscriptions(ctx, list, a.After, alertBatch)
		if err != nil {
			return err
		}
		for _, sub := range subs {
			if err := enqueueMail(ctx, w, s.alertMail(sub, targets[sub.Target])); err != nil {
				return err
			}
		}
		if len(subs) < alertBatch {
			return nil
		}
		a.After = subs[len(subs)-1].ID
		payload, err := json.Marshal(a)
		if err != nil {
			return err
		}
		return w.Enqueue(ctx, Work{WorkAlert, payload})
	})
}

const maxAlerted = 20 // changes that one mail tells of

func (s *Service) alertMail(sub Subscription, changes []Change) Mail {
	var b strings.Builder
	for i, c := range changes {
		if i == maxAlerted {
			fmt.Fprintf(&b, "and %d more changes\n\n", len(changes)-i)
			break
		}
		fmt.Fprintf(&b, "%s %s: %s on %s\n", c.Entry.Make, c.Entry.Name, c.Kind.Words(), assay.DateOf(c.At).Words())
		for _, f := range c.Fields {
			if f.Field != "statement" {
				fmt.Fprintf(&b, "  %s: %s (before: %s)\n", f.Field, shownText(f.New), shownText(f.Old))
			}
		}
		if c.Note != "" {
			fmt.Fprintf(&b, "  %s\n", c.Note)
		}
		fmt.Fprintf(&b, "%s/product/%s\n\n", s.BaseURL, c.Entry.Slug)
	}
	subject := "Changes in the product register"
	if len(changes) == 1 {
		subject = changes[0].Entry.Make + " " + changes[0].Entry.Name + ": " + changes[0].Kind.Words()
	}
	stop := s.BaseURL + "/follow/stop/" + s.subscriptionSecret(sub.ID, "stop")
	return Mail{To: sub.Email, Subject: subject, Text: b.String() + "To hear of this no more:\n\n" + stop + "\n", StopURL: stop}
}

func shownText(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// Words say what happened in words for people.
func (k Kind) Words() string {
	switch k {
	case KindPublished:
		return "published"
	case KindRevised:
		return "new version"
	case KindExtended:
		return "support extended"
	case KindWithdrawn:
		return "withdrawn"
	case KindAssessed:
		return "assessed by a laboratory"
	}
	return string(k)
}
