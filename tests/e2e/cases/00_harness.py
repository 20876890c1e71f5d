# SPDX-License-Identifier: Apache-2.0
"""The harness itself, in a guest without Sekimori: what the other cases
expect to be refused does happen here."""

AGENT = False


def test_a_stick_is_seen_and_mounts_for_alice(t):
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.until("blkid /dev/sda")
    t.must("udevadm settle")
    t.must("as-alice 'udisksctl mount -b /dev/sda --no-user-interaction'")
    t.unplug("stick")
    t.until("! test -e /dev/sda")


def test_a_dirty_journal_is_replayed_by_a_read_only_mount(t):
    stick = t.stick(fs="ext4", dirty=True)
    before = stick.sha256()
    t.plug("storage", "stick", stick)
    t.until("blkid /dev/sda")
    t.equal(stick.sha256(), before, "plugging in alone changes nothing")
    t.must("mount -o ro /dev/sda /mnt && umount /mnt && sync")
    t.check(stick.sha256() != before, "the journal was not replayed")


def test_every_kind_of_device_can_be_plugged(t):
    kinds = ("keyboard", "mouse", "tablet", "smartcard", "network", "serial",
             "audio")
    for kind in kinds:
        known = t.must("ls /sys/bus/usb/devices | wc -l")
        t.plug(kind, kind)
        t.until(f"test $(ls /sys/bus/usb/devices | wc -l) -gt {known}")
        t.unplug(kind)
        t.until(f"test $(ls /sys/bus/usb/devices | wc -l) -eq {known}")


def test_uas_optical_and_hub_with_a_child(t):
    t.plug("uas", "uas", t.stick("uas"), port="3")
    t.until("test -e /sys/bus/usb/drivers/uas/2-3:1.0")
    t.plug("optical", "disc", t.stick("disc"), port="4")
    t.until("test -e /dev/sr0")
    t.plug("hub", "hub", port="5")
    t.until("test -e /sys/bus/usb/devices/1-5/maxchild")
    t.plug("storage", "child", t.stick("child"), port="5.1", serial="CHILD")
    t.equal(t.usb("serial", "CHILD"), "1-5.1", "the child's place")


def test_mtp_is_seen(t):
    t.plug("mtp", "phone", t.folder)
    t.until("lsusb -v 2>/dev/null | grep -q MTP")


def test_a_composite_gadget_types_and_stores(t):
    t.must("truncate -s 8M /root/bad.img")
    t.gadget("bad", ["keyboard", "storage:/root/bad.img"], vid="0x16c0",
             pid="0x27db", serial="BAD1")
    t.until("test -b /dev/sda")
    t.until("grep -q 'ACME Widget' /proc/bus/input/devices")
    t.must("gadget unplug bad")
    t.until("! test -e /dev/sda")
    t.must("gadget replug bad")
    t.until("test -b /dev/sda")


def test_a_stick_is_in_at_power_on(t):
    t.fresh_boot([("storage", "stick", t.stick().path, "3", "BOOT1")])
    t.equal(t.usb("serial", "BOOT1"), "2-3", "the stick's place")


def test_the_network_can_be_cut(t):
    t.must("ip link show eth0 | grep -q 'state UP'")
    t.link(up=False)
    t.until("ip link show eth0 | grep -q 'state DOWN'")
    t.link(up=True)
    t.until("ip link show eth0 | grep -q 'state UP'")


def test_a_command_that_hangs_is_ended(t):
    result = t.sh("echo started; sleep 100", timeout=2)
    t.equal((result.status, result.text), (124, "started\n"), "the result")
    t.must("true")
