package image

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"github.com/assay-psti/assay/component"
	"github.com/assay-psti/assay/firmware"
	"github.com/assay-psti/assay/rootfs"
)

// minProgram is the least number of bytes worth looking through.
const minProgram = 32

// programs looks through what lies outside of trees: in each space the runs of
// ranges that hold no tree, no packed stream and nothing opaque. A run is not
// broken by padding, so that a name and its value stay together.
func (i *Item) programs(ctx context.Context) error {
	if len(i.Image.Spaces) == 0 {
		return nil
	}
	for _, p := range i.runs() {
		section := func() io.Reader { return io.NewSectionReader(i.Image.Bytes(p.Space), p.Offset, p.Size) }
		var err error
		if p.What != string(kindLinux) { // a kernel's texts name symbols, no settings
			if p.Credentials, err = rootfs.ReadImage(ctx, section()); err != nil {
				return fmt.Errorf("look through %s: %w", p.What, err)
			}
			if p.Contents, err = rootfs.ReadProgram(ctx, section()); err != nil {
				return fmt.Errorf("look through %s: %w", p.What, err)
			}
			p.takeCredentials()
			if p.Asks, err = asks(ctx, section()); err != nil {
				return fmt.Errorf("look through %s: %w", p.What, err)
			}
		}
		inv, err := component.FindIn(ctx, p.What, section())
		if err != nil {
			return fmt.Errorf("look through %s: %w", p.What, err)
		}
		p.Components = inv.Components
		if len(p.Credentials) > 0 {
			r := Replacement{}
			if err := r.look(ctx, section(), "", false); err != nil {
				return fmt.Errorf("look through %s: %w", p.What, err)
			}
			p.Forces = r.Forces
		}
		p.What = fmt.Sprintf("%s at %#x", p.What, p.Offset)
		for j := range p.Components {
			for k := range p.Components[j].Evidence {
				e := &p.Components[j].Evidence[k]
				e.File, e.Offset = p.What, e.Offset+p.Offset
			}
		}
		i.Programs = append(i.Programs, p)
	}
	return nil
}

// takeCredentials takes in the credentials that were found by their own form, besides those found by the words around them.
func (p *Program) takeCredentials() {
	for _, c := range p.Contents.Credentials {
		known := slices.ContainsFunc(p.Credentials, func(x rootfs.Credential) bool {
			return x.Secret == c.Secret && (x.Place.Offset == c.Place.Offset || x.Key == c.Key)
		})
		if !known {
			p.Credentials = append(p.Credentials, c)
		}
	}
	p.Contents.Credentials = nil
}

// maxAsks bounds the settings that are named of one program.
const maxAsks = 5

var askName = regexp.MustCompile(`(?i)\b(?:web|admin|http|login)[ _-]?(?:admin|login|user)?[ _-]?passw(?:or)?d\b`)

// asks finds the names of settings that hold the password of a program's own
// web pages or administration, each once.
func asks(ctx context.Context, r io.Reader) ([]Ask, error) {
	const overlap = 64
	buf := make([]byte, overlap+replaceChunk)
	var found []Ask
	kept, total := 0, int64(0)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := io.ReadFull(r, buf[kept:])
		window := buf[:kept+n]
		for _, at := range anchored(window, []byte("assw")) {
			from, to := max(0, at-32), min(len(window), at+16)
			m := askName.FindIndex(window[from:to])
			if m == nil {
				continue
			}
			name := string(window[from+m[0] : from+m[1]])
			known := slices.ContainsFunc(found, func(a Ask) bool { return a.Name == name })
			if !known && len(found) < maxAsks {
				found = append(found, Ask{name, total - int64(kept) + int64(from+m[0])})
			}
		}
		total += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		kept = copy(buf, window[max(0, len(window)-overlap):])
	}
}

// anchored are the offsets at which a text stands.
func anchored(b, text []byte) []int {
	var all []int
	for at := 0; ; at += len(text) {
		i := bytes.Index(b[at:], text)
		if i < 0 {
			return all
		}
		at += i
		all = append(all, at)
	}
}

const kindLinux firmware.Kind = "linux"

// runs are the runs of bytes outside of trees, by space and offset. A kernel is a
// run by itself.
func (i *Item) runs() []*Program {
	unpacked := map[int]bool{} // ranges that a space was unpacked from
	for _, s := range i.Image.Spaces[1:] {
		unpacked[s.From] = true
	}
	inTree := func(r *firmware.Range) bool {
		for _, t := range i.Image.Trees {
			if t.Space == r.Space && r.Offset >= t.Offset && r.Offset < t.Offset+max(t.Size, 1) {
				return true
			}
		}
		return false
	}
	type leaf struct {
		*firmware.Range
		top *firmware.Range // the outermost range around it that is no tree
	}
	var leaves []leaf
	for n := range i.Image.Map {
		r := &i.Image.Map[n]
		if !r.Leaf {
			continue
		}
		top := r
		for p := r.Parent; p >= 0 && i.Image.Map[p].Space == r.Space; p = i.Image.Map[p].Parent {
			top = &i.Image.Map[p]
		}
		if unpacked[n] || r.Kind == firmware.KindOpaque || inTree(r) {
			top = nil
		}
		leaves = append(leaves, leaf{r, top})
	}
	slices.SortStableFunc(leaves, func(a, b leaf) int {
		return cmp.Or(cmp.Compare(a.Space, b.Space), cmp.Compare(a.Offset, b.Offset))
	})
	var runs []*Program
	var open *Program
	finish := func() {
		if open != nil && open.What != "" && open.Size >= minProgram {
			runs = append(runs, open)
		}
		open = nil
	}
	for _, l := range leaves {
		if open != nil && (open.Space != l.Space || open.Offset+open.Size != l.Offset) {
			finish()
		}
		kernel := l.Kind == kindLinux
		if l.top == nil || kernel {
			finish()
		}
		if l.top == nil {
			continue
		}
		if open == nil {
			open = &Program{Item: i, Space: l.Space, Offset: l.Offset}
		}
		open.Size += l.Size
		if open.What == "" && l.Kind != firmware.KindPadding {
			open.What = string(l.top.Kind)
		}
		if kernel {
			open.What = string(kindLinux)
			finish()
		}
	}
	finish()
	return runs
}
