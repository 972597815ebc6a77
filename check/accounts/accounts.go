package accounts

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
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
	Needs: []evidence.Kind{evidence.Firmware},
	Run:   run,
}

// maxUnread bounds how many things that could not be read are told of one image.
const maxUnread = 5

// root is one root file system found in the evidence.
type root struct {
	item     evidence.Item
	tree     string // where in the image: "squashfs at 0x0"
	kind     firmware.Kind
	dir      string // of the root within the tree; "." mostly
	complete bool   // the tree was read whole
	prefix   string // of names, where there are several roots
	fsys     fs.FS

	accounts rootfs.Accounts
	boot     rootfs.Boot
}

// place says where something stands, from the item down.
func (r *root) place(p rootfs.Place) assay.Reference {
	where := r.tree + ": " + path.Join(r.dir, p.File)
	if p.Line > 0 {
		where += fmt.Sprintf(" line %d", p.Line)
	}
	return r.item.Reference(check.Printable(fmt.Sprintf("%s, offset %d", where, p.Offset)))
}

func run(ctx context.Context, pass *check.Pass) (any, error) {
	items := pass.Items(evidence.Firmware)
	var roots []*root
	var open []io.Closer
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	var failed error
	read := 0
	var unread []evidence.Item // not read, or not whole
	for i, item := range items {
		pass.Progress(int64(i), int64(len(items)), item.Base())
		found, whole, c, err := find(ctx, pass, item)
		if c != nil {
			open = append(open, c)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", item.Name, err))
			pass.Partial(fmt.Sprintf("%s could not be read: %v", item.Name, err))
			unread = append(unread, item)
			continue
		}
		if !whole {
			unread = append(unread, item)
		}
		read++
		roots = append(roots, found...)
	}
	if read == 0 && failed != nil {
		return nil, failed
	}
	name(roots)
	if len(roots) > 0 {
		if err := observeRead(pass, items, unread); err != nil {
			return nil, err
		}
	}
	t := trials{done: map[string]trial{}}
	for _, r := range roots {
		if err := r.read(ctx, pass); err != nil {
			return nil, fmt.Errorf("%s: %w", r.item.Name, err)
		}
		if err := observe(ctx, pass, r, &t); err != nil {
			return nil, fmt.Errorf("%s: %w", r.item.Name, err)
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

// find takes one item apart and gives the root file systems in it, and whether
// all of it was read.
func find(ctx context.Context, pass *check.Pass, item evidence.Item) ([]*root, bool, io.Closer, error) {
	image, c, err := openImage(ctx, pass, item)
	if err != nil {
		return nil, false, c, err
	}
	whole := len(image.Unread) == 0
	for i, u := range image.Unread {
		if i == maxUnread {
			pass.Remark(fmt.Sprintf("%s: %d more parts could not be read", item.Name, len(image.Unread)-i))
			break
		}
		pass.Partial(fmt.Sprintf("%s: a part could not be read: %s", item.Name, u))
	}
	var roots []*root
	for i := range image.Trees {
		t := &image.Trees[i]
		whole = whole && t.Complete
		dirs, err := rootfs.Roots(ctx, t.FS)
		if err != nil {
			return nil, false, c, err
		}
		for _, dir := range dirs {
			sub, err := fs.Sub(t.FS, dir)
			if err != nil {
				return nil, false, c, err
			}
			roots = append(roots, &root{item: item, tree: t.Name, kind: t.Kind, dir: dir, complete: t.Complete, fsys: sub})
		}
	}
	if i := slices.IndexFunc(image.Unread, broken); len(roots) == 0 && i >= 0 {
		return nil, false, c, errors.New(image.Unread[i].String())
	}
	if len(roots) == 0 {
		what := "holds no root file system"
		if len(image.Unread) > 0 {
			what = "shows no root file system in what could be read of it"
		}
		pass.Remark(item.Name + " " + what + ": nothing is observed of it")
		if !recognised(image) {
			whole = false
			pass.Partial(item.Name + " was not recognised as firmware of any kind, so what the units run was not seen; get the image as it is installed")
		}
	}
	return roots, whole, c, nil
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

func openImage(ctx context.Context, pass *check.Pass, item evidence.Item) (*firmware.Image, io.Closer, error) {
	if item.Folder {
		fsys, c, err := pass.FS(item)
		if err != nil {
			return nil, nil, err
		}
		image, err := firmware.OpenFS(ctx, fsys, firmware.Limits{})
		return image, c, err
	}
	f, err := pass.Open(item)
	if err != nil {
		return nil, nil, err
	}
	image, err := firmware.Open(ctx, f, item.Size, firmware.Limits{})
	return image, f, err
}

// name gives each root a prefix of its own where there are several.
func name(roots []*root) {
	if len(roots) < 2 {
		return
	}
	times := map[string]int{}
	for _, r := range roots {
		label := partName(r.item.Base())
		if times[label]++; times[label] > 1 {
			label += fmt.Sprintf("-%d", times[label])
		}
		r.prefix = label + ":"
	}
}

// read reads accounts and start-up, and says what of them could not be read.
func (r *root) read(ctx context.Context, pass *check.Pass) error {
	var err error
	if r.accounts, err = rootfs.ReadAccounts(ctx, r.fsys); err != nil {
		return fmt.Errorf("read accounts: %w", err)
	}
	if r.boot, err = rootfs.ReadBoot(ctx, r.fsys); err != nil {
		return fmt.Errorf("read start-up: %w", err)
	}
	for i, u := range append(r.accounts.Unread, r.boot.Unread...) {
		if i == maxUnread {
			pass.Remark(fmt.Sprintf("%s: %d more files could not be read", r.item.Name, len(r.accounts.Unread)+len(r.boot.Unread)-i))
			break
		}
		pass.Partial(fmt.Sprintf("%s: %s: %s: %s", r.item.Name, r.tree, path.Join(r.dir, u.Path), u.Why))
	}
	if n := len(r.boot.Unfollowed); n > 0 {
		u := r.boot.Unfollowed[0]
		pass.Remark(fmt.Sprintf("%s: the start-up runs commands whose effect was not read: %d, the first at %s (%s)", r.item.Name, n, u.Place, u.Why))
	}
	return nil
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
	r.pass.Remark(r.root.item.Name + ": " + fmt.Sprintf(format, args...))
}

// observe states all that is observed of one root.
func observe(ctx context.Context, pass *check.Pass, r *root, t *trials) error {
	rep := &reporter{pass: pass, root: r}
	means, err := findMeans(ctx, r)
	if err != nil {
		return fmt.Errorf("look for what changes passwords: %w", err)
	}
	firsts := map[string]bool{}
	for i := range r.accounts.Accounts {
		a := &r.accounts.Accounts[i]
		where := check.Printable(path.Join(r.dir, a.Place.String()))
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
		rep.remark("no account in use was found in %s", strings.TrimSuffix(r.tree+" "+r.dir, " ."))
	}
	observeServices(rep, means)
	return rep.err
}
