package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/assay-psti/assay/tlog"
)

// scriptLog is a transparency log that a script writes to and reads.
type scriptLog struct {
	log    *tlog.Log
	folder atomic.Pointer[string] // served in its place
}

// logCommand keeps a log for a script:
//
//	log KIND PRODUCT FILE...  appends a leaf about each file, and publishes it
//	log copy NAME             copies its folder
//	log serve NAME            serves that copy in its place
//	log fork NAME             appends another leaf to the copy, and serves it
//
// Its address is $LOG, its key is in log.vkey.
func logCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("wants: log KIND PRODUCT FILE..., or log copy|serve|fork NAME")
	}
	s := ts.Value("log").(*scriptLog)
	dir := ts.MkAbs(".kept-log")
	o := tlog.Options{Origin: "register.example/log"}
	if s.log == nil {
		var err error
		s.log, err = tlog.Open(context.Background(), dir, o)
		ts.Check(err)
		ts.Defer(func() { ts.Check(s.log.Close()) })
		ts.Check(os.WriteFile(ts.MkAbs("log.vkey"), []byte(s.log.Key().String()+"\n"), 0o644))
		server := httptest.NewServer(http.StripPrefix("/log", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if f := s.folder.Load(); f != nil {
				http.FileServer(http.Dir(*f)).ServeHTTP(w, r)
				return
			}
			s.log.Handler().ServeHTTP(w, r)
		})))
		ts.Defer(server.Close)
		ts.Setenv("LOG", server.URL+"/log")
	}
	copied := ts.MkAbs(args[1])
	served := filepath.Join(copied, "log")
	switch args[0] {
	case "copy":
		ts.Check(os.CopyFS(copied, os.DirFS(dir)))
		ts.Check(os.Chmod(filepath.Join(copied, "key"), 0o600))
	case "serve":
		s.folder.Store(&served)
	case "fork":
		l, err := tlog.Open(context.Background(), copied, o)
		ts.Check(err)
		i, err := l.AppendAll(context.Background(), [][]byte{[]byte("another"), []byte("and more"), []byte("and more")})
		ts.Check(err)
		_, err = l.Published(context.Background(), i[2])
		ts.Check(err)
		ts.Check(l.Close())
		s.folder.Store(&served)
	default:
		for _, name := range args[2:] {
			sum := sha256.Sum256([]byte(ts.ReadFile(name)))
			leaf, err := tlog.Leaf{Version: 1, Kind: args[0], Product: args[1], SHA256: hex.EncodeToString(sum[:]), At: "2026-06-02T09:00:00Z"}.Encode()
			ts.Check(err)
			i, err := s.log.Append(context.Background(), leaf)
			ts.Check(err)
			_, err = s.log.Published(context.Background(), i)
			ts.Check(err)
			ts.Check(os.WriteFile(ts.MkAbs(strings.TrimSuffix(name, filepath.Ext(name))+".leaf"), leaf, 0o644))
		}
	}
}
