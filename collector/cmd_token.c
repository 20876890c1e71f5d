/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token, revoke: who may come in, and who no longer. They write the same store
 * the service has open; SQLite's lock orders them, and the service sees the
 * change with its next request.
 */
#include "collector/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/hex.h"
#include "collector/ca.h"
#include "collector/secret.h"
#include "collector/store.h"

#include "agent/base/banned.h"

/* 80 bits of the pin: enough against a second CA that begins alike. */
#define PIN_BYTES_SHOWN 10u
#define HOUR_MS		(3600 * INT64_C(1000))

DEFINE_CLEANUP(ca, struct ca *, ca_free);

struct tokens {
	const struct cli *cli;
	char (*texts)[SECRET_TOKEN_SIZE];
	int64_t now_ms;
};

static int open_store(const struct cli *cli, enum store_mode mode,
		      struct store **ret_store)
{
	int r;

	if (cli_enter(cli, false) != CLI_OK)
		return -1;
	r = store_open(cli->config.database, cli->config.dir, mode, ret_store);
	if (r < 0)
		log_error(&cli->log, "'%s': %s (%s)", cli->config.dir,
			  errno_text(r),
			  cli_say(cli, "init は済んでいますか",
				  "was 'init' run?"));
	return r;
}

static int add_tokens(struct store *store, void *ctx)
{
	struct tokens *tokens = ctx;
	const struct cli *cli = tokens->cli;
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < cli->count; i++) {
		struct store_token token = {
			.created_ms = tokens->now_ms,
			.expires_ms = tokens->now_ms +
				      (int64_t)cli->hours * HOUR_MS,
			.uses = 1,
			.is_reenrol = cli->given & CLI_OPT_REENROL,
		};

		r = secret_token_new(tokens->texts[i]);
		if (r == 0)
			r = secret_hash(tokens->texts[i],
					strlen(tokens->texts[i]), token.hash);
		if (r == 0)
			r = store->ops->token_add(store, &token);
	}
	return r;
}

/*
 * "TOKEN.PIN": with the token travels whom the terminal may trust, so that
 * nobody has to copy two things. Only these lines on stdout: scripts read it.
 */
static int print_tokens(const struct cli *cli, char (*texts)[SECRET_TOKEN_SIZE])
{
	_cleanup_close_ int dirfd = open(cli->config.dir,
					 O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	_cleanup_(cleanup_ca) struct ca *ca = NULL;
	uint8_t pin[CA_PIN_BYTES];
	char text[HEX_SIZE(PIN_BYTES_SHOWN)];
	int r = dirfd < 0 ? -errno : ca_load(dirfd, &ca);

	if (r < 0) {
		log_error(&cli->log, "'%s/ca.key': %s", cli->config.dir,
			  errno_text(r));
		return r;
	}
	ca_pin(ca, pin);
	hex_encode(pin, PIN_BYTES_SHOWN, text);
	for (uint64_t i = 0; r >= 0 && i < cli->count; i++)
		r = printf("%s.%s\n", texts[i], text);
	return r;
}

int cmd_token(struct cli *cli)
{
	_cleanup_(cleanup_store) struct store *store = NULL;
	_cleanup_free_ char(*texts)[SECRET_TOKEN_SIZE] = calloc(cli->count,
								sizeof(*texts));
	struct tokens tokens = {cli, texts,
				(int64_t)(clock_wall_ns() / NS_PER_MS)};
	int r;

	if (!texts || open_store(cli, STORE_WRITE, &store) < 0)
		return CLI_FAILED;
	r = store_transact(store, add_tokens, &tokens);
	if (r < 0) {
		log_error(&cli->log, "'%s': %s", cli->config.dir,
			  errno_text(r));
		return CLI_FAILED;
	}
	return print_tokens(cli, texts) < 0 || fflush(stdout) != 0 ? CLI_FAILED
								   : CLI_OK;
}

static int revoke_certs(struct store *store, void *ctx)
{
	struct cli *cli = ctx;
	int r = store->ops->cert_revoke(store, cli->terminal, NULL,
					(int64_t)(clock_wall_ns() / NS_PER_MS));

	cli->count = r > 0 ? (uint64_t)r : 0;
	return r < 0 ? r : 0;
}

int cmd_revoke(struct cli *cli)
{
	_cleanup_(cleanup_store) struct store *store = NULL;
	int r;

	if (open_store(cli, STORE_WRITE, &store) < 0)
		return CLI_FAILED;
	r = store_transact(store, revoke_certs, cli);
	if (r < 0 || cli->count == 0) {
		log_error(&cli->log, "'%s': %s", cli->terminal,
			  r < 0 ? errno_text(r)
				: cli_say(cli, "有効な証明書がありません",
					  "it has no certificate in force"));
		return CLI_FAILED;
	}
	return printf("%s: %llu\n",
		      cli_say(cli, "失効させた証明書", "certificates revoked"),
		      (unsigned long long)cli->count) < 0
		       ? CLI_FAILED
		       : CLI_OK;
}
