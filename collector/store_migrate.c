/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_migrate: tables row by row through COPY, in one transaction, with the
 * old store locked; then the tree is made anew from the rows that PostgreSQL
 * has, and only if its root is the old one they are committed.
 */
#include "collector/store_migrate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/hex.h"
#include "collector/store_postgres.h"
#include "collector/store_sqlite.h"
#include "collector/tree.h"

#include "agent/base/banned.h"

#define PATH_SIZE     4096
#define SQL_SIZE      512
#define FLUSH_BYTES   ((size_t)4 << 20)
#define PROGRESS_ROWS 50000u
#define PAGE_ROWS     4096u
#define RECV_COLUMN   4 /* of events */
#define DAY_MS	      INT64_C(86400000)

/* Columns by kind: i number, t text of ours, f of a terminal, b bytes. */
struct table {
	const char *name, *columns, *kinds;
};

static const struct table TABLES[] = {
	{"meta", "key, value", "tt"},
	{"hosts",
	 "id, host, tenant, hostname, unit, first_ms, last_ms, skew_ms,"
	 " status_ms, tier, mode, policy, version",
	 "ittffiiiiffff"},
	{"streams", "id, host, stream, seq, tip, tail, stored, last_ms",
	 "iitibiii"},
	{"gaps", "stream, next, first, prev", "iiib"},
	{"incidents",
	 "first_ms, last_ms, count, kind, host, stream, seq, detail",
	 "iiitttif"},
	{"tokens", "hash, created_ms, expires_ms, uses, reenrol", "biiii"},
	{"certs",
	 "serial, host, tenant, key_hash, issued_ms, ends_ms, revoked_ms",
	 "tttbiii"},
	{"rollups", "day, unit, code, count", "iffi"},
	{"tiles", "id, hashes", "ib"},
	{"events",
	 "id, host, stream, seq, recv_ms, time_ms, code, severity, action,"
	 " department, flags, wall_ns, boot_ns, quarantine, hash, body",
	 "iiiiiifiifiiiibb"},
};
#define TABLE_COUNT (sizeof(TABLES) / sizeof(TABLES[0]))

struct migration {
	struct sqlite_store *from;
	struct pg_store *to;
	store_migrate_fn *progress;
	void *ctx;
	struct merkle tree; /* of the old store */
};

static int add_column(struct buf *copy, sqlite3_stmt *st, int column, char kind)
{
	const void *data;

	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		return pg_copy_null(copy);
	if (kind == 'i')
		return pg_copy_int(copy, sqlite3_column_int64(st, column));
	data = sqlite3_column_blob(st, column); /* NULL: it is empty */
	size_t size = (size_t)sqlite3_column_bytes(st, column);
	return kind == 'f' ? pg_copy_text(copy, data ? data : "", size)
			   : pg_copy_blob(copy, data ? data : "", size);
}

static int add_row(struct migration *m, const struct table *table,
		   sqlite3_stmt *st, const char *sql)
{
	int count = (int)strlen(table->kinds), r = 0;

	if (table == &TABLES[TABLE_COUNT - 1])
		r = pg_take_day(m->to,
				sqlite3_column_int64(st, RECV_COLUMN) / DAY_MS);
	if (r == 0)
		r = pg_copy_row(&m->to->copy, count);
	for (int i = 0; r == 0 && i < count; i++)
		r = add_column(&m->to->copy, st, i, table->kinds[i]);
	if (r == 0 && m->to->copy.size >= FLUSH_BYTES)
		r = pg_flush_to(m->to, sql);
	return r;
}

static int copy_table(struct migration *m, const struct table *table)
{
	char select[SQL_SIZE], copy[SQL_SIZE];
	sqlite3_stmt *st = NULL;
	uint64_t rows = 0;
	int r;

	(void)snprintf(select, sizeof(select), "SELECT %s FROM %s ORDER BY 1",
		       table->columns, table->name); /* fits */
	(void)snprintf(copy, sizeof(copy),
		       "COPY %s(%s) FROM STDIN (FORMAT binary)", table->name,
		       table->columns); /* fits */
	if (sqlite3_prepare_v2(m->from->db, select, -1, &st, NULL) != SQLITE_OK)
		return -EIO;
	while ((r = sqlite_next(st)) > 0) {
		r = add_row(m, table, st, copy);
		if (r < 0)
			break;
		if (++rows % PROGRESS_ROWS == 0)
			m->progress(table->name, rows, m->ctx);
	}
	(void)sqlite3_finalize(st); /* r says it already */
	if (r == 0)
		r = pg_flush_to(m->to, copy);
	if (r == 0)
		m->progress(table->name, rows, m->ctx);
	return r;
}

/* ---- the proof ------------------------------------------------------------ */

struct check {
	struct tree_reader reader;
	struct merkle tree;
	int64_t last_id;
	size_t count; /* of this page */
};

/* Leaves of rows that are gone are in the tiles only. */
static int check_holes(struct check *c, uint64_t to)
{
	int r = 0;

	while (r == 0 && c->tree.size < to) {
		uint8_t leaf[MERKLE_HASH_SIZE];

		r = tree_read_node(0, c->tree.size, leaf, &c->reader);
		if (r == 0)
			r = merkle_append(&c->tree, leaf, NULL, NULL);
	}
	return r;
}

static int check_row(const struct store_row *row, void *ctx)
{
	struct check *c = ctx;
	uint8_t id[IDENT_HEX_LEN / 2], leaf[MERKLE_HASH_SIZE];
	int r = check_holes(c, (uint64_t)row->id - 1);

	if (r == 0 &&
	    hex_decode(row->stream, IDENT_HEX_LEN, id, sizeof(id)) < 0)
		r = -EBADMSG;
	if (r == 0)
		r = merkle_event_leaf(id, row->seq, row->hash, leaf);
	if (r == 0)
		r = merkle_append(&c->tree, leaf, NULL, NULL);
	c->last_id = row->id;
	c->count++;
	return r > 0 ? -EBADMSG : r;
}

/* The tree of the rows as they arrived, held to the old store's root. */
static int check_tree(struct migration *m)
{
	struct store *to = &m->to->table.base;
	struct check c = {.reader.store = to};
	uint8_t was[MERKLE_HASH_SIZE], is[MERKLE_HASH_SIZE];
	int r = 0;

	do {
		const struct store_query query = {.after = c.last_id,
						  .limit = PAGE_ROWS};

		c.count = 0;
		r = to->ops->each_row(to, &query, check_row, &c);
	} while (r == 0 && c.count == PAGE_ROWS);
	if (r == 0)
		r = check_holes(&c, m->tree.size);
	if (r == 0 && c.tree.size != m->tree.size)
		r = -EBADMSG;
	if (r == 0 && m->tree.size > 0)
		r = merkle_root(&m->tree, was);
	if (r == 0 && m->tree.size > 0)
		r = merkle_root(&c.tree, is);
	if (r == 0 && m->tree.size > 0 && memcmp(was, is, sizeof(was)) != 0)
		r = -EBADMSG;
	return r > 0 ? -EBADMSG : r;
}

/* ---- the whole ------------------------------------------------------------ */

static int check_empty(struct pg_store *to)
{
	static const char sql[] =
		"SELECT (SELECT count(*) FROM meta WHERE key <> 'schema') +"
		" (SELECT count(*) FROM hosts) + (SELECT count(*) FROM certs) +"
		" (SELECT count(*) FROM tokens) + (SELECT size FROM tree)";
	_cleanup_pg_ PGresult *result = NULL;
	int r = pg_query(to, sql, NULL, &result);

	if (r < 0)
		return r;
	return pg_get_int(result, 0, 0) == 0 ? 0 : -EEXIST;
}

static int copy_all(struct store *store, void *ctx)
{
	struct migration *m = ctx;
	int r = check_empty(m->to);

	for (size_t i = 0; r == 0 && i < TABLE_COUNT; i++)
		r = copy_table(m, &TABLES[i]);
	if (r == 0)
		r = pg_tables.tree_set(store, &m->tree);
	/* New rows get numbers behind those that came */
	if (r == 0)
		r = pg_exec(m->to,
			    "SELECT setval(pg_get_serial_sequence('hosts',"
			    " 'id'), max(id)) FROM hosts;"
			    "SELECT setval(pg_get_serial_sequence('streams',"
			    " 'id'), max(id)) FROM streams");
	return r < 0 ? r : check_tree(m);
}

/* Out of WAL only who has the file alone gets: no service is writing. */
static int claim(struct sqlite_store *from)
{
	int r = sqlite_errno(sqlite3_exec(
		from->db, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL));

	return r < 0 ? r : from->table.base.ops->begin(&from->table.base);
}

static int retire(const char *dir)
{
	char from[PATH_SIZE], to[PATH_SIZE];

	if (snprintf(from, sizeof(from), "%s/collector.db", dir) >= PATH_SIZE ||
	    snprintf(to, sizeof(to), "%s.migrated", from) >= PATH_SIZE)
		return -ENAMETOOLONG;
	return rename(from, to) < 0 ? -errno : 0;
}

int store_migrate(const char *dir, const char *where,
		  store_migrate_fn *progress, void *ctx, uint64_t *ret_leaves)
{
	_cleanup_(cleanup_store) struct store *from = NULL;
	_cleanup_(cleanup_store) struct store *to = NULL;
	struct migration m = {.progress = progress, .ctx = ctx};
	int r = store_sqlite_open(dir, STORE_WRITE, &from);

	if (r < 0)
		return r;
	m.from = sqlite_store(from);
	r = claim(m.from);
	if (r == 0)
		r = sqlite_tree_read(from, &m.tree);
	if (r == 0)
		r = store_postgres_open(where, STORE_CREATE, &to);
	if (r == 0) {
		m.to = pg_store(to);
		r = store_transact(to, copy_all, &m);
	}
	/* Renamed while it is locked: nobody opens it in between */
	if (r == 0)
		r = retire(dir);
	from->ops->rollback(from); /* nothing was written */
	if (r == 0)
		*ret_leaves = m.tree.size;
	else
		(void)sqlite3_exec(m.from->db, "PRAGMA journal_mode = WAL",
				   NULL, NULL, NULL); /* the next opener's */
	return r;
}
