package tlog

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
	"sync"

	merkle "golang.org/x/mod/sumdb/tlog"

	"github.com/assay-psti/assay"
)

// Tiles are 256 hashes wide; level -1 holds leaves (C2SP tlog-tiles).
const (
	tileHeight     = 8
	tileWidth      = 1 << tileHeight
	leafLevel      = -1
	maxBundleBytes = tileWidth * (2 + MaxLeafBytes)
)

// tilePath is where a tile stands below the log's address.
func tilePath(t merkle.Tile) string {
	rest := strings.TrimPrefix(t.Path(), "tile/8/")
	if t.L == leafLevel {
		return "tile/entries/" + strings.TrimPrefix(rest, "data/")
	}
	return "tile/" + rest
}

// parseTilePath reads such a path in its one right form.
func parseTilePath(path string) (merkle.Tile, error) {
	rest, ok := strings.CutPrefix(path, "tile/")
	if !ok || len(path) > 100 || strings.HasPrefix(rest, "data/") {
		return merkle.Tile{}, fmt.Errorf("%.60q is no path of a tile", path)
	}
	if n, ok := strings.CutPrefix(rest, "entries/"); ok {
		rest = "data/" + n
	}
	t, err := merkle.ParseTilePath("tile/8/" + rest)
	if err != nil || t.L > 63 {
		return merkle.Tile{}, fmt.Errorf("%.60q is no path of a tile", path)
	}
	return t, nil
}

// inTree says whether a tree of so many leaves has this tile, as wide as it is or wider.
func inTree(t merkle.Tile, size int64) bool {
	level := max(t.L, 0)
	if level*tileHeight >= 63 {
		return false
	}
	width := size >> (level * tileHeight)
	return t.N >= 0 && t.N <= width>>tileHeight && t.N<<tileHeight+int64(t.W) <= width
}

// bundle is the tile of leaves with this number in a tree of so many leaves.
func bundle(n, size int64) merkle.Tile {
	return merkle.Tile{H: tileHeight, L: leafLevel, N: n, W: int(min(tileWidth, size-n<<tileHeight))}
}

// parseBundle reads so many leaves from the front of a bundle, which may be wider. The
// leaves are parts of data.
func parseBundle(data []byte, want int) ([][]byte, error) {
	if want < 1 || want > tileWidth {
		return nil, fmt.Errorf("a bundle of %d leaves", want)
	}
	leaves := make([][]byte, 0, want)
	for len(data) > 0 {
		if len(leaves) == tileWidth {
			return nil, fmt.Errorf("the bundle goes on after %d leaves", tileWidth)
		}
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("the bundle ends within leaf %d", len(leaves))
		}
		n := 2 + int(binary.BigEndian.Uint16(data))
		leaves = append(leaves, data[2:n:n])
		data = data[n:]
	}
	if len(leaves) < want {
		return nil, fmt.Errorf("the bundle has %d leaves, not %d", len(leaves), want)
	}
	return leaves[:want], nil
}

// appendLeaf adds a leaf to a bundle.
func appendLeaf(b, leaf []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(leaf))), leaf...)
}

// leafHash is the hash of a leaf (RFC 6962, section 2.1).
func leafHash(leaf []byte) merkle.Hash { return merkle.RecordHash(leaf) }

// hashes are all hashes of a tree that stay what they are when it grows, in memory:
// two for each leaf, 64 bytes. They stand in the order of merkle.StoredHashIndex, in
// chunks, so that growing copies nothing.
type hashes struct {
	mu     sync.RWMutex // guards the fields below
	size   int64        // leaves
	count  int64        // hashes
	chunks []*[chunkHashes]merkle.Hash
}

const chunkHashes = 1 << 12

var _ merkle.HashReader = (*hashes)(nil)

// leaves is how many leaves the tree has.
func (h *hashes) leaves() int64 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.size
}

// add appends leaves by their hashes.
func (h *hashes) add(leaves ...merkle.Hash) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, node := range leaves {
		h.push(node)
		for level := range bits.TrailingZeros64(uint64(h.size + 1)) {
			node = merkle.NodeHash(h.at(merkle.StoredHashIndex(level, h.size>>level-1)), node)
			h.push(node)
		}
		h.size++
	}
}

func (h *hashes) push(v merkle.Hash) {
	if h.count%chunkHashes == 0 {
		h.chunks = append(h.chunks, new([chunkHashes]merkle.Hash))
	}
	h.chunks[h.count/chunkHashes][h.count%chunkHashes] = v
	h.count++
}

func (h *hashes) at(i int64) merkle.Hash { return h.chunks[i/chunkHashes][i%chunkHashes] }

// ReadHashes gives stored hashes by their numbers.
func (h *hashes) ReadHashes(indexes []int64) ([]merkle.Hash, error) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	out := make([]merkle.Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= h.count {
			return nil, fmt.Errorf("hash %d of %d: %w", x, h.count, assay.ErrNotFound)
		}
		out[i] = h.at(x)
	}
	return out, nil
}

// frontier is the least that is needed to compute the root of a growing tree: the
// hashes of its full subtrees, largest first.
type frontier struct {
	size int64
	full []merkle.Hash
}

func (f *frontier) add(leaf merkle.Hash) {
	for range bits.TrailingZeros64(uint64(f.size + 1)) {
		last := len(f.full) - 1
		leaf = merkle.NodeHash(f.full[last], leaf)
		f.full = f.full[:last]
	}
	f.full = append(f.full, leaf)
	f.size++
}

func (f *frontier) root() [32]byte {
	if f.size == 0 {
		return sha256.Sum256(nil)
	}
	h := f.full[len(f.full)-1]
	for i := len(f.full) - 2; i >= 0; i-- {
		h = merkle.NodeHash(f.full[i], h)
	}
	return h
}
