/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli: options are parsed once for all commands; each command's row says which
 * it takes. Must not touch the state folder itself.
 */
#include "collector/cli.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/headers.h"

#include "agent/base/banned.h"

#define SERVICE_USER "sekimori-collector"
#define COUNT_MAX    10000u
#define HOURS_MAX    8760u

struct command {
	const char *name;
	int (*run)(struct cli *cli);
	unsigned int takes;
	unsigned int needs;
	bool has_file; /* one argument behind the command */
};

static const struct command COMMANDS[] = {
	{"init", cmd_init, CLI_OPT_NAME | CLI_OPT_HOST | CLI_OPT_PLAIN,
	 CLI_OPT_HOST, false},
	{"token", cmd_token, CLI_OPT_COUNT | CLI_OPT_HOURS | CLI_OPT_REENROL, 0,
	 false},
	{"person", cmd_person, CLI_OPT_NAME | CLI_OPT_ROLE | CLI_OPT_REMOVE,
	 CLI_OPT_NAME, false},
	{"revoke", cmd_revoke, CLI_OPT_TERMINAL, CLI_OPT_TERMINAL, false},
	{"terminals", cmd_terminals, 0, 0, false},
	{"export", cmd_export,
	 CLI_OPT_TERMINAL | CLI_OPT_PROOF | CLI_OPT_CHECKPOINT, 0, false},
	{"checkpoint", cmd_checkpoint, CLI_OPT_PAPER, 0, false},
	{"verify", cmd_verify, CLI_OPT_CHECKPOINT | CLI_OPT_KEY, 0, true},
	{"publish", cmd_publish, CLI_OPT_TERMINAL | CLI_OPT_ORDER, 0, true},
	{"backup", cmd_backup, 0, 0, true},
	{"restore", cmd_restore, 0, 0, true},
	{"migrate", cmd_migrate, 0, 0, true},
	{"serve", cmd_serve, 0, 0, false},
};

enum {
	OPT_CONFIG = 256,
	OPT_DIR,
	OPT_NAME,
	OPT_HOST,
	OPT_COUNT,
	OPT_HOURS,
	OPT_REENROL,
	OPT_TERMINAL,
	OPT_PLAIN,
	OPT_PROOF,
	OPT_CHECKPOINT,
	OPT_KEY,
	OPT_PAPER,
	OPT_ORDER,
	OPT_ROLE,
	OPT_REMOVE
};

static const struct option OPTIONS[] = {
	{"config", required_argument, NULL, OPT_CONFIG},
	{"dir", required_argument, NULL, OPT_DIR},
	{"name", required_argument, NULL, OPT_NAME},
	{"host", required_argument, NULL, OPT_HOST},
	{"count", required_argument, NULL, OPT_COUNT},
	{"hours", required_argument, NULL, OPT_HOURS},
	{"reenrol", no_argument, NULL, OPT_REENROL},
	{"terminal", required_argument, NULL, OPT_TERMINAL},
	{"plain", no_argument, NULL, OPT_PLAIN},
	{"proof", no_argument, NULL, OPT_PROOF},
	{"checkpoint", required_argument, NULL, OPT_CHECKPOINT},
	{"key", required_argument, NULL, OPT_KEY},
	{"paper", no_argument, NULL, OPT_PAPER},
	{"order", no_argument, NULL, OPT_ORDER},
	{"role", required_argument, NULL, OPT_ROLE},
	{"remove", no_argument, NULL, OPT_REMOVE},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static const char HELP_JA[] =
	"使い方: sekimori-collector [--config FILE] [--dir DIR] 命令 [選択肢]\n"
	"\n"
	"  init --host 名前[,名前…] [--name 団体名] [--plain]\n"
	"      収集サーバーを準備する(認証局、証明書、画面の合言葉)\n"
	"  token [--count N] [--hours H] [--reenrol]\n"
	"      端末登録用の一回限りのトークンを作る(既定: 1個、72時間)\n"
	"  person --name 名前 --role 役割 | --remove\n"
	"      画面を使う人を登録して合言葉を作る、または外す\n"
	"      (役割: auditor, helpdesk, approver, administrator)\n"
	"  revoke --terminal ID   端末の証明書を失効させる\n"
	"  terminals              端末の一覧\n"
	"  export [--terminal ID] [--proof [--checkpoint FILE]…]\n"
	"      できごとを NDJSON で出力する(--proof: 検証に必要な値も)\n"
	"  checkpoint [--paper]   署名済みの最新チェックポイントを表示する\n"
	"  verify [--key 公開鍵]… [--checkpoint FILE]… FILE\n"
	"      出力が改ざんされていないことを検証する(- は標準入力)\n"
	"  publish [--terminal ID] [--order] FILE\n"
	"      署名済みのポリシー(--order: 一台への指示)を端末へ届ける\n"
	"  backup DIR             保管庫と鍵の控えを作る(稼働中でよい)\n"
	"  restore DIR            控えから復元する\n"
	"  migrate postgresql://…\n"
	"      SQLite の保管庫を空の PostgreSQL へ移す(サービスを止めて)\n"
	"  serve                  受信を始める(通常は systemd が実行)\n"
	"  --help, --version\n";

static const char HELP_EN[] =
	"usage: sekimori-collector [--config FILE] [--dir DIR] COMMAND "
	"[OPTION]\n"
	"\n"
	"  init --host NAME[,NAME…] [--name ORG] [--plain]\n"
	"      prepare the collector: CA, certificate, console token\n"
	"  token [--count N] [--hours H] [--reenrol]\n"
	"      make one-time enrolment tokens (default: one, 72 hours)\n"
	"  person --name NAME --role ROLE | --remove\n"
	"      give somebody a console login and print its token, or take it\n"
	"      (roles: auditor, helpdesk, approver, administrator)\n"
	"  revoke --terminal ID   revoke a terminal's certificates\n"
	"  terminals              list the terminals\n"
	"  export [--terminal ID] [--proof [--checkpoint FILE]…]\n"
	"      write the events as NDJSON (--proof: with what verify needs)\n"
	"  checkpoint [--paper]   print the newest signed checkpoint\n"
	"  verify [--key VKEY]… [--checkpoint FILE]… FILE\n"
	"      prove that an export was not changed (-: standard input)\n"
	"  publish [--terminal ID] [--order] FILE\n"
	"      carry a signed policy (--order: an order for one terminal)\n"
	"      to the terminals\n"
	"  backup DIR             copy store and keys (service may run)\n"
	"  restore DIR            put such a copy back\n"
	"  migrate postgresql://…\n"
	"      move a SQLite store to an empty PostgreSQL (service stopped)\n"
	"  serve                  receive (systemd runs this)\n"
	"  --help, --version\n";

const char *cli_say(const struct cli *cli, const char *ja, const char *en)
{
	return cli->is_japanese ? ja : en;
}

/* LC_ALL, LC_MESSAGES, LANG: the first that is set decides (POSIX). */
static bool is_japanese(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = secure_getenv(names[i]);

		if (value && value[0] != '\0')
			return strncmp(value, "ja", 2) == 0;
	}
	return false;
}

static int take_number(const char *text, uint64_t max, uint64_t *ret_value)
{
	uint64_t value;

	if (headers_parse_count(text, &value) < 0 || value == 0 || value > max)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

static int take_listed(struct cli_list *list, const char *value)
{
	if (list->count == CLI_LIST_MAX)
		return -EINVAL;
	list->values[list->count++] = value;
	return 0;
}

/* Options of the proof's commands. */
static int take_proof_option(struct cli *cli, int option, const char *value)
{
	switch (option) {
	case OPT_PROOF:
		cli->given |= CLI_OPT_PROOF;
		return 0;
	case OPT_PAPER:
		cli->given |= CLI_OPT_PAPER;
		return 0;
	case OPT_CHECKPOINT:
		cli->given |= CLI_OPT_CHECKPOINT;
		return take_listed(&cli->checkpoints, value);
	case OPT_KEY:
		cli->given |= CLI_OPT_KEY;
		return take_listed(&cli->keys, value);
	default:
		return -EINVAL;
	}
}

/* One option that takes part in the check; -EINVAL: its value is wrong. */
static int take_option(struct cli *cli, int option, const char *value)
{
	switch (option) {
	case OPT_NAME:
		cli->given |= CLI_OPT_NAME;
		cli->name = value;
		return 0;
	case OPT_HOST:
		cli->given |= CLI_OPT_HOST;
		cli->hosts = value;
		return 0;
	case OPT_COUNT:
		cli->given |= CLI_OPT_COUNT;
		return take_number(value, COUNT_MAX, &cli->count);
	case OPT_HOURS:
		cli->given |= CLI_OPT_HOURS;
		return take_number(value, HOURS_MAX, &cli->hours);
	case OPT_REENROL:
		cli->given |= CLI_OPT_REENROL;
		return 0;
	case OPT_ORDER:
		cli->given |= CLI_OPT_ORDER;
		return 0;
	case OPT_ROLE:
		cli->given |= CLI_OPT_ROLE;
		cli->role = value;
		return 0;
	case OPT_REMOVE:
		cli->given |= CLI_OPT_REMOVE;
		return 0;
	case OPT_TERMINAL:
		cli->given |= CLI_OPT_TERMINAL;
		cli->terminal = value;
		return ident_is_hex(value, strnlen(value, IDENT_HEX_LEN + 1))
			       ? 0
			       : -EINVAL;
	case OPT_PLAIN:
		cli->given |= CLI_OPT_PLAIN;
		return 0;
	default:
		return take_proof_option(cli, option, value);
	}
}

static int usage(const struct cli *cli, const char *what)
{
	(void)fprintf(stderr, "sekimori-collector: %s\n", what);
	(void)fputs(cli_say(cli, HELP_JA, HELP_EN), stderr); /* best effort */
	return CLI_USAGE;
}

/* -1: go on; otherwise the exit code. */
static int parse_options(struct cli *cli, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "hV", OPTIONS, NULL)) != -1) {
		switch (option) {
		case 'h':
			return fputs(cli_say(cli, HELP_JA, HELP_EN), stdout) < 0
				       ? CLI_FAILED
				       : CLI_OK;
		case 'V':
			return printf("sekimori-collector %s\n",
				      SEKIMORI_VERSION) < 0
				       ? CLI_FAILED
				       : CLI_OK;
		case OPT_CONFIG:
			cli->config_path = optarg;
			break;
		case OPT_DIR:
			cli->dir = optarg;
			break;
		case '?': /* getopt has said it */
			return CLI_USAGE;
		default:
			if (take_option(cli, option, optarg) < 0)
				return usage(cli,
					     cli_say(cli,
						     "選択肢の値が不正です",
						     "an option's value is not"
						     " valid"));
		}
	}
	return -1;
}

static int load_config(struct cli *cli)
{
	const char *path = cli->config_path ? cli->config_path : CONFIG_PATH;
	char error[CONF_ERROR_MAX] = "";
	int r;

	config_init(&cli->config);
	r = config_load(path, &cli->config, error);
	if (r == -ENOENT && !cli->config_path)
		r = 0; /* all defaults */
	if (r < 0) {
		log_error(&cli->log, "%s", error[0] ? error : errno_text(r));
		return CLI_FAILED;
	}
	if (cli->dir)
		(void)snprintf(cli->config.dir, sizeof(cli->config.dir), "%s",
			       cli->dir); /* a cut path does not exist */
	return CLI_OK;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
		if (strcmp(COMMANDS[i].name, name) == 0)
			return &COMMANDS[i];
	return NULL;
}

int cli_main(int argc, char **argv)
{
	struct cli cli = {.count = 1, .hours = 72};
	const struct command *command;
	int r;

	(void)umask(0077); /* what is not for all says so itself */
	log_init(&cli.log, "sekimori-collector");
	(void)log_set_level(&cli.log,
			    secure_getenv("SEKIMORI_LOG")); /* or default */
	cli.is_japanese = is_japanese();
	r = parse_options(&cli, argc, argv);
	if (r >= 0)
		return r;
	command = optind < argc ? find_command(argv[optind]) : NULL;
	if (optind != argc - (command && command->has_file ? 2 : 1))
		return usage(&cli, cli_say(&cli, "命令を一つ指定してください",
					   "give one command"));
	cli.file = argv[argc - 1];
	if (!command)
		return usage(&cli, cli_say(&cli, "知らない命令です",
					   "unknown command"));
	if ((cli.given & ~command->takes) != 0 ||
	    (command->needs & ~cli.given) != 0)
		return usage(&cli, cli_say(&cli, "この命令の選択肢が不正です",
					   "wrong options for this command"));
	r = load_config(&cli);
	return r != CLI_OK ? r : command->run(&cli);
}

static int make_folder(const struct cli *cli)
{
	const struct passwd *user;

	if (mkdir(cli->config.dir, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	user = geteuid() == 0 ? getpwnam(SERVICE_USER) : NULL;
	if (user && chown(cli->config.dir, user->pw_uid, user->pw_gid) < 0)
		return -errno;
	return 0;
}

/* Group first: after setresuid it would be refused. */
static int become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

int cli_enter(const struct cli *cli, bool is_new)
{
	struct stat st;
	int r = is_new ? make_folder(cli) : 0;

	if (r == 0 && stat(cli->config.dir, &st) < 0)
		r = -errno;
	if (r == 0 && !S_ISDIR(st.st_mode))
		r = -ENOTDIR;
	if (r == 0 && geteuid() == 0 && st.st_uid != 0)
		r = become(st.st_uid, st.st_gid);
	if (r < 0)
		log_error(&cli->log, "'%s': %s", cli->config.dir,
			  errno_text(r));
	return r < 0 ? CLI_FAILED : CLI_OK;
}
