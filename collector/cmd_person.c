/* SPDX-License-Identifier: Apache-2.0 */
/*
 * person: gives somebody a login to the console, a new token in the place of the
 * old one, or takes it away. The service sees it with its next request.
 */
#include "collector/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "collector/people.h"

#include "agent/base/banned.h"

struct change {
	struct person person;
	bool is_removal;
};

static int apply(struct store *store, void *ctx)
{
	const struct change *change = ctx;

	return change->is_removal ? people_remove(store, change->person.name)
				  : people_put(store, &change->person);
}

static int failed(const struct cli *cli, const struct change *change, int r)
{
	if (r == -EINVAL)
		log_error(&cli->log, "'%s': %s", change->person.name,
			  cli_say(cli, "admin は init のもので変えられません",
				  "admin is the one of 'init' and stays"));
	else if (r == -ENOENT)
		log_error(&cli->log, "'%s': %s", change->person.name,
			  cli_say(cli, "その名前の人はいません",
				  "there is nobody of this name"));
	else
		log_error(&cli->log, "'%s': %s", cli->config.dir,
			  errno_text(r));
	return CLI_FAILED;
}

/* What to be done, from the options. CLI_OK, or CLI_USAGE, said. */
static int read_change(struct cli *cli, struct change *change)
{
	change->is_removal = cli->given & CLI_OPT_REMOVE;
	if (!people_is_name(cli->name)) {
		log_error(&cli->log, "'%s': %s", cli->name,
			  cli_say(cli,
				  "名前は小文字の英字で始まる32文字まで"
				  "(英小文字、数字、._-)",
				  "a name is up to 32 of a-z 0-9 . _ -, a "
				  "letter first"));
		return CLI_USAGE;
	}
	(void)snprintf(change->person.name, sizeof(change->person.name), "%s",
		       cli->name);
	if (change->is_removal != !cli->role) {
		log_error(&cli->log, "%s",
			  cli_say(cli,
				  "--role か --remove "
				  "のどちらかを指定してください",
				  "give either --role or --remove"));
		return CLI_USAGE;
	}
	if (cli->role &&
	    people_role_from_str(cli->role, &change->person.role) < 0) {
		log_error(&cli->log, "'%s': %s", cli->role,
			  cli_say(cli,
				  "役割は auditor、helpdesk、approver、"
				  "administrator のどれかです",
				  "a role is auditor, helpdesk, approver or "
				  "administrator"));
		return CLI_USAGE;
	}
	return CLI_OK;
}

int cmd_person(struct cli *cli)
{
	_cleanup_(cleanup_store) struct store *store = NULL;
	char token[SECRET_TOKEN_SIZE] = "";
	struct change change = {0};
	int r = read_change(cli, &change);

	if (r != CLI_OK)
		return r;
	if (cli_enter(cli, false) != CLI_OK)
		return CLI_FAILED;
	r = store_open(cli->config.database, cli->config.dir, STORE_WRITE,
		       &store);
	if (r == 0 && !change.is_removal)
		r = secret_token_new(token);
	if (r == 0 && !change.is_removal)
		r = secret_hash(token, strlen(token), change.person.token_hash);
	if (r == 0)
		r = store_transact(store, apply, &change);
	if (r < 0)
		return failed(cli, &change, r);
	if (change.is_removal)
		return CLI_OK;
	return printf("%s\n", token) < 0 || fflush(stdout) != 0 ? CLI_FAILED
								: CLI_OK;
}
