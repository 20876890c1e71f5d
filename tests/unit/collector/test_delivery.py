#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exactly once and in order, whatever becomes of the requests on their way and
whatever the terminal's clock says: the real shipper, spool and collector, with
a network between them that loses answers, repeats, delays and reorders."""
import os, pathlib, random, resource, signal, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from faults import Faults  # noqa: E402
from suite import OneCollector, PROGRAM, main  # noqa: E402
from terminal import Collector  # noqa: E402
import test_with_ship as base  # noqa: E402
from test_with_ship import BUILD, SHIP, WRITE, machine, until  # noqa: E402

CLOCK = os.path.abspath(f"{BUILD}/tests/unit/collector/wrong_clock.so")
YEARS_50 = 50 * 365 * 86400
KILLS = int(os.environ.get("SEKIMORI_KILLS", "6"))
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def through(m, port):
    """Points an enrolled machine at another port."""
    path = pathlib.Path(m.root, "etc/sekimori/agent.conf")
    lines = [line for line in path.read_text().splitlines() if not line.startswith("collector")
             and "timeout" not in line]
    path.write_text("\n".join([f"collector = https://127.0.0.1:{port}",
                               "request_timeout_s = 2"] + lines) + "\n")


def run_through(collector, name, plan, rounds=10, events=150):
    m = machine(collector, name)
    state = m.root + "/var/lib/sekimori-ship/"
    with Faults(collector, state + "client.crt", state + "client.key", plan) as faults:
        through(m, faults.port)
        m.start()
        for _ in range(rounds):
            m.write(events)
            time.sleep(0.2)
        m.check()
    m.stop()
    m.check()  # also after what was late has come
    assert collector.terminals()[m.host]["incidents"] == 0, "nothing to complain of"
    return faults.done


@test
def lost_answers(collector):
    done = run_through(collector, "lost", lambda n: "lose" if n % 3 != 2 else "pass")
    assert done["lose"] >= 5, done


@test
def cut_and_lost(collector):
    done = run_through(collector, "cut", lambda n: ("cut", "lose", "pass", "cut", "pass")[n % 5])
    assert done["cut"] >= 3, done


@test
def repeated_requests(collector):
    done = run_through(collector, "twice", lambda n: "twice")
    assert done["twice"] >= 5, done


@test
def old_requests_come_again(collector):
    done = run_through(collector, "old", lambda n: "old" if n else "pass")
    assert done["old"] >= 5, done


@test
def late_and_reordered_requests(collector):
    done = run_through(collector, "late", lambda n: "late" if n % 2 == 0 else "old", rounds=8)
    assert done["late"] >= 4, done


@test
def everything_at_once(collector):
    chance = random.Random(11)
    names = ("pass", "lose", "cut", "twice", "old", "late")
    done = run_through(collector, "all", lambda n: chance.choice(names), rounds=12)
    assert len(done) >= 4, done


# ---- clocks ---------------------------------------------------------------------

class Clocked(base.Machine):
    """A machine whose writer and shipper live in another year."""
    offset_s = 0

    def environment(self):
        return dict(os.environ, LD_PRELOAD=CLOCK, SEKIMORI_CLOCK_S=str(self.offset_s),
                    ASAN_OPTIONS="verify_asan_link_order=0:detect_leaks=0")

    def write(self, count):
        done = subprocess.run([WRITE, self.root, str(count)], capture_output=True, check=True,
                              env=self.environment())
        self.written = int(done.stdout.split()[-1])
        return self.written

    def start(self):
        with open(self.root + ".log", "ab") as log:
            self.process = subprocess.Popen([SHIP, "--root", self.root, "run"], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL,
                                            env=self.environment())
        return self


def clocked(collector, name):
    m = Clocked(collector.folder + "-" + name, collector)
    done = m.enroll(collector.command("token").strip())
    assert done.returncode == 0, done.stderr
    return m


@test
def fifty_years_back_and_forth(collector):
    m = clocked(collector, "clock")
    years = set()
    for offset in (0, -YEARS_50, YEARS_50, -YEARS_50, 0):
        m.offset_s = offset
        m.write(120)
        m.start()
        m.check()
        m.stop()
    for row, _ in m.rows():
        years.add(time.gmtime(row["wall_ns"] // 10**9).tm_year)
    now = time.gmtime().tm_year
    assert len(years) == 3 and min(years) < now - 48 and max(years) > now + 48, years


@test
def a_wrong_clock_renews_nothing(collector):
    m = clocked(collector, "renew")
    certificate = pathlib.Path(m.root, "var/lib/sekimori-ship/client.crt")
    before = certificate.read_bytes()
    m.offset_s = YEARS_50
    m.write(10)
    m.start()
    m.check()
    m.stop()
    assert certificate.read_bytes() == before


@test
def a_right_clock_still_judges_the_server(collector):
    """Within what its own certificate allows, an expired server is refused."""
    m = clocked(collector, "expired")
    key, crt, ca = (f"{m.root}/{n}" for n in ("s.key", "s.crt", "s.csr"))
    subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", key, "-out", ca, "-subj", "/CN=x", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    subprocess.run(["openssl", "x509", "-req", "-in", ca, "-CA", collector.folder + "/ca.crt",
                    "-CAkey", collector.folder + "/ca.key", "-out", crt, "-days", "-1",
                    "-copy_extensions", "copy", "-CAcreateserial", "-CAserial", m.root + "/serial"],
                   check=True, capture_output=True)
    state = m.root + "/var/lib/sekimori-ship/"

    class Expired:
        folder, port = collector.folder, collector.port
    import faults as module
    original = module.ssl.SSLContext.load_cert_chain
    module.ssl.SSLContext.load_cert_chain = lambda self, c, k: original(
        self, *((crt, key) if c.endswith("/server.crt") else (c, k)))
    try:
        with Faults(Expired, state + "client.crt", state + "client.key", lambda n: "pass") as f:
            through(m, f.port)
            m.write(10)
            m.start()
            cursor = pathlib.Path(state, "cursor")
            until(lambda: cursor.exists() and "expired" in cursor.read_text(), "the refusal")
            assert not m.rows()
            m.stop()
            m.offset_s = -YEARS_50
            m.start()
            m.check()
            m.stop()
    finally:
        module.ssl.SSLContext.load_cert_chain = original


# ---- no room at the collector -----------------------------------------------------

@test
def a_store_that_cannot_grow_loses_nothing(collector):
    """No file of the collector may grow: 503, and the terminal keeps what it has.
    Then there is room again."""
    own = Collector(BUILD + "/sekimori-collector", collector.folder + "-full")
    own.restore_signals = False
    own.start()
    m = machine(own, "full")
    m.write(100)
    m.start()
    m.check()
    sizes = [p.stat().st_size for p in pathlib.Path(own.folder).iterdir()]
    limit = max(sizes) + 65536
    resource.prlimit(own.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    m.write(3000)
    cursor = pathlib.Path(m.root, "var/lib/sekimori-ship/cursor")
    until(lambda: "collector is busy" in cursor.read_text(), "a refusal")
    time.sleep(1)
    assert own.process.poll() is None, "the collector is alive"
    arrived = len(m.rows())
    acked = int(cursor.read_text().split()[1])
    assert acked <= arrived < m.written, (acked, arrived, m.written)
    m.write(20)
    resource.prlimit(own.process.pid, resource.RLIMIT_FSIZE,
                     (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    m.check()
    m.stop()
    assert own.stop() == 0


# ---- kills ----------------------------------------------------------------------

@test
def kills_of_writer_shipper_and_collector_in_turn(collector):
    """kill -9 of each, KILLS times, under load. The writer says what it has made
    durable; that, and perhaps a little more, is what must arrive."""
    m = machine(collector, "kills")
    durable = 0
    for turn in range(KILLS):
        m.start()
        writer = subprocess.Popen([WRITE, m.root, "1000000", "645", "report"],
                                  stdout=subprocess.PIPE, text=True)
        time.sleep(0.2 + 0.05 * (turn % 4))
        collector.stop(signal.SIGKILL)
        collector.start()
        time.sleep(0.05 * (turn % 3))
        m.stop(signal.SIGKILL)
        m.start()
        time.sleep(0.05 * (turn % 5))
        writer.kill()
        said = writer.stdout.read().split()
        writer.wait()
        durable = max([durable] + [int(n) for n in said[:-1]])
        m.stop(signal.SIGKILL)
    assert durable > KILLS, "it wrote"
    m.write(1)
    assert m.written > durable, (m.written, durable)
    m.start()
    m.check()
    m.stop()
    streams = {row["stream"] for row, _ in m.rows()}
    assert len(streams) == 1, streams


if __name__ == "__main__":
    sys.exit(main(TESTS, lambda: OneCollector(Collector), (PROGRAM, SHIP, WRITE, CLOCK)))
