#!/usr/bin/env bash
# Installs the programs that the tests hold assay against, where this machine
# lets us: Debian or Ubuntu, as root. Elsewhere the tests that want them skip.
set -u
want=()
need() { command -v "$1" >/dev/null 2>&1 || want+=("$2"); }
need mksquashfs squashfs-tools
need perl perl
need openssl openssl
need cc gcc
need mkfs.jffs2 mtd-utils
need mkfs.ext4 e2fsprogs
need mkfs.cramfs util-linux
need genromfs genromfs
need mkimage u-boot-tools
need mkfs.f2fs f2fs-tools
need mkfs.vfat dosfstools
need mcopy mtools
need xorriso xorriso
need pdfinfo poppler-utils
need cpio cpio
need zstd zstd
need lzop lzop
need lz4 lz4
need mkfs.erofs erofs-utils
need 7z p7zip-full
need mkfs.exfat exfatprogs
need chromium chromium
need node nodejs
# Services of which the tests of package device are clients.
need busybox busybox-static
need dropbear dropbear-bin
need lighttpd lighttpd
need mosquitto mosquitto
need vsftpd vsftpd
need snmpd snmpd
need mini_httpd mini-httpd
need coap-server-notls libcoap3-bin
need minidlnad minidlna
need sshd openssh-server
# Clients that package peer plays the server for.
need curl curl
need mosquitto_pub mosquitto-clients
need python3 python3
need nft nftables
need ip iproute2
need nmap nmap
if ! /usr/bin/python3 -c 'import gi; gi.require_version("GstRtspServer", "1.0"); from gi.repository import GstRtspServer' >/dev/null 2>&1; then
  want+=(gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good)
fi
need tshark tshark
need tcpdump tcpdump
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || need initdb postgresql # Debian keeps it off the path
if [ ${#want[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    # Services are for the tests to start, in a network of their own; none is to start by being installed.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
      printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && trap 'rm -f "$policy"' EXIT
    fi
    apt-get update -qq >/dev/null 2>&1
    for p in "${want[@]}"; do
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$p" >/dev/null 2>&1 || echo "could not install $p: tests that want it skip"
    done
  else
    echo "not installed: ${want[*]}; tests that want them skip"
  fi
fi
# axe-core looks at the pages for what a person with a screen reader would miss.
if command -v npm >/dev/null 2>&1 && [ ! -f internal/browsertest/node_modules/axe-core/axe.min.js ]; then
  (cd internal/browsertest && npm ci --silent --no-audit --no-fund >/dev/null 2>&1) || echo "could not install axe-core: the accessibility tests skip"
fi
exit 0
