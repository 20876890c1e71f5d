/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks every way through a stack: place, what libpam calls the impression,
 * and whether a gate was passed. The states are few, so all of them are
 * visited; a module may return anything. Follows _pam_dispatch_aux().
 */
#include "agent/pam/lint_parts.h"

#include <security/_pam_types.h>
#include <stdlib.h>
#include <string.h>

#include "agent/pam/line.h"

#include "agent/base/banned.h"

/*
 * libpam's impression and status in one. Only UNDECIDED and POSITIVE take a
 * later good value over, and the first bad one stays. PAM_NEW_AUTHTOK_REQD is
 * apart: whatever made it, programs ask for a new password after account, and
 * go on.
 */
enum impression {
	UNDECIDED = 0,
	POSITIVE, /* success so far */
	RENEW,	  /* positive, with PAM_NEW_AUTHTOK_REQD */
	REFUSED,  /* positive, with another value */
	NEGATIVE,
	NEGATIVE_RENEW, /* negative, and yet PAM_NEW_AUTHTOK_REQD */
	IMPRESSIONS,
};

struct state {
	size_t at;
	enum impression impression;
	bool is_gated;
};

#define STATES ((STACK_ENTRIES_MAX + 1) * IMPRESSIONS * 2)

struct walk {
	const struct stack *stack;
	bool is_renewal_in; /* PAM_NEW_AUTHTOK_REQD lets a program go on */
	bool seen[STATES];
	uint16_t from[STATES]; /* the entry whose action led there */
	uint16_t todo[STATES];
	size_t todo_count;
};

enum lint_kind lint_kind_of(const struct stack_entry *entry)
{
	const char *name = line_base_name(entry->module);
	struct line line;

	if (strcmp(name, "pam_permit.so") == 0)
		return LINT_KIND_PERMIT;
	if (strcmp(name, "pam_deny.so") == 0)
		return LINT_KIND_DENY;
	if (strcmp(name, "pam_sekimori.so") != 0)
		return LINT_KIND_FOREIGN;
	line_parse(entry->argument_count, entry->arguments, &line);
	return line.kind == LINE_GATE	? LINT_KIND_GATE
	       : line.kind == LINE_WRAP ? LINT_KIND_WRAP
					: LINT_KIND_BAD;
}

static size_t number_of(struct state state)
{
	return (state.at * IMPRESSIONS + state.impression) * 2 + state.is_gated;
}

static struct state state_of(size_t number)
{
	return (struct state){
		.at = number / 2 / IMPRESSIONS,
		.impression = (enum impression)(number / 2 % IMPRESSIONS),
		.is_gated = number % 2,
	};
}

static void visit(struct walk *w, struct state state, size_t from)
{
	size_t number = number_of(state);

	if (w->seen[number])
		return;
	w->seen[number] = true;
	w->from[number] = (uint16_t)from;
	w->todo[w->todo_count++] = (uint16_t)number;
}

/* Where the enclosing substack, or the stack, ends. */
static size_t end_of_level(const struct stack *stack, size_t at)
{
	uint16_t level = stack->entries[at].level;

	do
		at++;
	while (at < stack->count && stack->entries[at].level >= level);
	return at;
}

/* The entry after a jump over `count` others; a substack is one. false: there
 * are too few, and *ret_at is where libpam gives up counting. */
static bool jump(const struct stack *stack, size_t at, int count,
		 size_t *ret_at)
{
	uint16_t level = stack->entries[at].level;

	for (at++; count > 0; count--) {
		*ret_at = at;
		if (at >= stack->count || stack->entries[at].level < level)
			return false;
		do
			at++;
		while (at < stack->count && stack->entries[at].level > level);
	}
	*ret_at = at;
	return true;
}

/* What "ok" and "done" make of a value. */
static enum impression after_ok(enum impression impression, int code)
{
	if (impression != UNDECIDED && impression != POSITIVE)
		return impression;
	return code == PAM_SUCCESS	      ? POSITIVE
	       : code == PAM_NEW_AUTHTOK_REQD ? RENEW
					      : REFUSED;
}

/* To what it was where the substack began, which is not kept here: any. */
static void reset(struct walk *w, struct state next, size_t from)
{
	next.impression = UNDECIDED;
	visit(w, next, from);
	if (w->stack->entries[from].level == 0)
		return;
	next.impression = POSITIVE;
	visit(w, next, from);
	next.impression = RENEW;
	visit(w, next, from);
}

static void take_action(struct walk *w, struct state state, int action,
			int code)
{
	size_t from = state.at;
	struct state next = state;

	next.at = from + 1;
	switch (action) {
	case STACK_IGNORE:
		break;
	case STACK_OK:
	case STACK_DONE:
		next.impression = after_ok(state.impression, code);
		if (action == STACK_DONE && next.impression < NEGATIVE)
			next.at = end_of_level(w->stack, from);
		break;
	case STACK_BAD:
	case STACK_DIE:
		if (state.impression < NEGATIVE)
			next.impression = code == PAM_NEW_AUTHTOK_REQD
						  ? NEGATIVE_RENEW
						  : NEGATIVE;
		if (action == STACK_DIE)
			next.at = end_of_level(w->stack, from);
		break;
	case STACK_RESET:
		reset(w, next, from);
		return;
	default:
		if (!jump(w->stack, from, action, &next.at))
			next.impression = NEGATIVE;
		break;
	}
	visit(w, next, from);
}

/* Whether a module of this kind can return that value. */
static bool can_return(enum lint_kind kind, int code)
{
	switch (kind) {
	case LINT_KIND_PERMIT:
		return code == PAM_SUCCESS;
	case LINT_KIND_DENY:
		return code == PAM_AUTH_ERR || code == PAM_SESSION_ERR ||
		       code == PAM_AUTHTOK_ERR;
	case LINT_KIND_BAD:
		return code == PAM_SERVICE_ERR;
	case LINT_KIND_GATE:
		return code == PAM_SUCCESS || code == PAM_IGNORE ||
		       code == PAM_PERM_DENIED || code == PAM_SESSION_ERR;
	case LINT_KIND_FOREIGN:
	case LINT_KIND_WRAP:
		break;
	}
	return true;
}

static void step(struct walk *w, struct state state)
{
	const struct stack_entry *entry = &w->stack->entries[state.at];
	enum lint_kind kind = lint_kind_of(entry);

	if (entry->is_substack) {
		state.at++;
		visit(w, state, state.at - 1);
		return;
	}
	if (entry->is_dash) /* not installed: not there */
		take_action(w, state, STACK_IGNORE, PAM_IGNORE);
	for (int code = 0; code < STACK_CODES; code++) {
		struct state after = state;
		bool is_good = code == PAM_SUCCESS || code == PAM_IGNORE;

		if (!can_return(kind, code))
			continue;
		if (kind == LINT_KIND_GATE && is_good)
			after.is_gated = true;
		take_action(w, after, entry->actions[code], code);
	}
}

/* As lint_can_bypass, with the memory for it. */
static bool walk(struct walk *w, const struct stack_entry **ret_entry)
{
	static const struct state start = {0, UNDECIDED, false};

	visit(w, start, 0);
	while (w->todo_count > 0) {
		size_t number = w->todo[--w->todo_count];
		struct state state = state_of(number);

		if (state.at < w->stack->count) {
			step(w, state);
			continue;
		}
		bool is_renewal = state.impression == RENEW ||
				  state.impression == NEGATIVE_RENEW;
		bool is_in = state.impression == POSITIVE ||
			     (is_renewal && w->is_renewal_in);
		if (is_in && !state.is_gated) {
			*ret_entry = &w->stack->entries[w->from[number]];
			return true;
		}
	}
	return false;
}

bool lint_can_bypass(const struct stack *stack, enum stack_type type,
		     const struct stack_entry **ret_entry)
{
	struct walk *w = calloc(1, sizeof(*w));

	*ret_entry = NULL;
	if (!w)
		return true; /* not proven safe */
	w->stack = stack;
	w->is_renewal_in = type == STACK_ACCOUNT;
	bool can_bypass = walk(w, ret_entry);
	free(w);
	return can_bypass;
}
