# SPDX-License-Identifier: Apache-2.0
"""QEMU's control socket (QMP): one command at a time, events set aside."""

import json
import socket
import time


class QmpError(Exception):
    """QEMU refused a command."""


def connect(path, alive, seconds=20):
    """Connects to a UNIX socket that QEMU is about to create."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and alive():
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
            return connection
        except OSError:
            connection.close()
            time.sleep(0.02)
    raise QmpError(f"QEMU does not answer on {path}")


class Qmp:
    """A connected control socket."""

    def __init__(self, path, alive):
        self.file = connect(path, alive).makefile("rw")
        self.file.readline()
        self.events = []
        self.command("qmp_capabilities")

    def command(self, verb, /, **arguments):
        """Runs one command; underscores in names stand for dashes."""
        names = {k.replace("_", "-"): v for k, v in arguments.items()}
        self.file.write(json.dumps({"execute": verb, "arguments": names}))
        self.file.write("\n")
        self.file.flush()
        while True:
            line = self.file.readline()
            if not line:
                raise QmpError(f"{verb}: QEMU is gone")
            reply = json.loads(line)
            if "event" in reply:
                self.events.append(reply)
            elif "error" in reply:
                raise QmpError(f"{verb}: {reply['error']['desc']}")
            else:
                return reply["return"]
