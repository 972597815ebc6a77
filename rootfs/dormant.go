package rootfs

import (
	"bytes"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// dormant reads the scripts that nothing runs, as far as was seen, and keeps what log-in services they would start. A
// vendor's program may run any of them.
func (b *booter) dormant() {
	services, unfollowed, unread := b.out.Services, b.out.Unfollowed, b.out.Unread
	steps := b.steps
	b.settled = len(services)
	read := 0
	err := b.tree.walk(b.ctx, func(Unread) {}, func(name string, d fs.DirEntry) {
		if !d.Type().IsRegular() || documentation(name) || read > 4096 || b.steps > maxSteps {
			return
		}
		if _, followed := b.scripts[name]; followed {
			return
		}
		if info, err := d.Info(); err != nil || info.Size() > maxScriptBytes || info.Size() == 0 || !commands(name) && info.Mode().Perm()&0o111 == 0 || !b.names(name) {
			return
		}
		read++
		s, err := b.script(name)
		if err != nil || s == nil || !s.shell() {
			return
		}
		guard := Guard{Place: Place{File: name}, Text: "something runs " + printable(name, 200) + ": nothing that was read does"}
		action := []field{{text: "start", known: true}}
		b.run(s, "/"+name, action, nil, []Guard{guard}, nil)
	})
	if err != nil {
		return // the context ended: the caller says so
	}
	for _, s := range b.out.Services[len(services):] {
		if s.Kind.Login() {
			b.out.Dormant = append(b.out.Dormant, s)
		}
	}
	b.out.Services, b.out.Unfollowed, b.out.Unread = services, unfollowed, unread
	if b.steps > maxSteps { // this reading is an extra: it does not make the first one incomplete
		b.steps = steps
	}
}

const maxHead = 64 << 10 // bytes of a script in which it must name what it starts

// names reports whether a script names a program of a log-in service.
func (b *booter) names(name string) bool {
	if b.known != nil {
		return b.known[name]
	}
	head, err := b.tree.readRegular(name, maxHead)
	return (err == nil || len(head) > 0) && namesLogIn(name, head)
}

// commands reports whether a file is a script by its name.
func commands(name string) bool {
	return path.Ext(name) == ".sh" || strings.Contains("/"+name, "/init.d/") || strings.Contains("/"+name, "/rc.d/")
}

func namesLogIn(name string, head []byte) bool {
	return !notText(head) && (commands(name) || bytes.HasPrefix(head, []byte("#!"))) && loginWord.Match(head)
}

var loginWord = regexp.MustCompile(`telnetd|dropbear|sshd|ftpd|adbd|tcpsvd|rlogind|gdbserver|httpd|\bnc -l`)

// Mention is a command to start a log-in service inside a program: the program may run it, or may not.
type Mention struct {
	Program string `json:"program"`
	Kind    Kind   `json:"kind"`
	Text    string `json:"text"`
	Place   Place  `json:"place"`
}

var (
	mentioned   = [][]byte{[]byte("telnetd"), []byte("dropbear"), []byte("adbd"), []byte("tcpsvd"), []byte("tftpd"), []byte("ftpd")}
	mentionText = regexp.MustCompile(`(?:^|[/\s;&|])(u?telnetd|dropbear|adbd|tcpsvd|tftpd|v?s?ftpd)(\s|;|&|$)`)
	stops       = regexp.MustCompile(`\b(?:killall|pkill|pidof|kill|pgrep|ps|rm|usage|Usage)\b|%s:|: `)
)

// mentions finds command lines that start a log-in service among the texts of a program.
func (r *ContentReader) mentions(c chunk) {
	if base := path.Base(c.name); base == "busybox" || base == "toybox" || daemons[strings.ToLower(base)].kind != "" || strings.HasPrefix(base, "dropbear") {
		return
	}
	for _, word := range mentioned {
		for at := 0; ; {
			i := bytes.Index(c.data[at:c.last], word)
			if i < 0 {
				break
			}
			at += i
			start, end := at, at
			for start > 0 && at-start < 200 && c.data[start-1] >= ' ' && c.data[start-1] <= '~' {
				start--
			}
			for end < len(c.data) && end-at < 200 && c.data[end] >= ' ' && c.data[end] <= '~' {
				end++
			}
			text := string(c.data[start:end])
			// A bare name may be anything; a path, an argument or an ampersand makes it a command.
			if m := mentionText.FindStringSubmatch(text); m != nil && strings.ContainsAny(text, "/ &") && !stops.MatchString(text) && len(text) < 160 {
				r.mu.Lock()
				if len(r.out.Mentions) < maxFindings {
					r.out.Mentions = append(r.out.Mentions, Mention{m[1], daemons[m[1]].kind, text, Place{File: c.name, Offset: c.base + int64(start)}})
				}
				r.mu.Unlock()
			}
			at = max(end, at+len(word))
			if at >= c.last {
				break
			}
		}
	}
}
