/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorid: options, signals, the context. Everything else is in daemon.c.
 */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/daemon/bundle.h"
#include "agent/daemon/config.h"
#include "agent/daemon/daemon.h"
#include "agent/daemon/release.h"

static const char usage[] =
	"Usage: sekimorid [OPTION…]\n"
	"Keeps residents' data from leaving this terminal; see sekimorid(8).\n"
	"\n"
	"  --config FILE   instead of /etc/sekimori/agent.conf\n"
	"  --root DIR      look for /sys, /etc, /var … below DIR (tests)\n"
	"  --check-config  read configuration and rules, say what is wrong\n"
	"  --release       uninstall: give back what is guarded, and end\n"
	"  --may-release   say whether that is allowed, and end\n"
	"  --no-guard      do not load the kernel guard (tests)\n"
	"  --no-bus        do not connect to D-Bus (tests)\n"
	"  --version\n"
	"  --help\n";

#define MMAP_THRESHOLD_BYTES (64 * 1024)

struct arguments {
	struct daemon_options options;
	bool check_config;
	bool release;
	bool may_release;
	bool done; /* help or version was printed */
};

static int parse(int argc, char **argv, struct arguments *arguments)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"root", required_argument, NULL, 'r'},
		{"check-config", no_argument, NULL, 'k'},
		{"release", no_argument, NULL, 'R'},
		{"may-release", no_argument, NULL, 'm'},
		{"no-guard", no_argument, NULL, 'g'},
		{"no-bus", no_argument, NULL, 'b'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'c')
			arguments->options.config = optarg;
		else if (option == 'r')
			arguments->options.root = optarg;
		else if (option == 'k')
			arguments->check_config = true;
		else if (option == 'R')
			arguments->release = true;
		else if (option == 'm')
			arguments->may_release = true;
		else if (option == 'g')
			arguments->options.no_guard = true;
		else if (option == 'b')
			arguments->options.no_bus = true;
		else if (option == 'v' || option == 'h') {
			(void)fputs(option == 'h'
					    ? usage
					    : "sekimorid " SEKIMORI_VERSION
					      "\n",
				    stdout);
			arguments->done = true;
		} else {
			return -EINVAL;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "sekimorid: unexpected '%s'\n",
			      argv[optind]);
		return -EINVAL;
	}
	return 0;
}

static int check_config(const struct daemon_options *options)
{
	_cleanup_close_ int root = open(options->root,
					O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bundle bundle = {0};
	struct config config;
	char error[CONF_ERROR_MAX];
	const char *path = options->config;
	int result = EXIT_SUCCESS;

	while (*path == '/')
		path++;
	if (root < 0) {
		(void)fprintf(stderr, "sekimorid: %s: %s\n", options->root,
			      errno_text(errno));
		return EXIT_FAILURE;
	}
	if (config_load(root, path, &config, error) != 0) {
		(void)fprintf(stderr, "%s: %s\n", options->config, error);
		result = EXIT_FAILURE;
	}
	if (bundle_load(&bundle, root, "etc/sekimori/rules.d", NULL) != 0) {
		(void)fprintf(stderr, "%s\n", bundle.error);
		result = EXIT_FAILURE;
	} else {
		(void)printf("%u rules, %s\n", bundle.info.rule_count,
			     bundle.info.digest);
	}
	bundle_fini(&bundle);
	return result;
}

/* Before the first thread: the spool's must inherit the mask. */
static void block_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGPIPE);
	(void)sigprocmask(SIG_BLOCK, &set, NULL); /* cannot fail with a set */
}

int main(int argc, char **argv)
{
	struct arguments arguments = {
		.options =
			{
				.root = "/",
				.config = "/etc/sekimori/agent.conf",
			},
	};
	struct daemon *daemon = NULL;
	struct log log;

	log_init(&log, "sekimorid");
	if (log_set_level(&log, secure_getenv("SEKIMORI_LOG")) < 0)
		log_warning(&log, "unknown level in SEKIMORI_LOG, ignoring");
	if (parse(argc, argv, &arguments) < 0)
		return 2;
	if (arguments.done)
		return EXIT_SUCCESS;
	if (arguments.check_config)
		return check_config(&arguments.options);
	if (arguments.may_release)
		return release_check(arguments.options.root, &log) < 0
			       ? EXIT_FAILURE
			       : EXIT_SUCCESS;
	if (arguments.release)
		return release(arguments.options.root, &log) < 0 ? EXIT_FAILURE
								 : EXIT_SUCCESS;

	/* Fixed, else the first large text that is freed raises it and what
	 * the BPF loader needs for a moment stays in the heap for good. */
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
	/* One byte of a thread's stack or of the spool's buffers would cost a
	 * huge page, 2 MB of the 5 that this process may have. */
	(void)prctl(PR_SET_THP_DISABLE, 1UL, 0UL, 0UL, 0UL);
	block_signals();
	int r = daemon_new(&arguments.options, &log, &daemon);
	if (r < 0) {
		log_error(&log, "cannot start: %s", errno_text(r));
		return EXIT_FAILURE;
	}
	r = daemon_run(daemon);
	if (r < 0)
		log_error(&log, "the loop ended: %s", errno_text(r));
	daemon_free(daemon);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
