/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receipts by making them again; a try is durable before it is looked at.
 */
#include "agent/daemon/grant_codes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"
#include "agent/daemon/code_desks.h"
#include "agent/daemon/context.h"
#include "agent/daemon/grant_loop.h"
#include "policy/code_tries.h"

#define STATE_DIR "var/lib/sekimori/state"
/* A code is read out and typed; it does not wait for another day. */
#define OFFER_S (UINT64_C(24) * 3600)

struct grant_codes {
	struct daemon *daemon;
	bool has_secret;
	uint8_t secret[CODE_KEY_BYTES]; /* of this boot */
	bool has_tries;
	struct code_tries tries;
};

/* --- the boot's secret ------------------------------------------------------- */

static int read_secret(struct grant_codes *codes)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	int r = read_small_file(codes->daemon->run_fd, GRANT_CODES_SECRET,
				CODE_KEY_BYTES, &text, &size);
	if (r < 0)
		return r;
	if (size != CODE_KEY_BYTES)
		return -EBADMSG;
	memcpy(codes->secret, text, size);
	OPENSSL_cleanse(text, size);
	return 0;
}

/* Kept in /run, so that a restart does not change the numbers people have. */
static int draw_secret(struct grant_codes *codes)
{
	if (getrandom(codes->secret, sizeof(codes->secret), GRND_NONBLOCK) !=
	    sizeof(codes->secret))
		return -EAGAIN;
	return write_atomic(codes->daemon->run_fd, GRANT_CODES_SECRET,
			    codes->secret, sizeof(codes->secret), 0600);
}

int grant_codes_new(struct daemon *daemon, struct grant_codes **ret_codes)
{
	struct grant_codes *codes = calloc(1, sizeof(*codes));

	if (!codes)
		return -ENOMEM;
	codes->daemon = daemon;
	int r = daemon->run_fd < 0 ? -ENOENT : read_secret(codes);
	if (r < 0 && daemon->run_fd >= 0)
		r = draw_secret(codes);
	codes->has_secret = r == 0;
	if (r < 0)
		log_error(daemon->log, "no receipt numbers in this boot: %s",
			  errno_text(r));
	*ret_codes = codes;
	return 0;
}

struct grant_codes *grant_codes_free(struct grant_codes *codes)
{
	if (!codes)
		return NULL;
	OPENSSL_cleanse(codes, sizeof(*codes));
	free(codes);
	return NULL;
}

/* --- receipts ------------------------------------------------------------------ */

/* A receipt's grant, so that what has ended remembers the receipt, too. */
static int id_of(const struct grant_codes *codes, struct code_receipt receipt,
		 char ret_id[GRANT_ID_CHARS + 1])
{
	uint8_t text[CODE_KEY_BYTES + sizeof(receipt.number)];
	uint8_t digest[EVP_MAX_MD_SIZE];

	memcpy(text, codes->secret, CODE_KEY_BYTES);
	memcpy(text + CODE_KEY_BYTES, &receipt.number, sizeof(receipt.number));
	if (EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha256(), NULL) !=
	    1)
		return -ENOMEM;
	memcpy(ret_id, "g-", 2);
	hex_encode(digest, (GRANT_ID_CHARS - 2) / 2, ret_id + 2);
	return 0;
}

/* The receipt that is open for DEVICE and USER, and the id it would have. */
static int open_receipt(const struct grant_codes *codes, const char *device,
			const char *user, struct code_receipt *ret_receipt,
			char ret_id[GRANT_ID_CHARS + 1])
{
	struct daemon *daemon = codes->daemon;
	const char *terminal = recorder_terminal(daemon->recorder)->uid;
	struct code_subject subject = {
		.terminal = span_str(terminal),
		.device = span_str(device),
		.user = span_str(user),
	};

	for (; codes->has_secret && subject.round < GRANT_CODES_ROUNDS;
	     subject.round++) {
		int r = code_receipt_make(codes->secret, &subject, ret_receipt);
		if (r == 0)
			r = id_of(codes, *ret_receipt, ret_id);
		if (r < 0)
			return r;
		if (!grants_is_spent(grant_loop_grants(daemon->grants), ret_id))
			return 0;
	}
	return -ENOENT;
}

static bool has_desks(const struct daemon *daemon)
{
	const struct ruleset *ruleset = daemon->pipeline.bundle.ruleset;
	struct rules_signer line;

	for (size_t i = 0; ruleset && ruleset_signer(ruleset, i, &line); i++)
		if (code_level_of_role(line.role) != CODE_LEVEL_NONE)
			return recorder_identity(daemon->recorder) != NULL;
	return false;
}

void grant_codes_receipt(struct grant_codes *codes, const char *device,
			 const char *user, char ret_text[CODE_RECEIPT_SIZE])
{
	struct code_receipt receipt;
	char id[GRANT_ID_CHARS + 1];

	ret_text[0] = '\0';
	if (has_desks(codes->daemon) &&
	    open_receipt(codes, device, user, &receipt, id) == 0)
		code_receipt_format(receipt, ret_text);
}

/* What a receipt was found to be for. */
struct match {
	char device[GRANT_DEVICE_SIZE];
	char plug[DEVICES_PLUG_SIZE];
	char id[GRANT_ID_CHARS + 1];
};

static bool is_open_for(const struct grant_codes *codes, const char *user,
			struct code_receipt wanted, struct match *match)
{
	struct code_receipt open;

	return open_receipt(codes, match->device, user, &open, match->id) ==
		       0 &&
	       open.number == wanted.number;
}

static bool find_match(const struct grant_codes *codes, const char *user,
		       struct code_receipt wanted, struct match *ret_match)
{
	const struct pipeline *pipeline = &codes->daemon->pipeline;
	struct media_fact fact;

	for (const struct medium_entry *m = pipeline->devices.media; m;
	     m = m->next) {
		pipeline_media_fact(pipeline, m, &fact);
		if (!grant_name_media(&fact, ret_match->device) ||
		    !is_open_for(codes, user, wanted, ret_match))
			continue;
		memcpy(ret_match->plug, m->plug, sizeof(ret_match->plug));
		return true;
	}
	for (const struct usb_entry *u = pipeline->devices.usb; u;
	     u = u->next) {
		if (!grant_name_usb(&u->device.fact, ret_match->device) ||
		    !is_open_for(codes, user, wanted, ret_match))
			continue;
		memcpy(ret_match->plug, u->plug, sizeof(ret_match->plug));
		return true;
	}
	return false;
}

/* --- tries ---------------------------------------------------------------------- */

static int open_state(const struct grant_codes *codes)
{
	return open_below(codes->daemon->root_fd, STATE_DIR,
			  O_RDONLY | O_DIRECTORY, 0);
}

static int load_tries(struct grant_codes *codes)
{
	_cleanup_close_ int dir = open_state(codes);
	_cleanup_free_ char *text = NULL;
	const char *boot = recorder_terminal(codes->daemon->recorder)->boot_uid;
	size_t size = 0;

	if (codes->has_tries)
		return 0;
	if (dir < 0)
		return dir;
	int r = read_small_file(dir, GRANT_CODES_TRIES, CODE_TRIES_TEXT_SIZE,
				&text, &size);
	if (r < 0 && r != -ENOENT && r != -EFBIG)
		return r;
	if (!code_tries_load(r == 0 ? span_of(text, size)
				    : span_str(r == -EFBIG ? "?" : ""),
			     span_str(boot), clock_boot_ns(), &codes->tries))
		log_warning(codes->daemon->log,
			    "'%s' is not readable: codes wait",
			    GRANT_CODES_TRIES);
	codes->has_tries = true;
	return 0;
}

static int save_tries(const struct grant_codes *codes)
{
	_cleanup_close_ int dir = open_state(codes);
	char text[CODE_TRIES_TEXT_SIZE];

	if (dir < 0)
		return dir;
	size_t size = code_tries_format(&codes->tries, text);
	return write_atomic(dir, GRANT_CODES_TRIES, text, size, 0600);
}

/* 0: a try may be made, and is kept; GRANT_CODES_LATER; -errno. */
static int spend_try(struct grant_codes *codes, uint64_t *ret_wait_s)
{
	int r = load_tries(codes);

	if (r < 0)
		return r;
	uint64_t now = clock_boot_ns();
	uint64_t wait_ns = code_tries_wait_ns(&codes->tries, now);
	if (wait_ns > 0) {
		*ret_wait_s = (wait_ns + NS_PER_S - 1) / NS_PER_S;
		return GRANT_CODES_LATER;
	}
	code_tries_spend(&codes->tries, now);
	return save_tries(codes);
}

/* --- a code --------------------------------------------------------------------- */

static int give(struct grant_codes *codes, const char *user,
		const struct match *match, const struct code_scope *scope,
		struct span by)
{
	struct daemon *daemon = codes->daemon;
	struct grants_now now = grant_loop_now();
	char approver[GRANT_APPROVERS_MAX + 1];
	const struct grant grant = {
		.action = GRANT_GRANT,
		.id = span_str(match->id),
		.wall_issued_s = now.wall_s,
		.terminal = span_str(recorder_terminal(daemon->recorder)->uid),
		.user = span_str(user),
		.device = span_str(match->device),
		.access = scope->access,
		.wall_not_after_s = now.wall_s + OFFER_S,
		.minutes = scope->minutes,
		.uses = scope->uses,
		.reason = SPAN("telephone"),
		.requester = span_str(user),
	};

	(void)snprintf(approver, sizeof(approver), "%.*s", (int)by.len, by.ptr);
	int r = grants_take_code(grant_loop_grants(daemon->grants), &grant,
				 approver, match->plug, now);
	if (r == GRANTS_FULL)
		return GRANT_CODES_FULL;
	if (r > 0)
		return GRANT_CODES_NO_RECEIPT;
	if (r == 0)
		grant_loop_changed(daemon->grants);
	return r;
}

static int prove(struct grant_codes *codes, const struct code *code,
		 struct code_receipt receipt, char *ret_by, size_t size)
{
	struct daemon *daemon = codes->daemon;
	const struct code_desk *desk = NULL;
	struct code_desks desks;

	int r = code_desks_make(daemon->pipeline.bundle.ruleset,
				recorder_identity(daemon->recorder), &desks);
	if (r == 0)
		r = code_prove(code, receipt, &desks, &desk);
	if (r == 0)
		(void)snprintf(ret_by, size, "%.*s", (int)desk->signer.name.len,
			       desk->signer.name.ptr);
	code_desks_fini(&desks);
	if (r == CODE_WRONG)
		return GRANT_CODES_WRONG;
	return r == CODE_OVER_LIMIT ? GRANT_CODES_OVER_LIMIT : r;
}

static void tell_refused(struct grant_codes *codes, const char *user,
			 const struct match *match, int outcome)
{
	struct daemon *daemon = codes->daemon;
	const struct grants_refused refused = {
		.id = match->id,
		.user = user,
		.device = match->device,
		.correlation = match->plug,
		.reason = outcome == GRANT_CODES_OVER_LIMIT
				  ? RECORD_REASON_GRANT_LIMIT
				  : RECORD_REASON_GRANT_CODE,
	};

	grants_tell_code_refused(grant_loop_grants(daemon->grants), &refused);
}

int grant_codes_use(struct grant_codes *codes, const char *user,
		    const char *receipt, const char *code,
		    struct grant_codes_answer *ret_answer)
{
	struct match match = {.id = ""};
	struct code_receipt number;
	struct code read;
	char by[GRANT_APPROVERS_MAX + 1] = "";

	*ret_answer = (struct grant_codes_answer){.wait_s = 0};
	/* What cannot be right costs no try */
	if (code_receipt_read(span_str(receipt), &number) != 0 ||
	    code_read(span_str(code), &read) != 0)
		return GRANT_CODES_MISSPELT;
	if (!find_match(codes, user, number, &match))
		return GRANT_CODES_NO_RECEIPT;
	int r = spend_try(codes, &ret_answer->wait_s);
	if (r == 0)
		r = prove(codes, &read, number, by, sizeof(by));
	if (r == GRANT_CODES_WRONG || r == GRANT_CODES_OVER_LIMIT)
		tell_refused(codes, user, &match, r);
	if (r != 0)
		return r;
	code_tries_clear(&codes->tries);
	(void)!save_tries(codes); /* else the next one waits for nothing */
	r = give(codes, user, &match, &read.scope, span_str(by));
	if (r == 0) {
		memcpy(ret_answer->id, match.id, sizeof(ret_answer->id));
		ret_answer->scope = read.scope;
	}
	return r;
}
