package statement

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/sign"
)

// VerifyOptions say what a statement is held against.
type VerifyOptions struct {
	Key     *sign.PublicKey // who must have signed; nil: whoever did
	Dossier string          // the folder that it was made from; none: not looked at
	Roots   *x509.CertPool  // authorities of time-stamps that are trusted; nil: not looked at
}

// State is what became of one check of a statement.
type State string

// The states.
const (
	Holds       State = "holds"
	Broken      State = "does not hold"
	NotLookedAt State = "not looked at"
)

// Finding is one check of a statement.
type Finding struct {
	What  string `json:"what"` // "signature", "time-stamp", "SOC-01", "statement-7.html", "dossier"
	State State  `json:"state"`
	Note  string `json:"note,omitempty"`
}

// Verification is what checking a signed statement found.
type Verification struct {
	File     string       `json:"file"`      // the signed statement
	Holds    bool         `json:"holds"`     // nothing was found that does not hold
	Key      assay.Digest `json:"key"`       // that signed
	KeyKnown bool         `json:"key_known"` // it is the key that was given
	Findings []Finding    `json:"findings"`
	Content  *Content     `json:"content,omitempty"` // nil where the signature does not hold
}

func (v *Verification) add(what string, s State, note string) {
	v.Findings = append(v.Findings, Finding{clean(what), s, clean(note)})
	v.Holds = v.Holds && s != Broken
}

// Verify checks a signed statement: the .json itself, or the .pdf or .html that one
// beside it names. The error is nil where it could be checked, whatever came of it.
func Verify(ctx context.Context, file string, o VerifyOptions) (*Verification, error) {
	dir, base := filepath.Split(file)
	if dir == "" {
		dir = "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, notFound(file, err)
	}
	defer root.Close()
	name := base
	if !strings.EqualFold(filepath.Ext(base), ".json") {
		if name, err = namedBy(root, base); err != nil {
			return nil, err
		}
	}
	data, err := readBounded(root, name, maxEnvelopeBytes)
	if err != nil {
		return nil, notFound(filepath.Join(dir, name), err)
	}
	v := &Verification{File: filepath.ToSlash(filepath.Join(dir, name)), Holds: true, Findings: []Finding{}}
	e, err := sign.ParseEnvelope(data)
	if errors.Is(err, assay.ErrRefused) {
		v.add("signature", Broken, err.Error())
		return v, nil
	}
	if err != nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: v.File, What: "cannot be read as a signed statement", Err: err}
	}
	s, p, err := readPayload(e)
	if !v.signature(e, o) {
		return v, nil // nothing that it says counts
	}
	if err != nil {
		return nil, &assay.Problem{Kind: assay.ErrInvalid, Where: v.File, What: "is signed, but is no statement of compliance that can be read", Err: err}
	}
	v.Content = &p.Content
	v.timestamp(e, p, o)
	for _, item := range p.Items() {
		switch {
		case !item.Present:
			v.add(item.ID, Broken, item.Title+": it lacks "+item.Missing)
		case item.ID == "SOC-07" && p.Support.End.Zero():
			v.add(item.ID, Holds, item.Title+": no end is stated; "+p.responsible(item.ID)+" takes responsibility for that")
		default:
			v.add(item.ID, Holds, item.Title)
		}
	}
	if want := retainUntil(&p.Content); p.RetainUntil != want {
		v.add("retention", Broken, fmt.Sprintf("it says that a copy must be kept until %s; by its dates that is %s", p.RetainUntil, want))
	} else {
		v.add("retention", Holds, "a copy must be kept until "+want.Words())
	}
	v.files(root, s, base, name)
	return v, v.dossier(ctx, p, o.Dossier)
}

func notFound(where string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &assay.Problem{Kind: assay.ErrNotFound, Where: filepath.ToSlash(where), What: "is not there"}
	}
	return &assay.Problem{Kind: assay.ErrInvalid, Where: filepath.ToSlash(where), What: "cannot be read", Err: err}
}

// readPayload reads what an envelope holds. It does not check the signature.
func readPayload(e *sign.Envelope) (*sign.Statement, *Predicate, error) {
	s, err := e.Statement()
	if err != nil {
		return nil, nil, err
	}
	if s.PredicateType != PredicateType {
		return nil, nil, fmt.Errorf("predicate of type %.100q: %w: want %s", s.PredicateType, assay.ErrUnsupported, PredicateType)
	}
	var p Predicate
	if err := json.Unmarshal(s.Predicate, &p); err != nil {
		return nil, nil, fmt.Errorf("predicate: %w: %w", assay.ErrInvalid, err)
	}
	if len(s.Subject) > maxSubjects || len(p.Dossier) > maxManifest {
		return nil, nil, fmt.Errorf("payload: %w: it names more files than a statement can", assay.ErrInvalid)
	}
	return s, &p, nil
}

const (
	maxSubjects = 16
	maxManifest = 100_000
)

func (v *Verification) signature(e *sign.Envelope, o VerifyOptions) bool {
	var keys []sign.PublicKey
	if o.Key != nil {
		keys = append(keys, *o.Key)
	}
	key, err := e.Verify(keys...)
	if err != nil {
		v.add("signature", Broken, err.Error())
		return false
	}
	v.Key, v.KeyKnown = key.ID(), o.Key != nil
	note := "by the key " + string(v.Key)
	if !v.KeyKnown {
		note += "; whose key that is was not looked at: give --key"
	}
	v.add("signature", Holds, note)
	return true
}

func (v *Verification) timestamp(e *sign.Envelope, p *Predicate, o VerifyOptions) {
	switch {
	case e.Timestamp == nil && p.TimestampBy != "":
		v.add("time-stamp", Broken, "one of "+p.TimestampBy+" is said to be there and is not")
		return
	case e.Timestamp == nil:
		v.add("time-stamp", NotLookedAt, "there is none; the key alone says that it was signed at "+p.SignedAt.UTC().Format(time.RFC3339))
		return
	}
	stamp, err := sign.VerifyTimestamp(e.Timestamp.Token, e.SignatureToStamp(), o.Roots)
	if err != nil {
		v.add("time-stamp", Broken, err.Error())
		return
	}
	note := "signed before " + stamp.Time.Format(time.RFC3339) + ", by " + stamp.Authority
	if !stamp.Trusted {
		note += "; whether to trust that authority was not looked at: give --timestamp-root"
	}
	if assay.DateOf(stamp.Time).AddDays(1).Before(p.Issued) {
		v.add("time-stamp", Broken, note+"; but the statement is dated later, "+p.Issued.Words())
		return
	}
	v.add("time-stamp", Holds, note)
}

// files holds the files beside the statement against the digests in it.
func (v *Verification) files(root *os.Root, s *sign.Statement, asked, envelope string) {
	found := asked == envelope
	for i := range s.Subject {
		r := &s.Subject[i]
		found = found || r.Name == asked
		digest, _, err := digestFile(root, r.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			v.add(r.Name, NotLookedAt, "it is not beside the statement")
		case err != nil:
			v.add(r.Name, Broken, err.Error())
		case digest != r.SHA256():
			v.add(r.Name, Broken, "it was changed since the statement was signed")
		default:
			v.add(r.Name, Holds, "as it was signed")
		}
	}
	if !found { // a copy by another name, which a statement names by digest
		v.add(asked, Holds, "a file of the statement, by its digest")
	}
}

// What bounds the search for the signed statement beside a file.
const (
	maxBeside     = 10_000 // names in the folder
	maxCandidates = 500    // files that are read
)

// namedBy finds the signed statement that names a file by its digest, or else by
// its name: that file was changed then.
func namedBy(root *os.Root, base string) (string, error) {
	digest, _, err := digestFile(root, base)
	if err != nil {
		return "", notFound(base, err)
	}
	dir, err := root.Open(".")
	if err != nil {
		return "", err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(maxBeside)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	byName, tried := "", 0
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasPrefix(name, "statement") || filepath.Ext(name) != ".json" || strings.HasSuffix(name, "-assessment.json") {
			continue
		}
		if tried++; tried > maxCandidates {
			break
		}
		data, err := readBounded(root, name, maxEnvelopeBytes)
		if err != nil {
			continue
		}
		e, err := sign.ParseEnvelope(data)
		if err != nil {
			continue
		}
		s, _, err := readPayload(e)
		if err != nil {
			continue
		}
		for i := range s.Subject {
			switch {
			case s.Subject[i].SHA256() == digest:
				return name, nil
			case s.Subject[i].Name == base:
				byName = name
			}
		}
	}
	if byName == "" {
		return "", &assay.Problem{Kind: assay.ErrNotFound, Where: base, What: "no signed statement beside it names it", Do: "put the statement's .json file beside it"}
	}
	return byName, nil
}

// dossier holds the dossier against the digests in the statement.
func (v *Verification) dossier(ctx context.Context, p *Predicate, dir string) error {
	if dir == "" {
		v.add("dossier", NotLookedAt, "give --dossier to hold it against the statement")
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return notFound(dir, err)
	}
	defer root.Close()
	folder, err := evidence.Open(ctx, filepath.Join(dir, "evidence"), evidence.Limits{})
	if err != nil {
		return err
	}
	defer folder.Close()
	now := map[string]assay.Digest{}
	for _, f := range evidenceFiles(folder) {
		now[f.Name] = f.Digest
	}
	var changed, added []string
	for _, f := range p.Dossier {
		if strings.HasPrefix(f.Name, "evidence/") {
			switch got, there := now[f.Name]; {
			case !there:
				changed = append(changed, f.Name+" is not there")
			case got != f.Digest:
				changed = append(changed, f.Name+" was changed")
			}
			delete(now, f.Name)
			continue
		}
		switch same, longer, err := asItStood(root, f); {
		case err != nil:
			changed = append(changed, f.Name+" cannot be read")
		case !same:
			changed = append(changed, f.Name+" was changed")
		case longer:
			added = append(added, f.Name)
		}
	}
	if len(now) > 0 {
		added = append(added, fmt.Sprintf("evidence (%d more)", len(now)))
	}
	note := "as it stood when the statement was signed"
	if len(added) > 0 {
		note += "; added to since, which the statement does not speak of: " + strings.Join(added, ", ")
	}
	if len(changed) > 0 {
		v.add("dossier", Broken, strings.Join(changed, "; "))
		return nil
	}
	v.add("dossier", Holds, note)
	return nil
}

// asItStood reports whether a file still begins with what it held. product.yaml is
// not added to: it must be the same.
func asItStood(root *os.Root, f File) (same, longer bool, err error) {
	file, err := openPlain(root, f.Name)
	if err != nil {
		return false, false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false, false, err
	}
	digest, size, err := evidence.DigestOf(context.Background(), io.LimitReader(file, f.Size), maxDossierFile)
	if err != nil {
		return false, false, err
	}
	longer = info.Size() > f.Size
	same = digest == f.Digest && size == f.Size && (!longer || f.Name != dossierFiles[0])
	return same, longer, nil
}

// clean makes a text of a stranger safe to print.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}
