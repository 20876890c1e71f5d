# SPDX-License-Identifier: Apache-2.0
"""The kernel guard by itself, driven by tools/guardctl instead of the daemon:
what it refuses, what it lets through, and what outlives the process. Each
sentence holds for the LSM programs and for the fmod_ret ones."""

import attacks

AGENT = False


def load(t, options="", tier="T1"):
    """Brings the guard up; the process that did it ends."""
    t.put(t.build + "/tests/e2e/tools/guardctl", "/usr/local/bin/guardctl")
    said = t.must(f"guardctl {options} tier")
    t.check(said.startswith(tier + " loaded"), f"the tier: {said}")


def plug(t, fs="ext4", **options):
    stick = t.stick(fs=fs, **options)
    t.plug("storage", "stick", stick, serial="S0001")
    t.until("test -b /dev/sda")
    t.until("ls /dev/sg0 /dev/bsg/*")
    return stick


def refuses_all(t, options, tier):
    load(t, options, tier)
    stick = plug(t, dirty=True)
    before = stick.sha256()
    for _, command, text in attacks.READS:
        t.fails(command, text)
    t.check(attacks.NTFS_SAW_THE_MEDIUM not in t.fails(attacks.NTFS),
            "ntfs-3g could read the medium")
    for _, command, text in attacks.WRITES:
        t.fails(command, text)
    t.must("sync")
    t.equal(stick.sha256(), before, "the medium")


def test_lsm_refuses_every_way_out(t):
    refuses_all(t, "", "T1")


def test_fmod_refuses_every_way_out(t):
    refuses_all(t, "--no-lsm", "T2")


def test_the_programs_of_5_15_refuse_every_way_out(t):
    refuses_all(t, "--no-task --no-lsm", "T2")


def test_the_programs_of_5_15_exempt_a_process_not_a_cgroup(t):
    load(t, "--no-task")
    plug(t)
    t.must("guardctl --no-task open /dev/sda")
    t.fails("guardctl --no-task wait > /dev/null & sleep 1; "
            "dd if=/dev/sda of=/dev/null count=1", "not permitted")
    said = t.must("guardctl --no-task events")
    t.check("comm=dd" in said, f"the process is not named: {said}")


def test_cgroup_alone_refuses_every_way_to_the_disk(t):
    load(t, "--no-trampoline", "T3")
    stick = t.stick(fs="ext4", dirty=True)
    before = stick.sha256()
    t.plug("storage", "stick", stick)
    t.until("test -b /dev/sda")
    for name, command, text in attacks.READS:
        if name not in ("SCSI generic", "block SG"):
            t.fails(command, text)
    t.equal(stick.sha256(), before, "the medium")


def test_a_boot_without_bpf_in_the_list_is_tier_2(t):
    t.fresh_boot(line="lsm=lockdown,capability,yama")
    load(t, "", "T2")
    plug(t)
    t.fails("mount /dev/sda /mnt", "permission denied")
    t.fails("dd if=/dev/sda of=/dev/null count=1", "not permitted")
    t.fails("echo 0 | tee /proc/sys/kernel/ftrace_enabled", "not permitted")


def test_the_daemon_itself_can_open(t):
    load(t)
    plug(t)
    t.must("guardctl open /dev/sda open /dev/sg0")


def test_partitions_are_not_read_until_allowed(t):
    load(t)
    t.plug("storage", "stick", t.stick(fs="partitioned"))
    t.until("test -b /dev/sda")
    t.must("udevadm settle")
    t.fails("test -e /sys/block/sda/sda1")
    t.must("guardctl allow sda ro")
    t.until("test -b /dev/sda1")
    t.must("mount /dev/sda1 /mnt")
    t.fails("touch /mnt/x", "read-only")
    t.must("umount /mnt")
    t.must("guardctl deny sda")
    t.until("! test -e /sys/block/sda/sda1")
    t.fails("dd if=/dev/sda of=/dev/null count=1", "not permitted")


def read_only(t, options, tier, refusal="permission denied"):
    load(t, options, tier)
    stick = plug(t, fs="vfat")
    before = stick.sha256()
    t.must(f"guardctl {options} allow sda ro")
    t.must("udevadm settle")
    place = t.must("as-alice 'udisksctl mount -b /dev/sda "
                   "--no-user-interaction' && "
                   "findmnt -n -o TARGET --source /dev/sda").split("\n")[-1]
    t.fails(f"touch {place}/x", "read-only")
    t.fails(f"mount -o remount,rw {place}")
    t.fails("blockdev --setrw /dev/sda", "not permitted")
    t.must("blockdev --getsize64 --getss --getro /dev/sda")
    write = "head -c 512 /dev/zero | sg_raw {} -s 512 {} 2a 00 0 0 0 9 0 0 1 0"
    t.fails(write.format("", "/dev/sda"), refusal)
    t.fails(write.format("-R", "/dev/sda"), "not permitted")
    t.fails(write.format("", "/dev/sg0"), "not permitted")
    t.fails("dd if=/dev/zero of=/dev/sda count=1", refusal)
    t.must(f"umount {place}; sync")
    t.fails("echo '0 1024 linear 8:0 2048' | dmsetup create leak")
    t.must("echo '0 1024 linear 8:0 2048' | dmsetup create -r leak")
    t.fails("dd if=/dev/zero of=/dev/mapper/leak count=1")
    t.must("dd if=/dev/mapper/leak of=/dev/null count=1 && "
           "dmsetup remove --retry leak")
    t.fails("mkswap -f /dev/sda && swapon /dev/sda")
    t.must("sync")
    t.equal(stick.sha256(), before, "the medium")


def test_lsm_keeps_read_only_against_root(t):
    read_only(t, "", "T1")


def test_fmod_keeps_read_only_against_root(t):
    read_only(t, "--no-lsm", "T2")


def test_the_programs_of_5_15_keep_read_only_against_root(t):
    read_only(t, "--no-task", "T1", refusal="not permitted")


def test_a_plain_mount_of_a_read_only_stick_is_told_as_a_first_try(t):
    load(t)
    plug(t, fs="vfat")
    t.must("guardctl allow sda ro && udevadm settle && guardctl events")
    t.must("mount /dev/sda /mnt && umount /mnt")
    said = t.must("guardctl events").splitlines()
    t.check(said and all("mode=0x7 verdict=-13" in line for line in said),
            f"told otherwise: {said}")


def test_read_write_reaches_the_medium(t):
    load(t)
    stick = plug(t, fs="vfat")
    t.must("guardctl allow sda rw")
    t.must("mount /dev/sda /mnt && echo hikitsugi-2026 > /mnt/note.txt && "
           "umount /mnt")
    t.check(stick.contains("hikitsugi-2026"), "the note is not on the stick")


def test_pins_enforce_after_kill_and_are_taken_over(t):
    load(t)
    t.must("guardctl tier wait > /root/out 2>&1 & echo $! > /root/pid")
    t.until("grep -q reused /root/out")
    t.must("kill -9 $(cat /root/pid)")
    plug(t)
    t.fails("mount /dev/sda /mnt", "permission denied")
    said = t.must("guardctl tier events")
    t.check(said.startswith("T1 reused"), f"not taken over: {said}")
    t.check("comm=mount" in said, "the ring did not keep the refusal")


def test_a_lost_link_is_replaced(t):
    load(t)
    t.must("rm /sys/fs/bpf/sekimori/*/guard_file_open")
    said = t.must("guardctl tier")
    t.check(said.startswith("T1 loaded"), f"not replaced: {said}")
    plug(t)
    t.fails("dd if=/dev/sda of=/dev/null count=1", "not permitted")


def test_an_upgrade_inherits_and_leaves_no_gap(t):
    load(t)
    plug(t)
    t.plug("storage", "second", t.stick("second"))
    t.until("test -b /dev/sdb")
    t.must("guardctl allow sda rw")
    root = t.must("guardctl devices | grep ' system'")
    # A set of another build: only the name tells.
    t.must("cd /sys/fs/bpf/sekimori && mv *-lsm 0123456789abcdef-lsm")
    t.must("(while :; do dd if=/dev/sdb of=/dev/null count=1 && "
           "echo gap > /root/gap; done) > /dev/null 2>&1 & echo $! > /root/p")
    said = t.must("guardctl tier")
    t.must("kill $(cat /root/p)")
    t.check(said.startswith("T1 loaded"), f"not loaded anew: {said}")
    t.fails("test -e /root/gap")
    t.equal(t.must("ls /sys/fs/bpf/sekimori | wc -l"), "1", "sets pinned")
    t.must("dd if=/dev/sda of=/dev/null count=1")
    t.fails("dd if=/dev/sdb of=/dev/null count=1", "not permitted")
    t.equal(t.must("guardctl devices | grep ' system'"), root, "system disk")


def test_a_new_stick_does_not_inherit(t):
    load(t)
    good, bad = t.stick("good"), t.stick("bad")
    t.plug("storage", "good", good)
    t.until("test -b /dev/sda")
    t.must("guardctl allow sda rw && mount /dev/sda /mnt && umount /mnt")
    t.unplug("good")
    t.until("! test -e /sys/block/sda && udevadm settle")
    t.plug("storage", "bad", bad)
    # The same number again, unless somebody still holds the old disk.
    disk = t.until("ls /sys/block | grep '^sd'")
    t.until(f"test -b /dev/{disk}")
    t.fails(f"mount /dev/{disk} /mnt", "permission denied")


def test_the_system_disk_stays_open(t):
    load(t, "--fixed")
    root = t.must("findmnt -n -o SOURCE /")
    t.must(f"dd if={root} of=/dev/null count=1")
    t.must("truncate -s 8M /root/x && mkfs.vfat /root/x && "
           "mount -o loop /root/x /mnt && umount /mnt")


def test_another_disk_needs_an_entry_where_policy_says_so(t):
    load(t, "--fixed")
    t.must("modprobe scsi_debug dev_size_mb=8")
    disk = t.until("lsblk -n -o NAME,MODEL | grep -o '^sd[a-z]*.*scsi_debug'"
                   " | cut -d' ' -f1 | grep .")
    t.fails(f"dd if=/dev/{disk} of=/dev/null count=1", "not permitted")
    t.must(f"guardctl --fixed allow {disk} rw")
    t.must(f"dd if=/dev/{disk} of=/dev/null count=1")


def test_raw_scsi_is_closed_even_to_a_fixed_disk(t):
    load(t)
    t.must("modprobe -a sg scsi_debug")
    node = t.until("ls /dev/sg* | tail -n 1 | grep .")
    t.fails(f"sg_raw -r 512 {node} 28 00 00 00 00 00 00 00 01 00",
            "not permitted")
    t.until("test -b /dev/sda && dd if=/dev/sda of=/dev/null count=1")


def test_a_read_only_disc_reads_and_does_not_burn(t):
    load(t)
    t.plug("optical", "disc", t.stick("disc"))
    t.until("test -b /dev/sr0")
    t.fails("dd if=/dev/sr0 of=/dev/null count=1", "not permitted")
    t.must("guardctl allow sr0 ro")
    t.must("dd if=/dev/sr0 of=/dev/null count=4")
    t.fails("sg_raw -R -r 512 /dev/sr0 28 00 00 00 00 00 00 00 01 00",
            "not permitted")
    t.fails("sg_raw -R /dev/sr0 35 00 00 00 00 00 00 00 00 00",
            "not permitted")
    t.must("eject /dev/sr0")


def test_usbfs_is_closed_until_opened(t):
    load(t)
    t.plug("smartcard", "reader")
    device = t.until("grep -lx 08e6 /sys/bus/usb/devices/*/idVendor | head -n1"
                     " | cut -d/ -f6 | grep .")
    node = t.must(f". /sys/bus/usb/devices/{device}/uevent && "
                  "echo /dev/$DEVNAME")
    t.fails(f"head -c 18 {node}", "not permitted")
    t.must("lsusb")
    t.must(f"guardctl node {device} open && head -c 18 {node} | wc -c")
    t.must(f"guardctl node {device} close")
    t.fails(f"head -c 18 {node}", "not permitted")


def test_ftrace_cannot_be_switched_off(t):
    load(t)
    t.fails("echo 0 | tee /proc/sys/kernel/ftrace_enabled", "not permitted")
    t.must("sysctl -w vm.swappiness=50")
    t.equal(t.must("cat /proc/sys/kernel/ftrace_enabled"), "1", "ftrace")


def test_a_refusal_names_the_process(t):
    load(t)
    plug(t)
    t.must("guardctl events")
    t.fails("dd if=/dev/sda of=/dev/null count=1")
    said = t.must("guardctl events")
    t.check("comm=dd" in said and "verdict=-1" in said, said)


def test_monitor_mode_tells_but_lets_through(t):
    load(t, "--monitor", "T1")
    plug(t)
    t.must("dd if=/dev/sda of=/dev/null count=1")
    said = t.must("guardctl --monitor events")
    t.check("comm=dd" in said and "enforced=0" in said, said)


def test_unload_gives_everything_back(t):
    load(t)
    plug(t)
    t.must("guardctl unload")
    t.must("dd if=/dev/sda of=/dev/null count=1")
    t.equal(t.must("ls /sys/fs/bpf/sekimori | wc -l"), "0", "pins left")


def known(t, command):
    """What the guard knows of the stick, but for how it learned it."""
    lines = t.must(f"guardctl {command} devices").splitlines()
    return sorted(line.replace(" seeded", "") for line in lines
                  if "bus=usb" in line)


def test_seeding_sees_what_the_kernel_half_sees(t):
    load(t)
    t.plug("bulk-only", "stick", t.stick(fs="partitioned"))
    t.until("test -b /dev/sda")
    t.plug("optical", "disc", t.stick("disc"))
    t.until("test -b /dev/sr0 && ls /dev/sg1")
    t.must("guardctl allow sda ro")
    t.until("test -b /dev/sda1")
    by_kernel = known(t, "")
    t.check(any("sda1 bus=usb kind=partition" in line for line in by_kernel)
            and any("sr0 bus=usb kind=optical" in line for line in by_kernel),
            f"not all devices: {by_kernel}")
    t.must("guardctl unload")
    by_seed = [line.replace("entry=ro", "entry=-") for line in known(t, "")]
    t.equal(by_seed, [line.replace("entry=ro", "entry=-")
                      for line in by_kernel], "devices")


def test_the_switches_of_sysfs_are_the_daemons(t):
    load(t)
    t.must("guardctl usb-default 0")
    t.plug("keyboard", "keys", serial="K0021")
    device = t.usb("serial", "K0021")
    t.must("guardctl events")
    usb = "/sys/bus/usb"
    for switch in (f"{usb}/devices/{device}/authorized",
                   f"{usb}/devices/{device}/bConfigurationValue",
                   f"{usb}/devices/usb1/authorized_default",
                   f"{usb}/devices/usb1/interface_authorized_default",
                   "/sys/module/usbcore/parameters/authorized_default",
                   f"{usb}/drivers_probe", f"{usb}/drivers/usb/unbind",
                   f"{usb}/drivers/usb-storage/new_id",
                   "/sys/class/scsi_host/host0/scan"):
        t.must(f"test -e {switch}")
        t.fails(f"echo 1 | tee {switch}", "not permitted")
    t.equal(t.must(f"cat {usb}/devices/{device}/authorized"), "0",
            "authorized")
    said = t.must("guardctl events")
    t.check("event sysfs" in said and "name=drivers_probe" in said
            and "comm=tee" in said, f"not told: {said}")
    # Others of sysfs, and reading these, are nobody's business.
    t.must("echo add > /sys/class/mem/null/uevent && "
           f"cat {usb}/devices/usb1/authorized_default")
    t.must(f"guardctl usb {device} 1")
    t.equal(t.must(f"cat {usb}/devices/{device}/authorized"), "1",
            "authorized by the daemon")


def swap_card(t, seconds):
    """Another card in the reader: no USB event tells of it."""
    t.must("cd /root && truncate -s 16M a.img b.img && "
           "mkfs.vfat -n A a.img && mkfs.vfat -n B b.img")
    t.gadget("reader", ["storage:/root/a.img"], serial="R1")
    t.until("test -b /dev/sda")
    t.must("guardctl allow sda rw && udevadm settle")
    t.must("dd if=/dev/sda of=/dev/null count=1 && guardctl events")
    lun = t.must("echo /sys/kernel/config/usb_gadget/reader/functions/*/"
                 "lun.0/file")
    t.until(f"echo > {lun}")
    t.must(f"sleep {seconds}; echo /root/b.img > {lun}")


def test_another_card_in_the_reader_is_refused(t):
    load(t)
    swap_card(t, 4)
    t.fails("dd if=/dev/sda of=/dev/null count=1", "not permitted")
    t.fails("mount /dev/sda /mnt", "permission denied")
    t.until("guardctl events | grep media_change")


def test_a_card_swapped_in_a_moment_is_refused_after_one_open(t):
    load(t)
    swap_card(t, 0)
    # The drive notices only in the course of the first open.
    t.sh("dd if=/dev/sda of=/dev/null count=1")
    t.fails("dd if=/dev/sda of=/dev/null count=1", "not permitted")
    t.fails("mount /dev/sda /mnt", "permission denied")


def test_a_full_ring_counts_what_it_loses(t):
    load(t)
    plug(t)
    t.must("udevadm settle && guardctl events")
    before = t.must("guardctl counters")
    t.must("""python3 -c '
import os
for _ in range(9000):
    try:
        os.open("/dev/sda", os.O_RDONLY)
    except PermissionError:
        pass
'""")
    told = int(t.must("guardctl events | grep -c verdict=-1"))
    after = t.must("guardctl counters")

    def number(text, name):
        return int(text.split(name + "=")[1].split()[0])
    dropped = number(after, "dropped") - number(before, "dropped")
    denied = number(after, "denied") - number(before, "denied")
    t.check(dropped > 0, "the ring did not fill")
    t.equal(told + dropped, denied, "told and counted as lost")


def test_plugging_again_and_again_leaves_nothing_behind(t):
    load(t)
    t.must("cd /root && truncate -s 8M s.img && mkfs.vfat s.img")
    before = t.must("guardctl devices | sort")
    t.gadget("stick", ["storage:/root/s.img"], serial="S1")
    for _ in range(8):
        disk = t.until("ls /sys/block | grep '^sd'")
        t.until(f"guardctl allow {disk} rw")
        t.must("gadget unplug stick")
        t.until("! ls /sys/block | grep '^sd'")
        t.must("gadget replug stick")
    t.until("ls /sys/block | grep '^sd'")
    t.must("gadget unplug stick")
    t.until("! ls /sys/block | grep '^sd'")
    t.equal(t.must("guardctl devices | sort"), before, "the guard's devices")
    entries = "bpftool map dump pinned $(ls -d /sys/fs/bpf/sekimori/*/policy)"
    t.equal(t.must(f"{entries} | grep -c key; true"), "0", "entries left")
