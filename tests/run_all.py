#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `make test` runs: every suite in turn, its output shown as it comes, and
one closing line over all: `N passed, N failed, N skipped`. A suite that ends
without its own count, or whose exit code and count disagree, counts as failed."""
import argparse, re, subprocess, sys, time

SUITES = [("check", ["make", "check"]), ("check-san", ["make", "check-san"]), ("e2e", ["make", "e2e"])]
COUNT = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")


def suite(name, cmd):
    print(f"== {name}", flush=True)
    start, last = time.time(), None
    p = subprocess.Popen(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         stdin=subprocess.DEVNULL, text=True, errors="replace")
    for line in p.stdout:
        m = COUNT.match(line.strip())
        if m:
            last = [int(x or 0) for x in m.groups()]
            line = f"{name}: {line}"       # only the closing line stands alone
        print(line, end="", flush=True)
    rc = p.wait()
    print(f"== {name}: exit {rc} after {time.time() - start:.0f} s", flush=True)
    if last is None:
        return [0, 1, 0]
    if (rc != 0) != (last[1] > 0):
        last[1] += 1
    return last


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--only", help="suites, comma separated")
    args = ap.parse_args()
    total = [0, 0, 0]
    for name, cmd in SUITES:
        if not args.only or name in args.only.split(","):
            total = [a + b for a, b in zip(total, suite(name, cmd + [f"BUILD={args.build}"]))]
    print("%d passed, %d failed, %d skipped" % tuple(total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
