# SPDX-License-Identifier: Apache-2.0
"""Must show: who came past the gate by ssh is gone in seconds, and a key that
is pulled ends a session that cannot be locked. More of it: 65_sessions.py."""

import time

import logins

TIERS = ("T1",)


def test_who_came_past_the_gate_is_gone_in_six_seconds(t):
    """The stack of sshd without a gate, and a public key."""
    logins.arm(t)
    logins.start_sshd(t)
    logins.stack(t, "sshd", "auth required pam_unix.so\n"
                 "account required pam_permit.so\n"
                 "session required pam_loginuid.so\n"
                 "session optional pam_systemd.so\n")
    t.mark()
    logins.stays(t, "intruder", program=logins.ssh("publickey"))
    seconds = logins.lived(t, "intruder", 20)
    t.check(seconds <= 12, f"she stayed for {seconds} s")
    event = t.events("mfa.session.violation", wait=20)[0]
    t.equal(event["sekimori"]["mfa"]["trigger"], "unattested", "the cause")


def test_a_pulled_key_ends_what_cannot_be_locked(t):
    """A text console has no lock: ten seconds later it is ended."""
    logins.arm(t)
    logins.stays(t, "alice1", "alice")
    logins.session_of(t, "alice", state="attested")
    t.mark()
    # Out and in again within two seconds: a loose plug, not a person leaving.
    logins.pull_key(t)
    time.sleep(1)
    logins.plug_key(t)
    time.sleep(5)
    t.equal(logins.session_of(t, "alice")["state"], "attested", "a loose plug")
    logins.pull_key(t)
    t.events("mfa.token.removed", wait=20)
    logins.plug_key(t)  # too late: putting it back proves nothing
    seconds = logins.lived(t, "alice1", 40)
    t.check(seconds < 60, f"she stayed for {seconds} s")
    event = t.events("mfa.session.violation", wait=20)[0]
    t.equal(event["sekimori"]["mfa"]["trigger"], "lock-ineffective",
            "the cause")
