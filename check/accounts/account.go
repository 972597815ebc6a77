package accounts

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/password"
	"github.com/assay-psti/assay/rootfs"
)

// partName makes the name of a part from a name in the evidence. A name that
// must be changed to fit gets the beginning of its digest, so that two do not meet.
func partName(s string) string {
	fit := strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._@+-", r)) {
			return r
		}
		return '_'
	}, s)
	fit = strings.TrimLeft(fit, "._@+-")
	if fit == s && s != "" && len(s) <= 48 {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	if len(fit) > 39 {
		fit = fit[:39]
	}
	return strings.TrimLeft(fit+"-"+hex.EncodeToString(sum[:4]), "-")
}

// states are the words of the vocabulary for the states of an account.
var states = map[rootfs.State]string{
	rootfs.Locked: "locked", rootfs.Empty: "empty", rootfs.Hashed: "hash", rootfs.Plain: "plain", rootfs.Shadowed: "shadow_missing",
}

func observeAccount(ctx context.Context, rep *reporter, a *rootfs.Account, m *means, t *trials) error {
	r := rep.root
	user := r.prefix + partName(a.User)
	at := []assay.Reference{r.place(a.Place)}
	if a.Line != nil {
		at = append(at, r.place(*a.Line))
	}
	state := states[a.State]
	if state == "" {
		state = "unknown"
	}
	rep.say("account", user, "account.state", assay.Text(state), a.Why, at...)
	switch a.LogIn {
	case rootfs.Yes:
		rep.say("account", user, "account.login_shell", assay.Bool(true), "", at...)
	case rootfs.No:
		rep.say("account", user, "account.login_shell", assay.Bool(false), "", at...)
	}
	if a.UID >= 0 {
		rep.say("account", user, "account.uid", assay.Int(int64(a.UID)), "", at...)
	}
	hash := password.ParseHash(a.Hash)
	if a.State == rootfs.Hashed {
		rep.say("account", user, "account.hash_scheme", assay.Text(string(hash.Scheme())), hash.Why(), at...)
	}
	switch {
	case a.State == rootfs.Locked:
		return nil
	case a.LogIn == rootfs.No:
		rep.unsaid(a.User, fmt.Sprintf("its shell gives no session, so its password (%s) is not taken for one of the product", state))
		return nil
	}
	// The part is named even where little can be said of it: it must not drop out of sight.
	pw := r.prefix + "firmware-" + partName(a.User)
	rep.say("password", pw, "password.component_category", assay.Text("preinstalled"), "the account is in the firmware's own files", at...)
	rep.say("password", pw, "password.excluded_kind", assay.Text("none"), "it is the password of an account", at...)
	if unsettled := unsettled(a, hash); unsettled != "" {
		rep.unsaid(a.User, "whether anybody can log in is not settled by the image ("+unsettled+"), so nothing more is said of its password")
		return nil
	}
	published := ""
	if a.State == rootfs.Hashed {
		trial, err := t.try(ctx, hash, a.User)
		if err != nil {
			return err
		}
		published = trial.words
		if trial.found {
			rep.say("password", pw, "password.published_default", assay.Bool(true), published, at...)
			rep.say("password", pw, "password.guessable", assay.Bool(true), published, at...)
		}
	}
	observeFixed(rep, a, pw, published, m, at)
	return nil
}

// unsettled says why the image does not settle whether the account can log in.
func unsettled(a *rootfs.Account, hash password.Hash) string {
	switch {
	case a.State == rootfs.Hashed && hash.Scheme() == password.HashUnrecognised:
		return "the field is no hash of a known kind: " + hash.Why()
	case a.State != rootfs.Hashed && a.State != rootfs.Empty, a.LogIn != rootfs.Yes:
		return strings.TrimPrefix(states[a.State]+"; "+a.Why, "; ")
	}
	return ""
}

// observeFixed states what follows from a password that is fixed in the image,
// where it is the one with which units run.
func observeFixed(rep *reporter, a *rootfs.Account, pw, published string, m *means, at []assay.Reference) {
	r, shown := rep.root, check.Printable(a.User)
	ways := waysIn(&r.Boot, a.State)
	if len(ways) == 0 {
		rep.unsaid(a.User, "nothing that starts at boot without condition was seen to ask for its password, so it is not said to be in use")
		return
	}
	both := append(append([]assay.Reference{}, at...), r.place(ways[0].Place))
	used := fmt.Sprintf("account %s has a password, which is asked for by %s", shown, wayWords(ways))
	if a.State == rootfs.Empty { // a log-in that takes a blank is a password mechanism all the same
		used = fmt.Sprintf("account %s logs in by %s, whose password may be blank", shown, wayWords(ways))
	}
	rep.say("", "", "password.used", assay.Bool(true), used, both...)
	switch {
	case !r.tree.Complete:
		rep.unsaid(a.User, "the tree was not read whole, so another password may take the place of the one in it, which is not said to be fixed")
		return
	case m.found():
		rep.unsaid(a.User, "another password may take the place of the one in the image, which is not said to be fixed: "+m.words())
		return
	}
	what := fmt.Sprintf("the hash of %s is fixed in the image, which every unit of this version runs", shown)
	if a.State == rootfs.Empty {
		what = fmt.Sprintf("%s has no password in the image, which every unit of this version runs", shown)
	}
	kept := m.kept(r)
	rep.say("password", pw, "password.usable_outside_factory_default", assay.Bool(true), join(what, kept, "it is asked for by "+wayWords(ways)), both...)
	rep.say("password", pw, "password.unique_per_product", assay.Bool(false), join(what, published, kept), at...)
	rep.say("password", pw, "password.set_by_user", assay.Bool(false), join(what, kept), at...)
	if a.State == rootfs.Empty {
		note := what
		if ways[0].Kind == rootfs.Telnet {
			note += "; telnet starts at boot, so whoever reaches the device is let in"
		}
		rep.say("password", pw, "password.blank_accepted", assay.Bool(true), note, both...)
	}
}

func join(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "; ")
}

// waysIn are the services that start at boot without condition and ask for the
// password of an account: telnet first, the device's own terminals last.
func waysIn(b *rootfs.Boot, state rootfs.State) []*rootfs.Service {
	var ways []*rootfs.Service
	for i := range b.Services {
		s := &b.Services[i]
		asks := false
		switch s.Kind {
		case rootfs.Telnet, rootfs.Console:
			asks = true
		case rootfs.SSH, rootfs.FTP, rootfs.RShell:
			asks = state == rootfs.Hashed // servers of these mostly refuse an empty password
		}
		if asks && !s.Conditional && !s.NoPassword && s.InTree == rootfs.Yes {
			ways = append(ways, s)
		}
	}
	slices.SortStableFunc(ways, func(a, b *rootfs.Service) int { return cmp.Compare(rank(a.Kind), rank(b.Kind)) })
	return ways
}

func rank(k rootfs.Kind) int {
	switch k {
	case rootfs.Telnet:
		return 0
	case rootfs.Console:
		return 2
	}
	return 1
}

func wayWords(ways []*rootfs.Service) string {
	var words []string
	for i, s := range ways {
		if i == 4 {
			words = append(words, fmt.Sprintf("%d more", len(ways)-i))
			break
		}
		words = append(words, fmt.Sprintf("%s (%s, started by %s)", check.Printable(path.Base(s.Program)), s.Kind, check.Printable(s.Place.String())))
	}
	return strings.Join(words, ", ")
}

// Bounds of trying default passwords, in nominal processor time so that the
// outcome is the same on every machine.
const (
	trialCost = 20 * time.Second // for one account
	allCost   = 60 * time.Second // for all accounts together
)

// trial is what came of trying the list against one hash.
type trial struct {
	found bool
	words string
}

// trials tries published defaults and remembers what was tried.
type trials struct {
	done  map[string]trial
	spent time.Duration
}

func (t *trials) try(ctx context.Context, hash password.Hash, user string) (trial, error) {
	key := user + "\x00" + hash.Field()
	if done, ok := t.done[key]; ok {
		return done, nil
	}
	var out trial
	list := password.Defaults()
	switch {
	case !hash.Computable():
		out.words = "no published default was tried, since a hash of this kind is not computed: " + hash.Why()
	case t.spent >= allCost:
		out.words = "no published default was tried, since there are too many accounts"
	default:
		result, err := password.TryDefaults(ctx, hash, user, list, password.Budget{Cost: min(trialCost, allCost-t.spent)})
		if err != nil {
			return trial{}, fmt.Errorf("try published defaults: %w", err)
		}
		t.spent += time.Duration(result.Tried) * hash.Cost()
		tried := fmt.Sprintf("tried %d different passwords of a published list of %d defaults", result.Tried, len(list))
		switch {
		case result.Found:
			out = trial{found: true, words: tried + ": one fits, published in " + result.Match.Source}
		case result.Complete:
			out.words = tried + ": none fits, which says nothing of other passwords"
		default:
			out.words = tried + ", not all of it: none of these fits"
		}
	}
	t.done[key] = out
	return out, nil
}
