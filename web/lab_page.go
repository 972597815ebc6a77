package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
	"github.com/assay-psti/assay/sign"
)

// assessPage has a laboratory attach a signed assessment to a product.
func (s *Server) assessPage(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	return s.assessSheet(w, r, nil)
}

func (s *Server) assessSheet(w http.ResponseWriter, r *http.Request, wrong error) error {
	fields := []field{{Name: "assessment", Label: "Signed assessment", Hint: "A DSSE envelope of " + register.AssessmentType + ", signed with a key of your laboratory. It names the entry and the version that you tested.", Type: "file", Accept: ".json,application/json", Required: true}}
	sh := sheet{Heading: "Attach an assessment", Lead: "It stands on the product’s page beside the manufacturer’s own word, and in the log for good."}
	code := http.StatusOK
	if wrong != nil {
		var err error
		if code, err = blame(&sh, wrong, &fields); err != nil {
			return err
		}
	}
	sh.Sections = []section{{Forms: []form{{Action: "/org/assess", Button: "Check and attach", Files: true, Fields: fields}}}}
	return s.sheetPage(w, r, code, sh)
}

func (s *Server) assess(w http.ResponseWriter, r *http.Request, v register.Viewer) error {
	in, err := s.parts(w, r)
	if err != nil {
		return err
	}
	file := in.file("assessment")
	if file == nil {
		return s.assessSheet(w, r, register.Faults{{Field: "assessment", What: "no file was chosen", Do: "choose one"}})
	}
	id, err := claimedEntry(file.Data)
	if err != nil {
		return s.assessSheet(w, r, err)
	}
	a, err := s.Register.AttachAssessment(r.Context(), v, id, file.Data)
	if errors.Is(err, assay.ErrNotFound) {
		err = register.Faults{{Field: "assessment", What: "is for an entry that is not public here", Do: "name the entry by its id, as its page shows it"}}
	}
	if err != nil {
		return s.assessSheet(w, r, err)
	}
	s.tell(r, "The assessment of version "+strconv.Itoa(a.Says.Version)+" is attached. It is public as soon as the log has it.")
	http.Redirect(w, r, "/p/"+string(id), http.StatusSeeOther)
	return nil
}

// claimedEntry is the entry that a signed assessment says it is about. Nothing rests on it
// but where to look: the signature is checked when it is attached.
func claimedEntry(data []byte) (register.ProductID, error) {
	wrong := register.Faults{{Field: "assessment", What: "is no signed assessment that can be read", Do: "choose the .json file that was signed"}}
	if len(data) > register.MaxStatementBytes {
		return "", wrong
	}
	e, err := sign.ParseEnvelope(data)
	if err != nil {
		return "", wrong
	}
	said, err := e.Statement()
	if err != nil || said.PredicateType != register.AssessmentType {
		return "", wrong
	}
	var claim struct {
		Product register.ProductID `json:"product"`
	}
	if err := json.Unmarshal(said.Predicate, &claim); err != nil || claim.Product == "" || len(claim.Product) > register.MaxLine {
		return "", wrong
	}
	return claim.Product, nil
}
