#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three weeks' backlog of 1,000 terminals at once, each with its own certificate,
on SQLite and on PostgreSQL: acknowledgements are lost, requests come twice, the
collector is killed in the middle. Every event is there once and in its order,
the sums are those of the database, and the export verifies. SEKIMORI_BACKLOG is
TERMINALSxEVENTS; `make soak` asks for 1000x4200, 200 a day. Prints one line a
test and a closing count."""
import os, re, shutil, signal, sqlite3, subprocess, sys, tempfile, time

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), "tests/bench"]
from postgres import Postgres, programs  # noqa: E402
from storm import Load, Site  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
PROGRAM = BUILD + "/sekimori-collector"
SMALL = "200x40" if BUILD.endswith("-san") else "1000x40"
SIZE = os.environ.get("SEKIMORI_BACKLOG", SMALL)
TERMINALS, EVENTS = map(int, SIZE.split("x"))
KILLS = 2 if SIZE == SMALL else 10
DAYS = 21
EVENT_DAY = 86400000


def equal(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def ask(collector, database, sql):
    """One row as text, columns joined by |."""
    if database:
        return database.ask(sql)
    db = sqlite3.connect(f"file:{collector.folder}/collector.db?mode=ro", uri=True)
    row = db.execute(sql).fetchone()
    db.close()
    return "|".join(map(str, row))


def stored(collector, database):
    return int(ask(collector, database, "SELECT coalesce(sum(stored), 0) FROM streams"))


def kill_between(collector, database, load):
    """kill -9 each time that much more is stored; it comes back on its port."""
    for n in range(1, KILLS + 1):
        while stored(collector, database) < TERMINALS * EVENTS * n // (KILLS + 2):
            if load.process.poll() is not None:
                raise AssertionError("the load ended early")
            time.sleep(0.05)
        collector.stop(signal.SIGKILL)
        collector.start()


def in_order(collector, database):
    total = TERMINALS * EVENTS
    equal(ask(collector, database, "SELECT count(*), count(DISTINCT id), max(id) FROM events"),
          f"{total}|{total}|{total}", "events, ids, newest")
    equal(ask(collector, database, "SELECT count(*), min(n), max(n), min(first), max(last) FROM"
              " (SELECT count(DISTINCT seq) AS n, min(seq) AS first, max(seq) AS last"
              "  FROM events GROUP BY stream) AS s"),
          f"{TERMINALS}|{EVENTS}|{EVENTS}|1|{EVENTS}", "streams, each with all of its own")
    equal(ask(collector, database, "SELECT count(*) FROM (SELECT seq - lag(seq, 1, 0) OVER"
              " (PARTITION BY stream ORDER BY id) AS step FROM events) AS s WHERE step <> 1"),
          "0", "events out of order")
    equal(ask(collector, database, "SELECT sum(seq), sum(stored), count(*) FROM streams"),
          f"{total}|{total}|{TERMINALS}", "the streams' rows")
    equal(ask(collector, database, "SELECT sum(count) FROM rollups"), str(total), "roll-ups")
    days = ask(collector, database, "SELECT max(time_ms) - min(time_ms) FROM events")
    if int(days) < (DAYS - 1) * EVENT_DAY:
        raise AssertionError(f"only {days} ms between the first and the last")
    equal(ask(collector, database, "SELECT count(*) FROM incidents"), "0", "incidents")


def proved(collector):
    path = collector.folder + "/export.ndjson"
    with open(path, "wb") as file:
        subprocess.run([PROGRAM, "--config", collector.config, "export", "--proof"], check=True,
                       stdout=file, stderr=subprocess.DEVNULL)
    done = subprocess.run([PROGRAM, "verify", "--key", collector.folder + "/log.vkey", path],
                          capture_output=True, text=True, env=os.environ | {"LC_ALL": "C.UTF-8"})
    os.unlink(path)
    end = done.stdout.splitlines()[-1] if done.stdout else done.stderr
    total = TERMINALS * EVENTS
    equal((done.returncode, re.match(r"OK: (\d+) events, (\d+) leaves, (\d+) streams", end or "")
           and end.split(" signatures")[0]),
          (0, f"OK: {total} events, {total} leaves, {TERMINALS} streams, 1"), end)
    return end


def backlog(folder, database):
    collector = Site(PROGRAM, folder + ("/pg" if database else "/sqlite"),
                     database and database.url()).start()
    try:
        start = time.monotonic()
        load = Load(BUILD, collector, terminals=TERMINALS, events=EVENTS, batch=min(200, EVENTS // 4),
                    spread_days=DAYS, connections=TERMINALS, lose=5, repeat=5)
        kill_between(collector, database, load)
        figures = {name: int(value) for name, (value, _) in load.wait().items()}
        load.end()
        took = time.monotonic() - start
        equal(figures["events"], TERMINALS * EVENTS, "acknowledged")
        if not (figures["acks_lost"] and figures["repeated"] and figures["broken"]):
            raise AssertionError(f"nothing went wrong: {figures}")
        collector.stop()
        in_order(collector, database)
        end = proved(collector)
        print(f"# {TERMINALS} terminals, {figures['events']} events in {took:.1f} s; "
              f"{figures['acks_lost']} acknowledgements lost, {figures['repeated']} requests twice, "
              f"{figures['broken']} connections broken by {KILLS} kills\n# {end}", flush=True)
    finally:
        if collector.process:
            collector.stop()


def main():
    passed = failed = skipped = 0
    folder = tempfile.mkdtemp(prefix="backlog-", dir="/var/tmp")
    for name in ("a_backlog_arrives_once_and_in_order_in_sqlite",
                 "a_backlog_arrives_once_and_in_order_in_postgres"):
        database = None
        if name.endswith("postgres") and not programs():
            print("skip PostgreSQL is not installed")
            skipped += 1
            continue
        try:
            database = Postgres() if name.endswith("postgres") else None
            backlog(folder, database)
            print(f"ok - {name}", flush=True)
            passed += 1
        except Exception as problem:  # noqa: BLE001: one failed test of many
            print(f"not ok - {name}: {problem!r}", flush=True)
            failed += 1
        finally:
            if database:
                database.close()
    shutil.rmtree(folder)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
