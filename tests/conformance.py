#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rows of the rule language against sekimori-policy: conformance.py [--build DIR]
Our own rows are in tests/data/conformance; rows made with USBGuard itself are
used where $SEKIMORI_SHARED/conformance exists. Exit 1 on a disagreement; a
folder that is absent is said to be skipped, never counted as agreed."""
import argparse, base64, json, os, pathlib, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(tool, args, stdin=None, tz=None):
    env = dict(os.environ)
    if tz:
        env["TZ"] = tz
    return subprocess.run([tool, *args], input=stdin, capture_output=True, env=env)


def rule_bytes(row):
    return base64.b64decode(row["rule_b64"]) if "rule_b64" in row else row["rule"].encode()


def check_parse(tool, row):
    """(agrees, what was expected, what came)"""
    want = row.get("head", row)
    if not row.get("core", True):
        return None
    flags = [] if row.get("dialect") == "sekimori" else ["--usbguard"]
    got = run(tool, ["format", *flags, "-"], rule_bytes(row))
    verdict = "valid" if got.returncode == 0 else "invalid"
    text = got.stdout.decode(errors="surrogateescape").rstrip("\n")
    if verdict != want["verdict"]:
        return False, want["verdict"], verdict + " " + got.stderr.decode(errors="replace")
    if verdict == "invalid":
        return True, None, None
    canonical = want.get("canonical", "")
    if text != canonical:
        return False, canonical, text
    # The canonical form is a fixed point.
    again = run(tool, ["format", *flags, "-"], got.stdout)
    return again.stdout == got.stdout, text, again.stdout.decode(errors="replace")


def check_eval(tool, row):
    args = ["decide", "--implicit", row["implicit"]]
    if row.get("dialect") != "sekimori":
        args += ["--usbguard"]
    if "now_local" in row:
        args += ["--at", row["now_local"]]
    for device in row.get("allowed_devices", []):
        args += ["--authorized", device]
    args += row.get("options", [])
    with tempfile.NamedTemporaryFile("w", suffix=".rules") as rules:
        rules.write("".join(rule + "\n" for rule in row["rules"]))
        rules.flush()
        args += ["--rules", rules.name]
        for device in row["devices"]:
            args += ["--device", device]
        got = run(tool, args, tz=row.get("tz"))
    want = [f"{w['target']} {w['rule']}" for w in row.get("documented", row["expect"])]
    lines = got.stdout.decode().splitlines()
    return got.returncode == 0 and lines == want, want, (lines, got.stderr.decode())


def device_dir(base, row):
    path = pathlib.Path(base) / row["sysfs_path"].lstrip("/")
    path.mkdir(parents=True)
    for name in ("idVendor", "idProduct", "product", "serial", "manufacturer"):
        if row.get(name) is not None:
            (path / name).write_text(row[name] + "\n")
    (path / "descriptors").write_bytes(bytes.fromhex(row["descriptors_hex"]))
    return path


def check_hash(tool, row):
    with tempfile.TemporaryDirectory() as base:
        if "parent" in row:
            device_dir(base, row["parent"])
        got = run(tool, ["hash", str(device_dir(base, row))])
    text = got.stdout.decode()
    if row["verdict"] == "rejected":
        return got.returncode == 1 and text.startswith("rejected: "), "rejected", text
    lines = dict(line.split(" ", 1) for line in text.splitlines())
    interfaces = lines.get("with-interface", "").strip("{} ").split()
    agrees = (got.returncode == 0 and lines.get("hash") == f'"{row["hash"]}"'
              and interfaces == row["with_interface"])
    if "parent" in row or row["sysfs_path"].rsplit("/", 1)[1].startswith("usb"):
        agrees = agrees and lines.get("parent-hash") == f'"{row["parent_hash"]}"'
    return agrees, row["hash"], text + got.stderr.decode()


FILES = {"rules_parse.jsonl": check_parse, "rule_eval.jsonl": check_eval,
         "device_hashes.jsonl": check_hash}


def run_folder(tool, folder):
    bad = good = 0
    for name, check in FILES.items():
        path = folder / name
        if not path.exists():
            continue
        agreed = total = 0
        for line in path.read_text().splitlines():
            row = json.loads(line)
            result = check(tool, row)
            if result is None:
                continue
            total += 1
            agreed += bool(result[0])
            if not result[0]:
                print(f"{name} {row.get('id', row.get('case'))}: "
                      f"expected {result[1]!r}, got {result[2]!r}")
        print(f"{folder.parent.name}/{name}: {agreed}/{total} agree")
        good += agreed
        bad += total - agreed
    return good, bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=os.environ.get("BUILD", "build"))
    args = parser.parse_args()
    tool = str(pathlib.Path(args.build).resolve() / "sekimori-policy")
    good, bad = run_folder(tool, ROOT / "tests/data/conformance")
    skipped = 0
    shared = os.environ.get("SEKIMORI_SHARED", str(ROOT.parent / "shared"))
    peer = pathlib.Path(shared) / "conformance"
    if peer.is_dir():
        more = run_folder(tool, peer)
        good, bad = good + more[0], bad + more[1]
    else:
        skipped = 1
        print(f"skip the peer's rows: {peer} is absent")
    print(f"{good} passed, {bad} failed, {skipped} skipped")
    return 1 if bad or not good else 0


if __name__ == "__main__":
    sys.exit(main())
