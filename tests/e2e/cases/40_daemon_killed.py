# SPDX-License-Identifier: Apache-2.0
"""Must show 4: the kernel goes on refusing without the daemon; the daemon
comes back, regains control and tells of the gap."""

TIERS = ("T1", "T2")
POLICY = """
policy "deny media" serial 2 mode enforce
allow with-interface one-of { 08:*:* } rule-id "sticks-may-connect"
media deny rule-id "no-media"
"""

# The kernel's own read-only flag may answer before the guard does.
NO_WRITE = ("not permitted", "permission denied")


def kill(t):
    """SIGKILL; returns the pid that was."""
    pid = t.must("systemctl show -P MainPID sekimorid")
    t.must(f"kill -9 {pid}")
    return pid


def hold_back(t):
    """The daemon stays away until let_back, so that the gap can be seen."""
    t.must("mkdir -p /run/systemd/system/sekimorid.service.d && printf "
           "'[Service]\\nExecStartPre=/bin/sh -c \"until test -e /run/go; do "
           "sleep 0.1; done\"\\n' > "
           "/run/systemd/system/sekimorid.service.d/hold.conf && "
           "systemctl daemon-reload")


def test_a_stick_plugged_without_the_daemon_is_denied(t):
    t.policy(POLICY)
    hold_back(t)
    kill(t)
    stick = t.stick(fs="ext4", dirty=True)
    before = stick.sha256()
    t.plug("storage", "stick", stick, serial="S0001")
    device = t.usb("serial", "S0001")
    t.must("sleep 1; udevadm settle")
    sysfs = "/sys/bus/usb/devices/" + device
    t.equal(t.must(f"cat {sysfs}/authorized"), "0", "authorized")
    t.fails(f"ls -d {sysfs}/{device}:*")
    t.must("touch /run/go")
    t.events("media.denied", wait=30)
    t.equal(stick.sha256(), before, "the medium")


def test_a_stick_already_denied_stays_denied_without_the_daemon(t):
    t.policy(POLICY)
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.events("media.denied", wait=30)
    t.until("test -b /dev/sda")
    hold_back(t)
    kill(t)
    t.fails("dd if=/dev/sda of=/dev/null count=1", "not permitted")
    t.fails("mount /dev/sda /mnt", "permission denied")
    t.fails("echo '0 1024 linear 8:0 0' | dmsetup create leak")


def test_the_daemon_comes_back_and_tells_of_the_gap(t):
    t.mark()
    tier = t.status()["tier"]
    old = kill(t)
    start = t.events("agent.start", wait=40)[0]
    t.check(t.must("systemctl show -P MainPID sekimorid") != old, "same pid")
    agent = start["sekimori"]["agent"]
    t.equal(agent["prev_stop"], "crash", "how the last one ended")
    t.equal(t.status()["tier"], tier, "tier")


def test_control_is_regained(t):
    t.policy(POLICY)
    t.mark()
    kill(t)
    t.events("agent.start", wait=40)
    t.policy(POLICY.replace("serial 2", "serial 3")
             .replace("media deny", "media read-only"))
    t.plug("storage", "stick", t.stick())
    t.events("media.readonly", wait=30)
    t.until("mount -o ro /dev/sda /mnt && umount /mnt")
    t.fails("dd if=/dev/zero of=/dev/sda count=1", *NO_WRITE)


def test_the_sequence_has_no_hole_over_a_kill(t):
    t.mark()
    for _ in range(3):
        before = len(t.events("agent.start"))
        kill(t)
        t.events("agent.start", wait=40, count=before + 1)
    numbers = [e["metadata"]["sequence"] for e in t.events()]
    t.equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))),
            "sequence numbers")


def test_stopping_the_service_does_not_open_the_gate(t):
    t.policy(POLICY)
    t.sh("systemctl stop sekimorid")
    t.plug("storage", "stick", t.stick(), serial="S0001")
    device = t.usb("serial", "S0001")
    t.must("sleep 1")
    t.equal(t.must(f"cat /sys/bus/usb/devices/{device}/authorized"), "0",
            "authorized")
