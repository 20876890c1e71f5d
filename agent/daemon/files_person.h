/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is behind a process: the person that logged in (the audit login uid,
 * which sudo does not change), else the process's user. A process may have
 * ended when its event is read, so what was read a moment ago is kept for a
 * while. Asks no name service: only logind's files and /etc/passwd.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/record.h"

#define PERSON_NAME_MAX	 64
#define PERSON_CACHE_MAX 32

struct person {
	int refs; /* __atomic */
	uint32_t pid;
	uint32_t uid; /* of the process */
	bool has_uid;
	uint32_t person_uid; /* of the person */
	bool has_person;
	const char *known_by; /* "login", "process", "owner"; a literal */
	char user[PERSON_NAME_MAX];
	char comm[16];
	char exe[RECORD_PATH_MAX];
};

struct person_cache {
	struct {
		struct person *person;
		uint64_t mono_read_ns;
	} slots[PERSON_CACHE_MAX];
	unsigned int next;
};

/* The person behind PID, as far as /proc below ROOT_FD tells or told; else the
 * owner of the file. A reference; NULL: no memory. One thread a cache. */
struct person *person_find(struct person_cache *cache, int root_fd, int32_t pid,
			   uint32_t owner_uid) __attribute__((nonnull));
void person_cache_fini(struct person_cache *cache) __attribute__((nonnull));

/* NULL is fine. Any thread. */
struct person *person_ref(struct person *person);
struct person *person_unref(struct person *person);
