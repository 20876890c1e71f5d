/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages for people, on stderr. Under a service manager each line opens with
 * the sd-daemon(3) priority "<N>"; on a terminal with the program's name.
 * Library layers return errors instead; only programs log, and each thing
 * once. There is no global logger: the program owns a struct log.
 */
#pragma once

#include <stdbool.h>

/* syslog(3) priorities, so that "<N>" needs no translation. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* A longer line is cut; it still ends in a newline. */
#define LOG_LINE_MAX 1024

struct log {
	int fd;			  /* not owned; usually STDERR_FILENO */
	enum log_level max_level; /* what is more verbose is dropped */
	bool is_tty;		  /* name instead of "<N>" */
	const char *program;	  /* static storage */
};

/*
 * Sets up logging to stderr at LOG_LEVEL_INFO. Takes the program's name, which
 * must outlive the log.
 */
void log_init(struct log *log, const char *program) __attribute__((nonnull));

/*
 * Changes the level by name ("error" … "debug"). Returns 0, or -EINVAL with the
 * level left alone. NULL is accepted and changes nothing, so the caller may
 * pass secure_getenv("SEKIMORI_LOG") as it is.
 */
int log_set_level(struct log *log, const char *name)
	__attribute__((nonnull(1)));

/*
 * Writes one line in one write(2); control characters in it become '?', so
 * that a device's name cannot forge a second line. A NULL log drops it (tests).
 * Keeps errno. May be called from any thread.
 */
void log_write(const struct log *log, enum log_level level, const char *format,
	       ...) __attribute__((format(printf, 3, 4), nonnull(3)));

/* Text for 0, errno or -errno; static storage, any thread. */
const char *errno_text(int error) __attribute__((returns_nonnull));

#define log_error(log, ...)   log_write(log, LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(log, ...) log_write(log, LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_notice(log, ...)  log_write(log, LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(log, ...)    log_write(log, LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...)   log_write(log, LOG_LEVEL_DEBUG, __VA_ARGS__)
