package image

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"slices"
	"sync"

	"github.com/assay-psti/assay/component"
	"github.com/assay-psti/assay/firmware"
	"github.com/assay-psti/assay/internal/reading"
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
	runs := i.runs()
	errs := make([]error, len(runs))
	slots := make(chan struct{}, min(runtime.GOMAXPROCS(0), maxAtOnce))
	var wg sync.WaitGroup
	for n, p := range runs {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[n] = p.read(ctx)
		})
	}
	wg.Wait()
	i.Programs = runs
	return errors.Join(errs...)
}

// maxAtOnce bounds how many programs are looked through side by side, each in a
// window of its own.
const maxAtOnce = 4

// read looks through one program.
func (p *Program) read(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil { // a mistake of ours must not end the program, nor pass for bytes that were looked at
			p.Unread = append(p.Unread, fmt.Sprintf("its contents made the program fail, so it was not looked at whole: %v", v))
		}
	}()
	finder := component.NewFinder()
	var texts *rootfs.ImageReader
	var contents *rootfs.ProgramReader
	look := &programReader{program: p}
	readers := []reading.Reader{finder, look}
	if p.What != string(kindLinux) { // a kernel's texts name symbols, no settings
		texts, contents, look.texts = rootfs.NewImageReader(), rootfs.NewProgramReader(), true
		readers = append(readers, texts, contents)
	}
	stats, err := reading.Stream(ctx, p.What, io.NewSectionReader(p.Item.Image.Bytes(p.Space), p.Offset, p.Size), readers...)
	if err != nil {
		return fmt.Errorf("look through %s: %w", p.What, err)
	}
	p.Components = finder.Inventory(stats).Components
	if texts != nil {
		p.Credentials, p.Contents = texts.Credentials(), contents.Contents(stats)
		p.takeCredentials()
	}
	p.What = fmt.Sprintf("%s at %#x", p.What, p.Offset)
	for j := range p.Components {
		for k := range p.Components[j].Evidence {
			e := &p.Components[j].Evidence[k]
			e.File, e.Offset = p.What, e.Offset+p.Offset
		}
	}
	return nil
}

// programReader looks for what a program asks of its user.
type programReader struct {
	program *Program
	texts   bool
}

var _ reading.Reader = (*programReader)(nil)

func (r *programReader) Miss(_, why string) { r.program.Unread = append(r.program.Unread, why) }

func (r *programReader) File(string) func(*reading.Window) {
	if !r.texts {
		return nil
	}
	return func(w *reading.Window) {
		p, from := r.program, max(w.Seen-nearby, 0)
		at := w.Base + int64(from)
		p.asks(w.Data[from:], at)
		if p.Forces == nil {
			if i := forces(w.Data[from:]); i >= 0 {
				p.Forces = &rootfs.Place{Offset: at + int64(i)}
			}
		}
	}
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
func (p *Program) asks(data []byte, base int64) {
	for _, at := range anchored(data, []byte("assw")) {
		from, to := max(0, at-32), min(len(data), at+16)
		m := askName.FindIndex(data[from:to])
		if m == nil {
			continue
		}
		name := string(data[from+m[0] : from+m[1]])
		known := slices.ContainsFunc(p.Asks, func(a Ask) bool { return a.Name == name })
		if !known && len(p.Asks) < maxAsks {
			p.Asks = append(p.Asks, Ask{name, base + int64(from+m[0])})
		}
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
