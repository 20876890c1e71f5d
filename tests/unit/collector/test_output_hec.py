#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The output to Splunk's HTTP Event Collector against a real HTTP server that
answers as HEC is documented (http_peer.py): Splunk cannot be installed for a
test, so its own indexing is not proved here. Prints one line a test and a
closing count."""
import json, os, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from http_peer import Hec, HttpPair  # noqa: E402
from suite import OwnFolder, PROGRAM, equal, main, until  # noqa: E402
from terminal import event  # noqa: E402

TESTS = []
TOKEN = "0b5f6d2e-token-of-hec"


def test(function):
    TESTS.append(function)
    return function


class Pair(HttpPair):
    """A collector and a Hec; its token is in a file."""

    def __init__(self, folder, is_ack=False, index="", **options):
        super().__init__(folder, lambda keys: Hec(TOKEN, is_ack, **keys), "splunk+{}://{}" + index, **options)
        self.secret = folder + "/token"
        self.write_token(TOKEN)
        self.extra.append(f"output_secret = {self.secret}")

    def write_token(self, token):
        with open(self.secret, "w", encoding="utf-8") as file:
            file.write(token + "\n")

    def numbers(self):
        with self.peer.lock:
            return [(e["fields"]["stream"], e["fields"]["seq"]) for e in self.peer.events]

    def arrived(self, *chains):
        wanted = sorted((c.stream, r[0]) for c in chains for r in c.records)
        until(f"{len(wanted)} events", lambda: len(set(self.numbers())) >= len(wanted))
        equal(sorted(set(self.numbers())), wanted)


# ---- the tests ----------------------------------------------------------------

@test
def each_event_arrives_once_in_order_as_it_was_stored(folder):
    with Pair(folder, index="/mynumber") as p:
        p.peer.start()
        p.c.start()
        chain = p.send(1200, event(1201, message="大" * 15000), b"no json")
        p.arrived(chain)
        equal(len(p.peer.events), 1202)
        equal(p.peer.events[0], {
            "time": 1764572400.001, "host": "kz-shimin-014", "source": "sekimori", "index": "mynumber",
            "sourcetype": "sekimori:ocsf", "event": json.loads(chain.records[0][4]),
            "fields": {"terminal": chain.host, "stream": chain.stream, "seq": 1}})
        equal([e["fields"]["seq"] for e in p.peer.events], list(range(1, 1203)))
        equal((p.peer.events[-1]["host"], p.peer.events[-1]["event"]["raw_data"]), (chain.host, "bm8ganNvbg=="))


@test
def cef_and_ecs_are_carried(folder):
    for kind in ("cef", "ecs"):
        with Pair(f"{folder}/{kind}", tls=False) as p:
            p.extra.append("output_format = " + kind)
            p.peer.start()
            p.c.start()
            chain = p.send(1, event(2, message='a"b\\c'))
            p.arrived(chain)
            got = p.peer.events[1]
            equal(got["sourcetype"], "sekimori:" + kind)
            if kind == "cef":
                equal(got["event"].startswith("CEF:0|sekimori|sekimori-agent|"), True, got)
                equal(' msg=a"b\\\\c ' in got["event"], True, got)
            else:
                equal(got["event"]["event"]["id"], f"{chain.stream}-2")
                equal(got["event"]["message"], 'a"b\\c')


@test
def the_cursor_waits_for_the_acknowledgement(folder):
    with Pair(folder, is_ack=True) as p:
        p.peer.ack_after = 4
        p.peer.start()
        p.c.start()
        chain = p.send(300)
        until("questions", lambda: p.peer.asked >= 2)
        equal(p.metric("sekimori_output_lag_events"), {p.url: 300})
        equal(p.metric("sekimori_output_failing"), {p.url: 0})
        p.arrived(chain)
        until("the cursor", lambda: p.metric("sekimori_output_lag_events") == {p.url: 0})
        equal(len(p.peer.events), 300)
        equal({h["X-Splunk-Request-Channel"] for _, h, _ in p.peer.requests}.__len__(), 1)


@test
def what_is_not_acknowledged_goes_again(folder):
    with Pair(folder, is_ack=True, tls=False) as p:
        p.peer.start()
        p.c.start()

        def forget(*_):
            p.peer.pending.clear()
            return 400, {}, {"text": "Invalid data channel", "code": 11}

        taken = p.peer.answer
        p.peer.plan = [lambda *a: taken(*a), forget]
        chain = p.send(20)
        p.arrived(chain)
        equal(len(p.peer.events), 20)
        equal("Invalid data channel: it took events and acknowledges none" in p.log(), True, p.log())


@test
def a_kill_while_an_acknowledgement_is_awaited_loses_nothing(folder):
    with Pair(folder, is_ack=True, tls=False) as p:
        p.peer.ack_after = 1 << 30
        p.peer.start()
        p.c.start()
        chain = p.send(50)
        until("questions", lambda: p.peer.asked >= 1)
        p.c.process.kill()
        p.c.process.wait()
        p.peer.ack_after = 0
        p.c.start()
        p.arrived(chain)
        until("the cursor", lambda: p.metric("sekimori_output_lag_events") == {p.url: 0})


@test
def stopping_does_not_wait_for_an_acknowledgement(folder):
    with Pair(folder, is_ack=True, tls=False) as p:
        p.peer.ack_after = 1 << 30
        p.peer.start()
        p.c.start()
        p.send(5)
        until("questions", lambda: p.peer.asked >= 1)
        start = time.monotonic()
        equal(p.c.stop(), 0)
        equal(time.monotonic() - start < 5, True)


@test
def an_event_that_hec_refuses_is_passed_over(folder):
    with Pair(folder, tls=False) as p:
        p.peer.is_wrong = lambda e: "x" in e["event"]
        p.peer.start()
        p.c.start()
        chain = p.send(5, event(6, x=1), event(7), event(8, x=1), event(9))
        until("7 events", lambda: len(set(p.numbers())) >= 7)
        equal(sorted(set(n for _, n in p.numbers())), [1, 2, 3, 4, 5, 7, 9])
        until("the count", lambda: p.metric("sekimori_output_refused_total") == {p.url: 2})
        equal(p.log().count("refused for good (Error in handling indexed fields)"), 1)
        del chain


@test
def one_that_is_refused_without_a_number_is_searched_for(folder):
    with Pair(folder, tls=False) as p:
        answer = p.peer.answer

        def without(handler, path, body):
            status, headers, value = answer(handler, path, body)
            value.pop("invalid-event-number", None)
            return status, headers, value

        p.peer.answer = without
        p.peer.is_wrong = lambda e: "x" in e["event"]
        p.peer.start()
        p.c.start()
        p.send(40, event(41, x=1), event(42))
        until("41 events", lambda: len(set(p.numbers())) >= 41)
        until("the count", lambda: p.metric("sekimori_output_refused_total") == {p.url: 1})


@test
def the_token_is_checked_and_can_be_changed(folder):
    with Pair(folder) as p:
        p.write_token("wrong-token")
        p.peer.start()
        p.c.start()
        chain = p.send(3)
        until("told", lambda: "403 Invalid token: check the token in output_secret" in p.log())
        equal(p.peer.events, [])
        p.write_token(TOKEN)
        p.arrived(chain)
        equal(TOKEN in p.log() or "wrong-token" in p.log(), False, "no secret in the log")


@test
def a_busy_or_wrongly_set_splunk_is_waited_for(folder):
    with Pair(folder, tls=False) as p:
        p.peer.plan = [lambda *_: (503, {"Retry-After": "2"}, {"text": "Server is busy", "code": 9}),
                       lambda *_: (400, {}, {"text": "Incorrect index", "code": 7, "invalid-event-number": 0}),
                       lambda *_: (200, {}, b"<html>")]
        p.peer.start()
        p.c.start()
        chain = p.send(3)
        p.arrived(chain)
        equal(len(p.peer.events), 3)
        for text in ("503 Server is busy: it is busy", "400 Incorrect index: make the index",
                     "200 : not an answer of HEC"):
            equal(text in p.log(), True, text)


@test
def a_request_that_is_too_large_is_halved(folder):
    with Pair(folder, tls=False) as p:
        p.peer.max_bytes = 30000
        p.peer.start()
        p.c.start()
        p.send(200, event(201, message="大" * 12000), event(202))
        until("201 events", lambda: len(p.peer.events) >= 201)
        equal(len(p.peer.events), 201)
        until("the count", lambda: p.metric("sekimori_output_refused_total") == {p.url: 1})


@test
def nothing_is_lost_when_either_side_is_killed(folder):
    with Pair(folder, is_ack=True) as p:
        p.c.start()
        chains = []
        for number in range(4):
            chains.append(p.send(600))
            p.peer.start()
            time.sleep(0.3 * number)
            if number % 2:
                p.c.process.kill()
                p.c.process.wait()
                p.c.start()
            else:
                p.peer.stop()
        p.peer.start()
        p.arrived(*chains)


@test
def settings_that_cannot_work_are_refused_with_a_reason(folder):
    for lines, reason in (
            (["output = splunk+https://a:8088"], "output_secret must name"),
            (["output = splunk+https://a:8088/", "output_secret = /x"], "HOST:PORT/INDEX"),
            (["output = splunk+https://a:8088/a/b", "output_secret = /x"], "HOST:PORT/INDEX"),
            (["output = splunk+https://t@a:8088", "output_secret = /x"], "belongs in output_secret")):
        with Pair(f"{folder}/{os.urandom(4).hex()}") as p:
            p.extra = lines
            p.c.write_config()
            done = subprocess.run([PROGRAM, "--config", p.c.config, "serve"],
                                  capture_output=True, timeout=20)
            equal(done.returncode != 0, True, lines)
            equal(reason in done.stderr.decode(), True, done.stderr)


if __name__ == "__main__":
    sys.exit(main(TESTS, OwnFolder))
