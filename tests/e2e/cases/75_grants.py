# SPDX-License-Identifier: Apache-2.0
"""Exceptions that cannot outlive their reason: from a block to the end of its
grant without replugging, told under one correlation id; whose word counts for
how much; and what neither a clock, a reboot nor a lock lengthens."""

import json
import re
import subprocess

from sessions import Office

TIERS = ("T1",)
TTY = 5
POLICY = """policy "grants" serial 7 mode enforce
allow channel hid
allow channel hub
allow with-interface one-of {{ 08:*:* }} rule-id "sticks"
media deny rule-id "no-media"
key "helpdesk-1" role "helpdesk" public "{helpdesk}"
key "approver-1" role "approver" public "{approver}" access read-write
key "pair-1" role "approver" public "{pair1}" access read-write approvals 2
key "pair-2" role "approver" public "{pair2}" access read-write approvals 2
key "phone-1" role "helpdesk-code" public "{phone}"
login require 2
login break-glass user "root" expires 20s
login break-glass group "sekimori-breakglass"
"""
KEYS = ("helpdesk", "approver", "pair1", "pair2", "phone")


class Desk:
    """Who answers: people with keys of their own at the collector's console."""

    def __init__(self, t):
        self.t = t
        self.points = {}
        for name in KEYS:
            done = subprocess.run(
                [t.build + "/sekimori-policy", "key", "-o", self.key(name)],
                check=True, capture_output=True, text=True)
            self.points[name] = re.search('public "([^"]+)"',
                                          done.stderr).group(1)

    def key(self, name):
        return f"{self.t.folder}/{name}.pem"

    def __call__(self, *words, key=None, fails=False):
        c = self.t.collector
        secret = self.t.folder + "/console.token"
        with open(secret, "w", encoding="utf-8") as file:
            file.write(c.admin + "\n")
        more = ["--key", self.key(key)] if key else []
        done = subprocess.run(
            [self.t.build + "/sekimori-desk", "--config", "/dev/null",
             "--collector", f"https://127.0.0.1:{c.console}", "--ca",
             c.folder + "/ca.crt", "--token-file", secret, *more, *words],
            capture_output=True, text=True, timeout=60)
        self.t.transcript.write(f"desk {words}\n{done.stdout}{done.stderr}")
        self.t.check((done.returncode != 0) == fails,
                     f"sekimori-desk {words}: {done.stderr}")
        return done.stdout

    def waits(self, ident):
        """Until the request has come in."""
        self.t.wait_for(lambda: ident in self("list"), 60,
                        f"request {ident} at the desk")


def office(t, grace=4):
    """A person in front of the terminal, a desk, and a stick that is denied:
    (people, desk, correlation of the block)."""
    t.collector.enrol()
    t.must(f"echo 'ending_grace_s = {grace}' >> /etc/sekimori/agent.conf")
    people, desk = Office(t), Desk(t)
    t.policy(POLICY.format(**desk.points))
    people.come(tty=TTY)
    people.session(state="attested", wait=60)
    t.mark()
    t.plug("storage", "stick", t.stick(fs="ext4"))
    denied = t.events("media.denied", wait=60)[0]
    t.until("test -b /dev/sda")
    desk.receipt = denied["sekimori"].get("user_ref")
    return people, desk, denied["metadata"]["correlation_uid"]


def ask(t, desk, *words):
    """The id of a new request, once the desk has it."""
    said = t.must("sekimorictl request sda --reason data-return "
                  + " ".join(words))
    ident = re.search("g-[0-9a-f]{16}", said).group(0)
    desk.waits(ident)
    return ident


def grant(t, ident=None):
    """What the terminal says of its exceptions."""
    rows = json.loads(t.must("sekimorictl grants --json"))
    return [r for r in rows if r["id"] == ident][0] if ident else rows


def codes(events, correlation):
    return [e["metadata"]["event_code"] for e in events
            if e["metadata"].get("correlation_uid") == correlation]


def in_order(t, found, wanted):
    rest = iter(found)
    t.check(all(code in rest for code in wanted),
            f"wanted {wanted} in this order, found {found}")


def test_from_the_block_to_the_end_without_replugging(t):
    _, desk, plug = office(t)
    t.fails("mount -o ro /dev/sda /mnt")
    ident = ask(t, desk, "--minutes 30 --note 返戻データ")
    t.check("返戻データ" in desk("show", ident), "the note is not shown")
    desk("approve", ident, "--minutes", "20", key="helpdesk")
    granted = t.events("grant.granted", wait=60)[0]
    t.equal(granted["sekimori"]["grant"]["approvers"], ["helpdesk-1"],
            "who approved")
    t.events("grant.used", wait=30)
    t.must("mount -o ro /dev/sda /mnt")
    t.must("cat /mnt/residents.txt")
    t.fails("mount -o remount,rw /mnt")
    t.fails("dd if=/dev/zero of=/dev/sda count=1")
    t.check(grant(t, ident)["left"] <= 20 * 60, "longer than approved")
    t.must("sh -c 'exec 3< /mnt/residents.txt; sleep 1000' > /dev/null 2>&1 &")
    t.must(f"sekimorictl end {ident}")
    held = t.events("media.ending", wait=30)[0]
    t.check("/mnt/residents.txt" in str(held), f"the open file is not named: {held}")
    t.events("media.ended", wait=60)
    t.until("! grep -q ' /mnt ' /proc/mounts")
    t.fails("dd if=/dev/sda of=/dev/null count=1")

    wanted = ["media.denied", "grant.requested", "grant.granted",
              "media.readonly", "grant.used", "grant.ended", "media.ending",
              "media.ended"]
    t.collector.events(lambda e: e["metadata"]["event_code"] == "media.ended",
                       wait=60)
    in_order(t, codes(t.collector.events(), plug), wanted)
    t.wait_for(lambda: json.loads(desk("--json", "show", ident))["state"]
               == "ended", 30, "the desk to see the end")


def test_a_revocation_ends_it_within_two_seconds(t):
    _, desk, _ = office(t)
    ident = ask(t, desk, "--access read-write")
    desk("approve", ident, key="approver")
    t.events("grant.used", wait=60)
    t.must("mount /dev/sda /mnt && echo x > /mnt/b.txt && sync")
    desk("revoke", ident, "--reason", "終了", key="helpdesk")
    revoked = t.events("grant.revoked", wait=60)[0]
    arrived = float(t.must("stat -c %.Y /var/lib/sekimori-ship/inbox/"
                           "grants.jws"))
    took = revoked["time"] / 1000 - arrived
    t.check(-0.1 < took < 2, f"{took} s after it had arrived")
    t.until("! grep -q ' /mnt ' /proc/mounts", 2)
    t.fails("mount /dev/sda /mnt")
    # The same signed grant, put there once more, gives nothing
    t.mark()
    t.must("cd /var/lib/sekimori-ship/inbox && cut -d' ' -f1 grants.jws > x "
           "&& mv x grants.jws; sleep 2")
    t.fails("mount /dev/sda /mnt")


def test_limits_hold_whatever_is_signed(t):
    _, desk, _ = office(t)
    ident = ask(t, desk, "--access read-write")

    def refused(reason, count=1):
        event = t.events("grant.refused", wait=60, count=count)[-1]
        t.equal(event["status_code"], reason, "reason")
        t.fails("mount -o ro /dev/sda /mnt")
        t.equal(grant(t, ident)["state"], "requested", "the request")

    desk("approve", ident, key="helpdesk")
    refused("SKM-G-0408")
    desk("show", ident)
    # Who approves with two people, one after the other
    second = ask(t, desk, "--access read-write", "--minutes 10")
    desk("approve", second, key="pair1")
    refused("SKM-G-0409", count=2)
    desk("approve", second, key="pair2")
    granted = t.events("grant.granted", wait=60)[0]
    t.equal(granted["sekimori"]["grant"]["approvers"], ["pair-1", "pair-2"],
            "who approved")
    t.events("media.allowed", wait=30)
    # What nobody signed is named, and changes nothing
    t.mark()
    t.must("echo eyJhbGciOiJFUzI1NiJ9.e30.AAAA > /root/x; "
           "mv /root/x /var/lib/sekimori-ship/inbox/grants.jws")
    forged = t.events("grant.refused", wait=30)[0]
    t.equal(forged["status_code"], "SKM-G-0401", "reason")



def test_by_telephone_with_the_network_cut(t):
    _, desk, plug = office(t)
    terminal = t.status()["terminal"]
    t.collector.events(lambda e: e["metadata"]["event_code"] == "agent.start",
                       wait=60)
    t.link(up=False)
    t.check(desk.receipt, "the block shows no receipt number")
    scope = ("--terminal", terminal, "--minutes", "30")
    code = desk("code", desk.receipt, *scope, key="phone").strip()
    # One letter misheard costs no try, and another desk's code gives nothing
    wrong = ("0" if code[0] != "0" else "1") + code[1:]
    t.fails(f"sekimorictl code {desk.receipt} {wrong}", "not complete",
            "letter")
    other = desk("code", desk.receipt, *scope, key="approver").strip()
    t.fails(f"sekimorictl code {desk.receipt} {other}", "not for this")
    writing = desk("code", desk.receipt, *scope, "--access", "read-write",
                   key="phone").strip()
    t.fails(f"sekimorictl code {desk.receipt} {writing}", "may not give")
    t.fails("mount -o ro /dev/sda /mnt")
    said = t.must(f"sekimorictl code {desk.receipt} {code}")
    t.check("30" in said, said)
    t.until("mount -o ro /dev/sda /mnt", 20)
    granted = t.events("grant.granted", wait=20)[0]
    t.equal(granted["metadata"]["correlation_uid"], plug, "correlation")
    t.equal(granted["sekimori"]["grant"]["via"], "code", "via")
    t.fails(f"sekimorictl code {desk.receipt} {code}", "receipt")
