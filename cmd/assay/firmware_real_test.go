package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assay-psti/assay/report"
)

const realInputs = "../../../shared/inputs"

// realRow is what is to be concluded of one real image.
type realRow struct {
	verdict string   // "" is NO FINDING
	kinds   []string // ranges or trees that the map holds
	unread  []string // reasons
	because []string // in what the verdict rests on, or in remarks
	terms   []string // "subject term" observed
	never   []string // terms that must not be observed
	shows   []string // in the text of the report
	roots   int      // root file systems; -1: not looked at
}

var (
	small     = realRow{kinds: []string{"squashfs"}}
	noAccount = []string{"account.state", "password.used", "password.unique_per_product"}
)

// realRows are all rows of the manifest under firmware.
var realRows = map[string]realRow{
	"artefacts/etc_rc.local": {kinds: []string{"text"}, never: noAccount},

	"bootloaders/hak5_wifi-pineapple-nano_13082015.bin": {verdict: "INCONCLUSIVE", kinds: []string{"uimage", "u-boot"}, unread: []string{"unknown"}, shows: []string{"u-boot 1.1.4"}, never: noAccount},
	"bootloaders/netgear_wndr4300_v2_120814.bin":        {kinds: []string{"u-boot", "padding"}, shows: []string{"u-boot 1.1.4"}, never: noAccount},

	"cameras/digoo_rootfs.squashfs": {verdict: "FAIL", kinds: []string{"squashfs"}, unread: []string{"unknown"}, because: []string{"hash of root is fixed"}, roots: 1,
		terms: []string{"account/root account.hash_scheme", "interface/telnet-23 interface.enabled_at_boot", "password/firmware-root password.published_default", "component/busybox-1.22.1 component.version"}, shows: []string{"telnetd: telnet on port 23, unconditionally", "md5crypt", "etc/passwd line 1"}},
	"cameras/escam_g02_conf.jffs2": {verdict: "FAIL", kinds: []string{"jffs2"}, because: []string{"user admin", "user user", "user guest", "access point"},
		terms: []string{"password/config-config_user.ini-admin password.published_default", "password/config-hostapd8188.conf-wpa_passphrase password.guessable"}, shows: []string{"for something else: th3password", "for something else: password of 123"}},
	"cameras/neos_smartcam_4.15.2.45_driver.squashfs": {kinds: []string{"squashfs"}, never: noAccount, shows: []string{"no root file system is in it", "linux 3.10.14"}},
	"cameras/neos_smartcam_4.15.2.45_kernel.uimage":   {kinds: []string{"uimage", "lzma", "linux", "padding"}, never: noAccount, shows: []string{"Linux-3.10.14 MIPS", "linux 3.10.14; end of maintenance 2017-11-04", "header checksum right"}},
	"cameras/neos_smartcam_4.15.2.45_rootfs.squashfs": {verdict: "FAIL", kinds: []string{"squashfs", "padding"}, roots: 1, because: []string{"hash of root is fixed"},
		terms: []string{"account/root account.hash_scheme", "interface/telnet-23 interface.enabled_at_boot"}, shows: []string{"descrypt", "getty: console, unconditionally", "busybox 1.22.1"}},
	"cameras/spycam_kernel.uimage": {verdict: "INCONCLUSIVE", kinds: []string{"uimage", "linux"}, unread: []string{"unknown"}, never: noAccount},
	"cameras/spycam_rootfs.squashfs": {verdict: "FAIL", kinds: []string{"squashfs"}, roots: 1, unread: []string{"unknown"}, because: []string{"root has no password"},
		terms: []string{"password/firmware-root password.blank_accepted", "interface/telnet-23 interface.unauthenticated"}, shows: []string{"no password is needed"}},

	"esp/WLED_0.15.0_ESP32.bin":            {verdict: "FAIL", kinds: []string{"esp-image", "segment"}, because: []string{"access point WLED-AP"}, terms: []string{"password/config-WLED-AP password.unique_per_product"}, shows: []string{"to be looked at: a pass phrase: "}},
	"esp/bootloader-encrypted.bin":         {verdict: "INCONCLUSIVE", kinds: []string{"opaque"}, unread: []string{"encrypted"}, never: noAccount, shows: []string{"Nothing in it could be read"}},
	"esp/bootloader_esp32_v5_2.bin":        {kinds: []string{"esp-image"}, never: noAccount, shows: []string{"ESP32 image"}},
	"esp/bootloader_esp32c3.bin":           {kinds: []string{"esp-image"}, never: noAccount, shows: []string{"ESP32-C3 image"}},
	"esp/bootloader_signed_v2_rsa.bin":     {kinds: []string{"esp-image"}, never: noAccount, shows: []string{"signed for secure boot version 2"}},
	"esp/esp8266_at_user1.1024.new.2.bin":  {kinds: []string{"esp-image"}, never: noAccount, shows: []string{"ESP8266 image version 2"}},
	"esp/esp_idf_blink_esp32s2.bin":        {kinds: []string{"esp-image"}, never: noAccount, shows: []string{"ESP32-S2 image"}},
	"esp/hello-world-signed-encrypted.bin": {verdict: "INCONCLUSIVE", kinds: []string{"opaque"}, unread: []string{"encrypted"}, never: noAccount, shows: []string{"Nothing in it could be read"}},
	"esp/partitions_singleapp.bin":         {kinds: []string{"esp-partitions"}, never: noAccount},
	"esp/ruuvi_gateway_bootloader.bin":     {kinds: []string{"esp-image"}, never: noAccount, shows: []string{"no signature block follows"}},
	"esp/tasmota.bin":                      {kinds: []string{"esp-image"}, never: noAccount, verdict: "INCONCLUSIVE", shows: []string{"WebPassword"}},

	"formats/avm_be.sqfs4":                     small,
	"formats/gzip.sqfs":                        small,
	"formats/lz4.sqfs":                         small,
	"formats/xz.sqfs":                          small,
	"formats/lzma1_be.sqfs3":                   small,
	"formats/lzma1_le.sqfs3":                   small,
	"formats/lzma_le.sqfs2":                    small,
	"formats/zlib_be.sqfs3":                    small,
	"formats/binwalk_cramfs.bin":               {kinds: []string{"cramfs"}, never: noAccount},
	"formats/cramfs.img":                       {kinds: []string{"cramfs"}, never: noAccount},
	"formats/binwalk_mbr.bin":                  {kinds: []string{"mbr", "partition"}, never: noAccount},
	"formats/buffalo_encrypted.bin":            {verdict: "INCONCLUSIVE", kinds: []string{"buffalo-encrypted"}, unread: []string{"encrypted"}},
	"formats/dlink_encrypted.encrpted_img":     {verdict: "INCONCLUSIVE", unread: []string{"encrypted"}},
	"formats/dlink_mh01_encrypted.bin":         {verdict: "INCONCLUSIVE", unread: []string{"encrypted"}},
	"formats/draytek_vigor167.bin":             {never: noAccount},
	"formats/f2fs.img.xz":                      {kinds: []string{"xz", "f2fs"}, never: noAccount},
	"formats/jffs2_le.img":                     {kinds: []string{"jffs2"}, never: noAccount},
	"formats/yaffs2_be.img":                    {kinds: []string{"yaffs2"}, never: noAccount},
	"formats/npm_pybricks-firmware-7.28.0.tgz": {verdict: "INCONCLUSIVE", kinds: []string{"gzip", "tar", "zip", "cortex-m"}, unread: []string{"unknown"}, never: noAccount},
	"formats/testfile.hex":                     {verdict: "INCONCLUSIVE", kinds: []string{"intel-hex"}},
	"formats/testfile.srec":                    {verdict: "INCONCLUSIVE", unread: []string{"unknown"}},
	"formats/uboot.dtb":                        {verdict: "INCONCLUSIVE", never: noAccount},
	"formats/uboot.uimage":                     {verdict: "INCONCLUSIVE", kinds: []string{"uimage"}, unread: []string{"truncated"}},
	"formats/xiaomi_hdr1.bin":                  {never: noAccount},

	"routers/dlink_dir615c_rootfs.tar.bz2": {verdict: "FAIL", kinds: []string{"bzip2", "tar"}, roots: 1, because: []string{"user admin is left empty"},
		terms: []string{"password/config-nvram.default-admin password.blank_accepted"}, never: []string{"interface.unauthenticated"}},
	"routers/openwrt_like_2013_firmware.squashfs": {verdict: "INCONCLUSIVE", kinds: []string{"squashfs"}, roots: 1, never: []string{"password.unique_per_product", "password.blank_accepted"}, shows: []string{"openssl 0.9.8g; end of maintenance 2015-12-31", "etc/passwd"}},
	"routers/tplink_mr3020_v1_3.17.2.tpl":         {kinds: []string{"tp-link", "uimage", "squashfs"}, never: noAccount},
	"routers/tplink_wr841n_v10_3.16.9_up_boot.bin": {verdict: "INCONCLUSIVE", kinds: []string{"tp-link", "u-boot", "linux", "squashfs"}, roots: 1, terms: []string{"account/root account.hash_scheme"}, shows: []string{"a fixed hash (md5crypt)", "busybox 1.01", "to be looked at: default_password"},
		never: []string{"password.unique_per_product"}},

	"zigbee/Aeotec_Range_Extender_Zi_V1.0.3.ota":                                         {kinds: []string{"zigbee-ota"}, never: noAccount},
	"zigbee/Bosch_SWD2_0x11191514_PROD.fw":                                               {verdict: "INCONCLUSIVE", kinds: []string{"zigbee-ota"}, never: noAccount},
	"zigbee/Gledopto_GL-D-004P_V105_20220427_1_.ota":                                     {verdict: "INCONCLUSIVE", kinds: []string{"zigbee-ota"}, never: noAccount},
	"zigbee/Hue_100B-012D-0100080A-MSD-SiMG301.zigbee":                                   {verdict: "INCONCLUSIVE", kinds: []string{"zigbee-ota"}, unread: []string{"encrypted"}, never: noAccount},
	"zigbee/IKEA_tradfri-wireless-dimmer_release_prod_v587367985_87ff9a75-c4e3-4999-a65": {verdict: "INCONCLUSIVE", kinds: []string{"zigbee-ota"}, never: noAccount},
	"zigbee/IKEA_zingo_cws-0x2805-1.0.44-prod.ota.ota.signed":                            {kinds: []string{"zigbee-ota"}, never: noAccount},
	"zigbee/Sengled_RDL2016091_1_E11-G13_V0.0.9_20170921_release.ota":                    {verdict: "INCONCLUSIVE", kinds: []string{"zigbee-ota"}, never: noAccount},
	"zigbee/Sonoff_trvzb_v1.4.4.ota":                                                     {verdict: "INCONCLUSIVE", kinds: []string{"zigbee-ota"}, unread: []string{"encrypted"}, never: noAccount},
	"zigbee/ThirdReality_TRTL_ThermalSensor_PROD_OTA_V40_v1.00.40.ota":                   {verdict: "INCONCLUSIVE", kinds: []string{"zigbee-ota"}, never: noAccount},
	"zigbee/Tuya_ZPS_CS5490_039.ota":                                                     {verdict: "INCONCLUSIVE", kinds: []string{"zigbee-ota"}, never: noAccount},
}

// Each row of the manifest under firmware has its conclusion, and the command
// comes to it.
func TestRealFirmware(t *testing.T) {
	if testing.Short() {
		t.Skip("reads sixty real images")
	}
	manifest, err := os.ReadFile(filepath.Join(realInputs, "MANIFEST.md"))
	if err != nil {
		t.Skipf("the real inputs are not here: %v", err)
	}
	rows := 0
	lines := bufio.NewScanner(bytes.NewReader(manifest))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, ok := strings.CutPrefix(lines.Text(), "| firmware/")
		if !ok {
			continue
		}
		name, _, _ = strings.Cut(name, " | ")
		rows++
		t.Run(name, func(t *testing.T) {
			want, ok := realRows[name]
			if !ok {
				t.Fatal("the manifest has this row, and nothing is said of what is to be concluded")
			}
			tryReal(t, filepath.Join(realInputs, "firmware", name), want)
		})
	}
	if rows < len(realRows) {
		t.Errorf("got %d rows in the manifest, want %d", rows, len(realRows))
	}
}

func tryReal(t *testing.T, file string, want realRow) {
	env := &environment{errOut: &bytes.Buffer{}, now: func() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }}
	c := firmwareCommand{}
	f, _, err := c.take(t.Context(), env, file, &matcher{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := report.FirmwareText(&b, f, report.FirmwareOptions{TextOptions: report.TextOptions{Width: 10_000}, All: true}); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	verdict := want.verdict
	if verdict == "" {
		verdict = report.NoFinding
	}
	if f.Verdict != verdict {
		t.Errorf("got %s, want %s: %s", f.Verdict, verdict, f.Meaning)
	}
	if len(f.Roots) != want.roots {
		t.Errorf("got root file systems %q, want %d", f.Roots, want.roots)
	}
	for _, kind := range want.kinds {
		if !slices.ContainsFunc(f.Map, func(r report.Range) bool { return r.Kind == kind }) {
			t.Errorf("got no range of kind %s in\n%s", kind, text)
		}
	}
	for _, reason := range want.unread {
		if !slices.ContainsFunc(f.Unread, func(u report.Unread) bool { return u.Reason == reason }) {
			t.Errorf("got unread %v, want one as %s", f.Unread, reason)
		}
	}
	for _, words := range want.because {
		if !strings.Contains(strings.Join(f.Because, "\n"), words) {
			t.Errorf("got it because %q, want %q", f.Because, words)
		}
	}
	for _, words := range want.shows {
		if !strings.Contains(text, words) {
			t.Errorf("got no %q in\n%s", words, text)
		}
	}
	seen := map[string]bool{}
	for _, o := range f.Observations {
		seen[string(o.Subject)+" "+string(o.Term)], seen[string(o.Term)] = true, true
	}
	for _, term := range want.terms {
		if !seen[term] {
			t.Errorf("got no observation %s", term)
		}
	}
	for _, term := range want.never {
		if seen[term] {
			t.Errorf("got an observation %s, which the image does not carry", term)
		}
	}
	// Every byte of every space stands in the map once.
	covered := map[int]int64{}
	for _, r := range f.Map {
		if r.Leaf {
			covered[r.Space] += r.Size
		}
	}
	for i, s := range f.Spaces {
		if covered[i] != s.Size {
			t.Errorf("%s: the map covers %d of %d bytes", s.Name, covered[i], s.Size)
		}
	}
}
