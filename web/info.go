package web

import (
	"fmt"
	"net/http"
	"time"

	"github.com/assay-psti/assay/register"
)

// infoView is what the pages about the register itself show.
type infoView struct {
	Register                  string
	Operator, OperatorContact string
	BaseURL                   string
	LogURL, LogKey            string
	Log                       register.LogState
	Total                     int
	Proofs                    bool
	Pages                     string // how often makers' pages are looked at; "": they are not
}

var infoTitles = map[string]string{
	"about": "About this register", "check": "Check it yourself", "for-shops": "For shops and programs", "terms": "Terms of use", "accessibility": "Accessibility",
}

// info is a page about the register.
func (s *Server) info(name string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		v := infoView{Register: s.Title, Operator: s.Operator, OperatorContact: s.OperatorContact, BaseURL: s.BaseURL, LogURL: s.BaseURL + "/log", LogKey: s.LogKey, Proofs: s.Prove != nil}
		if p := s.Register.Pages; p != nil {
			v.Pages = everyWords(p.Every)
		}
		var err error
		if v.Total, err = s.Register.Total(r.Context()); err != nil {
			return err
		}
		if v.Log, err = s.Register.LogState(r.Context()); err != nil {
			return err
		}
		return s.page(w, r, http.StatusOK, name, frame{Title: infoTitles[name], Content: v})
	}
}

// everyWords say how often something is done.
func everyWords(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == day:
		return "day"
	case d >= day:
		return fmt.Sprintf("%d days", (d+day/2)/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return "hour"
}
