#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""GET /v1/inbox: what is published reaches the terminals it is for, at once for
one that waits. Prints one line a test and a closing count."""
import os, subprocess, sys, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import OneCollector, PROGRAM, equal, main  # noqa: E402
from terminal import Collector, Terminal  # noqa: E402

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def publish(c, text, *words):
    path = c.folder + ".jws"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return subprocess.run([PROGRAM, "--config", c.config, "publish", *words, path],
                          capture_output=True, text=True)


def ask(terminal, etag=None, wait=None):
    headers = {}
    if etag:
        headers["If-None-Match"] = etag
    if wait:
        headers["Prefer"] = f"wait={wait}"
    status, answer, body = terminal.call("GET", "/v1/inbox", headers=headers)
    return status, answer.get("ETag"), body.decode()


@test
def nothing_published_is_an_empty_text(c):
    terminal = c.terminal()
    status, etag, body = ask(terminal)
    equal((status, body), (200, ""))
    equal(ask(terminal, etag)[0], 304)


@test
def a_policy_reaches_everybody_and_an_order_one(c):
    one, other = c.terminal(), c.terminal()
    equal(publish(c, "eyJh.cGF5.c2ln\n").returncode, 0)
    equal(publish(c, "b3Jk.ZXI.c2ln", "--order", "--terminal", one.host).returncode, 0)
    equal(ask(one)[2], "policy.jws eyJh.cGF5.c2ln\norder.jws b3Jk.ZXI.c2ln\n")
    equal(ask(other)[2], "policy.jws eyJh.cGF5.c2ln\n")
    # Its own policy goes before that of all
    equal(publish(c, "b3du.cGF5.c2ln", "--terminal", other.host).returncode, 0)
    equal(ask(other)[2], "policy.jws b3du.cGF5.c2ln\n")
    equal(ask(one)[2].split("\n")[0], "policy.jws eyJh.cGF5.c2ln")


@test
def what_is_no_jws_is_refused_and_changes_nothing(c):
    terminal = c.terminal()
    etag = ask(terminal)[1]
    for text in ("", "no", "a.b", "a.b.c.d", "a.b.c\nx.y.z", "a. b.c", "ä.b.c", "." * 3):
        done = publish(c, text)
        equal(done.returncode, 1, text)
        equal("JWS" in done.stderr, True, done.stderr)
    equal(publish(c, "a.b.c", "--order").returncode, 2)
    equal(publish(c, "a.b.c", "--terminal", "7").returncode, 2)
    equal(ask(terminal, etag)[0], 304)


@test
def who_waits_hears_at_once(c):
    terminal = c.terminal()
    etag = ask(terminal)[1]
    heard = []

    def wait():
        start = time.monotonic()
        heard.append((ask(terminal, etag, 60), time.monotonic() - start))

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(2)
    published = time.monotonic()
    equal(publish(c, "bmV3.ZXI.c2ln").returncode, 0)
    thread.join()
    (status, _, body), took = heard[0]
    equal(status, 200)
    equal("bmV3.ZXI.c2ln" in body, True, body)
    equal(took > 1.5, True, "it did wait")
    equal(time.monotonic() - published < 10, True, "it heard soon")


@test
def a_wait_ends_without_news(c):
    terminal = c.terminal()
    etag = ask(terminal)[1]
    start = time.monotonic()
    equal(ask(terminal, etag, 2)[:2], (304, etag))
    equal(time.monotonic() - start > 1.5, True, "it did wait")


@test
def only_a_terminal_in_good_standing_is_told(c):
    stranger = Terminal(c)
    equal(ask(stranger)[0], 401)
    terminal = c.terminal()
    equal(ask(terminal)[0], 200)
    c.command("revoke", "--terminal", terminal.host)
    equal(ask(terminal)[0], 403)


@test
def a_stop_sends_those_who_wait_away(c):
    terminal = c.terminal()
    etag = ask(terminal)[1]
    ended = []

    def wait():
        try:
            ended.append(ask(terminal, etag, 100)[0])
        except OSError:  # the connection ends with the server: ask again
            ended.append("closed")

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(1)
    start = time.monotonic()
    equal(c.stop(), 0, "exit")
    thread.join()
    equal(time.monotonic() - start < 20, True, "it stopped soon")
    equal(ended in ([503], ["closed"]), True, ended)
    c.start()
    terminal.close()
    equal(ask(terminal, etag)[0], 304)


if __name__ == "__main__":
    sys.exit(main(TESTS, lambda: OneCollector(Collector)))
