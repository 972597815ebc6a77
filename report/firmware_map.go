package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
)

// ByteMap is the byte map of an image as it is drawn: one band for each run of
// bytes, the image first and below it what streams in it unpack to, each to its
// own scale; and a mark at each range that something was found in.
type ByteMap struct {
	*Firmware
	Bands []Band
	Marks []Mark
	Rows  []MapRow // every range, for the table
	More  int      // ranges that are not in the table
	Width int
	High  int
}

// Band is one run of bytes.
type Band struct {
	Title  string
	Y      int // of the title's base line
	Top    int // of the bar
	Blocks []Block
	Frames []Block // ranges that enclose others
}

// Block is one range of a band.
type Block struct {
	X, Y, W, H int
	Class      string
	Label      string // where there is room
	Title      string
}

// LabelX is where the label begins, LabelY its base line.
func (b Block) LabelX() int { return b.X + 5 }

// LabelY is the base line of the label.
func (b Block) LabelY() int { return b.Y + b.H/2 + 4 }

// Mark is the number at a range in which something was found.
type Mark struct {
	N, X, Y  int
	Where    string
	Findings []string
}

// MapRow is one range in words.
type MapRow struct {
	Space, Offset, End string
	Size               int64
	Words              string
	Class              string
	Entropy            string
	Indent             int
}

// Measures of the drawing, in its own units.
const (
	pictureWidth = 760
	bandHeight   = 34
	frameHeight  = 7
	maxFrames    = 4
	maxBands     = 40
	maxBlocks    = 400 // of one band
	maxMapRows   = 300
	labelRoom    = 7 // units a letter takes
)

// byteMap draws the map of an image; nil where there is none.
func byteMap(f *Firmware) *ByteMap {
	if len(f.Map) == 0 {
		return nil
	}
	p := &ByteMap{Firmware: f, Width: pictureWidth}
	y := 0
	bar := map[int]int{} // where the bar of a space is
	for s := range f.Spaces {
		if s == maxBands {
			break
		}
		band := p.band(s, y)
		bar[s] = band.Top
		y = band.Top + bandHeight + 20
		p.Bands = append(p.Bands, band)
	}
	p.High = y
	p.mark(bar)
	for i, r := range f.Map {
		if i == maxMapRows {
			p.More = len(f.Map) - i
			break
		}
		row := MapRow{Offset: fmt.Sprintf("%#x", r.Offset), End: fmt.Sprintf("%#x", r.Offset+r.Size), Size: r.Size, Words: strings.TrimSpace(strings.Join([]string{r.Kind, r.Name, r.Detail}, " ")), Class: blockWords[p.class(i)], Indent: r.Depth, Space: f.Spaces[r.Space].Name}
		if r.Leaf {
			row.Entropy = fmt.Sprintf("%.2f", r.Entropy)
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

func (p *ByteMap) band(space, y int) Band {
	size := max(p.Spaces[space].Size, 1)
	b := Band{Title: fmt.Sprintf("%s: %s", p.Spaces[space].Name, bytesWords(p.Spaces[space].Size)), Y: y + 14, Top: y + 42}
	scale := func(n int64) int { return int(float64(n) / float64(size) * pictureWidth) }
	depth0 := -1
	for i, r := range p.Map {
		if r.Space != space {
			continue
		}
		if depth0 < 0 {
			depth0 = r.Depth
		}
		x := scale(r.Offset)
		block := Block{X: x, W: max(scale(r.Offset+r.Size)-x, 1), Class: p.class(i), Title: fmt.Sprintf("%s at %#x, %s", strings.TrimSpace(r.Kind+" "+r.Name), r.Offset, bytesWords(r.Size))}
		if r.Leaf {
			block.Y, block.H = b.Top, bandHeight
			if block.W > labelRoom*len(r.Kind)+8 {
				block.Label = r.Kind
			}
			if len(b.Blocks) < maxBlocks {
				b.Blocks = append(b.Blocks, block)
			}
			continue
		}
		level := r.Depth - depth0
		if level >= maxFrames || len(b.Frames) >= maxBlocks {
			continue
		}
		block.Y, block.H, block.Class = b.Top-frameHeight*(min(maxFrames, 3)-level)-2, frameHeight-2, "frame"
		if level == 3 {
			continue
		}
		b.Frames = append(b.Frames, block)
	}
	return b
}

// blockWords says what the classes of ranges are, for the legend and the table.
var blockWords = map[string]string{"tree": "files", "program": "program or kernel", "packed": "packed", "header": "header", "padding": "padding", "opaque": "encrypted or not to be read", "data": "data, text or not known", "frame": "container"}

// class says what a range is for the eye.
func (p *ByteMap) class(i int) string {
	r := &p.Map[i]
	switch {
	case r.Kind == "padding" || r.Kind == "header" || r.Kind == "opaque":
		return r.Kind
	case !r.Leaf:
		return "frame"
	case slices.ContainsFunc(p.Map[i+1:], func(c Range) bool { return c.Parent == i && c.Space != r.Space }):
		return "packed"
	case slices.Contains(treeKinds, r.Kind):
		return "tree"
	case slices.Contains(programKinds, r.Kind):
		return "program"
	case slices.Contains(packedKinds, r.Kind):
		return "packed"
	}
	return "data"
}

var (
	treeKinds    = []string{"squashfs", "jffs2", "ubifs", "cramfs", "romfs", "yaffs2", "ext2", "ext3", "ext4", "fat", "iso9660", "f2fs", "cpio", "tar", "zip", "7z"}
	programKinds = []string{"linux", "u-boot", "segment", "elf", "esp-image", "bootloader", "mcuboot"}
	packedKinds  = []string{"gzip", "xz", "lzma", "bzip2", "zstd", "lz4", "lzo"}
)

// mark numbers the ranges in which something was found. A finding's place begins
// with its tree or program, whose name ends in the offset.
func (p *ByteMap) mark(bar map[int]int) {
	type finding struct{ place, words string }
	var all []finding
	add := func(place, format string, args ...any) {
		all = append(all, finding{place, fmt.Sprintf(format, args...)})
	}
	for _, a := range p.Accounts {
		if a.Live && a.State != "locked" && a.Shell != "no" {
			state := map[string]string{"empty": "no password is needed", "hash": "a fixed hash", "plain": "text that is no hash", "shadowed": "its line in shadow is missing"}[a.State]
			if a.Published != "" {
				state += " of a published default password"
			}
			add(a.Place, "account %s: %s", a.User, state)
		}
	}
	for _, s := range p.Services {
		if !s.Conditional {
			add(s.Place, "%s starts at boot without condition (%s)", s.Program, s.Kind)
		}
	}
	for _, c := range p.Credentials {
		if c.For == "login" || c.For == "wi-fi" {
			words := strings.TrimSpace("password of " + c.User)
			if c.User == "" {
				words = c.Key
			}
			if c.Published != "" {
				words += ", a published default"
			} else if c.State == "empty" {
				words += ", empty"
			}
			add(c.Place, "%s", words)
		}
	}
	for _, s := range p.Secrets {
		add(s.Place, "%s", s.What)
	}
	for _, c := range p.Certificates {
		if c.KeyAt != "" || c.Weak != "" || c.Expired {
			add(c.Place, "certificate of %s", c.Subject)
		}
	}
	for _, u := range p.Updates {
		if u.Verified == "no" {
			add(u.Place, "%s updates without a check of a signature", u.Client)
		}
	}
	for i, r := range p.Map {
		if !r.Leaf && p.class(i) != "frame" || r.Space >= len(p.Bands) {
			continue
		}
		var here []string
		for _, f := range all {
			if p.holds(r, f.place) {
				_, rest, _ := strings.Cut(f.place, ": ")
				if rest == "" {
					rest = f.place
				}
				here = append(here, f.words+" ("+rest+")")
			}
		}
		if len(here) == 0 {
			continue
		}
		size := max(p.Spaces[r.Space].Size, 1)
		x := int((float64(r.Offset) + float64(r.Size)/2) / float64(size) * pictureWidth)
		p.Marks = append(p.Marks, Mark{N: len(p.Marks) + 1, X: min(max(x, 12), pictureWidth-12), Y: bar[r.Space] + bandHeight, Where: fmt.Sprintf("%s at %#x of %s", r.Kind, r.Offset, p.Spaces[r.Space].Name), Findings: here})
	}
}

// holds reports whether a finding's place is in a range: "squashfs at 0x40000: etc/passwd"
// names the tree, "tar at 0x0 in gzip at 0x0: ..." the stream too, and
// "esp-image at 0x0, offset 0x7753 of input" the byte.
func (p *ByteMap) holds(r Range, place string) bool {
	if _, after, ok := strings.Cut(place, ", offset 0x"); ok {
		var at int64
		var space string
		if n, _ := fmt.Sscanf(after, "%x of", &at); n == 1 {
			_, space, _ = strings.Cut(after, " of ")
			return r.Leaf && space == p.Spaces[r.Space].Name && at >= r.Offset && at < r.Offset+r.Size
		}
	}
	tree, _, _ := strings.Cut(place, ": ")
	name := fmt.Sprintf("%s at %#x", r.Kind, r.Offset)
	if tree == name {
		return r.Space == 0
	}
	return r.Space > 0 && tree == name+" in "+p.Spaces[r.Space].Name
}

func bytesWords(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return plural(int(n), "byte")
}

// Box is the drawing's view box.
func (p *ByteMap) Box() template.HTMLAttr {
	return template.HTMLAttr(fmt.Sprintf(`viewBox="-2 0 %d %d" width="%d" height="%d"`, p.Width+4, p.High+4, p.Width+4, p.High+4)) //nolint:gosec // numbers of our own
}

// Hidden is how many runs of bytes are not drawn.
func (p *ByteMap) Hidden() int { return max(0, len(p.Spaces)-len(p.Bands)) }

// Legend is the classes that occur.
func (p *ByteMap) Legend() []Block {
	var all []Block
	for _, class := range []string{"tree", "program", "packed", "header", "padding", "opaque", "data"} {
		for _, b := range p.Bands {
			if slices.ContainsFunc(b.Blocks, func(x Block) bool { return x.Class == class }) {
				all = append(all, Block{Class: class, Label: blockWords[class]})
				break
			}
		}
	}
	return all
}
