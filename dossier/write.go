package dossier

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
)

// Append adds to observed.jsonl those of the observations that do not stand
// already, and withdrawals of those that do, and makes them last through power
// loss. It gives how many it added.
func (d *Dossier) Append(observations []assay.Observation) (int, error) {
	if err := d.writable(); err != nil {
		return 0, err
	}
	kept, lines, err := fresh(d.Observed, observations)
	if err != nil || len(kept) == 0 {
		return 0, err
	}
	if d.seen.good+int64(len(lines))+1 > maxObservedBytes || len(d.Observed)+len(kept) > maxObservations {
		return 0, &assay.Problem{Kind: assay.ErrRefused, Where: observedFile, What: "would grow beyond what can be read again", Do: "split the dossier"}
	}
	f, err := d.root.OpenFile(observedFile, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", observedFile, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", observedFile, err)
	}
	if info.Size() != d.size || !info.Mode().IsRegular() {
		return 0, &assay.Problem{Kind: assay.ErrConflict, Where: observedFile, What: "was changed by another while it was in use", Do: "run again"}
	}
	if d.seen.open {
		lines = slices.Insert(lines, 0, '\n')
	}
	size := d.seen.good + int64(len(lines))
	if err := appendAt(f, d.seen.good, lines); err != nil {
		// Leave no half line where that can be helped.
		return 0, fmt.Errorf("write %s: %w", observedFile, errors.Join(err, f.Truncate(d.seen.good)))
	}
	if d.size == 0 {
		if err := syncDir(d.root); err != nil {
			return 0, fmt.Errorf("write %s: %w", observedFile, err)
		}
	}
	d.Observed = append(d.Observed, kept...)
	d.size, d.seen = size, observed{good: size}
	return len(kept), nil
}

// appendAt writes data after the first good bytes; what follows these is a line
// that was never finished.
func appendAt(f *os.File, good int64, data []byte) error {
	if err := f.Truncate(good); err != nil {
		return err
	}
	if _, err := f.WriteAt(data, good); err != nil {
		return err
	}
	return f.Sync()
}

// Answer adds answers to declared.yaml, below all that stands there, and counts
// them among what is declared.
func (d *Dossier) Answer(answers ...Answer) error {
	if err := d.writable(); err != nil {
		return err
	}
	if len(answers) == 0 {
		return nil
	}
	answers = slices.Clone(answers)
	for i := range answers {
		if err := answers[i].check(); err != nil {
			return err
		}
	}
	old, err := readFile(d.root, declaredFile, maxYAMLBytes)
	if err != nil && !errors.Is(err, assay.ErrNotFound) {
		return err
	}
	text, err := addAnswers(old, answers)
	if err != nil {
		return err
	}
	if err := d.replace(declaredFile, text); err != nil {
		return err
	}
	return d.readDeclared()
}

// check holds what declared.yaml asks of every answer.
func (a *Answer) check() error {
	if a.Subject == "" {
		a.Subject = assay.Product
	}
	bad := func(what string) error {
		return fmt.Errorf("answer on %q: %w: %s", clip(string(a.Term)), assay.ErrInvalid, what)
	}
	if _, err := assay.ParseSubject(string(a.Subject)); err != nil {
		return bad("want a subject such as product or password/admin-web")
	}
	switch {
	case !termForm.MatchString(string(a.Term)):
		return bad("want a term of the vocabulary")
	case a.Value.Type() == assay.NoType:
		return bad("want a value")
	case strings.TrimSpace(a.By) == "":
		return bad("want to know who says so")
	case a.At.IsZero() || a.At.UTC().Year() > 9999:
		return bad("want to know when it was said")
	case notText([]byte(a.By+a.Note+a.Value.String())) >= 0:
		return bad("want text without control characters")
	}
	return nil
}

var ownFiles = []string{productFile, declaredFile, observedFile, ixitFile, evidenceDir}

var writeForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Write writes a file that was made from the dossier, such as report.html, whole
// or not at all, in place of an earlier one. What people and checks write is not
// written this way.
func (d *Dossier) Write(name string, data []byte) error {
	if err := d.writable(); err != nil {
		return err
	}
	if !writeForm.MatchString(name) || slices.Contains(ownFiles, strings.ToLower(name)) {
		return fmt.Errorf("write %q: %w: not the name of a file that is made from a dossier", clip(name), assay.ErrRefused)
	}
	return d.replace(name, data)
}

// replace writes beside, syncs and renames. The lock keeps others from the same
// name beside.
func (d *Dossier) replace(name string, data []byte) error {
	if info, err := d.root.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return &assay.Problem{Kind: assay.ErrRefused, Where: name, What: "is not a plain file", Do: "remove it"}
	}
	beside := "." + name + ".new"
	if err := d.root.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := create(d.root, beside, data); err != nil {
		return fmt.Errorf("write %s: %w", name, errors.Join(err, d.root.Remove(beside)))
	}
	if err := d.root.Rename(beside, name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := syncDir(d.root); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// create writes a file that must not exist yet, and syncs it.
func create(root *os.Root, name string, data []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func (d *Dossier) writable() error {
	if d.lock == nil {
		return fmt.Errorf("the dossier was opened for reading only: %w", assay.ErrConflict)
	}
	return nil
}
