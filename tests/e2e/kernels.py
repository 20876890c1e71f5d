# SPDX-License-Identifier: Apache-2.0
"""Other kernels than the guest's: each boots from memory with the guard alone
and walks kernels_init.sh. Debian's come by apt with a configuration of their
own; others from a folder of .deb files named by $SEKIMORI_KERNELS."""

import glob
import os
import re
import shutil
import subprocess

import snapshot
from vm import DIE_WITH_US

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# What the guest needs that may be a module; the second line after the guard.
EARLY = "sd_mod sg ext4 crc32c_generic loop"
LATE = "xhci_pci usb_storage uas"
SECONDS = 240


class Missing(Exception):
    """The kernel cannot be had here."""


def mirror():
    """The archive that this machine takes Debian from."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)",
         "Created-By: Packages"], capture_output=True, text=True).stdout
    for address in sorted(set(listed.split())):
        if "security" not in address:
            return address
    raise Missing("apt knows no archive (apt-get update)")


def apt(part, suite, *command):
    """One apt command that sees only this suite, verified by its key."""
    for folder in ("lists/partial", "archives/partial"):
        os.makedirs(f"{part}/apt/{folder}", exist_ok=True)
    with open(part + "/apt/sources.list", "w", encoding="ascii") as file:
        file.write(f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n")
    open(part + "/apt/status", "a", encoding="ascii").close()
    options = {"Dir::Etc::SourceList": part + "/apt/sources.list",
               "Dir::Etc::SourceParts": "/dev/null",
               "Dir::State": part + "/apt",
               "Dir::State::status": part + "/apt/status",
               "Dir::Cache": part + "/apt", "APT::Sandbox::User": "root"}
    arguments = [f"-o{name}={value}" for name, value in options.items()]
    result = subprocess.run([command[0], *arguments, *command[1:]], cwd=part,
                            capture_output=True, text=True, timeout=300)
    if result.returncode:
        raise Missing(f"{suite} cannot be reached by apt")
    return result.stdout


def newest(names):
    """The last of package names by their numbers."""
    return sorted(names, key=lambda name: [
        int(number) for number in re.findall(r"\d+", name)])[-1]


def from_suite(part, suite, pattern):
    """Downloads the newest kernel of a Debian suite."""
    apt(part, suite, "apt-get", "update")
    found = apt(part, suite, "apt-cache", "search", "--names-only", pattern)
    names = [line.split()[0] for line in found.splitlines()]
    if not names:
        raise Missing(f"{suite} has no package {pattern}")
    apt(part, suite, "apt-get", "download", newest(names))
    return glob.glob(part + "/*.deb")


def from_folder(pattern):
    """The kernel's packages in $SEKIMORI_KERNELS."""
    folder = os.environ.get("SEKIMORI_KERNELS")
    if not folder:
        raise Missing("not in Debian; put its packages into a folder and "
                      "name it in SEKIMORI_KERNELS")
    files = glob.glob(f"{folder}/{pattern}")
    if not files:
        raise Missing(f"no {pattern} in {folder}")
    return files


def unpack(part, files):
    """Keeps vmlinuz, the list of modules to load and the modules."""
    tree = part + "/tree"
    for file in files:
        subprocess.run(["dpkg-deb", "-x", file, tree], check=True)
    vmlinuz = glob.glob(tree + "/boot/vmlinuz-*")[0]
    version = os.path.basename(vmlinuz)[len("vmlinuz-"):]
    if not os.path.isdir(tree + "/lib"):
        os.symlink("usr/lib", tree + "/lib")
    subprocess.run(["depmod", "-b", tree, version], check=True)
    os.rename(vmlinuz, part + "/vmlinuz")
    os.makedirs(part + "/modules")
    for name, wanted in (("early", EARLY), ("late", LATE)):
        copy_modules(part, tree, version, name, wanted.split())
    for path in (tree, part + "/apt"):
        shutil.rmtree(path, ignore_errors=True)
    for file in glob.glob(part + "/*.deb"):
        os.unlink(file)


def copy_modules(part, tree, version, name, wanted):
    order = []
    for module in wanted:
        shown = subprocess.run(["modprobe", "-d", tree, "-S", version,
                                "--show-depends", module],
                               capture_output=True, text=True)
        for line in shown.stdout.splitlines():
            if not line.startswith("insmod "):
                continue
            path = line.split()[1]
            file = re.sub(r"\.(xz|zst)$", "", os.path.basename(path))
            if os.path.exists(f"{part}/modules/{file}"):
                continue  # another one needs it too
            order.append(file)
            with open(f"{part}/modules/{file}", "wb") as output:
                tool = {"z": "xzcat", "t": "zstdcat"}.get(path[-1], "cat")
                subprocess.run([tool, path], check=True, stdout=output)
    with open(f"{part}/modules/{name}", "w", encoding="ascii") as file:
        file.write(" ".join(order) + "\n")


def stage(name, suite, pattern):
    """The folder of a kernel, made at its first use."""

    def build(part):
        if suite:
            unpack(part, from_suite(part, suite, pattern))
        else:
            unpack(part, from_folder(pattern))

    return snapshot.Stage("kernel-" + name, build).ready()


def copy_program(path, root):
    """A program and the libraries it wants, at their own paths."""
    shutil.copy(path, root + "/bin/")
    wanted = subprocess.run(["ldd", path], capture_output=True, text=True)
    for library in re.findall(r"/\S+", wanted.stdout):
        if os.path.exists(library):
            os.makedirs(root + os.path.dirname(library), exist_ok=True)
            shutil.copy(library, root + library)


def make_initrd(folder, kernel, guardctl):
    root = folder + "/root"
    for name in ("bin", "proc", "sys", "dev", "mnt", "tmp"):
        os.makedirs(f"{root}/{name}")
    shutil.copytree(kernel + "/modules", root + "/modules")
    shutil.copy("/bin/busybox", root + "/bin/busybox")
    copy_program(guardctl, root)
    shutil.copy(snapshot.HERE + "/kernels_init.sh", root + "/init")
    os.chmod(root + "/init", 0o755)
    with open(folder + "/initrd", "wb") as output:
        subprocess.run("find . | cpio -o -H newc --quiet | zstd -1 -q",
                       shell=True, cwd=root, check=True, stdout=output)


def boot(folder, kernel, stick, line=""):
    """Boots, and returns what the guest printed."""
    result = subprocess.run([
        *DIE_WITH_US, "qemu-system-x86_64", "-accel", "tcg,tb-size=256",
        "-cpu", "max", "-M", "q35", "-m", "512M", "-nodefaults",
        "-no-user-config", "-display", "none", "-no-reboot",
        "-serial", "stdio", "-device", "qemu-xhci,id=xhci",
        "-drive", f"if=none,id=stick,format=raw,file={stick}",
        "-device", "usb-storage,drive=stick,removable=on,bus=xhci.0",
        "-kernel", kernel + "/vmlinuz", "-initrd", folder + "/initrd",
        "-append", "console=ttyS0 quiet panic=-1 mitigations=off nokaslr "
                   f"no_timer_check tsc=reliable rdinit=/init {line}"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS)
    text = result.stdout.decode("utf-8", "replace").replace("\r", "")
    with open(folder + "/serial.log", "w", encoding="utf-8") as file:
        file.write(text)
    return text
