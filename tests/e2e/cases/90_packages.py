# SPDX-License-Identifier: Apache-2.0
"""The packages: installed in monitor mode, reinstalled without a gap, and
removed in order, with the machine as it was before."""

import os

import snapshot

TIERS = ("T1",)


def copy_in(t):
    t.must("mkdir -p /root/debs")
    for path in snapshot.agent_packages(t.build + "/deb"):
        t.put(path, "/root/debs/" + os.path.basename(path), "644")


def test_removal_gives_back_what_was_guarded(t):
    t.must("DEBIAN_FRONTEND=noninteractive apt-get remove -y sekimori-agent",
           timeout=180)
    t.fails("test -e /sys/fs/bpf/sekimori/*")
    t.equal(t.must("cat /sys/bus/usb/devices/usb*/authorized_default | "
                   "sort -u"), "1", "authorized_default")
    stick = t.stick()
    t.plug("storage", "stick", stick)
    t.until("mount /dev/sda /mnt")
    t.must("test -d /var/lib/sekimori/spool")


def test_purge_leaves_nothing_behind(t):
    t.must("DEBIAN_FRONTEND=noninteractive apt-get purge -y sekimori-agent",
           timeout=180)
    for path in ("/etc/sekimori", "/var/lib/sekimori", "/run/sekimori",
                 "/var/lib/sekimori-ship"):
        t.fails(f"test -e {path}")


def test_a_reinstall_keeps_the_gate_shut_and_the_events(t):
    copy_in(t)
    t.must("cd /root && (for i in $(seq 400); do test -e /root/stop && break; "
           "bpftool -j link 2>/dev/null | grep -qs cgroup_device || "
           "test -e /sys/fs/bpf/sekimori || echo gap >> /root/gaps; "
           "sleep 0.2; done) </dev/null >/dev/null 2>&1 &")
    before = t.must("cut -d' ' -f1 /run/sekimori/spool.tail")
    t.must("DEBIAN_FRONTEND=noninteractive apt-get install -y --reinstall "
           "/root/debs/*.deb", timeout=240)
    t.until("sekimorictl status")
    t.must("touch /root/stop; test ! -e /root/gaps")
    t.equal(t.must("cut -d' ' -f1 /run/sekimori/spool.tail"), before,
            "the stream")
    t.plug("storage", "stick", t.stick())
    t.events("usb.device.blocked", wait=30)
