package tlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	merkle "golang.org/x/mod/sumdb/tlog"

	"github.com/assay-psti/assay"
)

// Handler serves the log for reading, as C2SP tlog-tiles says, and its key at
// log.vkey. It gives out nothing that the published checkpoint does not commit to,
// and no leaf that does not fit its hash: what a cache keeps for a year must be right.
// Mount it with http.StripPrefix.
func (l *Log) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			plainError(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(r.URL.Path, "/")
		data, err := l.resource(name)
		h := w.Header()
		switch {
		case errors.Is(err, assay.ErrNotFound):
			plainError(w, "not in this log", http.StatusNotFound)
			return
		case err != nil:
			slog.Error("serve the log", "name", name, "error", err)
			plainError(w, "the log cannot be read", http.StatusInternalServerError)
			return
		}
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		if !strings.HasPrefix(name, "tile/") {
			h.Set("Content-Type", "text/plain; charset=utf-8")
			h.Set("Cache-Control", "public, max-age=1")
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Access-Control-Allow-Origin", "*") // it is public, and may be checked in a browser
		sum := sha256.Sum256(data)
		h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
}

func plainError(w http.ResponseWriter, text string, status int) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, text, status)
}

// resource is what stands at a path of the log.
func (l *Log) resource(name string) ([]byte, error) {
	c, err := l.Checkpoint()
	if err != nil {
		return nil, err
	}
	switch name {
	case checkpointName:
		return c.Raw, nil
	case keyName:
		return []byte(l.key.String() + "\n"), nil
	}
	t, err := parseTilePath(name)
	if err != nil || !inTree(t, c.Size) {
		return nil, assay.ErrNotFound
	}
	if t.L != leafLevel {
		return merkle.ReadTileData(t, l.hashes)
	}
	leaves, err := readBundleAsIs(l.root, t)
	if errors.Is(err, assay.ErrNotFound) && t.W < tileWidth {
		// No checkpoint had this width. What is there is wider, and begins the same.
		leaves, err = readBundleAsIs(l.root, bundle(t.N, c.Size))
		leaves = leaves[:min(len(leaves), t.W)]
	}
	if errors.Is(err, assay.ErrNotFound) {
		return nil, &assay.Problem{Kind: assay.ErrInternal, Where: name, What: "is lost", Err: errors.New(err.Error())}
	}
	if err != nil {
		return nil, err
	}
	return l.checked(t, leaves)
}

// checked writes a bundle whose leaves have the hashes that the tree has.
func (l *Log) checked(t merkle.Tile, leaves [][]byte) ([]byte, error) {
	t.L = 0
	want, err := merkle.ReadTileData(t, l.hashes)
	if err != nil {
		return nil, err
	}
	var out []byte
	for i, leaf := range leaves {
		if h := leafHash(leaf); !bytes.Equal(h[:], want[i*merkle.HashSize:(i+1)*merkle.HashSize]) {
			return nil, &assay.Problem{Kind: assay.ErrInternal, Where: tilePath(bundle(t.N, MaxSize)), What: "was changed in the folder", Do: "restore it from a backup or a mirror"}
		}
		out = appendLeaf(out, leaf)
	}
	return out, nil
}
