#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `make check` runs: unit programs, Python tests, lint (each with samples
that must fail), fuzz seeds, man pages, format. Needs no root and no network.
Prints one line for what failed or was skipped and a closing count."""
import argparse, concurrent.futures as cf, glob, os, pathlib, re, shutil, subprocess, sys, time

TIMEOUT = 300


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, name, state, detail=""):
        setattr(self, state, getattr(self, state) + 1)
        if state != "passed":
            print(f"{'FAIL' if state == 'failed' else 'skip'} {name} {detail}".rstrip(), flush=True)


def run(cmd, env=None, timeout=TIMEOUT):
    e = dict(os.environ, **(env or {}))
    try:
        p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=e,
                           timeout=timeout, stdin=subprocess.DEVNULL)
        return p.returncode, p.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as x:
        return 124, (x.stdout or b"").decode("utf-8", "replace") + f"\ntimed out after {timeout} s"


def unit(args):
    for prog in sorted(glob.glob(f"{args.build}/tests/unit/**/test_*", recursive=True)):
        if os.access(prog, os.X_OK) and not prog.endswith((".o", ".d")) and os.path.isfile(prog) \
                and os.path.exists(prog[len(args.build) + 1:] + ".c"):
            yield prog[len(args.build) + 12:], lambda prog=prog: cmocka(prog)


def cmocka(prog):
    """One row a test of the program; a program that dies is one failed row."""
    rc, out = run([prog], {"CMOCKA_MESSAGE_OUTPUT": "TAP"})
    rows, seen = [], set()
    for m in re.finditer(r"^(not ok|ok) \d+ - (\S+)(.*)$", out, re.M):
        state = "failed" if m[1] == "not ok" else "skipped" if "# SKIP" in m[3] else "passed"
        rows.append((m[2], state, m[3].strip()))
        seen.add(state)
    # cmocka writes a skipped test as "not ok N # SKIP name", its reason before.
    said = ""
    for line in out.splitlines():
        m = re.match(r"(?:not )?ok \d+ # SKIP (\S+)", line)
        if m:
            rows.append((m[1], "skipped", said))
        elif not re.match(r"(1\.\.|ok |not ok )", line):
            said = line
    plan = re.search(r"^1\.\.(\d+)", out, re.M)
    lost = int(plan[1]) - len(rows) if plan else 1
    if (rc and "failed" not in seen) or lost:
        rows.append(("program", "failed", f"exit {rc}, {lost} tests without a result"))
        seen.add("failed")
    return rows, out if "failed" in seen else ""


def python_tests(args):
    # Shown a second time under the sanitizers only where they drive our programs.
    for f in sorted(glob.glob("tests/unit/**/test_*.py", recursive=True) + ["tests/conformance.py"]):
        if os.path.exists(f):
            yield f, lambda f=f: counted([sys.executable, f], args)


def counted(cmd, args):
    """A test script of ours: its last line counts."""
    shared = os.environ.get("SEKIMORI_SHARED") or os.path.abspath("../shared")
    env = {"BUILD": args.build, "SEKIMORI_BUILD": args.build}
    if os.path.isdir(shared):
        env["SEKIMORI_SHARED"] = shared
    rc, out = run(cmd, env, 600)
    m = re.findall(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", out, re.M)
    if not m:
        return [("script", "failed", f"exit {rc}, no closing count")], out
    p, f, s = (int(x or 0) for x in m[-1])
    rows = [("", "passed", "")] * p + [("", "failed", "")] * f
    why = re.findall(r"^(?:skip|ok .*# SKIP)\s*(.*)$", out, re.M) + ["no reason given"] * s
    rows += [("", "skipped", why[i]) for i in range(s)]
    if (rc != 0) != (f > 0) or p + f + s == 0:
        rows.append(("script", "failed", f"exit {rc} with {p} passed, {f} failed"))
    return rows, out if any(r[1] == "failed" for r in rows) else ""


def one(cmd, must_fail=False):
    def job():
        rc, out = run(cmd)
        good = (rc != 0) if must_fail else (rc == 0)
        return [("", "passed" if good else "failed",
                 "" if good else "accepted what it must reject" if must_fail else f"exit {rc}")], \
            "" if good else out
    return job


def lint(args):
    py = sys.executable
    for name in ("layers", "form"):
        yield f"lint {name}", one([py, f"tests/lint/{name}.py"])
        for s in sorted(glob.glob(f"tests/lint/samples/{name}_*")):
            yield f"lint {name} rejects {os.path.basename(s)}", one([py, f"tests/lint/{name}.py", s], True)
    pure = glob.glob(f"{args.build}/policy/*.o") + glob.glob(f"{args.build}/agent/wire/*.o")
    yield "lint purity", one([py, "tests/lint/purity.py", *sorted(pure)])
    yield "lint purity rejects impure.o", one([py, "tests/lint/purity.py", f"{args.build}/tests/lint/impure.o"], True)
    if os.path.isdir(".git") or os.path.isfile(".git"):
        files = subprocess.run(["git", "ls-files", "*.c", "*.h"], capture_output=True, text=True).stdout.split()
        files = [f for f in files if "lint/samples" not in f and os.path.exists(f)]
        if shutil.which("clang-format"):
            yield "format", one(["clang-format", "--dry-run", "-Werror", *files])
        else:
            yield "format", lambda: ([("", "skipped", "no clang-format")], "")


def fuzz(args):
    for prog in sorted(glob.glob(f"{args.build}/tests/fuzz/replay_*")):
        if prog.endswith((".o", ".d")):
            continue
        name = os.path.basename(prog)[7:]
        seeds = sorted(glob.glob(f"tests/fuzz/seeds/{name}/*"))
        if seeds:
            yield f"seeds {name}", one([prog, *seeds])
        else:
            yield f"seeds {name}", lambda: ([("", "failed", "no seeds")], "")


def man(args):
    for page in sorted(glob.glob("pkg/man/*.[1-8]")):
        yield f"man {page}", one(["mandoc", "-Tlint", "-Wwarning", page])


SUITES = {"unit": unit, "python": python_tests, "lint": lint, "fuzz": fuzz, "man": man}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build")
    ap.add_argument("--only", default=",".join(SUITES))
    ap.add_argument("--name", default="check")
    args = ap.parse_args()
    tally, start, logs = Tally(), time.time(), pathlib.Path(args.build, "logs")
    logs.mkdir(parents=True, exist_ok=True)
    jobs = [j for s in args.only.split(",") for j in SUITES[s](args)]
    with cf.ThreadPoolExecutor(2) as pool:
        done = [(name, pool.submit(job)) for name, job in jobs]
        for name, future in done:
            rows, out = future.result()
            for row, state, detail in rows:
                tally.add(f"{name} {row}".strip(), state, detail)
            if out:
                log = logs / (re.sub(r"\W+", "_", name) + ".log")
                log.write_text(out)
                print("\n".join(out.splitlines()[-25:]) + f"\n  (whole: {log})", flush=True)
    if not jobs:
        tally.add(args.only, "failed", "nothing to run")
    print(f"{args.name}: {time.time() - start:.0f} s")
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
