/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminals: GET /api/v1/terminals: every terminal that ever sent something,
 * newest contact first.
 */
#include "collector/api/json.h"
#include "collector/console.h"

#include "agent/base/banned.h"

static int add_texts(struct buf *out, const struct store_terminal *t)
{
	const struct {
		const char *name, *text;
	} texts[] = {
		{"terminal", t->host},
		{"tenant", t->tenant},
		{"hostname", t->hostname},
		{"unit", t->unit},
		{"tier", t->tier},
		{"mode", t->mode},
		{"policy_serial", t->policy},
		{"version", t->version},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(texts) / sizeof(texts[0]); i++)
		r = json_add_text(out, texts[i].name, texts[i].text);
	return r;
}

static int add_numbers(struct buf *out, const struct store_terminal *t)
{
	uint64_t lag = t->tail > t->acked ? t->tail - t->acked : 0;
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {
		{"first_seen_ms", t->first_ms},
		{"last_seen_ms", t->last_ms},
		{"status_ms", t->status_ms},
		{"clock_skew_ms", t->skew_ms},
		{"acked_seq", (int64_t)t->acked},
		{"lag", (int64_t)lag},
		{"events", (int64_t)t->events},
		{"incidents", (int64_t)t->incidents},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(numbers) / sizeof(numbers[0]);
	     i++)
		r = json_add_number(out, numbers[i].name, numbers[i].value);
	return r;
}

static int add_terminal(const struct store_terminal *terminal, void *ctx)
{
	struct buf *out = ctx;
	int r = buf_append_text(out, "\n{");

	if (r == 0)
		r = add_texts(out, terminal);
	if (r == 0)
		r = add_numbers(out, terminal);
	return r < 0 ? r : json_close(out, "},");
}

void api_terminals(struct console_request *request)
{
	struct store *store = request->console->store;
	struct buf *out = &request->reply.body;
	int r;

	buf_clear(out);
	r = buf_append_text(out, "{\"terminals\":[");
	if (r == 0)
		r = store->ops->each_terminal(store, NULL, add_terminal, out);
	if (r == 0)
		r = json_close(out, "\n]}\n");
	if (r < 0) {
		console_failed(request, r);
		return;
	}
	request->reply.status = MHD_HTTP_OK;
	request->reply.type = "application/json";
}
