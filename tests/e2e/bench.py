#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The figures of `make bench` that need a terminal: name, value, unit. The
guest is emulated, 10 to 20 times slower than a machine: compare, do not
quote."""

import argparse
import os
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True

import run  # noqa: E402
import snapshot  # noqa: E402

IDLE_SECONDS = 60
PLUGS = 7
OPEN_TURNS = 6
# A regular file, a device node that is nobody's medium, the system's own disk.
FILES = "/etc/passwd /dev/null /dev/vda"
GRANTED = """
policy "bench" serial 2 mode enforce
allow with-interface one-of { 08:*:* } rule-id "sticks-may-connect"
media read-only rule-id "the-stick"
"""


def show(name, value, unit):
    print(f"{name} {value} {unit}", flush=True)


def open_costs(guests, build):
    """stat(), and open() with close(), in turn in each guest: what else the
    host does must not fall on one of them."""
    best = {}
    for machine in guests.values():
        machine.put(f"{build}/tests/e2e/tools/open_cost", "/root/open_cost")
    for _ in range(OPEN_TURNS):
        for label, machine in guests.items():
            said = machine.must(f"/root/open_cost {FILES}")
            for what, path, cost in map(str.split, said.splitlines()):
                name = f"{what}_{os.path.basename(path)}_{label}"
                best[name] = min(float(cost), best.get(name, 1e9))
    for name, cost in sorted(best.items()):
        show(name, cost, "us")


def memory(machine, pid):
    rollup = machine.must(f"cat /proc/{pid}/smaps_rollup")
    sizes = {line.split(":")[0]: int(line.split()[1])
             for line in rollup.splitlines()[1:]}
    private = sizes["Private_Clean"] + sizes["Private_Dirty"]
    show("daemon_memory_private", private, "KiB")
    show("daemon_memory_rss", sizes["Rss"], "KiB")


def wake_ups(machine, pid):
    """Times the idle daemon was put on a processor in a minute."""
    count = f"awk '/ctxt_switches/ {{ n += $2 }} END {{ print n }}' " \
        f"/proc/{pid}/status"
    before = int(machine.must(count))
    machine.must(f"sleep {IDLE_SECONDS}", timeout=IDLE_SECONDS + 30)
    show("daemon_wake_ups_idle", int(machine.must(count)) - before,
         "per_minute")


def plug_to_record(machine):
    machine.put(snapshot.HERE + "/tools/plug_latency.py", "/root/latency")
    times = machine.must(f"/root/latency {PLUGS}", timeout=120).split()
    show("plug_to_denied_record_durable",
         statistics.median(map(float, times)), "ms")


def plug_to_mount(machine):
    """A stick that policy grants, read-only: until the kernel has its disk,
    until that opens, until it is mounted.

    Between the first and the second the daemon looks at the disk with a probe
    in a process of its own, then enters the verdict and has the partitions
    read. It puts nothing off: it runs for some 50 ms, its probe for as long
    again, beside the ten workers that udev starts for the same plug on the one
    processor there is. A machine waits a second more before the first: that is
    usb-storage (delay_use), and switched off in the guest."""
    machine.must("rm -f /etc/sekimori/rules.d/*; cat > /etc/sekimori/rules.d/"
                 "50-bench.rules; busctl call jp.sekimori.Agent1 "
                 "/jp/sekimori/Agent1 jp.sekimori.Agent1 Reload",
                 stdin=GRANTED.encode())
    machine.put(snapshot.HERE + "/tools/mount_latency.py", "/root/mounting")
    said = machine.must(f"/root/mounting {PLUGS}", timeout=180)
    rows = [list(map(float, line.split())) for line in said.splitlines()]
    for name, column in (("plug_to_disk_announced", 0),
                         ("plug_to_verdict_in_force", 1),
                         ("verdict_to_mounted", 2)):
        show(name, statistics.median(row[column] for row in rows), "ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    build = parser.parse_args().build
    agent = run.guest_agent(build)
    packages = snapshot.agent_packages(build + "/deb")
    if not packages:
        sys.exit("bench: no packages in the build folder (make deb)")
    with tempfile.TemporaryDirectory(prefix="sekimori-bench-") as folder:
        plain = snapshot.restore(snapshot.plain(agent), folder + "/plain")
        machine = snapshot.restore(
            snapshot.enforcing(agent, packages, "T1"), folder + "/guarded")
        open_costs({"without_guard": plain, "with_guard": machine}, build)
        plain.close()
        pid = machine.must("systemctl show -P MainPID sekimorid").strip()
        plug_to_record(machine)
        plug_to_mount(machine)
        memory(machine, pid)
        wake_ups(machine, pid)
        machine.close()


if __name__ == "__main__":
    main()
