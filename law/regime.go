// Package law holds bodies of law as data and judges facts by them.
//
// A Regime is read from regime/*.yaml: its versions by date, the tree that
// decides whether a product is in scope, the roles of persons, the requirements
// with their limbs, and the duties of each person. The leaf of every limb is one
// short CEL expression over the terms of the vocabulary; structure (all, any,
// for each part, exemptions, dates) is YAML.
//
// A verdict is a pure function of facts, law and date. The package gathers no
// evidence, knows no check, and has neither clock nor randomness.
package law

import (
	"github.com/assay-psti/assay"
)

// Confidence says how sure we are of a statement of law.
type Confidence string

// The degrees of confidence of the law's research.
const (
	Read      Confidence = "R" // the provision's own text was read
	Inferred  Confidence = "I" // our reading of text that was read: shown as interpretation
	Secondary Confidence = "S" // seen only in commentary or guidance: shown as interpretation
	Recalled  Confidence = "M" // not confirmed by anything read: shown as interpretation
)

// Regime is one body of law.
type Regime struct {
	ID           assay.RegimeID `yaml:"id"`
	Title        string         `yaml:"title"`
	Jurisdiction string         `yaml:"jurisdiction"`
	Summary      string         `yaml:"summary"`
	Edition      string         `yaml:"edition"`  // set where the regime is one edition of a standard
	Versions     []Version      `yaml:"versions"` // by date, oldest first
	Overlays     []Overlay      `yaml:"overlays"`
	Scope        *Tree          `yaml:"scope"`
	Roles        *Tree          `yaml:"roles"`
	Requirements []*Node        `yaml:"requirements"`
	Duties       []Duty         `yaml:"duties"`
	Contents     []Content      `yaml:"contents"` // what a statement of compliance must hold
	Rules        []Rule         `yaml:"rules"`    // clocks, penalties and powers, as data

	// Overall says how the requirements make the regime's verdict: "" or "all"
	// (all must hold), or "ts103701" (assessment by ETSI TS 103 701).
	Overall string `yaml:"overall"`

	standard *Catalogue // of an edition of a standard
}

// Version is the law as it stood from a date on.
type Version struct {
	ID      string     `yaml:"id" json:"id"`
	From    assay.Date `yaml:"from" json:"from"` // first day
	Title   string     `yaml:"title" json:"title"`
	Cite    assay.Cite `yaml:"cite" json:"cite"`
	Changed string     `yaml:"changed" json:"changed,omitempty"` // what it changed, in plain words
}

// Overlay is a reading that changed by date without a new version of the law.
type Overlay struct {
	ID         string     `yaml:"id"`
	Title      string     `yaml:"title"`
	From       assay.Date `yaml:"from"`
	Until      assay.Date `yaml:"until"` // last day; none when still so
	Text       string     `yaml:"text"`
	Cite       assay.Cite `yaml:"cite"`
	Confidence Confidence `yaml:"confidence"`
}

// Tree is a decision tree: steps that ask one question each and lead to other
// steps or to an outcome.
type Tree struct {
	Title       string    `yaml:"title"`
	ForEach     string    `yaml:"for_each"`    // the kind of part decided on; empty: the product
	Territories []string  `yaml:"territories"` // decided for each; bound to `territory`
	Start       string    `yaml:"start"`
	Steps       []*Step   `yaml:"steps"`
	Outcomes    []Outcome `yaml:"outcomes"`

	start target
}

// Step is one question of a tree.
type Step struct {
	ID         string     `yaml:"id"`
	Title      string     `yaml:"title"` // the question, for people
	When       Expr       `yaml:"when"`
	Yes        string     `yaml:"yes"` // a step or an outcome
	No         string     `yaml:"no"`
	Cite       assay.Cite `yaml:"cite"`
	Confidence Confidence `yaml:"confidence"`
	Reading    string     `yaml:"reading"` // how the law was read, where that is an interpretation
	From       assay.Date `yaml:"from"`    // first day on which it is law; a step not in force is answered no
	Until      assay.Date `yaml:"until"`   // last day

	yes, no target
}

type target struct {
	step    *Step
	outcome *Outcome
}

// Outcome is where a tree ends.
type Outcome struct {
	ID      string        `yaml:"id"`
	Name    string        `yaml:"name"` // the outcome's word, where several share it: REVIEW
	Verdict assay.Verdict `yaml:"verdict"`
	Title   string        `yaml:"title"`
	Cite    assay.Cite    `yaml:"cite"`
	// Unsettled is set where the law, not the evidence, leaves it open.
	Unsettled *Question `yaml:"unsettled"`
}

// Question is a point on which the law is unsettled.
type Question struct {
	When      Expr   `yaml:"when"`       // when the point arises; empty: always
	Question  string `yaml:"question"`   // what is open
	SettledBy string `yaml:"settled_by"` // what would settle it: advice, guidance, a court
	Decision  int    `yaml:"decision"`   // the row of the decisions that says so
}

// Node is a requirement, a limb, or a group of them. Exactly one of Holds, All,
// Any and Provision is set.
//
// A node is judged in this order: Gate and When (not met: NOT APPLICABLE),
// FailsWhen (true: FAIL), Unsettled (true: INCONCLUSIVE, law unsettled), then its
// content.
type Node struct {
	ID         string     `yaml:"id"`
	Title      string     `yaml:"title"`
	Kind       string     `yaml:"kind"` // of a requirement: "security requirement", "duty", "provision"
	Cite       assay.Cite `yaml:"cite"`
	Confidence Confidence `yaml:"confidence"`
	Reading    string     `yaml:"reading"`  // how the law was read, where that is an interpretation
	Decision   int        `yaml:"decision"` // the row of the decisions that the reading follows
	From       assay.Date `yaml:"from"`     // first day on which it is law
	Until      assay.Date `yaml:"until"`    // last day
	Remedy     string     `yaml:"remedy"`   // what would mend a failure, in plain words
	Advice     string     `yaml:"advice"`   // worth saying whatever the verdict

	Gate      *Node      `yaml:"gate"` // PASS: applies; FAIL: does not
	When      Expr       `yaml:"when"` // true: applies; false: does not
	FailsWhen Expr       `yaml:"fails_when"`
	Unsettled []Question `yaml:"unsettled"`

	Holds     Expr    `yaml:"holds"`
	All       []*Node `yaml:"all"`
	Any       []*Node `yaml:"any"`
	Provision string  `yaml:"provision"` // "en303645@V2.1.1 5.1-1": met as that edition says

	// ForEach judges the content once for each part of the kind, and all must
	// hold; ForAny needs one. Gate and When are then asked once, of the product;
	// Where is asked of each part (false: the part is not reached). Parts that
	// nobody named are judged by what is said of the product as a whole; Complete
	// says when there are none such, so that an open answer about them does not
	// matter.
	ForEach  string `yaml:"for_each"`
	ForAny   string `yaml:"for_any"`
	Where    Expr   `yaml:"where"`
	Complete Expr   `yaml:"complete"`
	// Named keeps to the parts that somebody named: a contradiction between what is
	// named and what is said.
	Named bool `yaml:"named"`

	Case  string `yaml:"case"`  // of a provision's node: the test case of TS 103 701 that it is
	Level string `yaml:"level"` // of a provision: "M", "R"

	provision *Node
}

// Duty is one duty of one person.
type Duty struct {
	ID         string     `yaml:"id"`
	Who        string     `yaml:"who"` // manufacturer, authorised representative, importer, distributor
	Title      string     `yaml:"title"`
	Trigger    string     `yaml:"trigger"`
	What       string     `yaml:"what"`
	Deadline   string     `yaml:"deadline"`
	Notify     []string   `yaml:"notify"`
	Content    string     `yaml:"content"` // of what is notified or recorded
	Cite       assay.Cite `yaml:"cite"`
	Confidence Confidence `yaml:"confidence"`
	Reading    string     `yaml:"reading"`
	Dormant    string     `yaml:"dormant"` // why it bites on nothing at present
	From       assay.Date `yaml:"from"`
	Until      assay.Date `yaml:"until"`
}

// Content is one item that a statement of compliance must hold.
type Content struct {
	ID         string     `yaml:"id"`
	Title      string     `yaml:"title"`
	Check      string     `yaml:"check"` // how it is checked
	Where      string     `yaml:"where"` // when it is wanted at all, in words; empty: always
	Cite       assay.Cite `yaml:"cite"`
	Confidence Confidence `yaml:"confidence"`
	From       assay.Date `yaml:"from"`
}

// Rule is a clock, a penalty or a power, kept as data for those who enforce.
type Rule struct {
	ID         string     `yaml:"id"`
	Topic      string     `yaml:"topic"`
	Title      string     `yaml:"title"`
	Rule       string     `yaml:"rule"`
	Formula    string     `yaml:"formula"`
	Cite       assay.Cite `yaml:"cite"`
	Confidence Confidence `yaml:"confidence"`
	From       assay.Date `yaml:"from"`
}

func inForce(from, until, at assay.Date) bool {
	return (from.Zero() || !at.Before(from)) && (until.Zero() || !at.After(until))
}

// VersionAt is the version in force on a date; nil before the first.
func (r *Regime) VersionAt(at assay.Date) *Version {
	var v *Version
	for i := range r.Versions {
		if !at.Before(r.Versions[i].From) {
			v = &r.Versions[i]
		}
	}
	return v
}

// Name is the ID, with the edition where there is one: "en303645@V2.1.1".
func (r *Regime) Name() string {
	if r.Edition == "" {
		return string(r.ID)
	}
	return string(r.ID) + "@" + r.Edition
}

// ProvisionNode is what a node that names a standard's provision demands; nil for
// others.
func (n *Node) ProvisionNode() *Node { return n.provision }
