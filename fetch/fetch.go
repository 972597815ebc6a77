// Package fetch gets public pages politely and keeps what came, whole, as WARC
// records (ISO 28500): the request, the answer, and where a page could not be
// had, why.
//
// It asks robots.txt first, makes one request at a time and waits between two to
// the same host, asks only for what has changed, and bounds size, time and
// redirects. It speaks to addresses of the public internet only, whatever a
// redirect or the name service says, unless somebody is named who authorised
// otherwise. It sends no cookie and no credential, and it says who it is.
//
// It does not read what it gets: that is for package page.
package fetch

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/assay-psti/assay/internal/address"
)

// Agent is the name by which robots.txt may speak of this program.
const Agent = "assay"

const userAgent = "assay (+" + home + "; reads public information on product security, one request at a time)"

const home = "https://github.com/assay-psti/assay"

// Options say how pages are fetched. The zero value is of use.
type Options struct {
	// AuthorisedBy names who allowed speaking to addresses that are not public.
	// It is recorded with what is fetched. Empty means that none is spoken to.
	AuthorisedBy string

	// About is the address of a page that tells who asks, and why; it stands in each
	// request. Empty means the project's own.
	About string
	// WebPorts keeps to the ports of the web, 80 and 443, whatever an address or a
	// redirect says: addresses that strangers gave are not to reach other services.
	WebPorts bool

	Delay     time.Duration    // between two requests to one host; 0 means 1 s. This machine itself is not waited for.
	Timeout   time.Duration    // of one request with its answer; 0 means 30 s
	MaxBytes  int64            // of one body, of which more is cut; 0 means 32 MiB
	Redirects int              // followed for one page; 0 means 8
	Requests  int              // in all; 0 means 200
	Now       func() time.Time // nil means time.Now
	Roots     *x509.CertPool   // trusted for TLS; nil means the system's
}

// Validator lets a host say that a page has not changed (RFC 9110, 13.1).
type Validator struct {
	ETag, LastModified string
	At                 time.Time // when the page that is kept was fetched
}

// Fetcher gets pages one after another. It must not be used by two at once.
type Fetcher struct {
	options Options
	client  *http.Client
	out     *Writer
	known   map[string]Validator
	hosts   map[string]*host
	made    int // requests
}

// New makes a fetcher that writes each exchange to out; nil keeps none. known are the
// validators of pages that are kept already, by address; it may be nil.
func New(o Options, out *Writer, known map[string]Validator) *Fetcher {
	o.Delay = cmp.Or(o.Delay, time.Second)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.MaxBytes = cmp.Or(o.MaxBytes, 32<<20)
	o.Redirects = cmp.Or(o.Redirects, 8)
	o.Requests = cmp.Or(o.Requests, 200)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Fetcher{options: o, out: out, known: known, hosts: map[string]*host{}, client: &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would make the connection that the guard is there to see
			DialContext:            Dial(o.AuthorisedBy),
			DisableCompression:     true,
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: 256 << 10,
			ResponseHeaderTimeout:  20 * time.Second,
			TLSHandshakeTimeout:    10 * time.Second,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Dial makes connections to addresses of the public internet, and to others only
// where somebody is named who authorised it.
func Dial(authorisedBy string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{Timeout: 10 * time.Second, Control: guard(authorisedBy)}).DialContext
}

// Got is what came of asking for one page.
type Got struct {
	URL       string   // asked for
	Hops      []string // addresses that it led to, the last of which answered
	Status    int      // of the last answer; 0 where there was none
	Header    http.Header
	Body      []byte
	Unchanged bool   // the host says that what is kept still holds
	Cut       bool   // the body is larger, or took longer, than allowed
	Failure   string // why there is no answer, in one line; else ""
	Cause     error  // of the failure, to be told from others; ErrRobots, ErrAddress
}

// Get asks for a page and follows where it leads. Its error is one of writing, or
// the context's: that a page could not be had is in Got.Failure, and recorded.
func (f *Fetcher) Get(ctx context.Context, raw string) (*Got, error) {
	got := &Got{URL: raw}
	u, err := parse(raw)
	if err != nil {
		return f.failed(got, raw, err)
	}
	seen := map[string]bool{}
	for {
		at := u.String()
		if len(got.Hops) > f.options.Redirects {
			return f.failed(got, at, fmt.Errorf("more than %d redirects", f.options.Redirects))
		}
		if seen[at] {
			return f.failed(got, at, errors.New("the redirects go round in a circle"))
		}
		seen[at] = true
		if err := f.permitted(ctx, u); err != nil {
			if ctx.Err() != nil {
				return got, ctx.Err()
			}
			return f.failed(got, at, err)
		}
		x, err := f.ask(ctx, u)
		if ctx.Err() != nil {
			return got, ctx.Err()
		}
		if err != nil {
			return f.failed(got, at, err)
		}
		if err := f.out.Exchange(x); err != nil {
			return got, err
		}
		got.Hops = append(got.Hops, at)
		next := x.Header.Get("Location")
		if x.Status < 300 || x.Status > 399 || x.Status == http.StatusNotModified || next == "" {
			got.Status, got.Header, got.Body, got.Cut = x.Status, x.Header, x.Body, x.Cut != ""
			got.Unchanged = x.Status == http.StatusNotModified
			return got, nil
		}
		to, err := u.Parse(next)
		if err == nil {
			to, err = parse(to.String())
		}
		if err != nil {
			return f.failed(got, at, fmt.Errorf("it leads on to %q, which is not followed: %w", clip(next), err))
		}
		if u.Scheme == "https" && to.Scheme == "http" {
			return f.failed(got, at, fmt.Errorf("it leads from https to http, %q, which is not followed", clip(to.String())))
		}
		u = to
	}
}

// failed keeps why a page could not be had.
func (f *Fetcher) failed(got *Got, at string, cause error) (*Got, error) {
	got.Failure, got.Cause = plain(cause), cause
	return got, f.out.Failure(at, f.options.Now(), got.Failure)
}

// ask makes one request and reads its answer whole.
func (f *Fetcher) ask(ctx context.Context, u *url.URL) (*Exchange, error) {
	if f.made >= f.options.Requests {
		return nil, fmt.Errorf("more than %d requests", f.options.Requests)
	}
	f.made++
	if port := u.Port(); f.options.WebPorts && port != "" && port != "80" && port != "443" {
		return nil, fmt.Errorf("port %s is none of the web's", port)
	}
	if err := f.wait(ctx, u); err != nil {
		return nil, err
	}
	x := &Exchange{URL: u.String(), At: f.options.Now().UTC().Truncate(time.Second)}
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		if a, ok := c.Conn.RemoteAddr().(*net.TCPAddr); ok {
			x.Address = a.IP.String()
		}
	}})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", strings.Replace(userAgent, home, cmp.Or(f.options.About, home), 1))
	req.Header.Set("Accept", "text/html,application/xhtml+xml,application/pdf,text/plain;q=0.9,*/*;q=0.5")
	req.Header.Set("Accept-Language", "en-GB,en;q=0.9")
	req.Header.Set("Accept-Encoding", "identity")
	if v := f.known[u.String()]; !v.At.IsZero() && u.Path != robotsPlace { // its rules are wanted whole each time
		if v.ETag != "" {
			req.Header.Set("If-None-Match", v.ETag)
		}
		if v.LastModified != "" {
			req.Header.Set("If-Modified-Since", v.LastModified)
		}
		x.Refers = v.At
	}
	x.Request = req.Header.Clone()
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	x.Status, x.Header, x.Proto = resp.StatusCode, resp.Header, resp.Proto
	var body bytes.Buffer
	_, err = io.Copy(&body, io.LimitReader(resp.Body, f.options.MaxBytes+1))
	x.Body = body.Bytes()
	switch {
	case int64(len(x.Body)) > f.options.MaxBytes:
		x.Body, x.Cut = x.Body[:f.options.MaxBytes], "length"
	case errors.Is(err, context.DeadlineExceeded):
		x.Cut = "time"
	case err != nil:
		x.Cut = "disconnect"
	}
	return x, nil
}

// wait keeps the distance between two requests to one host.
func (f *Fetcher) wait(ctx context.Context, u *url.URL) error {
	h := f.host(u)
	last := h.last
	h.last = time.Now()
	if local(u) || last.IsZero() {
		return nil
	}
	rest := max(f.options.Delay, h.delay) - time.Since(last)
	if rest <= 0 {
		return nil
	}
	t := time.NewTimer(rest)
	defer t.Stop()
	select {
	case <-t.C:
		h.last = time.Now()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// plain says in one line for people why a page could not be had.
func plain(err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var u *url.Error
	switch {
	case errors.Is(err, ErrAddress):
		text := err.Error()
		text = clip(text[strings.Index(text, ErrAddress.Error()):])
		if strings.HasSuffix(text, string(address.Multicast)) {
			return text
		}
		return text + "; name who allows it with --authorised-by"
	case errors.As(err, &dns):
		return "no such host: " + dns.Name
	case errors.As(err, &name):
		return "TLS: the certificate is for another host"
	case errors.As(err, &unknown):
		return "TLS: the certificate is of an authority that nobody here trusts"
	case errors.As(err, &invalid):
		return "TLS: " + invalid.Error()
	case errors.As(err, &record):
		return "TLS: the host does not speak it"
	case errors.As(err, &alert):
		return "TLS: " + alert.Error()
	case errors.Is(err, context.DeadlineExceeded) || timeout(err):
		return "no answer in time"
	case errors.As(err, &u):
		err = u.Err
	}
	return clip(err.Error())
}

func timeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// clip makes one line of bounded length that any screen can show.
func clip(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !unicode.IsSpace(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)), " ")
	if len(s) > 300 {
		return strings.ToValidUTF8(s[:297], "") + "..."
	}
	return s
}
