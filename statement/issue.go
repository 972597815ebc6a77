package statement

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/vocab"
)

// Options say how a statement is issued.
type Options struct {
	Key       *sign.Key
	Timestamp string    // address of an RFC 3161 authority; none: no time-stamp
	Now       time.Time // when it is signed
	// Print makes a PDF of the page; nil, or an error of kind assay.ErrNotFound:
	// there is none.
	Print func(ctx context.Context, page []byte) ([]byte, error)
}

// Issued says what was written into the dossier.
type Issued struct {
	Envelope   string       `json:"envelope"` // the signed statement
	HTML       string       `json:"html"`
	PDF        string       `json:"pdf,omitempty"`
	Assessment string       `json:"assessment"`
	Key        assay.Digest `json:"key"`
	Digest     assay.Digest `json:"digest"` // of the envelope
}

// maxReissues bounds how often the statement of one batch is issued anew.
const maxReissues = 1000

// issuedBefore is a statement of the same batch that was issued before.
type issuedBefore struct {
	Name    string // of its file
	Digest  assay.Digest
	Support SupportPeriod
}

// earlier gives the statements of the batch that stand in the dossier, oldest
// first, and the name of the next. An earlier statement is never replaced: it must
// be kept as it was handed out.
func earlier(dir, batch string) ([]issuedBefore, string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, "", fmt.Errorf("statements of %s: %w", dir, err)
	}
	defer root.Close()
	var all []issuedBefore
	for n := 1; n <= maxReissues; n++ {
		base := baseName(batch, n)
		data, err := readBounded(root, base+".json", maxEnvelopeBytes)
		if errors.Is(err, fs.ErrNotExist) {
			return all, base, nil
		}
		if err != nil {
			return nil, "", err
		}
		unclear := func(err error) error {
			return &assay.Problem{Kind: assay.ErrConflict, Where: base + ".json", What: "is no statement that holds, so that nobody can tell what was stated of the batch", Err: err, Do: "put back the statement as it was issued"}
		}
		e, err := sign.ParseEnvelope(data)
		if err != nil {
			return nil, "", unclear(err)
		}
		if _, err := e.Verify(); err != nil {
			return nil, "", unclear(err)
		}
		_, p, err := readPayload(e)
		if err != nil {
			return nil, "", unclear(err)
		}
		if p.Product.Batch == batch { // else another batch whose file has the same name
			all = append(all, issuedBefore{base + ".json", digestOf(data), p.Support})
		}
	}
	return nil, "", &assay.Problem{Kind: assay.ErrRefused, Where: dir, What: fmt.Sprintf("the statement of batch %s was issued %d times", batch, maxReissues)}
}

// baseName is the files' name without its ending: "statement-2026-05", then
// "statement-2026-05.2".
func baseName(batch string, n int) string {
	safe := strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, batch)
	if len(safe) > 60 {
		safe = safe[:60]
	}
	name := "statement-" + safe
	if n > 1 {
		name += fmt.Sprintf(".%d", n)
	}
	return name
}

// Issue writes a statement into its dossier, which must be open for writing: the
// page, the PDF, the assessment that it rests on, and last the signed statement
// that names them. Until that is there, nothing is issued.
func Issue(ctx context.Context, dir string, d *dossier.Dossier, c *Content, a *law.Assessment, o Options) (*Issued, error) {
	before, base, err := earlier(dir, c.Product.Batch)
	if err != nil {
		return nil, err
	}
	p := Predicate{Content: *c, SignedAt: o.Now.UTC().Truncate(time.Second), TimestampBy: o.Timestamp}
	if len(before) > 0 {
		p.Replaces = before[len(before)-1].Digest
	}
	if p.Dossier, err = manifest(dir, d); err != nil {
		return nil, err
	}
	issued := &Issued{Envelope: base + ".json", HTML: base + ".html", Assessment: base + "-assessment.json", Key: o.Key.Public().ID()}
	var page bytes.Buffer
	if err := HTML(&page, c, issued.Key, issued.Envelope); err != nil {
		return nil, err
	}
	assessment, err := assessmentFile(d, a)
	if err != nil {
		return nil, err
	}
	type file struct {
		name string
		data []byte
	}
	files := []file{{issued.HTML, page.Bytes()}}
	if o.Print != nil {
		pdf, err := o.Print(ctx, page.Bytes())
		switch {
		case err == nil:
			issued.PDF = base + ".pdf"
			files = append(files, file{issued.PDF, pdf})
		case !errors.Is(err, assay.ErrNotFound):
			return nil, err
		}
	}
	files = append(files, file{issued.Assessment, assessment})
	var subjects []File
	for _, f := range files {
		subjects = append(subjects, File{f.name, digestOf(f.data), int64(len(f.data))})
	}
	envelope, err := sign.SealStatement(resources(subjects), PredicateType, p, o.Key)
	if err != nil {
		return nil, err
	}
	if o.Timestamp != "" {
		token, err := sign.RequestTimestamp(ctx, o.Timestamp, envelope.SignatureToStamp())
		if err != nil {
			return nil, err
		}
		if err := envelope.Stamp(token, o.Key); err != nil {
			return nil, err
		}
	}
	data, err := envelope.Encode()
	if err != nil {
		return nil, err
	}
	for _, f := range append(files, file{issued.Envelope, data}) {
		if err := d.Write(f.name, f.data); err != nil {
			return nil, err
		}
	}
	issued.Digest = digestOf(data)
	return issued, nil
}

// assessmentFile is what the statement rests on, for whoever wants to judge again.
func assessmentFile(d *dossier.Dossier, a *law.Assessment) ([]byte, error) {
	data, err := json.MarshalIndent(struct {
		Product dossier.Product `json:"product"`
		*law.Assessment
		Observations []assay.Observation `json:"observations"`
	}{d.Product, a, vocab.Standing(d.Observations())}, "", "  ")
	return append(data, '\n'), err
}

// dossierFiles are the files of a dossier that people and checks write. What is
// added below the second and the third does not change what stood there.
var dossierFiles = []string{"product.yaml", "declared.yaml", "observed.jsonl"}

const (
	maxEnvelopeBytes = 8 << 20
	maxDossierFile   = 2 << 30
)

// manifest lists what the assessment rests on.
func manifest(dir string, d *dossier.Dossier) ([]File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var files []File
	for _, name := range dossierFiles {
		digest, size, err := digestFile(root, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		files = append(files, File{name, digest, size})
	}
	return append(files, evidenceFiles(d.Evidence)...), nil
}

func evidenceFiles(e *evidence.Folder) []File {
	var files []File
	for _, item := range e.Items() {
		files = append(files, File{"evidence/" + item.Name, item.Digest, item.Size})
	}
	return files
}

func digestOf(data []byte) assay.Digest {
	sum := sha256.Sum256(data)
	return assay.Digest("sha256:" + hex.EncodeToString(sum[:]))
}

func digestFile(root *os.Root, name string) (assay.Digest, int64, error) {
	f, err := openPlain(root, name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	return evidence.DigestOf(context.Background(), f, maxDossierFile)
}

// openPlain opens a plain file of the folder; nothing that a link leads out to.
func openPlain(root *os.Root, name string) (*os.File, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &assay.Problem{Kind: assay.ErrRefused, Where: name, What: "is not a plain file"}
	}
	return root.Open(name)
}

func readBounded(root *os.Root, name string, most int64) ([]byte, error) {
	f, err := openPlain(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = &assay.Problem{Kind: assay.ErrInvalid, Where: name, What: fmt.Sprintf("is larger than %d bytes", most)}
	}
	return data, err
}

// Answers are what the dossier can hold as declared by the signatory once the
// statement is issued. That it goes with the product, and until when the copy will
// be kept, no file shows; they are not among them.
func Answers(p *dossier.Product, c *Content, at time.Time) []dossier.Answer {
	subject := Subject(p, c.Product.Batch)
	by := c.Signatory.Name + ", " + c.Signatory.Function
	var all []dossier.Answer
	add := func(s assay.Subject, term assay.TermID, v assay.Value) {
		all = append(all, dossier.Answer{Subject: s, Term: term, Value: v, By: by, At: at, Note: "The statement of compliance of batch " + c.Product.Batch})
	}
	for _, term := range []assay.TermID{"statement.type", "statement.batch", "statement.manufacturers", "statement.by_manufacturer",
		"statement.signature", "statement.signatory_name", "statement.signatory_function", "statement.place", "statement.dated", "statement.copy_kept"} {
		add(subject, term, assay.Bool(true))
	}
	if len(c.Representatives) > 0 {
		add(subject, "statement.representatives", assay.Bool(true))
	}
	var words []string
	for _, o := range c.Opinion {
		if o.Basis != NotApplicable {
			words = append(words, string(o.Basis))
		}
	}
	if len(words) > 0 {
		add(subject, "statement.opinion", assay.Set(words...))
	}
	if len(c.Standards) > 0 {
		add(subject, "statement.standard_identified", assay.Bool(true))
	}
	if !c.Support.End.Zero() {
		add(subject, "statement.support_period_stated", assay.Bool(true))
		add(subject, "statement.support_end", assay.Day(c.Support.End))
		add(subject, statedEnd, assay.Day(c.Support.End))
	}
	add(subject, "statement.issued", assay.Day(c.Issued))
	return all
}
