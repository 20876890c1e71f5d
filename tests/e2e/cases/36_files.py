# SPDX-License-Identifier: Apache-2.0
"""What is written to a medium under read-write access becomes an event: path,
size, SHA-256, who; nothing is held up, and unmounting is not either."""

import hashlib

TIERS = ("T1",)
POLICY = """
policy "media" serial 2 mode enforce
allow with-interface one-of { 08:*:* } rule-id "sticks-may-connect"
media read-write rule-id "the-stick"
"""
WRITTEN = "media.file.written"


def stick(t, fs="vfat", **options):
    """A stick plugged in and mounted by root on /mnt; its events from now."""
    t.policy(POLICY)
    t.plug("storage", "stick", t.stick(fs=fs, **options))
    t.events("media.allowed", wait=30)
    t.until("test -b /dev/sda")
    mount(t)


def mount(t):
    t.mark()
    t.must("mount /dev/sda /mnt")
    watched(t)


def watched(t, place="/mnt"):
    """Until the daemon has seen the mount: the window before is known."""
    t.until("journalctl -u sekimorid --no-pager -o cat | "
            f"grep -qF \"recording files written to '{place}\"")
    t.until("grep -qs sdev /proc/$(systemctl show -P MainPID "
            "sekimorid)/fdinfo/*")


def written(t, path, wait=20):
    return t.events(WRITTEN, wait, where=lambda e: e["file"]["path"] == path)


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def hash_of(event):
    return event["file"].get("hashes", [{}])[0].get("value")


def test_a_written_file_is_told_with_its_hash_and_its_writer(t):
    stick(t)
    t.must("printf 12345 > /mnt/a.txt")
    event = written(t, "a.txt")[0]
    t.equal(hash_of(event), sha256("12345"), "SHA-256")
    t.equal(event["file"]["size"], 5, "size")
    t.equal(event["actor"]["user"]["uid"], "0", "user")
    t.equal(event["sekimori"]["decision"]["rule"], "the-stick", "rule")
    t.equal(event["sekimori"]["file"]["mount"], "/mnt", "mount")
    t.check(event["start_time"] <= event["end_time"], "times")
