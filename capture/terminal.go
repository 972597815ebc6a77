package capture

import (
	"bytes"
	"strings"
)

// sshReader reads the greetings of SSH.
type sshReader struct{ seen [2]bool }

func (r *sshReader) read(t *tracker, f *flow, from side, b []byte) int {
	i := bytes.IndexByte(b, '\n')
	if i < 0 && len(b) < 256 {
		return 0
	}
	if i < 0 || r.seen[from] {
		t.stop(f)
		return len(b)
	}
	line := string(bytes.TrimSpace(b[:i]))
	if rest, ok := strings.CutPrefix(line, "SSH-"); ok {
		version, software, _ := strings.Cut(rest, "-")
		t.detail(f, from, "software", software)
		t.detail(f, from, "version", version)
		if strings.HasPrefix(version, "1.") && version != "1.99" {
			t.detail(f, from, "weak", "SSH protocol 1 was withdrawn")
		}
		r.seen[from] = true
	}
	if r.seen[0] && r.seen[1] {
		t.stop(f)
	}
	return i + 1
}

// telnetReader reads what is typed after a prompt for a name and for a password.
type telnetReader struct {
	shown  []byte // the last of what the server showed
	typed  []byte
	user   string
	ask    string
	last   *Credential
	shownN int
	keys   int // typed by the client
}

func (r *telnetReader) gap(*tracker, *flow, side) {}

func (r *telnetReader) read(t *tracker, f *flow, from side, b []byte) int {
	text, used := stripTelnet(b)
	if from != f.client {
		r.shownN += len(text)
		r.shown = append(r.shown, text...)
		if len(r.shown) > 512 {
			r.shown = append(r.shown[:0], r.shown[len(r.shown)-512:]...)
		}
		r.look(t, f)
		return used
	}
	r.keys += len(text)
	for _, c := range text {
		switch {
		case c == '\r' || c == '\n' || c == 0:
			if len(r.typed) > 0 {
				r.entered(t, f, string(r.typed))
				r.typed = r.typed[:0]
			}
		case c == 8 || c == 0x7f:
			r.typed = r.typed[:max(len(r.typed)-1, 0)]
		case len(r.typed) < 256:
			r.typed = append(r.typed, c)
		}
	}
	return used
}

// look reads the prompt that the server shows.
func (r *telnetReader) look(t *tracker, f *flow) {
	low := strings.ToLower(strings.TrimRight(string(r.shown), " \r\n\x00"))
	switch {
	case strings.HasSuffix(low, "password:"):
		r.ask = "password"
	case strings.HasSuffix(low, "login:") || strings.HasSuffix(low, "username:") || strings.HasSuffix(low, "user:") || strings.HasSuffix(low, "user name:"):
		if r.last != nil {
			t.answer(r.last, Refused, "it asked for the name again")
		}
		r.ask = "user"
	case r.last != nil && (strings.Contains(low, "incorrect") || strings.Contains(low, "login failed") || strings.Contains(low, "access denied") || strings.Contains(low, "bad password")):
		t.answer(r.last, Refused, "it said that the log-in failed")
	case r.keys == 0 && f.begun && f.need().Lost == 0 && r.shownN < 4096 && rootPrompt(low): // nothing was asked before
		t.opened(f, "telnet: a prompt of a shell")
	}
}

// rootPrompt reports the prompt of a superuser's shell.
func rootPrompt(low string) bool {
	last := low[strings.LastIndexByte(low, '\n')+1:]
	return strings.HasSuffix(last, "#") && len(last) < 80 && (strings.HasPrefix(last, "#") || strings.HasPrefix(last, "/") || strings.HasPrefix(last, "~") || strings.Contains(last, "root@"))
}

func (r *telnetReader) entered(t *tracker, f *flow, line string) {
	switch r.ask {
	case "user":
		r.user, r.last = line, nil
	case "password":
		r.last = t.credential(f, Credential{Kind: "password", How: "telnet", User: r.user, Secret: Secret(line)})
	}
	r.ask = ""
	r.shown = r.shown[:0]
}

// stripTelnet leaves out the options that both sides agree on.
func stripTelnet(b []byte) (text []byte, used int) {
	for used < len(b) {
		if b[used] != 0xff {
			text = append(text, b[used])
			used++
			continue
		}
		switch {
		case used+1 >= len(b):
			return text, used
		case b[used+1] == 0xff:
			text = append(text, 0xff)
			used += 2
		case b[used+1] == 0xfa:
			end := bytes.Index(b[used:], []byte{0xff, 0xf0})
			if end < 0 {
				if len(b)-used > 1024 {
					return text, len(b)
				}
				return text, used
			}
			used += end + 2
		case b[used+1] >= 0xfb:
			if used+2 >= len(b) {
				return text, used
			}
			used += 3
		default:
			used += 2
		}
	}
	return text, used
}
