/* SPDX-License-Identifier: Apache-2.0 */
/* Codes by telephone on a made machine: one receipt, one code, one use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "agent/base/fd.h"
#include "agent/daemon/context.h"
#include "agent/daemon/grant_codes.h"
#include "agent/daemon/grant_loop.h"
#include "agent/daemon/identity.h"
#include "agent/wire/jws.h"
#include "policy/code_tries.h"
#include "tests/fakes/machine.h"

#define STATE "var/lib/sekimori/state"

static const uint8_t storage[][3] = {{8, 6, 80}};
static const struct fake_usb stick = {
	.hub = "usb1",
	.name = "1-1",
	.vendor = 0x0411,
	.product = 0x01e8,
	.serial = "S1",
	.interfaces = storage,
	.interface_count = 1,
};

struct office {
	struct machine machine;
	struct daemon daemon;
	struct log log;
	EVP_PKEY *desk;
	char device[GRANT_DEVICE_SIZE];
	char receipt[CODE_RECEIPT_SIZE];
};

static int make_recorder(struct office *o)
{
	static struct config config;
	const struct recorder_options options = {
		.root_fd = o->machine.tree.fd,
		.config = &config,
		.failures = &o->machine.failures,
	};

	config_init(&config);
	config.spool_mib = 8;
	return recorder_new(&options, &o->daemon.recorder);
}

/* As a daemon that starts: what the one before left is there. */
static void start(struct office *o)
{
	struct daemon *daemon = &o->daemon;

	assert_int_equal(grant_codes_new(daemon, &daemon->codes), 0);
	assert_int_equal(grant_loop_new(daemon, &daemon->grants), 0);
	grant_loop_load(daemon->grants);
}

static void stop(struct office *o)
{
	o->daemon.codes = grant_codes_free(o->daemon.codes);
	o->daemon.grants = grant_loop_free(o->daemon.grants);
}

static void load_rules(struct office *o)
{
	char text[1024], point[JWS_POINT_CHARS + 1];

	assert_int_equal(jws_point(o->desk, point), 0);
	(void)snprintf(text, sizeof(text),
		       "policy \"t\" serial 1 mode enforce\n"
		       "block with-interface 08:06:50\n"
		       "key \"desk-1\" role \"helpdesk-code\" public \"%s\"\n",
		       point);
	machine_rules(&o->machine, text);
	assert_int_equal(machine_load(&o->machine), 0);
}

static int setup(void **state)
{
	struct office *o = calloc(1, sizeof(*o));

	machine_init(&o->machine);
	fake_dir(&o->machine.tree, "var/lib/sekimori/spool");
	fake_dir(&o->machine.tree, STATE);
	fake_dir(&o->machine.tree, "run/sekimori");
	o->daemon.root_fd = o->machine.tree.fd;
	o->daemon.log = &o->log;
	o->daemon.run_fd = open_below(o->machine.tree.fd, "run/sekimori",
				      O_RDONLY | O_DIRECTORY, 0);
	assert_true(o->daemon.run_fd >= 0);
	assert_true(sd_event_new(&o->daemon.loop) >= 0);
	assert_int_equal(make_recorder(o), 0);
	assert_int_equal(recorder_open(o->daemon.recorder), 0);
	o->desk = EVP_EC_gen("P-256");
	load_rules(o);
	machine_plug(&o->machine, &stick);
	o->daemon.pipeline = o->machine.pipeline; /* the same table */
	assert_true(grant_name_usb(
		&devices_usb_named(&o->machine.pipeline.devices, "1-1")
			 ->device.fact,
		o->device));
	start(o);
	grant_codes_receipt(o->daemon.codes, o->device, "alice", o->receipt);
	assert_int_equal(strlen(o->receipt), 11);
	*state = o;
	return 0;
}

static int teardown(void **state)
{
	struct office *o = *state;

	stop(o);
	recorder_free(o->daemon.recorder, 2000);
	sd_event_unref(o->daemon.loop);
	(void)close(o->daemon.run_fd);
	EVP_PKEY_free(o->desk);
	machine_fini(&o->machine);
	free(o);
	return 0;
}

/* What the desk reads out. */
static void make(struct office *o, const char *receipt,
		 const struct code_scope *scope, char ret_text[CODE_SIZE])
{
	const struct identity *identity = recorder_identity(o->daemon.recorder);
	uint8_t secret[CODE_SECRET_BYTES];
	struct code_receipt number;
	struct code_key key;

	assert_int_equal(code_agree(o->desk, identity->code_key, secret), 0);
	assert_int_equal(code_key_derive(secret, CODE_LEVEL_HELPDESK,
					 span_str(identity->host_id_hex), &key),
			 0);
	assert_int_equal(code_receipt_read(span_str(receipt), &number), 0);
	assert_int_equal(code_make(&key, number, scope, ret_text), 0);
}

static int use(struct office *o, const char *user, const char *receipt,
	       const char *code, struct grant_codes_answer *ret_answer)
{
	return grant_codes_use(o->daemon.codes, user, receipt, code,
			       ret_answer);
}

static const struct code_scope reading = {GRANT_READ_ONLY, 30, 1};

static void a_code_gives_what_it_says_once(void **state)
{
	struct office *o = *state;
	struct grant_codes_answer given;
	char code[CODE_SIZE], next[CODE_RECEIPT_SIZE];

	make(o, o->receipt, &reading, code);
	assert_int_equal(use(o, "alice", o->receipt, code, &given), 0);
	assert_int_equal(given.scope.minutes, 30);
	const struct grants_row *row =
		grants_find(grant_loop_grants(o->daemon.grants), given.id);
	assert_non_null(row);
	assert_true(row->is_by_code);
	assert_string_equal(row->approvers, "desk-1");
	assert_true(span_equals_str(row->grant.user, "alice"));
	assert_true(span_equals_str(row->grant.device, o->device));
	assert_int_equal(row->grant.access, GRANT_READ_ONLY);
	assert_int_equal(row->grant.uses, 1);
	/* The same code is for nothing now, after its end and a restart too */
	assert_int_equal(use(o, "alice", o->receipt, code, &given),
			 GRANT_CODES_NO_RECEIPT);
	char id[GRANT_ID_CHARS + 1];
	(void)snprintf(id, sizeof(id), "%.*s", (int)row->grant.id.len,
		       row->grant.id.ptr);
	assert_int_equal(grants_end(grant_loop_grants(o->daemon.grants), id,
				    "alice", grant_loop_now()),
			 0);
	grant_codes_receipt(o->daemon.codes, o->device, "alice", next);
	assert_string_not_equal(next, o->receipt);
	stop(o);
	start(o);
	assert_int_equal(use(o, "alice", o->receipt, code, &given),
			 GRANT_CODES_NO_RECEIPT);
	/* The next receipt wants a code of its own */
	assert_int_equal(use(o, "alice", next, code, &given),
			 GRANT_CODES_WRONG);
	make(o, next, &reading, code);
	assert_int_equal(use(o, "alice", next, code, &given), 0);
}

static void a_restart_changes_no_number_and_a_person_has_their_own(void **state)
{
	struct office *o = *state;
	char again[CODE_RECEIPT_SIZE];

	stop(o);
	start(o);
	grant_codes_receipt(o->daemon.codes, o->device, "alice", again);
	assert_string_equal(again, o->receipt);
	grant_codes_receipt(o->daemon.codes, o->device, "bob", again);
	assert_string_not_equal(again, o->receipt);
}

static void it_is_for_its_person_and_its_device(void **state)
{
	struct office *o = *state;
	struct grant_codes_answer given;
	char code[CODE_SIZE];

	make(o, o->receipt, &reading, code);
	assert_int_equal(use(o, "bob", o->receipt, code, &given),
			 GRANT_CODES_NO_RECEIPT);
	assert_int_equal(use(o, "alice", "0000-0000-0", code, &given),
			 GRANT_CODES_MISSPELT);
	assert_int_equal(use(o, "alice", o->receipt, "", &given),
			 GRANT_CODES_MISSPELT);
}

static void the_limits_of_the_desk_hold(void **state)
{
	static const struct code_scope writing = {GRANT_READ_WRITE, 30, 1};
	static const struct code_scope long_one = {GRANT_READ_ONLY, 90, 1};
	struct office *o = *state;
	struct grant_codes_answer given;
	char code[CODE_SIZE];

	make(o, o->receipt, &writing, code);
	assert_int_equal(use(o, "alice", o->receipt, code, &given),
			 GRANT_CODES_OVER_LIMIT);
	make(o, o->receipt, &long_one, code);
	assert_int_equal(use(o, "alice", o->receipt, code, &given),
			 GRANT_CODES_OVER_LIMIT);
	assert_null(grants_first(grant_loop_grants(o->daemon.grants)));
}

/* Codes of another desk: as good as any guess. */
static void wrong_codes_wait_longer_and_longer(void **state)
{
	struct office *o = *state;
	struct grant_codes_answer given;
	char code[CODE_SIZE], good[CODE_SIZE];
	struct code_key key = {{7}};
	struct code_receipt number;
	unsigned int wrong = 0, later = 0;

	make(o, o->receipt, &reading, good);
	assert_int_equal(code_receipt_read(span_str(o->receipt), &number), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		memcpy(key.bytes, &i, sizeof(i));
		assert_int_equal(code_make(&key, number, &reading, code), 0);
		int r = use(o, "alice", o->receipt, code, &given);
		wrong += r == GRANT_CODES_WRONG;
		later += r == GRANT_CODES_LATER;
	}
	assert_int_equal(wrong, CODE_TRIES_FREE);
	assert_int_equal(later, 1000 - CODE_TRIES_FREE);
	assert_true(given.wait_s > 0 && given.wait_s <= 60);
	/* Not by a restart either; and nothing else waits */
	stop(o);
	start(o);
	assert_int_equal(use(o, "alice", o->receipt, good, &given),
			 GRANT_CODES_LATER);
	assert_null(grants_first(grant_loop_grants(o->daemon.grants)));
}

static void without_a_desk_there_is_no_number(void **state)
{
	struct office *o = *state;
	char text[CODE_RECEIPT_SIZE];

	machine_rules(&o->machine, "policy \"t\" serial 2 mode enforce\n");
	assert_int_equal(machine_load(&o->machine), 0);
	o->daemon.pipeline = o->machine.pipeline;
	grant_codes_receipt(o->daemon.codes, o->device, "alice", text);
	assert_string_equal(text, "");
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(a_code_gives_what_it_says_once),
		ROW(a_restart_changes_no_number_and_a_person_has_their_own),
		ROW(it_is_for_its_person_and_its_device),
		ROW(the_limits_of_the_desk_hold),
		ROW(wrong_codes_wait_longer_and_longer),
		ROW(without_a_desk_there_is_no_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
