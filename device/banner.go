package device

import (
	"bytes"
	"regexp"
	"strings"
)

// guess is what the first bytes of a service tell.
type guess struct {
	protocol, product, version string
	asks                       Answer
	details                    []string
}

var (
	sshBanner  = regexp.MustCompile(`^SSH-([0-9.]+)-([^\s_/-]+)(?:[_/-]([^\s]+))?`)
	ftpBanner  = regexp.MustCompile(`(?i)^220[ -].*?\b(vsftpd|pure-ftpd|proftpd|filezilla server|bftpd|stupid-ftpd|busybox)\b\)?[ /]?v?([0-9][0-9a-z.]*)?`)
	ftpWords   = regexp.MustCompile(`(?i)^220[ -].*(ftp|file transfer)`)
	smtpWords  = regexp.MustCompile(`(?i)^220[ -].*(smtp|mail)`)
	httpStatus = regexp.MustCompile(`^HTTP/1\.[01] [1-5][0-9][0-9]`)
	rtspStatus = regexp.MustCompile(`^RTSP/1\.0 [1-5][0-9][0-9]`)
	serverLine = regexp.MustCompile(`(?i)\r?\nServer:[ \t]*([^\r\n]{1,200})`)
	loginWords = regexp.MustCompile(`(?i)(login|user ?name|user|password|passwd)[^\r\n]{0,20}:\s*$`)
	productOf  = regexp.MustCompile(`([A-Za-z][A-Za-z0-9_.+-]*(?: [A-Za-z][A-Za-z0-9_-]*)?)/v?([0-9][0-9A-Za-z._-]*)`)
)

// platforms are words in a Server header that do not name the server.
var platforms = map[string]bool{"upnp": true, "dlnadoc": true, "linux": true, "debian": true, "posix": true, "unix": true, "windows": true, "openssl": true, "php": true, "dlna": true, "ipos": true, "unspecified": true}

// serverProduct takes name and version of the server out of a Server header:
// "Linux/3.10 UPnP/1.0 MiniDLNA/1.3.0" names MiniDLNA.
func serverProduct(header string) (product, version string) {
	for _, m := range productOf.FindAllStringSubmatch(header, 20) {
		name := m[1]
		if i := strings.LastIndexByte(name, ' '); i >= 0 {
			name = name[i+1:]
		}
		if !platforms[strings.ToLower(strings.TrimRight(name, "."))] {
			return printable([]byte(name), 60), printable([]byte(m[2]), 40)
		}
	}
	if !strings.Contains(header, "/") {
		return printable([]byte(strings.TrimSpace(header)), 60), ""
	}
	return "", ""
}

// identify names a service by what it said first, or in answer to a request that
// it may not have understood. An empty protocol: not known.
func identify(b []byte) guess {
	switch {
	case len(b) == 0:
		return guess{}
	case bytes.HasPrefix(b, []byte("SSH-")):
		g := guess{protocol: "ssh", asks: Yes}
		if m := sshBanner.FindSubmatch(b[:min(len(b), 255)]); m != nil {
			g.product, g.version = printable(m[2], 60), printable(m[3], 40)
			if string(m[1]) == "1.5" || string(m[1]) == "1.99" {
				g.details = append(g.details, "it offers the old protocol SSH 1")
			}
		}
		return g
	case httpStatus.Match(b):
		g := guess{protocol: "http"}
		g.product, g.version = headerProduct(b)
		return g
	case rtspStatus.Match(b):
		g := guess{protocol: "rtsp"}
		g.product, g.version = headerProduct(b)
		return g
	case bytes.HasPrefix(b, []byte("220")):
		return identify220(b)
	case b[0] == 0xff && len(b) >= 3 && b[1] >= 0xf0:
		g := guess{protocol: "telnet", asks: Unknown}
		text, _ := telnetText(b)
		if loginWords.Match(bytes.TrimRight(text, " ")) {
			g.asks = Yes
		}
		if t := line(text, 120); t != "" {
			g.details = append(g.details, "it greets with: "+t)
		}
		return g
	case len(b) >= 2 && b[1] == 0xe1 && b[0]&0x0f <= 8 && b[0]>>4 < 13:
		return guess{protocol: "coap+tcp"} // a CSM message, RFC 8323 5.3
	case len(b) >= 4 && b[0] == 0x20 && b[1] == 2 && b[3] <= 5:
		return guess{protocol: "mqtt"} // CONNACK of MQTT 3.1.1
	case len(b) >= 5 && (b[0] == 21 || b[0] == 22) && b[1] == 3 && b[2] <= 4:
		return guess{protocol: "tls"}
	case bytes.HasPrefix(b, []byte("RFB 00")):
		return guess{protocol: "vnc", version: printable(bytes.TrimSpace(b[4:min(len(b), 12)]), 10)}
	case bytes.HasPrefix(b, []byte("AUTH")) && len(b) >= 24, bytes.HasPrefix(b, []byte("CNXN")) && len(b) >= 24:
		return identifyADB(b)
	case len(b) >= 8 && (string(b[4:8]) == "\xffSMB" || string(b[4:8]) == "\xfeSMB"):
		return guess{protocol: "smb"}
	case loginWords.Match(bytes.TrimRight(b, " ")) && len(b) < 2000:
		return guess{protocol: "telnet", asks: Yes, details: []string{"it asks for a log-in in plain text, without telnet options"}}
	default:
		return guess{}
	}
}

func headerProduct(b []byte) (product, version string) {
	head, _, _ := bytes.Cut(b, []byte("\r\n\r\n"))
	if m := serverLine.FindSubmatch(head); m != nil {
		return serverProduct(string(m[1]))
	}
	return "", ""
}

func identify220(b []byte) guess {
	first, _, _ := bytes.Cut(b, []byte("\n"))
	if m := ftpBanner.FindSubmatch(first); m != nil {
		return guess{protocol: "ftp", product: printable(m[1], 40), version: printable(m[2], 40), asks: Yes}
	}
	switch {
	case smtpWords.Match(first):
		return guess{protocol: "smtp"}
	case ftpWords.Match(first):
		return guess{protocol: "ftp", asks: Yes}
	}
	return guess{} // 220 begins many protocols; the USER command tells
}

// identifyADB reads the first message of an Android debug bridge: CNXN without a
// log-in, AUTH where it wants a key.
func identifyADB(b []byte) guess {
	if string(b[:4]) == "AUTH" {
		return guess{protocol: "adb", asks: Yes}
	}
	g := guess{protocol: "adb", asks: No}
	if len(b) > 24 {
		g.details = append(g.details, "it lets in without a key: "+printable(b[24:], 120))
	}
	return g
}

// Telnet commands, RFC 854.
const (
	telnetSE   = 240
	telnetSB   = 250
	telnetWILL = 251
	telnetWONT = 252
	telnetDO   = 253
	telnetDONT = 254
	telnetIAC  = 255
)

// telnetText takes the options out of what a telnet server says, and gives the
// answer that refuses each of them (save that the server may echo).
func telnetText(b []byte) (text, reply []byte) {
	for i := 0; i < len(b); i++ {
		if b[i] != telnetIAC {
			if b[i] != 0 {
				text = append(text, b[i])
			}
			continue
		}
		if i+1 >= len(b) {
			break
		}
		i++
		switch b[i] {
		case telnetIAC:
			text = append(text, telnetIAC)
		case telnetSB:
			for i+1 < len(b) && !(b[i] == telnetIAC && b[i+1] == telnetSE) {
				i++
			}
			i++
		case telnetWILL, telnetWONT, telnetDO, telnetDONT:
			if i+1 >= len(b) {
				return text, reply
			}
			command, option := b[i], b[i+1]
			i++
			switch {
			case command == telnetDO:
				reply = append(reply, telnetIAC, telnetWONT, option)
			case command == telnetWILL && (option == 1 || option == 3): // echo, suppress go ahead
				reply = append(reply, telnetIAC, telnetDO, option)
			case command == telnetWILL:
				reply = append(reply, telnetIAC, telnetDONT, option)
			}
		}
	}
	return text, reply
}
