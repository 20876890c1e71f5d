# SPDX-License-Identifier: Apache-2.0
"""Other log systems with an HTTP API, as far as an output of the collector meets
them: a real server, with TLS, that answers as the API's documents say and keeps
what it took. Neither OpenSearch nor Splunk can be installed for a test here."""
import base64, http.server, json, socket, ssl, threading


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
