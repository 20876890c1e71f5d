/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One log line is built on the stack and leaves in one write(2), so lines of
 * different threads and processes never mix. Nothing here allocates.
 */
#include "agent/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/banned.h"

static const struct {
	const char *name;
	enum log_level level;
} log_levels[] = {
	{"error", LOG_LEVEL_ERROR},   {"warning", LOG_LEVEL_WARNING},
	{"notice", LOG_LEVEL_NOTICE}, {"info", LOG_LEVEL_INFO},
	{"debug", LOG_LEVEL_DEBUG},
};

void log_init(struct log *log, const char *program)
{
	*log = (struct log){
		.fd = STDERR_FILENO,
		.max_level = LOG_LEVEL_INFO,
		.is_tty = isatty(STDERR_FILENO) == 1,
		.program = program,
	};
}

int log_set_level(struct log *log, const char *name)
{
	if (!name)
		return 0;

	for (size_t i = 0; i < sizeof(log_levels) / sizeof(*log_levels); i++) {
		if (strcmp(log_levels[i].name, name) == 0) {
			log->max_level = log_levels[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

/* snprintf's result is what it wanted to write; this is what is there. */
static size_t clamp(int wanted, size_t size)
{
	if (wanted < 0)
		return 0;
	return (size_t)wanted < size ? (size_t)wanted : size - 1;
}

void log_write(const struct log *log, enum log_level level, const char *format,
	       ...)
{
	char line[LOG_LINE_MAX];
	int saved_errno = errno;
	va_list arguments;
	size_t used;

	if (!log || level > log->max_level)
		return;

	if (log->is_tty)
		used = clamp(snprintf(line, sizeof(line), "%s: ", log->program),
			     sizeof(line));
	else
		used = clamp(snprintf(line, sizeof(line), "<%d>", level),
			     sizeof(line));

	size_t text = used;
	va_start(arguments, format);
	errno = saved_errno; /* for %m */
	used += clamp(vsnprintf(line + used, sizeof(line) - used, format,
				arguments),
		      sizeof(line) - used);
	va_end(arguments);

	for (size_t i = text; i < used; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[used++] = '\n'; /* overwrites the NUL: used < sizeof(line) */

	/* A log that cannot be written has nobody left to tell. */
	if (write(log->fd, line, used) < 0) {
	}
	errno = saved_errno;
}

const char *errno_text(int error)
{
	const char *text = strerrordesc_np(error < 0 ? -error : error);

	return text ? text : "unknown error";
}
