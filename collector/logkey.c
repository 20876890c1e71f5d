/* SPDX-License-Identifier: Apache-2.0 */
/* logkey: key files and checkpoint files. */
#include "collector/logkey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

#include "agent/base/banned.h"

#define FILE_NAME_SIZE 64u

static void file_name(const char *file, const char *end,
		      char out[FILE_NAME_SIZE])
{
	(void)snprintf(out, FILE_NAME_SIZE, "%.32s.%s", file,
		       end); /* ours are short */
}

static int save(int dirfd, const char *file, const struct note_key *key,
		bool is_private)
{
	char text[NOTE_KEY_TEXT_SIZE + 1], name[FILE_NAME_SIZE];
	int r;

	note_key_format(key, is_private, text);
	text[strlen(text) + 1] = '\0';
	text[strlen(text)] = '\n';
	file_name(file, is_private ? "key" : "vkey", name);
	r = write_atomic(dirfd, name, text, strlen(text),
			 is_private ? 0600 : 0644);
	explicit_bzero(text, sizeof(text));
	return r;
}

int logkey_create(int dirfd, const char *file, const char *name, uint8_t type)
{
	_cleanup_close_ int there = -1;
	char path[FILE_NAME_SIZE];
	uint8_t seed[NOTE_KEY_SIZE];
	struct note_key key;
	int r;

	file_name(file, "key", path);
	there = open_below(dirfd, path, O_PATH, 0);
	if (there >= 0)
		return -EEXIST;
	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return -EIO;
	r = note_key_make(name, type, seed, &key);
	if (r > 0)
		r = -EINVAL;
	/* The private half last: it says that both are there. */
	if (r == 0)
		r = save(dirfd, file, &key, false);
	if (r == 0)
		r = save(dirfd, file, &key, true);
	explicit_bzero(seed, sizeof(seed));
	explicit_bzero(&key, sizeof(key));
	return r;
}

int logkey_load(int dirfd, const char *file, struct note_key *ret_key)
{
	_cleanup_free_ char *text = NULL;
	char path[FILE_NAME_SIZE];
	size_t size = 0;
	int r;

	file_name(file, "key", path);
	r = read_small_file(dirfd, path, NOTE_KEY_TEXT_SIZE, &text, &size);
	if (r < 0)
		return r;
	if (size > 0 && text[size - 1] == '\n')
		size--;
	r = note_key_read_private(span_of(text, size), ret_key);
	explicit_bzero(text, size);
	return r > 0 ? -EBADMSG : r;
}

void logkey_origin(const char *host, const char *organisation,
		   char ret_origin[NOTE_NAME_MAX + 1])
{
	size_t len = (size_t)snprintf(ret_origin, NOTE_NAME_MAX + 1, "%s/%s",
				      host, organisation); /* may be cut */

	if (len > NOTE_NAME_MAX)
		len = NOTE_NAME_MAX;
	for (char *at = ret_origin; *at != '\0'; at++)
		if (*at == '+' || *at == ' ')
			*at = '-';
	/* A cut character, or a space that is not ASCII: up to there. */
	while (len > 0 && !note_is_name(span_of(ret_origin, len)))
		len--;
	ret_origin[len] = '\0';
}

void logkey_checkpoint_fini(struct logkey_checkpoint *checkpoint)
{
	cleanup_free(&checkpoint->text);
}

int logkey_checkpoint_read(char *text, struct logkey_checkpoint *ret_checkpoint)
{
	struct logkey_checkpoint c = {.text = text};
	int r = note_parse(span_str(text), &c.note);

	if (r == 0)
		r = note_checkpoint_parse(c.note.text, &c.checkpoint);
	if (r != 0) {
		free(text);
		return -EBADMSG;
	}
	*ret_checkpoint = c;
	return 0;
}

int logkey_checkpoint_load(int dirfd, const char *path,
			   struct logkey_checkpoint *ret_checkpoint)
{
	char *text = NULL;
	size_t size = 0;
	int r = read_small_file(dirfd, path, NOTE_BYTES_MAX, &text, &size);

	if (r < 0)
		return r;
	if (strlen(text) != size) {
		free(text);
		return -EBADMSG;
	}
	return logkey_checkpoint_read(text, ret_checkpoint);
}
