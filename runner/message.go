package runner

import "github.com/assay-psti/assay"

// StreamVersion is the version of the stream of messages.
const StreamVersion = "1"

// Kind is what a message tells.
type Kind string

// The kinds in the order in which they come: one start; progress at any time
// after it; then for each check in order of name its outcome and its
// observations; then withdrawals; one end. The stream without its progress is
// the same for the same input.
const (
	Start       Kind = "start"
	InProgress  Kind = "progress"
	Outcome     Kind = "outcome"
	Observation Kind = "observation"
	End         Kind = "end"
)

// Message is one message of a run. Only the fields of its kind are set.
type Message struct {
	Kind    Kind   `json:"message"`
	Version string `json:"version,omitempty"` // of a start
	Check   string `json:"check,omitempty"`

	Checks []string `json:"checks,omitempty"` // of a start: all that will run or be skipped

	// Of progress. Total is 0 when it is not known.
	Done  int64  `json:"done,omitempty"`
	Total int64  `json:"total,omitempty"`
	What  string `json:"what,omitempty"`

	Outcome     *CheckOutcome      `json:"outcome,omitempty"`
	Observation *assay.Observation `json:"observation,omitempty"`
	Tally       *Tally             `json:"tally,omitempty"` // of an end
}

// State is what became of a check.
type State string

// The states.
const (
	Ran     State = "ran"     // it looked
	Skipped State = "skipped" // it had nothing to look at, or what it requires did not run
	Failed  State = "failed"  // it could not look; nothing is known from it
)

// CheckOutcome is what came of one check.
type CheckOutcome struct {
	Check        string   `json:"check"`
	Title        string   `json:"title"`
	State        State    `json:"state"`
	Reason       string   `json:"reason,omitempty"`  // why it was skipped or failed
	Remarks      []string `json:"remarks,omitempty"` // what it could not look at, and the like
	Whole        bool     `json:"whole"`             // it ran, and looked at all there was
	Observations int      `json:"observations"`
}

// Tally counts outcomes and observations.
type Tally struct {
	Ran          int `json:"ran"`
	Skipped      int `json:"skipped"`
	Failed       int `json:"failed"`
	Observations int `json:"observations"`
	Withdrawn    int `json:"withdrawn"`
}
