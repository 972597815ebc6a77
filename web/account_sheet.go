package web

import (
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// sheet is a page of accounts and organisations: sections with words, a table or
// forms. These pages are many and alike, so they share one template; the public pages
// have one each.
type sheet struct {
	Title    string // where it differs from the heading
	Kicker   string
	Heading  string
	Lead     string
	Menu     []link
	Notice   string
	Secret   *secret // shown once
	Faults   []fault
	Sections []section
	Content  template.HTML // of a preview: another of our own pages
}

// secret is something that is shown once.
type secret struct{ Words, Value string }

type section struct {
	ID, Heading, Text string
	Figures           []figure
	Table             *table
	Forms             []form
	Links             []link
	Passkey           *ceremony
	Fields            []field // beside a passkey
}

type figure struct{ Value, Words, Href string }

type link struct {
	Href, Words string
	Here        bool
	Button      bool
}

type table struct {
	Caption string
	Head    []string
	Rows    [][]cell
	Empty   string // said where there are no rows
}

type cell struct {
	Text  string
	Soft  string
	Code  bool
	Href  string
	List  []string
	Forms []form
}

// form is a form, with what was wrong with it.
type form struct {
	Action  string
	Button  string
	About   string // for a reader who hears the button alone
	Second  bool   // a quiet button
	Files   bool
	Hidden  []option
	Fields  []field
	Inline  bool
	GetForm bool
}

type field struct {
	Name, Label, Hint, Value string
	Type                     string // "text", "email", "url", "date", "area", "choice", "ticks", "file", "search"
	Options                  []option
	Required, Multiple       bool
	Max                      int
	Auto, Accept             string
	Fault                    string
}

type option struct {
	Name, Words string
	Chosen      bool
}

// fault is a line of the summary of what is wrong, with the field that it is about.
type fault struct{ Field, What string }

// ID is the field's place on the page.
func (f field) ID() string {
	return "f-" + strings.Map(func(r rune) rune {
		if r == '.' || r == '_' {
			return '-'
		}
		return r
	}, f.Name)
}

// blame puts what stands in the way next to the fields that it is about, and into the
// summary. An error that is of no form it gives back.
func blame(sh *sheet, err error, fields ...*[]field) (int, error) {
	var all register.Faults
	var p *assay.Problem
	switch {
	case errors.As(err, &all):
	case errors.As(err, &p) && (errors.Is(err, assay.ErrInvalid) || errors.Is(err, assay.ErrRefused) || errors.Is(err, assay.ErrConflict)):
		sh.Faults = append(sh.Faults, fault{"", strings.TrimSpace(sentence(p.Where, p.What) + " " + sentence("", p.Do))})
		return status(err), nil
	case errors.Is(err, assay.ErrInvalid), errors.Is(err, assay.ErrConflict), errors.Is(err, assay.ErrRefused):
		sh.Faults = append(sh.Faults, fault{"", sentence("", err.Error())})
		return status(err), nil
	default:
		return http.StatusInternalServerError, err
	}
	for _, f := range all {
		what := f.What
		if f.Cite != "" {
			what += " (" + string(f.Cite) + ")"
		}
		if f.Do != "" {
			what += "; " + f.Do
		}
		line := fault{"", sentence(f.Field, what)}
		name, _, _ := strings.Cut(f.Field, "[")
		for _, list := range fields {
			i := slices.IndexFunc(*list, func(x field) bool { return x.Name == name })
			if i < 0 {
				i = slices.IndexFunc(*list, func(x field) bool { return "facts."+x.Name == name || strings.HasPrefix("facts."+x.Name, name+".") })
			}
			if i < 0 {
				continue
			}
			x := &(*list)[i]
			if x.Fault == "" {
				x.Fault = sentence("", what)
			}
			line = fault{x.ID(), x.Label + ": " + what}
			break
		}
		sh.Faults = append(sh.Faults, line)
	}
	return status(err), nil
}

// menu are the pages that a viewer may open.
func (s *Server) menu(v register.Viewer, here string) []link {
	all := []struct {
		href, words string
		needs       register.Action
	}{
		{"/account", "Account", ""}, {"/org", "Overview", register.SeeDrafts}, {"/org/products", "Products", register.SeeDrafts},
		{"/org/upload", "Publish", register.EditDrafts}, {"/org/import", "Import a range", register.EditDrafts}, {"/org/bench", "Bench", register.SeeTests}, {"/org/assess", "Attach an assessment", register.AttachVerdict},
		{"/org/members", "Members", register.SeeDrafts}, {"/org/settings", "Organisation and keys", register.EditOrg}, {"/org/tokens", "Tokens", register.ManageTokens},
		{"/org/audit", "Audit trail", register.SeeAudit}, {"/operator", "Operator", register.Operate},
	}
	var out []link
	for _, l := range all {
		if allowed(v, l.needs) && (l.needs != register.SeeTests || s.Tests != nil) {
			out = append(out, link{Href: l.href, Words: l.words, Here: here == l.href})
		}
	}
	return out
}

func choose(value string, options ...option) []option {
	for i := range options {
		options[i].Chosen = options[i].Name == value
	}
	return options
}

func text(v string) cell { return cell{Text: v} }
