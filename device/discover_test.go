package device_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assay-psti/assay/device"
)

// TestDiscover finds a real UPnP device at the other end of a network of its own.
func TestDiscover(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	if _, err := exec.LookPath("minidlnad"); err != nil {
		t.Skip("minidlnad is missing (package minidlna)")
	}
	other := exec.Command("unshare", "-n", "sh", "-c", "echo ready; exec cat")
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = other.Wait() })
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	pid := strconv.Itoa(other.Process.Pid)
	there := []string{"nsenter", "-t", pid, "-n"}
	for _, args := range [][]string{
		{"ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"},
		{"ip", "link", "set", "v1", "netns", pid},
		{"ip", "addr", "add", "192.168.77.1/24", "dev", "v0"}, {"ip", "link", "set", "v0", "up"},
		{"ip", "route", "add", "default", "via", "192.168.77.20"},
		append(slices.Clone(there), "ip", "addr", "add", "192.168.77.20/24", "dev", "v1"), append(slices.Clone(there), "ip", "link", "set", "v1", "up"),
		append(slices.Clone(there), "ip", "route", "add", "default", "via", "192.168.77.1"),
	} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%v: %v: %s", args, err, out)
		}
	}
	dir := t.TempDir()
	conf := "port=18200\nmedia_dir=" + dir + "\ndb_dir=" + dir + "/db\nlog_dir=" + dir + "\nnetwork_interface=v1\nfriendly_name=Test NAS\n"
	if err := os.WriteFile(filepath.Join(dir, "dlna.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	nas := exec.Command(there[0], append(there[1:], "minidlnad", "-d", "-f", filepath.Join(dir, "dlna.conf"), "-P", filepath.Join(dir, "pid"))...)
	if err := nas.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nas.Process.Kill(); _ = nas.Wait() })
	iface, err := net.InterfaceByName("v0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for { // it takes some seconds to come up
		found, notes, err := device.Discover(ctx, iface)
		if err != nil {
			t.Fatal(err, notes)
		}
		if len(found) == 1 && slices.Contains(found[0].By, "ssdp") {
			f := found[0]
			if f.Address.String() != "192.168.77.20" || f.MAC == "" || !strings.Contains(strings.Join(f.Says, " "), "MiniDLNA") {
				t.Errorf("got %+v", f)
			}
			if got := device.MACOf(f.Address); got != f.MAC {
				t.Errorf("got %s, want %s", got, f.MAC)
			}
			return
		}
	}
}
