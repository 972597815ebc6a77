package check

import (
	"slices"
	"strings"
)

// Takes reports whether an interface that the dossier names may be the one on which a
// protocol was seen. Of what lies within TLS or DTLS, often only the shell is seen.
func (n Interface) Takes(seen string) bool {
	if SameProtocol(n.Protocol, seen) {
		return true
	}
	declared := family(n.Protocol)
	switch family(seen) {
	case "tls":
		return slices.Contains([]string{"https", "mqtts", "rtsps", "ftps", "smtps", "imaps", "wss"}, declared) || strings.Contains(declared, "tls") || strings.Contains(declared, "ssl")
	case "dtls":
		return declared == "coaps" || strings.Contains(declared, "dtls")
	}
	return false
}

// SameProtocol reports whether two names are of one protocol, however people write it.
func SameProtocol(a, b string) bool { return family(a) == family(b) }

// family brings the ways of writing a protocol together.
func family(protocol string) string {
	p := strings.ToLower(strings.TrimSpace(protocol))
	p = strings.TrimSuffix(strings.TrimSuffix(p, "/tcp"), "/udp")
	switch p {
	case "web", "www", "upnp", "onvif", "dlna":
		return "http"
	case "coap+tcp":
		return "coap"
	case "mqtt-tls", "mqtt+tls":
		return "mqtts"
	case "sftp":
		return "ssh"
	case "wsd":
		return "ws-discovery"
	case "ssl":
		return "tls"
	}
	return p
}
