#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sekimori-ship and sekimori-collector, the real ones, together: enrolment with
a one-time token that carries the CA's pin, and delivery after it."""
import os, pathlib, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "collector")]
import terminal as real
from test_ship import SHIP, WRITE, Terminal, until

COLLECTOR = os.path.abspath(os.environ.get("BUILD", "build") + "/sekimori-collector")
CONF = "# 端末の設定\nunit = 市民課\n#collector = https://old\n"


def enrol(terminal, server, token, *words):
    return subprocess.run([SHIP, "--root", terminal.root, "enroll",
                           f"https://127.0.0.1:{server.port}", token, *words],
                          capture_output=True, text=True)


def fresh(folder, name):
    os.makedirs(f"{folder}/{name}")
    terminal = Terminal(f"{folder}/{name}")
    terminal.write(700)
    pathlib.Path(terminal.root, "etc/sekimori/agent.conf").write_text(CONF)
    return terminal


def certificate(terminal):
    return os.path.exists(terminal.state + "/client.crt")


def a_token_with_its_pin_is_all_it_takes(folder, server):
    terminal = fresh(folder, "good")
    token = server.command("token").strip()
    done = enrol(terminal, server, token, "--tenant", "999999")
    assert done.returncode == 0, done
    text = pathlib.Path(terminal.root, "etc/sekimori/agent.conf").read_text()
    if os.geteuid() == 0:
        assert text == CONF + f"collector = https://127.0.0.1:{server.port}\ntenant = 999999\n"
    else:  # who is not root is told to write it
        assert text == CONF and "Set 'collector" in done.stderr, done
    assert os.stat(terminal.state + "/client.key").st_mode & 0o777 == 0o600
    terminal.settings = "tenant = 999999\n"
    terminal.configure(server.port)
    terminal.start("--once")
    assert terminal.process.wait(30) == 0
    terminal.process = None
    assert terminal.cursor()[1:2] == (700,) and terminal.cursor()[3] == "ok", terminal.cursor()
    held = server.events(f"&terminal={terminal.host_id()}")
    assert len(held) == 700, len(held)

    # The token serves its own key again (an answer may have been lost), no other.
    again = enrol(terminal, server, token)
    assert again.returncode == 0, again
    other = enrol(fresh(folder, "other"), server, token, "--tenant", "999999")
    assert other.returncode == 1 and "used or expired" in other.stderr, other
    third = enrol(terminal, server, server.command("token").strip(), "--tenant", "999999")
    assert third.returncode == 0, "the same key may enrol again"


def a_wrong_pin_sends_no_token(folder, server):
    terminal = fresh(folder, "pin")
    token = server.command("token").strip()
    done = enrol(terminal, server, token.split(".")[0] + "." + "0" * 20)
    assert done.returncode == 1 and "somebody in between" in done.stderr, done
    assert not certificate(terminal)
    done = enrol(terminal, server, token.split(".")[0])
    assert done.returncode == 1 and "Whom to trust?" in done.stderr, done
    done = enrol(terminal, server, token.split(".")[0] + ".12")
    assert done.returncode == 1 and "hexadecimal" in done.stderr, done
    # Nobody saw the token, so it still works, with the pin given apart.
    done = enrol(terminal, server, token.split(".")[0], "--ca-sha256", "sha256:" + server.pin)
    assert done.returncode == 0 and certificate(terminal), done


def a_ca_file_will_do(folder, server):
    terminal = fresh(folder, "file")
    token = server.command("token").strip().split(".")[0]
    done = enrol(terminal, server, token, "--ca-file", server.folder + "/ca.crt")
    assert done.returncode == 0 and certificate(terminal), done


def what_is_wrong_is_said(folder, server):
    terminal = fresh(folder, "wrong")
    pin = "." + server.pin[:20]
    done = enrol(terminal, server, "aaaaa-bbbbb-ccccc-ddddd-eeeee" + pin)
    assert done.returncode == 1 and "answers 401" in done.stderr, done
    done = enrol(terminal, server, "x" + pin, "--tenant", "情報市")
    assert done.returncode == 1 and "not a tenant" in done.stderr, done
    done = subprocess.run([SHIP, "--root", terminal.root, "enroll", "https://127.0.0.1:1",
                           "x" + pin], capture_output=True, text=True)
    assert done.returncode == 1 and "No answer" in done.stderr, done
    done = subprocess.run([SHIP, "--root", terminal.root, "enroll", "http://127.0.0.1:1",
                           "x" + pin], capture_output=True, text=True)
    assert done.returncode == 1 and "is not https://" in done.stderr, done
    pathlib.Path(terminal.root, "var/lib/sekimori/terminal.id").unlink()
    done = enrol(terminal, server, "x" + pin)
    assert done.returncode == 1 and "start sekimorid first" in done.stderr, done
    assert not certificate(terminal)


def a_collector_killed_in_the_middle_holds_each_once(folder, server):
    terminal = fresh(folder, "kill")
    terminal.write(4000)
    assert enrol(terminal, server, server.command("token").strip()).returncode == 0
    terminal.configure(server.port)
    for _ in range(4):
        terminal.start()
        time.sleep(0.15)
        server.stop(9)
        terminal.write(100)
        server.start()
        terminal.stop()
    terminal.start()
    last = 700 + 4000 + 400
    until(lambda: terminal.cursor()[1] == last, f"{last} acknowledged")
    terminal.stop()
    held = server.events(f"&terminal={terminal.host_id()}")
    numbers = [row["event"]["metadata"]["sequence"] for row in held]
    assert numbers == list(range(1, last + 1)), f"{len(numbers)} of {last}"


TESTS = (a_token_with_its_pin_is_all_it_takes, a_wrong_pin_sends_no_token, a_ca_file_will_do,
         what_is_wrong_is_said, a_collector_killed_in_the_middle_holds_each_once)


def main():
    missing = [p for p in (SHIP, WRITE, COLLECTOR) if not os.path.exists(p)]
    if missing:
        print(f"skip {', '.join(missing)} missing")
        print(f"0 passed, 0 failed, {len(TESTS)} skipped")
        return 0
    failed = 0
    with tempfile.TemporaryDirectory(prefix="enroll-") as folder:
        os.chmod(folder, 0o755)
        server = real.Collector(COLLECTOR, folder + "/collector").start()
        for test in TESTS:
            try:
                test(folder, server)
                print(f"ok {test.__name__}", flush=True)
            except Exception as error:  # a test's own failure is its message
                print(f"not ok {test.__name__}: {error!r}", flush=True)
                failed += 1
        server.stop()
    print(f"{len(TESTS) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
