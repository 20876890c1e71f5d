# SPDX-License-Identifier: Apache-2.0
"""A terminal and a collector for test_collector.py: the terminal makes keys
with the openssl program, chains its events as the spool does and speaks
OTLP/HTTP by hand, so that nothing of the product's own encoder is trusted."""
import base64, gzip, hashlib, http.client, json, os, re, socket, ssl, struct
import subprocess, time

TENANT = "999999"


def run(*words, **options):
    """A program that must succeed; its stdout."""
    done = subprocess.run(words, capture_output=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{words}: {done.stderr.decode()}")
    return done.stdout


# ---- protobuf ---------------------------------------------------------------

def varint(value):
    out = b""
    while value > 0x7f:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def text(number, value):
    return field(number, value if isinstance(value, bytes) else value.encode())


def attribute(key, value):
    any_value = varint(3 << 3) + varint(value) if isinstance(value, int) else text(1, value)
    return text(1, key) + field(2, any_value)


def request_body(records, resource):
    """ExportLogsServiceRequest of (seq, wall_ns, boot_ns, flags, payload)."""
    out = field(1, b"".join(field(1, attribute(k, v)) for k, v in resource.items()))
    logs = b""
    for seq, wall, boot, flags, payload in records:
        record = b"\x09" + struct.pack("<Q", wall) + b"\x10" + varint(9)
        record += field(5, text(1, payload))
        for key, value in (("agent.seq", seq), ("agent.flags", flags), ("agent.mono_ns", boot)):
            record += field(6, attribute(key, value))
        logs += field(2, record)
    return field(1, out + field(2, logs))


# ---- the chain --------------------------------------------------------------

def origin(stream, host):
    return hashlib.sha256(b"agent-stream-v1" + bytes.fromhex(stream) + bytes.fromhex(host)).digest()


def link(prev, seq, wall, boot, flags, payload):
    head = struct.pack("<IIQQQ", len(payload), flags, seq, wall, boot) + prev
    return hashlib.sha256(b"\0" + head + payload).digest()


def event(seq, **more):
    """A small record with what every record has."""
    body = {"class_uid": 1010, "category_uid": 1, "activity_id": 1, "type_uid": 101001,
            "time": 1764572400000 + seq, "severity_id": 1, "message": "USB機器を許可しました",
            "metadata": {"version": "1.8.0", "event_code": "usb.device.allowed", "sequence": seq},
            "device": {"hostname": "kz-shimin-014", "org": {"ou_name": "市民課"}}}
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(body.get(key), dict):
            body[key] = body[key] | value
        else:
            body[key] = value
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


class Chain:
    """A stream: grows by append(), batches by batch()."""

    def __init__(self, host, stream=None):
        self.host = host
        self.stream = stream or os.urandom(16).hex()
        self.hashes = [origin(self.stream, host)]
        self.records = []

    def append(self, payload=None, flags=1):
        seq = len(self.records) + 1
        record = (seq, 1764572400000000000 + seq, 5000000000 + seq, flags, payload or event(seq))
        self.records.append(record)
        self.hashes.append(link(self.hashes[-1], *record))
        return seq

    def grow(self, count):
        for _ in range(count):
            self.append()
        return self

    def headers(self, first, last):
        b64 = lambda b: base64.b64encode(b).decode()
        return {"Content-Type": "application/x-protobuf", "X-Agent-Stream": self.stream,
                "X-Agent-First-Seq": str(first), "X-Agent-Count": str(last - first + 1),
                "X-Agent-Prev-Hash": b64(self.hashes[first - 1]),
                "X-Agent-Tip-Hash": b64(self.hashes[last]),
                "X-Agent-Tail-Seq": str(len(self.records)),
                "X-Agent-Time": f"{time.time():.3f}"}

    def body(self, first, last):
        return request_body(self.records[first - 1:last],
                            {"host.id": self.host, "agent.stream": self.stream})


# ---- the terminal -----------------------------------------------------------

class Terminal:
    """A key, a certificate once enrolled, and one connection."""

    def __init__(self, collector, host=None, key=None, name=None):
        self.collector = collector
        self.host = host or os.urandom(16).hex()
        self.base = f"{collector.folder}/t-{os.urandom(4).hex()}"
        self.key = self.base + ".key"
        self.crt = self.base + ".crt"
        algorithm = key or ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        run("openssl", "genpkey", "-algorithm", *algorithm, "-out", self.key)
        self.name = name or f"URI:urn:agent:{TENANT}:{self.host}"
        self.connection = None

    def csr(self):
        return run("openssl", "req", "-new", "-key", self.key, "-subj", "/CN=terminal",
                   "-addext", "subjectAltName=" + self.name, "-outform", "DER")

    def context(self, with_cert=True):
        context = ssl.create_default_context(cafile=self.collector.folder + "/ca.crt")
        if with_cert and os.path.exists(self.crt):
            context.load_cert_chain(self.crt, self.key)
        return context

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def call(self, method, path, body=None, headers=None, with_cert=True):
        """(status, headers, body); one kept connection for the certificate."""
        if not with_cert:
            self.close()
        if not self.connection:
            self.connection = http.client.HTTPSConnection(
                "127.0.0.1", self.collector.port, context=self.context(with_cert), timeout=30)
        try:
            self.connection.request(method, path, body, headers or {})
            reply = self.connection.getresponse()
            data = reply.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        if not with_cert or reply.headers.get("Connection") == "close":
            self.close()
        return reply.status, reply.headers, data

    def enroll(self, token, csr=None, path="simpleenroll", **options):
        key = base64.b64encode(f"terminal:{token}".encode()).decode()
        status, headers, data = self.call(
            "POST", "/.well-known/est/" + path, base64.encodebytes(csr or self.csr()),
            {"Authorization": "Basic " + key, "Content-Type": "application/pkcs10"}, **options)
        if status == 200:
            pem = run("openssl", "pkcs7", "-inform", "DER", "-print_certs",
                      input=base64.b64decode(data))
            with open(self.crt, "wb") as file:
                file.write(pem)
            self.close()
        return status

    def post(self, chain, first, last, coding=None, body=None, headers=None):
        body = chain.body(first, last) if body is None else body
        fields = chain.headers(first, last) | (headers or {})
        if coding == "gzip":
            body, fields["Content-Encoding"] = gzip.compress(body), "gzip"
        elif coding == "zstd":
            body = run("zstd", "-c", input=body)
            fields["Content-Encoding"] = "zstd"
        return self.call("POST", "/v1/logs", body,
                         {k: v for k, v in fields.items() if v is not None})


# ---- the collector ----------------------------------------------------------

class Collector:
    """One collector in its own folder, on ports the kernel chose."""
    restore_signals = True  # False: a file that may not grow fails with EFBIG

    def __init__(self, program, folder, database=None):
        self.program, self.folder, self.database = program, folder, database
        self.log = folder + ".log"
        self.process = None
        self.config = folder + ".conf"
        self.port = self.console_port = 0
        plain = self.command("init", "--plain", "--name", "情報市", "--host", "127.0.0.1,localhost")
        self.pin, self.token = re.search(r"pin=sha256:(\w+)\nconsole_token=(\S+)", plain).groups()

    def write_config(self):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"dir = {self.folder}\nlisten = 127.0.0.1:{self.port}\n"
                       f"console_listen = 127.0.0.1:{self.console_port}\n")
            if self.database:
                file.write(f"database = {self.database}\n")

    def command(self, *words):
        self.write_config()
        return run(self.program, "--config", self.config, *words).decode()

    def start(self):
        self.write_config()
        with open(self.log, "ab") as log:
            at = log.tell()
            self.process = subprocess.Popen(
                [self.program, "--config", self.config, "serve"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                restore_signals=self.restore_signals)
        end = time.monotonic() + 20
        while time.monotonic() < end and self.process.poll() is None:
            with open(self.log, encoding="utf-8") as log:
                log.seek(at)
                ports = re.findall(r"\(port (\d+)\)", log.read())
            if len(ports) == 2:
                self.port, self.console_port = map(int, ports)
                self.wait_healthy(end)
                return self
            time.sleep(0.02)
        raise RuntimeError("the collector does not start; see " + self.log)

    def wait_healthy(self, end):
        while time.monotonic() < end:
            try:
                if self.get("/healthz", auth=None)[0] == 200:
                    return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("the console does not answer")

    def stop(self, signal_number=15):
        self.process.send_signal(signal_number)
        code = self.process.wait(30)
        self.process = None
        return code

    def enroll_token(self, *words):
        token, pin = self.command("token", *words).split()[-1].split(".")
        if not self.pin.startswith(pin) or len(pin) < 20:
            raise RuntimeError("the token does not carry the CA's pin")
        return token

    def terminal(self, **options):
        terminal = Terminal(self, **options)
        status = terminal.enroll(self.enroll_token())
        if status != 200:
            raise RuntimeError(f"enrolment: {status}")
        return terminal

    def get(self, path, auth="right"):
        context = ssl.create_default_context(cafile=self.folder + "/ca.crt")
        connection = http.client.HTTPSConnection("127.0.0.1", self.console_port, context=context,
                                                 timeout=30)
        password = self.token if auth == "right" else auth
        headers = {}
        if auth:
            key = base64.b64encode(f"admin:{password}".encode()).decode()
            headers["Authorization"] = "Basic " + key
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        return reply.status, reply.headers, data

    def events(self, query=""):
        rows, after = [], 0
        while True:
            status, _, data = self.get(f"/api/v1/events?limit=1000&after={after}{query}")
            if status != 200:
                raise RuntimeError(f"events: {status} {data}")
            page = json.loads(data)
            if not page["events"]:
                return rows
            rows += page["events"]
            after = page["next"]

    def terminals(self):
        return {t["terminal"]: t for t in json.loads(self.get("/api/v1/terminals")[2])["terminals"]}
