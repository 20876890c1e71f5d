# SPDX-License-Identifier: Apache-2.0
"""Must show 3: read-only is read-only against root, and needs no re-plug;
read-write writes."""

TIERS = ("T1", "T2")
STICKS = """
policy "media" serial {serial} mode enforce
allow with-interface one-of {{ 08:*:* }} rule-id "sticks-may-connect"
media {access} rule-id "the-stick"
"""
MOUNT = "as-alice 'udisksctl mount -b /dev/sda --no-user-interaction'"
# The kernel's own read-only flag may answer before the guard does.
NO_WRITE = ("not permitted", "permission denied")


def policy(t, serial, access):
    t.policy(STICKS.format(serial=serial, access=access))


def read_only_stick(t, fs="vfat", **options):
    policy(t, 2, "read-only")
    stick = t.stick(fs=fs, **options)
    t.mark()
    t.plug("storage", "stick", stick)
    t.events("media.readonly", wait=30)
    t.until("test -b /dev/sda")
    return stick


def mounted(t):
    """Alice mounts the stick, as her file manager would."""
    t.until(MOUNT, seconds=30)
    return t.must("findmnt -n -o TARGET --source /dev/sda")


def test_a_denied_stick_becomes_read_only_without_a_replug(t):
    policy(t, 2, "deny")
    stick = t.stick()
    t.plug("storage", "stick", stick)
    t.events("media.denied", wait=30)
    t.until("test -b /dev/sda")
    t.fails(MOUNT)
    before = stick.sha256()
    policy(t, 3, "read-only")
    t.events("media.readonly", wait=30)
    place = mounted(t)
    t.must(f"as-alice 'ls {place}'")
    t.fails(f"as-alice 'touch {place}/x'", "read-only")
    t.must(f"umount {place}")
    t.equal(stick.sha256(), before, "the medium")


def test_root_cannot_write_to_a_read_only_stick(t):
    stick = read_only_stick(t)
    before = stick.sha256()
    place = mounted(t)
    t.fails(f"touch {place}/x", "read-only")
    t.fails(f"mount -o remount,rw {place}", "write-protected",
            "permission denied")
    t.fails("blockdev --setrw /dev/sda", "not permitted")
    t.equal(t.must("blockdev --getro /dev/sda"), "1", "the kernel's flag")
    t.fails("dd if=/dev/zero of=/dev/sda count=1", "permission denied")
    write = "head -c 512 /dev/zero | sg_raw -s 512 {} 2a 00 0 0 0 9 0 0 1 0"
    t.fails(write.format("/dev/sda"), "permission denied")
    t.fails(write.format("/dev/sg0"), "not permitted")
    t.must(f"umount {place}")
    t.fails("mount -o rw /dev/sda /mnt && touch /mnt/x")
    t.sh("umount /mnt; sync")
    t.equal(stick.sha256(), before, "the medium")


def test_a_read_only_stick_does_not_replay_its_journal(t):
    stick = read_only_stick(t, fs="ext4", dirty=True)
    before = stick.sha256()
    t.sh("mount /dev/sda /mnt; umount /mnt")
    t.sh("mount -o ro /dev/sda /mnt; umount /mnt")
    t.must("mount -o ro,noload /dev/sda /mnt")
    t.must("grep -q 12345 /mnt/residents.txt && umount /mnt")
    t.equal(stick.sha256(), before, "the medium")


def test_a_read_only_stick_reads_through_dd(t):
    read_only_stick(t)
    t.must("dd if=/dev/sda of=/dev/null bs=64k count=4")


def test_writes_arrive_on_a_read_write_stick(t):
    policy(t, 2, "read-write")
    stick = t.stick()
    t.plug("storage", "stick", stick)
    t.events("media.allowed", wait=30)
    place = mounted(t)
    t.must(f"as-alice 'echo hikitsugi-2026 > {place}/note.txt'")
    t.must(f"umount {place} && sync")
    t.check(stick.contains("hikitsugi-2026"), "the note is not on the stick")


def test_a_partition_inherits_the_access_of_its_disk(t):
    policy(t, 2, "read-only")
    stick = t.stick(fs="partitioned")
    before = stick.sha256()
    t.plug("storage", "stick", stick)
    t.events("media.readonly", wait=30)
    t.until("test -b /dev/sda1")
    t.until("mount /dev/sda1 /mnt")
    t.fails("touch /mnt/x", "read-only")
    t.fails("dd if=/dev/zero of=/dev/sda1 count=1", "permission denied")
    t.must("umount /mnt")
    t.equal(stick.sha256(), before, "the medium")


def test_a_permission_taken_back_closes_the_stick(t):
    policy(t, 2, "read-only")
    t.plug("storage", "stick", t.stick())
    t.events("media.readonly", wait=30)
    t.until("dd if=/dev/sda of=/dev/null count=1")
    t.mark()
    policy(t, 3, "deny")
    t.events("media.denied", wait=30)
    t.fails("dd if=/dev/sda of=/dev/null count=1", "not permitted")
    t.fails("mount /dev/sda /mnt", "permission denied")


def test_explain_names_the_rule(t):
    read_only_stick(t)
    text = t.must("sekimorictl explain /dev/sda")
    t.check("the-stick" in text, f"the rule is not named: {text}")
