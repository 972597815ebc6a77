package assay

import (
	"errors"
	"strings"
)

// The kinds of error. errors.Is at the edge decides exit status and HTTP status.
var (
	ErrNotFound    = errors.New("not found")
	ErrInvalid     = errors.New("invalid")
	ErrRefused     = errors.New("refused")
	ErrConflict    = errors.New("conflict")
	ErrUnsupported = errors.New("unsupported")
	ErrInternal    = errors.New("internal error")
)

// Problem is an error for people: what happened, where, and what to do, in one
// line. Its kind is one of the errors above.
type Problem struct {
	Kind  error
	Where string // file:line, address or row; may be empty
	What  string
	Do    string // the remedy; may be empty
	Err   error  // the cause; may be nil
}

func (p *Problem) Error() string {
	var b strings.Builder
	if p.Where != "" {
		b.WriteString(p.Where + ": ")
	}
	b.WriteString(p.What)
	if p.Err != nil {
		b.WriteString(": " + p.Err.Error())
	}
	if p.Do != "" {
		b.WriteString("; " + p.Do)
	}
	return b.String()
}

// Unwrap gives the kind and the cause.
func (p *Problem) Unwrap() []error {
	if p.Err == nil {
		return []error{p.Kind}
	}
	return []error{p.Kind, p.Err}
}
