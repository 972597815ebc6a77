//go:build unix

package firmware

import (
	"io/fs"
	"syscall"
)

// sysAttr takes owner, device and inode from what the machine says of a file.
func sysAttr(info fs.FileInfo) Attr {
	switch st := info.Sys().(type) {
	case *Attr:
		return *st
	case *syscall.Stat_t:
		major, minor := linuxDev(uint32(st.Rdev))
		return Attr{UID: st.Uid, GID: st.Gid, Inode: uint64(st.Ino), Major: major, Minor: minor, Offset: -1}
	}
	return Attr{Offset: -1}
}
