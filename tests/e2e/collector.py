# SPDX-License-Identifier: Apache-2.0
"""The collector of one case: an ordinary process on the host, with its own
folder and ports. The guest reaches it at 10.0.2.2."""

import base64
import contextlib
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

from vm import DIE_WITH_US

HOST_FROM_GUEST = "10.0.2.2"
START_SECONDS = 20
PAGE = 1000


class CollectorError(Exception):
    """The collector does not run as it should."""


def free_port():
    """A TCP port that nobody has right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Collector:
    """One collector; enrol() makes the case's terminal known to it."""

    def __init__(self, program, case):
        self.program = program
        self.case = case
        self.folder = case.folder + "/collector"
        self.port = free_port()
        self.console = free_port()
        self.process = None
        self.config = self.folder + ".conf"
        self.admin = self._init()

    def _init(self):
        """Makes the CA; returns the console's token."""
        os.makedirs(self.folder, mode=0o700)
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(f"dir = {self.folder}\n"
                       f"listen = 127.0.0.1:{self.port}\n"
                       f"console_listen = 127.0.0.1:{self.console}\n")
        said = self._run("init", "--plain", "--host",
                         HOST_FROM_GUEST + ",127.0.0.1",
                         "--name", "情報市")
        return said.split("console_token=")[1].split()[0]

    def _run(self, *words):
        command = [self.program, "--config", self.config, *words]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise CollectorError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def publish(self, path, *words):
        """A signed document to the terminals' inbox."""
        self._run("publish", *words, path)

    # ---- process ---------------------------------------------------------

    def start(self):
        """Serves; returns when the port is open."""
        with open(self.folder + ".log", "ab") as log:
            self.process = subprocess.Popen(
                [*DIE_WITH_US, self.program, "--config", self.config,
                 "serve"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            time.sleep(0.05)
        raise CollectorError("the collector does not start; see "
                             + self.folder + ".log")

    def kill(self):
        """SIGKILL, as a crash would."""
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def pause(self, seconds):
        """Answers nobody for a while, connections staying open."""
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)

    close = kill

    @property
    def url(self):
        """Where the guest finds it."""
        return f"https://{HOST_FROM_GUEST}:{self.port}"

    # ---- the terminal ----------------------------------------------------

    def enrol(self):
        """Starts, and enrols the guest as its administrator would."""
        if not self.process:
            self.start()
        token = self._run("token").strip()
        self.case.must(f"sekimori-ship enroll {self.url} {token}")
        self.case.must("systemctl restart sekimori-ship")

    # ---- what it holds ---------------------------------------------------

    def get(self, path):
        """JSON from the console's API."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        key = base64.b64encode(f"admin:{self.admin}".encode()).decode()
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.console}{path}",
            headers={"Authorization": "Basic " + key})
        with urllib.request.urlopen(request, context=context) as reply:
            return json.load(reply)

    def events(self, where=None, wait=None):
        """The events it holds, in the order it stored them. With `wait`,
        waits that many seconds until there is one."""
        def found():
            rows = self._all_events()
            return [e for e in rows if where is None or where(e)]

        if wait is None:
            return found()
        return self.case.wait_for(found, wait, "an event at the collector")

    def _all_events(self):
        rows, after = [], 0
        while True:
            page = self.get(f"/api/v1/events?after={after}&limit={PAGE}")
            if not page["events"]:
                return rows
            rows += [row["event"] for row in page["events"]]
            after = page["next"]

    # ---- a collector that has gone mad -----------------------------------

    @contextlib.contextmanager
    def nonsense(self):
        """In its place: the right certificate, and senseless answers."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port),
                                                 Nonsense)
        server.asked = 0
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder + "/server.crt",
                                self.folder + "/server.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            server.server_close()


class Nonsense(http.server.BaseHTTPRequestHandler):
    """Every answer is wrong in another way."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        stream = self.headers.get("X-Agent-Stream", "")
        answers = (
            (200, {"X-Agent-Ack": f"{stream}:18446744073709551615"}, b""),
            (200, {"X-Agent-Ack": "ok"}, b"\xff\xfe not protobuf"),
            (409, {"X-Agent-Expect": f"{stream}:99999999"}, b""),
            (200, {"X-Agent-Ack": "0" * 32 + ":5"}, b""),
            (302, {"Location": "https://192.0.2.1/"}, b""),
            (418, {}, b"\0" * 65536),
        )
        status, headers, body = answers[self.server.asked % len(answers)]
        self.server.asked += 1
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *_):
        """Quiet: the case tells what matters."""
