package password

import (
	"fmt"
	"slices"
	"strings"
)

// Role says what a column of a batch holds.
type Role string

// The roles. Every role but Password and Ignore is an identifier or a public text that a password must not follow from.
const (
	RolePassword Role = "password"
	RoleSerial   Role = "serial"
	RoleMAC      Role = "mac"
	RoleIMEI     Role = "imei" // and other subscriber or module numbers: ICCID, EID, MEID
	RoleSSID     Role = "ssid"
	RoleModel    Role = "model"
	RoleBrand    Role = "brand"
	RoleDate     Role = "date" // when the unit was made
	RoleOther    Role = "other"
	RoleIgnore   Role = "ignore" // not looked at, for instance a second password or a hash of this one
)

// Column is one column of a batch.
type Column struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
}

// Row is one unit of a batch, as recipes see it. Values run parallel to the columns of the batch.
type Row struct {
	Number   int64 // from 1, the header not counted
	Password string
	Values   []string
}

// plainName reduces a column's name to lower-case letters and digits.
func plainName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, s)
}

// passwordNames are the names of password columns, the surest first; wifiNames mark those that are Wi-Fi keys.
var (
	passwordNames = []string{
		"password", "defaultpassword", "passwd", "pwd", "pass", "passphrase", "adminpassword", "loginpassword", "devicepassword",
		"userpassword", "wifipassword", "wlanpassword", "wifikey", "wlankey", "wpakey", "wpa2key", "wpapsk", "psk", "presharedkey",
		"networkkey", "defaultkey", "defaultpass", "key", "pin", "passcode", "secret",
	}
	wifiNames = []string{"wifi", "wlan", "wpa", "psk", "presharedkey", "networkkey", "passphrase", "defaultkey"}
)

// wifiColumn tells whether a password column's name says that it holds the key of a wireless network.
func wifiColumn(name string) bool {
	n := plainName(name)
	return slices.ContainsFunc(wifiNames, func(w string) bool { return strings.Contains(n, w) })
}

// roleByName recognises the role of a column other than the password.
func roleByName(name string) Role {
	n := plainName(name)
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(n, p) })
	}
	is := func(names ...string) bool { return slices.Contains(names, n) }
	switch {
	case has("password", "passwd", "passphrase", "pwhash", "secret") || slices.Contains(passwordNames, n):
		return RoleIgnore // a second password, or something made from this one
	case has("serial") || is("sn", "snr", "sno"):
		return RoleSerial
	case has("ssid", "networkname", "wifiname", "apname") && !has("bssid"):
		return RoleSSID
	case has("mac", "bssid", "eui64", "eui48") && !has("machine", "macro"):
		return RoleMAC
	case has("imei", "meid", "iccid", "imsi") || is("esn", "eid"):
		return RoleIMEI
	case has("model", "product", "sku", "partnumber", "variant", "hwversion", "firmware"):
		return RoleModel
	case has("brand", "vendor", "maker", "manufacturer"):
		return RoleBrand
	case has("date", "time", "produced", "made", "week"):
		return RoleDate
	}
	return RoleOther
}

// assignRoles gives every column its role: the explicit ones first, then by name. Exactly one column is the password.
func assignRoles(names []string, explicit map[string]Role) ([]Column, int, error) {
	cols := make([]Column, len(names))
	password, rank := -1, len(passwordNames)
	used := 0
	var also []string
	for i, name := range names {
		cols[i] = Column{Name: name}
		for j := range i {
			if names[j] == name && name != "" {
				return nil, 0, fmt.Errorf("%w: two columns are named %q: rename one", ErrInput, short(name))
			}
		}
		if role, ok := explicit[name]; ok {
			cols[i].Role = role
			used++
			if role == RolePassword {
				if password >= 0 && rank < 0 {
					return nil, 0, fmt.Errorf("%w: two columns were given the role password: choose one", ErrInput)
				}
				password, rank = i, -1
			}
			continue
		}
		if r := slices.Index(passwordNames, plainName(name)); r >= 0 {
			also = append(also, name)
			if r < rank {
				password, rank = i, r
			}
		}
		cols[i].Role = roleByName(name)
	}
	if used < len(explicit) {
		for name := range explicit {
			if !slices.Contains(names, name) {
				return nil, 0, fmt.Errorf("%w: no column is named %q; the columns are %s", ErrInput, short(name), nameList(names))
			}
		}
	}
	if password < 0 {
		return nil, 0, fmt.Errorf("%w: no column named password in the header (%s): give the first line column names, or say which column with NAME=password", ErrInput, nameList(names))
	}
	if rank > 0 && len(also) > 1 {
		return nil, 0, fmt.Errorf("%w: several columns could be the password (%s): say which with NAME=password", ErrInput, nameList(also))
	}
	for i := range cols {
		if cols[i].Role == RolePassword && i != password {
			cols[i].Role = RoleIgnore
		}
	}
	cols[password].Role = RolePassword
	return cols, password, nil
}

// ParseRole reads a role as a user writes it.
func ParseRole(s string) (Role, error) {
	all := []Role{RolePassword, RoleSerial, RoleMAC, RoleIMEI, RoleSSID, RoleModel, RoleBrand, RoleDate, RoleOther, RoleIgnore}
	if r := Role(strings.ToLower(strings.TrimSpace(s))); slices.Contains(all, r) {
		return r, nil
	}
	return "", fmt.Errorf("no such role of a column: %q (password, serial, mac, imei, ssid, model, brand, date, other, ignore)", short(s))
}

// nameList shows column names in an error. A file without a header would put passwords there, so names that do not look
// like names are counted, not shown.
func nameList(names []string) string {
	var out []string
	hidden := 0
	for _, n := range names {
		known := roleByName(n) != RoleOther || slices.Contains([]string{"id", "uuid", "row", "no", "number", "index", "unit", "username", "user"}, plainName(n))
		if known && len(n) <= 40 && !strings.ContainsAny(n, "0123456789") {
			out = append(out, n)
		} else {
			hidden++
		}
	}
	if hidden > 0 {
		out = append(out, fmt.Sprintf("%d not recognised", hidden))
	}
	return strings.Join(out, ", ")
}

// short bounds a text for an error.
func short(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
