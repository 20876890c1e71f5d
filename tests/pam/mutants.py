#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes each defence of logins out, one at a time, in the PAM module, the
linter and the daemon, and wants a unit test to fail: mutants.py [WORD]. A
bypass whose test passes without its defence would show nothing. Uses what
`make unit` built, changes nothing here. Not part of `make check` (minutes)."""
import concurrent.futures as cf, glob, os, pathlib, shutil, subprocess, sys, tempfile

BUILD = "build"
CC = ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-DSEKIMORI_VERSION=\"0\"", "-DSEKIMORI_LIBEXEC=\"/x\"",
      "-DSEKIMORI_DATA=\"/x\"", "-O0", "-w", "-fPIC", "-I.", "-I" + BUILD]
LIBS = [f"{BUILD}/lib{n}.a" for n in "daemon policy base wire spool sense enforce fakes pammod".split()]
SYSTEM = "-lsystemd -lbpf -lelf -lz -lzstd -lcrypto -lpthread -lcmocka -lutil -lpam".split()
# The test twin of the module, from the objects that `make` links it of.
MODULE = [o for d in ("agent/pam", "agent/base", "policy") for o in sorted(glob.glob(f"{BUILD}/pic/{d}/*.o"))
          if "/lint" not in o and not o.endswith("/places.o")] + [f"{BUILD}/pic/tests/pam/places.o"]
PAM_TESTS = "pam/test_* policy/test_mfa*"
DAEMON_TESTS = "daemon/test_logins* daemon/test_card_watch daemon/test_login_p* sense/test_token sense/test_card policy/test_mfa*"

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
    ("agent/base/group.c", "line.name_len == len &&\n\t\t\t    ", "", "a group that begins like ours"),
    ("agent/base/group.c", "item == len && memcmp", "memcmp", "a user whose name begins like a member's"),
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
    # the daemon: who is bound, what a pulled token does, who may unlock
    ("agent/daemon/login_store.c", "record.process.start != leader->start", "0", "the record of a pid used again"),
    ("agent/daemon/login_store.c", "(st.st_mode & 077) != 0", "0", "records in a folder of everybody's"),
    ("agent/daemon/login_store.c", "if (leader->start == 0 || ", "if (", "a leader that is gone"),
    ("agent/daemon/logins_bind.c", "entry->has_record = entry->record.uid == s->uid;", "entry->has_record = true;", "the record of somebody else"),
    ("agent/daemon/logins_bind.c", "\t       start == process->start;", "\t       1;", "evidence of a pid used again"),
    ("agent/daemon/logins_bind.c", "return e->session.uid == uid ? e : NULL;", "return e;", "evidence in another's session"),
    ("agent/daemon/logins_bind.c", "record->rhost[0] == '\\0' &&", "", "evidence from another machine unlocks"),
    ("agent/daemon/logins_bind.c", "if (uid != record->uid)\n\t\t\treturn NULL;", "", "evidence of another user"),
    ("agent/daemon/logins_bind.c", "return is_unlocker(record->service)", "return 1", "a login on another console unlocks"),
    ("agent/daemon/logins.c", "old->leader_start != now->leader_start)", "0)", "an id used again"),
    ("agent/daemon/logins.c", "!s->is_active || s->is_remote || !s->seat[0] ||", "s->is_remote || !s->seat[0] ||", "media for who is not in front"),
    ("agent/daemon/logins.c", "!s->is_active || s->is_remote || !s->seat[0] ||", "!s->is_active || !s->seat[0] ||", "media for who is far away"),
    ("agent/daemon/logins.c", "entry->session.uid != 0 && is_only_one_of_user(logins, entry)", "entry->session.uid != 0", "another session's services end"),
    ("agent/daemon/logins_token.c", "i++)\n\t\tif (uses(&entry->record, found[i].kind))", "i++)\n\t\tif (0)", "a pulled key"),
    ("agent/daemon/logins_token.c", "!(is_away(entry, i) && ", "!(", "a twin stands in for the key that goes"),
    ("agent/daemon/logins_token.c", "strcmp(entry->tokens[i].identity, token->identity) == 0))", "1))", "any key stands in for hers"),
    ("agent/daemon/logins_token.c", "if (e->away == 0)\n", "if (1)\n", "one of two keys comes back"),
    ("agent/daemon/logins_token.c", "\t\tif (!e->has_cards)\n\t\t\ttake_cards(logins, e, boot_now_ns);", "\t\t;", "a pulled card"),
    ("agent/daemon/logins_token.c", "compare(logins, true, logins->cards, logins->card_count, boot_now_ns);", "", "a card that goes is not missed"),
    ("agent/daemon/logins_save.c", "saved->leader.start != entry->session.leader_start)", "0)", "what was saved of another leader"),
    ("agent/daemon/logins_save.c", "entry->token_count = saved->token_count;", "", "a key pulled while nobody looked"),
    ("agent/daemon/card_watch.c", "if (watch->filled == answer_bytes[watch->awaited])", "if (1)", "half an answer"),
    ("agent/sense/card.c", "if (!(get32(row + AT_STATE) & STATE_PRESENT) || ", "if (", "an empty reader has a card"),
    ("agent/sense/card.c", "if (name[i] < 0x20 || name[i] == 0x7f)", "if (0)", "a reader's name forges a line"),
    ("agent/sense/token.c", "memcmp(descriptor, fido_page, sizeof(fido_page)) != 0", "0", "a keyboard is a key"),
    ("policy/mfa_session.c", "sooner(&deadline, s->token_gone_boot_ns, policy->debounce_ns);", "", "a pulled key locks nothing"),
    ("policy/mfa_session.c", "if (policy->max_age_ns && !s->is_stale)", "if (0)", "a proof is good for ever"),
]


def sh(cmd, timeout=120):
    return subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout,
                          stdin=subprocess.DEVNULL)


def must(cmd):
    p = sh(cmd)
    if p.returncode:
        raise SystemExit(p.stdout.decode("utf-8", "replace"))


def tests_for(path):
    """Objects of the tests that could notice."""
    patterns = DAEMON_TESTS if path.startswith(("agent/daemon", "agent/sense")) else PAM_TESTS
    return sorted(o for p in patterns.split() for o in glob.glob(f"{BUILD}/tests/unit/{p}.o"))


def link(out, test, mutated):
    """The test program, with the mutated object in place of the library's."""
    program = out / "tests/unit/x" / pathlib.Path(test).stem
    must(["gcc", "-o", str(program), test, *mutated, "-Wl,--start-group", *LIBS, "-Wl,--end-group", *SYSTEM])
    return str(program)


def prepare(out, path=None, mutated=()):
    """Module and factor modules, where the tests look for them."""
    (out / "tests/pam").mkdir(parents=True)
    (out / "tests/unit/x").mkdir(parents=True)
    for so in glob.glob(f"{BUILD}/tests/pam/*.so"):
        shutil.copy(so, out / "tests/pam")
    twin = f"{BUILD}/pic/{path[:-2]}.o" if path else ""
    if twin in MODULE:
        must(["gcc", "-shared", "-o", str(out / "tests/pam/pam_sekimori.so"),
              *[o for o in MODULE if o != twin], *mutated,
              "-Wl,--version-script=agent/pam/pam_sekimori.map", "-lpam"])


def killer(out, tests, mutated):
    """The first test that fails, or None."""
    for t in tests:
        name = pathlib.Path(t).stem
        try:
            p = sh([link(out, t, mutated)], timeout=60)
        except subprocess.TimeoutExpired:
            return name + " (timed out)"
        if p.returncode:
            failed = [l.split("]")[1].strip() for l in p.stdout.decode("utf-8", "replace").splitlines()
                      if l.startswith("[  FAILED  ]") and "listed" not in l]
            return f"{name}: {failed[0] if failed else 'died'}"
    return None


def run(tmp, n, mutant):
    path, old, new, what = mutant
    text = pathlib.Path(path).read_text(encoding="utf-8")
    if text.count(old) < 1:
        return what, "not found in " + path, False
    out = tmp / f"out{n}"
    out.mkdir()
    (out / "mutant.c").write_text(text.replace(old, new, 1), encoding="utf-8")
    mutated = [str(out / "mutant.o")]
    try:
        must(CC + ["-c", str(out / "mutant.c"), "-o", mutated[0]])
        prepare(out, path, mutated)
        who = killer(out, tests_for(path), mutated)
    except SystemExit as e:
        return what, f"does not build: {e}", False
    shutil.rmtree(out)
    return what, who or "SURVIVED", who is not None


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    with tempfile.TemporaryDirectory(prefix="mutants-") as t:
        tmp = pathlib.Path(t)
        prepare(tmp / "base")
        who = killer(tmp / "base", sorted({*tests_for(""), *tests_for("agent/daemon")}), [])
        if who:
            sys.exit("fails without a mutant: " + who)
        good = bad = 0
        chosen = [m for m in MUTANTS if word in m[0] + m[3]]
        with cf.ThreadPoolExecutor(2) as pool:
            for what, who, ok in pool.map(lambda a: run(tmp, *a), enumerate(chosen)):
                print(f"{'ok  ' if ok else 'FAIL'} {what}: {who}", flush=True)
                good, bad = good + ok, bad + (not ok)
    print(f"{good} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
