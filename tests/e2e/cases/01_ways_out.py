# SPDX-License-Identifier: Apache-2.0
"""Without Sekimori every way to a stick's data works. What the other cases
see refused would happen otherwise."""

import attacks

AGENT = False


def plug_dirty_stick(t):
    stick = t.stick(fs="ext4", dirty=True)
    t.plug("storage", "stick", stick)
    t.until("blkid /dev/sda")
    t.must("udevadm settle")
    return stick


def test_every_way_of_reading_works(t):
    plug_dirty_stick(t)
    for name, command, _ in attacks.READS:
        t.must(command)
    t.fails(attacks.NTFS, attacks.NTFS_SAW_THE_MEDIUM)


def test_every_way_of_writing_changes_the_medium(t):
    stick = plug_dirty_stick(t)
    for name, command, _ in attacks.WRITES:
        before = stick.sha256()
        # The bytes written must differ from those that are there.
        t.must(command.replace("/dev/zero", "/dev/urandom"))
        t.must("sync")
        t.check(stick.sha256() != before, f"{name} wrote nothing")


def test_a_keyboard_gadget_types(t):
    t.gadget("keys", ["keyboard"], serial="K1")
    node = t.until("grep -l 'ACME Widget' /sys/class/input/event*/device/name"
                   " | cut -d/ -f5 | head -n 1 | grep .")
    t.must(f"timeout 3 cat /dev/input/{node} > /root/keys & sleep 0.5; "
           "printf '\\0\\0\\004\\0\\0\\0\\0\\0' > /dev/hidg0; "
           "printf '\\0\\0\\0\\0\\0\\0\\0\\0' > /dev/hidg0; wait; true")
    t.must("test -s /root/keys")
