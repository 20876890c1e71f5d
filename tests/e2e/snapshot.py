# SPDX-License-Identifier: Apache-2.0
"""The cached stages of a guest, each built once and reused by its hash:

image      Debian, built by image/build.sh
plain      the image booted and frozen: disk.qcow2 and state
installed  the image with our packages installed and powered off
T1, T2     that one booted, the agent enforcing, and frozen

The cache lies outside the source tree, in $SEKIMORI_CACHE.
"""

import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import time

from vm import GuestError, Vm, overlay

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get("SEKIMORI_CACHE", "/var/cache/sekimori-e2e")
HARNESS = [HERE + "/snapshot.py", HERE + "/vm.py"]
KEPT_STAGES = 9
UNTOUCHED_SECONDS = 3600
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


class Guest:
    """A frozen guest: what to restore, and what to boot instead."""

    def __init__(self, tier, image_path, path, base, line=""):
        self.tier = tier
        self.image = image_path
        self.path = path
        self.base = base
        self.line = line


def plain(agent):
    """The guest without any Sekimori package."""
    image_path = image(agent)
    base = image_path + "/root.qcow2"
    name = os.path.basename(image_path).replace("image", "plain")
    name += "-" + hash_files(HARNESS)

    def build(part):
        say("booting the plain guest")
        freeze(image_path, base, part)

    return Guest("plain", image_path, Stage(name, build).ready(), base)


def agent_packages(folder):
    """The packages that the guest installs."""
    return sorted(glob.glob(folder + "/sekimori-agent_*.deb"))


def installed(image_path, packages):
    """The disk with our packages installed by apt, without a network."""
    settings = sorted(glob.glob(HERE + "/terminal/*"))
    key = hash_files(packages + settings + HARNESS)
    name = os.path.basename(image_path).replace("image", "agent")
    name += f"-{key}-installed"

    def build(part):
        say("installing " + ", ".join(map(os.path.basename, packages)))
        overlay(image_path + "/root.qcow2", part + "/disk.qcow2")
        machine = Vm(image_path, part + "/disk.qcow2")
        try:
            machine.wait()
            install(machine, packages)
            machine.power_off()
        finally:
            machine.close()

    return Stage(name, build).ready()


def install(machine, packages):
    """What an administrator does on a new terminal."""
    machine.must("mkdir -p /root/debs")
    for package in packages:
        machine.put(package, "/root/debs/" + os.path.basename(package), "644")
    machine.must("DEBIAN_FRONTEND=noninteractive apt-get install -y "
                 "--no-install-recommends /root/debs/*.deb", timeout=240)
    machine.must("rm -rf /root/debs /etc/sekimori/rules.d/*")
    machine.put(HERE + "/terminal/agent.conf", "/etc/sekimori/agent.conf",
                "644")
    machine.put(HERE + "/terminal/50-terminal.rules",
                "/etc/sekimori/rules.d/50-terminal.rules", "640")


def wait_for_agent(machine):
    """The agent must be up before the guest is frozen."""
    result = machine.sh("n=0; until busctl --quiet introspect "
                        "jp.sekimori.Agent1 /jp/sekimori/Agent1; do "
                        "sleep 0.5; n=$((n + 1)); [ $n -lt 60 ] || exit 1; "
                        "done", timeout=120)
    if not result.ok:
        journal = machine.sh("journalctl -b --no-pager -u sekimorid").text
        raise GuestError("sekimorid does not come up:\n" + journal[-3000:])


def enforcing(agent, packages, tier):
    """The guest with the agent enforcing in this tier."""
    image_path = image(agent)
    base = installed(image_path, packages)
    name = base.rsplit("-", 1)[0] + "-" + tier
    base += "/disk.qcow2"

    def build(part):
        say(f"booting the terminal, tier {tier}")
        freeze(image_path, base, part, TIER_LINES[tier], wait_for_agent)

    stage = Stage(os.path.basename(name), build).ready()
    return Guest(tier, image_path, stage, base, TIER_LINES[tier])


def prune():
    """Removes what is old: all but the newest stages, then images that no
    stage stands on. What was used within the hour stays."""
    paths = [os.path.join(CACHE, name) for name in os.listdir(CACHE)]
    stages = sorted((p for p in paths if os.path.isdir(p)
                     and not os.path.basename(p).startswith("image-")),
                    key=os.path.getmtime)
    for path in stages[:-KEPT_STAGES]:
        remove_old(path)
    used = {os.path.basename(p).split("-")[1] for p in stages[-KEPT_STAGES:]}
    for path in paths:
        kind, _, key = os.path.basename(path).partition("-")
        if kind == "image" and os.path.isdir(path) and key not in used:
            remove_old(path)


def remove_old(path):
    if time.time() - os.path.getmtime(path) > UNTOUCHED_SECONDS:
        shutil.rmtree(path, ignore_errors=True)


def restore(guest, disk):
    """A running guest from a frozen one, on a fresh disk at `disk`."""
    overlay(guest.path + "/disk.qcow2", disk)
    machine = Vm(guest.image, disk, guest.line, restore=guest.path + "/state")
    machine.run()
    machine.wait()
    machine.must(f"date -s @{time.time():.3f}")
    return machine


def boot(guest, disk, line="", before=None):
    """A guest really booted; `before` may plug devices in before power-on.
    A disk that is there already is used as it is."""
    if not os.path.exists(disk):
        overlay(guest.base, disk)
    machine = Vm(guest.image, disk, f"{guest.line} {line}", paused=True)
    if before:
        before(machine)
    machine.run()
    machine.wait()
    return machine
