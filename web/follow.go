package web

import (
	"errors"
	"net/http"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/register"
)

// followView is a form by which somebody asks to be told of changes.
type followView struct {
	Kind  register.TargetKind
	Key   string
	Name  string // of what is followed
	Email string // as it was given, where it has to be given again
	Error string
	Done  string // what was done, instead of the form
	Act   string // address to which the form's one button sends; confirm or stop
	Stop  bool
}

const maxForm = 16 << 10 // bytes of a form of few fields

// followForm is the form on a page of its own.
func (s *Server) followForm(w http.ResponseWriter, r *http.Request) error {
	v := followView{Kind: register.TargetKind(r.FormValue("kind")), Key: r.FormValue("key")}
	if err := s.followName(r, &v); err != nil {
		return err
	}
	return s.followPage(w, r, http.StatusOK, v)
}

// followName fills in what people call the thing that is followed.
func (s *Server) followName(r *http.Request, v *followView) error {
	switch v.Kind {
	case register.FollowProduct:
		full, err := s.Register.Product(r.Context(), register.Public, v.Key)
		if err != nil {
			return err
		}
		v.Key, v.Name = string(full.Entry.ID), full.Entry.Make+" "+full.Entry.Name
	case register.FollowMaker:
		m, err := s.Register.Manufacturer(r.Context(), register.Public, v.Key, register.Query{Limit: 1})
		if err != nil {
			return err
		}
		v.Name = m.Org.Name
	case register.FollowCategory:
		v.Key = register.Fold(v.Key)
		v.Name = v.Key
	default:
		return &assay.Problem{Kind: assay.ErrInvalid, What: "Only a product, a manufacturer or a kind of product can be followed", Do: "Begin on its page."}
	}
	return nil
}

func (s *Server) followPage(w http.ResponseWriter, r *http.Request, code int, v followView) error {
	title := "Be told of changes"
	if v.Error != "" {
		title = "Error: " + title
	}
	return s.page(w, r, code, "follow", frame{Title: title, NoIndex: true, Private: r.Method == http.MethodPost || v.Act != "", Content: v})
}

func (s *Server) follow(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return invalidForm(err)
	}
	if s.accounts != nil {
		if err := s.tried(w, r); err != nil {
			return err
		}
	}
	v := followView{Kind: register.TargetKind(r.PostForm.Get("kind")), Key: r.PostForm.Get("key"), Email: r.PostForm.Get("email")}
	if err := s.followName(r, &v); err != nil {
		return err
	}
	err := s.Register.Subscribe(r.Context(), v.Email, register.Target{Kind: v.Kind, Key: v.Key})
	var faults register.Faults
	if errors.As(err, &faults) && len(faults) > 0 {
		v.Error = sentence("The address", faults[0].What) + " " + sentence("", faults[0].Do)
		return s.followPage(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		return err
	}
	v.Done = "A mail with a link is on its way to " + v.Email + ". Nothing else is sent before you use that link."
	return s.followPage(w, r, http.StatusOK, v)
}

// invalidForm keeps the kind of a form that is too large.
func invalidForm(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return err
	}
	return &assay.Problem{Kind: assay.ErrInvalid, What: "The form cannot be read", Err: err}
}

// confirmForm asks once more: programs that look at mail follow links, people press buttons.
func (s *Server) confirmForm(w http.ResponseWriter, r *http.Request) error {
	return s.followPage(w, r, http.StatusOK, followView{Act: r.URL.Path})
}

func (s *Server) confirm(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.Register.ConfirmSubscription(r.Context(), r.PathValue("secret")); err != nil {
		return err
	}
	return s.followPage(w, r, http.StatusOK, followView{Done: "You will be told by mail when something changes. Every mail has a link that ends it."})
}

func (s *Server) stopForm(w http.ResponseWriter, r *http.Request) error {
	return s.followPage(w, r, http.StatusOK, followView{Act: r.URL.Path, Stop: true})
}

// stop ends a subscription: for the button of the page, and for the one click of
// mail programs, which post here too (RFC 8058).
func (s *Server) stop(w http.ResponseWriter, r *http.Request) error {
	if err := s.Register.Unsubscribe(r.Context(), r.PathValue("secret")); err != nil {
		return err
	}
	return s.followPage(w, r, http.StatusOK, followView{Done: "You will not hear of this again."})
}
