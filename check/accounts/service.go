package accounts

import (
	"fmt"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/rootfs"
)

// maxCited bounds the commands that one observation cites.
const maxCited = 5

// observeServices states what lets somebody in over the network from the start.
func observeServices(rep *reporter, m *means) {
	r := rep.root
	open := openAccount(r, m)
	for i := range r.Boot.Services {
		s := &r.Boot.Services[i]
		if !s.Kind.Login() {
			continue
		}
		program, where := check.Printable(s.Program), check.Printable(s.Place.String())
		if s.InTree != rootfs.Yes {
			rep.remark("%s starts %s (%s), which was not found in the image", where, program, s.Kind)
			continue
		}
		name := r.prefix + string(s.Kind)
		if s.Port > 0 {
			name += fmt.Sprintf("-%d", s.Port)
		}
		at := []assay.Reference{r.place(s.Place)}
		for _, c := range s.Chain {
			if len(at) < maxCited {
				at = append(at, r.place(c))
			}
		}
		rep.say("interface", name, "interface.protocol", assay.Text(string(s.Kind)), program+" is started by "+where, at...)
		if s.Conditional {
			rep.remark("%s starts %s (%s) under a condition that the image does not settle: %s", where, program, s.Kind, guardWords(s))
			continue
		}
		rep.say("interface", name, "interface.enabled_at_boot", assay.Bool(true), "it is started without condition: "+s.Text, at...)
		switch {
		case s.NoPassword:
			rep.say("interface", name, "interface.unauthenticated", assay.Bool(true), join("it asks for no password", s.Why), at...)
		case s.Kind == rootfs.Telnet && open != nil:
			rep.say("interface", name, "interface.unauthenticated", assay.Bool(true),
				fmt.Sprintf("account %s has an empty password, with which telnet lets anybody in", check.Printable(open.User)), append(at, r.place(open.Place))...)
		}
	}
}

// openAccount is an account in use that lets anybody in; nil when none is certain to.
func openAccount(r *root, m *means) *rootfs.Account {
	if !r.tree.Complete || m.found() {
		return nil
	}
	seen := map[string]bool{}
	for i := range r.Accounts.Accounts {
		a := &r.Accounts.Accounts[i]
		if a.Live && !seen[a.User] {
			seen[a.User] = true
			if a.State == rootfs.Empty && a.LogIn == rootfs.Yes {
				return a
			}
		}
	}
	return nil
}

func guardWords(s *rootfs.Service) string {
	if len(s.Guards) == 0 {
		return "not known"
	}
	g := s.Guards[0]
	if g.Place.File == "" {
		return g.Text
	}
	return fmt.Sprintf("%s (%s)", g.Text, g.Place)
}
