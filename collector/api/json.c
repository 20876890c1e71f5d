/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: escaping and the one shape in which an event leaves the collector, for
 * the API and for `export` alike.
 */
#include "collector/api/json.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "agent/base/hex.h"
#include "collector/secret.h"

#include "agent/base/banned.h"

static int add_escaped(struct buf *out, const char *text)
{
	int r = 0;

	for (const char *at = text; r == 0 && *at != '\0';) {
		size_t plain = 0;

		while ((unsigned char)at[plain] >= 0x20 && at[plain] != '"' &&
		       at[plain] != '\\' && at[plain] != 0x7f)
			plain++;
		r = buf_append(out, at, plain);
		at += plain;
		if (r == 0 && *at != '\0')
			r = buf_printf(out, "\\u%04x", (unsigned char)*at++);
	}
	return r;
}

int json_add_text(struct buf *out, const char *name, const char *text)
{
	int r = buf_printf(out, "\"%s\":\"", name);

	if (r == 0)
		r = add_escaped(out, text ? text : "");
	return r < 0 ? r : buf_append_text(out, "\",");
}

int json_add_number(struct buf *out, const char *name, int64_t value)
{
	return buf_printf(out, "\"%s\":%" PRId64 ",", name, value);
}

int json_close(struct buf *out, const char *end)
{
	if (out->size > 0 && out->data[out->size - 1] == ',')
		out->data[--out->size] = '\0';
	return buf_append_text(out, end);
}

/* What `verify` needs beside the columns: leaf, its hash, the hash before. */
static int add_proof(struct buf *out, const struct store_row *row)
{
	static const uint8_t unknown[HEADERS_HASH_BYTES];
	bool is_known = memcmp(row->leaf_hash, unknown, sizeof(unknown)) != 0;
	char leaf[HEX_SIZE(HEADERS_HASH_BYTES)];
	char prev[HEX_SIZE(HEADERS_HASH_BYTES)];

	hex_encode(row->leaf_hash, HEADERS_HASH_BYTES, leaf);
	if (row->prev)
		hex_encode(row->prev, HEADERS_HASH_BYTES, prev);
	return buf_printf(out,
			  "\"leaf\":%" PRId64 ",\"leaf_hash\":%s%s%s,"
			  "\"prev\":%s%s%s,%s",
			  row->id - 1, is_known ? "\"" : "",
			  is_known ? leaf : "null", is_known ? "\"" : "",
			  row->prev ? "\"" : "", row->prev ? prev : "null",
			  row->prev ? "\"" : "",
			  row->is_after_lost ? "\"lost\":true," : "");
}

static int add_columns(struct buf *out, const struct store_row *row)
{
	char hash[HEX_SIZE(HEADERS_HASH_BYTES)];
	int r;

	hex_encode(row->hash, HEADERS_HASH_BYTES, hash);
	r = buf_printf(out,
		       "{\"id\":%" PRId64 ",\"terminal\":\"%s\","
		       "\"stream\":\"%s\",\"seq\":%" PRIu64 ","
		       "\"hash\":\"%s\",\"flags\":%" PRIu32 ","
		       "\"wall_ns\":%" PRIu64 ",\"boot_ns\":%" PRIu64 ","
		       "\"received_ms\":%" PRId64 ",\"time_ms\":%" PRId64 ","
		       "\"severity\":%d,\"action\":%d,",
		       row->id, row->host, row->stream, row->seq, hash,
		       row->flags, row->wall_ns, row->boot_ns, row->recv_ms,
		       row->time_ms, row->severity, row->action);
	if (r == 0)
		r = json_add_text(out, "code", row->code);
	if (r == 0)
		r = json_add_text(out, "unit", row->unit);
	if (r == 0 && row->leaf_hash)
		r = add_proof(out, row);
	return r;
}

int json_add_row(struct buf *out, const struct store_row *row)
{
	_cleanup_free_ char *raw = NULL;
	int r = add_columns(out, row);

	if (r < 0)
		return r;
	/* White space between members is JSON, but would end a line. */
	if (row->quarantine == 0 && !memchr(row->body, '\n', row->body_len)) {
		r = buf_append_text(out, "\"quarantined\":false,\"event\":");
		if (r == 0)
			r = buf_append(out, row->body, row->body_len);
		return r < 0 ? r : buf_append_text(out, "},");
	}
	if (row->quarantine == STORE_RETIRED && row->body_len == 0)
		return buf_append_text(out, "\"quarantined\":false,"
					    "\"retired\":true,\"raw\":\"\"},");
	r = secret_to_base64((const uint8_t *)row->body, row->body_len, &raw);
	if (r == 0)
		r = buf_append_text(out, row->quarantine
						 ? "\"quarantined\":true,"
						 : "\"quarantined\":false,");
	if (r == 0)
		r = json_add_text(out, "why",
				  event_check_to_str(row->quarantine));
	if (r == 0)
		r = json_add_text(out, "raw", raw);
	return r < 0 ? r : json_close(out, "},");
}
