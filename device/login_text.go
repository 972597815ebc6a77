package device

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"regexp"
	"strings"
	"time"
)

// way begins a way in of a service.
func (v *Service) way(method string) Way {
	return Way{Network: v.Network, Port: v.Port, Protocol: v.Protocol, Method: method, Encrypted: v.Encrypted(), Open: Unknown}
}

// doors are the ways into a service. What one gets without a log-in is seen here.
func (s *Session) doors(ctx context.Context, v *Service, sshPasswords bool, published []Default) []*door {
	switch v.Protocol {
	case "http", "https":
		doors := s.webDoors(ctx, v)
		for _, d := range doors {
			if d.way.Protocol == "onvif" {
				s.onvifOpen(ctx, v, d)
			}
		}
		v.seen.doors = doors
		return doors
	case "ftp":
		return []*door{s.ftpDoor(ctx, v)}
	case "telnet":
		return []*door{s.telnetDoor(ctx, v)}
	case "rtsp", "rtsps":
		return []*door{s.rtspDoor(ctx, v)}
	case "mqtt", "mqtts":
		return []*door{s.mqttDoor(v)}
	case "ssh":
		return []*door{s.sshDoor(v, sshPasswords)}
	case "snmp":
		return s.snmpDoors(ctx, v, published)
	case "coap", "coap+tcp", "adb", "tplink-smarthome", "vnc":
		d := &door{way: v.way("none")}
		if v.Asks == No {
			d.way.Open, d.way.OpenWhy = Yes, "it answers without a log-in"
		}
		return []*door{d}
	}
	return nil
}

// reply reads one FTP reply: the code and the text of the last line (RFC 959 4.2).
func reply(r *textproto.Reader) (int, string, error) {
	for range 100 {
		l, err := r.ReadLine()
		if err != nil {
			return 0, "", err
		}
		if len(l) >= 3 && (len(l) == 3 || l[3] == ' ') && strings.Trim(l[:3], "0123456789") == "" {
			return int(l[0]-'0')*100 + int(l[1]-'0')*10 + int(l[2]-'0'), printable([]byte(l), 160), nil
		}
	}
	return 0, "", errMuch
}

// ftpLogin logs in by USER and PASS, and leaves.
func (s *Session) ftpLogin(ctx context.Context, v *Service, probe string, cred *credential) (Outcome, string) {
	c, err := s.dial(ctx, probe, "tcp", v.Port)
	if err != nil {
		return Unclear, why(err)
	}
	defer c.Close()
	c.hide(cred.secrets()...)
	c.within(2 * httpTime)
	in := textproto.NewReader(bufio.NewReader(c))
	say := func(format string, args ...any) (int, string, error) {
		if _, err := fmt.Fprintf(c, format+"\r\n", args...); err != nil {
			return 0, "", err
		}
		return reply(in)
	}
	code, text, err := reply(in)
	if err == nil && code == 421 {
		return Locked, text
	}
	if err == nil && code == 220 {
		code, text, err = say("USER %s", cred.user)
	}
	if err == nil && code == 331 {
		code, text, err = say("PASS %s", cred.password)
	}
	switch {
	case err != nil:
		return Unclear, why(err)
	case code == 230, code == 232:
		_, _ = io.WriteString(c, "QUIT\r\n")
		return Accepted, text
	case code == 421, speaksOfLock([]byte(text)):
		return Locked, text
	case code == 530, code == 430, code == 332:
		return Refused, text
	default:
		return Unclear, text
	}
}

func (s *Session) ftpDoor(ctx context.Context, v *Service) *door {
	d := &door{way: v.way("password")}
	o, text := s.ftpLogin(ctx, v, "ftp anonymous", &credential{"anonymous", "assay@example.invalid"})
	switch o {
	case Accepted:
		d.way.Open, d.way.OpenWhy, v.Asks = Yes, "it lets in the user anonymous with any address: "+text, No
	case Refused:
		d.way.Open, d.way.OpenWhy, v.Asks = No, "it refuses the user anonymous: "+text, Yes
	default:
		d.way.OpenWhy = text
	}
	d.try = func(ctx context.Context, probe string, c *credential) (Outcome, string) {
		return s.ftpLogin(ctx, v, probe, c)
	}
	return d
}

var (
	shellPrompt    = regexp.MustCompile(`(?m)(?:^|[\r\n])[^\r\n]{0,60}[#$>%]\s?$`)
	userPrompt     = regexp.MustCompile(`(?i)(login|user ?name|user|account)[^\r\n]{0,20}:\s*$`)
	passwordPrompt = regexp.MustCompile(`(?i)(password|passwd|pass|pin)[^\r\n]{0,20}:\s*$`)
	newPrompt      = regexp.MustCompile(`(?i)\b(new|current|change)\b[^\r\n]{0,30}(password|passwd|pin)[^\r\n]{0,20}:\s*$`)
	anyPrompt      = regexp.MustCompile(`(?i)(login|user|account|pass|pin|name|kennwort|benutzer|utilisateur|mot de passe)[^\r\n]{0,20}[>#$%]\s?$`) // of a shell or a log-in
	wrongLogin     = regexp.MustCompile(`(?i)(incorrect|invalid|denied|failed|failure|bad password|wrong)`)
)

// telnetTalk is a connection to a telnet server.
type telnetTalk struct {
	c    *conn
	text []byte // what it said since the last line that was sent
}

// telnetTime bounds the wait for one prompt.
const telnetTime = 6 * time.Second

// until reads until the text ends as wanted, or the server is done.
func (t *telnetTalk) until(ends ...*regexp.Regexp) *regexp.Regexp {
	t.text = nil
	buf := make([]byte, 2048)
	var raw []byte
	t.c.within(telnetTime)
	for len(raw) < 16<<10 {
		n, err := t.c.Read(buf)
		raw = append(raw, buf[:n]...)
		if _, answer := telnetText(buf[:n]); len(answer) > 0 {
			_, _ = t.c.Write(answer)
		}
		t.text, _ = telnetText(raw)
		for _, e := range ends {
			if e.Match(t.text) {
				return e
			}
		}
		if err != nil {
			return nil
		}
	}
	return nil
}

// telnetLogin logs in where it is asked to; cred nil only looks what is asked.
func (s *Session) telnetLogin(ctx context.Context, v *Service, probe string, cred *credential) (Outcome, string) {
	c, err := s.dial(ctx, probe, "tcp", v.Port)
	if err != nil {
		return Unclear, why(err)
	}
	defer c.Close()
	c.hide(cred.secrets()...)
	t := telnetTalk{c: c}
	at := t.until(userPrompt, passwordPrompt, shellPrompt)
	switch {
	case at == shellPrompt && anyPrompt.Match(t.text):
		return Unclear, "it may be the prompt of a shell or of a log-in: " + lastLine(t.text)
	case at == shellPrompt:
		return Accepted, "a prompt came without a log-in: " + lastLine(t.text)
	case at == nil:
		if speaksOfLock(t.text) {
			return Locked, lastLine(t.text)
		}
		return Unclear, "no prompt came"
	case cred == nil:
		return Refused, "it asks: " + lastLine(t.text)
	}
	if at == userPrompt {
		_, _ = fmt.Fprintf(c, "%s\r\n", cred.user)
		if at = t.until(passwordPrompt, userPrompt, shellPrompt); at == shellPrompt && !anyPrompt.Match(t.text) && !wrongWords.Match(t.text) {
			return Accepted, "no password was asked for"
		}
	}
	if at != passwordPrompt {
		if wrongLogin.Match(t.text) {
			return Refused, lastLine(t.text)
		}
		return Unclear, "it did not ask for a password"
	}
	_, _ = fmt.Fprintf(c, "%s\r\n", cred.password)
	at = t.until(newPrompt, wrongLogin, userPrompt, passwordPrompt, shellPrompt)
	switch {
	case at == newPrompt:
		return Renew, "it asks: " + lastLine(t.text)
	case speaksOfLock(t.text):
		return Locked, lastLine(t.text)
	case at == shellPrompt && (anyPrompt.Match(t.text) || wrongWords.Match(t.text)):
		return Unclear, "a prompt came that may be of a log-in, or with words of a failure: " + lastLine(t.text)
	case at == shellPrompt:
		return Accepted, "a prompt came: " + lastLine(t.text)
	case at != nil:
		return Refused, lastLine(t.text)
	default:
		return Unclear, "nothing that is understood came after the password"
	}
}

func lastLine(b []byte) string {
	b = bytes.TrimSpace(b)
	return printable(bytes.TrimSpace(b[bytes.LastIndexAny(b, "\r\n")+1:]), 100)
}

func (s *Session) telnetDoor(ctx context.Context, v *Service) *door {
	d := &door{way: v.way("password")}
	o, text := s.telnetLogin(ctx, v, "telnet without log-in", nil)
	switch o {
	case Accepted:
		d.way.Open, d.way.OpenWhy, v.Asks = Yes, text, No
		return d // any further line would be a command
	case Refused:
		d.way.Open, d.way.OpenWhy, v.Asks = No, text, Yes
		d.alone = strings.Contains(strings.ToLower(text), "pass")
		d.try = func(ctx context.Context, probe string, c *credential) (Outcome, string) {
			return s.telnetLogin(ctx, v, probe, c)
		}
	default:
		d.way.OpenWhy, d.way.Stopped = text, "no log-in was asked for, so none was tried"
	}
	return d
}

// streams are paths under which cameras offer their picture, as their makers'
// manuals give them.
var streams = []string{"/", "/live", "/stream1", "/live.sdp", "/h264", "/11", "/onvif1", "/live/ch00_0", "/Streaming/Channels/101", "/cam/realmonitor?channel=1&subtype=0", "/videoMain", "/media/video1", "/axis-media/media.amp"}

// describe asks for a stream's description over a connection at hand.
func (s *Session) describe(rw io.ReadWriter, in *bufio.Reader, v *Service, path string, sequence int, authorization string) (*response, error) {
	if authorization != "" {
		authorization = "Authorization: " + authorization + "\r\n"
	}
	_, err := fmt.Fprintf(rw, "DESCRIBE %s RTSP/1.0\r\nCSeq: %d\r\nUser-Agent: %s\r\nAccept: application/sdp\r\n%s\r\n", s.streamURL(v, path), sequence, userAgent, authorization)
	if err != nil {
		return nil, err
	}
	return readRTSP(in)
}

func (s *Session) streamURL(v *Service, path string) string {
	return v.Protocol + "://" + s.endpoint(v.Port) + path
}

// readRTSP reads one response (RFC 2326 7). It has the form of HTTP.
func readRTSP(in *bufio.Reader) (*response, error) {
	r := textproto.NewReader(in)
	first, err := r.ReadLine()
	if err != nil {
		return nil, err
	}
	out := &response{}
	var version string
	if _, err := fmt.Sscanf(first, "%s %d", &version, &out.status); err != nil || version != "RTSP/1.0" {
		return nil, fmt.Errorf("%w: %s", errNotRTSP, printable([]byte(first), 60))
	}
	h, err := r.ReadMIMEHeader()
	if err != nil {
		return nil, err
	}
	out.header = http.Header(h)
	var n int
	if _, err := fmt.Sscan(out.header.Get("Content-Length"), &n); err == nil && n > 0 {
		out.body, err = io.ReadAll(io.LimitReader(in, int64(min(n, maxBody))))
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

var errNotRTSP = fmt.Errorf("the answer is not RTSP")

// rtspDoor looks for a stream that is open or asks for a log-in.
func (s *Session) rtspDoor(ctx context.Context, v *Service) *door {
	d := &door{way: v.way("none")}
	rw, c, err := s.stream(ctx, "rtsp without log-in", v)
	if err != nil {
		d.way.OpenWhy = why(err)
		return d
	}
	defer c.Close()
	in := bufio.NewReader(rw)
	asked := 0
	for i, path := range streams {
		c.within(httpTime)
		r, err := s.describe(rw, in, v, path, i+2, "")
		if err != nil {
			d.way.OpenWhy = "while streams were looked for: " + why(err)
			break
		}
		if p, version := serverProduct(r.header.Get("Server")); p != "" && v.Product == "" {
			v.Product, v.Version = p, version
		}
		found := challenges(r.header.Values("WWW-Authenticate"))
		switch {
		case r.status == http.StatusOK:
			d.way.Open, d.way.OpenWhy, d.way.Where, d.way.Method, v.Asks = Yes, "it describes a stream without a log-in", path, "none", No
			d.try = nil
			return d
		case r.status == http.StatusUnauthorized && len(found) > 0 && asked == 0:
			asked++
			d.way.Open, d.way.OpenWhy, d.way.Where, d.way.Method, v.Asks = No, "it asks for a log-in", path, found[0].scheme, Yes
			last := ""
			d.try = func(ctx context.Context, probe string, c *credential) (Outcome, string) {
				o, reason := s.rtspLogin(ctx, v, path, probe, c)
				last = reason
				return o, reason
			}
			d.doubt = func() string { // a stream that is not there, for whoever asks
				if last == status(http.StatusOK) {
					return ""
				}
				return last
			}
		}
	}
	if asked == 0 && d.way.OpenWhy == "" {
		d.way.OpenWhy = fmt.Sprintf("no stream was found under %d usual names", len(streams))
	}
	return d
}

// rtspLogin asks for a stream with a credential. A stream that is not there, or
// cannot be made, is still one that the log-in led to.
func (s *Session) rtspLogin(ctx context.Context, v *Service, path, probe string, cred *credential) (Outcome, string) {
	rw, c, err := s.stream(ctx, probe, v, cred.secrets()...)
	if err != nil {
		return Unclear, why(err)
	}
	defer c.Close()
	in := bufio.NewReader(rw)
	r, err := s.describe(rw, in, v, path, 2, "")
	if err != nil {
		return Unclear, why(err)
	}
	found := challenges(r.header.Values("WWW-Authenticate"))
	if r.status != http.StatusUnauthorized || len(found) == 0 {
		return Unclear, "it no longer asks for a log-in"
	}
	header, secrets, ok := found[0].authorization("DESCRIBE", s.streamURL(v, path), cred, s.random())
	if !ok {
		return Unclear, "it asks for a kind of digest that is not known"
	}
	c.hide(secrets...)
	c.within(httpTime)
	if r, err = s.describe(rw, in, v, path, 3, header); err != nil {
		return Unclear, why(err)
	}
	return judgeStatus(r)
}

func (s *Session) mqttDoor(v *Service) *door {
	d := &door{way: v.way("password")}
	switch v.Asks {
	case No:
		d.way.Open, d.way.OpenWhy, d.way.Method = Yes, "the broker lets in without a user name", "none"
		return d // what it would do with a password says nothing more
	case Yes:
		d.way.Open, d.way.OpenWhy = No, "the broker refuses whoever gives no user name"
	}
	d.try = func(ctx context.Context, probe string, c *credential) (Outcome, string) {
		o, reason, version := s.mqttLogin(ctx, v, probe, c)
		s.mqttNamed(v, version)
		return o, reason
	}
	return d
}

func (s *Session) sshDoor(v *Service, passwords bool) *door {
	d := &door{way: v.way("password")}
	takes := false
	for _, t := range v.Details {
		takes = takes || t == "it takes passwords"
	}
	switch {
	case v.Asks == No:
		d.way.Open, d.way.OpenWhy = Yes, "it lets in without a password"
	case v.HostKey == "":
		d.way.Stopped = "no handshake came about"
	case !takes:
		d.way.Open, d.way.Stopped = No, "it takes no passwords"
	case !passwords:
		d.way.Open, d.way.Stopped = No, "passwords were not to be tried over SSH"
	default:
		d.way.Open, d.way.OpenWhy = No, "it asks for a log-in"
		d.try = func(ctx context.Context, probe string, c *credential) (Outcome, string) {
			o, reason, _ := s.sshLogin(ctx, v, probe, c)
			return o, reason
		}
	}
	return d
}

// snmpLogin asks with a community. An agent says nothing to one it does not know.
func (s *Session) snmpLogin(ctx context.Context, v *Service, probe string, cred *credential) (Outcome, string) {
	b, closed, err := s.datagram(ctx, probe, v.Port, snmpGet(cred.password, 0x41535359), false)
	switch {
	case err != nil:
		return Unclear, why(err)
	case closed:
		return Unclear, "refused"
	case len(b) == 0:
		return Refused, "no answer"
	}
	if _, ok := parseSNMP(b); ok {
		return Accepted, "it answered"
	}
	return Unclear, "the answer is not SNMP"
}
