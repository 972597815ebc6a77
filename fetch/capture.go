package fetch

import (
	"net/http"
	"net/url"
	"slices"
)

// Capture is one page as it stood at one time, put together from the records of
// the redirects that led to it.
type Capture struct {
	Hops    []string  // addresses, from the one asked for to the one that answered
	Seen    *Exchange // the last of them: its time is the capture's
	Body    *Exchange // that holds the text: an earlier one where nothing had changed since; nil where there is none
	Archive int       // index of the archive that holds Body, or Seen where there is no Body
	Failure string    // why there is no page, in one line; else ""
}

// Anonymous reports whether the page was asked for as anybody would: the kept
// request carries neither a cookie nor a credential. Without a kept request that
// cannot be told, and it is not.
func (c *Capture) Anonymous() bool {
	for _, x := range []*Exchange{c.Seen, c.Body} {
		if x == nil || x.Request == nil || x.Request.Get("Cookie") != "" || x.Request.Get("Authorization") != "" || x.Request.Get("Proxy-Authorization") != "" {
			return false
		}
	}
	return true
}

// maxHops bounds how many redirects are followed among records.
const maxHops = 20

// Captures are all captures of a page among archives, by time.
func Captures(archives []*Archive, address string) []Capture {
	var out []Capture
	at := key(address)
	for n, a := range archives {
		for _, i := range a.index[at] {
			if i > 0 && continues(a, i) {
				continue
			}
			out = append(out, follow(archives, n, i))
		}
	}
	slices.SortStableFunc(out, func(a, b Capture) int { return a.Seen.At.Compare(b.Seen.At) })
	return out
}

// continues reports whether a failure belongs to the exchange of the same address
// just before it, which then tells of it.
func continues(a *Archive, i int) bool {
	x, before := &a.Exchanges[i], &a.Exchanges[i-1]
	return x.Failure != "" && before.Failure == "" && before.URL == x.URL && redirects(before)
}

func redirects(x *Exchange) bool {
	return x.Status >= 300 && x.Status < 400 && x.Status != http.StatusNotModified && x.Header.Get("Location") != ""
}

func follow(archives []*Archive, n, i int) Capture {
	a := archives[n]
	c := Capture{Archive: n}
	for {
		x := &a.Exchanges[i]
		c.Seen = x
		if x.Failure != "" {
			c.Failure = x.Failure
			return c
		}
		c.Hops = append(c.Hops, x.URL)
		if !redirects(x) {
			break
		}
		next := -1
		if base, err := url.Parse(x.URL); err == nil {
			if to, err := base.Parse(x.Header.Get("Location")); err == nil {
				next = after(a, i, to.String())
			}
		}
		if next < 0 {
			c.Failure = "it leads on to " + clip(x.Header.Get("Location")) + ", which was not kept"
			if i+1 < len(a.Exchanges) && continues(a, i+1) {
				c.Failure = a.Exchanges[i+1].Failure
			}
			return c
		}
		if len(c.Hops) > maxHops {
			c.Failure = "the redirects do not end"
			return c
		}
		i = next
	}
	c.Body = c.Seen
	if c.Seen.Status == http.StatusNotModified {
		if c.Body, c.Archive = kept(archives, c.Seen); c.Body == nil {
			c.Archive, c.Failure = n, "nothing has changed since a capture that is not kept"
		}
	}
	return c
}

// after finds the first exchange of the address that follows, in order of the file.
func after(a *Archive, i int, address string) int {
	all := a.index[key(address)]
	if n, _ := slices.BinarySearch(all, i+1); n < len(all) {
		return all[n]
	}
	return -1
}

// kept finds the page of which an answer says that it has not changed.
func kept(archives []*Archive, seen *Exchange) (*Exchange, int) {
	var best *Exchange
	in := 0
	for n, a := range archives {
		for _, i := range a.index[key(seen.URL)] {
			x := &a.Exchanges[i]
			if x.Status == http.StatusOK && x.Failure == "" && x.At.Equal(seen.Refers) {
				best, in = x, n
			}
		}
	}
	return best, in
}

// Validators are what lets each host say that a page has not changed since it was kept whole.
func Validators(archives []*Archive) map[string]Validator {
	out := map[string]Validator{}
	for _, a := range archives {
		for i := range a.Exchanges {
			x := &a.Exchanges[i]
			v := Validator{ETag: x.Header.Get("ETag"), LastModified: x.Header.Get("Last-Modified"), At: x.At}
			if x.Status == http.StatusOK && x.Cut == "" && (v.ETag != "" || v.LastModified != "") && x.At.After(out[x.URL].At) {
				out[x.URL] = v
			}
		}
	}
	return out
}
