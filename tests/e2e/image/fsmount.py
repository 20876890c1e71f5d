#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mounts by the new mount API only, which mount(8) of this Debian does not
use: fsopen, fsconfig, fsmount, move_mount.  fsmount DEVICE TYPE TARGET"""

import ctypes
import os
import sys

FSOPEN, FSCONFIG, FSMOUNT, MOVE_MOUNT = 430, 431, 432, 429
SET_FLAG, SET_STRING, CREATE = 0, 1, 6
AT_FDCWD, MOVE_EMPTY_PATH = -100, 4

libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        sys.exit(f"{name}: {os.strerror(ctypes.get_errno())}")
    return result


device, kind, target = (word.encode() for word in sys.argv[1:4])
context = call("fsopen", FSOPEN, kind, 0)
call("fsconfig", FSCONFIG, context, SET_STRING, b"source", device, 0)
call("fsconfig", FSCONFIG, context, SET_FLAG, b"ro", None, 0)
call("fsconfig", FSCONFIG, context, CREATE, None, None, 0)
mount = call("fsmount", FSMOUNT, context, 0, 0)
call("move_mount", MOVE_MOUNT, mount, b"", AT_FDCWD, target, MOVE_EMPTY_PATH)
