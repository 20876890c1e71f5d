# SPDX-License-Identifier: Apache-2.0
"""Must show 2: the stick's USB device is allowed, its medium is denied. Every
way to it is refused to root, and not a bit of it changes, although its journal
waits to be replayed."""

import attacks

TIERS = ("T1", "T2")
POLICY = """
policy "deny media" serial 2 mode enforce
allow with-interface one-of { 08:*:* } rule-id "sticks-may-connect"
media deny rule-id "no-media"
"""


def denied_stick(t):
    """A stick whose disk is there and closed."""
    t.policy(POLICY)
    t.mark()
    stick = t.stick(fs="ext4", dirty=True)
    t.plug("storage", "stick", stick, serial="S0001")
    event = t.events("media.denied", wait=30)[0]
    t.equal(event["sekimori"]["decision"]["rule"], "no-media", "rule")
    t.until("test -b /dev/sda")
    t.until("ls /dev/sg0 /dev/bsg/*")
    return stick


def test_every_way_of_reading_is_refused(t):
    stick = denied_stick(t)
    before = stick.sha256()
    for name, command, text in attacks.READS:
        t.fails(command, text)
    answer = t.fails(attacks.NTFS)
    t.check(attacks.NTFS_SAW_THE_MEDIUM not in answer,
            "ntfs-3g could read the medium")
    t.fails("findmnt -n -o TARGET --source /dev/sda")
    t.must("sync")
    t.equal(stick.sha256(), before, "the medium")


def test_every_way_of_writing_is_refused(t):
    stick = denied_stick(t)
    before = stick.sha256()
    for name, command, text in attacks.WRITES:
        t.fails(command, text)
    t.must("sync")
    t.equal(stick.sha256(), before, "the medium")


def test_an_attempt_is_told_of_with_the_process(t):
    denied_stick(t)
    t.mark()
    t.fails("dd if=/dev/sda of=/dev/null count=1")
    event = t.events("block.open.blocked", wait=20, where=lambda e: e.get(
        "actor", {}).get("process", {}).get("name") == "dd")[0]
    t.equal(event["file"]["path"], "/dev/sda", "path")
    t.fails("mount /dev/sda /mnt")
    t.events("mount.blocked", wait=20, where=lambda e: e.get(
        "actor", {}).get("process", {}).get("name") == "mount")


def test_identical_attempts_are_counted_not_repeated(t):
    denied_stick(t)
    t.mark()
    t.sh("for i in $(seq 40); do dd if=/dev/sda of=/dev/null count=1; done")
    t.events("block.open.blocked", wait=20)
    t.must("udevadm settle; sleep 1")
    told = len(t.events("block.open.blocked"))
    t.check(told <= 3, f"40 identical attempts made {told} events")


def test_a_partition_table_is_not_even_read(t):
    t.policy(POLICY)
    t.plug("storage", "stick", t.stick(fs="partitioned"))
    t.events("media.denied", wait=30)
    t.must("udevadm settle")
    t.fails("test -e /sys/block/sda/sda1")


def test_a_new_stick_does_not_inherit_the_permission_of_the_last(t):
    t.policy('policy "one" serial 3 mode enforce\n'
             'allow with-interface one-of { 08:*:* } rule-id "sticks"\n'
             'media read-write serial "GOOD" rule-id "good"\n')
    good, bad = t.stick("good"), t.stick("bad")
    t.plug("storage", "good", good, serial="GOOD")
    t.until("mount /dev/sda /mnt && umount /mnt")
    t.unplug("good")
    t.until("! test -e /sys/block/sda")
    t.plug("storage", "bad", bad, serial="BAD")
    t.events("media.denied", wait=30)
    t.until("test -b /dev/sda")
    t.fails("mount /dev/sda /mnt", "permission denied")
    t.fails("dd if=/dev/sda of=/dev/null count=1", "not permitted")
