/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of this process is the evidence; the record on tmpfs only carries it
 * to sshd's parent and to the daemon. Nothing here decides.
 */
#include "agent/pam/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/clock.h"
#include "agent/pam/store.h"
#include "agent/pam/trust.h"
#include "policy/login_switch.h"

#include "agent/base/banned.h"

#define DATA_KEY "sekimori.evidence.v1"

static void evidence_free(pam_handle_t *pamh, void *data, int error_status)
{
	(void)pamh;
	(void)error_status;
	if (!data)
		return;
	explicit_bzero(data, sizeof(struct evidence));
	free(data);
}

/* The first policy file that reads well; else what is built in. */
static void load_policy(const struct pam_places *places, struct evidence *ev)
{
	char text[LOGIN_TEXT_MAX_BYTES + 1];
	struct login_switch sw;
	unsigned line = 0;
	uint64_t start = clock_mono_ns();

	login_policy_default(&ev->policy);
	for (size_t i = 0; places->policy_files[i]; i++) {
		if (trust_read(places, AT_FDCWD, places->policy_files[i], text,
			       sizeof(text)) == 0 &&
		    login_policy_parse(span_str(text), &ev->policy, &line) ==
			    0) {
			ev->has_policy = true;
			break;
		}
	}
	if (trust_read(places, AT_FDCWD, places->switch_file, text,
		       sizeof(text)) == 0 &&
	    login_switch_parse(span_str(text), &sw) == 0)
		login_switch_apply(&sw, &ev->policy);

	int fd = open(places->boot_id_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		ssize_t n = read(fd, ev->boot_id, sizeof(ev->boot_id) - 1);

		/* Unknown is empty: a trial then counts as over. */
		ev->boot_id[n > 0 ? n : 0] = '\0';
		(void)close(fd); /* only read */
	}
	budget_charge(&ev->budget, clock_mono_ns() - start);
}

static int evidence_new(pam_handle_t *pamh, const struct pam_places *places,
			struct evidence **ret_evidence)
{
	struct evidence *ev = calloc(1, sizeof(*ev));

	if (!ev)
		return -ENOMEM;
	ev->pid = (uint32_t)getpid();
	load_policy(places, ev);
	if (pam_set_data(pamh, DATA_KEY, ev, evidence_free) != PAM_SUCCESS) {
		free(ev);
		return -ENOMEM;
	}
	*ret_evidence = ev;
	return 0;
}

void evidence_reset(struct evidence *evidence)
{
	explicit_bzero(evidence->proofs, sizeof(evidence->proofs));
	evidence->proof_count = 0;
	evidence->recorded_count = 0; /* what is on file is of another pass */
	evidence->accepted_boot_ns = 0;
	evidence->user[0] = '\0';
}

int evidence_get(pam_handle_t *pamh, const struct pam_places *places,
		 struct evidence **ret_evidence)
{
	const void *data = NULL;

	if (pam_get_data(pamh, DATA_KEY, &data) != PAM_SUCCESS || !data)
		return evidence_new(pamh, places, ret_evidence);

	/* libpam hands back what was set, but as const. */
	struct evidence *ev = NULL;
	memcpy(&ev, &data, sizeof(data));
	uint32_t pid = (uint32_t)getpid();
	if (ev->pid != pid && ev->pid != (uint32_t)getppid()) {
		evidence_reset(ev);
		ev->id[0] = '\0';
		ev->open.kind = LOGIN_RECORD_NONE;
	}
	*ret_evidence = ev;
	return 0;
}

void evidence_bind_user(struct evidence *evidence, const char *user)
{
	if (evidence->proof_count > 0 && strcmp(evidence->user, user) != 0)
		evidence_reset(evidence);
}

void evidence_begin(struct evidence *evidence, uint64_t line_id)
{
	for (size_t i = 0; i < evidence->proof_count; i++)
		if (evidence->line_ids[i] == line_id) {
			evidence_reset(evidence);
			return;
		}
}

bool evidence_add(struct evidence *evidence, uint64_t line_id,
		  const struct mfa_proof *proof)
{
	if (evidence->proof_count == MFA_PROOFS_MAX)
		return false;
	evidence->pid = (uint32_t)getpid();
	evidence->accepted_boot_ns = 0; /* to be judged anew */
	evidence->line_ids[evidence->proof_count] = line_id;
	evidence->proofs[evidence->proof_count++] = *proof;
	return true;
}

/* FNV-1a; lines of one stack file are few and not chosen by an attacker. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (;; text++) {
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
		if (*text == '\0')
			return hash;
	}
}

uint64_t evidence_line_id(const struct line *line)
{
	uint64_t hash = hash_text(UINT64_C(0xcbf29ce484222325), line->module);

	for (size_t i = 0; i < line->argument_count; i++)
		hash = hash_text(hash, line->arguments[i]);
	return hash;
}

const char *evidence_item(pam_handle_t *pamh, int item)
{
	const void *value = NULL;

	if (pam_get_item(pamh, item, &value) != PAM_SUCCESS || !value)
		return "";
	return value;
}

/* Compares all bytes, so that the time tells nothing. */
static bool is_same_secret(const char *a, const char *b)
{
	unsigned char different = 0;

	for (size_t i = 0; i < LOGIN_ID_CHARS; i++)
		different |= (unsigned char)(a[i] ^ b[i]);
	return different == 0;
}

static bool does_fit(pam_handle_t *pamh, const struct evidence *ev,
		     const struct login_record *record)
{
	struct login_process self = {0};
	uint64_t now = clock_boot_ns();

	if (store_process((uint32_t)getpid(), &self) < 0)
		return false;
	return record->parent.pid == self.pid &&
	       record->parent.start == self.start &&
	       strcmp(record->user, evidence_item(pamh, PAM_USER)) == 0 &&
	       strcmp(record->service, evidence_item(pamh, PAM_SERVICE)) == 0 &&
	       record->boot_ns <= now &&
	       now - record->boot_ns <= ev->policy.mfa.evidence_ttl_ns;
}

void evidence_adopt(pam_handle_t *pamh, const struct pam_places *places,
		    struct evidence *evidence)
{
	const char *token = pam_getenv(pamh, EVIDENCE_TOKEN);
	struct login_record record = {0};
	char id[LOGIN_ID_CHARS + 1];
	size_t size = sizeof(id) - 1;

	if (!token || strlen(token) != 2 * size)
		return;
	memcpy(id, token, size);
	id[size] = '\0';

	uint64_t start = clock_mono_ns();
	int r = store_read_evidence(places, id, &record);
	budget_charge(&evidence->budget, clock_mono_ns() - start);
	if (r < 0 || !is_same_secret(token + size, record.secret) ||
	    !does_fit(pamh, evidence, &record))
		return;

	memcpy(evidence->proofs, record.proofs, sizeof(record.proofs));
	memset(evidence->line_ids, 0, sizeof(evidence->line_ids));
	evidence->proof_count = record.proof_count;
	evidence->recorded_count = record.proof_count;
	evidence->accepted_boot_ns = record.boot_ns;
	evidence->pid = (uint32_t)getpid();
	memcpy(evidence->user, record.user, sizeof(record.user));
	memcpy(evidence->id, record.id, sizeof(record.id));
	memcpy(evidence->secret, record.secret, sizeof(record.secret));
	explicit_bzero(&record, sizeof(record));
}

static int put_token(pam_handle_t *pamh, const struct evidence *ev)
{
	char token[sizeof(EVIDENCE_TOKEN "=") + 2 * (size_t)LOGIN_ID_CHARS];

	(void)snprintf(token, sizeof(token), "%s=%s%s", EVIDENCE_TOKEN, ev->id,
		       ev->secret);
	int r = pam_putenv(pamh, token);
	explicit_bzero(token, sizeof(token));
	return r == PAM_SUCCESS ? 0 : -ENOMEM;
}

int evidence_publish(pam_handle_t *pamh, const struct pam_places *places,
		     struct evidence *evidence,
		     const struct login_record *about)
{
	if (evidence->id[0] != '\0' &&
	    evidence->recorded_count == evidence->proof_count)
		return 0;
	if (!budget_allows(&evidence->budget))
		return -ETIME;

	struct login_record record = *about;
	int r = 0;
	if (evidence->id[0] == '\0') {
		r = store_random_id(evidence->secret);
		if (r == 0)
			r = store_random_id(evidence->id);
		if (r < 0)
			return r;
	}
	record.kind = LOGIN_RECORD_EVIDENCE;
	memcpy(record.id, evidence->id, sizeof(record.id));
	memcpy(record.secret, evidence->secret, sizeof(record.secret));

	uint64_t start = clock_mono_ns();
	r = store_write(places, &record);
	budget_charge(&evidence->budget, clock_mono_ns() - start);
	if (r == 0)
		r = put_token(pamh, evidence);
	if (r == 0)
		evidence->recorded_count = evidence->proof_count;
	else
		evidence->id[0] = '\0';
	return r;
}

void evidence_spend(pam_handle_t *pamh, const struct pam_places *places,
		    struct evidence *evidence)
{
	struct login_record record = {.kind = LOGIN_RECORD_EVIDENCE};

	/* The session must not inherit it. Taking it away cannot fail. */
	if (pam_getenv(pamh, EVIDENCE_TOKEN))
		(void)pam_putenv(pamh, EVIDENCE_TOKEN);
	if (evidence->id[0] == '\0')
		return;
	memcpy(record.id, evidence->id, sizeof(record.id));
	/* Left over at worst: it fits no other process, and grows old. */
	(void)store_remove(places, &record);
	evidence->id[0] = '\0';
	evidence->recorded_count = 0;
}
