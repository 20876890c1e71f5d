# SPDX-License-Identifier: Apache-2.0
"""Must show 7: the tier is reported as it is; and what the person at the
terminal can ask."""

TIERS = ("T1", "T2")


def test_status_tells_the_tier(t):
    status = t.status()
    t.equal(status["tier"], t.tier, "tier")
    t.equal(status["state"], "enforcing", "state")
    t.equal(status["policy-name"], "terminal", "policy")
    layers = {layer[0]: layer[1] for layer in status["layers"]}
    t.equal(layers["usb_authorize"], "ok", "usb_authorize")
    t.equal(layers["cgroup_dev"], "ok", "cgroup_dev")
    t.equal(layers["lsm" if t.tier == "T1" else "fmod_ret"], "ok",
            "the security hooks")
    text = t.must("sekimorictl status")
    t.check(t.tier in text, f"the tier is not in: {text}")


def test_status_tells_of_the_collector(t):
    t.check("collector" not in t.status(), "none is configured yet")
    t.collector.enrol()
    t.collector.events(wait=30)
    status = t.wait_for(lambda: acked(t.status()), 30, "the ack to be told")
    t.equal(status["collector"], t.collector.url, "collector")
    t.check("contact-error" not in status, f"an error is told: {status}")
    t.check(status["contact-last"] > 0, "no time of contact")
    terminals = t.collector.get("/api/v1/terminals")["terminals"]
    t.equal([x["terminal"] for x in terminals], [status["terminal"]],
            "the terminals that the collector lists")


def acked(status):
    return status if status.get("spool-acked", 0) > 0 else None


def test_alice_may_see_the_status_but_not_manage(t):
    t.must("as-alice 'sekimorictl status'")
    t.must("as-alice 'sekimorictl devices'")
    t.fails("as-alice 'busctl call jp.sekimori.Agent1 /jp/sekimori/Agent1 "
            "jp.sekimori.Agent1 Reload'")


def test_explain_tells_why_a_stick_is_blocked(t):
    t.plug("storage", "stick", t.stick(), serial="S0001")
    device = t.usb("serial", "S0001")
    t.blocked(device)
    text = t.must("sekimorictl explain " + device)
    for word in ("no-usb-storage", "50-terminal.rules", "内線 2345"):
        t.check(word in text, f"'{word}' is not in: {text}")
    listed = t.must("sekimorictl devices")
    t.check("S0001" in listed or device in listed, "the stick is not listed")


def test_nothing_failed_at_start(t):
    t.equal(t.must("systemctl --failed --no-legend --plain"), "", "units")
    t.must("systemctl is-active sekimorid")
    t.fails("journalctl -b -u sekimorid -p err --no-pager -q | grep .")


def test_one_user_cannot_keep_root_from_the_bus(t):
    """polkit answers nobody, and a user asks and asks."""
    t.must("as-alice 'sekimorictl status'")
    t.must("pkill -STOP -x polkitd")
    t.must("setsid runuser -u alice -- sh -c 'for i in $(seq 80); do "
           "busctl call jp.sekimori.Agent1 /jp/sekimori/Agent1 "
           "jp.sekimori.Agent1 Reload > /tmp/asked.$i 2>&1 & done; sleep 60' "
           "> /dev/null 2>&1 &")
    # Those that may not wait have their answer
    t.until("test $(cat /tmp/asked.* | grep -c 'too many') -ge 16",
            seconds=90)
    t.must("timeout 10 sekimorictl status")
    t.must("timeout 10 sekimorictl reload")
