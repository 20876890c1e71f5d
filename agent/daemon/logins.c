/* SPDX-License-Identifier: Apache-2.0 */
/* The table, and one function for everything that happens to a session. */
#include "agent/daemon/logins_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/daemon/login_policy.h"
#include "agent/daemon/login_store.h"

#define PASSWD_MAX ((size_t)1 << 20)

int logins_new(const struct logins_options *options, struct logins **ret_logins)
{
	struct logins *logins = calloc(1, sizeof(*logins));

	if (!logins)
		return -ENOMEM;
	logins->options = *options;
	login_policy_default(&logins->policy);
	logins->policy.mode = LOGIN_MODE_OFF;
	/* Without it a trial counts as run out: reporting, not refusing */
	(void)!read_line_file(options->root_fd, LOGIN_BOOT_ID_PATH,
			      logins->boot_id, sizeof(logins->boot_id));
	logins_load(logins);
	*ret_logins = logins;
	return 0;
}

struct logins *logins_free(struct logins *logins)
{
	if (!logins)
		return NULL;
	for (struct login_entry *next; logins->first; logins->first = next) {
		next = logins->first->next;
		free(logins->first);
	}
	free(logins->saved);
	free(logins);
	return NULL;
}

const struct login_policy *logins_policy(const struct logins *logins)
{
	return &logins->policy;
}

enum login_mode logins_mode(const struct logins *logins, uint64_t boot_now_ns)
{
	return login_policy_mode(&logins->policy, logins->boot_id, boot_now_ns);
}

const struct login_entry *logins_first(const struct logins *logins)
{
	return logins->first;
}

static struct login_entry *find(const struct logins *logins, const char *id)
{
	struct login_entry *entry = logins->first;

	while (entry && strcmp(entry->session.id, id) != 0)
		entry = entry->next;
	return entry;
}

const struct login_entry *logins_find(const struct logins *logins,
				      const char *id)
{
	return find(logins, id);
}

bool logins_take_change(struct logins *logins)
{
	bool has_changed = logins->has_changed;

	logins->has_changed = false;
	return has_changed;
}

/* --- acting ---------------------------------------------------------------- */

static bool is_only_one_of_user(const struct logins *logins,
				const struct login_entry *entry)
{
	for (const struct login_entry *e = logins->first; e; e = e->next)
		if (e != entry && e->session.uid == entry->session.uid)
			return false;
	return true;
}

/* With his last session go the services that he started: but root's never. */
static int terminate(struct logins *logins, const struct login_entry *entry)
{
	const struct lock *lock = &logins->options.lock;

	if (entry->session.uid != 0 && is_only_one_of_user(logins, entry))
		(void)!lock->ops->terminate_user(lock->context,
						 entry->session.uid);
	return lock->ops->terminate(lock->context, entry->session.id);
}

static void act(struct logins *logins, const struct login_entry *entry,
		unsigned int actions)
{
	const struct lock *lock = &logins->options.lock;
	const struct login_session *session = &entry->session;
	int r = 0;

	if (actions & (MFA_DO_SUSPEND_MEDIA | MFA_DO_RESUME_MEDIA))
		logins->has_changed = true;
	if (actions & MFA_DO_LOCK)
		r = lock->ops->lock(lock->context, session->id);
	if (r == 0 && (actions & MFA_DO_FREEZE))
		r = lock->ops->freeze(lock->context, session->scope);
	if (r == 0 && (actions & MFA_DO_TERMINATE))
		r = terminate(logins, entry);
	if (r == 0 && (actions & MFA_DO_THAW))
		r = lock->ops->thaw(lock->context, session->scope);
	if (r < 0)
		log_error(logins->options.log,
			  "session %s was not acted upon: %s", session->id,
			  errno_text(r));
}

void logins_step(struct logins *logins, struct login_entry *entry,
		 const struct mfa_event *event, uint64_t boot_now_ns)
{
	enum login_mode mode = logins_mode(logins, boot_now_ns);
	struct mfa_session before = entry->mfa;

	if (mode == LOGIN_MODE_OFF)
		return;
	struct mfa_step step = mfa_session_step(&logins->policy, mode,
						&entry->mfa, event,
						boot_now_ns);
	entry->mfa = step.session;
	act(logins, entry, step.actions);
	logins_tell(logins, entry, &step, boot_now_ns);
	if (memcmp(&before, &entry->mfa, sizeof(before)) != 0)
		logins->is_dirty = true;
	/* A step-up leaves the state alone: only the proof is younger */
	if (before.proof_boot_ns != entry->mfa.proof_boot_ns)
		logins->has_changed = true;
	if (before.state != entry->mfa.state ||
	    before.is_active != entry->mfa.is_active ||
	    before.is_hint_locked != entry->mfa.is_hint_locked) {
		logins->has_changed = true;
		log_info(logins->options.log, "session %s of '%s': %s",
			 entry->session.id, entry->session.user,
			 mfa_state_to_str(entry->mfa.state));
	}
}

/* --- facts ----------------------------------------------------------------- */

/* What logind says of it, as events where the machine has it otherwise. */
static void feed_facts(struct logins *logins, struct login_entry *entry,
		       uint64_t now)
{
	const struct login_session *s = &entry->session;

	if (s->is_active != entry->mfa.is_active) {
		const struct mfa_event event = {
			.kind = s->is_active ? MFA_EVENT_ACTIVATED
					     : MFA_EVENT_DEACTIVATED,
		};
		logins_step(logins, entry, &event, now);
	}
	if (s->is_hint_locked != entry->mfa.is_hint_locked) {
		const struct mfa_event event = {
			.kind = s->is_hint_locked ? MFA_EVENT_LOCKED
						  : MFA_EVENT_UNLOCKED,
		};
		logins_step(logins, entry, &event, now);
	}
}

/*
 * A text console tells of its last key only when it is asked, so it is asked
 * when it could have been idle for long enough. A desktop says so by itself.
 */
static void feed_idle(struct logins *logins, struct login_entry *entry,
		      uint64_t now)
{
	const struct login_session *s = &entry->session;
	uint64_t limit = logins->policy.idle_ns;
	bool is_known = s->idle_since_boot_ns && s->idle_since_boot_ns < now;
	uint64_t since = is_known ? s->idle_since_boot_ns : now;
	bool is_console = strcmp(s->type, "tty") == 0;
	struct mfa_event event = {.kind = MFA_EVENT_BUSY};

	entry->idle_check_boot_ns = 0;
	if (limit == 0 || entry->mfa.state != MFA_STATE_ATTESTED)
		return;
	if (is_console ? now - since >= limit : s->is_idle)
		event = (struct mfa_event){.kind = MFA_EVENT_IDLE,
					   .proof_boot_ns = since};
	else if (is_console)
		entry->idle_check_boot_ns = since + limit;
	logins_step(logins, entry, &event, now);
	/* Idle for long enough already: its deadline has passed */
	const struct mfa_event tick = {.kind = MFA_EVENT_TICK};
	logins_step(logins, entry, &tick, now);
}

static struct login_entry *add(struct logins *logins,
			       const struct login_session *session,
			       uint64_t now)
{
	struct login_entry *entry = NULL;

	if (logins->count < LOGINS_MAX)
		entry = calloc(1, sizeof(*entry));
	if (!entry) {
		log_error(logins->options.log, "no room for session %s",
			  session->id);
		return NULL;
	}
	entry->session = *session;
	entry->next = logins->first;
	logins->first = entry;
	logins->count++;
	entry->mfa = mfa_session_start(session->is_active, session->is_remote,
				       now);
	if (logins_restore(logins, entry))
		(void)!logins_find_record(logins, entry); /* its modules */
	logins->is_dirty = true;
	logins->has_changed = true;
	return entry;
}

static void end(struct logins *logins, struct login_entry *entry, uint64_t now)
{
	const struct mfa_event event = {.kind = MFA_EVENT_REMOVED};
	const struct login_process leader = {entry->session.leader,
					     entry->session.leader_start};
	struct login_entry **at = &logins->first;

	logins_step(logins, entry, &event, now);
	if (entry->has_record)
		login_store_forget(logins->options.root_fd, &leader);
	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	free(entry);
	logins->count--;
	logins->is_dirty = true;
	logins->has_changed = true;
}

/* An id may be used again: by another leader it is another session. A leader
 * that has gone is still the one it was. */
static bool is_other(const struct login_session *old,
		     const struct login_session *now)
{
	return old->leader != now->leader || old->uid != now->uid ||
	       (now->leader_start != 0 && old->leader_start != 0 &&
		old->leader_start != now->leader_start);
}

void logins_seen(struct logins *logins, const struct login_session *session,
		 uint64_t boot_now_ns)
{
	struct login_entry *entry = find(logins, session->id);

	if (entry && is_other(&entry->session, session)) {
		end(logins, entry, boot_now_ns);
		entry = NULL;
	}
	if (!entry) {
		entry = add(logins, session, boot_now_ns);
		if (!entry)
			return;
	} else {
		uint64_t start = entry->session.leader_start;

		entry->session = *session;
		if (start != 0)
			entry->session.leader_start = start;
	}
	if (entry->mfa.state == MFA_STATE_NEW)
		logins_bind(logins, entry, boot_now_ns);
	feed_facts(logins, entry, boot_now_ns);
	feed_idle(logins, entry, boot_now_ns);
}

void logins_gone(struct logins *logins, const char *id, uint64_t boot_now_ns)
{
	struct login_entry *entry = find(logins, id);

	if (entry)
		end(logins, entry, boot_now_ns);
}

void logins_listed(struct logins *logins, uint64_t boot_now_ns)
{
	logins->is_listed = logins->has_changed = true;
	/* What was saved of sessions that are no more is of no use */
	free(logins->saved);
	logins->saved = NULL;
	logins->saved_count = 0;
	logins_check_tokens(logins, boot_now_ns);
	logins_read_records(logins, boot_now_ns);
}

bool logins_are_listed(const struct logins *logins)
{
	return logins->is_listed;
}

/* --- policy ---------------------------------------------------------------- */

static void begin(struct logins *logins, uint64_t now)
{
	if (logins->since_boot_ns == 0)
		logins->since_boot_ns = now;
	for (struct login_entry *e = logins->first; e; e = e->next) {
		if (e->mfa.state != MFA_STATE_NEW)
			continue;
		e->mfa = mfa_session_start(e->session.is_active,
					   e->session.is_remote, now);
		logins_bind(logins, e, now);
		feed_facts(logins, e, now);
		feed_idle(logins, e, now);
	}
}

static void forget_all(struct logins *logins, uint64_t now)
{
	logins->since_boot_ns = 0;
	for (struct login_entry *e = logins->first; e; e = e->next)
		e->mfa = mfa_session_start(e->session.is_active,
					   e->session.is_remote, now);
}

static void tell_mode(struct logins *logins, uint64_t now)
{
	enum login_mode mode = logins_mode(logins, now);

	if (logins->has_told_mode && logins->told_mode == mode)
		return;
	/* Nothing asked and nothing asked before is no news */
	if (logins->has_told_mode || mode != LOGIN_MODE_OFF)
		logins_tell_mode(logins, mode);
	logins->told_mode = mode;
	logins->has_told_mode = true;
	logins->is_dirty = true;
}

void logins_set_policy(struct logins *logins, const struct login_policy *policy,
		       uint64_t boot_now_ns)
{
	logins->policy = *policy;
	logins->has_changed = true;
	logins->is_dirty = true;
	if (policy->mode == LOGIN_MODE_OFF)
		forget_all(logins, boot_now_ns);
	else
		begin(logins, boot_now_ns);
	tell_mode(logins, boot_now_ns);
}

/* --- time ------------------------------------------------------------------- */

static bool is_due(uint64_t deadline, uint64_t now)
{
	return deadline != 0 && deadline <= now;
}

static void tick_one(struct logins *logins, struct login_entry *entry,
		     uint64_t now)
{
	const struct mfa_event tick = {.kind = MFA_EVENT_TICK};
	uint64_t deadline = mfa_session_deadline(&logins->policy, &entry->mfa);

	if (is_due(entry->idle_check_boot_ns, now)) {
		entry->idle_check_boot_ns = 0;
		if (logins->options.look)
			logins->options.look(logins->options.userdata,
					     entry->session.id);
	}
	if (!is_due(deadline, now))
		return;
	/* The record may have come without anybody telling us */
	if (entry->mfa.state == MFA_STATE_NEW)
		logins_bind(logins, entry, now);
	if (entry->mfa.state == MFA_STATE_NEW &&
	    logins_bind_breakglass(logins, entry, now))
		return;
	logins_step(logins, entry, &tick, now);
}

void logins_tick(struct logins *logins, uint64_t boot_now_ns)
{
	if (logins->policy.mode == LOGIN_MODE_OFF)
		return;
	for (struct login_entry *e = logins->first; e; e = e->next)
		tick_one(logins, e, boot_now_ns);
	if (is_due(logins->fresh_until_boot_ns, boot_now_ns)) {
		logins->fresh_until_boot_ns = 0;
		logins->has_changed = true;
	}
	tell_mode(logins, boot_now_ns); /* a trial may have run out */
}

static void sooner(uint64_t *deadline, uint64_t other)
{
	if (other != 0 && (*deadline == 0 || other < *deadline))
		*deadline = other;
}

uint64_t logins_deadline(const struct logins *logins)
{
	const struct login_policy *policy = &logins->policy;
	uint64_t deadline = logins->fresh_until_boot_ns;

	if (policy->mode == LOGIN_MODE_OFF)
		return 0;
	for (const struct login_entry *e = logins->first; e; e = e->next) {
		sooner(&deadline, mfa_session_deadline(policy, &e->mfa));
		sooner(&deadline, e->idle_check_boot_ns);
	}
	if (logins->told_mode == LOGIN_MODE_ENFORCE)
		sooner(&deadline, policy->trial_until_boot_ns);
	return deadline;
}

/* --- who sits there ---------------------------------------------------------
 */

/* In front at the machine's own seat; a person, not the greeter. */
static struct login_entry *in_front(const struct logins *logins)
{
	struct login_entry *found = NULL;

	for (struct login_entry *e = logins->first; e; e = e->next) {
		const struct login_session *s = &e->session;

		if (!s->is_active || s->is_remote || !s->seat[0] ||
		    strncmp(s->class_name, "user", 4) != 0)
			continue;
		if (!found || strcmp(s->seat, "seat0") == 0)
			found = e;
	}
	return found;
}

/* The number of the user's own group, of the local file; UINT32_MAX. */
static uint32_t primary_gid(const struct logins *logins, const char *user)
{
	_cleanup_free_ char *text = NULL;
	size_t len = strlen(user);
	uint32_t gid = UINT32_MAX;

	if (read_small_file(logins->options.root_fd, "etc/passwd", PASSWD_MAX,
			    &text, NULL) < 0)
		return gid;
	char *next;
	for (char *line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		const char *uid = strncmp(line, user, len) == 0 &&
						  line[len] == ':'
					  ? strchr(line + len + 1, ':')
					  : NULL;
		const char *at = uid ? strchr(uid + 1, ':') : NULL;
		if (at)
			return (uint32_t)strtoul(at + 1, NULL, 10);
	}
	return gid;
}

void logins_context(struct logins *logins, uint64_t boot_now_ns,
		    struct decide_context *context)
{
	const struct login_policy *policy = &logins->policy;
	const struct login_entry *entry = in_front(logins);

	logins->fresh_until_boot_ns = 0;
	if (!entry)
		return;
	const char *user = entry->session.user;
	group_list(logins->options.root_fd, "etc/group", user,
		   primary_gid(logins, user), &logins->group_names);
	for (size_t i = 0; i < logins->group_names.count; i++)
		logins->groups[i] = logins->group_names.names[i];
	context->has_session = true;
	context->user = user;
	context->groups = logins->groups;
	context->group_count = logins->group_names.count;
	context->is_locked = entry->mfa.is_hint_locked ||
			     entry->mfa.state == MFA_STATE_LOCK_PENDING ||
			     entry->mfa.state == MFA_STATE_LOCKED ||
			     entry->mfa.state == MFA_STATE_UNLOCK_CHECK;
	context->is_proven = logins_mode(logins, boot_now_ns) !=
				     LOGIN_MODE_ENFORCE ||
			     entry->mfa.state == MFA_STATE_ATTESTED;
	context->is_mfa = mfa_session_is_fresh(policy, &entry->mfa,
					       boot_now_ns);
	if (context->is_mfa)
		logins->fresh_until_boot_ns = entry->mfa.proof_boot_ns +
					      policy->step_up_ns;
}

bool logins_is_glass_broken(const struct logins *logins)
{
	for (const struct login_entry *e = logins->first; e; e = e->next)
		if (e->mfa.state == MFA_STATE_BREAKGLASS ||
		    (e->mfa.state == MFA_STATE_VIOLATION &&
		     e->mfa.cause == MFA_CAUSE_BREAKGLASS_EXPIRED))
			return true;
	return false;
}

bool logins_actor(const struct logins *logins, uint64_t boot_now_ns,
		  struct record_actor *ret_actor)
{
	const struct login_entry *entry = in_front(logins);

	if (!entry)
		return false;
	const struct login_session *s = &entry->session;
	bool is_asked = logins_mode(logins, boot_now_ns) != LOGIN_MODE_OFF;
	bool is_mfa = entry->mfa.state == MFA_STATE_ATTESTED;
	*ret_actor = (struct record_actor){
		.user = s->user,
		.has_uid = true,
		.uid = s->uid,
		.session = s->id,
		.tty = s->tty,
		.wall_since_ms = (int64_t)(s->wall_since_us / 1000),
		.is_remote = RECORD_NO,
		.is_mfa = !is_asked ? RECORD_UNKNOWN
			  : is_mfa  ? RECORD_YES
				    : RECORD_NO,
	};
	return true;
}

int logins_step_up(struct logins *logins, uint32_t uid, uint64_t boot_now_ns)
{
	uint64_t limit = logins->policy.reauth_ns;

	logins_read_records(logins, boot_now_ns);
	const struct login_entry *entry = in_front(logins);
	if (!entry || entry->session.uid != uid)
		return LOGINS_NOT_PROVEN;
	/* An older proof would be the login's, not this one's */
	if (mfa_session_is_fresh(&logins->policy, &entry->mfa, boot_now_ns) &&
	    boot_now_ns - entry->mfa.proof_boot_ns <= limit)
		return 0;
	logins_tell_step_up_denied(logins, entry, boot_now_ns);
	return LOGINS_NOT_PROVEN;
}
