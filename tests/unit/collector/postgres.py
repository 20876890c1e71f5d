# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL of our own for a test: in a new folder, on a socket there, gone
with it. It refuses to run as root, so root starts it as `nobody`."""
import glob, os, pwd, shutil, signal, subprocess, tempfile, time


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
