package report

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check/credentials"
	"github.com/assay-psti/assay/check/image"
	"github.com/assay-psti/assay/check/secrets"
	"github.com/assay-psti/assay/component"
	"github.com/assay-psti/assay/password"
	"github.com/assay-psti/assay/rootfs"
)

// Firmware is what is said of one image, for people and for machines. No secret
// stands in it, save where it was asked for.
type Firmware struct {
	File   string       `json:"file"`
	Digest assay.Digest `json:"digest"`
	Bytes  int64        `json:"bytes"`
	Folder bool         `json:"folder,omitempty"`

	// Verdict is FAIL, INCONCLUSIVE or NO FINDING; Meaning says it in a sentence, Because why, Unseen what was not looked at.
	// They are empty in a dossier, where the law judges the whole.
	Verdict string   `json:"verdict,omitempty"`
	Meaning string   `json:"meaning,omitempty"`
	Because []string `json:"because,omitempty"`
	Unseen  []string `json:"unseen,omitempty"`

	Spaces       []Space               `json:"spaces,omitempty"`
	Map          []Range               `json:"map,omitempty"`
	Unread       []Unread              `json:"unread,omitempty"`
	Roots        []string              `json:"roots,omitempty"` // root file systems
	Accounts     []Account             `json:"accounts,omitempty"`
	Services     []Service             `json:"services,omitempty"`
	Credentials  []Credential          `json:"credentials,omitempty"`
	Settings     []Setting             `json:"settings,omitempty"`
	Secrets      []Secret              `json:"secrets,omitempty"`
	Certificates []Certificate         `json:"certificates,omitempty"`
	Updates      []Update              `json:"updates,omitempty"`
	Components   []component.Component `json:"components,omitempty"`
	// Matched says that the components were compared with vulnerability records: no match is otherwise no answer.
	Matched         bool                `json:"matched"`
	Records         int                 `json:"records,omitempty"`
	Vulnerabilities []component.Match   `json:"vulnerabilities,omitempty"`
	Remarks         []string            `json:"remarks,omitempty"`
	Observations    []assay.Observation `json:"observations,omitempty"`
	Disclaimer      string              `json:"disclaimer"`
}

// Space is one run of bytes: the image, or what a stream in it unpacks to.
type Space struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// Range is one range of the map. Parent is the index of the range around it, or
// of the stream it was unpacked from; -1 at the top.
type Range struct {
	Space   int     `json:"space"`
	Offset  int64   `json:"offset"`
	Size    int64   `json:"size"`
	Kind    string  `json:"kind"`
	Name    string  `json:"name,omitempty"`
	Detail  string  `json:"detail,omitempty"`
	Parent  int     `json:"parent"`
	Depth   int     `json:"depth"`
	Leaf    bool    `json:"leaf,omitempty"`
	Entropy float64 `json:"entropy,omitempty"`
}

// Unread is a part that was not read.
type Unread struct {
	Where  string `json:"where"`
	Reason string `json:"reason"`
	Why    string `json:"why"`
}

// Account is one account of a root file system.
type Account struct {
	User      string `json:"user"`
	UID       int    `json:"uid"`
	State     string `json:"state"` // empty, locked, hash, plain, shadowed
	Live      bool   `json:"live"`  // in use, not a sample or a backup
	Shell     string `json:"login_shell,omitempty"`
	Scheme    string `json:"hash_scheme,omitempty"`
	Published string `json:"published_default,omitempty"`
	Note      string `json:"note,omitempty"`
	Place     string `json:"place"`
	hash      string // for comparing two images
}

// Service is one program that starts at boot and can let somebody in.
type Service struct {
	Program     string   `json:"program"`
	Kind        string   `json:"kind"`
	Port        int      `json:"port,omitempty"`
	Conditional bool     `json:"conditional"`
	Condition   string   `json:"condition,omitempty"`
	InImage     string   `json:"in_image,omitempty"`
	NoPassword  bool     `json:"no_password,omitempty"`
	Note        string   `json:"note,omitempty"`
	Place       string   `json:"place"`
	Chain       []string `json:"chain,omitempty"`
}

// Credential is one password that a file other than passwd and shadow gives.
type Credential struct {
	For       string `json:"for"` // login, wi-fi, elsewhere, unclear
	Source    string `json:"source"`
	Key       string `json:"key,omitempty"`
	User      string `json:"user,omitempty"`
	State     string `json:"state"`
	Shown     string `json:"shown"` // masked, unless it was asked for
	Published string `json:"published_default,omitempty"`
	Note      string `json:"note,omitempty"`
	Place     string `json:"place"`
	secret    string
}

// Setting is a line of settings that opens the device.
type Setting struct {
	Means string `json:"means"`
	Text  string `json:"text"`
	Place string `json:"place"`
}

// Secret is a key or token that every unit shares.
type Secret struct {
	What      string `json:"what"`
	Encrypted bool   `json:"encrypted,omitempty"`
	PublicKey string `json:"public_key,omitempty"`
	Shown     string `json:"shown,omitempty"`
	Place     string `json:"place"`
}

// Certificate is a certificate in the image.
type Certificate struct {
	Subject   string `json:"subject"`
	Algorithm string `json:"algorithm"`
	Bits      int    `json:"bits,omitempty"`
	Signature string `json:"signature"`
	NotAfter  string `json:"not_after"`
	Expired   bool   `json:"expired,omitempty"`
	Weak      string `json:"weak,omitempty"`
	KeyAt     string `json:"key_at,omitempty"` // where its private key lies
	Place     string `json:"place"`
	print     string
}

// Update is a way by which the device is updated.
type Update struct {
	Client   string `json:"client"`
	Address  string `json:"address,omitempty"`
	Over     string `json:"over,omitempty"`
	Verified string `json:"signature_checked,omitempty"` // yes, no; empty: not known
	By       string `json:"checked_by,omitempty"`
	Place    string `json:"place"`
}

// NewFirmware puts one item in the form in which it is shown. Observations are
// those of the checks of firmware; show puts values of credentials in the clear.
func NewFirmware(item *image.Item, observations []assay.Observation, now time.Time, show bool) *Firmware {
	f := &Firmware{File: item.Evidence.Base(), Digest: item.Evidence.Digest, Bytes: item.Evidence.Size, Folder: item.Evidence.Folder, Observations: observations, Disclaimer: Disclaimer}
	for _, s := range item.Image.Spaces {
		f.Spaces = append(f.Spaces, Space{printable(s.Name), s.Size})
	}
	for _, r := range item.Image.Map {
		f.Map = append(f.Map, Range{r.Space, r.Offset, r.Size, string(r.Kind), printable(r.Name), printable(r.Detail), r.Parent, r.Depth, r.Leaf, r.Entropy})
	}
	for _, u := range item.Image.Unread {
		where := printable(u.What)
		if u.Space >= 0 && u.Space < len(item.Image.Spaces) {
			where = fmt.Sprintf("%s at %#x of %s", printable(u.What), u.Offset, printable(item.Image.Spaces[u.Space].Name))
		}
		f.Unread = append(f.Unread, Unread{where, string(u.Reason), printable(u.Why)})
	}
	published := map[string]string{} // by place
	for _, o := range observations {
		if o.Term == "password.published_default" && o.Value.Bool() && len(o.Evidence) > 0 && o.Evidence[0].Digest == f.Digest {
			published[o.Evidence[0].Place] = o.Note
		}
	}
	for _, t := range item.Trees {
		f.tree(t, published, now, show)
	}
	for _, p := range item.Programs {
		for _, why := range p.Unread {
			f.Unread = append(f.Unread, Unread{printable(p.What), "program", printable(why)})
		}
		for i := range p.Credentials {
			c := &p.Credentials[i]
			if c.Placeholder {
				continue
			}
			why, own := credentials.AccessPoint(c)
			what := string(credentials.Unclear)
			if own {
				what = string(credentials.WiFi)
			}
			place := p.Place(c.Place.Offset).Place
			f.Credentials = append(f.Credentials, credential(c, what, why, place, published[place], show))
		}
		for _, a := range p.Asks {
			f.Credentials = append(f.Credentials, Credential{For: string(credentials.Unclear), Source: "binary", Key: printable(a.Name), State: "unset", Shown: "(no value seen)", Note: credentials.Unset, Place: p.Place(a.Offset).Place})
		}
		f.secrets(&p.Contents, func(x rootfs.Place) string { return p.Place(x.Offset).Place }, now)
		f.add(p.Components, "")
	}
	return f
}

// secrets takes in the keys, tokens and certificates of a tree or of a program without files.
func (f *Firmware) secrets(c *rootfs.Contents, at func(rootfs.Place) string, now time.Time) {
	for i := range c.Secrets {
		s := &c.Secrets[i]
		f.Secrets = append(f.Secrets, Secret{secrets.Words(s), s.Encrypted, s.PublicKey, printable(s.Shown), at(s.Place)})
	}
	for i := range c.Certificates {
		x := &c.Certificates[i]
		y := Certificate{Subject: printable(x.Subject), Algorithm: x.Algorithm, Bits: x.Bits, Signature: x.Signature, NotAfter: x.NotAfter.Format("2006-01-02"), Expired: x.NotAfter.Before(now), Weak: secrets.Weak(x), Place: at(x.Place), print: x.PublicKey + x.NotAfter.String()}
		if x.Key != nil {
			y.KeyAt = at(*x.Key)
		}
		f.Certificates = append(f.Certificates, y)
	}
}

func (f *Firmware) tree(t *image.Tree, published map[string]string, now time.Time, show bool) {
	at := func(p rootfs.Place) string { return t.Place(p).Place }
	for _, r := range t.Roots {
		f.Roots = append(f.Roots, strings.TrimSuffix(t.Name+", folder "+printable(r.Dir), ", folder ."))
		for _, a := range r.Accounts.Accounts {
			x := Account{User: printable(a.User), UID: a.UID, State: string(a.State), Live: a.Live, Shell: string(a.LogIn), Note: printable(a.Why), Place: at(r.In(a.Place)), hash: a.Hash}
			if a.State == rootfs.Hashed {
				x.Scheme = string(password.ParseHash(a.Hash).Scheme())
			}
			x.Published = published[x.Place]
			f.Accounts = append(f.Accounts, x)
		}
		for i := range r.Boot.Services {
			s := &r.Boot.Services[i]
			if s.Kind == rootfs.Other || s.Kind == rootfs.Network {
				continue
			}
			x := Service{Program: printable(path.Base(s.Program)), Kind: string(s.Kind), Port: s.Port, Conditional: s.Conditional, InImage: string(s.InTree), NoPassword: s.NoPassword, Note: printable(s.Why), Place: at(r.In(s.Place))}
			if len(s.Guards) > 0 {
				x.Condition = printable(s.Guards[0].Text)
			}
			for _, c := range s.Chain {
				x.Chain = append(x.Chain, printable(c.String()))
			}
			f.Services = append(f.Services, x)
		}
		for _, u := range append(slices.Clone(r.Accounts.Unread), r.Boot.Unread...) {
			f.Unread = append(f.Unread, Unread{t.Name + ": " + printable(path.Join(r.Dir, u.Path)), "file", printable(u.Why)})
		}
	}
	c := &t.Contents
	for i := range c.Credentials {
		x := &c.Credentials[i]
		kind, why := credentials.Classify(x)
		if kind == credentials.Example {
			continue
		}
		f.Credentials = append(f.Credentials, credential(x, string(kind), why, at(x.Place), published[at(x.Place)], show))
	}
	for _, s := range c.Settings {
		f.Settings = append(f.Settings, Setting{s.Means, printable(s.Text), at(s.Place)})
	}
	f.secrets(c, at, now)
	for _, u := range c.Updates {
		f.Updates = append(f.Updates, Update{printable(u.Client), printable(u.Address), u.Over, string(u.Verified), printable(u.VerifiedBy), at(u.Place)})
	}
	for _, u := range c.Unread {
		f.Unread = append(f.Unread, Unread{t.Name + ": " + printable(u.Path), "file", printable(u.Why)})
	}
	f.add(t.Inventory.Components, t.Name)
}

func credential(c *rootfs.Credential, what, why, place, published string, show bool) Credential {
	x := Credential{For: what, Source: c.Source, Key: printable(credentials.Name(c)), User: printable(c.User), State: string(c.State), Note: printable(why), Place: place, Published: published, secret: c.Secret}
	switch {
	case c.State == rootfs.Empty:
		x.Shown = "(empty)"
	case show:
		x.Shown = printable(c.Secret)
	default:
		x.Shown = Masked(c.Secret)
	}
	return x
}

// Masked says how long a secret is and nothing else of it.
func Masked(s string) string {
	n := len([]rune(s))
	return strings.Repeat("*", min(n, 8)) + fmt.Sprintf(" (%d)", n)
}

// add takes components in. Those that several trees hold are one, with the
// evidence of each.
func (f *Firmware) add(all []component.Component, tree string) {
	for _, c := range all {
		c.Evidence = slices.Clone(c.Evidence)
		for i := range c.Evidence {
			if tree != "" {
				c.Evidence[i].File = tree + ": " + c.Evidence[i].File
			}
		}
		same := func(d component.Component) bool {
			return d.Name == c.Name && d.Version == c.Version && d.PURL == c.PURL
		}
		if i := slices.IndexFunc(f.Components, same); i >= 0 {
			f.Components[i].Evidence = append(f.Components[i].Evidence, c.Evidence...)
			f.Components[i].Seen += c.Seen
			continue
		}
		f.Components = append(f.Components, c)
	}
	slices.SortStableFunc(f.Components, func(a, b component.Component) int {
		return strings.Compare(a.Name+"\x00"+a.Version, b.Name+"\x00"+b.Version)
	})
}

// printable makes one line that any screen can show.
func printable(s string) string {
	return strings.Map(visible, strings.Join(strings.Fields(s), " "))
}
