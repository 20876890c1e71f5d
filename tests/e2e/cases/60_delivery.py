# SPDX-License-Identifier: Apache-2.0
"""Must show 6: every event arrives once and in order, whatever happens to the
network and to the collector."""

TIERS = ("T1",)
PLUGS = 50


def make_events(t, plugs=PLUGS):
    """Two events for each plug: blocked, removed."""
    t.must("test -e /sys/kernel/config/usb_gadget/toy || { truncate -s 1M "
           "/root/toy.img; gadget plug toy 0x1209 0x0002 TOY 0 "
           "storage:/root/toy.img; gadget unplug toy; }")
    t.must(f"for i in $(seq {plugs}); do gadget replug toy; "
           "n=0; until grep -qs TOY /sys/bus/usb/devices/*/serial; do "
           "sleep 0.05; n=$((n + 1)); [ $n -lt 200 ] || exit 1; done; "
           "sleep 0.1; gadget unplug toy; "
           "while grep -qs TOY /sys/bus/usb/devices/*/serial; do "
           "sleep 0.05; done; done", timeout=300)


def all_arrived(t, wait=90):
    """The collector holds what the spool holds: each once, in order."""
    numbers = [e["metadata"]["sequence"] for e in t.events(all=True)]
    t.equal(numbers, list(range(1, len(numbers) + 1)), "the spool")
    t.collector.events(where=lambda e: e["metadata"]["sequence"] ==
                       numbers[-1], wait=wait)
    got = [e["metadata"]["sequence"] for e in t.collector.events()]
    t.equal(got[:len(numbers)], numbers, "what the collector holds")
    t.equal(len(got), len(set(got)), "events that came once")


def test_the_network_is_cut_for_a_hundred_events(t):
    t.collector.enrol()
    t.link(up=False)
    before = int(t.must("cut -d' ' -f2 /run/sekimori/spool.tail"))
    make_events(t)
    t.until("test $(cut -d' ' -f2 /run/sekimori/spool.tail) -ge "
            f"{before + 2 * PLUGS}")
    t.link(up=True)
    t.must("systemctl restart sekimori-ship")
    all_arrived(t)


def test_the_network_comes_back_by_itself(t):
    t.collector.enrol()
    t.link(up=False)
    make_events(t, plugs=3)
    t.link(up=True)
    all_arrived(t, wait=150)


def test_the_collector_is_killed_in_the_middle(t):
    t.collector.enrol()
    for _ in range(4):
        make_events(t, plugs=5)
        t.collector.kill()
        make_events(t, plugs=2)
        t.collector.start()
        t.must("systemctl restart sekimori-ship")
        make_events(t, plugs=5)
    all_arrived(t)


def test_the_collector_is_slow(t):
    t.collector.enrol()
    make_events(t, plugs=3)
    t.collector.pause(15)
    make_events(t, plugs=3)
    all_arrived(t)


def test_the_shipper_is_killed_in_the_middle(t):
    t.collector.enrol()
    for _ in range(4):
        make_events(t, plugs=4)
        t.sh("systemctl kill -s KILL sekimori-ship")
    all_arrived(t)


def test_a_power_cut_loses_nothing_that_was_durable(t):
    t.collector.enrol()
    make_events(t, plugs=3)
    durable = t.must("cat /run/sekimori/spool.tail").split()
    t.power_cut()
    t.boot()
    t.until("test -e /run/sekimori/spool.tail", seconds=60)
    now = t.must("cat /run/sekimori/spool.tail").split()
    t.equal(now[0], durable[0], "the stream")
    t.check(int(now[1]) >= int(durable[1]), f"{durable} became {now}")
    all_arrived(t)


def test_the_shipper_can_write_its_cursor_and_nothing_else(t):
    t.collector.enrol()
    t.collector.events(wait=30)
    as_ship = "setpriv --reuid sekimori-ship --regid sekimori-ship " \
        "--clear-groups "
    t.fails(as_ship + "sh -c 'echo x > /var/lib/sekimori/spool/x'",
            "permission denied")
    t.fails(as_ship + "sh -c 'echo x >> \"$(ls -d /var/lib/sekimori/spool/* "
            "| head -n 1)\"'", "permission denied")
    t.fails(as_ship + "cat /var/lib/sekimori/host.key", "permission denied")
    t.until(as_ship + "test -w /var/lib/sekimori-ship/cursor")
