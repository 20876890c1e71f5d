# SPDX-License-Identifier: Apache-2.0
"""Must show 5: a stick that is also a keyboard never types; the keyboard and
the mouse that were there at the start go on working."""

TIERS = ("T1", "T2")
COMPOSITE = """
policy "composite" serial 2 mode enforce
allow id 16c0:27db with-interface {{ 03:*:* 08:*:* }} {extra} rule-id "both"
media deny rule-id "no-media"
"""
INPUTS = "grep -c '^N: Name=' /proc/bus/input/devices"


def bad_usb(t):
    t.must("truncate -s 8M /root/bad.img")
    t.gadget("bad", ["keyboard", "storage:/root/bad.img"], vid="0x16c0",
             pid="0x27db", serial="BAD1")
    return t.usb("serial", "BAD1")


def press(t, key, down):
    """A key of the terminal's own keyboard, as QEMU presses it."""
    t.machine.qmp.command("input-send-event", events=[
        {"type": "key", "data": {"down": down,
                                 "key": {"type": "qcode", "data": key}}}])


def test_a_composite_is_blocked_before_it_can_type(t):
    inputs = t.must(INPUTS)
    t.must("udevadm monitor --kernel --subsystem-match=input "
           "--subsystem-match=hid > /root/seen 2>&1 &")
    t.until("grep -q KERNEL /root/seen")
    t.mark()
    device = bad_usb(t)
    t.blocked(device)
    # No host has configured it: there is nobody to press the key to.
    press = "printf '\\0\\0\\004\\0\\0\\0\\0\\0' > /dev/hidg0"
    t.check(not t.sh(press, timeout=3).ok, "the key press got through")
    t.must("udevadm settle")
    t.equal(t.must(INPUTS), inputs, "input devices")
    t.fails("grep ' add ' /root/seen")
    t.equal(t.must(f"cat /sys/bus/usb/devices/{device}/authorized"), "0",
            "authorized")


def test_without_the_block_the_monitor_would_see_it(t):
    t.policy(COMPOSITE.format(extra=""))
    t.must("udevadm monitor --kernel --subsystem-match=input "
           "--subsystem-match=hid > /root/seen 2>&1 &")
    t.until("grep -q KERNEL /root/seen")
    bad_usb(t)
    t.until("grep ' add ' /root/seen")


def test_the_keyboard_and_mouse_of_the_start_go_on_working(t):
    t.equal(t.must("cat /sys/bus/usb/devices/1-1/authorized"), "1",
            "the keyboard")
    t.equal(t.must("cat /sys/bus/usb/devices/1-2/authorized"), "1",
            "the mouse")
    bad_usb(t)
    t.must("for e in /dev/input/event*; do "
           "timeout 5 cat $e > /root/typed.${e##*/} 2> /dev/null & done")
    t.must("sleep 0.5")
    press(t, "a", True)
    press(t, "a", False)
    t.until("cat /root/typed.* | grep -q .", seconds=6)


def test_no_rule_can_take_the_last_keyboard_away(t):
    t.mark()
    t.policy('policy "harsh" serial 2 mode enforce\n'
             'block with-interface one-of { 03:*:* } rule-id "no-hid"\n')
    t.equal(t.must("cat /sys/bus/usb/devices/1-1/authorized"), "1",
            "the keyboard")
    t.equal(t.must("cat /sys/bus/usb/devices/1-2/authorized"), "1",
            "the mouse")
    t.events("lifeline.kept", wait=20)


def test_a_second_keyboard_is_not_the_last_one(t):
    t.mark()
    t.gadget("keys", ["keyboard"], serial="K2")
    device = t.usb("serial", "K2")
    t.blocked(device)
    t.equal(t.must(f"cat /sys/bus/usb/devices/{device}/authorized"), "0",
            "authorized")


def test_of_a_composite_only_the_allowed_interface_is_bound(t):
    t.policy(COMPOSITE.format(extra="interfaces { 08:*:* }"))
    inputs = t.must(INPUTS)
    device = bad_usb(t)
    t.events("usb.device.allowed", wait=20)
    driver = f"/sys/bus/usb/devices/{device}:1.%d/driver"
    t.until("test -e " + driver % 1)
    t.fails("test -e " + driver % 0)
    t.equal(t.must(INPUTS), inputs, "input devices")


def test_an_allowed_composite_stores_and_types(t):
    t.policy(COMPOSITE.format(extra=""))
    device = bad_usb(t)
    t.until(f"test -e /sys/bus/usb/devices/{device}:1.0/driver")
    t.until(f"test -e /sys/bus/usb/devices/{device}:1.1/driver")
