/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimori-desk: options, then one command. Runs as the person at the desk,
 * with their key; it needs no privilege and keeps nothing.
 */
#include "collector/desk/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "agent/base/conf.h"

#include "agent/base/banned.h"

#define CONF_PATH "/etc/sekimori/desk.conf"

static const char HELP[] =
	"usage: sekimori-desk [OPTIONS] list [--all] | show ID | watch\n"
	"       sekimori-desk [OPTIONS] approve ID [--minutes N] [--uses N] "
	"[--access A]\n"
	"                     [--ticket WORD] [--reason TEXT] [--valid HOURS] "
	"[--report HOURS]\n"
	"       sekimori-desk [OPTIONS] deny ID --reason TEXT\n"
	"       sekimori-desk [OPTIONS] revoke ID --reason TEXT\n"
	"       sekimori-desk [OPTIONS] code RECEIPT --terminal ID [--minutes "
	"N] "
	"[--uses N]\n"
	"                     [--access A] [--approver]\n"
	"options: --collector URL --ca FILE --user NAME --token-file FILE\n"
	"         --key FILE|pkcs11:URI --module LIBRARY --config FILE --json\n"
	"         --help --version\n";

enum {
	OPT_COLLECTOR = 256,
	OPT_CA,
	OPT_USER,
	OPT_TOKEN,
	OPT_KEY,
	OPT_MODULE,
	OPT_CONFIG,
	OPT_JSON,
	OPT_ALL,
	OPT_MINUTES,
	OPT_USES,
	OPT_ACCESS,
	OPT_TICKET,
	OPT_REASON,
	OPT_TERMINAL,
	OPT_APPROVER,
	OPT_VALID,
	OPT_REPORT,
};

static const struct option OPTIONS[] = {
	{"collector", required_argument, NULL, OPT_COLLECTOR},
	{"ca", required_argument, NULL, OPT_CA},
	{"user", required_argument, NULL, OPT_USER},
	{"token-file", required_argument, NULL, OPT_TOKEN},
	{"key", required_argument, NULL, OPT_KEY},
	{"module", required_argument, NULL, OPT_MODULE},
	{"config", required_argument, NULL, OPT_CONFIG},
	{"json", no_argument, NULL, OPT_JSON},
	{"all", no_argument, NULL, OPT_ALL},
	{"minutes", required_argument, NULL, OPT_MINUTES},
	{"uses", required_argument, NULL, OPT_USES},
	{"access", required_argument, NULL, OPT_ACCESS},
	{"ticket", required_argument, NULL, OPT_TICKET},
	{"terminal", required_argument, NULL, OPT_TERMINAL},
	{"approver", no_argument, NULL, OPT_APPROVER},
	{"reason", required_argument, NULL, OPT_REASON},
	{"valid", required_argument, NULL, OPT_VALID},
	{"report", required_argument, NULL, OPT_REPORT},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

const char *desk_say(const struct desk *desk, const char *ja, const char *en)
{
	return desk->is_japanese ? ja : en;
}

static int usage(void)
{
	fputs(HELP, stderr);
	return DESK_USAGE;
}

static int take_number(uint64_t max, uint64_t *ret_number)
{
	char *end = NULL;

	errno = 0;
	unsigned long long value = strtoull(optarg, &end, 10);
	if (optarg[0] < '0' || optarg[0] > '9' || *end || errno || value > max)
		return usage();
	*ret_number = value;
	return DESK_OK;
}

static int take_text(const char **place)
{
	*place = optarg;
	return DESK_OK;
}

static int take_flag(bool *flag)
{
	*flag = true;
	return DESK_OK;
}

static int take_option(struct desk *desk, const char **config, int option)
{
	switch (option) {
	case OPT_COLLECTOR:
		return take_text(&desk->collector);
	case OPT_CA:
		return take_text(&desk->ca);
	case OPT_USER:
		return take_text(&desk->user);
	case OPT_TOKEN:
		return take_text(&desk->token_file);
	case OPT_KEY:
		return take_text(&desk->key);
	case OPT_MODULE:
		return take_text(&desk->module);
	case OPT_CONFIG:
		return take_text(config);
	case OPT_ACCESS:
		return take_text(&desk->access);
	case OPT_TICKET:
		return take_text(&desk->issuer_ticket);
	case OPT_REASON:
		return take_text(&desk->note);
	case OPT_TERMINAL:
		return take_text(&desk->terminal);
	case OPT_APPROVER:
		return take_flag(&desk->is_approver);
	case OPT_JSON:
		return take_flag(&desk->is_json);
	case OPT_ALL:
		return take_flag(&desk->is_all);
	case OPT_MINUTES:
		desk->has_minutes = true;
		return take_number(10080, &desk->minutes);
	case OPT_USES:
		desk->has_uses = true;
		return take_number(1000, &desk->uses);
	case OPT_VALID:
		return take_number(744, &desk->valid_hours);
	case OPT_REPORT:
		return take_number(8760, &desk->report_hours);
	default:
		return usage();
	}
}

/* What was not given on the command line; CONF owns the texts. */
static int read_config(struct desk *desk, const char *path, struct conf *conf)
{
	const struct {
		const char *key;
		const char **place;
	} texts[] = {
		{"collector", &desk->collector},
		{"ca", &desk->ca},
		{"user", &desk->user},
		{"token_file", &desk->token_file},
		{"key", &desk->key},
		{"module", &desk->module},
	};
	char error[CONF_ERROR_MAX];

	int r = conf_load(AT_FDCWD, path ? path : CONF_PATH, conf, error);
	if (r == -ENOENT && !path)
		r = 0;
	if (r < 0) {
		fprintf(stderr, "sekimori-desk: %s: %s\n",
			path ? path : CONF_PATH,
			r == -EINVAL ? error : strerror(-r));
		return DESK_FAILED;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!*texts[i].place)
			*texts[i].place = conf_get(conf, texts[i].key);
	if (!desk->user)
		desk->user = "admin";
	return DESK_OK;
}

static int run(struct desk *desk, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*plain)(struct desk *desk);
		int (*of_one)(struct desk *desk, const char *id);
	} commands[] = {
		{"list", cmd_list, NULL}, {"watch", cmd_watch, NULL},
		{"show", NULL, cmd_show}, {"approve", NULL, cmd_approve},
		{"deny", NULL, cmd_deny}, {"revoke", NULL, cmd_revoke},
		{"code", NULL, cmd_code},
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, argv[0]) != 0)
			continue;
		if (argc != (commands[i].plain ? 1 : 2))
			return usage();
		int r = client_open(desk);
		if (r != DESK_OK)
			return r;
		return commands[i].plain ? commands[i].plain(desk)
					 : commands[i].of_one(desk, argv[1]);
	}
	return usage();
}

int main(int argc, char **argv)
{
	struct desk desk = {.uses = 1, .valid_hours = 24};
	_cleanup_conf_ struct conf conf = {0};
	const char *config = NULL;
	int option, r = DESK_OK;

	const char *language = setlocale(LC_MESSAGES, "");
	desk.is_japanese = language && strncmp(language, "ja", 2) == 0;
	while (r == DESK_OK &&
	       (option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
		if (option == 'h' || option == 'V') {
			fputs(option == 'h' ? HELP
					    : "sekimori-desk " SEKIMORI_VERSION
					      "\n",
			      stdout);
			return DESK_OK;
		}
		r = take_option(&desk, &config, option);
	}
	if (r != DESK_OK)
		return r;
	if (optind == argc)
		return usage();
	r = read_config(&desk, config, &conf);
	if (r == DESK_OK && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		r = DESK_FAILED;
	if (r == DESK_OK)
		r = run(&desk, argc - optind, argv + optind);
	client_free(desk.client);
	curl_global_cleanup();
	return r;
}
