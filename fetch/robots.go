package fetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/temoto/robotstxt"
)

// host is what is known of one host while pages are fetched.
type host struct {
	asked bool // for robots.txt
	rules *robotstxt.Group
	wrong error         // why nothing of this host may be fetched
	delay time.Duration // that its robots.txt wants
	last  time.Time     // of the last request
}

// Bounds of robots.txt (RFC 9309, 2.5 asks for at least 500 KiB).
const (
	maxRobots   = 512 << 10
	maxDelay    = 30 * time.Second
	robotsHops  = 5 // RFC 9309, 2.3.1.2
	robotsPlace = "/robots.txt"
)

// ErrRobots says that the host does not want a program to fetch the page.
var ErrRobots = errors.New("the host's robots.txt asks that this page not be fetched; save it by hand into evidence/pages")

func (f *Fetcher) host(u *url.URL) *host {
	key := u.Scheme + "://" + u.Host
	h := f.hosts[key]
	if h == nil {
		h = &host{}
		f.hosts[key] = h
	}
	return h
}

// permitted asks the host's robots.txt, once, whether the page may be fetched.
func (f *Fetcher) permitted(ctx context.Context, u *url.URL) error {
	if u.Path == robotsPlace {
		return nil
	}
	h := f.host(u)
	if !h.asked {
		h.asked = true
		h.wrong = f.robots(ctx, u, h)
	}
	if h.wrong != nil {
		return h.wrong
	}
	path := u.EscapedPath()
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	if h.rules != nil && !h.rules.Test(path) {
		return ErrRobots
	}
	return nil
}

// robots reads robots.txt as RFC 9309 has it: where there is none, all may be
// fetched; where the host cannot give it, nothing.
func (f *Fetcher) robots(ctx context.Context, u *url.URL, h *host) error {
	at := &url.URL{Scheme: u.Scheme, Host: u.Host, Path: robotsPlace}
	for hop := 0; ; hop++ {
		x, err := f.ask(ctx, at)
		if err != nil {
			return err
		}
		if err := f.out.Exchange(x); err != nil {
			return err
		}
		next := x.Header.Get("Location")
		switch {
		case x.Status >= 300 && x.Status < 400 && next != "" && hop < robotsHops:
			to, err := at.Parse(next)
			if err == nil {
				to, err = parse(to.String())
			}
			if err != nil {
				return nil
			}
			at = to
			continue
		case x.Status == http.StatusTooManyRequests || x.Status >= 500:
			return fmt.Errorf("the host could not give its robots.txt (status %d), so that nothing of it is fetched", x.Status)
		case x.Status != http.StatusOK:
			return nil
		}
		data, err := robotstxt.FromBytes(x.Body[:min(len(x.Body), maxRobots)])
		if err != nil {
			return nil // lines that cannot be read count for nothing
		}
		h.rules = data.FindGroup(Agent)
		if h.rules != nil {
			h.delay = min(h.rules.CrawlDelay, maxDelay)
		}
		return nil
	}
}
