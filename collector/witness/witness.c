/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness: the decision. What was signed is on disk before the signature leaves,
 * so no crash makes the witness forget what it has said.
 */
#include "collector/witness/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/base/fd.h"
#include "collector/logkey.h"

#include "agent/base/banned.h"

#define LOGS_BYTES_MAX	16384u
#define STATE_NAME_SIZE 32u

int witness_init(const char *dir, const char *name)
{
	static const char head[] =
		"# One log a line: the vkey of its operator.\n";
	_cleanup_close_ int dirfd = -1;
	int r;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	dirfd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	r = logkey_create(dirfd, WITNESS_KEY_FILE, name, NOTE_COSIGNATURE);
	return r < 0 ? r
		     : write_atomic(dirfd, WITNESS_LOGS_FILE, head,
				    sizeof(head) - 1, 0644);
}

static int read_logs(struct witness *w)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = read_small_file(w->dirfd, WITNESS_LOGS_FILE, LOGS_BYTES_MAX,
				&text, &size);

	if (r < 0)
		return r;
	for (const char *at = text; *at != '\0';) {
		struct span line = span_of(at, strcspn(at, "\n"));

		at += line.len + (at[line.len] == '\n');
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		if (w->log_count == WITNESS_LOGS_MAX ||
		    note_key_read_public(line, &w->logs[w->log_count]) != 0 ||
		    w->logs[w->log_count].type != NOTE_ED25519)
			return -EBADMSG;
		w->log_count++;
	}
	return 0;
}

int witness_open(const char *dir, struct witness *ret_witness)
{
	struct witness w = {
		.dirfd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC),
	};
	int r = w.dirfd < 0 ? -errno
			    : logkey_load(w.dirfd, WITNESS_KEY_FILE, &w.key);

	if (r == 0 && w.key.type != NOTE_COSIGNATURE)
		r = -EBADMSG;
	if (r == 0)
		r = read_logs(&w);
	if (r < 0)
		witness_close(&w);
	else
		*ret_witness = w;
	explicit_bzero(&w.key, sizeof(w.key));
	return r;
}

void witness_close(struct witness *w)
{
	if (w->dirfd >= 0)
		(void)close(w->dirfd); /* a folder */
	w->dirfd = -1;
	explicit_bzero(&w->key, sizeof(w->key));
}

static const struct note_key *find_log(const struct witness *w,
				       struct span origin)
{
	for (size_t i = 0; i < w->log_count; i++)
		if (span_equals_str(origin, w->logs[i].name))
			return &w->logs[i];
	return NULL;
}

/* One file a log, by the id of its key. */
static void state_name(const struct note_key *log, char out[STATE_NAME_SIZE])
{
	(void)snprintf(out, STATE_NAME_SIZE, "%02x%02x%02x%02x.checkpoint",
		       log->id[0], log->id[1], log->id[2],
		       log->id[3]); /* fits */
}

/* What was signed last of this log; size 0: nothing yet. */
static int load_state(const struct witness *w, const struct note_key *log,
		      struct merkle_head *ret_head)
{
	_cleanup_checkpoint_ struct logkey_checkpoint c = {0};
	char name[STATE_NAME_SIZE];
	int r;

	state_name(log, name);
	r = logkey_checkpoint_load(w->dirfd, name, &c);
	if (r == -ENOENT) {
		*ret_head = (struct merkle_head){0};
		return 0;
	}
	if (r == 0 && !span_equals_str(c.checkpoint.origin, log->name))
		return -EBADMSG;
	if (r == 0)
		*ret_head = c.checkpoint.head;
	return r;
}

static int judge(const struct merkle_head *last,
		 const struct note_addition *addition,
		 const struct merkle_head *next, uint64_t *ret_size)
{
	int r;

	if (addition->old_size > next->size)
		return WITNESS_MALFORMED;
	if (addition->old_size != last->size) {
		*ret_size = last->size;
		return WITNESS_ELSEWHERE;
	}
	/* The same size with another root: a fork, and the log knows where. */
	if (next->size == last->size && last->size > 0 &&
	    memcmp(next->root, last->root, sizeof(next->root)) != 0) {
		*ret_size = last->size;
		return WITNESS_ELSEWHERE;
	}
	if (last->size == 0)
		return addition->proof.count == 0 ? 0 : WITNESS_MALFORMED;
	r = merkle_verify_consistency(last, next, &addition->proof);
	return r > 0 ? WITNESS_INCONSISTENT : r;
}

/* The checkpoint as the log signed it, on disk before ours is given away. */
static int store_state(const struct witness *w, const struct note_key *log,
		       struct span note_text)
{
	char name[STATE_NAME_SIZE];

	state_name(log, name);
	return write_atomic(w->dirfd, name, note_text.ptr, note_text.len, 0644);
}

int witness_add(struct witness *w, struct span body, uint64_t time_s,
		char ret_line[NOTE_LINE_SIZE], uint64_t *ret_size)
{
	struct note_addition addition;
	struct note_checkpoint checkpoint;
	const struct note_key *log;
	struct merkle_head last;
	struct note note;
	uint64_t unused;
	int r;

	if (body.len > WITNESS_BODY_MAX ||
	    note_addition_parse(body, &addition) != 0 ||
	    note_parse(addition.note_text, &note) != 0 ||
	    note_checkpoint_parse(note.text, &checkpoint) != 0)
		return WITNESS_MALFORMED;
	log = find_log(w, checkpoint.origin);
	if (!log)
		return WITNESS_UNKNOWN;
	r = note_verify(&note, log, &unused);
	if (r != 0)
		return r < 0 ? r : WITNESS_UNSIGNED;
	r = load_state(w, log, &last);
	if (r == 0)
		r = judge(&last, &addition, &checkpoint.head, ret_size);
	if (r == 0)
		r = note_sign(&w->key, note.text, time_s, ret_line);
	return r != 0 ? r : store_state(w, log, addition.note_text);
}
