# SPDX-License-Identifier: Apache-2.0
"""Bad input changes nothing and is told of."""

TIERS = ("T1",)
RELOAD = ("busctl call jp.sekimori.Agent1 /jp/sekimori/Agent1 "
          "jp.sekimori.Agent1 Reload")


def test_a_rule_file_with_an_error_keeps_the_policy_in_force(t):
    digest = t.status()["policy-digest"]
    t.mark()
    t.must("printf 'allow id 1234:5678\\nallow id 12G4:5678\\n' > "
           "/etc/sekimori/rules.d/60-broken.rules")
    t.fails(RELOAD, "60-broken.rules:2:")
    event = t.events("policy.rejected", wait=20)[0]
    t.check("60-broken.rules:2:" in str(event), "the place is not told")
    t.equal(t.status()["policy-digest"], digest, "the policy in force")
    t.plug("storage", "stick", t.stick(), serial="S0001")
    event = t.blocked(t.usb("serial", "S0001"))
    t.equal(event["sekimori"]["decision"]["rule"], "no-usb-storage", "rule")


def test_hostile_strings_are_tamed(t):
    t.mark()
    t.must("truncate -s 1M /root/x.img")
    t.gadget("evil", ["storage:/root/x.img"], serial="EVIL1",
             product='"}]\\u0000</script>\033[31m', manufacturer="A\tB")
    t.usb("serial", "EVIL1")
    event = t.events("usb.device.blocked", wait=20)[0]
    text = str(event["peripheral_device"])
    t.check("\033" not in text and "\t" not in text, "controls got through")


def test_a_collector_that_answers_nonsense_loses_nothing(t):
    t.collector.enrol()
    t.collector.kill()
    with t.collector.nonsense():
        t.plug("storage", "stick", t.stick(), serial="S0001")
        t.blocked(t.usb("serial", "S0001"))
        t.must("systemctl restart sekimori-ship; sleep 3")
        t.must("systemctl is-active sekimori-ship")
    t.collector.start()
    t.must("systemctl restart sekimori-ship")
    wanted = t.events(all=True)
    t.collector.events(where=lambda e: e["metadata"]["sequence"] ==
                       wanted[-1]["metadata"]["sequence"], wait=60)
