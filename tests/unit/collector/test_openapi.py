#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The API's description and the server, held to each other: every path that the
server knows is described, every described path answers as described, and what
is not described is refused. Prints one line a test and a closing count."""
import base64, http.client, json, os, pathlib, re, shutil, ssl, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from terminal import Chain, Collector, event  # noqa: E402

try:
    import jsonschema
except ImportError:
    jsonschema = None

BUILD = os.environ.get("BUILD", "build")
PROGRAM = BUILD + "/sekimori-collector"
API = json.loads(pathlib.Path("collector/web/static/openapi.json").read_text(encoding="utf-8"))
GIVEN = {"limit": "5", "after": "0", "min_severity": "0", "code": "agent.heartbeat",
         "from": "2026-01-01", "until": "2099-12-31", "state": "requested", "id": "g-1",
         "Last-Event-ID": "0"}
WRONG = {"limit": "1001", "after": "-1", "min_severity": "100", "code": "x" * 65, "from": "2026-13-01",
         "until": "tomorrow", "terminal": None}
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def resolve(thing):
    while "$ref" in thing:
        node = API
        for part in thing["$ref"][2:].split("/"):
            node = node[part]
        thing = node
    return thing


def call(c, method, path, body=None, headers=None, auth=True):
    """(status, headers, the body, of a stream its beginning)."""
    context = ssl.create_default_context(cafile=c.folder + "/ca.crt")
    connection = http.client.HTTPSConnection("127.0.0.1", c.console_port, context=context, timeout=30)
    fields = dict(headers or {})
    if auth:
        fields["Authorization"] = "Basic " + base64.b64encode(f"admin:{c.token}".encode()).decode()
    connection.request(method, path, body, fields)
    reply = connection.getresponse()
    stream = reply.headers["Content-Type"] == "text/event-stream"
    data = reply.read1(65536) if stream else reply.read()
    connection.close()
    return reply.status, reply.headers, data


def holds(schema, value):
    """`value` is what `schema` says, with the references of the whole file."""
    jsonschema.Draft202012Validator(schema | {"components": API["components"]}).validate(value)


def operations():
    for path, methods in API["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def question(operation, host, **more):
    parts, headers = [], {}
    for parameter in map(resolve, operation.get("parameters", [])):
        name = parameter["name"]
        value = more.get(name, GIVEN.get(name, host))
        if parameter["in"] == "header":
            headers[name] = value
        else:
            parts.append(f"{name}={value}")
    return ("?" + "&".join(parts) if parts else ""), headers


@test
def every_path_of_the_server_is_described(c, host):
    source = pathlib.Path("collector/console.c").read_text(encoding="utf-8")
    known = set(re.findall(r'"(/api/v1/[^"]+)"', source))
    equal(known, set(API["paths"]))


@test
def every_described_path_answers_as_described(c, host):
    for path, method, operation in operations():
        if method != "GET":
            continue
        asked, headers = question(operation, host)
        status, got, data = call(c, method, path + asked, headers=headers)
        equal(status, 200, path)
        content = operation["responses"]["200"]["content"]
        equal([got["Content-Type"]], list(content), path)
        schema = next(iter(content.values()))["schema"]
        if got["Content-Type"] == "application/json":
            holds(schema, json.loads(data))
            asked, headers = question(operation, host, code="", id="", state="")
            whole = json.loads(call(c, method, path + asked, headers=headers)[2])
            holds(schema, whole)
            if path in ("/api/v1/terminals", "/api/v1/events", "/api/v1/requests"):
                equal(len(next(iter(whole.values()))) > 0, True, path + " has rows")


@test
def a_stream_and_a_download_hold_events(c, host):
    schema = {"$ref": "#/components/schemas/Event"}
    lines = call(c, "GET", f"/api/v1/events.ndjson?terminal={host}")[2].decode().splitlines()
    equal(len(lines), 4)
    for line in lines:
        holds(schema, json.loads(line))
    stream = call(c, "GET", f"/api/v1/events/stream?terminal={host}&after=0")[2].decode()
    events = re.findall(r"^data: (.*)$", stream, re.M)
    equal(len(events) > 0, True, "something streams")
    for data in events:
        holds(schema, json.loads(data))


@test
def what_is_not_as_described_is_refused(c, host):
    for path, method, operation in operations():
        equal(call(c, method, path, b"" if method == "POST" else None, auth=False)[0], 401,
              path + " without login")
        for parameter in map(resolve, operation.get("parameters", [])):
            wrong = WRONG.get(parameter["name"])
            if wrong is None:
                continue
            status, headers, _ = call(c, method, f"{path}?{parameter['name']}={wrong}")
            equal(status, 400, f"{path} {parameter['name']}={wrong}")
            equal("400" in operation["responses"], True, path)
    equal(call(c, "GET", "/api/v1/grants")[0], 400, "a required argument is missing")
    equal(call(c, "POST", "/api/v1/grants", b"x", {"Content-Type": "text/plain"})[0], 415)
    equal(call(c, "POST", "/api/v1/grants", b"x", {"Content-Type": "application/jose"})[0], 400)
    equal(call(c, "POST", "/api/v1/grants", b"x" * 100000,
               {"Content-Type": "application/jose"})[0], 413)
    for path in API["paths"]:
        for method in ("PUT", "DELETE") + (() if path == "/api/v1/grants" else ("POST",)):
            equal(call(c, method, path)[0], 405, f"{method} {path}")
    equal(call(c, "GET", "/api/v1/nothing")[0], 404)


@test
def the_server_gives_its_own_description(c, host):
    status, headers, data = call(c, "GET", "/static/openapi.json")
    equal((status, headers["Content-Type"]), (200, "application/json"))
    equal(json.loads(data), API)
    equal(API["openapi"], "3.1.0")


def make_town(c):
    terminal = c.terminal()
    chain = Chain(terminal.host)
    for seq, code in enumerate(("agent.start", "agent.heartbeat", "usb.device.blocked"), 1):
        chain.append(event(seq, metadata={"version": "1.8.0", "event_code": code, "sequence": seq},
                           sekimori={"health": {"tier": "T1", "mode": "enforce"}}))
    chain.append(event(4, class_uid=3004, sekimori={"grant": {"id": "g-1", "state": "requested",
                                                              "access": "read-only", "minutes": 30}},
                       metadata={"version": "1.8.0", "event_code": "grant.requested",
                                 "sequence": 4}))
    equal(terminal.post(chain, 1, 4)[0], 200)
    return terminal.host


def main():
    if not os.path.exists(PROGRAM):
        print(f"not ok 1 - {PROGRAM} is not built\n0 passed, 1 failed, 0 skipped")
        return 1
    if not jsonschema:
        print("ok 1 - openapi # SKIP python3-jsonschema is not installed\n"
              "0 passed, 0 failed, 1 skipped")
        return 0
    folder = tempfile.mkdtemp(prefix="openapi-")
    collector = Collector(PROGRAM, folder + "/c").start()
    host = make_town(collector)
    failed = 0
    for number, function in enumerate(TESTS, 1):
        try:
            function(collector, host)
            print(f"ok {number} - {function.__name__}", flush=True)
        except Exception as problem:  # noqa: BLE001: one failed test of many
            print(f"not ok {number} - {function.__name__}: {problem!r}"[:600], flush=True)
            failed += 1
    if collector.stop() != 0:
        print("not ok - the collector ends without an error (or a leak)")
        failed += 1
    shutil.rmtree(folder)
    print(f"{len(TESTS) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
