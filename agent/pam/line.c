/* SPDX-License-Identifier: Apache-2.0 */
/* An unknown word is an error: a misspelt option must not weaken a stack. */
#include "agent/pam/line.h"

#include <string.h>

#include "agent/base/banned.h"

const char *line_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *parse_wrap(size_t count, const char *const *arguments,
			      struct line *line)
{
	const struct span factor = SPAN("factor=");

	if (count < 2)
		return "wrap wants factor=… and a module";

	struct span first = span_str(arguments[0]);
	if (!span_starts_with(first, factor) ||
	    !mfa_factors_from_str(span_skip(first, factor.len), &line->factors))
		return "factor= wants knowledge, possession, inherence, or "
		       "some of them joined by '+'";

	line->module = arguments[1];
	if (strcmp(line_base_name(line->module), "pam_sekimori.so") == 0)
		return "this module does not wrap itself";
	line->arguments = arguments + 2;
	line->argument_count = count - 2;
	if (line->argument_count > MFA_LINE_ARGUMENTS_MAX)
		return "more than 64 arguments";
	return NULL;
}

static const char *parse_gate(size_t count, const char *const *arguments,
			      struct line *line)
{
	if (count == 0)
		return NULL;
	if (count > 1 || strcmp(arguments[0], "report") != 0)
		return "gate takes 'report' or nothing";
	line->is_report = true;
	return NULL;
}

void line_parse(size_t argument_count, const char *const *arguments,
		struct line *ret_line)
{
	struct line line = {.kind = LINE_INVALID};
	const char *word = argument_count > 0 ? arguments[0] : "";

	line.error = "expected wrap or gate";
	if (strcmp(word, "wrap") == 0) {
		line.error = parse_wrap(argument_count - 1, arguments + 1,
					&line);
		line.kind = LINE_WRAP;
	} else if (strcmp(word, "gate") == 0) {
		line.error = parse_gate(argument_count - 1, arguments + 1,
					&line);
		line.kind = LINE_GATE;
	}
	if (line.error)
		line = (struct line){.kind = LINE_INVALID, .error = line.error};
	*ret_line = line;
}
