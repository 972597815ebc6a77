package password

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// repeats finds hashes that occur more than once among very many. Each worker keeps its own; hashes are kept apart by
// their first byte, and go to a scratch file when they outgrow the memory allowed.
type repeats struct {
	dir    string
	budget int64 // bytes for each worker
	shards []*shard
}

const partitions = 256

type shard struct {
	open   [partitions][]uint64   // the chunk that is being filled
	parts  [partitions][][]uint64 // full chunks
	held   int64                  // bytes
	file   *os.File
	buf    []byte
	spills [partitions][]spill
	end    int64
}

// spill is a run of hashes of one partition in a scratch file.
type spill struct {
	at int64
	n  int
}

// repeats makes a finder of repeats as the options say.
func (o *Options) repeats() *repeats {
	memory := o.MemoryBytes
	if memory <= 0 {
		memory = 256 << 20
	}
	return newRepeats(o.ScratchDir, memory, o.workers())
}

func newRepeats(dir string, memory int64, workers int) *repeats {
	r := &repeats{dir: dir, budget: max(memory/int64(workers), 1<<18)}
	for range workers {
		r.shards = append(r.shards, &shard{})
	}
	return r
}

// add keeps a hash. Only one goroutine may use a worker's number.
func (r *repeats) add(worker int, h uint64) error {
	s := r.shards[worker]
	p := h >> 56
	if len(s.open[p]) == cap(s.open[p]) {
		if err := s.room(int(p), r.budget, r.dir); err != nil {
			return err
		}
	}
	s.open[p] = append(s.open[p], h)
	return nil
}

// room opens a new chunk for a partition, twice as large as the one before.
func (s *shard) room(p int, budget int64, dir string) error {
	size := 64
	if full := s.open[p]; full != nil {
		s.parts[p], s.open[p] = append(s.parts[p], full), nil // not in both, or flush would write it twice
		size = min(2*cap(full), 8192)
		if s.held+int64(size)*8 > budget {
			if err := s.flush(dir); err != nil {
				return err
			}
		}
	}
	s.held += int64(size) * 8
	s.open[p] = make([]uint64, 0, size)
	return nil
}

// chunks are those of a partition, the open one last.
func (s *shard) chunks(p int) [][]uint64 {
	return append(s.parts[p][:len(s.parts[p]):len(s.parts[p])], s.open[p])
}

// flush moves everything held to the scratch file.
func (s *shard) flush(dir string) error {
	if s.file == nil {
		f, err := os.CreateTemp(dir, "assay-password-*")
		if err != nil {
			return fmt.Errorf("scratch file for finding duplicates: %w", err)
		}
		s.file = f
		s.buf = make([]byte, 0, 1<<20)
	}
	write := func() error {
		if _, err := s.file.WriteAt(s.buf, s.end); err != nil {
			return fmt.Errorf("scratch file in %s: %w: name a folder with more room", filepath.Dir(s.file.Name()), err)
		}
		s.end += int64(len(s.buf))
		s.buf = s.buf[:0]
		return nil
	}
	for p := range partitions {
		n := 0
		at := s.end + int64(len(s.buf))
		for _, c := range s.chunks(p) {
			n += len(c)
			for _, h := range c {
				if s.buf = binary.LittleEndian.AppendUint64(s.buf, h); len(s.buf) == cap(s.buf) {
					if err := write(); err != nil {
						return err
					}
				}
			}
		}
		if n > 0 {
			s.spills[p] = append(s.spills[p], spill{at, n})
		}
		s.parts[p], s.open[p] = nil, nil
	}
	s.held = 0
	return write()
}

// close removes the scratch files.
func (r *repeats) close() error {
	var errs []error
	for _, s := range r.shards {
		if s.file != nil {
			errs = append(errs, s.file.Close(), os.Remove(s.file.Name()))
			s.file = nil
		}
	}
	return errors.Join(errs...)
}

// maxCandidates bounds the repeated hashes that are followed up row by row.
const maxCandidates = 1 << 16

// repeated is what find found: how many hashes occur more than once, on how many rows, and the smallest of them.
type repeated struct {
	hashes, rows int64
	list         []uint64
}

// find returns the repeated hashes. It uses as many goroutines as there are shards.
func (r *repeats) find() (repeated, error) {
	var mu sync.Mutex // guards total and errs
	var total repeated
	var errs []error
	next := make(chan int, partitions)
	for p := range partitions {
		next <- p
	}
	close(next)
	var wg sync.WaitGroup
	for range r.shards {
		wg.Go(func() {
			var t hashTable
			for p := range next {
				one, err := r.findIn(p, &t)
				mu.Lock()
				total.hashes += one.hashes
				total.rows += one.rows
				total.list = append(total.list, one.list...)
				if err != nil {
					errs = append(errs, err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(total.list)
	total.list = total.list[:min(len(total.list), maxCandidates)]
	return total, errors.Join(errs...)
}

func (r *repeats) findIn(p int, t *hashTable) (repeated, error) {
	n := 0
	for _, s := range r.shards {
		for _, c := range s.chunks(p) {
			n += len(c)
		}
		for _, x := range s.spills[p] {
			n += x.n
		}
	}
	t.reset(n)
	buf := make([]byte, 1<<16)
	for _, s := range r.shards {
		for _, c := range s.chunks(p) {
			for _, h := range c {
				t.add(h)
			}
		}
		for _, x := range s.spills[p] {
			for at, left := x.at, x.n*8; left > 0; {
				m := min(left, len(buf))
				if _, err := s.file.ReadAt(buf[:m], at); err != nil {
					return repeated{}, fmt.Errorf("read scratch file: %w", err)
				}
				for i := 0; i < m; i += 8 {
					t.add(binary.LittleEndian.Uint64(buf[i:]))
				}
				at += int64(m)
				left -= m
			}
		}
	}
	return t.repeated(), nil
}

// hashTable is a set of hashes with open addressing; it remembers additions of what was there.
type hashTable struct {
	slots  []uint64
	shift  int
	zero   bool
	again  []uint64 // one entry for each addition of a hash already there
	unique map[uint64]int64
}

func (t *hashTable) reset(n int) {
	size := 1 << bits.Len(uint(max(n, 8)*3/2))
	if cap(t.slots) < size {
		t.slots = make([]uint64, size)
	} else {
		t.slots = t.slots[:size]
		clear(t.slots)
	}
	t.shift = 64 - bits.TrailingZeros(uint(size))
	t.zero, t.again, t.unique = false, t.again[:0], nil
}

func (t *hashTable) add(h uint64) {
	if h == 0 {
		if t.zero {
			t.repeat(h)
		}
		t.zero = true
		return
	}
	mask := uint64(len(t.slots) - 1)
	for i := (h * 0x9E3779B97F4A7C15) >> t.shift; ; i = (i + 1) & mask {
		switch t.slots[i] {
		case 0:
			t.slots[i] = h
			return
		case h:
			t.repeat(h)
			return
		}
	}
}

// repeat notes an addition; many additions of few hashes are counted rather than listed.
func (t *hashTable) repeat(h uint64) {
	if t.unique != nil {
		t.unique[h]++
		return
	}
	if t.again = append(t.again, h); len(t.again) > 1<<20 {
		t.unique = map[uint64]int64{}
		for _, x := range t.again {
			t.unique[x]++
		}
		t.again = t.again[:0]
	}
}

func (t *hashTable) repeated() repeated {
	if t.unique == nil {
		t.unique = map[uint64]int64{}
		for _, x := range t.again {
			t.unique[x]++
		}
	}
	var r repeated
	for h, n := range t.unique {
		r.hashes++
		r.rows += n + 1
		r.list = append(r.list, h)
	}
	slices.Sort(r.list)
	r.list = r.list[:min(len(r.list), maxCandidates)]
	t.unique = nil
	return r
}

// twins are the rows that share a password, or the fold of one.
type twins struct {
	text map[string][]int64 // password to its first rows
	rows int64
}

const (
	twinRows  = 8  // rows kept of each password
	twinTexts = 16 // passwords kept of each hash
)

// add notes a row. It keeps the lowest row numbers, whatever order rows come in.
func (t *twins) add(pw []byte, number int64) {
	t.rows++
	rows, ok := t.text[string(pw)]
	if !ok && len(t.text) >= twinTexts {
		return
	}
	t.text[string(pw)] = lowest(append(rows, number), twinRows)
}

func lowest(rows []int64, n int) []int64 {
	slices.Sort(rows)
	return rows[:min(len(rows), n)]
}

// foldByte brings look-alikes and both cases to one symbol.
var foldByte = func() (t [256]byte) {
	for i := range t {
		t[i] = lower(byte(i))
	}
	for _, pair := range []string{"o0", "q0", "l1", "i1", "|1", "!1", "z2", "s5", "b8", "-_"} {
		t[pair[0]] = pair[1]
		if c := pair[0]; c >= 'a' && c <= 'z' {
			t[c-'a'+'A'] = pair[1]
		}
	}
	return t
}()

// fold appends the look-alike fold of a password.
func fold(dst, pw []byte) []byte {
	n := len(dst)
	dst = slices.Grow(dst, len(pw))[:n+len(pw)]
	out := dst[n:][:len(pw)]
	for i, c := range pw {
		out[i] = foldByte[c]
	}
	return dst
}

// byFirstRow sorts examples by their first row.
func byFirstRow(a, b Example) int { return cmp.Compare(a.Rows[0], b.Rows[0]) }
