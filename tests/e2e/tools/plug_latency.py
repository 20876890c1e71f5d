#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long from the kernel's "add" of a USB device to the durable record of
its refusal: plugs a gadget in, waits for the spool's tail to move.
    plug-latency COUNT      prints milliseconds, one a line"""

import os
import socket
import subprocess
import sys
import time

TAIL = "/run/sekimori/spool.tail"
NETLINK_KOBJECT_UEVENT = 15
KERNEL_GROUP = 1
LIMIT_SECONDS = 20


def tail():
    with open(TAIL, encoding="ascii") as file:
        return int(file.read().split()[1])


def wait_for_add(uevents):
    """Returns when the kernel announces a new USB device."""
    while True:
        fields = uevents.recv(65536).split(b"\0")
        if (fields[0].startswith(b"add@")
                and b"DEVTYPE=usb_device" in fields):
            return time.monotonic()


def wait_for_record(before):
    end = time.monotonic() + LIMIT_SECONDS
    while tail() == before:
        if time.monotonic() > end:
            sys.exit("plug-latency: no record came")
    return time.monotonic()


def gadget(verb):
    subprocess.run(["gadget", verb, "latency"], check=True)


subprocess.run("truncate -s 1M /root/l.img; gadget plug latency 0x1209 0x0003 "
               "L 0 storage:/root/l.img; gadget unplug latency", shell=True,
               check=True)
uevents = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                        NETLINK_KOBJECT_UEVENT)
uevents.bind((os.getpid(), KERNEL_GROUP))
uevents.settimeout(LIMIT_SECONDS)
for _ in range(int(sys.argv[1])):
    time.sleep(1)
    before = tail()
    gadget("replug")
    added = wait_for_add(uevents)
    print(f"{(wait_for_record(before) - added) * 1000:.1f}", flush=True)
    gadget("unplug")
