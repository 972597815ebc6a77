package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/assay-psti/assay/internal/blank"
	"github.com/assay-psti/assay/internal/pgtest"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/store"
)

// served is a server that a script started.
type served struct {
	cmd    *exec.Cmd
	ended  chan struct{} // closed when it has
	errOut string
}

// scriptServe starts assay serve for a script, and waits until it is ready:
//
//	serve NAME ARGS...   its address is $NAME; what it said is in NAME.stdout, its log in NAME.stderr
//	serve stop NAME      asks it to stop, and wants status 0
//	serve kill NAME      kills it
func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("wants: serve NAME ARGS..., or serve stop|kill NAME")
	}
	all := ts.Value("served").(map[string]*served)
	if s := all[args[1]]; args[0] == "stop" || args[0] == "kill" {
		if s == nil {
			ts.Fatalf("no server %s", args[1])
		}
		signal := os.Signal(syscall.SIGTERM)
		if args[0] == "kill" {
			signal = os.Kill
		}
		ts.Check(s.cmd.Process.Signal(signal))
		<-s.ended
		delete(all, args[1])
		if got := s.cmd.ProcessState.ExitCode(); args[0] == "stop" && got != 0 {
			log, _ := os.ReadFile(s.errOut)
			ts.Fatalf("it stopped with %d, want 0:\n%s", got, log)
		}
		return
	}
	name := args[0]
	s := &served{ended: make(chan struct{}), errOut: ts.MkAbs(name + ".stderr")}
	self, err := exec.LookPath("assay") // as testscript.Main put it there
	ts.Check(err)
	s.cmd = exec.Command(self, append([]string{"serve", "--listen", "127.0.0.1:0"}, args[1:]...)...)
	s.cmd.Dir = ts.MkAbs(".")
	s.cmd.Env = append(os.Environ(), "TMPDIR="+ts.MkAbs("."))
	errOut, err := os.Create(s.errOut)
	ts.Check(err)
	s.cmd.Stderr = errOut
	out, err := s.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	all[name] = s
	ts.Defer(func() {
		if all[name] == s {
			_ = s.cmd.Process.Kill()
			<-s.ended
		}
		_ = errOut.Close()
	})
	// It says where it is once it answers; then the rest of what it says is kept.
	lines := make(chan string, 16)
	go func() {
		defer close(s.ended)
		defer func() { _ = s.cmd.Wait() }()
		defer close(lines)
		for r := bufio.NewScanner(out); r.Scan(); {
			select {
			case lines <- r.Text():
			default: // nobody reads so much
			}
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	var said strings.Builder
	give := time.NewTimer(2 * time.Minute)
	defer give.Stop()
	for {
		select {
		case line, more := <-lines:
			if !more {
				log, _ := os.ReadFile(s.errOut)
				ts.Fatalf("it did not start:\n%s", log)
			}
			said.WriteString(line + "\n")
			if m := regexp.MustCompile(`^The register is at (\S+)$`).FindStringSubmatch(line); m != nil {
				ts.Setenv(name, m[1])
				ts.Check(os.WriteFile(ts.MkAbs(name+".stdout"), []byte(said.String()), 0o644))
				return
			}
		case <-give.C:
			ts.Fatalf("it is not ready:\n%s", said.String())
		}
	}
}

// scriptPostgres makes a blank database for a script, with its address as the named
// variable.
func scriptPostgres(start func() (*pgtest.Server, error)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("wants: postgres NAME")
		}
		server, err := start()
		ts.Check(err)
		where, err := blank.Postgres(context.Background(), server)
		ts.Check(err)
		ts.Setenv(args[0], where)
	}
}

// scriptMaker makes a manufacturer in a database, as people do on the pages: its name,
// the public key with which it signs, and the file for a token.
func scriptMaker(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("wants: maker DATABASE NAME KEY TOKENFILE")
	}
	ctx := context.Background()
	where := args[0]
	if !strings.Contains(where, "://") {
		where = ts.MkAbs(where)
	}
	db, err := store.Open(ctx, where, store.Options{})
	ts.Check(err)
	defer db.Close()
	s, err := register.Open(ctx, register.Config{Store: db, Log: &elsewhere{db: db}, Now: time.Now, Random: rand.Reader, BaseURL: "http://localhost", Holder: "script"})
	ts.Check(err)
	secret, err := s.SetupLink(ctx)
	ts.Check(err)
	a, err := s.TakeUpLink(ctx, register.Public, secret, register.Person{Name: "Op Example", Email: "op@example.org"})
	ts.Check(err)
	v, err := s.SignIn(ctx, a.ID, "", "127.0.0.1")
	ts.Check(err)
	o, err := s.CreateOrganisation(ctx, v, register.Organisation{Name: args[1], Kind: register.Manufacturer})
	ts.Check(err)
	v, err = s.SignIn(ctx, a.ID, o.ID, "127.0.0.1")
	ts.Check(err)
	_, err = s.AddKey(ctx, v, "first", []byte(ts.ReadFile(args[2])))
	ts.Check(err)
	token, _, err := s.NewToken(ctx, v, "script", []register.TokenScope{register.ScopePublish}, time.Hour)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(token+"\n"), 0o600))
}

// scriptFetch fetches an address into a file: fetch STATUS URL FILE.
func scriptFetch(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("wants: fetch STATUS URL FILE")
	}
	response, err := http.Get(args[1])
	ts.Check(err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data, 0o644))
	if got := strconv.Itoa(response.StatusCode); got != args[0] {
		ts.Fatalf("%s: got %s, want %s: %.300s", args[1], got, args[0], data)
	}
}

// scriptPost sends a form: post STATUS URL FILE KEY=VALUE...
func scriptPost(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("wants: post STATUS URL FILE KEY=VALUE...")
	}
	form := url.Values{}
	for _, pair := range args[3:] {
		key, value, _ := strings.Cut(pair, "=")
		form.Add(key, value)
	}
	response, err := http.PostForm(args[1], form)
	ts.Check(err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data, 0o644))
	if got := strconv.Itoa(response.StatusCode); got != args[0] {
		ts.Fatalf("%s: got %s, want %s: %.300s", args[1], got, args[0], data)
	}
}

// scriptLetter waits for a letter in a folder that has an address below a path, and takes
// it out, its text into a file and the address into a variable: letter DIR FILE PATH NAME.
// Letters before it are taken out, too.
func scriptLetter(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("wants: letter DIR FILE PATH NAME")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		names, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.eml"))
		ts.Check(err)
		if len(names) > 0 {
			f, err := os.Open(names[0])
			ts.Check(err)
			m, err := mail.ReadMessage(f)
			ts.Check(err)
			body := m.Body
			if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
				body = quotedprintable.NewReader(body)
			}
			text, err := io.ReadAll(body)
			ts.Check(errors.Join(err, f.Close(), os.Remove(names[0])))
			head := "To: " + m.Header.Get("To") + "\nSubject: " + m.Header.Get("Subject") + "\nList-Unsubscribe: " + m.Header.Get("List-Unsubscribe") + "\n\n"
			ts.Check(os.WriteFile(ts.MkAbs(args[1]), append([]byte(head), text...), 0o644))
			link := regexp.MustCompile(`(?m)^http://[^/]+(` + regexp.QuoteMeta(args[2]) + `\S+)\s*$`).FindSubmatch(text)
			if link == nil { // of something else
				continue
			}
			ts.Setenv(args[3], string(link[1]))
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("no letter came")
		case <-ticker.C:
		}
	}
}
