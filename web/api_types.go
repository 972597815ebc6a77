package web

import (
	"strconv"
	"time"

	"github.com/assay-psti/assay/register"
)

// The forms in which the interface for programs gives things. Fields are added to
// them, and never renamed or dropped within version 1.

type apiEntry struct {
	ID           string    `json:"id" doc:"Names the product for good." example:"p4f7k2m9q3r8sz"`
	Slug         string    `json:"slug" doc:"Its name in addresses; it never changes."`
	Page         string    `json:"page" doc:"Address of its page for people."`
	Status       string    `json:"status" enum:"published,withdrawn,draft" doc:"draft is seen by its own organisation only."`
	Make         string    `json:"make"`
	Name         string    `json:"name"`
	Models       []string  `json:"models" nullable:"false"`
	Category     string    `json:"category"`
	Manufacturer apiOrg    `json:"manufacturer"`
	SupportEnd   string    `json:"support_end,omitempty" format:"date" doc:"Last day of security updates: the earliest among the product's parts. Not there: no end is published."`
	Supported    string    `json:"supported" enum:"yes,no,unknown" doc:"Whether security updates are promised for today; unknown where no end is published, and of a withdrawn entry, by which nobody stands."`
	Version      int       `json:"version" doc:"The newest public version."`
	Changed      time.Time `json:"changed"`
	Leaf         uint64    `json:"leaf" doc:"Index of the newest entry of the log that concerns it."`
}

type apiOrg struct {
	Slug string `json:"slug"`
	Name string `json:"name"`
}

type apiPeriod struct {
	Component string `json:"component" doc:"\"product\" for the product as a whole, else the part."`
	Title     string `json:"title,omitempty"`
	From      string `json:"from,omitempty" format:"date"`
	End       string `json:"end,omitempty" format:"date" doc:"Last day; not there where none is published."`
}

type apiContact struct {
	URL       string `json:"url,omitempty"`
	Email     string `json:"email,omitempty"`
	Phone     string `json:"phone,omitempty"`
	Policy    string `json:"policy,omitempty"`
	Ack       string `json:"ack,omitempty" doc:"When receipt is acknowledged, in the manufacturer's words."`
	Updates   string `json:"updates,omitempty" doc:"When a reporter hears of progress, in the manufacturer's words."`
	Languages string `json:"languages,omitempty"`
}

type apiClaim struct {
	Law         string   `json:"law"`
	LawVersion  string   `json:"law_version"`
	Requirement string   `json:"requirement"`
	Title       string   `json:"title"`
	Cite        string   `json:"cite"`
	Basis       string   `json:"basis"`
	Applies     bool     `json:"applies" doc:"false where the manufacturer says that the requirement does not apply to the product."`
	By          string   `json:"by" doc:"Who says so. It is their own word; the register does not judge products."`
	ByKind      string   `json:"by_kind"`
	On          string   `json:"on" format:"date"`
	Open        []string `json:"open,omitempty" nullable:"false" doc:"Points left open by evidence, for which somebody took responsibility."`
}

type apiField struct {
	Field string `json:"field"`
	Old   string `json:"old,omitempty"`
	New   string `json:"new,omitempty"`
}

type apiVersion struct {
	Number      int         `json:"number"`
	Kind        string      `json:"kind" enum:"published,revised,extended,withdrawn"`
	Published   time.Time   `json:"published"`
	Description string      `json:"description,omitempty"`
	GTINs       []string    `json:"gtins" nullable:"false" doc:"Barcode numbers in 14 digits."`
	Support     []apiPeriod `json:"support" nullable:"false"`
	Contact     apiContact  `json:"contact" doc:"How to report a security issue."`
	Passwords   string      `json:"passwords" enum:"unique,user_set,both,none,label,undeclared" doc:"What the manufacturer declares of passwords."`
	Claims      []apiClaim  `json:"claims" nullable:"false"`
	Changes     []apiField  `json:"changes,omitempty" nullable:"false" doc:"Against the version before."`
	Note        string      `json:"note,omitempty"`
	Statement   string      `json:"statement" doc:"Digest of the signed statement's bytes."`
	SignedBy    string      `json:"signed_by" doc:"Digest of the key that signed it."`
	Record      string      `json:"record" doc:"Digest of the record's bytes, which the log holds."`
	Leaf        *uint64     `json:"leaf,omitempty" doc:"Index in the log; not there while it waits, and then only its organisation sees the version."`
	StatementAt string      `json:"statement_url" doc:"Where the signed statement's bytes are."`
	RecordAt    string      `json:"record_url" doc:"Where the record's bytes are."`
}

type apiVerdict struct {
	Law     string `json:"law"`
	Version string `json:"version"`
	Verdict string `json:"verdict" enum:"PASS,FAIL,INCONCLUSIVE,NOT APPLICABLE"`
}

type apiAssessment struct {
	Laboratory string       `json:"laboratory"`
	AsAt       string       `json:"as_at" format:"date"`
	Version    int          `json:"version" doc:"Of the entry that was looked at."`
	Verdicts   []apiVerdict `json:"verdicts" nullable:"false"`
	Digest     string       `json:"digest"`
	SignedBy   string       `json:"signed_by"`
	URL        string       `json:"url" doc:"Where the signed bytes are."`
}

type apiProduct struct {
	Product     apiEntry        `json:"product"`
	Current     apiVersion      `json:"current"`
	Assessments []apiAssessment `json:"assessments" nullable:"false"`
	Withdrawn   string          `json:"withdrawn,omitempty" doc:"The reason, where the manufacturer has withdrawn the entry."`
	Pages       []apiPage       `json:"pages,omitempty" nullable:"false" doc:"The manufacturer's own pages, as they were last seen; not there where the register does not look at pages."`
	History     []apiChange     `json:"history" nullable:"false" doc:"The newest changes, the newest first; /changes has all."`
}

type apiChange struct {
	Leaf    uint64     `json:"leaf"`
	Kind    string     `json:"kind" enum:"published,revised,extended,withdrawn,assessed"`
	At      time.Time  `json:"at"`
	Product apiEntry   `json:"product" doc:"As it is now."`
	Version int        `json:"version,omitempty"`
	Fields  []apiField `json:"fields" nullable:"false"`
	Note    string     `json:"note,omitempty"`
}

func (s *Server) apiEntry(e register.Entry) apiEntry {
	supported := "unknown"
	switch {
	case e.SupportEnd.Zero(), e.Status != register.Published:
	case e.SupportEnd.Before(s.today()):
		supported = "no"
	default:
		supported = "yes"
	}
	return apiEntry{
		ID: string(e.ID), Slug: e.Slug, Page: s.BaseURL + "/p/" + e.Slug, Status: string(e.Status), Make: e.Make, Name: e.Name, Models: orEmpty(e.Models), Category: e.Category,
		Manufacturer: apiOrg{e.OrgSlug, e.OrgName}, SupportEnd: e.SupportEnd.String(), Supported: supported, Version: e.Version, Changed: e.Changed.UTC(), Leaf: e.Leaf,
	}
}

func (s *Server) apiEntries(entries []register.Entry) []apiEntry {
	out := make([]apiEntry, len(entries))
	for i, e := range entries {
		out[i] = s.apiEntry(e)
	}
	return out
}

func (s *Server) apiVersion(e register.Entry, v *register.Version) apiVersion {
	f, at := &v.Facts, s.BaseURL+"/p/"+e.Slug+"/v/"+strconv.Itoa(v.Number)+"/"
	out := apiVersion{
		Number: v.Number, Kind: string(v.Kind), Published: v.Published.UTC(), Description: f.Description, GTINs: []string{}, Support: []apiPeriod{}, Passwords: string(f.Passwords.Kind), Claims: []apiClaim{},
		Contact: apiContact{f.Contact.URL, f.Contact.Email, f.Contact.Phone, f.Contact.Policy, f.Contact.Ack, f.Contact.Updates, f.Contact.Languages},
		Changes: apiFields(v.Changes), Note: v.Note, Statement: string(v.Digest), SignedBy: string(v.SignedBy), Record: string(v.Record), Leaf: v.Leaf, StatementAt: at + "statement.json", RecordAt: at + "record.json",
	}
	if out.Passwords == "" {
		out.Passwords = string(register.PasswordUndeclared)
	}
	for _, g := range f.GTINs {
		out.GTINs = append(out.GTINs, string(g))
	}
	for _, p := range f.Support {
		out.Support = append(out.Support, apiPeriod{p.Component, p.Title, p.From.String(), p.End.String()})
	}
	for _, c := range v.Claims {
		out.Claims = append(out.Claims, apiClaim{
			Law: string(c.Regime), LawVersion: c.LawVersion, Requirement: c.Requirement, Title: c.Title, Cite: string(c.Cite), Basis: string(c.Basis), Applies: applies(c) == "",
			By: c.By, ByKind: c.ByKind, On: c.On.String(), Open: c.Open,
		})
	}
	return out
}

func apiFields(changes []register.FieldChange) []apiField {
	out := make([]apiField, len(changes))
	for i, c := range changes {
		out[i] = apiField(c)
	}
	return out
}

func (s *Server) apiChange(c register.Change) apiChange {
	return apiChange{Leaf: c.Leaf, Kind: string(c.Kind), At: c.At.UTC(), Product: s.apiEntry(c.Entry), Version: c.Version, Fields: apiFields(c.Fields), Note: c.Note}
}

func (s *Server) apiProduct(full register.Full) apiProduct {
	out := apiProduct{Product: s.apiEntry(full.Entry), Current: s.apiVersion(full.Entry, &full.Version), Assessments: []apiAssessment{}, History: []apiChange{}}
	for _, a := range full.Assessments {
		x := apiAssessment{
			Laboratory: a.OrgName, AsAt: a.Says.AsAt.String(), Version: a.Says.Version, Verdicts: []apiVerdict{}, Digest: string(a.Digest), SignedBy: string(a.SignedBy),
			URL: s.BaseURL + "/p/" + full.Entry.Slug + "/assessment/" + strconv.FormatInt(a.ID, 10) + ".json",
		}
		for _, r := range a.Says.Regimes {
			x.Verdicts = append(x.Verdicts, apiVerdict{string(r.Regime), r.Version, r.Verdict.String()})
		}
		out.Assessments = append(out.Assessments, x)
	}
	if len(full.Pages) > 0 {
		out.Pages = apiPages(full.Pages)
	}
	if full.Withdrawal != nil {
		out.Withdrawn = full.Withdrawal.Reason
	}
	for _, c := range full.History[:min(len(full.History), 20)] {
		out.History = append(out.History, s.apiChange(c))
	}
	return out
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
