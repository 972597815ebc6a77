package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/internal/pgtest"
	"github.com/assay-psti/assay/internal/sample"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/store"
	"github.com/assay-psti/assay/tlog"
)

// TestServeKilled kills a whole server while makers publish, again and again: what a
// client was told is published must be there, log and database must agree, and every
// page that is shown must be in the log. ASSAY_TORTURE says how often; a few times
// otherwise.
func TestServeKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("servers are killed without -short")
	}
	kills := 2
	if text := os.Getenv("ASSAY_TORTURE"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			k := &killed{data: filepath.Join(t.TempDir(), "data"), told: map[string]register.Receipt{}}
			k.where = filepath.Join(k.data, "register.db")
			if engine == "postgres" {
				server, err := pgtest.Start(t.Context(), true)
				if errors.Is(err, pgtest.ErrMissing) {
					t.Skip(err)
				}
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = server.Stop() })
				if k.where, err = server.Database(t.Context()); err != nil {
					t.Fatal(err)
				}
				k.flags = []string{"--db", k.where}
			}
			k.prepare(t)
			for round := range kills {
				k.round(t, round)
			}
			k.check(t)
			t.Logf("%d kills, %d receipts", kills, len(k.told))
		})
	}
}

// killed is a server that is killed, and what it told its clients.
type killed struct {
	data, where string
	flags       []string
	key         *sign.Key
	org         register.Organisation
	token       string
	next        int

	mu   sync.Mutex // guards told
	told map[string]register.Receipt
}

// service is the register without a server.
func (k *killed) service(t *testing.T, log register.Log) (*store.DB, *register.Service) {
	t.Helper()
	db, err := store.Open(context.Background(), k.where, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	name := "test"
	if l, ok := log.(*tlog.Log); ok {
		name = holder(l)
	}
	if log == nil {
		log = &elsewhere{db: db}
	}
	s, err := register.Open(context.Background(), register.Config{Store: db, Log: log, Now: time.Now, Random: rand.Reader, BaseURL: "http://localhost", Holder: name})
	if err != nil {
		t.Fatal(errors.Join(err, db.Close()))
	}
	return db, s
}

// prepare makes an organisation with a key and a token.
func (k *killed) prepare(t *testing.T) {
	t.Helper()
	db, s := k.service(t, nil)
	defer db.Close()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	secret, err := s.SetupLink(ctx)
	must(err)
	a, err := s.TakeUpLink(ctx, register.Public, secret, register.Person{Name: "Op Example", Email: "op@example.org"})
	must(err)
	v, err := s.SignIn(ctx, a.ID, "", "127.0.0.1")
	must(err)
	k.org, err = s.CreateOrganisation(ctx, v, register.Organisation{Name: "Killed Ltd", Kind: register.Manufacturer, Address: "1 Example Way"})
	must(err)
	v, err = s.SignIn(ctx, a.ID, k.org.ID, "127.0.0.1")
	must(err)
	k.key, err = sign.Generate(sign.Ed25519)
	must(err)
	_, err = s.AddKey(ctx, v, "first", k.key.Public().PEM())
	must(err)
	k.token, _, err = s.NewToken(ctx, v, "killed", []register.TokenScope{register.ScopePublish}, time.Hour)
	must(err)
}

func (k *killed) bundle(n int) ([]byte, error) {
	name := fmt.Sprintf("Kettle %d", n)
	f := register.Facts{
		Name: name, Make: "Killed", Models: []string{name}, Category: "kettle", Contact: register.Contact{Email: "security@killed.example"}, Passwords: register.Passwords{Kind: register.PasswordNone},
		Support: []register.SupportPeriod{{Component: register.WholeProduct, End: assay.MustDate("2031-12-31")}},
	}
	signed, _, err := sample.Statement(k.key, k.org, f, assay.DateOf(time.Now()).AddDays(-1))
	if err != nil {
		return nil, err
	}
	return json.Marshal(register.Bundle{Format: register.BundleFormat, Facts: f, Statement: signed})
}

// publish sends one product, and keeps the receipt.
func (k *killed) publish(at string, n int) error {
	data, err := k.bundle(n)
	if err != nil {
		return err
	}
	request, err := http.NewRequest(http.MethodPost, at+publishPath, bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+k.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil // killed
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil
	}
	var r register.Receipt
	if response.StatusCode/100 != 2 || json.Unmarshal(body, &r) != nil {
		return fmt.Errorf("%s: %.300s", response.Status, body)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told[fmt.Sprintf("Kettle %d", n)] = r
	return nil
}

// round starts the server, publishes from several clients, and kills it in the middle:
// after a number of receipts that differs from round to round.
func (k *killed) round(t *testing.T, round int) {
	t.Helper()
	self, err := exec.LookPath("assay")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{"serve", "--listen", "127.0.0.1:0", "--rate", "0", "--data", k.data}, k.flags...)...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	at := ""
	for lines := bufio.NewScanner(out); at == "" && lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "The register is at "); ok {
			at = address
		}
	}
	if at == "" {
		_ = cmd.Wait()
		t.Fatalf("round %d: it did not start: %s", round, errOut.String())
	}
	before := k.receipts()
	faults := make(chan error, 4)
	ended := make(chan struct{})
	var g sync.WaitGroup
	for w := range cap(faults) {
		from := k.next + w
		g.Go(func() {
			for n := from; ; n += cap(faults) {
				select {
				case <-ended:
					return
				default:
				}
				if err := k.publish(at, n); err != nil {
					faults <- err
					return
				}
			}
		})
	}
	k.next += 100_000
	wanted := 1 + round*7%23
	var fault error
	ticker := time.NewTicker(2 * time.Millisecond)
	give := time.NewTimer(time.Minute)
	for fault == nil && k.receipts()-before < wanted {
		select {
		case fault = <-faults:
		case <-ticker.C:
		case <-give.C:
			fault = errors.New("nothing is published")
		}
	}
	ticker.Stop()
	give.Stop()
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	close(ended)
	g.Wait()
	_ = cmd.Wait()
	if fault != nil {
		t.Fatalf("round %d: %v\n%s", round, fault, errOut.String())
	}
}

func (k *killed) receipts() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.told)
}

// check opens what is left as a server does, and holds everything against everything.
func (k *killed) check(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	c := serveCommand{database: database{Data: k.data}}
	log, err := tlog.Open(ctx, c.logDir(), tlog.Options{Origin: c.origin(&url.URL{})})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	db, s := k.service(t, log)
	defer db.Close()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		moved, err := s.Integrate(ctx)
		if err != nil {
			t.Fatal(err)
		}
		state, err := s.LogState(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if moved == 0 && state.Pending == 0 && state.Integrated == state.Size {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not settle: %+v", state)
		}
	}
	a, err := s.CheckLog(ctx)
	if err != nil || !a.Agrees() || a.Pending > 0 {
		t.Fatalf("log and database: %+v, %v", a, err)
	}
	for name, r := range k.told {
		full, err := s.Product(ctx, register.Public, string(r.Product))
		if err != nil || full.Entry.Name != name || full.Version.Record != r.Record || full.Version.Leaf == nil {
			t.Errorf("%s was acknowledged: %v", name, err)
			continue
		}
		if r.Leaf != nil && *r.Leaf != *full.Version.Leaf {
			t.Errorf("%s: leaf %d was acknowledged, and is %d now", name, *r.Leaf, *full.Version.Leaf)
		}
		leaf, err := log.Leaf(ctx, int64(*full.Version.Leaf))
		if err != nil || !strings.Contains(string(leaf), strings.TrimPrefix(string(r.Record), "sha256:")) {
			t.Errorf("%s: its leaf does not name its record: %v", name, err)
		}
	}
	total, err := s.Total(ctx)
	if err != nil || total < len(k.told) || int64(total) > mustSize(t, log) {
		t.Errorf("%d entries are public, %d were acknowledged: %v", total, len(k.told), err)
	}
}

func mustSize(t *testing.T, log *tlog.Log) int64 {
	t.Helper()
	n, err := log.Size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}
