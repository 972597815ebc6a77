package firmware

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits bound the work on one image. A zero field means its default.
type Limits struct {
	Memory  int64         // bytes of unpacked streams held at once, all together; default 384 MiB
	File    int64         // bytes that may be read from one file of a tree; default 2 GiB
	Ratio   int64         // unpacked to packed size of a stream, once it has unpacked to more than 64 MiB; default 250
	Depth   int           // streams within streams, images within archives; default 8
	Entries int           // files, folders, links and devices of all trees together; default 500,000
	Ranges  int           // entries of the map; default 100,000
	Time    time.Duration // for taking the image apart; default 2 minutes
}

func (l Limits) orDefaults() Limits {
	def := func(p *int64, v int64) {
		if *p <= 0 {
			*p = v
		}
	}
	defInt := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	def(&l.Memory, 384<<20)
	def(&l.File, 2<<30)
	def(&l.Ratio, 250)
	defInt(&l.Depth, 8)
	defInt(&l.Entries, 500_000)
	defInt(&l.Ranges, 100_000)
	if l.Time <= 0 {
		l.Time = 2 * time.Minute
	}
	return l
}

const (
	ratioFloor   = 64 << 20 // streams that unpack to no more than this are not held to Limits.Ratio
	maxTreeDepth = 256      // folders within folders
	maxName      = 4096     // bytes of one name or link target
	maxNotes     = 100      // problems recorded per tree; further ones are counted
)

var errTime = errors.New("time limit reached; raise Limits.Time")

// problem is a reason with its words; as an error it travels up to where place and size are known.
type problem struct {
	reason Reason
	why    string
}

func (p *problem) Error() string { return string(p.reason) + ": " + p.why }

func fail(reason Reason, format string, args ...any) error {
	return &problem{reason, fmt.Sprintf(format, args...)}
}

// asProblem turns any error met while reading into a reason and a line.
func asProblem(err error) *problem {
	var p *problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, errTime), errors.Is(err, context.DeadlineExceeded):
		return &problem{Limit, errTime.Error()}
	}
	return &problem{Corrupt, err.Error() + "; get a fresh copy of the image"}
}

// stopped reports whether the work must end: the caller's cancellation as error, the time limit as a problem.
func (b *builder) stopped() error {
	if b.ctx.Err() == nil {
		return nil
	}
	return context.Cause(b.ctx)
}
