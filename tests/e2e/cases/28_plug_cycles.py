# SPDX-License-Identifier: Apache-2.0
"""Plugged in, judged, read, pulled out, again and again: the daemon's memory,
its descriptors and the guard's maps are afterwards as they were. 20 times here
and 200 in `make soak` (SEKIMORI_CYCLES)."""

import os

TIERS = ("T1",)
CYCLES = int(os.environ.get("SEKIMORI_CYCLES", "20"))
# What an allocator keeps for itself, over any number of cycles.
GROWTH_KIB = 256
WARM_UP = 5
PORTION = 10  # cycles in one command
POLICY = """
policy "cycles" serial 2 mode enforce
allow with-interface one-of { 08:*:* } rule-id "sticks-may-connect"
media read-only serial "GOOD" rule-id "good"
"""
# $1 times: two sticks come, one opens and is read, one stays shut, both go.
# $GOOD and $BAD are their ports.
CYCLE = r"""#!/bin/sh
wait_until() {
	n=0
	until eval "$1"; do
		n=$((n + 1))
		[ $n -lt 400 ] || { echo "waited for $1"; exit 1; }
		sleep 0.05
	done
}
disk_of() {
	set -- /sys/bus/usb/devices/$1/*/host*/target*/*/block/*
	test -e "$1" && echo "/dev/${1##*/}"
}
for i in $(seq $1); do
	gadget replug good
	gadget replug bad
	wait_until 'good=$(disk_of $GOOD) &&
		dd if=$good of=/dev/null count=1 2> /dev/null'
	wait_until 'bad=$(disk_of $BAD) && test -b $bad'
	dd if=$bad of=/dev/null count=1 2> /dev/null && exit 2
	dd if=/dev/zero of=$good count=1 2> /dev/null && exit 3
	gadget unplug good
	gadget unplug bad
	wait_until '! ls /sys/block | grep -q ^sd'
done
"""


# The kernel's count of what is the process's own.
MEMORY = "awk '/^Private/ { n += $2 } END { print n }' /proc/%s/smaps_rollup"


def cycle(t, count, ports):
    pid = t.must("systemctl show -P MainPID sekimorid")
    for done in range(0, count, PORTION):
        t.must(f"GOOD={ports[0]} BAD={ports[1]} sh /root/cycle "
               f"{min(PORTION, count - done)}", timeout=240)
        t.must(MEMORY % pid)  # its course stands in the transcript


def held(t):
    """The daemon; its memory in KiB; map entries, descriptors, threads,
    devices."""
    t.must("udevadm settle; sleep 2")
    pid = t.must("systemctl show -P MainPID sekimorid")
    memory = t.must(MEMORY % pid)
    maps = [t.must("bpftool map dump pinned $(ls -d /sys/fs/bpf/sekimori/*/"
                   f"{name}) | grep -c key; true")
            for name in ("devices", "policy")]
    counts = t.must(f"ls /proc/{pid}/fd | wc -l; ls /proc/{pid}/task | wc -l; "
                    "sekimorictl devices | wc -l").split()
    return pid, int(memory), maps + counts


def test_plugging_again_and_again_leaks_nothing(t):
    t.policy(POLICY)
    t.must("truncate -s 8M /root/g.img /root/b.img; mkfs.vfat /root/g.img")
    t.must("cat > /root/cycle", stdin=CYCLE.encode())
    t.gadget("good", ["storage:/root/g.img"], serial="GOOD", udc=0)
    t.gadget("bad", ["storage:/root/b.img"], serial="BAD", udc=1)
    ports = t.usb("serial", "GOOD"), t.usb("serial", "BAD")
    t.must("gadget unplug good; gadget unplug bad")
    t.until("! ls /sys/block | grep '^sd'")
    cycle(t, WARM_UP, ports)
    pid, memory, counts = held(t)
    since = 1 + int(t.must("cut -d' ' -f2 /run/sekimori/spool.tail"))
    cycle(t, CYCLES, ports)
    pid_after, memory_after, counts_after = held(t)
    t.transcript.write(f"memory {memory} -> {memory_after} KiB, counts "
                       f"{counts} after {CYCLES} cycles\n")
    t.equal(pid_after, pid, "the daemon")
    t.equal(counts_after, counts, "entries of devices and policy, "
            "descriptors, threads, lines of devices")
    t.check(memory_after - memory <= GROWTH_KIB,
            f"private memory grew from {memory} to {memory_after} KiB")
    # Each was judged; one of the warm-up may be among them. Counted in the
    # guest: of 200 cycles it is megabytes.
    for code in ("media.readonly", "media.denied"):
        told = t.must(f"sekimorictl events --json --since {since} --code "
                      f"{code} | wc -l", timeout=240)
        t.check(int(told) >= CYCLES, f"{told} × {code}")
