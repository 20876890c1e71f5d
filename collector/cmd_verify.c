/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify, checkpoint: the auditor's commands. `verify` needs no state folder and
 * no configuration: it runs wherever the export, the checkpoints and the log's
 * public key are. Each deviation is a line of one fixed form on stdout.
 */
#include "collector/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"
#include "collector/logkey.h"
#include "collector/notary.h"
#include "collector/store.h"
#include "collector/verify.h"
#include "collector/verify_line.h"

#include "agent/base/banned.h"

#define PROGRESS_NS    (5 * NS_PER_S)
#define PROGRESS_LINES 4096u

DEFINE_CLEANUP(verify, struct verify *, verify_free);

static void print_deviation(enum verify_kind kind, const char *text, void *ctx)
{
	(void)ctx;
	/* A full disk shows when stdout is flushed. */
	(void)printf("%s %s\n", verify_kind_to_str(kind), text);
}

/* A key as it is, or a file with one in its first line. */
static int read_key(const char *text, struct note_key *ret_key)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0;
	int r;

	if (note_key_read_public(span_str(text), ret_key) == 0)
		return 0;
	r = read_small_file(AT_FDCWD, text, NOTE_KEY_TEXT_SIZE, &data, &size);
	if (r < 0)
		return r;
	r = note_key_read_public(span_of(data, strcspn(data, "\n")), ret_key);
	return r > 0 ? -EBADMSG : r;
}

static int read_inputs(const struct cli *cli, struct verify_config *config)
{
	for (size_t i = 0; i < cli->keys.count; i++) {
		int r = read_key(cli->keys.values[i], &config->keys[i]);

		if (r < 0) {
			log_error(&cli->log, "'%s': %s", cli->keys.values[i],
				  errno_text(r));
			return r;
		}
		config->key_count++;
	}
	for (size_t i = 0; i < cli->checkpoints.count; i++) {
		int r = logkey_checkpoint_load(AT_FDCWD,
					       cli->checkpoints.values[i],
					       &config->checkpoints[i]);

		if (r < 0) {
			log_error(&cli->log, "'%s': %s",
				  cli->checkpoints.values[i], errno_text(r));
			return r;
		}
		config->checkpoint_count++;
	}
	return 0;
}

static void tell_progress(const struct cli *cli, const struct verify *verify,
			  uint64_t *told_ns)
{
	uint64_t now_ns = clock_mono_ns();

	if (now_ns - *told_ns < PROGRESS_NS)
		return;
	*told_ns = now_ns;
	log_info(&cli->log, "%" PRIu64 " lines so far", verify_lines(verify));
}

/* The rest of a line that is too long is skipped. */
static void skip_line(FILE *file)
{
	int c;

	do
		c = getc(file);
	while (c != '\n' && c != EOF);
}

static int read_lines(const struct cli *cli, FILE *file, struct verify *verify)
{
	_cleanup_free_ char *line = malloc(VERIFY_LINE_MAX + 2);
	uint64_t told_ns = clock_mono_ns();
	int r = line ? 0 : -ENOMEM;

	while (r == 0 && fgets(line, VERIFY_LINE_MAX + 2, file)) {
		/* A NUL ends it early, and then it is none of ours. */
		size_t len = strlen(line);

		if (len > 0 && line[len - 1] == '\n') {
			r = verify_add(verify, span_of(line, len - 1));
		} else {
			verify_add_malformed(verify);
			skip_line(file);
		}
		if (verify_lines(verify) % PROGRESS_LINES == 0)
			tell_progress(cli, verify, &told_ns);
	}
	return r == 0 && ferror(file) ? -EIO : r;
}

static int print_sums(const struct cli *cli, const struct verify_config *config,
		      const struct verify_result *sums)
{
	uint64_t deviations = 0;

	for (size_t i = 0; i < VERIFY_KIND_COUNT_; i++)
		deviations += i == VERIFY_RETIRED ? 0 : sums->deviations[i];
	if (config->key_count == 0)
		log_warning(&cli->log, "%s",
			    cli_say(cli,
				    "--key がないので署名は検証していません",
				    "no --key: no signature was checked"));
	if (printf(cli_say(cli,
			   "%s: できごと %" PRIu64 " 件、葉 %" PRIu64
			   "、系列 %" PRIu64 "、署名 %" PRIu64
			   "、端末で失われた件数 %" PRIu64
			   "、内容未確認 %" PRIu64 "、保存期限で消去 %" PRIu64
			   "、相違 %" PRIu64 "\n",
			   "%s: %" PRIu64 " events, %" PRIu64
			   " leaves, %" PRIu64 " streams, %" PRIu64
			   " signatures, %" PRIu64
			   " lost by terminals, %" PRIu64
			   " contents unchecked, %" PRIu64
			   " removed by retention, %" PRIu64 " deviations\n"),
		   deviations ? "DEVIATES" : "OK", sums->events, sums->leaves,
		   sums->streams, sums->signatures, sums->lost, sums->unchecked,
		   sums->retired, deviations) < 0 ||
	    fflush(stdout) != 0)
		return CLI_FAILED;
	return deviations ? CLI_DEVIATES : CLI_OK;
}

static int verify_file(const struct cli *cli, struct verify_config *config)
{
	_cleanup_(cleanup_verify) struct verify *verify = NULL;
	_cleanup_fclose_ FILE *opened = NULL;
	struct verify_result sums = {0};
	int r = verify_new(config, &verify);

	if (r == 0 && strcmp(cli->file, "-") != 0) {
		opened = fopen(cli->file, "re");
		r = opened ? 0 : -errno;
	}
	if (r == 0)
		r = read_lines(cli, opened ? opened : stdin, verify);
	if (r == 0)
		r = verify_finish(verify, &sums);
	if (r < 0) {
		log_error(&cli->log, "'%s': %s", cli->file, errno_text(r));
		return CLI_FAILED;
	}
	return print_sums(cli, config, &sums);
}

int cmd_verify(struct cli *cli)
{
	struct verify_config *config = calloc(1, sizeof(*config));
	int r;

	if (!config)
		return CLI_FAILED;
	config->report = print_deviation;
	r = read_inputs(cli, config) < 0 ? CLI_FAILED
					 : verify_file(cli, config);
	for (size_t i = 0; i < config->checkpoint_count; i++)
		logkey_checkpoint_fini(&config->checkpoints[i]);
	free(config);
	return r;
}

/* ---- checkpoint ----------------------------------------------------------- */

/* Groups that an eye keeps: the root in hex, four digits a group, 32 a line. */
static void print_groups(const uint8_t root[MERKLE_HASH_SIZE])
{
	for (size_t i = 0; i < MERKLE_HASH_SIZE; i += 2)
		(void)printf("%s%02x%02x", i % 16 == 0 ? "\n    " : " ",
			     root[i], root[i + 1]); /* flushed below */
}

static void print_paper(const struct cli *cli,
			const struct logkey_checkpoint *c)
{
	char day[64] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm))
		(void)strftime(day, sizeof(day), "%Y-%m-%d %H:%M %z",
			       &tm); /* "" is fine */
	(void)printf(
		cli_say(cli,
			"記録の証明(チェックポイント)\n\n"
			"  印刷   %s\n  名前   %.*s\n  件数   %" PRIu64
			"\n  根(SHA-256)",
			"Checkpoint of the event log\n\n"
			"  printed  %s\n  origin   %.*s\n  events   %" PRIu64
			"\n  root (SHA-256)"),
		day, (int)c->checkpoint.origin.len, c->checkpoint.origin.ptr,
		c->checkpoint.head.size);
	print_groups(c->checkpoint.head.root);
	(void)printf(
		cli_say(cli,
			"\n\n以下を一字も変えずにファイルにすると、verify "
			"--checkpoint で検証できます。\n\n%s\n"
			"  確認者                          日付\n",
			"\n\nThe lines below, typed into a file without any "
			"change, are for verify --checkpoint.\n\n%s\n"
			"  seen by                         date\n"),
		c->text); /* flushed by the caller */
}

static int print_key(int dirfd)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = read_small_file(dirfd, LOGKEY_NAME ".vkey", NOTE_KEY_TEXT_SIZE,
				&text, &size);

	return r < 0 ? r : printf("%s", text) < 0 ? -EIO : 0;
}

/* Without a running service the newest events get their checkpoint here. */
static int sign_now(const struct cli *cli)
{
	_cleanup_(cleanup_store) struct store *store = NULL;
	int r = store_open(cli->config.database, cli->config.dir, STORE_READ,
			   &store);

	if (r == 0)
		r = notary_sign_once(cli->config.dir, store);
	if (r == -ESTALE)
		log_error(&cli->log, "%s",
			  cli_say(cli,
				  "保存された記録が前回のチェックポイントと合い"
				  "ません。前回のものを表示します",
				  "the store does not continue the last "
				  "checkpoint; this is that one"));
	return r;
}

int cmd_checkpoint(struct cli *cli)
{
	_cleanup_checkpoint_ struct logkey_checkpoint c = {0};
	_cleanup_close_ int dirfd = -1;
	int r, signed_now = 0;

	if (cli_enter(cli, false) != CLI_OK)
		return CLI_FAILED;
	dirfd = open(cli->config.dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	r = dirfd < 0 ? -errno : 0;
	if (r == 0)
		signed_now = sign_now(cli);
	if (r == 0 && signed_now < 0 && signed_now != -ESTALE)
		r = signed_now;
	if (r == 0)
		r = logkey_checkpoint_load(dirfd, LOGKEY_CHECKPOINT, &c);
	if (r == 0 && cli->given & CLI_OPT_PAPER)
		print_paper(cli, &c);
	else if (r == 0 && printf("%s", c.text) < 0)
		r = -EIO;
	if (r == 0 && cli->given & CLI_OPT_PAPER)
		r = print_key(dirfd);
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	if (r < 0)
		log_error(&cli->log, "'%s': %s", cli->config.dir,
			  errno_text(r));
	return r < 0 ? CLI_FAILED : signed_now < 0 ? CLI_DEVIATES : CLI_OK;
}
