# SPDX-License-Identifier: Apache-2.0
"""The keyboard guard: what no rule names waits for a person, what types as no
person does is cut off, and nobody loses the keyboard they have."""

TIERS = ("T1",)

GENERAL = """
policy "general" serial 2 mode enforce
allow with-interface one-of { 03:*:* 08:*:* } rule-id "input"
media deny rule-id "no-media"
"""
NAMED = """
policy "named" serial 2 mode enforce
allow id 16c0:27db rule-id "named" %s
"""
INPUTS = "grep -c '^N: Name=' /proc/bus/input/devices"
EVENT = ("grep -l '%s' /sys/class/input/event*/device/name | head -n 1 | "
         "cut -d/ -f5 | grep .")
# 300 reports of three keys each: a b c, then d e f, without a pause between.
FAST = """
exec 3> /dev/hidg0
n=0
while [ $n -lt 150 ]; do
	printf '\\0\\0\\004\\005\\006\\0\\0\\0' >&3
	printf '\\0\\0\\007\\010\\011\\0\\0\\0' >&3
	n=$((n + 1))
done
printf '\\0\\0\\0\\0\\0\\0\\0\\0' >&3
"""
SLOW = """
exec 3> /dev/hidg0
n=0
while [ $n -lt 30 ]; do
	printf '\\0\\0\\004\\0\\0\\0\\0\\0' >&3
	printf '\\0\\0\\0\\0\\0\\0\\0\\0' >&3
	sleep 0.08
	n=$((n + 1))
done
"""


def settled(t, policy):
    """The terminal's first minutes, in which it learns, are over."""
    t.must("echo 'heartbeat_s = 5' >> /etc/sekimori/agent.conf && "
           "systemctl restart sekimorid")
    t.until("test -e /var/lib/sekimori/state/lifeline")
    t.must("sed -i '/heartbeat_s/d' /etc/sekimori/agent.conf && "
           "systemctl restart sekimorid")
    t.until("sekimorictl status > /dev/null")
    t.policy(policy)
    t.mark()


def keyboard(t, functions=("keyboard",), serial="K2"):
    t.gadget("keys", list(functions), vid="0x16c0", pid="0x27db",
             serial=serial, product="Second")
    return t.usb("serial", serial)


def held(t, device, wait=30):
    return t.events("usb.device.held", wait, where=lambda e: e[
        "sekimori"]["usb"]["busport"] == device)[0]


def authorised(t, device):
    return t.must(f"cat /sys/bus/usb/devices/{device}/authorized")


def bound(t, name="Second"):
    """The event node of the gadget, once it is there."""
    return t.until(EVENT % name)


def types(t, node, script, seconds=30):
    """Runs the script; how many bytes of events came out of the node."""
    t.must(f"timeout {seconds} cat /dev/input/{node} > /root/typed & "
           "echo $! > /root/reader; sleep 0.3")
    t.sh(script, timeout=seconds)
    t.must("sleep 0.5; kill $(cat /root/reader) 2> /dev/null; true")
    return int(t.must("stat -c %s /root/typed"))


def own_keyboard_works(t):
    t.equal(authorised(t, "1-1"), "1", "the terminal's own keyboard")
    t.must("for e in /dev/input/event*; do "
           "timeout 30 cat $e > /root/own.${e##*/} 2> /dev/null & done")

    def pressed():
        # Again and again: a key before the readers are there is lost.
        for down in (True, False):
            t.machine.qmp.command("input-send-event", events=[
                {"type": "key", "data": {"down": down, "key": {
                    "type": "qcode", "data": "a"}}}])
        return t.sh("sleep 0.3; cat /root/own.* | grep -q .").ok

    t.wait_for(pressed, 30, "a key of the terminal's own keyboard")


def test_a_second_keyboard_waits_until_a_person_confirms_it(t):
    settled(t, GENERAL)
    inputs = t.must(INPUTS)
    device = keyboard(t)
    event = held(t, device)
    t.equal(event["status_code"], "SKM-D-0112", "reason")
    t.equal(event["sekimori"]["decision"]["rule"], "input", "rule")
    t.equal(authorised(t, device), "0", "authorised")
    t.equal(t.must(INPUTS), inputs, "input devices")
    t.until(f"sekimorictl devices | grep '^{device} ' | grep -q held")
    t.until(f"sekimorictl explain {device} | "
            f"grep -q 'sekimorictl confirm {device}'")
    own_keyboard_works(t)

    # Not from another machine, not without the person's password.
    t.fails(f"runuser -u alice -- sekimorictl confirm {device}", "authorised")
    t.fails(f"as-alice 'sekimorictl confirm {device}'", "authentication")
    t.equal(authorised(t, device), "0", "authorised")
    # polkit is told that the password was right.
    t.must("cat > /etc/polkit-1/rules.d/10-case.rules", stdin=b"""
polkit.addRule(function(action, subject) {
    if (action.id == "jp.sekimori.agent.confirm" && subject.active)
        return polkit.Result.YES;
});
""")
    t.until(f"as-alice 'sekimorictl confirm {device}'")
    t.equal(authorised(t, device), "1", "authorised")
    allowed = t.events("usb.device.allowed", 20, where=lambda e: e[
        "sekimori"]["usb"]["busport"] == device)[0]
    t.equal(allowed["status_code"], "SKM-D-0114", "reason")
    t.check("uid 1000" in allowed["status_detail"], allowed["status_detail"])
    t.check(types(t, bound(t), SLOW) > 0, "it does not type")
    t.fails(f"sekimorictl confirm {device}", "wait")
    # The daemon's successor knows; another plug is another keyboard.
    t.must("systemctl restart sekimorid")
    t.until("sekimorictl status > /dev/null")
    t.equal(authorised(t, device), "1", "authorised after the restart")
    t.must("gadget unplug keys")
    t.events("usb.device.removed", 20)
    t.mark()
    t.must("gadget replug keys")
    t.equal(authorised(t, held(t, t.usb("serial", "K2"))["sekimori"]["usb"][
        "busport"]), "0", "authorised after another plug")


def test_a_composite_waits_as_a_whole(t):
    settled(t, GENERAL)
    inputs = t.must(INPUTS)
    t.must("truncate -s 8M /root/bad.img")
    device = keyboard(t, ["keyboard", "storage:/root/bad.img"], "BAD1")
    held(t, device)
    t.equal(authorised(t, device), "0", "authorised")
    t.equal(t.must(INPUTS), inputs, "input devices")
    t.fails("test -e /sys/block/sda")
    own_keyboard_works(t)


def test_a_named_keyboard_is_let_in_and_a_person_may_type(t):
    settled(t, NAMED % "")
    device = keyboard(t)
    node = bound(t)
    t.equal(t.events("usb.device.allowed", 20)[0]["sekimori"]["usb"][
        "busport"], device, "device")
    t.check(types(t, node, SLOW) > 30 * 24, "fewer events than keys")
    t.equal(authorised(t, device), "1", "authorised")
    t.equal(t.events("usb.keyboard.cut"), [], "cut off")
    # Watched and not typed on, it wakes nobody.
    switches = ("sleep 1; awk '/^voluntary/ { print $2 }' "
                "/proc/$(pidof sekimorid)/status")
    before = int(t.must(switches))
    t.must("sleep 8")
    after = int(t.must(switches))
    t.check(after - before <= 2, f"{after - before} wake-ups in 9 s")


def test_what_types_as_no_person_does_is_cut_off(t):
    settled(t, NAMED % "")
    device = keyboard(t)
    node = bound(t)
    came = types(t, node, FAST)
    event = t.events("usb.keyboard.cut", 20)[0]
    t.equal(event["status_code"], "SKM-D-0113", "reason")
    t.equal(event["sekimori"]["usb"]["busport"], device, "device")
    t.equal(authorised(t, device), "0", "authorised")
    # Of each report: three keys up, three down, with their scan codes.
    t.check(came < 300 * 13 * 24 / 3, f"too much came through: {came} bytes")
    t.fails(f"test -e /dev/input/{node}")
    own_keyboard_works(t)
    # No key is in the record, nor in the journal.
    t.check("KEY" not in str(event), "a key in the event")
    t.must("systemctl restart sekimorid")
    t.until("sekimorictl status > /dev/null")
    t.equal(authorised(t, device), "0", "authorised after the restart")
    # A person may know better: a barcode reader.
    t.must(f"sekimorictl confirm {device}")
    t.check(types(t, bound(t), FAST) > 0, "it does not type")
    t.equal(authorised(t, device), "1", "authorised")
    t.equal(len(t.events("usb.keyboard.cut")), 1, "times it was cut off")


def test_a_reader_of_codes_may_type_fast(t):
    settled(t, NAMED % "fast-typing")
    device = keyboard(t)
    t.check(types(t, bound(t), FAST) > 0, "nothing came")
    t.equal(authorised(t, device), "1", "authorised")
    t.equal(t.events("usb.keyboard.cut"), [], "cut off")


def test_a_mouse_that_has_letters_is_held_as_a_keyboard(t):
    settled(t, GENERAL)
    t.must("sed 's/keyboard) boot_hid 1 8/keyboard) boot_hid 2 8/' "
           "$(command -v gadget) > /root/liar")
    # The vendor is what a device says of itself: one that makes security keys.
    for udc, vendor in enumerate(("0x16c0", "0x1050")):
        t.must(f"PRODUCT=Liar{udc} sh /root/liar plug liar{udc} {vendor} "
               f"0x27dc L{udc} {udc} keyboard")
        device = t.usb("serial", f"L{udc}")
        held(t, device)
        t.equal(authorised(t, device), "0", "authorised")
        t.fails(EVENT % f"Liar{udc}")
        t.must(f"gadget unplug liar{udc}")
        t.mark()
    t.gadget("mouse", ["mouse"], serial="M1", product="Honest")
    t.equal(t.events("usb.device.allowed", 20)[0]["sekimori"]["usb"][
        "busport"], t.usb("serial", "M1"), "device")
    bound(t, "Honest")


def test_the_only_keyboard_is_never_taken_away(t):
    settled(t, GENERAL)
    t.unplug("own-keyboard")
    t.events("usb.device.removed", 20)
    device = keyboard(t)
    node = bound(t)
    t.events("lifeline.kept", 20)
    t.mark()
    t.sh(FAST, timeout=20)
    event = t.events("lifeline.kept", 20)[0]
    t.equal(event["status_code"], "SKM-D-0113", "reason")
    t.equal(authorised(t, device), "1", "authorised")
    one = SLOW.replace("-lt 30", "-lt 3")
    t.equal(types(t, node, one), 0, "bytes while it is silenced")
    t.must("sleep 11")
    t.check(types(t, node, one) > 0, "it stays silent")
    t.equal(authorised(t, device), "1", "authorised")
