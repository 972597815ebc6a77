package dossier

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
)

// Product is what product.yaml says: what the product is, who stands behind it,
// and the parts that the law asks about one by one. Nothing but the name is
// needed to begin; what is not written is not known.
type Product struct {
	Name        string           `yaml:"name" json:"name"`
	Make        string           `yaml:"make" json:"make,omitempty"`               // the brand it is sold under
	Models      []string         `yaml:"models" json:"models,omitempty"`           // type designations
	Category    string           `yaml:"category" json:"category,omitempty"`       // in plain words: "camera", "kettle"
	Description string           `yaml:"description" json:"description,omitempty"` // one or two sentences
	Stated      assay.Date       `yaml:"stated" json:"stated,omitzero"`            // the day on which this file was last gone over
	Versions    []Version        `yaml:"versions" json:"versions,omitempty"`
	Territories []string         `yaml:"territories" json:"territories,omitempty"` // where it is supplied: GB, NI
	Laws        []assay.RegimeID `yaml:"laws" json:"laws,omitempty"`               // regimes to judge by; none: all that apply
	Persons     []Person         `yaml:"persons" json:"persons,omitempty"`
	Batches     []Batch          `yaml:"batches" json:"batches,omitempty"`
	Supply      []Supply         `yaml:"supply" json:"supply,omitempty"`
	Pages       Pages            `yaml:"pages" json:"pages,omitzero"`
	Units       []Unit           `yaml:"units" json:"units,omitempty"`
	Passwords   []Password       `yaml:"passwords" json:"passwords,omitempty"`
	Interfaces  []Interface      `yaml:"interfaces" json:"interfaces,omitempty"`
	Components  []Component      `yaml:"components" json:"components,omitempty"`
	Labels      []Label          `yaml:"labels" json:"labels,omitempty"`
	// Consignments are deliveries that are looked at one by one, as an importer or a distributor does.
	Consignments []Consignment `yaml:"consignments" json:"consignments,omitempty"`
}

// Version is one version of the hardware, the firmware or an app.
type Version struct {
	Of      string     `yaml:"of" json:"of"` // "hardware", "firmware", "app"
	Version string     `yaml:"version" json:"version"`
	From    assay.Date `yaml:"from" json:"from,omitzero"` // the first day on which units carry it
}

// Person is one of the persons the law speaks to. What role each has follows from
// terms, not from this file.
type Person struct {
	ID      string `yaml:"id" json:"id"`
	Name    string `yaml:"name" json:"name"`
	Address string `yaml:"address" json:"address,omitempty"` // postal, as the statement of compliance wants it
}

// Batch is units made together.
type Batch struct {
	ID    string     `yaml:"id" json:"id"`
	Made  assay.Date `yaml:"made" json:"made,omitzero"`
	Units int64      `yaml:"units" json:"units,omitempty"` // how many; 0 is not known
}

// Supply is one occasion on which units are first supplied.
type Supply struct {
	Date      assay.Date `yaml:"date" json:"date"`
	Territory string     `yaml:"territory" json:"territory,omitempty"` // GB or NI; none: all territories of the product
	Batch     string     `yaml:"batch" json:"batch,omitempty"`         // the batch's id
	Note      string     `yaml:"note" json:"note,omitempty"`
}

// Pages are the public pages about the product.
type Pages struct {
	Product   string `yaml:"product" json:"product,omitempty"`     // where it is offered
	Security  string `yaml:"security" json:"security,omitempty"`   // how to report a security issue
	Support   string `yaml:"support" json:"support,omitempty"`     // the defined support period
	Statement string `yaml:"statement" json:"statement,omitempty"` // the statement of compliance
}

// Unit is one unit of the product that was tested. On a network, and so in a
// capture, it is known by its hardware address and the addresses it had.
type Unit struct {
	ID        string   `yaml:"id" json:"id"`
	Serial    string   `yaml:"serial" json:"serial,omitempty"`
	MAC       string   `yaml:"mac" json:"mac,omitempty"`             // six octets: "02:00:5e:10:00:01"
	Addresses []string `yaml:"addresses" json:"addresses,omitempty"` // IPv4 and IPv6 addresses of the unit alone
}

// Password is one password of the product, or one kind of password that every
// unit has.
type Password struct {
	ID    string `yaml:"id" json:"id"`
	Title string `yaml:"title" json:"title,omitempty"` // "administrator of the web page"
	Used  string `yaml:"used" json:"used,omitempty"`   // where it is asked for
}

// Interface is one way to speak to the product.
type Interface struct {
	ID       string `yaml:"id" json:"id"`
	Title    string `yaml:"title" json:"title,omitempty"`
	Protocol string `yaml:"protocol" json:"protocol,omitempty"` // "http", "telnet", "bluetooth-le"
	Port     int64  `yaml:"port" json:"port,omitempty"`         // of TCP or UDP; 0 is none or not known
}

// Component is hardware or software on which a requirement can bear.
type Component struct {
	ID    string `yaml:"id" json:"id"`
	Title string `yaml:"title" json:"title,omitempty"`
	// Category is hardware, preinstalled, required or associated: the four categories of SI 2023/1007 Sch.1.
	Category string `yaml:"category" json:"category,omitempty"`
	Version  string `yaml:"version" json:"version,omitempty"`
}

// Label is a conformance label or certificate on which the manufacturer relies.
type Label struct {
	ID      string     `yaml:"id" json:"id"`
	Scheme  string     `yaml:"scheme" json:"scheme,omitempty"`
	Level   string     `yaml:"level" json:"level,omitempty"`
	Edition string     `yaml:"edition" json:"edition,omitempty"` // of the scheme's standard
	Issued  assay.Date `yaml:"issued" json:"issued,omitzero"`
	Expires assay.Date `yaml:"expires" json:"expires,omitzero"` // the last day on which it is valid
}

// Consignment is one delivery of units.
type Consignment struct {
	ID      string     `yaml:"id" json:"id"`
	Batch   string     `yaml:"batch" json:"batch,omitempty"` // the batch's id
	Arrived assay.Date `yaml:"arrived" json:"arrived,omitzero"`
	Units   int64      `yaml:"units" json:"units,omitempty"`
}

const productFile = "product.yaml"

var productScalars = scalars{
	whole: map[string]bool{"port": true, "units": true},
	dates: map[string]bool{"stated": true, "from": true, "made": true, "date": true, "arrived": true, "issued": true, "expires": true},
}

// Territories that a product may be supplied in.
var territories = []string{"GB", "NI"}

// categories of hardware and software, SI 2023/1007 Sch.1 paras 1(2), 2(2), 3(2).
var categories = []string{"hardware", "preinstalled", "required", "associated"}

// maxParts bounds each list of product.yaml.
const maxParts = 5000

// maxAddresses bounds the addresses of one unit.
const maxAddresses = 64

func readProduct(data []byte) (*Product, *yamlFile, error) {
	var p Product
	f, err := readYAML(productFile, data, &p, productScalars)
	if err != nil {
		return nil, nil, err
	}
	return &p, f, p.check(f)
}

// check finds what is written in the right form but cannot be meant.
func (p *Product) check(f *yamlFile) error {
	if strings.TrimSpace(p.Name) == "" {
		return f.at("$.name", "the product has no name", "write name: and how people call it")
	}
	for i, t := range p.Territories {
		if !slices.Contains(territories, t) {
			return f.at(fmt.Sprintf("$.territories[%d]", i), fmt.Sprintf("territory %q is not known", clip(t)), "write GB (England, Wales, Scotland) or NI (Northern Ireland)")
		}
	}
	for _, page := range []struct{ key, url string }{
		{"product", p.Pages.Product}, {"security", p.Pages.Security}, {"support", p.Pages.Support}, {"statement", p.Pages.Statement},
	} {
		if page.url == "" {
			continue
		}
		if u, err := url.Parse(page.url); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return f.at("$.pages."+page.key, fmt.Sprintf("%q is not the address of a page", clip(page.url)), "write it whole, beginning with https://")
		}
	}
	if err := p.checkParts(f); err != nil {
		return err
	}
	if err := p.checkUnits(f); err != nil {
		return err
	}
	for i, c := range p.Components {
		if c.Category != "" && !slices.Contains(categories, c.Category) {
			return f.at(fmt.Sprintf("$.components[%d].category", i), fmt.Sprintf("category %q is not known", clip(c.Category)), "write one of "+strings.Join(categories, ", "))
		}
	}
	for i, n := range p.Interfaces {
		if n.Port < 0 || n.Port > 65535 {
			return f.at(fmt.Sprintf("$.interfaces[%d].port", i), fmt.Sprintf("port %d does not exist", n.Port), "write 1 to 65535")
		}
	}
	for i, l := range p.Labels {
		if !l.Issued.Zero() && l.Expires.Before(l.Issued) && !l.Expires.Zero() {
			return f.at(fmt.Sprintf("$.labels[%d].expires", i), "the label expires before it is issued", "correct one of the dates")
		}
	}
	return p.checkBatches(f)
}

func (p *Product) checkBatches(f *yamlFile) error {
	known := func(id string) bool {
		return id == "" || slices.ContainsFunc(p.Batches, func(b Batch) bool { return b.ID == id })
	}
	for i, s := range p.Supply {
		at := fmt.Sprintf("$.supply[%d]", i)
		switch {
		case s.Date.Zero():
			return f.at(at, "a supply has no date", "write date: and the day, such as 2026-04-29")
		case s.Territory != "" && !slices.Contains(territories, s.Territory):
			return f.at(at+".territory", fmt.Sprintf("territory %q is not known", clip(s.Territory)), "write GB or NI")
		case !known(s.Batch):
			return f.at(at+".batch", fmt.Sprintf("there is no batch %q", clip(s.Batch)), "list it under batches")
		}
	}
	for i, c := range p.Consignments {
		if !known(c.Batch) {
			return f.at(fmt.Sprintf("$.consignments[%d].batch", i), fmt.Sprintf("there is no batch %q", clip(c.Batch)), "list it under batches")
		}
	}
	return nil
}

// checkUnits refuses addresses by which no unit, or more than one, could be known.
func (p *Product) checkUnits(f *yamlFile) error {
	macs := map[string]bool{}
	for i, u := range p.Units {
		at := fmt.Sprintf("$.units[%d]", i)
		if u.MAC != "" {
			mac, err := net.ParseMAC(u.MAC)
			if err != nil || len(mac) != 6 || mac[0]&1 == 1 || mac.String() == "00:00:00:00:00:00" {
				return f.at(at+".mac", fmt.Sprintf("%q is not the hardware address of one unit", clip(u.MAC)), `write six octets, such as "02:00:5e:10:00:01"`)
			}
			if macs[mac.String()] {
				return f.at(at+".mac", fmt.Sprintf("two units have the hardware address %s", mac), "correct one of them")
			}
			macs[mac.String()] = true
		}
		if len(u.Addresses) > maxAddresses {
			return f.at(at+".addresses", fmt.Sprintf("more than %d addresses", maxAddresses), "name the unit by its hardware address")
		}
		for n, a := range u.Addresses {
			if ip, err := netip.ParseAddr(a); err != nil || ip.Zone() != "" || ip.IsUnspecified() || ip.IsMulticast() || a == "255.255.255.255" {
				return f.at(fmt.Sprintf("%s.addresses[%d]", at, n), fmt.Sprintf("%q is not the address of one unit", clip(a)), "write an IPv4 or IPv6 address, such as 192.168.8.20")
			}
		}
	}
	return nil
}

// partLists gives each list of parts: its key, the kind of subject, the ids.
func (p *Product) partLists() []partList {
	return []partList{
		{"persons", "person", ids(p.Persons, func(x Person) string { return x.ID })},
		{"batches", "batch", ids(p.Batches, func(x Batch) string { return x.ID })},
		{"passwords", "password", ids(p.Passwords, func(x Password) string { return x.ID })},
		{"interfaces", "interface", ids(p.Interfaces, func(x Interface) string { return x.ID })},
		{"components", "component", ids(p.Components, func(x Component) string { return x.ID })},
		{"labels", "label", ids(p.Labels, func(x Label) string { return x.ID })},
		{"consignments", "consignment", ids(p.Consignments, func(x Consignment) string { return x.ID })},
	}
}

type partList struct {
	key, kind string
	ids       []string
}

func ids[T any](parts []T, id func(T) string) []string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = id(p)
	}
	return out
}

func (p *Product) checkParts(f *yamlFile) error {
	units := partList{"units", "unit", ids(p.Units, func(x Unit) string { return x.ID })} // nothing is said of a unit: no subject
	for _, list := range append(p.partLists(), units) {
		if len(list.ids) > maxParts {
			return f.at("$."+list.key, fmt.Sprintf("more than %d %s", maxParts, list.key), "split the dossier")
		}
		seen := map[string]bool{}
		for i, id := range list.ids {
			at := fmt.Sprintf("$.%s[%d].id", list.key, i)
			if id == "" {
				return f.at(at, "one of the "+list.key+" has no id", "write id: and a short name such as admin-web")
			}
			if _, err := assay.Part(list.kind, id); err != nil {
				return f.at(at, fmt.Sprintf("id %q does not fit", clip(id)), "use letters, digits and . _ : @ + - only, beginning with a letter or digit")
			}
			if seen[id] {
				return f.at(at, fmt.Sprintf("id %q stands twice among the %s", id, list.key), "rename one of them")
			}
			seen[id] = true
		}
	}
	return nil
}

// Parts are the subjects of all parts that product.yaml lists, in its order.
func (p *Product) Parts() []assay.Subject {
	var subjects []assay.Subject
	for _, list := range p.partLists() {
		for _, id := range list.ids {
			subjects = append(subjects, assay.Subject(list.kind+"/"+id))
		}
	}
	return subjects
}
