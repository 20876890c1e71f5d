# SPDX-License-Identifier: Apache-2.0
"""Every way out that we could think of, one row each (attacks.py), in a few
guests: how it is refused, the event it makes, and the medium as it was. The
table lies in build/e2e/ways_out.txt. Rows that go through all the same are in
it as "open", with the reason, and in README's honest limits."""

import os

import attacks
import snapshot
from ways_out import Walk

TIERS = ("T1", "T2")
POLICY = """
policy "ways out" serial 2 mode enforce
allow with-interface one-of {{ 08:*:* }} rule-id "sticks-may-connect"
media {access} rule-id "the-stick"
"""
PREPARE = """
cd /root
truncate -s 8M six.img; truncate -s 256M seven.img
losetup /dev/loop6 six.img; losetup /dev/loop7 seven.img
mkdir -p /run/as
mountpoint -q /sys/kernel/config || mount -t configfs c /sys/kernel/config
true
"""


# Listens while the daemon opens the new disk.
LISTEN = ("(/root/attack fanotify /root/stop && echo > /root/fanotify.open) "
          "< /dev/null > /dev/null 2>&1 &")


def prepare(t):
    # Many names in a short time: counted together for a second, not a minute.
    t.must("echo 'fold_s = 1' >> /etc/sekimori/agent.conf")
    t.put(t.build + "/tests/e2e/tools/attack", "/root/attack")
    t.must(PREPARE)


def usb_node(t, serial):
    """Its usbfs node, for the rows that name $NODE."""
    device = t.usb("serial", serial)
    return t.must(f". /sys/bus/usb/devices/{device}/uevent; "
                  "echo /dev/$DEVNAME")


def denied(t):
    prepare(t)
    t.policy(POLICY.format(access="deny"))
    t.must(LISTEN)
    t.mark()
    stick = t.stick(fs="ext4", dirty=True)
    t.plug("storage", "stick", stick, serial="S0025")
    t.until("test -b /dev/sda && ls /dev/sg0 /dev/bsg/*")
    t.plug("optical", "disc", t.stick("disc"))
    t.until("ls /dev/sr?")
    t.events("media.denied", wait=30, count=2)
    t.must("udevadm settle; touch /root/stop")
    t.mark()
    return stick


def walk_denied(t, group, rows, more=""):
    stick = denied(t)
    if more:
        t.sh(more)  # what is not to be had is the rows' to say
    # Its interface may be bound twice, and the disc's number is the second.
    words = {"$NODE": usb_node(t, "S0025"),
             "/dev/sr0": t.until("ls /dev/sr? | tail -n 1")}
    Walk(t, group, stick, words).run(rows)


def test_file_systems_of_a_denied_medium(t):
    walk_denied(t, "fs", attacks.FILE_SYSTEMS)


def test_nodes_of_a_denied_medium(t):
    walk_denied(t, "nodes", attacks.NODES)


def test_layers_over_a_denied_medium(t):
    walk_denied(t, "layers", attacks.LAYERS)


def test_raw_commands_to_a_denied_medium(t):
    # The tape after the stick, which is /dev/sg0 then.
    walk_denied(t, "raw", attacks.RAW, "modprobe -a st ch; "
                "modprobe scsi_debug ptype=1; udevadm settle")


def test_others_made_to_open_a_denied_medium(t):
    walk_denied(t, "others", attacks.OTHERS)


def test_writes_to_a_read_only_medium(t):
    prepare(t)
    t.must("mkdir -p /root/bind /root/pivot")
    t.policy(POLICY.format(access="read-only"))
    t.mark()
    stick = t.stick(fs="partitioned")
    t.plug("storage", "stick", stick, serial="S0025")
    t.events("media.readonly", wait=30)
    t.until("test -b /dev/sda1 && ls /dev/sg0")
    t.must("udevadm settle")
    t.mark()
    Walk(t, "readonly", stick).run(attacks.READ_ONLY)


USB_POLICY = """
policy "usb" serial 3 mode enforce
allow 1209:0001 interfaces { 03:*:* } rule-id "only-the-keyboard"
block with-interface one-of { 08:*:* } rule-id "no-sticks"
block with-interface one-of { 06:*:* } rule-id "no-telephones"
"""


def test_usb_devices_that_are_refused(t):
    prepare(t)
    t.policy(USB_POLICY)
    t.must("truncate -s 4M /root/mixed.img; mkdir -p /root/phone")
    stick = t.stick()
    t.plug("storage", "stick", stick, serial="SUSB")
    t.gadget("mixed", ["keyboard", "storage:/root/mixed.img"], serial="SMIX")
    folder = t.folder + "/phone"
    os.makedirs(folder)
    t.plug("mtp", "phone", folder)
    names = {"$STICK": t.usb("serial", "SUSB"),
             "$MIXED": t.usb("serial", "SMIX"),
             "$MTP": t.usb("idProduct", "0004"),
             "$XHCI": t.must("readlink -f /sys/bus/usb/devices/usb1/..")}
    t.until(f"ls -d /sys/bus/usb/devices/{names['$MIXED']}:1.0/driver")
    t.blocked(names["$STICK"])
    node = "sed -n 's/^DEVNAME=//p' /sys/bus/usb/devices/{}/uevent"
    words = {"$NODE": "/dev/" + t.must(node.format(names["$STICK"])),
             "$MTPNODE": "/dev/" + t.must(node.format(names["$MTP"])),
             "$NUMBER": t.must("tr : ' ' < /sys/bus/usb/devices/"
                               f"{names['$STICK']}/dev"), **names}
    t.mark()
    # The telephone's folder must stay empty as well.
    Walk(t, "usb", stick, words).run(attacks.USB_WAYS)
    t.equal(os.listdir(folder), [], "what is in the telephone")


def test_a_denied_medium_while_the_daemon_is_away(t):
    stick = denied(t)
    t.must("mkdir -p /root/debs")
    for path in snapshot.agent_packages(t.build + "/deb"):
        t.put(path, "/root/debs/" + os.path.basename(path), "644")
    Walk(t, "life", stick).run(attacks.LIFE)


def hold(t, how):
    """Opens the stick now, uses it when /root/go is there."""
    t.must(f"(/root/attack as hold-{how} /root/attack hold /dev/sda {how} "
           f"/root/go > /root/held.{how}.said 2>&1; echo $? > "
           f"/root/held.{how}) < /dev/null > /dev/null 2>&1 &")


def test_descriptors_from_before_the_refusal(t):
    t.must("echo 'ending_grace_s = 1' >> /etc/sekimori/agent.conf")
    prepare(t)
    t.policy(POLICY.format(access="read-write"))
    stick = t.stick()
    t.plug("storage", "stick", stick, serial="S0025")
    t.events("media.allowed", wait=30)
    t.until("test -b /dev/sda && udevadm settle")
    for how in ("write", "sgio", "mmap", "read"):
        hold(t, how)
    t.must("sleep 1")
    t.mark()
    t.policy(POLICY.format(access="deny").replace("serial 2", "serial 3"))
    t.until("! dd if=/dev/sda of=/dev/null count=1")
    # Who had it open has the grace and then no device any more.
    t.events("media.ended", wait=40)
    before = stick.sha256()
    t.must("touch /root/go")
    t.until("ls /root/held.write /root/held.sgio /root/held.mmap "
            "/root/held.read")
    Walk(t, "before").run(attacks.BEFORE)
    t.equal(stick.sha256(), before, "the medium")
