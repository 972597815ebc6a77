// Package archtest holds the shape of the house: which package may import which,
// that every package says what it is for, and that no file names a machine.
package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/assay-psti/assay"

// ranks of the packages: one imports only lower ranks.
var ranks = map[string]int{
	"":         0,
	"evidence": 1, "fetch": 1, "browser": 1, "password": 1, "firmware": 1, "rootfs": 1, "component": 1, "device": 1, "capture": 1, "page": 1, "peer": 1, "sign": 1, "tlog": 1, "mail": 1,
	"dossier": 2, "vocab": 2, "check": 2,
	"law":       3,
	"check/all": 4, "runner": 4, "bench": 4,
	"report": 5, "statement": 5,
	"register": 6, "laboratory": 6, "disclosure": 6, "surveillance": 6,
	"store": 7, "web": 7,
	"cmd/assay": 8,
}

// rank of a package; a check below check/ has rank 3.
func rank(pkg string) (int, bool) {
	if r, ok := ranks[pkg]; ok {
		return r, true
	}
	if strings.HasPrefix(pkg, "check/") {
		return 3, true
	}
	return 0, false
}

// mayImport are exceptions: a check may import the checks it requires.
func mayImport(from, to string) bool {
	return strings.HasPrefix(from, "check/") && strings.HasPrefix(to, "check/") && from != "check/all" && to != "check/all"
}

func eachPackage(t *testing.T, f func(pkg, dir string, files []string)) {
	t.Helper()
	root := "../.."
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() {
			return nil
		}
		name := d.Name()
		if p != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || name == "tools" || name == "opa") {
			return filepath.SkipDir
		}
		files, err := filepath.Glob(filepath.Join(p, "*.go"))
		if err != nil || len(files) == 0 {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if rel = filepath.ToSlash(rel); rel == "." {
			rel = ""
		}
		f(rel, p, files)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImportsGoDown(t *testing.T) {
	eachPackage(t, func(pkg, dir string, files []string) {
		if strings.HasPrefix(pkg, "internal/") {
			return
		}
		own, known := rank(pkg)
		if !known {
			t.Errorf("package %q has no rank: give it one, or put its code where it belongs", pkg)
			return
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range parsed.Imports {
				path := strings.Trim(i.Path.Value, `"`)
				if path != module && !strings.HasPrefix(path, module+"/") {
					continue
				}
				to := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
				if r, ok := rank(to); !strings.HasPrefix(to, "internal/") && (!ok || r >= own) && !mayImport(pkg, to) {
					t.Errorf("%s imports %s: a package imports only lower ranks", file, to)
				}
				if to == "law" && strings.HasPrefix(pkg, "check") {
					t.Errorf("%s imports law: a check says what it saw, law says what that means", file)
				}
			}
		}
	})
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	eachPackage(t, func(pkg, dir string, files []string) {
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if parsed.Doc != nil && len(parsed.Doc.Text()) > 40 {
				return
			}
		}
		t.Errorf("package %q has no comment that says what it is for", pkg)
	})
}

// shapers are the libraries that shape code; each may be imported by one package.
var shapers = map[string]string{
	"cel.dev/cel-go":               "law",
	"github.com/alecthomas/kong":   "cmd/assay",
	"github.com/sylabs/squashfs":   "firmware",
	"github.com/gopacket/gopacket": "capture",
	"github.com/chromedp":          "browser",
	"modernc.org/sqlite":           "store",
	"github.com/riverqueue/river":  "store",
	"github.com/pressly/goose":     "store",
	"github.com/go-crypt":          "password",
	"github.com/transparency-dev":  "tlog",
	"golang.org/x/mod":             "tlog",
	"k8s.io/klog":                  "tlog",
	"github.com/xuri/excelize":     "bench",
}

func TestLibrariesStayInOnePackage(t *testing.T) {
	eachPackage(t, func(pkg, dir string, files []string) {
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range parsed.Imports {
				for lib, home := range shapers {
					if path := strings.Trim(i.Path.Value, `"`); strings.HasPrefix(path, lib) && pkg != home {
						t.Errorf("%s imports %s, which belongs to package %s alone", file, path, home)
					}
				}
			}
		}
	})
}

func TestNoMachinePaths(t *testing.T) {
	err := filepath.WalkDir("../..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		switch filepath.Ext(p) {
		case ".go", ".md", ".yaml", ".yml", ".sh", ".html", ".txtar":
		default:
			return nil
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for _, bad := range []string{"/" + "work/", "/" + "root/", "/" + "farm/"} {
			if strings.Contains(string(data), " "+bad) || strings.Contains(string(data), "\""+bad) {
				t.Errorf("%s names a path of one machine: %s", p, bad)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
