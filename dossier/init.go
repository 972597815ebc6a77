package dossier

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"text/template"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/evidence"
)

//go:embed product.yaml.tmpl
var productTemplate string

// Start is what a new dossier begins with. Only the name is needed.
type Start struct {
	Name        string
	Make        string
	Models      []string
	Category    string
	Territories []string   // GB, NI
	Stated      assay.Date // today
	Answers     []Answer   // what scope turns on
}

// Init starts a dossier in a folder, which it makes where there is none. It
// refuses to write over anything.
func Init(dir string, start Start) error {
	var b bytes.Buffer
	t := template.Must(template.New(productFile).Funcs(template.FuncMap{"scalar": scalar, "list": flowList}).Parse(productTemplate))
	if err := t.Execute(&b, start); err != nil {
		return fmt.Errorf("start a dossier: %w", err)
	}
	if _, _, err := readProduct(b.Bytes()); err != nil {
		return fmt.Errorf("start a dossier: %w", err)
	}
	for i := range start.Answers {
		if err := start.Answers[i].check(); err != nil {
			return err
		}
	}
	answers, err := addAnswers(nil, start.Answers)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("start a dossier: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("start a dossier: %w", err)
	}
	defer root.Close()
	return initIn(root, dir, b.Bytes(), answers)
}

func initIn(root *os.Root, dir string, product, answers []byte) error {
	for _, name := range ownFiles[:3] {
		if _, err := root.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return &assay.Problem{Kind: assay.ErrConflict, Where: clip(dir), What: "holds " + name + " already", Do: "choose another folder, or go on with this dossier"}
		}
	}
	for _, k := range evidence.Kinds() {
		sub := path.Join(evidenceDir, string(k))
		if err := root.MkdirAll(sub, 0o755); err != nil {
			return fmt.Errorf("start a dossier: %w", err)
		}
		if err := create(root, path.Join(sub, ".gitkeep"), nil); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("start a dossier: %w", err)
		}
	}
	if err := create(root, ".gitignore", []byte(lockFile+"\n")); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("start a dossier: %w", err)
	}
	if err := create(root, declaredFile, answers); err != nil {
		return fmt.Errorf("start a dossier: %w", err)
	}
	if err := create(root, productFile, product); err != nil { // last: it makes the folder a dossier
		return fmt.Errorf("start a dossier: %w", err)
	}
	return syncDir(root)
}

func flowList(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = scalar(w)
	}
	return "[" + strings.Join(out, ", ") + "]"
}
