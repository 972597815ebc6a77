//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package tlog

import (
	"errors"
	"os"
	"syscall"

	"github.com/assay-psti/assay"
)

// groupAndOthersCount says that a file's mode tells who may read it.
const groupAndOthersCount = true

// lock takes the file for one holder, of this process or another. The kernel lets go
// of it when its holder dies.
func lock(name string) (unlock func() error, err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = &assay.Problem{Kind: assay.ErrConflict, Where: name, What: "another program has this folder open for writing", Do: "stop it first: a log has one writer"}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f.Close, nil
}

// syncOpenDir makes what was renamed in a folder last.
func syncOpenDir(d *os.File) error { return d.Sync() }
