package image

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/assay-psti/assay/internal/reading"
	"github.com/assay-psti/assay/rootfs"
)

var (
	redirect  = regexp.MustCompile(`>{1,2}\s*["']?([^\s"';|&)]+)`)
	inPlace   = regexp.MustCompile(`\b(?:sed\s+(?:-\w+\s+)*-\w*i\S*|tee(?:\s+-a)?|awk\s+-i\s+inplace)\b(.*)`)
	copyLast  = regexp.MustCompile(`\b(?:cp|mv|ln|install)\b[^;|&]*\s["']?([^\s"';|&)]+)["']?\s*(?:$|[;|&)])`)
	wordInArg = regexp.MustCompile(`[^\s"';|&()]+`)

	// The name of a program as a shell would be given it, with the folder before it.
	changer = regexp.MustCompile("(?:^|[\\s;&|(`\"'=])((?:/?[\\w.$-]+/)*)(?:passwd|chpasswd|usermod|useradd|adduser|deluser|cryptpw|mkpasswd|vipw)(?:[\\s;&|)\"'`]|$)")
	names   = regexp.MustCompile(`etc/(?:passwd|shadow)|\b(?:cp|mv|ln|install|tee|sed)\b.*\b(?:passwd|shadow)\b`)
	writes  = regexp.MustCompile(`>|\b(?:cp|mv|ln|sed|tee|install|mount|rm|dd|tar|open|write|fopen|writefile)\b`)
	mounts  = regexp.MustCompile(`\b(?:pivot_root|switch_root|mount_root)\b|\b(?:overlay|overlayfs|aufs|unionfs|mini_fo)\b`)
	over    = regexp.MustCompile(`\bmount\b.*(?:\s/etc(?:/|\s|$|;)|\bbind\b.*(?:etc|\$)|\s-B\s.*(?:etc|\$))`)
	copies  = regexp.MustCompile(`\b(?:cp|mv|rsync|install)\b.*\s["']?(?:\S*/)?etc/?["']?(?:[\s;&|)]|$)|\b(?:tar|unzip|cpio)\b.*\s/(?:etc/?)?(?:[\s;&|)]|$)`)
	table   = regexp.MustCompile(`^\S+\s+/etc(?:/\S*)?\s`)
)

// writesFiles reports whether a text is one of commands whose lines say which
// files they write.
func writesFiles(name string, data []byte) bool {
	return bytes.HasPrefix(data, []byte("#!")) || path.Ext(name) == ".sh" || strings.Contains(name, "init.d/") || strings.HasPrefix(path.Base(name), "rc")
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
	for folder := range strings.SplitSeq(path.Dir(name), "/") {
		if slices.Contains(scriptFolders, folder) || (strings.HasPrefix(folder, "rc") && strings.HasSuffix(folder, ".d")) {
			return true
		}
	}
	return false
}

// written are the base names of the files that a line of commands writes.
func written(text []byte) []string {
	var targets [][]byte
	if bytes.IndexByte(text, '>') >= 0 {
		for _, m := range redirect.FindAllSubmatch(text, -1) {
			targets = append(targets, m[1])
		}
	}
	if holds(text, "cp", "mv", "ln", "install") {
		for _, m := range copyLast.FindAllSubmatch(text, -1) {
			targets = append(targets, m[1])
		}
	}
	if holds(text, "sed", "tee", "awk") {
		if m := inPlace.FindSubmatch(text); m != nil {
			targets = append(targets, wordInArg.FindAll(m[1], -1)...)
		}
	}
	var bases []string
	for _, t := range targets {
		if base := path.Base(string(t)); base != "." && base != "/" && base != "null" {
			bases = append(bases, base)
		}
	}
	return bases
}

func holds(text []byte, words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(text, []byte(w)) })
}

// words are parts of all that changing looks for: a line without any is passed
// over.
var words = [][]byte{[]byte("passw"), []byte("shadow"), []byte("usermod"), []byte("useradd"), []byte("adduser"), []byte("deluser"), []byte("cryptpw"), []byte("vipw"), []byte("etc"),
	[]byte("_root"), []byte("overlay"), []byte("aufs"), []byte("unionfs"), []byte("mini_fo"), []byte("mount"), []byte("tar"), []byte("unzip"), []byte("cpio")}

// some are those of the words that a whole text holds.
type some [][]byte

func mayHold(data []byte) some {
	var s some
	for _, w := range words {
		if bytes.Contains(data, w) {
			s = append(s, w)
		}
	}
	return s
}

func (s some) any(text []byte) bool {
	return slices.ContainsFunc(s, func(w []byte) bool { return bytes.Contains(text, w) })
}

// changing says how a line of a script could put another password into the
// account files; empty where it could not.
func changing(base string, text []byte) string {
	switch {
	case changes(text):
		return "runs a program that changes passwords"
	case names.Match(text) && writes.Match(text), copies.Match(text):
		return "may write an account file"
	case mounts.Match(text), over.Match(text), base == "fstab" && table.Match(text):
		return "may mount something over the account files"
	}
	return ""
}

// changes reports whether a line names a program that changes passwords; a file
// such as /etc/passwd is none.
func changes(text []byte) bool {
	if !holds(text, "passwd", "user", "cryptpw", "vipw") {
		return false
	}
	for _, found := range changer.FindAllSubmatch(text, -1) {
		if !bytes.HasSuffix(found[1], []byte("etc/")) {
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

// A search looks through a program's bytes, window by window, for what could put
// another password in the place of the one in the image.
type search struct {
	named  int64 // where it names the account file; -1 until it does
	writes bool  // and holds what could write it
}

func newSearch() *search { return &search{named: -1} }

// look gives what was found as soon as it was.
func (s *search) look(w *reading.Window) (Mean, bool) {
	data := w.Data[max(w.Seen-nearby, 0):]
	start := w.Base + int64(len(w.Data)-len(data))
	for _, c := range changers {
		if i := bytes.Index(data, c); i >= 0 {
			return Mean{Place: rootfs.Place{File: w.Name, Offset: start + int64(i)}, What: "is a program that names the file of hashes or a tool that changes passwords"}, true
		}
	}
	for at := 0; ; {
		i := bytes.Index(data[at:], accountFile)
		if i < 0 {
			break
		}
		if at += i; s.named < 0 {
			s.named = start + int64(at)
		}
		at += len(accountFile)
		// A path by itself ends with a zero byte; one in a command, or of a file beside, does not.
		s.writes = s.writes || at < len(data) && data[at] != 0
	}
	for _, text := range writers {
		s.writes = s.writes || bytes.Contains(data, text)
	}
	if s.named < 0 || !s.writes {
		return Mean{}, false
	}
	return Mean{Place: rootfs.Place{File: w.Name, Offset: s.named}, What: "is a program that names /etc/passwd and could write it"}, true
}
