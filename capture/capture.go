package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Options bound an analysis. The zero value is of use.
type Options struct {
	// Devices are the hardware or IP addresses of what is looked at, as far as they are known beforehand. Where a
	// bound bites, what they take part in is kept before all else.
	Devices []string

	MaxBytes         int64 // read of each file after decompression; default 1 TiB
	MaxFlows         int   // followed at the same time; default 8,192
	MaxConversations int   // told of; default 10,000, and as many again for Devices
	MaxHosts         int   // default 10,000

	Progress func(bytes int64) // told now and then how many bytes were read, before decompression; may be nil
}

func (o Options) orDefaults() Options {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 1 << 40
	}
	def(&o.MaxFlows, 8<<10)
	def(&o.MaxConversations, 10_000)
	def(&o.MaxHosts, 10_000)
	return o
}

// File is what is known of one capture file as a file.
type File struct {
	Name        string    `json:"name"`
	Format      string    `json:"format"`                // "pcap" or "pcapng"
	Compression string    `json:"compression,omitempty"` // "gzip" or "zstd"
	Links       []string  `json:"links"`                 // kinds of link layer seen
	Packets     int64     `json:"packets"`
	Bytes       int64     `json:"bytes"` // on the wire, as the file says
	First       time.Time `json:"first,omitzero"`
	Last        time.Time `json:"last,omitzero"`
	Cut         int64     `json:"cut,omitempty"`     // packets of which the end was not recorded
	Unread      []Tally   `json:"unread,omitempty"`  // frames that were counted and not read, by why
	Problem     string    `json:"problem,omitempty"` // why reading ended before the file did
}

// Tally counts something.
type Tally struct {
	What  string `json:"what"`
	Count int64  `json:"count"`
}

// Analysis reads one capture after another, of the same network.
type Analysis struct {
	o Options
	t *tracker
}

// New begins an analysis.
func New(o Options) *Analysis {
	o = o.orDefaults()
	return &Analysis{o: o, t: newTracker(o)}
}

// errInternal is the error of a mistake of ours that a packet brought to light.
var errInternal = errors.New("cannot be read, by a mistake of this program; please report it with the packet")

// ErrFormat is the error of what is no capture.
var ErrFormat = errors.New("is not a pcap or pcapng capture")

// Read reads one capture. What is broken within it ends the reading, is said in
// File.Problem, and what came before it counts. It is an error where nothing of it
// is a capture, or the context ended.
func (a *Analysis) Read(ctx context.Context, name string, r io.Reader) (file File, err error) {
	counted := &counter{r: r}
	src, err := openFile(counted, a.o.MaxBytes)
	if err != nil {
		return File{}, err
	}
	defer src.close()
	file = File{Name: name, Format: src.format, Compression: src.compression}
	a.t.begin(name)
	var f frame
	defer func() { // our mistake, which no capture may turn into an end of the program
		if v := recover(); v != nil {
			err = fmt.Errorf("packet %d: %w: %v", f.n, errInternal, v)
		}
	}()
	for {
		if f.n&0x3ff == 0 {
			if err := ctx.Err(); err != nil {
				return file, err
			}
			if a.o.Progress != nil && f.n&0x3fff == 0 {
				a.o.Progress(counted.n)
			}
		}
		err := src.next(&f)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			file.Problem = fmt.Sprintf("after packet %d: %v", f.n, err)
			break
		}
		a.t.frame(&f)
	}
	a.t.end(&file)
	file.Packets = f.n
	a.t.result.Files = append(a.t.result.Files, file)
	return file, nil
}

// Result is what was found in all that was read. Reading on after it is a mistake.
func (a *Analysis) Result() *Result { return a.t.finish() }

// Read is New, Read and Result for one capture.
func Read(ctx context.Context, name string, r io.Reader, o Options) (*Result, error) {
	a := New(o)
	if _, err := a.Read(ctx, name, r); err != nil {
		return nil, err
	}
	return a.Result(), nil
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
