/* SPDX-License-Identifier: Apache-2.0 */
/* Signed policy: what is good comes into force, all else changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/wire/parcel.h"
#include "tests/fakes/machine.h"

#define STATE	  "var/lib/sekimori/state"
#define TEXT_SIZE 65536
#define ALLOW                                                                  \
	"policy \"p\" mode enforce\nallow id 0411:01e8\nallow channel hid\n"
#define BLOCK "policy \"p\" mode enforce\nallow channel hid\n"

static const uint8_t storage[][3] = {{8, 6, 80}};
static const uint8_t keyboard[][3] = {{3, 1, 1}};
static const struct fake_usb stick = {
	.hub = "usb1",
	.name = "1-1",
	.vendor = 0x0411,
	.product = 0x01e8,
	.serial = "S1",
	.interfaces = storage,
	.interface_count = 1,
};
static const struct fake_usb keyboard_device = {
	.hub = "usb1",
	.name = "1-2",
	.vendor = 0x046d,
	.product = 0xc31c,
	.interfaces = keyboard,
	.interface_count = 1,
	.authorized = 1,
};

struct fixture {
	struct machine machine;
	EVP_PKEY *key;
	EVP_PKEY *stranger;
	char text[TEXT_SIZE];
	size_t size;
};

static void pin(struct fixture *f, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;

	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	size_t size = (size_t)BIO_get_mem_data(bio, &pem);
	fake_text(&f->machine.tree, "etc/sekimori/trust.pub", "%.*s", (int)size,
		  pem);
	BIO_free(bio);
}

static int setup(void **state)
{
	static struct fixture f;

	machine_init(&f.machine);
	fake_dir(&f.machine.tree, STATE);
	f.key = EVP_EC_gen("P-256");
	f.stranger = EVP_EC_gen("P-256");
	pin(&f, f.key);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	machine_fini(&f->machine);
	EVP_PKEY_free(f->key);
	EVP_PKEY_free(f->stranger);
	return 0;
}

/* A bundle of one file, signed with KEY, in f->text. */
static struct span sign(struct fixture *f, EVP_PKEY *key,
			const struct parcel *terms, const char *rules)
{
	struct parcel parcel = *terms;
	struct jws_out out = {.text = f->text, .cap = sizeof(f->text)};
	char payload[16384];
	size_t len = 0;

	parcel.count = 1;
	parcel.files[0] = (struct parcel_file){SPAN("10-test.rules"),
					       span_str(rules)};
	assert_int_equal(parcel_write(&parcel, payload, sizeof(payload), &len),
			 0);
	assert_int_equal(jws_sign(key, PARCEL_TYP, span_of(payload, len), &out),
			 0);
	f->size = out.len;
	return span_of(f->text, out.len);
}

static int offer(struct fixture *f, uint64_t serial, const char *rules)
{
	const struct parcel terms = {.serial = serial};

	return pipeline_offer_policy(&f->machine.pipeline,
				     sign(f, f->key, &terms, rules), false);
}

/* Nothing happened but one event of this reason; the message has WORD. */
static void refused(struct fixture *f, enum record_reason reason,
		    uint64_t serial, const char *word)
{
	struct machine *machine = &f->machine;
	const struct bundle *bundle = &machine->pipeline.bundle;
	const struct record *record = machine_last(machine,
						   RECORD_POLICY_REJECTED);

	assert_int_equal(machine_count(machine, RECORD_POLICY_REJECTED), 1);
	assert_int_equal(record->decision.reason, reason);
	assert_string_equal(record->u.change.error, bundle->error);
	if (!strstr(bundle->error, word))
		fail_msg("'%s' is not in: %s", word, bundle->error);
	assert_int_equal(bundle->info.serial, serial);
	assert_int_equal(machine_count(machine, RECORD_POLICY_LOADED), 0);
	assert_true(machine->failures.active[FAILURE_POLICY_REJECTED]);
	machine_forget(machine);
}

static void a_signed_policy_judges_what_is_present_both_ways(void **state)
{
	struct fixture *f = *state;
	struct machine *machine = &f->machine;

	fake_usb_add(&machine->tree, &keyboard_device);
	machine_start(machine);
	assert_int_equal(offer(f, 1, BLOCK), BUNDLE_OK);
	machine_plug(machine, &stick);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-1"), 0);
	assert_int_equal(offer(f, 2, ALLOW), BUNDLE_OK);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-1"), 1);
	assert_int_equal(offer(f, 3, BLOCK), BUNDLE_OK);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 1);
	const struct record *record = machine_last(machine,
						   RECORD_POLICY_LOADED);
	assert_int_equal(record->u.change.serial, 3);
	assert_int_equal(record->u.change.from_serial, 2);
	assert_int_equal(strlen(record->u.change.signer), JWS_KEY_ID_CHARS);
	assert_int_equal(machine_count(machine, RECORD_POLICY_REJECTED), 0);
}

static void every_bad_bundle_leaves_the_old_in_force(void **state)
{
	struct fixture *f = *state;
	struct pipeline *pipeline = &f->machine.pipeline;
	const struct parcel nine = {.serial = 9};

	assert_int_equal(offer(f, 5, BLOCK), BUNDLE_OK);
	machine_forget(&f->machine);

	struct span text = sign(f, f->stranger, &nine, ALLOW);
	assert_int_equal(pipeline_offer_policy(pipeline, text, false),
			 BUNDLE_FORGED);
	refused(f, RECORD_REASON_POLICY_SIGNATURE, 5, "not trusted");

	text = sign(f, f->key, &nine, ALLOW);
	f->text[text.len / 2] ^= 1;
	assert_true(pipeline_offer_policy(pipeline, text, false) > 0);
	refused(f, RECORD_REASON_POLICY_SIGNATURE, 5, "signature");

	assert_int_equal(pipeline_offer_policy(pipeline, SPAN("allow\n"),
					       false),
			 BUNDLE_FORGED);
	refused(f, RECORD_REASON_POLICY_SIGNATURE, 5, "not a signed text");

	assert_int_equal(offer(f, 5, ALLOW), BUNDLE_OLD);
	refused(f, RECORD_REASON_POLICY_SERIAL, 5, "serial 5");
	assert_int_equal(offer(f, 4, ALLOW), BUNDLE_OLD);
	refused(f, RECORD_REASON_POLICY_SERIAL, 5, "serial 4");

	assert_int_equal(offer(f, 9, "allow id 12G4:5678\n"), BUNDLE_REJECTED);
	refused(f, RECORD_REASON_POLICY_SYNTAX, 5, "10-test.rules:1:10: error");
	assert_int_equal(offer(f, 9, "policy \"x\" serial 8\n"),
			 BUNDLE_REJECTED);
	refused(f, RECORD_REASON_POLICY_SYNTAX, 5, "its rules say 8");
	assert_int_equal(offer(f, 9, "policy \"x\" zone \"other\"\n"),
			 BUNDLE_REJECTED);
	refused(f, RECORD_REASON_POLICY_SYNTAX, 5, "another zone");

	assert_int_equal(offer(f, 6, ALLOW), BUNDLE_OK);
	assert_false(f->machine.failures.active[FAILURE_POLICY_REJECTED]);
}

static void zone_and_time_must_fit(void **state)
{
	struct fixture *f = *state;
	struct pipeline *pipeline = &f->machine.pipeline;
	uint64_t now = clock_wall_ns() / NS_PER_S;
	struct parcel terms = {.serial = 5, .zone = SPAN("mynumber")};

	assert_int_equal(pipeline_offer_policy(pipeline,
					       sign(f, f->key, &terms, BLOCK),
					       false),
			 BUNDLE_OK);
	machine_forget(&f->machine);

	terms = (struct parcel){.serial = 6, .zone = SPAN("lgwan")};
	assert_int_equal(pipeline_offer_policy(pipeline,
					       sign(f, f->key, &terms, ALLOW),
					       false),
			 BUNDLE_ELSEWHERE);
	refused(f, RECORD_REASON_POLICY_TERMS, 5, "zone 'lgwan'");
	assert_int_equal(offer(f, 6, ALLOW), BUNDLE_ELSEWHERE);
	refused(f, RECORD_REASON_POLICY_TERMS, 5, "in 'mynumber'");
	/* what the terminal's own file says goes first */
	pipeline->options.zone = "lgwan";
	assert_int_equal(pipeline_offer_policy(pipeline,
					       sign(f, f->key, &terms, ALLOW),
					       false),
			 BUNDLE_OK);
	machine_forget(&f->machine);

	terms = (struct parcel){.serial = 7,
				.zone = SPAN("lgwan"),
				.wall_not_after_s = now - 1};
	assert_int_equal(pipeline_offer_policy(pipeline,
					       sign(f, f->key, &terms, ALLOW),
					       false),
			 BUNDLE_ELSEWHERE);
	refused(f, RECORD_REASON_POLICY_TERMS, 6, "expired");
	terms.wall_not_after_s = 0;
	terms.wall_not_before_s = now + 3600;
	assert_int_equal(pipeline_offer_policy(pipeline,
					       sign(f, f->key, &terms, ALLOW),
					       false),
			 BUNDLE_ELSEWHERE);
	refused(f, RECORD_REASON_POLICY_TERMS, 6, "does not begin yet");
	terms.wall_not_before_s = now - 10;
	terms.wall_not_after_s = now + 3600;
	assert_int_equal(pipeline_offer_policy(pipeline,
					       sign(f, f->key, &terms, ALLOW),
					       false),
			 BUNDLE_OK);
}

static void what_would_cut_the_last_keyboard_is_refused(void **state)
{
	struct fixture *f = *state;
	struct machine *machine = &f->machine;

	fake_usb_add(&machine->tree, &keyboard_device);
	machine_start(machine);
	assert_int_equal(offer(f, 1, ALLOW), BUNDLE_OK);
	machine_forget(machine);
	assert_int_equal(offer(f, 2, "policy \"p\" mode enforce\nblock\n"),
			 BUNDLE_LIFELINE);
	refused(f, RECORD_REASON_POLICY_LIFELINE, 1, "last keyboard");
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-2"),
			 0);
	/* monitor mode takes nothing away */
	assert_int_equal(offer(f, 2, "policy \"p\" mode monitor\nblock\n"),
			 BUNDLE_OK);
}

static void the_kept_one_counts_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct machine *machine = &f->machine;
	uint64_t now = clock_wall_ns() / NS_PER_S;
	struct parcel terms = {.serial = 7, .wall_not_after_s = now + 1};

	assert_int_equal(pipeline_offer_policy(&machine->pipeline,
					       sign(f, f->key, &terms, BLOCK),
					       false),
			 BUNDLE_OK);
	struct pipeline_options options = machine->pipeline.options;
	pipeline_fini(&machine->pipeline);
	pipeline_init(&machine->pipeline, &options);
	machine_forget(machine);
	/* its end, passed meanwhile, does not leave the terminal without */
	usleep(1100 * 1000);
	assert_int_equal(machine_load(machine), BUNDLE_OK);
	assert_int_equal(machine->pipeline.bundle.info.serial, 7);
	assert_int_equal(machine_load(machine), BUNDLE_SAME);
	assert_int_equal(offer(f, 7, ALLOW), BUNDLE_OLD);
	assert_int_equal(offer(f, 8, ALLOW), BUNDLE_OK);

	/* an older one put back by hand does not count */
	terms = (struct parcel){.serial = 7};
	struct span old = sign(f, f->key, &terms, ALLOW);
	fake_text(&machine->tree, STATE "/policy.jws", "%.*s", (int)old.len,
		  old.ptr);
	pipeline_fini(&machine->pipeline);
	pipeline_init(&machine->pipeline, &options);
	assert_int_equal(machine_load(machine), BUNDLE_OLD);
	assert_null(machine->pipeline.bundle.ruleset);
	assert_true(machine->failures.active[FAILURE_POLICY_NONE]);
}

static void with_an_anchor_plain_rule_files_do_not_count(void **state)
{
	struct fixture *f = *state;
	struct machine *machine = &f->machine;

	machine_rules(machine, "policy \"open\" mode monitor\nallow\n");
	assert_int_equal(machine_load(machine), BUNDLE_UNREADABLE);
	assert_null(machine->pipeline.bundle.ruleset);
	assert_false(machine->pipeline.is_monitor);

	/* nor when the anchor is rubbish, or has been taken away later */
	fake_text(&machine->tree, "etc/sekimori/trust.pub", "rubbish\n");
	assert_int_equal(machine_load(machine), BUNDLE_UNREADABLE);
	assert_int_equal(offer(f, 1, BLOCK), BUNDLE_FORGED);
	assert_non_null(strstr(machine->pipeline.bundle.error, "has no key"));
	pin(f, f->key);
	assert_int_equal(offer(f, 1, BLOCK), BUNDLE_OK);
	assert_int_equal(
		unlinkat(machine->tree.fd, "etc/sekimori/trust.pub", 0), 0);
	assert_int_equal(machine_load(machine), BUNDLE_FORGED);
	assert_int_equal(machine->pipeline.bundle.info.serial, 1);
}

static void without_an_anchor_nothing_signed_is_taken(void **state)
{
	struct fixture *f = *state;
	struct machine *machine = &f->machine;

	assert_int_equal(
		unlinkat(machine->tree.fd, "etc/sekimori/trust.pub", 0), 0);
	machine_rules(machine, "policy \"files\" serial 3 mode enforce\n");
	assert_int_equal(machine_load(machine), BUNDLE_OK);
	assert_int_equal(offer(f, 9, ALLOW), BUNDLE_FORGED);
	assert_int_equal(machine->pipeline.bundle.info.serial, 3);
	assert_string_equal(machine->pipeline.bundle.info.signer, "");
}

static void what_lies_in_the_inbox_is_told_of_once(void **state)
{
	struct fixture *f = *state;
	struct machine *machine = &f->machine;
	struct pipeline *pipeline = &machine->pipeline;

	assert_int_equal(offer(f, 1, BLOCK), BUNDLE_OK);
	machine_forget(machine);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pipeline_offer_policy(pipeline, SPAN("x.y.z"),
						       true),
				 BUNDLE_FORGED);
	assert_int_equal(machine_count(machine, RECORD_POLICY_REJECTED), 1);
	assert_int_equal(pipeline_offer_policy(pipeline, SPAN("x.y.zz"), true),
			 BUNDLE_FORGED);
	assert_int_equal(machine_count(machine, RECORD_POLICY_REJECTED), 2);
	/* the one in force is no news at all */
	const struct parcel two = {.serial = 2};
	struct span text = sign(f, f->key, &two, ALLOW);
	assert_int_equal(pipeline_offer_policy(pipeline, text, true),
			 BUNDLE_OK);
	assert_int_equal(pipeline_offer_policy(pipeline, text, true),
			 BUNDLE_SAME);
	assert_int_equal(machine_count(machine, RECORD_POLICY_REJECTED), 2);
	assert_int_equal(machine_count(machine, RECORD_POLICY_LOADED), 1);
}

static void what_cannot_be_kept_does_not_come_into_force(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(offer(f, 1, BLOCK), BUNDLE_OK);
	machine_forget(&f->machine);
	assert_int_equal(renameat(f->machine.tree.fd, STATE, f->machine.tree.fd,
				  STATE ".gone"),
			 0);
	assert_int_equal(offer(f, 2, ALLOW), BUNDLE_UNREADABLE);
	refused(f, RECORD_REASON_POLICY_IO, 1, "cannot be kept");
}

static void only_a_plain_file_in_a_plain_inbox_is_read(void **state)
{
	struct fixture *f = *state;
	struct fake_tree *tree = &f->machine.tree;
	char *text = NULL;
	size_t size = 0;

	assert_int_equal(bundle_store_inbox(tree->fd, &text, &size), -ENOENT);
	fake_dir(tree, BUNDLE_INBOX);
	assert_int_equal(bundle_store_inbox(tree->fd, &text, &size), -ENOENT);
	assert_int_equal(mkfifoat(tree->fd, BUNDLE_INBOX "/policy.jws", 0600),
			 0);
	assert_int_equal(bundle_store_inbox(tree->fd, &text, &size), -EINVAL);
	assert_int_equal(unlinkat(tree->fd, BUNDLE_INBOX "/policy.jws", 0), 0);
	assert_int_equal(symlinkat("/etc/hostname", tree->fd,
				   BUNDLE_INBOX "/policy.jws"),
			 0);
	assert_int_equal(bundle_store_inbox(tree->fd, &text, &size), -ELOOP);
	assert_int_equal(unlinkat(tree->fd, BUNDLE_INBOX "/policy.jws", 0), 0);
	fake_text(tree, BUNDLE_INBOX "/policy.jws", "abc");
	assert_int_equal(bundle_store_inbox(tree->fd, &text, &size), 0);
	assert_int_equal(size, 3);
	free(text);

	int fd = open_below(tree->fd, BUNDLE_INBOX "/policy.jws", O_WRONLY, 0);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)JWS_TEXT_MAX_BYTES + 1), 0);
	close(fd);
	assert_int_equal(bundle_store_inbox(tree->fd, &text, &size), -EFBIG);
	/* the folder itself a link */
	assert_int_equal(renameat(tree->fd, BUNDLE_INBOX, tree->fd, "other"),
			 0);
	assert_int_equal(symlinkat("/tmp", tree->fd, BUNDLE_INBOX), 0);
	assert_int_equal(bundle_store_inbox(tree->fd, &text, &size), -ENOTDIR);
}

static void a_rule_on_trial_tells_and_touches_nothing(void **state)
{
	struct fixture *f = *state;
	struct machine *machine = &f->machine;

	assert_int_equal(offer(f, 1,
			       "policy \"p\" mode enforce\n"
			       "block id 0411:01e8 monitor rule-id \"trial\"\n"
			       "media deny monitor\n"),
			 BUNDLE_OK);
	machine_plug(machine, &stick);
	assert_int_equal(machine_asked(machine->real, "usb_authorize 1-1"), 1);
	assert_int_equal(machine_count(machine, RECORD_USB_DEVICE_BLOCKED), 1);
	const struct record *record = machine_last(machine,
						   RECORD_USB_DEVICE_BLOCKED);
	assert_non_null(record->policy);
	assert_int_equal(record->policy->mode, RECORD_MODE_MONITOR);

	fake_disk_add(&machine->tree, "1-1", "sdb", 16, 1);
	machine_uevent(machine, UEVENT_ADD, "block", "sdb");
	assert_int_equal(
		machine_asked(machine->real, "media_set sdb 9 read-write"), 1);
	record = machine_last(machine, RECORD_MEDIA_DENIED);
	assert_non_null(record);
	assert_int_equal(record->policy->mode, RECORD_MODE_MONITOR);

	/* made serious: the stick that is in goes out */
	assert_int_equal(offer(f, 2,
			       "policy \"p\" mode enforce\n"
			       "block id 0411:01e8 rule-id \"trial\"\n"),
			 BUNDLE_OK);
	assert_int_equal(machine_asked(machine->real, "usb_deauthorize 1-1"),
			 1);
	record = machine_last(machine, RECORD_USB_DEVICE_BLOCKED);
	assert_null(record->policy);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_signed_policy_judges_what_is_present_both_ways),
		CASE(every_bad_bundle_leaves_the_old_in_force),
		CASE(zone_and_time_must_fit),
		CASE(what_would_cut_the_last_keyboard_is_refused),
		CASE(the_kept_one_counts_after_a_restart),
		CASE(with_an_anchor_plain_rule_files_do_not_count),
		CASE(without_an_anchor_nothing_signed_is_taken),
		CASE(what_lies_in_the_inbox_is_told_of_once),
		CASE(what_cannot_be_kept_does_not_come_into_force),
		CASE(only_a_plain_file_in_a_plain_inbox_is_read),
		CASE(a_rule_on_trial_tells_and_touches_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
