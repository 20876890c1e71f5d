# SPDX-License-Identifier: Apache-2.0
"""The rows of the table that go for the guard itself, with its protection on,
and those that nobody can stop from within; guardctl is the daemon here."""

import attacks
from ways_out import GuardWalk

AGENT = False
# It keeps a switch of sysfs open that it got before the guard.
EARLY = ("(exec 9> /sys/bus/usb/devices/usb1/authorized_default && until test "
         "-e /root/go; do sleep 0.2; done; echo 0 >&9; echo $? > "
         "/root/held.switch) < /dev/null > /root/held.switch.said 2>&1 &")


def walk(t, group, options):
    t.put(t.build + "/tests/e2e/tools/guardctl", "/usr/local/bin/guardctl")
    t.put(t.build + "/tests/e2e/tools/attack", "/root/attack")
    t.must(EARLY)
    t.must("systemd-run -q --unit=guard -p Type=notify -p NotifyAccess=all "
           "-p FileDescriptorStoreMax=8 -p Restart=always -p RestartSec=100ms "
           f"guardctl {options} store tamper on follow 3600")
    stick = t.stick()
    t.plug("storage", "stick", stick)
    t.until("test -b /dev/sda")
    t.must("mkdir -p /run/as; touch /root/go")
    t.until("test -e /root/held.switch")
    pid = t.must("systemctl show -P MainPID guard")
    rows = attacks.STATED + attacks.GUARD
    GuardWalk(t, group, stick, {"$PID": pid}).run(rows)


def test_root_against_the_lsm_programs(t):
    walk(t, "T1", "")


def test_root_against_the_fmod_programs(t):
    walk(t, "T2", "--no-lsm")
