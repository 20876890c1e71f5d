# SPDX-License-Identifier: Apache-2.0
"""Images of sticks, made on the host without mounting anything."""

import hashlib
import os
import subprocess

MIB = 1 << 20
TEXT = "住民データ 12345\n"


def run(*command, **options):
    """Runs a host tool quietly; its output is part of the error."""
    subprocess.run(command, check=True, stdout=subprocess.PIPE,
                   stderr=subprocess.STDOUT, **options)


class Image:
    """A raw image file and what to compare it by."""

    def __init__(self, path):
        self.path = path

    def sha256(self):
        digest = hashlib.sha256()
        with open(self.path, "rb") as file:
            for block in iter(lambda: file.read(MIB), b""):
                digest.update(block)
        return digest.hexdigest()

    def written(self):
        """Another value after each write of the guest's that reached it."""
        status = os.stat(self.path)
        return status.st_mtime_ns, status.st_size, status.st_blocks

    def contains(self, text):
        """Whether the bytes of a text lie anywhere on the medium."""
        with open(self.path, "rb") as file:
            return text.encode() in file.read()


def blank(path, mib):
    with open(path, "wb") as file:
        file.truncate(mib * MIB)


def vfat(path, mib=16, label="STICK"):
    """A FAT stick with one file on it."""
    blank(path, mib)
    run("mkfs.vfat", "-n", label, path)
    return Image(path)


def ext4(path, mib=32, dirty=False):
    """An ext4 stick; `dirty`: its journal waits to be replayed, as after a
    stick was pulled in the middle of writing. A mount that lets the file
    system driver at it changes the medium."""
    blank(path, mib)
    tree = path + ".tree"
    os.makedirs(tree, exist_ok=True)
    with open(tree + "/residents.txt", "w", encoding="utf-8") as file:
        file.write(TEXT * 200)
    run("mke2fs", "-q", "-t", "ext4", "-b", "1024", "-L", "STICK",
        "-d", tree, path)
    if dirty:
        dirty_journal(path)
    return Image(path)


def dirty_journal(path):
    """Leaves one transaction in the journal: a block of zeros to be copied
    to a free block at the end of the file system."""
    block = os.path.getsize(path) // 1024 - 8
    script = f"jo\njw -b {block} /dev/zero\njc\n"
    run("debugfs", "-w", "-f", "-", path, input=script.encode())
    header = subprocess.run(["dumpe2fs", "-h", path], check=True,
                            capture_output=True, text=True).stdout
    if "needs_recovery" not in header:
        raise RuntimeError("debugfs left no journal to replay")


def partitioned(path, mib=16):
    """A stick with an MBR and one FAT partition at 1 MiB."""
    blank(path, mib)
    run("mkfs.vfat", "-n", "PART", "--offset=2048", path,
        str((mib - 1) * 1024))
    entry = bytes([0x80, 0, 2, 0, 0x0c, 0, 0, 0])
    entry += (2048).to_bytes(4, "little")
    entry += ((mib - 1) * 2048).to_bytes(4, "little")
    with open(path, "r+b") as file:
        file.seek(446)
        file.write(entry)
        file.seek(510)
        file.write(b"\x55\xaa")
    return Image(path)


SECTOR = 2048


def both(number, size):
    """A number as ISO 9660 has it: little-endian, then big-endian."""
    return number.to_bytes(size, "little") + number.to_bytes(size, "big")


def directory_record(sector, size, name, is_directory=False):
    """ECMA-119 9.1."""
    record = (b"\0" + both(sector, 4) + both(size, 4)
              + bytes([126, 1, 1, 0, 0, 0, 0, 2 if is_directory else 0, 0, 0])
              + both(1, 2) + bytes([len(name)]) + name)
    record += b"\0" * (len(record) % 2 == 0)
    return bytes([len(record) + 1]) + record


def volume_descriptor(sectors, root):
    """ECMA-119 8.4: the primary one, its path table at sectors 18 and 19."""
    text = b"\x01CD001\x01\0" + b" " * 32 + b"DISC".ljust(32)
    text += bytes(8) + both(sectors, 4) + bytes(32)
    text += both(1, 2) + both(1, 2) + both(SECTOR, 2) + both(10, 4)
    text += (18).to_bytes(4, "little") + bytes(4)
    text += (19).to_bytes(4, "big") + bytes(4) + root
    text = text.ljust(813, b" ")
    return (text + (b"0" * 16 + b"\0") * 4 + b"\x01\0").ljust(SECTOR, b"\0")


def iso9660(path, name=b"RESIDENT.TXT;1"):
    """A disc with one file."""
    data = (TEXT * 200).encode()
    sectors = 32 + len(data) // SECTOR
    root = directory_record(20, SECTOR, b"\0", True)
    entries = root + directory_record(20, SECTOR, b"\1", True)
    entries += directory_record(21, len(data), name)
    table = b"\x01\0" + (20).to_bytes(4, "little") + b"\x01\0\0\0"
    big = b"\x01\0" + (20).to_bytes(4, "big") + b"\0\x01\0\0"
    blank(path, 1)
    with open(path, "r+b") as file:
        file.truncate(sectors * SECTOR)
        for sector, content in (
                (16, volume_descriptor(sectors, root)),
                (17, b"\xffCD001\x01"), (18, table), (19, big),
                (20, entries), (21, data)):
            file.seek(sector * SECTOR)
            file.write(content)
    return Image(path)
