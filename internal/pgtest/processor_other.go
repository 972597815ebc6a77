//go:build !linux

package pgtest

import "time"

// Processor is not known here.
func (s *Server) Processor() time.Duration { return 0 }
