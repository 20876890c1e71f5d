# SPDX-License-Identifier: Apache-2.0
"""Cards: who logged in with one is locked out when it is pulled, though the
reader stays, and when the reader goes. The card that proves is SoftHSM's; the
one that is pulled lies in a reader of vsmartcard, as pcscd sees it."""

import time

import logins
from logins import AFTER, GATE
from sleep import suspend

TIERS = ("T1",)
CARD = ("auth required pam_sekimori.so wrap factor=possession+knowledge "
        "pam_pkcs11.so\n" + GATE + AFTER +
        "session required pam_unix.so\nsession optional pam_systemd.so\n")


def comes_with_card(t):
    logins.arm(t)
    logins.make_card(t)
    t.must("mkdir -p /etc/softhsm; "
           "cp /root/hsm/softhsm2.conf /etc/softhsm/softhsm2.conf")
    logins.stack(t, "login", CARD)
    t.mark()


def is_in(t):
    logins.stays(t, "alice1", "2580")
    session = logins.session_of(t, "alice", state="attested")
    t.equal(session["factors"], "knowledge+possession", "factors")


def ends(t):
    t.events("mfa.token.removed", wait=20)
    seconds = logins.lived(t, "alice1", 40)
    t.check(seconds < 80, f"she stayed for {seconds} s")
    event = t.events("mfa.session.violation", wait=20)[0]
    t.equal(event["sekimori"]["mfa"]["trigger"], "lock-ineffective",
            "the cause")


def test_a_card_pulled_while_its_reader_stays(t):
    comes_with_card(t)
    t.put("tests/e2e/tools/card.py", "/usr/local/bin/card")
    t.must("rm -f /etc/systemd/system/pcscd.*; systemctl daemon-reload; "
           "systemctl start pcscd.socket; "
           "systemd-run --quiet --unit=card /usr/local/bin/card")
    is_in(t)
    t.until("grep '^token 3 pcsc:Virtual PCD' /run/sekimori/logins", 30)
    t.fails("sekimorictl status | grep 'a pulled card would not be seen'")
    # A loose contact is no removal
    t.must("systemctl kill -s USR1 card; sleep 1; "
           "systemctl kill -s USR2 card")
    time.sleep(6)
    t.equal(logins.session_of(t, "alice")["state"], "attested",
            "a loose contact")
    # The reader stays: no uevent tells of it
    t.must("udevadm monitor --kernel > /run/uevents 2>&1 & sleep 1; "
           "systemctl kill -s USR1 card; sleep 5; kill $!")
    t.fails("grep -E 'KERNEL.*(usb|hidraw)' /run/uevents")
    t.must("systemctl kill -s USR2 card")  # putting it back proves nothing
    ends(t)


def test_a_pcscd_that_is_gone_is_told_and_locks_nobody(t):
    comes_with_card(t)
    is_in(t)
    t.until("sekimorictl status | grep 'a pulled card would not be seen'", 30)
    time.sleep(6)
    t.equal(logins.session_of(t, "alice")["state"], "attested", "state")


def test_a_reader_that_is_pulled(t):
    comes_with_card(t)
    t.plug("smartcard", "reader")
    t.until("grep -l 0b /sys/bus/usb/devices/*/bInterfaceClass", 30)
    is_in(t)
    t.must("grep '^token 2 /devices/' /run/sekimori/logins")
    t.unplug("reader")
    time.sleep(5)
    t.plug("smartcard", "reader")
    ends(t)


def test_a_reader_pulled_while_the_machine_slept(t):
    comes_with_card(t)
    t.plug("smartcard", "reader")
    t.until("grep -l 0b /sys/bus/usb/devices/*/bInterfaceClass", 30)
    is_in(t)
    suspend(t, lambda: t.unplug("reader"))
    ends(t)
