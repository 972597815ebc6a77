package rootfs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// inputs is where real firmware lies beside the repository; it is not part of it.
const inputs = "../../shared/inputs/firmware"

// realRoot unpacks a real image into a temporary folder.
func realRoot(t *testing.T, image string) string {
	t.Helper()
	src := filepath.Join(inputs, image)
	if _, err := os.Stat(src); err != nil {
		t.Skipf("no real input %s", src)
	}
	dir := filepath.Join(t.TempDir(), "root")
	var cmd *exec.Cmd
	if filepath.Ext(src) == ".bz2" {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd = exec.Command("tar", "--no-same-owner", "-xjf", src, "-C", dir)
	} else {
		cmd = exec.Command("unsquashfs", "-q", "-n", "-d", dir, src)
	}
	if cmd.Err != nil {
		t.Skipf("%s is not installed", cmd.Path)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		if _, statErr := os.Stat(dir); statErr != nil {
			t.Fatalf("unpack %s: %v: %s", src, err, out)
		}
	}
	return dir
}

func TestRealRoots(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks real images")
	}
	for _, tt := range []struct {
		image, sub string
		found      bool
		root       State  // of the account root
		hash       string // of the account root
		services   []string
	}{
		{"cameras/neos_smartcam_4.15.2.45_rootfs.squashfs", "", true, Hashed, "rJ0FHsG0ZbyZo",
			[]string{"console getty -L console 115200 vt100 etc/inittab:28", "telnet telnetd :23 etc/init.d/rcS:22", "unfollowed etc/init.d/rcS:73 /system/init/app_init.sh is not in this tree"}},
		{"cameras/digoo_rootfs.squashfs", "", true, Hashed, "$1$ybdHbPDn$ii9aEIFNiolBbM9QxW9mr0",
			[]string{"console getty -L ttyS1 115200 vt100 etc/inittab:2", "telnet telnetd :23 etc/init.d/rcS:33",
				"tftp tftpd -c /tmp :69 if {something starts inetd: its start was not seen } etc/inetd.conf:8", "unfollowed etc/init.d/rcS:34 /system/init/ipcam.sh is not in this tree"}},
		{"cameras/spycam_rootfs.squashfs", "", true, Empty, "",
			[]string{"console getty -L console 115200 vt100 etc/inittab:28", "telnet telnetd :23 etc/init.d/rcS:21", "unfollowed etc/init.d/rcS:46 /system/init/app_init.sh is not in this tree"}},
		{"cameras/neos_smartcam_4.15.2.45_driver.squashfs", "", false, "", "", nil},
		{"routers/dlink_dir615c_rootfs.tar.bz2", "squashfs-root", true, Empty, "",
			[]string{"console ash open etc/inittab:3", "console getty ttyS0 -L 115200 etc/inittab:2", "other rc init etc/rc.d/rcS:46"}},
	} {
		t.Run(filepath.Base(tt.image), func(t *testing.T) {
			fsys := os.DirFS(filepath.Join(realRoot(t, tt.image), tt.sub))
			accounts, err := ReadAccounts(context.Background(), fsys)
			if err != nil {
				t.Fatal(err)
			}
			boot, err := ReadBoot(context.Background(), fsys)
			if err != nil {
				t.Fatal(err)
			}
			if accounts.Found != tt.found || boot.Found != tt.found {
				t.Errorf("found accounts %v, boot %v, want %v", accounts.Found, boot.Found, tt.found)
			}
			i := slices.IndexFunc(accounts.Accounts, func(a Account) bool { return a.User == "root" && a.Live })
			if tt.found != (i >= 0) {
				t.Fatalf("root at %d, found %v", i, tt.found)
			}
			if i >= 0 && (accounts.Accounts[i].State != tt.root || accounts.Accounts[i].Hash != tt.hash || accounts.Accounts[i].LogIn != Yes) {
				t.Errorf("root = %+v, want %s %q", accounts.Accounts[i], tt.root, tt.hash)
			}
			if got := services(boot); !slices.Equal(got, tt.services) {
				t.Errorf("services = %q\nwant %q", got, tt.services)
			}
		})
	}
}

func TestRealContents(t *testing.T) {
	if testing.Short() {
		t.Skip("unpacks real images")
	}
	root := realRoot(t, "routers/dlink_dir615c_rootfs.tar.bz2")
	roots, err := Roots(context.Background(), os.DirFS(root))
	if err != nil || !slices.Equal(roots, []string{"squashfs-root"}) {
		t.Fatalf("roots = %v, %v", roots, err)
	}
	got, err := ReadContents(context.Background(), os.DirFS(filepath.Join(root, roots[0])))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{ // key: user/secret state
		"admin_password": "admin/ empty", "user_password": "user/ empty", "wlan0_psk_pass_phrase": "/1234567890 plain", "wps_pin": "/00000000 plain", "wps_default_pin": "/00000000 plain", "log_email_password": "user/pass plain",
	}
	for _, c := range got.Credentials {
		if c.Place.File != "etc/nvram.default" {
			continue
		}
		if s := c.User + "/" + c.Secret + " " + string(c.State); want[c.Key] != s {
			t.Errorf("%s = %q, want %q", c.Key, s, want[c.Key])
		}
		delete(want, c.Key)
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
	if len(got.Secrets) > 0 || len(got.Unread) > 0 {
		t.Errorf("secrets %+v, unread %v, want none", got.Secrets, got.Unread)
	}
}
