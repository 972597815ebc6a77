#!/usr/bin/env bash
# Makes the evidence of the two example dossiers: firmware images, which are real
# squashfs file systems, and a factory's list of passwords. Both products are
# invented. Wants squashfs-tools and openssl. What it makes is kept, so nobody
# needs to run this to try assay.
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

# The keys of the camera's own Wi-Fi, as its factory would print them: each is the
# beginning of the MD5 of the unit's MAC address. A strength meter likes them.
mkdir -p camera/evidence/passwords
{
  echo serial,mac,ssid,password
  for i in $(seq 0 299); do
    mac=$(printf '02aaee%06x' $((0x31a400 + i * 2)))
    key=$(printf %s "$mac" | openssl md5 -r | cut -c1-12)
    printf 'NW%07d,%s,NightWatch-%s,%s\n' $((4100 + i)) "$(sed 's/../&:/g; s/:$//' <<<"$mac")" "${mac:8}" "$key"
  done
} > camera/evidence/passwords/wifi-setup.csv

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
