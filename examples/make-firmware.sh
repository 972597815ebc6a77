#!/usr/bin/env bash
# Makes the firmware images of the two example dossiers. Both products are
# invented; the images are real squashfs file systems. Wants squashfs-tools and
# openssl. The images are kept, so nobody needs to run this to try assay.
set -euo pipefail
cd "$(dirname "$0")"
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# elf FILE TEXT: an ELF header for 32-bit MIPS and a text, in place of a program.
elf() {
  mkdir -p "$(dirname "$1")"
  printf '\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x08\0\x01\0\0\0%s\0' "$2" > "$1"
  chmod 755 "$1"
}

image() {
  find "$tree" -exec touch -h -d 2026-01-01T00:00:00Z {} +
  mkdir -p "$(dirname "$1")"
  rm -f "$1"
  SOURCE_DATE_EPOCH=1767225600 mksquashfs "$tree" "$1" -comp xz -all-root -no-progress -quiet -noappend -reproducible
  rm -rf "${tree:?}"/*
}

# The camera: root's password is fixed in the image and published, and telnet
# starts at every boot.
elf "$tree/bin/busybox" 'BusyBox v1.22.1 (2026-01-01) multi-call binary.'
elf "$tree/usr/bin/camera" 'camera 1.4.0'
mkdir -p "$tree/etc/init.d" "$tree/usr/sbin" "$tree/root" "$tree/proc" "$tree/tmp"
ln -s busybox "$tree/bin/sh"
ln -s ../../bin/busybox "$tree/usr/sbin/telnetd"
cat > "$tree/etc/passwd" <<'X'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/:/bin/false
X
cat > "$tree/etc/shadow" <<X
root:$(openssl passwd -1 -salt Acme2026 admin):20454:0:99999:7:::
daemon:*:20454:0:99999:7:::
X
chmod 600 "$tree/etc/shadow"
cat > "$tree/etc/inittab" <<'X'
::sysinit:/etc/init.d/rcS
::ctrlaltdel:/sbin/reboot
X
cat > "$tree/etc/init.d/rcS" <<'X'
#!/bin/sh
mount -t proc proc /proc
mount -t tmpfs tmpfs /tmp
telnetd &
/usr/bin/camera &
X
chmod 755 "$tree/etc/init.d/rcS"
image camera/evidence/firmware/camera-1.4.0.squashfs

# The kettle: nobody can log in, nothing listens.
elf "$tree/bin/busybox" 'BusyBox v1.37.0 (2026-01-01) multi-call binary.'
elf "$tree/usr/bin/kettled" 'kettled 2.0.1'
mkdir -p "$tree/etc/init.d" "$tree/root" "$tree/proc" "$tree/tmp"
ln -s busybox "$tree/bin/sh"
cat > "$tree/etc/passwd" <<'X'
root:x:0:0:root:/root:/bin/sh
kettle:x:100:100:kettle:/:/sbin/nologin
X
cat > "$tree/etc/shadow" <<'X'
root:!:20454:0:99999:7:::
kettle:*:20454:0:99999:7:::
X
chmod 600 "$tree/etc/shadow"
cat > "$tree/etc/inittab" <<'X'
::sysinit:/etc/init.d/rcS
::respawn:/usr/bin/kettled
X
cat > "$tree/etc/init.d/rcS" <<'X'
#!/bin/sh
mount -t proc proc /proc
mount -t tmpfs tmpfs /tmp
X
chmod 755 "$tree/etc/init.d/rcS"
image kettle/evidence/firmware/kettle-2.0.1.squashfs
