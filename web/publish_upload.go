package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/ziplist"
	"github.com/assay-psti/assay/register"
)

// Bounds of what is sent with forms.
const (
	uploadLimit = register.MaxBundleBytes + 64<<10
	importLimit = 64 << 20 // of a range with its statements, in the browser; programs may send more

	maxImports    = 2    // at once
	maxParts      = 5000 // fields and files of one form
	maxFieldBytes = 64 << 10
	maxZipRatio   = 100              // unpacked to packed
	maxStatements = 4000             // sent beside a range
	uploadTime    = 10 * time.Minute // within which files must have come
	maxUnpacked   = int64(96) << 20  // of one archive
)

// upload is a file as it was sent. Its name is data: nothing is opened by it.
type upload struct {
	Name string
	Data []byte
}

// sent are the fields and files of a form.
type sent struct {
	url.Values
	files map[string][]upload
}

// slot takes one of the few places for what needs much memory, and gives it back; where
// none is free the answer is to come again.
func (s *Server) slot(w http.ResponseWriter) (release func(), err error) {
	select {
	case s.accounts.imports <- struct{}{}:
		return func() { <-s.accounts.imports }, nil
	default:
		w.Header().Set("Retry-After", "30")
		return nil, &coded{http.StatusServiceUnavailable, assay.Problem{Kind: assay.ErrRefused, What: "others import at this moment", Do: "try again in half a minute"}}
	}
}

// file is the one file of a field; nil where none was chosen.
func (f *sent) file(name string) *upload {
	for i := range f.files[name] {
		if len(f.files[name][i].Data) > 0 {
			return &f.files[name][i]
		}
	}
	return nil
}

// parts reads a form with files. The body's own limit bounds all of it; no file is
// written to disk.
func (s *Server) parts(w http.ResponseWriter, r *http.Request) (*sent, error) {
	deadline(w, uploadTime)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, What: "the form came without its files", Do: "send it from the page"}
	}
	in, err := r.MultipartReader()
	if err != nil {
		return nil, fmt.Errorf("form: %w: %w", assay.ErrInvalid, err)
	}
	out := &sent{url.Values{}, map[string][]upload{}}
	for n := 0; ; n++ {
		p, err := in.NextPart()
		if errors.Is(err, io.EOF) {
			deadline(w, 0)
			return out, nil
		}
		if err != nil {
			return nil, hangUp(w, broken(err))
		}
		if n >= maxParts {
			return nil, &assay.Problem{Kind: assay.ErrInvalid, What: fmt.Sprintf("more than %d files were sent", maxParts), Do: "put them into one zip file"}
		}
		name := p.FormName()
		if p.FileName() == "" {
			data, err := io.ReadAll(io.LimitReader(p, maxFieldBytes+1))
			if err != nil {
				return nil, hangUp(w, broken(err))
			}
			if len(data) > maxFieldBytes {
				return nil, register.Faults{{Field: name, What: "is too long", Do: "make it shorter"}}
			}
			out.Add(name, string(data))
			continue
		}
		data, err := io.ReadAll(p)
		if err != nil {
			return nil, hangUp(w, broken(err))
		}
		out.files[name] = append(out.files[name], upload{path.Base(strings.ReplaceAll(p.FileName(), `\`, "/")), data})
	}
}

// broken says what became of a body that did not come whole.
func broken(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &coded{http.StatusRequestTimeout, assay.Problem{Kind: assay.ErrRefused, What: "what you sent came too slowly", Do: "try again over a better connection"}}
	}
	return &assay.Problem{Kind: assay.ErrInvalid, What: "what was sent broke off or is no form", Do: "send it again", Err: err}
}

// hangUp ends the connection after the answer: the rest of a body that broke off is not
// waited for.
func hangUp(w http.ResponseWriter, err error) error {
	w.Header().Set("Connection", "close")
	return err
}

// deadline bounds how long the rest of a body may take; 0 ends the bound.
func deadline(w http.ResponseWriter, d time.Duration) {
	var at time.Time
	if d > 0 {
		at = time.Now().Add(d)
	}
	_ = http.NewResponseController(w).SetReadDeadline(at) // a writer of a test knows no deadlines
}

// statements are the signed statements that were sent beside a range, one by one or
// in zip archives, by their names.
func statements(files []upload) (func(string) ([]byte, error), error) {
	known := map[string][]byte{}
	add := func(name string, data []byte) error {
		if _, twice := known[name]; twice {
			return register.Faults{{Field: "statements", What: fmt.Sprintf("hold %.80q twice", name), Do: "give each file a name of its own"}}
		}
		if len(known) >= maxStatements {
			return register.Faults{{Field: "statements", What: fmt.Sprintf("are more than %d", maxStatements), Do: "import the range in parts"}}
		}
		known[name] = data
		return nil
	}
	for _, f := range files {
		if len(f.Data) == 0 {
			continue
		}
		if !bytes.HasPrefix(f.Data, []byte("PK\x03\x04")) {
			if err := add(f.Name, f.Data); err != nil {
				return nil, err
			}
			continue
		}
		if err := unpack(f, add); err != nil {
			return nil, err
		}
	}
	return func(name string) ([]byte, error) {
		data, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("statement: %w", assay.ErrNotFound)
		}
		return data, nil
	}, nil
}

// unpack reads the files of a zip archive. What its headers say of sizes is not
// believed: what comes out is counted.
func unpack(f upload, add func(string, []byte) error) error {
	wrong := func(what string) error {
		return register.Faults{{Field: "statements", What: fmt.Sprintf("%.80q %s", f.Name, what), Do: "send a plain zip file with the signed statements in it"}}
	}
	z, err := ziplist.Open(bytes.NewReader(f.Data), int64(len(f.Data)), maxStatements)
	if errors.Is(err, ziplist.ErrTooMany) {
		return wrong(fmt.Sprintf("holds more than %d files", maxStatements))
	}
	if err != nil {
		return wrong("is no zip file that can be read")
	}
	left := min(maxUnpacked, int64(len(f.Data))*maxZipRatio)
	for _, entry := range z.File {
		name := path.Base(strings.ReplaceAll(entry.Name, `\`, "/"))
		if strings.HasSuffix(entry.Name, "/") || strings.HasPrefix(name, ".") {
			continue
		}
		in, err := entry.Open()
		if err != nil {
			return wrong("is packed in a way that is not read here")
		}
		most := min(left, register.MaxStatementBytes)
		data, err := io.ReadAll(io.LimitReader(in, most+1))
		_ = in.Close()
		switch {
		case int64(len(data)) > most && most < register.MaxStatementBytes:
			return wrong("unpacks to far more than it is")
		case int64(len(data)) > most:
			return wrong(fmt.Sprintf("holds %.80q, which is larger than any statement", name))
		case err != nil:
			return wrong(fmt.Sprintf("is damaged at %.80q", name))
		}
		left -= int64(len(data))
		if err := add(name, data); err != nil {
			return err
		}
	}
	return nil
}

// attach hands a file of somebody's out for saving, and for nothing else: no browser
// shows it as a page, whatever it holds.
func attach(w http.ResponseWriter, r *http.Request, name string, data []byte) {
	attachFrom(w, r, name, bytes.NewReader(data))
}

func attachFrom(w http.ResponseWriter, r *http.Request, name string, data io.ReadSeeker) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": register.Slug(strings.TrimSuffix(name, path.Ext(name))) + path.Ext(name)}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	http.ServeContent(w, r, "", time.Time{}, data)
}
