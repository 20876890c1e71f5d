#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make try`: a collector and a terminal, a stick, and what becomes of it,
told as it happens. Each step is checked; the first that does not hold ends it
with status 1. Nothing is installed on this machine but build tools."""

import argparse
import contextlib
import os
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import logins  # noqa: E402
import run  # noqa: E402
import snapshot  # noqa: E402
from case import Case, Failed  # noqa: E402
from collector import CollectorError  # noqa: E402
from vm import GuestError  # noqa: E402

POLICY = """\
policy "try" serial 2 mode enforce contact "情報政策課 内線 2345"
allow with-interface equals { 09:00:* } rule-id "hubs"
allow serial "APPROVED-01" with-interface one-of { 08:*:* } rule-id "registered-stick"
block with-interface one-of { 08:*:* } rule-id "no-usb-storage"
media read-only serial "APPROVED-01" rule-id "registered-read-only"
media deny rule-id "no-media"
login require 2
login break-glass group "sekimori-breakglass" expires 60m
"""


class Story:
    """Numbered steps, in Japanese and English, with the seconds they took."""

    def __init__(self):
        self.count = 0
        self.started = time.monotonic()
        self.colour = sys.stdout.isatty()

    def step(self, japanese, english):
        self.count += 1
        mark = "\033[1m" if self.colour else ""
        end = "\033[0m" if self.colour else ""
        seconds = time.monotonic() - self.started
        print(f"\n{mark}{self.count}. {japanese}{end}   [{seconds:.0f} s]\n"
              f"   {english}", flush=True)

    def show(self, text, prompt=None):
        """A command as a person would type it, and what it said."""
        if prompt:
            print(f"   $ {prompt}")
        for line in text.rstrip().splitlines():
            print("   | " + line)
        sys.stdout.flush()

    def run(self, t, command, shown=None, **options):
        self.show(t.must(command, **options), shown or command)

    def refused(self, t, command, text):
        self.show(t.fails(command, text) + f"[exit {t.sh(command).status}]",
                  command)


def install(t, packages):
    t.must("mkdir -p /root/debs")
    for package in packages:
        t.put(package, "/root/debs/" + os.path.basename(package), "644")
    t.must("DEBIAN_FRONTEND=noninteractive apt-get install -y "
           "--no-install-recommends /root/debs/*.deb", timeout=300)
    t.until("sekimorictl status >/dev/null 2>&1; test $? -le 1", seconds=60)


def terminal(t, story, packages):
    story.step("端末にパッケージを入れます(監視モードで始まります)。",
               "The terminal installs the package; it begins in monitor mode.")
    install(t, packages)
    story.run(t, "sekimorictl status || true", "sekimorictl status")

    story.step("端末を収集サーバーに登録します(openssl は不要です)。",
               "The terminal enrols with a one-time token.")
    t.collector.enrol()
    story.show("enrolled", f"sekimori-ship enroll https://10.0.2.2:"
               f"{t.collector.port} TOKEN")

    story.step("方針を施行に切り替えます。", "The policy begins to enforce.")
    t.must("rm -f /etc/sekimori/rules.d/*.rules && "
           "cat > /etc/sekimori/rules.d/50-try.rules", stdin=POLICY.encode())
    t.must("sekimorictl reload")
    story.show(POLICY, "cat /etc/sekimori/rules.d/50-try.rules")
    story.run(t, "sekimorictl status")


def unknown_stick(t, story):
    story.step("未登録のUSBメモリを挿します。", "Somebody plugs in a stick.")
    stick = t.stick("unknown", fs="ext4", dirty=True)
    before = stick.sha256()
    t.plug("storage", "unknown", stick, serial="PRIVATE-7")
    event = t.events("usb.device.blocked", wait=60)[-1]
    story.run(t, "sekimorictl events -n 3")
    story.run(t, "sekimorictl devices")
    name = t.usb("serial", "PRIVATE-7")
    story.run(t, f"sekimorictl explain {name}")
    t.fails("ls /sys/block/sda")
    t.check(event["sekimori"]["decision"]["rule"] == "no-usb-storage",
            "the event does not name the rule")
    return stick, before


def by_hand(t, story, stick, before):
    story.step("root が手で許可しようとしても、できません。",
               "Not even root can authorise it by hand.")
    name = t.usb("serial", "PRIVATE-7")
    story.refused(t, f"echo 1 > /sys/bus/usb/devices/{name}/authorized",
                  "not permitted")
    t.fails("test -e /sys/block/sda")
    t.unplug("unknown")
    t.check(stick.sha256() == before, "the stick was changed")
    story.show(before, "sha256sum stick.img   # same as before")


def registered_stick(t, story):
    story.step("登録済みのUSBメモリは読み取り専用で使えます。",
               "A registered stick is readable, and only that.")
    stick = t.stick("registered", fs="vfat", label="SHIMIN")
    before = stick.sha256()
    t.until("! test -e /sys/block/sda")
    t.plug("storage", "registered", stick, serial="APPROVED-01")
    t.until("blockdev --getro /dev/sda | grep -x 1", 60)
    t.until("as-alice 'udisksctl mount -b /dev/sda --no-user-interaction'",
            seconds=60)
    story.run(t, "findmnt -n -o TARGET,OPTIONS --source /dev/sda")
    story.refused(t, "as-alice 'touch /media/alice/SHIMIN/x'", "read-only")
    story.refused(t, "blockdev --setrw /dev/sda", "not permitted")
    t.must("umount /media/alice/SHIMIN")
    t.unplug("registered")
    t.check(stick.sha256() == before, "the stick was changed")


def two_factors(t, story):
    story.step("職員のセキュリティキーを登録し、二要素を求めます。",
               "A security key is enrolled; two factors are asked from now.")
    logins.enrol(t)
    story.run(t, "sekimorictl login test alice")
    story.run(t, "sekimorictl login enforce")

    story.step("パスワードだけでは入れません。",
               "The password alone is refused.")
    logins.pull_key(t)
    got = logins.person(t, "alice", seconds=10)
    t.check(not got["in"], "let in by a password alone")
    story.show(got["said"], "login alice   # no key in the terminal")

    story.step("パスワードとキーで入れます。",
               "Password and key: alice is in.")
    logins.plug_key(t)
    logins.stays(t, "alice1", "alice")
    logins.session_of(t, "alice", 20, state="attested")
    story.run(t, "sekimorictl login confirm")
    story.run(t, "sekimorictl login status")


def daemon_dies(t, story):
    story.step("見張り番が殺されても門は閉じたままです。",
               "The daemon is killed; the gate stays shut, it comes back.")
    old = t.must("systemctl show -P MainPID sekimorid")
    t.must(f"kill -9 {old}")
    t.until(f"p=$(systemctl show -P MainPID sekimorid); "
            f"test $p != 0 -a $p != {old} && sekimorictl status", 60)
    event = t.events("agent.start", wait=60)[-1]
    story.show(event.get("message", "agent.start"), "sekimorictl events -n 1")


def at_the_collector(t, story):
    story.step("出来事はすべて収集サーバーに一度ずつ届いています。",
               "Every event is at the collector, once, in order.")
    durable = int(t.must("cut -d' ' -f2 /run/sekimori/spool.tail"))
    t.collector.events(lambda e: e["metadata"]["sequence"] >= durable, 90)
    numbers = [e["metadata"]["sequence"] for e in t.collector.events()]
    t.equal(numbers[:durable], list(range(1, durable + 1)), "the sequence")
    for e in t.collector.events()[-6:]:
        story.show(f"{e['metadata']['sequence']:>4}  "
                   f"{e['metadata']['event_code']:<22} {e.get('message', '')}")


def tell(t, story, options, packages):
    story.step("収集サーバーを起動します。", "The collector starts.")
    t.collector.start()
    story.show(f"https://127.0.0.1:{t.collector.console}/   "
               f"admin / {t.collector.admin}", "console")
    terminal(t, story, packages)
    stick, before = unknown_stick(t, story)
    by_hand(t, story, stick, before)
    if options.scenario != "quick":
        registered_stick(t, story)
        daemon_dies(t, story)
    two_factors(t, story)
    at_the_collector(t, story)


def linger(t, story):
    story.step("画面を開いたままにします(Ctrl-C で終了)。",
               "The dashboard stays up; Ctrl-C ends it.")
    story.show(f"https://127.0.0.1:{t.collector.console}/   "
               f"admin / {t.collector.admin}")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--scenario", default="full",
                        choices=("full", "quick"))
    options = parser.parse_args()
    packages = snapshot.agent_packages(options.build + "/deb")
    story = Story()
    guest = snapshot.plain(run.guest_agent(options.build))
    status = 0
    with tempfile.TemporaryDirectory(prefix="sekimori-try-") as folder:
        t = Case(guest, folder)
        t.build = options.build
        try:
            t.restore()
            tell(t, story, options, packages)
            print("\nすべて確認できました。 Everything held.", flush=True)
            if options.scenario != "quick" and sys.stdin.isatty():
                linger(t, story)
        except (Failed, GuestError, CollectorError) as error:
            print(f"\n失敗 FAILED: {error}", file=sys.stderr)
            print(t.sh("journalctl -b -n 20 --no-pager -u sekimorid "
                       "-u sekimori-ship").text if t.machine else "",
                  file=sys.stderr)
            status = 1
        except KeyboardInterrupt:
            status = 130
        finally:
            t.close()
    return status


if __name__ == "__main__":
    sys.exit(main())
