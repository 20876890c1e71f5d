# SPDX-License-Identifier: Apache-2.0
"""The cached stages of a guest, each built once and reused by its hash:

image      Debian, built by image/build.sh
plain      the image booted and frozen: disk.qcow2 and state
installed  the image with our packages installed and powered off
T1, T2     that one booted, the agent enforcing, and frozen

The cache lies outside the source tree, in $SEKIMORI_CACHE.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import time

from vm import Vm, overlay

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get("SEKIMORI_CACHE", "/var/cache/sekimori-e2e")
KEPT_STAGES = 6
# Device drivers are loaded before the freeze, so that a plug costs no search.
WARM_UP = """
n=0
while s=$(systemctl is-system-running); [ $n -lt 300 ]; do
	case $s in starting|initializing) sleep 0.2; n=$((n + 1)) ;; *) break ;;
	esac
done
modprobe -a usb_storage uas sd_mod sr_mod sg usbhid hid_generic loop dm_mod \
	dm_crypt fuse vfat nls_ascii nls_cp437 dummy_hcd libcomposite \
	usb_f_mass_storage usb_f_hid
udevadm settle
systemctl start polkit udisks2
udisksctl status > /dev/null
sync
dmesg -n 1
"""
TIER_LINES = {
    "T1": "",
    # Every security module of a stock Debian but bpf.
    "T2": "lsm=lockdown,landlock,yama,apparmor,tomoyo",
}


def hash_files(paths):
    """One short name for the content of files."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            content = file.read()
        digest.update(b"%s %d\n" % (os.path.basename(path).encode(),
                                    len(content)))
        digest.update(content)
    return digest.hexdigest()[:16]


class Stage:
    """A folder of the cache that is either complete or absent."""

    def __init__(self, name, build):
        self.path = os.path.join(CACHE, name)
        self.build = build

    def ready(self):
        """Builds the stage if it is missing; returns its folder."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.isdir(self.path):
                part = self.path + ".part"
                shutil.rmtree(part, ignore_errors=True)
                os.makedirs(part)
                self.build(part)
                os.rename(part, self.path)
            os.utime(self.path)
        return self.path


def say(text):
    print("e2e: " + text, flush=True)


def image(agent):
    """The folder of the Debian image; `agent` is the built guest agent."""
    folder = HERE + "/image"
    sources = sorted(folder + "/" + name for name in os.listdir(folder))
    name = "image-" + hash_files(sources + [HERE + "/guest-agent.c"])

    def build(part):
        os.rmdir(part)
        say("building the guest image (once)")
        subprocess.run([folder + "/build.sh", part, agent], check=True)

    return Stage(name, build).ready()


def freeze(image_path, base, part, line="", after=None):
    """Boots a fresh disk over `base` and freezes it into a stage."""
    started = time.monotonic()
    overlay(base, part + "/disk.qcow2")
    machine = Vm(image_path, part + "/disk.qcow2", append=line)
    try:
        machine.wait()
        if after:
            after(machine)
        machine.must(WARM_UP, timeout=180)
        machine.save(part + "/state")
    finally:
        machine.close()
    say(f"booted and frozen in {time.monotonic() - started:.0f} s")


def plain(agent):
    """(image, stage) of the guest without any Sekimori package."""
    image_path = image(agent)
    name = os.path.basename(image_path).replace("image", "plain")
    name += "-" + hash_files([HERE + "/snapshot.py", HERE + "/vm.py"])

    def build(part):
        say("booting the plain guest")
        freeze(image_path, image_path + "/root.qcow2", part)

    return image_path, Stage(name, build).ready()


def prune():
    """Removes all but the newest stages; the images stay."""
    names = [n for n in os.listdir(CACHE) if n.startswith(("plain-", "agent-"))
             and os.path.isdir(os.path.join(CACHE, n))]
    paths = sorted((os.path.join(CACHE, n) for n in names),
                   key=os.path.getmtime)
    for path in paths[:-KEPT_STAGES]:
        shutil.rmtree(path, ignore_errors=True)


def restore(image_path, stage, disk, line=""):
    """A running guest from a frozen stage, on a fresh disk at `disk`."""
    overlay(stage + "/disk.qcow2", disk)
    machine = Vm(image_path, disk, append=line, restore=stage + "/state")
    machine.run()
    machine.wait()
    machine.must(f"date -s @{time.time():.3f}")
    return machine


def boot(image_path, base, disk, line="", before=None):
    """A guest really booted; `before` may plug devices in before power-on."""
    overlay(base, disk)
    machine = Vm(image_path, disk, append=line, paused=True)
    if before:
        before(machine)
    machine.run()
    machine.wait()
    return machine
