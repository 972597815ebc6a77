package register

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/sign"
	"github.com/assay-psti/assay/statement"
)

// AssessmentType names what a laboratory signs: an in-toto Statement whose predicate
// is an AssessmentClaim.
const AssessmentType = "https://github.com/assay-psti/assay/assessment/v1"

// maxManifest bounds the files that a statement may name.
const maxManifest = 100_000

// trusted are the keys of an organisation that count now.
func trusted(keys []Key) ([]sign.PublicKey, error) {
	var out []sign.PublicKey
	for _, k := range keys {
		if !k.Revoked.IsZero() {
			continue
		}
		p, err := sign.ParsePublicKey([]byte(k.PEM))
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", k.ID, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// verified is a signed document whose signature holds, by a key of the organisation.
type verified struct {
	digest   assay.Digest
	signedBy assay.Digest
	payload  *sign.Statement
}

// verify checks the signature of a document and reads its payload. Nothing that it
// says counts before that.
func verify(data []byte, keys []Key, wanted string, f *Faults) (verified, bool) {
	const field = "statement"
	if len(data) == 0 {
		f.add(field, "is not there", "make it with assay statement")
		return verified{}, false
	}
	if len(data) > MaxStatementBytes {
		f.add(field, fmt.Sprintf("is of more than %d bytes", MaxStatementBytes), "")
		return verified{}, false
	}
	e, err := sign.ParseEnvelope(data)
	if errors.Is(err, assay.ErrRefused) {
		f.refuse(field, "was changed since it was signed", "send the file as assay statement wrote it", "")
		return verified{}, false
	}
	if err != nil {
		f.add(field, "cannot be read as a signed document", "send the .json file that assay statement wrote")
		return verified{}, false
	}
	known, err := trusted(keys)
	if err != nil {
		f.add(field, err.Error(), "")
		return verified{}, false
	}
	if len(known) == 0 {
		f.refuse(field, "cannot be held against a key: the organisation has none that counts", "add the public key with which you sign", "")
		return verified{}, false
	}
	by, err := e.Verify(known...)
	if err != nil {
		f.refuse(field, err.Error(), "sign with a key of your organisation, or add the key", "")
		return verified{}, false
	}
	s, err := e.Statement()
	switch {
	case err != nil:
		f.add(field, "is signed, but holds no payload that can be read", "")
		return verified{}, false
	case s.PredicateType != wanted:
		f.add(field, fmt.Sprintf("says something of another kind: %.100q", s.PredicateType), "want "+wanted)
		return verified{}, false
	}
	return verified{DigestOf(data), by.ID(), s}, true
}

// readStatement reads a signed statement of compliance and holds it against the
// facts beside it.
func readStatement(data []byte, keys []Key, facts *Facts, today assay.Date, f *Faults) (verified, *statement.Content, bool) {
	v, ok := verify(data, keys, statement.PredicateType, f)
	if !ok {
		return v, nil, false
	}
	var p statement.Predicate
	if err := json.Unmarshal(v.payload.Predicate, &p); err != nil || len(p.Dossier) > maxManifest {
		f.add("statement", "is signed, but is no statement of compliance that can be read", "")
		return v, nil, false
	}
	c := &p.Content
	if !showable(c) {
		f.add("statement", fmt.Sprintf("says more than %d bytes, or holds characters that cannot be shown", maxContent), "issue it anew in plain text")
		return v, nil, false
	}
	before := len(*f)
	for _, item := range c.Items() {
		if !item.Present {
			*f = append(*f, Fault{"statement", "lacks " + item.Missing, "issue a statement that has it", item.Cite, assay.ErrRefused})
		}
	}
	if c.Verdict == assay.Fail {
		f.refuse("statement", "says itself that a security requirement is not met", "mend the product", "PSTI Act 2022 s.9")
	}
	if c.Verdict == assay.Inconclusive && len(c.Responsibility) == 0 {
		f.refuse("statement", "leaves open whether the security requirements are met, and nobody takes responsibility for it", "issue a statement that says who does", "PSTI Act 2022 s.9")
	}
	if c.Issued.After(today.AddDays(1)) { // it may be tomorrow already where it was signed
		f.add("statement", "is dated "+c.Issued.Words()+", which is still to come", "publish it on that day")
	}
	if strings.TrimSpace(c.Product.Name) != facts.Name {
		f.add("facts.name", fmt.Sprintf("is not the statement's, %.100q", c.Product.Name), "give the name that was signed")
	}
	if c.Product.Make != "" && strings.TrimSpace(c.Product.Make) != facts.Make {
		f.add("facts.make", fmt.Sprintf("is not the statement's, %.100q", c.Product.Make), "give the make that was signed")
	}
	for i, m := range facts.Models {
		if !slices.ContainsFunc(c.Product.Types, func(t string) bool { return strings.TrimSpace(t) == m }) {
			f.add(fmt.Sprintf("facts.models[%d]", i), fmt.Sprintf("%.100q is not among the types that the statement is about", m), "leave it out, or issue a statement that covers it")
		}
	}
	return v, c, len(*f) == before
}

// maxContent bounds what a statement says, in bytes of JSON; what it lists of files
// is not counted.
const maxContent = 128 << 10

// showable reports that what a statement says can stand on a page.
func showable(c *statement.Content) bool {
	data, err := json.Marshal(c)
	if err != nil || len(data) > maxContent {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		t, err := dec.Token()
		if err != nil {
			return errors.Is(err, io.EOF)
		}
		if text, ok := t.(string); ok && !plain(text) {
			return false
		}
	}
}

// claims are who says that which requirement is met, as the signed statement has it.
func claims(c *statement.Content) []Claim {
	by := c.Signatory.Name
	if c.Signatory.Function != "" {
		by += ", " + c.Signatory.Function
	}
	if len(c.Manufacturers) > 0 {
		by += ", " + c.Manufacturers[0].Name
	}
	var open []string
	for _, r := range c.Responsibility {
		open = append(open, r.Title+": "+r.By)
	}
	out := make([]Claim, 0, len(c.Opinion))
	for _, o := range c.Opinion {
		verdict := assay.Pass
		if o.Basis == statement.NotApplicable {
			verdict = assay.NotApplicable
		}
		out = append(out, Claim{
			Regime: statement.Regime, LawVersion: c.LawVersion,
			Requirement: o.Requirement, Title: o.Title, Cite: o.Cite, Basis: o.Basis, RestsOn: o.RestsOn,
			By: by, ByKind: string(Manufacturer), On: c.Issued, Verdict: verdict, Open: open,
		})
	}
	return out
}

// settleSupport fills the periods in from the statement where the facts name none,
// and holds the product's own against what the statement promises.
func settleSupport(facts *Facts, c *statement.Content, f *Faults) {
	const cite assay.Cite = "SI 2023/1007 Sch.1 para 3(6)"
	if len(facts.Support) == 0 {
		facts.Support = []SupportPeriod{{Component: WholeProduct, From: c.Support.From, End: c.Support.End}}
		return
	}
	whole, there := facts.period(WholeProduct)
	switch {
	case !there:
		facts.Support = append([]SupportPeriod{{Component: WholeProduct, From: c.Support.From, End: c.Support.End}}, facts.Support...)
	case !c.Support.End.Zero() && (whole.End.Zero() || whole.End.Before(c.Support.End)):
		f.refuse("facts.support", "gives the product less support than its statement, which says "+c.Support.End.Words(), "name that day or a later one", cite)
	}
	for i, p := range facts.Support {
		if p.End.Zero() && (p.Component != WholeProduct || !c.Support.End.Zero()) {
			f.refuse(fmt.Sprintf("facts.support[%d].end", i), "is not there", "name the last day of the period", "SI 2023/1007 Sch.1 para 3(2)")
		}
	}
	slices.SortStableFunc(facts.Support, func(a, b SupportPeriod) int {
		switch {
		case a.Component == b.Component:
			return 0
		case a.Component == WholeProduct:
			return -1
		case b.Component == WholeProduct:
			return 1
		}
		return strings.Compare(a.Component, b.Component)
	})
}

// assessmentRecord is what the log names of an assessment.
func assessmentRecord(a Assessment) ([]byte, error) {
	return json.Marshal(struct {
		Format   int             `json:"assay_assessment"` // 1
		Product  ProductID       `json:"product"`
		Org      OrgID           `json:"organisation"`
		OrgName  string          `json:"organisation_name"`
		Digest   assay.Digest    `json:"digest"`
		SignedBy assay.Digest    `json:"signed_by"`
		Says     AssessmentClaim `json:"says"`
		At       string          `json:"at"`
	}{1, a.Product, a.Org, a.OrgName, a.Digest, a.SignedBy, a.Says, a.At.Format("2006-01-02T15:04:05.000Z07:00")})
}

// decodeStrict reads JSON that holds nothing unknown.
func decodeStrict(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", assay.ErrInvalid, err)
	}
	return nil
}
