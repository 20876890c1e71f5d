#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the end-to-end cases; `run.py shell` gives a single guest."""

import argparse
import os
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import snapshot  # noqa: E402 (after the byte code switch)

TOP = os.path.dirname(os.path.dirname(snapshot.HERE))


def guest_agent(build):
    """The guest agent, built when missing or old."""
    path = os.path.join(build, "tests/e2e/guest-agent")
    subprocess.run(["make", "-s", "-C", TOP, "BUILD=" + build, path],
                   check=True, stdout=subprocess.DEVNULL)
    return os.path.join(TOP, path)


def shell(options):
    """Restores a plain guest, copies files in, runs commands."""
    image, stage = snapshot.plain(guest_agent(options.build))
    commands = options.command or [sys.stdin.read()]
    status = 0
    with tempfile.TemporaryDirectory(prefix="sekimori-e2e-") as folder:
        started = time.monotonic()
        if options.boot is None:
            machine = snapshot.restore(image, stage, folder + "/disk.qcow2")
        else:
            machine = snapshot.boot(image, image + "/root.qcow2",
                                    folder + "/disk.qcow2", options.boot)
        snapshot.say(f"guest up in {time.monotonic() - started:.1f} s")
        try:
            for pair in options.put:
                source, _, destination = pair.partition(":")
                machine.put(source, destination or "/root/")
            for command in commands:
                result = machine.sh(command, timeout=options.timeout)
                sys.stdout.buffer.write(result.output)
                sys.stdout.flush()
                status = status or result.status
            if options.serial:
                machine.keep(options.serial)
        finally:
            machine.close()
    return status


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    commands = parser.add_subparsers(dest="what")
    one = commands.add_parser("shell", help="one guest, commands, output")
    one.add_argument("--plain", action="store_true",
                     help="without our packages (the default)")
    one.add_argument("--put", action="append", default=[],
                     metavar="FILE:DEST")
    one.add_argument("--boot", nargs="?", const="", metavar="KERNEL_WORDS",
                     help="a real boot instead of the frozen guest")
    one.add_argument("--timeout", type=int, default=120)
    one.add_argument("--serial", metavar="DIR", help="keep the serial log")
    one.add_argument("command", nargs="*")
    return parser.parse_args()


def main():
    options = parse()
    if options.what == "shell":
        return shell(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
