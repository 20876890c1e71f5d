# SPDX-License-Identifier: Apache-2.0
"""Evidence that survives: power cuts at random moments under load, kills of
everything that carries an event, and a disk without room. After each: nothing
that was durable is gone, the chain verifies, the collector holds each event
once and in order. 4 cuts and 6 kills here, 20 and 50 in `make soak`
(SEKIMORI_CUTS, SEKIMORI_KILLS)."""

import os
import random
import time

TIERS = ("T1",)
CUTS = int(os.environ.get("SEKIMORI_CUTS", "4"))
KILLS = int(os.environ.get("SEKIMORI_KILLS", "6"))
TAIL = "/run/sekimori/spool.tail"
# Another text each time, so each time an event.
RELOAD = ("date '+# %s.%N' > /etc/sekimori/rules.d/99-load.rules; "
          "busctl call jp.sekimori.Agent1 /jp/sekimori/Agent1 "
          "jp.sekimori.Agent1 Reload > /dev/null 2>&1")
SPOOL = "/var/lib/sekimori/spool"
FULL_POLICY = """
policy "full" serial 2 mode enforce
block with-interface one-of { 08:*:* } rule-id "no-sticks"
"""


def load(t):
    """An event after the other: the policy is read again and again."""
    t.must("cat > /root/load",
           stdin=f"while :; do {RELOAD}; done\n".encode())
    t.must("systemd-run --quiet --unit load sh /root/load")


def tail(t):
    """(stream, newest durable number), once there is one."""
    stream, seq = t.until(f"cat {TAIL}", seconds=90).split()
    return stream, int(seq)


def all_arrived(t, wait=120):
    """The spool is whole and the collector holds what it holds."""
    t.sh("systemctl stop load")
    said = t.must("sekimorictl spool verify", timeout=120)
    t.check("\nwhole;" in said, said)
    _, newest = tail(t)
    t.collector.events(where=lambda e: e["metadata"]["sequence"] >= newest,
                       wait=wait)
    got = [e["metadata"]["sequence"] for e in t.collector.events()]
    t.check(got and got[-1] >= newest, f"{got[-1:]} of {newest}")
    t.equal(got, list(range(1, len(got) + 1)), "what the collector holds")


def test_power_cuts_under_load_lose_nothing(t):
    moments = random.Random(os.environ.get("SEKIMORI_SEED"))
    t.collector.enrol()
    stream, durable = tail(t)
    for cut in range(CUTS):
        load(t)
        end = time.monotonic() + moments.uniform(1, 6)
        while time.monotonic() < end:
            durable = tail(t)[1]
        t.power_cut()
        t.boot()
        now = tail(t)
        t.transcript.write(f"cut {cut}: {durable} durable, {now[1]} found\n")
        t.equal(now[0], stream, "the stream")
        t.check(now[1] >= durable, f"{durable} was durable, {now[1]} is")
    t.check(durable > 10 * CUTS, f"there was a load: {durable}")
    all_arrived(t)


def test_kills_under_load_lose_nothing(t):
    t.collector.enrol()
    stream, durable = tail(t)
    load(t)
    for _ in range(KILLS):
        durable = tail(t)[1]
        t.must("systemctl kill -s KILL sekimorid")
        t.sh("systemctl kill -s KILL sekimori-ship")
        t.collector.kill()
        time.sleep(random.uniform(0.1, 1))
        t.collector.start()
        t.until("systemctl is-active -q sekimorid")
        t.until(f"test $(cut -d' ' -f2 {TAIL}) -gt {durable}", seconds=60)
    t.equal(tail(t)[0], stream, "the stream")
    all_arrived(t)


def small_disk(t):
    """The spool on a file system of 20 MiB: the reserve fits, and an open
    segment with room for a few dozen events."""
    t.must("systemctl stop sekimorid sekimori-ship")
    t.must(f"rm -rf {SPOOL}/* {TAIL} /var/lib/sekimori-ship/cursor")
    t.must(f"mount -t tmpfs -o size=20M,mode=0750,gid=sekimori-ship "
           f"spool {SPOOL}")
    t.put(t.build + "/tests/e2e/tools/spool_write", "/root/spool_write")
    t.must("/root/spool_write / 1400 645")
    t.must(f"chgrp sekimori-ship {SPOOL}/* && chmod 640 {SPOOL}/*.seg && "
           f"rm -f {TAIL}")
    t.must("systemctl start sekimorid", timeout=120)


def test_a_full_disk_keeps_denials_and_drains_by_itself(t):
    t.policy(FULL_POLICY)
    t.collector.enrol()
    t.link(up=False)
    small_disk(t)
    t.must(f"for i in $(seq 80); do {RELOAD}; done", timeout=240)
    gap = t.events("log.gap", wait=30)[-1]["sekimori"]["gap"]
    t.equal(gap["why"], "no room for events", "the reason")
    t.check("policy.loaded" in gap["folded"], gap)
    t.check("the spool is full" in t.sh("sekimorictl status --json").text,
            "it says so")
    # The reserve: a stick is refused and that is durable, at once.
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.blocked(t.usb("serial", "S0001"))
    folded = len(t.events("log.gap", all=True))
    t.check(folded <= 8, f"{folded} summaries for 80 events")

    t.link(up=True)
    t.must("systemctl start sekimori-ship")
    t.collector.events(where=lambda e: e["metadata"]["event_code"] ==
                       "usb.device.blocked", wait=150)
    # It hears of the acknowledgement when somebody asks, or at a heartbeat.
    t.wait_for(lambda: "spool is full" not in
               t.sh("sekimorictl status --json").text, 60, "room")
    before = tail(t)[1]
    t.must(RELOAD)
    t.until(f"test $(cut -d' ' -f2 {TAIL}) -gt {before}")
    t.events("policy.loaded", wait=30, where=lambda e: e["metadata"][
        "sequence"] > before)
    stream, newest = tail(t)

    def of_stream(event):
        # What spool_write made has no chain, and is of this stream.
        chain = event.get("sekimori", {}).get("chain", {"id": stream})
        return chain["id"] == stream

    t.collector.events(where=lambda e: of_stream(e) and
                       e["metadata"]["sequence"] >= newest, wait=90)
    got = [e["metadata"]["sequence"] for e in t.collector.events(of_stream)]
    t.equal(got, list(range(1, len(got) + 1)), "what the collector holds")
    # spool_write's events are none of ours: they are not to be judged.
    t.must("systemctl stop sekimorid")


def test_a_root_disk_filled_by_others_jams_nothing(t):
    t.policy(FULL_POLICY)
    t.collector.enrol()
    t.must("fallocate -l $(df --output=avail -B1 / | tail -n 1) /root/fill "
           "2> /dev/null; dd if=/dev/zero of=/root/more bs=4k 2> /dev/null; "
           "test $(df --output=avail -B4096 / | tail -n 1) -lt 8",
           timeout=120)
    t.plug("storage", "stick", t.stick(), serial="S0001")
    t.blocked(t.usb("serial", "S0001"))
    t.collector.events(where=lambda e: e["metadata"]["event_code"] ==
                       "usb.device.blocked", wait=60)
    t.must("systemctl restart sekimorid", timeout=120)
    t.events("agent.start", wait=60)
    t.must("rm /root/fill /root/more")
    all_arrived(t)
