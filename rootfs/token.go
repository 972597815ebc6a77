package rootfs

import (
	"bytes"
	"math"
	"strings"
)

// A tokenShape is how the tokens of one service look: a fixed beginning, then characters of an alphabet.
type tokenShape struct {
	service  string
	prefix   string
	alphabet string
	min, max int // characters after the prefix
}

const (
	upperDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	alnum       = upperDigits + "abcdefghijklmnopqrstuvwxyz"
	alnumDash   = alnum + "_-"
)

// tokenShapes are published by the services themselves as what their tokens look like.
var tokenShapes = []tokenShape{
	{"aws-access-key", "AKIA", upperDigits, 16, 16},
	{"aws-temporary-key", "ASIA", upperDigits, 16, 16},
	{"alibaba-access-key", "LTAI", alnum, 12, 26},
	{"github", "ghp_", alnum, 36, 36}, {"github", "gho_", alnum, 36, 36}, {"github", "ghs_", alnum, 36, 36}, {"github", "ghu_", alnum, 36, 36},
	{"github", "github_pat_", alnum + "_", 82, 82},
	{"gitlab", "glpat-", alnumDash, 20, 20},
	{"google-api", "AIza", alnumDash, 35, 35},
	{"slack", "xoxb-", alnum + "-", 40, 90}, {"slack", "xoxp-", alnum + "-", 40, 90},
	{"slack-webhook", "hooks.slack.com/services/T", alnum + "/", 30, 60},
	{"stripe", "sk_live_", alnum, 24, 99}, {"stripe", "rk_live_", alnum, 24, 99},
	{"sendgrid", "SG.", alnumDash + ".", 66, 66},
	{"npm", "npm_", alnum, 36, 36},
	{"twilio", "SK", "0123456789abcdef", 32, 32},
	{"azure-storage", "AccountKey=", alnum + "+/=", 88, 88},
	{"azure-iot", "SharedAccessKey=", alnum + "+/=", 44, 44},
	{"mapbox", "sk.eyJ", alnumDash + ".", 60, 120},
}

// tokens finds tokens by their shape, in text and in binaries. What is too regular to be random is none.
func (r *ContentReader) tokens(c chunk, text bool) {
	why := ""
	if documentation(c.name) {
		why = "an example in a documentation or a test"
	}
	for _, shape := range tokenShapes {
		for at := 0; ; {
			i := bytes.Index(c.data[at:c.last], []byte(shape.prefix))
			if i < 0 {
				break
			}
			at += i
			if n := shape.match(c.data, at); n > 0 {
				r.addSecret(Secret{Kind: Token, Format: shape.service, Shown: string(c.data[at:at+len(shape.prefix)+2]) + "...", Place: c.at(at, text), Binary: !text, Why: why})
				if shape.service == "aws-access-key" && why == "" {
					r.awsSecret(c, at+n, text)
				}
				at += n
				continue
			}
			at += len(shape.prefix)
		}
	}
	if why == "" {
		r.urlCredentials(c, text)
	}
}

// match returns the length of the token at an offset, or 0.
func (t tokenShape) match(data []byte, at int) int {
	if at > 0 && strings.IndexByte(alnum, data[at-1]) >= 0 {
		return 0
	}
	start := at + len(t.prefix)
	end := start
	for end < len(data) && end-start <= t.max && strings.IndexByte(t.alphabet, data[end]) >= 0 {
		end++
	}
	n := end - start
	if n < t.min || n > t.max || end < len(data) && strings.IndexByte(alnum, data[end]) >= 0 {
		return 0
	}
	body := string(data[start:end])
	lower := strings.ToLower(body)
	if entropy(body) < min(3.0, 0.6*math.Log2(float64(n))+0.4) || strings.Contains(lower, "example") || strings.Contains(lower, "xxxx") || strings.Contains(lower, "abcdefgh") || strings.Contains(lower, "12345678") {
		return 0
	}
	if t.prefix == "SK" || t.prefix == "LTAI" { // short beginnings need more: digits and letters mixed
		if !strings.ContainsAny(body, "0123456789") || strings.ToUpper(body) == body {
			return 0
		}
	}
	if t.prefix == "SG." && strings.IndexByte(body, '.') != 22 {
		return 0
	}
	return end - at
}

// entropy is in bits a character.
func entropy(s string) float64 {
	var count [256]int
	for i := 0; i < len(s); i++ {
		count[s[i]]++
	}
	h := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(s))
			h -= p * math.Log2(p)
		}
	}
	return h
}

// awsSecret finds the 40 characters that go with an access key, near it.
func (r *ContentReader) awsSecret(c chunk, from int, text bool) {
	const alphabet = alnum + "+/"
	end := min(from+300, len(c.data))
	for i := from; i < end; {
		j := i
		for j < len(c.data) && j-i <= 41 && strings.IndexByte(alphabet, c.data[j]) >= 0 {
			j++
		}
		if j-i == 40 && entropy(string(c.data[i:j])) > 4 && !strings.Contains(string(c.data[i:j]), "EXAMPLE") {
			r.addSecret(Secret{Kind: Token, Format: "aws-secret-key", Shown: string(c.data[i:i+3]) + "...", Place: c.at(i, text), Binary: !text})
			return
		}
		i = max(j, i) + 1
	}
}

// urlCredentials finds addresses that carry a user and a password: rtsp://admin:admin@host.
func (r *ContentReader) urlCredentials(c chunk, text bool) {
	for at := 0; ; {
		i := bytes.Index(c.data[at:c.last], []byte("://"))
		if i < 0 {
			return
		}
		mark := at + i
		at = mark + 3
		end := at
		sep, atSign := -1, -1
		for ; end < len(c.data) && end-at < 160; end++ {
			b := c.data[end]
			if b == '@' {
				atSign = end
				break
			}
			if b == ':' && sep < 0 {
				sep = end
			}
			if b <= ' ' || b >= 0x7f || strings.IndexByte(`/?#"'<>\%${}()[]|^*`+"`", b) >= 0 {
				break
			}
		}
		if atSign < 0 || sep < 0 || sep == at || atSign == sep+1 || atSign+1 >= len(c.data) {
			continue
		}
		user, pass := string(c.data[at:sep]), string(c.data[sep+1:atSign])
		begin := mark
		for begin > 0 && mark-begin < 12 && strings.IndexByte(alnum+"+-.", c.data[begin-1]) >= 0 {
			begin--
		}
		scheme := string(c.data[begin:mark])
		next := c.data[atSign+1]
		host := string(c.data[atSign+1 : min(atSign+40, len(c.data))])
		if scheme == "" || strings.IndexByte(alnum+"[", next) < 0 || len(user)+len(pass) < 5 || exampleWord(user) && exampleWord(pass) || exampleWord(pass) && strings.Contains(host, "example") || strings.HasPrefix(host, "host") || strings.Contains(host, "example.") {
			continue
		}
		r.addCredential(Credential{Source: "url", User: user, Secret: pass, Key: scheme, State: Plain, Place: c.at(begin, text)})
	}
}

func exampleWord(s string) bool {
	switch strings.ToLower(s) {
	case "user", "username", "password", "pass", "passwd", "pwd", "login", "name", "myuser", "mypassword", "secret", "foo", "bar", "me":
		return true
	}
	return false
}
