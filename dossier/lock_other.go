//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package dossier

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/assay-psti/assay"
)

// lockFile is in the folder as long as a process writes to the dossier.
const lockFile = ".lock"

func lockDossier(root *os.Root) (*os.File, error) {
	f, err := root.OpenFile(lockFile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil, &assay.Problem{Kind: assay.ErrConflict, Where: lockFile, What: "another assay is writing to this dossier",
			Do: "wait until it ends; if none runs, delete the file .lock"}
	}
	if err != nil {
		return nil, fmt.Errorf("lock the dossier: %w", err)
	}
	return f, nil
}

func unlockDossier(root *os.Root, f *os.File) error {
	return errors.Join(f.Close(), root.Remove(lockFile))
}

// syncDir does nothing: folders cannot be synced here.
func syncDir(*os.Root) error { return nil }
