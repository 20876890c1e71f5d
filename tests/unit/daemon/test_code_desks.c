/* SPDX-License-Identifier: Apache-2.0 */
/* What a desk makes of its own key and the terminal's point, a terminal takes
 * whose policy names the desk, within the limits of that line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "agent/daemon/code_desks.h"
#include "agent/wire/base64url.h"
#include "tests/fakes/tree.h"

struct desk {
	EVP_PKEY *key;
	char point[JWS_POINT_CHARS + 1];
};

struct world {
	struct fake_tree tree;
	struct identity identity;
	struct desk helpdesk;
	struct desk approver;
	struct ruleset *ruleset;
	struct code_desks desks;
};

static struct desk new_desk(void)
{
	struct desk desk = {.key = EVP_EC_gen("P-256")};

	assert_int_equal(jws_point(desk.key, desk.point), 0);
	return desk;
}

static int setup(void **state)
{
	static struct world world;

	memset(&world, 0, sizeof(world));
	fake_tree_init(&world.tree);
	assert_int_equal(identity_load(world.tree.fd, &world.identity), 0);
	world.helpdesk = new_desk();
	world.approver = new_desk();
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	ruleset_unref(world->ruleset);
	identity_fini(&world->identity);
	EVP_PKEY_free(world->helpdesk.key);
	EVP_PKEY_free(world->approver.key);
	fake_tree_fini(&world->tree);
	return 0;
}

static void load_policy(struct world *world, const char *rules)
{
	const struct rules_text text = {"t.rules", span_str(rules)};
	struct rules_report report = {0};

	assert_int_equal(ruleset_parse(&text, 1, 0, &report, &world->ruleset),
			 0);
	assert_int_equal(code_desks_make(world->ruleset, &world->identity,
					 &world->desks),
			 0);
}

/* As sekimori-desk does it: it knows the terminal's id and point alone. */
static struct code at_desk(const struct world *world, const struct desk *desk,
			   enum code_level level, struct code_scope scope)
{
	uint8_t point[33];
	uint8_t secret[CODE_SECRET_BYTES];
	struct code_key key;
	struct code code;
	char text[CODE_SIZE];

	assert_int_equal(base64url_decode(span_str(world->identity.code_point),
					  point),
			 0);
	EVP_PKEY *terminal = jws_public_key(point, sizeof(point));
	assert_non_null(terminal);
	assert_int_equal(code_agree(desk->key, terminal, secret), 0);
	EVP_PKEY_free(terminal);
	assert_int_equal(code_key_derive(secret, level,
					 span_str(world->identity.host_id_hex),
					 &key),
			 0);
	assert_int_equal(
		code_make(&key, (struct code_receipt){77}, &scope, text), 0);
	assert_int_equal(code_read(span_str(text), &code), 0);
	return code;
}

static int prove(const struct world *world, struct code code,
		 const struct code_desk **ret_by)
{
	return code_prove(&code, (struct code_receipt){77}, &world->desks,
			  ret_by);
}

static void a_code_of_a_named_desk_is_taken_within_its_limits(void **state)
{
	struct world *world = *state;
	const struct code_scope reading = {GRANT_READ_ONLY, 30, 1};
	const struct code_scope long_reading = {GRANT_READ_ONLY, 35, 1};
	const struct code_scope writing = {GRANT_READ_WRITE, 30, 1};
	const struct code_desk *by = NULL;
	char rules[1024];

	(void)snprintf(rules, sizeof(rules),
		       "key \"sign\" role \"helpdesk\" public \"%s\"\n"
		       "key \"hd\" role \"helpdesk-code\" public \"%s\" "
		       "access read-write max-minutes 30\n"
		       "key \"no\" role \"approver-code\" public \"nonsense\"\n"
		       "key \"ap\" role \"approver-code\" public \"%s\" "
		       "access read-write\n",
		       world->helpdesk.point, world->helpdesk.point,
		       world->approver.point);
	load_policy(world, rules);
	assert_int_equal(world->desks.count, 2);

	struct code code = at_desk(world, &world->helpdesk, CODE_LEVEL_HELPDESK,
				   reading);
	assert_int_equal(prove(world, code, &by), 0);
	assert_true(span_equals_str(by->signer.name, "hd"));
	code = at_desk(world, &world->helpdesk, CODE_LEVEL_HELPDESK,
		       long_reading);
	assert_int_equal(prove(world, code, &by), CODE_OVER_LIMIT);
	code = at_desk(world, &world->helpdesk, CODE_LEVEL_HELPDESK, writing);
	assert_int_equal(prove(world, code, &by), CODE_OVER_LIMIT);
	/* the helpdesk cannot make itself the approver */
	code = at_desk(world, &world->helpdesk, CODE_LEVEL_APPROVER, writing);
	assert_int_equal(prove(world, code, &by), CODE_WRONG);
	code = at_desk(world, &world->approver, CODE_LEVEL_APPROVER, writing);
	assert_int_equal(prove(world, code, &by), 0);
	assert_true(span_equals_str(by->signer.name, "ap"));
}

static void a_policy_without_desks_takes_no_code(void **state)
{
	struct world *world = *state;
	const struct code_desk *by = NULL;

	load_policy(world, "policy \"p\" serial 1 mode enforce\n");
	assert_int_equal(world->desks.count, 0);
	struct code code = at_desk(world, &world->helpdesk, CODE_LEVEL_HELPDESK,
				   (struct code_scope){GRANT_READ_ONLY, 5, 1});
	assert_int_equal(prove(world, code, &by), CODE_WRONG);
	assert_int_equal(code_desks_make(NULL, &world->identity, &world->desks),
			 0);
	assert_int_equal(world->desks.count, 0);
	assert_int_equal(code_desks_make(world->ruleset, NULL, &world->desks),
			 0);
	assert_int_equal(world->desks.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_code_of_a_named_desk_is_taken_within_its_limits,
			setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_policy_without_desks_takes_no_code, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
