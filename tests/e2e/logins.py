# SPDX-License-Identifier: Apache-2.0
"""People who log in, for cases: a security key, what is enrolled, the stacks,
the switch, and login(1), ssh and pamtester driven as a person would."""

import json
import shlex

from case import Failed

MODULES = "/lib/x86_64-linux-gnu/security"
KEY_OPTIONS = ("authfile=/etc/sekimori/u2f_keys origin=pam://sekimori "
               "appid=pam://sekimori cue")
# Lines of a stack, for pamtester.
PASSWORD = "auth requisite pam_sekimori.so wrap factor=knowledge pam_unix.so\n"
KEY = ("auth optional pam_sekimori.so wrap factor=possession pam_u2f.so "
       + KEY_OPTIONS + "\n")
GATE = "auth required pam_sekimori.so gate\n"
AFTER = ("account required pam_sekimori.so gate\n"
         "account required pam_permit.so\n"
         "session required pam_permit.so\n"
         "session required pam_sekimori.so gate\n")

POLICY = """\
policy "login" serial 2 mode enforce contact "情報政策課 内線 2345"
allow with-interface equals { 09:00:* } rule-id "hubs"
login require 2 %s
login break-glass group "sekimori-breakglass" expires 60m
login break-glass user "root"
"""


def enrol(t, profiles="sekimori-password sekimori-key"):
    """A terminal ready to enforce, but for its policy: key enrolled for
    alice, stacks, break-glass, no jobs of users."""
    t.put(t.build + "/tests/e2e/tools/fido_key", "/usr/local/bin/fido_key")
    t.put("tests/e2e/tools/person.py", "/usr/local/bin/person")
    plug_key(t)
    t.until("pamu2fcfg -u alice -o pam://sekimori -i pam://sekimori "
            "> /etc/sekimori/u2f_keys")
    t.must("DEBIAN_FRONTEND=noninteractive pam-auth-update --package "
           f"--disable unix --enable {profiles}")
    t.must("echo root | tee /etc/cron.allow > /etc/at.allow; "
           "groupadd -f sekimori-breakglass; useradd -m kinkyu; "
           "echo kinkyu:kinkyu | chpasswd; "
           "gpasswd -a kinkyu sekimori-breakglass")


def prepare(t, options="", **more):
    """The same with a policy in force. Nobody is refused yet."""
    enrol(t, **more)
    t.policy(POLICY % options)


def arm(t, options="", **more):
    """The same, and fewer than two factors are refused from here on."""
    prepare(t, options, **more)
    t.must("sekimorictl login enforce && "
           "sekimorictl login confirm --untested", timeout=90)


def plug_key(t, folder="/root/key"):
    unit = folder.replace("/", "")
    t.must(f"modprobe uhid; mkdir -p {folder}; systemctl reset-failed "
           f"{unit} 2>/dev/null; systemd-run --quiet --unit={unit} "
           f"/usr/local/bin/fido_key {folder}")
    t.until("for h in /sys/class/hidraw/*; do udevadm info $h; done "
            "| grep -q ID_FIDO_TOKEN=1")


def pull_key(t, folder="/root/key"):
    t.must(f"systemctl kill --signal=KILL {folder.replace('/', '')}")


def key_says(t, *words, folder="/root/key"):
    t.must(f"cat > {folder}/control", stdin="\n".join(words).encode())


def person(t, *answers, program="login -- alice", then=None, tty=None,
           seconds=25):
    """What came of a login: in, said, out, seconds."""
    command = ["person", "--seconds", str(seconds)]
    command += ["--tty", str(tty)] if tty else []
    command += ["--then", then] if then else []
    line = shlex.join(command + list(answers)) + " -- " + program
    output = t.must(line, timeout=seconds + 60)
    return json.loads(output.splitlines()[-1])


def stays(t, name, *answers, program="login -- alice", tty=None):
    """Logs somebody in who stays; the unit's journal says how long."""
    tty_words = f"--tty {tty} " if tty else ""
    t.must(f"systemd-run --quiet --unit={name} person --stay {tty_words}"
           + shlex.join(answers) + f" -- {program}")
    said = t.until(f"journalctl -u {name} -o cat --no-pager | "
                   "grep '^{\"in\"'", 40)
    result = json.loads(said.splitlines()[-1])
    if not result["in"]:
        raise Failed(f"{name} did not get in: {result['said']}")


def lived(t, name, seconds):
    """Waits for the end of who stayed; the seconds the shell lived."""
    said = t.until(f"journalctl -u {name} -o cat --no-pager | "
                   "grep '^{\"lived\"'", seconds)
    return json.loads(said.splitlines()[-1])["lived"]


def sessions(t):
    """What `sekimorictl login status` knows of people's sessions."""
    logins = json.loads(t.must("sekimorictl login status --json"))
    return [s for s in logins if s.get("class", "user") == "user"]


def session_of(t, user, seconds=10, **wanted):
    """Waits for the session of `user` with these values."""
    def found():
        for s in sessions(t):
            if s.get("user") == user and all(s.get(k) == v
                                             for k, v in wanted.items()):
                return s
        return None
    return t.wait_for(found, seconds, f"{user}'s session, {wanted}")


def stack(t, name, text):
    t.must(f"cat > /etc/pam.d/{name}", stdin=text.encode())


def passes(t, name, *answers, user="alice", calls="authenticate acct_mgmt",
           env="", as_user=None):
    """Whether pamtester gets through the stack, and what was said."""
    typed = "".join(a + "\n" for a in answers).encode()
    line = f"{env} timeout 40 pamtester {name} {user} {calls} 2>&1"
    if as_user:
        line = f"runuser -u {as_user} -- sh -c {shlex.quote(line)}"
    result = t.sh(line, stdin=typed, timeout=60)
    return result.ok, result.text


def allowed(t, what, name, *answers, **more):
    ok, said = passes(t, name, *answers, **more)
    t.check(ok, f"{what}: refused: {said}")


def refused(t, what, name, *answers, **more):
    ok, said = passes(t, name, *answers, **more)
    t.check(not ok, f"{what}: let in: {said}")
    return said


def start_sshd(t, settings=""):
    t.must("rm -f /etc/systemd/system/ssh.service; mkdir -p /run/sshd; "
           "printf 'KbdInteractiveAuthentication yes\\n" + settings +
           "' > /etc/ssh/sshd_config.d/case.conf; systemctl daemon-reload; "
           "systemctl start ssh; mkdir -p /root/.ssh /home/alice/.ssh; "
           "ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id; "
           "cp /root/.ssh/id.pub /home/alice/.ssh/authorized_keys; "
           "chown -R alice: /home/alice/.ssh; chmod 700 /home/alice/.ssh")


def ssh(method, user="alice"):
    key = "-i /root/.ssh/id" if method == "publickey" else \
        "-o PubkeyAuthentication=no"
    return (f"ssh -q -tt {key} -o PreferredAuthentications={method} "
            "-o NumberOfPasswordPrompts=1 -o StrictHostKeyChecking=no "
            f"-o UserKnownHostsFile=/dev/null {user}@127.0.0.1")


def make_card(t):
    """SoftHSM with alice's certificate, and pam_pkcs11 made to want it."""
    t.must(r"""
set -e
mkdir -p /root/hsm/tok /root/hsm/ca /root/hsm/crl; cd /root/hsm
printf 'directories.tokendir = /root/hsm/tok\nobjectstore.backend = file\n' \
	> softhsm2.conf
export SOFTHSM2_CONF=/root/hsm/softhsm2.conf
M=$(find /usr/lib -name libsofthsm2.so | head -n 1)
softhsm2-util --init-token --free --label alice --so-pin 11111111 --pin 2580
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem \
	-subj '/CN=Test CA' -days 3650
openssl req -newkey rsa:2048 -nodes -keyout k.pem -out k.csr \
	-subj '/C=JP/O=City/CN=alice'
printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n' > ext
openssl x509 -req -in k.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
	-days 3000 -extfile ext -out c.pem
openssl pkcs8 -topk8 -nocrypt -in k.pem -out k8.pem
openssl x509 -in c.pem -outform DER -out c.der
softhsm2-util --import k8.pem --token alice --label key --id 01 --pin 2580
pkcs11-tool --module $M --login --pin 2580 --write-object c.der --type cert \
	--id 01 --label cert
cp ca.pem ca/; openssl rehash ca
mkdir -p /etc/pam_pkcs11
cat > /etc/pam_pkcs11/pam_pkcs11.conf <<C
pam_pkcs11 {
  nullok = false; debug = false; use_first_pass = false;
  try_first_pass = false; use_authtok = false; card_only = false;
  wait_for_card = false;
  use_pkcs11_module = softhsm;
  pkcs11_module softhsm { module = $M; description = "SoftHSM"; slot_num = 0;
    support_threads = false; ca_dir = /root/hsm/ca; crl_dir = /root/hsm/crl;
    cert_policy = ca,signature; }
  use_mappers = cn, null; mapper_search_path = /lib/pam_pkcs11;
  mapper cn { debug = false; module = internal; ignorecase = true;
    mapfile = "none"; }
  mapper null { debug = false; module = internal; default_match = false;
    default_user = nobody; }
}
C
""", timeout=120)
