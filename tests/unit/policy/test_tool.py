#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sekimori-policy as scripts use it, and the shipped profiles through it."""
import glob, os, pathlib, re, subprocess, sys, tempfile

TOOL = os.path.join(os.environ.get("BUILD", "build"), "sekimori-policy")
STICK = 'device id 0411:01e8 serial "A1" name "Disk" with-interface 08:06:50'
KEYBOARD = "device id 046d:c31c with-interface { 03:01:01 03:00:00 }"
MOUSE = "device id 046d:c077 with-interface 03:01:02"
BADUSB = "device id 0411:01e8 with-interface { 03:01:01 08:06:50 }"
HUB = "device id 05e3:0610 with-interface { 09:00:01 09:00:02 }"
READER = "device id 054c:0dc8 with-interface 0b:00:00"
PASORI = "device id 054c:06c1 with-interface ff:ff:ff"
KEY = "device id 1050:0407 with-interface { 03:01:01 03:00:00 0b:00:00 }"
PHONE = "device id 18d1:4ee1 with-interface 06:01:01"
TETHER = "device id 18d1:4ee3 with-interface { e0:01:03 0a:00:00 }"
PRINTER = "device id 04b8:0883 with-interface 07:01:02"
CAMERA = "device id 5986:0706 with-interface { 0e:01:00 0e:02:00 }"


def run(*args, stdin=None):
    p = subprocess.run([TOOL, *args], input=stdin, capture_output=True, text=True)
    return p.returncode, p.stdout, p.stderr


def rules_file(text):
    f = tempfile.NamedTemporaryFile("w", suffix=".rules")
    f.write(text)
    f.flush()
    return f


def check_names_place_and_reason():
    with rules_file("allow\nallow id 12G4:5678\nmedia deny\ndeny\n") as f:
        code, out, err = run("check", f.name)
    assert code == 1 and out == "", (code, out)
    lines = err.splitlines()
    assert len(lines) == 2, err
    assert re.fullmatch(re.escape(f.name) + r":2:10: error: expected an id.*", lines[0]), lines[0]
    assert lines[1].startswith(f"{f.name}:4:1: error: expected allow"), lines[1]


def check_warns_and_succeeds():
    with rules_file("allow id 046D:C31C if localtime(08:00-17:00)\n") as f:
        code, _, err = run("check", f.name)
    assert code == 0 and err.count(": warning: ") == 2, err


def warnings(text):
    with rules_file(text) as f:
        code, _, err = run("check", f.name)
    assert code == 0, err
    return [line[len(f.name) + 1:].split(":", 3) for line in err.splitlines()]


def check_finds_rules_that_never_speak():
    def never(text):
        return [int(w[0]) for w in warnings("allow id 046d:c31c\n" + text) if "never speaks" in w[3]]
    assert never("block id 0411:*\nallow id 0412:*\nallow id 0411:* serial \"A\"\n") == [4]
    assert never("allow id 0411:01e8 serial \"A\"\nblock id 0411:*\n") == []
    assert never("block\nallow id 0411:01e8\nallow id 0412:01e8\n") == [3, 4]
    assert never("block id 0411:* if weekday(sat)\nallow id 0411:* serial \"A\"\n") == []
    assert never("block id 0411:01e8\nallow id 0411:01e8\n") == [3]
    assert never("block id 0411:*\nallow id 0411:01e8\n") == []  # a wildcard is not compared
    assert never("media deny serial \"A\"\nallow serial \"A\"\n") == []
    with rules_file("allow id 046d:*\nblock id 0411:*\n") as a, rules_file('allow id 0411:* serial "A"\n') as b:
        err = run("check", a.name, b.name)[2]
    assert f"{b.name}:1:1: warning: never speaks: the rule of line 2 of {a.name} takes all" in err, err


def check_warns_of_a_set_without_any_keyboard():
    def lifeline(text):
        text = text if text.startswith("policy") else 'policy "p"\n' + text
        return [w[0] for w in warnings(text) if "lifeline" in w[3]]
    assert lifeline("allow with-interface 08:06:50\nblock channel one-of { mtp }\n") == ["3"]
    assert lifeline("block\n") == ["2"]
    assert warnings("block\n") == []  # a file of a set
    for text in ("allow id 046d:c31c\n", "allow channel hid\n", "allow with-interface { 03:01:01 03:00:00 }\n",
                 "allow channel none-of { storage }\n", "media deny\n", 'policy "p" implicit allow\nblock id 1:2\n'):
        assert lifeline(text.replace("1:2", "0001:0002")) == [], text


def check_takes_files_as_one_set():
    with rules_file('allow id 0411:* rule-id "a"\n') as a, rules_file('block rule-id "a"\n') as b:
        assert run("check", a.name)[0] == 0
        assert run("check", b.name)[0] == 0
        code, _, err = run("check", a.name, b.name)
    assert code == 1 and err.startswith(f"{b.name}:1:1: error: "), err


def a_missing_file_is_an_error():
    code, _, err = run("check", "/nonexistent/x.rules")
    assert code == 1 and "/nonexistent/x.rules" in err, err


def format_reads_stdin_and_files():
    text = '# why\n\nblock   name "日本" id 0411:*\n'
    want = 'block id 0411:* name "日本"\n'
    assert run("format", "-", stdin=text) == (0, want, "")
    with rules_file(text) as f:
        assert run("format", f.name)[1] == want
    assert run("format", "--usbguard", "-", stdin=text)[1] == \
        'block id 0411:* name "\\xe6\\x97\\xa5\\xe6\\x9c\\xac"\n'
    code, out, err = run("format", "--usbguard", "-", stdin="media deny\n")
    assert code == 1 and out == "" and err.startswith("<stdin>:1:1: error: "), (out, err)
    assert run("format", "--usbguard", "-", stdin="\nallow\n")[0] == 1
    assert run("format", "-", stdin="\nallow\n") == (0, "allow\n", "")


def decide_prints_a_line_each():
    with rules_file("block id 0411:*\nallow if localtime(08:30-17:15)\n") as f:
        code, out, _ = run("decide", "--rules", f.name, "--at", "2026-11-20 09:00:00",
                           "--device", STICK, "--device", KEYBOARD)
        assert (code, out) == (0, "block 0\nallow 1\n"), out
        args = ["decide", "--rules", f.name, "--at", "2026-11-20 20:00", "--device", KEYBOARD]
        assert run(*args)[1] == "block implicit\n"
        assert run(*args, "--implicit", "reject")[1] == "reject implicit\n"
        assert run(*args, "--implicit", "match")[0] == 2
        assert run(*args[:-1], "device id 12")[0] == 1
        assert run("decide", "--rules", f.name, "--at", "noon", "--device", KEYBOARD)[0] == 2
        assert run("decide", "--rules", f.name)[0] == 2


def explain_tells_what_is_missing():
    with rules_file('allow id 0411:01e8 serial "B7" rule-id "stick"\nblock\n') as f:
        code, out, _ = run("explain", "--rules", f.name, "--device", STICK)
    assert code == 0, out
    assert out.startswith("block: rule 1\n"), out
    assert "nearest that allows: rule 0, 1 of 2 match; missing: serial" in out, out
    assert f"{f.name}:1: allow id 0411:01e8" in out, out


def explain_tells_that_a_keyboard_would_wait():
    for rule, waits in (("allow with-interface 03:*:*", True), ("allow id 046d:c31c", False)):
        with rules_file(rule + "\n") as f:
            code, out, _ = run("explain", "--rules", f.name, "--device",
                               "device id 046d:c31c with-interface 03:01:01")
        assert code == 0 and out.startswith("allow: rule 0\n"), out
        assert ("waits until a person confirms it" in out) == waits, out


def hash_rejects_with_the_reason():
    with tempfile.TemporaryDirectory() as d:
        code, _, err = run("hash", d)
        assert code == 1 and "not a USB device directory" in err, err
        for name, text in (("idVendor", "0411\n"), ("idProduct", "01e8\n")):
            pathlib.Path(d, name).write_text(text)
        pathlib.Path(d, "descriptors").write_bytes(b"\x12\x01")
        assert run("hash", d) == (1, "rejected: bLength is more than there is data\n", "")


def help_lists_what_there_is():
    code, out, _ = run("--help")
    assert code == 0
    for word in ("check", "format", "decide", "explain", "hash", "learn", "replay", "key", "sign", "verify"):
        assert f"\n  {word} " in out, word
        assert run(word, "--no-such-option")[0] == (1 if word in ("check", "hash") else 2), word
    assert run()[0] == 2 and run("frobnicate")[0] == 2
    assert run("--version")[1].startswith("sekimori-policy ")


def profile(name):
    files = sorted(glob.glob(f"policy/rules.d/{name}/*.rules"))
    assert files
    return files


def verdicts(name, *devices):
    args = [a for f in profile(name) for a in ("--rules", f)]
    code, out, err = run("decide", *args, *[a for d in devices for a in ("--device", d)])
    assert code == 0, err
    return [line.split()[0] for line in out.splitlines()]


def profiles_are_clean_and_begin_in_monitor_mode():
    for name in ("standard", "absolute", "audit-only"):
        code, out, err = run("check", *profile(name))
        assert (code, out, err) == (0, "", ""), err
        text = "".join(pathlib.Path(f).read_text() for f in profile(name))
        first = run("format", "-", stdin=text)
        assert first[0] == 0 and " mode monitor" in first[1].splitlines()[0], first
        assert run("format", "-", stdin=first[1])[1] == first[1]
        ids = re.findall(r'rule-id "([^"]+)"', first[1])
        rules = [l for l in first[1].splitlines() if re.match("allow|block|reject|media", l)]
        assert len(ids) == len(rules) == len(set(ids)), "every rule has a name of its own"


def standard_lets_work_go_on_and_nothing_out():
    assert verdicts("standard", KEYBOARD, MOUSE, HUB, READER, PASORI, KEY) == ["allow"] * 6
    assert verdicts("standard", STICK, BADUSB, PHONE, TETHER, PRINTER, CAMERA) == ["block"] * 6


def absolute_knows_no_exception():
    assert verdicts("absolute", HUB, READER, PASORI, KEY) == ["allow"] * 4
    assert verdicts("absolute", STICK, BADUSB, PHONE, TETHER) == ["reject"] * 4
    assert verdicts("absolute", KEYBOARD, PRINTER, CAMERA) == ["block"] * 3
    assert verdicts("absolute", KEYBOARD + ' with-connect-type "hardwired"') == ["allow"]


def audit_only_names_what_it_sees():
    assert verdicts("audit-only", KEYBOARD, PRINTER, CAMERA, READER) == ["allow"] * 4
    assert verdicts("audit-only", STICK, PHONE, TETHER) == ["block"] * 3


TESTS = [v for k, v in list(globals().items())
         if callable(v) and getattr(v, "__module__", "") == "__main__"
         and k not in ("run", "rules_file", "warnings", "profile", "verdicts", "main")]


def main():
    failed = 0
    for test in TESTS:
        try:
            test()
            print(f"ok {test.__name__}")
        except AssertionError as e:
            failed += 1
            print(f"not ok {test.__name__}: {e}")
    print(f"{len(TESTS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
