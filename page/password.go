package page

import (
	"context"
	"strings"
)

// PasswordClass says how a document claims that default passwords are handled.
type PasswordClass string

// The classes of claim.
const (
	PasswordUnique    PasswordClass = "unique_per_device"
	PasswordUser      PasswordClass = "set_by_user"
	PasswordNone      PasswordClass = "none"
	PasswordUniversal PasswordClass = "stated_value"    // a default value that stands in the document
	PasswordDerived   PasswordClass = "from_identifier" // made from a serial number, MAC address or similar
	PasswordSame      PasswordClass = "same_as_other"
	PasswordLabel     PasswordClass = "on_label" // printed on the device, whether unique or not
	PasswordPreset    PasswordClass = "preset"
	PasswordLaw       PasswordClass = "claims_law"
)

// passwords finds what is said of default passwords.
func (r *reader) passwords(ctx context.Context) error {
	d := r.d
	for i := range d.sents {
		if i&0xff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		s := d.sents[i]
		sec := d.secs[s.sec]
		topic := sec.own&cPassword != 0
		if s.mask&cPassword == 0 && s.mask&(cDefault|cLogin) != cDefault|cLogin && !(topic && s.mask&(cUnique|cDefault) != 0) || r.block(i).Kind == Heading || r.guidance(i) {
			continue
		}
		ts := r.toks(i)
		class, v, why := r.passwordClaim(i, ts)
		if class != "" {
			r.add(Reading{Limb: PasswordClaim, Term: TermPassword, Value: string(class), Verdict: v, Why: why}, s.Span, s.block)
		}
	}
	return nil
}

func (r *reader) passwordClaim(i int, ts []token) (PasswordClass, Verdict, string) {
	d := r.d
	m := d.sents[i].mask
	has := func(ws ...string) bool { return after(ts, ws...) }
	pass := -1
	for k, t := range ts {
		if t.c&cPassword != 0 {
			pass = k
			break
		}
	}
	device := m&cProduct != 0 || has("each", "every", "one")
	row := r.block(i).Kind == Row
	switch {
	case has("reset", "forgot", "forgotten", "recover") && !has("default", "unique"):
		return "", Absent, ""
	case statedLogin(d.Text, ts):
		return PasswordUniversal, Present, "a user name and a password are stated"
	case passwordAdvice(ts, m):
		return "", Absent, ""
	case pass >= 0 && (has("share", "shared", "shares") || has("same") && has("for", "on", "across")) && has("all", "every") && device && !has("not", "never", "no", "none", "nobody"):
		return PasswordUniversal, Present, "it is said to be the same for all"
	case has("same") && pass >= 0 && m&cDefault != 0:
		if has("never", "not", "no", "none") {
			return PasswordUnique, Present, ""
		}
		return PasswordSame, Unclear, "it is only said to equal another one"
	case m&cDefault != 0 && has("serial", "s/n", "mac", "imei", "digits", "characters", "number", "ssid", "sn", "ean") && has("last", "first", "derived", "based", "is", "consists", "made", "generated", "from", "equals", "formed") && (has("serial", "s/n", "mac", "imei", "sn", "ssid", "ean") || strings.Contains(strings.ToLower(r.text(i)), "s/n")) && pass >= 0 && !has("not", "never", "random", "randomly", "unrelated"):
		return PasswordDerived, Present, "it is said to be made from an identifier of the unit"
	case uniqueClaim(ts, m) && device:
		if negatedUnique(ts) {
			return PasswordUniversal, Present, "it is said not to be unique"
		}
		return PasswordUnique, Present, ""
	case noneClaim(ts, m):
		if w := r.exception(i); w != "" {
			return PasswordNone, Unclear, w
		}
		return PasswordNone, Present, ""
	case userClaim(ts, m):
		return PasswordUser, Present, ""
	case pass >= 0 && row && m&cDefault == 0 && r.presetRow(i, ts), pass >= 0 && row && strings.ContainsRune(ts[pass].w, '_'):
		return PasswordPreset, Unclear, "a preset in a table: what a product is supplied with is not said"
	case pass >= 0 && statedValue(d.Text, ts):
		return PasswordUniversal, Present, "a default value is stated"
	case pass >= 0 && m&cDefault != 0 && has("label", "sticker", "printed", "card", "underside", "bottom", "rear", "base", "plate") && !has("change"):
		return PasswordLabel, Unclear, "where it stands is said, not whether it differs from unit to unit"
	case pass >= 0 && m&cComply != 0 && (m&cLaw != 0) && (m&cWe != 0 || m&cProduct != 0):
		return PasswordLaw, Unclear, "a claim to meet the law on passwords, not how"
	}
	return "", Absent, ""
}

// passwordAdvice reports whether the sentence only tells users to change or choose passwords well, or retells a ban.
func passwordAdvice(ts []token, m concept) bool {
	first := ts[0]
	for k := 0; k < len(ts) && k < 3 && (ts[k].kind == tPunct || ts[k].kind == tNumber); k++ {
		first = ts[min(k+1, len(ts)-1)]
	}
	if after(ts, "told", "advised", "urged", "recommend", "recommended", "recommends", "consider") && !after(ts, "unique") {
		return true
	}
	if after(ts, "banned", "ban", "bans", "illegal", "prohibited", "outlawed", "prohibits") {
		return true
	}
	imperative := first.is("set", "change", "use", "choose", "enter", "select", "customize", "customise", "log", "locate", "update", "keep", "pick", "create", "type", "input", "find", "follow", "check", "please", "never", "avoid", "always", "do", "don't", "ensure", "make")
	return imperative && m&(cMust|cWe) == 0 && !after(ts, "default", "factory", "initial", "preset") || first.is("change", "choose", "avoid", "never", "always") && m&cWe == 0
}

// uniqueClaim: a password that differs from device to device.
func uniqueClaim(ts []token, m concept) bool {
	if m&cUnique == 0 && !after(ts, "differs", "differ", "per", "individual") || m&cPassword == 0 && m&cDefault == 0 {
		return false
	}
	for k, t := range ts {
		if t.c&cUnique == 0 && !t.is("differs", "differ") {
			continue
		}
		if t.is("own", "different", "distinct") && !after(ts, "each", "every", "per") {
			continue
		}
		for j := max(0, k-14); j < min(len(ts), k+14); j++ {
			if ts[j].c&cPassword != 0 {
				return !(t.is("own", "different") && after(ts, "choose", "create", "set", "your"))
			}
		}
	}
	return false
}

func negatedUnique(ts []token) bool {
	for k, t := range ts {
		if t.is("unique", "individual") && k > 0 && (ts[k-1].is("not", "non") || k > 1 && ts[k-2].is("not") && ts[k-1].c&cEnglish != 0) {
			return true
		}
	}
	return false
}

// noneClaim: there is no default password.
func noneClaim(ts []token, m concept) bool {
	if m&cNot == 0 && !after(ts, "passwordless", "free") {
		return false
	}
	for k, t := range ts { // default passwords are not used
		if t.c&cPassword != 0 && k > 0 && ts[k-1].c&cDefault != 0 && k+3 < len(ts) && ts[k+1].is("are", "is") && ts[k+2].is("not", "never") && ts[k+3].is("used", "set", "supplied", "provided", "present", "shipped", "installed", "employed") {
			return true
		}
	}
	for k, t := range ts {
		if t.is("passwordless") {
			return true
		}
		if t.c&cNot == 0 || t.is("nothing", "nobody") {
			continue
		}
		def := false
		for a := k + 1; a < len(ts) && a < k+12; a++ {
			if ts[a].w == ";" || ts[a].w == "." {
				break
			}
			def = def || ts[a].c&cDefault != 0
			if ts[a].c&cPassword != 0 && (def || a == k+1 && t.is("no")) {
				return !after(ts[k:a], "share", "disclose", "change", "enter", "reveal", "send", "store", "know", "remember", "forget", "match")
			}
		}
	}
	return false
}

// exception returns why a claim that there is no default password is in doubt: something close by is said to be fixed.
func (r *reader) exception(i int) string {
	d := r.d
	for j := max(0, i-2); j < min(len(d.sents), i+4); j++ {
		if j != i && d.sents[j].sec != d.sents[i].sec {
			continue
		}
		ts := r.toks(j)
		for k, t := range ts {
			fixed := t.is("hard-coded", "hardcoded", "hard-wired") || t.is("hard") && k+1 < len(ts) && ts[k+1].is("coded", "wired")
			if fixed && !negated(ts, k) {
				return "something else close by is said to be hard coded"
			}
			if t.is("except", "exception", "apart", "unless") && j == i {
				return "the claim has an exception"
			}
		}
	}
	return ""
}

// userClaim: the user sets the password.
func userClaim(ts []token, m concept) bool {
	if m&cPassword == 0 {
		return false
	}
	has := func(ws ...string) bool { return after(ts, ws...) }
	for k, t := range ts {
		if t.is("user-defined", "user-set", "user-specified", "user-chosen", "user-created", "customer-defined") {
			return true
		}
		if t.is("specified", "defined", "chosen", "set", "created", "selected") && has("user", "users", "owner", "customer", "customers") && (has("by") || k > 0 && ts[k-1].is("user")) && !negated(ts, k) {
			return true
		}
	}
	actor := has("user", "users", "you", "owner", "customer", "customers", "buyer", "installer")
	forced := has("must", "required", "prompted", "forced", "asked", "requires", "require", "need", "needs", "obliged", "have", "has", "requested", "forces", "asks", "prompts", "until")
	sets := has("set", "create", "choose", "define", "creating", "setting", "choosing", "creates", "sets", "own", "new", "change")
	return actor && forced && sets && !has("recommend", "recommended", "should", "contact", "wi-fi", "wifi", "account")
}

// presetRow reports whether a row of a table stands under a column of defaults.
func (r *reader) presetRow(i int, ts []token) bool {
	s := r.d.sents[i]
	for j := i - 1; j >= 0 && j > i-400 && r.block(j).Kind == Row && r.d.sents[j].sec == s.sec; j-- {
		if j == 0 || r.block(j-1).Kind != Row || r.d.sents[j-1].sec != s.sec {
			return r.d.sents[j].mask&cDefault != 0
		}
	}
	return false
}

// statedValue reports whether a default value stands in the sentence: "default password: admin", "password is 1234".
func statedValue(text string, ts []token) bool {
	for k, t := range ts {
		if t.c&cPassword == 0 {
			continue
		}
		if !near(ts, k, 4, cDefault) {
			continue
		}
		for a := k + 1; a < len(ts) && a <= k+4; a++ {
			if ts[a].is(":", "is", "=", "are", "|", "of") && a+1 < len(ts) {
				v := ts[a+1]
				if v.is("see", "printed", "refer", "on", "found", "check", "written", "none", "set", "please", "not", "shown", "located", "provided", "stated", "to", "your", "same") {
					continue
				}
				if ends := a+2 >= len(ts) || ts[a+2].kind == tPunct; ts[a].is("is") && ends && v.kind == tWord && v.c == 0 && len(v.w) > 2 && !strings.HasSuffix(v.w, "ed") && !strings.HasSuffix(v.w, "able") && !strings.HasSuffix(v.w, "ing") && !strings.HasSuffix(v.w, "en") {
					return true
				}
				if ts[a].is("of") && !(v.kind == tNumber) {
					continue
				}
				mark := strings.IndexByte("`\"'“‘*[<", text[max(0, v.From-1)]) >= 0 || strings.HasPrefix(text[max(0, v.From-3):], "“") || strings.HasPrefix(text[max(0, v.From-3):], "‘")
				if v.kind == tNumber || mark && v.kind == tWord || v.is("admin", "password", "root", "guest", "blank", "empty", "user", "12345", "default") || ts[a].is(":", "=", "|") && v.kind == tWord && v.c == 0 && len(v.w) > 2 {
					return true
				}
				if v.is("the", "a", "an") && a+2 < len(ts) && ts[a+2].is("word", "string") {
					return true
				}
			}
			if ts[a].is("admin", "root") && strings.IndexByte("`\"'", text[max(0, ts[a].From-1)]) >= 0 {
				return true
			}
		}
	}
	return false
}

// statedLogin reports whether a user name and a password stand side by side as values: "username `pi` and password
// `pi`", "default login: admin/admin".
func statedLogin(text string, ts []token) bool {
	user := false
	for k, t := range ts {
		user = user || t.is("user", "username", "login", "name", "credentials")
		if k+1 >= len(ts) || !user {
			continue
		}
		next := ts[k+1]
		if t.c&cPassword != 0 && next.kind != tPunct && next.c&(cPassword|cMust) == 0 && strings.IndexByte("`\"'*", text[max(0, next.From-1)]) >= 0 && near(ts, k, 8, cLogin) {
			return true
		}
		if k+3 < len(ts) && near(ts, k, 3, cDefault) && next.w == ":" && ts[k+2].kind != tPunct && ts[k+3].w == "/" {
			return true
		}
	}
	return false
}
