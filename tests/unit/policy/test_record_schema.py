#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One record of every code against our own required fields, and against OCSF
1.8.0 where $SEKIMORI_SHARED has the schema; and the checker itself against
records that lack something, which it must reject."""
import copy, json, os, pathlib, subprocess, sys

BUILD = os.environ.get("BUILD", "build")
CHECK = [sys.executable, "tests/lint/check_events.py"]
sys.path.insert(0, "tests/lint")
import check_events  # noqa: E402

count = {"passed": 0, "failed": 0, "skipped": 0}


def row(name, good, why=""):
    count["passed" if good else "failed"] += 1
    if not good:
        print(f"FAIL {name} {why}")


def skip(name, why):
    count["skipped"] += 1
    print(f"skip {name}: {why}")


def run(cmd, text):
    return subprocess.run(cmd, input=text, capture_output=True, text=True)


def without(event, path):
    event = copy.deepcopy(event)
    *way, last = path.split(".")
    inner = event
    for key in way:
        inner = inner[key]
    del inner[last]
    return event


written = subprocess.run([f"{BUILD}/tests/unit/policy/test_record", "--ndjson"],
                         capture_output=True, text=True)
row("the writer ran", written.returncode == 0, written.stderr)
events = [json.loads(line) for line in written.stdout.splitlines()]
codes = {e["metadata"]["event_code"] for e in events}
row("every code of the table was written", codes == set(check_events.CODES),
    str(codes ^ set(check_events.CODES)))

r = run(CHECK + ["-"], written.stdout)
row("our fields", r.returncode == 0, r.stdout)

schema = pathlib.Path(os.environ.get("SEKIMORI_SHARED", "/nonexistent"), "ocsf/validate.py")
if schema.exists():
    r = run([sys.executable, str(schema), "-"], written.stdout)
    row("OCSF 1.8.0", r.returncode == 0, r.stdout)
else:
    skip("OCSF 1.8.0", "no schema beside this project (SEKIMORI_SHARED)")

# A checker that cannot fail is worth nothing: take each required field away.
for event in {e["metadata"]["event_code"]: e for e in events[::-1]}.values():
    code = event["metadata"]["event_code"]
    for path in check_events.ALWAYS + check_events.CODES[code][4]:
        row(f"{code} without {path} is rejected", list(check_events.wrong(without(event, path))))

for n, line in enumerate(pathlib.Path("tests/lint/samples/events_wrong.ndjson").read_text().splitlines(), 1):
    r = run(CHECK + ["-"], line)
    row(f"events_wrong.ndjson:{n} is rejected", r.returncode == 1, r.stdout)
row("an empty file is rejected", run(CHECK + ["-"], "").returncode == 1)
row("a sequence that does not grow is rejected",
    run(CHECK + ["-"], (json.dumps(events[0]) + "\n") * 2).returncode == 1)

print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
sys.exit(1 if count["failed"] else 0)
