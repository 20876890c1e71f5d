/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM by OpenSSL itself, tokens by its engine of the name "pkcs11" (Debian:
 * libengine-pkcs11-openssl), which is found when it is installed and is not a
 * dependency: most administrators have a file.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* engines: no provider in Debian 12 */
#include "policy/tool/signing_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ui.h>

#include "agent/base/cleanup.h"
#include "agent/wire/jws.h"
#include "policy/tool/tool.h"

#define URI_SCHEME "pkcs11:"

/* OpenSSL's own words; the innermost error comes first and says most. */
static int tell(const char *name, const char *what)
{
	unsigned long code = ERR_peek_error();
	const char *why = code ? ERR_reason_error_string(code) : NULL;

	fprintf(stderr, "%s: %s%s%s\n", name, what, why ? ": " : "",
		why ? why : "");
	ERR_clear_error();
	return TOOL_ERROR;
}

static EVP_PKEY *read_pem(const char *name)
{
	_cleanup_fclose_ FILE *file = fopen(name, "re");
	EVP_PKEY *key = NULL;

	if (!file) {
		fprintf(stderr, "%s: %s\n", name, strerror(errno));
		return NULL;
	}
	key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	if (!key)
		(void)tell(name, "no private key could be read");
	return key;
}

static ENGINE *open_engine(const char *module)
{
	ENGINE_load_builtin_engines();
	ENGINE *engine = ENGINE_by_id("pkcs11");
	if (!engine) {
		(void)tell("pkcs11", "OpenSSL's pkcs11 engine is not there "
				     "(libengine-pkcs11-openssl)");
		return NULL;
	}
	if ((module &&
	     ENGINE_ctrl_cmd_string(engine, "MODULE_PATH", module, 0) != 1) ||
	    ENGINE_init(engine) != 1) {
		(void)tell(module ? module : "pkcs11",
			   "the token's library cannot be loaded");
		ENGINE_free(engine);
		return NULL;
	}
	return engine;
}

static EVP_PKEY *find_in_token(const char *uri, const char *module)
{
	ENGINE *engine = open_engine(module);

	if (!engine)
		return NULL;
	/* The PIN is asked for unless the URI names its source */
	EVP_PKEY *key = ENGINE_load_private_key(engine, uri, UI_OpenSSL(),
						NULL);
	if (!key) /* not the URI: it may hold the PIN */
		(void)tell("pkcs11", "no private key in the token");
	ENGINE_finish(engine); /* the key holds a reference of its own */
	ENGINE_free(engine);
	return key;
}

int signing_key_load(const char *name, const char *module, EVP_PKEY **ret_key)
{
	char id[JWS_KEY_ID_CHARS + 1];
	EVP_PKEY *key;

	key = strncmp(name, URI_SCHEME, strlen(URI_SCHEME)) == 0
		      ? find_in_token(name, module)
		      : read_pem(name);
	if (!key)
		return TOOL_ERROR;
	if (jws_key_id(key, id) < 0) {
		EVP_PKEY_free(key);
		return tell("--key", "not a P-256 key (ES256 needs one)");
	}
	*ret_key = key;
	return 0;
}

int signing_key_write_public(EVP_PKEY *key, const char *path)
{
	_cleanup_fclose_ FILE *file = NULL;

	if (strcmp(path, "-") == 0)
		return PEM_write_PUBKEY(stdout, key) == 1 ? 0 : TOOL_ERROR;
	file = fopen(path, "we");
	if (!file || PEM_write_PUBKEY(file, key) != 1 || fflush(file) != 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return TOOL_ERROR;
	}
	return 0;
}
