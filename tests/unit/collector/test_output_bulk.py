#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The output to OpenSearch and Elasticsearch against a real HTTP server that
answers as the _bulk API is documented (http_peer.py): neither of the two can be
installed for a test, so what their own parsers make of our documents and of the
template is not proved here. Prints one line a test and a closing count."""
import json, os, re, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from http_peer import Bulk, HttpPair  # noqa: E402
from suite import OwnFolder, PROGRAM, equal, main, until  # noqa: E402
from terminal import Chain, event, run  # noqa: E402

TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Pair(HttpPair):
    """A collector and a Bulk."""

    def __init__(self, folder, **options):
        super().__init__(folder, lambda keys: Bulk(**keys), "opensearch+{}://{}/sekimori-ocsf", **options)

    def arrived(self, *chains):
        wanted = {f"{c.stream}-{r[0]}": r[4] for c in chains for r in c.records}
        until(f"{len(wanted)} documents", lambda: len(self.peer.documents) >= len(wanted))
        equal(self.peer.documents, wanted)


# ---- the tests ----------------------------------------------------------------

@test
def each_event_arrives_once_under_its_id_as_it_was_stored(folder):
    with Pair(folder) as p:
        p.peer.start()
        p.c.start()
        chain = p.send(1200, event(1201, message="大" * 15000))
        p.arrived(chain)
        equal(set(p.peer.creates.values()), {1}, "each once when nothing breaks")
        until("a line in the log", lambda: "events are delivered" in p.log())


@test
def ecs_has_its_fields_in_their_types(folder):
    with Pair(folder, tls=False) as p:
        p.extra.append("output_format = ecs")
        p.peer.start()
        p.c.start()
        chain = p.send(
            0,
            event(1, severity_id=3, action_id=2, status_id=2, status_detail="default-deny",
                  message="遮断\n\"しました\"", actor={"user": {"name": "s012345", "uid": 7}},
                  metadata={"event_code": "usb.device.blocked", "tenant_uid": "999999"},
                  peripheral_device={"vendor_id_list": ["0781"], "model": "5581", "name": "Ultra",
                                     "serial_number": "4C53", "type": {"not": "a text"}},
                  sekimori={"decision": {"rule": "default-deny"}}),
            event(2, class_uid=2004, status_id=1, metadata={"event_code": "agent.tamper"}),
            event(3, metadata={"event_code": "mount.readonly"}, status_id=1,
                  file={"path": "/dev/sdb1", "size": 5}, sekimori={"mount": {"fs": "vfat"}}))
        until("3 documents", lambda: len(p.peer.documents) >= 3)
        first, second, third = [json.loads(p.peer.documents[f"{chain.stream}-{n}"]) for n in (1, 2, 3)]
        created = first["event"].pop("created")
        equal(bool(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", created)), True, created)
        equal(first, {
            "@timestamp": "2025-12-01T07:00:00.001Z", "ecs": {"version": "8.11.0"},
            "message": "遮断\n\"しました\"",
            "event": {"kind": "event", "category": ["host"], "type": ["device", "denied"],
                      "action": "usb-blocked", "code": "usb.device.blocked", "outcome": "failure",
                      "id": f"{chain.stream}-1", "sequence": 1, "severity": 3, "module": "sekimori",
                      "reason": "default-deny"},
            "host": {"id": chain.host, "hostname": "kz-shimin-014", "name": "kz-shimin-014"},
            "labels": {"unit": "市民課", "stream": chain.stream},
            "observer": {"vendor": "sekimori", "product": "sekimori-agent"},
            "organization": {"id": "999999"}, "user": {"name": "s012345"},
            "device": {"vendor": {"id": "0781"}, "product": {"id": "5581", "name": "Ultra"},
                       "serial_number": "4C53"},
            "rule": {"name": "default-deny"}, "sekimori": {"decision": {"rule": "default-deny"}}})
        equal((second["event"]["kind"], second["event"]["category"], second["event"]["outcome"]),
              ("alert", ["intrusion_detection"], "unknown"))
        equal(third["volume"], {"device_name": "/dev/sdb1", "file_system_type": "vfat", "writable": False})
        equal((third["event"]["category"], third["event"]["type"], third["event"]["action"], third["file"]),
              (["host", "file"], ["access", "change"], "mount-readonly", {"path": "/dev/sdb1", "size": 5}))


@test
def the_template_names_every_field_of_ecs_that_is_written(folder):
    """Of the mapper's source, so that a new field cannot be forgotten."""
    with open("collector/output_ecs.c", encoding="utf-8") as file:
        fields = set("".join(pair) for pair in re.findall(r'root, "([a-z@_.]+)",|\{"([a-z@_.]+)", "[a-z_.]+",\s+KIND', file.read()))
    with open("pkg/opensearch/sekimori.json", encoding="utf-8") as file:
        mappings = json.load(file)["template"]["mappings"]

    def known(node, path):
        if not path:
            return "type" in node
        return path[0] in node.get("properties", {}) and known(node["properties"][path[0]], path[1:])

    equal(len(fields) > 40, True, fields)
    fields.discard("sekimori")  # a part of the event as it is: kept, not indexed
    equal([f for f in sorted(fields) if not known(mappings, f.split("."))], [])


@test
def what_is_not_json_is_wrapped_and_harms_no_other(folder):
    for kind in ("json", "ecs"):
        with Pair(f"{folder}/{kind}", tls=False) as p:
            p.extra.append("output_format = " + kind)
            p.peer.start()
            p.c.start()
            chain = p.send(1, b'no json "\\ at all', b'{"a":1}', event(4))
            until("4 documents", lambda: len(p.peer.documents) >= 4)
            documents = [json.loads(p.peer.documents[f"{chain.stream}-{n}"]) for n in (2, 3)]
            got = [d["raw_data"] if kind == "json" else d["event"].get("original") for d in documents]
            equal(got[0], "bm8ganNvbiAiXCBhdCBhbGw=")
            equal("refused for good" in p.log(), False)


@test
def items_that_are_answered_429_go_again_alone(folder):
    with Pair(folder, tls=False) as p:
        p.peer.judge = lambda number, source: \
            (429, "es_rejected_execution_exception", "queue is full") \
            if int(number.rsplit("-")[1]) % 7 == 0 and p.peer.creates[number] <= 2 else None
        p.peer.start()
        p.c.start()
        chain = p.send(700)
        p.arrived(chain)
        again = {n for n, times in p.peer.creates.items() if times > 1}
        equal(len(again), 100)
        equal(set(p.peer.creates.values()), {1, 3})
        equal("es_rejected_execution_exception: queue is full" in p.log(), True, p.log())


@test
def what_the_index_never_takes_is_told_once_counted_and_passed_over(folder):
    with Pair(folder, tls=False) as p:
        p.peer.judge = lambda number, source: \
            (400, "mapper_parsing_exception", "failed to parse field [x]\nof type [long]") \
            if b"\"x\"" in source else None
        p.peer.start()
        p.c.start()
        p.send(3, event(4, x="no"), event(5, x="no"), event(6))
        until("4 documents", lambda: len(p.peer.documents) >= 4)
        p.send(2, event(3, x="no"))
        until("6 documents", lambda: len(p.peer.documents) >= 6)
        until("the count", lambda: p.metric("sekimori_output_refused_total") == {p.url: 3})
        equal(p.log().count("refused for good (mapper_parsing_exception: failed to parse field [x] of type"), 1)
        equal(p.log().count("refused for good"), 1)
        equal(max(p.peer.creates.values()), 1)
        status = json.loads(p.c.get("/api/v1/status")[2])["outputs"]
        equal([(o["url"], o["lag"], o["refused"], o["failing"]) for o in status], [(p.url, 0, 3, False)])
        equal("failed to parse field" in status[0]["last_refusal"], True)


@test
def a_busy_server_is_not_asked_before_it_wants_to_be(folder):
    with Pair(folder, tls=False) as p:
        times = []

        def busy(*_):
            times.append(time.monotonic())
            return 429, {"Retry-After": "4"}, {"error": {"type": "x", "reason": "too many requests"}}

        p.peer.plan = [busy]
        p.peer.start()
        p.c.start()
        chain = p.send(5)
        p.arrived(chain)
        equal(time.monotonic() - times[0] >= 4, True)
        equal("429 too many requests: it is busy" in p.log(), True, p.log())


@test
def a_request_that_is_too_large_is_halved(folder):
    with Pair(folder, tls=False) as p:
        p.peer.max_bytes = 20000
        p.peer.start()
        p.c.start()
        chain = p.send(300, event(301, message="大" * 8000), event(302))
        until("301 documents", lambda: len(p.peer.documents) >= 301)
        equal(f"{chain.stream}-301" in p.peer.documents, False)
        until("the count", lambda: p.metric("sekimori_output_refused_total") == {p.url: 1})
        equal("too large for it, alone" in p.log(), True)


@test
def nothing_is_lost_or_twice_when_either_side_is_killed(folder):
    with Pair(folder) as p:
        p.c.start()
        chains = []
        for number in range(5):
            chains.append(p.send(600))
            if number == 0:
                until("a line in the log", lambda: "events wait in the store" in p.log())
                equal("check the port, the firewall and that it runs" in p.log(), True)
            p.peer.start()
            time.sleep(0.2 * number)
            if number % 2:
                p.c.process.kill()
                p.c.process.wait()
                p.c.start()
            else:
                p.peer.stop()
        p.peer.stop()
        p.peer.start()
        p.arrived(*chains)


@test
def a_dead_output_holds_up_no_other(folder):
    with Pair(folder, tls=False) as p:
        p.extra += ["output2 = opensearch+http://127.0.0.1:1/sekimori-dead"]
        p.peer.start()
        p.c.start()
        p.arrived(p.send(500))
        until("the dead one is told", lambda: "Output 'opensearch+http://127.0.0.1:1/sekimori-dead': "
              in p.log())
        until("its lag", lambda: p.metric("sekimori_output_lag_events") ==
              {p.url: 0, "opensearch+http://127.0.0.1:1/sekimori-dead": 500})
        equal(p.metric("sekimori_output_failing"),
              {p.url: 0, "opensearch+http://127.0.0.1:1/sekimori-dead": 1})


@test
def a_wrong_password_is_told_and_a_right_one_needs_no_restart(folder):
    secret = folder + "/secret"
    with Pair(folder) as p:
        p.extra.append(f"output_secret = {secret}")
        p.peer.password = "sekimori:開け:goma"
        p.peer.start()
        p.c.start()
        chain = p.send(4)
        until("no file", lambda: "output_secret '" + secret + "' cannot be used" in p.log())
        with open(secret, "w", encoding="utf-8") as file:
            file.write("sekimori:wrong\n")
        until("refused", lambda: "401 unable to authenticate user: check the user in output_secret" in p.log())
        equal(p.peer.documents, {})
        with open(secret, "w", encoding="utf-8") as file:
            file.write(p.peer.password + "\nsecond line\n")
        p.arrived(chain)
        equal("goma" in p.log(), False, "no secret in the log")


@test
def certificates_are_checked_and_shown(folder):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes", "-keyout", folder + "/evil.key", "-out", folder + "/evil.crt", "-subj", "/CN=x")
    with Pair(folder + "/a") as p:
        p.extra[1] = f"output_ca = {folder}/evil.crt"
        p.peer.start()
        p.c.start()
        p.send(2)
        until("a line in the log", lambda: "not signed by output_ca or does not name it" in p.log())
        equal(p.peer.requests, [])
    with Pair(folder + "/b", client=True) as p:
        p.peer.start()
        p.c.start()
        t = p.c.terminal()
        chain = Chain(t.host).grow(2)
        equal(t.post(chain, 1, 2)[0], 200)
        until("a line in the log", lambda: "events wait in the store" in p.log())
        equal(p.peer.documents, {})
        equal(p.c.stop(), 0)
        t.close()
        p.extra += [f"output_cert = {t.crt}", f"output_key = {t.key}"]
        p.c.start()
        p.arrived(chain)


@test
def answers_that_are_not_of_the_api_take_nothing(folder):
    with Pair(folder, tls=False) as p:
        p.peer.plan = [lambda *_: (200, {}, b"<html>hello"),
                       lambda *_: (200, {}, {"items": []}),
                       lambda *_: (200, {}, {"items": [{"create": {"status": "201"}}] * 3}),
                       lambda *_: (302, {"Location": "http://127.0.0.1:1/"}, b""),
                       lambda *_: (200, {}, b"[" * 100000)]
        p.peer.start()
        p.c.start()
        chain = p.send(3)
        until("all of them", lambda: not p.peer.plan, 90)
        p.arrived(chain)
        equal("check that the URL names OpenSearch" in p.log(), True, p.log())
        equal("302: not an answer of _bulk" in p.log(), True, p.log())


@test
def settings_that_cannot_work_are_refused_with_a_reason(folder):
    for lines, reason in (
            (["output = opensearch+https://a:9200"], "HOST:PORT/INDEX must follow"),
            (["output = opensearch+https://a:9200/Upper"], "small letters"),
            (["output = opensearch+https://u:p@a:9200/x"], "belongs in output_secret"),
            (["output = opensearch+https:///x"], "not a HOST"),
            (["output = opensearch+https://a:9200/x", "output_format = cef"], "does not carry"),
            (["output3 = opensearch+https://a:9200/x", "output3_format = xml"], "'output3_format' is"),
            (["output4 = opensearch+https://a:9200/x", "output4_key = /x"], "go together"),
            (["output = opensearch://a:9200/x"], "none that we know")):
        with Pair(f"{folder}/{os.urandom(4).hex()}") as p:
            p.extra = lines
            p.c.write_config()
            done = subprocess.run([PROGRAM, "--config", p.c.config, "serve"],
                                  capture_output=True, timeout=20)
            equal(done.returncode != 0, True, lines)
            equal(reason in done.stderr.decode(), True, done.stderr)


@test
def an_output_of_its_own_settings_and_of_the_first(folder):
    with Pair(folder) as p:
        other = Bulk(cert=p.c.folder + "/server.crt", key=p.c.folder + "/server.key").start()
        try:
            p.extra += [f"output3 = opensearch+https://127.0.0.1:{other.port}/sekimori-ocsf",
                        "output3_format = ecs"]
            p.peer.start()
            p.c.start()
            chain = p.send(3)
            p.arrived(chain)
            until("the other", lambda: len(other.documents) == 3)
            equal(json.loads(other.documents[f"{chain.stream}-1"])["ecs"], {"version": "8.11.0"})
        finally:
            other.stop()


if __name__ == "__main__":
    sys.exit(main(TESTS, OwnFolder))
