/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimori-witness: signs a collector's checkpoints, in another hand than the
 * collector's: a prefecture, an auditor. It holds no events, only the last
 * checkpoint of each log, and needs no privilege. It is apart from the collector
 * because whoever runs that must not be able to run this.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <systemd/sd-daemon.h>

#include "agent/base/fd.h"
#include "agent/base/log.h"
#include "collector/http.h"
#include "collector/witness/serve.h"

#include "agent/base/banned.h"

enum { OK = 0, FAILED = 1, USAGE = 2 };

struct options {
	const char *dir;
	const char *listen;
	const char *name;
	const char *command;
};

static const char HELP[] =
	"usage: sekimori-witness --dir DIR init --name NAME\n"
	"       sekimori-witness --dir DIR key\n"
	"       sekimori-witness --dir DIR [--listen ADDRESS:PORT] serve\n"
	"       sekimori-witness --help | --version\n";

static const struct option OPTIONS[] = {
	{"dir", required_argument, NULL, 'd'},
	{"listen", required_argument, NULL, 'l'},
	{"name", required_argument, NULL, 'n'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static int usage(void)
{
	(void)fputs(HELP, stderr); /* best effort */
	return USAGE;
}

static int failed(const struct log *log, const char *what, int r)
{
	log_error(log, "'%s': %s", what, errno_text(r));
	return FAILED;
}

static int print_key(const struct log *log, const struct options *options)
{
	struct witness witness;
	char text[NOTE_KEY_TEXT_SIZE];
	int r = witness_open(options->dir, &witness);

	if (r < 0)
		return failed(log, options->dir, r);
	note_key_format(&witness.key, false, text);
	witness_close(&witness);
	return printf("%s\n", text) < 0 || fflush(stdout) != 0 ? FAILED : OK;
}

static int init(const struct log *log, const struct options *options)
{
	int r = witness_init(options->dir, options->name);

	return r < 0 ? failed(log, options->dir, r) : print_key(log, options);
}

static void wait_for_the_end(const sigset_t *set)
{
	int number = 0;

	(void)sd_notify(0, "READY=1"); /* no manager: nothing to tell */
	while (sigwait(set, &number) != 0)
		continue; /* EINTR of a debugger */
}

static int serve(const struct log *log, const struct options *options)
{
	struct witness witness;
	struct serve serve = {.witness = &witness, .log = log};
	struct MHD_Daemon *daemon = NULL;
	uint16_t port = 0;
	sigset_t set;
	int fd = -1, r = witness_open(options->dir, &witness);

	if (r < 0)
		return failed(log, options->dir, r);
	/* Constants and valid pointers: none of these can fail. */
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)sigdelset(&set, SIGPIPE);
	r = http_listen(options->listen, &fd, &port);
	if (r == 0)
		r = serve_start(&serve, fd, &daemon);
	if (r == 0) {
		log_info(log, "'%s' signs for %zu logs on %s (port %u)",
			 witness.key.name, witness.log_count, options->listen,
			 port);
		wait_for_the_end(&set);
		MHD_stop_daemon(daemon);
	} else {
		(void)failed(log, options->listen, r); /* the code is below */
	}
	witness_close(&witness);
	return r < 0 ? FAILED : OK;
}

/* -1: go on; otherwise the exit code. */
static int parse(int argc, char **argv, struct options *options)
{
	int option;

	while ((option = getopt_long(argc, argv, "hV", OPTIONS, NULL)) != -1) {
		switch (option) {
		case 'd':
			options->dir = optarg;
			break;
		case 'l':
			options->listen = optarg;
			break;
		case 'n':
			options->name = optarg;
			break;
		case 'h':
			return fputs(HELP, stdout) < 0 ? FAILED : OK;
		case 'V':
			return printf("sekimori-witness %s\n",
				      SEKIMORI_VERSION) < 0
				       ? FAILED
				       : OK;
		default:
			return usage();
		}
	}
	if (optind != argc - 1)
		return usage();
	options->command = argv[optind];
	return -1;
}

int main(int argc, char **argv)
{
	struct options options = {
		.dir = "/var/lib/sekimori-witness",
		.listen = "127.0.0.1:8446",
	};
	struct log log;
	int r;

	(void)umask(0077); /* what is not for all says so itself */
	log_init(&log, "sekimori-witness");
	r = parse(argc, argv, &options);
	if (r >= 0)
		return r;
	if (strcmp(options.command, "init") == 0 && options.name)
		return init(&log, &options);
	if (strcmp(options.command, "key") == 0 && !options.name)
		return print_key(&log, &options);
	if (strcmp(options.command, "serve") == 0 && !options.name)
		return serve(&log, &options);
	return usage();
}
