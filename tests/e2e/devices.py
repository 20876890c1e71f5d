# SPDX-License-Identifier: Apache-2.0
"""USB devices that QEMU plugs into and pulls out of a running guest."""

SIMPLE = {
    "keyboard": "usb-kbd",
    "mouse": "usb-mouse",
    "tablet": "usb-tablet",
    "hub": "usb-hub",
    "smartcard": "usb-ccid",
}
# USB side and SCSI side of the devices that are made of two.
SCSI = {
    "uas": ("usb-uas", "scsi-hd"),
    "bulk-only": ("usb-bot", "scsi-hd"),
    "optical": ("usb-bot", "scsi-cd"),
}


class Devices:
    """What is plugged into one guest, by the names the case gives."""

    def __init__(self, machine):
        self.qmp = machine.qmp.command
        self.nodes = set()

    def plug(self, kind, name, image=None, port=None, serial=None):
        """Plugs a device in. `image`: a disk's file or an MTP folder."""
        place = {"bus": "xhci.0", "port": port} if port else {}
        if serial:
            place["serial"] = serial
        if kind == "storage":
            self._add("usb-storage", name, drive=self._node(name, image),
                      removable=True, **place)
        elif kind in SCSI:
            self._plug_scsi(kind, name, image, place)
        elif kind in SIMPLE:
            self._add(SIMPLE[kind], name, **place)
        else:
            self._plug_backed(kind, name, image, place)

    def plug_pci(self, driver, name, image, serial):
        """A disk into the slot of the running machine's PCI bus."""
        self._add(driver, name, drive=self._node(name, image), bus="slot1",
                  serial=serial)

    def unplug(self, name):
        """Pulls a device out, without asking the guest."""
        self.qmp("device_del", id=name)

    def _add(self, driver, name, **properties):
        self.qmp("device_add", driver=driver, id=name, **properties)

    def _node(self, name, image):
        node = "medium-" + name
        if node not in self.nodes:
            self.qmp("blockdev-add", driver="raw", node_name=node,
                     file={"driver": "file", "filename": str(image)})
            self.nodes.add(node)
        return node

    def _plug_scsi(self, kind, name, image, place):
        bridge, disk = SCSI[kind]
        serial = {"serial": place.pop("serial")} if "serial" in place else {}
        self._add(bridge, name, **place)
        self._add(disk, name + "-disk", drive=self._node(name, image),
                  bus=name + ".0", **serial)
        self.qmp("qom-set", path="/machine/peripheral/" + name,
                 property="attached", value=True)

    def _plug_backed(self, kind, name, image, place):
        """The kinds that need something of the host behind them."""
        back = "back-" + name
        if kind == "network":
            self.qmp("netdev_add", type="user", id=back, restrict=True)
            self._add("usb-net", name, netdev=back, **place)
        elif kind == "serial":
            self.qmp("chardev-add", id=back,
                     backend={"type": "null", "data": {}})
            self._add("usb-serial", name, chardev=back, always_plugged=True,
                      **place)
        elif kind == "mtp":
            self._add("usb-mtp", name, rootdir=str(image), **place)
        elif kind == "audio":
            self._add("usb-audio", name, audiodev="own-audio", **place)
        else:
            raise ValueError(f"no device of kind '{kind}'")
