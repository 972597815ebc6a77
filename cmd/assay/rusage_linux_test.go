package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// peakBytes is the most memory that a running process has held at once; 0 once it
// ended. What the system says of an ended one counts what its parent held too.
func peakBytes(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
