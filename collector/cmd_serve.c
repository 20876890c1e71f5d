/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve: opens everything, starts the writer and the two listeners, tells the
 * service manager, and waits for a signal. The end is in the reverse order: no
 * new connections, what waits is committed and answered, then the listeners go.
 */
#include "collector/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"
#include "collector/agents.h"
#include "collector/ca.h"
#include "collector/console.h"
#include "collector/inbox.h"
#include "collector/logkey.h"
#include "collector/notary.h"
#include "collector/output.h"
#include "collector/retention.h"
#include "collector/store.h"

#include "agent/base/banned.h"

#define PEM_FILE_MAX 16384

struct server {
	const struct cli *cli;
	struct ca *ca;
	struct store *writer_store;
	struct store *console_store;
	struct store *notary_store;
	struct store *inbox_store;
	struct store *inbox_ask_store;
	int dirfd;
	char *key_pem;
	char *cert_pem;
	struct service service;
	struct console console;
	struct retention *retention;
	struct MHD_Daemon *agents;
	struct MHD_Daemon *console_daemon;
};

/* Logs what failed; for the chain of steps below. */
static int failed(const struct server *s, const char *what, int r)
{
	log_error(&s->cli->log, "%s: %s", what, errno_text(r));
	return r;
}

static int load_secrets(struct server *s)
{
	_cleanup_close_ int dirfd = open(s->cli->config.dir,
					 O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	size_t size;
	int r;

	if (dirfd < 0)
		return failed(s, s->cli->config.dir, -errno);
	r = ca_load(dirfd, &s->ca);
	if (r < 0)
		return failed(s, "ca.key, ca.crt (was 'init' run?)", r);
	r = ca_renew_server(s->ca, dirfd, (int64_t)time(NULL));
	if (r < 0)
		return failed(s, "server.crt", r);
	if (r > 0)
		log_notice(&s->cli->log, "Renewed the server's certificate");
	r = read_small_file(dirfd, "server.key", PEM_FILE_MAX, &s->key_pem,
			    &size);
	if (r == 0)
		r = read_small_file(dirfd, "server.crt", PEM_FILE_MAX,
				    &s->cert_pem, &size);
	return r < 0 ? failed(s, "server.key, server.crt", r) : 0;
}

static int read_login(struct server *s)
{
	struct store *store = s->console_store;
	struct person admin;
	int r = store->ops->meta_get(store, "organisation",
				     &s->console.organisation);

	/* A store without a console's token was never made by `init`. */
	return r < 0 ? r : people_find(store, "admin", &admin);
}

static int open_stores(struct server *s)
{
	const char *database = s->cli->config.database;
	const char *dir = s->cli->config.dir;
	int r = store_open(database, dir, STORE_WRITE, &s->writer_store);

	if (r == 0)
		r = store_open(database, dir, STORE_READ, &s->console_store);
	if (r == 0)
		r = store_open(database, dir, STORE_READ, &s->notary_store);
	if (r == 0)
		r = store_open(database, dir, STORE_READ, &s->inbox_store);
	if (r == 0)
		r = store_open(database, dir, STORE_READ, &s->inbox_ask_store);
	if (r == 0)
		r = read_login(s);
	/* Not the connection string: a password may be in it */
	return r < 0 ? failed(s, database[0] ? "database" : "collector.db", r)
		     : 0;
}

static int listen_on(struct server *s, const char *what, const char *address,
		     int *ret_fd)
{
	uint16_t port = 0;
	int r = http_listen(address, ret_fd, &port);

	if (r < 0)
		return failed(s, address, r);
	log_info(&s->cli->log, "%s listen on %s (port %u)", what, address,
		 port);
	return 0;
}

static int start_agents(struct server *s)
{
	struct agents_config config = {
		.listen_fd = -1,
		.key_pem = s->key_pem,
		.cert_pem = s->cert_pem,
		.threads = (unsigned int)s->cli->config.threads,
		.max_connections = (unsigned int)s->cli->config.max_connections,
	};
	int r = listen_on(s, "Terminals:", s->cli->config.listen,
			  &config.listen_fd);

	if (r == 0)
		r = agents_start(&s->service, &config, &s->agents);
	if (r < 0 && config.listen_fd >= 0) {
		(void)close(config.listen_fd); /* nothing was served */
		return failed(s, "terminals' listener", r);
	}
	return r;
}

static int start_console(struct server *s)
{
	struct console_config config = {
		.listen_fd = -1,
		.key_pem = s->key_pem,
		.cert_pem = s->cert_pem,
	};
	int r = listen_on(s, "Console:", s->cli->config.console_listen,
			  &config.listen_fd);

	s->console.service = &s->service;
	s->console.store = s->console_store;
	s->console.dirfd = s->dirfd;
	if (r == 0)
		r = feeds_start(s->service.log, &s->console.feeds);
	if (r == 0)
		r = console_start(&s->console, &config, &s->console_daemon);
	if (r < 0 && config.listen_fd >= 0) {
		(void)close(config.listen_fd); /* nothing was served */
		return failed(s, "console's listener", r);
	}
	return r;
}

/* A store from before there was a log key has its name from this machine. */
static int make_log_key(struct server *s)
{
	char host[NOTE_NAME_MAX + 1] = "", origin[NOTE_NAME_MAX + 1];
	int r;

	if (gethostname(host, sizeof(host) - 1) < 0)
		return -errno;
	logkey_origin(host, s->console.organisation, origin);
	r = logkey_create(s->dirfd, LOGKEY_NAME, origin, NOTE_ED25519);
	return r == -EEXIST ? 0 : r;
}

static int start_notary(struct server *s)
{
	struct notary_config config = {
		.dir = s->cli->config.dir,
		.log = &s->cli->log,
		.store = s->notary_store,
	};
	int r;

	for (size_t i = 0; i < CONFIG_WITNESSES; i++) {
		const char *text = s->cli->config.witnesses[i];

		if (text[0] == '\0')
			continue;
		r = notary_read_witness(
			text, &config.witnesses[config.witness_count]);
		if (r < 0)
			return failed(s, "'witness' wants a URL and a key", r);
		config.witness_count++;
	}
	r = make_log_key(s);
	if (r == 0)
		r = notary_start(&config, &s->service.notary);
	return r < 0 ? failed(s, "log.key", r) : 0;
}

static int start_output(struct server *s, size_t index)
{
	const struct config *config = &s->cli->config;
	const struct config_output *from = &config->outputs[index];
	const struct output_config output = {
		.url = from->url,
		.format = from->format,
		.ca = from->ca,
		.cert = from->cert,
		.key = from->key,
		.secret = from->secret,
		.database = config->database,
		.dir = config->dir,
		.log = &s->cli->log,
	};
	char problem[OUTPUT_PROBLEM_SIZE];
	int r;

	if (!from->url[0])
		return 0;
	r = output_start(&output, problem, &s->service.outputs[index]);
	if (r < 0)
		log_error(&s->cli->log, "Output '%s': %s", from->url, problem);
	return r;
}

static int start_retention(struct server *s)
{
	struct note_key key;
	int r = logkey_load(s->dirfd, LOGKEY_NAME, &key);

	if (r == 0)
		r = own_log_init(span_str(key.name), &s->service.own);
	if (r == 0)
		r = retention_start(s->service.writer, &s->cli->log,
				    span_str(key.name),
				    s->cli->config.retention_days,
				    &s->retention);
	explicit_bzero(&key, sizeof(key));
	return r;
}

static int start_outputs(struct server *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < CONFIG_OUTPUTS; i++)
		r = start_output(s, i);
	return r;
}

static int start(struct server *s)
{
	int r = load_secrets(s);

	if (r == 0) {
		s->dirfd = open(s->cli->config.dir,
				O_DIRECTORY | O_RDONLY | O_CLOEXEC);
		r = s->dirfd < 0 ? failed(s, s->cli->config.dir, -errno)
				 : open_stores(s);
	}
	if (r < 0)
		return r;
	s->service.ca = s->ca;
	s->service.log = &s->cli->log;
	r = writer_start(s->writer_store, &s->cli->log, &s->service.writer);
	if (r < 0)
		return failed(s, "writer", r);
	r = inbox_start(s->inbox_store, s->inbox_ask_store, &s->cli->log,
			&s->service.inbox);
	if (r < 0)
		return failed(s, "inbox", r);
	r = start_notary(s);
	if (r == 0)
		r = start_outputs(s);
	if (r < 0)
		return r;
	r = start_retention(s);
	if (r < 0)
		return failed(s, "retention", r);
	r = handshake_start(&s->service.handshake);
	if (r < 0)
		return failed(s, "handshakes", r);
	r = start_agents(s);
	return r < 0 ? r : start_console(s);
}

static void quiesce(struct MHD_Daemon *daemon)
{
	int fd = daemon ? MHD_quiesce_daemon(daemon) : -1;

	if (fd >= 0)
		(void)close(fd); /* a listening socket loses nothing */
}

static void stop(struct server *s)
{
	quiesce(s->agents);
	quiesce(s->console_daemon);
	retention_stop(s->retention);
	/* Resumes every suspended connection, as MHD_stop_daemon() wants. */
	writer_stop(s->service.writer);
	inbox_stop(s->service.inbox);
	handshake_stop(s->service.handshake);
	feeds_stop(s->console.feeds);
	if (s->agents)
		MHD_stop_daemon(s->agents);
	if (s->console_daemon)
		MHD_stop_daemon(s->console_daemon);
	feeds_free(s->console.feeds);
	/* What came last waits in the store for the next start. */
	for (size_t i = 0; i < CONFIG_OUTPUTS; i++)
		output_stop(s->service.outputs[i]);
	/* After the last commit, so that its checkpoint covers everything. */
	notary_stop(s->service.notary);
	writer_free(s->service.writer);
	inbox_free(s->service.inbox);
	handshake_free(s->service.handshake);
	store_close(s->notary_store);
	store_close(s->inbox_store);
	store_close(s->inbox_ask_store);
	if (s->dirfd >= 0)
		(void)close(s->dirfd); /* a folder */
	store_close(s->console_store);
	/* The last: it writes the WAL back, which a reader may not. */
	store_close(s->writer_store);
	ca_free(s->ca);
	free(s->console.organisation);
	free(s->cert_pem);
	if (s->key_pem)
		explicit_bzero(s->key_pem, strlen(s->key_pem));
	free(s->key_pem);
}

/*
 * Blocked before any thread is made. SIGTERM and SIGINT are waited for; the
 * others stay blocked, so that a lost client or a file size limit is the error
 * of one write and not the end.
 */
static void block_signals(sigset_t *waited)
{
	sigset_t all;

	/* Constants and valid pointers: none of these can fail. */
	(void)sigemptyset(waited);
	(void)sigaddset(waited, SIGTERM);
	(void)sigaddset(waited, SIGINT);
	all = *waited;
	(void)sigaddset(&all, SIGPIPE);
	(void)sigaddset(&all, SIGXFSZ);
	(void)pthread_sigmask(SIG_BLOCK, &all, NULL);
}

int cmd_serve(struct cli *cli)
{
	struct server server = {.cli = cli, .dirfd = -1};
	sigset_t set;
	int signal_number = 0, r;

	if (cli_enter(cli, false) != CLI_OK)
		return CLI_FAILED;
	block_signals(&set);
	r = start(&server);
	if (r == 0) {
		(void)sd_notify(0, "READY=1"); /* no manager: nothing to tell */
		while (sigwait(&set, &signal_number) != 0)
			continue;		  /* EINTR of a debugger */
		(void)sd_notify(0, "STOPPING=1"); /* same */
		log_info(&cli->log, "Stopping: signal %d", signal_number);
	}
	stop(&server);
	return r < 0 ? CLI_FAILED : CLI_OK;
}
