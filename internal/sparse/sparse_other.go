//go:build !linux

package sparse

import "os"

func run(_ *os.File, _, size int64) (int64, bool) { return size, false }
