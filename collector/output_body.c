/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_body: which mapper, and an envelope for what is not JSON, so that one
 * damaged record cannot break the framing of a whole request.
 */
#include "collector/output_body.h"

#include <inttypes.h>

#include <jansson.h>

#include "collector/output_cef.h"
#include "collector/output_ecs.h"
#include "collector/output_raw.h"

#include "agent/base/banned.h"

DEFINE_CLEANUP(json, json_t *, json_decref);

/* What OCSF calls it: the few columns there are, and the rest as raw_data. */
static int wrap(const struct store_row *row, struct buf *out)
{
	int r = buf_printf(out,
			   "{\"time\":%" PRId64 ",\"metadata\":{\"event_code\":"
			   "\"unreadable\",\"sequence\":%" PRIu64
			   "},\"device\":{\"uid\":\"%s\"},\"raw_data\":\"",
			   row->recv_ms, row->seq, row->host);

	if (r == 0)
		r = output_raw(row, out);
	return r < 0 ? r : buf_append_text(out, "\"}");
}

static int as_stored(const struct store_row *row, bool is_json_only,
		     struct buf *out)
{
	size_t len = row->body_len < LIMIT_EVENT_BYTES ? row->body_len
						       : LIMIT_EVENT_BYTES;
	_cleanup_(cleanup_json) json_t *root =
		is_json_only ? json_loadb(row->body, row->body_len, 0, NULL)
			     : NULL;

	if (is_json_only && (!json_is_object(root) || row->quarantine != 0))
		return wrap(row, out);
	return buf_append(out, row->body, len);
}

int output_body(const struct store_row *row, enum output_format format,
		bool is_json_only, struct buf *out)
{
	switch (format) {
	case OUTPUT_CEF:
		return output_cef(row, out);
	case OUTPUT_ECS:
		return output_ecs(row, out);
	case OUTPUT_JSON:
	default:
		return as_stored(row, is_json_only, out);
	}
}
