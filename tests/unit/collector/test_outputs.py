#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The collector's outputs against a real rsyslogd on loopback, with kills of
either side. Prints one line a test and a closing count."""
import json, os, shutil, signal, socket, sqlite3, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postgres import Postgres, programs  # noqa: E402
from suite import OwnFolder, PROGRAM, Skip, equal, main, until  # noqa: E402
from terminal import Chain, Collector, run, event  # noqa: E402

TESTS = []
RSYSLOGD = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"


def test(function):
    TESTS.append(function)
    return function


def has_module(name):
    folders = ("/usr/lib/x86_64-linux-gnu/rsyslog", "/usr/lib/aarch64-linux-gnu/rsyslog",
               "/usr/lib64/rsyslog", "/usr/lib/rsyslog")
    return any(os.path.exists(f"{folder}/{name}.so") for folder in folders)


def need(module):
    if not has_module(module):
        raise Skip("rsyslog-relp is not installed")


class Rsyslog:
    """One rsyslogd of our own: nothing of the machine's is read or written."""

    def __init__(self, folder, ca, cert, key, client=False, address="127.0.0.1", scheme="syslog+tls"):
        os.makedirs(folder)
        self.address = address
        with socket.socket() as probe:
            probe.bind((address, 0))
            self.port = probe.getsockname()[1]
        self.folder, self.out, self.process = folder, folder + "/out", None
        self.config = folder + "/rsyslog.conf"
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(self.settings(ca, cert, key, client) if scheme == "syslog+tls"
                       else self.relp_settings(ca, cert, key, scheme == "relp+tls"))

    def settings(self, ca, cert, key, client):
        mode = "x509/certvalid" if client else "anon"
        return f"""global(workDirectory="{self.folder}" maxMessageSize="128k"
  defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{ca}"
  defaultNetstreamDriverCertFile="{cert}" defaultNetstreamDriverKeyFile="{key}"
  parser.escapeControlCharactersOnReceive="off")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1"
  streamDriver.authMode="{mode}")
template(name="t" type="string"
  string="%pri% %timereported:::date-rfc3339% %hostname% %app-name% %msgid% %msg:::drop-last-lf%\\n")
input(type="imtcp" address="{self.address}" port="{self.port}")
action(type="omfile" file="{self.out}" template="t")
"""

    def relp_settings(self, ca, cert, key, is_tls):
        tls = f"""tls="on" tls.caCert="{ca}" tls.myCert="{cert}" tls.myPrivKey="{key}"
  tls.authMode="certvalid" """
        return f"""global(workDirectory="{self.folder}" maxMessageSize="128k"
  parser.escapeControlCharactersOnReceive="off")
module(load="imrelp")
template(name="t" type="string"
  string="%pri% %timereported:::date-rfc3339% %hostname% %app-name% %msgid% %msg:::drop-last-lf%\\n")
input(type="imrelp" address="{self.address}" port="{self.port}" {tls if is_tls else ""})
action(type="omfile" file="{self.out}" template="t")
"""

    def start(self):
        with open(self.folder + "/log", "ab") as log:
            self.process = subprocess.Popen(
                [RSYSLOGD, "-n", "-f", self.config, "-i", self.folder + "/pid"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until("rsyslogd listens", self.is_listening)
        return self

    def is_listening(self):
        if self.process.poll() is not None:
            raise AssertionError("rsyslogd ended: " + open(self.folder + "/log").read()[-2000:])
        try:
            socket.create_connection((self.address, self.port)).close()
            return True
        except OSError:
            return False

    def stop(self, number=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(30)

    def lines(self):
        if not os.path.exists(self.out):
            return []
        with open(self.out, encoding="utf-8") as file:
            # The last line may be half written.
            return [l for l in file.read().split("\n")[:-1] if "sekimori" in l]

    def sequences(self):
        return [json.loads(l.split(" ", 5)[5])["metadata"]["sequence"] for l in self.lines()]


class Pair:
    """A collector whose output is an rsyslogd."""

    def __init__(self, folder, client=False, wanted_ca=None, name="127.0.0.1",
                 scheme="syslog+tls", database=None):
        os.makedirs(folder, exist_ok=True)
        self.c = Collector(PROGRAM, folder + "/c", database)
        f = self.c.folder
        self.r = Rsyslog(folder + "/r", f + "/ca.crt", f + "/server.crt", f + "/server.key",
                         client, name, scheme)
        self.extra = [f"output = {scheme}://{name}:{self.r.port}",
                      f"output_ca = {wanted_ca or f + '/ca.crt'}"]
        write, config = self.c.write_config, self.c.config

        def write_config():
            write()
            with open(config, "a", encoding="utf-8") as file:
                file.write("\n".join(self.extra) + "\n")

        self.c.write_config = write_config

    def log(self):
        return open(self.c.log, encoding="utf-8").read()

    def arrived(self, count):
        until(f"{count} events", lambda: len(set(self.r.sequences())) >= count)
        equal(sorted(set(self.r.sequences())), list(range(1, count + 1)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.r.stop()
        if self.c.process and self.c.process.poll() is None:
            self.c.stop()


# ---- the tests ----------------------------------------------------------------

@test
def each_event_arrives_as_it_was_stored(folder):
    with Pair(folder) as p:
        p.r.start()
        p.c.start()
        t = p.c.terminal()
        chain = Chain(t.host).grow(40)
        chain.append(event(41, message="大" * 18000, severity_id=5))
        equal(t.post(chain, 1, 41)[0], 200)
        p.arrived(41)
        equal(len(p.r.lines()), 41, "each once when nothing breaks")
        for line, record in zip(p.r.lines(), chain.records):
            head, body = line.split(" ", 5)[:5], line.split(" ", 5)[5]
            equal(body.encode(), record[4])
            equal(head[2:], ["kz-shimin-014", "sekimori", "usb.device.allowed"])
            equal(head[0], "106" if record[0] == 41 else "110")
        equal(p.r.lines()[0].split(" ")[1].replace("+00:00", "Z"), "2025-12-01T07:00:00.001Z")
        until("a line in the log", lambda: "events are delivered" in p.log())
        equal(p.log().count("events are delivered"), 1)


def survive_the_other_side(folder, scheme):
    with Pair(folder, scheme=scheme) as p:
        p.c.start()
        t = p.c.terminal()
        chain = Chain(t.host)
        for number in range(6):
            if number != 0:  # the first: nobody listens yet
                p.r.start()
            for _ in range(5):
                first = len(chain.records) + 1
                chain.grow(100)
                equal(t.post(chain, first, first + 99)[0], 200, "the ingest goes on")
                time.sleep(0.05 * number)
            if number == 0:
                until("a line in the log", lambda: "events wait in the store" in p.log())
            p.r.stop(signal.SIGTERM)
        p.r.start()
        p.arrived(3000)


def survive_the_collector(folder, scheme, database=None):
    with Pair(folder, scheme=scheme, database=database) as p:
        p.r.start()
        p.c.start()
        t = p.c.terminal()
        chain = Chain(t.host)
        for number in range(5):
            first = len(chain.records) + 1
            chain.grow(600)
            equal(t.post(chain, first, first + 599)[0], 200)
            time.sleep(0.15 * number)
            p.c.process.kill()
            p.c.process.wait()
            t.close()
            p.c.start()
        p.arrived(3000)
        # What had arrived but not moved the cursor comes once more, no oftener
        for _ in range(3):
            equal(p.c.stop(), 0)
            before = len(p.r.lines())
            p.c.start()
            time.sleep(2.5)
            if len(p.r.lines()) == before:
                return
        raise AssertionError("the cursor does not stand: the same comes again")


@test
def syslog_loses_nothing_when_the_other_side_dies(folder):
    survive_the_other_side(folder, "syslog+tls")


@test
def syslog_loses_nothing_when_the_collector_is_killed(folder):
    survive_the_collector(folder, "syslog+tls")


@test
def relp_loses_nothing_when_the_other_side_dies(folder):
    need("imrelp")
    survive_the_other_side(folder, "relp")


@test
def relp_loses_nothing_when_the_collector_is_killed(folder):
    need("imrelp")
    survive_the_collector(folder, "relp")


@test
def the_same_from_postgresql(folder):
    need("imrelp")
    if not programs():
        raise Skip("PostgreSQL is not installed")
    database = Postgres()
    try:
        survive_the_collector(folder, "relp", database.url())
    finally:
        database.close()


@test
def relp_speaks_tls(folder):
    need("imrelp")
    with Pair(folder, scheme="relp+tls") as p:
        p.r.start()
        p.c.start()
        t = p.c.terminal()
        p.c.stop()
        p.extra += [f"output_cert = {t.crt}", f"output_key = {t.key}"]
        p.c.start()
        t.close()
        chain = Chain(t.host).grow(1200)
        equal(t.post(chain, 1, 1200)[0], 200)
        p.arrived(1200)
        equal([l.split(" ", 5)[5].encode() for l in p.r.lines()], [r[4] for r in chain.records])


@test
def a_certificate_that_is_not_right_gets_nothing(folder):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes", "-keyout", folder + "/evil.key", "-out", folder + "/evil.crt", "-subj", "/CN=x")
    for number, options in enumerate((dict(wanted_ca=folder + "/evil.crt"),
                                      dict(name="127.0.0.2"))):
        with Pair(f"{folder}/{number}", **options) as p:
            p.r.start()
            p.c.start()
            t = p.c.terminal()
            equal(t.post(Chain(t.host).grow(2), 1, 2)[0], 200)
            until("a line in the log", lambda: "Key was rejected" in p.log())
            time.sleep(2)
            equal(p.log().count("events wait in the store"), 1, "said once")
            equal(p.r.lines(), [])


@test
def a_peer_that_wants_our_certificate_gets_it_and_refuses_without(folder):
    with Pair(folder, client=True) as p:
        p.r.start()
        p.c.start()
        t = p.c.terminal()
        equal(t.post(Chain(t.host).grow(20), 1, 20)[0], 200)
        until("a line in the log", lambda: "events wait in the store" in p.log())
        equal(p.r.lines(), [])
        equal(p.c.stop(), 0)
        p.extra += [f"output_cert = {t.crt}", f"output_key = {t.key}"]
        p.c.start()
        p.arrived(20)


@test
def cef_is_one_escaped_line(folder):
    with Pair(folder) as p:
        p.extra.append("output_format = cef")
        p.r.start()
        p.c.start()
        t = p.c.terminal()
        chain = Chain(t.host)
        chain.append(event(1, severity_id=3, action_id=2, status_id=2, message="a=b|c\\d\ne",
                           actor={"user": {"name": "s012345"}},
                           peripheral_device={"vendor_id_list": ["0781"], "model": "5581",
                                              "serial_number": "4C53=0001"}))
        chain.append(event(2, metadata={"product": {"version": "1|2\\3"}}))
        chain.append(b"no json = at | all")
        equal(t.post(chain, 1, 3)[0], 200)
        until("3 events", lambda: len(p.r.lines()) >= 3)
        first, second, third = [l.split(" ", 5)[5] for l in p.r.lines()]
        equal(first, "CEF:0|sekimori|sekimori-agent||1010-1|usb.device.allowed|6|rt=1764572400001"
              f" deviceExternalId={t.host} externalId=1 flexString1={chain.stream}"
              " flexString1Label=stream act=blocked dvchost=kz-shimin-014 outcome=failure"
              " msg=a\\=b|c\\\\d e suser=s012345 cs1=4C53\\=0001 cs1Label=serial"
              " deviceFacility=市民課 cs2=0781:5581 cs2Label=VID:PID")
        equal(second.startswith("CEF:0|sekimori|sekimori-agent|1\\|2\\\\3|1010-1|usb.device.allowed|2|rt="), True, second)
        equal(third.startswith("CEF:0|sekimori|sekimori-agent||0-0|unreadable|2|rt="), True, third)
        equal(third.endswith(f"externalId=3 flexString1={chain.stream} flexString1Label=stream"),
              True, third)


@test
def removed_records_are_passed_over(folder):
    with Pair(folder) as p:
        wanted, p.extra = p.extra, []
        p.r.start()
        p.c.start()
        t = p.c.terminal()
        equal(t.post(Chain(t.host).grow(3), 1, 3)[0], 200)
        equal(p.c.stop(), 0)
        with sqlite3.connect(p.c.folder + "/collector.db") as store:
            store.execute("UPDATE events SET body = '', quarantine = 64 WHERE seq < 3")
        store.close()
        p.extra = wanted
        p.c.start()
        until("the third", lambda: p.r.lines())
        equal(p.r.sequences(), [3])


@test
def settings_that_cannot_work_are_refused(folder):
    for lines in (["output = ftp://a:1"], ["output = syslog+tls://a"],
                  ["output = syslog+tls://:6514"], ["output2 = syslog+tls://a/b:1"],
                  ["output = syslog+tls://a:6514", "output_cert = /x"],
                  ["output = syslog+tls://a:6514", "output_format = xml"]):
        with Pair(f"{folder}/{os.urandom(4).hex()}") as p:
            p.extra = lines
            p.c.write_config()
            done = subprocess.run([PROGRAM, "--config", p.c.config, "serve"],
                                  capture_output=True, timeout=20)
            equal(done.returncode != 0, True, lines)
            equal(b"output" in done.stderr or b"ftp" in done.stderr or b"syslog" in done.stderr,
                  True, done.stderr)


def why_not():
    if not os.path.exists(RSYSLOGD):
        return "rsyslog is not installed"
    return None if has_module("lmnsd_gtls") else "rsyslog-gnutls is not installed"


if __name__ == "__main__":
    sys.exit(main(TESTS, OwnFolder, why_not=why_not()))
