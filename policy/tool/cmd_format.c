/* SPDX-License-Identifier: Apache-2.0 */
/* format [--usbguard] FILE|-: canonical form, one rule a line. */
#include "policy/tool/tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/base/cleanup.h"

/* Prints a text that a function writes as snprintf() would. */
static int print_rule(const struct ruleset *ruleset, uint32_t index,
		      unsigned flags)
{
	size_t len = ruleset_format(ruleset, index, flags, (char[1]){0}, 1);
	_cleanup_free_ char *text = malloc(len + 1);

	if (!text)
		return TOOL_ERROR;
	(void)ruleset_format(ruleset, index, flags, text, len + 1);
	puts(text);
	return 0;
}

static int print_header(const struct ruleset *ruleset)
{
	size_t len = ruleset_format_header(ruleset, (char[1]){0}, 1);
	_cleanup_free_ char *text = malloc(len + 1);

	if (!text)
		return TOOL_ERROR;
	(void)ruleset_format_header(ruleset, text, len + 1);
	fputs(text, stdout);
	return 0;
}

static int format_files(const struct rule_files *files, bool is_usbguard)
{
	_cleanup_ruleset_ struct ruleset *ruleset = NULL;
	struct span text = files->texts[0].text;
	int r;

	/*
	 * USBGuard's rule parser takes a rule, and a rule does not begin with
	 * an empty line. Rule files with one still load (check, decide).
	 */
	if (is_usbguard && text.len > 0 && text.ptr[0] == '\n') {
		fprintf(stderr, "%s:1:1: error: begins with an empty line\n",
			files->texts[0].name);
		return TOOL_ERROR;
	}
	r = rule_files_compile(files, is_usbguard ? RULESET_USBGUARD : 0,
			       &ruleset);
	if (r != 0)
		return r;
	r = print_header(ruleset);
	for (uint32_t i = 0; r == 0 && i < ruleset_rule_count(ruleset); i++)
		r = print_rule(ruleset, i,
			       is_usbguard ? RULES_FORMAT_ASCII : 0);
	return r;
}

int cmd_format(int argc, char **argv)
{
	static const struct option options[] = {
		{"usbguard", no_argument, NULL, 'u'},
		{0},
	};
	struct rule_files files = {0};
	bool is_usbguard = false;
	int r = TOOL_ERROR;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'u')
			return TOOL_USAGE;
		is_usbguard = true;
	}
	if (argc - optind != 1) {
		fprintf(stderr, "usage: sekimori-policy format [--usbguard] "
				"FILE|-\n");
		return TOOL_USAGE;
	}
	if (rule_files_read(&files, argv + optind, 1) == 0)
		r = format_files(&files, is_usbguard);
	rule_files_fini(&files);
	return r;
}
