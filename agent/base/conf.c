/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line parser for `key = value`. It works in one owned copy of the text and
 * cuts it into strings, so a conf is one allocation. No defaults live here.
 */
#include "agent/base/conf.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/fd.h"
#include "agent/base/log.h"

#include "agent/base/banned.h"

void conf_fini(struct conf *conf)
{
	cleanup_free(&conf->text);
	*conf = (struct conf){0};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Drops blanks on both ends; writes the NUL behind. */
static char *trim(char *text)
{
	while (is_blank(*text))
		text++;

	size_t length = strlen(text);
	while (length > 0 && is_blank(text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

static bool is_key(const char *text)
{
	size_t length = 0;

	while (is_key_char(text[length]))
		length++;
	return length > 0 && length <= CONF_KEY_MAX && text[length] == '\0';
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/* One line without its newline. Returns NULL, or why it is refused. */
static const char *parse_line(char *line, unsigned number, struct conf *conf)
{
	char *key = trim(line);
	if (*key == '\0' || *key == '#')
		return NULL;

	char *equals = strchr(key, '=');
	if (!equals)
		return "expected 'key = value'";
	*equals = '\0';
	key = trim(key);
	char *value = trim(equals + 1);

	if (!is_key(key))
		return "a key is 1 to 32 of a-z, 0-9 and '_'";
	if (strlen(value) > CONF_VALUE_MAX)
		return "value longer than 512 bytes";
	if (has_control(value))
		return "control character in value";
	if (conf_get(conf, key))
		return "key given twice";
	if (conf->count == CONF_PAIRS_MAX)
		return "more than 128 keys";

	struct conf_pair *pair = &conf->pairs[conf->count++];
	(void)snprintf(pair->key, sizeof(pair->key), "%s", key);
	pair->value = value;
	pair->line = number;
	return NULL;
}

static int parse_text(const char *name, struct conf *conf, char *ret_error)
{
	unsigned number = 1;

	for (char *line = conf->text; line; number++) {
		char *end = strchr(line, '\n');
		if (end)
			*end = '\0';

		const char *reason = parse_line(line, number, conf);
		if (reason) {
			(void)snprintf(ret_error, CONF_ERROR_MAX, "%s:%u: %s",
				       name, number, reason);
			return -EINVAL;
		}
		line = end ? end + 1 : NULL;
	}
	return 0;
}

int conf_parse(const char *name, const char *text, size_t size,
	       struct conf *ret_conf, char *ret_error)
{
	_cleanup_conf_ struct conf conf = {0};

	if (size > CONF_FILE_MAX || memchr(text, '\0', size)) {
		(void)snprintf(ret_error, CONF_ERROR_MAX, "%s:1: %s", name,
			       size > CONF_FILE_MAX ? "file over 64 KiB"
						    : "NUL byte in file");
		return -EINVAL;
	}

	conf.text = strndup(text, size);
	if (!conf.text)
		return -ENOMEM;
	int r = parse_text(name, &conf, ret_error);
	if (r < 0)
		return r;

	*ret_conf = conf;
	conf = (struct conf){0};
	return 0;
}

int conf_load(int dirfd, const char *path, struct conf *ret_conf,
	      char *ret_error)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	int r = read_small_file(dirfd, path, CONF_FILE_MAX, &text, &size);
	if (r < 0) {
		(void)snprintf(ret_error, CONF_ERROR_MAX, "%s: %s", path,
			       errno_text(r));
		return r;
	}
	return conf_parse(path, text, size, ret_conf, ret_error);
}

static const struct conf_pair *find(const struct conf *conf, const char *key)
{
	for (size_t i = 0; i < conf->count; i++)
		if (strcmp(conf->pairs[i].key, key) == 0)
			return &conf->pairs[i];
	return NULL;
}

const char *conf_get(const struct conf *conf, const char *key)
{
	const struct conf_pair *pair = find(conf, key);

	return pair ? pair->value : NULL;
}

int conf_get_u64(const struct conf *conf, const char *key,
		 const uint64_t bounds[2], uint64_t *ret_value, char *ret_error)
{
	const struct conf_pair *pair = find(conf, key);
	if (!pair)
		return 0;

	char *end = NULL;
	errno = 0;
	unsigned long long value = strtoull(pair->value, &end, 10);
	bool is_number = pair->value[0] >= '0' && pair->value[0] <= '9' &&
			 *end == '\0' && errno == 0;
	if (!is_number || value < bounds[0] || value > bounds[1]) {
		(void)snprintf(ret_error, CONF_ERROR_MAX,
			       "%u: '%s' wants a number from %llu to %llu",
			       pair->line, key, (unsigned long long)bounds[0],
			       (unsigned long long)bounds[1]);
		return -EINVAL;
	}
	*ret_value = value;
	return 0;
}

const struct conf_pair *conf_find_unknown(const struct conf *conf,
					  const char *const *known)
{
	for (size_t i = 0; i < conf->count; i++) {
		bool found = false;

		for (size_t k = 0; known[k] && !found; k++)
			found = strcmp(conf->pairs[i].key, known[k]) == 0;
		if (!found)
			return &conf->pairs[i];
	}
	return NULL;
}

/* Whether a line of `length` bytes sets `key`. */
static bool line_sets(const char *line, size_t length, const char *key)
{
	size_t at = 0;

	while (at < length && is_blank(line[at]))
		at++;

	size_t key_length = strlen(key);
	if (length - at < key_length || memcmp(line + at, key, key_length) != 0)
		return false;
	at += key_length;

	while (at < length && is_blank(line[at]))
		at++;
	return at < length && line[at] == '=';
}

int conf_edit(const char *text, const char *key, const char *value,
	      struct buf *out)
{
	bool done = false;
	int r = 0;

	if (!is_key(key) || strlen(value) > CONF_VALUE_MAX ||
	    has_control(value) || is_blank(value[0]))
		return -EINVAL;

	while (*text && r == 0) {
		const char *end = strchrnul(text, '\n');
		size_t length = (size_t)(end - text);

		if (line_sets(text, length, key)) {
			r = buf_printf(out, "%s = %s\n", key, value);
			done = true;
		} else {
			r = buf_printf(out, "%.*s\n", (int)length, text);
		}
		text = *end ? end + 1 : end;
	}
	if (r == 0 && !done)
		r = buf_printf(out, "%s = %s\n", key, value);
	return r;
}
