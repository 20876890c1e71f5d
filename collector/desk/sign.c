/* SPDX-License-Identifier: Apache-2.0 */
/*
 * approve, deny, revoke: what the person decides, signed by the person's key.
 * Who approves second signs the same object, byte for byte: then the terminal
 * counts both.
 */
#include "collector/desk/desk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "agent/wire/jws.h"
#include "policy/grant.h"
#include "policy/tool/signing_key.h"

#include "agent/base/banned.h"

#define TEXT_CAP                                                               \
	((size_t)2 * JWS_HEADER_MAX_BYTES +                                    \
	 BASE64URL_CHARS((size_t)GRANT_MAX_BYTES) +                            \
	 BASE64URL_CHARS((size_t)JWS_SIGNATURE_SIZE) + 2)

DEFINE_CLEANUP(key, EVP_PKEY *, EVP_PKEY_free);

/* An object as bytes, and as what they say. */
struct object {
	char payload[GRANT_MAX_BYTES];
	size_t size;
	struct grant grant;
};

static int complain(const struct desk *desk, const char *ja, const char *en)
{
	fprintf(stderr, "sekimori-desk: %s\n", desk_say(desk, ja, en));
	return DESK_FAILED;
}

/* --- what is signed ----------------------------------------------------------- */

static int write_object(const struct desk *desk, const struct grant *grant,
			struct object *ret_object)
{
	const char *why;

	if (grant_write(grant, ret_object->payload, sizeof(ret_object->payload),
			&ret_object->size) != 0 ||
	    grant_read(span_of(ret_object->payload, ret_object->size),
		       &ret_object->grant, &why) != 0)
		return complain(desk, "許可証として正しくない内容です",
				"what was asked for is not possible as a "
				"grant");
	return DESK_OK;
}

static uint64_t now_s(void)
{
	return (uint64_t)time(NULL);
}

static int make_grant(const struct desk *desk, const json_t *row,
		      struct object *ret_object)
{
	uint64_t now = now_s();
	uint64_t minutes = desk->has_minutes ? desk->minutes
					     : desk_number(row, "minutes");
	const char *access = desk->access ? desk->access
					  : desk_text(row, "access");
	struct grant grant = {
		.action = GRANT_GRANT,
		.id = span_str(desk_text(row, "id")),
		.wall_issued_s = now,
		.terminal = span_str(desk_text(row, "terminal")),
		.user = span_str(desk_text(row, "user")),
		.device = span_str(desk_text(row, "device")),
		.wall_not_after_s = now + desk->valid_hours * 3600,
		.minutes = (uint32_t)minutes,
		.uses = (uint32_t)desk->uses,
		.reason = span_str(desk_text(row, "reason")),
		.ticket = span_str(desk->issuer_ticket
					   ? desk->issuer_ticket
					   : desk_text(row, "ticket")),
		.requester = span_str(desk_text(row, "requester")),
		.note = span_str(desk->note ? desk->note
					    : desk_text(row, "note")),
	};

	if (desk->report_hours > 0)
		grant.wall_report_by_s = now + desk->report_hours * 3600;
	if (minutes > GRANT_MINUTES_MAX ||
	    grant_access_from_str(span_str(access), &grant.access) != 0)
		return complain(desk, "--minutes または --access が違います",
				"--minutes or --access is not possible");
	return write_object(desk, &grant, ret_object);
}

/* Somebody signed it already: the same again. False: nobody did. */
static bool read_kept(const char *text, const char *id, struct object *object)
{
	struct jws jws;
	const char *why;

	if (jws_read(span_str(text), &jws) != 0 ||
	    strcmp(jws.typ, GRANT_TYP) != 0)
		return false;
	object->size = jws_payload_size(&jws);
	return object->size <= sizeof(object->payload) &&
	       jws_payload(&jws, (uint8_t *)object->payload) == 0 &&
	       grant_read(span_of(object->payload, object->size),
			  &object->grant, &why) == 0 &&
	       object->grant.action == GRANT_GRANT &&
	       span_equals_str(object->grant.id, id) &&
	       object->grant.wall_not_after_s > now_s();
}

/* 0: *ret_is_there. */
static int find_kept(struct desk *desk, const json_t *row,
		     struct object *ret_object, bool *ret_is_there)
{
	_cleanup_json_ json_t *answer = NULL;
	char path[128];

	*ret_is_there = false;
	(void)snprintf(path, sizeof(path), "/api/v1/grants?terminal=%.40s",
		       desk_text(row, "terminal"));
	int r = client_get(desk, path, &answer);
	if (r != DESK_OK)
		return r;
	const json_t *kept = json_object_get(answer, "grants");
	for (size_t i = 0; i < json_array_size(kept); i++) {
		const char *text = json_string_value(json_array_get(kept, i));
		if (text && read_kept(text, desk_text(row, "id"), ret_object)) {
			*ret_is_there = true;
			return DESK_OK;
		}
	}
	return DESK_OK;
}

/* What the first signed must be what was asked for, and what the second means:
 * the collector that carries it is not trusted with that. */
static bool is_as_asked(const struct desk *desk, const json_t *row,
			const struct grant *grant)
{
	const char *access = desk->access ? desk->access
					  : desk_text(row, "access");
	uint64_t minutes = desk->has_minutes ? desk->minutes
					     : desk_number(row, "minutes");

	return span_equals_str(grant->user, desk_text(row, "user")) &&
	       span_equals_str(grant->terminal, desk_text(row, "terminal")) &&
	       span_equals_str(grant->device, desk_text(row, "device")) &&
	       strcmp(grant_access_to_str(grant->access), access) == 0 &&
	       grant->minutes <= minutes &&
	       (!desk->has_uses || grant->uses == desk->uses);
}

/* 「読み取り専用・30分・1回」 */
static void tell_scope(const struct desk *desk, const struct grant *grant)
{
	static const char *const ja[GRANT_ACCESS_COUNT] = {
		[GRANT_NOTHING] = "なし",
		[GRANT_READ_ONLY] = "読み取り専用",
		[GRANT_READ_WRITE] = "読み書き",
		[GRANT_AUTHORISE] = "機器の使用",
		[GRANT_SUBSTITUTE_FACTOR] = "代わりの認証",
	};

	fprintf(stderr, "%.*s: ", (int)grant->id.len, grant->id.ptr);
	if (grant->action != GRANT_GRANT) {
		fprintf(stderr, "%s\n",
			grant->action == GRANT_DENY
				? desk_say(desk, "却下しました", "denied")
				: desk_say(desk, "取り消しました", "revoked"));
		return;
	}
	fprintf(stderr, "%s %.*s  ", desk_say(desk, "利用者", "user"),
		(int)grant->user.len, grant->user.ptr);
	fprintf(stderr, desk_say(desk, "%s・%u分", "%s, %u minutes"),
		desk->is_japanese ? ja[grant->access]
				  : grant_access_to_str(grant->access),
		grant->minutes);
	if (grant->uses > 0)
		fprintf(stderr, desk_say(desk, "・%u回", ", %u times"),
			grant->uses);
	fputc('\n', stderr);
}

/* --- signing -------------------------------------------------------------------- */

static int sign(struct desk *desk, const struct object *object)
{
	_cleanup_(cleanup_key) EVP_PKEY *key = NULL;
	char text[TEXT_CAP];
	struct jws_out out = {.text = text, .cap = sizeof(text) - 1};
	struct jws jws;

	if (!desk->key)
		return complain(desk, "--key が必要です", "--key is missing");
	if (signing_key_load(desk->key, desk->module, &key) != 0)
		return DESK_FAILED; /* told */
	int r = jws_sign(key, GRANT_TYP, span_of(object->payload, object->size),
			 &out);
	/* A token that signs something else is noticed here, not out there */
	if (r == 0)
		r = jws_read(span_of(out.text, out.len), &jws);
	if (r == 0)
		r = jws_verify(&jws, key);
	if (r != 0)
		return complain(desk, "鍵で署名できませんでした",
				"the key did not sign");
	text[out.len] = '\0';
	r = client_post_jose(desk, "/api/v1/grants", text);
	if (r == DESK_OK)
		tell_scope(desk, &object->grant);
	return r;
}

int cmd_approve(struct desk *desk, const char *id)
{
	_cleanup_json_ json_t *row = NULL;
	_cleanup_free_ struct object *object = calloc(1, sizeof(*object));
	bool is_there = false;

	if (!object)
		return DESK_FAILED;
	int r = desk_find(desk, id, &row);
	if (r == DESK_OK && strcmp(desk_text(row, "state"), "requested") != 0)
		return complain(desk, "回答待ちの申請ではありません",
				"it does not wait for an answer");
	if (r == DESK_OK)
		r = find_kept(desk, row, object, &is_there);
	if (r != DESK_OK)
		return r;
	if (is_there && !is_as_asked(desk, row, &object->grant)) {
		tell_scope(desk, &object->grant);
		return complain(desk, "先の承認者が署名した内容と異なります",
				"the first to approve signed something else; "
				"deny it, or give the same --access, "
				"--minutes and --uses");
	}
	if (!is_there)
		r = make_grant(desk, row, object);
	return r == DESK_OK ? sign(desk, object) : r;
}

static int end(struct desk *desk, const char *id, enum grant_action action)
{
	_cleanup_json_ json_t *row = NULL;
	_cleanup_free_ struct object *object = calloc(1, sizeof(*object));

	if (!object)
		return DESK_FAILED;
	if (!desk->note)
		return complain(desk, "--reason(理由)が必要です",
				"--reason is missing");
	int r = desk_find(desk, id, &row);
	if (r != DESK_OK)
		return r;
	const struct grant grant = {
		.action = action,
		.id = span_str(desk_text(row, "id")),
		.wall_issued_s = now_s(),
		.terminal = span_str(desk_text(row, "terminal")),
		.note = span_str(desk->note),
	};
	r = write_object(desk, &grant, object);
	return r == DESK_OK ? sign(desk, object) : r;
}

int cmd_deny(struct desk *desk, const char *id)
{
	return end(desk, id, GRANT_DENY);
}

int cmd_revoke(struct desk *desk, const char *id)
{
	return end(desk, id, GRANT_REVOKE);
}
