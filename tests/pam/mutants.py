#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes each defence of the PAM module out, one at a time, and wants a test to
fail: mutants.py [WORD]. A bypass whose test passes without its defence would
show nothing. Builds in a temporary folder, changes nothing here. Not part of
`make check` (about two minutes)."""
import concurrent.futures as cf, glob, os, pathlib, shutil, subprocess, sys, tempfile

CC = ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O0", "-w", "-fPIC", "-fvisibility=hidden", "-I."]
SO = ["agent/pam/%s.c" % n for n in "evidence gate line pam_sekimori store text trust wrap".split()] \
    + ["tests/pam/places.c", "policy/mfa.c", "policy/mfa_login.c", "policy/mfa_text.c",
       "agent/base/fd.c", "agent/base/clock.c", "agent/base/hex.c"]
LIB = [f for f in SO if f not in ("agent/pam/pam_sekimori.c", "tests/pam/places.c")] \
    + ["policy/mfa_session.c", "policy/digest.c", "agent/pam/lint.c", "agent/pam/lint_path.c",
       "agent/pam/lint_stack.c", "agent/pam/lint_system.c", "agent/base/buf.c",
       "tests/pam/world.c", "tests/pam/rows.c", "tests/fakes/tree.c"]
TESTS = sorted(glob.glob("tests/unit/pam/test_*.c")) + \
    sorted(set(glob.glob("tests/unit/policy/test_mfa*.c")) - {"tests/unit/policy/test_mfa_compile.c"})
FAKES = "pam_unix pam_u2f pam_oath pam_google_authenticator pam_pkcs11 pam_fprintd pam_other".split()

# file, what is there, what a careless hand would leave, what it opens
MUTANTS = [
    ("agent/pam/wrap.c", "if (r == PAM_SUCCESS)\n", "if (r == PAM_SUCCESS || r == PAM_IGNORE)\n", "IGNORE is a proof (marker bypass)"),
    ("agent/pam/wrap.c", "if (r == PAM_SUCCESS)\n", "if (1)\n", "failure is a proof"),
    ("agent/pam/wrap.c", "evidence_begin(ev, evidence_line_id(line));", "", "two passes are added up"),
    ("agent/pam/wrap.c", "| RTLD_NODELETE", "", "module unloaded under libpam's feet"),
    ("agent/pam/wrap.c", "evidence_bind_user(ev, user);", "", "factors of two users"),
    ("agent/pam/wrap.c", "ret_claim->quality = MFA_QUALITY_SELF;", ";", "enrolment file of the user's"),
    ("agent/pam/wrap.c", '.is_remote = evidence_item(pamh, PAM_RHOST)[0] != \'\\0\',', "", "finger from afar"),
    ("agent/pam/trust.c", "return is_in_module_dirs(places, ret_path) &&", "return 1 &&", "module from anywhere"),
    ("agent/pam/trust.c", "(st->st_mode & (S_IWGRP | S_IWOTH)) == 0", "1", "files others can write"),
    ("agent/pam/trust.c", "while (go_up(places, at))", "while (0)", "directories others can write"),
    ("agent/pam/trust.c", "O_RDONLY | O_NONBLOCK | O_NOCTTY", "O_RDONLY", "FIFO holds the login"),
    ("policy/mfa.c", "if (is_denied(rules, module, argument) &&", "if (0 &&", "nouserok, alwaysok, nullok, manual"),
    ("policy/mfa.c", '"alwaysok"', '"x"', "alwaysok"),
    ("policy/mfa.c", '"nouserok"', '"x"', "nouserok"),
    ("policy/mfa.c", '"nullok"', '"x"', "nullok"),
    ("policy/mfa.c", 'DENY("manual")', 'DENY("manua_")', "manual"),
    ("policy/mfa.c", 'DENY("conf")', 'DENY("con_")', "arguments from a file"),
    ("policy/mfa.c", 'DENY("grace_period")', 'DENY("grace_perio_")', "grace period"),
    ("policy/mfa.c", "ret_claim->factors = a.factors & line->claimed;", "ret_claim->factors = line->claimed;", "the line says what it proves"),
    ("policy/mfa.c", "if (!module || (module->is_local_only && line->is_remote))\n\t\treturn;", "static const struct mfa_module any = {\"x\", 7, 7, 1};\n\tif (!module) module = &any;", "pam_permit is a factor"),
    ("policy/mfa.c", "path.len == 0 || path.ptr[0] != '/'", "path.len == 0", "relative enrolment"),
    ("policy/mfa.c", "a->factors &= ~(known->factors & ~module->factors);", ";", "pinverification=0 forces a PIN"),
    ("policy/mfa.c", "mfa_factors_count(count.factors) >= rules->required", "proof_count >= rules->required", "two methods of one kind"),
    ("policy/mfa.c", "boot_now_ns - proof->boot_ns > rules->evidence_ttl_ns", "0", "old proof"),
    ("policy/mfa.c", "rules->accepts_self_enrolled);", "1);", "self-enrolled counts"),
    ("policy/mfa.c", "return proof->quality == MFA_QUALITY_ROOT ||", "return 1 ||", "any quality counts"),
    ("policy/mfa_login.c", "else if (verdict.count.factors != 0 &&", "else if (", "glass broken without a factor"),
    ("policy/mfa_login.c", "if (!fact->has_uid || fact->rhost.len > 0)", "if (!fact->has_uid)", "glass broken from afar"),
    ("policy/mfa_login.c", "(here & (ttys ? ttys : LOGIN_CONSOLE_TTYS)) != 0", "1", "root anywhere"),
    ("policy/mfa_login.c", "fact->uid >= e->uid_min &&\n\t\t    fact->uid <= e->uid_max", "1", "a person as a greeter"),
    ("policy/mfa_login.c", "else if (policy->is_remote_refused && fact->rhost.len > 0)", "else if (0)", "remote logins"),
    ("agent/pam/gate.c", "return outcome == LOGIN_ALLOW_FACTORS ? PAM_SUCCESS : PAM_IGNORE;", "return PAM_SUCCESS;", "the gate vouches for nobody's proof"),
    ("agent/pam/gate.c", "\tif (is_refused && g->verdict.is_enforced)\n\t\treturn phases[phase].refusal;", "", "the gate refuses nobody"),
    ("agent/pam/gate.c", "evidence_bind_user(g->ev, user);", "", "user changed behind auth"),
    ("agent/pam/gate.c", "text[len] == ':'", "1", "a group that begins like ours"),
    ("agent/pam/gate.c", "evidence_reset(g->ev);\n\tevidence_spend", "evidence_spend", "what was refused is carried on"),
    ("agent/pam/gate.c", "\tevidence_spend(g->pamh, g->places, g->ev);\n}\n\nstatic void refuse", "}\n\nstatic void refuse", "token stays, and can be used again"),
    ("agent/pam/evidence.c", "\tmemcpy(evidence->proofs, record.proofs, sizeof(record.proofs));\n", "\tif (0)", "what is taken over is good for one gate"),
    ("agent/pam/evidence.c", "record->parent.pid == self.pid &&", "1 &&", "any process takes evidence over"),
    ("agent/pam/evidence.c", "record->parent.start == self.start &&", "1 &&", "pid used again"),
    ("agent/pam/evidence.c", "strcmp(record->user, evidence_item(pamh, PAM_USER)) == 0 &&", "1 &&", "evidence of another user"),
    ("agent/pam/evidence.c", "strcmp(record->service, evidence_item(pamh, PAM_SERVICE)) == 0 &&", "1 &&", "evidence of another service"),
    ("agent/pam/evidence.c", "now - record->boot_ns <= ev->policy.mfa.evidence_ttl_ns", "1", "old evidence"),
    ("agent/pam/evidence.c", "!is_same_secret(token + size, record.secret) ||", "", "secret not compared"),
    ("agent/pam/evidence.c", "if (ev->pid != pid && ev->pid != (uint32_t)getppid()) {", "if (0) {", "any descendant inherits"),
    ("agent/pam/evidence.c", "if (evidence->proof_count > 0 && strcmp(evidence->user, user) != 0)", "if (0)", "user not bound"),
    ("agent/pam/evidence.c", "evidence->id[0] != '\\0' &&\n\t    evidence->recorded_count", "0 && evidence->recorded_count", "record written again and again"),
    ("agent/pam/store.c", "strspn(id, \"0123456789abcdef\") == LOGIN_ID_CHARS", "1", "token names a path"),
    ("agent/pam/store.c", "(st.st_mode & 077) != 0", "0", "records in a public folder"),
    ("agent/pam/store.c", "record.kind != LOGIN_RECORD_EVIDENCE ||", "", "a refusal is evidence"),
    ("agent/pam/store.c", "return count < STORE_FILES_MAX ? 0 : -ENOSPC;", "return 0;", "records without end"),
    ("agent/pam/line.c", 'strcmp(line_base_name(line->module), "pam_sekimori.so") == 0', "0", "wraps itself"),
    ("agent/pam/line.c", 'if (count > 1 || strcmp(arguments[0], "report") != 0)', "if (0)", "misspelt gate"),
    ("policy/mfa_text.c", "if (table.seen != (UINT32_C(1) << COUNT(record_fields)) - 1)", "if (0)", "record cut short"),
    ("policy/mfa_text.c", "out->text[at] = '?';", ";", "a user name forges a line"),
    ("policy/mfa_text.c", "if (policy.mfa.required < 1 || policy.mfa.required > 3)", "if (0)", "no factor required"),
    ("policy/mfa_text.c", "if (table->seen & (UINT32_C(1) << i))", "if (0)", "key given twice"),
    ("policy/mfa_session.c", "event->proof_boot_ns >= after &&", "1 &&", "old proof unlocks"),
    ("policy/mfa_session.c", "mfa_factors_count(event->factors) >= w->policy->unlock_required", "1", "one factor unlocks"),
    ("policy/mfa_session.c", "else if (event->kind == MFA_EVENT_UNLOCKED && !w->s.is_frozen)", "else if (event->kind == MFA_EVENT_UNLOCKED && (attest(w, w->now, 0), 0))", "LockedHint=no unlocks"),
    ("policy/mfa_session.c", "\t\tif (!is_bind_late)\n\t\t\texpire(&w);", "", "events slip in before deadlines"),
    ("policy/mfa_session.c", "else if (event->kind == MFA_EVENT_TOKEN_REMOVED &&\n\t\t w->s.token_gone_boot_ns == 0)", "else if (event->kind == MFA_EVENT_TOKEN_REMOVED)", "pulling twice starts the debounce again"),
    ("policy/mfa_session.c", "session->is_remote || session->is_hint_locked ||", "", "remote or locked sessions grant"),
    ("agent/pam/lint_path.c", "if (action == STACK_DONE && next.impression < NEGATIVE)", "if (action == STACK_DONE)", "done ends what has failed"),
    ("agent/pam/lint_path.c", "w->is_renewal_in = type == STACK_ACCOUNT;", "", "expired passwords go past the gate"),
    ("agent/pam/lint_path.c", "if (state.impression < NEGATIVE)\n", "if (1)\n", "the last failure holds"),
    ("agent/pam/lint_path.c", "if (entry->is_dash)", "if (0)", "-lines are always there"),
    ("agent/pam/lint_path.c", "if (is_in && !state.is_gated)", "if (0)", "bypass not seen"),
    ("agent/pam/lint_stack.c", "if (depth + 1 >= STACK_DEPTH_MAX) {", "if (0) {", "include loop"),
    ("agent/pam/lint_stack.c", "if (l->stack->text_count / 2 >= STACK_FILES_MAX) {", "if (0) {", "includes that double"),
    ("agent/pam/lint.c", "is_roots = lint_is_roots(lint->source, path) == 0;", ";", "enrolment not looked at"),
]


def sh(cmd, cwd=None, timeout=120):
    return subprocess.run(cmd, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)


def compile_one(root, src, out):
    p = sh(CC + ["-c", src, "-o", str(out)], cwd=root)
    if p.returncode:
        raise SystemExit(f"{src}: {p.stdout.decode()}")


def obj(out, src):
    return str(out / (src.replace("/", "_")[:-2] + ".o"))


def link(out):
    (out / "tests/pam").mkdir(parents=True, exist_ok=True)
    (out / "tests/unit").mkdir(parents=True, exist_ok=True)
    so = str(out / "tests/pam/pam_sekimori.so")
    sh(["gcc", "-shared", "-o", so, *[obj(out, s) for s in SO],
        "-Wl,--version-script=agent/pam/pam_sekimori.map", "-lpam"])
    for f in FAKES:
        sh(["gcc", "-shared", "-o", str(out / f"tests/pam/{f}.so"), obj(out, "tests/pam/factor.c"), "-lpam"])
    lib = str(out / "lib.a")
    pathlib.Path(lib).unlink(missing_ok=True)
    sh(["ar", "rcs", lib, *[obj(out, s) for s in LIB]])
    for t in TESTS:
        p = sh(["gcc", "-o", str(out / "tests/unit" / pathlib.Path(t).stem), obj(out, t), lib,
                "-lcmocka", "-lpam", "-lcrypto"])
        if p.returncode:
            raise SystemExit(p.stdout.decode())


def killer(out):
    """The first test that fails, or None."""
    for t in TESTS:
        name = pathlib.Path(t).stem
        try:
            p = sh([str(out / "tests/unit" / name)], timeout=60)
        except subprocess.TimeoutExpired:
            return name + " (timed out)"
        if p.returncode:
            failed = [l.split("]")[1].strip() for l in p.stdout.decode("utf-8", "replace").splitlines()
                      if l.startswith("[  FAILED  ]") and "listed" not in l]
            return f"{name}: {failed[0] if failed else 'died'}"
    return None


def run(base, tmp, n, mutant):
    path, old, new, what = mutant
    text = pathlib.Path(path).read_text(encoding="utf-8")
    if text.count(old) < 1:
        return what, "not found in " + path, False
    root, out = tmp / f"src{n}", tmp / f"out{n}"
    shutil.copytree(base, out)
    for d in ("policy", "agent/pam", "agent/base", "tests/pam", "tests/fakes"):
        shutil.copytree(d, root / d)
    (root / path).write_text(text.replace(old, new, 1), encoding="utf-8")
    try:
        compile_one(root, path, obj(out, path))
        link(out)
    except SystemExit as e:
        return what, f"does not build: {e}", False
    who = killer(out)
    shutil.rmtree(out)
    shutil.rmtree(root)
    return what, who or "SURVIVED", who is not None


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    with tempfile.TemporaryDirectory(prefix="mutants-") as t:
        tmp, base = pathlib.Path(t), pathlib.Path(t, "base")
        base.mkdir()
        for s in sorted(set(SO + LIB + TESTS + ["tests/pam/factor.c"])):
            compile_one(".", s, obj(base, s))
        link(base)
        who = killer(base)
        if who:
            sys.exit("fails without a mutant: " + who)
        good = bad = 0
        chosen = [m for m in MUTANTS if word in m[0] + m[3]]
        with cf.ThreadPoolExecutor(2) as pool:
            for what, who, ok in pool.map(lambda a: run(base, tmp, *a), enumerate(chosen)):
                print(f"{'ok  ' if ok else 'FAIL'} {what}: {who}", flush=True)
                good, bad = good + ok, bad + (not ok)
    print(f"{good} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
