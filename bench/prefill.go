package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/dossier"
	"github.com/assay-psti/assay/vocab"
)

// maxPrefilled bounds the entries that are drafted in one table.
const maxPrefilled = 300

// source says of which parts of the product, as they were observed, rows of a table
// are drafted. The rest of what was observed of the part goes into the Description.
type source struct {
	table   int
	version string // "" for every version
	kind    string // of part
	fits    func(part) bool
	fields  map[string][]assay.TermID // by field
}

// part is one part with what was observed of it.
type part struct {
	subject assay.Subject
	said    []assay.Observation // in order of term
}

func (p part) value(term assay.TermID) assay.Value {
	for _, o := range p.said {
		if o.Term == term {
			return o.Value
		}
	}
	return assay.Value{}
}

// sources are our reading of what tools see, and of the tables where it belongs.
var sources = []source{
	{table: 1, kind: "password"},
	{table: 1, kind: "account", fits: func(p part) bool {
		return p.value("account.login_shell").Bool() && p.value("account.state").Text() != "locked"
	}, fields: map[string][]assay.TermID{"Authentication Factor": {"account.state"}, "Cryptographic Details": {"account.hash_scheme"}}},
	{table: 6, kind: "component"},
	{table: 7, kind: "update", fields: map[string][]assay.TermID{"Security Guarantees": {"update.signature_checked", "update.server_checked"}, "Cryptographic Details": {"update.protocol"}}},
	{table: 12, kind: "component", fits: named(networkSecurity)},
	{table: 13, kind: "interface", fits: protocol(false, radio), fields: map[string][]assay.TermID{"Status": {"interface.enabled_at_boot"}, "Authentication Mechanism": {"interface.unauthenticated"}, "Allows Configuration": {"interface.settings_unauthenticated"}}},
	{table: 15, version: "V1.1.1", kind: "interface", fields: map[string][]assay.TermID{"Type": {"interface.protocol"}, "Status": {"interface.enabled_at_boot"}}},
	{table: 15, version: "V2.1.1", kind: "interface", fits: protocol(true, radio), fields: map[string][]assay.TermID{"Type": {"interface.protocol"}, "Status": {"interface.enabled_at_boot"}}},
	{table: 28, version: "V1.1.1", kind: "interface", fits: protocol(true, programming)},
	{table: 28, version: "V2.1.1", kind: "interface", fits: protocol(false, radio), fields: map[string][]assay.TermID{"Status": {"interface.enabled_at_boot"}, "Access": {"interface.unauthenticated"}}},
}

// networkSecurity are implementations of network and security functions, as
// firmware names them.
var networkSecurity = []string{"openssl", "libressl", "boringssl", "mbedtls", "wolfssl", "gnutls", "nss", "libsodium", "libgcrypt", "dropbear", "openssh", "libssh",
	"wpa_supplicant", "wpa-supplicant", "hostapd", "nettle", "bearssl", "axtls", "matrixssl", "tinydtls", "strongswan", "openvpn", "wireguard"}

var (
	radio       = []string{"wi-fi", "wifi", "wlan", "bluetooth", "bluetooth-le", "ble", "zigbee", "thread", "z-wave", "nfc", "uart", "jtag", "swd", "usb", "ethernet", "serial"}
	programming = []string{"http", "https", "mqtt", "mqtts", "coap", "coaps", "onvif", "upnp", "soap", "websocket", "rtsp"}
)

func named(words []string) func(part) bool {
	return func(p part) bool {
		name := strings.ToLower(p.subject.Name())
		return slices.ContainsFunc(words, func(w string) bool {
			return name == w || strings.HasPrefix(name, w+"-") || strings.HasPrefix(name, w+"@") || strings.HasPrefix(name, "lib"+w)
		})
	}
}

func protocol(among bool, words []string) func(part) bool {
	return func(p part) bool {
		return slices.Contains(words, strings.ToLower(p.value("interface.protocol").Text())) == among
	}
}

// Prefill writes what tools observed into the column of what was found, and leaves
// what is declared alone. A row that a tool drafts is about the part it saw; a row
// about the same part, or of the same name, takes it up. What an earlier run found
// and none finds now goes. It says how many fields of rows it found.
func (t *Test) Prefill(x *dossier.IXIT, observations []assay.Observation) (*dossier.IXIT, int) {
	out := t.NewIXIT()
	if x != nil {
		out.Signed = x.Signed
		for _, table := range x.Tables {
			c := dossier.IXITTable{Number: table.Number, Name: table.Name, Empty: table.Empty}
			for _, e := range table.Entries {
				e.Fields = slices.Clone(e.Fields)
				for i := range e.Fields {
					e.Fields[i].Found = ""
				}
				c.Entries = append(c.Entries, e)
			}
			out.Tables = append(out.Tables, c)
		}
	}
	f := filler{test: t, ixit: out}
	standing := vocab.Standing(observations)
	standing = slices.DeleteFunc(standing, func(o assay.Observation) bool {
		return o.Source != assay.Observed || o.Term == unitVerdict || o.Term == caseCovered
	})
	slices.SortStableFunc(standing, func(a, b assay.Observation) int { return strings.Compare(string(a.Term), string(b.Term)) })
	parts := partsOf(standing)
	for _, s := range sources {
		if s.version != "" && s.version != t.TestSpecification {
			continue
		}
		for _, p := range parts {
			if p.subject.Kind() == s.kind && (s.fits == nil || s.fits(p)) {
				f.part(&s, p)
			}
		}
	}
	f.product(standing)
	for i := range out.Tables {
		entries := &out.Tables[i].Entries
		for k := range *entries {
			fields := &(*entries)[k].Fields
			*fields = slices.DeleteFunc(*fields, func(f dossier.IXITField) bool { return f.Declared == "" && f.Found == "" })
		}
		*entries = slices.DeleteFunc(*entries, func(e dossier.IXITEntry) bool {
			return len(e.Fields) == 0
		})
	}
	return out, f.count
}

func partsOf(standing []assay.Observation) []part {
	at := map[assay.Subject]int{}
	var parts []part
	for _, o := range standing {
		if o.Subject == assay.Product {
			continue
		}
		i, ok := at[o.Subject]
		if !ok {
			i = len(parts)
			at[o.Subject] = i
			parts = append(parts, part{subject: o.Subject})
		}
		parts[i].said = append(parts[i].said, o)
	}
	slices.SortFunc(parts, func(a, b part) int { return strings.Compare(string(a.subject), string(b.subject)) })
	return parts
}

// filler writes into the column of what was found.
type filler struct {
	test  *Test
	ixit  *dossier.IXIT
	count int
}

// entry is the row about a part; a new one where there is none. nil when the table
// is full, or has no such number in this version.
func (f *filler) entry(number int, id string, about assay.Subject) *dossier.IXITEntry {
	known := f.test.Table(number)
	if known == nil {
		return nil
	}
	table := f.ixit.Table(number)
	if table == nil {
		f.ixit.Tables = append(f.ixit.Tables, dossier.IXITTable{Number: number, Name: known.Name})
		slices.SortFunc(f.ixit.Tables, func(a, b dossier.IXITTable) int { return a.Number - b.Number })
		table = f.ixit.Table(number)
	}
	for i := range table.Entries {
		e := &table.Entries[i]
		if known.OneEntry || about != "" && e.About == about || strings.EqualFold(e.ID, id) && (e.About == "" || e.About == about) {
			return e
		}
	}
	if len(table.Entries) >= maxPrefilled {
		return nil
	}
	if entryOf(table, id) != nil { // the name stands for another part
		id = string(about)
	}
	table.Entries = append(table.Entries, dossier.IXITEntry{ID: id, About: about})
	return &table.Entries[len(table.Entries)-1]
}

func (f *filler) put(e *dossier.IXITEntry, field, found string) {
	if r := []rune(found); len(r) > 1000 {
		found = string(r[:1000]) + " ..."
	}
	if found = clean(found); found != "" && checkText(found) == nil {
		setFound(e, field, found)
		f.count++
	}
}

// words puts one observation in words.
func (f *filler) words(o *assay.Observation) string {
	title := string(o.Term)
	if t := f.test.law.Vocabulary().Term(o.Term); t != nil {
		title = t.Title
	}
	return title + ": " + strings.ReplaceAll(o.Value.String(), "_", " ")
}

func (f *filler) part(s *source, p part) {
	e := f.entry(s.table, p.subject.Name(), p.subject)
	if e == nil {
		return
	}
	fields := map[string][]string{}
	for i := range p.said {
		o := &p.said[i]
		field := "Description"
		for name, terms := range s.fields {
			if slices.Contains(terms, o.Term) {
				field = name
			}
		}
		if line := f.words(o); !slices.Contains(fields[field], line) {
			fields[field] = append(fields[field], line)
		}
	}
	if fields["Description"] == nil {
		fields["Description"] = []string{"Seen: " + p.subject.Kind() + " " + p.subject.Name()}
	}
	for _, name := range f.test.Table(s.table).Fields {
		f.put(e, name, strings.Join(fields[name], "; "))
	}
}

// userInfo says which observations on public pages belong to which field of table 2.
var userInfo = []struct{ field, prefix string }{
	{"Model Designation", "device.model_readable"},
	{"Support Period", "support.end"},
	{"Publication of Support Period", "support."},
	{"Publication of Vulnerability Disclosure Policy", "reporting."},
}

// product drafts what is observed of the product as a whole: public information in
// table 2, and secrets in table 10, by the digest of where they lie and never themselves.
func (f *filler) product(standing []assay.Observation) {
	lines := map[string][]string{}
	secrets := 0
	for i := range standing {
		o := &standing[i]
		if o.Subject != assay.Product {
			continue
		}
		for _, u := range userInfo {
			if string(o.Term) != u.prefix && !(strings.HasSuffix(u.prefix, ".") && strings.HasPrefix(string(o.Term), u.prefix) && o.Term != "support.end") {
				continue
			}
			line := f.words(o)
			if len(o.Evidence) > 0 && o.Evidence[0].Name != "" {
				line += " (" + o.Evidence[0].Name + ")"
			}
			if !slices.Contains(lines[u.field], line) {
				lines[u.field] = append(lines[u.field], line)
			}
			break
		}
		switch o.Term {
		case "firmware.hardcoded_secret", "firmware.secret_in_clear", "firmware.shared_service_key":
			if o.Value.Bool() {
				for _, r := range o.Evidence {
					secrets++
					f.secret(secrets, o, r)
				}
			}
		}
	}
	if len(lines) == 0 {
		return
	}
	if e := f.entry(2, "UserInfo", ""); e != nil {
		for _, u := range userInfo {
			f.put(e, u.field, strings.Join(lines[u.field], "; "))
		}
	}
}

func (f *filler) secret(n int, o *assay.Observation, r assay.Reference) {
	e := f.entry(10, fmt.Sprintf("found-%d", n), "")
	if e == nil {
		return
	}
	where := r.Name
	if r.Place != "" {
		where += ", " + r.Place
	}
	f.put(e, "Description", fmt.Sprintf("%s; in %s (%s)", f.words(o), where, r.Digest))
	f.put(e, "Type", "critical, as it looks")
}
