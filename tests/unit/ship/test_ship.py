#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sekimori-ship against a collector that follows a script: every row of the
status table, nonsense, silence, cut connections, lost answers, kills. After each
case: nothing is lost, nothing is stored twice, the cursor says what is true."""
import concurrent.futures, contextlib, os, pathlib, re, shutil, signal, subprocess, sys
import tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import receiver
from receiver import Receiver, good, lost_answer, cut_answer, deaf

BUILD = os.environ.get("BUILD", "build")
SHIP = os.path.abspath(f"{BUILD}/sekimori-ship")
WRITE = os.path.abspath(f"{BUILD}/tests/e2e/tools/spool_write")
PATIENCE = 30


class Terminal:
    """A root directory with a spool and an enrolled shipper."""

    def __init__(self, folder, settings=""):
        self.folder = folder
        self.root = folder + "/root"
        os.makedirs(self.root)
        self.state = self.root + "/var/lib/sekimori-ship"
        self.settings = settings
        self.process = None
        self.backoff_max_s = 1
        self.write(0)

    def write(self, count, size=645):
        """Appends events; returns the last sequence number."""
        return int(receiver.run(WRITE, self.root, str(count), str(size)).split()[-1])

    def host_id(self):
        return pathlib.Path(self.root, receiver.HOST_ID_PATH).read_text().strip()

    def configure(self, port):
        pathlib.Path(self.root, "etc/sekimori/agent.conf").write_text(
            f"collector = https://127.0.0.1:{port}\nsplay_max_s = 0\n"
            f"backoff_max_s = {self.backoff_max_s}\n"
            f"request_timeout_s = 2\n{self.settings}")

    def enrol(self, server):
        for name in ("ca.crt", "client.key", "client.crt"):
            shutil.copy(f"{server.folder}/{name}", f"{self.state}/{name}")

    def start(self, *words):
        # The shipper's sandbox refuses ptrace, which the leak check needs.
        log = open(self.folder + "/ship.log", "ab")
        self.process = subprocess.Popen([SHIP, "--root", self.root, "run", *words],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
        log.close()
        return self

    def stop(self, number=signal.SIGKILL):
        if self.process:
            self.process.send_signal(number)
            self.process.wait(10)
        self.process = None

    def alive(self):
        return self.process.poll() is None

    def cursor(self):
        try:
            text = pathlib.Path(self.state, "cursor").read_text()
        except FileNotFoundError:
            return None, 0, 0, ""
        stream, seq, contact, state = text.rstrip("\n").split(" ", 3)
        return stream, int(seq), int(contact), state

    def spooled(self):
        """Every body in the spool, in order."""
        out = []
        for path in sorted(pathlib.Path(self.root, "var/lib/sekimori/spool").glob("*.seg")):
            data, at = path.read_bytes(), 128
            if data[8] == 2:  # packed: one zstd frame between header and footer
                data = data[:128] + receiver.run("zstd", "-dcq", data=data[128:-128]) + bytes(4)
            while data[at:at + 4] == b"SKF1":
                size = int.from_bytes(data[at + 8:at + 12], "little")
                out.append(data[at + 72:at + 72 + size])
                at += 72 + size
        return out


def until(condition, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("did not happen: " + what)


def sleeps(terminal):
    """Two seconds without one wake-up; what it was about may end before that."""
    status = pathlib.Path(f"/proc/{terminal.process.pid}/status")
    wakes = lambda: re.findall(r"^voluntary.*", status.read_text(), re.M)
    for _ in range(4):
        before = wakes()
        time.sleep(2)
        if wakes() == before:
            return
    raise AssertionError("it keeps waking up")


@contextlib.contextmanager
def pair(events=1200, settings="", life=None, backoff_max_s=1, **options):
    """A terminal with events and a receiver with a script, the shipper running."""
    folder = tempfile.mkdtemp(prefix="ship-")
    terminal = server = None
    try:
        terminal = Terminal(folder, settings)
        terminal.backoff_max_s = backoff_max_s
        terminal.write(events)
        server = Receiver(folder, **options)
        server.certificates(terminal.host_id(), life)
        with server:
            terminal.configure(server.port)
            terminal.enrol(server)
            terminal.start()
            yield terminal, server
            assert terminal.process is None or terminal.alive(), "the shipper ended"
        assert not server.failures, server.failures
    except BaseException:
        log = pathlib.Path(folder, "ship.log")
        print(log.read_text() if log.exists() else "", terminal and terminal.cursor())
        raise
    finally:
        if terminal:
            terminal.stop()
        shutil.rmtree(folder)


def delivered(terminal, server, state="ok"):
    """Waits until all is there; then exactly once and in order."""
    wanted = terminal.spooled()
    until(lambda: server.count() >= len(wanted), f"{len(wanted)} events at the collector")
    until(lambda: terminal.cursor()[1] == len(wanted) and terminal.cursor()[3] == state,
          f"cursor at {len(wanted)} and {state}")
    got = [body for bodies in server.stored.values() for body in bodies]
    assert got == wanted, f"{len(got)} events of {len(wanted)}, or another order"


# ---- when all is well --------------------------------------------------------

def everything_arrives_once_in_order():
    with pair(events=1200) as (terminal, server):
        delivered(terminal, server)
        first = server.requests[0]
        assert len(server.requests) == 3, "batches of 500"
        assert [r.coding for r in server.requests] == ["gzip", "zstd", "zstd"]
        assert first.headers["Content-Type"] == "application/x-protobuf"
        assert first.headers["Idempotency-Key"] == f'"{first.stream}:1-500"'
        assert first.headers["X-Agent-Tail-Seq"] == "1200"
        assert abs(float(first.headers["X-Agent-Time"]) - time.time()) < 60
        assert first.resource["host.id"].decode() == terminal.host_id()
        assert first.records[0]["name"] == "usb.device.removed"
        assert first.records[0]["severity"] == 9
        stream, seq, contact, state = terminal.cursor()
        assert stream == first.stream and abs(contact - time.time()) < 60


def new_events_leave_at_once():
    with pair(events=1) as (terminal, server):
        delivered(terminal, server)
        for _ in range(5):
            begun = time.monotonic()
            terminal.write(1)
            delivered(terminal, server)
            assert time.monotonic() - begun < 5, "five seconds for one event"
        assert len(server.requests) == 6, "one request each"


def large_events_make_smaller_batches():
    with pair(events=0) as (terminal, server):
        terminal.write(40, 60000)
        delivered(terminal, server)
        assert len(server.requests) >= 3
        assert all(sum(len(r["body"]) for r in q.records) <= 1 << 20 for q in server.requests)


def without_zstd_it_stays_with_gzip():
    with pair(events=1200, zstd=False) as (terminal, server):
        delivered(terminal, server)
        assert {r.coding for r in server.requests} == {"gzip"}


# ---- the status table --------------------------------------------------------

def a_lost_answer_is_asked_again():
    with pair(script=[lost_answer, good, cut_answer, lost_answer]) as (terminal, server):
        delivered(terminal, server)


def half_an_answer_counts_for_nothing():
    with pair(events=10, script=[cut_answer]) as (terminal, server):
        delivered(terminal, server)
        assert [r.first for r in server.requests] == [1, 1], "it was not asked again"


def silence_and_cut_connections_are_waited_out():
    def hang_up(server, request):
        raise ConnectionAbortedError
    with pair(script=[deaf, hang_up, hang_up, good, hang_up]) as (terminal, server):
        delivered(terminal, server)


def server_errors_are_retried():
    script = [(500, {}, b"x"), (502, {}, b"<html>"), (504, {}, b""), (418, {}, b"\0" * 100000)]
    with pair(script=script) as (terminal, server):
        delivered(terminal, server)


def retry_after_is_obeyed_within_the_cap():
    script = [(429, {"Retry-After": "2"}, b""), (503, {"Retry-After": "86400"}, b""),
              (503, {"Retry-After": "soon"}, b"")]
    with pair(events=10, backoff_max_s=3, script=script) as (terminal, server):
        delivered(terminal, server)
        first, second, third, _ = server.times
        assert 2 <= second - first < 6, "the two seconds that were asked for"
        assert 3 <= third - second < 7, "a day, but at most the cap"


def a_rate_spaces_the_backlog_and_nothing_else():
    def paced(rate):
        def answer(server, request):
            status, headers, body = server.store(request)
            return status, headers | {"X-Agent-Rate": rate}, body
        return answer
    with pair(events=1700, script=[paced("30"), paced("10"), paced("soon"), paced("1")]) as (terminal, server):
        delivered(terminal, server)
        first, second, third, fourth = server.times
        assert 1.7 <= second - first < 5, "thirty a minute"
        assert 5.7 <= third - second < 10, "ten a minute"
        assert fourth - third < 3, "a rate that makes no sense"
        terminal.write(1)
        until(lambda: len(server.times) == 5, "the event", 5)
        assert server.times[4] - fourth < 6, "what has just happened waits for no rate"
        delivered(terminal, server)


def a_server_that_lost_events_gets_them_again():
    def forget(server, request):
        server.high[request.stream] = (300, None)
        server.stored[request.stream] = server.stored[request.stream][:300]
        return server.store(request)
    with pair(script=[good, forget]) as (terminal, server):
        delivered(terminal, server)
        assert [r.first for r in server.requests][:3] == [1, 501, 301]


def a_server_that_is_ahead_is_believed():
    with pair(events=1200) as (terminal, server):
        delivered(terminal, server)
        terminal.stop()
        stream, *_ = terminal.cursor()
        pathlib.Path(terminal.state, "cursor").write_text(f"{stream} 100 0 ok\n")
        terminal.write(10)
        terminal.start()
        delivered(terminal, server)


def another_history_stops_and_is_told():
    answer = (409, {"X-Agent-Chain": "mismatch"}, b"")
    with pair(last=answer) as (terminal, server):
        until(lambda: "another history" in terminal.cursor()[3], "the state says so")
        assert terminal.cursor()[1] == 0


def a_new_stream_is_shipped_at_once_after_a_mismatch():
    """The daemon's part, a new stream, is spool_write's here."""
    def not_this(server, request):
        if request.stream == refused:
            return 409, {"X-Agent-Chain": "mismatch"}, b""
        return server.store(request)
    with pair(events=20, last=lambda s, r: (503, {}, b""), backoff_max_s=60) as (terminal, server):
        until(lambda: terminal.cursor()[0], "the cursor")
        refused = terminal.cursor()[0]
        server.last = not_this
        until(lambda: terminal.cursor()[3].startswith("mismatch"), "the state says so")
        count = len(server.requests)
        terminal.write(5)
        until(lambda: terminal.cursor()[0] != refused, "the new stream")
        until(lambda: terminal.cursor()[1] == 5, "what is in it")
        assert refused not in server.stored
        assert all(r.stream != refused for r in server.requests[count:]), "asked for nothing"


def too_large_is_halved_until_it_fits():
    def at_most_70(server, request):
        return server.store(request) if len(request.records) <= 70 else (413, {}, b"")
    with pair(events=600, last=at_most_70) as (terminal, server):
        delivered(terminal, server)
        assert [len(r.records) for r in server.requests][:4] == [500, 250, 125, 62]


def a_coding_that_is_refused_is_not_used_again():
    def only_plain(server, request):
        return server.store(request) if request.coding == "identity" else (415, {}, b"")
    with pair(last=only_plain) as (terminal, server):
        delivered(terminal, server)
        assert [r.coding for r in server.requests][:2] == ["gzip", "identity"]
        assert {r.coding for r in server.requests[1:]} == {"identity"}


def zstd_refused_falls_back_to_gzip():
    def no_zstd(server, request):
        return server.store(request) if request.coding != "zstd" else (415, {}, b"")
    with pair(last=no_zstd) as (terminal, server):
        delivered(terminal, server)
        assert [r.coding for r in server.requests] == ["gzip", "zstd", "gzip", "gzip"]


def a_refused_certificate_is_told_and_tried_again():
    with pair(script=[(401, {}, b""), (403, {}, b"")]) as (terminal, server):
        until(lambda: "certificate" in terminal.cursor()[3] or terminal.cursor()[3] == "ok",
              "the state says so")
        delivered(terminal, server)


def refused_events_of_our_collector_are_never_skipped():
    def no_seven(server, request):
        return (400, {}, b"") if any(r["seq"] == 7 for r in request.records) \
            else server.store(request)
    with pair(events=20, last=no_seven) as (terminal, server):
        until(lambda: terminal.cursor()[3].endswith("refuses the events: 7"), "it is named")
        assert terminal.cursor()[1] == 6
        server.last = good
        delivered(terminal, server)


def set_aside_by_the_server_is_stored():
    def partial(server, request):
        status, headers, _ = server.store(request)
        return status, headers, b"\x0a\x04\x08\x02\x12\x00"
    with pair(last=partial) as (terminal, server):
        delivered(terminal, server)


# ---- others' receivers -------------------------------------------------------

def a_plain_200_counts_only_where_that_is_agreed():
    with pair(events=10, last=(200, {}, b"")) as (terminal, server):
        until(lambda: "without X-Agent-Ack" in terminal.cursor()[3], "it is told")
        assert terminal.cursor()[1] == 0
    for status in (200, 201, 204):
        def plain(server, request, status=status):
            server.store(request)
            return status, {}, b""
        with pair(events=1200, settings="receiver = otlp\n", last=plain) as (terminal, server):
            delivered(terminal, server, state="foreign")


def what_a_foreign_receiver_refuses_is_kept_as_a_file():
    def no_seven(server, request):
        if any(r["seq"] == 7 for r in request.records):
            return 400, {}, b""
        server.stored.setdefault(request.stream, []).extend(r["body"] for r in request.records)
        return 200, {}, b""
    with pair(events=100, settings="receiver = otlp\n", last=no_seven) as (terminal, server):
        until(lambda: terminal.cursor()[1] == 100, "all but one")
        wanted = terminal.spooled()
        kept = list(pathlib.Path(terminal.state).glob("refused-*.json"))
        assert [k.read_bytes() for k in kept] == [wanted[6]], kept
        assert server.stored[terminal.cursor()[0]] == wanted[:6] + wanted[7:]


# ---- nonsense ----------------------------------------------------------------

def nonsense_moves_nothing():
    def with_stream(status, name, value, body=b""):
        return lambda server, request: (status, {name: value.replace("S", request.stream)}, body)
    script = [
        with_stream(200, "X-Agent-Ack", "S:18446744073709551615"),
        with_stream(200, "X-Agent-Ack", "S:99999999999999999999999"),
        with_stream(200, "X-Agent-Ack", "S:1201"),
        with_stream(200, "X-Agent-Ack", "S:499"),
        with_stream(200, "X-Agent-Ack", "S:-1"),
        with_stream(200, "X-Agent-Ack", "S"),
        with_stream(200, "X-Agent-Ack", "0" * 32 + ":500"),
        with_stream(200, "X-Agent-Ack", "S:500", b"\xff\xfe not protobuf"),
        with_stream(409, "X-Agent-Expect", "S:99999999"),
        with_stream(409, "X-Agent-Expect", "S:0"),
        with_stream(409, "X-Agent-Expect", "nothing"),
        (302, {"Location": "https://192.0.2.1/"}, b""), (100, {}, b""), (999, {}, b""),
    ]
    with pair(events=1200, settings="", script=script) as (terminal, server):
        seen = set()

        def watch():
            seen.add(terminal.cursor()[1])
            return not server.script
        until(watch, "all nonsense said", 60)
        assert seen == {0}, seen
        delivered(terminal, server)


def a_stranger_with_another_ca_gets_nothing():
    with pair(events=10) as (terminal, server):
        delivered(terminal, server)
        terminal.stop()
        terminal.write(5)
        with tempfile.TemporaryDirectory() as other:
            stranger = Receiver(other, asks_certificate=False)
            stranger.certificates(terminal.host_id())
            with stranger:
                terminal.configure(stranger.port)
                terminal.start()
                until(lambda: terminal.cursor()[3].startswith("no answer"), "it is refused")
                assert not stranger.requests and terminal.cursor()[1] == 10
                terminal.stop()
        terminal.configure(server.port)
        terminal.start()
        delivered(terminal, server)


# ---- the terminal's own troubles ----------------------------------------------

def it_waits_quietly_until_enrolled():
    with pair(events=10) as (terminal, server):
        terminal.stop()
        os.unlink(terminal.state + "/client.crt")
        (pathlib.Path(terminal.state) / "cursor").unlink(missing_ok=True)
        server.requests.clear()
        server.stored.clear()
        server.high.clear()
        terminal.start()
        until(lambda: terminal.cursor()[3] == "not enrolled", "it says so")
        sleeps(terminal)
        assert receiver.subprocess.run([SHIP, "--root", terminal.root, "status"],
                                       capture_output=True).returncode == 3
        terminal.enrol(server)
        delivered(terminal, server)


def it_sleeps_while_there_is_nothing():
    with pair(events=10) as (terminal, server):
        delivered(terminal, server)
        sleeps(terminal)


def a_damaged_or_missing_cursor_costs_only_time():
    with pair(events=700) as (terminal, server):
        delivered(terminal, server)
        for text in ("garbage\n", "", None):
            terminal.stop()
            path = pathlib.Path(terminal.state, "cursor")
            path.unlink() if text is None else path.write_text(text)
            terminal.write(3)
            terminal.start()
            delivered(terminal, server)


def a_new_stream_starts_at_one():
    with pair(events=50) as (terminal, server):
        delivered(terminal, server)
        old = terminal.cursor()[0]
        spool = pathlib.Path(terminal.root, "var/lib/sekimori/spool")
        for path in spool.glob("*.seg"):
            path.unlink()
        terminal.write(20)
        until(lambda: server.count() == 70, "the new stream")
        until(lambda: terminal.cursor()[0] != old and terminal.cursor()[1] == 20, "the cursor")


def a_tail_of_another_stream_sends_nothing_of_this_one():
    with pair(events=10) as (terminal, server):
        delivered(terminal, server)
        terminal.write(5)
        delivered(terminal, server)
        pathlib.Path(terminal.root, "run/sekimori/spool.tail").write_text(
            "e" * 32 + " 00000000000000000012\n")
        until(lambda: "cannot read the spool" in terminal.cursor()[3], "it says so")
        assert {r.stream for r in server.requests} == {r.stream for r in server.requests[:1]}


def what_is_gone_from_the_spool_is_declared_lost():
    with pair(events=10) as (terminal, server):
        delivered(terminal, server)
        terminal.stop()
        terminal.write(3000)
        first = sorted(pathlib.Path(terminal.root, "var/lib/sekimori/spool").glob("*.seg"))[0]
        first.unlink()
        kept = len(terminal.spooled())
        terminal.start()
        until(lambda: terminal.cursor()[1] == 3010 and terminal.cursor()[3] == "ok", "the rest")
        lost = [r.headers["X-Agent-Lost"] for r in server.requests if "X-Agent-Lost" in r.headers]
        assert lost == [f"11-{3010 - kept}"], lost
        assert server.count() == 10 + kept


def kills_lose_and_repeat_nothing():
    with pair(events=3000) as (terminal, server):
        for round_number in range(12):
            time.sleep(0.02 + round_number % 4 * 0.03)
            terminal.stop()
            terminal.write(50)
            terminal.start()
        delivered(terminal, server)


def a_restarted_collector_goes_on():
    with pair(events=2000) as (terminal, server):
        until(lambda: server.count() >= 500, "the first batch")
        server.server.shutdown()
        server.server.server_close()
        terminal.write(100)
        until(lambda: terminal.cursor()[3] != "ok" or terminal.cursor()[1] >= 2000, "it notices")
        with server:
            delivered(terminal, server)


def the_certificate_is_renewed_in_time():
    day = lambda offset: time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + offset * 86400))
    with pair(events=10, life=(day(-70), day(30))) as (terminal, server):
        until(lambda: server.reenrolled == 1, "renewal past two thirds of its life")
        delivered(terminal, server)
        end = receiver.run("openssl", "x509", "-in", terminal.state + "/client.crt", "-noout",
                           "-startdate", "-ext", "subjectAltName").decode()
        assert f"urn:agent:999999:{terminal.host_id()}" in end, end
        time.sleep(0.5)
        assert server.reenrolled == 1, "and only once"


def anothers_certificate_is_not_used():
    with pair(events=10) as (terminal, server):
        delivered(terminal, server)
        terminal.stop()
        pathlib.Path(terminal.root, receiver.HOST_ID_PATH).write_text("f" * 32 + "\n")
        terminal.start()
        until(lambda: "another terminal" in terminal.cursor()[3], "it says so")


def a_wrong_setting_is_named():
    with pair(events=1) as (terminal, server):
        delivered(terminal, server)
        terminal.stop()
        conf = pathlib.Path(terminal.root, "etc/sekimori/agent.conf")
        conf.write_text("collector = http://plain\n")
        done = subprocess.run([SHIP, "--root", terminal.root, "status"], capture_output=True)
        assert done.returncode == 1 and b"'collector' wants https://" in done.stdout, done
        done = subprocess.run([SHIP, "frobnicate"], capture_output=True)
        assert done.returncode == 2 and b"usage:" in done.stderr


TESTS = [value for name, value in list(globals().items())
         if callable(value) and getattr(value, "__module__", "") == __name__
         and name not in ("pair", "until", "sleeps", "delivered", "Terminal", "one", "main")
         and not isinstance(value, type)]


def one(test):
    begun = time.monotonic()
    try:
        test()
    except Exception as error:  # a test's own failure is its message
        print(f"not ok {test.__name__}: {error!r}", flush=True)
        return False
    print(f"ok {test.__name__} ({time.monotonic() - begun:.1f} s)", flush=True)
    return True


def main():
    missing = [p for p in (SHIP, WRITE) if not os.path.exists(p)] + \
        [p for p in ("openssl", "zstd") if not shutil.which(p)]
    wanted = sys.argv[1:]
    tests = [t for t in TESTS if not wanted or t.__name__ in wanted]
    if missing:
        print(f"skip {', '.join(missing)} missing")
        print(f"0 passed, 0 failed, {len(tests)} skipped")
        return 0
    # They mostly wait, so they wait together.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        failed = sum(not passed for passed in pool.map(one, tests))
    print(f"{len(tests) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
