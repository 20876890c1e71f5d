# SPDX-License-Identifier: Apache-2.0
"""Ways to the data on a stick that is /dev/sda, as root. Without Sekimori
each of them works (cases/01_ways_out.py proves it), so that its failure in
cases/20_media_denied.py means something. None relies on another."""

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
