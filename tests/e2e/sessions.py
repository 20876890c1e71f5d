# SPDX-License-Identifier: Apache-2.0
"""For cases about sessions: a terminal where people log in with password and
key through the real login(1). The key is tools/fido_key.c, the person
tools/person.py."""

import json

RULES = """policy "sessions" mode enforce
allow channel hid
allow channel hub
media read-only if mfa rule-id "proven"
login break-glass user "root" expires 20s
login break-glass group "sekimori-breakglass"
"""
STORAGE = 'allow serial "S0001" rule-id "stick"\n'
STACK = """auth requisite pam_sekimori.so wrap factor=knowledge pam_unix.so
auth optional pam_sekimori.so wrap factor=possession pam_u2f.so \
authfile=/etc/sekimori/u2f_keys origin=pam://sekimori appid=pam://sekimori
auth required pam_sekimori.so gate
account required pam_sekimori.so gate
account required pam_unix.so
session required pam_sekimori.so gate
session required pam_unix.so
session optional pam_systemd.so
"""
PLUG = ("modprobe uhid && mkdir -p /root/key && systemd-run --quiet --collect "
        "--unit=key /root/fido_key /root/key")
STRIPPED = """auth required pam_unix.so
account required pam_unix.so
session required pam_unix.so
session optional pam_systemd.so
"""


class Office:
    """A terminal where alice and root log in with password and key."""

    def __init__(self, t, require="", more="", console="login"):
        self.t = t
        self.people = 0
        t.put(t.build + "/tests/e2e/tools/fido_key", "/root/fido_key")
        t.put("tests/e2e/tools/person.py", "/root/person.py")
        self.plug_key()
        t.must("id alice || useradd -m -s /bin/sh alice; "
               "echo alice:alice | chpasswd; echo root:root | chpasswd")
        self.stack(STACK)
        t.until("pamu2fcfg -u alice -o pam://sekimori -i pam://sekimori "
                "> /etc/sekimori/u2f_keys")
        t.must("chmod 644 /etc/sekimori/u2f_keys; "
               "printf 'mode=enforce\\n' > /var/lib/sekimori/login.switch")
        t.policy(RULES + more + f"login require 2 {require}\n")
        t.mark()

    def plug_key(self):
        self.t.must(PLUG)
        self.t.until("fido2-token -L | grep -q hidraw", 15)

    def pull_key(self):
        self.t.must("systemctl stop key")

    def stack(self, text):
        self.t.must("cat > /etc/pam.d/login", stdin=text.encode())

    def come(self, user="alice", password="alice", tty=None):
        """Somebody logs in and stays; returns where the words go."""
        self.people += 1
        out = f"/root/person.{self.people}"
        where = f"--tty {tty}" if tty else ""
        self.t.must(
            f"systemd-run --quiet --collect --unit=person{self.people} "
            f"sh -c 'exec python3 /root/person.py --stay {where} {password} "
            f"-- login -- {user} > {out} 2>&1'")
        if tty:  # its screen is not read reliably while it scrolls
            self.session(user, wait=60)
        else:
            self.t.until(f"grep -q '\"in\": true' {out}", 60)
        return out

    def logins(self):
        return json.loads(self.t.must("sekimorictl login status --json"))

    def session(self, user="alice", state=None, wait=10):
        """Waits for a session of that user, in that state."""
        def look():
            return [s for s in self.logins() if s["user"] == user
                    and state in (None, s.get("state"))]
        return self.t.wait_for(look, wait, f"session of {user}: {state}")[0]

    def lived(self, out, wait):
        """How many seconds the shell lived; waits for its end."""
        text = self.t.until(f"grep lived {out}", wait)
        return json.loads(text)["lived"]
