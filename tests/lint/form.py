#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House form that clang-format cannot hold: form.py [FILE...]
SPDX line first, a paragraph after it, no banned call, functions of at most 80
lines and 5 parameters, files of at most 700 lines, headers with #pragma once,
no mutable file-scope variable, no trailing `sleep`. Exit 1 on a breach."""
import pathlib, re, subprocess, sys

BANNED = re.compile(r"(?<![\w.>])(strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|gets|alloca"
                    r"|system|popen|getenv|sleep|usleep|nanosleep|mktemp|tmpnam|signal)\s*\(")
# One place each, with the reason.
EXCUSED = {
    ("agent/base/log.c", "getenv"): "the log level, read once at start",
    ("agent/daemon/main.c", "getenv"): "sd_notify and listen-fds environment",
}
# A test may wait, read its environment and run programs; the product may not.
TESTS_MAY = {"sleep", "usleep", "nanosleep", "signal", "system", "popen", "getenv"}
MUTABLE = re.compile(r"^(static\s+)?(?!.*\bconst\b)(?!typedef|extern|struct\s+\w+;|enum|return|goto|case)"
                     r"(static\s+)[\w\s\*]+\b(\w+)(\[[^\]]*\])*\s*(=|;)")
MAX_FUNC, MAX_FILE, MAX_PARAM = 80, 700, 5


def strip(text):
    """Comments and strings blanked, line numbers kept."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    text = re.sub(r"/\*.*?\*/", blank, text, flags=re.S)
    text = re.sub(r"//[^\n]*", blank, text)
    return re.sub(r'"(\\.|[^"\\\n])*"', lambda m: '"' + " " * (len(m.group(0)) - 2) + '"', text)


def functions(lines):
    """(line, length, parameter count) of every function body."""
    start = None
    for n, line in enumerate(lines):
        if line == "{" and n:
            start = n
        elif line == "}" and start is not None:
            head, i = "", start - 1
            while i >= 0 and lines[i].strip() and lines[i][0] not in "}#" \
                    and not lines[i].rstrip().endswith(";"):
                head = lines[i] + " " + head
                i -= 1
            m = re.search(r"\((.*)\)\s*$", head.split("__attribute__")[0].strip(), re.S)
            depth, count = 0, 0
            args = m.group(1) if m else ""
            for c in args:
                depth += (c == "(") - (c == ")")
                count += c == "," and depth == 0
            params = 0 if args.strip() in ("", "void") else count + 1
            if re.search(r"\bMHD_Result \w+\(", head):
                params = 0  # libmicrohttpd's callback type has eight
            yield start, n - start + 1, params
            start = None


def breaches(name, text):
    raw = text.splitlines()
    room = re.match(r"// room: (\S+)", text)
    path = room.group(1) if room else name
    if not room and not any("SPDX-License-Identifier:" in l for l in raw[:2]):
        yield 1, "no SPDX line"
    if not room and name.endswith((".c", ".h")) and not re.search(r"/\*", "\n".join(raw[1:12])):
        yield 2, "no paragraph that says what the module is for"
    if name.endswith(".h") and "#pragma once" not in text:
        yield 1, "no #pragma once"
    if len(raw) > MAX_FILE:
        yield MAX_FILE, f"file of {len(raw)} lines (at most {MAX_FILE})"
    code = strip(text).splitlines()
    for n, line in enumerate(code, 1):
        for m in BANNED.finditer(line):
            excused = (path, m.group(1)) in EXCUSED \
                or path.startswith("tests/") and m.group(1) in TESTS_MAY
            if "#define" not in line and "#pragma" not in line and not excused:
                yield n, f"{m.group(1)}() is banned"
        if MUTABLE.match(line) and name.endswith(".c") and "(" not in line.split("=")[0] \
                and not path.startswith(("tests", "agent/bpf")):
            yield n, "mutable variable at file scope: " + line.strip()
    if not path.startswith("tests/"):
        for n, length, params in functions(code):
            if length > MAX_FUNC:
                yield n, f"function of {length} lines (at most {MAX_FUNC})"
            if params > MAX_PARAM and not path.startswith("agent/bpf"):
                yield n, f"{params} parameters (at most {MAX_PARAM})"


def main():
    files = sys.argv[1:] or subprocess.run(
        ["git", "ls-files", "*.c", "*.h"], capture_output=True, text=True,
        check=True).stdout.split()
    files = [f for f in files if sys.argv[1:] or "lint/samples" not in f]
    bad = 0
    for f in files:
        if not pathlib.Path(f).exists():
            continue
        for n, why in breaches(f, pathlib.Path(f).read_text(encoding="utf-8")):
            print(f"{f}:{n}: {why}")
            bad += 1
    print(f"form: {len(files)} files, {bad} breaches")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
