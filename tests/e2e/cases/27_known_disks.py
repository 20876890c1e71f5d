# SPDX-License-Identifier: Apache-2.0
"""Built-in disks: those of the first minutes stay free, for good; any other
that is screwed in, or hot-plugged, is a medium whatever its bus."""

TIERS = ("T1", "T2")
DISKS = "/var/lib/sekimori/state/disks"
HEAD = ('policy "disks" mode enforce\n'
        'allow channel hid rule-id "input"\n'
        'allow channel hub rule-id "hubs"\n')


def learn(t):
    """The first heartbeat ends the learning."""
    t.must("modprobe -a virtio_blk nvme scsi_mod")
    t.must("rm -f " + DISKS)
    t.must("sed -i '/^heartbeat_s/d' /etc/sekimori/agent.conf && "
           "echo 'heartbeat_s = 5' >> /etc/sekimori/agent.conf")
    t.must("systemctl restart sekimorid")
    t.until("test -e " + DISKS, 40)
    t.until("sekimorictl devices")


def hot_plug(t, driver, node, serial):
    image = t.stick("disk", fs="ext4")
    before = image.sha256()
    t.mark()
    t.devices.plug_pci(driver, "second", image.path, serial)
    t.until("test -b " + node)
    return image, before


def denied(t, node, image, before, bus):
    event = t.events("media.denied", wait=30)[0]
    t.equal(event["sekimori"]["media"]["bus"], bus, "bus")
    for command in (f"dd if={node} of=/dev/null count=1",
                    f"dd if=/dev/zero of={node} count=1",
                    f"mount {node} /mnt", f"mount -o ro {node} /mnt",
                    f"echo '0 1024 linear {node} 0' | dmsetup create leak",
                    f"losetup -f {node}", f"pvcreate -f {node}"):
        t.fails(command)
    t.must("sync")
    t.equal(image.sha256(), before, "the disk")


def test_the_disks_of_the_first_minutes_stay_free(t):
    t.must("modprobe scsi_debug dev_size_mb=8 num_parts=1")
    node = t.until("ls /dev/sda1")
    learn(t)
    t.must(f"grep -q ^wwid:naa {DISKS}")
    t.must(f"dd if={node} of=/dev/null count=1")
    t.must("systemctl restart sekimorid")
    t.until("sekimorictl devices")
    t.must(f"dd if={node} of=/dev/null count=1")
    # Out and in again: the same disk, with its partition
    t.must("modprobe -r scsi_debug && "
           "modprobe scsi_debug dev_size_mb=8 num_parts=1")
    t.until(f"dd if={node} of=/dev/null count=1", 30)
    t.must("mkfs.ext4 -q /dev/sda1 && mount /dev/sda1 /mnt && touch /mnt/x "
           "&& umount /mnt")


def test_another_disk_is_a_medium(t):
    learn(t)
    t.mark()
    t.must("modprobe scsi_debug dev_size_mb=8 num_parts=1")
    t.until("test -b /dev/sda")
    event = t.events("media.denied", wait=30)[0]
    t.equal(event["sekimori"]["media"]["bus"], "sata", "bus")
    for command in ("dd if=/dev/sda of=/dev/null count=1", "mkfs.ext4 /dev/sda",
                    "echo '0 1024 linear 8:0 0' | dmsetup create leak"):
        t.fails(command)
    t.fails("test -e /dev/sda1")
    root = t.must("findmnt -n -o SOURCE /")
    t.must(f"dd if={root} of=/dev/null count=1")
    # and a rule is what lets it in
    t.policy(HEAD + 'media read-write bus sata rule-id "disks"\n')
    t.until("test -b /dev/sda1")
    t.must("mkfs.ext4 -q /dev/sda1 && mount /dev/sda1 /mnt && umount /mnt")
    t.policy(HEAD)
    t.until("! dd if=/dev/sda of=/dev/null count=1 iflag=direct")


def test_a_disk_in_at_power_on_is_a_medium(t):
    learn(t)
    t.must("echo scsi_debug > /etc/modules-load.d/e2e.conf; "
           "echo options scsi_debug dev_size_mb=8 > /etc/modprobe.d/x.conf; "
           "sync")
    t.power_cut()
    t.boot()
    t.until("busctl status jp.sekimori.Agent1", 60)
    t.until("test -b /dev/sda", 60)
    t.fails("dd if=/dev/sda of=/dev/null count=1", "not permitted")
    t.until("sekimorictl devices | grep -q sda")


def test_swap_and_boot_are_never_held(t):
    """In use when the guard came up, and on no list."""
    t.must("modprobe scsi_debug dev_size_mb=64")
    t.until("test -b /dev/sda")
    t.must("mkswap /dev/sda && swapon /dev/sda")
    t.must("systemctl stop sekimorid; rm -rf /sys/fs/bpf/sekimori; "
           f"echo wwid:other > {DISKS}; systemctl start sekimorid")
    t.until("sekimorictl devices")
    t.must("dd if=/dev/sda of=/dev/null count=1")
    t.must("swapoff /dev/sda && swapon /dev/sda")


def test_a_hot_plugged_virtio_disk_is_a_medium(t):
    learn(t)
    image, before = hot_plug(t, "virtio-blk-pci", "/dev/vdb", "EVIL1")
    denied(t, "/dev/vdb", image, before, "sata")


def test_a_hot_plugged_nvme_disk_is_a_medium(t):
    learn(t)
    image, before = hot_plug(t, "nvme", "/dev/nvme0n1", "EVIL2")
    denied(t, "/dev/nvme0n1", image, before, "nvme")
