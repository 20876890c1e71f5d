#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Evidence as an auditor gets it: a real collector, its database changed behind
its back, and `verify`, which must name each change and where. The tree is
recomputed here in Python. Prints one line a test and a closing count."""
import base64, hashlib, http.client, json, os, random, re, shutil, signal, sqlite3, struct
import subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from suite import BUILD, PROGRAM, equal, main  # noqa: E402
from terminal import Chain, Collector, Terminal, run  # noqa: E402

WITNESS = BUILD + "/sekimori-witness"
TESTS = []
WITNESSES = []  # processes
ENV = dict(os.environ, LC_ALL="C.UTF-8")


def test(function):
    TESTS.append(function)
    return function


def true(value, what):
    if not value:
        raise AssertionError(what)


# ---- the tree, once more ----------------------------------------------------

def sha(data):
    return hashlib.sha256(data).digest()


def leaf_of(event):
    return sha(b"\0" + bytes.fromhex(event["stream"]) + struct.pack("<Q", event["seq"])
               + bytes.fromhex(event["hash"]))


def root_of(leaves):
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha(b"\1" + root_of(leaves[:k]) + root_of(leaves[k:]))


def read_checkpoint(text):
    origin, size, root = text.split("\n")[:3]
    return origin, int(size), base64.b64decode(root)


# ---- the world --------------------------------------------------------------

class World:
    """Three terminals' events in a store, stopped, and its checkpoints."""

    def __init__(self, folder):
        self.folder = folder
        self.collector = Collector(PROGRAM, folder + "/c").start()
        self.key = open(folder + "/c/log.vkey", encoding="utf-8").read().strip()
        self.terminals = [self.collector.terminal() for _ in range(3)]
        self.chains = [Chain(t.host) for t in self.terminals]
        self.send([(0, 30), (1, 290), (2, 1), (0, 15)])
        self.collector.stop()
        self.old = folder + "/old"
        shutil.copy(folder + "/c/checkpoint", self.old)
        shutil.copytree(folder + "/c", folder + "/then")
        self.collector.start()
        for terminal in self.terminals:
            terminal.close()
        self.send([(2, 20), (0, 5), (1, 3)])
        self.collector.stop()
        self.new = folder + "/new"
        shutil.copy(folder + "/c/checkpoint", self.new)
        self.count = sum(len(c.records) for c in self.chains)
        shutil.copytree(folder + "/c", folder + "/pristine")

    def send(self, work):
        for which, count in work:
            chain, first = self.chains[which], len(self.chains[which].records) + 1
            chain.grow(count)
            for at in range(first, first + count, 100):
                last = min(at + 99, first + count - 1)
                equal(self.terminals[which].post(chain, at, last)[0], 200)

    def copy(self, *statements):
        """A copy of the store with these statements run in it."""
        path = tempfile.mkdtemp(dir=self.folder)
        shutil.copytree(self.folder + "/pristine", path, dirs_exist_ok=True)
        database = sqlite3.connect(path + "/collector.db")
        for statement in statements:
            if callable(statement):
                statement(database)
            else:
                database.execute(statement)
        database.commit()
        database.close()
        return path

    def row(self, leaf):
        database = sqlite3.connect(self.folder + "/pristine/collector.db")
        stream, seq = database.execute(
            "SELECT s.stream, e.seq FROM events e JOIN streams s ON s.id = e.stream"
            " WHERE e.id = ?", (leaf + 1,)).fetchone()
        database.close()
        return stream, seq


def command(*words):
    return subprocess.run([PROGRAM, *words], capture_output=True, env=ENV, timeout=120)


def export(path, *words):
    done = command("--dir", path, "export", "--proof", *words)
    equal(done.returncode, 0, done.stderr)
    return done.stdout


def verify(data, *words):
    """(exit code, lines of deviations, closing line)"""
    name = tempfile.mktemp(suffix=".ndjson")
    with open(name, "wb") as file:
        file.write(data)
    done = command("verify", *words, name)
    os.unlink(name)
    lines = done.stdout.decode().splitlines()
    true(done.returncode in (0, 3) and lines, f"{done}")
    return done.returncode, lines[:-1], lines[-1]


def judge(w, path, *words):
    return verify(export(path, "--checkpoint", w.old, *words), "--key", w.key,
                  "--checkpoint", w.old, "--checkpoint", w.new)


# ---- what is in order -------------------------------------------------------

@test
def an_untouched_store_verifies_under_both_checkpoints(w):
    code, lines, end = judge(w, w.copy())
    equal((code, lines), (0, []), end)
    true(end.startswith(f"OK: {w.count} events, {w.count} leaves, 3 streams, 3 signatures"), end)


@test
def the_export_is_what_the_terminals_chained(w):
    rows = [json.loads(line) for line in export(w.copy()).splitlines()]
    events = [r for r in rows if "leaf" in r]
    equal([e["leaf"] for e in events], list(range(w.count)))
    for chain in w.chains:
        mine = [e for e in events if e["stream"] == chain.stream]
        equal([e["hash"] for e in mine], [h.hex() for h in chain.hashes[1:]])
        equal([e["prev"] for e in mine[1:]], [h.hex() for h in chain.hashes[1:-1]])
    equal([e["leaf_hash"] for e in events], [leaf_of(e).hex() for e in events])
    origin, size, root = read_checkpoint(rows[0]["checkpoint"])
    equal((origin, size), ("127.0.0.1/情報市", w.count))
    equal(root, root_of([leaf_of(e) for e in events]), "root")


@test
def one_terminals_export_proves_its_events(w):
    for which, terminal in enumerate(w.terminals):
        data = export(w.copy(), "--terminal", terminal.host, "--checkpoint", w.old)
        code, lines, end = verify(data, "--key", w.key, "--checkpoint", w.old,
                                  "--checkpoint", w.new)
        equal((code, lines), (0, []), end)
        true(f"OK: {len(w.chains[which].records)} events, {w.count} leaves, 1 streams" in end, end)


@test
def a_checkpoint_between_is_unproven_unless_the_export_stops_there(w):
    data = export(w.copy(), "--terminal", w.terminals[0].host)
    code, lines, _ = verify(data, "--key", w.key, "--checkpoint", w.old)
    size = read_checkpoint(open(w.old, encoding="utf-8").read())[1]
    if code == 0:
        return  # the subtrees happen to stop there
    equal([l.split(":")[0] for l in lines], [f"unproven checkpoint={size}"])


# ---- tampering --------------------------------------------------------------

def at(w, leaf):
    return "leaf=%d stream=%s seq=%d" % (leaf, *w.row(leaf))


def expect(w, path, *patterns):
    code, lines, end = judge(w, path)
    equal(code, 3, end)
    for pattern in patterns:
        true(any(re.match(pattern, line) for line in lines), f"{pattern} not in {lines}")
    return lines


@test
def delete_is_named_with_its_leaf_and_sequence(w):
    stream, seq = w.row(40)
    lines = expect(w, w.copy("DELETE FROM events WHERE id = 41"),
                   r"delete leaf=40\.\.40: ",
                   rf"delete leaf=\d+ stream={stream} seq={seq}\.\.{seq}: ")
    equal(len(lines), 2, lines)


@test
def delete_of_a_run_is_named_as_one(w):
    lines = expect(w, w.copy("DELETE FROM events WHERE id BETWEEN 51 AND 90"),
                   r"delete leaf=50\.\.89: ", r"delete leaf=90 stream=")
    equal(len(lines), 2, lines)


@test
def edit_of_a_body_is_named(w):
    for column, value in (("body", "replace(body, '市民課', '税務課')"), ("flags", "flags + 1"),
                          ("wall_ns", "wall_ns - 86400000000000"), ("boot_ns", "boot_ns + 1")):
        lines = expect(w, w.copy(f"UPDATE events SET {column} = {value} WHERE id = 101"),
                       f"edit {at(w, 100)}: its content")
        equal(len(lines), 1, lines)


def own_host(w):
    """The collector's id as a sender, from the name of its log."""
    return sha(b"sekimori-collector\n" + w.key.split("+")[0].encode())[:16].hex()


@test
def retention_is_named_and_tampering_behind_it_too(w):
    """The service takes out what is old; the rest is proved, in the file it is gone."""
    path = w.copy("UPDATE events SET recv_ms = recv_ms - 40 * 86400000 WHERE id <= 120",
                  "UPDATE events SET recv_ms = recv_ms - 40 * 86400000 WHERE id = 200")
    needle = json.loads(w.chains[0].records[0][4])["device"]["hostname"].encode()
    before = open(path + "/collector.db", "rb").read().count(needle)
    config = path + ".conf"
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"dir = {path}\nlisten = 127.0.0.1:0\nconsole_listen = 127.0.0.1:0\n"
                   "retention_days = 30\n")
    with open(path + ".log", "w", encoding="utf-8") as log:
        service = subprocess.Popen([PROGRAM, "--config", config, "serve"], stderr=log, stdout=log)
    end = time.monotonic() + 20
    while time.monotonic() < end and "Removed the records" not in open(path + ".log").read():
        time.sleep(0.05)
    service.terminate()
    equal(service.wait(20), 0)
    true("of 120 events received more than 30 days" in open(path + ".log").read(), "log")
    data = export(path, "--checkpoint", w.old)
    lines = [json.loads(line) for line in data.splitlines()]
    equal([e["leaf"] for e in lines if e.get("retired")], list(range(120)))
    database = sqlite3.connect(path + "/collector.db")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    free = database.execute("PRAGMA freelist_count").fetchone()[0]
    database.close()
    true(free >= 3, f"{free} pages are free for new events")
    equal(before - open(path + "/collector.db", "rb").read().count(needle) >= 120, True,
          "the records are gone from the file")
    own = [e for e in lines if "leaf" in e and e["terminal"] == own_host(w)]
    equal([(e["leaf"], e["seq"], e["event"]["metadata"]["event_code"]) for e in own],
          [(w.count, 1, "collector.retention")], "what was removed is in the tree")
    told = own[0]["event"]["sekimori"]["retention"]
    equal([told[k] for k in ("first_leaf", "last_leaf", "days")], [0, 119, 30])
    true(abs(time.time() * 1000 - 30 * 86400000 - told["before"]) < 60000, told)
    listed = command("--dir", path, "terminals").stdout.decode()
    true(own_host(w) not in listed and w.terminals[0].host in listed, "no terminal of the city's")
    code, told, end = judge(w, path)
    equal((code, len(told)), (0, 1), told)
    true(told[0].startswith("retired leaf=0..119: "), told)
    true("120 removed by retention, 0 deviations" in end, end)

    # Out of order it was not retention; and an edited hash is still found there
    database = sqlite3.connect(path + "/collector.db")
    database.execute("UPDATE events SET body = '', quarantine = 64 WHERE id = 200")
    database.execute("UPDATE events SET hash = zeroblob(32) WHERE id = 50")
    database.commit()
    database.close()
    expect(w, path, r"retired leaf=0\.\.", f"edit {at(w, 199)}: its record was taken out",
           f"edit {at(w, 49)}: the event and its hash")


@test
def the_oldest_records_emptied_by_hand_are_named(w):
    """As retention would leave them, but for what it says of itself in the tree."""
    lines = expect(w, w.copy("UPDATE events SET body = '', quarantine = 64 WHERE id <= 12"),
                   r"retired leaf=0\.\.11: ", r"edit leaf=0\.\.11: records are gone of which")
    equal(len(lines), 2, lines)


@test
def edit_with_its_hash_made_good_is_named(w):
    def forge(database):
        body, seq, wall, boot, flags, stream = database.execute(
            "SELECT body, seq, wall_ns, boot_ns, flags, stream FROM events WHERE id = 101").fetchone()
        prev = database.execute("SELECT hash FROM events WHERE stream = ? AND seq = ?",
                                (stream, seq - 1)).fetchone()[0]
        body = body.replace("許可", "遮断").encode()
        head = struct.pack("<IIQQQ", len(body), flags, seq, wall, boot) + prev
        database.execute("UPDATE events SET body = ?, hash = ? WHERE id = 101",
                         (body.decode(), sha(b"\0" + head + body)))
    lines = expect(w, w.copy(forge), f"edit {at(w, 100)}: the event and its hash")
    equal(len(lines), 1, lines)


@test
def swap_is_named_with_both_places(w):
    swap = ["UPDATE events SET id = 1000000 WHERE id = 61", "UPDATE events SET id = 61 WHERE id = 64",
            "UPDATE events SET id = 64 WHERE id = 1000000"]
    lines = expect(w, w.copy(*swap), r"swap leaf=60,63 stream=")
    equal(len(lines), 1, lines)


@test
def swap_between_terminals_is_named(w):
    swap = ["UPDATE events SET id = 1000000 WHERE id = 6", "UPDATE events SET id = 6 WHERE id = 201",
            "UPDATE events SET id = 201 WHERE id = 1000000"]
    lines = expect(w, w.copy(*swap), r"swap leaf=5,200 stream=")
    true(all(line.startswith("swap") for line in lines), lines)


@test
def truncate_is_named_by_leaf_and_by_stream(w):
    lines = expect(w, w.copy(f"DELETE FROM events WHERE id > {w.count - 7}"),
                   rf"truncate leaf={w.count - 7}\.\.{w.count - 1}: ", r"truncate stream=")
    true(all(line.startswith("truncate") for line in lines), lines)


@test
def truncate_of_the_whole_store_is_named_by_the_checkpoint(w):
    """Yesterday's store, whole and well signed, against a newer checkpoint."""
    size = read_checkpoint(open(w.old, encoding="utf-8").read())[1]
    code, lines, _ = verify(export(w.folder + "/then"), "--key", w.key,
                            "--checkpoint", w.old, "--checkpoint", w.new)
    equal(code, 3)
    equal(len(lines), 1, lines)
    true(lines[0].startswith(f"truncate leaf={size}..{w.count - 1}: "), lines)


def rebuild(database):
    """The operator's best work: rows, tree and tiles all made to fit."""
    database.executescript("DROP TABLE tree; DROP TABLE tiles; DROP TABLE gaps;"
                           "PRAGMA user_version = 1;")


def rewrite(w, leaf):
    def forge(database):
        stream, seq = database.execute("SELECT stream, seq FROM events WHERE id = ?",
                                       (leaf + 1,)).fetchone()
        rows = database.execute("SELECT id, body, seq, wall_ns, boot_ns, flags FROM events"
                                " WHERE stream = ? AND seq >= ? ORDER BY seq", (stream, seq)).fetchall()
        prev = database.execute("SELECT hash FROM events WHERE stream = ? AND seq = ?",
                                (stream, seq - 1)).fetchone()[0]
        for row, body, number, wall, boot, flags in rows:
            if number == seq:
                body = body.replace("許可", "遮断")
            data = body.encode()
            prev = sha(b"\0" + struct.pack("<IIQQQ", len(data), flags, number, wall, boot)
                       + prev + data)
            database.execute("UPDATE events SET body = ?, hash = ? WHERE id = ?", (body, prev, row))
        rebuild(database)
    return forge


@test
def fork_is_named_between_the_checkpoints(w):
    old = read_checkpoint(open(w.old, encoding="utf-8").read())[1]
    # Rewritten in the first part: even the old checkpoint does not fit.
    path = w.copy(rewrite(w, 20))
    os.unlink(path + "/checkpoint")
    lines = expect(w, path, rf"fork leaf=0\.\.{old - 1}: ", r"fork leaf=0\.\.")
    true(all(line.startswith("fork") for line in lines), lines)
    # Rewritten behind the old one: that still fits, the new one does not.
    path = w.copy(rewrite(w, w.count - 5))
    os.unlink(path + "/checkpoint")
    lines = expect(w, path, rf"fork leaf={old}\.\.{w.count - 1}: ")
    equal(len(lines), 1, lines)


@test
def fork_is_not_signed_while_the_last_checkpoint_is_there(w):
    path = w.copy(rewrite(w, 20))
    before = open(path + "/checkpoint", "rb").read()
    done = command("--dir", path, "checkpoint")
    equal(done.returncode, 3, done.stderr)
    equal(open(path + "/checkpoint", "rb").read(), before)
    equal(done.stdout, before)
    code, lines, _ = verify(export(path), "--key", w.key)
    equal(code, 3)
    true(any(line.startswith("fork leaf=0..") for line in lines), lines)


@test
def tiles_changed_alone_are_a_fork(w):
    def spoil(database):
        hashes = bytearray(database.execute("SELECT hashes FROM tiles WHERE id = 0").fetchone()[0])
        hashes[32 * 33 + 5] ^= 1
        database.execute("UPDATE tiles SET hashes = ? WHERE id = 0", (bytes(hashes),))
    expect(w, w.copy(spoil), f"edit {at(w, 33)}: the event and its hash", "fork leaf=")


@test
def tiles_removed_prove_nothing(w):
    lines = expect(w, w.copy("DELETE FROM tiles WHERE id = 1"), "unproven leaf=256")
    true(all(line.startswith("unproven") for line in lines), lines)


@test
def an_export_changed_on_its_way_is_named(w):
    lines = export(w.copy()).splitlines(True)
    head, events = lines[0], [l for l in lines if b'"leaf":' in l]
    rows = {
        "delete": lines[:50] + lines[51:],
        "edit": lines[:50] + [lines[50].replace("許可".encode(), "遮断".encode())] + lines[51:],
        "truncate": lines[:-40],
        "signature": [head.replace("情報市".encode(), "他の市".encode())] + lines[1:],
        "fork": [re.sub(rb"\\u000a\d+\\u000a....", b"\\\\u000a%d\\\\u000aAAAA" % w.count, head)]
        + lines[1:],
        "malformed": lines[:9] + [b"not json\n"] + lines[9:],
        "swap": lines[:50] + [lines[51], lines[50]] + lines[52:],
        "unproven": lines[1:],
    }
    true(len(events) == w.count, "events")
    for kind, changed in rows.items():
        code, found, _ = verify(b"".join(changed), "--key", w.key)
        equal(code, 3, kind)
        wanted = {"delete": ("unproven", "delete")}.get(kind, (kind,))
        true(any(line.startswith(wanted) for line in found), f"{kind}: {found[:4]}")


@test
def another_key_or_checkpoint_is_a_signature(w):
    other = w.folder + "/other"
    if not os.path.exists(other):
        run(PROGRAM, "--dir", other, "init", "--host", "127.0.0.1", "--name", "情報市")
    data = export(w.copy())
    code, lines, _ = verify(data, "--key", other + "/log.vkey")
    equal((code, [l.split()[0] for l in lines]), (3, ["signature"]))
    code, lines, _ = verify(data, "--key", w.folder + "/c/log.vkey")
    equal((code, lines), (0, []), "a key by its file")


@test
def wrong_use_is_told_apart_from_deviations(w):
    equal(command("verify").returncode, 2)
    equal(command("verify", "/nonexistent").returncode, 1)
    equal(command("verify", "--key", "nonsense", "/dev/null").returncode, 1)
    equal(command("verify", "--checkpoint", "/dev/null", "/dev/null").returncode, 1)
    code, lines, _ = verify(b"")
    equal((code, [l.split()[0] for l in lines]), (3, ["unproven"]))
    # Random octets and cut lines end in deviations, never in a crash.
    data = export(w.copy())
    chance = random.Random(5)
    for _ in range(60):
        changed = bytearray(data)
        for _ in range(chance.randrange(1, 30)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        verify(bytes(changed[:chance.randrange(len(changed))]), "--key", w.key)


# ---- the service ------------------------------------------------------------

@test
def checkpoint_and_tiles_are_served_without_a_login(w):
    collector = w.collector.start()
    status, headers, data = collector.get("/checkpoint", auth=None)
    equal(status, 200)
    equal(headers["Content-Type"], "text/plain; charset=utf-8")
    equal(data, open(w.new, "rb").read())
    leaves = [leaf_of(e) for e in collector.events()]
    rows = {
        "0/000": leaves[:256], f"0/001.p/{w.count - 256}": leaves[256:], "0/000.p/3": leaves[:3],
        "1/000.p/1": [root_of(leaves[:256])],
    }
    for name, hashes in rows.items():
        status, headers, data = collector.get("/tile/8/" + name, auth=None)
        equal((status, data), (200, b"".join(hashes)), name)
    for name in ("0/002", "0/001", "0/001.p/256", "0/001.p/0", "0/1", "00/000", "0/000.p/01", "8/000",
                 "0/x000/000", "0/x001", "0/0001", "0/000/", "entries/000", "", "0/000.p/", "-1/000",
                 "0/x999/x999/x999/x999/x999/x999/x999/999"):
        equal(collector.get("/tile/8/" + name, auth=None)[0], 404, name)
    collector.stop()


@test
def checkpoint_prints_for_machines_and_for_paper(w):
    path = w.copy()
    done = command("--dir", path, "checkpoint")
    equal((done.returncode, done.stdout), (0, open(w.new, "rb").read()))
    done = command("--dir", path, "checkpoint", "--paper")
    text = done.stdout.decode()
    root = read_checkpoint(open(w.new, encoding="utf-8").read())[2].hex()
    equal(done.returncode, 0)
    true(root in re.sub(r"\s", "", text) and w.key in text
         and open(w.new, encoding="utf-8").read() in text, text)


@test
def a_store_from_before_the_tree_is_brought_up(w):
    path = w.copy(rebuild)
    os.unlink(path + "/checkpoint")
    os.unlink(path + "/log.key")
    data = command("--dir", path, "terminals")
    equal(data.returncode, 0, data.stderr)
    shutil.copy(w.folder + "/pristine/log.key", path)
    code, lines, end = judge(w, path)
    equal((code, lines), (0, []), end)


@test
def the_service_signs_nothing_on_a_store_put_back(w):
    path = w.folder + "/back"
    shutil.copytree(w.folder + "/pristine", path)
    for name in ("collector.db", "collector.db-wal", "collector.db-shm"):
        if os.path.exists(f"{path}/{name}"):
            os.unlink(f"{path}/{name}")
    shutil.copy(w.folder + "/then/collector.db", path)
    collector = Collector.__new__(Collector)
    collector.__dict__.update(w.collector.__dict__, folder=path, log=path + ".log",
                              config=path + ".conf", port=0, console_port=0)
    collector.start()
    time.sleep(0.3)
    collector.stop()
    equal(open(path + "/checkpoint", "rb").read(), open(w.new, "rb").read())
    log = open(path + ".log", encoding="utf-8").read()
    equal(log.count("does not continue the last checkpoint"), 1, log)


@test
def events_that_a_terminal_lost_are_told_and_no_deviation(w):
    path = w.folder + "/lost"
    collector = Collector(PROGRAM, path).start()
    terminal = collector.terminal()
    chain = Chain(terminal.host).grow(30)
    equal(terminal.post(chain, 1, 10)[0], 200)
    equal(terminal.post(chain, 15, 20)[0], 409, "not said to be lost")
    equal(terminal.post(chain, 15, 20, headers={"X-Agent-Lost": "11-14"})[0], 200)
    equal(terminal.post(chain, 21, 30)[0], 200)
    collector.stop()
    code, lines, end = verify(export(path), "--key", path + "/log.vkey")
    equal((code, lines), (0, []), end)
    true("26 events" in end and " 4 lost by terminals, 0 contents unchecked" in end, end)
    database = sqlite3.connect(path + "/collector.db")
    database.execute("UPDATE events SET body = replace(body, '許可', '遮断') WHERE seq = 15")
    database.commit()
    database.close()
    code, lines, _ = verify(export(path), "--key", path + "/log.vkey")
    equal((code, len(lines)), (3, 1), lines)
    true(lines[0].startswith("edit leaf=10 "), lines)


@test
def kill_9_leaves_the_tree_and_the_events_equal(w):
    path = w.folder + "/killed"
    collector = Collector(PROGRAM, path).start()
    terminals = [collector.terminal() for _ in range(4)]
    chains = [Chain(t.host).grow(2000) for t in terminals]
    acked, chance = [0] * 4, random.Random(11)

    def feed(i, until):
        while time.monotonic() < until and acked[i] < 2000:
            last = min(acked[i] + 20, 2000)
            try:
                status = terminals[i].post(chains[i], acked[i] + 1, last)[0]
            except Exception:  # noqa: BLE001: the collector was killed
                terminals[i].close()
                return
            if status == 200:
                acked[i] = last

    for round_number in range(6):
        until = time.monotonic() + 20
        threads = [threading.Thread(target=feed, args=(i, until)) for i in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(0.05, 0.5))
        collector.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()
        for terminal in terminals:
            terminal.close()
        code, lines, end = verify(export(path), "--key", path + "/log.vkey")
        equal((code, lines), (0, []), f"round {round_number}: {end}")
        rows = int(re.search(r"(\d+) events, (\d+) leaves", end).group(1))
        true(rows >= sum(acked), f"{rows} events, {sum(acked)} acknowledged")
        collector.start()
    collector.stop()
    true(sum(acked) > 0, "nothing was sent")


# ---- the witness ------------------------------------------------------------

class Witness:
    def __init__(self, folder, *logs, port=0):
        self.folder, self.port, self.process = folder, port, None
        if not os.path.exists(folder):
            self.key = run(WITNESS, "--dir", folder, "init", "--name", "witness.pref.example").decode().strip()
        with open(folder + "/logs", "a", encoding="utf-8") as file:
            file.write("".join(log + "\n" for log in logs))

    def start(self):
        with open(self.folder + "/log", "wb") as log:
            self.process = subprocess.Popen([WITNESS, "--dir", self.folder, "--listen",
                                             f"127.0.0.1:{self.port}", "serve"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        WITNESSES.append(self.process)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            found = re.search(r"\(port (\d+)\)", open(self.folder + "/log", encoding="utf-8").read())
            if found:
                self.port = int(found.group(1))
                return self
            time.sleep(0.02)
        raise RuntimeError("the witness does not start")

    def stop(self, number=15):
        self.process.send_signal(number)
        return self.process.wait(20)

    def add(self, body, method="POST", path="/add-checkpoint"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body)
        reply = connection.getresponse()
        data = reply.read().decode()
        connection.close()
        return reply.status, data


class Log:
    """A log of our own making, signed with the openssl program."""

    def __init__(self, folder, name="log.example/test"):
        os.makedirs(folder)
        seed = os.urandom(32)
        self.pem = folder + "/key.der"
        with open(self.pem, "wb") as file:
            file.write(bytes.fromhex("302e020100300506032b657004220420") + seed)
        public = run("openssl", "pkey", "-inform", "DER", "-in", self.pem, "-pubout", "-outform",
                     "DER")[-32:]
        self.name = name
        self.id = sha(name.encode() + b"\n\x01" + public)[:4]
        data = base64.b64encode(b"\x01" + public).decode()
        self.vkey = f"{name}+{self.id.hex()}+{data}"
        self.folder = folder

    def note(self, leaves, name=None, root=None):
        text = f"{self.name}\n{len(leaves)}\n{base64.b64encode(root or root_of(leaves)).decode()}\n"
        with open(self.folder + "/text", "w", encoding="utf-8") as file:
            file.write(text)
        signature = run("openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey",
                        self.pem, "-in", self.folder + "/text")
        line = base64.b64encode(self.id + signature).decode()
        return f"{text}\n\u2014 {name or self.name} {line}\n"


def consistency(m, leaves, whole=True):
    """SUBPROOF of RFC 6962."""
    n = len(leaves)
    if m == n:
        return [] if whole else [root_of(leaves)]
    k = 1
    while k * 2 < n:
        k *= 2
    if m <= k:
        return consistency(m, leaves[:k], whole) + [root_of(leaves[k:])]
    return consistency(m - k, leaves[k:], False) + [root_of(leaves[:k])]


def addition(old, proof, note):
    lines = "".join(base64.b64encode(h).decode() + "\n" for h in proof)
    return f"old {old}\n{lines}\n{note}".encode()


@test
def a_witness_signs_what_continues_and_nothing_else(w):
    log = Log(w.folder + "/log1")
    witness = Witness(w.folder + "/witness1", log.vkey).start()
    leaves = [sha(b"\0" + bytes([i])) for i in range(20)]
    other = [sha(b"\0x")] + leaves[1:]
    rows = (
        ("no number", b"old\n\n" + log.note(leaves).encode(), 400),
        ("no note", b"old 0\n\n", 400),
        ("a proof from nothing", addition(0, leaves[:1], log.note(leaves[:7])), 400),
        ("another name", addition(0, [], log.note(leaves[:7]).replace(log.name, "log.example/x")), 404),
        ("a wrong signature", addition(0, [], log.note(leaves[:7]).replace("\n7\n", "\n8\n")), 403),
        ("another signer", addition(0, [], log.note(leaves[:7], name="somebody")), 403),
        ("not from where it stands", addition(3, consistency(3, leaves[:7]), log.note(leaves[:7])), 409),
        ("the first", addition(0, [], log.note(leaves[:7])), 200),
        ("the first again", addition(7, [], log.note(leaves[:7])), 200),
        ("from nothing again", addition(0, [], log.note(leaves[:9])), 409),
        ("a fork of the same size", addition(7, [], log.note(other[:7])), 409),
        ("a fork that grew", addition(7, consistency(7, other), log.note(other)), 422),
        ("no proof", addition(7, [], log.note(leaves)), 422),
        ("shrinking", addition(7, [], log.note(leaves[:5])), 400),
        ("more than it takes", b"old 7\n" + b"x" * 30000, 413),
        ("the next", addition(7, consistency(7, leaves), log.note(leaves)), 200),
    )
    for what, body, status in rows:
        got, data = witness.add(body)
        equal(got, status, what)
        if status == 409:
            equal(data, "0\n" if what.startswith("not from") else "7\n", what)
    true(data.startswith("\u2014 witness.pref.example "), data)
    equal(witness.add(b"", method="GET")[0], 405)
    equal(witness.add(b"", path="/")[0], 404)

    # The signature is over the time and the checkpoint.
    raw = base64.b64decode(data.split()[2])
    seconds = struct.unpack(">Q", raw[4:12])[0]
    true(abs(seconds - time.time()) < 60, seconds)
    text = log.note(leaves).split("\n\n")[0] + "\n"
    with open(w.folder + "/message", "wb") as file:
        file.write(f"cosignature/v1\ntime {seconds}\n{text}".encode())
    with open(w.folder + "/signature", "wb") as file:
        file.write(raw[12:])
    with open(w.folder + "/public", "wb") as file:
        file.write(bytes.fromhex("302a300506032b6570032100")
                   + base64.b64decode(witness.key.split("+", 2)[2])[1:])
    run("openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey",
        w.folder + "/public", "-in", w.folder + "/message", "-sigfile", w.folder + "/signature")

    # What it signed it remembers, however it ended.
    witness.stop(9)
    witness.start()
    equal(witness.add(addition(7, consistency(7, leaves), log.note(leaves))), (409, "20\n"))
    equal(witness.stop(), 0)


@test
def the_collector_has_its_checkpoints_witnessed(w):
    path = w.folder + "/seen"
    shutil.copytree(w.folder + "/pristine", path)
    witness = Witness(w.folder + "/witness2", w.key).start()
    collector = Collector.__new__(Collector)
    collector.__dict__.update(w.collector.__dict__, folder=path, log=path + ".log",
                              config=path + ".conf", port=0, console_port=0)
    collector.write_config = lambda: open(collector.config, "w", encoding="utf-8").write(
        f"dir = {path}\nlisten = 127.0.0.1:{collector.port}\nconsole_listen = 127.0.0.1:"
        f"{collector.console_port}\nwitness = http://127.0.0.1:{witness.port} {witness.key}\n")

    def seen():
        end = time.monotonic() + 10
        while time.monotonic() < end:
            text = open(path + "/checkpoint", encoding="utf-8").read()
            if "\u2014 witness.pref.example " in text:
                return text
            time.sleep(0.05)
        raise AssertionError(open(collector.log, encoding="utf-8").read())

    collector.start()
    equal(read_checkpoint(seen())[1], w.count)
    terminal = Terminal(collector)
    terminal.enroll(collector.enroll_token())
    equal(terminal.post(Chain(terminal.host).grow(9), 1, 9)[0], 200)
    collector.stop()
    collector.start()  # signs what came last, and asks with a proof from w.count
    text = seen()
    equal(read_checkpoint(text)[1], w.count + 9)
    collector.stop()
    shutil.copy(path + "/checkpoint", w.folder + "/cosigned")
    code, lines, end = verify(export(path), "--key", w.key, "--key", witness.key,
                              "--checkpoint", w.folder + "/cosigned", "--checkpoint", w.new)
    equal((code, lines), (0, []), end)
    true(" 5 signatures" in end, end)

    # A rewritten history is signed by the operator, and by nobody else.
    database = sqlite3.connect(path + "/collector.db")
    rewrite(w, 20)(database)
    database.commit()
    database.close()
    os.unlink(path + "/checkpoint")
    collector.start()
    end = time.monotonic() + 10
    while "did not sign" not in open(collector.log, encoding="utf-8").read():
        true(time.monotonic() < end, "the witness refuses")
        time.sleep(0.05)
    collector.stop()
    true("witness.pref" not in open(path + "/checkpoint", encoding="utf-8").read(), "cosigned a fork")
    code, lines, _ = verify(export(path), "--key", w.key, "--key", witness.key,
                            "--checkpoint", w.folder + "/cosigned")
    equal((code, [l.split()[0] for l in lines]), (3, ["fork"]))
    witness.stop()


class Worlds:
    """The same world for all; what a test has left running is stopped."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="proof-")
        self.world = World(self.folder)

    def before(self):
        return self.world

    def after(self, is_failed):
        if self.world.collector.process:
            self.world.collector.stop()

    def close(self, is_failed):
        for process in WITNESSES:
            if process.poll() is None:
                process.kill()
                process.wait()
        if is_failed:
            print(open(self.world.collector.log, encoding="utf-8").read()[-2000:])
        shutil.rmtree(self.folder)
        return []


if __name__ == "__main__":
    sys.exit(main(TESTS, Worlds))
