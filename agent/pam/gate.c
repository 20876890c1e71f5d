/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathers the facts, asks login_decide() and acts. A record that cannot be
 * written changes no verdict: it is logged, and the daemon finds a session
 * without one.
 */
#include "agent/pam/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_ext.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/group.h"
#include "agent/pam/evidence.h"
#include "agent/pam/store.h"
#include "agent/pam/text.h"

#include "agent/base/banned.h"

static const struct {
	const char *name;
	int refusal;
} phases[] = {
	[GATE_AUTH] = {"auth", PAM_PERM_DENIED},
	[GATE_ACCOUNT] = {"account", PAM_PERM_DENIED},
	[GATE_SESSION] = {"session", PAM_SESSION_ERR},
};
_Static_assert(sizeof(phases) / sizeof(*phases) == GATE_PHASE_COUNT,
	       "every phase has its refusal");

/* What one gate works on. */
struct gate {
	pam_handle_t *pamh;
	const struct pam_places *places;
	struct evidence *ev;
	struct login_fact fact;
	struct login_verdict verdict;
	uint64_t boot_now_ns;
	char exe[LOGIN_PATH_MAX_BYTES + 1];
};

static int gate_init(struct gate *g, pam_handle_t *pamh,
		     const struct pam_places *places)
{
	*g = (struct gate){.pamh = pamh, .places = places};
	int r = evidence_get(pamh, places, &g->ev);
	if (r < 0)
		return r;

	const char *user = evidence_item(pamh, PAM_USER);
	ssize_t n = readlink("/proc/self/exe", g->exe, sizeof(g->exe) - 1);
	g->exe[n > 0 ? n : 0] = '\0';
	evidence_bind_user(g->ev, user);
	g->boot_now_ns = clock_boot_ns();
	g->fact = (struct login_fact){
		.service = span_str(evidence_item(pamh, PAM_SERVICE)),
		.tty = span_str(evidence_item(pamh, PAM_TTY)),
		.rhost = span_str(evidence_item(pamh, PAM_RHOST)),
		.exe = span_str(g->exe),
		.boot_id = g->ev->boot_id,
	};
	g->fact.has_uid = user[0] != '\0' &&
			  places->find_uid(pamh, user, &g->fact.uid) == 0;
	return 0;
}

static void decide(struct gate *g)
{
	const struct login_policy *policy = &g->ev->policy;
	uint64_t accepted = g->ev->accepted_boot_ns;
	uint64_t now = g->boot_now_ns;

	if (accepted && now - accepted < EVIDENCE_HOLD_NS)
		now = accepted;
	g->fact.proofs = g->ev->proofs;
	g->fact.proof_count = g->ev->proof_count;
	login_decide(policy, &g->fact, now, &g->verdict);

	/* Only one factor: now it is worth looking into the sealed group. */
	if (g->verdict.outcome == LOGIN_DENY_FACTORS &&
	    g->verdict.count.factors != 0 && g->fact.uid != 0) {
		g->fact.is_breakglass_member =
			group_has_member(AT_FDCWD, g->places->group_file,
					 policy->breakglass_group,
					 evidence_item(g->pamh, PAM_USER));
		login_decide(policy, &g->fact, now, &g->verdict);
	}
	if (!accepted && login_outcome_is_allow(g->verdict.outcome))
		g->ev->accepted_boot_ns = g->boot_now_ns;
}

/* Cut to the field: a record is for reading, the decision is made. */
static void copy_item(char *ret_text, size_t size, const char *value)
{
	(void)snprintf(ret_text, size, "%s", value);
}

static void fill_record(const struct gate *g, enum gate_phase phase,
			struct login_record *ret_record)
{
	struct login_record *r = ret_record;
	const char *session = pam_getenv(g->pamh, "XDG_SESSION_ID");

	*r = (struct login_record){
		.uid = g->fact.has_uid ? g->fact.uid : UINT32_MAX,
		.outcome = g->verdict.outcome,
		.is_enforced = g->verdict.is_enforced,
		.factors = g->verdict.count.factors,
		.boot_ns = g->boot_now_ns,
		.proof_boot_ns = g->verdict.count.boot_ns,
		.policy_serial = g->ev->policy.serial,
		.proof_count = g->ev->proof_count,
	};
	/* Without /proc the start time is 0 and the record binds nobody. */
	if (store_process((uint32_t)getpid(), &r->process) < 0)
		r->process.pid = (uint32_t)getpid();
	if (store_process((uint32_t)getppid(), &r->parent) < 0)
		r->parent.pid = (uint32_t)getppid();
	copy_item(r->user, sizeof(r->user), evidence_item(g->pamh, PAM_USER));
	copy_item(r->service, sizeof(r->service),
		  evidence_item(g->pamh, PAM_SERVICE));
	copy_item(r->tty, sizeof(r->tty), evidence_item(g->pamh, PAM_TTY));
	copy_item(r->rhost, sizeof(r->rhost),
		  evidence_item(g->pamh, PAM_RHOST));
	copy_item(r->session, sizeof(r->session), session ? session : "");
	copy_item(r->phase, sizeof(r->phase), phases[phase].name);
	memcpy(r->proofs, g->ev->proofs, sizeof(r->proofs));
}

static void log_verdict(const struct gate *g, enum gate_phase phase)
{
	const struct evidence *ev = g->ev;
	bool is_allow = login_outcome_is_allow(g->verdict.outcome);
	char factors[MFA_FACTORS_STR_SIZE];
	char modules[MFA_PROOFS_MAX * (MFA_MODULE_NAME_MAX + 2)] = "";
	size_t len = 0;

	for (size_t i = 0; i < ev->proof_count; i++)
		len += (size_t)snprintf(modules + len, sizeof(modules) - len,
					"%s%s", len ? "," : "",
					ev->proofs[i].module);
	mfa_factors_to_str(g->verdict.count.factors, factors);
	pam_syslog(g->pamh, is_allow ? LOG_INFO : LOG_NOTICE,
		   "gate %s: %s%s, factors %s, modules %s%s",
		   phases[phase].name, login_outcome_to_str(g->verdict.outcome),
		   is_allow || g->verdict.is_enforced ? "" : " (report only)",
		   factors, ev->proof_count ? modules : "none",
		   ev->has_policy ? "" : ", no policy file");
}

/* Writes a record that the verdict does not hang on. */
static void keep(struct gate *g, const struct login_record *record)
{
	uint64_t start = clock_mono_ns();
	int r = -ETIME;

	if (budget_allows(&g->ev->budget)) {
		r = store_write(g->places, record);
		budget_charge(&g->ev->budget, clock_mono_ns() - start);
	}
	if (r < 0)
		pam_syslog(g->pamh, LOG_WARNING, "no record written: %s",
			   strerror(-r));
}

static void publish(struct gate *g, enum gate_phase phase)
{
	struct login_record record;

	fill_record(g, phase, &record);
	int r = evidence_publish(g->pamh, g->places, g->ev, &record);
	if (r < 0)
		pam_syslog(g->pamh, LOG_WARNING, "no evidence written: %s",
			   strerror(-r));
}

static void open_session(struct gate *g)
{
	/* A second gate writes the same record over the first one's. */
	fill_record(g, GATE_SESSION, &g->ev->open);
	g->ev->open.kind = LOGIN_RECORD_OPEN;
	keep(g, &g->ev->open);
	evidence_spend(g->pamh, g->places, g->ev);
}

static void refuse(struct gate *g, enum gate_phase phase, int flags)
{
	struct login_record record;

	if (g->verdict.is_enforced || !g->ev->is_refusal_told) {
		fill_record(g, phase, &record);
		record.kind = LOGIN_RECORD_DENIED;
		if (store_random_id(record.id) == 0)
			keep(g, &record);
		g->ev->is_refusal_told = true;
	}
	if (!g->verdict.is_enforced)
		return;
	text_tell(g->pamh, flags,
		  g->verdict.outcome == LOGIN_DENY_REMOTE ? TEXT_REMOTE
							  : TEXT_REFUSED,
		  g->ev->policy.contact);
	/* What was proven in a refused pass is not carried into the next. */
	evidence_reset(g->ev);
	evidence_spend(g->pamh, g->places, g->ev);
}

static int act(struct gate *g, enum gate_phase phase, int flags)
{
	enum login_outcome outcome = g->verdict.outcome;
	bool is_refused = !login_outcome_is_allow(outcome);

	if (is_refused)
		refuse(g, phase, flags);
	if (is_refused && g->verdict.is_enforced)
		return phases[phase].refusal;

	if (phase == GATE_SESSION)
		open_session(g);
	else if (outcome == LOGIN_ALLOW_FACTORS ||
		 outcome == LOGIN_ALLOW_BREAKGLASS)
		publish(g, phase);
	if (outcome == LOGIN_ALLOW_BREAKGLASS && phase == GATE_SESSION)
		text_tell(g->pamh, flags, TEXT_BREAKGLASS,
			  g->ev->policy.contact);
	return outcome == LOGIN_ALLOW_FACTORS ? PAM_SUCCESS : PAM_IGNORE;
}

int gate_pass(pam_handle_t *pamh, const struct pam_places *places,
	      enum gate_phase phase, int flags, const struct line *line)
{
	struct gate g;

	if (gate_init(&g, pamh, places) < 0)
		return PAM_BUF_ERR;
	if (phase != GATE_AUTH && g.ev->proof_count == 0)
		evidence_adopt(pamh, places, g.ev);
	decide(&g);
	if (line->is_report)
		g.verdict.is_enforced = false;
	log_verdict(&g, phase);
	return act(&g, phase, flags);
}

void gate_close(pam_handle_t *pamh, const struct pam_places *places)
{
	struct evidence *ev = NULL;

	if (evidence_get(pamh, places, &ev) < 0 ||
	    ev->open.kind != LOGIN_RECORD_OPEN)
		return;
	int r = store_remove(places, &ev->open);
	if (r < 0)
		pam_syslog(pamh, LOG_NOTICE, "session record left behind: %s",
			   strerror(-r));
	ev->open.kind = LOGIN_RECORD_NONE;
}
