// Package password tells whether default passwords are lawful: it audits the list that a factory printed on its labels,
// generates lawful ones, and recognises stored hashes and published defaults.
//
// The audit answers the four questions that SI 2023/1007 Schedule 1 paragraph 1(3) puts about passwords that are unique
// per product: are they built on counters, public, derived from identifiers, guessable? [Audit] reads a [Batch] of any
// size, looks for structure, and reports limb by limb. What a test finds it states as a [Recipe] that can be run again
// on every row. What no test finds is not proof that the generator is good: a silent list leaves the derived limb
// inconclusive until the mechanism is declared.
//
// The package judges lists, not people: it is no cracker of single hashes, no strength meter for passwords that users
// choose, and it applies no law. It never puts a password into an error or a report unless it is told to.
package password

import (
	"errors"
	"time"
)

// Verdict is the outcome of one limb or of the whole audit.
type Verdict string

// The verdicts. Inconclusive always comes with a note that names what is wanted.
const (
	Pass         Verdict = "PASS"
	Fail         Verdict = "FAIL"
	Inconclusive Verdict = "INCONCLUSIVE"
)

// Attack says how a password can be guessed.
type Attack string

// AttackUnknown leaves the choice to the audit: where the password column is a Wi-Fi key, or an SSID stands beside it, the
// password is open to offline guessing (a captured handshake suffices); anything else is judged inconclusive between the
// online and the offline thresholds.
const (
	AttackUnknown Attack = ""
	AttackOnline  Attack = "online"  // every guess goes through the product, which limits their rate
	AttackOffline Attack = "offline" // guesses are checked on the attacker's machines
)

// ErrInput is the kind of every error that the batch itself causes: what is wrong with it and in which row.
var ErrInput = errors.New("bad batch")

// Options tune an audit. The zero value audits with no constants, no published list and no declared mechanism.
type Options struct {
	// Public are texts anyone can know: brand, model, product family. They are looked for in passwords and also tried as salts.
	Public []string
	// Published are default passwords found in public lists, any case. Without one the public limb cannot pass.
	Published []string
	// PublishedSource names the lists and their date, for the note.
	PublishedSource string
	// Constants are candidate salts and keys: printable strings and key-sized constants of the product's firmware, or
	// values that the manufacturer names. All are tried with every common construction; at most MaxConstants are used.
	Constants [][]byte
	// Declared is the mechanism that the manufacturer declares, nil if none was declared.
	Declared *Declared
	// Attack says how the passwords can be guessed.
	Attack Attack
	// SeedFrom and SeedTo bound the clock values tried as seeds of generators, for instance the three years before the
	// batch was made. Both zero: clock seeds are tried only where a column gives dates that lie within a week.
	SeedFrom, SeedTo time.Time
	// Show puts passwords and their parts into examples and recipes in the clear.
	Show bool
	// SampleRows bounds the rows that statistical tests see, 5,000 if zero. Every recipe is checked on every row.
	SampleRows int
	// ScratchDir holds the partitions that do not fit in memory, the system's temporary folder if empty.
	ScratchDir string
	// MemoryBytes bounds the memory for finding duplicates, 256 MiB if zero; above it partitions go to ScratchDir.
	MemoryBytes int64
	// Workers is the number of goroutines, the number of processors if zero.
	Workers int
	// Progress, if set, is told now and then how many rows the present pass has read.
	Progress func(pass string, rows int64)
}

// Declared is what a manufacturer declares about how the passwords are made.
type Declared struct {
	// Mechanism is the family of the construction.
	Mechanism Mechanism `json:"mechanism"`
	// Construction describes it: algorithm, input, truncation, alphabet; or the random source.
	Construction string `json:"construction"`
	// KeyCustody says where the key of a keyed construction lives, who holds it, and that no firmware carries it.
	KeyCustody string `json:"key_custody,omitempty"`
	// Recomputed holds passwords that the manufacturer computed anew for rows that the laboratory chose (see
	// [ChooseRows]), by row number. A keyed construction needs at least [MinRecomputed] and all must agree.
	Recomputed map[int64]string `json:"-"`
}

// Mechanism is the family of a declared construction.
type Mechanism string

// The mechanisms that the law's exception and good practice know, and the one they reject.
const (
	MechanismRandom  Mechanism = "random"  // drawn from a cryptographic random source, stored per unit
	MechanismKeyed   Mechanism = "keyed"   // encryption or keyed hash of an identifier under a secret key
	MechanismUnkeyed Mechanism = "unkeyed" // anything computed from identifiers or public text without a secret key
)

// MinRecomputed is how many rows must be computed anew before a declared keyed construction is believed: a wrong
// construction reproduces even one row of eight random symbols with a chance below one in 10^9; five also show that the
// claim holds for the whole batch and not for one run of it.
const MinRecomputed = 5

// Report is the outcome of an audit. Its JSON form is stable: fields are added, never renamed.
type Report struct {
	Rows    int64   `json:"rows"`
	Verdict Verdict `json:"verdict"`
	Limbs   Limbs   `json:"limbs"`

	Batch     string     `json:"batch,omitempty"`
	Columns   []Column   `json:"columns,omitempty"`
	Sampled   int        `json:"sampled"`             // rows that the statistical tests saw
	Formats   []Format   `json:"formats,omitempty"`   // shapes of passwords, most frequent first
	Positions []Position `json:"positions,omitempty"` // of the most frequent format
	Guesses   Guesses    `json:"guesses"`
	Power     []Power    `json:"power,omitempty"` // what this number of rows can and cannot rule out
	Declared  *Declared  `json:"declared,omitempty"`
	// FalseAlarm bounds the chance that a lawful batch fails any statistical test of the audit.
	FalseAlarm float64 `json:"false_alarm_bound"`
	// Tried counts the constructions, salts and seeds that were tried against the batch.
	Tried int64 `json:"constructions_tried"`
}

// Limbs holds the outcome for each limb of the requirement.
type Limbs struct {
	Unique      Limb `json:"unique"`
	Incremental Limb `json:"incremental"`
	Public      Limb `json:"public"`
	Derived     Limb `json:"derived"`
	Guessable   Limb `json:"guessable"`
}

// Limb is the outcome of one limb.
type Limb struct {
	Verdict  Verdict   `json:"verdict"`
	Note     string    `json:"note"`
	Rows     int64     `json:"rows,omitempty"` // rows that the worst finding covers
	Examples []Example `json:"examples,omitempty"`
	Recipes  []*Recipe `json:"recipes,omitempty"`
	Wanted   []string  `json:"wanted,omitempty"` // evidence that would decide an inconclusive limb
	Remarks  []string  `json:"remarks,omitempty"`
}

// Example points at rows that show a finding. Text is masked unless the audit was told to show passwords.
type Example struct {
	Rows []int64 `json:"rows"`
	Text string  `json:"text"`
	Note string  `json:"note,omitempty"`
}

// Format is one shape of password: its length and the classes of its characters.
type Format struct {
	Length   int    `json:"length"`
	Classes  string `json:"classes"` // "0-9a-f" and the like
	Rows     int    `json:"rows"`    // among the sampled rows
	Constant int    `json:"constant_positions"`
}

// Position describes one character position of the most frequent format.
type Position struct {
	Position int `json:"position"` // from 1
	Symbols  int `json:"symbols"`  // distinct symbols seen
	// EntropyBits is the Miller-Madow estimate from the sampled rows, absent under 50 rows.
	EntropyBits *float64 `json:"entropy_bits,omitempty"`
	MaximumBits float64  `json:"maximum_bits"` // log2 of the alphabet that the position seems to use
	// DerivedRows is the share of the sampled rows in which an identifier determines this position, by the strongest recipe.
	DerivedRows float64 `json:"derived_share"`
}

// Guesses says how many guesses an attacker needs for half of the passwords.
type Guesses struct {
	Bits            float64 `json:"bits"`  // log2 of the guesses needed, an upper bound
	Basis           string  `json:"basis"` // what the figure rests on
	Attack          Attack  `json:"attack"`
	FailBelowBits   float64 `json:"fail_below_bits"`
	PassFromBits    float64 `json:"pass_from_bits"`
	ThresholdSource string  `json:"threshold_source"`
}

// Power states what one family of weakness needs to be seen in a batch.
type Power struct {
	Family  string `json:"family"`
	Needs   int    `json:"needs_rows"` // 0: no number of rows shows it
	Visible bool   `json:"visible"`    // whether this batch could have shown it
	Note    string `json:"note,omitempty"`
}

// Overall folds limb verdicts: any FAIL fails, else any INCONCLUSIVE is inconclusive, else all pass.
func (l *Limbs) Overall() Verdict {
	out := Pass
	for _, x := range []*Limb{&l.Unique, &l.Incremental, &l.Public, &l.Derived, &l.Guessable} {
		switch x.Verdict {
		case Fail:
			return Fail
		case Pass:
		default:
			out = Inconclusive
		}
	}
	return out
}

// worsen lowers a limb's verdict, never raises it, and keeps the first note of the worst verdict.
func (l *Limb) worsen(v Verdict, note string) {
	rank := map[Verdict]int{"": 0, Pass: 1, Inconclusive: 2, Fail: 3}
	switch {
	case rank[v] > rank[l.Verdict]:
		if l.Verdict == Inconclusive && l.Note != "" {
			l.Remarks = append(l.Remarks, l.Note)
		}
		l.Verdict, l.Note = v, note
	case note != "" && note != l.Note:
		l.Remarks = append(l.Remarks, note)
	}
}
