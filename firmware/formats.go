package firmware

// formats are all the things that can be recognised, more telling ones first: at one place the first that parses wins.
var formats = []format{
	{kind: "squashfs", magic: []string{"hsqs", "sqsh", "shsq", "qshs", "hsqt", "tqsh", "sqlz"}, parse: parseSquashfs},
	{kind: "gzip", magic: []string{"\x1f\x8b\x08"}, parse: parseGzip},
	{kind: "xz", magic: []string{"\xfd7zXZ\x00"}, parse: parseXZ},
	{kind: "bzip2", magic: []string{"BZh"}, parse: parseBzip2},
	{kind: "zstd", magic: []string{"\x28\xb5\x2f\xfd"}, parse: parseZstd},
	{kind: "lzma", magic: []string{"\x5d\x00\x00", "\x6d\x00\x00", "\x6c\x00\x00\x80", "\x6e\x00\x00\x80", "\x5e\x00\x00\x80", "\x5a\x00\x00\x80"}, parse: parseLZMA},
	{kind: KindTar, at: 257, magic: []string{"ustar\x0000", "ustar  \x00"}, parse: parseTar},
}

var anywhere = index(formats)
