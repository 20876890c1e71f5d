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
import suite  # noqa: E402

TOP = os.path.dirname(os.path.dirname(snapshot.HERE))


def guest_agent(build):
    """The guest agent, built when missing or old."""
    path = os.path.join(build, "tests/e2e/guest-agent")
    subprocess.run(["make", "-s", "-C", TOP, "BUILD=" + build, path],
                   check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "MAKEFLAGS": ""})
    return os.path.join(TOP, path)


def packages(options):
    """The agent's packages; empty when they have not been built."""
    return snapshot.agent_packages(options.debs or options.build + "/deb")


def frozen(options):
    """The guest that `shell` was asked for."""
    agent = guest_agent(options.build)
    if options.tier:
        return snapshot.enforcing(agent, packages(options), options.tier)
    return snapshot.plain(agent)


def shell(options):
    """Restores a guest, copies files in, runs commands."""
    guest = frozen(options)
    commands = options.command or [sys.stdin.read()]
    status = 0
    with tempfile.TemporaryDirectory(prefix="sekimori-e2e-") as folder:
        started = time.monotonic()
        if options.boot is None:
            machine = snapshot.restore(guest, folder + "/disk.qcow2")
        else:
            machine = snapshot.boot(guest, folder + "/disk.qcow2",
                                    options.boot)
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


def add_shell(commands):
    one = commands.add_parser("shell", help="one guest, commands, output")
    one.add_argument("--plain", action="store_true",
                     help="without our packages (the default)")
    one.add_argument("--tier", choices=("T1", "T2"),
                     help="with the agent enforcing")
    one.add_argument("--put", action="append", default=[],
                     metavar="FILE:DEST")
    one.add_argument("--boot", nargs="?", const="", metavar="KERNEL_WORDS",
                     help="a real boot instead of the frozen guest")
    one.add_argument("--timeout", type=int, default=120)
    one.add_argument("--serial", metavar="DIR", help="keep the serial log")
    one.add_argument("command", nargs="*")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--debs", metavar="DIR",
                        help="packages to install (default BUILD/deb)")
    parser.add_argument("--only", default="", metavar="PATTERN",
                        help="cases whose name matches")
    parser.add_argument("--tier", choices=("plain", "T1", "T2"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", action="store_true",
                        help="keep the folders of passed cases too")
    parser.add_argument("--list", action="store_true")
    commands = parser.add_subparsers(dest="what")
    add_shell(commands)
    return parser.parse_args()


def main():
    options = parse()
    if options.what == "shell":
        return shell(options)
    jobs = suite.select(options.only, options.tier)
    if options.list:
        for job in jobs:
            print(job.name)
        return 0
    stages = suite.Stages(guest_agent(options.build), packages(options))
    return suite.run(jobs, stages, options)


if __name__ == "__main__":
    sys.exit(main())
