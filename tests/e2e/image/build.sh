#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the guest of the end-to-end tests into DIR: root.qcow2, vmlinuz,
# initrd. Uses the host's apt configuration; leaves nothing mounted.
#   build.sh DIR GUEST_AGENT
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: build.sh DIR GUEST_AGENT}
agent=${2:?usage: build.sh DIR GUEST_AGENT}
work=$(mktemp -d "${out%/}.work.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/rootfs

say() { echo "image: $*"; }

list() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$1"; }

bootstrap()
{
	local packages
	packages=$(list "$here/packages.txt" | paste -sd,)
	say "installing $(list "$here/packages.txt" | wc -l) packages" \
		"and what they need (about a minute)"
	mmdebstrap --quiet --variant=minbase --include="$packages" \
		--aptopt='APT::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		bookworm "$root" 2> "$work/log" ||
		{ tail -n 30 "$work/log" >&2; exit 1; }
}

enable_unit()
{
	install -m 644 "$here/$1" "$root/etc/systemd/system/$1"
	ln -sf "../$1" "$root/etc/systemd/system/multi-user.target.wants/$1"
}

configure()
{
	local etc=$root/etc unit
	say "configuring"
	echo terminal > "$etc/hostname"
	echo '127.0.0.1 localhost terminal' > "$etc/hosts"
	echo '/dev/vda / ext4 defaults,noatime 0 1' > "$etc/fstab"
	echo '6a9d3f1c52b84e07a1c0d94be83f7725' > "$etc/machine-id"
	useradd --root "$root" -m -s /bin/bash alice
	printf 'alice:alice\nroot:root\n' | chpasswd --root "$root"
	install -m 755 "$agent" "$root/usr/local/sbin/guest-agent"
	install -m 755 "$here/gadget.sh" "$root/usr/local/sbin/gadget"
	install -m 755 "$here/as-alice.sh" "$root/usr/local/sbin/as-alice"
	install -m 755 "$here/fsmount.py" "$root/usr/local/sbin/fsmount"
	install -m 644 "$here/modprobe.conf" "$etc/modprobe.d/e2e.conf"
	mkdir -p "$etc/systemd/system/multi-user.target.wants"
	list "$here/masked-units.txt" | while read -r unit; do
		ln -sf /dev/null "$etc/systemd/system/$unit"
	done
	ln -sf /lib/systemd/system/multi-user.target \
		"$etc/systemd/system/default.target"
	enable_unit guest-agent.service
	enable_unit guest-net.service
	rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
}

make_disk()
{
	say "writing the disk"
	truncate -s 4G "$work/root.ext4"
	mke2fs -q -t ext4 -L root \
		-E lazy_itable_init=1,nodiscard -d "$root" "$work/root.ext4"
	qemu-img convert -O qcow2 "$work/root.ext4" "$work/out/root.qcow2"
}

make_initrd()
{
	local tree=$work/initrd version module
	version=$(basename "$root"/lib/modules/*)
	say "kernel $version"
	cp "$root/boot/vmlinuz-$version" "$work/out/vmlinuz"
	mkdir -p "$tree"/{bin,dev,root,modules}
	cp /bin/busybox "$tree/bin/"
	install -m 755 "$here/init" "$tree/init"
	for module in virtio_pci virtio_blk crc32c_generic ext4; do
		modprobe -d "$root" -S "$version" --show-depends "$module"
	done | awk '/^insmod/ && !seen[$2]++ { print $2 }' > "$work/modules"
	while read -r module; do
		cp "$module" "$tree/modules/"
		basename "$module" >> "$tree/modules/order"
	done < "$work/modules"
	(cd "$tree" && find . | cpio -o -H newc --quiet | zstd -q -3) \
		> "$work/out/initrd"
}

mkdir -p "$work/out"
bootstrap
configure
make_initrd
make_disk
rm -rf "$out"
mv "$work/out" "$out"
say "done: $(du -sh "$out" | cut -f1)"
