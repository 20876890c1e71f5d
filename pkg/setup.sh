#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that building (build), testing (test) or trying
# (try) needs, those that are missing only. Root is needed only when one is.
set -euo pipefail

build=(gcc make libc6-dev pkg-config clang llvm bpftool libbpf-dev libelf-dev
	zlib1g-dev libzstd-dev libsystemd-dev libblkid-dev libssl-dev
	libjansson-dev libcurl4-openssl-dev libmicrohttpd-dev libgnutls28-dev
	libsqlite3-dev libpq-dev librdkafka-dev libseccomp-dev libpam0g-dev
	libgtk-4-dev libnotify-dev gettext python3 git debhelper dpkg-dev fakeroot)
vm=(qemu-system-x86 qemu-utils seabios mmdebstrap busybox-static cpio zstd
	xz-utils kmod e2fsprogs dosfstools openssl ca-certificates)
try=()
check=(libcmocka-dev libclang-rt-14-dev clang-format mandoc shellcheck
	cppcheck clang-tidy valgrind dbus protobuf-compiler python3-protobuf
	python3-jsonschema
	sqlite3 softhsm2 libengine-pkcs11-openssl lintian curl libpam-oath
	libpam-google-authenticator postgresql rsyslog rsyslog-gnutls
	rsyslog-relp chromium fonts-noto-cjk xvfb xdotool imagemagick
	python3-dbus python3-gi gir1.2-atspi-2.0 at-spi2-core)

# Another node than Debian's brings an npm of its own, which Debian's will not
# stand beside.
command -v node >/dev/null || check+=(nodejs)
command -v npm >/dev/null || check+=(npm)

case ${1:-build} in
build) want=("${build[@]}") ;;
try) want=("${build[@]}" "${vm[@]}" "${try[@]}") ;;
test) want=("${build[@]}" "${vm[@]}" "${check[@]}") ;;
*)
	echo "usage: pkg/setup.sh build|try|test" >&2
	exit 2
	;;
esac

missing=()
for p in "${want[@]}"; do
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
		missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "sekimori: these packages are missing; as root: apt-get install ${missing[*]}" >&2
	exit 1
fi
echo "sekimori: installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
