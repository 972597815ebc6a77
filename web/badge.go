package web

import (
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/skip2/go-qrcode"

	"github.com/assay-psti/assay/register"
)

// badgeView is what others may put on their pages and shelves.
type badgeView struct {
	Entry   register.Entry
	Says    string // what the badge says, in a sentence
	Snippet string // HTML with the drawing, which is always the newest
	Words   string // HTML without a drawing, as of today
	Address string
}

// productFile sends a drawing for the pages and shelves of others.
func (s *Server) productFile(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("file")
	if name != "badge.svg" && name != "label.svg" && name != "qr.svg" {
		return s.nothing(w, r)
	}
	full, err := s.Register.Product(r.Context(), register.Public, r.PathValue("slug"))
	if err != nil {
		return err
	}
	address := s.BaseURL + "/p/" + full.Entry.Slug
	var svg string
	switch name {
	case "badge.svg":
		svg = s.badge(full.Entry)
	case "label.svg":
		svg, err = s.label(full.Entry, address)
	case "qr.svg":
		svg, err = qr(address)
	}
	if err != nil {
		return err
	}
	return s.send(w, r, file{
		Type: "image/svg+xml", Data: []byte(svg), Embed: true, Changed: time.Time{}, // it changes with the day, too
		Policy: "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
	})
}

// shelf is the page from which shops take badges.
func (s *Server) shelf(w http.ResponseWriter, r *http.Request) error {
	full, err := s.Register.Product(r.Context(), register.Public, r.PathValue("slug"))
	if err != nil {
		return err
	}
	e := full.Entry
	v := badgeView{Entry: e, Says: s.says(e), Address: s.BaseURL + "/p/" + e.Slug}
	name := html.EscapeString(e.Make + " " + e.Name)
	v.Snippet = fmt.Sprintf(`<a href="%[1]s"><img src="%[1]s/badge.svg" width="300" height="56" alt="%[2]s Entry in the register."></a>`, html.EscapeString(v.Address), html.EscapeString(v.Says))
	if e.SupportEnd.Zero() || e.Status == register.Withdrawn {
		v.Words = fmt.Sprintf(`<p>%s <a href="%s">Security of the %s: entry in the register</a></p>`, html.EscapeString(v.Says), html.EscapeString(v.Address), name)
	} else {
		v.Words = fmt.Sprintf(`<p>Security updates for the %s until <time datetime="%s">%s</time>, as %s says. <a href="%s">Security of the %[1]s: entry in the register</a></p>`,
			name, e.SupportEnd, e.SupportEnd.Words(), html.EscapeString(e.OrgName), html.EscapeString(v.Address))
	}
	return s.page(w, r, http.StatusOK, "shelf", frame{Title: "Badge and shelf label for " + e.Make + " " + e.Name, NoIndex: true, Content: v})
}

// says is what a badge says, in a sentence.
func (s *Server) says(e register.Entry) string {
	name := e.Make + " " + e.Name
	switch {
	case e.Status == register.Withdrawn:
		return name + ": its manufacturer has withdrawn this entry."
	case e.SupportEnd.Zero():
		return name + ": no end of security updates is published."
	case e.SupportEnd.Before(s.today()):
		return name + ": security updates ended on " + e.SupportEnd.Words() + "."
	}
	return name + ": security updates until " + e.SupportEnd.Words() + "."
}

// lines are the two lines of a badge.
func (s *Server) lines(e register.Entry) (above, below string, good bool) {
	switch {
	case e.Status == register.Withdrawn:
		return "Register entry", "withdrawn", false
	case e.SupportEnd.Zero():
		return "Security updates", "no end date published", false
	case e.SupportEnd.Before(s.today()):
		return "Security updates ended", e.SupportEnd.Words(), false
	}
	return "Security updates until", e.SupportEnd.Words(), true
}

// The drawings carry their own colours, since they stand on pages of others; each
// pair of colours has a contrast of more than 7 to 1.
func (s *Server) badge(e register.Entry) string {
	above, below, good := s.lines(e)
	bar := "#1f5f4a"
	if !good {
		bar = "#8f2a14"
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="300" height="56" viewBox="0 0 300 56" role="img" aria-label="%s"><rect x=".5" y=".5" width="299" height="55" rx="6" fill="#fff" stroke="#8b8578"/><rect x="0" y="0" width="8" height="56" rx="3" fill="%s"/>`+
		`<text x="20" y="21" font-family="system-ui,sans-serif" font-size="13" fill="#3f3b34">%s</text><text x="20" y="44" font-family="Georgia,serif" font-weight="600" font-size="19" fill="#1e1c19">%s</text></svg>`,
		html.EscapeString(s.says(e)), bar, html.EscapeString(above), html.EscapeString(below))
}

// label is a card for the shelf, 100 by 50 millimetres, with a code that leads to the entry.
func (s *Server) label(e register.Entry, address string) (string, error) {
	code, side, err := qrPath(address)
	if err != nil {
		return "", err
	}
	above, below, _ := s.lines(e)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="100mm" height="50mm" viewBox="0 0 500 250" role="img" aria-label="%s"><rect width="500" height="250" fill="#fff"/>`, html.EscapeString(s.says(e)+" More at "+address))
	text := func(x, y, size, room int, family, weight, words string) {
		// Letters of these faces are about half as wide as high; what is longer than the room is cut.
		if most := room * 2 / size; utf8.RuneCountInString(words) > most {
			words = string([]rune(words)[:most-1]) + "…"
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" font-family="%s" font-weight="%s" font-size="%d" fill="#000">%s</text>`, x, y, family, weight, size, html.EscapeString(words))
	}
	text(20, 44, 22, 280, "system-ui,sans-serif", "400", e.Make)
	text(20, 74, 24, 280, "system-ui,sans-serif", "600", e.Name)
	text(20, 130, 20, 280, "system-ui,sans-serif", "400", above)
	text(20, 168, 30, 290, "Georgia,serif", "600", below)
	text(20, 225, 13, 290, "system-ui,sans-serif", "400", "As "+e.OrgName+" says. Scan for the entry.")
	scale := 190.0 / float64(side)
	fmt.Fprintf(&b, `<path transform="translate(300 30) scale(%s)" d="%s" fill="#000"/></svg>`, strconv.FormatFloat(scale, 'f', 3, 64), code)
	return b.String(), nil
}

// qr is an address as a code that cameras read (ISO/IEC 18004).
func qr(address string) (string, error) {
	code, side, err := qrPath(address)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %[1]d" width="300" height="300" role="img" aria-label="Code for the address %[2]s"><rect width="%[1]d" height="%[1]d" fill="#fff"/><path d="%[3]s" fill="#000"/></svg>`, side, html.EscapeString(address), code), nil
}

// qrPath draws the dark modules row by row, each run of them as one rectangle; side
// is the width in modules, with the quiet zone.
func qrPath(address string) (path string, side int, err error) {
	code, err := qrcode.New(address, qrcode.Medium)
	if err != nil {
		return "", 0, fmt.Errorf("code for %s: %w", address, err)
	}
	bitmap := code.Bitmap()
	var b strings.Builder
	for y, row := range bitmap {
		for x := 0; x < len(row); x++ {
			from := x
			for x < len(row) && row[x] {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
	}
	return b.String(), len(bitmap), nil
}
