package device

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// common are TCP ports that consumer devices use, tried first so that what takes
// long to identify begins early. The order says nothing else.
var common = []int{80, 443, 22, 23, 21, 554, 8080, 8443, 1883, 8883, 8000, 8554, 53, 81, 82, 88, 2323, 2222, 1900, 5000, 5555, 7547, 8008, 8009, 8081,
	8088, 8089, 8181, 8888, 9000, 9080, 9443, 9999, 10000, 34567, 34599, 37777, 49152, 49153, 49154, 5357, 5683, 6668, 8899, 139, 445, 515, 548, 631, 873, 1935,
	2020, 3000, 3702, 4567, 5001, 5060, 5353, 5900, 6379, 7000, 7070, 8001, 8060, 8200, 8291, 8834, 9100, 10001, 32400, 55443, 62078}

// maxPort is the highest port.
const maxPort = 65535

// ParsePorts reads "1-1024,8080"; an empty text is all ports.
func ParsePorts(text string) ([]int, error) {
	if strings.TrimSpace(text) == "" {
		text = "1-65535"
	}
	seen := make([]bool, maxPort+1)
	for part := range strings.SplitSeq(text, ",") {
		from, to, span := strings.Cut(strings.TrimSpace(part), "-")
		a, err := strconv.Atoi(strings.TrimSpace(from))
		b := a
		if err == nil && span {
			b, err = strconv.Atoi(strings.TrimSpace(to))
		}
		if err != nil || a < 1 || b > maxPort || a > b {
			return nil, fmt.Errorf("%q names no ports: write such as 1-1024,8080", part)
		}
		for p := a; p <= b; p++ {
			seen[p] = true
		}
	}
	var ports []int
	for p, is := range seen {
		if is {
			ports = append(ports, p)
		}
	}
	return ports, nil
}

// spans writes ports in order as "1-1024,8080".
func spans(ports []int) string {
	var parts []string
	for i := 0; i < len(ports); {
		j := i
		for j+1 < len(ports) && ports[j+1] == ports[j]+1 {
			j++
		}
		part := strconv.Itoa(ports[i])
		if j > i {
			part += "-" + strconv.Itoa(ports[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// maxOpen bounds how many open ports are looked into. A device that says yes to
// every port is no device but something that stands before it.
const maxOpen = 200

// maxAgain bounds how many silent ports are tried a second time.
const maxAgain = 3000

// scanner is one scan of TCP ports.
type scanner struct {
	s     *Session
	found func(*conn, int) // is handed each open connection, nil where it was reset at once; does not block

	mu     sync.Mutex // guards the fields below
	ports  Ports
	silent []int
	failed error
	alive  bool // the device answered once
}

// scanTCP connects to ports and hands the open connections on.
func (s *Session) scanTCP(ctx context.Context, ports []int, found func(*conn, int)) (Ports, error) {
	c := &scanner{s: s, found: found}
	c.ports.Tried = spans(ports)
	first, rest := []int{}, []int{}
	for _, p := range ports {
		if slices.Contains(common, p) {
			first = append(first, p)
		} else {
			rest = append(rest, p)
		}
	}
	slices.SortFunc(first, func(a, b int) int { return slices.Index(common, a) - slices.Index(common, b) })
	c.sweep(ctx, append(first, rest...), connectTime)
	if n := len(c.silent); c.failed == nil && n > 0 && n <= maxAgain && c.alive {
		again := c.silent
		c.silent = nil
		s.progress("%d ports gave no answer: once more, slower", n)
		c.ports.Slowed = s.slow()
		slices.Sort(again)
		c.sweep(ctx, again, 2*connectTime)
	}
	c.ports.Silent = len(c.silent)
	slices.Sort(c.ports.Open)
	c.ports.Skipped = len(ports) - len(c.ports.Open) - c.ports.Closed - c.ports.Silent
	c.ports.Whole = c.ports.Skipped == 0 && c.ports.Silent == 0
	if c.ports.Open == nil {
		c.ports.Open = []int{}
	}
	switch {
	case c.failed != nil && !errors.Is(c.failed, ErrBudget):
		return c.ports, c.failed
	case c.failed != nil:
		s.shortfall("the scan of TCP ports stopped: %v; %d ports were not tried", c.failed, c.ports.Skipped)
	case c.ports.Silent > 0:
		s.shortfall("%d TCP ports gave no answer: something filters them, or answers were lost", c.ports.Silent)
	}
	if ctx.Err() != nil {
		s.shortfall("the scan of TCP ports was stopped; %d ports were not tried", c.ports.Skipped)
	}
	return c.ports, nil
}

func (c *scanner) sweep(ctx context.Context, ports []int, timeout time.Duration) {
	var next, done atomic.Int64
	var over atomic.Bool // no more ports are begun; those that are on their way end
	var group sync.WaitGroup
	for range min(c.s.limits.Parallel, len(ports)) {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(ports) || ctx.Err() != nil || over.Load() {
					return
				}
				if err := c.port(ctx, ports[i], timeout); err != nil {
					c.mu.Lock()
					if c.failed == nil {
						c.failed = err
					}
					c.mu.Unlock()
					over.Store(true)
					return
				}
				if n := done.Add(1); n%2048 == 0 {
					c.s.progress("TCP ports: %d of %d", n, len(ports))
				}
			}
		})
	}
	group.Wait()
}

// port tries one port. An error ends the scan.
func (c *scanner) port(ctx context.Context, port int, timeout time.Duration) error {
	conn, err := c.s.dialIn(ctx, "scan", "tcp", port, timeout)
	for again := 0; isExhausted(err) && again < 5; again++ { // this machine's ports or files: not the device's doing
		if err := c.s.o.Clock.Sleep(ctx, 200*time.Millisecond); err != nil {
			return nil
		}
		conn, err = c.s.dialIn(ctx, "scan", "tcp", port, timeout)
	}
	if err == nil && itself(conn) {
		// A port of this machine's own that met itself: RFC 9293 3.5 simultaneous open.
		conn.Conn.Close()
		conn, err = nil, errSelf
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil, isReset(err): // it opened, and was reset before we looked: something is there
		c.alive = true
		if len(c.ports.Open) >= maxOpen {
			if conn != nil {
				conn.Close()
			}
			return fmt.Errorf("%w: more than %d ports are open, so what answers is not the device's services", ErrBudget, maxOpen)
		}
		c.ports.Open = append(c.ports.Open, port)
		c.found(conn, port)
	case errors.Is(err, errSelf), isRefused(err):
		c.alive = true
		c.ports.Closed++
	case ctx.Err() != nil:
	case errors.Is(err, ErrBudget), errors.Is(err, ErrAddress), isExhausted(err):
		return err
	default:
		c.silent = append(c.silent, port)
	}
	return nil
}

var errSelf = errors.New("the connection met itself")

// itself reports a connection of a loopback port with itself: nothing listens.
func itself(c *conn) bool { return c.LocalAddr().String() == c.RemoteAddr().String() }
