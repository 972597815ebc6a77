package rootfs

import (
	"path"
	"regexp"
	"strings"
)

// Setting is a line of a settings file that opens the device to others or to whoever holds it in the hand.
type Setting struct {
	// Name is what it is about: ssh-root, ssh-passwords, adb, debuggable, samba-guest, nfs-root, snmp-write, root-terminals.
	Name  string `json:"name"`
	Means string `json:"means"`
	Text  string `json:"text"`
	Place Place  `json:"place"`
}

type settingRule struct {
	name, means string
	file        *regexp.Regexp
	line        *regexp.Regexp
}

var settingRules = []settingRule{
	{"ssh-root", "root may log in over SSH with a password", regexp.MustCompile(`(?:^|/)sshd_config(?:\.d/[^/]+)?$`), regexp.MustCompile(`(?mi)^[ \t]*PermitRootLogin[ \t]+yes\b.*`)},
	{"ssh-passwords", "passwords are taken over SSH", regexp.MustCompile(`(?:^|/)sshd_config(?:\.d/[^/]+)?$`), regexp.MustCompile(`(?mi)^[ \t]*PasswordAuthentication[ \t]+yes\b.*`)},
	{"ssh-root", "root may log in over SSH with a password", regexp.MustCompile(`(?:^|/)etc/config/dropbear$`), regexp.MustCompile(`(?mi)^[ \t]*option[ \t]+['"]?RootPasswordAuth['"]?[ \t]+['"]?(?:on|1|yes|true)\b.*`)},
	{"ssh-passwords", "passwords are taken over SSH", regexp.MustCompile(`(?:^|/)etc/config/dropbear$`), regexp.MustCompile(`(?mi)^[ \t]*option[ \t]+['"]?PasswordAuth['"]?[ \t]+['"]?(?:on|1|yes|true)\b.*`)},
	{"adb", "the debug bridge of Android listens on the network", regexp.MustCompile(`\.prop$`), regexp.MustCompile(`(?m)^[ \t]*(?:service|persist)\.adb\.tcp\.port[ \t]*=[ \t]*[1-9]\d*.*`)},
	{"adb", "the debug bridge of Android asks for no key", regexp.MustCompile(`\.prop$`), regexp.MustCompile(`(?m)^[ \t]*ro\.adb\.secure[ \t]*=[ \t]*0.*`)},
	{"debuggable", "every program may be debugged and adb may run as root", regexp.MustCompile(`\.prop$`), regexp.MustCompile(`(?m)^[ \t]*(?:ro\.debuggable[ \t]*=[ \t]*1|ro\.secure[ \t]*=[ \t]*0).*`)},
	{"samba-guest", "shared files are open without a password", regexp.MustCompile(`(?:^|/)smb\.conf(?:\.template)?$`), regexp.MustCompile(`(?mi)^[ \t]*(?:guest ok|public)[ \t]*=[ \t]*yes\b.*`)},
	{"nfs-root", "another machine is root on the shared files", regexp.MustCompile(`(?:^|/)etc/exports$`), regexp.MustCompile(`(?m)^[ \t]*/[^#\n]*\bno_root_squash\b.*`)},
	{"snmp-write", "settings may be changed over SNMP by whoever knows the community", regexp.MustCompile(`(?:^|/)snmpd[^/]*\.conf$`), regexp.MustCompile(`(?m)^[ \t]*rwcommunity6?[ \t]+\S+.*`)},
	{"root-terminals", "root may log in on pseudo terminals, as telnet gives them", regexp.MustCompile(`(?:^|/)etc/securetty$`), regexp.MustCompile(`(?m)^[ \t]*(?:pts/0|ttyp0)[ \t]*$`)},
}

// openSettings looks for the lines of settingRules.
func (r *ContentReader) openSettings(name string, data []byte) {
	if documentation(name) {
		return
	}
	switch base := path.Base(name); {
	case strings.HasPrefix(base, "sshd_config"), strings.HasSuffix(path.Dir(name), "sshd_config.d"), base == "dropbear", strings.HasSuffix(base, ".prop"), strings.HasPrefix(base, "smb.conf"), base == "exports", strings.HasPrefix(base, "snmpd"), base == "securetty":
	default:
		return
	}
	for _, rule := range settingRules {
		if !rule.file.MatchString(name) {
			continue
		}
		for _, m := range rule.line.FindAllIndex(data, 50) {
			start := m[0]
			for start < m[1] && (data[start] == ' ' || data[start] == '\t') {
				start++
			}
			r.mu.Lock()
			if len(r.out.Settings) < maxFindings {
				r.out.Settings = append(r.out.Settings, Setting{rule.name, rule.means, printable(strings.TrimSpace(string(data[m[0]:m[1]])), 160), placeIn(name, data, start)})
			}
			r.mu.Unlock()
		}
	}
}
