#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The collector under many terminals, on SQLite and on PostgreSQL: events/s and
the time to the acknowledgement with connections that stand, then the morning:
30,000 terminals, each with its own certificate, that connect and send 20 events
each as fast as they are taken, connections left open as the shipper leaves them,
as many as this machine's limit of open files allows. Beside each store
the bare insert of rows of that size by its own client. Prints lines `name value
unit`. --terminals N scales the morning, --only takes sqlite or postgres."""
import argparse, os, re, resource, shutil, sqlite3, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../unit/collector"))
from postgres import Postgres, programs  # noqa: E402
from terminal import Collector  # noqa: E402

# name: events a request, requests made for each of 64 terminals, octets
STANDING = {"64x20": (20, 500, 645), "64x20_2k": (20, 250, 1900), "64x200": (200, 60, 645),
            "64x1": (1, 2000, 645)}
SECONDS = 4
OPEN_MAX = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 60000) - 1000
PEER_ROWS, PEER_GROUP = 100000, 1280


class Load:
    """One run of tests/bench/load; stays, connections open, until end()."""

    def __init__(self, build, collector, **options):
        words = [f"{build}/tests/bench/load", "--dir", collector.folder,
                 "--port", str(collector.port)]
        for key, value in options.items():
            words += ["--" + key.replace("_", "-"), str(value)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.figures = {}

    def wait(self):
        """The figures, when all was played."""
        for line in self.process.stdout:
            words = line.split()
            if words == ["done"]:
                return self.figures
            self.figures[words[0]] = (float(words[1]), words[2])
        raise RuntimeError(f"the load ended with {self.process.wait()}")

    def end(self):
        self.process.stdin.close()
        if self.process.wait(120) != 0:
            raise RuntimeError("the load failed")


def memory_mib(pid, key):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(key + r":\s+(\d+)", file.read())[1]) / 1024


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def say(name, value, unit):
    print(f"{name} {value:.0f} {unit}" if value >= 1000 else f"{name} {value:.2f} {unit}", flush=True)


def tell(prefix, figures, *names):
    for name in names:
        if name in figures:
            say(f"{prefix}_{name}", *figures[name])


# ---- the peers -------------------------------------------------------------------

def rows(octets):
    """What a row of ours holds, without our indexes, chain and tree."""
    body = ("{\"message\":\"未承認のUSBメモリを遮断しました\"" + "x" * octets).encode()[:octets - 1] + b"}"
    text = body.decode("utf-8", "replace")
    return [(i, i % 64, i // 64, 1764572400000 + i, "usb.device.blocked", os.urandom(32).hex(), text)
            for i in range(PEER_ROWS)]


def peer_sqlite(folder):
    """Bare inserts into one table, synchronous=FULL, as many a commit as ours."""
    db = sqlite3.connect(folder + "/peer.db", isolation_level=None)
    db.executescript("PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                     "CREATE TABLE e(id INTEGER PRIMARY KEY, stream INT, seq INT, time INT, code TEXT,"
                     " hash TEXT, body TEXT); CREATE UNIQUE INDEX s ON e(stream, seq)")
    data = rows(645)
    start = time.monotonic()
    for at in range(0, len(data), PEER_GROUP):
        db.execute("BEGIN")
        db.executemany("INSERT INTO e VALUES(?,?,?,?,?,?,?)", data[at:at + PEER_GROUP])
        db.execute("COMMIT")
    took = time.monotonic() - start
    db.close()
    return PEER_ROWS / took


def peer_postgres(database, folder):
    """psql's \\copy of the same rows, PEER_GROUP a transaction."""
    names = []
    data = rows(645)
    for at in range(0, len(data), PEER_GROUP):
        names.append(f"{folder}/peer-{at}")
        with open(names[-1], "w", encoding="utf-8") as file:
            file.writelines("\t".join(map(str, row)) + "\n" for row in data[at:at + PEER_GROUP])
    words = [database.bin + "/psql", "-X", "-q", "-d", database.url()]
    subprocess.run(words + ["-c", "CREATE TABLE peer(id bigint PRIMARY KEY, stream int, seq bigint,"
                            " time bigint, code text, hash text, body text);"
                            "CREATE UNIQUE INDEX ON peer(stream, seq)"], check=True)
    script = "".join(f"\\copy peer from '{name}'\n" for name in names)
    start = time.monotonic()
    subprocess.run(words, input=script, text=True, check=True)
    return PEER_ROWS / (time.monotonic() - start)


# ---- ours ------------------------------------------------------------------------

def standing(build, collector, prefix):
    """Connections that stand, requests made ahead: the collector's own rate."""
    first, cpu, sent = None, cpu_seconds(collector.process.pid), 0
    for seed, (name, (batch, requests, octets)) in enumerate(STANDING.items(), 100):
        load = Load(build, collector, terminals=64, events=batch * requests, batch=batch,
                    bytes=octets, ahead=1, seconds=SECONDS, seed=seed)
        figures = load.wait()
        load.end()
        tell(f"{prefix}_{name}", figures, "rate", "ack_p50", "ack_p99")
        first = first or figures["rate"][0]
        sent += figures["events"][0]
    say(prefix + "_cpu", 1e6 * (cpu_seconds(collector.process.pid) - cpu) / sent, "us/ev")
    return first


def morning(build, collector, prefix, args):
    pid = collector.process.pid
    before, cpu = memory_mib(pid, "VmRSS"), cpu_seconds(pid)
    load = Load(build, collector, terminals=args.terminals, events=20, batch=20,
                connections=args.connections, window=args.window,
                hold=OPEN_MAX - 2 * args.connections, seed=7)
    figures = load.wait()
    tell(prefix, figures, "seconds", "events", "rate", "ack_p50", "ack_p99", "connect_p50",
         "connect_p99", "refused", "broken", "open")
    say(prefix + "_logins", args.terminals / figures["seconds"][0], "terminals/s")
    say(prefix + "_cpu", 1e3 * (cpu_seconds(pid) - cpu) / args.terminals, "ms/terminal")
    say(prefix + "_rss_before", before, "MiB")
    say(prefix + "_rss_open", memory_mib(pid, "VmRSS"), "MiB")
    say(prefix + "_rss_terminal", 1024 * (memory_mib(pid, "VmRSS") - before) / figures["open"][0], "KiB")
    load.end()


class Site(Collector):
    """A collector that takes as many connections as there are terminals."""

    def write_config(self):
        super().write_config()
        with open(self.config, "a", encoding="utf-8") as file:
            file.write(f"max_connections = {OPEN_MAX}\n")


def run(args, folder, database):
    kind = "postgres" if database else "sqlite"
    collector = Site(args.build + "/sekimori-collector", f"{folder}/{kind}",
                     database and database.url()).start()
    try:
        rate = standing(args.build, collector, "ingest_" + kind)
        peer = peer_postgres(database, folder) if database else peer_sqlite(folder)
        say(f"insert_{kind}_peer", peer, "ev/s")
        say(f"ingest_{kind}_of_peer", rate / peer, "x")
        morning(args.build, collector, "morning_" + kind, args)
    finally:
        collector.stop()


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--build", default="build")
    ap.add_argument("--terminals", type=int, default=30000)
    ap.add_argument("--connections", type=int, default=256, help="under way at once")
    ap.add_argument("--window", type=int, default=0, help="seconds in which they come; 0: at once")
    ap.add_argument("--only", default="", help="sqlite or postgres")
    args = ap.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # for those we start
    folder = tempfile.mkdtemp(prefix="bench-storm-", dir="/var/tmp")
    try:
        if args.only in "sqlite":
            run(args, folder, None)
        if args.only in "postgres" and not programs():
            print("# postgres: skipped, it is not installed")
        elif args.only in "postgres":
            database = Postgres()
            try:
                run(args, folder, database)
            finally:
                database.close()
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
