package rootfs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// State is what the password field of an account says.
type State string

// The states. None of them says that anybody can reach a log-in prompt: that is for [Boot].
const (
	// Empty: no password is needed.
	Empty State = "empty"
	// Locked: no password can match.
	Locked State = "locked"
	// Hashed: a password whose hash is in Account.Hash.
	Hashed State = "hash"
	// Shadowed: the field points to a shadow file that is not here or has no line for the account, so the evidence does not decide.
	Shadowed State = "shadowed"
	// Plain: text that has the shape of no hash. A system that uses crypt lets nobody in by it; a vendor's own
	// program may compare it as it stands.
	Plain State = "plain"
)

// Accounts is who the account files of a tree let in.
type Accounts struct {
	// Found says that the tree is a Linux root file system. Where it is false, no account is no statement.
	Found bool `json:"found"`
	// Accounts are sorted: those of /etc first, then by place.
	Accounts []Account `json:"accounts"`
	// Unread names account files and lines that were wanted and could not be read.
	Unread []Unread `json:"unread,omitempty"`
	Notes  []Note   `json:"notes,omitempty"`
}

// Account is one account of a passwd file, a shadow file or both.
type Account struct {
	User string `json:"user"`
	// UID and GID are -1 where the account stands in a shadow file only.
	UID   int    `json:"uid"`
	GID   int    `json:"gid"`
	Home  string `json:"home,omitempty"`
	Shell string `json:"shell,omitempty"`
	// LogIn answers whether the shell gives a session; Unknown when it is not in the tree or the account has no passwd line.
	LogIn Truth `json:"log_in,omitempty"`
	State State `json:"state"`
	// Hash is the password field as it stands: a hash, a locked hash with its mark, or plain text.
	Hash string `json:"hash,omitempty"`
	// Live says that the system uses this file as it runs (/etc/passwd, /etc/shadow). The others are backups, defaults
	// and samples: in every unit all the same, and in use only once something copies them.
	Live bool `json:"live"`
	// Place is the password field that decided State. Line is the passwd line where that is another one.
	Place Place  `json:"place"`
	Line  *Place `json:"passwd_line,omitempty"`
	// Why says what is peculiar about State or LogIn.
	Why string `json:"why,omitempty"`
}

// ReadAccounts lists every account of the passwd and shadow files of fsys: those in /etc and those that lie anywhere else
// in the tree as defaults, samples or backups.
func ReadAccounts(ctx context.Context, fsys fs.FS) (Accounts, error) {
	r := &accountReader{tree: newTree(fsys), byName: map[string]*accountFile{}}
	r.out.Found = r.tree.isRoot(".")
	if err := r.collect(ctx); err != nil {
		return Accounts{}, err
	}
	r.join()
	r.sort()
	return r.out, nil
}

// An accountFile is one passwd or shadow file, read.
type accountFile struct {
	name   string // without links
	live   bool
	shadow bool
	mode   fs.FileMode
	rows   []accountRow
}

type accountRow struct {
	fields []string
	line   Place
	field  Place // of the password field
}

type accountReader struct {
	tree   *tree
	byName map[string]*accountFile
	files  []*accountFile
	out    Accounts
}

func (r *accountReader) unread(u Unread) {
	if len(r.out.Unread) < maxFindings {
		r.out.Unread = append(r.out.Unread, u)
	}
}

func (r *accountReader) note(p Place, format string, args ...any) {
	if len(r.out.Notes) < maxFindings {
		r.out.Notes = append(r.out.Notes, Note{p, fmt.Sprintf(format, args...)})
	}
}

func (r *accountReader) collect(ctx context.Context) error {
	if r.out.Found {
		for _, name := range []string{"etc/passwd", "etc/shadow"} {
			r.load(name, true)
		}
	}
	return r.tree.walk(ctx, r.unread, func(name string, d fs.DirEntry) {
		if d.IsDir() || !accountName(path.Base(name)) {
			return
		}
		switch path.Base(path.Dir(name)) {
		case "bin", "sbin", "pam.d", "completions":
			return // the passwd command, its PAM rule, its completion
		}
		if name != "etc/passwd" && name != "etc/shadow" || !r.out.Found {
			r.load(name, false)
		}
	})
}

// accountName reports whether a file may be a passwd or shadow file: passwd, shadow-, passwd.bak, default_shadow.
func accountName(base string) bool {
	for _, word := range []string{"passwd", "shadow"} {
		before, after, ok := strings.Cut(base, word)
		if ok && (before == "" || strings.ContainsAny(before[len(before)-1:], "-._")) && (after == "" || strings.ContainsAny(after[:1], "-._")) {
			return !strings.HasPrefix(base, "ht") && !strings.HasPrefix(base, "g")
		}
	}
	return false
}

func (r *accountReader) load(name string, live bool) {
	shadow := strings.Contains(path.Base(name), "shadow")
	data, real, info, err := r.tree.read(name, maxTextBytes)
	switch {
	case isLinkError(err):
		r.unread(Unread{name, oneLine(err) + ": what the device finds there is made while it runs or lies on another partition"})
		return
	case errors.Is(err, fs.ErrNotExist):
		if live && !shadow {
			r.unread(Unread{name, "not in this tree: who can log in is settled elsewhere"})
		}
		return
	case err != nil && real != "" && info != nil && !info.Mode().IsRegular():
		if live {
			r.unread(Unread{name, oneLine(err)})
		}
		return
	case err != nil:
		if live || !errors.Is(err, errTooBig) {
			r.unread(Unread{name, oneLine(err)})
		}
		return
	}
	if r.byName[real] != nil {
		return
	}
	f := &accountFile{name: real, live: live, shadow: shadow, mode: info.Mode()}
	bad := f.parse(data)
	if !live && (len(bad) > 0 || len(f.rows) == 0) {
		return // named like one, but something else
	}
	for _, u := range bad {
		r.unread(u)
	}
	if live && len(f.rows) == 0 && len(bad) == 0 {
		r.unread(Unread{name, "it has no account line"})
	}
	r.byName[real] = f
	r.files = append(r.files, f)
}

// parse reads the lines and returns those that are no account lines.
func (f *accountFile) parse(data []byte) (bad []Unread) {
	for _, ln := range lines(data) {
		text := strings.TrimRight(ln.text, " \t\x00")
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		fields := strings.Split(text, ":")
		if why := f.malformed(fields); why != "" {
			if len(bad) < 100 {
				bad = append(bad, Unread{f.name, fmt.Sprintf("line %d: %s", ln.n, why)})
			}
			continue
		}
		if len(f.rows) >= maxFindings {
			return append(bad, Unread{f.name, fmt.Sprintf("more than %d accounts: the rest was not read", maxFindings)})
		}
		f.rows = append(f.rows, accountRow{
			fields: fields,
			line:   Place{f.name, ln.n, ln.off},
			field:  Place{f.name, ln.n, ln.off + int64(len(fields[0])) + 1},
		})
	}
	return bad
}

func (f *accountFile) malformed(fields []string) string {
	if f.shadow {
		if len(fields) < 2 || len(fields) > 9 {
			return fmt.Sprintf("%d fields where a shadow line has 9", len(fields))
		}
		for _, s := range fields[2:] {
			if _, err := strconv.Atoi(s); s != "" && err != nil {
				return "a field that should be a number of days is not"
			}
		}
	} else {
		if len(fields) < 6 || len(fields) > 7 {
			return fmt.Sprintf("%d fields where a passwd line has 7", len(fields))
		}
		for _, s := range fields[2:4] {
			if _, err := strconv.Atoi(s); err != nil {
				return "the user or group number is none"
			}
		}
	}
	if fields[0] == "" || strings.ContainsAny(fields[0], " \t/\x00") {
		return "the first field is no user name"
	}
	return ""
}

// partner returns the shadow file that belongs to the passwd file f: the same name with the other word, or, for a file
// that is not in use, the plain shadow beside it.
func (r *accountReader) partner(f *accountFile) *accountFile {
	if f.live {
		for _, s := range r.files {
			if s.live && s.shadow {
				return s
			}
		}
		return nil
	}
	dir, base := path.Split(f.name)
	if s := r.byName[dir+strings.Replace(base, "passwd", "shadow", 1)]; s != nil {
		return s
	}
	return r.byName[dir+"shadow"]
}

func (r *accountReader) join() {
	used := map[*accountFile]map[string]bool{} // shadow rows that a passwd row took
	var live *accountFile
	for _, f := range r.files {
		if f.shadow {
			continue
		}
		if f.live {
			live = f
		}
		s := r.partner(f)
		if s != nil && used[s] == nil {
			used[s] = map[string]bool{}
		}
		for _, row := range f.rows {
			a := r.fromPasswd(f, row)
			switch shadow := s.row(row.fields[0]); {
			case shadow != nil && (row.fields[1] == "x" || strings.HasPrefix(row.fields[1], "*")):
				used[s][row.fields[0]] = used[s][row.fields[0]] || f.live == s.live
				at := row.line
				a.Line, a.Place = &at, shadow.field
				a.State, a.Hash, a.Why = classify(shadow.fields[1])
			case a.State == Shadowed && s == nil:
				a.Why = "the hash is in a shadow file that is not here"
			case a.State == Shadowed:
				a.Why = "the shadow file has no line for this account"
			}
			r.shell(&a)
			r.add(a, f, s)
		}
	}
	for _, f := range r.files {
		if !f.shadow {
			continue
		}
		for _, row := range f.rows {
			if used[f][row.fields[0]] {
				continue
			}
			a := Account{User: row.fields[0], UID: -1, GID: -1, Live: f.live, Place: row.field}
			a.State, a.Hash, a.Why = classify(row.fields[1])
			if p := live.row(a.User); p != nil && !f.live {
				at := p.line
				a.Line = &at
				a.fill(p.fields)
				r.shell(&a)
			} else {
				a.Why = strings.TrimPrefix(a.Why+"; no passwd line uses it", "; ")
			}
			r.add(a, f, f)
		}
	}
}

// row returns the first row of the user, as the C library does.
func (f *accountFile) row(user string) *accountRow {
	if f == nil {
		return nil
	}
	for i := range f.rows {
		if f.rows[i].fields[0] == user {
			return &f.rows[i]
		}
	}
	return nil
}

func (r *accountReader) fromPasswd(f *accountFile, row accountRow) Account {
	a := Account{User: row.fields[0], Live: f.live, Place: row.field}
	a.fill(row.fields)
	if row.fields[1] == "x" {
		a.State = Shadowed
	} else {
		a.State, a.Hash, a.Why = classify(row.fields[1])
	}
	return a
}

func (a *Account) fill(fields []string) {
	a.UID, _ = strconv.Atoi(fields[2]) // parse saw that both are numbers
	a.GID, _ = strconv.Atoi(fields[3])
	a.Home = fields[5]
	if len(fields) > 6 {
		a.Shell = fields[6]
	}
}

func (r *accountReader) add(a Account, f, s *accountFile) {
	if len(r.out.Accounts) >= maxFindings {
		return
	}
	if a.State == Hashed {
		switch {
		case a.Place.File == f.name && !f.shadow:
			r.note(a.Place, "the hash of %s is in a passwd file, which every program on the device can read", printable(a.User, 64))
		case s != nil && s.mode.Perm()&0o004 != 0:
			r.note(a.Place, "the hash of %s is in a shadow file with mode %04o, which every program on the device can read", printable(a.User, 64), s.mode.Perm())
		}
	}
	r.out.Accounts = append(r.out.Accounts, a)
}

// classify says what a password field is. The field x of a passwd file is the caller's.
func classify(field string) (State, string, string) {
	switch {
	case field == "":
		return Empty, "", ""
	case field[0] == '!' || field[0] == '*':
		if rest := strings.TrimLeft(field, "!*"); hashShape(rest) {
			return Locked, field, "locked by a mark before the hash"
		}
		return Locked, field, ""
	case field == "x":
		return Locked, field, "the shadow field is the letter x, which no password matches"
	case strings.EqualFold(field, "NP") || strings.EqualFold(field, "LK") || strings.EqualFold(field, "NOLOGIN"):
		return Locked, field, ""
	case hashShape(field):
		if n := len(field); !strings.ContainsAny(field[:1], "$_{") && n != 13 {
			return Hashed, field, fmt.Sprintf("%d characters of the hash alphabet, where a traditional hash has 13", n)
		}
		return Hashed, field, ""
	}
	return Plain, field, "the field has the shape of no hash"
}

func hashShape(s string) bool {
	switch {
	case strings.HasPrefix(s, "$"):
		return strings.Count(s, "$") >= 2 && len(s) >= 8
	case strings.HasPrefix(s, "{"):
		return strings.IndexByte(s, '}') > 1
	case strings.HasPrefix(s, "_"):
		return len(s) == 20 && cryptAlphabet(s[1:])
	}
	return len(s) >= 13 && cryptAlphabet(s)
}

func cryptAlphabet(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '.' && c != '/' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// noSession are the shells that end at once.
var noSession = []string{"nologin", "false", "true", "sync", "shutdown", "halt", "reboot", "poweroff", "null"}

// shell answers whether the shell of a gives a session.
func (r *accountReader) shell(a *Account) {
	shell := cmp.Or(strings.TrimSpace(a.Shell), "/bin/sh")
	if slices.Contains(noSession, path.Base(shell)) {
		a.LogIn = No
		return
	}
	if a.LogIn = r.tree.exists(shell); a.LogIn == Yes {
		return
	}
	a.LogIn = Unknown
	a.Why = strings.TrimPrefix(a.Why+"; the shell "+printable(shell, 200)+" is not in this tree", "; ")
}

func (r *accountReader) sort() {
	slices.SortStableFunc(r.out.Accounts, func(a, b Account) int {
		if a.Live != b.Live {
			if a.Live {
				return -1
			}
			return 1
		}
		return cmp.Or(comparePlaces(a.Place, b.Place), cmp.Compare(a.User, b.User))
	})
	slices.SortStableFunc(r.out.Notes, func(a, b Note) int { return comparePlaces(a.Place, b.Place) })
	slices.SortStableFunc(r.out.Unread, func(a, b Unread) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Why, b.Why))
	})
}
