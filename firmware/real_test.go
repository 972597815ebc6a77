package firmware

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"testing"
)

// A realCase is a real image and what a correct reader finds in it.
type realCase struct {
	file   string
	ranges []string // kinds with offsets and words that the map must hold, in order: "squashfs@0x0 xz"
	trees  []string // kind@offset entries
	files  map[string]string
	unread []string // "reason words", each must be there; with none, nothing may be unread but data of unknown kind
}

var realCases = []realCase{
	{file: "artefacts/etc_rc.local", ranges: []string{"text@0x0"}},
	{file: "bootloaders/hak5_wifi-pineapple-nano_13082015.bin", ranges: []string{"data@0x0", "uimage@0x3a4c u-boot image MIPS Linux firmware, lzma", "lzma@", "u-boot@0x0 U-Boot 1.1.4  (Aug 13 2015, 02:34:53)", "padding@"}, unread: []string{"unknown data"}},
	{file: "bootloaders/netgear_wndr4300_v2_120814.bin", ranges: []string{"u-boot@0x0 U-Boot 1.1.4 (Aug 12 2014 - 15:21:46)", "padding@"}},
	{file: "cameras/digoo_rootfs.squashfs", trees: []string{"squashfs@0x0 440"}, files: map[string]string{"etc/passwd": "root:$1$", "etc/init.d/rcS": "telnetd"}},
	{file: "cameras/escam_g02_conf.jffs2", ranges: []string{"jffs2@0x0  JFFS2 little endian, 1942 nodes"}, trees: []string{"jffs2@0x0 50"}, files: map[string]string{"config_user.ini": "admin"}},
	{file: "cameras/neos_smartcam_4.15.2.45_driver.squashfs", trees: []string{"squashfs@0x0 11"}},
	{file: "cameras/neos_smartcam_4.15.2.45_kernel.uimage", ranges: []string{"uimage@0x0 Linux-3.10.14 MIPS Linux kernel, lzma, made 2018-08-13", "lzma@0x40", "linux@0x400 Linux version 3.10.14 (root@ubuntu)", "padding@0x1c11d9"}},
	{file: "cameras/neos_smartcam_4.15.2.45_rootfs.squashfs", trees: []string{"squashfs@0x0 405"}, files: map[string]string{"etc/shadow": "root:", "etc/init.d/rcS": "telnetd", "bin/sh": "\x7fELF", "etc/inittab": "getty"}},
	{file: "cameras/spycam_kernel.uimage", ranges: []string{"uimage@0x0 Linux-3.10.14 MIPS Linux kernel, lzma", "lzma@0x40", "linux@0x400 Linux version 3.10.14"}},
	{file: "cameras/spycam_rootfs.squashfs", trees: []string{"squashfs@0x0 312"}, files: map[string]string{"etc/shadow": "root::", "etc/init.d/rcS": "telnetd"}},
	{file: "esp/WLED_0.15.0_ESP32.bin", ranges: []string{"esp-image@0x0 esp32-arduino-lib-builder ESP32 image, 5 segments, entry 0x400848b0, checksum right, version", "segment@0x18"}},
	{file: "esp/bootloader-encrypted.bin", ranges: []string{"opaque@0x0"}, unread: []string{"encrypted opaque"}},
	{file: "esp/bootloader_esp32_v5_2.bin", ranges: []string{"esp-image@0x0 boot loader ESP32 image, 4 segments, entry 0x40080650, checksum right, ESP-IDF v5.2-dev"}},
	{file: "esp/bootloader_esp32c3.bin", ranges: []string{"esp-image@0x0  ESP32-C3 image, 4 segments, entry 0x403c0000, checksum right, digest right, no signature"}},
	{file: "esp/bootloader_signed_v2_rsa.bin", ranges: []string{"esp-image@0x0  ESP32 image, 4 segments, entry 0x400806f8, checksum right, digest right, signed for secure boot version 2", "signature@0x8000"}},
	{file: "esp/esp8266_at_user1.1024.new.2.bin", ranges: []string{"esp-image@0x0  ESP8266 image version 2"}},
	{file: "esp/esp_idf_blink_esp32s2.bin", ranges: []string{"esp-image@0x0 blink ESP32-S2 image, 6 segments"}},
	{file: "esp/hello-world-signed-encrypted.bin", ranges: []string{"opaque@0x0"}, unread: []string{"encrypted opaque"}},
	{file: "esp/partitions_singleapp.bin", ranges: []string{"esp-partitions@0x0  ESP partition table: factory at 0x10000, rfdata at 0x110000, wifidata at 0x150000"}},
	{file: "esp/ruuvi_gateway_bootloader.bin", ranges: []string{"esp-image@0x0  ESP32 image, 4 segments, entry 0x400806ec, checksum right, digest right, no signature"}},
	{file: "esp/tasmota.bin", ranges: []string{"esp-image@0x0  ESP8266 image, 1 segments", "esp-image@0x1000  ESP8266 image, 5 segments"}},
	{file: "formats/avm_be.sqfs4", trees: []string{"squashfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule", "testfile2": "second test file", "generic folder/test file 3_.txt": "third test"}},
	{file: "formats/binwalk_cramfs.bin", ranges: []string{"cramfs@0x0 Compressed cramfs little endian, 2 files, checksum right"}, trees: []string{"cramfs@0x0 1"}},
	{file: "formats/binwalk_mbr.bin", ranges: []string{"mbr@0x0  MBR, 1 partitions: type 0x83 at 0x200", "header@0x0", "partition@0x200"}},
	{file: "formats/buffalo_encrypted.bin", ranges: []string{"buffalo-encrypted@0x0"}, unread: []string{"encrypted Buffalo"}},
	{file: "formats/cramfs.img", trees: []string{"cramfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule", "testfile2": "second test file", "generic folder/test file 3_.txt": "third test"}},
	{file: "formats/dlink_encrypted.encrpted_img", ranges: []string{"dlink-encrypted@0x0"}, unread: []string{"encrypted D-Link"}},
	{file: "formats/dlink_mh01_encrypted.bin", ranges: []string{"dlink-mh01@0x0"}, unread: []string{"encrypted D-Link"}},
	{file: "formats/draytek_vigor167.bin", ranges: []string{"draytek@0x0", "header@0x0", "squashfs@0x100", "padding@", "text@0x1100"}, trees: []string{"squashfs@0x100 3"}},
	{file: "formats/f2fs.img.xz", ranges: []string{"xz@0x0", "f2fs@0x0  F2FS 1.11"}, trees: []string{"f2fs@0x0 5"}, files: map[string]string{"get_files_test/testfile1": "MyTestRule"}},
	{file: "formats/gzip.sqfs", trees: []string{"squashfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule", "testfile2": "second test file", "generic folder/test file 3_.txt": "third test"}},
	{file: "formats/jffs2_le.img", trees: []string{"jffs2@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule", "testfile2": "second test file", "generic folder/test file 3_.txt": "third test"}},
	{file: "formats/lz4.sqfs", trees: []string{"squashfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule", "testfile2": "second test file", "generic folder/test file 3_.txt": "third test"}},
	{file: "formats/lzma1_be.sqfs3", trees: []string{"squashfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule", "testfile2": "second test file", "generic folder/test file 3_.txt": "third test"}},
	{file: "formats/lzma1_le.sqfs3", trees: []string{"squashfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule", "testfile2": "second test file", "generic folder/test file 3_.txt": "third test"}},
	{file: "formats/lzma_le.sqfs2", trees: []string{"squashfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule", "testfile2": "second test file", "generic folder/test file 3_.txt": "third test"}},
	{file: "formats/npm_pybricks-firmware-7.28.0.tgz", ranges: []string{"gzip@0x0", "tar@0x0", "zip@0x0"}, trees: []string{"tar@0x0 21", "zip@0x0 3", "zip@0x0 3", "zip@0x0 3", "zip@0x0 3", "zip@0x0 3", "zip@0x0 3", "zip@0x0 3"}, files: map[string]string{"package/package.json": "pybricks", "firmware.metadata.json": "firmware-version"}},
	{file: "formats/testfile.hex", ranges: []string{"intel-hex@0x0  Intel HEX, 19 bytes in 1 runs", "text@0x0"}},
	{file: "formats/testfile.srec", ranges: []string{"s-record@0x0  Motorola S-records, 70 bytes in 1 runs", "data@0x0"}, unread: []string{"unknown data"}},
	{file: "formats/uboot.dtb", ranges: []string{"uimage@0x0 DD-XYZ ARM Linux kernel, none", "device-tree@0x980"}, unread: []string{"truncated uimage", "corrupt uimage header"}},
	{file: "formats/uboot.uimage", ranges: []string{"uimage@0x0 u-boot image MIPS Linux firmware, lzma, made 2014-09-22", "lzma@0x40", "u-boot@0x0 U-Boot 1.1.4 (Sep 22 2014", "tp-link@0x1c5b0", "lzma@0x1c7b0"}, unread: []string{"truncated tp-link", "truncated lzma"}},
	{file: "formats/xiaomi_hdr1.bin", ranges: []string{"xiaomi-hdr1@0x0  Xiaomi HDR1, signed"}, trees: []string{"xiaomi-hdr1@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule"}},
	{file: "formats/xz.sqfs", trees: []string{"squashfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule", "testfile2": "second test file", "generic folder/test file 3_.txt": "third test"}},
	{file: "formats/yaffs2_be.img", trees: []string{"yaffs2@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule", "testfile2": "second test file", "generic folder/test file 3_.txt": "third test"}},
	{file: "formats/zlib_be.sqfs3", trees: []string{"squashfs@0x0 4"}, files: map[string]string{"testfile1": "MyTestRule", "testfile2": "second test file", "generic folder/test file 3_.txt": "third test"}},
	{file: "routers/dlink_dir615c_rootfs.tar.bz2", ranges: []string{"bzip2@0x0", "tar@0x0"}, trees: []string{"tar@0x0 594"}, files: map[string]string{"squashfs-root/etc/shadow": "root:"}},
	// Stock tools fail on its lzma; the form with five bytes of header reads it whole.
	{file: "routers/openwrt_like_2013_firmware.squashfs", trees: []string{"squashfs@0x0 1810"}, files: map[string]string{"bin/busybox": "\x7fELF"}},
	{file: "routers/tplink_mr3020_v1_3.17.2.tpl", ranges: []string{"tp-link@0x0 ver. 1.0 TP-Link header, hardware 0x30200001 revision 1, version 3.17.2", "uimage@", "tp-link@0x20200", "lzma@0x20400", "linux@", "squashfs@0x120200"}, trees: []string{"squashfs@0x120200 4"}},
	{file: "routers/tplink_wr841n_v10_3.16.9_up_boot.bin", ranges: []string{"tp-link@0x0 ver. 1.0 TP-Link header, hardware 0x08410010 revision 1, version 3.16.9", "u-boot@", "uimage@0x39d0", "tp-link@0x20200", "lzma@0x20400", "linux@0x400 Linux version 2.6.31", "squashfs@0x120200  squashfs 4.0 little endian, lzma"},
		trees: []string{"squashfs@0x120200 559"}, files: map[string]string{"etc/shadow": "root:$1$", "usr/bin/httpd": "\x7fELF"}},
	{file: "zigbee/Aeotec_Range_Extender_Zi_V1.0.3.ota", ranges: []string{"zigbee-ota@0x0 EBL Z3RangeExtender Zigbee OTA, manufacturer 0x1310, image type 0x0000, file version 0x00000011"}},
	{file: "zigbee/Bosch_SWD2_0x11191514_PROD.fw", ranges: []string{"zigbee-ota@0x0 RBSH-SWD-ZB Zigbee OTA, manufacturer 0x1209, image type 0x3007, file version 0x11191514"}, unread: []string{"unknown data"}},
	{file: "zigbee/Gledopto_GL-D-004P_V105_20220427_1_.ota", ranges: []string{"zigbee-ota@0x0 Telink OTA Sample Usage Zigbee OTA, manufacturer 0x124f, image type 0x1452, file version 0x15013001"}, unread: []string{"unknown data"}},
	{file: "zigbee/Hue_100B-012D-0100080A-MSD-SiMG301.zigbee", ranges: []string{"zigbee-ota@0x0  Zigbee OTA, manufacturer 0x100b, image type 0x012d, file version 0x0100080a"}, unread: []string{"encrypted opaque"}},
	{file: "zigbee/IKEA_tradfri-wireless-dimmer_release_prod_v587367985_87ff9a75-c4e3-4999-a65", ranges: []string{"zigbee-ota@0x0 EBL tradfri_switch_basic Zigbee OTA, manufacturer 0x117c, image type 0x11c2, file version 0x23028631"}, unread: []string{"unknown data"}},
	{file: "zigbee/IKEA_zingo_cws-0x2805-1.0.44-prod.ota.ota.signed", ranges: []string{"zigbee-ota@0x2c8 GBL zingo_cws Zigbee OTA, manufacturer 0x117c, image type 0x2805, file version 0x01000044"}},
	{file: "zigbee/Sengled_RDL2016091_1_E11-G13_V0.0.9_20170921_release.ota", ranges: []string{"zigbee-ota@0x0 EBL ElementClassic_E11GX3 Zigbee OTA, manufacturer 0x1160, image type 0x0003, file version 0x00000009"}, unread: []string{"unknown data"}},
	{file: "zigbee/Sonoff_trvzb_v1.4.4.ota", ranges: []string{"zigbee-ota@0x0 vers:00001404,00001301\\n Zigbee OTA, manufacturer 0x1286, image type 0x2007, file version 0x00001404"}, unread: []string{"encrypted gbl"}},
	{file: "zigbee/ThirdReality_TRTL_ThermalSensor_PROD_OTA_V40_v1.00.40.ota", ranges: []string{"zigbee-ota@0x0 Telink OTA Sample Usage Zigbee OTA, manufacturer 0x1233, image type 0xd3a9, file version 0x00000028"}, unread: []string{"unknown data"}},
	{file: "zigbee/Tuya_ZPS_CS5490_039.ota", ranges: []string{"zigbee-ota@0x0 peanut Power Plug Zigbee OTA, manufacturer 0x1002, image type 0x5ec0, file version 0x00000039"}, unread: []string{"unknown data"}},
}

func TestRealImages(t *testing.T) {
	for _, c := range realCases {
		t.Run(strings.ReplaceAll(c.file, "/", "_"), func(t *testing.T) {
			im := openPath(t, realFile(t, c.file))
			c.check(t, im)
		})
	}
}

func (c realCase) check(t *testing.T, im *Image) {
	t.Helper()
	rest := im.Map
	for _, want := range c.ranges {
		for len(rest) > 0 && !strings.HasPrefix(rest[0].place()+" "+rest[0].Name+" "+rest[0].Detail, want) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			t.Errorf("map: no %q, or not in order, in %s", want, describe(im))
			break
		}
	}
	var trees []string
	for _, tr := range im.Trees {
		if !tr.Complete && len(c.unread) == 0 {
			t.Errorf("%s is not complete", tr.Name)
		}
		r := Range{Kind: tr.Kind, Offset: tr.Offset}
		trees = append(trees, r.place()+" "+itoa(tr.Entries))
		if tr.Complete {
			readable(t, tr)
		}
	}
	if got, want := strings.Join(trees, ", "), strings.Join(c.trees, ", "); got != want {
		t.Errorf("trees: got %s, want %s", got, want)
	}
	for name, want := range c.files {
		if !inTrees(im, name, want) {
			t.Errorf("%s: not found, or without %q", name, want)
		}
	}
	for _, want := range c.unread {
		reason, words, _ := strings.Cut(want, " ")
		if !has(im, Reason(reason), words) {
			t.Errorf("unread: no %q in %v", want, im.Unread)
		}
	}
	for _, u := range im.Unread {
		if len(c.unread) == 0 && u.Reason != Unknown {
			t.Errorf("unread: %v", u)
		}
	}
}

func inTrees(im *Image, name, want string) bool {
	for _, tr := range im.Trees {
		if data, err := tr.FS.ReadFile(name); err == nil && strings.Contains(string(data), want) {
			return true
		}
	}
	return false
}

// readable reads every file of a complete tree.
func readable(t *testing.T, tr Tree) {
	t.Helper()
	err := fs.WalkDir(tr.FS, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		_, err = fs.ReadFile(tr.FS, p)
		return err
	})
	if err != nil {
		t.Errorf("%s: %v", tr.Name, err)
	}
}

func (r Range) place() string { return fmt.Sprintf("%s@0x%x", r.Kind, r.Offset) }

func itoa(n int) string { return strconv.Itoa(n) }

// describe draws the map for a failed test.
func describe(im *Image) string {
	var s strings.Builder
	for i, r := range im.Map {
		if i == 50 {
			break
		}
		fmt.Fprintf(&s, "\n%s%s+0x%x %q %s", strings.Repeat("  ", r.Depth), r.place(), r.Size, r.Name, r.Detail)
	}
	return s.String()
}
