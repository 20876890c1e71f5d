# SPDX-License-Identifier: Apache-2.0
"""Must show: ways in beside the front door, and the switch: who came past the
gate by ssh, a key that is pulled, a daemon that hangs or comes back, the
sealed account, what logs nobody in, the trial, and a change of the stacks.
What a session may do is in 65_sessions.py."""

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


def test_a_daemon_that_hangs_holds_nobody_up(t):
    logins.arm(t)
    t.put(t.build + "/tests/e2e/tools/pam_cost", "/usr/local/bin/pam_cost")
    logins.stack(t, "bare", "auth required pam_permit.so\n"
                 "account required pam_permit.so\n"
                 "session required pam_permit.so\n")
    logins.stack(t, "gated", "auth required pam_permit.so\n"
                 "auth optional pam_sekimori.so gate report\n"
                 "account required pam_permit.so\n"
                 "account optional pam_sekimori.so gate report\n"
                 "session required pam_permit.so\n"
                 "session optional pam_sekimori.so gate report\n")

    def cost():
        return (float(t.must("pam_cost gated alice 60"))
                - float(t.must("pam_cost bare alice 60")))

    up = cost()
    t.must("systemctl kill -s STOP sekimorid")
    stopped = cost()
    got = logins.person(t, "alice")
    t.check(got["in"], f"not let in past a stopped daemon: {got['said']}")
    logins.key_says(t, "touch=no")
    got = logins.person(t, "alice", seconds=12)
    t.check(not got["in"], "one factor passes a stopped daemon")
    t.must("systemctl kill -s CONT sekimorid")
    t.transcript.write(f"gate: {up:.2f} ms, daemon stopped {stopped:.2f} ms\n")
    # The processor is emulated; tests/bench/bench_pam has the real figure.
    t.check(up < 100, f"a login takes {up:.1f} ms more with the gate")
    t.check(stopped < 1000, f"a stopped daemon costs {stopped:.0f} ms")


def test_a_daemon_that_comes_back_does_not_believe_the_dead(t):
    """Records of processes that have gone, and of a pid used again."""
    logins.arm(t)
    logins.stays(t, "alice1", "alice")
    session = logins.session_of(t, "alice", state="attested")
    t.must("systemctl stop sekimorid")
    t.must("systemctl stop alice1; sleep 1")
    # Her record under the pid of somebody else's session leader.
    logins.start_sshd(t)
    logins.stack(t, "sshd", "auth required pam_unix.so\n"
                 "account required pam_permit.so\n"
                 "session optional pam_systemd.so\n")
    logins.stays(t, "intruder", program=logins.ssh("publickey"))
    t.must("cd /run/sekimori/mfa/open; pid=$(loginctl list-sessions "
           "--no-legend | while read s rest; do loginctl show-session $s "
           "-p Leader --value; done | tail -n 1); "
           f"printf 'kind=open\\npid=%s\\nstart=1\\nuser=alice\\n' $pid "
           "> $pid-1; chmod 600 $pid-1")
    t.must("systemctl start sekimorid")
    t.mark()
    states = {s["state"] for s in logins.sessions(t)
              if s["session"] != session["session"]}
    t.check("attested" not in states, f"a stale record was believed: {states}")


def test_break_glass_opens_at_the_terminal_alone(t):
    logins.arm(t)
    logins.start_sshd(t, "PermitRootLogin yes\\n")
    logins.pull_key(t)
    t.mark()
    got = logins.person(t, "root", program=logins.ssh("password", "root"),
                        seconds=15)
    t.check(not got["in"], "root over ssh")
    got = logins.person(t, "kinkyu", program=logins.ssh("password", "kinkyu"),
                        seconds=15)
    t.check(not got["in"], "the sealed account over ssh")
    got = logins.person(t, "alice", seconds=8)
    t.check(not got["in"], "somebody else with one factor")
    logins.stays(t, "glass", "kinkyu", program="login -- kinkyu")
    session = logins.session_of(t, "kinkyu", state="breakglass")
    t.check(not session.get("media"), "break-glass gets media")
    event = t.events("mfa.breakglass.used", wait=20)[0]
    t.equal(event["severity_id"], 5, "severity")


def test_what_logs_nobody_in_goes_on(t):
    logins.arm(t)
    t.must("echo 'alice ALL=(root) ALL' > /etc/sudoers.d/alice")
    t.must("su - alice -c true")
    logins.pull_key(t)
    # Within her session sudo asks for the password alone, as before.
    t.must("runuser -u alice -- sh -c 'echo alice | sudo -S -p \"\" true'")
    # Jobs: the administrator's run, hers are not taken.
    t.must("rm -f /etc/systemd/system/cron.service; systemctl daemon-reload; "
           "echo '* * * * * root touch /run/cron-ran' > /etc/cron.d/case; "
           "systemctl start cron")
    t.fails("runuser -u alice -- sh -c 'echo \"* * * * * id\" | crontab -'",
            "not allowed")
    t.fails("runuser -u alice -- sh -c 'echo id | at now'", "permission")
    t.fails("runuser -u alice -- loginctl enable-linger alice", "denied",
            "authentication", "authorized")
    t.must("loginctl enable-linger alice")
    t.check("linger" in t.sh("sekimorictl login lint --json").text,
            "linger is not found")
    t.until("test -e /run/cron-ran", 90)


def test_a_trial_ends_by_itself(t):
    logins.prepare(t)
    logins.pull_key(t)
    got = logins.person(t, "alice")
    t.check(got["in"], f"refused in report mode: {got['said']}")
    t.must("rm /etc/cron.allow")
    t.fails("sekimorictl login enforce", "cron.allow")
    t.must("echo root > /etc/cron.allow; gpasswd -d kinkyu "
           "sekimori-breakglass; passwd -l root")
    t.fails("sekimorictl login enforce", "nobody could come in")
    t.must("gpasswd -a kinkyu sekimori-breakglass; sekimorictl login enforce")
    t.check("on trial" in t.must("sekimorictl login status"), "not on trial")
    got = logins.person(t, "alice", seconds=8)
    t.check(not got["in"], "one factor passes while on trial")
    t.fails("sekimorictl login confirm", "Nobody is logged in")
    # Five minutes are long; the daemon takes any number of seconds.
    t.must("busctl call jp.sekimori.Agent1 /jp/sekimori/Agent1 "
           "jp.sekimori.Agent1 SetLoginMode su enforce 12")
    got = logins.person(t, "alice", seconds=8)
    t.check(not got["in"], "one factor passes while on trial")
    time.sleep(10)
    t.check("the trial ran out" in t.must("sekimorictl login status"),
            "the trial goes on")
    got = logins.person(t, "alice")
    t.check(got["in"], f"refused after the trial: {got['said']}")
    # Confirmed by somebody who did come in with two.
    logins.plug_key(t)
    t.must("sekimorictl login enforce")
    logins.stays(t, "alice1", "alice")
    t.must("sekimorictl login confirm")
    t.check("enforcing:" in t.must("sekimorictl login status"), "not kept")


def test_a_change_of_the_stacks_is_told(t):
    logins.arm(t)
    time.sleep(4)
    t.mark()
    before = t.must("sekimorictl login lint | tail -n 1")
    t.must("echo '# nothing' >> /etc/pam.d/common-auth")
    time.sleep(4)
    t.equal(t.events("mfa.stack.changed"), [], "told of a comment")
    t.equal(t.must("sekimorictl login lint | tail -n 1"), before, "the hash")
    t.must("sed -i '/pam_sekimori.so gate/d' /etc/pam.d/common-auth")
    event = t.events("mfa.stack.changed", wait=20)[0]
    found = event["sekimori"]["mfa"]
    t.check(found["lint_errors"] > 0, "no way past two factors was found")
    t.check(found["stack_sha256"] in t.sh("sekimorictl login lint").text,
            "another hash than the linter's")
