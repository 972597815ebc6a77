package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// FirmwareChanges is what one image changes against an earlier one.
type FirmwareChanges struct {
	Old     FirmwareSide `json:"old"`
	New     FirmwareSide `json:"new"`
	Changes []Change     `json:"changes"`
	// Whole says that both were read whole: else what seems gone may only not have been read.
	Whole bool `json:"whole"`
}

// FirmwareSide is one of the two images.
type FirmwareSide struct {
	File    string `json:"file"`
	Digest  string `json:"digest"`
	Verdict string `json:"verdict"`
	Meaning string `json:"meaning"`
}

// Change is one thing that is new, gone or another.
type Change struct {
	What   string `json:"what"`   // account, service, credential, secret, certificate, update, component, vulnerability
	Change string `json:"change"` // added, removed, changed
	Item   string `json:"item"`
	Was    string `json:"was,omitempty"`
	Is     string `json:"is,omitempty"`
}

// thing is what is compared: which one, what is said of it, and what must not be said.
type thing struct{ words, secret string }

// CompareFirmware says what the second image changes.
func CompareFirmware(old, is *Firmware) *FirmwareChanges {
	side := func(f *Firmware) FirmwareSide {
		return FirmwareSide{f.File, string(f.Digest), f.Verdict, f.Meaning}
	}
	d := &FirmwareChanges{Old: side(old), New: side(is), Whole: len(old.Unread) == 0 && len(is.Unread) == 0, Changes: []Change{}}
	for _, kind := range []struct {
		what string
		of   func(*Firmware) map[string]thing
	}{
		{"account", accountThings}, {"service", serviceThings}, {"credential", credentialThings}, {"secret", secretThings},
		{"certificate", certificateThings}, {"update", updateThings}, {"component", componentThings}, {"vulnerability", vulnerabilityThings},
	} {
		d.Changes = append(d.Changes, changes(kind.what, kind.of(old), kind.of(is))...)
	}
	return d
}

func changes(what string, old, is map[string]thing) []Change {
	var out []Change
	for _, key := range slices.Sorted(maps.Keys(old)) {
		was := old[key]
		now, there := is[key]
		switch {
		case !there:
			out = append(out, Change{What: what, Change: "removed", Item: key, Was: was.words})
		case was.words != now.words:
			out = append(out, Change{What: what, Change: "changed", Item: key, Was: was.words, Is: now.words})
		case was.secret != now.secret:
			out = append(out, Change{What: what, Change: "changed", Item: key, Was: was.words, Is: now.words + ", of another value"})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(is)) {
		if _, there := old[key]; !there {
			out = append(out, Change{What: what, Change: "added", Item: key, Is: is[key].words})
		}
	}
	return out
}

// file is the place of a finding without the tree that holds it, whose offset
// differs between images, and without line and offset.
func file(place string) string {
	if _, after, ok := strings.Cut(place, ": "); ok {
		place = after
	}
	place, _, _ = strings.Cut(place, ", offset ")
	place, _, _ = strings.Cut(place, " line ")
	return place
}

func accountThings(f *Firmware) map[string]thing {
	all := map[string]thing{}
	for _, a := range f.Accounts {
		words := a.State
		if a.Scheme != "" {
			words += " (" + a.Scheme + ")"
		}
		if a.Published != "" {
			words += ", a published default"
		}
		key := a.User
		if !a.Live {
			key += " in " + file(a.Place)
		}
		if _, there := all[key]; !there { // the first line counts
			all[key] = thing{words, a.hash}
		}
	}
	return all
}

func serviceThings(f *Firmware) map[string]thing {
	all := map[string]thing{}
	for _, s := range f.Services {
		words := "at boot, unconditionally"
		if s.Conditional {
			words = "at boot, under a condition"
		}
		if s.NoPassword {
			words += ", without any password"
		}
		key := s.Kind
		if s.Port > 0 {
			key += fmt.Sprintf(" on port %d", s.Port)
		}
		all[key+" ("+s.Program+")"] = thing{words: words}
	}
	return all
}

func credentialThings(f *Firmware) map[string]thing {
	all := map[string]thing{}
	for _, c := range f.Credentials {
		words := c.For + ", " + c.State
		if c.Published != "" {
			words += ", a published default"
		}
		all[strings.TrimSpace(fmt.Sprintf("%s %s in %s", c.Key, c.User, file(c.Place)))] = thing{words, c.secret}
	}
	return all
}

func secretThings(f *Firmware) map[string]thing {
	all := map[string]thing{}
	for _, s := range f.Secrets {
		all[s.What+" in "+file(s.Place)] = thing{s.What, cmp.Or(s.PublicKey, s.Shown)}
	}
	return all
}

func certificateThings(f *Firmware) map[string]thing {
	all := map[string]thing{}
	for _, c := range f.Certificates {
		words := "until " + c.NotAfter
		if c.KeyAt != "" {
			words += ", its private key in the image"
		}
		all[c.Subject+" in "+file(c.Place)] = thing{words, c.print}
	}
	return all
}

func updateThings(f *Firmware) map[string]thing {
	all := map[string]thing{}
	for _, u := range f.Updates {
		all[strings.TrimSpace(u.Client+" "+u.Address)+" in "+file(u.Place)] = thing{words: "signature checked: " + cmp.Or(u.Verified, "not known")}
	}
	return all
}

func componentThings(f *Firmware) map[string]thing {
	versions := map[string][]string{}
	for _, c := range f.Components {
		versions[c.Name] = append(versions[c.Name], c.Version)
	}
	all := map[string]thing{}
	for name, v := range versions {
		slices.Sort(v)
		all[name] = thing{words: strings.Join(slices.Compact(v), ", ")}
	}
	return all
}

func vulnerabilityThings(f *Firmware) map[string]thing {
	all := map[string]thing{}
	for _, m := range f.Vulnerabilities {
		if m.Status != "not_affected" && m.Status != "fixed" {
			all[m.ID+" in "+m.Component] = thing{words: m.Version}
		}
	}
	return all
}

// FirmwareChangesText writes the changes for a terminal.
func FirmwareChangesText(out io.Writer, d *FirmwareChanges, opt FirmwareOptions) error {
	if opt.Width <= 0 {
		opt.Width = 100
	}
	w := firmwareText{text: &text{TextOptions: opt.TextOptions}, all: opt.All}
	w.state(d.New.Verdict, d.New.Meaning)
	w.b.WriteByte('\n')
	w.line(0, "From %s (%s) to %s (%s)", d.Old.File, d.Old.Verdict, d.New.File, d.New.Verdict)
	if !d.Whole {
		w.line(2, "Not all of both could be read: what seems new or gone may only not have been read on the other side.")
	}
	if len(d.Changes) == 0 {
		w.line(2, "Nothing that is looked for is changed.")
	}
	last := ""
	for _, c := range d.Changes {
		if c.What != last {
			last = c.What
			w.b.WriteByte('\n')
			w.line(0, "%s", map[string]string{"account": "Accounts", "service": "Services at boot", "credential": "Credentials", "secret": "Secrets", "certificate": "Certificates",
				"update": "Updates", "component": "Components", "vulnerability": "Vulnerabilities"}[c.What])
		}
		switch c.Change {
		case "added":
			w.line(2, "+ %s: %s", c.Item, c.Is)
		case "removed":
			w.line(2, "- %s: %s", c.Item, c.Was)
		default:
			w.line(2, "~ %s: %s, now %s", c.Item, c.Was, c.Is)
		}
	}
	w.b.WriteByte('\n')
	w.line(0, "%s", Disclaimer)
	_, err := io.WriteString(out, w.b.String())
	return err
}
