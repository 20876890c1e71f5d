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


POLKIT = """auth requisite pam_sekimori.so wrap factor=knowledge pam_unix.so
auth optional pam_sekimori.so wrap factor=possession pam_u2f.so \
authfile=/etc/sekimori/u2f_keys origin=pam://sekimori appid=pam://sekimori
auth required pam_sekimori.so gate
account required pam_unix.so
session required pam_permit.so
"""
# The agent speaks for one process: the command waits until it is there.
PROVE = rb"""
import os, pty, select, termios, time
ready, go = os.pipe()
terminal = os.openpty()  # a script is asked nothing, a person is
command = os.fork()
if command == 0:
    os.dup2(terminal[1], 0)
    os.read(ready, 1)
    os.execvp("sekimorictl", ["sekimorictl", "login", "prove"])
there, registered = os.pipe()
agent, fd = pty.fork()
if agent == 0:
    os.set_inheritable(registered, True)
    os.execvp("pkttyagent", ["pkttyagent", "--process", str(command),
                             "--notify-fd", str(registered)])
os.close(registered)
os.read(there, 1)
os.write(go, b"x")
said, end = "", time.monotonic() + 40
while time.monotonic() < end and not os.waitpid(command, os.WNOHANG)[0]:
    if select.select([fd], [], [], 0.2)[0]:
        try:
            said += os.read(fd, 1000).decode()
        except OSError:
            break
        if said.rstrip().endswith("assword:"):
            # What is typed before the echo is off is thrown away
            while termios.tcgetattr(fd)[3] & termios.ECHO:
                time.sleep(0.1)
            os.write(fd, b"alice\n")
            said += " (typed)"
print("the agent said:", said)
try:
    os.kill(agent, 15)
except ProcessLookupError:
    pass
"""


def prove(t, session):
    """alice proves herself again, from within her session."""
    t.must("cat > /usr/local/bin/prove", stdin=PROVE)
    scope = t.must(f"systemctl show -p ControlGroup --value "
                   f"session-{session}.scope")
    return t.must(f"echo $$ > /sys/fs/cgroup{scope}/cgroup.procs; "
                  "exec setpriv --reuid alice --regid alice --init-groups "
                  "python3 /usr/local/bin/prove 2>&1", timeout=120)


def test_a_fresh_proof_by_polkit_lets_media_in_again(t):
    office = Office(t, "step-up-age 20s", STORAGE)
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.events("media.denied", wait=30)
    office.come(tty=1)
    session = office.session(state="attested")["session"]
    t.events("media.readonly", wait=20)
    t.mark()
    t.events("media.denied", wait=40)  # the proof is too old
    t.equal(office.session()["state"], "attested", "state")
    # One factor is no proof, whatever polkit says of it
    t.must("cat > /etc/pam.d/polkit-1",
           stdin=b"auth required pam_unix.so\naccount required pam_unix.so\n")
    said = prove(t, session)
    t.check("two factors were not proven" in said, said)
    t.equal(t.events("mfa.stepup.denied", wait=10)[0]["status_code"],
            "SKM-L-0301", "reason")
    t.equal(len(t.events("media.readonly")), 0, "times media were let in")
    t.must("cat > /etc/pam.d/polkit-1", stdin=POLKIT.encode())
    said = prove(t, session)
    t.check("proven just now" in said, said)
    t.events("mfa.stepup.ok", wait=10)
    t.events("media.readonly", wait=20)
