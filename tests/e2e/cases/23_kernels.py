# SPDX-License-Identifier: Apache-2.0
"""The guard loads and refuses on the kernels of the systems in use, not only
on the one of the guest."""

import os

import kernels
import media

AGENT = False
FEWEST_CHECKS = 32


def walk(t, name, suite, pattern, tier, line=""):
    t.power_cut()  # the frozen guest is not needed
    folder = t.folder + "/kernel"
    os.makedirs(folder)
    try:
        kernel = kernels.stage(name, suite, pattern)
    except kernels.Missing as missing:
        t.skip(str(missing))
    tree = folder + "/tree"
    os.makedirs(tree)
    open(tree + "/f", "w", encoding="ascii").close()
    stick = folder + "/stick.img"
    media.blank(stick, 16)
    media.run("mke2fs", "-q", "-t", "ext4", "-d", tree, stick)
    kernels.make_initrd(folder, kernel,
                        t.build + "/tests/e2e/tools/guardctl")
    lines = kernels.boot(folder, kernel, stick, line).splitlines()
    failed = [said for said in lines if said.startswith("FAIL ")]
    t.check(not failed, "; ".join(failed))
    t.check("done" in lines, "the guest did not come to the end: " +
            " | ".join(lines[-3:]))
    told = [said for said in lines if said.startswith("tier T")]
    t.check(told and told[0].startswith(f"tier {tier} "), f"tier: {told}")
    passed = sum(said.startswith("ok ") for said in lines)
    t.check(passed >= FEWEST_CHECKS, f"only {passed} checks were made")


def test_debian_12(t):
    walk(t, "debian12", "bookworm", r"^linux-image-6\.1\..*[0-9]-amd64$", "T1")


def test_debian_12_without_bpf_in_the_list(t):
    walk(t, "debian12", "bookworm", r"^linux-image-6\.1\..*[0-9]-amd64$", "T2",
         "lsm=lockdown,yama")


def test_debian_13(t):
    walk(t, "debian13", "trixie", r"^linux-image-6\.12.*[0-9]-amd64$", "T1")


def test_debian_13_without_bpf_in_the_list(t):
    walk(t, "debian13", "trixie", r"^linux-image-6\.12.*[0-9]-amd64$", "T2",
         "lsm=lockdown,yama")


def test_ubuntu_22_04(t):
    walk(t, "ubuntu2204", None, "linux-*5.15.0-*-generic_*.deb", "T2")


def test_ubuntu_24_04(t):
    walk(t, "ubuntu2404", None, "linux-*6.8.0-*-generic_*.deb", "T2")
