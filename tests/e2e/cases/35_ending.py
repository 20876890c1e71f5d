# SPDX-License-Identifier: Apache-2.0
"""Taking access away from a medium that is being used: nothing that was
acknowledged is lost, the file system stays whole, who holds it is named and
given time, and after that it ends all the same."""

import re
import subprocess

TIERS = ("T1",)
GRACE = 4
POLICY = """
policy "media" serial {serial} mode enforce
{usb} with-interface one-of {{ 08:*:* }} rule-id "sticks"
media {access} rule-id "the-stick"
"""
# Appends numbered lines to a file on the stick and says of each, elsewhere,
# that it is safe: after fsync, or after close alone.
WRITER = r"""
use IO::Handle;
open(my $f, '>>', $ARGV[0]) or die;
open(my $acked, '>', '/root/acked') or die;
$f->autoflush(1); $acked->autoflush(1);
for (my $n = 0; ; $n++) {
    printf $f "acknowledged-%06d\n", $n or last;
    $f->sync or last;
    printf $acked "%06d\n", $n;
    select(undef, undef, undef, 0.02);
}
print $acked "error $!\n";
"""
# Holds a descriptor of the device; reads through it when told to.
READER = r"""
open(my $f, '<', '/dev/sda') or die;
until (-e '/root/go') { select(undef, undef, undef, 0.1) }
sysseek($f, 12 << 20, 0);
open(my $said, '>', '/root/said') or die;
print $said (sysread($f, my $b, 4096) ? "read\n" : "refused: $!\n");
close $said;
sleep 1000;
"""


def policy(t, serial, access, usb="allow"):
    t.policy(POLICY.format(serial=serial, access=access, usb=usb))


def read_write_stick(t, fs="vfat", access="read-write", grace=GRACE, **options):
    t.must(f"echo 'ending_grace_s = {grace}' >> /etc/sekimori/agent.conf")
    policy(t, 2, access)
    stick = t.stick(fs=fs, **options)
    t.mark()
    t.plug("storage", "stick", stick)
    t.events("media.allowed" if access.startswith("read-write")
             else "media.readonly",
             wait=30)
    t.until("test -b /dev/sda")
    return stick


def run(t, name, text, *arguments):
    """Starts a program of the case; returns its pid."""
    t.must(f"cat > /root/{name}.pl", stdin=text.encode())
    return int(t.must(f"perl /root/{name}.pl {' '.join(arguments)} "
                      "> /dev/null 2>&1 & echo $!"))


def stage(t, code, wanted, wait=30):
    """Waits for the event of this stage; returns its own part."""
    event = t.events(code, wait=wait, where=lambda e: e["sekimori"]["ending"][
        "stage"] == wanted)[0]
    return event["sekimori"]["ending"]


def stages(t):
    return [e["sekimori"]["ending"]["stage"] for e in t.events()
            if "ending" in e["sekimori"]]


def is_whole(t, stick, fs="vfat"):
    command = {"vfat": ["fsck.vfat", "-n"], "ext4": ["e2fsck", "-fn"]}[fs]
    result = subprocess.run(command + [stick.path], text=True,
                            capture_output=True)
    t.transcript.write(result.stdout + result.stderr)
    t.equal(result.returncode, 0, f"fsck of the {fs} ({result.stdout})")


def all_acknowledged(t, stick, least):
    """Every line that was called safe is on the medium."""
    acked = re.findall(r"^(\d{6})$", t.must("cat /root/acked"), re.MULTILINE)
    t.check(len(acked) >= least, f"only {len(acked)} lines were written")
    with open(stick.path, "rb") as file:
        content = file.read()
    lost = [n for n in acked
            if f"acknowledged-{n}\n".encode() not in content]
    t.equal(lost, [], "lines acknowledged and lost")
    return len(acked)


def ended_under_a_writer(t, fs):
    stick = read_write_stick(t, fs)
    t.until("mount /dev/sda /mnt")
    pid = run(t, "writer", WRITER, "/mnt/log.txt")
    t.until("test $(wc -l < /root/acked) -gt 20")
    policy(t, 3, "deny")
    t.events("media.denied", wait=10)

    held = stage(t, "media.ending", "held")
    t.equal(held["left_s"], GRACE, "grace")
    holder = [h for h in held["open"] if h["pid"] == pid]
    t.check(holder, f"the writer {pid} is not named: {held}")
    t.equal((holder[0]["name"], holder[0]["path"], holder[0]["write"],
             holder[0]["uid"]), ("perl", "/mnt/log.txt", True, 0), "holder")
    t.fails("dd if=/dev/sda of=/dev/null count=1", "not permitted")
    t.fails("mount /dev/sda /media", "permission denied")
    t.must("findmnt -n /mnt")  # it is still in its time

    lazy = stage(t, "media.ended", "lazily-unmounted")
    t.check(lazy["synced"], "not written out")
    t.equal([h["pid"] for h in lazy["open"]], [pid], "open at the end")
    t.fails("findmnt -n /mnt")
    before = int(t.must("wc -l < /root/acked"))
    t.until(f"test $(wc -l < /root/acked) -gt {before}")
    t.must(f"kill {pid}")
    stage(t, "media.ended", "released")
    t.until("grep -q 1 /sys/block/sda/ro")
    t.unplug("stick")
    t.until("! test -e /sys/block/sda")
    all_acknowledged(t, stick, 40)
    is_whole(t, stick, fs)


def test_a_writer_on_vfat_loses_nothing(t):
    ended_under_a_writer(t, "vfat")


def test_a_writer_on_ext4_loses_nothing(t):
    ended_under_a_writer(t, "ext4")


def test_a_writer_that_stays_is_cut_off_without_loss(t):
    stick = read_write_stick(t, "ext4", grace=2)
    t.until("mount /dev/sda /mnt")
    pid = run(t, "writer", WRITER, "/mnt/log.txt")
    t.until("test $(wc -l < /root/acked) -gt 20")
    policy(t, 3, "deny")
    cut = stage(t, "media.ended", "cut-off", wait=40)
    t.check(cut["stage"], "nothing")
    t.until("grep -q error /root/acked")
    t.must(f"! grep -q '^State:.*T' /proc/{pid}/status")
    # It is there again as another disk, and shut
    t.events("media.denied", wait=30, count=2)
    t.until("ls /sys/block | grep -q '^sd'")
    t.fails("dd if=$(ls /dev/sd? | tail -n 1) of=/dev/null count=1",
            "not permitted")
    t.sh(f"kill {pid}")
    t.unplug("stick")
    all_acknowledged(t, stick, 40)
    subprocess.run(["e2fsck", "-fp", stick.path], capture_output=True)
    is_whole(t, stick, "ext4")


def test_a_stick_not_in_use_is_unmounted_at_once(t):
    stick = read_write_stick(t)
    t.until("as-alice 'udisksctl mount -b /dev/sda --no-user-interaction'")
    place = t.must("findmnt -n -o TARGET --source /dev/sda")
    t.must(f"as-alice 'echo hikitsugi-2026 > {place}/note.txt'")
    policy(t, 3, "deny")
    ended = stage(t, "media.ended", "unmounted")
    # Services with a mount namespace of their own have it, too
    t.check(ended["mounts"] >= 1 and ended["synced"], f"ended as {ended}")
    t.fails("findmnt -n --source /dev/sda")
    t.equal(stages(t), ["unmounted"], "stages")
    t.unplug("stick")
    t.check(stick.contains("hikitsugi-2026"), "the note is not on the stick")
    is_whole(t, stick)


def test_mounts_of_other_namespaces_end_too(t):
    stick = read_write_stick(t)
    t.until("mount /dev/sda /mnt")
    t.must("unshare -m --propagation private sh -c 'mkdir -p /run/hidden; "
           "mount --bind /mnt /run/hidden; exec sleep 1000' "
           "> /dev/null 2>&1 & sleep 1; umount /mnt")
    t.must("grep -l /run/hidden /proc/[0-9]*/mountinfo")
    policy(t, 3, "deny")
    t.check(stage(t, "media.ended", "unmounted")["mounts"] >= 1, "mounts")
    t.fails("grep -l /run/hidden /proc/[0-9]*/mountinfo")
    t.unplug("stick")
    is_whole(t, stick)


def test_a_partition_is_unmounted_and_goes(t):
    stick = read_write_stick(t, fs="partitioned")
    t.until("mount /dev/sda1 /mnt")
    t.must("echo on-the-partition > /mnt/note.txt")
    policy(t, 3, "deny")
    stage(t, "media.ended", "unmounted")
    t.until("! test -e /sys/block/sda/sda1")
    t.unplug("stick")
    t.check(stick.contains("on-the-partition"), "the note was lost")


def test_what_is_stacked_on_a_stick_ends_with_it(t):
    stick = read_write_stick(t, "ext4", grace=2)
    t.until('dmsetup create safe --table "0 $(blockdev --getsz /dev/sda) '
            'linear /dev/sda 0"')
    t.until("mount /dev/mapper/safe /mnt")
    t.must("echo in-the-safe > /mnt/note.txt")
    t.must("udevadm settle")  # its workers read the new device for a moment
    policy(t, 3, "deny")
    t.until("! findmnt -n /mnt")
    # The table itself holds the disk, and no process does
    t.equal(stage(t, "media.ending", "held")["processes"], 0, "processes")
    stage(t, "media.ended", "cut-off", wait=40)
    t.fails("dd if=/dev/mapper/safe of=/dev/null count=1 skip=60000 "
            "iflag=direct")
    t.unplug("stick")
    t.check(stick.contains("in-the-safe"), "the note was lost")
    is_whole(t, stick, "ext4")


def test_read_only_in_place_and_back(t):
    stick = read_write_stick(t)
    t.until("as-alice 'udisksctl mount -b /dev/sda --no-user-interaction'")
    place = t.must("findmnt -n -o TARGET --source /dev/sda")
    t.must(f"as-alice 'echo before-it > {place}/a.txt'")
    options = t.must(f"findmnt -n -o VFS-OPTIONS {place}")
    t.check("nosuid" in options, f"mounted otherwise: {options}")
    pid = run(t, "reader", "open(my $f, '<', $ARGV[0]) or die; sleep 1000;",
              f"{place}/a.txt")
    policy(t, 3, "read-only")
    t.events("media.readonly", wait=10)
    stage(t, "media.ended", "read-only")
    t.until("grep -q 1 /sys/block/sda/ro")
    t.must(f"grep -q before-it {place}/a.txt && kill -0 {pid}")
    t.fails(f"as-alice 'touch {place}/x'", "read-only")
    t.fails(f"mount -o remount,rw {place}")
    t.fails("dd if=/dev/zero of=/dev/sda count=1", "permission denied")
    t.equal(stages(t), ["read-only"], "stages")

    policy(t, 4, "read-write")
    t.until(f"as-alice 'echo after-it > {place}/b.txt'")
    t.equal(t.must(f"findmnt -n -o VFS-OPTIONS {place}"), options, "options")
    t.must(f"kill {pid}; umount {place}")
    t.unplug("stick")
    t.check(stick.contains("before-it") and stick.contains("after-it"),
            "not everything is on the stick")
    is_whole(t, stick)


def test_a_writer_delays_read_only(t):
    stick = read_write_stick(t, grace=60)
    t.until("mount /dev/sda /mnt")
    pid = run(t, "writer", WRITER, "/mnt/log.txt")
    t.until("test $(wc -l < /root/acked) -gt 20")
    policy(t, 3, "read-only")
    held = stage(t, "media.ending", "held")
    t.equal([h["pid"] for h in held["open"]], [pid], "holders")
    t.must(f"kill {pid}")
    stage(t, "media.ended", "read-only")
    t.must("findmnt -n /mnt")
    t.fails("touch /mnt/x", "read-only")
    t.must("umount /mnt")
    t.unplug("stick")
    all_acknowledged(t, stick, 20)
    is_whole(t, stick)


def test_a_descriptor_of_the_device_from_before_is_ended(t):
    stick = read_write_stick(t, access="read-only", grace=2)
    t.until("dd if=/dev/sda of=/dev/null count=1")
    before = stick.sha256()
    pid = run(t, "raw", READER)
    t.until(f"ls -l /proc/{pid}/fd | grep -q sda")
    policy(t, 3, "deny")
    held = stage(t, "media.ending", "held")
    holder = [h for h in held["open"] if h["pid"] == pid][0]
    t.equal((holder["raw"], holder["path"]), (True, "/dev/sda"), "holder")
    stage(t, "media.ended", "cut-off", wait=30)
    t.must("touch /root/go")
    t.equal(t.until("grep . /root/said").split(":")[0], "refused",
            "reading through the old descriptor")
    t.equal(stick.sha256(), before, "the medium")


def test_the_device_waits_for_its_medium(t):
    stick = read_write_stick(t, grace=60)
    device = t.events("media.allowed")[0]["sekimori"]["usb"]["busport"]
    t.until("mount /dev/sda /mnt")
    pid = run(t, "writer", WRITER, "/mnt/log.txt")
    t.until("test $(wc -l < /root/acked) -gt 20")
    t.must("echo not-synced-by-hand > /mnt/note.txt")
    policy(t, 3, "read-write", usb="block")
    stage(t, "media.ending", "held")
    authorised = f"cat /sys/bus/usb/devices/{device}/authorized"
    t.equal(t.must(authorised), "1", "authorised while it is held")
    t.must(f"kill {pid}")
    stage(t, "media.ended", "unmounted")
    t.blocked(device)
    t.equal(t.must(authorised), "0", "authorised")
    t.unplug("stick")
    all_acknowledged(t, stick, 20)
    t.check(stick.contains("not-synced-by-hand"), "the note was lost")
    is_whole(t, stick)


def test_the_last_day_of_a_rule_ends_the_use(t):
    t.must("timedatectl set-ntp false; date -s '2031-03-31 23:58:40'")
    stick = read_write_stick(t, access="read-write until 2031-03-31")
    t.until("mount /dev/sda /mnt")
    t.must("echo last-day > /mnt/note.txt")
    warned = stage(t, "media.ending", "warned", wait=60)
    t.check(50 <= warned["left_s"] <= 60, f"the warning says {warned}")
    stage(t, "media.ended", "unmounted", wait=90)
    t.check(t.must("date +%F") == "2031-04-01", "too early")
    t.fails("mount /dev/sda /mnt", "permission denied")
    t.unplug("stick")
    t.check(stick.contains("last-day"), "the note was lost")
    is_whole(t, stick)


def test_what_was_mounted_before_the_daemon_is_ended(t):
    stick = read_write_stick(t)
    t.until("mount /dev/sda /mnt")
    t.must("echo before-the-daemon > /mnt/note.txt")
    t.must("systemctl stop sekimorid && rm /etc/sekimori/rules.d/*.rules "
           "&& cat > /etc/sekimori/rules.d/50-case.rules", stdin=POLICY.format(
               serial=3, access="deny", usb="allow").encode())
    t.must("systemctl start sekimorid")
    stage(t, "media.ended", "unmounted")
    t.fails("findmnt -n /mnt")
    t.unplug("stick")
    t.check(stick.contains("before-the-daemon"), "the note was lost")
    is_whole(t, stick)
