#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A person at the terminal: runs a login program on a terminal of its own,
answers what it asks, and tells as one line of JSON what came of it.

  person [--tty N] [--then COMMAND] [--stay] [--seconds S] ANSWER… -- PROGRAM…

Every prompt (a line that ends in ": ") gets the next ANSWER, those of COMMAND
too. The JSON: in
(a shell answered), said (all that was shown), out (what COMMAND printed),
seconds (from the last answer to the shell or the end), lived (--stay: how
long the shell lived). --tty N: on the text console ttyN instead of a pty."""

import fcntl
import json
import os
import pty
import re
import select
import sys
import termios
import time

PROMPT = re.compile(r"(?:assword|PIN|code|\(OATH\)|`[^`']+'|device)[^\n]*: ?$",
                    re.I)
VT_ACTIVATE, VT_WAITACTIVE = 0x5606, 0x5607
SHELL = re.compile(r"[$#] $")


def arguments(argv):
    options = {"tty": None, "then": None, "stay": False, "seconds": 40.0,
               "answers": []}
    while argv and argv[0] != "--":
        word = argv.pop(0)
        if word == "--stay":
            options["stay"] = True
        elif word in ("--tty", "--then", "--seconds"):
            options[word[2:]] = argv.pop(0)
        else:
            options["answers"].append(word)
    options["seconds"] = float(options["seconds"])
    return options, argv[1:]


def start(program, tty):
    """(pid, fd): the program on a new pty, or on the text console."""
    if tty is None:
        pid, fd = pty.fork()
        if pid == 0:
            os.execvp(program[0], program)
        return pid, fd
    console = os.open(f"/dev/tty{tty}", os.O_RDWR | os.O_NOCTTY)
    fcntl.ioctl(console, VT_ACTIVATE, int(tty))
    fcntl.ioctl(console, VT_WAITACTIVE, int(tty))
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fd = os.open(f"/dev/tty{tty}", os.O_RDWR)
        fcntl.ioctl(fd, termios.TIOCSCTTY, 1)
        for number in range(3):
            os.dup2(fd, number)
        os.execvp(program[0], program)
    return pid, console


class Person:
    def __init__(self, pid, fd, tty, seconds):
        self.pid, self.fd, self.tty = pid, fd, tty
        self.end = time.monotonic() + seconds
        self.said = ""
        self.mark = 0  # what was answered already
        self.over = False

    def listen(self, seconds):
        """Takes in what is shown within that time."""
        if self.tty is not None:
            time.sleep(seconds)
            with open(f"/dev/vcs{self.tty}", "rb") as screen:
                text = screen.read().decode("latin-1")
            lines = [text[i:i + 80].rstrip() for i in range(0, len(text), 80)]
            self.said = "\n".join(lines).rstrip("\n") + " "
            self.over = self.over or not os.path.exists(f"/proc/{self.pid}") \
                or os.waitpid(self.pid, os.WNOHANG)[0] != 0
            return
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            data = b""
        self.over = self.over or not data
        self.said += data.decode("utf-8", "replace").replace("\r", "")

    def type(self, text):
        self.mark = len(self.said) if self.tty is None else 0
        if self.tty is None:
            os.write(self.fd, text.encode() + b"\n")
            return
        for byte in text.encode() + b"\n":
            fcntl.ioctl(self.fd, termios.TIOCSTI, bytes([byte]))

    def wait_for(self, *patterns):
        """The number of the pattern that the newest text ends with; None at
        the end of the program or of the time."""
        quiet = 0
        while not self.over and time.monotonic() < self.end:
            before = self.said
            self.listen(0.2)
            quiet = quiet + 1 if self.said == before else 0
            for number, pattern in enumerate(patterns):
                if quiet and pattern.search(self.said[self.mark:]):
                    return number
        return None

    def answer(self, answers):
        """Answers prompts until a shell asks; True then. The time of the
        last answer."""
        last = time.monotonic()
        while True:
            at = self.wait_for(SHELL, PROMPT)
            if at != 1 or not answers:
                return at == 0, last
            last = time.monotonic()
            self.type(answers.pop(0))


def main():
    options, program = arguments(sys.argv[1:])
    pid, fd = start(program, options["tty"])
    person = Person(pid, fd, options["tty"], options["seconds"])
    answers = list(options["answers"])
    result = {"in": False, "out": ""}
    result["in"], last = person.answer(answers)
    result["seconds"] = round(time.monotonic() - last, 3)
    if result["in"] and options["then"]:
        shown = len(person.said)
        person.type(options["then"])
        person.answer(answers)
        lines = person.said[shown:].split("\n")
        result["out"] = "\n".join(lines[1:-1])
    result["said"] = person.said[-3000:]
    if not options["stay"]:
        print(json.dumps(result, ensure_ascii=False), flush=True)
        if result["in"]:
            person.type("exit")
            person.end = time.monotonic() + 10
            while not person.over and time.monotonic() < person.end:
                person.listen(0.2)
        return
    print(json.dumps(result, ensure_ascii=False), flush=True)
    began = time.monotonic()
    while not person.over:
        person.listen(0.5)
    print(json.dumps({"lived": round(time.monotonic() - began, 1)}),
          flush=True)


main()
