package firmware

// formats are all the things that can be recognised, more telling ones first: at one place the first that parses wins.
var formats = []format{
	{kind: "sealed", magic: sealedMagic(), anchored: true, parse: parseSealed},
	{kind: "tp-link", magic: []string{"\x01\x00\x00\x00TP-LINK Tech"}, parse: parseTPLink},
	{kind: "trx", magic: []string{"HDR0"}, parse: parseTRX},
	{kind: "seama", magic: []string{"\x5e\xa3\xa4\x17"}, parse: parseSEAMA},
	{kind: "netgear-chk", magic: []string{"\x2a\x23\x24\x5e"}, parse: parseCHK},
	{kind: "xiaomi-hdr1", magic: []string{"HDR1"}, anchored: true, parse: parseHDR1},
	{kind: "dahua", magic: []string{"DH\x03\x04"}, anchored: true, parse: parseDahua},
	{kind: "zigbee-ota", magic: []string{"\x1e\xf1\xee\x0b\x00\x01"}, parse: parseZigbee},
	{kind: "matter-ota", magic: []string{"\x1e\xf1\xee\x1b"}, parse: parseMatter},
	{kind: "ikea-signed", magic: []string{"NGIS\x0c\x00"}, anchored: true, parse: parseNGIS},
	{kind: "gbl", magic: []string{"\xeb\x17\xa6\x03"}, parse: parseGBL},
	{kind: "mcuboot", magic: []string{"\x3d\xb8\xf3\x96"}, parse: parseMCUboot},
	{kind: "uimage", magic: []string{"\x27\x05\x19\x56"}, parse: parseUImage},
	{kind: "squashfs", magic: []string{"hsqs", "sqsh", "shsq", "qshs", "hsqt", "tqsh", "sqlz"}, parse: parseSquashfs},
	{kind: "jffs2", magic: []string{"\x85\x19\x03\x20", "\x85\x19\x01\xe0", "\x85\x19\x02\xe0", "\x19\x85\x20\x03", "\x19\x85\xe0\x01", "\x19\x85\xe0\x02"}, parse: parseJFFS2},
	{kind: "ext4", at: 1080, magic: []string{"\x53\xef"}, align: 512, parse: parseExt},
	{kind: "ubi", magic: []string{"UBI#"}, parse: parseUBI},
	{kind: "ubifs", magic: []string{"\x31\x18\x10\x06"}, parse: parseUBIFS},
	{kind: "device-tree", magic: []string{"\xd0\x0d\xfe\xed"}, parse: parseFDT},
	{kind: "cramfs", magic: []string{"\x45\x3d\xcd\x28", "\x28\xcd\x3d\x45"}, parse: parseCramfs},
	{kind: "romfs", magic: []string{"-rom1fs-"}, parse: parseRomfs},
	{kind: "uf2", magic: []string{"UF2\nWQ]\x9e"}, parse: parseUF2},
	{kind: "elf", magic: []string{"\x7fELF\x01\x01\x01", "\x7fELF\x01\x02\x01", "\x7fELF\x02\x01\x01", "\x7fELF\x02\x02\x01"}, parse: parseELF},
	{kind: "intel-hex", magic: []string{":"}, anchored: true, stream: true, parse: parseIntelHex},
	{kind: "s-record", magic: []string{"S0", "S1", "S2", "S3"}, anchored: true, stream: true, parse: parseSRecord},
	{kind: "zip", stream: true, magic: []string{"PK\x03\x04"}, parse: parseZip},
	{kind: "android-sparse", magic: []string{"\x3a\xff\x26\xed\x01\x00"}, parse: parseSparse},
	{kind: "android-boot", magic: []string{"ANDROID!"}, parse: parseBootImage},
	{kind: "fat", at: 54, magic: []string{"FAT12   ", "FAT16   "}, parse: parseFAT},
	{kind: "fat", at: 82, magic: []string{"FAT32   "}, parse: parseFAT},
	{kind: "f2fs", at: 1024, magic: []string{"\x10\x20\xf5\xf2"}, parse: parseF2FS},
	{kind: "uboot-env", magic: []string{"bootcmd=", "bootdelay=", "baudrate="}, starts: envStart, parse: parseEnv},
	{kind: "draytek", magic: []string{"2RDH"}, anchored: true, parse: parseDrayTek},
	{kind: "7z", stream: true, magic: []string{"7z\xbc\xaf\x27\x1c"}, parse: parse7z},
	{kind: "lz4", stream: true, magic: []string{"\x04\x22\x4d\x18"}, parse: parseLZ4},
	{kind: "lz4", stream: true, magic: []string{"\x02\x21\x4c\x18"}, parse: parseLZ4Legacy},
	{kind: "lzop", stream: true, magic: []string{"\x89LZO\x00\r\n\x1a\n"}, parse: parseLzop},
	{kind: "cpio", stream: true, magic: []string{"070701", "070702", "070707"}, parse: parseCpio},
	{kind: "esp-partitions", magic: []string{"\xaa\x50\x00", "\xaa\x50\x01"}, align: espSector, parse: parseESPTable},
	{kind: "esp-image", magic: espMagic(), align: espSector, parse: parseESP},
	{kind: "esp-image", magic: []string{"\xea\x04"}, align: espSector, parse: parseESP8266v2},
	{kind: "gzip", stream: true, magic: []string{"\x1f\x8b\x08"}, parse: parseGzip},
	{kind: "xz", stream: true, magic: []string{"\xfd7zXZ\x00"}, parse: parseXZ},
	{kind: "bzip2", stream: true, magic: []string{"BZh"}, parse: parseBzip2},
	{kind: "zstd", stream: true, magic: []string{"\x28\xb5\x2f\xfd"}, parse: parseZstd},
	{kind: "lzma", stream: true, magic: []string{"\x5d\x00\x00", "\x6d\x00\x00", "\x6c\x00\x00\x80", "\x6e\x00\x00\x80", "\x5e\x00\x00\x80", "\x5a\x00\x00\x80"}, parse: parseLZMA},
	{kind: "iso9660", at: 16 * isoSector, magic: []string{"\x01CD001\x01"}, parse: parseISO},
	{kind: "yaffs2", magic: []string{"\x01\x00\x00\x00\x01\x00\x00\x00\xff\xff", "\x03\x00\x00\x00\x01\x00\x00\x00\xff\xff", "\x02\x00\x00\x00\x01\x00\x00\x00\xff\xff",
		"\x00\x00\x00\x01\x00\x00\x00\x01\xff\xff", "\x00\x00\x00\x03\x00\x00\x00\x01\xff\xff", "\x00\x00\x00\x02\x00\x00\x00\x01\xff\xff"}, parse: parseYAFFS2},
	{kind: "exfat", at: 3, magic: []string{"EXFAT   "}, parse: parseExFAT},
	{kind: "ntfs", at: 3, magic: []string{"NTFS    "}, anchored: true, parse: parseForeign},
	{kind: "erofs", at: 1024, magic: []string{"\xe2\xe1\xf5\xe0"}, parse: parseEROFS},
	{kind: "mbr", at: 510, magic: []string{"\x55\xaa"}, anchored: true, parse: parseMBR},
	{kind: KindTar, stream: true, at: 257, magic: []string{"ustar\x0000", "ustar  \x00"}, parse: parseTar},
}

// espMagic is the mark of an ESP image with every number of segments.
func espMagic() []string {
	var m []string
	for n := byte(1); n <= 16; n++ {
		m = append(m, string([]byte{0xe9, n}))
	}
	return m
}

var anywhere = index(formats)
