# SPDX-License-Identifier: Apache-2.0
"""What is authorised, bound, entered into the guard and mounted equals what
policy says: after lost events, after a sleep, and at each heartbeat."""

TIERS = ("T1", "T2")

PINS = "/sys/fs/bpf/sekimori"
STICKS = ('policy "case" serial 9 mode enforce\n'
          'allow with-interface equals { 08:06:50 }\n')
READER = ('policy "case" serial 9 mode enforce\n'
          'block id 1209:0001\nallow with-interface one-of { 0b:*:* }\n')


def heartbeats(t, seconds=5):
    """A heartbeat this often; agent.conf counts as soon as it is written."""
    t.must("sed -i '/^heartbeat_s/d' /etc/sekimori/agent.conf && "
           f"echo 'heartbeat_s = {seconds}' >> /etc/sekimori/agent.conf")


def tampering(t, kind, wait=40):
    return t.events("agent.tamper", wait, where=lambda e: e["sekimori"][
        "tamper"]["kind"] == kind)[0]["sekimori"]["tamper"]


def take_hooks(t):
    """Without them root can write what the guard keeps from him."""
    t.must(f"rm {PINS}/*/guard_file_open {PINS}/*/guard_file_ioctl")


def test_a_program_taken_away_is_attached_again(t):
    t.policy(STICKS + "media read-only\n")
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.events("media.readonly", wait=30)
    t.mark()
    take_hooks(t)
    t.must("blockdev --setrw /dev/sda")  # the hook is gone indeed
    heartbeats(t)
    tampering(t, "guard")
    t.events("agent.degraded", wait=10)
    t.events("agent.recovered", wait=30)
    t.equal(t.status()["tier"], t.tier, "tier")
    t.must(f"ls {PINS}/*/guard_file_open {PINS}/*/guard_file_ioctl")
    # What was given before is in the new set, and read-only again
    t.equal(tampering(t, "media")["enforcement"], "held", "the flag")
    t.must("dd if=/dev/sda of=/dev/null count=1")
    t.fails("blockdev --setrw /dev/sda", "not permitted")
    t.equal(t.must("cat /sys/block/sda/ro"), "1", "the flag")
    t.mark()
    t.fails("dd if=/dev/zero of=/dev/sda count=1", "denied", "not permitted")
    t.events("block.rawwrite.blocked", wait=10)
    # A successor takes it over as it is
    t.must("systemctl restart sekimorid")
    t.until("sekimorictl status")
    t.equal(t.status()["tier"], t.tier, "tier")
    t.must("dd if=/dev/sda of=/dev/null count=1")


def test_what_root_authorised_meanwhile_is_taken_back(t):
    t.plug("storage", "stick", t.stick(), serial="S0001")
    device = t.usb("serial", "S0001")
    t.blocked(device)
    t.mark()
    take_hooks(t)
    t.must(f"echo 1 > /sys/bus/usb/devices/{device}/authorized")
    t.must("echo 1 > /sys/bus/usb/devices/usb1/authorized_default")
    heartbeats(t)
    t.equal(tampering(t, "sysfs")["enforcement"], "held", "taken back")
    t.equal(tampering(t, "authorized-default")["enforcement"], "held",
            "the root hub")
    t.equal(t.must(f"cat /sys/bus/usb/devices/{device}/authorized "
                   "/sys/bus/usb/devices/usb1/authorized_default"), "0\n0",
            "authorised")


def test_an_entry_of_the_guard_that_nobody_decided_goes(t):
    t.policy(READER)
    t.gadget("toy", ["acm"], serial="TOY1")
    device = t.usb("serial", "TOY1")
    t.blocked(device)
    node = t.must(f"sed -n 's/^DEVNAME=/\\/dev\\//p' "
                  f"/sys/bus/usb/devices/{device}/uevent")
    t.fails(f"head -c 1 {node}", "not permitted")
    numbers = t.must(f"cat /sys/bus/usb/devices/{device}/dev").split(":")
    key = (1 << 32) | (int(numbers[0]) << 20) | int(numbers[1])
    words = " ".join(f"{b:#x}" for b in key.to_bytes(8, "little"))
    t.must(f"bpftool map update pinned $(ls {PINS}/*/policy) key {words} "
           "value 0 0 0 0 0 0 0 0  2 0 0 0 0 0 0 0")
    t.must(f"head -c 1 {node}")
    t.mark()
    heartbeats(t)
    t.equal(tampering(t, "guard-entry")["enforcement"], "held", "cleared")
    t.fails(f"head -c 1 {node}", "not permitted")


def test_what_came_while_events_were_lost_is_judged(t):
    t.mark()
    t.must("kill -STOP $(systemctl show -P MainPID sekimorid)")
    t.plug("storage", "stick", t.stick(), serial="S0001")
    device = t.usb("serial", "S0001")
    # More than the socket holds, and well within the watchdog's time
    t.must("for i in $(seq 30000); do echo change; done > "
           "/sys/class/mem/null/uevent", timeout=120)
    t.must("kill -CONT $(systemctl show -P MainPID sekimorid)")
    t.blocked(device)
    said = t.must("journalctl -b -u sekimorid --no-pager | "
                  "grep 'were lost' | tail -n 1")
    t.check("scanning again" in said, f"no loss was told: {said}")


def test_after_a_sleep_everything_is_compared(t):
    t.plug("storage", "stick", t.stick(), serial="S0001")
    device = t.usb("serial", "S0001")
    t.blocked(device)
    t.mark()
    take_hooks(t)
    t.must(f"echo 1 > /sys/bus/usb/devices/{device}/authorized")
    # The kernel's own test of a sleep: everything but the power
    t.must("echo freezer > /sys/power/pm_test")
    t.must("systemctl suspend")
    t.equal(tampering(t, "sysfs")["enforcement"], "held", "taken back")
    tampering(t, "guard")
    t.must(f"ls {PINS}/*/guard_file_open")


def test_a_conf_that_was_written_counts_at_once(t):
    t.must("sed -i '/^collector/d' /etc/sekimori/agent.conf && "
           "echo 'collector = https://10.0.2.2:1' > /root/line && "
           "cat /root/line >> /etc/sekimori/agent.conf")
    said = t.wait_for(lambda: t.status().get("collector"), 10, "the name")
    t.equal(said, "https://10.0.2.2:1", "collector")
