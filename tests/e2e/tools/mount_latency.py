#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long from the kernel's "add" of a granted stick's USB device until it
announces the disk (the kernel's own time), from the first until the daemon
announces it once more (the verdict is in force, it opens for others), and from
there until it is mounted. By mount(2): mount(8) is a process of the guest's
that starts beside udev's. Nothing polls: refusals would cost the daemon time.
    mount-latency COUNT      prints three times in milliseconds, a line a plug
"""

import ctypes
import os
import socket
import subprocess
import sys
import time

NETLINK_KOBJECT_UEVENT = 15
KERNEL_GROUP = 1
LIMIT_SECONDS = 20
MS_RDONLY = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def wait_for_add(uevents):
    """Returns when the kernel announces a new USB device."""
    while True:
        fields = uevents.recv(65536).split(b"\0")
        if (fields[0].startswith(b"add@")
                and b"DEVTYPE=usb_device" in fields):
            return time.monotonic()


def wait_for_disk(uevents):
    """When the disk that came with it is announced, and its node."""
    while True:
        fields = uevents.recv(65536).split(b"\0")
        if fields[0].startswith(b"add@") and b"DEVTYPE=disk" in fields:
            return (time.monotonic(),
                    "/dev/" + fields[0].decode().split("/")[-1])


def mount(path):
    if LIBC.mount(path.encode(), b"/mnt", b"vfat", MS_RDONLY, None) < 0:
        sys.exit("mount-latency: " + os.strerror(ctypes.get_errno()))
    return time.monotonic()


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
    announced, disk = wait_for_disk(uevents)
    opened, _ = wait_for_disk(uevents)
    os.close(os.open(disk, os.O_RDONLY))
    mounted = mount(disk)
    print(" ".join(f"{seconds * 1000:.1f}" for seconds in (
        announced - added, opened - added, mounted - opened)), flush=True)
    subprocess.run(["umount", "/mnt"], check=True)
    gadget("unplug")
    uevents.close()
    time.sleep(1)
