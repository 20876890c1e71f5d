/* SPDX-License-Identifier: Apache-2.0 */
/* What stands beside a body: X-Agent-*, codings, Basic, names, base64. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "collector/headers.h"
#include "collector/ident.h"
#include "collector/secret.h"

#define ID   "00112233445566778899aabbccddeeff"
#define HASH "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define URI  "urn:agent:999999:" ID

static const struct header_text GOOD = {
	.stream = ID,
	.first_seq = "1201",
	.count = "200",
	.prev_hash = HASH,
	.tip_hash = HASH,
	.tail_seq = "1733",
	.time = "1795172301.9904",
};

static void good_headers_are_read(void **state)
{
	struct header_text text = GOOD;
	struct headers h;
	const char *name;

	(void)state;
	assert_int_equal(headers_parse(&text, &h, &name), 0);
	assert_string_equal(h.stream, ID);
	assert_int_equal(h.first_seq, 1201);
	assert_int_equal(h.last_seq, 1400);
	assert_int_equal(h.count, 200);
	assert_int_equal(h.tail_seq, 1733);
	assert_int_equal(h.wall_time_ms, 1795172301990);
	for (int i = 0; i < 32; i++)
		assert_int_equal(h.prev_hash[i], i);

	assert_int_equal(h.lost_seq, 0);

	text.lost = "1001-1200";
	assert_int_equal(headers_parse(&text, &h, &name), 0);
	assert_int_equal(h.lost_seq, 1001);
	text.lost = text.tail_seq = text.time = NULL;
	assert_int_equal(headers_parse(&text, &h, &name), 0);
	assert_int_equal(h.tail_seq, 0);
	assert_int_equal(h.wall_time_ms, 0);
	text.time = "12";
	assert_int_equal(headers_parse(&text, &h, &name), 0);
	assert_int_equal(h.wall_time_ms, 12000);
}

static void a_wrong_header_is_named(void **state)
{
	static const struct {
		size_t offset;
		const char *value;
		const char *name;
	} rows[] = {
#define ROW(field, value, name)                                                \
	{offsetof(struct header_text, field), value, name}
		ROW(stream, NULL, "X-Agent-Stream"),
		ROW(stream, "", "X-Agent-Stream"),
		ROW(stream, ID "0", "X-Agent-Stream"),
		ROW(stream, "00112233445566778899AABBCCDDEEFF",
		    "X-Agent-Stream"),
		ROW(first_seq, NULL, "X-Agent-First-Seq"),
		ROW(first_seq, "0", "X-Agent-First-Seq"),
		ROW(first_seq, "-1", "X-Agent-First-Seq"),
		ROW(first_seq, "1x", "X-Agent-First-Seq"),
		ROW(first_seq, "99999999999999999999", "X-Agent-First-Seq"),
		ROW(count, NULL, "X-Agent-Count"),
		ROW(count, "0", "X-Agent-Count"),
		ROW(count, "4294967296", "X-Agent-Count"),
		ROW(count, " 1", "X-Agent-Count"),
		ROW(tail_seq, "1399", "X-Agent-Tail-Seq"),
		ROW(tail_seq, "", "X-Agent-Tail-Seq"),
		ROW(prev_hash, NULL, "X-Agent-Prev-Hash"),
		ROW(prev_hash, "AAEC", "X-Agent-Prev-Hash"),
		ROW(prev_hash, HASH HASH, "X-Agent-Prev-Hash"),
		ROW(tip_hash, "!", "X-Agent-Tip-Hash"),
		ROW(lost, "1-1199", "X-Agent-Lost"),
		ROW(lost, "1-1201", "X-Agent-Lost"),
		ROW(lost, "0-1200", "X-Agent-Lost"),
		ROW(lost, "1201-1200", "X-Agent-Lost"),
		ROW(lost, "1200", "X-Agent-Lost"),
		ROW(lost, "-1200", "X-Agent-Lost"),
		ROW(lost, "00000000000000000000000001-1200", "X-Agent-Lost"),
		ROW(time, ".5", "X-Agent-Time"),
		ROW(time, "1.2.3", "X-Agent-Time"),
		ROW(time, "99999999999999999999", "X-Agent-Time"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct header_text text = GOOD;
		struct headers h = {.count = 77};
		const char *name = "";

		memcpy((char *)&text + rows[i].offset, &rows[i].value,
		       sizeof(rows[i].value));
		assert_int_equal(headers_parse(&text, &h, &name), -EINVAL);
		assert_string_equal(name, rows[i].name);
		assert_int_equal(h.count, 77);
	}
}

static void a_range_never_passes_what_the_store_can_hold(void **state)
{
	struct header_text text = GOOD;
	struct headers h;
	const char *name;

	(void)state;
	text.tail_seq = NULL;
	text.first_seq = "922337203685477580";
	text.count = "4294967295";
	assert_int_equal(headers_parse(&text, &h, &name), 0);
	assert_true(h.last_seq < INT64_MAX);
	text.first_seq = "9223372036854775807";
	assert_int_equal(headers_parse(&text, &h, &name), -EINVAL);
}

static void codings_and_types_compare_without_case(void **state)
{
	(void)state;
	assert_int_equal(headers_parse_coding(NULL), HEADERS_CODING_IDENTITY);
	assert_int_equal(headers_parse_coding("GZip"), HEADERS_CODING_GZIP);
	assert_int_equal(headers_parse_coding("zstd"), HEADERS_CODING_ZSTD);
	assert_int_equal(headers_parse_coding("gzip, zstd"),
			 HEADERS_CODING_UNKNOWN);
	assert_int_equal(headers_parse_coding(""), HEADERS_CODING_UNKNOWN);
	assert_true(headers_has_type("Application/X-Protobuf; a=b",
				     "application/x-protobuf"));
	assert_false(headers_has_type("application/x-protobufs",
				      "application/x-protobuf"));
	assert_false(headers_has_type(NULL, "a/b"));
}

static void basic_credentials_are_read_or_refused(void **state)
{
	char user[HEADERS_BASIC_SIZE], password[HEADERS_BASIC_SIZE];
	static const char *const bad[] = {
		NULL,
		"",
		"Basic",
		"Bearer abc",
		"Basic !!!!",
		"Basic YWRtaW4=", /* no colon */
		"Basic YTpiAGM=", /* a NUL */
	};

	(void)state;
	assert_int_equal(
		headers_parse_basic("basic YWRtaW46YTpi", user, password), 0);
	assert_string_equal(user, "admin");
	assert_string_equal(password, "a:b");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(headers_parse_basic(bad[i], user, password),
				 -EINVAL);
}

static void base64_has_one_spelling(void **state)
{
	static const struct {
		const char *text;
		ssize_t len;
		const char *data;
	} rows[] = {
		{"", 0, ""},
		{"Zg==", 1, "f"},
		{"Zm8=", 2, "fo"},
		{"Zm9v", 3, "foo"},
		{" Z m\r\n9\tv ", 3, "foo"},
		{"Zm9vYg==", 4, "foob"},
		{"Zg", -EINVAL, NULL},
		{"Zg=", -EINVAL, NULL},
		{"Z===", -EINVAL, NULL},
		{"Zh==", -EINVAL, NULL}, /* bits that say nothing */
		{"Zm9=", -EINVAL, NULL},
		{"Zm9v=", -EINVAL, NULL},
		{"Zg==Zg==", -EINVAL, NULL},
		{"Zm-v", -EINVAL, NULL},
		{"Zm9vYmFyYmF6", -EMSGSIZE, NULL},
	};
	uint8_t buf[8];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ssize_t n = secret_from_base64(rows[i].text,
					       strlen(rows[i].text), buf,
					       sizeof(buf));

		assert_int_equal(n, rows[i].len);
		if (n > 0)
			assert_memory_equal(buf, rows[i].data, (size_t)n);
	}
}

static void names_have_one_format(void **state)
{
	static const char *const bad[] = {
		"",
		"urn:agent:",
		"urn:agent:999999",
		"urn:agent:999999:",
		"urn:agent::" ID,
		"urn:agent:999999:" ID "0",
		"urn:agent:999999:" ID ":x",
		"urn:agent:99 99:" ID,
		"urn:agent:../..:" ID,
		"urn:agent:111111111111111111111111111111111:" ID,
		"URN:agent:999999:" ID,
		"urn:agent:999999:00112233445566778899AABBCCDDEEFF",
	};
	struct ident ident = {.tenant = "unchanged"};
	char uri[IDENT_URI_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ident_parse_uri(bad[i], strlen(bad[i]),
						 &ident),
				 -EINVAL);
		assert_string_equal(ident.tenant, "unchanged");
	}
	assert_int_equal(ident_parse_uri(URI "\0", sizeof(URI), &ident),
			 -EINVAL);
	assert_int_equal(ident_parse_uri(URI, sizeof(URI) - 1, &ident), 0);
	assert_string_equal(ident.tenant, "999999");
	assert_string_equal(ident.host, ID);
	ident_format_uri(&ident, uri);
	assert_string_equal(uri, URI);
}

static void tokens_are_long_and_different(void **state)
{
	char a[SECRET_TOKEN_SIZE], b[SECRET_TOKEN_SIZE];

	(void)state;
	assert_int_equal(secret_token_new(a), 0);
	assert_int_equal(secret_token_new(b), 0);
	assert_int_equal(strlen(a), SECRET_TOKEN_SIZE - 1);
	assert_string_not_equal(a, b);
	assert_int_equal(strspn(a, "0123456789abcdefghjkmnpqrstvwxyz-"),
			 SECRET_TOKEN_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_headers_are_read),
		cmocka_unit_test(a_wrong_header_is_named),
		cmocka_unit_test(a_range_never_passes_what_the_store_can_hold),
		cmocka_unit_test(codings_and_types_compare_without_case),
		cmocka_unit_test(basic_credentials_are_read_or_refused),
		cmocka_unit_test(base64_has_one_spelling),
		cmocka_unit_test(names_have_one_format),
		cmocka_unit_test(tokens_are_long_and_different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
