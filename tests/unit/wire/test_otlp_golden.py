#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""protoc as the judge of our OTLP encoder: what test_otlp.c sends
(tests/data/otlp/request.bin) decodes to the fields we mean, and encodes again
to the same bytes; foreign.bin, which our decoder reads, is what protoc makes of
foreign.txt. Skipped where there is no protoc."""
import pathlib, shutil, subprocess, sys

DATA = pathlib.Path("tests/data/otlp")
REQUEST = "otlp.ExportLogsServiceRequest"


def protoc(mode, data):
    return subprocess.run(["protoc", f"--{mode}={REQUEST}", f"-I{DATA}", "logs.proto"],
                          input=data, capture_output=True, check=True).stdout


def decoded_fields():
    text = protoc("decode", (DATA / "request.bin").read_bytes()).decode()
    flat = " ".join(text.split())
    for wanted in (
            'attributes { key: "host.id" value { string_value: "00112233445566778899aabbccddeeff" } }',
            'attributes { key: "agent.stream" value { string_value: "5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f" } }',
            'scope { name: "sekimori" }',
            'time_unix_nano: 1795172301990000000 severity_number: 13 body { string_value: "{',
            'attributes { key: "agent.seq" value { int_value: 1201 } }',
            'attributes { key: "agent.flags" value { int_value: 11 } }',
            'attributes { key: "agent.mono_ns" value { int_value: 123456789012 } }',
            'attributes { key: "event.id" value { string_value: "abcdefghijklmnopqrstuvwxyz" } }',
            'attributes { key: "event.action" value { string_value: "usb.device.blocked" } }',
            'observed_time_unix_nano: 1795172301990000001 event_name: "usb.device.blocked"',
            'attributes { key: "agent.seq" value { int_value: 1202 } }'):
        assert wanted in flat, f"missing: {wanted}\nin: {flat}"
    assert flat.count("log_records {") == 2, flat


def same_bytes_again():
    data = (DATA / "request.bin").read_bytes()
    assert protoc("encode", protoc("decode", data)) == data


def foreign_is_current():
    made = protoc("encode", (DATA / "foreign.txt").read_bytes())
    assert made == (DATA / "foreign.bin").read_bytes()


def a_broken_message_is_refused():
    data = (DATA / "request.bin").read_bytes()
    try:
        protoc("decode", data[:-3])
    except subprocess.CalledProcessError:
        return
    raise AssertionError("protoc took a cut message: it judges nothing")


def main():
    tests = [decoded_fields, same_bytes_again, foreign_is_current, a_broken_message_is_refused]
    if not shutil.which("protoc"):
        print("skip no protoc (package protobuf-compiler)")
        print(f"0 passed, 0 failed, {len(tests)} skipped")
        return 0
    failed = 0
    for test in tests:
        try:
            test()
        except Exception as error:  # a test's own failure is its message
            print(f"not ok {test.__name__}: {error}")
            failed += 1
    print(f"{len(tests) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
