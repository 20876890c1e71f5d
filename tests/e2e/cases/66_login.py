# SPDX-License-Identifier: Apache-2.0
"""Must show: two proven factors, or no session, for the real login(1), sshd
and their modules, with a security key over uhid. Every way past it is first
shown to work without the gate, so that the case fails where the gate does."""

import logins
from logins import AFTER, GATE, KEY, KEY_OPTIONS, MODULES, PASSWORD

TIERS = ("T1",)
REFUSED = "ログインできません"


def test_password_and_key_let_in_and_neither_alone_does(t):
    logins.arm(t)
    t.mark()
    got = logins.person(t, "alice",
                        then="echo TOKEN=[$SEKIMORI_MFA] SID=$XDG_SESSION_ID")
    t.check(got["in"], f"refused: {got['said']}")
    t.check("TOKEN=[] SID=" in got["out"], f"the token shows: {got['out']}")
    t.events("mfa.session.ok", wait=20)

    got = logins.person(t, "wrong", seconds=8)
    t.check(not got["in"], "let in with a wrong password")
    logins.key_says(t, "touch=no")
    got = logins.person(t, "alice", seconds=12)
    t.check(not got["in"], "let in without a touch")
    t.check(REFUSED in got["said"] and "Login refused" in got["said"],
            f"not explained: {got['said']}")
    logins.pull_key(t)
    got = logins.person(t, "alice", seconds=8)
    t.check(not got["in"], "let in without the key")
    denied = t.events("mfa.session.denied", wait=20, count=2)
    t.check(all(e["sekimori"].get("mfa") or True for e in denied), "")
    # Another key of the same make is not hers.
    logins.plug_key(t, "/root/other")
    got = logins.person(t, "alice", seconds=12)
    t.check(not got["in"], "let in with another key")


def test_the_daemon_knows_who_came_by_which_factors(t):
    logins.arm(t)
    logins.stays(t, "alice1", "alice")
    session = logins.session_of(t, "alice", state="attested")
    t.equal(session["factors"], "knowledge+possession", "factors")
    leader = t.must(f"loginctl show-session {session['session']} -p Leader "
                    "--value")
    t.equal(str(session["leader"]), leader, "the leader")
    t.equal(t.must("stat -c '%a %U' /run/sekimori/mfa /run/sekimori/mfa/open "
                   "| sort -u"), "700 root", "who may read the records")
    text = t.must("sekimorictl login status")
    t.check("alice" in text and "knowledge+possession" in text, text)


def test_ssh_by_every_method(t):
    logins.arm(t)
    logins.start_sshd(t)
    got = logins.person(t, "alice", program=logins.ssh("keyboard-interactive"),
                        then="echo TOKEN=[$SEKIMORI_MFA]")
    t.check(got["in"], f"keyboard-interactive: {got['said']}")
    t.check("TOKEN=[]" in got["out"], "the token shows")
    got = logins.person(t, "alice", program=logins.ssh("password"))
    t.check(got["in"], f"password and key: {got['said']}")
    logins.key_says(t, "touch=no")
    for method in ("keyboard-interactive", "password"):
        got = logins.person(t, "alice", program=logins.ssh(method), seconds=15)
        t.check(not got["in"], f"{method}: let in with a password alone")
    # A public key never meets auth: the account gate is what stops it.
    got = logins.person(t, program=logins.ssh("publickey"), seconds=15)
    t.check(not got["in"], "let in with a public key")
    t.must("sekimorictl login report")
    got = logins.person(t, program=logins.ssh("publickey"), seconds=20)
    t.check(got["in"], f"the way in is none without a gate: {got['said']}")


def test_an_emptied_include_lets_nobody_in(t):
    """A PAM file that a power cut left empty."""
    logins.arm(t)
    logins.stack(t, "cut", "auth include cut-auth\naccount required "
                 "pam_permit.so\n")
    logins.stack(t, "cut-auth", "")
    logins.stack(t, "other", "auth required pam_unix.so\n"
                 "account required pam_permit.so\n")
    logins.allowed(t, "without a gate", "cut", "alice")
    logins.stack(t, "cut", "auth include cut-auth\n" + AFTER)
    logins.refused(t, "an empty include", "cut", "alice")
    found = t.sh("sekimorictl login lint").text
    t.check("cut auth: an include without a line" in found, found)


def attack(t, name, stack, *answers, undefended=None, env=""):
    """`stack` is refused; `undefended`, the same without us, is not."""
    logins.stack(t, "bare", undefended)
    logins.allowed(t, f"{name} is no attack", "bare", *answers, env=env)
    logins.stack(t, "held", stack)
    logins.refused(t, name, "held", *answers, env=env)


BARE = "account required pam_permit.so\nsession required pam_permit.so\n"
UNIX = "auth required pam_unix.so\n"
U2F = "pam_u2f.so " + KEY_OPTIONS
WRAP_U2F = "pam_sekimori.so wrap factor=possession " + U2F


def test_a_second_factor_that_is_none_does_not_count(t):
    """mfa tables 1.1, 1.2 and 4: modules that succeed, or are skipped,
    without a proof."""
    logins.arm(t)
    t.must("rm /etc/sekimori/u2f_keys")  # nobody is enrolled
    attack(t, "nouserok, nobody enrolled",
           PASSWORD + f"auth required {WRAP_U2F} nouserok\n" + GATE + AFTER,
           "alice", undefended=UNIX + f"auth required {U2F} nouserok\n" + BARE)
    attack(t, "alwaysok, no key",
           PASSWORD + f"auth required {WRAP_U2F} alwaysok\n" + GATE + AFTER,
           "alice", undefended=UNIX + f"auth required {U2F} alwaysok\n" + BARE)
    attack(t, "google_authenticator nullok, no secret",
           PASSWORD + "auth required pam_sekimori.so wrap factor=possession "
           "pam_google_authenticator.so nullok\n" + GATE + AFTER, "alice",
           undefended=UNIX + "auth required pam_google_authenticator.so "
           "nullok\n" + BARE)
    attack(t, "sufficient password",
           PASSWORD.replace("requisite", "sufficient") + KEY + GATE + AFTER,
           "alice", undefended="auth sufficient pam_unix.so\n"
           f"auth required {U2F}\n" + BARE)
    attack(t, "all optional",
           PASSWORD.replace("requisite", "optional") + KEY
           + "auth required pam_permit.so\n" + GATE + AFTER, "alice",
           undefended=f"auth optional pam_unix.so\nauth optional {U2F}\n"
           "auth required pam_permit.so\n" + BARE)
    attack(t, "a jump over the key",
           "auth [success=1 default=ignore] pam_sekimori.so wrap "
           "factor=knowledge pam_unix.so\n" + KEY
           + "auth required pam_permit.so\n" + GATE + AFTER, "alice",
           undefended=f"auth [success=1 default=ignore] pam_unix.so\n"
           f"auth requisite {U2F}\nauth required pam_permit.so\n" + BARE)
    attack(t, "two of one kind",
           PASSWORD + PASSWORD + GATE + AFTER, "alice", "alice",
           undefended=UNIX + UNIX + BARE)
    attack(t, "a module that proves nothing",
           PASSWORD + "auth required pam_sekimori.so wrap factor=possession "
           "pam_permit.so\n" + GATE + AFTER, "alice",
           undefended=UNIX + "auth required pam_permit.so\n" + BARE)


def test_what_a_user_could_forge_does_not_count(t):
    """Own enrolment, environment, module files and programs."""
    logins.arm(t)
    t.must("mkdir -p /home/alice/.config/Yubico; cp /etc/sekimori/u2f_keys "
           "/home/alice/.config/Yubico/; chown -R alice: /home/alice/.config")
    own = "origin=pam://sekimori appid=pam://sekimori"
    attack(t, "a key that she enrolled herself",
           PASSWORD + "auth required pam_sekimori.so wrap factor=possession "
           f"pam_u2f.so {own}\n" + GATE + AFTER, "alice",
           undefended=UNIX + f"auth required pam_u2f.so {own}\n" + BARE)
    t.must("cp /etc/sekimori/u2f_keys /home/alice/keys; "
           "chown alice: /home/alice/keys")
    loose = own + " authfile=/home/alice/keys"
    attack(t, "a file of keys that she can write",
           PASSWORD + "auth required pam_sekimori.so wrap factor=possession "
           f"pam_u2f.so {loose}\n" + GATE + AFTER, "alice",
           undefended=UNIX + f"auth required pam_u2f.so {loose}\n" + BARE)
    t.must(f"mkdir -m 777 /tmp/m; install -m 777 {MODULES}/pam_permit.so "
           "/tmp/m/pam_u2f.so")
    attack(t, "a module in a folder of everybody's",
           PASSWORD + "auth required pam_sekimori.so wrap factor=possession "
           "/tmp/m/pam_u2f.so\n" + GATE + AFTER, "alice",
           undefended=UNIX + "auth required /tmp/m/pam_u2f.so\n" + BARE)
    t.must("echo 'SEKIMORI_MFA DEFAULT=forged' > /home/alice/.pam_environment")
    attack(t, "an environment of one's own",
           "auth required pam_env.so user_readenv=1 "
           "user_envfile=.pam_environment\n" + PASSWORD + GATE + AFTER,
           "alice", undefended="auth required pam_env.so user_readenv=1\n"
           + UNIX + BARE, env="SEKIMORI_MFA=forged")
    # account and session without auth: su -l by cron, a key of ssh
    logins.stack(t, "held", PASSWORD + KEY + GATE + AFTER)
    logins.refused(t, "account alone", "held", calls="acct_mgmt")
    logins.refused(t, "session alone", "held", calls="open_session")


def test_an_unprivileged_program_leaves_no_evidence(t):
    """swaylock, or a PAM program of her own: it may succeed for itself, and
    vouches for nothing."""
    logins.arm(t)
    t.must("cat /etc/pam.d/common-auth > /etc/pam.d/hers; "
           "cp /etc/sekimori/u2f_keys /tmp/keys; chmod 644 /tmp/keys; "
           "chmod 666 /dev/hidraw*")
    logins.passes(t, "hers", "alice", as_user="alice")
    t.equal(t.must("find /run/sekimori/mfa -type f | wc -l"), "0", "records")
    t.must("runuser -u alice -- sh -c 'mkdir -p /run/sekimori/mfa/open && "
           "touch /run/sekimori/mfa/open/1-1' && exit 1 || exit 0")
    t.equal([s for s in logins.sessions(t) if s.get("user") == "alice"], [],
            "sessions")


def test_codes_cards_and_their_absence(t):
    logins.arm(t)
    t.must("umask 077; printf 'HOTP/T30/6 alice - 00112233445566778899\\n' "
           "> /etc/sekimori/oath_users")
    code = "oathtool --totp 00112233445566778899"
    logins.stack(t, "totp", PASSWORD
                 + "auth optional pam_sekimori.so wrap factor=possession "
                 "pam_oath.so usersfile=/etc/sekimori/oath_users window=3 "
                 "digits=6\n" + GATE + AFTER)
    logins.refused(t, "a wrong code", "totp", "alice", "000000")
    used = t.must(code)
    logins.allowed(t, "password and code", "totp", "alice", used)
    logins.refused(t, "the same code again", "totp", "alice", used)

    logins.make_card(t)
    card = ("auth required pam_sekimori.so wrap factor=possession+knowledge "
            "pam_pkcs11.so\n")
    logins.stack(t, "card", card + GATE + AFTER)
    soft = "SOFTHSM2_CONF=/root/hsm/softhsm2.conf"
    logins.allowed(t, "card and PIN", "card", "2580", env=soft)
    logins.refused(t, "a wrong PIN", "card", "0000", env=soft)
    logins.refused(t, "another person's card", "card", "2580", user="kinkyu",
                   env=soft)
    logins.stack(t, "fall", "auth [success=1 default=ignore] pam_sekimori.so "
                 "wrap factor=possession+knowledge pam_pkcs11.so\n"
                 + PASSWORD + "auth required pam_permit.so\n" + GATE + AFTER)
    t.must("mv /root/hsm/tok /root/hsm/gone; mkdir /root/hsm/tok")
    logins.refused(t, "no card", "card", "2580", env=soft)
    logins.refused(t, "no card, and the password alone", "fall", "alice",
                   env=soft)


def test_a_key_with_pin_or_finger_is_two_factors_when_forced(t):
    logins.arm(t)
    base = "auth required pam_sekimori.so wrap factor=possession+%s " + U2F

    def only_key(kind, argument):
        logins.stack(t, "key", base % kind + argument + "\n" + GATE + AFTER)

    logins.key_says(t, "pin=1234")
    only_key("knowledge", " pinverification=1")
    logins.allowed(t, "key and its PIN", "key", "1234")
    logins.refused(t, "a wrong PIN", "key", "9999")
    only_key("knowledge", "")
    logins.refused(t, "a PIN that nobody forced", "key", "1234")
    logins.key_says(t, "uv=yes")
    only_key("inherence", " userverification=1")
    logins.allowed(t, "key and its finger", "key")
    logins.key_says(t, "uv=no")
    logins.refused(t, "a finger it does not like", "key")
    logins.key_says(t, "uv=yes")
    only_key("inherence", "")
    logins.refused(t, "a finger that nobody forced", "key")


def test_password_and_fingerprint(t):
    logins.arm(t)
    t.must("mkdir -p /etc/systemd/system/fprintd.service.d /run/fprint; "
           "printf '[Service]\\nEnvironment=FP_VIRTUAL_DEVICE="
           "/run/fprint/v.sock\\nPrivateTmp=no\\nProtectSystem=no\\n"
           "ReadWritePaths=/run/fprint\\nRestrictAddressFamilies=AF_UNIX "
           "AF_NETLINK\\n' > /etc/systemd/system/fprintd.service.d/v.conf; "
           "systemctl daemon-reload; systemctl restart fprintd")
    t.must("cat > /usr/local/bin/finger", stdin=FINGER.encode())
    t.must("(fprintd-enroll -f right-index-finger alice > /tmp/enrolled 2>&1 "
           "&); sleep 3; for i in 1 2 3 4 5 6; do python3 "
           "/usr/local/bin/finger 'SCAN alice'; sleep 1; done; "
           "ls /var/lib/fprint/alice", timeout=90)
    logins.stack(t, "finger", PASSWORD
                 + "auth optional pam_sekimori.so wrap factor=inherence "
                 "pam_fprintd.so max-tries=1 timeout=10\n" + GATE + AFTER)

    def scan(what):
        t.must(f"(sleep 3; timeout 20 python3 /usr/local/bin/finger '{what}')"
               " > /dev/null 2>&1 < /dev/null &")

    scan("SCAN alice")
    logins.allowed(t, "password and finger", "finger", "alice")
    scan("SCAN somebody")
    logins.refused(t, "another finger", "finger", "alice")


FINGER = """\
import socket, sys, time
for turn in range(60):
    try:
        s = socket.socket(socket.AF_UNIX)
        s.connect("/run/fprint/v.sock")
        break
    except OSError:
        time.sleep(0.25)
s.sendall(sys.argv[1].encode())
s.shutdown(socket.SHUT_WR)
s.recv(2000)
"""
