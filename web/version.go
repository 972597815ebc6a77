package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
)

// signed is a statement's signature, as it was checked for the page that shows it:
// over the bytes that the register holds, not over what it says of them.
type signed struct {
	Holds     bool
	Fault     string // why it does not hold
	Statement assay.Digest
	Bytes     int
	Key       register.Key
	Record    assay.Digest
	Leaf      *uint64
}

// check checks a version's signature: that the signed bytes and the record are those
// that the version names, and that the named key of the organisation signed them.
func check(p *register.Page) signed {
	version := &p.Version
	c := signed{Statement: register.DigestOf(p.Statement), Bytes: len(p.Statement), Record: register.DigestOf(p.Record), Leaf: version.Leaf}
	c.Key, c.Fault = checkDocument(p.Statement, version.Digest, version.SignedBy, p.Keys)
	if c.Fault == "" && c.Record != version.Record {
		c.Fault = "The record that the register holds is not the one that the log names."
	}
	c.Holds = c.Fault == ""
	return c
}

// checkDocument says why a signed document does not hold; "" where it has the digest
// and the named one of these keys signed it.
func checkDocument(document []byte, digest, signedBy assay.Digest, keys []register.Key) (key register.Key, fault string) {
	key.ID = signedBy
	if register.DigestOf(document) != digest {
		return key, "The file that the register holds is not the one that this version names."
	}
	e, err := sign.ParseEnvelope(document)
	if err != nil {
		return key, "The file was changed since it was signed, or cannot be read."
	}
	i := slices.IndexFunc(keys, func(k register.Key) bool { return k.ID == signedBy })
	if i < 0 {
		return key, "The key that signed is none that the register knows of this organisation."
	}
	public, err := sign.ParsePublicKey([]byte(keys[i].PEM))
	if err != nil {
		return keys[i], "The key cannot be read."
	}
	if by, err := e.Verify(public); err != nil || by.ID() != signedBy {
		return keys[i], "The signature does not fit the file and the key."
	}
	return keys[i], ""
}

// assessed is a laboratory's assessment as pages show it.
type assessed struct {
	register.Assessment
	Fault string // why its signature does not hold; then its verdicts are not shown
}

const shownAssessments = 6

// assessments checks the signatures of the newest assessments, as signed does.
func (s *Server) assessments(r *http.Request, full register.Full) ([]assessed, error) {
	var out []assessed
	for _, a := range full.Assessments[:min(len(full.Assessments), shownAssessments)] {
		document, err := s.Register.Document(r.Context(), s.viewer(r), full.Entry.ID, a.Digest)
		if err != nil {
			return nil, err
		}
		keys, err := s.Register.Keys(r.Context(), a.Org)
		if err != nil {
			return nil, err
		}
		_, fault := checkDocument(document, a.Digest, a.SignedBy, keys)
		out = append(out, assessed{a, fault})
	}
	return out, nil
}

type versionView struct {
	register.Full
	Signed    signed
	Content   *statement.Content
	Signers   []signer
	Parts     []part
	Passwords string
	Newest    bool
	Base      string // address of the version
	Proofs    bool
	LogURL    string
	LogKey    string
}

// versionPage is the version that an address names.
func (s *Server) versionPage(r *http.Request) (register.Page, error) {
	number, err := strconv.Atoi(r.PathValue("number"))
	if err != nil || number < 1 {
		return register.Page{}, fmt.Errorf("version: %w", assay.ErrNotFound)
	}
	return s.Register.Page(r.Context(), s.viewer(r), register.PageQuery{Product: r.PathValue("slug"), Number: number, Signed: true})
}

// version is the full record of one version.
func (s *Server) version(w http.ResponseWriter, r *http.Request) error {
	page, err := s.versionPage(r)
	if err != nil {
		return err
	}
	full := page.Full
	v := versionView{
		Signed: check(&page),
		Full:   full, Content: full.Version.Content, Signers: signers(full.Version.Claims), Passwords: passwordWords[full.Version.Facts.Passwords.Kind],
		Newest: full.Version.Number == full.Entry.Version, Base: "/p/" + full.Entry.Slug + "/v/" + strconv.Itoa(full.Version.Number),
		Proofs: s.Prove != nil, LogURL: s.BaseURL + "/log", LogKey: s.LogKey,
	}
	for _, p := range full.Version.Facts.Support {
		v.Parts = append(v.Parts, part{partTitle(p), supportOf(p.From, p.End, s.today())})
	}
	title := full.Entry.Make + " " + full.Entry.Name + ", version " + strconv.Itoa(full.Version.Number)
	return s.page(w, r, http.StatusOK, "version", frame{Title: title, Feed: "/p/" + full.Entry.Slug + ".atom", Content: v})
}

// index reads the index of a leaf.
func index(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, &assay.Problem{Kind: assay.ErrInvalid, What: "An index of the log is a whole number from 0"}
	}
	return n, nil
}

// proof sends the proof that the log holds a leaf.
func (s *Server) proof(w http.ResponseWriter, r *http.Request) error {
	name, ok := cutLast(r.PathValue("file"), ".tlog-proof")
	if !ok || s.Prove == nil {
		return s.nothing(w, r)
	}
	n, err := index(name)
	if err != nil {
		return err
	}
	state, err := s.Register.LogState(r.Context())
	if err != nil {
		return err
	}
	if n >= state.Integrated {
		return &assay.Problem{Kind: assay.ErrNotFound, What: "The log has no entry of that index"}
	}
	data, err := s.Prove(r.Context(), n)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=60")
	return s.send(w, r, file{Type: "text/plain; charset=utf-8", Name: name + ".tlog-proof", Data: data, Download: true})
}

// assessment sends a laboratory's signed assessment, as it came.
func (s *Server) assessment(w http.ResponseWriter, r *http.Request) error {
	full, err := s.Register.Product(r.Context(), s.viewer(r), r.PathValue("slug"))
	if err != nil {
		return err
	}
	name, _ := cutLast(r.PathValue("id"), ".json")
	for _, a := range full.Assessments {
		if strconv.FormatInt(a.ID, 10) != name {
			continue
		}
		data, err := s.Register.Document(r.Context(), s.viewer(r), full.Entry.ID, a.Digest)
		if err != nil {
			return err
		}
		return s.send(w, r, file{Type: "application/json", Name: "assessment-" + name + ".json", Data: data, Changed: a.At, Download: true})
	}
	return s.nothing(w, r)
}
