package assay

import "fmt"

// Verdict is what a limb, a requirement, a regime or a product comes to. The
// zero value is Inconclusive, so that a verdict nobody reached is never a pass.
type Verdict uint8

// The four verdicts.
const (
	Inconclusive  Verdict = iota // the evidence or the law does not decide
	Pass                         // met
	Fail                         // not met
	NotApplicable                // the law does not ask it of this subject
)

var verdictNames = [...]string{"INCONCLUSIVE", "PASS", "FAIL", "NOT APPLICABLE"}

func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return fmt.Sprintf("Verdict(%d)", uint8(v))
}

// MarshalText writes the verdict as the words people read.
func (v Verdict) MarshalText() ([]byte, error) {
	if int(v) >= len(verdictNames) {
		return nil, fmt.Errorf("verdict %d: %w", uint8(v), ErrInvalid)
	}
	return []byte(verdictNames[v]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (v *Verdict) UnmarshalText(text []byte) error {
	for i, name := range verdictNames {
		if name == string(text) {
			*v = Verdict(i)
			return nil
		}
	}
	return fmt.Errorf("verdict %q: %w", text, ErrInvalid)
}

// All is the verdict on things that must all hold: one failure fails, else one
// open question leaves it open. Things that do not apply are left out; when
// nothing applies, neither does the whole.
func All(verdicts ...Verdict) Verdict {
	whole := NotApplicable
	for _, v := range verdicts {
		switch v {
		case Fail:
			return Fail
		case Inconclusive:
			whole = Inconclusive
		case Pass:
			if whole == NotApplicable {
				whole = Pass
			}
		}
	}
	return whole
}

// Any is the verdict on alternatives of which one suffices: one pass passes,
// else one open question leaves it open. Alternatives that do not apply are left
// out; when none applies, neither does the whole.
func Any(verdicts ...Verdict) Verdict {
	whole := NotApplicable
	for _, v := range verdicts {
		switch v {
		case Pass:
			return Pass
		case Inconclusive:
			whole = Inconclusive
		case Fail:
			if whole == NotApplicable {
				whole = Fail
			}
		}
	}
	return whole
}
