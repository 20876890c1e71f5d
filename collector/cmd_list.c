/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminals, export: what is stored, on stdout. Read-only; the service may run
 * meanwhile. `export` streams, so its memory does not grow with the store.
 */
#include "collector/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "agent/base/cleanup.h"
#include "collector/api/json.h"
#include "collector/store.h"
#include "collector/web/html.h"
#include "collector/web/words.h"

#include "agent/base/banned.h"

/* A record in base64, or as it is, and its columns. */
#define LINE_MAX_BYTES ((size_t)4 * LIMIT_EVENT_BYTES)
#define EXPORT_PAGE    4096u

static int open_store(const struct cli *cli, struct store **ret_store)
{
	int r;

	if (cli_enter(cli, false) != CLI_OK)
		return -1;
	r = store_sqlite_open(cli->config.dir, STORE_READ, ret_store);
	if (r < 0)
		log_error(&cli->log, "'%s': %s", cli->config.dir,
			  errno_text(r));
	return r;
}

static int finish(const struct cli *cli, int r)
{
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	if (r < 0)
		log_error(&cli->log, "%s", errno_text(r));
	return r < 0 ? CLI_FAILED : CLI_OK;
}

/* What a terminal says of itself, without what could drive a screen. */
static void clean(const char *text, char out[LIMIT_TEXT_BYTES])
{
	(void)snprintf(out, LIMIT_TEXT_BYTES, "%s",
		       text[0] ? text : "-"); /* cut is fine */
	for (char *at = out; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
}

static int print_terminal(const struct store_terminal *t, void *ctx)
{
	const struct cli *cli = ctx;
	enum language language = cli->is_japanese ? LANGUAGE_JA : LANGUAGE_EN;
	char hostname[LIMIT_TEXT_BYTES], unit[LIMIT_TEXT_BYTES];
	char tier[LIMIT_TEXT_BYTES], mode[LIMIT_TEXT_BYTES];
	char policy[LIMIT_TEXT_BYTES], seen[HTML_TIME_SIZE];
	uint64_t lag = t->tail > t->acked ? t->tail - t->acked : 0;

	clean(t->hostname, hostname);
	clean(t->unit, unit);
	clean(t->tier, tier);
	clean(words_mode(t->mode, language), mode);
	clean(t->policy, policy);
	html_time(t->last_ms, seen);
	return printf("%s  %s  %s  %s  %s  %s  %s %s  %s %" PRIu64
		      "  %s %" PRIu64 "\n",
		      t->host, hostname, unit, seen, tier, mode,
		      cli_say(cli, "ポリシー", "policy"), policy,
		      cli_say(cli, "未送信", "lag"), lag,
		      cli_say(cli, "件数", "events"), t->events) < 0
		       ? -EIO
		       : 0;
}

int cmd_terminals(struct cli *cli)
{
	_cleanup_(cleanup_store) struct store *store = NULL;

	if (open_store(cli, &store) < 0)
		return CLI_FAILED;
	return finish(cli,
		      store->ops->each_terminal(store, print_terminal, cli));
}

struct export
{
	struct buf line;
	int64_t last_id;
	size_t count; /* of this page */
};

static int print_row(const struct store_row *row, void *ctx)
{
	struct export *export = ctx;
	struct buf *line = &export->line;
	int r;

	buf_clear(line);
	r = json_add_row(line, row);
	if (r == 0)
		r = json_close(line, "\n");
	if (r == 0 && fwrite(line->data, 1, line->size, stdout) != line->size)
		r = -EIO;
	export->last_id = row->id;
	export->count++;
	return r;
}

/*
 * In pages, each a read of its own: one long read would keep the service from
 * ever shortening its write-ahead log.
 */
static int export_rows(const struct cli *cli, struct store *store,
		       struct export *export)
{
	int r = 0;

	do {
		const struct store_query query = {
			.host = cli->terminal,
			.after = export->last_id,
			.limit = EXPORT_PAGE,
		};

		export->count = 0;
		r = store->ops->each_row(store, &query, print_row, export);
	} while (r == 0 && export->count == EXPORT_PAGE);
	return r;
}

int cmd_export(struct cli *cli)
{
	_cleanup_(cleanup_store) struct store *store = NULL;
	struct export export = {.line = BUF_INIT(LINE_MAX_BYTES)};
	int r;

	if (open_store(cli, &store) < 0)
		return CLI_FAILED;
	r = finish(cli, export_rows(cli, store, &export));
	buf_fini(&export.line);
	return r;
}
