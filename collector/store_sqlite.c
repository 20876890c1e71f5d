/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sqlite: opening, the schema, transactions and the statement cache of
 * the default store. What the statements mean is in the _put, _enroll and _read
 * files beside it.
 */
#include "collector/store_sqlite.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/banned.h"

#define SCHEMA_VERSION	3
#define BUSY_TIMEOUT_MS 10000
#define PATH_SIZE	4096

/*
 * events.id is the order of commit, and within a stream the order of seq. The
 * UNIQUE index is what a fork is looked up in, and a second line of defence
 * behind the high-water row; the others answer the console's questions.
 */
static const char SCHEMA[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE hosts(id INTEGER PRIMARY KEY, host TEXT NOT NULL UNIQUE,"
	" tenant TEXT NOT NULL, hostname TEXT NOT NULL DEFAULT '',"
	" unit TEXT NOT NULL DEFAULT '', first_ms INTEGER NOT NULL,"
	" last_ms INTEGER NOT NULL, skew_ms INTEGER NOT NULL DEFAULT 0,"
	" status_ms INTEGER NOT NULL DEFAULT 0, tier TEXT NOT NULL DEFAULT '',"
	" mode TEXT NOT NULL DEFAULT '', policy TEXT NOT NULL DEFAULT '',"
	" version TEXT NOT NULL DEFAULT '');"
	"CREATE TABLE streams(id INTEGER PRIMARY KEY, host INTEGER NOT NULL,"
	" stream TEXT NOT NULL, seq INTEGER NOT NULL, tip BLOB NOT NULL,"
	" tail INTEGER NOT NULL, stored INTEGER NOT NULL,"
	" last_ms INTEGER NOT NULL, UNIQUE(host, stream));"
	"CREATE TABLE events(id INTEGER PRIMARY KEY, host INTEGER NOT NULL,"
	" stream INTEGER NOT NULL, seq INTEGER NOT NULL,"
	" recv_ms INTEGER NOT NULL, time_ms INTEGER NOT NULL,"
	" code TEXT NOT NULL, severity INTEGER NOT NULL,"
	" action INTEGER NOT NULL, department TEXT NOT NULL,"
	" flags INTEGER NOT NULL, wall_ns INTEGER NOT NULL,"
	" boot_ns INTEGER NOT NULL, quarantine INTEGER NOT NULL,"
	" hash BLOB NOT NULL, body TEXT NOT NULL);"
	"CREATE UNIQUE INDEX events_stream ON events(stream, seq);"
	"CREATE INDEX events_host ON events(host);"
	"CREATE INDEX events_code ON events(code);"
	"CREATE INDEX events_severe ON events(id) WHERE severity >= 3;"
	"CREATE TABLE incidents(id INTEGER PRIMARY KEY,"
	" first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
	" count INTEGER NOT NULL, kind TEXT NOT NULL, host TEXT NOT NULL,"
	" stream TEXT NOT NULL, seq INTEGER NOT NULL, detail TEXT NOT NULL,"
	" UNIQUE(host, stream, kind));"
	"CREATE TABLE tokens(hash BLOB PRIMARY KEY,"
	" created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
	" uses INTEGER NOT NULL, reenrol INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE certs(serial TEXT PRIMARY KEY, host TEXT NOT NULL,"
	" tenant TEXT NOT NULL, key_hash BLOB NOT NULL,"
	" issued_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL,"
	" revoked_ms INTEGER) WITHOUT ROWID;"
	"CREATE INDEX certs_host ON certs(host);"
	"CREATE TABLE rollups(day INTEGER NOT NULL, unit TEXT NOT NULL,"
	" code TEXT NOT NULL, count INTEGER NOT NULL,"
	" PRIMARY KEY(day, unit, code)) WITHOUT ROWID;";

/*
 * Since version 2: the tree (one row), its tiles by level << 56 | index, and the
 * hash before an event whose predecessors the terminal had lost.
 */
static const char SCHEMA_TREE[] =
	"CREATE TABLE tree(id INTEGER PRIMARY KEY CHECK(id = 1),"
	" size INTEGER NOT NULL, frontier BLOB NOT NULL);"
	"INSERT INTO tree VALUES(1, 0, x'');"
	"CREATE TABLE tiles(id INTEGER PRIMARY KEY, hashes BLOB NOT NULL);"
	"CREATE TABLE gaps(stream INTEGER NOT NULL, next INTEGER NOT NULL,"
	" first INTEGER NOT NULL, prev BLOB NOT NULL,"
	" PRIMARY KEY(stream, next)) WITHOUT ROWID;";

/* Since version 3: what the console asks for by name and by high severity. */
static const char SCHEMA_NAMES[] =
	"CREATE INDEX IF NOT EXISTS hosts_name ON hosts(hostname);"
	"CREATE INDEX IF NOT EXISTS events_high ON events(id)"
	" WHERE severity >= 4;";

/* One row a terminal; the end of the statement says which. */
#define TERMINALS                                                              \
	"SELECT h.host, h.tenant, h.hostname, h.unit, h.tier, h.mode,"         \
	" h.policy, h.version, h.first_ms, h.last_ms, h.status_ms,"            \
	" h.skew_ms, coalesce(s.seq, 0), coalesce(s.tail, 0),"                 \
	" (SELECT coalesce(sum(stored), 0) FROM streams"                       \
	"  WHERE host = h.id),"                                                \
	" (SELECT count(*) FROM incidents WHERE host = h.host)"                \
	" FROM hosts h LEFT JOIN streams s ON s.id = (SELECT id FROM"          \
	"  streams WHERE host = h.id ORDER BY last_ms DESC, id DESC"           \
	"  LIMIT 1)"

static const char *const SQL[] = {
	[STMT_BEGIN] = "BEGIN IMMEDIATE",
	[STMT_COMMIT] = "COMMIT",
	[STMT_ROLLBACK] = "ROLLBACK",
	[STMT_STEP] = "SAVEPOINT step",
	[STMT_STEP_KEEP] = "RELEASE step",
	[STMT_STEP_UNDO] = "ROLLBACK TO step",
	[STMT_HOST_FIND] = "SELECT id FROM hosts WHERE host = ?1",
	[STMT_HOST_ADD] = "INSERT INTO hosts(host, tenant, first_ms, last_ms)"
			  " VALUES(?1, ?2, ?3, ?3)",
	[STMT_HOST_SEEN] =
		"UPDATE hosts SET last_ms = ?2, skew_ms = ?3, hostname ="
		" CASE ?4 WHEN '' THEN hostname ELSE ?4 END, unit ="
		" CASE ?5 WHEN '' THEN unit ELSE ?5 END WHERE id = ?1",
	[STMT_HOST_STATUS] =
		"UPDATE hosts SET status_ms = ?2, tier ="
		" CASE ?3 WHEN '' THEN tier ELSE ?3 END, mode ="
		" CASE ?4 WHEN '' THEN mode ELSE ?4 END, policy ="
		" CASE ?5 WHEN '' THEN policy ELSE ?5 END, version ="
		" CASE ?6 WHEN '' THEN version ELSE ?6 END WHERE id = ?1",
	[STMT_STREAM_FIND] = "SELECT id, seq, tip FROM streams"
			     " WHERE host = ?1 AND stream = ?2",
	[STMT_STREAM_ADD] = "INSERT INTO streams(host, stream, seq, tip, tail,"
			    " stored, last_ms)"
			    " VALUES(?1, ?2, 0, ?3, 0, 0, ?4)",
	[STMT_STREAM_MOVE] = "UPDATE streams SET seq = ?2, tip = ?3,"
			     " tail = max(tail, ?4, ?2), last_ms = ?5,"
			     " stored = stored + ?6 WHERE id = ?1",
	[STMT_STREAM_OTHERS] =
		"SELECT count(*) FROM streams WHERE host = ?1 AND stream <> ?2",
	[STMT_EVENT_ADD] =
		"INSERT INTO events(host, stream, seq, recv_ms, time_ms, code,"
		" severity, action, department, flags, wall_ns, boot_ns,"
		" quarantine, hash, body, id) VALUES(?1, ?2, ?3, ?4, ?5, ?6,"
		" ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
	[STMT_GAP_ADD] = "INSERT INTO gaps(stream, next, first, prev)"
			 " VALUES(?1, ?2, ?3, ?4)",
	[STMT_TREE_GET] = "SELECT size, frontier FROM tree WHERE id = 1",
	[STMT_TREE_SET] =
		"UPDATE tree SET size = ?1, frontier = ?2 WHERE id = 1",
	[STMT_TILE_GET] = "SELECT hashes FROM tiles WHERE id = ?1",
	[STMT_TILE_SET] = "INSERT INTO tiles VALUES(?1, ?2)"
			  " ON CONFLICT DO UPDATE SET hashes = excluded.hashes",
	/* Where each stream ends within the first ?1 leaves. */
	[STMT_STREAM_ENDS] =
		"WITH late AS (SELECT stream, min(seq) AS seq FROM events"
		" WHERE id > ?1 GROUP BY stream)"
		" SELECT h.host, s.stream, coalesce((SELECT first - 1 FROM gaps"
		"  WHERE stream = s.id AND next = late.seq), late.seq - 1,"
		"  s.seq) FROM streams s JOIN hosts h ON h.id = s.host"
		" LEFT JOIN late ON late.stream = s.id"
		" WHERE ?2 IS NULL OR h.host = ?2 ORDER BY s.id",
	[STMT_EVENT_HASH] =
		"SELECT hash FROM events WHERE stream = ?1 AND seq = ?2",
	[STMT_RETIRE_END] =
		"WITH page AS (SELECT id, recv_ms FROM events WHERE id > ?1"
		" ORDER BY id LIMIT ?2) SELECT coalesce((SELECT min(id)"
		" FROM page WHERE recv_ms >= ?3) - 1, max(id), 0) FROM page",
	/*
	 * Out and in again: SQLite joins half-empty pages when rows are
	 * deleted, but not when they become shorter.
	 */
	[STMT_RETIRE_KEEP] =
		"INSERT INTO temp.retired SELECT id, host, stream, seq, "
		"recv_ms,"
		" time_ms, code, severity, action, department, flags, wall_ns,"
		" boot_ns, 64, hash, '' FROM events WHERE id > ?1 AND id <= ?2",
	[STMT_RETIRE] = "DELETE FROM events WHERE id > ?1 AND id <= ?2",
	[STMT_RETIRE_BACK] =
		"INSERT INTO events(id, host, stream, seq, recv_ms, time_ms,"
		" code, severity, action, department, flags, wall_ns, boot_ns,"
		" quarantine, hash, body) SELECT * FROM temp.retired",
	[STMT_RETIRE_DONE] = "DELETE FROM temp.retired",
	[STMT_ROLLUP_ADD] =
		"INSERT INTO rollups VALUES(?1, ?2, ?3, ?4)"
		" ON CONFLICT DO UPDATE SET count = count + excluded.count",
	[STMT_INCIDENT_ADD] =
		"INSERT INTO incidents(first_ms, last_ms, count, kind, host,"
		" stream, seq, detail) SELECT ?1, ?1, 1, ?2, ?3, CASE WHEN"
		" (SELECT count(*) FROM incidents WHERE host = ?3) <"
		" " LIMIT_HOST_INCIDENTS " OR EXISTS (SELECT 1 FROM incidents"
		"  WHERE host = ?3 AND stream = ?4 AND kind = ?2)"
		" THEN ?4 ELSE '' END, ?5, ?6 WHERE true"
		" ON CONFLICT DO UPDATE SET count = count + 1,"
		" last_ms = excluded.last_ms, seq = excluded.seq,"
		" detail = excluded.detail",
	[STMT_TOKEN_ADD] = "INSERT INTO tokens VALUES(?1, ?2, ?3, ?4, ?5)",
	[STMT_TOKEN_FIND] =
		"SELECT expires_ms, uses, reenrol FROM tokens WHERE hash = ?1",
	[STMT_TOKEN_USE] = "UPDATE tokens SET uses = uses - 1 WHERE hash = ?1",
	/* Kept a week after their end, so that "expired" can be said. */
	[STMT_TOKEN_SWEEP] =
		"DELETE FROM tokens WHERE expires_ms < ?1 - 604800000",
	[STMT_CERT_ADD] = "INSERT INTO certs(serial, host, tenant, key_hash,"
			  " issued_ms, ends_ms)"
			  " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
	[STMT_CERT_STATE] =
		"SELECT revoked_ms IS NOT NULL FROM certs WHERE serial = ?1",
	[STMT_CERT_OTHER] =
		"SELECT 1 FROM certs WHERE host = ?1 AND revoked_ms IS NULL"
		" AND ends_ms > ?2 AND key_hash <> ?3 LIMIT 1",
	[STMT_CERT_REVOKE] =
		"UPDATE certs SET revoked_ms = ?2 WHERE host = ?1"
		" AND revoked_ms IS NULL AND (?3 IS NULL OR key_hash <> ?3)",
	[STMT_META_SET] = "INSERT INTO meta VALUES(?1, ?2)"
			  " ON CONFLICT DO UPDATE SET value = excluded.value",
	[STMT_META_GET] = "SELECT value FROM meta WHERE key = ?1",
	[STMT_TERMINALS] = TERMINALS
	" WHERE h.tenant <> '' ORDER BY h.last_ms DESC, h.id",
	[STMT_TERMINALS_NAMED] = TERMINALS
	" WHERE h.host = ?1 OR h.hostname = ?1"
	" ORDER BY h.last_ms DESC, h.id",
	[STMT_COUNTS] = "SELECT day, unit, code, count FROM rollups"
			" WHERE day >= ?1 ORDER BY day, unit, code",
	[STMT_INCIDENTS] =
		"SELECT first_ms, last_ms, count, seq, kind, host, stream,"
		" detail FROM incidents ORDER BY last_ms DESC LIMIT ?1",
};
static_assert(sizeof(SQL) / sizeof(SQL[0]) == STMT_COUNT_,
	      "a text for every statement");

int sqlite_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CONSTRAINT: /* our own invariants do not hold any more */
		return -EBADMSG;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return -EACCES;
	default:
		return -EIO;
	}
}

sqlite3_stmt *sqlite_statement(struct sqlite_store *s, enum statement id)
{
	sqlite3_stmt *st = s->statements[id];

	if (st) {
		(void)sqlite3_reset(st); /* repeats the last step's error */
		(void)sqlite3_clear_bindings(st); /* cannot fail */
		return st;
	}
	if (sqlite3_prepare_v3(s->db, SQL[id], -1, SQLITE_PREPARE_PERSISTENT,
			       &st, NULL) != SQLITE_OK)
		return NULL;
	s->statements[id] = st;
	return st;
}

int sqlite_next(sqlite3_stmt *st)
{
	int rc;

	if (!st)
		return -EIO;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		return 1;
	(void)sqlite3_reset(st); /* the same error as rc */
	return sqlite_errno(rc);
}

int sqlite_run(sqlite3_stmt *st)
{
	int r = sqlite_next(st);

	if (r > 0) {
		(void)sqlite3_reset(st); /* a row nobody asked for */
		return 0;
	}
	return r;
}

const char *sqlite_text(sqlite3_stmt *st, int column)
{
	const unsigned char *text = sqlite3_column_text(st, column);

	return text ? (const char *)text : "";
}

void sqlite_bind_text(sqlite3_stmt *st, int index, const char *text)
{
	/* Fails only for a wrong index; the step would then store NULL,
	 * which every column refuses. */
	(void)sqlite3_bind_text(st, index, text, -1, SQLITE_STATIC);
}

static int run(struct store *store, enum statement id)
{
	return sqlite_run(sqlite_statement(sqlite_store(store), id));
}

static int sqlite_begin(struct store *store)
{
	store_tree_forget(table_store(store));
	return run(store, STMT_BEGIN);
}

static int sqlite_commit(struct store *store)
{
	int r = store_tree_flush(table_store(store));

	return r < 0 ? r : run(store, STMT_COMMIT);
}

static void sqlite_rollback(struct store *store)
{
	if (!sqlite3_get_autocommit(sqlite_store(store)->db))
		(void)run(store, STMT_ROLLBACK); /* nothing left to undo */
}

static int sqlite_step_begin(struct store *store)
{
	struct store_leaves *leaves = &table_store(store)->leaves;

	leaves->step = leaves->count;
	return run(store, STMT_STEP);
}

static int sqlite_step_end(struct store *store, bool is_kept)
{
	/* A full disk or an I/O error has rolled everything back already. */
	if (sqlite3_get_autocommit(sqlite_store(store)->db))
		return -EIO;
	if (!is_kept) {
		struct store_leaves *leaves = &table_store(store)->leaves;
		int r = run(store, STMT_STEP_UNDO);

		leaves->count = leaves->step;
		if (r < 0)
			return r;
	}
	return run(store, STMT_STEP_KEEP);
}

static void sqlite_close(struct store *store)
{
	struct sqlite_store *s = sqlite_store(store);

	for (size_t i = 0; i < STMT_COUNT_; i++)
		(void)sqlite3_finalize(s->statements[i]); /* the last error */
	(void)sqlite3_close_v2(s->db); /* statements are gone: cannot be busy */
	free(s->table.leaves.list);
	free(s);
}

static const struct store_ops OPS = {
	.close = sqlite_close,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.step_begin = sqlite_step_begin,
	.step_end = sqlite_step_end,
	.put_batch = store_put_batch,
	.put_incident = sqlite_put_incident,
	.retire = sqlite_retire,
	.token_add = sqlite_token_add,
	.token_find = sqlite_token_find,
	.token_use = sqlite_token_use,
	.cert_add = sqlite_cert_add,
	.cert_state = sqlite_cert_state,
	.cert_find_other = sqlite_cert_find_other,
	.cert_revoke = sqlite_cert_revoke,
	.meta_set = sqlite_meta_set,
	.meta_get = sqlite_meta_get,
	.each_terminal = sqlite_each_terminal,
	.each_row = sqlite_each_row,
	.each_incident = sqlite_each_incident,
	.each_count = sqlite_each_count,
	.tree_read = sqlite_tree_read,
	.tile_read = sqlite_tile_read,
	.each_stream_end = sqlite_each_stream_end,
};

static const struct store_tables TABLES = {
	.host_take = sqlite_host_take,
	.host_seen = sqlite_host_seen,
	.stream_find = sqlite_stream_find,
	.stream_others = sqlite_stream_others,
	.stream_add = sqlite_stream_add,
	.stream_move = sqlite_stream_move,
	.event_add = sqlite_event_add,
	.event_hash = sqlite_event_hash,
	.gap_add = sqlite_gap_add,
	.rollup_add = sqlite_rollup_add,
	.tree_set = sqlite_tree_set,
	.tile_set = sqlite_tile_set,
};

static int exec(sqlite3 *db, const char *sql)
{
	return sqlite_errno(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static int read_version(sqlite3 *db, int *ret_version)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*ret_version = sqlite3_column_int(st, 0);
	(void)sqlite3_finalize(st); /* rc says it already */
	return sqlite_errno(rc);
}

/* From `version` to ours, in one transaction: all of it or nothing. */
static int bring_up(struct sqlite_store *s, int version)
{
	char pragma[64];
	int r = exec(s->db, "BEGIN EXCLUSIVE");

	if (r == 0 && version < 1)
		r = exec(s->db, SCHEMA);
	if (r == 0 && version < 2)
		r = exec(s->db, SCHEMA_TREE);
	if (r == 0 && version < 3)
		r = exec(s->db, SCHEMA_NAMES);
	if (r == 0 && version == 1)
		r = sqlite_tree_build(s);
	(void)snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %d",
		       SCHEMA_VERSION); /* fits */
	if (r == 0)
		r = exec(s->db, pragma);
	if (r == 0)
		r = exec(s->db, "COMMIT");
	if (r < 0)
		sqlite_rollback(&s->table.base);
	return r;
}

/*
 * 8 KiB pages: fewer levels and writes for rows of one to two kilobytes. The
 * cache bounds memory. A WAL of 128 MiB before it is written back: index pages
 * change with every commit, so the longer it is the fewer are written twice.
 */
static int set_up(struct sqlite_store *s, enum store_mode mode)
{
	sqlite3 *db = s->db;
	int version = 0, r = 0;

	(void)sqlite3_extended_result_codes(db, 1); /* cannot fail */
	(void)sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
	if (mode == STORE_CREATE)
		r = exec(db, "PRAGMA page_size = 8192");
	/* As it is, but after a move that was killed (store_migrate.c) */
	if (r == 0 && mode != STORE_READ)
		r = exec(db, "PRAGMA journal_mode = WAL");
	if (r == 0)
		r = exec(db, "PRAGMA synchronous = FULL;"
			     "PRAGMA cache_size = -24576;"
			     "PRAGMA wal_autocheckpoint = 16000;"
			     "PRAGMA journal_size_limit = 134217728;"
			     /* What retention takes out is gone */
			     "PRAGMA secure_delete = ON;"
			     "PRAGMA trusted_schema = OFF");
	/* Rows on their way (STMT_RETIRE_KEEP); in memory, of one job */
	if (r == 0 && mode != STORE_READ)
		r = exec(db, "PRAGMA temp_store = MEMORY;"
			     "CREATE TEMP TABLE retired(id, host, stream, seq,"
			     " recv_ms, time_ms, code, severity, action,"
			     " department, flags, wall_ns, boot_ns, quarantine,"
			     " hash, body)");
	if (r == 0)
		r = read_version(db, &version);
	if (r < 0 || version == SCHEMA_VERSION)
		return r;
	if (version < 0 || version > SCHEMA_VERSION ||
	    (version == 0 && mode != STORE_CREATE))
		return -EBADMSG;
	return mode == STORE_READ ? -ESTALE : bring_up(s, version);
}

static int open_once(const char *dir, enum store_mode mode,
		     struct store **ret_store)
{
	static const int flags[] = {
		[STORE_READ] = SQLITE_OPEN_READONLY,
		[STORE_WRITE] = SQLITE_OPEN_READWRITE,
		[STORE_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
	};
	char path[PATH_SIZE];
	struct sqlite_store *s;
	int r;

	if (snprintf(path, sizeof(path), "%s/collector.db", dir) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->table.base.ops = &OPS;
	s->table.tables = &TABLES;
	r = sqlite_errno(sqlite3_open_v2(path, &s->db,
					 flags[mode] | SQLITE_OPEN_NOMUTEX |
						 SQLITE_OPEN_NOFOLLOW,
					 NULL));
	if (r == 0)
		r = set_up(s, mode);
	if (r < 0) {
		sqlite_close(&s->table.base);
		return r;
	}
	*ret_store = &s->table.base;
	return 0;
}

int store_sqlite_open(const char *dir, enum store_mode mode,
		      struct store **ret_store)
{
	_cleanup_(cleanup_store) struct store *older = NULL;
	int r = open_once(dir, mode, ret_store);

	if (r != -ESTALE)
		return r;
	/* A reader met an older schema: it is brought up by a writer first. */
	r = open_once(dir, STORE_WRITE, &older);
	return r < 0 ? r : open_once(dir, mode, ret_store);
}
