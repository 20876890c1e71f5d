/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headers: strict readers for what a client says beside its body. No value is
 * guessed: a header that is not exactly as specified refuses the request.
 */
#include "collector/headers.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "collector/secret.h"

int headers_parse_count(const char *text, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		if (value > (INT64_MAX - 9) / 10)
			return -EINVAL;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	*ret_value = value;
	return 0;
}

static int parse_hash(const char *text, uint8_t *ret_hash)
{
	uint8_t hash[HEADERS_HASH_BYTES];
	ssize_t n;

	if (!text)
		return -EINVAL;
	n = secret_from_base64(text, strnlen(text, 64), hash, sizeof(hash));
	if (n != (ssize_t)sizeof(hash))
		return -EINVAL;
	memcpy(ret_hash, hash, sizeof(hash));
	return 0;
}

/* "1795172301.990" in milliseconds; what is finer is dropped. */
static int parse_time(const char *text, int64_t *ret_ms)
{
	int64_t value = 0;
	int decimals = -1;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text == '.' && decimals < 0) {
			decimals = 0;
			continue;
		}
		if (*text < '0' || *text > '9')
			return -EINVAL;
		if (decimals >= 3)
			continue;
		if (value > INT64_MAX / 100000)
			return -EINVAL;
		value = value * 10 + (*text - '0');
		if (decimals >= 0)
			decimals++;
	}
	for (int i = decimals < 0 ? 0 : decimals; i < 3; i++)
		value *= 10;
	*ret_ms = value;
	return 0;
}

/* "1-400", right up to the first event that is sent. */
static int parse_lost(const char *text, struct headers *out)
{
	char first[24];
	const char *dash = strchr(text, '-');
	uint64_t last;

	if (!dash || (size_t)(dash - text) >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	if (headers_parse_count(first, &out->lost_seq) < 0 ||
	    headers_parse_count(dash + 1, &last) < 0)
		return -EINVAL;
	return out->lost_seq >= 1 && out->lost_seq <= last &&
			       last == out->first_seq - 1
		       ? 0
		       : -EINVAL;
}

static int parse_range(const struct header_text *text, struct headers *out,
		       const char **ret_name)
{
	uint64_t count;

	*ret_name = "X-Agent-First-Seq";
	if (!text->first_seq ||
	    headers_parse_count(text->first_seq, &out->first_seq) < 0 ||
	    out->first_seq == 0)
		return -EINVAL;

	*ret_name = "X-Agent-Count";
	if (!text->count || headers_parse_count(text->count, &count) < 0 ||
	    count == 0 || count > UINT32_MAX ||
	    count - 1 > INT64_MAX - out->first_seq)
		return -EINVAL;
	out->count = (uint32_t)count;
	out->last_seq = out->first_seq + count - 1;

	*ret_name = "X-Agent-Tail-Seq";
	if (text->tail_seq &&
	    (headers_parse_count(text->tail_seq, &out->tail_seq) < 0 ||
	     out->tail_seq < out->last_seq))
		return -EINVAL;

	*ret_name = "X-Agent-Lost";
	return text->lost ? parse_lost(text->lost, out) : 0;
}

int headers_parse(const struct header_text *text, struct headers *ret_headers,
		  const char **ret_name)
{
	struct headers out = {0};
	const char *name = "X-Agent-Stream";
	int r;

	*ret_name = name;
	if (!text->stream ||
	    !ident_is_hex(text->stream,
			  strnlen(text->stream, IDENT_HEX_LEN + 1)))
		return -EINVAL;
	memcpy(out.stream, text->stream, IDENT_HEX_LEN);

	r = parse_range(text, &out, &name);
	*ret_name = name;
	if (r < 0)
		return r;

	*ret_name = "X-Agent-Prev-Hash";
	if (parse_hash(text->prev_hash, out.prev_hash) < 0)
		return -EINVAL;
	*ret_name = "X-Agent-Tip-Hash";
	if (parse_hash(text->tip_hash, out.tip_hash) < 0)
		return -EINVAL;
	*ret_name = "X-Agent-Time";
	if (text->time && parse_time(text->time, &out.wall_time_ms) < 0)
		return -EINVAL;

	*ret_headers = out;
	return 0;
}

enum headers_coding headers_parse_coding(const char *text)
{
	if (!text || strcasecmp(text, "identity") == 0)
		return HEADERS_CODING_IDENTITY;
	if (strcasecmp(text, "gzip") == 0 || strcasecmp(text, "x-gzip") == 0)
		return HEADERS_CODING_GZIP;
	if (strcasecmp(text, "zstd") == 0)
		return HEADERS_CODING_ZSTD;
	return HEADERS_CODING_UNKNOWN;
}

bool headers_has_type(const char *text, const char *type)
{
	size_t len = strlen(type);

	if (!text || strncasecmp(text, type, len) != 0)
		return false;
	return text[len] == '\0' || text[len] == ';' || text[len] == ' ';
}

int headers_parse_basic(const char *text,
			char ret_user[static HEADERS_BASIC_SIZE],
			char ret_password[static HEADERS_BASIC_SIZE])
{
	uint8_t plain[2 * HEADERS_BASIC_SIZE];
	const uint8_t *colon;
	size_t user, password;
	ssize_t n;

	if (!text || strncasecmp(text, "Basic ", 6) != 0)
		return -EINVAL;
	n = secret_from_base64(text + 6, strnlen(text + 6, 512), plain,
			       sizeof(plain));
	if (n < 0 || memchr(plain, '\0', (size_t)n))
		return -EINVAL;
	colon = memchr(plain, ':', (size_t)n);
	if (!colon)
		return -EINVAL;
	user = (size_t)(colon - plain);
	password = (size_t)n - user - 1;
	if (user >= HEADERS_BASIC_SIZE || password >= HEADERS_BASIC_SIZE)
		return -EINVAL;

	memcpy(ret_user, plain, user);
	ret_user[user] = '\0';
	memcpy(ret_password, colon + 1, password);
	ret_password[password] = '\0';
	return 0;
}
