# SPDX-License-Identifier: Apache-2.0
"""Ways to the data on a stick that is /dev/sda, as root. Without Sekimori
each of them works (cases/01_ways_out.py proves it), so that its failure in
cases/20_media_denied.py means something. None relies on another. Further down:
the rows of cases/25_every_way_out.py."""

from ways_out import Row

# name, command, what the refusal says
READS = (
    ("mount", "mount /dev/sda /mnt && umount /mnt", "permission denied"),
    ("mount read-only", "mount -o ro,noload /dev/sda /mnt && umount /mnt",
     "permission denied"),
    ("new mount API", "fsmount /dev/sda ext4 /mnt && umount /mnt",
     "not permitted"),
    ("mount in another namespace", "unshare -m mount /dev/sda /mnt",
     "permission denied"),
    ("udisks as the desktop user",
     "as-alice 'udisksctl mount -b /dev/sda --no-user-interaction' && "
     "umount /dev/sda", ""),
    ("udisks as root", "udisksctl mount -b /dev/sda && umount /dev/sda", ""),
    ("dd", "dd if=/dev/sda of=/dev/null bs=4k count=1", "not permitted"),
    ("an alias by mknod", "rm -f /root/alias && mknod /root/alias b 8 0 && "
     "dd if=/root/alias of=/dev/null bs=4k count=1", "not permitted"),
    ("losetup", "loop=$(losetup -f --show -r /dev/sda) && "
     "losetup -d $loop", "not permitted"),
    ("device mapper", "dmsetup remove leak 2> /dev/null; "
     "echo '0 1024 linear 8:0 0' | dmsetup create leak && "
     "dd if=/dev/mapper/leak of=/dev/null bs=4k count=1 && "
     "dmsetup remove --retry leak", ""),
    ("cryptsetup", "echo key | cryptsetup open --type plain "
     "--cipher aes-xts-plain64 --key-size 256 --readonly /dev/sda leak && "
     "cryptsetup close leak", "access denied"),
    ("fuse2fs", "fuse2fs -o ro /dev/sda /mnt && umount /mnt",
     ""),
    ("SCSI generic", "sg_raw -r 512 /dev/sg0 28 00 00 00 00 00 00 00 01 00",
     "not permitted"),
    ("SG_IO on the disk", "sg_raw -r 512 /dev/sda 28 00 00 00 00 00 00 00 01 "
     "00", "not permitted"),
    ("block SG", "sg_inq /dev/bsg/*", "not permitted"),
)

WRITES = (
    ("dd", "dd if=/dev/zero of=/dev/sda bs=4k count=1 seek=64 conv=fsync",
     "not permitted"),
    ("SCSI generic", "head -c 512 /dev/zero | sg_raw -s 512 /dev/sg0 "
     "2a 00 00 00 00 90 00 00 01 00", "not permitted"),
    ("SG_IO on the disk", "head -c 512 /dev/zero | sg_raw -s 512 /dev/sda "
     "2a 00 00 00 00 98 00 00 01 00", "not permitted"),
    ("mkfs", "mkfs.ext4 -q -F /dev/sda", "not permitted"),
    ("pvcreate", "pvcreate -ff -y /dev/sda", ""),
    ("swap", "mkswap -f /dev/sda && swapon /dev/sda && swapoff /dev/sda",
     "not permitted"),
)

# ntfs-3g needs an NTFS stick to succeed; on any other it still reads, and
# says so. Refused, it cannot say what is on the medium.
NTFS = "ntfs-3g -o ro /dev/sda /mnt"
NTFS_SAW_THE_MEDIUM = "NTFS signature is missing"

# ---- the table of cases/25_every_way_out.py ---------------------------------
# A stick whose USB device is allowed and whose medium, /dev/sda, is denied; a
# disc denied too, in /dev/sr0; /dev/loop6 (8 MiB) and /dev/loop7 (256 MiB) are
# files of the machine's own disk. Rows do not rely on each other.

CONFIGFS = "/sys/kernel/config"
TARGET = CONFIGFS + "/target/core"
IN_KERNEL = "the kernel itself opens it"
ANY = ("",)  # its own words, if any
MOUNT = {"says": "permission denied", "event": "mount.blocked"}
READ_SG = "28 00 00 00 00 00 00 00 01 00"
WRITE_SG = "2a 00 00 00 00 90 00 00 01 00"
STRANGER = "if=/dev/sda of=/dev/null count=1"


def helper(where):
    """A program that somebody else starts for us, root of the machine."""
    return (f"rm -f /root/stolen; printf '#!/bin/sh\\n/root/attack as @name "
            f"dd if=/dev/sda of=/root/stolen count=1\\n' > {where}; "
            f"chmod 755 {where}; ")


NOT_STOLEN = "sleep 1; test ! -s /root/stolen"

FILE_SYSTEMS = (
    Row("mount(2)", "@as mount -t ext4 /dev/sda /mnt", **MOUNT),
    Row("mount read-only, without the journal",
        "@as mount -t ext4 -o ro,noload /dev/sda /mnt", **MOUNT),
    Row("new mount API", "@as fsmount /dev/sda ext4 /mnt",
        event="mount.blocked"),
    Row("mount in another mount namespace",
        "unshare -m /root/attack as @name mount -t ext4 /dev/sda /mnt",
        **MOUNT),
    Row("mount in another user namespace",
        "unshare -Urm mount -t ext4 /dev/sda /mnt", says="permission denied",
        why="a user namespace may not mount a disk"),
    Row("mount of a mknod alias", "rm -f /root/alias; mknod /root/alias b 8 0; "
        "@as mount -t ext4 /root/alias /mnt", **MOUNT),
    Row("mount in a service of its own cgroup",
        "systemd-run -q --wait -p DevicePolicy=closed "
        "-p DeviceAllow='/dev/sda rwm' /root/attack as @name mount -t ext4 "
        "/dev/sda /mnt", says=ANY, event="mount.blocked"),
    Row("ext4 with its journal on the stick", "mke2fs -q -O journal_dev "
        "/dev/loop6; mke2fs -q -t ext4 -J device=/dev/loop6 /dev/loop7 64M; "
        "@as mount -t ext4 -o journal_path=/dev/sda /dev/loop7 /mnt", says=ANY,
        event="mount.blocked"),
    Row("udisks as the desktop user", "as-alice 'udisksctl mount -b /dev/sda "
        "--no-user-interaction'", says=ANY,
        why="udisks sees no file system there"),
    Row("ntfs-3g", "@as ntfs-3g -o ro /dev/sda /mnt", says=ANY),
    Row("fuse2fs", "@as fuse2fs -o ro /dev/sda /mnt", says=ANY),
    Row("exfat-fuse", "@as mount.exfat-fuse -o ro /dev/sda /mnt", says=ANY),
)

NODES = (
    Row("read by node", "@as dd if=/dev/sda of=/dev/null count=1"),
    Row("write by node", "@as dd if=/dev/urandom of=/dev/sda bs=4k count=1 "
        "seek=64 conv=notrunc,fsync"),
    Row("direct I/O", "@as dd if=/dev/sda of=/dev/null bs=4k count=1 "
        "iflag=direct"),
    Row("mknod alias", "rm -f /root/alias; mknod /root/alias b 8 0; "
        "@as dd if=/root/alias of=/dev/null count=1"),
    Row("/dev/block and /dev/disk links", "cat /dev/block/8:0 "
        "/dev/disk/by-path/*usb* > /dev/null", says="no such file",
        errno="ENOENT", why="udev makes none for a disk it cannot open"),
    Row("a link made by hand", "mkdir -p /dev/block; ln -sf /dev/sda "
        "/dev/block/8:0; @as dd if=/dev/block/8:0 of=/dev/null count=1"),
    Row("node bound over a plain file", "touch /root/plain; mount --bind "
        "/dev/sda /root/plain; @as dd if=/root/plain of=/dev/null count=1",
        after="umount /root/plain"),
    Row("node of a second devtmpfs", "mkdir -p /root/dev2; mount -t devtmpfs d "
        "/root/dev2; @as dd if=/root/dev2/sda of=/dev/null count=1",
        after="umount /root/dev2"),
    Row("O_PATH, opened again by /proc", "@tool reopen /dev/sda"),
    Row("O_PATH descriptor passed on and opened", "@tool pass /dev/sda"),
    Row("open_by_handle_at", "@tool handle /dev/sda"),
    Row("access mode 3, for ioctl", "@tool mode3 /dev/sda"),
    Row("io_uring openat and read", "@tool uring /dev/sda read",
        by="iou-wrk-"),
    Row("io_uring openat and write", "@tool uring /dev/sda write",
        by="iou-wrk-"),
    Row("vmsplice and splice", "@tool splice /dev/sda"),
    Row("shared mapping", "@tool mmap /dev/sda"),
    Row("BLKPG: a partition of one's own", "@tool blkpg /dev/sda",
        after="partx -d /dev/sda"),
    Row("mkfs", "@as mkfs.ext4 -q -F /dev/sda"),
    Row("debugfs -w", "@as debugfs -w -R 'rm residents.txt' /dev/sda; "
        "debugfs -R ls /dev/sda 2>&1 | grep -q residents && exit 1; exit 1",
        says="not permitted"),
    Row("process called sekimorid", "/root/attack as sekimorid dd if=/dev/sda "
        "of=/dev/null count=1", by="sekimorid"),
)

LAYERS = (
    Row("losetup", "@as losetup -f --show /dev/sda"),
    Row("losetup with direct I/O and an offset",
        "@as losetup -f --show --direct-io=on -o 4096 -r /dev/sda"),
    Row("dm linear", "echo '0 1024 linear 8:0 0' | @as dmsetup create x1",
        says=ANY, after="dmsetup remove x1"),
    Row("dm linear, read-only table",
        "echo '0 1024 linear 8:0 0' | @as dmsetup create -r x2", says=ANY,
        after="dmsetup remove x2"),
    Row("dm crypt", "echo key | @as cryptsetup open --type plain --cipher "
        "aes-xts-plain64 --key-size 256 /dev/sda x3", says=ANY,
        after="cryptsetup close x3"),
    Row("dm snapshot", "echo '0 1024 snapshot 8:0 7:7 N 8' | "
        "@as dmsetup create x4", says=ANY, needs="dm-snapshot",
        after="dmsetup remove x4"),
    Row("dm mirror onto the stick", "echo '0 16384 mirror core 1 1024 2 7:7 0 "
        "8:0 0' | @as dmsetup create -r x5", says=ANY, needs="dm-mirror",
        after="dmsetup remove --retry x5"),
    Row("LVM pvcreate", "@as pvcreate -ff -y /dev/sda", says=ANY),
    Row("md array built of it", "@as mdadm --build /dev/md7 --force --run "
        "--level=linear -n 1 /dev/sda", says=ANY, needs="linear",
        after="mdadm -S /dev/md7"),
    Row("md assemble", "@as mdadm --assemble --run --force /dev/md8 /dev/sda",
        says=ANY),
    Row("btrfs device add", "mkfs.btrfs -q -f /dev/loop7; mount -t btrfs "
        "/dev/loop7 /mnt; @as btrfs device add -f /dev/sda /mnt", says=ANY,
        needs=("btrfs", "/usr/bin/btrfs"), after="umount /mnt"),
    Row("btrfs replace onto it", "mkfs.btrfs -q -f /dev/loop7; mount -t btrfs "
        "/dev/loop7 /mnt; @as btrfs replace start -B -f 1 /dev/sda /mnt",
        says=ANY, needs=("btrfs", "/usr/bin/btrfs"), after="umount /mnt"),
    Row("btrfs seed", "@as btrfstune -S 1 /dev/sda", says=ANY,
        needs="/usr/bin/btrfstune"),
    Row("btrfs scan by ioctl", "@tool btrfs-scan /dev/sda", says=ANY,
        needs="btrfs"),
    Row("bcache register", "@as sh -c 'echo /dev/sda > "
        "/sys/fs/bcache/register'", says=ANY, needs="bcache"),
    Row("swapon", "@as swapon /dev/sda"),
    Row("mkswap", "@as mkswap -f /dev/sda"),
    Row("zram writing back to it", "modprobe zram; echo $(cat "
        "/sys/class/zram-control/hot_add) > /root/zram; @as sh -c 'echo "
        "/dev/sda > /sys/block/zram$(cat /root/zram)/backing_dev'", says=ANY,
        needs="zram", after="cat /root/zram > "
        "/sys/class/zram-control/hot_remove"),
    Row("block2mtd", "@as sh -c 'echo /dev/sda,65536 > "
        "/sys/module/block2mtd/parameters/block2mtd'; test -e /dev/mtd0",
        says=ANY, needs="block2mtd"),
    Row("pstore on it", "@as modprobe pstore_blk blkdev=/dev/sda "
        "best_effort=y", says=ANY, needs="pstore_zone",
        after="modprobe -r pstore_blk"),
    Row("resume from it", "@as sh -c 'echo 8:0 > /sys/power/resume'; exit 1",
        says=ANY),
    Row("LIO block backstore", f"mkdir -p {TARGET}/iblock_0/x; echo "
        f"udev_path=/dev/sda > {TARGET}/iblock_0/x/control; @as sh -c 'echo 1 "
        f"> {TARGET}/iblock_0/x/enable'", says=ANY,
        needs="target_core_iblock"),
    Row("LIO file backstore", f"mkdir -p {TARGET}/fileio_0/x; echo "
        "fd_dev_name=/dev/sda,fd_dev_size=1048576 > "
        f"{TARGET}/fileio_0/x/control; @as sh -c 'echo 1 > "
        f"{TARGET}/fileio_0/x/enable'", says=ANY, needs="target_core_file"),
    Row("LIO SCSI passthrough, by number", f"mkdir -p {TARGET}/pscsi_0/x; "
        "set -- $(ls /sys/class/scsi_device | head -n 1 | tr : ' '); "
        "@as sh -c \"echo scsi_host_id=$1,scsi_channel_id=$2,"
        f"scsi_target_id=$3,scsi_lun_id=$4 > {TARGET}/pscsi_0/x/control\"",
        needs="target_core_pscsi",
        event="sysfs.write.blocked", target="control"),
    Row("LIO SCSI passthrough, enable", f"mkdir -p {TARGET}/pscsi_0/y; "
        f"@as sh -c 'echo 1 > {TARGET}/pscsi_0/y/enable'",
        needs="target_core_pscsi", event="sysfs.write.blocked",
        target="enable"),
    Row("NVMe target over it",
        f"modprobe nvmet; cd {CONFIGFS}/nvmet/subsystems; mkdir -p "
        "x/namespaces/1; printf /dev/sda > x/namespaces/1/device_path; "
        "@as sh -c 'echo 1 > x/namespaces/1/enable'", says=ANY,
        needs="nvmet"),
    Row("exported as a USB gadget", f"d={CONFIGFS}/usb_gadget/x; mkdir -p "
        "$d/functions/mass_storage.0; @as sh -c \"echo /dev/sda > "
        "$d/functions/mass_storage.0/lun.0/file\"", says=ANY,
        needs="usb_f_mass_storage"),
    Row("network block device", "@as dd if=/dev/urandom of=/dev/nbd0 count=1",
        needs="nbd", target="nbd0"),
    Row("nbd, ublk or iSCSI export by a server", "@as python3 -c "
        "'open(\"/dev/sda\", \"rb\").read(512)'"),
)

RAW = (
    Row("sg: read", f"@as sg_raw -r 512 /dev/sg0 {READ_SG}"),
    Row("sg: write", "head -c 512 /dev/urandom | @as sg_raw -s 512 /dev/sg0 "
        f"{WRITE_SG}"),
    Row("sg by a mknod alias", "rm -f /root/alias; mknod /root/alias c 21 0; "
        f"@as sg_raw -r 512 /root/alias {READ_SG}"),
    Row("sg_dd", "@as sg_dd if=/dev/sg0 of=/dev/null bs=512 count=1"),
    Row("bsg", "@as sg_inq $(ls /dev/bsg/* | head -n 1)"),
    Row("SG_IO on the disk: read", "@tool sg-io /dev/sda read"),
    Row("SG_IO on the disk: write", "@tool sg-io /dev/sda write"),
    Row("CDROM packet on the disk", "@tool packet /dev/sda"),
    Row("disc: read", "@as dd if=/dev/sr0 of=/dev/null count=1"),
    Row("disc: CDROM packet", "@tool packet /dev/sr0"),
    Row("disc: burn by SG_IO", f"head -c 512 /dev/urandom | @as sg_raw -s 512 "
        f"/dev/sr0 {WRITE_SG}"),
    Row("tape (st)", "@as dd if=/dev/zero of=/dev/nst0 bs=512 count=1",
        needs="st", target="st0"),
    Row("media changer (ch)", "cd /sys/bus/pseudo/drivers/scsi_debug; echo 8 "
        "> ptype; echo 1 > add_host; sleep 1; @tool sg-io /dev/sch0 read",
        needs="ch", target="sch0"),
    Row("usbfs: control transfer", "@tool usb-control $NODE"),
    Row("usbfs: bulk write past the driver", "@tool usb-bulk $NODE"),
    Row("SCSI: delete and scan again", "@as sh -c 'for s in "
        "/sys/class/scsi_host/host*/scan; do echo - - - > $s; done'",
        event="sysfs.write.blocked", target="scan"),
)

OTHERS = (
    Row("moved into the daemon's cgroup", "echo $$ > /sys/fs/cgroup/"
        "system.slice/sekimorid.service/cgroup.procs; "
        f"@as dd {STRANGER}", after="true"),
    Row("moved into the root cgroup",
        f"echo $$ > /sys/fs/cgroup/cgroup.procs; @as dd {STRANGER}"),
    Row("a devices controller of cgroup v1", "mkdir -p /root/v1; mount -t "
        "cgroup -o devices d /root/v1; mkdir -p /root/v1/x; echo a > "
        "/root/v1/x/devices.allow; echo $$ > /root/v1/x/cgroup.procs; "
        f"@as dd {STRANGER}", after="umount -l /root/v1"),
    Row("a container with every capability and the node", "systemd-run -q "
        "--wait -p RootDirectory=/ -p PrivateDevices=no -p "
        "DeviceAllow='/dev/sda rwm' /root/attack as @name dd " + STRANGER,
        says=ANY),
    Row("the kernel's helper for core dumps", helper("/root/core") +
        "echo '|/root/core' > /proc/sys/kernel/core_pattern; "
        "sh -c 'kill -SEGV $$'", check=NOT_STOLEN,
        after="echo core > /proc/sys/kernel/core_pattern"),
    Row("a rule of udev", helper("/root/rule") + "mkdir -p "
        "/run/udev/rules.d; echo 'KERNEL==\"null\", RUN+=\"/root/rule\"' > "
        "/run/udev/rules.d/99-x.rules; udevadm control -R; udevadm trigger "
        "-c change /dev/null; udevadm settle", check=NOT_STOLEN,
        after="rm /run/udev/rules.d/99-x.rules; udevadm control -R"),
    Row("/sys/block/sda/ro written", "@as sh -c 'echo 0 > /sys/block/sda/ro'",
        says=("denied", "not permitted"), errno="EACCES",
        why="the kernel lets nobody write it"),
    Row("descriptor taken from the daemon by pidfd_getfd",
        "@tool steal $(systemctl show -P MainPID sekimorid)", says=ANY,
        errno="ENOENT", why="it holds none of a medium"),
    Row("descriptor given out by fanotify", "test -s /root/fanotify.open",
        says=ANY, errno="-", why="the kernel gives none of a device node"),
)

DENIED = FILE_SYSTEMS + NODES + LAYERS + RAW + OTHERS

# ---- a read-only medium ------------------------------------------------------
# /dev/sda with a table and a FAT partition, /dev/sda1, read-only by policy.
RAWWRITE = {"event": "block.rawwrite.blocked",
            "says": ("not permitted", "permission denied", "read-only")}
FLAG = "the kernel's own flag, which we set"

READ_ONLY = (
    Row("mount for writing", "mount -o rw /dev/sda1 /mnt; touch /mnt/x",
        says="read-only", errno="EROFS", after="umount /mnt",
        why="it is mounted read-only instead"),
    Row("remount rw", "mount -o ro /dev/sda1 /mnt && @as mount -o remount,rw "
        "/mnt", says=("permission denied", "write-protected"),
        after="umount /mnt", event="mount.blocked"),
    Row("remount rw by the new mount API", "mount -o ro /dev/sda1 /mnt && "
        "@tool fspick /mnt", after="umount /mnt",
        says=("not permitted", "permission denied"),
        event="mount.blocked"),
    Row("bind mount made writable", "mount -o ro /dev/sda1 /mnt; mount --bind "
        "/mnt /root/bind; mount -o remount,bind,rw /root/bind; touch "
        "/root/bind/x", says="read-only", errno="EROFS", why=FLAG,
        after="umount /root/bind; umount /mnt"),
    Row("mount_setattr clears read-only", "mount -o ro /dev/sda1 /mnt; "
        "@tool mount-setattr /mnt", says="read-only", errno="EROFS", why=FLAG,
        after="umount /mnt"),
    Row("overlay that writes to the medium", "mount -o ro /dev/sda1 /mnt; "
        "mkdir -p /root/over; mount -t overlay o -o lowerdir=/etc,upperdir="
        "/mnt,workdir=/mnt /root/over && echo x > /root/over/x", says=ANY,
        errno="EROFS", why="a read-only file system is no upper layer",
        after="umount /root/over; umount /mnt"),
    Row("pivot_root onto it and remount", "mount -o ro /dev/sda1 /mnt; unshare "
        "-m sh -c 'mount --rbind / /root/pivot; cd /root/pivot; pivot_root . "
        "mnt 2> /dev/null; mount -o remount,rw /dev/sda1; touch /mnt/x "
        "/mnt/mnt/x'", says=ANY, errno="EROFS", why=FLAG,
        after="umount /mnt"),
    Row("write to the parent disk of the partition", "@as dd if=/dev/urandom "
        "of=/dev/sda seek=4096 count=1 conv=fsync", **RAWWRITE),
    Row("write to the partition", "@as dd if=/dev/urandom of=/dev/sda1 "
        "seek=4096 count=1 conv=fsync", **RAWWRITE),
    Row("write by a /dev/disk link", "@as dd if=/dev/urandom of=$(ls "
        "/dev/disk/by-path/*usb* | head -n 1) seek=4096 count=1 conv=fsync",
        **RAWWRITE),
    Row("write to an older alias", "rm -f /root/alias; mknod /root/alias b 8 "
        "1; @as dd if=/dev/urandom of=/root/alias count=1", **RAWWRITE),
    Row("io_uring write", "@tool uring /dev/sda write", by="iou-wrk-",
        **RAWWRITE),
    Row("shared mapping", "@tool mmap /dev/sda", **RAWWRITE),
    Row("vmsplice and splice", "@tool splice /dev/sda", **RAWWRITE),
    Row("BLKZEROOUT", "@tool zeroout /dev/sda", **RAWWRITE),
    Row("BLKROSET off", "@as blockdev --setrw /dev/sda", **RAWWRITE),
    Row("BLKROSET off by a 32-bit call", "@tool roset32 /dev/sda", **RAWWRITE),
    Row("SG_IO write on the disk", "@tool sg-io /dev/sda write", **RAWWRITE),
    Row("SG_IO write on the partition", "@tool sg-io /dev/sda1 write",
        **RAWWRITE),
    Row("SG_IO read, which could be a write", "@tool sg-io /dev/sda read",
        **RAWWRITE),
    Row("CDROM packet", "@tool packet /dev/sda", **RAWWRITE),
    Row("BLKPG: a partition of one's own", "@tool blkpg /dev/sda", **RAWWRITE),
    Row("partition table read anew", "@as blockdev --rereadpt /dev/sda",
        **RAWWRITE),
    Row("sg: write", "head -c 512 /dev/urandom | @as sg_raw -s 512 /dev/sg0 "
        f"{WRITE_SG}"),
    Row("mkfs", "@as mkfs.vfat -I /dev/sda", **RAWWRITE),
    Row("swap on it", "@as mkswap -f /dev/sda1", **RAWWRITE),
    Row("dm linear", "echo '0 1024 linear 8:0 0' | @as dmsetup create y1",
        after="dmsetup remove y1", **{**RAWWRITE, "says": ANY}),
    Row("dm, read-only table made writable", "echo '0 1024 linear 8:0 0' | "
        "dmsetup create -r y2; blockdev --setrw /dev/mapper/y2; dd "
        "if=/dev/urandom of=/dev/mapper/y2 count=1 conv=fsync",
        says="not permitted", why="the table keeps the flag",
        after="dmsetup remove --retry y2"),
    Row("dm, a writable table under a read-only one", "echo '0 1024 linear 8:0 "
        "0' | dmsetup create -r y3; echo '0 1024 linear 8:0 0' | @as dmsetup "
        "reload y3", after="dmsetup remove --retry y3",
        **{**RAWWRITE, "says": ANY}),
    Row("loop over the partition", "l=$(losetup -f --show /dev/sda1 2> "
        "/dev/null); dd if=/dev/urandom of=$l count=1 conv=fsync",
        says=("not permitted", "read-only"), errno="EPERM",
        why="the loop is read-only too", after="losetup -d $l"),
    Row("loop made writable", "l=$(losetup -r -f --show /dev/sda1); blockdev "
        "--setrw $l; dd if=/dev/urandom of=$l count=1 conv=fsync",
        says=("not permitted", "input/output"), errno="EPERM",
        why="the loop keeps how it was opened"),
    Row("md array built of it", "@as mdadm --build /dev/md7 --force --run "
        "--level=linear -n 1 /dev/sda", needs="linear",
        **{**RAWWRITE, "says": ANY}),
    Row("usb-storage quirk against write protection", "echo 46f4:0001:w > "
        "/sys/module/usb_storage/parameters/quirks; echo 1 > "
        "/sys/block/sda/device/rescan; @as dd if=/dev/urandom of=/dev/sda "
        "bs=1k seek=99 count=1", **RAWWRITE),
    Row("dm mirror writes below a read-only table", "echo '0 16384 mirror core "
        "1 1024 2 7:7 0 8:0 0' | dmsetup create -r y9; sleep 1; dmsetup status "
        "y9 | grep ' AA '", needs="dm-mirror", after="dmsetup remove --retry "
        "y9", opened="the block layer only warns of writes from inside the "
        "kernel (bio_check_ro)"),
)

# ---- USB devices that are not let in ----------------------------------------
# $STICK is a refused stick, $MIXED a keyboard with a disk of which only the
# keyboard is let in, $MTP a refused telephone; each its name in sysfs.
USB = "/sys/bus/usb"
SYSFS = {"event": "sysfs.write.blocked"}


def switch(name, path, value="1", **more):
    """A switch of sysfs, written by hand."""
    return Row(name, f"@as sh -c 'echo {value} > {path}'",
               target=path.split("/")[-1], **SYSFS, **more)


OUT = "test $(cat /sys/bus/usb/devices/$STICK/authorized) = 0"

USB_WAYS = (
    switch("authorized by hand", f"{USB}/devices/$STICK/authorized"),
    Row("authorized, in a sysfs of one's own", "mkdir -p /root/sys; mount -t "
        "sysfs s /root/sys; @as sh -c 'echo 1 > /root/sys/bus/usb/devices/"
        "$STICK/authorized'", after="umount /root/sys", **SYSFS),
    Row("authorized, by a bind mount of the file", "touch /root/auth; mount "
        f"--bind {USB}/devices/$STICK/authorized /root/auth; @as sh -c 'echo 1 "
        "> /root/auth'", after="umount /root/auth", **SYSFS),
    Row("authorized, by io_uring", f"@tool uring {USB}/devices/$STICK/"
        "authorized write", by="iou-wrk-", **SYSFS),
    Row("authorized, by a link", f"ln -sf {USB}/devices/$STICK/authorized "
        "/root/link; @as sh -c 'echo 1 > /root/link'", **SYSFS),
    switch("authorized_default of a hub", f"{USB}/devices/usb1/"
           "authorized_default"),
    switch("interface_authorized_default", f"{USB}/devices/usb1/"
           "interface_authorized_default"),
    switch("module parameter authorized_default", "/sys/module/usbcore/"
           "parameters/authorized_default"),
    switch("authorized of the held interface", f"{USB}/devices/$MIXED:1.1/"
           "authorized"),
    switch("configuration chosen anew: interfaces get their default",
           f"{USB}/devices/$MIXED/bConfigurationValue"),
    switch("drivers_probe", f"{USB}/drivers_probe", "$MIXED:1.1"),
    switch("drivers_autoprobe", f"{USB}/drivers_autoprobe"),
    switch("bind to usb-storage", f"{USB}/drivers/usb-storage/bind",
           "$MIXED:1.1"),
    switch("unbind of the keyboard", f"{USB}/drivers/usbhid/unbind",
           "$MIXED:1.0"),
    switch("new_id", f"{USB}/drivers/usb-storage/new_id", "1209 0001"),
    switch("driver_override of the controller", "$XHCI/driver_override",
           "vfio-pci"),
    switch("controller taken from its driver", "/sys/bus/pci/drivers/xhci_hcd/"
           "unbind", "$XHCI"),
    switch("usbip export: bind", f"{USB}/drivers/usbip-host/bind", "$STICK",
           needs="usbip-host"),
    Row("usbip export: match_busid alone", "echo add $STICK > "
        f"{USB}/drivers/usbip-host/match_busid", check="test ! -e "
        f"{USB}/drivers/usbip-host/$STICK && {OUT}", needs="usbip-host",
        errno="-", why="without bind nothing is exported", after="echo del "
        f"$STICK > {USB}/drivers/usbip-host/match_busid"),
    Row("usbfs: control transfer to a refused device", "@tool usb-control "
        "$NODE"),
    Row("usbfs: bulk to a refused device", "@tool usb-bulk $NODE"),
    Row("usbfs: by a mknod alias", "rm -f /root/alias; mknod /root/alias c "
        "$NUMBER; @tool usb-control /root/alias"),
    Row("MTP push by libusb's calls", "@tool usb-bulk $MTPNODE"),
    Row("usb-storage quirks", "echo 1209:0001:i > /sys/module/usb_storage/"
        "parameters/quirks", check=OUT, errno="-",
        why="it lets no device in"),
    Row("port switched off and on", "p=$(ls -d /sys/devices/pci*/*/usb*/*:1.0/"
        "*-port${STICK#*-} | head -n 1); echo 1 > $p/disable; sleep 1; echo 0 "
        "> $p/disable; sleep 3", check="for d in /sys/bus/usb/devices/*; do "
        "grep -qsx SUSB $d/serial && grep -qx 1 $d/authorized && exit 1; "
        "done; true", errno="-", why="it comes back as a new device, refused"),
    Row("controller removed and found again", "echo 1 > $XHCI/remove; sleep 1; "
        "echo 1 > /sys/bus/pci/rescan; sleep 6", check="for d in "
        "/sys/bus/usb/devices/*; do grep -qsx SUSB $d/serial && grep -qx 1 "
        "$d/authorized && exit 1; done; true", errno="-",
        why="the new hubs inherit the default"),
)

# ---- the daemon's life -------------------------------------------------------
# /dev/sda is denied; the daemon is not protected (that is a switch of policy).
PID = "$(systemctl show -P MainPID sekimorid)"
CGROUP = "/sys/fs/cgroup/system.slice/sekimorid.service"
DD = f"@as dd {STRANGER}"
UP = ("systemctl start sekimorid; n=0; until sekimorictl status > /dev/null || "
      "[ $n -gt 60 ]; do sleep 0.5; n=$((n + 1)); done")


def under_load(what):
    """Opens one after the other while WHAT goes on; one that works is kept."""
    return ("rm -f /root/gap /root/enough; (until test -e /root/enough; do "
            f"{DD} 2> /dev/null && echo gap > /root/gap; sleep 0.02; done) & "
            f"{what}; touch /root/enough; wait; test -e /root/gap")


LIFE = (
    Row("after SIGKILL of the daemon", f"kill -9 {PID}; {DD}", after=UP),
    Row("while the daemon is stopped by SIGSTOP", f"kill -STOP {PID}; {DD}",
        after=f"kill -CONT {PID}"),
    Row("while its cgroup is frozen", f"echo 1 > {CGROUP}/cgroup.freeze; {DD}",
        after=f"echo 0 > {CGROUP}/cgroup.freeze"),
    Row("after cgroup.kill", f"echo 1 > {CGROUP}/cgroup.kill; {DD}", after=UP),
    Row("after systemctl stop", f"systemctl stop sekimorid; {DD}", after=UP),
    Row("after systemctl mask and SIGKILL", "systemctl mask --runtime "
        f"sekimorid 2> /dev/null; kill -9 {PID}; {DD}",
        after="systemctl unmask --runtime sekimorid; " + UP),
    Row("after a limit of processor time", f"prlimit --pid {PID} --cpu=1; "
        f"{DD}", after=UP),
    Row("after its state in /run is gone", "rm -f /run/sekimori/*session*; "
        f"kill -9 {PID}; {DD}", after=UP),
    Row("while the daemon starts, three times", under_load(
        "for i in 1 2 3; do systemctl restart sekimorid; sleep 1; done"),
        says=ANY, after=UP),
    Row("while the package is installed again", under_load(
        "dpkg --force-unsafe-io -i /root/debs/*.deb > /dev/null 2>&1"),
        says=ANY,
        after=UP),
    Row("pins removed, protection off", "rm -r /sys/fs/bpf/sekimori/*; dd "
        + STRANGER, opened="the switch \"tamper\" of policy is off"),
)

HELD = "cat /root/held.{0}.said; exit $(cat /root/held.{0})"
GONE = {"says": ANY, "errno": "EIO", "why": "the device it is of was switched "
        "off when the grace was over"}
BEFORE = (
    Row("write by a descriptor from before", HELD.format("write"), **GONE),
    Row("SG_IO by a descriptor from before", HELD.format("sgio"), **GONE),
    Row("mapping from before", HELD.format("mmap"), **GONE),
    Row("read by a descriptor from before", HELD.format("read"), **GONE),
)

# ---- the guard itself --------------------------------------------------------
# Tamper protection on; $PID is its daemon. Events are hooks (GuardWalk).
PINS = "/sys/fs/bpf/sekimori"
TAMPER = {"event": "tamper", "says": ANY}
FTRACE = "/proc/sys/kernel/ftrace_enabled"
SHUT = f"dd {STRANGER} 2>&1 | grep -q 'not permitted'"
ALL_THERE = f"test -e {PINS}/*/config && {SHUT}"

GUARD = (
    Row("SIGKILL", "@as kill -9 $PID", **TAMPER),
    Row("SIGKILL to its process group", "@as kill -9 -- -$PID", **TAMPER),
    Row("SIGTERM", "@as kill -TERM $PID", **TAMPER),
    Row("SIGSTOP", "@as kill -STOP $PID", **TAMPER),
    Row("SIGSEGV", "@as kill -SEGV $PID", **TAMPER),
    Row("ptrace", "@as strace -o /dev/null -p $PID", **TAMPER),
    Row("ptrace of PID 1", "@as strace -o /dev/null -p 1", **TAMPER),
    Row("its memory by /proc", "@as head -c 1 /proc/$PID/mem", **TAMPER),
    Row("its descriptors by pidfd_getfd", "@tool steal $PID", **TAMPER),
    Row("unpin a program", f"@as rm {PINS}/*/guard_cgroup_task", **TAMPER),
    Row("unpin a map", f"@as rm {PINS}/*/config", **TAMPER),
    Row("unpin in another mount of it", "mkdir -p /root/b; mount --bind "
        "/sys/fs/bpf /root/b; @as rm /root/b/sekimori/*/config",
        after="umount -l /root/b", **TAMPER),
    Row("move the pins", f"@as mv {PINS} /sys/fs/bpf/other", **TAMPER),
    Row("remove their folder", f"@as rmdir {PINS}/*", **TAMPER),
    Row("unmount bpffs", "@as umount /sys/fs/bpf", **TAMPER),
    Row("unmount bpffs lazily", "@as umount -l /sys/fs/bpf", **TAMPER),
    Row("a map by its pin", f"@as bpftool map dump pinned $(ls -d {PINS}/*/"
        "config)", **TAMPER),
    Row("a map by its number", "@as bpftool map dump id $(bpftool map list | "
        "grep 'name config' | cut -d: -f1 | head -n 1)", by="bpftool",
        **TAMPER),
    Row("detach a link by its pin", f"@as bpftool link detach pinned $(ls -d "
        f"{PINS}/*/guard_cgroup_task)", **TAMPER),
    Row("detach a link by its number", "@as bpftool link detach id $(bpftool "
        "link list | grep cgroup | cut -d: -f1 | head -n 1)", by="bpftool",
        **TAMPER),
    Row("detach from the cgroup", "bpftool cgroup detach /sys/fs/cgroup device "
        "id $(bpftool prog list | grep guard_cgroup | cut -d: -f1 | head -n 1)",
        says=ANY, errno="ENOENT", why="a link is not detached that way"),
    Row("a later program takes the refusal back, by link", "@tool retval link "
        f"'dd {STRANGER}'", **TAMPER),
    Row("a later program takes the refusal back, attached", "@tool retval "
        f"attach 'dd {STRANGER}'", **TAMPER),
    Row("ftrace off", f"@as sh -c 'echo 0 > {FTRACE}'", says=ANY,
        event="sysctl", target="sysctl"),
    Row("ftrace off in another proc and mount namespace", "unshare -m sh -c "
        "'mkdir -p /root/p; mount -t proc p /root/p; echo 0 > /root/p/sys/"
        "kernel/ftrace_enabled'", says=ANY, event="sysctl",
        target="sysctl"),
    Row("another file system over the pins", "mount -t tmpfs t /sys/fs/bpf",
        check=SHUT, errno="-", why="hides them, ends nothing",
        after="umount /sys/fs/bpf"),
    Row("a folder bound over the pins", f"mkdir -p /root/e; mount --bind "
        f"/root/e {PINS}", check=SHUT, errno="-",
        why="hides them, ends nothing", after=f"umount {PINS}"),
    Row("its cgroup frozen", "echo 1 > /sys/fs/cgroup/system.slice/"
        "guard.service/cgroup.freeze", check=ALL_THERE, errno="-",
        why="the kernel goes on without it", after="echo 0 > /sys/fs/cgroup/"
        "system.slice/guard.service/cgroup.freeze"),
    Row("moved to another cgroup", "mkdir -p /sys/fs/cgroup/x; echo $PID > "
        "/sys/fs/cgroup/x/cgroup.procs", check=ALL_THERE, errno="-",
        why="it is known by number and start, not by cgroup", after="echo "
        "$PID > /sys/fs/cgroup/system.slice/guard.service/cgroup.procs"),
    Row("a limit of processor time", "prlimit --pid $PID --cpu=0; sleep 1",
        check=ALL_THERE, errno="-", why="the kernel goes on without it"),
    Row("cgroup.kill", "echo 1 > /sys/fs/cgroup/system.slice/guard.service/"
        "cgroup.kill; sleep 1", check=ALL_THERE, errno="-",
        why="the kernel goes on without it"),
    Row("unit of the service changed", "mkdir -p /run/systemd/system/"
        "guard.service.d; printf '[Service]\\nExecStart=\\nExecStart="
        "/usr/local/bin/guardctl store tamper off wait\\n' > /run/systemd/"
        "system/guard.service.d/x.conf; systemctl daemon-reload; echo 1 > "
        "/sys/fs/cgroup/system.slice/guard.service/cgroup.kill; sleep 3; rm "
        f"{PINS}/*/config", may_close=True, opened="who writes units and "
        "programs of the service is the service"),
)

# What DESIGN leaves out: stated, with the state of this machine.
STATED = (
    Row("kexec", "test $(cat /proc/sys/kernel/kexec_load_disabled) = 0",
        opened="another kernel; Secure Boot and lockdown stop it"),
    Row("unsigned kernel module", "test $(cat /sys/module/module/parameters/"
        "sig_enforce) = N", opened="kernel code; lockdown stops it"),
    Row("/dev/mem", "head -c 1 /dev/mem > /dev/null", may_close=True,
        opened="kernel memory; lockdown stops it"),
    Row("PCI registers of the controller", "test -w $(ls /sys/bus/pci/devices/"
        "*/resource0 | head -n 1)", may_close=True,
        opened="a driver of one's own, DMA; lockdown and IOMMU stop it"),
    Row("a switch of sysfs held open from before the guard",
        "cat /root/held.switch.said; exit $(cat /root/held.switch)",
        opened="opens are judged, not writes; each heartbeat looks again"),
)
