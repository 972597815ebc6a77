package tlog

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// fixed is a key that is the same in each run, so that what a fuzzer learnt stays of use.
func fixed(t testing.TB) (note.Signer, Key) {
	t.Helper()
	seed := sha256.Sum256([]byte("a key for tests, which everybody knows"))
	private := ed25519.NewKeyFromSeed(seed[:])
	text, err := note.NewEd25519VerifierKey("example.org/log", private.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner("PRIVATE+KEY+example.org/log+" + strings.Split(text, "+")[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...)))
	if err != nil {
		t.Fatal(err)
	}
	return signer, key
}

// signed is a checkpoint over leaves.
func signed(t testing.TB, leaves ...string) (*hashes, []byte) {
	t.Helper()
	signer, _ := fixed(t)
	h := &hashes{}
	for _, l := range leaves {
		h.add(leafHash([]byte(l)))
	}
	root, err := merkle.TreeHash(h.size, h)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := note.Sign(&note.Note{Text: fmt.Sprintf("example.org/log\n%d\n%s\n", h.size, base64.StdEncoding.EncodeToString(root[:]))}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return h, raw
}

func FuzzOpenCheckpoint(f *testing.F) {
	_, key := fixed(f)
	_, good := signed(f, "a", "b", "c")
	_, empty := signed(f)
	f.Add(good)
	f.Add(empty)
	f.Add([]byte("example.org/log\n1\nAAAA\n\n— example.org/log AAAA\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := OpenCheckpoint(data, key, nil)
		if err != nil {
			return
		}
		// Nobody but the key's holder can make one that holds: it is one of ours.
		if !bytes.HasPrefix(good, []byte(fmt.Sprintf("example.org/log\n%d\n", c.Size))) && c.Size != 0 {
			t.Fatalf("a checkpoint that was never signed holds: %q", data)
		}
	})
}

func FuzzCheckpointText(f *testing.F) {
	f.Add("example.org/log\n3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
	f.Add("o\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nextension\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCheckpointText(text)
		if err != nil {
			return
		}
		again := fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
		if !strings.HasPrefix(text, again) || c.Size < 0 || c.Size > MaxSize {
			t.Fatalf("%q is read as %q", text, again)
		}
	})
}

func FuzzParseProof(f *testing.F) {
	_, key := fixed(f)
	h, raw := signed(f, "a", "b", "c")
	path, err := merkle.ProveRecord(3, 1, h)
	if err != nil {
		f.Fatal(err)
	}
	f.Add((&Proof{Index: 1, Path: plain(path), Checkpoint: raw, Extra: []byte("b")}).Encode())
	f.Add((&Proof{Checkpoint: raw}).Encode())
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 0\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProof(data)
		if err != nil {
			return
		}
		if again := p.Encode(); !bytes.Equal(again, data) {
			t.Fatalf("%q is written again as %q", data, again)
		}
		for i, leaf := range []string{"a", "b", "c", "d"} {
			if _, err := p.Verify([]byte(leaf), key, nil); err == nil && int64(i) != p.Index {
				t.Fatalf("%q proves leaf %q at %d", data, leaf, p.Index)
			}
		}
	})
}

func FuzzParseBundle(f *testing.F) {
	f.Add(appendLeaf(appendLeaf(nil, []byte("one")), []byte("two")), 2)
	f.Add([]byte{0, 0}, 1)
	f.Add([]byte{255, 255, 1}, 1)
	f.Fuzz(func(t *testing.T, data []byte, want int) {
		leaves, err := parseBundle(data, want)
		if err != nil {
			return
		}
		var again []byte
		for _, l := range leaves {
			again = appendLeaf(again, l)
		}
		if len(leaves) != want || !bytes.HasPrefix(data, again) {
			t.Fatalf("%d leaves of %q are %q", want, data, again)
		}
	})
}

func FuzzParseTilePath(f *testing.F) {
	for _, s := range []string{"tile/0/000", "tile/entries/x001/x234/067.p/8", "tile/63/999.p/255", "tile/data/000", "tile/-1/000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := parseTilePath(path)
		if err != nil {
			return
		}
		if again := tilePath(tile); again != path || strings.Contains(path, "..") {
			t.Fatalf("%q is written again as %q", path, again)
		}
		inTree(tile, MaxSize)
	})
}

// served gives out the bytes of a fuzzer, whatever is asked for.
type served []byte

func (s served) Height() int                       { return tileHeight }
func (s served) SaveTiles([]merkle.Tile, [][]byte) {}
func (s served) ReadTiles(want []merkle.Tile) ([][]byte, error) {
	out := make([][]byte, len(want))
	for i, t := range want {
		out[i] = make([]byte, t.W*merkle.HashSize)
		copy(out[i], s)
	}
	return out, nil
}

// No tiles that a server makes up support a tree that was signed.
func FuzzTiles(f *testing.F) {
	h, raw := signed(f, "a", "b", "c")
	_, key := fixed(f)
	good, err := merkle.ReadTileData(merkle.Tile{H: tileHeight, N: 0, W: 3}, h)
	if err != nil {
		f.Fatal(err)
	}
	c, err := OpenCheckpoint(raw, key, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(make([]byte, 96))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := merkle.TileHashReader(c.tree(), served(data)).ReadHashes([]int64{merkle.StoredHashIndex(0, 1)})
		if err == nil && got[0] != leafHash([]byte("b")) {
			t.Fatalf("%x stands for leaf b", got[0])
		}
	})
}

func FuzzParseLeaf(f *testing.F) {
	f.Add([]byte(`{"v":1,"kind":"published","product":"K2","sha256":"` + strings.Repeat("0a", 32) + `","at":"2026-11-22T17:50:00Z"}`))
	f.Add([]byte(`{"v":1,"SHA256":"x","sha256":"y"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := ParseLeaf(data)
		if err != nil {
			return
		}
		again, err := l.Encode()
		if err != nil {
			return // it is too long once written again
		}
		if second, err := ParseLeaf(again); err != nil || second != l {
			t.Fatalf("%q is %+v, and then %+v: %v", data, l, second, err)
		}
	})
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte("witness a witness.example/a+5f4d9b3c+BAAA\ngroup g 1 a\nquorum g\n"))
	f.Add([]byte("quorum none\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := ParsePolicy(data); err == nil && p.quorum != nil && p.met(nil) {
			t.Fatalf("nobody meets %q", data)
		}
	})
}

// The two ways to compute roots, and every proof, agree at all sizes.
func TestTreesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 700).Draw(t, "size")
		h, f := &hashes{}, &frontier{}
		for i := range size {
			leaf := leafHash(fmt.Append(nil, i))
			h.add(leaf)
			f.add(leaf)
		}
		root, err := merkle.TreeHash(size, h)
		if err != nil || f.root() != root || h.count != merkle.StoredHashCount(size) {
			t.Fatalf("%d leaves: %x and %x: %v", size, f.root(), root, err)
		}
		i := rapid.Int64Range(0, size-1).Draw(t, "leaf")
		path, err := merkle.ProveRecord(size, i, h)
		if err != nil {
			t.Fatal(err)
		}
		if err := merkle.CheckRecord(path, size, root, i, leafHash(fmt.Append(nil, i))); err != nil {
			t.Fatal(err)
		}
		older, err := merkle.TreeHash(i, h)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			return
		}
		growth, err := merkle.ProveTree(size, i, h)
		if err != nil {
			t.Fatal(err)
		}
		a, b := &Checkpoint{Size: i, Root: older}, &Checkpoint{Size: size, Root: root}
		if err := CheckGrowth(a, b, plain(growth)); err != nil {
			t.Fatal(err)
		}
		if len(growth) > 0 {
			at := rapid.IntRange(0, len(growth)-1).Draw(t, "changed")
			growth[at][3] ^= 4
			if err := CheckGrowth(a, b, plain(growth)); err == nil {
				t.Fatalf("a changed proof holds")
			}
		}
	})
}

// A walk finds any leaf that was changed, left out or added, in any order of answers.
func TestWalkFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 1500).Draw(t, "size")
		f := &frontier{}
		for i := range size {
			f.add(leafHash(fmt.Append(nil, i)))
		}
		c := &Checkpoint{Origin: "o", Size: size, Root: f.root()}
		broken := rapid.Int64Range(-1, size-1).Draw(t, "broken")
		harm := rapid.SampledFrom([]string{"changed", "left out", "added"}).Draw(t, "harm")
		err := walk(context.Background(), c, nil, nil, func(_ context.Context, n int64) ([][]byte, error) {
			var out [][]byte
			for i := n << tileHeight; i < min(size, (n+1)<<tileHeight); i++ {
				leaf := fmt.Append(nil, i)
				if i == broken {
					switch harm {
					case "changed":
						leaf = append(leaf, 'x')
					case "left out":
						continue
					case "added":
						out = append(out, slices.Clone(leaf))
					}
				}
				out = append(out, leaf)
			}
			return out, nil
		})
		if (err == nil) != (broken < 0) {
			t.Fatalf("leaf %d %s: %v", broken, harm, err)
		}
	})
}

func TestParseLeaf(t *testing.T) {
	digest := strings.Repeat("0a", 32)
	good := `{"v":1,"kind":"published","product":"K2","sha256":"` + digest + `","at":"2026-11-22T17:50:00Z"}`
	if l, err := ParseLeaf([]byte(good)); err != nil || l.Product != "K2" {
		t.Fatalf("%+v, %v", l, err)
	} else if again, err := l.Encode(); err != nil || string(again) != good {
		t.Errorf("%s, %v", again, err)
	}
	if _, err := ParseLeaf([]byte(strings.Replace(good, "}", `,"gtin":["4006381333931"]}`, 1))); err != nil {
		t.Errorf("a field more: %v", err)
	}
	for name, bad := range map[string]string{
		"empty": "", "no-object": "[]", "null": "null", "half": good[:40], "more": good + " {}", "line-end": good + "\n",
		"digest-twice":      strings.Replace(good, `"at"`, `"sha256":"`+strings.Repeat("0b", 32)+`","at"`, 1),
		"digest-other-case": strings.Replace(good, `"at"`, `"SHA256":"`+strings.Repeat("0b", 32)+`","at"`, 1),
		"digest-long-s":     strings.Replace(good, `"at"`, `"ſha256":"x","at"`, 1),
		"digest-upper":      strings.Replace(good, digest, strings.ToUpper(digest), 1),
		"digest-short":      strings.Replace(good, digest, digest[2:], 1),
		"version":           strings.Replace(good, `"v":1`, `"v":2`, 1),
		"version-missing":   strings.Replace(good, `"v":1,`, ``, 1),
		"kind-empty":        strings.Replace(good, `"published"`, `""`, 1),
		"time-elsewhere":    strings.Replace(good, `00Z`, `00+01:00`, 1),
		"time-none":         strings.Replace(good, `2026-11-22T17:50:00Z`, `yesterday`, 1),
	} {
		if l, err := ParseLeaf([]byte(bad)); err == nil {
			t.Errorf("%s: %+v", name, l)
		}
	}
}
