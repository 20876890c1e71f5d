# SPDX-License-Identifier: Apache-2.0
"""Walks a table of attacks: runs each row, looks at how it was refused, at the
event it made and at the medium from outside the guest, and writes what came of
it to build/e2e/ways_out.txt. A row that cannot run here is skipped with the
reason; one that goes through although it should not fails the case, and so
does one of an "open" row that does not go through any more."""

import glob

import threading

from case import event_code, last_line

EVENT_SECONDS = 25
GUARDED = "EPERM"
COLUMNS = "{:5} {:9} {:56} {:8} {:7} {}"
SEVERAL = "(several)"
MISSING = 99  # the exit status of a row that cannot run here
ENDED = "(the row was undone)"
lock = threading.Lock()


class Row:
    """One attempt.

    command: run by root; @as starts a program under the row's own process
        name, @tool does the same with tools/attack.
    says: what the refusal says, one of several texts.
    event: the code of the event that names that process; None with `why`.
    by: its process, where it is not the row's own; target: what it names.
    check: a command that has to succeed afterwards; the attempt itself may
        then end as it likes.
    opened: why it goes through in spite of us; such a row has to, unless it
        may end otherwise (`may_close`): the table says how it did.
    needs: kernel modules, or programs with a slash in front.
    after: what undoes it.

    The event proves that it was the guard that refused, and not the attempt
    that was a poor one.
    """

    def __init__(self, name, command, says=("not permitted",), errno=GUARDED,
                 event="block.open.blocked", by=None, target=None, why="",
                 check=None, opened="", needs=(), after="",
                 may_close=False):
        self.name = name
        self.command = command
        self.says = (says,) if isinstance(says, str) else says
        self.errno = errno
        self.event = None if why or opened else event
        self.by = by
        self.target = target
        self.why = why
        self.check = check
        self.opened = opened
        self.needs = (needs,) if isinstance(needs, str) else needs
        self.after = after
        self.may_close = may_close


def undo(row):
    """What ends a row; the medium's own file has everything after it."""
    after = f"(\n{row.after}\n) > /dev/null 2>&1\n" if row.after else ""
    return after + "sync"


class Walk:
    """One group of rows in one guest."""

    def __init__(self, t, group, stick=None, words=None):
        self.t = t
        self.words = words or {}  # of commands, known only in the guest
        self.group = group
        self.stick = stick
        self.written = stick.written() if stick else None
        self.before = stick.sha256() if stick else None
        self.lines = []
        self.failed = []
        self.awaited = []

    def run(self, rows, events=True):
        """Every row, then the events of all of them, then the table."""
        for number, row in enumerate(rows):
            self._attempt(row, f"{self.group}-{number:02}")
        if events:
            self._find_events()
        if self.stick and self._compare(may_change=False):
            self.failed.append("the medium changed, and no row did it")
        self._write()
        self.t.check(not self.failed, " | ".join(self.failed))

    # ---- one row ---------------------------------------------------------

    def _attempt(self, row, comm):
        result = self._sh(self._script(row), comm)
        if result.status == MISSING:
            self._tell(row, "skipped", "-", last_line(result.text))
            return
        problem = self._judge(row, result, comm)
        if ENDED not in result.text:
            self._sh(undo(row), comm)
        problem = problem or self._medium(row)
        if problem:
            self._tell(row, "FAILED", "-", problem)
            self.failed.append(f"{row.name}: {problem}")
        elif row.opened:
            self._tell(row, "open" if result.ok else "refused", "-",
                       row.opened if result.ok else "none: it ended first")
        elif row.event:
            self.awaited.append((row, row.by or comm, len(self.lines)))
            self._tell(row, "held" if row.check else "refused", row.errno, "")
        else:
            self._tell(row, "held" if row.check else "refused", row.errno,
                       "none: " + row.why)

    def _script(self, row):
        """Everything of a row that needs no look in between: a command of
        its own costs as much as most attempts. The attempt is in the shell
        itself and not below it: rows speak of $$."""
        needs = ""
        for need in row.needs:
            probe = (f"test -x {need}" if need.startswith("/")
                     else f"modprobe {need} 2> /dev/null")
            needs += (f"{probe} || {{ echo {need} is not in the guest; "
                      f"exit {MISSING}; }}\n")
        if row.check:
            return needs + row.command
        return (f"{needs}end() {{\nstatus=$?\n{undo(row)}\necho '{ENDED}'\n"
                f"exit $status\n}}\ntrap end EXIT\n{row.command}")

    def _sh(self, command, comm):
        command = (command.replace("@tool", "@as /root/attack")
                   .replace("@as", f"/root/attack as {comm}")
                   .replace("@name", comm))
        for word, value in self.words.items():
            command = command.replace(word, value)
        return self.t.sh(command, timeout=300)

    def _judge(self, row, result, comm):
        text = result.text.replace(ENDED, "").strip()
        said = text.lower()
        if row.check:
            checked = self._sh(row.check, comm)
            return "" if checked.ok else (
                f"'{row.check}' fails: {last_line(checked.text)}")
        if row.opened:
            return "" if result.ok or row.may_close else (
                "said to be open, but: " + last_line(text))
        if result.ok:
            return "went through: " + last_line(text)
        if row.says and not any(words in said for words in row.says):
            return "refused otherwise: " + last_line(text)
        return ""

    def _medium(self, row):
        """Whether it changed: the file's own time says when to compare."""
        if not self.stick or self.stick.written() == self.written:
            return ""
        return self._compare(row.opened)

    def _compare(self, may_change):
        self.written = self.stick.written()
        now = self.stick.sha256()
        changed = now != self.before
        self.before = now
        return "the medium changed" if changed and not may_change else ""

    def _tell(self, row, outcome, errno, event):
        self.lines.append([self.t.tier, self.group, row.name, outcome, errno,
                           event])

    # ---- events ----------------------------------------------------------

    def _find_events(self):
        """They come in their own time; identical ones as one with a count."""
        wanted = list(self.awaited)

        def all_there(events):
            wanted[:] = [item for item in wanted
                         if not self._find(events, *item)]
            return self._counted_together(events, wanted)

        try:
            if wanted:
                self._wait_for_events(all_there)
        except Exception:
            for row, comm, line in wanted:
                self.lines[line][3] = "FAILED"
                self.lines[line][5] = f"no {row.event} of {comm}"
                self.failed.append(f"{row.name}: no {row.event} of '{comm}'")

    def _counted_together(self, events, wanted):
        """More names than the daemon keeps apart (DEVICES_FOLDS_MAX) are one
        record with a count, which has to be enough for all of them."""
        several = sum(event.get("count") or 1 for event in events
                      if process_name(event) == SEVERAL)
        if several < len(wanted):
            return False
        for _, _, line in wanted:
            self.lines[line][5] = f"among {several} of {SEVERAL}"
        wanted.clear()
        return True

    def _wait_for_events(self, probe):
        self.t.wait_for_events(probe, EVENT_SECONDS, "events")

    def _find(self, events, row, comm, line):
        for event in events:
            name = process_name(event)
            if event_code(event) != row.event or not name or (
                    name != comm and not (comm.endswith("-")
                                          and name.startswith(comm))):
                continue
            path = event.get("file", {}).get("path") or \
                event.get("file", {}).get("name") or ""
            if row.target and row.target not in str(event):
                continue
            self.lines[line][5] = f"{row.event} {name} {path}".strip()
            return True
        return False

    # ---- the table -------------------------------------------------------

    def _write(self):
        folder = self.t.build + "/e2e"
        part = f"{folder}/ways_out.{self.t.tier}.{self.group}"
        with lock:
            with open(part, "w", encoding="utf-8") as file:
                for line in self.lines:
                    file.write("\t".join(line) + "\n")
            parts = sorted(glob.glob(folder + "/ways_out.*.*"))
            with open(folder + "/ways_out.txt", "w",
                      encoding="utf-8") as table:
                write_table(table, parts)


class GuardWalk(Walk):
    """The same with the guard alone, whose events guardctl writes into the
    journal: a row's event is the hook that refused."""

    def _wait_for_events(self, probe):
        self.t.wait_for(lambda: probe(self.t.must(
            "journalctl -u guard -o cat | grep ^event; true").splitlines()),
            EVENT_SECONDS, "events")

    def _counted_together(self, events, wanted):
        return not wanted

    def _find(self, events, row, comm, line):
        for event in events:
            if event.startswith(f"event {row.event} ") and (
                    row.target or f"comm={comm}") in event:
                self.lines[line][5] = f"{row.event} {comm}"
                return True
        return False


def process_name(event):
    return event.get("actor", {}).get("process", {}).get("name")


def write_table(table, parts):
    count = {}
    table.write(COLUMNS.format("tier", "group", "way", "outcome", "errno",
                               "event, or why none") + "\n")
    for part in parts:
        with open(part, encoding="utf-8") as file:
            for line in file:
                fields = line.rstrip("\n").split("\t")
                table.write(COLUMNS.format(*fields).rstrip() + "\n")
                key = (fields[0], fields[3])
                count[key] = count.get(key, 0) + 1
    for (tier, outcome), number in sorted(count.items()):
        table.write(f"# {tier}: {number} {outcome}\n")
