# SPDX-License-Identifier: Apache-2.0
"""Two factors and what follows from them: who sits at the console, what may be
plugged in there, how long, and who cannot be locked out."""

import json

from sessions import RULES, STORAGE, STRIPPED, Office

TIERS = ("T1",)
# To the fifth console, where nobody is logged in (VT_ACTIVATE).
CHVT = ("python3 -c 'import fcntl; fcntl.ioctl(open(\"/dev/tty0\"), "
        "0x5606, 5)'")


def test_a_login_with_two_factors_is_bound_to_its_leader(t):
    office = Office(t)
    office.come()
    session = office.session(state="attested")
    t.equal(session["factors"], "knowledge+possession", "factors")
    t.equal(session["modules"], "pam_unix pam_u2f", "modules")
    t.equal(t.must(f"loginctl show-session {session['session']} -p Leader "
                   "--value"), str(session["leader"]), "leader")
    event = t.events("mfa.session.ok", wait=10)[0]
    t.equal(event["user"]["name"], "alice", "user")
    t.equal([f["factor_type_id"] for f in event["auth_factors"]], [11, 9],
            "factors of the event")
    t.check("secret" not in json.dumps(event), "a secret in an event")
    t.must(f"loginctl terminate-session {session['session']}")
    t.events("mfa.session.ended", wait=10)


def test_without_login_rules_nothing_happens_to_anybody(t):
    office = Office(t)
    office.stack(STRIPPED)
    t.policy('policy "none" mode enforce\nallow channel hid\n')
    t.equal(t.must("grep ^mode= /var/lib/sekimori/login.policy"), "mode=off",
            "mode of the module")
    out = office.come()
    t.must("sleep 8")
    t.fails(f"grep lived {out}")
    # … and who is in when rules come may stay until the next lock
    t.policy(RULES + "login require 2\n")
    t.equal(office.session()["state"], "grandfathered", "state")
    t.must("sleep 8")
    t.fails(f"grep lived {out}")


def say_locked(t, session, value):
    """What alice may say of her own session, true or not."""
    path = t.must("busctl call --json=short org.freedesktop.login1 "
                  "/org/freedesktop/login1 org.freedesktop.login1.Manager "
                  f"GetSession s {session} | cut -d'\"' -f8")
    t.must(f"su alice -c \"busctl call org.freedesktop.login1 {path} "
           f"org.freedesktop.login1.Session SetLockedHint b {value}\"")


def test_a_forged_lock_hint_is_no_way_to_unlock(t):
    office = Office(t)
    out = office.come(tty=1)
    session = office.session(state="attested")["session"]
    say_locked(t, session, "true")
    office.session(state="locked")
    say_locked(t, session, "false")
    office.session(state="unlock-check")
    event = t.events("mfa.session.violation", wait=45)[0]
    t.equal(event["status_code"], "SKM-L-0312", "reason")
    office.lived(out, 20)


def test_an_unlock_as_gdm_does_it_wants_two_factors_in_auth(t):
    """A worker of root's: a new transaction of gdm-password, its auth alone,
    for what account says of it is not heard."""
    unlock = "echo alice | pamtester gdm-password alice authenticate"
    office = Office(t)
    office.come(tty=1)
    session = office.session(state="attested")["session"]
    say_locked(t, session, "true")
    office.session(state="locked")
    t.must("echo touch=no > /root/key/control")
    t.must("cat > /etc/pam.d/gdm-password", stdin=STRIPPED.encode())
    t.must(unlock)  # what the worker would believe without the gate
    office.session(state="locked")
    t.must("cp /etc/pam.d/login /etc/pam.d/gdm-password")
    t.fails(unlock, timeout=90)
    office.session(state="locked")
    t.must("echo touch=yes > /root/key/control")
    t.must(unlock)
    office.session(state="attested")
    say_locked(t, session, "false")
    t.must("sleep 35")
    t.equal(office.session()["state"], "attested", "after the unlock")


def test_a_frozen_session_keeps_its_work_until_there_is_proof(t):
    office = Office(t, "on-lock-ineffective freeze")
    out = office.come(tty=1)
    session = office.session(state="attested")["session"]
    frozen = ("grep -x 'frozen %d' /sys/fs/cgroup/user.slice/user-$(id -u "
              f"alice).slice/session-{session}.scope/cgroup.events")
    office.pull_key()
    t.until(frozen % 1, 30)
    office.plug_key()  # which proves nothing
    t.must("sleep 5; " + frozen % 1)
    t.must("cp /etc/pam.d/login /etc/pam.d/gdm-password")
    t.must("echo alice | pamtester gdm-password alice authenticate")
    t.until(frozen % 0, 10)
    office.session(state="attested")
    t.fails(f"grep lived {out}")


def test_an_old_proof_is_not_enough(t):
    office = Office(t, "max-age 20s")
    out = office.come()
    event = t.events("mfa.session.locked", wait=40)[0]
    t.equal(event["status_code"], "SKM-L-0306", "reason")
    office.lived(out, 30)


def test_broken_glass_is_told_and_ends(t):
    office = Office(t)
    out = office.come("root", "root", tty=1)
    office.session("root", "breakglass")
    event = t.events("mfa.breakglass.used", wait=10)[0]
    t.equal(event["severity_id"], 5, "severity")
    office.lived(out, 60)
    event = t.events("mfa.session.violation", wait=10)[0]
    t.equal(event["status_code"], "SKM-L-0313", "reason")


def test_root_is_not_locked_out_when_the_module_is_gone(t):
    office = Office(t)
    office.stack(STRIPPED)
    out = office.come("root", "root", tty=1)
    t.must("sleep 8")
    t.fails(f"grep lived {out}")
    office.session("root", "breakglass")
    t.events("mfa.breakglass.used", wait=10)


def test_an_emergency_login_has_no_media(t):
    office = Office(t, more=STORAGE.replace("stick", "any") +
                    "media read-only\n")
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.events("media.readonly", wait=30)
    office.come("root", "root", tty=1)
    event = t.events("media.denied", wait=20)[0]
    t.equal(event["status_code"], "SKM-L-0314", "reason")
    t.fails("dd if=/dev/sda of=/dev/null count=1 iflag=direct")


def test_media_follow_the_session_in_front(t):
    office = Office(t, more=STORAGE)
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.events("media.denied", wait=30)
    out = office.come(tty=1)
    office.session(state="attested")
    t.events("media.readonly", wait=20)
    t.until("dd if=/dev/sda of=/dev/null count=1 iflag=direct")
    t.mark()
    t.must(CHVT)
    t.events("media.denied", wait=20)
    t.fails("dd if=/dev/sda of=/dev/null count=1 iflag=direct")
    t.equal(t.events("mfa.session.locked", wait=10)[0]["status_code"],
            "SKM-L-0308", "reason")
    office.lived(out, 30)
