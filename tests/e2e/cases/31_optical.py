# SPDX-License-Identifier: Apache-2.0
"""A disc that policy allows is mounted as ever, although its drive is not asked
by SCSI commands; one that it does not allow says nothing of itself."""

TIERS = ("T1", "T2")
POLICY = """
policy "discs" serial {serial} mode enforce
allow with-interface one-of {{ 08:*:* }} rule-id "drives-may-connect"
media {access} rule-id "the-disc"
"""
MOUNT = "as-alice 'udisksctl mount -b /dev/sr0 --no-user-interaction'"
PROPERTIES = "udevadm info --query=property /dev/sr0"


def policy(t, serial, access):
    t.policy(POLICY.format(serial=serial, access=access))


def mounted(t, disc, before):
    t.until(f"{PROPERTIES} | grep -x ID_FS_TYPE=iso9660", seconds=30)
    t.until(MOUNT, seconds=30)
    place = t.must("findmnt -n -o TARGET --source /dev/sr0")
    t.must(f"as-alice 'grep -q 12345 \"{place}/resident.txt\"'")
    t.fails(f"touch '{place}/x'", "read-only")
    t.must(f"umount '{place}'")
    t.equal(disc.sha256(), before, "the disc")


def test_an_allowed_disc_is_mounted_read_only(t):
    policy(t, 2, "read-only")
    disc = t.stick("disc", fs="iso9660")
    before = disc.sha256()
    t.plug("optical", "drive", disc)
    t.events("media.readonly", wait=30)
    mounted(t, disc, before)
    t.fails("sg_raw /dev/sr0 12 00 00 00 24 00", "not permitted",
            "permission denied")


def test_a_denied_disc_says_nothing_until_it_is_allowed(t):
    policy(t, 2, "deny")
    disc = t.stick("disc", fs="iso9660")
    before = disc.sha256()
    t.plug("optical", "drive", disc)
    t.events("media.denied", wait=30)
    t.until("test -b /dev/sr0 && udevadm settle")
    t.fails(f"{PROPERTIES} | grep ID_FS_")
    t.fails(MOUNT)
    t.fails("dd if=/dev/sr0 of=/dev/null count=4", "not permitted")
    policy(t, 3, "read-only")
    t.events("media.readonly", wait=30)
    mounted(t, disc, before)
