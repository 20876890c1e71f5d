# SPDX-License-Identifier: Apache-2.0
"""What a case can say: `t` in `def test_sentence(t)`.

Every case has its own guest, restored from the frozen stage of its tier, and
its own working folder, which is kept when the case fails.
"""

import json
import os
import time

import media
import snapshot
from collector import Collector
from devices import Devices
from vm import GuestError

POLL_SECONDS = 0.2


class Failed(Exception):
    """The product did not do what the case says."""


class Skipped(Exception):
    """The case cannot run here."""


class Case:
    """One guest and the words to drive it."""

    def __init__(self, guest, folder, build="build"):
        self.guest = guest
        self.tier = guest.tier
        self.folder = folder
        self.build = build
        self.disk = folder + "/disk.qcow2"
        self.machine = None
        self.devices = None
        self.transcript = open(folder + "/transcript.txt", "w",
                               encoding="utf-8")
        self._collector = None
        self._mark = 0

    # ---- the guest -------------------------------------------------------

    def restore(self):
        """Brings the frozen guest of this tier to life on a fresh disk."""
        self._adopt(snapshot.restore(self.guest, self.disk))

    def fresh_boot(self, plugs=(), line=""):
        """Instead: a real start of the installed guest. Each plug is the
        arguments of plug(); they are in when the power comes on."""
        self.power_cut()
        os.unlink(self.disk)
        self.boot(plugs, line)

    def boot(self, plugs=(), line=""):
        """The same after a power cut: what was on the disk is there."""

        def before(machine):
            devices = Devices(machine)
            for plug in plugs:
                devices.plug(*plug)

        self._adopt(snapshot.boot(self.guest, self.disk, line, before))

    def power_cut(self):
        """Ends the guest at once; what was not on its disk is gone."""
        if self.machine:
            self.machine.keep(self.folder)
            self.machine.close()
        self.machine = self.devices = None

    def _adopt(self, machine):
        self.machine = machine
        self.devices = Devices(machine)

    def close(self):
        """Ends what belongs to the case."""
        self.power_cut()
        if self._collector:
            self._collector.close()
        self.transcript.close()

    # ---- commands --------------------------------------------------------

    def sh(self, command, timeout=60, stdin=b""):
        """Runs a command as root in the guest: .ok, .status, .text."""
        started = time.monotonic()
        result = self.machine.sh(command, stdin, timeout)
        seconds = time.monotonic() - started
        self.transcript.write(f"# {command}\n{result.text.rstrip()}\n"
                              f"[{result.status}] {seconds:.2f} s\n")
        self.transcript.flush()
        return result

    def must(self, command, timeout=60, stdin=b""):
        """The command has to succeed; returns its output."""
        result = self.sh(command, timeout, stdin)
        if not result.ok:
            raise Failed(f"'{command}' ended with {result.status}: "
                         f"{last_line(result.text)}")
        return result.text.strip()

    def fails(self, command, *texts, timeout=60):
        """The command has to fail, with one of the texts, if any are given,
        in what it says."""
        result = self.sh(command, timeout)
        if result.ok:
            raise Failed(f"'{command}' succeeded")
        said = result.text.lower()
        if texts and not any(text.lower() in said for text in texts):
            raise Failed(f"'{command}' failed otherwise than with {texts}: "
                         f"{last_line(result.text)}")
        return result.text

    def until(self, command, seconds=20):
        """Waits until the command succeeds; returns its output."""
        return self.wait_for(lambda: self._try(command), seconds,
                             f"'{command}' to succeed")

    def _try(self, command):
        result = self.sh(command)
        return (result.text.strip() or True) if result.ok else None

    def wait_for(self, probe, seconds, what):
        """Waits until probe() returns something; returns that."""
        end = time.monotonic() + seconds
        while True:
            value = probe()
            if value:
                return value
            if time.monotonic() > end:
                raise Failed(f"waited {seconds} s for {what}")
            time.sleep(POLL_SECONDS)

    def check(self, condition, text):
        if not condition:
            raise Failed(text)

    def equal(self, found, wanted, what):
        if found != wanted:
            raise Failed(f"{what}: wanted {wanted!r}, found {found!r}")

    def skip(self, reason):
        raise Skipped(reason)

    def put(self, path, destination, mode="755"):
        """Copies a file of the host into the guest."""
        self.machine.put(path, destination, mode)

    # ---- devices ---------------------------------------------------------

    def stick(self, name="stick", fs="vfat", **options):
        """An image for a stick: fs is a function of media.py."""
        return getattr(media, fs)(f"{self.folder}/{name}.img", **options)

    def plug(self, kind, name, image=None, port=None, serial=None):
        """Plugs a device in (kinds: devices.py)."""
        path = image.path if isinstance(image, media.Image) else image
        self.devices.plug(kind, name, path, port, serial)

    def unplug(self, name):
        self.devices.unplug(name)

    def gadget(self, name, functions, vid="0x1209", pid="0x0001",
               serial=None, udc=0, product="Widget", manufacturer="ACME"):
        """Plugs in a device of any identity; see image/gadget.sh."""
        self.must(f"MANUFACTURER='{manufacturer}' PRODUCT='{product}' "
                  f"gadget plug {name} {vid} {pid} {serial or '-'} {udc} "
                  + " ".join(functions))

    def usb(self, attribute, value, seconds=20):
        """Waits for the USB device with this sysfs attribute; returns its
        sysfs name, such as 1-3."""
        path = self.until(f"grep -lxs '{value}' "
                          f"/sys/bus/usb/devices/*/{attribute} | head -n 1 "
                          "| grep .", seconds)
        return path.split("/")[-2]

    @property
    def collector(self):
        """The collector of this case, made at its first mention."""
        if not self._collector:
            self._collector = Collector(self.build + "/sekimori-collector",
                                        self)
        return self._collector

    def link(self, up):
        """The network cable of the terminal, in or out."""
        self.machine.qmp.command("set_link", name="own-nic", up=up)

    # ---- Sekimori --------------------------------------------------------

    def policy(self, text):
        """Puts this policy in force in place of what was there."""
        self.must("rm -f /etc/sekimori/rules.d/*.rules && "
                  "cat > /etc/sekimori/rules.d/50-case.rules",
                  stdin=text.encode())
        self.must("busctl call jp.sekimori.Agent1 /jp/sekimori/Agent1 "
                  "jp.sekimori.Agent1 Reload")

    def status(self):
        """What `sekimorictl status --json` says."""
        return json.loads(self.must("sekimorictl status --json"))

    def mark(self):
        """From here on events() tells only of what is new."""
        newest = self.must("cut -d' ' -f2 /run/sekimori/spool.tail")
        self._mark = int(newest)

    def blocked(self, device, wait=30):
        """Waits for the event that this USB device was blocked."""
        return self.events("usb.device.blocked", wait, where=lambda e: e[
            "sekimori"]["usb"]["busport"] == device)[0]

    def events(self, code=None, wait=None, count=1, where=None, all=False):
        """The durable events of this code since mark(), or all of them,
        oldest first. With `wait`, waits that many seconds until there are
        `count` of them, the daemon being away meanwhile or not."""
        after = 0 if all else self._mark

        def found(events):
            got = [e for e in events if code in (None, event_code(e))
                   and (where is None or where(e))]
            return got if len(got) >= count else None

        if wait is None:
            return found(self._events_after(after, False)) or []
        return self.wait_for_events(found, wait,
                                    f"{count} × {code or 'any event'}", after)

    def wait_for_events(self, probe, seconds, what, after=None):
        """Waits until probe(events since mark()) returns something. They are
        read when there are more of them: reading costs the guest far more
        than the look whether the spool's end moved."""
        after = self._mark if after is None else after
        seen = None

        def look():
            nonlocal seen
            tail = self.machine.sh("cat /run/sekimori/spool.tail").text.split()
            if tail and tail == seen:
                return None
            events = self._events_after(after, True)
            newest = max([after] + [e["metadata"]["sequence"]
                                    for e in events])
            seen = tail if int(tail[1] if tail else -1) == newest else None
            return probe(events)

        return self.wait_for(look, seconds, what)

    def _events_after(self, sequence, may_be_away):
        result = self.sh(f"sekimorictl events --json --since {sequence + 1}")
        if not result.ok and not may_be_away:
            raise Failed("sekimorictl events: " + last_line(result.text))
        lines = result.text.splitlines() if result.ok else []
        return [json.loads(line) for line in lines if line]

    # ---- evidence --------------------------------------------------------

    def keep_evidence(self, agent):
        """Saves what explains a failure; never fails itself."""
        wanted = {"journal.txt": "journalctl -b --no-pager -o short-monotonic",
                  "kernel.txt": "dmesg"}
        if agent:
            wanted["events.ndjson"] = "sekimorictl events --json --since 1 "\
                "2> /dev/null"
            wanted["status.txt"] = "sekimorictl status; sekimorictl devices"
        for name, command in wanted.items():
            try:
                output = self.machine.sh(command, timeout=20).output
            except (GuestError, AttributeError, OSError) as error:
                output = f"not to be had: {error}\n".encode()
            with open(f"{self.folder}/{name}", "wb") as file:
                file.write(output)

    def save_events(self):
        """Every event of the case, for the check of the whole suite; none
        where the case ends without the daemon."""
        result = self.machine.sh("sekimorictl events --json --since 1")
        with open(self.folder + "/events.ndjson", "wb") as file:
            file.write(result.output if result.ok else b"")


def event_code(event):
    return event.get("metadata", {}).get("event_code")


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else "(no output)"
