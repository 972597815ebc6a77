package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/assay-psti/assay/internal/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"assay": func() { os.Exit(run(os.Args[1:])) }, "assay-load": loadMain, "assay-bare": bareMain})
}

func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("the command line is tried without -short")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var started atomic.Pointer[pgtest.Server]
	postgres := sync.OnceValues(func() (*pgtest.Server, error) {
		s, err := pgtest.Start(context.Background(), false)
		started.Store(s)
		return s, err
	})
	t.Cleanup(func() {
		if s := started.Load(); s != nil {
			if err := s.Stop(); err != nil {
				t.Error(err)
			}
		}
	})
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			// cut.squashfs is an image that ends where its tables should begin.
			if data, err := os.ReadFile(filepath.Join(root, "examples", "camera", "evidence", "firmware", "camera-1.4.0.squashfs")); err == nil {
				if err := os.WriteFile(filepath.Join(e.WorkDir, "cut.squashfs"), data[:200], 0o644); err != nil {
					return err
				}
			}
			e.Setenv("ROOT", root)
			e.Setenv("INPUTS", filepath.Join(root, "..", "shared", "inputs"))
			e.Values["log"] = &scriptLog{}
			if err := serveUnits(e); err != nil {
				return err
			}
			if err := peerPlace(e); err != nil {
				return err
			}
			e.Values["served"] = map[string]*served{}
			return serveSite(e)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// exits N COMMAND... runs a command that must end with the status N.
			"exits": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) < 2 {
					ts.Fatalf("wants: exits N COMMAND...")
				}
				err := ts.Exec(args[1], args[2:]...)
				got := 0
				var ended *exec.ExitError
				if errors.As(err, &ended) {
					got = ended.ExitCode()
				} else {
					ts.Check(err)
				}
				if want := args[0]; strconv.Itoa(got) != want {
					ts.Fatalf("exits with %d, want %s", got, want)
				}
			},
			// fill-in NAME FILE writes the value of a variable over its name in a file.
			"fill-in": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 2 {
					ts.Fatalf("wants: fill-in NAME FILE")
				}
				text := strings.ReplaceAll(ts.ReadFile(args[1]), args[0], ts.Getenv(args[0]))
				ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
			},
			"calls":    scriptCall,
			"log":      logCommand,
			"serve":    scriptServe,
			"maker":    scriptMaker,
			"fetch":    scriptFetch,
			"post":     scriptPost,
			"letter":   scriptLetter,
			"postgres": scriptPostgres(postgres),
			// cp-dir NAME copies an example's dossier as a user finds it.
			"cp-dir": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Check(os.CopyFS(ts.MkAbs(args[0]), asKept(filepath.Join(root, "examples", args[0]))))
			},
		},
		Condition: func(cond string) (bool, error) {
			if cond == "postgres" {
				_, err := postgres()
				return err == nil, nil
			}
			_, err := os.Stat(filepath.Join(root, "..", "shared", "inputs"))
			return cond == "inputs" && err == nil, nil
		},
	})
}

// asKept is an example as it is kept, without what running it made.
func asKept(dir string) fs.FS {
	kept := fstest.MapFS{}
	for _, name := range []string{"product.yaml", "declared.yaml"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			kept[name] = &fstest.MapFile{Data: data, Mode: 0o644}
		}
	}
	evidence := os.DirFS(dir)
	_ = fs.WalkDir(evidence, "evidence", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if data, err := fs.ReadFile(evidence, name); err == nil {
			kept[name] = &fstest.MapFile{Data: data, Mode: 0o644}
		}
		return nil
	})
	return kept
}
