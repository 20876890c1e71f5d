/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table and its lifecycle: asked, counting, suspended, ended. What ended is
 * remembered by its id; when even that must be forgotten, everything issued
 * before is refused, so nothing can come back whatever the clock says.
 */
#include "agent/daemon/grants_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/base/clock.h"
#include "agent/base/hex.h"

int grants_new(const struct grants_options *options, struct grants **ret_grants)
{
	struct grants *grants = calloc(1, sizeof(*grants));

	if (!grants)
		return -ENOMEM;
	grants->options = *options;
	*ret_grants = grants;
	return 0;
}

static void free_row(struct grants_row *row)
{
	free(row->proof);
	free(row);
}

struct grants *grants_free(struct grants *grants)
{
	if (!grants)
		return NULL;
	while (grants->first) {
		struct grants_row *next = grants->first->next;
		free_row(grants->first);
		grants->first = next;
	}
	free(grants);
	return NULL;
}

/* --- rows ------------------------------------------------------------------ */

struct grants_row *grants_add(struct grants *grants, struct span text)
{
	const char *why;

	if (grants->count >= GRANTS_MAX || text.len > GRANT_MAX_BYTES)
		return NULL;
	struct grants_row *row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	memcpy(row->text, text.ptr, text.len);
	row->size = text.len;
	if (grant_read(span_of(row->text, row->size), &row->grant, &why) != 0) {
		free(row);
		return NULL;
	}
	row->next = grants->first;
	grants->first = row;
	grants->count++;
	return row;
}

void grants_drop(struct grants *grants, struct grants_row *row)
{
	struct grants_row **at = &grants->first;

	while (*at && *at != row)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = row->next;
	grants->count--;
	free_row(row);
}

struct grants_row *grants_row_of(const struct grants *grants, struct span id)
{
	for (struct grants_row *row = grants->first; row; row = row->next)
		if (span_equals(row->grant.id, id))
			return row;
	return NULL;
}

const struct grants_row *grants_find(const struct grants *grants,
				     const char *id)
{
	return grants_row_of(grants, span_str(id));
}

const struct grants_row *grants_first(const struct grants *grants)
{
	return grants->first;
}

bool grants_is_gone(const struct grants *grants, struct span id)
{
	for (size_t i = 0; i < grants->gone_count; i++)
		if (span_equals_str(id, grants->gone[i].id))
			return true;
	return false;
}

void grants_note_gone(struct grants *grants, struct span id,
		      uint64_t wall_issued_s)
{
	if (grants_is_gone(grants, id) || id.len > GRANT_ID_CHARS)
		return;
	if (grants->gone_count == GRANTS_GONE_MAX) {
		/* The one that is forgotten must not come back */
		if (grants->gone[0].wall_issued_s > grants->issued_floor)
			grants->issued_floor = grants->gone[0].wall_issued_s;
		memmove(grants->gone, grants->gone + 1,
			(GRANTS_GONE_MAX - 1) * sizeof(grants->gone[0]));
		grants->gone_count--;
	}
	struct grants_gone *gone = &grants->gone[grants->gone_count++];
	(void)snprintf(gone->id, sizeof(gone->id), "%.*s", (int)id.len, id.ptr);
	gone->wall_issued_s = wall_issued_s;
}

bool grants_note_seen(struct grants *grants,
		      const char digest[GRANTS_DIGEST_SIZE])
{
	for (size_t i = 0; i < grants->seen_count; i++)
		if (strcmp(grants->seen[i], digest) == 0)
			return false;
	if (grants->seen_count == GRANTS_SEEN_MAX) {
		memmove(grants->seen, grants->seen + 1,
			(GRANTS_SEEN_MAX - 1) * sizeof(grants->seen[0]));
		grants->seen_count--;
	}
	memcpy(grants->seen[grants->seen_count++], digest, GRANTS_DIGEST_SIZE);
	return true;
}

bool grants_is_spent(const struct grants *grants, const char *id)
{
	return grants_row_of(grants, span_str(id)) ||
	       grants_is_gone(grants, span_str(id));
}

bool grants_are_any(const struct grants *grants)
{
	return grants && grants->first;
}

const char *grants_state_to_str(const struct grants_row *row)
{
	switch (row->state) {
	case GRANTS_WAITING:
		return "waiting";
	case GRANTS_ACTIVE:
		return row->is_suspended ? "suspended" : "active";
	case GRANTS_REQUESTED:
	case GRANTS_STATE_COUNT:
		break;
	}
	return "requested";
}

uint64_t grants_left_s(const struct grants_row *row, uint64_t boot_ns)
{
	if (row->state != GRANTS_ACTIVE || row->boot_end_ns <= boot_ns)
		return 0;
	return (row->boot_end_ns - boot_ns + NS_PER_S - 1) / NS_PER_S;
}

/* --- lifecycle ------------------------------------------------------------- */

void grants_activate(struct grants_row *row, uint64_t left_ns,
		     struct grants_now now)
{
	uint64_t until_s = row->grant.wall_not_after_s;
	uint64_t wall_left_ns = until_s > now.wall_s
					? (until_s - now.wall_s) * NS_PER_S
					: 0;

	if (wall_left_ns < left_ns)
		left_ns = wall_left_ns;
	row->state = GRANTS_ACTIVE;
	row->boot_end_ns = now.boot_ns + left_ns;
}

void grants_finish(struct grants *grants, struct grants_row *row,
		   enum record_code code, enum record_reason reason,
		   struct grants_now now)
{
	grants_tell(grants, row, code, reason, now);
	grants_note_gone(grants, row->grant.id, row->grant.wall_issued_s);
	grants_drop(grants, row);
}

/* An id that nobody can guess: a revocation names it. */
static int make_id(char ret_id[GRANT_ID_CHARS + 1])
{
	uint8_t random[(GRANT_ID_CHARS - 2) / 2];

	if (getrandom(random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return -EAGAIN;
	memcpy(ret_id, "g-", 2);
	hex_encode(random, sizeof(random), ret_id + 2);
	return 0;
}

static size_t waiting_of(const struct grants *grants, struct span user)
{
	size_t count = 0;

	for (const struct grants_row *row = grants->first; row; row = row->next)
		count += row->state == GRANTS_REQUESTED &&
			 span_equals(row->grant.user, user);
	return count;
}

static int write_request(const struct grants *grants,
			 const struct grants_wish *wish, struct grants_now now,
			 char *text, size_t *ret_size)
{
	char id[GRANT_ID_CHARS + 1];
	struct grant grant = {
		.action = GRANT_REQUEST,
		.wall_issued_s = now.wall_s,
		.terminal = span_str(
			grants->options.terminal(grants->options.userdata)),
		.user = span_str(wish->user),
		.device = span_str(wish->device),
		.access = wish->access,
		.wall_not_after_s = now.wall_s + GRANTS_REQUEST_S,
		.minutes = wish->minutes,
		.reason = span_str(wish->reason),
		.ticket = span_str(wish->ticket),
		.requester = span_str(wish->user),
		.note = span_str(wish->note),
	};

	int r = make_id(id);
	if (r < 0)
		return r;
	grant.id = span_str(id);
	return grant_write(&grant, text, GRANT_MAX_BYTES, ret_size) == 0
		       ? 0
		       : GRANTS_INVALID;
}

int grants_request(struct grants *grants, const struct grants_wish *wish,
		   struct grants_now now, const char **ret_id)
{
	char text[GRANT_MAX_BYTES];
	size_t size = 0;

	if (!grants->is_loaded)
		return -EAGAIN;
	if (waiting_of(grants, span_str(wish->user)) >= GRANTS_OF_USER_MAX ||
	    grants->count >= GRANTS_MAX)
		return GRANTS_FULL;
	int r = write_request(grants, wish, now, text, &size);
	if (r != 0)
		return r;
	struct grants_row *row = grants_add(grants, span_of(text, size));
	if (!row)
		return -ENOMEM;
	(void)snprintf(row->correlation, sizeof(row->correlation), "%s",
		       wish->correlation[0] ? wish->correlation : "");
	if (row->correlation[0] == '\0')
		memcpy(row->correlation, row->grant.id.ptr, row->grant.id.len);
	r = grants_save(grants, now);
	if (r < 0) {
		grants_drop(grants, row);
		return r;
	}
	grants_tell_request(grants, row, wish, now);
	*ret_id = row->grant.id.ptr;
	return 0;
}

int grants_end(struct grants *grants, const char *id, const char *user,
	       struct grants_now now)
{
	struct grants_row *row = grants_row_of(grants, span_str(id));

	if (!row ||
	    (user[0] != '\0' && !span_equals_str(row->grant.user, user)))
		return GRANTS_UNKNOWN;
	return grants_stop(grants, id, RECORD_REASON_GRANT_BY_USER, now);
}

int grants_stop(struct grants *grants, const char *id,
		enum record_reason reason, struct grants_now now)
{
	struct grants_row *row = grants_row_of(grants, span_str(id));

	if (!row)
		return GRANTS_UNKNOWN;
	grants_finish(grants, row, RECORD_GRANT_ENDED, reason, now);
	/* What could not be kept is told by the caller's next save */
	(void)!grants_save(grants, now);
	return 0;
}

int grants_take_code(struct grants *grants, const struct grant *grant,
		     const char *by, const char *correlation,
		     struct grants_now now)
{
	char text[GRANT_MAX_BYTES];
	size_t size = 0;

	if (!grants->is_loaded)
		return -EAGAIN;
	if (grants_is_gone(grants, grant->id) ||
	    grants_row_of(grants, grant->id))
		return GRANTS_UNKNOWN;
	if (grant->action != GRANT_GRANT ||
	    grant_write(grant, text, sizeof(text), &size) != 0)
		return GRANTS_INVALID;
	struct grants_row *row = grants_add(grants, span_of(text, size));
	if (!row)
		return grants->count >= GRANTS_MAX ? GRANTS_FULL : -ENOMEM;
	row->is_by_code = true;
	(void)snprintf(row->approvers, sizeof(row->approvers), "%s", by);
	(void)snprintf(row->correlation, sizeof(row->correlation), "%s",
		       correlation);
	grants_activate(row, 60 * NS_PER_S * row->grant.minutes, now);
	int r = grants_save(grants, now);
	if (r < 0) {
		grants_drop(grants, row);
		return r;
	}
	grants_tell(grants, row, RECORD_GRANT_GRANTED, RECORD_REASON_NONE, now);
	return 0;
}

/* --- time and people ------------------------------------------------------- */

/* Whether the person of ROW is at work: in a session of their own, in front,
 * with the factors proven that this terminal asks for, and not locked. */
static bool is_present(const struct grants_row *row,
		       const struct decide_context *context)
{
	return context->has_session && context->is_proven &&
	       !context->is_locked && context->user &&
	       span_equals_str(row->grant.user, context->user);
}

/* True: it is over. */
static bool is_over(const struct grants_row *row, struct grants_now now)
{
	if (now.wall_s >= row->grant.wall_not_after_s)
		return true;
	return row->state == GRANTS_ACTIVE && now.boot_ns >= row->boot_end_ns;
}

static bool begin_waiting(struct grants *grants, struct grants_row *row,
			  struct grants_now now)
{
	if (row->state != GRANTS_WAITING ||
	    now.wall_s < row->grant.wall_not_before_s)
		return false;
	grants_activate(row, 60 * NS_PER_S * row->grant.minutes, now);
	grants_tell(grants, row, RECORD_GRANT_GRANTED, RECORD_REASON_NONE, now);
	return true;
}

static bool follow_person(struct grants *grants, struct grants_row *row,
			  const struct decide_context *context,
			  struct grants_now now)
{
	if (row->state != GRANTS_ACTIVE || !context ||
	    row->is_suspended == !is_present(row, context))
		return false;
	row->is_suspended = !row->is_suspended;
	grants_tell(grants, row,
		    row->is_suspended ? RECORD_GRANT_SUSPENDED
				      : RECORD_GRANT_RESUMED,
		    row->is_suspended ? RECORD_REASON_GRANT_AWAY
				      : RECORD_REASON_NONE,
		    now);
	return true;
}

bool grants_tick(struct grants *grants, const struct decide_context *context,
		 struct grants_now now)
{
	bool is_changed = false;
	struct grants_row *next;

	for (struct grants_row *row = grants->first; row; row = next) {
		next = row->next;
		if (is_over(row, now)) {
			grants_finish(grants, row, RECORD_GRANT_ENDED,
				      RECORD_REASON_GRANT_TIME, now);
			is_changed = true;
			continue;
		}
		is_changed |= begin_waiting(grants, row, now);
		is_changed |= follow_person(grants, row, context, now);
	}
	if (!is_changed &&
	    (!grants->first ||
	     now.boot_ns < grants->boot_saved_ns + GRANTS_SAVE_S * NS_PER_S))
		return false;
	int r = grants->is_loaded ? grants_save(grants, now) : 0;
	if (r < 0)
		log_error(grants->options.log, "cannot keep the grants: %s",
			  errno_text(r));
	return is_changed;
}

static void sooner(uint64_t *at, uint64_t other)
{
	if (*at == 0 || other < *at)
		*at = other;
}

uint64_t grants_deadline(const struct grants *grants, struct grants_now now)
{
	uint64_t deadline = 0;

	for (const struct grants_row *row = grants->first; row;
	     row = row->next) {
		uint64_t wall_s = row->grant.wall_not_after_s;
		if (row->state == GRANTS_ACTIVE) {
			sooner(&deadline, row->boot_end_ns);
			sooner(&deadline, grants->boot_saved_ns +
						  GRANTS_SAVE_S * NS_PER_S);
		} else if (row->state == GRANTS_WAITING) {
			wall_s = row->grant.wall_not_before_s;
		}
		/* The wall clock may be set meanwhile: looked at again by the
		 * heartbeat */
		sooner(&deadline,
		       now.boot_ns + (wall_s > now.wall_s
					      ? (wall_s - now.wall_s) * NS_PER_S
					      : 0));
	}
	return deadline;
}

/* --- what a verdict becomes ------------------------------------------------ */

static bool may_use(const struct grants_row *row, const char *plug,
		    uint64_t boot_ns)
{
	if (row->state != GRANTS_ACTIVE || row->is_suspended ||
	    row->is_unproven || boot_ns >= row->boot_end_ns)
		return false;
	return row->grant.uses == 0 || row->use_count < row->grant.uses ||
	       strcmp(row->plug, plug) == 0;
}

const struct grants_row *grants_raise_usb(const struct grants *grants,
					  const struct usb_fact *fact,
					  const char *plug, uint64_t boot_ns,
					  struct verdict *verdict)
{
	for (const struct grants_row *row = grants ? grants->first : NULL; row;
	     row = row->next)
		if (may_use(row, plug, boot_ns) &&
		    grant_is_for_usb(row->grant.device, fact) &&
		    grant_raise_usb(row->grant.access, fact, verdict))
			return row;
	return NULL;
}

const struct grants_row *grants_raise_media(const struct grants *grants,
					    const struct media_fact *fact,
					    const char *plug, uint64_t boot_ns,
					    struct verdict *verdict)
{
	const struct grants_row *most = NULL;

	for (const struct grants_row *row = grants ? grants->first : NULL; row;
	     row = row->next)
		if (may_use(row, plug, boot_ns) &&
		    grant_is_for_media(row->grant.device, fact) &&
		    (grant_raise_media(row->grant.access, verdict) ||
		     /* As much, for longer */
		     (most && most->grant.access == row->grant.access &&
		      row->boot_end_ns > most->boot_end_ns)))
			most = row;
	return most;
}

void grants_use(struct grants *grants, const char *id, const char *plug,
		const struct record *record, struct grants_now now)
{
	struct grants_row *row = grants_row_of(grants, span_str(id));

	if (!row || strcmp(row->plug, plug) == 0)
		return;
	row->use_count++;
	(void)snprintf(row->plug, sizeof(row->plug), "%s", plug);
	/* Before it is told: a power cut must not give the use back */
	int r = grants_save(grants, now);
	if (r < 0)
		log_error(grants->options.log, "cannot keep the grants: %s",
			  errno_text(r));
	grants_tell_use(grants, row, record, now);
}

bool grants_unplugged(struct grants *grants, const char *plug,
		      struct grants_now now)
{
	bool is_changed = false;
	struct grants_row *next;

	for (struct grants_row *row = grants ? grants->first : NULL; row;
	     row = next) {
		next = row->next;
		if (row->state != GRANTS_ACTIVE || row->grant.uses == 0 ||
		    row->use_count < row->grant.uses ||
		    strcmp(row->plug, plug) != 0)
			continue;
		grants_finish(grants, row, RECORD_GRANT_ENDED,
			      RECORD_REASON_GRANT_USES, now);
		is_changed = true;
	}
	if (is_changed)
		(void)!grants_save(grants, now); /* the next change does */
	return is_changed;
}
