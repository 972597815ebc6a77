//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package tlog

import (
	"context"

	"golang.org/x/mod/sumdb/note"

	"github.com/assay-psti/assay"
)

// openBackend: logs are written on POSIX systems only; they are read everywhere.
func openBackend(context.Context, string, note.Signer, *Options) (backend, error) {
	return nil, &assay.Problem{Kind: assay.ErrUnsupported, What: "a log cannot be written on this system", Do: "run the writer on Linux, macOS or a BSD"}
}
