#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What no compiler compares: the keys that sekimorictl reads and the daemon
writes are those of the interface XML; every text has a Japanese row with the
same conversions, and every row is used; the completion knows every command
and option; the bus and polkit files name what the XML names."""
import pathlib, re, sys
sys.path.insert(0, "tests/lint")
import check_events
import xml.etree.ElementTree as ET

XML = pathlib.Path("pkg/dbus/jp.sekimori.Agent1.xml").read_text()
CTL = {p.name: p.read_text() for p in pathlib.Path("agent/ctl").glob("*.c")}
count = {"passed": 0, "failed": 0}


def row(name, good, why=""):
    count["passed" if good else "failed"] += 1
    if not good:
        print(f"FAIL {name}: {why}")


STRING = r'"(?:\\.|[^"\\])*"'
TEXT = rf'(?:{STRING}|PRI[du]64)(?:\s*(?:{STRING}|PRI[du]64))*'


def joined(expression):
    """A C string expression as its text, PRIu64 kept as a mark."""
    parts = re.findall(rf"{STRING}|PRI[du]64", expression)
    return "".join("<64>" if p.startswith("PRI") else p[1:-1] for p in parts)


def conversions(text):
    return re.findall(r"%(?:<64>|[-0-9.*]*[a-z%])", text)


# -- keys ------------------------------------------------------------------
documented = set(re.findall(r"^ {8}([a-z][a-z-]*) +(?:s|t|u|b|as|a\(sss\))(?: |$)", XML, re.M))
row("the XML documents keys", len(documented) > 40, len(documented))
read = set(re.findall(r'dict_(?:str|u64|list)\(\s*&?\w+,\s*"([a-z-]+)"', "".join(CTL.values())))
row("sekimorictl reads keys", len(read) > 30, len(read))
row("every key read is documented", read <= documented, read - documented)
daemon = "".join(p.read_text() for p in pathlib.Path("agent/daemon").glob("control_*.c"))
written = set(re.findall(r'put_(?:text|u64|u32|bool|strings|span)\(\s*&?\w+,\s*(?:\w+ \? )?"([a-z-]+)"', daemon))
row("the daemon writes keys", len(written) > 30, len(written))
row("every key written is documented", written <= documented, written - documented)
row("a key that nobody documented is noticed", not {"no-such-key"} <= documented)

# -- texts -----------------------------------------------------------------
used = {}
for name, text in CTL.items():
    for m in re.finditer(rf"\bN?_\(\s*({TEXT})\s*\)", text):
        used[joined(m.group(1))] = name
# What `spool verify` finds is worded where it is found.
for found in re.findall(r"\bdetail = (.*?)[;}]", pathlib.Path("agent/spool/verify.c").read_text(), re.S):
    for m in re.finditer(TEXT, found):
        used[joined(m.group(0))] = "agent/spool/verify.c"
pairs = dict((joined(a), joined(b)) for a, b in
             re.findall(rf"\{{({TEXT}),\s*({TEXT})\}}", CTL["ja.c"]))
row("texts were found", len(used) > 80 and len(pairs) > 80, (len(used), len(pairs)))
for english, where in used.items():
    row(f"{where} has Japanese", english in pairs, repr(english))
for english, japanese in pairs.items():
    row("the row is used", english in used, repr(english))
    row("the conversions agree", conversions(english) == conversions(japanese), repr(english))
    row("a line ends where it ends", english.endswith("\\n") == japanese.endswith("\\n"), repr(english))
row("a conversion too many is noticed", conversions("%s") != conversions("%s %s"))

# -- completion ------------------------------------------------------------
completion = pathlib.Path("pkg/completions/sekimorictl").read_text()
commands = re.findall(r'\{"(\w+)",\s*"[^"]*",\s*N_', CTL["ctl.c"])
row("commands were found", len(commands) > 6, commands)
for c in commands:
    row("the completion knows the command", re.search(rf"\b{c}\b", completion), c)
for option in set(re.findall(r'"(--?[a-z]+)"', CTL["cmd_events.c"])) | {"--help", "--version"}:
    row("the completion knows the option", option in completion, option)
for code in check_events.CODES:
    row("the completion knows the event code", re.search(rf"\s{re.escape(code)}[\s']", completion), code)

# -- bus and polkit --------------------------------------------------------
interface = ET.fromstring(XML).find("interface")
methods = {m.get("name") for m in interface.findall("method")}
called = set(re.findall(r'bus_(?:call|new_call)\(\s*[\w>-]+,\s*"(\w+)"', "".join(CTL.values())))
# What only the desktop part asks for
notify = "".join(p.read_text() for p in pathlib.Path("agent/notify").glob("*.c"))
called |= set(re.findall(r'\bask\(\s*\w+,\s*"(\w+)"', notify))
row("every method is called, and no other", methods == called, methods ^ called)
conf = ET.parse("pkg/dbus/jp.sekimori.Agent1.conf").getroot()
names = {e.get(k) for e in conf.iter() for k in e.keys() if k.endswith(("interface", "own"))}
row("the bus policy speaks of our interface", interface.get("name") in names, names)
actions = {a.get("id") for a in ET.parse("pkg/polkit/jp.sekimori.agent.policy").getroot().iter("action")}
row("the polkit actions are the XML's", actions == set(re.findall(r"jp\.sekimori\.agent\.\w+", XML)), actions)

print(f"{count['passed']} passed, {count['failed']} failed")
sys.exit(1 if count["failed"] else 0)
