/* SPDX-License-Identifier: Apache-2.0 */
/* Options to structs; the commands are in their own files. */
#include "agent/ship/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/log.h"
#include "agent/ship/enroll.h"
#include "agent/ship/run.h"
#include "agent/ship/status.h"

#include "agent/base/banned.h"

enum { EXIT_USAGE = 2, EXIT_NOT_ENROLLED = 3 };

enum option_id {
	OPTION_COLLECTOR = 256,
	OPTION_TOKEN,
	OPTION_CA_SHA256,
	OPTION_CA_FILE,
	OPTION_TENANT,
	OPTION_ROOT,
	OPTION_ONCE,
};

static const struct option long_options[] = {
	{"collector", required_argument, NULL, OPTION_COLLECTOR},
	{"token", required_argument, NULL, OPTION_TOKEN},
	{"ca-sha256", required_argument, NULL, OPTION_CA_SHA256},
	{"ca-file", required_argument, NULL, OPTION_CA_FILE},
	{"tenant", required_argument, NULL, OPTION_TENANT},
	{"root", required_argument, NULL, OPTION_ROOT},
	{"once", no_argument, NULL, OPTION_ONCE},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

static const char usage_text[] =
	"usage: sekimori-ship enroll COLLECTOR TOKEN[.PIN]\n"
	"           [--ca-sha256 PIN | --ca-file FILE] [--tenant TENANT]\n"
	"       sekimori-ship run [--once]\n"
	"       sekimori-ship status\n";

struct cli {
	struct log log;
	struct enroll_options enroll;
	struct run_options run;
	const char *root;
};

static bool is_japanese(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < 3; i++) {
		const char *value = secure_getenv(names[i]);

		if (value && *value)
			return strncmp(value, "ja", 2) == 0;
	}
	return false;
}

/* 0, or the exit status to end with. */
static int set_option(struct cli *cli, int id)
{
	switch (id) {
	case OPTION_COLLECTOR:
		cli->enroll.collector = optarg;
		return 0;
	case OPTION_TOKEN:
		cli->enroll.token = optarg;
		return 0;
	case OPTION_CA_SHA256:
		cli->enroll.pin = optarg;
		return 0;
	case OPTION_CA_FILE:
		cli->enroll.ca_file = optarg;
		return 0;
	case OPTION_TENANT:
		cli->enroll.tenant = optarg;
		return 0;
	case OPTION_ROOT:
		cli->root = optarg;
		return 0;
	case OPTION_ONCE:
		cli->run.is_once = true;
		return 0;
	default:
		(void)fputs(usage_text, stderr);
		return EXIT_USAGE;
	}
}

static int command_enroll(struct cli *cli, int root_fd, int argc, char **argv)
{
	if (argc > 0 && !cli->enroll.collector)
		cli->enroll.collector = *argv++, argc--;
	if (argc > 0 && !cli->enroll.token)
		cli->enroll.token = *argv++, argc--;
	if (argc > 0 || !cli->enroll.collector || !cli->enroll.token) {
		(void)fputs(usage_text, stderr);
		return EXIT_USAGE;
	}
	if (enroll_run(root_fd, &cli->enroll, &cli->log) < 0)
		return EXIT_FAILURE;
	printf("%s\n", is_japanese()
			       ? "登録しました。証明書は自動で更新されます。"
			       : "Enrolled. The certificate renews itself.");
	return EXIT_SUCCESS;
}

static int command_status(int root_fd)
{
	int r = status_print(root_fd, is_japanese());

	if (r == STATUS_NOT_ENROLLED)
		return EXIT_NOT_ENROLLED;
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int dispatch(struct cli *cli, int argc, char **argv)
{
	_cleanup_close_ int root_fd = open(cli->root,
					   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0) {
		log_error(&cli->log, "'%s': %s", cli->root, errno_text(errno));
		return EXIT_FAILURE;
	}

	const char *command = argc > 0 ? argv[0] : "";
	if (strcmp(command, "enroll") == 0)
		return command_enroll(cli, root_fd, argc - 1, argv + 1);
	if (strcmp(command, "run") == 0 && argc == 1)
		return run_loop(root_fd, &cli->run, &cli->log) < 0
			       ? EXIT_FAILURE
			       : EXIT_SUCCESS;
	if (strcmp(command, "status") == 0 && argc == 1)
		return command_status(root_fd);
	(void)fputs(usage_text, stderr);
	return EXIT_USAGE;
}

int cli_main(int argc, char **argv)
{
	struct cli cli = {.root = "/"};
	int id;

	log_init(&cli.log, "sekimori-ship");
	if (log_set_level(&cli.log, secure_getenv("SEKIMORI_LOG")) < 0)
		log_warning(&cli.log, "SEKIMORI_LOG has no such level, "
				      "ignoring");
	while ((id = getopt_long(argc, argv, "hV", long_options, NULL)) != -1) {
		if (id == 'h')
			return fputs(usage_text, stdout) < 0;
		if (id == 'V')
			return printf("sekimori-ship %s\n", SEKIMORI_VERSION) <
			       0;
		int status = set_option(&cli, id);
		if (status != 0)
			return status;
	}
	return dispatch(&cli, argc - optind, argv + optind);
}
