/* SPDX-License-Identifier: Apache-2.0 */
/* check FILE…: every error and warning of a rule set, as one set. */
#include "policy/tool/tool.h"

#include <stdio.h>

int cmd_check(int argc, char **argv)
{
	_cleanup_ruleset_ struct ruleset *ruleset = NULL;
	struct rule_files files = {0};
	int r = TOOL_ERROR;

	if (argc < 2) {
		fprintf(stderr, "usage: sekimori-policy check FILE…\n");
		return TOOL_USAGE;
	}
	if (rule_files_read(&files, argv + 1, (size_t)argc - 1) == 0)
		r = rule_files_compile(&files, RULESET_WARN, &ruleset);
	rule_files_fini(&files);
	return r;
}
