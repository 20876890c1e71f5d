/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_publish: a signed document into the terminals' inbox. It was signed
 * elsewhere; here it is only carried, and every terminal judges it by the key
 * it has pinned.
 */
#include "collector/cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/fd.h"
#include "agent/wire/jws.h"
#include "collector/inbox.h"

#include "agent/base/banned.h"

struct publication {
	const char *host; /* NULL: all */
	const char *name;
	const char *text;
};

static int publish(struct store *store, void *ctx)
{
	const struct publication *p = ctx;

	return inbox_publish(store, p->host, p->name, p->text);
}

/* "-" is what the person pipes in. The caller frees. */
static int read_document(const char *path, char **ret_text)
{
	_cleanup_close_ int opened = -1;
	_cleanup_free_ char *text = malloc(JWS_TEXT_MAX_BYTES + 2);
	size_t size = 0;
	int r;

	if (!text)
		return -ENOMEM;
	if (strcmp(path, "-") != 0) {
		opened = open(path, O_RDONLY | O_CLOEXEC);
		if (opened < 0)
			return -errno;
	}
	r = read_full(opened < 0 ? STDIN_FILENO : opened, text,
		      JWS_TEXT_MAX_BYTES + 1, &size);
	if (r < 0)
		return r;
	while (size > 0 && isspace((unsigned char)text[size - 1]))
		size--;
	text[size] = '\0';
	*ret_text = TAKE_PTR(text);
	return 0;
}

static const char *why(const struct cli *cli, int r)
{
	if (r == -EINVAL)
		return cli_say(cli,
			       "署名された文書（JWS、コンパクト形式）ではありま"
			       "せん。sekimori-policy sign で作ります",
			       "not a signed document (compact JWS); make it "
			       "with sekimori-policy sign");
	return errno_text(r);
}

static int open_store(const struct cli *cli, struct store **ret_store)
{
	int r = store_open(cli->config.database, cli->config.dir, STORE_WRITE,
			   ret_store);

	if (r < 0)
		log_error(&cli->log, "'%s': %s", cli->config.dir,
			  errno_text(r));
	return r;
}

int cmd_publish(struct cli *cli)
{
	_cleanup_(cleanup_store) struct store *store = NULL;
	_cleanup_free_ char *text = NULL;
	/* An order is for one terminal, policy for all or for one */
	struct publication publication = {
		.host = cli->terminal,
		.name = cli->given & CLI_OPT_ORDER ? INBOX_ORDER : INBOX_POLICY,
	};
	int r;

	if ((cli->given & CLI_OPT_ORDER) && !cli->terminal) {
		log_error(&cli->log, "%s",
			  cli_say(cli, "--order には --terminal が要ります",
				  "--order wants --terminal"));
		return CLI_USAGE;
	}
	/* Before root is given up: the file may be root's */
	r = read_document(cli->file, &text);
	if (r < 0) {
		log_error(&cli->log, "'%s': %s", cli->file, errno_text(r));
		return CLI_FAILED;
	}
	if (cli_enter(cli, false) != CLI_OK || open_store(cli, &store) < 0)
		return CLI_FAILED;
	publication.text = text;
	r = text[0] ? store_transact(store, publish, &publication) : -EINVAL;
	if (r < 0) {
		log_error(&cli->log, "'%s': %s", cli->file, why(cli, r));
		return CLI_FAILED;
	}
	return CLI_OK;
}
