/* SPDX-License-Identifier: Apache-2.0 */
/* terminals: who reports here, on stdout. The service may run meanwhile. */
#include "collector/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "agent/base/cleanup.h"
#include "collector/store.h"
#include "collector/web/html.h"
#include "collector/web/words.h"

#include "agent/base/banned.h"

static int open_store(const struct cli *cli, struct store **ret_store)
{
	int r;

	if (cli_enter(cli, false) != CLI_OK)
		return -1;
	r = store_open(cli->config.database, cli->config.dir, STORE_READ,
		       ret_store);
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
	return finish(cli, store->ops->each_terminal(store, NULL,
						     print_terminal, cli));
}
