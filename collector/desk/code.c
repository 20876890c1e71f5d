/* SPDX-License-Identifier: Apache-2.0 */
/*
 * code: the answer to a receipt number, for a terminal that the collector does
 * not reach (sekimori.code(7)). The terminal's own point came with the event of
 * its start, while it was reached; with it and the person's key the code is
 * made here, and nobody else can.
 */
#include "collector/desk/desk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "agent/wire/base64url.h"
#include "agent/wire/jws.h"
#include "policy/code.h"
#include "policy/tool/signing_key.h"

#include "agent/base/banned.h"

#define POINT_MAX 65u
#define STARTS	  50 /* the newest that are looked at */

DEFINE_CLEANUP(key, EVP_PKEY *, EVP_PKEY_free);

static int complain(const struct desk *desk, const char *ja, const char *en)
{
	fprintf(stderr, "sekimori-desk: %s\n", desk_say(desk, ja, en));
	return DESK_FAILED;
}

/* The point of the newest start that tells one. */
static int find_point(struct desk *desk, EVP_PKEY **ret_point)
{
	const char *text = NULL;
	uint64_t after = 0;
	uint8_t point[POINT_MAX];
	_cleanup_json_ json_t *last = NULL;

	for (;;) {
		_cleanup_json_ json_t *answer = NULL;
		char path[160];
		(void)snprintf(path, sizeof(path),
			       "/api/v1/events?code=agent.start&terminal=%.32s"
			       "&limit=%d&after=%" PRIu64,
			       desk->terminal, STARTS, after);
		int r = client_get(desk, path, &answer);
		if (r != DESK_OK)
			return r;
		json_t *rows = json_object_get(answer, "events");
		size_t count = json_array_size(rows);
		for (size_t i = 0; i < count; i++) {
			json_t *agent = json_object_get(
				json_object_get(
					json_object_get(json_array_get(rows, i),
							"event"),
					"sekimori"),
				"agent");
			if (!*desk_text(agent, "code_key"))
				continue;
			json_decref(last);
			last = json_incref(agent);
		}
		after = desk_number(answer, "next");
		if (count < STARTS)
			break;
	}
	text = last ? desk_text(last, "code_key") : "";
	size_t size = BASE64URL_BYTES(strlen(text));
	if (size > 0 && size <= sizeof(point) &&
	    base64url_decode(span_str(text), point) == 0)
		*ret_point = jws_public_key(point, size);
	return *ret_point ? DESK_OK
			  : complain(desk, "その端末の公開鍵がありません",
				     "the key of that terminal is not known");
}

static int read_scope(const struct desk *desk, struct code_scope *ret_scope)
{
	*ret_scope = (struct code_scope){
		.access = GRANT_READ_ONLY,
		.minutes = desk->has_minutes ? (unsigned)desk->minutes : 30,
		.uses = (unsigned)desk->uses,
	};
	if (desk->access && grant_access_from_str(span_str(desk->access),
						  &ret_scope->access) != 0)
		return complain(desk, "--access が違います",
				"--access is not possible");
	return DESK_OK;
}

static int derive(struct desk *desk, EVP_PKEY *point, struct code_key *ret_key)
{
	_cleanup_(cleanup_key) EVP_PKEY *own = NULL;
	uint8_t secret[CODE_SECRET_BYTES];
	enum code_level level = desk->is_approver ? CODE_LEVEL_APPROVER
						  : CODE_LEVEL_HELPDESK;

	if (signing_key_load(desk->key, desk->module, &own) != 0)
		return DESK_FAILED; /* told */
	int r = code_agree(own, point, secret);
	if (r == 0)
		r = code_key_derive(secret, level, span_str(desk->terminal),
				    ret_key);
	OPENSSL_cleanse(secret, sizeof(secret));
	return r == 0 ? DESK_OK
		      : complain(desk, "鍵で計算できませんでした",
				 "the key could not be used");
}

int cmd_code(struct desk *desk, const char *receipt)
{
	_cleanup_(cleanup_key) EVP_PKEY *point = NULL;
	struct code_receipt number;
	struct code_scope scope;
	struct code_key key;
	char text[CODE_SIZE];

	if (!desk->key || !desk->terminal)
		return complain(desk, "--key と --terminal が必要です",
				"--key and --terminal are wanted");
	if (code_receipt_read(span_str(receipt), &number) != 0)
		return complain(desk, "受付番号が正しくありません",
				"the receipt number is not right: ask again");
	int r = read_scope(desk, &scope);
	if (r == DESK_OK)
		r = find_point(desk, &point);
	if (r == DESK_OK)
		r = derive(desk, point, &key);
	if (r != DESK_OK)
		return r;
	r = code_make(&key, number, &scope, text);
	OPENSSL_cleanse(&key, sizeof(key));
	if (r != 0)
		return complain(
			desk,
			"コードにできない内容です (時間は5分単位、640分まで"
			"、1から8回)",
			"no code can say that: minutes in steps of 5 "
			"up to 640, 1 to 8 uses");
	puts(text);
	return DESK_OK;
}
