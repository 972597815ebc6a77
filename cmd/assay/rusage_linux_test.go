package main

import (
	"os"
	"syscall"
)

// peakBytes is the most memory that a process held at once.
func peakBytes(s *os.ProcessState) int64 {
	if u, ok := s.SysUsage().(*syscall.Rusage); ok {
		return u.Maxrss << 10
	}
	return 0
}
