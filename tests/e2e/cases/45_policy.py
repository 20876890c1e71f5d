# SPDX-License-Identifier: Apache-2.0
"""Must show 3 and 4 of the rule language: a change of policy judges what is
present, both ways; a signed policy that is not good in every respect changes
nothing and is told of; monitor touches nothing; nobody loses the last
keyboard, pointer or card reader; learn keeps what works and nothing else."""

import base64
import json
import subprocess

TIERS = ("T1",)
INPUT = 'allow channel hid rule-id "input"\nallow channel hub rule-id "hubs"\n'
BASE = 'policy "signed" mode enforce\n' + INPUT
STICK = 'allow serial "S0001" rule-id "stick-1"\nmedia read-only rule-id "ro"\n'
AUTHORISED = "grep -H . /sys/bus/usb/devices/*-*/authorized"


class Office:
    """Who signs: a key of the case, pinned at the terminal."""

    def __init__(self, t):
        self.t = t
        self.count = 0
        self.tool("key", "-o", t.folder + "/policy.key")
        t.put(t.folder + "/policy.key.pub", "/etc/sekimori/trust.pub", "644")

    def tool(self, *arguments):
        subprocess.run([self.t.build + "/sekimori-policy", *arguments],
                       check=True, capture_output=True, timeout=60)

    def sign(self, serial, rules, *terms, key="policy.key"):
        """Returns where the signed policy is in the guest."""
        self.count += 1
        path = f"{self.t.folder}/{self.count}.jws"
        source = self.t.folder + "/50-case.rules"
        with open(source, "w", encoding="utf-8") as file:
            file.write(rules)
        self.tool("sign", "--key", f"{self.t.folder}/{key}", "--serial",
                  str(serial), *terms, "-o", path, source)
        self.t.put(path, f"/root/{self.count}.jws", "644")
        return f"/root/{self.count}.jws"

    def load(self, serial, rules, *terms):
        path = self.sign(serial, rules, *terms)
        self.t.must("sekimorictl policy load " + path)

    def refused(self, path, reason, word):
        """The policy at this path changes nothing, and everybody is told."""
        t = self.t
        before = t.status()
        t.mark()
        t.fails("sekimorictl policy load " + path, word)
        event = t.events("policy.rejected", wait=20)[0]
        t.equal(event["status_code"], reason, "reason of the event")
        t.check(word in str(event), f"'{word}' is not in {event}")
        after = t.status()
        for key in ("policy-digest", "policy-serial", "policy-loaded"):
            t.equal(after[key], before[key], key)
        t.check(word in after["policy-error"], "status tells another error")
        t.check(word in t.must("sekimorictl status; true"),
                "people are not told")
        t.equal(len(t.events("policy.loaded")), 0, "policies loaded")


def told(t):
    """The status of a terminal that is not enforcing: the command fails."""
    return json.loads(t.must("sekimorictl status --json || true"))


def authorised(t, device):
    return t.must(f"cat /sys/bus/usb/devices/{device}/authorized")


def test_a_signed_policy_judges_what_is_present_both_ways(t):
    office = Office(t)
    office.load(2, BASE)
    t.mark()
    t.plug("storage", "stick", t.stick(), serial="S0001")
    device = t.usb("serial", "S0001")
    t.blocked(device)
    t.equal(authorised(t, device), "0", "authorised")

    office.load(3, BASE + STICK)
    t.equal(authorised(t, device), "1", "authorised")
    t.events("media.readonly", wait=30)
    t.until("dd if=/dev/sda of=/dev/null count=1")
    t.fails("dd if=/dev/zero of=/dev/sda count=1 conv=notrunc")

    t.mark()
    office.load(4, BASE)
    t.equal(authorised(t, device), "0", "authorised")
    t.blocked(device)
    t.fails("test -e /dev/sda")
    status = t.status()
    t.equal(status["policy-serial"], 4, "serial")
    t.check(status["policy-signer"], "the signer is not told")
    event = t.events("policy.loaded")[0]
    t.equal(event["sekimori"]["policy"]["from_serial"], 3, "from serial")


def test_an_open_medium_is_judged_by_the_new_policy(t):
    office = Office(t)
    office.load(2, BASE + STICK)
    t.mark()
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.events("media.readonly", wait=30)
    t.until("dd if=/dev/sda of=/dev/null count=1")
    office.load(3, BASE + STICK.replace("read-only", "deny"))
    t.events("media.denied", wait=20)
    t.fails("dd if=/dev/sda of=/dev/null count=1 iflag=direct")
    office.load(4, BASE + STICK.replace("read-only", "read-write"))
    t.until("dd if=/dev/zero of=/dev/sda count=1 conv=notrunc,fsync")


def test_a_bad_signature_leaves_the_old_in_force(t):
    office = Office(t)
    office.load(5, BASE)
    good = office.sign(6, BASE + STICK)
    office.tool("key", "-o", t.folder + "/stranger.key")
    office.refused(office.sign(7, BASE + STICK, key="stranger.key"),
                   "SKM-P-0203", "not trusted")
    with open(f"{t.folder}/{office.count - 1}.jws", encoding="ascii") as file:
        head, payload, signature = file.read().split(".")
    signature = ("B" if signature[0] == "A" else "A") + signature[1:]
    t.must("cat > /root/forged.jws",
           stdin=".".join((head, payload, signature)).encode())
    office.refused("/root/forged.jws", "SKM-P-0203", "the signature is wrong")
    t.must("echo allow > /root/plain.jws")
    office.refused("/root/plain.jws", "SKM-P-0203", "not a signed text")
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.blocked(t.usb("serial", "S0001"))
    # and the good one is still good
    t.must("sekimorictl policy load " + good)
    t.check("policy-error" not in t.status(), "the error stays")


def test_an_old_serial_leaves_the_newer_in_force(t):
    office = Office(t)
    office.load(5, BASE)
    office.refused(office.sign(5, BASE + STICK), "SKM-P-0202", "serial 5")
    office.refused(office.sign(4, BASE + STICK), "SKM-P-0202", "serial 4")


def test_an_error_in_signed_rules_leaves_the_old_in_force(t):
    office = Office(t)
    office.load(5, BASE)
    office.refused(broken(t, office), "SKM-P-0201",
                   "50-case.rules:1:10: error")


def test_another_zone_or_time_leaves_the_old_in_force(t):
    office = Office(t)
    t.must("echo 'zone = mynumber' >> /etc/sekimori/agent.conf; "
           "sekimorictl reload; true")
    office.load(5, BASE, "--zone", "mynumber")
    office.refused(office.sign(6, BASE + STICK, "--zone", "elsewhere"),
                   "SKM-P-0205", "zone 'elsewhere'")
    office.refused(office.sign(6, BASE + STICK, "--zone", "mynumber",
                               "--until", "2020-01-01"),
                   "SKM-P-0205", "expired")
    office.refused(office.sign(6, BASE + STICK, "--zone", "mynumber",
                               "--from", "2099-01-01"),
                   "SKM-P-0205", "does not begin yet")


def broken(t, office):
    """Rules with an error: our own tool signs none, so openssl does."""
    def b64(data):
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    with open(f"{t.folder}/{office.count}.jws", encoding="ascii") as file:
        header = file.read().split(".")[0]
    rules = b"allow id 12G4:5678\n"
    payload = (b"sekimori-policy 1\nserial 8\n"
               b"file 50-case.rules %d\n%s\nend\n" % (len(rules), rules))
    text = header + "." + b64(payload)
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign",
                          t.folder + "/policy.key"], input=text.encode(),
                         check=True, capture_output=True).stdout
    numbers, at = [], 2
    for _ in range(2):
        size = der[at + 1]
        numbers.append(der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0"))
        at += 2 + size
    path = t.folder + "/broken.jws"
    with open(path, "w", encoding="ascii") as file:
        file.write(text + "." + b64(b"".join(numbers)))
    t.put(path, "/root/broken.jws", "644")
    return "/root/broken.jws"


def test_what_the_collector_publishes_is_in_force_soon(t):
    office = Office(t)
    office.load(5, BASE)
    t.collector.enrol()
    t.collector.events(wait=30)
    office.sign(6, BASE + STICK)
    t.plug("storage", "stick", t.stick(), serial="S0001")
    device = t.usb("serial", "S0001")
    t.blocked(device)
    t.mark()
    t.collector.publish(f"{t.folder}/{office.count}.jws")
    t.events("policy.loaded", wait=60)
    t.until(f"grep -q 1 /sys/bus/usb/devices/{device}/authorized")
    t.equal(t.status()["policy-serial"], 6, "serial")


def test_the_inbox_is_not_believed(t):
    office = Office(t)
    office.load(5, BASE)
    inbox = "/var/lib/sekimori-ship/inbox"
    as_ship = "runuser -u sekimori-ship -- "
    t.equal(t.must(f"stat -c %U:%a {inbox}"), "sekimori-ship:750", "the inbox")

    def deliver(path):
        t.must(f"{as_ship} cp {path} {inbox}/new && "
               f"{as_ship} mv {inbox}/new {inbox}/policy.jws")

    t.must("chmod 755 /root")
    t.mark()
    deliver(office.sign(4, BASE + STICK))
    event = t.events("policy.rejected", wait=20)[0]
    t.equal(event["status_code"], "SKM-P-0202", "reason")
    t.must("sekimorictl reload; sekimorictl reload")
    t.equal(len(t.events("policy.rejected")), 1, "events of one bad policy")

    # neither a pipe nor a link nor a sea of bytes stops the daemon
    t.must(f"{as_ship} sh -c 'cd {inbox} && rm policy.jws && mkfifo new && "
           "mv new policy.jws'; sekimorictl status --json > /dev/null")
    t.must(f"{as_ship} sh -c 'cd {inbox} && rm policy.jws && "
           "ln -s /etc/shadow policy.jws; : > x; mv x y'; sekimorictl reload")
    t.must(f"{as_ship} sh -c 'cd {inbox} && rm policy.jws && "
           "truncate -s 1G new && mv new policy.jws'; sekimorictl reload")
    t.equal(t.status()["policy-serial"], 5, "serial")

    deliver(office.sign(6, BASE + STICK))
    t.wait_for(lambda: t.status()["policy-serial"] == 6, 20,
               "the policy of the inbox")


def test_the_last_known_good_survives_and_rule_files_do_not_count(t):
    office = Office(t)
    office.load(7, BASE)
    digest = t.status()["policy-digest"]
    t.must("echo 'policy \"open\" mode monitor' > "
           "/etc/sekimori/rules.d/50-terminal.rules; sekimorictl reload")
    t.equal(t.status()["policy-digest"], digest, "after a reload")
    t.must("systemctl restart sekimorid")
    t.until("sekimorictl status --json")
    t.equal(t.status()["policy-digest"], digest, "after a restart")
    t.must("sync")
    t.power_cut()
    t.boot()
    t.until("sekimorictl status --json", seconds=60)
    t.equal(t.status()["policy-digest"], digest, "after a power cut")
    t.equal(t.status()["state"], "enforcing", "state")
    t.mark()
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.blocked(t.usb("serial", "S0001"))
    office.refused(office.sign(7, BASE + STICK), "SKM-P-0202", "serial 7")


def test_without_the_anchor_nothing_opens(t):
    office = Office(t)
    office.load(7, BASE)
    t.must("rm /etc/sekimori/trust.pub; echo 'policy \"open\" mode monitor' > "
           "/etc/sekimori/rules.d/50-terminal.rules; "
           "systemctl restart sekimorid")
    t.until("sekimorictl status --json | grep state")
    status = told(t)
    t.equal(status["state"], "degraded", "state")
    t.equal(status["mode"], "enforce", "mode")
    t.mark()
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.blocked(t.usb("serial", "S0001"))
    t.equal(authorised(t, "1-1"), "1", "the keyboard")


def test_what_would_cut_the_lifeline_is_refused(t):
    office = Office(t)
    t.plug("smartcard", "reader")
    head = 'policy "cut" mode enforce\nallow channel hub\n'
    reader = 'allow channel smartcard rule-id "reader"\n'
    office.load(2, BASE + reader)
    card = t.usb("product", "QEMU USB CCID")
    t.until(f"grep -q 1 /sys/bus/usb/devices/{card}/authorized")
    keys = 'allow with-interface 03:01:01\n'
    mouse = 'allow with-interface 03:01:02\n'
    for serial, rules, word in ((3, head + mouse + reader, "keyboard"),
                                (4, head + keys + reader, "pointer"),
                                (5, head + keys + mouse, "login token")):
        office.refused(office.sign(serial, rules), "SKM-P-0206", word)
        for device in ("1-1", "1-2", card):
            t.equal(authorised(t, device), "1", device)
    office.load(6, head + keys + mouse + reader)


def test_rule_files_that_cut_the_lifeline_are_not_obeyed(t):
    t.mark()
    t.policy('policy "harsh" serial 2 mode enforce\nblock rule-id "all"\n')
    kept = t.events("lifeline.kept", wait=20, count=2)
    t.equal(sorted(e["sekimori"]["usb"]["busport"] for e in kept),
            ["1-1", "1-2"], "kept")
    t.equal(authorised(t, "1-1"), "1", "the keyboard")
    t.equal(authorised(t, "1-2"), "1", "the mouse")


def test_monitor_mode_records_and_touches_nothing(t):
    t.policy('policy "look" serial 2 mode monitor\nblock rule-id "all"\n'
             'media deny rule-id "no-media"\n')
    t.equal(told(t)["state"], "monitor", "state")
    before = t.must(AUTHORISED)
    t.mark()
    t.plug("storage", "stick", t.stick(), serial="S0001")
    device = t.usb("serial", "S0001")
    event = t.blocked(device)
    t.equal(event["sekimori"]["decision"]["mode"], "monitor", "mode")
    t.equal(event["sekimori"]["decision"]["rule"], "all", "rule")
    t.check(event["disposition_id"] != 2, "told as if it had been blocked")
    t.equal(authorised(t, device), "1", "the stick")
    event = t.events("media.denied", wait=30)[0]
    t.equal(event["sekimori"]["decision"]["mode"], "monitor", "mode")
    t.until("dd if=/dev/zero of=/dev/sda count=1 conv=notrunc,fsync")
    t.check(t.must(AUTHORISED).startswith(before.splitlines()[0]),
            "a device of before has changed")
    t.equal(t.must("cat /sys/bus/usb/devices/usb1/authorized_default"), "1",
            "authorized_default")


def test_a_rule_on_trial_records_and_touches_nothing(t):
    t.policy('policy "trial" serial 2 mode enforce\n' + INPUT +
             'block serial "S0001" monitor rule-id "trial"\n'
             'media deny monitor rule-id "media-trial"\n')
    t.mark()
    t.plug("storage", "stick", t.stick(), serial="S0001")
    device = t.usb("serial", "S0001")
    event = t.blocked(device)
    t.equal(event["sekimori"]["decision"]["mode"], "monitor", "mode")
    t.equal(authorised(t, device), "1", "the stick on trial")
    t.events("media.denied", wait=30)
    t.until("dd if=/dev/zero of=/dev/sda count=1 conv=notrunc,fsync")
    t.plug("storage", "other", t.stick("other"), serial="S0002")
    other = t.usb("serial", "S0002")
    event = t.blocked(other)
    t.equal(event["sekimori"]["decision"]["mode"], "enforce", "mode")
    t.equal(authorised(t, other), "0", "the other stick")


def test_what_learn_makes_keeps_all_that_works_and_blocks_a_new_stick(t):
    t.put(t.build + "/sekimori-policy", "/usr/bin/sekimori-policy")
    t.policy('policy "look" serial 1 mode monitor\n')
    t.plug("hub", "hub")
    t.plug("smartcard", "reader")
    t.plug("tablet", "tablet")
    t.gadget("keys", ["keyboard"], serial="K2", product="鍵盤 \"2\"")
    t.usb("serial", "K2")
    t.usb("product", "QEMU USB CCID")
    t.usb("product", "QEMU USB Tablet")
    t.until("udevadm settle")
    bound = "ls -d /sys/bus/usb/drivers/*/*:* | sort"
    before, drivers = t.must(AUTHORISED), t.must(bound)

    rules = t.must("sekimori-policy learn 2> /root/said")
    t.policy(rules)
    t.equal(t.status()["state"], "enforcing", "state")
    t.equal(t.must(AUTHORISED), before, "authorised devices")
    t.equal(t.must(bound), drivers, "bound drivers")
    t.mark()
    t.plug("storage", "stick", t.stick(), serial="S0001")
    device = t.usb("serial", "S0001")
    t.blocked(device)
    t.equal(authorised(t, device), "0", "the new stick")
    t.unplug("stick")

    # pulled out and put back in, and after a restart
    t.must("gadget unplug keys")
    t.until("! grep -qxs K2 /sys/bus/usb/devices/*/serial")
    t.mark()
    t.must("gadget replug keys")
    t.events("usb.device.allowed", wait=20)
    t.must("systemctl restart sekimorid")
    t.until("sekimorictl status --json")
    t.equal(t.must(AUTHORISED), before, "authorised after a restart")
