package accounts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/firmware"
	"github.com/assay-psti/assay/rootfs"
)

// means is what in the image could put another password in the place of one that
// is fixed in it.
type means struct {
	places []mean // the first few
	total  int
}

type mean struct {
	where rootfs.Place
	what  string
}

func (m *means) found() bool { return m.total > 0 }

func (m *means) add(p rootfs.Place, what string) {
	if m.total++; len(m.places) < 3 {
		m.places = append(m.places, mean{p, what})
	}
}

func (m *means) words() string {
	var words []string
	for _, p := range m.places {
		words = append(words, fmt.Sprintf("%s %s", check.Printable(p.where.String()), p.what))
	}
	if more := m.total - len(m.places); more > 0 {
		words = append(words, fmt.Sprintf("%d more", more))
	}
	return strings.Join(words, ", ")
}

// kept says why the password is taken to stay.
func (m *means) kept(r *root) string {
	if readOnly(r.kind) {
		return fmt.Sprintf("%s is a file system that only reads, and no script in it changes passwords or mounts anything over its account files", r.kind)
	}
	return "no script in the image changes passwords, writes the account files or mounts anything over them, and no program in it names the file of hashes, or could write the accounts, save the system's own"
}

// readOnly reports whether a file system of the kind can only be read.
func readOnly(k firmware.Kind) bool {
	return k == "squashfs" || k == "cramfs" || k == "romfs"
}

// Bounds of the search.
const (
	maxMeanEntries = 400_000
	maxScript      = 1 << 20   // bytes
	maxSearched    = 1 << 30   // bytes of all files
	sniff          = 512       // bytes by which text is told from programs
	chunk          = 256 << 10 // bytes searched at a time
)

var (
	// The name of a program as a shell would be given it, with the folder before it.
	changer = regexp.MustCompile("(?:^|[\\s;&|(`\"'=])((?:/?[\\w.$-]+/)*)(?:passwd|chpasswd|usermod|useradd|adduser|deluser|cryptpw|mkpasswd|vipw)(?:[\\s;&|)\"'`]|$)")
	names   = regexp.MustCompile(`etc/(?:passwd|shadow)|\b(?:cp|mv|ln|install|tee|sed)\b.*\b(?:passwd|shadow)\b`)
	writes  = regexp.MustCompile(`>|\b(?:cp|mv|ln|sed|tee|install|mount|rm|dd|tar|open|write|fopen|writefile)\b`)
	mounts  = regexp.MustCompile(`\b(?:pivot_root|switch_root|mount_root)\b|\b(?:overlay|overlayfs|aufs|unionfs|mini_fo)\b`)
	over    = regexp.MustCompile(`\bmount\b.*(?:\s/etc(?:/|\s|$|;)|\bbind\b.*(?:etc|\$)|\s-B\s.*(?:etc|\$))`)
	copies  = regexp.MustCompile(`\b(?:cp|mv|rsync|install)\b.*\s["']?(?:\S*/)?etc/?["']?(?:[\s;&|)]|$)|\b(?:tar|unzip|cpio)\b.*\s/(?:etc/?)?(?:[\s;&|)]|$)`)
	table   = regexp.MustCompile(`^\S+\s+/etc(?:/\S*)?\s`)
)

// findMeans looks through all scripts, and on a file system that can be written
// or is not known through all programs.
func findMeans(ctx context.Context, r *root) (*means, error) {
	var m means
	entries, searched := 0, int64(0)
	err := fs.WalkDir(r.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if entries++; entries > maxMeanEntries || searched > maxSearched {
			m.add(rootfs.Place{File: name}, "and what follows was not looked at, for its size")
			return fs.SkipAll
		}
		if err != nil {
			m.add(rootfs.Place{File: name}, "could not be read")
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		n, err := m.file(ctx, r, name)
		searched += n
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			m.add(rootfs.Place{File: name}, "could not be read")
		}
		return nil
	})
	return &m, err
}

// file looks through one file and says how many bytes it took.
func (m *means) file(ctx context.Context, r *root, name string) (int64, error) {
	f, err := r.fsys.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	head := make([]byte, sniff)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return int64(n), err
	}
	head = head[:n]
	whole := io.MultiReader(bytes.NewReader(head), f)
	if bytes.IndexByte(head, 0) >= 0 {
		if readOnly(r.kind) || ownProgram(name) {
			return int64(n), nil
		}
		return m.program(ctx, whole, name)
	}
	if !isScript(name, head) {
		return int64(n), nil
	}
	data, err := io.ReadAll(io.LimitReader(whole, maxScript+1))
	if err != nil {
		return int64(len(data)), err
	}
	if len(data) > maxScript {
		m.add(rootfs.Place{File: name}, "is too long to be looked through")
		return int64(len(data)), nil
	}
	m.script(name, data)
	return int64(len(data)), nil
}

var scriptEndings = []string{".sh", ".lua", ".php", ".cgi", ".py", ".pl", ".asp", ".service", ".mount", ".rc"}

var scriptFolders = []string{"init.d", "rc.d", "cgi-bin", "uci-defaults", "hotplug.d", "preinit", "systemd"}

// isScript reports whether a text may hold commands.
func isScript(name string, head []byte) bool {
	base := path.Base(name)
	if bytes.HasPrefix(head, []byte("#!")) || slices.Contains(scriptEndings, path.Ext(base)) ||
		slices.Contains([]string{"inittab", "fstab", "rcS", "rcK", "profile", "crontab", "root"}, base) || strings.HasPrefix(base, "rc.") {
		return true
	}
	for _, folder := range strings.Split(path.Dir(name), "/") {
		if slices.Contains(scriptFolders, folder) || (strings.HasPrefix(folder, "rc") && strings.HasSuffix(folder, ".d")) {
			return true
		}
	}
	return false
}

func (m *means) script(name string, data []byte) {
	offset := int64(0)
	for i, line := range strings.SplitAfter(string(data), "\n") {
		at := rootfs.Place{File: name, Line: i + 1, Offset: offset}
		offset += int64(len(line))
		text := strings.TrimSpace(line)
		if text == "" || text[0] == '#' {
			continue
		}
		switch {
		case changes(text):
			m.add(at, "runs a program that changes passwords")
		case names.MatchString(text) && writes.MatchString(text), copies.MatchString(text):
			m.add(at, "may write an account file")
		case mounts.MatchString(text), over.MatchString(text), path.Base(name) == "fstab" && table.MatchString(text):
			m.add(at, "may mount something over the account files")
		}
	}
}

// changes reports whether a line names a program that changes passwords; a file
// such as /etc/passwd is none.
func changes(text string) bool {
	for _, found := range changer.FindAllStringSubmatch(text, -1) {
		if !strings.HasSuffix(found[1], "etc/") {
			return true
		}
	}
	return false
}

// ownProgram reports whether a program names the account files since that is its
// trade: the C library, the log-in programs and the tools that a person may run.
func ownProgram(name string) bool {
	base := path.Base(name)
	for _, p := range []string{"busybox", "toybox", "libc.", "libc-", "libuClibc", "ld-", "ld.", "libcrypt", "libnss", "libpam", "pam_", "libshadow", "dropbear"} {
		if strings.HasPrefix(base, p) {
			return true
		}
	}
	return slices.Contains([]string{"login", "su", "sudo", "passwd", "chpasswd", "useradd", "usermod", "adduser", "sshd", "telnetd", "getty", "agetty", "sulogin", "init", "systemd"}, base)
}

// accountFile is the name that a program must hold to write it.
var accountFile = []byte("etc/passwd")

// writers are texts without which a program that names /etc/passwd only reads it,
// as every program does that turns a user number into a name: the file of hashes,
// the functions that make a hash or write the files, and the beginning of an
// entry. A hash has to come from somewhere.
var writers = [][]byte{[]byte("\x00crypt\x00"), []byte("putpwent"), []byte("putspent"), []byte("lckpwdf"), []byte("root:"), []byte("$1$"), []byte("$5$"), []byte("$6$")}

// changers are no business of a program that does not change passwords.
var changers = [][]byte{[]byte("etc/shadow"), []byte("chpasswd"), []byte("usermod")}

// program looks through a program's bytes for what could put another password in
// the place of the one in the image.
func (m *means) program(ctx context.Context, r io.Reader, name string) (int64, error) {
	const overlap = 16 // longer than any text looked for
	buf := make([]byte, overlap+chunk)
	kept, total := 0, int64(0)
	named, writes := int64(-1), false
	for {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, err := io.ReadFull(r, buf[kept:])
		window := buf[:kept+n]
		start := total - int64(kept)
		for _, c := range changers {
			if i := bytes.Index(window, c); i >= 0 {
				m.add(rootfs.Place{File: name, Offset: start + int64(i)}, "is a program that names the file of hashes or a tool that changes passwords")
				return total + int64(n), nil
			}
		}
		for at := 0; ; {
			i := bytes.Index(window[at:], accountFile)
			if i < 0 {
				break
			}
			if at += i; named < 0 {
				named = start + int64(at)
			}
			at += len(accountFile)
			// A path by itself ends with a zero byte; one in a command, or of a file beside, does not.
			writes = writes || at < len(window) && window[at] != 0
		}
		for _, w := range writers {
			writes = writes || bytes.Contains(window, w)
		}
		if named >= 0 && writes {
			m.add(rootfs.Place{File: name, Offset: named}, "is a program that names /etc/passwd and could write it")
			return total + int64(n), nil
		}
		total += int64(n)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		if total > maxSearched {
			m.add(rootfs.Place{File: name}, "is too long to be looked through")
			return total, nil
		}
		kept = copy(buf, window[max(0, len(window)-overlap):])
	}
}
