package device

import (
	"errors"
	"strings"
	"syscall"
)

// isRefused reports that the port said it is closed. Windows words it otherwise.
func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || err != nil && strings.Contains(err.Error(), "actively refused")
}

func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }

// isExhausted reports that this machine, not the device, cannot go on.
func isExhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.ENOBUFS)
}
