/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export: the events as NDJSON on stdout, with --proof together with what
 * `verify` needs. Read-only; the service may run meanwhile. It streams, so its
 * memory does not grow with the store. A proof is of one checkpoint: its line
 * first, then the events it covers in the order of their leaves, a line for
 * each subtree of leaves that are not in the export, and where streams end.
 */
#include "collector/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/hex.h"
#include "collector/api/json.h"
#include "collector/logkey.h"
#include "collector/notary.h"
#include "collector/store.h"
#include "collector/tree.h"

#include "agent/base/banned.h"

/* A record in base64, or as it is, and its columns. */
#define LINE_MAX_BYTES ((size_t)4 * LIMIT_EVENT_BYTES)
#define EXPORT_PAGE    4096u

enum { EXPORT_END = 1 }; /* the rows that follow are not in the proof */

struct export
{
	const struct cli *cli;
	struct store *store;
	struct buf line;
	int64_t last_id;
	size_t count; /* of this page */
	/* With --proof */
	bool is_proof, is_torn;	      /* torn: tiles are missing from here on */
	uint64_t size;		      /* of the tree that is proved */
	uint64_t next;		      /* leaf that comes next */
	uint64_t stops[CLI_LIST_MAX]; /* sizes no subtree may reach over */
	size_t stop_count;
	struct tree_reader reader;
};

static int write_line(const struct export *export)
{
	const struct buf *line = &export->line;

	return fwrite(line->data, 1, line->size, stdout) == line->size ? 0
								       : -EIO;
}

/* Where the subtree that begins at the next leaf has to end at the latest. */
static uint64_t next_stop(const struct export *export, uint64_t to)
{
	for (size_t i = 0; i < export->stop_count; i++)
		if (export->stops[i] > export->next && export->stops[i] < to)
			to = export->stops[i];
	return to;
}

/* Lines for the leaves from the next one up to `to`, which is not covered. */
static int cover(struct export *export, uint64_t to)
{
	while (export->next < to && !export->is_torn) {
		unsigned int level = merkle_cover(export->next,
						  next_stop(export, to));
		uint8_t hash[MERKLE_HASH_SIZE];
		char hex[HEX_SIZE(MERKLE_HASH_SIZE)];
		int r = tree_read_node(level, export->next >> level, hash,
				       &export->reader);

		if (r == -EBADMSG) {
			export->is_torn = true;
			break;
		}
		if (r < 0)
			return r;
		hex_encode(hash, sizeof(hash), hex);
		if (printf("{\"tree\":%" PRIu64 ",\"level\":%u,\"hash\":\"%s\"}"
			   "\n",
			   export->next, level, hex) < 0)
			return -EIO;
		export->next += UINT64_C(1) << level;
	}
	return 0;
}

static int print_row(const struct store_row *row, void *ctx)
{
	static const uint8_t unknown[MERKLE_HASH_SIZE];
	struct export *export = ctx;
	struct store_row with_leaf = *row;
	uint8_t leaf[MERKLE_HASH_SIZE];
	int r = 0;

	if (export->is_proof) {
		uint64_t index = (uint64_t)row->id - 1;

		if (index >= export->size)
			return EXPORT_END;
		r = cover(export, index);
		if (r == 0 && !export->is_torn)
			r = tree_read_node(0, index, leaf, &export->reader);
		export->is_torn |= r == -EBADMSG;
		/* Without tiles an event is still an event, of no leaf. */
		with_leaf.leaf_hash = export->is_torn ? unknown : leaf;
		export->next = index + 1;
		r = r == -EBADMSG ? 0 : r;
	}
	buf_clear(&export->line);
	if (r == 0)
		r = json_add_row(&export->line, &with_leaf);
	if (r == 0)
		r = json_close(&export->line, "\n");
	if (r == 0)
		r = write_line(export);
	export->last_id = row->id;
	export->count++;
	return r;
}

/*
 * In pages, each a read of its own: one long read would keep the service from
 * ever shortening its write-ahead log.
 */
static int export_rows(struct export *export)
{
	int r = 0;

	do {
		const struct store_query query = {
			.host = export->cli->terminal,
			.after = export->last_id,
			.is_proof = export->is_proof,
			.limit = EXPORT_PAGE,
		};

		export->count = 0;
		r = export->store->ops->each_row(export->store, &query,
						 print_row, export);
	} while (r == 0 && export->count == EXPORT_PAGE);
	return r < 0 ? r : 0;
}

static int print_end(const char *host, const char *stream, uint64_t seq,
		     void *ctx)
{
	(void)ctx;
	return printf("{\"end\":\"%s\",\"terminal\":\"%s\",\"seq\":%" PRIu64
		      "}\n",
		      stream, host, seq) < 0
		       ? -EIO
		       : 0;
}

/* ---- the proof ------------------------------------------------------------ */

static int read_stops(struct export *export)
{
	const struct cli_list *files = &export->cli->checkpoints;

	for (size_t i = 0; i < files->count; i++) {
		_cleanup_checkpoint_ struct logkey_checkpoint c = {0};
		int r = logkey_checkpoint_load(AT_FDCWD, files->values[i], &c);

		if (r < 0) {
			log_error(&export->cli->log, "'%s': %s",
				  files->values[i], errno_text(r));
			return r;
		}
		export->stops[export->stop_count++] = c.checkpoint.head.size;
	}
	return 0;
}

static int print_head(struct export *export, const char *checkpoint)
{
	int r;

	buf_clear(&export->line);
	r = buf_printf(&export->line,
		       "{\"proof\":\"sekimori-export-1\",\"scope\":\"%s\",",
		       export->cli->terminal ? export->cli->terminal : "all");
	if (r == 0)
		r = json_add_text(&export->line, "checkpoint", checkpoint);
	if (r == 0)
		r = json_close(&export->line, "}\n");
	return r < 0 ? r : write_line(export);
}

/* Signs what is there; what cannot be signed is proved as far as it was. */
static int begin_proof(struct export *export)
{
	_cleanup_checkpoint_ struct logkey_checkpoint c = {0};
	const char *dir = export->cli->config.dir;
	_cleanup_close_ int dirfd = open(dir,
					 O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	int r = dirfd < 0 ? -errno : notary_sign_once(dir, export->store);

	if (r == -ESTALE)
		log_warning(&export->cli->log,
			    "The store does not continue the last checkpoint; "
			    "exporting under that one");
	if (r >= 0 || r == -ESTALE)
		r = logkey_checkpoint_load(dirfd, LOGKEY_CHECKPOINT, &c);
	if (r < 0)
		return r;
	export->reader.store = export->store;
	export->size = c.checkpoint.head.size;
	return print_head(export, c.text);
}

static int export_proof(struct export *export)
{
	int r = read_stops(export);

	if (r == 0)
		r = begin_proof(export);
	if (r == 0)
		r = export_rows(export);
	if (r == 0)
		r = cover(export, export->size);
	return r < 0 ? r
		     : export->store->ops->each_stream_end(
			       export->store, export->size,
			       export->cli->terminal, print_end, NULL);
}

int cmd_export(struct cli *cli)
{
	_cleanup_(cleanup_store) struct store *store = NULL;
	struct export export = {
		.cli = cli,
		.line = BUF_INIT(LINE_MAX_BYTES),
		.is_proof = cli->given & CLI_OPT_PROOF,
	};
	int r;

	if (cli_enter(cli, false) != CLI_OK)
		return CLI_FAILED;
	r = store_open(cli->config.database, cli->config.dir, STORE_READ,
		       &store);
	export.store = store;
	if (r == 0)
		r = export.is_proof ? export_proof(&export)
				    : export_rows(&export);
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	if (r < 0)
		log_error(&cli->log, "'%s': %s", cli->config.dir,
			  errno_text(r));
	buf_fini(&export.line);
	return r < 0 ? CLI_FAILED : CLI_OK;
}
