package dossier

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/assay-psti/assay"
)

const observedFile = "observed.jsonl"

// Bounds of observed.jsonl.
const (
	maxObservedBytes = 256 << 20
	maxObservedLine  = 1 << 20
	maxObservations  = 2_000_000
)

// observed is observed.jsonl as read.
type observed struct {
	all    []assay.Observation
	good   int64  // bytes that hold whole lines
	torn   bool   // what follows them is the beginning of a line
	open   bool   // the last line is whole but has no line feed
	notice string // of what was torn
}

// readObserved reads observations one a line. A last line that was never
// finished, as power loss leaves it, is left out and noted. Any other line that
// is not an observation with the ID that belongs to what it says is an error:
// observations are never edited.
func readObserved(r io.Reader) (*observed, error) {
	var out observed
	in := bufio.NewReaderSize(io.LimitReader(r, maxObservedBytes+1), 64<<10)
	for number := 1; ; number++ {
		line, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, lineProblem(number, err)
		}
		whole := err == nil
		if len(line) == 0 && !whole {
			return &out, nil
		}
		o, bad := parseObservation(line)
		size := int64(len(line))
		if whole {
			size++
		}
		if out.good+size > maxObservedBytes {
			return nil, &assay.Problem{Kind: assay.ErrRefused, Where: observedFile, What: "is larger than 256 MiB", Do: "split the dossier"}
		}
		if bad != nil {
			if whole {
				return nil, lineProblem(number, bad)
			}
			out.torn = true
			out.notice = fmt.Sprintf("%s:%d: the last line was never finished and is left out; run the test again to be sure of what it said", observedFile, number)
			return &out, nil
		}
		if len(out.all) >= maxObservations {
			return nil, &assay.Problem{Kind: assay.ErrRefused, Where: observedFile, What: fmt.Sprintf("holds more than %d observations", maxObservations), Do: "split the dossier"}
		}
		out.all = append(out.all, o)
		out.good += size
		if !whole {
			out.open = true
			return &out, nil
		}
	}
}

var errLongLine = errors.New("the line is longer than 1 MiB")

// readLine gives the next line without its line feed; io.EOF comes with the last,
// which has none.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxObservedLine {
			return nil, errLongLine
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return line, err
		}
	}
}

func lineProblem(number int, err error) error {
	return &assay.Problem{Kind: assay.ErrInvalid, Where: fmt.Sprintf("%s:%d", observedFile, number), What: clip(err.Error()),
		Do: "put the file back as it was; observations are withdrawn, never edited"}
}

func parseObservation(line []byte) (assay.Observation, error) {
	var o assay.Observation
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		return o, errors.New("is not an observation")
	}
	if _, err := dec.Token(); err != io.EOF {
		return o, errors.New("holds more than one observation")
	}
	return o, checkObservation(&o)
}

// checkObservation holds what every observation must keep, whoever made it.
func checkObservation(o *assay.Observation) error {
	again := *o
	again.Identify()
	switch {
	case o.ID != again.ID:
		return errors.New("the observation is not the one its id belongs to")
	case o.By == "":
		return errors.New("the observation does not say who made it")
	case o.Withdraws != "":
		if o.Subject != "" || o.Term != "" || o.Value.Type() != assay.NoType {
			return errors.New("a withdrawal says something of its own")
		}
		return nil
	case o.Source != assay.Observed && (o.Source != assay.Declared || len(o.Evidence) == 0):
		return errors.New("the observation was not observed, nor read in evidence; what a person declares stands in " + declaredFile)
	case !termForm.MatchString(string(o.Term)):
		return fmt.Errorf("term %q does not fit", o.Term)
	case o.Value.Type() == assay.NoType:
		return errors.New("the observation has no value")
	}
	if _, err := assay.ParseSubject(string(o.Subject)); err != nil {
		return fmt.Errorf("subject %q does not fit", o.Subject)
	}
	return nil
}

// standing are the observations that still stand, by ID, as they were last made;
// and when something was last said of each subject and term.
type standing struct {
	at   map[assay.ObservationID]time.Time
	last map[topic]time.Time
}

type topic struct {
	subject assay.Subject
	term    assay.TermID
}

func newStanding(observations []assay.Observation) *standing {
	s := &standing{map[assay.ObservationID]time.Time{}, map[topic]time.Time{}}
	for i := range observations {
		s.add(&observations[i])
	}
	return s
}

func (s *standing) add(o *assay.Observation) {
	if o.Withdraws != "" {
		delete(s.at, o.Withdraws)
		return
	}
	t := topic{o.Subject, o.Term}
	if o.At.After(s.at[o.ID]) || s.at[o.ID].IsZero() {
		s.at[o.ID] = o.At
	}
	if o.At.After(s.last[t]) {
		s.last[t] = o.At
	}
}

// changes reports whether an observation changes what stands. One that stands
// already is made again only where something else was said in between: the newest
// may be what counts.
func (s *standing) changes(o *assay.Observation) bool {
	if o.Withdraws != "" {
		_, stands := s.at[o.Withdraws]
		return stands
	}
	at, stands := s.at[o.ID]
	return !stands || o.At.After(at) && s.last[topic{o.Subject, o.Term}].After(at)
}

// fresh are those of the observations that change what stands, as lines to append.
func fresh(earlier, observations []assay.Observation) ([]assay.Observation, []byte, error) {
	stand := newStanding(earlier)
	var kept []assay.Observation
	var lines []byte
	for _, o := range observations {
		if !stand.changes(&o) {
			continue
		}
		stand.add(&o)
		line, err := json.Marshal(o)
		if err != nil {
			return nil, nil, fmt.Errorf("observation %s: %w", o.ID, err)
		}
		if len(line) >= maxObservedLine {
			return nil, nil, fmt.Errorf("observation %s: %w: longer than 1 MiB", o.ID, assay.ErrInvalid)
		}
		// What is written must read back as itself, or the next reader would refuse the dossier.
		back, err := parseObservation(line)
		if err != nil {
			return nil, nil, fmt.Errorf("observation %s on %s: %w: %w", o.ID, o.Term, assay.ErrInternal, err)
		}
		kept = append(kept, back)
		lines = append(append(lines, line...), '\n')
	}
	return kept, lines, nil
}
