# SPDX-License-Identifier: Apache-2.0
"""Finds the cases, runs each in its own guest, and tells how they went.

A case is a function test_… in cases/NN_name.py. The module says where it
runs: TIERS = ("T1", "T2"), or AGENT = False for a guest without our packages.
"""

import importlib.util
import os
import re
import shutil
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import checks
import snapshot
from case import Case, Failed, Skipped

CASES = snapshot.HERE + "/cases"


class Job:
    """One function of one module in one tier."""

    def __init__(self, tier, module, function):
        self.tier = tier
        self.function = function
        sentence = function.__name__[len("test_"):]
        self.name = f"{tier}/{module}/{sentence}"


class Stages:
    """The frozen guests, each made when the first case needs it."""

    def __init__(self, agent, packages):
        self.agent = agent
        self.packages = packages
        self.lock = threading.Lock()
        self.made = {}

    def get(self, tier):
        """The guest of a tier; the error of its making is kept as well."""
        with self.lock:
            if tier not in self.made:
                try:
                    self.made[tier] = self._make(tier)
                except Exception as error:
                    self.made[tier] = error
        if isinstance(self.made[tier], Exception):
            raise self.made[tier]
        return self.made[tier]

    def _make(self, tier):
        if tier == "plain":
            return snapshot.plain(self.agent)
        if not self.packages:
            raise Skipped("the agent's packages are not built (make deb)")
        return snapshot.enforcing(self.agent, self.packages, tier)


def load(path):
    """The module of one case file."""
    name = os.path.basename(path)[:-len(".py")]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return name, module


def tiers_of(module):
    if getattr(module, "AGENT", True):
        return module.TIERS
    return ("plain",)


def select(pattern, tier):
    """The jobs whose name matches, in the order they are written."""
    jobs = []
    for file in sorted(os.listdir(CASES)):
        if not file.endswith(".py"):
            continue
        name, module = load(f"{CASES}/{file}")
        for where in tiers_of(module):
            jobs += [Job(where, name, function)
                     for label, function in vars(module).items()
                     if label.startswith("test_")]
    return [job for job in jobs if re.search(pattern, job.name)
            and tier in (None, job.tier)]


def run_one(job, stages, folder, build):
    """Returns (verdict, reason)."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    try:
        case = Case(stages.get(job.tier), folder, build)
    except Skipped as skipped:
        return "skip", str(skipped)
    except Exception as error:
        return "FAIL", f"no guest: {error}"
    try:
        case.restore()
        job.function(case)
        if job.tier != "plain":
            case.save_events()
        return "ok", ""
    except Skipped as skipped:
        return "skip", str(skipped)
    except Failed as failed:
        case.keep_evidence(job.tier != "plain")
        return "FAIL", str(failed)
    except Exception as error:
        case.keep_evidence(job.tier != "plain")
        case.transcript.write(traceback.format_exc())
        return "FAIL", f"{type(error).__name__}: {error}"
    finally:
        case.close()


def report(verdict, name, seconds, reason):
    line = f"{verdict:4} {name} {seconds:.1f} {reason}".rstrip()
    print(line.replace("\n", " | "), flush=True)


def run(jobs, stages, options):
    """Runs the jobs, two at a time; returns the exit status."""
    build = os.path.abspath(options.build)
    out = os.path.join(build, "e2e")
    count = {"ok": 0, "FAIL": 0, "skip": 0}
    events = []

    def work(job):
        folder = os.path.join(out, job.name.replace("/", "-"))
        started = time.monotonic()
        verdict, reason = run_one(job, stages, folder, build)
        seconds = time.monotonic() - started
        events.extend(checks.read_events(folder))
        if verdict != "FAIL" and not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
        if verdict == "FAIL":
            reason += f" [{os.path.relpath(folder)}]"
        report(verdict, job.name, seconds, reason)
        count[verdict] += 1

    snapshot.prune()
    with ThreadPoolExecutor(options.workers) as pool:
        list(pool.map(work, jobs))
    if events:
        verdict, reason = checks.ocsf(events, out)
        report(verdict, "suite/every_event_is_valid_ocsf", 0, reason)
        count[verdict] += 1
    print(f"{count['ok']} passed, {count['FAIL']} failed, "
          f"{count['skip']} skipped", flush=True)
    sys.stdout.flush()
    return 1 if count["FAIL"] or not count["ok"] else 0
