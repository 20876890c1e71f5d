#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""learn on made sysfs trees: what works goes on working, nothing else does."""
import os, pathlib, re, struct, subprocess, sys, tempfile

TOOL = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "sekimori-policy"))
STANDARD = os.path.abspath("policy/rules.d/standard")
KEYS, MOUSE, CARD, STORAGE, HUB = (3, 1, 1), (3, 1, 2), (0x0b, 0, 0), (8, 6, 0x50), (9, 0, 0)
VIDEO, STREAM = (0x0e, 1, 0), (0x0e, 2, 0)


def descriptors(vendor, product, interfaces):
    body = b"".join(struct.pack("<9B", 9, 4, n, 0, 0, *i, 0) for n, i in enumerate(interfaces))
    config = struct.pack("<2BH5B", 9, 2, 9 + len(body), len(interfaces), 1, 0, 0x80, 50)
    return struct.pack("<2BH4B3H4B", 18, 1, 0x200, 0, 0, 0, 64, vendor, product, 0x100, 1, 2, 3, 1) + config + body


class Tree:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = self.folder.name
        self.devices = pathlib.Path(self.root, "sys/bus/usb/devices")
        self.devices.mkdir(parents=True)

    def add(self, port, vendor, product, interfaces, serial=None, name=None, authorized="1", raw=None):
        # as the kernel has it: a link to the device's place in the tree
        place = pathlib.Path(self.root, "sys/devices/pci0000:00/usb1", port)
        place.mkdir(parents=True)
        (self.devices / port).symlink_to(f"../../../devices/pci0000:00/usb1/{port}")
        (self.devices / f"{port}:1.0").symlink_to(f"../../../devices/pci0000:00/usb1/{port}")
        files = {"idVendor": f"{vendor:04x}\n", "idProduct": f"{product:04x}\n", "authorized": authorized + "\n"}
        if serial is not None:
            files["serial"] = serial + "\n"
        if name is not None:
            files["product"] = name + "\n"
        for key, value in files.items():
            (place / key).write_text(value)
        (place / "descriptors").write_bytes(raw or descriptors(vendor, product, interfaces))


def run(*args, stdin=None):
    p = subprocess.run([TOOL, *args], input=stdin, capture_output=True, text=True)
    return p.returncode, p.stdout, p.stderr


def office():
    t = Tree()
    t.add("1-1", 0x046d, 0xc31c, [KEYS], name="Keyboard")
    t.add("1-2", 0x046d, 0xc077, [MOUSE], name="Mouse")
    t.add("1-4", 0x05e3, 0x0610, [HUB], name="Hub")
    t.add("1-4.3", 0x054c, 0x0dc8, [CARD], serial="R1", name="職員証リーダー")
    t.add("1-5", 0x5986, 0x0706, [VIDEO, STREAM, STREAM, STREAM], name="Camera")
    t.add("usb1", 0x1d6b, 0x0002, [HUB], serial="0000:00:14.0", name="xHCI")
    return t


def verdict(rules, device):
    with tempfile.NamedTemporaryFile("w", suffix=".rules") as f:
        f.write(rules)
        f.flush()
        code, out, err = run("decide", "--rules", f.name, "--device", device)
    assert code == 0, err
    return out.split()[0]


def what_works_is_allowed_and_a_new_stick_is_not():
    t = office()
    code, rules, err = run("learn", "--root", t.root)
    assert code == 0 and "5 devices learned, 0 left out" in err, err
    assert len(re.findall(r"^allow ", rules, re.M)) == 5, rules
    assert 'policy "learned" serial 1 mode enforce' in rules and "media deny" in rules
    assert 'serial "R1"' in rules and '"職員証リーダー"' in rules, rules
    # without a serial number the port tells
    assert re.search(r'^allow id 046d:c31c .*via-port "1-1"', rules, re.M), rules
    assert not re.search(r'^allow id 054c:0dc8 .*via-port', rules, re.M), rules
    assert verdict(rules, 'device id 0781:5581 serial "X" with-interface 08:06:50') == "block"
    assert verdict(rules, "device id 046d:c31c with-interface 03:01:01") == "block"
    assert run("check", "/dev/stdin", stdin=rules)[0] == 0


def it_says_the_same_each_time_and_hubs_come_first():
    t = office()
    first = run("learn", "--root", t.root)[1]
    assert first == run("learn", "--root", t.root)[1]
    assert first.index("learned-1-4\"") < first.index("learned-1-4.3\"")


def what_is_blocked_or_broken_is_left_out_and_said():
    t = office()
    t.add("1-6", 0x0781, 0x5581, [STORAGE], serial="S1", authorized="0")
    t.add("1-7", 0x1234, 0x5678, [], raw=b"\x12\x01\x00")
    code, rules, err = run("learn", "--root", t.root)
    assert code == 0 and "5 devices learned, 2 left out" in err, err
    assert "1-6: not learned: it is blocked now" in err and "1-7: not learned: " in err, err
    assert "0781" not in rules and "1234:5678" not in rules


def a_hostile_name_stays_inside_its_quotes():
    t = office()
    evil = 'x" allow\nallow\t\\ \x1b[31m'
    t.add("1-8", 0x1209, 0x0001, [KEYS], serial="E1", name=evil)
    code, rules, err = run("learn", "--root", t.root)
    assert code == 0, err
    assert len(re.findall(r"^allow", rules, re.M)) == 6, rules
    assert "\x1b" not in rules


def a_profile_takes_the_rules_into_its_middle():
    t = office()
    code, rules, err = run("learn", "--root", t.root, "--profile", STANDARD)
    assert code == 0, err
    assert rules.index("std-input") < rules.index("learned-1-1") < rules.index("std-no-storage")
    assert run("check", "/dev/stdin", stdin=rules)[0] == 0
    code, _, err = run("learn", "--root", t.root, "--profile", "none/such")
    assert code == 1 and "no such profile" in err, err


def nothing_plugged_in_is_a_rule_set_too():
    t = Tree()
    code, rules, err = run("learn", "--root", t.root, "--mode", "monitor", "--serial", "7")
    assert code == 0 and 'serial 7 mode monitor' in rules and "0 devices" in err, (rules, err)
    code, _, err = run("learn", "--root", "/nonexistent")
    assert code == 1 and "/nonexistent" in err, err
    for wrong in (["--mode", "off"], ["--serial", "x"], ["extra"]):
        assert run("learn", *wrong)[0] == 2


TESTS = (what_works_is_allowed_and_a_new_stick_is_not, it_says_the_same_each_time_and_hubs_come_first,
         what_is_blocked_or_broken_is_left_out_and_said, a_hostile_name_stays_inside_its_quotes,
         a_profile_takes_the_rules_into_its_middle, nothing_plugged_in_is_a_rule_set_too)


def main():
    failed = 0
    for test in TESTS:
        try:
            test()
        except AssertionError as e:
            failed += 1
            print(f"FAIL {test.__name__}: {e}")
    print(f"{len(TESTS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
