/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a terminal sent, in each format that an output carries: where JSON is
 * wanted it is one object on one line, whatever came; CEF is one line.
 */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "collector/event.h"
#include "collector/output_batch.h"
#include "collector/output_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int is_true)
{
	if (!is_true)
		abort();
}

static void check_format(const struct store_row *row, enum output_format format)
{
	struct buf out = BUF_INIT(OUTPUT_TEXT_MAX);
	int r = output_body(row, format, true, &out);

	check(r == 0 && out.size > 0 && !memchr(out.data, '\n', out.size));
	if (format == OUTPUT_CEF) {
		check(strncmp(out.data, "CEF:0|sekimori|", 15) == 0);
	} else {
		json_t *root = json_loadb(out.data, out.size, 0, NULL);

		check(json_is_object(root));
		json_decref(root);
	}
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_fields fields = {0};
	/* Of its own, so that a read past the end is one. */
	char *body = malloc(size ? size : 1);
	char code[LIMIT_CODE_BYTES + 1] = "";

	if (!body)
		return 0;
	memcpy(body, data, size);
	const struct store_row row = {
		.id = 1,
		.host = "3f0e9a546f0c4a4e9d1c5b0b6c1f7a21",
		.stream = "5f0c5f0c5f0c5f0c5f0c5f0c5f0c5f0c",
		.seq = INT64_MAX,
		.recv_ms = 1795172301990,
		/* As the store has it. */
		.quarantine = event_scan(body, size, &fields),
		.time_ms = fields.wall_time_ms,
		.severity = (int)fields.severity,
		.action = (int)fields.action,
		.code = code,
		.unit = "市民課",
		.body = body,
		.body_len = size,
	};
	if (fields.code.at)
		(void)event_unescape(fields.code, code, sizeof(code));
	for (int format = OUTPUT_JSON; format <= OUTPUT_ECS; format++)
		check_format(&row, (enum output_format)format);
	free(body);
	return 0;
}
