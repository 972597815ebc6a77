// Package statement makes the statement of compliance that UK law asks to go with
// a product (SI 2023/1007 Sch.4), signs it, and checks it again.
//
// A statement is made from a dossier's assessment. It is refused, with every open
// point named, unless the security requirements are met, or a named person takes
// responsibility for what is inconclusive; a failure stands in the way always. The
// support period in it is the one at the first supply of its batch and never
// changes. Nothing here decides what the law asks: that is law. The statement is
// the manufacturer's own opinion, and looks like nothing else.
package statement

import (
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/law"
	"github.com/assay-psti/assay/sign"
)

// Regime is the body of law that asks for the statement.
const Regime assay.RegimeID = "uk-psti"

// PredicateType names what the signed payload says.
const PredicateType = "https://github.com/assay-psti/assay/statement-of-compliance/v1"

// Content is what the statement says: the items of SI 2023/1007 Sch.4 para 1, by
// the numbers SOC-01 to SOC-09 of the law's contents, and what bears on them.
type Content struct {
	Product         Product       `json:"product"`                    // SOC-01
	Manufacturers   []Person      `json:"manufacturers"`              // SOC-02
	Representatives []Person      `json:"authorised_representatives"` // SOC-03; empty where there is none
	PreparedBy      string        `json:"prepared_by"`                // SOC-04: "manufacturer", or who prepared it on its behalf
	Opinion         []Compliance  `json:"opinion"`                    // SOC-05, for each security requirement
	Standards       []Standard    `json:"standards"`                  // SOC-06; empty where none is relied on
	Support         SupportPeriod `json:"defined_support_period"`     // SOC-07
	Signatory       Signatory     `json:"signatory"`                  // SOC-08; the signature is the envelope's
	Place           string        `json:"place"`                      // SOC-09
	Issued          assay.Date    `json:"issued"`                     // SOC-09

	// Responsibility is who answers for which point that the assessment left open.
	Responsibility []Responsibility `json:"responsibility"`

	// RetainUntil is the last day on which a copy must be kept (SI 2023/1007 regs
	// 8-9). Where no end of the support period is stated it is the tenth year's.
	RetainUntil assay.Date `json:"retain_until"`

	LawVersion string        `json:"law_version"` // of the regime, in force on the day of issue
	Verdict    assay.Verdict `json:"verdict"`     // on the security requirements, before anybody's opinion
}

// Product is type and batch.
type Product struct {
	Name  string   `json:"name"`
	Make  string   `json:"make,omitempty"`
	Types []string `json:"types"` // type designations; the name where there are none
	Batch string   `json:"batch"`
}

// Person is a name with a postal address.
type Person struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

// Basis is on what the opinion on a requirement rests.
type Basis string

// The bases. The first three are words of the term statement.opinion.
const (
	Schedule1     Basis = "schedule_1"         // the requirement itself
	ByStandard    Basis = "deemed_by_standard" // a condition of Sch.2 met by a standard
	ByLabel       Basis = "deemed_by_label"    // a condition of Sch.2 met by a label
	NotApplicable Basis = "does_not_apply"     // the requirement asks nothing of this product
)

// Compliance is the opinion on one security requirement.
type Compliance struct {
	Requirement string     `json:"requirement"` // its ID in the regime
	Title       string     `json:"title"`
	Cite        assay.Cite `json:"cite"`
	Basis       Basis      `json:"basis"`
	Route       string     `json:"route,omitempty"`       // the ID of the way to comply, "para1-direct"
	RouteTitle  string     `json:"route_title,omitempty"` // "ETSI EN 303 645 in place of it"
	RestsOn     string     `json:"rests_on,omitempty"`    // observed, declared or both
}

// Standard is a standard that is relied on (SI 2023/1007 Sch.4 para 1(2), reg 2).
type Standard struct {
	Number  string `json:"number"`
	Version string `json:"version"`
	Issued  string `json:"issued"` // as the standard gives it; a day or a month
}

// SupportPeriod is the defined support period that was right when the batch was
// first supplied.
type SupportPeriod struct {
	From        assay.Date `json:"from,omitzero"` // where the manufacturer says so
	End         assay.Date `json:"end,omitzero"`  // none only where somebody took responsibility for there being none
	FirstSupply assay.Date `json:"first_supply,omitzero"`
	Source      string     `json:"source"` // where the end was taken from, for the file
}

// Signatory is who signs.
type Signatory struct {
	Name     string `json:"name"`
	Function string `json:"function"`
}

// Responsibility is a point that evidence or law leaves open, and who answers for it.
type Responsibility struct {
	Limb     string          `json:"limb"`
	Title    string          `json:"title"`
	Cite     assay.Cite      `json:"cite,omitempty"`
	Subjects []assay.Subject `json:"subjects,omitempty"` // where it is not the product as a whole
	Reason   string          `json:"reason"`
	By       string          `json:"by"`
}

// File is a file by digest.
type File struct {
	Name   string       `json:"name"`
	Digest assay.Digest `json:"digest"`
	Size   int64        `json:"size"` // bytes
}

// Predicate is the signed payload: the content, and what it was made from. The
// files that hold the same words for people are the payload's subjects.
type Predicate struct {
	Content
	Dossier  []File       `json:"dossier"` // all that the assessment rests on
	SignedAt time.Time    `json:"signed_at"`
	Replaces assay.Digest `json:"replaces,omitempty"` // of the earlier statement of this batch
	// TimestampBy is the authority that was asked for a time-stamp; the envelope
	// then holds one.
	TimestampBy string `json:"timestamp_by,omitempty"`
}

// Item is one item that a statement must hold, and whether it does.
type Item struct {
	ID      string     `json:"id"`
	Title   string     `json:"title"`
	Cite    assay.Cite `json:"cite"`
	Present bool       `json:"present"`
	Missing string     `json:"missing,omitempty"` // what of it
}

// Items holds the content against every item that the law asks of a statement on
// its day of issue.
func (c *Content) Items() []Item {
	regime, err := law.Standard().Regime(string(Regime))
	if err != nil {
		panic(err) // the law that the program ships with
	}
	var items []Item
	for _, want := range regime.Contents {
		if c.Issued.Zero() || !c.Issued.Before(want.From) {
			missing := c.missing(want.ID)
			items = append(items, Item{want.ID, want.Title, want.Cite, missing == "", missing})
		}
	}
	return items
}

// missing says what an item lacks; "" when it is there. An item that is not known
// here is missing.
func (c *Content) missing(id string) string {
	switch id {
	case "SOC-01":
		return lacks(blank(c.Product.Name) || len(c.Product.Types) == 0, "the type", blank(c.Product.Batch), "the batch")
	case "SOC-02":
		return lacks(len(c.Manufacturers) == 0, "a manufacturer", incomplete(c.Manufacturers), "a name or an address")
	case "SOC-03":
		return lacks(incomplete(c.Representatives), "a name or an address")
	case "SOC-04":
		return lacks(blank(c.PreparedBy), "by whom it is prepared")
	case "SOC-05":
		return c.missingOpinion()
	case "SOC-06":
		return c.missingStandard()
	case "SOC-07":
		return lacks(c.Support.End.Zero() && blank(c.responsible(id)), "the end date")
	case "SOC-08":
		return lacks(blank(c.Signatory.Name), "the name", blank(c.Signatory.Function), "the function")
	case "SOC-09":
		return lacks(blank(c.Place), "the place", c.Issued.Zero(), "the date")
	}
	return "an item that this program does not know"
}

// responsible is who takes responsibility for a point; "" for nobody.
func (c *Content) responsible(limb string) string {
	for _, r := range c.Responsibility {
		if r.Limb == limb {
			return r.By
		}
	}
	return ""
}

// missingOpinion wants an opinion on each security requirement, in words the law has.
func (c *Content) missingOpinion() string {
	regime, err := law.Standard().Regime(string(Regime))
	if err != nil {
		panic(err)
	}
	for _, n := range regime.Requirements {
		if n.Kind != securityRequirement {
			continue
		}
		found := false
		for _, o := range c.Opinion {
			switch o.Basis {
			case Schedule1, ByStandard, ByLabel, NotApplicable:
				found = found || o.Requirement == n.ID
			}
		}
		if !found {
			return "the opinion on " + string(n.Cite)
		}
	}
	return ""
}

// missingStandard wants every standard relied on, with number, version and date.
func (c *Content) missingStandard() string {
	for _, s := range c.Standards {
		if blank(s.Number) || blank(s.Version) || blank(s.Issued) {
			return "number, version or date of issue of a standard"
		}
	}
	for _, o := range c.Opinion {
		if o.Basis != ByStandard {
			continue
		}
		want, known := standardOf(o.Route)
		found := false
		for _, s := range c.Standards {
			found = found || s == want
		}
		if !known || !found {
			return "the standard relied on for " + o.Requirement
		}
	}
	return ""
}

// lacks takes pairs of a condition and what is missing when it holds.
func lacks(pairs ...any) string {
	var all []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i].(bool) {
			all = append(all, pairs[i+1].(string))
		}
	}
	return strings.Join(all, " and ")
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

func incomplete(persons []Person) bool {
	for _, p := range persons {
		if blank(p.Name) || blank(p.Address) {
			return true
		}
	}
	return false
}

// byManufacturer is PreparedBy where the manufacturer prepared it itself.
const byManufacturer = "manufacturer"

const securityRequirement = "security requirement"

// standardOf is the standard that a way to comply relies on, as SI 2023/1007 reg 2
// names it.
func standardOf(route string) (Standard, bool) {
	switch {
	case strings.HasSuffix(route, "-standard"):
		return Standard{"ETSI EN 303 645", "V2.1.1", "19 June 2020"}, true
	case strings.HasSuffix(route, "-iso"):
		return Standard{"ISO/IEC 29147", "2018 (second edition)", "October 2018"}, true
	}
	return Standard{}, false
}

// basisOf tells the ways to comply apart by the form of their IDs.
func basisOf(route string) (Basis, bool) {
	if _, ok := standardOf(route); ok {
		return ByStandard, true
	}
	switch {
	case strings.HasSuffix(route, "-direct"):
		return Schedule1, true
	case strings.HasSuffix(route, "-jcstar"), strings.HasSuffix(route, "-cls"):
		return ByLabel, true
	}
	return "", false
}

// resources names files for the signed payload.
func resources(files []File) []sign.Resource {
	out := make([]sign.Resource, len(files))
	for i, f := range files {
		out[i] = sign.NewResource(f.Name, f.Digest)
	}
	return out
}
