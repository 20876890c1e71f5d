#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A card for the virtual reader of vsmartcard (vpcd, TCP port 35963): it has
an ATR and answers every command with "not supported", for it only has to be
there. SIGUSR1 pulls it out of the reader, SIGUSR2 puts it back. The reader
itself stays. vpcd: two bytes of length, then a control byte (0 off, 1 on,
2 reset, 4 ATR) or a command."""

import select
import signal
import socket
import time

ATR = bytes.fromhex("3b80800101")
wanted = True
signal.signal(signal.SIGUSR1, lambda *_: want(False))
signal.signal(signal.SIGUSR2, lambda *_: want(True))


def want(is_in):
    global wanted
    wanted = is_in


def take(reader, size):
    data = b""
    while len(data) < size:
        more = reader.recv(size - len(data))
        if not more:
            raise OSError("the reader is gone")
        data += more
    return data


def serve(reader):
    while wanted:
        if not select.select([reader], [], [], 0.1)[0]:
            continue
        size = int.from_bytes(take(reader, 2), "big")
        command = take(reader, size)
        answer = b"\x6d\x00" if size > 1 else \
            ATR if command == b"\x04" else b""
        if answer:
            reader.sendall(len(answer).to_bytes(2, "big") + answer)


while True:
    time.sleep(0.1)
    if not wanted:
        continue
    try:
        with socket.create_connection(("127.0.0.1", 35963)) as reader:
            serve(reader)
    except OSError:
        continue
