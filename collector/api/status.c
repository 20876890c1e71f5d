/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status: GET /api/v1/status: how the outputs stand. What terminals say of
 * themselves is in /api/v1/terminals.
 */
#include "collector/api/json.h"
#include "collector/console.h"

#include "agent/base/banned.h"

int console_newest(struct console *console, int64_t *ret_id)
{
	struct merkle tree = {0};
	int r = console->store->ops->tree_read(console->store, &tree);

	if (r == 0)
		*ret_id = (int64_t)tree.size;
	return r;
}

static int add_numbers(struct buf *out, const struct output_status *status,
		       int64_t newest)
{
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {
		{"lag", newest - status->cursor},
		{"delivered", (int64_t)status->delivered},
		{"delivered_ms", status->delivered_ms},
		{"refused", (int64_t)status->refused},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(numbers) / sizeof(numbers[0]);
	     i++)
		r = json_add_number(out, numbers[i].name, numbers[i].value);
	return r;
}

static int add_output(struct buf *out, const struct output_status *status,
		      int64_t newest)
{
	int r = buf_append_text(out, "\n{");

	if (r == 0)
		r = json_add_text(out, "url", status->url);
	if (r == 0)
		r = buf_printf(out, "\"failing\":%s,",
			       status->is_failing ? "true" : "false");
	if (r == 0)
		r = add_numbers(out, status, newest);
	if (r == 0)
		r = json_add_text(out, "last_error", status->problem);
	if (r == 0)
		r = json_add_text(out, "last_refusal", status->refusal);
	return r < 0 ? r : json_close(out, "},");
}

void api_status(struct console_request *request)
{
	struct console *console = request->console;
	struct buf *out = &request->reply.body;
	struct output_status status;
	int64_t newest = 0;
	int r = console_newest(console, &newest);

	buf_clear(out);
	if (r == 0)
		r = buf_append_text(out, "{\"outputs\":[");
	for (size_t i = 0; r == 0 && i < CONFIG_OUTPUTS; i++) {
		if (!console->service->outputs[i])
			continue;
		output_read_status(console->service->outputs[i], &status);
		r = add_output(out, &status, newest);
	}
	if (r == 0)
		r = json_close(out, "\n]}\n");
	if (r < 0) {
		console_failed(request, r);
		return;
	}
	request->reply.status = MHD_HTTP_OK;
	request->reply.type = "application/json";
}
