package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/assay-psti/assay/register"
)

// Setting is a value that the register keeps for itself.
func (t *tx) Setting(ctx context.Context, name string) (value string, err error) {
	err = t.value(ctx, "setting "+name, `select value from setting where name = $1`, []any{name}, &value)
	return value, err
}

// PutSetting keeps a value.
func (t *tx) PutSetting(ctx context.Context, name, value string) error {
	return t.exec(ctx, "setting "+name, `insert into setting (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value`, name, value)
}

// AddEvent adds a row to the audit trail.
func (t *tx) AddEvent(ctx context.Context, e register.Event) error {
	return t.AddEvents(ctx, []register.Event{e})
}

// AddEvents adds rows to the audit trail.
func (t *tx) AddEvents(ctx context.Context, events []register.Event) error {
	var rows rowList
	for _, e := range events {
		detail, err := jsonText(e.Detail)
		if err != nil {
			return err
		}
		rows.add(stamp(e.At), e.Account, e.Token, e.Org, e.Action, e.Subject, e.From, detail)
	}
	return t.many(ctx, "audit trail", rows, []string{"at", "account", "token", "org", "action", "subject", "origin", "detail"}, `insert into event (at, account, token, org, action, subject, origin, detail) select at, account, token, org, action, subject, origin, detail from `, ` x`)
}

// Events are rows of the audit trail, the newest first.
func (t *tx) Events(ctx context.Context, f register.EventFilter) ([]register.Event, error) {
	before := f.Before
	if before <= 0 {
		before = lastSeq
	}
	const all = `select id, at, account, token, org, action, subject, origin, detail from event where id < $1 and ($2 = '' or org = $2) and ($3 = '' or account = $3) and ($4 = '' or subject = $4)`
	query := all
	switch { // the condition that leaves least, in a form for which there is an index
	case f.Subject != "":
		query += ` and subject = $4`
	case f.Account != "":
		query += ` and account = $3`
	case f.Org != "":
		query += ` and org = $2`
	}
	return list(ctx, t, "audit trail", func(rows row) (e register.Event, err error) {
		var at, detail string
		if err := rows.Scan(&e.ID, &at, &e.Account, &e.Token, &e.Org, &e.Action, &e.Subject, &e.From, &detail); err != nil {
			return e, err
		}
		if e.At, err = moment(at); err != nil {
			return e, err
		}
		return e, json.Unmarshal([]byte(detail), &e.Detail)
	}, query+` order by id desc limit $5`, before, f.Org, f.Account, f.Subject, f.Limit)
}

const subscriptionColumns = `id, email, kind, item, created, confirmed`

func scanSubscription(rows row) (s register.Subscription, err error) {
	var created, confirmed string
	if err := rows.Scan(&s.ID, &s.Email, &s.Target.Kind, &s.Target.Key, &created, &confirmed); err != nil {
		return s, err
	}
	return s, times(created, &s.Created, confirmed, &s.Confirmed)
}

// Subscriptions are the confirmed ones to any of some targets, by id.
func (t *tx) Subscriptions(ctx context.Context, targets []register.Target, after int64, n int) ([]register.Subscription, error) {
	names := make([]string, len(targets))
	for i, x := range targets {
		names[i] = string(x.Kind) + " " + x.Key
	}
	asked, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	return list(ctx, t, "subscriptions", scanSubscription, `select `+subscriptionColumns+` from subscription where confirmed <> '' and id > $1 and kind || ' ' || item in `+t.db.each("$2")+` order by id limit $3`, after, string(asked), n)
}

// Subscription is a subscription by its id.
func (t *tx) Subscription(ctx context.Context, id int64) (register.Subscription, error) {
	return first(ctx, t, "subscription", scanSubscription, `select `+subscriptionColumns+` from subscription where id = $1`, id)
}

// AddSubscription adds a subscription, or gives the one that there is.
func (t *tx) AddSubscription(ctx context.Context, s register.Subscription) (register.Subscription, error) {
	if err := t.exec(ctx, "subscription", `insert into subscription (email, kind, item, created) values ($1, $2, $3, $4) on conflict (email, kind, item) do nothing`, s.Email, s.Target.Kind, s.Target.Key, stamp(s.Created)); err != nil {
		return s, err
	}
	return t.SubscriptionTo(ctx, s.Email, s.Target)
}

// SubscriptionTo is an address's subscription to something.
func (t *tx) SubscriptionTo(ctx context.Context, email string, to register.Target) (register.Subscription, error) {
	return first(ctx, t, "subscription", scanSubscription, `select `+subscriptionColumns+` from subscription where email = $1 and kind = $2 and item = $3`, email, to.Kind, to.Key)
}

// Unconfirmed is how many subscriptions an address was asked to confirm, and did not.
func (t *tx) Unconfirmed(ctx context.Context, email string, since time.Time) (n int, err error) {
	err = t.value(ctx, "subscriptions", `select count(*) from subscription where email = $1 and confirmed = '' and created >= $2`, []any{email, stamp(since)}, &n)
	return n, err
}

// TouchSubscription takes note that an address was asked again.
func (t *tx) TouchSubscription(ctx context.Context, id int64, at time.Time) error {
	return t.one(ctx, "subscription", `update subscription set created = $2 where id = $1 and confirmed = ''`, id, stamp(at))
}

// ConfirmSubscription begins a subscription; twice is no error.
func (t *tx) ConfirmSubscription(ctx context.Context, id int64, at time.Time) error {
	return t.one(ctx, "subscription", `update subscription set confirmed = case when confirmed = '' then $2 else confirmed end where id = $1`, id, stamp(at))
}

// RemoveSubscription ends a subscription.
func (t *tx) RemoveSubscription(ctx context.Context, id int64) error {
	return t.one(ctx, "subscription", `delete from subscription where id = $1`, id)
}

// How long what has ended is kept.
const (
	keepLinks       = 30 * 24 * time.Hour
	keepUnconfirmed = 7 * 24 * time.Hour
	tidyBatch       = 10_000
)

// Tidy drops what has ended: sessions, links, subscriptions that nobody confirmed.
func (d *DB) Tidy(ctx context.Context, now time.Time) error {
	for _, q := range []struct {
		query string
		until time.Time
	}{
		{`delete from session where hash in (select hash from session where expires < $1 limit $2)`, now},
		{`delete from link where hash in (select hash from link where expires < $1 limit $2)`, now.Add(-keepLinks)},
		{`delete from subscription where id in (select id from subscription where confirmed = '' and created < $1 limit $2)`, now.Add(-keepUnconfirmed)},
		{`delete from lease where name in (select name from lease where name like '` + register.WatchLease + `%' and until < $1 limit $2)`, now},
	} {
		if _, err := d.writer.ExecContext(ctx, q.query, stamp(q.until), tidyBatch); err != nil {
			return kind("tidy", err)
		}
	}
	return nil
}
