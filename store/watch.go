package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/assay-psti/assay/register"
)

const watchColumns = `w.product, w.url, w.org, w.host, w.version, w.page, w.told, w.due`

// watchScan are the places that a row of watchColumns is scanned into.
type watchScan struct {
	row             register.WatchedPage
	page, told, due string
}

func (s *watchScan) places() []any {
	p := &s.row
	return []any{&p.Product, &p.URL, &p.Org, &p.Host, &p.Version, &s.page, &s.told, &s.due}
}

func (s *watchScan) watched() (register.WatchedPage, error) {
	p := s.row
	if err := times(s.told, &p.Told, s.due, &p.Due); err != nil {
		return p, err
	}
	return p, json.Unmarshal([]byte(s.page), &p.State)
}

func scanWatched(rows row) (register.WatchedPage, error) {
	var s watchScan
	if err := rows.Scan(s.places()...); err != nil {
		return s.row, err
	}
	return s.watched()
}

// Watched are the pages that some products name.
func (t *tx) Watched(ctx context.Context, ids []register.ProductID) ([]register.WatchedPage, error) {
	asked, err := jsonText(ids)
	if err != nil {
		return nil, err
	}
	return list(ctx, t, "pages", scanWatched, `select `+watchColumns+` from watch w where w.product in `+t.db.each("$1")+` order by w.product, w.url`, asked)
}

// maxLooked bounds the hosts among which one round looks for those with pages due.
const maxLooked = 5000

// DueHosts are hosts that have a page due, in order, after the given one; and where to
// go on, "" for the beginning. It goes from host to host by the index, so that one with
// many pages costs no more than one with few.
func (t *tx) DueHosts(ctx context.Context, after string, now time.Time, n int) (hosts []string, last string, err error) {
	type dueHost struct {
		host string
		due  bool
	}
	rows, err := list(ctx, t, "hosts", func(from row) (h dueHost, err error) {
		err = from.Scan(&h.host, &h.due)
		return h, err
	}, `with recursive h (host, n) as (
			select (select min(host) from watch where host > $1), 1
			union all
			select (select min(w.host) from watch w where w.host > h.host), h.n + 1 from h where h.host is not null and h.n < $3)
		select h.host, (select min(w.due) from watch w where w.host = h.host) <= $2 from h where h.host is not null order by h.host`, after, stamp(now), maxLooked)
	if err != nil {
		return nil, "", err
	}
	for _, r := range rows {
		if r.due {
			hosts = append(hosts, r.host)
		}
		if len(hosts) == n {
			return hosts, r.host, nil
		}
	}
	if len(rows) == maxLooked {
		return hosts, rows[len(rows)-1].host, nil
	}
	return hosts, "", nil
}

// DuePages are a host's pages that are due, those of one address together.
func (t *tx) DuePages(ctx context.Context, host string, now time.Time, n int) ([]register.WatchedPage, error) {
	return list(ctx, t, "pages of a host", scanWatched, `select `+watchColumns+` from watch w where w.host = $1 and w.due <= $2 order by w.due, w.url limit $3`, host, stamp(now), n)
}

// Troubles are pages of an organisation's public entries with which something is wrong.
func (t *tx) Troubles(ctx context.Context, org register.OrgID, untold bool, n int) ([]register.PageTrouble, error) {
	told := ""
	if untold {
		told = ` and w.told = ''`
	}
	return list(ctx, t, "pages with trouble", func(rows row) (p register.PageTrouble, err error) {
		var s watchScan
		var e entryScan
		if err := rows.Scan(append(s.places(), e.places()...)...); err != nil {
			return p, err
		}
		row, err := e.entry()
		if err != nil {
			return p, err
		}
		w, err := s.watched()
		return register.PageTrouble{Entry: row.Entry, URL: w.URL, Page: w.State}, err
	}, `select `+watchColumns+`, `+entryColumns+` from watch w join product p on p.id = w.product join org o on o.id = p.org
		where w.org = $1 and w.trouble <> ''`+told+` order by w.product, w.url limit $2`, org, n)
}

// Watch makes the pages of some products those given.
func (t *tx) Watch(ctx context.Context, ids []register.ProductID, pages []register.WatchedPage) error {
	asked, err := jsonText(ids)
	if err != nil {
		return err
	}
	if err := t.exec(ctx, "pages", `delete from watch where product in `+t.db.each("$1"), asked); err != nil || len(pages) == 0 {
		return err
	}
	var rows rowList
	for _, p := range pages {
		page, err := jsonText(p.State)
		if err != nil {
			return err
		}
		rows.add(p.Product, p.URL, p.Org, p.Host, p.Version, page, trouble(p.State), stamp(p.Told), stamp(p.Due))
	}
	text, err := jsonText(rows)
	if err != nil {
		return err
	}
	return t.exec(ctx, "pages", `insert into watch (product, url, org, host, version, page, trouble, told, due) select product, url, org, host, version, page, trouble, told, due from `+
		t.db.rows("$1", "product", "url", "org", "host", "version int", "page", "trouble", "told", "due")+` x`, text)
}

// trouble is what is wrong with a page; "" for nothing.
func trouble(p register.PageState) string {
	if p.Found.Trouble() {
		return string(p.Found)
	}
	return ""
}

// KeepPage keeps what was seen of a page. Where its entry has another version by now,
// there is nothing to be kept.
func (t *tx) KeepPage(ctx context.Context, p register.WatchedPage) error {
	page, err := jsonText(p.State)
	if err != nil {
		return err
	}
	return t.exec(ctx, "page", `update watch set page = $4, trouble = $5, told = $6, due = $7 where product = $1 and url = $2 and version = $3`,
		p.Product, p.URL, p.Version, page, trouble(p.State), stamp(p.Told), stamp(p.Due))
}

// ToldTroubles takes note that an organisation was told of all that is wrong now.
func (t *tx) ToldTroubles(ctx context.Context, org register.OrgID, at time.Time) error {
	return t.exec(ctx, "pages", `update watch set told = $2 where org = $1 and trouble <> '' and told = ''`, org, stamp(at))
}
