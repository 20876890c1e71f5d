#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The collector as a terminal and an administrator see it: a real process, real
TLS, real kills. Prints one line a test and a closing count."""
import base64, gzip, hashlib, http.client, json, os, random, re, shutil, signal, socket, sqlite3, ssl
import subprocess, sys, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import BUILD, OneCollector, PROGRAM, Skip, equal, main  # noqa: E402
from terminal import Chain, Collector, Terminal, event, link, origin, request_body, run  # noqa: E402

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def ask(c, user, token, method="GET", path="/api/v1/terminals", body=None, kind=None):
    context = ssl.create_default_context(cafile=c.folder + "/ca.crt")
    connection = http.client.HTTPSConnection("127.0.0.1", c.console_port, context=context, timeout=30)
    headers = {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}
    connection.request(method, path, body, headers | ({"Content-Type": kind} if kind else {}))
    reply = connection.getresponse()
    data = reply.read()
    connection.close()
    return reply.status, data


class Tail:
    """A reader of the live tail; `last` is the id of what it had last."""

    def __init__(self, c, query, had=None):
        context = ssl.create_default_context(cafile=c.folder + "/ca.crt")
        self.connection = http.client.HTTPSConnection("127.0.0.1", c.console_port, context=context,
                                                      timeout=30)
        key = base64.b64encode(f"admin:{c.token}".encode()).decode()
        headers = {"Authorization": "Basic " + key} | ({"Last-Event-ID": had} if had else {})
        self.connection.request("GET", "/api/v1/events/stream?" + query, headers=headers)
        self.reply = self.connection.getresponse()
        equal((self.reply.status, self.reply.headers["Content-Type"]), (200, "text/event-stream"))
        self.last = had

    def next(self):
        while True:
            line = self.reply.readline()
            if not line:
                raise EOFError("the tail ended")
            if line.startswith(b"id: "):
                self.last = line[4:].strip().decode()
            if line.startswith(b"data: "):
                return json.loads(line[6:])

    def close(self):
        self.connection.close()


# ---- enrolment --------------------------------------------------------------

@test
def init_changes_nothing_the_second_time(c):
    before = open(c.folder + "/ca.crt", "rb").read()
    done = subprocess.run([PROGRAM, "init", "--dir", c.folder, "--host", "x"], capture_output=True)
    equal(done.returncode, 1)
    equal(open(c.folder + "/ca.crt", "rb").read(), before)


@test
def secrets_are_for_the_owner_only(c):
    for name in ("ca.key", "server.key", "collector.db"):
        equal(os.stat(f"{c.folder}/{name}").st_mode & 0o77, 0, name)
    stored = open(c.folder + "/collector.db", "rb").read()
    equal(c.token.encode() in stored, False, "console token in the store")


@test
def cacerts_is_the_ca_that_the_pin_names(c):
    status, headers, data = Terminal(c).call("GET", "/.well-known/est/cacerts")
    equal(status, 200)
    equal(headers["Content-Type"], "application/pkcs7-mime; smime-type=certs-only")
    pem = run("openssl", "pkcs7", "-inform", "DER", "-print_certs", input=base64.b64decode(data))
    key = run("openssl", "x509", "-pubkey", "-noout", input=pem)
    der = run("openssl", "pkey", "-pubin", "-outform", "DER", input=key)
    equal(run("openssl", "dgst", "-sha256", "-r", input=der).split()[0].decode(), c.pin)


@test
def a_token_enrolls_once(c):
    token = c.enroll_token()
    equal(Terminal(c).enroll(token), 200)
    equal(Terminal(c).enroll(token), 401)
    equal(Terminal(c).enroll("8q6tr-7a28p-q25n0-aexjz-rd9wf"), 401)
    status, headers, _ = Terminal(c).call("POST", "/.well-known/est/simpleenroll", b"x")
    equal(status, 401)
    equal("Basic" in headers["WWW-Authenticate"], True)


@test
def a_token_whose_answer_was_lost_serves_its_key_again(c):
    for words in ((), ("--count", "1", "--reenrol")):
        token, t = c.enroll_token(*words), Terminal(c)
        equal(t.enroll(token), 200)
        equal(t.enroll(token), 200, "the same key")
        equal(t.post(Chain(t.host).grow(1), 1, 1)[0], 200)
        equal(Terminal(c, host=t.host).enroll(token), 401, "another key of the terminal")
        c.command("revoke", "--terminal", t.host)
        equal(t.enroll(token), 401, "not after it was revoked")


@test
def the_certificate_is_short_and_for_clients(c):
    t = c.terminal()
    shown = run("openssl", "x509", "-in", t.crt, "-noout", "-text").decode()
    for piece in (f"URI:urn:agent:999999:{t.host}", "TLS Web Client Authentication", "CA:FALSE"):
        equal(piece in shown, True, piece)
    run("openssl", "verify", "-CAfile", c.folder + "/ca.crt", "-purpose", "sslclient", t.crt)
    run("openssl", "x509", "-in", t.crt, "-checkend", str(89 * 86400))
    done = subprocess.run(["openssl", "x509", "-in", t.crt, "-checkend", str(91 * 86400)],
                          capture_output=True)
    equal(done.returncode, 1, "ends within 91 days")


@test
def only_good_requests_are_signed(c):
    token = c.enroll_token()
    host = os.urandom(16).hex()
    bad = {
        "rsa": Terminal(c, key=["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
        "p384": Terminal(c, key=["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        "dns name": Terminal(c, name="DNS:example.jp"),
        "two names": Terminal(c, name=f"URI:urn:agent:999999:{host},DNS:a"),
        "upper case": Terminal(c, name=f"URI:urn:agent:999999:{host.upper()[:31]}A"),
        "short id": Terminal(c, name="URI:urn:agent:999999:abc"),
        "bad tenant": Terminal(c, name=f"URI:urn:agent:9 9:{host}"),
    }
    for what, terminal in bad.items():
        equal(terminal.enroll(token), 400, what)
    good = Terminal(c)
    csr = bytearray(good.csr())
    csr[-3] ^= 1
    equal(good.enroll(token, csr=bytes(csr)), 400, "proof of possession")
    equal(good.enroll(token, csr=b"garbage"), 400, "garbage")
    equal(good.enroll(token, csr=good.csr() + b"x"), 400, "trailing octet")
    equal(good.enroll(token, csr=b"x" * 20000), 413, "too large")
    equal(good.enroll(token), 200, "the token was not spent by refusals")


@test
def nobody_enrols_under_the_collectors_own_id(c):
    name = open(c.folder + "/log.vkey", encoding="utf-8").read().split("+")[0]
    own = hashlib.sha256(b"sekimori-collector\n" + name.encode()).hexdigest()[:32]
    token = c.enroll_token()
    equal(Terminal(c, host=own).enroll(token), 403)
    equal(Terminal(c).enroll(token), 200, "the token was not spent")


@test
def an_ed25519_key_enrolls_and_sends(c):
    t = c.terminal(key=["ED25519"])
    equal(t.post(Chain(t.host).grow(1), 1, 1)[0], 200)


@test
def another_key_for_an_enrolled_terminal_is_a_conflict(c):
    t = c.terminal()
    token = c.enroll_token()
    thief = Terminal(c, host=t.host)
    equal(thief.enroll(token), 409)
    equal(Terminal(c).enroll(token), 200, "the token was not spent")
    equal(t.enroll(c.enroll_token()), 200, "the same key may enroll again")
    page = c.get("/?lang=en")[2].decode()
    equal("Another key asked" in page, True)

    heir = Terminal(c, host=t.host)
    equal(heir.enroll(c.enroll_token("--reenrol")), 200)
    equal(heir.post(Chain(t.host).grow(1), 1, 1)[0], 200)
    equal(t.post(Chain(t.host).grow(1), 1, 1)[0], 403, "the replaced certificate")


@test
def a_certificate_renews_its_own_name_only(c):
    t = c.terminal()
    old = open(t.crt).read()
    other = Terminal(c)
    equal(t.enroll("", csr=other.csr(), path="simplereenroll"), 403)
    equal(t.enroll("", path="simplereenroll"), 200)
    equal(open(t.crt).read() != old, True, "a new certificate")
    equal(t.post(Chain(t.host).grow(1), 1, 1)[0], 200)
    equal(Terminal(c).enroll("", path="simplereenroll"), 401, "no certificate")


def forge(c, t, ends, issuer=None):
    """A certificate as the CA would have made it, with another end."""
    base = c.folder + "/" + (issuer or "ca")
    with open(t.base + ".ext", "w") as file:
        file.write(f"subjectAltName=URI:urn:agent:999999:{t.host}\n"
                   "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                   "extendedKeyUsage=clientAuth\nsubjectKeyIdentifier=hash\n"
                   "authorityKeyIdentifier=keyid\n")
    csr = run("openssl", "req", "-new", "-key", t.key, "-subj", "/CN=x")
    with open(t.base + ".csr", "wb") as file:
        file.write(csr)
    os.makedirs(t.base + ".d", exist_ok=True)
    for name, content in (("index", ""), ("serial", os.urandom(8).hex())):
        with open(f"{t.base}.d/{name}", "w") as file:
            file.write(content)
    with open(t.base + ".cnf", "w") as file:
        file.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={t.base}.d/index\nserial={t.base}.d/serial\n"
                   f"new_certs_dir={t.base}.d\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
    start = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() - 300 * 86400))
    end = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + ends * 86400))
    run("openssl", "ca", "-batch", "-notext", "-config", t.base + ".cnf", "-cert", base + ".crt",
        "-keyfile", base + ".key", "-in", t.base + ".csr", "-out", t.crt, "-extfile",
        t.base + ".ext", "-startdate", start, "-enddate", end)


def remember(c, t):
    """The store knows the forged certificate, as one that it has issued."""
    serial = run("openssl", "x509", "-in", t.crt, "-noout", "-serial").decode()
    with sqlite3.connect(c.folder + "/collector.db", timeout=20) as db:
        db.execute("INSERT INTO certs(serial, host, tenant, key_hash, issued_ms, ends_ms)"
                   " VALUES(?, ?, '999999', x'00', 0, 0)",
                   (serial.strip().split("=")[1].lower(), t.host))
    db.close()


@test
def an_expired_certificate_may_only_renew_and_not_for_ever(c):
    t = Terminal(c)
    forge(c, t, -1)
    remember(c, t)
    equal(t.post(Chain(t.host).grow(1), 1, 1)[0], 403)
    equal(t.enroll("", path="simplereenroll"), 200)
    equal(t.post(Chain(t.host).grow(1), 1, 1)[0], 200)
    t = Terminal(c)
    forge(c, t, -181)
    equal(t.enroll("", path="simplereenroll"), 403)


@test
def no_other_certificate_opens_the_door(c):
    t = Terminal(c)
    chain = Chain(t.host).grow(1)
    equal(t.post(chain, 1, 1)[0], 401, "none")

    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes", "-keyout", c.folder + "/evil.key", "-out", c.folder + "/evil.crt",
        "-subj", "/O=情報市/CN=Sekimori CA", "-utf8")
    forge(c, t, 30, issuer="evil")
    equal(t.post(chain, 1, 1)[0], 401, "another CA of the same name")

    # The server's own certificate is of our CA, but not for clients.
    shutil.copy(c.folder + "/server.crt", t.crt)
    shutil.copy(c.folder + "/server.key", t.key)
    t.close()
    equal(t.post(chain, 1, 1)[0], 401, "the server's certificate")
    shutil.copy(c.folder + "/ca.crt", t.crt)
    shutil.copy(c.folder + "/ca.key", t.key)
    t.close()
    try:
        equal(t.post(chain, 1, 1)[0], 401, "the CA's certificate")
    except (OSError, http.client.HTTPException):
        pass  # TLS refused it already: its key may only sign certificates


@test
def a_revoked_terminal_neither_sends_nor_renews(c):
    t = c.terminal()
    chain = Chain(t.host).grow(2)
    equal(t.post(chain, 1, 1)[0], 200)
    c.command("revoke", "--terminal", t.host)
    equal(t.post(chain, 2, 2)[0], 403)
    equal(t.enroll("", path="simplereenroll"), 403)
    equal(len(c.events(f"&terminal={t.host}")), 1)


@test
def a_certificate_the_store_does_not_know_is_not_renewed(c):
    """A store put back from a backup forgot what was issued, and revoked, since."""
    t = c.terminal()
    with sqlite3.connect(c.folder + "/collector.db", timeout=20) as db:
        db.execute("DELETE FROM certs WHERE host = ?", (t.host,))
    db.close()
    equal(t.post(Chain(t.host).grow(1), 1, 1)[0], 200, "what it has to tell is still heard")
    old = open(t.crt).read()
    equal(t.enroll("", path="simplereenroll"), 403)
    equal(t.enroll("", path="simplereenroll"), 403)
    equal(open(t.crt).read(), old)
    equal(c.terminals()[t.host]["incidents"], 1)
    equal("does not know tried to renew" in c.get("/?lang=en")[2].decode(), True)
    equal(t.enroll(c.enroll_token()), 200, "an operator's token lets it in again")
    equal(t.enroll("", path="simplereenroll"), 200)


@test
def a_backup_is_whole_and_a_restored_store_says_what_it_is(c):
    kept, late, freed = c.terminal(), c.terminal(), c.terminal()
    chains = {t: Chain(t.host).grow(6) for t in (kept, late, freed)}
    for t in (kept, freed):
        equal(t.post(chains[t], 1, 3)[0], 200)
    copy = c.folder + ".copy"
    c.command("backup", copy)
    for name in os.listdir(copy):
        equal(os.stat(f"{copy}/{name}").st_mode & 0o777, 0o600, name)
    equal(os.stat(copy).st_mode & 0o777, 0o700)
    done = subprocess.run([PROGRAM, "--config", c.config, "backup", copy], capture_output=True)
    equal(done.returncode, 1, "it is there already")
    done = subprocess.run([PROGRAM, "--config", c.config, "restore", copy], capture_output=True)
    equal((done.returncode, b"" if not done.stdout else done.stdout), (1, b""), "not over a store")
    for t in (kept, freed):
        equal(t.post(chains[t], 4, 5)[0], 200)
    equal(kept.enroll("", path="simplereenroll"), 200)  # a certificate after the backup

    new = object.__new__(Collector)
    new.__dict__ = c.__dict__ | {"folder": c.folder + ".new", "log": c.folder + ".new.log",
                                 "config": c.folder + ".new.conf", "process": None, "port": 0,
                                 "console_port": 0}
    said = new.command("restore", copy)
    equal(("BEFORE YOU START" in said or "始める前に" in said, "revoke --terminal" in said),
          (True, True), "what must be done again")
    new.start()
    try:
        for t in (kept, freed):
            t.close()
            t.collector = new
        status, headers, _ = kept.post(chains[kept], 6, 6)
        equal((status, headers["X-Agent-Expect"]), (409, f"{chains[kept].stream}:3"))
        equal(kept.post(chains[kept], 4, 6)[0], 200, "it sends again")
        equal(freed.post(chains[freed], 6, 6, headers={"X-Agent-Lost": "4-5"})[0], 200)
        page = new.get("/?lang=en")[2].decode()
        equal(("restored from a backup" in page, "Events were lost" in page), (True, True))
        equal(new.terminals()[freed.host]["incidents"], 1)
        equal(kept.enroll("", path="simplereenroll"), 403, "unknown here")
        equal(freed.enroll("", path="simplereenroll"), 200, "known from before")
        with open(new.folder + ".ndjson", "w", encoding="utf-8") as file:
            file.write(new.command("export", "--proof"))
        new.command("verify", new.folder + ".ndjson")
    finally:
        new.stop()


@test
def incidents_of_one_terminal_are_bounded(c):
    t = c.terminal()
    for _ in range(80):
        chain = Chain(t.host).grow(2)
        status, _, _ = t.post(chain, 2, 2, headers={"X-Agent-Lost": "1-1"})
        equal(status, 200)
    shown = c.terminals()[t.host]["incidents"]
    equal(64 <= shown <= 64 + 8, True, str(shown))
    with sqlite3.connect(c.folder + "/collector.db", timeout=20) as db:
        told = db.execute("SELECT sum(count) FROM incidents WHERE host = ? AND kind ="
                          " 'stream.lost'", (t.host,)).fetchone()[0]
    db.close()
    equal(told, 80, "each is counted")


@test
def tls_1_2_is_refused(c):
    t = Terminal(c)
    context = t.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    for port in (c.port, c.console_port):
        with socket.create_connection(("127.0.0.1", port)) as raw:
            try:
                context.wrap_socket(raw, server_hostname="127.0.0.1").close()
            except (ssl.SSLError, ConnectionError):
                continue
            raise AssertionError(f"port {port} speaks TLS 1.2")


@test
def half_a_handshake_costs_no_processor_and_ends(c):
    def used():
        words = open(f"/proc/{c.process.pid}/stat", encoding="utf-8").read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    # A record of 512 octets that begins as a ClientHello, and stops.
    begun = [socket.create_connection(("127.0.0.1", port))
             for port in (c.port, c.console_port) for _ in range(20)]
    for one in begun:
        one.send(bytes.fromhex("160301020001 0001fc0303"))
    time.sleep(0.5)
    before = used()
    time.sleep(2)
    taken = used() - before
    if taken > 0.2:
        raise AssertionError(f"{taken:.2f} s of processor time in 2 s")
    for one in begun:
        one.settimeout(20)
        try:
            equal(one.recv(1), b"", "cut off")
        except ConnectionError:
            pass
        one.close()
    equal(c.get("/healthz", auth=None)[0], 200)


# ---- events -----------------------------------------------------------------

@test
def what_was_sent_is_what_is_stored(c):
    t = c.terminal()
    chain = Chain(t.host).grow(30)
    status, headers, body = t.post(chain, 1, 30, coding="gzip")
    equal((status, headers["X-Agent-Ack"], body), (200, f"{chain.stream}:30", b""))
    equal("zstd" in headers["Accept-Encoding"], True)
    rows = c.events(f"&terminal={t.host}")
    equal([r["seq"] for r in rows], list(range(1, 31)))
    for row, record, digest in zip(rows, chain.records, chain.hashes[1:]):
        equal(row["event"], json.loads(record[4]))
        equal(row["hash"], digest.hex())
        equal((row["stream"], row["unit"], row["code"]),
              (chain.stream, "市民課", "usb.device.allowed"))


@test
def each_coding_is_understood(c):
    t = c.terminal()
    chain = Chain(t.host).grow(3)
    equal(t.post(chain, 1, 1)[0], 200)
    equal(t.post(chain, 2, 2, headers={"Content-Encoding": "identity"})[0], 200)
    equal(t.post(chain, 3, 3, coding="gzip")[0], 200)


@test
def zstd_is_understood(c):
    if not shutil.which("zstd"):
        raise Skip("no zstd program")
    t = c.terminal()
    chain = Chain(t.host).grow(200)
    equal(t.post(chain, 1, 200, coding="zstd")[0], 200)
    equal(len(c.events(f"&terminal={t.host}")), 200)


@test
def repeats_are_acknowledged_and_stored_once(c):
    t = c.terminal()
    chain = Chain(t.host).grow(10)
    for first, last, ack in ((1, 4, 4), (1, 4, 4), (3, 7, 7), (2, 3, 7), (1, 10, 10), (10, 10, 10)):
        status, headers, _ = t.post(chain, first, last)
        equal((status, headers["X-Agent-Ack"]), (200, f"{chain.stream}:{ack}"))
    equal([r["seq"] for r in c.events(f"&terminal={t.host}")], list(range(1, 11)))


@test
def a_gap_is_named_and_nothing_is_stored(c):
    t = c.terminal()
    chain = Chain(t.host).grow(9)
    equal(t.post(chain, 1, 3)[0], 200)
    status, headers, _ = t.post(chain, 5, 9)
    equal((status, headers["X-Agent-Expect"]), (409, f"{chain.stream}:3"))
    equal("X-Agent-Ack" in headers, False)
    equal(len(c.events(f"&terminal={t.host}")), 3)
    equal(t.post(chain, 4, 9)[0], 200)
    fresh = Chain(t.host).grow(5)
    status, headers, _ = t.post(fresh, 3, 5)
    equal((status, headers["X-Agent-Expect"]), (409, f"{fresh.stream}:0"))


@test
def what_is_said_to_be_lost_is_skipped_and_remembered(c):
    t = c.terminal()
    chain = Chain(t.host).grow(12)
    equal(t.post(chain, 1, 3)[0], 200)
    for lost, status in (("5-6", 409), ("4-5", 400), ("0-6", 400), ("6-4", 400), ("x", 400),
                         ("4-", 400)):
        equal(t.post(chain, 7, 9, headers={"X-Agent-Lost": lost})[0], status, lost)
    status, headers, _ = t.post(chain, 7, 9, headers={"X-Agent-Lost": "4-6"})
    equal((status, headers["X-Agent-Ack"]), (200, f"{chain.stream}:9"))
    equal(t.post(chain, 10, 12)[0], 200)
    equal([r["seq"] for r in c.events(f"&terminal={t.host}")], [1, 2, 3, 7, 8, 9, 10, 11, 12])
    row = c.terminals()[t.host]
    equal((row["incidents"], row["events"], row["acked_seq"]), (1, 9, 12))
    equal("Events were lost" in c.get("/?lang=en")[2].decode(), True)
    # A collector that starts anew takes what the terminal still has.
    fresh = Chain(t.host).grow(4)
    equal(t.post(fresh, 3, 4, headers={"X-Agent-Lost": "1-2"})[0], 200)


@test
def another_history_is_a_mismatch(c):
    t = c.terminal()
    chain = Chain(t.host).grow(6)
    equal(t.post(chain, 1, 4)[0], 200)
    fork = Chain(t.host, chain.stream)
    fork.append(event(1, message="とりかえ"))
    fork.grow(5)
    for first, last in ((5, 6), (1, 4), (2, 6), (1, 2)):
        status, headers, _ = t.post(fork, first, last)
        equal((status, headers.get("X-Agent-Chain")), (409, "mismatch"), f"{first}-{last}")
    equal(t.post(Chain("0" * 32, os.urandom(16).hex()).grow(1), 1, 1,
                 body=chain.body(1, 1))[0], 400, "body of another stream")
    equal(t.post(chain, 5, 6)[0], 200, "the true history goes on")
    equal([r["event"]["message"] for r in c.events(f"&terminal={t.host}")],
          ["USB機器を許可しました"] * 6)
    equal(c.terminals()[t.host]["incidents"], 1)


@test
def a_first_batch_must_start_at_the_streams_origin(c):
    t = c.terminal()
    chain = Chain(t.host)
    chain.hashes[0] = origin(chain.stream, "0" * 32)
    status, headers, _ = t.post(chain.grow(2), 1, 2)
    equal((status, headers["X-Agent-Chain"]), (409, "mismatch"))
    equal(c.events(f"&terminal={t.host}"), [])


@test
def an_event_changed_on_the_way_is_a_mismatch(c):
    t = c.terminal()
    chain = Chain(t.host).grow(3)
    body = chain.body(1, 3).replace(b"kz-shimin-014", b"kz-shimin-015", 1)
    status, headers, _ = t.post(chain, 1, 3, body=body)
    equal((status, headers["X-Agent-Chain"]), (409, "mismatch"))


@test
def a_second_stream_is_an_incident(c):
    t = c.terminal()
    equal(t.post(Chain(t.host).grow(2), 1, 2)[0], 200)
    equal(c.terminals()[t.host]["incidents"], 0)
    equal(t.post(Chain(t.host).grow(2), 1, 2)[0], 200)
    equal(c.terminals()[t.host]["incidents"], 1)
    equal(c.terminals()[t.host]["events"], 4)


@test
def headers_and_body_must_agree(c):
    t = c.terminal()
    chain = Chain(t.host).grow(4)
    other = Chain("1" * 32, chain.stream).grow(4)
    rows = [
        ("another host in the body", dict(body=other.body(1, 2)), 400),
        ("fewer events", dict(body=chain.body(1, 1)), 400),
        ("more events", dict(body=chain.body(1, 3)), 400),
        ("other sequence", dict(body=chain.body(2, 3)), 400),
        ("no event at all", dict(body=b""), 400),
        ("not protobuf", dict(body=b"\xff\xff\xff\xff"), 400),
        ("cut short", dict(body=chain.body(1, 2)[:-5]), 400),
        ("json", dict(headers={"Content-Type": "application/json"}), 415),
        ("no type", dict(headers={"Content-Type": None}), 415),
        ("br", dict(headers={"Content-Encoding": "br"}), 415),
        ("not gzip", dict(headers={"Content-Encoding": "gzip"}), 400),
        ("gzip cut short", dict(body=gzip.compress(chain.body(1, 2))[:-9],
                                headers={"Content-Encoding": "gzip"}), 400),
        ("gzip trailed", dict(body=gzip.compress(chain.body(1, 2)) + b"x",
                              headers={"Content-Encoding": "gzip"}), 400),
        ("no stream", dict(headers={"X-Agent-Stream": None}), 400),
        ("stream not hex", dict(headers={"X-Agent-Stream": "x" * 32}), 400),
        ("first 0", dict(headers={"X-Agent-First-Seq": "0"}), 400),
        ("first negative", dict(headers={"X-Agent-First-Seq": "-1"}), 400),
        ("count 0", dict(headers={"X-Agent-Count": "0"}), 400),
        ("count huge", dict(headers={"X-Agent-Count": "4294967295", "X-Agent-Tail-Seq": None}), 413),
        ("hash short", dict(headers={"X-Agent-Prev-Hash": "AAAA"}), 400),
        ("tail before last", dict(headers={"X-Agent-Tail-Seq": "1"}), 400),
        ("time", dict(headers={"X-Agent-Time": "now"}), 400),
    ]
    for what, options, wanted in rows:
        status, headers, _ = t.post(chain, 1, 2, **options)
        equal(status, wanted, what)
        equal("X-Agent-Ack" in headers, False, what)
    equal(c.events(f"&terminal={t.host}"), [])
    equal(t.post(chain, 1, 2)[0], 200)


@test
def bombs_and_giants_are_413(c):
    t = c.terminal()
    chain = Chain(t.host).grow(1)
    bomb = gzip.compress(b"\0" * (64 << 20))
    equal(len(bomb) < 1 << 20, True, "the bomb is small")
    equal(t.post(chain, 1, 1, body=bomb, headers={"Content-Encoding": "gzip"})[0], 413, "gzip")
    if shutil.which("zstd"):
        for words in (["-3"], ["-19", "--long=27"], ["-3", "--no-check"]):
            bomb = run("zstd", "-c", *words, input=b"\0" * (64 << 20))
            equal(t.post(chain, 1, 1, body=bomb, headers={"Content-Encoding": "zstd"})[0], 413,
                  f"zstd {words}")
    equal(t.post(chain, 1, 1, body=os.urandom((1 << 20) + 1))[0], 413, "one octet too many")
    equal(t.post(chain, 1, 1, body=os.urandom(5 << 20))[0], 413, "five MiB")
    equal(t.post(chain, 1, 1)[0], 200, "and then all is well")


@test
def unreadable_events_are_set_aside_and_kept(c):
    t = c.terminal()
    chain = Chain(t.host)
    bad = [b"not json", b'{"time":1}', event(3, time="x"), b'{"a":1}\n{}', b"\xff\xfe",
           event(6).replace(b'"time":', b'"time":1,"time":'), event(77)]
    for payload in bad:
        chain.append(payload)
    chain.append()
    status, headers, body = t.post(chain, 1, 8)
    equal((status, headers["X-Agent-Ack"]), (200, f"{chain.stream}:8"))
    equal(body[:4], b"\x0a" + bytes([len(body) - 2]) + b"\x08\x07", "7 rejected")
    rows = c.events(f"&terminal={t.host}")
    equal([r["quarantined"] for r in rows], [True] * 7 + [False])
    equal([base64.b64decode(r["raw"]) for r in rows[:7]], bad)
    equal(c.get("/")[0], 200)


@test
def each_role_does_its_part_and_no_more(c):
    handed_in = {"auditor": 403, "helpdesk": 400, "approver": 400, "administrator": 400}
    for role, status in handed_in.items():
        token = c.command("person", "--name", role + ".1", "--role", role).strip()
        equal(ask(c, role + ".1", token)[0], 200, role)
        page = ask(c, role + ".1", token, path="/?lang=en")[1].decode()
        equal(f"{role}.1</bdi> ({role})" in page, True, "the page says who reads it")
        equal(ask(c, role + ".1", token, "POST", "/api/v1/grants", b"x", "application/jose")[0],
              status, role)
        stored = open(c.folder + "/collector.db", "rb").read()
        equal(token.encode() in stored, False, "a token in the store")
    again = c.command("person", "--name", "auditor.1", "--role", "helpdesk").strip()
    equal(again != token, True)
    equal(ask(c, "auditor.1", again, "POST", "/api/v1/grants", b"x", "application/jose")[0], 400)
    equal(ask(c, "helpdesk.1", again)[0], 401, "another's token")
    c.command("person", "--name", "auditor.1", "--remove")
    equal(ask(c, "auditor.1", again)[0] in (401, 429), True, "removed at once")
    equal(ask(c, "admin", c.token)[0] in (200, 429), True, "the bootstrap stays")
    time.sleep(2.5)  # the waiting after two failures of this address


@test
def a_wrong_person_is_refused_and_changes_nothing(c):
    for words in (("--name", "Hanako", "--role", "auditor"), ("--name", "a b", "--role", "auditor"),
                  ("--name", "x" * 33, "--role", "auditor"), ("--name", "hanako", "--role", "king"),
                  ("--name", "hanako"), ("--role", "auditor"),
                  ("--name", "hanako", "--role", "auditor", "--remove")):
        done = subprocess.run([PROGRAM, "--config", c.config, "person", *words], capture_output=True)
        equal((done.returncode, done.stdout), (2, b""), words)
        equal(len(done.stderr) > 10, True)
    for words in (("--name", "admin", "--role", "auditor"), ("--name", "admin", "--remove"),
                  ("--name", "nobody", "--remove")):
        done = subprocess.run([PROGRAM, "--config", c.config, "person", *words], capture_output=True)
        equal((done.returncode, done.stdout), (1, b""), words)


@test
def hostile_texts_stay_texts(c):
    t = c.terminal()
    chain = Chain(t.host)
    evil = "</td><script>alert(1)</script>\"'&\u202e"
    chain.append(event(1, message=evil, peripheral_device={"name": evil, "serial_number": evil},
                       device={"hostname": evil, "org": {"ou_name": evil}},
                       actor={"user": {"name": evil}}, status_detail=evil))
    equal(t.post(chain, 1, 1)[0], 200)
    for path in ("/terminals?lang=ja", "/events?lang=en", f"/terminal?id={t.host}",
                 f"/event?id={c.events('&terminal=' + t.host)[0]['id']}"):
        status, headers, page = c.get(path)
        equal(status, 200)
        equal(re.findall(rb"<script[^>]*>", page),
              [b'<script type="module" src="/static/console.js">'], "a script")
        equal("\u202e".encode() in page, False, "a line turner")
        equal(b"&lt;script&gt;" in page, True)
        equal("default-src 'self'" in headers["Content-Security-Policy"], True)
        equal(re.findall(rb"<[^>]*\s(?:style|on\w+)=", page), [], "inline style or handler")
    names = c.terminals()[t.host]
    equal((names["hostname"], names["unit"]), (evil, evil))


@test
def a_heartbeat_tells_the_terminals_state(c):
    t = c.terminal()
    chain = Chain(t.host)
    chain.append(event(1, metadata={"version": "1.8.0", "event_code": "agent.heartbeat",
                                    "sequence": 1, "product": {"version": "0.1.0"}},
                       sekimori={"policy_serial": 17, "health": {"tier": "T2", "mode": "enforce"}}))
    chain.grow(4)
    equal(t.post(chain, 1, 2)[0], 200)
    row = c.terminals()[t.host]
    equal([row[k] for k in ("tier", "mode", "policy_serial", "version", "lag", "acked_seq",
                            "hostname", "unit", "tenant")],
          ["T2", "enforce", "17", "0.1.0", 3, 2, "kz-shimin-014", "市民課", "999999"])
    equal(t.post(chain, 3, 5)[0], 200)
    row = c.terminals()[t.host]
    equal((row["lag"], row["tier"]), (0, "T2"))
    equal(abs(row["clock_skew_ms"]) < 60000, True)


@test
def events_are_asked_for_by_page_code_and_severity(c):
    t = c.terminal()
    chain = Chain(t.host)
    for seq in range(1, 41):
        chain.append(event(seq, severity_id=1 + seq % 5,
                           metadata={"version": "1.8.0", "sequence": seq, "event_code":
                                     "mount.blocked" if seq % 4 == 0 else "media.denied"}))
    equal(t.post(chain, 1, 40)[0], 200)
    ask = lambda q: [r["seq"] for r in json.loads(
        c.get(f"/api/v1/events?terminal={t.host}{q}")[2])["events"]]
    equal(ask("&limit=7"), list(range(1, 8)))
    page = json.loads(c.get(f"/api/v1/events?terminal={t.host}&limit=7")[2])
    equal(ask(f"&limit=7&after={page['next']}"), list(range(8, 15)))
    equal(ask("&code=mount.blocked"), list(range(4, 41, 4)))
    equal(ask("&min_severity=4"), [s for s in range(1, 41) if 1 + s % 5 >= 4])
    equal(ask("&min_severity=5&code=mount.blocked"), [4, 24])
    everywhere = json.loads(c.get("/api/v1/events?min_severity=5&limit=1000")[2])["events"]
    equal({4, 9, 14, 19, 24, 29, 34, 39} <= {r["seq"] for r in everywhere}, True)
    equal({r["severity"] for r in everywhere}, {5})
    coded = json.loads(c.get("/api/v1/events?code=mount.blocked&limit=1000")[2])["events"]
    equal([r["seq"] for r in coded], list(range(4, 41, 4)))
    for bad in ("limit=x", "after=-1", "min_severity=100", "from=abc", "limit=1001"):
        equal(c.get("/api/v1/events?" + bad)[0], 400, bad)


@test
def export_proves_itself(c):
    t = c.terminal()
    chain = Chain(t.host).grow(25)
    for first in range(1, 26, 5):
        equal(t.post(chain, first, first + 4)[0], 200)
    lines = c.command("export", "--terminal", t.host).splitlines()
    equal(len(lines), 25)
    tip = origin(chain.stream, t.host)
    for line in lines:
        row = json.loads(line)
        raw = line[line.index('"event":') + 8:-1].encode()
        tip = link(tip, row["seq"], row["wall_ns"], row["boot_ns"], row["flags"], raw)
        equal(tip.hex(), row["hash"], f"event {row['seq']}")


@test
def many_terminals_at_once(c):
    terminals = [c.terminal() for _ in range(8)]
    failures = []

    def work(t):
        try:
            chain = Chain(t.host).grow(60)
            for first in range(1, 61, 3):
                status, headers, _ = t.post(chain, first, first + 2, coding="gzip")
                equal((status, headers["X-Agent-Ack"]), (200, f"{chain.stream}:{first + 2}"))
        except Exception as problem:  # noqa: BLE001: told by the main thread
            failures.append(problem)

    threads = [threading.Thread(target=work, args=(t,)) for t in terminals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(failures, [])
    for t in terminals:
        equal([r["seq"] for r in c.events(f"&terminal={t.host}")], list(range(1, 61)))


@test
def rubbish_is_hung_up_on(c):
    t = c.terminal()
    noise = random.Random(3)
    for port in (c.port, c.console_port):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
                raw.sendall(noise.randbytes(noise.randint(1, 3000)))
        for data in (b"\0" * 5000, b"GET / HTTP/9.9\r\n\r\n", b"A" * 100000 + b"\r\n\r\n",
                     b"GET / HTTP/1.1\r\nX: " + b"y" * 100000 + b"\r\n\r\n",
                     b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                     b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999"
                     b"\r\n\r\n",
                     b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz"
                     b"\r\n\r\n"):
            raw = socket.create_connection(("127.0.0.1", port), timeout=10)
            with t.context().wrap_socket(raw, server_hostname="127.0.0.1") as tls:
                try:
                    tls.sendall(data)
                    tls.settimeout(0.2)
                    tls.recv(100)
                except OSError:
                    pass
    try:
        t.post(Chain(t.host).grow(1), 1, 1, body=b"x" * (30 << 20))
    except (OSError, http.client.HTTPException):
        pass  # hung up in the middle of thirty MiB
    equal(t.post(Chain(t.host).grow(1), 1, 1)[0], 200)
    equal(c.get("/healthz", auth=None)[0], 200)
    held = re.search(r"^sekimori_held_bytes (\S+)", c.get("/metrics")[2].decode(), re.M)[1]
    equal(held, "0", "nothing is held for those who left")


@test
def a_client_that_leaves_before_the_answer_harms_nobody(c):
    t = c.terminal()
    chain = Chain(t.host).grow(60)
    for first in range(1, 61):
        fields = chain.headers(first, first)
        body = chain.body(first, first)
        head = "".join(f"{k}: {v}\r\n" for k, v in fields.items())
        raw = socket.create_connection(("127.0.0.1", c.port), timeout=10)
        with t.context().wrap_socket(raw, server_hostname="127.0.0.1") as tls:
            tls.sendall(f"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
                        f"{head}\r\n".encode() + body)
    end = time.monotonic() + 10
    while len(c.events(f"&terminal={t.host}")) < 60 and time.monotonic() < end:
        # Not every batch arrives before the next one: a gap is simply refused.
        equal(t.post(chain, 1, 60)[0], 200)
    equal([r["seq"] for r in c.events(f"&terminal={t.host}")], list(range(1, 61)))


# ---- console ----------------------------------------------------------------

@test
def the_console_wants_a_login(c):
    for path in ("/", "/api/v1/terminals", "/api/v1/events", "/metrics", "/static/console.css"):
        equal(c.get(path, auth=None)[0], 401, path)
    equal(c.get("/healthz", auth=None)[0], 200)
    equal(c.get("/static/console.css")[1]["Content-Type"], "text/css; charset=utf-8")
    for path in ("/nothing", "/static/", "/static/../ca.key", "/static/console.cs"):
        equal(c.get(path)[0], 404, path)


@test
def failed_logins_wait_longer_and_longer(c):
    equal([c.get("/", auth="wrong")[0] for _ in range(4)], [401, 401, 401, 429])
    status, headers, _ = c.get("/")
    equal((status, headers["Retry-After"]), (429, "1"))
    end = time.monotonic() + 10
    while c.get("/")[0] != 200 and time.monotonic() < end:
        time.sleep(0.2)
    equal(c.get("/")[0], 200, "after the wait the right token opens")


@test
def metrics_count_what_happened(c):
    def value(name):
        return float(re.search(rf"^{name} (\S+)$", c.get("/metrics")[2].decode(), re.M)[1])

    t = c.terminal()
    before = value("sekimori_events_stored_total")
    equal(t.post(Chain(t.host).grow(12), 1, 12)[0], 200)
    equal(value("sekimori_events_stored_total") - before, 12)
    equal(value("sekimori_held_bytes"), 0, "no body is kept")


@test
def unknown_paths_and_methods_are_refused(c):
    t = c.terminal()
    equal(t.call("GET", "/v1/logs")[0], 405)
    equal(t.call("POST", "/v1/nothing", b"x")[0], 404)
    equal(t.call("GET", "/")[0], 404)


@test
def the_page_says_what_was_only_observed(c):
    t = c.terminal()
    chain = Chain(t.host)
    for seq, code in ((1, "usb.device.blocked"), (2, "agent.tamper")):
        chain.append(event(seq, action_id=3, metadata={"version": "1.8.0", "sequence": seq,
                                                       "event_code": code}))
    equal(t.post(chain, 1, 2)[0], 200)
    page = c.get("/events?lang=en")[2].decode()
    equal("USB device blocked (only observed, not stopped)" in page, True)
    equal("Tampering suspected</bdi>" in page, True)
    equal("USB機器を許可しました" in c.get("/events")[2].decode(), True, "the agent's own words")


@test
def bad_questions_get_an_answer_and_no_page(c):
    for path in ("/events?from=yesterday", "/events?until=2026-13-01", "/events?min_severity=x",
                 "/events?before=-1", "/terminals?page=99999999", "/event?id=x",
                 "/api/v1/events?code=" + "x" * 65, "/api/v1/events.csv?after=1x",
                 "/events/stream?limit=5000"):
        status, headers, text = c.get(path)
        equal((status, headers["Content-Type"]), (400, "text/plain; charset=utf-8"), path)
    for path in ("/event?id=0", "/event?id=99999999", "/terminal", "/terminal?id=" + "0" * 32):
        equal(c.get(path)[0], 404, path)
    equal(c.get("/events", auth=None)[0], 401)
    equal(c.get("/api/v1/events.ndjson", auth="wrong")[0] in (401, 429), True)


@test
def events_are_found_by_day_and_by_name(c):
    t = c.terminal()
    name = "day-" + t.host[:8]
    chain = Chain(t.host)
    for seq in range(1, 6):
        chain.append(event(seq, device={"hostname": name, "org": {"ou_name": "会計課"}}))
    equal(t.post(chain, 1, 5)[0], 200)
    today = time.strftime("%Y-%m-%d")
    yesterday = time.strftime("%Y-%m-%d", time.localtime(time.time() - 86400))
    count = lambda query: len(c.events(f"&terminal={name}{query}"))
    equal(count(""), 5)
    if time.strftime("%H:%M") not in ("23:59", "00:00"):
        equal(count(f"&from={today}&until={today}"), 5)
        equal(count(f"&until={yesterday}"), 0)
    equal(c.events("&terminal=nobody-has-this-name"), [])
    lines = c.get(f"/api/v1/events.ndjson?terminal={name}")[2].decode().splitlines()
    equal([json.loads(line)["seq"] for line in lines], [1, 2, 3, 4, 5])


@test
def a_download_is_whole_and_a_tail_goes_on_where_it_was(c):
    t = c.terminal()
    chain = Chain(t.host).grow(1200)
    equal(t.post(chain, 1, 1200)[0], 200)
    lines = c.get(f"/api/v1/events.csv?terminal={t.host}")[2].decode("utf-8-sig").split("\r\n")
    equal((len(lines), lines[-1]), (1202, ""))
    equal([int(line.rsplit(",", 1)[1]) for line in lines[1:-1]], list(range(1, 1201)))
    tail = Tail(c, f"terminal={t.host}&after=0")
    seen = [tail.next()["seq"] for _ in range(700)]
    equal(seen, list(range(1, 701)))
    tail.close()
    tail = Tail(c, f"terminal={t.host}", had=tail.last)
    equal([tail.next()["seq"] for _ in range(500)], list(range(701, 1201)))
    chain.grow(3)
    equal(t.post(chain, 1201, 1203)[0], 200)
    equal([tail.next()["seq"] for _ in range(3)], [1201, 1202, 1203])
    tail.close()


@test
def two_hundred_tails_see_it_and_one_more_is_refused(c):
    t = c.terminal()
    chain = Chain(t.host).grow(1)
    equal(t.post(chain, 1, 1)[0], 200)
    tails = []
    try:
        end = time.monotonic() + 60  # those closed before are noticed by the next ping
        while len(tails) < 200:
            try:
                tails.append(Tail(c, f"terminal={t.host}"))
            except AssertionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)
        status = c.get(f"/api/v1/events/stream?terminal={t.host}")[0]
        equal(status, 503)
        chain.grow(1)
        equal(t.post(chain, 2, 2)[0], 200)
        equal([tail.next()["seq"] for tail in tails], [2] * 200)
    finally:
        for tail in tails:
            tail.close()
    equal(c.get("/healthz", auth=None)[0], 200)


# ---- commands ---------------------------------------------------------------

@test
def wrong_configuration_is_named(c):
    path = c.folder + ".bad"
    for text, wanted in (("lissten = [::]:1\n", ":1: unknown key 'lissten'"),
                         ("dir = /tmp\n\nthreads = 0\n", ":3: "), ("dir = x\n", "absolute"),
                         ("threads\n", ":1: expected"), ("dir = /nonexistent\n", "/nonexistent")):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run([PROGRAM, "--config", path, "serve"], capture_output=True, text=True)
        equal(done.returncode, 1, text)
        equal(wanted in done.stderr, True, done.stderr)
    for words in ([], ["bogus"], ["init"], ["token", "--count", "0"], ["revoke"],
                  ["serve", "--count", "2"], ["terminals", "extra"], ["--bogus"]):
        done = subprocess.run([PROGRAM, "--config", path, *words], capture_output=True)
        equal(done.returncode, 2, words)
    for words in (["--help"], ["--version"]):
        equal(subprocess.run([PROGRAM, *words], capture_output=True).returncode, 0, words)


@test
def texts_are_japanese_where_the_person_is(c):
    for variable, word in (("LANG", "使い方"), ("LC_ALL", "使い方"), ("NONE", "usage")):
        env = {variable: "ja_JP.UTF-8"}
        done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, env=env)
        equal(word in done.stdout, True, variable)


@test
def a_long_export_comes_in_pages_and_whole(c):
    t = c.terminal()
    chain = Chain(t.host).grow(4200)
    for first in range(1, 4201, 600):
        equal(t.post(chain, first, first + 599, coding="gzip")[0], 200)
    seqs = [json.loads(l)["seq"] for l in c.command("export", "--terminal", t.host).splitlines()]
    equal(seqs, list(range(1, 4201)))


@test
def terminals_are_listed(c):
    t = c.terminal()
    equal(t.post(Chain(t.host).grow(1), 1, 1)[0], 200)
    line = [l for l in c.command("terminals").splitlines() if l.startswith(t.host)]
    equal(len(line), 1)
    equal("市民課" in line[0], True)


# ---- crashes ----------------------------------------------------------------

@test
def kill_9_loses_nothing_acknowledged(c):
    t = c.terminal()
    chain, acked, rounds = Chain(t.host), 0, random.Random(7)
    for _ in range(6):
        threading.Timer(rounds.uniform(0.05, 0.4), c.process.kill).start()
        try:
            while True:
                last = acked + rounds.randint(1, 12)
                chain.grow(last - len(chain.records))
                status, headers, _ = t.post(chain, acked + 1, last, coding="gzip")
                equal(status, 200)
                ack = int(headers["X-Agent-Ack"].removeprefix(chain.stream + ":"))
                # More than this batch: one before it was stored, its ack lost.
                equal(last <= ack <= len(chain.records), True, f"ack {ack} of {last}")
                acked = ack
        except (OSError, http.client.HTTPException):
            pass  # the kill, as seen from here
        c.process.wait()
        t.close()
        c.start()
        stored = [r["seq"] for r in c.events(f"&terminal={t.host}")]
        equal(stored, list(range(1, len(stored) + 1)), "without hole or double")
        equal(len(stored) >= acked, True, f"acked {acked}, stored {len(stored)}")
    chain.grow(acked + 100 - len(chain.records))
    equal(t.post(chain, acked + 1, len(chain.records))[0], 200)
    acked = len(chain.records)
    equal([r["seq"] for r in c.events(f"&terminal={t.host}")], list(range(1, acked + 1)))


@test
def the_service_manager_is_told(c):
    path = c.folder + ".notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(20)
        equal(c.stop(), 0)
        os.environ["NOTIFY_SOCKET"] = path
        try:
            c.start()
        finally:
            del os.environ["NOTIFY_SOCKET"]
        equal(manager.recv(100), b"READY=1")
        equal(c.stop(), 0)
        equal(manager.recv(100), b"STOPPING=1")
    c.start()


@test
def sigterm_answers_what_waits_and_ends(c):
    t = c.terminal()
    chain = Chain(t.host).grow(100)
    equal(t.post(chain, 1, 50)[0], 200)
    equal(c.stop(signal.SIGTERM), 0)
    c.start()
    t.close()
    equal(t.post(chain, 51, 100)[0], 200)
    equal(len(c.events(f"&terminal={t.host}")), 100)


@test
def too_much_at_once_is_429_and_bounded(c):
    """Another process holds the store, so bodies pile up to their limit."""
    terminals = [c.terminal() for _ in range(14)]
    chains = [Chain(t.host) for t in terminals]
    for chain in chains:
        for seq in range(1, 111):
            chain.append(event(seq, message="x" * 60000))
    answers = {}

    def send(number):
        answers[number] = terminals[number].post(chains[number], 1, 110, coding="gzip")[:2]

    lock = sqlite3.connect(c.folder + "/collector.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    threads = [threading.Thread(target=send, args=(n,)) for n in range(14)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 8
    while not any(a[0] == 429 for a in list(answers.values())) and time.monotonic() < end:
        time.sleep(0.05)
    refused = dict(answers)
    lock.execute("ROLLBACK")
    lock.close()
    for thread in threads:
        thread.join()
    equal({a[0] for a in refused.values()}, {429}, "while the store was held")
    equal(all(int(a[1]["Retry-After"]) >= 1 for a in refused.values()), True)
    equal({a[0] for a in answers.values()}, {200, 429})
    with open(f"/proc/{c.process.pid}/status", encoding="utf-8") as file:
        peak = int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) // 1024
    if "san" not in BUILD:
        equal(peak < 256, True, f"peak of {peak} MiB")
    for number, (status, _) in answers.items():
        if status == 429:
            send(number)
    equal({a[0] for a in answers.values()}, {200})
    for t in terminals:
        equal(len(c.events(f"&terminal={t.host}")), 110)


@test
def a_full_disk_is_503_and_recovers(c):
    """RLIMIT_FSIZE stands in for the disk: the write past it fails."""
    t = c.terminal()
    chain = Chain(t.host)
    for seq in range(1, 41):
        chain.append(event(seq, message="x" * 40000))
    run("prlimit", f"--pid={c.process.pid}", "--fsize=65536:unlimited")
    acked = 0
    for seq in range(1, 41):
        status, headers, _ = t.post(chain, seq, seq)
        if status != 200:
            break
        acked = seq
    equal(status, 503)
    equal("Retry-After" in headers and "X-Agent-Ack" not in headers, True)
    equal(c.get("/healthz", auth=None)[0], 503, "and says so")
    run("prlimit", f"--pid={c.process.pid}", "--fsize=unlimited:unlimited")
    for first in range(acked + 1, 41, 10):
        equal(t.post(chain, first, min(first + 9, 40))[0], 200, "and goes on")
    equal(c.get("/healthz", auth=None)[0], 200)
    equal([r["seq"] for r in c.events(f"&terminal={t.host}")], list(range(1, 41)))


if __name__ == "__main__":
    sys.exit(main(TESTS, lambda: OneCollector(Collector)))
