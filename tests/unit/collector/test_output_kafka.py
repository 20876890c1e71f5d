#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The output to Kafka against librdkafka's mock cluster (three brokers over TCP),
read back by a consumer. The mock knows neither TLS nor SASL, so these are not
proved here. Prints one line a test and a closing count."""
import os, subprocess, sys, time

os.environ["SEKIMORI_MODULES"] = os.path.abspath(os.environ.get("BUILD", "build"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from http_peer import HttpPair  # noqa: E402
from suite import BUILD, OwnFolder, PROGRAM, equal, main, until  # noqa: E402
from terminal import Chain, event  # noqa: E402

TESTS = []
MOCK = BUILD + "/tests/kafka/mock"
MODULE = BUILD + "/output_kafka.so"


def test(function):
    TESTS.append(function)
    return function


class Mock:
    """The mock cluster as a process of its own."""

    def __init__(self):
        self.process = subprocess.Popen([MOCK], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = self.servers = self.process.stdout.readline().decode().strip()
        self.messages = []  # (partition, stream, terminal, body)

    def tell(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def read(self):
        self.tell("read")
        for line in iter(self.process.stdout.readline, b"end\n"):
            partition, stream, terminal, body = line.rstrip(b"\n").split(b" ", 3)
            self.messages.append((int(partition), stream.decode(), terminal.decode(), body))
        return self.messages

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)


class Pair(HttpPair):
    """A collector and a mock cluster."""

    def __init__(self, folder):
        self.mock = Mock()
        super().__init__(folder, lambda keys: self.mock, "kafka://{1}", tls=False)
        self.url = f"kafka://{self.mock.servers}/sekimori"
        self.extra = [f"output = {self.url}"]

    def arrived(self, *chains, is_once=True):
        wanted = {(c.stream, c.host, r[4]) for c in chains for r in c.records}
        until(f"{len(wanted)} messages",
              lambda: len({m[1:] for m in self.mock.read()}) >= len(wanted), 90)
        equal({m[1:] for m in self.mock.messages}, wanted)
        if is_once:
            equal(len(self.mock.messages), len(wanted), "each once")
        for chain in chains:
            mine = [m for m in self.mock.messages if m[1] == chain.stream]
            equal(len({m[0] for m in mine}), 1, "one stream, one partition")
            if is_once:
                equal([m[3] for m in mine], [r[4] for r in chain.records], "in order")


# ---- the tests ----------------------------------------------------------------

@test
def each_event_arrives_once_in_order_under_its_stream(folder):
    with Pair(folder) as p:
        p.c.start()
        p.arrived(*[p.send(1100), p.send(3, event(4, message="大" * 15000)), p.send(700)])
        until("the cursor", lambda: p.metric("sekimori_output_lag_events") == {p.url: 0})


@test
def brokers_that_are_down_for_a_while_lose_and_double_nothing(folder):
    with Pair(folder) as p:
        p.c.start()
        chains = [p.send(50)]
        p.arrived(*chains)
        for number in (1, 2, 3):
            p.mock.tell(f"down {number}")
        chains.append(p.send(400))
        until("told", lambda: p.metric("sekimori_output_failing") == {p.url: 1})
        equal("check that the brokers run" in p.log(), True, p.log())
        equal(p.metric("sekimori_output_lag_events"), {p.url: 400})
        time.sleep(3)
        for number in (1, 2, 3):
            p.mock.tell(f"up {number}")
        chains.append(p.send(100))
        p.arrived(*chains)
        until("the cursor", lambda: p.metric("sekimori_output_lag_events") == {p.url: 0})
        equal(p.metric("sekimori_output_failing"), {p.url: 0})


@test
def one_broker_of_three_may_go_and_come_under_load(folder):
    with Pair(folder) as p:
        p.c.start()
        t = p.c.terminal()
        chain = Chain(t.host)
        for number in range(1, 13):
            p.mock.tell(f"{'down' if number % 2 else 'up'} {number // 2 % 3 + 1}")
            first = len(chain.records) + 1
            chain.grow(200)
            equal(t.post(chain, first, first + 199)[0], 200)
            time.sleep(0.2)
        for number in (1, 2, 3):
            p.mock.tell(f"up {number}")
        p.arrived(chain)


@test
def a_killed_collector_sends_again_what_was_not_reported(folder):
    with Pair(folder) as p:
        p.c.start()
        chains = []
        for number in range(4):
            chains.append(p.send(900))
            time.sleep(0.1 * number)
            p.c.process.kill()
            p.c.process.wait()
            p.c.start()
        p.arrived(*chains, is_once=False)
        until("the cursor", lambda: p.metric("sekimori_output_lag_events") == {p.url: 0})


@test
def what_a_broker_does_not_allow_is_told_and_goes_again(folder):
    with Pair(folder) as p:
        p.mock.tell("deny")
        p.c.start()
        chain = p.send(30)
        p.arrived(chain)
        equal("allow the user to write to the topic" in p.log(), True, p.log())


@test
def a_request_that_is_too_large_for_the_topic_is_halved(folder):
    with Pair(folder) as p:
        p.mock.tell("large")
        p.c.start()
        chain = p.send(64)
        p.arrived(chain)
        equal(p.metric("sekimori_output_refused_total"), {p.url: 0})


@test
def stopping_does_not_wait_for_a_broker(folder):
    with Pair(folder) as p:
        for number in (1, 2, 3):
            p.mock.tell(f"down {number}")
        p.c.start()
        p.send(5)
        until("told", lambda: "events wait in the store" in p.log())
        start = time.monotonic()
        equal(p.c.stop(), 0)
        equal(time.monotonic() - start < 8, True)


@test
def ecs_is_carried_and_what_is_no_json_is_wrapped(folder):
    with Pair(folder) as p:
        p.extra.append("output_format = ecs")
        p.c.start()
        p.send(1, b"no json")
        until("2 messages", lambda: len(p.mock.read()) >= 2)
        equal(b'"ecs":{"version":"8.11.0"}' in p.mock.messages[0][3], True)
        equal(b'"original":"bm8ganNvbg=="' in p.mock.messages[1][3], True)


@test
def settings_that_cannot_work_are_refused_with_a_reason(folder):
    for lines, modules, reason in (
            (["output = kafka://a:9092/t"], "/nowhere", "install the package sekimori-collector-kafka"),
            (["output = kafka://a:9092"], None, "HOST:PORT,HOST:PORT/TOPIC"),
            (["output = kafka://a:9092/a/b"], None, "HOST:PORT,HOST:PORT/TOPIC"),
            (["output = kafka://u:p@a:9092/t"], None, "HOST:PORT,HOST:PORT/TOPIC"),
            (["output = kafka://a:9092/t", "output_secret = /x"], None, "kafka+tls:// only")):
        with Pair(f"{folder}/{os.urandom(4).hex()}") as p:
            p.extra = lines
            p.c.write_config()
            env = dict(os.environ, **({"SEKIMORI_MODULES": modules} if modules else {}))
            done = subprocess.run([PROGRAM, "--config", p.c.config, "serve"],
                                  capture_output=True, timeout=20, env=env)
            equal(done.returncode != 0, True, lines)
            equal(reason in done.stderr.decode(), True, done.stderr)


@test
def files_of_tls_that_cannot_be_used_are_told(folder):
    with Pair(folder) as p:
        p.extra = [f"output = kafka+tls://{p.mock.servers}/sekimori", "output_ca = /nowhere/ca.crt"]
        p.c.start()
        p.send(2)
        until("told", lambda: "check output_ca, output_cert and output_key" in p.log())
        equal(p.c.stop(), 0)
        p.extra[1] = f"output_ca = {p.c.folder}/ca.crt"
        p.extra.append(f"output_secret = {folder}/secret")
        p.c.start()
        until("told", lambda: "its first line must be USER:PASSWORD" in p.log())
        with open(folder + "/secret", "w", encoding="utf-8") as file:
            file.write("sekimori:himitsu\n")
        until("told", lambda: "check that the brokers run" in p.log())
        equal("himitsu" in p.log(), False)


if __name__ == "__main__":
    why_not = None if os.path.exists(MODULE) else "librdkafka is not installed"
    sys.exit(main(TESTS, OwnFolder, programs=(PROGRAM,) if why_not else (PROGRAM, MOCK),
                  why_not=why_not))
