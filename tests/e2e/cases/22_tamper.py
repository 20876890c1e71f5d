# SPDX-License-Identifier: Apache-2.0
"""Tamper protection of the guard, switched on: root cannot end, stop, trace or
unpin it, and a daemon that dies all the same gets its control back from the
service manager. The switch is off by default, so guardctl turns it on here."""

AGENT = False
PINS = "/sys/fs/bpf/sekimori"


def protect(t, options):
    """A service as ours is, in the place of the daemon."""
    t.put(t.build + "/tests/e2e/tools/guardctl", "/usr/local/bin/guardctl")
    t.must("systemd-run -q --unit=guard -p Type=notify -p NotifyAccess=all "
           "-p FileDescriptorStoreMax=8 -p Restart=always -p RestartSec=100ms "
           f"guardctl {options} store tamper on tier wait")
    return t.must("systemctl show -P MainPID guard")


def attempts(pid):
    return (
        f"kill -9 {pid}", f"kill -STOP {pid}", f"kill -TERM {pid}",
        f"kill -SEGV {pid}", f"strace -p {pid} -o /dev/null",
        "strace -p 1 -o /dev/null",
        f"head -c 0 /proc/{pid}/mem",
        f"rm {PINS}/*/guard_cgroup_task", f"rm {PINS}/*/config",
        f"rmdir {PINS}/*", f"mv {PINS} /sys/fs/bpf/other",
        "umount /sys/fs/bpf", "umount -l /sys/fs/bpf",
        f"bpftool map dump pinned $(ls -d {PINS}/*/config)",
        f"bpftool link detach pinned $(ls -d {PINS}/*/guard_cgroup_task)",
        "bpftool map dump id $(bpftool map list | grep 'name config' "
        "| cut -d: -f1)",
        "echo 0 | tee /proc/sys/kernel/ftrace_enabled",
    )


def test_without_the_switch_root_can(t):
    """So that the refusals below mean something."""
    t.put(t.build + "/tests/e2e/tools/guardctl", "/usr/local/bin/guardctl")
    t.must("systemd-run -q --unit=guard guardctl wait")
    pid = t.must("systemctl show -P MainPID guard")
    t.until(f"test -e {PINS}/*/config")
    trace = "timeout 2 strace -o /dev/null -p "
    for command in (
            f"bpftool map dump pinned $(ls -d {PINS}/*/config)",
            "bpftool map dump id $(bpftool map list | grep 'name config' "
            "| cut -d: -f1)",
            f"{trace}{pid}; test $? = 124", f"{trace}1; test $? = 124",
            f"head -c 0 /proc/{pid}/mem",
            f"rm {PINS}/*/guard_cgroup_task", f"rm {PINS}/*/config",
            f"mv {PINS} /sys/fs/bpf/other", "umount -l /sys/fs/bpf",
            f"kill -STOP {pid}", f"kill -9 {pid}"):
        t.must(command)


def withstands(t, options, tier):
    pid = protect(t, options)
    for command in attempts(pid):
        t.fails(command)
    t.must(f"kill -0 {pid} && test -d {PINS}")
    t.equal(t.must("systemctl show -P MainPID guard"), pid, "main process")
    t.must(f"grep -q '^State:.S' /proc/{pid}/status")
    t.plug("storage", "stick", t.stick())
    t.until("test -b /dev/sda")
    t.fails("dd if=/dev/sda of=/dev/null count=1", "not permitted")
    t.fails("mount /dev/sda /mnt", "permission denied")
    t.must(f"journalctl -u guard | grep -q '{tier} loaded'")


def test_root_cannot_end_or_unpin_it_lsm(t):
    withstands(t, "", "T1")


def test_root_cannot_end_or_unpin_it_fmod(t):
    withstands(t, "--no-lsm", "T2")


def test_a_killed_daemon_gets_its_control_back(t):
    pid = protect(t, "")
    # Past every signal hook: the kernel's own way to end a cgroup.
    t.must("echo 1 > /sys/fs/cgroup/system.slice/guard.service/cgroup.kill")
    t.until(f"test $(systemctl show -P MainPID guard) != {pid} && "
            "systemctl is-active guard")
    t.must("journalctl -u guard | grep 'adopted .*config'")
    t.must("journalctl -u guard | grep 'T1 reused'")
    again = t.must("systemctl show -P MainPID guard")
    t.fails(f"kill -9 {again}", "not permitted")
    t.fails(f"rm {PINS}/*/config", "not permitted")


def test_without_the_stored_descriptor_nobody_takes_over(t):
    protect(t, "")
    said = t.sh("guardctl tier").text
    t.check("reused" not in said, f"a stranger took over: {said}")
    t.plug("storage", "stick", t.stick())
    t.until("test -b /dev/sda")
    t.sh("guardctl entry sda rw")
    t.fails("dd if=/dev/sda of=/dev/null count=1", "not permitted")


def test_the_service_manager_may_stop_it_and_the_gate_stays(t):
    protect(t, "")
    t.must("systemctl stop guard")
    t.plug("storage", "stick", t.stick())
    t.until("test -b /dev/sda")
    t.fails("dd if=/dev/sda of=/dev/null count=1", "not permitted")


def test_an_attempt_is_told(t):
    t.put(t.build + "/tests/e2e/tools/guardctl", "/usr/local/bin/guardctl")
    t.must("systemd-run -q --unit=guard -p Type=notify -p NotifyAccess=all "
           "guardctl store tamper on follow 600")
    pid = t.must("systemctl show -P MainPID guard")
    t.fails(f"bash -c 'kill -9 {pid}'", "not permitted")
    t.fails(f"rm {PINS}/*/config", "not permitted")
    t.until("journalctl -u guard | grep 'event tamper.*comm=bash'")
    t.until("journalctl -u guard | grep 'event tamper.*comm=rm'")
