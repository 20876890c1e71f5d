#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real shipper and the real collector: enrolled with the token as it is
printed, events from a real spool, kills on either side, a store that was lost.
What arrives is compared with what was written, byte by byte by its chain."""
import json, os, pathlib, shutil, signal, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import BUILD, OneCollector, PROGRAM, main  # noqa: E402
from terminal import Collector, link, origin  # noqa: E402

SHIP = os.path.abspath(f"{BUILD}/sekimori-ship")
WRITE = os.path.abspath(f"{BUILD}/tests/e2e/tools/spool_write")
PATIENCE = 40
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def until(holds, what):
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise AssertionError("waited in vain for " + what)
        time.sleep(0.05)


class Machine:
    """A terminal's files below a root of its own, and its shipper."""

    def __init__(self, folder, collector):
        self.root, self.collector, self.process = folder, collector, None
        os.makedirs(folder)
        self.written = self.write(0)
        pathlib.Path(folder, "etc/sekimori/agent.conf").write_text(
            "tenant = 999999\nsplay_max_s = 0\nbackoff_max_s = 1\nrequest_timeout_s = 5\n")
        self.host = pathlib.Path(folder, "var/lib/sekimori/terminal.id").read_text().strip()

    def write(self, count):
        done = subprocess.run([WRITE, self.root, str(count)], capture_output=True, check=True)
        self.written = int(done.stdout.split()[-1])
        return self.written

    def enroll(self, token):
        done = subprocess.run([SHIP, "--root", self.root, "enroll",
                               f"https://127.0.0.1:{self.collector.port}", token],
                              capture_output=True, text=True)
        # Not as root it only tells what to write to agent.conf.
        path = pathlib.Path(self.root, "etc/sekimori/agent.conf")
        if "collector =" not in path.read_text():
            path.write_text(f"collector = https://127.0.0.1:{self.collector.port}\n"
                            + path.read_text())
        return done

    def start(self):
        with open(self.root + ".log", "ab") as log:
            self.process = subprocess.Popen([SHIP, "--root", self.root, "run"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def stop(self, number=signal.SIGTERM):
        if self.process:
            self.process.send_signal(number)
            self.process.wait(20)
        self.process = None

    def rows(self):
        lines = self.collector.command("export", "--terminal", self.host).splitlines()
        return [(json.loads(line), line) for line in lines]

    def check(self):
        """Everything written has arrived once, in order, unchanged."""
        until(lambda: len(self.rows()) >= self.written, f"{self.written} events")
        rows = self.rows()
        assert [r["seq"] for r, _ in rows] == list(range(1, self.written + 1))
        tip = origin(rows[0][0]["stream"], self.host)
        for row, line in rows:
            assert not row["quarantined"], row
            raw = line[line.index('"event":') + 8:-1].encode()
            tip = link(tip, row["seq"], row["wall_ns"], row["boot_ns"], row["flags"], raw)
            assert tip.hex() == row["hash"], row["seq"]


def machine(collector, name):
    m = Machine(collector.folder + "-" + name, collector)
    done = m.enroll(collector.command("token").strip())
    assert done.returncode == 0, done.stderr
    return m


@test
def the_printed_token_is_all_it_needs(collector):
    m = machine(collector, "a")
    m.write(300)
    m.start()
    m.check()
    row = collector.terminals()[m.host]
    assert (row["tenant"], row["lag"], row["acked_seq"]) == ("999999", 0, m.written), row
    m.stop()


@test
def a_token_of_another_collector_is_not_believed(collector):
    m = Machine(collector.folder + "-b", collector)
    token = collector.command("token").strip()
    other = token.split(".")[0] + "." + "0" * 20
    done = m.enroll(other)
    assert done.returncode != 0 and "pin" in done.stderr, done.stderr
    assert m.enroll(token).returncode == 0, "the token was not spent on it"


def inbox(m, name="policy.jws"):
    path = pathlib.Path(m.root, "var/lib/sekimori-ship/inbox", name)
    return path.read_text() if path.exists() else None


def publish(collector, text, *words):
    path = collector.folder + ".jws"
    pathlib.Path(path).write_text(text)
    collector.command("publish", *words, path)


@test
def what_is_published_is_in_the_inbox_soon(collector):
    m = machine(collector, "inbox")
    os.makedirs(m.root + "/var/lib/sekimori-ship/inbox", exist_ok=True)
    m.write(10)
    m.start()
    m.check()
    publish(collector, "Zmly.c3Q.c2ln")
    until(lambda: inbox(m) == "Zmly.c3Q.c2ln", "the first policy")
    # Now it waits at the collector: news come without asking again, events go
    # beside it, and what did not change is not written again.
    time.sleep(1)
    before = os.stat(m.root + "/var/lib/sekimori-ship/inbox/policy.jws").st_ino
    started = time.monotonic()
    publish(collector, "b25s.eQ.c2ln", "--order", "--terminal", m.host)
    until(lambda: inbox(m, "order.jws") == "b25s.eQ.c2ln", "the order")
    assert time.monotonic() - started < 10, "it was not waiting"
    assert os.stat(m.root + "/var/lib/sekimori-ship/inbox/policy.jws").st_ino == before
    m.write(50)
    m.check()
    # A collector that went away and came back is asked again
    collector.stop(signal.SIGKILL)
    collector.start()
    publish(collector, "YWZ0.ZXI.c2ln")
    until(lambda: inbox(m) == "YWZ0.ZXI.c2ln", "the policy after the restart")
    m.stop()


@test
def kills_of_the_collector_lose_and_double_nothing(collector):
    m = machine(collector, "c")
    m.start()
    for _ in range(6):
        m.write(400)
        time.sleep(0.15)
        collector.stop(signal.SIGKILL)
        m.write(100)
        collector.start()
    m.check()
    m.stop()


@test
def kills_of_the_shipper_lose_and_double_nothing(collector):
    m = machine(collector, "d")
    for _ in range(6):
        m.write(400)
        m.start()
        time.sleep(0.2)
        m.stop(signal.SIGKILL)
    m.start()
    m.check()
    m.stop()


@test
def a_lost_cursor_costs_no_double(collector):
    m = machine(collector, "e")
    m.write(200)
    m.start()
    m.check()
    cursor = pathlib.Path(m.root, "var/lib/sekimori-ship/cursor")
    until(cursor.exists, "the cursor")
    m.stop()
    cursor.unlink()
    m.write(50)
    m.start()
    m.check()
    m.stop()


@test
def a_restored_image_begins_a_new_stream(collector):
    """The terminal goes back to yesterday; what it then writes has numbers that
    the collector knows with another content."""
    m = machine(collector, "image")
    m.write(100)
    m.start()
    m.check()
    m.stop()
    shutil.copytree(m.root, m.root + "-image")
    m.write(100)
    m.start()
    m.check()
    m.stop()
    shutil.rmtree(m.root)
    os.rename(m.root + "-image", m.root)
    m.write(20)
    m.start()
    cursor = pathlib.Path(m.root, "var/lib/sekimori-ship/cursor")
    until(lambda: " mismatch: " in cursor.read_text(), "the mismatch")
    assert m.write(30) == 30, "a new stream"
    until(lambda: len(m.rows()) >= 230, "the new stream's events")
    m.stop()
    streams = {}
    for row, _ in m.rows():
        streams.setdefault(row["stream"], []).append(row["seq"])
    assert sorted(streams.values(), key=len) == [list(range(1, 31)), list(range(1, 201))]
    kept = list(pathlib.Path(m.root, "var/lib/sekimori/spool").glob("aside-*/*.seg"))
    assert len(kept) == 1, kept
    assert collector.terminals()[m.host]["incidents"] == 2, "the mismatch and the new stream"


@test
def a_lost_store_is_filled_again(collector):
    m = machine(collector, "f")
    m.write(200)
    m.start()
    m.check()
    collector.stop()
    for name in ("collector.db", "collector.db-wal", "collector.db-shm"):
        if os.path.exists(f"{collector.folder}/{name}"):
            os.rename(f"{collector.folder}/{name}", f"{collector.folder}/old-{name}")
    # What `init` would make: the CA stays, so the terminals' certificates do.
    os.rename(collector.folder + "/ca.key", collector.folder + "/kept.key")
    kept = {n: open(f"{collector.folder}/{n}", "rb").read()
            for n in ("ca.crt", "server.crt", "server.key")}
    collector.token = collector.command("init", "--plain", "--host", "127.0.0.1").split("=")[-1].strip()
    for name, data in kept.items():
        with open(f"{collector.folder}/{name}", "wb") as file:
            file.write(data)
    os.rename(collector.folder + "/kept.key", collector.folder + "/ca.key")
    collector.start()
    m.write(20)
    m.check()
    m.stop()


@test
def a_revoked_terminal_keeps_what_it_has(collector):
    m = machine(collector, "g")
    m.write(50)
    m.start()
    m.check()
    collector.command("revoke", "--terminal", m.host)
    before = m.written
    m.write(50)
    time.sleep(1.5)
    assert len(m.rows()) == before
    m.stop()


if __name__ == "__main__":
    sys.exit(main(TESTS, lambda: OneCollector(Collector), (SHIP, WRITE, PROGRAM)))
