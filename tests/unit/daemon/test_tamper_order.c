/* SPDX-License-Identifier: Apache-2.0 */
/* Which orders count here: the key, the place, the time and the serial. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "agent/daemon/anchor.h"
#include "agent/daemon/tamper_order.h"
#include "agent/wire/base64url.h"
#include "policy/ruleset.h"

#define HERE "00112233445566778899aabbccddeeff"
#define NOW  1795132800u

struct office {
	EVP_PKEY *key;	 /* of the anchor */
	EVP_PKEY *other; /* of nobody */
	struct trust trust;
	struct tamper_order_terms terms;
	struct order order;
	char text[4096];
	size_t len;
};

static int setup(void **state)
{
	static struct office o;

	o = (struct office){
		.key = EVP_EC_gen("P-256"),
		.other = EVP_EC_gen("P-256"),
		.terms = {.trust = &o.trust,
			  .terminal = HERE,
			  .serial_floor = 6,
			  .wall_now_s = NOW},
		.order = {.action = ORDER_TAMPER_OFF,
			  .serial = 7,
			  .terminal = SPAN(HERE),
			  .issuer = SPAN("情報政策課"),
			  .wall_not_after_s = NOW + 60},
	};
	EVP_PKEY_up_ref(o.key);
	o.trust.keys[0] = o.key;
	o.trust.count = 1;
	assert_int_equal(jws_key_id(o.key, o.trust.ids[0]), 0);
	*state = &o;
	return 0;
}

static int teardown(void **state)
{
	struct office *o = *state;

	trust_fini(&o->trust);
	EVP_PKEY_free(o->key);
	EVP_PKEY_free(o->other);
	return 0;
}

static void sign_as(struct office *o, EVP_PKEY *key, const char *typ)
{
	char payload[ORDER_MAX_BYTES];
	struct jws_out out = {.text = o->text, .cap = sizeof(o->text)};
	size_t len = 0;

	assert_int_equal(order_write(&o->order, payload, sizeof(payload), &len),
			 0);
	assert_int_equal(jws_sign(key, typ, span_of(payload, len), &out), 0);
	o->len = out.len;
}

/* The reason, or NULL: it counts. */
static const char *judge(struct office *o, struct tamper_order *ret_order)
{
	const char *why = NULL;
	int r = tamper_order_judge(span_of(o->text, o->len), &o->terms,
				   ret_order, &why);

	assert_true(r == 0 || r == 1);
	assert_true((r == 0) == (why == NULL));
	return why;
}

static void refused(struct office *o, const char *word)
{
	struct tamper_order order;

	sign_as(o, o->key, ORDER_TYP);
	const char *why = judge(o, &order);
	assert_non_null(why);
	if (!strstr(why, word))
		fail_msg("'%s', wanted '%s'", why, word);
}

static void an_order_in_every_respect_good_counts(void **state)
{
	struct office *o = *state;
	struct tamper_order order;

	sign_as(o, o->key, ORDER_TYP);
	assert_null(judge(o, &order));
	assert_int_equal(order.action, ORDER_TAMPER_OFF);
	assert_int_equal(order.serial, 7);
	assert_int_equal(order.wall_until_s, NOW + 60);
	assert_string_equal(order.signer, o->trust.ids[0]);
	assert_string_equal(order.issuer, "情報政策課");
}

static void nobody_else_signs(void **state)
{
	struct office *o = *state;
	struct tamper_order order;

	sign_as(o, o->other, ORDER_TYP);
	assert_non_null(judge(o, &order));
	assert_int_equal(order.serial, 0); /* not even looked at */

	sign_as(o, o->key, ORDER_TYP);
	o->text[o->len - 1] ^= 1;
	assert_non_null(judge(o, &order));
	sign_as(o, o->key, "sekimori-policy");
	assert_non_null(strstr(judge(o, &order), "something else"));
	o->len = 0;
	assert_non_null(judge(o, &order));
}

static void the_terms_are_kept(void **state)
{
	struct office *o = *state;
	const struct order good = o->order;

	o->order.terminal = SPAN("ffffffffffffffffffffffffffffffff");
	refused(o, "another terminal");
	o->order = good;
	o->order.serial = 6;
	refused(o, "serial");
	o->order = good;
	o->order.wall_not_before_s = NOW + 1;
	refused(o, "begin");
	o->order = good;
	o->order.wall_not_after_s = NOW;
	refused(o, "expired");
	o->order = good;
	o->order.wall_not_after_s = NOW + ORDER_TERM_MAX_S + 1;
	refused(o, "too late");
}

/* A point of SEC 1, uncompressed, as the policy names it. */
static void write_rules(EVP_PKEY *key, const char *role, char *ret, size_t size)
{
	uint8_t point[65];
	char text[BASE64URL_CHARS(sizeof(point)) + 1] = "";
	size_t len = 0;

	assert_int_equal(EVP_PKEY_get_octet_string_param(key, "encoded-pub-key",
							 point, sizeof(point),
							 &len),
			 1);
	base64url_encode(point, len, text);
	(void)snprintf(ret, size,
		       "policy \"p\"\nkey \"k\" role \"%s\" public \"%.*s\"\n",
		       role, (int)BASE64URL_CHARS(len), text);
}

static void a_key_of_the_policy_signs_where_its_role_is_orders(void **state)
{
	static const struct {
		const char *role;
		bool counts;
	} rows[] = {{"order", true}, {"helpdesk", false}};
	struct office *o = *state;
	struct tamper_order order;
	char text[512];

	for (size_t i = 0; i < 2; i++) {
		_cleanup_ruleset_ struct ruleset *ruleset = NULL;
		write_rules(o->other, rows[i].role, text, sizeof(text));
		const struct rules_text rules = {"x.rules", span_str(text)};
		assert_int_equal(ruleset_parse(&rules, 1, 0, NULL, &ruleset),
				 0);
		o->terms.ruleset = ruleset;
		sign_as(o, o->other, ORDER_TYP);
		assert_true((judge(o, &order) == NULL) == rows[i].counts);
	}
}

static void other_keys_than_at_the_switch_are_foreign(void **state)
{
	struct office *o = *state;
	struct bundle_store store = {.is_anchored = true, .trust = o->trust};
	struct block_guard_tamper tamper = {.is_on = true};

	assert_false(anchor_is_foreign(&tamper, &store, 10)); /* no anchor */
	assert_int_equal(anchor_hash(&store.trust, tamper.anchor), 0);
	assert_false(anchor_is_foreign(&tamper, &store, 10));
	store.trust.ids[0][0] ^= 1;
	assert_true(anchor_is_foreign(&tamper, &store, 10));
	store.trust.count = 0;
	assert_true(anchor_is_foreign(&tamper, &store, 10));
	tamper.boot_off_until_ns = 11; /* lifted */
	assert_false(anchor_is_foreign(&tamper, &store, 10));
	tamper = (struct block_guard_tamper){.is_on = false};
	assert_false(anchor_is_foreign(&tamper, &store, 10));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_order_in_every_respect_good_counts),
		CASE(nobody_else_signs),
		CASE(the_terms_are_kept),
		CASE(a_key_of_the_policy_signs_where_its_role_is_orders),
		CASE(other_keys_than_at_the_switch_are_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
