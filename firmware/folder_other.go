//go:build !unix

package firmware

import "io/fs"

// sysAttr takes what a tree of this package says of a file; other systems have no owners or devices to tell.
func sysAttr(info fs.FileInfo) Attr {
	if a, ok := info.Sys().(*Attr); ok {
		return *a
	}
	return Attr{Offset: -1}
}
