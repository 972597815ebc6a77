//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package tlog

import (
	"errors"
	"io/fs"
	"os"

	"github.com/assay-psti/assay"
)

const groupAndOthersCount = false

// lock takes the file for one holder: it must not be there. Where its holder died,
// a person must remove it.
func lock(name string) (unlock func() error, err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, &assay.Problem{Kind: assay.ErrConflict, Where: name, What: "another program has this folder open for writing", Do: "stop it, or remove this file where none runs"}
	}
	if err != nil {
		return nil, err
	}
	return func() error { return errors.Join(f.Close(), os.Remove(name)) }, nil
}

// syncOpenDir does nothing where folders cannot be synced.
func syncOpenDir(*os.File) error { return nil }
