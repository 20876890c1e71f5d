# SPDX-License-Identifier: Apache-2.0
"""`sekimorictl selftest`: what it says of this machine is so, it finds what is
open, and it leaves nothing behind."""

import json

TIERS = ("T1", "T2")
DISK = {"disk-read", "disk-write", "disk-alias", "disk-mount", "disk-fsopen",
        "disk-swap", "disk-mapper", "disk-bsg"}
GUARD = {"usb-authorize", "usbfs", "ftrace"}
CHANNELS = {"serial-port", "printer-port", "parallel-port", "radio-switch",
            "wifi", "bluetooth"}
TAMPER = {"kill", "ptrace", "pins-remove", "pins-cover", "bpf-map"}
HEAD = ('policy "selftest" mode enforce{}\n'
        'allow channel hid rule-id "input"\n'
        'allow channel hub rule-id "hubs"\n')


def ready(t, extra=""):
    """A terminal that knows its own disks, so that others are media."""
    t.must("sed -i '/^heartbeat_s/d' /etc/sekimori/agent.conf && "
           "echo 'heartbeat_s = 5' >> /etc/sekimori/agent.conf")
    t.until("test -e /var/lib/sekimori/state/disks", 40)
    t.policy(HEAD.format(extra))


def radios(t):
    """As on a machine that has some: what they load stays loaded, and a
    driver holds it."""
    t.must("modprobe -a rfkill rfcomm hci_vhci mac80211_hwsim && "
           "python3 -c 'import os\nf = os.open(\"/dev/vhci\", os.O_RDWR)\n"
           "os.write(f, bytes([255, 0]))\nprint(os.read(f, 4))' && sleep 1 && "
           "modprobe -r mac80211_hwsim && rmmod hci_vhci")


def selftest(t, *options):
    said = t.sh("sekimorictl selftest --json " + " ".join(options), 240)
    t.check(said.status in (0, 1), f"it ended with {said.status}")
    found = json.loads(said.text.strip().splitlines()[-1])
    return said.status, {w["name"]: w for w in found["ways"]}


def closed(t, ways, names, state="closed"):
    for name in sorted(names):
        t.equal(ways[name]["state"], state, f"{name} {ways[name]}")


def test_everything_that_can_be_tried_is_closed(t):
    ready(t, " tamper on")
    radios(t)
    modules = t.must("lsmod | cut -d' ' -f1 | sort")
    mounts = t.must("cat /proc/self/mountinfo | cut -d' ' -f5- | sort")
    t.mark()
    status, ways = selftest(t)
    closed(t, ways, DISK | GUARD | TAMPER | CHANNELS)
    tried = [w for w in ways.values() if w["state"] != "untested"]
    t.check(len(tried) >= 24, f"only {len(tried)} could be tried: {ways}")
    not_closed = {w["name"] for w in tried if w["state"] != "closed"}
    # The guest has no lockdown: said, and not hidden
    t.equal(not_closed, {"kernel"}, "not closed")
    t.equal(status, 1, "exit status")
    event = t.events("agent.selftest", wait=20)[0]["sekimori"]["selftest"]
    t.equal(event["open"], 0, "open")
    t.equal(event["closed"], len(tried) - 1, "closed")
    t.equal(event["open_ways"], "kernel", "ways")
    # Nothing is left
    t.equal(t.must("lsmod | cut -d' ' -f1 | sort"), modules, "modules")
    t.equal(t.must("cat /proc/self/mountinfo | cut -d' ' -f5- | sort"),
            mounts, "mounts")
    t.fails("ls -d /run/sekimori-selftest-* /dev/sekimori-selftest")
    t.fails("dmsetup ls | grep sekimori")
    t.must("sekimorictl status")
    t.equal(t.must("cat /sys/fs/bpf/sekimori/x 2>&1 || true; "
                   "systemctl is-active sekimorid").splitlines()[-1],
            "active", "the daemon")


def test_what_is_open_is_found(t):
    ready(t)
    radios(t)
    t.policy(HEAD.format("") + 'media read-write bus sata rule-id "open"\n'
             "channel allow wifi serial printer\n")
    status, ways = selftest(t)
    t.equal(status, 1, "exit status")
    closed(t, ways, {"disk-read", "disk-write"}, "users-only")
    # Tamper protection is off
    closed(t, ways, {"ptrace", "pins-remove", "bpf-map"}, "users-only")
    closed(t, ways, GUARD)
    ports = {"serial-port", "printer-port", "parallel-port"}
    closed(t, ways, ports, "users-only")
    closed(t, ways, {"wifi"}, "open")
    for name in ports | {"wifi"}:
        t.equal(ways[name]["detail"], "the policy allows it", name)
    # One switch for all radios: as long as one of them is denied
    closed(t, ways, {"radio-switch", "bluetooth"})
    # The kernel asks for drivers by itself where nobody refuses
    t.fails("lsmod | grep -E '^(lp|ppdev|parport|mac80211|hci_vhci) '")


def test_a_machine_without_radios_stays_without(t):
    t.must("test ! -e /sys/class/rfkill")
    ready(t)
    _, ways = selftest(t)
    closed(t, ways, {"wifi", "bluetooth"}, "untested")
    t.must("test ! -e /sys/class/rfkill")


def test_monitor_mode_is_said(t):
    ready(t)
    t.policy(HEAD.format("").replace("enforce", "monitor"))
    said = t.sh("sekimorictl selftest", 240)
    t.equal(said.status, 1, "exit status")
    t.check("Monitor mode" in said.text, "the mode is not said")
    t.check("closed for users" in said.text, "nothing is open")


def test_the_light_one_loads_nothing(t):
    modules = t.must("lsmod | cut -d' ' -f1 | sort")
    _, ways = selftest(t, "--light")
    closed(t, ways, GUARD | {"serial-port", "radio-switch"})
    t.check("wifi" not in ways, "a radio was made up")
    t.check("disk-read" not in ways, "a disk was tried")
    t.equal(t.must("lsmod | cut -d' ' -f1 | sort"), modules, "modules")


def test_users_are_sent_away(t):
    t.fails("as-alice 'sekimorictl selftest'", "root")


def test_the_heartbeat_carries_the_light_one(t):
    t.mark()
    t.must("echo 'heartbeat_s = 5' >> /etc/sekimori/agent.conf")
    beat = t.events("agent.heartbeat", wait=40)[0]["sekimori"]["health"]
    t.equal((beat["proof"]["asked"], beat["proof"]["refused"]), (3, 3),
            "proof")
    t.check(beat["proof"]["time"] > 0, "it has no time")
    t.equal(beat["tamper"], "off", "tamper protection")


def test_a_daemon_that_is_away_is_said(t):
    t.must("systemctl stop sekimorid")
    t.equal(t.sh("sekimorictl selftest").status, 2, "exit status")
