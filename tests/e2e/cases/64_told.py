# SPDX-License-Identifier: Apache-2.0
"""The person in front of the terminal is told what was blocked, on the text
console and by the bus; nobody else is."""

import json

TIERS = ("T1",)
POLICY = """
policy "told" mode enforce
allow with-interface one-of { 08:*:* }
media deny rule-id "no-media"
"""


def stay(t, command, name):
    """alice is in front of tty1 while the command runs; its words in a file."""
    t.must(f"systemd-run --quiet --collect --unit={name} sh -c "
           f"\"exec as-alice '{command}' > /root/{name} 2>&1\"")
    t.until("loginctl list-sessions --no-legend | grep -q alice", 20)


def test_a_block_is_said_on_the_text_console_and_to_the_subscriber(t):
    t.put(t.build + "/tests/e2e/tools/notice_listen", "/usr/local/bin/notice_listen")
    t.policy(POLICY)
    stay(t, "notice_listen 90", "alice")
    t.until("grep -q subscribed /root/alice", 20)
    t.must("systemd-run --quiet --collect --unit=root-ear sh -c "
           "'exec notice_listen 90 > /root/root-ear 2>&1'")
    # no session, so polkit does not know them as a person at the terminal
    refused = t.sh("su nobody -s /bin/sh -c 'notice_listen 2'").text
    t.check("refused" in refused, f"nobody is told: {refused}")

    t.mark()
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.events("media.denied", wait=30)
    t.until("grep -q media.denied /root/alice", 10)
    told = t.must("grep ^Notice /root/alice").splitlines()
    codes = [json.loads(line.split(" ", 1)[1])["metadata"]["event_code"]
             for line in told]
    t.check("media.denied" in codes, f"codes {codes}")
    t.check("Event" not in t.must("cat /root/alice"), "a user gets root's signal")
    t.until("grep -q '^Event .*media.denied' /root/root-ear", 10)
    screen = t.must("cat /dev/vcs1")
    t.check("[Sekimori] A medium was blocked" in screen, f"the screen: {screen}")


def test_nobody_is_told_when_they_are_not_in_front(t):
    t.put(t.build + "/tests/e2e/tools/notice_listen", "/usr/local/bin/notice_listen")
    t.policy(POLICY)
    stay(t, "notice_listen 90", "alice")
    t.until("grep -q subscribed /root/alice", 20)
    # to another console: the session is there, but not in front
    t.must("python3 -c 'import fcntl; fcntl.ioctl(open(\"/dev/tty0\"), "
           "0x5606, 5)'")
    t.until("loginctl list-sessions --no-legend | grep alice | awk '{print $1}'"
            " | xargs -n1 loginctl show-session -p Active | grep -q no", 20)
    t.mark()
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.events("media.denied", wait=30)
    t.must("sleep 2")
    t.fails("grep media.denied /root/alice")
    t.check("A medium was blocked" not in t.must("cat /dev/vcs1"),
            "said on a console that nobody looks at")
