package component

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// Subject is what a bill of materials is of. Time is when the inventory was made; the zero time is left out, so that the
// same inventory gives the same bytes.
type Subject struct {
	Name    string
	Version string
	Time    time.Time
	Tool    string // name and version of the program that writes it
}

// WriteCycloneDX writes the inventory as CycloneDX 1.7 in JSON, each component with where it was seen.
func WriteCycloneDX(w io.Writer, inv Inventory, of Subject) error {
	bom := cyclonedx.NewBOM()
	bom.SerialNumber = "urn:uuid:" + inv.uuid(of)
	bom.Metadata = &cyclonedx.Metadata{Component: &cyclonedx.Component{BOMRef: "product", Type: cyclonedx.ComponentTypeFirmware, Name: of.Name, Version: of.Version}}
	if !of.Time.IsZero() {
		bom.Metadata.Timestamp = of.Time.UTC().Format(time.RFC3339)
	}
	if of.Tool != "" {
		bom.Metadata.Tools = &cyclonedx.ToolsChoice{Components: &[]cyclonedx.Component{{Type: cyclonedx.ComponentTypeApplication, Name: of.Tool}}}
	}
	if inv.Distribution != "" {
		bom.Metadata.Properties = &[]cyclonedx.Property{{Name: "assay:distribution", Value: inv.Distribution}, {Name: "assay:distribution_version", Value: inv.DistributionVersion}}
	}
	components := []cyclonedx.Component{}
	refs := []string{}
	for i, c := range inv.Components {
		out := cyclonedx.Component{BOMRef: fmt.Sprintf("c%d", i), Type: cyclonedx.ComponentType(c.Type), Name: c.Name, Version: c.Version, PackageURL: c.PURL, CPE: c.CPE}
		var places []cyclonedx.EvidenceOccurrence
		for _, e := range c.Evidence {
			off := int(e.Offset)
			places = append(places, cyclonedx.EvidenceOccurrence{Location: e.File, Offset: &off, AdditionalContext: e.Text})
		}
		if len(places) > 0 {
			out.Evidence = &cyclonedx.Evidence{Occurrences: &places}
		}
		if c.Licence != "" {
			out.Licenses = &cyclonedx.Licenses{{License: &cyclonedx.License{Name: c.Licence}}}
		}
		props := []cyclonedx.Property{{Name: "assay:source", Value: c.Source}}
		if c.SourcePackage != "" {
			props = append(props, cyclonedx.Property{Name: "assay:source_package", Value: c.SourcePackage}, cyclonedx.Property{Name: "assay:source_version", Value: c.SourceVersion})
		}
		if c.EndOfLife != nil {
			props = append(props, cyclonedx.Property{Name: "assay:end_of_life", Value: c.EndOfLife.Date.Format(time.DateOnly)})
		}
		out.Properties = &props
		components = append(components, out)
		refs = append(refs, out.BOMRef)
	}
	bom.Components = &components
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: "product", Dependencies: &refs}}
	e := cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON)
	e.SetPretty(true)
	return e.EncodeVersion(bom, cyclonedx.SpecVersion1_7)
}

// maxBOM is how large a bill of materials may be that is read.
const maxBOM = 256 << 20

// ReadCycloneDX reads an inventory back, so that it can be matched anew without looking at the product again. It takes
// bills of other programs too: names, versions, CPE and purl.
func ReadCycloneDX(r io.Reader) (Inventory, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBOM+1))
	if err != nil {
		return Inventory{}, err
	}
	if len(data) > maxBOM {
		return Inventory{}, errors.New("the bill of materials is larger than 256 MiB")
	}
	var bom struct {
		Format   string `json:"bomFormat"`
		Metadata struct {
			Properties []property `json:"properties"`
		} `json:"metadata"`
		Components []struct {
			Type     string     `json:"type"`
			Name     string     `json:"name"`
			Version  string     `json:"version"`
			PURL     string     `json:"purl"`
			CPE      string     `json:"cpe"`
			Props    []property `json:"properties"`
			Evidence struct {
				Occurrences []struct {
					Location string `json:"location"`
					Offset   int64  `json:"offset"`
					Context  string `json:"additionalContext"`
				} `json:"occurrences"`
			} `json:"evidence"`
		} `json:"components"`
	}
	if err := json.Unmarshal(data, &bom); err != nil {
		return Inventory{}, fmt.Errorf("read the bill of materials: %w", err)
	}
	if bom.Format != "CycloneDX" {
		return Inventory{}, fmt.Errorf("read the bill of materials: its bomFormat is %q, not CycloneDX", printable(bom.Format, 40))
	}
	inv := Inventory{Distribution: find(bom.Metadata.Properties, "assay:distribution"), DistributionVersion: find(bom.Metadata.Properties, "assay:distribution_version")}
	for _, c := range bom.Components {
		if len(inv.Components) >= maxComponents {
			return inv, fmt.Errorf("read the bill of materials: more than %d components", maxComponents)
		}
		out := Component{Name: c.Name, Version: c.Version, Type: Type(c.Type), PURL: c.PURL, CPE: c.CPE, Source: find(c.Props, "assay:source"),
			SourcePackage: find(c.Props, "assay:source_package"), SourceVersion: find(c.Props, "assay:source_version")}
		if out.Source == "" && strings.HasPrefix(c.PURL, "pkg:deb/") {
			out.Source = "dpkg"
		}
		if out.Source == "" && strings.HasPrefix(c.PURL, "pkg:apk/") {
			out.Source = "apk"
		}
		for _, o := range c.Evidence.Occurrences {
			if len(out.Evidence) < maxEvidence {
				out.Evidence = append(out.Evidence, Evidence{o.Location, o.Offset, o.Context})
			}
		}
		out.Seen = len(out.Evidence)
		_, out.vendor, out.product = cpeFields(c.CPE)
		out.EndOfLife = endOfLife(&out)
		inv.Components = append(inv.Components, out)
	}
	return inv, nil
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func find(props []property, name string) string {
	for _, p := range props {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// uuid names an inventory by its content.
func (inv Inventory) uuid(of Subject) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q%q", of.Name, of.Version)
	for _, c := range inv.Components {
		fmt.Fprintf(h, "%q%q%q%q", c.Name, c.Version, c.PURL, c.CPE)
	}
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80 // version 8: made by our own rule
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// The parts of SPDX 2.3 that are written.
type (
	spdxDocument struct {
		Version       string         `json:"spdxVersion"`
		DataLicence   string         `json:"dataLicense"`
		ID            string         `json:"SPDXID"`
		Name          string         `json:"name"`
		Namespace     string         `json:"documentNamespace"`
		Creation      spdxCreation   `json:"creationInfo"`
		Packages      []spdxPackage  `json:"packages"`
		Relationships []spdxRelation `json:"relationships"`
	}
	spdxCreation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	spdxPackage struct {
		Name             string    `json:"name"`
		ID               string    `json:"SPDXID"`
		Version          string    `json:"versionInfo,omitempty"`
		Download         string    `json:"downloadLocation"`
		FilesAnalyzed    bool      `json:"filesAnalyzed"`
		SourceInfo       string    `json:"sourceInfo,omitempty"`
		LicenceDeclared  string    `json:"licenseDeclared"`
		LicenceConcluded string    `json:"licenseConcluded"`
		Copyright        string    `json:"copyrightText"`
		Refs             []spdxRef `json:"externalRefs,omitempty"`
		Purpose          string    `json:"primaryPackagePurpose,omitempty"`
	}
	spdxRef struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	spdxRelation struct {
		From string `json:"spdxElementId"`
		Type string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
)

// WriteSPDX writes the inventory as SPDX 2.3 in JSON. SPDX wants a time of creation: where the subject has none, it is
// 1970-01-01.
func WriteSPDX(w io.Writer, inv Inventory, of Subject) error {
	created := of.Time.UTC()
	if of.Time.IsZero() {
		created = time.Unix(0, 0).UTC()
	}
	tool := of.Tool
	if tool == "" {
		tool = "assay"
	}
	none := "NOASSERTION"
	doc := spdxDocument{Version: "SPDX-2.3", DataLicence: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: of.Name + " " + of.Version, Namespace: "urn:uuid:" + inv.uuid(of),
		Creation: spdxCreation{created.Format("2006-01-02T15:04:05Z"), []string{"Tool: " + strings.ReplaceAll(tool, " ", "-")}}}
	doc.Packages = append(doc.Packages, spdxPackage{Name: of.Name, ID: "SPDXRef-product", Version: of.Version, Download: none, LicenceDeclared: none, LicenceConcluded: none, Copyright: none, Purpose: "FIRMWARE"})
	doc.Relationships = append(doc.Relationships, spdxRelation{"SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-product"})
	purpose := map[Type]string{Application: "APPLICATION", Library: "LIBRARY", OperatingSystem: "OPERATING-SYSTEM", Firmware: "FIRMWARE"}
	for i, c := range inv.Components {
		p := spdxPackage{Name: c.Name, ID: fmt.Sprintf("SPDXRef-c%d", i), Version: c.Version, Download: none, LicenceDeclared: none, LicenceConcluded: none, Copyright: none, Purpose: purpose[c.Type]}
		if len(c.Evidence) > 0 {
			e := c.Evidence[0]
			p.SourceInfo = fmt.Sprintf("seen %d times, first in %s at byte %d: %s", c.Seen, e.File, e.Offset, e.Text)
		}
		if c.CPE != "" {
			p.Refs = append(p.Refs, spdxRef{"SECURITY", "cpe23Type", c.CPE})
		}
		if c.PURL != "" {
			p.Refs = append(p.Refs, spdxRef{"PACKAGE-MANAGER", "purl", c.PURL})
		}
		doc.Packages = append(doc.Packages, p)
		doc.Relationships = append(doc.Relationships, spdxRelation{"SPDXRef-product", "CONTAINS", p.ID})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}
