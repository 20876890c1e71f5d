#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What every event of ours must carry: check_events.py FILE.ndjson|- ...
Written from the event table, not from the writer, so that the two can differ.
Checks, line by line: the numbers of the class, the fields required of every
event and of its code, no floats, no invisible characters, and that a
sequence grows within one stream. Exit 1 when a line is wrong or there is none."""
import json, re, sys

ALWAYS = """class_uid category_uid activity_id type_uid time timezone_offset severity_id message
activity_name status_id metadata.version metadata.uid metadata.product.name metadata.product.version
metadata.event_code metadata.log_name metadata.sequence metadata.profiles metadata.extensions
device.uid device.hostname device.type_id device.os.name actor policy.name policy.version
policy.is_applied sekimori.v sekimori.policy_serial sekimori.clock.synced sekimori.chain.id
sekimori.chain.seq""".split()
DECISION = ["sekimori.decision.rule", "sekimori.decision.layer", "sekimori.decision.mode",
            "action_id", "disposition_id"]
REASON = ["status_code", "status_detail"]
USB = ["peripheral_device.name", "peripheral_device.uid", "peripheral_device.type_id",
       "peripheral_device.vendor_id_list", "peripheral_device.model", "sekimori.usb.busport",
       "sekimori.usb.interfaces", "sekimori.usb.channels"]
MEDIA = ["peripheral_device.name", "peripheral_device.uid", "peripheral_device.type_id",
         "sekimori.media.node", "sekimori.media.dev", "sekimori.media.bus"]
FILE = ["file.name", "file.path", "file.type_id", "file.drive_type_id", "sekimori.file"]
FILES = ["file.name", "file.type_id", "sekimori.files.written", "sekimori.files.bytes",
         "sekimori.files.unhashed", "sekimori.files.mynumbers", "sekimori.files.lost", "sekimori.files.why"]
MOUNT = ["file.name", "file.type_id", "file.drive_type_id", "sekimori.mount.via"]
GUARD = ["file.name", "file.type_id", "sekimori.guard.via"]
HEALTH = ["device.is_compliant", "sekimori.health.mode", "sekimori.health.tier",
          "sekimori.health.layers", "sekimori.health.queue.pending"]
GAP = ["log_name", "sekimori.gap.count", "sekimori.gap.why"]
ENDING = ["sekimori.ending.stage", "sekimori.ending.access", "sekimori.ending.mounts",
          "sekimori.ending.synced", "sekimori.ending.processes"]
CHANNEL = ["peripheral_device.name", "peripheral_device.uid", "sekimori.channel.kind", "sekimori.channel.name"]
LOGIN = ["user.name", "service.name", "is_mfa", "sekimori.mfa.mode", "sekimori.mfa.factors"]
STATE = ["security_level_id", "state_id"]
GRANT = ["entity.uid", "entity.type_id", "sekimori.grant.id", "sekimori.grant.state"]

# code: class, activity, action, disposition (0: the class has none), fields
CODES = {
    "usb.device.allowed": (1010, 1, 1, 1, DECISION + USB),
    "usb.device.blocked": (1010, 1, 2, 2, DECISION + REASON + USB),
    "usb.device.removed": (1010, 2, 3, 17, USB),
    "usb.device.held": (1010, 1, 2, 2, DECISION + REASON + USB),
    "usb.keyboard.cut": (1010, 99, 2, 2, DECISION + REASON + USB),
    "lifeline.kept": (1010, 1, 1, 7, DECISION + REASON + USB),
    "media.allowed": (1010, 1, 1, 1, DECISION + MEDIA),
    "media.denied": (1010, 1, 2, 2, DECISION + REASON + MEDIA),
    "media.readonly": (1010, 1, 4, 99, DECISION + MEDIA),
    "media.removed": (1010, 2, 3, 17, MEDIA),
    "media.file.written": (1001, 3, 3, 17, DECISION + MEDIA + FILE),
    "media.file.deleted": (1001, 4, 3, 17, DECISION + MEDIA + FILE),
    "media.file.renamed": (1001, 5, 3, 17, DECISION + MEDIA + FILE + ["file_result.path"]),
    "media.file.summary": (1001, 13, 3, 17, DECISION + MEDIA + FILES),
    "media.ending": (1010, 4, 3, 17, DECISION + MEDIA + ENDING),
    "media.ended": (1010, 4, 2, 24, DECISION + MEDIA + ENDING),
    "mount.blocked": (1001, 12, 2, 2, DECISION + REASON + MOUNT),
    "mount.readonly": (1001, 12, 4, 99, DECISION + MOUNT + ["file.is_readonly", "sekimori.mount.flags"]),
    "block.open.blocked": (1001, 14, 2, 2, DECISION + REASON + GUARD),
    "block.rawwrite.blocked": (1001, 3, 2, 2, DECISION + REASON + GUARD),
    "sysfs.write.blocked": (1001, 3, 2, 2, DECISION + REASON + GUARD),
    "policy.loaded": (5019, 1, 3, 17, STATE + ["device.is_compliant", "sekimori.policy.serial", "sekimori.policy.rules"]),
    "policy.rejected": (5019, 1, 3, 17, STATE + REASON + ["device.is_compliant", "security_states"]),
    "agent.start": (6002, 3, 0, 0, ["app.name", "sekimori.agent.prev_stop", "sekimori.agent.gap_s", "sekimori.agent.cold_scan"]),
    "agent.stop": (6002, 4, 0, 0, ["app.name", "sekimori.agent.reason", "sekimori.agent.lockdown_kept"]),
    "agent.degraded": (5019, 1, 3, 17, STATE + HEALTH + ["security_states", "status_detail"]),
    "agent.recovered": (5019, 1, 3, 17, STATE + HEALTH),
    "agent.heartbeat": (5001, 2, 0, 0, HEALTH + ["device.last_seen_time", "device.agent_list"]),
    "agent.tamper": (2004, 1, 3, 15, ["is_alert", "finding_info.uid", "finding_info.title", "sekimori.tamper.kind", "sekimori.tamper.enforcement"]),
    "channel.allowed": (1010, 1, 1, 1, DECISION + CHANNEL),
    "channel.blocked": (1010, 1, 2, 2, DECISION + REASON + CHANNEL),
    "network.interface.added": (1010, 1, 3, 17, CHANNEL),
    "network.route.added": (1010, 99, 3, 17, CHANNEL + ["sekimori.channel.interface"]),
    "agent.selftest": (5019, 1, 3, 17, STATE + ["sekimori.selftest.closed", "sekimori.selftest.open"]),
    "order.accepted": (5019, 1, 3, 17, STATE + ["sekimori.order.action", "sekimori.order.serial", "sekimori.order.signer"]),
    "order.rejected": (5019, 1, 3, 17, STATE + REASON + ["sekimori.order"]),
    "log.gap": (1008, 99, 3, 17, GAP),
    "spool.reset": (1008, 1, 3, 17, GAP),
    "clock.unsync": (5019, 1, 3, 17, STATE + ["security_states"]),
    "mfa.session.ok": (3002, 1, 1, 1, LOGIN),
    "mfa.session.denied": (3002, 1, 2, 26, LOGIN + DECISION + REASON),
    "mfa.session.locked": (3002, 99, 2, 24, LOGIN + DECISION + REASON),
    "mfa.session.unlocked": (3002, 99, 1, 1, LOGIN),
    "mfa.session.violation": (3002, 99, 2, 26, LOGIN + DECISION + REASON),
    "mfa.session.ended": (3002, 2, 3, 17, LOGIN),
    "mfa.token.removed": (3002, 99, 3, 17, LOGIN),
    "mfa.stepup.ok": (3002, 99, 1, 1, LOGIN),
    "mfa.stepup.denied": (3002, 99, 2, 26, LOGIN + DECISION + REASON),
    "mfa.breakglass.used": (3002, 1, 1, 7, LOGIN + ["is_alert"]),
    "mfa.mode.changed": (5019, 1, 3, 17, STATE + ["sekimori.mfa.mode"]),
    "mfa.stack.changed": (5019, 1, 3, 17, STATE + ["sekimori.mfa.stack_sha256", "sekimori.mfa.lint_errors"]),
    "grant.requested": (3004, 1, 3, 17, GRANT),
    "grant.granted": (3004, 8, 1, 8, GRANT + ["authorizations"]),
    "grant.refused": (3004, 3, 2, 25, GRANT + REASON),
    "grant.used": (1010, 1, 1, 1, DECISION + ["peripheral_device.name", "peripheral_device.uid", "sekimori.grant.id", "sekimori.grant.use_count"]),
    "grant.suspended": (3004, 12, 2, 24, GRANT + REASON),
    "grant.resumed": (3004, 13, 1, 1, GRANT),
    "grant.ended": (3004, 11, 2, 24, GRANT + REASON),
    "grant.revoked": (3004, 9, 2, 24, GRANT + REASON),
    "key.rotate": (5019, 1, 3, 17, STATE + ["sekimori.key.new_id", "sekimori.key.signature"]),
    "clock.step": (5019, 1, 3, 17, STATE + ["sekimori.clock.step_ms"]),
}
# What monitor mode only observes.
DENIALS = {c for c, row in CODES.items() if row[2] in (2, 4)}
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
UNSEEN = re.compile("[\0-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def has(event, path):
    for key in path.split("."):
        if not isinstance(event, dict) or key not in event:
            return False
        event = event[key]
    return event not in ("", None)


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for v in value.values() if isinstance(value, dict) else value:
            yield from strings(v)


def hollow(value, path="$"):
    """Objects without a member and strings without a character."""
    if value in ({}, ""):
        yield path
    if isinstance(value, dict):
        for k, v in value.items():
            yield from hollow(v, f"{path}.{k}")
    elif isinstance(value, list):
        for v in value:
            yield from hollow(v, path + "[]")


def no_float(text):
    raise ValueError(f"a number with a fraction: {text}")


def wrong(event):
    code = event.get("metadata", {}).get("event_code")
    if code not in CODES:
        yield f"unknown event_code {code!r}"
        return
    cls, activity, action, disposition, fields = CODES[code]
    monitored = code in DENIALS and event.get("sekimori", {}).get("decision", {}).get("mode") == "monitor"
    if monitored:
        action, disposition = 3, 17
    want = {"class_uid": cls, "category_uid": cls // 1000, "activity_id": activity,
            "type_uid": cls * 100 + activity}
    if action:
        want.update(action_id=action, disposition_id=disposition)
    for key, value in want.items():
        if event.get(key) != value:
            yield f"{key} is {event.get(key)}, not {value}"
    if not 1 <= event.get("severity_id", 0) <= 5:
        yield "severity_id outside 1..5"
    if not UUID7.fullmatch(event.get("metadata", {}).get("uid", "")):
        yield "metadata.uid is no UUIDv7"
    for path in ALWAYS + fields:
        if not has(event, path):
            yield f"no {path}"
    actor = event.get("actor", {})
    if not any(k in actor for k in ("user", "session", "process", "app_name")):
        yield "nobody in actor"
    if event.get("metadata", {}).get("sequence") != event.get("sekimori", {}).get("chain", {}).get("seq"):
        yield "metadata.sequence is not sekimori.chain.seq"
    for path in hollow(event):
        yield f"{path} is empty"
    org = event.get("device", {}).get("org")
    if org is not None and not (org.get("name") or org.get("uid")):
        yield "device.org has neither name nor uid"
    for s in strings(event):
        if UNSEEN.search(s):
            yield f"invisible characters in {s!r}"


def lines(paths):
    for path in paths or ["-"]:
        with (sys.stdin if path == "-" else open(path, encoding="utf-8")) as f:
            for n, line in enumerate(f, 1):
                if line.strip():
                    yield f"{path}:{n}", line


def main():
    count = bad = 0
    newest = {}
    for where, line in lines(sys.argv[1:]):
        count += 1
        try:
            event = json.loads(line, parse_float=no_float)
            faults = list(wrong(event))
            chain = event.get("sekimori", {}).get("chain", {})
            if isinstance(chain.get("seq"), int) and chain["seq"] <= newest.get(chain.get("id"), 0):
                faults.append(f"sequence {chain['seq']} does not grow")
            newest[chain.get("id")] = chain.get("seq", 0)
        except (ValueError, AttributeError) as x:
            faults = [f"not an event: {x}"]
        bad += bool(faults)
        for fault in faults:
            print(f"{where}: {fault}")
    print(f"check_events: {count - bad} good, {bad} bad of {count}")
    return 1 if bad or not count else 0


if __name__ == "__main__":
    sys.exit(main())
