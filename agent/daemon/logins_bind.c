/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the PAM module to sessions: an open record by the leader's pid and
 * start time, evidence by the session its process runs in. Neither the id that
 * PAM's environment names nor anything else that a user could set is looked at.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/proc.h"
#include "agent/daemon/login_store.h"
#include "agent/daemon/logins_parts.h"

/* Display managers' services: their workers run outside the session that they
 * unlock. */
static const char *const unlockers[] = {
	"gdm-password",	 "gdm-fingerprint",
	"gdm-smartcard", "gdm-switchable-auth",
	"lightdm",	 "sddm",
	"lxdm",		 "kde",
};

/* --- sessions ---------------------------------------------------------------
 */

static void read_exe(const struct logins *logins, uint32_t pid, char *ret_path,
		     size_t size)
{
	char link[sizeof("proc/4294967295/exe")];

	(void)snprintf(link, sizeof(link), "proc/%u/exe", pid);
	ssize_t n = readlinkat(logins->options.root_fd, link, ret_path,
			       size - 1);
	ret_path[n > 0 ? n : 0] = '\0';
}

static void decide(struct logins *logins, const struct login_entry *entry,
		   uint64_t now, struct login_verdict *ret_verdict)
{
	const struct login_session *s = &entry->session;
	char exe[LOGIN_PATH_MAX_BYTES + 1];
	struct login_fact fact = {
		.service = span_str(s->service),
		.tty = span_str(s->tty),
		.rhost = span_str(s->is_remote && !s->rhost[0] ? "?"
							       : s->rhost),
		.has_uid = true,
		.uid = s->uid,
		.boot_id = logins->boot_id,
	};

	read_exe(logins, s->leader, exe, sizeof(exe));
	fact.exe = span_str(exe);
	login_decide(&logins->policy, &fact, now, ret_verdict);
}

static bool is_exempt(struct logins *logins, const struct login_entry *entry,
		      uint64_t now)
{
	struct login_verdict verdict;

	decide(logins, entry, now, &verdict);
	return verdict.outcome == LOGIN_ALLOW_EXEMPT;
}

/* Whether it was there before anything was asked of anybody. */
static bool is_older(const struct logins *logins, uint64_t start_ticks)
{
	uint64_t hertz = (uint64_t)sysconf(_SC_CLK_TCK);

	return start_ticks != 0 &&
	       start_ticks * (NS_PER_S / hertz) < logins->since_boot_ns;
}

static enum mfa_bind bind_of(struct logins *logins, struct login_entry *entry,
			     uint64_t now)
{
	const struct login_record *record = &entry->record;

	switch (record->outcome) {
	case LOGIN_ALLOW_FACTORS:
		return MFA_BIND_FACTORS;
	case LOGIN_ALLOW_BREAKGLASS:
		return MFA_BIND_BREAKGLASS;
	case LOGIN_ALLOW_EXEMPT:
		/* By a policy that asked for less than today's */
		return is_exempt(logins, entry, now) ? MFA_BIND_EXEMPT
						     : MFA_BIND_GRANDFATHERED;
	case LOGIN_DENY_FACTORS:
	case LOGIN_DENY_REMOTE:
	case LOGIN_DENY_USER:
	case LOGIN_OUTCOME_COUNT:
		break;
	}
	return MFA_BIND_DENIED;
}

bool logins_find_record(struct logins *logins, struct login_entry *entry)
{
	const struct login_session *s = &entry->session;
	const struct login_process leader = {s->leader, s->leader_start};

	if (login_store_find(logins->options.root_fd, &leader, &entry->record) <
	    0)
		return false;
	entry->has_record = entry->record.uid == s->uid;
	if (!entry->has_record)
		log_error(logins->options.log,
			  "session %s is not of whom its record says", s->id);
	return entry->has_record;
}

void logins_bind(struct logins *logins, struct login_entry *entry, uint64_t now)
{
	struct mfa_event event = {.kind = MFA_EVENT_BIND};

	if (logins_mode(logins, now) == LOGIN_MODE_OFF)
		return;
	if (entry->has_record || logins_find_record(logins, entry)) {
		event.bind = bind_of(logins, entry, now);
		event.proof_boot_ns = entry->record.proof_boot_ns;
		entry->factors = entry->record.factors;
		logins_take_tokens(logins, entry, now);
	} else if (is_exempt(logins, entry, now)) {
		event.bind = MFA_BIND_EXEMPT;
	} else if (is_older(logins, entry->session.leader_start)) {
		event.bind = MFA_BIND_GRANDFATHERED;
	} else {
		return;
	}
	logins_step(logins, entry, &event, now);
}

/*
 * Nobody may be locked out because records cannot be written or the module has
 * gone: who may break the glass goes on as if it had been broken, with the same
 * time and the same event.
 */
bool logins_bind_breakglass(struct logins *logins, struct login_entry *entry,
			    uint64_t now)
{
	const struct login_session *s = &entry->session;
	const struct mfa_event event = {
		.kind = MFA_EVENT_BIND,
		.bind = MFA_BIND_BREAKGLASS,
		.proof_boot_ns = now,
	};
	const struct login_fact fact = {
		.tty = span_str(s->tty),
		.rhost = span_str(s->is_remote ? "?" : s->rhost),
		.has_uid = true,
		.uid = s->uid,
		.is_breakglass_member =
			s->uid != 0 &&
			group_has_member(logins->options.root_fd, "etc/group",
					 logins->policy.breakglass_group,
					 s->user),
	};

	if (!login_is_breakglass(&logins->policy, &fact))
		return false;
	logins_step(logins, entry, &event, now);
	return true;
}

/* --- evidence -------------------------------------------------------------- */

static bool is_alive(const struct logins *logins,
		     const struct login_process *process)
{
	uint64_t start = 0;

	return proc_start(logins->options.root_fd, process->pid, &start) == 0 &&
	       start == process->start;
}

static bool is_waiting(const struct login_entry *entry)
{
	return entry->mfa.state == MFA_STATE_LOCK_PENDING ||
	       entry->mfa.state == MFA_STATE_LOCKED ||
	       entry->mfa.state == MFA_STATE_UNLOCK_CHECK ||
	       entry->mfa.state == MFA_STATE_VIOLATION;
}

/* The user's one local session, of those that wait for proof where any does;
 * NULL where it is none or not one alone. */
static struct login_entry *only_one(const struct logins *logins, uint32_t uid,
				    bool must_wait)
{
	struct login_entry *found = NULL;
	bool is_any_waiting = must_wait;

	for (struct login_entry *e = logins->first; e; e = e->next)
		is_any_waiting |= e->session.uid == uid && is_waiting(e);
	for (struct login_entry *e = logins->first; e; e = e->next) {
		if (e->session.uid != uid || e->session.is_remote ||
		    (is_any_waiting && !is_waiting(e)))
			continue;
		if (found)
			return NULL;
		found = e;
	}
	return found;
}

static bool is_unlocker(const char *service)
{
	for (size_t i = 0; i < sizeof(unlockers) / sizeof(unlockers[0]); i++)
		if (strcmp(unlockers[i], service) == 0)
			return true;
	return false;
}

/* polkit's helper is gone quickly; its parent, the agent, stays. */
static struct login_entry *session_of(const struct logins *logins,
				      const struct login_record *record)
{
	const struct login_process *processes[] = {&record->process,
						   &record->parent};
	char id[LOGIN_SESSION_ID_SIZE];
	uint32_t uid = UINT32_MAX;

	for (size_t i = 0; i < 2; i++) {
		if (!is_alive(logins, processes[i]) ||
		    login_session_of(logins->options.root_fd, processes[i]->pid,
				     id, &uid) < 0)
			continue;
		if (uid != record->uid)
			return NULL;
		if (id[0] == '\0')
			return only_one(logins, uid, false);
		for (struct login_entry *e = logins->first; e; e = e->next)
			if (strcmp(e->session.id, id) == 0)
				return e->session.uid == uid ? e : NULL;
		return NULL;
	}
	return is_unlocker(record->service)
		       ? only_one(logins, record->uid, true)
		       : NULL;
}

static bool was_seen(struct logins *logins, const char *id)
{
	for (size_t i = 0; i < LOGINS_SEEN_MAX; i++)
		if (strcmp(logins->seen[i], id) == 0)
			return true;
	(void)snprintf(logins->seen[logins->seen_next], LOGIN_ID_CHARS + 1,
		       "%s", id);
	logins->seen_next = (logins->seen_next + 1) % LOGINS_SEEN_MAX;
	return false;
}

struct reading {
	struct logins *logins;
	uint64_t now;
};

/* Evidence for a session. Its modules and tokens are the session's when it was
 * taken. */
static void give(struct logins *logins, struct login_entry *entry,
		 const struct login_record *record, uint64_t now)
{
	const struct mfa_event event = {
		.kind = MFA_EVENT_EVIDENCE,
		.factors = record->factors,
		.proof_boot_ns = record->proof_boot_ns,
	};
	struct login_entry before = *entry;

	memcpy(entry->record.proofs, record->proofs, sizeof(record->proofs));
	entry->record.proof_count = record->proof_count;
	entry->record.proof_boot_ns = record->proof_boot_ns;
	entry->factors = record->factors;
	logins_step(logins, entry, &event, now);
	if (entry->mfa.proof_boot_ns == record->proof_boot_ns &&
	    entry->mfa.state == MFA_STATE_ATTESTED) {
		logins_take_tokens(logins, entry, now);
		return;
	}
	entry->record = before.record;
	entry->factors = before.factors;
}

/* The file stays while its transaction may still want it (sshd's parent). */
static bool take_evidence(const char *name, const struct login_record *record,
			  void *userdata)
{
	const struct reading *reading = userdata;
	struct logins *logins = reading->logins;

	if (strcmp(name, record->id) != 0)
		return true;
	if (!was_seen(logins, record->id) && record->rhost[0] == '\0' &&
	    record->outcome == LOGIN_ALLOW_FACTORS) {
		struct login_entry *entry = session_of(logins, record);

		if (entry)
			give(logins, entry, record, reading->now);
	}
	return record->boot_ns > reading->now ||
	       reading->now - record->boot_ns >
		       logins->policy.mfa.evidence_ttl_ns;
}

static bool take_denied(const char *name, const struct login_record *record,
			void *userdata)
{
	const struct reading *reading = userdata;

	(void)name;
	logins_tell_denied(reading->logins, record, reading->now);
	return true;
}

void logins_read_records(struct logins *logins, uint64_t boot_now_ns)
{
	struct reading reading = {logins, boot_now_ns};
	int root_fd = logins->options.root_fd;

	if (logins->policy.mode == LOGIN_MODE_OFF)
		return;
	for (struct login_entry *e = logins->first; e; e = e->next)
		if (e->mfa.state == MFA_STATE_NEW ||
		    (e->mfa.state == MFA_STATE_VIOLATION &&
		     e->mfa.cause == MFA_CAUSE_UNATTESTED && !e->has_record))
			logins_bind(logins, e, boot_now_ns);
	/* No folder: nothing has been recorded yet */
	(void)!login_store_each(root_fd, LOGIN_RECORD_EVIDENCE, take_evidence,
				&reading);
	(void)!login_store_each(root_fd, LOGIN_RECORD_DENIED, take_denied,
				&reading);
}
