/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps; see tamper_order.h.
 */
#include "agent/daemon/tamper_order.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/base/cleanup.h"
#include "policy/ruleset.h"

#define POINT_MAX 65u /* uncompressed */

DEFINE_CLEANUP(key, EVP_PKEY *, EVP_PKEY_free);

/* A key of the policy; NULL: the text is none. */
static EVP_PKEY *read_point(struct span text)
{
	uint8_t point[POINT_MAX];
	size_t size = text.len / 4 * 3 + text.len % 4 * 3 / 4;

	if (size == 0 || size > sizeof(point) ||
	    base64url_decode(text, point) != 0)
		return NULL;
	return jws_public_key(point, size);
}

/* The policy's own keys for orders, where the anchor's did not fit. */
static int prove_by_policy(const struct ruleset *ruleset, const struct jws *jws)
{
	struct rules_signer signer;

	for (size_t i = 0; ruleset && ruleset_signer(ruleset, i, &signer);
	     i++) {
		_cleanup_(cleanup_key) EVP_PKEY *key = NULL;
		char id[JWS_KEY_ID_CHARS + 1];

		if (!span_equals_str(signer.role, TAMPER_ORDER_ROLE))
			continue;
		key = read_point(signer.public_key);
		if (key && jws_key_id(key, id) == 0 &&
		    strcmp(id, jws->kid) == 0)
			return jws_verify(jws, key);
	}
	return JWS_OTHER_KEY;
}

static int prove(struct span text, const struct tamper_order_terms *terms,
		 struct jws *ret_jws)
{
	int r = trust_verify(terms->trust, text, ret_jws);

	if (r != JWS_OTHER_KEY)
		return r;
	r = jws_read(text, ret_jws);
	return r == 0 ? prove_by_policy(terms->ruleset, ret_jws) : r;
}

static const char *check_terms(const struct order *order,
			       const struct tamper_order_terms *terms)
{
	uint64_t now = terms->wall_now_s;

	if (!span_equals_str(order->terminal, terms->terminal))
		return "it is for another terminal";
	if (now < order->wall_not_before_s)
		return "it does not begin yet";
	if (now >= order->wall_not_after_s)
		return "it has expired";
	if (order->wall_not_after_s - now > ORDER_TERM_MAX_S)
		return "it ends too late: 7 days are the most";
	if (order->serial <= terms->serial_floor)
		return "its serial does not rise: it, or a later one, has "
		       "counted here already";
	return NULL;
}

static void describe(const struct order *order, struct tamper_order *ret)
{
	ret->action = order->action;
	ret->serial = order->serial;
	ret->wall_until_s = order->wall_not_after_s;
	(void)snprintf(ret->issuer, sizeof(ret->issuer), "%.*s",
		       (int)order->issuer.len, order->issuer.ptr);
}

int tamper_order_judge(struct span text, const struct tamper_order_terms *terms,
		       struct tamper_order *ret_order, const char **ret_why)
{
	char payload[ORDER_MAX_BYTES];
	struct order order;
	struct jws jws;

	*ret_order = (struct tamper_order){0};
	int r = prove(text, terms, &jws);
	if (r < 0)
		return r;
	if (r > 0) {
		*ret_why = jws_outcome_to_str(r);
		return 1;
	}
	memcpy(ret_order->signer, jws.kid, JWS_KEY_ID_CHARS);
	if (strcmp(jws.typ, ORDER_TYP) != 0) {
		*ret_why = "it is signed as something else than an order";
		return 1;
	}
	size_t size = jws_payload_size(&jws);
	*ret_why = "the payload is not one of an order";
	if (size > sizeof(payload) ||
	    jws_payload(&jws, (uint8_t *)payload) != 0 ||
	    order_read(span_of(payload, size), &order, ret_why) != 0)
		return 1;
	describe(&order, ret_order);
	*ret_why = check_terms(&order, terms);
	return *ret_why ? 1 : 0;
}
