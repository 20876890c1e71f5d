/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint_stack: the stack of modules that libpam would really run for a service
 * and a type: includes, substacks, @include and the fall-back to `other`
 * resolved. Reads below a root descriptor, runs nothing. Follows libpam's
 * pam_handlers.c (1.3 … 1.7); Debian's @include is a local patch of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STACK_FILE_MAX	    65536
#define STACK_LINE_MAX	    4096 /* with its continuations */
#define STACK_ENTRIES_MAX   512
#define STACK_DEPTH_MAX	    16
#define STACK_FILES_MAX	    128 /* read for one stack, repeats counted */
#define STACK_ARGUMENTS_MAX 80

enum stack_type {
	STACK_AUTH = 0,
	STACK_ACCOUNT,
	STACK_SESSION,
	STACK_PASSWORD,
	STACK_TYPE_COUNT,
};

const char *stack_type_to_str(enum stack_type type);

/* What a return value makes the stack do. A jump is its positive length. */
enum stack_action {
	STACK_IGNORE = 0,
	STACK_OK = -1,
	STACK_DONE = -2,
	STACK_BAD = -3,
	STACK_DIE = -4,
	STACK_RESET = -5,
};

/* PAM return values 0 … 31, as _pam_types.h numbers them. */
#define STACK_CODES 32

struct stack_entry {
	int16_t actions[STACK_CODES];
	uint16_t level;	  /* substacks above it */
	bool is_substack; /* a marker: what follows is one level down */
	bool is_dash;	  /* "-auth": may be missing */
	const char *control;
	const char *module;
	const char *arguments[STACK_ARGUMENTS_MAX];
	size_t argument_count;
	const char *file; /* below the root, "etc/pam.d/login" */
	unsigned line;
};

/* What went wrong while reading; the caller decides how bad it is. */
enum stack_trouble {
	STACK_TROUBLE_MISSING = 0, /* the file, or an included one */
	STACK_TROUBLE_EMPTY,	   /* an include without a line of the type */
	STACK_TROUBLE_SYNTAX,
	STACK_TROUBLE_LOOP,	 /* includes deeper than STACK_DEPTH_MAX */
	STACK_TROUBLE_TOO_LARGE, /* a limit of this header */
	STACK_TROUBLE_LOOSE,	 /* others than the trusted user may write it */
};

typedef void (*stack_trouble_fn)(void *data, enum stack_trouble trouble,
				 const char *file, unsigned line);

struct stack_source {
	int root_fd;
	uid_t trusted_uid;
	stack_trouble_fn trouble; /* never NULL */
	void *data;
};

struct stack {
	struct stack_entry *entries;
	size_t count;
	bool is_other; /* the service has none of its own */
	char **texts;  /* owned; entries point into them */
	size_t text_count;
};

/*
 * Loads the effective stack. 0 with a stack that may be empty (libpam then
 * fails), or -ENOMEM. What could not be read is told through `trouble`.
 */
int stack_load(const struct stack_source *source, const char *service,
	       enum stack_type type, struct stack *ret_stack)
	__attribute__((nonnull, warn_unused_result));

void stack_fini(struct stack *stack) __attribute__((nonnull));

/* Whether a pam.d file for the service exists. */
bool stack_has_service(const struct stack_source *source, const char *service)
	__attribute__((nonnull));

/*
 * Parses one logical line, in place, without its comment. 1 an entry, 0 an
 * empty line or one of another type, -EINVAL. include, substack and @include
 * come back with `control` set to those words and `module` the file.
 */
int stack_parse_line(char *line, enum stack_type type,
		     struct stack_entry *ret_entry)
	__attribute__((nonnull, warn_unused_result));
