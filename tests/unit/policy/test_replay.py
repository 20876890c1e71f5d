#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""replay: what a draft would have changed, on events made here."""
import json, os, subprocess, sys, tempfile

TOOL = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "sekimori-policy"))
SATURDAY = 1763776800000  # 2025-11-22 11:00 in Tokyo


def event(code, vendor="0781", product="5581", serial="S1", name="Ultra", unit="市民課", terminal="t1",
          interfaces=("080650",), channels=("storage",), media=None, time=SATURDAY, user=None, **usb):
    e = {"time": time, "timezone_offset": 540, "metadata": {"event_code": code},
         "device": {"uid": terminal, "org": {"ou_name": unit}},
         "peripheral_device": {"name": name, "vendor_id_list": [vendor], "model": product,
                               "serial_number": serial, "uid": f"usb:{vendor}:{product}:{serial}"},
         "sekimori": {"usb": {"busport": "1-1", "interfaces": list(interfaces), "channels": list(channels), **usb}}}
    if media:
        e["sekimori"]["media"] = media
    if user:
        e["actor"] = {"user": {"name": user}, "session": {"uid": "c1", "is_mfa": True}}
    return json.dumps(e, ensure_ascii=False)


def replay(events, rules, *args, against=None, code=0):
    with tempfile.TemporaryDirectory() as d:
        def put(name, text):
            with open(f"{d}/{name}", "w") as f:
                f.write(text)
            return f"{d}/{name}"
        command = [TOOL, "replay", "--events", put("e.ndjson", "\n".join(events) + "\n"), "--rules",
                   put("draft.rules", rules)]
        if against is not None:
            command += ["--against", put("old.rules", against)]
        p = subprocess.run([*command, *args], capture_output=True, text=True)
    assert p.returncode == code, (p.returncode, p.stderr)
    return p.stdout


def changes(events, rules, **options):
    answer = json.loads(replay(events, rules, "--json", **options))
    return [(c["change"], c["from"], c["to"], c.get("unit"), c["device"], c["rule"], c["events"], c["terminals"])
            for c in answer["changes"]]


def changes_are_told_by_department_and_device():
    events = [event("usb.device.blocked"), event("usb.device.blocked", terminal="t2"),
              event("usb.device.blocked", terminal="t2"), event("usb.device.blocked", unit="税務課"),
              event("usb.device.allowed", "046d", "c31c", "", "Keyboard", interfaces=["030101"], channels=["hid"]),
              event("usb.device.blocked", serial="S2")]
    rules = 'allow serial "S1" rule-id "ledger"\n'
    assert changes(events, rules) == [
        ("less", "allow", "block", "市民課", "usb:046d:c31c:", "implicit", 1, 1),
        ("more", "block", "allow", "市民課", "usb:0781:5581:S1", "ledger", 3, 2),
        ("more", "block", "allow", "税務課", "usb:0781:5581:S1", "ledger", 1, 1)]
    text = replay(events, rules)
    assert "allow → block  市民課  usb:046d:c31c: (Keyboard)  1 events, 1 terminals, rule implicit" in text, text
    assert "6 judgements: 1 would get less, 2 more; 0 other events, 0 lines not understood" in text, text


def every_attribute_of_an_event_can_decide():
    e = event("usb.device.blocked", hash="h=", parent_hash="p=", identity="i=", connect_type="hotplug",
              interfaces=["080650", "030101"], channels=["storage", "hid"], user="s012345")
    for rule in ("id 0781:5581", 'serial "S1"', 'name "Ultra"', 'hash "h="', 'parent-hash "p="', 'identity "i="',
                 'via-port "1-1"', 'with-connect-type "hotplug"', "with-interface { 08:06:50 03:01:01 }",
                 "channel { storage hid }", "if weekday(sat)", "if localtime(10:59-11:01)", "if mfa",
                 'if user(s012345)', "if date(2025-11-22)"):
        assert [c[:3] for c in changes([e], f"allow {rule}\n")] == [("more", "block", "allow")], rule
    for rule in ('serial "S2"', "if weekday(sun)", 'if user(other)', "if localtime(11:01-12:00)", "channel hid"):
        assert changes([e], f"allow {rule}\n") == [], rule


def media_change_by_degrees():
    usb_disk = {"bus": "usb", "fs": "vfat", "fs_uuid": "1234-ABCD", "size": 1 << 30, "encrypted": False}
    card = {"bus": "sd", "serial": "C1", "node": "mmcblk0"}
    events = [event("media.denied", media=usb_disk), event("media.allowed", media=usb_disk, serial="S2"),
              event("media.readonly", media=card)]
    events[2] = json.dumps({**json.loads(events[2]), "peripheral_device": {"name": "card", "uid": "sd:C1"}})
    rules = 'media read-only serial "S1" fs-type "vfat" rule-id "a"\nmedia read-only serial "S2"\nmedia deny\n'
    assert [c[:3] + c[4:5] for c in changes(events, rules)] == [
        ("less", "read-only", "deny", "sd:C1"), ("less", "read-write", "read-only", "usb:0781:5581:S2"),
        ("more", "deny", "read-only", "usb:0781:5581:S1")]


def another_rule_set_can_be_the_measure():
    e = [event("usb.device.blocked")]
    assert changes(e, "allow\n", against="allow\n") == []
    assert [c[:3] for c in changes(e, "block\n", against="allow\n")] == [("less", "allow", "block")]


def what_is_no_judgement_is_counted_and_nothing_breaks():
    events = ['{"metadata":{"event_code":"agent.heartbeat"}}', "not json", "{}", "", "[" * 5000,
              '{"metadata":{"event_code":"usb.device.blocked"}}',
              event("lifeline.kept"), event("usb.device.removed"), event("usb.device.blocked", name="x" * 200000)]
    answer = json.loads(replay(events, "allow\n", "--json"))
    assert (answer["judged"], answer["other"], answer["garbled"]) == (1, 2, 5), answer
    assert answer["changes"] == []


def a_hostile_name_does_not_reach_the_terminal():
    out = replay([event("usb.device.blocked", name="\x1b[31m\nred")], "allow\n")
    assert "\x1b" not in out and "\nred" not in out, out


def mistakes_are_told():
    assert replay([], "allow id x\n", code=1) == ""
    for args in ([], ["--events", "x"], ["--rules", "x"], ["--events", "x", "--rules", "y", "--frob"]):
        assert subprocess.run([TOOL, "replay", *args], capture_output=True).returncode == 2, args
    assert subprocess.run([TOOL, "replay", "--events", "/nonexistent", "--rules", "/dev/null"],
                          capture_output=True).returncode == 1


TESTS = (changes_are_told_by_department_and_device, every_attribute_of_an_event_can_decide, media_change_by_degrees,
         another_rule_set_can_be_the_measure, what_is_no_judgement_is_counted_and_nothing_breaks,
         a_hostile_name_does_not_reach_the_terminal, mistakes_are_told)


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
