# SPDX-License-Identifier: Apache-2.0
"""One QEMU guest: start or restore it, run commands in it, snapshot it.

Knows nothing of Sekimori. The machine is emulated (TCG), so that it runs
wherever the tests do; its hardware is the same for a snapshot and for what is
restored from it.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time

from qmp import Qmp, QmpError, connect

MEMORY = "1G"
# no_timer_check: on a busy host the emulated timer may look dead to a kernel
# that starts, and it would panic.
KERNEL_LINE = ("console=ttyS0 quiet panic=-1 mitigations=off nokaslr "
               "no_timer_check clocksource=hpet net.ifnames=0 rw root=/dev/vda "
               "systemd.show_status=0")
BOOT_SECONDS = 240
# A runner that is killed leaves no guest behind.
DIE_WITH_US = ["setpriv", "--pdeathsig", "KILL"]
# Room for a guest that answers late because both processors are busy.
REPLY_GRACE_SECONDS = 30


class GuestError(Exception):
    """The guest or QEMU did not do what the harness needs."""


class Result:
    """Status and output of a command in the guest."""

    def __init__(self, status, output):
        self.status = status
        self.output = output

    @property
    def ok(self):
        return self.status == 0

    @property
    def text(self):
        return self.output.decode("utf-8", "replace")


def overlay(base, path):
    """Creates a disk that holds only what differs from its base."""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base,
                    "-F", "qcow2", path], check=True)


class Vm:
    """A running guest on the disk `disk` with the kernel of `image`."""

    def __init__(self, image, disk, append="", restore=None, paused=False):
        self.folder = tempfile.mkdtemp(prefix="sekimori-vm-")
        self.serial = self.folder + "/serial.log"
        self.link = None
        self.process = self._start(self._arguments(image, disk, append,
                                                   restore, paused))
        try:
            self.qmp = Qmp(self.folder + "/qmp", self.alive)
        except QmpError as error:
            raise GuestError(f"{error}: {self.complaint()}") from error

    def _arguments(self, image, disk, append, restore, paused):
        folder = self.folder
        arguments = [
            *DIE_WITH_US, "qemu-system-x86_64",
            "-accel", "tcg,tb-size=256", "-cpu", "max",
            "-M", "q35,i8042=off", "-m", MEMORY, "-nodefaults",
            "-no-user-config", "-display", "none", "-no-reboot",
            "-rtc", "base=utc,clock=host",
            "-kernel", image + "/vmlinuz", "-initrd", image + "/initrd",
            "-append", f"{KERNEL_LINE} {append}",
            "-serial", f"file:{self.serial}",
            "-qmp", f"unix:{folder}/qmp,server=on,wait=off",
            "-device", "virtio-serial-pci,id=own-serial",
            "-chardev", f"socket,id=own-port,path={folder}/agent,"
                        "server=on,wait=off",
            "-device", "virtserialport,chardev=own-port,name=agent,"
                       "bus=own-serial.0,nr=1",
            "-drive", f"file={disk},if=none,id=own-disk,cache=unsafe",
            "-device", "virtio-blk-pci,drive=own-disk",
            "-netdev", "user,id=own-net", "-device",
            "virtio-net-pci,netdev=own-net,id=own-nic,romfile=",
            "-audiodev", "none,id=own-audio",
            "-device", "qemu-xhci,id=xhci,p2=8,p3=8",
            "-device", "pcie-root-port,id=slot1,chassis=1,slot=1",
            "-device", "usb-kbd,id=own-keyboard,bus=xhci.0,port=1",
            "-device", "usb-mouse,id=own-mouse,bus=xhci.0,port=2",
        ]
        if restore:
            arguments += ["-incoming", f"exec:cat {restore}"]
        if paused:
            arguments.append("-S")
        return arguments

    def _start(self, arguments):
        with open(self.folder + "/qemu.log", "wb") as log:
            return subprocess.Popen(arguments, stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=log)

    def alive(self):
        return self.process.poll() is None

    def complaint(self):
        """What QEMU itself had to say."""
        with open(self.folder + "/qemu.log", errors="replace") as log:
            return log.read().strip()

    def run(self):
        """Lets a paused or restored guest run, whole state loaded."""
        while self.qmp.command("query-status")["status"] == "inmigrate":
            time.sleep(0.02)
        self.qmp.command("cont")

    def wait(self, seconds=BOOT_SECONDS):
        """Waits until the guest answers."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.alive():
                raise GuestError("QEMU ended: " + self.complaint())
            try:
                if self.sh("echo up", timeout=30).text == "up\n":
                    return
            except GuestError:
                self._hang_up()
        raise GuestError(f"no answer within {seconds} s")

    def _hang_up(self):
        if self.link:
            self.link.close()
        self.link = None

    def sh(self, command, stdin=b"", timeout=60):
        """Runs a shell command in the guest; 124 means it took too long."""
        request = command.encode()
        header = b"%d %d %d\n" % (len(request), len(stdin), timeout * 1000)
        if not self.link:
            self.link = connect(self.folder + "/agent", self.alive)
        self.link.settimeout(timeout + REPLY_GRACE_SECONDS)
        try:
            self.link.sendall(header + request + stdin)
            return self._reply()
        except socket.timeout as error:
            raise GuestError(f"no answer to: {command}") from error
        except OSError as error:
            raise GuestError(f"{error}: {command}") from error

    def _reply(self):
        status, size = self._read_line().split()
        return Result(int(status), self._read(int(size)))

    def _read_line(self):
        line = b""
        while not line.endswith(b"\n"):
            line += self._read(1)
        return line

    def _read(self, size):
        parts = []
        while size > 0:
            part = self.link.recv(min(size, 1 << 20))
            if not part:
                raise OSError("the guest's port closed")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def must(self, command, stdin=b"", timeout=60):
        """Runs a command that has to succeed; returns its output as text."""
        result = self.sh(command, stdin, timeout)
        if not result.ok:
            raise GuestError(f"'{command}' ended with {result.status}: "
                             f"{result.text.strip()}")
        return result.text

    def put(self, source, destination, mode="755"):
        """Copies a file of the host into the guest."""
        with open(source, "rb") as file:
            self.must(f"cat > '{destination}' && "
                      f"chmod {mode} '{destination}'", file.read())

    def get(self, source, destination):
        """Copies a file of the guest to the host, if it is there."""
        result = self.sh(f"cat '{source}'")
        if result.ok:
            with open(destination, "wb") as file:
                file.write(result.output)

    def save(self, path):
        """Stops the guest and writes its state, memory and devices."""
        self.qmp.command("stop")
        self.qmp.command("migrate-set-parameters", max_bandwidth=1 << 40)
        self.qmp.command("migrate", uri=f"exec:cat > {path}")
        while True:
            status = self.qmp.command("query-migrate")["status"]
            if status == "completed":
                return
            if status in ("failed", "cancelled"):
                raise GuestError("the snapshot failed: " + self.complaint())
            time.sleep(0.05)

    def power_off(self, seconds=90):
        """Shuts the guest down as a person would."""
        self.sh("systemctl poweroff --no-block")
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise GuestError("the guest does not power off") from error

    def kill(self):
        """Ends QEMU as a power cut would and waits for it."""
        self._hang_up()
        if self.alive():
            self.process.kill()
        self.process.wait()

    def close(self):
        """Ends the guest and removes its working files."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self, folder):
        """Copies the serial log to a folder, for a failed case."""
        if os.path.exists(self.serial):
            shutil.copy(self.serial, folder + "/serial.log")
