package pgtest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor times in /proc, which is the same on all of Linux.
const tick = time.Second / 100

// Processor is the processor time that the server's processes have used so far, those
// that have ended among them.
func (s *Server) Processor() time.Duration {
	type process struct {
		parent string
		used   time.Duration
	}
	all := map[string]process{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		_, after, _ := strings.Cut(string(data), ") ")
		fields := strings.Fields(after) // from the third on: state, parent, ...
		if len(fields) < 15 {
			continue
		}
		p := process{parent: fields[1]}
		for _, n := range fields[11:15] { // its own and its ended children's
			ticks, _ := strconv.ParseInt(n, 10, 64)
			p.used += time.Duration(ticks) * tick
		}
		all[filepath.Base(filepath.Dir(f))] = p
	}
	shell := strconv.Itoa(s.cmd.Process.Pid)
	var used time.Duration
	for id, p := range all {
		for depth := 0; depth < 4 && id != ""; depth++ {
			if id == shell {
				used += p.used
				break
			}
			id = all[id].parent
		}
	}
	return used
}
