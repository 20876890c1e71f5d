/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notary: head, proof against the last checkpoint, signature, file. The file is
 * replaced atomically, so readers and other processes need no lock.
 */
#include "collector/notary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "collector/logkey.h"
#include "collector/push.h"
#include "collector/tree.h"
#include "collector/worker.h"

#include "agent/base/banned.h"

struct notary {
	struct notary_config config;
	int dirfd;
	struct note_key key;
	struct tree_reader reader;
	bool is_failing;
	struct worker worker;
	uint64_t leaves; /* under worker.lock: since the last checkpoint */
};

int notary_read_witness(const char *text, struct notary_witness *ret_witness)
{
	struct notary_witness witness = {0};
	const char *space = strchr(text, ' ');
	size_t len = space ? (size_t)(space - text) : 0;

	if (!space || len >= sizeof(witness.url) ||
	    (strncmp(text, "http://", 7) != 0 &&
	     strncmp(text, "https://", 8) != 0))
		return -EINVAL;
	memcpy(witness.url, text, len);
	while (len > 0 && witness.url[len - 1] == '/')
		witness.url[--len] = '\0';
	while (*space == ' ')
		space++;
	if (note_key_read_public(span_str(space), &witness.key) != 0 ||
	    witness.key.type != NOTE_COSIGNATURE)
		return -EINVAL;
	*ret_witness = witness;
	return 0;
}

/* ---- one checkpoint ------------------------------------------------------- */

/* Is the tree of the store one that grew from the last checkpoint's? */
static int check_last(const struct logkey_checkpoint *last,
		      struct tree_reader *reader,
		      const struct merkle_head *head)
{
	const struct merkle_source source = {tree_read_node, reader};
	struct merkle_head then = {.size = last->checkpoint.head.size};
	struct merkle tree;
	int r;

	if (then.size > head->size)
		return -ESTALE;
	r = merkle_load(&source, then.size, &tree);
	if (r == 0)
		r = merkle_root(&tree, then.root);
	if (r != 0)
		return r == -ENOMEM ? r : -ESTALE;
	return memcmp(then.root, last->checkpoint.head.root,
		      sizeof(then.root)) == 0
		       ? 0
		       : -ESTALE;
}

static int write_note(int dirfd, const char *text, const char *lines)
{
	char whole[NOTE_BYTES_MAX];
	int len = snprintf(whole, sizeof(whole), "%s\n%s", text, lines);

	if (len < 0 || len >= (int)sizeof(whole))
		return -EMSGSIZE;
	return write_atomic(dirfd, LOGKEY_CHECKPOINT, whole, (size_t)len, 0644);
}

/* 1: nothing new since the last. With the folder locked. */
static int sign_locked(int dirfd, const struct note_key *key,
		       struct tree_reader *reader)
{
	_cleanup_checkpoint_ struct logkey_checkpoint last = {0};
	char text[NOTE_CHECKPOINT_SIZE], line[NOTE_LINE_SIZE];
	struct merkle_head head;
	int r = tree_read_head(reader->store, &head);

	if (r != 0)
		return r;
	r = logkey_checkpoint_load(dirfd, LOGKEY_CHECKPOINT, &last);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		r = check_last(&last, reader, &head);
		if (r < 0)
			return r;
		if (last.checkpoint.head.size == head.size)
			return 1;
	}
	note_checkpoint_format(key->name, &head, text);
	r = note_sign(key, span_str(text), 0, line);
	return r < 0 ? r : write_note(dirfd, text, line);
}

/* A command and the service may both sign: one after the other. */
static int sign_tree(int dirfd, const struct note_key *key,
		     struct tree_reader *reader)
{
	int r;

	if (flock(dirfd, LOCK_EX) < 0)
		return -errno;
	r = sign_locked(dirfd, key, reader);
	(void)flock(dirfd, LOCK_UN); /* we hold it */
	return r;
}

int notary_sign_once(const char *dir, struct store *store)
{
	_cleanup_close_ int dirfd = open(dir,
					 O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	struct tree_reader reader = {.store = store};
	struct note_key key;
	int r;

	if (dirfd < 0)
		return -errno;
	r = logkey_load(dirfd, LOGKEY_NAME, &key);
	if (r == 0)
		r = sign_tree(dirfd, &key, &reader);
	explicit_bzero(&key, sizeof(key));
	return r;
}

/* ---- witnesses ------------------------------------------------------------ */

static void tell_witness(const struct notary *n, struct notary_witness *w,
			 const char *what)
{
	if (!w->is_failing)
		log_warning(n->config.log,
			    "Witness '%s' did not sign: %s; its next "
			    "signature covers this too",
			    w->key.name, what);
	w->is_failing = true;
}

/* Signatures of the same text stay; the new line is added. */
static int add_line_locked(const struct notary *n,
			   const struct logkey_checkpoint *pushed,
			   const char *line)
{
	_cleanup_checkpoint_ struct logkey_checkpoint c = {0};
	char whole[NOTE_BYTES_MAX];
	int len, r = logkey_checkpoint_load(n->dirfd, LOGKEY_CHECKPOINT, &c);

	/* A command may have signed a newer one meanwhile. */
	if (r < 0 || c.note.count == NOTE_SIGNATURES_MAX ||
	    !span_equals(c.note.text, pushed->note.text))
		return r;
	len = snprintf(whole, sizeof(whole), "%s%s", c.text, line);
	if (len < 0 || len >= (int)sizeof(whole))
		return -EMSGSIZE;
	return write_atomic(n->dirfd, LOGKEY_CHECKPOINT, whole, (size_t)len,
			    0644);
}

static int add_line(const struct notary *n,
		    const struct logkey_checkpoint *pushed, const char *line)
{
	int r;

	if (flock(n->dirfd, LOCK_EX) < 0)
		return -errno;
	r = add_line_locked(n, pushed, line);
	(void)flock(n->dirfd, LOCK_UN); /* we hold it */
	return r;
}

static int ask_witness(struct notary *n, struct notary_witness *w,
		       const struct logkey_checkpoint *c, char *line)
{
	const struct merkle_source source = {tree_read_node, &n->reader};
	struct push_request push = {
		.url = w->url,
		.key = &w->key,
		.checkpoint = c,
	};
	int r = -EPROTO;

	/* The first answer may say where the witness stands. */
	for (int i = 0; i < 2; i++) {
		push.old_size = w->size;
		r = merkle_prove_consistency(&source, w->size,
					     c->checkpoint.head.size,
					     &push.proof);
		if (r == 0)
			r = push_checkpoint(&push, line, &w->size);
		if (r != PUSH_ELSEWHERE)
			break;
		if (w->size > c->checkpoint.head.size)
			return -ESTALE;
	}
	if (r == 0)
		w->size = c->checkpoint.head.size;
	return r > 0 ? -EPROTO : r;
}

static void ask_witnesses(struct notary *n)
{
	_cleanup_checkpoint_ struct logkey_checkpoint c = {0};

	if (n->config.witness_count == 0 ||
	    logkey_checkpoint_load(n->dirfd, LOGKEY_CHECKPOINT, &c) < 0)
		return; /* said when it was written */
	for (size_t i = 0; i < n->config.witness_count; i++) {
		struct notary_witness *w = &n->config.witnesses[i];
		char line[NOTE_LINE_SIZE];
		uint64_t time_s;
		int r;

		if (note_verify(&c.note, &w->key, &time_s) == 0)
			continue; /* it has signed this one */
		r = ask_witness(n, w, &c, line);
		if (r == 0)
			r = add_line(n, &c, line);
		if (r < 0)
			tell_witness(n, w, errno_text(r));
		else
			w->is_failing = false;
	}
}

/* ---- the thread ----------------------------------------------------------- */

static void sign_and_tell(struct notary *n)
{
	int r = sign_tree(n->dirfd, &n->key, &n->reader);

	if (r == -ESTALE && !n->is_failing)
		log_error(n->config.log,
			  "The store does not continue the last checkpoint: "
			  "it was changed or put back. No checkpoint is "
			  "signed; run 'export --proof' and 'verify'");
	else if (r < 0 && !n->is_failing)
		log_error(n->config.log, "No checkpoint could be made: %s",
			  errno_text(r));
	n->is_failing = r < 0;
}

/* Waits for the minute or the leaves. false: it is the end. */
static bool wait_for_work(struct notary *n)
{
	const struct timespec until =
		worker_deadline(NOTARY_INTERVAL_S * MS_PER_S);
	bool is_stopping;

	worker_lock(&n->worker);
	while (!n->worker.is_stopping && n->leaves < NOTARY_LEAVES &&
	       worker_wait_until(&n->worker, &until))
		continue;
	n->leaves = 0;
	is_stopping = n->worker.is_stopping;
	worker_unlock(&n->worker);
	return !is_stopping;
}

static void *notary_main(void *ctx)
{
	struct notary *n = ctx;

	do {
		sign_and_tell(n);
		ask_witnesses(n);
	} while (wait_for_work(n));
	sign_and_tell(n);
	return NULL;
}

void notary_count(struct notary *n, uint64_t leaves)
{
	if (!n || leaves == 0)
		return;
	worker_lock(&n->worker);
	n->leaves += leaves;
	if (n->leaves >= NOTARY_LEAVES)
		(void)pthread_cond_signal(&n->worker.wake); /* cannot fail */
	worker_unlock(&n->worker);
}

static void notary_free(struct notary *n)
{
	(void)close(n->dirfd); /* a folder */
	explicit_bzero(&n->key, sizeof(n->key));
	free(n);
}

int notary_start(const struct notary_config *config, struct notary **ret_notary)
{
	struct notary *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->config = *config;
	n->reader.store = config->store;
	n->dirfd = open(config->dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	r = n->dirfd < 0 ? -errno : logkey_load(n->dirfd, LOGKEY_NAME, &n->key);
	if (r == 0)
		r = worker_start(&n->worker, notary_main, n);
	if (r < 0) {
		notary_free(n);
		return r;
	}
	*ret_notary = n;
	return 0;
}

void notary_stop(struct notary *n)
{
	if (!n)
		return;
	worker_end(&n->worker);
	worker_fini(&n->worker);
	notary_free(n);
}
