# SPDX-License-Identifier: Apache-2.0
"""Must show 1: a stick that no rule allows stays unauthorised and unbound, is
told of once, durably, with rule and reason, and arrives at the collector."""

TIERS = ("T1", "T2")
RULE = "no-usb-storage"


def serial_of(event):
    return event.get("peripheral_device", {}).get("serial_number")


def blocked_once(t, device):
    """The device is refused in the kernel and in the log."""
    sysfs = "/sys/bus/usb/devices/" + device
    event = t.blocked(device)
    t.equal(t.must(f"cat {sysfs}/authorized"), "0", "authorized")
    t.fails(f"ls -d {sysfs}/{device}:*")
    t.fails("ls /sys/block | grep '^s[dr]'")
    t.equal(event["sekimori"]["decision"]["rule"], RULE, "rule")
    t.equal(event["status_code"], "SKM-D-0101", "reason")
    t.equal(event["disposition_id"], 2, "OCSF disposition")
    # Nothing more comes for the same plug.
    t.must("udevadm settle")
    t.equal(len(t.events("usb.device.blocked", where=lambda e:
                         port_of(e) == device)), 1, "events of one plug")
    return event


def port_of(event):
    return event.get("sekimori", {}).get("usb", {}).get("busport")


def arrived_once(t, event):
    """The collector holds exactly this record, once."""
    uid = event["metadata"]["uid"]
    got = t.collector.events(where=lambda e: e["metadata"]["uid"] == uid,
                             wait=30)
    t.equal(got, [event], "what the collector holds")


def test_a_stick_plugged_while_running(t):
    t.collector.enrol()
    t.mark()
    t.plug("storage", "stick", t.stick(), serial="S0001")
    event = blocked_once(t, t.usb("serial", "S0001"))
    t.equal(serial_of(event), "S0001", "serial in the event")
    arrived_once(t, event)


def test_a_stick_without_a_serial(t):
    t.collector.enrol()
    t.mark()
    t.must("truncate -s 8M /root/stick.img")
    t.gadget("stick", ["storage:/root/stick.img"], vid="0x1209",
             pid="0xabcd")
    event = blocked_once(t, t.usb("idProduct", "abcd"))
    t.check(not serial_of(event), "there is no serial to be told")
    arrived_once(t, event)


def test_a_stick_behind_a_hub(t):
    t.collector.enrol()
    t.mark()
    t.plug("hub", "hub", port="5")
    t.until("test -e /sys/bus/usb/devices/1-5/maxchild")
    t.plug("storage", "stick", t.stick(), port="5.1", serial="S0002")
    event = blocked_once(t, t.usb("serial", "S0002"))
    arrived_once(t, event)


def test_a_hub_that_is_blocked_hides_what_is_behind_it(t):
    t.policy('policy "no hubs" serial 2 mode enforce\n'
             'block with-interface one-of { 09:*:* } rule-id "no-hubs"\n')
    t.plug("hub", "hub", port="5")
    event = t.blocked("1-5")
    t.equal(event["sekimori"]["decision"]["rule"], "no-hubs", "rule")
    t.plug("storage", "stick", t.stick(), port="5.1", serial="S0003")
    t.must("udevadm settle; sleep 1")
    t.fails("test -e /sys/bus/usb/devices/1-5.1")


def test_a_uas_disk(t):
    t.collector.enrol()
    t.mark()
    t.plug("uas", "disk", t.stick(), port="3")
    event = blocked_once(t, t.usb("product", "USB Attached SCSI HBA"))
    arrived_once(t, event)


def test_a_stick_that_is_in_at_power_on(t):
    stick = t.stick(fs="ext4", dirty=True)
    before = stick.sha256()
    t.fresh_boot([("storage", "stick", stick.path, "3", "S0004")])
    t.must("systemctl is-active sekimorid")
    blocked_once(t, t.usb("serial", "S0004"))
    t.collector.enrol()
    arrived_once(t, t.blocked("2-3"))
    t.equal(stick.sha256(), before, "the medium")


def test_a_stick_pulled_out_is_told_of(t):
    t.mark()
    t.plug("storage", "stick", t.stick(), serial="S0005")
    first = t.blocked(t.usb("serial", "S0005"))
    t.unplug("stick")
    gone = t.events("usb.device.removed", wait=20)[0]
    t.equal(gone["metadata"]["correlation_uid"],
            first["metadata"]["correlation_uid"], "plug session")
    t.plug("storage", "stick", t.stick(), serial="S0005")
    again = t.events("usb.device.blocked", wait=20, count=2)[1]
    t.check(again["metadata"]["correlation_uid"] !=
            first["metadata"]["correlation_uid"], "a new plug session")


def test_mtp_network_and_serial_devices_are_blocked_too(t):
    for kind in ("mtp", "network", "serial"):
        known = set(t.must("ls /sys/bus/usb/devices").split())
        t.mark()
        t.plug(kind, kind, t.folder if kind == "mtp" else None, port="6")
        event = t.events("usb.device.blocked", wait=20)[0]
        device = port_of(event)
        new = set(t.must("ls /sys/bus/usb/devices").split()) - known
        t.equal(new, {device}, f"what the {kind} device brought")
        t.equal(event["sekimori"]["decision"]["rule"], "implicit", "rule")
        t.unplug(kind)
        t.until(f"! test -e /sys/bus/usb/devices/{device}")


def test_a_controller_that_appears_later_is_guarded(t):
    t.must("modprobe -r dummy_hcd && modprobe dummy_hcd")
    t.must("truncate -s 8M /root/stick.img")
    t.mark()
    t.gadget("stick", ["storage:/root/stick.img"], serial="S0006")
    blocked_once(t, t.usb("serial", "S0006"))


def test_what_root_authorises_by_hand_is_taken_back_and_stays_closed(t):
    stick = t.stick(fs="ext4", dirty=True)
    before = stick.sha256()
    t.plug("storage", "stick", stick, serial="S0007")
    device = t.usb("serial", "S0007")
    t.blocked(device)
    authorized = f"/sys/bus/usb/devices/{device}/authorized"
    t.must(f"for i in 1 2 3; do echo 1 > {authorized}; "
           "dd if=/dev/sda of=/root/leak count=1; sleep 0.3; done; true")
    t.must("! test -s /root/leak")
    t.until(f"grep -x 0 {authorized}")
    t.equal(stick.sha256(), before, "the medium")
