#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The PostgreSQL store: the same suite as SQLite's, then collectors on it, one
and two, killed and with the database restarted. Prints one line a test and a
closing count."""
import os, re, shutil, signal, sqlite3, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from postgres import Postgres, Proxy, programs  # noqa: E402
from suite import BUILD, PROGRAM, equal, main, until  # noqa: E402
from terminal import Chain, Collector, Terminal, event  # noqa: E402

TESTS = []


def test(function):
    TESTS.append(function)
    return function


# ---- the suite of the store ---------------------------------------------------

def suite(database, name):
    """Lines of one cmocka program run on the database: (name, is_ok)."""
    done = subprocess.run([f"{BUILD}/tests/unit/collector/{name}"], capture_output=True, text=True,
                          env=os.environ | {"SEKIMORI_TEST_DATABASE": database.url(),
                                            "CMOCKA_MESSAGE_OUTPUT": "stdout"})
    lines = re.findall(r"\[\s+(OK|FAILED|SKIPPED)\s+\] (\w+)", done.stdout)
    if done.returncode != 0 and all(state != "FAILED" for state, _ in lines):
        lines.append(("FAILED", name + " ended with " + str(done.returncode)))
    if any(state == "FAILED" for state, _ in lines):
        print(done.stdout[-3000:], done.stderr[-3000:])
    return list(dict.fromkeys(lines))


# ---- collectors ----------------------------------------------------------------

def drop(database):
    subprocess.run([database.bin + "/psql", "-q", "-X", "-d", database.url(), "-c",
                    "DROP SCHEMA IF EXISTS sekimori CASCADE"], check=True,
                   stderr=subprocess.DEVNULL)


class Site:
    """Collectors of one city on one database."""

    def __init__(self, database, folder):
        self.database, self.folder = database, folder
        drop(database)
        self.first = Collector(PROGRAM, folder + "/a", database.url()).start()
        # The second has the same keys, and a folder of its own
        shutil.copytree(folder + "/a", folder + "/b")
        self.second = object.__new__(Collector)
        self.second.__dict__ = self.first.__dict__ | {
            "folder": folder + "/b", "log": folder + "/b.log", "config": folder + "/b.conf",
            "process": None, "port": 0, "console_port": 0}

    def through(self, proxy):
        """A collector that reaches the database by way of `proxy`."""
        folder = f"{self.folder}/{os.urandom(4).hex()}"
        shutil.copytree(self.folder + "/a", folder)
        collector = object.__new__(Collector)
        collector.__dict__ = self.first.__dict__ | {
            "folder": folder, "log": folder + ".log", "config": folder + ".conf",
            "database": proxy.url(), "process": None, "port": 0, "console_port": 0}
        return collector.start()

    def stop(self):
        for collector in (self.first, self.second):
            if collector.process and collector.process.poll() is None:
                collector.stop()

    def terminal(self):
        terminal = self.first.terminal()
        return terminal, Chain(terminal.host)


def deliver(terminal, chain, collectors, batch=5, seconds=60):
    """As the shipper does: again until acked, at whichever collector answers."""
    done, end, turn = 0, time.monotonic() + seconds, 0
    while done < len(chain.records):
        if time.monotonic() > end:
            raise AssertionError(f"stuck at {done} of {len(chain.records)}")
        last = min(done + batch, len(chain.records))
        terminal.collector = collectors[turn % len(collectors)]
        try:
            status, headers, _ = terminal.post(chain, done + 1, last)
        except Exception:  # noqa: BLE001: killed under us: the next one
            terminal.close()
            turn += 1
            time.sleep(0.05)
            continue
        if status == 200:
            done = int(headers["X-Agent-Ack"].split(":")[1])
        elif status == 409 and headers.get("X-Agent-Expect"):
            done = int(headers["X-Agent-Expect"].split(":")[1])
        elif status not in (429, 503):
            raise AssertionError(f"status {status}")
        turn += 1
        terminal.close()


def stored(site, chain):
    return site.database.ask(
        "SELECT count(*), count(DISTINCT e.seq), max(e.seq) FROM events e"
        f" JOIN streams s ON s.id = e.stream WHERE s.stream = '{chain.stream}'")


def exactly_once(site, chain):
    n = len(chain.records)
    equal(stored(site, chain), f"{n}|{n}|{n}", "events, distinct, newest")


def proved(site):
    """Export with proof, and verify what was exported."""
    out = site.first.command("export", "--proof")
    path = site.first.folder + "/export.ndjson"
    with open(path, "w", encoding="utf-8") as file:
        file.write(out)
    return site.first.command("verify", path)


@test
def events_are_kept_once_and_shown(site):
    terminal, chain = site.terminal()
    chain.grow(30)
    deliver(terminal, chain, [site.first])
    terminal.collector = site.first
    equal(terminal.post(chain, 1, 30)[0], 200)
    exactly_once(site, chain)
    equal(len(site.first.events("&terminal=" + terminal.host)), 30)
    equal(site.first.terminals()[terminal.host]["events"], 30)
    proved(site)


@test
def two_collectors_lose_and_double_nothing_when_one_is_killed(site):
    site.second.start()
    pairs = [site.terminal() for _ in range(4)]
    for _, chain in pairs:
        chain.grow(120)
    problems = []

    def work(terminal, chain):
        try:
            deliver(terminal, chain, [site.first, site.second])
        except Exception as problem:  # noqa: BLE001: told below
            problems.append(repr(problem))

    threads = [threading.Thread(target=work, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.5)
        site.second.process.kill()
        site.second.process.wait()
        site.second.start()
    for thread in threads:
        thread.join()
    equal(problems, [])
    for _, chain in pairs:
        exactly_once(site, chain)
    proved(site)


@test
def a_database_that_is_restarted_loses_nothing(site):
    terminal, chain = site.terminal()
    chain.grow(200)
    worker = threading.Thread(target=deliver, args=(terminal, chain, [site.first]))
    worker.start()
    time.sleep(0.3)
    site.database.stop(signal.SIGQUIT)  # at once, as a crash
    time.sleep(0.5)
    site.database.start()
    worker.join()
    exactly_once(site, chain)
    equal(len(site.first.events("&terminal=" + terminal.host)), 200,
          "the console found its way back")
    proved(site)


@test
def a_commit_of_unknown_outcome_is_not_acked_and_not_doubled(site):
    proxy = Proxy(site.database)
    collector = site.through(proxy)
    try:
        terminal, chain = site.terminal()
        terminal.collector = collector
        terminal.close()
        for number, when in enumerate(("after", "before", "after", "before")):
            chain.grow(25)
            first, proxy.cut = 25 * number + 1, when
            status, headers, _ = terminal.post(chain, first, first + 24)
            equal((status, headers.get("X-Agent-Ack")), (503, None), "no ack for what is not known")
            equal(proxy.cuts, number + 1)
            # The truth: after the cut it is there, before it is not
            known = 25 * (number + (when == "after"))
            equal(stored(site, chain).split("|")[0], str(known))
            status, headers, _ = terminal.post(chain, first, first + 24)
            equal((status, headers.get("X-Agent-Ack")), (200, f"{chain.stream}:{first + 24}"))
            exactly_once(site, chain)
        proved(site)
        equal(site.first.terminals()[terminal.host]["events"], 100, "counted once")
    finally:
        collector.stop()
        proxy.close()


@test
def an_enrolment_whose_commit_is_unknown_can_be_tried_again(site):
    proxy = Proxy(site.database)
    collector = site.through(proxy)
    try:
        for when in ("before", "after"):
            terminal = Terminal(collector)
            token = site.first.enroll_token()
            proxy.cut = when
            equal(terminal.enroll(token), 503)
            equal(proxy.cut, None, "it was cut")
            equal(terminal.enroll(token), 200, "the same key with the same token " + when)
            equal(Terminal(collector).enroll(token), 401, "another key gets nothing")
    finally:
        collector.stop()
        proxy.close()


@test
def a_slow_database_and_many_who_wait_hold_up_no_event(site):
    proxy = Proxy(site.database)
    collector = site.through(proxy)
    terminals = [site.terminal()[0] for _ in range(30)]
    for terminal in terminals:
        terminal.collector = collector
        terminal.close()
    waiting, heard = terminals[:20], []
    etag = waiting[0].call("GET", "/v1/inbox")[1]["ETag"]

    def wait(terminal):
        answer = terminal.call("GET", "/v1/inbox",
                               headers={"If-None-Match": etag, "Prefer": "wait=60"})
        heard.append((answer[0], answer[2]))

    threads = [threading.Thread(target=wait, args=(t,)) for t in waiting]
    try:
        for thread in threads:
            thread.start()
        time.sleep(2)
        proxy.delay_s = 0.1
        path = site.folder + "/policy.jws"
        with open(path, "w", encoding="utf-8") as file:
            file.write("bGFuZw.cGF5.c2ln\n")
        site.first.command("publish", path)
        until("the first hears", lambda: heard)
        # Now the thread is busy with the others, and these ask meanwhile
        others = [threading.Thread(target=t.call, args=("GET", "/v1/inbox")) for t in terminals[20:24]]
        for thread in others:
            thread.start()
        time.sleep(0.2)
        equal(len(heard) < 20, True, "too fast to tell")
        chain = Chain(terminals[-1].host).grow(1)
        start = time.monotonic()
        equal(terminals[-1].post(chain, 1, 1)[0], 200)
        took = time.monotonic() - start
        equal(len(heard) < 20, True, f"the event waited for all of them: {took:.1f} s")
        for thread in threads + others:
            thread.join()
        equal(heard, [(200, b"policy.jws bGFuZw.cGF5.c2ln\n")] * 20)
    finally:
        proxy.delay_s = 0
        collector.stop()
        proxy.close()


@test
def terminals_are_slowed_down_before_they_are_refused(site):
    proxy = Proxy(site.database)
    collector = site.through(proxy)
    pairs = [site.terminal() for _ in range(14)]
    rates, problems = [], []

    def work(terminal, chain):
        try:
            status, headers, _ = terminal.post(chain, 1, 2000, coding="gzip")
            equal(status, 200)
            rates.append(headers.get("X-Agent-Rate"))
        except Exception as problem:  # noqa: BLE001: told below
            problems.append(repr(problem))

    try:
        for terminal, chain in pairs:
            terminal.collector = collector
            terminal.close()
            chain.grow(2000)
        proxy.delay_s = 0.03
        threads = [threading.Thread(target=work, args=pair) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(problems, [])
        # The last had nothing behind it; those before had.
        equal(rates[-1], None)
        equal("20" in rates, True, rates)
        proxy.delay_s = 0
        terminal, chain = pairs[0]
        chain.grow(1)
        equal(terminal.post(chain, 2001, 2001)[1].get("X-Agent-Rate"), None)
    finally:
        collector.stop()
        proxy.close()


@test
def a_row_taken_out_of_the_database_is_named(site):
    terminal, chain = site.terminal()
    chain.grow(20)
    deliver(terminal, chain, [site.first])
    site.database.ask("DELETE FROM events WHERE seq = 7 AND stream = (SELECT id FROM streams"
                      f" WHERE stream = '{chain.stream}')")
    out = site.first.command("export", "--proof")
    path = site.first.folder + "/export.ndjson"
    with open(path, "w", encoding="utf-8") as file:
        file.write(out)
    done = subprocess.run([PROGRAM, "--config", site.first.config, "verify", path],
                          capture_output=True, text=True)
    equal(done.returncode != 0, True, "verify accepts it")
    equal(chain.stream in done.stdout + done.stderr, True, done.stdout + done.stderr)


TABLES = ("hosts", "streams", "events", "gaps", "tree", "tiles", "rollups", "incidents")


def keep(site, name):
    site.database.ask(f"CREATE SCHEMA {name}; " + "; ".join(
        f"CREATE TABLE {name}.{t} AS TABLE sekimori.{t}" for t in TABLES))


def put_back(site, name):
    site.database.ask("; ".join(f"DELETE FROM {t}; INSERT INTO {t} OVERRIDING SYSTEM VALUE SELECT * FROM {name}.{t}"
                                for t in TABLES))


def judged(site, *checkpoints):
    """Lines of deviations under the log's key and the auditor's checkpoints."""
    path = site.first.folder + "/export.ndjson"
    words = [word for c in checkpoints for word in ("--checkpoint", c)]
    with open(path, "w", encoding="utf-8") as file:
        file.write(site.first.command("export", "--proof", *words))
    done = subprocess.run([PROGRAM, "verify", "--key", site.first.folder + "/log.vkey", *words, path],
                          capture_output=True, text=True, env=os.environ | {"LC_ALL": "C.UTF-8"})
    equal(done.returncode in (0, 3), True, done.stderr)
    return done.stdout.splitlines()[:-1]


def auditors_checkpoint(site, name):
    path = f"{site.folder}/{name}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(site.first.command("checkpoint"))
    return path


def fresh_site(site):
    """The first collector on an empty database with its own CA and log key."""
    for collector in (site.first, site.second):
        if collector.process and collector.process.poll() is None:
            collector.stop()
    drop(site.database)
    fresh = object.__new__(Site)
    fresh.database, fresh.folder = site.database, tempfile.mkdtemp(dir=site.folder)
    fresh.first = fresh.second = Collector(PROGRAM, fresh.folder + "/a", site.database.url()).start()
    return fresh


@test
def every_kind_of_tampering_is_named_with_its_place(site):
    site = fresh_site(site)
    terminal, chain = site.terminal()
    deliver(terminal, chain.grow(40), [site.first], batch=20)
    site.first.stop()
    seen = auditors_checkpoint(site, "seen")
    equal(judged(site, seen), [], "before")
    keep(site, "kept")
    of = f"stream={chain.stream} seq="
    rows = (
        ("DELETE FROM events WHERE seq = 7", r"delete leaf=6\.\.6: ", rf"delete leaf=7 {of}7\.\.7: "),
        ("DELETE FROM events WHERE seq BETWEEN 7 AND 20", r"delete leaf=6\.\.19: "),
        ("UPDATE events SET body = convert_to(replace(convert_from(body, 'UTF8'), '許可', '遮断'), 'UTF8')"
         " WHERE seq = 9", rf"edit leaf=8 {of}9: its content"),
        ("UPDATE events SET wall_ns = wall_ns - 1 WHERE seq = 9", rf"edit leaf=8 {of}9: its content"),
        ("UPDATE events SET hash = sha256(hash) WHERE seq = 9", rf"edit leaf=8 {of}9: "),
        ("UPDATE events SET body = '', quarantine = 64 WHERE seq = 9", rf"edit leaf=8 {of}9: its record"),
        ("UPDATE events SET id = 1000 WHERE seq = 11; UPDATE events SET id = 11 WHERE seq = 14;"
         "UPDATE events SET id = 14 WHERE seq = 11", r"swap leaf=10,13 "),
        ("DELETE FROM events WHERE seq > 35", r"truncate leaf=35\.\.39: ", rf"truncate {of}36\.\.40: "),
        ("UPDATE tiles SET hashes = overlay(hashes PLACING sha256('x') FROM 65) WHERE id = 0",
         rf"edit leaf=2 {of}3: ", r"fork leaf=0\.\.39: "),
    )
    for sql, *patterns in rows:
        site.database.ask(sql)
        lines = judged(site, seen)
        for pattern in patterns:
            equal(any(re.match(pattern, line) for line in lines), True, f"{sql}: {pattern}: {lines}")
        kind = patterns[0].split()[0]
        equal([l for l in lines if not re.match("|".join(patterns), l) and l.split()[0] != kind], [], sql)
        put_back(site, "kept")
        equal(judged(site, seen), [], "put back after " + sql)
    site.database.ask("SET client_min_messages = warning; DROP SCHEMA kept CASCADE")


@test
def what_retention_removes_is_announced_in_the_tree(site):
    site = fresh_site(site)
    terminal, chain = site.terminal()
    deliver(terminal, chain.grow(40), [site.first], batch=20)
    site.first.stop()
    day = int(time.time()) // 86400 - 40
    site.database.ask(f"CREATE TABLE events_{day} PARTITION OF events FOR VALUES FROM ({day * 86400000})"
                      f" TO ({(day + 1) * 86400000}); UPDATE events SET recv_ms = {day * 86400000}"
                      " WHERE seq <= 12")
    write_config = site.first.write_config

    def with_retention():
        write_config()
        with open(site.first.config, "a", encoding="utf-8") as file:
            file.write("retention_days = 30\n")

    site.first.write_config = with_retention
    site.first.start()
    end = time.monotonic() + 20
    while time.monotonic() < end and "of 12 events" not in open(site.first.log, encoding="utf-8").read():
        time.sleep(0.05)
    site.first.stop()
    site.first.command("checkpoint")
    lines = judged(site)
    equal([line.split(":")[0] for line in lines], ["retired leaf=0..11"], lines)
    equal(site.database.ask("SELECT count(*) FROM events WHERE code = 'collector.retention'"), "1")
    listed = site.first.command("terminals")
    equal((terminal.host in listed, len(listed.splitlines())), (True, 1), "the city's terminals")
    site.database.ask("UPDATE events SET body = '', quarantine = 64 WHERE seq <= 15 AND id <= 40")
    lines = judged(site)
    equal([line.split(":")[0] for line in lines], ["retired leaf=0..14", "edit leaf=12..14"], lines)


@test
def a_second_history_is_a_fork_to_whom_saw_the_first(site):
    """The operator puts the database back and lets another history grow, of the same length."""
    site = fresh_site(site)
    terminal, chain = site.terminal()
    deliver(terminal, chain.grow(20), [site.first], batch=20)
    site.first.stop()
    early = auditors_checkpoint(site, "early")
    keep(site, "kept")
    other = Chain(terminal.host, chain.stream)
    for record in chain.records:
        other.append(record[4])
    site.first.start()
    terminal.close()
    equal(terminal.post(chain.grow(10), 21, 30)[0], 200)
    site.first.stop()
    late = auditors_checkpoint(site, "late")
    put_back(site, "kept")
    equal({line.split(":")[0] for line in judged(site, late)}, {"truncate leaf=20..29"})
    os.unlink(site.first.folder + "/checkpoint")
    site.first.start()
    terminal.close()
    for seq in range(21, 31):
        other.append(event(seq, message="別の話"))
    equal(terminal.post(other, 21, 30)[0], 200)
    site.first.stop()
    site.first.command("checkpoint")
    equal(judged(site, early), [], "alone it is in order")
    lines = judged(site, early, late)
    equal([line.split(":")[0] for line in lines], ["fork leaf=20..29"], lines)
    site.database.ask("SET client_min_messages = warning; DROP SCHEMA kept CASCADE")


@test
def a_sqlite_store_moves_here_whole(site):
    for collector in (site.first, site.second):
        if collector.process and collector.process.poll() is None:
            collector.stop()
    old = Collector(PROGRAM, site.folder + "/old").start()
    terminals = [old.terminal() for _ in range(3)]
    chains = [Chain(t.host).grow(700) for t in terminals]
    for terminal, chain in zip(terminals, chains):
        deliver(terminal, chain, [old], batch=100)
    lost = Chain(terminals[0].host).grow(9)
    equal(terminals[0].post(lost, 5, 9, headers={"X-Agent-Lost": "1-4"})[0], 200)
    old.command("revoke", "--terminal", terminals[2].host)
    events = [(e["id"], e["hash"], e["event"]) for e in old.events()]
    before = old.terminals()

    def migrate():
        return subprocess.run([PROGRAM, "--config", old.config, "migrate", site.database.url()],
                              capture_output=True, text=True)

    done = migrate()
    equal((done.returncode, "stop it first" in done.stderr), (1, True), done.stderr)
    old.stop()
    done = migrate()
    equal((done.returncode, "not empty" in done.stderr), (1, True), done.stderr)
    drop(site.database)
    # A row that was changed is not carried over as if it were true
    with sqlite3.connect(old.folder + "/collector.db") as db:
        db.execute("UPDATE events SET hash = zeroblob(32) WHERE id = 500")
        told = bytes.fromhex(events[499][1])
    db.close()
    done = migrate()
    equal((done.returncode, "disagree" in done.stderr), (1, True), done.stderr)
    equal(site.database.ask("SELECT count(*) FROM hosts"), "0", "nothing is left of it")
    with sqlite3.connect(old.folder + "/collector.db") as db:
        db.execute("UPDATE events SET hash = ? WHERE id = 500", (told,))
    db.close()
    done = migrate()
    equal(done.returncode, 0, done.stderr)
    equal(("events: 2105" in done.stderr, "2105 leaves, the same root" in done.stdout),
          (True, True), done.stderr)
    equal(os.path.exists(old.folder + "/collector.db"), False, "the old store cannot go on")

    old.database = site.database.url()
    old.start()
    try:
        equal([(e["id"], e["hash"], e["event"]) for e in old.events()], events)
        equal(old.terminals(), before)
        for terminal in terminals:
            terminal.close()
        chains[0].grow(10)
        equal(terminals[0].post(chains[0], 701, 710)[0], 200, "the stream goes on")
        equal(terminals[2].post(chains[2], 700, 700)[0], 403, "revoked stays revoked")
        fresh = old.terminal()
        equal(fresh.post(Chain(fresh.host).grow(1), 1, 1)[0], 200)
        with open(old.folder + "/export.ndjson", "w", encoding="utf-8") as file:
            file.write(old.command("export", "--proof"))
        old.command("verify", old.folder + "/export.ndjson")
    finally:
        old.stop()


class Sites:
    """One site on one database for all."""

    def __init__(self, database):
        self.database = database
        self.folder = tempfile.mkdtemp(prefix="collector-")
        self.site = Site(database, self.folder)

    def before(self):
        return self.site

    def after(self, is_failed):
        pass

    def close(self, is_failed):
        self.site.stop()
        for name in ("/a.log", "/b.log"):
            if is_failed and os.path.exists(self.folder + name):
                print(open(self.folder + name, encoding="utf-8").read()[-3000:])
        shutil.rmtree(self.folder)
        return []


def run_all():
    """First the suite of the store, then the tests above."""
    if not programs():
        return main(TESTS, None, why_not="PostgreSQL is not installed")
    database, counts = Postgres(), {"OK": 0, "FAILED": 0}
    try:
        for program in () if sys.argv[1:] else ("test_store", "test_tree"):
            for state, name in suite(database, program):
                if state == "SKIPPED":  # of SQLite's files: not of this suite
                    continue
                print(f"{'ok' if state == 'OK' else 'not ok'} - {name}")
                counts[state] += 1
        return main(TESTS, lambda: Sites(database), counts=(*counts.values(), 0))
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(run_all())
