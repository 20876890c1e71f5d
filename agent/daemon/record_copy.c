/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deep copy of struct record: the parts go into one struct, facts and strings
 * behind it. A string that is added to policy/record.h must be added to each_string().
 */
#include "agent/daemon/record_copy.h"

#include <stdlib.h>
#include <string.h>

struct copy {
	struct record record; /* first: what the caller frees */
	struct record_policy policy;
	struct record_actor actor;
	struct record_process process;
	struct record_guard guard;
	struct record_file file;
	struct record_channel channel;
	struct record_layer layers[RECORD_LAYERS_MAX];
	struct record_holder holders[RECORD_HOLDERS_MAX];
	struct record_proof proofs[RECORD_PROOFS_MAX];
};

typedef void (*string_fn)(const char **text, void *userdata);

static void each_of_login(struct copy *copy, string_fn fn, void *userdata)
{
	struct record_login *login = &copy->record.u.login;

	fn(&login->service, userdata);
	fn(&login->rhost, userdata);
	fn(&login->phase, userdata);
	fn(&login->mode, userdata);
	fn(&login->state, userdata);
	fn(&login->trigger, userdata);
	fn(&login->reaction, userdata);
	fn(&login->stack_sha256, userdata);
	for (size_t i = 0; i < login->proof_count; i++) {
		fn(&copy->proofs[i].module, userdata);
		fn(&copy->proofs[i].quality, userdata);
	}
}

static void each_of_grant(struct record_grant *grant, string_fn fn,
			  void *userdata)
{
	const char **fields[] = {
		&grant->id,	     &grant->state,	&grant->via,
		&grant->user,	     &grant->device,	&grant->access,
		&grant->reason_code, &grant->ticket,	&grant->requester,
		&grant->note,	     &grant->approvers,
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		fn(fields[i], userdata);
}

static bool is_login(enum record_code code)
{
	return code >= RECORD_LOGIN_FIRST && code <= RECORD_LOGIN_LAST;
}

static void each_in_union(struct copy *copy, string_fn fn, void *userdata)
{
	struct record *record = &copy->record;

	switch (record->code) {
	case RECORD_POLICY_LOADED:
	case RECORD_POLICY_REJECTED:
		fn(&record->u.change.name, userdata);
		fn(&record->u.change.digest, userdata);
		fn(&record->u.change.signer, userdata);
		fn(&record->u.change.error, userdata);
		break;
	case RECORD_AGENT_START:
	case RECORD_AGENT_STOP:
		fn(&record->u.agent.prev_stop, userdata);
		fn(&record->u.agent.reason, userdata);
		break;
	case RECORD_AGENT_DEGRADED:
	case RECORD_AGENT_RECOVERED:
	case RECORD_AGENT_HEARTBEAT:
		fn(&record->u.health.tier, userdata);
		fn(&record->u.health.floor, userdata);
		fn(&record->u.health.why, userdata);
		fn(&record->u.health.tamper, userdata);
		for (size_t i = 0; i < record->u.health.layer_count; i++) {
			fn(&copy->layers[i].name, userdata);
			fn(&copy->layers[i].detail, userdata);
		}
		break;
	case RECORD_MEDIA_ENDING:
	case RECORD_MEDIA_ENDED:
		fn(&record->u.ending.stage, userdata);
		fn(&record->u.ending.access, userdata);
		for (size_t i = 0; i < record->u.ending.holder_count; i++) {
			fn(&copy->holders[i].name, userdata);
			fn(&copy->holders[i].path, userdata);
		}
		break;
	case RECORD_ORDER_ACCEPTED:
	case RECORD_ORDER_REJECTED:
		fn(&record->u.order.action, userdata);
		fn(&record->u.order.signer, userdata);
		fn(&record->u.order.issuer, userdata);
		fn(&record->u.order.error, userdata);
		break;
	case RECORD_AGENT_SELFTEST:
		fn(&record->u.selftest.open_ways, userdata);
		break;
	case RECORD_AGENT_TAMPER:
		fn(&record->u.tamper.kind, userdata);
		fn(&record->u.tamper.detected_by, userdata);
		break;
	case RECORD_LOG_GAP:
	case RECORD_SPOOL_RESET:
		fn(&record->u.gap.why, userdata);
		fn(&record->u.gap.old_stream, userdata);
		break;
	case RECORD_FILE_SUMMARY:
		fn(&record->u.files.mount, userdata);
		fn(&record->u.files.node, userdata);
		fn(&record->u.files.why, userdata);
		break;
	case RECORD_KEY_ROTATE:
		fn(&record->u.key.old_id, userdata);
		fn(&record->u.key.new_id, userdata);
		fn(&record->u.key.public_key, userdata);
		fn(&record->u.key.signature, userdata);
		break;
	case RECORD_CLOCK_STEP:
		fn(&record->u.step.source, userdata);
		break;
	default:
		if (is_login(record->code))
			each_of_login(copy, fn, userdata);
		else if (record->code >= RECORD_GRANT_FIRST &&
			 record->code <= RECORD_GRANT_LAST)
			each_of_grant(&record->u.grant, fn, userdata);
		break;
	}
}

static void each_string(struct copy *copy, string_fn fn, void *userdata)
{
	const char **fields[] = {
		&copy->record.correlation,
		&copy->record.decision.rule_file,
		&copy->record.decision.layer,
		&copy->record.decision.detail,
		&copy->record.decision.user_ref,
		&copy->record.decision.grant,
		&copy->policy.name,
		&copy->policy.digest,
		&copy->actor.user,
		&copy->actor.session,
		&copy->actor.tty,
		&copy->process.name,
		&copy->process.path,
		&copy->guard.hook,
		&copy->guard.node,
		&copy->guard.target,
		&copy->guard.flags,
		&copy->channel.kind,
		&copy->channel.name,
		&copy->channel.model,
		&copy->channel.address,
		&copy->channel.interface,
		&copy->file.path,
		&copy->file.to,
		&copy->file.mount,
		&copy->file.node,
		&copy->file.sha256,
		&copy->file.unhashed,
		&copy->file.user_by,
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		fn(fields[i], userdata);
	each_in_union(copy, fn, userdata);
}

static void add_length(const char **text, void *userdata)
{
	size_t *total = userdata;

	if (*text)
		*total += strnlen(*text, RECORD_COPY_TEXT_MAX) + 1;
}

static void move_string(const char **text, void *userdata)
{
	char **at = userdata;

	if (!*text)
		return;
	size_t len = strnlen(*text, RECORD_COPY_TEXT_MAX);
	memcpy(*at, *text, len);
	(*at)[len] = '\0';
	*text = *at;
	*at += len + 1;
}

static void take_health(struct copy *copy)
{
	struct record_health *health = &copy->record.u.health;

	if (health->layer_count > RECORD_LAYERS_MAX)
		health->layer_count = RECORD_LAYERS_MAX;
	for (size_t i = 0; i < health->layer_count; i++)
		copy->layers[i] = health->layers[i];
	health->layers = copy->layers;
}

static void take_ending(struct copy *copy)
{
	struct record_ending *ending = &copy->record.u.ending;

	if (ending->holder_count > RECORD_HOLDERS_MAX)
		ending->holder_count = RECORD_HOLDERS_MAX;
	for (size_t i = 0; i < ending->holder_count; i++)
		copy->holders[i] = ending->holders[i];
	ending->holders = copy->holders;
}

static void take_login(struct copy *copy)
{
	struct record_login *login = &copy->record.u.login;

	if (login->proof_count > RECORD_PROOFS_MAX)
		login->proof_count = RECORD_PROOFS_MAX;
	for (size_t i = 0; i < login->proof_count; i++)
		copy->proofs[i] = login->proofs[i];
	login->proofs = copy->proofs;
}

#define TAKE_PART(copy, part)                                                  \
	do {                                                                   \
		if ((copy)->record.part) {                                     \
			(copy)->part = *(copy)->record.part;                   \
			(copy)->record.part = &(copy)->part;                   \
		}                                                              \
	} while (0)

static void take_parts(struct copy *copy, const struct record *record)
{
	copy->record = *record;
	copy->record.terminal = NULL;
	copy->record.stream = NULL;
	TAKE_PART(copy, policy);
	TAKE_PART(copy, actor);
	TAKE_PART(copy, process);
	TAKE_PART(copy, guard);
	TAKE_PART(copy, file);
	TAKE_PART(copy, channel);
	if (record->code == RECORD_AGENT_HEARTBEAT ||
	    record->code == RECORD_AGENT_DEGRADED ||
	    record->code == RECORD_AGENT_RECOVERED)
		take_health(copy);
	if (record->code == RECORD_MEDIA_ENDING ||
	    record->code == RECORD_MEDIA_ENDED)
		take_ending(copy);
	if (is_login(record->code))
		take_login(copy);
}

/* The facts have no pointers but a medium's parent; they are large, so they
 * are there only when the record has them. */
struct facts {
	struct usb_fact usb;
	struct media_fact media;
};

static void take_facts(struct copy *copy, const struct record *record,
		       struct facts *facts)
{
	const struct usb_fact *usb = record->usb;

	if (!usb && record->media)
		usb = record->media->parent;
	if (usb) {
		facts->usb = *usb;
		copy->record.usb = &facts->usb;
	}
	if (record->media) {
		facts->media = *record->media;
		facts->media.parent = usb ? &facts->usb : NULL;
		copy->record.media = &facts->media;
	}
}

struct record *record_copy(const struct record *record)
{
	struct copy parts = {0};
	struct span rule = span_take(record->decision.rule,
				     RECORD_COPY_TEXT_MAX);
	bool has_facts = record->usb || record->media;
	size_t facts_at = sizeof(struct copy);
	size_t text_at = facts_at + (has_facts ? sizeof(struct facts) : 0);
	size_t total = rule.len;

	take_parts(&parts, record);
	each_string(&parts, add_length, &total);

	struct copy *copy = calloc(1, text_at + total);
	if (!copy)
		return NULL;
	take_parts(copy, record);
	if (has_facts)
		take_facts(copy, record,
			   (struct facts *)((char *)copy + facts_at));
	char *at = (char *)copy + text_at;
	each_string(copy, move_string, &at);
	if (rule.len > 0)
		memcpy(at, rule.ptr, rule.len);
	copy->record.decision.rule = span_of(at, rule.len);
	return &copy->record;
}
