package accounts_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assay-psti/assay"
	"github.com/assay-psti/assay/check"
	"github.com/assay-psti/assay/check/accounts"
	"github.com/assay-psti/assay/check/checktest"
	"github.com/assay-psti/assay/check/image"
	"github.com/assay-psti/assay/evidence"
	"github.com/assay-psti/assay/password"
)

func TestDossiers(t *testing.T) { checktest.Run(t, accounts.Check, nil) }

// pass makes one pass over one image, given as bytes.
func pass(t *testing.T, name string, image []byte) (check.Report, error) {
	t.Helper()
	return passAll(t, map[string][]byte{name: image})
}

func passAll(t *testing.T, images map[string][]byte) (check.Report, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "firmware"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, image := range images {
		if err := os.WriteFile(filepath.Join(dir, "firmware", name), image, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := evidence.Open(t.Context(), dir, evidence.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	scan, err := image.Check.Run(t.Context(), check.NewPass(image.Check, check.Input{Evidence: folder, At: checktest.At}))
	if err != nil {
		t.Fatal(err)
	}
	p := check.NewPass(accounts.Check, check.Input{Evidence: folder, At: checktest.At, Results: map[*check.Check]any{image.Check: scan}})
	_, failed := accounts.Check.Run(t.Context(), p)
	report, err := p.End()
	if err != nil {
		t.Fatal(err)
	}
	return report, failed
}

// said gives the values observed, by subject and term.
func said(report check.Report) map[string]string {
	out := map[string]string{}
	for _, o := range report.Observations {
		out[string(o.Subject)+" "+string(o.Term)] = o.Value.String()
	}
	return out
}

// fixed are the terms that say that a password is the same in every unit.
var fixed = []assay.TermID{"password.usable_outside_factory_default", "password.unique_per_product", "password.set_by_user", "password.blank_accepted"}

func isFixed(report check.Report) bool {
	for _, o := range report.Observations {
		for _, term := range fixed {
			if o.Term == term {
				return true
			}
		}
	}
	return false
}

// Real cameras. Their squashfs only reads, and telnet starts without condition.
func TestCameras(t *testing.T) {
	if testing.Short() {
		t.Skip("reads whole firmware images")
	}
	const root = "password/firmware-root "
	hash := map[string]string{
		root + "password.usable_outside_factory_default": "yes", root + "password.unique_per_product": "no", root + "password.set_by_user": "no",
		root + "password.component_category": "preinstalled", root + "password.excluded_kind": "none",
		"account/root account.state": "hash", "account/root account.login_shell": "yes", "account/root account.uid": "0",
		"product password.used": "yes", "interface/telnet-23 interface.enabled_at_boot": "yes", "interface/telnet-23 interface.protocol": "telnet",
		root + "password.blank_accepted": "", "interface/telnet-23 interface.unauthenticated": "",
	}
	with := func(base map[string]string, more map[string]string) map[string]string {
		out := map[string]string{}
		for _, m := range []map[string]string{base, more} {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	rows := []struct {
		file   string
		want   map[string]string // "" means that nothing is said
		places string            // of the password field
		remark string
		none   bool // nothing at all is observed
	}{
		{file: "neos_smartcam_4.15.2.45_rootfs.squashfs", want: with(hash, map[string]string{"account/root account.hash_scheme": "descrypt"}), places: "squashfs at 0x0: etc/shadow line 1, offset 5"},
		{file: "digoo_rootfs.squashfs", want: with(hash, map[string]string{"account/root account.hash_scheme": "md5crypt", "interface/tftp-69 interface.enabled_at_boot": ""}), places: "squashfs at 0x0: etc/passwd line 1, offset 5"},
		{file: "spycam_rootfs.squashfs", want: with(hash, map[string]string{"account/root account.state": "empty", "account/root account.hash_scheme": "",
			root + "password.blank_accepted": "yes", "interface/telnet-23 interface.unauthenticated": "yes", root + "password.published_default": ""}), places: "squashfs at 0x0: etc/shadow line 1, offset 5"},
		{file: "neos_smartcam_4.15.2.45_driver.squashfs", none: true, remark: "holds no root file system"},
		{file: "neos_smartcam_4.15.2.45_kernel.uimage", none: true, remark: "holds no root file system"},
	}
	for _, row := range rows {
		t.Run(row.file, func(t *testing.T) {
			image, err := os.ReadFile(filepath.Join("../../../shared/inputs/firmware/cameras", row.file))
			if err != nil {
				t.Skipf("the camera's image is not here: %v", err)
			}
			report, failed := pass(t, row.file, image)
			if failed != nil {
				t.Fatal(failed)
			}
			if row.none && len(report.Observations) > 0 {
				t.Errorf("got %v, want nothing", said(report))
			}
			got := said(report)
			for k, v := range row.want {
				if got[k] != v {
					t.Errorf("%s: got %q, want %q", k, got[k], v)
				}
			}
			if !strings.Contains(strings.Join(report.Remarks, "\n"), row.remark) {
				t.Errorf("got remarks %q, want %q", report.Remarks, row.remark)
			}
			for _, o := range report.Observations {
				if o.Subject == "password/firmware-root" && o.Evidence[0].Place != row.places {
					t.Errorf("%s is cited at %q, want %q", o.Term, o.Evidence[0].Place, row.places)
				}
			}
			if row.none {
				return
			}
			// Cut short anywhere, the image never says less is wrong than can be known, nor more.
			for _, part := range []int{2, 3, 5, 20} {
				cut, failed := pass(t, row.file, image[:len(image)-len(image)/part])
				if failed == nil && cut.Whole {
					t.Errorf("cut by 1/%d: taken for whole", part)
				}
				if isFixed(cut) && len(said(cut)) != len(got) {
					t.Errorf("cut by 1/%d: got %v", part, said(cut))
				}
			}
		})
	}
}

// tree is a root file system with a fixed hash and telnet at boot.
func tree(t testing.TB, extra map[string]string) []byte {
	t.Helper()
	files := [][2]string{
		{"etc/passwd", "root:$1$abcdefgh$rV6RhG4no19bGJfmub3Ui1:0:0:root:/:/bin/sh\n"},
		{"etc/inittab", "::sysinit:/etc/init.d/rcS\n"},
		{"etc/init.d/rcS", "#!/bin/sh\n/usr/sbin/telnetd\n"},
		{"bin/sh", "\x7fELF\x00"}, {"usr/sbin/telnetd", "\x7fELF\x00"},
	}
	for name, text := range extra {
		files = append(files, [2]string{name, text})
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f[0], Mode: 0o755, Size: int64(len(f[1])), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// An archive cut short is never taken for a whole one, and no password in it is
// said to be fixed, since what is missing may replace it.
func TestCutShort(t *testing.T) {
	whole := tree(t, map[string]string{"etc/init.d/S99last": "#!/bin/sh\npasswd -d root\n"})
	if report, err := pass(t, "a.tar", tree(t, nil)); err != nil || !isFixed(report) || !report.Whole {
		t.Fatalf("whole: got %v, %v, %q", said(report), err, report.Remarks)
	}
	if report, err := pass(t, "a.tar", whole); err != nil || isFixed(report) {
		t.Fatalf("with a script that changes it: got %v, %v", said(report), err)
	}
	for cut := 100; cut < len(whole)-1024; cut += 256 {
		report, err := pass(t, "a.tar", whole[:cut])
		if err == nil && isFixed(report) {
			t.Errorf("cut at %d: said to be fixed: %v, remarks %q", cut, said(report), report.Remarks)
		}
	}
}

// An image that is cut so short that no root file system shows fails the check,
// in one line that says what to do; beside a good one it makes it partial.
func TestBroken(t *testing.T) {
	image, err := os.ReadFile("../../examples/kettle/evidence/firmware/kettle-2.0.1.squashfs")
	if err != nil {
		t.Fatal(err)
	}
	whole, failed := pass(t, "k.squashfs", image)
	if failed != nil || !whole.Whole || len(whole.Observations) == 0 {
		t.Fatalf("whole: got %v, %v", said(whole), failed)
	}
	_, err = pass(t, "k.squashfs", image[:200])
	if err == nil {
		t.Fatal("cut short: want an error")
	}
	if text := err.Error(); !strings.HasPrefix(text, "firmware/k.squashfs: ") || strings.Contains(text, "\n") || !strings.Contains(text, "truncated") {
		t.Errorf("got %q", text)
	}
}

// What is seen in a good image counts beside a broken one, which is named.
func TestBrokenBeside(t *testing.T) {
	image, err := os.ReadFile("../../examples/kettle/evidence/firmware/kettle-2.0.1.squashfs")
	if err != nil {
		t.Fatal(err)
	}
	report, err := passAll(t, map[string][]byte{"a.tar": tree(t, nil), "b.squashfs": image[:200]})
	if err != nil {
		t.Fatal(err)
	}
	if got := said(report)["product firmware.read"]; report.Whole || got != "no" || !isFixed(report) {
		t.Errorf("got whole %t, firmware.read %q, %q", report.Whole, got, report.Remarks)
	}
}

// What the scripts of an image may hold that puts another password in the place
// of the one in it, and what is of no concern.
func TestMeans(t *testing.T) {
	for line, fixedStill := range map[string]bool{
		"passwd root":                              false,
		"(echo a; echo a) | passwd":                false,
		"/usr/sbin/chpasswd < /data/p":             false,
		"$BIN/usermod -p x root":                   false,
		"x=`mkpasswd y`":                           false,
		"echo root::0:0::/:/bin/sh > /etc/passwd":  false,
		"cp -f /data/shadow /etc/":                 false,
		"cd /etc && mv passwd.new passwd":          false,
		"sed -i s/x/y/ /etc/shadow":                false,
		"ln -sf /tmp/passwd /etc/passwd":           false,
		"mount --bind /data/etc /etc":              false,
		"mount -t tmpfs tmpfs /etc":                false,
		"mount -t overlay overlay /x -o lowerdir=": false,
		"mount -o bind $A $B":                      false,
		"exec switch_root /new /sbin/init":         false,
		"pivot_root . old":                         false,
		"cp -a /data/etc/* /etc":                   false,
		"cp -r /data/conf \"/etc/\"; sync":         false,
		"tar xzf /data/conf.tgz -C /":              false,
		"cp /etc/hosts /tmp/":                      true,
		"cp -f /data/hosts /etc/hosts":             true,
		"tar czf /tmp/log.tgz /var/log":            true,
		"mount -t jffs2 /dev/mtdblock3 /system":    true,
		"mount -t tmpfs tmpfs /etcetera":           true,
		"grep root /etc/passwd":                    true,
		"# passwd root":                            true,
		"hostapd_passwd=1":                         true,
		"ifconfig lo up":                           true,
	} {
		report, err := pass(t, "a.tar", tree(t, map[string]string{"usr/bin/tool.sh": line + "\n"}))
		if err != nil {
			t.Fatal(err)
		}
		if got := isFixed(report); got != fixedStill {
			t.Errorf("%q: fixed is %t, want %t: %q", line, got, fixedStill, report.Remarks)
		}
	}
	for _, tt := range []struct {
		program, text string
		fixedStill    bool
	}{
		{"usr/bin/app", "/etc/shadow\x00", false},
		{"bin/busybox", "/etc/shadow\x00", true},
		{"lib/libc.so.6", "/etc/shadow\x00", true},
		{"usr/bin/mailer", "/etc/passwd\x00", true}, // reads it, as all do
		{"usr/bin/app", "/etc/passwd\x00fopen\x00crypt\x00", false},
		{"usr/bin/app", "echo %s > /etc/passwd;\x00", false},
		{"usr/bin/app", "/etc/passwd\x00root:%s:0:0\x00", false},
		{"usr/bin/app", "usermod -p %s root\x00", false},
	} {
		for _, pad := range []int{0, 600, 256<<10 - 8, 256<<10 + 3} {
			text := "\x7fELF\x00" + strings.Repeat("a", pad) + "\x00" + tt.text
			report, err := pass(t, "a.tar", tree(t, map[string]string{tt.program: text}))
			if err != nil {
				t.Fatal(err)
			}
			if got := isFixed(report); got != tt.fixedStill {
				t.Errorf("%s with %q after %d bytes: fixed is %t, want %t", tt.program, tt.text, pad, got, tt.fixedStill)
			}
		}
	}
}

// No note, place or remark shows a password that was found, or a hash.
func TestNothingSecretIsShown(t *testing.T) {
	report, err := pass(t, "a.tar", tree(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(report)
	if strings.Contains(text, "rV6RhG4no19") || strings.Contains(text, "abcdefgh") {
		t.Error("a hash is shown")
	}
	if got := said(report)["password/firmware-root password.published_default"]; got != "yes" {
		t.Fatalf("published_default is %q, want yes", got)
	}
	for _, o := range report.Observations {
		if o.Term != "password.published_default" {
			continue
		}
		if !strings.Contains(o.Note, fmt.Sprintf("of a published list of %d defaults: one fits", len(password.Defaults()))) || !strings.HasPrefix(o.Note, "tried ") {
			t.Errorf("got note %q", o.Note)
		}
	}
}
