#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A collector of the tests' own: HTTPS with client certificates, a script of
answers, and a book of what it has stored. It rebuilds the hash chain of every
batch from the record's fields, as the real one does."""
import base64, gzip, hashlib, http.server, os, ssl, struct, subprocess, threading, time

HOST_ID_PATH = "var/lib/sekimori/terminal.id"


def run(*words, data=None):
    done = subprocess.run(words, input=data, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"{words}: {done.stderr.decode('utf-8', 'replace')}")
    return done.stdout


# ---- protobuf, as little as is needed ---------------------------------------

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            value, at = struct.unpack_from("<Q", data, at)[0], at + 8
        elif kind == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {kind}")
        yield tag >> 3, value


def attributes(data, number):
    found = {}
    for n, value in fields(data):
        if n == number:
            pair = dict(fields(value))
            found[pair[1].decode()] = list(dict(fields(pair[2])).values())[0]
    return found


def records(body):
    """(resource, [record]) of an ExportLogsServiceRequest of ours."""
    resource_logs = dict(fields(body))[1]
    parts = list(fields(resource_logs))
    resource = attributes(next(v for n, v in parts if n == 1), 1)
    scope = next(v for n, v in parts if n == 2)
    out = []
    for n, value in fields(scope):
        if n != 2:
            continue
        single = dict((a, b) for a, b in fields(value) if a != 6)
        more = attributes(value, 6)
        out.append({"wall": single[1], "body": dict(fields(single[5]))[1],
                    "name": single.get(12, b"").decode(), "severity": single.get(2, 0),
                    "seq": more["agent.seq"], "flags": more["agent.flags"],
                    "boot": more["agent.mono_ns"], "id": more["event.id"].decode()})
    return resource, out


def chain(prev, record):
    head = struct.pack("<IIQQQ", len(record["body"]), record["flags"], record["seq"],
                       record["wall"], record["boot"])
    return hashlib.sha256(b"\0" + head + prev + record["body"]).digest()


# ---- answers: (status, headers, body), or a function of (server, request) ----

def good(server, request):
    """Stores what continues, acknowledges what is stored."""
    return server.store(request)


def lost_answer(server, request):
    """Stores, and the answer never arrives."""
    server.store(request)
    raise ConnectionAbortedError


def cut_answer(server, request):
    """Stores, and half of the answer arrives."""
    status, headers, _ = server.store(request)
    return status, dict(headers, **{"Content-Length": "500"}), b""


def deaf(server, request):
    """Neither stores nor answers within the client's patience."""
    server.stopping.wait(3)
    raise ConnectionAbortedError


class Request:
    def __init__(self, headers, raw):
        self.headers = headers
        self.coding = headers.get("Content-Encoding", "identity")
        self.raw_size = len(raw)
        body = {"gzip": gzip.decompress, "identity": bytes,
                "zstd": lambda b: run("zstd", "-dcq", data=b)}[self.coding](raw)
        self.resource, self.records = records(body)
        self.first = int(headers["X-Agent-First-Seq"])
        self.stream = headers["X-Agent-Stream"]
        self.check()

    def check(self):
        assert len(self.records) == int(self.headers["X-Agent-Count"])
        assert [r["seq"] for r in self.records] == \
            list(range(self.first, self.first + len(self.records))), "numbers"
        tip = base64.b64decode(self.headers["X-Agent-Prev-Hash"])
        for record in self.records:
            tip = chain(tip, record)
            wanted = base64.b32encode(tip[:16]).decode().lower().rstrip("=")
            assert record["id"] == wanted, "event.id is not of the chain hash"
        assert tip == base64.b64decode(self.headers["X-Agent-Tip-Hash"]), "tip"
        assert self.resource["agent.stream"].decode() == self.stream
        assert int(self.headers["X-Agent-Tail-Seq"]) >= self.records[-1]["seq"]


class Receiver:
    def __init__(self, folder, script=(), last=good, zstd=True, asks_certificate=True):
        self.folder, self.script, self.last, self.zstd = folder, list(script), last, zstd
        self.stored = {}        # stream -> [body]
        self.high = {}          # stream -> (seq, tip)
        self.requests, self.failures, self.reenrolled = [], [], 0
        self.asks_certificate = asks_certificate
        self.times = []         # when each request came
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.port = None

    def certificates(self, host_id, life=None):
        """CA, server and client certificate; `life` is the client's begin and end."""
        f = self.folder
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", f + "/ca.key", "-out", f + "/ca.crt", "-days", "30",
            "-subj", "/CN=Test CA")
        for name, san in (("server", "IP:127.0.0.1"),
                          ("client", f"URI:urn:agent:999999:{host_id}")):
            run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", f"{f}/{name}.key", "-out", f"{f}/{name}.csr",
                "-subj", "/CN=x", "-addext", f"subjectAltName={san}")
            self.sign(f"{f}/{name}.csr", f"{f}/{name}.crt", life if name == "client" else None)

    def sign(self, csr, crt, life=None):
        f = self.folder
        os.makedirs(f + "/newcerts", exist_ok=True)
        with open(f + "/ca.conf", "w", encoding="ascii") as file:
            file.write(f"[ca]\ndefault_ca=c\n[c]\ndir={f}\ndatabase={f}/index\nserial={f}/serial\n"
                       f"new_certs_dir={f}/newcerts\nunique_subject=no\ndefault_md=sha256\n"
                       "policy=p\ncopy_extensions=copy\nrand_serial=yes\n[p]\nCN=optional\n")
        open(f + "/index", "a", encoding="ascii").close()
        words = ["openssl", "ca", "-batch", "-config", f + "/ca.conf", "-keyfile", f + "/ca.key",
                 "-cert", f + "/ca.crt", "-in", csr, "-out", crt, "-notext"]
        run(*words, *(["-startdate", life[0], "-enddate", life[1]] if life else ["-days", "30"]))

    # ---- storing -----------------------------------------------------------

    def store(self, request):
        with self.lock:
            seq, tip = self.high.get(request.stream, (0, None))
            lost = request.headers.get("X-Agent-Lost")
            if request.first > seq + 1 and lost != f"{seq + 1}-{request.first - 1}":
                return 409, {"X-Agent-Expect": f"{request.stream}:{seq}"}, b""
            fresh = [r for r in request.records if r["seq"] > seq]
            if request.first == seq + 1 and tip and \
                    tip != base64.b64decode(request.headers["X-Agent-Prev-Hash"]):
                return 409, {"X-Agent-Chain": "mismatch"}, b""
            self.stored.setdefault(request.stream, []).extend(r["body"] for r in fresh)
            if fresh:
                self.high[request.stream] = (fresh[-1]["seq"], base64.b64decode(
                    request.headers["X-Agent-Tip-Hash"]))
            return 200, {"X-Agent-Ack": f"{request.stream}:{self.high[request.stream][0]}"}, b""

    def count(self):
        with self.lock:
            return sum(len(bodies) for bodies in self.stored.values())

    # ---- serving -----------------------------------------------------------

    def __enter__(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                try:
                    size = int(self.headers["Content-Length"])
                    raw = self.rfile.read(size)
                    if len(raw) != size:  # the shipper was killed
                        raise ConnectionAbortedError
                    if self.path == "/.well-known/est/simplereenroll":
                        self.reply(*receiver.reenroll(raw))
                    else:
                        self.logs(raw)
                except OSError:  # hung up, by us or by the shipper
                    self.close_connection = True
                    self.connection.close()
                except Exception as error:  # told by the test that asked
                    receiver.failures.append(repr(error))
                    self.reply(500, {}, b"")

            def logs(self, raw):
                request = Request(self.headers, raw)
                with receiver.lock:
                    receiver.requests.append(request)
                    receiver.times.append(time.monotonic())
                    answer = receiver.script.pop(0) if receiver.script else receiver.last
                self.reply(*(answer(receiver, request) if callable(answer) else answer))

            def reply(self, status, headers, body):
                self.send_response(status)
                headers = dict(headers)
                headers.setdefault("Content-Length", str(len(body)))
                if receiver.zstd:
                    headers.setdefault("Accept-Encoding", "zstd, gzip")
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                if int(headers["Content-Length"]) != len(body):
                    self.close_connection = True

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(self.folder + "/server.crt", self.folder + "/server.key")
        context.load_verify_locations(self.folder + "/ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED if self.asks_certificate else ssl.CERT_NONE
        context.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME: we judge no clock

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self):
                connection, address = super().get_request()
                connection.settimeout(20)
                return context.wrap_socket(connection, server_side=True,
                                           do_handshake_on_connect=False), address

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", self.port or 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()

    def reenroll(self, raw):
        base = f"{self.folder}/again"
        with open(base + ".der", "wb") as file:
            file.write(base64.b64decode(raw))
        run("openssl", "req", "-inform", "DER", "-in", base + ".der", "-out", base + ".csr")
        self.sign(base + ".csr", base + ".crt")
        self.reenrolled += 1
        der = run("openssl", "crl2pkcs7", "-nocrl", "-certfile", base + ".crt", "-outform", "DER")
        return 200, {"Content-Type": "application/pkcs7-mime; smime-type=certs-only"}, \
            base64.encodebytes(der)
