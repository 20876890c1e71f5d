# SPDX-License-Identifier: Apache-2.0
"""Two factors, watched: sessions of the real login(1) and logind are bound to
what their gate recorded, and what is not, or no longer, proven ends."""

from sessions import PLUG, STRIPPED, Office

TIERS = ("T1",)


def test_a_session_past_all_gates_ends_in_six_seconds(t):
    office = Office(t)
    office.stack(STRIPPED)
    out = office.come()
    lived = office.lived(out, 20)
    t.check(lived <= 8, f"the session lived for {lived} s")
    event = t.events("mfa.session.violation", wait=10)[0]
    t.equal(event["status_code"], "SKM-L-0304", "reason")
    t.equal(event["sekimori"]["mfa"]["reaction"], "terminate", "reaction")


def test_a_key_pulled_and_put_back_at_once_is_no_removal(t):
    office = Office(t)
    out = office.come()
    office.session(state="attested")
    t.must("systemctl stop key; " + PLUG)
    t.must("sleep 6")
    t.equal(office.session()["state"], "attested", "state")
    office.pull_key()
    locked = t.events("mfa.session.locked", wait=15)[0]
    t.equal(locked["status_code"], "SKM-L-0305", "reason")
    office.plug_key()
    # A text console has no lock: the request has no effect, which ends it
    office.lived(out, 30)
    event = t.events("mfa.session.violation", wait=10)[0]
    t.equal(event["status_code"], "SKM-L-0311", "reason")


def test_a_killed_daemon_remembers_its_sessions(t):
    office = Office(t)
    out = office.come()
    office.session(state="attested")
    t.must("systemctl kill -s KILL sekimorid")
    office.stack(STRIPPED)
    late = office.come()
    t.until("sekimorictl status || test $? = 1", 30)
    office.lived(late, 30)
    t.equal(office.session(state="attested")["recorded"], True, "recorded")
    t.fails(f"grep lived {out}")
