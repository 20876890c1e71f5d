# SPDX-License-Identifier: Apache-2.0
"""What the test scripts of this folder share: a list of tests, what a test may
say, and the main() that runs them in a world of their own or of all. Prints one
line a test and a closing count."""
import os, shutil, sys, tempfile, time

BUILD = os.environ.get("BUILD", "build")
PROGRAM = BUILD + "/sekimori-collector"
WAIT_S = 40


class Skip(Exception):
    """This machine cannot run the test."""


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def until(what, condition, seconds=WAIT_S):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


class OwnFolder:
    """Each test gets an empty folder."""

    def __init__(self):
        self.folder = None

    def before(self):
        self.folder = tempfile.mkdtemp(prefix="collector-")
        return self.folder

    def after(self, is_failed):
        for root, _, files in os.walk(self.folder) if is_failed else ():
            for name in files:
                if name in ("c.log", "log"):
                    print(open(os.path.join(root, name), encoding="utf-8").read()[-1500:])
        shutil.rmtree(self.folder)

    def close(self, is_failed):
        return []


class OneCollector:
    """All tests get the same collector, which has to end well."""

    def __init__(self, collector_class):
        self.folder = tempfile.mkdtemp(prefix="collector-")
        self.collector = collector_class(PROGRAM, self.folder + "/c").start()

    def before(self):
        return self.collector

    def after(self, is_failed):
        if self.collector.process is None or self.collector.process.poll() is not None:
            self.collector.start()

    def close(self, is_failed):
        good = self.collector.stop() == 0
        for name in os.listdir(self.folder) if is_failed or not good else ():
            if name.endswith(".log"):
                print(name, open(f"{self.folder}/{name}", encoding="utf-8").read()[-4000:])
        shutil.rmtree(self.folder)
        return [] if good else ["the collector ends without an error (or a leak)"]


def main(tests, make_world, programs=(PROGRAM,), why_not=None, counts=None):
    """Runs the tests that the command line names, or all. Returns the status."""
    missing = [p for p in programs if not os.path.exists(p)]
    if missing:
        print(f"not ok - {missing} is not built\n0 passed, 1 failed, 0 skipped")
        return 1
    names, (passed, failed, skipped) = sys.argv[1:], counts or (0, 0, 0)
    world = None if why_not else make_world()
    for number, function in enumerate(tests, 1):
        if names and function.__name__ not in names:
            continue
        is_failed = False
        try:
            if why_not:
                raise Skip(why_not)
            function(world.before())
            print(f"ok {number} - {function.__name__}", flush=True)
            passed += 1
        except Skip as reason:
            print(f"ok {number} - {function.__name__} # SKIP {reason}", flush=True)
            skipped += 1
        except Exception as problem:  # noqa: BLE001: one failed test of many
            print(f"not ok {number} - {function.__name__}: {problem!r}", flush=True)
            failed += 1
            is_failed = True
        if world:
            world.after(is_failed)
    for complaint in world.close(failed > 0) if world else ():
        print(f"not ok - {complaint}")
        failed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0
