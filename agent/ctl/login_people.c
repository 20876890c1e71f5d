/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who could log in, by the local files alone: passwd, shadow, group. A
 * directory server is not asked: what has to work without a network is looked
 * at here. No password is read but for whether there is one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/ctl/login.h"
#include "policy/span.h"

#define PERSON_UID_MIN 1000u /* login.defs(5): UID_MIN */
#define PERSON_UID_MAX 59999u

/* The text before `sign`, which is taken too. */
static struct span cut(struct span *text, char sign)
{
	struct span head = *text;
	const char *at = text->len ? memchr(text->ptr, sign, text->len) : NULL;

	if (at)
		head.len = (size_t)(at - text->ptr);
	*text = span_skip(*text, head.len + (at != NULL));
	return head;
}

/* Field `n` of the line of `name`; empty and false when there is no line. */
static bool find_line(struct span text, struct span name, struct span *ret_rest)
{
	while (text.len > 0) {
		struct span line = cut(&text, '\n');

		if (span_equals(cut(&line, ':'), name)) {
			*ret_rest = line;
			return true;
		}
	}
	return false;
}

static int read_file(const struct login_view *view, const char *path,
		     char **ret_text)
{
	return read_small_file(view->root_fd, path, LOGIN_PEOPLE_FILE_MAX,
			       ret_text, NULL);
}

/* A hash; '!' and '*' lock, nothing at all is nothing proven. */
static bool is_password(struct span hash)
{
	return hash.len > 1 && hash.ptr[0] != '!' && hash.ptr[0] != '*';
}

static bool has_password(const char *shadow, struct span name)
{
	struct span rest;

	return find_line(span_str(shadow), name, &rest) &&
	       is_password(cut(&rest, ':'));
}

static bool read_uid(struct span text, uint32_t *ret_uid)
{
	uint64_t uid = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';

		if (digit > 9 || uid > UINT32_MAX / 10)
			return false;
		uid = uid * 10 + digit;
	}
	*ret_uid = (uint32_t)uid;
	return text.len > 0;
}

static bool is_shell(struct span path)
{
	struct span name = path;

	while (name.len > 0) {
		struct span part = cut(&name, '/');

		if (name.len == 0)
			return !span_equals_str(part, "nologin") &&
			       !span_equals_str(part, "false");
	}
	return true; /* none is /bin/sh */
}

/* One line of passwd(5). */
static bool read_person(struct span line, const char *shadow,
			struct login_person *ret_person)
{
	struct login_person person = {.uid = 0};
	struct span name = cut(&line, ':');

	(void)cut(&line, ':'); /* "x" */
	struct span uid = cut(&line, ':');
	for (int skipped = 0; skipped < 3; skipped++) /* gid, gecos, home */
		(void)cut(&line, ':');
	if (name.len == 0 || name.len >= sizeof(person.name) ||
	    !read_uid(uid, &person.uid))
		return false;
	memcpy(person.name, name.ptr, name.len);
	person.has_shell = is_shell(line);
	person.has_password = has_password(shadow, name);
	*ret_person = person;
	return true;
}

int login_people_each(const struct login_view *view, login_person_fn fn,
		      void *data)
{
	_cleanup_free_ char *passwd = NULL;
	_cleanup_free_ char *shadow = NULL;

	int r = read_file(view, "etc/passwd", &passwd);
	if (r == 0)
		r = read_file(view, "etc/shadow", &shadow);
	if (r < 0)
		return r;
	struct span text = span_str(passwd);
	while (r == 0 && text.len > 0) {
		struct login_person person;

		if (read_person(cut(&text, '\n'), shadow, &person) &&
		    person.uid >= PERSON_UID_MIN &&
		    person.uid <= PERSON_UID_MAX && person.has_shell)
			r = fn(data, &person);
	}
	return r;
}

int login_person_find(const struct login_view *view, const char *name,
		      struct login_person *ret_person)
{
	_cleanup_free_ char *passwd = NULL;
	_cleanup_free_ char *shadow = NULL;

	int r = read_file(view, "etc/passwd", &passwd);
	if (r == 0)
		r = read_file(view, "etc/shadow", &shadow);
	if (r < 0)
		return r;
	struct span text = span_str(passwd);
	while (text.len > 0) {
		struct login_person person;

		if (read_person(cut(&text, '\n'), shadow, &person) &&
		    strcmp(person.name, name) == 0) {
			*ret_person = person;
			return 0;
		}
	}
	return -ENOENT;
}

/* The members of the sealed group, with commas; empty where there is none. The
 * text that they stand in is the caller's. */
static struct span sealed_members(const struct login_view *view,
				  char **ret_group)
{
	struct span name = span_str(view->policy.breakglass_group);
	struct span rest;

	if (name.len == 0 || read_file(view, "etc/group", ret_group) < 0 ||
	    !find_line(span_str(*ret_group), name, &rest))
		return SPAN("");
	(void)cut(&rest, ':'); /* password */
	(void)cut(&rest, ':'); /* gid */
	return rest;
}

bool login_is_sealed(const struct login_view *view, const char *name)
{
	_cleanup_free_ char *group = NULL;
	struct span members = sealed_members(view, &group);

	while (members.len > 0)
		if (span_equals_str(cut(&members, ','), name))
			return true;
	return false;
}

bool login_has_breakglass(const struct login_view *view)
{
	_cleanup_free_ char *group = NULL;
	_cleanup_free_ char *shadow = NULL;

	if (read_file(view, "etc/shadow", &shadow) < 0)
		return false;
	if (view->policy.is_root_console_breakglass &&
	    has_password(shadow, SPAN("root")))
		return true;
	struct span members = sealed_members(view, &group);
	while (members.len > 0)
		if (has_password(shadow, cut(&members, ',')))
			return true;
	return false;
}
