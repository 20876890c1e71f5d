/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request is for the person in front of the terminal, asked by themselves, or
 * by root for them. Names of devices become what grants know them by.
 */
#include "agent/daemon/control_grants.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/daemon/answer.h"
#include "agent/daemon/context.h"
#include "agent/daemon/control_answer.h"
#include "agent/daemon/grant_codes.h"
#include "agent/daemon/grant_loop.h"
#include "agent/daemon/login_loop.h"

#define ERROR_OF(name) CONTROL_BUS_NAME ".Error." name

DEFINE_CLEANUP(message, sd_bus_message *, sd_bus_message_unref);

/* What a caller asks for; strings are the message's. */
struct asked_for {
	const char *device;
	const char *access;
	const char *reason;
	const char *ticket;
	const char *note;
	uint32_t minutes;
};

/* --- reading ---------------------------------------------------------------- */

static int read_text(sd_bus_message *call, const char **ret_text)
{
	return sd_bus_message_read(call, "v", "s", ret_text);
}

/* -ENODATA: the key is not one of a request. */
static int read_value(sd_bus_message *call, const char *key,
		      struct asked_for *asked)
{
	if (strcmp(key, "device") == 0)
		return read_text(call, &asked->device);
	if (strcmp(key, "access") == 0)
		return read_text(call, &asked->access);
	if (strcmp(key, "reason") == 0)
		return read_text(call, &asked->reason);
	if (strcmp(key, "ticket") == 0)
		return read_text(call, &asked->ticket);
	if (strcmp(key, "note") == 0)
		return read_text(call, &asked->note);
	if (strcmp(key, "minutes") == 0)
		return sd_bus_message_read(call, "v", "u", &asked->minutes);
	return -ENODATA;
}

static int read_asked(sd_bus_message *call, struct asked_for *asked)
{
	int r = sd_bus_message_enter_container(call, 'a', "{sv}");

	while (r >= 0 &&
	       (r = sd_bus_message_enter_container(call, 'e', "sv")) > 0) {
		const char *key;
		r = sd_bus_message_read(call, "s", &key);
		if (r >= 0)
			r = read_value(call, key, asked);
		if (r >= 0)
			r = sd_bus_message_exit_container(call);
	}
	return r < 0 ? r : sd_bus_message_exit_container(call);
}

/* --- who and what ----------------------------------------------------------- */

/* The person in front, if it is the caller, or root asks for them. */
static bool find_person(struct control_call *asked,
			struct record_actor *ret_actor)
{
	struct logins *logins = login_loop_logins(asked->daemon->logins);

	return logins_actor(logins, clock_boot_ns(), ret_actor) &&
	       ret_actor->user &&
	       (asked->uid == 0 || ret_actor->uid == asked->uid);
}

struct found {
	char name[GRANT_DEVICE_SIZE];
	char plug[DEVICES_PLUG_SIZE];
	bool is_medium;
	/* What is here of it */
	const struct usb_fact *usb;
	bool has_media;
	struct media_fact media;
};

/* 0; -ENOENT, -ENOTUNIQ, or -ENODEV: it says nothing that tells it apart. */
static int find_device(struct daemon *daemon, const char *name,
		       struct found *ret_found)
{
	struct usb_entry *usb;
	struct medium_entry *medium;
	char ids[ANSWER_IDS_SIZE];

	*ret_found = (struct found){0};
	if (grant_is_device(span_str(name))) {
		(void)snprintf(ret_found->name, sizeof(ret_found->name), "%s",
			       name);
		return 0;
	}
	int r = answer_find(daemon, name, ids, &usb, &medium);
	if (r < 0)
		return r;
	bool is_named;
	if (usb) {
		is_named = grant_name_usb(&usb->device.fact, ret_found->name);
		memcpy(ret_found->plug, usb->plug, sizeof(ret_found->plug));
		ret_found->usb = &usb->device.fact;
		ret_found->is_medium = usb->device.fact.channels ==
				       USB_CHANNEL_BIT(USB_CHANNEL_STORAGE);
	} else {
		pipeline_media_fact(&daemon->pipeline, medium,
				    &ret_found->media);
		ret_found->has_media = true;
		is_named = grant_name_media(&ret_found->media, ret_found->name);
		memcpy(ret_found->plug, medium->plug, sizeof(ret_found->plug));
		ret_found->is_medium = true;
	}
	return is_named ? 0 : -ENODEV;
}

/* --- methods ---------------------------------------------------------------- */

static int refuse(struct control_call *asked, const char *error,
		  const char *why)
{
	return sd_bus_reply_method_errorf(asked->call, error, "%s", why);
}

static int refuse_device(struct control_call *asked, int r)
{
	if (r == -ENOTUNIQ)
		return refuse(asked, ERROR_OF("Ambiguous"),
			      "that names several devices");
	if (r == -ENODEV)
		return refuse(asked, ERROR_OF("NoSuchDevice"),
			      "the device says nothing that tells it apart "
			      "from others: no grant can be for it");
	return refuse(asked, ERROR_OF("NoSuchDevice"),
		      "no such device is present");
}

/* Said before anybody decides about it in vain. */
static bool is_off_ledger(struct daemon *daemon, const struct media_fact *fact)
{
	struct pipeline *pipeline = &daemon->pipeline;
	struct decide_context context;
	struct verdict verdict;

	pipeline_context(pipeline, &context);
	context.history = NULL; /* looking is not applying */
	context.history_count = 0;
	decide_media(pipeline->bundle.ruleset, fact, &context, &verdict);
	return !pipeline_may_grant(pipeline, &verdict);
}

/* 0 and the id was sent, or a named error. */
static int make_request(struct control_call *asked,
			const struct grants_wish *wish)
{
	struct grant_loop *loop = asked->daemon->grants;
	const char *id = NULL;

	int r = grants_request(grant_loop_grants(loop), wish, grant_loop_now(),
			       &id);
	if (r == GRANTS_FULL)
		return refuse(asked, ERROR_OF("TooMany"),
			      "too many requests wait already");
	if (r == GRANTS_INVALID)
		return refuse(asked, SD_BUS_ERROR_INVALID_ARGS,
			      "this is no request: the reason is one word, the "
			      "time 1 to 10080 minutes");
	if (r < 0)
		return r;
	char copy[GRANT_ID_CHARS + 1] = "";
	memcpy(copy, id, GRANT_ID_CHARS);
	grant_loop_changed(loop);
	return sd_bus_reply_method_return(asked->call, "s", copy);
}

int run_request(struct control_call *asked)
{
	struct asked_for wanted = {.reason = "", .ticket = "", .note = ""};
	struct record_actor actor;
	struct found found;
	enum grant_access access;

	int r = read_asked(asked->call, &wanted);
	if (r == -ENODATA || (r >= 0 && !wanted.device))
		return refuse(asked, SD_BUS_ERROR_INVALID_ARGS,
			      "device, access, minutes, reason, ticket, note");
	if (r < 0)
		return r;
	if (!find_person(asked, &actor))
		return refuse(asked, ERROR_OF("NotAtWork"),
			      "only who sits at this terminal can ask");
	r = find_device(asked->daemon, wanted.device, &found);
	if (r < 0)
		return refuse_device(asked, r);
	if (found.has_media && is_off_ledger(asked->daemon, &found.media))
		return refuse(asked, ERROR_OF("NotInLedger"),
			      "the medium is not in this year's ledger: no "
			      "grant can open it");
	access = found.is_medium ? GRANT_READ_ONLY : GRANT_AUTHORISE;
	if (wanted.access &&
	    grant_access_from_str(span_str(wanted.access), &access) != 0)
		return refuse(asked, SD_BUS_ERROR_INVALID_ARGS,
			      "access: read-only, read-write or authorise");
	const struct grants_wish wish = {
		.user = actor.user,
		.device = found.name,
		.access = access,
		.minutes = wanted.minutes,
		.reason = wanted.reason,
		.ticket = wanted.ticket,
		.note = wanted.note,
		.correlation = found.plug,
		.usb = found.usb,
		.media = found.has_media ? &found.media : NULL,
	};
	return make_request(asked, &wish);
}

/* Of whom the caller may see and end what; "": all. False: nobody. */
static bool find_scope(struct control_call *asked, char ret_user[], size_t size)
{
	struct record_actor actor;

	ret_user[0] = '\0';
	if (asked->uid == 0)
		return true;
	if (!find_person(asked, &actor))
		return false;
	(void)snprintf(ret_user, size, "%s", actor.user);
	return true;
}

static void put_row(struct answer *answer, const struct grants_row *row)
{
	const struct grant *grant = &row->grant;

	answer_open(answer, "{sv}");
	answer_put_span(answer, "id", grant->id);
	answer_put_text(answer, "state", grants_state_to_str(row));
	answer_put_span(answer, "user", grant->user);
	answer_put_span(answer, "device", grant->device);
	answer_put_text(answer, "access", grant_access_to_str(grant->access));
	answer_put_u32(answer, "minutes", grant->minutes);
	answer_put_u32(answer, "uses", grant->uses);
	answer_put_u32(answer, "use-count", row->use_count);
	answer_put_u64(answer, "left",
		       grants_left_s(row, grant_loop_now().boot_ns));
	answer_put_u64(answer, "not-before",
		       grant->wall_not_before_s * MS_PER_S);
	answer_put_u64(answer, "not-after", grant->wall_not_after_s * MS_PER_S);
	answer_put_span(answer, "reason", grant->reason);
	answer_put_span(answer, "ticket", grant->ticket);
	answer_put_span(answer, "note", grant->note);
	answer_put_text(answer, "approvers", row->approvers);
	answer_put_text(answer, "via", row->is_by_code ? "code" : "online");
	answer_put_text(answer, "correlation", row->correlation);
	answer_close(answer);
}

int run_list_grants(struct control_call *asked)
{
	_cleanup_(cleanup_message) sd_bus_message *reply = NULL;
	struct grants *grants = grant_loop_grants(asked->daemon->grants);
	char user[GRANT_USER_MAX + 1];

	int r = sd_bus_message_new_method_return(asked->call, &reply);
	if (r < 0)
		return r;
	bool is_any = find_scope(asked, user, sizeof(user));
	struct answer answer = {.reply = reply};
	answer_note(&answer,
		    sd_bus_message_open_container(reply, 'a', "a{sv}"));
	for (const struct grants_row *row = grants_first(grants); is_any && row;
	     row = row->next)
		if (!user[0] || span_equals_str(row->grant.user, user))
			put_row(&answer, row);
	answer_close(&answer);
	if (answer.error < 0)
		return answer.error;
	return sd_bus_send(NULL, reply, NULL);
}

int run_end_grant(struct control_call *asked)
{
	struct grant_loop *loop = asked->daemon->grants;
	char user[GRANT_USER_MAX + 1];
	const char *id;

	int r = sd_bus_message_read(asked->call, "s", &id);
	if (r < 0)
		return r;
	if (!find_scope(asked, user, sizeof(user)) ||
	    grants_end(grant_loop_grants(loop), id, user, grant_loop_now()) !=
		    0)
		return refuse(asked, ERROR_OF("NoSuchGrant"),
			      "there is no such grant of yours");
	grant_loop_changed(loop);
	return sd_bus_reply_method_return(asked->call, NULL);
}

/* A word of the object as a string. */
static void copy(struct span from, char *to, size_t size)
{
	(void)snprintf(to, size, "%.*s", (int)from.len,
		       from.len ? from.ptr : "");
}

/* More time is one more exception, for the same and by the same way. */
int run_extend(struct control_call *asked)
{
	struct grants *grants = grant_loop_grants(asked->daemon->grants);
	char user[GRANT_USER_MAX + 1], device[GRANT_DEVICE_SIZE];
	char reason[GRANT_WORD_MAX + 1], ticket[GRANT_WORD_MAX + 1];
	char plug[DEVICES_PLUG_SIZE];
	const char *id, *note;
	struct record_actor actor;
	uint32_t minutes;

	int r = sd_bus_message_read(asked->call, "sus", &id, &minutes, &note);
	if (r < 0)
		return r;
	const struct grants_row *row = grants_find(grants, id);
	if (!find_person(asked, &actor) || !row ||
	    row->state != GRANTS_ACTIVE ||
	    !span_equals_str(row->grant.user, actor.user))
		return refuse(asked, ERROR_OF("NoSuchGrant"),
			      "there is no such grant of yours in use");
	copy(row->grant.user, user, sizeof(user));
	copy(row->grant.device, device, sizeof(device));
	copy(row->grant.reason, reason, sizeof(reason));
	copy(row->grant.ticket, ticket, sizeof(ticket));
	memcpy(plug, row->correlation, sizeof(plug));
	const struct grants_wish wish = {
		.user = user,
		.device = device,
		.access = row->grant.access,
		.minutes = minutes,
		.reason = reason,
		.ticket = ticket,
		.note = note,
		.correlation = plug,
	};
	return make_request(asked, &wish);
}

static int refuse_code(struct control_call *asked, int outcome, uint64_t wait_s)
{
	switch (outcome) {
	case GRANT_CODES_MISSPELT:
		return refuse(asked, ERROR_OF("Misspelt"),
			      "the receipt number or the code is not complete, "
			      "or a letter is wrong");
	case GRANT_CODES_LATER:
		return sd_bus_reply_method_errorf(
			asked->call, ERROR_OF("Later"),
			"too many wrong codes: the next one in %" PRIu64 " s",
			wait_s);
	case GRANT_CODES_NO_RECEIPT:
		return refuse(asked, ERROR_OF("NoSuchReceipt"),
			      "the receipt number is of no device that is here "
			      "now, or of another person, or was used");
	case GRANT_CODES_OVER_LIMIT:
		return refuse(asked, ERROR_OF("OverLimit"),
			      "who made the code may not give that");
	case GRANT_CODES_FULL:
		return refuse(asked, ERROR_OF("TooMany"),
			      "too many exceptions at a time");
	default:
		return refuse(asked, ERROR_OF("WrongCode"),
			      "the code is not for this receipt number");
	}
}

int run_use_code(struct control_call *asked)
{
	_cleanup_(cleanup_message) sd_bus_message *reply = NULL;
	struct grant_codes_answer given;
	struct record_actor actor;
	const char *receipt, *code;

	int r = sd_bus_message_read(asked->call, "ss", &receipt, &code);
	if (r < 0)
		return r;
	if (!find_person(asked, &actor))
		return refuse(asked, ERROR_OF("NotAtWork"),
			      "only who sits at this terminal can do that");
	char user[GRANT_USER_MAX + 1];
	(void)snprintf(user, sizeof(user), "%s", actor.user);
	r = grant_codes_use(asked->daemon->codes, user, receipt, code, &given);
	if (r < 0)
		return r;
	if (r > 0)
		return refuse_code(asked, r, given.wait_s);
	r = sd_bus_message_new_method_return(asked->call, &reply);
	if (r < 0)
		return r;
	struct answer answer = {.reply = reply};
	answer_open(&answer, "{sv}");
	answer_put_text(&answer, "id", given.id);
	answer_put_text(&answer, "access",
			grant_access_to_str(given.scope.access));
	answer_put_u32(&answer, "minutes", given.scope.minutes);
	answer_put_u32(&answer, "uses", given.scope.uses);
	answer_close(&answer);
	return answer.error < 0 ? answer.error : sd_bus_send(NULL, reply, NULL);
}
