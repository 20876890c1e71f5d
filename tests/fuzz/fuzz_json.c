/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes through json_out come back through json_in as clean text; any
 * bytes as JSON are looked up without reading past them.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/json_in.h"
#include "policy/json_out.h"
#include "policy/utf8.h"

#define POINTS_MAX 100u
#define OUT_MAX	   (POINTS_MAX * UTF8_BYTES_MAX * 2 + 64)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const char *bytes, size_t size)
{
	char buf[OUT_MAX], text[OUT_MAX];
	struct json_out out;
	struct span value;
	size_t len;

	json_out_init(&out, buf, sizeof(buf));
	json_out_object(&out, NULL);
	json_out_begin_str(&out, "k");
	json_out_piece_span(&out, bytes, size, POINTS_MAX);
	json_out_end_str(&out);
	json_out_u64(&out, "z", 7);
	json_out_end(&out);
	int r = json_out_finish(&out, &len);
	assert(r == 0);

	r = json_in_find(span_of(buf, len), "z", &value);
	assert(r == 0 && span_equals_str(value, "7"));
	r = json_in_find(span_of(buf, len), "k", &value);
	assert(r == 0);
	r = json_in_str(value, text, sizeof(text));
	assert(r == 0);
	size_t points = 0;
	for (size_t at = 0; text[at]; points++) {
		uint32_t cp;
		at += utf8_next(text + at, strlen(text + at), &cp);
		assert(!utf8_is_invisible(cp));
	}
	assert(points <= POINTS_MAX);
}

static void look_up(struct span json)
{
	static const char *const paths[] = {"",	   "a",
					    "a.b", "a.0.b",
					    "0",   "metadata.event_code"};
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct span value;
		char buf[32];
		int64_t number;

		if (json_in_find(json, paths[i], &value) < 0)
			continue;
		assert(value.ptr >= json.ptr &&
		       value.ptr + value.len <= json.ptr + json.len);
		(void)!json_in_str(value, buf, sizeof(buf));
		(void)!json_in_i64(value, &number);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its exact size, so that a byte too far is seen. */
	char *bytes = malloc(size + !size);
	if (!bytes)
		return 0;
	memcpy(bytes, data, size);
	write_and_read(bytes, size);
	look_up(span_of(bytes, size));
	free(bytes);
	return 0;
}
