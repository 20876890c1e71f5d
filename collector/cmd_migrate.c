/* SPDX-License-Identifier: Apache-2.0 */
/*
 * migrate: a SQLite store moves to PostgreSQL, with the service stopped. Keys,
 * checkpoints and what is published stay in the state directory.
 */
#include "collector/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/store.h"
#include "collector/store_migrate.h"

#include "agent/base/banned.h"

static void show(const char *table, uint64_t rows, void *ctx)
{
	(void)ctx;
	(void)fprintf(stderr, "%s: %" PRIu64 "\n", table,
		      rows); /* for whom it may concern */
}

static const char *reason(const struct cli *cli, int r)
{
	switch (r) {
	case -EBUSY:
		return cli_say(cli, "収集サービスを止めてから実行してください",
			       "the service has the store open: stop it first");
	case -EEXIST:
		return cli_say(cli,
			       "移行先が空ではありません。何も変えていません",
			       "the database is not empty; nothing was "
			       "changed");
	case -EBADMSG:
		return cli_say(cli,
			       "行と木が一致しません。export --proof と verify "
			       "で場所が分かります。何も変えていません",
			       "rows and tree disagree; 'export --proof' and "
			       "'verify' name where. Nothing was changed");
	case -ECONNREFUSED:
		return cli_say(cli, "PostgreSQL に接続できません",
			       "PostgreSQL cannot be reached");
	default:
		return errno_text(r);
	}
}

int cmd_migrate(struct cli *cli)
{
	uint64_t leaves = 0;
	int r;

	if (strncmp(cli->file, "postgresql://", 13) != 0) {
		log_error(&cli->log, "%s",
			  cli_say(cli, "移行先は postgresql:// で始めます",
				  "the database must begin with "
				  "postgresql://"));
		return CLI_USAGE;
	}
	if (cli_enter(cli, false) != CLI_OK)
		return CLI_FAILED;
	r = store_migrate(cli->config.dir, cli->file, show, NULL, &leaves);
	if (r < 0) {
		log_error(&cli->log, "'%s': %s", cli->config.dir,
			  reason(cli, r));
		return CLI_FAILED;
	}
	return printf(cli_say(cli,
			      "移行しました(葉 %" PRIu64 "、根は一致)。"
			      "collector.conf に database を書いてください。\n"
			      "元の保管庫は collector.db.migrated です。\n",
			      "Moved: %" PRIu64 " leaves, the same root. Set "
			      "'database' in collector.conf.\n"
			      "The old store is collector.db.migrated.\n"),
		      leaves) < 0
		       ? CLI_FAILED
		       : CLI_OK;
}
