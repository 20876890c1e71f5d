/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sqlite_enroll: tokens, certificates and small named values. Tokens are
 * only known by their hash; a row is looked up, judged and counted down in the
 * caller's transaction, so two requests cannot both take the last use.
 */
#include "collector/store_sqlite.h"

#include <errno.h>
#include <string.h>

#include "agent/base/banned.h"

static void bind_hash(sqlite3_stmt *st, int index, const uint8_t *hash)
{
	(void)sqlite3_bind_blob(st, index, hash, SECRET_HASH_BYTES,
				SQLITE_STATIC); /* a wrong index cannot be */
}

int sqlite_token_add(struct store *store, const struct store_token *token)
{
	struct sqlite_store *s = sqlite_store(store);
	sqlite3_stmt *st = sqlite_statement(s, STMT_TOKEN_SWEEP);
	int r;

	if (!st)
		return -EIO;
	(void)sqlite3_bind_int64(st, 1, token->created_ms);
	r = sqlite_run(st);
	if (r < 0)
		return r;

	st = sqlite_statement(s, STMT_TOKEN_ADD);
	if (!st)
		return -EIO;
	bind_hash(st, 1, token->hash);
	(void)sqlite3_bind_int64(st, 2, token->created_ms);
	(void)sqlite3_bind_int64(st, 3, token->expires_ms);
	(void)sqlite3_bind_int64(st, 4, token->uses);
	(void)sqlite3_bind_int(st, 5, token->is_reenrol);
	return sqlite_run(st);
}

int sqlite_token_find(struct store *store,
		      const uint8_t hash[SECRET_HASH_BYTES], int64_t now_ms,
		      bool *ret_is_reenrol)
{
	struct sqlite_store *s = sqlite_store(store);
	sqlite3_stmt *st = sqlite_statement(s, STMT_TOKEN_FIND);
	int64_t expires_ms, uses;
	bool is_reenrol;
	int r;

	if (!st)
		return -EIO;
	bind_hash(st, 1, hash);
	r = sqlite_next(st);
	if (r < 0)
		return r;
	if (r == 0)
		return STORE_TOKEN_UNKNOWN;
	expires_ms = sqlite3_column_int64(st, 0);
	uses = sqlite3_column_int64(st, 1);
	is_reenrol = sqlite3_column_int(st, 2) != 0;
	(void)sqlite3_reset(st); /* the row was read */
	if (expires_ms <= now_ms)
		return STORE_TOKEN_EXPIRED;
	if (uses < 1)
		return STORE_TOKEN_USED;

	*ret_is_reenrol = is_reenrol;
	return 0;
}

int sqlite_token_use(struct store *store, const uint8_t hash[SECRET_HASH_BYTES])
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store),
					    STMT_TOKEN_USE);

	if (!st)
		return -EIO;
	bind_hash(st, 1, hash);
	return sqlite_run(st);
}

int sqlite_cert_add(struct store *store, const struct ca_cert *cert,
		    int64_t now_ms)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store), STMT_CERT_ADD);

	if (!st)
		return -EIO;
	sqlite_bind_text(st, 1, cert->serial);
	sqlite_bind_text(st, 2, cert->ident.host);
	sqlite_bind_text(st, 3, cert->ident.tenant);
	bind_hash(st, 4, cert->key_hash);
	(void)sqlite3_bind_int64(st, 5, now_ms);
	(void)sqlite3_bind_int64(st, 6, cert->not_after_s * 1000);
	return sqlite_run(st);
}

int sqlite_cert_state(struct store *store, const char *serial,
		      struct store_cert_state *ret_state)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store),
					    STMT_CERT_STATE);
	int r;

	if (!st)
		return -EIO;
	sqlite_bind_text(st, 1, serial);
	r = sqlite_next(st);
	if (r < 0)
		return r;
	*ret_state = (struct store_cert_state){.is_known = r > 0};
	if (r > 0) {
		ret_state->is_revoked = sqlite3_column_int(st, 0) != 0;
		(void)sqlite3_reset(st); /* the row was read */
	}
	return 0;
}

int sqlite_cert_find_other(struct store *store, const struct ca_cert *cert,
			   int64_t now_ms)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store),
					    STMT_CERT_OTHER);
	int r;

	if (!st)
		return -EIO;
	sqlite_bind_text(st, 1, cert->ident.host);
	(void)sqlite3_bind_int64(st, 2, now_ms);
	bind_hash(st, 3, cert->key_hash);
	r = sqlite_next(st);
	if (r > 0)
		(void)sqlite3_reset(st); /* that there is one is enough */
	return r;
}

int sqlite_cert_revoke(struct store *store, const char *host,
		       const uint8_t *key_hash, int64_t now_ms)
{
	struct sqlite_store *s = sqlite_store(store);
	sqlite3_stmt *st = sqlite_statement(s, STMT_CERT_REVOKE);
	int r;

	if (!st)
		return -EIO;
	sqlite_bind_text(st, 1, host);
	(void)sqlite3_bind_int64(st, 2, now_ms);
	if (key_hash)
		bind_hash(st, 3, key_hash);
	r = sqlite_run(st);
	return r < 0 ? r : sqlite3_changes(s->db);
}

int sqlite_meta_set(struct store *store, const char *key, const char *value)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store), STMT_META_SET);

	if (!st)
		return -EIO;
	sqlite_bind_text(st, 1, key);
	sqlite_bind_text(st, 2, value);
	return sqlite_run(st);
}

int sqlite_meta_get(struct store *store, const char *key, char **ret_value)
{
	sqlite3_stmt *st = sqlite_statement(sqlite_store(store), STMT_META_GET);
	char *value;
	int r;

	if (!st)
		return -EIO;
	sqlite_bind_text(st, 1, key);
	r = sqlite_next(st);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	value = strdup(sqlite_text(st, 0));
	(void)sqlite3_reset(st); /* the row was read */
	if (!value)
		return -ENOMEM;
	*ret_value = value;
	return 0;
}
