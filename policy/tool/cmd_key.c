/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key: a new P-256 key and its public half, or the public half of a key that
 * lives in a token. What openssl(1) does in three commands, without the
 * chance to choose another curve.
 */
#include "policy/tool/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/wire/jws.h"
#include "policy/tool/signing_key.h"

#define PATH_MAX_BYTES 4096

struct key_options {
	const char *output;
	const char *public_of;
	const char *module;
	bool is_encrypted;
};

static int print_usage(void)
{
	fprintf(stderr,
		"usage: sekimori-policy key [--encrypt] -o FILE\n"
		"       sekimori-policy key --public-of FILE|pkcs11:URI "
		"[--module LIBRARY] -o FILE\n");
	return TOOL_USAGE;
}

static int parse(int argc, char **argv, struct key_options *ret_options)
{
	static const struct option options[] = {
		{"encrypt", no_argument, NULL, 'e'},
		{"public-of", required_argument, NULL, 'p'},
		{"module", required_argument, NULL, 'm'},
		{"output", required_argument, NULL, 'o'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		if (c == 'e')
			ret_options->is_encrypted = true;
		else if (c == 'p')
			ret_options->public_of = optarg;
		else if (c == 'm')
			ret_options->module = optarg;
		else if (c == 'o')
			ret_options->output = optarg;
		else
			return print_usage();
	}
	if (!ret_options->output || optind != argc)
		return print_usage();
	return 0;
}

/* Never over another key, never readable by others. */
static int write_private(EVP_PKEY *key, const struct key_options *options)
{
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_close_ int fd = open_below(AT_FDCWD, options->output,
					    O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", options->output, strerror(-fd));
		return TOOL_ERROR;
	}
	file = fdopen(fd, "w");
	if (!file)
		return TOOL_ERROR;
	TAKE_FD(fd);
	const EVP_CIPHER *cipher = options->is_encrypted ? EVP_aes_256_cbc()
							 : NULL;
	/* With a cipher the pass phrase is asked for on the terminal */
	if (PEM_write_PKCS8PrivateKey(file, key, cipher, NULL, 0, NULL, NULL) !=
		    1 ||
	    fflush(file) != 0) {
		fprintf(stderr, "%s: the key could not be written\n",
			options->output);
		(void)unlink(options->output); /* an empty file is no key */
		return TOOL_ERROR;
	}
	return 0;
}

static void tell_key(EVP_PKEY *key, const char *path)
{
	char id[JWS_KEY_ID_CHARS + 1], point[JWS_POINT_CHARS + 1];

	if (jws_key_id(key, id) == 0 && jws_point(key, point) == 0)
		fprintf(stderr, "key %s\npublic \"%s\"\npublic half in %s\n",
			id, point, path);
}

static int make_key(const struct key_options *options)
{
	char path[PATH_MAX_BYTES];
	int n = snprintf(path, sizeof(path), "%s.pub", options->output);
	if (n < 0 || (size_t)n >= sizeof(path))
		return TOOL_ERROR;

	EVP_PKEY *key = EVP_EC_gen("P-256");
	if (!key) {
		fprintf(stderr, "no key could be made\n");
		return TOOL_ERROR;
	}
	int r = write_private(key, options);
	if (r == 0)
		r = signing_key_write_public(key, path);
	if (r == 0)
		tell_key(key, path);
	EVP_PKEY_free(key);
	return r;
}

int cmd_key(int argc, char **argv)
{
	struct key_options options = {0};
	EVP_PKEY *key = NULL;

	int r = parse(argc, argv, &options);
	if (r != 0)
		return r;
	if (!options.public_of)
		return make_key(&options);
	r = signing_key_load(options.public_of, options.module, &key);
	if (r == 0)
		r = signing_key_write_public(key, options.output);
	if (r == 0)
		tell_key(key, options.output);
	EVP_PKEY_free(key);
	return r;
}
