package web

import (
	"encoding/csv"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/assay-psti/assay/register"
)

// dumpRow is an entry in the whole register as a table.
type dumpRow struct {
	ID               string `parquet:"id"`
	Page             string `parquet:"page"`
	Status           string `parquet:"status,dict"`
	Make             string `parquet:"make,dict"`
	Name             string `parquet:"name"`
	Models           string `parquet:"models"` // parted by line ends
	Category         string `parquet:"category,dict"`
	Manufacturer     string `parquet:"manufacturer,dict"`
	ManufacturerSlug string `parquet:"manufacturer_slug,dict"`
	GTINs            string `parquet:"gtins"` // of 14 digits, parted by line ends
	SupportEnd       string `parquet:"support_end"`
	ContactURL       string `parquet:"contact_url,dict"`
	ContactEmail     string `parquet:"contact_email,dict"`
	Passwords        string `parquet:"passwords,dict"`
	Version          int64  `parquet:"version"`
	Changed          string `parquet:"changed"`
	Leaf             int64  `parquet:"leaf"`
	Record           string `parquet:"record"`
	Statement        string `parquet:"statement,dict"`
	SignedBy         string `parquet:"signed_by,dict"`
}

var dumpColumns = []string{"id", "page", "status", "make", "name", "models", "category", "manufacturer", "manufacturer_slug", "gtins", "support_end", "contact_url", "contact_email", "passwords", "version", "changed", "leaf", "record", "statement", "signed_by"}

func (r *dumpRow) cells() []string {
	return []string{r.ID, r.Page, r.Status, r.Make, r.Name, r.Models, r.Category, r.Manufacturer, r.ManufacturerSlug, r.GTINs, r.SupportEnd, r.ContactURL, r.ContactEmail, r.Passwords, strconv.FormatInt(r.Version, 10), r.Changed, strconv.FormatInt(r.Leaf, 10), r.Record, r.Statement, r.SignedBy}
}

func (s *Server) dumpRow(x register.Exported) dumpRow {
	e, v := x.Entry, x.Version
	numbers := make([]string, len(v.Facts.GTINs))
	for i, g := range v.Facts.GTINs {
		numbers[i] = string(g)
	}
	return dumpRow{
		ID: string(e.ID), Page: s.BaseURL + "/p/" + e.Slug, Status: string(e.Status), Make: e.Make, Name: e.Name, Models: strings.Join(e.Models, "\n"), Category: e.Category,
		Manufacturer: e.OrgName, ManufacturerSlug: e.OrgSlug, GTINs: strings.Join(numbers, "\n"), SupportEnd: e.SupportEnd.String(), ContactURL: v.Facts.Contact.URL, ContactEmail: v.Facts.Contact.Email,
		Passwords: string(v.Facts.Passwords.Kind), Version: int64(v.Number), Changed: e.Changed.UTC().Format(time.RFC3339), Leaf: int64(e.Leaf), //nolint:gosec // an index of the log is below 2^63
		Record: string(v.Record), Statement: string(v.Digest), SignedBy: string(v.SignedBy),
	}
}

// harmless keeps a spreadsheet from taking what a manufacturer wrote for a formula.
func harmless(cell string) string {
	first, _ := utf8.DecodeRuneInString(cell)
	if cell != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", first) { // also those of full width, which some take for the same
		return "'" + cell
	}
	return cell
}

const (
	maxDumps     = 2 // written at once
	maxDumpTime  = 30 * time.Minute
	maxDumpPause = time.Minute // in which a reader must take something
)

// steady writes for as long as its reader goes on reading, whatever bound the server
// has for an answer; but not for ever.
type steady struct {
	http.ResponseWriter
	end time.Time
}

func (w steady) Write(data []byte) (int, error) {
	deadline := time.Now().Add(maxDumpPause)
	if deadline.After(w.end) {
		deadline = w.end
	}
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(deadline) // where a server has none there is none to move
	return w.ResponseWriter.Write(data)
}

// dump writes all public entries as a table, row by row as they are read.
func (s *Server) dump(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("file")
	write := map[string]func(io.Writer, *http.Request) error{"register.csv": s.writeCSV, "register.parquet": s.writeParquet}[name]
	if write == nil {
		return s.nothing(w, r)
	}
	select {
	case s.dumps <- struct{}{}:
		defer func() { <-s.dumps }()
	default:
		return fmt.Errorf("dump: %w", errBusy)
	}
	h := w.Header()
	h.Set("Content-Type", map[string]string{"register.csv": "text/csv; charset=utf-8; header=present", "register.parquet": "application/vnd.apache.parquet"}[name])
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return nil
	}
	if err := write(steady{w, time.Now().Add(maxDumpTime)}, r); err != nil {
		// Half of it is out: only an end without an end says so.
		s.Log.LogAttrs(r.Context(), slog.LevelError, "dump broke off", slog.String("file", name), slog.Any("error", err))
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (s *Server) writeCSV(w io.Writer, r *http.Request) error {
	out := csv.NewWriter(w)
	if err := out.Write(dumpColumns); err != nil {
		return err
	}
	for x, err := range s.Register.Export(r.Context()) {
		if err != nil {
			return err
		}
		row := s.dumpRow(x)
		cells := row.cells()
		for i := range cells {
			cells[i] = harmless(cells[i])
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func (s *Server) writeParquet(w io.Writer, r *http.Request) error {
	out := parquet.NewGenericWriter[dumpRow](w, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("assay", "1", ""))
	rows := make([]dumpRow, 0, 500)
	written := 0
	flush := func() error {
		if _, err := out.Write(rows); err != nil {
			return err
		}
		if written += len(rows); written >= 50_000 { // a row group is held in memory until it is whole
			written = 0
			if err := out.Flush(); err != nil {
				return err
			}
		}
		rows = rows[:0]
		return nil
	}
	for x, err := range s.Register.Export(r.Context()) {
		if err != nil {
			return err
		}
		if rows = append(rows, s.dumpRow(x)); len(rows) == cap(rows) {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return out.Close()
}
