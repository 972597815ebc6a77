//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package tlog_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	tclient "github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/tlog"
)

// inspect runs Tessera's own checker. It can hang on a log that was changed, so what
// did not end well in time is a fault.
func inspect(t *testing.T, key tlog.Key, address string, patience time.Duration) error {
	t.Helper()
	v, err := note.NewVerifier(key.String())
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address + "/")
	if err != nil {
		t.Fatal(err)
	}
	f, err := tclient.NewHTTPFetcher(u, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- fsck.New(key.Origin(), v, f, func(data []byte) ([][]byte, error) {
			var b api.EntryBundle
			if err := b.UnmarshalText(data); err != nil {
				return nil, err
			}
			var out [][]byte
			for _, e := range b.Entries {
				out = append(out, rfc6962.DefaultHasher.HashLeaf(e))
			}
			return out, nil
		}, fsck.Opts{N: 2}).Check(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Another program finds the log whole, as we serve it, as its folder lies there, and
// as our mirror copied it; and it finds what we changed.
func TestTesseraAgrees(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	l := open(t, dir)
	size := int64(66000) // three levels of tiles
	if testing.Short() {
		size = 3000
	}
	c := fill(t, l, size)
	s := serve(t, l.Handler())
	if _, err := tlog.Mirror(t.Context(), s.url, copied, tlog.ClientOptions{}, nil); err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]http.Handler{"handler": l.Handler(), "folder": folder(filepath.Join(dir, "log")), "mirror": folder(copied)} {
		if err := inspect(t, l.Key(), serve(t, h).url, time.Minute); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := inspect(t, l.Key(), serve(t, but(l.Handler(), "tile/entries/010", flipped(l.Handler(), 20))).url, 2*time.Second); err == nil {
		t.Error("the other program does not see a changed leaf: it does not look")
	}

	// Its proofs are ours, byte for byte.
	u, _ := url.Parse(s.url + "/")
	f, err := tclient.NewHTTPFetcher(u, nil)
	if err != nil {
		t.Fatal(err)
	}
	pb, err := tclient.NewProofBuilder(t.Context(), uint64(c.Size), f.ReadTile)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int64{0, 1, 255, 256, size - 465, size - 464, size - 1} {
		want, err := pb.InclusionProof(t.Context(), uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.Prove(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprintf("proof of leaf %d", i), got.Path, want)
		if i == 0 {
			continue
		}
		if want, err = pb.ConsistencyProof(t.Context(), uint64(i), uint64(c.Size)); err != nil {
			t.Fatal(err)
		}
		growth, err := l.ProveGrowth(i, c.Size)
		if err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprintf("growth from %d", i), growth, want)
	}
}

func same(t *testing.T, what string, got [][32]byte, want [][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d hashes, want %d", what, len(got), len(want))
	}
	for i := range got {
		if !bytes.Equal(got[i][:], want[i]) {
			t.Fatalf("%s: hash %d differs", what, i)
		}
	}
}

// watcher is a witness as C2SP tlog-witness describes it, for one log.
type watcher struct {
	vkey   string
	signer *fnote.Signer
	log    tlog.Key
	url    string

	mu     sync.Mutex // guards the fields below
	held   *tlog.Checkpoint
	asleep bool
}

func watch(t *testing.T, name string, key tlog.Key) *watcher {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(b []byte) string { return base64.StdEncoding.EncodeToString(append([]byte{4}, b...)) }
	sum := sha256.Sum256(append([]byte(name+"\n\x04"), public...))
	id := fmt.Sprintf("%08x", binary.BigEndian.Uint32(sum[:]))
	w := &watcher{log: key, vkey: name + "+" + id + "+" + encode(public)}
	// The signer of another library keeps our reading of the format honest.
	skey := "PRIVATE+KEY+" + name + "+" + noteID(name, 1, public) + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...))
	if w.signer, err = fnote.NewSignerForCosignatureV1(skey); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func noteID(name string, kind byte, public []byte) string {
	sum := sha256.Sum256(append([]byte(name+"\n"+string(kind)), public...))
	return fmt.Sprintf("%08x", binary.BigEndian.Uint32(sum[:]))
}

func (w *watcher) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asleep || r.URL.Path != "/add-checkpoint" {
		http.Error(rw, "no", http.StatusServiceUnavailable)
		return
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
	head, raw, _ := strings.Cut(string(body), "\n\n")
	lines := strings.Split(head, "\n")
	old, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "old "), 10, 64)
	shown, err2 := tlog.OpenCheckpoint([]byte(raw), w.log, nil)
	if err != nil || err2 != nil {
		http.Error(rw, "no", http.StatusForbidden)
		return
	}
	if w.held == nil {
		w.held = &tlog.Checkpoint{Origin: shown.Origin, Root: sha256.Sum256(nil)}
	}
	if old != w.held.Size {
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", w.held.Size)
		return
	}
	var proof [][32]byte
	for _, l := range lines[1:] {
		h, err := base64.StdEncoding.DecodeString(l)
		if err != nil || len(h) != 32 {
			http.Error(rw, "no", http.StatusBadRequest)
			return
		}
		proof = append(proof, [32]byte(h))
	}
	if err := tlog.CheckGrowth(w.held, shown, proof); err != nil {
		http.Error(rw, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	n, err := note.Open([]byte(raw), note.VerifierList(mustVerifier(w.log)))
	if err != nil {
		http.Error(rw, "no", http.StatusForbidden)
		return
	}
	signed, err := note.Sign(&note.Note{Text: n.Text}, w.signer)
	if err != nil {
		http.Error(rw, "no", http.StatusInternalServerError)
		return
	}
	w.held = shown
	rw.Write(signed[len(n.Text)+1:])
}

func mustVerifier(k tlog.Key) note.Verifier {
	v, err := note.NewVerifier(k.String())
	if err != nil {
		panic(err)
	}
	return v
}

func TestWitnesses(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	key := l.Key()
	fill(t, l, 3)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	a, b, c := watch(t, "witness.example/a", key), watch(t, "witness.example/b", key), watch(t, "witness.example/c", key)
	policy, err := tlog.ParsePolicy(fmt.Appendf(nil, "# two of three\nlog %s\nwitness a %s %s\nwitness b %s %s\nwitness c %s %s\ngroup g 2 a b c\nquorum g\n", key, a.vkey, a.url, b.vkey, b.url, c.vkey, c.url))
	if err != nil {
		t.Fatal(err)
	}
	c.asleep = true
	l, err = tlog.Open(t.Context(), dir, tlog.Options{Origin: origin, Witnesses: policy, WitnessTimeout: 5 * time.Second, CloseTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, size := range []int64{10, 300, 1000} {
		fill(t, l, size)
		cp, err := client(t, serve(t, l.Handler()).url, tlog.ClientOptions{Key: &key, Witnesses: policy}).Checkpoint(t.Context())
		if err != nil || len(cp.Cosigned) != 2 || cp.Cosigned[0].Witness != "witness.example/a" || cp.Cosigned[0].Time < 1e9 {
			t.Errorf("%d leaves: %+v, %v", size, cp, err)
		}
	}
	p, err := l.Prove(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verify(text(7), key, policy); err != nil {
		t.Error(err)
	}
	all, err := tlog.ParsePolicy(fmt.Appendf(nil, "witness a %s\nwitness b %s\nwitness c %s\ngroup g all a b c\nquorum g\n", a.vkey, b.vkey, c.vkey))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verify(text(7), key, all); !errors.Is(err, assay.ErrRefused) {
		t.Errorf("two of three stand for all: %v", err)
	}
	// Without a quorum nothing is published, and no leaf is lost.
	b.mu.Lock()
	b.asleep = true
	b.mu.Unlock()
	i, err := l.Append(t.Context(), text(1000))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := l.Published(ctx, i); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("published without a quorum: %v", err)
	}
	if err := l.Close(); !errors.Is(err, assay.ErrInternal) {
		t.Errorf("closing tells nobody that a checkpoint is kept back: %v", err)
	}
	b.asleep = false
	if l, err = tlog.Open(t.Context(), dir, tlog.Options{Origin: origin, Witnesses: policy}); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.Published(t.Context(), i); err != nil {
		t.Errorf("the leaf is not published once witnesses are back: %v", err)
	}
}

func TestPolicy(t *testing.T) {
	key := open(t, t.TempDir()).Key()
	a, b := watch(t, "witness.example/a", key).vkey, watch(t, "witness.example/b", key).vkey
	for name, tt := range map[string]struct {
		text string
		ok   bool
	}{
		"none":          {"quorum none\n", true},
		"one":           {"witness a " + a + "\nquorum a\n", true},
		"nested":        {"witness a " + a + "\nwitness b " + b + "\ngroup x any a\ngroup y all x b\nquorum y", true},
		"no-quorum":     {"witness a " + a + "\n", false},
		"two-quorums":   {"quorum none\nquorum none\n", false},
		"zero":          {"witness a " + a + "\ngroup g 0 a\nquorum g\n", false},
		"too-many":      {"witness a " + a + "\ngroup g 2 a\nquorum g\n", false},
		"member-twice":  {"witness a " + a + "\ngroup g 2 a a\nquorum g\n", false},
		"in-two-groups": {"witness a " + a + "\ngroup g any a\ngroup h any a\nquorum g\n", false},
		"key-twice":     {"witness a " + a + "\nwitness b " + a + "\nquorum a\n", false},
		"name-twice":    {"witness a " + a + "\nwitness a " + b + "\nquorum a\n", false},
		"later":         {"quorum a\nwitness a " + a + "\n", false},
		"named-none":    {"witness none " + a + "\nquorum none\n", false},
		"log-key":       {"witness a " + key.String() + "\nquorum a\n", false},
		"wrong-hash":    {"witness a " + strings.Replace(a, "+", "+0", 1) + "\nquorum a\n", false},
		"unknown":       {"quorum none\nbonus a\n", false},
		"control":       {"quorum none\r\n", false},
		"long":          {"quorum none\n" + strings.Repeat("#\n", 40000), false},
	} {
		if _, err := tlog.ParsePolicy([]byte(tt.text)); (err == nil) != tt.ok || err != nil && !errors.Is(err, assay.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
