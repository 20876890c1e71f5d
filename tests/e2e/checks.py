# SPDX-License-Identifier: Apache-2.0
"""What has to hold over all events that the whole suite produced."""

import glob
import os
import subprocess
import sys

import snapshot

VALIDATORS = ("../ocsf/validate.py", "../*/ocsf/validate.py")


def read_events(folder):
    """The event lines that a case left in its folder."""
    path = folder + "/events.ndjson"
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        return [line for line in file.read().splitlines() if line]


def validator():
    """The OCSF checker, which lies beside the project where it is present."""
    top = os.path.dirname(os.path.dirname(snapshot.HERE))
    named = os.environ.get("SEKIMORI_OCSF")
    found = [named] if named else []
    for pattern in VALIDATORS:
        found += sorted(glob.glob(os.path.join(top, pattern)))
    return next(iter(found), None)


def ocsf(lines, out):
    """(verdict, reason) on the events, each distinct line once."""
    path = os.path.join(out, "events.ndjson")
    with open(path, "wb") as file:
        file.write(b"\n".join(sorted(set(lines))) + b"\n")
    script = validator()
    if not script:
        return "skip", f"no OCSF checker beside the project; see {path}"
    done = subprocess.run([sys.executable, script, path],
                          capture_output=True, text=True)
    if done.returncode != 0:
        return "FAIL", (done.stdout + done.stderr)[-600:]
    return "ok", f"{len(set(lines))} events"
