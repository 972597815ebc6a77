package store_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/store"
)

// publisherTask names the variable by which this program becomes one that publishes
// until it is killed.
const publisherTask = "ASSAY_TEST_PUBLISHER"

// task is what the publishing process is told.
type task struct {
	Where, Log, Key string
	Account         register.AccountID
	Org             register.OrgID
	Round           int
}

// ack is what the publishing process says once something was acknowledged to it.
type ack struct {
	Receipt register.Receipt
	Kind    register.Kind
}

func publishUntilKilled(text string) {
	if err := publishTask(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func publishTask(text string) error {
	var k task
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		return err
	}
	ctx := context.Background()
	key, err := sign.ReadKeyFile(k.Key)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, k.Where, store.Options{})
	if err != nil {
		return err
	}
	log, err := openFileLog(k.Log)
	if err != nil {
		return err
	}
	now := func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }
	s, err := register.Open(ctx, register.Config{Store: db, Log: log, Now: now, Random: rand.Reader, Wait: 50 * time.Millisecond, Holder: "test"})
	if err != nil {
		return err
	}
	v, err := s.SignIn(ctx, k.Account, k.Org, "")
	if err != nil {
		return err
	}
	go func() {
		if err := s.Run(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}()
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	tell := func(r register.Receipt, kind register.Kind) {
		mu.Lock()
		defer mu.Unlock()
		_ = out.Encode(ack{r, kind})
	}
	publish := func(name string) error {
		f := facts(name)
		doc, err := signedBytes(key, f, assay.MustDate("2031-01-01"))
		if err != nil {
			return err
		}
		r, err := s.Publish(ctx, v, &register.Bundle{Format: 1, Facts: f, Statement: doc})
		if err != nil {
			return err
		}
		tell(r, register.KindPublished)
		if r, err = s.ExtendSupport(ctx, v, r.Product, []register.Extension{{Component: register.WholeProduct, End: assay.MustDate("2032-01-01")}}, ""); err != nil {
			return err
		}
		tell(r, register.KindExtended)
		if r, err = s.Withdraw(ctx, v, r.Product, "sold no more"); err != nil {
			return err
		}
		tell(r, register.KindWithdrawn)
		return nil
	}
	failed := make(chan error)
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				if err := publish(fmt.Sprintf("R%d W%d N%d", k.Round, w, i)); err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

// rounds is how often the publishing process is killed on each engine:
// ASSAY_TORTURE, or a few.
func rounds(t *testing.T) int {
	text := os.Getenv("ASSAY_TORTURE")
	if text == "" {
		return 4
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Killed at any moment: nothing that was acknowledged is lost, log and database
// agree once it was started again, and no page shows what the log does not have.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes: not with -short")
	}
	n := rounds(t)
	onBoth(t, func(t *testing.T, h *house) {
		keyFile := filepath.Join(t.TempDir(), "key.pem")
		if err := sign.WriteKeyFiles(keyFile, h.key); err != nil {
			t.Fatal(err)
		}
		random := mathrand.New(mathrand.NewPCG(1, 2))
		acked, again := 0, uint64(0)
		for round := range n {
			before, err := h.log.Size(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			h.db.Close()
			h.log.file.Close()
			acks := killAfter(t, task{h.where, h.logAt, keyFile, h.maker.Account, h.maker.Org, round}, 1+random.IntN(60), time.Duration(random.IntN(3000))*time.Microsecond)
			h.open(t)
			halfPublished(t, h)
			h.settle(t)
			a := h.agree(t)
			again = a.Again
			if a.Pending != 0 || a.Leaves == uint64(before) {
				t.Fatalf("round %d: %+v after %d leaves", round, a, before)
			}
			for _, x := range acks {
				r := x.Receipt
				v, err := h.s.ProductVersion(t.Context(), register.Public, string(r.Product), r.Version)
				if err != nil {
					t.Fatalf("round %d: acknowledged %s of %s: %v", round, x.Kind, r.Product, err)
				}
				if v.Version.Record != r.Record || v.Version.Kind != x.Kind || v.Version.Leaf == nil || r.Leaf != nil && *r.Leaf != *v.Version.Leaf {
					t.Fatalf("round %d: got %+v, want %+v", round, v.Version, r)
				}
			}
			acked += len(acks)
		}
		t.Logf("%d kills, %d acknowledged and there, %d leaves twice in the log", n, acked, again)
	})
}

// halfPublished looks, before anything is mended, for a page that the log does not have.
func halfPublished(t *testing.T, h *house) {
	t.Helper()
	for x, err := range h.s.Export(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if x.Version.Leaf == nil || *x.Version.Leaf >= uint64(len(h.log.leaves)) {
			t.Fatalf("a page shows what the log does not have: %+v", x)
		}
	}
}

// killAfter runs a publishing process and kills it a moment after it acknowledged so
// many things.
func killAfter(t *testing.T, k task, acks int, moment time.Duration) []ack {
	t.Helper()
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), publisherTask+"="+string(text))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var out []ack
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		var a ack
		if json.Unmarshal(lines.Bytes(), &a) != nil { // cut off by the kill: not acknowledged
			break
		}
		if out = append(out, a); len(out) == acks {
			time.AfterFunc(moment, func() { _ = cmd.Process.Kill() })
		}
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Fatalf("the publishing process ended by itself: %v", err)
	}
	return out
}
