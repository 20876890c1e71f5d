/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine with a denied stick, three keys in its policy, and a table of
 * grants: for test_grants.c. What is signed lands in an inbox of memory.
 */
#pragma once

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include "agent/base/clock.h"
#include "agent/daemon/grants.h"
#include "agent/wire/base64url.h"
#include "tests/fakes/machine.h"

#define HERE	"00112233445566778899aabbccddeeff"
#define BOOT	"b2c1d7f0-5d3f-4a8a-8d5f-0b9b5f2f4b11"
#define STATE	"var/lib/sekimori/state"
#define ID	"g-0123456789abcdef"
#define OTHER	"g-fedcba9876543210"
#define MINUTE	(60 * NS_PER_S)
#define STRANGE 3 /* a key of nobody */

static const uint8_t storage[][3] = {{8, 6, 80}};
static const struct fake_usb stick = {
	.hub = "usb1",
	.name = "1-1",
	.vendor = 0x0411,
	.product = 0x01e8,
	.serial = "S1",
	.interfaces = storage,
	.interface_count = 1,
	.authorized = 1,
};

struct world {
	struct machine machine;
	struct grants *grants;
	EVP_PKEY *keys[4]; /* helpdesk, two approvers, nobody */
	struct grants_now now;
	struct decide_context context;
	struct grant grant; /* what is signed next */
	char device[GRANT_DEVICE_SIZE];
	char inbox[16384];
	char plug[DEVICES_PLUG_SIZE];
	bool is_nameless; /* early at boot: the terminal's id is not there */
};

static const char *terminal(void *userdata)
{
	const struct world *w = userdata;

	return w->is_nameless ? "" : HERE;
}

static inline void open_grants(struct world *w, const char *boot_id)
{
	const struct grants_options options = {
		.root_fd = w->machine.tree.fd,
		.sink = w->machine.pipeline.options.sink,
		.terminal = terminal,
		.boot_id = boot_id,
		.userdata = w,
	};

	grants_free(w->grants);
	assert_int_equal(grants_new(&options, &w->grants), 0);
	w->machine.pipeline.options.grants = w->grants;
	assert_int_equal(grants_load(w->grants, w->now), 0);
}

static inline void put_key(char *text, size_t size, EVP_PKEY *key,
			   const char *head, const char *tail)
{
	char point[BASE64URL_CHARS((size_t)65) + 1] = "";
	uint8_t raw[65];
	size_t n = 0, at = strlen(text);

	assert_int_equal(
		EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
						raw, sizeof(raw), &n),
		1);
	base64url_encode(raw, n, point);
	point[BASE64URL_CHARS(n)] = '\0';
	(void)snprintf(text + at, size - at, "key %s public \"%s\" %s\n", head,
		       point, tail);
}

static inline void load_rules(struct world *w, const char *approvals)
{
	char text[2048] = "policy \"t\" serial 1 mode enforce\n"
			  "allow with-interface 08:06:50\n"
			  "media deny rule-id \"no\"\n";
	char tail[64];

	(void)snprintf(tail, sizeof(tail), "access read-write approvals %s",
		       approvals);
	put_key(text, sizeof(text), w->keys[0], "\"h1\" role \"helpdesk\"",
		"access read-write max-minutes 600");
	put_key(text, sizeof(text), w->keys[1], "\"a1\" role \"approver\"",
		tail);
	put_key(text, sizeof(text), w->keys[2], "\"a2\" role \"approver\"",
		tail);
	machine_rules(&w->machine, text);
	assert_int_equal(machine_load(&w->machine), 0);
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	machine_init(&w->machine);
	fake_dir(&w->machine.tree, STATE);
	for (int i = 0; i < 4; i++)
		w->keys[i] = EVP_EC_gen("P-256");
	w->now = (struct grants_now){
		.boot_ns = clock_boot_ns(),
		.wall_s = clock_wall_ns() / NS_PER_S,
	};
	w->context = (struct decide_context){
		.has_session = true,
		.is_proven = true,
		.user = "s012345",
	};
	open_grants(w, BOOT);
	load_rules(w, "1");
	machine_plug(&w->machine, &stick);
	fake_disk_add(&w->machine.tree, "1-1", "sdb", 16, 1);
	machine_uevent(&w->machine, UEVENT_ADD, "block", "sdb");
	const struct record *denied = machine_last(&w->machine,
						   RECORD_MEDIA_DENIED);
	assert_non_null(denied);
	(void)snprintf(w->plug, sizeof(w->plug), "%s", denied->correlation);
	struct media_fact fact;
	pipeline_media_fact(&w->machine.pipeline,
			    devices_medium(&w->machine.pipeline.devices, "sdb"),
			    &fact);
	assert_true(grant_name_media(&fact, w->device));
	w->grant = (struct grant){
		.action = GRANT_GRANT,
		.id = SPAN(ID),
		.wall_issued_s = w->now.wall_s,
		.terminal = SPAN(HERE),
		.user = SPAN("s012345"),
		.device = span_str(w->device),
		.access = GRANT_READ_ONLY,
		.wall_not_after_s = w->now.wall_s + 86400,
		.minutes = 30,
		.reason = SPAN("data-return"),
	};
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	grants_free(w->grants);
	machine_fini(&w->machine);
	for (int i = 0; i < 4; i++)
		EVP_PKEY_free(w->keys[i]);
	free(w);
	return 0;
}

/* Signs w->grant into the inbox, by that key. */
static inline void sign(struct world *w, int key)
{
	char payload[GRANT_MAX_BYTES];
	size_t at = strlen(w->inbox), len = 0;

	if (at > 0)
		w->inbox[at++] = ' ';
	struct jws_out out = {.text = w->inbox + at,
			      .cap = sizeof(w->inbox) - at - 1};
	assert_int_equal(grant_write(&w->grant, payload, sizeof(payload), &len),
			 0);
	assert_int_equal(jws_sign(w->keys[key], GRANT_TYP,
				  span_of(payload, len), &out),
			 0);
	w->inbox[at + out.len] = '\0';
}

static inline void tick(struct world *w)
{
	if (grants_tick(w->grants, &w->context, w->now))
		pipeline_judge_all(&w->machine.pipeline);
}

static inline void offer(struct world *w)
{
	if (grants_offer(w->grants, span_str(w->inbox),
			 w->machine.pipeline.bundle.ruleset, w->now))
		pipeline_judge_all(&w->machine.pipeline);
	tick(w);
}

static inline enum media_access access_of(struct world *w)
{
	return devices_medium(&w->machine.pipeline.devices, "sdb")
		->decision.access;
}

static const char *request(struct world *w)
{
	const struct grants_wish wish = {
		.user = "s012345",
		.device = w->device,
		.access = GRANT_READ_ONLY,
		.minutes = 30,
		.reason = "data-return",
		.ticket = "HD-1",
		.note = "返戻データ",
		.correlation = w->plug,
	};
	static char id[GRANT_ID_CHARS + 1];
	const char *made = NULL;

	assert_int_equal(grants_request(w->grants, &wish, w->now, &made), 0);
	memcpy(id, made, GRANT_ID_CHARS);
	w->grant.id = span_str(id);
	return id;
}

static inline void refused(struct world *w, enum record_reason reason)
{
	const struct record *record = machine_last(&w->machine,
						   RECORD_GRANT_REFUSED);

	assert_non_null(record);
	assert_string_equal(record_reason_to_str(record->decision.reason),
			    record_reason_to_str(reason));
	assert_int_equal(access_of(w), MEDIA_DENY);
	assert_int_equal(machine_count(&w->machine, RECORD_GRANT_GRANTED), 0);
}
