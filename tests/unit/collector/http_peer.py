# SPDX-License-Identifier: Apache-2.0
"""Other log systems with an HTTP API, as far as an output of the collector meets
them: a real server, with TLS, that answers as the API's documents say and keeps
what it took. Neither OpenSearch nor Splunk can be installed for a test here."""
import base64, http.server, json, os, re, socket, ssl, threading

from suite import PROGRAM, equal
from terminal import Chain, Collector


class Peer:
    """One server; subclasses answer(handler, path, body) → (status, headers, value)."""

    def __init__(self, cert=None, key=None, client_ca=None):
        self.lock = threading.Lock()
        self.requests = []  # (path, headers, body)
        self.plan = []      # answers that go before answer(): functions
        self.tls = None
        if cert:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(cert, key)
            if client_ca:
                self.tls.load_verify_locations(client_ca)
                self.tls.verify_mode = ssl.CERT_REQUIRED
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.server = self.thread = None

    def start(self):
        if self.server:
            return self
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with peer.lock:
                    peer.requests.append((self.path, dict(self.headers), body))
                    planned = peer.plan.pop(0) if peer.plan else None
                    status, headers, value = (planned or peer.answer)(self, self.path, body)
                data = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                for name, text in headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def finish_request(self, request, address):
                if peer.tls:  # here and not at accept(): one bad client stops nobody
                    request = peer.tls.wrap_socket(request, server_side=True)
                self.live.append(request)
                super().finish_request(request, address)

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.live = []
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        return self

    def stop(self):
        """Gone with every connection."""
        if not self.server:
            return
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        for connection in self.server.live:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()
        self.server = None

    def answer(self, handler, path, body):
        raise NotImplementedError


def basic(handler):
    """The "user:password" of a request, or None."""
    kind, _, value = handler.headers.get("Authorization", "").partition(" ")
    return base64.b64decode(value).decode() if kind == "Basic" else None


class Bulk(Peer):
    """The document API's _bulk (POST /<index>/_bulk, actions `create`)."""

    def __init__(self, **options):
        super().__init__(**options)
        self.documents = {}     # id → (octets of the source)
        self.creates = {}       # id → how often it was asked for
        self.password = None
        self.max_bytes = 100 << 20
        self.judge = lambda number, source: None  # → (status, type, reason) or None

    def answer(self, handler, path, body):
        if self.password and basic(handler) != self.password:
            return 401, {"WWW-Authenticate": "Basic"}, {"error": {
                "type": "security_exception", "reason": "unable to authenticate user"}, "status": 401}
        if not path.startswith("/sekimori-ocsf/_bulk?filter_path=") or \
                handler.headers["Content-Type"] != "application/x-ndjson":
            return 406, {}, {"error": "Content-Type header is not supported", "status": 406}
        if len(body) > self.max_bytes:
            return 413, {}, b""
        lines = body.split(b"\n")
        if lines.pop() != b"" or len(lines) % 2:
            return 400, {}, {"error": {"type": "illegal_argument_exception", "reason":
                             "The bulk request must be terminated by a newline [\\n]"}, "status": 400}
        return 200, {}, {"items": [self.create(json.loads(lines[i])["create"]["_id"], lines[i + 1])
                                   for i in range(0, len(lines), 2)]}

    def create(self, number, source):
        self.creates[number] = self.creates.get(number, 0) + 1
        problem = self.judge(number, source)
        try:
            if not isinstance(json.loads(source), dict):
                raise ValueError
        except ValueError:
            problem = 400, "mapper_parsing_exception", "failed to parse"
        if not problem and number in self.documents:
            problem = 409, "version_conflict_engine_exception", "document already exists"
        if problem:
            return {"create": {"status": problem[0],
                               "error": {"type": problem[1], "reason": problem[2]}}}
        self.documents[number] = source
        return {"create": {"status": 201}}


class Hec(Peer):
    """services/collector/event and /ack of the HTTP Event Collector."""

    def __init__(self, token, is_ack=False, **options):
        super().__init__(**options)
        self.token, self.is_ack = token, is_ack
        self.events = []      # what is indexed, in order
        self.pending = {}     # (channel, ackId) → events, indexed when it is asked for
        self.ack_after = 0    # so many questions are answered "not yet"
        self.asked = 0
        self.max_bytes = 100 << 20
        self.is_wrong = lambda event: False

    def answer(self, handler, path, body):
        kind, _, token = handler.headers.get("Authorization", "").partition(" ")
        if kind != "Splunk" or not token:
            return 401, {}, {"text": "Token is required", "code": 2}
        if token != self.token:
            return 403, {}, {"text": "Invalid token", "code": 4}
        channel = handler.headers.get("X-Splunk-Request-Channel", "")
        if len(channel) != 36 and self.is_ack:
            return 400, {}, {"text": "Data channel is missing", "code": 10}
        if path == f"/services/collector/ack?channel={channel}":
            return self.acks(channel, json.loads(body)["acks"])
        if path != "/services/collector/event":
            return 404, {}, {"text": "The requested URL was not found on this server.", "code": 404}
        if len(body) > self.max_bytes:
            return 413, {}, {"text": "Content-Length too large", "code": 27}
        return self.take(channel, body.decode())

    def take(self, channel, text):
        events, at, decoder = [], 0, json.JSONDecoder()
        while text[at:].strip():
            event, at = decoder.raw_decode(text, at)
            at += len(text[at:]) - len(text[at:].lstrip())
            if self.is_wrong(event):
                return 400, {}, {"text": "Error in handling indexed fields", "code": 15,
                                 "invalid-event-number": len(events)}
            events.append(event)
        if not self.is_ack:
            self.events += events
            return 200, {}, {"text": "Success", "code": 0}
        number = len(self.pending)
        self.pending[channel, number] = events
        return 200, {}, {"text": "Success", "code": 0, "ackId": number}

    def acks(self, channel, numbers):
        """True once, when what it is about is indexed."""
        self.asked += 1
        if not self.is_ack:
            return 400, {}, {"text": "ACK is disabled", "code": 14}
        reply = {}
        for number in numbers:
            is_there = self.asked > self.ack_after and self.pending.get((channel, number)) is not None
            if is_there:
                self.events += self.pending[channel, number]
                self.pending[channel, number] = None
            reply[str(number)] = is_there
        return 200, {}, {"acks": reply}


class HttpPair:
    """A collector whose output is a peer; `extra` are more lines of its configuration."""

    def __init__(self, folder, make_peer, url, tls=True, client=False):
        os.makedirs(folder, exist_ok=True)
        self.c = Collector(PROGRAM, folder + "/c")
        f = self.c.folder
        keys = dict(cert=f + "/server.crt", key=f + "/server.key") if tls else {}
        if client:
            keys["client_ca"] = f + "/ca.crt"
        self.peer = make_peer(keys)
        self.url = url.format("https" if tls else "http", f"127.0.0.1:{self.peer.port}")
        self.extra = [f"output = {self.url}"] + ([f"output_ca = {f}/ca.crt"] if tls else [])
        write, config = self.c.write_config, self.c.config

        def write_config():
            write()
            with open(config, "a", encoding="utf-8") as file:
                file.write("\n".join(self.extra) + "\n")

        self.c.write_config = write_config

    def __enter__(self):
        return self

    def __exit__(self, problem, *_):
        code = self.c.stop() if self.c.process and self.c.process.poll() is None else 0
        self.peer.stop()
        if problem is None:
            equal(code, 0, "the collector ends without an error (or a leak)")

    def log(self):
        return open(self.c.log, encoding="utf-8").read()

    def send(self, count=0, *events):
        """A terminal with `count` plain events and these; its chain."""
        t = self.c.terminal()
        chain = Chain(t.host).grow(count)
        for body in events:
            chain.append(body)
        first = 1
        while first <= len(chain.records):
            last = min(first + 999, len(chain.records))
            equal(t.post(chain, first, last)[0], 200)
            first = last + 1
        t.close()
        return chain

    def metric(self, name):
        text = self.c.get("/metrics")[2].decode()
        found = re.findall(rf"^{name}\{{output=\"([^\"]*)\"\}} (\S+)$", text, re.M)
        return {url: float(value) for url, value in found}
