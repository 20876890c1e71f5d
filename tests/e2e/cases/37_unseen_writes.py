# SPDX-License-Identifier: Apache-2.0
"""What is written to a medium in a way that the daemon's own table of mounts
does not show, or before it does, is on record as well, or not written."""


TIERS = ("T1", "T2")
POLICY = """
policy "media" serial 2 mode enforce
allow with-interface one-of { 08:*:* } rule-id "sticks-may-connect"
media read-write rule-id "the-stick"
"""
WRITTEN = "media.file.written"
BLOCKED = "block.open.blocked"
# Mounts, overwrites a file at once and makes it look old; then unmounts.
AT_ONCE = """import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
before = os.stat("/root").st_mtime
for i in range(int(sys.argv[1])):
    if libc.mount(b"/dev/sda", b"/mnt", b"vfat", 0, None):
        sys.exit(os.strerror(ctypes.get_errno()))
    path = "/mnt/" + sys.argv[2] + str(i)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"12345")
    os.close(fd)
    os.utime(path, (before - 9000, before - 9000))
    if len(sys.argv) > 3:
        os.rename(path, path + "-away")
    while libc.umount2(b"/mnt", 0):
        if ctypes.get_errno() != 16:
            sys.exit(os.strerror(ctypes.get_errno()))
"""
# By the new mount API, attached nowhere: a file below the mount's descriptor.
NOWHERE = """import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        sys.exit(f"{number}: {os.strerror(ctypes.get_errno())}")
    return result
context = call(430, b"vfat", 0)
call(431, context, 1, b"source", b"/dev/sda", 0)
call(431, context, 6, None, None, 0)
mount = call(432, context, 0, 0)
os.write(os.open("hidden", os.O_WRONLY | os.O_CREAT, dir_fd=mount), b"x")
"""
# In a mount namespace of its own, from which nothing comes back.
PRIVATE = "unshare -m --propagation private sh -c"
PASSPHRASE = "gomadare"


def plug(t, **options):
    t.policy(POLICY)
    t.plug("storage", "stick", t.stick(**options))
    t.events("media.allowed", wait=30)
    t.until("test -b /dev/sda")
    t.mark()


def refused_in_private(t, device, file):
    t.fails(f"{PRIVATE} 'mount {device} /mnt && echo secret > /mnt/{file}'",
            "operation not permitted", "permission denied")
    event = t.events(BLOCKED, wait=20)[0]
    t.check("recorded" in event["status_detail"], event["status_detail"])
    t.must(f"mount {device} /mnt && test ! -s /mnt/{file} && umount /mnt")


def test_a_private_mount_cannot_be_written(t):
    plug(t)
    refused_in_private(t, "/dev/sda", "hidden")


def test_a_mount_in_no_table_cannot_be_written(t):
    plug(t)
    t.must("cat > /root/nowhere.py", stdin=NOWHERE.encode())
    t.fails("python3 /root/nowhere.py", "PermissionError")
    t.must("mount /dev/sda /mnt && test ! -s /mnt/hidden")


def test_a_copy_of_the_mount_outlives_it_in_vain(t):
    plug(t)
    t.must("mount /dev/sda /mnt && echo told > /mnt/told")
    t.events(WRITTEN, wait=20, where=lambda e: e["file"]["path"] == "told")
    t.must(f"{PRIVATE} 'touch /run/copied; exec sleep 600' > /dev/null 2>&1 & "
           "echo $! > /run/copy")
    t.until("test -e /run/copied")
    t.must("umount /mnt")
    t.until("! nsenter -m -t $(cat /run/copy) sh -c 'echo x > /mnt/hidden'")
    t.fails("nsenter -m -t $(cat /run/copy) sh -c 'echo x > /mnt/hidden'",
            "not permitted")
    t.equal(t.events("media.file.summary"), [], "summed up too early")
    t.must("kill $(cat /run/copy)")
    t.events("media.file.summary", wait=20)


def test_what_is_written_the_moment_it_is_mounted_is_told(t):
    plug(t)
    t.must("cat > /root/at_once.py", stdin=AT_ONCE.encode())
    t.must("python3 /root/at_once.py 8 f")
    events = t.events(WRITTEN, wait=30, count=8)
    names = {e["file"]["path"].split("/")[-1] for e in events}
    t.equal(names, {f"f{i}" for i in range(8)}, "the files told")


def test_no_file_system_over_the_medium_hides_a_write(t):
    plug(t, fs="ext4")
    t.must("mount /dev/sda /mnt && mkdir /mnt/u /mnt/w /root/l /root/o")
    t.fails("mount -t overlay -o lowerdir=/root/l,upperdir=/mnt/u,"
            "workdir=/mnt/w none /root/o && echo secret > /root/o/hidden",
            "not permitted")
    t.must("test ! -s /mnt/u/hidden")


def test_an_encrypted_medium_is_recorded_alike(t):
    t.must("command -v cryptsetup")
    plug(t, mib=40)
    t.must(f"printf {PASSPHRASE} > /root/key && cryptsetup -q luksFormat "
           "--type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "
           "/dev/sda /root/key && cryptsetup open --key-file /root/key "
           "/dev/sda box && mkfs.ext4 -q /dev/mapper/box", timeout=300)
    refused_in_private(t, "/dev/mapper/box", "hidden")
    t.must("mount /dev/mapper/box /mnt && printf 12345 > /mnt/a.txt && "
           "printf 67890 > /mnt/b.txt")
    for name in ("a.txt", "b.txt"):
        event = t.events(WRITTEN, wait=20, where=lambda e: e["file"][
            "path"] == name)[0]
        t.check(event["file"].get("hashes"), f"no SHA-256 of {name}")
    t.must("umount /mnt && cryptsetup close box")
