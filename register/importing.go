package register

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
)

// ImportColumns are the columns of a range's CSV file, in the order of the template.
// Name, make and category are wanted; a row without statement becomes a draft.
// Several models or barcodes stand in one field with | between them.
func ImportColumns() []string {
	return []string{"name", "make", "models", "category", "description", "gtins", "support_end", "contact_url", "contact_email", "contact_phone", "policy", "ack", "updates", "passwords", "passwords_note", "product_page", "support_page", "statement_page", "statement", "note"}
}

// Import says how a range is taken in.
type Import struct {
	// Publish publishes the rows that have a statement; otherwise all become drafts.
	Publish bool
	// Statement gives a signed statement by the name in the row. Names are data: they
	// are to be looked up, not opened.
	Statement func(name string) ([]byte, error)
	// Row is told of each row, in the order of the file.
	Row func(RowReport)
}

// RowReport is what became of one row.
type RowReport struct {
	Line    int       `json:"line"` // in the file, from 1 with the heading
	Name    string    `json:"name"`
	Outcome Outcome   `json:"outcome"`
	Product ProductID `json:"product,omitempty"`
	Slug    string    `json:"slug,omitempty"`
	Version int       `json:"version,omitempty"`
	Faults  Faults    `json:"faults,omitempty"`
}

// Outcome is what became of a row.
type Outcome string

// The outcomes.
const (
	RowPublished Outcome = "published"
	RowUnchanged Outcome = "unchanged" // published before, word by word
	RowDraft     Outcome = "draft"
	RowRefused   Outcome = "refused"
)

// ImportSummary counts the rows by what became of them.
type ImportSummary struct {
	Rows      int `json:"rows"`
	Published int `json:"published"`
	Unchanged int `json:"unchanged"`
	Drafts    int `json:"drafts"`
	Refused   int `json:"refused"`
}

const importBatch = 500 // rows that are written in one transaction

// importRow is a row on its way.
type importRow struct {
	report RowReport
	bundle Bundle
	ready  prepared
	draft  bool
}

// ImportRange takes in a range of products from CSV, and reports on each row. Rows
// that are refused do not stand in the way of others. Rows are committed batch by
// batch, so an import that was cut off can be sent again: what is there stays.
func (s *Service) ImportRange(ctx context.Context, v Viewer, file io.Reader, im Import) (sum ImportSummary, err error) {
	action := EditDrafts
	if im.Publish {
		action = PublishEntry
	}
	scope, err := own(v, action)
	if err != nil {
		return sum, err
	}
	keys, err := s.Keys(ctx, v.Org)
	if err != nil {
		return sum, err
	}
	limited := &io.LimitedReader{R: file, N: MaxImportBytes}
	rows, err := newRows(limited)
	if err != nil {
		return sum, err
	}
	for {
		batch, last := rows.batch(importBatch, MaxImportRows-sum.Rows)
		for i := range batch {
			s.prepareRow(&batch[i], keys, im)
		}
		if err := s.writeRows(ctx, v, scope, batch); err != nil {
			return sum, err
		}
		for _, row := range batch {
			sum.count(row.report.Outcome)
			if im.Row != nil {
				im.Row(row.report)
			}
		}
		s.rouse()
		switch {
		case rows.err != nil:
			return sum, rows.err
		case limited.N <= 0:
			return sum, fmt.Errorf("file of more than %d bytes: %w: the rows up to here were taken in; send the rest as another file", MaxImportBytes, assay.ErrInvalid)
		case last:
			return sum, nil
		}
	}
}

func (s *ImportSummary) count(o Outcome) {
	s.Rows++
	switch o {
	case RowPublished:
		s.Published++
	case RowUnchanged:
		s.Unchanged++
	case RowDraft:
		s.Drafts++
	case RowRefused:
		s.Refused++
	}
}

func (r *importRow) refuse(f Faults) { r.report.Outcome, r.report.Faults = RowRefused, f }

// prepareRow checks a row as far as it can be without the store.
func (s *Service) prepareRow(r *importRow, keys []Key, im Import) {
	if r.report.Outcome != "" {
		return
	}
	name := string(r.bundle.Statement) // of the file; newRows put it there
	r.bundle.Statement = nil
	if name != "" && im.Statement == nil {
		r.refuse(Faults{{Field: "statement", What: fmt.Sprintf("names %.80q, and no statements were sent", name), Do: "send them with the file, or leave the column empty for drafts"}})
		return
	}
	if name != "" {
		data, err := im.Statement(name)
		if err != nil || len(data) > MaxStatementBytes {
			r.refuse(Faults{{Field: "statement", What: fmt.Sprintf("names %.80q, which was not sent, or is too large", name), Do: "send it with the file"}})
			return
		}
		r.bundle.Statement = data
	}
	if r.draft = !im.Publish || name == ""; r.draft {
		d := Draft{Facts: r.bundle.Facts, Statement: r.bundle.Statement, Note: r.bundle.Note}
		if err := d.bound(); err != nil {
			r.refuse(Faults{{Field: "row", What: err.Error()}})
		}
		if strings.TrimSpace(r.bundle.Facts.Name) == "" || strings.TrimSpace(r.bundle.Facts.Make) == "" {
			r.refuse(Faults{{Field: "name", What: "or make is not there", Do: "fill both in"}})
		}
		return
	}
	var f Faults
	if r.ready, f = prepare(&r.bundle, keys, s.today()); len(f) > 0 {
		r.refuse(f)
	}
}

// writeRows writes rows in one transaction, or, where one of them stands in the way
// of the others, in one each.
func (s *Service) writeRows(ctx context.Context, v Viewer, scope Scope, batch []importRow) error {
	err := s.Store.Write(ctx, func(w Writer) error { return s.writeAll(ctx, w, v, scope, batch) })
	if !errors.Is(err, assay.ErrConflict) {
		return err
	}
	for i := range batch {
		err := s.Store.Write(ctx, func(w Writer) error { return s.writeAll(ctx, w, v, scope, batch[i:i+1]) })
		if errors.Is(err, assay.ErrConflict) {
			batch[i].refuse(Faults{{Field: "row", What: err.Error(), kind: assay.ErrConflict}})
		} else if err != nil {
			return err
		}
	}
	return nil
}

// writeAll writes rows within one transaction. What is there before is read at once, and
// so is what is to be published written; a name that comes twice begins anew.
func (s *Service) writeAll(ctx context.Context, w Writer, v Viewer, scope Scope, batch []importRow) error {
	out, err := s.outgoing(ctx, w, v)
	if err != nil {
		return err
	}
	for len(batch) > 0 {
		n := distinct(batch)
		if err := s.writeDistinct(ctx, w, scope, out, batch[:n]); err != nil {
			return err
		}
		batch = batch[n:]
	}
	return nil
}

// distinct is how many rows, from the first, are of different names.
func distinct(batch []importRow) int {
	seen := map[ProductName]bool{}
	for i := range batch {
		name := batch[i].bundle.Facts.productName()
		if seen[name] {
			return i
		}
		seen[name] = true
	}
	return len(batch)
}

// writeDistinct writes rows of different names.
func (s *Service) writeDistinct(ctx context.Context, w Writer, scope Scope, out *outgoing, batch []importRow) error {
	var names []ProductName
	var numbers []GTIN
	for i := range batch {
		if r := &batch[i]; r.report.Outcome != RowRefused && !r.draft {
			names, numbers = append(names, r.ready.facts.productName()), append(numbers, r.ready.facts.GTINs...)
		}
	}
	standing, err := w.Standing(ctx, scope, names)
	if err != nil {
		return err
	}
	if err := out.readBarcodes(ctx, w, scope, numbers); err != nil {
		return err
	}
	for i := range batch {
		r := &batch[i]
		if r.report.Outcome == RowRefused {
			continue
		}
		if r.draft {
			if err := s.importDraft(ctx, w, out.v, scope, r); err != nil {
				return err
			}
			continue
		}
		receipt, err := s.importVersion(out, standing, r.ready)
		var faults Faults
		if errors.As(err, &faults) { // nothing of the row is written
			r.refuse(faults)
			continue
		}
		if err != nil {
			return err
		}
		r.report.Outcome, r.report.Product, r.report.Slug, r.report.Version = RowPublished, receipt.Product, receipt.Slug, receipt.Version
		if len(receipt.Notes) > 0 {
			r.report.Outcome = RowUnchanged
		}
	}
	return out.write(ctx, w)
}

func (s *Service) importVersion(out *outgoing, standing map[ProductName]Standing, p prepared) (Receipt, error) {
	if err := out.mayStill(p); err != nil {
		return Receipt{}, err
	}
	before, there := standing[p.facts.productName()]
	if !there {
		var err error
		if before.Entry, err = s.newEntry(out.v.Org, p.facts.Make, p.facts.Name); err != nil {
			return Receipt{}, err
		}
		before.Promised = map[string]assay.Date{}
	}
	return out.publish(before, p)
}

func (s *Service) importDraft(ctx context.Context, w Writer, v Viewer, scope Scope, r *importRow) error {
	f := r.bundle.Facts
	e, err := w.OwnByName(ctx, scope, f.Make, f.Name)
	if errors.Is(err, assay.ErrNotFound) {
		e, err = s.newEntry(v.Org, f.Make, f.Name)
	}
	if err != nil {
		return err
	}
	d := Draft{Product: e.ID, Org: v.Org, Slug: e.Slug, Facts: f, Statement: r.bundle.Statement, Note: r.bundle.Note, Updated: s.now(), By: v.Account}
	before, err := w.Draft(ctx, scope, e.ID)
	if err != nil && !errors.Is(err, assay.ErrNotFound) {
		return err
	}
	d.Revision = before.Revision
	if err := w.SaveDraft(ctx, d); err != nil {
		return err
	}
	r.report.Outcome, r.report.Product, r.report.Slug = RowDraft, e.ID, e.Slug
	return w.AddEvent(ctx, s.event(v, "draft.imported", string(e.ID), nil))
}

// rows reads a range's CSV.
type rows struct {
	csv    *csv.Reader
	column map[string]int
	err    error // what ended it, but for its end
}

func newRows(file io.Reader) (*rows, error) {
	buffered := bufio.NewReader(file)
	if mark, _ := buffered.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = buffered.Discard(3)
	}
	r := csv.NewReader(buffered)
	r.FieldsPerRecord = -1
	heading, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("line 1: %w: no heading that can be read; begin with %s", assay.ErrInvalid, strings.Join(ImportColumns()[:4], ","))
	}
	out := &rows{csv: r, column: map[string]int{}}
	for i, h := range heading {
		h = strings.ReplaceAll(Fold(h), " ", "_")
		if !slices.Contains(ImportColumns(), h) {
			return nil, fmt.Errorf("line 1: %w: column %.60q is not known; want %s", assay.ErrInvalid, h, strings.Join(ImportColumns(), ", "))
		}
		if _, twice := out.column[h]; twice {
			return nil, fmt.Errorf("line 1: %w: column %s is there twice", assay.ErrInvalid, h)
		}
		out.column[h] = i
	}
	for _, want := range []string{"name", "make", "category"} {
		if _, there := out.column[want]; !there {
			return nil, fmt.Errorf("line 1: %w: column %s is not there", assay.ErrInvalid, want)
		}
	}
	return out, nil
}

// batch reads up to n rows; last reports that there are no more.
func (r *rows) batch(n, left int) (batch []importRow, last bool) {
	for len(batch) < n {
		fields, err := r.csv.Read()
		if errors.Is(err, io.EOF) {
			return batch, true
		}
		if err != nil {
			r.err = fmt.Errorf("%w: the file is no CSV: %w", assay.ErrInvalid, err)
			return batch, true
		}
		if len(batch) == left {
			r.err = fmt.Errorf("more than %d rows: %w: send the rest as another file", MaxImportRows, assay.ErrInvalid)
			return batch, true
		}
		line, _ := r.csv.FieldPos(0)
		batch = append(batch, r.row(line, fields))
	}
	return batch, false
}

func (r *rows) row(line int, fields []string) importRow {
	field := func(name string) string {
		if i, there := r.column[name]; there && i < len(fields) {
			return strings.TrimSpace(fields[i])
		}
		return ""
	}
	list := func(name string) (out []string) {
		for _, f := range strings.Split(field(name), "|") {
			if f = strings.TrimSpace(f); f != "" {
				out = append(out, f)
			}
		}
		return out
	}
	row := importRow{report: RowReport{Line: line}}
	var faults Faults
	f := Facts{
		Name: field("name"), Make: field("make"), Models: list("models"), Category: field("category"), Description: field("description"),
		Contact:   Contact{URL: field("contact_url"), Email: field("contact_email"), Phone: field("contact_phone"), Policy: field("policy"), Ack: field("ack"), Updates: field("updates")},
		Passwords: Passwords{Kind: PasswordKind(field("passwords")), Note: field("passwords_note")},
		Pages:     Pages{Product: field("product_page"), Support: field("support_page"), Statement: field("statement_page"), Security: field("contact_url")},
	}
	for _, g := range list("gtins") {
		f.GTINs = append(f.GTINs, GTIN(g))
	}
	if end := field("support_end"); end != "" {
		day, err := assay.ParseDate(end)
		if err != nil {
			faults.add("support_end", fmt.Sprintf("%.40q is no day", end), "write it as 2031-12-31")
		}
		f.Support = []SupportPeriod{{Component: WholeProduct, End: day}}
	}
	if len(fields) > len(r.column) {
		faults.add("row", fmt.Sprintf("has %d fields, and the heading %d", len(fields), len(r.column)), "put a field that holds a comma in quotation marks")
	}
	row.report.Name = clipText(f.Make + " " + f.Name)
	row.bundle = Bundle{Format: BundleFormat, Facts: f, Statement: []byte(field("statement")), Note: field("note")}
	if len(faults) > 0 {
		row.refuse(faults)
	}
	return row
}

func clipText(s string) string {
	if len(s) > MaxLine {
		s = s[:MaxLine]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
