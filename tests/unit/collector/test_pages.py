#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The console's pages in a headless Chromium: a real collector with terminals of
every kind, numbers compared with the database, screenshots in BUILD/web/shots.
Prints one line a test and a closing count."""
import json, os, pathlib, shutil, sqlite3, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from terminal import Chain, Collector, event  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
PROGRAM = BUILD + "/sekimori-collector"
WEB = os.path.abspath(BUILD) + "/web"
EVIL = "\"'><img src=x onerror=alert(2)></td><script>alert(1)</script>\u202e=cmd|' /C calc'!A0"
UNITS = ("市民課", "税務課", "福祉課", "情報政策課")


class Skip(Exception):
    """This machine cannot run the tests."""


def modules():
    """playwright-core and axe-core, of the versions and sums in the lock file."""
    here = pathlib.Path("tests/web")
    for program in ("node", "npm", "chromium"):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    lock = (here / "package-lock.json").read_bytes()
    kept = pathlib.Path(WEB, "package-lock.json")
    if not os.path.isdir(WEB + "/node_modules") or not kept.exists() or kept.read_bytes() != lock:
        os.makedirs(WEB, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(here / name, WEB)
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=WEB,
                              capture_output=True, text=True)
        if done.returncode != 0:
            kept.unlink()
            raise Skip("npm cannot fetch playwright-core: " + done.stderr.strip()[-200:])
    return WEB


def record(seq, code, **more):
    metadata = {"version": "1.8.0", "event_code": code, "sequence": seq,
                "product": {"version": "0.1.0"}}
    return event(seq, **({"metadata": metadata, "time": int(time.time() * 1000)} | more))


class Town:
    """Terminals that protect, that only watch, that lag, that said nothing, and a hostile one."""

    def __init__(self, collector):
        self.collector, self.chains = collector, {}
        for number in range(12):
            self.add(number, UNITS[number % len(UNITS)],
                     {"tier": "T1" if number % 3 else "T2", "mode": "enforce"})
        self.watching = self.add(12, "税務課", {"tier": "T1", "mode": "monitor"})
        self.weak = self.add(13, "福祉課", {"tier": "T4", "mode": "enforce"})
        self.mute = self.add(14, "情報政策課", None)
        self.first = next(iter(self.chains))
        self.work()
        self.ask_for_exceptions()
        self.evil = self.add(15, EVIL + "x" * 9000, {"tier": "T1", "mode": "enforce"}, name=EVIL)

    def add(self, number, unit, health, name=None):
        terminal = self.collector.terminal()
        chain = self.chains[terminal] = Chain(terminal.host)
        device = {"hostname": name or f"kz-shimin-{number:03}", "org": {"ou_name": unit}}
        chain.device = device
        for code in ("agent.start", "agent.heartbeat"):
            more = {"sekimori": {"policy_serial": 42, "health": health}} if health else {}
            chain.append(record(len(chain.records) + 1, code if health else "usb.device.removed",
                                device=device, message="稼働中", **more))
        self.post(terminal)
        return terminal

    def post(self, terminal, count=2):
        chain = self.chains[terminal]
        status = terminal.post(chain, len(chain.records) - count + 1, len(chain.records))[0]
        if status != 200:
            raise RuntimeError(f"the collector answered {status}")

    def plug(self, terminal, blocked):
        chain = self.chains[terminal]
        chain.append(record(
            len(chain.records) + 1, "usb.device.blocked" if blocked else "usb.device.allowed",
            device=chain.device, severity_id=3 if blocked else 1, action_id=2 if blocked else 1,
            message="未承認のUSBメモリを遮断しました" if blocked else "USB機器を許可しました",
            status_code="SKM-D-0102", status_detail="default-deny: no allow rule",
            actor={"user": {"name": "s012345"}},
            peripheral_device={"name": "USB DISK 3.0", "vendor_id_list": ["0781"],
                               "model": "5581", "serial_number": "4C530001"}))

    def exception(self, terminal, ident, code, state, **more):
        chain = self.chains[terminal]
        grant = {"id": ident, "state": state, "user": "s012345", "access": "read-only",
                 "reason": "delivery", "ticket": "T-1", "minutes": 30} | more
        chain.append(record(len(chain.records) + 1, code, device=chain.device, class_uid=3004,
                            peripheral_device={"name": EVIL}, sekimori={"grant": grant}))
        self.post(terminal, 1)

    def ask_for_exceptions(self):
        one, two = list(self.chains)[:2]
        for number in range(3):
            self.exception(one, f"g-{number:016}", "grant.requested", "requested")
        self.exception(one, "g-0000000000000000", "grant.granted", "active",
                       not_after=int(time.time() * 1000) + 1800000)
        self.exception(two, "g-0000000000000009", "grant.granted", "active")
        self.exception(two, "g-0000000000000009", "grant.ended", "ended")

    def work(self):
        for at, terminal in enumerate(list(self.chains)):
            for number in range(8):
                self.plug(terminal, number < at % 4)
            self.post(terminal, 8)

    def live(self, terminal):
        """One severe event that carries the time of its sending."""
        chain = self.chains[terminal]
        chain.append(record(len(chain.records) + 1, "agent.tamper", severity_id=5,
                            message="live now", device=chain.device,
                            actor={"user": {"name": str(int(time.time() * 1000))}}))
        self.post(terminal, 1)


def ask(folder, sql):
    with sqlite3.connect(f"file:{folder}/collector.db?mode=ro", uri=True) as db:
        return db.execute(sql).fetchone()[0]


def task_of(collector, town):
    folder = collector.folder
    protecting = "mode = 'enforce' AND tier IN ('T1', 'T2')"
    hosts = ask(folder, "SELECT count(*) FROM hosts")
    good = ask(folder, f"SELECT count(*) FROM hosts WHERE {protecting}")
    wanting = ask(folder, f"SELECT count(*) FROM hosts h WHERE NOT ({protecting}) OR EXISTS"
                          " (SELECT 1 FROM incidents WHERE host = h.host)")
    blocked = ask(folder, "SELECT count(*) FROM events WHERE code = 'usb.device.blocked'")
    return {"url": f"https://127.0.0.1:{collector.console_port}", "token": collector.token,
            "chromium": shutil.which("chromium"), "modules": WEB, "shots": WEB + "/shots",
            "tiles": [good, hosts - good, wanting, 2, 1, blocked], "terminals": hosts,
            "in_shimin": ask(folder, "SELECT count(*) FROM hosts WHERE unit = '市民課'"),
            "events": ask(folder, "SELECT count(*) FROM events"), "blocked": blocked,
            "host": town.first.host, "evil_host": town.evil.host,
            "event": ask(folder, "SELECT id FROM events WHERE code = 'usb.device.blocked'")}


def drive(collector, town):
    """(name, why it failed or None) of each test."""
    os.makedirs(WEB + "/shots", exist_ok=True)
    browser = subprocess.Popen(["node", "tests/web/pages.mjs", json.dumps(task_of(collector, town))],
                               stdout=subprocess.PIPE, text=True)
    rows = []
    for line in browser.stdout:
        if line.startswith("want event"):
            town.live(town.first)
        elif line.startswith(("ok ", "not ok ")):
            name, _, why = line.strip().partition(":")
            rows.append((name.split()[-1], why if name.startswith("not") else None))
        elif line.startswith("#"):
            print(line.strip(), flush=True)
    if browser.wait() != 0:
        rows.append(("browser", f"node ended with {browser.returncode}"))
    return rows


def main():
    if not os.path.exists(PROGRAM):
        print(f"not ok 1 - {PROGRAM} is not built\n0 passed, 1 failed, 0 skipped")
        return 1
    try:
        modules()
    except Skip as reason:
        print(f"ok 1 - pages # SKIP {reason}\n0 passed, 0 failed, 1 skipped")
        return 0
    folder = tempfile.mkdtemp(prefix="pages-")
    collector = Collector(PROGRAM, folder + "/c").start()
    rows = drive(collector, Town(collector))
    if collector.stop() != 0:
        rows.append(("the collector ends without an error (or a leak)", "it did not"))
    failed = sum(why is not None for _, why in rows)
    for number, (name, why) in enumerate(rows, 1):
        print(f"{'not ok' if why is not None else 'ok'} {number} - {name}{why or ''}")
    if failed:
        print(open(collector.log, encoding="utf-8").read()[-3000:])
    shutil.rmtree(folder)
    print(f"{len(rows) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
