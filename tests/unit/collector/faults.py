# SPDX-License-Identifier: Apache-2.0
"""A network that loses answers, repeats requests and delivers them late and in
another order: stands between a real shipper and a real collector with the
certificates of both, forwards whole requests and decides what becomes of each."""
import http.client, http.server, random, ssl, threading, time

KEPT = ("X-Agent-", "Content-", "Idempotency-Key", "Authorization")


class Faults:
    """`plan(n)` names what happens to the n-th POST /v1/logs: pass, lose (the
    answer), cut (before the collector), twice, old (an earlier one again before
    it), late (the collector gets it after `late_s`; the shipper nothing)."""

    def __init__(self, collector, cert, key, plan, late_s=1.5):
        self.collector, self.cert, self.key = collector, cert, key
        self.plan, self.late_s = plan, late_s
        self.count, self.done, self.earlier = 0, {}, []
        self.lock = threading.Lock()
        self.random = random.Random(7)
        self.threads = []

    def forward(self, method, path, headers, body):
        context = ssl.create_default_context(cafile=self.collector.folder + "/ca.crt")
        context.load_cert_chain(self.cert, self.key)
        connection = http.client.HTTPSConnection("127.0.0.1", self.collector.port,
                                                 context=context, timeout=40)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def quietly(self, *request):
        try:
            self.forward(*request)
        except (OSError, http.client.HTTPException):
            pass  # as lost as any

    def later(self, *request):
        time.sleep(self.late_s)
        self.quietly(*request)

    def judge(self, request):
        """(answer or None, what was done)."""
        with self.lock:
            what = self.plan(self.count)
            self.count += 1
            self.done[what] = self.done.get(what, 0) + 1
            old = self.random.choice(self.earlier) if self.earlier else request
            self.earlier.append(request)
        if what == "cut":
            return None
        if what == "late":
            thread = threading.Thread(target=self.later, args=request)
            thread.start()
            self.threads.append(thread)
            return None
        if what == "old":
            self.quietly(*old)
        answer = self.forward(*request)
        if what == "twice":
            answer = self.forward(*request)
        return None if what == "lose" else answer

    def __enter__(self):
        faults = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {k: v for k, v in self.headers.items() if k.startswith(KEPT)}
                request = (self.command, self.path, headers, body)
                try:
                    answer = faults.judge(request) if self.path == "/v1/logs" \
                        else faults.forward(*request)
                except (OSError, http.client.HTTPException):
                    answer = None
                if answer is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                status, headers, data = answer
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "connection", "date",
                                            "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = handle_any

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.collector.folder + "/server.crt",
                                self.collector.folder + "/server.key")

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self):
                connection, address = super().get_request()
                return context.wrap_socket(connection, server_side=True,
                                           do_handshake_on_connect=False), address

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        for thread in self.threads:
            thread.join(10)
        self.server.shutdown()
        self.server.server_close()
