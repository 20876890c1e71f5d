/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init: CA, server certificate, store and console token, once. Repeating it on
 * a finished folder changes nothing and says so; after a failure it may simply
 * be run again.
 */
#include "collector/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"
#include "collector/ca.h"
#include "collector/logkey.h"
#include "collector/secret.h"
#include "collector/store.h"

#include "agent/base/banned.h"

#define NAME_MAX_BYTES 64u /* X.509 ub-organization-name counts characters */

struct names {
	char text[CA_HOSTS_MAX * (CA_HOST_MAX + 1)];
	const char *hosts[CA_HOSTS_MAX];
	size_t count;
};

DEFINE_CLEANUP(ca, struct ca *, ca_free);

/* Cuts "a,b" into strings within names->text. */
static int split(const char *list, struct names *names)
{
	char *at = names->text;

	if (snprintf(names->text, sizeof(names->text), "%s", list) >=
	    (int)sizeof(names->text))
		return -EINVAL;
	while (at) {
		char *comma = strchr(at, ',');

		if (comma)
			*comma = '\0';
		if (names->count == CA_HOSTS_MAX)
			return -EINVAL;
		names->hosts[names->count++] = at;
		at = comma ? comma + 1 : NULL;
	}
	return 0;
}

struct secrets {
	const char *organisation;
	char token[SECRET_TOKEN_SIZE];
	char hash[HEX_SIZE(SECRET_HASH_BYTES)];
};

static int save_secrets(struct store *store, void *ctx)
{
	const struct secrets *secrets = ctx;
	int r = store->ops->meta_set(store, "organisation",
				     secrets->organisation);

	return r < 0 ? r
		     : store->ops->meta_set(store, "console.token",
					    secrets->hash);
}

static int make_store(const struct cli *cli, struct secrets *secrets)
{
	_cleanup_(cleanup_store) struct store *store = NULL;
	uint8_t hash[SECRET_HASH_BYTES];
	int r = secret_token_new(secrets->token);

	if (r == 0)
		r = secret_hash(secrets->token, strlen(secrets->token), hash);
	if (r < 0)
		return r;
	hex_encode(hash, sizeof(hash), secrets->hash);
	r = store_open(cli->config.database, cli->config.dir, STORE_CREATE,
		       &store);
	return r < 0 ? r : store_transact(store, save_secrets, secrets);
}

static const char *port_of(const char *address)
{
	const char *colon = strrchr(address, ':');

	return colon ? colon + 1 : "";
}

static int tell(const struct cli *cli, const struct names *names,
		const struct ca *ca, const struct secrets *secrets)
{
	char pin[HEX_SIZE(CA_PIN_BYTES)];
	uint8_t raw[CA_PIN_BYTES];

	ca_pin(ca, raw);
	hex_encode(raw, sizeof(raw), pin);
	if (cli->given & CLI_OPT_PLAIN)
		return printf("pin=sha256:%s\nconsole_token=%s\n", pin,
			      secrets->token);
	return printf(
		cli_say(cli,
			"「%s」の収集サーバーを準備しました。\n\n"
			"  認証局の指紋  sha256:%s\n"
			"  管理画面      https://%s/\n"
			"  利用者        admin\n"
			"  合言葉        %s\n\n"
			"合言葉はここでしか表示されません。控えてください。\n\n"
			"次にすること\n"
			"  1. systemctl enable --now sekimori-collector\n"
			"  2. 端末1台ごとに、ここで: sekimori-collector token\n"
			"  3. その端末で: sekimori-ship enroll https://%s:%s "
			"トークン\n",
			"The collector of '%s' is ready.\n\n"
			"  CA pin    sha256:%s\n"
			"  console   https://%s/\n"
			"  user      admin\n"
			"  token     %s\n\n"
			"The token is shown only here. Write it down.\n\n"
			"What to do next\n"
			"  1. systemctl enable --now sekimori-collector\n"
			"  2. for each terminal, here: sekimori-collector "
			"token\n"
			"  3. on that terminal: sekimori-ship enroll "
			"https://%s:%s TOKEN\n"),
		secrets->organisation, pin, cli->config.console_listen,
		secrets->token, names->hosts[0], port_of(cli->config.listen));
}

/* From an `init` that failed later there may be one already. */
static int make_log_key(int dirfd, const char *organisation, const char *host)
{
	char origin[NOTE_NAME_MAX + 1];
	int r;

	logkey_origin(host, organisation, origin);
	r = logkey_create(dirfd, LOGKEY_NAME, origin, NOTE_ED25519);
	return r == -EEXIST ? 0 : r;
}

static int prepare(const struct cli *cli, const struct names *names,
		   struct secrets *secrets, struct ca **ret_ca)
{
	_cleanup_close_ int dirfd = open(cli->config.dir,
					 O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int there = -1;
	int r;

	if (dirfd < 0)
		return -errno;
	there = open_below(dirfd, "ca.key", O_PATH, 0);
	if (there >= 0)
		return -EEXIST;
	/* The CA last: its key says that everything before it is done. */
	r = make_store(cli, secrets);
	if (r == 0)
		r = make_log_key(dirfd, secrets->organisation, names->hosts[0]);
	if (r == 0)
		r = ca_create(dirfd, secrets->organisation, names->hosts,
			      names->count);
	return r < 0 ? r : ca_load(dirfd, ret_ca);
}

int cmd_init(struct cli *cli)
{
	_cleanup_(cleanup_ca) struct ca *ca = NULL;
	struct secrets secrets = {
		.organisation = cli->name ? cli->name : "Sekimori",
	};
	struct names names = {0};
	int r;

	if (split(cli->hosts, &names) < 0 || secrets.organisation[0] == '\0' ||
	    strlen(secrets.organisation) > NAME_MAX_BYTES) {
		log_error(&cli->log, "%s",
			  cli_say(cli, "--host または --name が不正です",
				  "--host or --name is not valid"));
		return CLI_USAGE;
	}
	if (cli_enter(cli, true) != CLI_OK)
		return CLI_FAILED;
	r = prepare(cli, &names, &secrets, &ca);
	if (r == -EEXIST)
		log_error(&cli->log, "'%s': %s", cli->config.dir,
			  cli_say(cli, "準備は済んでいます。何も変えていません",
				  "prepared already; nothing was changed"));
	else if (r == -EINVAL)
		log_error(&cli->log, "'%s': %s", cli->hosts,
			  cli_say(cli, "ホスト名でもアドレスでもありません",
				  "not host names or addresses"));
	else if (r < 0)
		log_error(&cli->log, "'%s': %s", cli->config.dir,
			  errno_text(r));
	if (r < 0)
		return r == -EINVAL ? CLI_USAGE : CLI_FAILED;
	return tell(cli, &names, ca, &secrets) < 0 || fflush(stdout) != 0
		       ? CLI_FAILED
		       : CLI_OK;
}
