package password

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
)

// Bounds on an account file. Real ones have tens of lines.
const (
	maxAccountFile  = 4 << 20 // bytes
	maxAccountLine  = 8 << 10 // bytes
	maxAccounts     = 10_000
	maxLineProblems = 1_000
)

// ErrAccountsTooMany says that an account file was over the bounds, and that what was returned is its beginning.
var ErrAccountsTooMany = errors.New("account file is over the bounds")

// AccountPlace is where in its file an account stands.
type AccountPlace struct {
	Line   int   // from 1
	Offset int64 // bytes from the start of the file to the start of the line
}

// PasswdEntry is one line of /etc/passwd.
type PasswdEntry struct {
	AccountPlace
	User    string
	Hash    Hash
	UID     uint32
	GID     uint32
	Comment string
	Home    string
	Shell   string // empty means /bin/sh
}

// Root tells whether the account has the rights of root, whatever its name.
func (e PasswdEntry) Root() bool { return e.UID == 0 }

// LoginShell tells whether the account's shell lets a person work on the device. A shell that ends at once does
// not keep the account's password from opening other services, such as FTP or a web page.
func (e PasswdEntry) LoginShell() bool {
	switch path.Base(strings.TrimSpace(e.Shell)) {
	case "false", "true", "nologin", "sync", "shutdown", "halt", "poweroff", "reboot", "null":
		return false
	}
	return true
}

// ShadowEntry is one line of /etc/shadow.
type ShadowEntry struct {
	AccountPlace
	User string
	Hash Hash
	// Changed is the day the password was last changed and Expires the day the account ends, both counted from
	// 1 January 1970; -1 where the line does not say.
	Changed int64
	Expires int64
}

// MustChange tells whether the line demands a new password at the next login, which a change on day 0 means.
// Small systems ignore it.
func (e ShadowEntry) MustChange() bool { return e.Changed == 0 }

// HtpasswdEntry is one line of an htpasswd file.
type HtpasswdEntry struct {
	AccountPlace
	User string
	Hash Hash
}

// LineProblem says why a line was not read as an account.
type LineProblem struct {
	AccountPlace
	Why string
}

// String is the problem in one line.
func (p LineProblem) String() string { return fmt.Sprintf("line %d: %s", p.Line, p.Why) }

// ParsePasswd reads an /etc/passwd file. Lines that are no account are returned as problems and do not stop it:
// with problems, the entries are not the whole truth. The error is one of reading, or ErrAccountsTooMany, and
// comes with what was read so far.
func ParsePasswd(r io.Reader) ([]PasswdEntry, []LineProblem, error) {
	return parseAccounts(r, func(place AccountPlace, line string) (PasswdEntry, string) {
		f := strings.Split(line, ":")
		if len(f) != 7 {
			return PasswdEntry{}, fmt.Sprintf("a passwd line has 7 fields, this has %d", len(f))
		}
		uid, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			return PasswdEntry{}, fmt.Sprintf("the user number %q is none", clip(f[2], 40))
		}
		gid, err := strconv.ParseUint(f[3], 10, 32)
		if err != nil {
			return PasswdEntry{}, fmt.Sprintf("the group number %q is none", clip(f[3], 40))
		}
		return PasswdEntry{
			AccountPlace: place, User: f[0], Hash: ParseHash(f[1]), UID: uint32(uid), GID: uint32(gid),
			Comment: f[4], Home: f[5], Shell: f[6],
		}, accountNameProblem(f[0])
	})
}

// ParseShadow reads an /etc/shadow file, as ParsePasswd does. Small systems leave out the later fields; a name and
// a hash are enough.
func ParseShadow(r io.Reader) ([]ShadowEntry, []LineProblem, error) {
	return parseAccounts(r, func(place AccountPlace, line string) (ShadowEntry, string) {
		f := strings.Split(line, ":")
		if len(f) < 2 || len(f) > 9 {
			return ShadowEntry{}, fmt.Sprintf("a shadow line has from 2 to 9 fields, this has %d", len(f))
		}
		e := ShadowEntry{AccountPlace: place, User: f[0], Hash: ParseHash(f[1]), Changed: -1, Expires: -1}
		for _, day := range []struct {
			field int
			to    *int64
			what  string
		}{{2, &e.Changed, "last change"}, {7, &e.Expires, "expiry"}} {
			if len(f) <= day.field || f[day.field] == "" {
				continue
			}
			n, err := strconv.ParseInt(f[day.field], 10, 32)
			if err != nil || n < -1 {
				return ShadowEntry{}, fmt.Sprintf("the day of %s %q is none", day.what, clip(f[day.field], 40))
			}
			*day.to = n
		}
		return e, accountNameProblem(f[0])
	})
}

// ParseHtpasswd reads an htpasswd file, as ParsePasswd does. Lines that begin with # are comments.
func ParseHtpasswd(r io.Reader) ([]HtpasswdEntry, []LineProblem, error) {
	return parseAccounts(r, func(place AccountPlace, line string) (HtpasswdEntry, string) {
		user, field, ok := strings.Cut(line, ":")
		if !ok {
			return HtpasswdEntry{}, "an htpasswd line has a name and a hash, this has one field"
		}
		field, _, _ = strings.Cut(field, ":") // servers ignore what follows
		return HtpasswdEntry{AccountPlace: place, User: user, Hash: ParseHash(field)}, accountNameProblem(user)
	})
}

func accountNameProblem(user string) string {
	switch {
	case user == "":
		return "the account has no name"
	case user[0] == '+' || user[0] == '-':
		return "accounts are taken from a directory outside this file"
	}
	return ""
}

// parseAccounts walks the lines of r, with their places, within the bounds.
func parseAccounts[E any](r io.Reader, parse func(AccountPlace, string) (E, string)) ([]E, []LineProblem, error) {
	var (
		entries  []E
		problems []LineProblem
		place    AccountPlace
		next     int64
	)
	in := bufio.NewReaderSize(io.LimitReader(r, maxAccountFile+1), maxAccountLine)
	for {
		line, length, err := readAccountLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return entries, problems, fmt.Errorf("read accounts after line %d: %w", place.Line, err)
		}
		if length == 0 && errors.Is(err, io.EOF) {
			return entries, problems, nil
		}
		place.Line++
		place.Offset, next = next, next+length
		if next > maxAccountFile {
			return entries, problems, fmt.Errorf("%w: over %d bytes", ErrAccountsTooMany, maxAccountFile)
		}
		why := ""
		switch text := string(bytes.TrimRight(line, "\r\n")); {
		case length > int64(len(line)):
			why = fmt.Sprintf("the line is over %d bytes", maxAccountLine)
		case strings.IndexByte(text, 0) >= 0:
			why = "the line holds a zero byte: not a text file"
		case strings.TrimSpace(text) == "", text[0] == '#':
			// blank, or a comment
		default:
			var e E
			if e, why = parse(place, text); why == "" {
				entries = append(entries, e)
			}
		}
		if why != "" {
			problems = append(problems, LineProblem{place, why})
		}
		if len(entries) > maxAccounts || len(problems) > maxLineProblems {
			return entries, problems, fmt.Errorf("%w: over %d accounts or %d bad lines", ErrAccountsTooMany, maxAccounts, maxLineProblems)
		}
	}
}

// readAccountLine reads to the end of a line. The line is cut where it is over the bound; length is the whole one,
// with its end.
func readAccountLine(in *bufio.Reader) (line []byte, length int64, err error) {
	line, err = in.ReadSlice('\n')
	line, length = bytes.Clone(line), int64(len(line))
	for errors.Is(err, bufio.ErrBufferFull) {
		var more []byte
		more, err = in.ReadSlice('\n')
		length += int64(len(more))
	}
	return line, length, err
}
