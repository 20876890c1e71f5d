/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/status, loginuid and exe; logind's /run/systemd/users/UID, and
 * /etc/passwd for users that are not logged in.
 */
#include "agent/daemon/files_person.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"

/* A process may execute another program: what is older is read again. */
#define FRESH_NS (200 * NS_PER_MS)
/* An ended process is still taken for who it was. */
#define KEPT_NS	      (10 * NS_PER_S)
#define STATUS_MAX    8192
#define LOGIND_MAX    4096
#define NO_LOGIN_UID  UINT32_MAX /* (uid_t)-1: nobody logged in */
#define PASSWD_MAX    65536
#define PASSWD_FIELDS 3

struct person *person_ref(struct person *person)
{
	if (person)
		(void)__atomic_add_fetch(&person->refs, 1, __ATOMIC_RELAXED);
	return person;
}

struct person *person_unref(struct person *person)
{
	if (person &&
	    __atomic_sub_fetch(&person->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(person);
	return NULL;
}

void person_cache_fini(struct person_cache *cache)
{
	for (size_t i = 0; i < PERSON_CACHE_MAX; i++)
		cache->slots[i].person = person_unref(cache->slots[i].person);
}

static char *read_text(int root_fd, const char *path, size_t limit)
{
	char *text = NULL;
	size_t size;

	if (read_small_file(root_fd, path, limit, &text, &size) < 0)
		return NULL;
	return text;
}

/* The rest of the line that begins with KEY. */
static bool line_of(const char *text, const char *key, char *ret_value,
		    size_t size)
{
	size_t len = strlen(key);

	while (text && *text) {
		if (strncmp(text, key, len) == 0) {
			(void)snprintf(ret_value, size, "%.*s",
				       (int)strcspn(text + len, "\n"),
				       text + len);
			return true;
		}
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return false;
}

/* passwd(5): the name of the line whose third field is UID. */
static bool name_in_passwd(int root_fd, uint32_t uid, char *ret_name,
			   size_t size)
{
	_cleanup_free_ char *text = read_text(root_fd, "etc/passwd",
					      PASSWD_MAX);
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n"))) {
		char *name = strsep(&line, ":");
		(void)strsep(&line, ":");
		char *number = strsep(&line, ":"), *end = NULL;
		if (!number || !*number || strtoul(number, &end, 10) != uid ||
		    *end)
			continue;
		(void)snprintf(ret_name, size, "%s", name);
		return true;
	}
	return false;
}

static void name_person(struct person *person, int root_fd)
{
	char path[48];

	(void)snprintf(path, sizeof(path), "run/systemd/users/%u",
		       person->person_uid);
	_cleanup_free_ char *text = read_text(root_fd, path, LOGIND_MAX);
	if (text && line_of(text, "NAME=", person->user, sizeof(person->user)))
		return;
	(void)name_in_passwd(root_fd, person->person_uid, person->user,
			     sizeof(person->user));
}

static void set_person(struct person *person, uint32_t uid, const char *by)
{
	person->has_person = true;
	person->person_uid = uid;
	person->known_by = by;
}

/* 0, or -ENOENT: the process has gone. */
static int read_process(struct person *person, int root_fd, int32_t pid)
{
	char path[64], value[64];

	(void)snprintf(path, sizeof(path), "proc/%d/status", pid);
	_cleanup_free_ char *status = read_text(root_fd, path, STATUS_MAX);
	if (!status || !line_of(status, "Uid:", value, sizeof(value)))
		return -ENOENT;
	person->uid = (uint32_t)strtoul(value, NULL, 10);
	person->has_uid = true;
	set_person(person, person->uid, "process");
	if (line_of(status, "Name:\t", value, sizeof(value)))
		(void)snprintf(person->comm, sizeof(person->comm), "%.*s",
			       (int)sizeof(person->comm) - 1, value);

	(void)snprintf(path, sizeof(path), "proc/%d/loginuid", pid);
	if (read_line_file(root_fd, path, value, sizeof(value)) == 0) {
		uint32_t uid = (uint32_t)strtoul(value, NULL, 10);
		if (value[0] && uid != NO_LOGIN_UID)
			set_person(person, uid, "login");
	}
	(void)snprintf(path, sizeof(path), "proc/%d/exe", pid);
	ssize_t n = readlinkat(root_fd, path, person->exe,
			       sizeof(person->exe) - 1);
	person->exe[n < 0 ? 0 : n] = '\0';
	return 0;
}

static struct person *person_new(int32_t pid)
{
	struct person *person = calloc(1, sizeof(*person));

	if (!person)
		return NULL;
	person->refs = 1;
	person->pid = (uint32_t)pid;
	return person;
}

static void keep(struct person_cache *cache, struct person *person,
		 uint64_t mono_now_ns)
{
	size_t at = PERSON_CACHE_MAX;

	for (size_t i = 0; i < PERSON_CACHE_MAX; i++)
		if (cache->slots[i].person &&
		    cache->slots[i].person->pid == person->pid)
			at = i;
	if (at == PERSON_CACHE_MAX)
		at = cache->next++ % PERSON_CACHE_MAX;
	person_unref(cache->slots[at].person);
	cache->slots[at].person = person_ref(person);
	cache->slots[at].mono_read_ns = mono_now_ns;
}

static struct person *kept(const struct person_cache *cache, int32_t pid,
			   uint64_t mono_now_ns, uint64_t within_ns)
{
	for (size_t i = 0; i < PERSON_CACHE_MAX; i++) {
		struct person *person = cache->slots[i].person;
		if (person && person->pid == (uint32_t)pid &&
		    cache->slots[i].mono_read_ns + within_ns > mono_now_ns)
			return person_ref(person);
	}
	return NULL;
}

struct person *person_find(struct person_cache *cache, int root_fd, int32_t pid,
			   uint32_t owner_uid)
{
	uint64_t mono_now_ns = clock_mono_ns();
	struct person *person = kept(cache, pid, mono_now_ns, FRESH_NS);

	if (person)
		return person;
	person = person_new(pid);
	if (!person)
		return NULL;
	if (pid > 0 && read_process(person, root_fd, pid) == 0) {
		name_person(person, root_fd);
		keep(cache, person, mono_now_ns);
		return person;
	}
	struct person *before = kept(cache, pid, mono_now_ns, KEPT_NS);
	if (before) {
		person_unref(person);
		return before;
	}
	set_person(person, owner_uid, "owner");
	name_person(person, root_fd);
	return person;
}
