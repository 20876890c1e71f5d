/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser works in a copy of each file and cuts it into strings; entries
 * point there. What libpam would refuse is told and skipped, as libpam puts a
 * failing handler in its place: the same outcome for a login.
 */
#include "agent/pam/lint_stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

#include "agent/base/banned.h"

static const char *const types[] = {
	[STACK_AUTH] = "auth",
	[STACK_ACCOUNT] = "account",
	[STACK_SESSION] = "session",
	[STACK_PASSWORD] = "password",
};

/* In the order of _pam_types.h. */
static const char *const codes[STACK_CODES] = {
	"success",
	"open_err",
	"symbol_err",
	"service_err",
	"system_err",
	"buf_err",
	"perm_denied",
	"auth_err",
	"cred_insufficient",
	"authinfo_unavail",
	"user_unknown",
	"maxtries",
	"new_authtok_reqd",
	"acct_expired",
	"session_err",
	"cred_unavail",
	"cred_expired",
	"cred_err",
	"no_module_data",
	"conv_err",
	"authtok_err",
	"authtok_recover_err",
	"authtok_lock_busy",
	"authtok_disable_aging",
	"try_again",
	"ignore",
	"abort",
	"authtok_expired",
	"module_unknown",
	"bad_item",
	"conv_again",
	"incomplete",
};

static const struct {
	const char *word;
	enum stack_action action;
} actions[] = {
	{"ignore", STACK_IGNORE}, {"ok", STACK_OK},   {"done", STACK_DONE},
	{"bad", STACK_BAD},	  {"die", STACK_DIE}, {"reset", STACK_RESET},
};

static const struct {
	const char *word;
	const char *meaning;
} controls[] = {
	{"required",
	 "success=ok new_authtok_reqd=ok ignore=ignore default=bad"},
	{"requisite",
	 "success=ok new_authtok_reqd=ok ignore=ignore default=die"},
	{"sufficient", "success=done new_authtok_reqd=done default=ignore"},
	{"optional", "success=ok new_authtok_reqd=ok default=ignore"},
};

static const char *const folders[] = {"etc/pam.d", "usr/lib/pam.d"};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define UNSET	     INT16_MIN

const char *stack_type_to_str(enum stack_type type)
{
	return (unsigned)type < STACK_TYPE_COUNT ? types[type] : "auth";
}

/* ---- one line ----------------------------------------------------------- */

/* The next word, cut out of *line; [brackets] hold blanks. NULL: none left. */
static char *next_word(char **line)
{
	char *at = *line + strspn(*line, " \t\r\n");

	if (*at == '\0')
		return NULL;
	if (*at != '[') {
		char *end = at + strcspn(at, " \t\r\n");

		*line = *end ? end + 1 : end;
		*end = '\0';
		return at;
	}
	char *word = ++at;
	char *out = at;
	for (; *at && *at != ']'; at++) {
		if (at[0] == '\\' && at[1] == ']')
			at++;
		*out++ = *at;
	}
	if (*at == '\0')
		return NULL;
	*line = at + 1;
	*out = '\0';
	return word;
}

static int find_code(const char *word, size_t len)
{
	for (size_t i = 0; i < STACK_CODES; i++)
		if (strlen(codes[i]) == len &&
		    strncasecmp(word, codes[i], len) == 0)
			return (int)i;
	return -1;
}

static bool find_action(const char *word, size_t len, int16_t *ret_action)
{
	for (size_t i = 0; i < COUNT(actions); i++)
		if (strlen(actions[i].word) == len &&
		    strncasecmp(word, actions[i].word, len) == 0) {
			*ret_action = (int16_t)actions[i].action;
			return true;
		}
	if (len == 0 || len > 3 || strspn(word, "0123456789") < len)
		return false;
	*ret_action = (int16_t)strtol(word, NULL, 10);
	return true;
}

/* "success=ok default=bad": what is not named is bad. */
static bool parse_actions(const char *text, int16_t *ret_actions)
{
	int16_t other = STACK_BAD;

	for (size_t i = 0; i < STACK_CODES; i++)
		ret_actions[i] = UNSET;
	for (;;) {
		text += strspn(text, " \t");
		if (*text == '\0')
			break;
		size_t name = strcspn(text, "= \t");
		const char *value = text + name + strspn(text + name, " \t");
		if (*value != '=')
			return false;
		value += 1 + strspn(value + 1, " \t");
		size_t len = strcspn(value, " \t");
		int16_t action = 0;
		int code = find_code(text, name);

		if (!find_action(value, len, &action))
			return false;
		if (code >= 0)
			ret_actions[code] = action;
		else if (name == 7 && strncasecmp(text, "default", 7) == 0)
			other = action;
		else
			return false;
		text = value + len;
	}
	for (size_t i = 0; i < STACK_CODES; i++)
		if (ret_actions[i] == UNSET)
			ret_actions[i] = other;
	return true;
}

static bool is_include(const char *control)
{
	return strcasecmp(control, "include") == 0 ||
	       strcasecmp(control, "substack") == 0;
}

static bool parse_control(const char *control, struct stack_entry *entry)
{
	if (is_include(control))
		return true;
	for (size_t i = 0; i < COUNT(controls); i++)
		if (strcasecmp(control, controls[i].word) == 0)
			return parse_actions(controls[i].meaning,
					     entry->actions);
	return strchr(control, '=') && parse_actions(control, entry->actions);
}

int stack_parse_line(char *line, enum stack_type type,
		     struct stack_entry *ret_entry)
{
	struct stack_entry entry = {0};
	char *word = next_word(&line);

	if (!word)
		return 0;
	if (strcmp(word, "@include") == 0) {
		entry.control = "@include";
		entry.module = next_word(&line);
		if (!entry.module)
			return -EINVAL;
		*ret_entry = entry;
		return 1;
	}

	unsigned found = 0;
	entry.is_dash = word[0] == '-';
	while (found < STACK_TYPE_COUNT &&
	       strcasecmp(word + entry.is_dash, types[found]) != 0)
		found++;
	if (found == STACK_TYPE_COUNT)
		return -EINVAL;
	if (found != type)
		return 0;

	entry.control = next_word(&line);
	entry.module = entry.control ? next_word(&line) : NULL;
	if (!entry.module || !parse_control(entry.control, &entry))
		return -EINVAL;
	while ((word = next_word(&line))) {
		if (entry.argument_count == STACK_ARGUMENTS_MAX)
			return -EINVAL;
		entry.arguments[entry.argument_count++] = word;
	}
	*ret_entry = entry;
	return 1;
}

/* ---- files -------------------------------------------------------------- */

struct loader {
	const struct stack_source *source;
	enum stack_type type;
	struct stack *stack;
	size_t line_count; /* of any type, in all files */
};

static void complain(const struct loader *l, enum stack_trouble trouble,
		     const char *file, unsigned line)
{
	l->source->trouble(l->source->data, trouble, file, line);
}

/* Symbolic links are followed: authselect makes them. A missing file goes by
 * its name in /etc. */
static int open_file(const struct stack_source *source, const char *name,
		     char ret_path[256])
{
	int fd = -1;

	if (name[0] == '/')
		(void)snprintf(ret_path, 256, "%s", name + 1);
	for (size_t i = 0; i < COUNT(folders) && fd < 0; i++) {
		if (name[0] != '/')
			(void)snprintf(ret_path, 256, "%s/%s", folders[i],
				       name);
		fd = openat(source->root_fd, ret_path,
			    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	}
	if (fd < 0 && name[0] != '/')
		(void)snprintf(ret_path, 256, "%s/%s", folders[0], name);
	return fd;
}

bool stack_has_service(const struct stack_source *source, const char *service)
{
	char path[256];
	_cleanup_close_ int fd = open_file(source, service, path);

	return fd >= 0;
}

/* Keeps a string that entries point to; NULL without memory. */
static char *own(struct stack *stack, char *text)
{
	char **texts = reallocarray(stack->texts, stack->text_count + 1,
				    sizeof(*texts));
	if (!texts || !text) {
		if (texts)
			stack->texts = texts;
		free(text);
		return NULL;
	}
	stack->texts = texts;
	stack->texts[stack->text_count++] = text;
	return text;
}

static int read_text(const struct loader *l, int fd, const char *path,
		     char **ret_text)
{
	struct stat st;
	size_t size = 0;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		complain(l, STACK_TROUBLE_MISSING, path, 0);
		return 0;
	}
	if (st.st_uid != l->source->trusted_uid ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)))
		complain(l, STACK_TROUBLE_LOOSE, path, 0);
	char *text = own(l->stack, calloc(1, STACK_FILE_MAX + 2));
	if (!text)
		return -ENOMEM;
	int r = read_full(fd, text, STACK_FILE_MAX + 1, &size);
	if (r < 0 || size > STACK_FILE_MAX) {
		complain(l, STACK_TROUBLE_TOO_LARGE, path, 0);
		return 0;
	}
	text[strnlen(text, size)] = '\0';
	*ret_text = text;
	return 0;
}

/* One logical line: comment cut, continuations joined. *number counts. */
static char *next_line(char **text, unsigned *number)
{
	char *start = *text;
	char *out = start;
	char *at = start;

	if (*start == '\0')
		return NULL;
	for (;;) {
		char *end = at + strcspn(at, "\n");
		bool is_last = *end == '\0';
		size_t len = strcspn(at, "#\n");
		bool goes_on = len > 0 && at[len - 1] == '\\' &&
			       at + len == end && !is_last;

		if (goes_on)
			len--;
		memmove(out, at, len);
		out += len;
		++*number;
		at = is_last ? end : end + 1;
		if (!goes_on)
			break;
		*out++ = ' ';
	}
	*text = at;
	*out = '\0';
	return start;
}

static int add_entry(const struct loader *l, const struct stack_entry *entry)
{
	struct stack *stack = l->stack;

	if (stack->count == STACK_ENTRIES_MAX) {
		complain(l, STACK_TROUBLE_TOO_LARGE, entry->file, entry->line);
		return 0;
	}
	if ((stack->count & (stack->count - 1)) == 0) {
		size_t capacity = stack->count ? stack->count * 2 : 1;
		struct stack_entry *entries = reallocarray(stack->entries,
							   capacity,
							   sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		stack->entries = entries;
	}
	stack->entries[stack->count++] = *entry;
	return 0;
}

static int load_file(struct loader *l, const char *name, uint16_t level,
		     unsigned depth);

static int load_include(struct loader *l, const struct stack_entry *entry,
			uint16_t level, unsigned depth)
{
	bool is_substack = strcasecmp(entry->control, "substack") == 0;
	/* @include brings lines of all types, so none of one type is no news;
	 * a file of nothing at all is told once. */
	bool is_textual = entry->control[0] == '@';
	size_t lines = l->line_count;
	size_t before = l->stack->count;

	if (depth + 1 >= STACK_DEPTH_MAX) {
		complain(l, STACK_TROUBLE_LOOP, entry->file, entry->line);
		return 0;
	}
	if (is_substack) {
		struct stack_entry marker = *entry;

		marker.is_substack = true;
		marker.level = level;
		int r = add_entry(l, &marker);
		if (r < 0)
			return r;
		before++;
	}
	int r = load_file(l, entry->module, (uint16_t)(level + is_substack),
			  depth + 1);
	bool is_empty = is_textual ? l->line_count == lines &&
					     l->type == STACK_AUTH
				   : l->stack->count == before;
	if (r == 0 && is_empty)
		complain(l, STACK_TROUBLE_EMPTY, entry->file, entry->line);
	return r;
}

static int load_file(struct loader *l, const char *name, uint16_t level,
		     unsigned depth)
{
	char path[256];
	char *text = NULL;
	char *line = NULL;
	unsigned number = 0;
	_cleanup_close_ int fd = open_file(l->source, name, path);

	if (fd < 0) {
		complain(l, STACK_TROUBLE_MISSING, path, 0);
		return 0;
	}
	/* A file that includes itself twice would double at each depth. */
	if (l->stack->text_count / 2 >= STACK_FILES_MAX) {
		complain(l, STACK_TROUBLE_TOO_LARGE, path, 0);
		return 0;
	}
	char *file = own(l->stack, strdup(path));
	int r = file ? read_text(l, fd, file, &text) : -ENOMEM;
	while (r == 0 && text && (line = next_line(&text, &number))) {
		struct stack_entry entry;

		l->line_count += line[strspn(line, " \t\r")] != '\0';
		int found = strlen(line) > STACK_LINE_MAX
				    ? -EINVAL
				    : stack_parse_line(line, l->type, &entry);

		if (found < 0)
			complain(l, STACK_TROUBLE_SYNTAX, file, number);
		if (found <= 0)
			continue;
		entry.file = file;
		entry.line = number;
		entry.level = level;
		r = is_include(entry.control) || entry.control[0] == '@'
			    ? load_include(l, &entry, level, depth)
			    : add_entry(l, &entry);
	}
	return r;
}

int stack_load(const struct stack_source *source, const char *service,
	       enum stack_type type, struct stack *ret_stack)
{
	struct stack stack = {0};
	struct loader loader = {source, type, &stack, 0};
	int r = 0;

	if (stack_has_service(source, service))
		r = load_file(&loader, service, 0, 0);
	if (r == 0 && stack.count == 0) {
		stack.is_other = true;
		r = load_file(&loader, "other", 0, 0);
	}
	if (r < 0) {
		stack_fini(&stack);
		return r;
	}
	*ret_stack = stack;
	return 0;
}

void stack_fini(struct stack *stack)
{
	for (size_t i = 0; i < stack->text_count; i++)
		free(stack->texts[i]);
	free(stack->texts);
	free(stack->entries);
	*stack = (struct stack){0};
}
