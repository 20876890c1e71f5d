#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""key, sign and verify as an administrator uses them. Judges beside our own
code: openssl(1) for keys and signatures, hashlib for the key's id, SoftHSM as
a token where it is installed."""
import base64, glob, hashlib, json, os, pathlib, shutil, stat, subprocess, sys, tempfile, time

TOOL = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "sekimori-policy"))
STANDARD = sorted(os.path.abspath(p) for p in glob.glob("policy/rules.d/standard/*.rules"))
MODULE = next(iter(glob.glob("/usr/lib/*/softhsm/libsofthsm2.so") + glob.glob("/usr/lib/softhsm/libsofthsm2.so")), None)
ENGINE = glob.glob("/usr/lib/*/engines-3/pkcs11.so")


class Skip(Exception):
    pass


def run(*args, env=None):
    p = subprocess.run([TOOL, *args], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                       env={**os.environ, "TZ": "Asia/Tokyo", **(env or {})})
    return p.returncode, p.stdout, p.stderr


def ok(*args, env=None):
    code, out, err = run(*args, env=env)
    assert code == 0, (args, err)
    return out


def fails(text, *args, code=1):
    got, out, err = run(*args)
    assert got == code and text in err, (args, got, out, err)


def openssl(*args):
    return subprocess.run(["openssl", *args], capture_output=True, check=True).stdout


def b64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(pub):
    der = openssl("ec", "-pubin", "-in", pub, "-outform", "DER")
    return der[-64:-32], der[-32:]


def der_signature(raw):
    def integer(b):
        b = b.lstrip(b"\0") or b"\0"
        b = b"\0" + b if b[0] & 0x80 else b
        return b"\2" + bytes([len(b)]) + b
    body = integer(raw[:32]) + integer(raw[32:])
    return b"\x30" + bytes([len(body)]) + body


def key_files_are_private_and_never_overwritten():
    ok("key", "-o", "k")
    assert stat.S_IMODE(os.stat("k").st_mode) == 0o600
    assert b"ASN1 OID: prime256v1" in openssl("pkey", "-in", "k", "-noout", "-text")
    before = pathlib.Path("k").read_bytes()
    fails("File exists", "key", "-o", "k")
    assert pathlib.Path("k").read_bytes() == before
    ok("key", "--public-of", "k", "-o", "again.pub")
    assert pathlib.Path("again.pub").read_text() == pathlib.Path("k.pub").read_text()


def others_can_verify_what_we_sign():
    ok("sign", "--key", "k", "-o", "p.jws", *STANDARD)
    header, payload, signature = pathlib.Path("p.jws").read_text().split(".")
    x, y = point("k.pub")
    jwk = json.dumps({"crv": "P-256", "kty": "EC",
                      "x": base64.urlsafe_b64encode(x).decode().rstrip("="),
                      "y": base64.urlsafe_b64encode(y).decode().rstrip("=")}, separators=(",", ":"))
    kid = base64.urlsafe_b64encode(hashlib.sha256(jwk.encode()).digest()).decode().rstrip("=")
    assert json.loads(b64(header)) == {"alg": "ES256", "kid": kid, "typ": "sekimori-policy"}
    pathlib.Path("input").write_text(header + "." + payload)
    pathlib.Path("sig").write_bytes(der_signature(b64(signature)))
    assert b"Verified OK" in openssl("dgst", "-sha256", "-verify", "k.pub", "-signature", "sig", "input")
    text = b64(payload).decode()
    assert text.startswith("sekimori-policy 1\nserial 1\nzone mynumber\nfile 00-header.rules "), text[:90]
    assert text.endswith("\nend\n")


def verify_tells_what_is_signed():
    ok("sign", "--key", "k", "--issuer", "情報政策課", "--from", "2025-04-01", "--until", "2099-03-31",
       "-o", "p.jws", *STANDARD)
    out = ok("verify", "--anchor", "k.pub", "p.jws")
    for line in ("serial 1", "zone mynumber", "issuer 情報政策課", "rules 15",
                 "not-before 2025-04-01 00:00:00 +0900",
                 "not-after 2099-04-01 00:00:00 +0900",  # the last day belongs to the term
                 f"file 00-header.rules {os.stat(STANDARD[0]).st_size}"):
        assert line in out.splitlines(), (line, out)


def verify_refuses_what_a_terminal_would():
    ok("key", "-o", "other")
    fails("not trusted", "verify", "--anchor", "other.pub", "p.jws")
    pathlib.Path("both.pub").write_text(pathlib.Path("other.pub").read_text() + pathlib.Path("k.pub").read_text())
    ok("verify", "--anchor", "both.pub", "p.jws")
    header, payload, signature = pathlib.Path("p.jws").read_text().split(".")
    forged = base64.urlsafe_b64encode(b64(payload).replace(b"serial 1\n", b"serial 9\n")).decode().rstrip("=")
    pathlib.Path("bad.jws").write_text(".".join((header, forged, signature)))
    fails("the signature is wrong", "verify", "--anchor", "k.pub", "bad.jws")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    pathlib.Path("bad.jws").write_text(".".join((none, payload, signature)))
    fails("not signed with ES256", "verify", "--anchor", "k.pub", "bad.jws")
    pathlib.Path("bad.jws").write_text(pathlib.Path("p.jws").read_text() + "\n")
    fails("not a signed text", "verify", "--anchor", "k.pub", "bad.jws")
    pathlib.Path("no.pub").write_text("no key\n")
    fails("has not 1 to 4", "verify", "--anchor", "no.pub", "p.jws")
    ok("sign", "--key", "k", "--until", "2020-01-01", "-o", "old.jws", *STANDARD)
    fails("has expired", "verify", "--anchor", "k.pub", "old.jws")
    ok("sign", "--key", "k", "--from", "2099-01-01", "-o", "new.jws", *STANDARD)
    fails("does not begin yet", "verify", "--anchor", "k.pub", "new.jws")


def nothing_is_signed_that_a_terminal_would_refuse():
    def refuse(text, rules, *options, name="a.rules", code=1):
        pathlib.Path(name).write_text(rules)
        pathlib.Path("x.jws").unlink(missing_ok=True)
        fails(text, "sign", "--key", "k", *options, "-o", "x.jws", name, code=code)
        assert not os.path.exists("x.jws")
    refuse("a.rules:1:10: error", "allow id 12G4:5678\n", "--serial", "1")
    refuse("--serial is needed", "allow\n", code=2)
    refuse("the rules say 3", 'policy "p" serial 3\n', "--serial", "4")
    refuse("--zone is another", 'policy "p" serial 3 zone "a"\n', "--zone", "b")
    refuse("expected a number", "allow\n", "--serial", "-1", code=2)
    refuse("expected a number", "allow\n", "--serial", "0", code=2)
    refuse("expected YYYY-MM-DD", "allow\n", "--serial", "1", "--until", "soon", code=2)
    refuse("NAME.rules", "allow\n", "--serial", "1", name="規則.rules")
    refuse("NAME.rules", "allow\n", "--serial", "1", name="a.txt")
    refuse("one\nline", "allow\n", "--serial", "1", "--issuer", "a\nnot-after 5")
    pathlib.Path("d").mkdir()
    shutil.copy("a.rules", "d/a.rules")
    fails("name once", "sign", "--key", "k", "--serial", "1", "-o", "x.jws", "a.rules", "d/a.rules")
    openssl("ecparam", "-genkey", "-name", "secp384r1", "-noout", "-out", "p384")
    fails("not a P-256 key", "sign", "--key", "p384", "--serial", "1", "-o", "x.jws", "a.rules")
    fails("no private key", "sign", "--key", "k.pub", "--serial", "1", "-o", "x.jws", "a.rules")
    fails("usage", "sign", "--key", "k", "a.rules", code=2)


def a_key_in_a_token_signs_and_never_leaves_it():
    if not MODULE or not ENGINE:
        raise Skip("needs softhsm2 and libengine-pkcs11-openssl")
    os.mkdir("tokens")
    pathlib.Path("softhsm.conf").write_text(f"directories.tokendir = {os.getcwd()}/tokens\n")
    env = {"SOFTHSM2_CONF": os.path.abspath("softhsm.conf")}
    openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "imported")
    openssl("pkcs8", "-topk8", "-nocrypt", "-in", "imported", "-out", "imported.p8")
    for args in (["--init-token", "--free", "--label", "city", "--pin", "1234", "--so-pin", "5678"],
                 ["--import", "imported.p8", "--token", "city", "--label", "policy", "--id", "01", "--pin", "1234"]):
        subprocess.run(["softhsm2-util", *args], env={**os.environ, **env}, check=True, capture_output=True)
    uri = "pkcs11:token=city;object=policy;type=private;pin-value=1234"
    ok("key", "--public-of", uri, "--module", MODULE, "-o", "token.pub", env=env)
    assert point("token.pub") == (lambda d: (d[-64:-32], d[-32:]))(
        openssl("ec", "-in", "imported", "-pubout", "-outform", "DER"))
    ok("sign", "--key", uri, "--module", MODULE, "-o", "token.jws", *STANDARD, env=env)
    assert "serial 1" in ok("verify", "--anchor", "token.pub", "token.jws")
    code, _, err = run("sign", "--key", uri.replace("city", "none"), "--module", MODULE, "-o", "x.jws",
                       *STANDARD, env=env)
    assert code == 1 and "no private key in the token" in err, err


def without_the_engine_the_error_says_what_to_install():
    code, _, err = run("sign", "--key", "pkcs11:token=x", "-o", "x.jws", *STANDARD,
                       env={"OPENSSL_ENGINES": os.getcwd()})
    assert code == 1 and "libengine-pkcs11-openssl" in err, err


def an_order_is_for_one_terminal_and_ends():
    ok("key", "-o", "o")
    ok("order", "--key", "o", "--terminal", "0" * 32, "--minutes", "30", "--issuer", "情報政策課", "-o", "o.jws")
    head, payload, signature = pathlib.Path("o.jws").read_text().split(".")
    header = json.loads(b64(head))
    assert (header["alg"], header["typ"]) == ("ES256", "sekimori-order"), header
    lines = b64(payload).decode().splitlines()
    assert [line.split()[0] for line in lines] == [
        "sekimori-order", "serial", "action", "terminal", "issuer", "not-after", "end"], lines
    serial, end = int(lines[1].split()[1]), int(lines[5].split()[1])
    assert abs(serial - time.time()) < 60 and end == serial + 1800, lines
    pathlib.Path("o.sig").write_bytes(der_signature(b64(signature)))
    pathlib.Path("o.txt").write_text(head + "." + payload)
    openssl("dgst", "-sha256", "-verify", "o.pub", "-signature", "o.sig", "o.txt")
    fails("32 digits", "order", "--key", "o", "--terminal", "all", "-o", "x.jws")
    fails("10080", "order", "--key", "o", "--terminal", "0" * 32, "--minutes", "10081", "-o", "x.jws", code=2)
    fails("not known", "order", "--key", "o", "--terminal", "0" * 32, "--action", "off", "-o", "x.jws", code=2)
    fails("usage", "order", "--key", "o", "-o", "x.jws", code=2)
    assert not os.path.exists("x.jws")


TESTS = (key_files_are_private_and_never_overwritten,
         others_can_verify_what_we_sign,
         verify_tells_what_is_signed,
         verify_refuses_what_a_terminal_would,
         nothing_is_signed_that_a_terminal_would_refuse,
         a_key_in_a_token_signs_and_never_leaves_it,
         without_the_engine_the_error_says_what_to_install,
         an_order_is_for_one_terminal_and_ends)


def main():
    count = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for test in TESTS:
            try:
                test()
                count["passed"] += 1
            except Skip as why:
                print(f"skip {why}")
                count["skipped"] += 1
            except (AssertionError, OSError, subprocess.CalledProcessError) as error:
                print(f"FAIL {test.__name__}: {error!r} {getattr(error, 'stderr', '')}")
                count["failed"] += 1
        os.chdir("/")
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
