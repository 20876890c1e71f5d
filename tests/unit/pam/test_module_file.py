#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shipped module file: what it exports, what it needs, and that nothing of
the test twin is in it. Last line: N passed, M failed."""
import os, re, subprocess, sys

BUILD = os.environ.get("BUILD", "build")
SO = f"{BUILD}/pam_sekimori.so"
ENTRIES = {"pam_sm_authenticate", "pam_sm_setcred", "pam_sm_acct_mgmt",
           "pam_sm_open_session", "pam_sm_close_session"}
# What would end, stop, fork, signal, print or wait inside a login program.
FORBIDDEN = re.compile(r"^(_?exit|_Exit|quick_exit|abort|__assert_fail|fork|vfork|exec\w+|posix_spawn\w*|system"
                       r"|popen|signal|sigaction|alarm|setitimer|pthread_\w+|sleep|usleep|nanosleep|poll|select"
                       r"|epoll_\w+|connect|accept\w*|recv\w*|printf|puts|fprintf|__\w*printf_chk_stderr|syslog"
                       r"|openlog|vsyslog|setuid|seteuid|setlocale|chdir|umask|getenv|secure_getenv|__secure_getenv)$")


def out(*cmd):
    return subprocess.run(cmd, capture_output=True, text=True, check=True).stdout


def exports():
    """it exports the five entries of libpam and nothing else"""
    names = {l.split()[-1] for l in out("nm", "-D", "--defined-only", SO).splitlines()}
    return names == ENTRIES, names ^ ENTRIES


def imports():
    """it calls nothing that ends, stops, waits, prints or reads the environment"""
    bad = [n for n in (l.split()[-1].split("@")[0] for l in out("nm", "-D", "-u", SO).splitlines())
           if FORBIDDEN.match(n)]
    # The sanitizers bring their own.
    return not bad or "san" in BUILD, bad


def libraries():
    """it needs libpam and libc alone"""
    needed = set(re.findall(r"NEEDED.*\[(.*?)\]", out("readelf", "-d", SO)))
    return needed <= {"libpam.so.0", "libc.so.6"} or "san" in BUILD, needed


def twin():
    """nothing of the test twin is in it, and the real places are"""
    data = open(SO, "rb").read()
    return b"PAM_TEST" not in data and b"/run/sekimori/mfa" in data, ""


def hardened():
    """it has full RELRO and no executable stack"""
    text = out("readelf", "-ldW", SO)
    return "GNU_RELRO" in text and re.search(r"BIND_NOW|FLAGS_1.*NOW", text) is not None \
        and re.search(r"GNU_STACK.*RWE", text) is None, ""


def main():
    good = bad = 0
    for test in (exports, imports, libraries, twin, hardened):
        ok, why = test()
        print(f"{'ok  ' if ok else 'FAIL'} {test.__doc__}" + ("" if ok else f": {why}"))
        good, bad = good + ok, bad + (not ok)
    print(f"{good} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
