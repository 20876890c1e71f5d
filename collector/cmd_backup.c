/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup, restore: the SQLite store and the keys of the state directory, as one
 * folder, made while the service runs. A restored store says in an incident
 * that it is one: what was revoked since the backup has to be revoked again.
 */
#include "collector/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "collector/store.h"

#include "agent/base/banned.h"

#define KEY_FILE_MAX 65536u
#define COPY_BYTES   ((size_t)1 << 16)
#define DATABASE     "collector.db"

/* The checkpoint before the store: the store then continues it. */
static const char *const FILES[] = {
	"ca.key",  "ca.crt",   "server.key", "server.crt",
	"log.key", "log.vkey", "checkpoint",
};
#define FILE_COUNT (sizeof(FILES) / sizeof(FILES[0]))

static bool is_for_sqlite(const struct cli *cli)
{
	if (!cli->config.database[0])
		return true;
	log_error(&cli->log, "%s",
		  cli_say(cli,
			  "保管庫は PostgreSQL です。pg_dump を使い、dir "
			  "の鍵も控えてください",
			  "the store is in PostgreSQL: use pg_dump, and keep a "
			  "copy of the keys in dir"));
	return false;
}

static int say(const struct cli *cli, const char *what, int r)
{
	log_error(&cli->log, "'%s': %s", what, errno_text(r));
	return CLI_FAILED;
}

/* ---- backup --------------------------------------------------------------- */

/* Made by who asks, for whom the state directory belongs to. */
static int make_target(const struct cli *cli)
{
	struct stat st;

	if (stat(cli->config.dir, &st) < 0 || mkdir(cli->file, 0700) < 0)
		return -errno;
	return geteuid() == 0 && chown(cli->file, st.st_uid, st.st_gid) < 0
		       ? -errno
		       : 0;
}

static int copy_file(int from, int to, const char *name)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0;
	int r = read_small_file(from, name, KEY_FILE_MAX, &data, &size);

	if (r == -ENOENT) /* no checkpoint yet */
		return 0;
	if (r == 0)
		r = write_atomic(to, name, data, size, 0600);
	if (data)
		explicit_bzero(data, size);
	return r;
}

static int back_up(const struct cli *cli)
{
	_cleanup_close_ int from = open(cli->config.dir,
					O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int to = open(cli->file,
				      O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	int r = from < 0 || to < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i < FILE_COUNT; i++)
		r = copy_file(from, to, FILES[i]);
	return r < 0 ? r : store_sqlite_backup(cli->config.dir, cli->file);
}

int cmd_backup(struct cli *cli)
{
	int r;

	if (!is_for_sqlite(cli))
		return CLI_FAILED;
	r = make_target(cli);
	if (r < 0)
		return say(cli, cli->file, r);
	if (cli_enter(cli, false) != CLI_OK)
		return CLI_FAILED;
	r = back_up(cli);
	return r < 0 ? say(cli, cli->file, r) : CLI_OK;
}

/* ---- restore -------------------------------------------------------------- */

/* All that is restored, opened before root is given up. */
struct sources {
	int fds[FILE_COUNT + 1]; /* -1: not there; the last: the store */
};

static int open_sources(const char *dir, struct sources *sources)
{
	_cleanup_close_ int dirfd = open(dir,
					 O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	int r = dirfd < 0 ? -errno : 0;

	for (size_t i = 0; r == 0 && i <= FILE_COUNT; i++) {
		sources->fds[i] =
			open_below(dirfd, i < FILE_COUNT ? FILES[i] : DATABASE,
				   O_RDONLY, 0);
		/* Only a log without events has no checkpoint. */
		if (sources->fds[i] < 0 && i != FILE_COUNT - 1)
			r = sources->fds[i];
	}
	return r;
}

static int copy_fd(int from, int dirfd, const char *name)
{
	_cleanup_free_ char *piece = malloc(COPY_BYTES);
	_cleanup_close_ int to = -1;
	size_t size = 0;
	int r = piece ? 0 : -ENOMEM;

	if (r < 0 || from < 0)
		return r;
	to = open_below(dirfd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	r = to < 0 ? to : 0;
	do {
		if (r == 0)
			r = read_full(from, piece, COPY_BYTES, &size);
		if (r == 0)
			r = write_full(to, piece, size);
	} while (r == 0 && size == COPY_BYTES);
	explicit_bzero(piece, COPY_BYTES);
	return r == 0 && fsync(to) < 0 ? -errno : r;
}

static int note_restored(struct store *store, void *ctx)
{
	const struct store_incident incident = {
		.kind = "store.restored",
		.host = "",
		.stream = "",
		.detail = "restored from a backup: revoke again what was "
			  "revoked since; certificates since are not known",
		.recv_ms = (int64_t)(clock_wall_ns() / NS_PER_MS),
	};

	(void)ctx;
	return store->ops->put_incident(store, &incident);
}

/* The store first: it refuses where one is, before a key is touched. */
static int put_back(const struct cli *cli, const struct sources *sources)
{
	_cleanup_(cleanup_store) struct store *store = NULL;
	_cleanup_close_ int dirfd = open(cli->config.dir,
					 O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	int r = dirfd < 0 ? -errno : 0;

	if (r == 0 && (faccessat(dirfd, "ca.key", F_OK, 0) == 0 ||
		       faccessat(dirfd, DATABASE "-wal", F_OK, 0) == 0))
		return -EEXIST;
	if (r == 0)
		r = copy_fd(sources->fds[FILE_COUNT], dirfd, DATABASE);
	for (size_t i = FILE_COUNT; r == 0 && i-- > 0;) /* ca.key last */
		r = copy_fd(sources->fds[i], dirfd, FILES[i]);
	if (r == 0 && fsync(dirfd) < 0)
		r = -errno;
	if (r == 0)
		r = store_sqlite_open(cli->config.dir, STORE_WRITE, &store);
	return r < 0 ? r : store_transact(store, note_restored, NULL);
}

/* A revocation that was forgotten is a stolen key that counts again. */
static int warn_restored(const struct cli *cli)
{
	const char *text = cli_say(
		cli,
		"復元しました。\n"
		"\n"
		"*** サービスを始める前に ***\n"
		"控えた後の失効はすべて忘れられ、その証明書は再び有効です。\n"
		"一つずつ失効をやり直してください:\n"
		"  sekimori-collector revoke --terminal ID\n"
		"控えた後に発行・更新した証明書はこの保管庫が知りません。その端"
		"末"
		"は記録を\n送れますが、更新はできず、新しいトークンが要ります:"
		"\n"
		"  sekimori-collector token\n",
		"Restored.\n"
		"\n"
		"*** BEFORE YOU START THE SERVICE ***\n"
		"Every revocation since the backup is forgotten: those "
		"certificates count again.\nRevoke each of them once more:\n"
		"  sekimori-collector revoke --terminal ID\n"
		"Certificates given or renewed since the backup are not known "
		"here. Their\nterminals can deliver events, but nothing is "
		"renewed for them; each needs a token:\n"
		"  sekimori-collector token\n");

	return fputs(text, stdout) < 0 || fflush(stdout) != 0 ? CLI_FAILED
							      : CLI_OK;
}

int cmd_restore(struct cli *cli)
{
	struct sources sources;
	int r;

	if (!is_for_sqlite(cli))
		return CLI_FAILED;
	for (size_t i = 0; i <= FILE_COUNT; i++)
		sources.fds[i] = -1;
	r = open_sources(cli->file, &sources);
	if (r < 0)
		(void)say(cli, cli->file, r);
	else if (cli_enter(cli, true) != CLI_OK)
		r = -EPERM; /* said */
	else
		r = put_back(cli, &sources);
	if (r == -EEXIST)
		log_error(&cli->log, "'%s': %s", cli->config.dir,
			  cli_say(cli, "空ではありません。何も変えていません",
				  "is not empty; nothing was changed"));
	else if (r < 0)
		(void)say(cli, cli->config.dir, r);
	for (size_t i = 0; i <= FILE_COUNT; i++)
		if (sources.fds[i] >= 0)
			(void)close(sources.fds[i]); /* only read */
	if (r < 0)
		return CLI_FAILED;
	return warn_restored(cli);
}
