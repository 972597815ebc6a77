package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"

	"github.com/assay-psti/assay"
)

// limiter bounds how often one address may try something. It forgets addresses that
// have all their tries left; where it knows too many that have not, they share one.
type limiter struct {
	burst int

	mu     sync.Mutex // guards the fields below
	known  map[string]*rate.Limiter
	others *rate.Limiter
}

const maxAddresses = 10_000

func newLimiter(burst int) *limiter {
	return &limiter{burst: burst, known: map[string]*rate.Limiter{}, others: rate.NewLimiter(rate.Limit(burst), burst)}
}

func (l *limiter) allow(address string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one := l.known[address]; one != nil {
		return one.Allow()
	}
	if len(l.known) >= maxAddresses {
		for a, one := range l.known {
			if one.Tokens() >= float64(l.burst) {
				delete(l.known, a)
			}
		}
	}
	if len(l.known) >= maxAddresses {
		return l.others.Allow()
	}
	one := rate.NewLimiter(1, l.burst)
	l.known[address] = one
	return one.Allow()
}

// coded is an error with a status of its own.
type coded struct {
	code int
	assay.Problem
}

// Unwrap gives the words for people.
func (c *coded) Unwrap() error { return &c.Problem }

func (c *coded) Error() string { return c.Problem.Error() }

func tooMany() error {
	return &coded{http.StatusTooManyRequests, assay.Problem{Kind: assay.ErrRefused, What: "there were too many tries from your address", Do: "wait a minute and try again"}}
}

func unauthorised(what string) error {
	return &coded{http.StatusUnauthorized, assay.Problem{Kind: assay.ErrRefused, What: what, Do: "send a token of your organisation as: Authorization: Bearer assay_…"}}
}

// household is what counts as one address: of IPv6 the network that one household gets,
// for whoever has one has all of it.
func household(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Unmap().Is4() {
		return address
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// tried counts a try of an address.
func (s *Server) tried(w http.ResponseWriter, r *http.Request) error {
	if s.accounts.attempts.allow(household(s.from(r))) {
		return nil
	}
	w.Header().Set("Retry-After", "60")
	return fmt.Errorf("tries: %w", tooMany())
}
