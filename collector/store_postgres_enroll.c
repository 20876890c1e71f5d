/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_postgres_enroll: tokens, certificates and small named values. The lock
 * that begins each transaction keeps two requests from the last use of a token.
 */
#include "collector/store_postgres.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/banned.h"

int pg_token_add(struct store *store, const struct store_token *token)
{
	struct pg_store *s = pg_store(store);
	struct pg_args sweep = {0}, args = {0};
	int r;

	pg_int(&sweep, token->created_ms);
	r = pg_do(s, PG_TOKEN_SWEEP, &sweep);
	if (r < 0)
		return r;
	pg_blob(&args, token->hash, SECRET_HASH_BYTES);
	pg_int(&args, token->created_ms);
	pg_int(&args, token->expires_ms);
	pg_int(&args, token->uses);
	pg_int(&args, token->is_reenrol);
	return pg_do(s, PG_TOKEN_ADD, &args);
}

int pg_token_find(struct store *store, const uint8_t hash[SECRET_HASH_BYTES],
		  int64_t now_ms, bool *ret_is_reenrol)
{
	_cleanup_pg_ PGresult *result = NULL;
	struct pg_args args = {0};
	int r;

	pg_blob(&args, hash, SECRET_HASH_BYTES);
	r = pg_ask(pg_store(store), PG_TOKEN_FIND, &args, &result);
	if (r < 0)
		return r;
	if (PQntuples(result) == 0)
		return STORE_TOKEN_UNKNOWN;
	if (pg_get_int(result, 0, 0) <= now_ms)
		return STORE_TOKEN_EXPIRED;
	if (pg_get_int(result, 0, 1) < 1)
		return STORE_TOKEN_USED;
	*ret_is_reenrol = pg_get_int(result, 0, 2) != 0;
	return 0;
}

int pg_token_use(struct store *store, const uint8_t hash[SECRET_HASH_BYTES])
{
	struct pg_args args = {0};

	pg_blob(&args, hash, SECRET_HASH_BYTES);
	return pg_do(pg_store(store), PG_TOKEN_USE, &args);
}

int pg_cert_add(struct store *store, const struct ca_cert *cert, int64_t now_ms)
{
	struct pg_args args = {0};

	pg_text(&args, cert->serial);
	pg_text(&args, cert->ident.host);
	pg_text(&args, cert->ident.tenant);
	pg_blob(&args, cert->key_hash, SECRET_HASH_BYTES);
	pg_int(&args, now_ms);
	pg_int(&args, cert->not_after_s * 1000);
	return pg_do(pg_store(store), PG_CERT_ADD, &args);
}

int pg_cert_state(struct store *store, const char *serial,
		  struct store_cert_state *ret_state)
{
	_cleanup_pg_ PGresult *result = NULL;
	struct pg_args args = {0};
	int r;

	pg_text(&args, serial);
	r = pg_ask(pg_store(store), PG_CERT_STATE, &args, &result);
	if (r < 0)
		return r;
	bool is_known = PQntuples(result) > 0;
	*ret_state = (struct store_cert_state){
		.is_known = is_known,
		.is_revoked = is_known && pg_get_int(result, 0, 0) != 0,
	};
	return 0;
}

int pg_cert_find_other(struct store *store, const struct ca_cert *cert,
		       int64_t now_ms)
{
	_cleanup_pg_ PGresult *result = NULL;
	struct pg_args args = {0};
	int r;

	pg_text(&args, cert->ident.host);
	pg_int(&args, now_ms);
	pg_blob(&args, cert->key_hash, SECRET_HASH_BYTES);
	r = pg_ask(pg_store(store), PG_CERT_OTHER, &args, &result);
	return r < 0 ? r : PQntuples(result) > 0;
}

int pg_cert_revoke(struct store *store, const char *host,
		   const uint8_t *key_hash, int64_t now_ms)
{
	_cleanup_pg_ PGresult *result = NULL;
	struct pg_args args = {0};
	int r;

	pg_text(&args, host);
	pg_int(&args, now_ms);
	if (key_hash)
		pg_blob(&args, key_hash, SECRET_HASH_BYTES);
	else
		pg_null(&args);
	r = pg_ask(pg_store(store), PG_CERT_REVOKE, &args, &result);
	return r < 0 ? r : (int)strtol(PQcmdTuples(result), NULL, 10);
}

int pg_meta_set(struct store *store, const char *key, const char *value)
{
	struct pg_args args = {0};

	pg_text(&args, key);
	pg_text(&args, value);
	return pg_do(pg_store(store), PG_META_SET, &args);
}

int pg_meta_get(struct store *store, const char *key, char **ret_value)
{
	_cleanup_pg_ PGresult *result = NULL;
	struct pg_args args = {0};
	int r;

	pg_text(&args, key);
	r = pg_ask(pg_store(store), PG_META_GET, &args, &result);
	if (r < 0)
		return r;
	if (PQntuples(result) == 0)
		return -ENOENT;
	*ret_value = strdup(pg_get_text(result, 0, 0));
	return *ret_value ? 0 : -ENOMEM;
}
