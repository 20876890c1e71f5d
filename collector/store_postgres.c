/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_postgres: the connection, the schema, transactions and arguments of the
 * store for those who already keep a PostgreSQL (12 or newer). A connection
 * that broke is made anew before the next transaction or question; what was not
 * committed then never happened.
 */
#include "collector/store_postgres.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/utf8.h"

#include "agent/base/banned.h"

#define SCHEMA_VERSION "1"
#define STATE_IS(result, text)                                                 \
	(strncmp(sql_state(result), text, strlen(text)) == 0)

/*
 * events is keyed by recv_ms so that a day can be dropped whole; ids are leaves
 * of the tree and the high-water row is what keeps events single. Bodies are
 * bytes: a quarantined one need not be UTF-8. Numbers are int8 throughout.
 */
static const char SCHEMA[] =
	"CREATE TABLE meta(key text PRIMARY KEY, value text NOT NULL);"
	"CREATE TABLE hosts(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
	" host text NOT NULL UNIQUE, tenant text NOT NULL,"
	" hostname text NOT NULL DEFAULT '', unit text NOT NULL DEFAULT '',"
	" first_ms bigint NOT NULL, last_ms bigint NOT NULL,"
	" skew_ms bigint NOT NULL DEFAULT 0,"
	" status_ms bigint NOT NULL DEFAULT 0, tier text NOT NULL DEFAULT '',"
	" mode text NOT NULL DEFAULT '', policy text NOT NULL DEFAULT '',"
	" version text NOT NULL DEFAULT '');"
	"CREATE TABLE streams(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY"
	" KEY, host bigint NOT NULL, stream text NOT NULL,"
	" seq bigint NOT NULL, tip bytea NOT NULL, tail bigint NOT NULL,"
	" stored bigint NOT NULL, last_ms bigint NOT NULL,"
	" UNIQUE(host, stream));"
	"CREATE TABLE events(id bigint NOT NULL, host bigint NOT NULL,"
	" stream bigint NOT NULL, seq bigint NOT NULL,"
	" recv_ms bigint NOT NULL, time_ms bigint NOT NULL,"
	" code text NOT NULL, severity bigint NOT NULL,"
	" action bigint NOT NULL, department text NOT NULL,"
	" flags bigint NOT NULL, wall_ns bigint NOT NULL,"
	" boot_ns bigint NOT NULL, quarantine bigint NOT NULL,"
	" hash bytea NOT NULL, body bytea NOT NULL)"
	" PARTITION BY RANGE (recv_ms);"
	"CREATE UNIQUE INDEX events_id ON events(id, recv_ms);"
	"CREATE INDEX events_stream ON events(stream, seq);"
	"CREATE INDEX events_host ON events(host, id);"
	"CREATE INDEX events_code ON events(code, id);"
	"CREATE INDEX events_severe ON events(id) WHERE severity >= 3;"
	"CREATE INDEX events_high ON events(id) WHERE severity >= 4;"
	"CREATE INDEX hosts_name ON hosts(hostname);"
	"CREATE VIEW events_text AS SELECT id, host, stream, seq, recv_ms,"
	" time_ms, code, severity, department, convert_from(body, 'UTF8')"
	" AS body FROM events WHERE quarantine = 0;"
	"CREATE TABLE incidents(id bigint GENERATED ALWAYS AS IDENTITY PRIMARY"
	" KEY, first_ms bigint NOT NULL, last_ms bigint NOT NULL,"
	" count bigint NOT NULL, kind text NOT NULL, host text NOT NULL,"
	" stream text NOT NULL, seq bigint NOT NULL, detail text NOT NULL,"
	" UNIQUE(host, stream, kind));"
	"CREATE TABLE tokens(hash bytea PRIMARY KEY,"
	" created_ms bigint NOT NULL, expires_ms bigint NOT NULL,"
	" uses bigint NOT NULL, reenrol bigint NOT NULL);"
	"CREATE TABLE certs(serial text PRIMARY KEY, host text NOT NULL,"
	" tenant text NOT NULL, key_hash bytea NOT NULL,"
	" issued_ms bigint NOT NULL, ends_ms bigint NOT NULL,"
	" revoked_ms bigint);"
	"CREATE INDEX certs_host ON certs(host);"
	"CREATE TABLE rollups(day bigint NOT NULL, unit text NOT NULL,"
	" code text NOT NULL, count bigint NOT NULL,"
	" PRIMARY KEY(day, unit, code));"
	"CREATE TABLE tree(id int PRIMARY KEY CHECK(id = 1),"
	" size bigint NOT NULL, frontier bytea NOT NULL);"
	"INSERT INTO tree VALUES(1, 0, '');"
	"CREATE TABLE tiles(id bigint PRIMARY KEY, hashes bytea NOT NULL);"
	"CREATE TABLE gaps(stream bigint NOT NULL, next bigint NOT NULL,"
	" first bigint NOT NULL, prev bytea NOT NULL,"
	" PRIMARY KEY(stream, next));"
	"INSERT INTO meta VALUES('schema', '" SCHEMA_VERSION "');";

static const char *const SQL[] = {
	[PG_TREE_LOCK] = "SELECT size, frontier FROM tree WHERE id = 1"
			 " FOR UPDATE",
	[PG_TREE_GET] = "SELECT size, frontier FROM tree WHERE id = 1",
	[PG_TREE_SET] = "UPDATE tree SET size = $1, frontier = $2",
	[PG_TILE_GET] = "SELECT hashes FROM tiles WHERE id = $1",
	[PG_TILE_SET] =
		"INSERT INTO tiles VALUES($1, $2)"
		" ON CONFLICT (id) DO UPDATE SET hashes = excluded.hashes",
	[PG_HOST_FIND] = "SELECT id FROM hosts WHERE host = $1",
	[PG_HOST_ADD] = "INSERT INTO hosts(host, tenant, first_ms, last_ms)"
			" VALUES($1, $2, $3, $3) RETURNING id",
	[PG_HOST_SEEN] =
		"UPDATE hosts SET last_ms = $2, skew_ms = $3, hostname ="
		" CASE $4 WHEN '' THEN hostname ELSE $4 END, unit ="
		" CASE $5 WHEN '' THEN unit ELSE $5 END WHERE id = $1",
	[PG_HOST_STATUS] =
		"UPDATE hosts SET status_ms = $2, tier ="
		" CASE $3 WHEN '' THEN tier ELSE $3 END, mode ="
		" CASE $4 WHEN '' THEN mode ELSE $4 END, policy ="
		" CASE $5 WHEN '' THEN policy ELSE $5 END, version ="
		" CASE $6 WHEN '' THEN version ELSE $6 END WHERE id = $1",
	[PG_STREAM_FIND] = "SELECT id, seq, tip FROM streams"
			   " WHERE host = $1 AND stream = $2",
	[PG_STREAM_OTHERS] =
		"SELECT count(*) FROM streams WHERE host = $1 AND stream <> $2",
	[PG_STREAM_ADD] = "INSERT INTO streams(host, stream, seq, tip, tail,"
			  " stored, last_ms) VALUES($1, $2, 0, $3, 0, 0, $4)"
			  " RETURNING id",
	[PG_STREAM_MOVE] = "UPDATE streams SET seq = $2, tip = $3,"
			   " tail = greatest(tail, $4, $2), last_ms = $5,"
			   " stored = stored + $6 WHERE id = $1",
	[PG_EVENT_HASH] =
		"SELECT hash FROM events WHERE stream = $1 AND seq = $2",
	[PG_GAP_ADD] = "INSERT INTO gaps VALUES($1, $2, $3, $4)",
	[PG_RETIRE_END] =
		"WITH page AS (SELECT id, recv_ms FROM events WHERE id > $1"
		" ORDER BY id LIMIT $2) SELECT coalesce((SELECT min(id)"
		" FROM page WHERE recv_ms >= $3) - 1, max(id), 0)::bigint FROM "
		"page",
	[PG_RETIRE] = "UPDATE events SET body = '', quarantine = 64"
		      " WHERE id > $1 AND id <= $2",
	[PG_ROLLUP_ADD] = "INSERT INTO rollups AS r VALUES($1, $2, $3, $4)"
			  " ON CONFLICT (day, unit, code) DO UPDATE"
			  " SET count = r.count + excluded.count",
	[PG_INCIDENT_ADD] =
		"INSERT INTO incidents AS i(first_ms, last_ms, count, kind,"
		" host, stream, seq, detail) SELECT $1::bigint, $1, 1,"
		" $2::text, $3::text, CASE WHEN (SELECT count(*) FROM incidents"
		"  WHERE host = $3) < " LIMIT_HOST_INCIDENTS
		" OR EXISTS (SELECT"
		"  1 FROM incidents WHERE host = $3 AND stream = $4::text"
		"  AND kind = $2) THEN $4 ELSE '' END, $5::bigint, $6::text"
		" ON CONFLICT (host, stream, kind) DO UPDATE"
		" SET count = i.count + 1, last_ms = excluded.last_ms,"
		" seq = excluded.seq, detail = excluded.detail",
	[PG_TOKEN_ADD] = "INSERT INTO tokens VALUES($1, $2, $3, $4, $5)",
	[PG_TOKEN_FIND] =
		"SELECT expires_ms, uses, reenrol FROM tokens WHERE hash = $1",
	[PG_TOKEN_USE] = "UPDATE tokens SET uses = uses - 1 WHERE hash = $1",
	/* Kept a week after their end, so that "expired" can be said. */
	[PG_TOKEN_SWEEP] =
		"DELETE FROM tokens WHERE expires_ms < $1::bigint - 604800000",
	[PG_CERT_ADD] = "INSERT INTO certs(serial, host, tenant, key_hash,"
			" issued_ms, ends_ms) VALUES($1, $2, $3, $4, $5, $6)",
	[PG_CERT_STATE] = "SELECT (revoked_ms IS NOT NULL)::int::bigint"
			  " FROM certs WHERE serial = $1",
	[PG_CERT_OTHER] =
		"SELECT 1::bigint FROM certs WHERE host = $1 AND revoked_ms"
		" IS NULL AND ends_ms > $2 AND key_hash <> $3 LIMIT 1",
	[PG_CERT_REVOKE] = "UPDATE certs SET revoked_ms = $2 WHERE host = $1"
			   " AND revoked_ms IS NULL"
			   " AND ($3::bytea IS NULL OR key_hash <> $3)",
	[PG_META_SET] =
		"INSERT INTO meta VALUES($1, $2)"
		" ON CONFLICT (key) DO UPDATE SET value = excluded.value",
	[PG_META_GET] = "SELECT value FROM meta WHERE key = $1",
	[PG_TERMINALS] =
		"SELECT h.host, h.tenant, h.hostname, h.unit, h.tier, h.mode,"
		" h.policy, h.version, h.first_ms, h.last_ms, h.status_ms,"
		" h.skew_ms, coalesce(n.seq, 0), coalesce(n.tail, 0),"
		" coalesce(a.stored, 0)::bigint, coalesce(i.count, 0)"
		" FROM hosts h LEFT JOIN (SELECT DISTINCT ON (host) host, seq,"
		"  tail FROM streams ORDER BY host, last_ms DESC, id DESC) n"
		" ON n.host = h.id LEFT JOIN (SELECT host, sum(stored) AS"
		"  stored FROM streams GROUP BY host) a ON a.host = h.id"
		" LEFT JOIN (SELECT host, count(*) AS count FROM incidents"
		"  GROUP BY host) i ON i.host = h.host"
		" WHERE h.tenant <> '' ORDER BY h.last_ms DESC, h.id",
	[PG_TERMINALS_NAMED] =
		"SELECT h.host, h.tenant, h.hostname, h.unit, h.tier, h.mode,"
		" h.policy, h.version, h.first_ms, h.last_ms, h.status_ms,"
		" h.skew_ms, coalesce(n.seq, 0), coalesce(n.tail, 0),"
		" (SELECT coalesce(sum(stored), 0) FROM streams"
		"  WHERE host = h.id)::bigint,"
		" (SELECT count(*) FROM incidents WHERE host = h.host)"
		" FROM hosts h LEFT JOIN LATERAL (SELECT seq, tail FROM streams"
		"  WHERE host = h.id ORDER BY last_ms DESC, id DESC LIMIT 1) n"
		" ON true WHERE h.host = $1 OR h.hostname = $1"
		" ORDER BY h.last_ms DESC, h.id",
	[PG_COUNTS] = "SELECT day, unit, code, count FROM rollups"
		      " WHERE day >= $1 ORDER BY day, unit, code",
	[PG_INCIDENTS] =
		"SELECT first_ms, last_ms, count, seq, kind, host, stream,"
		" detail FROM incidents ORDER BY last_ms DESC LIMIT $1",
	/* Where each stream ends within the first $1 leaves. */
	[PG_STREAM_ENDS] =
		"WITH late AS (SELECT stream, min(seq) AS seq FROM events"
		" WHERE id > $1 GROUP BY stream)"
		" SELECT h.host, s.stream, coalesce((SELECT first - 1 FROM gaps"
		"  WHERE stream = s.id AND next = late.seq), late.seq - 1,"
		"  s.seq) FROM streams s JOIN hosts h ON h.id = s.host"
		" LEFT JOIN late ON late.stream = s.id"
		" WHERE $2::text IS NULL OR h.host = $2 ORDER BY s.id",
};
static_assert(sizeof(SQL) / sizeof(SQL[0]) == PG_COUNT_,
	      "a text for every statement");

/* --- arguments and answers ------------------------------------------------ */

static void put_be64(uint8_t at[8], uint64_t value)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(value >> (56 - 8 * i));
}

static void add(struct pg_args *args, const char *value, size_t size)
{
	assert(args->count < PG_ARGS_MAX);
	args->values[args->count] = value;
	args->lengths[args->count++] = (int)size;
}

void pg_int(struct pg_args *args, int64_t value)
{
	uint8_t *at = args->numbers[args->count];

	put_be64(at, (uint64_t)value);
	add(args, (const char *)at, 8);
}

void pg_blob(struct pg_args *args, const void *data, size_t size)
{
	add(args, data, size);
}

void pg_text(struct pg_args *args, const char *text)
{
	add(args, text, strlen(text));
}

void pg_foreign(struct pg_args *args, const char *text, size_t len)
{
	char *out = args->texts + args->texts_len;
	size_t room = PG_TEXT_ROOM - args->texts_len, used = 0;

	for (size_t at = 0; at < len && used + UTF8_BYTES_MAX <= room;) {
		uint32_t cp;

		at += utf8_next(text + at, len - at, &cp);
		used += utf8_put(cp == 0 ? UTF8_REPLACEMENT : cp, out + used);
	}
	args->texts_len += used;
	add(args, out, used);
}

void pg_null(struct pg_args *args)
{
	add(args, NULL, 0);
}

int64_t pg_get_int(const PGresult *result, int row, int column)
{
	const uint8_t *at = (const uint8_t *)PQgetvalue(result, row, column);
	uint64_t value = 0;

	if (PQgetlength(result, row, column) != 8)
		return 0; /* NULL: every number asked for is an int8 */
	for (int i = 0; i < 8; i++)
		value = value << 8 | at[i];
	return (int64_t)value;
}

const char *pg_get_text(const PGresult *result, int row, int column)
{
	return PQgetvalue(result, row, column);
}

bool pg_get_blob(const PGresult *result, int row, int column, void *ret,
		 size_t size)
{
	if (PQgetlength(result, row, column) != (int)size)
		return false;
	memcpy(ret, PQgetvalue(result, row, column), size);
	return true;
}

/* --- statements ------------------------------------------------------------- */

static const char *sql_state(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return state ? state : "";
}

int pg_errno(struct pg_store *s, const PGresult *result)
{
	if (!result)
		return PQstatus(s->db) == CONNECTION_OK ? -ENOMEM : -EIO;
	if (STATE_IS(result, "53100"))
		return -ENOSPC;
	if (STATE_IS(result, "53200"))
		return -ENOMEM;
	if (STATE_IS(result, "40") || STATE_IS(result, "55P03") ||
	    STATE_IS(result, "57014"))
		return -EBUSY;
	if (STATE_IS(result, "25006") || STATE_IS(result, "42501"))
		return -EACCES;
	if (STATE_IS(result, "23") || STATE_IS(result, "XX001") ||
	    STATE_IS(result, "42P01"))
		return -EBADMSG; /* our own invariants do not hold any more */
	return -EIO;
}

static bool is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

int pg_exec(struct pg_store *s, const char *sql)
{
	_cleanup_pg_ PGresult *result = PQexec(s->db, sql);

	return is_good(result) ? 0 : pg_errno(s, result);
}

static int set_session(struct pg_store *s)
{
	/* The text is ours: no name, no value of anybody is in it */
	return pg_exec(
		s, s->mode == STORE_READ
			   ? "SET search_path = sekimori;"
			     "SET client_min_messages = warning;"
			     "SET default_transaction_read_only = on"
			   : "SET search_path = sekimori;"
			     "SET client_min_messages = warning;"
			     "SET synchronous_commit = on;"
			     "SET lock_timeout = '10s';"
			     "SET idle_in_transaction_session_timeout = '60s'");
}

/* libpq may tell of the end by an error without SQLSTATE, or by the server's
 * last words (57P), before the connection counts as bad. */
static bool is_lost(const struct pg_store *s, const PGresult *result)
{
	return PQstatus(s->db) != CONNECTION_OK ||
	       (!is_good(result) &&
		(sql_state(result)[0] == '\0' || STATE_IS(result, "57P")));
}

static int reconnect(struct pg_store *s)
{
	PQreset(s->db);
	memset(s->is_prepared, 0, sizeof(s->is_prepared));
	s->day = 0;
	return PQstatus(s->db) == CONNECTION_OK ? set_session(s) : -EIO;
}

/* Between transactions: a connection that broke is made anew. */
static int revive(struct pg_store *s)
{
	return PQstatus(s->db) == CONNECTION_OK ? 0 : reconnect(s);
}

static int prepare(struct pg_store *s, enum pg_statement id, const char *name)
{
	_cleanup_pg_ PGresult *result = PQprepare(s->db, name, SQL[id], 0,
						  NULL);

	if (!is_good(result))
		return pg_errno(s, result);
	s->is_prepared[id] = true;
	return 0;
}

static const int BINARY[PG_ARGS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1};

/* A statement of ours, or SQL made for the occasion. */
struct question {
	enum pg_statement id;
	const char *sql; /* NULL: `id` */
	const struct pg_args *args;
};

static PGresult *run(struct pg_store *s, const struct question *q, int *ret_r)
{
	const struct pg_args none = {0};
	const struct pg_args *args = q->args ? q->args : &none;
	const char name[] = {(char)('A' + q->id / 26), (char)('a' + q->id % 26),
			     0};

	*ret_r = 0;
	if (q->sql)
		return PQexecParams(s->db, q->sql, args->count, NULL,
				    args->values, args->lengths, BINARY, 1);
	if (!s->is_prepared[q->id])
		*ret_r = prepare(s, q->id, name);
	if (*ret_r < 0)
		return NULL; /* the connection tells whether it is lost */
	return PQexecPrepared(s->db, name, args->count, args->values,
			      args->lengths, BINARY, 1);
}

static int ask(struct pg_store *s, const struct question *q,
	       PGresult **ret_result)
{
	_cleanup_pg_ PGresult *result = NULL;
	bool is_alone = PQtransactionStatus(s->db) != PQTRANS_INTRANS;
	int r = is_alone ? revive(s) : 0;

	if (r == 0)
		result = run(s, q, &r);
	if (is_alone && is_lost(s, result)) {
		/* It broke while nobody looked: once more */
		PQclear(result);
		result = NULL;
		r = reconnect(s);
		if (r == 0)
			result = run(s, q, &r);
	}
	if (r < 0)
		return r;
	if (!is_good(result))
		return pg_errno(s, result);
	*ret_result = TAKE_PTR(result);
	return 0;
}

int pg_ask(struct pg_store *s, enum pg_statement id, const struct pg_args *args,
	   PGresult **ret_result)
{
	return ask(s, &(struct question){.id = id, .args = args}, ret_result);
}

int pg_query(struct pg_store *s, const char *sql, const struct pg_args *args,
	     PGresult **ret_result)
{
	return ask(s, &(struct question){.sql = sql, .args = args}, ret_result);
}

int pg_do(struct pg_store *s, enum pg_statement id, const struct pg_args *args)
{
	_cleanup_pg_ PGresult *result = NULL;

	return pg_ask(s, id, args, &result);
}

/* --- transactions ------------------------------------------------------------ */

static int lock_tree(struct pg_store *s)
{
	_cleanup_pg_ PGresult *result = NULL;
	int r = pg_ask(s, PG_TREE_LOCK, NULL, &result);

	if (r == 0 && PQntuples(result) != 1)
		r = -EBADMSG;
	if (r < 0)
		return r;
	s->table.leaves.size = (uint64_t)pg_get_int(result, 0, 0);
	s->table.leaves.is_known = true;
	return 0;
}

static int pg_begin(struct store *store)
{
	struct pg_store *s = pg_store(store);
	int r;

	store_tree_forget(&s->table);
	buf_clear(&s->copy);
	r = revive(s);
	if (r == 0)
		r = pg_exec(s, "BEGIN");
	if (r < 0) {
		/* It broke while nobody looked: once more */
		r = reconnect(s);
		if (r == 0)
			r = pg_exec(s, "BEGIN");
	}
	return r < 0 ? r : lock_tree(s);
}

static int pg_commit(struct store *store)
{
	struct pg_store *s = pg_store(store);
	int r = pg_flush(s);

	if (r == 0)
		r = store_tree_flush(&s->table);
	if (r < 0)
		return r;
	/* COMMIT of a failed transaction is a rollback that says OK */
	if (PQtransactionStatus(s->db) != PQTRANS_INTRANS)
		return -EIO;
	return pg_exec(s, "COMMIT");
}

static void pg_rollback(struct store *store)
{
	struct pg_store *s = pg_store(store);

	if (PQtransactionStatus(s->db) != PQTRANS_IDLE)
		(void)pg_exec(s, "ROLLBACK"); /* a broken one is undone */
	buf_clear(&s->copy);
	s->day = 0; /* its partition may have gone with it */
}

static int pg_step_begin(struct store *store)
{
	struct store_leaves *leaves = &table_store(store)->leaves;

	leaves->step = leaves->count;
	return pg_exec(pg_store(store), "SAVEPOINT step");
}

static int pg_step_end(struct store *store, bool is_kept)
{
	struct pg_store *s = pg_store(store);
	int r;

	if (is_kept) {
		r = pg_flush(s);
		return r < 0 ? r : pg_exec(s, "RELEASE step");
	}
	buf_clear(&s->copy);
	s->day = 0;
	s->table.leaves.count = s->table.leaves.step;
	return pg_exec(s, "ROLLBACK TO step; RELEASE step");
}

static void pg_close(struct store *store)
{
	struct pg_store *s = pg_store(store);

	PQfinish(s->db);
	buf_fini(&s->copy);
	free(s->table.leaves.list);
	free(s);
}

static const struct store_ops OPS = {
	.close = pg_close,
	.begin = pg_begin,
	.commit = pg_commit,
	.rollback = pg_rollback,
	.step_begin = pg_step_begin,
	.step_end = pg_step_end,
	.put_batch = store_put_batch,
	.put_incident = pg_put_incident,
	.retire = pg_retire,
	.token_add = pg_token_add,
	.token_find = pg_token_find,
	.token_use = pg_token_use,
	.cert_add = pg_cert_add,
	.cert_state = pg_cert_state,
	.cert_find_other = pg_cert_find_other,
	.cert_revoke = pg_cert_revoke,
	.meta_set = pg_meta_set,
	.meta_get = pg_meta_get,
	.each_terminal = pg_each_terminal,
	.each_row = pg_each_row,
	.each_incident = pg_each_incident,
	.each_count = pg_each_count,
	.tree_read = pg_tree_read,
	.tile_read = pg_tile_read,
	.each_stream_end = pg_each_stream_end,
};

/* --- opening ------------------------------------------------------------------- */

static int read_schema(struct pg_store *s, bool *ret_is_there)
{
	_cleanup_free_ char *version = NULL;
	_cleanup_pg_ PGresult *result =
		PQexec(s->db,
		       "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname ="
		       " 'sekimori' AND tablename = 'meta'");

	if (!is_good(result))
		return pg_errno(s, result);
	*ret_is_there = PQntuples(result) == 1;
	if (!*ret_is_there)
		return 0;
	int r = pg_meta_get(&s->table.base, "schema", &version);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	return strcmp(version, SCHEMA_VERSION) == 0 ? 0 : -EBADMSG;
}

/* Two may try at once: one waits at the lock and finds it made. */
static int make_schema(struct pg_store *s)
{
	bool is_there = false;
	int r = pg_exec(s, "BEGIN;"
			   "SELECT pg_advisory_xact_lock(7310031);"
			   "CREATE SCHEMA IF NOT EXISTS sekimori");

	if (r == 0)
		r = read_schema(s, &is_there);
	if (r == 0 && !is_there)
		r = pg_exec(s, SCHEMA);
	if (r == 0)
		r = pg_exec(s, "COMMIT");
	if (r < 0)
		(void)pg_exec(s, "ROLLBACK"); /* the first error is told */
	return r;
}

static void ignore(void *ctx, const char *message)
{
	(void)ctx;
	(void)message;
}

static int set_up(struct pg_store *s, const char *where)
{
	bool is_there = false;
	int r;

	s->db = PQconnectdb(where);
	if (!s->db)
		return -ENOMEM;
	if (PQstatus(s->db) != CONNECTION_OK)
		return -ECONNREFUSED;
	/* What it says on its way down is told by our own errors */
	(void)PQsetNoticeProcessor(s->db, ignore, NULL);
	r = set_session(s);
	if (r == 0 && s->mode == STORE_CREATE)
		return make_schema(s);
	if (r == 0)
		r = read_schema(s, &is_there);
	return r < 0 ? r : is_there ? 0 : -ENOENT;
}

int store_postgres_open(const char *where, enum store_mode mode,
			struct store **ret_store)
{
	struct pg_store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->table.base.ops = &OPS;
	s->table.tables = &pg_tables;
	s->mode = mode;
	s->copy.limit = 2 * LIMIT_BODY_INFLATED_BYTES;
	r = set_up(s, where);
	if (r < 0) {
		pg_close(&s->table.base);
		return r;
	}
	*ret_store = &s->table.base;
	return 0;
}
