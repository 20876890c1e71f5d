# SPDX-License-Identifier: Apache-2.0
"""Tamper protection of the installed agent: policy switches it on, a signed
order lifts it once, for this terminal and for its time, and nothing that root
finds on the terminal does."""

import json
import subprocess

TIERS = ("T1", "T2")
PINS = "/sys/fs/bpf/sekimori"
BASE = ('policy "tamper" mode enforce{}\n'
        'allow channel hid rule-id "input"\n'
        'allow channel hub rule-id "hubs"\n')
ON = BASE.format(" tamper on")
OFF = BASE.format("")


class Office:
    """Who signs: a key of the case, pinned at the terminal."""

    def __init__(self, t):
        self.t = t
        self.count = 0
        self.terminal = t.must("cat /var/lib/sekimori/terminal.id")
        self.tool("key", "-o", t.folder + "/policy.key")
        t.put(t.folder + "/policy.key.pub", "/etc/sekimori/trust.pub", "644")

    def tool(self, *arguments):
        subprocess.run([self.t.build + "/sekimori-policy", *arguments],
                       check=True, capture_output=True, timeout=60)

    def _put(self, path):
        self.t.put(path, f"/root/{self.count}.jws", "644")
        return f"/root/{self.count}.jws"

    def load(self, serial, rules, key="policy.key"):
        self.count += 1
        path = f"{self.t.folder}/{self.count}.jws"
        source = self.t.folder + "/50-case.rules"
        with open(source, "w", encoding="utf-8") as file:
            file.write(rules)
        self.tool("sign", "--key", f"{self.t.folder}/{key}", "--serial",
                  str(serial), "-o", path, source)
        return self._put(path)

    def order(self, *terms, key="policy.key", terminal=None):
        self.count += 1
        path = f"{self.t.folder}/{self.count}.jws"
        # The guest's clock may be behind that of the one who signs
        self.tool("order", "--key", f"{self.t.folder}/{key}", "--terminal",
                  terminal or self.terminal, *terms, "-o", path)
        return self._put(path)


def told(t):
    return json.loads(t.must("sekimorictl status --json || true"))


def protected(t):
    """A terminal under a signed policy that wants it."""
    t.must("date -s @$(($(date +%s)))")
    office = Office(t)
    t.must("sekimorictl policy load " + office.load(2, ON))
    t.equal(told(t)["tamper"], "on", "tamper protection")
    return office


def pid(t):
    return t.must("systemctl show -P MainPID sekimorid")


def withstands(t):
    for command in (f"kill -9 {pid(t)}", f"kill -STOP {pid(t)}",
                    f"head -c 0 /proc/{pid(t)}/mem", f"rm -r {PINS}",
                    "umount -l /sys/fs/bpf", f"mv {PINS} /sys/fs/bpf/x",
                    "mount --bind /mnt /sys/fs/bpf",
                    f"mount -t tmpfs none {PINS}",
                    "cd /root && mkdir -p under && mount --bind under /mnt && "
                    "mount --move /mnt /sys/fs/bpf",
                    f"bpftool map dump pinned $(ls -d {PINS}/*/config)",
                    "bpftool map dump id $(bpftool map list | grep "
                    "'name config' | cut -d: -f1)"):
        t.fails(command)
    t.sh("umount /mnt")
    t.must(f"test -e {PINS}/*/config")
    # What is not ours may be mounted and unmounted as ever
    t.must("mount -t tmpfs none /mnt && umount /mnt")
    t.must("unshare -m sh -c 'mount --bind /mnt /sys/fs/bpf'")


def test_policy_switches_it_on_and_off(t):
    office = protected(t)
    t.mark()
    withstands(t)
    kinds = {"kill", "ptrace", "pins", "mount", "bpf"}

    def seen():
        found = {e["sekimori"]["tamper"]["kind"]
                 for e in t.events("agent.tamper")}
        return kinds <= found
    t.wait_for(seen, 30, "an event for each way")
    event = t.events("agent.tamper")[0]
    process = event["evidences"][0]["process"]
    t.equal(process["user"]["uid"], "0", "user")
    t.check(process["name"], "the process has no name")
    t.equal(event["sekimori"]["tamper"]["enforcement"], "held", "enforcement")
    t.must("sekimorictl policy load " + office.load(3, OFF))
    t.equal(told(t)["tamper"], "off", "tamper protection")
    t.must(f"head -c 0 /proc/{pid(t)}/mem")


def test_many_attempts_are_few_events(t):
    protected(t)
    t.mark()
    t.sh(f"for i in $(seq 300); do kill -9 {pid(t)}; done")
    t.events("agent.tamper", wait=20)
    t.check(len(t.events("agent.tamper")) < 10, "each attempt is an event")


def test_the_login_behind_sudo_is_told(t):
    protected(t)
    t.mark()
    t.sh("bash -c 'echo 1000 > /proc/self/loginuid; kill -9 "
         f"{pid(t)}; true'")
    event = t.events("agent.tamper", wait=20)[0]
    t.equal(event["sekimori"]["login_uid"], 1000, "login uid")


def test_an_order_lifts_it_once_and_for_its_time(t):
    office = protected(t)
    t.mark()
    first = office.order("--minutes", "30", "--serial", "100")
    t.must("sekimorictl order " + first)
    status = told(t)
    t.equal(status["tamper"], "lifted", "tamper protection")
    t.check(status["tamper-until"], "its end is not told")
    event = t.events("order.accepted", wait=10)[0]["sekimori"]["order"]
    t.equal((event["action"], event["serial"]), ("tamper-off", 100), "order")
    t.must(f"head -c 0 /proc/{pid(t)}/mem")
    t.fails("sekimorictl order " + first, "serial does not rise")
    t.events("order.rejected", wait=10)
    # A restart does not end it, nor does it begin anew
    t.must("systemctl restart sekimorid")
    t.until("sekimorictl devices")
    t.equal(told(t)["tamper"], "lifted", "tamper protection")
    t.must("sekimorictl order " + office.order("--action", "tamper-on",
                                               "--serial", "101"))
    t.equal(told(t)["tamper"], "on", "tamper protection")
    t.fails(f"head -c 0 /proc/{pid(t)}/mem")
    t.fails("sekimorictl order " + first, "serial does not rise")
    # Its end needs nobody
    t.must("sekimorictl order " + office.order("--minutes", "1", "--serial",
                                               "102"))
    t.until(f"! head -c 0 /proc/{pid(t)}/mem", 100)
    t.equal(told(t)["tamper"], "on", "tamper protection")


def test_no_other_order_counts(t):
    office = protected(t)
    office.tool("key", "-o", t.folder + "/stranger.key")
    for path, word in (
            (office.order(key="stranger.key"), "not trusted"),
            (office.order(terminal="0" * 32), "another terminal"),
            (office.load(9, OFF), "something else than an order")):
        t.fails("sekimorictl order " + path, word)
        t.equal(told(t)["tamper"], "on", "tamper protection")
    t.must("date -s '+2 hours'")
    t.fails("sekimorictl order " + office.order("--minutes", "30"), "expired")


def test_an_order_in_the_inbox_counts(t):
    office = protected(t)
    path = office.order("--minutes", "30")
    t.must(f"install -o sekimori-ship -m 644 {path} "
           "/var/lib/sekimori-ship/inbox/order.jws")
    t.wait_for(lambda: told(t)["tamper"] == "lifted", 20, "the order")
    t.mark()
    t.must("systemctl restart sekimorid")
    t.until("sekimorictl devices")
    t.equal(len(t.events("order.rejected")), 0, "orders told of again")


def test_another_trust_anchor_signs_nothing_away(t):
    office = protected(t)
    office.tool("key", "-o", t.folder + "/stranger.key")
    good = office.order("--minutes", "30")
    t.put(t.folder + "/stranger.key.pub", "/etc/sekimori/trust.pub", "644")
    evil = office.load(9, OFF, key="stranger.key")
    t.fails("sekimorictl policy load " + evil, "keys are not those")
    t.must(f"cp {evil} /var/lib/sekimori/state/policy.jws; "
           "systemctl restart sekimorid")
    t.until("busctl status jp.sekimori.Agent1")
    t.equal(told(t)["tamper"], "on", "tamper protection")
    t.fails(f"head -c 0 /proc/{pid(t)}/mem")
    t.plug("storage", "stick", t.stick(), serial="S0001")
    device = t.usb("serial", "S0001")
    t.equal(t.must(f"cat /sys/bus/usb/devices/{device}/authorized"), "0",
            "authorised")
    # With the right keys back the right order counts
    t.put(t.folder + "/policy.key.pub", "/etc/sekimori/trust.pub", "644")
    t.must("sekimorictl order " + good)
    t.equal(told(t)["tamper"], "lifted", "tamper protection")


def test_removal_needs_an_order(t):
    office = protected(t)
    remove = "DEBIAN_FRONTEND=noninteractive dpkg --remove sekimori-agent"
    t.fails(remove, "signed order", timeout=120)
    t.must("systemctl is-active sekimorid")
    t.fails("sekimorid --release", "signed order")
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.blocked(t.usb("serial", "S0001"))
    t.must("sekimorictl order " + office.order("--minutes", "30"))
    t.must(remove, timeout=180)
    t.fails(f"test -e {PINS}/*")


def test_an_upgrade_goes_through(t):
    import os
    import snapshot
    protected(t)
    t.must("mkdir -p /root/debs")
    for path in snapshot.agent_packages(t.build + "/deb"):
        t.put(path, "/root/debs/" + os.path.basename(path), "644")
    before = pid(t)
    t.must("dpkg -i /root/debs/*.deb", timeout=240)
    t.until("sekimorictl devices")
    t.check(pid(t) != before, "the daemon was not restarted")
    t.equal(told(t)["tamper"], "on", "tamper protection")
    t.equal(told(t)["tier"], t.tier, "tier")
    t.fails(f"kill -9 {pid(t)}")
    t.mark()
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.blocked(t.usb("serial", "S0001"))


def test_a_killed_daemon_comes_back_in_control(t):
    protected(t)
    before = pid(t)
    t.must("echo 1 > /sys/fs/cgroup/system.slice/sekimorid.service/"
           "cgroup.kill")
    t.until(f"test $(systemctl show -P MainPID sekimorid) != {before} && "
            "sekimorictl devices")
    t.equal(told(t)["tamper"], "on", "tamper protection")
    t.equal(told(t)["tier"], t.tier, "tier")
    t.fails(f"kill -9 {pid(t)}")
    t.fails(f"rm {PINS}/*/config")


def test_after_a_stop_nobody_opens_the_gate(t):
    protected(t)
    t.must("systemctl stop sekimorid")
    t.plug("storage", "stick", t.stick(), serial="S0001")
    device = t.usb("serial", "S0001")
    t.fails(f"echo 1 > /sys/bus/usb/devices/{device}/authorized")
    t.fails(f"rm {PINS}/*/config")
    t.mark()
    t.must("systemctl start sekimorid")
    t.until("busctl status jp.sekimori.Agent1")
    kinds = [e["sekimori"]["tamper"]["kind"]
             for e in t.events("agent.tamper", wait=20)]
    t.check("control-lost" in kinds, f"nobody is told: {kinds}")
    t.check("no daemon" in told(t)["state-why"], "the state does not say so")
    t.fails(f"echo 1 > /sys/bus/usb/devices/{device}/authorized")


def test_without_an_anchor_the_files_are_the_switch(t):
    t.policy(ON.replace("enforce", "enforce serial 2"))
    t.equal(told(t)["tamper"], "on", "tamper protection")
    t.fails(f"kill -9 {pid(t)}")
    t.put(__file__, "/root/any.jws", "644")
    t.fails("sekimorictl order /root/any.jws", "no trust anchor")
    t.policy(OFF.replace("enforce", "enforce serial 3"))
    t.equal(told(t)["tamper"], "off", "tamper protection")
