/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_postgres_read: the console's and the commands' questions. Events come in
 * the order of id, a page of rows at a time, so that an export of any length
 * takes the memory of one page; the pages together are one snapshot only where
 * nothing is added below an id, and nothing ever is.
 */
#include "collector/store_postgres.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/banned.h"

#define SQL_SIZE  2048
#define PAGE_ROWS 500

/* The hash before an event: of the row before, or as it came behind a hole. */
#define PROOF_COLUMNS                                                          \
	"coalesce((SELECT prev FROM gaps WHERE stream = e.stream"              \
	" AND next = e.seq), (SELECT p.hash FROM events p"                     \
	" WHERE p.stream = e.stream AND p.seq = e.seq - 1 LIMIT 1)),"          \
	" (EXISTS (SELECT 1 FROM gaps WHERE stream = e.stream"                 \
	" AND next = e.seq))::int::bigint"

int pg_each_terminal(struct store *store, const char *name,
		     store_terminal_fn *fn, void *ctx)
{
	_cleanup_pg_ PGresult *rows = NULL;
	struct pg_args args = {0};
	int r;

	if (name)
		pg_foreign(&args, name, strlen(name));
	r = pg_ask(pg_store(store), name ? PG_TERMINALS_NAMED : PG_TERMINALS,
		   name ? &args : NULL, &rows);

	for (int i = 0; r == 0 && i < PQntuples(rows); i++) {
		const struct store_terminal terminal = {
			.host = pg_get_text(rows, i, 0),
			.tenant = pg_get_text(rows, i, 1),
			.hostname = pg_get_text(rows, i, 2),
			.unit = pg_get_text(rows, i, 3),
			.tier = pg_get_text(rows, i, 4),
			.mode = pg_get_text(rows, i, 5),
			.policy = pg_get_text(rows, i, 6),
			.version = pg_get_text(rows, i, 7),
			.first_ms = pg_get_int(rows, i, 8),
			.last_ms = pg_get_int(rows, i, 9),
			.status_ms = pg_get_int(rows, i, 10),
			.skew_ms = pg_get_int(rows, i, 11),
			.acked = (uint64_t)pg_get_int(rows, i, 12),
			.tail = (uint64_t)pg_get_int(rows, i, 13),
			.events = (uint64_t)pg_get_int(rows, i, 14),
			.incidents = (uint64_t)pg_get_int(rows, i, 15),
		};

		r = fn(&terminal, ctx);
	}
	return r;
}

static void write_query(const struct store_query *query, char sql[SQL_SIZE])
{
	(void)snprintf(
		sql, SQL_SIZE,
		"SELECT e.id, h.host, s.stream, e.seq, e.wall_ns, e.boot_ns,"
		" e.flags, e.recv_ms, e.time_ms, e.code, e.department,"
		" e.severity, e.action, e.quarantine, e.body, e.hash, %s"
		" FROM events e JOIN hosts h ON h.id = e.host"
		" JOIN streams s ON s.id = e.stream WHERE e.id %s $1"
		" AND ($2::text IS NULL OR e.host ="
		"  (SELECT id FROM hosts WHERE host = $2))"
		" AND ($3::text IS NULL OR e.code = $3) %s"
		" ORDER BY e.id %s LIMIT $4",
		query->is_proof ? PROOF_COLUMNS : "NULL::bytea, 0::bigint",
		query->is_newest_first ? "<" : ">",
		query->min_severity >= 4   ? "AND e.severity >= 4"
					     " AND e.severity >= $5::bigint"
		: query->min_severity >= 3 ? "AND e.severity >= 3"
					     " AND e.severity >= $5::bigint"
		: query->min_severity > 0  ? "AND e.severity >= $5::bigint"
					   : "AND $5::bigint IS NOT NULL",
		query->is_newest_first ? "DESC" : "ASC"); /* fits */
}

static int ask_page(struct pg_store *s, const struct store_query *query,
		    int64_t after, size_t limit, PGresult **ret_rows)
{
	struct pg_args args = {0};
	char sql[SQL_SIZE];

	write_query(query, sql);
	pg_int(&args, query->is_newest_first && after <= 0 ? INT64_MAX : after);
	if (query->host)
		pg_text(&args, query->host);
	else
		pg_null(&args);
	if (query->code)
		pg_text(&args, query->code);
	else
		pg_null(&args);
	pg_int(&args, (int64_t)limit);
	pg_int(&args, query->min_severity);
	return pg_query(s, sql, &args, ret_rows);
}

static int read_row(const PGresult *rows, int i, struct store_row *row)
{
	*row = (struct store_row){
		.id = pg_get_int(rows, i, 0),
		.host = pg_get_text(rows, i, 1),
		.stream = pg_get_text(rows, i, 2),
		.seq = (uint64_t)pg_get_int(rows, i, 3),
		.wall_ns = (uint64_t)pg_get_int(rows, i, 4),
		.boot_ns = (uint64_t)pg_get_int(rows, i, 5),
		.flags = (uint32_t)pg_get_int(rows, i, 6),
		.recv_ms = pg_get_int(rows, i, 7),
		.time_ms = pg_get_int(rows, i, 8),
		.code = pg_get_text(rows, i, 9),
		.unit = pg_get_text(rows, i, 10),
		.severity = (int)pg_get_int(rows, i, 11),
		.action = (int)pg_get_int(rows, i, 12),
		.quarantine = (int)pg_get_int(rows, i, 13),
		.body = PQgetvalue(rows, i, 14),
		.body_len = (size_t)PQgetlength(rows, i, 14),
		.hash = (const uint8_t *)PQgetvalue(rows, i, 15),
		.is_after_lost = pg_get_int(rows, i, 17) != 0,
	};
	if (PQgetlength(rows, i, 16) == HEADERS_HASH_BYTES)
		row->prev = (const uint8_t *)PQgetvalue(rows, i, 16);
	return PQgetlength(rows, i, 15) == HEADERS_HASH_BYTES ? 0 : -EBADMSG;
}

/* Where a walk is. */
struct walk {
	const struct store_query *query;
	int64_t after;
	size_t left;
};

/* -EAGAIN: there may be more. */
static int each_of_page(struct pg_store *s, struct walk *walk, store_row_fn *fn,
			void *ctx)
{
	_cleanup_pg_ PGresult *rows = NULL;
	size_t wanted = walk->left < PAGE_ROWS ? walk->left : PAGE_ROWS;
	int r = ask_page(s, walk->query, walk->after, wanted, &rows);

	for (int i = 0; r == 0 && i < PQntuples(rows); i++) {
		struct store_row row;

		r = read_row(rows, i, &row);
		if (r == 0)
			r = fn(&row, ctx);
		walk->after = row.id;
	}
	if (r != 0)
		return r;
	size_t count = (size_t)PQntuples(rows);
	walk->left -= count;
	return walk->left > 0 && count == wanted ? -EAGAIN : 0;
}

int pg_each_row(struct store *store, const struct store_query *query,
		store_row_fn *fn, void *ctx)
{
	struct walk walk = {
		.query = query,
		.after = query->after,
		.left = query->limit > 0 ? query->limit : SIZE_MAX,
	};
	int r;

	do
		r = each_of_page(pg_store(store), &walk, fn, ctx);
	while (r == -EAGAIN);
	return r;
}

int pg_each_incident(struct store *store, size_t limit, store_incident_fn *fn,
		     void *ctx)
{
	_cleanup_pg_ PGresult *rows = NULL;
	struct pg_args args = {0};
	int r;

	pg_int(&args, (int64_t)limit);
	r = pg_ask(pg_store(store), PG_INCIDENTS, &args, &rows);
	for (int i = 0; r == 0 && i < PQntuples(rows); i++) {
		const struct store_incident_row row = {
			.first_ms = pg_get_int(rows, i, 0),
			.last_ms = pg_get_int(rows, i, 1),
			.count = (uint64_t)pg_get_int(rows, i, 2),
			.seq = (uint64_t)pg_get_int(rows, i, 3),
			.kind = pg_get_text(rows, i, 4),
			.host = pg_get_text(rows, i, 5),
			.stream = pg_get_text(rows, i, 6),
			.detail = pg_get_text(rows, i, 7),
		};

		r = fn(&row, ctx);
	}
	return r;
}

int pg_each_count(struct store *store, int64_t day, store_count_fn *fn,
		  void *ctx)
{
	_cleanup_pg_ PGresult *rows = NULL;
	struct pg_args args = {0};
	int r;

	pg_int(&args, day);
	r = pg_ask(pg_store(store), PG_COUNTS, &args, &rows);
	for (int i = 0; r == 0 && i < PQntuples(rows); i++)
		r = fn(pg_get_int(rows, i, 0), pg_get_text(rows, i, 1),
		       pg_get_text(rows, i, 2),
		       (uint64_t)pg_get_int(rows, i, 3), ctx);
	return r;
}

int pg_each_stream_end(struct store *store, uint64_t leaves, const char *host,
		       store_stream_end_fn *fn, void *ctx)
{
	_cleanup_pg_ PGresult *rows = NULL;
	struct pg_args args = {0};
	int r;

	pg_int(&args, (int64_t)leaves);
	if (host)
		pg_text(&args, host);
	else
		pg_null(&args);
	r = pg_ask(pg_store(store), PG_STREAM_ENDS, &args, &rows);
	for (int i = 0; r == 0 && i < PQntuples(rows); i++)
		r = fn(pg_get_text(rows, i, 0), pg_get_text(rows, i, 1),
		       (uint64_t)pg_get_int(rows, i, 2), ctx);
	return r;
}
