/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sqlite_read: the console's and the commands' questions. Every query of
 * events walks one index in the order of id; none reads a body to decide.
 */
#include "collector/store_sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/banned.h"

#define SQL_SIZE 2048

/* The hash before an event: of the row before, or as it came behind a hole. */
#define PROOF_COLUMNS                                                          \
	"coalesce((SELECT prev FROM gaps WHERE stream = e.stream"              \
	" AND next = e.seq), (SELECT p.hash FROM events p"                     \
	" WHERE p.stream = e.stream AND p.seq = e.seq - 1)),"                  \
	" EXISTS (SELECT 1 FROM gaps WHERE stream = e.stream"                  \
	" AND next = e.seq)"

int sqlite_each_terminal(struct store *store, const char *name,
			 store_terminal_fn *fn, void *ctx)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store),
					    name ? STMT_TERMINALS_NAMED
						 : STMT_TERMINALS);
	int r;

	if (!st)
		return -EIO;
	if (name)
		sqlite_bind_text(st, 1, name);
	while ((r = sqlite_next(st)) > 0) {
		const struct store_terminal terminal = {
			.host = sqlite_text(st, 0),
			.tenant = sqlite_text(st, 1),
			.hostname = sqlite_text(st, 2),
			.unit = sqlite_text(st, 3),
			.tier = sqlite_text(st, 4),
			.mode = sqlite_text(st, 5),
			.policy = sqlite_text(st, 6),
			.version = sqlite_text(st, 7),
			.first_ms = sqlite3_column_int64(st, 8),
			.last_ms = sqlite3_column_int64(st, 9),
			.status_ms = sqlite3_column_int64(st, 10),
			.skew_ms = sqlite3_column_int64(st, 11),
			.acked = (uint64_t)sqlite3_column_int64(st, 12),
			.tail = (uint64_t)sqlite3_column_int64(st, 13),
			.events = (uint64_t)sqlite3_column_int64(st, 14),
			.incidents = (uint64_t)sqlite3_column_int64(st, 15),
		};

		r = fn(&terminal, ctx);
		if (r != 0) {
			(void)sqlite3_reset(st); /* the walk ends here */
			return r;
		}
	}
	return r;
}

/*
 * Prepared for each query: which conditions there are decides which index
 * serves them, in the order of id. The unary + keeps the planner from an index
 * that would have to be sorted; the partial index must be named, as a bound
 * severity proves nothing to the planner.
 */
static int prepare_rows(struct sqlite_store *s, const struct store_query *query,
			sqlite3_stmt **ret_st)
{
	bool is_host = query->host, is_code = query->code;
	bool is_severe = query->min_severity >= 3 && !is_host && !is_code;
	char sql[SQL_SIZE];

	(void)snprintf(
		sql, sizeof(sql),
		"SELECT e.id, h.host, s.stream, e.seq, e.wall_ns, e.boot_ns,"
		" e.flags, e.recv_ms, e.time_ms, e.code, e.department,"
		" e.severity, e.action, e.quarantine, e.body, e.hash, %s"
		" FROM events e %s CROSS JOIN hosts h ON h.id = e.host"
		" CROSS JOIN streams s ON s.id = e.stream"
		" WHERE e.id %s ?1 %s %s %s ORDER BY e.id %s LIMIT ?5",
		query->is_proof ? PROOF_COLUMNS : "NULL, 0",
		!is_severe		   ? ""
		: query->min_severity >= 4 ? "INDEXED BY events_high"
					   : "INDEXED BY events_severe",
		query->is_newest_first ? "<" : ">",
		is_host ? "AND e.host = (SELECT id FROM hosts WHERE host = ?2)"
			: "",
		!is_code  ? ""
		: is_host ? "AND +e.code = ?3"
			  : "AND e.code = ?3",
		is_severe && query->min_severity >= 4
			? "AND e.severity >= 4 AND e.severity >= ?4"
		: is_severe ? "AND e.severity >= 3 AND e.severity >= ?4"
		: query->min_severity > 0 ? "AND +e.severity >= ?4"
					  : "",
		query->is_newest_first ? "DESC" : "ASC"); /* fits */
	if (sqlite3_prepare_v2(s->db, sql, -1, ret_st, NULL) != SQLITE_OK)
		return -EIO;
	(void)sqlite3_bind_int64(*ret_st, 1,
				 query->is_newest_first && query->after <= 0
					 ? INT64_MAX
					 : query->after);
	if (is_host)
		sqlite_bind_text(*ret_st, 2, query->host);
	if (is_code)
		sqlite_bind_text(*ret_st, 3, query->code);
	if (query->min_severity > 0)
		(void)sqlite3_bind_int(*ret_st, 4, query->min_severity);
	(void)sqlite3_bind_int64(*ret_st, 5,
				 query->limit > 0 ? (int64_t)query->limit : -1);
	return 0;
}

static int read_row(sqlite3_stmt *st, struct store_row *row)
{
	*row = (struct store_row){
		.id = sqlite3_column_int64(st, 0),
		.host = sqlite_text(st, 1),
		.stream = sqlite_text(st, 2),
		.seq = (uint64_t)sqlite3_column_int64(st, 3),
		.wall_ns = (uint64_t)sqlite3_column_int64(st, 4),
		.boot_ns = (uint64_t)sqlite3_column_int64(st, 5),
		.flags = (uint32_t)sqlite3_column_int64(st, 6),
		.recv_ms = sqlite3_column_int64(st, 7),
		.time_ms = sqlite3_column_int64(st, 8),
		.code = sqlite_text(st, 9),
		.unit = sqlite_text(st, 10),
		.severity = sqlite3_column_int(st, 11),
		.action = sqlite3_column_int(st, 12),
		.quarantine = sqlite3_column_int(st, 13),
		.body = sqlite_text(st, 14),
		.body_len = (size_t)sqlite3_column_bytes(st, 14),
		.hash = sqlite3_column_blob(st, 15),
		.is_after_lost = sqlite3_column_int(st, 17),
	};
	if (sqlite3_column_bytes(st, 16) == HEADERS_HASH_BYTES)
		row->prev = sqlite3_column_blob(st, 16);
	return row->hash && sqlite3_column_bytes(st, 15) == HEADERS_HASH_BYTES
		       ? 0
		       : -EBADMSG;
}

int sqlite_each_row(struct store *store, const struct store_query *query,
		    store_row_fn *fn, void *ctx)
{
	sqlite3_stmt *st = NULL;
	struct store_row row;
	int r;

	r = prepare_rows(sqlite_store(store), query, &st);
	while (r == 0) {
		r = sqlite_next(st);
		if (r <= 0)
			break;
		r = read_row(st, &row);
		if (r == 0)
			r = fn(&row, ctx);
	}
	(void)sqlite3_finalize(st); /* r says it already */
	return r;
}

int sqlite_each_count(struct store *store, int64_t day, store_count_fn *fn,
		      void *ctx)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store), STMT_COUNTS);
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, day);
	while ((r = sqlite_next(st)) > 0) {
		r = fn(sqlite3_column_int64(st, 0), sqlite_text(st, 1),
		       sqlite_text(st, 2),
		       (uint64_t)sqlite3_column_int64(st, 3), ctx);
		if (r != 0) {
			(void)sqlite3_reset(st); /* the walk ends here */
			return r;
		}
	}
	return r;
}

int sqlite_each_incident(struct store *store, size_t limit,
			 store_incident_fn *fn, void *ctx)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store),
					    STMT_INCIDENTS);
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, (int64_t)limit);
	while ((r = sqlite_next(st)) > 0) {
		const struct store_incident_row row = {
			.first_ms = sqlite3_column_int64(st, 0),
			.last_ms = sqlite3_column_int64(st, 1),
			.count = (uint64_t)sqlite3_column_int64(st, 2),
			.seq = (uint64_t)sqlite3_column_int64(st, 3),
			.kind = sqlite_text(st, 4),
			.host = sqlite_text(st, 5),
			.stream = sqlite_text(st, 6),
			.detail = sqlite_text(st, 7),
		};

		r = fn(&row, ctx);
		if (r != 0) {
			(void)sqlite3_reset(st); /* the walk ends here */
			return r;
		}
	}
	return r;
}

int sqlite_each_stream_end(struct store *store, uint64_t leaves,
			   const char *host, store_stream_end_fn *fn, void *ctx)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store),
					    STMT_STREAM_ENDS);
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, (int64_t)leaves);
	if (host)
		sqlite_bind_text(st, 2, host);
	while ((r = sqlite_next(st)) > 0) {
		r = fn(sqlite_text(st, 0), sqlite_text(st, 1),
		       (uint64_t)sqlite3_column_int64(st, 2), ctx);
		if (r != 0) {
			(void)sqlite3_reset(st); /* the walk ends here */
			return r;
		}
	}
	return r;
}
