package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/internal/picture"
)

// ReportPhoto is a photograph that goes with an answer. What a report shows is made
// anew from it: upright, smaller, and without what the camera wrote into the file,
// such as where it was taken. The file itself stays in the dossier, named by its digest.
type ReportPhoto struct {
	Name     string       `json:"name"`
	Digest   assay.Digest `json:"digest"` // of the file as it was given
	Format   string       `json:"format"`
	Width    int          `json:"width,omitempty"` // of the file, in pixels, as it lies in it
	Height   int          `json:"height,omitempty"`
	Uses     []PhotoUse   `json:"uses"`
	NotShown string       `json:"not_shown,omitempty"` // why a report cannot show it

	JPEG        []byte `json:"-"` // what is shown
	ShownWidth  int    `json:"-"`
	ShownHeight int    `json:"-"`
}

// PhotoUse is an answer that a photograph goes with.
type PhotoUse struct {
	Of      string    `json:"of"`             // the case
	Unit    string    `json:"unit,omitempty"` // its letter; "" where the case is covered from elsewhere
	Caption string    `json:"caption"`        // what was seen, in the words of who answered
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// PhotoLimits bound what photographs cost and how large they make a report; a zero
// field means the default.
type PhotoLimits struct {
	FileBytes  int64          // of one file; 0 means 64 MiB
	Picture    picture.Limits // of one picture
	Count      int            // of pictures shown; 0 means 120
	ShownBytes int64          // of all pictures shown; 0 means 20 MiB

	// Draw makes what is shown of a file that read reads; nil is picture.Show. It may
	// give back what it drew before. An error that is no picture.Fault ends ShowPhotos.
	Draw func(ctx context.Context, digest assay.Digest, read func() ([]byte, error)) (picture.Shown, error)
}

func (l PhotoLimits) orDefaults() PhotoLimits {
	if l.FileBytes <= 0 {
		l.FileBytes = 64 << 20
	}
	if l.ShownBytes <= 0 {
		l.ShownBytes = 20 << 20
	}
	if l.Count <= 0 {
		l.Count = 120
	}
	if l.Draw == nil {
		l.Draw = func(_ context.Context, _ assay.Digest, read func() ([]byte, error)) (picture.Shown, error) {
			data, err := read()
			if err != nil {
				return picture.Shown{}, err
			}
			return picture.Show(data, l.Picture)
		}
	}
	return l
}

// ShowPhotos makes ready what the report shows of the photographs that go with its
// answers, in the order of the answers. One that cannot be shown is named, with the
// reason. The error is that of ctx, or of evidence that cannot be opened.
func (r *Report) ShowPhotos(ctx context.Context, d *dossier.Dossier, limits PhotoLimits) error {
	limits = limits.orDefaults()
	items := map[assay.Digest]evidence.Item{}
	for _, i := range d.Evidence.Items() {
		if _, there := items[i.Digest]; !there && !i.Folder {
			items[i.Digest] = i
		}
	}
	r.Photos = []ReportPhoto{}
	count, size, full := 0, int64(0), false
	for _, use := range r.given() {
		if at := slices.IndexFunc(r.Photos, func(p ReportPhoto) bool { return p.Digest == use.digest }); at >= 0 {
			r.Photos[at].Uses = append(r.Photos[at].Uses, use.PhotoUse)
			continue
		}
		item, there := items[use.digest]
		if !there { // of which the record says that it does not count
			continue
		}
		p, err := look(ctx, d, item, limits, full)
		if err != nil {
			return err
		}
		if p == nil {
			continue
		}
		p.Uses = []PhotoUse{use.PhotoUse}
		if p.JPEG != nil {
			if size+int64(len(p.JPEG)) > limits.ShownBytes {
				p.JPEG, p.NotShown, full = nil, noMore, true
			} else {
				count, size = count+1, size+int64(len(p.JPEG))
				full = count == limits.Count
			}
		}
		r.Photos = append(r.Photos, *p)
	}
	return nil
}

const noMore = "the report shows no more pictures than this; the file is in the dossier"

// given is a file that goes with an answer.
type given struct {
	PhotoUse
	digest assay.Digest
}

func (r *Report) given() []given {
	var all []given
	take := func(rec *ReportRecord, caseID, unit string) {
		if rec == nil {
			return
		}
		for _, e := range rec.Evidence {
			if e.Place != ixitPlace {
				all = append(all, given{PhotoUse{caseID, unit, rec.Reason, rec.By, rec.At}, e.Digest})
			}
		}
	}
	for _, g := range r.Groups {
		for _, c := range g.Cases {
			take(c.Covered, c.ID, "")
			for _, u := range c.Units {
				take(u.Record, c.ID, u.Unit)
			}
		}
	}
	return all
}

// look reads one file; nil when it is no picture, by its content and by its name. Where
// the report is full, it only names it.
func look(ctx context.Context, d *dossier.Dossier, item evidence.Item, limits PhotoLimits, full bool) (*ReportPhoto, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := d.Evidence.Open(item)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, picture.HeadBytes)
	n, err := io.ReadFull(f, head)
	if err != nil && n == 0 && item.Size > 0 {
		return nil, fmt.Errorf("read %s: %w", item.Name, err)
	}
	p := &ReportPhoto{Name: item.Name, Digest: item.Digest, Format: picture.Format(head[:n])}
	if p.Format == "" {
		if !slices.Contains(pictureEndings, strings.ToLower(path.Ext(item.Name))) {
			return nil, nil
		}
		p.Format, p.NotShown = "unknown", "it is named like a picture, and is none that can be read"
		return p, nil
	}
	if err := picture.Readable(p.Format); err != nil {
		p.NotShown = err.Error()
		return p, nil
	}
	if item.Size > limits.FileBytes {
		p.NotShown = fmt.Sprintf("the file is larger than %d MiB", limits.FileBytes>>20)
		return p, nil
	}
	if full {
		p.NotShown = noMore
		return p, nil
	}
	shown, err := limits.Draw(ctx, item.Digest, func() ([]byte, error) {
		data, err := io.ReadAll(io.NewSectionReader(f, 0, limits.FileBytes))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", item.Name, err)
		}
		return data, nil
	})
	p.Width, p.Height = shown.Width, shown.Height
	if reason := picture.Fault(""); errors.As(err, &reason) {
		p.NotShown = reason.Error()
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	p.JPEG, p.ShownWidth, p.ShownHeight = shown.JPEG, shown.ShownWidth, shown.ShownHeight
	return p, nil
}

// pictureEndings are those of files that people take for pictures.
var pictureEndings = []string{".jpg", ".jpeg", ".png", ".webp", ".gif", ".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp", ".dng"}
