//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package dossier

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/assay-psti/assay"
)

// lockFile stays in the folder; the lock on it ends with the process that holds it.
const lockFile = ".lock"

func lockDossier(root *os.Root) (*os.File, error) {
	if info, err := root.Lstat(lockFile); err == nil && !info.Mode().IsRegular() {
		return nil, &assay.Problem{Kind: assay.ErrRefused, Where: lockFile, What: "is not a plain file", Do: "remove it"}
	}
	f, err := root.OpenFile(lockFile, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the dossier: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, &assay.Problem{Kind: assay.ErrConflict, Where: lockFile, What: "another assay is writing to this dossier", Do: "wait until it ends and run again"}
	}
	return nil, fmt.Errorf("lock the dossier: %w", err)
}

func unlockDossier(_ *os.Root, f *os.File) error { return f.Close() }

// syncDir makes new names in the folder last through power loss.
func syncDir(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems cannot
		return err
	}
	return nil
}
