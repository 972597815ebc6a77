package web

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// occasion is a day in a calendar.
type occasion struct {
	uid, title, text, url string
	day                   assay.Date
	changed               string // in the form of the calendar
}

// calendar writes days as RFC 5545 has them: lines end in CR LF, are folded after 75
// bytes, and what others wrote is escaped.
func calendar(name string, days []occasion) []byte {
	var b strings.Builder
	put := func(property, value string) {
		line := property + ":" + value
		for limit := 75; len(line) > limit; limit = 74 {
			cut := limit
			for !utf8.RuneStart(line[cut]) {
				cut--
			}
			b.WriteString(line[:cut] + "\r\n ")
			line = line[cut:]
		}
		b.WriteString(line + "\r\n")
	}
	put("BEGIN", "VCALENDAR")
	put("VERSION", "2.0")
	put("PRODID", "-//assay//product register//EN")
	put("METHOD", "PUBLISH")
	put("X-WR-CALNAME", calendarText(name))
	for _, d := range days {
		put("BEGIN", "VEVENT")
		put("UID", d.uid)
		put("DTSTAMP", d.changed)
		put("DTSTART;VALUE=DATE", strings.ReplaceAll(d.day.String(), "-", ""))
		put("DTEND;VALUE=DATE", strings.ReplaceAll(d.day.AddDays(1).String(), "-", ""))
		put("SUMMARY", calendarText(d.title))
		put("DESCRIPTION", calendarText(d.text))
		put("URL", d.url)
		put("TRANSP", "TRANSPARENT")
		put("END", "VEVENT")
	}
	put("END", "VCALENDAR")
	return []byte(b.String())
}

func calendarText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' {
			return ' '
		}
		return r
	}, s)
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(s)
}

func (s *Server) occasion(e register.Entry, part, id string, end assay.Date) occasion {
	title := "Security updates end: " + e.Make + " " + e.Name
	if part != "" {
		title += ", " + part
	}
	return occasion{
		uid: string(e.ID) + id + "@" + s.base.Hostname(), title: title, day: end, changed: e.Changed.UTC().Format("20060102T150405Z"), url: s.BaseURL + "/p/" + e.Slug,
		text: "Last day of security updates, as " + e.OrgName + " has published it. It may have been extended since.\n" + s.BaseURL + "/p/" + e.Slug,
	}
}

func (s *Server) sendCalendar(w http.ResponseWriter, r *http.Request, name, save string, days []occasion) error {
	return s.send(w, r, file{Type: "text/calendar; charset=utf-8", Name: save, Data: calendar(name, days), Download: true})
}

func (s *Server) productCalendar(w http.ResponseWriter, r *http.Request, slug string) error {
	full, err := s.Register.Product(r.Context(), register.Public, slug)
	if err != nil {
		return err
	}
	e, support := full.Entry, full.Version.Facts.Support
	var days []occasion
	if e.Status != register.Withdrawn {
		for _, p := range support {
			if p.End.Zero() {
				continue
			}
			title := ""
			if len(support) > 1 {
				title = partTitle(p)
			}
			days = append(days, s.occasion(e, title, "-"+p.Component, p.End))
		}
	}
	return s.sendCalendar(w, r, e.Make+" "+e.Name, e.Slug+".ics", days)
}

func (s *Server) makerCalendar(w http.ResponseWriter, r *http.Request, slug string) error {
	m, err := s.Register.Manufacturer(r.Context(), register.Public, slug, register.Query{Limit: 1})
	if err != nil {
		return err
	}
	return s.listCalendar(w, r, m.Org.Name, register.Query{Org: slug})
}

func (s *Server) categoryCalendar(w http.ResponseWriter, r *http.Request, name string) error {
	if err := s.knownCategory(r, name); err != nil {
		return err
	}
	return s.listCalendar(w, r, upper(name), register.Query{Category: name})
}

// listCalendar has the ends of support that are still to come. Of more products than
// are counted it would be no calendar that anybody looks at, and is refused.
func (s *Server) listCalendar(w http.ResponseWriter, r *http.Request, name string, q register.Query) error {
	q.Order, q.Limit, q.SupportedOn = register.BySupport, register.MaxPage, s.today()
	var days []occasion
	for {
		found, err := s.Register.Search(r.Context(), register.Public, q)
		if err != nil {
			return err
		}
		if found.More {
			return &assay.Problem{Kind: assay.ErrUnsupported, What: "These are too many products for one calendar", Do: "Take the calendar of a manufacturer or of a product, or the whole register as a table."}
		}
		for _, e := range found.Entries {
			if !e.SupportEnd.Zero() {
				days = append(days, s.occasion(e, "", "", e.SupportEnd))
			}
		}
		if q.Cursor = found.Next; q.Cursor == "" {
			break
		}
	}
	return s.sendCalendar(w, r, "Ends of support: "+name, register.Slug(name)+".ics", days)
}
