#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The grant desk on the collector: what terminals asked for is listed, what a
person signs reaches the inbox of the one terminal, byte for byte, and nothing
else does. Keys and signatures are looked at with the openssl program."""
import base64, http.client, json, os, re, shutil, ssl, subprocess, sys, tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from terminal import Chain, Collector, event, run  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
DESK = BUILD + "/sekimori-desk"
DEVICE = "usb:q0WZk+Abc/="
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def told(seq, ident, code, state, **more):
    grant = {"id": ident, "state": state, "user": "s012345", "device": DEVICE,
             "access": "read-only", "reason": "data-return", "requester": "s012345",
             "minutes": 30} | more.pop("grant", {})
    return event(seq, class_uid=3004, comment="返戻データ",
                 metadata={"version": "1.8.0", "event_code": code, "sequence": seq,
                           "correlation_uid": "plug-1"},
                 sekimori={"grant": grant}, **more)


class Asking:
    """A terminal with a stream of its own."""

    def __init__(self, c, **options):
        self.terminal = c.terminal(**options)
        self.chain = Chain(self.terminal.host)

    def tell(self, ident, code, state, **more):
        seq = len(self.chain.records) + 1
        self.chain.append(told(seq, ident, code, state, **more))
        equal(self.terminal.post(self.chain, seq, seq)[0], 200, "delivered")

    def inbox(self):
        lines = self.terminal.call("GET", "/v1/inbox")[2].decode().splitlines()
        return [t for line in lines if line.startswith("grants.jws ") for t in line.split(" ")[1:]]


def key_of(c, name):
    path = f"{c.folder}.{name}.pem"
    if not os.path.exists(path):
        run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-out", path)
    return path


def desk(c, *words, token=None):
    secret = c.folder + ".token"
    with open(secret, "w", encoding="utf-8") as file:
        file.write((token or c.token) + "\n")
    return subprocess.run(
        [DESK, "--config", "/dev/null", "--collector", f"https://127.0.0.1:{c.console_port}",
         "--ca", c.folder + "/ca.crt", "--token-file", secret, *words],
        capture_output=True, text=True, env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]})


def payload(text):
    part = text.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()


def is_signed_by(c, text, key):
    head, body, signature = text.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    number = lambda b: (b"\0" if b[0] & 128 else b"") + b
    parts = b"".join(b"\x02" + bytes([len(x)]) + x
                     for x in (number(raw[:32].lstrip(b"\0")), number(raw[32:].lstrip(b"\0"))))
    paths = [f"{c.folder}.{n}" for n in ("pub", "sig")]
    run("openssl", "pkey", "-in", key, "-pubout", "-out", paths[0])
    with open(paths[1], "wb") as file:
        file.write(b"\x30" + bytes([len(parts)]) + parts)
    return subprocess.run(["openssl", "dgst", "-sha256", "-verify", paths[0], "-signature", paths[1]],
                          input=f"{head}.{body}".encode(), capture_output=True).returncode == 0


def post(c, text, kind="application/jose", auth=True, path="/api/v1/grants"):
    context = ssl.create_default_context(cafile=c.folder + "/ca.crt")
    connection = http.client.HTTPSConnection("127.0.0.1", c.console_port, context=context, timeout=30)
    headers = {"Content-Type": kind}
    if auth:
        headers["Authorization"] = "Basic " + base64.b64encode(f"admin:{c.token}".encode()).decode()
    connection.request("POST", path, text, headers)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, body


@test
def a_request_is_listed_and_its_grant_reaches_its_terminal(c):
    one, other = Asking(c), Asking(c)
    one.tell("g-0000000000000001", "grant.requested", "requested")
    listed = desk(c, "list")
    equal(listed.returncode, 0, listed.stderr)
    equal("g-0000000000000001" in listed.stdout, True, listed.stdout)
    key = key_of(c, "helpdesk")
    done = desk(c, "approve", "g-0000000000000001", "--key", key, "--minutes", "15")
    equal(done.returncode, 0, done.stderr)
    equal(done.stderr, "g-0000000000000001: user s012345  read-only, 15 minutes, 1 times\n")
    texts = one.inbox()
    equal(len(texts), 1)
    equal(is_signed_by(c, texts[0], key), True)
    lines = dict(line.split(" ", 1) for line in payload(texts[0]).splitlines()[:-1])
    equal(lines["action"], "grant")
    equal(lines["terminal"], one.terminal.host)
    equal((lines["user"], lines["device"], lines["access"]), ("s012345", DEVICE, "read-only"))
    equal((lines["minutes"], lines["uses"], lines["note"]), ("15", "1", "返戻データ"))
    equal(other.inbox(), [])
    # The same once more is the same
    equal(post(c, texts[0])[0], 202)
    equal(one.inbox(), texts)


@test
def state_follows_the_events(c):
    one = Asking(c)
    ident = "g-0000000000000002"
    state = lambda: json.loads(desk(c, "--json", "show", ident).stdout)
    one.tell(ident, "grant.requested", "requested")
    equal(state()["state"], "requested")
    # A grant that the terminal refused is no answer
    one.tell(ident, "grant.refused", "refused", status_code="SKM-G-0409",
             status_detail="more people must approve it")
    equal((state()["state"], state()["refusal"]), ("requested", "more people must approve it"))
    for code, name in (("grant.granted", "active"), ("grant.suspended", "suspended"),
                       ("grant.resumed", "active"), ("grant.ended", "ended")):
        one.tell(ident, code, name)
        equal(state()["state"], name)
        equal("refusal" in state(), False)
    equal(desk(c, "approve", ident, "--key", key_of(c, "helpdesk")).returncode, 1)
    one.tell("g-0000000000000003", "grant.requested", "requested")
    one.tell("g-0000000000000003", "grant.refused", "refused", status_code="SKM-G-0412",
             status_detail="公用の媒体を")
    equal(json.loads(desk(c, "--json", "show", "g-0000000000000003").stdout)["state"], "denied")
    # Only what is not over, unless all is asked for
    equal("g-0000000000000003" in desk(c, "list").stdout, False)
    equal("g-0000000000000003" in desk(c, "list", "--all").stdout, True)


@test
def two_people_sign_the_same_bytes(c):
    one = Asking(c)
    ident = "g-0000000000000004"
    one.tell(ident, "grant.requested", "requested", grant={"access": "read-write"})
    first, second = key_of(c, "a1"), key_of(c, "a2")
    equal(desk(c, "approve", ident, "--key", first, "--uses", "2").returncode, 0)
    # The second meant less than the first signed: nothing is signed
    other = desk(c, "approve", ident, "--key", second, "--minutes", "10")
    equal(other.returncode, 1, other.stderr)
    equal(len(one.inbox()), 1)
    equal(desk(c, "approve", ident, "--key", second).returncode, 0)
    texts = one.inbox()
    equal(len(texts), 2)
    equal(payload(texts[0]), payload(texts[1]))
    equal([is_signed_by(c, texts[0], first), is_signed_by(c, texts[1], second)], [True, True])


@test
def denials_and_revocations_are_signed_too(c):
    one = Asking(c)
    one.tell("g-0000000000000005", "grant.requested", "requested")
    key = key_of(c, "helpdesk")
    equal(desk(c, "deny", "g-0000000000000005", "--key", key).returncode, 1, "a reason is needed")
    equal(desk(c, "deny", "g-0000000000000005", "--key", key, "--reason", "使えません").returncode, 0)
    equal(desk(c, "revoke", "g-0000000000000005", "--key", key, "--reason", "終了").returncode, 0)
    actions = [payload(t).splitlines()[1] for t in one.inbox()]
    equal(actions, ["action deny", "action revoke"])


@test
def anything_else_is_refused_and_changes_nothing(c):
    one = Asking(c)
    one.tell("g-0000000000000006", "grant.requested", "requested")
    key = key_of(c, "helpdesk")
    equal(desk(c, "approve", "g-0000000000000006", "--key", key).returncode, 0)
    good = one.inbox()[0]
    for text, kind, status in (
            (good, "text/plain", 415), (good, "application/x-www-form-urlencoded", 415),
            ("", "application/jose", 400), ("a.b.c", "application/jose", 400),
            (good + ".x", "application/jose", 400), (good + " " + good, "application/jose", 400),
            (good.split(".")[0] + ".e30." + good.split(".")[2], "application/jose", 400),
            ("a" * 9000, "application/jose", 413)):
        equal(post(c, text, kind)[0], status, text[:20] + kind)
    equal(post(c, good, auth=False)[0], 401)
    equal(post(c, good, path="/api/v1/events")[0], 405)
    equal(one.inbox(), [good])
    equal(desk(c, "list", token="wrong").returncode, 1)
    for words in (("show", "../x"), ("show",), ("approve", "g-0000000000000006", "--minutes", "0x1"),
                  ("frob",), ("list", "x"), ()):
        equal(desk(c, *words).returncode, 2, words)
    equal(desk(c, "show", "g-00000000000000ff").returncode, 1)
    equal(desk(c, "approve", "g-0000000000000006").returncode, 1, "no key")


def key_of_hex(c, name, digits):
    """SEC 1's private key as PEM, so that the page's vectors can be used."""
    path = f"{c.folder}.{name}.pem"
    der = bytes.fromhex("30310201010420" + digits + "a00a06082a8648ce3d030107")
    run("openssl", "ec", "-inform", "DER", "-out", path, input=der)
    return path


@test
def codes_are_those_of_the_page(c):
    page = open("pkg/man/sekimori.code.7", encoding="utf-8").read()
    vector = lambda name: re.search(rf"^{name} (\S+)$", page, re.M).group(1)
    one = Asking(c, host=vector("terminal"))
    seq = 1
    for point in ("not-a-point", vector("terminal-public")):  # the newest counts
        one.chain.append(event(seq, class_uid=6002, sekimori={"agent": {"code_key": point}},
                               metadata={"version": "1.8.0", "event_code": "agent.start",
                                         "sequence": seq}))
        equal(one.terminal.post(one.chain, seq, seq)[0], 200)
        seq += 1
    keys = {level: key_of_hex(c, level, vector(f"desk-private {level}"))
            for level in ("helpdesk", "approver")}
    codes = re.findall(r"^code (\w+) (\S+) (\S+) (\d+) (\d+) (\S+)$", page, re.M)
    equal(len(codes) > 5, True)
    for level, receipt, access, minutes, uses, code in codes:
        words = ["--approver"] if level == "approver" else []
        done = desk(c, "code", receipt, "--terminal", one.terminal.host, "--access", access,
                    "--minutes", minutes, "--uses", uses, "--key", keys[level], *words)
        equal(done.stdout, code + "\n", done.stderr)
    words = ["code", "EYGB-13JG-B", "--key", keys["helpdesk"]]
    equal(desk(c, *words).returncode, 1, "which terminal?")
    equal(desk(c, *words, "--terminal", "f" * 32).returncode, 1, "no key of it")
    words += ["--terminal", one.terminal.host]
    for bad in (["--minutes", "31"], ["--minutes", "645"], ["--uses", "9"], ["--access", "all"]):
        equal(desk(c, *words, *bad).returncode, 1, bad)
    words[1] = "EYGB-13JG-C"
    equal(desk(c, *words).returncode, 1, "misheard")


@test
def the_oldest_go_when_there_are_too_many(c):
    one = Asking(c)
    key = key_of(c, "helpdesk")
    one.tell("g-0000000000000007", "grant.requested", "requested")
    for _ in range(66):
        equal(desk(c, "revoke", "g-0000000000000007", "--key", key, "--reason", "x").returncode, 0)
    equal(len(one.inbox()), 64)


@test
def what_a_terminal_says_drives_no_screen(c):
    one = Asking(c)
    one.tell("g-0000000000000008", "grant.requested", "requested",
             peripheral_device={"name": "evil\u009b31m"})
    listed = desk(c, "list")
    equal("\x1b" in listed.stdout or "\x9b" in listed.stdout, False)


def main():
    names = sys.argv[1:]
    passed = failed = 0
    folder = tempfile.mkdtemp(prefix="desk-")
    collector = Collector(BUILD + "/sekimori-collector", folder + "/c").start()
    for function in TESTS:
        if names and function.__name__ not in names:
            continue
        try:
            function(collector)
            print(f"ok - {function.__name__}", flush=True)
            passed += 1
        except Exception as problem:  # noqa: BLE001: one failed test of many
            print(f"not ok - {function.__name__}: {problem!r}", flush=True)
            failed += 1
    if collector.stop() != 0:
        print("not ok - the collector ends without an error")
        failed += 1
    if failed:
        print(open(collector.log, encoding="utf-8").read()[-3000:])
    shutil.rmtree(folder)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
