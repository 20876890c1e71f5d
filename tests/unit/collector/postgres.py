# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of our own for a test: in a new folder, on a socket there, gone
with it. It refuses to run as root, so root starts it as `nobody`."""
import glob, os, pwd, shutil, signal, socket, subprocess, tempfile, threading, time


def programs():
    """The folder of initdb and postgres; None: not installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    return os.path.dirname(found[-1]) if found else None


class Postgres:
    def __init__(self):
        self.bin = programs()
        self.folder = tempfile.mkdtemp(prefix="collector-pg-")
        self.user = "nobody" if os.geteuid() == 0 else None
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        os.chmod(self.folder, 0o755)
        self.data = self.folder + "/data"
        self.run("initdb", "-D", self.data, "-U", "test", "-A", "trust",
                 "-E", "UTF8", "--locale=C", "--no-sync")
        self.process = None
        self.start()

    def options(self):
        return {"user": self.user, "group": "nogroup", "extra_groups": []} \
            if self.user else {}

    def run(self, program, *args):
        subprocess.run([f"{self.bin}/{program}", *args], check=True,
                       cwd=self.folder, stdout=subprocess.DEVNULL, **self.options())

    def start(self):
        self.process = subprocess.Popen(
            [self.bin + "/postgres", "-D", self.data, "-k", self.folder,
             "-c", "listen_addresses="], cwd=self.folder,
            stdout=subprocess.DEVNULL, stderr=open(self.folder + "/log", "a"),
            **self.options())
        for _ in range(300):
            if os.path.exists(self.folder + "/.s.PGSQL.5432") and self.answers():
                return
            time.sleep(0.1)
        raise RuntimeError("no PostgreSQL: " + open(self.folder + "/log").read())

    def answers(self):
        return subprocess.run([self.bin + "/pg_isready", "-q", "-h", self.folder]
                              ).returncode == 0

    def url(self):
        return f"postgresql:///postgres?host={self.folder}&user=test"

    def ask(self, sql):
        return subprocess.run(
            [self.bin + "/psql", "-X", "-q", "-t", "-A", "-d", self.url(), "-c",
             "SET search_path = sekimori; " + sql], check=True,
            stdout=subprocess.PIPE, text=True).stdout.strip()

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        self.process.wait()

    def close(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder)


class Proxy:
    """Between a collector and the database: may be slow, and may lose the
    connection around a COMMIT."""

    def __init__(self, database):
        self.folder = tempfile.mkdtemp(prefix="collector-pg-proxy-")
        self.target = database.folder + "/.s.PGSQL.5432"
        self.delay_s = 0    # before each message to the database
        self.cut = None     # "before" or "after" the next COMMIT reaches it
        self.cuts = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.folder + "/.s.PGSQL.5432")
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self):
        return f"postgresql:///postgres?host={self.folder}&user=test"

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.target)
            except OSError:
                client.close()
                continue
            cut = threading.Event()
            for pair in ((client, server, True, cut), (server, client, False, cut)):
                threading.Thread(target=self.pump, args=pair, daemon=True).start()

    def pump(self, source, sink, is_question, cut):
        try:
            while data := source.recv(1 << 16):
                if is_question and self.delay_s:
                    time.sleep(self.delay_s)
                if is_question and self.cut and data == b"Q\0\0\0\x0bCOMMIT\0":
                    self.cuts, when, self.cut = self.cuts + 1, self.cut, None
                    if when == "before":
                        break
                    cut.set()  # the answer is not to arrive
                elif not is_question and cut.is_set():
                    break
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()
        shutil.rmtree(self.folder)
