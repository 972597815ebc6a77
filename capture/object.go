package capture

import (
	"bytes"
	"path"
	"slices"
	"strings"
)

var firmwareWords = []string{"firmware", "/fw", "_fw", "-fw", "fw_", "fw-", "ota", "upgrade", "update", "sysupgrade"}

// firmwareLike says why something that was fetched looks like firmware; "" where it does not.
func firmwareLike(target, disposition, kind string, b []byte) string {
	low := strings.ToLower(target + " " + disposition)
	ext := strings.ToLower(path.Ext(target))
	if strings.HasPrefix(kind, "text/html") {
		return ""
	}
	for _, m := range []struct{ magic, name string }{
		{"\x27\x05\x19\x56", "a U-Boot image"}, {"hsqs", "a squashfs file system"}, {"sqsh", "a squashfs file system"}, {"HDR0", "a TRX image"}, {"ANDROID!", "an Android boot image"},
		{"\xd0\x0d\xfe\xed", "a flattened image tree"}, {"UBI#", "a UBI volume"}, {"\x1e\xf1\xee\x0b", "a Zigbee update"},
	} {
		if bytes.HasPrefix(b, []byte(m.magic)) {
			return "it begins as " + m.name + " does"
		}
	}
	named := slices.ContainsFunc(firmwareWords, func(w string) bool { return strings.Contains(low, w) })
	binary := len(b) > 0 && measure(b).Printable < 0.8
	if named && binary && slices.Contains([]string{".bin", ".img", ".fw", ".ota", ".upd", ".rom", ".zip", ".gz", ".tgz", ".tar", ".swu", ".pkg", ".hex", ".zst", ".xz", ".gbl", ".sig", ".trx", ".chk", ".w", ".enc"}, ext) {
		return "its name and content are those of an update"
	}
	if binary && slices.Contains([]string{".fw", ".ota", ".swu", ".trx", ".gbl", ".rom"}, ext) {
		return "its name and content are those of an update"
	}
	return ""
}

// firmwareName reports a name that ends as those of updates do.
func firmwareName(s string) bool {
	low := strings.ToLower(s)
	for _, e := range []string{".bin", ".img", ".fw", ".ota", ".rom", ".trx", ".swu"} {
		if strings.HasSuffix(low, e) {
			return true
		}
	}
	return false
}
