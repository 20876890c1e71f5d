#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sekimorictl spool verify on a real spool that somebody tampered with: delete,
edit, swap, truncate, fork; each is named with its number and its file. Whoever
tampers here is good at it: lengths and CRCs are right where that is possible."""
import hashlib, os, pathlib, shutil, struct, subprocess, sys, tempfile

BUILD = os.environ.get("BUILD", "build")
CTL, WRITE = f"{BUILD}/sekimorictl", f"{BUILD}/tests/e2e/tools/spool_write"
EVENTS = 4000
TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82f63b78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def frame(flags, seq, wall, boot, prev, payload):
    rest = struct.pack("<IIQQQ", len(payload), flags, seq, wall, boot) + prev + payload
    return b"SKF1" + struct.pack("<I", crc32c(rest)) + rest


def frame_hash(data):
    return hashlib.sha256(b"\0" + data[8:]).digest()


class Spool:
    """A copy of the template; segments as (path, header, frames, end)."""

    def __init__(self, template, folder):
        self.root = folder
        shutil.copytree(template, folder)
        self.path = pathlib.Path(folder, "var/lib/sekimori/spool")

    def files(self):
        return sorted(self.path.glob("*.seg"))

    @staticmethod
    def split(data):
        frames, at = [], 128
        while data[at:at + 4] == b"SKF1":
            size = 72 + struct.unpack_from("<I", data, at + 8)[0]
            frames.append(data[at:at + size])
            at += size
        return frames

    def change(self, number, work):
        """Lets `work` change the list of frames of a file; keeps its size."""
        path = self.files()[number]
        data = path.read_bytes()
        frames = self.split(data)
        work(frames)
        body = b"".join(frames)
        path.write_bytes(data[:128] + body + bytes(len(data) - 256 - len(body)) + data[-128:])

    def verify(self, *words):
        done = subprocess.run([CTL, "--root", self.root, "spool", "verify", *words],
                              capture_output=True, text=True, env=dict(os.environ, LC_ALL="C"))
        return done.returncode, done.stdout.splitlines(), done.stderr

    def faults(self, *words):
        code, lines, _ = self.verify(*words)
        found = [line for line in lines if line.split(":")[0] in
                 ("delete", "edit", "swap", "truncate", "fork", "signature", "header")]
        assert (code == 0) == (not found), (code, lines)
        return found


TESTS = []


def test(function):
    TESTS.append(function)
    return function


def only(faults, *parts):
    assert len(faults) == 1 and all(p in faults[0] for p in parts), (faults, parts)


@test
def what_was_written_is_whole(s):
    code, lines, _ = s.verify()
    assert code == 0 and f"events 1-{EVENTS}" in lines[0] and lines[1].startswith("whole"), lines
    tip = lines[1].split()[-1]
    assert s.faults("--expect", f"{EVENTS}:{tip}") == []
    only(s.faults("--expect", f"{EVENTS}:{'0' * 64}"), f"fork: event {EVENTS},")


@test
def a_deleted_event_is_named(s):
    s.change(0, lambda frames: frames.pop(56))
    # The footer's count still has it.
    only(s.faults(), "delete: event 57, 00000000000000000001.seg at byte")


@test
def deleted_events_are_named(s):
    s.change(0, lambda frames: frames.__delitem__(slice(100, 110)))
    only(s.faults(), "delete: events 101-110, ")


@test
def an_edited_byte_is_named(s):
    def work(frames):
        frames[200] = frames[200][:90] + b"X" + frames[200][91:]
    s.change(0, work)
    only(s.faults(), "edit: event 201, ")


@test
def an_edit_with_a_right_crc_is_named(s):
    def work(frames):
        f = frames[200]
        flags, seq, wall, boot = struct.unpack_from("<IQQQ", f, 12)
        frames[200] = frame(flags, seq, wall, boot, f[40:72], f[72:-3] + b"X\"}")
    s.change(0, work)
    only(s.faults(), "edit: event 201, ")


@test
def an_edited_last_event_of_a_file_is_named(s):
    last = []
    def work(frames):
        f = frames[-1]
        flags, seq, wall, boot = struct.unpack_from("<IQQQ", f, 12)
        last.append(seq)
        frames[-1] = frame(flags, seq, wall, boot, f[40:72], f[72:-3] + b"X\"}")
    s.change(0, work)
    only(s.faults(), f"edit: event {last[0]}, 00000000000000000001.seg")


@test
def swapped_events_are_named(s):
    def work(frames):
        frames[30], frames[31] = frames[31], frames[30]
    s.change(0, work)
    only(s.faults(), "swap: event 31, ")


@test
def swapped_files_are_named(s):
    first, second = s.files()[:2]
    first.rename(str(first) + ".x")
    second.rename(first)
    pathlib.Path(str(first) + ".x").rename(second)
    faults = s.faults()
    assert sum("swap: event" in f and "another one's name" in f for f in faults) == 2, faults


@test
def a_deleted_file_is_named(s):
    first = [int(p.stem) for p in s.files()]
    s.files()[1].unlink()
    only(s.faults(), f"delete: events {first[1]}-{first[2] - 1}, ")


@test
def a_truncated_end_is_named(s):
    s.change(-1, lambda frames: frames.__delitem__(slice(-3, None)))
    only(s.faults(), f"truncate: events {EVENTS - 2}-{EVENTS}, ")


@test
def a_file_that_lost_its_end_is_named(s):
    path = s.files()[0]
    os.truncate(path, 200000)
    faults = s.faults()
    assert faults and any(f.startswith(("truncate:", "delete:")) for f in faults), faults
    assert all(path.name in f or s.files()[1].name in f for f in faults), faults


@test
def the_last_file_gone_is_named(s):
    first = int(s.files()[-1].stem)
    s.files()[-1].unlink()
    only(s.faults(), f"truncate: events {first}-{EVENTS}, ")


@test
def a_forked_file_is_named(s):
    """The last file is replaced by another history, sound in itself."""
    path = s.files()[-1]
    data = path.read_bytes()
    tip, frames = os.urandom(32), []
    for old in s.split(data):
        flags, seq, wall, boot = struct.unpack_from("<IQQQ", old, 12)
        frames.append(frame(flags, seq, wall, boot, tip, b'{"forged":true}'))
        tip = frame_hash(frames[-1])
    prev = frames[0][40:72]
    header = data[:64] + prev + data[96:128]
    header = header[:12] + struct.pack("<I", crc32c(header[16:])) + header[16:]
    body = header + b"".join(frames)
    path.write_bytes(body + bytes(len(data) - len(body)))
    only(s.faults(), f"fork: event {int(path.stem)}, {path.name}")


@test
def another_streams_file_is_named(s):
    path = s.files()[-1]
    other = Spool.other.files()[-1]
    shutil.copy(other, path)
    assert any(f.startswith("fork: event") and "another stream" in f for f in s.faults())


@test
def a_footer_of_another_key_is_named(s):
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", s.root + "/key"], check=True)
    subprocess.run(["openssl", "pkey", "-in", s.root + "/key", "-pubout", "-out",
                    s.root + "/var/lib/sekimori/host.pub"], check=True)
    faults = s.faults()
    assert all(f.startswith("signature: events") for f in faults), faults
    assert len(faults) == len(s.files()) - 1, faults


@test
def an_unreadable_header_is_named(s):
    path = s.files()[1]
    data = bytearray(path.read_bytes())
    data[50] ^= 1
    path.write_bytes(data)
    faults = s.faults()
    assert faults[0].startswith(f"header: event {int(path.stem)}, {path.name}"), faults


@test
def packed_files_are_verified_too(s):
    subprocess.run([WRITE, s.root, "3000"], check=True, capture_output=True)
    packed = [p for p in s.files() if p.stat().st_size < 500000]
    assert len(packed) >= 2 and packed[0] == s.files()[0], s.files()
    code, lines, _ = s.verify()
    assert code == 0 and f"events 1-{EVENTS + 3000}" in lines[0], lines
    done = subprocess.run([CTL, "--root", s.root, "spool", "show"], capture_output=True, check=True)
    assert done.stdout.count(b"\n") == EVENTS + 3000
    data = bytearray(packed[0].read_bytes())
    data[len(data) // 2] ^= 1
    packed[0].write_bytes(data)
    faults = s.faults()
    assert faults and all(packed[0].name in f for f in faults), faults


@test
def what_is_kept_can_be_shown(s):
    done = subprocess.run([CTL, "--root", s.root, "spool", "show"], capture_output=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == EVENTS and b'"sequence":4000' in lines[-1]


@test
def an_empty_folder_is_no_whole_spool(s):
    os.mkdir(s.root + "/empty")
    code, _, error = s.verify(s.root + "/empty")
    assert code == 1 and "no event" in error, error


def main():
    folder = tempfile.mkdtemp(prefix="spool-verify-")
    passed = failed = 0
    for name in ("a", "b"):
        os.mkdir(f"{folder}/{name}")
        subprocess.run([WRITE, f"{folder}/{name}", str(EVENTS), "645", "plain"],
                       check=True, capture_output=True)
    Spool.other = Spool(f"{folder}/b", f"{folder}/other")
    assert len(Spool.other.files()) >= 3
    for function in TESTS:
        try:
            function(Spool(f"{folder}/a", f"{folder}/{function.__name__}"))
            print(f"ok {function.__name__}")
            passed += 1
        except AssertionError as problem:
            print(f"not ok {function.__name__}: {problem}")
            failed += 1
        shutil.rmtree(f"{folder}/{function.__name__}", ignore_errors=True)
    shutil.rmtree(folder)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
