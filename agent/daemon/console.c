/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions by logind's files; a terminal is opened for one write. */
#include "agent/daemon/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "policy/json_in.h"
#include "policy/utf8.h"

#define FIELD_SIZE 512
/* Documentation/admin-guide/devices.txt: 4 is TTY devices, 1-63 are virtual
 * consoles, 64 on are serial ports. */
#define TTY_MAJOR     4
#define TTY_MINOR_MAX 63

static const struct {
	const char *code;
	const char *english;
} rows[] = {
	{"usb.device.blocked", "A USB device was blocked"},
	{"usb.device.held", "A keyboard waits: sekimorictl confirm"},
	{"usb.keyboard.cut", "A keyboard was cut off"},
	{"media.denied", "A medium was blocked"},
	{"media.readonly", "A medium can only be read"},
	{"media.ending", "Access to a medium ends soon: close its files"},
	{"media.ended", "Access to a medium has ended"},
	{"mount.blocked", "A mount was refused"},
	{"channel.blocked", "A connection was blocked"},
	{"grant.granted", "Permission was granted"},
	{"grant.refused", "Permission was refused"},
	{"grant.ended", "Permission has ended"},
	{"grant.revoked", "Permission was taken back"},
	{"grant.suspended", "Permission is suspended"},
	{"grant.resumed", "Permission is back"},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool get(const char *json, const char *path, char *ret_text, size_t size)
{
	struct span value;

	return json_in_find(span_str(json), path, &value) == 0 &&
	       json_in_str(value, ret_text, size) == 0;
}

/* The writer of records took controls out of names; a terminal is driven by
 * them, so they are taken out once more. */
static void add_clean(char *to, const char *from)
{
	size_t used = strlen(to), len = strlen(from);

	while (len > 0 && used + UTF8_BYTES_MAX < CONSOLE_TEXT_SIZE - 2) {
		uint32_t c;
		size_t n = utf8_next(from, len, &c);
		from += n;
		len -= n;
		used += utf8_put(utf8_is_invisible(c) ? '?' : c, to + used);
	}
	to[used] = '\0';
}

bool console_text(const char *json, char ret_text[CONSOLE_TEXT_SIZE])
{
	char field[FIELD_SIZE];
	size_t i = 0;

	if (!get(json, "metadata.event_code", field, sizeof(field)))
		return false;
	while (i < ROWS && strcmp(rows[i].code, field) != 0)
		i++;
	if (i == ROWS ||
	    (get(json, "sekimori.decision.mode", field, sizeof(field)) &&
	     strcmp(field, "monitor") == 0))
		return false;
	(void)snprintf(ret_text, CONSOLE_TEXT_SIZE, "\r\n[Sekimori] %s",
		       rows[i].english);
	if (get(json, "peripheral_device.name", field, sizeof(field))) {
		add_clean(ret_text, ": ");
		add_clean(ret_text, field);
	}
	if (get(json, "sekimori.user_ref", field, sizeof(field))) {
		add_clean(ret_text, ". Receipt number: ");
		add_clean(ret_text, field);
	}
	strncat(ret_text, "\r\n", CONSOLE_TEXT_SIZE - 1 - strlen(ret_text));
	if (get(json, "message", field, sizeof(field))) {
		add_clean(ret_text, field);
		strncat(ret_text, "\r\n",
			CONSOLE_TEXT_SIZE - 1 - strlen(ret_text));
	}
	return true;
}

bool console_may(struct console *console, uint64_t mono_now_ns,
		 unsigned int *ret_untold)
{
	if (!console->is_begun) {
		console->is_begun = true;
		console->tokens = CONSOLE_BURST;
		console->mono_ns = mono_now_ns;
	}
	uint64_t seconds = (mono_now_ns - console->mono_ns) / NS_PER_S;
	console->mono_ns += seconds * NS_PER_S;
	if (seconds > CONSOLE_BURST)
		seconds = CONSOLE_BURST;
	console->tokens += (unsigned int)seconds;
	if (console->tokens > CONSOLE_BURST)
		console->tokens = CONSOLE_BURST;
	if (console->tokens == 0) {
		console->untold++;
		return false;
	}
	console->tokens--;
	*ret_untold = console->untold;
	console->untold = 0;
	return true;
}

int console_write(int dev_fd, const char *tty, const char *text)
{
	struct stat st;

	if (strncmp(tty, "tty", 3) != 0 || strchr(tty, '/'))
		return -EINVAL;
	_cleanup_close_ int fd = openat(dev_fd, tty,
					O_WRONLY | O_NOCTTY | O_NONBLOCK |
						O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISCHR(st.st_mode) || major(st.st_rdev) != TTY_MAJOR ||
	    minor(st.st_rdev) > TTY_MINOR_MAX)
		return -EINVAL;
	/* What is cut off here is in the log */
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* The terminal of a session that is a person's in front of it; or NULL. */
static char *tty_of(const char *session)
{
	_cleanup_free_ char *type = NULL;
	char *tty = NULL;

	if (sd_session_is_active(session) <= 0 ||
	    sd_session_is_remote(session) != 0 ||
	    sd_session_get_type(session, &type) < 0 ||
	    strcmp(type, "tty") != 0 || sd_session_get_tty(session, &tty) < 0)
		return NULL;
	return tty;
}

static void free_list(char **list)
{
	for (char **at = list; at && *at; at++)
		free(*at);
	free(list);
}

void console_tell(struct console *console, int dev_fd, const char *json)
{
	char text[CONSOLE_TEXT_SIZE], more[64] = "";
	char **sessions = NULL;
	unsigned int untold = 0;

	if (!console_text(json, text) ||
	    !console_may(console, clock_mono_ns(), &untold) ||
	    sd_get_sessions(&sessions) <= 0)
		return;
	if (untold > 0)
		(void)snprintf(more, sizeof(more),
			       "[Sekimori] and %u more / 他%u件\r\n", untold,
			       untold);
	for (char **at = sessions; *at; at++) {
		_cleanup_free_ char *tty = tty_of(*at);
		/* A terminal that takes nothing now: the record is kept */
		if (tty && console_write(dev_fd, tty, text) == 0 && more[0])
			(void)!console_write(dev_fd, tty, more);
	}
	free_list(sessions);
}
