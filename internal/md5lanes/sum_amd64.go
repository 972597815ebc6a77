package md5lanes

import "golang.org/x/sys/cpu"

// vectors tells whether this machine has the instructions of sum16.
var vectors = cpu.X86.HasAVX2

// sum16 computes all lanes.
//
//go:noescape
func sum16(s *Sums, b *Blocks)
