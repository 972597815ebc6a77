package separators

import "golang.org/x/sys/cpu"

// vectors tells whether this machine has the instructions of mark.
var vectors = cpu.X86.HasAVX2

// mark writes a mask for each of n times 64 bytes.
//
//go:noescape
func mark(masks *uint64, text *byte, n int, separator byte) (odd bool)
