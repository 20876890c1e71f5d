# SPDX-License-Identifier: Apache-2.0
"""The machine's own sleep (ACPI S3), woken from outside."""

import time

ASLEEP_SECONDS = 60


def suspend(t, while_asleep):
    """Asleep, `while_asleep()`, awake; skips the case where it cannot."""
    if "deep" not in t.must("cat /sys/power/mem_sleep"):
        t.skip("the guest cannot suspend to memory")
    t.must("(sleep 1; echo mem > /sys/power/state; echo $? > /root/slept) < "
           "/dev/null > /dev/null 2>&1 &")
    qmp = t.machine.qmp.command
    end = time.monotonic() + ASLEEP_SECONDS
    while qmp("query-status")["status"] != "suspended":
        if time.monotonic() > end:
            t.skip("the guest does not fall asleep: " +
                   t.sh("cat /root/slept; dmesg | tail -n 3").text)
        time.sleep(0.2)
    while_asleep()
    qmp("system_wakeup")
    t.until("test -e /root/slept", seconds=60)
    t.equal(t.must("cat /root/slept"), "0", "the sleep")
