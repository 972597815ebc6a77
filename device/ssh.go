package device

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/ssh"
)

// errSeen ends a handshake whose purpose is reached.
var errSeen = errors.New("seen enough")

// sshConfig speaks every algorithm that the library knows, weak ones too: what is
// looked at is what the device offers.
func sshConfig(user string, auth ...ssh.AuthMethod) *ssh.ClientConfig {
	good, weak := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	c := &ssh.ClientConfig{User: user, Auth: auth, HostKeyCallback: ssh.InsecureIgnoreHostKey()} //nolint:gosec // the device's key is what is looked at
	// Ed25519 before all: a server that names RSA without having such a key (dropbear 2022.83 does) falls over it.
	c.HostKeyAlgorithms = []string{ssh.KeyAlgoED25519}
	for _, a := range slices.Concat(good.HostKeys, weak.HostKeys) {
		if a != ssh.KeyAlgoED25519 && !strings.Contains(a, "-cert-") {
			c.HostKeyAlgorithms = append(c.HostKeyAlgorithms, a)
		}
	}
	c.Ciphers = slices.Concat(good.Ciphers, weak.Ciphers)
	c.KeyExchanges = slices.Concat(good.KeyExchanges, weak.KeyExchanges)
	c.MACs = slices.Concat(good.MACs, weak.MACs)
	return c
}

// sshLogin tries one log-in. asks tells whether the server offered to take a
// password at all.
func (s *Session) sshLogin(ctx context.Context, v *Service, probe string, cred *credential) (o Outcome, reason string, asks bool) {
	c, err := s.dial(ctx, probe, "tcp", v.Port)
	if err != nil {
		return Unclear, why(err), false
	}
	defer c.Close()
	c.within(4 * httpTime) // servers wait some seconds before they refuse
	user, secret := "assay", ""
	if cred != nil {
		user, secret = cred.user, cred.password
	}
	config := sshConfig(user)
	if cred != nil {
		once := false
		config.Auth = []ssh.AuthMethod{ssh.PasswordCallback(func() (string, error) {
			asks = true
			if once {
				return "", errSeen
			}
			once = true
			return secret, nil
		}), ssh.KeyboardInteractive(func(_, _ string, questions []string, echos []bool) ([]string, error) {
			answers := make([]string, len(questions))
			for i := range questions {
				if asks = asks || !echos[i]; once && !echos[i] {
					return nil, errSeen // the same password was tried already
				}
				answers[i] = secret
			}
			return answers, nil
		})}
	} else {
		config.Auth = []ssh.AuthMethod{ssh.PasswordCallback(func() (string, error) { asks = true; return "", errSeen }),
			ssh.KeyboardInteractive(func(_, _ string, questions []string, _ []bool) ([]string, error) {
				asks = asks || len(questions) > 0
				return nil, errSeen
			})}
	}
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if v.seen != nil && cred == nil {
			v.seen.kex = parseKex(c.heard)
		}
	}()
	config.HostKeyCallback = func(_ string, _ net.Addr, key ssh.PublicKey) error {
		v.HostKey = ssh.FingerprintSHA256(key)
		return nil
	}
	link, channels, requests, err := ssh.NewClientConn(c, s.endpoint(v.Port), config)
	if err == nil {
		client := ssh.NewClient(link, channels, requests)
		defer client.Close()
		return Accepted, "the server let in", asks
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "unable to authenticate"), errors.Is(err, errSeen):
		return Refused, "the server refused", asks
	case v.HostKey == "" && !strings.Contains(text, "EOF") && !isReset(err):
		return Unclear, printable([]byte(text), 160), asks
	default:
		return Unclear, why(err), asks
	}
}

// sshDetails sees the host key, and whether it lets in without anything.
func (s *Session) sshDetails(ctx context.Context, v *Service) {
	o, reason, asks := s.sshLogin(ctx, v, "ssh without log-in", nil)
	switch {
	case o == Accepted:
		v.Asks = No
	case o == Refused && asks:
		v.Asks = Yes
		v.Details = append(v.Details, "it takes passwords")
	case o == Refused:
		v.Asks = Yes
		v.Details = append(v.Details, "it takes no passwords")
	default:
		v.Details = append(v.Details, "no handshake: "+reason)
	}
	if v.HostKey != "" {
		v.Details = append(v.Details, "host key "+v.HostKey)
	}
	if old := outdated(v.seen.kex); len(old) > 0 {
		v.Details = append(v.Details, "it offers outdated algorithms: "+strings.Join(old, ", "))
	}
}

// parseKex gives the names in a server's first message: after its version line, a
// packet of lists (RFC 4253 7.1), of which the first eight matter.
func parseKex(b []byte) []string {
	_, b, ok := bytes.Cut(b, []byte("\n"))
	if !ok || len(b) < 6 || b[5] != 20 {
		return nil
	}
	in := cryptobyte.String(b[6:])
	if !in.Skip(16) {
		return nil
	}
	var names []string
	for range 8 {
		var n uint32
		var list []byte
		if !in.ReadUint32(&n) || n > 4096 || !in.ReadBytes(&list, int(n)) {
			break
		}
		for name := range bytes.SplitSeq(list, []byte(",")) {
			if len(name) > 0 && len(names) < 200 {
				names = append(names, printable(name, 64))
			}
		}
	}
	return names
}

// outdated picks the algorithms that RFC 8758, RFC 9142 and OpenSSH have given up.
func outdated(names []string) []string {
	var out []string
	for _, n := range names {
		old := n == "ssh-dss" || n == "ssh-rsa" || n == "diffie-hellman-group1-sha1" || n == "diffie-hellman-group-exchange-sha1" || n == "diffie-hellman-group14-sha1" ||
			strings.HasPrefix(n, "arcfour") || strings.HasSuffix(n, "-cbc") || strings.HasPrefix(n, "hmac-md5") || strings.HasPrefix(n, "hmac-sha1")
		if old && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
