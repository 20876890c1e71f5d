#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long from the kernel's "add" of a granted stick's USB device until its
disk opens for others (the verdict is in force), and from there until it is
mounted.
    mount-latency COUNT      prints both in milliseconds, a line a plug"""

import os
import socket
import subprocess
import sys
import time

NETLINK_KOBJECT_UEVENT = 15
KERNEL_GROUP = 1
LIMIT_SECONDS = 20
POLL_SECONDS = 0.001


def wait_for_add(uevents):
    """Returns when the kernel announces a new USB device."""
    while True:
        fields = uevents.recv(65536).split(b"\0")
        if (fields[0].startswith(b"add@")
                and b"DEVTYPE=usb_device" in fields):
            return time.monotonic()


def wait_for_disk(uevents):
    """The kernel's name of the disk that came with it."""
    while True:
        fields = uevents.recv(65536).split(b"\0")
        if fields[0].startswith(b"add@") and b"DEVTYPE=disk" in fields:
            return "/dev/" + fields[0].decode().split("/")[-1]


def until(attempt):
    end = time.monotonic() + LIMIT_SECONDS
    while not attempt():
        if time.monotonic() > end:
            sys.exit("mount-latency: waited too long")
        time.sleep(POLL_SECONDS)
    return time.monotonic()


def opens(path):
    try:
        os.close(os.open(path, os.O_RDONLY))
        return True
    except OSError:
        return False


def mounts(path):
    return subprocess.run(["mount", "-o", "ro", path, "/mnt"],
                          stderr=subprocess.DEVNULL).returncode == 0


def gadget(verb):
    subprocess.run(["gadget", verb, "granted"], check=True)


subprocess.run("truncate -s 4M /root/m.img; mkfs.vfat /root/m.img; gadget plug "
               "granted 0x1209 0x0004 M 0 storage:/root/m.img; sleep 2; gadget "
               "unplug granted", shell=True, check=True,
               stdout=subprocess.DEVNULL)
time.sleep(2)
for _ in range(int(sys.argv[1])):
    uevents = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                            NETLINK_KOBJECT_UEVENT)
    uevents.bind((0, KERNEL_GROUP))
    uevents.settimeout(LIMIT_SECONDS)
    gadget("replug")
    added = wait_for_add(uevents)
    disk = wait_for_disk(uevents)
    opened = until(lambda: opens(disk))
    mounted = until(lambda: mounts(disk))
    print(f"{(opened - added) * 1000:.1f} {(mounted - opened) * 1000:.1f}",
          flush=True)
    subprocess.run(["umount", "/mnt"], check=True)
    gadget("unplug")
    uevents.close()
    time.sleep(1)
