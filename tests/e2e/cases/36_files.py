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
FILES = 2000
LOOKED_AT = 200
TAIL = "cut -d' ' -f2 /run/sekimori/spool.tail | sed 's/^0*//'"
# Path and SHA-256 of each written file: whole events are too many to carry.
BRIEF = """import json, sys
for line in sys.stdin:
    file = json.loads(line)["file"]
    print(file["path"], file.get("hashes", [{}])[0].get("value"))
"""
DAEMON = "$(systemctl show -P MainPID sekimorid)"


def plug(t, fs="vfat", **options):
    t.policy(POLICY)
    t.plug("storage", "stick", t.stick(fs=fs, **options))
    t.events("media.allowed", wait=30)
    t.until("test -b /dev/sda")


def stick(t, fs="vfat", **options):
    """A stick plugged in and mounted by root on /mnt; its events from now."""
    plug(t, fs, **options)
    mount(t)


def mount(t):
    t.mark()
    t.must("mount /dev/sda /mnt")
    watched(t)


def watched(t):
    """Until the mount is watched: what is written before that is not told."""
    t.until(f"grep -qs 'fanotify sdev:' /proc/{DAEMON}/fdinfo/*")


def of_file(t, path, code=WRITTEN, wait=20):
    return t.events(code, wait,
                    where=lambda e: e["file"]["path"] == path)[0]


def summary(t, wait=20):
    return t.events("media.file.summary", wait)[-1]["sekimori"]["files"]


def sha256(data):
    return hashlib.sha256(data.encode()).hexdigest()


def hash_of(event):
    return event["file"].get("hashes", [{}])[0].get("value")


def test_a_written_file_is_told_with_its_hash_and_its_writer(t):
    stick(t)
    t.must("mkdir /mnt/窓口 && printf 12345 > /mnt/窓口/a.txt")
    event = of_file(t, "窓口/a.txt")
    t.equal(hash_of(event), sha256("12345"), "SHA-256")
    t.equal(event["file"]["size"], 5, "size")
    t.equal(event["actor"]["user"]["uid"], "0", "user")
    t.equal(event["sekimori"]["decision"]["rule"], "the-stick", "rule")
    t.equal(event["sekimori"]["file"]["mount"], "/mnt", "mount")
    t.check(event["start_time"] <= event["end_time"], "times")
    t.must("dd if=/dev/urandom of=/mnt/big bs=1M count=6 2>&1")
    sum_of_big = t.must("sha256sum /mnt/big").split()[0]
    t.equal(hash_of(of_file(t, "big")), sum_of_big, "SHA-256 of 6 MiB")
    t.must("umount /mnt")
    told = summary(t)
    t.equal((told["written"], told["bytes"], told["unhashed"], told["why"]),
            (2, 5 + (6 << 20), 0, "unmounted"), "summary")


def test_the_staff_number_stands_in_the_event(t):
    plug(t)
    t.until("as-alice 'udisksctl mount -b /dev/sda --no-user-interaction'",
            seconds=30)
    place = t.must("findmnt -n -o TARGET --source /dev/sda")
    watched(t)
    t.mark()
    t.must(f"as-alice 'cp /etc/passwd {place}/services.txt'")
    event = of_file(t, "services.txt")
    t.equal(event["actor"]["user"]["name"], "alice", "user")
    t.equal(event["actor"]["process"]["name"], "cp", "process")
    t.equal(hash_of(event), t.must("sha256sum /etc/passwd").split()[0],
            "SHA-256")


def test_names_and_ends_of_files_are_told(t):
    stick(t)
    t.must("echo one > /mnt/a; cp /etc/hostname /mnt/b")
    of_file(t, "b")
    t.must("mkdir /mnt/d && mv /mnt/a /mnt/d/c")
    event = of_file(t, "a", "media.file.renamed")
    t.equal(event["file_result"]["path"], "d/c", "new name")
    t.must("mv /mnt/d /mnt/e && rm /mnt/b")
    t.equal(of_file(t, "d", "media.file.renamed")["file_result"]["path"], "e",
            "new name of the directory")
    of_file(t, "b", "media.file.deleted")
    t.mark()
    t.must("sleep 1.5; echo two > /mnt/e/c")
    t.equal(hash_of(of_file(t, "e/c")), sha256("two\n"), "overwritten")


def test_every_one_of_many_small_files_is_told(t):
    t.must("mkdir /root/many && cd /root/many && "
           f"for i in $(seq {FILES}); do echo file $i > f$i; done")
    stick(t)
    begin = int(t.must(TAIL))
    t.must("cp -r /root/many /mnt/many", timeout=120)
    t.until(f"test $({TAIL}) -ge {begin + FILES}", 240)
    t.must("cat > /root/brief.py", stdin=BRIEF.encode())
    # The summary counts all of them; looked at are the last
    text = t.must("sekimorictl events --json "
                  f"--since {begin + 1 + FILES - LOOKED_AT} "
                  f"--code {WRITTEN} | python3 /root/brief.py", timeout=200)
    found = dict(line.split() for line in text.splitlines())
    t.check(len(found) > LOOKED_AT * 9 // 10, f"{len(found)} files told")
    wanted = {f"many/f{i}": sha256(f"file {i}\n")
              for i in range(1, FILES + 1)}
    wrong = [path for path in found if found[path] != wanted.get(path)]
    t.equal(wrong[:3], [], f"{len(wrong)} files without the right SHA-256")
    t.mark()
    t.must("umount /mnt")
    told = summary(t)
    t.equal((told["written"], told["unhashed"], told["lost"]), (FILES, 0, 0),
            "summary")
    # Six megabytes of events: not for the check of the whole suite
    t.must("systemctl stop sekimorid")


def test_unmounting_right_after_writing_is_not_refused(t):
    stick(t)
    t.must("umount /mnt")
    for i in range(12):
        mount(t)
        t.must(f"echo {i} > /mnt/f{i} && umount /mnt")
        of_file(t, f"f{i}")
        t.until(f"! grep -qs 'fanotify sdev:' /proc/{DAEMON}/fdinfo/*")


def test_a_large_file_being_read_gives_way_to_an_unmount(t):
    stick(t, mib=80)
    t.must("dd if=/dev/zero of=/mnt/big bs=1M count=64 2>&1", timeout=120)
    t.must("sync", timeout=120)
    t.must("for i in $(seq 40); do umount /mnt && exit 0; sleep 0.05; done; "
           "exit 1", timeout=30)
    event = of_file(t, "big")
    t.check(hash_of(event) or event["sekimori"]["file"].get("unhashed"),
            "neither SHA-256 nor a reason")


def test_odd_ways_of_writing_are_seen(t):
    stick(t, fs="ext4")
    t.must("""cat > /root/odd.py << 'EOF'
import mmap, os
fd = os.open("/mnt/mapped", os.O_RDWR | os.O_CREAT, 0o644)
os.ftruncate(fd, 4096)
m = mmap.mmap(fd, 4096)
os.close(fd)
m[:5] = b"12345"
m.close()
fd = os.open("/mnt", os.O_TMPFILE | os.O_RDWR, 0o644)
os.write(fd, b"12345")
top = os.open("/", os.O_RDONLY)
os.link(f"/proc/self/fd/{fd}", "/mnt/named", src_dir_fd=top)
os.close(fd)
EOF
python3 /root/odd.py""")
    t.equal(hash_of(of_file(t, "named")), sha256("12345"), "O_TMPFILE")
    t.equal(hash_of(of_file(t, "mapped")), sha256("12345" + "\0" * 4091),
            "a mapping")
    t.mark()
    t.must("python3 -c 'import os; os.truncate(\"/mnt/mapped\", 3)'")
    t.equal(hash_of(of_file(t, "mapped")), sha256("123"), "cut by its name")
    t.must("ln /mnt/residents.txt /mnt/other-name")
    t.equal(hash_of(of_file(t, "other-name")),
            t.must("sha256sum /mnt/residents.txt").split()[0], "a hard link")
    t.must("mkdir /root/bind && mount --bind /mnt /root/bind && "
           "echo bound > /root/bind/bound && umount /root/bind")
    t.equal(hash_of(of_file(t, "bound")), sha256("bound\n"), "a bind mount")


def other_file_system(t, make, mounting):
    plug(t)
    t.must(make)
    t.mark()
    t.must(mounting)
    watched(t)
    t.must("cp /etc/passwd /mnt/services")
    t.equal(hash_of(of_file(t, "services")),
            t.must("sha256sum /etc/passwd").split()[0], "SHA-256")
    t.must("umount /mnt")
    told = summary(t)
    t.equal((told["written"], told["unhashed"]), (1, 0), "summary")
    return told


def test_exfat_is_recorded_too(t):
    told = other_file_system(t, "mkfs.exfat /dev/sda",
                             "mount -t exfat /dev/sda /mnt")
    t.check("partial" in told, "whether names are told")


def test_ntfs_by_fuse_is_recorded_too(t):
    told = other_file_system(t, "mkntfs -q -F /dev/sda",
                             "ntfs-3g /dev/sda /mnt")
    t.equal(told["partial"], True, "names are not told")


def test_a_restarted_daemon_goes_on_recording(t):
    stick(t)
    t.must("echo before > /mnt/before")
    of_file(t, "before")
    t.must(f"kill -9 {DAEMON}")
    t.until("sekimorictl status")
    watched(t)
    t.must("echo after > /mnt/after")
    t.equal(hash_of(of_file(t, "after")), sha256("after\n"), "SHA-256")
