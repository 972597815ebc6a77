package accounts

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/image"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/firmware"
	"github.com/assay-psti/assay/rootfs"
)

//go:embed doc.go
var source string

// Check reads accounts and start-up services from firmware.
var Check = &check.Check{
	Name: "accounts",
	Doc:  check.Doc(source),
	Observes: []assay.TermID{
		"account.state", "account.login_shell", "account.hash_scheme", "account.uid",
		"password.used", "firmware.read",
		"password.component_category", "password.excluded_kind", "password.usable_outside_factory_default",
		"password.set_by_user", "password.unique_per_product", "password.blank_accepted",
		"password.published_default", "password.guessable",
		"interface.protocol", "interface.enabled_at_boot", "interface.unauthenticated",
	},
	Needs:    []evidence.Kind{evidence.Firmware},
	Requires: []*check.Check{image.Check},
	Run:      run,
}

// maxUnread bounds how many things that could not be read are told of one root.
const maxUnread = 5

// root is one root file system found in the evidence.
type root struct {
	*image.Root
	tree   *image.Tree
	prefix string // of names, where there are several roots
}

// place says where something stands, from the item down.
func (r *root) place(p rootfs.Place) assay.Reference { return r.tree.Place(r.In(p)) }

func (r *root) item() *evidence.Item { return &r.tree.Item.Evidence }

func run(ctx context.Context, pass *check.Pass) (any, error) {
	scan := check.ResultOf[*image.Scan](pass, image.Check)
	scan.Unread(pass)
	var roots []*root
	var failed error
	read := 0
	var unread []evidence.Item // not read, or not whole
	for _, f := range scan.Failed {
		failed = errors.Join(failed, fmt.Errorf("%s: %w", f.Item.Name, f.Err))
		unread = append(unread, f.Item)
	}
	for _, item := range scan.Items {
		found, whole, err := find(pass, item)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", item.Evidence.Name, err))
		} else {
			read++
		}
		if err != nil || !whole {
			unread = append(unread, item.Evidence)
		}
		roots = append(roots, found...)
	}
	if read == 0 && failed != nil {
		return nil, failed
	}
	name(roots)
	if len(roots) > 0 {
		slices.SortStableFunc(unread, func(a, b evidence.Item) int { return cmp.Compare(a.Name, b.Name) })
		if err := observeRead(pass, pass.Items(evidence.Firmware), unread); err != nil {
			return nil, err
		}
	}
	t := trials{done: map[string]trial{}}
	for _, r := range roots {
		r.remarkUnread(pass)
		if err := observe(ctx, pass, r, &t); err != nil {
			return nil, fmt.Errorf("%s: %w", r.item().Name, err)
		}
	}
	return nil, nil
}

// maxCitedItems bounds how many items one observation cites.
const maxCitedItems = 20

// observeRead states whether the firmware was read whole: every part of every
// item identified, and every tree read.
func observeRead(pass *check.Pass, items, unread []evidence.Item) error {
	cited, note := items, "every part of every image was identified and taken apart"
	if len(unread) > 0 {
		cited, note = unread, "a part of these images could not be identified or read"
	}
	o := assay.Observation{Subject: assay.Product, Term: "firmware.read", Value: assay.Bool(len(unread) == 0), Note: note}
	for _, item := range cited[:min(len(cited), maxCitedItems)] {
		o.Evidence = append(o.Evidence, item.Reference("as a whole"))
	}
	return pass.Report(o)
}

// find gives the root file systems of one item, and whether all of it was read.
func find(pass *check.Pass, item *image.Item) (roots []*root, whole bool, err error) {
	for _, t := range item.Trees {
		for _, r := range t.Roots {
			roots = append(roots, &root{Root: r, tree: t})
		}
	}
	unread := item.Image.Unread
	if i := slices.IndexFunc(unread, broken); len(roots) == 0 && i >= 0 {
		return nil, false, errors.New(unread[i].String())
	}
	whole = item.Whole()
	if len(roots) == 0 {
		what := "holds no root file system"
		if len(unread) > 0 {
			what = "shows no root file system in what could be read of it"
		}
		pass.Remark(item.Evidence.Name + " " + what + ": nothing is observed of it")
		if !recognised(item.Image) {
			whole = false
			pass.Partial(item.Evidence.Name + " was not recognised as firmware of any kind, so what the units run was not seen; get the image as it is installed")
		}
	}
	return roots, whole, nil
}

// recognised reports whether anything in an image was known for what it is. Text,
// padding and bytes that nobody knows are no firmware that was looked at.
func recognised(image *firmware.Image) bool {
	if len(image.Trees) > 0 {
		return true
	}
	for i := range image.Map {
		switch image.Map[i].Kind {
		case firmware.KindText, firmware.KindPadding, firmware.KindData, firmware.KindOpaque:
		default:
			return true
		}
	}
	return false
}

// broken reports whether a part could have been read had the image been whole.
func broken(u firmware.Unread) bool {
	return u.Reason == firmware.Truncated || u.Reason == firmware.Corrupt || u.Reason == firmware.Limit
}

// name gives each root a prefix of its own where there are several.
func name(roots []*root) {
	if len(roots) < 2 {
		return
	}
	times := map[string]int{}
	for _, r := range roots {
		label := partName(r.item().Base())
		if times[label]++; times[label] > 1 {
			label += fmt.Sprintf("-%d", times[label])
		}
		r.prefix = label + ":"
	}
}

// remarkUnread says what of accounts and start-up could not be read.
func (r *root) remarkUnread(pass *check.Pass) {
	name := r.item().Name
	unread := slices.Concat(r.Accounts.Unread, r.Boot.Unread)
	for i, u := range unread {
		if i == maxUnread {
			pass.Remark(fmt.Sprintf("%s: %d more files could not be read", name, len(unread)-i))
			break
		}
		pass.Partial(fmt.Sprintf("%s: %s: %s: %s", name, r.tree.Name, path.Join(r.Dir, u.Path), u.Why))
	}
	if n := len(r.Boot.Unfollowed); n > 0 {
		u := r.Boot.Unfollowed[0]
		pass.Remark(fmt.Sprintf("%s: the start-up runs commands whose effect was not read: %d, the first at %s (%s)", name, n, u.Place, u.Why))
	}
}

// reporter states observations about one root and keeps the first error.
type reporter struct {
	pass *check.Pass
	root *root
	err  error

	reasons []string            // why something is not said, in order
	users   map[string][]string // of which accounts it is not said, by reason
}

// unsaid notes that something is not said of an account, and why.
func (r *reporter) unsaid(user, reason string) {
	if r.users == nil {
		r.users = map[string][]string{}
	}
	if r.users[reason] == nil {
		r.reasons = append(r.reasons, reason)
	}
	r.users[reason] = append(r.users[reason], check.Printable(user))
}

// maxUsers bounds how many accounts one remark names.
const maxUsers = 8

func (r *reporter) remarkUnsaid() {
	for _, reason := range r.reasons {
		users := r.users[reason]
		if n := len(users); n > maxUsers {
			users = append(users[:maxUsers:maxUsers], fmt.Sprintf("%d more", n-maxUsers))
		}
		r.remark("account %s: %s", strings.Join(users, ", "), reason)
	}
}

func (r *reporter) say(kind, name string, term assay.TermID, v assay.Value, note string, at ...assay.Reference) {
	subject := assay.Product
	if kind != "" {
		var err error
		if subject, err = assay.Part(kind, name); err != nil {
			r.err = cmp.Or(r.err, err)
			return
		}
	}
	err := r.pass.Report(assay.Observation{Subject: subject, Term: term, Value: v, Evidence: at, Note: check.Printable(note)})
	r.err = cmp.Or(r.err, err)
}

func (r *reporter) remark(format string, args ...any) {
	r.pass.Remark(r.root.item().Name + ": " + fmt.Sprintf(format, args...))
}

// observe states all that is observed of one root.
func observe(ctx context.Context, pass *check.Pass, r *root, t *trials) error {
	rep := &reporter{pass: pass, root: r}
	means := meansOf(r)
	firsts := map[string]bool{}
	for i := range r.Accounts.Accounts {
		a := &r.Accounts.Accounts[i]
		where := check.Printable(path.Join(r.Dir, a.Place.String()))
		switch {
		case !a.Live:
			if a.State == rootfs.Hashed || a.State == rootfs.Empty {
				rep.remark("%s holds a password field of account %s (%s) that is in use only once something copies it", where, check.Printable(a.User), a.State)
			}
			continue
		case firsts[a.User]:
			rep.remark("%s names account %s again; the first line counts", where, check.Printable(a.User))
			continue
		}
		firsts[a.User] = true
		if err := observeAccount(ctx, rep, a, means, t); err != nil {
			return err
		}
	}
	rep.remarkUnsaid()
	if len(firsts) == 0 {
		rep.remark("no account in use was found in %s", strings.TrimSuffix(r.tree.Name+" "+r.Dir, " ."))
	}
	observeServices(rep, means)
	return rep.err
}
