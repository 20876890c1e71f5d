# SPDX-License-Identifier: Apache-2.0
"""Suspend to memory and back: what was shut is shut, read-only is read-only,
and what was plugged in meanwhile is judged."""

import time

from sleep import suspend

TIERS = ("T1", "T2")
POLICY = """
policy "sleep" serial 2 mode enforce
allow with-interface one-of { 08:*:* } rule-id "sticks-may-connect"
media read-only serial "GOOD" rule-id "good"
media deny rule-id "others"
"""


def disk_of(t, serial):
    device = t.usb("serial", serial)
    return t.until(f"basename /sys/bus/usb/devices/{device}/*/host*/target*/"
                   "*/block/* | grep -v '*'")


def test_a_sleep_opens_nothing(t):
    t.policy(POLICY)
    t.mark()
    good, bad, late = t.stick("good"), t.stick("bad"), t.stick("late")
    t.plug("storage", "good", good, serial="GOOD")
    t.plug("storage", "bad", bad, serial="BAD")
    t.events("media.readonly", wait=30)
    t.events("media.denied", wait=30)
    before = good.sha256(), bad.sha256(), late.sha256()
    t.mark()
    suspend(t, lambda: t.plug("storage", "late", late, serial="LATE"))
    t.events("media.denied", wait=40, where=lambda e: "LATE" in str(e))
    for serial in ("BAD", "LATE"):
        disk = disk_of(t, serial)
        t.fails(f"dd if=/dev/{disk} of=/dev/null count=1", "not permitted")
        t.fails(f"mount /dev/{disk} /mnt", "permission denied")
    disk = disk_of(t, "GOOD")
    t.until(f"dd if=/dev/{disk} of=/dev/null count=1")
    t.fails(f"dd if=/dev/zero of=/dev/{disk} count=1", "permission denied",
            "not permitted")
    t.equal(t.must("cat /sys/bus/usb/devices/usb*/authorized_default | "
                   "sort -u"), "0", "authorized_default")
    t.must("sekimorictl status")
    t.equal((good.sha256(), bad.sha256(), late.sha256()), before,
            "the media")


def test_a_medium_exchanged_during_the_sleep_is_judged_anew(t):
    """The same device to the kernel, by everything it says of itself."""
    t.policy('policy "exchange" serial 2 mode enforce\n'
             'allow with-interface one-of { 08:*:* } rule-id "sticks"\n'
             'media read-write fs-type "ext4" rule-id "ours"\n'
             'media deny rule-id "others"\n')
    ours, other = t.stick("ours", fs="ext4"), t.stick("other", mib=32)
    t.mark()
    t.plug("storage", "ours", ours, port="4", serial="SAME")
    t.events("media.allowed", wait=30)
    t.must("udevadm settle; sync")
    before = other.sha256()

    def exchange():
        t.unplug("ours")
        time.sleep(1)
        t.plug("storage", "other", other, port="4", serial="SAME")

    suspend(t, exchange)
    t.events("media.denied", wait=40)
    disk = disk_of(t, "SAME")
    t.fails(f"dd if=/dev/{disk} of=/dev/null count=1", "not permitted")
    t.fails(f"dd if=/dev/zero of=/dev/{disk} count=1", "not permitted")
    t.equal(other.sha256(), before, "the other medium")
