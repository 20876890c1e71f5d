#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sekimori-notify with a real bus: a small notification service and a small
sekimorid on a private dbus-daemon. What arrives as a bubble is what was told;
its button opens the window (Xvfb), and what is typed there arrives as a call.
Pictures of the window are kept in BUILD/notify."""
import json, os, pathlib, shutil, signal, subprocess, sys, tempfile, time

BUILD = os.environ.get("BUILD", "build")
PROG = f"{BUILD}/sekimori-notify"
OUT = pathlib.Path(BUILD) / "notify"
NAME, PATH = "jp.sekimori.Agent1", "/jp/sekimori/Agent1"
RUNTIME = tempfile.TemporaryDirectory(prefix="sekimori-", ignore_cleanup_errors=True)
count = {"passed": 0, "failed": 0, "skipped": 0}


def end():
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**count))
    sys.exit(1 if count["failed"] else 0)


def skip(why):
    print("skip:", why)
    count["skipped"] += 1
    end()


try:
    import dbus, dbus.service
    from dbus.lowlevel import SignalMessage
    from dbus.mainloop.glib import DBusGMainLoop
    from gi.repository import GLib
except ImportError as e:
    # Debian's modules belong to Debian's Python
    if os.path.realpath(sys.executable) != os.path.realpath("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    skip(f"{e.name} is not installed")
if not shutil.which("dbus-daemon"):
    skip("dbus-daemon is not installed")
if not os.access(PROG, os.X_OK):
    skip(f"{PROG} was not built")


def check(good, what):
    count["passed" if good else "failed"] += 1
    if not good:
        print("FAIL", what)


def wait(condition, seconds=30):
    """Runs the loop until the condition holds."""
    context, until = GLib.MainContext.default(), time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        while context.iteration(False):
            pass
        time.sleep(0.01)
    return bool(condition())


class Notifications(dbus.service.Object):
    def __init__(self, bus):
        super().__init__(dbus.service.BusName("org.freedesktop.Notifications", bus),
                         "/org/freedesktop/Notifications")
        self.shown, self.next = [], 1

    @dbus.service.method("org.freedesktop.Notifications", in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, app, replaces, icon, summary, body, actions, hints, timeout):
        number = int(replaces) or self.next
        self.next = max(self.next, number + 1)
        self.shown.append({"id": number, "replaces": int(replaces), "title": str(summary), "body": str(body),
                           "actions": [str(a) for a in actions], "urgency": int(hints.get("urgency", 1))})
        return dbus.UInt32(number)

    @dbus.service.method("org.freedesktop.Notifications", out_signature="as")
    def GetCapabilities(self):
        return ["body", "body-markup", "actions"]

    @dbus.service.method("org.freedesktop.Notifications", out_signature="ssss")
    def GetServerInformation(self):
        return "test", "test", "1", "1.2"

    @dbus.service.signal("org.freedesktop.Notifications", signature="us")
    def ActionInvoked(self, number, key):
        pass


class Agent(dbus.service.Object):
    def __init__(self, bus):
        super().__init__(dbus.service.BusName(NAME, bus), PATH)
        self.subscribed, self.status, self.requests, self.codes = [], 0, [], []

    @dbus.service.method(NAME, sender_keyword="sender")
    def Subscribe(self, sender):
        self.subscribed.append(sender)

    @dbus.service.method(NAME, out_signature="a{sv}")
    def Status(self):
        self.status += 1
        return {"contact": "情報政策課 内線 2345"}

    @dbus.service.method(NAME, in_signature="a{sv}", out_signature="s")
    def Request(self, request):
        self.requests.append(dict(request))
        return "g-0123456789abcdef"

    @dbus.service.method(NAME, in_signature="ss", out_signature="a{sv}")
    def UseCode(self, receipt, code):
        self.codes.append((str(receipt), str(code)))
        if len(self.codes) == 1:
            raise dbus.DBusException("it is wrong", name=NAME + ".Error.WrongCode")
        return {"id": "g-0123456789abcdef"}


def event(code, **more):
    return json.dumps({"metadata": {"event_code": code}, "status_code": "SKM-D-0101", **more}, ensure_ascii=False)


def blocked(port, name):
    return event("usb.device.blocked", peripheral_device={"name": name},
                 sekimori={"decision": {"mode": "enforce"}, "user_ref": "EYGB-13JG-B", "usb": {"busport": port}})


def tell(bus, to, text):
    message = SignalMessage(PATH, NAME, "Notice")
    message.set_destination(to)
    message.append(dbus.UInt64(7), text, signature="ts")
    bus.send_message(message)
    bus.flush()


def start_bus():
    daemon = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1"],
                              stdout=subprocess.PIPE, text=True)
    return daemon, daemon.stdout.readline().strip()


def environment(address, **more):
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "DBUS_", "XDG_"))}
    return {**keep, "DBUS_SESSION_BUS_ADDRESS": address, "DBUS_SYSTEM_BUS_ADDRESS": address,
            "LC_ALL": "C.UTF-8", "LANGUAGE": "ja", "GSK_RENDERER": "cairo", "GDK_BACKEND": "x11",
            "XDG_RUNTIME_DIR": RUNTIME.name, **more}


def start_display():
    """An X server and its number, or None."""
    if not shutil.which("Xvfb"):
        return None, None
    read, write = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
                              pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    number = os.fdopen(read).readline().strip()
    return server, number


def bubbles(bus, agent, service):
    """The listener; returns it and the last bubble of a denial."""
    check(wait(lambda: agent.subscribed and agent.status), "it subscribes and asks whom to call")
    to = agent.subscribed[0]
    tell(bus, to, blocked("1-4.1", "Ultra <b>1</b>"))
    check(wait(lambda: service.shown), "a block becomes a bubble")
    first = service.shown[-1]
    check(first["title"] == "「Ultra <b>1</b>」は使えません", first["title"])
    check(first["body"].startswith("理由: "), first["body"])
    check("受付番号: EYGB-13JG-B\n連絡先: 情報政策課 内線 2345" in first["body"], first["body"])
    check(first["actions"][:1] == ["request"] and first["urgency"] == 2, str(first))

    for i in range(50):
        tell(bus, to, blocked(f"1-4.{2 + i % 3}", f"<i>Part {i % 3}"))
    check(wait(lambda: len(service.shown) > 1, 10), "the dock's other parts are told")
    dock = service.shown[-1]
    check(dock["replaces"] == first["id"], "in the same bubble")
    check(dock["title"] == "4台の機器は使えません", dock["title"])
    check("&lt;i&gt;Part 0" in dock["body"] and "<i>" not in dock["body"], dock["body"])
    check("51回" in dock["body"], dock["body"])
    check(len(service.shown) == 2, f"fifty denials moved it {len(service.shown)} times")

    tell(bus, to, event("media.ending", sekimori={"media": {"node": "sdb", "label": "窓口"}, "ending": {
        "left_s": 60, "open": [{"name": "soffice.bin", "path": "/media/x/表.ods"}]}}))
    check(wait(lambda: len(service.shown) > 2), "the countdown has its own bubble")
    last = service.shown[-1]
    check(last["title"] == "「窓口」の使用はまもなく終わります" and "・表.ods(soffice.bin)" in last["body"], str(last))
    tell(bus, to, event("usb.device.allowed"))
    tell(bus, to, "no record")
    check(not wait(lambda: len(service.shown) > 3, 1), "what concerns nobody is not shown")
    return dock


def picture(display, name):
    if shutil.which("import"):
        subprocess.run(["import", "-display", display, "-window", "root", str(OUT / name)], check=False)


def keys(display, *words):
    subprocess.run(["xdotool", *words], env={**os.environ, "DISPLAY": display}, check=True)


READER = """
import gi, sys, time
gi.require_version("Atspi", "2.0")
from gi.repository import Atspi
def walk(node):
    print(node.get_role_name(), node.get_name(), sep="|")
    for i in range(node.get_child_count()):
        walk(node.get_child_at_index(i))
desktop = Atspi.get_desktop(0)
until = time.monotonic() + 20
while desktop.get_child_count() == 0 and time.monotonic() < until:
    time.sleep(0.2)
for i in range(desktop.get_child_count()):
    walk(desktop.get_child_at_index(i))
"""


def reader(env, want):
    """What a screen reader is told: (role, beginning of the name) of each."""
    got = subprocess.run([sys.executable, "-c", READER], env=env, capture_output=True, text=True, timeout=60)
    if "not available" in got.stderr or "cannot import name" in got.stderr:
        print("skip reader: gir1.2-atspi-2.0 is not installed")
        count["skipped"] += 1
        return
    nodes = [line.split("|", 1) for line in got.stdout.splitlines() if "|" in line]
    for role, name in want:
        check(any(node[0] == role and name in node[1] for node in nodes),
              f"a screen reader finds no {role} '{name}' in {nodes} {got.stderr}")


FIELDS = [("label", "受付番号: EYGB-13JG-B"), ("combo box", "目的"), ("combo box", "使い方"), ("combo box", "時間"),
          ("text", "備考"), ("text", "受付番号"), ("text", "コード"), ("push button", "申請する"),
          ("push button", "コードを使う")]


def window(agent, display, env):
    """Typed by keyboard alone, as who cannot use a mouse does."""
    check(wait(lambda: agent.status > 1), "the window asks whom to call")
    find = ["xdotool", "search", "--sync", "--onlyvisible", "--class", "notify"]
    found = subprocess.run(find, env={**os.environ, "DISPLAY": display}, capture_output=True, text=True, timeout=60)
    check(found.stdout.strip() != "", "the window is there")
    keys(display, "windowfocus", found.stdout.split()[0])
    time.sleep(2)
    picture(display, "window.png")
    reader(env, FIELDS)
    keys(display, "key", "alt+n")
    keys(display, "type", "--delay", "30", "HD-1")
    keys(display, "key", "alt+s")
    check(wait(lambda: agent.requests), "a request is sent")
    request = agent.requests[0] if agent.requests else {}
    check((request.get("device"), request.get("access"), request.get("minutes"), request.get("reason"),
           request.get("note")) == ("1-4.3", "read-only", 30, "data-return", "HD-1"), str(request))
    keys(display, "key", "alt+c")
    keys(display, "type", "--delay", "30", "0a05 1evf w24p1")  # the last letter is wrong
    keys(display, "key", "alt+u")
    check(not wait(lambda: agent.codes, 1), "a misspelt code is not sent")
    picture(display, "misspelt.png")
    keys(display, "key", "BackSpace", "0")
    time.sleep(0.5)
    picture(display, "scope.png")
    reader(env, [("status bar", "このコードの内容: 読み取り専用・30分・1回")])
    keys(display, "key", "alt+u")
    check(wait(lambda: agent.codes), "a code is sent")
    check(agent.codes[:1] == [("EYGB-13JG-B", "0a05 1evf w24p0")], str(agent.codes))
    wait(lambda: False, 1)
    picture(display, "refused.png")
    keys(display, "key", "alt+u")
    check(wait(lambda: len(agent.codes) == 2), "a refused one can be tried again")
    wait(lambda: False, 1)
    picture(display, "accepted.png")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    DBusGMainLoop(set_as_default=True)
    daemon, address = start_bus()
    server, number = start_display()
    display = f":{number}"
    bus = dbus.bus.BusConnection(address)
    service, agent = Notifications(bus), Agent(bus)
    env = environment(address, **({"DISPLAY": display} if number else {}))
    listener = subprocess.Popen([PROG, "--translations", f"{BUILD}/locale"], env=env)
    try:
        dock = bubbles(bus, agent, service)
        if not number or not shutil.which("xdotool"):
            print("skip window: Xvfb or xdotool is not installed")
            count["skipped"] += 1
        else:
            service.ActionInvoked(dock["id"], "request")
            window(agent, display, env)
        listener.send_signal(signal.SIGTERM)
        check(listener.wait(10) == 0, "it ends when the session does")
    finally:
        for child in (listener, server, daemon):
            if child and child.poll() is None:
                child.terminate()
                child.wait(10)
    end()


main()
