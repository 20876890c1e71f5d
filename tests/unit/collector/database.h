/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database that the store's tests run on: SQLite in the test's folder, or
 * the PostgreSQL that SEKIMORI_TEST_DATABASE names, emptied for each test. What
 * the tables hold is asked past the store.
 */
#pragma once

#include <libpq-fe.h>
#include <sqlite3.h>

#include "tests/unit/collector/fixture.h"

/* NULL: SQLite. */
static inline const char *database_name(void)
{
	return getenv("SEKIMORI_TEST_DATABASE");
}

static inline int database_open(const char *folder, enum store_mode mode,
				struct store **ret_store)
{
	const char *name = database_name();

	return store_open(name ? name : "", folder, mode, ret_store);
}

static inline void database_sqlite(const char *folder, const char *sql,
				   int64_t *ret_value)
{
	char path[256];
	sqlite3_stmt *st;
	sqlite3 *db;

	(void)snprintf(path, sizeof(path), "%s/collector.db", folder);
	assert(sqlite3_open(path, &db) == SQLITE_OK);
	if (!ret_value) {
		assert(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
		sqlite3_close(db);
		return;
	}
	assert(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
	assert(sqlite3_step(st) == SQLITE_ROW);
	*ret_value = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
}

static inline void database_postgres(const char *sql, int64_t *ret_value)
{
	PGconn *db = PQconnectdb(database_name());
	PGresult *result;

	PQclear(PQexec(db, "SET search_path = sekimori;"
			   "SET client_min_messages = warning"));
	result = PQexec(db, sql);
	if (ret_value) {
		assert(PQntuples(result) == 1);
		*ret_value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	} else {
		assert(PQresultStatus(result) == PGRES_COMMAND_OK);
	}
	PQclear(result);
	PQfinish(db);
}

/* The number that a query of one row and column gives. */
static inline int64_t database_ask(const char *folder, const char *sql)
{
	int64_t value = 0;

	if (database_name())
		database_postgres(sql, &value);
	else
		database_sqlite(folder, sql, &value);
	return value;
}

static inline void database_run(const char *folder, const char *sql)
{
	if (database_name())
		database_postgres(sql, NULL);
	else
		database_sqlite(folder, sql, NULL);
}

/* An empty store in a new folder. */
static inline void database_make(char **ret_folder, struct store **ret_store)
{
	*ret_folder = fixture_folder();
	if (database_name())
		database_postgres("DROP SCHEMA IF EXISTS sekimori CASCADE",
				  NULL);
	assert(database_open(*ret_folder, STORE_CREATE, ret_store) == 0);
}
