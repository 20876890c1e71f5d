#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=dash
# The first program of a guest of kernels.py: the guard alone, a stick that is
# plugged in once the guard is up, and one line for each check: "ok NAME" or
# "FAIL NAME: what was said". The last line is "done".
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup

works() # NAME COMMAND...
{
	name=$1
	shift
	if sh -c "$*" > /tmp/out 2>&1; then
		echo "ok $name"
	else
		echo "FAIL $name: $(head -n 1 /tmp/out)"
	fi
}

refused() # NAME COMMAND...
{
	name=$1
	shift
	if sh -c "$*" > /tmp/out 2>&1; then
		echo "FAIL $name: it succeeded"
	elif grep -qi -e 'not permitted' -e 'permission denied' \
		-e 'read-only' /tmp/out; then
		echo "ok $name"
	else
		echo "FAIL $name: $(head -n 1 /tmp/out)"
	fi
}

load_modules()
{
	# shellcheck disable=SC2013 # words: one line of names
	for module in $(cat "/modules/$1"); do
		insmod "/modules/$module" || echo "FAIL insmod $module:"
	done
}

load_modules early
guardctl --verbose tier | sed 's/^/tier /'
guardctl tier | grep -q reused && echo "ok taken over" ||
	echo "FAIL taken over:"
load_modules late
n=0
while [ ! -b /dev/sda ] && [ $n -lt 60 ]; do
	sleep 1
	n=$((n + 1))
done
works "stick is there" test -b /dev/sda

refused "mount" mount -t ext4 -o ro /dev/sda /mnt
refused "read" dd if=/dev/sda of=/dev/null count=1
refused "read by an alias" 'mknod /tmp/a b 8 0 && dd if=/tmp/a of=/dev/null'
refused "SCSI generic" dd if=/dev/sg0 of=/dev/null count=1
refused "loop" losetup /dev/loop0 /dev/sda
refused "ftrace switch" 'echo 0 > /proc/sys/kernel/ftrace_enabled'
refused "sysfs switch" 'echo 1 > /sys/bus/usb/drivers_probe'
works "the daemon opens it" 'guardctl open /dev/sda | grep opened'
works "the refusals are told" 'guardctl events | grep "comm=dd"'

stick=$(echo /sys/bus/usb/devices/[0-9]*-[0-9])
for switch in authorized bConfigurationValue; do
	refused "USB $switch" "echo 1 > $stick/$switch"
done
refused "SCSI scan" 'echo - - - > /sys/class/scsi_host/host0/scan'
refused "usbfs" "dd if=/dev/$(sed -n s/^DEVNAME=//p "$stick/uevent") count=1"

# What is built in: refused by number, whether or not a driver is behind it.
node() # MAJOR MINOR
{
	rm -f /tmp/node
	mknod /tmp/node c "$1" "$2"
}
node 4 66
works "serial port while allowed" 'dd if=/tmp/node count=0 2>&1 |
	grep -qv "not permitted"'
guardctl gates on
refused "serial port" dd if=/tmp/node count=0
node 204 64
refused "serial port of a board" dd if=/tmp/node count=0
node 6 0
refused "printer" dd of=/tmp/node count=0 if=/dev/null
node 99 0
refused "parallel port" dd of=/tmp/node count=0 if=/dev/null
node 10 242
refused "radio switch" dd of=/tmp/node count=0 if=/dev/null
works "the radio switch is told" 'guardctl events | grep "chr 10:242"'
guardctl gates off

guardctl allow sda ro
works "read-only: read" dd if=/dev/sda of=/dev/null count=1
refused "read-only: write" dd if=/dev/zero of=/dev/sda count=1
works "read-only: mount" 'mount -t ext4 /dev/sda /mnt && test -f /mnt/f'
refused "read-only: touch" touch /mnt/x
refused "read-only: remount" mount -o remount,rw /mnt
umount /mnt
refused "read-only: flag" blockdev --setrw /dev/sda
guardctl allow sda rw
works "read-write" 'mount -t ext4 /dev/sda /mnt && touch /mnt/x && umount /mnt'
guardctl deny sda
refused "denied again" dd if=/dev/sda of=/dev/null count=1

guardctl tamper on wait > /dev/null 2>&1 &
daemon=$!
sleep 2
refused "tamper: kill" kill -9 $daemon
refused "tamper: unpin" 'rm /sys/fs/bpf/sekimori/*/guard_file_open'
echo "done"
poweroff -f
