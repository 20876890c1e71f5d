/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what `run` and the daemon left in files; asks nobody. */
#include "agent/ship/status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/log.h"
#include "agent/ship/cursor.h"
#include "agent/ship/identity.h"
#include "agent/ship/settings.h"

#include "agent/base/banned.h"

struct screen {
	bool is_japanese;
};

static const char *say(const struct screen *screen, const char *ja,
		       const char *en)
{
	return screen->is_japanese ? ja : en;
}

static void print_time(const char *label, int64_t unix_s, const char *never)
{
	char text[64];
	struct tm tm;
	time_t at = (time_t)unix_s;

	if (unix_s <= 0 || !localtime_r(&at, &tm) ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm) == 0)
		(void)snprintf(text, sizeof(text), "%s", never);
	printf("%s: %s\n", label, text);
}

static int print_identity(const struct screen *screen, int state_fd)
{
	_cleanup_identity_ struct identity identity = {0};

	int r = identity_load(state_fd, &identity);
	if (r == -EACCES) {
		/* The key is the shipper's and root's alone. */
		printf("%s\n", say(screen, "証明書: 権限がなく確認できません",
				   "certificate: not readable for you"));
		return 0;
	}
	if (r < 0) {
		printf("%s: %s\n", say(screen, "証明書", "certificate"),
		       r == -ENOENT ? say(screen, "未登録", "not enrolled")
				    : say(screen, "壊れています", "damaged"));
		return STATUS_NOT_ENROLLED;
	}
	printf("%s: %s\n", say(screen, "証明書", "certificate"), identity.uri);
	print_time(say(screen, "有効期限", "valid until"),
		   identity.life.not_after_s, "-");
	print_time(say(screen, "更新予定", "renewal due"),
		   identity_renew_at_s(&identity), "-");
	return 0;
}

static int print_cursor(const struct screen *screen, int root_fd, int state_fd)
{
	char text[SPOOL_TAIL_SIZE + 1] = "";
	struct cursor cursor = {0};
	struct spool_tail tail;

	if (cursor_read(state_fd, &cursor) < 0) {
		printf("%s\n", say(screen, "送信: まだ始まっていません",
				   "shipping: not started yet"));
		return STATUS_FAILING;
	}
	print_time(say(screen, "最後の通信", "last contact"),
		   (int64_t)cursor.contact_s, say(screen, "なし", "never"));
	printf("%s: %" PRIu64 "\n", say(screen, "送信済み", "acknowledged"),
	       cursor.acked.seq);
	if (read_line_file(root_fd, TAIL_DIRECTORY "/" TAIL_NAME, text,
			   sizeof(text)) == 0) {
		text[SPOOL_TAIL_SIZE - 1] = '\n';
		if (spool_tail_parse(text, SPOOL_TAIL_SIZE, &tail) == 0)
			printf("%s: %" PRIu64 "\n",
			       say(screen, "記録済み", "recorded"), tail.seq);
	}
	printf("%s: %s\n", say(screen, "状態", "state"), cursor.state);
	return strcmp(cursor.state, "ok") == 0 ||
			       strcmp(cursor.state, "foreign") == 0
		       ? 0
		       : STATUS_FAILING;
}

int status_print(int root_fd, bool is_japanese)
{
	const struct screen screen = {is_japanese};
	struct settings settings;
	char error[CONF_ERROR_MAX];

	int r = settings_load(root_fd, &settings, error);
	if (r < 0) {
		printf("%s\n", error);
		return r;
	}
	printf("%s: %s\n", say(&screen, "収集サーバー", "collector"),
	       settings.collector[0] ? settings.collector
				     : say(&screen, "未設定", "not set"));

	_cleanup_close_ int state_fd = open_below(root_fd, STATE_PATH,
						  O_RDONLY | O_DIRECTORY, 0);
	if (state_fd < 0) {
		printf("/%s: %s\n", STATE_PATH, errno_text(state_fd));
		return state_fd;
	}
	int enrolled = print_identity(&screen, state_fd);
	int shipping = print_cursor(&screen, root_fd, state_fd);
	return enrolled != 0 ? enrolled : shipping;
}
