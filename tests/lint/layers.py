#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the include table: which folder may include which (ARCHITECTURE in
README.md). layers.py [FILE...]: the tree, or only these files, each given the
room that its path (or a first line `// room: PATH`) names. Exit 1 on a breach."""
import pathlib, re, subprocess, sys

MAY = {
    "policy": {"policy"},
    "policy/tool": {"policy", "policy/tool", "agent/wire", "agent/base"},
    "agent/base": {"agent/base"},
    "agent/wire": {"policy:limits.h,span.h,lines.h", "agent/wire"},
    "agent/bpf": {"agent/bpf"},
    "agent/sense": {"policy", "agent/base", "agent/bpf", "agent/sense"},
    "agent/enforce": {"policy", "agent/base", "agent/bpf", "agent/enforce"},
    "agent/spool": {"agent/base", "agent/wire", "agent/spool"},
    "agent/probe": {"agent/base", "agent/probe"},
    "agent/daemon": {"policy", "agent/base", "agent/wire", "agent/bpf",
                     "agent/sense", "agent/enforce", "agent/spool", "agent/daemon",
                     "agent/pam:lint.h"},
    "agent/ship": {"agent/base", "agent/wire", "agent/spool", "agent/ship"},
    # The linter of the PAM stacks is a library of agent/pam that the module
    # itself does not use: ctl shows its findings, the daemon watches its hash.
    # It reads the spool's files itself, to verify them without the daemon.
    "agent/ctl": {"policy", "agent/base", "agent/ctl",
                  "agent/pam:lint.h,lint_stack.h,line.h",
                  "agent/spool:reader.h,verify.h"},
    "agent/notify": {"policy", "agent/base", "agent/notify"},
    "agent/pam": {"policy", "agent/base", "agent/pam"},
    "collector": {"policy:record.h,grant.h,code.h,limits.h,span.h,utf8.h", "agent/base",
                  "agent/wire", "collector"},
    # The desk holds a person's key, as the administrator's tool does; the
    # collector, which it talks to, holds none.
    "collector/desk": {"policy:grant.h,code.h,limits.h,span.h,utf8.h", "agent/base",
                       "agent/wire", "policy/tool:signing_key.h", "collector/desk"},
}
# A library's header lives in the rooms named here and nowhere else.
ONLY = {
    r"curl/": {"agent/ship", "collector", "collector/desk"}, r"bpf/(libbpf|bpf|btf)\.h|guard_": {"agent/enforce"},
    r"libudev\.h": {"agent/sense"}, r"blkid/": {"agent/probe"},
    r"seccomp\.h": {"agent/probe", "agent/ship"},
    r"security/": {"agent/pam"}, r"(gtk|libnotify)/": {"agent/notify"},
    r"(microhttpd|sqlite3|libpq-fe|librdkafka)": {"collector"},
    r"openssl/": {"agent/wire", "policy", "policy/tool", "agent/ship", "collector", "agent/spool",
                  "agent/daemon", "collector/desk"},
    r"systemd/": {"agent/daemon", "agent/ctl", "agent/ship", "agent/notify",
                  "collector", "agent/pam", "agent/sense", "agent/enforce"},
}
INC = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def room(path):
    parts = str(path).split("/")[:-1]
    while parts and "/".join(parts) not in MAY:
        parts.pop()
    return "/".join(parts)


def allowed(here, target):
    there = room(target)
    for entry in MAY[here]:
        name, _, files = entry.partition(":")
        if name == there and (not files or target.split("/")[-1] in files.split(",")):
            return True
    return False


def breaches(path, text):
    named = re.match(r"// room: (\S+)", text)
    here = named.group(1) if named else room(path)
    if here not in MAY:
        return
    for n, line in enumerate(text.splitlines(), 1):
        m = INC.match(line)
        if not m:
            continue
        quote, target = m.groups()
        if quote == '"' and "/" not in target:
            if target.endswith(".inc"):
                continue
            yield n, f'"{target}" is not a path from the root'
        elif quote == '"' and room(target) in MAY and not allowed(here, target):
            yield n, f"{here} may not include {target}"
        elif quote == '"' and target.startswith("tests/"):
            yield n, f"{here} includes tests"
        elif quote == "<":
            for rx, rooms in ONLY.items():
                if re.match(rx, target) and here not in rooms:
                    yield n, f"<{target}> belongs in {', '.join(sorted(rooms))}"


def main():
    files = sys.argv[1:] or subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard",
         "policy", "agent", "collector"], capture_output=True, text=True,
        check=True).stdout.split()
    bad = 0
    for f in files:
        if f.endswith((".c", ".h")) and pathlib.Path(f).exists():
            for n, why in breaches(f, pathlib.Path(f).read_text(encoding="utf-8")):
                print(f"{f}:{n}: {why}")
                bad += 1
    print(f"layers: {len(files)} files, {bad} breaches")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
