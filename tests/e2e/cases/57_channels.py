# SPDX-License-Identifier: Apache-2.0
"""Ways out that are neither a USB device nor a medium: radios, networks,
serial and parallel ports. No Thunderbolt hardware here."""

import json

TIERS = ("T1", "T2")

PINS = "/sys/fs/bpf/sekimori"
HEAD = 'policy "case" serial 9 mode enforce\n'
NODE = "import os; os.open('/dev/rfkill', os.{})"


def channel(t, code, kind, wait=30):
    return t.events(code, wait, where=lambda e: e["sekimori"].get(
        "channel", {}).get("kind") == kind)[0]


def wifi(t):
    """A radio that the kernel makes up; its name in class rfkill."""
    if not t.sh("modprobe mac80211_hwsim radios=1").ok:
        t.skip("no mac80211_hwsim in this kernel")
    return t.until("grep -lx wlan /sys/class/rfkill/*/type").split("/")[-2]


def soft(t, radio, wanted):
    t.until(f"grep -x {wanted} /sys/class/rfkill/{radio}/soft")


def test_wifi_is_blocked_and_stays_so(t):
    t.policy(HEAD)
    t.mark()
    radio = wifi(t)
    soft(t, radio, 1)
    event = channel(t, "channel.blocked", "wifi")
    t.equal(event["sekimori"]["channel"]["name"], radio, "the radio")
    t.fails("ip link set wlan0 up", "rf-kill", "132")
    # By no way that root has
    t.fails(f"echo 0 | tee /sys/class/rfkill/{radio}/soft", "not permitted")
    t.fails(f"echo 1 | tee /sys/class/rfkill/{radio}/state", "not permitted")
    t.fails(f'python3 -c "{NODE.format("O_RDWR")}"', "permission denied",
            "not permitted")
    t.must(f'python3 -c "{NODE.format("O_RDONLY")}"')
    t.events("sysfs.write.blocked", wait=10)
    t.events("block.open.blocked", wait=10, where=lambda e: e["file"].get(
        "path") == "/dev/rfkill")
    soft(t, radio, 1)
    t.equal(t.must("systemctl --failed --no-legend --plain"), "", "units")


def test_wifi_that_policy_allows_comes_back(t):
    t.policy(HEAD)
    radio = wifi(t)
    soft(t, radio, 1)
    t.mark()
    t.policy(HEAD + "channel allow wifi\nchannel deny bluetooth\n")
    soft(t, radio, 0)
    channel(t, "channel.allowed", "wifi")
    t.must("ip link set wlan0 up")
    t.policy(HEAD + "channel deny wifi\n")
    soft(t, radio, 1)


def test_a_radio_unblocked_behind_the_guard_is_blocked_again(t):
    t.policy(HEAD)
    radio = wifi(t)
    soft(t, radio, 1)
    t.mark()
    t.must(f"rm {PINS}/*/guard_file_open")
    t.must(f"echo 0 > /sys/class/rfkill/{radio}/soft")
    event = t.events("agent.tamper", wait=20)[0]
    t.equal(event["sekimori"]["tamper"]["kind"], "channel", "kind")
    t.equal(event["sekimori"]["tamper"]["enforcement"], "held", "blocked")
    soft(t, radio, 1)


def test_bluetooth_is_blocked(t):
    t.policy(HEAD + "channel allow wifi\n")
    if not t.sh("modprobe hci_vhci").ok:
        t.skip("no hci_vhci in this kernel")
    t.mark()
    t.must("python3 -c 'import os, time\nf = os.open(\"/dev/vhci\", "
           "os.O_RDWR)\nos.write(f, bytes([255, 0]))\ntime.sleep(60)' "
           "> /dev/null 2>&1 &")
    radio = t.until("grep -lx bluetooth /sys/class/rfkill/*/type")
    soft(t, radio.split("/")[-2], 1)
    channel(t, "channel.blocked", "bluetooth")


def test_status_devices_and_explain_show_radios_and_ports(t):
    t.policy(HEAD + "channel deny wifi\nchannel allow printer\n")
    radio = wifi(t)
    soft(t, radio, 1)
    rows = {row[0]: row[1:] for row in t.status()["channels"]}
    t.equal(rows["wifi"], ["blocked", radio], "Wi-Fi")
    t.equal(rows["serial"][0], "blocked", "serial ports")
    t.equal(rows["printer"][0], "authorised", "printers")
    listed = [d for d in json.loads(t.must("sekimorictl devices --json"))
              if d["id"] == radio]
    t.equal([(d["kind"], d["channels"], d["state"], d["rule"])
             for d in listed],
            [("channel", ["wifi"], "blocked", "channel deny wifi")], "listed")
    for name, rule in ((radio, "channel deny wifi"), ("wifi", "deny wifi"),
                       ("/dev/rfkill", "deny wifi"), ("/dev/ttyS1", "none matched"),
                       ("lp0", "channel allow printer")):
        said = t.must("sekimorictl explain " + name)
        t.check(rule in said, f"'{rule}' is not in: {said}")
    t.check("本体の Wi-Fi" in t.must("env -u LC_ALL "
                                     "LANG=ja_JP.UTF-8 sekimorictl status"),
            "not in Japanese")
    t.policy(HEAD.replace("enforce", "monitor"))
    said = json.loads(t.must("sekimorictl status --json || true"))
    t.equal([row[:2] for row in said["channels"] if row[0] == "wifi"],
            [["wifi", "monitor"]], "Wi-Fi in monitor mode")


def heartbeats(t, seconds):
    t.must("sed -i '/^heartbeat_s/d' /etc/sekimori/agent.conf && "
           f"echo 'heartbeat_s = {seconds}' >> /etc/sekimori/agent.conf")


def learned(t):
    """What is there now is known; everything later is new."""
    heartbeats(t, 5)
    t.until("grep -c . /var/lib/sekimori/state/networks", 40)
    heartbeats(t, 300)
    t.mark()


def test_a_new_interface_and_a_second_route_are_told(t):
    learned(t)
    t.must("ip link add dummy0 type dummy && ip link set dummy0 up && "
           "ip address add 198.51.100.2/24 dev dummy0")
    event = channel(t, "network.interface.added", "network")
    t.equal(event["sekimori"]["channel"]["name"], "dummy0", "interface")
    t.must("ip route add default via 198.51.100.1 metric 500")
    event = channel(t, "network.route.added", "network")
    t.equal(event["sekimori"]["channel"]["address"], "198.51.100.1",
            "gateway")
    t.equal(event["sekimori"]["channel"]["interface"], "dummy0", "interface")
    # Told once, by a successor of the daemon, too
    t.must("systemctl restart sekimorid")
    t.until("sekimorictl status")
    t.must("ip link set dummy0 down && ip link set dummy0 up")
    t.equal(len(t.events("network.interface.added")), 1, "times told")
    t.equal(len(t.events("network.route.added")), 1, "times told")


def test_a_usb_adapter_is_told_with_its_device(t):
    t.policy(HEAD + "allow channel one-of { network modem }\n")
    learned(t)
    t.gadget("net", ["ecm"], serial="NET1")
    device = t.usb("serial", "NET1")
    event = t.events("network.interface.added", wait=30, where=lambda e: e[
        "sekimori"].get("usb", {}).get("busport") == device)[0]
    plug = t.events("usb.device.allowed", wait=10)[0]
    t.equal(event["metadata"]["correlation_uid"],
            plug["metadata"]["correlation_uid"], "the plug session")


def test_many_interfaces_do_not_fill_the_log(t):
    learned(t)
    t.must("for i in $(seq 80); do ip link add d$i type dummy && "
           "ip link del d$i; done", timeout=300)
    t.events("network.interface.added", wait=30, count=64)
    heartbeats(t, 5)
    gap = t.events("log.gap", wait=40)[0]
    t.equal(gap["sekimori"]["gap"]["count"], 16, "what was not told")
    t.equal(len(t.events("network.interface.added")), 64, "told")


def test_serial_and_parallel_ports_are_refused(t):
    t.policy(HEAD)
    t.mark()
    t.must("mknod /root/lp c 6 0 && mknod /root/parport c 99 0")
    for node in ("/dev/ttyS1", "/root/lp", "/root/parport"):
        t.fails(f"head -c 0 < {node}", "not permitted")
    t.events("block.open.blocked", wait=10, where=lambda e: e["file"].get(
        "path") == "/dev/ttyS1")
    # The kernel's own console stays, and so do terminals without a port
    t.must("stty -F /dev/ttyS0 -a < /dev/ttyS0 > /dev/null")
    t.must("head -c 0 < /dev/tty1")
    t.policy(HEAD + "channel allow serial printer\n")
    said = t.sh("head -c 0 < /dev/ttyS1; head -c 0 < /root/lp").text
    t.check("not permitted" not in said, f"still refused: {said}")
