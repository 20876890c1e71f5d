/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files for the commands: reading, compiling, printing what is wrong. */
#include "policy/tool/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "policy/limits.h"

#define MESSAGES_MAX 1000

static int read_stream(FILE *file, char **ret_data, size_t *ret_len)
{
	_cleanup_free_ char *data = NULL;
	size_t capacity = 0;
	size_t len = 0;

	for (;;) {
		size_t n;

		if (len == capacity) {
			char *larger;

			if (capacity > RULES_TEXT_MAX_BYTES)
				return -EFBIG;
			capacity = capacity ? capacity * 2 : 16384;
			larger = realloc(data, capacity);
			if (!larger)
				return -ENOMEM;
			data = larger;
		}
		n = fread(data + len, 1, capacity - len, file);
		if (n == 0)
			break;
		len += n;
	}
	if (ferror(file))
		return errno ? -errno : -EIO;
	*ret_data = TAKE_PTR(data);
	*ret_len = len;
	return 0;
}

static int read_path(const char *path, char **ret_data, size_t *ret_len)
{
	_cleanup_fclose_ FILE *file = NULL;

	if (strcmp(path, "-") == 0)
		return read_stream(stdin, ret_data, ret_len);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	return read_stream(file, ret_data, ret_len);
}

int rule_files_read(struct rule_files *files, char *const *paths, size_t count)
{
	files->texts = calloc(count + 1, sizeof(*files->texts));
	files->contents = calloc(count + 1, sizeof(*files->contents));
	if (!files->texts || !files->contents)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		size_t len = 0;
		int r = read_path(paths[i], &files->contents[i], &len);

		if (r < 0) {
			fprintf(stderr, "%s: %s\n", paths[i], strerror(-r));
			return r;
		}
		files->texts[i].name = strcmp(paths[i], "-") == 0 ? "<stdin>"
								  : paths[i];
		files->texts[i].text = span_of(files->contents[i], len);
		files->count++;
	}
	return 0;
}

void rule_files_fini(struct rule_files *files)
{
	for (size_t i = 0; files->contents && i < files->count; i++)
		free(files->contents[i]);
	free(files->contents);
	free(files->texts);
	*files = (struct rule_files){0};
}

void report_print(const struct rule_files *files,
		  const struct rules_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct rules_message *m = &report->messages[i];

		fprintf(stderr, "%s:%u:%u: %s: %s\n",
			files->texts[m->text].name, m->line, m->column,
			m->severity == RULES_ERROR ? "error" : "warning",
			m->what);
	}
	if (report->dropped > 0)
		fprintf(stderr, "… and %zu more\n", report->dropped);
}

int rule_files_compile(const struct rule_files *files, unsigned flags,
		       struct ruleset **ret_ruleset)
{
	_cleanup_free_ struct rules_message *messages =
		calloc(MESSAGES_MAX, sizeof(*messages));
	struct rules_report report = {
		.messages = messages,
		.capacity = MESSAGES_MAX,
	};
	int r;

	if (!messages)
		return TOOL_ERROR;
	r = ruleset_parse(files->texts, files->count, flags, &report,
			  ret_ruleset);
	report_print(files, &report);
	if (r < 0)
		fprintf(stderr, "sekimori-policy: %s\n", strerror(-r));
	return r == 0 ? 0 : TOOL_ERROR;
}
