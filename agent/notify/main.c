/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimori-notify: tells the person at the terminal what sekimorid did, and
 * why, and takes requests and codes. Runs in their session with their rights;
 * holds no authority.
 */
#include <getopt.h>
#include <stdio.h>

#include "agent/notify/follow.h"
#include "agent/notify/text.h"
#include "agent/notify/window.h"

#define SELF "/proc/self/exe"

enum {
	OPT_REQUEST = 1,
	OPT_DEVICE,
	OPT_NAME,
	OPT_REF,
	OPT_TRANSLATIONS,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option options[] = {
	{"request", no_argument, NULL, OPT_REQUEST},
	{"device", required_argument, NULL, OPT_DEVICE},
	{"name", required_argument, NULL, OPT_NAME},
	{"ref", required_argument, NULL, OPT_REF},
	{"translations", required_argument, NULL, OPT_TRANSLATIONS},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

static void usage(FILE *to)
{
	fputs("Usage: sekimori-notify [--translations DIR]\n"
	      "       sekimori-notify --request [--device DEVICE] [--name NAME]"
	      " [--ref NUMBER]\n",
	      to);
}

int main(int argc, char **argv)
{
	struct window_about about = {"", "", ""};
	const char *translations = NULL;
	bool is_request = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case OPT_REQUEST:
			is_request = true;
			break;
		case OPT_DEVICE:
			about.device = optarg;
			break;
		case OPT_NAME:
			about.name = optarg;
			break;
		case OPT_REF:
			about.ref = optarg;
			break;
		case OPT_TRANSLATIONS:
			translations = optarg;
			break;
		case OPT_HELP:
			usage(stdout);
			return 0;
		case OPT_VERSION:
			puts("sekimori-notify " SEKIMORI_VERSION);
			return 0;
		default:
			usage(stderr);
			return 64;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return 64;
	}
	text_init(translations);
	return is_request ? window_run(&about) : follow_run(SELF, translations);
}
