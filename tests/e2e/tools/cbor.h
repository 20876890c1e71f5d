/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cbor: as much of RFC 8949 as a security key for tests needs: maps, arrays,
 * strings, small integers, booleans. Reading is bounded and never fails aloud:
 * is_bad stays set. Must not be used outside tests.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 2048u

static void die(const char *what)
{
	perror(what);
	exit(1);
}

#define MUST(condition)                                                        \
	do {                                                                   \
		if (!(condition))                                              \
			die(#condition);                                       \
	} while (0)

struct reader {
	const uint8_t *at, *end;
	bool is_bad;
};

static uint64_t read_head(struct reader *r, uint8_t *ret_major)
{
	uint64_t value = 0;

	*ret_major = 0xff;
	if (r->is_bad || r->at == r->end) {
		r->is_bad = true;
		return 0;
	}
	uint8_t head = *r->at++;
	unsigned info = head & 31;
	unsigned size = info < 24 ? 0 : 1u << (info - 24);
	if (info > 27 || (size_t)(r->end - r->at) < size) {
		r->is_bad = true;
		return 0;
	}
	for (unsigned i = 0; i < size; i++)
		value = value << 8 | *r->at++;
	*ret_major = head >> 5;
	return size ? value : info;
}

/* A byte or text string. */
static const uint8_t *read_string(struct reader *r, size_t *ret_size)
{
	uint8_t major;
	uint64_t size = read_head(r, &major);
	const uint8_t *string = r->at;

	if ((major != 2 && major != 3) || (uint64_t)(r->end - r->at) < size)
		r->is_bad = true;
	if (r->is_bad)
		size = 0;
	r->at += size;
	*ret_size = (size_t)size;
	return string;
}

/* An integer, negative ones too. */
static int64_t read_int(struct reader *r)
{
	uint8_t major;
	uint64_t value = read_head(r, &major);

	if (major > 1 || value > INT32_MAX)
		r->is_bad = true;
	return major == 1 ? -1 - (int64_t)value : (int64_t)value;
}

static size_t read_count(struct reader *r, uint8_t wanted)
{
	uint8_t major;
	uint64_t count = read_head(r, &major);

	if (major != wanted || count > 64)
		r->is_bad = true;
	return r->is_bad ? 0 : (size_t)count;
}

static void skip(struct reader *r, unsigned depth)
{
	struct reader start = *r;
	uint8_t major;
	uint64_t value = read_head(r, &major);
	size_t size;

	if (depth > 8 || (major >= 4 && value > 64)) {
		r->is_bad = true;
	} else if (major == 2 || major == 3) {
		*r = start;
		(void)read_string(r, &size);
	} else if (major == 4 || major == 5) {
		for (uint64_t i = 0; i < value * (major - 3u); i++)
			skip(r, depth + 1);
	}
}

/* The value of an integer key in a map; an empty reader when it is not there. */
static struct reader find(struct reader map, int64_t key)
{
	size_t count = read_count(&map, 5);

	for (size_t i = 0; i < count && !map.is_bad; i++) {
		if (read_int(&map) == key && !map.is_bad) {
			struct reader value = map;

			skip(&map, 0);
			value.end = map.at;
			return value;
		}
		skip(&map, 0);
	}
	return (struct reader){NULL, NULL, true};
}

/* A boolean by its name in a map; `missing` when it is not there. */
static bool find_option(struct reader map, const char *name, bool missing)
{
	size_t count = read_count(&map, 5);

	for (size_t i = 0; i < count && !map.is_bad; i++) {
		size_t size;
		const uint8_t *at = read_string(&map, &size);
		bool is_it = size == strlen(name) && !memcmp(at, name, size);
		if (is_it && map.at < map.end)
			return *map.at == 0xf5;
		skip(&map, 0);
	}
	return missing;
}

/* A text by its name in a map ("id" of an rp or of a credential). */
static const uint8_t *find_named(struct reader map, const char *name,
				 size_t *ret_size)
{
	size_t count = read_count(&map, 5);

	for (size_t i = 0; i < count && !map.is_bad; i++) {
		size_t size;
		const uint8_t *at = read_string(&map, &size);
		if (size == strlen(name) && !memcmp(at, name, size))
			return read_string(&map, ret_size);
		skip(&map, 0);
	}
	*ret_size = 0;
	return NULL;
}

struct writer {
	uint8_t data[MESSAGE_MAX];
	size_t size;
};

static void put(struct writer *w, const void *data, size_t size)
{
	MUST(size <= sizeof(w->data) - w->size);
	memcpy(w->data + w->size, data, size);
	w->size += size;
}

static void put_head(struct writer *w, uint8_t major, uint64_t value)
{
	uint8_t head[3] = {(uint8_t)(major << 5)};

	if (value < 24) {
		head[0] |= (uint8_t)value;
		put(w, head, 1);
	} else if (value < 256) {
		head[0] |= 24;
		head[1] = (uint8_t)value;
		put(w, head, 2);
	} else {
		head[0] |= 25;
		head[1] = (uint8_t)(value >> 8);
		head[2] = (uint8_t)value;
		put(w, head, 3);
	}
}

static void put_int(struct writer *w, int64_t value)
{
	put_head(w, value < 0, (uint64_t)(value < 0 ? -1 - value : value));
}

static void put_bytes(struct writer *w, const void *data, size_t size)
{
	put_head(w, 2, size);
	put(w, data, size);
}

static void put_text(struct writer *w, const char *text)
{
	put_head(w, 3, strlen(text));
	put(w, text, strlen(text));
}

static void put_option(struct writer *w, const char *name, bool value)
{
	put_text(w, name);
	put(w, value ? "\xf5" : "\xf4", 1);
}
