package laboratory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/bench"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/internal/picture"
)

// Sizes in which photographs are shown, in pixels of the longer side.
const (
	Small = 320
	Large = 1280
)

// Bounds of photographs that are shown; what decoding one takes is bounded by package
// picture, and one is decoded at a time.
const (
	maxPictured    = 40 << 20 // bytes of its file
	maxReported    = 60       // in one report
	maxReportBytes = 10 << 20 // of all that one report shows
)

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// Picture is a photograph among the evidence of a test, made anew: turned as it was
// taken, no larger than size, and with nothing of the file in it but what it shows. The
// error is of kind assay.ErrInvalid where the file is no photograph that can be shown.
func (r *Room) Picture(ctx context.Context, org, id string, digest assay.Digest, size int) ([]byte, error) {
	place, err := at(org, id)
	if err != nil {
		return nil, err
	}
	if _, err := r.Test(org, id); err != nil {
		return nil, err
	}
	if !digestForm.MatchString(string(digest)) || size != Small && size != Large {
		return nil, notFound()
	}
	shown, err := r.drawn(ctx, place, digest, size, func() (data []byte, err error) {
		err = r.Look(ctx, org, id, func(v *Visit) error {
			item, ok := v.Item(digest)
			if !ok {
				return notFound()
			}
			switch {
			case item.Kind != evidence.Device && item.Kind != evidence.Documents:
				return picture.Readable("")
			case item.Size > maxPictured:
				return picture.Fault(fmt.Sprintf("the file is larger than %d MiB", maxPictured>>20))
			}
			f, err := v.Recorder.Dossier.Evidence.Open(item)
			if err != nil {
				return err
			}
			defer f.Close()
			data, err = io.ReadAll(io.LimitReader(f, maxPictured))
			return err
		})
		return data, err
	})
	if reason := picture.Fault(""); errors.As(err, &reason) {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, What: "the file cannot be shown here: " + reason.Error(), Do: "save it, and look at it with a program of your own"}
	}
	return shown.JPEG, err
}

// ShowPhotos makes ready what a report of this test shows of its photographs.
func (v *Visit) ShowPhotos(ctx context.Context, doc *bench.Report) error {
	return doc.ShowPhotos(ctx, v.Recorder.Dossier, bench.PhotoLimits{FileBytes: maxPictured, Count: maxReported, ShownBytes: maxReportBytes,
		Draw: func(ctx context.Context, digest assay.Digest, read func() ([]byte, error)) (picture.Shown, error) {
			return v.room.drawn(ctx, v.place, digest, Large, read)
		}})
}

// drawn is what is shown of a photograph: what was kept of it, else made of what read
// gives while no other is made.
func (r *Room) drawn(ctx context.Context, place string, digest assay.Digest, size int, read func() ([]byte, error)) (s picture.Shown, err error) {
	dir := path.Join(place, picturesDir)
	name := path.Join(dir, fmt.Sprintf("%s-%d.json", string(digest)[len("sha256:"):], size))
	if r.keptPicture(name, &s) {
		return s, nil
	}
	select {
	case r.drawing <- struct{}{}:
		defer func() { <-r.drawing }()
	case <-ctx.Done():
		return s, ctx.Err()
	}
	if r.keptPicture(name, &s) { // made while this one waited
		return s, nil
	}
	data, err := read()
	if err != nil {
		return s, err
	}
	if s, err = picture.Show(data, picture.Limits{Side: size}); err != nil {
		return s, err
	}
	kept, err := json.Marshal(s)
	if err != nil {
		return s, err
	}
	return s, r.keepPicture(dir, name, kept)
}

// keptPicture reads what was kept. One that is damaged is made again.
func (r *Room) keptPicture(name string, s *picture.Shown) bool {
	data, err := r.root.ReadFile(name)
	if err == nil && json.Unmarshal(data, s) == nil && len(s.JPEG) > 0 {
		return true
	}
	*s = picture.Shown{}
	return false
}

// keepPicture keeps what was made. A folder that went meanwhile is not made again.
func (r *Room) keepPicture(dir, name string, data []byte) error {
	if err := r.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return ifThere(err)
	}
	beside := name + ".part"
	f, err := r.root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return ifThere(err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return ifThere(r.root.Rename(beside, name))
}

func ifThere(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
