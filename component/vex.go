package component

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// VEX says of vulnerabilities whether they matter in a product (OpenVEX).
type VEX struct {
	statements []vexStatement
}

type vexStatement struct {
	Vulnerability struct {
		Name    string   `json:"name"`
		Aliases []string `json:"aliases,omitempty"`
	} `json:"vulnerability"`
	Products        []vexProduct `json:"products"`
	Status          string       `json:"status"`
	Justification   string       `json:"justification,omitempty"`
	ImpactStatement string       `json:"impact_statement,omitempty"`
	ActionStatement string       `json:"action_statement,omitempty"`
}

type vexProduct struct {
	ID            string       `json:"@id"`
	Subcomponents []vexProduct `json:"subcomponents,omitempty"`
}

// ReadVEX reads an OpenVEX document.
func ReadVEX(r io.Reader) (*VEX, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBOM+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxBOM {
		return nil, errors.New("the VEX document is larger than 256 MiB")
	}
	var doc struct {
		Context    string         `json:"@context"`
		Statements []vexStatement `json:"statements"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read the VEX document: %w", err)
	}
	if !strings.Contains(doc.Context, "openvex") {
		return nil, errors.New("read the VEX document: its @context is not OpenVEX")
	}
	for i, s := range doc.Statements {
		switch s.Status {
		case "not_affected":
			if s.Justification == "" && s.ImpactStatement == "" {
				return nil, fmt.Errorf("read the VEX document: statement %d says not_affected and does not say why", i+1)
			}
		case "affected", "fixed", "under_investigation":
		default:
			return nil, fmt.Errorf("read the VEX document: statement %d has the status %q", i+1, printable(s.Status, 40))
		}
	}
	return &VEX{doc.Statements}, nil
}

// Apply writes the statements to the matches they speak of: by the identifier or an alias of the vulnerability, and by the
// purl of the component, with or without its version. The last statement wins. Nothing is removed.
func (v *VEX) Apply(matches []Match) {
	for i := range matches {
		m := &matches[i]
		for _, s := range v.statements {
			if s.names(m) && s.covers(m.PURL) {
				m.Status, m.Justification = s.Status, s.Justification
				if m.Justification == "" {
					m.Justification = s.ImpactStatement
				}
			}
		}
	}
}

func (s vexStatement) names(m *Match) bool {
	for _, id := range append([]string{m.ID}, m.Aliases...) {
		for _, name := range append([]string{s.Vulnerability.Name}, s.Vulnerability.Aliases...) {
			if name != "" && name == id {
				return true
			}
		}
	}
	return false
}

func (s vexStatement) covers(purl string) bool {
	same := func(id string) bool {
		if id == "" || purl == "" {
			return false
		}
		bare, _, _ := strings.Cut(purl, "?")
		name, _, _ := strings.Cut(bare, "@")
		return id == purl || id == bare || id == name
	}
	for _, p := range s.Products {
		for _, sub := range p.Subcomponents {
			if same(sub.ID) {
				return true
			}
		}
		if len(p.Subcomponents) == 0 && same(p.ID) {
			return true
		}
	}
	return false
}

// WriteVEX writes the matches as OpenVEX. A match that nobody has judged is under investigation: it is never written as
// not affected.
func WriteVEX(w io.Writer, matches []Match, author string, at time.Time) error {
	type document struct {
		Context    string         `json:"@context"`
		ID         string         `json:"@id"`
		Author     string         `json:"author"`
		Timestamp  string         `json:"timestamp"`
		Version    int            `json:"version"`
		Statements []vexStatement `json:"statements"`
	}
	doc := document{Context: "https://openvex.dev/ns/v0.2.0", Author: author, Timestamp: at.UTC().Format(time.RFC3339), Version: 1, Statements: []vexStatement{}}
	inv := Inventory{}
	for _, m := range matches {
		s := vexStatement{Products: []vexProduct{{ID: m.PURL}}, Status: m.Status, Justification: m.Justification}
		s.Vulnerability.Name, s.Vulnerability.Aliases = m.ID, m.Aliases
		if s.Status == "" {
			s.Status = "under_investigation"
		}
		if s.Status == "not_affected" && !vexJustifications[s.Justification] {
			s.ImpactStatement, s.Justification = s.Justification, ""
		}
		if s.Status == "affected" {
			s.Justification, s.ActionStatement = "", "update"
			if m.Fixed != "" {
				s.ActionStatement = "update " + m.Component + " to " + m.Fixed
			}
		}
		doc.Statements = append(doc.Statements, s)
		inv.Components = append(inv.Components, Component{Name: m.ID, Version: m.Version, PURL: m.PURL, CPE: m.Status})
	}
	doc.ID = "urn:uuid:" + inv.uuid(Subject{Name: author, Version: doc.Timestamp})
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}

var vexJustifications = map[string]bool{"component_not_present": true, "vulnerable_code_not_present": true, "vulnerable_code_not_in_execute_path": true,
	"vulnerable_code_cannot_be_controlled_by_adversary": true, "inline_mitigations_already_exist": true}
