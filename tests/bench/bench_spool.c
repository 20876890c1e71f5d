/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durable events per second: our spool and SQLite (WAL, synchronous=FULL) on
 * the same disk. Both are mostly the disk's time, and a shared disk's time varies
 * tenfold within a second; so one event goes to the one and the next to the
 * other, in turn, and the medians count. Then 32 producers wait each for their
 * own event and share a commit, in short rounds between which SQLite's are.
 * Usage: bench_spool [DIRECTORY]; not on tmpfs, where nothing is durable.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>
#include <unistd.h>
#include <dirent.h>

#include <sqlite3.h>

#include "agent/base/clock.h"
#include "agent/spool/spool.h"

#define ROUNDS		 15u
#define PAIRS		 3000u
#define PAIRS_NS	 (8 * NS_PER_S)
#define ROUND_NS	 (150 * NS_PER_MS)
#define PRODUCERS	 32u
#define EVENT_BYTES	 645u
#define FLUSH_TIMEOUT_MS 30000u

static char event[EVENT_BYTES];

static void die(const char *what)
{
	(void)fprintf(stderr, "bench_spool: %s: %s\n", what, strerror(errno));
	exit(1);
}

struct run {
	struct spool *spool;
	uint64_t end_ns;
	uint64_t count; /* by this producer */
};

static void *produce(void *argument)
{
	struct run *run = argument;
	const struct spool_entry entry = {.data = event,
					  .size = sizeof(event),
					  .flags = 1};

	while (clock_mono_ns() < run->end_ns) {
		uint64_t seq = 0;

		if (spool_append(run->spool, &entry, &seq) == 0 &&
		    spool_flush(run->spool, seq, FLUSH_TIMEOUT_MS) == 0)
			run->count++;
	}
	return NULL;
}

static double spool_round(struct spool *spool, unsigned producers)
{
	pthread_t threads[PRODUCERS];
	struct run runs[PRODUCERS];
	uint64_t start = clock_mono_ns();
	uint64_t count = 0;

	for (unsigned i = 0; i < producers; i++) {
		runs[i] = (struct run){.spool = spool,
				       .end_ns = start + ROUND_NS};
		if (pthread_create(&threads[i], NULL, produce, &runs[i]))
			die("pthread_create");
	}
	for (unsigned i = 0; i < producers; i++) {
		(void)pthread_join(threads[i], NULL);
		count += runs[i].count;
	}
	spool_release(spool, spool_durable_seq(spool));
	return (double)count * 1e9 / (double)(clock_mono_ns() - start);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	return statement;
}

static void step(sqlite3_stmt *statement)
{
	if (sqlite3_step(statement) != SQLITE_DONE)
		die(sqlite3_errmsg(sqlite3_db_handle(statement)));
	(void)sqlite3_reset(statement);
}

static sqlite3 *open_sqlite(const char *path)
{
	sqlite3 *db = NULL;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db,
			 "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
			 "CREATE TABLE q(seq INTEGER PRIMARY KEY,"
			 " event BLOB NOT NULL)",
			 NULL, NULL, NULL) != SQLITE_OK)
		die("sqlite");
	return db;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;

	return a < b ? -1 : a > b;
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static void insert_one(sqlite3_stmt *insert)
{
	(void)sqlite3_bind_blob(insert, 1, event, sizeof(event), SQLITE_STATIC);
	step(insert);
}

static void append_one(struct spool *spool)
{
	const struct spool_entry entry = {.data = event,
					  .size = sizeof(event),
					  .flags = 1};
	uint64_t seq = 0;

	while (spool_append(spool, &entry, &seq) != 0)
		continue; /* BUSY: the next segment is being made */
	if (spool_flush(spool, seq, FLUSH_TIMEOUT_MS) != 0)
		die("spool_flush");
}

static double sqlite_round(sqlite3_stmt *insert)
{
	uint64_t start = clock_mono_ns();
	uint64_t count = 0;

	while (clock_mono_ns() < start + ROUND_NS) {
		insert_one(insert);
		count++;
	}
	return (double)count * 1e9 / (double)(clock_mono_ns() - start);
}

/* One event each, in turn; the medians in ns. */
static void run_pairs(struct spool *spool, sqlite3_stmt *insert,
		      double ret_ns[2])
{
	static double ours[PAIRS];
	static double theirs[PAIRS];
	uint64_t end = clock_mono_ns() + PAIRS_NS;
	size_t count = 0;

	for (; count < PAIRS && clock_mono_ns() < end; count++) {
		uint64_t start = clock_mono_ns();
		append_one(spool);
		uint64_t middle = clock_mono_ns();
		insert_one(insert);
		ours[count] = (double)(middle - start);
		theirs[count] = (double)(clock_mono_ns() - middle);
	}
	spool_release(spool, spool_durable_seq(spool));
	ret_ns[0] = median(ours, count);
	ret_ns[1] = median(theirs, count);
}

static void remove_all(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory)
		(void)closedir(directory);
	(void)rmdir(path);
}

static void run_all(struct spool *spool, sqlite3 *db)
{
	sqlite3_stmt *insert = prepare(db, "INSERT INTO q(event) VALUES(?)");
	double group[ROUNDS];
	double sqlite[ROUNDS];
	double pair_ns[2];

	run_pairs(spool, insert, pair_ns);
	for (unsigned i = 0; i < ROUNDS; i++) {
		group[i] = spool_round(spool, PRODUCERS);
		sqlite[i] = sqlite_round(insert);
	}
	(void)sqlite3_finalize(insert);

	double many = median(group, ROUNDS);
	double peer = median(sqlite, ROUNDS);
	printf("spool_durable_1 %.0f events/s\n", 1e9 / pair_ns[0]);
	printf("sqlite_full_1 %.0f events/s\n", 1e9 / pair_ns[1]);
	printf("spool_1_vs_sqlite %.2f x (aim 1.5)\n", pair_ns[1] / pair_ns[0]);
	printf("spool_durable_32 %.0f events/s\n", many);
	printf("spool_32_vs_sqlite %.2f x (aim 6)\n", many / peer);
}

int main(int argc, char **argv)
{
	char path[4096];
	char database[4200];
	struct statfs status;
	struct spool_opening opening;
	struct spool_config config = {.tail_fd = -1};
	struct spool *spool = NULL;

	(void)snprintf(path, sizeof(path), "%s/bench-spool-XXXXXX",
		       argc > 1 ? argv[1] : "build");
	if (!mkdtemp(path))
		die(path);
	if (statfs(path, &status) < 0)
		die("statfs");
	if (status.f_type == TMPFS_MAGIC)
		printf("spool_note 0 on_tmpfs_nothing_is_durable\n");
	memset(event, 'e', sizeof(event));
	(void)snprintf(database, sizeof(database), "%s/peer.db", path);

	config.dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = spool_open(&config, &spool, &opening);
	if (r < 0) {
		errno = -r;
		die("spool_open");
	}
	sqlite3 *db = open_sqlite(database);
	run_all(spool, db);
	(void)sqlite3_close(db);
	(void)spool_close(spool, FLUSH_TIMEOUT_MS);
	(void)close(config.dirfd);
	remove_all(path);
	return 0;
}
