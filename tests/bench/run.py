#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks one after the other (never two at once: they would time
each other) and prints their lines, `name value unit`, with a heading each.
--only PATTERN picks some; "guest" is the part that needs the VM."""
import argparse, glob, os, re, shutil, subprocess, sys


def host(build, pattern):
    for prog in sorted(glob.glob(f"{build}/tests/bench/bench_*")):
        if prog.endswith((".o", ".d")) or pattern not in prog:
            continue
        print(f"# {os.path.basename(prog)[6:]}", flush=True)
        yield subprocess.run([prog], timeout=900).returncode


def instructions(build, pattern):
    """Exact where time is noisy: instructions of one decision, by valgrind."""
    prog = f"{build}/tests/bench/bench_decide"
    if pattern not in prog or not os.path.exists(prog):
        return
    if not shutil.which("valgrind"):
        print("# instructions of a decision: skipped, valgrind is not installed")
        return
    for shape in ("id", "serial", "wildcard"):
        for count in (10, 1000, 10000):
            p = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                                "--collect-atstart=no", "--toggle-collect=decide_usb",
                                prog, "one", shape, str(count)], capture_output=True, text=True, timeout=300)
            found = re.search(r"Collected : (\d+)", p.stderr)
            print(f"decide_{shape}_{count}_rules_instructions {found[1] if found else 'failed'} instructions",
                  flush=True)
            yield p.returncode or (0 if found else 1)


def storm(build, pattern):
    if pattern in "storm":
        print("# storm", flush=True)
        yield subprocess.run([sys.executable, "tests/bench/storm.py", "--build", build], timeout=1200).returncode


def guest(build, pattern):
    script = "tests/e2e/bench.py"
    if os.path.exists(script) and pattern in "guest":
        print("# guest", flush=True)
        yield subprocess.run([sys.executable, script, "--build", build], timeout=1800).returncode


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--build", default="build")
    ap.add_argument("--only", default="")
    args = ap.parse_args()
    codes = list(host(args.build, args.only)) + list(instructions(args.build, args.only))
    codes += list(storm(args.build, args.only))
    codes += list(guest(args.build, args.only))
    if not codes:
        print("bench: nothing matches", file=sys.stderr)
        return 2
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
