#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""agent/notify/ja.po has every text of the source and no other, with the same
formats; each of them is Japanese."""
import glob, re, shutil, subprocess, sys

if not shutil.which("xgettext"):
    print("skip: gettext is not installed")
    print("0 passed, 0 failed, 1 skipped")
    sys.exit(0)

failed = 0


def texts(po):
    """msgid → msgstr of a .po text, the header left out."""
    found = {}
    for block in po.split("\n\n"):
        parts = {"msgid": "", "msgstr": ""}
        word = None
        for line in block.split("\n"):
            m = re.match(r"(msgid|msgstr)?\s*\"(.*)\"$", line)
            if not m:
                continue
            word = m[1] or word
            parts[word] += m[2]
        if parts["msgid"]:
            found[parts["msgid"]] = parts["msgstr"]
    return found


def check(good, why):
    global failed
    if not good:
        failed += 1
        print("FAIL", why)


source = subprocess.run(["xgettext", "--from-code=UTF-8", "-k_", "-kN_", "--no-location", "-o", "-"]
                        + sorted(glob.glob("agent/notify/*.c")), capture_output=True, text=True, check=True)
want, have = texts(source.stdout), texts(open("agent/notify/ja.po", encoding="utf-8").read())
for text in want.keys() | have.keys():
    check(text in have, f"no Japanese for {text!r}")
    check(text in want, f"no source has {text!r}")
    formats = [re.findall(r"%[a-z]+", t) for t in (text, have.get(text, ""))]
    check(formats[0] == formats[1], f"formats of {text!r} differ")
    japanese = have.get(text, "")
    check(text in ("en", ", ") or re.search(r"[\u3040-\u30ff\u4e00-\u9fff、・]", japanese),
          f"{japanese!r} is not Japanese")
r = subprocess.run(["msgfmt", "-c", "-o", "/dev/null", "agent/notify/ja.po"], capture_output=True, text=True)
check(r.returncode == 0, r.stderr)
total = len(want) + 1
print(f"{total - min(failed, total)} passed, {failed} failed, 0 skipped")
sys.exit(1 if failed else 0)
